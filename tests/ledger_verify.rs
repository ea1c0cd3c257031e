//! `dropgate ledger verify` names what is wrong with a record, and `verify-proof` believes no proof that shows nothing.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use common::dropgate;
use common::ledger::{Facts, Said, Scene, signing_key, write};
use dropgate::digest::DocumentDigest;
use dropgate::ledger::documents::Documents;
use dropgate::ledger::entry::Entry;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};

/// So many entries, a minute apart, no two with the same verdict.
fn entries(count: usize) -> Vec<Facts> {
    (0..count)
        .map(|n| Facts {
            recorded_at: format!("2026-01-20T12:{:02}:{:02}Z", n / 60, n % 60),
            version: format!("4.{n}"),
            ..Facts::default()
        })
        .collect()
}

fn entry(scene: &Scene, index: u64) -> Entry {
    let ledger = scene.ledger();
    ledger.entry(&ledger.checkpoint().unwrap().checkpoint, index).unwrap()
}

fn document(scene: &Scene, digest: &DocumentDigest) -> PathBuf {
    scene.file(&Documents::path(digest))
}

/// Changes bytes of a file, of the same length.
fn replace(file: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[at..at + from.len()].copy_from_slice(to);
    fs::write(file, bytes).unwrap();
}

#[track_caller]
fn names(scene: &Scene, more: &[&str], says: &str) {
    let mut command = vec!["verify"];
    command.extend(more);
    let said = scene.run(&command).exits(1);
    assert!(said.stdout.starts_with("DOES NOT HOLD"), "{}", said.stdout);
    assert!(said.stdout.contains(says), "expected {says:?} in\n{}\n{}", said.stdout, said.stderr);
}

#[test]
fn a_good_record_holds_and_what_is_not_shown_is_said() {
    let scene = Scene::of(&entries(3));
    let said = scene.run(&["verify"]).exits(0).stdout;
    for part in [
        "HOLDS  noc.example/dropgate, 3 entries, root ",
        "the newest entry that was read was recorded at 2026-01-20T12:00:02Z, ",
        "8 documents, each of its digest",
        "there is no index",
        "not shown: no checkpoint from elsewhere was given",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    scene.run(&["list"]).exits(0);
    let kept = scene.home.path().join("kept");
    let file = kept.to_str().unwrap();
    scene.run(&["checkpoint", "--output", file]).exits(0);
    assert_eq!(scene.run(&["checkpoint"]).stdout.as_bytes(), fs::read(&kept).unwrap());
    scene.record(&entries(2));
    let said = scene.run(&["verify", "--checkpoint", file]).exits(0).stdout;
    assert!(said.contains("it continues the checkpoint that was kept (3 entries)"), "{said}");
    assert!(said.contains("the index agrees, as far as it goes: it knows 3 entries"), "{said}");
    assert!(said.contains("remark: the clock went back: entry 3 was recorded at"), "{said}");
    assert!(!said.contains("not shown"), "{said}");
    let said = scene.run(&["verify", "--no-documents"]).exits(0).stdout;
    assert!(said.contains("the documents were not looked at"), "{said}");
    scene.ledger().documents().put(b"of nobody").unwrap();
    assert!(scene.run(&["verify"]).exits(0).stdout.contains("remark: no entry names 1 document"));
}

#[test]
fn what_was_altered_is_named() {
    type Break<'c> = (&'c str, &'c dyn Fn(&Scene), &'c str);
    let cases: &[Break] = &[
        (
            "an entry's verdict",
            &|s| replace(&s.file("tile/entries/000.p/5"), b"ACCEPT", b"REJECT"),
            "entry 0 was altered",
        ),
        (
            "a later entry's user",
            &|s| {
                let file = s.file("tile/entries/000.p/5");
                let mut bytes = fs::read(&file).unwrap();
                let at = bytes.windows(4).rposition(|window| window == b"\"ci\"").unwrap();
                bytes[at + 1] = b'x';
                fs::write(file, bytes).unwrap();
            },
            "entry 4 was altered",
        ),
        (
            "a bundle cut short",
            &|s| {
                let file = s.file("tile/entries/000.p/5");
                let bytes = fs::read(&file).unwrap();
                fs::write(file, &bytes[..bytes.len() - 9]).unwrap();
            },
            "tile/entries/000.p/5",
        ),
        (
            "a bundle gone",
            &|s| fs::remove_file(s.file("tile/entries/000.p/5")).unwrap(),
            "tile/entries/000.p/5: expected this file",
        ),
        (
            "a tile",
            &|s| {
                let file = s.file("tile/0/000.p/5");
                let mut bytes = fs::read(&file).unwrap();
                bytes[40] ^= 1;
                fs::write(file, bytes).unwrap();
            },
            "tile/0/000.p/5: altered",
        ),
        (
            "the checkpoint's size",
            &|s| replace(&s.file("checkpoint"), b"\n5\n", b"\n4\n"),
            "the checkpoint does not count",
        ),
        (
            "the checkpoint gone",
            &|s| fs::remove_file(s.file("checkpoint")).unwrap(),
            "checkpoint: expected this file",
        ),
        (
            "a verdict",
            &|s| {
                write(
                    &document(s, &entry(s, 2).verdict_document.sha256),
                    "{\"verdict\":true,\"of\":\"forged\"}",
                );
            },
            "entry 2: verdict: ",
        ),
        (
            "a verdict gone",
            &|s| fs::remove_file(document(s, &entry(s, 3).verdict_document.sha256)).unwrap(),
            "entry 3: verdict: ",
        ),
        (
            "the files of the gate gone",
            &|s| fs::remove_file(document(s, &entry(s, 3).gate.files.sha256)).unwrap(),
            "entry 0: gate: ",
        ),
        (
            "a link in a document's place",
            &|s| {
                let file = document(s, &entry(s, 1).manifest.unwrap().envelope.sha256);
                let elsewhere = s.home.path().join("elsewhere");
                fs::rename(&file, &elsewhere).unwrap();
                std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
            },
            "entry 1: manifest: ",
        ),
    ];
    for (claim, alter, says) in cases {
        let scene = Scene::of(&entries(5));
        scene.run(&["verify"]).exits(0);
        alter(&scene);
        eprintln!("{claim}");
        names(&scene, &[], says);
    }
}

