//! `urn:dropgate:test-report:v1`: a run of tests. docs/predicates/test-report.md is the specification.

use super::malware_scan::Database;
use super::{Document, Format, Words, choice};
use crate::evidence::raw::Severity;
use crate::time::Time;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The predicate type.
pub const TYPE: &str = "urn:dropgate:test-report:v1";

/// A run of tests, as its signer tells it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TestReport {
    /// What kind of test.
    #[serde(rename = "type", deserialize_with = "test_type")]
    pub kind: TestType,
    /// At which point of the life cycle.
    #[serde(default, deserialize_with = "phase")]
    pub phase: Option<Phase>,
    /// What runs that are iterations of one another have in common; the type's name where it is left out.
    pub series: Option<Words>,
    /// Which run of the series this is, from 1.
    #[serde(default)]
    pub iteration: Option<u64>,
    /// When it began.
    pub started: Time,
    /// When it ended.
    pub finished: Time,
    /// How it came out, as the signer says.
    pub result: TestVerdict,
    /// The form of the raw report.
    #[serde(deserialize_with = "format")]
    pub format: Format,
    /// The raw report.
    pub report: Document,
    /// The database of a scanner whose report does not say how old it was.
    pub database: Option<Database>,
    /// What was tested with: the configuration of the environment.
    #[serde(default)]
    pub configuration: Vec<Document>,
    /// The plan that was followed.
    pub plan: Option<Plan>,
    /// How it was tested.
    pub procedure: Option<Document>,
    /// Which tests show that a requirement of the contract is met: by requirement, the ids of test cases.
    #[serde(default)]
    pub requirements: BTreeMap<String, Vec<String>>,
    /// Every vulnerability that the tests found; an empty list says that none was.
    pub vulnerabilities: Option<Vec<Identified>>,
    /// Whom to call about it.
    pub escalation: Option<Escalation>,
}

/// A plan and its review.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The plan.
    pub document: Document,
    /// When it was reviewed last.
    pub reviewed: Time,
}

/// A vulnerability that the tests found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identified {
    /// Its id.
    pub id: Words,
    /// How severe it is.
    #[serde(deserialize_with = "severity")]
    pub severity: Severity,
    /// Whether it is still there.
    pub state: IssueState,
    /// What to do about it, or what was done.
    pub mitigation: Option<Words>,
}

/// Whether a vulnerability is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueState {
    /// It is.
    Open,
    /// It is not any more.
    Fixed,
}

/// Whom to call in case of further issues.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// First.
    pub primary: Option<Words>,
    /// When nobody answers there.
    pub backup: Option<Words>,
}

/// A kind of test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestType {
    /// It does what the contract says.
    Functional,
    /// What worked before works still.
    Regression,
    /// It bears the load.
    Performance,
    /// It works with what is around it.
    Interoperability,
    /// Known vulnerabilities in its parts.
    KnownVulnerabilityScan,
    /// Somebody tried to break in.
    PenetrationTest,
    /// The source was searched for weaknesses.
    SourceCodeAnalysis,
    /// It was fed with garbage.
    Fuzzing,
}

impl TestType {
    /// Every type, by name.
    pub const LEGAL: [(&'static str, Self); 8] = [
        ("functional", Self::Functional),
        ("regression", Self::Regression),
        ("performance", Self::Performance),
        ("interoperability", Self::Interoperability),
        ("known-vulnerability-scan", Self::KnownVulnerabilityScan),
        ("penetration-test", Self::PenetrationTest),
        ("source-code-analysis", Self::SourceCodeAnalysis),
        ("fuzzing", Self::Fuzzing),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::LEGAL.iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }

    /// Whether a report of this form can be one of this type: what a scanner found is not told by a list of test
    /// cases that passed.
    pub fn takes(self, format: Format) -> bool {
        let scans = matches!(self, Self::KnownVulnerabilityScan | Self::SourceCodeAnalysis);
        !scans || matches!(format, Format::Sarif | Format::Trivy | Format::Grype)
    }
}

/// A point of the life cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// While it was made.
    Development,
    /// Before it meets the operator's network.
    PreIntegration,
    /// In the operator's network.
    PostIntegration,
    /// When a patch or update was made.
    Update,
}

impl Phase {
    /// Every phase, by name.
    pub const LEGAL: [(&'static str, Self); 4] = [
        ("development", Self::Development),
        ("pre-integration", Self::PreIntegration),
        ("post-integration", Self::PostIntegration),
        ("update", Self::Update),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::LEGAL.iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }
}

/// How a run of tests came out, as its signer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum TestVerdict {
    /// All is well.
    #[serde(rename = "PASSED")]
    Passed,
    /// All is well, with remarks.
    #[serde(rename = "WARNED")]
    Warned,
    /// It is not.
    #[serde(rename = "FAILED")]
    Failed,
}

impl TestVerdict {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Warned => "WARNED",
            Self::Failed => "FAILED",
        }
    }
}

fn test_type<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<TestType, D::Error> {
    choice(deserializer, &TestType::LEGAL)
}

fn phase<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Phase>, D::Error> {
    choice(deserializer, &Phase::LEGAL).map(Some)
}

fn format<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Format, D::Error> {
    choice(deserializer, &Format::TESTS)
}

fn severity<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Severity, D::Error> {
    choice(deserializer, &Severity::LEGAL)
}
