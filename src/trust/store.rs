//! `trust.toml`: the operator's list of keys. Whose they are, what they may vouch for, and when.
//!
//! Everything that could make a key count in the wrong place is refused when the file is loaded, at its
//! place: weak keys, one key under two names, an owner who is two parties or is spelled in two ways, somebody who
//! could approve their own change.

use super::credential::{Credential, Reader};
use super::{Capacity, Disqualification, Signer};
use crate::config::{ConfigError, Document, Faults, Section};
use crate::digest::DocumentDigest;
use crate::drop::path::{Name, lookalike_key};
use crate::escape::is_deceptive;
use crate::files::Files;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// What a signer may vouch for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// That these files are the release: the manifest.
    Release,
    /// Scans for malware.
    MalwareScan,
    /// Tests and their reports, scans for vulnerabilities among them.
    Test,
    /// Bills of materials.
    Sbom,
    /// Whether the product is affected by a vulnerability.
    Vex,
    /// How artifacts were built.
    Provenance,
    /// Change records and transition dossiers.
    Change,
    /// Approvals of changes; for the provider alone.
    Approval,
    /// Exceptions to a control; for the provider alone.
    Waiver,
    /// Lists of counterfeit items; for the provider alone.
    CounterfeitNotice,
}

impl Role {
    /// Every role, by the name that files give it.
    pub const LEGAL: [(&'static str, Self); 10] = [
        ("release", Self::Release),
        ("malware-scan", Self::MalwareScan),
        ("test", Self::Test),
        ("sbom", Self::Sbom),
        ("vex", Self::Vex),
        ("provenance", Self::Provenance),
        ("change", Self::Change),
        ("approval", Self::Approval),
        ("waiver", Self::Waiver),
        ("counterfeit-notice", Self::CounterfeitNotice),
    ];

    /// Whether the provider alone may hold it.
    pub fn is_the_providers(self) -> bool {
        matches!(self, Self::Approval | Self::Waiver | Self::CounterfeitNotice)
    }
}

/// Who a signer is to the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Delivers the product.
    Vendor,
    /// Operates the network and receives the product: the user of this gate.
    Provider,
    /// Neither, and engaged for the contract.
    ThirdParty,
    /// An accredited test laboratory.
    Lab,
}

impl Party {
    /// Every party, by the name that files give it.
    pub const LEGAL: [(&'static str, Self); 4] = [
        ("vendor", Self::Vendor),
        ("provider", Self::Provider),
        ("third-party", Self::ThirdParty),
        ("lab", Self::Lab),
    ];
}

fn name_in<T: PartialEq>(legal: &[(&'static str, T)], value: &T) -> &'static str {
    legal.iter().find(|(_, own)| own == value).map_or("", |(name, _)| name)
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_in(&Self::LEGAL, self))
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_in(&Self::LEGAL, self))
    }
}

/// One key of the trust store.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    /// The operator's name for it.
    pub name: String,
    /// The key itself.
    pub credential: Credential,
    /// Hex SHA-256 of the key's `SubjectPublicKeyInfo`, or of what its scheme says: the key id that our own tools write.
    pub fingerprint: String,
    /// The person (or service) who holds it. Thresholds count owners.
    pub owner: String,
    /// Who the owner is to the contract.
    pub party: Party,
    /// For vendors: the vendor that the key speaks for.
    pub vendor: Option<String>,
    /// For vendors: the products that the key speaks for; empty for all.
    pub products: Vec<String>,
    /// What it may sign.
    pub roles: Vec<Role>,
    /// Begin of validity.
    pub valid_from: Time,
    /// End of validity.
    pub valid_until: Time,
    /// Revocation.
    pub revoked: Option<Revocation>,
}

