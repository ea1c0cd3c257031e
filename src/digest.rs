//! Digests: what was claimed, what was computed, and the one way to compare the two.
//!
//! A [`ClaimedDigest`](Claimed) comes from a document and a [`ComputedDigest`](Computed) from hashing
//! alone: there is no parser for the second, so a gate can't compare two claims by mistake.

pub mod sha256;

use blake3::Hasher as Blake3;
use sha2::{Digest as _, Sha384, Sha512};
use sha256::Sha256;
use std::fmt;
use std::marker::PhantomData;

/// A hash function that this gate computes, by its name in the in-toto `DigestSet` specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384 (FIPS 180-4).
    Sha384,
    /// SHA-512 (FIPS 180-4).
    Sha512,
    /// BLAKE3 with its default output of 256 bits.
    Blake3,
}

impl Algorithm {
    /// Every algorithm, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Sha256, Self::Sha384, Self::Sha512, Self::Blake3];

    /// The name, as documents spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Blake3 => "blake3",
        }
    }

    /// Length of the digest, in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha256 | Self::Blake3 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Security against collisions, in bits: half the length of the digest.
    pub const fn collision_bits(self) -> u64 {
        match self {
            Self::Sha256 | Self::Blake3 => 128,
            Self::Sha384 => 192,
            Self::Sha512 => 256,
        }
    }

    /// The algorithm of exactly this name; other spellings (`SHA256`, `sha-256`) are other names.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn tagged(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| *algorithm as u8 == tag)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names under which documents carry digests that prove nothing any more: collisions are made at will
/// (MD5, SHA-1), or the sum was never meant against an attacker (CRC). They are read past, never counted.
pub const WEAK_NAMES: [&str; 5] = ["md5", "sha1", "crc32", "crc32c", "adler32"];

/// A set of algorithms. The order is any one that stays the same, for what must come out the same every time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Algorithms(u8);

impl Algorithms {
    /// This set and one more.
    #[must_use]
    pub fn with(self, algorithm: Algorithm) -> Self {
        Self(self.0 | (1 << algorithm as u8))
    }

    /// Whether the set holds `algorithm`.
    pub fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & (1 << algorithm as u8) != 0
    }

    /// The algorithms that are in both sets.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// How many there are.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The members, in the order of [`Algorithm::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.contains(*algorithm))
    }
}

/// Marks digests that a document claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claimed {}

/// Marks digests that were computed here, from bytes that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Computed {}

/// The digests of one thing, by algorithm; claimed or computed, which are different types.
///
/// Packed as tag and bytes behind one pointer: a drop of a million artifacts holds two million of these.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DigestSet<Origin> {
    packed: Box<[u8]>,
    origin: PhantomData<Origin>,
}

impl<Origin> DigestSet<Origin> {
    /// Every digest of the set.
    pub fn iter(&self) -> impl Iterator<Item = (Algorithm, &[u8])> {
        let mut rest: &[u8] = &self.packed;
        std::iter::from_fn(move || {
            let (tag, tail) = rest.split_first()?;
            let algorithm = Algorithm::tagged(*tag)?;
            let (digest, tail) = tail.split_at_checked(algorithm.bytes())?;
            rest = tail;
            Some((algorithm, digest))
        })
    }

    /// The digest by `algorithm`, if the set has it.
    pub fn by(&self, algorithm: Algorithm) -> Option<&[u8]> {
        self.iter().find(|(have, _)| *have == algorithm).map(|(_, digest)| digest)
    }

    /// The algorithms of the set.
    pub fn algorithms(&self) -> Algorithms {
        self.iter().fold(Algorithms::default(), |set, (algorithm, _)| set.with(algorithm))
    }

    fn pack(mut digests: Vec<(Algorithm, &[u8])>) -> Self {
        digests.sort_by_key(|(algorithm, _)| *algorithm);
        let mut packed = Vec::new();
        for (algorithm, digest) in digests {
            packed.push(algorithm as u8);
            packed.extend_from_slice(digest);
        }
        Self { packed: packed.into_boxed_slice(), origin: PhantomData }
    }
}

