//! From a signer's certificate to one of the operator's anchors (RFC 5280, section 6).
//!
//! `webpki` builds the path and checks its signatures, dates, basicConstraints, name constraints and unknown critical extensions,
//! within its own budget for signatures and steps. What it leaves out is checked here on each path that it found, and where that
//! fails, it looks for another one: keyUsage, extendedKeyUsage, what the anchor says of itself, revocation.

use super::certificate::Certificate;
use super::crl::Crl;
use super::{Anchor, Revocation};
use crate::escape::Escaped;
use crate::time::Time;
use crate::trust::ed25519;
use der::asn1::ObjectIdentifier;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, TrustAnchor,
    UnixTime, alg_id,
};
use std::cell::RefCell;
use std::time::Duration;
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};
use x509_cert::ext::pkix::name::GeneralName;

const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const EMAIL_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4");
const ANY_EXTENDED_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// By what certificates may be signed. SHA-1 and MD5 are not among it.
static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 14] = [
    webpki::ring::RSA_PKCS1_2048_8192_SHA256,
    webpki::ring::RSA_PKCS1_2048_8192_SHA384,
    webpki::ring::RSA_PKCS1_2048_8192_SHA512,
    webpki::ring::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    webpki::ring::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    webpki::ring::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    webpki::ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    webpki::ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    webpki::ring::ECDSA_P256_SHA256,
    webpki::ring::ECDSA_P256_SHA384,
    webpki::ring::ECDSA_P384_SHA256,
    webpki::ring::ECDSA_P384_SHA384,
    &StrictEd25519,
];

/// Ed25519 as everywhere else here, which is stricter than `ring`'s.
#[derive(Debug)]
struct StrictEd25519;

impl SignatureVerificationAlgorithm for StrictEd25519 {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = key.try_into().ok().and_then(|key| ed25519::PublicKey::from_bytes(key).ok());
        let good =
            key.zip(signature.try_into().ok()).is_some_and(|(key, signature)| key.verify(message, signature));
        if good { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}

/// Lets every use through: [`usage`] judges it, with words.
struct AnyUse;

impl ExtendedKeyUsageValidator for AnyUse {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}

/// Why there is no path.
pub(super) enum NoPath {
    /// None of the anchors has anything to do with the signer's certificate.
    Elsewhere,
    /// It leads to an anchor by its names, and does not count.
    Bad(String),
}

/// Everything that a path is looked for in.
pub(super) struct Search<'s> {
    pub(super) anchors: &'s [Anchor],
    pub(super) pool: Vec<&'s Certificate>,
    pub(super) crls: &'s [Crl],
    pub(super) revocation: Revocation,
    pub(super) at: Time,
}

