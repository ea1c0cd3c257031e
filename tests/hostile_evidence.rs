//! Evidence and policies by somebody who means harm: no wrong ACCEPT, no hang, no crash, bounded memory.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use common::case::Case;
use common::{IN_TOTO, Scene, Verdict, dropgate, envelope, fixture, signature, unbase64, verify};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// No case may take longer. An unoptimised build on a busy machine needs a few seconds for the largest; what loops over
/// one list for each entry of another needs hours.
const LONGEST: Duration = Duration::from_secs(240);

fn within<T>(claim: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    let took = began.elapsed();
    eprintln!("{claim}: {took:?}");
    assert!(took < LONGEST, "{claim}: {took:?}");
    result
}

fn payload(scene: &Scene, name: &str) -> Value {
    let envelope: Value = serde_json::from_slice(&fs::read(scene.file(&path(name))).unwrap()).unwrap();
    serde_json::from_slice(&unbase64(envelope["payload"].as_str().unwrap())).unwrap()
}

fn path(name: &str) -> String {
    format!("evidence/{name}.dsse.json")
}

fn put(scene: &Scene, name: &str, text: impl AsRef<[u8]>) {
    fs::write(scene.file(&path(name)), text).unwrap();
}

/// Puts a statement, changed, in the place of another.
fn resigned(scene: &Scene, name: &str, keys: &[&str], change: impl FnOnce(&mut Value)) {
    let mut statement = payload(scene, name);
    change(&mut statement);
    put(scene, name, envelope(IN_TOTO, statement.to_string().as_bytes(), keys));
}

/// What rejects a drop whose functional tests have no statement that counts.
const UNTESTED: [&str; 2] = ["test-type-missing", "test-overdue"];

