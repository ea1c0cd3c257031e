//! `dropgate ledger export`: a line for each entry.

use super::{Question, Row, Where, gaps, note_index};
use crate::cli::output::{Failure, Output};
use crate::escape::Shown;
use crate::finding::Outcome;
use crate::ledger::answer::Found;
use crate::ledger::log::LogError;
use crate::report::json::line;
use std::io::{self, Write};
use std::process::ExitCode;

/// Write entries for spreadsheets and programs: a line for each.
///
/// CSV is by RFC 4180, with a line of names first. A field that a spreadsheet would take for a formula (it begins with = + - @,
/// a tab or a line break) has a single quote before it, and what is invisible is escaped; JSON lines hold what was recorded.
#[derive(clap::Args)]
pub struct Export {
    #[command(flatten)]
    place: Where,

    #[command(flatten)]
    question: Question,

    /// The form.
    #[arg(long, value_enum)]
    format: Form,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Comma-separated values, for spreadsheets.
    Csv,
    /// An object of JSON in each line: index and entry.
    Jsonl,
}

impl Export {
    pub(super) fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let ledger = self.place.open()?;
        let at = ledger.checkpoint()?.checkpoint;
        let source = self.question.source();
        let query = self.question.query();
        let mut stream = output.stream();
        if self.format == Form::Csv {
            record(&mut stream, COLUMNS.iter().map(|(name, _)| (*name).to_owned()))
                .map_err(Failure::Print)?;
        }
        let mut note = |error: &_| note_index(output, error);
        let answer = ledger.find(&at, &query, source, &mut note, &mut |found| {
            let written = match self.format {
                Form::Csv => record(&mut stream, COLUMNS.iter().map(|(_, value)| value(&found))),
                Form::Jsonl => json_line(&mut stream, &found),
            };
            written.map_err(|error| LogError::Reader(Box::new(error)))
        });
        stream.flush().map_err(Failure::Print)?;
        Ok(gaps(&answer?, output))
    }
}

fn json_line(to: &mut impl Write, found: &Found) -> io::Result<()> {
    let row = Row::of(found);
    to.write_all(line(&row)?.as_bytes())
}

/// A column: its name, and its value.
type Column = (&'static str, fn(&Found) -> String);

/// The columns. Later versions may add some at the end.
const COLUMNS: [Column; 27] = [
    ("entry", |f| f.index.to_string()),
    ("recorded_at", |f| f.entry.recorded_at.to_string()),
    ("judged_at", |f| f.entry.judged_at.to_string()),
    ("action", |f| f.entry.action.name().to_owned()),
    ("verdict", |f| f.entry.verdict.name().to_owned()),
    ("vendor", |f| release(f, |release| release.vendor.as_str().to_owned())),
    ("product", |f| release(f, |release| release.product.as_str().to_owned())),
    ("version", |f| release(f, |release| release.version.as_str().to_owned())),
    ("kind", |f| release(f, |release| release.kind.to_string())),
    ("sequence", |f| {
        release(f, |release| release.sequence.map(|number| number.to_string()).unwrap_or_default())
    }),
    ("manifest_sha256", |f| f.entry.manifest.map(|own| own.sha256.to_string()).unwrap_or_default()),
    ("contents_sha256", |f| f.entry.contents.map(|own| own.document.sha256.to_string()).unwrap_or_default()),
    ("files", |f| f.entry.contents.map(|own| own.files.to_string()).unwrap_or_default()),
    ("bytes", |f| f.entry.contents.map(|own| own.bytes.to_string()).unwrap_or_default()),
    ("user", |f| f.entry.by.user.clone()),
    ("host", |f| f.entry.by.host.clone()),
    ("note", |f| f.entry.by.note.clone().unwrap_or_default()),
    ("operator", |f| f.entry.gate.operator.clone()),
    ("policies", |f| joined(f.entry.policies.iter().map(|own| format!("{} {}", own.id, own.version)))),
    ("trust_store_sha256", |f| f.entry.trust_store.sha256.to_string()),
    ("refused_by", |f| controls(f, |outcome| !outcome.permits())),
    ("waived", |f| controls(f, |outcome| outcome == Outcome::Waived)),
    ("waivers", |f| joined(f.entry.waivers.iter().filter(|own| own.used).map(|own| own.ticket.clone()))),
    ("keys", |f| joined(f.entry.keys.iter().map(|own| own.name.clone()))),
    ("verdict_sha256", |f| f.entry.verdict_document.sha256.to_string()),
    ("admitted_to", |f| match &f.entry.admission {
        Some(own) => format!("{}/{}", own.store, own.path),
        None => String::new(),
    }),
    ("artifact_paths", |f| joined(f.paths.iter().cloned())),
];

fn release(found: &Found, value: impl FnOnce(&crate::ledger::entry::Release) -> String) -> String {
    found.entry.release.as_ref().map(value).unwrap_or_default()
}

fn controls(found: &Found, which: impl Fn(Outcome) -> bool) -> String {
    joined(found.entry.controls.iter().filter(|(_, outcome)| which(outcome.0)).map(|(id, _)| id.clone()))
}

fn joined(all: impl Iterator<Item = String>) -> String {
    all.collect::<Vec<_>>().join("; ")
}

/// A line of CSV, by RFC 4180.
fn record(to: &mut impl Write, fields: impl Iterator<Item = String>) -> io::Result<()> {
    let fields: Vec<String> = fields.map(|field| quoted(&field)).collect();
    to.write_all(fields.join(",").as_bytes())?;
    to.write_all(b"\r\n")
}

/// A field, such that no spreadsheet takes it for a formula, which it would compute, and no terminal for a command.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let field = format!("{}{}", if formula { "'" } else { "" }, Shown(field));
    if field.contains([',', '"', '\r', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_never_a_formula_nor_another_field() {
        for (field, expected) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("\t=1", r"'\u{9}=1"),
            ("a,b", "\"a,b\""),
            ("=\"x\"", "\"'=\"\"x\"\"\""),
            ("a\r\nb", r"a\u{d}\u{a}b"),
            ("", ""),
        ] {
            assert_eq!(quoted(field), expected, "{field:?}");
        }
    }
}
