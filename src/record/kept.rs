//! The newest checkpoint, kept outside of the ledger: what the ledger must continue.
//!
//! Whoever can write the ledger's directory can put an older copy of it there, key or no key, and an older ledger has forgotten
//! what it accepted. A directory that is gone, or whose disk is not mounted, has forgotten all of it.

use super::RecordError;
use crate::escape;
use crate::files::{self, Existing, FileError, Readers};
use crate::ledger::Ledger;
use crate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::limits;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where the newest checkpoint is kept.
#[derive(Debug, Clone)]
pub struct Kept(PathBuf);

impl Kept {
    /// In this file, which is made when the first verdict is recorded.
    pub fn in_file(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Makes sure that the ledger, as `now` says, continues what was kept. `None`: there is no ledger.
    ///
    /// # Errors
    /// When it does not, or where that can't be told.
    pub fn holds(&self, ledger: &Ledger, now: Option<&Checkpoint>) -> Result<(), RecordError> {
        let Some(kept) = self.read(ledger)? else { return Ok(()) };
        let refuse = |why: String| RecordError::NotContinued { path: escape::path(&self.0), why };
        match now {
            Some(now) => ledger.log().compare(now, &kept).map_err(|why| refuse(why.to_string())),
            None if kept.size == 0 => Ok(()),
            None => {
                let directory = escape::path(ledger.directory());
                Err(refuse(format!(
                    "expected a ledger of {} entries or more in {directory}, found none",
                    kept.size
                )))
            }
        }
    }

    /// Keeps a newer one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep(&self, signed: &SignedCheckpoint) -> Result<(), FileError> {
        files::write(&self.0, &signed.bytes, Existing::Replace, Readers::Everyone)
    }

    fn read(&self, ledger: &Ledger) -> Result<Option<Checkpoint>, RecordError> {
        match self.0.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            _ => {}
        }
        let bytes = files::read(&self.0, limits::NOTE_BYTES as u64)?;
        let signed = SignedCheckpoint::read(&bytes, ledger.log().key())
            .map_err(|why| FileError::new(&self.0, "read the kept checkpoint", why))?;
        Ok(Some(signed.checkpoint))
    }
}
