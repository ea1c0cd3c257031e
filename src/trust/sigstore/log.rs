//! An entry of a transparency log as a bundle carries it: what the log promised, and the proof that it kept it.
//!
//! The proof alone says nothing of when: `integratedTime` stands outside of what the tree covers. Only the log's promise (the
//! signed entry timestamp) binds it, and without that it is not looked at.

use super::root::Log;
use super::wire::{Bytes, Number};
use crate::digest::hex;
use crate::escape::Escaped;
use crate::json::elements;
use crate::limits;
use crate::merkle::{self, Hash};
use crate::time::Time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// An entry as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WireEntry {
    #[serde(default)]
    log_index: Number,
    log_id: WireId,
    kind_version: KindVersion,
    #[serde(default)]
    integrated_time: Number,
    inclusion_promise: Option<WirePromise>,
    inclusion_proof: Option<WireProof>,
    canonicalized_body: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireId {
    key_id: Bytes,
}

/// What kind of entry it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindVersion {
    pub(super) kind: String,
    pub(super) version: String,
}

impl KindVersion {
    /// Whether only the second version of Rekor makes such entries: it promises nothing, and tells no time.
    pub(super) fn is_of_rekor_2(&self) -> bool {
        self.kind == "hashedrekord" && self.version == "0.0.2"
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WirePromise {
    signed_entry_timestamp: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireProof {
    #[serde(default)]
    log_index: Number,
    root_hash: Bytes,
    tree_size: Number,
    #[serde(default, deserialize_with = "hashes")]
    hashes: Vec<Hash>,
    checkpoint: Option<WireCheckpoint>,
}

/// As many as a proof can have: no more are kept while they are read.
fn hashes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hash>, D::Error> {
    let made = elements(deserializer, "an array of hashes", |number, bytes: Bytes| {
        if number > merkle::PROOF_HASHES {
            return Err("expected at most 63 hashes, found more");
        }
        hash(bytes)
    });
    made?.map_err(D::Error::custom)
}

fn hash(bytes: Bytes) -> Result<Hash, &'static str> {
    bytes.0.try_into().map(Hash::from_bytes).map_err(|_| "expected a hash of 32 bytes, found another length")
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCheckpoint {
    envelope: String,
}

/// An entry whose form was checked.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: KindVersion,
    pub(super) body: Vec<u8>,
    log: Vec<u8>,
    index: u64,
    /// When the log says that it took it in, and its signature over that.
    promise: Option<(Time, u64, Vec<u8>)>,
    proof: Proof,
}

#[derive(Debug)]
struct Proof {
    index: u64,
    size: u64,
    root: Hash,
    hashes: Vec<Hash>,
    checkpoint: String,
}

impl WireEntry {
    pub(super) fn read(self) -> Result<Entry, &'static str> {
        let proof = self.inclusion_proof.ok_or("an inclusionProof, found none")?;
        let checkpoint = proof.checkpoint.map(|checkpoint| checkpoint.envelope);
        let checkpoint = checkpoint
            .filter(|text| !text.is_empty())
            .ok_or("a checkpoint in the inclusionProof, found none")?;
        let promise = match (self.inclusion_promise, self.integrated_time) {
            (Some(_), Number(0)) => return Err("an integratedTime with the inclusionPromise, found none"),
            (Some(promise), Number(seconds)) => {
                let time = i64::try_from(seconds).ok().and_then(Time::of_seconds);
                let time = time.ok_or("an integratedTime that is a time, in seconds since 1970")?;
                Some((time, seconds, promise.signed_entry_timestamp.0))
            }
            (None, _) => None,
        };
        Ok(Entry {
            kind: self.kind_version,
            body: self.canonicalized_body.0,
            log: self.log_id.key_id.0,
            index: self.log_index.0,
            promise,
            proof: Proof {
                index: proof.log_index.0,
                size: proof.tree_size.0,
                root: hash(proof.root_hash).map_err(|_| "a rootHash of 32 bytes, found another length")?,
                hashes: proof.hashes,
                checkpoint,
            },
        })
    }
}

impl Entry {
    /// Whether there is a promise, and with it a time.
    pub(super) fn is_promised(&self) -> bool {
        self.promise.is_some()
    }

