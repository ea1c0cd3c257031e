//! SO12, integrity of network and information systems.

mod counterfeit;
mod malware;
mod manifest;
mod procedure;
mod vulnerabilities;

pub(super) use counterfeit::{NOT_COUNTERFEIT, REPLACEMENT_EQUIVALENT};
pub(super) use malware::MALWARE_SCAN;
pub(super) use manifest::{DIGEST_STRENGTH, MANIFEST_COMPLETE, MANIFEST_SIGNED};
pub(super) use procedure::SCAN_PROCEDURE_SHARED;
pub(super) use vulnerabilities::KNOWN_VULNERABILITIES;

const CLAUSE_1: &str = "SO12.1";
const MEANING_1: &str = "The integrity of products is validated, by scanning and testing them, before they are \
    integrated (SO12, requirement 1).";
