//! A part of a file, read by position, so that many threads read one handle.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Some bytes of an open file, which positions count from. No file but the outermost and a spooled one is opened.
#[derive(Debug, Clone)]
pub(super) struct Window {
    file: Arc<File>,
    start: u64,
    size: u64,
}

impl Window {
    pub(super) fn new(file: Arc<File>, size: u64) -> Self {
        Self { file, start: 0, size }
    }

    /// How many bytes there were when the file was looked at.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// A part of it; `None` where it has not so much.
    pub(super) fn part(&self, at: u64, size: u64) -> Option<Self> {
        let end = at.checked_add(size)?;
        (end <= self.size).then_some(())?;
        Some(Self { file: Arc::clone(&self.file), start: self.start.checked_add(at)?, size })
    }

    /// Reads what is there from `at` on, until the buffer is full, the window ends, or the file does. The answer is
    /// shorter than the buffer at an end alone.
    pub(super) fn read_at<'b>(&self, at: u64, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..wanted).filter(|rest| !rest.is_empty()) {
            let position = self.start.saturating_add(at).saturating_add(filled as u64);
            match self.file.read_at(rest, position) {
                Ok(0) => break,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(buffer.get(..filled).unwrap_or_default())
    }
}
