//! A drop that lies in a local directory.
//!
//! Phases: the root is opened once; a walk lists it without following or opening anything but
//! directories; a file is opened beneath the root's handle, compared with what was listed, read, and
//! compared again; a last walk tells what changed. Between any two of these somebody may rename,
//! replace or truncate: what is read is always the listed file, or a [`Disturbance`].

use super::package::Package;
use super::pairs::{self, Opens, Reads};
use super::path::{DropPath, PathRefusal};
use super::schedule::Outcome;
use super::{
    Disturbance, Entry, HardLink, Identity, Inventory, Odd, Oddity, Place, Progress, ReadRefusal, Source,
    SourceError, Wanted,
};
use crate::digest::{Computed, DigestSet};
use crate::escape;
use crate::files::beneath::Beneath;
use crate::limits;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use std::cmp::Ordering;
use std::fs::{File, FileType};
use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use walkdir::{DirEntry, WalkDir};

/// Directories that the walk keeps open; deeper ones are read ahead into memory. Few, since a process
/// may be limited to 64 descriptors in all.
const OPEN_DIRECTORIES: usize = 10;

/// How long a thread waits for another to close a file, when no descriptor is left.
const DESCRIPTOR_WAIT: Duration = Duration::from_millis(1);

/// A directory that holds a drop.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    beneath: Beneath,
    inode: u64,
    /// Files open at this moment, by which "no descriptor left" is told from "wait for one".
    open_files: AtomicUsize,
}

impl Directory {
    /// Opens the root, which must be a directory itself and not a link to one.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let root = escape::path(path);
        // `link/` and `link/.` would follow the link. Components leave both endings out.
        let path: PathBuf = path.components().collect();
        let failed = |why: io::Error| SourceError::Root { root: root.clone(), why };
        let metadata = path.symlink_metadata().map_err(failed)?;
        if metadata.is_symlink() {
            let target = path.read_link().map_err(failed)?;
            let target = escape::path(&target);
            return Err(SourceError::RootIsLink { root, target });
        }
        if !metadata.is_dir() {
            return Err(SourceError::RootIsNoDirectory { root });
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::io::retry_on_intr(|| openat(CWD, &path, flags, Mode::empty()));
        let file = File::from(file.map_err(|errno| failed(errno.into()))?);
        let metadata = file.metadata().map_err(failed)?;
        let beneath = Beneath::new(file.into()).map_err(|errno| failed(errno.into()))?;
        Ok(Self { path, beneath, inode: metadata.ino(), open_files: AtomicUsize::new(0) })
    }

    /// The path that it was opened by, without links at its end.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its device and inode: whether another path leads to the same directory.
    pub fn identity(&self) -> (u64, u64) {
        (self.beneath.device(), self.inode)
    }

    fn shown(&self) -> String {
        escape::bytes(self.path.as_os_str().as_bytes())
    }
}

// Listing.

/// What the walk comes upon.
enum Found {
    File { entry: Entry, links: u64 },
    Directory(DropPath),
    Odd(Odd),
    Unsettled(String),
}

impl Directory {
    fn walk(&self, mut found: impl FnMut(Found)) -> Result<(), SourceError> {
        // `same_file_system` stays off although no other file system is entered: with it walkdir leaves
        // some directories unopened, and `skip_current_dir` on one of those skips the rest of its parent.
        // Off, every directory that is handed out is open and can be skipped.
        let mut walk = WalkDir::new(&self.path)
            .follow_links(false)
            .follow_root_links(false)
            .same_file_system(false)
            .max_open(OPEN_DIRECTORIES)
            .into_iter();
        let mut counts = Counts::default();
        let mut last_directory = PathBuf::new();
        while let Some(next) = walk.next() {
            let entry = match next {
                Ok(entry) => entry,
                Err(error) => {
                    found(self.unlisted(error, &last_directory)?);
                    continue;
                }
            };
            let opened = entry.file_type().is_dir();
            if opened {
                last_directory = entry.path().to_path_buf();
            }
            if entry.depth() == 0 {
                self.check_root(&entry)?;
                continue;
            }
            let (item, enter) = self.look_at(&entry)?;
            if opened && !enter {
                walk.skip_current_dir();
            }
            counts.add(&item).map_err(|(what, most)| SourceError::TooMany {
                root: self.shown(),
                what,
                most,
            })?;
            found(item);
        }
        Ok(())
    }

