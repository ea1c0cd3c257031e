//! From a verdict to its entry in the ledger, and from the ledger back to what a drop is compared with.
//!
//! A drop is judged by what the ledger says, and the verdict changes what the ledger says. So the last word is spoken under the
//! ledger's lock: where another drop of the product was accepted since, this one is judged again. What takes long, reading the
//! drop and writing documents, is done before.

mod before;
mod gate_files;
mod kept;
mod replay;

pub use before::{Before, accepted};
pub use kept::Kept;
pub use replay::{Difference, Replay, ReplayError, replay};

use crate::digest::{Algorithm, DocumentDigest, hex};
use crate::drop::path::DropPath;
use crate::files::FileError;
use crate::gate::{Baseline, Examined, Gate, GateError};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::configuration::{self, ConfigurationRefusal};
use crate::ledger::documents::{DocumentError, Documents};
use crate::ledger::entry::{self, Action, ControlOutcome, Doc, Entry, EntryRefusal, KeyUse, NamedDoc};
use crate::ledger::lines::{AcceptedDrop, Candidate, Standing, standing};
use crate::ledger::log::LogError;
use crate::ledger::note::SigningKey;
use crate::ledger::{Ledger, LedgerError, View, contents};
use crate::manifest::{self, Format};
use crate::policy::facts::Known;
use crate::report;
use crate::time::Time;
use crate::trust::Signer;
use crate::verdict::{Decision, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Why a verdict could not be recorded, or what it is compared with not be read. Never a statement about the drop.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The ledger can't be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Its log can't grow.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A document beside it can't be written.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// What an entry names as a baseline is none.
    #[error("entry {entry} of the ledger: {why}")]
    Entry {
        /// The entry.
        entry: u64,
        /// Why.
        why: String,
    },
    /// The ledger is not the one that it was.
    #[error(
        "the ledger does not continue the checkpoint that was kept in {path}: {why}. Somebody put an older or another ledger in its \
         place, or its disk is not there: bring it back. To begin anew, with nothing accepted, move {path} away"
    )]
    NotContinued {
        /// The kept checkpoint's file, escaped.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// A file of the operator's can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The entry is in the ledger, and its checkpoint could not be kept.
    #[error("recorded as entry {entry}, and then: {why}")]
    NotKept {
        /// The entry.
        entry: u64,
        /// Why.
        why: FileError,
    },
    /// The command line names another baseline than the ledger.
    #[error(
        "--baseline: expected the last accepted version by the ledger, {expected:?} of entry {entry} (manifest sha256 {manifest}), \
         found {found:?}; leave the flag out"
    )]
    OtherBaseline {
        /// The version that the ledger says.
        expected: String,
        /// Its entry.
        entry: u64,
        /// Its manifest.
        manifest: DocumentDigest,
        /// The version that the flag names.
        found: String,
    },
    /// The command line names a baseline for a drop that was accepted without one.
    #[error(
        "--baseline: this very drop was accepted by entry {entry}, compared with nothing: expected no baseline, found {found:?}; \
         leave the flag out"
    )]
    NoBaseline {
        /// The entry.
        entry: u64,
        /// The version that the flag names.
        found: String,
    },
    /// The verdict can't be put into an entry.
    #[error("the verdict can't be recorded: {0}")]
    Entered(#[from] EntryRefusal),
    /// The gate's files can't be kept.
    #[error("the gate's files can't be recorded: {0}")]
    Gate(#[from] ConfigurationRefusal),
    /// The gate can't be read from what would be kept of it.
    #[error("the gate's files can't be recorded: from what would be kept of them, {0}")]
    GateAlone(#[source] Box<GateError>),
    /// The verdict can't be written down.
    #[error("the verdict can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The manifest can't be written down.
    #[error("the manifest can't be recorded: {0}")]
    NotKeepable(String),
    /// The manifest was verified, and its bytes are not at hand.
    #[error("the manifest's envelope was not kept while the drop was read; this is a fault of dropgate")]
    NoEnvelope,
}

impl RecordError {
    /// Whether the record was looked at and is not what it should be. Otherwise it could not be looked at.
    pub fn is_about_the_record(&self) -> bool {
        match self {
            Self::Ledger(error) => error.is_about_the_record(),
            Self::Entry { .. } => true,
            _ => false,
        }
    }
}

impl From<GateError> for RecordError {
    fn from(error: GateError) -> Self {
        Self::GateAlone(Box::new(error))
    }
}

/// A drop that was looked at, with all that its verdict rests on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'c> {
    /// By which gate.
    pub gate: &'c Gate,
    /// gate.toml.
    pub gate_file: &'c Path,
    /// What was found.
    pub examined: &'c Examined,
    /// What the operator added: names and envelopes.
    pub evidence: &'c [(String, Vec<u8>)],
    /// The baseline that the operator gave.
    pub given: Option<&'c Before>,
    /// The envelope that the manifest was read from, where there was one.
    pub envelope: Option<&'c [u8]>,
}

/// A verdict and what the drop was compared with.
#[derive(Debug)]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    before: Option<Before>,
    /// What the ledger had accepted of the product by then.
    accepted: Vec<AcceptedDrop>,
    /// The ledger's checkpoint by then; `None`: there was no ledger.
    seen: Option<Checkpoint>,
}

