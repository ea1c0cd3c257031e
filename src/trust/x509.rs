//! Certificates (X.509 as profiled by RFC 5280), and whose signatures count by them.
//!
//! An operator trusts an authority for what one named signer signs, or one certificate itself:
//!
//! - An **anchor** that is an authority's (basicConstraints) ends paths. Since it issues certificates to many, at least one rule says
//!   who is meant: the subject, or a name of its subjectAltName, each to the letter.
//! - A signer's certificate that is **exactly** one of the anchors counts by that alone: the operator has pinned it, whoever issued it
//!   and of whatever version. Its dates, its use and the rules are still asked. This is the only way for certificates that are
//!   signed by themselves.
//!
//! What an anchor's own signature says is not asked: the operator vouches for its bytes. Its dates, its use, its path length and its
//! name constraints are. Anchors are told apart by name and key: another root with the same name signs nothing that counts.
//!
//! Everything is judged at the time of judgement. A revocation for a compromised key or authority reaches back to everything; any other
//! one counts from its date, or the earlier invalidity date that it gives. A certificate that has expired signs nothing, whenever it
//! was used.
//!
//! Constraints on directory names, addresses for mail and URIs are not worked out: a path on which they meet such a name is
//! refused.

pub(crate) mod certificate;
mod crl;
pub(crate) mod key;
mod path;
pub(crate) mod pem;

pub use certificate::CertificateRefusal;
pub use crl::CrlRefusal;
pub use key::KeyRefusal;
pub use pem::PemRefusal;

use crate::digest::hex;
use crate::escape::Escaped;
use crate::limits;
use crate::time::Time;
use certificate::Certificate;
use crl::Crl;
use der::asn1::ObjectIdentifier;
use path::{NoPath, Search};
use sha2::{Digest as _, Sha256};
use x509_cert::ext::pkix::name::GeneralName;

/// Extensions that are understood: keyUsage, subjectAltName, basicConstraints, nameConstraints, cRLDistributionPoints,
/// extKeyUsage.
const KNOWN_EXTENSIONS: [ObjectIdentifier; 6] = [
    ObjectIdentifier::new_unwrap("2.5.29.15"),
    ObjectIdentifier::new_unwrap("2.5.29.17"),
    ObjectIdentifier::new_unwrap("2.5.29.19"),
    ObjectIdentifier::new_unwrap("2.5.29.30"),
    ObjectIdentifier::new_unwrap("2.5.29.31"),
    ObjectIdentifier::new_unwrap("2.5.29.37"),
];

/// What is asked about revocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Revocation {
    /// Certificates that a list of their issuer names are refused; without a list nothing is.
    #[default]
    IfListed,
    /// Besides, each certificate below the anchor needs a list by its issuer that covers it and is current.
    Required,
}

/// Who is meant among those that an authority issued certificates to: all that is given here must be so, to the letter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The whole subject in the form of RFC 4514, as `openssl x509 -noout -subject -nameopt RFC2253` prints it: `CN=Radio
    /// Signing,O=Acme`.
    pub subject: Option<String>,
    /// A DNS name among the alternative names.
    pub dns: Option<String>,
    /// An address for mail among the alternative names.
    pub email: Option<String>,
    /// A URI among the alternative names.
    pub uri: Option<String>,
    /// What is asked about revocation.
    pub revocation: Revocation,
}

impl Rules {
    fn names(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("subject", self.subject.as_deref()),
            ("dns", self.dns.as_deref()),
            ("email", self.email.as_deref()),
            ("uri", self.uri.as_deref()),
        ]
    }

    fn name_somebody(&self) -> bool {
        self.names().iter().any(|(_, name)| name.is_some())
    }

    fn mean(&self, signer: &Certificate) -> bool {
        let names = signer.alternative_names();
        self.subject.as_ref().is_none_or(|subject| signer.subject() == *subject)
            && self.dns.as_ref().is_none_or(|dns| {
                names.iter().any(|name| matches!(name, GeneralName::DnsName(found) if found.as_str() == dns))
            })
            && self.email.as_ref().is_none_or(|email| {
                names.iter().any(|name| matches!(name, GeneralName::Rfc822Name(found) if found.as_str() == email))
            })
            && self.uri.as_ref().is_none_or(|uri| {
                let is = |name: &GeneralName| matches!(name, GeneralName::UniformResourceIdentifier(found) if found.as_str() == uri);
                names.iter().any(is)
            })
    }
}

