//! The body of a log's entry, and that it is of this very signature. Without that, the proof of any entry at all would do
//! (CVE-2022-36056).

use super::log::{Entry, KindVersion};
use super::wire::{Bytes, Raw};
use crate::digest::hex;
use crate::escape::Escaped;
use crate::json::Strict;
use crate::trust::dsse::IN_TOTO;
use crate::trust::x509::pem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// What the entry must be of.
pub(super) struct Expected<'s> {
    pub(super) certificate: &'s [u8],
    pub(super) signature: &'s [u8],
    pub(super) signed: Signed<'s>,
}

/// The digests that entries name what was signed by.
pub(super) enum Signed<'s> {
    /// A message, by its SHA-256.
    Message(&'s [u8]),
    /// An envelope: SHA-256 of its payload, and of all that its signature is over.
    Statement { payload: &'s [u8], whole: &'s [u8] },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body<T> {
    api_version: String,
    kind: String,
    spec: T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Digest {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hashedrekord {
    data: HashedrekordData,
    signature: HashedrekordSignature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedrekordData {
    hash: Digest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HashedrekordSignature {
    content: Bytes,
    public_key: Content,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    content: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Hashedrekord2 {
    #[serde(rename = "hashedRekordV002")]
    inner: Hashedrekord2Inner,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hashedrekord2Inner {
    data: Data2,
    signature: Signature2,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data2 {
    algorithm: String,
    digest: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature2 {
    content: Bytes,
    verifier: Verifier2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Verifier2 {
    x509_certificate: Raw,
    key_details: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Dsse {
    // Over the envelope in the spelling in which it was entered, which is not the bundle's.
    #[serde(rename = "envelopeHash")]
    _envelope_hash: Digest,
    payload_hash: Digest,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DsseSignature {
    signature: Bytes,
    verifier: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Intoto {
    content: IntotoContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IntotoContent {
    envelope: IntotoEnvelope,
    #[serde(rename = "hash")]
    _hash: Digest,
    payload_hash: Digest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IntotoEnvelope {
    payload_type: String,
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IntotoSignature {
    #[serde(default, rename = "keyid")]
    _keyid: Option<String>,
    public_key: Bytes,
    /// Base64 of base64: so the log writes it.
    sig: Bytes,
}

/// The kinds of entries that are read: of each its name, its version, and whether it is of a statement.
pub(super) fn is_read(kind: &KindVersion, statement: bool) -> bool {
    match (&*kind.kind, &*kind.version) {
        ("hashedrekord", "0.0.1") => !statement,
        ("hashedrekord", "0.0.2") => true,
        ("dsse", "0.0.1") | ("intoto", "0.0.2") => statement,
        _ => false,
    }
}

/// Checks that the entry is of what is expected.
pub(super) fn verify(entry: &Entry, expected: &Expected<'_>) -> Result<(), String> {
    let (kind, body) = (&entry.kind, &*entry.body);
    match (&*kind.kind, &*kind.version, &expected.signed) {
        ("hashedrekord", "0.0.1", Signed::Message(digest)) => {
            let Hashedrekord { data, signature } = spec(kind, body)?;
            same_digest("data.hash", &data.hash, digest)?;
            same("signature.content", &signature.content.0, expected.signature)?;
            same_certificate("signature.publicKey", &signature.public_key.content.0, expected)
        }
        ("hashedrekord", "0.0.2", signed) => {
            let digest = match signed {
                Signed::Message(digest) | Signed::Statement { whole: digest, .. } => digest,
            };
            let Hashedrekord2 { inner: Hashedrekord2Inner { data, signature } } = spec(kind, body)?;
            same("data.algorithm", data.algorithm.as_bytes(), b"SHA2_256")?;
            same("data.digest", &data.digest.0, digest)?;
            same("signature.content", &signature.content.0, expected.signature)?;
            let Verifier2 { x509_certificate, key_details } = signature.verifier;
            same("keyDetails", key_details.as_bytes(), b"PKIX_ECDSA_P256_SHA_256")?;
            same("x509Certificate", &x509_certificate.raw_bytes.0, expected.certificate)
        }
        ("dsse", "0.0.1", Signed::Statement { payload, .. }) => {
            let Dsse { payload_hash, signatures, .. } = spec(kind, body)?;
            same_digest("payloadHash", &payload_hash, payload)?;
            let [one] = &signatures[..] else { return Err(one_signature(signatures.len())) };
            same("signature", &one.signature.0, expected.signature)?;
            same_certificate("verifier", &one.verifier.0, expected)
        }
        ("intoto", "0.0.2", Signed::Statement { payload, .. }) => {
            let Intoto { content: IntotoContent { envelope, payload_hash, .. } } = spec(kind, body)?;
            same("payloadType", envelope.payload_type.as_bytes(), IN_TOTO.as_bytes())?;
            same_digest("payloadHash", &payload_hash, payload)?;
            let [one] = &envelope.signatures[..] else {
                return Err(one_signature(envelope.signatures.len()));
            };
            same("sig", &one.sig.0, STANDARD.encode(expected.signature).as_bytes())?;
            same_certificate("publicKey", &one.public_key.0, expected)
        }
        _ => Err(format!(
            "expected an entry of a kind that is made for this signature, found {} {}",
            Escaped(&kind.kind),
            Escaped(&kind.version)
        )),
    }
}

fn one_signature(found: usize) -> String {
    format!("log entry: expected one signature, found {found}")
}

fn spec<'t, T: Deserialize<'t>>(kind: &KindVersion, body: &'t [u8]) -> Result<T, String> {
    let strict = Strict::check(body).map_err(|why| format!("log entry: {why}"))?;
    let read: Body<T> = strict.read().map_err(|why| format!("log entry: {why}"))?;
    if read.kind != kind.kind || read.api_version != kind.version {
        return Err(format!(
            "log entry: expected {} {} as the bundle says, found {} {}",
            Escaped(&kind.kind),
            Escaped(&kind.version),
            Escaped(&read.kind),
            Escaped(&read.api_version)
        ));
    }
    Ok(read.spec)
}

fn same(field: &str, found: &[u8], expected: &[u8]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let shown = |bytes: &[u8]| hex(bytes.get(..bytes.len().min(32)).unwrap_or_default());
    Err(format!(
        "log entry: it is of another signature: expected {field} {} as in the bundle, found {}",
        shown(expected),
        shown(found)
    ))
}

fn same_digest(field: &str, found: &Digest, expected: &[u8]) -> Result<(), String> {
    same(field, found.algorithm.as_bytes(), b"sha256")?;
    same(field, found.value.as_bytes(), hex(expected).as_bytes())
}

/// The certificate stands there in PEM.
fn same_certificate(field: &str, found: &[u8], expected: &Expected<'_>) -> Result<(), String> {
    let text = std::str::from_utf8(found).map_err(|_| format!("log entry: expected PEM in {field}"))?;
    let blocks = pem::blocks(text, 1).map_err(|why| format!("log entry: {field}: {why}"))?;
    match &blocks[..] {
        [block] if block.label == "CERTIFICATE" => same(field, &block.der, expected.certificate),
        _ => Err(format!("log entry: expected a certificate in {field}, found another block")),
    }
}
