//! What a signer's certificate says of whom it was issued to, and on whose word.

use super::tlv;
use crate::trust::x509::certificate::Certificate;
use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::GeneralName;

/// Who told the authority of the identity: the bare text, and its later form in DER (github.com/sigstore/fulcio, docs/oid-info.md).
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
const ISSUER_DER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");

/// An identity, by the word of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) identity: String,
    pub(super) issuer: String,
}

impl Claims {
    pub(super) fn of(leaf: &Certificate) -> Result<Self, &'static str> {
        let identity = match leaf.alternative_names() {
            [GeneralName::Rfc822Name(text)] => text.as_str(),
            [GeneralName::UniformResourceIdentifier(text)] => text.as_str(),
            [_] => {
                return Err(
                    "a mail address or a URI as subjectAltName, found a name of another kind, which is not read here",
                );
            }
            _ => return Err("one subjectAltName, found none or several"),
        };
        Ok(Self { identity: identity.to_owned(), issuer: issuer(leaf)? })
    }
}

fn issuer(leaf: &Certificate) -> Result<String, &'static str> {
    let extensions = tlv::extensions(leaf.der()).ok_or("extensions in DER, found damaged ones")?;
    let one = |kind: ObjectIdentifier| {
        let mut found = extensions.iter().filter(|(oid, _)| *oid == kind).map(|(_, value)| *value);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err("each extension for the issuer once, found one twice"),
            (first, None) => Ok(first),
        }
    };
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec())
            .map_err(|_| "UTF-8 in the extension for the issuer, found other bytes")
    };
    let bare = one(ISSUER)?.map(text).transpose()?;
    let later = one(ISSUER_DER)?
        .map(|value| {
            tlv::value(value, tlv::UTF8_STRING)
                .ok_or("a UTF8String in the extension 1.3.6.1.4.1.57264.1.8, found another value")
                .and_then(text)
        })
        .transpose()?;
    match (bare, later) {
        (Some(bare), Some(later)) if bare != later => {
            Err("one issuer in both extensions for it (1.3.6.1.4.1.57264.1.1 and .8), found two")
        }
        (_, Some(issuer)) | (Some(issuer), None) => Ok(issuer),
        (None, None) => {
            Err("an extension for the issuer (1.3.6.1.4.1.57264.1.8 or 1.3.6.1.4.1.57264.1.1), found none")
        }
    }
}
