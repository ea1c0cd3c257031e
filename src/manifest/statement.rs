//! Somebody else's statement as a list of files: an in-toto Statement (v1 or v0.1) whose subjects are the drop's files, with
//! whatever predicate, such as SLSA provenance.
//!
//! ```json
//! { "_type": "https://in-toto.io/Statement/v1",
//!   "subject": [ { "name": "firmware/radio.bin", "digest": { "sha256": "..." } } ],
//!   "predicateType": "https://slsa.dev/provenance/v1",
//!   "predicate": { } }
//! ```
//!
//! Subjects are held to what those of the native manifest are. Nothing of the predicate is read: that the vendor signed a
//! statement about these files is all that it says here. A subject that is no file (a container image by its name, a commit by a
//! digest that this gate does not compute) is refused: a list that is read in part would not be the vendor's.

use super::subjects::{SubjectRefusal, Subjects};
use super::{Artifact, native};
use crate::json::{JsonError, Strict};
use crate::limits;
use std::borrow::Cow;

/// The type of in-toto statements before version 1.
const STATEMENT_0_1: &str = "https://in-toto.io/Statement/v0.1";

/// Why a text is no statement about files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementRefusal {
    /// Not JSON, or without what a statement has.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// Of another version, or something else.
    #[error("_type: expected {:?} or {STATEMENT_0_1:?}, found {found:?}", native::STATEMENT)]
    StatementType {
        /// What was found.
        found: String,
    },
    /// A predicate without a type, or with one that is no name.
    #[error("predicateType: expected a name of 1 to {} bytes, found {found} bytes", limits::IDENTIFIER_BYTES)]
    PredicateType {
        /// How many bytes.
        found: usize,
    },
    /// Subjects that are no list of files.
    #[error(transparent)]
    Subjects(#[from] SubjectRefusal),
    /// A file by digests that prove nothing.
    #[error(
        "subject {name:?}: expected a digest by sha256, sha384, sha512 or blake3, found weak ones alone ({})",
        crate::digest::WEAK_NAMES.join(", ")
    )]
    WeakOnly {
        /// The subject's name.
        name: String,
    },
}

/// What a statement says that is looked at.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What kind of predicate it has.
    pub predicate_type: String,
    artifacts: Vec<Artifact>,
}

impl Statement {
    /// The files, sorted by path, each once, at least one.
    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }

    /// The files alone.
    pub fn into_artifacts(self) -> Vec<Artifact> {
        self.artifacts
    }
}

#[derive(serde::Deserialize)]
struct Wire<'t> {
    #[serde(rename = "_type", borrow, deserialize_with = "crate::json::borrowed")]
    statement: Cow<'t, str>,
    #[serde(rename = "predicateType", borrow, deserialize_with = "crate::json::borrowed")]
    predicate: Cow<'t, str>,
    subject: Subjects,
}

/// Reads a statement whose signature was checked.
///
/// # Errors
/// When it is not one about files, with the place.
pub fn read(payload: &[u8]) -> Result<Statement, StatementRefusal> {
    let Wire { statement, predicate, subject } = Strict::check(payload)?.read()?;
    if statement != native::STATEMENT && statement != STATEMENT_0_1 {
        return Err(StatementRefusal::StatementType { found: statement.chars().take(100).collect() });
    }
    if !(1..=limits::IDENTIFIER_BYTES).contains(&predicate.len()) {
        return Err(StatementRefusal::PredicateType { found: predicate.len() });
    }
    let artifacts = subject.sorted()?;
    if let Some(weak) = artifacts.iter().find(|artifact| artifact.digests.iter().next().is_none()) {
        return Err(StatementRefusal::WeakOnly { name: weak.path.as_str().to_owned() });
    }
    Ok(Statement { predicate_type: predicate.into_owned(), artifacts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn statement() -> Value {
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                { "name": "firmware/radio.bin", "digest": { "sha256": "ab".repeat(32), "sha1": "00" }, "uri": "x" },
                { "name": "boot.bin", "digest": { "sha512": "cd".repeat(64) } }
            ],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": { "buildDefinition": {} },
            "more": 1
        })
    }

    #[test]
    fn the_subjects_of_a_statement_are_the_files() {
        for version in [native::STATEMENT, STATEMENT_0_1] {
            let mut text = statement();
            text["_type"] = version.into();
            let read = read(text.to_string().as_bytes()).unwrap();
            assert_eq!(read.predicate_type, "https://slsa.dev/provenance/v1");
            let paths: Vec<&str> = read.artifacts().iter().map(|artifact| artifact.path.as_str()).collect();
            assert_eq!(paths, ["boot.bin", "firmware/radio.bin"]);
        }
    }

    #[test]
    fn what_is_no_list_of_files_is_refused_with_the_place() {
        let sha256 = || json!({ "sha256": "ab".repeat(32) });
        for (claim, place, value, says) in [
            ("another type", "/_type", json!("https://in-toto.io/Statement/v2"), "_type: expected"),
            ("no predicate type", "/predicateType", json!(""), "predicateType: expected"),
            ("a long predicate type", "/predicateType", json!("x".repeat(4097)), "found 4097 bytes"),
            ("no subjects", "/subject", json!([]), "expected at least one file"),
            ("a subject without name", "/subject/0", json!({ "digest": sha256() }), "missing field `name`"),
            ("a subject without digest", "/subject/0/digest", json!({}), "expected a digest, found none"),
            (
                "a weak digest alone",
                "/subject/0/digest",
                json!({ "sha1": "00".repeat(20) }),
                "found weak ones alone",
            ),
            (
                "a commit",
                "/subject/0/digest",
                json!({ "gitCommit": "00".repeat(20) }),
                "\"gitCommit\" is not one",
            ),
            ("a digest in capitals", "/subject/0/digest", json!({ "sha256": "AB".repeat(32) }), "lowercase"),
            (
                "a short digest",
                "/subject/0/digest",
                json!({ "sha256": "ab" }),
                "expected 64 lowercase hex digits",
            ),
            ("a name twice", "/subject/1/name", json!("firmware/radio.bin"), "expected each name once"),
            ("a name that leads out", "/subject/0/name", json!("../radio.bin"), "subject 1:"),
            ("an absolute name", "/subject/0/name", json!("/radio.bin"), "subject 1:"),
            ("a name of an image", "/subject/0/name", json!("registry.example//radio"), "subject 1:"),
        ] {
            let mut text = statement();
            *text.pointer_mut(place).unwrap() = value;
            let why = read(text.to_string().as_bytes()).map(|_| ()).expect_err(claim).to_string();
            assert!(why.contains(says), "{claim}: {why}");
        }
        let text = statement().to_string();
        for (claim, text) in [
            ("a key twice", text.replacen('{', r#"{"subject":[],"#, 1)),
            ("something behind", format!("{text}{{}}")),
            ("half of it", text.split_at(text.len() / 2).0.to_owned()),
            ("no statement", "[]".to_owned()),
        ] {
            assert!(read(text.as_bytes()).is_err(), "{claim}");
        }
    }
}