#[test]
fn a_record_that_was_replaced_is_told_by_a_checkpoint_that_was_kept() {
    let scene = Scene::of(&entries(3));
    let older = scene.home.path().join("older");
    common::copy(&scene.directory(), &older);
    scene.record(&entries(2));
    let kept = scene.home.path().join("kept");
    let file = kept.to_str().unwrap();
    scene.run(&["checkpoint", "-o", file]).exits(0);

    // An older copy in its place: signed by the right key, and whole.
    fs::remove_dir_all(scene.directory()).unwrap();
    common::copy(&older, &scene.directory());
    scene.run(&["verify"]).exits(0);
    names(
        &scene,
        &["--checkpoint", file],
        "expected 5 entries at least, as the checkpoint that was kept says; found 3",
    );

    // Another past, by whoever has the key.
    fs::remove_dir_all(scene.directory()).unwrap();
    let mut other = entries(6);
    other[1].accept = false;
    scene.record(&other);
    scene.run(&["verify"]).exits(0);
    names(&scene, &["--checkpoint", file], "the ledger was rewritten: its first 5 entries");
    let said = scene.run(&["prove", "--from", file]).exits(1);
    assert!(said.stderr.contains("the ledger was rewritten"), "{}", said.stderr);

    // Gone.
    fs::remove_dir_all(scene.directory()).unwrap();
    names(&scene, &["--checkpoint", file], "there is no ledger in");
    scene.run(&["verify"]).exits(2);

    // Another key, another log.
    let scene = Scene::of(&entries(1));
    let stranger = signing_key("stranger", common::ledger::NAME).verifier().to_string();
    let said = scene.run_as(&["verify"], &stranger).exits(1);
    assert!(said.stdout.contains("the checkpoint does not count"), "{}", said.stdout);
    let said = scene.run_as(&["list"], &stranger).exits(1);
    assert!(said.stderr.contains("the checkpoint does not count"), "{}", said.stderr);
    let elsewhere = signing_key("ops-first", "other.example/log").verifier().to_string();
    let said = scene.run_as(&["verify"], &elsewhere).exits(1);
    assert!(
        said.stdout.contains("expected \"other.example/log\", found \"noc.example/dropgate\""),
        "{}",
        said.stdout
    );
    write(&kept, "no checkpoint");
    scene.run(&["verify", "--checkpoint", file]).exits(2);
}

