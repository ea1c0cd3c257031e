//! The tree that a checkpoint signs, as it lies on the disk: what is read from it is what was signed.

use super::LogError;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::disk::Disk;
use crate::ledger::frontier::{self, Frontier};
use crate::ledger::tile::{self, Entries, FULL_BYTES, Kind, Tile, WIDTH};
use crate::limits;
use crate::merkle::{self, Hash};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Bundles that each thread is given at a time: enough that none waits for the others, few enough that memory stays
/// small.
const BUNDLES_PER_THREAD: usize = 4;

/// Most bytes of a bundle.
const BUNDLE_BYTES: u64 = (WIDTH * (limits::LEDGER_ENTRY_BYTES + 2)) as u64;

/// The tree at a checkpoint. Its right edge was checked against the root.
pub(super) struct Tree<'l> {
    disk: &'l dyn Disk,
    frontier: Frontier,
    /// Full tiles above level 0 that were checked. One stands for 65,536 entries at least.
    checked: Mutex<HashMap<Tile, Arc<[Hash]>>>,
}

/// The bytes of a tile or bundle.
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    /// Where they were found: the full one stands for a partial one that is gone.
    pub(super) tile: Tile,
}

/// Reads the file of a tile or bundle. A partial one may have been removed since the full one is there, which begins
/// with the same.
fn read(disk: &dyn Disk, wanted: Tile, at_most: u64) -> Result<File, LogError> {
    for tile in [wanted, wanted.full()] {
        if let Some(bytes) = disk.read(&tile.to_string(), at_most.saturating_add(1))? {
            return Ok(File { bytes, tile });
        }
    }
    Err(LogError::Missing { path: disk.shown(&wanted.to_string()) })
}

/// The hashes of a tile, as they are on the disk.
pub(super) fn read_tile(disk: &dyn Disk, tile: Tile) -> Result<Vec<Hash>, LogError> {
    let file = read(disk, tile, FULL_BYTES as u64)?;
    let hashes = tile::hashes(&file.bytes).filter(|hashes| hashes.len() == file.tile.width);
    let path = || disk.shown(&file.tile.to_string());
    let mut hashes = hashes.ok_or_else(|| LogError::TileAltered { path: path() })?;
    hashes.truncate(tile.width);
    Ok(hashes)
}

/// A bundle, as it is on the disk.
pub(super) fn read_bundle(disk: &dyn Disk, bundle: Tile) -> Result<File, LogError> {
    read(disk, bundle, BUNDLE_BYTES)
}

/// Entries that were checked, and what is wrong with the one after them.
pub(super) struct Bundle {
    first: u64,
    /// The bundle, up to the last entry that was checked.
    pub(super) bytes: Vec<u8>,
    pub(super) fault: Option<LogError>,
}

impl Bundle {
    /// The entries that were checked, with their indices.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, &[u8])> {
        (self.first..).zip(Entries::of(&self.bytes))
    }
}

impl<'l> Tree<'l> {
    /// Reads the right edge, which must hash to the root.
    pub(super) fn open(disk: &'l dyn Disk, at: &Checkpoint) -> Result<Self, LogError> {
        let frontier = Frontier::read(at.size, |tile| read_tile(disk, tile))?;
        let found = frontier.root();
        if found != at.root {
            return Err(LogError::RootDiffers { size: at.size, expected: at.root, found });
        }
        Ok(Self { disk, frontier, checked: Mutex::default() })
    }

    /// The right edge.
    pub(super) fn into_frontier(self) -> Frontier {
        self.frontier
    }

    fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The hashes of a tile. A full one hashes to its place in the tile above; the right edge hashes to the root.
    fn tile(&self, level: u8, index: u64) -> Result<Arc<[Hash]>, LogError> {
        let beyond = LogError::Beyond { index, size: self.size() };
        let tile = Tile::of(Kind::Hashes(level), index, self.size()).ok_or(beyond)?;
        if !tile.is_full() {
            return Ok(self.frontier.level(level).into());
        }
        if let Some(known) = self.checked().get(&tile) {
            return Ok(Arc::clone(known));
        }
        let hashes = read_tile(self.disk, tile)?;
        let above = self.tile(level.saturating_add(1), index / 256)?;
        let place = usize::try_from(index % 256).unwrap_or(WIDTH);
        if above.get(place) != Some(&merkle::root(&hashes)) {
            return Err(LogError::TileAltered { path: self.disk.shown(&tile.to_string()) });
        }
        let hashes: Arc<[Hash]> = hashes.into();
        if level > 0 {
            self.checked().insert(tile, Arc::clone(&hashes));
        }
        Ok(hashes)
    }

