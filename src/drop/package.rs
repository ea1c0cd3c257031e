//! A drop that is one file: a package.
//!
//! Phases: the file is opened once and told by its first bytes, never by its name; the container's reader lists it,
//! and lists as odd whatever two readers could take for different things; entries are unpacked in memory while they
//! are hashed, and nothing is ever written under a name of the package's; at the end the file, and what its path leads to,
//! must still be the ones that were opened.

pub mod compressed;
pub(super) mod names;
pub mod tar;
mod window;
pub mod zip;

use super::path::DropPath;
use super::schedule::Outcome;
use super::{
    Disturbance, Entry, Identity, Inventory, Place, Progress, ReadRefusal, Source, SourceError, Wanted,
};
use crate::digest::{Computed, DigestSet};
use crate::escape;
use crate::limits;
use compressed::Packing;
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use window::Window;

/// A file that holds a drop.
#[derive(Debug)]
pub struct Package {
    /// Where the container's bytes are.
    window: Window,
    kind: Kind,
    /// What listing a compressed archive taught.
    memory: tar::Memory,
    /// The file on disk, which for a package in a package is the outer one.
    outer: Arc<Outer>,
    /// What it is called, escaped.
    shown: String,
    /// Whether it lies in another package.
    nested: bool,
}

/// Which container it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Zip,
    /// Compressed as a whole, or not.
    Tar(Option<Packing>),
}

/// What [`Kind::of`] tells apart, for whoever gave something else.
const KINDS: &str = if cfg!(all(feature = "zstd", feature = "xz")) {
    "a zip package, or a tar archive, plain or compressed by gzip, zstd or xz"
} else if cfg!(feature = "zstd") {
    "a zip package, or a tar archive, plain or compressed by gzip or zstd (this build reads no xz)"
} else if cfg!(feature = "xz") {
    "a zip package, or a tar archive, plain or compressed by gzip or xz (this build reads no zstd)"
} else {
    "a zip package, or a tar archive, plain or compressed by gzip (this build reads no zstd and no xz)"
};

/// The file that was named, as it was when it was opened.
#[derive(Debug)]
struct Outer {
    file: Arc<File>,
    /// `None` where a handle was given, so that no path can lead elsewhere.
    path: Option<PathBuf>,
    shown: String,
    identity: Identity,
    size: u64,
}

/// Why the packed bytes of an entry are not what the package says of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpackable {
    /// They give more or fewer bytes than the entry has.
    Size {
        /// What the package says, in bytes.
        expected: u64,
        /// How many were unpacked, or `None` for more than expected: nobody knows how many more.
        found: Option<u64>,
    },
    /// They end in the middle of the packing.
    CutShort,
    /// The packing ends before they do.
    Surplus {
        /// How many bytes follow.
        bytes: u64,
    },
    /// They are not packed in the way that the package says.
    Garbled,
    /// They unpack to bytes of another check sum.
    CheckSum {
        /// What the package says.
        expected: u32,
        /// What was computed.
        found: u32,
    },
}

impl fmt::Display for Unpackable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { expected, found: Some(found) } => {
                write!(f, "it unpacks to {found} bytes where the package says {expected}")
            }
            Self::Size { expected, found: None } => {
                write!(f, "it unpacks to more than the {expected} bytes that the package says")
            }
            Self::CutShort => f.write_str("its packed data ends too early"),
            Self::Surplus { bytes } => write!(f, "{bytes} bytes follow its packed data"),
            Self::Garbled => f.write_str("its packed data can't be unpacked"),
            Self::CheckSum { expected, found } => {
                write!(f, "it unpacks to bytes of CRC-32 {found:08x} where the package says {expected:08x}")
            }
        }
    }
}