#[test]
fn an_index_that_does_not_agree_is_named() {
    let sql = |scene: &Scene, text: &str| {
        Connection::open(scene.file("index.sqlite")).unwrap().execute_batch(text).unwrap();
    };
    for (claim, statement, says) in [
        (
            "a row changed",
            "UPDATE entries SET verdict = 'REJECT' WHERE idx = 2",
            "entry 2: verdict: expected \"ACCEPT\" as in the log, found \"REJECT\"",
        ),
        (
            "a row deleted",
            "DELETE FROM entries WHERE idx = 1",
            "entry 1: expected a row in `entries`, found none",
        ),
        (
            "a row added",
            "INSERT INTO entries SELECT 77, recorded_at, judged_at, action, verdict, vendor, product, version, sequence, manifest, contents, profile, keyset, waiverset, user, host FROM entries WHERE idx = 0",
            "entries: expected 4 rows by the log, found 5",
        ),
        ("a time changed", "UPDATE entries SET recorded_at = 0 WHERE idx = 3", "entry 3: recorded_at"),
        (
            "an outcome changed",
            "UPDATE outcomes SET outcome = 'fail' WHERE control = 'so12.malware-scan'",
            "entry 0: outcomes: ",
        ),
        (
            "an outcome deleted",
            "DELETE FROM outcomes WHERE control = 'so12.malware-scan'",
            "entry 0: outcomes: ",
        ),
        ("a key renamed", "UPDATE keys SET name = 'mallory'", "entry 0: keys: "),
        (
            "a row of keys added",
            "INSERT INTO keys SELECT 99, 0, 'x', 'y'",
            "keys: expected 1 rows by the log, found 2",
        ),
        ("an artifact deleted", "DELETE FROM artifacts", "entry 0: artifacts: expected a row"),
        (
            "an artifact added",
            "INSERT INTO artifacts SELECT zeroblob(32), id FROM contents",
            "artifacts: expected 1 rows by the log, found 2",
        ),
        ("contents of another", "UPDATE contents SET digest = zeroblob(32)", "entry 0: contents: "),
        (
            "a list that is said to be unread",
            "INSERT INTO contents (digest, read) VALUES (zeroblob(32), 0)",
            "contents: expected 1 rows by the log, found 2",
        ),
        (
            "an entry that is said to be none",
            "INSERT INTO unreadable VALUES (1)",
            "unreadable: expected 0 rows by the log, found 1",
        ),
        ("made of more", "UPDATE about SET size = 9", "was the log cut short or replaced?"),
    ] {
        let scene = Scene::of(&entries(4));
        scene.run(&["list"]).exits(0);
        scene.run(&["verify"]).exits(0);
        sql(&scene, statement);
        eprintln!("{claim}");
        names(&scene, &[], says);
        let said = scene.run(&["verify"]).stdout;
        assert!(said.contains("It can be deleted, and is then made again"), "{claim}: {said}");
        fs::remove_file(scene.file("index.sqlite")).unwrap();
        scene.run(&["list"]).exits(0);
        scene.run(&["verify"]).exits(0);
    }
    for (claim, spoil) in [
        ("garbage", (|file| fs::write(file, [9; 5000]).unwrap()) as fn(&Path)),
        ("a link", |file| {
            let elsewhere = file.with_extension("elsewhere");
            fs::rename(file, &elsewhere).unwrap();
            std::os::unix::fs::symlink(elsewhere, file).unwrap();
        }),
    ] {
        let scene = Scene::of(&entries(2));
        scene.run(&["list"]).exits(0);
        spoil(&scene.file("index.sqlite"));
        eprintln!("{claim}");
        names(&scene, &[], "the index does not agree with the log");
    }
}

#[test]
fn an_entry_that_lies_about_the_record_is_named() {
    let scene = Scene::of(&entries(2));
    let ledger = scene.ledger();
    let mut lies = scene.entry(&ledger, &Facts::default());
    lies.verdict_document.size += 1;
    let text = serde_json::json!({ "manifest": { "sha256": "a".repeat(64) }, "entry": 1 });
    lies.baseline = serde_json::from_value(text).unwrap();
    scene.append(&[lies.write().unwrap(), b"{}".to_vec()]);
    names(&scene, &[], "entry 2: verdict: expected a document of 52 bytes, found one of 51");
    names(&scene, &[], "entry 2: baseline.entry 1: expected an ACCEPT of the manifest aaaa");
    names(&scene, &[], "entry 3 can't be read: expected an entry of type urn:dropgate:ledger-entry:v1");
}

