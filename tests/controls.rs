//! Every control, case by case: fixtures/controls/<control>.json, each case the good drop with one thing changed.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::case::{Case, Cases};
use common::fixture;
use dropgate::policy::controls;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn all() -> BTreeMap<String, Cases> {
    let files = fs::read_dir(fixture("controls")).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|file| {
            let text = fs::read(&file).unwrap();
            let cases: Cases =
                serde_json::from_slice(&text).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
            assert_eq!(file.file_stem().unwrap().to_str().unwrap(), cases.control);
            (cases.control.clone(), cases)
        })
        .collect()
}

/// What is wrong with how a case came out.
fn fault(control: &str, case: &Case) -> Option<String> {
    let claim = format!("{control}: {}", case.claim);
    let verdict = case.judge();
    let Some(json) = &verdict.json else { return Some(format!("{claim}: no verdict\n{}", verdict.stderr)) };
    let judged = json["controls"].as_array().unwrap().iter().find(|one| one["id"] == control).unwrap();
    let list = if case.outcome == "waived" { "waived" } else { "findings" };
    let codes: BTreeSet<&str> =
        judged[list].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    let expected: BTreeSet<&str> = case.codes.iter().map(String::as_str).collect();
    let text = serde_json::to_string_pretty(judged).unwrap();
    if judged["outcome"] != case.outcome.as_str() || codes != expected {
        return Some(format!(
            "{claim}: expected {} {expected:?}, found {} {codes:?}\n{text}",
            case.outcome, judged["outcome"]
        ));
    }
    match &case.says {
        Some(says) if !text.contains(says.as_str()) => Some(format!("{claim}: {says:?} is not in\n{text}")),
        _ => None,
    }
}

#[test]
fn every_case_comes_out_as_it_claims() {
    let all = all();
    let cases: Vec<(&str, &Case)> = all
        .values()
        .flat_map(|cases| cases.cases.iter().map(|case| (cases.control.as_str(), case)))
        .collect();
    let only = std::env::var("DROPGATE_CASE").unwrap_or_default();
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((control, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if format!("{control}: {}", case.claim).contains(&only) {
                        faults.lock().unwrap().extend(fault(control, case));
                    }
                }
            });
        }
    });
    let mut faults = faults.into_inner().unwrap();
    faults.sort();
    assert!(faults.is_empty(), "{} of {} cases:\n\n{}", faults.len(), cases.len(), faults.join("\n\n"));
}

#[test]
fn every_control_has_a_case_that_passes_one_that_fails_and_one_without_evidence() {
    let all = all();
    for control in controls::ALL {
        let cases =
            all.get(control.id).unwrap_or_else(|| panic!("fixtures/controls/{}.json is missing", control.id));
        let outcomes: BTreeSet<&str> = cases.cases.iter().map(|case| case.outcome.as_str()).collect();
        for outcome in ["pass", "fail", "no-evidence"] {
            assert!(outcomes.contains(outcome), "{} has no case with outcome {outcome}", control.id);
        }
        let claims: BTreeSet<&str> = cases.cases.iter().map(|case| case.claim.as_str()).collect();
        assert_eq!(claims.len(), cases.cases.len(), "{}: each claim is made once", control.id);
    }
    for control in all.keys().filter(|control| !control.starts_with("example.")) {
        assert!(controls::named(control).is_some(), "{control} is no control");
    }
}
