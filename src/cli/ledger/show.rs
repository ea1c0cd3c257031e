//! `dropgate ledger show`: one entry, or a document that it names.

use super::{At, VERSION, Where, deliver, json};
use crate::cli::judging::Format;
use crate::cli::output::{Failure, Output};
use crate::config::nearest;
use crate::escape::Escaped;
use crate::finding::{Outcome, counted};
use crate::ledger::configuration;
use crate::ledger::entry::{Doc, Entry};
use crate::ledger::{Ledger, LedgerError};
use crate::merkle;
use crate::verdict::Decision;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// Show one entry, or a document that it names.
///
/// The entry is checked up to the newest checkpoint, a document against the digest in the entry.
#[derive(clap::Args)]
pub struct Show {
    /// The entry's number, as `list` gives it.
    entry: u64,

    #[command(flatten)]
    place: Where,

    /// The exact bytes of a document: `entry` (the entry itself), `verdict`, `manifest`, `contents`, `gate`, `gate/NAME`,
    /// `evidence/NAME`, `baseline/manifest` or `baseline/verdict`. Without this option, the names are listed.
    #[arg(long, value_name = "NAME", conflicts_with = "format")]
    document: Option<String>,

    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write to a file, whole or not at all, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Shown<'e> {
    version: u32,
    of: &'static str,
    ledger: At,
    index: u64,
    /// Its hash in the tree.
    leaf: String,
    entry: &'e Entry,
    documents: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    name: String,
    #[serde(flatten)]
    doc: Doc,
}

