//! Where the tree lies in files: tiles of 256 hashes, bundles of 256 entries, and their paths, by
//! [C2SP tlog-tiles](https://c2sp.org/tlog-tiles). Pure.
//!
//! A tree of 70,000 entries is 273 full tiles of level 0 and one of width 112, one full tile of level 1 and one of width
//! 17, and one of level 2 of width 1.

use crate::merkle::Hash;
use std::fmt;

/// Hashes in a full tile, and entries in a full bundle.
pub const WIDTH: usize = 256;

/// The same as a number of places in the tree.
const PLACES: u64 = 256;

/// Height of a tile: it stands for a subtree of 2^8 leaves of its level.
pub const HEIGHT: u32 = 8;

/// Bytes of a full tile.
pub const FULL_BYTES: usize = WIDTH * Hash::BYTES;

/// Levels that a tree of at most [`limits::LEDGER_ENTRIES`](crate::limits::LEDGER_ENTRIES) can have.
pub const LEVELS: u8 = 8;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Hashes of this level: of leaves at 0, of full tiles of the level below above it.
    Hashes(u8),
    /// Entries.
    Entries,
}

impl Kind {
    /// The level whose geometry it has.
    pub fn level(self) -> u8 {
        match self {
            Self::Hashes(level) => level,
            Self::Entries => 0,
        }
    }
}

/// One file of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub kind: Kind,
    /// Its place among those of its level, from 0.
    pub index: u64,
    /// How many hashes or entries it has, from 1 to 256.
    pub width: usize,
}

impl Tile {
    /// The tile of this kind and index in a tree over `size` entries; `None` when the tree has none there.
    pub fn of(kind: Kind, index: u64, size: u64) -> Option<Self> {
        let width = complete(size, kind.level()).saturating_sub(index.saturating_mul(PLACES)).min(PLACES);
        match usize::try_from(width) {
            Ok(0) | Err(_) => None,
            Ok(width) => Some(Self { kind, index, width }),
        }
    }

    /// Whether it is full.
    pub fn is_full(self) -> bool {
        self.width == WIDTH
    }

    /// The same tile, once it is full.
    pub fn full(self) -> Self {
        Self { width: WIDTH, ..self }
    }

    /// The directory of its partial forms.
    pub fn partials(self) -> String {
        format!("{}.p", self.full())
    }
}

/// The path within the ledger: `tile/<L>/<N>`, with `.p/<W>` for a partial one.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        let last = groups.len().saturating_sub(1);
        for (at, group) in groups.iter().rev().enumerate() {
            match at == last {
                true => write!(f, "{group:03}")?,
                false => write!(f, "x{group:03}/")?,
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// How many hashes level `level` of a tree over `size` entries has: `floor(size / 256^level)`.
pub fn complete(size: u64, level: u8) -> u64 {
    size.checked_shr(HEIGHT.saturating_mul(u32::from(level))).unwrap_or(0)
}

/// The partial tiles of hashes at the right edge of a tree over `size` entries, from level 0 up. With the full tiles
/// that stand under them they are the whole tree.
pub fn edge(size: u64) -> impl Iterator<Item = Tile> {
    (0..LEVELS).filter_map(move |level| {
        let index = complete(size, level) / PLACES;
        Tile::of(Kind::Hashes(level), index, size)
    })
}

/// Reads the hashes of a tile's file; `None` when it is no whole number of them.
pub fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let chunks = bytes.chunks_exact(Hash::BYTES);
    if !chunks.remainder().is_empty() {
        return None;
    }
    chunks.map(|chunk| Some(Hash::from_bytes(chunk.try_into().ok()?))).collect()
}

/// The bytes of a tile's file.
pub fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// Adds an entry to the bytes of a bundle; `false`, and nothing is added, when it is longer than its length can say.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    true
}

/// The entries of a bundle, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Entries<'b>(&'b [u8]);

impl<'b> Entries<'b> {
    /// Those of a bundle of these bytes.
    pub fn of(bundle: &'b [u8]) -> Self {
        Self(bundle)
    }

    /// The bytes after the entries that were given out.
    pub fn rest(&self) -> &'b [u8] {
        self.0
    }
}

/// Ends at the end of the bundle, and where an entry is cut short; [`Entries::rest`] tells which.
impl<'b> Iterator for Entries<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let path = |kind, index, width| Tile { kind, index, width }.to_string();
        assert_eq!(path(Kind::Hashes(0), 0, 256), "tile/0/000");
        assert_eq!(path(Kind::Hashes(3), 1_234_067, 256), "tile/3/x001/x234/067");
        assert_eq!(path(Kind::Entries, 273, 112), "tile/entries/273.p/112");
        assert_eq!(path(Kind::Entries, 1000, 1), "tile/entries/x001/000.p/1");
        assert_eq!(Tile { kind: Kind::Entries, index: 1000, width: 1 }.partials(), "tile/entries/x001/000.p");
    }

    #[test]
    fn the_tiles_of_a_tree_are_those_of_the_specification() {
        let widths = |size| {
            let edge = edge(size).map(|tile| (tile.kind.level(), tile.index, tile.width));
            edge.collect::<Vec<_>>()
        };
        assert_eq!(widths(0), []);
        assert_eq!(widths(1), [(0, 0, 1)]);
        assert_eq!(widths(256), [(1, 0, 1)]);
        assert_eq!(widths(257), [(0, 1, 1), (1, 0, 1)]);
        assert_eq!(widths(70_000), [(0, 273, 112), (1, 1, 17), (2, 0, 1)]);
        assert_eq!(widths(1 << 24), [(3, 0, 1)]);
        assert_eq!(widths(crate::limits::LEDGER_ENTRIES).len(), 7);
        assert_eq!(Tile::of(Kind::Hashes(0), 272, 70_000).map(|tile| tile.width), Some(256));
        assert_eq!(Tile::of(Kind::Hashes(0), 274, 70_000), None);
        assert_eq!(Tile::of(Kind::Hashes(2), 1, 70_000), None);
        assert_eq!(Tile::of(Kind::Entries, u64::MAX, u64::MAX), None);
    }

    #[test]
    fn entries_end_where_one_is_cut_short() {
        let mut bundle = Vec::new();
        for entry in [&b"one"[..], b"", b"three"] {
            assert!(push_entry(&mut bundle, entry));
        }
        assert!(!push_entry(&mut bundle, &[0; 65_536]));
        let read = |bundle| {
            let mut entries = Entries::of(bundle);
            let count = entries.by_ref().count();
            (count, entries.rest().len())
        };
        assert_eq!(read(&bundle), (3, 0));
        assert_eq!(read(&bundle[..bundle.len() - 1]), (2, 6));
        assert_eq!(read(&bundle[..1]), (0, 1));
        assert_eq!(read(&[0xff, 0xff, 0]), (0, 3));
    }
}
