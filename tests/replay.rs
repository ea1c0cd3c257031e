//! A verdict can be given again from the record alone: by the gate, the baseline and the time of then.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::record::{Release, Site, told};
use common::{Scene, circumstances, dropgate, fixture};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn replay(site: &Site, entry: u64, drop: &Path) -> (Option<i32>, Value, String) {
    let entry = entry.to_string();
    told(&site.ledger(&["replay", &entry, drop.to_str().unwrap(), "--format", "json"]))
}

fn two_releases(site: &Site) -> [PathBuf; 2] {
    let one = site.release(&Release { version: "4.1.0", sequence: 10, replaces: None, text: "one" });
    let two = site.release(&Release { version: "4.2.0", sequence: 11, replaces: Some("4.1.0"), text: "two" });
    for drop in [&one, &two] {
        let (exit, _, stderr) = site.admit(drop, &[]);
        assert_eq!(exit, Some(0), "{stderr}");
    }
    [one, two]
}

#[test]
fn the_same_drop_gives_the_same_verdict_whatever_became_of_the_gate() {
    let site = Site::new();
    let [one, two] = two_releases(&site);
    // Today's gate asks for more, and trusts nobody: neither has a say.
    let gate = fs::read_to_string(site.path("gate.toml")).unwrap();
    let strict = fixture("../policies/so23.toml").display().to_string();
    fs::write(site.path("gate.toml"), gate.replace("start.toml\"", &format!("start.toml\", {strict:?}")))
        .unwrap();
    for (entry, drop) in [(0, &one), (1, &two)] {
        let (exit, answer, stderr) = replay(&site, entry, drop);
        assert_eq!(exit, Some(0), "{answer} {stderr}");
        assert_eq!((&answer["same"], &answer["verdict"]["verdict"]), (&true.into(), &"ACCEPT".into()));
    }
    // What the store holds is what was judged.
    let stored = site.store().join("Acme%20Networks/radio-7/4.2.0");
    assert_eq!(replay(&site, 1, &stored).0, Some(0));
}

#[test]
fn another_drop_gives_another_verdict_and_says_where() {
    let site = Site::new();
    let [one, two] = two_releases(&site);
    fs::write(two.join("image.bin"), "x").unwrap();
    let (exit, answer, _) = replay(&site, 1, &two);
    assert_eq!((exit, &answer["same"]), (Some(1), &false.into()));
    let places: Vec<&str> =
        answer["differences"].as_array().unwrap().iter().map(|one| one["place"].as_str().unwrap()).collect();
    assert_eq!(places, ["verdict", "so12.manifest-complete"]);
    assert_eq!(answer["differences"][0]["recorded"], "ACCEPT");
    assert_eq!(answer["differences"][0]["now"], "REJECT");
    let (exit, answer, _) = replay(&site, 1, &one);
    assert_eq!(exit, Some(1));
    let places = answer["differences"].to_string();
    assert!(places.contains("\"manifest\"") && places.contains("\"release\""), "{places}");
}

#[test]
fn evidence_of_the_operators_and_a_given_baseline_are_in_the_record() {
    let scene = Scene::whole().recording();
    let outside = scene.home.path().join("approval.dsse.json");
    fs::rename(scene.file("evidence/approval.dsse.json"), &outside).unwrap();
    let mut arguments: Vec<String> =
        ["verify", scene.drop().to_str().unwrap(), "--gate", scene.gate.to_str().unwrap(), "--record"]
            .map(str::to_owned)
            .to_vec();
    arguments.extend(circumstances());
    // Given twice it is told twice.
    for _ in 0..2 {
        arguments.extend(["--evidence", outside.to_str().unwrap()].map(str::to_owned));
    }
    let (exit, _, stderr) = told(&dropgate(&arguments));
    assert_eq!(exit, Some(0), "{stderr}");
    fs::remove_file(&outside).unwrap();
    let replayed = dropgate([
        "ledger",
        "replay",
        "0",
        scene.drop().to_str().unwrap(),
        "--gate",
        scene.gate.to_str().unwrap(),
    ]);
    assert_eq!(String::from_utf8_lossy(&replayed.stdout), "ACCEPT, the same as entry 0 says\n");
    assert_eq!(replayed.status.code(), Some(0), "{}", String::from_utf8_lossy(&replayed.stderr));
}