impl Package {
    /// Opens a package, which must be a regular file and not a link to one.
    ///
    /// # Errors
    /// When it can't be opened, is no regular file, or is no package by its contents. What is wrong with a package is
    /// in its inventory.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let root = escape::path(path);
        let failed = |why: io::Error| SourceError::Root { root: root.clone(), why };
        let metadata = path.symlink_metadata().map_err(failed)?;
        if metadata.is_symlink() {
            let target = escape::path(&path.read_link().map_err(failed)?);
            return Err(SourceError::PackageIsLink { root, target });
        }
        if !metadata.is_file() {
            return Err(SourceError::PackageIsNoFile { root });
        }
        // It may be a FIFO or a terminal by now.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::io::retry_on_intr(|| openat(CWD, path, flags, Mode::empty()));
        let file = File::from(file.map_err(|errno| failed(errno.into()))?);
        Self::opened(file, Some(path.to_owned()), root)
    }

    /// The package that is behind this handle, whatever its names; `shown` is what messages call it, and is escaped
    /// here. The file must not be linked, renamed or touched while it is judged: that changes its times.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of_file(file: File, shown: &str) -> Result<Self, SourceError> {
        Self::opened(file, None, escape::Escaped(shown).to_string())
    }

    fn opened(file: File, path: Option<PathBuf>, shown: String) -> Result<Self, SourceError> {
        let failed = |why| SourceError::Root { root: shown.clone(), why };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(SourceError::PackageIsNoFile { root: shown });
        }
        let file = Arc::new(file);
        let window = Window::new(Arc::clone(&file), metadata.len());
        let kind = Kind::of(&window).map_err(failed)?;
        let Some(kind) = kind else {
            return Err(SourceError::NoPackage { root: shown, expected: KINDS });
        };
        let identity = Identity::of(&metadata);
        let outer = Outer { file, path, shown: shown.clone(), identity, size: metadata.len() };
        Ok(Self {
            window,
            kind,
            outer: Arc::new(outer),
            shown,
            nested: false,
            memory: tar::Memory::default(),
        })
    }

    /// The package that an entry of this one is. Only one level: a package in a package in a package is refused.
    ///
    /// An entry that is stored as it is, is read where it lies; one that is compressed is unpacked first, into a temporary
    /// file without a name. Either way its bytes had the size and the check sum that the outer package says when this
    /// returns, and [`changes_since`](Source::changes_since) of either package tells of any change after that.
    ///
    /// # Errors
    /// [`SourceError::InnerPackage`] where the outer package or the nesting is at fault, and as [`open`](Self::open).
    pub fn open_inner(&self, entry: &Entry) -> Result<Self, SourceError> {
        let refused = |why: String| SourceError::InnerPackage { shown: entry.path.to_string(), why };
        if self.nested {
            return Err(refused("expected at most one package inside another, found a third".to_owned()));
        }
        let window = match &entry.place {
            Place::Zip(member) if self.kind == Kind::Zip => match member.stored(&self.window) {
                // Reading it through checks its size and check sum.
                Some(window) => self.stream(entry, &mut |_| {})?.map(|()| window),
                None => self.spooled(entry)?,
            },
            Place::Tar(member) => match member.stored(&self.window, entry.size) {
                Some(window) if self.kind == Kind::Tar(None) => Ok(window),
                _ => self.spooled(entry)?,
            },
            _ => Err(Disturbance::Replaced),
        };
        let window = window.map_err(|disturbance| refused(disturbance.to_string()))?;
        let kind = Kind::of(&window).map_err(|why| self.unreadable("read", &entry.path, why))?;
        let shown = entry.path.to_string();
        let Some(kind) = kind else {
            return Err(SourceError::NoPackage { root: shown, expected: KINDS });
        };
        Ok(Self {
            window,
            kind,
            outer: Arc::clone(&self.outer),
            shown,
            nested: true,
            memory: tar::Memory::default(),
        })
    }

    /// Unpacks an entry into a file that no path leads to.
    fn spooled(&self, entry: &Entry) -> Outcome<Window> {
        use std::io::Write;
        if entry.size > limits::INNER_PACKAGE_BYTES {
            return Err(SourceError::InnerPackage {
                shown: entry.path.to_string(),
                why: format!(
                    "expected at most {} bytes in a package that is compressed as a whole, found {}",
                    limits::INNER_PACKAGE_BYTES,
                    entry.size
                ),
            });
        }
        let mut file =
            tempfile::tempfile().map_err(|why| self.unreadable("make room to unpack", &entry.path, why))?;
        let mut written = Ok(());
        let streamed = self.stream(entry, &mut |bytes| {
            if written.is_ok() {
                written = file.write_all(bytes);
            }
        })?;
        written.map_err(|why| self.unreadable("unpack", &entry.path, why))?;
        Ok(streamed.map(|()| Window::new(Arc::new(file), entry.size)))
    }

    fn archive(&self, packing: Option<Packing>) -> tar::Archive<'_> {
        let Self { window, memory, outer, shown, .. } = self;
        tar::Archive { window, packing, outer, memory, shown }
    }

    fn unreadable(&self, doing: &'static str, path: &DropPath, why: io::Error) -> SourceError {
        SourceError::Unreadable { doing, shown: path.to_string(), why }
    }
}

