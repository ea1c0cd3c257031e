//! The log gives the tree of RFC 6962, and tells whatever was done to it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "common/disk.rs"]
mod disk;

use disk::Memory;
use dropgate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use dropgate::ledger::disk::Local;
use dropgate::ledger::log::{Log, LogError};
use dropgate::ledger::note::{SigningKey, VerifierKey};
use dropgate::ledger::proof::{ConsistencyProof, InclusionProof};
use dropgate::ledger::tile::{self, Entries};
use dropgate::merkle::{self, Hash};
use dropgate::trust::ed25519::PrivateKey;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const NAME: &str = "noc.example/dropgate";

/// A log in a directory of its own.
struct Scene {
    home: TempDir,
    key: SigningKey,
    log: Log,
}

impl Scene {
    fn new() -> Self {
        Self::named(NAME)
    }

    fn named(name: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let key = SigningKey::new(name, PrivateKey::generate().unwrap()).unwrap();
        let log = log(&home.path().join("ledger"), &key);
        Self { home, key, log }
    }

    /// The same without a directory.
    fn in_memory() -> Self {
        let scene = Self::new();
        let log = Log::new(Arc::new(Memory::default()), scene.key.verifier().clone());
        Self { log, ..scene }
    }

    fn with(entries: u64) -> Self {
        let scene = Self::new();
        scene.append(0..entries);
        scene
    }

    fn append(&self, entries: std::ops::Range<u64>) -> SignedCheckpoint {
        self.log.write(&self.key).unwrap().append(&entries.map(entry).collect::<Vec<_>>()).unwrap()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.home.path().join("ledger").join(path)
    }

    fn checkpoint(&self) -> Checkpoint {
        self.log.checkpoint().unwrap().unwrap().checkpoint
    }

    fn audit(&self) -> Result<u64, LogError> {
        let at = self.log.checkpoint()?.unwrap().checkpoint;
        let mut count = 0;
        self.log.audit(&at, &mut |index, bytes| {
            assert_eq!(index, count);
            assert_eq!(bytes, entry(index));
            count += 1;
            Ok(())
        })?;
        assert_eq!(count, at.size);
        Ok(count)
    }
}

fn log(directory: &Path, key: &SigningKey) -> Log {
    Log::new(Arc::new(Local::new(directory).unwrap()), key.verifier().clone())
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index} {}", "x".repeat((index % 7) as usize)).into_bytes()
}

/// The root by the recursive definition of RFC 6962, section 2.1.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => merkle::empty(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            merkle::node(&defined(left), &defined(right))
        }
    }
}

#[test]
fn appends_one_by_one_and_in_batches_give_the_defined_tree() {
    let leaves: Vec<Hash> = (0..600).map(|index| merkle::leaf(&entry(index))).collect();
    for batch in [1, 2, 3, 100, 255, 256, 257, 511, 512, 513, 600] {
        let scene = Scene::in_memory();
        for start in (0..600).step_by(batch) {
            let end = (start + batch as u64).min(600);
            let root = scene.append(start..end).checkpoint.root;
            assert_eq!(root, defined(&leaves[..end as usize]), "{batch} {end}");
        }
        assert_eq!(scene.audit().unwrap(), 600, "{batch}");
    }
}

#[test]
fn every_proof_verifies_and_no_changed_one_does() {
    let scene = Scene::in_memory();
    scene.append(0..256);
    scene.append(256..600);
    let at = scene.checkpoint();
    let roots: Vec<Hash> = (0..=600)
        .map(|size| defined(&(0..size).map(|index| merkle::leaf(&entry(index))).collect::<Vec<_>>()))
        .collect();
    // A proof from the log and one for each smaller size, from the definition.
    for index in (0..600).step_by(13).chain([255, 256, 511, 512, 599]) {
        let proof = scene.log.inclusion(&at, index).unwrap();
        included(&proof, index, 600, &roots, true);
    }
    for old in (0..=600).step_by(17).chain([1, 2, 255, 256, 257, 511, 512, 513, 600]) {
        let proof = scene.log.consistency(&at, old).unwrap();
        continued(&proof, old, 600, &roots, true);
    }
    for size in (1..=34).chain([255, 256, 257, 300]) {
        let at = Checkpoint { size, root: roots[size as usize], ..at.clone() };
        for index in 0..size {
            // Tiles of the larger tree serve the smaller one, as an old checkpoint needs.
            let proof = definition_of_inclusion(index, 0..size);
            included(&proof, index, size, &roots, size < 35);
            if size == 256 {
                assert_eq!(scene.log.inclusion(&at, index).unwrap(), proof);
            }
        }
        for old in 1..=size {
            continued(&definition_of_consistency(old, 0..size, true), old, size, &roots, size < 35);
        }
    }
    assert!(matches!(scene.log.inclusion(&at, 600), Err(LogError::Beyond { .. })));
    assert!(matches!(scene.log.consistency(&at, 601), Err(LogError::Beyond { .. })));
}

