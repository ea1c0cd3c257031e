//! The promise of a certificate log that stands in a signer's certificate (RFC 6962, section 3): without it, an authority could
//! issue a certificate that nobody else ever sees.

use super::root::Log;
use super::tlv;
use crate::digest::hex;
use crate::time::Time;
use crate::trust::x509::certificate::Certificate;
use der::asn1::ObjectIdentifier;
use sha2::{Digest as _, Sha256};

/// The extension that holds a list of signed certificate timestamps.
const EXTENSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// A `SignedCertificateTimestamp`.
struct Promise<'c> {
    log: &'c [u8],
    milliseconds: u64,
    extensions: &'c [u8],
    algorithm: [u8; 2],
    signature: &'c [u8],
}

/// SHA-256 with RSA or ECDSA, as TLS numbers them.
const SHA256_RSA: [u8; 2] = [4, 1];
const SHA256_ECDSA: [u8; 2] = [4, 3];

/// Checks that `leaf` holds exactly one promise, by a log of the trusted root, over this certificate by this issuer.
pub(super) fn verify(
    whose: &str,
    leaf: &Certificate,
    issuer_spki: &[u8],
    logs: &[Log],
) -> Result<(), String> {
    let promise = promise(leaf).ok_or_else(|| {
        format!("{whose}: expected exactly one signed certificate timestamp (RFC 6962, version 1), found none, several, or a damaged one")
    })?;
    let log = logs.iter().find(|log| log.id == promise.log).ok_or_else(|| {
        format!(
            "{whose}: expected a signed certificate timestamp by one of the ctlogs of the trusted root, found one by the log {}",
            hex(promise.log)
        )
    })?;
    if ![SHA256_RSA, SHA256_ECDSA].contains(&promise.algorithm) {
        return Err(format!(
            "{whose}: its certificate timestamp is signed by the algorithm {}; expected SHA-256 with ECDSA or RSA",
            hex(&promise.algorithm)
        ));
    }
    let damaged =
        || format!("{whose} can't be taken apart as it was before its certificate timestamp came in");
    let tbs = tlv::tbs_without(leaf.der(), EXTENSION).ok_or_else(damaged)?;
    let length = u32::try_from(tbs.len()).ok().filter(|length| *length < 1 << 24).ok_or_else(damaged)?;
    // Version 1, certificate_timestamp; then precert_entry.
    let mut signed = vec![0, 0];
    signed.extend(promise.milliseconds.to_be_bytes());
    signed.extend([0, 1]);
    signed.extend(Sha256::digest(issuer_spki));
    signed.extend(length.to_be_bytes().into_iter().skip(1));
    signed.extend(tbs);
    signed.extend(u16::try_from(promise.extensions.len()).map_err(|_| damaged())?.to_be_bytes());
    signed.extend_from_slice(promise.extensions);
    let time =
        i64::try_from(promise.milliseconds).ok().and_then(Time::of_milliseconds).ok_or_else(damaged)?;
    log.signed("certificate timestamp", &signed, promise.signature, Some(time))
}

fn promise(leaf: &Certificate) -> Option<Promise<'_>> {
    let mut extensions = tlv::extensions(leaf.der())?.into_iter().filter(|(oid, _)| *oid == EXTENSION);
    let (_, value) = extensions.next()?;
    if extensions.next().is_some() {
        return None;
    }
    let (list, rest) = counted(tlv::value(value, tlv::OCTET_STRING)?)?;
    let (promise, more) = counted(list)?;
    if !rest.is_empty() || !more.is_empty() {
        return None;
    }
    let (version, rest) = promise.split_at_checked(1)?;
    let (log, rest) = rest.split_at_checked(32)?;
    let (milliseconds, rest) = rest.split_first_chunk::<8>()?;
    let (extensions, rest) = counted(rest)?;
    let (algorithm, rest) = rest.split_first_chunk::<2>()?;
    let (signature, rest) = counted(rest)?;
    (version == [0] && rest.is_empty()).then_some(Promise {
        log,
        milliseconds: u64::from_be_bytes(*milliseconds),
        extensions,
        algorithm: *algorithm,
        signature,
    })
}

/// A vector of TLS whose length takes two bytes, and what stands behind it.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
