//! `dropgate ledger list`, `show` and `export` tell what the log says, whatever the index says.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod common;

use common::ledger::{Facts, NAME, Said, Scene, digest, signing_key, write};
use common::{dropgate, fixture};
use dropgate::digest::DocumentDigest;
use dropgate::ledger::answer::{Answer, Source};
use dropgate::ledger::documents::Documents;
use dropgate::ledger::query::Query;
use dropgate::verdict::Decision;
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Six entries, each with something of its own.
fn six() -> Vec<Facts> {
    let at = |hour: u32| format!("2026-01-20T{hour:02}:00:00Z");
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    vec![
        Facts { recorded_at: at(1), ..Facts::default() },
        Facts { recorded_at: at(2), accept: false, version: "4.2.2".to_owned(), ..Facts::default() },
        Facts {
            recorded_at: at(3),
            waived: Some("OPS-7".to_owned()),
            version: "4.2.3".to_owned(),
            files: vec![file("a/radio.bin", "shared"), file("b/copy.bin", "shared"), file("c", "other")],
            ..Facts::default()
        },
        Facts {
            recorded_at: at(4),
            vendor: "Borealis".to_owned(),
            product: "core".to_owned(),
            key: "borealis-release".to_owned(),
            files: vec![file("core.img", "shared")],
            ..Facts::default()
        },
        Facts { recorded_at: at(5), unverified: true, user: "alice".to_owned(), ..Facts::default() },
        Facts {
            recorded_at: at(6),
            admit: true,
            version: "4.3.0".to_owned(),
            user: "alice".to_owned(),
            ..Facts::default()
        },
    ]
}

fn list(scene: &Scene, more: &[&str]) -> Said {
    let mut command = vec!["list", "--format", "json"];
    command.extend(more);
    scene.run(&command)
}

#[test]
fn each_filter_finds_what_it_names() {
    let scene = Scene::of(&six());
    let (shared, manifest) = (digest("shared").to_string(), digest("Borealis core 4.2.1").to_string());
    let (key, waiver) = (digest("borealis-release").to_string(), digest("OPS-7").to_string());
    let cases: &[(&[&str], &[u64])] = &[
        (&[], &[0, 1, 2, 3, 4, 5]),
        (&["--vendor", "Borealis"], &[3]),
        (&["--vendor", "borealis"], &[]),
        (&["--product", "radio-7"], &[0, 1, 2, 5]),
        (&["--version", "4.2.1"], &[0, 3]),
        (&["--verdict", "reject"], &[1, 4]),
        (&["--verdict", "ACCEPT", "--vendor", "Acme Networks"], &[0, 2, 5]),
        (&["--control", "so12.malware-scan"], &[0, 1, 2, 3, 4, 5]),
        (&["--control", "so12.malware-scan", "--outcome", "waived"], &[2]),
        (&["--control", "so12.manifest-complete", "--outcome", "fail"], &[1]),
        (&["--control", "so99.none"], &[]),
        (&["--waived"], &[2]),
        (&["--waiver", "OPS-7"], &[2]),
        (&["--waiver", &waiver], &[2]),
        (&["--artifact", &shared], &[2, 3]),
        (&["--artifact", &shared, "--vendor", "Borealis"], &[3]),
        (&["--manifest", &manifest], &[3]),
        (&["--key", "borealis-release"], &[3]),
        (&["--key", &key], &[3]),
        (&["--since", "2026-01-20T03:00:00Z", "--until", "2026-01-20T05:00:00Z"], &[2, 3]),
        (&["--since", "2026-01-20T07:00:00+02:00"], &[4, 5]),
        (&["--action", "admit"], &[5]),
        (&["--user", "alice"], &[4, 5]),
        (&["--user", "alice", "--verdict", "accept"], &[5]),
        (&["--limit", "2"], &[4, 5]),
        (&["--limit", "1", "--vendor", "Acme Networks", "--verdict", "accept"], &[5]),
        (&["--limit", "0"], &[]),
    ];
    for (filter, expected) in cases {
        let said = list(&scene, filter).exits(0);
        assert_eq!(said.indices(), *expected, "{filter:?}");
        let mut scanned = filter.to_vec();
        scanned.push("--scan");
        assert_eq!(list(&scene, &scanned).exits(0).indices(), *expected, "{filter:?} by --scan");
    }
    for (claim, wrong) in [
        ("a time without a zone", ["--since", "2026-01-20"]),
        ("a digest cut short", ["--artifact", "ab"]),
        ("another word", ["--verdict", "maybe"]),
        ("an outcome of no control", ["--outcome", "fail"]),
    ] {
        assert_eq!(list(&scene, &wrong).exit, 2, "{claim}");
    }
}

