//! Whenever an admission is killed, and whichever call fails, the store holds whole versions and nothing else; the next run
//! admits and leaves nothing behind. What is in its place was on the disk before it got there. The kernel is the witness:
//! strace kills or fails one call of a run after the other.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use common::{Scene, have};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PLACE: &str = "Acme%20Networks/radio-7/4.2.1";

/// Every call by which an admission changes anything.
const CALLS: [&str; 11] = [
    "mkdir",
    "mkdirat",
    "openat",
    "openat2",
    "write",
    "fchmod",
    "fsync",
    "syncfs",
    "renameat2",
    "renameat",
    "unlinkat",
];

/// The scene's drop, admitted into a store of its own by one thread, so that its calls have one order.
fn command(scene: &Scene, store: &Path) -> Vec<OsString> {
    let mut command: Vec<OsString> =
        vec![env!("CARGO_BIN_EXE_dropgate").into(), "admit".into(), scene.drop().into()];
    command.extend(["--jobs", "1", "--gate"].map(OsString::from));
    command.extend([scene.gate.clone().into(), "--into".into(), store.into()]);
    command.extend(scene.arguments.iter().map(OsString::from));
    command
}

fn plainly(scene: &Scene, store: &Path) -> Output {
    let command = command(scene, store);
    Command::new(&command[0]).args(&command[1..]).output().unwrap()
}

fn traced(scene: &Scene, store: &Path, options: &[&str]) -> (Output, Vec<String>) {
    let log = scene.home.path().join("calls");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-y", "-s", "16", "-e", "signal=none", "-o"])
        .arg(&log)
        .args(options)
        .args(command(scene, store))
        .output()
        .unwrap();
    let text = fs::read_to_string(&log).unwrap();
    // Each line begins with the number of its thread.
    let calls =
        text.lines().map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').to_owned());
    (output, calls.collect())
}

fn trace(calls: &[&str]) -> String {
    format!("trace={}", calls.join(","))
}

/// The calls of an undisturbed run that change something: each with its ordinal among the calls of its name.
fn changing(calls: &[String]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut changing = Vec::new();
    for call in calls {
        let Some((name, rest)) = call.split_once('(') else { continue };
        let count = counts.entry(name.to_owned()).or_default();
        *count += 1;
        if !name.starts_with("open") || rest.contains("O_CREAT") {
            changing.push((name.to_owned(), *count));
        }
    }
    changing
}

fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut tree = BTreeMap::new();
    let mut walk = vec![root.to_path_buf()];
    while let Some(path) = walk.pop() {
        let contents = if path.is_dir() {
            walk.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        tree.insert(path.strip_prefix(root).unwrap().to_path_buf(), contents);
    }
    tree
}

/// The places of a store: whatever is three directories deep.
fn places(store: &Path) -> Vec<PathBuf> {
    let below = |directory: &Path| -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.file_name().unwrap() != ".dropgate").collect()
    };
    below(store).iter().flat_map(|vendor| below(vendor)).flat_map(|product| below(&product)).collect()
}

/// That the ledger is whole as it stands, without repair, and says so of what stands in the store.
#[track_caller]
fn recorded(scene: &Scene, there: bool, claim: &str) {
    let ledger = |words: &[&str]| {
        let binary = env!("CARGO_BIN_EXE_dropgate");
        Command::new(binary).arg("ledger").args(words).arg("--gate").arg(&scene.gate).output().unwrap()
    };
    let checked = ledger(&["verify"]);
    let stderr = String::from_utf8_lossy(&checked.stderr);
    match checked.status.code() {
        Some(0) => {}
        // Killed before the first checkpoint.
        Some(2) if !there && stderr.contains("there is no ledger") => {}
        other => panic!("{claim}: {other:?} {}{stderr}", String::from_utf8_lossy(&checked.stdout)),
    }
    if there {
        let listed = ledger(&["list", "--verdict", "accept", "--action", "admit", "--scan"]);
        assert!(String::from_utf8_lossy(&listed.stdout).contains("ACCEPT"), "{claim}: not recorded");
    }
}

