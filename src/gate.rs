//! The gate: the operator's configuration, and the whole flow in two steps: [`examine`](Gate::examine) looks at a drop,
//! [`decide`](Gate::decide) judges what was found.

mod configuration;
mod profile;
pub mod receive;
mod statements;

use configuration::Configuration;
pub use configuration::LedgerPlace;
pub use profile::{Choice, Profile};
use receive::{Looking, Received};

use crate::config::ConfigError;
use crate::cover::Index;
use crate::digest::{Algorithm, DocumentDigest};
use crate::drop::path::{DropPath, Name};
use crate::drop::{Inventory, Progress, Source, SourceError, Wanted};
use crate::escape;
use crate::evidence::predicate::counterfeit_notice::CounterfeitNotice;
use crate::evidence::{self, Evidence};
use crate::files::{self, FileError, Files, Remembering};
use crate::finding::{Code, Finding, counted};
use crate::ledger::lines::ReleaseLines;
use crate::limits;
use crate::manifest::{Artifact, Format, Manifest, native};
use crate::policy::facts::{Facts, Known};
use crate::policy::{Pack, Policy, PolicyRefusal};
use crate::reconcile::{Reading, Reconciled, pairs, reconcile};
use crate::time::Time;
use crate::trust::dsse::{Envelope, EnvelopeRefusal};
use crate::trust::{Capacity, NotVerified, Remark, Role, Signer, Threshold, TrustStore, Verified};
use crate::verdict::{Basis, EvidenceNote, Verdict};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A gate, ready to judge.
#[derive(Debug)]
pub struct Gate {
    /// The operator's name, as manifests give it as recipient.
    pub operator: Name,
    /// The keys.
    pub trust: TrustStore,
    /// The policy.
    pub policy: Policy,
    /// Where verdicts are recorded.
    pub ledger: Option<LedgerPlace>,
    release_lines: Vec<ReleaseLines>,
    profiles: Vec<Profile>,
    notices: Vec<(PathBuf, Vec<u8>)>,
    documents: Vec<(PathBuf, Vec<u8>)>,
}

/// What a drop is looked at with, beside itself and the gate: all of it the operator's.
#[derive(Debug)]
pub struct Circumstances {
    /// The time of judgement.
    pub at: Time,
    /// Envelopes that the operator adds to those of the drop (approvals, waivers): their names and bytes.
    pub evidence: Vec<(String, Vec<u8>)>,
    /// What the operator says of the drop's form.
    pub choice: Choice,
}

/// What a drop is compared with: the last accepted version, if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Baseline<'b> {
    /// Its manifest.
    pub manifest: Option<&'b Manifest>,
    /// The verdict under which it was accepted.
    pub verdict: Option<&'b Accepted>,
    /// Every version of the product that was accepted, with its manifest, where a ledger knows.
    pub accepted: &'b [(String, DocumentDigest)],
}

/// An earlier ACCEPT.
#[derive(Debug)]
pub struct Accepted {
    /// The controls that were passed then.
    pub passed: BTreeSet<String>,
    /// SHA-256 of the verdict.
    pub digest: DocumentDigest,
}

/// Everything that is known of a drop, before anything is decided.
#[derive(Debug)]
pub struct Examined {
    at: Time,
    counterfeits: Vec<CounterfeitNotice>,
    inventory: Inventory,
    known: Result<Known, Vec<Finding>>,
    disturbed: Vec<String>,
    choice: Choice,
}

impl Examined {
    /// The manifest, how the files compare with it and what came with it, where a manifest could be verified.
    pub fn known(&self) -> Option<&Known> {
        self.known.as_ref().ok()
    }

