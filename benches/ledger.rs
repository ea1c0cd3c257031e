//! What the ledger costs: one append, a batch, one proof, and an audit of everything beside hashing alone.
//!
//! `cargo bench --bench ledger` makes a ledger of 100,000 entries of 2 KB (300 MB, removed at the end); `ENTRIES=1000000` with
//! more. The goal: the audit takes little longer than hashing the same bytes by the same threads.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use dropgate::ledger::disk::Local;
use dropgate::ledger::log::Log;
use dropgate::ledger::merkle;
use dropgate::ledger::note::SigningKey;
use dropgate::trust::ed25519::PrivateKey;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ENTRY_BYTES: usize = 2048;
const BATCH: u64 = 100_000;
const SINGLE: u64 = 100;

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
    println!("{SINGLE} appends, a writer for each: {:.1?} each", took / SINGLE as u32);

    let mut hashing = Duration::ZERO;
    let mut appending = Duration::ZERO;
    let mut size = SINGLE;
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
}