    /// The inventory of these names directly below the root and of nothing else: for files that somebody points at, in a
    /// directory that may hold a million others.
    ///
    /// # Errors
    /// When one is not there or can't be looked at.
    pub fn inventory_of(&self, names: &[DropPath]) -> Result<Inventory, SourceError> {
        let mut inventory = Inventory::default();
        for name in names {
            // By path; opening, which is by handle, compares with what is found here.
            let metadata = self
                .path
                .join(name.as_str())
                .symlink_metadata()
                .map_err(|why| SourceError::Unreadable { doing: "look at", shown: name.to_string(), why })?;
            let kind = metadata.file_type();
            if kind.is_dir() {
                inventory.directories.push(name.clone());
            } else if kind.is_file() {
                let place = Place::Disk(Identity::of(&metadata));
                inventory.files.push(Entry { path: name.clone(), size: metadata.len(), place });
            } else {
                let (shown, path) = (name.to_string(), Some(name.clone()));
                inventory.odd.push(Odd { shown, path, oddity: oddity(kind) });
            }
        }
        inventory.settle();
        Ok(inventory)
    }

    /// The walk goes by path, files are opened by handle: both must mean the same root.
    fn check_root(&self, entry: &DirEntry) -> Result<(), SourceError> {
        let why = match entry.metadata() {
            Ok(metadata) if (metadata.dev(), metadata.ino()) == self.identity() => {
                return Ok(());
            }
            Ok(_) => return Err(SourceError::RootReplaced { root: self.shown() }),
            Err(error) => cause(error),
        };
        Err(SourceError::Root { root: self.shown(), why })
    }

    /// What one name stands for, and whether to list what is below it.
    fn look_at(&self, entry: &DirEntry) -> Result<(Found, bool), SourceError> {
        let relative = self.relative(entry.path());
        let odd = |path, oddity| {
            let shown = escape::bytes(relative);
            Ok((Found::Odd(Odd { shown, path, oddity }), false))
        };
        let path = match DropPath::from_bytes(relative) {
            Ok(path) => path,
            Err(PathRefusal::TooDeep { .. }) => return odd(None, Oddity::TooDeep),
            Err(refusal) => return odd(None, Oddity::RefusedName(refusal)),
        };
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(error) => {
                let why = cause(error);
                return if is_gone(&why) {
                    Ok((Found::Unsettled(path.to_string()), false))
                } else {
                    Err(SourceError::Unreadable { doing: "look at", shown: path.to_string(), why })
                };
            }
        };
        let kind = metadata.file_type();
        if kind.is_dir() != entry.file_type().is_dir() {
            // It turned into a directory, or out of one, since its name was read. As a directory it was
            // not entered, so what it holds is not known.
            return Ok((Found::Unsettled(path.to_string()), false));
        }
        if kind.is_dir() {
            // Devices of directories alone are compared: on overlayfs a file may have another device
            // than the directory that it is in.
            if metadata.dev() != self.beneath.device() || self.is_mounted(&path) {
                return odd(Some(path), Oddity::MountPoint);
            }
            return Ok((Found::Directory(path), true));
        }
        if !kind.is_file() {
            return odd(Some(path), oddity(kind));
        }
        let links = metadata.nlink();
        let entry = Entry { path, size: metadata.len(), place: Place::Disk(Identity::of(&metadata)) };
        Ok((Found::File { entry, links }, false))
    }

    /// Whether a part of the same file system is mounted here (a bind mount), which its device number
    /// does not tell. A kernel that doesn't know says no; opening a file through it fails all the same.
    #[cfg(target_os = "linux")]
    fn is_mounted(&self, path: &DropPath) -> bool {
        use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        statx(self.beneath.root(), path.as_str(), flags, StatxFlags::empty())
            .is_ok_and(|status| status.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    }

    #[cfg(not(target_os = "linux"))]
    fn is_mounted(&self, _path: &DropPath) -> bool {
        false
    }

    /// A name or a directory that could not be read: gone meanwhile, or an error that names it.
    fn unlisted(&self, error: walkdir::Error, last_directory: &Path) -> Result<Found, SourceError> {
        let path = match error.path() {
            Some(path) => path.to_path_buf(),
            // An error in the middle of a directory comes without its path; the walk is depth first, so
            // it is the last one entered or one above.
            None => {
                let depth = self.path.components().count().saturating_add(error.depth().saturating_sub(1));
                last_directory.components().take(depth).collect()
            }
        };
        let relative = self.relative(&path);
        let shown = if relative.is_empty() { ".".to_owned() } else { escape::bytes(relative) };
        let why = cause(error);
        if is_gone(&why) && !relative.is_empty() {
            return Ok(Found::Unsettled(shown));
        }
        Err(SourceError::Unreadable { doing: "list", shown, why })
    }

    fn relative<'a>(&self, path: &'a Path) -> &'a [u8] {
        path.strip_prefix(&self.path).unwrap_or(path).as_os_str().as_bytes()
    }
}

