//! A drop of which the bytes of one file are kept as they were read, for the record.

use super::Disturbance;
use super::package::Package;
use super::{Entry, Inventory, Progress, ReadRefusal, Source, SourceError, Wanted};
use crate::digest::{Computed, DigestSet};
use std::sync::{Mutex, PoisonError};

/// Reads from another source, and keeps what is read of one file.
pub struct Keeping<'s> {
    source: &'s dyn Source,
    path: &'static str,
    kept: Mutex<Option<Vec<u8>>>,
}

impl<'s> Keeping<'s> {
    /// Keeps what is read of the file at `path`.
    pub fn new(source: &'s dyn Source, path: &'static str) -> Self {
        Self { source, path, kept: Mutex::default() }
    }

    /// The bytes, if it was read.
    pub fn kept(self) -> Option<Vec<u8>> {
        self.kept.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Keeping<'_> {
    fn inventory(&self) -> Result<Inventory, SourceError> {
        self.source.inventory()
    }

    fn read(&self, entry: &Entry, cap: u64) -> Result<Result<Vec<u8>, ReadRefusal>, SourceError> {
        let read = self.source.read(entry, cap)?;
        if let (Ok(bytes), true) = (&read, entry.path.as_str() == self.path) {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes.clone());
        }
        Ok(read)
    }

    fn stream(
        &self,
        entry: &Entry,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Result<(), Disturbance>, SourceError> {
        self.source.stream(entry, sink)
    }

    fn inner(&self, entry: &Entry) -> Result<Package, SourceError> {
        self.source.inner(entry)
    }

    fn digest(
        &self,
        wanted: &[Wanted<'_>],
        progress: &dyn Progress,
    ) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
        self.source.digest(wanted, progress)
    }

    fn changes_since(&self, inventory: &Inventory) -> Result<Vec<String>, SourceError> {
        self.source.changes_since(inventory)
    }
}
