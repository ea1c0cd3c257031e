//! `dropgate verify`: judge a drop, touch nothing but the ledger, and that only when asked to.

use super::dropping::Dropped;
use super::judging::{Judging, exit_code};
use super::output::{Failure, Output};
use super::recording::{Books, Recording, clock};
use crate::drop::keeping::Keeping;
use crate::ledger::entry::Action;
use crate::manifest::native;
use std::path::PathBuf;
use std::process::ExitCode;

/// Judge a drop; touch nothing.
///
/// Exit code 0: ACCEPT. 1: REJECT. 2: could not decide, which is never an acceptance.
#[derive(clap::Args)]
pub struct Verify {
    /// The drop: a directory, or a package (zip, csar, tar, tar.gz).
    drop: PathBuf,

    #[command(flatten)]
    judging: Judging,

    /// Record the verdict in the gate's ledger before it is told. An ACCEPT there is what later drops are compared with.
    #[arg(long)]
    record: bool,

    #[command(flatten)]
    recording: Recording,
}

impl Verify {
    /// Judges.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        if !self.record && self.recording.is_given() {
            return Err(Failure::said(
                "--note: expected --record beside it, for a note goes into the ledger",
            ));
        }
        let drop = Dropped::open(&self.drop)?;
        let prepared = self.judging.prepare(&self.drop, output)?;
        if !self.record {
            let examined = prepared.examine(drop.source(), output)?;
            let books = Books::to_read(&prepared.gate)?;
            let case = prepared.case(&examined, None);
            let decided = match &books {
                // To ask "what would it say if" is free, as long as nothing is recorded.
                Some(_) if prepared.given.is_some() => {
                    output.note("compared with --baseline, whatever the ledger says");
                    case.decide(None)?
                }
                Some(books) => books.decide(&case)?,
                None => case.decide(None)?,
            };
            prepared.tell(&examined, &decided.verdict, &self.drop, output)?;
            return Ok(exit_code(&decided.verdict));
        }
        let books = Books::to_write(&prepared.gate, output)?;
        let source = Keeping::new(drop.source(), native::FILE);
        let examined = prepared.examine(&source, output)?;
        let envelope = source.kept();
        let case = prepared.case(&examined, envelope.as_deref());
        let decided = books.decide(&case)?;
        let recorder = books.recorder(&self.recording, Action::Verify)?;
        let recorded = recorder.record(&case, decided, None, clock)?;
        let said = format!("recorded as entry {}", recorded.entry);
        prepared.tell_recorded(&examined, &recorded.decided.verdict, (&self.drop, &said), output)?;
        Ok(exit_code(&recorded.decided.verdict))
    }
}
