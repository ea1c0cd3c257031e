//! Signatures by OpenBSD's signify (signify(1)) and by OpenWrt's usign, which writes the same form.
//!
//! ```text
//! untrusted comment: verify with acme.pub
//! RWSdGlgY...                                                "Ed", key number, Ed25519 signature over the message itself
//! ```
//!
//! The message is held in memory whole, since that is what is signed. The comment is nobody's word and is not kept: signify
//! can take from it which key to use, and here the operator says that.
//!
//! Read is exactly this form: a comment of 1 to 1023 bytes and a line of base64, each with its line break (LF, or CR LF),
//! and nothing behind it. signify does not look behind the second line. With `-e` the message stands there, which
//! [`Signature::read_embedded`] gives with the signature; lists of `signify -C` come so. Signatures in the header of a
//! gzip file (`-z`) are not read.
//!
//! Keys are told apart by number, as signify does it. Nothing in a signature says when it was made.

pub use super::keynum::CredentialRefusal;

use super::detached::{Said, Tried};
use super::ed25519::SIGNATURE_BYTES;
use super::keynum::{COMMENT, ED25519, Keyed, NumberedKey, letters};
use super::message::{Message, Needs};
use crate::digest::hex;
use crate::limits;
use crate::time::Time;
use memchr::memchr;

/// Longest comment that signify reads, in bytes.
const COMMENT_BYTES: usize = 1023;

/// Longest second line, in bytes, its end left out.
const LINE_BYTES: usize = 100;

/// A public key with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential(NumberedKey);

impl Credential {
    /// Reads what `signify -G` or `usign -G` writes as the public key: the file, or its second line alone.
    ///
    /// # Errors
    /// When the text is anything else, or the key is unfit. The message never repeats the text.
    pub fn parse(text: &str) -> Result<Self, CredentialRefusal> {
        NumberedKey::parse(text).map(Self)
    }

    /// Hex SHA-256 of the key's DER `SubjectPublicKeyInfo` (RFC 8410). The key's number is not part of it: under another
    /// number it is still the same key.
    pub fn fingerprint(&self) -> String {
        self.0.public.fingerprint()
    }

    /// The key's number in hex, as `usign -F` prints it. signify shows it nowhere.
    pub fn names(&self) -> Vec<String> {
        vec![hex(&self.0.number)]
    }
}

/// What a signature file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    untrusted_number: [u8; 8],
    signature: [u8; SIGNATURE_BYTES],
}

/// Why a file is not a signature by signify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// Longer than such a file may be.
    #[error("expected a file of at most {expected} bytes, found {found}")]
    TooLong {
        /// How many bytes it may have.
        expected: u64,
        /// How many it has.
        found: usize,
    },
    /// No comment in the first line.
    #[error("line 1: expected {COMMENT:?} and a comment of 1 to {COMMENT_BYTES} bytes, found {found:?}")]
    Comment {
        /// The line's beginning.
        found: String,
    },
    /// No signature in the second.
    #[error(
        "line 2: expected base64 over the 74 bytes of a signature and a line break, found something else"
    )]
    Base64,
    /// An algorithm that signify does not have.
    #[error("line 2: expected algorithm `Ed`, found {found:?}")]
    Algorithm {
        /// The two letters that were found.
        found: String,
    },
    /// A message where a signature alone belongs.
    #[error("expected the end of the signature behind its second line, found {found} bytes more")]
    Trailing {
        /// How many there are.
        found: usize,
    },
}

impl Signature {
    /// Reads a file such as `a.img.sig`.
    ///
    /// # Errors
    /// When it is anything but such a file, with the line.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureRefusal> {
        fits(bytes, limits::SIGNATURE_FILE_BYTES)?;
        match Self::header(bytes)? {
            (signature, []) => Ok(signature),
            (_, rest) => Err(SignatureRefusal::Trailing { found: rest.len() }),
        }
    }

    /// Reads a file with the message in it, as `signify -S -e` writes it, and gives the message, which nobody has checked yet.
    ///
    /// # Errors
    /// When it does not begin with a signature, with the line.
    pub fn read_embedded(bytes: &[u8]) -> Result<(Self, &[u8]), SignatureRefusal> {
        fits(bytes, limits::SIGNED_WHOLE_BYTES)?;
        Self::header(bytes)
    }

    fn header(bytes: &[u8]) -> Result<(Self, &[u8]), SignatureRefusal> {
        let comment = line(bytes, COMMENT.len().saturating_add(COMMENT_BYTES));
        let (_, rest) = comment
            .and_then(|(line, rest)| Some((line.strip_prefix(COMMENT.as_bytes())?, rest)))
            .filter(|(comment, _)| !comment.is_empty())
            .ok_or_else(|| SignatureRefusal::Comment {
                found: String::from_utf8_lossy(bytes.get(..COMMENT.len()).unwrap_or(bytes)).into_owned(),
            })?;
        let (text, rest) = line(rest, LINE_BYTES).ok_or(SignatureRefusal::Base64)?;
        let text = std::str::from_utf8(text).map_err(|_| SignatureRefusal::Base64)?;
        let Keyed { algorithm, number, data } = Keyed::decode(text).ok_or(SignatureRefusal::Base64)?;
        if algorithm != ED25519 {
            return Err(SignatureRefusal::Algorithm { found: letters(algorithm) });
        }
        Ok((Self { untrusted_number: number, signature: data }, rest))
    }

    /// The message itself.
    pub fn needs(&self) -> Needs {
        Needs::whole()
    }

    /// The key number that it names, in hex.
    pub fn signer_named(&self) -> String {
        hex(&self.untrusted_number)
    }

    /// Tries it against a key. It says nothing else, and nothing about time.
    pub fn check(&self, credential: &Credential, message: &Message, _at: Time) -> Tried {
        let NumberedKey { number, public } = &credential.0;
        if *number != self.untrusted_number {
            return Tried::Other;
        }
        match message.whole().map(|bytes| public.verify(bytes, &self.signature)) {
            Ok(true) => Tried::Good(Said::default()),
            Ok(false) => Tried::Bad(format!(
                "expected a signify signature by key {} over these bytes, found one that is not",
                hex(number)
            )),
            Err(why) => Tried::Bad(why),
        }
    }
}

fn fits(bytes: &[u8], expected: u64) -> Result<(), SignatureRefusal> {
    let found = bytes.len();
    if u64::try_from(found).is_ok_and(|found| found <= expected) {
        return Ok(());
    }
    Err(SignatureRefusal::TooLong { expected, found })
}

/// The first line, of at most so many bytes, and what is behind it.
fn line(bytes: &[u8], longest: usize) -> Option<(&[u8], &[u8])> {
    let (line, rest) = bytes.split_at_checked(memchr(b'\n', bytes)?)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some((line, rest.strip_prefix(b"\n")?)).filter(|(line, _)| line.len() <= longest)
}
