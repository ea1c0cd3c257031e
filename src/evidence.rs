//! Evidence: signed in-toto statements about artifacts, below `evidence/` in the drop or given by the operator.
//!
//! 1. An envelope is verified: it carries its own signature and is therefore not listed in the manifest; one
//!    that no trusted key vouches for is an unlisted file like any other.
//! 2. Its subjects are looked up among the artifacts, by digest ([`Index`], [`Cover`]): a name binds nothing.
//! 3. Its predicate is read into a type ([`predicate`]).
//! 4. The raw report that it names by digest is read from the drop ([`raw`]): counts are derived, not believed.

mod held;
pub mod predicate;
pub mod raw;

pub use held::Held;
pub use predicate::Predicate;

use crate::cover::{Cover, Index};
use crate::digest::DocumentDigest;
use crate::finding::{Code, Finding};
use crate::json::Strict;
use crate::limits;
use crate::manifest::Manifest;
use crate::manifest::native::{PREDICATE, STATEMENT};
use crate::time::Time;
use crate::trust::dsse::Envelope;
use crate::trust::{Budget, Capacity, NotVerified, Party, TrustStore, Verified};
use predicate::{Document, Format, Raw, SubjectDigests, Type};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// One statement that a trusted key vouches for.
#[derive(Debug)]
pub struct Statement {
    /// Where it was: its path in the drop, or as the operator gave it.
    pub origin: String,
    /// SHA-256 of the text that was signed.
    pub digest: DocumentDigest,
    /// What it is about, by type.
    pub predicate_type: String,
    /// Which artifacts of this drop it is about.
    pub about: About,
    /// What it says.
    pub predicate: Predicate,
    /// The raw report that it names, or what was wrong with it; `None` where it names none.
    pub raw: Option<Result<Raw, Finding>>,
}

/// What a statement is about, of this drop.
#[derive(Debug)]
pub struct About {
    /// Its artifacts: those among the subjects, and all where the manifest is.
    pub artifacts: Cover,
    /// Whether the manifest itself is a subject.
    pub manifest: bool,
    /// How many subjects are files, by a digest that this gate computes, and not of this drop.
    pub others: u64,
}

impl About {
    /// Whether it is about this drop and nothing else. A report on an older build shares the files that did not change
    /// with this one, and says nothing about the others.
    pub fn this_drop(&self) -> bool {
        self.touches_this_drop() && self.others == 0
    }

    /// Whether any subject is of this drop.
    pub fn touches_this_drop(&self) -> bool {
        self.manifest || self.artifacts.count() > 0
    }
}

/// The statements that came with a drop.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Those that a trusted key vouches for, in the order of their origins.
    pub statements: Vec<Verified<Statement>>,
    /// What is wrong with the others.
    pub refused: Vec<Finding>,
    /// What is worth knowing and changes nothing.
    pub remarks: Vec<String>,
    /// About how much memory takes what was read, in bytes.
    pub held: usize,
    /// Where in `statements` each signed text stands.
    texts: HashMap<DocumentDigest, usize>,
}

/// A statement of one kind, and what it says.
#[derive(Debug)]
pub struct Piece<'e, T> {
    /// The statement with its signers.
    pub statement: &'e Verified<Statement>,
    /// What it says.
    pub said: &'e T,
}

impl<T> Clone for Piece<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Piece<'_, T> {}

impl<'e, T> Piece<'e, T> {
    /// Where it was.
    pub fn origin(self) -> &'e str {
        &self.statement.value().origin
    }

    /// What it is about.
    pub fn about(self) -> &'e About {
        &self.statement.value().about
    }
}

/// What envelopes are held against.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The manifest, and so the artifacts.
    pub manifest: &'c Manifest,
    /// Its artifacts by digest.
    pub index: &'c Index,
    /// Whose signature counts.
    pub trust: &'c TrustStore,
    /// The time of judgement.
    pub at: Time,
}

#[derive(Deserialize)]
struct Wire<'t> {
    #[serde(rename = "_type", borrow, deserialize_with = "crate::json::borrowed")]
    statement: Cow<'t, str>,
    #[serde(rename = "predicateType", borrow, deserialize_with = "crate::json::borrowed")]
    predicate_type: Cow<'t, str>,
    #[serde(default)]
    subject: Vec<Subject>,
    #[serde(borrow, default)]
    predicate: Option<&'t RawValue>,
}

