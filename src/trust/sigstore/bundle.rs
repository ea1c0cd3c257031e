//! A bundle as it arrives, in JSON.

use super::body;
use super::claims::Claims;
use super::log::{Entry, WireEntry};
use super::wire::{Bytes, Raw};
use crate::escape::Escaped;
use crate::json::{JsonError, Strict};
use crate::limits;
use crate::trust::dsse::{Envelope, IN_TOTO};
use crate::trust::x509::CertificateRefusal;
use crate::trust::x509::certificate::Certificate;
use serde::Deserialize;

/// Media types by version. Of the third there are two spellings.
const MEDIA_TYPES: [(&str, Version); 4] = [
    ("application/vnd.dev.sigstore.bundle+json;version=0.1", Version::First),
    ("application/vnd.dev.sigstore.bundle+json;version=0.2", Version::Second),
    ("application/vnd.dev.sigstore.bundle+json;version=0.3", Version::Third),
    ("application/vnd.dev.sigstore.bundle.v0.3+json", Version::Third),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    First,
    Second,
    Third,
}

/// Why bytes are not a bundle that is judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// More than any honest one has.
    #[error("expected a Sigstore bundle of at most {} bytes, found {found}", limits::SIGSTORE_BUNDLE_BYTES)]
    TooLarge {
        /// How many bytes.
        found: usize,
    },
    /// Not this JSON.
    #[error("not a Sigstore bundle: {0}")]
    Json(#[from] JsonError),
    /// Another version, or something else.
    #[error("mediaType: expected a Sigstore bundle of version 0.1, 0.2 or 0.3, found \"{}\"", Escaped(.found))]
    MediaType {
        /// What was found, shortened.
        found: String,
    },
    /// A part that is missing, too many, or of a kind that is not read here.
    #[error("{place}: expected {expected}")]
    Part {
        /// Where.
        place: &'static str,
        /// What, and what was found.
        expected: String,
    },
    /// A certificate that can't be judged.
    #[error("{place}: {why}")]
    Certificate {
        /// Where.
        place: &'static str,
        /// Why.
        why: CertificateRefusal,
    },
}

