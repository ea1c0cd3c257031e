//! A certificate (transferable public key; RFC 9580, section 10.1): a primary key, user ids and subkeys, and what the primary key
//! signed about each.
//!
//! Every signature by the primary key is verified once, when the certificate is read. What they amount to depends on the time of
//! judgement and is worked out then. What other people certified is passed over: the operator's trust store says whose key it is.

use super::key::Key;
use super::packet::{self, called};
use super::signature::{Packet, Unusable, kind};
use super::time;
use crate::limits;
use crate::trust::message::Hasher;

/// A certificate whose self-signatures are verified.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) primary: Key,
    /// Direct-key signatures.
    direct: Vec<Packet>,
    user_ids: Vec<UserId>,
    subkeys: Vec<Subkey>,
    revocations: Vec<Revocation>,
}

#[derive(Debug, Clone)]
struct UserId {
    text: Vec<u8>,
    certifications: Vec<Packet>,
    revocations: Vec<Revocation>,
}

#[derive(Debug, Clone)]
struct Subkey {
    key: Key,
    bindings: Vec<Packet>,
    revocations: Vec<Revocation>,
}

#[derive(Debug, Clone, Copy)]
struct Revocation {
    created: u32,
    reason: Option<u8>,
}

/// A key was replaced (RFC 9580, section 5.2.3.31).
const SUPERSEDED: u8 = 1;

/// A key is no longer used.
const RETIRED: u8 = 3;

impl Revocation {
    fn of(packet: &Packet) -> Self {
        Self { created: packet.created, reason: packet.reason }
    }

    /// Whoever retires a key vouches for what it signed before. For any other reason, and for none, it does not.
    fn reaches_back(self) -> bool {
        !matches!(self.reason, Some(SUPERSEDED | RETIRED))
    }

    fn why(self) -> String {
        match self.reason {
            None | Some(0) => "without a reason".to_owned(),
            Some(SUPERSEDED) => "superseded".to_owned(),
            Some(2) => "compromised".to_owned(),
            Some(RETIRED) => "retired".to_owned(),
            Some(other) => format!("reason {other}"),
        }
    }
}

/// Why bytes are not a certificate that may be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    Private,
    Form(String),
    NotOne(String),
    Primary(String),
    Revocation(String),
    WeakSelfSignatures,
    NoSelfSignature,
    TooMany(String),
}

/// What the signature that is read next would be about.
enum Part {
    Primary,
    UserId,
    Attribute,
    Subkey,
}

struct Building {
    certificate: Certificate,
    part: Part,
    has_weak: bool,
    verified: usize,
}

