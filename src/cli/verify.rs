//! `dropgate verify`: judge a drop, touch nothing.

use super::judging::{Judging, exit_code};
use super::output::{Failure, Output};
use crate::drop::directory::Directory;
use crate::record::Before;
use std::path::PathBuf;
use std::process::ExitCode;

/// Judge a drop; touch nothing.
///
/// Exit code 0: ACCEPT. 1: REJECT. 2: could not decide, which is never an acceptance.
#[derive(clap::Args)]
pub struct Verify {
    /// The drop: a directory.
    drop: PathBuf,

    #[command(flatten)]
    judging: Judging,
}

impl Verify {
    /// Judges.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let source = Directory::open(&self.drop)?;
        let prepared = self.judging.prepare(&self.drop, output)?;
        let examined = prepared.examine(&source, output)?;
        let baseline = prepared.given.as_ref().map(Before::baseline).unwrap_or_default();
        let verdict = prepared.gate.decide(&examined, baseline);
        prepared.tell(&examined, &verdict, &self.drop, output)?;
        Ok(exit_code(&verdict))
    }
}
