//! How the log grows.
//!
//! Under the lock, in this order: bundles and tiles, each whole and on the disk before it gets its name; the directories
//! that hold the names, up to the ledger's own; then the checkpoint, whose rename is the moment at which the entries are
//! in the log; then that name too is brought to the disk, and only now has the append succeeded. A crash before the rename
//! leaves files that no checkpoint needs: the next append writes over them. A crash after it leaves partial tiles that are
//! no longer needed: they cost some space until a later append removes them.

use super::{CHECKPOINT, Log, LogError, Tree};
use crate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::ledger::disk::{Disk, Held, Sharing, TEMPORARY, Written};
use crate::ledger::frontier::Frontier;
use crate::ledger::note::SigningKey;
use crate::ledger::tile::{self, Kind, LEVELS, Tile};
use crate::limits;
use crate::merkle::{self, Hash};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use std::collections::BTreeSet;
use std::mem;

/// The lock's file.
const LOCK: &str = "lock";

/// What the names of the log's half-written files begin with.
const HALF: &str = "log-";

/// Entries from which on their hashing is shared among threads.
const MANY: usize = 256;

/// Who may append: the one who holds the lock.
#[derive(Debug)]
pub struct Writer<'l> {
    log: &'l Log,
    key: &'l SigningKey,
    /// The last checkpoint that was read or written.
    signed: SignedCheckpoint,
    /// `None` after an append that failed: what the disk holds is then to be read anew.
    edge: Option<Edge>,
    lock: Box<dyn Held>,
}

/// What is known of the log that grows.
#[derive(Debug)]
struct Edge {
    frontier: Frontier,
    /// The last bundle, where it is partial.
    bundle: Vec<u8>,
    directories: Directories,
}

/// What is known of directories beneath the ledger's own.
#[derive(Debug, Default)]
struct Directories {
    /// That the checkpoint needs, so that they and what leads to them were durable before it was.
    needed: BTreeSet<String>,
    /// That this writer knows to be there, and has seen to it that they are durable.
    there: BTreeSet<String>,
}

impl<'l> Writer<'l> {
    pub(super) fn open(log: &'l Log, key: &'l SigningKey) -> Result<Self, LogError> {
        if *key.verifier() != log.key {
            let (expected, found) = (log.key.to_string(), key.verifier().to_string());
            return Err(LogError::OtherKey { expected, found });
        }
        let disk = &*log.disk;
        disk.make_directory("")?;
        let lock = disk.lock(LOCK, Sharing::Exclusive, limits::LEDGER_LOCK_WAIT)?;
        let lock = lock.ok_or_else(|| LogError::Locked { path: disk.shown(LOCK) })?;
        let (signed, edge) = load(log, key, &*lock)?;
        Ok(Self { log, key, signed, edge: Some(edge), lock })
    }

