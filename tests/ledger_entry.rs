//! An entry has one spelling, and can't say what no verdict says.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::ledger::{Facts, Scene};
use dropgate::ledger::entry::Entry;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn good() -> Entry {
    let scene = Scene::empty();
    let facts = Facts {
        admit: true,
        waived: Some("OPS-7".to_owned()),
        note: Some("job 17".to_owned()),
        ..Facts::default()
    };
    let mut entry = scene.entry(&scene.ledger(), &facts);
    let text = json!({ "manifest": { "sha256": "a".repeat(64) }, "entry": 3 });
    entry.baseline = serde_json::from_value(text).unwrap();
    let waiver = json!([{ "name": "waiver.dsse.json", "sha256": "b".repeat(64), "size": 3 }]);
    entry.evidence = serde_json::from_value(waiver).unwrap();
    entry
}

/// The entry's text, changed as JSON and spelled as entries are.
fn spelled(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(&good().write().unwrap()).unwrap();
    change(&mut value);
    value.to_string().into_bytes()
}

#[test]
fn an_entry_reads_back_as_it_was_written() {
    let entry = good();
    let bytes = entry.write().unwrap();
    assert_eq!(Entry::read(&bytes).unwrap(), entry);
    assert!(bytes.starts_with(
        br#"{"_type":"urn:dropgate:ledger-entry:v1","recordedAt":"2026-01-20T12:00:00Z","judgedAt":"#
    ));
    let absent = Scene::empty();
    let absent = absent.entry(&absent.ledger(), &Facts { unverified: true, ..Facts::default() });
    let bytes = absent.write().unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("null"), "what is not there is absent");
    assert_eq!(Entry::read(&bytes).unwrap(), absent);
}

#[test]
fn an_entry_has_one_spelling() {
    let text = String::from_utf8(good().write().unwrap()).unwrap();
    for (claim, other) in [
        ("blanks", text.replacen(':', ": ", 1)),
        ("a line break at the end", format!("{text}\n")),
        ("an escape", text.replacen("Acme", "\\u0041cme", 1)),
        ("a time in another zone", text.replacen("2026-01-20T12:00:00Z", "2026-01-20T13:00:00+01:00", 1)),
        ("a time with an empty fraction", text.replacen("12:00:00Z", "12:00:00.0Z", 1)),
        ("null for what is absent", text.replacen("\"note\":\"job 17\"", "\"note\":null", 1)),
        (
            "fields in another order",
            text.replacen("\"user\":\"ci\",\"uid\":1000", "\"uid\":1000,\"user\":\"ci\"", 1),
        ),
        ("a key twice", text.replacen("\"uid\":1000", "\"uid\":1000,\"uid\":1000", 1)),
        ("a number as a float", text.replacen("\"uid\":1000", "\"uid\":1000.0", 1)),
        ("nothing", String::new()),
        ("two", format!("{text}{text}")),
    ] {
        assert_ne!(other, text, "{claim}");
        let refusal = Entry::read(other.as_bytes()).map(|_| ()).expect_err(claim);
        assert!(!refusal.to_string().is_empty());
    }
}

/// A name, what is changed, and what the refusal must say.
type Lie<'c> = (&'c str, &'c dyn Fn(&mut Value), &'c str);

