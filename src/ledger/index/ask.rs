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

/// The conditions of a question.
struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, text: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.texts.push(text.into());
        self.values.extend(values);
    }

    fn of(query: &Query, below: u64) -> Self {
        let mut all = Self { texts: Vec::new(), values: Vec::new() };
        let text = |text: &str| Value::Text(text.to_owned());
        all.add("idx < ?", [Value::Integer(i64::try_from(below).unwrap_or(i64::MAX))]);
        for (column, asked) in
            [("vendor", &query.vendor), ("product", &query.product), ("version", &query.version)]
        {
            if let Some(asked) = asked {
                all.add(format!("{column} = ?"), [text(asked)]);
            }
        }
        if let Some(manifest) = &query.manifest {
            all.add("manifest = ?", [blob(manifest)]);
        }
        all.outcomes(query);
        if let Some(key) = &query.key {
            let find = "keyset IN (SELECT keyset FROM keys WHERE fingerprint = ? UNION SELECT keyset FROM keys WHERE name = ?)";
            all.add(find, [text(key), text(key)]);
        }
        if let Some(waiver) = &query.waiver {
            let find = "waiverset IN (SELECT waiverset FROM waivers WHERE sha256 = ? UNION SELECT waiverset FROM waivers WHERE ticket = ?)";
            all.add(find, [text(waiver), text(waiver)]);
        }
        // These hold for a large part of all entries: a unary plus keeps SQLite from starting with them where there is
        // anything else.
        let plain = if all.texts.len() > 1 || query.artifact.is_some() { "+" } else { "" };
        if let Some(verdict) = query.verdict {
            all.add(format!("{plain}verdict = ?"), [text(verdict.name())]);
        }
        if let Some(action) = query.action {
            all.add(format!("{plain}action = ?"), [text(action.name())]);
        }
        if let Some(user) = &query.user {
            all.add(format!("{plain}user = ?"), [text(user)]);
        }
        if let Some(since) = query.since {
            all.add("recorded_at >= ?", [Value::Integer(since.microseconds())]);
        }
        if let Some(until) = query.until {
            all.add("recorded_at < ?", [Value::Integer(until.microseconds())]);
        }
        all
    }

    fn outcomes(&mut self, query: &Query) {
        let text = |text: &str| Value::Text(text.to_owned());
        let outcome = query.outcome.map(|outcome| text(outcome.name()));
        let profiles = "profile IN (SELECT profile FROM outcomes WHERE";
        match (&query.control, outcome) {
            (Some(control), Some(outcome)) => {
                self.add(format!("{profiles} control = ? AND outcome = ?)"), [text(control), outcome]);
            }
            (Some(control), None) => self.add(format!("{profiles} control = ?)"), [text(control)]),
            (None, Some(outcome)) => self.add(format!("{profiles} outcome = ?)"), [outcome]),
            (None, None) => {}
        }
        if query.waived {
            self.add(format!("{profiles} outcome = 'waived')"), []);
        }
    }

    fn select(&self, more: &str, limit: Option<usize>) -> String {
        let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        format!("SELECT idx FROM entries WHERE {}{more} ORDER BY idx DESC{limit}", self.texts.join(" AND "))
    }
}

impl Index {
    /// The entries that are asked for, among those below `below`.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn ask(&self, query: &Query, below: u64) -> Result<Candidates, IndexError> {
        let conditions = Conditions::of(query, below.min(self.size));
        let mut values = conditions.values.clone();
        let mut found = Candidates::default();
        match &query.artifact {
            None => found.entries = self.column(&conditions.select("", query.limit), values)?,
            Some(artifact) => {
                let unlisted = " AND contents IN (SELECT id FROM contents WHERE read = 0)";
                found.unlisted = self.column(&conditions.select(unlisted, None), values.clone())?;
                values.push(blob(artifact));
                let listed = " AND contents IN (SELECT contents FROM artifacts WHERE digest = ?)";
                found.entries = self.column(&conditions.select(listed, query.limit), values)?;
            }
        }
        let below = Value::Integer(i64::try_from(below).unwrap_or(i64::MAX));
        let unreadable = "SELECT idx FROM unreadable WHERE idx < ? ORDER BY idx DESC";
        found.unreadable = self.column(unreadable, vec![below])?;
        Ok(found)
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