    fn checked(&self) -> std::sync::MutexGuard<'_, HashMap<Tile, Arc<[Hash]>>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The root over some leaves, as [`merkle::span_root`] takes them.
    pub(super) fn root_of(&self, span: Range<u64>) -> Result<Hash, LogError> {
        merkle::span_root(span, &mut |height, index| {
            let (level, first, count) = frontier::place(height, index);
            // Two to the height that its tiles of this level span: the tile in which the subtree lies.
            let within = height % tile::HEIGHT;
            let tile = index.checked_shl(within).unwrap_or(0) / 256;
            let hashes = self.tile(level, tile)?;
            let beyond = LogError::Beyond { index, size: self.size() };
            Ok(merkle::root(hashes.get(first..first.saturating_add(count)).ok_or(beyond)?))
        })
    }

    /// A bundle, with its entries checked against their tile.
    pub(super) fn bundle(&self, index: u64) -> Result<Bundle, LogError> {
        let beyond = LogError::Beyond { index, size: self.size() };
        let bundle = Tile::of(Kind::Entries, index, self.size()).ok_or(beyond)?;
        let hashes = self.tile(0, index)?;
        let File { mut bytes, tile } = read_bundle(self.disk, bundle)?;
        let first = index.saturating_mul(256);
        let mut entries = Entries::of(&bytes);
        let mut fault = None;
        let mut good = 0;
        for ((place, expected), at) in hashes.iter().enumerate().zip(first..) {
            let rest = entries.rest().len();
            let wrong = match entries.next().map(merkle::leaf) {
                Some(found) if found == *expected => continue,
                Some(found) => moved(at, first, &hashes, &found),
                None => self.altered(tile, first, format!("{place} and {rest} bytes that are none")),
            };
            fault = Some(wrong);
            good = bytes.len().saturating_sub(rest);
            break;
        }
        if fault.is_none() {
            let rest = entries.rest().len();
            good = bytes.len().saturating_sub(rest);
            // What comes after the entries of a partial bundle's prefix in the full one is for a later checkpoint.
            if rest > 0 && tile == bundle {
                fault = Some(self.altered(tile, first, format!("them and {rest} bytes more")));
            }
        }
        bytes.truncate(good);
        Ok(Bundle { first, bytes, fault })
    }

    fn altered(&self, tile: Tile, first: u64, found: String) -> LogError {
        LogError::BundleAltered {
            path: self.disk.shown(&tile.to_string()),
            first,
            expected: tile.width,
            found,
        }
    }

    /// Gives all entries from `from` on, in order. Bundles are read and hashed by all threads while the ones before are
    /// given out by this one.
    pub(super) fn stream(
        &self,
        from: u64,
        each: &mut (impl FnMut(u64, &[u8]) -> Result<(), LogError> + ?Sized),
    ) -> Result<(), LogError> {
        let end = self.size().div_ceil(256);
        let window = rayon::current_num_threads().saturating_mul(BUNDLES_PER_THREAD) as u64;
        let mut next = from / 256;
        let mut ready = Vec::new();
        while next < end || !ready.is_empty() {
            let until = next.saturating_add(window).min(end);
            let mut reading = Vec::new();
            rayon::in_place_scope(|scope| {
                if next < until {
                    scope.spawn(|_| reading = self.bundles(next..until));
                }
                give(std::mem::take(&mut ready), from, each)
            })?;
            (ready, next) = (reading, until);
        }
        Ok(())
    }

    fn bundles(&self, indices: Range<u64>) -> Vec<Result<Bundle, LogError>> {
        indices.into_par_iter().map(|index| self.bundle(index)).collect()
    }
}

/// What is wrong when an entry of this hash stands at `at`.
fn moved(at: u64, first: u64, hashes: &[Hash], found: &Hash) -> LogError {
    match (first..).zip(hashes).find(|(_, hash)| *hash == found) {
        Some((belongs, _)) => LogError::EntryMoved { index: at, belongs },
        None => LogError::EntryAltered { index: at },
    }
}

fn give(
    bundles: Vec<Result<Bundle, LogError>>,
    from: u64,
    each: &mut (impl FnMut(u64, &[u8]) -> Result<(), LogError> + ?Sized),
) -> Result<(), LogError> {
    for bundle in bundles {
        let bundle = bundle?;
        for (index, entry) in bundle.entries().filter(|(index, _)| *index >= from) {
            each(index, entry)?;
        }
        if let Some(fault) = bundle.fault {
            return Err(fault);
        }
    }
    Ok(())
}