impl Certificate {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let packets = packet::all(bytes).map_err(Refused::Form)?;
        // First of all, so that no other message can be about what is in it.
        if packets.iter().any(|p| matches!(p.tag, packet::SECRET_KEY | packet::SECRET_SUBKEY)) {
            return Err(Refused::Private);
        }
        let mut packets = packets.iter().filter(|p| !matches!(p.tag, packet::MARKER | packet::PADDING));
        let primary = match packets.next() {
            Some(first) if first.tag == packet::PUBLIC_KEY => {
                Key::read(first.body).map_err(Refused::Primary)?
            }
            Some(first) => {
                return Err(Refused::NotOne(called(first.tag)));
            }
            None => return Err(Refused::NotOne("nothing".to_owned())),
        };
        if let Err(why) = &primary.public {
            return Err(Refused::Primary(why.clone()));
        }
        let mut building = Building {
            certificate: Self {
                primary,
                direct: Vec::new(),
                user_ids: Vec::new(),
                subkeys: Vec::new(),
                revocations: Vec::new(),
            },
            part: Part::Primary,
            has_weak: false,
            verified: 0,
        };
        packets.try_for_each(|packet| building.take(packet))?;
        building.finish()
    }

    /// The primary key and the subkeys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.primary).chain(self.subkeys.iter().map(|subkey| &subkey.key))
    }

    /// The user id that the owner marked as the primary one, or else the first, of those that stand at `at`.
    pub(super) fn user_id(&self, at: i64) -> Option<String> {
        let standing = || self.user_ids.iter().filter_map(|id| Some((id, newest(id.standing(at), at)?)));
        let marked =
            standing().filter(|(_, packet)| packet.is_primary_user_id).max_by_key(|(_, p)| p.created);
        let (id, _) = marked.or_else(|| standing().next())?;
        Some(String::from_utf8_lossy(&id.text).chars().take(limits::KEY_ID_SHOWN).collect())
    }

    /// Whether data may be signed by `key`, which is one of this certificate, judged at `at` (seconds since 1970).
    pub(super) fn may_sign(&self, key: &Key, at: i64) -> Result<(), String> {
        revoked(&self.primary, &self.revocations, at)?;
        let name = self.primary.name();
        let direct = newest(self.direct.iter(), at);
        let certified = newest(self.user_ids.iter().flat_map(|id| id.standing(at)), at);
        let said: Vec<&Packet> = match self.primary.version {
            // In version 6 user ids say nothing about the key (RFC 9580, section 10.1.1).
            6 => direct.into_iter().collect(),
            _ => direct.into_iter().chain(certified).collect(),
        };
        if said.is_empty() {
            return Err(format!(
                "expected a self-signature of key {name} that holds at {}, found none",
                shown(at)
            ));
        }
        // Tools keep the two alike; where they differ, the narrower of both holds.
        let lifetimes = said.iter().filter_map(|packet| packet.key_expires);
        expired(&self.primary, lifetimes.min(), at)?;
        if key.fingerprint == self.primary.fingerprint {
            let flags: Vec<bool> = said.iter().filter_map(|packet| packet.lets_sign()).collect();
            return if !flags.is_empty() && flags.iter().all(|may| *may) {
                Ok(())
            } else {
                Err(format!(
                    "expected a key that its self-signature lets sign data, found key {name}, which it does not"
                ))
            };
        }
        let subkey = self.subkeys.iter().find(|subkey| subkey.key.fingerprint == key.fingerprint);
        subkey
            .ok_or_else(|| format!("expected a subkey of {name}, found another key"))?
            .may_sign(&self.primary, at)
    }
}

impl UserId {
    /// Its certifications, if it was not revoked by `at`.
    fn standing(&self, at: i64) -> impl Iterator<Item = &Packet> {
        let revoked = self.revocations.iter().any(|revocation| i64::from(revocation.created) <= at);
        self.certifications.iter().filter(move |_| !revoked)
    }
}

impl Subkey {
    fn may_sign(&self, primary: &Key, at: i64) -> Result<(), String> {
        revoked(&self.key, &self.revocations, at)?;
        let name = self.key.name();
        let binding = newest(self.bindings.iter(), at).ok_or_else(|| {
            let primary = primary.name();
            format!(
                "expected a signature of key {primary} that binds subkey {name} and holds at {}, found none",
                shown(at)
            )
        })?;
        if binding.lets_sign() != Some(true) {
            return Err(format!(
                "expected a subkey that its binding lets sign data, found {name}, which it does not"
            ));
        }
        expired(&self.key, binding.key_expires, at)?;
        let back = binding.embedded.iter().any(|back| {
            let mut hasher = back.hasher();
            primary.hash_into(&mut hasher);
            self.key.hash_into(&mut hasher);
            back.kind == kind::PRIMARY_KEY_BINDING && holds(back, at) && back.is_by(&self.key, hasher)
        });
        if back {
            Ok(())
        } else {
            Err(format!(
                "expected subkey {name} to have signed that it belongs to the primary key, found no such signature: \
                 anybody could have bound it"
            ))
        }
    }
}

fn shown(at: i64) -> String {
    time(at).map_or_else(|| format!("second {at}"), |time| time.to_string())
}

