//! `dropgate ledger prove` and `verify-proof`: what is in the record, for whoever does not have it.

use super::{At, VERSION, Where, deliver, json, kept, shown};
use crate::cli::judging::Format;
use crate::cli::output::{Failure, Output};
use crate::files::{self, FileError};
use crate::ledger::LedgerError;
use crate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::ledger::log::LogError;
use crate::ledger::note::VerifierKey;
use crate::ledger::proof::{ConsistencyProof, InclusionProof, ProofRefusal};
use crate::limits;
use crate::merkle;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prove that an entry is in the record, or that the record continues an older checkpoint.
///
/// The proof is a text by C2SP tlog-proof, or of the form that witnesses take. `dropgate ledger verify-proof` checks it with
/// nothing but the record's verifier key and the entry (`dropgate ledger show ENTRY --document entry`) or the checkpoint.
#[derive(clap::Args)]
pub struct Prove {
    /// The entry's number.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    entry: Option<u64>,

    /// The older checkpoint, kept elsewhere.
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<PathBuf>,

    #[command(flatten)]
    place: Where,

    /// Write the proof to a file, whole or not at all, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Prove {
    pub(super) fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let ledger = self.place.open()?;
        let SignedCheckpoint { checkpoint: at, bytes: checkpoint } = ledger.checkpoint()?;
        let log = ledger.log();
        let failed = |error: LogError| Failure::from(LedgerError::from(error));
        let proof = match (self.entry, &self.from) {
            (Some(index), _) => {
                // The tree may hold what the bundle does not: nobody needs a proof of an entry that is gone.
                log.entry(&at, index).map_err(failed)?;
                let hashes = log.inclusion(&at, index).map_err(failed)?;
                InclusionProof { unverified_extra: None, index, hashes, checkpoint }.write()
            }
            (None, Some(file)) => {
                let old = kept(file, log.key())?.checkpoint;
                log.compare(&at, &old).map_err(failed)?;
                let hashes = log.consistency(&at, old.size).map_err(failed)?;
                ConsistencyProof { old: old.size, hashes, checkpoint }.write()
            }
            (None, None) => {
                return Err(Failure::said("expected the number of an entry, or --from CHECKPOINT"));
            }
        };
        deliver(&proof, self.output.as_deref(), output)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Check a proof, without the record.
///
/// A proof that an entry is in the record is checked with the entry's exact bytes, one that the record continues an older
/// checkpoint with that checkpoint. Exit code 0: it proves that. 1: it does not. 2: could not look.
#[derive(clap::Args)]
pub struct VerifyProof {
    /// The proof.
    proof: PathBuf,

    /// The record's key: NAME+ID+KEY, from whoever you would ask whether it is theirs.
    #[arg(long, value_name = "KEY")]
    verifier_key: VerifierKey,

    /// The entry, as `dropgate ledger show ENTRY --document entry` gives it.
    #[arg(long, value_name = "FILE", required_unless_present = "from", conflicts_with = "from")]
    entry: Option<PathBuf>,

    /// The older checkpoint, kept elsewhere.
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<PathBuf>,

    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The version 1 of docs/ledger.schema.json.
#[derive(Serialize)]
struct InJson {
    version: u32,
    of: &'static str,
    holds: bool,
    proves: &'static str,
    ledger: Option<At>,
    index: Option<u64>,
    from: Option<u64>,
    why: Option<String>,
}

/// What a proof shows.
struct Proven {
    at: Checkpoint,
    index: Option<u64>,
}

impl VerifyProof {
    pub(super) fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let bytes = files::read(&self.proof, limits::PROOF_BYTES as u64)?;
        let (proves, proven, from) = match (&self.entry, &self.from) {
            (Some(entry), _) => ("inclusion", self.inclusion(&bytes, entry)?, None),
            (None, Some(from)) => {
                let old = kept(from, &self.verifier_key)?.checkpoint;
                ("consistency", self.consistency(&bytes, &old), Some(old.size))
            }
            (None, None) => return Err(Failure::said("expected --entry or --from")),
        };
        match self.format {
            Format::Json => {
                let told = InJson {
                    version: VERSION,
                    of: "verify-proof",
                    holds: proven.is_ok(),
                    proves,
                    ledger: proven.as_ref().ok().map(|proven| At::of(&proven.at)),
                    index: proven.as_ref().ok().and_then(|proven| proven.index),
                    from,
                    why: proven.as_ref().err().map(ToString::to_string),
                };
                output.print(&json(&told)?)?;
            }
            Format::Text => match &proven {
                Ok(Proven { at, index }) => {
                    let what = match (index, from) {
                        (Some(index), _) => format!("it is entry {index} of"),
                        (None, from) => format!("the {} entries of then are the first of", from.unwrap_or(0)),
                    };
                    let (origin, size, root) = (&at.origin, &at.size, &at.root);
                    output.print(&format!(
                        "PROVEN  {what} {origin}, which has {}, root {root}\n",
                        super::entries(*size)
                    ))?;
                }
                Err(why) => output.error(&format!("{}: not proven: {why}", shown(&self.proof))),
            },
        }
        Ok(ExitCode::from(u8::from(proven.is_err())))
    }

    fn inclusion(&self, proof: &[u8], entry: &Path) -> Result<Result<Proven, ProofRefusal>, Failure> {
        let entry = files::read(entry, limits::LEDGER_ENTRY_BYTES as u64)?;
        if entry.is_empty() {
            let file = self.entry.as_deref().unwrap_or(Path::new(""));
            return Err(FileError::new(file, "read the entry", "expected an entry, found nothing").into());
        }
        let shown = || {
            let proof = InclusionProof::read(proof)?;
            let signed = proof.verify(&merkle::leaf(&entry), &self.verifier_key)?;
            Ok(Proven { at: signed.checkpoint, index: Some(proof.index) })
        };
        Ok(shown())
    }

    fn consistency(&self, proof: &[u8], old: &Checkpoint) -> Result<Proven, ProofRefusal> {
        let signed = ConsistencyProof::read(proof)?.verify(old, &self.verifier_key)?;
        Ok(Proven { at: signed.checkpoint, index: None })
    }
}