impl Case<'_> {
    /// Judges by what the ledger says: `None` where there is no ledger yet.
    ///
    /// # Errors
    /// When the ledger can't be read, or says another baseline than the operator.
    pub fn decide(&self, ledger: Option<&View<'_>>) -> Result<Decided, RecordError> {
        let accepted = match ledger {
            Some(ledger) => accepted_drops(self.examined, ledger, 0)?,
            None => Vec::new(),
        };
        self.decide_on(accepted, ledger)
    }

    fn decide_on(
        &self,
        accepted: Vec<AcceptedDrop>,
        ledger: Option<&View<'_>>,
    ) -> Result<Decided, RecordError> {
        let standing = self.standing(&accepted);
        let before = match (standing, ledger) {
            (Some(standing), Some(ledger)) => Before::by(ledger, standing)?,
            _ => None,
        };
        if let (Some(before), Some(given)) = (&before, self.given)
            && before.manifest.digest != given.manifest.digest
        {
            return Err(RecordError::OtherBaseline {
                expected: before.manifest.release.version.as_str().to_owned(),
                entry: before.entry.unwrap_or_default(),
                manifest: before.manifest.digest,
                found: given.manifest.release.version.as_str().to_owned(),
            });
        }
        if let (Some(Standing::Again(entry)), None, Some(given)) = (standing, &before, self.given) {
            let found = given.manifest.release.version.as_str().to_owned();
            return Err(RecordError::NoBaseline { entry, found });
        }
        let baseline = before.as_ref().or(self.given).map(Before::baseline).unwrap_or_default();
        let versions = versions(&accepted);
        let verdict = self.gate.decide(self.examined, Baseline { accepted: &versions, ..baseline });
        let seen = ledger.map(|ledger| ledger.checkpoint().clone());
        Ok(Decided { verdict, before, accepted, seen })
    }

    /// How the drop stands to what was accepted; `None` without a verified manifest.
    fn standing(&self, accepted: &[AcceptedDrop]) -> Option<Standing> {
        let manifest = self.examined.known()?.manifest.value();
        let release = &manifest.release;
        let candidate = Candidate {
            manifest: manifest.digest,
            version: release.version.as_str(),
            replaces: release.replaces.as_ref().map(|replaces| replaces.manifest),
        };
        let lines = self.gate.release_lines(release.vendor.as_str(), release.product.as_str());
        Some(standing(accepted, candidate, lines))
    }
}

/// What the ledger accepted of the drop's product, from an entry on.
fn accepted_drops(
    examined: &Examined,
    ledger: &View<'_>,
    from: u64,
) -> Result<Vec<AcceptedDrop>, RecordError> {
    let Some(known) = examined.known() else { return Ok(Vec::new()) };
    let release = &known.manifest.value().release;
    Ok(ledger.accepted(release.vendor.as_str(), release.product.as_str(), from)?)
}