/// That the store holds the drop whole or not at all.
#[track_caller]
fn whole_or_nothing(scene: &Scene, store: &Path, claim: &str) -> bool {
    let places = places(store);
    for place in &places {
        assert_eq!(place, &store.join(PLACE), "{claim}");
        assert_eq!(tree(place), tree(&scene.drop()), "{claim}");
    }
    !places.is_empty()
}

/// That another run admits the drop and leaves nothing behind.
#[track_caller]
fn heals(scene: &Scene, store: &Path, claim: &str) {
    let output = plainly(scene, store);
    assert_eq!(output.status.code(), Some(0), "{claim}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(whole_or_nothing(scene, store, claim), "{claim}");
    for path in tree(&store.join(PLACE)).keys() {
        let path = store.join(PLACE).join(path);
        let expected = if path.is_dir() { 0o555 } else { 0o444 };
        assert_eq!(
            path.metadata().unwrap().permissions().mode() & 0o7777,
            expected,
            "{claim}: {}",
            path.display()
        );
    }
    let staged = fs::read_dir(store.join(".dropgate/staging")).unwrap().count();
    assert_eq!(staged, 0, "{claim}: leftovers");
}

/// What is in the store when the run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// There is no store.
    Nothing,
    /// The drop stands there, and a killed run has left its staging.
    DropAndLeftover,
}

fn prepared(scene: &Scene, store: &Path, before: Before) {
    // A version is read-only, which root does not feel.
    let gate = scene.home.path().join("gate");
    let there = [store, &gate.join("ledger"), &gate.join("ledger.checkpoint")];
    let removed = Command::new("rm").arg("-rf").args(there).status();
    assert!(removed.unwrap().success());
    if before == Before::DropAndLeftover {
        assert_eq!(plainly(scene, store).status.code(), Some(0));
        let leftover = store.join(".dropgate/staging/0123");
        common::copy(&scene.drop(), &leftover.join("contents"));
        fs::write(leftover.join("alive"), "").unwrap();
    }
}

/// The plain drop without its statements, and a gate of few files: each of them is one to record.
fn small() -> Scene {
    let mut scene = Scene::good();
    let gate = scene.home.path().join("gate");
    let made = Command::new(env!("CARGO_BIN_EXE_dropgate"))
        .arg("init")
        .arg(&gate)
        .args(["--operator", "Example Telecom", "--vendor", "Acme Networks", "--owner", "Jane Doe", "--key"])
        .arg(common::fixture("keys/acme-release.pub.pem"))
        .output()
        .unwrap();
    assert!(made.status.success());
    fs::remove_dir_all(scene.file("evidence")).unwrap();
    scene.gate = gate.join("gate.toml");
    scene
}

