//! What was reported as recorded stays recorded: through power cuts, full disks, crowds and killed writers.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "common/disk.rs"]
mod disk;

use disk::{Failure, Fate, Memory, State, Unsafe};
use dropgate::digest::DocumentDigest;
use dropgate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use dropgate::ledger::disk::{Disk, Local, Sharing};
use dropgate::ledger::documents::{DocumentError, Documents};
use dropgate::ledger::log::{Log, LogError};
use dropgate::ledger::note::SigningKey;
use dropgate::trust::ed25519::PrivateKey;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const NAME: &str = "noc.example/dropgate";

fn key() -> SigningKey {
    SigningKey::new(NAME, PrivateKey::generate().unwrap()).unwrap()
}

fn in_memory(disk: &Memory, key: &SigningKey) -> Log {
    Log::new(Arc::new(disk.clone()), key.verifier().clone())
}

fn on_disk(directory: &Path, key: &SigningKey) -> Log {
    Log::new(Arc::new(Local::new(directory).unwrap()), key.verifier().clone())
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn entries(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    range.map(entry).collect()
}

/// Audits, and gives the entries.
fn audit(log: &Log) -> Result<Vec<Vec<u8>>, LogError> {
    let Some(signed) = log.checkpoint()? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    log.audit(&signed.checkpoint, &mut |_, bytes| {
        found.push(bytes.to_vec());
        Ok(())
    })?;
    assert_eq!(found.len() as u64, signed.checkpoint.size);
    Ok(found)
}

// Power cuts.

/// The sizes after each append: the first ones, across a full tile one by one, and in batches over one and several.
const HISTORIES: [&[u64]; 4] = [&[1, 2], &[255, 256, 257], &[253, 259], &[3, 515, 516]];

/// What a power cut may do to unsafe changes: nothing, all, each one alone, all but each one, and mixtures.
fn fates(changes: &[Unsafe]) -> BTreeSet<Vec<Fate>> {
    const ALL: [Fate; 4] = [Fate::Kept, Fate::Lost, Fate::Torn, Fate::Zeroes];
    let count = changes.len();
    let mut fates: Vec<Vec<Fate>> = ALL.iter().map(|fate| vec![*fate; count]).collect();
    for at in 0..count {
        for (others, one) in ALL[1..].iter().map(|one| (Fate::Kept, *one)).chain([(Fate::Lost, Fate::Kept)]) {
            let mut all = vec![others; count];
            all[at] = one;
            fates.push(all);
        }
    }
    let mut state = 0x9e37_79b9_u32;
    for _ in 0..4 {
        let mixed = (0..count).map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            ALL[(state % 4) as usize]
        });
        fates.push(mixed.collect());
    }
    // A name is there or is not.
    let real = |fates: Vec<Fate>| {
        let one = |(change, fate): (&Unsafe, Fate)| match (change, fate) {
            (Unsafe::Name(..), Fate::Torn) => Fate::Lost,
            (Unsafe::Name(..), Fate::Zeroes) => Fate::Kept,
            _ => fate,
        };
        changes.iter().zip(fates).map(one).collect()
    };
    fates.into_iter().map(real).collect()
}

