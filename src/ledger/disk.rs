//! The one interface between the ledger and storage, and the local directory behind it.
//!
//! It is as low as what a disk promises: bytes are safe once [`Written::sync`] returned, and names (of new files and
//! directories, after a rename or removal) once [`Disk::sync_directory`] returned for the directory that holds them. Until
//! then a power cut may keep or lose each of them. Whoever writes through it must order its steps by that; whoever stands
//! behind it must promise no less. An object store can: a `put` there is whole and durable, directories and their syncs are
//! nothing, and a rename is a conditional `put`.
//!
//! Paths are relative to the ledger, parted by `/`; the ledger's own directory is the empty path.

use crate::escape;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fmt::Debug;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a waiting writer sleeps before it tries the lock again: little beside the milliseconds of an append.
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// Where files are written before they get their names. One place for all, so that what a crash leaves is found.
pub(super) const TEMPORARY: &str = "temporary";

/// A step that storage refused: what, on which file, and why.
#[derive(Debug, thiserror::Error)]
#[error("can't {step} {path}: {why}")]
pub struct DiskError {
    /// What was being done.
    pub step: &'static str,
    /// The file or directory, escaped.
    pub path: String,
    /// What the system said.
    #[source]
    pub why: io::Error,
}

/// How a lock is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// By nobody.
    Exclusive,
    /// By all who ask for it shared.
    Shared,
}

/// A lock that is held until this is dropped, or its holder dies.
pub trait Held: Debug + Send {
    /// Whether it still keeps others out. A lock by the name of a file does no longer once that file was removed: the next who
    /// asks makes another one.
    fn keeps_others_out(&self) -> bool;
}

/// A new file whose bytes may still be lost.
pub trait Written: Debug + Send {
    /// Returns once the bytes are on the disk. Its name is another matter: see [`Disk::sync_directory`].
    ///
    /// # Errors
    /// When the disk did not take them; what the file holds is then unknown.
    fn sync(self: Box<Self>) -> Result<(), DiskError>;
}

/// Storage of one ledger.
pub trait Disk: Debug + Send + Sync {
    /// The first bytes of a file, at most `at_most` of them; `None` when there is no such file.
    ///
    /// # Errors
    /// When it can't be read, or is no regular file.
    fn read(&self, path: &str, at_most: u64) -> Result<Option<Vec<u8>>, DiskError>;

    /// The names in a directory, in no order; none when there is no such directory.
    ///
    /// # Errors
    /// When it can't be read.
    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError>;

    /// Makes a directory, whose parent is there, unless it is there already; tells whether it was made.
    ///
    /// # Errors
    /// When it can't be made, or something else has its name.
    fn make_directory(&self, directory: &str) -> Result<bool, DiskError>;

    /// Writes a file anew, in a directory that is there.
    ///
    /// # Errors
    /// When it can't be written; it may then hold a part of `bytes`.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<Box<dyn Written>, DiskError>;

    /// Gives a file another name, in one step, in place of what has that name.
    ///
    /// # Errors
    /// When it can't be done.
    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError>;

    /// Returns once the bytes of a file that is there already are on the disk.
    ///
    /// # Errors
    /// When they may not be.
    fn sync_file(&self, path: &str) -> Result<(), DiskError>;

    /// Returns once all changes of names in this directory are on the disk.
    ///
    /// # Errors
    /// When they may not be.
    fn sync_directory(&self, directory: &str) -> Result<(), DiskError>;

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// When it stays.
    fn remove(&self, path: &str) -> Result<(), DiskError>;

    /// Removes an empty directory, if it is there.
    ///
    /// # Errors
    /// When it stays.
    fn remove_directory(&self, directory: &str) -> Result<(), DiskError>;

    /// Takes a lock by the name of a file, made where needed; `None` when others held it for all of `wait`.
    ///
    /// # Errors
    /// When the file can't be made or locked.
    fn lock(&self, path: &str, sharing: Sharing, wait: Duration) -> Result<Option<Box<dyn Held>>, DiskError>;

    /// How messages name a file of this storage, escaped.
    fn shown(&self, path: &str) -> String;
}

/// A ledger in a directory of this machine.
///
/// Nothing beneath the directory is reached through a symbolic link: who may place one could otherwise have the gate read
/// or write anywhere. The directory itself may be one, for it is the operator who names it.
#[derive(Debug, Clone)]
pub struct Local {
    root: PathBuf,
}

