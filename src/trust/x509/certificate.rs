//! One X.509 certificate (RFC 5280), in the bytes that arrived and by what they say.

use super::key::{KeyRefusal, PublicKey};
use crate::escape::Escaped;
use crate::time::Time;
use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use der::{Decode, Reader, SliceReader, Tag};
use std::fmt;
use x509_cert::certificate::Version;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName, SubjectKeyIdentifier,
};

/// Object identifier of emailAddress in a subject (PKCS #9).
const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

/// Why bytes are not a certificate that can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// No certificate, or not in DER.
    #[error(
        "expected one X.509 certificate in DER, found something else, damaged, or with bytes behind it ({why})"
    )]
    Form {
        /// What the reader says.
        why: String,
    },
    /// An extension that stands there twice, or that does not hold what it should.
    #[error("certificate \"{}\": its extension {oid} stands there twice or is damaged", Escaped(.subject))]
    Extension {
        /// Whose certificate.
        subject: String,
        /// Which extension.
        oid: String,
    },
    /// A key that does not count.
    #[error("certificate \"{}\": {why}", Escaped(.subject))]
    Key {
        /// Whose certificate.
        subject: String,
        /// Why not.
        why: KeyRefusal,
    },
}

/// A certificate. Reading it says nothing about whether it counts.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    spki: Vec<u8>,
    key: PublicKey,
    not_before: Time,
    not_after: Time,
    key_usage: Option<KeyUsage>,
    extended: Option<ExtendedKeyUsage>,
    constraints: Option<BasicConstraints>,
    name_constraints: Option<NameConstraints>,
    alternative: Option<SubjectAltName>,
    key_identifier: Option<SubjectKeyIdentifier>,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Certificate {
    /// Reads one certificate in DER.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, CertificateRefusal> {
        let form = |error: der::Error| CertificateRefusal::Form { why: error.to_string() };
        let parsed = x509_cert::Certificate::from_der(der).map_err(form)?;
        let fields = fields(der).map_err(form)?;
        let tbs = parsed.tbs_certificate();
        let subject = tbs.subject().to_string();
        let key = PublicKey::from_spki(fields.spki)
            .map_err(|why| CertificateRefusal::Key { subject: subject.clone(), why })?;
        let time = |time: x509_cert::time::Time| {
            let text = time.to_string();
            text.parse::<Time>().map_err(|error| CertificateRefusal::Form { why: error.to_string() })
        };
        Ok(Self {
            der: der.to_vec(),
            issuer: fields.issuer.to_vec(),
            subject: fields.subject.to_vec(),
            spki: fields.spki.to_vec(),
            key,
            not_before: time(tbs.validity().not_before)?,
            not_after: time(tbs.validity().not_after)?,
            key_usage: extension(&parsed)?,
            extended: extension(&parsed)?,
            constraints: extension(&parsed)?,
            name_constraints: extension(&parsed)?,
            alternative: extension(&parsed)?,
            key_identifier: extension(&parsed)?,
            parsed,
        })
    }

    /// The bytes that arrived.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The public key.
    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The SubjectPublicKeyInfo as it arrived.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The issuer's name as it arrived, in DER.
    pub(crate) fn issuer_der(&self) -> &[u8] {
        &self.issuer
    }

    /// The subject's name as it arrived, in DER.
    pub(crate) fn subject_der(&self) -> &[u8] {
        &self.subject
    }

    /// The subject in the form of RFC 4514: the most specific part first.
    pub(crate) fn subject(&self) -> String {
        self.parsed.tbs_certificate().subject().to_string()
    }

    /// The serial number, as the bytes of a DER INTEGER.
    pub(crate) fn serial(&self) -> &[u8] {
        self.parsed.tbs_certificate().serial_number().as_bytes()
    }

    /// Its version: 1, 2 or 3.
    pub(crate) fn version(&self) -> u8 {
        match self.parsed.tbs_certificate().version() {
            Version::V1 => 1,
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }

    /// Whether `at` is within its validity, both ends included, in whole seconds.
    pub(crate) fn valid_at(&self, at: Time) -> Result<(), String> {
        let at = at.whole_seconds();
        if at < self.not_before {
            return Err(format!(
                "{self} is not yet valid: expected {} or later, found {at}",
                self.not_before
            ));
        }
        if at > self.not_after {
            return Err(format!("{self} has expired: expected {} at the latest, found {at}", self.not_after));
        }
        Ok(())
    }

    pub(crate) fn key_usage(&self) -> Option<&KeyUsage> {
        self.key_usage.as_ref()
    }

    pub(crate) fn extended_key_usage(&self) -> Option<&[ObjectIdentifier]> {
        self.extended.as_ref().map(|extended| &*extended.0)
    }

    pub(crate) fn is_ca(&self) -> bool {
        self.constraints.as_ref().is_some_and(|constraints| constraints.ca)
    }

    /// How many certificates of authorities may stand between this one and the signer's (RFC 5280, section 4.2.1.9).
    pub(crate) fn path_length(&self) -> Option<usize> {
        self.constraints.as_ref().and_then(|constraints| constraints.path_len_constraint).map(usize::from)
    }

    pub(crate) fn name_constraints(&self) -> Option<&NameConstraints> {
        self.name_constraints.as_ref()
    }

    pub(crate) fn alternative_names(&self) -> &[GeneralName] {
        self.alternative.as_ref().map_or(&[], |names| &names.0)
    }

    pub(crate) fn key_identifier(&self) -> Option<&[u8]> {
        self.key_identifier.as_ref().map(|identifier| identifier.0.as_bytes())
    }

    /// Whether the subject holds an address for mail, which constraints on such addresses bind as well (RFC 5280, section
    /// 4.2.1.10).
    pub(crate) fn has_address_in_subject(&self) -> bool {
        self.parsed.tbs_certificate().subject().iter().any(|attribute| attribute.oid == EMAIL_ADDRESS)
    }

    /// Object identifiers of its critical extensions.
    pub(crate) fn critical(&self) -> impl Iterator<Item = ObjectIdentifier> {
        let extensions = self.parsed.tbs_certificate().extensions().into_iter().flatten();
        extensions.filter(|extension| extension.critical).map(|extension| extension.extn_id)
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate \"{}\"", Escaped(&self.subject()))
    }
}