#[derive(Deserialize)]
struct Subject {
    digest: SubjectDigests,
}

impl Evidence {
    /// Takes in one envelope; checking its signatures and finding its subjects costs of `budget`, which all that came
    /// together share.
    pub fn receive(&mut self, origin: &str, bytes: Vec<u8>, context: &Context<'_>, budget: &mut Budget) {
        match statement(origin, bytes, context, budget) {
            Ok(statement) => {
                let text = statement.value().digest;
                // The same text in two envelopes, one of the drop and one that the operator adds, is one statement: whoever
                // signed either signed it.
                if let Some(first) = self.texts.get(&text).and_then(|at| self.statements.get_mut(*at)) {
                    let remark = format!("{origin}: the same statement as {}", first.value().origin);
                    first.add_signers_of(statement);
                    return self.remarks.push(remark);
                }
                self.held = self.held.saturating_add(statement.value().predicate.held());
                if self.held > limits::EVIDENCE_HELD_BYTES {
                    let why = format!(
                        "with it, all that statements say takes over {} bytes",
                        limits::EVIDENCE_HELD_BYTES
                    );
                    return self.refuse(origin, Code::EvidenceMalformed, why);
                }
                let about = &statement.value().about;
                if !about.this_drop() {
                    self.remarks.push(match about.touches_this_drop() {
                        true => format!(
                            "{origin}: not about this drop alone: {} of its subjects are other files",
                            about.others
                        ),
                        false => {
                            format!("{origin}: not about this drop: none of its subjects is a file of it")
                        }
                    });
                }
                self.remarks
                    .extend(statement.remarks().iter().map(|remark| format!("{origin}: ignored: {remark}")));
                self.texts.insert(text, self.statements.len());
                self.statements.push(statement);
            }
            Err((code, why)) => self.refuse(origin, code, why),
        }
    }

    /// Records why an envelope could not be taken in.
    pub fn refuse(&mut self, origin: &str, code: Code, why: String) {
        let expected = "a statement in its documented form, signed by a key that is trusted for it";
        self.refused.push(Finding::new(code, origin, expected, why));
    }

