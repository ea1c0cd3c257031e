//! What a statement says, by its predicate type: one file per predicate of ours, one for those that others
//! published.
//!
//! Ours are strict: unknown fields are refused, since a field that one reader skips and another obeys is a way to
//! say two things at once. In others', unknown fields are ignored, as in-toto's parsing rules ask.

pub mod approval;
pub mod change;
pub mod counterfeit_notice;
pub mod malware_scan;
pub mod published;
pub mod test_report;
pub mod transition;
pub mod waiver;

use super::raw::{self, Bill, Refusal, Vex};
use crate::digest::{Claimed, Claims, DigestRefusal, DigestSet, DocumentDigest};
use crate::json::Strict;
use crate::limits;
use crate::manifest::subjects;
use crate::trust::{Capacity, Role};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A statement's predicate, read.
#[derive(Debug)]
pub enum Predicate {
    /// `urn:dropgate:malware-scan:v1`.
    MalwareScan(malware_scan::MalwareScan),
    /// `urn:dropgate:test-report:v1`.
    TestReport(test_report::TestReport),
    /// `urn:dropgate:change:v1`.
    Change(Box<change::Change>),
    /// `urn:dropgate:approval:v1`.
    Approval(approval::Approval),
    /// `urn:dropgate:waiver:v1`.
    Waiver(waiver::Waiver),
    /// `urn:dropgate:counterfeit-notice:v1`.
    CounterfeitNotice(counterfeit_notice::CounterfeitNotice),
    /// `urn:dropgate:transition:v1`.
    Transition(Box<transition::Transition>),
    /// in-toto `test-result`.
    TestResult(published::TestResult),
    /// in-toto `vulns`, 0.1 and 0.2.
    Vulns(published::Vulns),
    /// in-toto `release`.
    Release(published::Release),
    /// SLSA provenance v1.
    Provenance(published::Provenance),
    /// CycloneDX or SPDX.
    Bill(Bill),
    /// OpenVEX or CSAF.
    Vex(Vex),
    /// Something that no control reads.
    Other,
}

/// A predicate type that is read: its URI, the name that people use, and in which capacity it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Type {
    /// The predicate type, a URI.
    pub uri: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Who may sign it.
    pub capacity: Capacity,
    read: fn(Strict<'_>) -> Result<Predicate, String>,
}

