//! Statements and raw reports, from the files of a drop to what is known of them.

use super::{Gate, GateError};
use crate::digest::{Comparison, Hashers};
use crate::drop::{Entry, Inventory, ReadRefusal, Source};
use crate::evidence::predicate::{Document, Format, Raw};
use crate::evidence::{Context, Evidence, Held};
use crate::finding::{Code, Finding};
use crate::limits;
use crate::policy::facts::Known;
use crate::time::Time;
use crate::trust::Budget;

impl Gate {
    pub(super) fn evidence<'e>(
        &self,
        source: &dyn Source,
        envelopes: impl Iterator<Item = &'e Entry>,
        known: &Known,
        (at, more): (Time, Vec<(String, Vec<u8>)>),
    ) -> Result<Evidence, GateError> {
        let mut evidence = Evidence::default();
        let context =
            Context { manifest: known.manifest.value(), index: &known.index, trust: &self.trust, at };
        let mut budget = Budget::of_evidence();
        let mut left = limits::EVIDENCE_BYTES_IN_ALL;
        for (index, entry) in envelopes.enumerate() {
            let origin = entry.path.as_str();
            let refused = Code::EvidenceNotAuthentic;
            let Some(rest) = left.checked_sub(entry.size) else {
                let why = format!("more than {} bytes of evidence envelopes", limits::EVIDENCE_BYTES_IN_ALL);
                evidence.refuse(origin, refused, why);
                break;
            };
            left = rest;
            if index >= limits::EVIDENCE_FILES {
                evidence.refuse(
                    origin,
                    refused,
                    format!("more than {} evidence envelopes", limits::EVIDENCE_FILES),
                );
                break;
            }
            match source.read(entry, limits::EVIDENCE_BYTES)? {
                Ok(bytes) => evidence.receive(origin, bytes, &context, &mut budget),
                Err(why) => evidence.refuse(origin, refused, why.to_string()),
            }
        }
        // What the operator adds is not kept out by a flood in the drop.
        let mut budget = Budget::of_evidence();
        for (origin, bytes) in more {
            evidence.receive(&origin, bytes, &context, &mut budget);
        }
        Ok(evidence)
    }

    /// Reads the raw report that each statement names, one at a time, and keeps what is derived from it.
    pub(super) fn read_reports(
        &self,
        source: &dyn Source,
        inventory: &Inventory,
        known: &mut Known,
    ) -> Result<(), GateError> {
        let mut statements = std::mem::take(&mut known.evidence.statements);
        let mut left = limits::REPORTS_BYTES;
        let mut held = known.evidence.held;
        for verified in &mut statements {
            let statement = verified.value();
            let Some((document, format)) = statement.predicate.report() else { continue };
            let raw = if held > limits::EVIDENCE_HELD_BYTES {
                Err(too_much(&statement.origin))
            } else {
                read_report(source, inventory, known, &statement.origin, document, format, &mut left)?
            };
            held = held.saturating_add(raw.as_ref().map_or(0, Held::held));
            let raw = raw.and_then(|raw| match held > limits::EVIDENCE_HELD_BYTES {
                true => Err(too_much(&statement.origin)),
                false => Ok(raw),
            });
            verified.value_mut().raw = Some(raw);
        }
        known.evidence.statements = statements;
        Ok(())
    }
}

fn too_much(origin: &str) -> Finding {
    let expected =
        format!("reports of a drop that together say at most {} bytes", limits::EVIDENCE_HELD_BYTES);
    Finding::new(Code::ReportMalformed, origin, expected, "more, with this one")
}

/// A raw report: listed, arrived as it was signed, read once more and hashed as it is read.
fn read_report(
    source: &dyn Source,
    inventory: &Inventory,
    known: &Known,
    origin: &str,
    document: &Document,
    format: Format,
    left: &mut u64,
) -> Result<Result<Raw, Finding>, GateError> {
    let refuse = |code, place: &str, expected: String, found: String| {
        Ok(Err(Finding::new(code, place, expected, found)))
    };
    let named = format!("a listed file with the digest of {:?}", document.name.as_str());
    let found = known.arrived(&document.digest).next();
    let Some((artifact, entry)) =
        found.and_then(|(_, artifact)| Some((artifact, inventory.find(&artifact.path)?)))
    else {
        return refuse(Code::ReportMissing, origin, named, "no such file".to_owned());
    };
    let place = artifact.path.as_str();
    let refuse = |code, place: &str, expected: String, found: String| {
        Ok(Err(Finding::new(code, place, expected, found).on_artifact()))
    };
    let cap = limits::REPORT_BYTES.min(*left);
    let bytes = match source.read(entry, cap)? {
        Ok(bytes) => bytes,
        Err(ReadRefusal::TooLarge { size, cap }) => {
            return refuse(
                Code::ReportMalformed,
                place,
                format!("at most {cap} bytes"),
                format!("{size} bytes"),
            );
        }
        Err(ReadRefusal::Disturbed(disturbance)) => {
            return refuse(Code::ReportMissing, place, named, disturbance.to_string());
        }
    };
    *left = left.saturating_sub(entry.size);
    let mut hashers = Hashers::new(artifact.digests.algorithms());
    hashers.update(&bytes);
    if hashers.finish().matches(&artifact.digests) != Comparison::Matches {
        return refuse(Code::ReportMissing, place, named, "other bytes than a moment before".to_owned());
    }
    Ok(format.read(&bytes).map_err(|why| {
        let expected = format!("a report of form {}: {}: {}", format.name(), why.place, why.expected);
        Finding::new(Code::ReportMalformed, place, expected, why.found).on_artifact()
    }))
}
