//! `urn:dropgate:approval:v1`: the provider's word on a change. docs/predicates/approval.md is the specification.

use super::{SignedText, Words};
use crate::time::Time;
use serde::Deserialize;

/// The predicate type.
pub const TYPE: &str = "urn:dropgate:approval:v1";

/// A decision on a change. Its subject is the manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The change record that was read.
    pub change: SignedText,
    /// What was decided.
    pub decision: Word,
    /// When.
    pub decided: Time,
    /// Why.
    pub comment: Option<Words>,
}

/// What was decided about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// It may be made.
    Approved,
    /// It may not.
    Rejected,
}