#[test]
fn a_gate_is_kept_under_the_names_that_its_operator_wrote() {
    let site = Site::new();
    let drop = site.release(&Release { version: "4.1.0", sequence: 10, replaces: None, text: "one" });
    fs::create_dir(site.path("keys")).unwrap();
    fs::copy(fixture("keys/acme-release.pub.pem"), site.path("keys/release.pem")).unwrap();
    fs::copy(fixture("../policies/start.toml"), site.path("start.toml")).unwrap();
    let gate = fs::read_to_string(site.path("gate.toml")).unwrap();
    let named = |name: &str| format!("{:?}", fixture(name));
    let absolute = |name: &str| format!("{:?}", site.path(name));
    for (entry, (trust, policy, key)) in (0..).zip([
        ("\"./trust.toml\"".to_owned(), "\".//start.toml\"".to_owned(), "\"./keys/release.pem\"".to_owned()),
        (absolute("trust.toml"), absolute("start.toml"), absolute("keys/release.pem")),
        ("\"keys/../trust.toml\"".to_owned(), "\"start.toml\"".to_owned(), absolute("keys/release.pem")),
    ]) {
        let store = format!(
            "version = 1\n[[key]]\nid = \"acme-release\"\npublic-key-file = {key}\nowner = \"Jane Doe\"\nparty = \"vendor\"\n\
             vendor = \"Acme Networks\"\nroles = [\"release\"]\nvalid-from = 2025-01-01T00:00:00Z\n\
             valid-until = 2125-01-01T00:00:00Z\n"
        );
        fs::write(site.path("trust.toml"), store).unwrap();
        let here = gate
            .replace(&named("gate/trust.toml"), &trust)
            .replace(&named("../policies/start.toml"), &policy);
        fs::write(site.path("gate.toml"), here).unwrap();
        let (exit, verdict, stderr) = site.verify(&drop, &["--record"]);
        assert_eq!(exit, Some(0), "{verdict} {stderr}");
        let (exit, answer, stderr) = replay(&site, entry, &drop);
        assert_eq!(exit, Some(0), "{answer} {stderr}");
    }
}

#[test]
fn a_record_that_is_not_what_it_should_be_is_told_from_one_that_cant_be_read() {
    let site = Site::new();
    let [_, two] = two_releases(&site);
    let entry = &site.entries()[1]["entry"];
    let file = |sha256: &Value| {
        let (first, rest) = sha256.as_str().unwrap().split_at(2);
        site.path(&format!("ledger/documents/sha256/{first}/{rest}"))
    };
    let verdict = file(&entry["verdictDocument"]["sha256"]);
    let kept = fs::read(&verdict).unwrap();
    // A file without end, as whoever can write the directory may put there, is not read into memory.
    fs::File::options().write(true).open(&verdict).unwrap().set_len(1 << 40).unwrap();
    let (exit, answer, stderr) = replay(&site, 1, &two);
    assert_eq!((exit, answer.is_null()), (Some(1), true), "{stderr}");
    assert!(stderr.contains(&format!("expected a document of {} bytes; found more", kept.len())), "{stderr}");
    fs::remove_file(&verdict).unwrap();
    assert_eq!(replay(&site, 1, &two).0, Some(1));
    fs::create_dir(&verdict).unwrap();
    assert_eq!(replay(&site, 1, &two).0, Some(2));
}

#[test]
fn what_is_not_in_the_record_cant_be_replayed() {
    let site = Site::new();
    let [one, _] = two_releases(&site);
    let (exit, answer, stderr) = replay(&site, 2, &one);
    assert_eq!((exit, answer.is_null()), (Some(2), true), "{stderr}");
    assert!(stderr.contains('2'), "{stderr}");
    let (exit, _, stderr) = replay(&site, 0, &site.path("none"));
    assert_eq!(exit, Some(2), "{stderr}");
}
