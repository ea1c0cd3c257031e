//! The store of accepted drops, and the one way into it: what was judged is what is admitted.
//!
//! Phases: a [`Staging`] of the run's own is made in the store; a [`Copying`] source judges by it, so that the bytes that
//! are hashed and read are the bytes that were copied; [`Copying::finish`] makes sure that every file was judged, and that
//! all of it is on the disk; [`Store::place`] has it recorded and then renames it into place. Whatever fails before that
//! leaves nothing but the staging, and a later run removes what a killed one left.
//!
//! docs/store.md says what a reader of the store may rely on.

mod copying;
mod place;
mod staging;
mod standing;

pub use copying::{Copying, Ready};
pub use place::{Place, PlaceRefusal};
pub use staging::Staging;

use crate::drop::directory::Directory;
use crate::drop::{Progress, SourceError};
use crate::escape;
use crate::files::{self, FileError};
use crate::limits;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, fchmod, fstat, fsync, mkdirat, openat, renameat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use standing::{Difference, Standing};
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the store keeps for itself, beside what was admitted. No vendor's directory begins with a dot.
const OWN: &str = ".dropgate";

/// In [`OWN`]: held while a place is looked at and taken.
const LOCK: &str = "lock";

/// In [`OWN`]: a directory for each run that copies.
const STAGING: &str = "staging";

/// How long to sleep between two tries for the lock.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Mode of a version's directory when it takes its place: its owner must be able to write it to move it.
const MOVABLE: Mode = Mode::from_bits_truncate(0o755);

/// Mode of every directory of an admitted drop.
const DIRECTORY: Mode = Mode::from_bits_truncate(0o555);

/// Mode of the directories that lead to a version, but for what the process's mask takes away: who may go there is the
/// operator's to say.
const SHARED: Mode = Mode::from_bits_truncate(0o777);

/// Mode of what is nobody else's.
const PRIVATE: Mode = Mode::RWXU;

/// Why a drop was not admitted. Never a statement about the drop: the exit code is 2.
///
/// Each message is whole: the cause that a system gave is part of it, and is not repeated as a source.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory of the store could not be handled.
    #[error("can't {doing} `{path}` in the store `{store}`: {why}")]
    Failed {
        /// What was being done, as in "can't open".
        doing: &'static str,
        /// Its path in the store, escaped; `.` for the store itself.
        path: String,
        /// The store, escaped.
        store: String,
        /// What the system said.
        why: io::Error,
    },
    /// Where a directory of the store belongs, there is something else: whoever put it there chooses where the drop goes.
    #[error("`{path}` in the store `{store}`: expected a directory, found {found}")]
    NoDirectory {
        /// Its path in the store, escaped; `.` for the store itself.
        path: String,
        /// The store, escaped.
        store: String,
        /// What is there.
        found: &'static str,
    },
    /// Others than the store's owner could change what is being judged.
    #[error(
        "`{path}` in the store `{store}`: expected a directory that its owner alone can enter (0700), found mode {mode:04o}"
    )]
    Open {
        /// Its path in the store.
        path: String,
        /// The store, escaped.
        store: String,
        /// The mode that was found.
        mode: u32,
    },
    /// Another run holds the store's lock.
    #[error(
        "the store `{store}` is locked: expected its lock `{OWN}/{LOCK}` to be free within {waited} seconds, found it \
         held by another `dropgate admit`; try again when that is done"
    )]
    Busy {
        /// The store, escaped.
        store: String,
        /// How long was waited, in seconds.
        waited: u64,
    },
    /// One of the drop and the store lies in the other.
    #[error(
        "{inner} lies inside {outer}: expected the drop and the store apart, for admitting one changes the other"
    )]
    Overlap {
        /// Which lies inside, with its path.
        inner: String,
        /// Which holds it.
        outer: String,
    },
    /// A path of the command line leads nowhere.
    #[error(transparent)]
    File(#[from] FileError),
    /// The release has a name that no directory can have.
    #[error(transparent)]
    Place(#[from] PlaceRefusal),
    /// What is staged could not be written or read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file arrived that no part of the judgement looked into, so that nobody knows its bytes.
    #[error(
        "can't admit `{path}`: expected every file of an accepted drop to have been judged, found one that was not"
    )]
    Unjudged {
        /// Its path in the drop, escaped.
        path: String,
    },
    /// The place of this version holds something else.
    #[error(
        "can't admit into `{place}` in the store `{store}`: another drop of this version stands there; {difference}. It \
         stays as it is: ask the vendor to release other bytes as another version, or move it away if it should not be there"
    )]
    Taken {
        /// The place, escaped.
        place: String,
        /// The store, escaped.
        store: String,
        /// The first difference.
        difference: Difference,
    },
    /// What stands in the place, or what is staged, could not be looked at.
    #[error("can't compare with what stands in `{place}` in the store `{store}`: {why}")]
    Compare {
        /// The place, escaped.
        place: String,
        /// The store, escaped.
        store: String,
        /// Why.
        why: SourceError,
    },
    /// The place changes while it is looked at.
    #[error(
        "can't admit into `{place}` in the store `{store}`: expected it to be left alone, found it replaced again and again"
    )]
    Restless {
        /// The place, escaped.
        place: String,
        /// The store, escaped.
        store: String,
    },
}