    /// What the operator said of the drop's form.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// What arrived.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The facts, as the policy of `gate` sees them.
    pub fn facts<'e>(&'e self, gate: &'e Gate, baseline: Baseline<'e>) -> Facts<'e> {
        Facts {
            at: self.at,
            operator: &gate.operator,
            manifest: self.known.as_ref().map_err(Vec::as_slice),
            inventory: &self.inventory,
            disturbed: &self.disturbed,
            baseline: baseline.manifest,
            baseline_passed: baseline.verdict.map(|verdict| &verdict.passed),
            accepted: baseline.accepted,
            counterfeits: &self.counterfeits,
            transitions: gate.policy.judges_transitions(),
        }
    }

    /// The verified manifest with its signers; `None` when there was none.
    pub fn manifest(&self) -> Option<&Verified<Manifest>> {
        self.known.as_ref().ok().map(|known| &known.manifest)
    }

    /// How the files compare with the manifest; `None` when there was no verified one.
    pub fn contents(&self) -> Option<&Reconciled> {
        self.known.as_ref().ok().map(|known| &known.contents)
    }

    /// The artifacts that arrived as they were signed, in the order of their paths; none without a verified manifest.
    pub fn arrived(&self) -> impl Iterator<Item = &Artifact> {
        let known = self.known.iter();
        known.flat_map(|known| {
            let listed = known.manifest.value().artifacts().iter().enumerate();
            listed.filter(|(at, _)| !known.unfit.holds(*at)).map(|(_, artifact)| artifact)
        })
    }
}

