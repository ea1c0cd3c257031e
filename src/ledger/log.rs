//! The log: entries in a Merkle tree on a [`Disk`], each reading checked up to what the checkpoint signs.
//!
//! Reading takes no lock and changes nothing. Whoever reads does it at a [`Checkpoint`], and tiles and bundles of a
//! checkpoint stay as they are while the log grows: a partial tile goes only when the full one, which begins with the
//! same hashes, is there.
//!
//! Nothing is believed for standing in the right place: a tile counts when it hashes to what the tile above it holds, the
//! topmost when they hash to the root, and an entry when it hashes to what its tile holds. So what is altered is named.

mod tree;
mod write;

pub use write::Writer;

use super::checkpoint::{Checkpoint, CheckpointRefusal, SignedCheckpoint};
use super::disk::{Disk, DiskError};
use super::frontier::Frontier;
use super::note::{NoteRefusal, SigningKey, VerifierKey};
use super::tile::{self, Kind, Tile};
use crate::limits;
use crate::merkle::{self, Hash};
use std::ops::Range;
use std::sync::Arc;
use tree::{Tree, read_bundle, read_tile};

/// The checkpoint's file.
const CHECKPOINT: &str = "checkpoint";

/// What is wrong with a log, or kept us from looking. Paths in it are escaped.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Storage failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file that the checkpoint needs.
    #[error("{path}: expected this file of the ledger, which its checkpoint needs; found nothing")]
    Missing {
        /// The file.
        path: String,
    },
    /// No signature by the log's key, or a wrong one.
    #[error("{path}: the checkpoint does not count: {why}")]
    CheckpointSignature {
        /// The checkpoint's file.
        path: String,
        /// What is wrong with it.
        why: NoteRefusal,
    },
    /// Not of the form of a checkpoint.
    #[error("{path}: {why}")]
    CheckpointForm {
        /// The checkpoint's file.
        path: String,
        /// What is wrong with it.
        why: CheckpointRefusal,
    },
    /// The checkpoint is of another log.
    #[error("this is another ledger: expected {expected:?}, found {found:?}")]
    OtherLog {
        /// The origin that was expected.
        expected: String,
        /// The origin of what is there.
        found: String,
    },
    /// The key that is to sign is not the one whose checkpoints count.
    #[error(
        "the key that is to sign is not the ledger's: expected the private key of {expected}, found that of {found}"
    )]
    OtherKey {
        /// The log's verifier key.
        expected: String,
        /// The verifier key of the one given.
        found: String,
    },
    /// An entry is not the one that was recorded.
    #[error(
        "entry {index} was altered: expected the entry whose hash the tree holds at that place, found another"
    )]
    EntryAltered {
        /// Its index.
        index: u64,
    },
    /// An entry stands in the place of another.
    #[error(
        "entry {index} was removed or moved: found in its place the entry that the tree holds at {belongs}"
    )]
    EntryMoved {
        /// The place.
        index: u64,
        /// Where the entry that is there belongs.
        belongs: u64,
    },
    /// A bundle of entries that is no whole number of them.
    #[error("{path}: altered: expected {expected} entries, from entry {first}; found {found}")]
    BundleAltered {
        /// The bundle's file.
        path: String,
        /// The index of its first entry.
        first: u64,
        /// How many it must have.
        expected: usize,
        /// What it has.
        found: String,
    },
    /// A tile is not what the tile above it, or the root, was made of.
    #[error("{path}: altered: the hashes in it are not those that the ledger's root was made of")]
    TileAltered {
        /// The tile's file.
        path: String,
    },
    /// The tree is another than the one that was signed.
    #[error(
        "the ledger's entries are not those that its checkpoint signs: expected the root {expected} over {size} \
         entries, found {found}"
    )]
    RootDiffers {
        /// How many entries the checkpoint signs.
        size: u64,
        /// The root that it signs.
        expected: Hash,
        /// The root of what is there.
        found: Hash,
    },
    /// The log is shorter than it was.
    #[error(
        "the ledger was cut short, or an older copy of it was put in its place: expected {kept} entries at least, as \
         the checkpoint that was kept says; found {have}"
    )]
    Truncated {
        /// How many entries the log has.
        have: u64,
        /// How many the kept checkpoint says that it had.
        kept: u64,
    },
    /// The log's past is another than it was.
    #[error(
        "the ledger was rewritten: its first {size} entries are not those of the checkpoint that was kept \
         (expected the root {expected}, found {found})"
    )]
    Forked {
        /// The size of the kept checkpoint.
        size: u64,
        /// The root that it says.
        expected: Hash,
        /// The root of what is there.
        found: Hash,
    },
    /// There is no such entry, or no such older size.
    #[error(
        "there is no entry {index}: expected one below {size}, the size of the ledger at this checkpoint"
    )]
    Beyond {
        /// What was asked for.
        index: u64,
        /// The size.
        size: u64,
    },
    /// Another writer kept the lock.
    #[error(
        "{path}: waited {} s for another process that writes to this ledger; expected it to be done by then. Is it \
         stopped?",
        limits::LEDGER_LOCK_WAIT.as_secs()
    )]
    Locked {
        /// The lock's file.
        path: String,
    },
    /// The lock's file was removed or replaced while it was held.
    #[error(
        "{path}: somebody removed the lock while it was held: expected it to stay, for without it two can write at once. The \
         verdict counts for nothing, though it may stand in the ledger: judge again"
    )]
    LockLost {
        /// The lock's file.
        path: String,
    },
    /// An entry is longer than entries can be.
    #[error("an entry of {found} bytes can't be recorded: expected at most {}", limits::LEDGER_ENTRY_BYTES)]
    EntryTooLarge {
        /// Its length, in bytes.
        found: usize,
    },
    /// No more entries fit.
    #[error("the ledger is full: expected at most {} entries", limits::LEDGER_ENTRIES)]
    Full,
    /// Whoever was given the entries stopped.
    #[error(transparent)]
    Reader(Box<dyn std::error::Error + Send + Sync>),
}

