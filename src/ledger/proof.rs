//! Proofs as texts that verify without the log: of an entry, by [C2SP tlog-proof](https://c2sp.org/tlog-proof), and that
//! one checkpoint continues another, in the form in which [witnesses](https://c2sp.org/tlog-witness) are sent it.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! index 73894
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
//! B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
//!
//! (the checkpoint, with its signatures)
//! ```

use super::checkpoint::{Checkpoint, CheckpointRefusal, SignedCheckpoint, decimal};
use super::note::VerifierKey;
use crate::limits;
use crate::merkle::{self, Hash, PROOF_HASHES, ProofFault};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The first line of a proof of inclusion.
const INCLUSION: &str = "c2sp.org/tlog-proof@v1";

/// Why bytes are no proof, or prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofRefusal {
    /// Not of the form of the proof.
    #[error("expected {expected}; found something else")]
    Form {
        /// What was expected, and where.
        expected: &'static str,
    },
    /// The checkpoint in it does not count.
    #[error("the proof's checkpoint does not count: {0}")]
    Checkpoint(#[from] CheckpointRefusal),
    /// Its hashes don't show what it claims.
    #[error("the proof shows nothing: {0}")]
    Fault(#[from] ProofFault),
    /// It starts from another size than the checkpoint that was kept.
    #[error(
        "the proof starts from the size {found}; expected that of the checkpoint that was kept, {expected}"
    )]
    OldSize {
        /// The size of the checkpoint that was kept.
        expected: u64,
        /// The size that the proof starts from.
        found: u64,
    },
    /// The checkpoint that was kept is of another log.
    #[error("the proof is of another log: expected {expected:?}, found {found:?}")]
    OtherLog {
        /// The origin of the checkpoint that was kept.
        expected: String,
        /// The origin in the proof.
        found: String,
    },
}

fn form(expected: &'static str) -> ProofRefusal {
    ProofRefusal::Form { expected }
}

/// Cuts a proof into its lines and the checkpoint after them.
fn parts(bytes: &[u8]) -> Result<(Vec<&str>, &[u8]), ProofRefusal> {
    if bytes.len() > limits::PROOF_BYTES {
        return Err(form("a proof of at most a megabyte"));
    }
    let text = str::from_utf8(bytes).map_err(|_| form("a proof in UTF-8"))?;
    let (lines, checkpoint) =
        text.split_once("\n\n").ok_or_else(|| form("an empty line before the proof's checkpoint"))?;
    Ok((lines.split('\n').collect(), checkpoint.as_bytes()))
}

fn hashes<'t>(lines: impl Iterator<Item = &'t str>) -> Result<Vec<Hash>, ProofRefusal> {
    let hashes: Option<Vec<Hash>> = lines.map(Hash::from_base64).collect();
    hashes
        .filter(|hashes| hashes.len() <= PROOF_HASHES)
        .ok_or_else(|| form("at most 63 lines of base64, each of a hash of 32 bytes"))
}

fn write(mut text: String, hashes: &[Hash], checkpoint: &[u8]) -> Vec<u8> {
    for hash in hashes {
        text.push_str(&hash.to_string());
        text.push('\n');
    }
    text.push('\n');
    let mut bytes = text.into_bytes();
    bytes.extend(checkpoint);
    bytes
}

/// That an entry is in a log. What it says is worth nothing before [`verify`](Self::verify).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// What whoever made it added. Nobody vouches for it.
    pub unverified_extra: Option<Vec<u8>>,
    /// The entry's place, from 0.
    pub index: u64,
    /// The hashes, the leaf's sibling first.
    pub hashes: Vec<Hash>,
    /// The checkpoint's bytes.
    pub checkpoint: Vec<u8>,
}