/// How a drop came to stand in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was put there now.
    Stored,
    /// The very same files stood there already.
    AlreadyThere,
}

impl State {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::AlreadyThere => "already-there",
        }
    }
}

/// Where a drop stands in which store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The store, as it was named and made absolute.
    pub store: PathBuf,
    /// The path in it: vendor, product and version, encoded and separated by `/`.
    pub path: String,
    /// How it came there.
    pub state: State,
}

/// A directory of accepted drops.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    root: OwnedFd,
    own: OwnedFd,
    staging: OwnedFd,
}

/// The store's lock, free again when this is dropped.
#[derive(Debug)]
struct Locked {
    _lock: File,
}

impl Store {
    /// Opens the store for the admission of `drop`, and makes it where only its parent exists. It may be named by a link.
    ///
    /// # Errors
    /// When it is no directory or can't be written, or when it and the drop are not apart: this is found out before
    /// anything is made.
    pub fn open(path: &Path, drop: &Directory) -> Result<Self, StoreError> {
        let absolute = std::path::absolute(path).map_err(|why| FileError::new(path, "find", why))?;
        let there = match path.metadata() {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => false,
            Err(why) => return Err(FileError::new(path, "look at the store", why).into()),
        };
        apart(path, there, drop)?;
        let shown = escape::path(path);
        if !there {
            make_root(path)?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOTDIR => StoreError::NoDirectory {
                path: ".".into(),
                store: shown.clone(),
                found: "another kind of file",
            },
            errno => FileError::new(path, "open the store", io::Error::from(errno)).into(),
        })?;
        let own = made(root.as_fd(), OWN, OWN, PRIVATE, &shown)?.0;
        let mode = fstat(&own).map_err(|errno| failed("look at", OWN, &shown, errno))?.st_mode & 0o7777;
        if mode & 0o077 != 0 {
            return Err(StoreError::Open { path: OWN.to_owned(), store: shown, mode });
        }
        let inner = format!("{OWN}/{STAGING}");
        let staging = made(own.as_fd(), STAGING, &inner, PRIVATE, &shown)?.0;
        Ok(Self { path: absolute, root, own, staging })
    }

    /// A staging for one drop. What killed runs left behind is removed first.
    ///
    /// # Errors
    /// When it can't be made, or the leftovers can't be removed.
    pub fn stage(&self) -> Result<Staging<'_>, StoreError> {
        Staging::begin(self)
    }

    /// Puts a judged drop into its place, and calls `record` once everything but the last step is done: all is on the
    /// disk, and the place is free or holds the very same files. An error of `record` leaves the store as it was, and
    /// `ready` as it is, to be placed or thrown away.
    ///
    /// # Errors
    /// Those of the store, and those of `record`. An error after `record` may leave the drop in its place, whole: the next
    /// admission of it says so.
    pub fn place<E: From<StoreError>>(
        &self,
        ready: &Ready<'_, '_>,
        place: &Place,
        progress: &dyn Progress,
        record: impl FnOnce(&Admission) -> Result<(), E>,
    ) -> Result<Admission, E> {
        let mut same = None;
        for _ in 0..limits::PLACE_TRIES {
            let locked = self.lock()?;
            let Some(standing) = Standing::open(self, place)? else {
                return self.put(ready, place, &locked, record);
            };
            if same == Some(standing.identity) {
                let admission = self.admission(place, State::AlreadyThere);
                // A run that was killed after its rename may have left this undone.
                self.settle(place, &standing.directory)?;
                record(&admission)?;
                return Ok(admission);
            }
            // Comparing can take long, and nobody takes away what stands there: others need not wait for it.
            drop(locked);
            standing.compare(self, place, ready, progress)?;
            same = Some(standing.identity);
        }
        Err(StoreError::Restless { place: place.to_string(), store: self.shown() }.into())
    }

    fn put<E: From<StoreError>>(
        &self,
        ready: &Ready<'_, '_>,
        place: &Place,
        _locked: &Locked,
        record: impl FnOnce(&Admission) -> Result<(), E>,
    ) -> Result<Admission, E> {
        let admission = self.admission(place, State::Stored);
        let above = Above::make(self, place)?;
        record(&admission)?;
        let staging = ready.staging();
        let (from, to) = (staging.shell(), above.product.as_fd());
        rename_new(from, Staging::CONTENTS, to, &place.version)
            .map_err(|errno| self.failed("move the drop to", place.to_string(), errno))?;
        above.keep();
        self.settle(place, staging.contents().root())?;
        Ok(admission)
    }

    /// Makes a version that took its place read-only, and the place durable.
    fn settle(&self, place: &Place, version: impl AsFd) -> Result<(), StoreError> {
        let failed = |doing, errno| self.failed(doing, place.to_string(), errno);
        fchmod(&version, DIRECTORY).map_err(|errno| failed("make read-only", errno))?;
        fsync(&version).map_err(|errno| failed("sync", errno))?;
        let (vendor, product) = match Above::open(self, place)? {
            Some(above) => above,
            None => return Err(failed("find again", Errno::NOENT)),
        };
        for (directory, path) in [
            (product.as_fd(), format!("{}/{}", place.vendor, place.product)),
            (vendor.as_fd(), place.vendor.clone()),
            (self.root.as_fd(), ".".to_owned()),
        ] {
            fsync(directory).map_err(|errno| self.failed("sync", path, errno))?;
        }
        Ok(())
    }

    fn admission(&self, place: &Place, state: State) -> Admission {
        Admission { store: self.path.clone(), path: place.to_string(), state }
    }

    fn lock(&self) -> Result<Locked, StoreError> {
        let path = || format!("{OWN}/{LOCK}");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let lock = openat(&self.own, LOCK, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| self.failed("open the lock", path(), errno))?;
        let lock = File::from(lock);
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Locked { _lock: lock }),
                Err(TryLockError::WouldBlock) if began.elapsed() < limits::STORE_LOCK_WAIT => {
                    std::thread::sleep(LOCK_POLL);
                }
                Err(TryLockError::WouldBlock) => {
                    let waited = limits::STORE_LOCK_WAIT.as_secs();
                    return Err(StoreError::Busy { store: self.shown(), waited });
                }
                Err(TryLockError::Error(why)) => {
                    return Err(StoreError::Failed { doing: "lock", path: path(), store: self.shown(), why });
                }
            }
        }
    }

    fn shown(&self) -> String {
        escape::path(&self.path)
    }

    fn failed(&self, doing: &'static str, path: impl Into<String>, errno: Errno) -> StoreError {
        failed(doing, path, &self.shown(), errno)
    }
}

