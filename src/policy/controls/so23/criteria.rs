//! SO23.1: the product does what the contract says.

use super::{Report, missing, reports, reports_against, run};
use crate::cover::Cover;
use crate::evidence::predicate::Predicate;
use crate::evidence::predicate::test_report::TestVerdict;
use crate::evidence::raw::{CaseOutcome, TestRun};
use crate::finding::{Code, Finding, Judgement, counted};
use crate::manifest::Kind;
use crate::policy::Facts;
use crate::policy::controls::places::{self, Places, raw_reports};
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::facts::Known;
use std::collections::{BTreeMap, BTreeSet};

pub(in crate::policy::controls) static ACCEPTANCE_CRITERIA: Definition = Definition {
    id: "so23.acceptance-criteria",
    clause: "SO23.1",
    meaning: "The product's quality and security are assessed against the contract's specifications before integration, and what does not \
        comply is rejected; so for new components, patches and updates (SO23, requirement 1).",
    passes: "In each raw report about this drop, read and counted by the gate, enough tests passed, and skips are within what the policy says; \
        together they cover every file that the policy does not exempt, by digest; and each requirement that the contract lists for this kind of drop is shown by test cases that passed.",
    fails: "A test failed, too few passed, one was skipped that may not be, a file is not covered, a requirement is not shown; or a report is empty, cut off, \
        contradicts itself or its statement, or names a test twice.",
    example: "A test-report statement with \"format\": \"junit\", \"requirements\": { \"REQ-7\": [\"handover::cell::test_timer\"] }.",
    parameters: &[
        Parameter {
            name: "min-pass-rate",
            meaning: "Of the tests that ran, how many must pass in each report, in percent: 1 to 100. Under 100, failures within the \
                rest are reported and do not reject.",
        },
        Parameter {
            name: "skips",
            meaning: "What a skipped test means: \"fail\", or \"ignore\": it shows nothing and does not reject.",
        },
        Parameter {
            name: "exempt",
            meaning: "Files that no test can cover: \"none\", or an array of paths, directories with `/` at their end. Raw reports below \
                evidence/ that statements name are exempt in any case.",
        },
        Parameter {
            name: "requirements",
            meaning: "A table [control.parameters.requirements] from a kind of drop, or \"all\", to an array of the ids of requirements.",
        },
    ],
    codes: &[
        Code::TestEvidenceMissing,
        Code::TestFailed,
        Code::TestSkipped,
        Code::PassRateLow,
        Code::ArtifactNotTested,
        Code::RequirementNotShown,
        Code::TimesImpossible,
        Code::ReportMissing,
        Code::ReportMalformed,
        Code::ReportContradictsItself,
        Code::ReportIncomplete,
        Code::ReportEmpty,
        Code::TestDuplicate,
        Code::ClaimContradicted,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let rate = section.required("min-pass-rate", faults).and_then(|item| item.integer(1..=100, faults));
        let skips = section.required("skips", faults);
        let skips =
            skips.and_then(|item| item.choice(&[("fail", Skips::Fail), ("ignore", Skips::Ignore)], faults));
        let exempt = places::read(section, "exempt", faults);
        let Some(mut table) = section.section("requirements", faults) else {
            faults.add(
                section.span(),
                "missing key `requirements`",
                "expected a table [control.parameters.requirements], which may be empty",
            );
            return None;
        };
        let mut ids = |key: &'static str| {
            let item = table.optional(key);
            item.and_then(|item| item.texts(faults))
                .map(|texts| texts.into_iter().map(|(text, _)| text).collect::<Vec<_>>())
                .unwrap_or_default()
        };
        let all = ids("all");
        let by_kind = Kind::LEGAL.iter().map(|(name, kind)| (*kind, ids(name))).collect();
        table.finish(faults);
        Some(Box::new(AcceptanceCriteria {
            min_pass_rate: rate?,
            skips: skips?,
            exempt: exempt?,
            all,
            by_kind,
        }))
    },
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Skips {
    Fail,
    Ignore,
}

