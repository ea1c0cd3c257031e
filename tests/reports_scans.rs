//! Every shipped scan report is read as the file beside it says, and no bytes make a reader panic.
//!
//! A fixture's name is its claim. To write the expectations again, run with `BLESS=1`, and read the difference.
#![allow(missing_docs, clippy::unwrap_used)]

use dropgate::evidence::raw::{
    Component, Disagreement, FileVerdict, Issue, MalwareScan, Refusal, Scan, clamscan, grype, sarif, trivy,
    yara,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

const FORMATS: [&str; 5] = ["sarif", "trivy", "grype", "clamscan", "yara"];

fn read(format: &str, bytes: &[u8]) -> Value {
    let said = match format {
        "sarif" => sarif::read(bytes).map(scan),
        "trivy" => trivy::read(bytes).map(scan),
        "grype" => grype::read(bytes).map(scan),
        "clamscan" => clamscan::read(bytes).map(malware),
        _ => yara::read(bytes).map(malware),
    };
    said.unwrap_or_else(|refusal: Refusal| json!({ "refused": refusal.to_string() }))
}

/// An object without the fields that have nothing to say, which keeps expectations short.
fn object(fields: Vec<(&str, Value)>) -> Value {
    let told = fields.into_iter().filter(|(_, value)| !value.is_null() && *value != json!([]));
    Value::Object(told.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn disagreements(list: &[Disagreement]) -> Value {
    list.iter().map(|d| format!("{}: claimed {}, counted {}", d.place, d.claimed, d.counted)).collect()
}

fn scan(scan: Scan) -> Value {
    let tools: Vec<_> = scan.tools.iter().map(|tool| (tool.name.clone(), tool.version.clone())).collect();
    object(vec![
        ("tools", json!(tools)),
        ("issues", scan.issues.iter().map(issue).collect()),
        ("failures", json!(scan.failures)),
        ("targets", json!(scan.targets)),
        ("database", json!(scan.database)),
        ("made", json!(scan.made)),
        ("disagreements", disagreements(&scan.disagreements)),
    ])
}

fn issue(issue: &Issue) -> Value {
    object(vec![
        ("id", json!(issue.id)),
        ("aliases", json!(issue.aliases)),
        ("severity", json!(issue.severity.name())),
        ("component", json!(issue.component.as_ref().map(component))),
        ("place", json!(issue.place)),
        ("fixed_in", json!(issue.fixed_in)),
        ("suppressed", json!(issue.suppressed)),
    ])
}

fn component(component: &Component) -> Value {
    json!([component.name, component.version, component.purl])
}

fn malware(scan: MalwareScan) -> Value {
    let files: Vec<_> = scan.files.iter().map(|file| (file.path.clone(), verdict(&file.verdict))).collect();
    object(vec![
        ("tool", json!([scan.tool.name, scan.tool.version])),
        ("database_version", json!(scan.database_version)),
        ("files", json!(files)),
        ("scanned", json!(scan.scanned)),
        ("signatures", json!(scan.signatures)),
        ("failures", json!(scan.failures)),
        ("disagreements", disagreements(&scan.disagreements)),
    ])
}

fn verdict(verdict: &FileVerdict) -> String {
    match verdict {
        FileVerdict::Clean => "clean".into(),
        FileVerdict::Found(name) => format!("found {name}"),
        FileVerdict::NotScanned(why) => format!("not scanned: {why}"),
    }
}

#[test]
fn every_shipped_report_is_read_as_its_expectation_says() {
    let bless = std::env::var_os("BLESS").is_some();
    for format in FORMATS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reports").join(format);
        let mut seen = 0;
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(".expect.json") {
                continue;
            }
            seen += 1;
            let found = read(format, &fs::read(&path).unwrap());
            let beside = path.with_extension("expect.json");
            if bless {
                fs::write(&beside, format!("{found:#}\n")).unwrap();
            }
            let expected = fs::read(&beside).unwrap_or_else(|_| panic!("{} is missing", beside.display()));
            let expected: Value = serde_json::from_slice(&expected).unwrap();
            assert_eq!(found, expected, "{}: found {found:#}", path.display());
        }
        assert!(seen > 1, "no fixtures of {format}");
    }
}

/// Words of the formats in any order, so that what is generated comes past the first line.
fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "ClamAV 1.4.3/27500/Thu\n",
        "a: OK\n",
        "a: X FOUND\n",
        ": ",
        "----------- SCAN SUMMARY -----------\n",
        "Known viruses: 1\n",
        "Infected files: 0\n",
        "Time: 0\n",
        "4.2.3\n",
        "number of rules : 1\n",
        "   1: 0\n",
        "error scanning a: b\n",
        "skipping a (1 bytes) because it is\n",
        " FOUND",
        "\r\n",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "\"version\":\"2.1.0\"",
        "\"runs\":",
        "\"results\":",
        "\"SchemaVersion\":2",
        "\"Results\":",
        "\"matches\":",
        "\"descriptor\":{\"name\":\"grype\"}",
        "\"tool\":{\"driver\":{\"name\":\"x\"}}",
        "-1",
        "1e308",
        "\u{1b}[2J",
        "é",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in FORMATS {
            read(format, &bytes);
        }
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in text()) {
        for format in FORMATS {
            read(format, text.as_bytes());
        }
    }

    /// A log that is cut anywhere before its summary is whole is refused.
    #[test]
    fn a_log_that_is_cut_short_is_refused(cut in 0usize..400) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reports/clamscan/found-with-version.log");
        let whole = fs::read_to_string(path).unwrap();
        let cut = cut.min(whole.find("Time:").unwrap());
        prop_assert!(clamscan::read(&whole.as_bytes()[..cut]).is_err());
    }
}
