//! Public keys of OpenSSH, and signatures by them (RFC 4253, section 6.6; RFC 5656; RFC 8332; RFC 8709; PROTOCOL.u2f).

use super::wire::Wire;
use crate::digest::hex;
use crate::trust::ed25519::{self, SIGNATURE_BYTES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use sha2::{Digest as _, Sha256};

const ED25519: &str = "ssh-ed25519";
const SK_ED25519: &str = "sk-ssh-ed25519@openssh.com";
const P256: &str = "ecdsa-sha2-nistp256";
const P384: &str = "ecdsa-sha2-nistp384";
const RSA: &str = "ssh-rsa";

/// The types of keys that count here.
pub(super) const TYPES: &str =
    "ssh-ed25519, sk-ssh-ed25519@openssh.com, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384 or ssh-rsa";

/// Types that do not count, which are still known as such.
const REFUSED: [&str; 5] = [
    "ssh-dss",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-ed448",
];

/// What the types of OpenSSH's certificates end in.
const CERTIFICATE: &str = "-cert-v01@openssh.com";

/// Whether a word is the name of a type of key.
pub(super) fn is_type(word: &str) -> bool {
    [ED25519, SK_ED25519, P256, P384, RSA].contains(&word)
        || REFUSED.contains(&word)
        || word.ends_with(CERTIFICATE)
}

/// Fewest and most bits of an RSA modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Longest exponent of an RSA key, in bytes: what ring takes. Every tool in use makes 65537.
const RSA_EXPONENT_BYTES: usize = 4;

/// That somebody touched the security key (PROTOCOL.u2f: the flag of user presence).
const USER_PRESENT: u8 = 1;

/// Why bytes are not a key that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// A certificate.
    #[error(
        "expected a plain key, found the certificate {found:?}; who may sign is said by the trust store and not by an SSH certificate authority"
    )]
    Certificate {
        /// Its type.
        found: String,
    },
    /// A type that does not count.
    #[error("expected a key of type {TYPES}; found {found:?}")]
    Type {
        /// Its type.
        found: String,
    },
    /// Not what the type says.
    #[error("expected the fields of a key of type {kind} and nothing else, found something else")]
    Malformed {
        /// The type that it names.
        kind: &'static str,
    },
    /// A modulus that is too short or too long.
    #[error(
        "expected an RSA key of {} to {} bits, found {found}",
        RSA_BITS.start(),
        RSA_BITS.end()
    )]
    RsaBits {
        /// How many there are.
        found: usize,
    },
    /// An RSA key that can't be one.
    #[error("expected an RSA key with an odd modulus and an odd exponent from 3 to 2^32 - 1, found another")]
    Rsa,
    /// A key that nobody should trust.
    #[error(transparent)]
    Unfit(#[from] ed25519::KeyRefusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
}

impl Curve {
    fn bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::P256 => P256,
            Self::P384 => P384,
        }
    }

    fn algorithm(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Ed25519(ed25519::PublicKey),
    SkEd25519 { key: ed25519::PublicKey, application: Vec<u8> },
    Ecdsa { curve: Curve, point: Vec<u8> },
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

/// A public key. Two are the same if their bytes are: none has a second spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    kind: Kind,
    blob: Vec<u8>,
}

impl PublicKey {
    /// Reads a key as it stands in the base64 of a line and in a signature. That an ECDSA point lies on its curve is checked when
    /// a signature is; by one that does not, none is good.
    pub(super) fn read(blob: &[u8]) -> Result<Self, KeyRefusal> {
        let mut wire = Wire::new(blob);
        let name = wire.string().map(String::from_utf8_lossy).unwrap_or_default();
        let kind = match &*name {
            ED25519 => Kind::Ed25519(ed25519(ED25519, wire)?),
            SK_ED25519 => sk_ed25519(wire)?,
            P256 => ecdsa(Curve::P256, wire)?,
            P384 => ecdsa(Curve::P384, wire)?,
            RSA => rsa(wire)?,
            _ => {
                let found: String = name.chars().take(crate::limits::KEY_ID_SHOWN).collect();
                return Err(if name.ends_with(CERTIFICATE) {
                    KeyRefusal::Certificate { found }
                } else {
                    KeyRefusal::Type { found }
                });
            }
        };
        Ok(Self { kind, blob: blob.to_vec() })
    }

