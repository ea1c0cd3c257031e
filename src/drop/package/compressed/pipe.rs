//! Unpacking on a thread of its own: buffers go to whoever reads, and come back to be filled again.

use super::{Fault, Halt, Input, Packing, unpack};
use crate::drop::package::tar::{Feed, Stop};
use crate::drop::package::window::Window;
use crate::drop::{Oddity, SourceError};
use crate::limits;
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// A buffer and how much of it counts.
struct Filled {
    buffer: Vec<u8>,
    length: usize,
}

/// Where unpacked bytes go.
pub(super) struct Output {
    sender: SyncSender<Result<Filled, Halt>>,
    used: Receiver<Vec<u8>>,
    buffer: Vec<u8>,
    filled: usize,
    made: u64,
    most: u64,
}

impl Output {
    /// Room for the next bytes; never none.
    pub(super) fn room(&mut self) -> Result<&mut [u8], Halt> {
        if self.filled == self.buffer.len() {
            self.flush()?;
        }
        Ok(self.buffer.get_mut(self.filled..).unwrap_or_default())
    }

    /// So many bytes of the room hold something now.
    pub(super) fn made(&mut self, bytes: usize) -> Result<(), Halt> {
        self.filled = self.filled.saturating_add(bytes).min(self.buffer.len());
        self.made = self.made.saturating_add(bytes as u64);
        if self.made > self.most { Err(Fault::TooMuch { most: self.most }.into()) } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        if self.filled == 0 && !self.buffer.is_empty() {
            return Ok(());
        }
        let next = self.used.try_recv().unwrap_or_else(|_| vec![0; limits::UNPACKED_BUFFER_BYTES]);
        let filled = Filled { buffer: std::mem::replace(&mut self.buffer, next), length: self.filled };
        self.filled = 0;
        if filled.length == 0 {
            return Ok(());
        }
        self.sender.send(Ok(filled)).map_err(|_| Halt::Unwanted)
    }
}

/// The unpacked bytes of a stream.
pub(in crate::drop::package) struct Unpacked<'p> {
    receiver: Receiver<Result<Filled, Halt>>,
    used: Sender<Vec<u8>>,
    current: Filled,
    from: usize,
    shown: &'p str,
}

/// Unpacks the window on another thread while `reader` reads what comes out. When `reader` returns, unpacking ends.
///
/// # Errors
/// When the system gives no thread.
pub(in crate::drop::package) fn unpacking<T>(
    window: &Window,
    packing: Packing,
    shown: &str,
    reader: impl FnOnce(Unpacked<'_>) -> T,
) -> Result<T, SourceError> {
    let (sender, receiver) = sync_channel(limits::UNPACKED_BUFFERS);
    let (give_back, used) = channel();
    std::thread::scope(|scope| {
        let unpacks = move || {
            let most = window.size().saturating_mul(limits::PACKAGE_RATIO);
            let most = most.clamp(limits::PACKAGE_FREE_BYTES, limits::UNPACKED_BYTES);
            let mut output = Output { sender, used, buffer: Vec::new(), filled: 0, made: 0, most };
            if let Err(halt) = unpack(packing, &mut Input::new(window), &mut output) {
                // What was unpacked before a fault is listed.
                let _ = output.flush();
                let _ = output.sender.send(Err(halt));
            }
        };
        std::thread::Builder::new().spawn_scoped(scope, unpacks).map_err(|why| SourceError::Unreadable {
            doing: "start a thread to unpack",
            shown: shown.to_owned(),
            why,
        })?;
        let current = Filled { buffer: Vec::new(), length: 0 };
        Ok(reader(Unpacked { receiver, used: give_back, current, from: 0, shown }))
    })
}

impl Unpacked<'_> {
    /// Makes sure that there is something in the current buffer, unless the stream is at its end.
    fn fill(&mut self) -> Result<(), Stop> {
        while self.from == self.current.length {
            let next = match self.receiver.recv() {
                Ok(Ok(next)) => next,
                Ok(Err(halt)) => return Err(self.stop(halt)),
                // Everything was sent.
                Err(_) => return Ok(()),
            };
            let before = std::mem::replace(&mut self.current, next);
            self.from = 0;
            // The first one was only a place for the next. The other side may be done.
            if !before.buffer.is_empty() {
                let _ = self.used.send(before.buffer);
            }
        }
        Ok(())
    }

    fn stop(&self, halt: Halt) -> Stop {
        let failed = |why| {
            let shown = self.shown.to_owned();
            Stop::Failed(SourceError::Unreadable { doing: "unpack", shown, why })
        };
        match halt {
            Halt::Fault(fault) => Stop::Odd(Oddity::Compressed(fault)),
            Halt::Changed => Stop::Changed,
            Halt::Failed(why) => failed(why),
            Halt::Unwanted => failed(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Feed for Unpacked<'_> {
    fn next(&mut self, most: usize) -> Result<&[u8], Stop> {
        self.fill()?;
        let to = self.from.saturating_add(most).min(self.current.length);
        let bytes = self.current.buffer.get(self.from..to).unwrap_or_default();
        self.from = to;
        Ok(bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<u64, Stop> {
        let mut left = bytes;
        while left > 0 {
            let passed = self.next(usize::try_from(left).unwrap_or(usize::MAX))?.len();
            if passed == 0 {
                break;
            }
            left = left.saturating_sub(passed as u64);
        }
        Ok(bytes.saturating_sub(left))
    }
}
