//! `dropgate policy`: check packs, explain controls and findings.

use super::output::{Failure, Output};
use crate::config::nearest;
use crate::escape;
use crate::files::OnDisk;
use crate::finding::Code;
use crate::gate::Gate;
use crate::policy::controls::{self, Definition};
use crate::policy::pack::CustomRule;
use crate::policy::{INDISPENSABLE, Pack, Rule};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check policy packs; explain controls and findings.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Check packs: every fault, with its place and the legal values. Exit code 2 when there is one. Of what is legal and
    /// seldom meant, there are notes.
    Check {
        /// The packs.
        #[arg(required = true)]
        packs: Vec<PathBuf>,
    },
    /// List every control with its clause: the built-in ones, or those of packs or of a gate, your own among them.
    List {
        #[command(flatten)]
        sources: Sources,
    },
    /// Explain a control, or the code of a finding.
    Explain {
        /// A control, such as so12.manifest-signed, or a code, such as file-unlisted; with --pack or --gate also one of
        /// your own.
        name: String,
        #[command(flatten)]
        sources: Sources,
    },
}

/// Where controls of the operator's own stand.
#[derive(clap::Args)]
pub struct Sources {
    /// A pack; several for several.
    #[arg(long = "pack", value_name = "FILE")]
    packs: Vec<PathBuf>,
    /// A gate, for all its packs.
    #[arg(long, value_name = "FILE", conflicts_with = "packs")]
    gate: Option<PathBuf>,
}

impl Sources {
    /// The packs, where some were named.
    fn packs(&self) -> Result<Vec<Pack>, Failure> {
        if let Some(gate) = &self.gate {
            return Ok(Gate::load(gate, &OnDisk)?.policy.into_packs());
        }
        Ok(self.packs.iter().map(|pack| Pack::load(pack, &OnDisk)).collect::<Result<_, _>>()?)
    }
}

impl Command {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        match self {
            Self::Check { packs } => check(&packs, output)?,
            Self::List { sources } => output.print(&list(&sources.packs()?))?,
            Self::Explain { name, sources } => output.print(&explain(&name, &sources.packs()?)?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The built-in controls, or those of `packs`, in the order of the clauses.
fn list(packs: &[Pack]) -> String {
    let mut rules: Vec<&Rule> = packs.iter().flat_map(Pack::rules).collect();
    rules.sort_by_key(|rule| rule.order());
    let mut lines: Vec<(&str, &str)> =
        rules.into_iter().map(|rule| (rule.clause.as_str(), rule.id.as_str())).collect();
    if packs.is_empty() {
        lines = controls::ALL.iter().map(|definition| (definition.clause, definition.id)).collect();
    }
    let mut text = String::new();
    for (clause, id) in lines {
        let needed = if INDISPENSABLE.contains(&id) { "  (in every gate)" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<8} {id}{needed}", escape::Escaped(clause).to_string());
    }
    text
}

fn check(paths: &[PathBuf], output: &Output) -> Result<(), Failure> {
    let mut seen: BTreeMap<String, &PathBuf> = BTreeMap::new();
    let mut faulty = 0_usize;
    for path in paths {
        let pack = match Pack::load(path, &OnDisk) {
            Ok(pack) => pack,
            Err(error) => {
                output.failure(&error.into());
                faulty = faulty.saturating_add(1);
                continue;
            }
        };
        for rule in pack.rules() {
            for (place, note) in rule.custom.iter().flat_map(|custom| &custom.notes) {
                output.note(&format!("{}:{}: {}: {note}", escape::path(path), pack.line(place), rule.id));
            }
            if let Some(first) = seen.insert(rule.id.clone(), path) {
                let message = format!("control {} stands also in {}", rule.id, escape::path(first));
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

fn explain(name: &str, packs: &[Pack]) -> Result<String, Failure> {
    let mut rules = packs.iter().flat_map(Pack::rules).filter(|rule| rule.id == name);
    if let Some((rule, own)) = rules.find_map(|rule| Some((rule, rule.custom.as_ref()?))) {
        return Ok(custom(rule, own));
    }
    if let Some(definition) = controls::named(name) {
        return Ok(control(definition));
    }
    if let Some(code) = Code::ALL.iter().find(|code| code.name() == name) {
        let by = controls::finders(*code);
        return Ok(format!(
            "{code}\n\n{}\n\nWhat to do:  {}\nFound by:    {}\n",
            code.meaning(),
            code.remedy(),
            by.join(", ")
        ));
    }
    let own = packs.iter().flat_map(Pack::rules).filter(|rule| rule.custom.is_some());
    let names: Vec<&str> =
        controls::ALL.iter().map(|control| control.id).chain(own.map(|rule| rule.id.as_str())).collect();
    let codes = Code::ALL.iter().map(|code| code.name());
    let all: Vec<&str> = names.iter().copied().chain(codes).collect();
    let near = nearest(name, &all).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Err(Failure::said(format!(
        "expected a control or the code of a finding, found {name:?}{near}\ncontrols: {}\ncodes: docs/findings.md has them \
         all, and each verdict its own",
        names.join(", ")
    )))
}

fn control(definition: &Definition) -> String {
    let Definition { id, clause, meaning, passes, fails, example, parameters, codes, .. } = definition;
    let mut text = format!(
        "{id}  ({clause})\n\n{meaning}\n\nPasses:   {passes}\nFails:    {fails}\nExample:  {example}\n"
    );
    text.push_str(if parameters.is_empty() { "\nParameters: none\n" } else { "\nParameters:\n" });
    for parameter in *parameters {
        let _ = writeln!(text, "  {:<18} {}", parameter.name, parameter.meaning);
    }
    text.push_str("\nFindings:\n");
    for code in *codes {
        let _ = writeln!(text, "  {code}");
    }
    text
}

/// A control of the operator's own. What stands in the pack is the operator's text, and shown escaped.
fn custom(rule: &Rule, own: &CustomRule) -> String {
    let shown = |text: &str| escape::lines(text.trim()).to_string();
    let mut text = format!(
        "{}  ({}), a control of your own, severity {}\n\n{}\n\nPasses when this holds:\n",
        rule.id,
        shown(&rule.clause),
        rule.severity.name(),
        shown(&rule.title)
    );
    for line in shown(&own.expression).lines() {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(text, "\nWhat to do:  {}\n\nFacts:", shown(&rule.remedy));
    for (path, meaning) in &own.facts {
        let _ = writeln!(text, "  {path:<28} {meaning}");
    }
    text.push_str("\nFindings:\n");
    for code in [Code::CustomControlFailed, Code::CustomControlError, Code::NoVerifiedManifest] {
        let _ = writeln!(text, "  {code}");
    }
    for (_, note) in &own.notes {
        let _ = writeln!(text, "\nNote: {note}");
    }
    text
}