fn failed(doing: &'static str, path: impl Into<String>, store: &str, errno: Errno) -> StoreError {
    StoreError::Failed { doing, path: path.into(), store: store.to_owned(), why: errno.into() }
}

/// The directories that lead to a version. Those that were made for it are taken away again unless it is kept.
struct Above<'s> {
    store: &'s Store,
    place: &'s Place,
    vendor: OwnedFd,
    product: OwnedFd,
    made: [bool; 2],
}

impl<'s> Above<'s> {
    fn open(store: &Store, place: &Place) -> Result<Option<(OwnedFd, OwnedFd)>, StoreError> {
        let shown = store.shown();
        let Some(vendor) = opened(store.root.as_fd(), &place.vendor, &place.vendor, &shown)? else {
            return Ok(None);
        };
        let path = format!("{}/{}", place.vendor, place.product);
        let product = opened(vendor.as_fd(), &place.product, &path, &shown)?;
        Ok(product.map(|product| (vendor, product)))
    }

    fn make(store: &'s Store, place: &'s Place) -> Result<Self, StoreError> {
        let shown = store.shown();
        let (vendor, new_vendor) = made(store.root.as_fd(), &place.vendor, &place.vendor, SHARED, &shown)?;
        let path = format!("{}/{}", place.vendor, place.product);
        match made(vendor.as_fd(), &place.product, &path, SHARED, &shown) {
            Ok((product, new_product)) => {
                Ok(Self { store, place, vendor, product, made: [new_vendor, new_product] })
            }
            Err(error) => {
                if new_vendor {
                    // What matters is the error; an empty directory hurts nobody.
                    let _ = unlinkat(&store.root, &place.vendor, AtFlags::REMOVEDIR);
                }
                Err(error)
            }
        }
    }

