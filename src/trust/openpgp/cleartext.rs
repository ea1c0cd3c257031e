//! Clear-signed text (RFC 9580, section 7): a text that can be read, with its signatures behind it.
//!
//! The classic trick is text that a reader takes for signed and that is not: before the first line, behind the last one, in a
//! header, or in blanks at the end of a line, which are not hashed. Here nothing may stand around it, the only headers name hash
//! functions, and what is given to be read is what is hashed.

use super::armor::{self, Block, beginning};
use super::signature::kind;
use super::{Signature, SignatureRefusal};
use crate::trust::message::Hash;

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";

/// A clear-signed text.
#[derive(Debug, Clone)]
pub struct Cleartext {
    /// The signatures.
    pub signature: Signature,
    /// The text that they are over: without what the escaping added, without blanks at the ends of lines, with LF between lines
    /// and none behind the last one. Hashed with every line break as CR LF ([`Intake::Text`](crate::trust::message::Intake)),
    /// it is what was signed.
    pub text: Vec<u8>,
}

/// Why a file is not a clear-signed text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CleartextRefusal {
    /// It does not begin as one.
    #[error("line 1: expected {BEGIN:?} and nothing before it, found {found:?}")]
    Begin {
        /// The beginning of the line.
        found: String,
    },
    /// A header that is not about hash functions, or not one.
    #[error("line {line}: expected a `Hash:` header or the empty line before the text, found {found:?}")]
    Header {
        /// The line's number.
        line: usize,
        /// The beginning of the line.
        found: String,
    },
    /// A hash function by which no signature counts, or a signature by another one than the headers say.
    #[error("the `Hash:` headers: expected {expected}, found {found}")]
    Hash {
        /// What the signatures are by.
        expected: String,
        /// What the headers say.
        found: String,
    },
    /// A line that starts with a dash which was not escaped.
    #[error("line {line}: expected `- ` before a line that starts with a dash, found {found:?}")]
    Dash {
        /// The line's number.
        line: usize,
        /// The beginning of the line.
        found: String,
    },
    /// A character that readers of text disagree about.
    #[error("line {line}: expected text, found the control character {found}")]
    Control {
        /// The line's number.
        line: usize,
        /// Its name.
        found: &'static str,
    },
    /// It ends before its signature.
    #[error("expected {SIGNATURE:?}, found the end of the file")]
    NoSignature,
    /// Its signature can't be read, or has something behind it.
    #[error("behind the text: {0}")]
    Signature(#[from] SignatureRefusal),
}

impl Cleartext {
    /// Whether a file claims to be one.
    pub fn is_claimed_by(received: &[u8]) -> bool {
        received.starts_with(BEGIN.as_bytes())
    }

    /// Reads a file that is one clear-signed text, from its first byte to its last.
    ///
    /// # Errors
    /// When it is anything else, with the line.
    pub fn read(received: &[u8]) -> Result<Self, CleartextRefusal> {
        let mut lines = Lines { rest: Some(received), number: 0 };
        match lines.next() {
            Some(line) if line.without_cr() == BEGIN.as_bytes() => {}
            other => {
                return Err(CleartextRefusal::Begin { found: other.map(Line::shown).unwrap_or_default() });
            }
        }
        let named = headers(&mut lines)?;
        let text = text(&mut lines)?;
        let signature = block(lines.rest_with_mark(received)?)?;
        let names: Vec<&str> = signature.packets.iter().map(|packet| name(packet.hash)).collect();
        // No header once meant MD5, which no signature here is by; today it says nothing (RFC 9580, section 7.1).
        if !named.is_empty() && names.iter().any(|name| !named.iter().any(|own| own == name)) {
            return Err(CleartextRefusal::Hash { expected: names.join(", "), found: named.join(", ") });
        }
        Ok(Self { signature, text })
    }
}

