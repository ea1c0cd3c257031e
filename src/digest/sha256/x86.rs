//! SHA-256 by the SHA extensions of x86 processors, over one message or two at once.
//!
//! An instruction for two rounds needs the result of the one before, and the processor could begin another meanwhile.
//! A second message gives it something to begin: the rounds of both stand in turns here, group by group.
//! The letters a to h and W are those of FIPS 180-4, section 6.2.2.

use super::{Block, State};
use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};

/// The constants of the 64 rounds, sixteen by sixteen and four by four: FIPS 180-4, section 4.2.2.
#[rustfmt::skip]
const K: [[[u32; 4]; 4]; 4] = [
    [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
        [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
        [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    ],
    [
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
        [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
        [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    ],
    [
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
        [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
        [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    ],
    [
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
        [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
        [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ],
];

/// Proof that this processor has the instructions: nothing but [`ShaNi::detect`] makes one.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShaNi(());

impl ShaNi {
    /// Asks the processor, once for each process.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("ssse3"))
        .then_some(Self(()))
    }

    /// Takes the blocks of one message.
    #[allow(unsafe_code)]
    pub(super) fn one(self, state: &mut State, blocks: &[Block]) {
        // SAFETY: `self` exists, so `detect` found the three features that `one` is compiled for. It asks for no more.
        unsafe { one(state, blocks) }
    }

    /// Takes blocks of two messages, until the shorter run ends.
    #[allow(unsafe_code)]
    pub(super) fn two(self, first: (&mut State, &[Block]), second: (&mut State, &[Block])) {
        // SAFETY: as in `one`.
        unsafe { two(first, second) }
    }
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn one(state: &mut State, blocks: &[Block]) {
    let mut sums = Sums::load(state);
    for block in blocks {
        let before = sums;
        let mut words = load(block);
        let [early @ .., late] = &K;
        for sixteen in early {
            for constants in sixteen {
                sums.four_rounds(words, constants);
                words = following(words);
            }
        }
        for constants in late {
            sums.four_rounds(words, constants);
            words = rotated(words);
        }
        sums.add(before);
    }
    sums.store(state);
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn two(first: (&mut State, &[Block]), second: (&mut State, &[Block])) {
    let (mut a, mut b) = (Sums::load(first.0), Sums::load(second.0));
    for (block_a, block_b) in first.1.iter().zip(second.1) {
        let (before_a, before_b) = (a, b);
        let (mut words_a, mut words_b) = (load(block_a), load(block_b));
        let [early @ .., late] = &K;
        for sixteen in early {
            for constants in sixteen {
                a.four_rounds(words_a, constants);
                b.four_rounds(words_b, constants);
                words_a = following(words_a);
                words_b = following(words_b);
            }
        }
        for constants in late {
            a.four_rounds(words_a, constants);
            b.four_rounds(words_b, constants);
            words_a = rotated(words_a);
            words_b = rotated(words_b);
        }
        a.add(before_a);
        b.add(before_b);
    }
    a.store(first.0);
    b.store(second.0);
}

/// The working variables, in the halves that the instruction takes; the letters run from the highest lane down.
#[derive(Clone, Copy)]
struct Sums {
    abef: __m128i,
    cdgh: __m128i,
}

impl Sums {
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn load(state: &State) -> Self {
        let [a, b, c, d, e, f, g, h] = state.map(u32::cast_signed);
        Self { abef: _mm_set_epi32(a, b, e, f), cdgh: _mm_set_epi32(c, d, g, h) }
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn store(self, state: &mut State) {
        let Self { abef, cdgh } = self;
        *state = [
            _mm_extract_epi32::<3>(abef),
            _mm_extract_epi32::<2>(abef),
            _mm_extract_epi32::<3>(cdgh),
            _mm_extract_epi32::<2>(cdgh),
            _mm_extract_epi32::<1>(abef),
            _mm_extract_epi32::<0>(abef),
            _mm_extract_epi32::<1>(cdgh),
            _mm_extract_epi32::<0>(cdgh),
        ]
        .map(i32::cast_unsigned);
    }

    /// Four rounds with the first four of the sixteen words. Two rounds turn a, b, e, f into the next c, d, g, h,
    /// so the halves change places twice and end where they began.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn four_rounds(&mut self, [words, ..]: [__m128i; 4], constants: &[u32; 4]) {
        let [k0, k1, k2, k3] = constants.map(u32::cast_signed);
        let sum = _mm_add_epi32(words, _mm_set_epi32(k3, k2, k1, k0));
        self.cdgh = _mm_sha256rnds2_epu32(self.cdgh, self.abef, sum);
        // The instruction looks at the two lower lanes: bring the two upper ones down.
        self.abef = _mm_sha256rnds2_epu32(self.abef, self.cdgh, _mm_shuffle_epi32::<0b00_00_11_10>(sum));
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn add(&mut self, before: Self) {
        self.abef = _mm_add_epi32(self.abef, before.abef);
        self.cdgh = _mm_add_epi32(self.cdgh, before.cdgh);
    }
}

/// The sixteen words of a block, the first in the lowest lane.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn load([a, b, c, d, e, f, g, h]: &Block) -> [__m128i; 4] {
    [four(a, b), four(c, d), four(e, f), four(g, h)]
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn four(low: &[u8; 8], high: &[u8; 8]) -> __m128i {
    // Words are big-endian in the message: this turns the bytes of each lane round.
    let turned = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let bytes = _mm_set_epi64x(i64::from_le_bytes(*high), i64::from_le_bytes(*low));
    _mm_shuffle_epi8(bytes, turned)
}

/// Without the first four of sixteen words, and with the four that follow the last: the message schedule
/// `W[t] = s1(W[t-2]) + W[t-7] + s0(W[t-15]) + W[t-16]`.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn following([first, second, third, fourth]: [__m128i; 4]) -> [__m128i; 4] {
    // W[t-16] + s0(W[t-15]), then W[t-7], which straddles the last two fours, then s1(W[t-2]).
    let old = _mm_sha256msg1_epu32(first, second);
    let sum = _mm_add_epi32(old, _mm_alignr_epi8::<4>(fourth, third));
    [second, third, fourth, _mm_sha256msg2_epu32(sum, fourth)]
}

/// The same where no further words are needed.
#[inline]
fn rotated([first, second, third, fourth]: [__m128i; 4]) -> [__m128i; 4] {
    [second, third, fourth, first]
}