fn leaves(range: std::ops::Range<u64>) -> Vec<Hash> {
    range.map(|index| merkle::leaf(&entry(index))).collect()
}

/// The largest power of two below.
fn split(size: u64) -> u64 {
    size.next_power_of_two() / 2
}

/// PATH of RFC 6962, section 2.1.1, word for word.
fn definition_of_inclusion(index: u64, tree: std::ops::Range<u64>) -> Vec<Hash> {
    let size = tree.end - tree.start;
    if size <= 1 {
        return Vec::new();
    }
    let middle = tree.start + split(size);
    let (mut path, rest) = if index < middle {
        (definition_of_inclusion(index, tree.start..middle), middle..tree.end)
    } else {
        (definition_of_inclusion(index, middle..tree.end), tree.start..middle)
    };
    path.push(defined(&leaves(rest)));
    path
}

/// SUBPROOF of RFC 6962, section 2.1.2, word for word.
fn definition_of_consistency(old: u64, tree: std::ops::Range<u64>, whole: bool) -> Vec<Hash> {
    let size = tree.end - tree.start;
    if old == size {
        return if whole { Vec::new() } else { vec![defined(&leaves(tree))] };
    }
    let (k, middle) = (split(size), tree.start + split(size));
    let (mut proof, rest) = if old <= k {
        (definition_of_consistency(old, tree.start..middle, whole), middle..tree.end)
    } else {
        (definition_of_consistency(old - k, middle..tree.end, false), tree.start..middle)
    };
    proof.push(defined(&leaves(rest)));
    proof
}

/// Each change of a proof's hashes: one flipped, one removed, one added, two swapped.
fn changed(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for at in 0..proof.len() {
        let mut flipped = proof.to_vec();
        let mut bytes = *flipped[at].as_bytes();
        bytes[at % 32] ^= 1;
        flipped[at] = Hash::from_bytes(bytes);
        let mut shorter = proof.to_vec();
        shorter.remove(at);
        let mut swapped = proof.to_vec();
        swapped.swap(0, at);
        all.extend([flipped, shorter, swapped]);
    }
    for at in 0..=proof.len() {
        let mut longer = proof.to_vec();
        longer.insert(at, proof.first().copied().unwrap_or(merkle::empty()));
        all.push(longer);
    }
    all.retain(|other| other != proof);
    all
}

fn included(proof: &[Hash], index: u64, size: u64, roots: &[Hash], hard: bool) {
    let root = &roots[size as usize];
    let leaf = merkle::leaf(&entry(index));
    merkle::verify_inclusion(proof, index, &leaf, size, root).unwrap();
    if !hard {
        return;
    }
    for other in changed(proof) {
        assert!(merkle::verify_inclusion(&other, index, &leaf, size, root).is_err(), "{index} {size}");
    }
    let other_leaf = merkle::leaf(b"another");
    assert!(merkle::verify_inclusion(proof, index, &other_leaf, size, root).is_err());
    for other in [index.wrapping_sub(1), index + 1] {
        assert!(merkle::verify_inclusion(proof, other, &leaf, size, root).is_err(), "{index} {size}");
    }
    for (other, root) in [(size - 1, &roots[size as usize - 1]), (size, &roots[size as usize - 1])] {
        assert!(merkle::verify_inclusion(proof, index, &leaf, other, root).is_err(), "{index} {size}");
    }
}

