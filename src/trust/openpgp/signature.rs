//! Signature packets (RFC 9580, section 5.2), of version 4 and 6.
//!
//! Only what is in the hashed area is signed. Of the rest two things are taken: hints at whose signature it is, and the back
//! signature of a subkey, which is signed for itself.

use super::key::{Key, algorithm_name};
use super::packet::{Reader, subpacket_length};
use crate::trust::message::{Hash, Hasher};

/// What a signature says it is (RFC 9580, section 5.2.1).
pub(super) mod kind {
    pub(in super::super) const BINARY: u8 = 0x00;
    pub(in super::super) const TEXT: u8 = 0x01;
    pub(in super::super) const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
    pub(in super::super) const SUBKEY_BINDING: u8 = 0x18;
    pub(in super::super) const PRIMARY_KEY_BINDING: u8 = 0x19;
    pub(in super::super) const DIRECT_KEY: u8 = 0x1f;
    pub(in super::super) const KEY_REVOCATION: u8 = 0x20;
    pub(in super::super) const SUBKEY_REVOCATION: u8 = 0x28;
    pub(in super::super) const CERTIFICATION_REVOCATION: u8 = 0x30;
}

/// Data may be signed by it (RFC 9580, section 5.2.3.29).
const FLAG_SIGN: u8 = 0x02;

/// How deep a signature may be in another one: a back signature in the binding of a subkey.
const DEPTH: u8 = 1;

/// The numbers of a signature.
#[derive(Debug, Clone)]
pub(super) enum Material {
    Rsa(Vec<u8>),
    Ecdsa { r: Vec<u8>, s: Vec<u8> },
    LegacyEdDsa { r: Vec<u8>, s: Vec<u8> },
    Ed25519([u8; 64]),
}

/// Why a signature packet does not count, whoever made it. What it says of whom it is by and of what type it is, is kept where
/// it could be read: a revocation that can't be verified is not passed over.
#[derive(Debug, Clone)]
pub(super) struct Unusable {
    pub(super) kind: Option<u8>,
    pub(super) issuers: Issuers,
    pub(super) why: String,
    /// By a hash function that is broken.
    pub(super) weak: bool,
}

/// Whom a signature says that it is by.
#[derive(Debug, Clone, Default)]
pub(super) struct Issuers {
    /// In the hashed area: the signer's own word.
    pub(super) signed: Option<Vec<u8>>,
    /// Anybody's hints: fingerprints and key ids.
    hints: Vec<Vec<u8>>,
}

impl Issuers {
    /// Whether `key` is named, be it in a hint.
    pub(super) fn name(&self, key: &Key) -> bool {
        let is = |name: &[u8]| name == key.fingerprint || key.id().is_some_and(|id| name == id);
        match &self.signed {
            Some(signed) => is(signed),
            None => self.hints.iter().any(|hint| is(hint)),
        }
    }

    /// Whether it could be by `key`: only what is signed can say that it is not.
    pub(super) fn allow(&self, key: &Key) -> bool {
        self.signed.as_ref().is_none_or(|signed| *signed == key.fingerprint)
    }

    /// Nobody is named.
    pub(super) fn is_empty(&self) -> bool {
        self.signed.is_none() && self.hints.is_empty()
    }

    /// As tools print it.
    pub(super) fn shown(&self) -> Option<String> {
        let name = self.signed.as_ref().or_else(|| self.hints.iter().max_by_key(|hint| hint.len()))?;
        Some(crate::digest::hex(name).to_ascii_uppercase())
    }
}

/// A signature whose form is sound. Whether it is good is another question.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) version: u8,
    pub(super) kind: u8,
    algorithm: u8,
    pub(super) hash: Hash,
    /// The packet from its first byte to the end of the hashed area.
    hashed: Vec<u8>,
    salt: Vec<u8>,
    beginning: [u8; 2],
    material: Material,
    pub(super) issuers: Issuers,
    /// Seconds since 1970.
    pub(super) created: u32,
    /// Seconds after `created`.
    pub(super) expires: Option<u32>,
    /// Seconds after the key was made.
    pub(super) key_expires: Option<u32>,
    pub(super) flags: Option<u8>,
    pub(super) is_primary_user_id: bool,
    pub(super) reason: Option<u8>,
    pub(super) embedded: Vec<Packet>,
}

