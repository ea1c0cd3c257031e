//! `dropgate ledger`: ask the record of verdicts, check it, and prove what is in it.

mod checkpoint;
mod export;
mod key;
mod list;
mod proof;
mod replay;
mod show;
mod text;
mod verify;

use super::judging::threads;
use super::output::{Failure, Output};
use crate::digest::DocumentDigest;
use crate::escape;
use crate::files::{self, Existing, FileError, OnDisk, Readers};
use crate::finding::Outcome;
use crate::gate::Gate;
use crate::ledger::answer::{Answer, Found, Source};
use crate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::ledger::entry::{Action, Entry};
use crate::ledger::index::IndexError;
use crate::ledger::note::VerifierKey;
use crate::ledger::query::Query;
use crate::ledger::{Ledger, LedgerError};
use crate::limits;
use crate::record::ReplayError;
use crate::time::Time;
use crate::verdict::Decision;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The version of the forms in JSON; it grows when a reader of the old one would misunderstand the new one.
const VERSION: u32 = 1;

/// Ask the record of verdicts, check it, and prove what is in it.
///
/// Exit code 0: done. 1: the record, or the proof, is not what it should be. 2: could not look.
#[derive(clap::Subcommand)]
pub enum Command {
    // Each has its own text, which one here would take the place of.
    List(Box<list::List>),
    Show(show::Show),
    Verify(verify::Verify),
    Prove(proof::Prove),
    VerifyProof(proof::VerifyProof),
    Checkpoint(checkpoint::PrintCheckpoint),
    Export(Box<export::Export>),
    Replay(replay::Replay),
    Key(key::Key),
}

impl Command {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        threads(None)?;
        let done = match self {
            Self::List(list) => list.run(output),
            Self::Show(show) => show.run(output),
            Self::Verify(verify) => verify.run(output),
            Self::Prove(prove) => prove.run(output),
            Self::VerifyProof(verify) => verify.run(output),
            Self::Checkpoint(checkpoint) => checkpoint.run(output),
            Self::Export(export) => export.run(output),
            Self::Replay(replay) => replay.run(output),
            Self::Key(key) => key.run(output),
        };
        match done {
            Err(failure) if is_about_the_record(&failure) => {
                output.failure(&failure);
                Ok(ExitCode::from(1))
            }
            done => done,
        }
    }
}

fn is_about_the_record(failure: &Failure) -> bool {
    match failure {
        Failure::Ledger(error) => error.is_about_the_record(),
        Failure::Replay(ReplayError::Record(error)) => error.is_about_the_record(),
        _ => false,
    }
}

/// Where the ledger is.
#[derive(clap::Args)]
pub struct Where {
    /// The gate, whose [ledger] says where the record is and whose checkpoints count.
    #[arg(long, default_value = "gate.toml", value_name = "FILE", conflicts_with = "ledger")]
    gate: PathBuf,

    /// The record's directory, for whoever has no gate.
    #[arg(long, value_name = "DIR", requires = "verifier_key")]
    ledger: Option<PathBuf>,

    /// Whose checkpoints count: NAME+ID+KEY.
    #[arg(long, value_name = "KEY", requires = "ledger")]
    verifier_key: Option<VerifierKey>,
}

impl Where {
    fn open(self) -> Result<Ledger, Failure> {
        if let (Some(directory), Some(key)) = (self.ledger, self.verifier_key) {
            return Ok(Ledger::open(&directory, key)?);
        }
        let missing = |why: &str| Failure::from(FileError::new(&self.gate, "read the gate", why));
        if self.gate.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Err(missing(
                "there is none; --gate names another one, --ledger and --verifier-key do without",
            ));
        }
        let gate = Gate::load(&self.gate, &OnDisk)?;
        let place = gate.ledger.ok_or_else(|| missing("expected a section [ledger], found none"))?;
        Ok(Ledger::open(&place.directory, place.verifier)?)
    }
}

/// Which entries: those for which all holds that is given.
#[derive(clap::Args)]
pub struct Question {
    /// Of this vendor.
    #[arg(long, value_name = "NAME")]
    vendor: Option<String>,

    /// Of this product.
    #[arg(long, value_name = "NAME")]
    product: Option<String>,

    /// Of this version.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,

    /// With this verdict.
    #[arg(long, value_name = "WORD", value_parser = verdict)]
    verdict: Option<Decision>,

    /// Judged by this control.
    #[arg(long, value_name = "ID")]
    control: Option<String>,

    /// With this outcome of that control.
    #[arg(long, value_name = "OUTCOME", value_parser = outcome, requires = "control")]
    outcome: Option<Outcome>,

    /// With a control that was waived.
    #[arg(long)]
    waived: bool,

    /// With this waiver, by ticket or by SHA-256 of its signed text.
    #[arg(long, value_name = "TICKET")]
    waiver: Option<String>,