fn continued(proof: &[Hash], old: u64, size: u64, roots: &[Hash], hard: bool) {
    let (old_root, root) = (&roots[old as usize], &roots[size as usize]);
    merkle::verify_consistency(proof, old, old_root, size, root).unwrap();
    if !hard {
        return;
    }
    for other in changed(proof) {
        assert!(merkle::verify_consistency(&other, old, old_root, size, root).is_err(), "{old} {size}");
    }
    for other in [&roots[(old as usize + 1) % 601], &merkle::leaf(b"another")] {
        assert!(merkle::verify_consistency(proof, old, other, size, root).is_err(), "{old} {size}");
        // Nothing but the empty tree is before every tree.
        if old > 0 {
            assert!(merkle::verify_consistency(proof, old, old_root, size, other).is_err() || other == root);
        }
    }
    for other in [old.wrapping_sub(1), old + 1].into_iter().filter(|other| *other <= size) {
        assert!(merkle::verify_consistency(proof, other, old_root, size, root).is_err(), "{old} {size}");
    }
    assert!(merkle::verify_consistency(proof, size + 1, old_root, size, root).is_err());
}

#[test]
fn proofs_as_texts_verify_offline_and_change_nothing_on_the_way() {
    let scene = Scene::with(300);
    let signed = scene.log.checkpoint().unwrap().unwrap();
    let (at, key) = (&signed.checkpoint, scene.key.verifier());
    let proof = InclusionProof {
        unverified_extra: Some(b"radio-7 4.2.1".to_vec()),
        index: 77,
        hashes: scene.log.inclusion(at, 77).unwrap(),
        checkpoint: signed.bytes.clone(),
    };
    let bytes = proof.write();
    assert_eq!(InclusionProof::read(&bytes).unwrap(), proof);
    let leaf = merkle::leaf(&entry(77));
    assert_eq!(proof.verify(&leaf, key).unwrap(), signed);
    assert!(proof.verify(&merkle::leaf(&entry(78)), key).is_err());
    assert!(proof.verify(&leaf, Scene::new().key.verifier()).is_err());
    // No byte of it but those of the extra data, which nobody vouches for, can be another.
    let text = String::from_utf8(bytes.clone()).unwrap();
    let extra = text.find("extra ").unwrap() + 6..text.find("\nindex").unwrap();
    for at in (0..bytes.len()).filter(|at| !extra.contains(at)) {
        for flip in [1, 0x20] {
            let mut other = bytes.clone();
            other[at] ^= flip;
            let verified = InclusionProof::read(&other).and_then(|proof| proof.verify(&leaf, key));
            assert!(verified.is_err(), "{at}: {}", String::from_utf8_lossy(&other));
        }
    }
    let kept = Checkpoint { size: 0, root: merkle::empty(), ..at.clone() };
    let consistency = |old| ConsistencyProof {
        old,
        hashes: scene.log.consistency(at, old).unwrap(),
        checkpoint: signed.bytes.clone(),
    };
    assert_eq!(consistency(0).verify(&kept, key).unwrap(), signed);
    let kept = Checkpoint { size: 200, root: defined(&leaves(0..200)), ..at.clone() };
    let bytes = consistency(200).write();
    let read = ConsistencyProof::read(&bytes).unwrap();
    assert_eq!(read, consistency(200));
    assert_eq!(read.verify(&kept, key).unwrap(), signed);
    assert!(consistency(199).verify(&kept, key).is_err());
    assert!(read.verify(&Checkpoint { origin: "other.example".to_owned(), ..kept.clone() }, key).is_err());
    assert!(read.verify(&Checkpoint { root: merkle::empty(), ..kept }, key).is_err());
}

#[test]
fn an_entry_is_given_at_every_index_and_from_every_start() {
    let scene = Scene::with(600);
    let at = scene.checkpoint();
    for index in (0..600).step_by(37).chain([0, 255, 256, 511, 512, 599]) {
        assert_eq!(scene.log.entry(&at, index).unwrap(), entry(index));
        let mut next = index;
        let mut each = |found: u64, bytes: &[u8]| {
            assert_eq!((found, bytes), (next, &entry(next)[..]));
            next += 1;
            Ok(())
        };
        scene.log.entries(&at, index, &mut each).unwrap();
        assert_eq!(next, 600);
    }
    assert!(matches!(scene.log.entry(&at, 600), Err(LogError::Beyond { index: 600, size: 600 })));
    scene.log.entries(&at, 600, &mut |_, _| panic!("there is none")).unwrap();
    let stop = || Err(LogError::Reader("enough".into()));
    assert!(matches!(scene.log.audit(&at, &mut |_, _| stop()), Err(LogError::Reader(_))));
}