/// Why a drop could not be judged. Never a statement about the drop: the exit code is 2.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// A fault in one of the operator's files.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The packs make no policy for this trust store.
    #[error("{}: {why}", escape::path(gate))]
    Policy {
        /// gate.toml.
        gate: PathBuf,
        /// Why.
        why: PolicyRefusal,
    },
    /// A file of the operator's could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The drop could not be looked at.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file that decides lies where the vendor can write it.
    #[error(
        "{} lies inside the drop {}: expected the operator's files outside of it, for what is judged must not decide",
        escape::path(file),
        escape::path(drop)
    )]
    InsideDrop {
        /// The file.
        file: PathBuf,
        /// The drop.
        drop: PathBuf,
    },
    /// The operator names a profile that is not there.
    #[error("--profile: expected one of gate.toml ({}), found {named:?}", listed(.known))]
    NoProfile {
        /// What was named.
        named: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// What the operator says of the drop is said by its manifest.
    #[error(
        "--release-version and --kind are for drops that a profile of gate.toml reads; the manifest of this one says both"
    )]
    NothingToChoose,
    /// Several profiles read the drop, and each has its signers.
    #[error("expected one profile that fits the drop, found {}; name the one that is meant with --profile", .profiles.join(", "))]
    SeveralProfiles {
        /// Their ids.
        profiles: Vec<String>,
    },
    /// A notice of counterfeit items is not one that somebody signed who may issue it.
    #[error("counterfeit notice {}: {why}", escape::path(path))]
    Notice {
        /// Its file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The baseline is not a manifest that a trusted signer signed.
    #[error("baseline {}: {why}", escape::path(path))]
    Baseline {
        /// Its file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

fn listed(profiles: &[String]) -> String {
    if profiles.is_empty() { "it has none".to_owned() } else { profiles.join(", ") }
}

impl Gate {
    /// Reads gate.toml, and the trust store and packs that it names, which are looked up beside it.
    ///
    /// # Errors
    /// When one of them can't be read, or with every fault in the first that has any.
    pub fn load(path: &Path, files: &dyn Files) -> Result<Self, GateError> {
        let files = Remembering::new(files);
        let gate = Self::read(path, &files)?;
        let documents = files.seen();
        Ok(Self { documents, ..gate })
    }

    fn read(path: &Path, files: &dyn Files) -> Result<Self, GateError> {
        let named = Configuration::load(path, files)?;
        let trust = named.read(&named.trust, TrustStore::load(&named.trust.path, files))?;
        let packs = named.policies.iter().map(|pack| named.read(pack, Pack::load(&pack.path, files)));
        let policy = Policy::new(packs.collect::<Result<_, _>>()?, &trust)
            .map_err(|why| GateError::Policy { gate: path.to_owned(), why })?;
        let notices = named.notices.iter().map(|notice| {
            let bytes = files.read(&notice.path, limits::EVIDENCE_BYTES)?;
            Ok((notice.path.clone(), bytes))
        });
        let notices = notices.collect::<Result<_, FileError>>()?;
        let Configuration { operator, ledger, release_lines, profiles, .. } = named;
        Ok(Self { operator, trust, policy, ledger, release_lines, profiles, notices, documents: Vec::new() })
    }

    /// The lines in which a product's versions follow on one another, where the operator keeps several.
    pub fn release_lines(&self, vendor: &str, product: &str) -> Option<&ReleaseLines> {
        self.release_lines
            .iter()
            .find(|lines| (lines.vendor.as_str(), lines.product.as_str()) == (vendor, product))
    }

    /// Every file that the gate was read from, gate.toml first: its path and its bytes.
    pub fn documents(&self) -> &[(PathBuf, Vec<u8>)] {
        &self.documents
    }

    /// Refuses a drop that holds one of the gate's own files, or one of `others` that would help to decide.
    ///
    /// # Errors
    /// When it does, or where that can't be told.
    pub fn stands_outside<'o>(
        &'o self,
        drop: &Path,
        others: impl IntoIterator<Item = &'o PathBuf>,
    ) -> Result<(), GateError> {
        let inside = |file: &Path| GateError::InsideDrop { file: file.to_owned(), drop: drop.to_owned() };
        for file in self.documents.iter().map(|(path, _)| path).chain(others) {
            if files::lies_within(file, drop)? {
                return Err(inside(file));
            }
        }
        // The ledger is made on first use, and its key may be on another machine.
        let ledger = self.ledger.iter();
        let ledger = ledger.flat_map(|own| [Some(&own.directory), own.key.as_ref(), own.kept.as_ref()]);
        for path in ledger.flatten() {
            let there =
                path.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(Path::new("."));
            if files::lies_within(there, drop)? {
                return Err(inside(path));
            }
        }
        Ok(())
    }

    /// Reads the manifest of an accepted version, and gives the bytes it was read from too. Its end may have come since; its signers must still count, and be
    /// as many as the policy asks of a drop: one stolen key must not choose what versions are compared with.
    ///
    /// # Errors
    /// When it is not a manifest that enough trusted signers signed.
    pub fn baseline(&self, path: &Path, at: Time) -> Result<(Manifest, Vec<u8>), GateError> {
        let refuse = |why: String| GateError::Baseline { path: path.to_owned(), why };
        let bytes = files::read(path, limits::MANIFEST_BYTES)?;
        let manifest = self.signed(bytes.clone(), at).map_err(refuse)?;
        Ok((manifest.value().clone(), bytes))
    }

    /// Reads a manifest that as many people signed as the policy asks for, who may speak for its vendor and product at
    /// `at`. Its end is not asked.
    ///
    /// # Errors
    /// With why it is none.
    pub fn signed(&self, bytes: Vec<u8>, at: Time) -> Result<Verified<Manifest>, String> {
        let manifest = receive_native(bytes, &self.trust, at)
            .map_err(|findings| findings.iter().map(described).collect::<Vec<_>>().join("; "))?;
        let signers = signers_in_scope(&manifest);
        let asked = self.policy.release_threshold();
        if !asked.is_some_and(|threshold| threshold.is_met_by(&signers)) {
            let asked = asked.map_or(1, Threshold::owners);
            let owners: BTreeSet<&str> = signers.iter().map(|signer| signer.owner.as_str()).collect();
            let found = match owners.into_iter().collect::<Vec<_>>() {
                owners if owners.is_empty() => "none".to_owned(),
                owners => owners.join(", "),
            };
            return Err(format!(
                "expected signatures by at least {} for its vendor and product, found {found}",
                counted(asked, "distinct owner")
            ));
        }
        Ok(manifest)
    }

    /// Looks at everything that there is to look at, and decides nothing.
    ///
    /// # Errors
    /// When the drop could not be looked at.
    pub fn examine(
        &self,
        source: &dyn Source,
        circumstances: Circumstances,
        progress: &dyn Progress,
    ) -> Result<Examined, GateError> {
        let Circumstances { at, evidence, choice } = circumstances;
        let counterfeits = self.counterfeits(at)?;
        let inventory = source.inventory()?;
        let looking = Looking { gate: self, source, inventory: &inventory, choice: &choice, at, progress };
        let known = match looking.receive()? {
            Ok(received) => Ok(self.look_into(looking, received, evidence)?),
            Err(findings) => Err(findings),
        };
        // Last: what was read until here is what is there still.
        let disturbed = source.changes_since(&inventory)?;
        Ok(Examined { at, counterfeits, inventory, known, disturbed, choice })
    }

    /// Decides, by the policy: looks at nothing that was not looked at already, so that the same drop can be compared with
    /// another baseline at once.
    pub fn decide(&self, examined: &Examined, baseline: Baseline<'_>) -> Verdict {
        let judged = self.policy.judge(&examined.facts(self, baseline));
        Verdict::of(judged, self.basis(examined, baseline))
    }

    fn basis(&self, examined: &Examined, baseline: Baseline<'_>) -> Basis {
        let known = examined.known();
        let manifest = known.map(|known| &known.manifest);
        Basis {
            at: examined.at,
            release: manifest.map(|manifest| manifest.value().release.clone()),
            manifest: manifest.map(|manifest| manifest.value().digest),
            signers: manifest.map(signers_in_scope).unwrap_or_default(),
            trust: self.trust.digest(),
            packs: self.packs(),
            baseline: baseline.manifest.map(|baseline| baseline.digest),
            baseline_verdict: baseline.verdict.map(|verdict| verdict.digest),
            notices: self.notices.iter().map(|(_, bytes)| DocumentDigest::of(bytes)).collect(),
            evidence: known.map(|known| evidence_notes(&known.evidence)).unwrap_or_default(),
        }
    }

    fn counterfeits(&self, at: Time) -> Result<Vec<CounterfeitNotice>, GateError> {
        self.notices
            .iter()
            .map(|(path, bytes)| {
                evidence::counterfeit_notice(bytes.clone(), &self.trust, at)
                    .map_err(|why| GateError::Notice { path: path.clone(), why })
            })
            .collect()
    }

    fn packs(&self) -> Vec<(String, String, DocumentDigest)> {
        self.policy
            .packs()
            .iter()
            .map(|pack| (pack.id.clone(), pack.version.clone(), pack.digest()))
            .collect()
    }

    fn look_into(
        &self,
        looking: Looking<'_>,
        received: Received,
        more: Vec<(String, Vec<u8>)>,
    ) -> Result<Known, GateError> {
        let Looking { source, inventory, at, progress, .. } = looking;
        let Received { mut manifest, own, profile } = received;
        let wanted: Vec<Wanted<'_>> = pairs(manifest.value(), inventory)
            .filter_map(|(artifact, entry)| {
                // The record names files by SHA-256, and so does evidence.
                let algorithms = artifact?.digests.algorithms().with(Algorithm::Sha256);
                Some(Wanted { entry: entry?, algorithms })
            })
            .collect();
        let readings = source.digest(&wanted, progress)?;
        drop(wanted);
        complete(&mut manifest, inventory, &readings);
        let signed = |path: &DropPath| own.contains(path) || native::is_evidence(path.as_str());
        let contents = reconcile(manifest.value(), inventory, readings, signed);
        let envelopes = || inventory.files.iter().filter(|entry| native::is_evidence(entry.path.as_str()));
        let unfit = contents.unfit(manifest.value());
        // Most drops of a million files come without evidence, and nobody looks for one of them by its digest.
        let index = match envelopes().next() {
            None if more.is_empty() && self.notices.is_empty() => Index::default(),
            _ => Index::of(manifest.value(), &unfit),
        };
        let mut known = Known { manifest, profile, contents, evidence: Evidence::default(), index, unfit };
        let evidence = self.evidence(source, envelopes(), &known, (at, more))?;
        known.evidence = evidence;
        self.read_reports(source, inventory, &mut known)?;
        Ok(known)
    }

    /// The profile of this id.
    ///
    /// # Errors
    /// When there is none.
    fn profile(&self, id: &str) -> Result<&Profile, GateError> {
        self.profiles.iter().find(|profile| profile.id == id).ok_or_else(|| GateError::NoProfile {
            named: id.to_owned(),
            known: self.profiles.iter().map(|profile| profile.id.clone()).collect(),
        })
    }
}

/// Adds the SHA-256 of files whose manifest has other digests of them: what matches those has this one.
fn complete(manifest: &mut Verified<Manifest>, inventory: &Inventory, readings: &[Reading]) {
    if manifest.value().format == Format::Native {
        return;
    }
    let arrived = pairs(manifest.value(), inventory).filter(|(artifact, _)| artifact.is_some());
    let arrived: Vec<bool> = arrived.map(|(_, entry)| entry.is_some()).collect();
    let mut readings = readings.iter();
    for (at, arrived) in arrived.into_iter().enumerate() {
        let Some(Ok(computed)) = arrived.then(|| readings.next()).flatten() else { continue };
        if let Some(digests) = manifest.value_mut().digests_mut(at)
            && let Some(all) = digests.completed(computed)
        {
            *digests = all;
        }
    }
}

fn evidence_notes(evidence: &Evidence) -> Vec<EvidenceNote> {
    let statements = evidence.statements.iter();
    statements
        .map(|verified| {
            let statement = verified.value();
            EvidenceNote {
                origin: statement.origin.clone(),
                digest: statement.digest,
                predicate_type: statement.predicate_type.clone(),
                about_this_drop: statement.about.this_drop(),
                signers: verified.signers().to_vec(),
            }
        })
        .collect()
}

/// The signers of a manifest that may speak for its vendor and product.
pub fn signers_in_scope(manifest: &Verified<Manifest>) -> Vec<Signer> {
    let release = &manifest.value().release;
    let speaks = |signer: &&Signer| signer.speaks_for(release.vendor.as_str(), release.product.as_str());
    manifest.signers().iter().filter(speaks).cloned().collect()
}

/// From bytes to a verified manifest: form, signatures, contents, in this order.
///
/// # Errors
/// With what is wrong, as findings.
pub fn receive_native(
    bytes: Vec<u8>,
    trust: &TrustStore,
    at: Time,
) -> Result<Verified<Manifest>, Vec<Finding>> {
    let finding =
        |code, expected: &'static str, found: String| vec![Finding::new(code, native::FILE, expected, found)];
    let envelope = Envelope::read(bytes).map_err(|why| match why {
        EnvelopeRefusal::TooManySignatures { .. } => {
            finding(Code::SignatureNotTried, "the signatures of the release signers", why.to_string())
        }
        why => finding(Code::EnvelopeMalformed, "a DSSE envelope over an in-toto statement", why.to_string()),
    })?;
    let verified = trust.verify(envelope, Capacity::In(Role::Release), at).map_err(|why| match why {
        NotVerified::Unsigned => finding(Code::Unsigned, "at least one signature", "none".to_owned()),
        NotVerified::NoneCounts(remarks) => remarks.iter().map(remarked).collect(),
    })?;
    verified.try_map(|envelope| {
        native::read(envelope.untrusted_payload()).map_err(|why| match why {
            native::ManifestRefusal::PredicateType { .. } => {
                finding(Code::PredicateTypeWrong, "a statement of the manifest's type", why.to_string())
            }
            why => finding(
                Code::ManifestMalformed,
                "a manifest as docs/manifest.md describes it",
                why.to_string(),
            ),
        })
    })
}

fn remarked(remark: &Remark) -> Finding {
    remarked_in(native::FILE, remark)
}

fn remarked_in(file: &str, remark: &Remark) -> Finding {
    let code = match remark {
        Remark::UnknownSigner { .. } | Remark::UnknownBeside { .. } => Code::SignerUnknown,
        Remark::Invalid { .. } | Remark::Refused { .. } => Code::SignatureInvalid,
        Remark::Disqualified { .. } | Remark::KeyIdLies { .. } => Code::SignerNotQualified,
        Remark::NotTried => Code::SignatureNotTried,
    };
    Finding::new(code, file.to_owned(), "a signature by a trusted key for role release", remark.to_string())
}

fn described(finding: &Finding) -> String {
    format!("{}: expected {}, found {}", finding.code, finding.expected, finding.found)
}
