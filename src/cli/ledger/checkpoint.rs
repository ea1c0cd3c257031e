//! `dropgate ledger checkpoint`: what to keep elsewhere.

use super::{Where, deliver};
use crate::cli::output::{Failure, Output};
use std::path::PathBuf;
use std::process::ExitCode;

/// Print the newest checkpoint, to be kept elsewhere.
///
/// Whoever has one can tell later whether the record was cut short or rewritten, even by whoever has its key:
/// `dropgate ledger verify --checkpoint FILE`.
#[derive(clap::Args)]
pub struct PrintCheckpoint {
    #[command(flatten)]
    place: Where,

    /// Write it to a file, whole or not at all, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl PrintCheckpoint {
    pub(super) fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let signed = self.place.open()?.checkpoint()?;
        deliver(&signed.bytes, self.output.as_deref(), output)?;
        Ok(ExitCode::SUCCESS)
    }
}
