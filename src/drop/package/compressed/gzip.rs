//! RFC 1952, by members; the data in them is inflated by zlib-rs.

use super::{Fault, Halt, Input, Output};
use crate::limits;
use flate2::{Crc, Decompress, FlushDecompress, Status};

const DEFLATE: u8 = 8;
/// Flags (2.3.1). The lowest one claims that the data is text, and changes nothing.
const HAS_HEADER_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

pub(super) fn unpack(input: &mut Input<'_>, output: &mut Output) -> Result<(), Halt> {
    let mut inflate = Decompress::new(false);
    let mut first = true;
    while first || !input.is_at_end()? {
        header(input, first)?;
        first = false;
        inflate.reset(false);
        member(&mut inflate, input, output)?;
    }
    Ok(())
}

fn header(input: &mut Input<'_>, first: bool) -> Result<(), Halt> {
    let at = input.position();
    let mut header = Header { input, crc: Crc::new() };
    if header.bytes()? != [0x1f, 0x8b] {
        return Err(Halt::Fault(if first {
            Fault::Header { at, expected: "the mark of gzip" }
        } else {
            Fault::Trailing { at }
        }));
    }
    let [method, flags, ..]: [u8; 8] = header.bytes()?;
    if method != DEFLATE || flags & RESERVED != 0 {
        return Err(Fault::Header { at, expected: "deflate and no reserved flag" }.into());
    }
    if flags & HAS_EXTRA != 0 {
        header.extra(at)?;
    }
    if flags & HAS_NAME != 0 {
        // The name of what was compressed, which gzip writes. No entry comes from it.
        let mut length = 0_usize;
        while header.bytes()? != [0] {
            length = length.saturating_add(1);
            if length > limits::COMPONENT_BYTES {
                return Err(Fault::Hidden { what: "a name longer than names are", at }.into());
            }
        }
    }
    if flags & HAS_COMMENT != 0 {
        return Err(Fault::Hidden { what: "a comment", at }.into());
    }
    if flags & HAS_HEADER_CRC != 0 {
        let found = header.crc.sum() & 0xffff;
        let expected = u32::from(u16::from_le_bytes(header.input.bytes()?));
        if expected != found {
            return Err(Fault::Header { at, expected: "the CRC-16 of the header" }.into());
        }
    }
    Ok(())
}

struct Header<'i, 'w> {
    input: &'i mut Input<'w>,
    crc: Crc,
}

impl Header<'_, '_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Halt> {
        let bytes = self.input.bytes()?;
        self.crc.update(&bytes);
        Ok(bytes)
    }

    /// The one field that is in use: bgzip's, which says how long the member is.
    fn extra(&mut self, at: u64) -> Result<(), Halt> {
        let refused = Fault::Hidden { what: "an extra field", at };
        if self.bytes()? != [6, 0] || self.bytes()? != [b'B', b'C', 2, 0] {
            return Err(refused.into());
        }
        let _: [u8; 2] = self.bytes()?;
        Ok(())
    }
}

fn member(inflate: &mut Decompress, input: &mut Input<'_>, output: &mut Output) -> Result<(), Halt> {
    let mut crc = Crc::new();
    loop {
        let at = input.position();
        let bytes = input.ahead()?;
        let at_end = bytes.is_empty();
        let (taken, made) = (inflate.total_in(), inflate.total_out());
        let room = output.room()?;
        let status = inflate.decompress(bytes, room, FlushDecompress::None).map_err(|_| Fault::Garbled {
            at: at.saturating_add(bytes.len() as u64),
            why: "it is not deflated data",
        })?;
        let taken = usize::try_from(inflate.total_in().saturating_sub(taken)).unwrap_or(usize::MAX);
        let made = usize::try_from(inflate.total_out().saturating_sub(made)).unwrap_or(usize::MAX);
        crc.update(room.get(..made).unwrap_or_default());
        output.made(made)?;
        input.take(taken);
        match status {
            Status::StreamEnd => break,
            _ if at_end && made == 0 => return Err(Fault::CutShort { at }.into()),
            _ if taken == 0 && made == 0 && !at_end => {
                return Err(Fault::Garbled { at, why: "it leads nowhere" }.into());
            }
            _ => {}
        }
    }
    let (expected, found) = (u32::from_le_bytes(input.bytes()?), crc.sum());
    if expected != found {
        return Err(Fault::CheckSum { expected, found }.into());
    }
    let (expected, found) = (u32::from_le_bytes(input.bytes()?), crc.amount());
    if expected != found {
        return Err(Fault::Size { expected, found }.into());
    }
    Ok(())
}