/// Cuts the power in this state in every way; what was reported by then must be there, and the log must go on.
fn cut(
    state: &State,
    key: &SigningKey,
    reported: Option<&Checkpoint>,
    next: u64,
    seen: &Mutex<HashSet<(u64, u64)>>,
) -> usize {
    let fates = fates(&state.unsafe_changes());
    for fate in &fates {
        let after = state.after_cut(&mut |at| fate[at]);
        // Most cuts leave what another one left as well.
        if !seen.lock().unwrap().insert((next, after.fingerprint())) {
            continue;
        }
        let disk = Memory::of(after);
        let log = in_memory(&disk, key);
        let size = reported.map_or(0, |reported| reported.size);
        let found = audit(&log).unwrap_or_else(|error| panic!("after {size}, {fate:?}: {error}"));
        assert!(found.len() as u64 == size || found.len() as u64 == next, "{} of {size}", found.len());
        assert_eq!(found, entries(0..found.len() as u64));
        if let Some(reported) = reported {
            log.compare(&log.checkpoint().unwrap().unwrap().checkpoint, reported).unwrap();
        }
        let start = found.len() as u64;
        let signed = log.write(key).unwrap().append(&entries(start..start + 2)).unwrap();
        // That append was reported too: nothing that is still unsafe may matter to it.
        let log = in_memory(&Memory::of(disk.state().after_cut(&mut |_| Fate::Lost)), key);
        assert_eq!(audit(&log).unwrap(), entries(0..start + 2), "{fate:?}");
        assert_eq!(log.checkpoint().unwrap().unwrap(), signed);
    }
    fates.len()
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_reported() {
    let key = key();
    let mut cuts = 0;
    let seen = Mutex::default();
    for sizes in HISTORIES {
        // One writer for all, and one for each append.
        for one in [true, false] {
            let disk = Memory::remembering();
            let log = in_memory(&disk, &key);
            let mut reports: Vec<(usize, Option<SignedCheckpoint>)> = vec![(0, None)];
            let mut kept = None;
            for (start, end) in [0].iter().chain(sizes).zip(sizes) {
                let mut writer = match kept.take() {
                    Some(writer) => writer,
                    None => log.write(&key).unwrap(),
                };
                let signed = writer.append(&entries(*start..*end)).unwrap();
                reports.push((disk.history().len(), Some(signed)));
                kept = one.then_some(writer);
            }
            let mut states = disk.history();
            states.push(disk.state());
            let done: Vec<usize> = states
                .par_iter()
                .enumerate()
                .map(|(moment, state)| {
                    // The removal of partial tiles comes after the commit and before the report.
                    let at = reports.iter().rposition(|(reported, _)| *reported <= moment).unwrap();
                    let reported = reports[at].1.as_ref().map(|signed| &signed.checkpoint);
                    let next = sizes.get(at).copied().unwrap_or_default();
                    cut(state, &key, reported, next, &seen)
                })
                .collect();
            cuts += done.iter().sum::<usize>();
        }
    }
    let seen = seen.into_inner().unwrap().len();
    assert!(cuts > 5_000 && seen > 1_000, "{cuts} {seen}");
}

#[test]
fn a_power_cut_loses_no_document_that_was_put() {
    let documents: [&[u8]; 3] = [b"manifest", b"contents", b""];
    let disk = Memory::remembering();
    let store = Documents::new(Arc::new(disk.clone()));
    let mut reports = vec![(0, 0)];
    for (count, document) in documents.iter().enumerate() {
        store.put(document).unwrap();
        reports.push((disk.history().len(), count + 1));
    }
    let mut states = disk.history();
    states.push(disk.state());
    for (moment, state) in states.iter().enumerate() {
        let (_, reported) = reports.iter().rfind(|(at, _)| *at <= moment).unwrap();
        for fate in fates(&state.unsafe_changes()) {
            let disk = Memory::of(state.after_cut(&mut |at| fate[at]));
            let store = Documents::new(Arc::new(disk.clone()));
            for document in &documents[..*reported] {
                assert_eq!(store.get(&DocumentDigest::of(document)).unwrap(), *document, "{fate:?}");
            }
            // Whatever was left of the others, they can be put.
            for document in documents {
                let digest = store.put(document).unwrap();
                assert_eq!(store.get(&digest).unwrap(), document);
            }
            let state = disk.state().after_cut(&mut |_| Fate::Lost);
            let store = Documents::new(Arc::new(Memory::of(state)));
            for document in documents {
                assert_eq!(store.get(&DocumentDigest::of(document)).unwrap(), document);
            }
        }
    }
}

#[test]
fn what_a_writer_finds_is_durable_once_it_holds_the_lock() {
    let key = key();
    let disk = Memory::default();
    in_memory(&disk, &key).write(&key).unwrap().append(&entries(0..1)).unwrap();
    // An append of which all but the last step succeeds: to make the checkpoint's name durable.
    let unreported = |at| {
        let disk = Memory::of(disk.state());
        let log = in_memory(&disk, &key);
        let mut writer = log.write(&key).unwrap();
        disk.failing(Some(Failure { at, kind: ErrorKind::Other, lasting: true }));
        let failed = writer.append(&entries(1..2)).is_err();
        disk.failing(None);
        let size = log.checkpoint().unwrap().unwrap().checkpoint.size;
        (failed && size == 2).then_some(disk)
    };
    let disk = (0..50).find_map(unreported).unwrap();
    // The entry is there to be seen: whoever writes next, and perhaps finds that there is nothing to do, may rely on it.
    let found = in_memory(&disk, &key).write(&key).unwrap().checkpoint().unwrap().clone();
    let after = in_memory(&Memory::of(disk.state().after_cut(&mut |_| Fate::Lost)), &key);
    assert_eq!(after.checkpoint().unwrap().unwrap().checkpoint, found);
}

#[test]
fn a_document_that_stands_there_already_is_made_durable() {
    let disk = Memory::default();
    let store = Documents::new(Arc::new(disk.clone()));
    let digest = store.put(b"manifest").unwrap();
    // As a copy by hand leaves it, or a disk that lost it.
    for before in [&b"manifest"[..], b"mani", b""] {
        disk.remove(&Documents::path(&digest)).unwrap();
        let _ = disk.write(&Documents::path(&digest), before).unwrap();
        assert_eq!(store.put(b"manifest").unwrap(), digest);
        let state = disk.state().after_cut(&mut |_| Fate::Lost);
        assert_eq!(Documents::new(Arc::new(Memory::of(state))).get(&digest).unwrap(), b"manifest");
    }
    let _ = disk.write(&Documents::path(&digest), b"another").unwrap();
    assert!(matches!(store.get(&digest), Err(DocumentError::Altered { .. })));
    disk.remove(&Documents::path(&digest)).unwrap();
    assert!(matches!(store.get(&digest), Err(DocumentError::Missing { .. })));
}

#[test]
fn many_put_documents_at_once_and_none_is_torn() {
    let home = tempfile::tempdir().unwrap();
    let disk = Arc::new(Local::new(&home.path().join("ledger")).unwrap());
    let store = Documents::new(disk.clone());
    let documents: Vec<Vec<u8>> = (0..12_u8).map(|at| vec![at; 100_000]).collect();
    std::thread::scope(|scope| {
        for start in 0..6 {
            let (store, documents) = (&store, &documents);
            scope.spawn(move || {
                for at in 0..documents.len() {
                    let document = &documents[(start + at) % documents.len()];
                    let digest = store.put(document).unwrap();
                    assert_eq!(store.get(&digest).unwrap(), *document);
                }
            });
        }
    });
    assert_eq!(store.list().unwrap().len(), documents.len());
    assert_eq!(fs::read_dir(home.path().join("ledger/temporary")).unwrap().count(), 0);
    // What a crash left goes with the next new document.
    fs::write(home.path().join("ledger/temporary/document-1-1"), "half").unwrap();
    store.put(b"new").unwrap();
    assert_eq!(fs::read_dir(home.path().join("ledger/temporary")).unwrap().count(), 0);
}

// Errors.

#[test]
fn an_error_at_any_step_is_named_and_the_next_append_works() {
    let key = key();
    for (before, after) in [(0, 1), (0, 300), (1, 2), (255, 256), (256, 257), (250, 520), (511, 513)] {
        let start = {
            let disk = Memory::default();
            if before > 0 {
                in_memory(&disk, &key).write(&key).unwrap().append(&entries(0..before)).unwrap();
            }
            disk.state()
        };
        let kinds = [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem, ErrorKind::Other];
        for (kind, lasting) in kinds.into_iter().zip([false, true, false]) {
            for at in 0.. {
                let disk = Memory::of(start.clone());
                let log = in_memory(&disk, &key);
                disk.failing(Some(Failure { at, kind, lasting }));
                let mut writer = log.write(&key);
                let reported = writer.as_mut().map_err(|error| error.to_string()).and_then(|writer| {
                    writer.append(&entries(before..after)).map_err(|error| error.to_string())
                });
                let Some(failed) = disk.failed() else {
                    reported.unwrap();
                    break;
                };
                disk.failing(None);
                let size = match &reported {
                    Ok(signed) => signed.checkpoint.size,
                    Err(message) => {
                        let (step, path) = failed.rsplit_once(' ').unwrap();
                        assert!(message.contains(step) && message.contains(path), "{failed}: {message}");
                        audit(&log).unwrap().len() as u64
                    }
                };
                assert!(size == before || size == after, "{failed}");
                assert_eq!(audit(&log).unwrap(), entries(0..size), "{failed}");
                // The same writer goes on where it can, else a new one.
                let next = entries(size..size + 2);
                match writer {
                    Ok(mut writer) => writer.append(&next).unwrap(),
                    Err(_) => log.write(&key).unwrap().append(&next).unwrap(),
                };
                let log = in_memory(&Memory::of(disk.state().after_cut(&mut |_| Fate::Lost)), &key);
                assert_eq!(audit(&log).unwrap(), entries(0..size + 2), "{failed}");
            }
        }
    }
}

#[test]
fn an_error_while_reading_is_an_error_and_no_finding() {
    let key = key();
    let disk = Memory::default();
    let log = in_memory(&disk, &key);
    log.write(&key).unwrap().append(&entries(0..600)).unwrap();
    for at in 0.. {
        disk.failing(Some(Failure { at, kind: ErrorKind::Other, lasting: false }));
        let audited = audit(&log);
        if disk.failed().is_none() {
            audited.unwrap();
            break;
        }
        assert!(matches!(audited, Err(LogError::Disk(_))), "{audited:?}");
    }
}

#[test]
fn a_directory_that_can_not_be_written_is_named_and_readable() {
    let home = tempfile::tempdir().unwrap();
    let (directory, key) = (home.path().join("ledger"), key());
    let log = on_disk(&directory, &key);
    log.write(&key).unwrap().append(&entries(0..3)).unwrap();
    // Not even root writes into what is no directory.
    fs::rename(directory.join("temporary"), directory.join("aside")).unwrap();
    fs::write(directory.join("temporary"), "").unwrap();
    let error = log.write(&key).unwrap_err().to_string();
    assert!(error.contains(directory.join("temporary").to_str().unwrap()), "{error}");
    assert_eq!(audit(&log).unwrap().len(), 3);
}

#[test]
fn readers_touch_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (directory, key) = (home.path().join("ledger"), key());
    assert!(on_disk(&directory, &key).checkpoint().unwrap().is_none());
    assert!(!directory.exists());
    fs::create_dir(&directory).unwrap();
    assert!(on_disk(&directory, &key).checkpoint().unwrap().is_none());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[test]
fn a_link_in_the_ledger_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let (directory, key) = (home.path().join("ledger"), key());
    let log = on_disk(&directory, &key);
    log.write(&key).unwrap().append(&entries(0..300)).unwrap();
    for path in ["checkpoint", "tile", "tile/entries", "tile/0/000", "tile/0/001.p", "lock", "temporary"] {
        let (real, aside) = (directory.join(path), directory.join("aside"));
        fs::rename(&real, &aside).unwrap();
        std::os::unix::fs::symlink(&aside, &real).unwrap();
        let read = audit(&log).map(|_| ()).err().map(|error| error.to_string());
        // Readers have no use for the last two, and a writer none for a tile that is full.
        let written = (path != "tile/0/000").then(|| log.write(&key).unwrap_err().to_string());
        assert_eq!(read.is_some(), !matches!(path, "lock" | "temporary"));
        for message in read.into_iter().chain(written) {
            assert!(message.contains("symbolic link") && message.contains(path), "{path}: {message}");
        }
        fs::remove_file(&real).unwrap();
        fs::rename(&aside, &real).unwrap();
    }
    audit(&log).unwrap();
}

