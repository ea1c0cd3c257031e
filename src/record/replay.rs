//! To judge a drop again as an entry says that it was judged: by the gate, the baseline and the time of then.

use super::{Before, RecordError, accepted_drops, versions};
use crate::drop::{Progress, Source};
use crate::gate::{Baseline, Choice, Circumstances, Gate, GateError};
use crate::ledger::View;
use crate::ledger::{configuration, entry};
use crate::report;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Why a verdict could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The record can't be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The drop could not be looked at, or the gate that is in the record can't be read by this version of dropgate.
    #[error(transparent)]
    Gate(#[from] GateError),
}

/// A verdict that was given again.
#[derive(Debug)]
pub struct Replay {
    /// The verdict as it came out now, in JSON.
    pub verdict: Value,
    /// Where it differs from the one in the record; empty when it is the same.
    pub differences: Vec<Difference>,
}

/// One thing that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What of the verdict.
    pub place: String,
    /// What the record says.
    pub recorded: String,
    /// What came out now.
    pub now: String,
}

/// Judges the drop that `source` gives as entry `number` says. The version of the tool may be another one; all else of the
/// verdict must come out the same.
///
/// # Errors
/// When the record or the drop can't be read.
pub fn replay(
    ledger: &View<'_>,
    number: u64,
    source: &dyn Source,
    progress: &dyn Progress,
) -> Result<Replay, ReplayError> {
    let broken = |why: String| RecordError::Entry { entry: number, why };
    let entry = ledger.entry(number).map_err(RecordError::from)?;
    let text = ledger.document(&entry.gate.files).map_err(RecordError::from)?;
    let kept = configuration::read(&text).map_err(|why| broken(why.to_string()))?;
    let first = kept.first().map(|file| PathBuf::from(&file.name)).unwrap_or_default();
    let files = kept.into_iter().map(|file| (PathBuf::from(file.name), file.text.into_bytes()));
    let files: BTreeMap<PathBuf, Vec<u8>> = files.collect();
    let gate = Gate::load(&first, &files)?;
    let mut evidence = Vec::new();
    for file in &entry.evidence {
        evidence.push((file.name.clone(), ledger.document(&file.doc()).map_err(RecordError::from)?));
    }
    let before = match &entry.baseline {
        Some(baseline) => Before::recorded(ledger, number, baseline)?,
        None => None,
    };
    let circumstances = Circumstances { at: entry.judged_at, evidence, choice: choice(&entry) };
    let examined = gate.examine(source, circumstances, progress)?;
    let baseline = before.as_ref().map(Before::baseline).unwrap_or_default();
    let mut accepted = accepted_drops(&examined, ledger, 0)?;
    // By then.
    accepted.retain(|one| one.entry < number);
    let accepted = versions(&accepted);
    let verdict = gate.decide(&examined, Baseline { accepted: &accepted, ..baseline });
    let now = report::json::render(&verdict).map_err(RecordError::from)?;
    let recorded = ledger.document(&entry.verdict_document).map_err(RecordError::from)?;
    let value = |text: &[u8]| serde_json::from_slice::<Value>(text).map_err(|why| broken(why.to_string()));
    let (recorded, now) = (value(&recorded)?, value(now.as_bytes())?);
    let differences = differences(&recorded, &now);
    Ok(Replay { verdict: now, differences })
}

/// How the drop was read.
fn choice(entry: &entry::Entry) -> Choice {
    entry.read_as.as_ref().map_or_else(Choice::default, |read| Choice {
        profile: read.profile.clone(),
        version: read.release_version.clone(),
        kind: read.kind,
    })
}

/// Where two verdicts differ: by member, and by control.
fn differences(recorded: &Value, now: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut compare = |place: String, recorded: Option<&Value>, now: Option<&Value>| {
        if recorded != now {
            all.push(Difference { place, recorded: shown(recorded), now: shown(now) });
        }
    };
    let empty = serde_json::Map::new();
    let (old, new) = (recorded.as_object().unwrap_or(&empty), now.as_object().unwrap_or(&empty));
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    for name in names.filter(|name| !matches!(name.as_str(), "tool" | "controls")) {
        compare(name.clone(), old.get(name), new.get(name));
    }
    let (old, new) = (by_id(recorded), by_id(now));
    let ids = old.keys().chain(new.keys().filter(|id| !old.contains_key(*id)));
    for id in ids {
        let (old, new) = (old.get(id).copied(), new.get(id).copied());
        let outcome = |control: Option<&Value>| control.and_then(|control| control.get("outcome")).cloned();
        if outcome(old) == outcome(new) {
            compare((*id).to_owned(), old, new);
        } else {
            compare((*id).to_owned(), outcome(old).as_ref(), outcome(new).as_ref());
        }
    }
    all
}

fn by_id(verdict: &Value) -> BTreeMap<&str, &Value> {
    let controls = verdict.get("controls").and_then(Value::as_array).into_iter().flatten();
    controls.filter_map(|control| Some((control.get("id")?.as_str()?, control))).collect()
}

/// A value in a line.
fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