impl Packet {
    /// Reads the content of a signature packet.
    pub(super) fn read(body: &[u8]) -> Result<Self, Unusable> {
        read(body, DEPTH)
    }

    /// Whether it lets the key sign data; `None` where it says nothing about what the key is for.
    pub(super) fn lets_sign(&self) -> Option<bool> {
        self.flags.map(|flags| flags & FLAG_SIGN != 0)
    }

    /// A hash that took in the salt of version 6, which is hashed first.
    pub(super) fn hasher(&self) -> Hasher {
        let mut hasher = Hasher::new(self.hash);
        hasher.update(&self.salt);
        hasher
    }

    /// Whether `key` made it over what `hasher` took in.
    pub(super) fn is_by(&self, key: &Key, mut hasher: Hasher) -> bool {
        let Ok(public) = &key.public else { return false };
        let same_version = key.version == self.version;
        let Ok(length) = u32::try_from(self.hashed.len()) else { return false };
        hasher.update(&self.hashed);
        hasher.update(&[self.version, 0xff]);
        hasher.update(&length.to_be_bytes());
        let digest = hasher.finish();
        same_version
            && digest.starts_with(&self.beginning)
            && public.verifies(self.hash, &digest, &self.material)
    }

    /// What `key` can't take of it, for messages.
    pub(super) fn misfit(&self, key: &Key) -> Option<String> {
        match &key.public {
            Err(why) => Some(format!("its key is of no use: {why}")),
            Ok(public) => public.takes(self.hash).err(),
        }
    }
}

fn read(body: &[u8], depth: u8) -> Result<Packet, Unusable> {
    let nothing = |why: String| Unusable { kind: None, issuers: Issuers::default(), why, weak: false };
    let cut = || nothing("expected a whole signature packet, found one that is cut off".to_owned());
    let mut reader = Reader::new(body);
    let version = reader.byte().ok_or_else(cut)?;
    if !matches!(version, 4 | 6) {
        return Err(of_version(version, body));
    }
    let kind = reader.byte().ok_or_else(cut)?;
    let algorithm = reader.byte().ok_or_else(cut)?;
    let hash = reader.byte().ok_or_else(cut)?;
    let area = |reader: &mut Reader<'_>| {
        let length = if version == 6 { reader.four()? } else { u32::from(reader.two()?) };
        usize::try_from(length).ok()
    };
    let length = area(&mut reader).ok_or_else(cut)?;
    let signed_area = reader.take(length).ok_or_else(cut)?;
    let hashed = body.len().checked_sub(reader.left()).and_then(|end| body.get(..end)).ok_or_else(cut)?;
    let length = area(&mut reader).ok_or_else(cut)?;
    let other_area = reader.take(length).ok_or_else(cut)?;

    let mut said = Said::default();
    let read = said.take_signed(signed_area, depth).and_then(|()| said.take_hints(other_area, depth));
    let issuers = said.issuers.clone();
    let unusable = |why: String, weak| Unusable { kind: Some(kind), issuers: issuers.clone(), why, weak };
    read.map_err(|why| unusable(why, false))?;
    let hash = hash_function(hash).map_err(|(why, weak)| unusable(why, weak))?;
    let created = said
        .created
        .ok_or_else(|| unusable("expected a signed time of creation, found none".to_owned(), false))?;
    let beginning = reader.array().ok_or_else(cut)?;
    let salt =
        if version == 6 { salt(&mut reader, hash).map_err(|why| unusable(why, false))? } else { Vec::new() };
    let material = material(algorithm, &mut reader).map_err(|why| unusable(why, false))?;
    if !reader.is_empty() {
        let why = format!("expected the end of the signature, found {} bytes more", reader.left());
        return Err(unusable(why, false));
    }
    Ok(Packet {
        version,
        kind,
        algorithm,
        hash,
        hashed: hashed.to_vec(),
        salt,
        beginning,
        material,
        issuers,
        created,
        expires: said.expires,
        key_expires: said.key_expires,
        flags: said.flags,
        is_primary_user_id: said.is_primary_user_id,
        reason: said.reason,
        embedded: said.embedded,
    })
}