impl Local {
    /// The ledger in `root`, which need not be there yet. Touches nothing.
    ///
    /// # Errors
    /// When `root` is relative and there is no current directory.
    pub fn new(root: &Path) -> Result<Self, DiskError> {
        match std::path::absolute(root) {
            Ok(root) => Ok(Self { root }),
            Err(why) => Err(DiskError { step: "find", path: escape::path(root), why }),
        }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn failed(&self, step: &'static str, path: &str, errno: Errno) -> DiskError {
        let why = match errno {
            Errno::LOOP => io::Error::other(
                "there is a symbolic link; expected none within a ledger, for it could lead anywhere",
            ),
            errno => errno.into(),
        };
        DiskError { step, path: self.shown(path), why }
    }

    /// Opens a directory of the ledger, none of whose components is a link.
    fn directory(&self, path: &str) -> Result<OwnedFd, Errno> {
        let mut here = open_root(&self.root)?;
        for component in path.split('/').filter(|component| !component.is_empty()) {
            here = enter(here.as_fd(), component)?;
        }
        Ok(here)
    }

    /// Opens the directory that holds `path`, and gives the name in it.
    fn parent<'p>(&self, path: &'p str) -> Result<(OwnedFd, &'p str), Errno> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.directory(directory)?, name))
    }

    fn open(&self, path: &str, flags: OFlags) -> Result<File, Errno> {
        let (directory, name) = self.parent(path)?;
        // Not to wait, should it be a pipe.
        let file = open_at(directory.as_fd(), name, flags | OFlags::NONBLOCK)?;
        let stat = rustix::fs::fstat(&file)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(file.into()),
            FileType::Directory => Err(Errno::ISDIR),
            _ => Err(Errno::NODEV),
        }
    }

    /// The ledger's own directory. Its name is in a directory that is not the ledger's, so it is made durable here.
    fn make_root(&self) -> Result<bool, Errno> {
        let made = match rustix::fs::mkdir(&self.root, Mode::from_raw_mode(0o777)) {
            Err(Errno::EXIST) => false,
            done => done.map(|()| true)?,
        };
        let synced = self.root.parent().map_or(Ok(()), |parent| {
            let parent = open_root(parent)?;
            rustix::io::retry_on_intr(|| rustix::fs::fsync(&parent))
        });
        // Where it was there before, whoever made it may have been cut off before this step; but the directory around
        // it may then be none that we may open.
        if made { synced.map(|()| true) } else { self.directory("").map(|_| false) }
    }
}

/// Opens a directory by the operator's own path, links and all.
fn open_root(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))
}

/// Opens what stands in a directory, unless it is a link.
fn open_at(here: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    rustix::io::retry_on_intr(|| rustix::fs::openat(here, name, flags, Mode::from_raw_mode(0o666)))
}

/// Opens a directory within another. A link is told as one, whatever the system says of it.
fn enter(here: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    open_at(here, name, OFlags::RDONLY | OFlags::DIRECTORY).map_err(|errno| {
        let stat = rustix::fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW);
        let is_link = |mode| FileType::from_raw_mode(mode) == FileType::Symlink;
        if stat.is_ok_and(|stat| is_link(stat.st_mode)) { Errno::LOOP } else { errno }
    })
}

#[derive(Debug)]
struct LocalFile {
    file: File,
    shown: String,
}

impl Written for LocalFile {
    fn sync(self: Box<Self>) -> Result<(), DiskError> {
        self.file.sync_all().map_err(|why| DiskError { step: "bring to the disk", path: self.shown, why })
    }
}

/// The kernel lets go of it with the last handle of the open file.
#[derive(Debug)]
struct LocalLock {
    file: File,
    disk: Local,
    path: String,
}

impl Held for LocalLock {
    fn keeps_others_out(&self) -> bool {
        let named = self
            .disk
            .parent(&self.path)
            .and_then(|(directory, name)| rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW));
        let held = rustix::fs::fstat(&self.file);
        matches!((named, held), (Ok(named), Ok(held)) if (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino))
    }
}

