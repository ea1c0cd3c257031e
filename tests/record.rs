//! What an entry says of a verdict, and that no ACCEPT is told that is not in the ledger.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::record::{Release, Site, codes, told};
use common::{dropgate, fixture};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

fn first(site: &Site) -> PathBuf {
    site.release(&Release { version: "4.1.0", sequence: 10, replaces: None, text: "one" })
}

fn entry(site: &Site, number: usize) -> Value {
    site.entries()[number]["entry"].clone()
}

#[test]
fn a_private_key_does_not_go_into_the_ledger_as_evidence() {
    let site = Site::new();
    let drop = first(&site);
    let key = site.path("ledger.pem").display().to_string();
    let (exit, verdict, stderr) = site.verify(&drop, &["--record", "--evidence", &key]);
    assert_eq!((exit, verdict.is_null()), (Some(2), true), "{stderr}");
    assert!(stderr.contains("this is a private key; expected a signed statement"), "{stderr}");
    assert!(!site.path("ledger").exists());
}

#[test]
fn an_entry_says_what_was_judged_by_what_by_whom_and_where_it_was_put() {
    let site = Site::new();
    let drop = first(&site);
    let (exit, verdict, stderr) = site.admit(&drop, &["--note", "CHG-1 https://ci.example/7"]);
    assert_eq!(exit, Some(0), "{stderr}");
    let entry = entry(&site, 0);
    assert_eq!(entry["_type"], "urn:dropgate:ledger-entry:v1");
    assert_eq!(entry["action"], "admit");
    assert_eq!(entry["verdict"], "ACCEPT");
    assert_eq!(entry["judgedAt"], common::record::AT);
    assert_eq!(entry["by"]["note"], "CHG-1 https://ci.example/7");
    assert_eq!(entry["by"]["uid"], rustix::process::getuid().as_raw());
    let release = json!({
        "vendor": "Acme Networks", "product": "radio-7", "version": "4.1.0", "kind": "new-component", "sequence": 10,
    });
    assert_eq!(entry["release"], release);
    assert_eq!(entry["manifest"]["sha256"], verdict["manifest"]["sha256"]);
    assert_eq!(entry["trustStore"], verdict["trustStore"]);
    assert_eq!(entry["policies"], verdict["policies"]);
    assert_eq!(entry["contents"]["files"], 1);
    assert_eq!(entry["contents"]["bytes"], 3);
    assert_eq!(entry["controls"]["so12.manifest-signed"], "pass");
    assert_eq!(entry["controls"]["so14.version-advances"], "not-applicable");
    assert_eq!(entry["keys"][0]["name"], "acme-release");
    assert_eq!(entry["keys"][0]["for"], json!(["release"]));
    let admission = json!({
        "store": site.store().display().to_string(), "path": "Acme%20Networks/radio-7/4.1.0", "state": "stored",
    });
    assert_eq!(entry["admission"], admission);
}

#[test]
fn the_documents_of_an_entry_are_the_bytes_that_were_read_and_told() {
    let site = Site::new();
    let drop = first(&site);
    let store = site.store().display().to_string();
    let printed = site.run(&["admit"], &drop, &["--into", &store, "--format", "json"]);
    let shown = |name: &str| site.ledger(&["show", "0", "--document", name]).stdout;
    assert_eq!(shown("verdict"), printed.stdout);
    assert_eq!(shown("manifest"), fs::read(drop.join("drop.dsse.json")).unwrap());
    let digest = common::record::sha256(b"one");
    assert_eq!(String::from_utf8(shown("contents")).unwrap(), format!("{digest}  image.bin\n"));
}

