//! Looking at a whole ledger: the log, every entry, every document that an entry names, and the index.
//!
//! Whatever is wrong is collected and told; that nothing could be looked at is an error. What this can't find is told by
//! a checkpoint that was kept elsewhere: whoever has the log's key can sign another past.

use super::checkpoint::Checkpoint;
use super::documents::Documents;
use super::entry::{Doc, Entry, EntryRefusal};
use super::index::{Comparison, Index, IndexError};
use super::{Ledger, LedgerError, LogError};
use crate::digest::DocumentDigest;
use crate::finding::counted;
use crate::limits;
use crate::time::Time;
use crate::verdict::Decision;
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use std::collections::HashMap;

/// What to look at, beside the log.
#[derive(Debug, Clone, Copy)]
pub struct Extent<'k> {
    /// Whether to read every document.
    pub documents: bool,
    /// A checkpoint that was kept elsewhere.
    pub kept: Option<&'k Checkpoint>,
}

/// What was found.
#[derive(Debug)]
pub struct Audit {
    /// The entries that were read and are what the checkpoint signs.
    pub entries: u64,
    /// When the last of them was recorded.
    pub newest: Option<Time>,
    /// How many documents are there and what they should be; `None` where they were not looked at.
    pub documents: Option<u64>,
    /// How far the index goes, where it agrees with the log.
    pub indexed: Option<u64>,
    /// What is wrong.
    pub faults: Told,
    /// What is odd, and wrong by itself alone.
    pub remarks: Told,
}

/// Things told, of which many are counted only.
#[derive(Debug, Default)]
pub struct Told {
    /// The first of them, whatever they quote escaped.
    pub texts: Vec<String>,
    /// How many more there are.
    pub more: u64,
}