struct AcceptanceCriteria {
    min_pass_rate: u64,
    skips: Skips,
    exempt: Places,
    all: Vec<String>,
    by_kind: Vec<(Kind, Vec<String>)>,
}

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    reports: u64,
}

impl Control for AcceptanceCriteria {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, reports) = match reports(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let mut findings = bare_failures(known);
        let (mut remarks, mut tally) = (Vec::new(), Tally::default());
        let mut runs: Vec<(Report<'_>, &TestRun)> = Vec::new();
        for report in reports.into_iter().chain(reports_against(known)) {
            match run(report, facts) {
                Ok(Some(run)) => {
                    let own = Tally::of(run);
                    if own.reaches(self.min_pass_rate) {
                        let failures = failed(report.origin(), run);
                        remarks.extend(failures.iter().map(|one| format!("{}: {}", one.place, one.found)));
                    } else {
                        findings.extend(self.too_few(report.origin(), &own));
                        findings.extend(failed(report.origin(), run));
                    }
                    if self.skips == Skips::Fail {
                        findings.extend(skipped(report.origin(), run));
                    }
                    if report.about().this_drop() {
                        tally.add(&own);
                        runs.push((report, run));
                    }
                }
                Ok(None) => {}
                Err(faults) => findings.extend(faults),
            }
        }
        if runs.is_empty() && findings.is_empty() {
            return Judgement::no_evidence(missing(known));
        }
        findings.extend(self.untested(known, &runs));
        let required = self.required(known.manifest.value().release.kind);
        let claimed: Vec<Claimed<'_>> =
            runs.into_iter().map(|(report, run)| Claimed::of(report, run, &required)).collect();
        findings.extend(required.iter().filter_map(|id| not_shown(id, &claimed)));
        let shown = if required.is_empty() {
            String::new()
        } else {
            format!(", {} shown", counted(required.len(), "requirement"))
        };
        Judgement::unless(
            findings,
            format!(
                "{} of {} tests passed, {} skipped, in {}{shown}",
                tally.passed,
                tally.ran(),
                tally.skipped,
                counted(tally.reports, "report")
            ),
        )
        .with_remarks(remarks)
    }
}