fn untested(code: &'static str) -> Vec<&'static str> {
    [&UNTESTED[..], &[code]].concat()
}

#[test]
fn envelopes_that_prove_nothing() {
    let key = "lab";
    #[allow(clippy::type_complexity)]
    let attacks: Vec<(&str, &str, Box<dyn Fn(&Scene)>)> = vec![
        (
            "unsigned",
            "evidence-not-authentic",
            Box::new(move |scene| resigned(scene, "functional", &[], |_| ())),
        ),
        (
            "signed by a stranger",
            "evidence-not-authentic",
            Box::new(|scene| resigned(scene, "functional", &["stranger"], |_| ())),
        ),
        (
            "signed in another role",
            "evidence-not-authentic",
            Box::new(|scene| resigned(scene, "functional", &["acme-release"], |_| ())),
        ),
        (
            "signed by the scanner of malware",
            "evidence-not-authentic",
            Box::new(|scene| resigned(scene, "functional", &["scan-house"], |_| ())),
        ),
        (
            "another payload type",
            "evidence-not-authentic",
            Box::new(move |scene| {
                let text = payload(scene, "functional").to_string();
                put(scene, "functional", envelope("application/json", text.as_bytes(), &[key]));
            }),
        ),
        (
            "the signature of another payload type",
            "evidence-not-authentic",
            Box::new(move |scene| {
                let text = payload(scene, "functional").to_string();
                let other = envelope("application/json", text.as_bytes(), &[key]);
                put(scene, "functional", other.replace("application/json", IN_TOTO));
            }),
        ),
        (
            "a signature over the text without its type",
            "evidence-not-authentic",
            Box::new(move |scene| {
                let text = payload(scene, "functional").to_string();
                let signed = common::base64(&signature(key, text.as_bytes()));
                let mut whole: Value =
                    serde_json::from_str(&envelope(IN_TOTO, text.as_bytes(), &[key])).unwrap();
                whole["signatures"][0]["sig"] = signed.into();
                put(scene, "functional", whole.to_string());
            }),
        ),
        (
            "altered after signing",
            "evidence-not-authentic",
            Box::new(|scene| {
                let text = fs::read_to_string(scene.file(&path("functional"))).unwrap();
                let mut whole: Value = serde_json::from_str(&text).unwrap();
                let changed = payload(scene, "functional").to_string().replace("PASSED", "WARNED");
                whole["payload"] = common::base64(changed.as_bytes()).into();
                put(scene, "functional", whole.to_string());
            }),
        ),
        ("not an envelope", "evidence-not-authentic", Box::new(|scene| put(scene, "functional", "{}"))),
        ("empty", "evidence-not-authentic", Box::new(|scene| put(scene, "functional", ""))),
        (
            "a bare statement",
            "evidence-not-authentic",
            Box::new(|scene| {
                let text = payload(scene, "functional").to_string();
                put(scene, "functional", text);
            }),
        ),
        (
            "an unknown field",
            "evidence-malformed",
            Box::new(move |scene| {
                resigned(scene, "functional", &[key], |one| one["predicate"]["note"] = "x".into())
            }),
        ),
        (
            "a version of ours that this gate does not know",
            "evidence-malformed",
            Box::new(move |scene| {
                resigned(scene, "functional", &[key], |one| {
                    one["predicateType"] = "urn:dropgate:test-report:v2".into();
                })
            }),
        ),
        (
            "an unknown field within",
            "evidence-malformed",
            Box::new(move |scene| {
                resigned(scene, "functional", &[key], |one| one["predicate"]["plan"]["note"] = "x".into())
            }),
        ),
        (
            "a field in other letters",
            "evidence-malformed",
            Box::new(move |scene| {
                resigned(scene, "functional", &[key], |one| one["predicate"]["Result"] = "PASSED".into())
            }),
        ),
        (
            "no result",
            "evidence-malformed",
            Box::new(move |scene| {
                resigned(scene, "functional", &[key], |one| {
                    one["predicate"].as_object_mut().unwrap().remove("result");
                })
            }),
        ),
        (
            "a time without zone",
            "evidence-malformed",
            Box::new(move |scene| {
                resigned(scene, "functional", &[key], |one| {
                    one["predicate"]["finished"] = "2026-01-14T12:00:00".into()
                })
            }),
        ),
        (
            "a report by a weak digest alone",
            "evidence-malformed",
            Box::new(move |scene| {
                resigned(scene, "functional", &[key], |one| {
                    one["predicate"]["report"]["digest"] =
                        json!({ "md5": "00000000000000000000000000000000" })
                })
            }),
        ),
        (
            "duplicate keys",
            "evidence-not-authentic",
            Box::new(move |scene| {
                let text = payload(scene, "functional")
                    .to_string()
                    .replace("\"result\":\"PASSED\"", "\"result\":\"FAILED\",\"result\":\"PASSED\"");
                put(scene, "functional", envelope(IN_TOTO, text.as_bytes(), &[key]));
            }),
        ),
        (
            "duplicate keys of the statement",
            "evidence-not-authentic",
            Box::new(move |scene| {
                let text =
                    payload(scene, "functional").to_string().replacen('{', "{\"predicateType\":\"x\",", 1);
                put(scene, "functional", envelope(IN_TOTO, text.as_bytes(), &[key]));
            }),
        ),
        (
            "bytes after the statement",
            "evidence-not-authentic",
            Box::new(move |scene| {
                let text = format!("{} {{}}", payload(scene, "functional"));
                put(scene, "functional", envelope(IN_TOTO, text.as_bytes(), &[key]));
            }),
        ),
        (
            "a predicate of 100,000 levels",
            "evidence-not-authentic",
            Box::new(move |scene| {
                let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
                let text = payload(scene, "functional").to_string().replace("\"PASSED\"", &deep);
                put(scene, "functional", envelope(IN_TOTO, text.as_bytes(), &[key]));
            }),
        ),
        (
            "a manifest offered as evidence",
            "evidence-not-authentic",
            Box::new(|scene| {
                fs::copy(scene.file("drop.dsse.json"), scene.file(&path("functional"))).unwrap();
            }),
        ),
        (
            "another statement's signature",
            "evidence-not-authentic",
            Box::new(move |scene| {
                let other: Value = serde_json::from_str(&envelope(
                    IN_TOTO,
                    payload(scene, "known-vulnerability-scan").to_string().as_bytes(),
                    &[key],
                ))
                .unwrap();
                let mut whole: Value = serde_json::from_str(&envelope(
                    IN_TOTO,
                    payload(scene, "functional").to_string().as_bytes(),
                    &[key],
                ))
                .unwrap();
                whole["signatures"] = other["signatures"].clone();
                put(scene, "functional", whole.to_string());
            }),
        ),
    ];
    for (claim, code, attack) in attacks {
        let scene = Scene::whole();
        attack(&scene);
        within(claim, || scene.verify()).rejected(claim, &untested(code));
    }
}

#[test]
fn evidence_in_the_wrong_place() {
    // A statement where the manifest belongs is no manifest.
    let scene = Scene::whole();
    fs::copy(scene.file(&path("functional")), scene.file("drop.dsse.json")).unwrap();
    let verdict = scene.verify();
    assert_eq!(verdict.exit, 1);
    assert!(verdict.codes().contains("no-verified-manifest"), "{:?}", verdict.codes());

    // One that nobody reads is reported and changes nothing.
    let scene = Scene::whole();
    resigned(&scene, "functional", &["lab"], |_| ());
    let mut other = payload(&scene, "functional");
    other["predicateType"] = "https://example.com/unheard-of/v9".into();
    put(&scene, "other", envelope(IN_TOTO, other.to_string().as_bytes(), &["lab"]));
    let verdict = scene.verify();
    verdict.accepted();
    assert!(verdict.text().contains("https://example.com/unheard-of/v9"), "{}", verdict.text());

    // In the place of the tests it is none.
    let scene = Scene::whole();
    put(&scene, "functional", envelope(IN_TOTO, other.to_string().as_bytes(), &["lab"]));
    scene.verify().rejected("a type that nobody reads", &UNTESTED);

    // Evidence of another drop is about other bytes.
    let scene = Scene::whole();
    resigned(&scene, "functional", &["lab"], |one| {
        one["subject"] = json!([{ "name": "drop.dsse.json", "digest": { "sha256": "ab".repeat(32) } }]);
    });
    let verdict = scene.verify();
    verdict.rejected(
        "replayed from another drop",
        &["test-type-missing", "test-overdue", "iteration-unresolved"],
    );
    assert!(verdict.text().contains("not about this drop"), "{}", verdict.text());

    // So is evidence whose name alone is right.
    let scene = Scene::whole();
    resigned(&scene, "functional", &["lab"], |one| {
        one["subject"] = json!([{ "name": "firmware/radio.bin", "digest": { "sha1": "ab".repeat(20) } }]);
    });
    scene.verify().rejected("by name alone", &["test-type-missing", "test-overdue", "iteration-unresolved"]);

    // A report that is another file of the drop is read as what the statement says it is.
    let scene = Scene::whole();
    resigned(&scene, "functional", &["lab"], |one| {
        let other = fs::read(fixture("drops/good/drop/firmware/boot.img")).unwrap();
        one["predicate"]["report"]["digest"] = json!({ "sha256": sha256(&other) });
    });
    scene.verify().rejected("a report by another file's digest", &untested("report-malformed"));

    // A report that was altered is no report, and an altered file besides.
    let scene = Scene::whole();
    let report = scene.file("evidence/reports/functional.xml");
    fs::write(&report, fs::read_to_string(&report).unwrap().replace("skipped", "skipPed")).unwrap();
    let verdict = scene.verify();
    assert_eq!(verdict.exit, 1);
    for code in ["file-altered", "report-missing", "test-type-missing"] {
        assert!(verdict.codes().contains(code), "{code}: {:?}", verdict.codes());
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn floods_of_envelopes() {
    let scene = Scene::whole();
    let one = payload(&scene, "functional").to_string();
    let signed = envelope(IN_TOTO, one.as_bytes(), &["lab"]);
    for number in 0..10_000 {
        put(&scene, &format!("z{number:05}"), &signed);
    }
    let verdict = within("10,000 envelopes beside the ten", || scene.verify());
    verdict.rejected("10,010 envelopes", &["evidence-not-authentic"]);
    assert!(verdict.text().contains("more than 10000 evidence envelopes"));

    let scene = Scene::whole();
    for number in 0..3_000 {
        put(&scene, &format!("z{number:05}"), "{}");
    }
    within("3,000 that are none", || scene.verify()).rejected("none", &["evidence-not-authentic"]);

    let scene = Scene::whole();
    fs::File::create(scene.file(&path("functional"))).unwrap().set_len((16 << 20) + 1).unwrap();
    let verdict = within("an envelope over the cap", || scene.verify());
    verdict.rejected("over the cap", &untested("evidence-not-authentic"));

    let scene = Scene::whole();
    fs::File::create(scene.file(&path("functional"))).unwrap().set_len(16 << 20).unwrap();
    within("16 MiB of NUL", || scene.verify()).rejected("NUL", &untested("evidence-not-authentic"));

    let scene = Scene::whole();
    put(&scene, "functional", " ".repeat(16 << 20));
    within("16 MiB of blanks", || scene.verify()).rejected("blanks", &untested("evidence-not-authentic"));

    // Sparse files that are each within the cap, and together over what is read of one drop.
    let scene = Scene::whole();
    for number in 0..70 {
        fs::File::create(scene.file(&path(&format!("z{number}")))).unwrap().set_len(16 << 20).unwrap();
    }
    let verdict = within("70 envelopes of 16 MiB", || scene.verify());
    verdict.rejected("over 1 GiB together", &["evidence-not-authentic"]);
    assert!(verdict.text().contains("bytes of evidence envelopes"));
}

#[test]
fn many_subjects() {
    // The same digest as often as an envelope has room, of a file that is there as often.
    let scene = Scene::whole();
    for number in 0..5_000 {
        fs::write(scene.file(&format!("firmware/{number}.bin")), "same").unwrap();
    }
    let same = sha256(b"same");
    let subject = json!({ "name": "x", "digest": { "sha256": same } });
    scene.resign(|manifest| {
        for number in 0..5_000 {
            let name = format!("firmware/{number}.bin");
            manifest["subject"]
                .as_array_mut()
                .unwrap()
                .push(json!({ "name": name, "digest": { "sha256": same } }));
        }
    });
    resigned(&scene, "functional", &["lab"], |one| one["subject"] = vec![subject; 100_000].into());
    let verdict = within("100,000 subjects, each 5,000 artifacts", || scene.verify());
    assert_eq!(verdict.exit, 1);
    assert!(!verdict.codes().contains("evidence-not-authentic"), "{:?}", verdict.codes());
}

/// A case whose functional report is `report`.
fn judged(claim: &str, report: &[u8], format: &str, merge: Value) -> Verdict {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("report");
    fs::write(&file, report).unwrap();
    judged_file(claim, &file, format, merge)
}

fn judged_file(claim: &str, report: &Path, format: &str, merge: Value) -> Verdict {
    let mut merge = merge;
    merge["format"] = format.into();
    let case: Case = serde_json::from_value(json!({
        "claim": claim,
        "outcome": "",
        "files": { "evidence/reports/functional.xml": { "copy": report } },
        "statements": { "functional": { "merge": merge } },
    }))
    .unwrap();
    within(claim, || case.judge())
}

fn refused(claim: &str, report: &[u8], format: &str) {
    let verdict = judged(claim, report, format, json!({}));
    assert_eq!(verdict.exit, 1, "{claim}: {}", verdict.stderr);
    assert!(verdict.codes().contains("report-malformed"), "{claim}: {:?}", verdict.codes());
}

#[test]
fn reports_that_are_bombs() {
    let suite = |inner: &str| format!("<testsuites><testsuite name=\"s\">{inner}</testsuite></testsuites>");
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let external = "<!DOCTYPE l [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>";
    let good = suite("<testcase name=\"a\"/>");
    let attributes: String = (0..1_000_000).map(|n| format!(" a{n}=\"\"")).collect();
    let utf16 = |bom: &[u8]| {
        let units = good.encode_utf16().flat_map(u16::to_le_bytes);
        bom.iter().copied().chain(units).collect::<Vec<u8>>()
    };
    refused(
        "entities within entities",
        format!("{laughs}{}", suite("<testcase name=\"&c;\"/>")).as_bytes(),
        "junit",
    );
    refused(
        "an external entity",
        format!("{external}{}", suite("<testcase name=\"&a;\"/>")).as_bytes(),
        "junit",
    );
    refused(
        "an external document type",
        format!("<!DOCTYPE l SYSTEM \"http://localhost/x.dtd\">{good}").as_bytes(),
        "junit",
    );
    refused(
        "a processing instruction before a document type",
        format!("<?xml version=\"1.0\"?><?x y?><!DOCTYPE l>{good}").as_bytes(),
        "junit",
    );
    refused("1,000,000 attributes", format!("<testsuites{attributes}/>").as_bytes(), "junit");
    refused(
        "100,000 levels",
        format!("{}{}", "<testsuite>".repeat(100_000), "</testsuite>".repeat(100_000)).as_bytes(),
        "junit",
    );
    refused("100,000 levels never closed", "<testsuite>".repeat(100_000).as_bytes(), "junit");
    refused("UTF-16", &utf16(b"\xff\xfe"), "junit");
    refused("UTF-16 without its mark", &utf16(b""), "junit");
    refused("a NUL", good.replace("name=\"a\"", "name=\"a\0\"").as_bytes(), "junit");
    refused("bytes that are not UTF-8", &[good.as_bytes(), b"\xff"].concat(), "junit");
    refused("something after the end", format!("{good}{good}").as_bytes(), "junit");
    refused(
        "subtests of 100,000 levels",
        (0..100_000).map(|n| format!("{}ok 1\n", "    ".repeat(n % 100))).collect::<String>().as_bytes(),
        "tap",
    );
    let sarif = |inner: &str| format!("{{\"version\":\"2.1.0\",\"runs\":[{inner}]}}");
    refused("SARIF of 100,000 levels", sarif(&"[".repeat(100_000)).as_bytes(), "sarif");
    refused("SARIF of another version", b"{\"version\":\"2.0.0\",\"runs\":[]}", "sarif");
    refused("SARIF with a key twice", b"{\"version\":\"2.1.0\",\"version\":\"2.1.0\",\"runs\":[]}", "sarif");
}

#[test]
fn reports_without_end() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("report");
    fs::File::create(&file).unwrap().set_len((128 << 20) + 1).unwrap();
    let verdict = judged_file("a report over the cap", &file, "junit", json!({}));
    assert!(verdict.exit == 1 && verdict.text().contains("134217729 bytes"), "{}", verdict.text());

    // Within the cap: one text as long as a report may be.
    let (head, tail) = (
        "<testsuites><testsuite name=\"s\"><testcase name=\"a\"/><system-out>",
        "</system-out></testsuite></testsuites>",
    );
    let text = format!("{head}{}{tail}", "x".repeat((128 << 20) - head.len() - tail.len()));
    let verdict = judged("128 MiB of one text", text.as_bytes(), "junit", json!({ "requirements": {} }));
    assert!(!verdict.codes().contains("report-malformed"), "{:?}", verdict.codes());

    // A requirement for each of many tests, and as many tests.
    let cases: String = (0..100_000).map(|n| format!("<testcase name=\"{n}\"/>")).collect();
    let report = format!("<testsuite name=\"s\">{cases}</testsuite>");
    let named: serde_json::Map<String, Value> =
        (0..10_000).map(|n| (format!("REQ-{n}"), json!([format!("s::{n}")]))).collect();
    let ids: Vec<String> = named.keys().cloned().collect();
    fs::write(&file, report).unwrap();
    let case: Case = serde_json::from_value(json!({
        "claim": "", "outcome": "",
        "files": { "evidence/reports/functional.xml": { "copy": file } },
        "statements": { "functional": { "merge": { "requirements": named } } },
        "packs": { "so23": [["# all = [\"REQ-1\", \"REQ-7\"]", format!("all = {ids:?}")]] },
    }))
    .unwrap();
    let verdict = within("10,000 requirements, 100,000 tests", || case.judge());
    assert!(verdict.text().contains("10000 requirements shown"), "{:?} {}", verdict.codes(), verdict.stderr);
}

#[test]
fn many_statements_of_one_report_with_long_names() {
    // 64 KB of report that say 64 MB, named by sixty statements.
    let name = "n".repeat(16_000);
    let cases: String = (0..4_000).map(|n| format!("<testcase name=\"{n}\"/>")).collect();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("report");
    fs::write(&file, format!("<testsuite name=\"{name}\">{cases}</testsuite>")).unwrap();
    let shipped: Value = payload(&Scene::whole(), "functional")["predicate"].clone();
    let mut statements = serde_json::Map::new();
    for number in 0..60 {
        let mut merge = shipped.clone();
        merge["series"] = format!("series {number}").into();
        merge["requirements"] = json!({});
        merge["report"] =
            json!({ "name": "r", "digest": { "sha256": "{sha256:evidence/reports/functional.xml}" } });
        statements.insert(
            format!("more-{number:02}"),
            json!({ "new": "urn:dropgate:test-report:v1", "keys": ["lab"], "merge": merge }),
        );
    }
    let case: Case = serde_json::from_value(json!({
        "claim": "", "outcome": "",
        "files": { "evidence/reports/functional.xml": { "copy": file } },
        "statements": statements,
    }))
    .unwrap();
    let verdict = within("60 statements of 64 MB", || case.judge());
    assert_eq!(verdict.exit, 1, "{}", verdict.stderr);
    assert!(verdict.text().contains("together say at most"), "{:?}", verdict.codes());
    assert!(verdict.codes().contains("report-malformed"));
}

#[test]
fn long_lists_of_vulnerabilities() {
    let results: Vec<Value> =
        (0..40_000).map(|n| json!({ "ruleId": format!("R{n}"), "level": "note" })).collect();
    let report = json!({ "version": "2.1.0", "runs": [{
        "tool": { "driver": { "name": "t" } }, "invocations": [{ "executionSuccessful": true }], "results": results,
    }] });
    let listed: Vec<Value> = (0..40_000)
        .map(|n| json!({ "id": format!("r{n}"), "severity": "low", "state": "open", "mitigation": "m" }))
        .collect();
    let merge = json!({ "vulnerabilities": listed, "requirements": {} });
    let verdict = judged("40,000 issues, each listed", report.to_string().as_bytes(), "sarif", merge);
    assert!(!verdict.codes().contains("vulnerability-unlisted"), "{:?} {}", verdict.codes(), verdict.stderr);
}

/// A gate of the shipped packs beside `own`.
fn gate(home: &Path, own: &Path) -> std::path::PathBuf {
    let policies = ["so12", "so14", "so23"]
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("policies/{name}.toml")));
    let policies: Vec<String> =
        policies.iter().map(|path| path.display().to_string()).chain([own.display().to_string()]).collect();
    let trust = fixture("gate/trust.toml").display().to_string();
    let file = home.join("gate.toml");
    fs::write(
        &file,
        format!("version = 1\noperator = \"Example Telecom\"\ntrust = {trust:?}\npolicies = {policies:?}\n"),
    )
    .unwrap();
    file
}

