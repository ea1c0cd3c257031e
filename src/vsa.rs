//! The signed verdict: a SLSA Verification Summary Attestation (slsa.dev/spec/v1.1/verification_summary).
//!
//! Whoever deploys has neither the evidence nor the trust store, and asks one thing: did the gate accept these bytes? An
//! in-toto statement in a DSSE envelope answers it. Its subjects are the artifacts of the verified manifest that arrived as
//! they were signed, by every digest of the manifest; its predicate says by which gate, when, under which policy, with
//! which result. [`write`](fn@write) makes the text to be signed, [`Summary`] reads one, [`check`] holds it to what
//! somebody expects. All of it is pure. docs/vsa.md is the specification.

pub mod check;
mod read;

pub use read::{Subject, Summary, SummaryRefusal};

use crate::digest::{DocumentDigest, hex};
use crate::drop::path::Name;
use crate::escape;
use crate::finding::Outcome;
use crate::gate::Examined;
use crate::limits;
use crate::manifest::{Artifact, Release, native};
use crate::report::json::Each;
use crate::verdict::{Basis, Decision, Verdict};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

/// The predicate type. It stands for every minor version of version 1.
pub const PREDICATE: &str = "https://slsa.dev/verification_summary/v1";

/// The policy's URI. Which policy it is, [`policy_digest`] tells.
pub const POLICY: &str = "urn:dropgate:policy";

/// The URI of the drop's own manifest among the attestations that a verdict rests on.
pub const MANIFEST: &str = "urn:dropgate:manifest";

/// The field of ours in the predicate: what the verdict rests on and is no attestation. SLSA lets producers add fields whose
/// names are URIs, and has consumers ignore them.
pub const BASIS: &str = "urn:dropgate:basis:v1";

/// The version of SLSA whose form this is.
const SLSA_VERSION: &str = "1.1";

/// What `verifiedLevels` holds where the policy was not satisfied.
const FAILED: &str = "FAILED";

/// What levels begin with that SLSA itself defines, and nobody else may.
const SLSA: &str = "SLSA_";

/// A URI (RFC 3986): a scheme and more, in characters that a URI may have. It is compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri(String);

/// Why text is not a [`Uri`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a URI, such as https://noc.example/gate or urn:example:gate, with other characters percent-encoded"
)]
pub struct NotAUri;

impl FromStr for Uri {
    type Err = NotAUri;

    fn from_str(text: &str) -> Result<Self, NotAUri> {
        let (scheme, rest) = text.split_once(':').ok_or(NotAUri)?;
        let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
        match named && !rest.is_empty() && rest.chars().all(legal) && text.len() <= limits::IDENTIFIER_BYTES {
            true => Ok(Self(text.to_owned())),
            false => Err(NotAUri),
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who judged, and what the artifacts are, as URIs.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The gate.
    pub verifier: Uri,
    /// The release.
    pub resource: Uri,
}

impl Identity {
    /// The gate of `operator`: `urn:dropgate:gate:<operator>`.
    pub fn verifier(operator: &Name) -> Uri {
        Uri(format!("urn:dropgate:gate:{}", escape::segment(operator.as_str())))
    }

    /// A release: `urn:dropgate:release:<vendor>/<product>/<version>`.
    pub fn resource(release: &Release) -> Uri {
        let [vendor, product, version] =
            [&release.vendor, &release.product, &release.version].map(|name| escape::segment(name.as_str()));
        Uri(format!("urn:dropgate:release:{vendor}/{product}/{version}"))
    }
}

/// Names a policy: SHA-256 of one line for each pack, `<sha256 of the pack's file>  <the pack's id>`, sorted by id, so that
/// sha256sum can compute it. An id is percent-encoded, for it may hold a line break.
pub fn policy_digest<'p>(packs: impl IntoIterator<Item = (&'p str, DocumentDigest)>) -> DocumentDigest {
    let mut packs: Vec<_> = packs.into_iter().map(|(id, digest)| (escape::segment(id), digest)).collect();
    packs.sort_unstable();
    let lines = packs.iter().fold(String::new(), |mut lines, (id, digest)| {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{digest}  {id}");
        lines
    });
    DocumentDigest::of(lines.as_bytes())
}

/// Why there is no summary of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSummary {
    /// Nobody's word says which bytes the drop is of.
    #[error("expected a verified manifest, found none: there is nothing that a summary could be about")]
    NoManifest,
    /// Not one file is what the vendor signed.
    #[error(
        "expected an artifact that arrived as it was signed, found none: there is nothing that a summary could be about"
    )]
    NothingArrived,
    /// Could not be written.
    #[error("can't write the summary: {0}")]
    Unwritable(String),
}

/// The statement on a verdict, to be signed. `document` is the SHA-256 of the verdict in JSON, which says more. What is
/// written is read back, so that what our own reader would refuse is never signed.
///
/// # Errors
/// When there is nothing that it could be about.
pub fn write(
    verdict: &Verdict,
    examined: &Examined,
    identity: &Identity,
    document: DocumentDigest,
) -> Result<Vec<u8>, NoSummary> {
    if verdict.basis.manifest.is_none() {
        return Err(NoSummary::NoManifest);
    }
    let listed = examined.manifest().map(|manifest| manifest.value().artifacts().len());
    let passed = verdict.decision() == Decision::Accept;
    let unwritable = |why: String| NoSummary::Unwritable(why);
    match examined.arrived().count() {
        0 => return Err(NoSummary::NothingArrived),
        // No ACCEPT is without so12.manifest-complete. Should that ever be, it is not signed.
        arrived if passed && listed != Some(arrived) => {
            return Err(unwritable(format!(
                "expected every listed artifact to have arrived, found {arrived}"
            )));
        }
        _ => {}
    }
    let statement = Statement { verdict, examined, identity, document };
    let payload = serde_json::to_vec(&statement).map_err(|error| unwritable(error.to_string()))?;
    let read = Summary::read(&payload).map_err(|why| unwritable(why.to_string()))?;
    match read.passed == passed {
        true => Ok(payload),
        false => Err(unwritable("expected the verdict's own result, found another".to_owned())),
    }
}

