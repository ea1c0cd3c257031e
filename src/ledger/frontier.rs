//! The right edge of a tree, in memory: all that is needed to let it grow and to know its root, at most 256 hashes a level.
//! Pure.

use super::tile::{self, HEIGHT, Kind, LEVELS, Tile, WIDTH};
use crate::merkle::{self, Hash};
use std::convert::Infallible;

/// The hashes of the partial tiles of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// By level; empty where the last tile of a level is full.
    levels: [Vec<Hash>; LEVELS as usize],
}

impl Default for Frontier {
    /// That of the empty tree.
    fn default() -> Self {
        Self { size: 0, levels: Default::default() }
    }
}

impl Frontier {
    /// That of a tree over `size` leaves, whose partial tiles `read` gives.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read<E>(size: u64, mut read: impl FnMut(Tile) -> Result<Vec<Hash>, E>) -> Result<Self, E> {
        let mut frontier = Self { size, ..Self::default() };
        for tile in tile::edge(size) {
            if let Some(level) = frontier.levels.get_mut(usize::from(tile.kind.level())) {
                *level = read(tile)?;
            }
        }
        Ok(frontier)
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the partial tile of a level; none where there is none.
    pub fn level(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// Adds a leaf. `full` is given each tile that is full by it, from level 0 up.
    ///
    /// # Errors
    /// Those of `full`; the frontier is then of no use any more.
    pub fn push<E>(
        &mut self,
        leaf: Hash,
        full: &mut impl FnMut(Tile, &[Hash]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.size = self.size.saturating_add(1);
        let mut hash = leaf;
        for (level, hashes) in (0..).zip(&mut self.levels) {
            hashes.push(hash);
            if hashes.len() < WIDTH {
                break;
            }
            // This tile is the last of those that the level now has.
            let index = tile::complete(self.size, level).saturating_sub(1) / 256;
            full(Tile { kind: Kind::Hashes(level), index, width: WIDTH }, hashes)?;
            hash = merkle::root(hashes);
            hashes.clear();
        }
        Ok(())
    }

    /// The partial tiles, from level 0 up.
    pub fn partials(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        tile::edge(self.size).map(|tile| (tile, self.level(tile.kind.level())))
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let complete = &mut |height: u32, index: u64| {
            let (level, first, count) = place(height, index);
            let hashes = self.level(level).get(first..first.saturating_add(count));
            Ok::<_, Infallible>(merkle::root(hashes.unwrap_or_default()))
        };
        match merkle::span_root(0..self.size, complete) {
            Ok(root) => root,
        }
    }
}

/// Where the hashes are that give the root of the complete subtree over 2^height leaves that is the `index`-th of its
/// height: their level, the place of the first in its tile, and how many.
pub fn place(height: u32, index: u64) -> (u8, usize, usize) {
    let within = height % HEIGHT;
    let first = index.checked_shl(within).unwrap_or(0) % 256;
    let level = u8::try_from(height / HEIGHT).unwrap_or(LEVELS);
    (level, usize::try_from(first).unwrap_or(WIDTH), 1_usize.checked_shl(within).unwrap_or(0))
}
