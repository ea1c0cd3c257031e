//! Every kernel against the published digests, against the `sha2` crate, and against itself in other pieces.

use super::*;
use proptest::prelude::*;
use sha2::Digest as _;

/// Pairs of random messages. Without optimising each takes a hundred times as long;
/// `cargo test --release --lib sha256` does all of them.
const RANDOM_PAIRS: u64 = if cfg!(debug_assertions) { 50_000 } else { 3_000_000 };

/// The portable kernel, and the one of this processor.
fn kernels() -> Vec<Kernel> {
    let mut kernels = vec![Kernel::Portable];
    let ours = Kernel::of_this_processor();
    if !matches!(ours, Kernel::Portable) {
        kernels.push(ours);
    }
    kernels
}

fn judge(message: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(message).into()
}

/// The digest by `kernel`, with the message given in pieces that end at `cuts`.
fn in_pieces(kernel: Kernel, message: &[u8], cuts: &[usize]) -> [u8; 32] {
    let mut hash = Sha256::by(kernel);
    let mut from = 0;
    for cut in cuts {
        hash.update(&message[from..*cut]);
        from = *cut;
    }
    hash.update(&message[from..]);
    hash.finish()
}

/// Bytes in which no two blocks and no two words are the same.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// SplitMix64: fast, and the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap().checked_rem(bound).unwrap()
    }
}

#[test]
fn published_examples_come_out() {
    // The examples that NIST publishes for FIPS 180-4: one block, two blocks, and the two that are often asked for.
    let long = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
    let million = vec![b'a'; 1_000_000];
    let examples: [(&[u8], &str); 5] = [
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (long, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"),
        (&million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ];
    for kernel in kernels() {
        for (message, expected) in examples {
            let found = in_pieces(kernel, message, &[]);
            assert_eq!(crate::digest::hex(&found), expected, "{kernel:?}, {} bytes", message.len());
        }
        let (mut first, mut second) = (Sha256::by(kernel), Sha256::by(kernel));
        update_two((&mut first, &million), (&mut second, long));
        assert_eq!(crate::digest::hex(&first.finish()), examples[4].1, "{kernel:?}");
        assert_eq!(crate::digest::hex(&second.finish()), examples[3].1, "{kernel:?}");
    }
}

#[test]
fn every_length_up_to_a_thousand_is_right_alone_and_in_company() {
    let message = bytes(1000, 1);
    for kernel in kernels() {
        for length in 0..=1000 {
            let (one, other) = (&message[..length], &message[length..]);
            assert_eq!(in_pieces(kernel, one, &[]), judge(one), "{kernel:?}, {length} bytes");
            let (mut first, mut second) = (Sha256::by(kernel), Sha256::by(kernel));
            update_two((&mut first, one), (&mut second, other));
            assert_eq!(first.finish(), judge(one), "{kernel:?}, {length} bytes beside {}", other.len());
            assert_eq!(second.finish(), judge(other), "{kernel:?}, {} bytes beside {length}", other.len());
        }
    }
}

#[test]
fn where_a_message_is_cut_makes_no_difference() {
    for kernel in kernels() {
        // Every way to cut in three, around one block and around two.
        for length in (0..=66).step_by(11).chain([119, 128, 129]) {
            let message = bytes(length, 2);
            let expected = judge(&message);
            for first in 0..=length {
                for second in first..=length {
                    let found = in_pieces(kernel, &message, &[first, second]);
                    assert_eq!(found, expected, "{kernel:?}, {length} bytes cut at {first} and {second}");
                }
            }
        }
        // Equal pieces of every size.
        let message = bytes(300, 3);
        let expected = judge(&message);
        for size in 1..=300 {
            let mut hash = Sha256::by(kernel);
            message.chunks(size).for_each(|piece| hash.update(piece));
            assert_eq!(hash.finish(), expected, "{kernel:?}, pieces of {size}");
        }
    }
}

#[test]
fn two_messages_never_touch_each_other() {
    // Lengths on both sides of every boundary that padding and blocks have, and what each has taken before.
    const LENGTHS: [usize; 14] = [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 640, 1000];
    const BEFORE: [usize; 5] = [0, 1, 63, 64, 70];
    let (one, other) = (bytes(1100, 4), bytes(1100, 5));
    for kernel in kernels() {
        for (a, b) in LENGTHS.into_iter().flat_map(|a| LENGTHS.map(|b| (a, b))) {
            for (before_a, before_b) in BEFORE.into_iter().flat_map(|a| BEFORE.map(|b| (a, b))) {
                let (mut first, mut second) = (Sha256::by(kernel), Sha256::by(kernel));
                first.update(&one[..before_a]);
                second.update(&other[..before_b]);
                let (end_a, end_b) = (before_a + a, before_b + b);
                update_two((&mut first, &one[before_a..end_a]), (&mut second, &other[before_b..end_b]));
                let place = format!("{kernel:?}, {before_a} + {a} bytes beside {before_b} + {b}");
                assert_eq!(first.finish(), judge(&one[..end_a]), "{place}");
                assert_eq!(second.finish(), judge(&other[..end_b]), "{place}");
            }
        }
    }
}

#[test]
fn random_pairs_agree_with_the_crate() {
    let mut random = Random(6);
    let pool = bytes(1 << 16, 7);
    let message = |random: &mut Random| {
        let from = random.below(pool.len() - 1024);
        &pool[from..from + random.below(600)]
    };
    for kernel in kernels() {
        for pair in 0..RANDOM_PAIRS {
            let (one, other) = (message(&mut random), message(&mut random));
            let (cut_one, cut_other) = (random.below(one.len() + 1), random.below(other.len() + 1));
            let (mut first, mut second) = (Sha256::by(kernel), Sha256::by(kernel));
            update_two((&mut first, &one[..cut_one]), (&mut second, &other[..cut_other]));
            update_two((&mut second, &other[cut_other..]), (&mut first, &one[cut_one..]));
            assert_eq!(first.finish(), judge(one), "{kernel:?}, pair {pair}, first");
            assert_eq!(second.finish(), judge(other), "{kernel:?}, pair {pair}, second");
        }
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Two messages in any pieces, together or alone, in any order.
    #[test]
    fn any_pieces_in_any_company_give_the_same(
        pieces in prop::collection::vec((piece(), piece(), 0..3), 0..8),
    ) {
        for kernel in kernels() {
            let (mut first, mut second) = (Sha256::by(kernel), Sha256::by(kernel));
            for (one, other, how) in &pieces {
                match how {
                    0 => update_two((&mut first, one), (&mut second, other)),
                    1 => update_two((&mut second, other), (&mut first, one)),
                    _ => {
                        first.update(one);
                        second.update(other);
                    }
                }
            }
            let (one, other): (Vec<_>, Vec<_>) = pieces.iter().map(|(one, other, _)| (&**one, &**other)).unzip();
            prop_assert_eq!(first.finish(), judge(&one.concat()));
            prop_assert_eq!(second.finish(), judge(&other.concat()));
        }
    }
}
