//! SO23, network and information systems testing.

mod criteria;
mod iterations;
mod papers;
mod schedule;
mod testers;

pub(super) use criteria::ACCEPTANCE_CRITERIA;
pub(super) use iterations::ITERATIONS;
pub(super) use papers::{CONFIGURATION, PLAN_REVIEWED, REPORT_COMPLETE};
pub(super) use schedule::{FREQUENCY, LIFECYCLE, TEST_TYPES};
pub(super) use testers::ACCOUNTABLE_TESTER;

use crate::evidence::Piece;
use crate::evidence::predicate::Predicate;
use crate::evidence::predicate::Raw;
use crate::evidence::predicate::test_report::{TestReport, TestType, TestVerdict};
use crate::evidence::raw::{CaseOutcome, TestRun};
use crate::finding::{Code, Finding, Judgement};
use crate::policy::facts::Known;
use crate::policy::{Facts, soundness};

type Report<'e> = Piece<'e, TestReport>;

/// The test reports about this drop, or the judgement of a control that needs one.
fn reports<'f>(facts: &Facts<'f>) -> Result<(&'f Known, Vec<Report<'f>>), Judgement> {
    let known = facts.known_change()?;
    let reports: Vec<_> = all_reports(known).filter(|report| report.about().this_drop()).collect();
    if reports.is_empty() {
        return Err(Judgement::no_evidence(missing(known)));
    }
    Ok((known, reports))
}

/// The test reports about this manifest and other things beside it. They show nothing; a failure in one is one of this drop.
fn reports_against(known: &Known) -> impl Iterator<Item = Report<'_>> {
    all_reports(known).filter(|report| report.about().manifest && !report.about().this_drop())
}

/// Every test report, those about older builds among them.
fn all_reports(known: &Known) -> impl Iterator<Item = Report<'_>> {
    known.evidence.pieces(|predicate| match predicate {
        Predicate::TestReport(report) => Some(report),
        _ => None,
    })
}

fn missing(known: &Known) -> Finding {
    Finding::new(
        Code::TestEvidenceMissing,
        "evidence/",
        "a test-report statement about artifacts of this drop, signed for role test",
        known.no_statement(),
    )
}

/// The tests of a report of test cases, sound and in agreement with its statement; `None` for the report of a scanner.
///
/// # Errors
/// With what is wrong with the report.
fn run<'e>(report: Report<'e>, facts: &Facts<'_>) -> Result<Option<&'e TestRun>, Vec<Finding>> {
    let (origin, said) = (report.origin(), report.said);
    let mut findings = soundness::times(origin, Some(said.started), said.finished, facts.at);
    let run = match soundness::report(report.statement.value()) {
        Ok(Raw::Tests(run)) => run,
        Ok(_) if findings.is_empty() => return Ok(None),
        Ok(_) => return Err(findings),
        Err(faults) => {
            findings.extend(faults);
            return Err(findings);
        }
    };
    findings.extend(run.duplicates.iter().map(|id| {
        Finding::new(Code::TestDuplicate, origin, "each test once", format!("{id:?} more than once"))
    }));
    let count =
        |outcomes: &[CaseOutcome]| run.cases.iter().filter(|case| outcomes.contains(&case.outcome)).count();
    let passed = count(&[CaseOutcome::Passed, CaseOutcome::Flaky]);
    let failed = count(&[CaseOutcome::Failed, CaseOutcome::Errored]);
    let skipped = count(&[CaseOutcome::Skipped]);
    let counted = format!("{passed} passed, {failed} failed, {skipped} skipped, by the report");
    if passed == 0 && failed == 0 {
        findings.push(Finding::new(Code::ReportEmpty, origin, "at least one test that ran", counted.clone()));
    }
    let claims_success = said.result != TestVerdict::Failed;
    if claims_success != (failed == 0) {
        findings.push(Finding::new(
            Code::ClaimContradicted,
            origin,
            format!("result {}, as the statement says", said.result.name()),
            counted,
        ));
    }
    if findings.is_empty() { Ok(Some(run)) } else { Err(findings) }
}

/// Why a report does not show success: its tests did not all pass, its scan did not come to its end, or it is of a form
/// that no report of its type has.
fn unsuccessful(report: Report<'_>, facts: &Facts<'_>) -> Option<String> {
    let (kind, format) = (report.said.kind, report.said.format);
    if !kind.takes(format) {
        let origin = report.origin();
        return Some(format!(
            "{origin}, of form {}, where {} has a scanner's report",
            format.name(),
            kind.name()
        ));
    }
    let success = match run(report, facts) {
        Ok(Some(run)) => run.cases.iter().all(|case| case.outcome <= CaseOutcome::Skipped),
        Ok(None) => report.said.result != TestVerdict::Failed,
        Err(_) => false,
    };
    (!success).then(|| format!("{}, which does not show success", report.origin()))
}

/// What was found in place of a report that shows success; `None` where one does.
fn none_of(reports: &[&Report<'_>], facts: &Facts<'_>) -> Option<String> {
    let mut why = "none".to_owned();
    for (number, report) in reports.iter().enumerate() {
        let unsuccessful = unsuccessful(**report, facts)?;
        if number == 0 {
            why = unsuccessful;
        }
    }
    Some(why)
}

fn named(kinds: &[TestType]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}
