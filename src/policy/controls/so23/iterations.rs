//! SO23.2c: by iterations, until what failed passes.

use super::{Report, all_reports, reports};
use crate::evidence::predicate::Raw;
use crate::evidence::raw::{CaseOutcome, TestRun};
use crate::finding::{Code, Finding, Judgement, counted};
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::{Facts, soundness};
use std::collections::BTreeMap;

pub(in crate::policy::controls) static ITERATIONS: Definition = Definition {
    id: "so23.iterations",
    clause: "SO23.2c",
    meaning: "Testing is made by iterations, so that the vendor can apply fixes (SO23, requirement 2, third point).",
    passes: "In each series of test reports, iterations are numbered from 1 without gaps, the last one is about this drop, and every test that \
        failed in an earlier one passes in the last. Nothing that passed before is failed, skipped or gone.",
    fails: "An iteration is missing or came in another order, a failure was not resolved on the final digests, or a test regressed.",
    example: "\"series\": \"conformance\", \"iteration\": 2, and the statement and report of iteration 1 beside it, about the older build.",
    parameters: &[Parameter {
        name: "flaky",
        meaning: "What a test means that passed only when it was run again: \"refuse\" or \"allow\".",
    }],
    codes: &[
        Code::TestEvidenceMissing,
        Code::IterationGap,
        Code::IterationUnresolved,
        Code::IterationRegressed,
        Code::TestFlaky,
        Code::ReportMissing,
        Code::ReportMalformed,
        Code::ReportContradictsItself,
        Code::ReportIncomplete,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let flaky = section.required("flaky", faults);
        let flaky = flaky.and_then(|item| item.choice(&[("refuse", true), ("allow", false)], faults));
        Some(Box::new(Iterations { refuse_flaky: flaky? }))
    },
};

struct Iterations {
    refuse_flaky: bool,
}

impl Control for Iterations {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, _) = match reports(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let mut series: BTreeMap<&str, Vec<Report<'_>>> = BTreeMap::new();
        for report in all_reports(known) {
            let name = report.said.series.as_ref().map_or(report.said.kind.name(), |name| name.as_str());
            series.entry(name).or_default().push(report);
        }
        let mut findings = Vec::new();
        let mut rounds = 0_usize;
        for (name, reports) in &mut series {
            reports.sort_by_key(|report| (report.said.iteration.unwrap_or(1), report.said.finished));
            rounds = rounds.saturating_add(reports.len());
            findings.extend(gaps(name, reports));
            findings.extend(self.unresolved(reports));
        }
        Judgement::unless(
            findings,
            format!("{} in {} series, every failure resolved", counted(rounds, "iteration"), series.len()),
        )
    }
}

/// Iterations count from 1 by one, in the order in which they ended, and the last is about this drop.
///
/// Several reports may share a number: a round may have several parts.
fn gaps(name: &str, reports: &[Report<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last: Option<Report<'_>> = None;
    // The last part of the round before this one.
    let mut ended: Option<Report<'_>> = None;
    for report in reports {
        let number = report.said.iteration.unwrap_or(1);
        let before = last.map_or(0, |last| last.said.iteration.unwrap_or(1));
        let another_part = last.is_some() && number == before;
        if !another_part && number != before.saturating_add(1) {
            findings.push(Finding::new(
                Code::IterationGap,
                report.origin(),
                format!("iteration {} of series {name:?}", before.saturating_add(1)),
                format!("iteration {number}"),
            ));
        }
        if !another_part {
            ended = last;
        }
        if let Some(last) = ended.filter(|last| last.said.finished > report.said.started) {
            let before = last.said.iteration.unwrap_or(1);
            findings.push(Finding::new(
                Code::IterationGap,
                report.origin(),
                format!("iteration {number} begun after iteration {before} ended at {}", last.said.finished),
                format!("begun at {}", report.said.started),
            ));
        }
        last = Some(*report);
    }
    let final_number = last.map_or(0, |last| last.said.iteration.unwrap_or(1));
    let final_round = reports.iter().filter(|report| report.said.iteration.unwrap_or(1) == final_number);
    findings.extend(final_round.filter(|report| !report.about().this_drop()).map(|report| {
        Finding::new(
            Code::IterationUnresolved,
            report.origin(),
            format!("the last iteration of series {name:?} about this drop"),
            "one about other files",
        )
    }));
    findings
}

impl Iterations {
    fn unresolved(&self, reports: &[Report<'_>]) -> Vec<Finding> {
        let mut findings = Vec::new();
        // Of each test: how it came out in the newest round before the last that ran it, and where.
        let mut before: BTreeMap<&str, (CaseOutcome, &str)> = BTreeMap::new();
        let mut now: BTreeMap<&str, CaseOutcome> = BTreeMap::new();
        let final_number = reports.iter().map(|report| report.said.iteration.unwrap_or(1)).max().unwrap_or(1);
        let mut final_origin = "evidence/";
        for report in reports {
            let run: &TestRun = match soundness::report(report.statement.value()) {
                Ok(Raw::Tests(run)) => run,
                Ok(_) => continue,
                Err(faults) => {
                    findings.extend(faults);
                    continue;
                }
            };
            let is_final = report.said.iteration.unwrap_or(1) == final_number;
            for case in &run.cases {
                if is_final {
                    final_origin = report.origin();
                    let slot = now.entry(&case.id).or_insert(case.outcome);
                    *slot = (*slot).max(case.outcome);
                } else if case.outcome != CaseOutcome::Skipped {
                    // A skip resolves nothing: it must not stand in the place of the failure before it.
                    before.insert(&case.id, (case.outcome, report.origin()));
                }
                if self.refuse_flaky && is_final && case.outcome == CaseOutcome::Flaky {
                    findings.push(Finding::new(
                        Code::TestFlaky,
                        report.origin(),
                        format!("{:?} passes at the first try", case.id),
                        "it failed, and passed when it was run again",
                    ));
                }
            }
        }
        findings.extend(before.iter().filter_map(|(id, (outcome, origin))| {
            let current = now.get(id);
            if matches!(current, Some(CaseOutcome::Passed | CaseOutcome::Flaky)) {
                return None;
            }
            let found = match current {
                None => "it is not in the last iteration",
                Some(CaseOutcome::Skipped) => "it is skipped in the last iteration",
                Some(_) => "it fails in the last iteration",
            };
            let (code, word) = match outcome {
                CaseOutcome::Failed | CaseOutcome::Errored => (Code::IterationUnresolved, "failed"),
                _ => (Code::IterationRegressed, "passed"),
            };
            Some(Finding::new(code, final_origin, format!("{id:?}, which {word} in {origin}, passes"), found))
        }));
        findings
    }
}
