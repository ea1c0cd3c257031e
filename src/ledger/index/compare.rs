//! Comparing the index with the log, row by row.

use super::fill::{COLUMNS, OWN, own_values, shared};
use super::{Index, IndexError};
use crate::digest::DocumentDigest;
use crate::escape;
use crate::ledger::contents;
use crate::ledger::documents::Documents;
use crate::ledger::entry::{Entry, EntryRefusal};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, Statement};
use std::collections::{BTreeMap, HashMap};

/// Goes through the index beside the log.
pub struct Comparison<'i> {
    index: &'i Index,
    /// Where the lists of files are; `None` where they are not compared.
    documents: Option<&'i Documents>,
    entry: Statement<'i>,
    unreadable: Statement<'i>,
    /// What was found right, by table and id: the digest that it was made of, and how many rows there are.
    known: BTreeMap<&'static str, HashMap<i64, (DocumentDigest, u64)>>,
    entries: u64,
    unread: u64,
}

/// What the index says of an entry that the log does not.
type Difference = Option<String>;

impl<'i> Comparison<'i> {
    /// Begins. Lists of files are compared where `documents` are given.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn new(index: &'i Index, documents: Option<&'i Documents>) -> Result<Self, IndexError> {
        let select = format!("SELECT {} FROM entries WHERE idx = ?", COLUMNS.join(","));
        let prepare = |text: &str| index.connection.prepare(text).map_err(|why| index.failed(why));
        Ok(Self {
            index,
            documents,
            entry: prepare(&select)?,
            unreadable: prepare("SELECT idx FROM unreadable WHERE idx = ?")?,
            known: BTreeMap::new(),
            entries: 0,
            unread: 0,
        })
    }

    /// Compares an entry of the log, and says what the index says of it instead. Those that it does not know yet are passed
    /// over.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn entry(
        &mut self,
        number: u64,
        entry: &Result<Entry, EntryRefusal>,
    ) -> Result<Difference, IndexError> {
        if number >= self.index.size {
            return Ok(None);
        }
        let Ok(entry) = entry else {
            self.unread = self.unread.saturating_add(1);
            let found: Option<i64> = self
                .unreadable
                .query_row([number], |row| row.get(0))
                .optional()
                .map_err(|why| self.index.failed(why))?;
            return Ok(found.is_none().then(|| {
                format!("entry {number}: expected a row in `unreadable`, as it can't be read; found none")
            }));
        };
        self.entries = self.entries.saturating_add(1);
        let row = self.entry.query_row([number], values).optional();
        let Some(row) = row.map_err(|why| self.index.failed(why))? else {
            return Ok(Some(format!("entry {number}: expected a row in `entries`, found none")));
        };
        for ((column, expected), found) in COLUMNS.iter().zip(own_values(entry)).zip(&row) {
            if expected != *found {
                return Ok(Some(format!(
                    "entry {number}: {column}: expected {} as in the log, found {}",
                    shown(&expected),
                    shown(found)
                )));
            }
        }
        let said = self.references(entry, row.get(OWN..).unwrap_or_default())?;
        Ok(said.map(|said| format!("entry {number}: {said}")))
    }

    fn references(&mut self, entry: &Entry, row: &[Value]) -> Result<Difference, IndexError> {
        let [contents, profile, keyset, waiverset] = row else {
            return Ok(Some("columns are missing".to_owned()));
        };
        let listed = entry.contents.map(|contents| contents.document.sha256);
        match (listed, contents) {
            (None, Value::Null) => {}
            (Some(digest), Value::Integer(id)) => {
                if let Some(said) = self.contents(*id, digest)? {
                    return Ok(Some(said));
                }
            }
            (listed, found) => {
                let expected = listed.map_or_else(|| "none".to_owned(), |digest| digest.to_string());
                return Ok(Some(format!("contents: expected {expected}, found {}", shown(found))));
            }
        }
        for (shared, found) in shared(entry).into_iter().zip([profile, keyset, waiverset]) {
            let Value::Integer(id) = found else {
                return Ok(Some(format!("{}: expected an id", shared.ids)));
            };
            if self.is_known(shared.ids, *id, shared.digest) {
                continue;
            }
            if self.index.digest_at(shared.ids, *id)? != Some(shared.digest) {
                return Ok(Some(format!("{}: row {id} is not what the log says", shared.ids)));
            }
            let expected = shared.values.len() as u64;
            if self.rows(shared.rows, shared.columns, *id)? != shared.values {
                return Ok(Some(format!("{}: rows of {id} are not what the log says", shared.rows)));
            }
            self.known.entry(shared.ids).or_default().insert(*id, (shared.digest, expected));
        }
        Ok(None)
    }

    fn is_known(&self, table: &str, id: i64, digest: DocumentDigest) -> bool {
        let known = self.known.get(table).and_then(|ids| ids.get(&id));
        known.is_some_and(|(own, _)| *own == digest)
    }

    fn rows(&self, table: &str, columns: &[&str], id: i64) -> Result<Vec<Vec<Value>>, IndexError> {
        let (key, rest) = columns.split_first().unwrap_or((&"", &[]));
        let order = rest.first().unwrap_or(&"");
        let select = format!("SELECT {} FROM {table} WHERE {key} = ? ORDER BY {order}", rest.join(","));
        let read = || -> rusqlite::Result<Vec<Vec<Value>>> {
            let mut statement = self.index.connection.prepare(&select)?;
            let rows = statement.query_map([id], values)?;
            rows.collect()
        };
        read().map_err(|why| self.index.failed(why))
    }

    fn contents(&mut self, id: i64, digest: DocumentDigest) -> Result<Difference, IndexError> {
        if self.is_known("contents", id, digest) {
            return Ok(None);
        }
        if self.index.digest_at("contents", id)? != Some(digest) {
            return Ok(Some(format!("contents: row {id} is not of the list {digest}")));
        }
        // What can't be read is told as a fault of the documents; the index has no rows of it, or those of before.
        let listed = self.documents.and_then(|documents| contents::artifacts(documents, &digest).ok());
        let mut count = 0;
        if let Some(listed) = listed {
            count = listed.len() as u64;
            let select = "SELECT 1 FROM artifacts WHERE digest = ? AND contents = ?";
            let connection = &self.index.connection;
            let mut statement = connection.prepare(select).map_err(|why| self.index.failed(why))?;
            for artifact in listed {
                let found =
                    statement.exists((artifact.as_bytes(), id)).map_err(|why| self.index.failed(why))?;
                if !found {
                    return Ok(Some(format!("artifacts: expected a row of {artifact}, found none")));
                }
            }
        }
        self.known.entry("contents").or_default().insert(id, (digest, count));
        Ok(None)
    }

    /// Ends: what the index has beyond what was compared is of no entry.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn finish(self) -> Result<Difference, IndexError> {
        let ids = |table: &str| self.known.get(table).map_or(0, |ids| ids.len() as u64);
        let rows = |table: &str| -> u64 {
            self.known.get(table).map_or(0, |ids| ids.values().map(|(_, rows)| rows).sum())
        };
        let mut expected = vec![
            ("entries", self.entries),
            ("unreadable", self.unread),
            ("profiles", ids("profiles")),
            ("outcomes", rows("profiles")),
            ("keysets", ids("keysets")),
            ("keys", rows("keysets")),
            ("waiversets", ids("waiversets")),
            ("waivers", rows("waiversets")),
            ("contents", ids("contents")),
        ];
        if self.documents.is_some() && self.index.unread().is_ok_and(|unread| unread.is_empty()) {
            expected.push(("artifacts", rows("contents")));
        }
        for (table, expected) in expected {
            let found = self.index.count(table)?;
            if found != expected {
                return Ok(Some(format!("{table}: expected {expected} rows by the log, found {found}")));
            }
        }
        Ok(None)
    }
}

fn values(row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    (0..row.as_ref().column_count()).map(|column| row.get(column)).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("\"{}\"", escape::bytes(text.as_bytes())),
        Value::Blob(bytes) => crate::digest::hex(bytes),
    }
}