fn each_call(test: impl Fn(&Scene, &Path, Before, &str, usize)) {
    if !have("strace", &["-o", "/dev/null", "true"]) {
        return;
    }
    for before in [Before::Nothing, Before::DropAndLeftover] {
        let scene = small();
        let store = scene.home.path().join("store");
        prepared(&scene, &store, before);
        let (output, calls) = traced(&scene, &store, &["-e", &trace(&CALLS)]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let changing = changing(&calls);
        let names: BTreeSet<&str> = changing.iter().map(|(name, _)| name.as_str()).collect();
        assert!(
            names.is_superset(&["mkdirat", "openat2", "write", "fchmod", "fsync", "unlinkat"].into()),
            "{names:?}"
        );
        eprintln!("{before:?}: {} calls", changing.len());
        // With something there already, much is as in the first round.
        let step = if before == Before::Nothing { 1 } else { 5 };
        for (name, ordinal) in changing.iter().step_by(step) {
            prepared(&scene, &store, before);
            test(&scene, &store, before, name, *ordinal);
        }
    }
}

#[test]
fn an_admission_may_be_killed_at_every_call_that_changes_something() {
    each_call(|scene, store, before, name, ordinal| {
        let claim = format!("{before:?}: killed before {name} number {ordinal}");
        let inject = format!("inject={name}:signal=KILL:when={ordinal}");
        let (output, _) = traced(scene, store, &["-e", &trace(&[name]), "-e", &inject]);
        assert!(
            output.status.signal() == Some(9) || output.status.code() == Some(137),
            "{claim}: {output:?}"
        );
        let there = whole_or_nothing(scene, store, &claim);
        assert!(there || before == Before::Nothing, "{claim}");
        recorded(scene, there, &claim);
        heals(scene, store, &claim);
    });
}

#[test]
fn an_admission_survives_the_failure_of_every_call_that_changes_something() {
    each_call(|scene, store, before, name, ordinal| {
        let errors: &[&str] = match name {
            "fsync" | "syncfs" | "unlinkat" => &["EIO"],
            _ => &["ENOSPC"],
        };
        for error in errors {
            let claim = format!("{before:?}: {name} number {ordinal} fails by {error}");
            prepared(scene, store, before);
            let inject = format!("inject={name}:error={error}:when={ordinal}");
            let (output, _) = traced(scene, store, &["-e", &trace(&[name]), "-e", &inject]);
            let there = whole_or_nothing(scene, store, &claim);
            recorded(scene, there, &claim);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => assert!(there, "{claim}: accepted, and not there"),
                Some(2) => assert!(stderr.contains("error: "), "{claim}: {stderr}"),
                other => panic!("{claim}: exit {other:?}: {stderr}"),
            }
            heals(scene, store, &claim);
        }
    });
}

#[test]
fn a_file_system_without_exclusive_renames_and_a_kernel_without_openat2_will_do() {
    if !have("strace", &["-o", "/dev/null", "true"]) {
        return;
    }
    for inject in ["renameat2:error=EINVAL", "openat2:error=ENOSYS"] {
        let scene = Scene::good().recording();
        let store = scene.home.path().join("store");
        let name = inject.split(':').next().unwrap();
        let (output, calls) =
            traced(&scene, &store, &["-e", &trace(&[name]), "-e", &format!("inject={inject}")]);
        assert_eq!(output.status.code(), Some(0), "{inject}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(calls.iter().any(|call| call.contains("INJECTED")), "{inject}");
        heals(&scene, &store, inject);
    }
}

/// The path of the handle that a call's first argument is, as strace shows it.
fn handle(call: &str) -> &str {
    call.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path)
}

/// The name that a call gives second, relative to its handle.
fn named(call: &str) -> String {
    let name = call.split('"').nth(1).unwrap();
    format!("{}/{name}", handle(call))
}

/// What was changed and is not on the disk, as the calls of a run follow one another.
#[derive(Default)]
struct Unsynced(BTreeSet<String>);

impl Unsynced {
    fn follow(&mut self, call: &str) {
        let name = call.split('(').next().unwrap();
        if call.contains(" = -1 ") {
            return;
        }
        match name {
            "mkdirat" => {
                self.0.insert(handle(call).to_owned());
                self.0.insert(named(call));
            }
            "openat" | "openat2" if call.contains("O_CREAT") => {
                let file = named(call);
                self.0.insert(file.rsplit_once('/').unwrap().0.to_owned());
                self.0.insert(file);
            }
            "write" | "fchmod" => {
                self.0.insert(handle(call).to_owned());
            }
            "fsync" => {
                self.0.remove(handle(call));
            }
            "syncfs" => self.0.clear(),
            _ => {}
        }
    }

    fn below(&self, directory: &str) -> Vec<&String> {
        self.0
            .iter()
            .filter(|path| path.as_str() == directory || path.starts_with(&format!("{directory}/")))
            .collect()
    }
}

