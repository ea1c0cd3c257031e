//! The files that a gate was read from, in one document: most verdicts rest on the same ones, and an operator may have
//! hundreds of keys.
//!
//! ```json
//! {"_type":"urn:dropgate:gate-files:v1","files":[{"name":"gate.toml","text":"version = 1\n..."}]}
//! ```
//!
//! Compact JSON, gate.toml first, the others in the order in which the gate reads them; names are paths from gate.toml.

use crate::json::{JsonError, Strict};
use std::collections::BTreeMap;

/// The type of such a document.
pub const TYPE: &str = "urn:dropgate:gate-files:v1";

/// Why something is no such document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationRefusal {
    /// Not its JSON.
    #[error("expected the files of a gate: {0}")]
    Json(#[from] JsonError),
    /// Another document.
    #[error("expected the files of a gate, _type {TYPE}; found {found:?}")]
    Type {
        /// What it says that it is.
        found: String,
    },
    /// Without gate.toml there is no gate.
    #[error("expected gate.toml at least, found no file")]
    Empty,
    /// One name means one file.
    #[error("expected one file under each name, found two as {name:?}")]
    Twice {
        /// The name.
        name: String,
    },
    /// It could not be written: files of a gate are text.
    #[error("{name:?}: expected UTF-8, found other bytes")]
    NotText {
        /// The file.
        name: String,
    },
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationFile {
    /// Its path from gate.toml.
    pub name: String,
    /// What it says.
    pub text: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(rename = "_type")]
    document_type: String,
    files: Vec<ConfigurationFile>,
}

/// Writes the document. A file that was read twice stands in it once.
///
/// # Errors
/// When it would not be read back.
pub fn write<'f>(
    files: impl IntoIterator<Item = (String, &'f [u8])>,
) -> Result<Vec<u8>, ConfigurationRefusal> {
    let mut seen: BTreeMap<String, &[u8]> = BTreeMap::new();
    let mut all = Vec::new();
    for (name, bytes) in files {
        match seen.insert(name.clone(), bytes) {
            Some(same) if same == bytes => continue,
            Some(_) => return Err(ConfigurationRefusal::Twice { name }),
            None => {}
        }
        let Ok(text) = str::from_utf8(bytes) else { return Err(ConfigurationRefusal::NotText { name }) };
        all.push(ConfigurationFile { name, text: text.to_owned() });
    }
    if all.is_empty() {
        return Err(ConfigurationRefusal::Empty);
    }
    let whole = Whole { document_type: TYPE.to_owned(), files: all };
    serde_json::to_vec(&whole).map_err(|error| ConfigurationRefusal::Json(JsonError::of(&error)))
}

/// Reads the document: at least one file, gate.toml first.
///
/// # Errors
/// When it is none.
pub fn read(bytes: &[u8]) -> Result<Vec<ConfigurationFile>, ConfigurationRefusal> {
    let whole: Whole = Strict::check(bytes).and_then(Strict::read)?;
    if whole.document_type != TYPE {
        return Err(ConfigurationRefusal::Type { found: whole.document_type });
    }
    if whole.files.is_empty() {
        return Err(ConfigurationRefusal::Empty);
    }
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = whole.files.iter().find(|file| !seen.insert(file.name.as_str())) {
        return Err(ConfigurationRefusal::Twice { name: twice.name.clone() });
    }
    Ok(whole.files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_in_order_and_once() {
        let files = [("gate.toml", "b"), ("trust.toml", "\u{1b}\n"), ("k.pem", "x"), ("k.pem", "x")];
        let bytes = write(files.map(|(name, text)| (name.to_owned(), text.as_bytes()))).unwrap();
        let names: Vec<String> = read(&bytes).unwrap().into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["gate.toml", "trust.toml", "k.pem"]);
        assert_eq!(read(&bytes).unwrap()[1].text, "\u{1b}\n");
    }

    #[test]
    fn what_is_no_gate_is_refused() {
        let twice = [("a", "x"), ("a", "y")].map(|(name, text)| (name.to_owned(), text.as_bytes()));
        assert!(matches!(write(twice), Err(ConfigurationRefusal::Twice { .. })));
        assert!(matches!(write([]), Err(ConfigurationRefusal::Empty)));
        let not_text = [("a".to_owned(), b"\xff".as_slice())];
        assert!(matches!(write(not_text), Err(ConfigurationRefusal::NotText { .. })));
        for text in [
            r#"{"_type":"urn:dropgate:gate-files:v2","files":[{"name":"a","text":""}]}"#,
            r#"{"_type":"urn:dropgate:gate-files:v1","files":[]}"#,
            r#"{"_type":"urn:dropgate:gate-files:v1","files":[{"name":"a","text":""},{"name":"a","text":""}]}"#,
            r#"{"_type":"urn:dropgate:gate-files:v1","files":[{"name":"a","text":"","more":1}]}"#,
            "",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
