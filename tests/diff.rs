//! `dropgate diff`: what changed between two drops, told by their manifests.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Scene, dropgate, fixture};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

const AT: &str = "2026-03-01T00:00:00Z";

struct Shown {
    exit: i32,
    stdout: String,
    stderr: String,
}

fn diff(old: &Path, new: &Path, more: &[&str]) -> Shown {
    let mut arguments: Vec<&OsStr> = vec!["diff".as_ref(), old.as_os_str(), new.as_os_str()];
    arguments.extend(more.iter().map(|one| -> &OsStr { one.as_ref() }));
    let output = dropgate(arguments);
    Shown {
        exit: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The difference in JSON, which must be by the published schema.
fn compared(old: &Scene, new: &Scene) -> Value {
    by_schema(&diff(&old.drop(), &new.drop(), &["--format", "json"]))
}

fn schema() -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diff.schema.json");
    jsonschema::validator_for(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).unwrap()
}

#[track_caller]
fn by_schema(shown: &Shown) -> Value {
    assert_eq!(shown.exit, 0, "{}", shown.stderr);
    let value: Value = serde_json::from_str(&shown.stdout).unwrap();
    let errors: Vec<String> =
        schema().iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
    value
}

fn text(old: &Scene, new: &Scene, more: &[&str]) -> String {
    let shown = diff(&old.drop(), &new.drop(), more);
    assert_eq!(shown.exit, 0, "{}", shown.stderr);
    shown.stdout
}

/// The lines of changes alone.
fn changes(text: &str) -> Vec<&str> {
    let classes = ["added", "removed", "modified", "renamed", "undecided"];
    let change = |line: &&str| {
        let path = line.strip_prefix(['+', '-', '~', '>', '?']).and_then(|rest| rest.strip_prefix(' '));
        path.is_some_and(|path| !classes.iter().any(|class| path.starts_with(class)))
    };
    text.lines().filter(change).collect()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts a file into the drop and lists it by sha256.
fn put(scene: &Scene, path: &str, bytes: &[u8]) {
    fs::create_dir_all(scene.file(path).parent().unwrap()).unwrap();
    fs::write(scene.file(path), bytes).unwrap();
    list(scene, path, json!({ "sha256": sha256(bytes) }));
}

fn list(scene: &Scene, path: &str, digest: Value) {
    scene.resign(|statement| {
        let subjects = statement["subject"].as_array_mut().unwrap();
        subjects.retain(|subject| subject["name"] != path);
        subjects.push(json!({ "name": path, "digest": digest }));
    });
}

fn take_away(scene: &Scene, path: &str) {
    fs::remove_file(scene.file(path)).unwrap();
    scene.resign(|statement| {
        statement["subject"].as_array_mut().unwrap().retain(|subject| subject["name"] != path);
    });
}

fn rename(scene: &Scene, from: &str, to: &str) {
    fs::create_dir_all(scene.file(to).parent().unwrap()).unwrap();
    fs::rename(scene.file(from), scene.file(to)).unwrap();
    scene.resign(|statement| {
        let subjects = statement["subject"].as_array_mut().unwrap();
        subjects.iter_mut().find(|subject| subject["name"] == from).unwrap()["name"] = to.into();
    });
}

fn counts(value: &Value) -> [u64; 6] {
    ["added", "removed", "modified", "renamed", "undecided", "unchanged"]
        .map(|class| value["totals"][class]["files"].as_u64().unwrap())
}

fn codes(value: &Value) -> Vec<&str> {
    value["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

#[test]
fn identical_drops_do_not_differ() {
    let scene = Scene::good();
    let value = compared(&scene, &Scene::good());
    assert_eq!(counts(&value), [0, 0, 0, 0, 0, 3]);
    assert_eq!((&value["differs"], &value["verified"]), (&json!(false), &Value::Null));
    assert!(codes(&value).is_empty());
    let text = text(&scene, &scene, &["--exit-code"]);
    assert!(text.starts_with("UNVERIFIED: "), "{text}");
    assert!(changes(&text).is_empty(), "{text}");
    assert!(text.contains("= unchanged         3\n"), "{text}");
}

#[test]
fn each_kind_of_change_has_its_line_and_its_class() {
    let (old, new) = (Scene::good(), Scene::good());
    put(&old, "docs/z", b"leaves");
    put(&old, "images/one.img", b"same bytes");
    put(&new, "docs/new.txt", b"12345");
    put(&new, "firmware/radio.bin", b"123456789");
    put(&new, "images/two.img", b"same bytes");
    let value = compared(&old, &new);
    assert_eq!(counts(&value), [1, 1, 1, 1, 0, 2]);
    assert_eq!(value["differs"], true);
    assert_eq!(value["added"][0]["path"], "docs/new.txt");
    assert_eq!(value["added"][0]["size"], 5);
    assert_eq!(value["added"][0]["digest"]["sha256"], sha256(b"12345"));
    assert_eq!(value["removed"][0]["path"], "docs/z");
    assert_eq!(value["modified"][0]["new"]["path"], "firmware/radio.bin");
    assert_eq!(value["modified"][0]["contradictory"], false);
    assert_eq!(value["renamed"][0]["old"]["path"], "images/one.img");
    assert_eq!(value["renamed"][0]["new"]["path"], "images/two.img");
    assert_eq!(value["totals"]["added"]["bytes"], 5);
    assert_eq!(value["totals"]["removed"]["bytes"], 6);
    let was = fs::metadata(old.file("firmware/radio.bin")).unwrap().len();
    let change = 9 - i64::try_from(was).unwrap();
    assert_eq!(
        changes(&text(&old, &new, &[])),
        [
            "+ docs/new.txt  5".to_owned(),
            "- docs/z  6".to_owned(),
            format!("~ firmware/radio.bin  {was} -> 9 ({change:+} bytes)"),
            "> images/one.img  -> images/two.img".to_owned(),
        ]
    );
}

#[test]
fn the_exit_code_tells_only_when_it_is_asked() {
    let (old, new) = (Scene::good(), Scene::good());
    take_away(&new, "docs/release-notes.txt");
    assert_eq!(diff(&old.drop(), &new.drop(), &[]).exit, 0);
    assert_eq!(diff(&old.drop(), &new.drop(), &["--exit-code"]).exit, 1);
    assert_eq!(diff(&old.drop(), &old.drop(), &["--exit-code"]).exit, 0);
    assert_eq!(diff(&old.drop(), &new.file("none"), &["--exit-code"]).exit, 2);
}

#[test]
fn swapped_names_are_two_modifications() {
    let (old, new) = (Scene::good(), Scene::good());
    rename(&new, "firmware/boot.img", "swap");
    rename(&new, "firmware/radio.bin", "firmware/boot.img");
    rename(&new, "swap", "firmware/radio.bin");
    assert_eq!(counts(&compared(&old, &new)), [0, 0, 2, 0, 0, 1]);
}

#[test]
fn renamed_and_modified_is_removed_and_added() {
    let (old, new) = (Scene::good(), Scene::good());
    take_away(&new, "firmware/boot.img");
    put(&new, "firmware/boot2.img", b"other");
    assert_eq!(counts(&compared(&old, &new)), [1, 1, 0, 0, 0, 2]);
}

#[test]
fn of_duplicate_contents_the_same_file_name_is_the_rename() {
    let (old, new) = (Scene::good(), Scene::good());
    put(&old, "a/x.bin", b"same");
    put(&old, "a/y.bin", b"same");
    put(&new, "b/0.bin", b"same");
    put(&new, "b/y.bin", b"same");
    put(&new, "c/0.bin", b"same");
    let value = compared(&old, &new);
    let renamed: Vec<(&str, &str)> = value["renamed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair["old"]["path"].as_str().unwrap(), pair["new"]["path"].as_str().unwrap()))
        .collect();
    assert_eq!(renamed, [("a/x.bin", "b/0.bin"), ("a/y.bin", "b/y.bin")]);
    assert_eq!(counts(&value), [1, 0, 0, 2, 0, 3]);
}

#[test]
fn the_digests_in_common_decide() {
    let path = "firmware/boot.img";
    let (one, two) = ("1".repeat(64), "2".repeat(64));
    let long = "1".repeat(128);
    let cases = [
        ("one in common, equal", json!({ "sha256": one }), json!({ "sha256": one, "sha512": long }), 0, 0),
        ("one in common, other", json!({ "sha256": one }), json!({ "sha256": two, "sha512": long }), 1, 0),
        ("none in common", json!({ "sha256": one }), json!({ "sha512": long }), 0, 1),
        ("weak ones only", json!({ "md5": one }), json!({ "md5": one }), 0, 1),
        (
            "a contradiction",
            json!({ "sha256": one, "blake3": one }),
            json!({ "sha256": one, "blake3": two }),
            1,
            0,
        ),
    ];
    for (claim, before, after, modified, undecided) in cases {
        let (old, new) = (Scene::good(), Scene::good());
        list(&old, path, before);
        list(&new, path, after);
        let value = compared(&old, &new);
        assert_eq!(counts(&value), [0, 0, modified, 0, undecided, 3 - modified - undecided], "{claim}");
        let differs = modified + undecided > 0;
        assert_eq!(value["differs"], differs, "{claim}");
        let shown = diff(&old.drop(), &new.drop(), &["--exit-code"]);
        assert_eq!(shown.exit, i32::from(differs), "{claim}");
        match claim {
            "none in common" => {
                assert!(codes(&value).contains(&"digests-not-comparable"));
                assert!(shown.stdout.contains("? firmware/boot.img  "), "{}", shown.stdout);
                assert!(shown.stdout.contains("sha256 against sha512"), "{}", shown.stdout);
            }
            "a contradiction" => {
                assert!(codes(&value).contains(&"digests-contradict"));
                assert_eq!(value["modified"][0]["contradictory"], true);
                assert!(shown.stdout.contains("digests contradict each other"), "{}", shown.stdout);
            }
            _ => {}
        }
    }
}

#[test]
fn a_name_cannot_pass_for_another_column_or_line() {
    let (old, new) = (Scene::good(), Scene::good());
    for path in ["a  5 -> 5 (+0 bytes)", "b -> c", "\"d\"", "e\u{301}", "-> f"] {
        put(&new, path, b"x");
    }
    assert_eq!(
        changes(&text(&old, &new, &[])),
        [
            "+ \"\\\"d\\\"\"                 1",
            "+ \"-> f\"                  1",
            "+ \"a  5 -> 5 (+0 bytes)\"  1",
            "+ \"b -> c\"                1",
            "+ e\u{301}                      1",
        ]
    );
    compared(&old, &new);
}

#[test]
fn what_deceives_a_terminal_does_not_reach_it() {
    let (old, new) = (Scene::good(), Scene::good());
    for path in ["a\u{1b}[2J", "a\n+ forged  1", "a\u{202e}b"] {
        list(&new, path, json!({ "sha256": "1".repeat(64) }));
        let shown = diff(&old.drop(), &new.drop(), &[]);
        assert_eq!(shown.exit, 2);
        assert!(shown.stdout.is_empty());
        assert!(!shown.stderr.contains(['\u{1b}', '\u{202e}']), "{}", shown.stderr);
        assert!(!shown.stderr.contains("\n+ "), "{}", shown.stderr);
        new.resign(|statement| {
            statement["subject"].as_array_mut().unwrap().pop();
        });
    }
    let odd = old.home.path().join("dr\u{1b}op\n");
    fs::rename(old.drop(), &odd).unwrap();
    let shown = diff(&odd, &new.drop(), &[]);
    assert_eq!(shown.exit, 0, "{}", shown.stderr);
    assert!(shown.stdout.contains("dr\\u{1b}op\\u{a}\n"), "{}", shown.stdout);
}

#[test]
fn ten_thousand_changes_stay_readable() {
    let (old, new) = (Scene::good(), Scene::good());
    new.resign(|statement| {
        let subjects = statement["subject"].as_array_mut().unwrap();
        for number in 0..10_000 {
            let digest = json!({ "sha256": format!("{number:064x}") });
            subjects.push(json!({ "name": format!("many/{number:05}"), "digest": digest }));
        }
        subjects.retain(|subject| subject["name"] != "docs/release-notes.txt");
    });
    let short = text(&old, &new, &[]);
    assert!(short.lines().count() < 100, "{short}");
    assert!(
        short.contains("  ... and 9950 more added; all of them with --all or --format json\n"),
        "{short}"
    );
    assert!(short.contains("- docs/release-notes.txt"), "one class does not hide another: {short}");
    assert!(short.contains("+ added         10000  -\n"), "not there, so of no known size: {short}");
    let long = text(&old, &new, &["--all"]);
    assert_eq!(changes(&long).len(), 10_001);
    assert!(!long.contains("... and"));
    let value = compared(&old, &new);
    assert_eq!(counts(&value), [10_000, 1, 0, 0, 0, 2]);
    assert_eq!(value["added"].as_array().unwrap().len(), 10_000);
    assert_eq!(value["totals"]["added"]["bytes"], Value::Null);
}

#[test]
fn what_is_odd_about_the_two_releases_is_a_warning() {
    type Change = fn(&mut Value);
    let cases: BTreeMap<&str, Change> = BTreeMap::from([
        ("other-vendor", (|p| p["vendor"] = "Zenith".into()) as Change),
        ("other-product", |p| p["product"] = "core-2".into()),
        ("sequence-not-advancing", |p| p["sequence"] = 16.into()),
        ("replaces-another", |p| {
            p["replaces"] = json!({ "version": "4.1", "manifest": { "sha256": "1".repeat(64) } });
        }),
    ]);
    for (code, change) in cases {
        let (old, new) = (Scene::good(), Scene::good());
        new.resign(|statement| {
            statement["predicate"]["sequence"] = 18.into();
            change(&mut statement["predicate"]);
        });
        let value = compared(&old, &new);
        assert_eq!(codes(&value), [code]);
        assert_eq!(value["differs"], false, "files alone decide");
        assert_eq!(text(&old, &new, &[]).matches("warning: ").count(), 1);
    }
}

#[test]
fn that_new_replaces_old_is_said() {
    let (old, new) = (Scene::good(), Scene::good());
    assert_eq!(compared(&old, &new)["replaces"], "unsaid");
    let digest = sha256(&old.payload());
    new.resign(|statement| {
        statement["predicate"]["sequence"] = 18.into();
        statement["predicate"]["version"] = "4.2.2".into();
        statement["predicate"]["kind"] = "software-update".into();
        statement["predicate"]["replaces"] = json!({ "version": "4.2.1", "manifest": { "sha256": digest } });
    });
    let value = compared(&old, &new);
    assert_eq!(value["replaces"], "old");
    assert!(codes(&value).is_empty());
    assert_eq!(value["new"]["release"]["version"], "4.2.2");
    let text = text(&old, &new, &[]);
    assert!(text.contains("NEW says that it replaces OLD\n"), "{text}");
    for row in
        ["version   4.2.1", "version   4.2.2", "sequence  17", "sequence  18", "kind      software-update"]
    {
        assert!(text.contains(row), "{row}: {text}");
    }
}

#[test]
fn a_manifest_alone_has_no_sizes() {
    let (old, new) = (Scene::good(), Scene::good());
    put(&new, "new", b"12345");
    put(&new, "firmware/boot.img", b"12345");
    let (before, after) = (old.file("drop.dsse.json"), new.file("drop.dsse.json"));
    let value = by_schema(&diff(&before, &after, &["--format", "json"]));
    assert_eq!(value["added"][0]["size"], Value::Null);
    assert_eq!(value["old"]["bytes"], Value::Null);
    let shown = diff(&before, &new.drop(), &[]);
    assert_eq!(changes(&shown.stdout), ["+ new  5", "~ firmware/boot.img  - -> 5"]);
}

#[test]
fn with_a_gate_both_manifests_must_be_signed() {
    let (old, new) = (Scene::good(), Scene::good());
    let gate = fixture("gate/gate.toml");
    let gate = gate.to_str().unwrap();
    let by_gate = ["--gate", gate, "--at", AT];
    put(&new, "new", b"12345");
    let shown = diff(&old.drop(), &new.drop(), &by_gate);
    assert_eq!(shown.exit, 0, "{}", shown.stderr);
    assert!(shown.stdout.starts_with("SIGNED: "), "{}", shown.stdout);
    assert!(shown.stdout.contains(AT), "{}", shown.stdout);
    assert_eq!(shown.stdout.matches("signed by Jane Doe (acme-release)\n").count(), 2, "{}", shown.stdout);
    let json = [by_gate.as_slice(), &["--format", "json"]].concat();
    let value = by_schema(&diff(&old.drop(), &new.drop(), &json));
    assert_eq!(value["verified"]["at"], AT);
    assert_eq!(value["new"]["signers"][0]["key"], "acme-release");

    let later = ["--gate", gate, "--at", "2126-01-01T00:00:00Z"];
    assert_eq!(diff(&old.drop(), &new.drop(), &later).exit, 2, "no key is valid then");
    assert_eq!(diff(&old.drop(), &new.drop(), &["--at", AT]).exit, 2, "--at means nothing without --gate");
    for stranger in ["stranger", "acme-other-product", "lab"] {
        new.sign(&new.payload(), &[stranger]);
        for (one, two) in [(&old, &new), (&new, &old)] {
            let shown = diff(&one.drop(), &two.drop(), &by_gate);
            assert_eq!(shown.exit, 2, "{stranger}: {}", shown.stdout);
            assert!(shown.stdout.is_empty());
        }
        assert_eq!(diff(&old.drop(), &new.drop(), &[]).exit, 0, "unverified it may be looked at");
    }
}

#[test]
fn a_gate_inside_of_a_drop_is_the_vendors() {
    let (old, new) = (Scene::good(), Scene::good());
    common::copy(&fixture("gate"), &new.file("gate"));
    let gate = new.file("gate/gate.toml");
    for (one, two) in [(&old, &new), (&new, &old)] {
        let shown = diff(&one.drop(), &two.drop(), &["--gate", gate.to_str().unwrap()]);
        assert_eq!(shown.exit, 2);
        assert!(shown.stderr.contains("lies inside the drop"), "{}", shown.stderr);
    }
}

#[test]
fn what_can_not_be_read_is_not_compared() {
    let good = Scene::good();
    type Break = (&'static str, fn(&Scene), &'static str);
    let breaks: [Break; 6] = [
        ("no manifest", |s| fs::remove_file(s.file("drop.dsse.json")).unwrap(), "no such file"),
        ("no envelope", |s| fs::write(s.file("drop.dsse.json"), "{}").unwrap(), "read the manifest of"),
        ("another statement", |s| s.resign(|p| p["predicateType"] = "x".into()), "predicateType"),
        (
            "a path twice",
            |s| {
                s.resign(|p| {
                    let subjects = p["subject"].as_array_mut().unwrap();
                    subjects.push(subjects[0].clone());
                });
            },
            "found it twice",
        ),
        (
            "a link for a manifest",
            |s| {
                fs::rename(s.file("drop.dsse.json"), s.home.path().join("real")).unwrap();
                std::os::unix::fs::symlink("../real", s.file("drop.dsse.json")).unwrap();
            },
            "a symbolic link",
        ),
        ("no drop", |s| fs::remove_dir_all(s.drop()).unwrap(), "can't read"),
    ];
    for (claim, change, says) in breaks {
        let broken = Scene::good();
        change(&broken);
        for (one, two) in [(&good, &broken), (&broken, &good)] {
            let shown = diff(&one.drop(), &two.drop(), &[]);
            assert_eq!(shown.exit, 2, "{claim}");
            assert!(shown.stdout.is_empty(), "{claim}");
            assert!(shown.stderr.contains(says), "{claim}: {}", shown.stderr);
        }
    }
}

#[test]
fn the_schema_lets_nothing_else_through() {
    let (old, new) = (Scene::good(), Scene::good());
    put(&new, "new", b"12345");
    let value = compared(&old, &new);
    let schema = schema();
    type Break = (&'static str, fn(&mut Value));
    let breaks: [Break; 5] = [
        ("another member", |v| v["surprise"] = true.into()),
        ("another version", |v| v["version"] = 2.into()),
        ("a member less", |v| drop(v.as_object_mut().unwrap().remove("undecided"))),
        ("a file without a path", |v| drop(v["added"][0].as_object_mut().unwrap().remove("path"))),
        ("verified by nobody", |v| {
            v["verified"] = json!({ "at": AT, "trustStore": { "sha256": "1".repeat(64) } });
        }),
    ];
    for (claim, change) in breaks {
        let mut broken = value.clone();
        change(&mut broken);
        assert!(!schema.is_valid(&broken), "{claim}");
    }
}