#[test]
fn what_no_verdict_says_is_refused() {
    let lies: &[Lie] = &[
        ("another type", &|v| v["_type"] = "urn:dropgate:ledger-entry:v2".into(), "ledger-entry:v1"),
        ("an unknown field", &|v| v["surprise"] = 1.into(), "unknown field"),
        ("an unknown field below", &|v| v["by"]["surprise"] = 1.into(), "unknown field"),
        ("an unknown field of a document", &|v| v["verdictDocument"]["x"] = 1.into(), "unknown field"),
        ("a field missing", &|v| drop(v.as_object_mut().unwrap().remove("gate")), "missing field"),
        ("another verdict", &|v| v["verdict"] = "accept".into(), "ACCEPT or REJECT"),
        ("another action", &|v| v["action"] = "look".into(), "look"),
        ("another outcome", &|v| v["controls"]["so12.malware-scan"] = "ok".into(), "no-evidence"),
        ("accepted, with a failure", &|v| v["controls"]["so12.malware-scan"] = "fail".into(), "ACCEPT"),
        (
            "accepted, with no evidence",
            &|v| v["controls"]["so12.malware-scan"] = "no-evidence".into(),
            "ACCEPT",
        ),
        ("judged by no control", &|v| v["controls"] = json!({}), "one control at least"),
        ("accepted without a release", &|v| drop(v.as_object_mut().unwrap().remove("release")), "verdict"),
        ("a release without a manifest", &|v| drop(v.as_object_mut().unwrap().remove("manifest")), "release"),
        ("let in by `verify`", &|v| v["action"] = "verify".into(), "admission"),
        ("a digest in capitals", &|v| v["trustStore"]["sha256"] = "A".repeat(64).into(), "lowercase hex"),
        ("a digest cut short", &|v| v["trustStore"]["sha256"] = "ab".into(), "lowercase hex"),
        ("a negative size", &|v| v["verdictDocument"]["size"] = (-1).into(), "u64"),
        ("a size beyond all", &|v| v["verdictDocument"]["size"] = u64::MAX.into(), "size"),
        (
            "a sequence that JSON does not keep",
            &|v| v["release"]["sequence"] = (1_u64 << 53).into(),
            "sequence",
        ),
        ("a name that escapes", &|v| v["release"]["version"] = "..".into(), "name"),
        ("a name with a slash", &|v| v["release"]["product"] = "a/b".into(), "name"),
        ("a name that commands a terminal", &|v| v["release"]["vendor"] = "a\u{1b}[2J".into(), "name"),
        ("a time without a zone", &|v| v["recordedAt"] = "2026-01-20T12:00:00".into(), "zone"),
        ("no gate", &|v| v["gate"]["files"] = json!([]), "files"),
        (
            "two statements under one name",
            &|v| {
                let mut other = v["evidence"][0].clone();
                other["size"] = 4.into();
                v["evidence"].as_array_mut().unwrap().push(other);
            },
            "one name",
        ),
        ("a key for nothing", &|v| v["keys"][0]["for"] = json!([]), "keys.for"),
        ("a key twice for one thing", &|v| v["keys"][0]["for"] = json!(["release", "release"]), "keys.for"),
        ("a key for something else", &|v| v["keys"][0]["for"] = json!(["all"]), "all"),
    ];
    for (claim, change, says) in lies {
        let refusal = Entry::read(&spelled(change)).map(|_| ()).expect_err(claim).to_string();
        assert!(refusal.contains(says), "{claim}: {refusal}");
    }
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let mut entry = good();
    entry.by.note = Some("n".repeat(70_000));
    assert!(entry.write().unwrap_err().to_string().contains("65535"));
    let mut entry = good();
    entry.controls.clear();
    assert!(entry.write().is_err());
}

#[test]
fn every_entry_is_by_the_published_schema() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ledger-entry.schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let scene = Scene::empty();
    let unverified = scene.entry(&scene.ledger(), &Facts { unverified: true, ..Facts::default() });
    for entry in [good(), unverified] {
        let value: Value = serde_json::from_slice(&entry.write().unwrap()).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let lies: &[Lie] = &[
        ("another type", &|v| v["_type"] = "x".into(), ""),
        ("an unknown field", &|v| v["surprise"] = 1.into(), ""),
        ("an unknown field below", &|v| v["by"]["surprise"] = 1.into(), ""),
        ("null", &|v| v["baseline"] = Value::Null, ""),
        ("no gate", &|v| v["gate"]["files"] = json!([]), ""),
        ("another outcome", &|v| v["controls"]["so12.malware-scan"] = "ok".into(), ""),
        ("accepted, with a failure", &|v| v["controls"]["so12.malware-scan"] = "fail".into(), ""),
        ("accepted without a release", &|v| drop(v.as_object_mut().unwrap().remove("release")), ""),
        ("let in by `verify`", &|v| v["action"] = "verify".into(), ""),
        ("a digest in capitals", &|v| v["trustStore"]["sha256"] = "A".repeat(64).into(), ""),
        ("a key for nothing", &|v| v["keys"][0]["for"] = json!([]), ""),
    ];
    for (claim, change, _) in lies {
        let mut value: Value = serde_json::from_slice(&good().write().unwrap()).unwrap();
        change(&mut value);
        assert!(!validator.is_valid(&value), "{claim}");
    }
}
