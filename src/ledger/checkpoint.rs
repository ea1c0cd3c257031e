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

use super::note::{NoteRefusal, SigningKey, UnverifiedNote, VerifierKey};
use crate::escape::Escaped;
use crate::limits;
use crate::merkle::Hash;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle;
    use crate::trust::ed25519::PrivateKey;

    #[test]
    fn a_checkpoint_is_read_in_its_one_spelling_alone() {
        let key = SigningKey::new("noc.example", PrivateKey::generate().unwrap()).unwrap();
        let root = merkle::empty();
        let read = |text: &str| SignedCheckpoint::read(&key.sign(text), key.verifier());
        let good = format!("noc.example\n7\n{root}\n");
        let checkpoint = Checkpoint { origin: "noc.example".to_owned(), size: 7, root };
        assert_eq!(checkpoint.text(), good);
        assert_eq!(read(&good).unwrap().checkpoint, checkpoint);
        assert_eq!(checkpoint.sign(&key).unwrap(), read(&good).unwrap());
        // Extensions are opaque, and part of what is signed.
        assert_eq!(read(&format!("{good}extension\n")).unwrap().checkpoint, checkpoint);
        let largest = limits::LEDGER_ENTRIES;
        assert!(read(&good.replace("\n7\n", &format!("\n{largest}\n"))).is_ok());
        assert!(read(&good.replace("\n7\n", "\n0\n")).is_ok());
        for size in [
            "07",
            "00",
            "",
            "+7",
            "-7",
            " 7",
            "7 ",
            "0x7",
            "7.0",
            "\u{0667}",
            "9007199254740992",
            "18446744073709551616",
        ] {
            let refused = read(&good.replace("\n7\n", &format!("\n{size}\n"))).unwrap_err();
            assert!(matches!(refused, CheckpointRefusal::Form(_)), "{size:?}: {refused}");
        }
        let text = root.to_string();
        // The last digit before the padding has bits that must be zero.
        let noncanonical = text.replace("FU=", "FV=");
        assert_ne!(noncanonical, text);
        let url_safe = text.replace('/', "_").replace('+', "-");
        for root in [text.trim_end_matches('='), &noncanonical, &url_safe, &format!("{text}="), "", "AAAA"] {
            let refused = read(&format!("noc.example\n7\n{root}\n"));
            assert!(matches!(refused, Err(CheckpointRefusal::Form(_))), "{root:?}: {refused:?}");
        }
        for text in ["noc.example\n", "noc.example\n7\n", &format!("{good}\n"), &format!("{good}a\n\n")] {
            assert!(matches!(read(text), Err(CheckpointRefusal::Form(_))), "{text:?}");
        }
    }

    #[test]
    fn a_checkpoint_of_another_log_is_told_as_one() {
        let key = |name| SigningKey::new(name, PrivateKey::generate().unwrap()).unwrap();
        let (ours, theirs) = (key("ours.example"), key("theirs.example"));
        let of = |origin: &str| Checkpoint { origin: origin.to_owned(), size: 0, root: merkle::empty() };
        let origin = |bytes: &[u8]| SignedCheckpoint::read(bytes, ours.verifier());
        let expected = |found: &str| {
            Err(CheckpointRefusal::Origin { expected: "ours.example".to_owned(), found: found.to_owned() })
        };
        assert_eq!(origin(&theirs.sign(&of("theirs.example").text())), expected("theirs.example"));
        // Not even our own key makes it ours.
        assert_eq!(origin(&ours.sign(&of("theirs.example").text())), expected("theirs.example"));
        assert!(of("theirs.example").sign(&ours).is_err());
        let unsigned = origin(&theirs.sign(&of("ours.example").text()));
        assert!(matches!(unsigned, Err(CheckpointRefusal::Note(NoteRefusal::Unsigned { .. }))));
    }
}
