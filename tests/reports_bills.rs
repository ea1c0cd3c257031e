//! Bills of materials and VEX documents: each fixture is one document whose name is the claim, beside it what is read
//! from it, or why it is refused. Then what no fixture can hold: floods, and bytes of any kind.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::string_slice,
    clippy::expect_used
)]

use dropgate::evidence::raw::{
    Bill, Component, Refusal, Status, Tool, Vex, VexStatement, csaf, cyclonedx, openvex, spdx,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

const FORMATS: [&str; 4] = ["cyclonedx", "spdx", "openvex", "csaf"];

fn reports(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reports").join(format)
}

/// What is read, or the message of the refusal.
fn read(format: &str, bytes: &[u8]) -> Result<Value, String> {
    match format {
        "cyclonedx" => cyclonedx::read(bytes).map(|bill| json!({ "bill": of_bill(&bill) })),
        "spdx" => spdx::read(bytes).map(|bill| json!({ "bill": of_bill(&bill) })),
        "openvex" => openvex::read(bytes).map(|vex| json!({ "vex": of_vex(&vex) })),
        "csaf" => csaf::read(bytes).map(|vex| json!({ "vex": of_vex(&vex) })),
        other => panic!("{other}"),
    }
    .map_err(|why: Refusal| why.to_string())
}

/// An object of the members that are there, so that expectations are short.
fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let there = members.into_iter().filter(|(_, value)| !value.is_null() && *value != json!([]));
    Value::Object(there.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn of_bill(bill: &Bill) -> Value {
    object([
        ("subject", bill.subject.as_ref().map_or(Value::Null, of_component)),
        ("components", bill.components.iter().map(of_component).collect()),
        ("made", json!(bill.made)),
        ("tools", bill.tools.iter().map(of_tool).collect()),
        ("vex", bill.vex.as_ref().map_or(Value::Null, of_vex)),
    ])
}

fn of_component(component: &Component) -> Value {
    let digests: Map<_, _> =
        component.digests.iter().map(|(name, hex)| (name.clone(), Value::from(hex.as_str()))).collect();
    object([
        ("name", json!(component.name)),
        ("version", json!(component.version)),
        ("purl", json!(component.purl)),
        ("digests", if digests.is_empty() { Value::Null } else { Value::Object(digests) }),
        ("serials", json!(component.serials)),
    ])
}

fn of_tool(tool: &Tool) -> Value {
    object([("name", json!(tool.name)), ("version", json!(tool.version))])
}

fn of_vex(vex: &Vex) -> Value {
    object([
        ("author", json!(vex.untrusted_author)),
        ("statements", vex.statements.iter().map(of_statement).collect()),
    ])
}

fn of_statement(statement: &VexStatement) -> Value {
    let text = match &statement.status {
        Status::NotAffected(text) | Status::Affected(text) => json!(text),
        Status::Fixed | Status::UnderInvestigation => Value::Null,
    };
    object([
        ("vulnerabilities", json!(statement.vulnerabilities)),
        ("products", json!(statement.products)),
        ("within", json!(statement.within)),
        ("status", json!(statement.status.name())),
        ("why", text),
        ("at", json!(statement.at)),
    ])
}

/// What a fixture claims, its bytes, and what is expected.
type Fixture = (String, Vec<u8>, Value);

fn fixtures(format: &str) -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for entry in fs::read_dir(reports(format)).unwrap() {
        let path = entry.unwrap().path();
        let claim = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if claim.ends_with(".expect") {
            continue;
        }
        let expected =
            fs::read(path.with_extension("expect.json")).unwrap_or_else(|why| panic!("{claim}: {why}"));
        fixtures.push((claim, fs::read(&path).unwrap(), serde_json::from_slice(&expected).unwrap()));
    }
    fixtures.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(fixtures.len() > 10, "{format}");
    fixtures
}

#[test]
fn every_fixture_is_read_or_refused_as_it_expects() {
    for format in FORMATS {
        for (claim, bytes, expected) in fixtures(format) {
            let claim = format!("{format}/{claim}");
            match (read(format, &bytes), expected.get("refused").map(|refused| refused.as_str().unwrap())) {
                (Ok(found), None) => {
                    let mut expected = expected;
                    expected.as_object_mut().unwrap().remove("about");
                    assert_eq!(found, expected, "{claim}: expected right, found left:\n{found:#}");
                }
                (Err(why), Some(refused)) => assert!(why.contains(refused), "{claim}: {why}"),
                (Ok(found), Some(_)) => panic!("{claim}: not refused: {found:#}"),
                (Err(why), None) => panic!("{claim}: {why}"),
            }
        }
    }
}

/// Both files of a pair are there: an expectation without a document tests nothing.
#[test]
fn no_expectation_stands_alone() {
    for format in FORMATS {
        let expectations = fs::read_dir(reports(format)).unwrap().map(|entry| entry.unwrap().path());
        for path in expectations.filter(|path| path.to_str().unwrap().ends_with(".expect.json")) {
            let document = path.to_str().unwrap().replace(".expect.json", ".json");
            assert!(Path::new(&document).exists(), "{document}");
        }
    }
}

#[test]
fn what_is_no_such_document_at_all_is_refused_by_every_reader() {
    let deep = format!("{}{}", "{\"components\":[".repeat(5_000), "]}".repeat(5_000));
    let cases: [(&str, &[u8]); 9] = [
        ("empty", b""),
        ("not JSON", b"<bom/>"),
        ("null", b"null"),
        ("a list", b"[]"),
        ("an empty object", b"{}"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("UTF-16", b"{\0}\0"),
        ("two values", b"{}{}"),
        ("deep", deep.as_bytes()),
    ];
    for format in FORMATS {
        for (claim, bytes) in cases {
            assert!(read(format, bytes).is_err(), "{format}: {claim}");
        }
    }
}

#[test]
fn a_document_of_another_format_is_refused() {
    for format in FORMATS {
        for other in FORMATS.iter().filter(|other| **other != format) {
            for (claim, bytes, _) in fixtures(other) {
                assert!(read(format, &bytes).is_err(), "{format} reads {other}/{claim}");
            }
        }
    }
}

/// Every prefix of a document, which is what an interrupted download leaves.
#[test]
fn a_document_cut_short_is_refused() {
    for format in FORMATS {
        let (claim, bytes, _) =
            fixtures(format).into_iter().find(|(_, _, expected)| expected.get("refused").is_none()).unwrap();
        let whole = bytes.trim_ascii_end();
        for end in 0..whole.len() {
            assert!(read(format, &whole[..end]).is_err(), "{format}/{claim} cut at {end}");
        }
    }
}

#[test]
fn components_nested_as_deep_as_json_may_be_are_all_read_and_deeper_is_refused() {
    let nested = |levels: usize| {
        let open = r#"{"type":"library","name":"a","components":["#.repeat(levels);
        let close = "]}".repeat(levels);
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{open}{close}]}}"#)
    };
    assert_eq!(cyclonedx::read(nested(60).as_bytes()).unwrap().components.len(), 60);
    let why = cyclonedx::read(nested(70).as_bytes()).unwrap_err().to_string();
    assert!(why.contains("recursion limit") || why.contains("nested deeper"), "{why}");
}

