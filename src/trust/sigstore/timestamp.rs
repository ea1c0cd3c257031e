//! Time stamps (RFC 3161): that a stamper of the trusted root saw the signature, and when.
//!
//! A stamp is a CMS structure (RFC 5652) with one signer, whose certificate must be the one that the trusted root gives for the
//! stamper. Certificates inside the stamp are not used.

use super::authority::{Authority, TIME_STAMPING};
use super::tlv::{self, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE, SET};
use crate::digest::hex;
use crate::time::Time;
use crate::trust::message::{Hash, Hasher};
use crate::trust::x509::certificate::Certificate;
use crate::trust::x509::key::Algorithm;
use der::Decode;
use der::asn1::{AnyRef, ObjectIdentifier};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// `[0]`, with elements inside and without.
const ZERO: u8 = 0xa0;
const ZERO_PLAIN: u8 = 0x80;
const ONE: u8 = 0xa1;

/// What a stamp is made of.
struct Stamp<'s> {
    /// The TSTInfo, in DER.
    info: &'s [u8],
    signer: Signer<'s>,
}

struct Signer<'s> {
    id: &'s [u8],
    hash: Hash,
    attributes: &'s [u8],
    algorithm: Algorithm,
    signature: &'s [u8],
}

/// The time at which one of `stampers` saw `signature`, by a `TimeStampResp` in DER.
pub(super) fn verify(response: &[u8], signature: &[u8], stampers: &[Authority]) -> Result<Time, String> {
    let damaged = || {
        "time stamp: expected one TimeStampResp in DER (RFC 3161) that grants a stamp with one signer"
            .to_owned()
    };
    let stamp = stamp(response).ok_or_else(damaged)?;
    let time = info(stamp.info, signature)?;
    let named = |certificate: &Certificate| stamp.signer.is_by(certificate);
    let mut said =
        "time stamp: expected one by a timestampAuthority of the trusted root, found one by another signer"
            .to_owned();
    for stamper in stampers {
        let Some(certificate) = stamper.certificates().first().filter(|one| named(one)) else { continue };
        let held = stamp.signed_by(certificate).and_then(|()| dedicated(certificate)).and_then(|()| {
            stamper.issued("the stamper's certificate", certificate, TIME_STAMPING, time).map(|_| ())
        });
        match held {
            Ok(()) => return Ok(time),
            Err(why) => said = format!("time stamp: {why}"),
        }
    }
    Err(said)
}

/// A stamper's certificate is for that alone (RFC 3161, section 2.3).
fn dedicated(certificate: &Certificate) -> Result<(), String> {
    match certificate.extended_key_usage() {
        Some([one]) if one.as_bytes() == TIME_STAMPING => Ok(()),
        _ => Err(format!("{certificate}: expected extendedKeyUsage timeStamping and no other")),
    }
}

fn stamp(response: &[u8]) -> Option<Stamp<'_>> {
    let response = tlv::parts(response, SEQUENCE)?;
    let [status, token] = &response[..] else { return None };
    // granted, or granted with modifications.
    if tlv::small(tlv::parts(status, SEQUENCE)?.first()?)? > 1 {
        return None;
    }
    let content = tlv::parts(token, SEQUENCE)?;
    let [kind, data] = &content[..] else { return None };
    if tlv::oid(kind)? != SIGNED_DATA {
        return None;
    }
    let data = tlv::parts(tlv::value(data, ZERO)?, SEQUENCE)?;
    let [version, _, encapsulated, optional @ .., signers] = &data[..] else { return None };
    tlv::value(version, INTEGER)?;
    if !optional.iter().all(|part| matches!(part.first(), Some(&(ZERO | ONE)))) {
        return None;
    }
    let encapsulated = tlv::parts(encapsulated, SEQUENCE)?;
    let [kind, info] = &encapsulated[..] else { return None };
    if tlv::oid(kind)? != TST_INFO {
        return None;
    }
    let info = tlv::value(tlv::value(info, ZERO)?, OCTET_STRING)?;
    let signers = tlv::parts(signers, SET)?;
    let [signer] = &signers[..] else { return None };
    Some(Stamp { info, signer: Signer::read(signer)? })
}

