//! Lines of `key: value`, as TOSCA.meta and the manifest have them.
//!
//! A line ends with LF, and one CR before it is cut off; so are blanks and tabs around key and value. Keys are compared without
//! regard to case. A line whose first visible character is `#` is a comment. Nothing else is: a `#` further on is part of the
//! value, and quotation marks are too.

use crate::escape::is_deceptive;

/// One line that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'t> {
    /// Which one, from 1.
    pub number: usize,
    /// What stands before the first colon, as it was written.
    pub key: &'t str,
    /// What stands behind it; may be empty.
    pub value: &'t str,
}

impl Line<'_> {
    /// Whether this is the key, in whatever case.
    pub fn is(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }
}

/// Why a text is not one of such lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineRefusal {
    /// A mark that some readers drop and others take for part of the first key.
    #[error("expected text, found a byte order mark at its start")]
    Bom,
    /// Bytes that are not text.
    #[error("line {number}: expected UTF-8, found something else")]
    NotUtf8 {
        /// Which line, from 1.
        number: usize,
    },
    /// What is not seen, or is a line break to some readers.
    #[error("line {number}: expected visible characters, found U+{:04X}", u32::from(*.found))]
    Invisible {
        /// Which line, from 1.
        number: usize,
        /// The character.
        found: char,
    },
    /// No key.
    #[error("line {number}: expected a key, a colon and a value, found {found:?}")]
    NoKey {
        /// Which line, from 1.
        number: usize,
        /// What stands there.
        found: String,
    },
}

/// What a text holds between line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'t> {
    /// A line without anything on it; its number.
    Blank,
    /// A key and its value.
    Line(Line<'t>),
}

/// The lines of a text, comments left out.
///
/// # Errors
/// Each line that is none is one.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = Result<Item<'_>, LineRefusal>> {
    let marked = bytes.starts_with(b"\xef\xbb\xbf").then_some(Err(LineRefusal::Bom));
    let all = bytes.split(|byte| *byte == b'\n').zip(1usize..);
    marked.into_iter().chain(all.filter_map(|(bytes, number)| item(bytes, number).transpose()))
}

fn item(bytes: &[u8], number: usize) -> Result<Option<Item<'_>>, LineRefusal> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| LineRefusal::NotUtf8 { number })?;
    let odd = |c: &char| is_deceptive(*c) && *c != '\t';
    if let Some(found) = text.chars().find(odd) {
        return Err(LineRefusal::Invisible { number, found });
    }
    let text = trim(text);
    if text.is_empty() {
        return Ok(Some(Item::Blank));
    }
    if text.starts_with('#') {
        return Ok(None);
    }
    let (key, value) = text
        .split_once(':')
        .map(|(key, value)| (trim(key), trim(value)))
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| LineRefusal::NoKey { number, found: shown(text.as_bytes()) })?;
    Ok(Some(Item::Line(Line { number, key, value })))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The beginning of foreign text, for messages.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(80).collect()
}