/// Whether a signature was made by `at` and has not expired.
fn holds(packet: &Packet, at: i64) -> bool {
    let created = i64::from(packet.created);
    let end = packet.expires.map(|seconds| created.saturating_add(i64::from(seconds)));
    created <= at && end.is_none_or(|end| at < end)
}

/// The newest one that was made by `at`. One that has expired is not replaced by an older one.
fn newest<'p>(packets: impl Iterator<Item = &'p Packet>, at: i64) -> Option<&'p Packet> {
    let made = packets.filter(|packet| i64::from(packet.created) <= at);
    made.max_by_key(|packet| packet.created).filter(|packet| holds(packet, at))
}

fn revoked(key: &Key, revocations: &[Revocation], at: i64) -> Result<(), String> {
    let in_force =
        |revocation: &&Revocation| revocation.reaches_back() || i64::from(revocation.created) <= at;
    match revocations.iter().find(in_force) {
        None => Ok(()),
        Some(revocation) => {
            let reach =
                if revocation.reaches_back() { ", which reaches back to everything it signed" } else { "" };
            let (when, why) = (shown(i64::from(revocation.created)), revocation.why());
            Err(format!("key {} was revoked at {when} ({why}){reach}", key.name()))
        }
    }
}

fn expired(key: &Key, lifetime: Option<u32>, at: i64) -> Result<(), String> {
    let created = i64::from(key.created);
    if at < created {
        return Err(format!("key {} was made at {}, judged at {}", key.name(), shown(created), shown(at)));
    }
    match lifetime.map(|seconds| created.saturating_add(i64::from(seconds))) {
        Some(end) if end <= at => {
            Err(format!("key {} expired at {}, judged at {}", key.name(), shown(end), shown(at)))
        }
        _ => Ok(()),
    }
}

impl Building {
    fn take(&mut self, packet: &packet::Packet<'_>) -> Result<(), Refused> {
        match packet.tag {
            packet::SIGNATURE => return self.signature(packet.body),
            packet::USER_ID => {
                let (certifications, revocations) = (Vec::new(), Vec::new());
                self.certificate.user_ids.push(UserId {
                    text: packet.body.to_vec(),
                    certifications,
                    revocations,
                });
                self.part = Part::UserId;
            }
            packet::USER_ATTRIBUTE => self.part = Part::Attribute,
            packet::PUBLIC_SUBKEY => {
                let key = Key::read(packet.body).map_err(Refused::Form)?;
                self.certificate.subkeys.push(Subkey { key, bindings: Vec::new(), revocations: Vec::new() });
                self.part = Part::Subkey;
            }
            packet::TRUST | 40..=63 => {}
            packet::PUBLIC_KEY => return Err(Refused::NotOne("a second certificate".to_owned())),
            other => return Err(Refused::NotOne(format!("{} in it", called(other)))),
        }
        let keys = self.certificate.subkeys.len().saturating_add(1);
        if keys > limits::OPENPGP_KEYS || self.certificate.user_ids.len() > limits::OPENPGP_SELF_SIGNATURES {
            return Err(Refused::TooMany(format!(
                "expected at most {} keys and {} user ids, found more",
                limits::OPENPGP_KEYS,
                limits::OPENPGP_SELF_SIGNATURES
            )));
        }
        Ok(())
    }

