//! Streams that are compressed as a whole: gzip (RFC 1952), and where they are built in Zstandard (RFC 8878) and xz
//! (The .xz File Format 1.2.1).
//!
//! A stream may be of several parts one after the other (members, frames, streams), as parallel packers write it: every
//! common reader joins them. What no reader unpacks is refused: bytes after the last part, skippable frames, comments. Every
//! check sum is checked. How much comes out is bounded by what went in.

pub(super) mod fault;
mod gzip;
pub(super) mod pipe;
#[cfg(feature = "xz")]
mod xz;
#[cfg(feature = "zstd")]
mod zstd;

pub use fault::Fault;

use super::window::Window;
use crate::limits;
use pipe::Output;
use std::io;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
    #[cfg(feature = "xz")]
    Xz,
}

impl Packing {
    /// Tells it by the first bytes of a file.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            #[cfg(feature = "zstd")]
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            #[cfg(feature = "xz")]
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }
}

/// Why a stream was not unpacked to its end.
#[derive(Debug)]
enum Halt {
    Fault(Fault),
    /// The file has fewer bytes than it had.
    Changed,
    Failed(io::Error),
    /// Nobody wants the rest.
    Unwanted,
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn unpack(packing: Packing, input: &mut Input<'_>, output: &mut Output) -> Result<(), Halt> {
    match packing {
        Packing::Gzip => gzip::unpack(input, output)?,
        #[cfg(feature = "zstd")]
        Packing::Zstd => zstd::unpack(input, output)?,
        #[cfg(feature = "xz")]
        Packing::Xz => xz::unpack(input, output)?,
    }
    output.flush()
}

/// The packed bytes, read ahead.
struct Input<'w> {
    window: &'w Window,
    /// Where in the window the buffer ends.
    at: u64,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
}

impl<'w> Input<'w> {
    fn new(window: &'w Window) -> Self {
        Self { window, at: 0, buffer: vec![0; limits::READ_BUFFER_BYTES], from: 0, to: 0 }
    }

    /// Where the next byte is.
    fn position(&self) -> u64 {
        self.at.saturating_sub(self.to.saturating_sub(self.from) as u64)
    }

    /// Bytes that are there and were not taken; none at the end.
    fn ahead(&mut self) -> Result<&[u8], Halt> {
        if self.from == self.to {
            let read = self.window.read_at(self.at, &mut self.buffer).map_err(Halt::Failed)?.len();
            if read == 0 && self.at < self.window.size() {
                return Err(Halt::Changed);
            }
            (self.from, self.to) = (0, read);
            self.at = self.at.saturating_add(read as u64);
        }
        Ok(self.buffer.get(self.from..self.to).unwrap_or_default())
    }

    fn take(&mut self, bytes: usize) {
        self.from = self.from.saturating_add(bytes).min(self.to);
    }

    /// The next byte, which must be there.
    fn byte(&mut self) -> Result<u8, Halt> {
        let at = self.position();
        let byte = self.ahead()?.first().copied().ok_or(Fault::CutShort { at })?;
        self.take(1);
        Ok(byte)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Halt> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    fn is_at_end(&mut self) -> Result<bool, Halt> {
        Ok(self.ahead()?.is_empty())
    }
}
