//! Grype's JSON report (`grype --output json`).
//!
//! ```json
//! {"matches": [{"vulnerability": {"id": "CVE-2026-0001", "severity": "High", "fix": {"versions": ["1.0.1"], "state": "fixed"}},
//!    "relatedVulnerabilities": [], "artifact": {"name": "left", "version": "1.0.0", "purl": "pkg:npm/left@1.0.0"}}],
//!  "source": {"type": "directory", "target": "radio"},
//!  "descriptor": {"name": "grype", "version": "0.104.0", "timestamp": "2026-01-15T09:00:00Z",
//!    "db": {"status": {"built": "2026-01-15T06:00:00Z", "valid": true}}}}
//! ```
//!
//! The fields are those of Grype's source (`grype/presenter/models`); the report has no version of its own. The database
//! is described in `descriptor.db.status` since Grype 0.90 and in `descriptor.db` itself before. Grype writes `matches`
//! also where it found none, so a report without it is refused.
//!
//! Severity is the worst of the match's, of the vulnerabilities related to it, and of CVSS 3 and 4 scores. A related
//! vulnerability that nobody rated does not count; a match that nobody rated is unknown. `ignoredMatches` are
//! issues that the report asks not to count. A package of a distribution past its end of life is a
//! failure: nobody writes advisories for it, so that none was found says nothing.

use super::scans::{First, List, Score, There, document, said, time};
use super::{Component, Issue, Refusal, Scan, Severity, Tool, shortened};
use serde::Deserialize;
use std::collections::BTreeSet;

const EXPECTED: &str = "a JSON report of Grype";

#[derive(Deserialize)]
struct Head {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    matches: List<Match>,
    ignored_matches: Option<List<Match>>,
    alerts_by_package: Option<List<Alerts>>,
    source: Option<Source>,
    descriptor: Descriptor,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    vulnerability: Vulnerability,
    related_vulnerabilities: Option<List<Vulnerability>>,
    artifact: Package,
    applied_ignore_rules: Option<List<Rule>>,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    severity: Option<String>,
    cvss: Option<List<Cvss>>,
    fix: Option<Fix>,
}

#[derive(Deserialize)]
struct Cvss {
    version: Option<String>,
    metrics: Option<Metrics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    base_score: Option<Score>,
}

#[derive(Deserialize)]
struct Fix {
    versions: Option<List<String>>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    purl: Option<String>,
    locations: Option<First<Location>>,
}