impl Search<'_> {
    /// Looks for a path from `signer` that holds in all respects.
    pub(super) fn run(&self, signer: &Certificate) -> Result<(), NoPath> {
        self.all_of_version_3(signer)?;
        let seconds = self.at.microseconds().div_euclid(1_000_000);
        let since = u64::try_from(seconds)
            .map_err(|_| NoPath::Bad("the time of judgement is before 1970".to_owned()))?;
        let ders: Vec<CertificateDer<'_>> =
            self.anchors.iter().map(|anchor| CertificateDer::from(anchor.certificate.der())).collect();
        let current =
            self.anchors.iter().zip(&ders).filter(|(anchor, _)| {
                anchor.certificate.is_ca() && anchor.certificate.valid_at(self.at).is_ok()
            });
        let trusted: Vec<TrustAnchor<'_>> =
            current.filter_map(|(_, der)| webpki::anchor_from_trusted_cert(der).ok()).collect();
        let pool: Vec<CertificateDer<'_>> =
            self.pool.iter().map(|certificate| CertificateDer::from(certificate.der())).collect();
        let der = CertificateDer::from(signer.der());
        let end =
            EndEntityCert::try_from(&der).map_err(|error| NoPath::Bad(self.in_words(signer, &error)))?;
        let said: RefCell<Option<String>> = RefCell::new(None);
        let complete = |path: &VerifiedPath<'_>| {
            self.complete(signer, path).map_err(|why| {
                said.borrow_mut().get_or_insert(why);
                Error::UnknownRevocationStatus
            })
        };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(since));
        let found = end
            .verify_for_usage(&ALGORITHMS, &trusted, &pool, now, AnyUse, None, Some(&complete))
            .map(|_| ());
        match (found, said.into_inner()) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(why)) => Err(NoPath::Bad(why)),
            (Err(Error::UnknownIssuer), None) => {
                Err(self.expired_anchor(signer).map_or(NoPath::Elsewhere, NoPath::Bad))
            }
            (Err(error), None) => Err(NoPath::Bad(self.in_words(signer, &error))),
        }
    }

    /// Certificates of versions 1 and 2 can't say that they are no authority's, or what they may be used for.
    fn all_of_version_3(&self, signer: &Certificate) -> Result<(), NoPath> {
        let issuer = |certificate: &&&Certificate| certificate.subject_der() == signer.issuer_der();
        let old =
            std::iter::once(&signer).chain(self.pool.iter().filter(issuer)).find(|one| one.version() != 3);
        match old {
            None => Ok(()),
            Some(old) => Err(NoPath::Bad(format!(
                "{old} is of X.509 version {}; expected version 3, since an older one can't say what it may be used for. The \
                 vendor must have it issued again with extensions (openssl x509 -req: -extfile), or the operator pins exactly \
                 this certificate",
                old.version()
            ))),
        }
    }

    /// Whether the only anchors that could have ended a path are out of their time.
    fn expired_anchor(&self, signer: &Certificate) -> Option<String> {
        let issued = |anchor: &Anchor| {
            let mut below = std::iter::once(&signer).chain(&self.pool);
            below.any(|certificate| certificate.issuer_der() == anchor.certificate.subject_der())
        };
        let anchors = self.anchors.iter().filter(|anchor| anchor.certificate.is_ca() && issued(anchor));
        anchors.filter_map(|anchor| anchor.certificate.valid_at(self.at).err()).next()
    }

    /// What `webpki` leaves out, on a path that it found.
    fn complete(&self, signer: &Certificate, path: &VerifiedPath<'_>) -> Result<(), String> {
        let fault = || "the path can't be followed; this is a fault of dropgate".to_owned();
        let mut below = vec![signer];
        for step in path.intermediate_certificates() {
            let der = step.der();
            let known = self.pool.iter().find(|certificate| certificate.der() == der.as_ref());
            below.push(known.ok_or_else(fault)?);
        }
        let spki = webpki::spki_for_anchor(path.anchor());
        let ends_here = |anchor: &&Anchor| {
            let certificate = &anchor.certificate;
            certificate.spki() == spki.as_ref()
                && certificate.subject_der().ends_with(path.anchor().subject.as_ref())
                && certificate.valid_at(self.at).is_ok()
        };
        let anchor = self.anchors.iter().find(ends_here).ok_or_else(fault)?;
        let whole: Vec<&Certificate> = below.iter().copied().chain([&anchor.certificate]).collect();
        signing_usage(signer)?;
        for authority in whole.iter().skip(1) {
            authority_usage(authority)?;
        }
        let between = below.len().saturating_sub(1);
        if let Some(most) = anchor.certificate.path_length()
            && between > most
        {
            return Err(format!(
                "{}: expected at most {most} certificates between it and the signer's, found {between}",
                anchor.certificate
            ));
        }
        addresses(&whole)?;
        for pair in whole.windows(2) {
            if let [certificate, issuer] = pair {
                self.not_revoked(certificate, issuer)?;
            }
        }
        Ok(())
    }

    fn not_revoked(&self, certificate: &Certificate, issuer: &Certificate) -> Result<(), String> {
        let own: Vec<&Crl> = self.crls.iter().filter(|crl| crl.is_by(issuer)).collect();
        for revoked in own.iter().filter_map(|crl| crl.revoked(certificate)) {
            if revoked.counts_at(self.at) {
                return Err(format!("{certificate} is {revoked}"));
            }
        }
        if self.revocation == Revocation::IfListed {
            return Ok(());
        }
        let mut why = "none by it was found".to_owned();
        for crl in own {
            match crl.covers(certificate, self.at) {
                Ok(()) => return Ok(()),
                Err(found) => why = found,
            }
        }
        Err(format!(
            "{certificate}: expected a current CRL by its issuer \"{}\": {why}",
            Escaped(&issuer.subject())
        ))
    }

    /// An answer of `webpki`, with the certificate that it is about as far as that can be told.
    fn in_words(&self, signer: &Certificate, error: &Error) -> String {
        let all = || std::iter::once(signer).chain(self.pool.iter().copied());
        let what = match error {
            Error::CertExpired { .. } | Error::CertNotValidYet { .. } => {
                return all()
                    .find_map(|certificate| certificate.valid_at(self.at).err())
                    .unwrap_or_else(|| format!("a certificate of the path is out of its time ({error:?})"));
            }
            Error::CaUsedAsEndEntity => {
                return format!(
                    "{signer} is an authority's; expected the certificate of a signer, or that the operator pins exactly this one"
                );
            }
            Error::UnsupportedCriticalExtension => {
                let known = |oid: &ObjectIdentifier| super::KNOWN_EXTENSIONS.contains(oid);
                return all()
                    .find_map(|one| Some((one, one.critical().find(|oid| !known(oid))?)))
                    .map_or_else(
                        || {
                            "a certificate of the path has a critical extension that is not understood"
                                .to_owned()
                        },
                        |(one, oid)| {
                            format!("{one} has the critical extension {oid}, which is not understood")
                        },
                    );
            }
            Error::InvalidSignatureForPublicKey => {
                "it, or a certificate between it and the anchor, is signed by another key than that of the issuer it names"
            }
            Error::EndEntityUsedAsCa => {
                "a certificate between it and the anchor is not an authority's (basicConstraints)"
            }
            Error::PathLenConstraintViolated => {
                "more authorities stand on its path than one of them allows (pathLenConstraint)"
            }
            Error::NameConstraintViolation => {
                "a name on its path is outside of the name constraints of an authority, or of a kind of name that can't be held to \
                 them (a directory name, an address for mail, a URI)"
            }
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                "expected certificates signed by RSA, ECDSA on P-256 or P-384, or Ed25519 with SHA-256, SHA-384 or SHA-512; found \
                 another algorithm, such as SHA-1"
            }
            Error::InvalidCertValidity => "a certificate of its path ends before it begins",
            _ => return format!("{signer}: its path to an anchor does not hold ({error:?})"),
        };
        format!("{signer}: {what}")
    }
}

