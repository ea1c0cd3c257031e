//! A source that keeps what it gives: whatever is hashed or read of the drop is copied in the same breath, from the same
//! buffer, and what is looked at twice is looked at in the copy the second time. Where the file system can clone a file, it is
//! the clone that is hashed.

use super::staging::{Staging, not_copied};
use super::{DIRECTORY, MOVABLE, StoreError};
use crate::digest::{Computed, DigestSet, Hashers};
use crate::drop::directory::Directory;
use crate::drop::package::Package;
use crate::drop::path::DropPath;
use crate::drop::schedule::{self, Outcome};
use crate::drop::{Disturbance, Entry, Inventory, Progress, ReadRefusal, Source, SourceError, Wanted};
use crate::limits;
use rustix::fs::{Advice, fadvise, fchmod, fsync};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A drop that is copied into a staging as it is judged.
#[derive(Debug)]
pub struct Copying<'c, 's> {
    drop: &'c Directory,
    staging: &'c Staging<'s>,
    listed: OnceLock<Listed>,
}

/// What the drop was said to hold, and how much of it is staged.
#[derive(Debug)]
struct Listed {
    /// Sorted by path, with their sizes.
    files: Vec<(DropPath, u64)>,
    directories: Vec<DropPath>,
    /// Of each file, whether the whole of it is staged.
    staged: Vec<AtomicBool>,
    sync: Sync,
}

/// How files are brought to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// Each as soon as it is copied.
    Each,
    /// All at the end, with all else on their file system.
    AtOnce,
}

/// A whole drop, staged and on the disk.
#[derive(Debug)]
pub struct Ready<'c, 's> {
    staging: &'c Staging<'s>,
    files: Vec<(DropPath, u64)>,
    directories: Vec<DropPath>,
}

impl<'c, 's> Copying<'c, 's> {
    /// Copies `drop` into an empty staging.
    pub fn new(drop: &'c Directory, staging: &'c Staging<'s>) -> Self {
        Self { drop, staging, listed: OnceLock::new() }
    }

    /// After an ACCEPT: makes sure that each file was judged, makes the empty directories, and brings everything to the
    /// disk with the modes of the store.
    ///
    /// # Errors
    /// When a file arrived that nobody looked into, or when a step fails.
    pub fn finish(self) -> Result<Ready<'c, 's>, StoreError> {
        let Some(Listed { files, directories, staged, sync }) = self.listed.into_inner() else {
            return Err(StoreError::Unjudged { path: ".".to_owned() });
        };
        for ((path, _), staged) in files.iter().zip(&staged) {
            if !staged.load(Relaxed) {
                return Err(StoreError::Unjudged { path: path.to_string() });
            }
        }
        // Before any of them is read-only.
        for path in &directories {
            let done = match self.staging.directory(path.as_str()) {
                Err(Errno::NOENT) => self.staging.make_directories(path.as_str()),
                done => done.map(|_| ()),
            };
            done.map_err(|errno| not_copied("make", path, errno))?;
        }
        let finish = |directory: &OwnedFd, mode| {
            fchmod(directory, mode)?;
            if sync == Sync::Each { fsync(directory) } else { Ok(()) }
        };
        for path in &directories {
            let done = self.staging.directory(path.as_str()).and_then(|open| finish(&open, DIRECTORY));
            done.map_err(|errno| not_copied("finish", path, errno))?;
        }
        let top = self.staging.directory("").and_then(|open| finish(&open, MOVABLE));
        let synced = top.and_then(|()| if sync == Sync::AtOnce { sync_all(self.staging) } else { Ok(()) });
        synced.map_err(|errno| self.staging.store().failed("sync the copy", ".", errno))?;
        Ok(Ready { staging: self.staging, files, directories })
    }

    fn listed(&self, entry: &Entry) -> Result<(&Listed, &AtomicBool), SourceError> {
        let found = self.listed.get().and_then(|listed| {
            let at = listed.files.binary_search_by(|(path, _)| path.cmp(&entry.path)).ok()?;
            Some((listed, listed.staged.get(at)?))
        });
        let why = || io::Error::new(ErrorKind::NotFound, "expected a file of the listing, found another");
        found.ok_or_else(|| not_copied("begin", &entry.path, why()))
    }