impl<Origin> fmt::Debug for DigestSet<Origin> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(algorithm, digest)| (algorithm.name(), hex(digest)))).finish()
    }
}

/// Why a claimed digest is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestRefusal {
    /// Text of another length than the algorithm's.
    #[error("expected {} lowercase hex digits for {algorithm}, found {found}", .algorithm.bytes().saturating_mul(2))]
    Length {
        /// The algorithm under whose name the text stood.
        algorithm: Algorithm,
        /// How many characters there were.
        found: usize,
    },
    /// A character that is not a lowercase hex digit; uppercase would be a second spelling.
    #[error("expected lowercase hex digits for {algorithm}, found {found:?}")]
    NotHex {
        /// The algorithm under whose name the text stood.
        algorithm: Algorithm,
        /// The first character that is none.
        found: char,
    },
    /// A second digest by the same algorithm.
    #[error("{algorithm} is given twice")]
    Twice {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// No algorithm known to this gate, which can therefore not check the claim.
    #[error(
        "digest algorithm {found:?} is not one that this gate computes; expected sha256, sha384, sha512 or blake3"
    )]
    UnknownAlgorithm {
        /// The name that was found.
        found: String,
    },
}

/// Digests as a document claims them, while they are read.
#[derive(Debug, Default)]
pub struct Claims {
    digests: Vec<(Algorithm, Vec<u8>)>,
    weak: bool,
}

impl Claims {
    /// Adds one member of an in-toto `DigestSet`.
    ///
    /// # Errors
    /// When the name is unknown or the text is not a digest by it. Weak algorithms are read past.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), DigestRefusal> {
        let Some(algorithm) = Algorithm::named(name) else {
            if WEAK_NAMES.contains(&name) {
                self.weak = true;
                return Ok(());
            }
            return Err(DigestRefusal::UnknownAlgorithm { found: name.chars().take(40).collect() });
        };
        if self.digests.iter().any(|(have, _)| *have == algorithm) {
            return Err(DigestRefusal::Twice { algorithm });
        }
        if let Some(found) = text.chars().find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
            return Err(DigestRefusal::NotHex { algorithm, found });
        }
        let digest = unhex(text)
            .filter(|digest| digest.len() == algorithm.bytes())
            .ok_or(DigestRefusal::Length { algorithm, found: text.len() })?;
        self.digests.push((algorithm, digest));
        Ok(())
    }

    /// The claims, or `None` where not one digest was claimed, weak ones included.
    pub fn finish(self) -> Option<DigestSet<Claimed>> {
        if self.digests.is_empty() && !self.weak {
            return None;
        }
        Some(DigestSet::pack(self.digests.iter().map(|(a, d)| (*a, d.as_slice())).collect()))
    }
}

/// How computed digests compare with claimed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// At least one digest was claimed, and every one that was is what was computed.
    Matches,
    /// A claimed digest is not what was computed.
    Differs {
        /// The first algorithm that tells them apart.
        algorithm: Algorithm,
        /// What was claimed, in hex.
        expected: String,
        /// What was computed, in hex.
        found: String,
    },
    /// Nothing was claimed that could be compared: weak algorithms only.
    NothingToCompare,
}

impl DigestSet<Computed> {
    /// Compares with what was claimed. Every claimed digest must have been computed and be equal.
    pub fn matches(&self, claimed: &DigestSet<Claimed>) -> Comparison {
        let mut compared = false;
        for (algorithm, expected) in claimed.iter() {
            compared = true;
            let found = self.by(algorithm);
            if found != Some(expected) {
                return Comparison::Differs {
                    algorithm,
                    expected: hex(expected),
                    found: found.map_or_else(|| "not computed".to_owned(), hex),
                };
            }
        }
        if compared { Comparison::Matches } else { Comparison::NothingToCompare }
    }
}