/// Versions with their manifests, as controls see them.
fn versions(accepted: &[AcceptedDrop]) -> Vec<(String, DocumentDigest)> {
    accepted.iter().map(|one| (one.version.clone(), one.manifest)).collect()
}

/// Who records, and where.
#[derive(Debug)]
pub struct Recorder<'r> {
    /// The ledger.
    pub ledger: &'r Ledger,
    /// The key that signs its checkpoints.
    pub key: &'r SigningKey,
    /// Who has it recorded.
    pub by: entry::By,
    /// What was asked of the gate.
    pub action: Action,
    /// What the ledger must continue.
    pub kept: Option<&'r Kept>,
}

/// A verdict that is in the ledger, for good.
#[derive(Debug)]
pub struct Recorded {
    /// The verdict.
    pub decided: Decided,
    /// The number of its entry.
    pub entry: u64,
}

impl Recorder<'_> {
    /// Records what was decided, and returns once that is durable. Where another drop of the product was accepted since, the case
    /// is judged again, and what then is decided is recorded. `admission` says where the drop is let in if it is accepted; `clock` is
    /// asked under the lock, for whoever waited longer is recorded later.
    ///
    /// # Errors
    /// When a step fails: the verdict then counts for nothing.
    pub fn record(
        &self,
        case: &Case<'_>,
        decided: Decided,
        admission: Option<entry::Admission>,
        clock: fn() -> Time,
    ) -> Result<Recorded, RecordError> {
        let documents = self.ledger.documents();
        let mut papers = Papers::of(case, documents)?;
        papers.verdict(&decided, case)?;
        let mut writer = self.ledger.log().write(self.key)?;
        if let Some(kept) = self.kept {
            kept.holds(self.ledger, writer.checkpoint())?;
        }
        let decided = match writer.checkpoint() {
            Some(checkpoint) => self.again(case, decided, &mut papers, checkpoint.clone())?,
            None => decided,
        };
        let accepted = decided.verdict.decision() == Decision::Accept;
        let entry = self.entry(case, &decided, papers, admission.filter(|_| accepted), clock())?;
        let signed = writer.append(&[entry.write()?])?;
        let entry = signed.checkpoint.size.saturating_sub(1);
        // Under the lock, so that the newest is kept last.
        if let Some(kept) = self.kept {
            kept.keep(&signed).map_err(|why| RecordError::NotKept { entry, why })?;
        }
        drop(writer);
        Ok(Recorded { decided, entry })
    }

    /// The decision, given again where what was accepted since bears on it.
    fn again(
        &self,
        case: &Case<'_>,
        decided: Decided,
        papers: &mut Papers<'_>,
        now: Checkpoint,
    ) -> Result<Decided, RecordError> {
        let view = self.ledger.at(now);
        let mut from = 0;
        if let Some(seen) = &decided.seen {
            view.continues(seen)?;
            from = seen.size;
        }
        let later = accepted_drops(case.examined, &view, from)?;
        if later.is_empty() {
            return Ok(decided);
        }
        let accepted: Vec<AcceptedDrop> = decided.accepted.iter().cloned().chain(later).collect();
        let again = case.decide_on(accepted, Some(&view))?;
        papers.verdict(&again, case)?;
        Ok(again)
    }

    fn entry(
        &self,
        case: &Case<'_>,
        decided: &Decided,
        papers: Papers<'_>,
        admission: Option<entry::Admission>,
        now: Time,
    ) -> Result<Entry, RecordError> {
        let verdict = &decided.verdict;
        let basis = &verdict.basis;
        let digest = |sha256: DocumentDigest| entry::Digest { sha256 };
        let manifest = match (basis.manifest, papers.envelope) {
            (Some(sha256), Some(envelope)) => Some(entry::Manifest { sha256, envelope }),
            (Some(_), None) => return Err(RecordError::NoEnvelope),
            (None, _) => None,
        };
        let outcome = |one: &crate::verdict::Assessment| ControlOutcome(one.judgement.outcome());
        Ok(Entry {
            entry_type: entry::EntryType,
            recorded_at: now,
            judged_at: basis.at,
            by: self.by.clone(),
            tool: entry::Tool {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            action: self.action,
            verdict: verdict.decision(),
            release: basis.release.as_ref().map(release),
            manifest,
            read_as: read_as(case.examined),
            contents: papers.contents,
            verdict_document: papers.verdict,
            gate: entry::GateFiles { operator: case.gate.operator.as_str().to_owned(), files: papers.gate },
            policies: basis.packs.iter().map(policy).collect(),
            trust_store: digest(basis.trust),
            counterfeit_notices: basis.notices.iter().copied().map(digest).collect(),
            evidence: papers.evidence,
            baseline: papers.baseline,
            controls: verdict.assessments().iter().map(|one| (one.control.clone(), outcome(one))).collect(),
            waivers: verdict.waivers().iter().map(waiver).collect(),
            keys: keys(verdict),
            admission,
        })
    }
}