const fn ours(
    uri: &'static str,
    name: &'static str,
    role: Role,
    read: fn(Strict<'_>) -> Result<Predicate, String>,
) -> Type {
    Type { uri, name, capacity: Capacity::In(role), read }
}

fn cyclonedx(json: Strict<'_>) -> Result<Predicate, String> {
    raw::cyclonedx::read(json.text().as_bytes()).map(Predicate::Bill).map_err(|why| why.to_string())
}

fn spdx(json: Strict<'_>) -> Result<Predicate, String> {
    raw::spdx::read(json.text().as_bytes()).map(Predicate::Bill).map_err(|why| why.to_string())
}

fn openvex(json: Strict<'_>) -> Result<Predicate, String> {
    raw::openvex::read(json.text().as_bytes()).map(Predicate::Vex).map_err(|why| why.to_string())
}

fn csaf(json: Strict<'_>) -> Result<Predicate, String> {
    raw::csaf::read(json.text().as_bytes()).map(Predicate::Vex).map_err(|why| why.to_string())
}

macro_rules! typed {
    ($variant:ident, $path:path) => {
        |json| json.read::<$path>().map(Predicate::$variant).map_err(|why| why.to_string())
    };
    (boxed $variant:ident, $path:path) => {
        |json| {
            json.read::<$path>()
                .map(|read| Predicate::$variant(Box::new(read)))
                .map_err(|why| why.to_string())
        }
    };
}

/// Every predicate type that is read. A type with versions stands once for each.
pub static TYPES: &[Type] = &[
    ours(
        malware_scan::TYPE,
        "malware-scan",
        Role::MalwareScan,
        typed!(MalwareScan, malware_scan::MalwareScan),
    ),
    ours(test_report::TYPE, "test-report", Role::Test, typed!(TestReport, test_report::TestReport)),
    ours(change::TYPE, "change", Role::Change, typed!(boxed Change, change::Change)),
    ours(approval::TYPE, "approval", Role::Approval, typed!(Approval, approval::Approval)),
    ours(waiver::TYPE, "waiver", Role::Waiver, typed!(Waiver, waiver::Waiver)),
    ours(
        counterfeit_notice::TYPE,
        "counterfeit-notice",
        Role::CounterfeitNotice,
        typed!(CounterfeitNotice, counterfeit_notice::CounterfeitNotice),
    ),
    Type {
        uri: transition::TYPE,
        name: "transition",
        // The vendor and, countersigning, the provider.
        capacity: Capacity::InOneOf(&[Role::Change, Role::Approval]),
        read: typed!(boxed Transition, transition::Transition),
    },
    ours(published::TEST_RESULT, "test-result", Role::Test, typed!(TestResult, published::TestResult)),
    ours(published::VULNS_01, "vulns", Role::Test, typed!(Vulns, published::Vulns)),
    ours(published::VULNS_02, "vulns", Role::Test, typed!(Vulns, published::Vulns)),
    ours(published::PROVENANCE, "provenance", Role::Provenance, typed!(Provenance, published::Provenance)),
    Type {
        uri: published::RELEASE_01,
        name: "release",
        capacity: Capacity::Any,
        read: typed!(Release, published::Release),
    },
    Type {
        uri: published::RELEASE_02,
        name: "release",
        capacity: Capacity::Any,
        read: typed!(Release, published::Release),
    },
    ours("https://cyclonedx.org/bom", "cyclonedx", Role::Sbom, cyclonedx),
    ours("https://cyclonedx.org/bom/v1.4", "cyclonedx", Role::Sbom, cyclonedx),
    ours("https://cyclonedx.org/bom/v1.5", "cyclonedx", Role::Sbom, cyclonedx),
    ours("https://cyclonedx.org/bom/v1.6", "cyclonedx", Role::Sbom, cyclonedx),
    ours("https://spdx.dev/Document", "spdx", Role::Sbom, spdx),
    ours("https://spdx.dev/Document/v2.3", "spdx", Role::Sbom, spdx),
    ours("https://openvex.dev/ns", "openvex", Role::Vex, openvex),
    ours("https://openvex.dev/ns/v0.2.0", "openvex", Role::Vex, openvex),
    ours(CSAF, "csaf", Role::Vex, csaf),
];

/// What all predicate types of ours begin with.
pub const OURS: &str = "urn:dropgate:";

/// A CSAF 2.0 document of the profile VEX as predicate. Nobody has published a predicate type for these.
pub const CSAF: &str = "urn:dropgate:csaf:v1";

impl Type {
    /// The type of this URI.
    pub fn of(uri: &str) -> Option<&'static Self> {
        TYPES.iter().find(|known| known.uri == uri)
    }

    /// Reads a predicate of this type.
    ///
    /// # Errors
    /// When it is not in the form that the type asks for, with the place.
    pub fn read(&self, json: Strict<'_>) -> Result<Predicate, String> {
        (self.read)(json).map_err(|why| format!("predicate ({}): {why}", self.name))
    }
}

/// A reference to a document that came with the drop, by its digest. The name is for people.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its path, as the signer gives it.
    pub name: Words,
    /// What it is found by.
    pub digest: Digests,
}

/// The digests of a document or a build, all by algorithms that this gate computes.
#[derive(Debug, Clone)]
pub struct Digests(pub DigestSet<Claimed>);

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let claims = subjects::DigestField::deserialize(deserializer)?.0.map_err(de::Error::custom)?;
        let digests = claims.finish().filter(|digests| digests.iter().next().is_some());
        digests
            .map(Self)
            .ok_or_else(|| de::Error::custom("expected a digest by sha256 or stronger, found none"))
    }
}

/// The digests of a subject in others' statements, which may carry such as this gate does not compute: those
/// are read past, and bind nothing.
#[derive(Debug)]
pub struct SubjectDigests(pub Result<Option<DigestSet<Claimed>>, DigestRefusal>);

