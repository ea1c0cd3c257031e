//! Hashing the files of a drop, two at a time by each thread.
//!
//! A core hashes two files together in two thirds of the time that it takes for one after the other
//! ([`sha256`](crate::digest::sha256)). So each thread has two lanes, each with a file and a buffer of its own. Both
//! lanes advance by as many bytes as both have ready; a lane that has none reads on, or takes the next file. What
//! happens to one file says nothing about the one beside it.

use super::schedule::{Outcome, Queue};
use super::{Disturbance, Entry, Progress, SourceError, Wanted};
use crate::digest::{Computed, DigestSet, Hashers};
use crate::limits;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Both lanes advance by whole blocks of SHA-256 where they can: part of a block is hashed apart.
const BLOCK_BYTES: usize = 64;

/// What gives the bytes of listed files.
pub(super) trait Opens: Sync {
    /// A file between its first byte and its last.
    type Reading<'d>: Reads
    where
        Self: 'd;

    /// Opens a listed file. A thread that has another one open does not call this: it may wait for a descriptor.
    fn begin<'d>(&'d self, entry: &'d Entry) -> Outcome<Self::Reading<'d>>;

    /// The same for a thread that has another file open: `None` where no descriptor is left.
    fn begin_beside<'d>(
        &'d self,
        entry: &'d Entry,
    ) -> Result<Option<Result<Self::Reading<'d>, Disturbance>>, SourceError>;
}

/// What is read from its first byte to its last.
pub(super) trait Reads {
    /// Puts the next bytes at the start of the buffer, and says how many. None are left where it says none, and only
    /// then are all of them known to be the listed file's.
    fn next(&mut self, buffer: &mut [u8]) -> Outcome<usize>;
}

pub(super) fn digest<O: Opens>(
    from: &O,
    wanted: &[Wanted<'_>],
    progress: &dyn Progress,
) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
    let queue = Queue::new(wanted, progress);
    let started = AtomicUsize::new(0);
    rayon::broadcast(|thread| {
        let threads = thread.num_threads();
        let mut buffer = vec![0; limits::READ_BUFFER_BYTES];
        let (one, other) = buffer.split_at_mut(limits::READ_BUFFER_BYTES / 2);
        Worker { from, queue: &queue, progress, started: &started, threads }.run(one, other);
    });
    queue.answers()
}

struct Worker<'w, O: Opens> {
    from: &'w O,
    queue: &'w Queue<'w, DigestSet<Computed>>,
    progress: &'w dyn Progress,
    /// Threads that have taken a file, or found none.
    started: &'w AtomicUsize,
    threads: usize,
}

/// One of the two files that a thread works at.
struct Lane<'w, 'b, O: Opens + 'w> {
    buffer: &'b mut [u8],
    /// What of the buffer is read and not yet hashed.
    ready: Range<usize>,
    job: Option<Job<'w, O>>,
}

struct Job<'w, O: Opens + 'w> {
    index: usize,
    wanted: &'w Wanted<'w>,
    hashers: Hashers,
    /// `None` until a descriptor is free for it.
    reading: Option<O::Reading<'w>>,
}

enum Next {
    /// So many bytes are in the buffer; never none.
    Bytes(usize),
    /// All bytes were read before, and they are the listed file's.
    End,
    NoDescriptor,
}

impl<'w, O: Opens> Worker<'w, O> {
    fn run(&self, one: &mut [u8], other: &mut [u8]) {
        let mut one = Lane { buffer: one, ready: 0..0, job: self.take() };
        let mut other = Lane { buffer: other, ready: 0..0, job: None };
        self.started.fetch_add(1, Relaxed);
        loop {
            self.refill(&mut one, &other);
            self.refill(&mut other, &one);
            if one.job.is_none() && other.job.is_none() {
                return;
            }
            advance(&mut one, &mut other);
        }
    }

