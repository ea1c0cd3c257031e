//! TOSCA.meta: which file is the manifest, and where the papers lie (SOL 004, clause 4.1.2).
//!
//! Nobody has signed it when it is read. It only says where to look: the manifest that it names must be signed, and lists
//! TOSCA.meta itself with its hash.

use super::lines::{Item, Line, LineRefusal, lines, shown};
use super::{META, Papers, path};
use crate::drop::path::{DropPath, PathRefusal};
use crate::limits;
use std::collections::BTreeMap;

/// What TOSCA.meta says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The manifest.
    pub manifest: DropPath,
    /// The descriptor.
    pub definitions: Option<DropPath>,
    /// The papers.
    pub papers: Papers,
}

/// Why TOSCA.meta can't be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetaRefusal {
    /// Not lines of keys and values.
    #[error(transparent)]
    Line(#[from] LineRefusal),
    /// Longer than is read.
    #[error("expected at most {} bytes, found {found}", limits::TOSCA_META_BYTES)]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// One key twice in a block.
    #[error("line {number}: expected each key once, found {key:?} again, first in line {first}")]
    Twice {
        /// Which line, from 1.
        number: usize,
        /// The key.
        key: String,
        /// Where it stood first.
        first: usize,
    },
    /// The old and the new name of one thing, with different values.
    #[error(
        "line {number}: {key:?}: expected the same value as under its other name in line {first}, found {found:?}"
    )]
    Contradiction {
        /// Which line, from 1.
        number: usize,
        /// The key.
        key: String,
        /// Where the other one stands.
        first: usize,
        /// What was found.
        found: String,
    },
    /// A path that is none.
    #[error("line {number}: {key:?}: {found:?}: {why}")]
    Path {
        /// Which line, from 1.
        number: usize,
        /// The key.
        key: String,
        /// What stands there.
        found: String,
        /// Why.
        why: PathRefusal,
    },
    /// Nothing to go on.
    #[error("expected ETSI-Entry-Manifest, or Entry-Manifest as before version 2.6.1, found neither")]
    NoManifest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Manifest,
    Definitions,
    ChangeLog,
    Tests,
    Licenses,
    Certificate,
}

/// Keys without the `ETSI-` that version 2.6.1 put before them.
const KEYS: [(&str, Entry); 7] = [
    ("entry-manifest", Entry::Manifest),
    ("entry-definitions", Entry::Definitions),
    ("entry-change-log", Entry::ChangeLog),
    ("entry-changelog", Entry::ChangeLog),
    ("entry-tests", Entry::Tests),
    ("entry-licenses", Entry::Licenses),
    ("entry-certificate", Entry::Certificate),
];

/// Reads TOSCA.meta. Keys that are not asked for (versions, authors, what vendors add) are read past.
///
/// Blocks are separated by blank lines. Those that begin with `Name:` describe a file and say nothing here; an `Entry-` key counts
/// wherever else it stands, since readers differ in whether a blank line ends the first block.
///
/// # Errors
/// When it can't be followed, or could be followed to two places.
pub fn read(bytes: &[u8]) -> Result<Meta, MetaRefusal> {
    if bytes.len() as u64 > limits::TOSCA_META_BYTES {
        return Err(MetaRefusal::TooLong { found: bytes.len() });
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut entries: BTreeMap<Entry, (usize, DropPath)> = BTreeMap::new();
    let mut describes_a_file = false;
    for item in lines(bytes) {
        let Item::Line(line) = item? else {
            // In a block about a file keys stand again that another such block has.
            seen.retain(|key, _| entry(key).is_some());
            describes_a_file = false;
            continue;
        };
        describes_a_file |= line.is("Name");
        let key = line.key.to_ascii_lowercase();
        if let Some(first) = seen.insert(key.clone(), line.number) {
            return Err(MetaRefusal::Twice { number: line.number, key: shown(line.key.as_bytes()), first });
        }
        if let Some(entry) = entry(&key).filter(|_| !describes_a_file) {
            add(&mut entries, entry, line)?;
        }
    }
    let mut take = |entry| entries.remove(&entry).map(|(_, path)| path);
    Ok(Meta {
        manifest: take(Entry::Manifest).ok_or(MetaRefusal::NoManifest)?,
        definitions: take(Entry::Definitions),
        papers: Papers {
            change_log: take(Entry::ChangeLog),
            tests: take(Entry::Tests),
            licenses: take(Entry::Licenses),
            certificate: take(Entry::Certificate),
        },
    })
}

fn entry(key: &str) -> Option<Entry> {
    let plain = key.strip_prefix("etsi-").unwrap_or(key);
    KEYS.iter().find(|(name, _)| *name == plain).map(|(_, entry)| *entry)
}

fn add(
    entries: &mut BTreeMap<Entry, (usize, DropPath)>,
    entry: Entry,
    line: Line<'_>,
) -> Result<(), MetaRefusal> {
    let Line { number, key, value } = line;
    // Directories are written with and without a slash at their end.
    let bare = match entry {
        Entry::Tests | Entry::Licenses => value.strip_suffix('/').unwrap_or(value),
        _ => value,
    };
    let (key, found) = (shown(key.as_bytes()), shown(value.as_bytes()));
    let path = path(bare).map_err(|why| MetaRefusal::Path {
        number,
        key: key.clone(),
        found: found.clone(),
        why,
    })?;
    if entry == Entry::Manifest && path.as_str().eq_ignore_ascii_case(META) {
        return Err(MetaRefusal::NoManifest);
    }
    match entries.insert(entry, (number, path.clone())) {
        Some((first, other)) if other != path => {
            Err(MetaRefusal::Contradiction { number, key, first, found })
        }
        _ => Ok(()),
    }
}
