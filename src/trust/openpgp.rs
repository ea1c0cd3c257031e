//! OpenPGP (RFC 9580): detached signatures and clear-signed texts, by certificates of version 4 and 6.
//!
//! 1. [`Credential::parse`] reads one certificate and verifies everything that its primary key says about it.
//! 2. [`Signature::read`] reads signatures and [`Cleartext::read`] a text with its signatures around it.
//! 3. [`Signature::check`] asks which key of the certificate may have made one, whether that key may sign at the time of
//!    judgement, and whether it did.
//!
//! The reader is our own. It reads what these signatures need, in one spelling, and bounds what it costs. The library with a
//! licence that would serve (rPGP) has no policy: expiry, revocation, bindings and weak hashes would be checked here all the same.
//! It would bring 160 crates for what is never read here, and one of them has an open advisory.
//!
//! # What is asked of a key
//! - RSA of 2048 to 8192 bits, ECDSA over P-256 or P-384, Ed25519 in either form. Nothing else verifies.
//! - The primary key has a self-signature by SHA-256, SHA-384 or SHA-512: on itself, or on a user id that was not revoked. Those
//!   by SHA-1 and MD5 do not count. Keys that GnuPG made before about 2014 have no others; their owners renew them
//!   with `gpg --cert-digest-algo SHA256 --quick-set-expire FINGERPRINT 2y`, which signs them anew.
//! - The newest self-signature holds: what it says about expiry, and whether the key may sign. Where one on the key and one on a
//!   user id differ, the narrower of both holds.
//! - A subkey is bound by the primary key with the permission to sign, and has signed the binding itself: otherwise anybody could
//!   claim what it signs.
//! - It has not expired at the time of judgement. It was not revoked by then; where it was revoked as compromised or without a
//!   reason, nothing that it ever signed counts, whatever time a signature claims.
//! - A certificate with a revocation that can't be checked here (by SHA-1, or by a designated revoker) is refused whole: passing
//!   over it would be to act against it.

mod armor;
mod certificate;
mod cleartext;
mod key;
mod packet;
mod signature;

pub use cleartext::{Cleartext, CleartextRefusal};

use super::detached::{Said, Tried};
use super::message::{Hash, Hasher, Intake, Message, Needs, with_line_breaks};
use crate::digest::hex;
use crate::limits;
use crate::time::{Period, Time};
use armor::Block;
use certificate::{Certificate, Refused};
use key::Key;
use packet::called;
use signature::{Issuers, Packet, kind};

/// Seconds since 1970, cut off.
fn seconds(at: Time) -> i64 {
    at.microseconds().div_euclid(1_000_000)
}

/// The time so many seconds after the start of 1970.
fn time(seconds: i64) -> Option<Time> {
    let epoch: Option<Time> = "1970-01-01T00:00:00Z".parse().ok();
    epoch.map(|epoch| epoch.after(Period::of_seconds(seconds)))
}

/// A certificate of the operator's trust store.
#[derive(Debug, Clone)]
pub struct Credential(Certificate);

/// Why a file is not a certificate that may be trusted. Never carries the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// A private key where a public one belongs.
    #[error(
        "this is a private key; expected a public one (gpg --armor --export FINGERPRINT). Treat the private key as exposed if \
         others can read this file"
    )]
    Private,
    /// Larger than certificates are.
    #[error(
        "expected at most {} bytes, found {found}; leave out what others certified (gpg --export-options export-minimal)",
        limits::OPENPGP_CERTIFICATE_BYTES
    )]
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
    /// Neither armor nor packets, or damaged ones.
    #[error("not an OpenPGP certificate: {0}")]
    Form(String),
    /// Something beside one certificate, or none.
    #[error("expected exactly one OpenPGP certificate, found {found}")]
    NotOne {
        /// What was found.
        found: String,
    },
    /// A primary key that is unfit to verify with.
    #[error("the primary key: {0}")]
    Key(String),
    /// A revocation that would be passed over.
    #[error(
        "expected a certificate whose revocations can all be checked, found {found}; ask its owner for a new one, or take out \
         the revocation if it does not count"
    )]
    Revocation {
        /// What was found.
        found: String,
    },
    /// Only self-signatures that anybody can make fit other keys.
    #[error(
        "expected a self-signature by SHA-256 or better, found only such as are by SHA-1 or MD5; its owner renews it with \
         `gpg --cert-digest-algo SHA256 --quick-set-expire FINGERPRINT 2y` and exports it again"
    )]
    WeakSelfSignatures,
    /// Nothing that the key says about itself.
    #[error("expected a self-signature of the primary key, found none that is good")]
    NoSelfSignature,
    /// More than a certificate holds.
    #[error("{0}")]
    TooMany(String),
}