impl AcceptanceCriteria {
    /// A report about one document is about the drop, and says nothing about its firmware.
    fn untested(&self, known: &Known, runs: &[(Report<'_>, &TestRun)]) -> Vec<Finding> {
        let artifacts = known.manifest.value().artifacts();
        let mut covered = Cover::none(artifacts.len());
        runs.iter().for_each(|(report, _)| covered.unite(&report.about().artifacts));
        let reports = raw_reports(known);
        let rest = Cover::all(artifacts.len()).without(&covered);
        rest.iter()
            .filter_map(|at| artifacts.get(at))
            .map(|artifact| artifact.path.as_str())
            .filter(|path| !self.exempt.cover(path) && !reports.contains(path))
            .map(|path| {
                Finding::new(Code::ArtifactNotTested, path, "a report of tests about these bytes", "none")
                    .on_artifact()
            })
            .collect()
    }

    fn required(&self, kind: Kind) -> Vec<&str> {
        let own = self.by_kind.iter().filter(|(other, _)| *other == kind).flat_map(|(_, ids)| ids);
        let mut ids: Vec<&str> = self.all.iter().chain(own).map(String::as_str).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

impl AcceptanceCriteria {
    /// Each report is judged by itself: a long report of small tests beside it does not water its failures down.
    fn too_few(&self, origin: &str, tally: &Tally) -> Option<Finding> {
        (self.min_pass_rate < 100).then(|| {
            Finding::new(
                Code::PassRateLow,
                origin,
                format!("{} % of the tests that ran passed", self.min_pass_rate),
                format!("{} of {}", tally.passed, tally.ran()),
            )
        })
    }
}

impl Tally {
    fn of(run: &TestRun) -> Self {
        let mut tally = Self { reports: 1, ..Self::default() };
        for case in &run.cases {
            let slot = match case.outcome {
                CaseOutcome::Passed | CaseOutcome::Flaky => &mut tally.passed,
                CaseOutcome::Failed | CaseOutcome::Errored => &mut tally.failed,
                CaseOutcome::Skipped => &mut tally.skipped,
            };
            *slot = slot.saturating_add(1);
        }
        tally
    }

    fn add(&mut self, other: &Self) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed = self.failed.saturating_add(other.failed);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.reports = self.reports.saturating_add(other.reports);
    }

    fn ran(&self) -> u64 {
        self.passed.saturating_add(self.failed)
    }

    fn reaches(&self, percent: u64) -> bool {
        self.passed.saturating_mul(100) >= self.ran().saturating_mul(percent)
    }
}

/// A report with the outcomes of those of its cases that it names for a requirement of the policy, gathered once: a
/// look through all cases for each requirement would take hours of a report and a statement that are both long.
struct Claimed<'e> {
    report: Report<'e>,
    outcomes: BTreeMap<&'e str, CaseOutcome>,
}

impl<'e> Claimed<'e> {
    fn of(report: Report<'e>, run: &'e TestRun, required: &[&str]) -> Self {
        let cases = required.iter().filter_map(|id| report.said.requirements.get(*id)).flatten();
        let named: BTreeSet<&str> = cases.map(String::as_str).collect();
        let cases = run.cases.iter().filter(|case| named.contains(case.id.as_str()));
        Self { report, outcomes: cases.map(|case| (case.id.as_str(), case.outcome)).collect() }
    }
}

/// in-toto's test-result has no report behind it: a failure that it tells is believed, a success is not.
fn bare_failures(known: &Known) -> Vec<Finding> {
    let results = known.evidence.pieces(|predicate| match predicate {
        Predicate::TestResult(result) => Some(result),
        _ => None,
    });
    results
        .filter(|result| result.about().touches_this_drop())
        .filter(|result| result.said.result == TestVerdict::Failed || !result.said.failed_tests.is_empty())
        .map(|result| {
            Finding::new(
                Code::TestFailed,
                result.origin(),
                "no failed test",
                format!(
                    "result {}, {}, as the statement says",
                    result.said.result.name(),
                    counted(result.said.failed_tests.len(), "failed test")
                ),
            )
        })
        .collect()
}

fn failed(origin: &str, run: &TestRun) -> Vec<Finding> {
    let cases = run.cases.iter().filter(|case| case.outcome >= CaseOutcome::Failed);
    cases
        .map(|case| {
            let word = if case.outcome == CaseOutcome::Errored { "error" } else { "failed" };
            let reason = case.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            Finding::new(Code::TestFailed, origin, format!("{:?} passes", case.id), format!("{word}{reason}"))
        })
        .collect()
}

fn skipped(origin: &str, run: &TestRun) -> Vec<Finding> {
    let cases = run.cases.iter().filter(|case| case.outcome == CaseOutcome::Skipped);
    cases
        .map(|case| {
            let reason = case.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            Finding::new(Code::TestSkipped, origin, format!("{:?} runs", case.id), format!("skipped{reason}"))
        })
        .collect()
}

/// Why a requirement is not shown to be met: each case that a statement names for it must be there and have passed.
fn not_shown(id: &str, claimed: &[Claimed<'_>]) -> Option<Finding> {
    let mut named = false;
    for Claimed { report, outcomes } in claimed {
        let Some(cases) = report.said.requirements.get(id) else { continue };
        for case in cases {
            let passed =
                matches!(outcomes.get(case.as_str()), Some(CaseOutcome::Passed | CaseOutcome::Flaky));
            if !passed {
                let found = match outcomes.get(case.as_str()) {
                    Some(CaseOutcome::Skipped) => "skipped",
                    Some(_) => "failed",
                    None => "not in the report",
                };
                return Some(Finding::new(
                    Code::RequirementNotShown,
                    report.origin(),
                    format!("requirement {id:?}: test {case:?} passes"),
                    found,
                ));
            }
            named = true;
        }
    }
    (!named).then(|| {
        Finding::new(
            Code::RequirementNotShown,
            "evidence/",
            format!("requirement {id:?}: test cases that show it, in a statement about this drop"),
            "none named",
        )
    })
}