// Crowds.

/// How many entries each of a crowd appends, one by one.
const EACH: u64 = 15;

/// Each appends its own entries, in its own order; gives them by writer, as they are in the log.
fn by_writer(log: &Log) -> BTreeMap<String, Vec<u64>> {
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for bytes in audit(log).unwrap() {
        let text = String::from_utf8(bytes).unwrap();
        let (writer, count) = text.split_once(' ').unwrap();
        found.entry(writer.to_owned()).or_default().push(count.parse().unwrap());
    }
    found
}

fn append_as(log: &Log, key: &SigningKey, writer: &str, count: u64) {
    for at in 0..count {
        let entry = format!("{writer} {at}").into_bytes();
        log.write(key).unwrap().append(&[entry]).unwrap();
    }
}

#[test]
fn eight_threads_lose_and_reorder_nothing() {
    let home = tempfile::tempdir().unwrap();
    let key = key();
    let log = on_disk(&home.path().join("ledger"), &key);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (log, key) = (&log, &key);
            scope.spawn(move || append_as(log, key, &writer.to_string(), EACH));
        }
    });
    let found = by_writer(&log);
    assert_eq!(found.len(), 8);
    assert!(found.values().all(|counts| counts.iter().copied().eq(0..EACH)), "{found:?}");
}

