//! The drop that a command line names: a directory, or a package.

use crate::drop::directory::Directory;
use crate::drop::package::Package;
use crate::drop::{Source, SourceError};
use std::path::Path;

/// A drop that is open.
pub enum Dropped {
    /// A directory.
    Directory(Directory),
    /// A package.
    Package(Box<Package>),
}

impl Dropped {
    /// Opens what is at `path`. What is neither, and what is not there, is told as for a directory.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => {
                Package::open(path).map(|package| Self::Package(Box::new(package)))
            }
            _ => Directory::open(path).map(Self::Directory),
        }
    }

    /// To look into.
    pub fn source(&self) -> &dyn Source {
        match self {
            Self::Directory(directory) => directory,
            Self::Package(package) => &**package,
        }
    }
}
