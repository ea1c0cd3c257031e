//! What a log was at one time: whose, how many entries, and the root over them, by
//! [C2SP tlog-checkpoint](https://c2sp.org/tlog-checkpoint), which is a signed note:
//!
//! ```text
//! noc.example/dropgate
//! 70000
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — noc.example/dropgate Az3grlgtzPICa5OS8npVmf1M...
//! ```

use super::merkle::Hash;
use super::note::{NoteRefusal, SigningKey, UnverifiedNote, VerifierKey};
use crate::escape::Escaped;
use crate::limits;

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log that it is of, by the name of its key.
    pub origin: String,
    /// How many entries the log has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// Why bytes are not a checkpoint of the expected log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointRefusal {
    /// Not a note of the expected key.
    #[error(transparent)]
    Note(#[from] NoteRefusal),
    /// Of another log, by whoever signed it.
    #[error("it is of another log: expected the origin {expected:?}, found {found:?}")]
    Origin {
        /// The name of the verifier key.
        expected: String,
        /// What the checkpoint says, escaped.
        found: String,
    },
    /// A signed text that is no checkpoint.
    #[error("its text is not a checkpoint: {0}")]
    Form(&'static str),
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    fn from_text(text: &str) -> Result<Self, CheckpointRefusal> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let mut line = |what| lines.next().ok_or(CheckpointRefusal::Form(what));
        let origin = line("it has no origin")?.to_owned();
        let size = line("it has no size")?;
        let root = line("it has no root")?;
        let size = decimal(size)
            .filter(|size| *size <= limits::LEDGER_ENTRIES)
            .ok_or(CheckpointRefusal::Form("its second line is not a size of a log"))?;
        let root = Hash::from_base64(root)
            .ok_or(CheckpointRefusal::Form("its third line is not base64 of a hash of 32 bytes"))?;
        // Further lines are extensions, which the specification lets a reader pass over.
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(CheckpointRefusal::Form("it has an empty line"));
        }
        Ok(Self { origin, size, root })
    }

    /// Signs it.
    ///
    /// # Errors
    /// When it is of another log than the key's.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedCheckpoint, CheckpointRefusal> {
        SignedCheckpoint::read(&key.sign(&self.text()), key.verifier())
    }
}

/// Reads a number as checkpoints and proofs write it: ASCII digits without leading zeroes.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

/// A checkpoint whose signature was verified, and its exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The note as it arrived, with all its signatures.
    pub bytes: Vec<u8>,
}

impl SignedCheckpoint {
    /// Reads a checkpoint of the log that `key` signs. Its origin is the key's name.
    ///
    /// # Errors
    /// When it is not signed by the key, of another origin, or no checkpoint.
    pub fn read(bytes: &[u8], key: &VerifierKey) -> Result<Self, CheckpointRefusal> {
        let note = UnverifiedNote::read(bytes)?;
        let origin = note.unverified_first_line();
        let other_origin = || CheckpointRefusal::Origin {
            expected: key.name().to_owned(),
            found: Escaped(origin).to_string(),
        };
        let text = match note.open(key) {
            // That it is of another log tells more than that this log's key did not sign it.
            Err(NoteRefusal::Unsigned { .. }) if origin != key.name() => return Err(other_origin()),
            opened => opened?,
        };
        let checkpoint = Checkpoint::from_text(text)?;
        if checkpoint.origin != key.name() {
            return Err(other_origin());
        }
        Ok(Self { checkpoint, bytes: bytes.to_vec() })
    }
}