#[test]
fn entries_of_every_length_fit_up_to_the_longest() {
    let scene = Scene::new();
    let mut writer = scene.log.write(&scene.key).unwrap();
    let long = vec![b'x'; 65_535];
    writer.append(&[Vec::new(), long.clone(), b"\0".to_vec()]).unwrap();
    let too_long = [b"good".to_vec(), vec![0; 65_536]];
    assert!(matches!(writer.append(&too_long), Err(LogError::EntryTooLarge { found: 65_536 })));
    let signed = writer.append(&[]).unwrap();
    assert_eq!(signed.checkpoint.size, 3);
    assert_eq!(scene.log.entry(&signed.checkpoint, 1).unwrap(), long);
    assert_eq!(scene.log.entry(&signed.checkpoint, 0).unwrap(), b"");
}

// Tampering.

fn edit(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// A bundle's entries.
fn unbundle(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    Entries::of(&bytes).map(<[u8]>::to_vec).collect()
}

fn bundle(path: &Path, entries: &[Vec<u8>]) {
    let mut bytes = Vec::new();
    for entry in entries {
        assert!(tile::push_entry(&mut bytes, entry));
    }
    fs::write(path, bytes).unwrap();
}

/// What is done to a log of 600 entries, and what must be found: by its audit, or by the comparison with the checkpoint
/// that was kept.
type Attack = (&'static str, fn(&Scene), &'static str);

const ATTACKS: &[Attack] = &[
    (
        "an entry edited",
        |s| edit(&s.path("tile/entries/001"), |b| *b.last_mut().unwrap() ^= 1),
        "EntryAltered { index: 511 }",
    ),
    (
        "the last entry edited",
        |s| edit(&s.path("tile/entries/002.p/88"), |b| *b.last_mut().unwrap() ^= 1),
        "EntryAltered { index: 599 }",
    ),
    ("an entry deleted", |s| remove(s, 20), "EntryMoved { index: 276, belongs: 277 }"),
    ("the last entry of a bundle deleted", |s| remove(s, 255), "BundleAltered"),
    ("an entry inserted", |s| insert(s, 3, b"new"), "EntryAltered { index: 259 }"),
    ("an entry said twice", |s| insert(s, 3, &entry(258)), "EntryMoved { index: 259, belongs: 258 }"),
    ("an entry added at the end of a bundle", |s| insert(s, 256, b"new"), "BundleAltered"),
    (
        "two entries in another order",
        |s| {
            let p = s.path("tile/entries/001");
            let mut e = unbundle(&p);
            e.swap(4, 9);
            bundle(&p, &e)
        },
        "EntryMoved { index: 260, belongs: 265 }",
    ),
    (
        "two bundles in another order",
        |s| swap(s, "tile/entries/000", "tile/entries/001"),
        "EntryAltered { index: 0 }",
    ),
    (
        "a bundle truncated",
        |s| edit(&s.path("tile/entries/001"), |b| b.truncate(b.len() - 1)),
        "BundleAltered",
    ),
    ("a bundle emptied", |s| edit(&s.path("tile/entries/000"), |b| b.clear()), "BundleAltered"),
    ("bytes after a bundle", |s| edit(&s.path("tile/entries/002.p/88"), |b| b.push(0)), "BundleAltered"),
    (
        "a bundle missing",
        |s| fs::remove_file(s.path("tile/entries/000")).unwrap(),
        "Missing { path: tile/entries/000 }",
    ),
    (
        "the last bundle missing",
        |s| fs::remove_file(s.path("tile/entries/002.p/88")).unwrap(),
        "Missing { path: tile/entries/002.p/88 }",
    ),
    ("a tile altered", |s| edit(&s.path("tile/0/001"), |b| b[77] ^= 1), "TileAltered { path: tile/0/001 }"),
    (
        "a tile truncated",
        |s| edit(&s.path("tile/0/000"), |b| b.truncate(32)),
        "TileAltered { path: tile/0/000 }",
    ),
    ("a tile too long", |s| edit(&s.path("tile/0/000"), |b| b.push(0)), "TileAltered { path: tile/0/000 }"),
    (
        "the last tile altered",
        |s| edit(&s.path("tile/0/002.p/88"), |b| b[0] ^= 1),
        "TileAltered { path: tile/0/002.p/88 }",
    ),
    (
        "a tile of level 1 altered",
        |s| edit(&s.path("tile/1/000.p/2"), |b| b[40] ^= 1),
        "TileAltered { path: tile/1/000.p/2 }",
    ),
    ("a tile missing", |s| fs::remove_file(s.path("tile/0/000")).unwrap(), "Missing { path: tile/0/000 }"),
    (
        "a tile of level 1 missing",
        |s| fs::remove_file(s.path("tile/1/000.p/2")).unwrap(),
        "Missing { path: tile/1/000.p/2 }",
    ),
    (
        "an entry and its tile edited",
        |s| {
            edit(&s.path("tile/entries/000"), |b| b[2] ^= 1);
            let e = unbundle(&s.path("tile/entries/000"));
            edit(&s.path("tile/0/000"), |b| b[..32].copy_from_slice(merkle::leaf(&e[0]).as_bytes()))
        },
        "TileAltered { path: tile/0/000 }",
    ),
    ("everything made anew without an entry", |s| anew(s, &s.key, 600, true), "RootDiffers"),
    ("everything made anew and signed, without an entry", |s| anew(s, &s.key, 600, false), "Forked"),
    ("a fork that grew", |s| anew(s, &s.key, 700, false), "Forked"),
    ("the last entries cut off, and signed", |s| anew(s, &s.key, 500, false), "Truncated"),
    (
        "an old checkpoint put back",
        |s| fs::copy(s.path("../checkpoint.300"), s.path("checkpoint")).map(|_| ()).unwrap(),
        "Truncated { have: 300, kept: 600 }",
    ),
    (
        "another gate's log in its place",
        |s| {
            let other = Scene::named("other.example/gate");
            replace(s, &other)
        },
        "OtherLog",
    ),
    (
        "a log of the same name by another key",
        |s| {
            let other = Scene::new();
            replace(s, &other)
        },
        "CheckpointSignature",
    ),
    (
        "another size in the checkpoint",
        |s| {
            edit(&s.path("checkpoint"), |b| {
                let at = NAME.len() + 1;
                b[at] = b'5'
            })
        },
        "CheckpointSignature",
    ),
    (
        "a checkpoint cut short",
        |s| edit(&s.path("checkpoint"), |b| b.truncate(b.len() - 1)),
        "CheckpointForm",
    ),
    ("an empty checkpoint", |s| edit(&s.path("checkpoint"), |b| b.clear()), "CheckpointForm"),
    ("no checkpoint", |s| fs::remove_file(s.path("checkpoint")).unwrap(), "Missing { path: checkpoint }"),
];

fn remove(scene: &Scene, at: usize) {
    let path = scene.path("tile/entries/001");
    let mut entries = unbundle(&path);
    entries.remove(at);
    bundle(&path, &entries);
}

fn insert(scene: &Scene, at: usize, entry: &[u8]) {
    let path = scene.path("tile/entries/001");
    let mut entries = unbundle(&path);
    entries.insert(at, entry.to_vec());
    bundle(&path, &entries);
}

fn swap(scene: &Scene, one: &str, other: &str) {
    let aside = scene.home.path().join("aside");
    fs::rename(scene.path(one), &aside).unwrap();
    fs::rename(scene.path(other), scene.path(one)).unwrap();
    fs::rename(aside, scene.path(other)).unwrap();
}

/// Writes the log anew with another entry 5, with or without a new checkpoint.
fn anew(scene: &Scene, key: &SigningKey, size: u64, keep_checkpoint: bool) {
    let checkpoint = fs::read(scene.path("checkpoint")).unwrap();
    fs::remove_dir_all(scene.path("")).unwrap();
    let mut entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
    entries[5] = b"nothing to see here".to_vec();
    log(&scene.path(""), key).write(key).unwrap().append(&entries).unwrap();
    if keep_checkpoint {
        fs::write(scene.path("checkpoint"), checkpoint).unwrap();
    }
}

fn replace(scene: &Scene, other: &Scene) {
    other.append(0..600);
    fs::remove_dir_all(scene.path("")).unwrap();
    fs::rename(other.path(""), scene.path("")).unwrap();
}

#[test]
fn whatever_is_done_to_a_log_is_found_and_named() {
    let scene = Scene::new();
    scene.append(0..300);
    fs::copy(scene.path("checkpoint"), scene.path("../checkpoint.300")).unwrap();
    let earlier = scene.checkpoint();
    scene.append(300..600);
    let kept = scene.checkpoint();
    scene.log.compare(&kept, &earlier).unwrap();
    let good = scene.home.path().join("good");
    copy(&scene.path(""), &good);
    for (claim, attack, expected) in ATTACKS {
        attack(&scene);
        let entry = |index: u64| entry(index);
        let found = (|| {
            let now = scene.log.checkpoint()?.expect("a log").checkpoint;
            // The comparison needs only the tiles; that they are what they should be is the audit's to say.
            let mut same = true;
            let audited = scene.log.audit(&now, &mut |index, bytes| {
                same &= bytes == entry(index);
                Ok(())
            });
            audited?;
            let compared = scene.log.compare(&now, &kept);
            assert!(same || compared.is_err(), "{claim}: a false entry passed");
            compared
        })();
        let error = found.expect_err(claim);
        let (debug, home) = (format!("{error:?}"), format!("{}/", scene.path("").display()));
        let debug = debug.replace(&home.replace("//", "/"), "").replace('"', "");
        assert!(debug.starts_with(expected), "{claim}: expected {expected}, found {debug}");
        // A log that is not what its checkpoint signs does not grow, where the right edge tells.
        let edge =
            ["tile/0/002.p", "tile/1", "002.p/88", "checkpoint", "index: 599", "RootDiffers", "OtherLog"];
        if edge.iter().any(|part| debug.contains(part)) {
            assert!(scene.log.write(&scene.key).is_err(), "{claim}");
        }
        fs::remove_dir_all(scene.path("")).unwrap();
        copy(&good, &scene.path(""));
    }
    assert_eq!(scene.audit().unwrap(), 600);
    scene.log.compare(&scene.checkpoint(), &kept).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[test]
fn whoever_lost_the_lock_records_nothing() {
    let scene = Scene::with(2);
    let mut one = scene.log.write(&scene.key).unwrap();
    // As somebody does who takes it for a leftover.
    fs::remove_file(scene.path("lock")).unwrap();
    let mut other = scene.log.write(&scene.key).unwrap();
    assert!(matches!(one.append(&[entry(100)]), Err(LogError::LockLost { .. })));
    assert_eq!(other.append(&[entry(2)]).unwrap().checkpoint.size, 3);
    assert!(matches!(one.append(&[entry(101)]), Err(LogError::LockLost { .. })));
    drop((one, other));
    assert_eq!(scene.audit().unwrap(), 3);
    assert_eq!(scene.append(3..4).checkpoint.size, 4);
}

#[test]
fn whoever_waited_for_a_lock_that_was_removed_takes_the_new_one() {
    let scene = Scene::with(1);
    let first = scene.log.write(&scene.key).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| scene.append(1..2));
        std::thread::sleep(std::time::Duration::from_millis(100));
        fs::remove_file(scene.path("lock")).unwrap();
        let second = scene.log.write(&scene.key).unwrap();
        drop(first);
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!waiting.is_finished(), "two hold the lock");
        drop(second);
        assert_eq!(waiting.join().unwrap().checkpoint.size, 2);
    });
}

