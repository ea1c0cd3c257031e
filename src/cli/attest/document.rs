//! `dropgate attest sbom` and `dropgate attest vex`: a whole document as the predicate.

use super::statement::{About, Sealing};
use crate::cli::output::{Failure, Output};
use crate::evidence::predicate::CSAF;
use crate::files::{self, FileError};
use crate::json::Strict;
use crate::limits;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// SO12.1: a bill of materials of this drop: CycloneDX 1.4 to 1.6 or SPDX 2.3, in JSON.
#[derive(clap::Args)]
#[command(args_override_self = true)]
pub struct Sbom {
    #[command(flatten)]
    about: About,
    /// The document.
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
    #[command(flatten)]
    sealing: Sealing,
}

/// SO12.1: whether this drop is affected by vulnerabilities: OpenVEX 0.2 or CSAF 2.0 (VEX), in JSON.
#[derive(clap::Args)]
#[command(args_override_self = true)]
pub struct Vex {
    #[command(flatten)]
    about: About,
    /// The document.
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
    #[command(flatten)]
    sealing: Sealing,
}

impl Sbom {
    /// Makes the statement.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let document = read(&self.document)?;
        let uri = if document.get("bomFormat").is_some() {
            "https://cyclonedx.org/bom"
        } else if document.get("spdxVersion").is_some() {
            "https://spdx.dev/Document"
        } else {
            let why = "expected CycloneDX (bomFormat) or SPDX (spdxVersion), found neither";
            return Err(FileError::new(&self.document, "attest to", why).into());
        };
        let ground = self.about.open()?;
        let subjects = self.about.subjects(&ground)?;
        ground.seal((uri, "sbom"), subjects, &document, &self.sealing, output)
    }
}

impl Vex {
    /// Makes the statement.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let document = read(&self.document)?;
        let uri = if document.get("@context").is_some() {
            "https://openvex.dev/ns"
        } else if document.get("document").is_some() {
            CSAF
        } else {
            let why = "expected OpenVEX (@context) or CSAF (document), found neither";
            return Err(FileError::new(&self.document, "attest to", why).into());
        };
        let ground = self.about.open()?;
        let subjects = self.about.subjects(&ground)?;
        ground.seal((uri, "vex"), subjects, &document, &self.sealing, output)
    }
}

fn read(path: &Path) -> Result<Value, Failure> {
    let bytes = files::read(path, limits::EVIDENCE_BYTES)?;
    Strict::check(&bytes)
        .and_then(Strict::read)
        .map_err(|why| FileError::new(path, "read the document in", why).into())
}
