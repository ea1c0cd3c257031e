//! Signatures by minisign, as its specification has them (<https://jedisct1.github.io/minisign/>).
//!
//! ```text
//! untrusted comment: signature from minisign secret key
//! RUQp23GA...                                                "ED", key id, signature
//! trusted comment: timestamp:1795587995  file:a.img  hashed   with tabs between
//! j9GIi00q...                                                signature over the signature and the trusted comment
//! ```
//!
//! `ED` is over the BLAKE2b-512 of the message, `Ed` (before minisign 0.11, and with `-l`) over the message itself, which is
//! then held in memory. Both count, each over what it says: the one is never tried as the other. Both signatures of the file
//! must be good, by Ed25519 as strictly as [`super::ed25519`] has it.
//!
//! Read is exactly this form: four lines and nothing else, each ended by LF or CR LF, the last one also by the end. minisign
//! stops reading behind the fourth line, and at a CR or NUL within a comment; what it does not see is refused here, so that
//! nobody is shown another comment than the one that was signed. The lengths of comments are its own.
//!
//! Keys are told apart by id, as minisign does it: a signature that names another id is somebody else's. The time in the trusted
//! comment is the signer's word. It is not used to judge the key; but a signature that says that it was made after the time of
//! judgement, by more than clocks differ ([`limits::EVIDENCE_CLOCK_SKEW_SECONDS`]), is bad.

pub use super::keynum::CredentialRefusal;

use super::detached::{Said, Tried};
use super::ed25519::SIGNATURE_BYTES;
use super::keynum::{COMMENT, ED25519, Keyed, NumberedKey, letters};
use super::message::{Hash, Message, Needs};
use crate::limits;
use crate::time::{Period, Time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What the third line begins with.
const TRUSTED_COMMENT: &str = "trusted comment: ";

/// Longest first line, in bytes, its end left out: what minisign 0.11 has room for.
const COMMENT_LINE_BYTES: usize = 1022;

/// Longest third line, likewise.
const TRUSTED_COMMENT_LINE_BYTES: usize = 8190;

/// A public key with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential(NumberedKey);

impl Credential {
    /// Reads what `minisign -G` writes: the file `minisign.pub`, or the line `RW...` in it alone.
    ///
    /// # Errors
    /// When the text is anything else, or the key is unfit. The message never repeats the text.
    pub fn parse(text: &str) -> Result<Self, CredentialRefusal> {
        NumberedKey::parse(text).map(Self)
    }

    /// Hex SHA-256 of the key's DER `SubjectPublicKeyInfo` (RFC 8410). The key's id is not part of it: under another id it is
    /// still the same key.
    pub fn fingerprint(&self) -> String {
        self.0.public.fingerprint()
    }

    /// The key's id, as minisign prints it.
    pub fn names(&self) -> Vec<String> {
        vec![shown(self.0.number)]
    }
}

/// How the message is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Its BLAKE2b-512.
    Hash,
    /// Its bytes.
    Bytes,
}

/// What a signature file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    over: Over,
    untrusted_number: [u8; 8],
    signature: [u8; SIGNATURE_BYTES],
    untrusted_comment: String,
    global: [u8; SIGNATURE_BYTES],
}

/// Why a file is not a signature by minisign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// Longer than such a file can be.
    #[error("expected a minisign signature of at most {} bytes, found {found}", limits::SIGNATURE_FILE_BYTES)]
    TooLong {
        /// How many bytes there are.
        found: usize,
    },
    /// Not text.
    #[error("expected a minisign signature in UTF-8, found something else at byte {at}")]
    NotUtf8 {
        /// Offset of the first byte that is not.
        at: usize,
    },
    /// Too few or too many lines.
    #[error("expected the four lines of a minisign signature, found {found}")]
    Lines {
        /// How many there are, in words.
        found: String,
    },
    /// A comment without what marks it.
    #[error("line {line}: expected a line that begins with {expected:?}, found {found:?}")]
    Comment {
        /// Which line, from 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
        /// The line's beginning.
        found: String,
    },
    /// More than minisign itself reads.
    #[error("line {line}: expected at most {expected} bytes, found {found}")]
    LineTooLong {
        /// Which line, from 1.
        line: usize,
        /// How many bytes it may have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A character at which other verifiers stop reading.
    #[error("line {line}: expected a comment of one line, found U+{:04X} within it", u32::from(*.found))]
    Cut {
        /// Which line, from 1.
        line: usize,
        /// CR or NUL.
        found: char,
    },
    /// Not base64 of what belongs there.
    #[error("line {line}: expected base64 over the {expected} bytes of {what}, found something else")]
    Base64 {
        /// Which line, from 1.
        line: usize,
        /// How many bytes there should be.
        expected: usize,
        /// What should be there.
        what: &'static str,
    },
    /// An algorithm that minisign does not have.
    #[error("line 2: expected algorithm `ED` or `Ed`, found {found:?}")]
    Algorithm {
        /// The two letters that were found.
        found: String,
    },
}

