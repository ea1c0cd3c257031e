//! Whose word counts: the operator's trust store, and signatures checked against it.
//!
//! 1. [`store`] reads `trust.toml` into keys with owner, party, roles and validity.
//! 2. [`dsse`] reads an envelope and keeps the exact bytes that were signed.
//! 3. [`TrustStore::verify`] is the only maker of [`Verified`]: nobody else can say that a claim was signed.
//!
//! Validity is judged at the time of judgement. A time that the signer claims is never asked: who stole a
//! key can write any date.

pub mod cms;
pub mod credential;
pub mod detached;
pub mod dsse;
pub mod ed25519;
mod keynum;
pub mod message;
pub mod minisign;
#[cfg(feature = "openpgp")]
pub mod openpgp;
pub mod pinned;
pub mod raw;
pub mod signify;
#[cfg(feature = "sigstore")]
pub mod sigstore;
pub mod sshsig;
pub mod store;
pub mod x509;

pub use credential::Credential;
pub use store::{Party, Role, TrustStore, TrustedKey};

use crate::limits;
use crate::time::Time;
use dsse::Envelope;
use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU64;

/// A value whose signature was checked, with those who signed it.
#[derive(Debug)]
pub struct Verified<T> {
    value: T,
    signers: Vec<Signer>,
    remarks: Vec<Remark>,
}

impl<T> Verified<T> {
    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Everyone whose valid signature it carries and who may sign for the role that was asked: at least one.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// What else was found beside the signatures that count.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Keeps the signers that `counts` holds for; the others' signatures are as if they were not there.
    ///
    /// # Errors
    /// When nobody is left, with those who signed.
    pub fn signed_by(mut self, counts: impl FnMut(&Signer) -> bool) -> Result<Self, Vec<Signer>> {
        let (able, others): (Vec<_>, Vec<_>) = self.signers.into_iter().partition(counts);
        if able.is_empty() {
            return Err(others);
        }
        self.signers = able;
        Ok(self)
    }

    /// The value, to add what follows from it; the signers stay those of the bytes.
    pub(crate) fn value_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// Adds those who signed the same text in another envelope.
    pub(crate) fn add_signers_of(&mut self, other: Self) {
        let new =
            other.signers.into_iter().filter(|signer| !self.signers.iter().any(|own| own.key == signer.key));
        let new: Vec<Signer> = new.collect();
        self.signers.extend(new);
        self.signers.sort_by(|a, b| a.key.cmp(&b.key));
    }

    /// Reads what was signed into another form; the signers stay those of the bytes.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn try_map<U, E>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<Verified<U>, E> {
        Ok(Verified { value: read(self.value)?, signers: self.signers, remarks: self.remarks })
    }
}

/// Someone who signed: a key of the trust store that was valid for the role at the time of judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The key's name in the trust store.
    pub key: String,
    /// The key's fingerprint: hex SHA-256 of its `SubjectPublicKeyInfo`, or of what its scheme says.
    pub fingerprint: String,
    /// For a credential that stands for several signers, which of them it was: the subject of a certificate, the identity in a
    /// Sigstore instance.
    pub through: Option<String>,
    /// The person (or service) who holds it.
    pub owner: String,
    /// Who that is to the contract.
    pub party: Party,
    /// The vendor that the key may speak for; `None` for parties that are not vendors.
    pub vendor: Option<String>,
    /// The products that the key may speak for; empty for all of the vendor's.
    pub products: Vec<String>,
    /// The roles of the key.
    pub roles: Vec<Role>,
}

impl Signer {
    /// Whether this signer may speak for `product` of `vendor`.
    pub fn speaks_for(&self, vendor: &str, product: &str) -> bool {
        self.vendor.as_deref() == Some(vendor)
            && (self.products.is_empty() || self.products.iter().any(|own| own == product))
    }
}

/// In which capacity a signer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// In this role.
    In(Role),
    /// In one of these roles, for statements that several parties sign together.
    InOneOf(&'static [Role]),
    /// In any role that the key has: for statements that no control reads, which must still be somebody's.
    Any,
}

