//! `dropgate attest approval`.

use super::statement::{About, Sealing, Told, stated};
use crate::cli::output::{Failure, Output};
use crate::digest::DocumentDigest;
use crate::evidence::predicate::approval::TYPE;
use crate::evidence::predicate::change;
use crate::files::FileError;
use crate::time::Time;
use serde_json::json;
use std::path::PathBuf;

/// SO14.4, for the provider: approve or reject a change, as its record is now.
#[derive(clap::Args)]
#[command(args_override_self = true)]
pub struct Approval {
    #[command(flatten)]
    about: About,
    /// The change record that you read: its envelope.
    #[arg(long, value_name = "FILE")]
    change: PathBuf,
    /// Reject it. Without this the change is approved.
    #[arg(long)]
    reject: bool,
    /// Why.
    #[arg(long)]
    comment: Option<String>,
    /// When it was decided, RFC 3339 with zone [default: now].
    #[arg(long, value_name = "TIME")]
    decided: Option<Time>,
    #[command(flatten)]
    sealing: Sealing,
}

impl Approval {
    /// Makes the statement.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let ground = self.about.open()?;
        let refuse = |why: String| Failure::from(FileError::new(&self.change, "approve the change in", why));
        let record = Told::read(&self.change)?;
        if record.known.uri != change::TYPE {
            return Err(refuse(format!(
                "expected a statement of type {}, found {}",
                change::TYPE,
                record.known.uri
            )));
        }
        let manifest = ground.manifest.digest.to_string();
        if !record.subjects().iter().any(|(_, about)| *about == manifest) {
            let found: Vec<&str> = record.subjects().into_iter().map(|(_, about)| about).take(3).collect();
            return Err(refuse(format!(
                "expected a record about manifest sha256 {manifest}, found one about {}",
                if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }
            )));
        }
        let predicate = stated(json!({
            "change": { "sha256": DocumentDigest::of(record.envelope.untrusted_payload()) },
            "decision": if self.reject { "rejected" } else { "approved" },
            "decided": self.decided.unwrap_or_else(Time::now).whole_seconds(),
            "comment": self.comment,
        }));
        // Who rejects one file of the drop rejects the drop; who approves, approves the whole.
        let subjects =
            if self.reject { self.about.subjects(&ground)? } else { self.about.manifest_alone(&ground)? };
        ground.seal((TYPE, "approval"), subjects, &predicate, &self.sealing, output)
    }
}