/// Why files are not a credential that can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// PEM that is none, or holds a private key.
    #[error(transparent)]
    Pem(#[from] PemRefusal),
    /// PEM of something else.
    #[error("line {line}: expected -----BEGIN CERTIFICATE-----, found -----BEGIN {found}-----")]
    Label {
        /// Where, from 1.
        line: usize,
        /// What it says of itself.
        found: String,
    },
    /// A certificate that can't be judged.
    #[error(transparent)]
    Certificate(#[from] CertificateRefusal),
    /// A list that can't be asked.
    #[error(transparent)]
    Crl(#[from] CrlRefusal),
    /// Nothing to end a path in.
    #[error("expected at least one certificate as anchor, found none")]
    NoAnchor,
    /// One anchor twice.
    #[error("certificate \"{}\" is given twice as anchor; expected it once", Escaped(.subject))]
    Twice {
        /// Whose certificate.
        subject: String,
    },
    /// An anchor that asks for what is not understood.
    #[error("anchor \"{}\" has the critical extension {oid}, which is not understood", Escaped(.subject))]
    Critical {
        /// Whose certificate.
        subject: String,
        /// Which extension.
        oid: String,
    },
    /// An authority, and no word about whom is meant.
    #[error(
        "anchor \"{}\" is an authority's, which issues certificates to many; expected a rule that says who is meant (subject, \
         dns, email or uri), found none",
        Escaped(.subject)
    )]
    NoRule {
        /// Whose certificate.
        subject: String,
    },
    /// A rule that no certificate can satisfy.
    #[error("rule {rule} = \"{}\": {expected}", Escaped(.found))]
    Rule {
        /// Which rule.
        rule: &'static str,
        /// What it says.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// More lists than are read.
    #[error("expected at most {} CRLs, found {found}", limits::REVOCATION_LISTS)]
    ManyCrls {
        /// How many there are.
        found: usize,
    },
    /// More certificates than are read.
    #[error("expected at most {} certificates, found {found}", limits::CERTIFICATES)]
    ManyCertificates {
        /// How many there are.
        found: usize,
    },
}

/// A certificate that the operator trusts.
#[derive(Debug, Clone)]
struct Anchor {
    certificate: Certificate,
}

/// Anchors, and whom they are trusted for.
#[derive(Debug, Clone)]
pub struct Credential {
    anchors: Vec<Anchor>,
    intermediates: Vec<Certificate>,
    crls: Vec<Crl>,
    rules: Rules,
}

/// What comes of a signer's certificate.
pub(crate) enum Standing {
    /// It counts.
    Trusted,
    /// It is somebody else's.
    Other,
    /// It is whom the credential means, and does not count.
    Bad(String),
}

impl Credential {
    /// Takes the operator's files: anchors and intermediate certificates, each a file of certificates in PEM or one in DER;
    /// revocation lists, each one in PEM or DER; and the rules.
    ///
    /// # Errors
    /// When a file can't be read or holds more than it should, a key is weak, there is no anchor, or an authority is trusted
    /// without a rule that says for whom.
    pub fn new(
        anchors: &[&[u8]],
        intermediates: &[&[u8]],
        crls: &[&[u8]],
        rules: Rules,
    ) -> Result<Self, CredentialRefusal> {
        let anchors = certificates(anchors)?;
        let intermediates = certificates(intermediates)?;
        if anchors.is_empty() {
            return Err(CredentialRefusal::NoAnchor);
        }
        if crls.len() > limits::REVOCATION_LISTS {
            return Err(CredentialRefusal::ManyCrls { found: crls.len() });
        }
        for (rule, name) in rules.names() {
            let Some(found) = name else { continue };
            if let Some(expected) = never(rule, found) {
                return Err(CredentialRefusal::Rule { rule, found: found.to_owned(), expected });
            }
        }
        for (at, anchor) in anchors.iter().enumerate() {
            let subject = || anchor.subject();
            if anchors.iter().take(at).any(|other| other == anchor) {
                return Err(CredentialRefusal::Twice { subject: subject() });
            }
            if let Some(oid) = anchor.critical().find(|oid| !KNOWN_EXTENSIONS.contains(oid)) {
                return Err(CredentialRefusal::Critical { subject: subject(), oid: oid.to_string() });
            }
            // What is an authority's by its word alone may be a signer's too: `openssl req -x509` makes only such ones.
            if !rules.name_somebody() && path::signing_usage(anchor).is_err() {
                return Err(CredentialRefusal::NoRule { subject: subject() });
            }
        }
        Ok(Self {
            anchors: anchors.into_iter().map(|certificate| Anchor { certificate }).collect(),
            intermediates,
            crls: crls.iter().map(|bytes| Crl::read(bytes)).collect::<Result<_, _>>()?,
            rules,
        })
    }

    /// Hex SHA-256 over the anchors' SHA-256 digests, sorted, and the rules that say who is meant, each as a line of text. Neither
    /// revocation lists nor intermediate certificates are in it: they are renewed without changing who is trusted.
    pub fn fingerprint(&self) -> String {
        let mut anchors: Vec<String> =
            self.anchors.iter().map(|anchor| hex(&Sha256::digest(anchor.certificate.der()))).collect();
        anchors.sort();
        let mut state = Sha256::new();
        state.update(b"dropgate x509 credential\n");
        for anchor in anchors {
            state.update(format!("anchor {anchor}\n"));
        }
        for (rule, name) in self.rules.names() {
            if let Some(name) = name {
                state.update(format!("{rule} {} {name}\n", name.len()));
            }
        }
        hex(&state.finalize())
    }

    /// The subjects of the anchors, and the rules.
    pub fn names(&self) -> Vec<String> {
        let anchors = self.anchors.iter().map(|anchor| anchor.certificate.subject());
        let rules =
            self.rules.names().into_iter().filter_map(|(rule, name)| Some(format!("{rule} {}", name?)));
        anchors.chain(rules).collect()
    }

    /// The operator's certificates, where a signature does not carry its signer's.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.anchors.iter().map(|anchor| &anchor.certificate).chain(&self.intermediates)
    }

    /// Judges a signer's certificate. `more` are certificates that came with the signature: nothing but candidates for a path.
    pub(crate) fn judge(&self, signer: &Certificate, more: &[Certificate], at: Time) -> Standing {
        if !self.rules.mean(signer) {
            return Standing::Other;
        }
        if self.anchors.iter().any(|anchor| anchor.certificate == *signer) {
            let held = signer.valid_at(at).and_then(|()| path::signing_usage(signer));
            return held.map_or_else(Standing::Bad, |()| Standing::Trusted);
        }
        if !self.rules.name_somebody() {
            return Standing::Other;
        }
        let search = Search {
            anchors: &self.anchors,
            pool: self.intermediates.iter().chain(more).collect(),
            crls: &self.crls,
            revocation: self.rules.revocation,
            at,
        };
        match search.run(signer) {
            Ok(()) => Standing::Trusted,
            Err(NoPath::Elsewhere) => Standing::Other,
            Err(NoPath::Bad(why)) => Standing::Bad(why),
        }
    }
}

