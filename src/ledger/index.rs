//! The index: which entries are those that somebody asks for, without reading the log.
//!
//! An SQLite file beside the log, which can be deleted at any time. It knows up to which size, and which root, of the log
//! it was made, and is brought up to date when it is asked. One that was made of another log, of another past of this one,
//! by another version of this program, or that can't be read, is made again beside it and put in its place.
//!
//! Nobody signs the index, so it is not believed: whoever asks it reads the entries that it names from the log. It may thus
//! hide an entry, and never invent one; [`Comparison`] finds both. Where it can't be used, the log answers alone.

mod ask;
mod compare;
mod fill;
mod schema;

pub use ask::Candidates;
pub use compare::Comparison;

use super::checkpoint::Checkpoint;
use super::disk::{Disk, DiskError, Held, Sharing};
use super::documents::Documents;
use super::entry::Entry;
use super::log::{Log, LogError};
use crate::digest::DocumentDigest;
use crate::escape;
use crate::limits;
use crate::merkle::Hash;
use fill::{Filler, Prepared};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};

/// The index's file.
pub const FILE: &str = "index.sqlite";

/// The lock of those who write it. A crash of one leaves nothing held.
const LOCK: &str = "index.lock";

/// What SQLite appends to the index's name for the files that it keeps beside it.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// What the names of half-made ones begin with.
const HALF: &str = ".index-";

/// Why an index can't be used. It never keeps a question from being answered.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// SQLite can't use the file.
    #[error("{path}: expected an SQLite database, found: {why}")]
    Sqlite {
        /// The file, escaped.
        path: String,
        /// What SQLite said.
        #[source]
        why: rusqlite::Error,
    },
    /// Its tables are not those of this version of this program.
    #[error("{path}: expected the tables of an index of version {}, found others", schema::VERSION)]
    Schema {
        /// The file, escaped.
        path: String,
    },
    /// It was made of another log.
    #[error("{path}: expected an index of {expected:?}, found one of {found:?}")]
    Origin {
        /// The file, escaped.
        path: String,
        /// The log's origin.
        expected: String,
        /// The origin in the index, escaped.
        found: String,
    },
    /// It was made of entries that are not in the log.
    #[error(
        "{path}: made of {size} entries with the root {found}, which are not the first {size} of this log (it has {have}): \
         was the log cut short or replaced? `dropgate ledger verify --checkpoint` with one that was kept elsewhere tells"
    )]
    Past {
        /// The file, escaped.
        path: String,
        /// The size that it was made to.
        size: u64,
        /// The root that it was made to.
        found: Hash,
        /// How many entries the log has.
        have: u64,
    },
    /// A file could not be made, locked or put in place.
    #[error("{path}: {why}")]
    File {
        /// The file, escaped.
        path: String,
        /// What the system said.
        why: String,
    },
    /// The lock could not be taken.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The log could not be read.
    #[error(transparent)]
    Log(Box<LogError>),
}

impl From<LogError> for IndexError {
    fn from(error: LogError) -> Self {
        Self::Log(Box::new(error))
    }
}

/// An index that was made of this log, up to some size.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    path: String,
    /// How many entries of the log it knows.
    pub size: u64,
    root: Hash,
}

/// Where an index lies, and of what it is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'l> {
    /// The ledger's directory.
    pub directory: &'l Path,
    /// The same, as storage.
    pub disk: &'l dyn Disk,
    /// The log.
    pub log: &'l Log,
    /// The documents.
    pub documents: &'l Documents,
}

