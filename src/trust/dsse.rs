//! DSSE envelopes (github.com/secure-systems-lab/dsse, protocol v1.0.2).
//!
//! ```json
//! { "payloadType": "application/vnd.in-toto+json",
//!   "payload": "<base64>",
//!   "signatures": [ { "keyid": "<hint>", "sig": "<base64>" } ] }
//! ```
//!
//! What is signed is not the payload but `PAE(type, payload)`. An [`Envelope`] holds exactly that text, with
//! the payload as its end: verified and read are the same bytes, and a large manifest is held once.
//! Fields that the specification does not name are ignored, as it says; duplicate keys are not.

use crate::json::{JsonError, Strict};
use crate::limits;
use crate::trust::ed25519::SIGNATURE_BYTES;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use std::borrow::Cow;

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An envelope whose form was checked and whose signatures were not.
#[derive(Debug)]
pub struct Envelope {
    signed: Vec<u8>,
    payload_at: usize,
    signatures: Vec<Signature>,
}

/// One signature as it stands in an envelope.
#[derive(Debug, Clone)]
pub struct Signature {
    /// What the envelope says about the key; the signature does not cover it.
    pub untrusted_keyid: String,
    /// The signature.
    pub bytes: [u8; SIGNATURE_BYTES],
}

/// Why bytes are not an envelope that we judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeRefusal {
    /// Not JSON, or not this JSON.
    #[error("not a DSSE envelope: {0}")]
    Json(#[from] JsonError),
    /// The signed type of the payload is another one.
    #[error("expected payload type {IN_TOTO:?}, found {found:?}")]
    PayloadType {
        /// The type that was found.
        found: String,
    },
    /// A field is not base64.
    #[error(
        "{field} is not base64: expected the standard or the URL-safe alphabet, unmixed, padded, without blanks or line breaks"
    )]
    Base64 {
        /// The field.
        field: &'static str,
    },
    /// A signature of another length than Ed25519's.
    #[error("signature {number} has {found} bytes, expected {SIGNATURE_BYTES} (Ed25519)")]
    SignatureLength {
        /// Its place in the list, from 1.
        number: usize,
        /// Its length.
        found: usize,
    },
    /// A key id longer than any hint is.
    #[error("the key id of signature {number} has {found} bytes, expected at most {}", limits::KEY_ID_BYTES)]
    KeyIdLength {
        /// The signature's place in the list, from 1.
        number: usize,
        /// The key id's length, in bytes.
        found: usize,
    },
    /// More signatures than we try.
    #[error("{found} signatures, expected at most {}", limits::SIGNATURES)]
    TooManySignatures {
        /// How many there are.
        found: usize,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'t> {
    #[serde(borrow, deserialize_with = "crate::json::borrowed")]
    payload_type: Cow<'t, str>,
    #[serde(borrow, deserialize_with = "crate::json::borrowed")]
    payload: Cow<'t, str>,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
struct WireSignature {
    #[serde(default)]
    keyid: Option<String>,
    sig: String,
}

impl Envelope {
    /// Reads an envelope, in the memory that it came in.
    ///
    /// # Errors
    /// When it is not an envelope over an in-toto statement with Ed25519 signatures.
    pub fn read(bytes: Vec<u8>) -> Result<Self, EnvelopeRefusal> {
        let wire: Wire<'_> = Strict::check(&bytes)?.read()?;
        if wire.payload_type != IN_TOTO {
            return Err(EnvelopeRefusal::PayloadType {
                found: wire.payload_type.chars().take(100).collect(),
            });
        }
        if wire.signatures.len() > limits::SIGNATURES {
            return Err(EnvelopeRefusal::TooManySignatures { found: wire.signatures.len() });
        }
        let signatures = wire.signatures.iter().enumerate().map(signature).collect::<Result<_, _>>()?;
        let payload = Encoded::of(&wire.payload, &bytes);
        let (signed, payload_at) =
            payload.into_pae(bytes).ok_or(EnvelopeRefusal::Base64 { field: "payload" })?;
        Ok(Self { signed, payload_at, signatures })
    }

    /// An envelope over a new payload, not signed by anyone yet.
    pub fn over(payload: &[u8]) -> Self {
        let mut signed = pae_header(payload.len());
        let payload_at = signed.len();
        signed.extend_from_slice(payload);
        Self { signed, payload_at, signatures: Vec::new() }
    }

    /// Adds a signature.
    pub fn add(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }

    /// What is signed: `PAE(type, payload)`.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.signed
    }

    /// The signatures, none of them checked.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The payload, which nobody may have signed: for showing it as such, and for
    /// [`Verified`](super::Verified) envelopes, whose payload was.
    pub fn untrusted_payload(&self) -> &[u8] {
        self.signed.get(self.payload_at..).unwrap_or_default()
    }

    /// The envelope as JSON, with a line break at the end.
    pub fn to_json(&self) -> Vec<u8> {
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let signatures: Vec<_> = self
            .signatures
            .iter()
            .map(|signature| serde_json::json!({ "keyid": signature.untrusted_keyid, "sig": encode(&signature.bytes) }))
            .collect();
        // Base64 needs no escaping. The payload stands first and is written without a second copy as a value.
        let mut json = format!("{{\"payload\":\"{}\",", encode(self.untrusted_payload())).into_bytes();
        json.extend_from_slice(
            format!(
                "\"payloadType\":\"{IN_TOTO}\",\"signatures\":{}}}\n",
                serde_json::Value::from(signatures)
            )
            .as_bytes(),
        );
        json
    }
}

impl super::Verified<Envelope> {
    /// The payload that the signers signed.
    pub fn payload(&self) -> &[u8] {
        self.value().untrusted_payload()
    }
}

