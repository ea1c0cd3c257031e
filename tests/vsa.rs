//! A signed verdict says what the gate found, and vouches at the deployment's end for exactly those bytes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use common::{IN_TOTO, Scene, base64, circumstances, copy, dropgate, envelope, fixture, have, key, unbase64};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The gate's key: one that the gate itself does not trust for anything.
const GATE: &str = "stranger";
const VERIFIER: &str = "urn:dropgate:gate:Example%20Telecom";
const RESOURCE: &str = "urn:dropgate:release:Acme%20Networks/radio-7/4.2.1";
const PACKS: [&str; 3] = ["so12", "so14", "so23"];

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn pack(name: &str) -> String {
    format!("{}/policies/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Judges a drop and asks for a summary in `vsa`.
fn vouch(drop: &Path, circumstances: &[String], vsa: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["verify".to_owned(), text(drop), "--gate".to_owned()];
    arguments.push(text(&fixture("gate/gate.toml")));
    arguments.extend(circumstances.iter().cloned());
    arguments.extend(["--vsa".to_owned(), text(vsa), "--key".to_owned(), text(&key(GATE))]);
    arguments.extend(more.iter().map(|one| (*one).to_owned()));
    dropgate(arguments)
}

fn statement_of(envelope: &[u8]) -> Value {
    let envelope: Value = serde_json::from_slice(envelope).unwrap();
    serde_json::from_slice(&unbase64(envelope["payload"].as_str().unwrap())).unwrap()
}

/// The summary of the good drop, made once.
fn good() -> &'static [u8] {
    static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        let vsa = home.path().join("vsa.json");
        let output = vouch(&fixture("drops/good/drop"), &circumstances(), &vsa, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        fs::read(vsa).unwrap()
    })
}

/// A place where the good drop is to be deployed, with its summary.
struct Site {
    scene: Scene,
    vsa: Vec<u8>,
    flags: Vec<(&'static str, String)>,
    files: Vec<PathBuf>,
}

impl Site {
    fn good() -> Self {
        let flag = |name, value: &str| (name, value.to_owned());
        let scene = Scene::whole();
        let mut flags = vec![
            flag("--key", &text(&fixture(&format!("keys/{GATE}.pub.pem")))),
            flag("--drop", &text(&scene.drop())),
            flag("--verifier-id", VERIFIER),
            flag("--resource-uri", RESOURCE),
            flag("--max-age", "30d"),
            flag("--at", "2026-02-01T00:00:00Z"),
            flag("--level", "so12.malware-scan"),
        ];
        flags.extend(PACKS.map(|name| flag("--policy", &pack(name))));
        Self { scene, vsa: good().to_vec(), flags, files: Vec::new() }
    }

    /// Puts another value in the place of a flag's, or takes the flag away.
    fn flag(&mut self, name: &'static str, value: Option<&str>) {
        self.flags.retain(|(own, _)| *own != name);
        self.flags.extend(value.map(|value| (name, value.to_owned())));
    }

    /// Changes the statement and signs it by the gate's key, by an implementation that is not ours.
    fn resign(&mut self, change: impl FnOnce(&mut Value)) {
        let mut statement = statement_of(&self.vsa);
        change(&mut statement);
        self.sign(statement.to_string().as_bytes());
    }

    fn sign(&mut self, payload: &[u8]) {
        self.vsa = envelope(IN_TOTO, payload, &[GATE]).into_bytes();
    }

    fn envelope(&mut self, change: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_slice(&self.vsa).unwrap();
        change(&mut value);
        self.vsa = value.to_string().into_bytes();
    }

    /// Looks at these files and not at the drop.
    fn only(&mut self, files: &[&str]) {
        self.flag("--drop", None);
        self.files = files.iter().map(|path| self.scene.file(path)).collect();
    }

    /// Looks, and holds what is printed to its schema.
    fn verify(&self) -> Output {
        let vsa = self.scene.home.path().join("vsa.json");
        fs::write(&vsa, &self.vsa).unwrap();
        let mut arguments =
            vec!["verify-vsa".to_owned(), text(&vsa), "--format".to_owned(), "json".to_owned()];
        arguments.extend(self.files.iter().map(|file| text(file)));
        for (name, value) in &self.flags {
            arguments.push((*name).to_owned());
            arguments.extend((!value.is_empty()).then(|| value.clone()));
        }
        let output = dropgate(arguments);
        if let Ok(found) = serde_json::from_slice(&output.stdout) {
            by_schema(&found);
        }
        output
    }

    #[track_caller]
    fn is_good(&self, claim: &str) -> Value {
        let output = self.verify();
        assert_eq!(output.status.code(), Some(0), "{claim}: {}", said(&output));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&found["result"], &found["faults"]), (&json!("good"), &json!([])), "{claim}");
        found
    }

    /// Refused, for one reason, which says this.
    #[track_caller]
    fn is_refused(&self, claim: &str, says: &str) {
        let output = self.verify();
        assert_eq!(output.status.code(), Some(1), "{claim}: {}", said(&output));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["result"], "not-good", "{claim}");
        let faults: Vec<String> = found["faults"].as_array().unwrap().iter().map(shown).collect();
        assert!(faults.len() == 1 && faults[0].contains(says), "{claim}: expected {says:?} in {faults:#?}");
    }
}

