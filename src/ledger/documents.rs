//! What entries name by digest: whole documents, each under its SHA-256.
//!
//! A document is put before the entry that names it, and is durable by then. It is never changed: its name says what it
//! must be, so one that was torn or altered is found when it is read, and healed when it is put again.

use super::disk::{Disk, DiskError, Held, Sharing, TEMPORARY};
use crate::digest::DocumentDigest;
use crate::limits;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What the names of half-written documents begin with.
const HALF: &str = "document-";

/// Held shared by all who write documents, so that who gets it alone knows that half-written ones are nobody's.
const LOCK: &str = "documents/lock";

/// Why a document could not be put or read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Storage failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is not there.
    #[error("{path}: expected the document that the ledger names; found nothing")]
    Missing {
        /// Its file, escaped.
        path: String,
    },
    /// What stands there is another document.
    #[error("{path}: expected a document of SHA-256 {expected}; found one of {found}")]
    Altered {
        /// Its file, escaped.
        path: String,
        /// The digest that was asked for.
        expected: DocumentDigest,
        /// The digest of what is there.
        found: DocumentDigest,
    },
    /// Longer than whoever names it says.
    #[error("{path}: expected a document of {expected} bytes; found more")]
    Longer {
        /// Its file, escaped.
        path: String,
        /// Its size, in bytes.
        expected: u64,
    },
    /// Larger than documents may be.
    #[error("{path}: expected a document of at most {} bytes; found more", limits::LEDGER_DOCUMENT_BYTES)]
    TooLarge {
        /// Its file, escaped.
        path: String,
    },
    /// Somebody else held the lock all along.
    #[error(
        "{path}: waited {} s for those who write documents; expected them to be done by then. Is one stopped?",
        limits::LEDGER_LOCK_WAIT.as_secs()
    )]
    Locked {
        /// The lock's file, escaped.
        path: String,
    },
}

/// The documents of a ledger.
#[derive(Debug, Clone)]
pub struct Documents {
    disk: Arc<dyn Disk>,
}

impl Documents {
    /// Those on this disk.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// Where a document lies within the ledger.
    pub fn path(digest: &DocumentDigest) -> String {
        let hex = digest.to_string();
        let (first, rest) = hex.split_at_checked(2).unwrap_or_default();
        format!("documents/sha256/{first}/{rest}")
    }

    /// Puts a document, and returns once it is durable, whoever put it first. One that stands there with other bytes is
    /// replaced.
    ///
    /// # Errors
    /// When a step fails; what stood there before then still does.
    pub fn put(&self, bytes: &[u8]) -> Result<DocumentDigest, DocumentError> {
        let digest = DocumentDigest::of(bytes);
        let path = Self::path(&digest);
        if bytes.len() as u64 > limits::LEDGER_DOCUMENT_BYTES {
            return Err(DocumentError::TooLarge { path: self.disk.shown(&path) });
        }
        let (directory, _) = path.rsplit_once('/').unwrap_or_default();
        for directory in ["", TEMPORARY, "documents", "documents/sha256", directory] {
            self.disk.make_directory(directory)?;
        }
        if self.disk.read(&path, (bytes.len() as u64).saturating_add(1))?.as_deref() == Some(bytes) {
            // Whoever put it may have been cut off before it was durable.
            self.disk.sync_file(&path)?;
        } else {
            let _writing = self.begin()?;
            let temporary = temporary();
            let placed = self
                .disk
                .write(&temporary, bytes)
                .and_then(|written| written.sync())
                .and_then(|()| self.disk.rename(&temporary, &path));
            if let Err(error) = placed {
                // A leftover is removed by the next who writes; to fail here says no more than the error.
                let _ = self.disk.remove(&temporary);
                return Err(error.into());
            }
        }
        for directory in [directory, "documents/sha256", "documents", ""] {
            self.disk.sync_directory(directory)?;
        }
        Ok(digest)
    }

    /// Removes what a crash left, where nobody writes, and takes the lock of those who write.
    fn begin(&self) -> Result<Box<dyn Held>, DocumentError> {
        if let Some(_alone) = self.disk.lock(LOCK, Sharing::Exclusive, Duration::ZERO)? {
            for name in self.disk.list(TEMPORARY)?.iter().filter(|name| name.starts_with(HALF)) {
                self.disk.remove(&format!("{TEMPORARY}/{name}"))?;
            }
        }
        let held = self.disk.lock(LOCK, Sharing::Shared, limits::LEDGER_LOCK_WAIT)?;
        held.ok_or_else(|| DocumentError::Locked { path: self.disk.shown(LOCK) })
    }

    /// Reads a document, and checks that it is the one asked for.
    ///
    /// # Errors
    /// When it is not there, is another, or can't be read.
    pub fn get(&self, digest: &DocumentDigest) -> Result<Vec<u8>, DocumentError> {
        self.read(digest, limits::LEDGER_DOCUMENT_BYTES)?
            .ok_or_else(|| DocumentError::TooLarge { path: self.disk.shown(&Self::path(digest)) })
    }

    /// The same for a document whose size is known: what somebody put in its place takes no more memory than the document.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub fn get_sized(&self, digest: &DocumentDigest, size: u64) -> Result<Vec<u8>, DocumentError> {
        let longer = || DocumentError::Longer { path: self.disk.shown(&Self::path(digest)), expected: size };
        self.read(digest, size)?.ok_or_else(longer)
    }

    /// `None`: it is longer than `at_most`.
    fn read(&self, digest: &DocumentDigest, at_most: u64) -> Result<Option<Vec<u8>>, DocumentError> {
        let path = Self::path(digest);
        let read = self.disk.read(&path, at_most.saturating_add(1))?;
        let bytes = read.ok_or_else(|| DocumentError::Missing { path: self.disk.shown(&path) })?;
        if bytes.len() as u64 > at_most {
            return Ok(None);
        }
        let found = DocumentDigest::of(&bytes);
        if found != *digest {
            let path = self.disk.shown(&path);
            return Err(DocumentError::Altered { path, expected: *digest, found });
        }
        Ok(Some(bytes))
    }

    /// Every document that is there, by name, in order. What a name promises is checked by [`get`](Self::get).
    ///
    /// # Errors
    /// When a directory can't be read.
    pub fn list(&self) -> Result<BTreeSet<DocumentDigest>, DocumentError> {
        let mut found = BTreeSet::new();
        for first in self.disk.list("documents/sha256")? {
            let names = self.disk.list(&format!("documents/sha256/{first}"))?;
            found.extend(names.iter().filter_map(|rest| DocumentDigest::from_hex(&format!("{first}{rest}"))));
        }
        Ok(found)
    }
}

/// A name that no other thread or process writes to at this time.
fn temporary() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = format!("{TEMPORARY}/{HALF}{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    // Processes in different containers or on different machines may have the same id.
    let mut random = [0_u8; 8];
    if getrandom::fill(&mut random).is_ok() {
        let _ = write!(name, "-{}", crate::digest::hex(&random));
    }
    name
}
