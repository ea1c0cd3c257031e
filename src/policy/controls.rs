//! The controls: one requirement of one clause each. A file for each objective of the guide.
//!
//! To add one: write it in the file of its objective, list it in [`ALL`], give it a place with every
//! parameter in `policies/`, and fixtures.

mod places;
mod so12;
mod so14;
mod so23;

use super::Facts;
use crate::config::{Faults, Section};
use crate::finding::{Code, Judgement, Outcome};
use crate::trust::{Threshold, TrustStore};

/// A control with its parameters.
pub trait Control: Send + Sync {
    /// Judges a drop by what is known of it.
    fn judge(&self, facts: &Facts<'_>) -> Judgement;

    /// Whether it is judged after all others, because it rests on their outcomes.
    fn comes_last(&self) -> bool {
        false
    }

    /// Judges with the outcomes of the others, by their ids; for controls that come last.
    fn judge_after(&self, facts: &Facts<'_>, _others: &[(&str, Outcome)]) -> Judgement {
        self.judge(facts)
    }

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

/// The control that holds every file of a transition to its dossier.
pub const TRANSITION_HANDOVER: &str = so14::TRANSITION_HANDOVER.id;

/// Every control, in the order of the clauses.
pub static ALL: &[&Definition] = &[
    &so12::MANIFEST_SIGNED,
    &so12::MANIFEST_COMPLETE,
    &so12::DIGEST_STRENGTH,
    &so12::MALWARE_SCAN,
    &so12::KNOWN_VULNERABILITIES,
    &so12::SCAN_PROCEDURE_SHARED,
    &so12::NOT_COUNTERFEIT,
    &so12::REPLACEMENT_EQUIVALENT,
    &so14::CHANGE_DECLARED,
    &so14::VERSION_ADVANCES,
    &so14::CHANGE_SCOPE,
    &so14::TESTED_BEFORE_INTEGRATION,
    &so14::RESPONSIBILITY_STATED,
    &so14::VENDOR_ACCOUNTABLE,
    &so14::CHANGE_APPROVED,
    &so14::BACKOUT_PLAN,
    &so14::TRANSITION_CONTINGENCY,
    &so14::TRANSITION_PLAN,
    &so14::TRANSITION_HANDOVER,
    &so14::TRANSITION_DISPOSAL,
    &so14::TRANSITION_RETENTION,
    &so23::ACCEPTANCE_CRITERIA,
    &so23::LIFECYCLE,
    &so23::CONFIGURATION,
    &so23::ITERATIONS,
    &so23::TEST_TYPES,
    &so23::ACCOUNTABLE_TESTER,
    &so23::FREQUENCY,
    &so23::PLAN_REVIEWED,
    &so23::REPORT_COMPLETE,
];

/// The one change record about exactly this manifest, if there is one and no other.
pub fn change_record(
    known: &super::facts::Known,
) -> Option<crate::evidence::Piece<'_, crate::evidence::predicate::change::Change>> {
    so14::change_record(known).ok()
}

/// What the operator's own controls find.
pub const CUSTOM: &[Code] = &[Code::CustomControlFailed, Code::CustomControlError];

/// Which controls find this: their ids, and `[[custom]]` for the operator's own.
pub fn finders(code: Code) -> Vec<&'static str> {
    let builtin = ALL.iter().filter(|control| control.codes.contains(&code)).map(|control| control.id);
    builtin.chain(CUSTOM.contains(&code).then_some("[[custom]]")).collect()
}

/// The control of this id.
pub fn named(id: &str) -> Option<&'static Definition> {
    ALL.iter().copied().find(|definition| definition.id == id)
}

/// Where a control stands in the order of the clauses.
pub fn position(id: &str) -> usize {
    ALL.iter().position(|definition| definition.id == id).unwrap_or(ALL.len())
}