impl InclusionProof {
    /// Reads a proof.
    ///
    /// # Errors
    /// When it has another form.
    pub fn read(bytes: &[u8]) -> Result<Self, ProofRefusal> {
        let (lines, checkpoint) = parts(bytes)?;
        let mut lines = lines.into_iter().peekable();
        if lines.next() != Some(INCLUSION) {
            return Err(form("the first line c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.peek().and_then(|line| line.strip_prefix("extra "));
        let unverified_extra = match extra {
            Some(encoded) => {
                lines.next();
                Some(STANDARD.decode(encoded).map_err(|_| form("base64 after `extra`"))?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or_else(|| form("a line `index` with a number without leading zeroes"))?;
        Ok(Self { unverified_extra, index, hashes: hashes(lines)?, checkpoint: checkpoint.to_vec() })
    }

    /// The proof's bytes.
    pub fn write(&self) -> Vec<u8> {
        let extra = self.unverified_extra.as_ref();
        let extra = extra.map(|extra| format!("extra {}\n", STANDARD.encode(extra))).unwrap_or_default();
        write(format!("{INCLUSION}\n{extra}index {}\n", self.index), &self.hashes, &self.checkpoint)
    }

    /// Checks that the log that `key` signs holds an entry with this leaf hash at the proof's index, and gives the
    /// checkpoint that shows it.
    ///
    /// # Errors
    /// When it does not show it.
    pub fn verify(&self, leaf: &Hash, key: &VerifierKey) -> Result<SignedCheckpoint, ProofRefusal> {
        let signed = SignedCheckpoint::read(&self.checkpoint, key)?;
        let Checkpoint { size, root, .. } = &signed.checkpoint;
        merkle::verify_inclusion(&self.hashes, self.index, leaf, *size, root)?;
        Ok(signed)
    }
}

/// That a log continues an older checkpoint of itself. What it says is worth nothing before [`verify`](Self::verify).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The size of the older tree.
    pub old: u64,
    /// The hashes.
    pub hashes: Vec<Hash>,
    /// The newer checkpoint's bytes.
    pub checkpoint: Vec<u8>,
}

impl ConsistencyProof {
    /// Reads a proof.
    ///
    /// # Errors
    /// When it has another form.
    pub fn read(bytes: &[u8]) -> Result<Self, ProofRefusal> {
        let (lines, checkpoint) = parts(bytes)?;
        let mut lines = lines.into_iter();
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old = old.ok_or_else(|| form("the first line `old` with a number without leading zeroes"))?;
        Ok(Self { old, hashes: hashes(lines)?, checkpoint: checkpoint.to_vec() })
    }

    /// The proof's bytes.
    pub fn write(&self) -> Vec<u8> {
        write(format!("old {}\n", self.old), &self.hashes, &self.checkpoint)
    }

    /// Checks that the log that `key` signs continues the checkpoint that was kept, and gives the newer one.
    ///
    /// # Errors
    /// When it does not show it.
    pub fn verify(&self, kept: &Checkpoint, key: &VerifierKey) -> Result<SignedCheckpoint, ProofRefusal> {
        let signed = SignedCheckpoint::read(&self.checkpoint, key)?;
        let Checkpoint { origin, size, root } = &signed.checkpoint;
        if kept.origin != *origin {
            return Err(ProofRefusal::OtherLog { expected: kept.origin.clone(), found: origin.clone() });
        }
        if kept.size != self.old {
            return Err(ProofRefusal::OldSize { expected: kept.size, found: self.old });
        }
        merkle::verify_consistency(&self.hashes, self.old, &kept.root, *size, root)?;
        Ok(signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_read_in_its_one_spelling_alone() {
        let hash = merkle::empty();
        let good = format!("{INCLUSION}\nindex 5\n{hash}\n\ncheckpoint\n");
        let read = InclusionProof::read(good.as_bytes()).unwrap();
        assert_eq!((read.index, read.hashes.len(), &read.checkpoint[..]), (5, 1, &b"checkpoint\n"[..]));
        assert_eq!(read.write(), good.as_bytes());
        let bare = format!("{INCLUSION}\nindex 0\n\ncheckpoint\n");
        assert_eq!(InclusionProof::read(bare.as_bytes()).unwrap().hashes, []);
        let many = format!("{hash}\n").repeat(64);
        for (from, to) in [
            ("@v1", "@v2"),
            ("@v1\n", "@v1\r\n"),
            ("index 5", "index 05"),
            ("index 5", "index  5"),
            ("index 5", "index -5"),
            ("index 5", "index"),
            ("index 5\n", ""),
            ("index 5", "extra AA==\nextra AA==\nindex 5"),
            ("index 5", "extra AB==\nindex 5"),
            ("index 5\n", "index 5\nextra AA==\n"),
            ("\n\n", "\n"),
            ("=\n", "\n"),
            (&format!("{hash}\n"), &many),
            (&format!("{hash}\n"), "\n"),
        ] {
            let changed = good.replacen(from, to, 1);
            assert_ne!(changed, good);
            let refused = InclusionProof::read(changed.as_bytes());
            // An empty line too early leaves a checkpoint that does not count.
            let cut = refused.as_ref().is_ok_and(|proof| proof.checkpoint.starts_with(b"\n"));
            assert!(refused.is_err() || cut, "{changed:?}");
        }
        let large = format!("{good}{}", "x".repeat(limits::PROOF_BYTES));
        assert!(InclusionProof::read(large.as_bytes()).is_err());
        let old = format!("old 0\n{hash}\n\ncheckpoint\n");
        assert_eq!(ConsistencyProof::read(old.as_bytes()).unwrap().write(), old.as_bytes());
        for changed in ["old 00", "old", "Old 0", "old 0 ", "index 0"] {
            assert!(ConsistencyProof::read(old.replacen("old 0", changed, 1).as_bytes()).is_err());
        }
    }
}
