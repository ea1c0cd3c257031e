//! Where a drop is copied to while it is judged: a directory in the store that is this run's alone.
//!
//! Its owner alone can enter it, so nobody else changes what is in it; a lock that is held as long as the run lives tells
//! it from what killed runs left. Files are made new, below the directory's handle, and never opened through a link.

use super::{OWN, PRIVATE, STAGING, Store, StoreError, made};
use crate::drop::SourceError;
use crate::drop::path::DropPath;
use crate::files::beneath::Beneath;
use crate::{digest, limits};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fchmod, fstat, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// In a staging: held as long as its run lives.
const ALIVE: &str = "alive";

/// Mode of every file of an admitted drop.
const FILE: Mode = Mode::from_bits_truncate(0o444);

/// A staging. What is in it is removed when this is dropped.
#[derive(Debug)]
pub struct Staging<'s> {
    store: &'s Store,
    name: String,
    shell: OwnedFd,
    contents: Beneath,
    _alive: File,
    removed: bool,
}

impl<'s> Staging<'s> {
    /// The directory in a staging that becomes the version's.
    pub(super) const CONTENTS: &'static str = "contents";

    pub(super) fn begin(store: &'s Store) -> Result<Self, StoreError> {
        // A new one can't be told from a leftover before its lock is held: both wait for the store's lock.
        let locked = store.lock()?;
        let leftovers = claim_leftovers(store)?;
        let staging = Self::make(store)?;
        drop(locked);
        for leftover in &leftovers {
            remove(store, &leftover.name)?;
        }
        Ok(staging)
    }

    fn make(store: &'s Store) -> Result<Self, StoreError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| StoreError::Failed {
            doing: "name a directory in",
            path: format!("{OWN}/{STAGING}"),
            store: store.shown(),
            why: io::Error::other(error.to_string()),
        })?;
        let name = digest::hex(&random);
        let path = format!("{OWN}/{STAGING}/{name}");
        let shown = store.shown();
        let (shell, _) = made(store.staging.as_fd(), &name, &path, PRIVATE, &shown)?;
        let built = || -> Result<(File, Beneath), StoreError> {
            let alive = lock_of(&shell, OFlags::CREATE | OFlags::EXCL)
                .map_err(|errno| store.failed("make", format!("{path}/{ALIVE}"), errno))?;
            alive.try_lock().map_err(|why| StoreError::Failed {
                doing: "lock",
                path: format!("{path}/{ALIVE}"),
                store: shown.clone(),
                why: match why {
                    TryLockError::Error(why) => why,
                    TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
                },
            })?;
            let inner = format!("{path}/{}", Self::CONTENTS);
            let (contents, _) = made(shell.as_fd(), Self::CONTENTS, &inner, PRIVATE, &shown)?;
            let contents = Beneath::new(contents).map_err(|errno| store.failed("look at", inner, errno))?;
            Ok((alive, contents))
        };
        match built() {
            Ok((alive, contents)) => Ok(Self { store, name, shell, contents, _alive: alive, removed: false }),
            Err(error) => {
                // The error is what matters; what stays is a leftover.
                let _ = remove(store, &name);
                Err(error)
            }
        }
    }

    /// The store that it is in.
    pub fn store(&self) -> &'s Store {
        self.store
    }

    pub(super) fn shell(&self) -> BorrowedFd<'_> {
        self.shell.as_fd()
    }

    pub(super) fn contents(&self) -> &Beneath {
        &self.contents
    }

    /// Removes everything in it.
    ///
    /// # Errors
    /// When something can't be removed; a later run tries again.
    pub fn discard(mut self) -> Result<(), StoreError> {
        self.removed = true;
        remove(self.store, &self.name)
    }

    /// Makes a file, which must not be there, and the directories above it.
    pub(super) fn create(&self, path: &DropPath) -> Result<File, SourceError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let create = || self.contents.open(path.as_str().as_bytes(), flags, FILE);
        let made = match create() {
            Err(Errno::NOENT) => {
                if let Some((above, _)) = path.as_str().rsplit_once('/') {
                    self.make_directories(above).map_err(|errno| not_copied("make", path, errno))?;
                }
                create()
            }
            done => done,
        };
        let file = made.map_err(|errno| not_copied("make", path, errno))?;
        // The process's mask, or an access list of the store, may say otherwise.
        let mode = fstat(&file).map_err(|errno| not_copied("look at", path, errno))?.st_mode;
        if Mode::from_raw_mode(mode) != FILE {
            fchmod(&file, FILE).map_err(|errno| not_copied("set the mode of", path, errno))?;
        }
        Ok(file.into())
    }

    /// Opens a file that was copied.
    pub(super) fn open(&self, path: &DropPath) -> Result<File, SourceError> {
        let file = self.contents.open(path.as_str().as_bytes(), OFlags::RDONLY, Mode::empty());
        Ok(file.map_err(|errno| not_copied("open", path, errno))?.into())
    }

    /// Takes a file away again that could not be copied whole.
    pub(super) fn forget(&self, path: &DropPath) -> Result<(), SourceError> {
        let removed = match path.as_str().rsplit_once('/') {
            Some((above, name)) => {
                self.directory(above).and_then(|above| unlinkat(above, name, AtFlags::empty()))
            }
            None => unlinkat(self.contents.root(), path.as_str(), AtFlags::empty()),
        };
        removed.map_err(|errno| not_copied("remove", path, errno))
    }

    /// Makes a directory and those above it; any of them may be there.
    pub(super) fn make_directories(&self, path: &str) -> rustix::io::Result<()> {
        let mut ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let mut above = self.directory("")?;
        let mut from = 0;
        ends.try_for_each(|end| {
            let name = path.get(from..end).unwrap_or_default();
            from = end.saturating_add(1);
            match mkdirat(&above, name, PRIVATE) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            above = self.directory(path.get(..end).unwrap_or_default())?;
            Ok(())
        })
    }

    /// Opens a directory; the empty path is the top.
    pub(super) fn directory(&self, path: &str) -> rustix::io::Result<OwnedFd> {
        self.contents.open(path.as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.removed {
            // The next run tries again.
            let _ = remove(self.store, &self.name);
        }
    }
}

