//! The record of verdicts: append-only, and such that whoever kept it can't change it without being found out.
//!
//! An RFC 6962 Merkle tree laid out as [C2SP tlog-tiles](https://c2sp.org/tlog-tiles), with one entry for each verdict and
//! checkpoints as [C2SP signed notes](https://c2sp.org/signed-note). Its files are the truth; the index beside them can be
//! made again from them at any time.
//!
//! The modules stand below in the order of their imports: hashing, geometry and texts are pure; `disk` is the one door to
//! storage; `log` joins them. What is recorded is an `entry`, and [`Ledger`] is all of it behind one door.

pub mod tile;

pub mod frontier;

pub mod note;

pub mod checkpoint;
pub mod proof;

pub mod disk;

pub mod log;

pub mod documents;

pub mod configuration;
pub mod contents;
pub mod entry;

pub mod query;

pub mod index;

pub mod answer;
pub mod audit;

pub mod lines;

mod view;

pub use view::View;

use answer::{Answer, Found, Source};
use checkpoint::{Checkpoint, SignedCheckpoint};
use disk::{Disk, DiskError, Local};
use documents::{DocumentError, Documents};
use entry::{Entry, EntryRefusal};
use index::{Index, IndexError, Place};
use log::{Log, LogError, Writer};
use note::{SigningKey, VerifierKey};
use query::Query;
use std::path::Path;
use std::sync::Arc;

/// Why the record could not be read or written, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The log.
    #[error(transparent)]
    Log(LogError),
    /// A document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Storage.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Nothing was recorded there yet.
    #[error(
        "there is no ledger in {path}: expected a directory with a checkpoint. The first verdict that is recorded makes one"
    )]
    None {
        /// The directory, escaped.
        path: String,
    },
    /// The log holds something that is no entry. Whoever has its key put it there.
    #[error("entry {index} can't be read: {why}")]
    Entry {
        /// Its index.
        index: u64,
        /// What is wrong with it.
        why: EntryRefusal,
    },
    /// The index names an entry that the log does not have for it.
    #[error(
        "the index names entry {index}, which is not one of those asked for: expected what the log says. Ask with --scan; \
         {} can be deleted, and is then made again",
        index::FILE
    )]
    IndexInvents {
        /// The entry.
        index: u64,
    },
}

impl From<LogError> for LedgerError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Reader(inner) => match inner.downcast() {
                Ok(own) => *own,
                Err(inner) => Self::Log(LogError::Reader(inner)),
            },
            error => Self::Log(error),
        }
    }
}

impl From<LedgerError> for LogError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Log(error) => error,
            error => Self::Reader(Box::new(error)),
        }
    }
}

impl LedgerError {
    /// Whether the record was looked at and is not what it should be. Otherwise it could not be looked at.
    pub fn is_about_the_record(&self) -> bool {
        match self {
            Self::Log(error) => !matches!(
                error,
                LogError::Disk(_)
                    | LogError::Locked { .. }
                    | LogError::LockLost { .. }
                    | LogError::Reader(_)
                    | LogError::Beyond { .. }
                    | LogError::OtherKey { .. }
                    | LogError::EntryTooLarge { .. }
                    | LogError::Full
            ),
            Self::Document(error) => {
                matches!(
                    error,
                    DocumentError::Missing { .. }
                        | DocumentError::Altered { .. }
                        | DocumentError::Longer { .. }
                )
            }
            Self::Disk(_) | Self::None { .. } => false,
            Self::Entry { .. } | Self::IndexInvents { .. } => true,
        }
    }
}

/// A record of verdicts in a directory: log, documents and index behind one door.
#[derive(Debug, Clone)]
pub struct Ledger {
    disk: Arc<Local>,
    log: Log,
    documents: Documents,
}

impl Ledger {
    /// The ledger in `directory`, which need not be there yet, and whose checkpoints `key` signs. Touches nothing.
    ///
    /// # Errors
    /// When the directory can't be named.
    pub fn open(directory: &Path, key: VerifierKey) -> Result<Self, LedgerError> {
        let disk = Arc::new(Local::new(directory)?);
        let log = Log::new(Arc::<Local>::clone(&disk) as Arc<dyn Disk>, key);
        let documents = Documents::new(Arc::<Local>::clone(&disk) as Arc<dyn Disk>);
        Ok(Self { disk, log, documents })
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The documents that entries name.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        self.disk.root()
    }

    /// The newest checkpoint, its signature verified.
    ///
    /// # Errors
    /// When there is none, or it does not count.
    pub fn checkpoint(&self) -> Result<SignedCheckpoint, LedgerError> {
        self.log.checkpoint()?.ok_or_else(|| LedgerError::None { path: self.disk.shown("") })
    }

    /// The ledger as its newest checkpoint says; `None` before its first use.
    ///
    /// # Errors
    /// When the checkpoint can't be read or does not count.
    pub fn now(&self) -> Result<Option<View<'_>>, LedgerError> {
        Ok(self.log.checkpoint()?.map(|signed| self.at(signed.checkpoint)))
    }

    /// The ledger as one of its checkpoints says.
    pub fn at(&self, checkpoint: Checkpoint) -> View<'_> {
        View { ledger: self, at: checkpoint }
    }

    /// One entry, checked up to the checkpoint's root.
    ///
    /// # Errors
    /// When there is none of this index, it is not what the checkpoint signs, or can't be read.
    pub fn entry(&self, at: &Checkpoint, index: u64) -> Result<Entry, LedgerError> {
        let bytes = self.log.entry(at, index)?;
        Entry::read(&bytes).map_err(|why| LedgerError::Entry { index, why })
    }

    /// Takes the lock of those who append, as [`Log::write`] does.
    ///
    /// # Errors
    /// Those of [`Log::write`].
    pub fn write<'l>(&'l self, key: &'l SigningKey) -> Result<Writer<'l>, LedgerError> {
        Ok(self.log.write(key)?)
    }

    /// The entries that are asked for, in the order of the log, each read from it and checked.
    ///
    /// # Errors
    /// Those of `each`; when the log can't be read or is not what the checkpoint signs; when the index invents an entry.
    /// What was given before then stands in the log all the same.
    pub fn find(
        &self,
        at: &Checkpoint,
        query: &Query,
        source: Source,
        note: &mut dyn FnMut(&IndexError),
        each: &mut dyn FnMut(Found) -> Result<(), LogError>,
    ) -> Result<Answer, LedgerError> {
        answer::find(self.place(), at, query, source, note, each)
    }

    /// The index as it is, for a comparison. `None`: there is none.
    ///
    /// # Errors
    /// When it can't be used for this log.
    pub fn index(&self, at: &Checkpoint) -> Result<Option<Index>, IndexError> {
        Index::open(self.place(), at)
    }

    fn place(&self) -> Place<'_> {
        Place { directory: self.disk.root(), disk: &*self.disk, log: &self.log, documents: &self.documents }
    }
}
