//! What arrived, before anybody's claim about it is read.
//!
//! Phases: a [`Source`] lists a drop as an [`Inventory`]; files in it are read or hashed, each once and
//! each checked to be the file that was listed; at the end the source tells what changed meanwhile.
//! What is odd about a drop is a value here ([`Odd`], [`Disturbance`]) and becomes a finding;
//! [`SourceError`] is kept for "could not look".

pub mod collisions;
pub mod directory;
pub mod keeping;
pub mod package;
mod pairs;
pub mod path;
pub(crate) mod schedule;

use crate::digest::{Algorithms, Computed, DigestSet};
use path::{DropPath, PathRefusal};
use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;

/// One regular file that arrived.
///
/// Millions of these are held at once, so it stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: DropPath,
    /// Its size when it was listed, in bytes.
    pub size: u64,
    place: Place,
}

#[cfg(test)]
impl Entry {
    /// A file that exists nowhere, for tests of what only looks at names and sizes.
    pub(crate) fn imagined(path: &str, size: u64) -> Self {
        let path = DropPath::parse(path).unwrap();
        Self { path, size, place: Place::Disk(Identity::default()) }
    }
}

/// Where its bytes are, and how they are known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A file of its own.
    Disk(Identity),
    /// An entry of a zip package.
    Zip(package::zip::Member),
    /// An entry of a tar archive.
    Tar(package::tar::Member),
}

/// What tells a file from another, and from itself after a change. Seconds and nanoseconds stand apart
/// so that the structure packs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    modified: i64,
    changed: i64,
    modified_nanoseconds: u32,
    changed_nanoseconds: u32,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: metadata.mtime(),
            changed: metadata.ctime(),
            // Below a thousand million wherever it comes from a kernel.
            modified_nanoseconds: u32::try_from(metadata.mtime_nsec()).unwrap_or(u32::MAX),
            changed_nanoseconds: u32::try_from(metadata.ctime_nsec()).unwrap_or(u32::MAX),
        }
    }
}

/// Why something that arrived can't be an artifact. It is never opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// A symbolic link, wherever it leads.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharacterDevice,
    /// A directory on which something else is mounted; what is in it did not come with the drop.
    MountPoint,
    /// A name that is not the path of an artifact. What is below it is not listed.
    RefusedName(PathRefusal),
    /// Nested deeper than is read. What is below it is not listed.
    TooDeep,
    /// A kind of file that this gate does not know.
    Unknown,
    /// A name that a package has more than once: readers differ in which one they take.
    Duplicate,
    /// A file of a package below which the package has further files.
    FileAndDirectory,
    /// A zip package, or an entry of one, that two readers may take for different things.
    Zip(package::zip::Fault),
    /// A tar archive, or an entry of one, that two readers may take for different things.
    Tar(package::tar::Fault),
    /// Compressed data that does not count, or only in part.
    Compressed(package::compressed::Fault),
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a named pipe",
            Self::Socket => "a socket",
            Self::BlockDevice => "a block device",
            Self::CharacterDevice => "a character device",
            Self::MountPoint => "a mount point",
            Self::RefusedName(refusal) => return write!(f, "a refused name: {refusal}"),
            Self::TooDeep => "nested too deep",
            Self::Unknown => "of an unknown kind",
            Self::Duplicate => "several entries of this name",
            Self::FileAndDirectory => "a file that is the directory of others too",
            Self::Zip(fault) => return fault.fmt(f),
            Self::Tar(fault) => return fault.fmt(f),
            Self::Compressed(fault) => return fault.fmt(f),
        })
    }
}

/// Something that arrived and can't be an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Its path, escaped for showing.
    pub shown: String,
    /// Its path, where that is a legal one.
    pub path: Option<DropPath>,
    /// What is odd.
    pub oddity: Oddity,
}

/// A regular file that has other names too, inside the drop or outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardLink {
    /// Where it is.
    pub path: DropPath,
    /// How many names it has in all.
    pub links: u64,
}

/// Everything that arrived.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Regular files, sorted by path.
    pub files: Vec<Entry>,
    /// What can't be an artifact, sorted by `shown`.
    pub odd: Vec<Odd>,
    /// Directories below the root, sorted.
    pub directories: Vec<DropPath>,
    /// Regular files of more than one name, sorted by path. They are in `files` too.
    pub hard_links: Vec<HardLink>,
    /// Escaped names that were listed, and then gone or of another kind when looked at; sorted.
    /// [`Source::changes_since`] reports them, so that none is lost silently.
    pub unsettled: Vec<String>,
}