/// How much the walk has come upon.
#[derive(Default)]
struct Counts {
    files: usize,
    entries: usize,
    name_bytes: u64,
}

impl Counts {
    fn add(&mut self, found: &Found) -> Result<(), (&'static str, u64)> {
        self.entries = self.entries.saturating_add(1);
        if matches!(found, Found::File { .. }) {
            self.files = self.files.saturating_add(1);
        }
        let name = match found {
            Found::File { entry, .. } => entry.path.as_str().len(),
            Found::Directory(path) => path.as_str().len(),
            Found::Odd(odd) => odd.shown.len(),
            Found::Unsettled(shown) => shown.len(),
        };
        self.name_bytes = self.name_bytes.saturating_add(name as u64);
        if self.files > limits::DROP_FILES {
            return Err(("files", limits::DROP_FILES as u64));
        }
        if self.entries > limits::DROP_ENTRIES {
            return Err(("entries", limits::DROP_ENTRIES as u64));
        }
        if self.name_bytes > limits::DROP_NAME_BYTES {
            return Err(("bytes of names", limits::DROP_NAME_BYTES));
        }
        Ok(())
    }
}

fn oddity(kind: FileType) -> Oddity {
    if kind.is_symlink() {
        Oddity::Symlink
    } else if kind.is_fifo() {
        Oddity::Fifo
    } else if kind.is_socket() {
        Oddity::Socket
    } else if kind.is_block_device() {
        Oddity::BlockDevice
    } else if kind.is_char_device() {
        Oddity::CharacterDevice
    } else {
        Oddity::Unknown
    }
}

/// What the system said, without walkdir's own message: that has the path in it, unescaped.
fn cause(error: walkdir::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(|| ErrorKind::Other.into())
}

fn is_gone(why: &io::Error) -> bool {
    matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

// Reading.

/// An open file, checked to be the one that was listed.
struct Held<'a> {
    file: File,
    open_files: &'a AtomicUsize,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.open_files.fetch_sub(1, Relaxed);
    }
}

/// A listed file between its first byte and its last.
pub(super) struct Reading<'d> {
    held: Held<'d>,
    entry: &'d Entry,
    left: u64,
}

impl Directory {
    fn opened<'d>(&'d self, entry: &'d Entry, opened: rustix::io::Result<OwnedFd>) -> Outcome<Reading<'d>> {
        let unreadable = |why| SourceError::Unreadable { doing: "open", shown: entry.path.to_string(), why };
        let file = match opened {
            Ok(file) => File::from(file),
            Err(errno) => {
                return disturbance(errno).map(Err).ok_or_else(|| unreadable(errno.into()));
            }
        };
        self.open_files.fetch_add(1, Relaxed);
        let held = Held { file, open_files: &self.open_files };
        Ok(match entry.compare(&held.file)? {
            None => Ok(Reading { held, entry, left: entry.size }),
            Some(disturbance) => Err(disturbance),
        })
    }

    fn open_beneath(&self, path: &DropPath) -> rustix::io::Result<OwnedFd> {
        let mut alone = false;
        loop {
            match self.try_open_beneath(path) {
                Err(errno @ (Errno::MFILE | Errno::NFILE)) => {
                    // Others will close what they read. Seen twice to be none, there is nothing to wait for.
                    let nobody = self.open_files.load(Relaxed) == 0;
                    if nobody && alone {
                        return Err(errno);
                    }
                    alone = nobody;
                    std::thread::sleep(DESCRIPTOR_WAIT);
                }
                done => return done,
            }
        }
    }