    /// The log of the trusted root that it names.
    pub(super) fn log<'r>(&self, logs: &'r [Log]) -> Result<&'r Log, String> {
        logs.iter().find(|log| log.id == self.log).ok_or_else(|| {
            format!(
                "expected an entry in one of the tlogs of the trusted root, found one of the log {}",
                hex(&self.log)
            )
        })
    }

    /// The time that the log's promise binds to the entry, where there is a promise.
    pub(super) fn time(&self, log: &Log) -> Result<Option<Time>, String> {
        let Some((time, seconds, signature)) = &self.promise else { return Ok(None) };
        // Canonical by RFC 8785: none of the values has a character to escape.
        let signed = format!(
            r#"{{"body":"{}","integratedTime":{seconds},"logID":"{}","logIndex":{}}}"#,
            STANDARD.encode(&self.body),
            hex(&self.log),
            self.index
        );
        log.signed("inclusionPromise", signed.as_bytes(), signature, Some(*time))?;
        Ok(Some(*time))
    }

    /// Checks that the entry's body is in the tree that the log signed. `times` are those at which the log must be trusted.
    pub(super) fn included(&self, log: &Log, times: &[Time]) -> Result<(), String> {
        let proof = &self.proof;
        let checkpoint = Checkpoint::read(&proof.checkpoint, log, times)?;
        if checkpoint.size != proof.size {
            return Err(format!(
                "inclusionProof: expected the treeSize {} of its checkpoint, found {}",
                checkpoint.size, proof.size
            ));
        }
        if checkpoint.root != proof.root {
            return Err(format!(
                "inclusionProof: expected the rootHash {} of its checkpoint, found {}",
                checkpoint.root, proof.root
            ));
        }
        // The first version of Rekor counts the entries of all its earlier trees as well.
        let one_tree = self.kind.is_of_rekor_2();
        if (one_tree && self.index != proof.index) || self.index < proof.index {
            return Err(format!(
                "inclusionProof: expected the logIndex of the entry, {}, found {}",
                self.index, proof.index
            ));
        }
        merkle::verify_inclusion(
            &proof.hashes,
            proof.index,
            &merkle::leaf(&self.body),
            proof.size,
            &proof.root,
        )
        .map_err(|why| format!("inclusionProof: {why}"))
    }
}

/// What a log said of its tree (C2SP tlog-checkpoint), once its signature was checked.
struct Checkpoint {
    size: u64,
    root: Hash,
}

/// What a signature line begins with: an em dash and a space.
const MARK: &str = "\u{2014} ";

impl Checkpoint {
    fn read(note: &str, log: &Log, times: &[Time]) -> Result<Self, String> {
        let form = |why: &str| {
            format!("checkpoint: expected a signed note of the log (C2SP tlog-checkpoint): {why}")
        };
        if note.len() > limits::NOTE_BYTES {
            return Err(form("it is too long"));
        }
        let (text, signatures) =
            note.split_once("\n\n").ok_or_else(|| form("no empty line before signatures"))?;
        let signed = note.get(..text.len().saturating_add(1)).unwrap_or_default();
        let signatures = signatures.strip_suffix('\n').ok_or_else(|| form("its last line does not end"))?;
        // Of those that witnesses add, nothing is asked.
        let mut own = 0_usize;
        for (number, line) in signatures.split('\n').enumerate() {
            if number >= limits::NOTE_SIGNATURES {
                return Err(form("it has too many signatures"));
            }
            let (name, encoded) = line
                .strip_prefix(MARK)
                .and_then(|rest| rest.split_once(' '))
                .ok_or_else(|| form("a line after the empty one is not a signature"))?;
            let bytes = STANDARD.decode(encoded).map_err(|_| form("a signature is not in base64"))?;
            let (hint, signature) =
                bytes.split_at_checked(4).ok_or_else(|| form("a signature is too short"))?;
            if log.id.get(..4) != Some(hint) {
                continue;
            }
            if name != log.name {
                return Err(format!(
                    "checkpoint: expected a signature in the name of {}, found {}",
                    Escaped(&log.name),
                    Escaped(name)
                ));
            }
            log.signed("checkpoint", signed.as_bytes(), signature, None)?;
            own = own.saturating_add(1);
        }
        if own != 1 {
            return Err(format!(
                "checkpoint: expected one signature by the log {} (id {}), found {own}",
                Escaped(&log.name),
                hex(&log.id)
            ));
        }
        for time in times {
            log.trusted(*time)?;
        }
        let mut lines = text.split('\n');
        let (origin, size, root) = (lines.next(), lines.next(), lines.next());
        // Rekor's first version adds the number of the tree.
        let of = |origin: &str| {
            origin == log.name || origin.strip_prefix(&*log.name).is_some_and(|rest| rest.starts_with(" - "))
        };
        if !origin.is_some_and(of) {
            return Err(format!(
                "checkpoint: expected the origin {}, found {}",
                Escaped(&log.name),
                Escaped(origin.unwrap_or_default())
            ));
        }
        let digits = |size: &&str| {
            !size.is_empty()
                && size.bytes().all(|b| b.is_ascii_digit())
                && (size.len() == 1 || !size.starts_with('0'))
        };
        let size = size.filter(digits).and_then(|size| size.parse().ok());
        let size = size.ok_or_else(|| form("its second line is not the size of a tree"))?;
        let root = root.and_then(Hash::from_base64);
        Ok(Self { size, root: root.ok_or_else(|| form("its third line is not a hash of 32 bytes"))? })
    }
}