    fn take(&self) -> Option<Job<'w, O>> {
        let (index, wanted) = self.queue.take()?;
        Some(Job { index, wanted, hashers: Hashers::new(wanted.algorithms), reading: None })
    }

    /// The next file for a lane. No thread takes a second one before each has its first: of two images, two
    /// cores take one each.
    fn take_beside(&self, beside: &Lane<'_, '_, O>) -> Option<Job<'w, O>> {
        if beside.job.is_some() && self.started.load(Relaxed) < self.threads {
            return None;
        }
        self.take()
    }

    /// Gets bytes into a lane that has none ready. Without effect, no file is left for now, or no descriptor.
    fn refill(&self, lane: &mut Lane<'w, '_, O>, beside: &Lane<'_, '_, O>) {
        while lane.ready.is_empty() {
            if lane.job.is_none() {
                lane.job = self.take_beside(beside);
            }
            let Some(job) = &mut lane.job else { return };
            let over = match self.next(job, lane.buffer, beside) {
                Ok(Ok(Next::NoDescriptor)) => return,
                Ok(Ok(Next::Bytes(count))) => {
                    self.progress.read(count as u64);
                    lane.ready = 0..count;
                    return;
                }
                Ok(Ok(Next::End)) => Ok(Ok(())),
                Ok(Err(disturbance)) => Ok(Err(disturbance)),
                Err(error) => Err(error),
            };
            if let Some(Job { index, hashers, reading, .. }) = lane.job.take() {
                drop(reading);
                self.queue.settle(index, over.map(|whole| whole.map(|()| hashers.finish())));
            }
        }
    }

    fn next(&self, job: &mut Job<'w, O>, buffer: &mut [u8], beside: &Lane<'_, '_, O>) -> Outcome<Next> {
        let entry = job.wanted.entry;
        let reading = match &mut job.reading {
            Some(reading) => reading,
            none => {
                // Only who holds no descriptor may wait for one.
                let begun = if beside.holds_a_descriptor() {
                    self.from.begin_beside(entry)?
                } else {
                    Some(self.from.begin(entry)?)
                };
                match begun {
                    Some(Ok(reading)) => none.insert(reading),
                    Some(Err(disturbance)) => return Ok(Err(disturbance)),
                    None => return Ok(Ok(Next::NoDescriptor)),
                }
            }
        };
        Ok(reading.next(buffer)?.map(|count| if count == 0 { Next::End } else { Next::Bytes(count) }))
    }
}

impl<O: Opens> Lane<'_, '_, O> {
    fn holds_a_descriptor(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.reading.is_some())
    }

    /// Gives the next `count` bytes that are ready, and whose they are.
    fn give(&mut self, count: usize) -> Option<(&mut Hashers, &[u8])> {
        let end = self.ready.start.saturating_add(count).min(self.ready.end);
        let bytes = self.buffer.get(self.ready.start..end)?;
        self.ready.start = end;
        Some((&mut self.job.as_mut()?.hashers, bytes))
    }
}

