//! The ledger says what a drop is compared with: the last accepted version of its product, in its release line.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::record::{Release, Site, codes};
use std::path::{Path, PathBuf};

fn first(site: &Site) -> PathBuf {
    site.release(&Release { version: "4.1.0", sequence: 10, replaces: None, text: "first" })
}

fn next<'r>(version: &'r str, sequence: u64, replaces: &'r str) -> Release<'r> {
    Release { version, sequence, replaces: Some(replaces), text: version }
}

/// Judges and records: the exit code and the codes of the findings.
fn recorded(site: &Site, drop: &Path) -> (Option<i32>, Vec<String>) {
    let (exit, verdict, stderr) = site.verify(drop, &["--record"]);
    assert!(exit.is_some_and(|exit| exit < 2), "{stderr}");
    assert!(stderr.contains("recorded as entry"), "{stderr}");
    (exit, codes(&verdict).into_iter().map(str::to_owned).collect())
}

#[track_caller]
fn accepted(site: &Site, drop: &Path) {
    assert_eq!(recorded(site, drop), (Some(0), Vec::new()));
}

#[track_caller]
fn rejected(site: &Site, drop: &Path, code: &str) {
    assert_eq!(recorded(site, drop), (Some(1), vec![code.to_owned()]));
}

#[test]
fn each_release_is_compared_with_the_last_accepted_one() {
    let site = Site::new();
    accepted(&site, &first(&site));
    let second = site.release(&next("4.2.0", 11, "4.1.0"));
    let (exit, verdict, _) = site.verify(&second, &["--record"]);
    assert_eq!(exit, Some(0), "{verdict}");
    let control =
        verdict["controls"].as_array().unwrap().iter().find(|one| one["id"] == "so14.version-advances");
    assert_eq!(control.unwrap()["summary"], "advances on 4.1.0 (sequence 10)");
    accepted(&site, &site.release(&next("4.3.0", 12, "4.2.0")));
    // From the first one on it would be a step back to what was replaced.
    rejected(&site, &site.release(&next("4.2.1", 13, "4.2.0")), "fork");
    rejected(&site, &second, "rollback");
}

#[test]
fn a_first_drop_that_replaces_something_needs_to_be_told_what() {
    let site = Site::new();
    let before = first(&site);
    let drop = site.release(&next("4.2.0", 11, "4.1.0"));
    rejected(&site, &drop, "baseline-missing");
    let manifest = before.join("drop.dsse.json").display().to_string();
    let (exit, verdict, stderr) = site.verify(&drop, &["--record", "--baseline", &manifest]);
    assert_eq!(exit, Some(0), "{verdict} {stderr}");
    // From here on the ledger knows.
    accepted(&site, &site.release(&next("4.3.0", 12, "4.2.0")));
}

#[test]
fn the_same_drop_again_is_judged_as_the_first_time() {
    let site = Site::new();
    let one = first(&site);
    accepted(&site, &one);
    accepted(&site, &one);
    let two = site.release(&next("4.2.0", 11, "4.1.0"));
    accepted(&site, &two);
    accepted(&site, &two);
    accepted(&site, &two);
    // Superseded, it is a replay.
    rejected(&site, &one, "rollback");
    accepted(&site, &two);
}

#[test]
fn what_was_rejected_is_no_baseline() {
    let site = Site::new();
    accepted(&site, &first(&site));
    let spoiled = site.release(&next("4.2.0", 11, "4.1.0"));
    std::fs::write(spoiled.join("image.bin"), "other").unwrap();
    rejected(&site, &spoiled, "file-altered");
    accepted(&site, &site.release(&next("4.2.1", 12, "4.1.0")));
}

#[test]
fn other_contents_under_an_accepted_version_are_refused() {
    let site = Site::new();
    accepted(&site, &first(&site));
    accepted(&site, &site.release(&next("4.2.0", 11, "4.1.0")));
    let again = Release { text: "other contents", ..next("4.2.0", 11, "4.1.0") };
    let (exit, found) = recorded(&site, &site.release_as("again", &again));
    assert_eq!((exit, found), (Some(1), vec!["version-reused".to_owned()]));
}

#[test]
fn an_accepted_version_never_means_other_contents_later() {
    let site = Site::new();
    accepted(&site, &first(&site));
    accepted(&site, &site.release(&next("4.2.0", 11, "4.1.0")));
    let again = Release { text: "other contents", ..next("4.1.0", 12, "4.2.0") };
    rejected(&site, &site.release_as("again", &again), "version-reused");
    // What was recorded of it is replayed to the same end, whatever came after.
    accepted(&site, &site.release(&next("4.3.0", 13, "4.2.0")));
    let drop = site.path("drops/again").display().to_string();
    let replayed = site.ledger(&["replay", "2", &drop]);
    assert_eq!(replayed.status.code(), Some(0), "{}", String::from_utf8_lossy(&replayed.stdout));
}