/// A log on a disk, whose checkpoints count when they are signed by one key.
#[derive(Debug, Clone)]
pub struct Log {
    disk: Arc<dyn Disk>,
    key: VerifierKey,
}

impl Log {
    /// The log on `disk`, which need not be there yet.
    pub fn new(disk: Arc<dyn Disk>, key: VerifierKey) -> Self {
        Self { disk, key }
    }

    /// Whose checkpoints count.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The newest checkpoint, its signature verified. `None`: there is no log yet.
    ///
    /// # Errors
    /// When it can't be read or does not count, and when there are tiles without one.
    pub fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        if let Some(signed) = self.read_checkpoint()? {
            return Ok(Some(signed));
        }
        if self.disk.list("tile")?.is_empty() {
            return Ok(None);
        }
        // The first one is there before the first tile. It may have been written since; else somebody took it away.
        let missing = || LogError::Missing { path: self.disk.shown(CHECKPOINT) };
        self.read_checkpoint()?.ok_or_else(missing).map(Some)
    }

    fn read_checkpoint(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        let at_most = (limits::NOTE_BYTES as u64).saturating_add(1);
        let Some(bytes) = self.disk.read(CHECKPOINT, at_most)? else { return Ok(None) };
        let path = || self.disk.shown(CHECKPOINT);
        let signed = SignedCheckpoint::read(&bytes, &self.key).map_err(|why| match why {
            CheckpointRefusal::Origin { expected, found } => LogError::OtherLog { expected, found },
            CheckpointRefusal::Note(
                why @ (NoteRefusal::Unsigned { .. } | NoteRefusal::BadSignature { .. }),
            ) => LogError::CheckpointSignature { path: path(), why },
            why => LogError::CheckpointForm { path: path(), why },
        })?;
        Ok(Some(signed))
    }

    /// One entry, checked up to the checkpoint's root.
    ///
    /// # Errors
    /// When there is none of this index, or it or a tile above it is not what the checkpoint signs.
    pub fn entry(&self, at: &Checkpoint, index: u64) -> Result<Vec<u8>, LogError> {
        if index >= at.size {
            return Err(LogError::Beyond { index, size: at.size });
        }
        let tree = Tree::open(&*self.disk, at)?;
        let bundle = tree.bundle(index / 256)?;
        let entry = bundle.entries().find(|(found, _)| *found == index).map(|(_, entry)| entry.to_vec());
        // It is itself, or comes after, what is wrong in its bundle.
        entry.ok_or_else(|| bundle.fault.unwrap_or(LogError::EntryAltered { index }))
    }

    /// All entries from `from` on, in order, each checked up to the checkpoint's root.
    ///
    /// # Errors
    /// Those of `each`, and when something is not what the checkpoint signs; entries before it were given by then.
    pub fn entries(
        &self,
        at: &Checkpoint,
        from: u64,
        each: &mut (impl FnMut(u64, &[u8]) -> Result<(), LogError> + ?Sized),
    ) -> Result<(), LogError> {
        Tree::open(&*self.disk, at)?.stream(from, each)
    }

    /// Some entries, by index in ascending order, each checked up to the checkpoint's root. Each bundle is read once.
    ///
    /// # Errors
    /// Those of `each`, and when there is none of an index, or something is not what the checkpoint signs; entries before it
    /// were given by then.
    pub fn some(
        &self,
        at: &Checkpoint,
        indices: &[u64],
        each: &mut (impl FnMut(u64, &[u8]) -> Result<(), LogError> + ?Sized),
    ) -> Result<(), LogError> {
        let tree = Tree::open(&*self.disk, at)?;
        for same in indices.chunk_by(|one, next| one / 256 == next / 256) {
            let Some(first) = same.first() else { continue };
            let mut bundle = tree.bundle(first / 256)?;
            for index in same {
                let found = bundle.entries().find(|(found, _)| found == index);
                let Some((_, entry)) = found else {
                    let beyond = LogError::Beyond { index: *index, size: at.size };
                    return Err(bundle.fault.take().unwrap_or(beyond));
                };
                each(*index, entry)?;
            }
        }
        Ok(())
    }

    /// Reads the whole log at a checkpoint, every bundle and every tile, and gives each entry once it is checked.
    ///
    /// # Errors
    /// What is wrong with the log, the first of it.
    pub fn audit(
        &self,
        at: &Checkpoint,
        each: &mut (impl FnMut(u64, &[u8]) -> Result<(), LogError> + ?Sized),
    ) -> Result<(), LogError> {
        match Tree::open(&*self.disk, at) {
            Err(differs @ LogError::RootDiffers { .. }) => Err(self.why_root_differs(at, differs)),
            tree => tree?.stream(0, each),
        }
    }

    /// The hashes that prove that entry `index` is in the log (RFC 6962, section 2.1.1).
    ///
    /// # Errors
    /// When there is no such entry, or a tile is not what the checkpoint signs.
    pub fn inclusion(&self, at: &Checkpoint, index: u64) -> Result<Vec<Hash>, LogError> {
        self.hashes(
            at,
            merkle::inclusion_spans(index, at.size).ok_or(LogError::Beyond { index, size: at.size })?,
        )
    }

    /// The hashes that prove that the log continues what it was at size `old` (RFC 6962, section 2.1.2).
    ///
    /// # Errors
    /// When it was never of that size by this checkpoint, or a tile is not what the checkpoint signs.
    pub fn consistency(&self, at: &Checkpoint, old: u64) -> Result<Vec<Hash>, LogError> {
        let beyond = LogError::Beyond { index: old, size: at.size };
        self.hashes(at, merkle::consistency_spans(old, at.size).ok_or(beyond)?)
    }

    fn hashes(&self, at: &Checkpoint, spans: Vec<Range<u64>>) -> Result<Vec<Hash>, LogError> {
        let tree = Tree::open(&*self.disk, at)?;
        spans.into_iter().map(|span| tree.root_of(span)).collect()
    }

    /// Compares the log with a checkpoint of it that was kept elsewhere.
    ///
    /// # Errors
    /// When the log is not the same or a continuation: another log, truncated, or forked.
    pub fn compare(&self, at: &Checkpoint, kept: &Checkpoint) -> Result<(), LogError> {
        if at.origin != kept.origin {
            return Err(LogError::OtherLog { expected: kept.origin.clone(), found: at.origin.clone() });
        }
        if at.size < kept.size {
            return Err(LogError::Truncated { have: at.size, kept: kept.size });
        }
        let found = match at.size == kept.size {
            true => at.root,
            false => Tree::open(&*self.disk, at)?.root_of(0..kept.size)?,
        };
        if found == kept.root {
            Ok(())
        } else {
            Err(LogError::Forked { size: kept.size, expected: kept.root, found })
        }
    }

    /// Takes the lock and checks that the log is fit to grow; makes the log on first use.
    ///
    /// # Errors
    /// When the key is not the log's, the lock is not to be had, or what is there is not what the checkpoint signs: a
    /// damaged log must not grow.
    pub fn write<'l>(&'l self, key: &'l SigningKey) -> Result<Writer<'l>, LogError> {
        Writer::open(self, key)
    }
}

