//! What the ledger costs: appends by one writer and by eight, a batch, one proof, an audit of everything beside hashing alone;
//! and what people wait for, `dropgate ledger verify` and `list`, over entries as `dropgate verify --record` writes them.
//!
//! `cargo bench --bench ledger` makes two ledgers of 100,000 entries (1 GB, removed at the end); `ENTRIES=1000000` with
//! more. The goal: the audit takes little longer than hashing the same bytes by the same threads.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use dropgate::drop::path::Name;
use dropgate::files::OnDisk;
use dropgate::gate::Gate;
use dropgate::ledger::Ledger;
use dropgate::ledger::disk::Local;
use dropgate::ledger::log::Log;
use dropgate::ledger::note::SigningKey;
use dropgate::merkle;
use dropgate::trust::ed25519::PrivateKey;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ENTRY_BYTES: usize = 2048;
const BATCH: u64 = 100_000;
const SINGLE: u64 = 100;
const WRITERS: u64 = 8;

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = run();
    (done, begun.elapsed())
}

fn entry(index: u64) -> Vec<u8> {
    let mut entry = index.to_string().into_bytes();
    entry.resize(ENTRY_BYTES, b'x');
    entry
}

fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn main() {
    let entries: u64 =
        std::env::var("ENTRIES").map_or(BATCH, |text| text.parse().expect("ENTRIES: a number"));
    let home = tempfile::tempdir_in(".").unwrap();
    let key = SigningKey::new("bench.example", PrivateKey::generate().unwrap()).unwrap();
    let disk = Local::new(&home.path().join("ledger")).unwrap();
    let log = Log::new(Arc::new(disk), key.verifier().clone());

    let ((), took) = timed(|| {
        (0..SINGLE).for_each(|index| drop(log.write(&key).unwrap().append(&[entry(index)]).unwrap()));
    });
    println!(
        "{SINGLE} appends, one writer: {:.1?} each, {:.0} a second",
        took / SINGLE as u32,
        per_second(SINGLE, took)
    );
    let ((), took) = timed(|| {
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| {
                    let (log, key) = (&log, &key);
                    (0..SINGLE)
                        .for_each(|index| drop(log.write(key).unwrap().append(&[entry(index)]).unwrap()));
                });
            }
        });
    });
    let all = SINGLE * WRITERS;
    println!("{all} appends, {WRITERS} writers at once: {:.0} a second", per_second(all, took));

    let mut hashing = Duration::ZERO;
    let mut appending = Duration::ZERO;
    let mut size = SINGLE + all;
    while size < entries {
        let batch: Vec<Vec<u8>> = (size..entries.min(size + BATCH)).map(entry).collect();
        let (_, took) = timed(|| batch.par_iter().map(|entry| merkle::leaf(entry)).collect::<Vec<_>>());
        hashing += took;
        let (_, took) = timed(|| log.write(&key).unwrap().append(&batch).unwrap());
        appending += took;
        size += batch.len() as u64;
    }
    println!("{size} entries: hashing them alone {hashing:.2?}, appending them in batches {appending:.2?}");

    let ((), took) = timed(|| drop(log.write(&key).unwrap().append(&[entry(size)]).unwrap()));
    println!("one more append: {took:.1?}");
    let at = log.checkpoint().unwrap().unwrap().checkpoint;
    let (_, took) = timed(|| log.inclusion(&at, at.size / 2).unwrap());
    println!("one proof of inclusion: {took:.1?}");
    for _ in 0..3 {
        let (audited, took) = timed(|| log.audit(&at, &mut |_, _| Ok(())));
        audited.unwrap();
        println!("audit: {took:.2?}");
    }
    drop(home);
    commands(entries);
}

/// What the command line takes over so many entries: one real one, with another version in each.
fn commands(entries: u64) {
    let home = tempfile::tempdir_in(".").unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    let (gate, drop) = (path("gate"), path("drop"));
    let file = format!("{gate}/gate.toml");
    run(&[
        "init",
        &gate,
        "--operator",
        "Example",
        "--key",
        "fixtures/keys/acme-release.pub.pem",
        "--vendor",
        "Acme Networks",
        "--owner",
        "Jane Doe",
    ]);
    std::fs::create_dir(&drop).unwrap();
    std::fs::write(format!("{drop}/image.bin"), [7; 100_000]).unwrap();
    let make = [
        "manifest",
        "create",
        &drop,
        "--vendor",
        "Acme Networks",
        "--product",
        "radio-7",
        "--version",
        "1",
        "--kind",
        "new-component",
    ];
    run(&[&make[..], &["--sequence", "1", "--key", "fixtures/keys/acme-release.pem"]].concat());
    run(&["verify", &drop, "--gate", &file, "--record"]);
    let config = Gate::load(Path::new(&file), &OnDisk).unwrap().ledger.unwrap();
    let key = std::fs::read_to_string(config.key.unwrap()).unwrap();
    let key = SigningKey::new(config.verifier.name(), PrivateKey::from_pem(&key).unwrap()).unwrap();
    let ledger = Ledger::open(&config.directory, config.verifier).unwrap();
    let at = ledger.checkpoint().unwrap().checkpoint;
    let mut one = ledger.entry(&at, 0).unwrap();
    let mut next = 1;
    while next < entries {
        let batch = (next..entries.min(next + BATCH)).map(|index| {
            let release = one.release.as_mut().unwrap();
            release.version = Name::parse(&index.to_string()).unwrap();
            release.product = Name::parse(&format!("radio-{}", index % 1000)).unwrap();
            one.write().unwrap()
        });
        let batch: Vec<Vec<u8>> = batch.collect();
        next += batch.len() as u64;
        ledger.log().write(&key).unwrap().append(&batch).unwrap();
    }
    println!("{next} entries of {} bytes, as `verify --record` writes them:", one.write().unwrap().len());
    let version = (next / 2).to_string();
    for (claim, words) in [
        ("list, which makes the index", &["list", "--limit", "1"][..]),
        ("list --limit 20", &["list", "--limit", "20"]),
        ("list of one version", &["list", "--version", &version]),
        ("list of one product, the last 20", &["list", "--product", "radio-7", "--limit", "20"]),
        ("list of one version --scan", &["list", "--version", &version, "--scan"]),
        ("show", &["show", &version]),
        ("prove", &["prove", &version]),
        ("verify", &["verify"]),
    ] {
        let ((), took) = timed(|| run(&[&["ledger"], words, &["--gate", &file]].concat()));
        println!("    {claim:<34} {took:>9.2?}");
    }
    let ((), took) = timed(|| run(&["verify", &drop, "--gate", &file, "--record"]));
    println!("    {:<34} {took:>9.2?}", "dropgate verify --record, in all");
}

fn run(words: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_dropgate")).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