impl Disk for Local {
    fn read(&self, path: &str, at_most: u64) -> Result<Option<Vec<u8>>, DiskError> {
        let file = match self.open(path, OFlags::RDONLY) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened.map_err(|errno| self.failed("open", path, errno))?,
        };
        let mut bytes = Vec::new();
        // With room for one byte more the end of the file is found without growing the buffer.
        if let Ok(length) = file.metadata().map(|meta| meta.len().min(at_most).saturating_add(1)) {
            bytes.reserve_exact(usize::try_from(length).unwrap_or(0));
        }
        let read = file.take(at_most).read_to_end(&mut bytes);
        read.map_err(|why| DiskError { step: "read", path: self.shown(path), why })?;
        Ok(Some(bytes))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError> {
        let failed = |errno| self.failed("list", directory, errno);
        let opened = match self.directory(directory) {
            Err(Errno::NOENT) => return Ok(Vec::new()),
            opened => opened.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in Dir::new(opened).map_err(failed)? {
            // A name that is not UTF-8 is none of the ledger's.
            if let Ok(name) = entry.map_err(failed)?.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn make_directory(&self, directory: &str) -> Result<bool, DiskError> {
        let made = match directory {
            "" => self.make_root(),
            inner => self.parent(inner).and_then(|(parent, name)| {
                match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o777)) {
                    Err(Errno::EXIST) => enter(parent.as_fd(), name).map(|_| false),
                    done => done.map(|()| true),
                }
            }),
        };
        made.map_err(|errno| self.failed("make the directory", directory, errno))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<Box<dyn Written>, DiskError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let mut file = self.open(path, flags).map_err(|errno| self.failed("create", path, errno))?;
        let written = file.write_all(bytes);
        written.map_err(|why| DiskError { step: "write", path: self.shown(path), why })?;
        Ok(Box::new(LocalFile { file, shown: self.shown(path) }))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        let renamed = self.parent(from).and_then(|(source, old)| {
            let (target, new) = self.parent(to)?;
            rustix::fs::renameat(source, old, target, new)
        });
        renamed.map_err(|errno| self.failed("put in place", to, errno))
    }

    fn sync_file(&self, path: &str) -> Result<(), DiskError> {
        let file = self.open(path, OFlags::RDONLY).map_err(|errno| self.failed("open", path, errno))?;
        file.sync_all().map_err(|why| DiskError { step: "bring to the disk", path: self.shown(path), why })
    }

    fn sync_directory(&self, directory: &str) -> Result<(), DiskError> {
        let synced = self
            .directory(directory)
            .and_then(|opened| rustix::io::retry_on_intr(|| rustix::fs::fsync(&opened)));
        synced.map_err(|errno| self.failed("bring to the disk the names in", directory, errno))
    }

    fn remove(&self, path: &str) -> Result<(), DiskError> {
        self.unlink(path, AtFlags::empty())
    }

    fn remove_directory(&self, directory: &str) -> Result<(), DiskError> {
        self.unlink(directory, AtFlags::REMOVEDIR)
    }

    fn lock(&self, path: &str, sharing: Sharing, wait: Duration) -> Result<Option<Box<dyn Held>>, DiskError> {
        // Opened anew for each holder: a lock belongs to the open file, and threads must exclude each other too.
        let flags = OFlags::RDWR | OFlags::CREATE;
        let open = || self.open(path, flags).map_err(|errno| self.failed("open", path, errno));
        let mut lock = LocalLock { file: open()?, disk: self.clone(), path: path.to_owned() };
        let started = Instant::now();
        loop {
            let tried = match sharing {
                Sharing::Exclusive => lock.file.try_lock(),
                Sharing::Shared => lock.file.try_lock_shared(),
            };
            match tried {
                Ok(()) if lock.keeps_others_out() => return Ok(Some(Box::new(lock))),
                // Somebody removed the file while we waited for it.
                Ok(()) if started.elapsed() < wait => lock.file = open()?,
                Ok(()) => return Ok(None),
                Err(TryLockError::WouldBlock) if started.elapsed() < wait => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(why)) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(why)) => {
                    return Err(DiskError { step: "lock", path: self.shown(path), why });
                }
            }
        }
    }

    fn shown(&self, path: &str) -> String {
        if path.is_empty() { escape::path(&self.root) } else { escape::path(&self.root.join(path)) }
    }
}

impl Local {
    fn unlink(&self, path: &str, flags: AtFlags) -> Result<(), DiskError> {
        let removed =
            self.parent(path).and_then(|(directory, name)| rustix::fs::unlinkat(directory, name, flags));
        match removed {
            Err(Errno::NOENT) => Ok(()),
            removed => removed.map_err(|errno| self.failed("remove", path, errno)),
        }
    }
}