impl DigestSet<Claimed> {
    /// These digests and all others that were computed of the same bytes; `None` where they are not of the same bytes, or
    /// nothing is claimed that could tell.
    pub fn completed(&self, computed: &DigestSet<Computed>) -> Option<Self> {
        let all = || computed.iter().collect();
        (computed.matches(self) == Comparison::Matches).then(|| Self::pack(all()))
    }

    /// Whether two documents mean the same bytes: one digest at least is in both, and none by an algorithm that both
    /// give is another. It says what a document is about; that something is what was claimed, only
    /// [`matches`](DigestSet::matches) can say.
    pub fn names_the_same_as(&self, other: &Self) -> bool {
        let mut common = false;
        for (algorithm, digest) in self.iter() {
            match other.by(algorithm) {
                Some(theirs) if theirs != digest => return false,
                Some(_) => common = true,
                None => {}
            }
        }
        common
    }
}

/// The running hashes of one file: every wanted algorithm in one pass over its bytes.
#[derive(Debug)]
pub struct Hashers {
    sha256: Option<Sha256>,
    sha384: Option<Sha384>,
    sha512: Option<Sha512>,
    blake3: Option<Box<Blake3>>,
}

impl Hashers {
    /// Starts hashing by `algorithms`.
    pub fn new(algorithms: Algorithms) -> Self {
        Self {
            sha256: algorithms.contains(Algorithm::Sha256).then(Sha256::new),
            sha384: algorithms.contains(Algorithm::Sha384).then(Sha384::new),
            sha512: algorithms.contains(Algorithm::Sha512).then(Sha512::new),
            blake3: algorithms.contains(Algorithm::Blake3).then(|| Box::new(Blake3::new())),
        }
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.sha256 {
            hash.update(bytes);
        }
        self.update_further(bytes);
    }

    /// Takes the next bytes of two files. Their SHA-256 is advanced together, which is faster than one after the
    /// other where both have as many bytes; the further algorithms gain nothing from company.
    pub fn update_two(first: (&mut Self, &[u8]), second: (&mut Self, &[u8])) {
        let (first, first_bytes) = first;
        let (second, second_bytes) = second;
        match (&mut first.sha256, &mut second.sha256) {
            (Some(one), Some(other)) => {
                sha256::update_two((one, first_bytes), (other, second_bytes));
                first.update_further(first_bytes);
                second.update_further(second_bytes);
            }
            _ => {
                first.update(first_bytes);
                second.update(second_bytes);
            }
        }
    }

    /// All but SHA-256.
    fn update_further(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.sha384 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.sha512 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.blake3 {
            hash.update(bytes);
        }
    }

    /// The digests of all bytes taken: the only maker of computed digests.
    pub fn finish(self) -> DigestSet<Computed> {
        let sha256 = self.sha256.map(Sha256::finish);
        let sha384 = self.sha384.map(Sha384::finalize);
        let sha512 = self.sha512.map(Sha512::finalize);
        let blake3 = self.blake3.map(|hash| *hash.finalize().as_bytes());
        let digests = [
            sha256.as_ref().map(|d| (Algorithm::Sha256, d.as_slice())),
            sha384.as_ref().map(|d| (Algorithm::Sha384, d.as_slice())),
            sha512.as_ref().map(|d| (Algorithm::Sha512, d.as_slice())),
            blake3.as_ref().map(|d| (Algorithm::Blake3, d.as_slice())),
        ];
        DigestSet::pack(digests.into_iter().flatten().collect())
    }
}

/// The SHA-256 of a document, by which verdicts name manifests, trust stores and packs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentDigest([u8; 32]);

impl DocumentDigest {
    /// Hashes the document's exact bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes))
    }

    /// Whether it is these bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.0 == *bytes
    }

    /// The digest of these 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 lowercase hex digits, as a document refers to another.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        Some(Self(unhex(text)?.try_into().ok()?))
    }
}

impl fmt::Display for DocumentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for DocumentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