#[test]
fn readers_see_a_whole_log_while_it_grows() {
    let home = tempfile::tempdir().unwrap();
    let key = key();
    let log = on_disk(&home.path().join("ledger"), &key);
    log.write(&key).unwrap().append(&entries(0..240)).unwrap();
    let first = log.checkpoint().unwrap().unwrap().checkpoint;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut kept = first.clone();
                while !done.load(Ordering::Relaxed) {
                    let now = log.checkpoint().unwrap().unwrap().checkpoint;
                    log.compare(&now, &kept).unwrap();
                    // An old checkpoint stays readable, though its partial tiles go.
                    for at in [&now, &kept, &first] {
                        let mut count = 0;
                        let counted = log.audit(at, &mut |_, _| {
                            count += 1;
                            Ok(())
                        });
                        counted.unwrap();
                        assert_eq!(count, at.size);
                    }
                    kept = now;
                }
            });
        }
        let mut size = 240;
        for batch in [1, 3, 7, 1, 1, 2, 1].into_iter().cycle().take(120) {
            log.write(&key).unwrap().append(&entries(size..size + batch)).unwrap();
            size += batch;
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(!home.path().join("ledger/tile/0/000.p").exists());
    assert!(!home.path().join("ledger/tile/entries/000.p").exists());
}

