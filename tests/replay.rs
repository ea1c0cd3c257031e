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
    arguments.extend(["--evidence", outside.to_str().unwrap()].map(str::to_owned));
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
fn what_is_not_in_the_record_cant_be_replayed() {
    let site = Site::new();
    let [one, _] = two_releases(&site);
    let (exit, answer, stderr) = replay(&site, 2, &one);
    assert_eq!((exit, answer.is_null()), (Some(2), true), "{stderr}");
    assert!(stderr.contains('2'), "{stderr}");
    let (exit, _, stderr) = replay(&site, 0, &site.path("none"));
    assert_eq!(exit, Some(2), "{stderr}");
}
