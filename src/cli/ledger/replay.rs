//! `dropgate ledger replay`: judge a drop again as an entry says that it was judged.

use super::{At, VERSION, Where, json};
use crate::cli::dropping::Dropped;
use crate::cli::judging::Format;
use crate::cli::output::{Failure, Output};
use crate::cli::progress::Bar;
use crate::escape;
use crate::record::{Difference, Replay as Replayed, replay};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Judge a drop again as an entry says that it was judged: by the gate, the baseline and the time of then, all from the record.
///
/// Nothing of today's gate has a say but where the ledger is. Exit code 0: the verdict is the same. 1: it is another one, or
/// the record is not what it should be. 2: could not look.
#[derive(clap::Args)]
pub struct Replay {
    /// The entry's number.
    entry: u64,

    /// The drop: a directory, such as the drop's place in the store.
    drop: PathBuf,

    #[command(flatten)]
    place: Where,

    /// The form of the answer.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'r> {
    version: u32,
    entry: u64,
    same: bool,
    verdict: &'r serde_json::Value,
    differences: Vec<ToldDifference<'r>>,
    checkpoint: At,
}

#[derive(Serialize)]
struct ToldDifference<'r> {
    place: &'r str,
    recorded: &'r str,
    now: &'r str,
}

impl Replay {
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let ledger = self.place.open()?;
        let signed = ledger.checkpoint()?;
        let view = ledger.at(signed.checkpoint);
        let drop = Dropped::open(&self.drop)?;
        let replayed = {
            let bar = Bar::new(output.shows_progress());
            replay(&view, self.entry, drop.source(), &bar)?
        };
        match self.format {
            Format::Text => output.print(&told(self.entry, &replayed))?,
            Format::Json => output.print(&json(&Told {
                version: VERSION,
                entry: self.entry,
                same: replayed.differences.is_empty(),
                verdict: &replayed.verdict,
                differences: replayed.differences.iter().map(told_difference).collect(),
                checkpoint: At::of(view.checkpoint()),
            })?)?,
        }
        Ok(ExitCode::from(u8::from(!replayed.differences.is_empty())))
    }
}

fn told_difference(difference: &Difference) -> ToldDifference<'_> {
    let Difference { place, recorded, now } = difference;
    ToldDifference { place, recorded, now }
}

fn told(entry: u64, replayed: &Replayed) -> String {
    let word = replayed.verdict.get("verdict").and_then(serde_json::Value::as_str).unwrap_or_default();
    if replayed.differences.is_empty() {
        return format!("{word}, the same as entry {entry} says\n");
    }
    let mut text = format!("{word}, and not what entry {entry} says:\n");
    for Difference { place, recorded, now } in &replayed.differences {
        let place = escape::Escaped(place);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n{place}\n    recorded  {}\n    now       {}\n",
            escape::Escaped(recorded),
            escape::Escaped(now)
        );
    }
    text
}
