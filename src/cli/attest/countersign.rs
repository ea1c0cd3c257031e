//! `dropgate attest countersign`.

use super::statement::Told;
use crate::cli::manifest::sign;
use crate::cli::output::{Failure, Output};
use crate::digest::DocumentDigest;
use crate::escape::{self, Escaped};
use crate::files::{self, Existing, FileError, Readers};
use crate::limits;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Add a signature to a statement that somebody else made and signed.
///
/// What it is, and what it is about, is printed before it is signed. The dossier of a transition (SO14.T1 to SO14.T5) is
/// made by one party and countersigned by the other. What was signed stays as it was, byte for byte. Read the statement
/// before you sign it: a signature says that you vouch for it.
#[derive(clap::Args)]
#[command(args_override_self = true)]
pub struct Countersign {
    /// The statement: its envelope, which the signature is added to.
    statement: PathBuf,
    /// A private key to sign with; several for several signatures. One that signed already is refused.
    #[arg(long = "key", required = true, value_name = "FILE")]
    keys: Vec<PathBuf>,
}

impl Countersign {
    /// Adds the signature.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let refuse = |why: String| Failure::from(FileError::new(&self.statement, "countersign", why));
        let mut told = Told::read(&self.statement)?;
        let before = told.envelope.signatures().len();
        if before == 0 {
            return Err(refuse("expected a signature of whoever made it, found none".to_owned()));
        }
        let after = before.saturating_add(self.keys.len());
        if after > limits::SIGNATURES {
            return Err(refuse(format!("expected at most {} signatures, found {after}", limits::SIGNATURES)));
        }
        output.print(&describe(&told))?;
        for key in &self.keys {
            sign(&mut told.envelope, key, output)?;
        }
        files::write(&self.statement, &told.envelope.to_json(), Existing::Replace, Readers::Everyone)?;
        output.note(&format!("signed {} as signature {after}", escape::path(&self.statement)));
        Ok(())
    }
}

fn describe(told: &Told) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<10} {value}");
    };
    row("type", told.known.uri.to_owned());
    row("sha256", DocumentDigest::of(told.envelope.untrusted_payload()).to_string());
    for (name, digest) in told.subjects() {
        row("about", format!("{} (sha256 {})", Escaped(name), Escaped(digest)));
    }
    for signature in told.envelope.signatures() {
        row("key id", format!("{} (not checked)", Escaped(&signature.untrusted_keyid)));
    }
    text
}
