//! What the commands that judge have in common: what to judge with, and how to tell the verdict.

use super::output::{Failure, Output};
use super::progress::Bar;
use super::vouch::{Pen, Vouching};
use crate::drop::Source;
use crate::drop::path::Name;
use crate::escape;
use crate::files::{self, Existing, FileError, OnDisk, Readers};
use crate::gate::{Choice, Circumstances, Examined, Gate, GateError};
use crate::limits;
use crate::manifest::Kind;
use crate::record::{self, Before, Case};
use crate::report;
use crate::time::Time;
use crate::verdict::{Decision, Verdict};
use memchr::memmem;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The flags.
#[derive(clap::Args)]
pub struct Judging {
    /// The gate: which keys and which policies. Must lie outside of the drop.
    #[arg(long, default_value = "gate.toml", value_name = "FILE")]
    gate: PathBuf,

    /// The manifest (drop.dsse.json) of the last accepted version of the same product, where no ledger knows it.
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

    /// The profile of gate.toml by which a drop of another form than ours is read, where more than one could be meant.
    #[arg(long, value_name = "ID")]
    profile: Option<String>,

    /// The version of a drop whose form can't say it, where its profile leaves that to you.
    #[arg(long, value_name = "VERSION")]
    release_version: Option<Name>,

    /// What a drop is whose form can't say it, where that is not what its profile says.
    #[arg(long, value_parser = super::manifest::kind, value_name = "KIND")]
    kind: Option<Kind>,

    /// The form of the verdict.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the verdict to a file, whole or not at all, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    vouching: Vouching,

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

/// Everything to judge with, read.
pub struct Prepared {
    /// The gate.
    pub gate: Gate,
    /// The time of judgement.
    pub at: Time,
    /// What the operator says of the drop's form.
    choice: Choice,
    /// What the operator adds: names and bytes of envelopes.
    pub evidence: Vec<(String, Vec<u8>)>,
    /// The baseline that the command line names.
    pub given: Option<Before>,
    gate_file: PathBuf,
    format: Format,
    file: Option<PathBuf>,
    pen: Option<Pen>,
}

impl Judging {
    /// Reads everything that `drop`, which exists, is to be judged with. Nothing of it may lie in the drop.
    pub fn prepare(self, drop: &Path, output: &Output) -> Result<Prepared, Failure> {
        threads(self.jobs)?;
        let at = self.at.unwrap_or_else(|| Time::now().whole_seconds());
        self.find_gate()?;
        // Before a word of it is read.
        if files::lies_within(&self.gate, drop)? {
            return Err(GateError::InsideDrop { file: self.gate, drop: drop.to_owned() }.into());
        }
        let gate = Gate::load(&self.gate, &OnDisk)?;
        let others = self.baseline.iter().chain(&self.baseline_verdict).chain(&self.evidence);
        gate.stands_outside(drop, others)?;
        if let Some(file) = &self.output {
            outside("--output", file, drop)?;
            self.spares(file, &gate)?;
        }
        let pen = self.vouching.open(&gate, (drop, self.output.as_deref()), output)?;
        let given = match &self.baseline {
            Some(path) => Some(self.given(&gate, path, at)?),
            None => None,
        };
        let evidence = self.evidence.iter().map(|path| {
            let name = escape::bytes(path.as_os_str().as_encoded_bytes());
            let bytes = files::read(path, limits::EVIDENCE_BYTES)?;
            // It would go into the ledger as it is, where it stays.
            if memmem::find(&bytes, b"PRIVATE KEY-----").is_some() {
                let why = "this is a private key; expected a signed statement (a DSSE envelope)";
                return Err(FileError::new(path, "take as evidence", why));
            }
            Ok((name, bytes))
        });
        let evidence = evidence.collect::<Result<_, FileError>>()?;
        let choice = Choice { profile: self.profile, version: self.release_version, kind: self.kind };
        let (gate_file, format, file) = (self.gate, self.format, self.output);
        let prepared = Prepared { gate, at, choice, evidence, given, gate_file, format, file, pen };
        if let Some(ledger) = &prepared.gate.ledger {
            prepared.writes_outside("the ledger", &ledger.directory)?;
        }
        Ok(prepared)
    }

    /// Refuses to write the verdict over a file that it rests on, or over the key that signs the record.
    fn spares(&self, output: &Path, gate: &Gate) -> Result<(), Failure> {
        let own = gate.documents().iter().map(|(path, _)| path);
        let ledger = gate.ledger.iter().flat_map(|own| [own.key.as_ref(), own.kept.as_ref()]);
        let key = ledger.flatten();
        let given = self.baseline.iter().chain(&self.baseline_verdict).chain(&self.evidence);
        for read in own.chain(key).chain(given) {
            if files::same_name(read, output)? {
                let shown = escape::path(output);
                return Err(Failure::said(format!(
                    "--output {shown}: expected a file of its own, found one that the verdict rests on"
                )));
            }
        }
        Ok(())
    }

    fn find_gate(&self) -> Result<(), FileError> {
        if self.gate.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            let why = "there is none; --gate names another one, and `dropgate init` writes one to begin with";
            return Err(FileError::new(&self.gate, "read the gate", why));
        }
        if self.gate.is_dir() {
            let why = "expected the file gate.toml, found a directory";
            return Err(FileError::new(&self.gate, "read the gate", why));
        }
        Ok(())
    }

