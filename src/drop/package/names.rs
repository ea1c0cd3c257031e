//! The names of a package's entries become an inventory, by one set of rules for all containers.
//!
//! An entry's name is the path of a file, or of a directory where it ends in a slash. Directories that are only
//! implied by the files in them are listed like those that have an entry. A name that stands more than once is odd,
//! and none of its entries is a file: readers differ in which one they take, the first or the last. So is a file that
//! others lie below.

use crate::drop::path::{DropPath, PathRefusal};
use crate::drop::{Entry, Inventory, Odd, Oddity, Place, SourceError};
use crate::escape;
use crate::limits;
use std::collections::HashSet;

/// What an entry says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::drop) enum What {
    File {
        /// Unpacked, in bytes.
        size: u64,
        place: Place,
    },
    Directory,
    /// Something that can't be an artifact, whatever its name.
    Odd(Oddity),
}

/// The entries of one package, while they are listed.
#[derive(Debug)]
pub(in crate::drop) struct Names {
    /// What the package is called, escaped.
    package: String,
    entries: Vec<(DropPath, What)>,
    odd: Vec<Odd>,
    unsettled: bool,
    files: usize,
    count: usize,
    bytes: u64,
}

impl Names {
    /// For the package of this name, escaped.
    pub(in crate::drop) fn of(package: &str) -> Self {
        Self {
            package: package.to_owned(),
            entries: Vec::new(),
            odd: Vec::new(),
            unsettled: false,
            files: 0,
            count: 0,
            bytes: 0,
        }
    }

    /// Takes an entry. A directory's name may end in one slash, and no other name may.
    ///
    /// # Errors
    /// When there are more than this gate holds in memory.
    pub(in crate::drop) fn add(&mut self, name: &[u8], what: What) -> Result<(), SourceError> {
        if matches!(what, What::File { .. }) {
            self.files = self.files.saturating_add(1);
        }
        self.hold(name.len())?;
        let bare = match what {
            What::Directory => name.strip_suffix(b"/").unwrap_or(name),
            What::File { .. } | What::Odd(_) => name,
        };
        let oddity = match (DropPath::from_bytes(bare), what) {
            (Ok(path), what) => {
                self.entries.push((path, what));
                return Ok(());
            }
            // What it is says more than what its name is.
            (Err(_), What::Odd(oddity)) => oddity,
            (Err(PathRefusal::TooDeep { .. }), _) => Oddity::TooDeep,
            (Err(refusal), _) => Oddity::RefusedName(refusal),
        };
        let shown = escape::bytes(name);
        // An escaped byte is shown, and held, as up to six.
        self.bytes = self.bytes.saturating_add(shown.len().saturating_sub(name.len()) as u64);
        self.odd.push(Odd { shown, path: None, oddity });
        Ok(())
    }

    /// Takes something that is odd about the package as a whole.
    pub(in crate::drop) fn whole(&mut self, oddity: Oddity) {
        self.odd.push(Odd { shown: self.package.clone(), path: None, oddity });
    }

    /// The package changed while it was listed: it has fewer bytes than it had.
    pub(in crate::drop) fn unsettled(&mut self) {
        self.unsettled = true;
    }

    /// Everything that arrived in it.
    ///
    /// # Errors
    /// When the directories that its names imply are more than this gate holds in memory.
    pub(in crate::drop) fn finish(mut self) -> Result<Inventory, SourceError> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let parents = self.parents(&entries)?;
        let mut inventory = Inventory { odd: self.odd, ..Inventory::default() };
        if self.unsettled {
            inventory.unsettled.push(self.package);
        }
        let mut entries = entries.into_iter().peekable();
        let mut explicit = Vec::new();
        while let Some((path, what)) = entries.next() {
            let mut alone = true;
            while let Some((_, again)) = entries.next_if(|(next, _)| *next == path) {
                alone = false;
                if let What::Odd(oddity) = again {
                    inventory.odd.push(Odd { shown: path.to_string(), path: Some(path.clone()), oddity });
                }
            }
            let odd = match what {
                What::Odd(oddity) => Some(oddity),
                What::File { .. } if parents.contains(&path) => Some(Oddity::FileAndDirectory),
                What::File { .. } | What::Directory => None,
            };
            let oddities = odd.into_iter().chain((!alone).then_some(Oddity::Duplicate));
            inventory.odd.extend(oddities.map(|oddity| Odd {
                shown: path.to_string(),
                path: Some(path.clone()),
                oddity,
            }));
            match what {
                What::File { size, place } if alone && odd.is_none() => {
                    inventory.files.push(Entry { path, size, place });
                }
                What::Directory if alone && !parents.contains(&path) => explicit.push(path),
                What::File { .. } | What::Directory | What::Odd(_) => {}
            }
        }
        inventory.directories.extend(parents);
        inventory.directories.extend(explicit);
        inventory.settle();
        Ok(inventory)
    }

    /// Every directory that some entry lies below.
    fn parents(&mut self, entries: &[(DropPath, What)]) -> Result<HashSet<DropPath>, SourceError> {
        let mut parents = HashSet::new();
        let mut last = "";
        for (path, _) in entries {
            let Some((parent, _)) = path.as_str().rsplit_once('/') else { continue };
            // Names in one directory mostly follow on one another.
            if parent == last {
                continue;
            }
            last = parent;
            let mut above = Some(parent);
            while let Some(directory) = above {
                // Part of a legal path is one.
                let Ok(directory_path) = DropPath::parse(directory) else { break };
                if !parents.insert(directory_path) {
                    break;
                }
                self.hold(directory.len())?;
                above = directory.rsplit_once('/').map(|(above, _)| above);
            }
        }
        Ok(parents)
    }

    fn hold(&mut self, name_bytes: usize) -> Result<(), SourceError> {
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(name_bytes as u64);
        let (what, most) = if self.files > limits::DROP_FILES {
            ("files", limits::DROP_FILES as u64)
        } else if self.count > limits::DROP_ENTRIES {
            ("entries", limits::DROP_ENTRIES as u64)
        } else if self.bytes > limits::DROP_NAME_BYTES {
            ("bytes of names", limits::DROP_NAME_BYTES)
        } else {
            return Ok(());
        };
        Err(self.too_many(what, most))
    }

    /// The error for a package of which this gate can't hold so much in memory.
    pub(in crate::drop) fn too_many(&self, what: &'static str, most: u64) -> SourceError {
        SourceError::TooMany { root: self.package.clone(), what, most }
    }
}
