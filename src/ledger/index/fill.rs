//! Filling the index: each entry becomes a row, and what many entries share stands once.

use crate::digest::DocumentDigest;
use crate::ledger::contents;
use crate::ledger::documents::Documents;
use crate::ledger::entry::{Entry, EntryRefusal};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Result, Statement, params, params_from_iter};
use std::collections::HashMap;

/// The columns of `entries` but for its first, in order, those that point to other tables last.
pub(super) const COLUMNS: [&str; 15] = [
    "recorded_at",
    "judged_at",
    "action",
    "verdict",
    "vendor",
    "product",
    "version",
    "sequence",
    "manifest",
    "user",
    "host",
    "contents",
    "profile",
    "keyset",
    "waiverset",
];

/// How many of them are the entry's own.
pub(super) const OWN: usize = 11;

/// The values of an entry's own columns.
pub(super) fn own_values(entry: &Entry) -> [Value; OWN] {
    let release = entry.release.as_ref();
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.to_owned()));
    [
        Value::Integer(entry.recorded_at.microseconds()),
        Value::Integer(entry.judged_at.microseconds()),
        text(Some(entry.action.name())),
        text(Some(entry.verdict.name())),
        text(release.map(|release| release.vendor.as_str())),
        text(release.map(|release| release.product.as_str())),
        text(release.map(|release| release.version.as_str())),
        // Entries hold no number over 2^53.
        release
            .and_then(|release| release.sequence)
            .map_or(Value::Null, |number| Value::Integer(number.cast_signed())),
        entry.manifest.map_or(Value::Null, |manifest| blob(&manifest.sha256)),
        text(Some(&entry.by.user)),
        text(Some(&entry.by.host)),
    ]
}

/// A digest, as the tables hold it.
pub(super) fn blob(digest: &DocumentDigest) -> Value {
    Value::Blob(digest.as_bytes().to_vec())
}

/// What entries share: the table of ids, the table of rows that refer to it, and the rows of this entry.
pub(super) struct Shared {
    pub ids: &'static str,
    pub rows: &'static str,
    pub columns: &'static [&'static str],
    /// Names it.
    pub digest: DocumentDigest,
    pub values: Vec<Vec<Value>>,
}

/// What an entry shares with others: outcomes, keys, waivers, in the order of the columns.
pub(super) fn shared(entry: &Entry) -> [Shared; 3] {
    let text = |text: &str| Value::Text(text.to_owned());
    let outcomes = entry.controls.iter().map(|(id, outcome)| vec![text(id), text(outcome.0.name())]);
    let keys = (0..).zip(&entry.keys).map(|(place, key)| {
        vec![Value::Integer(place), Value::Text(key.sha256.to_string()), text(&key.name)]
    });
    let waivers = (0..).zip(&entry.waivers).map(|(place, waiver)| {
        let sha256 = Value::Text(waiver.sha256.to_string());
        let used = Value::Integer(i64::from(waiver.used));
        vec![Value::Integer(place), sha256, text(&waiver.control), text(&waiver.ticket), used]
    });
    [
        Shared::new("profiles", "outcomes", &["profile", "control", "outcome"], outcomes.collect()),
        Shared::new("keysets", "keys", &["keyset", "place", "fingerprint", "name"], keys.collect()),
        Shared::new(
            "waiversets",
            "waivers",
            &["waiverset", "place", "sha256", "control", "ticket", "used"],
            waivers.collect(),
        ),
    ]
}

impl Shared {
    fn new(
        ids: &'static str,
        rows: &'static str,
        columns: &'static [&'static str],
        values: Vec<Vec<Value>>,
    ) -> Self {
        let mut text = Vec::new();
        for value in values.iter().flatten() {
            match value {
                Value::Text(own) => {
                    // Lengths first: two lists of other texts must not give the same bytes.
                    text.extend((own.len() as u64).to_be_bytes());
                    text.extend(own.as_bytes());
                }
                Value::Integer(own) => text.extend(own.to_be_bytes()),
                _ => {}
            }
        }
        Self { ids, rows, columns, digest: DocumentDigest::of(&text), values }
    }
}

/// An entry, made ready for its row.
pub(super) struct Prepared {
    pub index: u64,
    /// `None`: what stands there is no entry that this program reads.
    pub ready: Option<Box<Ready>>,
}

/// What becomes of an entry that can be read.
pub(super) struct Ready {
    own: [Value; OWN],
    contents: Option<DocumentDigest>,
    shared: [Shared; 3],
}

