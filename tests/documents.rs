//! What the documents say is what the program does.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Scene, dropgate, fixture, verify};
use dropgate::finding::Code;
use dropgate::policy::controls;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

fn document(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_verdict_in_json_is_by_the_published_schema() {
    let schema = serde_json::from_str(&document("docs/verdict.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut verdicts = Vec::new();
    for entry in fs::read_dir(fixture("drops")).unwrap() {
        let directory = entry.unwrap().path();
        verdicts.push(verify(&directory.join("drop"), &fixture("gate/gate.toml"), &[]).json.unwrap());
    }
    let good = Scene::good();
    fs::write(good.file("a\u{202e}b"), "").unwrap();
    verdicts.push(good.verify().json.unwrap());
    for verdict in &verdicts {
        let errors: Vec<String> = validator
            .iter_errors(verdict)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{verdict:#}");
    }
    // A schema that lets everything through would hold nothing together.
    let mut broken = verdicts.remove(0);
    broken["surprise"] = true.into();
    assert!(!validator.is_valid(&broken));
    broken.as_object_mut().unwrap().remove("surprise");
    assert!(validator.is_valid(&broken));
    broken["verdict"] = if broken["verdict"] == "ACCEPT" { "REJECT" } else { "ACCEPT" }.into();
    assert!(!validator.is_valid(&broken), "the schema ties the verdict to its controls");
}

/// docs/findings.md is this text: `DROPGATE_WRITE_DOCS=1 cargo test --test documents` writes it.
#[test]
fn every_finding_is_explained() {
    let mut text = "# Findings\n\nEvery code that a verdict can hold, with what it means and what to do. A control's page is\n\
        `dropgate policy explain CONTROL`; a code's is `dropgate policy explain CODE`.\n"
        .to_owned();
    for code in Code::ALL {
        let by: Vec<String> = controls::ALL
            .iter()
            .filter(|control| control.codes.contains(code))
            .map(|control| format!("`{}`", control.id))
            .collect();
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
    let [make, judge, spoil] = blocks.as_slice() else { panic!("three blocks were expected") };
    for (script, exit, word) in [(make, 0, ""), (judge, 0, "ACCEPT"), (spoil, 1, "file-altered")] {
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
    for name in
        ["README.md", "CONTRIBUTING.md", "docs/what-accept-means.md", "docs/manifest.md", "docs/trust.md"]
    {
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