#[test]
fn a_rejection_is_recorded_too_and_puts_nothing_into_the_store() {
    let site = Site::new();
    let drop = first(&site);
    fs::write(drop.join("image.bin"), "two").unwrap();
    let (exit, verdict, stderr) = site.admit(&drop, &[]);
    assert_eq!((exit, codes(&verdict)), (Some(1), vec!["file-altered"]));
    assert!(stderr.contains("recorded as entry 0; nothing was admitted"), "{stderr}");
    let entry = entry(&site, 0);
    assert_eq!((&entry["verdict"], &entry["admission"]), (&"REJECT".into(), &Value::Null));
    // What came instead can be asked for.
    let other = common::record::sha256(b"two");
    let listed = site.ledger(&["list", "--artifact", &other]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("REJECT"), "{listed:?}");
    assert!(!site.store().join("Acme%20Networks").exists());
}

#[test]
fn a_drop_without_manifest_is_recorded_as_one() {
    let site = Site::new();
    let drop = first(&site);
    fs::remove_file(drop.join("drop.dsse.json")).unwrap();
    assert_eq!(site.admit(&drop, &[]).0, Some(1));
    let entry = entry(&site, 0);
    assert_eq!(entry["release"], Value::Null);
    assert_eq!(entry["controls"]["so12.manifest-signed"], "no-evidence");
}

#[test]
fn what_cant_be_recorded_is_no_verdict() {
    let site = Site::new();
    let drop = first(&site);
    let told = |flags: &[&str]| {
        let (exit, verdict, stderr) = site.admit(&drop, flags);
        assert_eq!((exit, verdict.is_null()), (Some(2), true), "{stderr}");
        assert!(!site.store().join("Acme%20Networks").exists());
        stderr
    };
    // A file in the ledger's place.
    fs::write(site.path("ledger"), "").unwrap();
    assert!(told(&[]).contains("ledger"));
    fs::remove_file(site.path("ledger")).unwrap();
    // Another key than the gate says.
    fs::copy(fixture("keys/stranger.pem"), site.path("ledger.pem")).unwrap();
    assert!(told(&[]).contains("verifier-key"));
    fs::remove_file(site.path("ledger.pem")).unwrap();
    assert!(told(&[]).contains("ledger.pem"));
    // A ledger that can only be read, and none.
    let gate = fs::read_to_string(site.path("gate.toml")).unwrap();
    fs::write(site.path("gate.toml"), gate.replace("key = \"ledger.pem\"\n", "")).unwrap();
    assert!(told(&[]).contains("can only be read"));
    fs::write(site.path("gate.toml"), gate.split("[ledger]").next().unwrap()).unwrap();
    assert!(told(&[]).contains("the gate has no ledger"));
}

#[test]
fn a_ledger_that_was_tampered_with_lets_nothing_in() {
    let site = Site::new();
    let one = first(&site);
    assert_eq!(site.admit(&one, &[]).0, Some(0));
    let two = site.release(&Release { version: "4.2.0", sequence: 11, replaces: Some("4.1.0"), text: "two" });
    let bundle = site.path("ledger/tile/entries/000.p/1");
    let text = fs::read(&bundle).unwrap();
    let at = text.windows(6).position(|six| six == b"ACCEPT").unwrap();
    let mut altered = text.clone();
    altered[at..at + 6].copy_from_slice(b"REJECT");
    fs::write(&bundle, &altered).unwrap();
    for command in [vec!["--record"], vec![]] {
        let (exit, verdict, stderr) = site.verify(&two, &command);
        assert_eq!((exit, verdict.is_null()), (Some(2), true), "{command:?} {stderr}");
        assert!(stderr.contains("entry 0"), "{stderr}");
    }
    assert_eq!(site.admit(&two, &[]).0, Some(2));
    fs::write(&bundle, text).unwrap();
    assert_eq!(site.admit(&two, &[]).0, Some(0));
}

#[test]
fn an_index_that_hides_an_acceptance_opens_no_way_back() {
    let site = Site::new();
    let one = first(&site);
    let two = site.release(&Release { version: "4.2.0", sequence: 11, replaces: Some("4.1.0"), text: "two" });
    for drop in [&one, &two] {
        assert_eq!(site.admit(drop, &[]).0, Some(0));
    }
    // An index of before the second release, in the place of the newer one.
    let listed = |site: &Site| site.ledger(&["list"]);
    listed(&site);
    let index = site.path("ledger/index.sqlite");
    let connection = rusqlite::Connection::open(&index).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM entries WHERE rowid > 1").unwrap();
    std::mem::drop(connection);
    let (exit, verdict, _) = site.admit(&one, &[]);
    assert_eq!((exit, codes(&verdict)), (Some(1), vec!["rollback"]));
}

