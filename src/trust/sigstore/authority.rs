//! An authority of the trusted root, and paths from a certificate to it. `webpki` builds and checks them (RFC 5280, section 6).

use super::root::Window;
use crate::time::Time;
use crate::trust::x509::CertificateRefusal;
use crate::trust::x509::certificate::Certificate;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, Error, KeyUsage};

/// id-kp-codeSigning.
pub(super) const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];

/// id-kp-timeStamping.
pub(super) const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// By what certificates may be signed.
static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 7] = [
    webpki::ring::RSA_PKCS1_2048_8192_SHA256,
    webpki::ring::RSA_PKCS1_2048_8192_SHA384,
    webpki::ring::RSA_PKCS1_2048_8192_SHA512,
    webpki::ring::ECDSA_P256_SHA256,
    webpki::ring::ECDSA_P256_SHA384,
    webpki::ring::ECDSA_P384_SHA256,
    webpki::ring::ECDSA_P384_SHA384,
];

/// A chain of certificates, the lowest first, and when it is trusted.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    certificates: Vec<Certificate>,
    window: Window,
}

impl Authority {
    /// Takes certificates in DER. `None` when there is none, or the last one is not an authority's.
    pub(super) fn new(
        ders: impl Iterator<Item = Vec<u8>>,
        window: Window,
    ) -> Result<Option<Self>, CertificateRefusal> {
        let certificates = ders.map(|der| Certificate::from_der(&der)).collect::<Result<Vec<_>, _>>()?;
        let ends = certificates.last().is_some_and(Certificate::is_ca);
        Ok(ends.then_some(Self { certificates, window }))
    }

    /// The certificates, the lowest first.
    pub(super) fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Checks that `leaf`, called `whose` in messages, was issued below this authority and that all of its path, and the authority's own time, hold at
    /// `time`; gives the public key (SubjectPublicKeyInfo) of whoever issued it.
    pub(super) fn issued(
        &self,
        whose: &str,
        leaf: &Certificate,
        usage: &'static [u8],
        time: Time,
    ) -> Result<Vec<u8>, String> {
        let Some((anchor, between)) = self.certificates.split_last() else {
            return Err("the authority has no certificate".to_owned());
        };
        self.window.holds(&format!("the authority of {anchor}"), time)?;
        anchor.valid_at(time)?;
        leaf.valid_at(time).map_err(|why| format!("{whose}: {why}"))?;
        let usable = leaf.key_usage().is_some_and(x509_cert::ext::pkix::KeyUsage::digital_signature);
        if leaf.version() != 3 || leaf.is_ca() || !usable {
            return Err(format!(
                "{whose}: expected one of version 3, of no authority, with keyUsage digitalSignature"
            ));
        }
        let root = CertificateDer::from(anchor.der());
        let root = [webpki::anchor_from_trusted_cert(&root).map_err(|error| error.to_string())?];
        let between: Vec<CertificateDer<'_>> =
            between.iter().map(|one| CertificateDer::from(one.der())).collect();
        let der = CertificateDer::from(leaf.der());
        let said = |error| {
            format!("{whose}: expected it to be issued by {anchor} for this use, found {}", in_words(&error))
        };
        let end = EndEntityCert::try_from(&der).map_err(said)?;
        let seconds = u64::try_from(time.microseconds().div_euclid(1_000_000)).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let path = end
            .verify_for_usage(&ALGORITHMS, &root, &between, at, KeyUsage::required(usage), None, None)
            .map_err(said)?;
        Ok(path.issuer_spki().to_vec())
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::InvalidSignatureForPublicKey => "a signature by another key".to_owned(),
        Error::RequiredEkuNotFoundContext(_) => "no extendedKeyUsage for it".to_owned(),
        Error::UnsupportedCriticalExtension => "a critical extension that is not understood".to_owned(),
        Error::UnknownIssuer => "another issuer".to_owned(),
        Error::CaUsedAsEndEntity => "an authority's certificate".to_owned(),
        other => other.to_string(),
    }
}

/// Looks among `authorities` for one that issued `leaf`; of several refusals, gives that of one which bears the issuer's name.
pub(super) fn issued_by_one(
    authorities: &[Authority],
    whose: &str,
    leaf: &Certificate,
    usage: &'static [u8],
    time: Time,
) -> Result<Vec<u8>, String> {
    let mut said = format!(
        "{whose}: expected it to be issued by an authority of the trusted root, found another issuer"
    );
    for authority in authorities {
        match authority.issued(whose, leaf, usage, time) {
            Ok(spki) => return Ok(spki),
            Err(why) => {
                let named = authority.certificates().iter().any(|one| one.subject_der() == leaf.issuer_der());
                if named {
                    said = why;
                }
            }
        }
    }
    Err(said)
}
