//! Certificate revocation lists (RFC 5280, section 5), from files: nothing is fetched.
//!
//! What a list says of a certificate counts however old the list is: a revocation does not lapse. Only for saying that a
//! certificate is *not* revoked must a list be current, and cover it.

use super::certificate::Certificate;
use super::key::Algorithm;
use super::pem;
use crate::limits;
use crate::time::Time;
use der::asn1::{GeneralizedTime, ObjectIdentifier};
use der::oid::AssociatedOid;
use der::{Decode, Encode, Reader, SliceReader};
use std::fmt;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::{CrlReason, IssuingDistributionPoint};

const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const DELTA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");

/// Why bytes are not a revocation list that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlRefusal {
    /// No list in PEM or DER.
    #[error(
        "expected one CRL of version 2 in PEM (-----BEGIN X509 CRL-----) or DER, found something else or bytes behind it ({why}); \
         OpenSSL makes version 2 with `crl_extensions` in its configuration"
    )]
    Form {
        /// What the reader says.
        why: String,
    },
    /// Longer than is read.
    #[error("expected a CRL of at most {} bytes, found {found}", limits::REVOCATION_LIST_BYTES)]
    Long {
        /// Its length.
        found: usize,
    },
    /// It never ends.
    #[error("CRL by \"{issuer}\": expected the time of its next update, found none")]
    Endless {
        /// Who made it.
        issuer: String,
    },
    /// It says what no reader here understands: that it is a part of a list, or speaks for other authorities.
    #[error("CRL by \"{issuer}\": {what} can't be judged; expected a complete CRL by the authority itself")]
    Kind {
        /// Who made it.
        issuer: String,
        /// What it is.
        what: String,
    },
}

/// Which certificates of its issuer a list speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// All of them.
    All,
    /// Those that are not of authorities.
    Users,
    /// Those of authorities.
    Authorities,
    /// Some: it proves revocation, and never that there is none.
    Part,
}

/// What a list says of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Revoked {
    /// From when on it is not to be trusted: the revocation, or the earlier time that its issuer gives.
    pub(crate) since: Time,
    /// Why, if it says.
    pub(crate) reason: Option<CrlReason>,
}

impl Revoked {
    /// Whether it speaks against the certificate at `at`. Who stole a key can sign under any date, so a compromise reaches back
    /// to everything.
    pub(crate) fn counts_at(&self, at: Time) -> bool {
        self.reaches_back() || at >= self.since
    }

    fn reaches_back(&self) -> bool {
        use CrlReason::{AaCompromise, CaCompromise, KeyCompromise};
        matches!(self.reason, Some(KeyCompromise | CaCompromise | AaCompromise))
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revoked as of {}", self.since)?;
        match self.reason {
            Some(reason) if self.reaches_back() => {
                write!(f, " ({reason:?}, which reaches back to everything)")
            }
            Some(reason) => write!(f, " ({reason:?})"),
            None => Ok(()),
        }
    }
}

/// A list, whose signature is checked once its issuer's certificate is known.
#[derive(Debug, Clone)]
pub(crate) struct Crl {
    tbs: Vec<u8>,
    issuer: Vec<u8>,
    parsed: CertificateList,
    scope: Scope,
    this_update: Time,
    next_update: Time,
}