    /// Opens for reading, following no link and crossing no mount, and never waits: the file that was
    /// listed may be a FIFO or a terminal by now.
    fn try_open_beneath(&self, path: &DropPath) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        self.beneath.open(path.as_str().as_bytes(), flags, Mode::empty())
    }

    /// Streams a file through `sink`, from the listed file's first byte to its last. What the sink was given counts
    /// only when the whole gives `Ok(Ok)`; its own failure ends the stream.
    pub(crate) fn stream_to(
        &self,
        entry: &Entry,
        buffer: &mut [u8],
        sink: impl FnMut(&[u8]) -> Result<(), SourceError>,
    ) -> Outcome<()> {
        self.stream_through(entry, buffer, |_| Ok(None), sink)
    }

    /// The same, through a stand-in for the open file where `stand_in` gives one: what is read is read from that, and
    /// whether the listed file changed meanwhile is asked of the file itself.
    pub(crate) fn stream_through<'f>(
        &self,
        entry: &Entry,
        buffer: &mut [u8],
        stand_in: impl FnOnce(&File) -> Result<Option<&'f File>, SourceError>,
        mut sink: impl FnMut(&[u8]) -> Result<(), SourceError>,
    ) -> Outcome<()> {
        let mut reading = match self.begin(entry)? {
            Ok(reading) => reading,
            Err(disturbance) => return Ok(Err(disturbance)),
        };
        let stand_in = stand_in(&reading.held.file)?;
        loop {
            match reading.next_from(stand_in, buffer)? {
                Ok([]) => return reading.check(),
                Ok(bytes) => sink(bytes)?,
                Err(disturbance) => return Ok(Err(disturbance)),
            }
        }
    }
}

impl Opens for Directory {
    type Reading<'d> = Reading<'d>;

    /// Where no descriptor is left it waits for one, so a thread that calls this must hold none itself: two that wait for
    /// each other's would wait for ever.
    fn begin<'d>(&'d self, entry: &'d Entry) -> Outcome<Reading<'d>> {
        self.opened(entry, self.open_beneath(&entry.path))
    }

    fn begin_beside<'d>(
        &'d self,
        entry: &'d Entry,
    ) -> Result<Option<Result<Reading<'d>, Disturbance>>, SourceError> {
        match self.try_open_beneath(&entry.path) {
            Err(Errno::MFILE | Errno::NFILE) => Ok(None),
            tried => self.opened(entry, tried).map(Some),
        }
    }
}

impl Reads for Reading<'_> {
    fn next(&mut self, buffer: &mut [u8]) -> Outcome<usize> {
        match self.next_from(None, buffer)? {
            Ok([]) => Ok(self.check()?.map(|()| 0)),
            Ok(bytes) => Ok(Ok(bytes.len())),
            Err(disturbance) => Ok(Err(disturbance)),
        }
    }
}

impl Reading<'_> {
    /// Reads the next bytes, from the stand-in if there is one. None are left where it gives none:
    /// then [`check`](Self::check) tells what all the bytes are worth.
    fn next_from<'b>(&mut self, stand_in: Option<&File>, buffer: &'b mut [u8]) -> Outcome<&'b [u8]> {
        let mut file = stand_in.unwrap_or(&self.held.file);
        let read = loop {
            match file.read(buffer) {
                Ok(read) => break read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(why) => {
                    let shown = self.entry.path.to_string();
                    return Err(SourceError::Unreadable { doing: "read", shown, why });
                }
            }
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        // A file that grows faster than it is read would never end.
        match self.left.checked_sub(bytes.len() as u64) {
            Some(rest) => self.left = rest,
            None => return Ok(Err(Disturbance::Changed)),
        }
        Ok(Ok(bytes))
    }

    /// Looks once more whether all that was read is the listed file.
    fn check(&self) -> Outcome<()> {
        Ok(match self.entry.compare(&self.held.file)? {
            Some(disturbance) => Err(disturbance),
            None if self.left > 0 => Err(Disturbance::Changed),
            None => Ok(()),
        })
    }
}

impl Entry {
    /// What an open file is that this entry is not.
    fn compare(&self, file: &File) -> Result<Option<Disturbance>, SourceError> {
        let metadata = file.metadata().map_err(|why| SourceError::Unreadable {
            doing: "look at",
            shown: self.path.to_string(),
            why,
        })?;
        let Place::Disk(then) = &self.place else { return Ok(Some(Disturbance::Replaced)) };
        let now = Identity::of(&metadata);
        let same_file = (now.device, now.inode) == (then.device, then.inode);
        Ok(if !metadata.is_file() || !same_file {
            Some(Disturbance::Replaced)
        } else if now != *then || metadata.len() != self.size {
            Some(Disturbance::Changed)
        } else {
            None
        })
    }
}

/// What a failure to open says about the drop; `None` when it only says that we could not look.
fn disturbance(errno: Errno) -> Option<Disturbance> {
    match errno {
        Errno::NOENT => Some(Disturbance::Vanished),
        // A socket, or a device that nobody drives.
        Errno::NXIO | Errno::NODEV => Some(Disturbance::Replaced),
        Errno::LOOP => Some(Disturbance::Unreachable("a symbolic link".into())),
        Errno::NOTDIR => Some(Disturbance::Unreachable("something that is not a directory".into())),
        Errno::XDEV => Some(Disturbance::Unreachable("a mount point".into())),
        _ => None,
    }
}

