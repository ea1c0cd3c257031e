//! Predicates that others published, as they stand in the in-toto attestation repository (`spec/predicates/`) and
//! SLSA's. Fields that we do not read are ignored, as in-toto's parsing rules ask.

use super::test_report::TestVerdict;
use crate::evidence::raw::{Issue, Severity};
use crate::time::Time;
use serde::{Deserialize, Deserializer, de};

/// `test-result.md`.
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// `vuln.md`.
pub const VULNS_01: &str = "https://in-toto.io/attestation/vulns/v0.1";
/// `vulns_02.md`; its head names the type without a version, its example with this one.
pub const VULNS_02: &str = "https://in-toto.io/attestation/vulns/v0.2";
/// `release.md`, 0.1.
pub const RELEASE_01: &str = "https://in-toto.io/attestation/release/v0.1";
/// `release.md`, 0.2.
pub const RELEASE_02: &str = "https://in-toto.io/attestation/release/v0.2";
/// SLSA provenance v1.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// in-toto test-result 0.1: a claim with no raw report behind it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// How the run came out.
    pub result: TestVerdict,
    /// Tests that failed.
    #[serde(default)]
    pub failed_tests: Vec<String>,
    /// Tests that passed.
    #[serde(default)]
    pub passed_tests: Vec<String>,
}

/// in-toto vulns 0.1 and 0.2: everything that a scanner found.
///
/// The two versions and their examples disagree. 0.1 says in prose that an entry holds `vulnerability.id` and one
/// `vulnerability.severity`, and shows `id` and an array `severity`; 0.2 says that `severity` is an object and shows an
/// array. Each of these is read; an entry that has both forms is refused.
#[derive(Debug)]
pub struct Vulns {
    /// The scanner.
    pub scanner: String,
    /// Its version.
    pub scanner_version: Option<String>,
    /// When its database was updated.
    pub database: Time,
    /// When the scan began.
    pub started: Time,
    /// When it ended.
    pub finished: Time,
    /// What it found.
    pub issues: Vec<Issue>,
}

#[derive(Deserialize)]
struct VulnsWire {
    scanner: ScannerWire,
    metadata: MetadataWire,
}

#[derive(Deserialize)]
struct ScannerWire {
    uri: String,
    version: Option<String>,
    db: DatabaseWire,
    result: Vec<EntryWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DatabaseWire {
    last_update: Time,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataWire {
    scan_started_on: Time,
    scan_finished_on: Time,
}

#[derive(Deserialize)]
struct EntryWire {
    vulnerability: Option<InnerWire>,
    id: Option<String>,
    severity: Option<OneOrMany>,
}

#[derive(Deserialize)]
struct InnerWire {
    id: String,
    severity: OneOrMany,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(ScoreWire),
    Many(Vec<ScoreWire>),
}

#[derive(Deserialize)]
struct ScoreWire {
    method: String,
    score: String,
}

impl<'de> Deserialize<'de> for Vulns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let VulnsWire { scanner, metadata } = VulnsWire::deserialize(deserializer)?;
        let issues = scanner
            .result
            .into_iter()
            .enumerate()
            .map(|(index, entry)| issue(index, entry).map_err(de::Error::custom))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            scanner: scanner.uri,
            scanner_version: scanner.version,
            database: scanner.db.last_update,
            started: metadata.scan_started_on,
            finished: metadata.scan_finished_on,
            issues,
        })
    }
}

fn issue(index: usize, entry: EntryWire) -> Result<Issue, String> {
    let place = format!("scanner.result[{index}]");
    let (id, severity) = match entry {
        EntryWire { vulnerability: Some(inner), id: None, severity: None } => (inner.id, inner.severity),
        EntryWire { vulnerability: None, id: Some(id), severity: Some(severity) } => (id, severity),
        _ => {
            return Err(format!(
                "{place}: expected `id` and `severity`, or `vulnerability` with both inside, found another mix of them"
            ));
        }
    };
    let scores = match severity {
        OneOrMany::One(score) => vec![score],
        OneOrMany::Many(scores) => scores,
    };
    // The worst of all ratings; none at all is unknown, which counts like the worst.
    let severity = scores.iter().map(severity_of).max().unwrap_or(Severity::Unknown);
    Ok(Issue { id, aliases: Vec::new(), severity, component: None, place, fixed_in: None, suppressed: None })
}

fn severity_of(score: &ScoreWire) -> Severity {
    match score.score.trim().parse::<f64>() {
        // Other methods count on other scales (EPSS is a probability): a number there says nothing about severity.
        Ok(number) if score.method.to_ascii_lowercase().contains("cvss") => Severity::of_cvss(number),
        Ok(_) => Severity::Unknown,
        Err(_) => Severity::of_word(score.score.trim()),
    }
}

/// in-toto release: which package these artifacts are.
#[derive(Debug, Deserialize)]
pub struct Release {
    /// Package URL with version.
    pub purl: String,
}

/// SLSA provenance v1: how the artifacts were built.
#[derive(Debug)]
pub struct Provenance {
    /// The kind of build.
    pub build_type: String,
    /// Who built.
    pub builder: String,
    /// When the build ended.
    pub finished: Option<Time>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProvenanceWire {
    build_definition: BuildDefinitionWire,
    run_details: RunDetailsWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinitionWire {
    build_type: String,
}

#[derive(Deserialize)]
struct RunDetailsWire {
    builder: BuilderWire,
    #[serde(default)]
    metadata: RunMetadataWire,
}

#[derive(Deserialize)]
struct BuilderWire {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RunMetadataWire {
    finished_on: Option<Time>,
}

impl<'de> Deserialize<'de> for Provenance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = ProvenanceWire::deserialize(deserializer)?;
        Ok(Self {
            build_type: wire.build_definition.build_type,
            builder: wire.run_details.builder.id,
            finished: wire.run_details.metadata.finished_on,
        })
    }
}
