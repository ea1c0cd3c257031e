//! `urn:dropgate:waiver:v1`: the provider's exception to one control. docs/predicates/waiver.md is the specification.

use super::Words;
use crate::drop::path::Name;
use crate::time::Time;
use serde::Deserialize;

/// The predicate type.
pub const TYPE: &str = "urn:dropgate:waiver:v1";

/// An exception. Its subjects are what it covers: the manifest, for the whole drop, or artifacts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Waiver {
    /// The one control that it is about.
    pub control: Words,
    /// Why.
    pub reason: Words,
    /// Where it was discussed.
    pub ticket: Words,
    /// Who asked for it.
    pub requested_by: Name,
    /// When it was given.
    pub issued: Time,
    /// From when on it is void.
    pub expires: Time,
}
