//! Public keys (RFC 9580, section 5.5), and whether one made a signature over a digest.

use super::packet::Reader;
use super::signature::Material;
use crate::digest::hex;
use crate::trust::ed25519;
use crate::trust::message::{Hash, Hasher};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use sha1::{Digest as _, Sha1};
use std::fmt::Write as _;

/// A key packet, of version 4 or 6.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) version: u8,
    /// Seconds since 1970.
    pub(super) created: u32,
    pub(super) fingerprint: Vec<u8>,
    /// The packet's content: what fingerprints and signatures are over.
    pub(super) body: Vec<u8>,
    /// What it verifies with, or why it verifies nothing.
    pub(super) public: Result<Public, String>,
}

/// What verifies.
#[derive(Debug, Clone)]
pub(super) enum Public {
    Rsa {
        modulus: Odd<BoxedUint>,
        exponent: BoxedUint,
    },
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    /// In the form of RFC 9580, or in the one before it, which puts the same numbers into other packets.
    Ed25519 {
        key: ed25519::PublicKey,
        legacy: bool,
    },
}

const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];

/// RSA: 2048 bits are the least that NIST (SP 800-131A) and BSI still let verify; 8192 bits bound the work.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// Longest public exponent of RSA, in bits. All tools write 65537; the work grows with it.
const RSA_EXPONENT_BITS: u32 = 33;

impl Key {
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(body);
        let cut = || "expected a whole key packet, found one that is cut off".to_owned();
        let version = reader.byte().ok_or_else(cut)?;
        if !matches!(version, 4 | 6) {
            return Err(format!("expected a key of version 4 or 6, found version {version}"));
        }
        let created = reader.four().ok_or_else(cut)?;
        let algorithm = reader.byte().ok_or_else(cut)?;
        if version == 6 {
            let length = reader.four().ok_or_else(cut)?;
            if usize::try_from(length) != Ok(reader.left()) {
                return Err(format!(
                    "expected key material of {} bytes, found {length} stated",
                    reader.left()
                ));
            }
        }
        let fingerprint = fingerprint(version, body)
            .ok_or_else(|| "expected a key packet, found one too long".to_owned())?;
        let public = Public::read(algorithm, reader.rest());
        Ok(Self { version, created, fingerprint, body: body.to_vec(), public })
    }

    /// The key id: the last 8 bytes of a fingerprint of version 4, the first of one of version 6 (RFC 9580, 5.5.4).
    pub(super) fn id(&self) -> Option<[u8; 8]> {
        let id =
            if self.version == 6 { self.fingerprint.first_chunk() } else { self.fingerprint.last_chunk() };
        id.copied()
    }

    /// The fingerprint as tools print it.
    pub(super) fn name(&self) -> String {
        hex(&self.fingerprint).to_ascii_uppercase()
    }

    /// What signatures about this key hash of it (RFC 9580, section 5.2.4).
    pub(super) fn hash_into(&self, hasher: &mut Hasher) {
        if let Some(head) = head(self.version, &self.body) {
            hasher.update(&head);
            hasher.update(&self.body);
        }
    }
}

fn head(version: u8, body: &[u8]) -> Option<Vec<u8>> {
    let mut head = vec![if version == 6 { 0x9b } else { 0x99 }];
    if version == 6 {
        head.extend(u32::try_from(body.len()).ok()?.to_be_bytes());
    } else {
        head.extend(u16::try_from(body.len()).ok()?.to_be_bytes());
    }
    Some(head)
}

/// SHA-1 of version 4 is a name here and nothing more: which key signed is settled by the signature, and which one the operator
/// trusts by SHA-256.
fn fingerprint(version: u8, body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = head(version, body)?;
    whole.extend_from_slice(body);
    if version == 6 {
        let mut hasher = Hasher::new(Hash::Sha256);
        hasher.update(&whole);
        Some(hasher.finish())
    } else {
        Some(Sha1::digest(&whole).to_vec())
    }
}

