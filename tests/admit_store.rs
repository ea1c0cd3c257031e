//! What was judged is what is admitted: byte for byte, read-only, whole or not at all; and whatever else happens leaves the
//! store as it was.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use common::{Scene, copy, copy_of_the_binary, dropgate, have};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// Where the good drop belongs.
const PLACE: &str = "Acme%20Networks/radio-7/4.2.1";

/// Runs `dropgate admit` for the scene's drop.
fn admit(scene: &Scene, store: &Path) -> Output {
    dropgate(arguments(scene, &scene.drop(), store))
}

fn arguments(scene: &Scene, drop: &Path, store: &Path) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["admit", drop.to_str().unwrap(), "--gate", scene.gate.to_str().unwrap()].map(str::to_owned).to_vec();
    arguments.extend(["--into".to_owned(), store.display().to_string()]);
    arguments.extend(scene.arguments.clone());
    arguments
}

#[track_caller]
fn exits(output: &Output, code: i32, says: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{}{stderr}", String::from_utf8_lossy(&output.stdout));
    assert!(stderr.contains(says), "expected {says:?} in\n{stderr}");
    let accept = String::from_utf8_lossy(&output.stdout).contains("ACCEPT");
    assert_eq!(accept, code == 0, "{}", String::from_utf8_lossy(&output.stdout));
}

/// All that a store shows to its readers: each path with kind, mode, time of change, and contents.
fn shown(store: &Path) -> BTreeMap<PathBuf, (u32, SystemTime, Vec<u8>)> {
    let mut shown = BTreeMap::new();
    let mut walk = vec![store.to_path_buf()];
    while let Some(path) = walk.pop() {
        let meta = path.symlink_metadata().unwrap();
        let contents = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if meta.is_dir() {
            walk.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        shown.insert(path, (meta.mode(), meta.modified().unwrap(), contents));
    }
    shown.retain(|path, _| !path.starts_with(store.join(".dropgate")));
    shown
}

/// The files and directories below a directory, by relative path, with the files' contents.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let below = |(path, (_, _, contents)): (PathBuf, (u32, SystemTime, Vec<u8>))| {
        (path.strip_prefix(root).unwrap().to_path_buf(), contents)
    };
    shown(root).into_iter().map(below).collect()
}

fn staged(store: &Path) -> usize {
    fs::read_dir(store.join(".dropgate/staging")).map_or(0, Iterator::count)
}

