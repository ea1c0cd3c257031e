//! The .xz File Format 1.2.1, by streams; the data in them is unpacked by liblzma, which compares blocks, index and footer.

use super::{Fault, Halt, Input, Output};
use crate::limits;
use liblzma::stream::{Action, Error, Status, Stream, TELL_UNSUPPORTED_CHECK};

pub(super) fn unpack(input: &mut Input<'_>, output: &mut Output) -> Result<(), Halt> {
    loop {
        stream(input, output)?;
        padding(input)?;
        if input.is_at_end()? {
            return Ok(());
        }
    }
}

fn stream(input: &mut Input<'_>, output: &mut Output) -> Result<(), Halt> {
    let begins = input.position();
    let failed = |_| Halt::Failed(std::io::ErrorKind::OutOfMemory.into());
    // A check that is not known would be left unchecked, if the library were not told otherwise.
    let mut stream =
        Stream::new_stream_decoder(limits::XZ_MEMORY_BYTES, TELL_UNSUPPORTED_CHECK).map_err(failed)?;
    loop {
        let at = input.position();
        let bytes = input.ahead()?;
        let at_end = bytes.is_empty();
        let (taken, made) = (stream.total_in(), stream.total_out());
        let room = output.room()?;
        let action = if at_end { Action::Finish } else { Action::Run };
        let status = stream
            .process(bytes, room, action)
            .map_err(|error| refusal(error, begins, at.saturating_add(bytes.len() as u64)))?;
        let taken = usize::try_from(stream.total_in().saturating_sub(taken)).unwrap_or(usize::MAX);
        let made = usize::try_from(stream.total_out().saturating_sub(made)).unwrap_or(usize::MAX);
        output.made(made)?;
        input.take(taken);
        match status {
            Status::StreamEnd => return Ok(()),
            _ if at_end && made == 0 => return Err(Fault::CutShort { at }.into()),
            Status::MemNeeded => return Err(Fault::Garbled { at, why: "it leads nowhere" }.into()),
            _ => {}
        }
    }
}

fn refusal(error: Error, begins: u64, at: u64) -> Halt {
    let garbled = |why| Halt::Fault(Fault::Garbled { at, why });
    match error {
        Error::MemLimit => Halt::Fault(Fault::Memory { what: "unpacking", most: limits::XZ_MEMORY_BYTES }),
        Error::Format if begins > 0 => Halt::Fault(Fault::Trailing { at: begins }),
        Error::Format => Halt::Fault(Fault::Header { at: begins, expected: "the mark of xz" }),
        Error::UnsupportedCheck | Error::NoCheck => garbled("its kind of check is not known"),
        Error::Options => garbled("it uses an option that is not known"),
        Error::Data => garbled("it is not what its checks say"),
        Error::Mem => Halt::Failed(std::io::ErrorKind::OutOfMemory.into()),
        Error::Program => Halt::Failed(std::io::Error::other("liblzma was used wrongly")),
    }
}

/// Zeros, four at a time (2.2).
fn padding(input: &mut Input<'_>) -> Result<(), Halt> {
    loop {
        let at = input.position();
        match input.ahead()?.first() {
            Some(0) => {
                if input.bytes()? != [0; 4] {
                    return Err(Fault::Trailing { at }.into());
                }
            }
            _ => return Ok(()),
        }
    }
}
