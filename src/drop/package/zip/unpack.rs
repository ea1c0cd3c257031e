//! The bytes of an entry: read by position, unpacked, and held to what the package says of them.

use super::{Member, Method};
use crate::drop::package::window::Window;
use crate::drop::package::{Outer, Unpackable};
use crate::drop::pairs::Reads;
use crate::drop::schedule::Outcome;
use crate::drop::{Disturbance, Entry, Place, SourceError};
use crate::limits;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::io;
use std::ops::Range;

/// An entry between its first byte and its last.
pub(super) struct Unpacking {
    window: Window,
    crc: Crc,
    expected_crc: u32,
    size: u64,
    /// Packed bytes that were read.
    taken: u64,
    /// Unpacked bytes that were given.
    given: u64,
    inflating: Option<Inflating>,
}

struct Inflating {
    inflater: Decompress,
    input: Box<[u8]>,
    /// What of the input is read and not yet unpacked.
    ready: Range<usize>,
    ended: bool,
}

impl Unpacking {
    /// `None` for an entry of something else than this package.
    pub(super) fn of(window: &Window, entry: &Entry) -> Option<Self> {
        let Place::Zip(Member { at, packed, crc, method }) = entry.place else { return None };
        let inflating = (method == Method::Deflate).then(|| Inflating {
            inflater: Decompress::new(false),
            input: vec![0; limits::READ_BUFFER_BYTES / 2].into(),
            ready: 0..0,
            ended: false,
        });
        Some(Self {
            window: window.part(at, packed)?,
            crc: Crc::new(),
            expected_crc: crc,
            size: entry.size,
            taken: 0,
            given: 0,
            inflating,
        })
    }

    /// As [`Reads::next`], without a look at the file itself.
    pub(super) fn next(&mut self, buffer: &mut [u8]) -> io::Result<Result<usize, Disturbance>> {
        let read = if self.inflating.is_some() { self.inflate(buffer)? } else { self.copy(buffer)? };
        let count = match read {
            Ok(count) => count,
            Err(disturbance) => return Ok(Err(disturbance)),
        };
        self.given = self.given.saturating_add(count as u64);
        let wrong = |why| Ok(Err(Disturbance::Unpackable(why)));
        if self.given > self.size {
            return wrong(Unpackable::Size { expected: self.size, found: None });
        }
        if count > 0 {
            self.crc.update(buffer.get(..count).unwrap_or_default());
            return Ok(Ok(count));
        }
        if self.given < self.size {
            return wrong(Unpackable::Size { expected: self.size, found: Some(self.given) });
        }
        let (expected, found) = (self.expected_crc, self.crc.sum());
        if expected != found {
            return wrong(Unpackable::CheckSum { expected, found });
        }
        Ok(Ok(0))
    }

    fn copy(&mut self, buffer: &mut [u8]) -> io::Result<Result<usize, Disturbance>> {
        let left = self.window.size().saturating_sub(self.taken);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.window.read_at(self.taken, buffer)?.len();
        self.taken = self.taken.saturating_add(read as u64);
        Ok(if read < wanted { Err(Disturbance::Changed) } else { Ok(read) })
    }

    fn inflate(&mut self, buffer: &mut [u8]) -> io::Result<Result<usize, Disturbance>> {
        let wrong = |why| Ok(Err(Disturbance::Unpackable(why)));
        let Some(inflating) = &mut self.inflating else { return Ok(Ok(0)) };
        loop {
            if inflating.ended {
                let unread = self.window.size().saturating_sub(self.taken);
                let bytes = unread.saturating_add(inflating.ready.len() as u64);
                return if bytes > 0 { wrong(Unpackable::Surplus { bytes }) } else { Ok(Ok(0)) };
            }
            if inflating.ready.is_empty() {
                if self.taken == self.window.size() {
                    return wrong(Unpackable::CutShort);
                }
                let read = self.window.read_at(self.taken, &mut inflating.input)?.len();
                if read == 0 {
                    return Ok(Err(Disturbance::Changed));
                }
                self.taken = self.taken.saturating_add(read as u64);
                inflating.ready = 0..read;
            }
            match inflating.step(buffer) {
                Some(0) => {}
                Some(count) => return Ok(Ok(count)),
                None => return wrong(Unpackable::Garbled),
            }
        }
    }
}

impl Inflating {
    /// Unpacks some of what is ready; `None` where that can't be done. Without output some of the input is used up or
    /// the stream has ended, so that this comes to an end.
    fn step(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let input = self.input.get(self.ready.clone())?;
        let (before_in, before_out) = (self.inflater.total_in(), self.inflater.total_out());
        let status = self.inflater.decompress(input, buffer, FlushDecompress::None).ok()?;
        let used = usize::try_from(self.inflater.total_in().checked_sub(before_in)?).ok()?;
        let made = usize::try_from(self.inflater.total_out().checked_sub(before_out)?).ok()?;
        self.ready.start = self.ready.start.checked_add(used)?;
        self.ended = status == Status::StreamEnd;
        (made > 0 || used > 0 || self.ended).then_some(made)
    }
}

/// The same, and the file must be as it was when all was read.
pub(super) struct Reading<'d> {
    pub(super) unpacking: Unpacking,
    pub(super) outer: &'d Outer,
    pub(super) entry: &'d Entry,
}

impl<'d> Reading<'d> {
    pub(super) fn begin(window: &Window, outer: &'d Outer, entry: &'d Entry) -> Result<Self, Disturbance> {
        let unpacking = Unpacking::of(window, entry).ok_or(Disturbance::Replaced)?;
        Ok(Self { unpacking, outer, entry })
    }
}

impl Reads for Reading<'_> {
    fn next(&mut self, buffer: &mut [u8]) -> Outcome<usize> {
        let read = self.unpacking.next(buffer).map_err(|why| unreadable("read", self.entry, why))?;
        checked(read, self.outer, self.entry)
    }
}

/// After the last byte, looks whether all that was read is the file that was listed.
pub(super) fn checked(read: Result<usize, Disturbance>, outer: &Outer, entry: &Entry) -> Outcome<usize> {
    if read != Ok(0) || outer.is_unchanged().map_err(|why| unreadable("look at", entry, why))? {
        return Ok(read);
    }
    Ok(Err(Disturbance::Changed))
}

pub(super) fn unreadable(doing: &'static str, entry: &Entry, why: io::Error) -> SourceError {
    SourceError::Unreadable { doing, shown: entry.path.to_string(), why }
}