/// The armored signatures; of what stands behind them a line break is all that may be.
fn block(bytes: &[u8]) -> Result<Signature, SignatureRefusal> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > crate::limits::SIGNATURE_FILE_BYTES) {
        return Err(SignatureRefusal::TooLong { found: bytes.len() });
    }
    let trimmed = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let trimmed = trimmed.strip_suffix(b"\r").unwrap_or(trimmed);
    let packets = armor::read(trimmed, Block::Signature).map_err(SignatureRefusal::Form)?;
    Signature::of_packets(&packets, &[kind::TEXT])
}

fn headers(lines: &mut Lines<'_>) -> Result<Vec<String>, CleartextRefusal> {
    let mut named = Vec::new();
    while let Some(line) = lines.next() {
        if line.without_cr().is_empty() {
            return Ok(named);
        }
        let refused = || CleartextRefusal::Header { line: line.number, found: line.shown() };
        let names = std::str::from_utf8(line.without_cr()).ok().and_then(|text| text.strip_prefix("Hash: "));
        for name in names.ok_or_else(refused)?.split(',') {
            let name = name.strip_prefix(' ').unwrap_or(name);
            let is_name = !name.is_empty()
                && name.len() <= 16
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !is_name || named.len() > 16 {
                return Err(refused());
            }
            named.push(name.to_owned());
        }
    }
    Err(CleartextRefusal::NoSignature)
}

fn text(lines: &mut Lines<'_>) -> Result<Vec<u8>, CleartextRefusal> {
    let mut text = Vec::new();
    let mut is_first = true;
    while let Some(line) = lines.next() {
        if line.without_cr() == SIGNATURE.as_bytes() {
            return Ok(text);
        }
        let unescaped = match line.bytes.strip_prefix(b"- ") {
            Some(unescaped) => unescaped,
            None if line.bytes.starts_with(b"-") => {
                return Err(CleartextRefusal::Dash { line: line.number, found: line.shown() });
            }
            None => line.bytes,
        };
        let end = unescaped.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        let kept = end.and_then(|end| unescaped.get(..=end)).unwrap_or_default();
        let control = |byte, found| {
            let refused = CleartextRefusal::Control { line: line.number, found };
            memchr::memchr(byte, kept).map_or(Ok(()), |_| Err(refused))
        };
        control(0, "NUL")?;
        control(b'\r', "CR inside a line")?;
        if !std::mem::take(&mut is_first) {
            text.push(b'\n');
        }
        text.extend_from_slice(kept);
    }
    Err(CleartextRefusal::NoSignature)
}

/// The name in `Hash:` headers (RFC 9580, section 9.5).
fn name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha256 => "SHA256",
        Hash::Sha384 => "SHA384",
        Hash::Sha512 => "SHA512",
        Hash::Blake2b512 => "",
    }
}

#[derive(Clone, Copy)]
struct Line<'b> {
    bytes: &'b [u8],
    number: usize,
}

impl<'b> Line<'b> {
    fn without_cr(self) -> &'b [u8] {
        self.bytes.strip_suffix(b"\r").unwrap_or(self.bytes)
    }

    fn shown(self) -> String {
        beginning(&String::from_utf8_lossy(self.bytes))
    }
}

/// Lines that end in LF. What is behind the last LF is none.
struct Lines<'b> {
    rest: Option<&'b [u8]>,
    number: usize,
}

impl<'b> Lines<'b> {
    fn next(&mut self) -> Option<Line<'b>> {
        let rest = self.rest?;
        let (bytes, behind) = memchr::memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at))?;
        self.rest = behind.get(1..);
        self.number = self.number.saturating_add(1);
        Some(Line { bytes, number: self.number })
    }

    /// What is left, from the line before it on.
    fn rest_with_mark(self, all: &'b [u8]) -> Result<&'b [u8], CleartextRefusal> {
        let left = self.rest.map_or(0, <[u8]>::len);
        let before = all.len().checked_sub(left).and_then(|end| all.get(..end)).unwrap_or_default();
        let mark = before.strip_suffix(b"\n").unwrap_or(before);
        let start = memchr::memrchr(b'\n', mark).and_then(|at| at.checked_add(1)).unwrap_or(0);
        all.get(start..).ok_or(CleartextRefusal::NoSignature)
    }
}
