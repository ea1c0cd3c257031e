//! SHA-256 (FIPS 180-4) over one message, or over two that have nothing to do with each other, on one core.
//!
//! Each round of SHA-256 waits for the one before, so a core with instructions for it is partly idle on one message.
//! [`update_two`] takes two files' bytes at once and fills the gaps of one with the rounds of the other.
//! A processor without such instructions, and every architecture but x86-64, uses the `sha2` crate.

#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

/// A block of the message: sixteen big-endian words, as eight times eight bytes.
type Block = [[u8; 8]; 8];

/// The hash value H between two blocks.
type State = [u32; 8];

const BLOCK_BYTES: usize = 64;

/// Where the length of the message stands in its last block.
const LENGTH_AT: usize = 56;

/// H before the first block: FIPS 180-4, section 5.3.3.
#[rustfmt::skip]
const INITIAL: State = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
];

/// What adds the blocks of a message to its state.
#[derive(Debug, Clone, Copy)]
enum Kernel {
    #[cfg(target_arch = "x86_64")]
    ShaNi(x86::ShaNi),
    /// The `sha2` crate, one message after the other.
    Portable,
}

impl Kernel {
    fn fastest() -> Self {
        // Not optimised, as tests build it, a kernel of ours is many times slower than the crate, which they optimise.
        if cfg!(debug_assertions) { Self::Portable } else { Self::of_this_processor() }
    }

    fn of_this_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(instructions) = x86::ShaNi::detect() {
            return Self::ShaNi(instructions);
        }
        Self::Portable
    }

    fn one(self, state: &mut State, blocks: &[Block]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::ShaNi(instructions) => instructions.one(state, blocks),
            Self::Portable => {
                let (blocks, _) = blocks.as_flattened().as_flattened().as_chunks::<BLOCK_BYTES>();
                sha2::block_api::compress256(state, blocks);
            }
        }
    }

    /// Takes the blocks of two messages; what one has more of than the other is taken alone.
    fn two(self, first: (&mut State, &[Block]), second: (&mut State, &[Block])) {
        let common = first.1.len().min(second.1.len());
        let (first_common, first_rest) = first.1.split_at_checked(common).unwrap_or((&[], first.1));
        let (second_common, second_rest) = second.1.split_at_checked(common).unwrap_or((&[], second.1));
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::ShaNi(instructions) => {
                instructions.two((&mut *first.0, first_common), (&mut *second.0, second_common));
            }
            Self::Portable => {
                self.one(first.0, first_common);
                self.one(second.0, second_common);
            }
        }
        self.one(first.0, first_rest);
        self.one(second.0, second_rest);
    }
}

/// The running SHA-256 of one message.
#[derive(Debug, Clone)]
pub struct Sha256 {
    kernel: Kernel,
    state: State,
    /// Bytes of the message so far.
    length: u64,
    /// The beginning of a block that is not whole yet.
    pending: [u8; BLOCK_BYTES],
    /// How many bytes of `pending` count: always less than a block between two calls.
    filled: usize,
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl Sha256 {
    /// Starts a message, with the fastest way to hash that this processor has.
    pub fn new() -> Self {
        Self::by(Kernel::fastest())
    }

    fn by(kernel: Kernel) -> Self {
        Self { kernel, state: INITIAL, length: 0, pending: [0; BLOCK_BYTES], filled: 0 }
    }

    /// The SHA-256 of one whole message.
    pub fn digest(message: &[u8]) -> [u8; 32] {
        let mut hash = Self::new();
        hash.update(message);
        hash.finish()
    }

    /// Takes the next bytes of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        let (blocks, tail) = self.cut(bytes);
        self.kernel.one(&mut self.state, blocks);
        self.keep(tail);
    }

    /// Counts `bytes`, fills up the block that is pending, and gives the whole blocks after it and what is left.
    fn cut<'a>(&mut self, bytes: &'a [u8]) -> (&'a [Block], &'a [u8]) {
        // The length field has 64 bits and counts bits (section 5.1.1): enough for more than any file system holds.
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let mut bytes = bytes;
        if self.filled > 0 {
            bytes = self.keep(bytes);
            if self.filled == BLOCK_BYTES {
                self.take_pending();
            }
        }
        let (eights, _) = bytes.as_chunks::<8>();
        let (blocks, _) = eights.as_chunks::<8>();
        let tail = bytes.get(blocks.as_flattened().as_flattened().len()..).unwrap_or_default();
        (blocks, tail)
    }

    /// Adds as much to the pending block as has room there, and gives the rest.
    fn keep<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = self.pending.get_mut(self.filled..).unwrap_or_default();
        let count = room.len().min(bytes.len());
        let (kept, rest) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
        for (to, from) in room.iter_mut().zip(kept) {
            *to = *from;
        }
        self.filled = self.filled.saturating_add(count);
        rest
    }

    fn take_pending(&mut self) {
        let (eights, _) = self.pending.as_chunks::<8>();
        let (block, _) = eights.as_chunks::<8>();
        self.kernel.one(&mut self.state, block);
        self.filled = 0;
    }

    /// Ends the message: a one bit, zeros, and the length in bits (FIPS 180-4, section 5.1.1).
    pub fn finish(mut self) -> [u8; 32] {
        let bits = self.length.wrapping_mul(8);
        self.keep(&[0x80]);
        if self.filled > LENGTH_AT {
            self.zero_rest();
            self.take_pending();
        }
        self.zero_rest();
        self.filled = LENGTH_AT;
        self.keep(&bits.to_be_bytes());
        self.take_pending();
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }

    fn zero_rest(&mut self) {
        self.pending.get_mut(self.filled..).unwrap_or_default().fill(0);
    }
}

/// Takes the next bytes of two messages. Fastest where both have equally many blocks; what one has more of costs
/// what it costs alone.
pub fn update_two(first: (&mut Sha256, &[u8]), second: (&mut Sha256, &[u8])) {
    let (first, first_bytes) = first;
    let (second, second_bytes) = second;
    let (first_blocks, first_tail) = first.cut(first_bytes);
    let (second_blocks, second_tail) = second.cut(second_bytes);
    first.kernel.two((&mut first.state, first_blocks), (&mut second.state, second_blocks));
    first.keep(first_tail);
    second.keep(second_tail);
}
