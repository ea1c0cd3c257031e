//! `dropgate attest waiver`.

use super::statement::{About, Sealing};
use crate::cli::output::{Failure, Output};
use crate::drop::path::Name;
use crate::evidence::predicate::waiver::TYPE;
use crate::policy::{INDISPENSABLE, controls};
use crate::time::Time;
use serde_json::json;

/// For the provider: an exception to one control for this drop, or for files of it, until a date.
///
/// The waived control is shown as waived in every verdict, with all of this.
#[derive(clap::Args)]
#[command(
    args_override_self = true,
    override_usage = "dropgate attest waiver [OPTIONS] --control <CONTROL> --reason <REASON> --ticket <TICKET>\n       \
        --requested-by <NAME> --expires <TIME> --key <FILE> <DROP>"
)]
pub struct Waiver {
    #[command(flatten)]
    about: About,
    /// The control. Never so12.manifest-signed or so12.manifest-complete.
    #[arg(long)]
    control: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Where it was discussed.
    #[arg(long)]
    ticket: String,
    /// Who asked for it.
    #[arg(long, value_name = "NAME")]
    requested_by: Name,
    /// From when on it is void. The pack says how far away that may be.
    #[arg(long, value_name = "TIME")]
    expires: Time,
    /// When it is given, RFC 3339 with zone [default: now].
    #[arg(long, value_name = "TIME")]
    issued: Option<Time>,
    #[command(flatten)]
    sealing: Sealing,
}

impl Waiver {
    /// Makes the statement.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        if INDISPENSABLE.contains(&self.control.as_str()) {
            return Err(Failure::said(format!(
                "--control: expected a control that can be waived, found {}, which never can: without it nobody knows \
                 which bytes are excused",
                self.control
            )));
        }
        // The operator's own controls are known to the operator's packs alone; the names of the others are taken.
        let family = self.control.split('.').next();
        let taken = controls::ALL.iter().any(|known| known.id.split('.').next() == family);
        if taken && !controls::ALL.iter().any(|known| known.id == self.control) {
            return Err(Failure::said(format!(
                "--control: expected a control, found {:?}; `dropgate policy list` shows them",
                self.control
            )));
        }
        let issued = self.issued.unwrap_or_else(Time::now).whole_seconds();
        if self.expires <= issued {
            return Err(Failure::said(format!(
                "--expires: expected an end after the issue, {issued}, found {}",
                self.expires
            )));
        }
        let ground = self.about.open()?;
        let predicate = json!({
            "control": self.control,
            "reason": self.reason,
            "ticket": self.ticket,
            "requestedBy": self.requested_by,
            "issued": issued,
            "expires": self.expires,
        });
        let subjects = self.about.subjects(&ground)?;
        ground.seal((TYPE, &format!("waiver-{}", self.control)), subjects, &predicate, &self.sealing, output)
    }
}
