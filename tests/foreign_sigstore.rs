//! Sigstore bundles: what counts, and what is refused when one part is another. A private Sigstore makes them
//! (tests/outside/private_sigstore.py), and sigstore-python judges each of them as well.
#![cfg(feature = "sigstore")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{have, unbase64};
use dropgate::time::Time;
use dropgate::trust::detached::Tried;
use dropgate::trust::message::Message;
use dropgate::trust::sigstore::{Credential, Identity, Signature};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

/// What must come of a case.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Good,
    /// Somebody else's.
    Other,
    /// In whole or in part another one, in these words.
    Bad(&'static str),
    /// No bundle that is read, in these words.
    Refused(&'static str),
}

use Expected::{Bad, Good, Other, Refused};

/// Every case by its claim, and what must come of it.
const CASES: &[(&str, Expected)] = &[];

/// Where sigstore-python says otherwise, and why that is no reason for us to.
const DIFFER: &[(&str, &str)] = &[];

fn python() -> Option<String> {
    let python = std::env::var("DROPGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    have(&python, &["-c", "import sigstore.verify, cryptography"]).then_some(python)
}

/// The cases, made once. `None` without the tools.
fn cases() -> Option<&'static Vec<Value>> {
    static CASES: OnceLock<Option<Vec<Value>>> = OnceLock::new();
    let made = CASES.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outside/private_sigstore.py");
        let output = Command::new(python()?).arg(script).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(serde_json::from_slice(&output.stdout).unwrap())
    });
    made.as_ref()
}

fn text<'c>(case: &'c Value, key: &str) -> &'c str {
    case[key].as_str().unwrap()
}

fn case(claim: &str) -> Option<&'static Value> {
    Some(cases()?.iter().find(|case| case["claim"] == claim).expect(claim))
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// After every signature that counts.
fn judgement() -> Time {
    time("2025-07-01T00:00:00Z")
}

fn credential(case: &Value) -> Credential {
    let identity = Identity::exact(text(case, "identity")).unwrap();
    Credential::new(text(case, "root").as_bytes(), identity, text(case, "issuer")).unwrap()
}

fn judged(case: &Value, credential: &Credential, at: Time) -> Result<Tried, String> {
    let signature = Signature::read(text(case, "bundle").as_bytes()).map_err(|why| why.to_string())?;
    let message = unbase64(text(case, "message"));
    if case["kind"] == "statement" {
        let tried = signature.check_statement(credential, at);
        if matches!(tried, Tried::Good(_)) {
            assert_eq!(signature.statement(), Some(&message[..]));
        }
        return Ok(tried);
    }
    Ok(signature.check(credential, &Message::of(&signature.needs(), &message), at))
}

#[test]
fn each_part_of_a_bundle_must_hold_and_sigstore_python_agrees() {
    let Some(cases) = cases() else { return };
    let expected: BTreeMap<&str, Expected> = CASES.iter().copied().collect();
    assert_eq!(expected.len(), CASES.len(), "a claim stands there twice");
    let mut wrong = Vec::new();
    for case in cases {
        let claim = text(case, "claim");
        let found = judged(case, &credential(case), judgement());
        let as_expected = match (expected.get(claim), &found) {
            (Some(Good), Ok(Tried::Good(said))) => {
                said.who.as_deref() == Some(text(case, "identity"))
                    && said.when == Some(time("2025-06-01T12:00:00Z"))
            }
            (Some(Other), Ok(Tried::Other)) => true,
            (Some(Bad(words)), Ok(Tried::Bad(why))) => why.contains(words),
            (Some(Refused(words)), Err(why)) => why.contains(words),
            _ => false,
        };
        if !as_expected {
            wrong.push(format!("{claim}: expected {:?}, found {found:?}", expected.get(claim)));
        }
        let agrees = (text(case, "theirs") == "good") == matches!(found, Ok(Tried::Good(_)));
        if agrees == DIFFER.iter().any(|(differs, _)| *differs == claim) {
            wrong.push(format!("{claim}: sigstore-python says {}", text(case, "theirs")));
        }
    }
    for (claim, _) in CASES {
        if !cases.iter().any(|case| case["claim"] == *claim) {
            wrong.push(format!("{claim}: expected a case, found none"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