impl Crl {
    /// Reads one list, in PEM or DER.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, CrlRefusal> {
        if bytes.len() > limits::REVOCATION_LIST_BYTES {
            return Err(CrlRefusal::Long { found: bytes.len() });
        }
        let form = |why: String| CrlRefusal::Form { why };
        let decoded;
        let der = match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN") => {
                let block = pem::blocks(text, 1).map_err(|why| form(why.to_string()))?;
                decoded = block.into_iter().find(|block| block.label == "X509 CRL").map(|block| block.der);
                decoded.as_deref().ok_or_else(|| form("PEM of something else".to_owned()))?
            }
            _ => bytes,
        };
        Self::from_der(der)
    }

    fn from_der(der: &[u8]) -> Result<Self, CrlRefusal> {
        let form = |why: der::Error| CrlRefusal::Form { why: why.to_string() };
        let parsed = CertificateList::from_der(der).map_err(form)?;
        let tbs = SliceReader::new(der)
            .and_then(|mut reader| {
                reader.sequence(|list| {
                    let tbs = list.tlv_bytes()?;
                    list.tlv_bytes()?;
                    list.tlv_bytes()?;
                    Ok::<_, der::Error>(tbs)
                })
            })
            .map_err(form)?;
        let list = &parsed.tbs_cert_list;
        let issuer = list.issuer.to_string();
        let time = |time: x509_cert::time::Time| {
            time.to_string().parse::<Time>().map_err(|error| CrlRefusal::Form { why: error.to_string() })
        };
        let next = list.next_update.ok_or_else(|| CrlRefusal::Endless { issuer: issuer.clone() })?;
        let kind = |what: String| CrlRefusal::Kind { issuer: issuer.clone(), what };
        let scope = scope(list.crl_extensions.as_ref()).map_err(kind)?;
        for revoked in list.revoked_certificates.iter().flatten() {
            for extension in revoked.crl_entry_extensions.iter().flatten() {
                if extension.critical && ![CrlReason::OID, INVALIDITY_DATE].contains(&extension.extn_id) {
                    return Err(kind(format!("an entry with the critical extension {}", extension.extn_id)));
                }
            }
            read_entry(revoked).map_err(kind)?;
        }
        Ok(Self {
            tbs: tbs.to_vec(),
            issuer: list.issuer.to_der().map_err(form)?,
            scope,
            this_update: time(list.this_update)?,
            next_update: time(next)?,
            parsed,
        })
    }

    /// Whether `issuer` made it: its name, its key, and leave to sign lists where it says what it may do.
    pub(crate) fn is_by(&self, issuer: &Certificate) -> bool {
        let may = issuer.key_usage().is_none_or(x509_cert::ext::pkix::KeyUsage::crl_sign);
        let inner = &self.parsed.tbs_cert_list.signature;
        let outer = &self.parsed.signature_algorithm;
        let parameters = outer.parameters.as_ref().map(Into::into);
        let algorithm = Algorithm::named(outer.oid, parameters, None);
        let (Ok(algorithm), Some(signature)) = (algorithm, self.parsed.signature.as_bytes()) else {
            return false;
        };
        may && inner == outer
            && self.issuer == issuer.subject_der()
            && issuer.key().verify(algorithm, &self.tbs, signature)
    }

    /// What it says of a certificate of its issuer.
    pub(crate) fn revoked(&self, certificate: &Certificate) -> Option<Revoked> {
        let entries = self.parsed.tbs_cert_list.revoked_certificates.iter().flatten();
        let own = entries.filter(|entry| entry.serial_number.as_bytes() == certificate.serial());
        // Listed twice, the worse entry counts.
        let read = own.filter_map(|entry| read_entry(entry).ok());
        read.min_by_key(|revoked| (!revoked.reaches_back(), revoked.since))
    }

    /// Whether its silence about a certificate says that this is not revoked at `at`.
    ///
    /// # Errors
    /// With what is missing.
    pub(crate) fn covers(&self, certificate: &Certificate, at: Time) -> Result<(), String> {
        let at = at.whole_seconds();
        let is_of_kind = match self.scope {
            Scope::All => true,
            Scope::Users => !certificate.is_ca(),
            Scope::Authorities => certificate.is_ca(),
            Scope::Part => false,
        };
        if !is_of_kind {
            Err("it does not cover this kind of certificate, or only a part of them".to_owned())
        } else if at < self.this_update {
            Err(format!("it was made later, at {}", self.this_update))
        } else if at > self.next_update {
            Err(format!("it has expired: expected its successor by {}", self.next_update))
        } else {
            Ok(())
        }
    }
}

fn read_entry(entry: &RevokedCert) -> Result<Revoked, String> {
    let damaged = |_| "an entry with a damaged extension or time".to_owned();
    let time = |text: String| text.parse::<Time>().map_err(|_| "an entry with a damaged time".to_owned());
    let mut revoked = Revoked { since: time(entry.revocation_date.to_string())?, reason: None };
    for extension in entry.crl_entry_extensions.iter().flatten() {
        let value = extension.extn_value.as_bytes();
        if extension.extn_id == CrlReason::OID {
            revoked.reason = Some(CrlReason::from_der(value).map_err(damaged)?);
        } else if extension.extn_id == INVALIDITY_DATE {
            let invalid = GeneralizedTime::from_der(value).map_err(damaged)?;
            revoked.since = revoked.since.min(time(invalid.to_date_time().to_string())?);
        }
    }
    Ok(revoked)
}

fn scope(extensions: Option<&Extensions>) -> Result<Scope, String> {
    let mut scope = Scope::All;
    for extension in extensions.into_iter().flatten() {
        match extension.extn_id {
            DELTA => return Err("a delta list".to_owned()),
            IssuingDistributionPoint::OID => {
                let point = IssuingDistributionPoint::from_der(extension.extn_value.as_bytes())
                    .map_err(|_| "a list with a damaged issuingDistributionPoint".to_owned())?;
                if point.indirect_crl {
                    return Err("an indirect list".to_owned());
                }
                let (users, authorities) = (point.only_contains_user_certs, point.only_contains_ca_certs);
                let is_part = point.distribution_point.is_some()
                    || point.only_some_reasons.is_some()
                    || point.only_contains_attribute_certs;
                scope = match (is_part, users, authorities) {
                    (false, false, false) => Scope::All,
                    (false, true, false) => Scope::Users,
                    (false, false, true) => Scope::Authorities,
                    _ => Scope::Part,
                };
            }
            AUTHORITY_KEY_IDENTIFIER | CRL_NUMBER => {}
            other if extension.critical => return Err(format!("a list with the critical extension {other}")),
            _ => {}
        }
    }
    Ok(scope)
}