impl Kind {
    /// Tells the container by its contents; `None` for something else.
    fn of(window: &Window) -> io::Result<Option<Self>> {
        if zip::is_one(window)? {
            return Ok(Some(Self::Zip));
        }
        let mut start = [0; tar::BLOCK];
        let start = window.read_at(0, &mut start)?;
        let packed = Packing::of(start).map(|packing| Self::Tar(Some(packing)));
        Ok(packed.or_else(|| tar::is_one(start).then_some(Self::Tar(None))))
    }
}

impl Outer {
    /// Whether the open file is as it was when it was opened.
    fn is_unchanged(&self) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        Ok(Identity::of(&metadata) == self.identity && metadata.len() == self.size)
    }

    /// Whether its path still leads to it, without links.
    fn is_still_named(&self) -> io::Result<bool> {
        let Some(path) = &self.path else { return Ok(true) };
        match path.symlink_metadata() {
            Ok(metadata) => Ok(metadata.is_file() && Identity::of(&metadata) == self.identity),
            Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(false)
            }
            Err(why) => Err(why),
        }
    }
}

impl Source for Package {
    fn inventory(&self) -> Result<Inventory, SourceError> {
        match self.kind {
            Kind::Zip => zip::inventory(&self.window, &self.shown),
            Kind::Tar(packing) => self.archive(packing).inventory(),
        }
    }

    fn read(&self, entry: &Entry, cap: u64) -> Result<Result<Vec<u8>, ReadRefusal>, SourceError> {
        if entry.size > cap {
            return Ok(Err(ReadRefusal::TooLarge { size: entry.size, cap }));
        }
        let mut contents = Vec::new();
        let streamed = self.stream(entry, &mut |bytes| contents.extend_from_slice(bytes))?;
        Ok(streamed.map(|()| contents).map_err(ReadRefusal::Disturbed))
    }

    fn inner(&self, entry: &Entry) -> Result<Package, SourceError> {
        self.open_inner(entry)
    }

    fn stream(&self, entry: &Entry, sink: &mut dyn FnMut(&[u8])) -> Outcome<()> {
        match self.kind {
            Kind::Zip => zip::stream(&self.window, &self.outer, entry, sink),
            Kind::Tar(packing) => self.archive(packing).stream(entry, sink),
        }
    }

    fn digest(
        &self,
        wanted: &[Wanted<'_>],
        progress: &dyn Progress,
    ) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
        match self.kind {
            Kind::Zip => zip::digest(&self.window, &self.outer, wanted, progress),
            Kind::Tar(packing) => self.archive(packing).digest(wanted, progress),
        }
    }

    fn changes_since(&self, inventory: &Inventory) -> Result<Vec<String>, SourceError> {
        let outer = &self.outer;
        let looked = outer.is_unchanged().and_then(|same| Ok(same && outer.is_still_named()?));
        let unchanged = looked.map_err(|why| SourceError::Unreadable {
            doing: "look at",
            shown: outer.shown.clone(),
            why,
        })?;
        let mut changes = inventory.unsettled.clone();
        if !unchanged {
            changes.push(outer.shown.clone());
        }
        changes.sort_unstable();
        changes.dedup();
        Ok(changes)
    }
}