/// The ledger's directory after one release, after two, and another one that begins anew.
#[test]
fn a_ledger_that_is_older_than_what_was_kept_lets_nothing_in() {
    let site = Site::new();
    let gate = fs::read_to_string(site.path("gate.toml")).unwrap();
    fs::write(site.path("gate.toml"), format!("{gate}kept-checkpoint = \"elsewhere.checkpoint\"\n")).unwrap();
    let one = first(&site);
    let two = site.release(&Release { version: "4.2.0", sequence: 11, replaces: Some("4.1.0"), text: "two" });
    let fork =
        site.release(&Release { version: "4.2.1", sequence: 12, replaces: Some("4.1.0"), text: "fork" });
    assert_eq!(site.admit(&one, &[]).0, Some(0));
    common::copy(&site.path("ledger"), &site.path("older"));
    assert_eq!(site.admit(&two, &[]).0, Some(0));
    let kept = site.path("elsewhere.checkpoint");
    assert_eq!(fs::read(&kept).unwrap(), fs::read(site.path("ledger/checkpoint")).unwrap());

    fs::rename(site.path("ledger"), site.path("newest")).unwrap();
    let refused = |claim: &str, says: &str| {
        for (exit, verdict, stderr) in
            [site.admit(&fork, &[]), site.verify(&fork, &[]), site.verify(&fork, &["--record"])]
        {
            assert_eq!((exit, verdict.is_null()), (Some(2), true), "{claim}: {stderr}");
            assert!(stderr.contains("elsewhere.checkpoint") && stderr.contains(says), "{claim}: {stderr}");
        }
    };
    refused("gone", "2 entries or more");
    assert!(!site.path("ledger").exists(), "nothing is begun anew");
    fs::rename(site.path("older"), site.path("ledger")).unwrap();
    refused("older", "1");
    fs::remove_dir_all(site.path("ledger")).unwrap();
    // One that was begun anew by another gate of the same key, and has grown to the same size.
    site.gate("other.toml", "");
    for drop in [&fork, &fork] {
        let words = ["verify", drop.to_str().unwrap(), "--record", "--at", common::record::AT, "--gate"];
        let other = site.path("other.toml").display().to_string();
        dropgate(words.into_iter().chain([other.as_str()]));
    }
    refused("another", "elsewhere");
    fs::remove_dir_all(site.path("ledger")).unwrap();
    fs::rename(site.path("newest"), site.path("ledger")).unwrap();
    let (exit, verdict, _) = site.admit(&fork, &[]);
    assert_eq!((exit, codes(&verdict)), (Some(1), vec!["fork"]));
    // A kept checkpoint by another key says nothing of this ledger.
    fs::write(&kept, "example.com/dropgate\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n").unwrap();
    assert_eq!(site.admit(&fork, &[]).0, Some(2));
}

#[test]
fn a_clock_that_goes_back_loses_and_reorders_nothing() {
    let site = Site::new();
    let drop = first(&site);
    for at in ["2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z"] {
        assert_eq!(site.verify(&drop, &["--record", "--at", at]).0, Some(0));
    }
    let entries = site.entries();
    assert_eq!(entries[0]["entry"]["judgedAt"], "2026-03-01T00:00:00Z");
    assert_eq!(entries[1]["entry"]["judgedAt"], "2026-02-01T00:00:00Z");
    assert_eq!(site.ledger(&["verify"]).status.code(), Some(0));
}