    /// The statements that `said` finds something in.
    pub fn pieces<'e, T: 'e>(
        &'e self,
        said: impl Fn(&'e Predicate) -> Option<&'e T> + 'e,
    ) -> impl Iterator<Item = Piece<'e, T>> + 'e {
        self.statements
            .iter()
            .filter_map(move |statement| Some(Piece { statement, said: said(&statement.value().predicate)? }))
    }
}

impl Predicate {
    /// The raw report that it names, and in which form that is.
    pub fn report(&self) -> Option<(&Document, Format)> {
        match self {
            Self::MalwareScan(scan) => Some((&scan.report, scan.format)),
            Self::TestReport(report) => Some((&report.report, report.format)),
            _ => None,
        }
    }
}

fn statement(
    origin: &str,
    bytes: Vec<u8>,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<Verified<Statement>, (Code, String)> {
    let not_authentic = |why: String| (Code::EvidenceNotAuthentic, why);
    let malformed = |why: String| (Code::EvidenceMalformed, why);
    let envelope = Envelope::read(bytes).map_err(|why| not_authentic(why.to_string()))?;
    // The type only says which role to ask the signer for; it is the signed one, or nothing verifies.
    let capacity = match wire(envelope.untrusted_payload()).map_err(not_authentic)?.predicate_type.as_ref() {
        PREDICATE => {
            return Err(not_authentic("a manifest, which belongs at the root of the drop".to_owned()));
        }
        uri => Type::of(uri).map_or(Capacity::Any, |known| known.capacity),
    };
    let verified = context.trust.verify_within(envelope, capacity, context.at, budget).map_err(|why| {
        not_authentic(match why {
            NotVerified::Unsigned => "no signature".to_owned(),
            NotVerified::NoneCounts(remarks) => {
                remarks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        })
    })?;
    let release = &context.manifest.release;
    let verified = verified
        .signed_by(|signer| {
            signer.party != Party::Vendor
                || signer.speaks_for(release.vendor.as_str(), release.product.as_str())
        })
        .map_err(|others| {
            let keys: Vec<String> = others.iter().map(|signer| format!("{:?}", signer.key)).collect();
            not_authentic(format!("signed by {}, trusted for another vendor or product", keys.join(", ")))
        })?;
    verified.try_map(|envelope| {
        let payload = envelope.untrusted_payload();
        let wire = wire(payload).map_err(malformed)?;
        let about = about(wire.subject, context).map_err(malformed)?;
        let predicate = match (Type::of(&wire.predicate_type), wire.predicate) {
            // A later version of one of ours may say the opposite of what is hoped for: a rejection, a withdrawal.
            (None, _) if wire.predicate_type.starts_with(predicate::OURS) => {
                let found: String = wire.predicate_type.chars().take(limits::NAME_BYTES).collect();
                return Err(malformed(format!(
                    "predicateType: expected one of {}... that this gate reads, found {found:?}",
                    predicate::OURS
                )));
            }
            (None, _) => Predicate::Other,
            (Some(_), None) => return Err(malformed("predicate: expected one, found none".to_owned())),
            (Some(known), Some(json)) => {
                let json = Strict::check(json.get().as_bytes()).map_err(|why| malformed(why.to_string()))?;
                known.read(json).map_err(malformed)?
            }
        };
        Ok(Statement {
            origin: origin.to_owned(),
            digest: DocumentDigest::of(payload),
            predicate_type: wire.predicate_type.into_owned(),
            about,
            predicate,
            raw: None,
        })
    })
}

fn wire(payload: &[u8]) -> Result<Wire<'_>, String> {
    let wire: Wire<'_> =
        Strict::check(payload).and_then(Strict::read).map_err(|why| format!("not a statement: {why}"))?;
    if wire.statement != STATEMENT {
        let found: String = wire.statement.chars().take(limits::NAME_BYTES).collect();
        return Err(format!("_type: expected {STATEMENT:?}, found {found:?}"));
    }
    Ok(wire)
}

fn about(subjects: Vec<Subject>, context: &Context<'_>) -> Result<About, String> {
    let Context { manifest, index, .. } = context;
    let mut artifacts = Cover::none(manifest.artifacts().len());
    let (mut whole, mut others) = (false, 0_u64);
    for (number, subject) in subjects.into_iter().enumerate() {
        let digests = subject.digest.0.map_err(|why| format!("subject[{number}]: {why}"))?;
        // A subject without a digest that this gate computes, such as a commit, is no file of any drop.
        let Some(digests) = digests else { continue };
        let found = index.add_to(&mut artifacts, manifest, &digests);
        let is_manifest = manifest.is_named_by(&digests);
        if !found && !is_manifest {
            others = others.saturating_add(1);
        }
        whole |= is_manifest;
    }
    if whole {
        artifacts = Cover::all(manifest.artifacts().len());
    }
    Ok(About { artifacts, manifest: whole, others })
}

/// Reads a counterfeit notice of the operator's.
///
/// # Errors
/// When nobody who may issue one signed it, or it is not one.
pub fn counterfeit_notice(
    bytes: Vec<u8>,
    trust: &TrustStore,
    at: Time,
) -> Result<predicate::counterfeit_notice::CounterfeitNotice, String> {
    use predicate::counterfeit_notice::TYPE;
    let envelope = Envelope::read(bytes).map_err(|why| why.to_string())?;
    let known = Type::of(TYPE).ok_or_else(|| "not a known predicate type".to_owned())?;
    let verified = trust.verify(envelope, known.capacity, at).map_err(|why| match why {
        NotVerified::Unsigned => "expected a signature, found none".to_owned(),
        NotVerified::NoneCounts(remarks) => {
            remarks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
    })?;
    let wire = wire(verified.payload())?;
    if wire.predicate_type != TYPE {
        return Err(format!("predicateType: expected {TYPE:?}, found {:?}", wire.predicate_type));
    }
    let json = wire.predicate.ok_or_else(|| "predicate: expected one, found none".to_owned())?;
    let json = Strict::check(json.get().as_bytes()).map_err(|why| why.to_string())?;
    match known.read(json)? {
        Predicate::CounterfeitNotice(notice) => Ok(notice),
        _ => Err("expected a counterfeit notice, found something else".to_owned()),
    }
}
