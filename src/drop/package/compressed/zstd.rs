//! RFC 8878, by frames; the data in them is unpacked by libzstd.

use super::{Fault, Halt, Input, Output};
use crate::limits;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub(super) fn unpack(input: &mut Input<'_>, output: &mut Output) -> Result<(), Halt> {
    let failed = |_| Halt::Failed(std::io::ErrorKind::OutOfMemory.into());
    let mut context = DCtx::try_create().ok_or(()).map_err(failed)?;
    context
        .set_parameter(DParameter::WindowLogMax(limits::ZSTD_WINDOW_LOG))
        .map_err(|code| Halt::Failed(std::io::Error::other(get_error_name(code))))?;
    let mut first = true;
    while first || !input.is_at_end()? {
        mark(&mut context, input, output, first)?;
        first = false;
        frame(&mut context, input, output)?;
    }
    Ok(())
}

/// The four bytes before a frame, which the library gets too.
fn mark(context: &mut DCtx<'_>, input: &mut Input<'_>, output: &mut Output, first: bool) -> Result<(), Halt> {
    let at = input.position();
    let mark: [u8; 4] = input.bytes()?;
    match mark {
        FRAME => {}
        // Packers put indexes and lengths there; nothing stops a vendor from putting anything.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18] => return Err(Fault::Hidden { what: "a skippable frame", at }.into()),
        _ if first => return Err(Fault::Header { at, expected: "the mark of a frame" }.into()),
        _ => return Err(Fault::Trailing { at }.into()),
    }
    step(context, &mark, at, output).map(|_| ())
}

fn frame(context: &mut DCtx<'_>, input: &mut Input<'_>, output: &mut Output) -> Result<(), Halt> {
    loop {
        let at = input.position();
        let bytes = input.ahead()?;
        let at_end = bytes.is_empty();
        let (taken, made, is_whole) = step(context, bytes, at, output)?;
        input.take(taken);
        if is_whole {
            return Ok(());
        }
        if at_end && made == 0 {
            return Err(Fault::CutShort { at }.into());
        }
        if taken == 0 && made == 0 {
            return Err(Fault::Garbled { at, why: "it leads nowhere" }.into());
        }
    }
}

/// How many bytes were taken and how many made, and whether the frame is whole.
fn step(
    context: &mut DCtx<'_>,
    bytes: &[u8],
    at: u64,
    output: &mut Output,
) -> Result<(usize, usize, bool), Halt> {
    let mut from = InBuffer::around(bytes);
    let mut to = OutBuffer::around(output.room()?);
    let hint = context.decompress_stream(&mut to, &mut from).map_err(|code| {
        let why = get_error_name(code);
        if why.contains("too much memory") {
            return Fault::Memory { what: "the window", most: 1 << limits::ZSTD_WINDOW_LOG };
        }
        Fault::Garbled { at: at.saturating_add(bytes.len() as u64), why }
    })?;
    let (taken, made) = (from.pos(), to.pos());
    output.made(made)?;
    Ok((taken, made, hint == 0))
}