fn release(release: &crate::manifest::Release) -> entry::Release {
    entry::Release {
        vendor: release.vendor.clone(),
        product: release.product.clone(),
        version: release.version.clone(),
        kind: release.kind,
        sequence: release.order.sequence(),
        replaces: release.replaces.as_ref().map(|replaces| entry::Replaces {
            version: replaces.version.clone(),
            manifest: entry::Digest { sha256: replaces.manifest },
        }),
    }
}

/// How a drop of another form than ours was read.
fn read_as(examined: &Examined) -> Option<entry::ReadAs> {
    let choice = examined.choice();
    let known = examined.known();
    let read = entry::ReadAs {
        profile: known.and_then(|known| known.profile.clone()).or_else(|| choice.profile.clone()),
        format: known
            .map(|known| known.manifest.value().format)
            .filter(|format| *format != Format::Native)
            .map(|format| format.to_string()),
        release_version: choice.version.clone(),
        kind: choice.kind,
    };
    let said = read.profile.is_some() || read.release_version.is_some() || read.kind.is_some();
    said.then_some(read)
}

fn policy((id, version, sha256): &(String, String, DocumentDigest)) -> entry::Policy {
    entry::Policy { id: id.clone(), version: version.clone(), sha256: *sha256 }
}

fn waiver(note: &crate::policy::WaiverNote) -> entry::Waiver {
    entry::Waiver {
        sha256: note.digest,
        control: note.control.clone(),
        ticket: note.ticket.clone(),
        expires: note.expires,
        used: note.excused > 0,
    }
}

/// Every key whose signature counted, with what it signed.
fn keys(verdict: &Verdict) -> Vec<entry::Key> {
    let mut uses: BTreeMap<&str, (&Signer, BTreeSet<KeyUse>)> = BTreeMap::new();
    let mut add = |signer, what| {
        let signer: &Signer = signer;
        uses.entry(signer.fingerprint.as_str()).or_insert((signer, BTreeSet::new())).1.insert(what);
    };
    let basis = &verdict.basis;
    basis.signers.iter().for_each(|signer| add(signer, KeyUse::Release));
    let waivers: BTreeSet<DocumentDigest> = verdict.waivers().iter().map(|note| note.digest).collect();
    for note in &basis.evidence {
        let what = if waivers.contains(&note.digest) { KeyUse::Waiver } else { KeyUse::Evidence };
        note.signers.iter().for_each(|signer| add(signer, what));
    }
    let key = |(signer, uses): (&Signer, BTreeSet<KeyUse>)| {
        Some(entry::Key {
            sha256: DocumentDigest::from_hex(&signer.fingerprint)?,
            name: signer.key.clone(),
            owner: signer.owner.clone(),
            uses: uses.into_iter().collect(),
        })
    };
    uses.into_values().filter_map(key).collect()
}