#[test]
fn the_text_stays_within_a_screen_and_escapes_names() {
    let long = "n".repeat(100);
    let mut all = six();
    all.push(Facts {
        vendor: long.clone(),
        product: long.clone(),
        version: long,
        user: "u".repeat(60),
        ..Facts::default()
    });
    all.push(Facts {
        user: "\u{1b}[2Jroot\r\u{202e}".to_owned(),
        note: Some("\u{1b}]0;x\u{7}".to_owned()),
        ..Facts::default()
    });
    let scene = Scene::of(&all);
    let said = scene.run(&["list"]).exits(0);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 9, "{}", said.stdout);
    assert!(lines.iter().all(|line| line.chars().count() <= 100), "{}", said.stdout);
    assert!(lines[0].starts_with("entry  recorded"), "{}", said.stdout);
    assert!(lines[3].contains("ACCEPT w"), "{}", said.stdout);
    assert!(lines[7].contains('…'), "{}", said.stdout);
    for command in [
        vec!["list"],
        vec!["list", "--format", "json"],
        vec!["show", "7"],
        vec!["show", "7", "--format", "json"],
        vec!["export", "--format", "csv"],
        vec!["export", "--format", "jsonl"],
    ] {
        let said = scene.run(&command).exits(0);
        assert!(!said.stdout.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{command:?}\n{}", said.stdout);
    }
    let found = scene.run(&["list", "--artifact", &digest("shared").to_string()]).exits(0);
    assert!(found.stdout.contains("\n       a/radio.bin\n       b/copy.bin\n"), "{}", found.stdout);
}

#[test]
fn nothing_found_is_said_apart_from_no_ledger() {
    let scene = Scene::of(&six());
    let said = scene.run(&["list", "--vendor", "Nobody"]).exits(0);
    assert_eq!(said.stdout, "");
    assert!(said.stderr.contains("no entry of 6 is like that"), "{}", said.stderr);
    let said = Scene::empty().run(&["list"]).exits(2);
    assert!(said.stderr.contains("there is no ledger in"), "{}", said.stderr);
}