#[test]
fn only_the_ledgers_own_key_appends() {
    let scene = Scene::with(1);
    let other = SigningKey::new(NAME, PrivateKey::generate().unwrap()).unwrap();
    assert!(matches!(scene.log.write(&other), Err(LogError::OtherKey { .. })));
    // Nor does a log that is configured with another key take this one over.
    assert!(matches!(log(&scene.path(""), &other).write(&other), Err(LogError::CheckpointSignature { .. })));
    let renamed = SigningKey::new("other.example", PrivateKey::generate().unwrap()).unwrap();
    assert!(matches!(log(&scene.path(""), &renamed).checkpoint(), Err(LogError::OtherLog { .. })));
}

#[test]
fn partial_tiles_go_when_the_full_one_is_there_and_not_before() {
    let scene = Scene::new();
    for size in [5, 255] {
        let start = scene.log.checkpoint().unwrap().map_or(0, |signed| signed.checkpoint.size);
        scene.append(start..size);
    }
    let names = |path: &str| fs::read_dir(scene.path(path)).map_or(0, Iterator::count);
    assert_eq!((names("tile/0/000.p"), names("tile/entries/000.p")), (2, 2));
    scene.append(255..257);
    assert_eq!((names("tile/0/000.p"), names("tile/entries/000.p")), (0, 0));
    assert!(!scene.path("tile/0/000.p").exists());
    assert!(scene.path("tile/0/001.p/1").exists());
    assert_eq!(names("temporary"), 0);
    // What a crash left is removed by the next who writes.
    fs::write(scene.path("temporary/log-7"), "half").unwrap();
    fs::create_dir(scene.path("tile/0/000.p")).unwrap();
    fs::write(scene.path("tile/0/000.p/9"), "leftover").unwrap();
    scene.append(257..513);
    assert_eq!(names("temporary"), 0);
    assert!(!scene.path("tile/0/000.p").exists());
}

