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

/// Does `one` with each wanted file, on at most `threads` threads at once. Answers come in the order of `wanted`; of
/// several failures the first in that order is given.
pub(crate) fn each<T: Send + Sync>(
    wanted: &[Wanted<'_>],
    threads: usize,
    progress: &dyn Progress,
    one: impl Fn(&Wanted<'_>, &mut [u8]) -> Outcome<T> + Sync,
) -> Result<Vec<Result<T, Disturbance>>, SourceError> {
    let bytes = wanted.iter().fold(0_u64, |sum, wanted| sum.saturating_add(wanted.entry.size));
    progress.total(wanted.len() as u64, bytes);

    // The sort is stable: all that is not large keeps the order of the listing, as a disk likes it.
    let mut order: Vec<(usize, &Wanted<'_>)> = wanted.iter().enumerate().collect();
    order.sort_by_key(|(_, wanted)| Reverse(wanted.entry.size >> LARGE_SHIFT));

    // Each thread takes the next file when it is done with one, so that sizes need not be guessed.
    let next = AtomicUsize::new(0);
    let first_failure = AtomicUsize::new(usize::MAX);
    // A slot for each file, so that results need neither collecting nor sorting.
    let slots: Vec<OnceLock<Result<T, Disturbance>>> = wanted.iter().map(|_| OnceLock::new()).collect();
    let failures = Mutex::new(BTreeMap::new());
    rayon::broadcast(|thread| {
        if thread.index() >= threads.max(1) {
            return;
        }
        let mut buffer = vec![0; limits::READ_BUFFER_BYTES];
        while let Some((index, wanted)) = order.get(next.fetch_add(1, Relaxed)) {
            // After a failure only what precedes it matters: the first of all is the one to name.
            if *index > first_failure.load(Relaxed) {
                continue;
            }
            match one(wanted, &mut buffer) {
                Ok(outcome) => {
                    // Each index is handed out once.
                    let _ = slots.get(*index).map(|slot| slot.set(outcome));
                    progress.file_done();
                }
                Err(error) => {
                    first_failure.fetch_min(*index, Relaxed);
                    failures.lock().unwrap_or_else(PoisonError::into_inner).insert(*index, error);
                }
            }
        }
    });
    drop(order);

    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, first)) = failures.into_iter().next() {
        return Err(first);
    }
    // A slot that nobody filled is not known to match anything.
    Ok(slots.into_iter().map(|slot| slot.into_inner().unwrap_or(Err(Disturbance::Vanished))).collect())
}
