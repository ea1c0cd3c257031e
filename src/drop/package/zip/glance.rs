//! Short looks at a package while it is listed, mostly at one place after the other.

use super::Fault;
use crate::drop::SourceError;
use crate::drop::package::window::Window;
use std::io;

/// Why listing stops.
#[derive(Debug)]
pub(super) enum Halt {
    /// The package is at fault, so that the rest of it can't be listed.
    Faulty(Fault),
    /// The file ends before the size that it had when it was opened.
    Short,
    /// The system can't read it.
    Unreadable(io::Error),
    /// The gate can't hold it.
    Source(SourceError),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Faulty(fault)
    }
}

/// A window, and a buffer with what was seen last and what follows it.
pub(super) struct Glance<'w> {
    window: &'w Window,
    buffer: Vec<u8>,
    at: u64,
    filled: usize,
}

impl<'w> Glance<'w> {
    /// Reads so many bytes at a time.
    pub(super) fn new(window: &'w Window, ahead: usize) -> Self {
        Self { window, buffer: vec![0; ahead], at: 0, filled: 0 }
    }

    /// The `count` bytes from `at` on; `None` where they would pass `end`, which the window has.
    pub(super) fn get(&mut self, at: u64, count: usize, end: u64) -> Result<Option<&[u8]>, Halt> {
        if at.checked_add(count as u64).is_none_or(|past| past > end) {
            return Ok(None);
        }
        let known = at.checked_sub(self.at).and_then(|skip| usize::try_from(skip).ok());
        let known = known.filter(|skip| skip.checked_add(count).is_some_and(|past| past <= self.filled));
        let start = match known {
            Some(start) => start,
            None => {
                if self.buffer.len() < count {
                    self.buffer.resize(count, 0);
                }
                self.filled = self.window.read_at(at, &mut self.buffer).map_err(Halt::Unreadable)?.len();
                self.at = at;
                0
            }
        };
        let held = self.buffer.get(..self.filled).and_then(|held| held.get(start..)?.get(..count));
        held.ok_or(Halt::Short).map(Some)
    }
}
