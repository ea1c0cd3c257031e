//! Public keys as certificates and `openssl pkey -pubout` carry them (SubjectPublicKeyInfo, RFC 5280), and signatures by them.
//!
//! RSA of 2048 to 8192 bits, ECDSA on P-256 and P-384, Ed25519; SHA-256, SHA-384, SHA-512. Nothing weaker can be named. RSA and
//! ECDSA are checked by `ring`, Ed25519 by [`super::super::ed25519`].

use crate::digest::hex;
use crate::trust::ed25519;
use crate::trust::message::Hash;
use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Reader, SliceReader};
use ring::signature::{self as r, UnparsedPublicKey, VerificationAlgorithm};
use sha2::{Digest as _, Sha256};
use std::fmt;
use x509_cert::spki::SubjectPublicKeyInfoRef;

pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(crate) const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Fewest bits of an RSA modulus (NIST SP 800-131A), and most (what `ring` computes with).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// How a signature is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2).
    RsaPkcs1(Hash),
    /// RSASSA-PSS (RFC 8017, section 8.1) with MGF1 by the same hash and a salt as long as the digest.
    RsaPss(Hash),
    /// ECDSA (FIPS 186-5) in DER. The curve is the key's.
    Ecdsa(Hash),
    /// Ed25519 (RFC 8032) over the message itself.
    Ed25519,
}

const SHA256_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA384_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// What `AlgorithmIdentifier`s say of RSA-PSS by each hash, with MGF1 by the same one and a salt as long as its digest: all else
/// (RFC 4055, section 3.1) is refused, and so these bytes are compared. Below, each of them in DER.
const PSS_PARAMETERS: [(Hash, &[u8]); 3] = [
    (Hash::Sha256, &pss_parameters(1, 32)),
    (Hash::Sha384, &pss_parameters(2, 48)),
    (Hash::Sha512, &pss_parameters(3, 64)),
];

/// `RSASSA-PSS-params` for the hash with the last arc `arc` below nistAlgorithms.hashAlgs, and a salt of `salt` bytes. The hashes
/// carry NULL as parameters, as OpenSSL and RFC 4055 write them.
const fn pss_parameters(arc: u8, salt: u8) -> [u8; 54] {
    [
        0x30, 0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc,
        0x05, 0x00, //
        0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d,
        0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05, 0x00, //
        0xa2, 0x03, 0x02, 0x01, salt,
    ]
}

impl Algorithm {
    /// What an `AlgorithmIdentifier` of a signature names, if it is one that counts. The plain `rsaEncryption` names no hash;
    /// CMS says it elsewhere.
    pub(crate) fn named(
        oid: ObjectIdentifier,
        parameters: Option<AnyRef<'_>>,
        hash: Option<Hash>,
    ) -> Result<Self, String> {
        let null_or_none = parameters.is_none_or(AnyRef::is_null);
        let refusal = || {
            format!(
                "expected a signature by RSA, ECDSA or Ed25519 with SHA-256, SHA-384 or SHA-512; found algorithm {oid}"
            )
        };
        match oid {
            SHA256_RSA if null_or_none => Ok(Self::RsaPkcs1(Hash::Sha256)),
            SHA384_RSA if null_or_none => Ok(Self::RsaPkcs1(Hash::Sha384)),
            SHA512_RSA if null_or_none => Ok(Self::RsaPkcs1(Hash::Sha512)),
            RSA_ENCRYPTION if null_or_none => hash.map(Self::RsaPkcs1).ok_or_else(refusal),
            ECDSA_SHA256 if parameters.is_none() => Ok(Self::Ecdsa(Hash::Sha256)),
            ECDSA_SHA384 if parameters.is_none() => Ok(Self::Ecdsa(Hash::Sha384)),
            ED25519 if parameters.is_none() => Ok(Self::Ed25519),
            RSA_PSS => {
                let found = parameters.and_then(|parameters| parameters.to_der().ok()).unwrap_or_default();
                let known = PSS_PARAMETERS.iter().find(|(_, expected)| *expected == found);
                known.map(|(hash, _)| Self::RsaPss(*hash)).ok_or_else(|| {
                    "expected RSA-PSS by SHA-256, SHA-384 or SHA-512 with MGF1 by the same and a salt as long as the digest, \
                     found other parameters (OpenSSL: -keyopt rsa_pss_saltlen:-1)"
                        .to_owned()
                })
            }
            _ => Err(refusal()),
        }
    }