impl Inventory {
    /// The regular file of this path.
    pub fn find(&self, path: &DropPath) -> Option<&Entry> {
        let at = self.files.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        self.files.get(at)
    }

    /// What stands at this path and can't be an artifact.
    pub fn find_odd(&self, path: &DropPath) -> Option<&Odd> {
        let shown = path.to_string();
        let at = self.odd.binary_search_by(|odd| odd.shown.as_str().cmp(&shown)).ok()?;
        self.odd.get(at)
    }

    /// Sorts everything and gives back the memory that growing took.
    fn settle(&mut self) {
        self.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        self.odd.sort_unstable_by(|a, b| a.shown.cmp(&b.shown));
        self.directories.sort_unstable();
        self.hard_links.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        self.unsettled.sort_unstable();
        self.files.shrink_to_fit();
        self.odd.shrink_to_fit();
        self.directories.shrink_to_fit();
        self.hard_links.shrink_to_fit();
        self.unsettled.shrink_to_fit();
    }
}

/// What happened to a file between listing and reading. A finding, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disturbance {
    /// It is gone.
    Vanished,
    /// Another file, or something that is no file, has its name.
    Replaced,
    /// It is the same file and its size or its times are not the same, or it gave more or fewer bytes
    /// than it has.
    Changed,
    /// Its path leads elsewhere now; the text says through what.
    Unreachable(String),
    /// What a package holds for it does not unpack to what the package says of it.
    Unpackable(package::Unpackable),
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vanished => f.write_str("it vanished after it was listed"),
            Self::Replaced => f.write_str("something else took its place after it was listed"),
            Self::Changed => f.write_str("it changed after it was listed"),
            Self::Unreachable(through) => write!(f, "its path leads through {through}"),
            Self::Unpackable(why) => why.fmt(f),
        }
    }
}

/// Why a small file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadRefusal {
    /// It is larger than what was asked for may be.
    TooLarge {
        /// Its size, in bytes.
        size: u64,
        /// The most that was asked for, in bytes.
        cap: u64,
    },
    /// It is not the file that was listed any more.
    Disturbed(Disturbance),
}

impl fmt::Display for ReadRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size, cap } => write!(f, "expected at most {cap} bytes, found {size}"),
            Self::Disturbed(disturbance) => disturbance.fmt(f),
        }
    }
}

/// The gate could not look: nothing is known about the drop, good or bad.
///
/// Each message is whole: the cause that a system gave is part of it, and is not repeated as a source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The drop itself can't be opened.
    #[error("can't open the drop `{root}`: {why}")]
    Root {
        /// Its path, escaped.
        root: String,
        /// What the system said.
        why: io::Error,
    },
    /// The drop is a symbolic link: who can change it chooses what is judged.
    #[error("the drop `{root}` is a symbolic link to `{target}`: name the directory itself")]
    RootIsLink {
        /// Its path, escaped.
        root: String,
        /// What the link holds, escaped.
        target: String,
    },
    /// The drop is something else.
    #[error("can't open the drop `{root}`: expected a directory, found another kind of file")]
    RootIsNoDirectory {
        /// Its path, escaped.
        root: String,
    },
    /// The package is a symbolic link: who can change it chooses what is judged.
    #[error("the package `{root}` is a symbolic link to `{target}`: name the file itself")]
    PackageIsLink {
        /// Its path, escaped.
        root: String,
        /// What the link holds, escaped.
        target: String,
    },
    /// The package is something else.
    #[error("can't open the package `{root}`: expected a regular file, found another kind of file")]
    PackageIsNoFile {
        /// Its path, escaped.
        root: String,
    },
    /// A file whose first bytes are not those of any package that this gate reads.
    #[error(
        "can't open `{root}` as a package: expected {expected}, found something else; a file that has a signature beside it is judged \
         with it, in a directory that holds both"
    )]
    NoPackage {
        /// Its path, escaped.
        root: String,
        /// What is read.
        expected: &'static str,
    },
    /// The package that lies in another one can't be opened from there.
    #[error("can't open the package `{shown}` inside the package: {why}")]
    InnerPackage {
        /// Its path in the outer package, escaped.
        shown: String,
        /// What was expected and what was found.
        why: String,
    },
    /// The drop's path names another directory than the one that was opened.
    #[error("can't list the drop `{root}`: another directory took its place")]
    RootReplaced {
        /// Its path, escaped.
        root: String,
    },
    /// Something in the drop can't be looked at.
    #[error("can't {doing} `{shown}`: {why}")]
    Unreadable {
        /// What was being done, as in "can't open".
        doing: &'static str,
        /// Its path in the drop, escaped; `.` for the drop itself.
        shown: String,
        /// What the system said.
        why: io::Error,
    },
    /// What was read could not be kept where it is to be judged and admitted from.
    #[error("can't {doing} the copy of `{shown}` in the store's staging: {why}")]
    NotCopied {
        /// What was being done, as in "can't write".
        doing: &'static str,
        /// The file's path in the drop, escaped.
        shown: String,
        /// What the system said.
        why: io::Error,
    },
    /// More than this gate holds in memory.
    #[error("can't list the drop `{root}`: expected at most {most} {what}, found more")]
    TooMany {
        /// The drop's path, escaped.
        root: String,
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        most: u64,
    },
}