#[test]
fn a_note_is_for_a_verdict_that_is_recorded() {
    let site = Site::new();
    let drop = first(&site);
    let (exit, _, stderr) = told(&site.run(&["verify"], &drop, &["--note", "x"]));
    assert_eq!(exit, Some(2));
    assert!(stderr.contains("--record"), "{stderr}");
}

#[test]
fn init_makes_a_gate_that_records() {
    let home = tempfile::tempdir().unwrap();
    let gate = home.path().join("gate");
    let made = dropgate([
        "init",
        gate.to_str().unwrap(),
        "--operator",
        "Example + Telecom, Ltd.",
        "--vendor",
        "Acme Networks",
        "--owner",
        "Jane Doe",
        "--key",
        fixture("keys/acme-release.pub.pem").to_str().unwrap(),
    ]);
    assert!(made.status.success(), "{made:?}");
    let drop = home.path().join("drop");
    common::copy(&fixture("plain/drop"), &drop);
    fs::remove_dir_all(drop.join("evidence")).unwrap();
    let store = home.path().join("store");
    let arguments = ["admit", drop.to_str().unwrap(), "--into", store.to_str().unwrap(), "--gate"];
    let gate_file = gate.join("gate.toml").display().to_string();
    let (exit, _, stderr) = told(&dropgate(arguments.into_iter().chain([gate_file.as_str()])));
    assert_eq!(exit, Some(0), "{stderr}");
    let checked = dropgate(["ledger", "verify", "--gate", &gate_file]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    // The key that init made signs, and the same name and key make the same verifier key.
    let named = dropgate([
        "ledger",
        "key",
        "example---telecom--ltd/dropgate",
        gate.join("ledger.pem").to_str().unwrap(),
    ]);
    let key = String::from_utf8(named.stdout).unwrap();
    assert!(fs::read_to_string(&gate_file).unwrap().contains(key.trim()), "{key}");
}

#[test]
fn the_first_entry_of_a_ledger_is_said_to_be_that() {
    let site = Site::new();
    let drop = first(&site);
    let note = "this verdict begins one";
    assert!(site.admit(&drop, &[]).2.contains(note));
    assert!(!site.admit(&drop, &[]).2.contains(note));
    // As where its disk is not mounted.
    fs::rename(site.path("ledger"), site.path("away")).unwrap();
    assert!(site.verify(&drop, &["--record"]).2.contains(note));
}

#[test]
fn a_verdict_that_cant_be_told_is_said_to_be_recorded() {
    let site = Site::new();
    let drop = first(&site);
    let nowhere = site.path("nowhere/verdict.json").display().to_string();
    fs::create_dir(site.path("nowhere")).unwrap();
    fs::create_dir(&nowhere).unwrap();
    let (exit, _, stderr) = site.admit(&drop, &["--output", &nowhere]);
    let place = site.store().join("Acme%20Networks/radio-7/4.1.0");
    assert_eq!(exit, Some(2), "{stderr}");
    let says = format!("ACCEPT was recorded as entry 0; admitted into {}", place.display());
    assert!(stderr.contains(&says) && place.exists(), "{stderr}");
    let (exit, _, stderr) = site.verify(&drop, &["--record", "--output", &nowhere]);
    assert_eq!(exit, Some(2), "{stderr}");
    assert!(stderr.contains("ACCEPT was recorded as entry 1"), "{stderr}");
}

#[test]
fn store_and_ledger_lie_apart() {
    let site = Site::new();
    let drop = first(&site);
    let into = |store: &str| {
        let store = site.path(store).display().to_string();
        told(&site.run(&["admit"], &drop, &["--into", &store]))
    };
    // Before the ledger is there, and after.
    for _ in 0..2 {
        for (store, says) in [
            ("ledger", "lies inside the ledger"),
            ("ledger/store", "lies inside the ledger"),
            ("away/../ledger", "lies inside the ledger"),
            (".", "lies inside the store"),
        ] {
            fs::create_dir_all(site.path("away")).unwrap();
            let (exit, _, stderr) = into(store);
            assert_eq!(exit, Some(2), "{store}: {stderr}");
            assert!(stderr.contains(says), "{store}: {stderr}");
            assert!(!site.path(store).join(".dropgate").exists(), "{store}");
        }
        assert_eq!(site.admit(&drop, &[]).0, Some(0));
    }
}

#[test]
fn a_store_that_the_record_cant_name_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let site = Site::new();
    let drop = first(&site);
    let store = site.home.path().join(std::ffi::OsStr::from_bytes(b"st\xff"));
    let gate = site.path("gate.toml");
    let words: [&std::ffi::OsStr; 6] = [
        "admit".as_ref(),
        drop.as_ref(),
        "--gate".as_ref(),
        gate.as_ref(),
        "--into".as_ref(),
        store.as_ref(),
    ];
    let (exit, _, stderr) = told(&dropgate(words));
    assert_eq!(exit, Some(2), "{stderr}");
    assert!(stderr.contains("expected a path in UTF-8") && !store.exists(), "{stderr}");
}