fn part<T>(place: &'static str, expected: impl Into<String>) -> Result<T, SignatureRefusal> {
    Err(SignatureRefusal::Part { place, expected: expected.into() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    media_type: String,
    verification_material: Material,
    message_signature: Option<WireMessage>,
    dsse_envelope: Option<WireEnvelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Material {
    public_key: Option<Hint>,
    x509_certificate_chain: Option<Chain>,
    certificate: Option<Raw>,
    #[serde(default)]
    tlog_entries: Vec<WireEntry>,
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hint {
    #[serde(default)]
    hint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    certificates: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Timestamps {
    #[serde(default)]
    rfc3161_timestamps: Vec<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Timestamp {
    signed_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireMessage {
    message_digest: Option<MessageDigest>,
    signature: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageDigest {
    algorithm: String,
    digest: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireEnvelope {
    payload_type: String,
    payload: Bytes,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    sig: Bytes,
    #[serde(default, rename = "keyid")]
    _keyid: Option<String>,
}

/// A bundle whose form was checked, and nothing else.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) signer: Signer,
    pub(super) entry: Entry,
    pub(super) timestamps: Vec<Vec<u8>>,
    pub(super) signature: Vec<u8>,
    pub(super) content: Content,
}

/// Who signed, as the bundle says it.
#[derive(Debug)]
pub(super) enum Signer {
    /// Whoever the certificate names.
    Named(Box<Named>),
    /// Whoever has a key that the verifier must know; and a hint at which one.
    Key { hint: String },
}

/// A signer's certificate.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) leaf: Certificate,
    pub(super) claims: Claims,
    /// Certificates that came along (versions 0.1 and 0.2).
    pub(super) further: Vec<Certificate>,
}

/// What the signature is over.
#[derive(Debug)]
pub(super) enum Content {
    /// A message beside the bundle; perhaps its SHA-256, by nobody's word.
    Message { hint: Option<Vec<u8>> },
    /// A statement in the bundle.
    Statement(Envelope),
}

impl Bundle {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, SignatureRefusal> {
        if bytes.len() > limits::SIGSTORE_BUNDLE_BYTES {
            return Err(SignatureRefusal::TooLarge { found: bytes.len() });
        }
        let wire: Wire = Strict::check(bytes)?.read()?;
        let version =
            MEDIA_TYPES.iter().find(|(name, _)| *name == wire.media_type).map(|(_, version)| *version);
        let version = version.ok_or_else(|| SignatureRefusal::MediaType {
            found: wire.media_type.chars().take(100).collect(),
        })?;
        let (signature, content) = match (wire.message_signature, wire.dsse_envelope) {
            (Some(message), None) => message.read()?,
            (None, Some(envelope)) => envelope.read()?,
            _ => return part("bundle", "one of messageSignature and dsseEnvelope, found both or none"),
        };
        let signer = wire.verification_material.signer(version)?;
        let timestamps = stamps(wire.verification_material.timestamp_verification_data)?;
        let count = wire.verification_material.tlog_entries.len();
        let Ok([entry]) = <[WireEntry; 1]>::try_from(wire.verification_material.tlog_entries) else {
            return part("tlogEntries", format!("one entry, found {count}"));
        };
        let entry = entry.read().map_err(|expected| SignatureRefusal::Part {
            place: "tlogEntries",
            expected: expected.to_owned(),
        })?;
        known(&entry, matches!(content, Content::Statement(_)))?;
        if version == Version::First && !entry.is_promised() {
            return part("tlogEntries", "an inclusionPromise in a bundle of version 0.1, found none");
        }
        if matches!(signer, Signer::Named(_)) && !entry.is_promised() && timestamps.is_empty() {
            return part(
                "bundle",
                "a time that somebody else vouches for (inclusionPromise or rfc3161Timestamps), found none",
            );
        }
        Ok(Self { signer, entry, timestamps, signature, content })
    }
}

fn known(entry: &Entry, statement: bool) -> Result<(), SignatureRefusal> {
    let kind = &entry.kind;
    if !body::is_read(kind, statement) {
        let shown = |text: &str| Escaped(&text.chars().take(40).collect::<String>()).to_string();
        let of = if statement { "a statement" } else { "a message" };
        let expected = format!(
            "an entry of a kind that is read here for {of} (hashedrekord, dsse, intoto), found {} {}",
            shown(&kind.kind),
            shown(&kind.version)
        );
        return part("tlogEntries", expected);
    }
    if kind.is_of_rekor_2() && entry.is_promised() {
        return part("tlogEntries", "no inclusionPromise with hashedrekord 0.0.2, found one");
    }
    Ok(())
}

fn stamps(wire: Option<Timestamps>) -> Result<Vec<Vec<u8>>, SignatureRefusal> {
    let stamps = wire.map_or_else(Vec::new, |data| data.rfc3161_timestamps);
    if stamps.len() > limits::SIGSTORE_TIMESTAMPS {
        let expected = format!("at most {} time stamps, found {}", limits::SIGSTORE_TIMESTAMPS, stamps.len());
        return part("rfc3161Timestamps", expected);
    }
    Ok(stamps.into_iter().map(|stamp| stamp.signed_timestamp.0).collect())
}

impl WireMessage {
    fn read(self) -> Result<(Vec<u8>, Content), SignatureRefusal> {
        let hint = match self.message_digest {
            Some(digest) if digest.algorithm != "SHA2_256" => {
                let found: String = digest.algorithm.chars().take(40).collect();
                return part("messageDigest", format!("algorithm SHA2_256, found \"{}\"", Escaped(&found)));
            }
            other => other.map(|digest| digest.digest.0),
        };
        Ok((self.signature.0, Content::Message { hint }))
    }
}

impl WireEnvelope {
    fn read(self) -> Result<(Vec<u8>, Content), SignatureRefusal> {
        if self.payload_type != IN_TOTO {
            let found: String = self.payload_type.chars().take(100).collect();
            return part("payloadType", format!("\"{IN_TOTO}\", found \"{}\"", Escaped(&found)));
        }
        let count = self.signatures.len();
        let Ok([signature]) = <[WireSignature; 1]>::try_from(self.signatures) else {
            return part("dsseEnvelope", format!("one signature, found {count}"));
        };
        Ok((signature.sig.0, Content::Statement(Envelope::over(&self.payload.0))))
    }
}

impl Material {
    fn signer(&self, version: Version) -> Result<Signer, SignatureRefusal> {
        let read = |place: &'static str, raw: &Raw| {
            Certificate::from_der(&raw.raw_bytes.0)
                .map_err(|why| SignatureRefusal::Certificate { place, why })
        };
        match (version, &self.certificate, &self.x509_certificate_chain, &self.public_key) {
            (Version::Third, Some(certificate), None, None) => {
                Signer::named(read("certificate", certificate)?, Vec::new())
            }
            (Version::First | Version::Second, None, Some(chain), None) => {
                let place = "x509CertificateChain";
                if chain.certificates.len() > limits::SIGSTORE_AUTHORITIES {
                    let expected =
                        format!("at most {} certificates, found more", limits::SIGSTORE_AUTHORITIES);
                    return part(place, expected);
                }
                let mut all =
                    chain.certificates.iter().map(|raw| read(place, raw)).collect::<Result<Vec<_>, _>>()?;
                if all.is_empty() {
                    return part(place, "the signer's certificate, found none");
                }
                let leaf = all.remove(0);
                Signer::named(leaf, all)
            }
            (_, None, None, Some(key)) => {
                if key.hint.len() > limits::KEY_ID_BYTES {
                    let expected = format!("a hint of at most {} bytes, found more", limits::KEY_ID_BYTES);
                    return part("publicKey", expected);
                }
                Ok(Signer::Key { hint: key.hint.clone() })
            }
            (Version::Third, ..) => part(
                "verificationMaterial",
                "certificate or publicKey alone in a bundle of version 0.3, found other material",
            ),
            _ => part(
                "verificationMaterial",
                "x509CertificateChain or publicKey alone in a bundle of version 0.1 or 0.2, found other material",
            ),
        }
    }
}

impl Signer {
    fn named(leaf: Certificate, further: Vec<Certificate>) -> Result<Self, SignatureRefusal> {
        let claims = Claims::of(&leaf).map_err(|expected| SignatureRefusal::Part {
            place: "certificate",
            expected: expected.to_owned(),
        })?;
        if leaf.key().curve() != Some("p256") {
            return part("certificate", format!("a key on curve P-256, found a {}", leaf.key()));
        }
        Ok(Self::Named(Box::new(Named { leaf, claims, further })))
    }
}