pub(super) fn not_copied(doing: &'static str, path: &DropPath, why: impl Into<io::Error>) -> SourceError {
    SourceError::NotCopied { doing, shown: path.to_string(), why: why.into() }
}

fn lock_of(shell: &OwnedFd, flags: OFlags) -> rustix::io::Result<File> {
    let flags = flags | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(shell, ALIVE, flags, Mode::RUSR | Mode::WUSR)?.into())
}

/// A staging whose run is gone. As long as its lock is held here, no other run removes it.
struct Leftover {
    name: String,
    _alive: Option<File>,
}

fn claim_leftovers(store: &Store) -> Result<Vec<Leftover>, StoreError> {
    let inner = format!("{OWN}/{STAGING}");
    let failed = |doing, errno| store.failed(doing, inner.clone(), errno);
    let mut leftovers = Vec::new();
    for entry in Dir::read_from(&store.staging).map_err(|errno| failed("list", errno))? {
        let entry = entry.map_err(|errno| failed("list", errno))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "." || name == ".." {
            continue;
        }
        if leftovers.len() >= limits::LEFTOVERS {
            break;
        }
        let path = format!("{inner}/{name}");
        let Some(shell) = super::opened(store.staging.as_fd(), &name, &path, &store.shown())? else {
            continue;
        };
        let alive = match lock_of(&shell, OFlags::empty()) {
            Ok(alive) => match alive.try_lock() {
                Ok(()) => Some(alive),
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(why)) => {
                    return Err(StoreError::Failed { doing: "lock", path, store: store.shown(), why });
                }
            },
            // It was killed before it had one, or when it was all but removed.
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(store.failed("open the lock of", path, errno)),
        };
        leftovers.push(Leftover { name, _alive: alive });
    }
    Ok(leftovers)
}

/// Removes a staging: what it holds first, its lock last.
fn remove(store: &Store, name: &str) -> Result<(), StoreError> {
    let path = || format!("{OWN}/{STAGING}/{name}");
    let failed = |errno| store.failed("remove", path(), errno);
    let Some(shell) = super::opened(store.staging.as_fd(), name, &path(), &store.shown())? else {
        return Ok(());
    };
    match openat(
        &shell,
        Staging::CONTENTS,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    ) {
        Ok(contents) => {
            clear(&Beneath::new(contents).map_err(failed)?).map_err(failed)?;
            unlinkat(&shell, Staging::CONTENTS, AtFlags::REMOVEDIR).map_err(failed)?;
        }
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(failed(errno)),
    }
    match unlinkat(&shell, ALIVE, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(failed(errno)),
    }
    unlinkat(&store.staging, name, AtFlags::REMOVEDIR).map_err(failed)
}

/// Removes all that is below a directory. Each directory is opened anew, so that no depth takes more than two descriptors.
fn clear(root: &Beneath) -> rustix::io::Result<()> {
    enum Step {
        Enter(Vec<u8>),
        Leave(Vec<u8>),
    }
    let open = |path: &[u8]| root.open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
    let mut steps = vec![Step::Enter(Vec::new())];
    while let Some(step) = steps.pop() {
        match step {
            Step::Leave(path) => {
                let at = path.iter().rposition(|byte| *byte == b'/');
                let (above, name) = match at.and_then(|at| path.split_at_checked(at)) {
                    Some((above, rest)) => (above, rest.strip_prefix(b"/").unwrap_or(rest)),
                    None => (&b""[..], path.as_slice()),
                };
                unlinkat(open(above)?, name, AtFlags::REMOVEDIR)?;
            }
            Step::Enter(path) => {
                let directory = open(&path)?;
                // It may be read-only already.
                fchmod(&directory, PRIVATE)?;
                let mut below = Vec::new();
                for entry in Dir::read_from(&directory)? {
                    let entry = entry?;
                    let name = entry.file_name().to_bytes();
                    if name == b"." || name == b".." {
                        continue;
                    }
                    // Where a file system does not tell the kind, trying to remove it as a file does.
                    let kind = entry.file_type();
                    let removed = match kind {
                        FileType::Directory => Err(Errno::ISDIR),
                        _ => unlinkat(&directory, name, AtFlags::empty()),
                    };
                    match removed {
                        Ok(()) | Err(Errno::NOENT) => {}
                        Err(Errno::ISDIR) if path.is_empty() => below.push(name.to_vec()),
                        Err(Errno::ISDIR) => below.push([path.as_slice(), name].join(&b'/')),
                        Err(errno) => return Err(errno),
                    }
                }
                if !path.is_empty() {
                    steps.push(Step::Leave(path));
                }
                steps.extend(below.into_iter().map(Step::Enter));
            }
        }
    }
    Ok(())
}
