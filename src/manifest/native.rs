//! The native format: `drop.dsse.json`, an in-toto Statement v1 whose subjects are the drop's files.
//!
//! ```json
//! { "_type": "https://in-toto.io/Statement/v1",
//!   "subject": [ { "name": "firmware/radio.bin", "digest": { "sha256": "..." } } ],
//!   "predicateType": "urn:dropgate:manifest:v1",
//!   "predicate": {
//!     "vendor": "Acme Networks", "product": "radio-7", "version": "4.2.1",
//!     "kind": "software-update", "issued": "2026-01-31T12:00:00Z", "expires": "2026-07-31T12:00:00Z",
//!     "sequence": 17,
//!     "replaces": { "version": "4.2.0", "manifest": { "sha256": "..." } },
//!     "recipient": "Example Telecom" } }
//! ```
//!
//! The predicate is ours and strict: unknown fields are refused. The statement is in-toto's, whose parsing
//! rules have consumers ignore fields that they do not know. docs/manifest.md is the specification.

use super::subjects::{SubjectRefusal, Subjects};
use super::{Artifact, Format, Kind, Manifest, Order, Release, Replaces};
use crate::digest::DocumentDigest;
use crate::drop::path::{DropPath, Name};
use crate::json::{JsonError, Strict};
use crate::limits;
use crate::time::Time;
use serde::de::{Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// The manifest's path in a drop.
pub const FILE: &str = "drop.dsse.json";

/// The type of in-toto statements, version 1.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// The type of our predicate.
pub const PREDICATE: &str = "urn:dropgate:manifest:v1";

/// Whether a path is an evidence envelope's: it authenticates itself and is not listed.
pub fn is_evidence(path: &str) -> bool {
    path.starts_with("evidence/") && path.ends_with(".dsse.json")
}

/// Why a signed text is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestRefusal {
    /// Not JSON, or without what a statement has.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A statement of another version.
    #[error("_type: expected {STATEMENT:?}, found {found:?}")]
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
    /// Subjects that are no list of files.
    #[error(transparent)]
    Subjects(#[from] SubjectRefusal),
    /// The name of something that is not listed, since it is signed itself.
    #[error(
        "subject {name:?}: expected files other than the manifest and evidence envelopes, which carry their own signatures"
    )]
    Reserved {
        /// The name.
        name: String,
    },
    /// Out of range.
    #[error("predicate.sequence: expected 1 to {}, found {found}", limits::SEQUENCE)]
    Sequence {
        /// What was found.
        found: u64,
    },
    /// Could not be put into JSON.
    #[error("can't write the manifest: {why}")]
    Unwritable {
        /// Why.
        why: String,
    },
    /// Never valid.
    #[error("predicate.expires: expected a time after issued ({issued}), found {expires}")]
    NeverValid {
        /// Begin.
        issued: Time,
        /// End.
        expires: Time,
    },
}

#[derive(serde::Deserialize)]
struct Head<'t> {
    #[serde(rename = "_type", borrow, deserialize_with = "crate::json::borrowed")]
    statement: Cow<'t, str>,
    #[serde(rename = "predicateType", borrow, deserialize_with = "crate::json::borrowed")]
    predicate: Cow<'t, str>,
}

#[derive(serde::Deserialize)]
struct Statement {
    subject: Subjects,
    predicate: Predicate,
}

/// The predicate as it is written.
#[derive(serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Predicate {
    vendor: Name,
    product: Name,
    version: Name,
    kind: Kind,
    issued: Time,
    expires: Time,
    sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<PredicateReplaces>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipient: Option<Name>,
}

#[derive(serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PredicateReplaces {
    version: Name,
    manifest: ManifestDigest,
}

#[derive(serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ManifestDigest {
    sha256: Sha256Text,
}

struct Sha256Text(DocumentDigest);

impl<'de> Deserialize<'de> for Sha256Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        DocumentDigest::from_hex(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("expected 64 lowercase hex digits"))
    }
}