    /// The hash that it is made by, if it is made by one alone.
    pub(crate) fn hash(self) -> Option<Hash> {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) | Self::Ecdsa(hash) => Some(hash),
            Self::Ed25519 => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = |hash: &Hash| match hash {
            Hash::Sha256 => "SHA-256",
            Hash::Sha384 => "SHA-384",
            Hash::Sha512 => "SHA-512",
            Hash::Blake2b512 => "BLAKE2b",
        };
        match self {
            Self::RsaPkcs1(with) => write!(f, "RSA PKCS #1 v1.5 with {}", hash(with)),
            Self::RsaPss(with) => write!(f, "RSA-PSS with {}", hash(with)),
            Self::Ecdsa(with) => write!(f, "ECDSA with {}", hash(with)),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Rsa { bits: usize },
    P256,
    P384,
    Ed25519(ed25519::PublicKey),
}

/// A public key that is fit to verify with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    kind: Kind,
    spki: Vec<u8>,
    bits: Vec<u8>,
}

/// Why a public key is not one that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Bytes that are no SubjectPublicKeyInfo in DER.
    #[error("expected a public key as SubjectPublicKeyInfo in DER, found something else or bytes behind it")]
    Form,
    /// An algorithm or curve that is not read here.
    #[error("expected a key for RSA, ECDSA on P-256 or P-384, or Ed25519; found algorithm {found}")]
    Algorithm {
        /// Object identifiers of algorithm and curve.
        found: String,
    },
    /// RSA that is too short or too long.
    #[error("expected an RSA key of 2048 to 8192 bits, found {found} bits")]
    RsaBits {
        /// Length of the modulus.
        found: usize,
    },
    /// An exponent with which signatures are no proof, or that no tool makes.
    #[error("expected an odd RSA exponent from 3 to 2^33 - 1, found {found}")]
    RsaExponent {
        /// In hex.
        found: String,
    },
    /// A modulus that is even.
    #[error("expected an odd RSA modulus, found an even one")]
    RsaModulus,
    /// A point of the curve in another form than the uncompressed one.
    #[error(
        "expected a point of the curve in uncompressed form ({expected} bytes, the first of them 04), found another form"
    )]
    Point {
        /// Its length.
        expected: usize,
    },
    /// An unfit Ed25519 key.
    #[error(transparent)]
    Ed25519(#[from] ed25519::KeyRefusal),
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER. Each key has one encoding here: parameters of RSA are NULL, curves are named, points
    /// are uncompressed.
    pub(crate) fn from_spki(spki: &[u8]) -> Result<Self, KeyRefusal> {
        let info = SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| KeyRefusal::Form)?;
        let bits = info.subject_public_key.as_bytes().ok_or(KeyRefusal::Form)?;
        let parameters = info.algorithm.parameters;
        let kind = match info.algorithm.oid {
            RSA_ENCRYPTION if parameters.is_some_and(AnyRef::is_null) => rsa(bits)?,
            EC_PUBLIC_KEY => match parameters.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok()) {
                Some(P256) => point(bits, 65, Kind::P256)?,
                Some(P384) => point(bits, 97, Kind::P384)?,
                curve => {
                    let curve =
                        curve.map_or_else(|| "without a named curve".to_owned(), |oid| oid.to_string());
                    return Err(KeyRefusal::Algorithm { found: format!("{EC_PUBLIC_KEY} ({curve})") });
                }
            },
            ED25519 if parameters.is_none() => {
                let bytes: &[u8; 32] = bits.try_into().map_err(|_| KeyRefusal::Form)?;
                Kind::Ed25519(ed25519::PublicKey::from_bytes(bytes)?)
            }
            other => return Err(KeyRefusal::Algorithm { found: other.to_string() }),
        };
        Ok(Self { kind, spki: spki.to_vec(), bits: bits.to_vec() })
    }

    /// Hex SHA-256 of the DER SubjectPublicKeyInfo: what `openssl pkey -pubin -in KEY -outform DER | sha256sum` prints.
    pub(crate) fn fingerprint(&self) -> String {
        hex(&Sha256::digest(&self.spki))
    }

    /// Whether this kind of key makes signatures by `algorithm`.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        matches!(algorithm, Algorithm::Ed25519 if matches!(self.kind, Kind::Ed25519(_)))
            || self.ring(algorithm).is_some()
    }

    /// Whether `signature` is this key's over exactly `message`, by exactly `algorithm`. A key of another kind made none.
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if let (Kind::Ed25519(key), Algorithm::Ed25519) = (&self.kind, algorithm) {
            return signature.try_into().is_ok_and(|signature| key.verify(message, signature));
        }
        self.ring(algorithm).is_some_and(|algorithm| {
            UnparsedPublicKey::new(algorithm, &self.bits).verify(message, signature).is_ok()
        })
    }

    /// The curve of a key for ECDSA, as algorithms are named after it.
    pub(crate) fn curve(&self) -> Option<&'static str> {
        match self.kind {
            Kind::P256 => Some("p256"),
            Kind::P384 => Some("p384"),
            Kind::Rsa { .. } | Kind::Ed25519(_) => None,
        }
    }

    fn ring(&self, algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
        use Hash::{Sha256, Sha384, Sha512};
        Some(match (&self.kind, algorithm) {
            (Kind::Rsa { .. }, Algorithm::RsaPkcs1(Sha256)) => &r::RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa { .. }, Algorithm::RsaPkcs1(Sha384)) => &r::RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa { .. }, Algorithm::RsaPkcs1(Sha512)) => &r::RSA_PKCS1_2048_8192_SHA512,
            (Kind::Rsa { .. }, Algorithm::RsaPss(Sha256)) => &r::RSA_PSS_2048_8192_SHA256,
            (Kind::Rsa { .. }, Algorithm::RsaPss(Sha384)) => &r::RSA_PSS_2048_8192_SHA384,
            (Kind::Rsa { .. }, Algorithm::RsaPss(Sha512)) => &r::RSA_PSS_2048_8192_SHA512,
            (Kind::P256, Algorithm::Ecdsa(Sha256)) => &r::ECDSA_P256_SHA256_ASN1,
            (Kind::P256, Algorithm::Ecdsa(Sha384)) => &r::ECDSA_P256_SHA384_ASN1,
            (Kind::P384, Algorithm::Ecdsa(Sha256)) => &r::ECDSA_P384_SHA256_ASN1,
            (Kind::P384, Algorithm::Ecdsa(Sha384)) => &r::ECDSA_P384_SHA384_ASN1,
            _ => return None,
        })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Rsa { bits } => write!(f, "RSA key of {bits} bits"),
            Kind::P256 => f.write_str("key on curve P-256"),
            Kind::P384 => f.write_str("key on curve P-384"),
            Kind::Ed25519(_) => f.write_str("Ed25519 key"),
        }
    }
}