    fn keep(mut self) {
        self.made = [false; 2];
    }
}

impl Drop for Above<'_> {
    fn drop(&mut self) {
        let [new_vendor, new_product] = self.made;
        // An empty directory that stays hurts nobody, and one that is not empty stays.
        if new_product {
            let _ = unlinkat(&self.vendor, &self.place.product, AtFlags::REMOVEDIR);
        }
        if new_vendor {
            let _ = unlinkat(&self.store.root, &self.place.vendor, AtFlags::REMOVEDIR);
        }
    }
}

/// Renames, and never replaces what is there.
fn rename_new(
    from: BorrowedFd<'_>,
    name: &str,
    to: BorrowedFd<'_>,
    new_name: &str,
) -> rustix::io::Result<()> {
    match renameat_with(from, name, to, new_name, RenameFlags::NOREPLACE) {
        // Some network file systems don't know the flag. The lock is held and nothing was there; the most that a plain
        // rename of a directory replaces is an empty one.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => renameat(from, name, to, new_name),
        done => done,
    }
}

/// Makes a directory unless it is there, opens it, and tells whether it was made.
fn made(
    at: BorrowedFd<'_>,
    name: &str,
    path: &str,
    mode: Mode,
    store: &str,
) -> Result<(OwnedFd, bool), StoreError> {
    let new = match mkdirat(at, name, mode) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        // A store that can only be read answers so even where the directory is there.
        Err(errno) => match opened(at, name, path, store)? {
            Some(directory) => return Ok((directory, false)),
            None => return Err(failed("make", path, store, errno)),
        },
    };
    let directory =
        opened(at, name, path, store)?.ok_or_else(|| failed("open", path, store, Errno::NOENT))?;
    Ok((directory, new))
}

/// Opens a directory, which must not be a link to one; `None` where there is nothing.
fn opened(at: BorrowedFd<'_>, name: &str, path: &str, store: &str) -> Result<Option<OwnedFd>, StoreError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(at, name, flags, Mode::empty()) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::LOOP | Errno::NOTDIR) => {
            let kind = statat(at, name, AtFlags::SYMLINK_NOFOLLOW);
            let link = kind.is_ok_and(|kind| FileType::from_raw_mode(kind.st_mode) == FileType::Symlink);
            let found = if link { "a symbolic link" } else { "another kind of file" };
            Err(StoreError::NoDirectory {
                path: escape::bytes(path.as_bytes()),
                store: store.to_owned(),
                found,
            })
        }
        Err(errno) => Err(failed("open", escape::bytes(path.as_bytes()), store, errno)),
    }
}