/// A few bytes refer to thousands, thousands of times.
#[test]
fn references_that_multiply_are_cut_off() {
    let long = format!("pkg:generic/{}@1", "x".repeat(4_000));
    let references = vec![json!({ "ref": "a" }); 1_000];
    let vulnerabilities: Vec<Value> =
        (0..200).map(|n| json!({ "id": format!("CVE-2026-{n:04}"), "affects": references })).collect();
    let bill = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "components": [{ "type": "library", "name": "a", "bom-ref": "a", "purl": long }],
        "vulnerabilities": vulnerabilities,
    });
    let why = read("cyclonedx", bill.to_string().as_bytes()).unwrap_err();
    assert!(why.contains("once references are followed"), "{why}");

    let ids: Vec<String> = (0..2_000).map(|n| format!("P{n}")).collect();
    let names: Vec<Value> = ids
        .iter()
        .map(|id| json!({ "product_id": id, "name": id, "product_identification_helper": { "purl": long } }))
        .collect();
    let vulnerabilities: Vec<Value> = (0..200)
        .map(|n| json!({ "cve": format!("CVE-2026-{n:04}"), "product_status": { "fixed": ids } }))
        .collect();
    let csaf = json!({
        "document": {
            "category": "csaf_vex", "csaf_version": "2.0", "publisher": { "name": "Acme Networks" },
            "tracking": { "status": "final", "current_release_date": "2026-01-15T09:00:00Z" },
        },
        "product_tree": { "full_product_names": names },
        "vulnerabilities": vulnerabilities,
    });
    let why = read("csaf", csaf.to_string().as_bytes()).unwrap_err();
    assert!(why.contains("once references are followed"), "{why}");

    let parts: Vec<Value> =
        (0..1_000).map(|n| json!({ "@id": n.to_string(), "subcomponents": [{ "@id": "a" }] })).collect();
    let aliases: Vec<String> = (0..100).map(|n| format!("{n}{}", "x".repeat(4_000))).collect();
    let openvex = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:acme:vex", "author": "Acme Networks",
        "timestamp": "2026-01-15T09:00:00Z", "version": 1,
        "statements": [{ "vulnerability": { "name": "CVE-2026-0001", "aliases": aliases }, "products": parts, "status": "fixed" }],
    });
    let why = read("openvex", openvex.to_string().as_bytes()).unwrap_err();
    assert!(why.contains("once references are followed"), "{why}");
}

/// Text of a report that stands in a message cannot forge a line of it.
#[test]
fn what_a_refusal_quotes_is_escaped() {
    let hostile = "1.6\n\u{1b}[2J\u{202e}";
    let bill = json!({ "bomFormat": "CycloneDX", "specVersion": hostile });
    let why = read("cyclonedx", bill.to_string().as_bytes()).unwrap_err();
    assert!(why.contains(r"\u{1b}") && !why.contains(['\n', '\u{1b}', '\u{202e}']), "{why}");
}

/// All fixtures, by format, read once.
static ALL: LazyLock<Vec<(&str, Vec<Fixture>)>> =
    LazyLock::new(|| FORMATS.iter().map(|format| (*format, fixtures(format))).collect());

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        for format in FORMATS {
            let _ = read(format, &bytes);
        }
    }

    #[test]
    fn no_damaged_document_makes_a_reader_panic(
        pick in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in 0..40_usize,
    ) {
        for (format, fixtures) in ALL.iter() {
            let (_, bytes, _) = &fixtures[pick.index(fixtures.len())];
            let mut bytes = bytes.clone();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read(format, &bytes);
            bytes.drain(at..bytes.len().min(at + cut));
            let _ = read(format, &bytes);
        }
    }
}