impl<'s> Signer<'s> {
    fn read(bytes: &'s [u8]) -> Option<Self> {
        let parts = tlv::parts(bytes, SEQUENCE)?;
        let [version, id, hash, attributes, algorithm, signature, unsigned @ ..] = &parts[..] else {
            return None;
        };
        tlv::value(version, INTEGER)?;
        if !matches!(unsigned, [] | [[ONE, ..]]) {
            return None;
        }
        let hash = named_hash(hash)?;
        let algorithm = named_algorithm(algorithm, hash)?;
        let signature = tlv::value(signature, OCTET_STRING)?;
        tlv::value(attributes, ZERO)?;
        Some(Self { id, hash, attributes, algorithm, signature })
    }

    /// Whether it names this certificate: by issuer and serial number, or by key identifier.
    fn is_by(&self, certificate: &Certificate) -> bool {
        if let Some(identifier) = tlv::value(self.id, ZERO_PLAIN) {
            return certificate.key_identifier() == Some(identifier);
        }
        match tlv::parts(self.id, SEQUENCE).as_deref() {
            Some([issuer, serial]) => {
                *issuer == certificate.issuer_der()
                    && tlv::value(serial, INTEGER) == Some(certificate.serial())
            }
            _ => false,
        }
    }

    /// The one value of an attribute that must be there once.
    fn attribute(&self, kind: ObjectIdentifier) -> Option<&'s [u8]> {
        let mut found = None;
        for attribute in tlv::parts(self.attributes, ZERO)? {
            let parts = tlv::parts(attribute, SEQUENCE)?;
            let [own, values] = &parts[..] else { return None };
            if tlv::oid(own)? != kind {
                continue;
            }
            let values = tlv::parts(values, SET)?;
            let [value] = &values[..] else { return None };
            if found.replace(*value).is_some() {
                return None;
            }
        }
        found
    }
}

impl Stamp<'_> {
    /// Checks the signature, and that what is signed is this stamp and names this certificate.
    fn signed_by(&self, certificate: &Certificate) -> Result<(), String> {
        let signer = &self.signer;
        let content = signer.attribute(CONTENT_TYPE).and_then(tlv::oid);
        if content != Some(TST_INFO) {
            return Err("expected the signed attribute contentType with id-ct-TSTInfo, found none".to_owned());
        }
        let digest = signer.attribute(MESSAGE_DIGEST).and_then(|value| tlv::value(value, OCTET_STRING));
        let expected = digest_of(signer.hash, self.info);
        if digest != Some(&expected) {
            return Err(format!(
                "expected the signed attribute messageDigest {}, found {}",
                hex(&expected),
                digest.map_or_else(|| "none".to_owned(), hex)
            ));
        }
        if signer.attribute(SIGNING_CERTIFICATE).and_then(|value| names(value, certificate)) != Some(true) {
            return Err(format!(
                "expected the signed attribute signingCertificateV2 (RFC 5816) with {certificate}, found none or another"
            ));
        }
        // What is signed has the tag of a SET in place of its own (RFC 5652, section 5.4).
        let mut signed = signer.attributes.to_vec();
        if let Some(tag) = signed.first_mut() {
            *tag = SET;
        }
        if !certificate.key().verify(signer.algorithm, &signed, signer.signature) {
            return Err(format!("expected a signature by {certificate} over this stamp, found another"));
        }
        Ok(())
    }
}

/// Whether the first certificate that a `SigningCertificateV2` names is this one.
fn names(value: &[u8], certificate: &Certificate) -> Option<bool> {
    let lists = tlv::parts(value, SEQUENCE)?;
    let first = *tlv::parts(lists.first()?, SEQUENCE)?.first()?;
    let parts = tlv::parts(first, SEQUENCE)?;
    let (hash, digest) = match &parts[..] {
        [digest, ..] if digest.first() == Some(&OCTET_STRING) => (Hash::Sha256, digest),
        [hash, digest, ..] => (named_hash(hash)?, digest),
        _ => return None,
    };
    Some(tlv::value(digest, OCTET_STRING)? == digest_of(hash, certificate.der()))
}

fn digest_of(hash: Hash, bytes: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(hash);
    hasher.update(bytes);
    hasher.finish()
}