#[test]
fn without_lines_a_fix_to_an_older_line_is_a_rollback() {
    let site = Site::new();
    accepted(&site, &first(&site));
    accepted(&site, &site.release(&next("4.2.0", 11, "4.1.0")));
    rejected(&site, &site.release(&next("4.1.1", 12, "4.1.0")), "fork");
}

#[test]
fn each_release_line_has_its_own_last_accepted_version() {
    let lines = "[[release-line]]\nvendor = \"Acme Networks\"\nproduct = \"radio-7\"\n\
        versions-beginning = [\"4.1.\", \"4.2.\"]\n";
    let site = Site::with(lines);
    accepted(&site, &first(&site));
    accepted(&site, &site.release(&next("4.2.0", 11, "4.1.0")));
    let fix = site.release(&next("4.1.1", 12, "4.1.0"));
    accepted(&site, &fix);
    accepted(&site, &site.release(&next("4.2.1", 13, "4.2.0")));
    accepted(&site, &fix);
    // In its own line it is still compared.
    rejected(&site, &site.release(&next("4.1.2", 14, "4.1.0")), "fork");
    // The first of a line follows on the newest of another that it names.
    accepted(&site, &site.release(&next("5.0.0", 15, "4.2.1")));
}

#[test]
fn two_drops_that_replace_the_same_one_are_not_both_accepted() {
    let site = Site::new();
    accepted(&site, &first(&site));
    let drops: Vec<PathBuf> = (0..4_u64)
        .map(|at| {
            let version = format!("4.2.{at}");
            site.release(&next(&version, 11 + at, "4.1.0"))
        })
        .collect();
    let exits: Vec<Option<i32>> = std::thread::scope(|scope| {
        let site = &site;
        let running: Vec<_> =
            drops.iter().map(|drop| scope.spawn(move || site.verify(drop, &["--record"]).0)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(exits.iter().filter(|exit| **exit == Some(0)).count(), 1, "{exits:?}");
    assert_eq!(exits.iter().filter(|exit| **exit == Some(1)).count(), 3, "{exits:?}");
}

#[test]
fn the_ledger_has_the_say_over_the_flag_when_it_is_recorded() {
    let site = Site::new();
    let one = first(&site);
    accepted(&site, &one);
    accepted(&site, &site.release(&next("4.2.0", 11, "4.1.0")));
    let drop = site.release(&next("4.1.1", 12, "4.1.0"));
    let manifest = one.join("drop.dsse.json").display().to_string();
    let (exit, verdict, stderr) = site.verify(&drop, &["--record", "--baseline", &manifest]);
    assert_eq!((exit, verdict.is_null()), (Some(2), true), "{stderr}");
    assert!(
        stderr.contains("expected the last accepted version by the ledger, \"4.2.0\" of entry 1"),
        "{stderr}"
    );
    // Not recorded, it is free to ask, and the answer says so.
    let (exit, _, stderr) = site.verify(&drop, &["--baseline", &manifest]);
    assert_eq!(exit, Some(0), "{stderr}");
    assert!(stderr.contains("whatever the ledger says"), "{stderr}");
    let (exit, verdict, _) = site.verify(&drop, &[]);
    assert_eq!((exit, codes(&verdict)), (Some(1), vec!["fork"]));
}

#[test]
fn a_drop_that_was_compared_with_nothing_is_compared_with_nothing_again() {
    let site = Site::new();
    let one = first(&site);
    accepted(&site, &one);
    let older = site.release(&Release { version: "4.0.0", sequence: 9, replaces: None, text: "older" });
    let manifest = older.join("drop.dsse.json").display().to_string();
    let (exit, verdict, stderr) = site.verify(&one, &["--record", "--baseline", &manifest]);
    assert_eq!((exit, verdict.is_null()), (Some(2), true), "{stderr}");
    assert!(
        stderr.contains("accepted by entry 0, compared with nothing: expected no baseline, found \"4.0.0\""),
        "{stderr}"
    );
    assert_eq!(site.entries().len(), 1);
    accepted(&site, &one);
}

#[test]
fn without_record_nothing_is_made() {
    let site = Site::new();
    let drop = first(&site);
    assert_eq!(site.verify(&drop, &[]).0, Some(0));
    assert!(!site.path("ledger").exists());
}
