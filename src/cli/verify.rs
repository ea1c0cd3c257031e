//! `dropgate verify`: judge a drop, touch nothing.

use super::output::{Failure, Output};
use super::progress::Bar;
use crate::digest::DocumentDigest;
use crate::drop::directory::Directory;
use crate::escape;
use crate::evidence::predicate::SignedText;
use crate::files::{self, Existing, FileError, OnDisk, Readers};
use crate::finding::Outcome;
use crate::gate::{Accepted, Circumstances, Gate, GateError};
use crate::json::Strict;
use crate::limits;
use crate::report;
use crate::time::Time;
use crate::verdict::Decision;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Judge a drop; touch nothing.
///
/// Exit code 0: ACCEPT. 1: REJECT. 2: could not decide, which is never an acceptance.
#[derive(clap::Args)]
pub struct Verify {
    /// The drop: a directory.
    drop: PathBuf,

    /// The gate: which keys and which policies. Must lie outside of the drop.
    #[arg(long, default_value = "gate.toml", value_name = "FILE")]
    gate: PathBuf,

    /// The manifest (drop.dsse.json) of the last accepted version of the same product.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// The verdict (from --format json) under which the baseline was accepted, for so12.replacement-equivalent. A file of yours:
    /// nothing but where it lies vouches for it.
    #[arg(long, value_name = "FILE", requires = "baseline")]
    baseline_verdict: Option<PathBuf>,

    /// A signed statement of your own to judge with the drop: an approval, a waiver. Several for several.
    #[arg(long = "evidence", value_name = "FILE")]
    evidence: Vec<PathBuf>,

    /// The time of judgement, RFC 3339 with zone, such as 2026-01-31T12:00:00Z [default: now].
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,

    /// The form of the verdict.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the verdict to a file, whole or not at all, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// How many threads read and hash [default: one for each core].
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Verify {
    /// Judges.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        threads(self.jobs)?;
        let at = self.at.unwrap_or_else(|| Time::now().whole_seconds());
        let source = Directory::open(&self.drop)?;
        if self.gate.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            let why = "there is none; --gate names another one, and `dropgate init` writes one to begin with";
            return Err(FileError::new(&self.gate, "read the gate", why).into());
        }
        if self.gate.is_dir() {
            let why = "expected the file gate.toml, found a directory";
            return Err(FileError::new(&self.gate, "read the gate", why).into());
        }
        // Before a word of it is read.
        if files::lies_within(&self.gate, &self.drop)? {
            return Err(GateError::InsideDrop { file: self.gate, drop: self.drop }.into());
        }
        let gate = Gate::load(&self.gate, &OnDisk)?;
        let others = self.baseline.iter().chain(&self.baseline_verdict).chain(&self.evidence);
        gate.stands_outside(&self.drop, others)?;
        if let Some(file) = &self.output {
            outside(file, &self.drop)?;
        }
        let baseline = self.baseline.as_ref().map(|path| gate.baseline(path, at)).transpose()?;
        let accepted = match (&self.baseline_verdict, &baseline) {
            (Some(path), Some(baseline)) => Some(accepted(path, baseline.digest)?),
            _ => None,
        };
        let evidence = self.evidence.iter().map(|path| {
            let name = escape::bytes(path.as_os_str().as_encoded_bytes());
            Ok((name, files::read(path, limits::EVIDENCE_BYTES)?))
        });
        let circumstances = Circumstances {
            at,
            baseline: baseline.as_ref(),
            baseline_verdict: accepted.as_ref(),
            evidence: evidence.collect::<Result<_, FileError>>()?,
        };
        let verdict = {
            let bar = Bar::new(output.shows_progress());
            gate.judge(&source, circumstances, &bar)?
        };
        let text = match self.format {
            Format::Text => report::text::render(&verdict, &self.drop.to_string_lossy()),
            Format::Json => {
                report::json::render(&verdict).map_err(|error| Failure::said(error.to_string()))?
            }
        };
        match &self.output {
            Some(file) => {
                let plain = anstream::adapter::strip_str(&text).to_string();
                files::write(file, plain.as_bytes(), Existing::Replace, Readers::Everyone)?;
            }
            None if output.quiet() && self.format == Format::Text => {}
            None => output.print(&text)?,
        }
        Ok(match verdict.decision() {
            Decision::Accept => ExitCode::SUCCESS,
            Decision::Reject => ExitCode::from(1),
        })
    }
}

/// Reads an earlier verdict, which must be an ACCEPT of the manifest with the digest `baseline`: one on something else would say
/// of the wrong item what it passed.
fn accepted(path: &Path, baseline: DocumentDigest) -> Result<Accepted, Failure> {
    #[derive(serde::Deserialize)]
    struct Before {
        version: u32,
        verdict: String,
        manifest: Option<SignedText>,
        controls: Vec<Control>,
    }
    #[derive(serde::Deserialize)]
    struct Control {
        id: String,
        outcome: String,
    }
    let refuse = |why: String| Failure::from(FileError::new(path, "read the verdict", why));
    let bytes = files::read(path, limits::MANIFEST_BYTES)?;
    let before: Before =
        Strict::check(&bytes).and_then(Strict::read).map_err(|why| refuse(why.to_string()))?;
    if before.version != report::json::VERSION {
        return Err(refuse(format!("expected version {}, found {}", report::json::VERSION, before.version)));
    }
    if before.verdict != Decision::Accept.name() {
        return Err(refuse(format!("expected an ACCEPT, found {:?}", before.verdict)));
    }
    let manifest = before.manifest.map(|manifest| manifest.sha256.0);
    if manifest != Some(baseline) {
        let found = manifest.map_or_else(|| "none".to_owned(), |digest| format!("one on {digest}"));
        return Err(refuse(format!("expected a verdict on the baseline, sha256 {baseline}, found {found}")));
    }
    let passed = before.controls.into_iter().filter(|control| control.outcome == Outcome::Pass.name());
    let passed = passed.map(|control| control.id).collect();
    Ok(Accepted { passed, digest: DocumentDigest::of(&bytes) })
}

/// Starts the threads of the whole process, one for each core unless told otherwise. Left to their first use, a system
/// that gives no more threads would end it by a panic.
pub fn threads(jobs: Option<NonZeroUsize>) -> Result<(), Failure> {
    if let Some(jobs) = jobs.filter(|jobs| jobs.get() > 1024) {
        return Err(Failure::said(format!("--jobs: expected 1 to 1024, found {jobs}")));
    }
    // Zero means one for each core.
    rayon::ThreadPoolBuilder::new().num_threads(jobs.map_or(0, NonZeroUsize::get)).build_global().map_err(
        |error| match jobs {
            Some(jobs) => Failure::said(format!("can't start {jobs} threads: {error}")),
            None => Failure::said(format!("can't start a thread for each core: {error}")),
        },
    )
}

/// Refuses to write into the drop that is judged.
fn outside(file: &Path, drop: &Path) -> Result<(), Failure> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if files::lies_within(directory, drop)? {
        return Err(Failure::said(format!(
            "--output {}: expected a file outside of the drop",
            escape::path(file)
        )));
    }
    Ok(())
}
