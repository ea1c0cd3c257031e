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
//! A vendor may have a key that lasts, too (`cosign sign-blob --key`). The operator pins it, and 5 to 7 are asked by it; of 2, what
//! is there must hold. How long it counts, the trust store says.
//!
//! A bundle with a promise alone, without proof of inclusion, is refused, in version 0.1 as well: a promise that was never kept looks
//! the same. What is not read here is refused by name: signers' keys on other curves than P-256, identities that are neither mail addresses nor URIs, and other kinds of entries than hashedrekord, dsse and intoto.
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
use crate::trust::x509::key::{Algorithm, PublicKey};
use crate::trust::x509::{KeyRefusal, PemRefusal, pem};
use body::{Expected, Signed, Verifier};
use bundle::{Bundle, Content, Named, Signer};
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
    /// The key is no PEM.
    #[error(transparent)]
    Pem(#[from] PemRefusal),
    /// The key is none that counts.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    /// The key is of another kind.
    #[error("expected a public key on curve P-256 (-----BEGIN PUBLIC KEY-----), found {found}")]
    KeyKind {
        /// What was found.
        found: String,
    },
}

/// Whose signatures count, and all that stands between.
#[derive(Debug, Clone)]
pub struct Credential {
    root: Root,
    means: Means,
}

/// Whom a credential means.
#[derive(Debug, Clone)]
enum Means {
    /// Whoever is named so, by the word of this issuer.
    Named { identity: Identity, issuer: String },
    /// Whoever has this key; and its SubjectPublicKeyInfo in DER.
    Key { key: Box<PublicKey>, spki: Vec<u8> },
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
        let means = Means::Named { identity, issuer: issuer.to_owned() };
        Ok(Self { root: Root::read(trusted_root)?, means })
    }

    /// Takes the operator's `trusted_root.json`, for its logs, and a signer's public key in PEM, as `cosign public-key` and
    /// `openssl pkey -pubout` write it.
    ///
    /// # Errors
    /// When the trusted root can't be read whole, or the key is none on curve P-256.
    pub fn of_key(trusted_root: &[u8], key: &str) -> Result<Self, CredentialRefusal> {
        let block = pem::blocks(key, 1)?.into_iter().next();
        let block = block.filter(|block| block.label == "PUBLIC KEY");
        let spki = block
            .ok_or_else(|| CredentialRefusal::KeyKind { found: "something else in PEM".to_owned() })?
            .der;
        let key = PublicKey::from_spki(&spki)?;
        if key.curve() != Some("p256") {
            return Err(CredentialRefusal::KeyKind { found: format!("a {key}") });
        }
        Ok(Self { root: Root::read(trusted_root)?, means: Means::Key { key: Box::new(key), spki } })
    }

    /// Of an identity: hex SHA-256 over the identity, the issuer, and the SHA-256 digests of the authorities' last certificates,
    /// sorted, each as a line of text. Logs and stampers are not in it: they come and go without a change of who is trusted.
    ///
    /// Of a key: hex SHA-256 of its DER SubjectPublicKeyInfo.
    pub fn fingerprint(&self) -> String {
        let (identity, issuer) = match &self.means {
            Means::Named { identity, issuer } => (identity, issuer),
            Means::Key { key, .. } => return key.fingerprint(),
        };
        let anchors = self.root.fulcio.iter().filter_map(|authority| authority.certificates().last());
        let mut anchors: Vec<String> = anchors.map(|anchor| hex(&Sha256::digest(anchor.der()))).collect();
        anchors.sort();
        anchors.dedup();
        let mut state = Sha256::new();
        state.update(b"dropgate sigstore credential\n");
        let kind = match identity {
            Identity::Exact(_) => "identity",
            Identity::Pattern(_) => "pattern",
        };
        state.update(format!("{kind} {identity}\nissuer {issuer}\n"));
        for anchor in anchors {
            state.update(format!("anchor {anchor}\n"));
        }
        hex(&state.finalize())
    }

    /// The identity or pattern, and the issuer; or the SHA-256 of the key.
    pub fn names(&self) -> Vec<String> {
        match &self.means {
            Means::Named { identity, issuer } => vec![identity.to_string(), format!("issuer {issuer}")],
            Means::Key { key, .. } => vec![key.fingerprint()],
        }
    }
}

/// A bundle: one signature, and what is needed to judge it.
#[derive(Debug)]
pub struct Signature(Bundle);

