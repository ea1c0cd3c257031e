//! `urn:dropgate:transition:v1`: the dossier of a transition at the end of a contract.
//! docs/predicates/transition.md is the specification.

use super::{Document, Words};
use crate::time::Time;
use serde::Deserialize;

/// The predicate type.
pub const TYPE: &str = "urn:dropgate:transition:v1";

/// What is handed over, and how. Its subject is the manifest; the vendor signs, the provider countersigns.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Transition {
    /// What happens when either party ends the contract early.
    pub contingency_plan: Option<DatedPlan>,
    /// How security is kept until the handover is complete.
    pub transition_plan: Option<DatedPlan>,
    /// Every document, procedure, configuration and record that is handed over.
    pub handover: Option<Vec<HandoverItem>>,
    /// What was returned or destroyed.
    pub disposal: Option<Disposal>,
    /// What the vendor keeps; an empty list says that nothing is kept.
    pub retention: Option<Vec<Retained>>,
}

/// A plan with an end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DatedPlan {
    /// The plan.
    pub document: Document,
    /// Until when it holds.
    pub valid_until: Time,
}

/// Something that is handed over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandoverItem {
    /// The line of the checklist that it answers.
    pub item: Words,
    /// The document.
    pub document: Document,
}

/// What was returned or destroyed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disposal {
    /// The certificate.
    pub certificate: Document,
    /// Whether it was returned or destroyed.
    pub method: Method,
    /// When.
    pub done: Time,
    /// Everything that held information of the provider.
    pub inventory: Vec<Words>,
    /// Of the inventory, what the certificate covers.
    pub covered: Vec<Words>,
}

/// What became of the provider's information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// It was given back.
    Returned,
    /// It was destroyed.
    Destroyed,
    /// Some of it each.
    ReturnedAndDestroyed,
}

/// Something that the vendor keeps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retained {
    /// What.
    pub what: Words,
    /// How it is protected.
    pub measures: Words,
    /// Until when it is kept.
    pub until: Time,
}