impl Source for Directory {
    fn inventory(&self) -> Result<Inventory, SourceError> {
        let mut inventory = Inventory::default();
        self.walk(|found| match found {
            Found::File { entry, links } => {
                if links > 1 {
                    inventory.hard_links.push(HardLink { path: entry.path.clone(), links });
                }
                inventory.files.push(entry);
            }
            Found::Directory(path) => inventory.directories.push(path),
            Found::Odd(odd) => inventory.odd.push(odd),
            Found::Unsettled(shown) => inventory.unsettled.push(shown),
        })?;
        inventory.settle();
        Ok(inventory)
    }

    fn read(&self, entry: &Entry, cap: u64) -> Result<Result<Vec<u8>, ReadRefusal>, SourceError> {
        if entry.size > cap {
            return Ok(Err(ReadRefusal::TooLarge { size: entry.size, cap }));
        }
        let mut contents = Vec::with_capacity(usize::try_from(entry.size).unwrap_or_default());
        let mut buffer = vec![0; limits::READ_BUFFER_BYTES];
        let streamed = self.stream_to(entry, &mut buffer, |bytes| {
            contents.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(streamed.map(|()| contents).map_err(ReadRefusal::Disturbed))
    }

    fn stream(&self, entry: &Entry, sink: &mut dyn FnMut(&[u8])) -> Outcome<()> {
        let mut buffer = vec![0; limits::READ_BUFFER_BYTES];
        self.stream_to(entry, &mut buffer, |bytes| {
            sink(bytes);
            Ok(())
        })
    }

    fn inner(&self, entry: &Entry) -> Result<Package, SourceError> {
        let shown = entry.path.to_string();
        let file = match self.begin(entry)? {
            Ok(reading) => reading.held.file.try_clone(),
            Err(why) => return Err(SourceError::InnerPackage { shown, why: why.to_string() }),
        };
        let file = file.map_err(|why| SourceError::Unreadable { doing: "open", shown, why })?;
        Package::of_file(file, entry.path.as_str())
    }

    fn digest(
        &self,
        wanted: &[Wanted<'_>],
        progress: &dyn Progress,
    ) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
        pairs::digest(self, wanted, progress)
    }

    fn changes_since(&self, inventory: &Inventory) -> Result<Vec<String>, SourceError> {
        let mut files = Roll::new(&inventory.files);
        let mut directories = Roll::new(&inventory.directories);
        let mut odds = Roll::new(&inventory.odd);
        let mut changes = inventory.unsettled.clone();
        self.walk(|found| {
            let change = match found {
                Found::File { entry, .. } => {
                    let same = files.call(|known| known.path.cmp(&entry.path)) == Some(&entry);
                    (!same).then(|| entry.path.to_string())
                }
                Found::Directory(path) => {
                    let same = directories.call(|known| known.cmp(&path)).is_some();
                    (!same).then(|| path.to_string())
                }
                Found::Odd(odd) => {
                    let same = odds.call(|known| known.shown.cmp(&odd.shown)) == Some(&odd);
                    (!same).then_some(odd.shown)
                }
                Found::Unsettled(shown) => Some(shown),
            };
            changes.extend(change);
        })?;
        changes.extend(files.absent().map(|entry| entry.path.to_string()));
        changes.extend(directories.absent().map(DropPath::to_string));
        changes.extend(odds.absent().map(|odd| odd.shown.clone()));
        changes.sort_unstable();
        changes.dedup();
        Ok(changes)
    }
}

/// A sorted list of what was there, marked off as it is met again.
struct Roll<'a, T> {
    known: &'a [T],
    met: Vec<bool>,
}

impl<'a, T> Roll<'a, T> {
    fn new(known: &'a [T]) -> Self {
        Self { known, met: vec![false; known.len()] }
    }

    fn call(&mut self, compare: impl FnMut(&T) -> Ordering) -> Option<&'a T> {
        let at = self.known.binary_search_by(compare).ok()?;
        *self.met.get_mut(at)? = true;
        self.known.get(at)
    }

