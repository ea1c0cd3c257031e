//! Asking the index.

use super::fill::blob;
use super::{Index, IndexError};
use crate::ledger::query::Query;
use rusqlite::params_from_iter;
use rusqlite::types::Value;

/// What the index says. Nothing of it is believed before it is read from the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The entries asked for, in ascending order.
    pub entries: Vec<u64>,
    /// Entries that could not be read when they were to be entered.
    pub unreadable: Vec<u64>,
    /// Entries of which it is not known whether the file asked for arrived: their lists could not be read.
    pub unlisted: Vec<u64>,
}

/// Rows that are looked up one by one, where a condition holds for no more. Of more, the whole table is read in its order,
/// which takes less than a second for a million.
const FEW: usize = 20_000;

/// What stands before each column of a condition, until it is known whether SQLite is to find rows by it.
const MARK: &str = "{by}";

/// A condition on entries.
#[derive(Debug, Clone)]
struct Condition {
    text: String,
    values: Vec<Value>,
}

impl Condition {
    fn new(text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self { text: text.into(), values: values.into_iter().collect() }
    }

    /// Its text: rows are found by it, or only compared with it (a unary plus keeps an index from being used).
    fn text(&self, finds: bool) -> String {
        self.text.replace(MARK, if finds { "" } else { "+" })
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The conditions of a question, but for that on files.
fn conditions(query: &Query) -> Vec<Condition> {
    let mut all = Vec::new();
    let mut equal = |column: &str, asked: Option<Value>| {
        all.extend(asked.map(|asked| Condition::new(format!("{MARK}{column} = ?"), [asked])));
    };
    equal("vendor", query.vendor.as_deref().map(text));
    equal("product", query.product.as_deref().map(text));
    equal("version", query.version.as_deref().map(text));
    equal("manifest", query.manifest.as_ref().map(blob));
    equal("verdict", query.verdict.map(|verdict| text(verdict.name())));
    equal("action", query.action.map(|action| text(action.name())));
    equal("user", query.user.as_deref().map(text));
    all.extend(outcomes(query));
    if let Some(key) = &query.key {
        all.push(Condition::new(
            format!(
                "{MARK}keyset IN (SELECT keyset FROM keys WHERE fingerprint = ? UNION SELECT keyset FROM keys WHERE name = ?)"
            ),
            [text(key), text(key)],
        ));
    }
    if let Some(waiver) = &query.waiver {
        all.push(Condition::new(
            format!(
                "{MARK}waiverset IN (SELECT waiverset FROM waivers WHERE sha256 = ? UNION SELECT waiverset FROM waivers WHERE ticket = ?)"
            ),
            [text(waiver), text(waiver)],
        ));
    }
    let time = |time: crate::time::Time| Value::Integer(time.microseconds());
    all.extend(match (query.since.map(time), query.until.map(time)) {
        (Some(since), Some(until)) => Some(Condition::new(
            format!("({MARK}recorded_at >= ? AND {MARK}recorded_at < ?)"),
            [since, until],
        )),
        (Some(since), None) => Some(Condition::new(format!("{MARK}recorded_at >= ?"), [since])),
        (None, Some(until)) => Some(Condition::new(format!("{MARK}recorded_at < ?"), [until])),
        (None, None) => None,
    });
    all
}

fn outcomes(query: &Query) -> Vec<Condition> {
    let outcome = query.outcome.map(|outcome| text(outcome.name()));
    let profiles = format!("{MARK}profile IN (SELECT profile FROM outcomes WHERE");
    let mut all = match (&query.control, outcome) {
        (Some(control), Some(outcome)) => {
            vec![Condition::new(format!("{profiles} control = ? AND outcome = ?)"), [text(control), outcome])]
        }
        (Some(control), None) => vec![Condition::new(format!("{profiles} control = ?)"), [text(control)])],
        (None, Some(outcome)) => vec![Condition::new(format!("{profiles} outcome = ?)"), [outcome])],
        (None, None) => Vec::new(),
    };
    if query.waived {
        all.push(Condition::new(format!("{profiles} outcome = 'waived')"), []));
    }
    all
}

impl Index {
    /// The entries that are asked for, among those below `below`.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn ask(&self, query: &Query, below: u64) -> Result<Candidates, IndexError> {
        let known = below.min(self.size);
        let conditions = conditions(query);
        let mut found = Candidates::default();
        match &query.artifact {
            None => found.entries = self.entries(conditions, known, query.limit)?,
            Some(artifact) => {
                let mut unlisted = conditions.clone();
                let unread = format!("{MARK}contents IN (SELECT id FROM contents WHERE read = 0)");
                unlisted.push(Condition::new(unread, []));
                found.unlisted = self.entries(unlisted, known, None)?;
                let mut listed = conditions;
                let lists = format!("{MARK}contents IN (SELECT contents FROM artifacts WHERE digest = ?)");
                listed.push(Condition::new(lists, [blob(artifact)]));
                found.entries = self.entries(listed, known, query.limit)?;
            }
        }
        let unreadable = "SELECT idx FROM unreadable WHERE idx < ? ORDER BY idx DESC";
        found.unreadable = self.column(unreadable, vec![number(below)])?;
        Ok(found)
    }

    /// The last entries for which all conditions hold. They are found by the one that holds for the fewest: which one that
    /// is differs from ledger to ledger, and SQLite does not know it.
    fn entries(&self, all: Vec<Condition>, below: u64, limit: Option<usize>) -> Result<Vec<u64>, IndexError> {
        let mut fewest = (FEW, None);
        for (place, condition) in all.iter().enumerate() {
            let count = format!(
                "SELECT count(*) FROM (SELECT 1 FROM entries WHERE {} LIMIT {})",
                condition.text(true),
                fewest.0
            );
            let values = params_from_iter(condition.values.iter());
            let count = self.connection.query_row(&count, values, |row| row.get(0));
            let count: usize = count.map_err(|why| self.failed(why))?;
            if count < fewest.0 {
                fewest = (count, Some(place));
            }
        }
        let texts = all.iter().enumerate().map(|(place, one)| one.text(fewest.1 == Some(place)));
        let texts: Vec<String> = std::iter::once("idx < ?".to_owned()).chain(texts).collect();
        let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        let select =
            format!("SELECT idx FROM entries WHERE {} ORDER BY idx DESC{limit}", texts.join(" AND "));
        let values = all.into_iter().flat_map(|one| one.values);
        self.column(&select, std::iter::once(number(below)).chain(values).collect())
    }

    /// Numbers that are selected in descending order, in ascending order.
    fn column(&self, select: &str, values: Vec<Value>) -> Result<Vec<u64>, IndexError> {
        let read = || -> rusqlite::Result<Vec<u64>> {
            let mut statement = self.connection.prepare(select)?;
            let rows = statement.query_map(params_from_iter(values), |row| row.get(0))?;
            rows.collect()
        };
        let mut numbers = read().map_err(|why| self.failed(why))?;
        numbers.reverse();
        Ok(numbers)
    }
}

/// A number of entries, as SQLite holds it.
fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