impl Index {
    /// Opens the index for reading, and changes nothing. `None`: there is none.
    ///
    /// # Errors
    /// When it can't be used for this log at this checkpoint.
    pub fn open(place: Place<'_>, at: &Checkpoint) -> Result<Option<Self>, IndexError> {
        let opened = Self::open_as(place, at, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        if let Some(index) = &opened {
            index.size_again()?;
        }
        Ok(opened)
    }

    /// From here on it is seen as it is now, though others add to it: its size and its rows must be of one time.
    fn size_again(&self) -> Result<(), IndexError> {
        let read = || -> rusqlite::Result<u64> {
            self.connection.execute_batch("BEGIN")?;
            self.connection.query_row("SELECT size FROM about WHERE rowid = 1", [], |row| row.get(0))
        };
        match read().map_err(|why| self.failed(why))? {
            size if size == self.size => Ok(()),
            _ => Err(IndexError::File {
                path: self.path.clone(),
                why: "it grew while it was opened".to_owned(),
            }),
        }
    }

    fn open_as(place: Place<'_>, at: &Checkpoint, access: OpenFlags) -> Result<Option<Self>, IndexError> {
        let path = place.path()?;
        let shown = escape::path(&path);
        match path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            // A pipe would keep us waiting, and a link could lead anywhere.
            Ok(meta) if !meta.is_file() => {
                let why = "expected a regular file, found something else".to_owned();
                return Err(IndexError::File { path: shown, why });
            }
            _ => {}
        }
        // SQLite opens what lies beside it by these names, and would wait for a pipe too.
        for left in BESIDE {
            let beside = path.with_file_name(format!("{FILE}{left}"));
            if beside.symlink_metadata().is_ok_and(|meta| !meta.is_file()) {
                let why = "expected a regular file or none, found something else".to_owned();
                return Err(IndexError::File { path: escape::path(&beside), why });
            }
        }
        let connection = connect(&path, access).map_err(|why| IndexError::sqlite(&shown, why))?;
        let index = Self::checked(connection, shown)?;
        index.is_of(place, at)?;
        Ok(Some(index))
    }