fn pae_header(payload: usize) -> Vec<u8> {
    format!("DSSEv1 {} {IN_TOTO} {payload} ", IN_TOTO.len()).into_bytes()
}

fn signature((index, wire): (usize, &WireSignature)) -> Result<Signature, EnvelopeRefusal> {
    let number = index.saturating_add(1);
    let keyid = wire.keyid.as_deref().unwrap_or_default();
    // What is said about a signature repeats its key id.
    if keyid.len() > limits::KEY_ID_BYTES {
        return Err(EnvelopeRefusal::KeyIdLength { number, found: keyid.len() });
    }
    let mut bytes = wire.sig.clone().into_bytes();
    decode_in_place(&mut bytes).ok_or(EnvelopeRefusal::Base64 { field: "sig" })?;
    let found = bytes.len();
    let bytes = bytes.try_into().map_err(|_| EnvelopeRefusal::SignatureLength { number, found })?;
    Ok(Signature { untrusted_keyid: keyid.to_owned(), bytes })
}

/// Where the encoded payload is: in the envelope's own bytes, unless JSON escapes made a copy necessary.
enum Encoded {
    Within(std::ops::Range<usize>),
    Apart(Vec<u8>),
}

impl Encoded {
    fn of(payload: &str, envelope: &[u8]) -> Self {
        let start = payload.as_ptr().addr().checked_sub(envelope.as_ptr().addr());
        match start.and_then(|start| Some(start..start.checked_add(payload.len())?)) {
            Some(range) if envelope.get(range.clone()) == Some(payload.as_bytes()) => Self::Within(range),
            _ => Self::Apart(payload.as_bytes().to_vec()),
        }
    }

    /// Decodes, and puts the header of the signed text before the payload.
    fn into_pae(self, envelope: Vec<u8>) -> Option<(Vec<u8>, usize)> {
        let mut payload = match self {
            Self::Apart(payload) => payload,
            Self::Within(range) => {
                let mut bytes = envelope;
                bytes.truncate(range.end);
                bytes.drain(..range.start);
                bytes
            }
        };
        decode_in_place(&mut payload)?;
        let header = pae_header(payload.len());
        let payload_at = header.len();
        payload.splice(..0, header);
        // Base64 took a third more.
        payload.shrink_to_fit();
        Some((payload, payload_at))
    }
}

/// Decodes base64 into the memory that held it.
fn decode_in_place(bytes: &mut Vec<u8>) -> Option<()> {
    const CHUNK: usize = 64 << 10;
    let alphabet = if bytes.iter().any(|byte| matches!(byte, b'-' | b'_')) { &URL_SAFE } else { &STANDARD };
    let (inner, last) = (
        engine(alphabet, DecodePaddingMode::RequireNone),
        engine(alphabet, DecodePaddingMode::RequireCanonical),
    );
    let mut scratch = vec![0; CHUNK];
    let (mut read, mut written) = (0_usize, 0_usize);
    while read < bytes.len() {
        let end = read.saturating_add(CHUNK).min(bytes.len());
        let engine = if end == bytes.len() { &last } else { &inner };
        let count = engine.decode_slice(bytes.get(read..end)?, &mut scratch).ok()?;
        let next = written.checked_add(count)?;
        // Decoding shrinks, so this never overtakes what is still to be read.
        bytes.get_mut(written..next)?.copy_from_slice(scratch.get(..count)?);
        (read, written) = (end, next);
    }
    bytes.truncate(written);
    Some(())
}

fn engine(alphabet: &Alphabet, padding: DecodePaddingMode) -> GeneralPurpose {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(padding).with_decode_allow_trailing_bits(false);
    GeneralPurpose::new(alphabet, config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(payload: &str) -> Result<Envelope, EnvelopeRefusal> {
        Envelope::read(
            format!(r#"{{"payloadType":"{IN_TOTO}","payload":"{payload}","signatures":[]}}"#).into_bytes(),
        )
    }

    #[test]
    fn one_rule_for_base64() {
        for (payload, expected) in [
            ("aGVsbG8_", Some("hello?")),
            ("aGVsbG8/", Some("hello?")),
            (r"aGVsbG8\/", Some("hello?")),
            ("aGVsbA==", Some("hell")),
            ("", Some("")),
            ("aGVsbA", None),      // no padding
            ("aGVsbA=", None),     // half of it
            ("aGVsbB==", None),    // bits behind the end
            ("aGVs bA==", None),   // blank
            (r"aGVs\nbA==", None), // line break
            ("-_+/", None),        // both alphabets
            ("aA==aA==", None),    // two texts
        ] {
            let found =
                envelope(payload).ok().map(|e| String::from_utf8_lossy(e.untrusted_payload()).into_owned());
            assert_eq!(found.as_deref(), expected, "{payload}");
        }
    }

    #[test]
    fn long_payloads_decode_across_chunks_and_padding_stands_only_at_the_end() {
        let payload: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let read = Envelope::read(Envelope::over(&payload).to_json()).unwrap();
        assert_eq!(read.untrusted_payload(), payload);
        assert_eq!(read.signed_bytes(), Envelope::over(&payload).signed_bytes());
        let mut text = "A".repeat((64 << 10) - 2) + "==";
        text.push_str("AAAA");
        assert!(envelope(&text).is_err());
    }

    #[test]
    fn the_signed_text_is_the_one_of_the_specification() {
        let signed = Envelope::over(b"hello world");
        assert_eq!(signed.signed_bytes(), b"DSSEv1 28 application/vnd.in-toto+json 11 hello world");
    }
}
