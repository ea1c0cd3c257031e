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
    pub(super) verifier: &'s Verifier,
    pub(super) signature: &'s [u8],
    pub(super) signed: Signed<'s>,
}

/// By what a signature is checked, in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verifier {
    Certificate(Vec<u8>),
    Key(Vec<u8>),
}

/// The digests that entries name what was signed by.
pub(super) enum Signed<'s> {
    /// A message, by its SHA-256.
    Message(&'s [u8]),
    /// An envelope: SHA-256 of its payload, and of all that its signature is over.
    Statement { payload: &'s [u8], whole: &'s [u8] },
}

/// What an entry says that is compared.
pub(super) struct Told {
    /// SHA-256 in hex, of what `of` says.
    digest: String,
    of: Of,
    signature: Vec<u8>,
    /// By what the signature is checked, as the signer told the log.
    pub(super) verifier: Verifier,
}

enum Of {
    /// All that is signed.
    Signed,
    /// The payload of the envelope.
    Payload,
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
    x509_certificate: Option<Raw>,
    public_key: Option<Raw>,
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
    let told = read(entry)?;
    let digest = match (&told.of, &expected.signed) {
        (Of::Signed, Signed::Message(digest) | Signed::Statement { whole: digest, .. })
        | (Of::Payload, Signed::Statement { payload: digest, .. }) => digest,
        (Of::Payload, Signed::Message(_)) => {
            return Err("log entry: expected one of a message, found one of a statement".to_owned());
        }
    };
    same("digest", told.digest.as_bytes(), hex(digest).as_bytes())?;
    same("signature", &told.signature, expected.signature)?;
    match (&told.verifier, expected.verifier) {
        (Verifier::Certificate(found), Verifier::Certificate(expected)) => {
            same("certificate", found, expected)
        }
        (Verifier::Key(found), Verifier::Key(expected)) => same("key", found, expected),
        _ => Err("log entry: expected a certificate where the bundle has one, and a key where it has none"
            .to_owned()),
    }
}

/// Reads the body of an entry of one of the kinds above.
pub(super) fn read(entry: &Entry) -> Result<Told, String> {
    let (kind, body) = (&entry.kind, &*entry.body);
    match (&*kind.kind, &*kind.version) {
        ("hashedrekord", "0.0.1") => {
            let Hashedrekord { data, signature } = spec(kind, body)?;
            Ok(Told {
                digest: sha256(data.hash)?,
                of: Of::Signed,
                signature: signature.content.0,
                verifier: verifier(&signature.public_key.content.0)?,
            })
        }
        ("hashedrekord", "0.0.2") => {
            let Hashedrekord2 { inner: Hashedrekord2Inner { data, signature } } = spec(kind, body)?;
            if data.algorithm != "SHA2_256" || signature.verifier.key_details != "PKIX_ECDSA_P256_SHA_256" {
                return Err(
                    "log entry: expected SHA2_256 and PKIX_ECDSA_P256_SHA_256, found other algorithms"
                        .to_owned(),
                );
            }
            let verifier = match (signature.verifier.x509_certificate, signature.verifier.public_key) {
                (Some(certificate), None) => Verifier::Certificate(certificate.raw_bytes.0),
                (None, Some(key)) => Verifier::Key(key.raw_bytes.0),
                _ => return Err("log entry: expected a certificate or a key, found both or none".to_owned()),
            };
            let signature = signature.content.0;
            Ok(Told { digest: hex(&data.digest.0), of: Of::Signed, signature, verifier })
        }
        ("dsse", "0.0.1") => {
            let Dsse { payload_hash, signatures, .. } = spec(kind, body)?;
            let DsseSignature { signature, verifier: by } = one(signatures)?;
            Ok(Told {
                digest: sha256(payload_hash)?,
                of: Of::Payload,
                signature: signature.0,
                verifier: verifier(&by.0)?,
            })
        }
        ("intoto", "0.0.2") => {
            let Intoto { content: IntotoContent { envelope, payload_hash, .. } } = spec(kind, body)?;
            if envelope.payload_type != IN_TOTO {
                return Err(format!("log entry: expected the payloadType {IN_TOTO}, found another"));
            }
            let IntotoSignature { public_key, sig, .. } = one(envelope.signatures)?;
            let signature =
                STANDARD.decode(&sig.0).map_err(|_| "log entry: expected base64 of base64 in sig")?;
            Ok(Told {
                digest: sha256(payload_hash)?,
                of: Of::Payload,
                signature,
                verifier: verifier(&public_key.0)?,
            })
        }
        _ => Err(format!(
            "expected an entry of a kind that is read here, found {} {}",
            Escaped(&kind.kind),
            Escaped(&kind.version)
        )),
    }
}

fn one<T>(signatures: Vec<T>) -> Result<T, String> {
    let found = signatures.len();
    let Ok([one]) = <[T; 1]>::try_from(signatures) else {
        return Err(format!("log entry: expected one signature, found {found}"));
    };
    Ok(one)
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

fn sha256(digest: Digest) -> Result<String, String> {
    if digest.algorithm != "sha256" {
        let found: String = digest.algorithm.chars().take(40).collect();
        return Err(format!("log entry: expected a digest by sha256, found one by {}", Escaped(&found)));
    }
    Ok(digest.value)
}

/// A certificate or key as it stands in an entry, in PEM.
fn verifier(pem: &[u8]) -> Result<Verifier, String> {
    let text = std::str::from_utf8(pem).map_err(|_| "log entry: expected a certificate or a key in PEM")?;
    let blocks = pem::blocks(text, 1).map_err(|why| format!("log entry: certificate or key: {why}"))?;
    match blocks.into_iter().next() {
        Some(block) if block.label == "CERTIFICATE" => Ok(Verifier::Certificate(block.der)),
        Some(block) if block.label == "PUBLIC KEY" => Ok(Verifier::Key(block.der)),
        _ => Err("log entry: expected a certificate or a key, found something else in PEM".to_owned()),
    }
}