const OWN: &str = "[pack]\nid = \"own\"\nversion = \"1\"\ntitle = \"Our own\"\nsource = \"Ours\"\nlongest-waiver = \"30d\"\n";

fn custom(id: &str, expression: &str) -> String {
    format!(
        "[[custom]]\nid = \"example.{id}\"\nclause = \"SO23.1\"\ntitle = \"t\"\nseverity = \"low\"\nremedy = \"r\"\nexpression = {expression:?}\n"
    )
}

#[test]
fn packs_that_are_bombs() {
    let mut scene = Scene::whole();
    let own = scene.home.path().join("own.toml");
    scene.gate = gate(scene.home.path(), &own);
    fs::File::create(&own).unwrap().set_len(1 << 30).unwrap();
    within("a pack of 1 GB", || scene.verify()).undecided("1 GB", "at most 4194304 bytes");
    fs::write(&own, OWN).unwrap();
    scene.verify().undecided("a pack without a control", "the pack holds no control");
    fs::write(&own, format!("{OWN}x = {}1{}", "[".repeat(100_000), "]".repeat(100_000))).unwrap();
    within("TOML of 100,000 levels", || scene.verify()).undecided("levels", "own.toml");
    fs::write(&own, format!("{OWN}a.b.c.d.e.f = 1\n")).unwrap();
    scene.verify().undecided("keys of keys", "unknown key");
    let (so12, weaker) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/so12.toml"), &own);
    fs::write(weaker, fs::read_to_string(so12).unwrap().replace("threshold = 1", "threshold = 2")).unwrap();
    scene.verify().undecided("two packs that disagree", "two packs");

    let numbers: Vec<String> = (0..900).map(|n| n.to_string()).collect();
    let list = format!("[{}]", numbers.join(","));
    fs::write(
        &own,
        format!("{OWN}{}", custom("loops", &format!("tests.size() > 0 && {list}.all(a, a + a + a >= 0)"))),
    )
    .unwrap();
    within("an expression with a long list", || scene.verify());
    let tests =
        "evidence.all(a, evidence.all(b, evidence.exists(c, a.origin != b.origin || c.origin == a.origin)))";
    fs::write(&own, format!("{OWN}{}", custom("loops", tests))).unwrap();
    for number in 0..1_000 {
        // Each another text: the same one would count once.
        let mut statement = payload(&scene, "vex");
        statement["subject"][0]["name"] = format!("z{number}").into();
        put(
            &scene,
            &format!("z{number}"),
            envelope(IN_TOTO, statement.to_string().as_bytes(), &["acme-psirt"]),
        );
    }
    let verdict = within("loops over 1,000,000,000 turns", || scene.verify());
    assert_eq!(verdict.exit, 1, "{}", verdict.stderr);
    assert!(verdict.codes().contains("custom-control-error"), "{:?}", verdict.codes());
    let many: String = (0..2_000).map(|n| custom(&format!("c{n}"), "tests.size() > 0")).collect();
    let scene = Scene { gate: scene.gate.clone(), home: scene.home, arguments: scene.arguments };
    fs::write(&own, format!("{OWN}{many}")).unwrap();
    within("2,000 controls of one's own", || scene.verify());
}

