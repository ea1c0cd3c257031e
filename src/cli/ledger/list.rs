//! `dropgate ledger list`: which entries there are.

use super::text::Table;
use super::{At, Question, Row, VERSION, Where, gaps, note_index};
use crate::cli::judging::Format;
use crate::cli::output::{Failure, Output};
use crate::ledger::Ledger;
use crate::ledger::answer::{Answer, Found, Gap, Source};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::log::LogError;
use crate::ledger::query::Query;
use crate::report::json::serializer;
use serde::Serialize;
use serde::ser::{Error as _, SerializeMap, SerializeSeq, Serializer};
use std::cell::RefCell;
use std::io::Write;
use std::process::ExitCode;

/// List entries: who let what in, when, and with which verdict. `ACCEPT w` is one under a waiver.
///
/// Entries come in the order of the log. Each is read from the log and checked before it is shown; which ones there are is
/// asked of the index, or of the log itself with --scan. Exit code 0: listed, be it none. 1: the record is not what it
/// should be. 2: could not look.
#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    place: Where,

    #[command(flatten)]
    question: Question,

    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl List {
    pub(super) fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let ledger = self.place.open()?;
        let at = ledger.checkpoint()?.checkpoint;
        let source = self.question.source();
        let asked = Asked {
            ledger: &ledger,
            at: &at,
            source,
            output,
            query: self.question.query(),
            done: RefCell::default(),
        };
        match self.format {
            Format::Text => asked.text(),
            Format::Json => asked.json(),
        }
    }
}

/// A question that is asked while its answer is written.
struct Asked<'l> {
    ledger: &'l Ledger,
    at: &'l Checkpoint,
    source: Source,
    output: &'l Output,
    query: Query,
    done: RefCell<Option<super::Answered>>,
}

impl Asked<'_> {
    fn ask(&self, each: &mut dyn FnMut(Found) -> Result<(), LogError>) -> super::Answered {
        let mut note = |error: &_| note_index(self.output, error);
        self.ledger.find(self.at, &self.query, self.source, &mut note, each)
    }

    fn text(&self) -> Result<ExitCode, Failure> {
        let mut table = Table::new(self.output.stream());
        let mut found = 0_u64;
        let answer = self.ask(&mut |one| {
            found = found.saturating_add(1);
            table.row(&one).map_err(|error| LogError::Reader(Box::new(error)))
        });
        // What was found before something went wrong stands in the log all the same.
        table.finish().map_err(Failure::Print)?;
        let answer = answer?;
        if found == 0 {
            self.output.note(&format!("no entry of {} is like that", self.at.size));
        }
        Ok(gaps(&answer, self.output))
    }

    fn json(&self) -> Result<ExitCode, Failure> {
        let mut stream = self.output.stream();
        let written = self.serialize(&mut serializer(&mut stream));
        if let Some(Err(error)) = self.done.borrow_mut().take_if(|done| done.is_err()) {
            return Err(error.into());
        }
        written.map_err(|error| Failure::Print(error.into()))?;
        stream.write_all(b"\n").and_then(|()| stream.flush()).map_err(Failure::Print)?;
        match self.done.take() {
            Some(answer) => Ok(gaps(&answer?, self.output)),
            None => Err(Failure::said("the question was not asked; please report this")),
        }
    }
}

/// The version 1 of docs/ledger.schema.json. Entries are written as they are found.
impl Serialize for Asked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &VERSION)?;
        map.serialize_entry("of", "list")?;
        map.serialize_entry("ledger", &At::of(self.at))?;
        map.serialize_entry("entries", &Entries(self))?;
        let gaps = match &*self.done.borrow() {
            Some(Ok(Answer { gaps, .. })) => gaps.iter().map(told).collect(),
            _ => Vec::new(),
        };
        map.serialize_entry("gaps", &gaps)?;
        map.end()
    }
}

#[derive(Serialize)]
struct Told {
    index: u64,
    why: String,
}

fn told(gap: &Gap) -> Told {
    let (Gap::Entry { index, .. } | Gap::Contents { index, .. }) = gap;
    Told { index: *index, why: gap.to_string() }
}

struct Entries<'a, 'l>(&'a Asked<'l>);

impl Serialize for Entries<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(None)?;
        let answer = self.0.ask(&mut |found| {
            let row = Row::of(&found);
            rows.serialize_element(&row).map_err(|error| LogError::Reader(error.to_string().into()))
        });
        let failed = answer.is_err();
        *self.0.done.borrow_mut() = Some(answer);
        if failed { Err(S::Error::custom("the answer could not be read to its end")) } else { rows.end() }
    }
}
