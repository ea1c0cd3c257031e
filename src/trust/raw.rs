//! Raw signatures over a file, as network vendors publish them beside images: what `openssl dgst -sign` and `openssl pkeyutl
//! -sign -rawin` write.
//!
//! Such a signature is a number or two, and says neither who made it nor how. The operator's credential says both: a public key,
//! and one algorithm. Nothing is tried that is not named there.
//!
//! - RSA keys have 2048 to 8192 bits and an odd exponent of at least 3. An exponent of 3 is accepted, since the whole padding
//!   is compared with the only right one; what is forged by leaving out of that comparison (Bleichenbacher 2006) is refused.
//! - RSA-PSS has a salt as long as the digest, and MGF1 by the same hash: `-sigopt rsa_padding_mode:pss -sigopt
//!   rsa_pss_saltlen:-1`. By any other salt it is not told apart from somebody else's signature.
//! - ECDSA signatures are DER (RFC 3279, section 2.2.3) without a byte behind them. Both s and n - s are accepted, as by
//!   OpenSSL: who turns one into the other has signed nothing new, and nothing here is told apart by a signature's bytes.
//!
//! The check is over the message itself and not over a digest of it, so it is held in memory, up to
//! [`crate::limits::SIGNED_WHOLE_BYTES`].

use super::detached::{Said, Tried};
use super::message::{Hash, Message, Needs};
use super::x509::certificate::{Certificate, CertificateRefusal};
use super::x509::key::{Algorithm, KeyRefusal, PublicKey};
use super::x509::pem::{self, PemRefusal};
use crate::limits;
use crate::time::Time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The algorithms, as the operator names them.
const ALGORITHMS: [(&str, Algorithm); 10] = [
    ("rsa-pkcs1-sha256", Algorithm::RsaPkcs1(Hash::Sha256)),
    ("rsa-pkcs1-sha384", Algorithm::RsaPkcs1(Hash::Sha384)),
    ("rsa-pkcs1-sha512", Algorithm::RsaPkcs1(Hash::Sha512)),
    ("rsa-pss-sha256", Algorithm::RsaPss(Hash::Sha256)),
    ("rsa-pss-sha384", Algorithm::RsaPss(Hash::Sha384)),
    ("rsa-pss-sha512", Algorithm::RsaPss(Hash::Sha512)),
    ("ecdsa-p256-sha256", Algorithm::Ecdsa(Hash::Sha256)),
    ("ecdsa-p256-sha384", Algorithm::Ecdsa(Hash::Sha384)),
    ("ecdsa-p384-sha256", Algorithm::Ecdsa(Hash::Sha256)),
    ("ecdsa-p384-sha384", Algorithm::Ecdsa(Hash::Sha384)),
];

/// A public key, and the one algorithm by which it signs.
#[derive(Debug, Clone)]
pub struct Credential {
    key: PublicKey,
    algorithm: Algorithm,
    certificate: Option<Certificate>,
}

/// Why a text is not such a credential. Never carries the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// No PEM, a private key, or text beside it.
    #[error(transparent)]
    Pem(#[from] PemRefusal),
    /// PEM of something else.
    #[error(
        "expected -----BEGIN PUBLIC KEY----- or -----BEGIN CERTIFICATE-----, found -----BEGIN {found}-----"
    )]
    Label {
        /// What it says of itself.
        found: String,
    },
    /// A key that does not count.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    /// A certificate that can't be read.
    #[error(transparent)]
    Certificate(#[from] CertificateRefusal),
    /// An algorithm that nobody here knows.
    #[error("expected one of {}; found {found:?}", names_of_algorithms())]
    Algorithm {
        /// What was asked for.
        found: String,
    },
    /// An algorithm that the key does not have.
    #[error("the algorithm is {algorithm}, the key is another: {found}")]
    Mismatch {
        /// What was asked for.
        algorithm: String,
        /// What the key is.
        found: String,
    },
}

fn names_of_algorithms() -> String {
    ALGORITHMS.map(|(name, _)| name).join(", ")
}

impl Credential {
    /// Reads a public key in PEM (`openssl pkey -pubout`) or an X.509 certificate in PEM, with the algorithm by its name, such
    /// as `rsa-pkcs1-sha256`. Of a certificate only the key counts and the time between its two dates: the operator has
    /// chosen this one, so nothing that its issuer says of it is asked.
    ///
    /// # Errors
    /// When the text is anything else or holds more, or the key is weak or of another kind than the algorithm.
    pub fn parse(text: &str, algorithm: &str) -> Result<Self, CredentialRefusal> {
        let unknown = || CredentialRefusal::Algorithm { found: algorithm.chars().take(40).collect() };
        let (name, known) =
            ALGORITHMS.into_iter().find(|(name, _)| *name == algorithm).ok_or_else(unknown)?;
        let block = pem::blocks(text, 1)?.into_iter().next().ok_or(PemRefusal::None)?;
        let (key, certificate) = match &*block.label {
            "PUBLIC KEY" => (PublicKey::from_spki(&block.der)?, None),
            "CERTIFICATE" => {
                let certificate = Certificate::from_der(&block.der)?;
                (certificate.key().clone(), Some(certificate))
            }
            _ => return Err(CredentialRefusal::Label { found: block.label }),
        };
        let curve = name.split('-').nth(1).unwrap_or_default();
        if !key.fits(known) || (name.starts_with("ecdsa") && key.curve() != Some(curve)) {
            let (algorithm, found) = (name.to_owned(), key.to_string());
            return Err(CredentialRefusal::Mismatch { algorithm, found });
        }
        Ok(Self { key, algorithm: known, certificate })
    }