impl Public {
    fn read(algorithm: u8, material: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(material);
        let public = match algorithm {
            1 | 3 => rsa(&mut reader)?,
            19 => ecdsa(&mut reader)?,
            22 => {
                let curve = oid(&mut reader);
                if curve != Some(ED25519) {
                    return Err(format!("expected Ed25519, found EdDSA over the curve {}", shown(curve)));
                }
                let point = reader
                    .number()
                    .and_then(|point| point.strip_prefix(&[0x40]))
                    .and_then(|p| p.try_into().ok());
                Self::Ed25519 { key: ed25519_key(point)?, legacy: true }
            }
            27 => Self::Ed25519 { key: ed25519_key(reader.array::<32>().as_ref())?, legacy: false },
            other => {
                return Err(format!(
                    "expected RSA, ECDSA (P-256, P-384) or Ed25519, found {}",
                    algorithm_name(other)
                ));
            }
        };
        if reader.is_empty() {
            Ok(public)
        } else {
            Err(format!("expected the end of the key, found {} bytes more", reader.left()))
        }
    }

    /// What RFC 9580 (9.5) and our own floor ask of the hash.
    pub(super) fn takes(&self, hash: Hash) -> Result<(), String> {
        match (self, hash) {
            (Self::P384(_), Hash::Sha256) => {
                Err("expected SHA-384 or SHA-512 for a key on P-384, found SHA-256".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether this key made `material` over the digest by `hash`.
    pub(super) fn verifies(&self, hash: Hash, digest: &[u8], material: &Material) -> bool {
        if self.takes(hash).is_err() {
            return false;
        }
        match (self, material) {
            (Self::Rsa { modulus, exponent }, Material::Rsa(signature)) => {
                rsa_verifies(modulus, exponent, hash, digest, signature).unwrap_or(false)
            }
            (Self::P256(key), Material::Ecdsa { r, s }) => padded::<32>(r)
                .zip(padded::<32>(s))
                .and_then(|(r, s)| p256::ecdsa::Signature::from_scalars(r, s).ok())
                .is_some_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            (Self::P384(key), Material::Ecdsa { r, s }) => padded::<48>(r)
                .zip(padded::<48>(s))
                .and_then(|(r, s)| p384::ecdsa::Signature::from_scalars(r, s).ok())
                .is_some_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            (Self::Ed25519 { key, legacy: true }, Material::LegacyEdDsa { r, s }) => {
                let joined = padded::<32>(r).zip(padded::<32>(s)).map(|(r, s)| [r, s].concat());
                let joined: Option<[u8; 64]> = joined.and_then(|joined| joined.try_into().ok());
                joined.is_some_and(|signature| key.verify(digest, &signature))
            }
            (Self::Ed25519 { key, legacy: false }, Material::Ed25519(signature)) => {
                key.verify(digest, signature)
            }
            _ => false,
        }
    }
}

fn ed25519_key(point: Option<&[u8; 32]>) -> Result<ed25519::PublicKey, String> {
    let point = point.ok_or_else(|| "expected an Ed25519 key of 32 bytes, found another form".to_owned())?;
    ed25519::PublicKey::from_bytes(point).map_err(|why| why.to_string())
}

fn rsa(reader: &mut Reader<'_>) -> Result<Public, String> {
    let numbers = reader.number().zip(reader.number());
    let (modulus, exponent) =
        numbers.ok_or_else(|| "expected an RSA key of two numbers, found another form".to_owned())?;
    let number = |bytes: &[u8]| {
        let bits = u32::try_from(bytes.len()).ok()?.checked_mul(8)?;
        BoxedUint::from_be_slice(bytes, bits).ok()
    };
    // Length first: it bounds the work.
    let bits = bits(modulus);
    if !RSA_BITS.contains(&bits) {
        let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
        return Err(format!("expected an RSA key of {least} to {most} bits, found {bits} bits"));
    }
    let odd = exponent.last().is_some_and(|last| last & 1 == 1);
    if !odd || self::bits(exponent) > RSA_EXPONENT_BITS || exponent == [1] {
        return Err(format!(
            "expected an odd RSA exponent of 3 or more and at most {RSA_EXPONENT_BITS} bits, found another one"
        ));
    }
    let modulus = number(modulus).and_then(|modulus| Option::from(Odd::new(modulus)));
    let modulus = modulus.ok_or_else(|| "expected an odd RSA modulus, found an even one".to_owned())?;
    let exponent =
        number(exponent).ok_or_else(|| "expected an RSA exponent, found another form".to_owned())?;
    Ok(Public::Rsa { modulus, exponent })
}

fn ecdsa(reader: &mut Reader<'_>) -> Result<Public, String> {
    let curve = oid(reader);
    let point = reader.number().filter(|point| point.first() == Some(&4));
    let point = point.ok_or_else(|| "expected an uncompressed point, found another form".to_owned());
    let off = |_| "expected a point on the curve, found one that is not".to_owned();
    match curve {
        Some(P256) => Ok(Public::P256(p256::ecdsa::VerifyingKey::from_sec1_bytes(point?).map_err(off)?)),
        Some(P384) => Ok(Public::P384(p384::ecdsa::VerifyingKey::from_sec1_bytes(point?).map_err(off)?)),
        other => Err(format!("expected ECDSA over P-256 or P-384, found the curve {}", shown(other))),
    }
}

/// The identifier of a curve: its length in a byte, which 0 and 255 are reserved for, and its DER without the head.
fn oid<'b>(reader: &mut Reader<'b>) -> Option<&'b [u8]> {
    let length = reader.byte().filter(|length| !matches!(length, 0 | 255))?;
    reader.take(usize::from(length))
}

fn shown(curve: Option<&[u8]>) -> String {
    curve.map_or_else(|| "of no name".to_owned(), |curve| format!("with identifier {}", hex(curve)))
}

fn bits(bytes: &[u8]) -> u32 {
    let Some(first) = bytes.first() else { return 0 };
    let whole = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_mul(8);
    whole.saturating_sub(first.leading_zeros())
}

/// A number without leading zeros, with them.
fn padded<const N: usize>(number: &[u8]) -> Option<[u8; N]> {
    let zeros = N.checked_sub(number.len())?;
    let mut padded = vec![0; zeros];
    padded.extend_from_slice(number);
    padded.try_into().ok()
}

/// RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2.2): the one encoding that is right is made and compared whole, so that there is
/// nothing to parse, and nothing to hide in a padding.
fn rsa_verifies(
    modulus: &Odd<BoxedUint>,
    exponent: &BoxedUint,
    hash: Hash,
    digest: &[u8],
    signature: &[u8],
) -> Option<bool> {
    let number = BoxedUint::from_be_slice(signature, modulus.bits_precision()).ok()?;
    if number >= *modulus.as_ref() {
        return Some(false);
    }
    let parameters = BoxedMontyParams::new_vartime(modulus.clone());
    let opened = BoxedMontyForm::new(number, &parameters).pow(exponent).retrieve();
    let length = usize::try_from(modulus.as_ref().bit_width().div_ceil(8)).ok()?;
    let expected = padded_digest(hash, digest, length)?;
    let expected = BoxedUint::from_be_slice(&expected, modulus.bits_precision()).ok()?;
    Some(opened == expected)
}

/// EMSA-PKCS1-v1_5 (RFC 8017, section 9.2).
fn padded_digest(hash: Hash, digest: &[u8], length: usize) -> Option<Vec<u8>> {
    // The end of the identifiers 2.16.840.1.101.3.4.2.x of the SHA-2 functions.
    let (number, bytes) = match hash {
        Hash::Sha256 => (1, 32),
        Hash::Sha384 => (2, 48),
        Hash::Sha512 => (3, 64),
        Hash::Blake2b512 => return None,
    };
    if digest.len() != usize::from(bytes) {
        return None;
    }
    let identifier = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number];
    let mut info = vec![0x30, 17_u8.checked_add(bytes)?, 0x30, 13, 0x06, 9];
    info.extend_from_slice(&identifier);
    info.extend_from_slice(&[0x05, 0, 0x04, bytes]);
    info.extend_from_slice(digest);
    let filler = length.checked_sub(info.len())?.checked_sub(3).filter(|filler| *filler >= 8)?;
    let mut padded = vec![0, 1];
    padded.resize(filler.checked_add(2)?, 0xff);
    padded.push(0);
    padded.extend_from_slice(&info);
    Some(padded)
}

/// The name of a public-key algorithm (RFC 9580, section 9.1).
pub(super) fn algorithm_name(number: u8) -> String {
    let name = match number {
        1 | 3 => "RSA",
        2 => "RSA for encryption alone",
        16 | 20 => "Elgamal",
        17 => "DSA",
        18 => "ECDH",
        19 => "ECDSA",
        22 => "EdDSA",
        25 => "X25519",
        26 => "X448",
        27 => "Ed25519",
        28 => "Ed448",
        _ => "",
    };
    let mut shown = format!("algorithm {number}");
    if !name.is_empty() {
        let _ = write!(shown, " ({name})");
    }
    shown
}
