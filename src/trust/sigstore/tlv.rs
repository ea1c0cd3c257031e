//! DER (X.690) in pieces, for what no structure of a crate covers: time stamps, and certificates without one extension.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The value of one element that is all of `bytes` and has this tag.
pub(super) fn value(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    if bytes.first() != Some(&tag) {
        return None;
    }
    Some(AnyRef::from_der(bytes).ok()?.value())
}

/// The elements inside a constructed one with this tag, each whole.
pub(super) fn parts(bytes: &[u8], tag: u8) -> Option<Vec<&[u8]>> {
    let mut reader = SliceReader::new(value(bytes, tag)?).ok()?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(reader.tlv_bytes().ok()?);
    }
    Some(parts)
}

/// An object identifier.
pub(super) fn oid(bytes: &[u8]) -> Option<ObjectIdentifier> {
    ObjectIdentifier::from_der(bytes).ok()
}

/// The value of a small INTEGER that is not negative.
pub(super) fn small(bytes: &[u8]) -> Option<u8> {
    u8::from_der(bytes).ok()
}

/// One element with this tag around `value`.
pub(super) fn element(tag: u8, value: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(value.len()).ok()?.to_be_bytes();
    let mut bytes = vec![tag];
    if value.len() < 0x80 {
        bytes.extend(length.last());
    } else {
        let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
        bytes.push(0x80_u8 | u8::try_from(significant.len()).ok()?);
        bytes.extend(significant);
    }
    bytes.extend_from_slice(value);
    Some(bytes)
}

/// The extensions of a certificate in DER: of each the identifier and the value. `None` when it is none.
pub(super) fn extensions(certificate: &[u8]) -> Option<Vec<(ObjectIdentifier, &[u8])>> {
    let fields = parts(parts(certificate, SEQUENCE)?.first()?, SEQUENCE)?;
    let Some(list) = fields.into_iter().find(|field| field.first() == Some(&EXTENSIONS)) else {
        return Some(Vec::new());
    };
    parts(value(list, EXTENSIONS)?, SEQUENCE)?
        .into_iter()
        .map(|extension| {
            let parts = parts(extension, SEQUENCE)?;
            Some((oid(parts.first()?)?, value(parts.last()?, OCTET_STRING)?))
        })
        .collect()
}

/// The tag of the extensions in a certificate.
const EXTENSIONS: u8 = 0xa3;

/// The part of a certificate that is signed, as it was before the extension `without` came in (RFC 6962, section 3.2).
pub(super) fn tbs_without(certificate: &[u8], without: ObjectIdentifier) -> Option<Vec<u8>> {
    let mut tbs = Vec::new();
    for field in parts(parts(certificate, SEQUENCE)?.first()?, SEQUENCE)? {
        if field.first() != Some(&EXTENSIONS) {
            tbs.extend_from_slice(field);
            continue;
        }
        let mut kept = Vec::new();
        for extension in parts(value(field, EXTENSIONS)?, SEQUENCE)? {
            if oid(parts(extension, SEQUENCE)?.first()?)? != without {
                kept.extend_from_slice(extension);
            }
        }
        tbs.extend(element(EXTENSIONS, &element(SEQUENCE, &kept)?)?);
    }
    element(SEQUENCE, &tbs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_written_as_it_is_read() {
        for length in [0_usize, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let content = vec![7; length];
            let bytes = element(OCTET_STRING, &content).unwrap();
            assert_eq!(value(&bytes, OCTET_STRING), Some(&content[..]), "{length}");
            assert_eq!(value(&[&bytes[..], &[0]].concat(), OCTET_STRING), None, "{length}");
        }
    }
}