#[test]
fn more_entries_than_a_tile_holds_are_checked_alike() {
    let scene = Scene::empty();
    let ledger = scene.ledger();
    let one = scene.entry(&ledger, &Facts::default());
    let all: Vec<Vec<u8>> = (0..600)
        .map(|n| {
            let mut entry = one.clone();
            entry.by.note = Some(format!("job {n}"));
            entry.write().unwrap()
        })
        .collect();
    scene.append(&all[..300]);
    scene.run(&["list"]).exits(0);
    scene.append(&all[300..]);
    let said = scene.run(&["list", "--format", "json", "--limit", "3"]).exits(0);
    assert_eq!(said.indices(), [597, 598, 599]);
    assert_eq!(scene.run(&["list", "--format", "json"]).exits(0).indices(), (0..600).collect::<Vec<u64>>());
    let said = scene.run(&["verify"]).exits(0).stdout;
    assert!(said.contains("the index agrees\n"), "{said}");
    let bundle = scene.file("tile/entries/001");
    replace(&bundle, b"job 300", b"job 3oo");
    names(&scene, &[], "entry 300 was altered");
    let said = scene.run(&["show", "300"]).exits(1);
    assert!(said.stderr.contains("entry 300 was altered"), "{}", said.stderr);
    scene.run(&["show", "299"]).exits(0);
    let said = scene.run(&["list"]).exits(1);
    assert!(said.stderr.contains("entry 300 was altered"), "{}", said.stderr);
    assert_eq!(said.stdout.lines().count(), 301, "those before it are listed");
}

#[test]
fn a_proof_holds_for_what_it_is_of_and_nothing_else() {
    let scene = Scene::of(&entries(3));
    let path = |name: &str| scene.home.path().join(name).to_str().unwrap().to_owned();
    let (kept, proof, entry, consistency) = (path("kept"), path("proof"), path("entry"), path("consistency"));
    scene.run(&["checkpoint", "-o", &kept]).exits(0);
    scene.record(&entries(4));
    scene.run(&["prove", "5", "-o", &proof]).exits(0);
    scene.run(&["show", "5", "--document", "entry", "-o", &entry]).exits(0);
    scene.run(&["prove", "--from", &kept, "-o", &consistency]).exits(0);
    let key = scene.key.verifier().to_string();
    fs::remove_dir_all(scene.directory()).unwrap();

    let check = |proof: &str, flag: &str, file: &str, key: &str| {
        Said::of(dropgate(["ledger", "verify-proof", proof, flag, file, "--verifier-key", key]))
    };
    let said = check(&proof, "--entry", &entry, &key).exits(0).stdout;
    assert!(said.starts_with("PROVEN  it is entry 5 of noc.example/dropgate, which has 7 entries"), "{said}");
    let said = check(&consistency, "--from", &kept, &key).exits(0).stdout;
    assert!(said.contains("the 3 entries of then are the first of noc.example/dropgate"), "{said}");

    let stranger = signing_key("stranger", common::ledger::NAME).verifier().to_string();
    check(&proof, "--entry", &entry, &stranger).exits(1);
    check(&consistency, "--entry", &entry, &key).exits(1);
    check(&proof, "--from", &kept, &key).exits(1);
    check(&proof, "--entry", &path("nowhere"), &key).exits(2);
    replace(Path::new(&entry), b"ACCEPT", b"REJECT");
    let said = check(&proof, "--entry", &entry, &key).exits(1);
    assert!(said.stderr.contains("not proven"), "{}", said.stderr);
    let text = fs::read_to_string(&proof).unwrap();
    replace(Path::new(&entry), b"REJECT", b"ACCEPT");
    fs::write(&proof, text.replace("index 5", "index 4")).unwrap();
    check(&proof, "--entry", &entry, &key).exits(1);
    let said = Scene::of(&entries(1)).run(&["prove", "1"]).exits(2);
    assert!(said.stderr.contains("there is no entry 1"), "{}", said.stderr);
}
