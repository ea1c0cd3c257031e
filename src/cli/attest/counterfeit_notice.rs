//! `dropgate attest counterfeit-notice`.

use super::statement::{Sealing, seal};
use crate::cli::output::{Failure, Output};
use crate::digest::DocumentDigest;
use crate::evidence::predicate::counterfeit_notice::TYPE;
use crate::files;
use crate::limits;
use crate::time::Time;
use serde_json::{Value, json};
use std::path::PathBuf;

/// SO12.3, for the provider: a list of counterfeit items, which gate.toml names under counterfeit-notices.
///
/// ITEMS is a JSON array; docs/predicates/counterfeit-notice.md has its form:
///
/// [ { "name": "radio batch 7", "serials": ["R7-1"], "digest": { "sha256": "..." }, "purl": "pkg:..." } ]
#[derive(clap::Args)]
#[command(args_override_self = true)]
pub struct CounterfeitNotice {
    /// The items, in JSON.
    items: PathBuf,
    /// The notice's number.
    #[arg(long)]
    id: String,
    /// When it is issued, RFC 3339 with zone [default: now].
    #[arg(long, value_name = "TIME")]
    issued: Option<Time>,
    #[command(flatten)]
    sealing: Sealing,
}

impl CounterfeitNotice {
    /// Makes the statement.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let bytes = files::read(&self.items, limits::EVIDENCE_BYTES)?;
        let items: Value = crate::json::Strict::check(&bytes)
            .and_then(crate::json::Strict::read)
            .map_err(|why| files::FileError::new(&self.items, "read the items in", why))?;
        let predicate = json!({
            "id": self.id,
            "issued": self.issued.unwrap_or_else(Time::now).whole_seconds(),
            "items": items,
        });
        // Its subject is the list as it was written down.
        let subject = json!({ "name": "items.json", "digest": { "sha256": DocumentDigest::of(&bytes) } });
        let file = PathBuf::from(format!("{}.dsse.json", self.id));
        let file = self.sealing.output().unwrap_or(file);
        seal(&file, TYPE, vec![subject], &predicate, &self.sealing, output)
    }
}