/// The result has the published form, and the form ties the word to what was found.
fn by_schema(found: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify-vsa.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(found).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{found:#}");
    let turned = |name: &str, value: Value| {
        let mut turned = found.clone();
        turned[name] = value;
        assert!(!validator.is_valid(&turned), "{turned:#}");
    };
    turned("result", if found["result"] == "good" { "not-good" } else { "good" }.into());
    turned("surprise", true.into());
    turned("faults", json!([{ "place": "x", "expected": "y" }]));
}

fn shown(fault: &Value) -> String {
    let part = |name: &str| fault[name].as_str().unwrap();
    format!("{}: expected {}, found {}", part("place"), part("expected"), part("found"))
}

// What is written.

#[test]
fn the_summary_of_an_accepted_drop_says_what_the_verdict_rests_on() {
    let home = tempfile::tempdir().unwrap();
    let (vsa, verdict) = (home.path().join("vsa.json"), home.path().join("verdict.json"));
    let more = ["--format", "json", "--output", verdict.to_str().unwrap()];
    let output = vouch(&fixture("drops/good/drop"), &circumstances(), &vsa, &more);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let statement = statement_of(&fs::read(&vsa).unwrap());
    let bytes = fs::read(&verdict).unwrap();
    let verdict: Value = serde_json::from_slice(&bytes).unwrap();
    let scene = Scene::whole();

    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/verification_summary/v1");
    // Every artifact of the manifest, by every digest that it has there.
    assert_eq!(statement["subject"], scene.statement()["subject"]);

    let predicate = &statement["predicate"];
    assert_eq!(predicate["verifier"]["id"], VERIFIER);
    assert_eq!(predicate["timeVerified"], "2026-01-20T12:00:00Z");
    assert_eq!(predicate["resourceUri"], RESOURCE);
    assert_eq!(predicate["policy"]["uri"], "urn:dropgate:policy");
    assert_eq!(predicate["verificationResult"], "PASSED");
    assert_eq!(predicate["slsaVersion"], "1.1");

    let digest = |uri: &str| {
        let inputs = predicate["inputAttestations"].as_array().unwrap();
        let input = inputs.iter().find(|input| input["uri"] == uri).unwrap_or_else(|| panic!("no {uri}"));
        input["digest"].clone()
    };
    assert_eq!(digest("urn:dropgate:manifest"), verdict["manifest"]);
    assert_eq!(digest("urn:dropgate:baseline-manifest"), verdict["baseline"]);
    let evidence = verdict["evidence"].as_array().unwrap();
    for one in evidence {
        let uri = format!("urn:dropgate:evidence:{}", one["origin"].as_str().unwrap());
        assert_eq!(digest(&uri)["sha256"], one["sha256"]);
    }
    assert_eq!(predicate["inputAttestations"].as_array().unwrap().len(), evidence.len() + 2);

    let basis = &predicate["urn:dropgate:basis:v1"];
    assert_eq!(basis["verdict"]["sha256"], common::case::sha256(&bytes));
    assert_eq!((&basis["policies"], &basis["trustStore"]), (&verdict["policies"], &verdict["trustStore"]));

    let controls = verdict["controls"].as_array().unwrap().iter();
    let passed: Vec<&Value> = controls.filter(|one| one["outcome"] == "pass").map(|one| &one["id"]).collect();
    assert_eq!(predicate["verifiedLevels"].as_array().unwrap().iter().collect::<Vec<_>>(), passed);
}

#[test]
fn no_rejected_drop_has_a_summary_that_says_passed() {
    let (mut failed, mut passed, mut none) = (0, 0, 0);
    for entry in fs::read_dir(fixture("drops")).unwrap() {
        let directory = entry.unwrap().path();
        let claim = directory.file_name().unwrap().to_string_lossy().into_owned();
        let expected: Value =
            serde_json::from_slice(&fs::read(directory.join("expect.json")).unwrap()).unwrap();
        let mut flags = circumstances();
        if expected["baseline"] == false {
            flags.truncate(2);
        }
        let mut site = Site::good();
        let vsa = site.scene.home.path().join("new.json");
        let output = vouch(&directory.join("drop"), &flags, &vsa, &[]);
        let accepted = expected["verdict"] == "ACCEPT";
        assert_eq!(output.status.code(), Some(if accepted { 0 } else { 1 }), "{claim}: {}", said(&output));
        let Ok(bytes) = fs::read(&vsa) else {
            assert!(!accepted, "{claim}");
            assert!(said(&output).contains("no summary was written"), "{claim}: {}", said(&output));
            none += 1;
            continue;
        };
        let statement = statement_of(&bytes);
        let predicate = &statement["predicate"];
        if accepted {
            assert_eq!(predicate["verificationResult"], "PASSED", "{claim}");
            passed += 1;
            continue;
        }
        assert_eq!(predicate["verificationResult"], "FAILED", "{claim}");
        assert_eq!(predicate["verifiedLevels"], json!(["FAILED"]), "{claim}");
        failed += 1;
        // Whatever it is asked, such a summary is good for nothing.
        site.vsa = bytes;
        site.flags.truncate(1);
        site.flags.extend([
            ("--drop", text(&directory.join("drop"))),
            ("--any-verifier", String::new()),
            ("--any-resource", String::new()),
            ("--any-policy", String::new()),
            ("--any-age", String::new()),
        ]);
        let output = site.verify();
        assert_eq!(output.status.code(), Some(1), "{claim}");
        assert!(said(&output).contains("verificationResult"), "{claim}: {}", said(&output));
    }
    assert!(passed >= 2 && failed >= 15 && none >= 3, "{passed} passed, {failed} failed, {none} without");
}

#[test]
fn files_that_are_not_what_was_signed_are_no_subjects() {
    let scene = Scene::whole();
    fs::write(scene.file("firmware/boot.img"), "other bytes").unwrap();
    fs::remove_file(scene.file("docs/backout.txt")).unwrap();
    fs::write(scene.file("extra"), "x").unwrap();
    let vsa = scene.home.path().join("vsa.json");
    assert_eq!(vouch(&scene.drop(), &circumstances(), &vsa, &[]).status.code(), Some(1));
    let statement = statement_of(&fs::read(&vsa).unwrap());
    let names = |statement: &Value| {
        let subjects = statement["subject"].as_array().unwrap().iter();
        subjects.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut expected = names(&scene.statement());
    expected.retain(|name| name != "firmware/boot.img" && name != "docs/backout.txt");
    assert_eq!(names(&statement), expected);
    assert_eq!(statement["predicate"]["verificationResult"], "FAILED");
}

#[test]
fn a_control_that_was_waived_is_not_said_to_have_passed() {
    let home = tempfile::tempdir().unwrap();
    let vsa = home.path().join("vsa.json");
    let output = vouch(&fixture("drops/vulnerability-waived/drop"), &circumstances(), &vsa, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let mut site = Site::good();
    site.vsa = fs::read(&vsa).unwrap();
    site.flag("--drop", Some(&text(&fixture("drops/vulnerability-waived/drop"))));
    site.is_good("without asking for it");
    site.flag("--level", Some("so12.known-vulnerabilities"));
    site.is_refused("waived", "verifiedLevels: expected so12.known-vulnerabilities among them");
}

#[test]
fn the_names_of_gate_and_release_can_be_given() {
    let scene = Scene::whole();
    let vsa = scene.home.path().join("vsa.json");
    let [gate, resource] = ["https://noc.example/gate", "pkg:generic/acme/radio-7@4.2.1"];
    let flags = ["--verifier-id", gate, "--resource-uri", resource];
    assert_eq!(vouch(&scene.drop(), &circumstances(), &vsa, &flags).status.code(), Some(0));
    let predicate = &statement_of(&fs::read(&vsa).unwrap())["predicate"];
    assert_eq!(predicate["verifier"]["id"], gate);
    assert_eq!(predicate["resourceUri"], resource);
    let output = vouch(&scene.drop(), &circumstances(), &vsa, &["--verifier-id", "our gate"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("expected a URI"), "{}", said(&output));
}

#[test]
fn nothing_is_written_where_it_should_not_be() {
    let scene = Scene::whole();
    let inside = |name: &str| scene.file(name);
    let outside = scene.home.path().join("vsa.json");
    let verify = |flags: &[&str]| {
        let mut arguments =
            vec!["verify".to_owned(), text(&scene.drop()), "--gate".to_owned(), text(&scene.gate)];
        arguments.extend(scene.arguments.iter().cloned());
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        dropgate(arguments)
    };
    let private = text(&key(GATE));
    fs::copy(key(GATE), scene.home.path().join("gate.pem")).unwrap();
    fs::copy(key(GATE), inside("gate.pem")).unwrap();
    let (vsa, in_drop) = (text(&outside), text(&inside("vsa.json")));
    let (key_in_drop, public) = (text(&inside("gate.pem")), text(&fixture("keys/stranger.pub.pem")));
    for (claim, flags, says) in [
        ("the summary inside the drop", [&*in_drop, &private], "expected a file outside of the drop"),
        ("the key inside the drop", [&vsa, &key_in_drop], "lies inside the drop"),
        ("a public key", [&vsa, &public], "expected a private key"),
        ("over the key", [&private, &private], "never takes the place"),
    ] {
        let output = verify(&["--vsa", flags[0], "--key", flags[1]]);
        assert_eq!(output.status.code(), Some(2), "{claim}: {}", said(&output));
        assert!(said(&output).contains(says), "{claim}: {}", said(&output));
        assert!(
            !said(&output).contains("ACCEPT") && !outside.exists() && !inside("vsa.json").exists(),
            "{claim}"
        );
    }
    let both = verify(&["--vsa", &vsa, "--key", &private, "--output", &vsa]);
    assert_eq!(both.status.code(), Some(2), "verdict and summary in one file: {}", said(&both));
    let dotted =
        text(&scene.home.path().join("../").join(scene.home.path().file_name().unwrap()).join("vsa.json"));
    let both = verify(&["--vsa", &vsa, "--key", &private, "--output", &dotted]);
    assert_eq!(both.status.code(), Some(2), "one file by two names: {}", said(&both));
    for flags in
        [["--vsa", &vsa], ["--key", &private], ["--verifier-id", VERIFIER], ["--resource-uri", RESOURCE]]
    {
        assert_eq!(verify(&flags).status.code(), Some(2), "{flags:?}");
    }
    assert!(!outside.exists());
    fs::remove_file(inside("gate.pem")).unwrap();
    let output = verify(&["--vsa", &vsa, "--key", &private]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("others can read the private key"), "{}", said(&output));
    // An earlier summary is not taken for this one's.
    assert_eq!(verify(&["--vsa", &vsa, "--key", &private]).status.code(), Some(2));
}

// What is checked.

#[test]
fn the_bytes_that_the_gate_accepted_are_good() {
    let mut site = Site::good();
    let found = site.is_good("the whole drop");
    assert_eq!(found["files"], site.scene.statement()["subject"].as_array().unwrap().len());
    // Deployed without manifest and evidence.
    fs::remove_file(site.scene.file("drop.dsse.json")).unwrap();
    fs::remove_file(site.scene.file("evidence/sbom.dsse.json")).unwrap();
    site.is_good("without the manifest");
    // At the edges of what is asked.
    for at in ["2026-02-19T12:00:00Z", "2026-01-20T11:55:00Z"] {
        site.flag("--at", Some(at));
        site.is_good(at);
    }
    site.flag("--key", Some(&text(&fixture("keys/other-vendor.pub.pem"))));
    site.flags.push(("--key", text(&fixture("keys/stranger.pub.pem"))));
    site.is_good("one key of two");
}

#[test]
fn single_files_are_found_by_their_bytes() {
    let mut site = Site::good();
    site.only(&["firmware/radio.bin", "firmware/boot.img", "docs/backout.txt"]);
    fs::rename(site.scene.file("firmware/radio.bin"), site.scene.home.path().join("renamed")).unwrap();
    site.files[0] = site.scene.home.path().join("renamed");
    // A directory on the way may be a link; the file may not.
    std::os::unix::fs::symlink(site.scene.file("firmware"), site.scene.home.path().join("current")).unwrap();
    site.files[1] = site.scene.home.path().join("current/boot.img");
    let found = site.is_good("three files");
    assert_eq!(found["files"], 3);
    let named: Vec<&Value> = found["named"].as_array().unwrap().iter().map(|one| &one["subject"]).collect();
    assert!(named.contains(&&json!("firmware/radio.bin")), "{named:?}");
}

#[test]
fn what_the_specification_lets_others_add_is_read_past() {
    let mut site = Site::good();
    site.resign(|statement| {
        statement["https://example.com/more"] = json!(1);
        statement["subject"][0]["annotations"] = json!({ "a": "b" });
        statement["subject"][0]["digest"]["gitBlob"] = json!("0a");
        statement["subject"][0]["digest"]["sha1"] = json!("0a");
        let predicate = &mut statement["predicate"];
        predicate["https://example.com/more"] = json!([]);
        predicate["dependencyLevels"] = json!({ "SLSA_BUILD_LEVEL_2": 3 });
        predicate["policy"]["name"] = json!("ours");
        predicate.as_object_mut().unwrap().remove("slsaVersion");
        predicate.as_object_mut().unwrap().remove("urn:dropgate:basis:v1");
    });
    site.is_good("fields of others");
    site.only(&["firmware/radio.bin"]);
    site.resign(|statement| {
        for subject in statement["subject"].as_array_mut().unwrap() {
            subject.as_object_mut().unwrap().remove("name");
        }
        statement["predicate"].as_object_mut().unwrap().remove("inputAttestations");
        statement["predicate"].as_object_mut().unwrap().remove("timeVerified");
    });
    site.flag("--max-age", None);
    site.flag("--any-age", Some(""));
    site.is_good("what may be left out is");
    let at = site.flags.iter().position(|(name, _)| *name == "--any-age").unwrap();
    site.flags[at] = ("--max-age", "30d".to_owned());
    site.is_refused("no time to tell the age by", "timeVerified: expected a time, found none");
}

/// A name, what is done to a site where all is good, and what must be said of it.
type Attack = (&'static str, fn(&mut Site), &'static str);

const ON_THE_SUMMARY: &[Attack] = &[
    (
        "another key",
        |s| s.flag("--key", Some(&text(&fixture("keys/other-vendor.pub.pem")))),
        "expected a signature by key",
    ),
    (
        "signed by another with the gate's key id",
        |s| {
            let keyid = serde_json::from_slice::<Value>(&s.vsa).unwrap()["signatures"][0]["keyid"].clone();
            let payload = statement_of(&s.vsa).to_string();
            s.vsa = envelope(IN_TOTO, payload.as_bytes(), &["other-vendor"]).into_bytes();
            s.envelope(|e| e["signatures"][0]["keyid"] = keyid);
        },
        "1 signature by none of them over these bytes",
    ),
    (
        "a broken signature",
        |s| {
            s.envelope(|e| {
                let mut bytes = unbase64(e["signatures"][0]["sig"].as_str().unwrap());
                bytes[5] ^= 1;
                e["signatures"][0]["sig"] = json!(base64(&bytes));
            })
        },
        "1 signature by none of them over these bytes",
    ),
    ("no signature", |s| s.envelope(|e| e["signatures"] = json!([])), "found no signature"),
    (
        "another payload",
        |s| {
            s.envelope(|e| {
                let mut payload = unbase64(e["payload"].as_str().unwrap());
                let last = payload.len() - 1;
                payload[last] = b' ';
                e["payload"] = json!(base64(&payload));
            })
        },
        "1 signature by none of them over these bytes",
    ),
    (
        "another payload type",
        |s| {
            let payload = statement_of(&s.vsa).to_string();
            s.vsa = envelope("application/json", payload.as_bytes(), &[GATE]).into_bytes();
        },
        "expected payload type",
    ),
    (
        "the type changed after signing",
        |s| s.envelope(|e| e["payloadType"] = json!("text/plain")),
        "expected payload type",
    ),
    (
        "another predicate type",
        |s| s.resign(|t| t["predicateType"] = json!("https://slsa.dev/verification_summary/v2")),
        "predicateType: expected",
    ),
    (
        "an older predicate type",
        |s| s.resign(|t| t["predicateType"] = json!("https://slsa.dev/verification_summary/v0.2")),
        "predicateType: expected",
    ),
    (
        "a manifest signed by the gate",
        |s| s.vsa = envelope(IN_TOTO, &Scene::whole().payload(), &[GATE]).into_bytes(),
        "predicateType: expected",
    ),
    (
        "another statement type",
        |s| s.resign(|t| t["_type"] = json!("https://in-toto.io/Statement/v0.1")),
        "_type: expected",
    ),
    (
        "a duplicated key",
        |s| {
            let text = statement_of(&s.vsa).to_string().replacen(
                "\"verificationResult\":",
                "\"verificationResult\":\"FAILED\",\"verificationResult\":",
                1,
            );
            s.sign(text.as_bytes());
        },
        "given twice",
    ),
    (
        "a duplicated key in the envelope",
        |s| {
            s.vsa =
                String::from_utf8(s.vsa.clone()).unwrap().replacen('{', "{\"payload\":\"\",", 1).into_bytes();
        },
        "given twice",
    ),
    ("trailing bytes", |s| s.vsa.extend_from_slice(b"{}"), "trailing"),
    (
        "trailing bytes in the payload",
        |s| {
            let text = statement_of(&s.vsa).to_string() + "{}";
            s.sign(text.as_bytes());
        },
        "trailing",
    ),
    ("empty", |s| s.vsa.clear(), "not a DSSE envelope"),
    ("no subjects", |s| s.resign(|t| t["subject"] = json!([])), "expected at least one artifact"),
    (
        "a subject without digests",
        |s| s.resign(|t| t["subject"][3]["digest"] = json!({})),
        "subject 4: expected a digest by sha256 or stronger",
    ),
    (
        "a digest by a weaker algorithm only",
        |s| {
            s.resign(|t| {
                t["subject"][3]["digest"] = json!({ "sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709" });
            })
        },
        "subject 4: expected a digest by sha256 or stronger",
    ),
    (
        "a digest by an unknown algorithm only",
        |s| s.resign(|t| t["subject"][3]["digest"] = json!({ "SHA256": "00" })),
        "subject 4: expected a digest by sha256 or stronger",
    ),
    (
        "half a digest",
        |s| s.resign(|t| t["subject"][3]["digest"]["sha256"] = json!("00")),
        "subject 4: expected 64 lowercase hex digits",
    ),
    (
        "FAILED",
        |s| s.resign(|t| t["predicate"]["verificationResult"] = json!("FAILED")),
        "verificationResult: expected PASSED, found FAILED",
    ),
    (
        "another word",
        |s| s.resign(|t| t["predicate"]["verificationResult"] = json!("passed")),
        "expected PASSED or FAILED",
    ),
    (
        "PASSED and FAILED",
        |s| s.resign(|t| t["predicate"]["verifiedLevels"] = json!(["so12.malware-scan", "FAILED"])),
        "expected no FAILED",
    ),
    (
        "no result",
        |s| s.resign(|t| drop(t["predicate"].as_object_mut().unwrap().remove("verificationResult"))),
        "missing field",
    ),
    (
        "no levels at all",
        |s| s.resign(|t| drop(t["predicate"].as_object_mut().unwrap().remove("verifiedLevels"))),
        "missing field",
    ),
    (
        "a level lacking",
        |s| s.flag("--level", Some("so12.transition-handover")),
        "verifiedLevels: expected so12.transition-handover among them",
    ),
    (
        "a level of SLSA's",
        |s| s.flag("--level", Some("SLSA_BUILD_LEVEL_1")),
        "verifiedLevels: expected SLSA_BUILD_LEVEL_1",
    ),
    (
        "another verifier",
        |s| s.flag("--verifier-id", Some("urn:dropgate:gate:Other%20Telecom")),
        "verifier.id: expected urn:dropgate:gate:Other%20Telecom, found urn:dropgate:gate:Example%20Telecom",
    ),
    (
        "another spelling of the verifier",
        |s| s.flag("--verifier-id", Some("urn:dropgate:gate:example%20telecom")),
        "verifier.id: expected",
    ),
    (
        "another resource",
        |s| s.flag("--resource-uri", Some("urn:dropgate:release:Acme%20Networks/radio-7/4.2.2")),
        "resourceUri: expected",
    ),
    (
        "too old by a second",
        |s| s.flag("--at", Some("2026-02-19T12:00:01Z")),
        "timeVerified: expected at most 30d before 2026-02-19T12:00:01Z, found 2026-01-20T12:00:00Z",
    ),
    (
        "from the future",
        |s| s.flag("--at", Some("2026-01-20T11:54:59Z")),
        "timeVerified: expected a time that is not in the future",
    ),
    (
        "a time without zone",
        |s| s.resign(|t| t["predicate"]["timeVerified"] = json!("2026-01-20T12:00:00")),
        "expected a date and time with its zone",
    ),
    (
        "another policy, by its digest",
        |s| {
            s.flag("--policy", None);
            s.flag("--policy-digest", Some(&"0".repeat(64)));
        },
        "policy.digest: expected sha256 0000",
    ),
    ("a pack more", |s| s.flags.push(("--policy", pack("start"))), "policy.digest: expected sha256"),
    ("a pack less", |s| drop(s.flags.pop()), "policy.digest: expected sha256"),
    (
        "no digest of the policy",
        |s| s.resign(|t| drop(t["predicate"]["policy"].as_object_mut().unwrap().remove("digest"))),
        "policy.digest: expected sha256",
    ),
];

const ON_THE_FILES: &[Attack] = &[
    (
        "other bytes",
        |s| fs::write(s.scene.file("firmware/radio.bin"), "other").unwrap(),
        "firmware/radio.bin: expected sha256",
    ),
    (
        "two files exchanged",
        |s| {
            let [a, b] = ["firmware/radio.bin", "firmware/boot.img"].map(|name| s.scene.file(name));
            let bytes = fs::read(&a).unwrap();
            fs::copy(&b, &a).unwrap();
            fs::write(&b, bytes).unwrap();
            // One fault for each of the two; what is asked here is one.
            s.resign(|t| {
                t["subject"].as_array_mut().unwrap().retain(|one| one["name"] != "firmware/boot.img")
            });
            fs::remove_file(&b).unwrap();
        },
        "firmware/radio.bin: expected sha256",
    ),
    (
        "one of two digests is another",
        |s| {
            s.resign(|t| {
                let subjects = t["subject"].as_array_mut().unwrap();
                let radio = subjects.iter_mut().find(|one| one["name"] == "firmware/radio.bin").unwrap();
                radio["digest"]["sha512"] = json!("0".repeat(128));
            })
        },
        "firmware/radio.bin: expected sha512 0000",
    ),
    (
        "a file left out",
        |s| fs::remove_file(s.scene.file("firmware/radio.bin")).unwrap(),
        "firmware/radio.bin: expected the file that the summary is about, found no such file",
    ),
    (
        "a subject left out",
        |s| {
            s.resign(|t| {
                t["subject"].as_array_mut().unwrap().retain(|one| one["name"] != "firmware/radio.bin")
            })
        },
        "firmware/radio.bin: expected nothing that the summary is not about, found a file",
    ),
    (
        "a file more",
        |s| fs::write(s.scene.file("firmware/.hidden"), "").unwrap(),
        "firmware/.hidden: expected nothing",
    ),
    (
        "a link more",
        |s| std::os::unix::fs::symlink("radio.bin", s.scene.file("firmware/link")).unwrap(),
        "firmware/link: expected nothing that the summary is not about, found a symbolic link",
    ),
    (
        "a link in the place of a file",
        |s| {
            let (file, moved) = (s.scene.file("firmware/radio.bin"), s.scene.home.path().join("radio.bin"));
            fs::rename(&file, &moved).unwrap();
            std::os::unix::fs::symlink(moved, file).unwrap();
        },
        "firmware/radio.bin: expected the file that the summary is about, found a symbolic link",
    ),
    (
        "a directory in the place of a file",
        |s| {
            fs::remove_file(s.scene.file("firmware/radio.bin")).unwrap();
            fs::create_dir(s.scene.file("firmware/radio.bin")).unwrap();
        },
        "firmware/radio.bin: expected the file that the summary is about, found a directory",
    ),
    (
        "a name in other case",
        |s| {
            s.resign(|t| {
                t["subject"].as_array_mut().unwrap().retain(|one| one["name"] != "firmware/radio.bin")
            });
            fs::rename(s.scene.file("firmware/radio.bin"), s.scene.file("firmware/RADIO.bin")).unwrap();
        },
        "firmware/RADIO.bin: expected nothing",
    ),
    (
        "a script in the place of evidence",
        |s| fs::write(s.scene.file("evidence/run.dsse.json"), "#!/bin/sh\n").unwrap(),
        "evidence/run.dsse.json: expected an envelope over one of the summary's inputAttestations, found not a DSSE envelope",
    ),
    (
        "evidence that the gate did not see",
        |s| {
            let text = envelope(IN_TOTO, b"{}", &["lab"]);
            fs::write(s.scene.file("evidence/more.dsse.json"), text).unwrap();
        },
        "evidence/more.dsse.json: expected an envelope over one of the summary's inputAttestations, found one over sha256",
    ),
    (
        "another manifest",
        |s| s.scene.resign(|t| t["predicate"]["sequence"] = json!(99)),
        "drop.dsse.json: expected an envelope over the manifest among the summary's inputAttestations",
    ),
    (
        "the baseline's manifest, which is an input too",
        |s| {
            fs::copy(fixture("baseline/drop/drop.dsse.json"), s.scene.file("drop.dsse.json"))
                .map(drop)
                .unwrap()
        },
        "drop.dsse.json: expected an envelope over the manifest among the summary's inputAttestations",
    ),
    (
        "a subject with a path that escapes",
        |s| {
            s.resign(|t| {
                t["subject"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({ "name": "../x", "digest": { "sha256": "0".repeat(64) } }));
            })
        },
        "subject 14: expected the path of an artifact",
    ),
    (
        "a subject without a name",
        |s| {
            s.resign(|t| {
                t["subject"].as_array_mut().unwrap().push(json!({ "digest": { "sha256": "0".repeat(64) } }));
            })
        },
        "subject 14: expected a path",
    ),
    (
        "a subject twice",
        |s| {
            s.resign(|t| {
                let first = t["subject"][0].clone();
                t["subject"].as_array_mut().unwrap().push(first);
            })
        },
        "expected one subject of this name, found two",
    ),
    (
        "a single file with other bytes",
        |s| {
            s.only(&["firmware/radio.bin", "firmware/boot.img"]);
            fs::write(s.scene.file("firmware/radio.bin"), "other").unwrap();
        },
        "radio.bin: expected the bytes of a subject, found those of none, sha256",
    ),
    (
        "a single file, one of two digests another",
        |s| {
            s.only(&["firmware/radio.bin"]);
            s.resign(|t| {
                for subject in t["subject"].as_array_mut().unwrap() {
                    subject["digest"]["sha512"] = json!("0".repeat(128));
                }
            });
        },
        "radio.bin: expected sha512 0000",
    ),
    (
        "a single file that is a link",
        |s| {
            s.only(&["firmware/radio.bin", "link"]);
            std::os::unix::fs::symlink("firmware/radio.bin", s.scene.file("link")).unwrap();
        },
        "link: expected a regular file, found a symbolic link",
    ),
    (
        "a directory given as a file",
        |s| s.only(&["firmware/radio.bin", "firmware"]),
        "firmware: expected a regular file, found a directory",
    ),
    (
        "a single file that is no subject",
        |s| s.only(&["firmware/radio.bin", "evidence/sbom.dsse.json"]),
        "sbom.dsse.json: expected the bytes of a subject",
    ),
];

#[test]
fn a_summary_that_is_not_the_one_expected_is_refused() {
    for (claim, attack, says) in ON_THE_SUMMARY {
        let mut site = Site::good();
        attack(&mut site);
        site.is_refused(claim, says);
    }
}

#[test]
fn files_that_the_gate_did_not_accept_are_refused() {
    for (claim, attack, says) in ON_THE_FILES {
        let mut site = Site::good();
        attack(&mut site);
        site.is_refused(claim, says);
    }
}

#[test]
fn nothing_passes_by_omission() {
    for missing in ["--key", "--drop", "--verifier-id", "--resource-uri", "--policy", "--max-age"] {
        let mut site = Site::good();
        site.flag(missing, None);
        let output = site.verify();
        assert_eq!(output.status.code(), Some(2), "{missing}: {}", said(&output));
        assert!(said(&output).contains("required arguments"), "{missing}: {}", said(&output));
        // Said in so many words.
        let any = match missing {
            "--verifier-id" => "--any-verifier",
            "--resource-uri" => "--any-resource",
            "--policy" => "--any-policy",
            "--max-age" => "--any-age",
            _ => continue,
        };
        site.flag(any, Some(""));
        site.is_good(any);
    }
    // Both at once, and it would be open which of them holds.
    for (one, other) in
        [("--any-policy", ""), ("--any-age", ""), ("--any-resource", ""), ("--any-verifier", "")]
    {
        let mut site = Site::good();
        site.flag(one, Some(other));
        assert_eq!(site.verify().status.code(), Some(2), "{one}");
    }
    let mut site = Site::good();
    site.files.push(site.scene.file("firmware/radio.bin"));
    assert_eq!(site.verify().status.code(), Some(2), "files and a directory");
}

#[test]
fn what_can_not_be_looked_at_is_neither_good_nor_refused() {
    let cases: &[Attack] = &[
        ("no such file", |s| s.only(&["firmware/radio.bin", "none"]), "can't look at"),
        ("no such directory", |s| s.flag("--drop", Some("/nowhere/at/all")), "can't open the drop"),
        ("no such key", |s| s.flag("--key", Some("/nowhere.pem")), "can't read"),
        ("a private key", |s| s.flag("--key", Some(&text(&key(GATE)))), "this is a private key"),
        ("no such pack", |s| s.flags.push(("--policy", "/nowhere.toml".to_owned())), "/nowhere.toml"),
        (
            "a digest that is none",
            |s| {
                s.flag("--policy", None);
                s.flag("--policy-digest", Some("12"));
            },
            "64 lowercase hex digits",
        ),
        ("a period that is none", |s| s.flag("--max-age", Some("30")), "whole number and a unit"),
    ];
    for (claim, attack, says) in cases {
        let mut site = Site::good();
        attack(&mut site);
        let output = site.verify();
        assert_eq!(output.status.code(), Some(2), "{claim}: {}", said(&output));
        assert!(output.stdout.is_empty() && said(&output).contains(says), "{claim}: {}", said(&output));
    }
}

#[test]
fn what_a_summary_says_is_shown_escaped() {
    let mut site = Site::good();
    site.resign(|statement| {
        statement["predicate"]["verifier"]["id"] = json!("a\u{1b}[2J\nGOOD: 13 files");
        statement["predicate"]["verifiedLevels"] = json!(["\u{202e}x"]);
        statement["subject"][0]["name"] = json!("a\u{1b}b");
    });
    let vsa = site.scene.home.path().join("vsa.json");
    fs::write(&vsa, &site.vsa).unwrap();
    let mut arguments = vec!["verify-vsa".to_owned(), text(&vsa)];
    arguments.extend(site.flags.iter().flat_map(|(name, value)| [(*name).to_owned(), value.clone()]));
    let output = dropgate(arguments);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(!text.contains(['\u{1b}', '\u{202e}']) && !text.contains("\nGOOD"), "{text}");
    assert!(text.contains(r"a\u{1b}[2J\u{a}GOOD"), "{text}");
}

// What others make of it.

/// `PUBLIC VSA`, then what slsa-verifier is told: digests, verifier, resource, levels. The signature is checked by
/// securesystemslib; the rules are those that slsa-verifier documents for verify-vsa, written anew.
const OTHERS: &str = r#"
import hashlib, json, sys
from cryptography.hazmat.primitives import serialization as s
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

public, path, told = sys.argv[1:]
told = json.loads(told)
key = s.load_pem_public_key(open(public, "rb").read())
der = key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
key = SSlibKey.from_crypto(key, keyid=hashlib.sha256(der).hexdigest())
envelope = Envelope.from_dict(json.load(open(path)))
try:
    assert len(envelope.verify([key], 1)) == 1
except Exception as error:
    sys.exit(f"signature: {error}")
if envelope.payload_type != "application/vnd.in-toto+json":
    sys.exit("payload type")
statement = json.loads(envelope.payload)
if statement["_type"] not in ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"):
    sys.exit("statement type")
if statement["predicateType"] != "https://slsa.dev/verification_summary/v1":
    sys.exit("predicate type")
have = {(by, digest) for subject in statement["subject"] for by, digest in subject["digest"].items()}
if not told["digests"] or any(tuple(one.split(":", 1)) not in have for one in told["digests"]):
    sys.exit("subject digest")
predicate = statement["predicate"]
if not predicate["verifier"]["id"] or predicate["verifier"]["id"] != told["verifier"]:
    sys.exit("verifier id")
if not all(isinstance(one, str) for pair in predicate["verifier"].get("version", {}).items() for one in pair):
    sys.exit("verifier version")
if not predicate["resourceUri"] or predicate["resourceUri"] != told["resource"]:
    sys.exit("resource uri")
if predicate["verificationResult"] != "PASSED":
    sys.exit("verification result")

def tracks(levels):
    found = {}
    for level in levels:
        if level.startswith("SLSA_"):
            slsa, track, word, number = level.split("_")
            assert word == "LEVEL"
            found[track] = max(found.get(track, 0), int(number))
    return found

have = tracks(predicate["verifiedLevels"])
if any(have.get(track, -1) < least for track, least in tracks(told["levels"]).items()):
    sys.exit("SLSA level")
if any(not one.startswith("SLSA_") and one not in predicate["verifiedLevels"] for one in told["levels"]):
    sys.exit("level")
print("PASSED")
"#;

#[test]
fn others_read_the_summary_and_come_to_the_same() {
    let python = std::env::var("DROPGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !have(&python, &["-c", "import securesystemslib, cryptography"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let scene = Scene::whole();
    let digest =
        |path: &str| format!("sha256:{}", common::case::sha256(&fs::read(scene.file(path)).unwrap()));
    let told = || {
        json!({
            "digests": [digest("firmware/radio.bin"), digest("firmware/boot.img")],
            "verifier": VERIFIER, "resource": RESOURCE, "levels": ["so12.malware-scan"],
        })
    };
    let vsa = home.path().join("vsa.json");
    let ask = |public: &str, bytes: &[u8], told: &Value| {
        fs::write(&vsa, bytes).unwrap();
        let public = fixture(&format!("keys/{public}.pub.pem"));
        let told = told.to_string();
        let arguments = ["-c", OTHERS, &text(&public), &text(&vsa), &told];
        let output = Command::new(&python).args(arguments).output().unwrap();
        said(&output).trim().to_owned()
    };
    assert_eq!(ask(GATE, good(), &told()), "PASSED");
    // And it is no rubber stamp.
    let changed = |at: &str, value: Value| {
        let mut told = told();
        told[at] = value;
        told
    };
    assert!(ask("other-vendor", good(), &told()).starts_with("signature"));
    for (at, value, says) in [
        ("digests", json!([format!("sha256:{}", "0".repeat(64))]), "subject digest"),
        ("digests", json!([]), "subject digest"),
        ("verifier", json!("urn:dropgate:gate:Other"), "verifier id"),
        ("resource", json!("urn:dropgate:release:Acme%20Networks/radio-7/4.2.0"), "resource uri"),
        ("levels", json!(["SLSA_BUILD_LEVEL_0"]), "SLSA level"),
        ("levels", json!(["so14.transition-handover"]), "level"),
    ] {
        assert_eq!(ask(GATE, good(), &changed(at, value)), says);
    }
    let rejected = home.path().join("rejected.json");
    let output = vouch(&fixture("drops/malware-found/drop"), &circumstances(), &rejected, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(ask(GATE, &fs::read(rejected).unwrap(), &told()), "verification result");
}

/// The commands of docs/vsa.md, in their order, where they say that they are run.
#[test]
fn the_commands_of_the_page_do_what_it_says() {
    for (tool, probe) in [("openssl", "version"), ("jq", "--version"), ("sha256sum", "--version")] {
        if !have(tool, &[probe]) {
            return;
        }
    }
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    for (from, to) in
        [("drops/good/drop", "drop"), ("gate", "gate"), ("keys", "keys"), ("../policies", "policies")]
    {
        copy(&fixture(from), &at(to));
    }
    let gate = fs::read_to_string(at("gate/gate.toml")).unwrap().replace("../../policies", "../policies");
    fs::write(at("gate/gate.toml"), gate).unwrap();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/vsa.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 4);
    // The shipped drop is of January 2026.
    let given = circumstances().join(" ");
    let run = |block: &str| {
        let script = block
            .replace("dropgate verify drop", &format!("dropgate verify drop {given}"))
            .replace("dropgate verify-vsa", "dropgate verify-vsa --at 2026-02-01T00:00:00Z");
        let binary = Path::new(env!("CARGO_BIN_EXE_dropgate")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let output = Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", &script])
            .env("PATH", path)
            .current_dir(home.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{block}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(blocks[0]).contains("ACCEPT"));
    assert!(run(blocks[1]).starts_with("GOOD: 13 files"));
    let digest = run(blocks[2]);
    let statement = statement_of(&fs::read(at("radio-7.vsa.json")).unwrap());
    let own = statement["predicate"]["policy"]["digest"]["sha256"].as_str().unwrap();
    assert_eq!(digest.split_whitespace().next(), Some(own), "what sha256sum makes of the packs");
    assert!(run(blocks[3]).contains("Signature Verified Successfully"));
    // The last line of that block holds the files to the subjects.
    fs::write(at("drop/firmware/radio.bin"), "other").unwrap();
    let check = "jq -r '.subject[] | .digest.sha256 + \"  \" + .name' statement.json | (cd drop && sha256sum --check --quiet)";
    assert!(blocks[3].contains(check));
    let output = Command::new("bash").args(["-o", "pipefail", "-c", check]).current_dir(home.path()).output();
    assert!(!output.unwrap().status.success());
}
