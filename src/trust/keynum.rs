//! What minisign and signify have in common: a line of comment that nobody signed, and a line of base64 over an algorithm, a
//! key's number and the key or signature itself.

use super::ed25519::{KeyRefusal, PublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What the first line begins with.
pub(super) const COMMENT: &str = "untrusted comment: ";

/// The algorithm of keys, and of signatures over the message itself.
pub(super) const ED25519: [u8; 2] = *b"Ed";

/// What the base64 is over, with `N` bytes of key or signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keyed<const N: usize> {
    pub(super) algorithm: [u8; 2],
    pub(super) number: [u8; 8],
    pub(super) data: [u8; N],
}

impl<const N: usize> Keyed<N> {
    /// Reads one line: canonical base64 with its padding, of exactly so many bytes.
    pub(super) fn decode(line: &str) -> Option<Self> {
        Self::split(&STANDARD.decode(line).ok()?)
    }

    fn split(bytes: &[u8]) -> Option<Self> {
        let (algorithm, rest) = bytes.split_first_chunk()?;
        let (number, data) = rest.split_first_chunk()?;
        Some(Self { algorithm: *algorithm, number: *number, data: data.try_into().ok()? })
    }
}

/// A public key with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NumberedKey {
    pub(super) number: [u8; 8],
    pub(super) public: PublicKey,
}

/// Why a text is not a public key of minisign or signify. Never carries the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// A secret key where a public one belongs.
    #[error(
        "this is a secret key; expected a public key, the other file that was made with it. Treat the secret key as exposed if others can read this file"
    )]
    SecretForPublic,
    /// Lines that are not there in a public key.
    #[error(
        "expected the line of base64 alone, or a line `untrusted comment: ...` and the line of base64; found {found}"
    )]
    Lines {
        /// What was found, in words.
        found: String,
    },
    /// Not base64 of a key.
    #[error("expected base64 over the 42 bytes of a public key (`RW...`), found something else")]
    NotAKey,
    /// A key of another algorithm.
    #[error("expected a key of algorithm `Ed` (Ed25519), found {found:?}")]
    Algorithm {
        /// The two letters that were found.
        found: String,
    },
    /// A key that nobody should trust.
    #[error(transparent)]
    Unfit(#[from] KeyRefusal),
}

/// Lengths of the files with secret keys, in bytes under the base64: of signify and of minisign.
const SECRET_KEY_BYTES: [usize; 2] = [104, 158];

impl NumberedKey {
    /// Reads a public key: the file with its comment, or the line of base64 alone. Blanks and line breaks around are the
    /// operator's and mean nothing.
    pub(super) fn parse(text: &str) -> Result<Self, CredentialRefusal> {
        let lines: Vec<&str> = text.trim().lines().take(3).collect();
        let line = match lines.as_slice() {
            [line] => line,
            [comment, line] if comment.starts_with(COMMENT.trim_end()) => line,
            [_, _] => return Err(CredentialRefusal::Lines { found: "two lines without it".to_owned() }),
            [] => return Err(CredentialRefusal::Lines { found: "nothing".to_owned() }),
            _ => return Err(CredentialRefusal::Lines { found: "more than two lines".to_owned() }),
        };
        let bytes = STANDARD.decode(line).map_err(|_| CredentialRefusal::NotAKey)?;
        if SECRET_KEY_BYTES.contains(&bytes.len()) {
            return Err(CredentialRefusal::SecretForPublic);
        }
        let Keyed { algorithm, number, data } =
            Keyed::<32>::split(&bytes).ok_or(CredentialRefusal::NotAKey)?;
        if algorithm != ED25519 {
            return Err(CredentialRefusal::Algorithm { found: letters(algorithm) });
        }
        Ok(Self { number, public: PublicKey::from_bytes(&data)? })
    }
}

/// The name of an algorithm, for messages.
pub(super) fn letters(algorithm: [u8; 2]) -> String {
    String::from_utf8_lossy(&algorithm).into_owned()
}