impl Told {
    fn add(&mut self, text: String) {
        if self.texts.len() < limits::LEDGER_FAULTS {
            self.texts.push(text);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// Looks.
///
/// # Errors
/// When it could not be looked at.
pub fn audit(ledger: &Ledger, at: &Checkpoint, extent: Extent<'_>) -> Result<Audit, LedgerError> {
    let mut faults = Told::default();
    let mut told = |result: Result<(), LogError>| match result.map_err(LedgerError::from) {
        Err(error) if error.is_about_the_record() => {
            faults.add(error.to_string());
            Ok(())
        }
        other => other,
    };
    if let Some(kept) = extent.kept {
        told(ledger.log().compare(at, kept))?;
    }
    let index = match ledger.index(at) {
        Ok(index) => index,
        // Told below, where the log is read.
        Err(IndexError::Log(_)) => None,
        Err(error) => {
            faults.add(told_of_index(&error));
            None
        }
    };
    // Entries came while we looked: those are not of this checkpoint.
    let index = index.filter(|index| index.size <= at.size);
    let mut look = Look::new(ledger, extent, index.as_ref(), faults);
    let mut batch: Vec<(u64, Vec<u8>)> = Vec::with_capacity(limits::LEDGER_BATCH);
    let read = ledger.log().audit(at, &mut |number, bytes| {
        batch.push((number, bytes.to_vec()));
        if batch.len() >= limits::LEDGER_BATCH {
            look.batch(&mut batch);
        }
        Ok(())
    });
    look.batch(&mut batch);
    match read.map_err(LedgerError::from) {
        Err(error) if error.is_about_the_record() => look.faults.add(error.to_string()),
        Err(error) => return Err(error),
        Ok(()) => look.whole = true,
    }
    look.finish(at)
}

fn told_of_index(why: &dyn std::fmt::Display) -> String {
    format!("the index does not agree with the log: {why}. It can be deleted, and is then made again")
}

struct Look<'l> {
    ledger: &'l Ledger,
    extent: Extent<'l>,
    index: Option<&'l Index>,
    comparison: Option<Comparison<'l>>,
    entries: u64,
    last: Option<(u64, Time)>,
    /// The manifests of accepted drops, by entry.
    accepted: HashMap<u64, DocumentDigest>,
    documents: HashMap<DocumentDigest, Document>,
    faults: Told,
    remarks: Told,
    /// Whether the whole log was read.
    whole: bool,
}

/// What became of a document that was looked for.
struct Document {
    /// Its size, or what is wrong with it.
    found: Result<u64, String>,
    /// Who named it first, and as what.
    named_by: (u64, String),
    /// How many entries named it after that.
    others: u64,
}

/// An entry of a batch, read.
type Numbered = (u64, Result<Entry, EntryRefusal>);

impl<'l> Look<'l> {
    fn new(ledger: &'l Ledger, extent: Extent<'l>, index: Option<&'l Index>, faults: Told) -> Self {
        let mut look = Self {
            ledger,
            extent,
            index,
            comparison: None,
            entries: 0,
            last: None,
            accepted: HashMap::new(),
            documents: HashMap::new(),
            faults,
            remarks: Told::default(),
            whole: false,
        };
        let documents = extent.documents.then_some(ledger.documents());
        match index.map(|index| Comparison::new(index, documents)).transpose() {
            Ok(comparison) => look.comparison = comparison,
            Err(error) => look.faults.add(told_of_index(&error)),
        }
        look
    }

    fn batch(&mut self, batch: &mut Vec<(u64, Vec<u8>)>) {
        let read: Vec<Numbered> =
            batch.par_iter().map(|(number, bytes)| (*number, Entry::read(bytes))).collect();
        batch.clear();
        if self.extent.documents {
            self.look_for_documents(&read);
        }
        for (number, entry) in &read {
            self.entries = self.entries.saturating_add(1);
            self.compare(*number, entry);
            match entry {
                Ok(entry) => self.entry(*number, entry),
                Err(why) => self.faults.add(format!("entry {number} can't be read: {why}")),
            }
        }
    }

    fn entry(&mut self, number: u64, entry: &Entry) {
        if let Some((before, time)) = self.last.replace((number, entry.recorded_at))
            && entry.recorded_at < time
        {
            self.remarks.add(format!(
                "the clock went back: entry {number} was recorded at {}, entry {before} before it at {time}",
                entry.recorded_at
            ));
        }
        if let Some(baseline) = &entry.baseline
            && let Some(named) = baseline.entry
        {
            let found = self.accepted.get(&named);
            if found != Some(&baseline.manifest.sha256) {
                let found =
                    found.map_or_else(|| "none before it".to_owned(), |found| format!("one of {found}"));
                self.faults.add(format!(
                    "entry {number}: baseline.entry {named}: expected an ACCEPT of the manifest {}, found {found}",
                    baseline.manifest.sha256
                ));
            }
        }
        if let (Decision::Accept, Some(manifest)) = (entry.verdict, &entry.manifest) {
            self.accepted.insert(number, manifest.sha256);
        }
    }

    fn compare(&mut self, number: u64, entry: &Result<Entry, EntryRefusal>) {
        let Some(comparison) = &mut self.comparison else { return };
        let difference = match comparison.entry(number, entry) {
            Ok(None) => return,
            Ok(Some(difference)) => told_of_index(&difference),
            Err(error) => told_of_index(&error),
        };
        // The first is enough: it is made again whole.
        self.faults.add(difference);
        (self.comparison, self.index) = (None, None);
    }

    /// Reads what the entries of a batch name and was not looked for yet, by all threads.
    fn look_for_documents(&mut self, read: &[Numbered]) {
        let mut new: HashMap<DocumentDigest, (u64, (u64, String))> = HashMap::new();
        let entries = read.iter().filter_map(|(number, entry)| Some((*number, entry.as_ref().ok()?)));
        for (number, entry) in entries.clone() {
            for named in entry.documents() {
                match self.documents.get_mut(&named.doc.sha256) {
                    Some(known) => known.others = known.others.saturating_add(1),
                    None => {
                        let Doc { sha256, size } = named.doc;
                        new.entry(sha256).or_insert_with(|| (size, (number, named.name.into_owned())));
                    }
                }
            }
        }
        let documents: &Documents = self.ledger.documents();
        let found: Vec<(DocumentDigest, Document)> = new
            .into_par_iter()
            .map(|(digest, (size, named_by))| {
                let found = documents.get_sized(&digest, size);
                let found = found.map(|bytes| bytes.len() as u64).map_err(|why| why.to_string());
                (digest, Document { found, named_by, others: 0 })
            })
            .collect();
        self.documents.extend(found);
        for (number, entry) in entries {
            for named in entry.documents() {
                if let Some(Document { found: Ok(size), .. }) = self.documents.get(&named.doc.sha256)
                    && *size != named.doc.size
                {
                    self.faults.add(format!(
                        "entry {number}: {}: expected a document of {} bytes, found one of {size}",
                        crate::escape::bytes(named.name.as_bytes()),
                        named.doc.size
                    ));
                }
            }
        }
    }

    fn finish(mut self, at: &Checkpoint) -> Result<Audit, LedgerError> {
        let mut bad: Vec<&Document> = self.documents.values().filter(|one| one.found.is_err()).collect();
        bad.sort_by(|one, other| one.named_by.cmp(&other.named_by));
        for Document { found, named_by: (number, name), others } in &bad {
            let Err(why) = found else { continue };
            let others = match others {
                0 => String::new(),
                others => format!(" (named in {others} more places)"),
            };
            let name = crate::escape::bytes(name.as_bytes());
            self.faults.add(format!("entry {number}: {name}: {why}{others}"));
        }
        let good = self.documents.len().saturating_sub(bad.len()) as u64;
        if self.whole && self.extent.documents {
            self.unnamed()?;
        }
        let mut indexed = None;
        if let (true, Some(comparison), Some(index)) = (self.whole, self.comparison.take(), self.index) {
            match comparison.finish() {
                Ok(None) => indexed = Some(index.size.min(at.size)),
                Ok(Some(difference)) => self.faults.add(told_of_index(&difference)),
                Err(error) => self.faults.add(told_of_index(&error)),
            }
        }
        Ok(Audit {
            entries: self.entries,
            newest: self.last.map(|(_, time)| time),
            documents: self.extent.documents.then_some(good),
            indexed,
            faults: self.faults,
            remarks: self.remarks,
        })
    }

    /// Documents that no entry names: they are written before the entry, so one that was cut off leaves some.
    fn unnamed(&mut self) -> Result<(), LedgerError> {
        let there = self.ledger.documents().list()?;
        let unnamed = there.iter().filter(|digest| !self.documents.contains_key(*digest)).count();
        if unnamed > 0 {
            self.remarks.add(format!("no entry names {}", counted(unnamed, "document")));
        }
        Ok(())
    }
}
