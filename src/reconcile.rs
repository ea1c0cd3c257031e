//! What was promised against what arrived. Pure and total: every file that is listed or that arrived is in
//! exactly one class.

use crate::cover::Cover;
use crate::digest::{Algorithm, Comparison, Computed, DigestSet};
use crate::drop::path::DropPath;
use crate::drop::{Disturbance, Inventory};
use crate::manifest::{Artifact, Manifest};
use std::cmp::Ordering;

/// What was read of one listed file that arrived.
pub type Reading = Result<DigestSet<Computed>, Disturbance>;

/// How the files that arrived compare with those that the manifest lists.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// How many files are listed, arrived, and have every digest that was claimed.
    pub matched: u64,
    /// Their size in all, in bytes.
    pub matched_bytes: u64,
    /// Listed, arrived, and with other bytes.
    pub altered: Vec<Altered>,
    /// Listed, arrived, and without a claimed digest that could be compared.
    pub not_compared: Vec<DropPath>,
    /// Listed, and not to be read as it was listed.
    pub disturbed: Vec<(DropPath, Disturbance)>,
    /// Listed, and not there as a regular file.
    pub missing: Vec<DropPath>,
    /// There, and not listed.
    pub extra: Vec<Extra>,
}

impl Reconciled {
    /// The artifacts that did not arrive as they were listed.
    pub fn unfit(&self, manifest: &Manifest) -> Cover {
        let artifacts = manifest.artifacts();
        let mut unfit = Cover::none(artifacts.len());
        let altered = self.altered.iter().map(|altered| &altered.path);
        let disturbed = self.disturbed.iter().map(|(path, _)| path);
        for path in altered.chain(&self.not_compared).chain(disturbed).chain(&self.missing) {
            if let Ok(at) = artifacts.binary_search_by(|artifact| artifact.path.cmp(path)) {
                unfit.add(at);
            }
        }
        unfit
    }
}

/// A file whose bytes are not those that were listed.
#[derive(Debug)]
pub struct Altered {
    /// Where.
    pub path: DropPath,
    /// The first algorithm that tells them apart.
    pub algorithm: Algorithm,
    /// The claimed digest, in hex.
    pub expected: String,
    /// The computed digest, in hex.
    pub found: String,
}

/// A file that nobody listed.
#[derive(Debug)]
pub struct Extra {
    /// Where.
    pub path: DropPath,
    /// Its size, in bytes.
    pub size: u64,
}

/// Pairs each artifact with the arrived file of the same path, in one pass over both sorted lists.
/// `None` on one side: missing, or extra.
pub fn pairs<'a>(
    manifest: &'a Manifest,
    inventory: &'a Inventory,
) -> impl Iterator<Item = (Option<&'a Artifact>, Option<&'a crate::drop::Entry>)> {
    let mut listed = manifest.artifacts().iter().peekable();
    let mut arrived = inventory.files.iter().peekable();
    std::iter::from_fn(move || {
        let order = match (listed.peek(), arrived.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(artifact), Some(entry)) => artifact.path.cmp(&entry.path),
        };
        Some(match order {
            Ordering::Less => (listed.next(), None),
            Ordering::Greater => (None, arrived.next()),
            Ordering::Equal => (listed.next(), arrived.next()),
        })
    })
}

/// Compares. `readings` are of the files that are listed and arrived, in the order of [`pairs`]; `signed`
/// tells the files that carry their own signatures and are therefore not listed.
pub fn reconcile(
    manifest: &Manifest,
    inventory: &Inventory,
    readings: Vec<Reading>,
    signed: impl Fn(&DropPath) -> bool,
) -> Reconciled {
    let mut readings = readings.into_iter();
    let mut result = Reconciled::default();
    for pair in pairs(manifest, inventory) {
        match pair {
            (Some(artifact), Some(entry)) => match readings.next() {
                Some(Ok(computed)) => match computed.matches(&artifact.digests) {
                    Comparison::Matches => {
                        result.matched = result.matched.saturating_add(1);
                        result.matched_bytes = result.matched_bytes.saturating_add(entry.size);
                    }
                    Comparison::Differs { algorithm, expected, found } => {
                        result.altered.push(Altered {
                            path: artifact.path.clone(),
                            algorithm,
                            expected,
                            found,
                        });
                    }
                    Comparison::NothingToCompare => result.not_compared.push(artifact.path.clone()),
                },
                Some(Err(disturbance)) => result.disturbed.push((artifact.path.clone(), disturbance)),
                // A file that was not read is not known to match.
                None => result.not_compared.push(artifact.path.clone()),
            },
            (Some(artifact), None) => result.missing.push(artifact.path.clone()),
            (None, Some(entry)) if signed(&entry.path) => {}
            (None, Some(entry)) => result.extra.push(Extra { path: entry.path.clone(), size: entry.size }),
            (None, None) => {}
        }
    }
    result
}
