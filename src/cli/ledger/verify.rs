//! `dropgate ledger verify`: whether the record is what it should be.

use super::{At, VERSION, Where, ago, json, kept};
use crate::cli::judging::Format;
use crate::cli::output::{Failure, Output};
use crate::escape::Shown;
use crate::finding::counted;
use crate::ledger::LedgerError;
use crate::ledger::audit::{Audit, Extent, Told, audit};
use crate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::limits;
use crate::time::Time;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();

/// What nothing that lies in the ledger itself can show.
const NOT_SHOWN: &str = "no checkpoint from elsewhere was given, so this can't show that the record is whole: whoever has its \
    key can sign one that was rewritten, and whoever can write its directory can put back an older one. Keep what `dropgate \
    ledger checkpoint` prints where neither can change it, and give it with --checkpoint";

/// Check the whole record: every entry, every document, the index.
///
/// Every bundle of entries and every tile must be what the signed checkpoint was made of, every entry one that can be read,
/// every document that an entry names there and of its digest, and the index, if there is one, what the log says. Exit code
/// 0: all of that is so. 1: it is not; what is wrong is named. 2: could not look.
#[derive(clap::Args)]
pub struct Verify {
    #[command(flatten)]
    place: Where,

    /// A checkpoint that was kept elsewhere, which the record must continue. Without one, a record that was replaced as a
    /// whole is not found out.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Do not read the documents that entries name.
    #[arg(long)]
    no_documents: bool,

    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// All there is to say.
struct Report {
    /// `None`: there is no ledger, or no checkpoint of it that counts.
    at: Option<Checkpoint>,
    kept: Option<Checkpoint>,
    audit: Audit,
}

impl Verify {
    pub(super) fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let ledger = self.place.open()?;
        let kept = self.checkpoint.as_ref().map(|file| kept(file, ledger.log().key())).transpose()?;
        let kept = kept.map(|signed| signed.checkpoint);
        let (at, audit) = match ledger.checkpoint() {
            Ok(SignedCheckpoint { checkpoint: at, .. }) => {
                let extent = Extent { documents: !self.no_documents, kept: kept.as_ref() };
                let audit = audit(&ledger, &at, extent)?;
                (Some(at), audit)
            }
            // There was one when the checkpoint was kept.
            Err(error @ LedgerError::None { .. }) if kept.is_some() => (None, fault(error.to_string())),
            Err(error) if error.is_about_the_record() => (None, fault(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        let report = Report { at, kept, audit };
        let holds = report.audit.faults.is_empty();
        match self.format {
            Format::Json => output.print(&json(&report.told())?)?,
            Format::Text if output.quiet() => {}
            Format::Text => output.print(&report.render())?,
        }
        Ok(ExitCode::from(u8::from(!holds)))
    }
}

fn fault(text: String) -> Audit {
    Audit {
        entries: 0,
        newest: None,
        documents: None,
        indexed: None,
        faults: Told { texts: vec![text], more: 0 },
        remarks: Told::default(),
    }
}

/// The version 1 of docs/ledger.schema.json.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InJson<'r> {
    version: u32,
    of: &'static str,
    holds: bool,
    ledger: Option<At>,
    kept: Option<At>,
    entries: u64,
    newest: Option<Time>,
    documents: Option<u64>,
    indexed: Option<u64>,
    faults: &'r [String],
    more_faults: u64,
    remarks: &'r [String],
    more_remarks: u64,
    not_shown: Option<&'static str>,
}

impl Report {
    fn not_shown(&self) -> Option<&'static str> {
        self.kept.is_none().then_some(NOT_SHOWN)
    }

    fn told(&self) -> InJson<'_> {
        let Audit { entries, newest, documents, indexed, faults, remarks } = &self.audit;
        InJson {
            version: VERSION,
            of: "verify",
            holds: faults.is_empty(),
            ledger: self.at.as_ref().map(At::of),
            kept: self.kept.as_ref().map(At::of),
            entries: *entries,
            newest: *newest,
            documents: *documents,
            indexed: *indexed,
            faults: &faults.texts,
            more_faults: faults.more,
            remarks: &remarks.texts,
            more_remarks: remarks.more,
            not_shown: self.not_shown(),
        }
    }

    fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let Audit { entries, newest, documents, indexed, faults, remarks } = &self.audit;
        let holds = faults.is_empty();
        let (style, word) = if holds { (GOOD, "HOLDS") } else { (BAD, "DOES NOT HOLD") };
        write!(text, "{style}{word}{style:#}")?;
        if let Some(at) = &self.at {
            writeln!(text, "  {}, {}, root {}", at.origin, super::entries(at.size), at.root)?;
        } else {
            writeln!(text)?;
        }
        if let Some(newest) = newest {
            writeln!(text, "  the newest entry that was read was recorded at {newest}, {}", ago(*newest))?;
        }
        list(text, BAD, "wrong", faults)?;
        if !holds {
            writeln!(text, "  {entries} entries were read, and are what the checkpoint signs")?;
        }
        if holds {
            writeln!(text, "  every tile, bundle and entry is what the checkpoint signs")?;
            match documents {
                Some(documents) => {
                    writeln!(text, "  {}, each of its digest", counted(documents, "document"))?
                }
                None => writeln!(text, "  the documents were not looked at")?,
            }
            match (indexed, &self.at) {
                (None, _) => writeln!(text, "  there is no index; `dropgate ledger list` makes it")?,
                (Some(indexed), Some(at)) if *indexed < at.size => {
                    writeln!(
                        text,
                        "  the index agrees, as far as it goes: it knows {}",
                        super::entries(*indexed)
                    )?;
                }
                (Some(_), _) => writeln!(text, "  the index agrees")?,
            }
            if let Some(kept) = &self.kept {
                writeln!(
                    text,
                    "  it continues the checkpoint that was kept ({})",
                    super::entries(kept.size)
                )?;
            }
        }
        list(text, WARN, "remark", remarks)?;
        match self.not_shown() {
            Some(not_shown) => writeln!(text, "{WARN}not shown:{WARN:#} {not_shown}"),
            None => Ok(()),
        }
    }
}

fn list(text: &mut String, style: Style, what: &str, told: &Told) -> fmt::Result {
    let shown = limits::FINDINGS_SHOWN_IN_ALL;
    for one in told.texts.iter().take(shown) {
        writeln!(text, "  {style}{what}:{style:#} {}", Shown(one))?;
    }
    let more = told.more.saturating_add(told.texts.len().saturating_sub(shown) as u64);
    if more > 0 {
        writeln!(text, "  ... and {more} more; up to {} of them with --format json", limits::LEDGER_FAULTS)?;
    }
    Ok(())
}