impl Prepared {
    /// Makes one ready. Costs more than its insertion, and needs no connection.
    pub(super) fn of(index: u64, entry: &Result<Entry, EntryRefusal>) -> Self {
        let ready = entry.as_ref().ok().map(|entry| {
            let contents = entry.contents.map(|contents| contents.document.sha256);
            Box::new(Ready { own: own_values(entry), contents, shared: shared(entry) })
        });
        Self { index, ready }
    }
}

/// Inserts rows, within a transaction of whoever uses it.
pub(super) struct Filler<'c> {
    connection: &'c Connection,
    documents: &'c Documents,
    entry: Statement<'c>,
    unreadable: Statement<'c>,
    artifact: Statement<'c>,
    known: HashMap<(&'static str, DocumentDigest), i64>,
}

impl<'c> Filler<'c> {
    pub(super) fn new(connection: &'c Connection, documents: &'c Documents) -> Result<Self> {
        let places = vec!["?"; COLUMNS.len()].join(",");
        let insert = format!("INSERT INTO entries (idx,{}) VALUES (?,{places})", COLUMNS.join(","));
        Ok(Self {
            connection,
            documents,
            entry: connection.prepare(&insert)?,
            unreadable: connection.prepare("INSERT INTO unreadable (idx) VALUES (?)")?,
            artifact: connection
                .prepare("INSERT OR IGNORE INTO artifacts (digest, contents) VALUES (?,?)")?,
            known: HashMap::new(),
        })
    }

    pub(super) fn insert(&mut self, prepared: Prepared) -> Result<()> {
        let index = Value::Integer(prepared.index.cast_signed());
        let Some(ready) = prepared.ready else {
            self.unreadable.execute([index])?;
            return Ok(());
        };
        let Ready { own, contents, shared } = *ready;
        let mut values = vec![index];
        values.extend(own);
        values.push(match contents {
            Some(digest) => Value::Integer(self.contents(digest)?),
            None => Value::Null,
        });
        for shared in shared {
            values.push(Value::Integer(self.shared(shared)?));
        }
        self.entry.execute(params_from_iter(values))?;
        Ok(())
    }

    fn id(&mut self, table: &'static str, digest: DocumentDigest) -> Result<Option<i64>> {
        if let Some(id) = self.known.get(&(table, digest)) {
            return Ok(Some(*id));
        }
        let select = format!("SELECT id FROM {table} WHERE digest = ?");
        let found = self.connection.query_row(&select, [blob(&digest)], |row| row.get(0)).optional()?;
        if let Some(id) = found {
            self.known.insert((table, digest), id);
        }
        Ok(found)
    }

    fn shared(&mut self, shared: Shared) -> Result<i64> {
        let Shared { ids, rows, columns, digest, values } = shared;
        if let Some(id) = self.id(ids, digest)? {
            return Ok(id);
        }
        self.connection.execute(&format!("INSERT INTO {ids} (digest) VALUES (?)"), [blob(&digest)])?;
        let id = self.connection.last_insert_rowid();
        let places = vec!["?"; columns.len()].join(",");
        let insert = format!("INSERT INTO {rows} ({}) VALUES ({places})", columns.join(","));
        let mut insert = self.connection.prepare(&insert)?;
        for row in values {
            insert.execute(params_from_iter(std::iter::once(Value::Integer(id)).chain(row)))?;
        }
        self.known.insert((ids, digest), id);
        Ok(id)
    }

    fn contents(&mut self, digest: DocumentDigest) -> Result<i64> {
        if let Some(id) = self.id("contents", digest)? {
            return Ok(id);
        }
        let insert = "INSERT INTO contents (digest, read) VALUES (?, 0)";
        self.connection.execute(insert, [blob(&digest)])?;
        let id = self.connection.last_insert_rowid();
        self.known.insert(("contents", digest), id);
        self.read_contents(id, &digest)?;
        Ok(id)
    }

    /// Reads the list of files. One that can't be read now may be there again later: its row says so.
    fn read_contents(&mut self, id: i64, digest: &DocumentDigest) -> Result<()> {
        let Ok(artifacts) = contents::artifacts(self.documents, digest) else { return Ok(()) };
        for artifact in &artifacts {
            self.artifact.execute(params![artifact.as_bytes(), id])?;
        }
        self.connection.execute("UPDATE contents SET read = 1 WHERE id = ?", [id])?;
        Ok(())
    }

    /// Reads the lists anew that could not be read.
    pub(super) fn heal(&mut self, unread: &[(i64, DocumentDigest)]) -> Result<()> {
        unread.iter().try_for_each(|(id, digest)| self.read_contents(*id, digest))
    }
}