    /// The checkpoint that the next append continues.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        Some(&self.signed.checkpoint)
    }

    /// The same, as it is signed.
    pub fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }

    /// Appends entries, all or none, and returns once they are durable.
    ///
    /// # Errors
    /// When a step fails. All that was in the log before still is; the new entries are in it or not, which
    /// [`Log::checkpoint`] tells. The writer may be used on: it first reads the log anew.
    pub fn append(&mut self, entries: &[Vec<u8>]) -> Result<SignedCheckpoint, LogError> {
        if let Some(long) = entries.iter().find(|entry| entry.len() > limits::LEDGER_ENTRY_BYTES) {
            return Err(LogError::EntryTooLarge { found: long.len() });
        }
        let mut edge = match self.edge.take() {
            Some(edge) => edge,
            None => {
                let (signed, edge) = load(self.log, self.key, &*self.lock)?;
                self.signed = signed;
                edge
            }
        };
        if !entries.is_empty() {
            self.signed = self.grow(&mut edge, entries)?;
        }
        self.edge = Some(edge);
        Ok(self.signed.clone())
    }

    fn grow(&self, edge: &mut Edge, entries: &[Vec<u8>]) -> Result<SignedCheckpoint, LogError> {
        let old = edge.frontier.size();
        let added = u64::try_from(entries.len()).map_err(|_| LogError::Full)?;
        if old.checked_add(added).is_none_or(|size| size > limits::LEDGER_ENTRIES) {
            return Err(LogError::Full);
        }
        let leaves: Vec<Hash> = match entries.len() < MANY {
            true => entries.iter().map(|entry| merkle::leaf(entry)).collect(),
            false => entries.par_iter().map(|entry| merkle::leaf(entry)).collect(),
        };
        let disk = &*self.log.disk;
        let mut files = Files::new(disk, mem::take(&mut edge.directories));
        for (entry, leaf) in entries.iter().zip(leaves) {
            if !tile::push_entry(&mut edge.bundle, entry) {
                return Err(LogError::EntryTooLarge { found: entry.len() });
            }
            edge.frontier.push(leaf, &mut |full, hashes| {
                if full.kind == Kind::Hashes(0) {
                    files.place(Tile { kind: Kind::Entries, ..full }, &mem::take(&mut edge.bundle))?;
                }
                files.place(full, &tile::bytes(hashes))
            })?;
        }
        for (partial, hashes) in edge.frontier.partials() {
            // The higher levels seldom change.
            if Tile::of(partial.kind, partial.index, old) == Some(partial) {
                continue;
            }
            if partial.kind == Kind::Hashes(0) {
                files.place(Tile { kind: Kind::Entries, ..partial }, &edge.bundle)?;
            }
            files.place(partial, &tile::bytes(hashes))?;
        }
        edge.directories = files.finish()?;
        let origin = self.log.key.name().to_owned();
        let size = edge.frontier.size();
        let signed =
            commit(self.log, self.key, &*self.lock, Checkpoint { origin, size, root: edge.frontier.root() })?;
        remove_partials(disk, old, size);
        Ok(signed)
    }
}

/// Reads what is to be continued, and makes sure that it is whole and on the disk.
fn load(log: &Log, key: &SigningKey, lock: &dyn Held) -> Result<(SignedCheckpoint, Edge), LogError> {
    let disk = &*log.disk;
    disk.make_directory(TEMPORARY)?;
    for name in disk.list(TEMPORARY)?.iter().filter(|name| name.starts_with(HALF)) {
        disk.remove(&format!("{TEMPORARY}/{name}"))?;
    }
    // Whoever put the checkpoint in place may have been cut off before its name was durable. What is built on it must
    // not outlive it.
    disk.sync_directory("")?;
    let Some(signed) = log.checkpoint()? else {
        // The first checkpoint is there before the first tile, so that tiles without one tell that it was taken away.
        let nothing = Checkpoint { origin: log.key.name().to_owned(), size: 0, root: merkle::empty() };
        return Ok((commit(log, key, lock, nothing)?, Edge::new(Frontier::default(), Vec::new())));
    };
    let size = signed.checkpoint.size;
    let tree = Tree::open(disk, &signed.checkpoint)?;
    let mut bundle = Vec::new();
    if let Some(last) = size.checked_sub(1) {
        let read = tree.bundle(last / 256)?;
        if let Some(fault) = read.fault {
            return Err(fault);
        }
        if size % 256 != 0 {
            bundle = read.bytes;
        }
    }
    Ok((signed, Edge::new(tree.into_frontier(), bundle)))
}

impl Edge {
    fn new(frontier: Frontier, bundle: Vec<u8>) -> Self {
        let tiles = frontier.partials().map(|(tile, _)| tile);
        let files =
            tiles.flat_map(|tile| [tile, Tile { kind: Kind::Entries, ..tile }]).map(|tile| tile.to_string());
        let needed =
            files.flat_map(|path| directories(&path).map(str::to_owned).collect::<Vec<_>>()).collect();
        Self { frontier, bundle, directories: Directories { needed, there: BTreeSet::new() } }
    }
}