impl serde::Serialize for DocumentDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> serde::Deserialize<'de> for DocumentDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::json::borrowed(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!("expected 64 lowercase hex digits, found {text:?}"))
        })
    }
}

/// Lowercase hex of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    // By itself, and not by `write!`: a ledger of a million entries holds thirty million digests.
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    text.extend(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)));
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| {
            let [high, low] = pair else { return None };
            let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
            Some((digit(high)? << 4) | digit(low)?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computed(algorithms: &[Algorithm], bytes: &[u8]) -> DigestSet<Computed> {
        let mut hashers = Hashers::new(algorithms.iter().fold(Algorithms::default(), |set, a| set.with(*a)));
        hashers.update(bytes);
        hashers.finish()
    }

    #[test]
    fn a_claim_is_refused_by_its_name_length_and_case() {
        let of = |name: &str, text: &str| Claims::default().add(name, text);
        let good = hex(&[0xab; 32]);
        assert_eq!(of("sha256", &good), Ok(()));
        assert!(matches!(of("sha256", &good.to_uppercase()), Err(DigestRefusal::NotHex { found: 'A', .. })));
        assert!(matches!(
            of("sha256", good.strip_prefix('a').unwrap()),
            Err(DigestRefusal::Length { found: 63, .. })
        ));
        assert!(matches!(of("sha512", &good), Err(DigestRefusal::Length { found: 64, .. })));
        for name in ["SHA256", "sha-256", "sha3_256", ""] {
            assert!(matches!(of(name, &good), Err(DigestRefusal::UnknownAlgorithm { .. })), "{name}");
        }
    }

    #[test]
    fn two_files_at_once_have_the_digests_that_each_has_alone() {
        let sets: Vec<Vec<Algorithm>> = (0..16_u8)
            .map(|bits| {
                Algorithm::ALL.into_iter().filter(|algorithm| bits & (1 << *algorithm as u8) != 0).collect()
            })
            .collect();
        let (one, other) = ([1; 500].as_slice(), [2; 700].as_slice());
        for (these, those) in sets.iter().flat_map(|these| sets.iter().map(move |those| (these, those))) {
            let start = |set: &[Algorithm]| {
                Hashers::new(set.iter().fold(Algorithms::default(), |set, algorithm| set.with(*algorithm)))
            };
            let (mut first, mut second) = (start(these), start(those));
            Hashers::update_two((&mut first, &one[..100]), (&mut second, &other[..300]));
            Hashers::update_two((&mut second, &other[300..]), (&mut first, &one[100..]));
            assert_eq!(first.finish(), computed(these, one), "{these:?} beside {those:?}");
            assert_eq!(second.finish(), computed(those, other), "{those:?} beside {these:?}");
        }
    }

    #[test]
    fn one_wrong_digest_beside_a_right_one_differs() {
        let mut claims = Claims::default();
        let found = computed(&Algorithm::ALL, b"radio");
        claims.add("sha256", &hex(found.by(Algorithm::Sha256).unwrap())).unwrap();
        claims.add("blake3", &hex(&[0; 32])).unwrap();
        let claimed = claims.finish().unwrap();
        assert!(matches!(found.matches(&claimed), Comparison::Differs { algorithm: Algorithm::Blake3, .. }));
    }

    #[test]
    fn weak_digests_alone_compare_with_nothing() {
        let mut claims = Claims::default();
        claims.add("md5", "900150983cd24fb0d6963f7d28e17f72").unwrap();
        let claimed = claims.finish().unwrap();
        assert_eq!(computed(&[], b"abc").matches(&claimed), Comparison::NothingToCompare);
        assert!(Claims::default().finish().is_none());
    }

    #[test]
    fn a_digest_that_was_not_computed_does_not_match() {
        let mut claims = Claims::default();
        claims.add("sha512", &hex(&[1; 64])).unwrap();
        let outcome = computed(&[Algorithm::Sha256], b"abc").matches(&claims.finish().unwrap());
        assert!(matches!(outcome, Comparison::Differs { .. }));
    }
}