    fn given(&self, gate: &Gate, path: &Path, at: Time) -> Result<Before, Failure> {
        let (manifest, envelope) = gate.baseline(path, at)?;
        let verdict = match &self.baseline_verdict {
            Some(path) => {
                let bytes = files::read(path, limits::MANIFEST_BYTES)?;
                let accepted = record::accepted(&bytes, manifest.digest)
                    .map_err(|why| FileError::new(path, "read the verdict", why))?;
                Some((accepted, bytes))
            }
            None => None,
        };
        Ok(Before { manifest, envelope, verdict, entry: None })
    }
}

impl Prepared {
    /// Looks at the drop.
    pub fn examine(&self, source: &dyn Source, output: &Output) -> Result<Examined, Failure> {
        let bar = Bar::new(output.shows_progress());
        let circumstances =
            Circumstances { at: self.at, evidence: self.evidence.clone(), choice: self.choice.clone() };
        Ok(self.gate.examine(source, circumstances, &bar)?)
    }

    /// All that a verdict rests on, with the envelope that the manifest was read from, for whoever records it.
    pub fn case<'c>(&'c self, examined: &'c Examined, envelope: Option<&'c [u8]>) -> Case<'c> {
        Case {
            gate: &self.gate,
            gate_file: &self.gate_file,
            examined,
            evidence: &self.evidence,
            given: self.given.as_ref(),
            envelope,
        }
    }

    /// Refuses to write verdict or summary where nothing but the gate's own work belongs.
    pub fn writes_outside(&self, what: &str, directory: &Path) -> Result<(), Failure> {
        let vsa = self.pen.as_ref().map(Pen::file);
        let written = [("--output", self.file.as_deref()), ("--vsa", vsa)];
        for (flag, file) in written.into_iter().filter_map(|(flag, file)| Some((flag, file?))) {
            if files::resolved(files::directory_of(file))?.starts_with(files::resolved(directory)?) {
                let shown = escape::path(file);
                return Err(Failure::said(format!("{flag} {shown}: expected a file outside of {what}")));
            }
        }
        Ok(())
    }

    /// Tells a verdict that is recorded, and that it is: also where it can't be told.
    pub fn tell_recorded(
        &self,
        examined: &Examined,
        verdict: &Verdict,
        (drop, recorded): (&Path, &str),
        output: &Output,
    ) -> Result<(), Failure> {
        self.tell(examined, verdict, drop, output).map_err(|failure| {
            Failure::said(format!("{failure}\nbefore that, {} was {recorded}", verdict.decision().name()))
        })?;
        output.note(recorded);
        Ok(())
    }

    /// Tells the verdict, in the form and at the place that the user wants.
    pub fn tell(
        &self,
        examined: &Examined,
        verdict: &Verdict,
        drop: &Path,
        output: &Output,
    ) -> Result<(), Failure> {
        let text = match self.format {
            Format::Text => report::text::render(verdict, &drop.to_string_lossy()),
            Format::Json => {
                report::json::render(verdict).map_err(|error| Failure::said(error.to_string()))?
            }
        };
        if let Some(file) = &self.file {
            let plain = anstream::adapter::strip_str(&text).to_string();
            files::write(file, plain.as_bytes(), Existing::Replace, Readers::Everyone)?;
        }
        // Before the word is printed: who reads ACCEPT there finds the summary.
        if let Some(pen) = &self.pen {
            pen.write(&self.gate, examined, verdict, output)?;
        }
        match &self.file {
            Some(_) => {}
            None if output.quiet() && self.format == Format::Text => {}
            None => output.print(&text)?,
        }
        Ok(())
    }
}

/// The exit code of a verdict.
pub fn exit_code(verdict: &Verdict) -> ExitCode {
    match verdict.decision() {
        Decision::Accept => ExitCode::SUCCESS,
        Decision::Reject => ExitCode::from(1),
    }
}

/// Starts the threads of the whole process, one for each core unless told otherwise. Left to their first use, a system
/// that gives no more threads would end it by a panic.
pub fn threads(jobs: Option<NonZeroUsize>) -> Result<(), Failure> {
    if let Some(jobs) = jobs.filter(|jobs| jobs.get() > 1024) {
        return Err(Failure::said(format!("--jobs: expected 1 to 1024, found {jobs}")));
    }
    // Zero means one for each core.
    let mut builder = rayon::ThreadPoolBuilder::new().num_threads(jobs.map_or(0, NonZeroUsize::get));
    if jobs.is_some_and(|jobs| jobs.get() == 1) {
        // One thread is this one.
        builder = builder.use_current_thread();
    }
    builder.build_global().map_err(|error| match jobs {
        Some(jobs) => Failure::said(format!("can't start {jobs} threads: {error}")),
        None => Failure::said(format!("can't start a thread for each core: {error}")),
    })
}

/// Refuses to write into the drop that is judged.
pub fn outside(flag: &str, file: &Path, drop: &Path) -> Result<(), Failure> {
    if files::lies_within(files::directory_of(file), drop)? {
        return Err(Failure::said(format!(
            "{flag} {}: expected a file outside of the drop",
            escape::path(file)
        )));
    }
    Ok(())
}