/// Version 3 says of what type it is and whose, at places of its own (RFC 4880, section 5.2.2).
fn of_version(version: u8, body: &[u8]) -> Unusable {
    let why = format!("expected a signature of version 4 or 6, found version {version}");
    let (kind, hint) = if matches!(version, 2 | 3) { (body.get(2), body.get(7..15)) } else { (None, None) };
    let issuers = Issuers { signed: None, hints: hint.map(<[u8]>::to_vec).into_iter().collect() };
    Unusable { kind: kind.copied(), issuers, why, weak: false }
}

impl Packet {
    /// The public-key algorithm, for messages.
    pub(super) fn algorithm(&self) -> String {
        algorithm_name(self.algorithm)
    }
}

/// RFC 9580, section 9.5. What is broken is named; what is sound and not read here as well.
fn hash_function(number: u8) -> Result<Hash, (String, bool)> {
    let name = match number {
        8 => return Ok(Hash::Sha256),
        9 => return Ok(Hash::Sha384),
        10 => return Ok(Hash::Sha512),
        1 => "MD5, which is broken",
        2 => "SHA-1, which is broken",
        3 => "RIPEMD-160, which is too short",
        11 => "SHA-224, which is not read here",
        12 | 14 => "SHA-3, which is not read here",
        _ => "an unknown one",
    };
    Err((
        format!("expected SHA-256, SHA-384 or SHA-512, found hash function {number} ({name})"),
        matches!(number, 1..=3),
    ))
}

/// The salt of version 6, whose length the hash function gives (RFC 9580, section 9.5).
fn salt(reader: &mut Reader<'_>, hash: Hash) -> Result<Vec<u8>, String> {
    let expected = match hash {
        Hash::Sha256 => 16,
        Hash::Sha384 => 24,
        _ => 32,
    };
    let length = reader.byte();
    let salt =
        length.filter(|length| *length == expected).and_then(|length| reader.take(usize::from(length)));
    salt.map(<[u8]>::to_vec)
        .ok_or_else(|| format!("expected a salt of {expected} bytes, found another length"))
}

fn material(algorithm: u8, reader: &mut Reader<'_>) -> Result<Material, String> {
    let two = |reader: &mut Reader<'_>| {
        let r = reader.number()?.to_vec();
        Some((r, reader.number()?.to_vec()))
    };
    let material = match algorithm {
        1 | 3 => reader.number().map(|number| Material::Rsa(number.to_vec())),
        19 => two(reader).map(|(r, s)| Material::Ecdsa { r, s }),
        22 => two(reader).map(|(r, s)| Material::LegacyEdDsa { r, s }),
        27 => reader.array().map(Material::Ed25519),
        other => return Err(format!("expected RSA, ECDSA or Ed25519, found {}", algorithm_name(other))),
    };
    material.ok_or_else(|| {
        "expected the numbers of a signature, found another form, or one that is cut off".to_owned()
    })
}

/// What the subpackets say.
#[derive(Default)]
struct Said {
    issuers: Issuers,
    created: Option<u32>,
    expires: Option<u32>,
    key_expires: Option<u32>,
    flags: Option<u8>,
    is_primary_user_id: bool,
    reason: Option<u8>,
    embedded: Vec<Packet>,
    seen: std::collections::BTreeSet<u8>,
}

/// A subpacket (RFC 9580, section 5.2.3.7).
struct Subpacket<'b> {
    number: u8,
    is_critical: bool,
    body: &'b [u8],
}