/// A store that holds something else already, so that what leaves it as it was can be told from what makes it.
fn store_of(scene: &Scene) -> PathBuf {
    let store = scene.home.path().join("store");
    fs::create_dir_all(store.join("Other/thing/1")).unwrap();
    fs::create_dir(store.join(".dropgate")).unwrap();
    fs::set_permissions(store.join(".dropgate"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(store.join("Other/thing/1/file"), "kept").unwrap();
    store
}

#[test]
fn an_accepted_drop_stands_in_the_store_byte_for_byte_and_read_only() {
    let scene = Scene::whole().recording();
    fs::create_dir(scene.file("docs/empty")).unwrap();
    let store = scene.home.path().join("store");
    exits(&admit(&scene, &store), 0, &format!("admitted into {}", store.join(PLACE).display()));
    let place = store.join(PLACE);
    assert_eq!(tree(&place), tree(&scene.drop()));
    for (path, (mode, ..)) in shown(&place) {
        let expected = if path.is_dir() { 0o555 } else { 0o444 };
        assert_eq!(mode & 0o7777, expected, "{}", path.display());
    }
    for above in ["", "Acme%20Networks", "Acme%20Networks/radio-7"] {
        assert_eq!(store.join(above).metadata().unwrap().mode() & 0o7777, 0o755, "{above}");
    }
    assert_eq!(staged(&store), 0);

    // Somebody else's tools agree.
    if have("sha256sum", &["--version"]) && have("find", &["--version"]) {
        let sums = Command::new("sh")
            .args(["-c", "find . -type f -exec sha256sum {} +"])
            .current_dir(scene.drop())
            .output()
            .unwrap();
        let list = scene.home.path().join("sums");
        fs::write(&list, sums.stdout).unwrap();
        let check = Command::new("sha256sum").arg("-c").arg(&list).current_dir(&place).output().unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }
}

#[test]
fn the_mask_of_the_process_takes_no_rights_from_readers() {
    let scene = Scene::good().recording();
    let store = scene.home.path().join("store");
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_dropgate")]);
    let output = command.args(arguments(&scene, &scene.drop(), &store)).output().unwrap();
    exits(&output, 0, "admitted into");
    for (path, (mode, ..)) in shown(&store.join(PLACE)) {
        assert_eq!(mode & 0o7777, if path.is_dir() { 0o555 } else { 0o444 }, "{}", path.display());
    }
}

#[test]
fn admitting_the_same_drop_again_changes_nothing_and_says_so() {
    let scene = Scene::whole().recording();
    let store = store_of(&scene);
    exits(&admit(&scene, &store), 0, "admitted into");
    let before = shown(&store);
    let elsewhere = scene.home.path().join("elsewhere");
    copy(&scene.drop(), &elsewhere);
    exits(&dropgate(arguments(&scene, &elsewhere, &store)), 0, "the same files stand in");
    assert_eq!(shown(&store), before);
    assert_eq!(staged(&store), 0);
}

#[test]
fn a_place_left_writable_by_a_killed_run_is_healed() {
    let scene = Scene::good().recording();
    let store = scene.home.path().join("store");
    exits(&admit(&scene, &store), 0, "admitted into");
    let place = store.join(PLACE);
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    exits(&admit(&scene, &store), 0, "the same files stand in");
    assert_eq!(place.metadata().unwrap().mode() & 0o7777, 0o555);
}

#[test]
fn a_rejected_drop_leaves_the_store_as_it_was() {
    let scene = Scene::whole().recording();
    let store = store_of(&scene);
    let before = shown(&store);
    fs::write(scene.file("firmware/added.bin"), "not listed").unwrap();
    exits(&admit(&scene, &store), 1, "");
    assert_eq!(shown(&store), before);
    assert_eq!(staged(&store), 0);
}

#[test]
fn verify_and_admit_give_the_same_verdict() {
    let scene = Scene::whole().recording();
    let store = scene.home.path().join("store");
    let with = |command: &str, more: &[&str]| {
        let mut arguments = vec![command.to_owned(), scene.drop().display().to_string()];
        arguments.extend(["--format", "json", "--gate", scene.gate.to_str().unwrap()].map(str::to_owned));
        arguments.extend(scene.arguments.clone());
        arguments.extend(more.iter().map(|one| (*one).to_owned()));
        dropgate(arguments)
    };
    let into = ["--into", store.to_str().unwrap()];
    let (verified, admitted) = (with("verify", &[]), with("admit", &into));
    assert_eq!((verified.status.code(), admitted.status.code()), (Some(0), Some(0)));
    assert_eq!(verified.stdout, admitted.stdout);
    fs::write(scene.file("firmware/added.bin"), "not listed").unwrap();
    let (verified, admitted) = (with("verify", &[]), with("admit", &into));
    assert_eq!((verified.status.code(), admitted.status.code()), (Some(1), Some(1)));
    assert_eq!(verified.stdout, admitted.stdout);
}

#[test]
fn a_place_that_holds_anything_else_is_never_replaced() {
    type Change = fn(&Path);
    let changes: [(&str, Change, &str); 8] = [
        ("other bytes", |p| write(p, "firmware/radio.bin", None), "other bytes"),
        (
            "one byte more",
            |p| write(p, "firmware/radio.bin", Some(b"more")),
            "bytes, as it was judged, found",
        ),
        ("a file more", |p| fs::write(p.join("firmware/zz"), "x").unwrap(), "expected no such name"),
        (
            "a file less",
            |p| fs::remove_file(p.join("firmware/radio.bin")).unwrap(),
            "expected it to be there",
        ),
        ("a directory more", |p| fs::create_dir(p.join("aa")).unwrap(), "`aa`: expected no such name"),
        ("a link", |p| symlink("radio.bin", p.join("firmware/ln")).unwrap(), "found a symbolic link"),
        (
            "nothing",
            |p| {
                fs::remove_dir_all(p).unwrap();
                fs::create_dir(p).unwrap();
            },
            "expected it to be there",
        ),
        (
            "a file in its place",
            |p| {
                fs::remove_dir_all(p).unwrap();
                fs::write(p, "x").unwrap();
            },
            "expected a directory, found another kind of file",
        ),
    ];
    for (claim, change, says) in changes {
        let scene = Scene::good().recording();
        let store = store_of(&scene);
        fs::create_dir_all(store.join("Acme%20Networks/radio-7")).unwrap();
        let place = store.join(PLACE);
        copy(&scene.drop(), &place);
        change(&place);
        let before = shown(&store);
        let output = admit(&scene, &store);
        exits(&output, 2, says);
        assert!(String::from_utf8_lossy(&output.stderr).contains("4.2.1"), "{claim}");
        assert_eq!(shown(&store), before, "{claim}");
        assert_eq!(staged(&store), 0, "{claim}");
    }

    fn write(place: &Path, file: &str, more: Option<&[u8]>) {
        let mut bytes = fs::read(place.join(file)).unwrap();
        match more {
            Some(more) => bytes.extend_from_slice(more),
            None => *bytes.last_mut().unwrap() ^= 1,
        }
        fs::write(place.join(file), bytes).unwrap();
    }
}

#[test]
fn a_link_in_the_stores_own_path_is_refused_by_name() {
    for link in [
        ".dropgate",
        ".dropgate/staging",
        ".dropgate/lock",
        "Acme%20Networks",
        "Acme%20Networks/radio-7",
        PLACE,
    ] {
        let scene = Scene::good().recording();
        let (store, outside) = (scene.home.path().join("store"), scene.home.path().join("outside"));
        fs::create_dir(&outside).unwrap();
        fs::create_dir_all(store.join(".dropgate")).unwrap();
        fs::set_permissions(store.join(".dropgate"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir_all(store.join(link).parent().unwrap()).unwrap();
        let _ = fs::remove_dir(store.join(link));
        symlink(&outside, store.join(link)).unwrap();
        let output = admit(&scene, &store);
        exits(&output, 2, link);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains("symbolic link"), "{link}: {stderr}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{link}");
    }
}

#[test]
fn what_is_being_judged_is_out_of_reach_of_others() {
    let scene = Scene::good().recording();
    let store = store_of(&scene);
    exits(&admit(&scene, &store), 0, "admitted into");
    let own = store.join(".dropgate");
    for mode in [0o770, 0o701, 0o777] {
        fs::set_permissions(&own, fs::Permissions::from_mode(mode)).unwrap();
        exits(&admit(&scene, &store), 2, &format!("(0700), found mode {mode:04o}"));
    }
}

#[test]
fn the_store_may_be_named_by_a_link() {
    let scene = Scene::good().recording();
    let (store, link) = (scene.home.path().join("store"), scene.home.path().join("link"));
    fs::create_dir(&store).unwrap();
    symlink(&store, &link).unwrap();
    exits(&admit(&scene, &link), 0, "admitted into");
    assert_eq!(tree(&store.join(PLACE)), tree(&scene.drop()));
}

#[test]
fn a_store_is_a_directory_and_its_parent_exists() {
    let scene = Scene::good().recording();
    let file = scene.home.path().join("file");
    fs::write(&file, "x").unwrap();
    exits(&admit(&scene, &file), 2, "expected a directory");
    exits(&admit(&scene, &scene.home.path().join("none/store")), 2, "No such file");
    assert!(!scene.home.path().join("none").exists());
    let dangling = scene.home.path().join("dangling");
    symlink("nowhere", &dangling).unwrap();
    exits(&admit(&scene, &dangling), 2, "dangling");
}

#[test]
fn names_of_vendors_neither_collide_nor_escape() {
    for (vendor, directory) in [
        (".", "%2E"),
        ("..", "%2E."),
        (".dropgate", "%2Edropgate"),
        ("CON", "CON"),
        ("a%2Fb", "a%252Fb"),
        ("a%252Fb", "a%25252Fb"),
        ("Nørd & Söner", "N%C3%B8rd%20%26%20S%C3%B6ner"),
        ("~root", "%7Eroot"),
        ("-rf", "-rf"),
    ] {
        let scene = scene_of(vendor);
        let store = scene.home.path().join("store");
        let output = admit(&scene, &store);
        if matches!(vendor, "." | "..") {
            // Such a name is no name at all, long before it is a place.
            assert_ne!(output.status.code(), Some(0), "{vendor}");
            assert!(!store.exists(), "{vendor}");
            continue;
        }
        exits(&output, 0, "admitted into");
        assert!(store.join(directory).join("radio-7/4.2.1/drop.dsse.json").is_file(), "{vendor}");
        assert_eq!(fs::read_dir(&store).unwrap().count(), 2, "{vendor}");
    }
    let scene = scene_of(&"é".repeat(60));
    let store = scene.home.path().join("store");
    exits(&admit(&scene, &store), 2, "expected at most 255 bytes once encoded, found 360");
    assert_eq!(shown(&store).len(), 1);
}

/// The plain drop by a vendor of this name, and a gate that trusts the vendor's key.
fn scene_of(vendor: &str) -> Scene {
    let mut scene = Scene::good();
    let gate = scene.home.path().join("gate");
    exits_zero(&dropgate([
        "init",
        gate.to_str().unwrap(),
        "--operator",
        "Example Telecom",
        "--key",
        common::fixture("keys/acme-release.pub.pem").to_str().unwrap(),
        "--vendor",
        "Acme Networks",
        "--owner",
        "Jane",
    ]));
    let trust = fs::read_to_string(gate.join("trust.toml")).unwrap();
    fs::write(gate.join("trust.toml"), trust.replace("\"Acme Networks\"", &format!("{vendor:?}"))).unwrap();
    fs::remove_dir_all(scene.file("evidence")).unwrap();
    scene.resign(|statement| statement["predicate"]["vendor"] = vendor.into());
    scene.gate = gate.join("gate.toml");
    scene
}

#[track_caller]
fn exits_zero(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn drop_and_store_lie_apart() {
    let scene = Scene::good().recording();
    let home = scene.home.path();
    // The store in the drop, there already or not.
    exits(&admit(&scene, &scene.file("store")), 2, "lies inside the drop");
    assert!(!scene.file("store").exists());
    exits(&admit(&scene, &scene.drop()), 2, "lies inside");
    assert!(!scene.file(".dropgate").exists());
    // The drop in the store.
    exits(&admit(&scene, home), 2, "lies inside the store");
    assert!(!home.join(".dropgate").exists());
    // The same by a link.
    let link = home.join("link");
    symlink(scene.drop(), &link).unwrap();
    exits(&admit(&scene, &link.join("store")), 2, "lies inside the drop");
    symlink(home, scene.home.path().join("up")).unwrap();
    exits(&admit(&scene, &home.join("up")), 2, "lies inside the store");
    assert!(!home.join(".dropgate").exists());
}

#[test]
fn a_bind_mount_of_the_drop_is_no_store() {
    let scene = Scene::good().recording();
    let mount = scene.home.path().join("mount");
    fs::create_dir(&mount).unwrap();
    let Some(_mounted) = Mount::new(&["--bind", scene.drop().to_str().unwrap()], &mount) else { return };
    exits(&admit(&scene, &mount), 2, "lies inside");
    exits(&admit(&scene, &mount.join("store")), 2, "lies inside");
    assert!(!scene.file(".dropgate").exists() && !scene.file("store").exists());
}

#[test]
fn drop_and_store_may_lie_on_different_file_systems() {
    let scene = Scene::whole().recording();
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("NOT TESTED: there is no /dev/shm");
        return;
    };
    let store = memory.path().join("store");
    exits(&admit(&scene, &store), 0, "admitted into");
    assert_eq!(tree(&store.join(PLACE)), tree(&scene.drop()));
    // And the reverse, from memory to the disk.
    let drop = memory.path().join("drop");
    copy(&scene.drop(), &drop);
    let store = scene.home.path().join("store");
    exits(&dropgate(arguments(&scene, &drop, &store)), 0, "admitted into");
    assert_eq!(tree(&store.join(PLACE)), tree(&scene.drop()));
}

/// A mount, gone when this is dropped.
struct Mount<'m>(&'m Path);

impl<'m> Mount<'m> {
    /// Mounts, where this process may.
    fn new(what: &[&str], at: &'m Path) -> Option<Self> {
        let mounted = Command::new("mount").args(what).arg(at).stderr(Stdio::null()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(at));
        }
        eprintln!("NOT TESTED: this user can't mount");
        None
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_half_way_is_no_admission() {
    let scene = Scene::good().recording();
    let mount = scene.home.path().join("mount");
    fs::create_dir(&mount).unwrap();
    let Some(mounted) = Mount::new(&["-t", "tmpfs", "-o", "size=1m", "none"], &mount) else { return };
    File::create(mount.join("ballast")).unwrap().write_all(&vec![1; 700 << 10]).unwrap();
    fs::write(scene.file("large.bin"), vec![7; 600 << 10]).unwrap();
    list(&scene, "large.bin");
    exits(&admit(&scene, &mount), 2, "the copy of `large.bin` in the store's staging: No space left");
    assert_eq!(staged(&mount), 0);
    assert_eq!(shown(&mount).len(), 2);
    fs::remove_file(mount.join("ballast")).unwrap();
    exits(&admit(&scene, &mount), 0, "admitted into");
    drop(mounted);
}

/// Where the file system can, a large file is cloned: it is the clone that is judged, and it takes no room.
#[test]
fn a_clone_is_judged_and_is_the_stores_own() {
    if !have("mkfs.xfs", &["-V"]) {
        return;
    }
    let mut scene = Scene::good().recording();
    let (image, mount) = (scene.home.path().join("image"), scene.home.path().join("mount"));
    File::create(&image).unwrap().set_len(400 << 20).unwrap();
    let made = Command::new("mkfs.xfs").args(["-q", "-m", "reflink=1"]).arg(&image).status().unwrap();
    assert!(made.success());
    fs::create_dir(&mount).unwrap();
    let Some(_mounted) = Mount::new(&["-o", "loop", image.to_str().unwrap()], &mount) else { return };
    let size = 32 << 20;
    fs::write(scene.file("large.bin"), vec![7; size]).unwrap();
    list(&scene, "large.bin");
    let (drop, store) = (mount.join("drop"), mount.join("store"));
    copy(&scene.drop(), &drop);
    scene.arguments.clear();
    let free = || {
        let synced = Command::new("sync").status().unwrap();
        assert!(synced.success());
        let stat = rustix::fs::statvfs(&mount).unwrap();
        stat.f_bfree * stat.f_frsize
    };
    let before = free();
    exits(&dropgate(arguments(&scene, &drop, &store)), 0, "admitted into");
    assert!(before - free() < size as u64 / 4, "it took {} bytes", before - free());
    // What is done to the drop afterwards does not reach the store.
    fs::write(drop.join("large.bin"), vec![8; size]).unwrap();
    assert_eq!(tree(&store.join(PLACE)), tree(&scene.drop()));
    // And a clone of other bytes is rejected as any other copy is.
    fs::write(drop.join("large.bin"), vec![9; size]).unwrap();
    exits(&dropgate(arguments(&scene, &drop, &mount.join("other"))), 1, "");
    assert_eq!(shown(&mount.join("other")).len(), 1);
}

/// Adds a file to the manifest.
fn list(scene: &Scene, path: &str) {
    use sha2::{Digest, Sha256};
    let digest: String = Sha256::digest(fs::read(scene.file(path)).unwrap())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    scene.resign(|statement| {
        let subjects = statement["subject"].as_array_mut().unwrap();
        subjects.push(serde_json::json!({ "name": path, "digest": { "sha256": digest } }));
    });
}

#[test]
fn a_store_that_can_only_be_read_is_no_store() {
    let scene = Scene::good().recording();
    let mount = scene.home.path().join("mount");
    fs::create_dir(&mount).unwrap();
    let Some(_mounted) = Mount::new(&["-t", "tmpfs", "-o", "ro", "none"], &mount) else { return };
    exits(&admit(&scene, &mount), 2, "Read-only file system");
    exits(&admit(&scene, &mount.join("new")), 2, "Read-only file system");
}

/// A command that runs as somebody without rights of root's, who owns `home`.
fn as_nobody(home: &Path) -> Option<Command> {
    if !nix_is_root() {
        return Some(Command::new(env!("CARGO_BIN_EXE_dropgate")));
    }
    if !have("setpriv", &["--version"]) {
        return None;
    }
    // The binary may lie where others have no way to it.
    let binary = home.join("dropgate");
    copy_of_the_binary(&binary);
    let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(home).status().unwrap();
    assert!(owned.success());
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary);
    Some(command)
}

fn nix_is_root() -> bool {
    Path::new("/proc/self").metadata().unwrap().uid() == 0
}

/// A scene whose gate lies in its home too, for somebody who can't read the fixtures.
fn moved_in() -> Scene {
    let mut scene = Scene::good();
    for part in ["gate", "keys"] {
        copy(&common::fixture(part), &scene.home.path().join(part));
    }
    copy(&common::fixture("../policies"), &scene.home.path().join("policies"));
    let gate = scene.home.path().join("gate/plain.toml");
    let text = fs::read_to_string(&gate).unwrap().replace("../../policies", "../policies");
    let ledger = "directory = \"ledger\"\nkey = \"../keys/ops-second.pem\"\nverifier-key";
    fs::write(&gate, format!("{text}\n[ledger]\n{ledger} = {:?}\n", common::verifier_key())).unwrap();
    scene.gate = gate;
    scene
}

#[test]
fn somebody_without_special_rights_admits_and_leaves_no_leftovers() {
    let scene = moved_in();
    let store = scene.home.path().join("store");
    fs::create_dir(&store).unwrap();
    let Some(mut command) = as_nobody(scene.home.path()) else { return };
    exits(&command.args(arguments(&scene, &scene.drop(), &store)).output().unwrap(), 0, "admitted into");
    assert_eq!(tree(&store.join(PLACE)), tree(&scene.drop()));
    assert_eq!(store.join(PLACE).metadata().unwrap().mode() & 0o7777, 0o555);
    // What is read-only in a staging already is removed all the same.
    let leftover = store.join(".dropgate/staging/leftover");
    copy(&store.join(PLACE), &leftover.join("contents"));
    let Some(mut command) = as_nobody(scene.home.path()) else { return };
    for directory in ["firmware", ""] {
        fs::set_permissions(leftover.join("contents").join(directory), fs::Permissions::from_mode(0o555))
            .unwrap();
    }
    exits(&command.args(arguments(&scene, &scene.drop(), &store)).output().unwrap(), 0, "the same files");
    assert_eq!(staged(&store), 0);
}

#[test]
fn an_unreadable_file_is_no_admission() {
    let scene = moved_in();
    let store = scene.home.path().join("store");
    fs::create_dir(&store).unwrap();
    let file = fs::read_dir(scene.file("firmware")).unwrap().next().unwrap().unwrap().path();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let Some(mut command) = as_nobody(scene.home.path()) else { return };
    exits(&command.args(arguments(&scene, &scene.drop(), &store)).output().unwrap(), 2, "Permission denied");
    assert_eq!(shown(&store).len(), 1);
    assert_eq!(staged(&store), 0);
}

#[test]
fn a_store_whose_lock_is_held_is_waited_for() {
    let scene = Scene::good().recording();
    let store = scene.home.path().join("store");
    exits(&admit(&scene, &store), 0, "admitted into");
    let lock = File::options().write(true).open(store.join(".dropgate/lock")).unwrap();
    lock.lock().unwrap();
    let mut waiting = Command::new(env!("CARGO_BIN_EXE_dropgate"))
        .args(arguments(&scene, &scene.drop(), &store))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "it did not wait");
    lock.unlock().unwrap();
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn of_many_at_once_one_stores_and_the_others_find_it_there() {
    let scene = Scene::whole().recording();
    let store = scene.home.path().join("store");
    fs::create_dir(&store).unwrap();
    let runs: Vec<_> = (0..8)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_dropgate"))
                .args(arguments(&scene, &scene.drop(), &store))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let outputs: Vec<Output> = runs.into_iter().map(|run| run.wait_with_output().unwrap()).collect();
    let said = |text: &str| {
        outputs.iter().filter(|output| String::from_utf8_lossy(&output.stderr).contains(text)).count()
    };
    for output in &outputs {
        exits(output, 0, "");
    }
    assert_eq!((said("admitted into"), said("the same files stand in")), (1, 7));
    assert_eq!(tree(&store.join(PLACE)), tree(&scene.drop()));
    assert_eq!(staged(&store), 0);
}

#[test]
fn a_running_admission_is_no_leftover() {
    let scene = Scene::good().recording();
    let store = scene.home.path().join("store");
    exits(&admit(&scene, &store), 0, "admitted into");
    // As a run that is at work: its lock is held.
    let running = store.join(".dropgate/staging/running");
    fs::create_dir_all(running.join("contents")).unwrap();
    let alive = File::create(running.join("alive")).unwrap();
    alive.lock().unwrap();
    exits(&admit(&scene, &store), 0, "the same files");
    assert!(running.join("contents").is_dir());
    alive.unlock().unwrap();
    exits(&admit(&scene, &store), 0, "the same files");
    assert!(!running.exists());
}

#[test]
fn with_few_descriptors_it_still_admits() {
    let scene = Scene::whole().recording();
    let store = scene.home.path().join("store");
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 48; exec \"$0\" \"$@\" --jobs 40", env!("CARGO_BIN_EXE_dropgate")])
        .args(arguments(&scene, &scene.drop(), &store))
        .output()
        .unwrap();
    exits(&output, 0, "admitted into");
    assert_eq!(tree(&store.join(PLACE)), tree(&scene.drop()));
}

