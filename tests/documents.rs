//! What the documents say is what the program does.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Scene, circumstances, dropgate, fixture, shipped, verify};
use dropgate::finding::Code;
use dropgate::policy::controls;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

fn document(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// A pack of the operator's own: one control that holds for the good drop, one that does not, one that can't be judged.
const CUSTOM: &str = r#"
[pack]
id = "example"
version = "1.0.0"
title = "Our own"
source = "Contract"
longest-waiver = "30d"

[[custom]]
id = "example.recent"
clause = "Contract 4.2, on tests"
title = "Issued by now"
severity = "low"
remedy = "Issue it."
expression = "release.issued < at"

[[custom]]
id = "example.never"
clause = "Contract 4.3"
title = "Never satisfied"
severity = "low"
remedy = "None."
expression = "release.issued > at"

[[custom]]
id = "example.absent"
clause = "SO23.1"
title = "Asks for what is not there"
severity = "low"
remedy = "None."
expression = "evidence[10000].type == ''"
"#;

/// The drop that satisfies every pack, judged by these and by custom controls.
fn judged_by_custom_controls(pack: &str) -> Value {
    let scene = Scene::whole();
    fs::write(scene.home.path().join("custom.toml"), pack).unwrap();
    let gate = fs::read_to_string(fixture("gate/gate.toml")).unwrap();
    let gate = gate
        .replace("trust.toml", fixture("gate/trust.toml").to_str().unwrap())
        .replace("../../policies", concat!(env!("CARGO_MANIFEST_DIR"), "/policies"))
        .replace("policies = [", "policies = [\"custom.toml\", ");
    let file = scene.home.path().join("gate.toml");
    fs::write(&file, gate).unwrap();
    let verdict = verify(&scene.drop(), &file, &scene.arguments);
    verdict.json.unwrap_or_else(|| panic!("{}", verdict.stderr))
}

fn control_mut<'v>(verdict: &'v mut Value, id: &str) -> &'v mut Value {
    let controls = verdict["controls"].as_array_mut().unwrap();
    controls.iter_mut().find(|control| control["id"] == id).unwrap()
}