/// Signs a checkpoint and puts it in place.
///
/// Whoever removes the lock's file lets a second writer in, and one would undo what the other told as recorded. So it is looked
/// at right before, and once more after: who lost it has recorded nothing.
fn commit(
    log: &Log,
    key: &SigningKey,
    lock: &dyn Held,
    checkpoint: Checkpoint,
) -> Result<SignedCheckpoint, LogError> {
    let held = || match lock.keeps_others_out() {
        true => Ok(()),
        false => Err(LogError::LockLost { path: log.disk.shown(LOCK) }),
    };
    let path = || log.disk.shown(CHECKPOINT);
    // It is read again as everybody will read it, before it counts.
    let signed = checkpoint.sign(key).map_err(|why| LogError::CheckpointForm { path: path(), why })?;
    let temporary = format!("{TEMPORARY}/{HALF}{CHECKPOINT}");
    log.disk.write(&temporary, &signed.bytes)?.sync()?;
    held()?;
    log.disk.rename(&temporary, CHECKPOINT)?;
    log.disk.sync_directory("")?;
    held()?;
    Ok(signed)
}

/// Files on their way to the disk.
struct Files<'d> {
    disk: &'d dyn Disk,
    /// Written, not yet durable, not yet in place.
    pending: Vec<(Box<dyn Written>, String, String)>,
    /// Directories in which names changed.
    changed: BTreeSet<String>,
    directories: Directories,
}

/// The directories that lead to a file, from the outermost on.
fn directories(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

impl<'d> Files<'d> {
    fn new(disk: &'d dyn Disk, directories: Directories) -> Self {
        Self { disk, pending: Vec::new(), changed: BTreeSet::new(), directories }
    }

    /// Writes a file; it has its name once [`finish`](Self::finish) is done.
    fn place(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), LogError> {
        let path = tile.to_string();
        self.make_directories(&path)?;
        let temporary = format!("{TEMPORARY}/{HALF}{}", self.pending.len());
        self.pending.push((self.disk.write(&temporary, bytes)?, temporary, path));
        if self.pending.len() < limits::LEDGER_OPEN_FILES { Ok(()) } else { self.settle() }
    }

    /// Makes the directories that lead to a file. That one is there does not say that it is durable: whoever made it may
    /// have been cut off. So, unless the checkpoint needs it, each is brought to the disk once by every writer.
    fn make_directories(&mut self, path: &str) -> Result<(), LogError> {
        let mut parent = "";
        for directory in directories(path) {
            if !self.directories.there.contains(directory) {
                let made = self.disk.make_directory(directory)?;
                if made || !self.directories.needed.contains(directory) {
                    self.changed.insert(parent.to_owned());
                }
                self.directories.there.insert(directory.to_owned());
            }
            parent = directory;
        }
        self.changed.insert(parent.to_owned());
        Ok(())
    }

    fn settle(&mut self) -> Result<(), LogError> {
        let mut named = Vec::new();
        for (written, temporary, path) in mem::take(&mut self.pending) {
            written.sync()?;
            named.push((temporary, path));
        }
        for (temporary, path) in named {
            self.disk.rename(&temporary, &path)?;
        }
        Ok(())
    }

    /// Brings files and names to the disk, and gives what is known of directories by then.
    fn finish(mut self) -> Result<Directories, LogError> {
        self.settle()?;
        for directory in &self.changed {
            self.disk.sync_directory(directory)?;
        }
        Ok(self.directories)
    }
}

/// Removes the partial forms of tiles that are full by now, also of the ones just before: whoever filled those may have been
/// cut off here. That it fails harms nothing, and the entries are in the log.
fn remove_partials(disk: &dyn Disk, old: u64, size: u64) {
    let kinds = (0..LEVELS).map(Kind::Hashes).chain([Kind::Entries]);
    for kind in kinds {
        let before = (tile::complete(old, kind.level()) / 256).saturating_sub(1);
        for index in before..tile::complete(size, kind.level()) / 256 {
            let directory = Tile { kind, index, width: tile::WIDTH }.partials();
            let names = disk.list(&directory).unwrap_or_default();
            for name in names.iter().filter(|name| name.parse::<u8>().is_ok()) {
                let _ = disk.remove(&format!("{directory}/{name}"));
            }
            if !names.is_empty() {
                let _ = disk.remove_directory(&directory);
            }
        }
    }
}