    /// Streams a file through `sink` and into the staging; a file that is staged is streamed from there.
    fn stage(&self, entry: &Entry, buffer: &mut [u8], mut sink: impl FnMut(&[u8])) -> Outcome<()> {
        let (listed, staged) = self.listed(entry)?;
        if staged.load(Relaxed) {
            return self.again(entry, buffer, sink).map(Ok);
        }
        let copy = self.staging.create(&entry.path)?;
        let cloned = Cell::new(false);
        let clone = |original: &File| {
            cloned.set(clone(original, &copy, entry)?);
            Ok(cloned.get().then_some(&copy))
        };
        let mut behind = WriteBehind { copy: &copy, written: 0, begun: 0 };
        let streamed = self.drop.stream_through(entry, buffer, clone, |bytes| {
            if !cloned.get() {
                behind.write(bytes).map_err(|why| not_copied("write", &entry.path, why))?;
            }
            sink(bytes);
            Ok(())
        })?;
        match &streamed {
            Ok(()) => {
                if listed.sync == Sync::Each {
                    // Through this very handle: it is told of every error since the file was made.
                    copy.sync_all().map_err(|why| not_copied("sync", &entry.path, why))?;
                }
                staged.store(true, Relaxed);
            }
            Err(_) => self.staging.forget(&entry.path)?,
        }
        Ok(streamed)
    }

    fn again(
        &self,
        entry: &Entry,
        buffer: &mut [u8],
        mut sink: impl FnMut(&[u8]),
    ) -> Result<(), SourceError> {
        let mut copy = self.staging.open(&entry.path)?;
        let mut found: u64 = 0;
        loop {
            let read = fill(&mut copy, buffer).map_err(|why| not_copied("read", &entry.path, why))?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            found = found.saturating_add(bytes.len() as u64);
            sink(bytes);
        }
        if found != entry.size {
            let why = format!("expected {} bytes, found {found}", entry.size);
            return Err(not_copied("read", &entry.path, io::Error::other(why)));
        }
        Ok(())
    }
}

impl<'s> Ready<'_, 's> {
    pub(super) fn staging(&self) -> &Staging<'s> {
        self.staging
    }

    pub(super) fn files(&self) -> &[(DropPath, u64)] {
        &self.files
    }

    pub(super) fn directories(&self) -> &[DropPath] {
        &self.directories
    }
}

impl Source for Copying<'_, '_> {
    fn inventory(&self) -> Result<Inventory, SourceError> {
        let inventory = self.drop.inventory()?;
        let listed = Listed {
            files: inventory.files.iter().map(|entry| (entry.path.clone(), entry.size)).collect(),
            directories: inventory.directories.clone(),
            staged: inventory.files.iter().map(|_| AtomicBool::new(false)).collect(),
            sync: Sync::of(&inventory, self.staging),
        };
        // The first listing is the one that is kept: a file that only a later one has can't be staged.
        let _ = self.listed.set(listed);
        Ok(inventory)
    }

    fn read(&self, entry: &Entry, cap: u64) -> Result<Result<Vec<u8>, ReadRefusal>, SourceError> {
        if entry.size > cap {
            return Ok(Err(ReadRefusal::TooLarge { size: entry.size, cap }));
        }
        let mut contents = Vec::with_capacity(usize::try_from(entry.size).unwrap_or_default());
        let mut buffer = vec![0; limits::READ_BUFFER_BYTES];
        let staged = self.stage(entry, &mut buffer, |bytes| contents.extend_from_slice(bytes))?;
        Ok(staged.map(|()| contents).map_err(ReadRefusal::Disturbed))
    }

    fn stream(&self, entry: &Entry, sink: &mut dyn FnMut(&[u8])) -> Outcome<()> {
        self.stage(entry, &mut vec![0; limits::READ_BUFFER_BYTES], sink)
    }

    /// In the copy, which is made first where there is none yet.
    fn inner(&self, entry: &Entry) -> Result<Package, SourceError> {
        if let Err(why) = self.stream(entry, &mut |_| {})? {
            return Err(SourceError::InnerPackage { shown: entry.path.to_string(), why: why.to_string() });
        }
        Package::of_file(self.staging.open(&entry.path)?, entry.path.as_str())
    }

