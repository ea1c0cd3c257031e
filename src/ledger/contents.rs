//! The list of what arrived of what a manifest lists: a line for each file, in the form of sha256sum, so that
//! `sha256sum --check` reads it as well.
//!
//! ```text
//! 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  firmware/radio.bin
//! ```
//!
//! Paths of a drop hold no line breaks and no backslashes, so that a line needs no escapes.

use super::documents::{DocumentError, Documents};
use crate::digest::DocumentDigest;
use crate::drop::path::DropPath;
use std::collections::BTreeSet;

/// Why a text is no such list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: expected 64 lowercase hex digits, two blanks and a path of a drop; found something else"
)]
pub struct ContentsRefusal {
    /// The line, from 1.
    pub line: usize,
}

/// Writes the list, in the order given.
pub fn write<'p>(files: impl IntoIterator<Item = (DocumentDigest, &'p DropPath)>) -> Vec<u8> {
    let mut text = String::new();
    for (digest, path) in files {
        text.push_str(&digest.to_string());
        text.push_str("  ");
        text.push_str(path.as_str());
        text.push('\n');
    }
    text.into_bytes()
}

/// Reads the list: digest and path of each file, in order.
pub fn read(bytes: &[u8]) -> impl Iterator<Item = Result<(DocumentDigest, &str), ContentsRefusal>> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines
        .enumerate()
        .map(|(index, line)| read_line(line).ok_or(ContentsRefusal { line: index.saturating_add(1) }))
}

fn read_line(line: &[u8]) -> Option<(DocumentDigest, &str)> {
    let (digest, path) = str::from_utf8(line).ok()?.strip_suffix('\n')?.split_once("  ")?;
    DropPath::parse(path).ok()?;
    Some((DocumentDigest::from_hex(digest)?, path))
}

/// Why a list could not be looked into.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// It could not be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// It is none.
    #[error("document {document}: {why}")]
    Form {
        /// Its digest.
        document: DocumentDigest,
        /// What is wrong with it.
        why: ContentsRefusal,
    },
}

fn each(
    documents: &Documents,
    document: &DocumentDigest,
    mut take: impl FnMut(DocumentDigest, &str),
) -> Result<(), ContentsError> {
    let bytes = documents.get(document)?;
    for line in read(&bytes) {
        let (digest, path) = line.map_err(|why| ContentsError::Form { document: *document, why })?;
        take(digest, path);
    }
    Ok(())
}

/// The files in a list, by digest, each once.
///
/// # Errors
/// When the list can't be read, or is none.
pub fn artifacts(
    documents: &Documents,
    document: &DocumentDigest,
) -> Result<BTreeSet<DocumentDigest>, ContentsError> {
    let mut all = BTreeSet::new();
    each(documents, document, |digest, _| {
        all.insert(digest);
    })?;
    Ok(all)
}

/// Where a file lay, by the list: nowhere, or in several places.
///
/// # Errors
/// When the list can't be read, or is none.
pub fn paths(
    documents: &Documents,
    document: &DocumentDigest,
    artifact: &DocumentDigest,
) -> Result<Vec<String>, ContentsError> {
    let mut all = Vec::new();
    each(documents, document, |digest, path| {
        if digest == *artifact {
            all.push(path.to_owned());
        }
    })?;
    Ok(all)
}