/// One thing done to the drop over and over, while it is admitted.
type Disturb = fn(&Path, u8);

const DISTURBANCES: [(&str, Disturb); 5] = [
    ("rewritten in place", |file, round| {
        let file = File::options().write(true).open(file).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[round], 70_000).unwrap();
    }),
    ("growing", |file, round| {
        File::options().append(true).open(file).unwrap().write_all(&[round]).unwrap();
    }),
    ("cut and restored", |file, round| {
        let good = vec![7; 200_000];
        fs::write(file, if round % 2 == 0 { &good[..100_000] } else { &good }).unwrap();
    }),
    ("replaced", |file, round| {
        let other = file.with_file_name(".other");
        fs::write(&other, vec![round | 8; 200_000]).unwrap();
        fs::rename(&other, file).unwrap();
    }),
    ("flickering", |file, round| {
        let (good, other) = (vec![7; 200_000], vec![round; 200_000]);
        fs::write(file, other).unwrap();
        fs::write(file, good).unwrap();
    }),
];

/// Whatever is done to a file meanwhile: an ACCEPT stands for the bytes that were signed, and these are what is admitted.
#[test]
fn a_drop_that_changes_while_it_is_judged_never_brings_other_bytes_into_the_store() {
    const ROUNDS: usize = 12;
    for (claim, disturb) in DISTURBANCES {
        let mut accepted = 0;
        for round in 0..ROUNDS {
            let scene = Scene::good().recording();
            let store = scene.home.path().join("store");
            let file = scene.file("large.bin");
            fs::write(&file, vec![7; 200_000]).unwrap();
            list(&scene, "large.bin");
            let signed = tree(&scene.drop());
            let stop = AtomicBool::new(false);
            let output = std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_micros(700 * round as u64));
                    let mut counter = 0_u8;
                    while !stop.load(Ordering::Relaxed) {
                        counter = counter.wrapping_add(1);
                        disturb(&file, counter);
                    }
                });
                let output = admit(&scene, &store);
                stop.store(true, Ordering::Relaxed);
                output
            });
            let code = output.status.code();
            assert_eq!(staged(&store), 0, "{claim}");
            if code == Some(0) {
                accepted += 1;
                assert_eq!(tree(&store.join(PLACE)), signed, "{claim}");
            } else {
                assert!(matches!(code, Some(1 | 2)), "{claim}: {}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(shown(&store).len(), 1, "{claim}");
            }
        }
        eprintln!("{claim}: {accepted} of {ROUNDS} accepted");
    }
}

#[test]
fn arguments_are_paths() {
    let scene = Scene::good().recording();
    let output = dropgate::<&OsStr>([
        "admit".as_ref(),
        scene.drop().as_os_str(),
        "--gate".as_ref(),
        scene.gate.as_os_str(),
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--into"));
}
