//! What every control asks of evidence before it believes a word of it.

use crate::evidence::Statement;
use crate::evidence::predicate::Raw;
use crate::finding::{Code, Finding};
use crate::limits;
use crate::time::{Period, Time};

/// The raw report behind a statement: there, understood, whole, and in agreement with itself.
///
/// # Errors
/// With what is wrong with it.
pub fn report(statement: &Statement) -> Result<&Raw, Vec<Finding>> {
    let raw = match &statement.raw {
        Some(Ok(raw)) => raw,
        Some(Err(finding)) => return Err(vec![finding.clone()]),
        None => {
            return Err(vec![Finding::new(
                Code::ReportMissing,
                statement.origin.as_str(),
                "a raw report",
                "a statement without one",
            )]);
        }
    };
    let mut findings: Vec<Finding> = raw
        .disagreements()
        .iter()
        .map(|one| {
            Finding::new(
                Code::ReportContradictsItself,
                statement.origin.as_str(),
                format!("{}: {}, as the report says of itself", one.place, one.claimed),
                format!("{}, by its contents", one.counted),
            )
        })
        .collect();
    findings.extend(raw.failures().iter().map(|failure| {
        Finding::new(
            Code::ReportIncomplete,
            statement.origin.as_str(),
            "a report of a run that came to its end",
            failure.clone(),
        )
    }));
    if findings.is_empty() { Ok(raw) } else { Err(findings) }
}

/// What can't be about the times of a statement.
pub fn times(origin: &str, started: Option<Time>, finished: Time, at: Time) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(started) = started
        && finished < started
    {
        findings.push(Finding::new(
            Code::TimesImpossible,
            origin,
            format!("an end at or after the start, {started}"),
            format!("an end at {finished}"),
        ));
    }
    findings.extend(not_in_future(origin, "an end", finished, at));
    findings
}

/// A time that lies further in the future than clocks differ.
pub fn not_in_future(origin: &str, what: &str, time: Time, at: Time) -> Option<Finding> {
    let skew = Period::of_seconds(limits::EVIDENCE_CLOCK_SKEW_SECONDS);
    (time > at.after(skew)).then(|| {
        Finding::new(
            Code::TimesImpossible,
            origin,
            format!("{what} at the latest {skew} after the time of judgement, {at}"),
            time.to_string(),
        )
    })
}

/// Evidence that is older than `age`.
pub fn not_stale(origin: &str, what: &str, time: Time, age: Period, at: Time) -> Option<Finding> {
    (at > time.after(age)).then(|| {
        Finding::new(
            Code::EvidenceStale,
            origin,
            format!("{what} at most {age} before the time of judgement, {at}"),
            time.to_string(),
        )
    })
}