impl Serialize for Sha256Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Reads the payload of an envelope whose signature was checked.
///
/// # Errors
/// When it is not a manifest in the form above, with the place.
pub fn read(payload: &[u8]) -> Result<Manifest, ManifestRefusal> {
    let strict = Strict::check(payload)?;
    let head: Head<'_> = strict.read()?;
    let shown = |text: &str| text.chars().take(100).collect();
    if head.statement != STATEMENT {
        return Err(ManifestRefusal::StatementType { found: shown(&head.statement) });
    }
    if head.predicate != PREDICATE {
        return Err(ManifestRefusal::PredicateType { found: shown(&head.predicate) });
    }
    let Statement { subject, predicate } = strict.read()?;
    Ok(Manifest {
        release: release(predicate)?,
        digest: DocumentDigest::of(payload),
        format: Format::Native,
        file: FILE.to_owned(),
        artifacts: unsigned(subject.sorted()?)?,
    })
}

/// The files, none of which is signed by itself.
fn unsigned(artifacts: Vec<Artifact>) -> Result<Vec<Artifact>, ManifestRefusal> {
    let reserved =
        |artifact: &&Artifact| artifact.path.as_str() == FILE || is_evidence(artifact.path.as_str());
    match artifacts.iter().find(reserved) {
        Some(found) => Err(ManifestRefusal::Reserved { name: found.path.as_str().to_owned() }),
        None => Ok(artifacts),
    }
}

fn release(predicate: Predicate) -> Result<Release, ManifestRefusal> {
    let Predicate { vendor, product, version, kind, issued, expires, sequence, replaces, recipient } =
        predicate;
    if !(1..=limits::SEQUENCE).contains(&sequence) {
        return Err(ManifestRefusal::Sequence { found: sequence });
    }
    if expires <= issued {
        return Err(ManifestRefusal::NeverValid { issued, expires });
    }
    let replaces = replaces
        .map(|PredicateReplaces { version, manifest }| Replaces { version, manifest: manifest.sha256.0 });
    Ok(Release {
        vendor,
        product,
        version,
        kind,
        issued: Some(issued),
        expires: Some(expires),
        order: Order::Sequence(sequence),
        replaces,
        recipient,
    })
}

/// Writes the payload of a manifest: files sorted by path, compact.
/// What is written is read back by [`read`], so that a manifest that this gate would refuse is never signed.
///
/// # Errors
/// When it is one that [`read`] refuses.
pub fn write(
    release: &Release,
    artifacts: &[(DropPath, Vec<(&'static str, String)>)],
) -> Result<Vec<u8>, ManifestRefusal> {
    let unwritable = |what: &str| ManifestRefusal::Unwritable { why: format!("expected {what}, found none") };
    let predicate = Predicate {
        vendor: release.vendor.clone(),
        product: release.product.clone(),
        version: release.version.clone(),
        kind: release.kind,
        issued: release.issued.ok_or_else(|| unwritable("a time of issue"))?,
        expires: release.expires.ok_or_else(|| unwritable("an end"))?,
        sequence: release.order.sequence().ok_or_else(|| unwritable("a sequence number"))?,
        replaces: release.replaces.as_ref().map(|replaces| PredicateReplaces {
            version: replaces.version.clone(),
            manifest: ManifestDigest { sha256: Sha256Text(replaces.manifest) },
        }),
        recipient: release.recipient.clone(),
    };
    let subject: Vec<serde_json::Value> = artifacts
        .iter()
        .map(|(path, digests)| {
            let digests: serde_json::Map<_, _> =
                digests.iter().map(|(name, text)| ((*name).to_owned(), text.as_str().into())).collect();
            serde_json::json!({ "name": path.as_str(), "digest": digests })
        })
        .collect();
    #[derive(Serialize)]
    struct Written {
        #[serde(rename = "_type")]
        statement: &'static str,
        subject: Vec<serde_json::Value>,
        #[serde(rename = "predicateType")]
        predicate_type: &'static str,
        predicate: Predicate,
    }
    let written = Written { statement: STATEMENT, subject, predicate_type: PREDICATE, predicate };
    let payload = serde_json::to_vec(&written)
        .map_err(|error| ManifestRefusal::Unwritable { why: error.to_string() })?;
    read(&payload)?;
    Ok(payload)
}