/// Whether a signer's certificate may be used for signatures on what is delivered. Where it says nothing of its use, it may.
pub(super) fn signing_usage(signer: &Certificate) -> Result<(), String> {
    if signer.key_usage().is_some_and(|usage| !usage.digital_signature() && !usage.non_repudiation()) {
        return Err(format!(
            "{signer} may not sign: expected digitalSignature or nonRepudiation in its keyUsage, found neither"
        ));
    }
    extended_usage(signer)
}

fn authority_usage(authority: &Certificate) -> Result<(), String> {
    if authority.key_usage().is_some_and(|usage| !usage.key_cert_sign()) {
        return Err(format!(
            "{authority} may not issue certificates: expected keyCertSign in its keyUsage, found none"
        ));
    }
    extended_usage(authority)
}

/// Certificates for servers or for time stamps are not ones for signing deliveries. Those that vendors use say codeSigning,
/// emailProtection (what `openssl cms` asks for), or nothing.
fn extended_usage(certificate: &Certificate) -> Result<(), String> {
    let Some(found) = certificate.extended_key_usage() else { return Ok(()) };
    if found.iter().any(|oid| [CODE_SIGNING, EMAIL_PROTECTION, ANY_EXTENDED_USAGE].contains(oid)) {
        return Ok(());
    }
    let found: Vec<String> = found.iter().map(ObjectIdentifier::to_string).collect();
    Err(format!(
        "{certificate} is for another use: expected codeSigning, emailProtection or any in its extendedKeyUsage, or none at all; \
         found {}",
        found.join(", ")
    ))
}

/// Constraints on addresses for mail bind those in subjects too, which `webpki` does not look at.
fn addresses(path: &[&Certificate]) -> Result<(), String> {
    let constrains = |certificate: &Certificate| {
        let Some(constraints) = certificate.name_constraints() else { return false };
        let trees = [&constraints.permitted_subtrees, &constraints.excluded_subtrees];
        trees.into_iter().flatten().flatten().any(|tree| matches!(tree.base, GeneralName::Rfc822Name(_)))
    };
    let from = path.iter().position(|certificate| certificate.has_address_in_subject());
    match from {
        Some(at) if path.iter().skip(at).skip(1).any(|authority| constrains(authority)) => Err(
            "an authority constrains addresses for mail, and a subject on the path holds one: expected none, since it can't be held \
             to the constraint"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}
