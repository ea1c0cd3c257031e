//! SHA-256 on one core: one message by the `sha2` crate and by us, and two messages at once.
//!
//! `cargo bench --bench sha256` hashes data that lies in the processor's cache, so it shows the kernels alone: neither files
//! nor memory. The ways take turns, turn by turn, so that a machine that slows down slows all of them. `TURNS=50` for longer.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use dropgate::digest::sha256::{Sha256, update_two};
use sha2::Digest as _;
use std::hint::black_box;
use std::time::Instant;

/// Bytes that each way hashes in one turn.
const BYTES: usize = 64 << 20;

/// Hashes two messages, and gives something of both digests.
type Way = fn(&[u8], &[u8]) -> u8;

const WAYS: [(&str, Way); 3] = [
    ("one message, sha2 crate", |first, second| {
        sha2::Sha256::digest(first).first().unwrap() ^ sha2::Sha256::digest(second).first().unwrap()
    }),
    ("one message, ours", |first, second| {
        Sha256::digest(first).first().unwrap() ^ Sha256::digest(second).first().unwrap()
    }),
    ("two messages at once", |first, second| {
        let (mut one, mut two) = (Sha256::new(), Sha256::new());
        update_two((&mut one, first), (&mut two, second));
        one.finish().first().unwrap() ^ two.finish().first().unwrap()
    }),
];

fn main() {
    let turns: usize = std::env::var("TURNS").map_or(15, |text| text.parse().expect("TURNS: a number"));
    for size in [4 << 10, 64 << 10] {
        let first: Vec<u8> = (0..size).map(|i: usize| i.to_le_bytes()[0]).collect();
        let second: Vec<u8> = first.iter().map(|byte| !byte).collect();
        let mut rates: [Vec<f64>; WAYS.len()] = Default::default();
        for _ in 0..turns {
            for ((_, way), rates) in WAYS.iter().zip(&mut rates) {
                let begun = Instant::now();
                for _ in 0..BYTES / size / 2 {
                    black_box(way(black_box(&first), black_box(&second)));
                }
                rates.push(BYTES as f64 / begun.elapsed().as_secs_f64() / 1e9);
            }
        }
        println!("messages of {} KiB, {turns} turns, GB/s: median (lowest .. highest)", size >> 10);
        for ((name, _), rates) in WAYS.iter().zip(&mut rates) {
            rates.sort_by(f64::total_cmp);
            let at = |index: usize| rates.get(index).unwrap();
            println!("  {name:<24} {:.2} ({:.2} .. {:.2})", at(turns / 2), at(0), at(turns - 1));
        }
    }
}