#[derive(Deserialize)]
struct Location {
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Rule {
    vulnerability: Option<String>,
    reason: Option<String>,
    fix_state: Option<String>,
    vex_status: Option<String>,
    vex_justification: Option<String>,
    package: Option<RulePackage>,
}

#[derive(Deserialize)]
struct RulePackage {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Alerts {
    alerts: Option<List<Alert>>,
}

#[derive(Deserialize)]
struct Alert {
    message: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    target: Option<Target>,
}

/// A path, or a description of an image.
#[derive(Deserialize)]
#[serde(untagged)]
enum Target {
    Text(String),
    Image {
        #[serde(rename = "userInput")]
        input: Option<String>,
    },
}

#[derive(Deserialize)]
struct Descriptor {
    name: String,
    version: Option<String>,
    timestamp: Option<String>,
    db: Option<Database>,
}

#[derive(Deserialize)]
struct Database {
    status: Option<Status>,
    built: Option<String>,
    valid: Option<bool>,
    error: Option<There>,
}

#[derive(Deserialize)]
struct Status {
    built: Option<String>,
    valid: Option<bool>,
    error: Option<There>,
}

/// Reads a report.
///
/// # Errors
/// When it is not JSON, or not a report of Grype.
pub fn read(bytes: &[u8]) -> Result<Scan, Refusal> {
    let report: Report = document(bytes, EXPECTED, |_: Head| Ok(()))?;
    let mut scan = Scan {
        tools: vec![Tool { name: report.descriptor.name, version: said(report.descriptor.version) }],
        made: time(report.descriptor.timestamp.as_deref()),
        ..Scan::default()
    };
    if let Some(database) = report.descriptor.db {
        let Database { status, built, valid, error } = database;
        read_database(&mut scan, &status.unwrap_or(Status { built, valid, error }));
    }
    scan.targets.extend(report.source.and_then(|source| source.target).and_then(|target| match target {
        Target::Text(text) => said(Some(text)),
        Target::Image { input } => said(input),
    }));
    let alerts = report.alerts_by_package.unwrap_or_default().0.into_iter();
    let alerts: BTreeSet<String> = alerts
        .flat_map(|package| package.alerts.unwrap_or_default().0)
        .map(|alert| shortened(&alert.message.unwrap_or_else(|| "an alert without a message".into())))
        .collect();
    scan.failures.extend(alerts);
    scan.issues.extend(report.matches.0.into_iter().map(|found| issue(found, false)));
    let ignored = report.ignored_matches.unwrap_or_default().0;
    scan.issues.extend(ignored.into_iter().map(|found| issue(found, true)));
    Ok(scan)
}

fn read_database(scan: &mut Scan, status: &Status) {
    scan.database = time(status.built.as_deref());
    if status.error.is_some() || status.valid == Some(false) {
        scan.failures.push("descriptor.db: the database was not valid".into());
    }
}

fn issue(found: Match, ignored: bool) -> Issue {
    let related = found.related_vulnerabilities.unwrap_or_default().0;
    let severity = severity(&found.vulnerability, &related);
    let id = found.vulnerability.id;
    let fixes = found.vulnerability.fix.and_then(|fix| fix.versions).unwrap_or_default().0;
    let location = found.artifact.locations.and_then(|first| first.0).and_then(|first| said(first.path));
    let rules = found.applied_ignore_rules.unwrap_or_default().0;
    Issue {
        aliases: related.into_iter().map(|other| other.id).filter(|other| *other != id).collect(),
        id,
        severity,
        place: location.unwrap_or_else(|| found.artifact.name.clone()),
        component: Some(Component {
            name: found.artifact.name,
            version: said(found.artifact.version),
            purl: said(found.artifact.purl),
            ..Component::default()
        }),
        fixed_in: said(Some(fixes.join(", "))),
        suppressed: (ignored || !rules.is_empty()).then(|| suppressed(&rules)),
    }
}

/// The rules by which a match was ignored, each with what it names.
fn suppressed(rules: &[Rule]) -> String {
    let shown = rules.iter().take(SHOWN).map(|rule| {
        let package = rule.package.as_ref().and_then(|package| package.name.as_ref());
        let parts = [
            ("vulnerability", &rule.vulnerability),
            ("package", &package.cloned()),
            ("fix-state", &rule.fix_state),
            ("vex-status", &rule.vex_status),
            ("vex-justification", &rule.vex_justification),
            ("reason", &rule.reason),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", said(value.clone())?)))
        .collect::<Vec<_>>();
        format!("ignore rule ({})", parts.join(", "))
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "ignored, by no rule".into() } else { shortened(&shown.join("; ")) }
}

/// At most this many ignore rules of one match are shown.
const SHOWN: usize = 3;

fn severity(own: &Vulnerability, related: &[Vulnerability]) -> Severity {
    let first = own.severity.as_deref().map_or(Severity::Unknown, Severity::of_word);
    let words = related
        .iter()
        .filter_map(|other| other.severity.as_deref())
        .filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("unknown"))
        .map(Severity::of_word);
    // CVSS 2 has other bands.
    let scores = std::iter::once(own)
        .chain(related)
        .flat_map(|vulnerability| vulnerability.cvss.iter().flat_map(|list| &list.0))
        .filter(|cvss| !cvss.version.as_deref().is_some_and(|version| version.starts_with('2')))
        .filter_map(|cvss| cvss.metrics.as_ref()?.base_score.as_ref())
        .map(|score| score.0);
    words.chain(scores).fold(first, Severity::max)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_report_without_matches_is_refused() {
        let refusal = super::read(br#"{"descriptor":{"name":"grype"}}"#).unwrap_err();
        assert!(refusal.found.contains("matches"), "{refusal}");
    }
}