impl From<Refused> for CredentialRefusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Private => Self::Private,
            Refused::Form(why) => Self::Form(why),
            Refused::NotOne(found) => Self::NotOne { found },
            Refused::Primary(why) => Self::Key(why),
            Refused::Revocation(found) => Self::Revocation { found },
            Refused::WeakSelfSignatures => Self::WeakSelfSignatures,
            Refused::NoSelfSignature => Self::NoSelfSignature,
            Refused::TooMany(why) => Self::TooMany(why),
        }
    }
}

impl Credential {
    /// Reads one certificate, armored or binary, as `gpg --export` and `sq` write it.
    ///
    /// # Errors
    /// When the file is anything else, or its primary key is unfit or says nothing about itself.
    pub fn parse(received: &[u8]) -> Result<Self, CredentialRefusal> {
        if received.windows(16).any(|part| part == b"PGP PRIVATE KEY ") {
            return Err(CredentialRefusal::Private);
        }
        if received.len() > limits::OPENPGP_CERTIFICATE_BYTES {
            return Err(CredentialRefusal::TooLong { found: received.len() });
        }
        let bytes = armor::open(received, Block::PublicKey).map_err(CredentialRefusal::Form)?;
        Ok(Self(Certificate::read(&bytes)?))
    }

    /// Hex SHA-256 of the content of the primary key packet. Subkeys, user ids and expiry change under it; the key does not.
    pub fn fingerprint(&self) -> String {
        let mut hasher = Hasher::new(Hash::Sha256);
        hasher.update(&self.0.primary.body);
        hex(&hasher.finish())
    }

    /// The OpenPGP fingerprints, of the primary key first, as `gpg` prints them.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().map(Key::name).collect()
    }
}

/// The signatures of one file.
#[derive(Debug, Clone)]
pub struct Signature {
    packets: Vec<Packet>,
    /// What the file holds beside, that could not count whoever made it.
    unusable: Vec<(Issuers, String)>,
}

/// Why a file holds no signature that could count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// Larger than such files are.
    #[error("expected at most {} bytes, found {found}", limits::SIGNATURE_FILE_BYTES)]
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
    /// Neither armor nor packets, or damaged ones.
    #[error("not an OpenPGP signature: {0}")]
    Form(String),
    /// Something beside detached signatures.
    #[error("expected detached OpenPGP signatures and nothing else, found {found}")]
    NotDetached {
        /// What was found.
        found: String,
    },
    /// None at all.
    #[error("expected a signature, found none")]
    Empty,
    /// Too many.
    #[error("expected at most {} signatures, found {found}", limits::DETACHED_SIGNATURES)]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// Not one could count, whoever made it.
    #[error("the signature can't count: {0}")]
    Unusable(String),
}

impl Signature {
    /// Reads detached signatures, armored or binary. Those of version 3, by hash functions that are broken, and of types that are
    /// not over data do not count; where there is no other, the file is refused.
    ///
    /// # Errors
    /// When the file holds anything else, or nothing that could count.
    pub fn read(received: &[u8]) -> Result<Self, SignatureRefusal> {
        if u64::try_from(received.len()).is_ok_and(|length| length > limits::SIGNATURE_FILE_BYTES) {
            return Err(SignatureRefusal::TooLong { found: received.len() });
        }
        let bytes = armor::open(received, Block::Signature).map_err(SignatureRefusal::Form)?;
        Self::of_packets(&bytes, &[kind::BINARY, kind::TEXT])
    }

    fn of_packets(bytes: &[u8], kinds: &[u8]) -> Result<Self, SignatureRefusal> {
        let packets = packet::all(bytes).map_err(SignatureRefusal::Form)?;
        let known = |tag| matches!(tag, packet::SIGNATURE | packet::MARKER | packet::PADDING);
        if let Some(other) = packets.iter().find(|packet| !known(packet.tag)) {
            return Err(SignatureRefusal::NotDetached { found: called(other.tag) });
        }
        let signatures: Vec<_> = packets.iter().filter(|packet| packet.tag == packet::SIGNATURE).collect();
        if signatures.len() > limits::DETACHED_SIGNATURES {
            return Err(SignatureRefusal::TooMany { found: signatures.len() });
        }
        let mut read = Self { packets: Vec::new(), unusable: Vec::new() };
        for signature in signatures {
            match Packet::read(signature.body) {
                Ok(packet) if kinds.contains(&packet.kind) => read.packets.push(packet),
                Ok(packet) => {
                    let why =
                        format!("expected a signature of {}, found type 0x{:02x}", types(kinds), packet.kind);
                    read.unusable.push((packet.issuers, why));
                }
                Err(unusable) => read.unusable.push((unusable.issuers, unusable.why)),
            }
        }
        match (read.packets.first(), read.unusable.first()) {
            (Some(_), _) => Ok(read),
            (None, Some((_, why))) => Err(SignatureRefusal::Unusable(why.clone())),
            (None, None) => Err(SignatureRefusal::Empty),
        }
    }