struct Statement<'v> {
    verdict: &'v Verdict,
    examined: &'v Examined,
    identity: &'v Identity,
    document: DocumentDigest,
}

impl Serialize for Statement<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("_type", native::STATEMENT)?;
        // One by one: as a tree of values those of a large drop would take many times the memory of the text.
        map.serialize_entry("subject", &Each(|| self.examined.arrived().map(subject)))?;
        map.serialize_entry("predicateType", PREDICATE)?;
        map.serialize_entry("predicate", &self.predicate())?;
        map.end()
    }
}

impl Statement<'_> {
    fn predicate(&self) -> Value {
        let basis = &self.verdict.basis;
        let packs = basis.packs.iter().map(|(id, _, digest)| (id.as_str(), *digest));
        let passed = self.verdict.decision() == Decision::Accept;
        json!({
            "verifier": {
                "id": self.identity.verifier.0,
                "version": { env!("CARGO_PKG_NAME"): env!("CARGO_PKG_VERSION") },
            },
            "timeVerified": basis.at,
            "resourceUri": self.identity.resource.0,
            "policy": { "uri": POLICY, "digest": { "sha256": policy_digest(packs) } },
            "inputAttestations": inputs(basis),
            "verificationResult": if passed { "PASSED" } else { FAILED },
            "verifiedLevels": if passed { levels(self.verdict) } else { vec![FAILED] },
            "slsaVersion": SLSA_VERSION,
            BASIS: {
                "verdict": { "sha256": self.document },
                "policies": basis.packs.iter()
                    .map(|(id, version, digest)| json!({ "id": id, "version": version, "sha256": digest }))
                    .collect::<Vec<_>>(),
                "trustStore": { "sha256": basis.trust },
                "baselineVerdict": basis.baseline_verdict.map(|digest| json!({ "sha256": digest })),
            },
        })
    }
}

fn subject(artifact: &Artifact) -> Value {
    let digests = artifact.digests.iter();
    let digests = digests.map(|(algorithm, digest)| (algorithm.name().to_owned(), hex(digest).into()));
    json!({ "name": artifact.path, "digest": digests.collect::<Map<_, _>>() })
}

/// Every attestation that the verdict rests on, by the SHA-256 of the text that was signed, as the verdict names them.
fn inputs(basis: &Basis) -> Vec<Value> {
    let input = |uri: String, digest: &DocumentDigest| json!({ "uri": uri, "digest": { "sha256": digest } });
    let one = |name: &str| format!("urn:dropgate:{name}");
    let manifest = basis.manifest.iter().map(|digest| input(MANIFEST.to_owned(), digest));
    let baseline = basis.baseline.iter().map(|digest| input(one("baseline-manifest"), digest));
    let evidence = basis.evidence.iter().map(|note| {
        let origin: Vec<String> = note.origin.split('/').map(escape::segment).collect();
        input(format!("urn:dropgate:evidence:{}", origin.join("/")), &note.digest)
    });
    let notices = basis.notices.iter().map(|digest| input(one("counterfeit-notice"), digest));
    manifest.chain(baseline).chain(evidence).chain(notices).collect()
}

/// The controls that passed. One that was waived did not, nor one that does not apply.
fn levels(verdict: &Verdict) -> Vec<&str> {
    let passed = verdict.assessments().iter().filter(|one| one.judgement.outcome() == Outcome::Pass);
    let ids = passed.map(|one| one.control.as_str());
    // No control has such a name; should one come to have it, the word is not ours to give.
    ids.filter(|id| !id.starts_with(SLSA) && *id != FAILED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_a_scheme_and_no_other_characters() {
        for good in ["urn:x:a", "https://noc.example/gate", "pkg:generic/radio@4.2.1?x=y#z", "a:%20"] {
            assert!(good.parse::<Uri>().is_ok(), "{good}");
        }
        for bad in ["", "radio", ":x", "urn:", "1a:x", "urn:a b", "urn:\u{e9}", "urn:a\nb", "urn:a\"b"] {
            assert_eq!(bad.parse::<Uri>(), Err(NotAUri), "{bad}");
        }
    }

    #[test]
    fn the_name_of_a_policy_depends_on_nothing_but_the_packs() {
        let [a, b] = [b"a", b"b"].map(|text| DocumentDigest::of(text));
        let named = policy_digest([("so12", a), ("so14", b)]);
        assert_eq!(named, policy_digest([("so14", b), ("so12", a)]));
        assert_eq!(named, DocumentDigest::of(format!("{a}  so12\n{b}  so14\n").as_bytes()));
        let others = [
            vec![("so12", a)],
            vec![("so12", b), ("so14", a)],
            vec![("so12", a), ("so14", b), ("so14", b)],
            // An id that would be the line of another pack.
            vec![(&*format!("so12\n{b}  so14"), a)],
        ]
        .map(policy_digest);
        assert!(others.iter().all(|other| *other != named), "{others:?}");
    }
}
