//! Unpacking on a thread of its own, ahead of whoever hashes.
//!
//! One large compressed entry keeps one thread busy, unpacking and hashing by turns, while the others have nothing to do.
//! With this the two overlap.

use super::unpack::{Unpacking, checked, unreadable};
use crate::drop::package::Outer;
use crate::drop::pairs::Reads;
use crate::drop::schedule::Outcome;
use crate::drop::{Disturbance, Entry};
use crate::limits;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Buffers that are filled before any is hashed: enough that neither side waits for the other's every step.
const BUFFERS: usize = 4;

/// An entry that a thread of its own unpacks. The thread ends when this is dropped.
pub(super) struct Ahead<'d> {
    outer: &'d Outer,
    entry: &'d Entry,
    full: Receiver<Filled>,
    empty: SyncSender<Vec<u8>>,
    /// What of the last buffer is not given yet.
    left: Option<(Vec<u8>, usize)>,
}

/// A buffer with so many bytes in it, or why there are none.
struct Filled {
    buffer: Vec<u8>,
    outcome: io::Result<Result<usize, Disturbance>>,
}

impl<'d> Ahead<'d> {
    /// Starts to unpack; `None` where no thread can be had.
    pub(super) fn start(mut unpacking: Unpacking, outer: &'d Outer, entry: &'d Entry) -> Option<Self> {
        let (filled, full) = sync_channel::<Filled>(BUFFERS);
        let (empty, emptied) = sync_channel::<Vec<u8>>(BUFFERS);
        for _ in 0..BUFFERS {
            empty.send(vec![0; limits::READ_BUFFER_BYTES]).ok()?;
        }
        let thread = std::thread::Builder::new().name("unpack".to_owned());
        let spawned = thread.spawn(move || {
            for mut buffer in emptied {
                let outcome = unpacking.next(&mut buffer);
                let over = !matches!(outcome, Ok(Ok(count)) if count > 0);
                if filled.send(Filled { buffer, outcome }).is_err() || over {
                    return;
                }
            }
        });
        spawned.ok()?;
        Some(Self { outer, entry, full, empty, left: None })
    }
}

impl Reads for Ahead<'_> {
    fn next(&mut self, buffer: &mut [u8]) -> Outcome<usize> {
        let (bytes, start) = match self.left.take() {
            Some(left) => left,
            None => {
                let Ok(Filled { buffer: mut bytes, outcome }) = self.full.recv() else {
                    // The thread is gone without a last word: nothing is known about the rest.
                    let why = io::Error::other("the thread that unpacks it ended");
                    return Err(unreadable("read", self.entry, why));
                };
                match outcome.map_err(|why| unreadable("read", self.entry, why))? {
                    Ok(count) if count > 0 => {
                        bytes.truncate(count);
                        (bytes, 0)
                    }
                    last => return checked(last, self.outer, self.entry),
                }
            }
        };
        let rest = bytes.get(start..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        let start = start.saturating_add(count);
        if start < bytes.len() {
            self.left = Some((bytes, start));
        } else {
            let mut bytes = bytes;
            bytes.resize(limits::READ_BUFFER_BYTES, 0);
            // The thread may have ended already.
            let _ = self.empty.send(bytes);
        }
        Ok(Ok(count))
    }
}
