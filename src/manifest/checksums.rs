//! Checksum lists, as `sha256sum`, `b3sum`, `shasum`, `cksum`, `rhash` and `openssl dgst` write them.
//!
//! ```text
//! 98ea...7be4  images/cu.img            GNU form, `*` in place of the second blank marks "binary"
//! SHA256 (images/cu.img) = 98ea...7be4  tagged form, as BSD has it
//! SHA256(images/cu.img)= 98ea...7be4    tagged form, as OpenSSL writes it (`SHA2-256` since 3.0)
//! \98ea...7be4  a\nb                    either form with an escaped name: `\\`, `\n` and `\r` alone
//! ```
//!
//! A list has one form throughout. In GNU form it also has one algorithm: the one that the caller names, or SHA-256, SHA-384 or
//! SHA-512 by the number of digits. Others give as many digits (BLAKE3, SHA3-256), and a list of theirs then fits no file.
//! A tagged list names its algorithms, and may give several for one file.
//!
//! A line that a checker skips is a file that nobody checks. So lines are skipped only where `sha256sum -c` does it without
//! a warning: empty ones, and those that begin with `#`. One CR before the line's end is cut off, as it does. Everything else
//! is refused; so is what it reads although no tool writes it (blanks before a line, names after one blank).
//!
//! Names are paths in a drop. A leading `./` is what `find . | xargs sha256sum` writes, and is cut off once; no other second
//! spelling is. `-`, which `sha256sum -c` takes for standard input, is refused.

use super::Artifact;
use crate::digest::{Algorithm, Claims, DigestRefusal};
use crate::drop::path::{DropPath, PathRefusal};
use crate::limits;
use memchr::{memchr, memrchr};
use std::borrow::Cow;
use std::fmt;

/// Why a text is not a checksum list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListRefusal {
    /// Too many bytes.
    #[error("expected at most {} bytes, found {found}", limits::MANIFEST_BYTES)]
    TooLong {
        /// How many there are.
        found: usize,
    },
    /// Too many digests.
    #[error("line {line}: expected at most {} digests in a list, found one more", limits::DROP_FILES)]
    TooMany {
        /// The line of the first one too many, from 1.
        line: usize,
    },
    /// No file at all.
    #[error("expected at least one line with a digest and a name, found none")]
    NoFiles,
    /// A line in no form that is read here.
    #[error("line {line}: expected {expected}, found {found:?}")]
    Form {
        /// Which line, from 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
        /// The line's beginning.
        found: String,
    },
    /// Two forms in one list.
    #[error("line {line}: expected a line in {expected} like those before it, found one in {found}")]
    Mixed {
        /// Which line, from 1.
        line: usize,
        /// The form of the first line.
        expected: Form,
        /// The form of this one.
        found: Form,
    },
    /// A digest that is none.
    #[error("line {line}: expected {expected} hex digits for {algorithm}, found {found:?}")]
    Digits {
        /// Which line, from 1.
        line: usize,
        /// How many digits a digest by this algorithm has.
        expected: usize,
        /// The algorithm.
        algorithm: &'static str,
        /// The beginning of what stands there.
        found: String,
    },
    /// Digits without an algorithm that gives so many.
    #[error("line {line}: expected 64 hex digits for sha256, 96 for sha384 or 128 for sha512, found {found}")]
    Length {
        /// Which line, from 1.
        line: usize,
        /// How many there are.
        found: usize,
    },
    /// A digest of another algorithm than that of the lines before.
    #[error("line {line}: expected {expected} hex digits as in the lines before it, found {found}")]
    MixedLengths {
        /// Which line, from 1.
        line: usize,
        /// The number in the first line.
        expected: usize,
        /// The number in this line.
        found: usize,
    },
    /// The name of an algorithm that is not computed here.
    #[error("line {line}: {why}")]
    Algorithm {
        /// Which line, from 1.
        line: usize,
        /// Why.
        why: DigestRefusal,
    },
    /// A backslash that escapes nothing.
    #[error(
        "line {line}: expected `\\\\`, `\\n` or `\\r` in a name that is marked as escaped, found another backslash"
    )]
    Escape {
        /// Which line, from 1.
        line: usize,
    },
    /// A name that no artifact may have.
    #[error("line {line}: {name:?}: {why}")]
    Path {
        /// Which line, from 1.
        line: usize,
        /// The beginning of the name.
        name: String,
        /// Why.
        why: PathRefusal,
    },
    /// The name that stands for no file.
    #[error(
        "line {line}: expected the name of a file, found `-`, which stands for standard input; a file of that name is written `./-`"
    )]
    StandardInput {
        /// Which line, from 1.
        line: usize,
    },
    /// One name twice.
    #[error(
        "line {line}: {name:?}: expected one {algorithm} digest for each name, found another in line {first}"
    )]
    Duplicate {
        /// Which line, from 1.
        line: usize,
        /// The name.
        name: String,
        /// The algorithm.
        algorithm: &'static str,
        /// The line of the first one.
        first: usize,
    },
    /// Only digests that prove nothing.
    #[error(
        "line {line}: {name:?}: expected a digest by sha256, sha384, sha512 or blake3, found only {algorithm}, which proves nothing"
    )]
    Weak {
        /// Which line, from 1.
        line: usize,
        /// The name.
        name: String,
        /// The algorithm.
        algorithm: &'static str,
    },
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Digest first, as GNU coreutils writes it without options.
    Gnu,
    /// Algorithm and name first, as BSD and OpenSSL write it.
    Tagged,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gnu => "GNU form (DIGEST  NAME)",
            Self::Tagged => "tagged form (ALGORITHM (NAME) = DIGEST)",
        })
    }
}

