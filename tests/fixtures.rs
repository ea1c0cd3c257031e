//! Every shipped drop is judged as the file beside it says.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{fixture, verify};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn every_shipped_drop_is_judged_as_its_expectation_says() {
    let mut verdicts = BTreeSet::new();
    for entry in fs::read_dir(fixture("drops")).unwrap() {
        let directory = entry.unwrap().path();
        let claim = directory.file_name().unwrap().to_string_lossy().into_owned();
        let expected: serde_json::Value =
            serde_json::from_slice(&fs::read(directory.join("expect.json")).unwrap()).unwrap();
        let verdict = verify(&directory.join("drop"), &fixture("gate/gate.toml"), &[]);
        let word = expected["verdict"].as_str().unwrap().to_owned();
        if word == "ACCEPT" {
            verdict.accepted();
        } else {
            let codes: Vec<&str> =
                expected["codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
            verdict.rejected(&claim, &codes);
        }
        verdicts.insert(word);
    }
    assert_eq!(verdicts.len(), 2, "both verdicts must be among the shipped drops");
}
