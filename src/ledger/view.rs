//! The ledger as one checkpoint says: what verdicts rest on.
//!
//! The index has no part in it. It may hide what the log holds, and a hidden ACCEPT would be a way back to an older version.

use super::checkpoint::Checkpoint;
use super::entry::{Doc, Entry};
use super::lines::AcceptedDrop;
use super::{Ledger, LedgerError};
use crate::verdict::Decision;
use memchr::memmem::Finder;

/// The ledger as one checkpoint says.
#[derive(Debug, Clone)]
pub struct View<'l> {
    pub(super) ledger: &'l Ledger,
    pub(super) at: Checkpoint,
}

impl View<'_> {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.at
    }

    /// Makes sure that this view goes on from an earlier one.
    ///
    /// # Errors
    /// When the log was truncated or forked since.
    pub fn continues(&self, earlier: &Checkpoint) -> Result<(), LedgerError> {
        Ok(self.ledger.log().compare(&self.at, earlier)?)
    }

    /// One entry, checked up to the root.
    ///
    /// # Errors
    /// Those of [`Ledger::entry`].
    pub fn entry(&self, index: u64) -> Result<Entry, LedgerError> {
        self.ledger.entry(&self.at, index)
    }

    /// A document that an entry names, its digest checked.
    ///
    /// # Errors
    /// When it is missing or altered.
    pub fn document(&self, doc: &Doc) -> Result<Vec<u8>, LedgerError> {
        Ok(self.ledger.documents().get_sized(&doc.sha256, doc.size)?)
    }

    /// What was accepted of a product, from entry `from` on, in the order of the log. Reads every entry, each checked up to
    /// the root.
    ///
    /// # Errors
    /// When the log can't be read, is not what the checkpoint signs, or holds what is no entry.
    pub fn accepted(&self, vendor: &str, product: &str, from: u64) -> Result<Vec<AcceptedDrop>, LedgerError> {
        // An entry has one spelling, so that only those that hold both names need be read whole.
        let spelled = |name: &str| serde_json::Value::from(name).to_string();
        let (vendor_text, product_text) = (spelled(vendor), spelled(product));
        let (of_vendor, of_product) = (Finder::new(&vendor_text), Finder::new(&product_text));
        let mut accepted = Vec::new();
        self.ledger.log().entries(&self.at, from, &mut |index, bytes| {
            if of_vendor.find(bytes).is_none() || of_product.find(bytes).is_none() {
                return Ok(());
            }
            let entry = Entry::read(bytes).map_err(|why| LedgerError::Entry { index, why })?;
            let (Some(release), Some(manifest)) = (entry.release, entry.manifest) else { return Ok(()) };
            let same = (release.vendor.as_str(), release.product.as_str()) == (vendor, product);
            if same && entry.verdict == Decision::Accept {
                let version = release.version.as_str().to_owned();
                accepted.push(AcceptedDrop { entry: index, manifest: manifest.sha256, version });
            }
            Ok(())
        })?;
        Ok(accepted)
    }
}