    fn signature(&mut self, body: &[u8]) -> Result<(), Refused> {
        let packet = match Packet::read(body) {
            Ok(packet) => packet,
            Err(unusable) => return self.unusable(&unusable),
        };
        let primary = &self.certificate.primary;
        let is_own = packet.issuers.name(primary) || packet.issuers.is_empty();
        if !is_own {
            return match packet.kind {
                kind::KEY_REVOCATION | kind::SUBKEY_REVOCATION => {
                    let by = packet.issuers.shown().unwrap_or_default();
                    Err(Refused::Revocation(format!(
                        "a revocation by another key ({by}), which can't be checked here"
                    )))
                }
                _ => Ok(()),
            };
        }
        // A picture says nothing about a key.
        if matches!(self.part, Part::Attribute)
            && !matches!(packet.kind, kind::DIRECT_KEY | kind::KEY_REVOCATION)
        {
            return Ok(());
        }
        self.verified = self.verified.saturating_add(1);
        if self.verified > limits::OPENPGP_SELF_SIGNATURES {
            return Err(Refused::TooMany(format!(
                "expected at most {} signatures by its own key, found more",
                limits::OPENPGP_SELF_SIGNATURES
            )));
        }
        let is_good =
            self.hashed(&packet).is_some_and(|hasher| packet.is_by(&self.certificate.primary, hasher));
        if is_good && packet.created >= self.certificate.primary.created {
            self.keep(packet);
            return Ok(());
        }
        match packet.kind {
            kind::KEY_REVOCATION | kind::SUBKEY_REVOCATION | kind::CERTIFICATION_REVOCATION => {
                Err(Refused::Revocation("a revocation in the key's name that is not good".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn unusable(&mut self, unusable: &Unusable) -> Result<(), Refused> {
        let primary = &self.certificate.primary;
        if !unusable.issuers.name(primary) && !unusable.issuers.is_empty() {
            return Ok(());
        }
        match unusable.kind {
            Some(kind::KEY_REVOCATION | kind::SUBKEY_REVOCATION | kind::CERTIFICATION_REVOCATION) => {
                Err(Refused::Revocation(format!("a revocation that can't be checked here: {}", unusable.why)))
            }
            _ => {
                self.has_weak |= unusable.weak;
                Ok(())
            }
        }
    }

    /// What a signature at this place is over; `None` where its type does not belong here.
    fn hashed(&self, packet: &Packet) -> Option<Hasher> {
        let certificate = &self.certificate;
        let mut hasher = packet.hasher();
        certificate.primary.hash_into(&mut hasher);
        match (packet.kind, &self.part) {
            (kind::DIRECT_KEY | kind::KEY_REVOCATION, _) => {}
            (kind::SUBKEY_BINDING | kind::SUBKEY_REVOCATION, Part::Subkey) => {
                certificate.subkeys.last()?.key.hash_into(&mut hasher);
            }
            (other, Part::UserId)
                if kind::CERTIFICATIONS.contains(&other) || other == kind::CERTIFICATION_REVOCATION =>
            {
                let text = &certificate.user_ids.last()?.text;
                hasher.update(&[0xb4]);
                hasher.update(&u32::try_from(text.len()).ok()?.to_be_bytes());
                hasher.update(text);
            }
            _ => return None,
        }
        Some(hasher)
    }

    fn keep(&mut self, packet: Packet) {
        let certificate = &mut self.certificate;
        let revocation = Revocation::of(&packet);
        match packet.kind {
            kind::DIRECT_KEY => certificate.direct.push(packet),
            kind::KEY_REVOCATION => certificate.revocations.push(revocation),
            kind::SUBKEY_BINDING => {
                if let Some(subkey) = certificate.subkeys.last_mut() {
                    subkey.bindings.push(packet);
                }
            }
            kind::SUBKEY_REVOCATION => {
                if let Some(subkey) = certificate.subkeys.last_mut() {
                    subkey.revocations.push(revocation);
                }
            }
            kind::CERTIFICATION_REVOCATION => {
                if let Some(id) = certificate.user_ids.last_mut() {
                    id.revocations.push(revocation);
                }
            }
            _ => {
                if let Some(id) = certificate.user_ids.last_mut() {
                    id.certifications.push(packet);
                }
            }
        }
    }

    fn finish(self) -> Result<Certificate, Refused> {
        let certificate = self.certificate;
        let certified = certificate.user_ids.iter().any(|id| !id.certifications.is_empty());
        let is_signed = !certificate.direct.is_empty() || certified && certificate.primary.version == 4;
        match (is_signed, self.has_weak) {
            (true, _) => Ok(certificate),
            (false, true) => Err(Refused::WeakSelfSignatures),
            (false, false) => Err(Refused::NoSelfSignature),
        }
    }
}