impl Show {
    pub(super) fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let ledger = self.place.open()?;
        let at = ledger.checkpoint()?.checkpoint;
        let index = self.entry;
        let bytes = ledger.log().entry(&at, index).map_err(LedgerError::from)?;
        if self.document.as_deref() == Some("entry") {
            deliver(&bytes, self.output.as_deref(), output)?;
            return Ok(ExitCode::SUCCESS);
        }
        let entry = Entry::read(&bytes).map_err(|why| LedgerError::Entry { index, why })?;
        if let Some(name) = self.document.as_ref().and_then(|name| name.strip_prefix("gate/")) {
            let text = file_of_gate(&ledger, &entry, index, name)?;
            deliver(text.as_bytes(), self.output.as_deref(), output)?;
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(name) = &self.document {
            let Doc { sha256, size } = find(&entry, name)?;
            let document = ledger.documents().get_sized(&sha256, size).map_err(LedgerError::from)?;
            deliver(&document, self.output.as_deref(), output)?;
            return Ok(ExitCode::SUCCESS);
        }
        let leaf = merkle::leaf(&bytes).to_string();
        let text = match self.format {
            Format::Text => render(index, &leaf, &entry),
            Format::Json => {
                let documents = entry.documents().into_iter();
                let documents =
                    documents.map(|one| Document { name: one.name.into_owned(), doc: one.doc }).collect();
                let ledger = At::of(&at);
                json(&Shown { version: VERSION, of: "show", ledger, index, leaf, entry: &entry, documents })?
            }
        };
        match &self.output {
            Some(file) => {
                let plain = anstream::adapter::strip_str(&text).to_string();
                deliver(plain.as_bytes(), Some(file), output)?;
            }
            None => output.print(&text)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A file of the gate as it was then.
fn file_of_gate(ledger: &Ledger, entry: &Entry, index: u64, name: &str) -> Result<String, Failure> {
    let Doc { sha256, size } = entry.gate.files;
    let whole = ledger.documents().get_sized(&sha256, size).map_err(LedgerError::from)?;
    let files =
        configuration::read(&whole).map_err(|why| Failure::said(format!("entry {index}: gate: {why}")))?;
    if let Some(file) = files.iter().find(|file| file.name == name) {
        return Ok(file.text.clone());
    }
    let names: Vec<String> = files.iter().map(|file| format!("gate/{}", Escaped(&file.name))).collect();
    Err(Failure::said(format!(
        "--document: expected one of {}; found \"gate/{}\"",
        names.join(", "),
        Escaped(name)
    )))
}

fn find(entry: &Entry, name: &str) -> Result<Doc, Failure> {
    let documents = entry.documents();
    if let Some(found) = documents.iter().find(|one| one.name == name) {
        return Ok(found.doc);
    }
    let names: Vec<&str> =
        std::iter::once("entry").chain(documents.iter().map(|one| one.name.as_ref())).collect();
    let meant = nearest(name, &names);
    let meant = meant.map(|meant| format!(" (did you mean {}?)", Escaped(meant))).unwrap_or_default();
    let names: Vec<String> = names.into_iter().map(|name| Escaped(name).to_string()).collect();
    Err(Failure::said(format!("--document: expected one of {}; found {:?}{meant}", names.join(", "), name)))
}

/// The sections of an entry, for people.
fn render(index: u64, leaf: &str, entry: &Entry) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, index, leaf, entry);
    let _ = what(&mut text, entry);
    let _ = outcomes(&mut text, entry);
    let _ = signatures(&mut text, entry);
    let _ = documents(&mut text, entry);
    text
}

fn row(text: &mut String, name: &str, value: impl Display) -> fmt::Result {
    writeln!(text, "  {name:<12} {value}")
}

fn section(text: &mut String, name: &str) -> fmt::Result {
    writeln!(text, "\n{FAINT}{name}{FAINT:#}")
}

fn head(text: &mut String, index: u64, leaf: &str, entry: &Entry) -> fmt::Result {
    let style = if entry.verdict == Decision::Accept { GOOD } else { BAD };
    write!(text, "{style}{}{style:#}  ", entry.verdict.name())?;
    match &entry.release {
        Some(release) => writeln!(text, "{} {} {}", release.vendor, release.product, release.version)?,
        None => writeln!(text, "an unverified drop")?,
    }
    row(text, "entry", format_args!("{index}  (leaf {leaf})"))?;
    row(text, "recorded", entry.recorded_at)?;
    row(text, "judged as of", entry.judged_at)?;
    let by = &entry.by;
    row(text, "by", format_args!("{} (uid {}) on {}", Escaped(&by.user), by.uid, Escaped(&by.host)))?;
    if let Some(note) = &by.note {
        row(text, "note", Escaped(note))?;
    }
    let (tool, version) = (Escaped(&entry.tool.name), Escaped(&entry.tool.version));
    row(text, "command", format_args!("{tool} {} ({version})", entry.action.name()))?;
    if let Some(admission) = &entry.admission {
        let (store, path) = (Escaped(&admission.store), Escaped(&admission.path));
        row(text, "admitted to", format_args!("{store}/{path} ({})", admission.state.name()))?;
    }
    Ok(())
}

fn what(text: &mut String, entry: &Entry) -> fmt::Result {
    section(text, "what was judged")?;
    if let Some(release) = &entry.release {
        match release.sequence {
            Some(number) => row(text, "release", format_args!("{}, sequence {number}", release.kind))?,
            None => row(text, "release", release.kind)?,
        }
        if let Some(replaces) = &release.replaces {
            row(text, "replaces", format_args!("{}, sha256 {}", replaces.version, replaces.manifest.sha256))?;
        }
    }
    match &entry.manifest {
        Some(manifest) => row(text, "manifest", format_args!("sha256 {}", manifest.sha256))?,
        None => row(text, "manifest", "none that was verified")?,
    }
    if let Some(read) = &entry.read_as {
        let parts = [("profile", &read.profile), ("form", &read.format)];
        for (name, value) in parts.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            row(text, name, Escaped(value))?;
        }
        if let Some(version) = &read.release_version {
            row(text, "version by", format_args!("the command line: {version}"))?;
        }
        if let Some(kind) = read.kind {
            row(text, "kind by", format_args!("the command line: {kind}"))?;
        }
    }
    if let Some(contents) = &entry.contents {
        let files = counted(contents.files, "file");
        row(text, "arrived", format_args!("{files}, {}", counted(contents.bytes, "byte")))?;
    }
    if let Some(baseline) = &entry.baseline {
        let by = baseline.entry.map(|entry| format!(", accepted by entry {entry}")).unwrap_or_default();
        row(text, "baseline", format_args!("sha256 {}{by}", baseline.manifest.sha256))?;
    }
    section(text, "by which policy")?;
    row(text, "operator", Escaped(&entry.gate.operator))?;
    for policy in &entry.policies {
        let (id, version) = (Escaped(&policy.id), Escaped(&policy.version));
        row(text, "policy", format_args!("{id} {version}, sha256 {}", policy.sha256))?;
    }
    row(text, "trust store", format_args!("sha256 {}", entry.trust_store.sha256))?;
    for notice in &entry.counterfeit_notices {
        row(text, "notice", format_args!("sha256 {}", notice.sha256))?;
    }
    Ok(())
}

