//! `dropgate policy`: check packs, explain controls and findings.

use super::output::{Failure, Output};
use crate::escape;
use crate::finding::Code;
use crate::policy::controls::{self, Definition};
use crate::policy::{INDISPENSABLE, Pack};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check policy packs; explain controls and findings.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Check packs: every fault, with its place and the legal values. Exit code 2 when there is one.
    Check {
        /// The packs.
        #[arg(required = true)]
        packs: Vec<PathBuf>,
    },
    /// List every control with its clause.
    List,
    /// Explain a control, or the code of a finding.
    Explain {
        /// A control, such as so12.manifest-signed, or a code, such as file-unlisted.
        name: String,
    },
}

impl Command {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        match self {
            Self::Check { packs } => check(&packs, output)?,
            Self::List => {
                let mut text = String::new();
                for definition in controls::ALL {
                    let needed =
                        if INDISPENSABLE.contains(&definition.id) { "  (in every gate)" } else { "" };
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "{:<8} {}{needed}", definition.clause, definition.id);
                }
                output.print(&text)?;
            }
            Self::Explain { name } => output.print(&explain(&name)?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn check(paths: &[PathBuf], output: &Output) -> Result<(), Failure> {
    let mut seen: BTreeMap<&'static str, &PathBuf> = BTreeMap::new();
    let mut faulty = 0_usize;
    for path in paths {
        let pack = match Pack::load(path) {
            Ok(pack) => pack,
            Err(error) => {
                output.failure(&error.into());
                faulty = faulty.saturating_add(1);
                continue;
            }
        };
        for rule in pack.rules() {
            if let Some(first) = seen.insert(rule.definition.id, path) {
                let message =
                    format!("control {} stands also in {}", rule.definition.id, escape::path(first));
                output.failure(
                    &pack.fault_at(rule.span(), message, "expected each control in one pack").into(),
                );
                faulty = faulty.saturating_add(1);
            }
        }
        let controls = pack.rules().len();
        let plural = if controls == 1 { "" } else { "s" };
        output.print(&format!(
            "{}: {} {}, {controls} control{plural}\n",
            escape::path(path),
            pack.id,
            pack.version
        ))?;
    }
    match faulty {
        0 => Ok(()),
        1 => Err(Failure::said("1 pack or control is at fault")),
        _ => Err(Failure::said(format!("{faulty} packs or controls are at fault"))),
    }
}

fn explain(name: &str) -> Result<String, Failure> {
    if let Some(definition) = controls::named(name) {
        return Ok(control(definition));
    }
    if let Some(code) = Code::ALL.iter().find(|code| code.name() == name) {
        let by: Vec<&str> = controls::ALL
            .iter()
            .filter(|control| control.codes.contains(code))
            .map(|control| control.id)
            .collect();
        return Ok(format!(
            "{code}\n\n{}\n\nWhat to do:  {}\nFound by:    {}\n",
            code.meaning(),
            code.remedy(),
            by.join(", ")
        ));
    }
    let names: Vec<&str> = controls::ALL.iter().map(|control| control.id).collect();
    Err(Failure::said(format!(
        "expected a control ({}) or the code of a finding, found {name:?}",
        names.join(", ")
    )))
}

fn control(definition: &Definition) -> String {
    let Definition { id, clause, meaning, passes, fails, example, parameters, codes, .. } = definition;
    let mut text = format!(
        "{id}  ({clause})\n\n{meaning}\n\nPasses:   {passes}\nFails:    {fails}\nExample:  {example}\n"
    );
    text.push_str("\nParameters:\n");
    for parameter in *parameters {
        let _ = writeln!(text, "  {:<18} {}", parameter.name, parameter.meaning);
    }
    text.push_str("\nFindings:\n");
    for code in *codes {
        let _ = writeln!(text, "  {code}");
    }
    text
}