/// Parts of a certificate as they arrived.
struct Fields<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
}

fn fields(der: &[u8]) -> der::Result<Fields<'_>> {
    let mut outer = SliceReader::new(der)?;
    let mut tbs = SliceReader::new(outer.sequence(|certificate| {
        let tbs = certificate.tlv_bytes()?;
        certificate.tlv_bytes()?;
        certificate.tlv_bytes()?;
        Ok::<_, der::Error>(tbs)
    })?)?;
    tbs.sequence(|tbs| {
        if !matches!(Tag::peek(tbs)?, Tag::Integer) {
            tbs.tlv_bytes()?;
        }
        tbs.tlv_bytes()?;
        tbs.tlv_bytes()?;
        let issuer = tbs.tlv_bytes()?;
        tbs.tlv_bytes()?;
        let fields = Fields { issuer, subject: tbs.tlv_bytes()?, spki: tbs.tlv_bytes()? };
        while !tbs.is_finished() {
            tbs.tlv_bytes()?;
        }
        Ok(fields)
    })
}

/// One extension, where it is there: once, and whole.
fn extension<T>(certificate: &x509_cert::Certificate) -> Result<Option<T>, CertificateRefusal>
where
    T: AssociatedOid + for<'a> Decode<'a>,
{
    let tbs = certificate.tbs_certificate();
    let refusal =
        || CertificateRefusal::Extension { subject: tbs.subject().to_string(), oid: T::OID.to_string() };
    let mut found = tbs.extensions().into_iter().flatten().filter(|extension| extension.extn_id == T::OID);
    let Some(first) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(refusal());
    }
    T::from_der(first.extn_value.as_bytes()).map(Some).map_err(|_| refusal())
}