/// How many distinct owners must sign: never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold(NonZeroU64);

impl Threshold {
    /// A threshold of `owners`, which zero is not.
    pub fn new(owners: u64) -> Option<Self> {
        NonZeroU64::new(owners).map(Self)
    }

    /// The number of owners.
    pub fn owners(self) -> u64 {
        self.0.get()
    }

    /// Whether these signers are enough distinct people. Two keys of one owner are one.
    pub fn is_met_by<'s>(self, signers: impl IntoIterator<Item = &'s Signer>) -> bool {
        let owners: BTreeSet<&str> = signers.into_iter().map(|signer| signer.owner.as_str()).collect();
        u64::try_from(owners.len()).is_ok_and(|owners| owners >= self.owners())
    }
}

/// Something about a signature that did not count, or counted in spite of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// No key of the trust store made this signature.
    UnknownSigner {
        /// The key id that it names, which proves nothing.
        untrusted_keyid: String,
    },
    /// It names a key of the trust store, and that key did not make it over these bytes.
    Invalid {
        /// The key that it names.
        key: String,
    },
    /// The signature is good, but its key may not sign this, now.
    Disqualified {
        /// The key that made it.
        key: String,
        /// The key's owner.
        owner: String,
        /// Why it does not count.
        why: Disqualification,
    },
    /// The signature is good; the key id beside it names another key.
    KeyIdLies {
        /// The key that made it.
        key: String,
        /// The key id that it names.
        untrusted_keyid: String,
    },
    /// A signature beside what it signs, by nobody of the trust store.
    UnknownBeside {
        /// The file that it lies in.
        file: String,
        /// Whom it names, which proves nothing.
        named: String,
    },
    /// A signature beside what it signs that names a key of the trust store and does not count.
    Refused {
        /// The file that it lies in.
        file: String,
        /// The key that it names.
        key: String,
        /// Why.
        why: String,
    },
    /// Checking stopped at a limit before this signature.
    NotTried,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSigner { untrusted_keyid } if untrusted_keyid.is_empty() => {
                f.write_str("a signature without key id, by no key of the trust store")
            }
            Self::UnknownSigner { untrusted_keyid } => {
                write!(f, "a signature with key id {untrusted_keyid:?}, by no key of the trust store")
            }
            Self::Invalid { key } => {
                write!(f, "a signature that names key {key:?} and is not by it over these bytes")
            }
            Self::Disqualified { key, owner, why } => {
                write!(f, "a good signature by key {key:?} of {owner:?}, which does not count: {why}")
            }
            Self::KeyIdLies { key, untrusted_keyid } => {
                write!(f, "a good signature by key {key:?} that names key id {untrusted_keyid:?} instead")
            }
            Self::UnknownBeside { file, named } => {
                write!(f, "a signature in {file:?}, by no key of the trust store; it names {named:?}")
            }
            Self::Refused { file, key, why } => {
                write!(f, "a signature in {file:?} that names key {key:?} and does not count: {why}")
            }
            Self::NotTried => {
                f.write_str("a signature that was not tried: too many signatures over too many bytes")
            }
        }
    }
}

/// Why a key of the trust store may not sign what it signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disqualification {
    /// The key is not trusted for this role.
    #[error("it is trusted for {found}, expected role {expected}")]
    Role {
        /// The role that was asked for.
        expected: String,
        /// The roles that the key has.
        found: String,
    },
    /// The key's validity begins after the time of judgement.
    #[error("it is valid from {from}, judged at {at}")]
    NotYetValid {
        /// Begin of validity.
        from: Time,
        /// Time of judgement.
        at: Time,
    },
    /// The key's validity ended before the time of judgement.
    #[error("it expired at {until}, judged at {at}")]
    Expired {
        /// End of validity.
        until: Time,
        /// Time of judgement.
        at: Time,
    },
    /// The key was revoked.
    #[error("it was revoked at {when} ({reason}){reach}", reach = if *.reaches_back { ", which reaches back to everything it signed" } else { "" })]
    Revoked {
        /// Time of revocation.
        when: Time,
        /// The operator's reason.
        reason: &'static str,
        /// Whether signatures from before count no more either.
        reaches_back: bool,
    },
}

