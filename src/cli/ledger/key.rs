//! `dropgate ledger key`: what others verify a ledger's checkpoints with.

use crate::cli::key::read_private;
use crate::cli::output::{Failure, Output};
use crate::ledger::note::SigningKey;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print the verifier key of a ledger: what gate.toml and auditors name it by.
///
/// Its name is the log's origin, in every checkpoint. It has no spaces and no plus sign; an address that you own, without scheme, is
/// nobody else's: noc.example.com/dropgate.
#[derive(clap::Args)]
pub struct Key {
    /// The log's name.
    name: String,

    /// The private key in PEM that signs its checkpoints, from `dropgate key generate`.
    file: PathBuf,
}

impl Key {
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let key = SigningKey::new(&self.name, read_private(&self.file, output)?)
            .map_err(|why| Failure::said(why.to_string()))?;
        output.print(&format!("{}\n", key.verifier()))?;
        Ok(ExitCode::SUCCESS)
    }
}
