//! Many files, each streamed once, by all threads.

use super::{Disturbance, Progress, SourceError, Wanted};
use crate::limits;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Files of this many bytes (as a power of two) and more are taken first, the largest at the very front: one image
/// found last would keep one thread busy long after the others are done.
const LARGE_SHIFT: u32 = 26;

/// What is done with one file, through the thread's own buffer.
pub(crate) type Outcome<T> = Result<Result<T, Disturbance>, SourceError>;

/// Files that wait to be taken, and what became of those that were.
pub(crate) struct Queue<'w, T> {
    order: Vec<(usize, &'w Wanted<'w>)>,
    /// Each thread takes the next file when it is done with one, so that sizes need not be guessed.
    next: AtomicUsize,
    first_failure: AtomicUsize,
    failures: Mutex<BTreeMap<usize, SourceError>>,
    /// A slot for each file, so that results need neither collecting nor sorting.
    slots: Vec<OnceLock<Result<T, Disturbance>>>,
    progress: &'w dyn Progress,
}

impl<'w, T> Queue<'w, T> {
    pub(super) fn new(wanted: &'w [Wanted<'w>], progress: &'w dyn Progress) -> Self {
        let bytes = wanted.iter().fold(0_u64, |sum, wanted| sum.saturating_add(wanted.entry.size));
        progress.total(wanted.len() as u64, bytes);
        // The sort is stable: all that is not large keeps the order of the listing, as a disk likes it.
        let mut order: Vec<(usize, &Wanted<'_>)> = wanted.iter().enumerate().collect();
        order.sort_by_key(|(_, wanted)| Reverse(wanted.entry.size >> LARGE_SHIFT));
        Self {
            order,
            next: AtomicUsize::new(0),
            first_failure: AtomicUsize::new(usize::MAX),
            failures: Mutex::new(BTreeMap::new()),
            slots: wanted.iter().map(|_| OnceLock::new()).collect(),
            progress,
        }
    }

    /// Hands out the next file, each one once, with its place in the order of answers.
    pub(super) fn take(&self) -> Option<(usize, &'w Wanted<'w>)> {
        loop {
            let (index, wanted) = *self.order.get(self.next.fetch_add(1, Relaxed))?;
            // After a failure only what precedes it matters: the first of all is the one to name.
            if index <= self.first_failure.load(Relaxed) {
                return Some((index, wanted));
            }
        }
    }

    /// Takes what became of a file that was handed out.
    pub(super) fn settle(&self, index: usize, outcome: Outcome<T>) {
        match outcome {
            Ok(outcome) => {
                // Each index is handed out once.
                let _ = self.slots.get(index).map(|slot| slot.set(outcome));
                self.progress.file_done();
            }
            Err(error) => {
                self.first_failure.fetch_min(index, Relaxed);
                self.failures.lock().unwrap_or_else(PoisonError::into_inner).insert(index, error);
            }
        }
    }

    /// The answers in the order of what was wanted; of several failures the first in that order.
    pub(super) fn answers(self) -> Result<Vec<Result<T, Disturbance>>, SourceError> {
        drop(self.order);
        let failures = self.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, first)) = failures.into_iter().next() {
            return Err(first);
        }
        // A slot that nobody filled is not known to match anything.
        let slots = self.slots.into_iter();
        Ok(slots.map(|slot| slot.into_inner().unwrap_or(Err(Disturbance::Vanished))).collect())
    }
}

/// Does `one` with each wanted file, on at most `threads` threads at once. Answers come in the order of `wanted`; of
/// several failures the first in that order is given.
pub(crate) fn each<T: Send + Sync>(
    wanted: &[Wanted<'_>],
    threads: usize,
    progress: &dyn Progress,
    one: impl Fn(&Wanted<'_>, &mut [u8]) -> Outcome<T> + Sync,
) -> Result<Vec<Result<T, Disturbance>>, SourceError> {
    let queue = Queue::new(wanted, progress);
    rayon::broadcast(|thread| {
        if thread.index() >= threads.max(1) {
            return;
        }
        let mut buffer = vec![0; limits::READ_BUFFER_BYTES];
        while let Some((index, wanted)) = queue.take() {
            queue.settle(index, one(wanted, &mut buffer));
        }
    });
    queue.answers()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithms;
    use crate::drop::directory::Directory;
    use crate::drop::{NoProgress, Source};
    use std::io::ErrorKind;

    #[test]
    fn the_first_failure_is_named_and_what_follows_it_is_not_begun() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "d", "e"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let inventory = Directory::open(dir.path()).unwrap().inventory().unwrap();
        let wanted: Vec<Wanted<'_>> =
            inventory.files.iter().map(|entry| Wanted { entry, algorithms: Algorithms::default() }).collect();
        let queue: Queue<'_, ()> = Queue::new(&wanted, &NoProgress);
        let taken: Vec<usize> = (0..4).map(|_| queue.take().unwrap().0).collect();
        assert_eq!(taken, [0, 1, 2, 3]);
        let failed = |name: &str| {
            Err(SourceError::Unreadable { doing: "read", shown: name.into(), why: ErrorKind::Other.into() })
        };
        queue.settle(3, failed("d"));
        queue.settle(1, failed("b"));
        queue.settle(2, failed("c"));
        queue.settle(0, Ok(Ok(())));
        assert!(queue.take().is_none(), "e follows a failure");
        let error = queue.answers().unwrap_err();
        assert!(matches!(&error, SourceError::Unreadable { shown, .. } if shown == "b"), "{error}");
    }
}