impl<'de> Deserialize<'de> for SubjectDigests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = SubjectDigests;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of digests by algorithm")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SubjectDigests, A::Error> {
                let mut claims = Claims::default();
                let mut refusal = None;
                while let Some((name, text)) = map.next_entry::<Cow<'de, str>, Cow<'de, str>>()? {
                    match claims.add(&name, &text) {
                        Ok(()) | Err(DigestRefusal::UnknownAlgorithm { .. }) => {}
                        Err(why) => refusal = Some(why),
                    }
                }
                Ok(SubjectDigests(match refusal {
                    Some(why) => Err(why),
                    None => Ok(claims.finish()),
                }))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Text for people: not blank, and bounded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Words(String);

impl Words {
    /// Takes text.
    ///
    /// # Errors
    /// When it is blank or too long.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("expected text, found none".to_owned());
        }
        if text.len() > limits::WORDS_BYTES {
            return Err(format!(
                "expected at most {} bytes of text, found {}",
                limits::WORDS_BYTES,
                text.len()
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text as it was received.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Words {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// The digest of a manifest or a statement: SHA-256 of the text that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedText {
    /// The digest.
    pub sha256: Sha256,
}

/// A SHA-256 in 64 lowercase hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub struct Sha256(pub DocumentDigest);

/// The form of a raw report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// JUnit XML.
    Junit,
    /// The Test Anything Protocol.
    Tap,
    /// SARIF 2.1.0.
    Sarif,
    /// Trivy's JSON.
    Trivy,
    /// Grype's JSON.
    Grype,
    /// The log of clamscan.
    Clamscan,
    /// The output of yara.
    Yara,
}

impl Format {
    /// Every form of a test report, by name.
    pub const TESTS: [(&'static str, Self); 5] = [
        ("junit", Self::Junit),
        ("tap", Self::Tap),
        ("sarif", Self::Sarif),
        ("trivy", Self::Trivy),
        ("grype", Self::Grype),
    ];

    /// Every form of a malware scanner's log, by name.
    pub const MALWARE: [(&'static str, Self); 2] = [("clamscan", Self::Clamscan), ("yara", Self::Yara)];

    /// Its name.
    pub fn name(self) -> &'static str {
        let legal = Self::TESTS.iter().chain(&Self::MALWARE);
        legal.into_iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }

    /// Reads a raw report of this form.
    ///
    /// # Errors
    /// When it is not one, or not whole.
    pub fn read(self, bytes: &[u8]) -> Result<Raw, Refusal> {
        match self {
            Self::Junit => raw::junit::read(bytes).map(Raw::Tests),
            Self::Tap => raw::tap::read(bytes).map(Raw::Tests),
            Self::Sarif => raw::sarif::read(bytes).map(Raw::Scan),
            Self::Trivy => raw::trivy::read(bytes).map(Raw::Scan),
            Self::Grype => raw::grype::read(bytes).map(Raw::Scan),
            Self::Clamscan => raw::clamscan::read(bytes).map(Raw::Malware),
            Self::Yara => raw::yara::read(bytes).map(Raw::Malware),
        }
    }
}

/// What a raw report says.
#[derive(Debug)]
pub enum Raw {
    /// Tests.
    Tests(raw::TestRun),
    /// A scan for vulnerabilities or weaknesses.
    Scan(raw::Scan),
    /// A scan for malware.
    Malware(raw::MalwareScan),
}

impl Raw {
    /// Where the report contradicts itself.
    pub fn disagreements(&self) -> &[raw::Disagreement] {
        match self {
            Self::Tests(run) => &run.disagreements,
            Self::Scan(scan) => &scan.disagreements,
            Self::Malware(scan) => &scan.disagreements,
        }
    }

    /// What did not run to its end.
    pub fn failures(&self) -> &[String] {
        match self {
            Self::Tests(run) => &run.failures,
            Self::Scan(scan) => &scan.failures,
            Self::Malware(scan) => &scan.failures,
        }
    }
}

/// Reads one of the named values of a field; for `deserialize_with`.
fn choice<'de, T: Copy, D: Deserializer<'de>>(
    deserializer: D,
    legal: &[(&'static str, T)],
) -> Result<T, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    let chosen = legal.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    chosen.ok_or_else(|| {
        let names: Vec<&str> = legal.iter().map(|(name, _)| *name).collect();
        de::Error::custom(format!("expected one of {}, found {text:?}", names.join(", ")))
    })
}