    /// Its type.
    pub(super) fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Ed25519(_) => ED25519,
            Kind::SkEd25519 { .. } => SK_ED25519,
            Kind::Ecdsa { curve, .. } => curve.name(),
            Kind::Rsa { .. } => RSA,
        }
    }

    /// What `ssh-keygen -l` prints.
    pub(super) fn shown(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }

    /// Hex SHA-256 of the DER `SubjectPublicKeyInfo`.
    pub(super) fn fingerprint(&self) -> String {
        let spki = match &self.kind {
            Kind::Ed25519(key) | Kind::SkEd25519 { key, .. } => return key.fingerprint(),
            Kind::Ecdsa { curve, point } => {
                let curve = match curve {
                    Curve::P256 => P256_OID,
                    Curve::P384 => P384_OID,
                };
                spki(&[EC_OID, curve].concat(), point)
            }
            Kind::Rsa { modulus, exponent } => {
                let key = [integer(modulus), integer(exponent)].concat();
                spki(RSA_OID_AND_NULL, &der(SEQUENCE, &key))
            }
        };
        hex(&Sha256::digest(spki))
    }

    /// Reads a signature as this type of key makes it: its name, its bytes, and nothing else.
    pub(super) fn signature(&self, blob: &[u8]) -> Result<Value, ValueRefusal> {
        let mut wire = Wire::new(blob);
        let name = wire.string().map(String::from_utf8_lossy).unwrap_or_default();
        let rsa: Option<&'static RsaParameters> = match (&self.kind, &*name) {
            (Kind::Rsa { .. }, "rsa-sha2-256") => Some(&RSA_PKCS1_2048_8192_SHA256),
            (Kind::Rsa { .. }, "rsa-sha2-512") => Some(&RSA_PKCS1_2048_8192_SHA512),
            (Kind::Rsa { .. }, _) => None,
            (_, name) if name == self.name() => None,
            _ => return Err(self.other_type(&name)),
        };
        let value = match (&self.kind, rsa) {
            (Kind::Ed25519(_), _) => ed25519_value(wire).map(Value::Ed25519),
            (Kind::SkEd25519 { .. }, _) => sk_value(wire),
            (Kind::Ecdsa { curve, .. }, _) => ecdsa_value(*curve, wire).map(Value::Ecdsa),
            (Kind::Rsa { .. }, Some(how)) => {
                wire.string().and_then(|bytes| wire.end(Value::Rsa(how, bytes.to_vec())))
            }
            (Kind::Rsa { .. }, None) => return Err(self.other_type(&name)),
        };
        value.ok_or(ValueRefusal::Malformed { kind: self.name() })
    }

    fn other_type(&self, name: &str) -> ValueRefusal {
        let expected =
            if let Kind::Rsa { .. } = self.kind { "rsa-sha2-256 or rsa-sha2-512" } else { self.name() };
        ValueRefusal::Type { expected, found: name.chars().take(crate::limits::KEY_ID_SHOWN).collect() }
    }

    /// Whether `value` is this key's over exactly `message`.
    pub(super) fn verify(&self, message: &[u8], value: &Value) -> bool {
        match (&self.kind, value) {
            (Kind::Ed25519(key), Value::Ed25519(signature)) => key.verify(message, signature),
            (Kind::SkEd25519 { key, application }, Value::SkEd25519 { signature, flags, counter }) => {
                let mut signed = Sha256::digest(application).to_vec();
                signed.push(*flags);
                signed.extend_from_slice(counter);
                signed.extend_from_slice(&Sha256::digest(message));
                key.verify(&signed, signature)
            }
            (Kind::Ecdsa { curve, point }, Value::Ecdsa(signature)) => {
                UnparsedPublicKey::new(curve.algorithm(), point).verify(message, signature).is_ok()
            }
            (Kind::Rsa { modulus, exponent }, Value::Rsa(how, signature)) => {
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(how, message, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// A signature, of the form that its key asks for.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Ed25519([u8; SIGNATURE_BYTES]),
    SkEd25519 { signature: [u8; SIGNATURE_BYTES], flags: u8, counter: [u8; 4] },
    Ecdsa(Vec<u8>),
    Rsa(&'static RsaParameters, Vec<u8>),
}

impl Value {
    /// Whether it says, with its key, that nobody touched the device: a program can then sign alone.
    pub(super) fn is_untouched(&self) -> bool {
        matches!(self, Self::SkEd25519 { flags, .. } if flags & USER_PRESENT == 0)
    }
}

/// Why bytes are not a signature by a type of key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueRefusal {
    /// A signature by another type of key, or by SHA-1.
    #[error("expected a signature of type {expected}, found {found:?}")]
    Type {
        /// What the key makes.
        expected: &'static str,
        /// What it says of itself.
        found: String,
    },
    /// Not what the type says.
    #[error(
        "expected the fields of a signature by a key of type {kind} and nothing else, found something else"
    )]
    Malformed {
        /// The type of the key.
        kind: &'static str,
    },
}

fn ed25519(kind: &'static str, mut wire: Wire<'_>) -> Result<ed25519::PublicKey, KeyRefusal> {
    let point = wire.string().and_then(|point| wire.end(point)).and_then(|point| point.try_into().ok());
    Ok(ed25519::PublicKey::from_bytes(point.ok_or(KeyRefusal::Malformed { kind })?)?)
}

fn sk_ed25519(mut wire: Wire<'_>) -> Result<Kind, KeyRefusal> {
    let fields = wire.string().zip(wire.string()).and_then(|fields| wire.end(fields));
    let fields = fields.and_then(|(point, application)| Some((point.try_into().ok()?, application)));
    let (point, application) = fields.ok_or(KeyRefusal::Malformed { kind: SK_ED25519 })?;
    let key = ed25519::PublicKey::from_bytes(point)?;
    Ok(Kind::SkEd25519 { key, application: application.to_vec() })
}

fn ecdsa(curve: Curve, mut wire: Wire<'_>) -> Result<Kind, KeyRefusal> {
    let fields = wire.string().zip(wire.string()).and_then(|fields| wire.end(fields));
    // A point in full: OpenSSH has no compressed ones.
    let length = curve.bytes().saturating_mul(2).saturating_add(1);
    let fits = |(name, point): &(&[u8], &[u8])| {
        Some(*name) == curve.name().strip_prefix("ecdsa-sha2-").map(str::as_bytes)
            && point.len() == length
            && point.first() == Some(&4)
    };
    let (_, point) = fields.filter(fits).ok_or(KeyRefusal::Malformed { kind: curve.name() })?;
    Ok(Kind::Ecdsa { curve, point: point.to_vec() })
}

fn rsa(mut wire: Wire<'_>) -> Result<Kind, KeyRefusal> {
    let fields = wire.positive().zip(wire.positive()).and_then(|fields| wire.end(fields));
    let (exponent, modulus) = fields.ok_or(KeyRefusal::Malformed { kind: RSA })?;
    let found = bits(modulus);
    if !RSA_BITS.contains(&found) {
        return Err(KeyRefusal::RsaBits { found });
    }
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    if !odd(modulus) || !odd(exponent) || exponent == [1] || exponent.len() > RSA_EXPONENT_BYTES {
        return Err(KeyRefusal::Rsa);
    }
    Ok(Kind::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
}

fn bits(magnitude: &[u8]) -> usize {
    let zeros = magnitude.first().map_or(0, |first| first.leading_zeros());
    magnitude.len().saturating_mul(8).saturating_sub(usize::try_from(zeros).unwrap_or(0))
}

fn ed25519_value(mut wire: Wire<'_>) -> Option<[u8; SIGNATURE_BYTES]> {
    let signature = wire.string()?;
    wire.end(signature.try_into().ok()?)
}

fn sk_value(mut wire: Wire<'_>) -> Option<Value> {
    let signature = wire.string()?.try_into().ok()?;
    let [flags] = wire.array()?;
    let counter = wire.array()?;
    wire.end(Value::SkEd25519 { signature, flags, counter })
}

/// Two numbers above zero; each is brought to the length of the curve's order, as ring takes them.
fn ecdsa_value(curve: Curve, mut wire: Wire<'_>) -> Option<Vec<u8>> {
    let mut numbers = Wire::new(wire.string()?);
    let (r, s) = numbers.positive().zip(numbers.positive())?;
    numbers.end(())?;
    let mut fixed = Vec::new();
    for number in [r, s] {
        let zeros = curve.bytes().checked_sub(number.len())?;
        fixed.extend(std::iter::repeat_n(0, zeros));
        fixed.extend_from_slice(number);
    }
    wire.end(fixed)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// id-ecPublicKey, prime256v1 and secp384r1 (RFC 5480), in DER.
const EC_OID: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256_OID: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384_OID: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// rsaEncryption with its NULL (RFC 3279, section 2.3.1), in DER.
const RSA_OID_AND_NULL: &[u8] =
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// A `SubjectPublicKeyInfo` (RFC 5280, section 4.1).
fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let key = der(BIT_STRING, &[&[0], key].concat());
    der(SEQUENCE, &[der(SEQUENCE, algorithm), key].concat())
}

fn integer(magnitude: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if magnitude.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    der(INTEGER, &[sign, magnitude].concat())
}

fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let first = length.iter().position(|byte| *byte != 0).unwrap_or(length.len());
    let length = length.get(first..).unwrap_or_default();
    let mut encoded = vec![tag];
    match length {
        [] => encoded.push(0),
        [short] if *short < 0x80 => encoded.push(*short),
        long => {
            encoded.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            encoded.extend_from_slice(long);
        }
    }
    encoded.extend_from_slice(contents);
    encoded
}