/// By what a digest was made. Weak ones are checked in form, and then count for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Strong(Algorithm),
    Weak(&'static str, usize),
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Strong(algorithm) => algorithm.name(),
            Self::Weak(name, _) => name,
        }
    }

    fn digits(self) -> usize {
        match self {
            Self::Strong(algorithm) => algorithm.bytes().saturating_mul(2),
            Self::Weak(_, digits) => digits,
        }
    }
}

const MD5: Kind = Kind::Weak("md5", 32);
const SHA1: Kind = Kind::Weak("sha1", 40);

/// What tagged lines begin with, up to the bracket. `rhash` fills short names up with blanks; OpenSSL leaves the blank out.
const TAGS: [(&[u8], Kind); 19] = [
    (b"SHA256 ", Kind::Strong(Algorithm::Sha256)),
    (b"SHA384 ", Kind::Strong(Algorithm::Sha384)),
    (b"SHA512 ", Kind::Strong(Algorithm::Sha512)),
    (b"BLAKE3 ", Kind::Strong(Algorithm::Blake3)),
    (b"SHA256", Kind::Strong(Algorithm::Sha256)),
    (b"SHA384", Kind::Strong(Algorithm::Sha384)),
    (b"SHA512", Kind::Strong(Algorithm::Sha512)),
    (b"SHA2-256", Kind::Strong(Algorithm::Sha256)),
    (b"SHA2-384", Kind::Strong(Algorithm::Sha384)),
    (b"SHA2-512", Kind::Strong(Algorithm::Sha512)),
    (b"MD5 ", MD5),
    (b"MD5   ", MD5),
    (b"MD5", MD5),
    (b"SHA1 ", SHA1),
    (b"SHA1  ", SHA1),
    (b"SHA1", SHA1),
    (b"CRC32 ", Kind::Weak("crc32", 8)),
    (b"CRC32C ", Kind::Weak("crc32c", 8)),
    (b"ADLER32 ", Kind::Weak("adler32", 8)),
];

/// Behind which byte a bracket no longer opens a name in tagged form. No name of an algorithm is longer, and no line in GNU form
/// has so few digits.
const LONGEST_TAG: usize = 24;

/// One digest of one file.
#[derive(Debug)]
struct Entry<'t> {
    path: DropPath,
    kind: Kind,
    digits: &'t [u8],
    line: usize,
}

/// Reads a list. `hint` is the algorithm of a list in GNU form, where the operator says it; tagged lists say it themselves.
///
/// The artifacts are sorted by path, each once, at least one, each with a digest that counts.
///
/// # Errors
/// When the text is not such a list, with the first line that is wrong.
pub fn read(bytes: &[u8], hint: Option<Algorithm>) -> Result<Vec<Artifact>, ListRefusal> {
    if u64::try_from(bytes.len()).is_ok_and(|found| found > limits::MANIFEST_BYTES) {
        return Err(ListRefusal::TooLong { found: bytes.len() });
    }
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut first: Option<(Form, usize)> = None;
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() || text.starts_with(b"#") {
            continue;
        }
        if entries.len() == limits::DROP_FILES {
            return Err(ListRefusal::TooMany { line });
        }
        let (form, entry) = entry(line, text, hint)?;
        let (expected, digits) = *first.get_or_insert((form, entry.digits.len()));
        if form != expected {
            return Err(ListRefusal::Mixed { line, expected, found: form });
        }
        if form == Form::Gnu && digits != entry.digits.len() {
            let found = entry.digits.len();
            return Err(ListRefusal::MixedLengths { line, expected: digits, found });
        }
        entries.push(entry);
    }
    merged(entries)
}

fn entry(line: usize, text: &[u8], hint: Option<Algorithm>) -> Result<(Form, Entry<'_>), ListRefusal> {
    let (escaped, rest) = text.strip_prefix(b"\\").map_or((false, text), |rest| (true, rest));
    let bracket = memchr(b'(', rest).filter(|at| *at <= LONGEST_TAG);
    let (form, (kind, name, digits)) = match bracket.and_then(|at| rest.split_at_checked(at)) {
        Some((tag, rest)) => (Form::Tagged, tagged(line, tag, rest)?),
        None => (Form::Gnu, gnu(line, rest, hint)?),
    };
    if digits.len() != kind.digits() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(ListRefusal::Digits {
            line,
            expected: kind.digits(),
            algorithm: kind.name(),
            found: beginning(digits),
        });
    }
    let name =
        if escaped { unescaped(name).ok_or(ListRefusal::Escape { line })? } else { Cow::Borrowed(name) };
    Ok((form, Entry { path: path(line, &name)?, kind, digits, line }))
}