#[test]
fn leftovers_beyond_the_checkpoint_are_written_over() {
    let scene = Scene::with(3);
    for path in ["tile/0/000.p/4", "tile/entries/000.p/4", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"]
    {
        fs::create_dir_all(scene.path(path).parent().unwrap()).unwrap();
        fs::write(scene.path(path), "torn").unwrap();
    }
    scene.append(3..4);
    assert_eq!(scene.audit().unwrap(), 4);
    scene.append(4..300);
    assert_eq!(scene.audit().unwrap(), 300);
}

proptest! {
    /// What comes from outside is read without a panic, and what is read is written as it was.
    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        cut in 0..400_usize,
        with in proptest::sample::select(vec!["\n", "\n\n", " ", "=", "\u{2014} ", "0", "index ", "old ", "extra AA==\n"]),
    ) {
        let scene = Scene::in_memory();
        let signed = Checkpoint { origin: NAME.to_owned(), size: 3, root: merkle::empty() }.sign(&scene.key).unwrap();
        let hashes = vec![merkle::empty(); 2];
        let proof = InclusionProof {
            unverified_extra: None, index: 1, hashes: hashes.clone(), checkpoint: signed.bytes.clone(),
        };
        let consistency = ConsistencyProof { old: 1, hashes, checkpoint: signed.bytes.clone() };
        let patched = |mut good: Vec<u8>| {
            let at = cut.min(good.len());
            good.splice(at..at, with.bytes());
            good
        };
        let inputs = [bytes.clone(), patched(proof.write()), patched(consistency.write()), patched(signed.bytes.clone())];
        for input in inputs {
            let _ = SignedCheckpoint::read(&input, scene.key.verifier());
            if let Ok(read) = InclusionProof::read(&input) {
                prop_assert_eq!(read.write(), input.clone());
                let _ = read.verify(&merkle::empty(), scene.key.verifier());
            }
            if let Ok(read) = ConsistencyProof::read(&input) {
                prop_assert_eq!(read.write(), input.clone());
            }
            if let Ok(key) = String::from_utf8_lossy(&input).parse::<VerifierKey>() {
                prop_assert_eq!(key.to_string().into_bytes(), input.clone());
            }
        }
        let entries: usize = Entries::of(&bytes).map(|entry| entry.len() + 2).sum();
        prop_assert!(entries <= bytes.len());
        prop_assert_eq!(tile::hashes(&bytes).is_some(), bytes.len() % 32 == 0);
    }

    /// Proofs over trees of any size within what a log can be ask for no more than 63 hashes, and end.
    #[test]
    fn proofs_of_any_size_are_bounded(a in 0..(1_u64 << 53), b in 0..(1_u64 << 53)) {
        let (small, large) = (a.min(b), a.max(b));
        prop_assert!(merkle::consistency_spans(small, large).unwrap().len() <= 63);
        prop_assert_eq!(merkle::inclusion_spans(small, large).is_some(), small < large);
        prop_assert!(merkle::inclusion_spans(small, large).unwrap_or_default().len() <= 63);
        prop_assert!(tile::edge(large).count() <= 7);
    }
}
