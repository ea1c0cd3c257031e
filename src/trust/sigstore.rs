//! Sigstore bundles, versions 0.1 to 0.3 (github.com/sigstore/protobuf-specs, `sigstore_bundle.proto`), judged offline.
//!
//! A signer has no key that lasts. An authority (Fulcio) issues a certificate for minutes to an identity, whom an issuer of
//! identities vouched for; a log of certificates and a log of signatures (Rekor) make both public. The operator pins the
//! authorities and logs by their `trusted_root.json`, and says which identity counts, by the word of which issuer.
//!
//! A bundle counts when all of this holds:
//!
//! 1. The certificate's identity and issuer are those of the credential, as wholes.
//! 2. Somebody else vouches for the time of the signature: a stamper of the trusted root (RFC 3161), or the log, by its promise
//!    (signed entry timestamp). All times that are there must hold, and none may lie after the time of judgement.
//! 3. At each of these times the certificate was valid, and issued for code signing by an authority that was trusted then.
//! 4. A certificate log of the trusted root promised to show the certificate (RFC 6962).
//! 5. The entry of the signature is in the tree that a log of the trusted root signed.
//! 6. The signature is by the certificate's key over the message, or over the statement in the bundle.
//! 7. The entry is of this signature, this certificate, and this message.
//!
//! A bundle with a promise alone, without proof of inclusion, is refused, in version 0.1 as well: a promise that was never kept looks
//! the same. What is not read here is refused by name: signers' keys on other curves than P-256, keys of one's own in place of
//! certificates, identities that are neither mail addresses nor URIs, and other kinds of entries than hashedrekord, dsse and intoto.
//!
//! A signature counts for as long as the trusted root vouches for the times in it. The certificate's end, minutes after the
//! signature, says nothing about later.

mod authority;
mod body;
mod bundle;
mod claims;
mod identity;
mod log;
mod root;
mod sct;
mod timestamp;
mod tlv;
mod wire;

pub use bundle::SignatureRefusal;
pub use identity::{Identity, IdentityRefusal, Pattern};
pub use root::RootRefusal;