/// Reads `(NAME) = DIGEST` behind a tag. A name may hold brackets; the digest does not, so the last one closes.
fn tagged<'t>(line: usize, tag: &[u8], rest: &'t [u8]) -> Result<(Kind, &'t [u8], &'t [u8]), ListRefusal> {
    let kind = TAGS.iter().find(|(known, _)| *known == tag).map(|(_, kind)| *kind).ok_or_else(|| {
        let why = DigestRefusal::UnknownAlgorithm { found: beginning(tag.trim_ascii_end()) };
        ListRefusal::Algorithm { line, why }
    })?;
    let close: &[u8] = if tag.ends_with(b" ") { b") = " } else { b")= " };
    let parts = memrchr(b')', rest)
        .and_then(|at| rest.split_at_checked(at))
        .and_then(|(name, behind)| Some((kind, name.strip_prefix(b"(")?, behind.strip_prefix(close)?)));
    parts.ok_or_else(|| ListRefusal::Form {
        line,
        expected: "`ALGORITHM (NAME) = DIGEST` or OpenSSL's `ALGORITHM(NAME)= DIGEST`",
        found: beginning(&[tag, rest].concat()),
    })
}

/// Reads `DIGEST  NAME`. What is all of a name is said by two bytes before it, so that one that begins with a blank is kept.
fn gnu(line: usize, text: &[u8], hint: Option<Algorithm>) -> Result<(Kind, &[u8], &[u8]), ListRefusal> {
    let end = text.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or_default();
    let name = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"));
    let Some(name) = name.filter(|_| !digits.is_empty()) else {
        return Err(ListRefusal::Form {
            line,
            expected: "a digest in hex, two blanks (or a blank and `*`) and a name, or `ALGORITHM (NAME) = DIGEST`",
            found: beginning(text),
        });
    };
    let kind = match (hint, digits.len()) {
        (Some(algorithm), _) => Kind::Strong(algorithm),
        (None, 64) => Kind::Strong(Algorithm::Sha256),
        (None, 96) => Kind::Strong(Algorithm::Sha384),
        (None, 128) => Kind::Strong(Algorithm::Sha512),
        (None, 32) => MD5,
        (None, 40) => SHA1,
        (None, found) => return Err(ListRefusal::Length { line, found }),
    };
    Ok((kind, name, digits))
}

fn unescaped(name: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(Cow::Owned(plain))
}

fn path(line: usize, name: &[u8]) -> Result<DropPath, ListRefusal> {
    if name == b"-" {
        return Err(ListRefusal::StandardInput { line });
    }
    let refused = |why| ListRefusal::Path { line, name: beginning(name), why };
    DropPath::from_bytes(name.strip_prefix(b"./").unwrap_or(name)).map_err(refused)
}

/// One artifact for each path, with all of its digests.
fn merged(mut entries: Vec<Entry<'_>>) -> Result<Vec<Artifact>, ListRefusal> {
    entries.sort_unstable_by(|a, b| (&a.path, a.kind, a.line).cmp(&(&b.path, b.kind, b.line)));
    let twice = entries.windows(2).find_map(|pair| match pair {
        [a, b] if a.path == b.path && a.kind == b.kind => Some((a, b)),
        _ => None,
    });
    if let Some((a, b)) = twice {
        return Err(ListRefusal::Duplicate {
            line: b.line,
            name: b.path.as_str().to_owned(),
            algorithm: b.kind.name(),
            first: a.line,
        });
    }
    let mut artifacts = Vec::new();
    let mut entries = entries.into_iter().peekable();
    while let Some(first) = entries.next() {
        let mut claims = Claims::default();
        claim(&mut claims, &first)?;
        // Strong algorithms are sorted before weak ones.
        if let Kind::Weak(algorithm, _) = first.kind {
            let name = first.path.as_str().to_owned();
            return Err(ListRefusal::Weak { line: first.line, name, algorithm });
        }
        while let Some(next) = entries.next_if(|next| next.path == first.path) {
            claim(&mut claims, &next)?;
        }
        let digests = claims.finish().ok_or(ListRefusal::NoFiles)?;
        artifacts.push(Artifact { path: first.path, digests });
    }
    if artifacts.is_empty() {
        return Err(ListRefusal::NoFiles);
    }
    artifacts.shrink_to_fit();
    Ok(artifacts)
}

/// Coreutils reads digits of either case, so both are read here.
fn claim(claims: &mut Claims, entry: &Entry<'_>) -> Result<(), ListRefusal> {
    let digits = String::from_utf8_lossy(entry.digits).to_ascii_lowercase();
    let refused = |why| ListRefusal::Algorithm { line: entry.line, why };
    claims.add(entry.kind.name(), &digits).map_err(refused)
}

/// The beginning of foreign bytes, for messages.
fn beginning(bytes: &[u8]) -> String {
    let shown = bytes.get(..limits::KEY_ID_SHOWN).unwrap_or(bytes);
    String::from_utf8_lossy(shown).into_owned()
}
