//! Every shipped drop is judged as the file beside it says.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::shipped;
use std::collections::BTreeSet;

#[test]
fn every_shipped_drop_is_judged_as_its_expectation_says() {
    let mut verdicts = BTreeSet::new();
    for (claim, expected, verdict) in shipped() {
        let word = expected["verdict"].as_str().unwrap().to_owned();
        if word == "ACCEPT" {
            verdict.accepted();
            let waived: Vec<&str> = expected["waived"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|code| code.as_str().unwrap())
                .collect();
            assert_eq!(verdict.waived(), waived.into_iter().map(str::to_owned).collect(), "{claim}");
        } else {
            let codes: Vec<&str> =
                expected["codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
            verdict.rejected(&claim, &codes);
        }
        verdicts.insert(word);
    }
    assert_eq!(verdicts.len(), 2, "both verdicts must be among the shipped drops");
}