fn outcomes(text: &mut String, entry: &Entry) -> fmt::Result {
    section(text, "what the controls said")?;
    let mut by_outcome: BTreeMap<(bool, &str), Vec<String>> = BTreeMap::new();
    for (id, outcome) in &entry.controls {
        // What refuses comes first.
        let key = (outcome.0.permits(), outcome.0.name());
        by_outcome.entry(key).or_default().push(Escaped(id).to_string());
    }
    for ((permits, outcome), controls) in by_outcome {
        let style = if permits { Style::new() } else { BAD };
        let apart = outcome != Outcome::Pass.name() && outcome != Outcome::NotApplicable.name();
        let between = if apart { "\n               " } else { ", " };
        writeln!(text, "  {style}{outcome:<12}{style:#} {}", wrapped(&controls, between))?;
    }
    Ok(())
}

/// A list in lines of a screen, or one to a line.
fn wrapped(all: &[String], between: &str) -> String {
    if between != ", " {
        return all.join(between);
    }
    let mut text = String::new();
    let mut width = 15_usize;
    for (place, one) in all.iter().enumerate() {
        let own = one.chars().count().saturating_add(2);
        if place > 0 {
            text.push(',');
            if width.saturating_add(own) > 100 {
                text.push_str("\n               ");
                width = 15;
            } else {
                text.push(' ');
            }
        }
        text.push_str(one);
        width = width.saturating_add(own);
    }
    text
}

fn signatures(text: &mut String, entry: &Entry) -> fmt::Result {
    if !entry.waivers.is_empty() {
        section(text, "waivers")?;
    }
    for waiver in &entry.waivers {
        let used = if waiver.used { "used" } else { "without effect" };
        let (control, ticket) = (Escaped(&waiver.control), Escaped(&waiver.ticket));
        writeln!(text, "  {control}  {used}, ticket {ticket}, until {}", waiver.expires)?;
        writeln!(text, "      sha256 {}", waiver.sha256)?;
    }
    section(text, "whose signatures it rests on")?;
    if entry.keys.is_empty() {
        writeln!(text, "  nobody's")?;
    }
    for key in &entry.keys {
        let uses: Vec<&str> = key.uses.iter().map(|own| own.name()).collect();
        let (name, owner) = (Escaped(&key.name), Escaped(&key.owner));
        writeln!(text, "  {name}  of {owner}, for {}", uses.join(", "))?;
        writeln!(text, "      sha256 {}", key.sha256)?;
    }
    Ok(())
}

fn documents(text: &mut String, entry: &Entry) -> fmt::Result {
    section(text, "documents (--document NAME)")?;
    for named in entry.documents() {
        writeln!(text, "  {}  {}", Escaped(&named.name), counted(named.doc.size, "byte"))?;
        writeln!(text, "      sha256 {}", named.doc.sha256)?;
    }
    Ok(())
}
