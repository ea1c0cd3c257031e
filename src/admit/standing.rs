//! What stands in a place already: the same files, or others. Every byte is compared, for a digest that was taken when it
//! came says nothing of what somebody did to it since.

use super::copying::{fill, threads};
use super::place::Place;
use super::{Above, Ready, Store, StoreError, identity, opened};
use crate::digest::Algorithms;
use crate::drop::directory::Directory;
use crate::drop::path::DropPath;
use crate::drop::schedule;
use crate::drop::{Entry, Inventory, Progress, Source, SourceError, Wanted};
use std::cmp::Ordering;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};

/// A version that stands in the store.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) directory: OwnedFd,
    pub(super) identity: (u64, u64),
}

/// In what a version that stands in the store differs from the one that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, escaped.
    path: String,
    expected: String,
    found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: expected {}, as it was judged, found {}", self.path, self.expected, self.found)
    }
}

impl Standing {
    /// What stands in this place; `None` where it is free.
    pub(super) fn open(store: &Store, place: &Place) -> Result<Option<Self>, StoreError> {
        let Some((_, product)) = Above::open(store, place)? else { return Ok(None) };
        let path = place.to_string();
        let Some(directory) = opened(product.as_fd(), &place.version, &path, &store.shown())? else {
            return Ok(None);
        };
        let identity = identity(&directory).map_err(|errno| store.failed("look at", path, errno))?;
        Ok(Some(Self { directory, identity }))
    }

    /// Compares it with what was judged.
    pub(super) fn compare(
        &self,
        store: &Store,
        place: &Place,
        ready: &Ready<'_, '_>,
        progress: &dyn Progress,
    ) -> Result<(), StoreError> {
        let (shown, place_shown) = (store.shown(), place.to_string());
        let failed = |why| StoreError::Compare { place: place_shown.clone(), store: shown.clone(), why };
        let source = Directory::open(&store.path.join(&place_shown)).map_err(failed)?;
        if source.identity() != self.identity {
            return Err(StoreError::Restless { place: place_shown, store: shown });
        }
        let inventory = source.inventory().map_err(failed)?;
        let difference = match names(ready, &inventory) {
            Some(difference) => Some(difference),
            None => bytes(ready, &source, &inventory, progress).map_err(failed)?,
        };
        match difference {
            None => Ok(()),
            Some(difference) => Err(StoreError::Taken { place: place_shown, store: shown, difference }),
        }
    }
}

/// The first file or directory that only one of the two has, or whose sizes differ.
fn names(ready: &Ready<'_, '_>, found: &Inventory) -> Option<Difference> {
    let difference =
        |path: String, expected: String, found: String| Some(Difference { path, expected, found });
    if let Some(odd) = found.odd.first() {
        return difference(odd.shown.clone(), "no such thing".to_owned(), odd.oddity.to_string());
    }
    if let Some(shown) = found.unsettled.first() {
        return difference(
            shown.clone(),
            "what stands there to be left alone".to_owned(),
            "it changing".to_owned(),
        );
    }
    let files = first_apart(ready.files(), &found.files, |(path, _)| path, |entry| &entry.path);
    let directories = first_apart(ready.directories(), &found.directories, |path| path, |path| path);
    if let Some((path, expected)) = files.or(directories) {
        let (there, none) = ("it to be there".to_owned(), "no such name".to_owned());
        return match expected {
            true => difference(path.to_string(), there, none),
            false => difference(path.to_string(), none, "one".to_owned()),
        };
    }
    ready.files().iter().zip(&found.files).find_map(|((path, size), entry)| {
        let bytes = |size: u64| format!("{size} bytes");
        if *size == entry.size { None } else { difference(path.to_string(), bytes(*size), bytes(entry.size)) }
    })
}

/// The first path that only one of two sorted lists has, and whether it is the expected one.
fn first_apart<'l, E, F>(
    expected: &'l [E],
    found: &'l [F],
    of_expected: impl Fn(&'l E) -> &'l DropPath,
    of_found: impl Fn(&'l F) -> &'l DropPath,
) -> Option<(&'l DropPath, bool)> {
    let (mut expected, mut found) = (expected.iter().map(of_expected), found.iter().map(of_found));
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return None,
            (Some(path), None) => return Some((path, true)),
            (None, Some(path)) => return Some((path, false)),
            (Some(one), Some(other)) => match one.cmp(other) {
                Ordering::Equal => {}
                Ordering::Less => return Some((one, true)),
                Ordering::Greater => return Some((other, false)),
            },
        }
    }
}

/// The first file whose bytes differ. Names and sizes are known to be the same.
fn bytes(
    ready: &Ready<'_, '_>,
    standing: &Directory,
    found: &Inventory,
    progress: &dyn Progress,
) -> Result<Option<Difference>, SourceError> {
    let wanted: Vec<Wanted<'_>> =
        found.files.iter().map(|entry| Wanted { entry, algorithms: Algorithms::default() }).collect();
    let same = schedule::each(&wanted, threads(), progress, |wanted, buffer| {
        let judged = ready.staging().open(&wanted.entry.path)?;
        same_bytes(judged, standing, wanted.entry, buffer, progress)
    })?;
    let first = found.files.iter().zip(same).find_map(|(entry, same)| {
        let found = match same {
            Ok(true) => return None,
            Ok(false) => "other bytes".to_owned(),
            Err(disturbance) => disturbance.to_string(),
        };
        Some(Difference {
            path: entry.path.to_string(),
            expected: format!("its {} bytes", entry.size),
            found,
        })
    });
    Ok(first)
}

fn same_bytes(
    mut judged: std::fs::File,
    standing: &Directory,
    entry: &Entry,
    buffer: &mut [u8],
    progress: &dyn Progress,
) -> schedule::Outcome<bool> {
    let mut expected = vec![0; buffer.len()];
    let mut same = true;
    let streamed = standing.stream_to(entry, buffer, |bytes| {
        progress.read(bytes.len() as u64);
        if let Some(expected) = expected.get_mut(..bytes.len()).filter(|_| same) {
            let read = fill(&mut judged, expected)
                .map_err(|why| super::staging::not_copied("read", &entry.path, why))?;
            same = read == bytes.len() && expected == bytes;
        }
        Ok(())
    })?;
    Ok(streamed.map(|()| same))
}