#[cfg(unix)]
#[test]
fn a_pack_that_changes_is_the_one_that_was_read() {
    let mut scene = Scene::whole();
    let own = scene.home.path().join("own.toml");
    scene.gate = gate(scene.home.path(), &own);
    let strict = format!("{OWN}{}", custom("strict", "tests.size() > 100"));
    let lax = format!("{OWN}{}", custom("strict", "tests.size() > 0"));
    let (is_strict, is_lax) = (sha256(strict.as_bytes()), sha256(lax.as_bytes()));
    fs::write(&own, &strict).unwrap();
    // Another process puts one for the other, again and again. Whichever was read, the verdict is by it and names it.
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let other = scene.home.path().join("other.toml");
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for text in [&lax, &strict] {
                    fs::write(&other, text).unwrap();
                    fs::rename(&other, &own).unwrap();
                }
            }
        });
        for _ in 0..20 {
            let verdict = scene.verify();
            let text = verdict.text();
            match verdict.exit {
                0 => assert!(text.contains(&is_lax) && !text.contains(&is_strict), "{text}"),
                1 => assert!(text.contains(&is_strict) && !text.contains(&is_lax), "{text}"),
                _ => {
                    stop.store(true, std::sync::atomic::Ordering::Relaxed);
                    panic!("{}", verdict.stderr);
                }
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(dropgate(["policy", "check", own.to_str().unwrap()]).status.code(), Some(0));
}

/// The verdict on another drop says nothing of what the baseline passed.
#[test]
fn a_verdict_on_something_else_than_the_baseline_is_not_taken_for_its() {
    let scene = Scene::whole();
    let file = scene.home.path().join("before.json");
    let flags = ["--baseline-verdict".to_owned(), file.display().to_string()];
    let other = "0".repeat(64);
    for (manifest, says) in [(json!({ "sha256": other }), "found one on 0000"), (Value::Null, "found none")] {
        let before = json!({ "version": 1, "verdict": "ACCEPT", "manifest": manifest, "controls": [] });
        fs::write(&file, before.to_string()).unwrap();
        let arguments: Vec<String> = scene.arguments.iter().cloned().chain(flags.clone()).collect();
        verify(&scene.drop(), &scene.gate, &arguments).undecided("a verdict on another manifest", says);
    }
}