// Why the root differs.

impl Log {
    /// Finds the tile that was altered, where that is what is wrong. Reads everything.
    fn why_root_differs(&self, at: &Checkpoint, differs: LogError) -> LogError {
        let from_tiles = |index| {
            let tile = Tile::of(Kind::Hashes(0), index, at.size);
            tile.map_or(Ok(Vec::new()), |tile| read_tile(&*self.disk, tile))
        };
        let from_entries = |index| {
            let Some(bundle) = Tile::of(Kind::Entries, index, at.size) else { return Ok(Vec::new()) };
            let read = read_bundle(&*self.disk, bundle)?;
            Ok(tile::Entries::of(&read.bytes).take(bundle.width).map(merkle::leaf).collect())
        };
        let differs = match self.rebuild(at, &from_tiles) {
            Ok((root, Some(path))) if root == at.root => return LogError::TileAltered { path },
            Ok(_) => differs,
            Err(error) => return error,
        };
        match self.rebuild(at, &from_entries) {
            Ok((root, Some(path))) if root == at.root => LogError::TileAltered { path },
            Ok(_) => differs,
            Err(error) => error,
        }
    }

    /// Builds the tree anew from the hashes of leaves, and gives its root and the first tile on the disk that is not as
    /// built.
    fn rebuild(
        &self,
        at: &Checkpoint,
        leaves: &dyn Fn(u64) -> Result<Vec<Hash>, LogError>,
    ) -> Result<(Hash, Option<String>), LogError> {
        let mut frontier = Frontier::default();
        let mut altered = None;
        let mut compare = |tile: Tile, built: &[Hash]| -> Result<(), LogError> {
            if read_tile(&*self.disk, tile)? != built && altered.is_none() {
                altered = Some(self.disk.shown(&tile.to_string()));
            }
            Ok(())
        };
        for index in 0..at.size.div_ceil(256) {
            for leaf in leaves(index)? {
                frontier.push(leaf, &mut compare)?;
            }
        }
        for (tile, built) in frontier.partials() {
            compare(tile, built)?;
        }
        Ok((frontier.root(), altered))
    }
}
