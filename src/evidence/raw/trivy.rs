//! Trivy's JSON report (`trivy --format json`), schema version 2.
//!
//! ```json
//! {"SchemaVersion": 2, "Trivy": {"Version": "0.68.1"}, "CreatedAt": "2026-01-15T09:00:00Z", "ArtifactName": "radio.tar",
//!  "Results": [{"Target": "opt/app/package-lock.json", "Class": "lang-pkgs", "Type": "npm",
//!    "Vulnerabilities": [{"VulnerabilityID": "CVE-2026-0001", "PkgName": "left", "InstalledVersion": "1.0.0",
//!      "FixedVersion": "1.0.1", "Severity": "HIGH", "PkgIdentifier": {"PURL": "pkg:npm/left@1.0.0"}}]}]}
//! ```
//!
//! The fields are those of Trivy's source (`pkg/types/report.go` and its neighbours). Trivy writes a result for each
//! package list, system or configuration that it recognised, also where nothing is wrong with it, and
//! leaves out `Results` when there is none: that is a scan that looked at nothing, and a failure here.
//!
//! Severity is the worst of Trivy's own, of each vendor's, and of CVSS 3 and 4 scores. `UNKNOWN` and words that are none
//! stay unknown; a vendor without a rating does not count. Licences are not weaknesses and are not read. What
//! `--severity`, `--ignore-unfixed` and, without `--show-suppressed`, `.trivyignore` left out of the report does not show
//! in it: the scan's procedure must rule those flags out. The report does not say how old the database was; the statement
//! about it can. Whether Trivy looked at packages at all is told by the class of each result.

use super::scans::{List, Score, document, quoted, said, time};
use super::{Component, Disagreement, Issue, Refusal, Scan, Severity, Tool, shortened};
use serde::Deserialize;
use std::collections::HashMap;

const EXPECTED: &str = "a JSON report of Trivy";

/// The classes of results that are about packages. Reports of before there were classes have none.
const PACKAGES: [&str; 2] = ["os-pkgs", "lang-pkgs"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Head {
    schema_version: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    trivy: Option<Maker>,
    created_at: Option<String>,
    artifact_name: Option<String>,
    metadata: Option<Metadata>,
    results: Option<List<Target>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Maker {
    version: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "OS")]
    system: Option<System>,
}

#[derive(Deserialize)]
struct System {
    #[serde(rename = "Family")]
    family: Option<String>,
    #[serde(rename = "Name")]
    name: Option<String>,
    #[serde(rename = "EOSL")]
    ended: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    target: Option<String>,
    class: Option<String>,
    vulnerabilities: Option<List<Finding>>,
    misconf_summary: Option<Summary>,
    misconfigurations: Option<List<Finding>>,
    secrets: Option<List<Finding>>,
    #[serde(rename = "ExperimentalModifiedFindings")]
    modified: Option<List<Modified>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    failures: Option<u64>,
}