    fn digest(
        &self,
        wanted: &[Wanted<'_>],
        progress: &dyn Progress,
    ) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
        schedule::each(wanted, threads(), progress, |wanted, buffer| {
            let mut hashers = Hashers::new(wanted.algorithms);
            let staged = self.stage(wanted.entry, buffer, |bytes| {
                hashers.update(bytes);
                progress.read(bytes.len() as u64);
            })?;
            Ok(staged.map(|()| hashers.finish()))
        })
    }

    fn changes_since(&self, inventory: &Inventory) -> Result<Vec<String>, SourceError> {
        self.drop.changes_since(inventory)
    }
}

impl Sync {
    fn of(inventory: &Inventory, staging: &Staging<'_>) -> Self {
        let bytes = inventory.files.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
        let much = inventory.files.len() > limits::SYNC_EACH_FILES || bytes > limits::SYNC_EACH_BYTES;
        if much && syncs_at_once(staging) { Self::AtOnce } else { Self::Each }
    }
}

/// A copy whose writing to the disk begins while it is made.
struct WriteBehind<'c> {
    copy: &'c File,
    written: u64,
    begun: u64,
}

impl WriteBehind<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.copy.write_all(bytes)?;
        self.written = self.written.saturating_add(bytes.len() as u64);
        let waiting = self.written.saturating_sub(self.begun);
        if waiting >= limits::WRITE_BEHIND_BYTES {
            // This advice makes Linux begin to write. Where it is not taken, there is more to wait for at the end.
            let _ = fadvise(self.copy, self.begun, NonZeroU64::new(waiting), Advice::DontNeed);
            self.begun = self.written;
        }
        Ok(())
    }
}

/// Makes the copy a clone of the original, where one file system holds both and can do it. A clone is the copy's own: no
/// write to the original reaches it. (A hard link would be the original by another name.)
#[cfg(target_os = "linux")]
fn clone(original: &File, copy: &File, entry: &Entry) -> Result<bool, SourceError> {
    if entry.size < limits::CLONE_BYTES {
        return Ok(false);
    }
    if rustix::fs::ioctl_ficlone(copy, original).is_ok() {
        return Ok(true);
    }
    // Nothing of a clone that failed may stay below what is written.
    copy.set_len(0).map_err(|why| not_copied("begin", &entry.path, why))?;
    Ok(false)
}

#[cfg(not(target_os = "linux"))]
fn clone(_original: &File, _copy: &File, _entry: &Entry) -> Result<bool, SourceError> {
    Ok(false)
}

/// How many threads may copy at once, each with two files open.
pub(super) fn threads() -> usize {
    let pairs =
        getrlimit(Resource::Nofile).current.map(|most| most.saturating_sub(limits::SPARE_DESCRIPTORS) / 2);
    pairs.and_then(|pairs| usize::try_from(pairs).ok()).unwrap_or(usize::MAX)
}

/// Fills as much of the buffer as there is to read.
pub(super) fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled: usize = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// File systems that bring everything to the disk when they are synced as a whole, by the numbers that Linux gives them: ext2 to
/// ext4, XFS, Btrfs, F2FS, tmpfs. Others, FUSE for one, may not pass the call on.
#[cfg(target_os = "linux")]
const SYNCED_AT_ONCE: [i128; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994];

/// Whether syncing the whole file system will do, and tells of every write that failed since the handle was opened: since
/// Linux 5.8.
#[cfg(target_os = "linux")]
fn syncs_at_once(staging: &Staging<'_>) -> bool {
    let known = rustix::fs::fstatfs(staging.contents().root())
        .is_ok_and(|stat| SYNCED_AT_ONCE.contains(&i128::from(stat.f_type)));
    let name = rustix::system::uname();
    let mut numbers = name
        .release()
        .to_bytes()
        .split(|byte| !byte.is_ascii_digit())
        .map(|digits| std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u32>().ok()));
    let version = (numbers.next().flatten(), numbers.next().flatten());
    known && matches!(version, (Some(major), Some(minor)) if (major, minor) >= (5, 8))
}

#[cfg(not(target_os = "linux"))]
fn syncs_at_once(_staging: &Staging<'_>) -> bool {
    false
}

/// Brings the whole file system to the disk, through a handle from before the first file was made.
#[cfg(target_os = "linux")]
fn sync_all(staging: &Staging<'_>) -> rustix::io::Result<()> {
    rustix::fs::syncfs(staging.contents().root())
}

#[cfg(not(target_os = "linux"))]
fn sync_all(_staging: &Staging<'_>) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}