#[test]
fn nothing_is_written_into_the_store_or_the_ledger_beside_what_belongs_there() {
    let site = Site::new();
    let drop = first(&site);
    assert_eq!(site.admit(&drop, &[]).0, Some(0));
    let place = "store/Acme%20Networks/radio-7/4.1.0/verdict.json";
    std::os::unix::fs::symlink("store", site.path("link")).unwrap();
    for (file, says) in [
        (place, "outside of the store"),
        ("store/verdict.json", "outside of the store"),
        ("link/verdict.json", "outside of the store"),
        ("ledger/checkpoint", "outside of the ledger"),
    ] {
        let file = site.path(file).display().to_string();
        let (exit, _, stderr) = site.admit(&drop, &["--output", &file]);
        assert_eq!(exit, Some(2), "{file}: {stderr}");
        assert!(stderr.contains("--output") && stderr.contains(says), "{file}: {stderr}");
    }
    // Nor over what the verdict rests on.
    for file in ["gate.toml", "ledger.pem", "store/../gate.toml"] {
        let before = fs::read(site.path(file)).unwrap();
        let path = site.path(file).display().to_string();
        let (exit, _, stderr) = site.verify(&drop, &["--output", &path]);
        assert_eq!(exit, Some(2), "{file}: {stderr}");
        assert!(stderr.contains("one that the verdict rests on"), "{file}: {stderr}");
        assert_eq!(fs::read(site.path(file)).unwrap(), before, "{file}");
    }
    let key = fixture("keys/stranger.pem").display().to_string();
    let (vsa, checkpoint) = (site.path("store/x.json"), site.path("ledger/checkpoint"));
    let (exit, _, stderr) = site.admit(&drop, &["--vsa", vsa.to_str().unwrap(), "--key", &key]);
    assert!(exit == Some(2) && stderr.contains("--vsa"), "{stderr}");
    let (exit, _, stderr) = site.verify(&drop, &["--output", checkpoint.to_str().unwrap()]);
    assert!(exit == Some(2) && stderr.contains("outside of the ledger"), "{stderr}");
    assert_eq!(site.admit(&drop, &[]).0, Some(0));
    assert_eq!(site.entries().len(), 2);
}

#[test]
fn whoever_waits_longer_is_recorded_later() {
    let site = Site::new();
    let drop = first(&site);
    assert_eq!(site.verify(&drop, &["--record"]).0, Some(0));
    let lock = fs::File::open(site.path("ledger/lock")).unwrap();
    lock.lock().unwrap();
    let released = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| site.verify(&drop, &["--record"]));
        std::thread::sleep(std::time::Duration::from_millis(2500));
        let released = dropgate::time::Time::now().whole_seconds();
        lock.unlock().unwrap();
        assert_eq!(waiting.join().unwrap().0, Some(0));
        released
    });
    let recorded = entry(&site, 1)["recordedAt"].as_str().unwrap().parse::<dropgate::time::Time>().unwrap();
    assert!(recorded >= released, "{recorded} {released}");
}
