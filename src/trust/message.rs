//! What a detached signature is over: a text held whole, or a file of any size as it is streamed once.
//!
//! A scheme says what it [needs](Needs) before a byte is read. What it then gets is the message itself, or states of
//! hash functions that took in all of it: OpenPGP goes on hashing behind the message's end.

use crate::digest::hex;
use crate::limits;
use blake2::Blake2b512;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::collections::BTreeSet;

/// A hash function that some scheme signs by. None of them is weak: a scheme that is given another one refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384 (FIPS 180-4).
    Sha384,
    /// SHA-512 (FIPS 180-4).
    Sha512,
    /// BLAKE2b with 64 bytes, without key (RFC 7693).
    Blake2b512,
}

/// How the message is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Intake {
    /// Byte for byte.
    Binary,
    /// With every line break as CR LF (RFC 9580, section 5.2.1.2).
    Text,
}

/// What a signature needs to know of its message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// All of it.
    pub whole: bool,
    /// States of hash functions behind its last byte.
    pub hashed: BTreeSet<(Hash, Intake)>,
}

impl Needs {
    /// All of the message.
    pub fn whole() -> Self {
        Self { whole: true, hashed: BTreeSet::new() }
    }

    /// One hash over it, byte for byte.
    pub fn hashed(hash: Hash) -> Self {
        Self { whole: false, hashed: BTreeSet::from([(hash, Intake::Binary)]) }
    }
}

/// The state of a hash function.
#[derive(Debug, Clone)]
pub enum Hasher {
    /// Of SHA-256.
    Sha256(Sha256),
    /// Of SHA-384.
    Sha384(Sha384),
    /// Of SHA-512.
    Sha512(Sha512),
    /// Of BLAKE2b.
    Blake2b512(Box<Blake2b512>),
}

impl Hasher {
    /// That of no bytes.
    pub fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256(Sha256::new()),
            Hash::Sha384 => Self::Sha384(Sha384::new()),
            Hash::Sha512 => Self::Sha512(Sha512::new()),
            Hash::Blake2b512 => Self::Blake2b512(Box::new(Blake2b512::new())),
        }
    }

    /// Takes in more.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
            Self::Blake2b512(state) => state.update(bytes),
        }
    }

    /// The digest of all that was taken in.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(state) => state.finalize().to_vec(),
            Self::Sha384(state) => state.finalize().to_vec(),
            Self::Sha512(state) => state.finalize().to_vec(),
            Self::Blake2b512(state) => state.finalize().to_vec(),
        }
    }
}

/// A message, as far as a signature needs it.
#[derive(Debug)]
pub struct Message {
    whole: Option<Vec<u8>>,
    too_long: bool,
    hashers: Vec<((Hash, Intake), Hasher)>,
    length: u64,
    ends_in_cr: bool,
}

impl Message {
    /// An empty one, to take in what comes.
    pub fn new(needs: &Needs) -> Self {
        Self {
            whole: needs.whole.then(Vec::new),
            too_long: false,
            hashers: needs.hashed.iter().map(|how| (*how, Hasher::new(how.0))).collect(),
            length: 0,
            ends_in_cr: false,
        }
    }

    /// One that is at hand.
    pub fn of(needs: &Needs, bytes: &[u8]) -> Self {
        let mut message = Self::new(needs);
        message.update(bytes);
        message
    }

    /// Takes in more.
    pub fn update(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        for ((_, intake), hasher) in &mut self.hashers {
            match intake {
                Intake::Binary => hasher.update(bytes),
                Intake::Text => with_line_breaks(self.ends_in_cr, bytes, |part| hasher.update(part)),
            }
        }
        self.ends_in_cr = *last == b'\r';
        self.length = self.length.saturating_add(bytes.len() as u64);
        if self.length > limits::SIGNED_WHOLE_BYTES && self.whole.is_some() {
            (self.whole, self.too_long) = (None, true);
        }
        if let Some(whole) = &mut self.whole {
            whole.extend_from_slice(bytes);
        }
    }

    /// All of it, where a signature needs it.
    ///
    /// # Errors
    /// When it is too long to be held, or nobody said that it is needed.
    pub fn whole(&self) -> Result<&[u8], String> {
        self.whole.as_deref().ok_or_else(|| {
            if self.too_long {
                format!(
                    "expected at most {} bytes under a signature that is over the bytes themselves, found more; sign a digest of \
                     them instead",
                    limits::SIGNED_WHOLE_BYTES
                )
            } else {
                "the message was not kept while it was read; this is a fault of dropgate".to_owned()
            }
        })
    }

    /// The state behind its last byte, to finish or to go on from.
    ///
    /// # Errors
    /// When nobody said that it is needed.
    pub fn hasher(&self, hash: Hash, intake: Intake) -> Result<Hasher, String> {
        let found = self.hashers.iter().find(|(how, _)| *how == (hash, intake));
        found.map(|(_, hasher)| hasher.clone()).ok_or_else(|| {
            format!("the message was not hashed by {hash:?} while it was read; this is a fault of dropgate")
        })
    }

    /// The digest, byte for byte.
    ///
    /// # Errors
    /// When nobody said that it is needed.
    pub fn digest(&self, hash: Hash) -> Result<Vec<u8>, String> {
        Ok(self.hasher(hash, Intake::Binary)?.finish())
    }

    /// Its length, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest in hex, for messages.
    ///
    /// # Errors
    /// When nobody said that it is needed.
    pub fn shown(&self, hash: Hash) -> Result<String, String> {
        Ok(hex(&self.digest(hash)?))
    }
}

/// Gives `bytes` with CR LF for each LF that no CR precedes, in as few parts as it takes.
pub(super) fn with_line_breaks(mut after_cr: bool, bytes: &[u8], mut give: impl FnMut(&[u8])) {
    let mut rest = bytes;
    while let Some((line, behind)) = memchr::memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at)) {
        give(line);
        let is_pair = line.last().map_or(after_cr, |last| *last == b'\r');
        give(if is_pair { b"\n" } else { b"\r\n" });
        after_cr = false;
        rest = behind.split_first().map_or(&[][..], |(_, rest)| rest);
    }
    give(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_come_out_the_same_however_the_text_is_cut() {
        let text = b"a\nb\r\n\r\n\n\rc\r\r\nlast";
        let expected = b"a\r\nb\r\n\r\n\r\n\rc\r\r\nlast";
        let needs = Needs { whole: true, hashed: BTreeSet::from([(Hash::Sha256, Intake::Text)]) };
        for cut in 0..=text.len() {
            let mut message = Message::new(&needs);
            message.update(&text[..cut]);
            message.update(&text[cut..]);
            let digest = message.hasher(Hash::Sha256, Intake::Text).unwrap().finish();
            assert_eq!(digest, Sha256::digest(expected).to_vec(), "cut at {cut}");
            assert_eq!(message.whole().unwrap(), text);
        }
    }

    #[test]
    fn what_nobody_asked_for_is_an_error_and_not_an_empty_answer() {
        let message = Message::of(&Needs::hashed(Hash::Sha512), b"text");
        assert_eq!(message.digest(Hash::Sha512).unwrap(), Sha512::digest(b"text").to_vec());
        assert!(message.whole().is_err());
        assert!(message.digest(Hash::Sha256).is_err());
        assert!(message.hasher(Hash::Sha512, Intake::Text).is_err());
    }
}