    /// Checks that it is an index of ours, and reads to what it was made.
    fn checked(connection: Connection, path: String) -> Result<Self, IndexError> {
        let failed = |why| IndexError::sqlite(&path, why);
        if !schema::is_ours(&connection).map_err(failed)? {
            return Err(IndexError::Schema { path });
        }
        let about = connection.query_row("SELECT size, root FROM about WHERE rowid = 1", [], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
        });
        let (size, root) = about.map_err(failed)?;
        match Hash::from_base64(&root) {
            Some(root) => Ok(Self { connection, path, size, root }),
            None => Err(IndexError::Schema { path }),
        }
    }

    /// Checks that what it was made of is how the log begins.
    fn is_of(&self, place: Place<'_>, at: &Checkpoint) -> Result<(), IndexError> {
        let select = "SELECT origin FROM about WHERE rowid = 1";
        let origin: String =
            self.connection.query_row(select, [], |row| row.get(0)).map_err(|why| self.failed(why))?;
        if origin != at.origin {
            let (expected, found) = (at.origin.clone(), escape::bytes(origin.as_bytes()));
            return Err(IndexError::Origin { path: self.path.clone(), expected, found });
        }
        // Somebody may have appended, and brought it up to date, since the checkpoint was read.
        let newer = match self.size > at.size {
            true => place.log.checkpoint()?.map(|signed| signed.checkpoint),
            false => None,
        };
        let at = newer.as_ref().unwrap_or(at);
        let kept = Checkpoint { origin, size: self.size, root: self.root };
        match place.log.compare(at, &kept) {
            Err(LogError::Truncated { .. } | LogError::Forked { .. }) => Err(IndexError::Past {
                path: self.path.clone(),
                size: self.size,
                found: self.root,
                have: at.size,
            }),
            compared => Ok(compared?),
        }
    }

    /// The index, brought up to date where that can be done; it may know less than the log. `None`: there is none that
    /// could be used. What was wrong on the way is said to `note`.
    ///
    /// # Errors
    /// When the log itself can't be read.
    pub fn current(
        place: Place<'_>,
        at: &Checkpoint,
        note: &mut dyn FnMut(&IndexError),
    ) -> Result<Option<Self>, LogError> {
        match Self::open(place, at) {
            Ok(Some(index)) if index.is_current(place, at) => return Ok(Some(index)),
            Err(IndexError::Log(error)) => return Err(*error),
            // Closed here: who reads keeps others from writing.
            _ => {}
        }
        match Self::brought_up(place, at, note) {
            Ok(()) => {}
            Err(IndexError::Log(error)) => return Err(*error),
            Err(error) => note(&error),
        }
        // Where it could not be brought up to date, what it knows is good as far as it goes.
        match Self::open(place, at) {
            Err(IndexError::Log(error)) => Err(*error),
            opened => Ok(opened.ok().flatten()),
        }
    }

    fn is_current(&self, place: Place<'_>, at: &Checkpoint) -> bool {
        let healed = |(_, digest): &(i64, DocumentDigest)| place.documents.get(digest).is_ok();
        self.size >= at.size && self.unread().is_ok_and(|unread| !unread.iter().any(healed))
    }

    /// Lists of files that could not be read when they were to be entered.
    fn unread(&self) -> rusqlite::Result<Vec<(i64, DocumentDigest)>> {
        let mut select = self.connection.prepare("SELECT id, digest FROM contents WHERE read = 0")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, DocumentDigest::from_bytes(row.get(1)?))))?;
        rows.collect()
    }

    /// Under the lock: adds what is missing, or makes it again.
    fn brought_up(
        place: Place<'_>,
        at: &Checkpoint,
        note: &mut dyn FnMut(&IndexError),
    ) -> Result<(), IndexError> {
        let _held = place.lock()?;
        let opened = Self::open_as(place, at, OpenFlags::SQLITE_OPEN_READ_WRITE);
        match opened {
            Ok(Some(mut index)) => {
                let few = at.size.saturating_sub(index.size) <= limits::LEDGER_INDEX_STEP;
                if few {
                    match index.catch_up(place, at) {
                        Ok(()) => return Ok(()),
                        Err(error) if error.is_no_fault_of_the_index() => return Err(error),
                        Err(error) => note(&error),
                    }
                }
            }
            Ok(None) => {}
            Err(error) if error.is_no_fault_of_the_index() => return Err(error),
            Err(error) => note(&error),
        }
        Self::make(place, at)
    }

    /// Adds the entries from its size on, all or none.
    fn catch_up(&mut self, place: Place<'_>, at: &Checkpoint) -> Result<(), IndexError> {
        let path = self.path.clone();
        let failed = |why| IndexError::sqlite(&path, why);
        let unread = self.unread().map_err(failed)?;
        let transaction = self.connection.transaction().map_err(failed)?;
        {
            let mut filler = Filler::new(&transaction, place.documents).map_err(failed)?;
            filler.heal(&unread).map_err(failed)?;
            if self.size < at.size {
                fill(&mut filler, place, at, self.size, &path)?;
                let update = "UPDATE about SET size = ?, root = ? WHERE rowid = 1";
                transaction.execute(update, params![at.size, at.root.to_string()]).map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)?;
        if self.size < at.size {
            (self.size, self.root) = (at.size, at.root);
        }
        Ok(())
    }

    /// Makes it from the log, in a file of its own, and puts that in its place.
    fn make(place: Place<'_>, at: &Checkpoint) -> Result<(), IndexError> {
        let path = place.path()?;
        let shown = escape::path(&path);
        let failed_file =
            |why: std::io::Error| IndexError::File { path: shown.clone(), why: why.to_string() };
        let directory = path.parent().unwrap_or(Path::new("/"));
        place.remove_halves(directory);
        let half = builder().tempfile_in(directory).map_err(failed_file)?;
        let failed = |why| IndexError::sqlite(&shown, why);
        {
            let connection = connect(half.path(), OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
            Self::fill_new(&connection, place, at, &shown)?;
            connection.close().map_err(|(_, why)| failed(why))?;
        }
        half.as_file().sync_all().map_err(failed_file)?;
        // What was being undone of the old one must not be done to the new one.
        for left in BESIDE {
            place.disk.remove(&format!("{FILE}{left}"))?;
        }
        half.persist(&path).map_err(|error| failed_file(error.error))?;
        Ok(place.disk.sync_directory("")?)
    }

    fn fill_new(
        connection: &Connection,
        place: Place<'_>,
        at: &Checkpoint,
        shown: &str,
    ) -> Result<(), IndexError> {
        let failed = |why| IndexError::sqlite(shown, why);
        // Nobody sees the file before it is whole: a crash leaves one that nobody looks for.
        let quick = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;";
        connection.execute_batch(quick).map_err(failed)?;
        let transaction = connection.unchecked_transaction().map_err(failed)?;
        schema::make_tables(&transaction).map_err(failed)?;
        let insert = "INSERT INTO about (rowid, origin, size, root) VALUES (1, ?, ?, ?)";
        transaction.execute(insert, params![at.origin, at.size, at.root.to_string()]).map_err(failed)?;
        {
            let mut filler = Filler::new(&transaction, place.documents).map_err(failed)?;
            fill(&mut filler, place, at, 0, shown)?;
        }
        schema::make_indices(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn failed(&self, why: rusqlite::Error) -> IndexError {
        IndexError::sqlite(&self.path, why)
    }

    fn count(&self, table: &str) -> Result<u64, IndexError> {
        let select = format!("SELECT count(*) FROM {table}");
        self.connection.query_row(&select, [], |row| row.get(0)).map_err(|why| self.failed(why))
    }

    fn digest_at(&self, table: &str, id: i64) -> Result<Option<DocumentDigest>, IndexError> {
        let select = format!("SELECT digest FROM {table} WHERE id = ?");
        let found =
            self.connection.query_row(&select, [id], |row| Ok(DocumentDigest::from_bytes(row.get(0)?)));
        found.optional().map_err(|why| self.failed(why))
    }
}

impl IndexError {
    fn sqlite(path: &str, why: rusqlite::Error) -> Self {
        Self::Sqlite { path: path.to_owned(), why }
    }

    /// Whether making it again would mend nothing: the log can't be read, or others read the index all along.
    fn is_no_fault_of_the_index(&self) -> bool {
        let busy = |why: &rusqlite::Error| why.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        match self {
            Self::Log(_) => true,
            Self::Sqlite { why, .. } => busy(why),
            _ => false,
        }
    }
}

impl Place<'_> {
    /// The index's file, with links on the way to the ledger resolved: SQLite is told to follow none.
    fn path(&self) -> Result<PathBuf, IndexError> {
        let failed = |why: std::io::Error| IndexError::File {
            path: escape::path(self.directory),
            why: why.to_string(),
        };
        Ok(self.directory.canonicalize().map_err(failed)?.join(FILE))
    }

    fn lock(&self) -> Result<Box<dyn Held>, IndexError> {
        let held = self.disk.lock(LOCK, Sharing::Exclusive, limits::LEDGER_INDEX_WAIT)?;
        held.ok_or_else(|| IndexError::File {
            path: self.disk.shown(LOCK),
            why: format!(
                "waited {} s for another process that brings the index up to date",
                limits::LEDGER_INDEX_WAIT.as_secs()
            ),
        })
    }

    /// Removes what a crash left. Whoever holds the lock is alone.
    fn remove_halves(&self, directory: &Path) {
        let Ok(entries) = std::fs::read_dir(directory) else { return };
        for entry in entries.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(HALF.as_bytes()) {
                // What stays costs space, and nothing else.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Who may read the log may read its index: the process's mask says who.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(HALF);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = access | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(limits::LEDGER_INDEX_WAIT)?;
    schema::confine(&connection)?;
    Ok(connection)
}

/// Enters all entries from `from` on. They are read by all threads, and inserted by this one.
fn fill(
    filler: &mut Filler<'_>,
    place: Place<'_>,
    at: &Checkpoint,
    from: u64,
    shown: &str,
) -> Result<(), IndexError> {
    let mut failed = None;
    let mut insert = |batch: &mut Vec<(u64, Vec<u8>)>| {
        let prepared: Vec<Prepared> =
            batch.par_iter().map(|(index, bytes)| Prepared::of(*index, &Entry::read(bytes))).collect();
        batch.clear();
        prepared.into_iter().try_for_each(|prepared| filler.insert(prepared))
    };
    let mut batch = Vec::with_capacity(limits::LEDGER_BATCH);
    let read = place.log.entries(at, from, &mut |index, bytes| {
        batch.push((index, bytes.to_vec()));
        if batch.len() >= limits::LEDGER_BATCH
            && let Err(why) = insert(&mut batch)
        {
            failed = Some(why);
            return Err(LogError::Reader("the index could not be filled".into()));
        }
        Ok(())
    });
    if let Some(why) = failed {
        return Err(IndexError::sqlite(shown, why));
    }
    read?;
    insert(&mut batch).map_err(|why| IndexError::sqlite(shown, why))
}