/// A vulnerability, misconfiguration or secret: they share the fields that matter, and each has its own for the id.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Finding {
    #[serde(rename = "VulnerabilityID")]
    vulnerability_id: Option<String>,
    #[serde(rename = "ID")]
    check_id: Option<String>,
    #[serde(rename = "AVDID")]
    avd_id: Option<String>,
    #[serde(rename = "RuleID")]
    rule_id: Option<String>,
    #[serde(rename = "VendorIDs")]
    vendor_ids: Option<List<String>>,
    pkg_name: Option<String>,
    pkg_path: Option<String>,
    pkg_identifier: Option<Identifier>,
    installed_version: Option<String>,
    fixed_version: Option<String>,
    severity: Option<String>,
    vendor_severity: Option<HashMap<String, i64>>,
    #[serde(rename = "CVSS")]
    cvss: Option<HashMap<String, Scores>>,
    status: Option<String>,
    start_line: Option<u64>,
    cause_metadata: Option<Cause>,
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(rename = "PURL")]
    purl: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Scores {
    v3_score: Option<Score>,
    v40_score: Option<Score>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Cause {
    start_line: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Modified {
    #[serde(rename = "Type")]
    kind: Option<String>,
    status: Option<String>,
    statement: Option<String>,
    source: Option<String>,
    finding: Option<Finding>,
}

/// Reads a report.
///
/// # Errors
/// When it is not JSON, not a report of Trivy, or of another schema version than 2.
pub fn read(bytes: &[u8]) -> Result<Scan, Refusal> {
    let report: Report = document(bytes, EXPECTED, |head: Head| match head.schema_version {
        Some(2) => Ok(()),
        Some(other) => Err(Refusal::new("SchemaVersion", "2", other.to_string())),
        None => Err(Refusal::new("SchemaVersion", "2", "none")),
    })?;
    let mut scan = Scan {
        tools: vec![Tool {
            name: "trivy".into(),
            version: report.trivy.and_then(|maker| said(maker.version)),
        }],
        made: time(report.created_at.as_deref()),
        ..Scan::default()
    };
    scan.targets.extend(said(report.artifact_name));
    if let Some(system) =
        report.metadata.and_then(|metadata| metadata.system).filter(|s| s.ended == Some(true))
    {
        // Nobody writes advisories for it any more, so that none was found says nothing.
        let name = format!("{} {}", system.family.unwrap_or_default(), system.name.unwrap_or_default());
        scan.failures.push(format!("Metadata.OS: {} is past its end of service life", quoted(&name)));
    }
    let results = report.results.unwrap_or_default().0;
    if results.is_empty() {
        scan.failures.push("Results: none: Trivy recognised nothing that it could scan".into());
    }
    scan.looked_at_packages = Some(results.iter().any(|result| {
        result.class.as_deref().is_none_or(|class| PACKAGES.contains(&class))
            || result.vulnerabilities.is_some()
    }));
    for (index, result) in results.into_iter().enumerate() {
        read_target(&mut scan, &format!("Results[{index}]"), result);
    }
    Ok(scan)
}

fn read_target(scan: &mut Scan, place: &str, result: Target) {
    let target = said(result.target).unwrap_or_else(|| "no target".into());
    let mut failed: u64 = 0;
    for finding in result.misconfigurations.unwrap_or_default().0 {
        // A status that is unknown is none that passed.
        let suppressed = match finding.status.as_deref() {
            Some("PASS") => continue,
            Some("EXCEPTION") => Some("status EXCEPTION".to_owned()),
            _ => None,
        };
        if suppressed.is_none() {
            failed = failed.saturating_add(1);
        }
        scan.issues.push(issue(&target, finding, suppressed));
    }
    let claimed = result.misconf_summary.and_then(|summary| summary.failures).unwrap_or(failed);
    if claimed != failed {
        scan.disagreements.push(Disagreement {
            place: format!("{place}.MisconfSummary"),
            claimed: format!("{claimed} failures"),
            counted: format!("{failed} failures"),
        });
    }
    let found =
        [result.vulnerabilities, result.secrets].into_iter().flat_map(|list| list.unwrap_or_default().0);
    scan.issues.extend(found.map(|finding| issue(&target, finding, None)));
    for modified in result.modified.unwrap_or_default().0 {
        modified_finding(scan, place, &target, modified);
    }
    scan.targets.push(target);
}

/// A finding that was taken out of the report, by an ignore file or a VEX document.
fn modified_finding(scan: &mut Scan, place: &str, target: &str, modified: Modified) {
    if modified.kind.as_deref() == Some("license") {
        return;
    }
    let Some(finding) = modified.finding else {
        scan.failures.push(format!("{place}.ExperimentalModifiedFindings: an entry without its finding"));
        return;
    };
    // Any other status (affected, under_investigation, unknown) is no reason to leave it out.
    let suppressed =
        modified.status.filter(|status| matches!(status.as_str(), "ignored" | "not_affected" | "fixed"));
    let suppressed = suppressed.map(|status| {
        let source = said(modified.source).unwrap_or_else(|| "an unnamed source".into());
        let statement = said(modified.statement).unwrap_or_else(|| "no statement".into());
        shortened(&format!("{status} by {source}: {statement}"))
    });
    scan.issues.push(issue(target, finding, suppressed));
}

fn issue(target: &str, finding: Finding, suppressed: Option<String>) -> Issue {
    let severity = severity(&finding);
    let line =
        finding.start_line.or(finding.cause_metadata.and_then(|cause| cause.start_line)).filter(|n| *n > 0);
    let place = match (said(finding.pkg_path), line) {
        (Some(path), _) => format!("{target}: {path}"),
        (None, Some(line)) => format!("{target}:{line}"),
        (None, None) => target.to_owned(),
    };
    let ids = [finding.vulnerability_id, finding.check_id, finding.rule_id, finding.avd_id];
    let mut ids = ids.into_iter().filter_map(said);
    let id = ids.next().unwrap_or_else(|| "a finding without an id".into());
    let others = ids.chain(finding.vendor_ids.unwrap_or_default().0);
    Issue {
        aliases: others.filter(|other| *other != id).collect(),
        id,
        severity,
        component: said(finding.pkg_name).map(|name| Component {
            name,
            version: said(finding.installed_version),
            purl: said(finding.pkg_identifier.and_then(|identifier| identifier.purl)),
            ..Component::default()
        }),
        place,
        fixed_in: said(finding.fixed_version),
        suppressed,
    }
}

fn severity(finding: &Finding) -> Severity {
    let own = finding.severity.as_deref().map_or(Severity::Unknown, Severity::of_word);
    let vendors =
        finding.vendor_severity.iter().flat_map(HashMap::values).filter_map(|rating| match rating {
            0 => None,
            1 => Some(Severity::Low),
            2 => Some(Severity::Medium),
            3 => Some(Severity::High),
            4 => Some(Severity::Critical),
            _ => Some(Severity::Unknown),
        });
    let scores = finding.cvss.iter().flat_map(HashMap::values);
    let scores =
        scores.flat_map(|scores| [&scores.v3_score, &scores.v40_score]).flatten().map(|score| score.0);
    vendors.chain(scores).fold(own, Severity::max)
}