    /// States of hash functions, one for each signature; all of the message for those of version 6, whose salt is hashed before
    /// the message's first byte.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        for packet in &self.packets {
            if packet.version == 6 {
                needs.whole = true;
            } else {
                needs.hashed.insert((packet.hash, intake(packet)));
            }
        }
        needs
    }

    /// The fingerprints or key ids that the signatures name, as `gpg` prints them.
    pub fn signer_named(&self) -> String {
        let usable = self.packets.iter().map(|packet| &packet.issuers);
        let all = usable.chain(self.unusable.iter().map(|(issuers, _)| issuers));
        let names: Vec<String> = all.filter_map(Issuers::shown).collect();
        if names.is_empty() { "a key that the signature does not name".to_owned() } else { names.join(", ") }
    }

    /// Tries every signature that may be by a key of this certificate. One that is good is enough.
    ///
    /// The time at which a signature says that it was made is held against it: after the time of judgement, before its key was
    /// made, or with an expiry that has passed, it does not count. It never counts in its favour.
    pub fn check(&self, credential: &Credential, message: &Message, at: Time) -> Tried {
        let certificate = &credential.0;
        let mut bad = None;
        for packet in &self.packets {
            for key in certificate.keys().filter(|key| packet.issuers.allow(key)) {
                match try_key(packet, certificate, key, message, at) {
                    Tried::Good(said) => return Tried::Good(said),
                    Tried::Bad(why) => bad = bad.or(Some(why)),
                    Tried::Other => {}
                }
            }
        }
        let named = |issuers: &Issuers| certificate.keys().any(|key| issuers.name(key));
        let unusable =
            || self.unusable.iter().find(|(issuers, _)| named(issuers)).map(|(_, why)| why.clone());
        bad.or_else(unusable).map_or(Tried::Other, Tried::Bad)
    }
}

fn types(kinds: &[u8]) -> &'static str {
    if kinds.contains(&kind::BINARY) { "data or text (0x00, 0x01)" } else { "text (0x01)" }
}

fn intake(packet: &Packet) -> Intake {
    if packet.kind == kind::TEXT { Intake::Text } else { Intake::Binary }
}

/// Which key signed is settled before whether it may: a key that may not sign makes a bad signature, not somebody else's.
fn try_key(packet: &Packet, certificate: &Certificate, key: &Key, message: &Message, at: Time) -> Tried {
    let is_named = packet.issuers.name(key);
    let hasher = match hashed(packet, message) {
        Ok(hasher) => hasher,
        Err(why) if is_named => return Tried::Bad(why),
        Err(_) => return Tried::Other,
    };
    if !packet.is_by(key, hasher) {
        if !is_named {
            return Tried::Other;
        }
        let why = packet.misfit(key).unwrap_or_else(|| {
            format!(
                "expected a signature ({}) over exactly these bytes, found one over others, or a damaged one",
                packet.algorithm()
            )
        });
        return Tried::Bad(format!("it names key {}: {why}", key.name()));
    }
    let now = seconds(at);
    let standing = certificate.may_sign(key, now).and_then(|()| times(packet, key, now));
    match standing {
        Ok(()) => Tried::Good(Said {
            when: time(i64::from(packet.created)),
            comment: None,
            who: certificate.user_id(now),
        }),
        Err(why) => Tried::Bad(why),
    }
}

fn hashed(packet: &Packet, message: &Message) -> Result<Hasher, String> {
    if packet.version != 6 {
        return message.hasher(packet.hash, intake(packet));
    }
    let whole = message.whole()?;
    let mut hasher = packet.hasher();
    match intake(packet) {
        Intake::Binary => hasher.update(whole),
        Intake::Text => with_line_breaks(false, whole, |part| hasher.update(part)),
    }
    Ok(hasher)
}

fn times(packet: &Packet, key: &Key, now: i64) -> Result<(), String> {
    let created = i64::from(packet.created);
    let shown = |seconds| time(seconds).map_or_else(|| format!("second {seconds}"), |time| time.to_string());
    if created > now {
        let (created, now) = (shown(created), shown(now));
        return Err(format!("the signature says that it was made at {created}, judged at {now}"));
    }
    if packet.created < key.created {
        let (created, key) = (shown(created), shown(i64::from(key.created)));
        return Err(format!(
            "the signature says that it was made at {created}, before its key was, at {key}"
        ));
    }
    match packet.expires.map(|lifetime| created.saturating_add(i64::from(lifetime))) {
        Some(end) if end <= now => {
            Err(format!("the signature expired at {}, judged at {}", shown(end), shown(now)))
        }
        _ => Ok(()),
    }
}