/// Why no signature of an envelope counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotVerified {
    /// There is no signature at all.
    Unsigned,
    /// There are signatures, and none counts.
    NoneCounts(Vec<Remark>),
}

impl TrustStore {
    /// Checks the envelope's signatures and keeps those that count in `capacity` at `at`.
    ///
    /// A key id is a hint about where to look first (DSSE, "Protocol"): it is neither believed nor needed.
    ///
    /// # Errors
    /// When not one signature counts, with what was found about each.
    pub fn verify(
        &self,
        envelope: Envelope,
        capacity: Capacity,
        at: Time,
    ) -> Result<Verified<Envelope>, NotVerified> {
        self.verify_within(envelope, capacity, at, &mut Budget::of_one())
    }

    /// The same for one of many envelopes, which share a `budget` beside the one that each has.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    pub fn verify_within(
        &self,
        envelope: Envelope,
        capacity: Capacity,
        at: Time,
        shared: &mut Budget,
    ) -> Result<Verified<Envelope>, NotVerified> {
        let granted = Budget::of_one().at_most(shared);
        let mut budget = granted;
        let result = self.verify_spending(envelope, capacity, at, &mut budget);
        shared.charge(granted, budget);
        result
    }

    fn verify_spending(
        &self,
        envelope: Envelope,
        capacity: Capacity,
        at: Time,
        budget: &mut Budget,
    ) -> Result<Verified<Envelope>, NotVerified> {
        if envelope.signatures().is_empty() {
            return Err(NotVerified::Unsigned);
        }
        let mut signers: Vec<Signer> = Vec::new();
        let mut remarks = Vec::new();
        for signature in envelope.signatures() {
            let keyid = signature.untrusted_keyid.as_str();
            let found = match self.signer_of(&envelope, signature, budget) {
                Found::Key(key) => key,
                Found::Nobody => {
                    remarks.push(match self.keys().iter().find(|key| key.answers_to(keyid)) {
                        Some(named) => Remark::Invalid { key: named.name.clone() },
                        None => Remark::UnknownSigner { untrusted_keyid: beginning(keyid) },
                    });
                    continue;
                }
                Found::OutOfBudget => {
                    remarks.push(Remark::NotTried);
                    continue;
                }
            };
            if !keyid.is_empty()
                && self.keys().iter().any(|key| key.answers_to(keyid))
                && !found.answers_to(keyid)
            {
                remarks
                    .push(Remark::KeyIdLies { key: found.name.clone(), untrusted_keyid: beginning(keyid) });
            }
            match found.standing(capacity, at) {
                Ok(()) if signers.iter().any(|signer| signer.key == found.name) => {}
                Ok(()) => signers.push(found.signer()),
                Err(why) => remarks.push(Remark::Disqualified {
                    key: found.name.clone(),
                    owner: found.owner.clone(),
                    why,
                }),
            }
        }
        if signers.is_empty() {
            return Err(NotVerified::NoneCounts(remarks));
        }
        signers.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Verified { value: envelope, signers, remarks })
    }

    fn signer_of(&self, envelope: &Envelope, signature: &dsse::Signature, budget: &mut Budget) -> Found<'_> {
        let keyid = signature.untrusted_keyid.as_str();
        let hinted = self.keys().iter().filter(|key| key.answers_to(keyid));
        let others = self.keys().iter().filter(|key| !key.answers_to(keyid));
        for key in hinted.chain(others) {
            let Credential::Dsse(public) = &key.credential else { continue };
            if !budget.spend(envelope.signed_bytes().len()) {
                return Found::OutOfBudget;
            }
            if public.verify(envelope.signed_bytes(), &signature.bytes) {
                return Found::Key(key);
            }
        }
        Found::Nobody
    }
}

