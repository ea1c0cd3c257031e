//! The controls: one requirement of one clause each. A file for each objective of the guide.
//!
//! To add one: write it in the file of its objective, list it in [`ALL`], give it a place with every
//! parameter in `policies/`, and fixtures.

mod so12;
mod so14;
mod so23;

use super::Facts;
use crate::config::{Faults, Section};
use crate::finding::{Code, Judgement};
use crate::trust::{Threshold, TrustStore};

/// A control with its parameters.
pub trait Control: Send + Sync {
    /// Judges a drop by what is known of it.
    fn judge(&self, facts: &Facts<'_>) -> Judgement;

    /// A parameter, and why no drop could ever satisfy it with this trust store.
    fn misfit(&self, _trust: &TrustStore) -> Option<(&'static str, String)> {
        None
    }

    /// How many distinct owners it asks to sign a release; `None` where it does not ask that.
    fn release_threshold(&self) -> Option<Threshold> {
        None
    }
}

/// What a control is, for packs, for people, and for documents.
pub struct Definition {
    /// Its stable id.
    pub id: &'static str,
    /// The clause of the guide that it follows from.
    pub clause: &'static str,
    /// What the clause asks.
    pub meaning: &'static str,
    /// When it passes.
    pub passes: &'static str,
    /// When it fails.
    pub fails: &'static str,
    /// Evidence that satisfies it.
    pub example: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// The findings that it makes.
    pub codes: &'static [Code],
    /// Reads its parameters.
    pub read: fn(&mut Section<'_>, &mut Faults) -> Option<Box<dyn Control>>,
}

/// A parameter of a control.
pub struct Parameter {
    /// Its key in the pack.
    pub name: &'static str,
    /// What it means, with its unit and legal values.
    pub meaning: &'static str,
}

/// Every control, in the order of the clauses.
pub static ALL: &[&Definition] = &[
    &so12::MANIFEST_SIGNED,
    &so12::MANIFEST_COMPLETE,
    &so12::DIGEST_STRENGTH,
    &so14::VERSION_ADVANCES,
    &so23::ACCOUNTABLE_TESTER,
];

/// The control of this id.
pub fn named(id: &str) -> Option<&'static Definition> {
    ALL.iter().copied().find(|definition| definition.id == id)
}

/// Where a control stands in the order of the clauses.
pub fn position(id: &str) -> usize {
    ALL.iter().position(|definition| definition.id == id).unwrap_or(ALL.len())
}