impl Signature {
    /// Reads a file such as `a.img.minisig`.
    ///
    /// # Errors
    /// When it is anything but such a file, with the line.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureRefusal> {
        if u64::try_from(bytes.len()).map_or(true, |found| found > limits::SIGNATURE_FILE_BYTES) {
            return Err(SignatureRefusal::TooLong { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| SignatureRefusal::NotUtf8 { at: error.valid_up_to() })?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let lines: Vec<&str> =
            text.split('\n').take(5).map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        let [comment, signature, trusted, global] = lines.as_slice() else {
            let found = if lines.len() > 4 { "more".to_owned() } else { lines.len().to_string() };
            return Err(SignatureRefusal::Lines { found });
        };
        comment_line(1, comment, COMMENT, COMMENT_LINE_BYTES)?;
        let signature = Keyed::<SIGNATURE_BYTES>::decode(signature);
        let Keyed { algorithm, number, data } =
            signature.ok_or(SignatureRefusal::Base64 { line: 2, expected: 74, what: "a signature" })?;
        let over = match &algorithm {
            b"ED" => Over::Hash,
            algorithm if *algorithm == ED25519 => Over::Bytes,
            _ => return Err(SignatureRefusal::Algorithm { found: letters(algorithm) }),
        };
        let trusted = comment_line(3, trusted, TRUSTED_COMMENT, TRUSTED_COMMENT_LINE_BYTES)?;
        let global = STANDARD.decode(global).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            over,
            untrusted_number: number,
            signature: data,
            untrusted_comment: trusted.to_owned(),
            global: global.ok_or(SignatureRefusal::Base64 {
                line: 4,
                expected: SIGNATURE_BYTES,
                what: "the signature over the trusted comment",
            })?,
        })
    }

    /// The message itself, or its BLAKE2b-512.
    pub fn needs(&self) -> Needs {
        match self.over {
            Over::Hash => Needs::hashed(Hash::Blake2b512),
            Over::Bytes => Needs::whole(),
        }
    }

    /// The key id that it names, as minisign prints it.
    pub fn signer_named(&self) -> String {
        shown(self.untrusted_number)
    }

    /// Tries it against a key. What comes back with a good one is the trusted comment, and the time in it.
    pub fn check(&self, credential: &Credential, message: &Message, at: Time) -> Tried {
        let NumberedKey { number, public } = &credential.0;
        if *number != self.untrusted_number {
            return Tried::Other;
        }
        let good = match self.over {
            Over::Hash => message.digest(Hash::Blake2b512).map(|hash| public.verify(&hash, &self.signature)),
            Over::Bytes => message.whole().map(|bytes| public.verify(bytes, &self.signature)),
        };
        match good {
            Err(why) => return Tried::Bad(why),
            Ok(false) => {
                return Tried::Bad(format!(
                    "expected a minisign signature by key {} over these bytes, found one that is not",
                    shown(*number)
                ));
            }
            Ok(true) => {}
        }
        let mut signed = self.signature.to_vec();
        signed.extend_from_slice(self.untrusted_comment.as_bytes());
        if !public.verify(&signed, &self.global) {
            return Tried::Bad(format!(
                "expected a trusted comment signed by key {}, found one that was changed or belongs to another signature",
                shown(*number)
            ));
        }
        let comment = &self.untrusted_comment;
        let when = timestamp(comment);
        let latest = at.after(Period::of_seconds(limits::EVIDENCE_CLOCK_SKEW_SECONDS));
        match when {
            Some(when) if when > latest => {
                Tried::Bad(format!("expected a signature made by {at}, found one that says {when}"))
            }
            _ => Tried::Good(Said { when, comment: Some(comment.clone()), who: None }),
        }
    }
}

fn comment_line<'t>(
    line: usize,
    text: &'t str,
    expected: &'static str,
    longest: usize,
) -> Result<&'t str, SignatureRefusal> {
    if text.len() > longest {
        return Err(SignatureRefusal::LineTooLong { line, expected: longest, found: text.len() });
    }
    if let Some(found) = text.chars().find(|c| matches!(c, '\r' | '\0')) {
        return Err(SignatureRefusal::Cut { line, found });
    }
    text.strip_prefix(expected).ok_or_else(|| SignatureRefusal::Comment {
        line,
        expected,
        found: text.chars().take(expected.len()).collect(),
    })
}

/// The time that minisign puts into the comments that it makes up itself: `timestamp:SECONDS` between tabs.
fn timestamp(comment: &str) -> Option<Time> {
    let mut seconds = comment.split('\t').filter_map(|field| field.strip_prefix("timestamp:"));
    let (Some(seconds), None) = (seconds.next(), seconds.next()) else { return None };
    let seconds = seconds.bytes().all(|byte| byte.is_ascii_digit()).then_some(seconds)?;
    jiff::Timestamp::from_second(seconds.parse().ok()?).ok()?.to_string().parse().ok()
}

fn shown(number: [u8; 8]) -> String {
    format!("{:X}", u64::from_le_bytes(number))
}