    /// With this file among those that arrived, by SHA-256.
    #[arg(long, value_name = "SHA256", value_parser = sha256)]
    artifact: Option<DocumentDigest>,

    /// On this manifest, by SHA-256 of its signed text.
    #[arg(long, value_name = "SHA256", value_parser = sha256)]
    manifest: Option<DocumentDigest>,

    /// That rest on a signature by this key, by fingerprint or by the name in the trust store.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,

    /// Recorded at this time or later, RFC 3339 with zone, such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<Time>,

    /// Recorded before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,

    /// Recorded by this command.
    #[arg(long, value_name = "COMMAND", value_enum)]
    action: Option<Action>,

    /// Recorded by this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// The last N of them.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Read the whole log instead of asking the index, which nobody signs.
    #[arg(long)]
    scan: bool,
}

fn verdict(word: &str) -> Result<Decision, &'static str> {
    Decision::named(&word.to_ascii_uppercase()).ok_or("expected accept or reject")
}

fn outcome(name: &str) -> Result<Outcome, &'static str> {
    Outcome::named(name).ok_or("expected pass, fail, waived, no-evidence or not-applicable")
}

fn sha256(text: &str) -> Result<DocumentDigest, &'static str> {
    DocumentDigest::from_hex(text).ok_or("expected 64 lowercase hex digits")
}

impl Question {
    fn source(&self) -> Source {
        if self.scan { Source::Log } else { Source::Index }
    }

    fn query(self) -> Query {
        Query {
            vendor: self.vendor,
            product: self.product,
            version: self.version,
            verdict: self.verdict,
            control: self.control,
            outcome: self.outcome,
            waived: self.waived,
            artifact: self.artifact,
            manifest: self.manifest,
            key: self.key,
            waiver: self.waiver,
            since: self.since,
            until: self.until,
            action: self.action,
            user: self.user,
            limit: self.limit,
        }
    }
}

/// The checkpoint at which something was said, for JSON.
#[derive(Serialize)]
struct At {
    origin: String,
    size: u64,
    root: String,
}

impl At {
    fn of(checkpoint: &Checkpoint) -> Self {
        Self { origin: checkpoint.origin.clone(), size: checkpoint.size, root: checkpoint.root.to_string() }
    }
}

/// Says why the index was not used.
fn note_index(output: &Output, error: &IndexError) {
    output.note(&format!(
        "the index can't answer this, so the log does, or the index is made again where it can be written: {error}"
    ));
}

/// Says what keeps an answer from being whole; then it is none that can be relied on.
fn gaps(answer: &Answer, output: &Output) -> ExitCode {
    for gap in answer.gaps.iter().take(limits::FINDINGS_SHOWN) {
        output.error(&gap.to_string());
    }
    if let Some(more) = answer.gaps.len().checked_sub(limits::FINDINGS_SHOWN).filter(|more| *more > 0) {
        output.error(&format!("... and {more} more like these; `dropgate ledger verify` tells all"));
    }
    ExitCode::from(u8::from(!answer.gaps.is_empty()))
}

/// Reads a checkpoint that was kept elsewhere.
fn kept(path: &Path, key: &VerifierKey) -> Result<SignedCheckpoint, Failure> {
    let bytes = files::read(path, limits::NOTE_BYTES as u64)?;
    SignedCheckpoint::read(&bytes, key).map_err(|why| FileError::new(path, "read the checkpoint", why).into())
}

/// Writes a result to a file, or prints it.
fn deliver(bytes: &[u8], file: Option<&Path>, output: &Output) -> Result<(), Failure> {
    match file {
        Some(file) => Ok(files::write(file, bytes, Existing::Replace, Readers::Everyone)?),
        None => output.exact(bytes),
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    crate::report::json::pretty(value).map_err(|error| Failure::said(format!("can't write JSON: {error}")))
}

/// A number of entries, in words.
fn entries(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}

/// An entry that was found, as JSON.
#[derive(Serialize)]
struct Row<'f> {
    index: u64,
    entry: &'f Entry,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    paths: &'f [String],
}

impl<'f> Row<'f> {
    fn of(found: &'f Found) -> Self {
        Self { index: found.index, entry: &found.entry, paths: &found.paths }
    }
}

/// How long before now, in the largest unit that fits.
fn ago(time: Time) -> String {
    let seconds = Time::now().microseconds().saturating_sub(time.microseconds()).div_euclid(1_000_000);
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    match units.into_iter().find(|(length, _)| seconds >= *length) {
        _ if seconds < 0 => "in the future by this clock".to_owned(),
        Some((length, unit)) => format!("{} {unit} ago", seconds.checked_div(length).unwrap_or(0)),
        None => "just now".to_owned(),
    }
}

fn shown(path: &Path) -> String {
    escape::path(path)
}

/// An answer, with what the caller must still do about printing.
type Answered = Result<Answer, LedgerError>;
