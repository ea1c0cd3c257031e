//! The Merkle tree of RFC 6962, section 2.1: hashes, roots, and proofs, made and verified. Pure.
//!
//! A tree over `n` leaves is made of complete subtrees: 7 leaves are one of 4, one of 2 and one of 1. Whoever has the
//! hashes of complete subtrees, as the tiles do, has every root and every proof; so the functions here that need hashes
//! ask for those alone, by height and place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::ops::Range;

/// Most hashes in a proof: one for each level of a tree of 2^63 leaves.
pub const PROOF_HASHES: usize = 63;

/// A hash of the tree: SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Length, in bytes.
    pub const BYTES: usize = 32;

    /// Takes the 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads standard base64 with its padding, in the one canonical spelling; `None` for anything else.
    pub fn from_base64(text: &str) -> Option<Self> {
        Some(Self(STANDARD.decode(text).ok()?.try_into().ok()?))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The hash of the tree without leaves.
pub fn empty() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// The hash of a leaf. The byte before it keeps an entry from passing for two hashes, and the other way round.
pub fn leaf(entry: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(entry);
    Hash(hasher.finalize().into())
}

/// The hash of a node over its two children.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut block = [0_u8; 65];
    let (tag, children) = block.split_at_mut(1);
    let (first, second) = children.split_at_mut(32);
    tag.copy_from_slice(&[1]);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    Hash(Sha256::digest(block).into())
}

/// The root over leaves, or over hashes of complete subtrees of one height, by their hashes.
pub fn root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        // The last of an odd number is moved up as it is: it stands for fewer leaves than its neighbours.
        row = row
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node(left, right)),
                [alone] => Some(*alone),
                _ => None,
            })
            .collect();
    }
    row.first().copied().unwrap_or_else(empty)
}

/// The leaves of the left subtree of a tree over `leaves` (two or more): the largest power of two below it.
fn split(leaves: u64) -> u64 {
    let height = leaves.saturating_sub(1).checked_ilog2().unwrap_or(0);
    1_u64.checked_shl(height).unwrap_or(1)
}

/// The root over the leaves `span` of a tree, which must be one of its subtrees or start at leaf 0.
///
/// `complete` gives the hash of the complete subtree over 2^height leaves that is the `index`-th of its height.
///
/// # Errors
/// Those of `complete`.
pub fn span_root<E>(
    span: Range<u64>,
    complete: &mut dyn FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut lefts = Vec::new();
    let mut start = span.start;
    loop {
        let leaves = span.end.saturating_sub(start);
        if leaves == 0 {
            return Ok(empty());
        }
        let size = if leaves.is_power_of_two() { leaves } else { split(leaves) };
        let height = size.trailing_zeros();
        let hash = complete(height, start.checked_shr(height).unwrap_or(0))?;
        if size == leaves {
            return Ok(lefts.iter().rev().fold(hash, |right, left| node(left, &right)));
        }
        lefts.push(hash);
        start = start.saturating_add(size);
    }
}

/// The subtrees whose hashes prove that leaf `index` is in the tree over `size` leaves, the leaf's sibling first
/// (RFC 6962, section 2.1.1). `None` when it has no such leaf.
pub fn inclusion_spans(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let (mut start, mut end) = (0_u64, size);
    let mut spans = Vec::new();
    while end.saturating_sub(start) > 1 {
        let middle = start.saturating_add(split(end.saturating_sub(start)));
        if index < middle {
            spans.push(middle..end);
            end = middle;
        } else {
            spans.push(start..middle);
            start = middle;
        }
    }
    spans.reverse();
    Some(spans)
}

/// The subtrees whose hashes prove that the tree over `size` leaves begins with the one over `old` leaves (RFC 6962,
/// section 2.1.2); none for the empty tree. `None` when `old` is the larger.
pub fn consistency_spans(old: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if old > size {
        return None;
    }
    if old == 0 {
        return Some(Vec::new());
    }
    let (mut start, mut end) = (0_u64, size);
    let mut spans = Vec::new();
    while old != end {
        let middle = start.saturating_add(split(end.saturating_sub(start)));
        if old <= middle {
            spans.push(middle..end);
            end = middle;
        } else {
            spans.push(start..middle);
            start = middle;
        }
    }
    // The old tree itself needs no hash: the verifier has its root.
    if start != 0 {
        spans.push(start..end);
    }
    spans.reverse();
    Some(spans)
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// An index or an old size that lies beyond the tree.
    #[error("it is about {at}; expected a place within a tree of {size}")]
    Beyond {
        /// The index or old size.
        at: u64,
        /// The size of the tree.
        size: u64,
    },
    /// Too few or too many hashes.
    #[error("it has {found} hashes; expected {expected}")]
    Length {
        /// How many the proof must have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// The hashes lead to another root of the old tree.
    #[error("it leads to the root {found} of the older tree; expected {expected}")]
    OldRoot {
        /// The old root that was given.
        expected: Hash,
        /// The one that the proof leads to.
        found: Hash,
    },
    /// The hashes lead to another root.
    #[error("it leads to the root {found}; expected {expected}")]
    Root {
        /// The root that was given.
        expected: Hash,
        /// The one that the proof leads to.
        found: Hash,
    },
}

/// Checks that the leaf of this hash is the `index`-th of the tree over `size` leaves with this root (RFC 6962, section
/// 2.1.1).
///
/// # Errors
/// When the proof does not show it.
pub fn verify_inclusion(
    proof: &[Hash],
    index: u64,
    leaf: &Hash,
    size: u64,
    root: &Hash,
) -> Result<(), ProofFault> {
    let spans = inclusion_spans(index, size).ok_or(ProofFault::Beyond { at: index, size })?;
    if spans.len() != proof.len() {
        return Err(ProofFault::Length { expected: spans.len(), found: proof.len() });
    }
    let found = spans.iter().zip(proof).fold(*leaf, |below, (span, sibling)| {
        if span.start > index { node(&below, sibling) } else { node(sibling, &below) }
    });
    if found == *root { Ok(()) } else { Err(ProofFault::Root { expected: *root, found }) }
}

/// Checks that the tree over `size` leaves with root `root` begins with the one over `old` leaves with root `old_root`
/// (RFC 6962, section 2.1.2).
///
/// # Errors
/// When the proof does not show it.
pub fn verify_consistency(
    proof: &[Hash],
    old: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
) -> Result<(), ProofFault> {
    let spans = consistency_spans(old, size).ok_or(ProofFault::Beyond { at: old, size })?;
    if spans.len() != proof.len() {
        return Err(ProofFault::Length { expected: spans.len(), found: proof.len() });
    }
    if old == 0 {
        let expected = empty();
        return if *old_root == expected {
            Ok(())
        } else {
            Err(ProofFault::OldRoot { expected: *old_root, found: expected })
        };
    }
    let mut parts = spans.iter().zip(proof).peekable();
    // The subtree that ends where the old tree ends: the old tree itself, or the first hash.
    let base = parts.next_if(|(span, _)| span.end == old).map_or(*old_root, |(_, hash)| *hash);
    let (mut before, mut now) = (base, base);
    for (span, hash) in parts {
        if span.start >= old {
            now = node(&now, hash);
        } else {
            before = node(hash, &before);
            now = node(hash, &now);
        }
    }
    if before != *old_root {
        Err(ProofFault::OldRoot { expected: *old_root, found: before })
    } else if now != *root {
        Err(ProofFault::Root { expected: *root, found: now })
    } else {
        Ok(())
    }
}