/// The hash function that an AlgorithmIdentifier names, without parameters or with NULL.
fn named_hash(bytes: &[u8]) -> Option<Hash> {
    const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
    const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
    const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
    let parts = tlv::parts(bytes, SEQUENCE)?;
    let (oid, rest) = parts.split_first()?;
    if !matches!(rest, [] | [[0x05, 0x00]]) {
        return None;
    }
    match tlv::oid(oid)? {
        SHA256 => Some(Hash::Sha256),
        SHA384 => Some(Hash::Sha384),
        SHA512 => Some(Hash::Sha512),
        _ => None,
    }
}

/// The signature algorithm that an AlgorithmIdentifier names, if it is by `hash` or names none.
fn named_algorithm(bytes: &[u8], hash: Hash) -> Option<Algorithm> {
    let parts = tlv::parts(bytes, SEQUENCE)?;
    let (oid, parameters) = match &parts[..] {
        [oid] => (oid, None),
        [oid, parameters] => (oid, Some(AnyRef::from_der(parameters).ok()?)),
        _ => return None,
    };
    let algorithm = Algorithm::named(tlv::oid(oid)?, parameters, Some(hash)).ok()?;
    algorithm.hash().is_none_or(|signed| signed == hash).then_some(algorithm)
}

/// Reads a `TSTInfo`: the time, once it is known to be of `signature`.
fn info(bytes: &[u8], signature: &[u8]) -> Result<Time, String> {
    let damaged = || "time stamp: expected a TSTInfo of version 1 (RFC 3161, section 2.4.2)".to_owned();
    let parts = tlv::parts(bytes, SEQUENCE).ok_or_else(damaged)?;
    let [version, policy, imprint, serial, time, rest @ ..] = &parts[..] else { return Err(damaged()) };
    let tags = (policy.first(), serial.first());
    if tlv::small(version) != Some(1) || tags != (Some(&OID), Some(&INTEGER)) {
        return Err(damaged());
    }
    if rest.iter().any(|part| part.first() == Some(&ONE)) {
        return Err("time stamp: it has extensions, which are not read here; expected none".to_owned());
    }
    let imprint = tlv::parts(imprint, SEQUENCE).ok_or_else(damaged)?;
    let [hash, digest] = &imprint[..] else { return Err(damaged()) };
    let hash = named_hash(hash)
        .ok_or("time stamp: expected SHA-256, SHA-384 or SHA-512 as hash of the imprint, found another")?;
    let digest = tlv::value(digest, OCTET_STRING).ok_or_else(damaged)?;
    let expected = digest_of(hash, signature);
    if digest != expected {
        return Err(format!(
            "time stamp: it is of another signature: expected the imprint {}, found {}",
            hex(&expected),
            hex(digest)
        ));
    }
    tlv::value(time, GENERALIZED_TIME).and_then(generalized).ok_or_else(damaged)
}

/// A GeneralizedTime of RFC 3161: in UTC, with seconds, and perhaps a fraction without trailing zeroes.
fn generalized(bytes: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    if whole.len() != 14 || fraction.is_some_and(|digits| digits.is_empty() || digits.ends_with('0')) {
        return None;
    }
    let part = |from, to| whole.get(from..to);
    let (date, time) =
        ((part(0, 4)?, part(4, 6)?, part(6, 8)?), (part(8, 10)?, part(10, 12)?, part(12, 14)?));
    let fraction = fraction.map_or_else(String::new, |digits| format!(".{digits}"));
    format!("{}-{}-{}T{}:{}:{}{fraction}Z", date.0, date.1, date.2, time.0, time.1, time.2).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_spelling() {
        for (text, expected) in [
            ("20250601120000Z", Some("2025-06-01T12:00:00Z")),
            ("20250601120000.25Z", Some("2025-06-01T12:00:00.25Z")),
            ("20250601120000.250Z", None),
            ("20250601120000.Z", None),
            ("20250601120000", None),
            ("202506011200Z", None),
            ("20250601120000+0100", None),
            ("20251301120000Z", None),
            ("2025060112000xZ", None),
        ] {
            let found = generalized(text.as_bytes()).map(|time| time.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