/// `RSAPublicKey` (RFC 8017, appendix A.1.1). An exponent of 3 is accepted: what it made forgeries out of is a lax check of the
/// padding, and ours compares the whole of it. 1 would make every padded digest its own signature.
fn rsa(bits: &[u8]) -> Result<Kind, KeyRefusal> {
    let read = || -> der::Result<_> {
        let mut reader = SliceReader::new(bits)?;
        let both = reader.sequence(|r| Ok::<_, der::Error>((UintRef::decode(r)?, UintRef::decode(r)?)))?;
        reader.finish()?;
        Ok(both)
    };
    let (modulus, exponent) = read().map_err(|_| KeyRefusal::Form)?;
    let (modulus, exponent) = (modulus.as_bytes(), exponent.as_bytes());
    let spare = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    let found = modulus.len().saturating_mul(8).saturating_sub(spare);
    if !RSA_BITS.contains(&found) {
        return Err(KeyRefusal::RsaBits { found });
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    if !is_odd(modulus) {
        return Err(KeyRefusal::RsaModulus);
    }
    let value = exponent.iter().fold(0_u128, |value, byte| (value << 8) | u128::from(*byte));
    if exponent.len() > 5 || !is_odd(exponent) || !(3..1 << 33).contains(&value) {
        let shown = exponent.get(..exponent.len().min(16)).unwrap_or_default();
        return Err(KeyRefusal::RsaExponent { found: hex(shown) });
    }
    Ok(Kind::Rsa { bits: found })
}

fn point(bits: &[u8], expected: usize, kind: Kind) -> Result<Kind, KeyRefusal> {
    if bits.len() == expected && bits.first() == Some(&4) {
        Ok(kind)
    } else {
        Err(KeyRefusal::Point { expected })
    }
}
