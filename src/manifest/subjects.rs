//! The subjects of an in-toto statement that are files of a drop: names and digests.

use super::Artifact;
use crate::digest::{Claims, DigestRefusal};
use crate::drop::path::{DropPath, PathRefusal};
use crate::json::elements;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Why subjects are no list of files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectRefusal {
    /// No files.
    #[error("subject: expected at least one file, found none")]
    NoSubjects,
    /// A name that no artifact may have.
    #[error("subject {number}: {why}")]
    Path {
        /// The subject's place in the list, from 1.
        number: usize,
        /// Why.
        why: PathRefusal,
    },
    /// No digest, or one that is none.
    #[error("subject {name:?}: {why}")]
    Digest {
        /// The subject's name.
        name: String,
        /// Why.
        why: DigestRefusal,
    },
    /// Not one digest.
    #[error("subject {name:?}: expected a digest, found none")]
    NoDigest {
        /// The subject's name.
        name: String,
    },
    /// One name twice.
    #[error("subject {name:?}: expected each name once, found it twice")]
    Duplicate {
        /// The name.
        name: String,
    },
}

#[derive(serde::Deserialize)]
struct Subject<'t> {
    #[serde(borrow, deserialize_with = "crate::json::borrowed")]
    name: Cow<'t, str>,
    digest: DigestField,
}

/// An in-toto `DigestSet`. What is wrong with it is kept as a value, to be reported with the subject's name.
pub(crate) struct DigestField(pub(crate) Result<Claims, DigestRefusal>);

impl<'de> Deserialize<'de> for DigestField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = DigestField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of digests by algorithm")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DigestField, A::Error> {
                let mut claims = Ok(Claims::default());
                while let Some((name, text)) = map.next_entry::<Cow<'de, str>, Cow<'de, str>>()? {
                    claims = claims.and_then(|mut claims: Claims| claims.add(&name, &text).map(|()| claims));
                }
                Ok(DigestField(claims))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The subjects, each made an artifact as it is read: beside the text there is never more than the result.
pub(super) struct Subjects(Result<Vec<Artifact>, SubjectRefusal>);

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        elements(deserializer, "an array of subjects", artifact).map(Subjects)
    }
}

fn artifact(number: usize, subject: Subject<'_>) -> Result<Artifact, SubjectRefusal> {
    let Subject { name, digest: DigestField(claims) } = subject;
    let path = DropPath::parse(&name).map_err(|why| SubjectRefusal::Path { number, why })?;
    let claims = claims.map_err(|why| SubjectRefusal::Digest { name: name.clone().into_owned(), why })?;
    let digests = claims.finish().ok_or_else(|| SubjectRefusal::NoDigest { name: name.into_owned() })?;
    Ok(Artifact { path, digests })
}

impl Subjects {
    /// The artifacts, sorted by path, each once, at least one.
    pub(super) fn sorted(self) -> Result<Vec<Artifact>, SubjectRefusal> {
        let mut artifacts = self.0?;
        if artifacts.is_empty() {
            return Err(SubjectRefusal::NoSubjects);
        }
        artifacts.shrink_to_fit();
        artifacts.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        if let Some(path) = artifacts.windows(2).find_map(|pair| match pair {
            [a, b] if a.path == b.path => Some(&a.path),
            _ => None,
        }) {
            return Err(SubjectRefusal::Duplicate { name: path.as_str().to_owned() });
        }
        Ok(artifacts)
    }
}