/// Hashes what both lanes have ready, as far as the shorter goes; alone what has no company.
fn advance<'w, 'b, O: Opens>(one: &mut Lane<'w, 'b, O>, other: &mut Lane<'w, 'b, O>) {
    let (ready, beside) = (one.ready.len(), other.ready.len());
    let common = ready.min(beside) & !(BLOCK_BYTES - 1);
    if common > 0 {
        if let (Some(first), Some(second)) = (one.give(common), other.give(common)) {
            Hashers::update_two(first, second);
        }
        return;
    }
    let alone = if ready > 0 && (beside == 0 || ready <= beside) { one } else { other };
    if let Some((hashers, bytes)) = alone.give(usize::MAX) {
        hashers.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Algorithms};
    use crate::drop::directory::Directory;
    use crate::drop::{Inventory, NoProgress, Source};
    use std::fs::{self, File};
    use std::path::Path;
    use tempfile::TempDir;

    fn drop_of(files: &[(&str, Vec<u8>)]) -> (TempDir, Directory, Inventory) {
        let dir = tempfile::tempdir().unwrap();
        for (path, contents) in files {
            fs::write(dir.path().join(path), contents).unwrap();
        }
        let source = Directory::open(dir.path()).unwrap();
        let inventory = source.inventory().unwrap();
        (dir, source, inventory)
    }

    fn sha256() -> Algorithms {
        Algorithms::default().with(Algorithm::Sha256)
    }

    fn alone(algorithms: Algorithms, contents: &[u8]) -> DigestSet<Computed> {
        let mut hashers = Hashers::new(algorithms);
        hashers.update(contents);
        hashers.finish()
    }

    fn with_threads<T: Send>(threads: usize, act: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(act)
    }

    #[test]
    fn files_of_any_size_have_the_digests_that_each_has_alone() {
        let lane = limits::READ_BUFFER_BYTES / 2;
        let sizes =
            [0, 1, 63, 64, 65, 1000, lane - 1, lane, lane + 1, 2 * lane, 2 * lane + 63, 3 * lane + 100];
        let names: Vec<String> = (0..sizes.len() * 3).map(|number| format!("{number:02}")).collect();
        let files: Vec<(&str, Vec<u8>)> = (0_u8..)
            .zip(&names)
            .zip(sizes.into_iter().cycle())
            .map(|((seed, name), size)| {
                (name.as_str(), (0..size).map(|at: usize| at.to_le_bytes()[0] ^ seed).collect())
            })
            .collect();
        let (_dir, source, inventory) = drop_of(&files);
        // Most files have SHA-256 alone; some have more, or everything but that.
        let sets = [
            sha256(),
            sha256(),
            Algorithm::ALL.into_iter().fold(sha256(), Algorithms::with),
            Algorithms::default().with(Algorithm::Blake3),
        ];
        let wanted: Vec<Wanted<'_>> = inventory
            .files
            .iter()
            .zip(sets.into_iter().cycle())
            .map(|(entry, algorithms)| Wanted { entry, algorithms })
            .collect();
        for threads in 1..=4 {
            let found = with_threads(threads, || digest(&source, &wanted, &NoProgress)).unwrap();
            for ((wanted, found), (name, contents)) in wanted.iter().zip(found).zip(&files) {
                assert_eq!(found, Ok(alone(wanted.algorithms, contents)), "{name}, {threads} threads");
            }
        }
    }

    /// Does something to a file when so many reads were made.
    struct Meanwhile<'p> {
        reads: AtomicUsize,
        at: usize,
        path: &'p Path,
        act: fn(File),
    }

    impl Progress for Meanwhile<'_> {
        fn total(&self, _: u64, _: u64) {}
        fn read(&self, _: u64) {
            if self.reads.fetch_add(1, Relaxed) == self.at {
                (self.act)(File::options().write(true).open(self.path).unwrap());
            }
        }
        fn file_done(&self) {}
    }

    #[test]
    fn a_change_of_one_file_says_nothing_about_the_one_beside_it() {
        let lane = limits::READ_BUFFER_BYTES / 2;
        let attacks = [
            ("cut", (|file| file.set_len(5).unwrap()) as fn(File)),
            ("grown", |file| file.set_len(1 << 30).unwrap()),
            ("touched", |file| file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap()),
        ];
        for (name, act) in attacks {
            // In either lane, at the first read, and at one at which both files are open.
            for (changed, at) in [(0, 0), (0, 2), (1, 2), (1, 3)] {
                let files = ["a", "b", "c"].map(|name| (name, vec![b'x'; lane * 5 + 7]));
                let (dir, source, inventory) = drop_of(&files);
                let wanted: Vec<Wanted<'_>> =
                    inventory.files.iter().map(|entry| Wanted { entry, algorithms: sha256() }).collect();
                // Past one tick of the file system's clock.
                std::thread::sleep(std::time::Duration::from_millis(20));
                let path = dir.path().join(files[changed].0);
                let meanwhile = Meanwhile { reads: AtomicUsize::new(0), at, path: &path, act };
                let found = with_threads(1, || digest(&source, &wanted, &meanwhile)).unwrap();
                for (index, found) in found.into_iter().enumerate() {
                    let expected = if index == changed {
                        Err(Disturbance::Changed)
                    } else {
                        Ok(alone(sha256(), &files[index].1))
                    };
                    assert_eq!(found, expected, "{name}, file {changed} at read {at}: file {index}");
                }
                let reads = meanwhile.reads.load(Relaxed);
                assert!(reads <= 3 * 7, "{name}: a file that grows was read on: {reads} reads");
            }
        }
    }

    #[test]
    fn nobody_takes_a_second_file_before_each_thread_has_one() {
        let (_dir, source, inventory) = drop_of(&[("a", vec![1]), ("b", vec![2])]);
        let wanted: Vec<Wanted<'_>> =
            inventory.files.iter().map(|entry| Wanted { entry, algorithms: sha256() }).collect();
        let queue = Queue::new(&wanted, &NoProgress);
        let started = AtomicUsize::new(1);
        let worker =
            Worker { from: &source, queue: &queue, progress: &NoProgress, started: &started, threads: 2 };
        let one = Lane { buffer: &mut [], ready: 0..0, job: worker.take() };
        assert!(worker.take_beside(&one).is_none());
        started.store(2, Relaxed);
        assert!(worker.take_beside(&one).is_some());
    }
}