    /// Hex SHA-256 of the DER SubjectPublicKeyInfo: what `openssl pkey -pubin -in KEY -outform DER | sha256sum` prints. A
    /// certificate has that of its key.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint()
    }

    /// The fingerprint, and the subject of a certificate.
    pub fn names(&self) -> Vec<String> {
        let subject = self.certificate.as_ref().map(Certificate::subject);
        std::iter::once(self.fingerprint()).chain(subject).collect()
    }
}

/// The bytes of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

/// Why a file is not a raw signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// Too long or empty.
    #[error("expected a raw signature of 1 to {} bytes, found {found} bytes", limits::RAW_SIGNATURE_BYTES)]
    Length {
        /// How many there are.
        found: usize,
    },
    /// Hex with half a byte.
    #[error("expected two hex digits for each byte of the signature, found an odd number of digits")]
    Hex,
    /// Letters of base64 that do not make whole bytes.
    #[error(
        "expected base64 (RFC 4648, section 4) with its padding, found text in that alphabet which is not"
    )]
    Base64,
}

impl Signature {
    /// Reads a signature: hex digits, base64, or the bytes themselves. What the file holds tells them apart:
    ///
    /// 1. nothing but hex digits is hex;
    /// 2. nothing but letters of base64 (RFC 4648, section 4) is base64;
    /// 3. all else is the bytes themselves.
    ///
    /// In the first two forms lines may be of any length and end in LF or CR LF. No signature falls to the wrong form: those of
    /// ECDSA hold the byte 02, and one of RSA would have to be 256 bytes of text by chance.
    ///
    /// # Errors
    /// When it is none of these, empty, or longer than any signature.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureRefusal> {
        let lines = std::str::from_utf8(bytes).ok().and_then(joined);
        let is_hex = |text: &&String| text.bytes().all(|b| b.is_ascii_hexdigit());
        let is_base64 =
            |text: &&String| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
        let signature = if let Some(text) = lines.as_ref().filter(is_hex) {
            unhex(text).ok_or(SignatureRefusal::Hex)?
        } else if let Some(text) = lines.as_ref().filter(is_base64) {
            STANDARD.decode(text).map_err(|_| SignatureRefusal::Base64)?
        } else {
            bytes.to_vec()
        };
        match signature.len() {
            1..=limits::RAW_SIGNATURE_BYTES => Ok(Self(signature)),
            found => Err(SignatureRefusal::Length { found }),
        }
    }

    /// The message itself.
    pub fn needs(&self) -> Needs {
        Needs::whole()
    }

    /// That it does not say.
    pub fn signer_named(&self) -> String {
        format!("a key that the raw signature of {} bytes does not name", self.0.len())
    }

    /// Tries it. Since it names nobody, one that does not fit is somebody else's. A certificate's dates are asked once the
    /// signature is known to be by its key.
    pub fn check(&self, credential: &Credential, message: &Message, at: Time) -> Tried {
        let message = match message.whole() {
            Ok(message) => message,
            Err(why) => return Tried::Bad(why),
        };
        if !credential.key.verify(credential.algorithm, message, &self.0) {
            return Tried::Other;
        }
        match credential.certificate.as_ref().map(|certificate| (certificate, certificate.valid_at(at))) {
            None => Tried::Good(Said::default()),
            Some((_, Err(why))) => Tried::Bad(why),
            Some((certificate, Ok(()))) => {
                Tried::Good(Said { who: Some(certificate.subject()), ..Said::default() })
            }
        }
    }
}

/// The text without its line ends, none of which may follow another.
fn joined(text: &str) -> Option<String> {
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    let mut lines = text.split('\n');
    let last = lines.next_back()?;
    let mut whole = String::with_capacity(text.len());
    for line in lines.map(|line| line.strip_suffix('\r').unwrap_or(line)).chain([last]) {
        if line.is_empty() {
            return None;
        }
        whole.push_str(line);
    }
    Some(whole)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_read_in_one_way_only() {
        let bytes = [0x30, 0x02, 0xff, 0x00, 0x61];
        let all = [
            bytes.to_vec(),
            b"3002ff0061".to_vec(),
            b"3002FF0061\n".to_vec(),
            b"3002\r\nff0061\r\n".to_vec(),
            b"MAL/AGE=".to_vec(),
            b"MAL/\nAGE=\n".to_vec(),
        ];
        for form in all {
            assert_eq!(Signature::read(&form), Ok(Signature(bytes.to_vec())), "{form:?}");
        }
        assert_eq!(Signature::read(b"abc"), Err(SignatureRefusal::Hex));
        assert_eq!(Signature::read(b"MAL/AGE"), Err(SignatureRefusal::Base64));
        assert_eq!(Signature::read(b"MAL/AGF="), Err(SignatureRefusal::Base64));
        assert_eq!(Signature::read(b""), Err(SignatureRefusal::Length { found: 0 }));
        assert_eq!(Signature::read(&[200; 1025]), Err(SignatureRefusal::Length { found: 1025 }));
        // A blank makes it no text, so it is what it is: bytes that no key made.
        assert_eq!(Signature::read(b"30 02\n"), Ok(Signature(b"30 02\n".to_vec())));
        assert_eq!(Signature::read(b"3002\n\n"), Ok(Signature(b"3002\n\n".to_vec())));
    }
}