use crate::digest::hex;
use crate::escape::Escaped;
use crate::limits;
use crate::time::{Period, Time};
use crate::trust::detached::{Said, Tried};
use crate::trust::message::{Hash, Message, Needs};
use crate::trust::x509::key::Algorithm;
use body::{Expected, Signed};
use bundle::{Bundle, Content};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use root::Root;
use sha2::{Digest as _, Sha256};
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// Why there is no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// The trusted root is none.
    #[error(transparent)]
    Root(#[from] RootRefusal),
    /// The identity, the pattern or the issuer is none.
    #[error(transparent)]
    Identity(#[from] IdentityRefusal),
}

/// An identity, who vouches for it, and all that stands between.
#[derive(Debug, Clone)]
pub struct Credential {
    root: Root,
    identity: Identity,
    issuer: String,
}

impl Credential {
    /// Takes the operator's `trusted_root.json`, whose signatures count, and the address of whoever vouches for that identity, to
    /// the letter, such as `https://token.actions.githubusercontent.com`.
    ///
    /// # Errors
    /// When the trusted root can't be read whole, or the issuer is no text that a certificate may hold.
    pub fn new(trusted_root: &[u8], identity: Identity, issuer: &str) -> Result<Self, CredentialRefusal> {
        identity::plain(issuer).map_err(|expected| IdentityRefusal {
            what: "issuer",
            expected,
            found: issuer.chars().take(100).collect(),
        })?;
        Ok(Self { root: Root::read(trusted_root)?, identity, issuer: issuer.to_owned() })
    }

    /// Hex SHA-256 over the identity, the issuer, and the SHA-256 digests of the authorities' last certificates, sorted, each as a
    /// line of text. Logs and stampers are not in it: they come and go without a change of who is trusted.
    pub fn fingerprint(&self) -> String {
        let anchors = self.root.fulcio.iter().filter_map(|authority| authority.certificates().last());
        let mut anchors: Vec<String> = anchors.map(|anchor| hex(&Sha256::digest(anchor.der()))).collect();
        anchors.sort();
        anchors.dedup();
        let mut state = Sha256::new();
        state.update(b"dropgate sigstore credential\n");
        let kind = match self.identity {
            Identity::Exact(_) => "identity",
            Identity::Pattern(_) => "pattern",
        };
        state.update(format!("{kind} {}\nissuer {}\n", self.identity, self.issuer));
        for anchor in anchors {
            state.update(format!("anchor {anchor}\n"));
        }
        hex(&state.finalize())
    }

    /// The identity or pattern, and the issuer.
    pub fn names(&self) -> Vec<String> {
        vec![self.identity.to_string(), format!("issuer {}", self.issuer)]
    }
}

/// A bundle: one signature, and what is needed to judge it.
#[derive(Debug)]
pub struct Signature(Bundle);

impl Signature {
    /// Reads a bundle. Nothing in it is checked but its form.
    ///
    /// # Errors
    /// When it is no bundle, or one of a kind that is not read here.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureRefusal> {
        Bundle::read(bytes).map(Self)
    }

    /// The SHA-256 of the message beside it; nothing where the bundle holds what is signed.
    pub fn needs(&self) -> Needs {
        match self.0.content {
            Content::Message { .. } => Needs::hashed(Hash::Sha256),
            Content::Statement(_) => Needs::default(),
        }
    }

    /// Whom its certificate names, by whose word. Nothing of it is checked.
    pub fn signer_named(&self) -> String {
        format!("{} (issuer {})", self.0.claims.identity, self.0.claims.issuer)
    }

    /// The statement in the bundle, where there is one. Nobody may have signed it: read nothing in it before
    /// [`check_statement`](Self::check_statement) said that it is good.
    pub fn statement(&self) -> Option<&[u8]> {
        match &self.0.content {
            Content::Message { .. } => None,
            Content::Statement(envelope) => Some(envelope.untrusted_payload()),
        }
    }

    /// Judges the signature over a message beside the bundle, as of `at`.
    pub fn check(&self, credential: &Credential, message: &Message, at: Time) -> Tried {
        self.tried(credential, at, || {
            let Content::Message { hint } = &self.0.content else {
                return Err(
                    "this bundle signs the statement in it; expected one over a message beside it".to_owned()
                );
            };
            let digest = message.digest(Hash::Sha256)?;
            if let Some(hint) = hint.as_ref().filter(|hint| **hint != digest) {
                return Err(format!(
                    "messageDigest: expected {} of this file, found {}",
                    hex(&digest),
                    hex(hint)
                ));
            }
            if !self.signed_digest(&digest) {
                return Err(format!(
                    "expected a signature by the key of {} over this file (SHA-256 {}), found another",
                    self.certificate(),
                    hex(&digest)
                ));
            }
            self.entered(Signed::Message(&digest))
        })
    }

    /// Judges the signature over the statement in the bundle, as of `at`.
    pub fn check_statement(&self, credential: &Credential, at: Time) -> Tried {
        self.tried(credential, at, || {
            let Content::Statement(envelope) = &self.0.content else {
                return Err(
                    "this bundle signs a message beside it; expected one over a statement in it".to_owned()
                );
            };
            let signed = envelope.signed_bytes();
            if !self.0.leaf.key().verify(Algorithm::Ecdsa(Hash::Sha256), signed, &self.0.signature) {
                return Err(format!(
                    "expected a signature by {} over the statement, found another",
                    self.0.leaf
                ));
            }
            let payload = Sha256::digest(envelope.untrusted_payload());
            self.entered(Signed::Statement { payload: &payload, whole: &Sha256::digest(signed) })
        })
    }

    /// What messages call the certificate, whose subject is empty.
    fn certificate(&self) -> String {
        format!("the certificate of \"{}\"", Escaped(&self.0.claims.identity))
    }

    fn tried(&self, credential: &Credential, at: Time, signed: impl FnOnce() -> Result<(), String>) -> Tried {
        let claims = &self.0.claims;
        if !credential.identity.means(&claims.identity) || credential.issuer != claims.issuer {
            return Tried::Other;
        }
        match self.issued_and_logged(&credential.root, at).and_then(|time| signed().map(|()| time)) {
            Ok(when) => {
                Tried::Good(Said { when: Some(when), comment: None, who: Some(claims.identity.clone()) })
            }
            Err(why) => Tried::Bad(why),
        }
    }

    /// Checks the certificate and the log's entry, and gives the earliest time of the signature.
    fn issued_and_logged(&self, root: &Root, at: Time) -> Result<Time, String> {
        let Bundle { leaf, further, entry, timestamps, signature, .. } = &self.0;
        let whose = self.certificate();
        let log = entry.log(&root.rekor)?;
        let mut times: Vec<Time> = entry.time(log)?.into_iter().collect();
        for stamp in timestamps {
            times.push(timestamp::verify(stamp, signature, &root.stampers)?);
        }
        let latest = at.after(Period::of_seconds(limits::EVIDENCE_CLOCK_SKEW_SECONDS));
        if let Some(time) = times.iter().find(|time| **time > latest) {
            return Err(format!(
                "the signature is of {time}; expected a time before that of judgement, {at}"
            ));
        }
        for time in &times {
            let issuer =
                authority::issued_by_one(&root.fulcio, &whose, leaf, authority::CODE_SIGNING, *time)?;
            sct::verify(&whose, leaf, &issuer, &root.ct)?;
        }
        let pinned = || root.fulcio.iter().flat_map(|authority| authority.certificates());
        if let Some(stranger) = further.iter().find(|one| !pinned().any(|pinned| pinned == *one)) {
            return Err(format!(
                "x509CertificateChain: expected beside the signer's certificate those of the trusted root alone, found {stranger}"
            ));
        }
        entry.included(log, &times)?;
        times.into_iter().min().ok_or_else(|| "nobody vouches for a time of the signature".to_owned())
    }

    /// Whether the certificate's key signed what has this SHA-256.
    fn signed_digest(&self, digest: &[u8]) -> bool {
        let Bundle { leaf, signature, .. } = &self.0;
        let point = SubjectPublicKeyInfoRef::try_from(leaf.spki())
            .ok()
            .and_then(|spki| spki.subject_public_key.as_bytes());
        let key = point.and_then(|point| p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok());
        let signature = p256::ecdsa::Signature::from_der(signature).ok();
        key.zip(signature).is_some_and(|(key, signature)| key.verify_prehash(digest, &signature).is_ok())
    }

    /// Checks that the log's entry is of this signature.
    fn entered(&self, signed: Signed<'_>) -> Result<(), String> {
        let Bundle { leaf, entry, signature, .. } = &self.0;
        body::verify(entry, &Expected { certificate: leaf.der(), signature, signed })
    }
}
