//! Paths that an operator names in a parameter, and paths that a change record names.

use crate::config::{Faults, Section};
use crate::evidence::predicate::change::Place;
use crate::policy::facts::Known;
use std::collections::HashSet;

/// Files and directories.
pub(super) struct Places(Vec<Place>);

impl Places {
    /// Whether a file is one of them or below one of them.
    pub(super) fn cover(&self, path: &str) -> bool {
        self.0.iter().any(|place| place.covers(path))
    }
}

/// Reads a parameter: `"none"`, or an array of paths, directories with a slash at their end.
pub(super) fn read(section: &mut Section<'_>, key: &'static str, faults: &mut Faults) -> Option<Places> {
    let item = section.required(key, faults)?;
    match item.texts_unless("none", faults)? {
        None => Some(Places(Vec::new())),
        Some(texts) => parse(texts, faults).map(Places),
    }
}

/// Reads paths, and says where one is none.
pub(super) fn parse(texts: Vec<(String, std::ops::Range<usize>)>, faults: &mut Faults) -> Option<Vec<Place>> {
    let places: Vec<Option<Place>> = texts
        .into_iter()
        .map(|(text, span)| Place::parse(&text).map_err(|why| faults.add(span, "not a path", why)).ok())
        .collect();
    places.into_iter().collect()
}

/// Many places, as a change record names them. A hundred thousand of them are held against as many changed files: by
/// comparing each with each, a vendor could keep a gate busy for hours.
pub(super) struct PlaceSet<'p> {
    files: HashSet<&'p str>,
    directories: HashSet<&'p str>,
}

impl<'p> PlaceSet<'p> {
    pub(super) fn of(places: impl Iterator<Item = &'p Place>) -> Self {
        let mut set = Self { files: HashSet::new(), directories: HashSet::new() };
        for place in places {
            match place {
                Place::File(path) => set.files.insert(path.as_str()),
                Place::Below(path) => set.directories.insert(path.as_str()),
            };
        }
        set
    }

    /// Whether a file is one of them or below one of them.
    pub(super) fn cover(&self, path: &str) -> bool {
        self.files.contains(path) || above(path).any(|directory| self.directories.contains(directory))
    }
}

/// Many files, with the directories that they are in.
pub(super) struct FileSet<'p> {
    files: HashSet<&'p str>,
    directories: HashSet<&'p str>,
}

impl<'p> FileSet<'p> {
    pub(super) fn of(paths: impl Iterator<Item = &'p str>) -> Self {
        let mut set = Self { files: HashSet::new(), directories: HashSet::new() };
        for path in paths {
            set.files.insert(path);
            // From the inside out: where a directory is known, those above it are too.
            for directory in above(path) {
                if !set.directories.insert(directory) {
                    break;
                }
            }
        }
        set
    }

    /// Whether a place is one of the files, or one is below it.
    pub(super) fn touch(&self, place: &Place) -> bool {
        match place {
            Place::File(path) => self.files.contains(path.as_str()),
            Place::Below(path) => self.directories.contains(path.as_str()),
        }
    }
}

/// The directories above a path, the nearest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// The paths of the raw reports that statements of this drop name: they are about the change, not part of it.
///
/// Only below evidence/, from where nobody installs. Most forms of reports leave room for more: a shell script whose comments
/// are TAP, a configuration in JSON with a scanner's keys in it. One that lay among the firmware would have come in
/// undeclared and untested, on the word of the vendor's own test team.
pub(super) fn raw_reports(known: &Known) -> HashSet<&str> {
    let named =
        known.evidence.statements.iter().map(|one| one.value()).filter(|one| matches!(one.raw, Some(Ok(_))));
    named
        .filter_map(|statement| {
            let (document, _) = statement.predicate.report()?;
            // The first is the one that was read as a report.
            let (_, artifact) = known.arrived(&document.digest).next()?;
            Some(artifact.path.as_str()).filter(|path| path.starts_with("evidence/"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place() -> impl Strategy<Value = Place> {
        "[ab](/[ab]){0,3}/?".prop_map(|text| Place::parse(&text).unwrap())
    }

    #[test]
    fn a_hundred_thousand_places_and_as_many_files_take_no_square() {
        let paths: Vec<String> = (0..100_000).map(|number| format!("a/b/c/d/{number}")).collect();
        let places: Vec<Place> = paths.iter().map(|path| Place::parse(path).unwrap()).collect();
        let start = std::time::Instant::now();
        let (set, files) = (PlaceSet::of(places.iter()), FileSet::of(paths.iter().map(String::as_str)));
        assert!(paths.iter().all(|path| set.cover(path)) && places.iter().all(|place| files.touch(place)));
        // Each with each, it takes minutes.
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }

    proptest! {
        #[test]
        fn sets_say_what_each_place_says(
            places in prop::collection::vec(place(), 0..8),
            paths in prop::collection::vec("[ab](/[ab]){0,4}", 0..8),
        ) {
            let set = PlaceSet::of(places.iter());
            for path in &paths {
                prop_assert_eq!(set.cover(path), places.iter().any(|place| place.covers(path)), "{}", path);
            }
            let files = FileSet::of(paths.iter().map(String::as_str));
            for place in &places {
                prop_assert_eq!(files.touch(place), paths.iter().any(|path| place.covers(path)), "{}", place);
            }
        }
    }
}