/// The documents that an entry names; each is in the ledger already.
struct Papers<'d> {
    documents: &'d Documents,
    gate: Doc,
    evidence: Vec<NamedDoc>,
    envelope: Option<Doc>,
    contents: Option<entry::Contents>,
    verdict: Doc,
    baseline: Option<entry::Baseline>,
}

impl<'d> Papers<'d> {
    /// Puts everything there that the decision has no part in.
    fn of(case: &Case<'_>, documents: &'d Documents) -> Result<Self, RecordError> {
        let gate = gate_files::gate_files(case.gate, case.gate_file)?;
        let gate = gate.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice()));
        let evidence = case.evidence.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice()));
        let verified = case.examined.known();
        let contents = match verified {
            Some(known) => {
                let list = contents::write(arrived(known));
                let document = put(documents, &list)?;
                let files = list.iter().filter(|byte| **byte == b'\n').count();
                let (files, bytes) = (u64::try_from(files).unwrap_or(u64::MAX), known.contents.matched_bytes);
                Some(entry::Contents { document, files, bytes })
            }
            None => None,
        };
        let envelope = match (verified, case.envelope) {
            (Some(known), _) if known.manifest.value().format != Format::Native => {
                let kept = manifest::kept::write(known.manifest.value()).map_err(RecordError::NotKeepable)?;
                Some(put(documents, &kept)?)
            }
            (Some(_), Some(bytes)) => Some(put(documents, bytes)?),
            _ => None,
        };
        Ok(Self {
            documents,
            gate: put(documents, &configuration::write(gate)?)?,
            evidence: put_all(documents, evidence)?,
            envelope,
            contents,
            verdict: Doc::of(b""),
            baseline: None,
        })
    }

    /// Puts there what was decided and what it was compared with.
    fn verdict(&mut self, decided: &Decided, case: &Case<'_>) -> Result<(), RecordError> {
        self.verdict = put(self.documents, report::json::render(&decided.verdict)?.as_bytes())?;
        self.baseline = match decided.before.as_ref().or(case.given) {
            Some(before) => Some(entry::Baseline {
                manifest: entry::Digest { sha256: before.manifest.digest },
                envelope: Some(put(self.documents, &before.envelope)?),
                entry: before.entry,
                verdict: match &before.verdict {
                    Some((_, text)) => Some(put(self.documents, text)?),
                    None => None,
                },
            }),
            None => None,
        };
        Ok(())
    }
}

fn put(documents: &Documents, bytes: &[u8]) -> Result<Doc, RecordError> {
    documents.put(bytes)?;
    Ok(Doc::of(bytes))
}

/// One that was given twice is named twice: the verdict remarks on it, and comes out the same when it is given again.
fn put_all<'f>(
    documents: &Documents,
    files: impl Iterator<Item = (String, &'f [u8])>,
) -> Result<Vec<NamedDoc>, RecordError> {
    files
        .map(|(name, bytes)| {
            let Doc { sha256, size } = put(documents, bytes)?;
            Ok(NamedDoc { name, sha256, size })
        })
        .collect()
}

/// What arrived of what the manifest lists: the digests that were computed, by path.
fn arrived(known: &Known) -> impl Iterator<Item = (DocumentDigest, &DropPath)> {
    let altered: BTreeMap<&DropPath, &str> = known
        .contents
        .altered
        .iter()
        .filter(|altered| altered.algorithm == Algorithm::Sha256)
        .map(|altered| (&altered.path, altered.found.as_str()))
        .collect();
    let artifacts = known.manifest.value().artifacts().iter().enumerate();
    artifacts.filter_map(move |(at, artifact)| {
        let digest = match known.unfit.holds(at) {
            true => DocumentDigest::from_hex(altered.get(&artifact.path)?),
            // As claimed: it was computed and is the same.
            false => DocumentDigest::from_hex(&hex(artifact.digests.by(Algorithm::Sha256)?)),
        };
        Some((digest?, &artifact.path))
    })
}
