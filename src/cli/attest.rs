//! `dropgate attest`: for whoever vouches. Each subcommand makes or signs one statement, and refuses what the gate
//! would refuse.

mod approval;
mod change;
mod counterfeit_notice;
mod countersign;
mod document;
mod malware_scan;
mod statement;
mod test_report;
mod transition;
mod waiver;

use super::output::{Failure, Output};
use std::process::ExitCode;

/// For whoever vouches: bind reports and decisions to a drop's bytes, and sign.
///
/// A statement is about a drop whose manifest is made: its subject is the manifest, and so every file that it lists, unless
/// --subject names files. Raw reports and documents are files of the drop, listed in its manifest. The order is: put reports
/// and documents into the drop, `dropgate manifest create`, `dropgate attest`. Statements are written to DROP/evidence/.
///
/// What the gate would refuse is refused here, and nothing is signed.
#[derive(clap::Subcommand)]
pub enum Command {
    MalwareScan(malware_scan::MalwareScan),
    Sbom(document::Sbom),
    Vex(document::Vex),
    TestReport(Box<test_report::TestReport>),
    Change(Box<change::Change>),
    Approval(approval::Approval),
    Waiver(waiver::Waiver),
    CounterfeitNotice(counterfeit_notice::CounterfeitNotice),
    Transition(Box<transition::Transition>),
    Countersign(countersign::Countersign),
}

impl Command {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        match self {
            Self::MalwareScan(command) => command.run(output)?,
            Self::Sbom(command) => command.run(output)?,
            Self::Vex(command) => command.run(output)?,
            Self::TestReport(command) => command.run(output)?,
            Self::Change(command) => command.run(output)?,
            Self::Approval(command) => command.run(output)?,
            Self::Waiver(command) => command.run(output)?,
            Self::CounterfeitNotice(command) => command.run(output)?,
            Self::Transition(command) => command.run(output)?,
            Self::Countersign(command) => command.run(output)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