/// The beginning of a key id, for remarks: ten thousand envelopes with as many signatures as may be must not fill memory
/// by what they call their keys. A digest by SHA-256 or SHA-384 in hex is shown whole.
fn beginning(keyid: &str) -> String {
    match keyid.char_indices().nth(limits::KEY_ID_SHOWN) {
        Some((end, _)) => format!("{}...", keyid.get(..end).unwrap_or_default()),
        None => keyid.to_owned(),
    }
}

enum Found<'s> {
    Key(&'s TrustedKey),
    Nobody,
    OutOfBudget,
}

/// What checking signatures, and finding what was signed, may still cost. Whoever floods an envelope with signatures or
/// subjects, or a drop with envelopes, reaches the end of it, and what was not tried does not count.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    tries: u64,
    bytes: u64,
}

impl Budget {
    /// That of one envelope.
    pub fn of_one() -> Self {
        Self { tries: limits::SIGNATURE_TRIES, bytes: limits::SIGNATURE_WORK_BYTES }
    }

    /// That of all evidence of a drop.
    pub fn of_evidence() -> Self {
        Self { tries: limits::EVIDENCE_TRIES, bytes: limits::EVIDENCE_WORK_BYTES }
    }

    fn at_most(self, other: &Self) -> Self {
        Self { tries: self.tries.min(other.tries), bytes: self.bytes.min(other.bytes) }
    }

    /// Takes what lies between what was granted and what is left of it.
    fn charge(&mut self, granted: Self, left: Self) {
        self.tries = self.tries.saturating_sub(granted.tries.saturating_sub(left.tries));
        self.bytes = self.bytes.saturating_sub(granted.bytes.saturating_sub(left.bytes));
    }

    fn spend(&mut self, bytes: usize) -> bool {
        let rest = u64::try_from(bytes)
            .ok()
            .and_then(|bytes| Some((self.tries.checked_sub(1)?, self.bytes.checked_sub(bytes)?)));
        if let Some((tries, bytes)) = rest {
            *self = Self { tries, bytes };
        }
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Document;
    use crate::trust::dsse::Signature;
    use crate::trust::ed25519::PrivateKey;

    #[test]
    fn envelopes_that_share_a_budget_end_with_it() {
        let key = PrivateKey::generate().unwrap();
        let pem = key.public().unwrap().to_pem().unwrap();
        let text = format!(
            "version = 1\n[[key]]\nid = \"k\"\npublic-key = \"\"\"{pem}\"\"\"\nowner = \"J\"\nparty = \"lab\"\n\
             roles = [\"test\"]\nvalid-from = 2026-01-01T00:00:00Z\nvalid-until = 2027-01-01T00:00:00Z\n"
        );
        let store = TrustStore::read(&Document::new("trust.toml", text), &crate::files::OnDisk).unwrap();
        let at: Time = "2026-06-01T00:00:00Z".parse().unwrap();
        let signed = |strangers: usize| {
            let mut envelope = Envelope::over(b"{}");
            for _ in 0..strangers {
                envelope.add(Signature { untrusted_keyid: String::new(), bytes: [0; 64] });
            }
            let bytes = key.sign(envelope.signed_bytes());
            envelope.add(Signature { untrusted_keyid: String::new(), bytes });
            envelope
        };
        let mut shared = Budget { tries: 5, ..Budget::of_evidence() };
        let mut verify = |strangers| {
            store
                .verify_within(signed(strangers), Capacity::Any, at, &mut shared)
                .map(|good| good.remarks().len())
        };
        assert_eq!(verify(0), Ok(0));
        assert_eq!(verify(2), Ok(2));
        // One try is left: for the stranger.
        assert_eq!(verify(1).map_err(|_| ()), Err(()));
        assert_eq!(verify(0), Err(NotVerified::NoneCounts(vec![Remark::NotTried])));
        assert_eq!(store.verify(signed(0), Capacity::Any, at).map(|_| ()), Ok(()));
    }
}