/// When and why a key was revoked.
#[derive(Debug, Clone, Copy)]
pub struct Revocation {
    /// From when on.
    pub at: Time,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a key was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationReason {
    /// Somebody else may have it: nothing that it ever signed counts.
    Compromised,
    /// Its owner left, or a new key took its place: nothing counts from then on.
    Retired,
}

impl RevocationReason {
    const LEGAL: [(&'static str, Self); 2] = [("compromised", Self::Compromised), ("retired", Self::Retired)];
}

impl TrustedKey {
    /// Whether an envelope's key id means this key. A hint, never a proof.
    pub fn answers_to(&self, keyid: &str) -> bool {
        keyid == self.fingerprint || keyid == self.name
    }

    /// Whether it may sign in `capacity`, judged at `at`.
    ///
    /// # Errors
    /// With the first reason why not.
    pub fn standing(&self, capacity: Capacity, at: Time) -> Result<(), Disqualification> {
        if let Some(revoked) = &self.revoked {
            let reaches_back = revoked.reason == RevocationReason::Compromised;
            if reaches_back || at >= revoked.at {
                let reason = name_in(&RevocationReason::LEGAL, &revoked.reason);
                return Err(Disqualification::Revoked { when: revoked.at, reason, reaches_back });
            }
        }
        if at < self.valid_from {
            return Err(Disqualification::NotYetValid { from: self.valid_from, at });
        }
        if at >= self.valid_until {
            return Err(Disqualification::Expired { until: self.valid_until, at });
        }
        let asked: &[Role] = match &capacity {
            Capacity::In(role) => std::slice::from_ref(role),
            Capacity::InOneOf(roles) => roles,
            Capacity::Any => return Ok(()),
        };
        if asked.iter().any(|role| self.roles.contains(role)) {
            return Ok(());
        }
        let named = |roles: &[Role], or: &str| roles.iter().map(Role::to_string).collect::<Vec<_>>().join(or);
        Err(Disqualification::Role { expected: named(asked, " or "), found: named(&self.roles, ", ") })
    }

    pub(super) fn signer(&self) -> Signer {
        Signer {
            key: self.name.clone(),
            fingerprint: self.fingerprint.clone(),
            through: None,
            owner: self.owner.clone(),
            party: self.party,
            vendor: self.vendor.clone(),
            products: self.products.clone(),
            roles: self.roles.clone(),
        }
    }
}

/// The operator's keys: at least one.
#[derive(Debug)]
pub struct TrustStore {
    keys: Vec<TrustedKey>,
    digest: DocumentDigest,
}

impl TrustStore {
    /// Reads `trust.toml`. Key files that it names are looked up beside it.
    ///
    /// # Errors
    /// When the file can't be read, or with every fault in it.
    pub fn load(path: &Path, files: &dyn Files) -> Result<Self, ConfigError> {
        Self::read(&Document::load(path, files)?, files)
    }

    /// Reads the document of a trust store.
    ///
    /// # Errors
    /// With every fault in it.
    pub fn read(document: &Document, files: &dyn Files) -> Result<Self, ConfigError> {
        let directory = document.path().parent().unwrap_or(Path::new(""));
        let mut named_files: Vec<String> = Vec::new();
        let keys = document.parse(|root, faults| {
            if let Some(version) = root.required("version", faults) {
                version.integer(1..=1, faults);
            }
            let sections = root.sections("key", faults);
            if sections.is_empty() {
                faults.add_with_help(
                    root.span(),
                    "the trust store holds no key",
                    "expected at least one [[key]]",
                    "a gate without keys can accept nothing; add the vendor's public key",
                );
            }
            let entries: Vec<Entry> = sections
                .into_iter()
                .filter_map(|section| entry(section, (directory, files), &mut named_files, faults))
                .collect();
            conflicts(&entries, faults);
            Some(entries.into_iter().map(|entry| entry.key).collect::<Vec<_>>())
        })?;
        // A key file is part of what was trusted: the store's digest covers it.
        let mut whole = document.text().as_bytes().to_vec();
        for text in &named_files {
            whole.push(0);
            whole.extend_from_slice(text.as_bytes());
        }
        Ok(Self { keys, digest: DocumentDigest::of(&whole) })
    }

    /// Every key, in the order of the file.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// What verdicts name the store by: SHA-256 of the file, and of a NUL and the contents of each key file
    /// that it names, in order.
    pub fn digest(&self) -> DocumentDigest {
        self.digest
    }

    /// How many distinct owners could sign for `role` at some time: the most for any one vendor, compromised
    /// keys left out.
    pub fn owners_for(&self, role: Role) -> u64 {
        let mut owners: BTreeMap<Option<&str>, BTreeSet<&str>> = BTreeMap::new();
        let compromised = |key: &TrustedKey| {
            key.revoked.is_some_and(|revoked| revoked.reason == RevocationReason::Compromised)
        };
        for key in self.keys.iter().filter(|key| key.roles.contains(&role) && !compromised(key)) {
            owners.entry(key.vendor.as_deref()).or_default().insert(&key.owner);
        }
        owners.values().map(BTreeSet::len).max().and_then(|most| u64::try_from(most).ok()).unwrap_or(0)
    }
}

struct Entry {
    key: TrustedKey,
    span: Range<usize>,
    owner_span: Range<usize>,
    vendor_span: Option<Range<usize>>,
}

fn entry(
    mut section: Section<'_>,
    beside: (&Path, &dyn Files),
    named_files: &mut Vec<String>,
    faults: &mut Faults,
) -> Option<Entry> {
    let span = section.span();
    let name = section.required("id", faults).and_then(|item| item.text(faults)).map(str::to_owned);
    let (directory, files) = beside;
    let credential = Reader { directory, files, read: named_files }.credential(&mut section, faults);
    let owner = section.required("owner", faults);
    let owner = owner.and_then(|item| Some((item.text(faults)?.to_owned(), item.span())));
    let party = section.required("party", faults).and_then(|item| item.choice(&Party::LEGAL, faults));
    let roles = section.required("roles", faults);
    let roles = roles.and_then(|item| Some((item.choices(&Role::LEGAL, faults)?, item)));
    if let Some((owner, span)) = &owner {
        visible(owner, span, faults);
    }
    let vendor = section.optional("vendor").map(|item| (item.text(faults).map(str::to_owned), item));
    let products = section.optional("products").map(|item| (item.texts(faults), item));
    if let Some((Some(vendor), item)) = &vendor {
        nameable(vendor, &item.span(), faults);
    }
    for (product, span) in products.iter().filter_map(|(names, _)| names.as_ref()).flatten() {
        nameable(product, span, faults);
    }
    let valid_from = section.required("valid-from", faults).and_then(|item| item.time(faults));
    let until = section.required("valid-until", faults);
    let valid_until = until.as_ref().and_then(|item| item.time(faults));
    let revoked = section.section("revoked", faults).map(|section| revocation(section, faults));
    section.finish(faults);

    if let (Some(from), Some(end), Some(item)) = (valid_from, valid_until, &until)
        && end <= from
    {
        faults.add(
            item.span(),
            "the key is never valid",
            format!("expected a time after valid-from, {from}"),
        );
    }
    match (party, &vendor, &products) {
        (Some(Party::Vendor), None, _) => faults.add_with_help(
            span.clone(),
            "a vendor's key does not say which vendor it speaks for",
            "expected vendor = \"...\"",
            "the name must be the one that the vendor's manifests carry",
        ),
        (Some(party), Some((_, item)), _) | (Some(party), None, Some((_, item)))
            if party != Party::Vendor =>
        {
            faults.add(
                item.span(),
                "only a vendor's key speaks for a vendor or product",
                format!("expected on a key of party \"vendor\", found party \"{party}\""),
            )
        }
        _ => {}
    }
    if let (Some(party), Some((roles, item))) = (party, &roles) {
        for role in roles.iter().filter(|role| role.is_the_providers()) {
            if party != Party::Provider {
                faults.add(
                    item.span(),
                    format!("role \"{role}\" is the provider's alone"),
                    format!("expected party \"provider\", found \"{party}\""),
                );
            }
        }
        if roles.contains(&Role::Release) && party != Party::Vendor {
            faults.add(
                item.span(),
                "role \"release\" is the vendor's alone",
                format!("expected party \"vendor\", found \"{party}\""),
            );
        }
    }
    let credential = credential?;
    let (owner, owner_span) = owner?;
    let vendor_span = vendor.as_ref().map(|(_, item)| item.span());
    Some(Entry {
        key: TrustedKey {
            name: name?,
            fingerprint: credential.fingerprint(),
            credential,
            owner,
            party: party?,
            vendor: match vendor {
                Some((name, _)) => Some(name?),
                None => None,
            },
            products: match products {
                Some((names, _)) => names?.into_iter().map(|(name, _)| name).collect(),
                None => Vec::new(),
            },
            roles: roles?.0,
            valid_from: valid_from?,
            valid_until: valid_until?,
            revoked: match revoked {
                Some(revocation) => Some(revocation?),
                None => None,
            },
        },
        span,
        owner_span,
        vendor_span,
    })
}

/// An owner is shown to people, who must see who it is.
fn visible(owner: &str, span: &Range<usize>, faults: &mut Faults) {
    if let Some(c) = owner.chars().find(|c| is_deceptive(*c)) {
        let found = u32::from(c);
        faults.add(
            span.clone(),
            format!("an owner's name holds the deceptive character U+{found:04X}"),
            "expected visible characters",
        );
    }
}

/// A vendor or product that no manifest can name would be a key that never counts.
fn nameable(name: &str, span: &Range<usize>, faults: &mut Faults) {
    if let Err(why) = Name::parse(name) {
        faults.add(span.clone(), "not a name that a manifest can carry", why.to_string());
    }
}

fn revocation(mut section: Section<'_>, faults: &mut Faults) -> Option<Revocation> {
    let at = section.required("at", faults).and_then(|item| item.time(faults));
    let reason =
        section.required("reason", faults).and_then(|item| item.choice(&RevocationReason::LEGAL, faults));
    section.finish(faults);
    Some(Revocation { at: at?, reason: reason? })
}

/// Faults that show only between two entries.
fn conflicts(entries: &[Entry], faults: &mut Faults) {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
    let mut owners: BTreeMap<&str, (Party, BTreeSet<Role>)> = BTreeMap::new();
    spellings(entries.iter().map(|entry| (&*entry.key.owner, &entry.owner_span)), "owners", faults);
    let vendors =
        entries.iter().filter_map(|entry| entry.key.vendor.as_deref().zip(entry.vendor_span.as_ref()));
    spellings(vendors, "vendors", faults);
    for Entry { key, span, .. } in entries {
        if !names.insert(&key.name) {
            faults.add(
                span.clone(),
                format!("two keys have the id {:?}", key.name),
                "expected an id of its own",
            );
        }
        if entries.iter().any(|other| other.key.fingerprint == key.name) {
            faults.add(
                span.clone(),
                format!("key {:?} is named like a key's fingerprint", key.name),
                "expected a name of your own, which no key id can be mistaken for",
            );
        }
        if let Some(other) = keys.insert(&key.fingerprint, &key.name) {
            faults.add(
                span.clone(),
                format!("key {:?} is the same key as {other:?}", key.name),
                "expected each key once; give one entry all its roles",
            );
        }
        let (party, roles) = owners.entry(&key.owner).or_insert((key.party, BTreeSet::new()));
        if *party != key.party {
            faults.add(
                span.clone(),
                format!("owner {:?} is of two parties, {party} and {}", key.owner, key.party),
                "expected one party for each owner",
            );
        }
        roles.extend(&key.roles);
        let makes = [Role::Release, Role::Change].into_iter().find(|role| roles.contains(role));
        let judges = [Role::Approval, Role::Waiver].into_iter().find(|role| roles.contains(role));
        if let (Some(makes), Some(judges)) = (makes, judges) {
            faults.add_with_help(
                span.clone(),
                format!("owner {:?} holds the roles {makes} and {judges}", key.owner),
                "expected separate people",
                "who makes or records a change must not be the one who approves or waives it (SO14.4)",
            );
        }
    }
}

/// Refuses two spellings of one name. Owners are counted and told apart by their names: one person under two
/// spellings would reach a threshold of two alone, and approve their own change.
fn spellings<'e>(
    names: impl Iterator<Item = (&'e str, &'e Range<usize>)>,
    what: &'static str,
    faults: &mut Faults,
) {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for (name, span) in names {
        let first = known.entry(lookalike_key(name)).or_insert(name);
        if *first != name {
            faults.add(
                span.clone(),
                format!("the {what} {first:?} and {name:?} differ in blanks, case or Unicode form alone"),
                format!("expected one spelling, such as {first:?}"),
            );
        }
    }
}