// Other processes: this binary, run again for one test.

const ROLE: &str = "DROPGATE_TEST_LEDGER_ROLE";
const HOME: &str = "DROPGATE_TEST_LEDGER_HOME";

fn again(home: &Path, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "what_another_process_does", "--nocapture"]);
    command.env(ROLE, role).env(HOME, home).stdout(Stdio::null());
    command
}

/// A home with a key that other processes can read.
fn shared() -> (tempfile::TempDir, SigningKey) {
    let home = tempfile::tempdir().unwrap();
    let private = PrivateKey::generate().unwrap();
    fs::write(home.path().join("key.pem"), private.to_pem().unwrap().as_bytes()).unwrap();
    (home, SigningKey::new(NAME, private).unwrap())
}

/// Nothing, unless another test here started it.
#[test]
fn what_another_process_does() {
    let (Ok(role), Ok(home)) = (std::env::var(ROLE), std::env::var(HOME)) else { return };
    let home = Path::new(&home);
    let private = PrivateKey::from_pem(&fs::read_to_string(home.join("key.pem")).unwrap()).unwrap();
    let key = SigningKey::new(NAME, private).unwrap();
    let log = on_disk(&home.join("ledger"), &key);
    match role.as_str() {
        "hold" => {
            let _writer = log.write(&key).unwrap();
            fs::write(home.join("held"), "").unwrap();
            std::thread::sleep(Duration::from_secs(60));
        }
        "report" => report(home, &log, &key),
        "report until the limit" => {
            let limit = rustix::process::Rlimit { current: Some(2000), maximum: Some(2000) };
            rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
            report(home, &log, &key);
        }
        writer => append_as(&log, &key, writer, EACH),
    }
}

#[test]
fn a_lock_is_waited_for_no_longer_than_said() {
    let home = tempfile::tempdir().unwrap();
    let disk = Local::new(home.path()).unwrap();
    let none = Duration::ZERO;
    let writer = disk.lock("lock", Sharing::Exclusive, none).unwrap().unwrap();
    let begun = Instant::now();
    assert!(disk.lock("lock", Sharing::Exclusive, Duration::from_millis(30)).unwrap().is_none());
    assert!(disk.lock("lock", Sharing::Shared, none).unwrap().is_none());
    assert!(begun.elapsed() >= Duration::from_millis(30));
    drop(writer);
    let shared = disk.lock("lock", Sharing::Shared, none).unwrap().unwrap();
    assert!(disk.lock("lock", Sharing::Shared, none).unwrap().is_some());
    assert!(disk.lock("lock", Sharing::Exclusive, none).unwrap().is_none());
    drop(shared);
    assert!(disk.lock("lock", Sharing::Exclusive, none).unwrap().is_some());
}

