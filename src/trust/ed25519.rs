//! Ed25519 (RFC 8032), as strictly as any verifier in use.
//!
//! Implementations disagree about encodings that honest signers never make: small-order points,
//! points with a second encoding, unreduced scalars, keys outside the prime-order group. We refuse every
//! one of them, so that no reasonable verifier refuses what this one accepts.

use ed25519_dalek::ed25519::KeypairBytes;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Length of a signature, in bytes.
pub const SIGNATURE_BYTES: usize = ed25519_dalek::SIGNATURE_LENGTH;

/// A public key that is fit to verify with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why a text is not a usable key. Never carries the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// A private key where a public one belongs.
    #[error(
        "this is a private key; expected a public key (-----BEGIN PUBLIC KEY-----). Treat the private key as exposed if others can read this file"
    )]
    PrivateForPublic,
    /// A public key where a private one belongs.
    #[error("this is a public key; expected a private key (-----BEGIN PRIVATE KEY-----)")]
    PublicForPrivate,
    /// An encrypted private key.
    #[error(
        "this private key is encrypted; expected an unencrypted PKCS#8 key (decrypt it with `openssl pkey -in KEY -out PLAIN`)"
    )]
    Encrypted,
    /// No PEM of the expected kind, or one that is damaged.
    #[error(
        "expected an Ed25519 {expected} key in PEM (RFC 8410); found text that is not one, is damaged, or is of another algorithm"
    )]
    NotAKey {
        /// `public` or `private`.
        expected: &'static str,
    },
    /// 32 bytes that are no point of the curve.
    #[error("these 32 bytes are not a point on the curve")]
    NotAPoint,
    /// A second encoding of a point (RFC 8032, section 5.1.3, decodes only the first).
    #[error("the point is not in canonical encoding")]
    NonCanonical,
    /// A point of small order: signatures by it can be made without a private key.
    #[error("the point has small order; anyone can sign for it")]
    SmallOrder,
    /// A point outside the prime-order group, over which verifiers disagree.
    #[error("the point is outside the prime-order group; verifiers disagree about its signatures")]
    MixedOrder,
}

impl PublicKey {
    /// Takes the 32 bytes of RFC 8032.
    ///
    /// # Errors
    /// When they are not the canonical encoding of a point of the prime-order group.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyRefusal> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyRefusal::NotAPoint)?;
        Self::checked(key, bytes)
    }

    /// Reads a `SubjectPublicKeyInfo` in PEM (RFC 8410), as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// When the text is anything else, or the key is unfit.
    pub fn from_pem(text: &str) -> Result<Self, KeyRefusal> {
        if text.contains("PRIVATE KEY") {
            return Err(KeyRefusal::PrivateForPublic);
        }
        let key = VerifyingKey::from_public_key_pem(text.trim())
            .map_err(|_| KeyRefusal::NotAKey { expected: "public" })?;
        Self::checked(key, &key.to_bytes())
    }

    fn checked(key: VerifyingKey, bytes: &[u8; 32]) -> Result<Self, KeyRefusal> {
        let point = key.to_edwards();
        if point.compress().as_bytes() != bytes {
            Err(KeyRefusal::NonCanonical)
        } else if key.is_weak() {
            Err(KeyRefusal::SmallOrder)
        } else if !point.is_torsion_free() {
            Err(KeyRefusal::MixedOrder)
        } else {
            Ok(Self(key))
        }
    }

    /// Whether `signature` is this key's over exactly `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }

    /// The 32 bytes of RFC 8032.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Hex SHA-256 of the DER `SubjectPublicKeyInfo`: what
    /// `openssl pkey -pubin -in KEY -outform DER | sha256sum` prints.
    pub fn fingerprint(&self) -> String {
        self.0
            .to_public_key_der()
            .map_or_else(|_| String::new(), |der| crate::digest::hex(&Sha256::digest(der.as_bytes())))
    }

    /// The key in PEM.
    ///
    /// # Errors
    /// When it can't be encoded, which a valid key always can.
    pub fn to_pem(&self) -> Result<String, KeyRefusal> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|_| KeyRefusal::NotAKey { expected: "public" })
    }
}

/// A private key. Wiped from memory when dropped, and never shown.
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads a PKCS#8 key in PEM (RFC 8410), as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// When the text is anything else. The message never repeats it.
    pub fn from_pem(text: &str) -> Result<Self, KeyRefusal> {
        if text.contains("ENCRYPTED PRIVATE KEY") {
            return Err(KeyRefusal::Encrypted);
        }
        if !text.contains("PRIVATE KEY") && text.contains("PUBLIC KEY") {
            return Err(KeyRefusal::PublicForPrivate);
        }
        SigningKey::from_pkcs8_pem(text.trim())
            .map(Self)
            .map_err(|_| KeyRefusal::NotAKey { expected: "private" })
    }

    /// The key in PEM, in the first version of PKCS#8, which every tool reads (OpenSSL 3.0 does not read
    /// the second, with its public key inside).
    ///
    /// # Errors
    /// When it can't be encoded, which a valid key always can.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyRefusal> {
        KeypairBytes { secret_key: self.0.to_bytes(), public_key: None }
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|_| KeyRefusal::NotAKey { expected: "private" })
    }

    /// The public half.
    ///
    /// # Errors
    /// When it is unfit to verify with, which a key from a proper seed never is.
    pub fn public(&self) -> Result<PublicKey, KeyRefusal> {
        PublicKey::from_bytes(&self.0.verifying_key().to_bytes())
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}
