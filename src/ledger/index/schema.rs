//! The tables. Whoever changes them gives [`VERSION`] a new number: an index of another one is made again.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Result};

/// The number of the schema, as SQLite's `user_version`.
pub(super) const VERSION: i64 = 1;

/// The tables. Digests are blobs of 32 bytes, times microseconds since 1970. What few entries have of their own (outcomes,
/// keys, waivers, files) stands once for all that share it, under the SHA-256 of its text.
const TABLES: &str = "
CREATE TABLE about (origin TEXT NOT NULL, size INTEGER NOT NULL, root TEXT NOT NULL) STRICT;
CREATE TABLE entries (
  idx INTEGER PRIMARY KEY, recorded_at INTEGER NOT NULL, judged_at INTEGER NOT NULL, action TEXT NOT NULL,
  verdict TEXT NOT NULL, vendor TEXT, product TEXT, version TEXT, sequence INTEGER, manifest BLOB, contents INTEGER,
  profile INTEGER NOT NULL, keyset INTEGER NOT NULL, waiverset INTEGER NOT NULL, user TEXT NOT NULL, host TEXT NOT NULL
) STRICT;
CREATE TABLE unreadable (idx INTEGER PRIMARY KEY) STRICT;
CREATE TABLE profiles (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE outcomes (
  profile INTEGER NOT NULL, control TEXT NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (profile, control)
) STRICT, WITHOUT ROWID;
CREATE TABLE keysets (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE keys (
  keyset INTEGER NOT NULL, place INTEGER NOT NULL, fingerprint TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (keyset, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE waiversets (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE waivers (
  waiverset INTEGER NOT NULL, place INTEGER NOT NULL, sha256 TEXT NOT NULL, control TEXT NOT NULL, ticket TEXT NOT NULL,
  used INTEGER NOT NULL, PRIMARY KEY (waiverset, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE contents (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, read INTEGER NOT NULL) STRICT;
CREATE TABLE artifacts (
  digest BLOB NOT NULL, contents INTEGER NOT NULL, PRIMARY KEY (digest, contents)
) STRICT, WITHOUT ROWID;
";

/// The indices, apart: those of a large table are made faster after it is filled.
const INDICES: &str = "
CREATE INDEX entries_release ON entries (vendor, product, version);
CREATE INDEX entries_product ON entries (product);
CREATE INDEX entries_version ON entries (version);
CREATE INDEX entries_recorded ON entries (recorded_at);
CREATE INDEX entries_verdict ON entries (verdict);
CREATE INDEX entries_action ON entries (action);
CREATE INDEX entries_user ON entries (user);
CREATE INDEX entries_manifest ON entries (manifest);
CREATE INDEX entries_contents ON entries (contents);
CREATE INDEX entries_profile ON entries (profile);
CREATE INDEX entries_keyset ON entries (keyset);
CREATE INDEX entries_waiverset ON entries (waiverset);
CREATE INDEX outcomes_control ON outcomes (control, outcome);
CREATE INDEX keys_fingerprint ON keys (fingerprint);
CREATE INDEX keys_name ON keys (name);
CREATE INDEX waivers_sha256 ON waivers (sha256);
CREATE INDEX waivers_ticket ON waivers (ticket);
CREATE INDEX contents_unread ON contents (id) WHERE read = 0;
";

/// Makes the tables in an empty database.
pub(super) fn make_tables(connection: &Connection) -> Result<()> {
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// Makes the indices.
pub(super) fn make_indices(connection: &Connection) -> Result<()> {
    connection.execute_batch(INDICES)
}

/// Takes from a database what it could do beyond holding rows: the file may be anybody's.
pub(super) fn confine(connection: &Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Whether a database has these tables, and nothing else: a trigger or a view would be somebody else's program.
pub(super) fn is_ours(connection: &Connection) -> Result<bool> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version != VERSION {
        return Ok(false);
    }
    let made = Connection::open_in_memory()?;
    make_tables(&made)?;
    make_indices(&made)?;
    Ok(described(connection)? == described(&made)?)
}

fn described(connection: &Connection) -> Result<Vec<(String, String, Option<String>)>> {
    let mut statement =
        connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name LIMIT 100")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}