/// Follows the calls of a run, and fails where the rename comes before what is renamed is on the disk, or ACCEPT before the
/// place is.
fn in_order(scene: &Scene, calls: &[String], store: &Path) {
    let store = store.canonicalize().unwrap();
    let shown = |path: &Path| path.to_str().unwrap().to_owned();
    let mut unsynced = Unsynced::default();
    let mut written = BTreeSet::new();
    let mut placed = false;
    let mut accepted = false;
    for call in calls {
        if call.starts_with("renameat2(") {
            let contents = named(call);
            assert!(contents.ends_with("/contents"), "{call}");
            assert!(unsynced.below(&contents).is_empty(), "not on the disk: {:?}", unsynced.below(&contents));
            let files = tree(&scene.drop()).into_iter().filter(|(path, _)| scene.drop().join(path).is_file());
            for (path, contents_of) in files {
                let copy = format!("{contents}/{}", path.display());
                assert!(contents_of.is_empty() || written.contains(&copy), "{copy} was not written");
            }
            placed = true;
            // These change by it.
            let product = store.join(PLACE).parent().unwrap().to_path_buf();
            unsynced.0.insert(shown(&product));
            continue;
        }
        if call.starts_with("write(") && call.contains("\"ACCEPT") {
            accepted = true;
            assert!(placed);
            for above in [PLACE, "Acme%20Networks/radio-7", "Acme%20Networks"] {
                let path = shown(&store.join(above));
                assert!(!unsynced.0.contains(&path), "ACCEPT before {path} was on the disk");
            }
            assert!(!unsynced.0.contains(&shown(&store)), "ACCEPT before the store was on the disk");
        }
        if call.starts_with("write(") {
            written.insert(handle(call).to_owned());
        }
        unsynced.follow(call);
    }
    assert!(placed && accepted);
}

#[test]
fn everything_is_on_the_disk_before_it_takes_its_place_and_the_place_before_accept() {
    if !have("strace", &["-o", "/dev/null", "true"]) {
        return;
    }
    // Few files are synced one by one, many at once.
    for (more, call) in [(0, "fsync("), (100, "syncfs(")] {
        let scene = Scene::good().recording();
        let store = scene.home.path().join("store");
        fill(&scene, more);
        fs::create_dir(scene.file("docs/empty")).unwrap();
        let (output, calls) = traced(&scene, &store, &["-e", &trace(&CALLS)]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        if !calls.iter().any(|one| one.starts_with(call)) {
            eprintln!("NOT TESTED: this file system makes do without {call}");
        }
        in_order(&scene, &calls, &store);
    }
}

/// Adds so many files to the drop and its manifest.
fn fill(scene: &Scene, files: usize) {
    use sha2::{Digest, Sha256};
    let mut subjects = Vec::new();
    for number in 0..files {
        let name = format!("many/file-{number:03}");
        fs::create_dir_all(scene.file("many")).unwrap();
        fs::write(scene.file(&name), &name).unwrap();
        let digest: String = Sha256::digest(&name).iter().map(|byte| format!("{byte:02x}")).collect();
        subjects.push(serde_json::json!({ "name": name, "digest": { "sha256": digest } }));
    }
    scene.resign(|statement| statement["subject"].as_array_mut().unwrap().extend(subjects));
}

#[test]
fn many_files_that_are_synced_at_once_survive_too() {
    if !have("strace", &["-o", "/dev/null", "true"]) {
        return;
    }
    let scene = Scene::good().recording();
    let store = scene.home.path().join("store");
    fill(&scene, 100);
    let (_, calls) = traced(&scene, &store, &["-e", "trace=syncfs"]);
    if calls.is_empty() {
        eprintln!("NOT TESTED: this file system is synced file by file");
        return;
    }
    for inject in ["signal=KILL", "error=EIO"] {
        prepared(&scene, &store, Before::Nothing);
        let inject = format!("inject=syncfs:{inject}:when=1");
        let (output, _) = traced(&scene, &store, &["-e", "trace=syncfs", "-e", &inject]);
        assert_ne!(output.status.code(), Some(0), "{inject}");
        assert!(!whole_or_nothing(&scene, &store, &inject), "{inject}: admitted all the same");
        heals(&scene, &store, &inject);
    }
}
