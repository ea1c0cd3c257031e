//! What raw reports say, derived from their contents and never from their own summaries.
//!
//! One file per format turns bytes into one of the types below: [`TestRun`], [`Scan`], [`MalwareScan`],
//! [`Bill`] or [`Vex`]. Where a report counts itself and the count is wrong, that is a
//! [`Disagreement`]; what a reader does not understand is a [`Refusal`], never a guess.

pub mod clamscan;
pub mod csaf;
pub mod cyclonedx;
pub mod grype;
mod identity;
pub mod junit;
pub mod openvex;
pub mod sarif;
pub mod spdx;
pub mod tap;
pub mod trivy;
pub mod yara;

mod scans;

pub use identity::Package;

use crate::time::Time;
use std::collections::{BTreeSet, HashSet};
use std::fmt;

/// Why a raw report was not taken as evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: expected {expected}, found {found}")]
pub struct Refusal {
    /// Where in the report: a line, a field, an element.
    pub place: String,
    /// What was expected there.
    pub expected: String,
    /// What was found; text of the report stands here escaped.
    pub found: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(place: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { place: place.into(), expected: expected.into(), found: found.into() }
    }
}

/// A report that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disagreement {
    /// Where; text of the report stands here, and below, escaped.
    pub place: String,
    /// What it says of itself, such as `173 tests`.
    pub claimed: String,
    /// What its contents give, such as `2 tests`.
    pub counted: String,
}

/// The tool that made a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tool {
    /// Its name, as the report has it.
    pub name: String,
    /// Its version, where the report has it.
    pub version: Option<String>,
}

/// How one test came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseOutcome {
    /// It ran and passed.
    Passed,
    /// It failed at first and passed when it was run again within the same report.
    Flaky,
    /// It was not run, or its failure was declared to be expected (a TAP `TODO`, an xfail).
    Skipped,
    /// It ran and failed.
    Failed,
    /// It could not be run to its end.
    Errored,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its whole identity within the report: suites, class and name, joined with `::`.
    pub id: String,
    /// How it came out; of several results, the worst.
    pub outcome: CaseOutcome,
    /// Why, where the report says so: the message of a failure or skip, shortened.
    pub reason: Option<String>,
}

/// A run of tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestRun {
    /// Every test, in the order of the report.
    pub cases: Vec<Case>,
    /// Identities that more than one case has, each once, sorted.
    pub duplicates: Vec<String>,
    /// Where the report contradicts itself.
    pub disagreements: Vec<Disagreement>,
    /// What went wrong outside of any case, such as a suite that could not start or a run that bailed out.
    /// Text of the report stands here escaped; in a case it stands as it is.
    pub failures: Vec<String>,
}

/// Identities that more than one of these cases has, each once, sorted.
fn duplicates(cases: &[Case]) -> Vec<String> {
    let mut seen = HashSet::with_capacity(cases.len());
    let again: BTreeSet<&str> =
        cases.iter().map(|case| case.id.as_str()).filter(|id| !seen.insert(*id)).collect();
    again.into_iter().map(str::to_owned).collect()
}

/// How severe an issue is. A scale without a known word for it is [`Unknown`](Severity::Unknown), which is
/// treated like the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing at stake.
    None,
    /// Low: CVSS 0.1 to 3.9.
    Low,
    /// Medium: CVSS 4.0 to 6.9.
    Medium,
    /// High: CVSS 7.0 to 8.9.
    High,
    /// Critical: CVSS 9.0 to 10.0.
    Critical,
    /// The report does not say; counts like critical.
    Unknown,
}

