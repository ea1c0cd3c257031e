//! Packages by ETSI GS NFV-SOL 004: VNF packages, PNFD archives, packages with an application descriptor (ASD).
//!
//! ```text
//! TOSCA-Metadata/TOSCA.meta        names the manifest and the papers; without this directory the manifest has the
//!                                  name of the one YAML file at the root
//! radio.mf                         metadata, then every file with its hash, then the CMS block (option 1)
//! ...                              everything else, listed in the manifest
//!
//! radio.csar  radio.cms  radio.cert      the package beside a signature over its bytes (option 2)
//! ```
//!
//! Pure: bytes and names in, values out. The specification left room, and its versions differ (2.4.1 to 5.1.1); docs/sol004.md says what
//! is made of each variant. The rule behind all of it: a variant is read where it can mean one thing only, and refused where
//! two readers could take it for different things.

pub mod layout;
pub mod lines;
pub mod meta;
pub mod text;

use crate::drop::path::{DropPath, PathRefusal};
use lines::shown;
use memchr::memmem;

/// The metadata file of a package, where it has one.
pub const META: &str = "TOSCA-Metadata/TOSCA.meta";

/// What a package says of its papers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Papers {
    /// The history of changes, for people.
    pub change_log: Option<DropPath>,
    /// The directory (or file) of tests and their results.
    pub tests: Option<DropPath>,
    /// The directory (or file) of licences.
    pub licenses: Option<DropPath>,
    /// The signer's certificate. Material to build a path with and nothing more: what is trusted, the operator says.
    pub certificate: Option<DropPath>,
}

/// A manifest file, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split<'b> {
    /// The bytes that are signed: all that stands before the line which begins the block.
    pub signed: &'b [u8],
    /// The CMS block, from its first line to its last.
    pub signature: Option<&'b [u8]>,
}

/// Why a manifest file can't be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitRefusal {
    /// A mark that is not alone on its line, or of something else.
    #[error("expected -----BEGIN CMS----- or -----BEGIN PKCS7-----, alone on a line, found {found:?}")]
    Begin {
        /// What stands there.
        found: String,
    },
    /// A block that does not end, or ends as another one.
    #[error("expected -----END {label}-----, alone on a line, found {found:?}")]
    End {
        /// How it began.
        label: &'static str,
        /// What stands there.
        found: String,
    },
    /// An end without a begin.
    #[error("expected the begin of a CMS block before its end, found the end alone")]
    EndAlone,
    /// Text behind the signature would not be signed, and some reader would read it.
    #[error("expected nothing but blanks behind the CMS block, found {found:?}")]
    Behind {
        /// What stands there.
        found: String,
    },
}

const BEGIN: &[u8] = b"-----BEGIN";
const END: &[u8] = b"-----END";

/// Takes a manifest file apart into what is signed and the signature.
///
/// What is signed ends with the line break before the block: `openssl cms -verify -binary -content` says so of packages that
/// others made. There is one block at most, and it is the last thing in the file.
///
/// # Errors
/// When there are marks of a block that is not one, or anything behind it.
pub fn split(bytes: &[u8]) -> Result<Split<'_>, SplitRefusal> {
    let ends_at = memmem::find(bytes, END);
    let Some((signed, block)) = memmem::find(bytes, BEGIN).and_then(|at| bytes.split_at_checked(at)) else {
        return match ends_at {
            Some(_) => Err(SplitRefusal::EndAlone),
            None => Ok(Split { signed: bytes, signature: None }),
        };
    };
    if ends_at.is_some_and(|at| at < signed.len()) {
        return Err(SplitRefusal::EndAlone);
    }
    let (first, rest) = line(block);
    let begins = |label: &&str| first == [b"-----BEGIN ", label.as_bytes(), b"-----"].concat();
    let label = ["CMS", "PKCS7"].into_iter().find(begins);
    let Some(label) = label.filter(|_| signed.last().is_none_or(|byte| *byte == b'\n')) else {
        let start = memchr::memrchr(b'\n', signed).map_or(0, |at| at.saturating_add(1));
        return Err(SplitRefusal::Begin { found: shown(line(bytes.get(start..).unwrap_or_default()).0) });
    };
    let (body, close) =
        memmem::find(rest, b"-----").and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, b""));
    let (last, behind) = line(close);
    let ends = last == [b"-----END ", label.as_bytes(), b"-----"].concat();
    if !ends || body.last().is_none_or(|byte| *byte != b'\n') {
        return Err(SplitRefusal::End { label, found: shown(last) });
    }
    let trailing = behind.trim_ascii();
    if !trailing.is_empty() {
        return Err(SplitRefusal::Behind { found: shown(line(trailing).0) });
    }
    let length = block.len().saturating_sub(close.len()).saturating_add(last.len());
    Ok(Split { signed, signature: block.get(..length) })
}

/// The first line without its break and the blanks before it, and what follows.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match memchr::memchr(b'\n', bytes).and_then(|at| bytes.split_at_checked(at)) {
        Some((line, rest)) => (line, rest.get(1..).unwrap_or_default()),
        None => (bytes, &[][..]),
    };
    (line.trim_ascii_end(), rest)
}

/// A path as packages write it: `./` at its start, as `find` writes it, is cut off once. No other second spelling is.
fn path(value: &str) -> Result<DropPath, PathRefusal> {
    DropPath::parse(value.strip_prefix("./").unwrap_or(value))
}