    fn absent(&self) -> impl Iterator<Item = &'a T> {
        self.known.iter().zip(&self.met).filter(|(_, met)| !**met).map(|(known, _)| known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Algorithms, Hashers};
    use crate::drop::NoProgress;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    fn drop_of(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, contents) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
        dir
    }

    fn listed(dir: &tempfile::TempDir) -> (Directory, Inventory) {
        let source = Directory::open(dir.path()).unwrap();
        let inventory = source.inventory().unwrap();
        (source, inventory)
    }

    fn fifo(path: &Path) {
        rustix::fs::mknodat(CWD, path, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    }

    fn paths(inventory: &Inventory) -> Vec<&str> {
        inventory.files.iter().map(|entry| entry.path.as_str()).collect()
    }

    fn sha256() -> Algorithms {
        Algorithms::default().with(Algorithm::Sha256)
    }

    #[test]
    fn everything_ordinary_is_listed_in_order() {
        let dir = drop_of(&[("b", "1"), ("a/c", ""), ("a-b", "333"), (".hidden/x~", "4")]);
        fs::create_dir(dir.path().join("empty")).unwrap();
        let (source, inventory) = listed(&dir);
        assert_eq!(paths(&inventory), [".hidden/x~", "a-b", "a/c", "b"]);
        assert_eq!(inventory.files.iter().map(|f| f.size).collect::<Vec<_>>(), [1, 3, 0, 1]);
        let directories: Vec<_> = inventory.directories.iter().map(DropPath::as_str).collect();
        assert_eq!(directories, [".hidden", "a", "empty"]);
        assert!(inventory.odd.is_empty() && inventory.unsettled.is_empty());
        assert!(source.changes_since(&inventory).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_regular_file_is_told_and_never_opened() {
        let dir = drop_of(&[("real/f", "x")]);
        let at = |name: &str| dir.path().join(name);
        symlink("real", at("to-directory")).unwrap();
        symlink("/etc/passwd", at("to-outside")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        symlink("loop", at("loop")).unwrap();
        fifo(&at("pipe"));
        let _listener = UnixListener::bind(at("socket")).unwrap();
        let (_, inventory) = listed(&dir);
        assert_eq!(paths(&inventory), ["real/f"]);
        let odd: Vec<_> = inventory.odd.iter().map(|odd| (odd.shown.as_str(), odd.oddity)).collect();
        assert_eq!(
            odd,
            [
                ("dangling", Oddity::Symlink),
                ("loop", Oddity::Symlink),
                ("pipe", Oddity::Fifo),
                ("socket", Oddity::Socket),
                ("to-directory", Oddity::Symlink),
                ("to-outside", Oddity::Symlink),
            ]
        );
    }

    #[test]
    fn a_listing_of_a_few_names_is_of_those_alone_and_follows_no_link() {
        let dir = drop_of(&[("f", "x"), ("g", "xx"), ("d/f", "x"), ("other", "")]);
        symlink("f", dir.path().join("link")).unwrap();
        fifo(&dir.path().join("pipe"));
        let (source, whole) = listed(&dir);
        let names =
            |texts: &[&str]| texts.iter().map(|text| DropPath::parse(text).unwrap()).collect::<Vec<_>>();
        let few = source.inventory_of(&names(&["pipe", "g", "link", "f", "d"])).unwrap();
        assert_eq!(few.files, [whole.find(&names(&["f"])[0]).unwrap().clone(), whole.files[2].clone()]);
        assert_eq!(few.directories, names(&["d"]));
        let odd: Vec<_> = few.odd.iter().map(|odd| (odd.shown.as_str(), odd.oddity)).collect();
        assert_eq!(odd, [("link", Oddity::Symlink), ("pipe", Oddity::Fifo)]);
        assert!(source.inventory_of(&names(&["none"])).is_err());
    }

    #[test]
    fn refused_names_are_shown_escaped_and_not_entered() {
        let dir = drop_of(&[
            ("a\u{202e}b/inner", "x"),
            ("new\nline", "x"),
            ("back\\slash", "x"),
            ("zz/after", "x"),
        ]);
        fs::write(dir.path().join(OsStr::from_bytes(b"caf\xe9")), "x").unwrap();
        let (_, inventory) = listed(&dir);
        assert_eq!(paths(&inventory), ["zz/after"]);
        let odd: Vec<_> = inventory.odd.iter().map(|odd| (odd.shown.as_str(), odd.oddity)).collect();
        assert_eq!(
            odd,
            [
                (r"a\u{202e}b", Oddity::RefusedName(PathRefusal::Deceptive('\u{202e}'))),
                (r"back\\slash", Oddity::RefusedName(PathRefusal::Backslash)),
                (r"caf\xe9", Oddity::RefusedName(PathRefusal::NotUtf8 { at: 3 })),
                (r"new\u{a}line", Oddity::RefusedName(PathRefusal::Control('\n'))),
            ]
        );
    }

    #[test]
    fn a_deep_tree_is_cut_at_the_limit() {
        let dir = drop_of(&[("zz", "x")]);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut here = openat(CWD, dir.path(), flags, Mode::empty()).unwrap();
        for _ in 0..5_000 {
            rustix::fs::mkdirat(&here, "d", Mode::RWXU).unwrap();
            here = openat(&here, "d", flags, Mode::empty()).unwrap();
        }
        let (_, inventory) = listed(&dir);
        assert_eq!(inventory.directories.len(), limits::PATH_DEPTH);
        assert_eq!(inventory.odd.iter().map(|odd| odd.oddity).collect::<Vec<_>>(), [Oddity::TooDeep]);
        assert_eq!(paths(&inventory), ["zz"]);
    }

    #[test]
    fn hard_links_are_files_and_are_told() {
        let dir = drop_of(&[("a", "x"), ("c", "x")]);
        fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
        let (_, inventory) = listed(&dir);
        assert_eq!(paths(&inventory), ["a", "b", "c"]);
        let linked: Vec<_> = inventory.hard_links.iter().map(|h| (h.path.as_str(), h.links)).collect();
        assert_eq!(linked, [("a", 2), ("b", 2)]);
    }

    #[test]
    fn the_root_must_be_a_directory_itself() {
        let dir = drop_of(&[("d/f", "x")]);
        symlink("d", dir.path().join("link")).unwrap();
        for (name, message) in [
            ("link", "is a symbolic link to `d`"),
            ("link/", "is a symbolic link to `d`"),
            ("link//./", "is a symbolic link to `d`"),
            ("d/f", "expected a directory"),
            ("none", "can't open the drop"),
        ] {
            let error = Directory::open(&dir.path().join(name)).unwrap_err().to_string();
            assert!(error.contains(message), "{name}: {error}");
        }
        assert!(Directory::open(&dir.path().join("d//")).is_ok());
        assert!(matches!(Directory::open(Path::new("")), Err(SourceError::Root { .. })));
    }

    #[test]
    fn a_root_that_was_replaced_is_no_listing() {
        let dir = drop_of(&[("d/f", "x"), ("e/f", "x")]);
        let source = Directory::open(&dir.path().join("d")).unwrap();
        fs::rename(dir.path().join("d"), dir.path().join("old")).unwrap();
        fs::rename(dir.path().join("e"), dir.path().join("d")).unwrap();
        assert!(matches!(source.inventory(), Err(SourceError::RootReplaced { .. })));
    }

    /// One thing done to the file `d/f` after it was listed.
    type Attack = fn(&Path);

    /// What it is to be taken for.
    type Expected = fn(&Disturbance) -> bool;

    const ATTACKS: [(&str, Attack, Expected); 9] = [
        ("grown", |d| fs::write(d.join("f"), "longer than before").unwrap(), |d| *d == Disturbance::Changed),
        ("cut", |d| fs::write(d.join("f"), "").unwrap(), |d| *d == Disturbance::Changed),
        ("rewritten", |d| fs::write(d.join("f"), "after!").unwrap(), |d| *d == Disturbance::Changed),
        ("deleted", |d| fs::remove_file(d.join("f")).unwrap(), |d| *d == Disturbance::Vanished),
        (
            "replaced",
            |d| {
                fs::write(d.join("g"), "before").unwrap();
                fs::rename(d.join("g"), d.join("f")).unwrap();
            },
            |d| *d == Disturbance::Replaced,
        ),
        (
            "fifo",
            |d| {
                fs::remove_file(d.join("f")).unwrap();
                fifo(&d.join("f"));
            },
            |d| *d == Disturbance::Replaced,
        ),
        (
            "socket",
            |d| {
                fs::remove_file(d.join("f")).unwrap();
                UnixListener::bind(d.join("f")).unwrap();
            },
            |d| *d == Disturbance::Replaced,
        ),
        (
            "link in its place",
            |d| {
                fs::rename(d.join("f"), d.join("g")).unwrap();
                symlink("g", d.join("f")).unwrap();
            },
            |d| matches!(d, Disturbance::Unreachable(_)),
        ),
        (
            "link above it",
            |d| {
                fs::rename(d, d.with_file_name("moved")).unwrap();
                symlink("moved", d).unwrap();
            },
            |d| matches!(d, Disturbance::Unreachable(_)),
        ),
    ];

    #[test]
    fn a_file_disturbed_after_listing_is_never_read() {
        for step_by_step in [false, true] {
            for (name, attack, expected) in ATTACKS {
                let dir = drop_of(&[("d/f", "before")]);
                let (source, inventory) = listed(&dir);
                source.beneath.go_step_by_step(step_by_step);
                let entry = &inventory.files[0];
                assert_eq!(source.read(entry, 6).unwrap().unwrap(), b"before");
                // Past one tick of the file system's clock.
                std::thread::sleep(Duration::from_millis(20));
                attack(&dir.path().join("d"));
                let Err(ReadRefusal::Disturbed(disturbance)) = source.read(entry, 6).unwrap() else {
                    panic!("{name}: it was read");
                };
                assert!(expected(&disturbance), "{name} {step_by_step}: {disturbance:?}");
                let wanted = [Wanted { entry, algorithms: sha256() }];
                assert_eq!(source.digest(&wanted, &NoProgress).unwrap(), [Err(disturbance)], "{name}");
                let changes = source.changes_since(&inventory).unwrap();
                assert!(changes.iter().any(|shown| shown == "d/f"), "{name}: {changes:?}");
            }
        }
    }

    #[test]
    fn a_change_while_reading_is_seen() {
        for (name, attack) in [
            ("grown", (|f| f.set_len(9)) as fn(File) -> io::Result<()>),
            ("cut", |f| f.set_len(4)),
            ("touched", |f| f.set_modified(std::time::SystemTime::UNIX_EPOCH)),
        ] {
            let dir = drop_of(&[("f", "before")]);
            let (source, inventory) = listed(&dir);
            std::thread::sleep(Duration::from_millis(20));
            let path = dir.path().join("f");
            let mut file = Some(path);
            let streamed = source.stream_to(&inventory.files[0], &mut [0; 2], |_| {
                if let Some(path) = file.take() {
                    attack(File::options().write(true).open(path).unwrap()).unwrap();
                }
                Ok(())
            });
            assert_eq!(streamed.unwrap(), Err(Disturbance::Changed), "{name}");
        }
    }

    #[test]
    fn a_cap_is_kept() {
        let dir = drop_of(&[("f", "12345")]);
        let (source, inventory) = listed(&dir);
        let refusal = source.read(&inventory.files[0], 4).unwrap();
        assert_eq!(refusal, Err(ReadRefusal::TooLarge { size: 5, cap: 4 }));
    }

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let files: Vec<_> =
            (0..300).map(|i| (format!("d{}/f{i:03}", i % 7), format!("contents {i}"))).collect();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let dir = drop_of(&files);
        let (source, inventory) = listed(&dir);
        let wanted: Vec<_> =
            inventory.files.iter().map(|entry| Wanted { entry, algorithms: sha256() }).collect();
        let digests = source.digest(&wanted, &NoProgress).unwrap();
        assert_eq!(digests.len(), 300);
        for (wanted, digest) in wanted.iter().zip(digests) {
            let mut hashers = Hashers::new(sha256());
            hashers.update(&fs::read(dir.path().join(wanted.entry.path.as_str())).unwrap());
            assert_eq!(digest.unwrap(), hashers.finish());
        }
        assert_eq!(source.open_files.load(Relaxed), 0);
    }

    #[test]
    fn changes_name_what_came_and_what_went() {
        let dir = drop_of(&[("a/f", "x"), ("b/f", "x"), ("same", "x")]);
        symlink("x", dir.path().join("link")).unwrap();
        let (source, mut inventory) = listed(&dir);
        inventory.unsettled.push("seen once".into());
        fs::remove_dir_all(dir.path().join("b")).unwrap();
        fs::create_dir(dir.path().join("c")).unwrap();
        fs::write(dir.path().join("a/new"), "").unwrap();
        fs::remove_file(dir.path().join("link")).unwrap();
        let changes = source.changes_since(&inventory).unwrap();
        assert_eq!(changes, ["a/new", "b", "b/f", "c", "link", "seen once"]);
    }

    #[test]
    fn an_open_file_counts_until_it_is_closed() {
        let dir = drop_of(&[("f", "x")]);
        let (source, inventory) = listed(&dir);
        let reading = source.begin(&inventory.files[0]).unwrap().unwrap();
        assert_eq!(source.open_files.load(Relaxed), 1);
        drop(reading);
        assert_eq!(source.open_files.load(Relaxed), 0);
    }
}