/// Reads certificates: of PEM as many as there are, of DER one.
pub(crate) fn certificates(files: &[&[u8]]) -> Result<Vec<Certificate>, CredentialRefusal> {
    let mut all = Vec::new();
    for bytes in files {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                for block in pem::blocks(text, limits::CERTIFICATES)? {
                    if block.label != "CERTIFICATE" {
                        return Err(CredentialRefusal::Label { line: block.line, found: block.label });
                    }
                    all.push(Certificate::from_der(&block.der)?);
                }
            }
            Err(_) => all.push(Certificate::from_der(bytes)?),
        }
        if all.len() > limits::CERTIFICATES {
            return Err(CredentialRefusal::ManyCertificates { found: all.len() });
        }
    }
    Ok(all)
}

/// What is wrong with a rule that no certificate can satisfy.
fn never(rule: &str, found: &str) -> Option<&'static str> {
    if found.is_empty() {
        return Some("expected a name, found nothing");
    }
    let spaced = found
        .match_indices(", ")
        .any(|(at, _)| !found.get(..at).is_some_and(|before| before.ends_with('\\')));
    let is_subject = rule == "subject";
    (is_subject && (!found.contains('=') || found.contains(" = ") || found.starts_with('/') || spaced)).then_some(
        "expected a subject in the form of RFC 4514, as `openssl x509 -noout -subject -nameopt RFC2253` prints it, such as \
         CN=Radio Signing,O=Acme",
    )
}