/// Where a drop comes from.
///
/// Every outer `Err` is "could not look"; what is wrong with the drop is inside the `Ok`.
pub trait Source: Sync {
    /// Lists everything, opening no file.
    fn inventory(&self) -> Result<Inventory, SourceError>;

    /// The whole contents of a small file, at most `cap` bytes.
    fn read(&self, entry: &Entry, cap: u64) -> Result<Result<Vec<u8>, ReadRefusal>, SourceError>;

    /// Gives the bytes of a file of any size to `sink`, in order, each once. Nothing that the sink got counts unless the
    /// answer is good.
    fn stream(
        &self,
        entry: &Entry,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Result<(), Disturbance>, SourceError>;

    /// Opens a file of the drop that is a package itself, to look into it.
    ///
    /// # Errors
    /// [`SourceError::InnerPackage`] or [`SourceError::NoPackage`] where the file is none that may be looked into.
    fn inner(&self, entry: &Entry) -> Result<package::Package, SourceError>;

    /// Hashes each wanted file, streamed once, in parallel. Answers come in the order of `wanted`; of
    /// several files that can't be read, the error names the first in that order.
    fn digest(
        &self,
        wanted: &[Wanted<'_>],
        progress: &dyn Progress,
    ) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError>;

    /// What is not as `inventory` says any more: the escaped paths of all that was added, removed or
    /// changed since, sorted.
    fn changes_since(&self, inventory: &Inventory) -> Result<Vec<String>, SourceError>;
}

/// A file to hash, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The file.
    pub entry: &'a Entry,
    /// Every algorithm that some claim about it uses.
    pub algorithms: Algorithms,
}

/// Told how far reading has come. Called from many threads.
pub trait Progress: Sync {
    /// Before anything is read: what there is to do.
    fn total(&self, files: u64, bytes: u64);
    /// So many more bytes were read.
    fn read(&self, bytes: u64);
    /// One more file is done.
    fn file_done(&self);
}

/// Nobody is watching.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn total(&self, _files: u64, _bytes: u64) {}
    fn read(&self, _bytes: u64) {}
    fn file_done(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_stays_small() {
        assert!(size_of::<Entry>() <= 96, "{}", size_of::<Entry>());
    }

    #[test]
    fn find_needs_the_exact_path() {
        let files = ["b", "a/b", "a-b", "A/b"].map(|path| Entry::imagined(path, 1)).into();
        let mut inventory = Inventory { files, ..Inventory::default() };
        inventory.settle();
        for (path, there) in
            [("a/b", true), ("a-b", true), ("A/b", true), ("b", true), ("a", false), ("B", false)]
        {
            let path = DropPath::parse(path).unwrap();
            assert_eq!(inventory.find(&path).map(|entry| &entry.path), there.then_some(&path));
        }
    }

    #[test]
    fn messages_are_whole() {
        let why = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = SourceError::Unreadable { doing: "open", shown: "a/b".into(), why };
        assert_eq!(error.to_string(), "can't open `a/b`: permission denied");
        let odd = Oddity::RefusedName(PathRefusal::Backslash);
        assert_eq!(odd.to_string(), "a refused name: expected `/` between components, found a backslash");
    }
}