fn subpackets(area: &[u8]) -> Result<Vec<Subpacket<'_>>, String> {
    let mut reader = Reader::new(area);
    let mut all = Vec::new();
    while !reader.is_empty() {
        let whole = subpacket_length(&mut reader)
            .and_then(|length| reader.take(length))
            .and_then(<[u8]>::split_first);
        let (first, body) = whole
            .ok_or_else(|| "expected whole subpackets, found one that is empty or cut off".to_owned())?;
        all.push(Subpacket { number: first & 0x7f, is_critical: first & 0x80 != 0, body });
    }
    Ok(all)
}

/// Subpackets that change nothing about whether a signature over data is good: whether it may be exported or revoked (4, 7),
/// which algorithms and key servers the owner likes (11, 21 to 24, 30, 34, 39), where a policy is to be read (26), who it is said
/// to be in words (28). One of these may be marked critical; one that is unknown and marked so voids the signature.
const WITHOUT_EFFECT: [u8; 12] = [4, 7, 11, 21, 22, 23, 24, 26, 28, 30, 34, 39];

impl Said {
    fn take_signed(&mut self, area: &[u8], depth: u8) -> Result<(), String> {
        for Subpacket { number, is_critical, body } in subpackets(area)? {
            let form = || format!("expected signature subpacket {number} in its form, found another one");
            let four = || Reader::new(body).four().filter(|_| body.len() == 4).ok_or_else(form);
            if matches!(number, 2 | 3 | 9 | 25 | 27 | 29 | 33) && !self.seen.insert(number) {
                return Err(format!("expected signature subpacket {number} once, found it twice"));
            }
            match number {
                2 => self.created = Some(four()?),
                // Zero stands for never.
                3 => self.expires = Some(four()?).filter(|seconds| *seconds != 0),
                9 => self.key_expires = Some(four()?).filter(|seconds| *seconds != 0),
                25 => self.is_primary_user_id = body == [1],
                27 => self.flags = Some(body.first().copied().unwrap_or(0)),
                29 => self.reason = Some(*body.first().ok_or_else(form)?),
                33 => self.issuers.signed = Some(fingerprint(body).ok_or_else(form)?.to_vec()),
                16 => self.issuers.hints.push(<[u8; 8]>::try_from(body).map_err(|_| form())?.to_vec()),
                32 => self.embed(body, depth),
                _ if WITHOUT_EFFECT.contains(&number) => {}
                20 if is_critical => {
                    return Err("expected no critical notation, found one, whose meaning is not known here"
                        .to_owned());
                }
                _ if is_critical => {
                    return Err(format!(
                        "expected no critical subpacket of unknown meaning, found number {number}"
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Nothing here is signed, so nothing is believed; it must be of the form all the same.
    fn take_hints(&mut self, area: &[u8], depth: u8) -> Result<(), String> {
        for Subpacket { number, body, .. } in subpackets(area)? {
            match number {
                16 if body.len() == 8 => self.issuers.hints.push(body.to_vec()),
                33 => self.issuers.hints.extend(fingerprint(body).map(<[u8]>::to_vec)),
                32 => self.embed(body, depth),
                _ => {}
            }
        }
        Ok(())
    }

    /// One that is of no use is as if it were not there: a binding that needs it then fails.
    fn embed(&mut self, body: &[u8], depth: u8) {
        if let Some(depth) = depth.checked_sub(1)
            && self.embedded.is_empty()
            && let Ok(packet) = read(body, depth)
        {
            self.embedded.push(packet);
        }
    }
}

/// The fingerprint of an issuer, whose length its version gives.
fn fingerprint(body: &[u8]) -> Option<&[u8]> {
    match body.split_first()? {
        (4, fingerprint) if fingerprint.len() == 20 => Some(fingerprint),
        (6, fingerprint) if fingerprint.len() == 32 => Some(fingerprint),
        _ => None,
    }
}