/// Makes the store itself, durably: its parent must exist.
fn make_root(path: &Path) -> Result<(), StoreError> {
    let failed = |why: io::Error| FileError::new(path, "make the store", why);
    match std::fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error).into()),
        _ => {}
    }
    File::open(files::directory_of(path)).and_then(|parent| parent.sync_all()).map_err(failed)?;
    Ok(())
}

/// Refuses a store inside of the drop, and the reverse: by resolved paths, and by what the directories are where two
/// mounts show the same one.
fn apart(store: &Path, there: bool, drop: &Directory) -> Result<(), StoreError> {
    let named = |what: &str, path: &Path| format!("the {what} `{}`", escape::path(path));
    let (the_store, the_drop) = (named("store", store), named("drop", drop.path()));
    let nearest = if there { store } else { files::directory_of(store) };
    if files::lies_within(nearest, drop.path())? || passes(nearest, drop.identity())? {
        return Err(StoreError::Overlap { inner: the_store, outer: the_drop });
    }
    if there {
        let meta = store.metadata().map_err(|why| FileError::new(store, "look at the store", why))?;
        if files::lies_within(drop.path(), store)? || passes(drop.path(), (meta.dev(), meta.ino()))? {
            return Err(StoreError::Overlap { inner: the_drop, outer: the_store });
        }
    }
    Ok(())
}