#[test]
fn the_gate_says_where_the_ledger_is() {
    let scene = Scene::of(&six());
    let gate = fs::read_to_string(fixture("gate/gate.toml")).unwrap();
    let gate = gate
        .replace("trust.toml", fixture("gate/trust.toml").to_str().unwrap())
        .replace("../../policies", concat!(env!("CARGO_MANIFEST_DIR"), "/policies"));
    let file = scene.home.path().join("gate.toml");
    let path = file.to_str().unwrap();
    write(&file, &gate);
    let said = Said::of(dropgate(["ledger", "list", "--gate", path])).exits(2);
    assert!(said.stderr.contains("[ledger]"), "{}", said.stderr);
    write(
        &file,
        format!("{gate}\n[ledger]\ndirectory = \"ledger\"\nverifier-key = \"{}\"\n", scene.key.verifier()),
    );
    let said = Said::of(dropgate(["ledger", "list", "--format", "json", "--gate", path])).exits(0);
    assert_eq!(said.indices(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn entries_that_came_after_the_index_are_found() {
    let scene = Scene::of(&six());
    assert_eq!(list(&scene, &[]).exits(0).indices().len(), 6);
    scene.record(&six());
    assert_eq!(list(&scene, &["--vendor", "Borealis"]).exits(0).indices(), [3, 9]);
    // By now the index has them: it alone names them.
    let connection = Connection::open(scene.file("index.sqlite")).unwrap();
    let known: i64 = connection.query_row("SELECT size FROM about", [], |row| row.get(0)).unwrap();
    assert_eq!(known, 12);
}

#[test]
fn an_index_that_is_none_of_this_log_is_made_again() {
    let other = Scene::of(&[Facts { vendor: "Other".to_owned(), ..Facts::default() }]);
    list(&other, &[]).exits(0);
    let stranger =
        Scene { home: tempfile::tempdir().unwrap(), key: signing_key("ops-first", "other.example/log") };
    stranger.record(&six());
    list(&stranger, &[]).exits(0);
    type Break<'c> = (&'c str, &'c dyn Fn(&Path), &'c str);
    let cases: &[Break] = &[
        ("garbage", &|file| write(file, [7; 9000]), "not a database"),
        ("nothing at all", &|file| write(file, ""), "expected the tables"),
        (
            "another ledger's, of the same key",
            &|file| drop(fs::copy(other.file("index.sqlite"), file)),
            "cut short or replaced",
        ),
        (
            "another ledger's, of another name",
            &|file| drop(fs::copy(stranger.file("index.sqlite"), file)),
            "other.example/log",
        ),
        (
            "cut in half",
            &|file| {
                let whole = fs::read(file).unwrap();
                write(file, &whole[..whole.len() / 2]);
            },
            "index.sqlite",
        ),
        (
            "with a trigger",
            &|file| {
                let connection = Connection::open(file).unwrap();
                connection
                    .execute_batch("CREATE TRIGGER t AFTER UPDATE ON about BEGIN DELETE FROM entries; END")
                    .unwrap();
            },
            "expected the tables",
        ),
        (
            "with a view for a table",
            &|file| {
                let connection = Connection::open(file).unwrap();
                connection
                    .execute_batch("DROP TABLE unreadable; CREATE VIEW unreadable AS SELECT 1 AS idx")
                    .unwrap();
            },
            "expected the tables",
        ),
        (
            "of another schema",
            &|file| {
                Connection::open(file).unwrap().pragma_update(None, "user_version", 99).unwrap();
            },
            "expected the tables",
        ),
        (
            "of a log of more entries",
            &|file| {
                Connection::open(file).unwrap().execute("UPDATE about SET size = 99", []).unwrap();
            },
            "cut short or replaced",
        ),
        (
            "of another root",
            &|file| {
                let root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
                Connection::open(file).unwrap().execute("UPDATE about SET root = ?", [root]).unwrap();
            },
            "cut short or replaced",
        ),
    ];
    for (claim, spoil, says) in cases {
        let scene = Scene::of(&six());
        list(&scene, &[]).exits(0);
        spoil(&scene.file("index.sqlite"));
        let said = list(&scene, &["--vendor", "Borealis"]).exits(0);
        assert_eq!(said.indices(), [3], "{claim}");
        assert!(said.stderr.contains(says), "{claim}: {}", said.stderr);
        let again = list(&scene, &["--vendor", "Borealis"]).exits(0);
        assert_eq!((again.indices(), again.stderr.as_str()), (vec![3], ""), "{claim}");
        scene.run(&["verify"]).exits(0);
    }
}

#[test]
fn a_link_or_a_directory_in_the_place_of_the_index_is_not_followed() {
    let scene = Scene::of(&six());
    list(&scene, &[]).exits(0);
    let elsewhere = scene.home.path().join("elsewhere.sqlite");
    fs::rename(scene.file("index.sqlite"), &elsewhere).unwrap();
    let before = fs::read(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, scene.file("index.sqlite")).unwrap();
    scene.record(&six());
    assert_eq!(list(&scene, &["--vendor", "Borealis"]).exits(0).indices(), [3, 9]);
    assert_eq!(fs::read(&elsewhere).unwrap(), before, "nothing was written through the link");
    assert!(scene.file("index.sqlite").symlink_metadata().unwrap().is_file());

    fs::remove_file(scene.file("index.sqlite")).unwrap();
    fs::create_dir(scene.file("index.sqlite")).unwrap();
    let said = list(&scene, &["--vendor", "Borealis"]).exits(0);
    assert_eq!(said.indices(), [3, 9]);
    assert!(said.stderr.contains("index.sqlite"), "{}", said.stderr);
}

#[test]
fn a_pipe_beside_the_index_keeps_nobody_waiting() {
    let scene = Scene::of(&six());
    list(&scene, &[]).exits(0);
    for name in ["index.sqlite-journal", "index.sqlite-wal", "index.sqlite-shm"] {
        let file = scene.file(name);
        assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
        let said = list(&scene, &["--vendor", "Borealis"]).exits(0);
        assert_eq!(said.indices(), [3]);
        assert!(said.stderr.contains(name), "{}", said.stderr);
        assert!(file.symlink_metadata().is_err(), "the index was made again");
    }
}

#[test]
fn whoever_can_not_write_the_index_is_answered_by_the_log() {
    let scene = Scene::of(&six());
    list(&scene, &[]).exits(0);
    scene.record(&six());
    // Somebody brings it up to date and does not end.
    let held = fs::File::create(scene.file("index.lock")).unwrap();
    held.lock().unwrap();
    for filter in [vec!["--vendor", "Borealis"], vec!["--limit", "4", "--product", "radio-7"]] {
        let said = list(&scene, &filter).exits(0);
        let mut scanned = filter.clone();
        scanned.push("--scan");
        assert_eq!(said.indices(), list(&scene, &scanned).indices());
        assert!(said.stderr.contains("index.lock"), "{}", said.stderr);
    }
}

#[test]
fn a_reader_keeps_nobody_from_an_answer() {
    let scene = Scene::of(&six());
    list(&scene, &[]).exits(0);
    scene.record(&six());
    let before = fs::metadata(scene.file("index.sqlite")).unwrap();
    let reader = Connection::open(scene.file("index.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM about").unwrap();
    let count: i64 = reader.query_row("SELECT count(*) FROM entries", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 6);
    let said = list(&scene, &["--vendor", "Borealis"]).exits(0);
    assert_eq!(said.indices(), [3, 9]);
    assert!(said.stderr.contains("locked"), "{}", said.stderr);
    let after = fs::metadata(scene.file("index.sqlite")).unwrap();
    assert_eq!(before.ino(), after.ino(), "it was not made again");
    drop(reader);
    assert_eq!(list(&scene, &["--vendor", "Borealis"]).exits(0).stderr, "");
}

#[test]
fn an_index_can_not_invent_an_entry() {
    let scene = Scene::of(&six());
    list(&scene, &[]).exits(0);
    let connection = Connection::open(scene.file("index.sqlite")).unwrap();
    connection.execute("UPDATE entries SET vendor = 'Borealis' WHERE idx = 1", []).unwrap();
    let said = list(&scene, &["--vendor", "Borealis"]).exits(1);
    assert!(said.stderr.contains("the index names entry 1"), "{}", said.stderr);
    assert_eq!(list(&scene, &["--vendor", "Borealis", "--scan"]).exits(0).indices(), [3]);
    let artifact = digest("invented");
    connection
        .execute("INSERT INTO artifacts SELECT ?, id FROM contents", [artifact.as_bytes().as_slice()])
        .unwrap();
    list(&scene, &["--artifact", &artifact.to_string()]).exits(1);
}

#[test]
fn what_can_not_be_known_is_told() {
    let scene = Scene::of(&six());
    scene.append(&[b"{\"_type\":\"urn:dropgate:ledger-entry:v9\"}".to_vec()]);
    for scan in [&[][..], &["--scan"]] {
        let mut filter = vec!["--vendor", "Borealis"];
        filter.extend(scan);
        let said = list(&scene, &filter).exits(1);
        assert_eq!(said.indices(), [3]);
        assert_eq!(said.json()["gaps"][0]["index"], 6);
        assert!(said.stderr.contains("entry 6 can't be read"), "{}", said.stderr);
    }
    let said = scene.run(&["show", "6"]).exits(1);
    assert!(said.stderr.contains("ledger-entry:v1"), "{}", said.stderr);

    let scene = Scene::of(&six());
    let entry = list(&scene, &["--scan"]).json()["entries"][2]["entry"].clone();
    let contents: String = entry["contents"]["document"]["sha256"].as_str().unwrap().to_owned();
    let document = scene.file(&Documents::path(&DocumentDigest::from_hex(&contents).unwrap()));
    let whole = fs::read(&document).unwrap();
    fs::remove_file(&document).unwrap();
    let shared = digest("shared").to_string();
    for scan in [&[][..], &["--scan"]] {
        let mut filter = vec!["--artifact", &shared];
        filter.extend(scan);
        let said = list(&scene, &filter).exits(1);
        assert_eq!(said.indices(), [3]);
        assert!(said.stderr.contains("of entry 2 it is not known which files arrived"), "{}", said.stderr);
    }
    // Put back, it is known again, to the index as well.
    write(&document, whole);
    assert_eq!(list(&scene, &["--artifact", &shared]).exits(0).indices(), [2, 3]);
    scene.run(&["verify"]).exits(0);
}

#[test]
fn show_tells_everything_and_gives_the_exact_documents() {
    let scene = Scene::of(&six());
    let said = scene.run(&["show", "5"]).exits(0).stdout;
    for part in [
        "ACCEPT  Acme Networks radio-7 4.3.0",
        "alice (uid 1000) on gate-1",
        "dropgate admit",
        "/srv/store/Acme%20Networks/radio-7/4.2.1 (stored)",
        "so12 1.0.0, sha256",
        "pass         so12.malware-scan, so12.manifest-complete, so12.manifest-signed",
        "acme-release  of Acme Networks, for release",
        "gate  ",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let refused = scene.run(&["show", "1"]).exits(0).stdout;
    assert!(
        refused.starts_with("REJECT  ") && refused.contains("fail         so12.manifest-complete"),
        "{refused}"
    );
    assert!(scene.run(&["show", "2"]).stdout.contains("ticket OPS-7, until 2026-06-30T00:00:00Z"));
    assert!(scene.run(&["show", "4"]).stdout.contains("an unverified drop"));

    let gate = scene.run(&["show", "5", "--document", "gate/gate.toml"]).exits(0);
    assert_eq!(gate.stdout, "version = 1\n");
    let file = scene.home.path().join("out");
    scene.run(&["show", "5", "--document", "entry", "--output", file.to_str().unwrap()]).exits(0);
    let ledger = scene.ledger();
    let at = ledger.checkpoint().unwrap().checkpoint;
    assert_eq!(fs::read(&file).unwrap(), ledger.log().entry(&at, 5).unwrap());
    let said = scene.run(&["show", "5", "--document", "verdikt"]).exits(2);
    assert!(said.stderr.contains("did you mean verdict?"), "{}", said.stderr);
    let said = scene.run(&["show", "6"]).exits(2);
    assert!(said.stderr.contains("there is no entry 6: expected one below 6"), "{}", said.stderr);
    let verdict = ledger.entry(&at, 5).unwrap().verdict_document.sha256;
    write(&scene.file(&Documents::path(&verdict)), "forged");
    let said = scene.run(&["show", "5", "--document", "verdict"]).exits(1);
    assert!(said.stderr.contains("expected a document of SHA-256"), "{}", said.stderr);
}

#[test]
fn what_is_exported_is_what_is_listed() {
    let mut all = six();
    all.push(Facts {
        note: Some("=HYPERLINK(\"http://x\",1)".to_owned()),
        user: "a,b".to_owned(),
        ..Facts::default()
    });
    let scene = Scene::of(&all);
    let csv = scene.run(&["export", "--format", "csv"]).exits(0).stdout;
    assert_eq!(csv.matches("\r\n").count(), 8, "{csv}");
    assert!(csv.starts_with("entry,recorded_at,judged_at,action,verdict,vendor,"), "{csv}");
    assert!(csv.contains("\"a,b\",gate-1,\"'=HYPERLINK(\"\"http://x\"\",1)\","), "{csv}");
    assert!(csv.contains("so12.malware-scan,OPS-7,"), "{csv}");
    let jsonl = scene.run(&["export", "--format", "jsonl", "--vendor", "Borealis"]).exits(0).stdout;
    let rows: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [row] = rows.as_slice() else { panic!("one row was expected: {jsonl}") };
    assert_eq!((&row["index"], &row["entry"]["release"]["vendor"]), (&3.into(), &"Borealis".into()));
}

#[test]
fn the_forms_in_json_are_by_the_published_schema() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ledger.schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let scene = Scene::of(&six());
    let shared = digest("shared").to_string();
    let home = scene.home.path();
    let path = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let (kept, entry, proof, consistency) = (path("kept"), path("entry"), path("proof"), path("consistency"));
    let verifier = scene.key.verifier().to_string();
    scene.run(&["checkpoint", "-o", &kept]).exits(0);
    scene.record(&six());
    scene.run(&["show", "3", "--document", "entry", "-o", &entry]).exits(0);
    scene.run(&["prove", "3", "-o", &proof]).exits(0);
    scene.run(&["prove", "--from", &kept, "-o", &consistency]).exits(0);
    let offline = |proof: &str, flag: &str, file: &str| {
        let arguments =
            ["ledger", "verify-proof", proof, flag, file, "--verifier-key", &verifier, "--format", "json"];
        Said::of(dropgate(arguments))
    };
    let mut forms = vec![
        list(&scene, &[]),
        list(&scene, &["--artifact", &shared]),
        scene.run(&["show", "2", "--format", "json"]),
        scene.run(&["verify", "--format", "json"]),
        scene.run(&["verify", "--format", "json", "--no-documents", "--checkpoint", &kept]),
        offline(&proof, "--entry", &entry),
        offline(&proof, "--entry", &kept),
        offline(&consistency, "--from", &kept),
    ];
    scene.append(&[b"none".to_vec()]);
    forms.push(list(&scene, &[]));
    forms.push(scene.run(&["verify", "--format", "json"]));
    fs::remove_file(scene.file("checkpoint")).unwrap();
    forms.push(scene.run(&["verify", "--format", "json"]));
    for said in forms {
        let json = said.json();
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{json:#}");
        let mut broken = json.clone();
        broken["surprise"] = 1.into();
        assert!(!validator.is_valid(&broken), "an unknown field");
        if json["holds"].is_boolean() {
            broken = json.clone();
            broken["holds"] = (!json["holds"].as_bool().unwrap()).into();
            assert!(!validator.is_valid(&broken), "turned: {json:#}");
        }
    }
}

fn facts() -> impl Strategy<Value = Facts> {
    let word = |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    let what = (
        word(&["Acme", "Borealis"]),
        word(&["radio", "core"]),
        word(&["1", "2", "3"]),
        word(&["ci", "alice"]),
    );
    let how = (any::<bool>(), any::<bool>(), any::<bool>(), prop::option::of(word(&["OPS-1", "OPS-2"])));
    let files = prop::collection::btree_map(word(&["a", "b", "c"]), word(&["x", "y", "z"]), 1..3);
    (what, how, files, 0_u32..5_000_000, word(&["one", "two"])).prop_map(|(what, how, files, micros, key)| {
        let (vendor, product, version, user) = what;
        let (accept, admit, unverified, waived) = how;
        // Finer than a microsecond, as clocks are.
        let recorded_at = format!("2026-01-20T12:00:0{}.{:06}123Z", micros / 1_000_000, micros % 1_000_000);
        Facts {
            recorded_at,
            vendor,
            product,
            version,
            user,
            accept,
            admit,
            waived,
            key,
            note: None,
            files: files.into_iter().collect(),
            unverified,
        }
    })
}

fn query() -> impl Strategy<Value = Query> {
    let word = |words: &'static [&'static str]| {
        prop::option::weighted(0.25, prop::sample::select(words).prop_map(str::to_owned))
    };
    let time = || {
        let seconds = prop::option::weighted(0.2, 0_u32..6);
        seconds.prop_map(|seconds| seconds.map(|own| format!("2026-01-20T12:00:0{own}Z").parse().unwrap()))
    };
    let names = (
        word(&["Acme", "Borealis", "Nobody"]),
        word(&["radio", "core"]),
        word(&["1", "2"]),
        word(&["ci", "alice"]),
    );
    let said = (
        prop::option::weighted(0.3, prop::sample::select(&[Decision::Accept, Decision::Reject][..])),
        word(&["so12.malware-scan", "so12.manifest-complete", "none"]),
        prop::option::weighted(0.3, prop::sample::select(&dropgate::finding::Outcome::ALL[..])),
        prop::bool::weighted(0.15),
    );
    let by = (word(&["one", "two", "three"]), word(&["OPS-1", "OPS-3"]), word(&["x", "y", "w"]));
    let action = prop::sample::select(
        &[dropgate::ledger::entry::Action::Verify, dropgate::ledger::entry::Action::Admit][..],
    );
    let rest = (prop::option::weighted(0.2, action), prop::option::weighted(0.3, 0_usize..6), time(), time());
    (names, said, by, rest).prop_map(|(names, said, by, rest)| Query {
        vendor: names.0,
        product: names.1,
        version: names.2,
        user: names.3,
        verdict: said.0,
        control: said.1,
        outcome: said.2,
        waived: said.3,
        key: by.0,
        waiver: by.1,
        artifact: by.2.map(|text| digest(&text)),
        manifest: None,
        action: rest.0,
        limit: rest.1,
        since: rest.2,
        until: rest.3,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_index_says_what_the_log_says(
        first in prop::collection::vec(facts(), 1..30),
        then in prop::collection::vec(facts(), 0..30),
        queries in prop::collection::vec(query(), 40),
    ) {
        let scene = Scene::of(&first);
        let ledger = scene.ledger();
        let ask = |query: &Query, source| {
            let at = ledger.checkpoint().unwrap().checkpoint;
            let mut found = Vec::new();
            let answer: Answer = ledger
                .find(&at, query, source, &mut |error| panic!("{error}"), &mut |one| {
                    found.push(one);
                    Ok(())
                })
                .unwrap();
            assert!(answer.gaps.is_empty());
            found
        };
        for more in [None, Some(&then)] {
            if let Some(more) = more.filter(|more| !more.is_empty()) {
                scene.record(more);
            }
            for query in &queries {
                let (indexed, scanned) = (ask(query, Source::Index), ask(query, Source::Log));
                prop_assert_eq!(&indexed, &scanned, "{:?}", query);
            }
        }
        scene.run(&["verify"]).exits(0);
    }
}

#[test]
fn the_name_of_the_log_is_that_of_its_key() {
    let scene = Scene::of(&six());
    assert_eq!(list(&scene, &[]).json()["ledger"]["origin"], NAME);
}

/// Runs the lines of docs/ledger.md that answer auditors' questions, as they stand there.
#[test]
fn the_document_answers_the_questions_that_it_asks() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ledger.md");
    let text = fs::read_to_string(file).unwrap();
    let script = text.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let scene = Scene::of(&six());
    let gate = fs::read_to_string(fixture("gate/gate.toml")).unwrap();
    let gate = gate
        .replace("trust.toml", fixture("gate/trust.toml").to_str().unwrap())
        .replace("../../policies", concat!(env!("CARGO_MANIFEST_DIR"), "/policies"));
    let ledger =
        format!("{gate}\n[ledger]\ndirectory = \"ledger\"\nverifier-key = \"{}\"\n", scene.key.verifier());
    write(&scene.home.path().join("gate.toml"), ledger);
    write(&scene.home.path().join("radio.bin"), "shared");
    let bin = Path::new(env!("CARGO_BIN_EXE_dropgate")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let expected = [Some("2"), Some("2"), Some("2"), Some("0"), Some("0"), None, None, Some("4"), Some("0")];
    let lines: Vec<&str> = script.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 11);
    // What the last two print is another form.
    for (line, first) in lines.iter().zip(expected.into_iter().map(Some).chain([None, None])) {
        let output = std::process::Command::new("sh")
            .args(["-c", line])
            .current_dir(scene.home.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        let said = Said::of(output).exits(0);
        let row = said.stdout.lines().nth(1).and_then(|row| row.split_whitespace().next());
        assert!(first.is_none_or(|first| row == first), "{line}: expected {first:?}\n{}", said.stdout);
    }
}
