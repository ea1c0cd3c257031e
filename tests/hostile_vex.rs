//! A flood of VEX statements: what is not looked at stays open, and the gate comes to an end.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::case::Case;
use dropgate::limits;
use serde_json::{Value, json};

/// Issues and statements that all have one id, so that each is held against each: a little over the limit together.
#[test]
fn a_flood_of_issues_and_statements_under_one_id_ends_at_the_limit() {
    let each = limits::VEX_COMPARISONS.isqrt() + 10;
    let matches: Vec<Value> = (0..each)
        .map(|at| {
            json!({
                "vulnerability": { "id": "CVE-2026-0101", "severity": "High" },
                "artifact": { "name": "part", "version": at.to_string(), "purl": format!("pkg:pypi/part@{at}") },
            })
        })
        .collect();
    let report = json!({
        "matches": matches,
        "descriptor": {
            "name": "grype",
            "timestamp": "2026-01-14T19:00:00Z",
            "db": { "status": { "built": "2026-01-14T06:00:00Z", "valid": true } },
        },
    });
    let statements: Vec<Value> = (0..each)
        .map(|at| {
            json!({ "vulnerability": "CVE-2026-0101", "products": [format!("pkg:pypi/part@{at}")], "status": "fixed" })
        })
        .collect();
    let case: Case = serde_json::from_value(json!({
        "claim": "a flood",
        "outcome": "fail",
        "files": { "evidence/reports/grype.json": { "text": report.to_string() } },
        "statements": { "vex": { "merge": { "statements": statements } } },
    }))
    .unwrap();
    let verdict = case.judge();
    assert_eq!(verdict.exit, 1, "{}", verdict.stderr);
    let json = verdict.json.unwrap();
    let control = json["controls"].as_array().unwrap().iter();
    let control = control.clone().find(|one| one["id"] == "so12.known-vulnerabilities").unwrap();
    let findings = control["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        assert_eq!(finding["code"], "vulnerability-open");
        assert!(finding["found"].as_str().unwrap().ends_with("which are too many"), "{finding}");
    }
    // Those that were looked for are cleared; the flood takes away the vendor's own excuses and nothing else.
    assert!((findings.len() as u64) < each);
}