/// The key that a signature must be by.
struct By<'k> {
    key: &'k PublicKey,
    verifier: Verifier,
    /// What messages call it.
    whose: String,
}

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

    /// Whom its certificate names, by whose word; or its hint at a key. Nothing of it is checked.
    pub fn signer_named(&self) -> String {
        match &self.0.signer {
            Signer::Named(named) => format!("{} (issuer {})", named.claims.identity, named.claims.issuer),
            Signer::Key { hint } => format!("a key with the hint {hint:?}"),
        }
    }

    /// The statement in the bundle, where there is one. Nobody may have signed it: read nothing in it before
    /// [`check_statement`](Self::check_statement) said that it is good.
    pub fn statement(&self) -> Option<&[u8]> {
        match &self.0.content {
            Content::Message { .. } => None,
            Content::Statement(envelope) => Some(envelope.untrusted_payload()),
        }
    }

    /// Judges the signature over a message beside the bundle, as of `at`. In [`Said`], `when` is the earliest time that somebody
    /// else vouches for, and `who` is the identity.
    pub fn check(&self, credential: &Credential, message: &Message, at: Time) -> Tried {
        self.tried(credential, at, |by| {
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
            if !self.signed_digest(&by.verifier, &digest) {
                return Err(format!(
                    "expected a signature by {} over this file (SHA-256 {}), found another",
                    by.whose,
                    hex(&digest)
                ));
            }
            self.entered(&by.verifier, Signed::Message(&digest))
        })
    }

    /// Judges the signature over the statement in the bundle, as of `at`.
    pub fn check_statement(&self, credential: &Credential, at: Time) -> Tried {
        self.tried(credential, at, |by| {
            let Content::Statement(envelope) = &self.0.content else {
                return Err(
                    "this bundle signs a message beside it; expected one over a statement in it".to_owned()
                );
            };
            let signed = envelope.signed_bytes();
            if !by.key.verify(Algorithm::Ecdsa(Hash::Sha256), signed, &self.0.signature) {
                return Err(format!(
                    "expected a signature by {} over the statement, found another",
                    by.whose
                ));
            }
            let payload = Sha256::digest(envelope.untrusted_payload());
            let signed = Signed::Statement { payload: &payload, whole: &Sha256::digest(signed) };
            self.entered(&by.verifier, signed)
        })
    }

    fn tried(
        &self,
        credential: &Credential,
        at: Time,
        signed: impl FnOnce(&By<'_>) -> Result<(), String>,
    ) -> Tried {
        let by = match self.by(credential) {
            Ok(Some(by)) => by,
            Ok(None) => return Tried::Other,
            Err(why) => return Tried::Bad(why),
        };
        match self.issued_and_logged(&credential.root, at).and_then(|times| signed(&by).map(|()| times)) {
            Ok(times) => {
                let who = match &self.0.signer {
                    Signer::Named(named) => Some(named.claims.identity.clone()),
                    Signer::Key { .. } => None,
                };
                Tried::Good(Said { when: times.into_iter().min(), comment: None, who })
            }
            Err(why) => Tried::Bad(why),
        }
    }

    /// By what the signature must be, if it says itself that it is by whom the credential means.
    fn by<'k>(&'k self, credential: &'k Credential) -> Result<Option<By<'k>>, String> {
        match (&credential.means, &self.0.signer) {
            (Means::Named { identity, issuer }, Signer::Named(named)) => {
                let Named { leaf, claims, .. } = &**named;
                let meant = identity.means(&claims.identity) && *issuer == claims.issuer;
                Ok(meant.then(|| By {
                    key: leaf.key(),
                    verifier: Verifier::Certificate(leaf.der().to_vec()),
                    whose: format!("the key in {}", called(named)),
                }))
            }
            (Means::Key { key, spki }, Signer::Key { .. }) => {
                // The hint may be anything. What the signer told the log is the key itself.
                let verifier = Verifier::Key(spki.clone());
                let told = body::read(&self.0.entry)?;
                let whose = format!("the key {}", key.fingerprint());
                Ok((told.verifier == verifier).then_some(By { key, verifier, whose }))
            }
            _ => Ok(None),
        }
    }

    /// Checks the certificate, where there is one, and the log's entry; gives the times that others vouch for.
    fn issued_and_logged(&self, root: &Root, at: Time) -> Result<Vec<Time>, String> {
        let Bundle { signer, entry, timestamps, signature, .. } = &self.0;
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
        match signer {
            Signer::Named(named) => issued(named, root, &times)?,
            // A key's signature that nobody saw at a time is one of now.
            Signer::Key { .. } if times.is_empty() => log.trusted(at)?,
            Signer::Key { .. } => {}
        }
        entry.included(log, &times)?;
        Ok(times)
    }

    /// Whether what has this SHA-256 is signed by the key.
    fn signed_digest(&self, verifier: &Verifier, digest: &[u8]) -> bool {
        let key = match (verifier, &self.0.signer) {
            (Verifier::Key(spki), _) => &spki[..],
            (Verifier::Certificate(_), Signer::Named(named)) => named.leaf.spki(),
            (Verifier::Certificate(_), Signer::Key { .. }) => return false,
        };
        let spki = SubjectPublicKeyInfoRef::try_from(key).ok();
        let point = spki.and_then(|spki| spki.subject_public_key.as_bytes());
        let key = point.and_then(|point| p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok());
        let signature = p256::ecdsa::Signature::from_der(&self.0.signature).ok();
        key.zip(signature).is_some_and(|(key, signature)| key.verify_prehash(digest, &signature).is_ok())
    }

    /// Checks that the log's entry is of this signature.
    fn entered(&self, verifier: &Verifier, signed: Signed<'_>) -> Result<(), String> {
        body::verify(&self.0.entry, &Expected { verifier, signature: &self.0.signature, signed })
    }
}

/// What messages call a signer's certificate, whose subject is empty.
fn called(named: &Named) -> String {
    format!("the certificate of \"{}\"", Escaped(&named.claims.identity))
}

/// Checks that the certificate was valid at each time, issued by an authority that was trusted then, and shown to a log.
fn issued(named: &Named, root: &Root, times: &[Time]) -> Result<(), String> {
    let Named { leaf, further, .. } = named;
    let whose = called(named);
    if times.is_empty() {
        return Err("nobody vouches for a time of the signature".to_owned());
    }
    for time in times {
        let issuer = authority::issued_by_one(&root.fulcio, &whose, leaf, authority::CODE_SIGNING, *time)?;
        sct::verify(&whose, leaf, &issuer, &root.ct)?;
    }
    let pinned = || root.fulcio.iter().flat_map(|authority| authority.certificates());
    match further.iter().find(|one| !pinned().any(|pinned| pinned == *one)) {
        Some(stranger) => Err(format!(
            "x509CertificateChain: expected beside the signer's certificate those of the trusted root alone, found {stranger}"
        )),
        None => Ok(()),
    }
}
