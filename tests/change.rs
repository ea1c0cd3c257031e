//! What SO14 asks for and no case of fixtures/controls can hold, since there is no verdict.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::case::Case;
use serde_json::{Value, json};

fn judged(packs: Value) -> common::Verdict {
    let case = json!({ "claim": "", "outcome": "", "packs": { "so14": packs } });
    serde_json::from_value::<Case>(case).unwrap().judge()
}

#[test]
fn more_approvers_than_there_are_is_a_fault_of_the_policy() {
    for (kinds, parameter, says) in [
        (
            "[\"vulnerability-fix\"]",
            "approvers",
            Some("3 distinct owners must approve, and the trust store has 2"),
        ),
        ("[\"vulnerability-fix\"]", "emergency-approvers", Some("3 distinct owners must approve")),
        ("\"none\"", "emergency-approvers", None),
    ] {
        let verdict = judged(json!([
            [format!("\n{parameter} = 1"), format!("\n{parameter} = 3")],
            ["emergency-kinds = [\"vulnerability-fix\"]", format!("emergency-kinds = {kinds}")],
        ]));
        match says {
            Some(says) => verdict.undecided(parameter, says),
            None => verdict.accepted(),
        }
    }
}
