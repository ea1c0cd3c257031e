//! A summary, read from bytes whose signature was checked.
//!
//! In-toto and SLSA have consumers ignore fields that they do not know, so these are; whatever else could be read in two
//! ways is refused: duplicate keys, trailing bytes, a result that its levels contradict.

use super::{FAILED, MANIFEST, PREDICATE};
use crate::digest::{Claimed, DigestRefusal, DigestSet, DocumentDigest};
use crate::evidence::predicate::SubjectDigests;
use crate::json::{JsonError, Strict, elements};
use crate::manifest::native;
use crate::time::Time;
use serde::Deserialize;
use serde::de::Deserializer;
use std::collections::HashSet;

/// What a verifier said about artifacts.
#[derive(Debug)]
pub struct Summary {
    /// The artifacts, at least one.
    pub subjects: Vec<Subject>,
    /// Who verified: `verifier.id`.
    pub verifier: String,
    /// When; SLSA 1.1 lets it be left out.
    pub verified: Option<Time>,
    /// What the artifacts are: `resourceUri`.
    pub resource: String,
    /// SHA-256 of the policy; SLSA lets it be left out.
    pub policy: Option<DocumentDigest>,
    /// The attestations that it rests on, by SHA-256, where it gives that.
    pub inputs: HashSet<DocumentDigest>,
    /// Those of them that are the release's own manifest; none where a summary of others does not say.
    pub manifests: HashSet<DocumentDigest>,
    /// Whether the result is PASSED.
    pub passed: bool,
    /// What was established, where it passed.
    pub levels: Vec<String>,
}

/// One artifact.
#[derive(Debug)]
pub struct Subject {
    /// Its name: in a summary of ours its path in the drop. In-toto lets it be left out.
    pub name: Option<String>,
    /// Its digests by algorithms that are computed here, at least one; all are as strong as SHA-256 or stronger.
    pub digests: DigestSet<Claimed>,
}

/// Why a signed text is not a summary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SummaryRefusal {
    /// Not JSON, or without what a summary has.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A statement of another version.
    #[error("_type: expected {:?}, found {found:?}", native::STATEMENT)]
    StatementType {
        /// What was found.
        found: String,
    },
    /// A statement about something else.
    #[error("predicateType: expected {PREDICATE:?}, found {found:?}")]
    PredicateType {
        /// What was found.
        found: String,
    },
    /// No artifacts.
    #[error("subject: expected at least one artifact, found none")]
    NoSubjects,
    /// A digest that is none.
    #[error("subject {number}: {why}")]
    Digest {
        /// The subject's place in the list, from 1.
        number: usize,
        /// Why.
        why: DigestRefusal,
    },
    /// No digest that can be checked.
    #[error("subject {number}: expected a digest by sha256 or stronger, found none that this gate computes")]
    NoDigest {
        /// The subject's place in the list, from 1.
        number: usize,
    },
    /// A word that is no result.
    #[error("predicate.verificationResult: expected PASSED or FAILED, found {found:?}")]
    Result {
        /// What was found.
        found: String,
    },
    /// It says two things at once.
    #[error("predicate.verifiedLevels: expected no FAILED where the result is PASSED, found it")]
    Contradiction,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "_type")]
    statement: String,
    #[serde(rename = "predicateType")]
    predicate: String,
}

#[derive(Deserialize)]
struct Statement {
    subject: Subjects,
    predicate: Predicate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    verifier: Verifier,
    #[serde(default)]
    time_verified: Option<Time>,
    resource_uri: String,
    policy: Policy,
    #[serde(default)]
    input_attestations: Option<Vec<Input>>,
    verification_result: String,
    verified_levels: Vec<String>,
}

#[derive(Deserialize)]
struct Verifier {
    id: String,
}

/// The policy must have a URI, and the digest is what tells one from another.
#[derive(Deserialize)]
struct Policy {
    #[serde(rename = "uri")]
    _uri: String,
    #[serde(default)]
    digest: Option<Sha256>,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    uri: Option<String>,
    digest: Sha256,
}

/// The SHA-256 of a digest set, whatever else is in it.
#[derive(Deserialize)]
struct Sha256 {
    #[serde(default)]
    sha256: Option<crate::evidence::predicate::Sha256>,
}

impl Sha256 {
    fn digest(self) -> Option<DocumentDigest> {
        self.sha256.map(|digest| digest.0)
    }
}

impl Summary {
    /// Reads the payload of an envelope whose signature was checked.
    ///
    /// # Errors
    /// When it is not a verification summary of version 1, with the place.
    pub fn read(payload: &[u8]) -> Result<Self, SummaryRefusal> {
        let strict = Strict::check(payload)?;
        let head: Head = strict.read()?;
        let shown = |text: &str| text.chars().take(100).collect();
        if head.statement != native::STATEMENT {
            return Err(SummaryRefusal::StatementType { found: shown(&head.statement) });
        }
        if head.predicate != PREDICATE {
            return Err(SummaryRefusal::PredicateType { found: shown(&head.predicate) });
        }
        let Statement { subject, predicate } = strict.read()?;
        let subjects = subject.0?;
        if subjects.is_empty() {
            return Err(SummaryRefusal::NoSubjects);
        }
        let passed = match predicate.verification_result.as_str() {
            "PASSED" => true,
            "FAILED" => false,
            other => return Err(SummaryRefusal::Result { found: shown(other) }),
        };
        if passed && predicate.verified_levels.iter().any(|level| level == FAILED) {
            return Err(SummaryRefusal::Contradiction);
        }
        let (mut inputs, mut manifests) = (HashSet::new(), HashSet::new());
        for Input { uri, digest } in predicate.input_attestations.unwrap_or_default() {
            let Some(digest) = digest.digest() else { continue };
            inputs.insert(digest);
            if uri.as_deref() == Some(MANIFEST) {
                manifests.insert(digest);
            }
        }
        Ok(Self {
            subjects,
            verifier: predicate.verifier.id,
            verified: predicate.time_verified,
            resource: predicate.resource_uri,
            policy: predicate.policy.digest.and_then(Sha256::digest),
            inputs,
            manifests,
            passed,
            levels: predicate.verified_levels,
        })
    }
}

/// The subjects, each made what it is as it is read: beside the text there is never more than the result.
struct Subjects(Result<Vec<Subject>, SummaryRefusal>);

#[derive(Deserialize)]
struct WireSubject {
    #[serde(default)]
    name: Option<String>,
    digest: SubjectDigests,
}

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        elements(deserializer, "an array of subjects", subject).map(Subjects)
    }
}

fn subject(number: usize, wire: WireSubject) -> Result<Subject, SummaryRefusal> {
    let digests = wire.digest.0.map_err(|why| SummaryRefusal::Digest { number, why })?;
    let digests = digests.filter(|digests| digests.iter().next().is_some());
    Ok(Subject { name: wire.name, digests: digests.ok_or(SummaryRefusal::NoDigest { number })? })
}