#[test]
fn every_verdict_in_json_is_by_the_published_schema() {
    let schema = serde_json::from_str(&document("docs/verdict.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut verdicts: Vec<Value> =
        shipped().into_iter().map(|(_, _, verdict)| verdict.json.unwrap()).collect();
    let plain = Scene::good();
    fs::write(plain.file("a\u{202e}b"), "").unwrap();
    verdicts.push(plain.verify().json.unwrap());
    let passing = CUSTOM.split("\n[[custom]]\nid = \"example.never\"").next().unwrap();
    for (pack, verdict) in [(CUSTOM, "REJECT"), (passing, "ACCEPT")] {
        verdicts.push(judged_by_custom_controls(pack));
        assert_eq!(verdicts.last().unwrap()["verdict"], verdict);
    }
    let mut outcomes = BTreeSet::new();
    for verdict in &verdicts {
        let errors: Vec<String> = validator
            .iter_errors(verdict)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{verdict:#}");
        let mut turned = verdict.clone();
        turned["verdict"] = if verdict["verdict"] == "ACCEPT" { "REJECT" } else { "ACCEPT" }.into();
        assert!(!validator.is_valid(&turned), "the schema ties the verdict to its controls");
        let controls = verdict["controls"].as_array().unwrap().iter();
        outcomes.extend(controls.map(|control| control["outcome"].as_str().unwrap().to_owned()));
    }
    assert_eq!(outcomes.len(), 5, "each outcome must be among the verdicts: {outcomes:?}");
}

/// A name, and what makes a verdict no verdict.
type Break<'c> = (&'c str, &'c dyn Fn(&mut Value));

/// A schema that lets everything through would hold nothing together.
#[test]
fn the_schema_refuses_what_is_no_verdict() {
    let schema = serde_json::from_str(&document("docs/verdict.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let drop = fixture("drops/vulnerability-waived/drop");
    let waived = verify(&drop, &fixture("gate/gate.toml"), &circumstances()).json.unwrap();
    assert!(validator.is_valid(&waived), "{waived:#}");
    let known = "so12.known-vulnerabilities";
    let cases: &[Break] = &[
        ("an unknown field", &|v| v["surprise"] = true.into()),
        ("an unknown field of a statement", &|v| v["evidence"][0]["surprise"] = true.into()),
        ("an unknown field of a waiver", &|v| v["waivers"][0]["surprise"] = true.into()),
        ("an unknown field of a control", &|v| v["controls"][0]["surprise"] = true.into()),
        ("an unknown field of a waived finding", &|v| {
            control_mut(v, known)["waived"][0]["surprise"] = true.into();
        }),
        ("no list of evidence", &|v| drop_field(v, "evidence")),
        ("no list of waivers", &|v| drop_field(v, "waivers")),
        ("no list of notices", &|v| drop_field(v, "counterfeitNotices")),
        ("a control without its waived findings", &|v| drop_field(control_mut(v, known), "waived")),
        ("a waiver without an end", &|v| drop_field(&mut v["waivers"][0], "expires")),
        ("a waiver that nobody signed", &|v| v["waivers"][0]["signedBy"] = json!([])),
        ("a waiver that excused nothing and does not say why", &|v| v["waivers"][0]["excused"] = 0.into()),
        ("a waiver that was used and says why not", &|v| v["waivers"][0]["unused"] = "expired".into()),
        ("waived without a waiver", &|v| v["waivers"] = json!([])),
        ("a waived finding without its waiver", &|v| {
            drop_field(&mut control_mut(v, known)["waived"][0], "waiver");
        }),
        ("waived, with no finding", &|v| control_mut(v, known)["waived"] = json!([])),
        ("passed, with a waived finding", &|v| control_mut(v, known)["outcome"] = "pass".into()),
        ("waived, with a finding that is not", &|v| {
            let control = control_mut(v, known);
            let mut finding = control["waived"][0].clone();
            drop_field(&mut finding, "waiver");
            control["findings"] = json!([finding]);
        }),
        ("accepted, with a failure", &|v| {
            let control = control_mut(v, known);
            let mut finding = control["waived"][0].clone();
            drop_field(&mut finding, "waiver");
            control["findings"] = json!([finding]);
            control["outcome"] = "fail".into();
        }),
        ("accepted, with the signature waived", &|v| {
            let excused = control_mut(v, known)["waived"].clone();
            let control = control_mut(v, "so12.manifest-signed");
            control["outcome"] = "waived".into();
            control["waived"] = excused;
        }),
        ("accepted, without the control of completeness", &|v| {
            v["controls"].as_array_mut().unwrap().retain(|control| control["id"] != "so12.manifest-complete");
        }),
        ("accepted, signed by nobody", &|v| v["signers"] = json!([])),
        ("an outcome that there is not", &|v| control_mut(v, known)["outcome"] = "skipped".into()),
        ("a clause of another document", &|v| control_mut(v, known)["clause"] = "4.2".into()),
        ("an id in capitals", &|v| control_mut(v, known)["id"] = "SO12.known-vulnerabilities".into()),
        ("no clause", &|v| control_mut(v, known)["clause"] = "".into()),
        ("a digest cut short", &|v| v["evidence"][0]["sha256"] = "abc".into()),
        ("a statement that nobody signed", &|v| v["evidence"][0]["signers"] = json!([])),
    ];
    for (claim, change) in cases {
        let mut broken = waived.clone();
        change(&mut broken);
        assert_ne!(broken, waived, "{claim}");
        assert!(!validator.is_valid(&broken), "{claim}");
    }
}

fn drop_field(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().remove(name).unwrap();
}

/// docs/findings.md is this text: `DROPGATE_WRITE_DOCS=1 cargo test --test documents` writes it.
#[test]
fn every_finding_is_explained() {
    let mut text = "# Findings\n\nEvery code that a verdict can hold, with what it means and what to do. A control's page is\n\
        `dropgate policy explain CONTROL`; a code's is `dropgate policy explain CODE`.\n"
        .to_owned();
    for code in Code::ALL {
        let by: Vec<String> = controls::finders(*code).iter().map(|id| format!("`{id}`")).collect();
        assert!(!by.is_empty(), "no control says that it makes {code}");
        write!(
            text,
            "\n## {code}\n\n{}\n\n*What to do:* {}\n\n*Found by:* {}\n",
            code.meaning(),
            code.remedy(),
            by.join(", ")
        )
        .unwrap();
    }
    text.push_str("\n# Controls\n\n| clause | control | passes when | fails when |\n|---|---|---|---|\n");
    for control in controls::ALL {
        writeln!(text, "| {} | `{}` | {} | {} |", control.clause, control.id, control.passes, control.fails)
            .unwrap();
    }
    if std::env::var_os("DROPGATE_WRITE_DOCS").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md"), &text).unwrap();
    }
    assert_eq!(
        document("docs/findings.md"),
        text,
        "docs/findings.md is out of date; see this test's comment"
    );
}

/// Runs the commands of the README's second section, as they stand there.
#[test]
fn the_readme_leads_from_a_folder_to_a_verdict() {
    let readme = document("README.md");
    let section = readme.split("## From a folder of your own").nth(1).unwrap().split("\n## ").next().unwrap();
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("drop")).unwrap();
    fs::write(home.path().join("drop/fw.bin"), [7; 3000]).unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_dropgate")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let blocks: Vec<&str> =
        section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    let [make, judge, admit, spoil] = blocks.as_slice() else { panic!("four blocks were expected") };
    for (script, exit, word) in
        [(make, 0, ""), (judge, 0, "ACCEPT"), (admit, 0, "HOLDS"), (spoil, 1, "file-altered")]
    {
        let output = Command::new("sh")
            .arg("-c")
            .arg(script)
            .current_dir(home.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(exit),
            "{script}\n{stdout}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(stdout.contains(word), "{script}\n{stdout}");
    }
}

#[test]
fn the_documents_name_nothing_that_is_not_there() {
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/what-accept-means.md",
        "docs/manifest.md",
        "docs/trust.md",
        "docs/baseline.md",
        "docs/ledger.md",
        "docs/store.md",
        "docs/vsa.md",
    ] {
        let text = document(name);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(folder.parent().unwrap().join(target).exists(), "{name} links to {target}");
        }
    }
}

#[test]
fn help_fits_a_width_of_100() {
    for command in [
        "",
        "verify",
        "verify-vsa",
        "admit",
        "diff",
        "manifest",
        "manifest create",
        "manifest sign",
        "manifest show",
        "key generate",
        "key show",
        "init",
        "policy check",
        "policy explain",
        "policy list",
        "ledger list",
        "ledger show",
        "ledger verify",
        "ledger prove",
        "ledger verify-proof",
        "ledger checkpoint",
        "ledger export",
        "ledger replay",
        "ledger key",
        "completions",
        "man",
    ] {
        let output = dropgate(command.split_whitespace().chain(["--help"]));
        assert!(output.status.success(), "{command}");
        let text = String::from_utf8(output.stdout).unwrap();
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 100).collect();
        assert!(long.is_empty(), "{command}: {long:#?}");
    }
}

#[test]
fn help_says_what_exit_codes_mean() {
    for command in [
        "",
        "verify",
        "verify-vsa",
        "admit",
        "diff",
        "ledger",
        "ledger list",
        "ledger verify",
        "ledger verify-proof",
        "ledger replay",
    ] {
        let output = dropgate(command.split_whitespace().chain(["--help"]));
        let text = String::from_utf8(output.stdout).unwrap();
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(words.join(" ").contains("Exit code"), "{command}: {text}");
    }
}

#[test]
fn completions_and_manual_pages_are_written() {
    for shell in ["bash", "zsh", "fish"] {
        let output = dropgate(["completions", shell]);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("verify"), "{shell}");
    }
    let home = tempfile::tempdir().unwrap();
    assert!(dropgate(["man".as_ref(), home.path().as_os_str()]).status.success());
    for page in ["dropgate.1", "dropgate-verify.1", "dropgate-manifest-create.1"] {
        assert!(home.path().join(page).exists(), "{page}");
    }
    assert_eq!(dropgate(["man", "/nonexistent"]).status.code(), Some(2));
}
