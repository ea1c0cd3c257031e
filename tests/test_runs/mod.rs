//! Reports of tests as data: each file in a directory of fixtures/reports has an expectation beside it.

use dropgate::evidence::raw::{CaseOutcome, Refusal, TestRun};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn seen(result: Result<TestRun, Refusal>) -> Value {
    let run = match result {
        Ok(run) => run,
        Err(refusal) => return json!({ "refused": refusal.to_string() }),
    };
    let outcome = |outcome| match outcome {
        CaseOutcome::Passed => "passed",
        CaseOutcome::Flaky => "flaky",
        CaseOutcome::Skipped => "skipped",
        CaseOutcome::Failed => "failed",
        CaseOutcome::Errored => "errored",
    };
    let cases: Vec<Value> = run
        .cases
        .iter()
        .map(|case| match &case.reason {
            Some(reason) => json!([case.id, outcome(case.outcome), reason.lines().next()]),
            None => json!([case.id, outcome(case.outcome)]),
        })
        .collect();
    let disagreements: Vec<String> = run
        .disagreements
        .iter()
        .map(|it| format!("{}: claimed {}, counted {}", it.place, it.claimed, it.counted))
        .collect();
    json!({
        "cases": cases,
        "duplicates": run.duplicates,
        "disagreements": disagreements,
        "failures": run.failures,
    })
}

/// Reads every report in this directory and compares what came out with the file `<report>.expect.json`.
/// `DROPGATE_WRITE_EXPECT=1` writes those files, for a person to read before they are kept.
pub fn are_read_as_expected(directory: &str, read: fn(&[u8]) -> Result<TestRun, Refusal>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reports").join(directory);
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let expectation = path.with_extension("expect.json");
        if path.extension().unwrap() == "json" {
            continue;
        }
        count += 1;
        let seen = seen(read(&fs::read(&path).unwrap()));
        if std::env::var_os("DROPGATE_WRITE_EXPECT").is_some() {
            fs::write(&expectation, format!("{seen:#}\n")).unwrap();
        }
        let expected: Value = serde_json::from_slice(&fs::read(&expectation).unwrap()).unwrap();
        if seen != expected {
            wrong.push(format!("{}:\nexpected {expected:#}\nfound {seen:#}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(count > 5, "the fixtures are gone");
}