/// Whether the way from the root of the file system to `path` leads through this directory.
fn passes(path: &Path, directory: (u64, u64)) -> Result<bool, FileError> {
    let failed = |why| FileError::new(path, "find", why);
    let resolved = path.canonicalize().map_err(failed)?;
    for ancestor in resolved.ancestors() {
        let meta = ancestor.metadata().map_err(failed)?;
        if (meta.dev(), meta.ino()) == directory {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Device and inode of an open file.
fn identity(file: impl AsFd) -> rustix::io::Result<(u64, u64)> {
    let stat = fstat(file)?;
    Ok((stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Algorithms};
    use crate::drop::{Disturbance, Inventory, NoProgress, ReadRefusal, Source, Wanted};
    use std::fs;

    /// A drop of two files and an empty directory, and a store beside it.
    struct Site {
        home: tempfile::TempDir,
        drop: Directory,
        store: Store,
    }

    impl Site {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            fs::create_dir_all(home.path().join("drop/d/empty")).unwrap();
            fs::write(home.path().join("drop/a"), "alpha").unwrap();
            fs::write(home.path().join("drop/d/b"), "beta").unwrap();
            let drop = Directory::open(&home.path().join("drop")).unwrap();
            let store = Store::open(&home.path().join("store"), &drop).unwrap();
            Self { home, drop, store }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.home.path().join(path)
        }

        fn names(&self, path: &str) -> Vec<String> {
            let entries = fs::read_dir(self.at(path)).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    fn place() -> Place {
        Place { vendor: "v".into(), product: "p".into(), version: "1".into() }
    }

    /// Looks at all of it, as a judgement does: one file whole, all by their digests.
    fn judged(copying: &Copying<'_, '_>) -> Inventory {
        let inventory = copying.inventory().unwrap();
        let first = copying.read(&inventory.files[0], 100).unwrap().unwrap();
        assert_eq!(first, b"alpha");
        let algorithms = Algorithms::default().with(Algorithm::Sha256);
        let wanted: Vec<Wanted<'_>> =
            inventory.files.iter().map(|entry| Wanted { entry, algorithms }).collect();
        assert!(copying.digest(&wanted, &NoProgress).unwrap().iter().all(Result::is_ok));
        inventory
    }

    fn refused(admission: &Admission) -> Result<(), StoreError> {
        Err(StoreError::Unjudged { path: format!("refused by the test: {}", admission.state.name()) })
    }

    #[test]
    fn a_record_comes_before_the_place_and_its_failure_leaves_the_store_as_it_was() {
        let site = Site::new();
        let staging = site.store.stage().unwrap();
        let copying = Copying::new(&site.drop, &staging);
        judged(&copying);
        let ready = copying.finish().unwrap();
        let error = site.store.place(&ready, &place(), &NoProgress, refused).unwrap_err();
        assert!(error.to_string().contains("refused by the test: stored"));
        assert_eq!(site.names("store"), [".dropgate"]);

        // It can be placed afterwards, also without the drop.
        fs::remove_dir_all(site.at("drop")).unwrap();
        let admission = site.store.place(&ready, &place(), &NoProgress, |admission| {
            assert!(!site.at("store/v/p/1").exists());
            assert_eq!(admission.path, "v/p/1");
            Ok::<_, StoreError>(())
        });
        assert_eq!(admission.unwrap().state, State::Stored);
        assert_eq!(fs::read(site.at("store/v/p/1/d/b")).unwrap(), b"beta");
        assert!(site.at("store/v/p/1/d/empty").is_dir());
        drop(staging);
        assert!(site.names("store/.dropgate/staging").is_empty());
    }

    #[test]
    fn what_stands_there_already_is_recorded_as_such() {
        let site = Site::new();
        for expected in [State::Stored, State::AlreadyThere] {
            let staging = site.store.stage().unwrap();
            let copying = Copying::new(&site.drop, &staging);
            judged(&copying);
            let ready = copying.finish().unwrap();
            let admission = site.store.place(&ready, &place(), &NoProgress, |admission| {
                assert_eq!(admission.state, expected);
                Ok::<_, StoreError>(())
            });
            assert_eq!(admission.unwrap().state, expected);
        }
        assert_eq!(site.names("store"), [".dropgate", "v"]);
    }

    #[test]
    fn a_file_that_nobody_looked_into_is_not_admitted() {
        let site = Site::new();
        let staging = site.store.stage().unwrap();
        let copying = Copying::new(&site.drop, &staging);
        let inventory = copying.inventory().unwrap();
        copying.read(&inventory.files[0], 100).unwrap().unwrap();
        assert_eq!(
            copying.read(&inventory.files[1], 3).unwrap(),
            Err(ReadRefusal::TooLarge { size: 4, cap: 3 })
        );
        let error = copying.finish().unwrap_err();
        assert!(matches!(&error, StoreError::Unjudged { path } if path == "d/b"), "{error}");
        let unasked = Copying::new(&site.drop, &staging);
        assert!(matches!(unasked.finish(), Err(StoreError::Unjudged { .. })));
    }

    #[test]
    fn a_second_look_is_at_the_copy() {
        let site = Site::new();
        let staging = site.store.stage().unwrap();
        let copying = Copying::new(&site.drop, &staging);
        let inventory = judged(&copying);
        std::thread::sleep(Duration::from_millis(20));
        fs::write(site.at("drop/a"), "ALPHA").unwrap();
        assert_eq!(copying.read(&inventory.files[0], 100).unwrap().unwrap(), b"alpha");
        assert_eq!(copying.changes_since(&inventory).unwrap(), ["a"]);
    }

    #[test]
    fn what_is_disturbed_before_it_is_copied_is_not_staged() {
        let site = Site::new();
        let staging = site.store.stage().unwrap();
        let copying = Copying::new(&site.drop, &staging);
        let inventory = copying.inventory().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        fs::write(site.at("drop/a"), "longer than before").unwrap();
        let refusal = copying.read(&inventory.files[0], 100).unwrap();
        assert_eq!(refusal, Err(ReadRefusal::Disturbed(Disturbance::Changed)));
        let staged = format!("store/.dropgate/staging/{}/contents", site.names("store/.dropgate/staging")[0]);
        assert!(site.names(&staged).is_empty());
        assert!(copying.finish().is_err());
    }
}