impl Severity {
    /// Those that a policy may name, by name.
    pub const LEGAL: [(&'static str, Self); 5] = [
        ("none", Self::None),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("critical", Self::Critical),
    ];

    /// Those that a policy may name as the least that rejects: what is harmless by every scale is never too much.
    pub const CEILINGS: [(&'static str, Self); 4] =
        [("low", Self::Low), ("medium", Self::Medium), ("high", Self::High), ("critical", Self::Critical)];

    /// The rating of a CVSS score (CVSS v3.1 specification, section 5; v4.0, section 6).
    pub fn of_cvss(score: f64) -> Self {
        match score {
            score if score.is_nan() || !(0.0..=10.0).contains(&score) => Self::Unknown,
            score if score >= 9.0 => Self::Critical,
            score if score >= 7.0 => Self::High,
            score if score >= 4.0 => Self::Medium,
            score if score > 0.0 => Self::Low,
            _ => Self::None,
        }
    }

    /// The severity of this word, in any case; a word that is none gives [`Unknown`](Self::Unknown).
    pub fn of_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "critical" => Self::Critical,
            "high" | "important" => Self::High,
            "medium" | "moderate" => Self::Medium,
            "low" => Self::Low,
            "none" | "negligible" | "informational" | "info" => Self::None,
            _ => Self::Unknown,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::LEGAL.iter().find(|(_, own)| *own == self).map_or("unknown", |(name, _)| name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A part of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version, where the report has it.
    pub version: Option<String>,
    /// Its package URL, where the report has it.
    pub purl: Option<String>,
    /// Digests by algorithm as in-toto spells it (`sha256`), in lowercase hex; algorithms that have no such name are
    /// left out.
    pub digests: Vec<(String, String)>,
    /// Serial numbers, where the format has a field for them.
    pub serials: Vec<String>,
}

/// A vulnerability or weakness that a tool found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its id: a CVE or other advisory, or the rule that was broken.
    pub id: String,
    /// Its other ids.
    pub aliases: Vec<String>,
    /// How severe it is: where there are several ratings, the worst.
    pub severity: Severity,
    /// Where it is: a component, for scanners of components.
    pub component: Option<Component>,
    /// Where it is: a file and line, or a target of the scan.
    pub place: String,
    /// The version that mends it, where there is one.
    pub fixed_in: Option<String>,
    /// Who or what in the report says that it need not count, and how: a suppression, an ignore rule. It counts all
    /// the same, unless the operator's policy says otherwise.
    pub suppressed: Option<String>,
}

/// A scan for vulnerabilities or weaknesses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// The tools that took part.
    pub tools: Vec<Tool>,
    /// What was found. An empty list is an answer only where `failures` is empty.
    pub issues: Vec<Issue>,
    /// What did not run to its end: failed invocations, tool errors, targets that were not read.
    pub failures: Vec<String>,
    /// What was looked at, where the report says so: targets, files, images.
    pub targets: Vec<String>,
    /// When the database of vulnerabilities was built, where the report has it.
    pub database: Option<Time>,
    /// When the report was made, where it says so with a zone.
    pub made: Option<Time>,
    /// Whether packages of software were among what was looked at, where the form of report tells.
    pub looked_at_packages: Option<bool>,
    /// Where the report contradicts itself.
    pub disagreements: Vec<Disagreement>,
}

/// What a malware scanner says of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileVerdict {
    /// Nothing was found.
    Clean,
    /// Something was found; by this name.
    Found(String),
    /// It was not scanned: empty, excluded, too large, unreadable, or of an unknown state; as the log says.
    NotScanned(String),
}

/// One file in the log of a malware scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedFile {
    /// Its path, as the log has it.
    pub path: String,
    /// What was found.
    pub verdict: FileVerdict,
}

/// The log of a malware scanner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MalwareScan {
    /// The scanner, by name as the operator's allow-list spells it (`clamav`, `yara`), with its version where the log
    /// has it.
    pub tool: Tool,
    /// The version of its database, where the log has it.
    pub database_version: Option<String>,
    /// Every file that the log names.
    pub files: Vec<ScannedFile>,
    /// How many files were scanned, by the log's own summary.
    pub scanned: Option<u64>,
    /// How many signatures or rules the scanner had, where the log has it.
    pub signatures: Option<u64>,
    /// Errors of the scanner.
    pub failures: Vec<String>,
    /// Where the log contradicts itself.
    pub disagreements: Vec<Disagreement>,
}

/// A software bill of materials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    /// What it is the bill of, where it says so.
    pub subject: Option<Component>,
    /// Its parts, nested ones included.
    pub components: Vec<Component>,
    /// When it was made, where it says so.
    pub made: Option<Time>,
    /// The tools that made it.
    pub tools: Vec<Tool>,
    /// What it says about vulnerabilities (CycloneDX carries such statements within).
    pub vex: Option<Vex>,
}

/// Whether a product is affected by a vulnerability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It is not, for the reason given; a reason is there only where the format's list of justifications has
    /// it, or an impact statement gives one in words.
    NotAffected(Option<String>),
    /// It is; with the action that is to be taken, where one is given.
    Affected(Option<String>),
    /// It was, and this product holds the fix.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

impl Status {
    /// Its name, as OpenVEX spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotAffected(_) => "not_affected",
            Self::Affected(_) => "affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
        }
    }
}

/// One statement about one or several products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexStatement {
    /// The vulnerability, with its other ids.
    pub vulnerabilities: Vec<String>,
    /// The products: package URLs, other ids, or digests as `sha256:<hex>`, each of which names all of the product.
    /// Where the statement narrows a product to parts of it, the parts stand here. Empty where the document leaves it
    /// to others to say: then it is about nothing by itself.
    pub products: Vec<String>,
    /// The product whose parts `products` are, where the statement narrows one: its ids, of the same kinds. What is
    /// said of a part within one product says nothing of the same part within another.
    pub within: Vec<String>,
    /// What is said of them.
    pub status: Status,
    /// When it was said, where the document says so: the newest of the statement's own times.
    pub at: Option<Time>,
}

/// A document about whether products are affected by vulnerabilities (VEX).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vex {
    /// Who says so, by the document, which proves nothing: the signature does.
    pub untrusted_author: Option<String>,
    /// Every statement.
    pub statements: Vec<VexStatement>,
}

/// At most this many characters of a message in a report are kept: enough to recognise it.
const MESSAGE_CHARACTERS: usize = 300;

/// The beginning of a text of a report, for messages: no longer than a person reads.
pub fn shortened(text: &str) -> String {
    text.trim().chars().take(MESSAGE_CHARACTERS).collect()
}
