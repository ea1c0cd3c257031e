//! Answering a question: by the index as far as it goes and by the log from there on, or by the log alone.
//!
//! Whatever the index names is read from the log, checked there, and asked again whether it is what was asked for.

use super::LedgerError;
use super::checkpoint::Checkpoint;
use super::contents;
use super::documents::Documents;
use super::entry::{Entry, EntryRefusal};
use super::index::{Candidates, Index, IndexError, Place};
use super::log::LogError;
use super::query::Query;
use crate::digest::DocumentDigest;
use std::collections::{HashMap, VecDeque};

/// By what a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// By the index, where it can be used.
    Index,
    /// By the log alone.
    Log,
}

/// An entry that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its index.
    pub index: u64,
    /// The entry.
    pub entry: Entry,
    /// Where the file that was asked for lay.
    pub paths: Vec<String>,
}

/// Something that keeps an answer from being whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// What stands in the log is no entry, so nobody knows whether it is one of those asked for.
    #[error("entry {index} can't be read: {why}")]
    Entry {
        /// Its index.
        index: u64,
        /// What is wrong with it.
        why: EntryRefusal,
    },
    /// The list of what arrived can't be read, so nobody knows whether the file asked for did.
    #[error("of entry {index} it is not known which files arrived: {why}")]
    Contents {
        /// The entry.
        index: u64,
        /// What is wrong with the list.
        why: String,
    },
}

/// What there is to say beside the entries.
#[derive(Debug, Default)]
pub struct Answer {
    /// What keeps the answer from being whole, in no order.
    pub gaps: Vec<Gap>,
    /// How many entries were found by the index rather than by reading the log.
    pub indexed: u64,
}

/// Answers.
pub(super) fn find(
    place: Place<'_>,
    at: &Checkpoint,
    query: &Query,
    source: Source,
    note: &mut dyn FnMut(&IndexError),
    each: &mut dyn FnMut(Found) -> Result<(), LogError>,
) -> Result<Answer, LedgerError> {
    let (candidates, known) = match source {
        Source::Log => (Candidates::default(), 0),
        Source::Index => candidates(place, at, query, note)?,
    };
    let mut look = Look { query, documents: place.documents, paths: HashMap::new(), gaps: Vec::new() };
    // The last so many are wanted: how many come after those of the index must be known first.
    let mut tail = VecDeque::new();
    if let Some(limit) = query.limit {
        look.scan(place, at, known, &mut |found| {
            tail.push_back(found);
            if tail.len() > limit {
                tail.pop_front();
            }
            Ok(())
        })?;
    }
    let room = query.limit.map_or(usize::MAX, |limit| limit.saturating_sub(tail.len()));
    let spare = candidates.entries.len().saturating_sub(room);
    let named = candidates.entries.get(spare..).unwrap_or_default();
    place.log.some(at, named, &mut |index, bytes| match look.at(index, bytes) {
        Looked::Is(found) => each(*found),
        Looked::Unknown => Ok(()),
        Looked::IsNot => Err(LedgerError::IndexInvents { index }.into()),
    })?;
    look.unknown(place, at, &candidates)?;
    match query.limit {
        Some(_) => tail.into_iter().try_for_each(each)?,
        None => look.scan(place, at, known, each)?,
    }
    Ok(Answer { gaps: look.gaps, indexed: named.len() as u64 })
}

/// What the index says, and how many entries it knows.
fn candidates(
    place: Place<'_>,
    at: &Checkpoint,
    query: &Query,
    note: &mut dyn FnMut(&IndexError),
) -> Result<(Candidates, u64), LedgerError> {
    let Some(index) = Index::current(place, at, note)? else { return Ok((Candidates::default(), 0)) };
    match index.ask(query, at.size) {
        Ok(candidates) => Ok((candidates, index.size.min(at.size))),
        Err(error) => {
            note(&error);
            Ok((Candidates::default(), 0))
        }
    }
}

/// Whether an entry is one of those asked for.
enum Looked {
    Is(Box<Found>),
    IsNot,
    Unknown,
}

struct Look<'q> {
    query: &'q Query,
    documents: &'q Documents,
    /// Where the file asked for lay, by list: many entries share one.
    paths: HashMap<DocumentDigest, Result<Vec<String>, String>>,
    gaps: Vec<Gap>,
}

impl Look<'_> {
    fn at(&mut self, index: u64, bytes: &[u8]) -> Looked {
        let entry = match Entry::read(bytes) {
            Ok(entry) => entry,
            Err(why) => {
                self.gaps.push(Gap::Entry { index, why });
                return Looked::Unknown;
            }
        };
        if !self.query.matches(&entry) {
            return Looked::IsNot;
        }
        let (Some(artifact), Some(contents)) = (&self.query.artifact, &entry.contents) else {
            return Looked::Is(Box::new(Found { index, entry, paths: Vec::new() }));
        };
        let list = contents.document.sha256;
        let read = || contents::paths(self.documents, &list, artifact).map_err(|why| why.to_string());
        match self.paths.entry(list).or_insert_with(read) {
            Ok(paths) if paths.is_empty() => Looked::IsNot,
            Ok(paths) => Looked::Is(Box::new(Found { index, paths: paths.clone(), entry })),
            Err(why) => {
                self.gaps.push(Gap::Contents { index, why: why.clone() });
                Looked::Unknown
            }
        }
    }

    /// Looks at every entry from `from` on.
    fn scan(
        &mut self,
        place: Place<'_>,
        at: &Checkpoint,
        from: u64,
        each: &mut dyn FnMut(Found) -> Result<(), LogError>,
    ) -> Result<(), LedgerError> {
        if from >= at.size {
            return Ok(());
        }
        let scanned = place.log.entries(at, from, &mut |index, bytes| match self.at(index, bytes) {
            Looked::Is(found) => each(*found),
            Looked::IsNot | Looked::Unknown => Ok(()),
        });
        Ok(scanned?)
    }

    /// Says what is wrong with those of which the index knows that it does not know.
    fn unknown(
        &mut self,
        place: Place<'_>,
        at: &Checkpoint,
        candidates: &Candidates,
    ) -> Result<(), LedgerError> {
        for indices in [&candidates.unreadable, &candidates.unlisted] {
            // One that can be read by now is none of them; the index takes it in when it is next brought up to date.
            place.log.some(at, indices, &mut |index, bytes| {
                self.at(index, bytes);
                Ok(())
            })?;
        }
        Ok(())
    }
}