/// Appends for as long as it lives, and writes a line for each entry that is durable.
fn report(home: &Path, log: &Log, key: &SigningKey) {
    let mut reports = fs::File::options().create(true).append(true).open(home.join("reports")).unwrap();
    loop {
        let mut writer = log.write(key).unwrap();
        let next = writer.checkpoint().unwrap().size;
        writer.append(&entries(next..next + 1)).unwrap();
        reports.write_all(b"x\n").unwrap();
    }
}

/// How many entries processes have reported.
fn reported(home: &Path) -> usize {
    fs::read(home.join("reports")).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

#[test]
fn a_writer_that_is_killed_at_any_moment_loses_nothing_that_it_reported() {
    let (home, key) = shared();
    let log = on_disk(&home.path().join("ledger"), &key);
    for delay in [0, 3, 7, 12, 19, 29] {
        let before = reported(home.path());
        let mut process = again(home.path(), "report").spawn().unwrap();
        while reported(home.path()) == before {
            assert!(process.try_wait().unwrap().is_none());
        }
        std::thread::sleep(Duration::from_millis(delay));
        process.kill().unwrap();
        process.wait().unwrap();
        let found = audit(&log).unwrap();
        // Each process can have been killed between the commit and its report.
        assert!(found.len() >= reported(home.path()), "{} {}", found.len(), reported(home.path()));
        assert_eq!(found, entries(0..found.len() as u64));
    }
    let size = audit(&log).unwrap().len() as u64;
    log.write(&key).unwrap().append(&entries(size..size + 300)).unwrap();
    assert_eq!(audit(&log).unwrap(), entries(0..size + 300));
    assert_eq!(fs::read_dir(home.path().join("ledger/temporary")).unwrap().count(), 0);
}

/// The kernel cuts the write off and kills the writer, or tells it that the file is too large.
#[test]
fn a_writer_that_may_not_write_on_leaves_a_good_log() {
    let (home, key) = shared();
    let status = again(home.path(), "report until the limit").stderr(Stdio::null()).status().unwrap();
    assert!(!status.success());
    let log = on_disk(&home.path().join("ledger"), &key);
    let found = audit(&log).unwrap();
    assert!(found.len() >= 20 && found.len() == reported(home.path()), "{}", found.len());
    let size = found.len() as u64;
    log.write(&key).unwrap().append(&entries(size..size + 1)).unwrap();
    assert_eq!(audit(&log).unwrap(), entries(0..size + 1));
}

#[test]
fn eight_processes_lose_and_reorder_nothing() {
    let (home, key) = shared();
    let processes: Vec<_> =
        (0..8).map(|writer| again(home.path(), &writer.to_string()).spawn().unwrap()).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let found = by_writer(&on_disk(&home.path().join("ledger"), &key));
    assert_eq!(found.len(), 8);
    assert!(found.values().all(|counts| counts.iter().copied().eq(0..EACH)), "{found:?}");
}

#[test]
fn a_writer_that_is_killed_leaves_no_lock() {
    let (home, key) = shared();
    let log = on_disk(&home.path().join("ledger"), &key);
    log.write(&key).unwrap().append(&entries(0..2)).unwrap();
    let mut holder = again(home.path(), "hold").spawn().unwrap();
    while !home.path().join("held").exists() {
        assert!(holder.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    // While it lives, others wait.
    let waiting = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            log.write(&key).unwrap().append(&entries(2..3)).unwrap();
            waiting.store(false, Ordering::Relaxed);
        });
        std::thread::sleep(Duration::from_millis(200));
        assert!(waiting.load(Ordering::Relaxed));
        holder.kill().unwrap();
    });
    holder.wait().unwrap();
    assert_eq!(audit(&log).unwrap(), entries(0..3));
}
