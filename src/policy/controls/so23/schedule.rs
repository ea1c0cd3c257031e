//! SO23.2 and SO23.4: along the life cycle, of several types, and often enough.

use super::{Report, named, none_of, reports, reports_against, run};
use crate::config::{Faults, Item, Section};
use crate::evidence::predicate::test_report::{IssueState, Phase, TestType};
use crate::evidence::predicate::{Predicate, Raw};
use crate::evidence::raw::Severity;
use crate::finding::{Code, Finding, Judgement};
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::{Facts, soundness};
use crate::time::{Period, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Reads a table from types of test to values.
pub(super) fn by_type<T>(
    section: &mut Section<'_>,
    key: &'static str,
    faults: &mut Faults,
    mut read: impl FnMut(Item<'_>, &mut Faults) -> Option<T>,
) -> Option<BTreeMap<TestType, T>> {
    let Some(mut table) = section.section(key, faults) else {
        faults.add(
            section.span(),
            format!("missing key `{key}`"),
            format!("expected a table [control.parameters.{key}] from types of test"),
        );
        return None;
    };
    let mut values = BTreeMap::new();
    let mut whole = true;
    for (name, kind) in TestType::LEGAL {
        if let Some(item) = table.optional(name) {
            match read(item, faults) {
                Some(value) => {
                    values.insert(kind, value);
                }
                None => whole = false,
            }
        }
    }
    table.finish(faults);
    whole.then_some(values)
}

pub(in crate::policy::controls) static LIFECYCLE: Definition = Definition {
    id: "so23.lifecycle",
    clause: "SO23.2a",
    meaning: "Testing is done along the life cycle: from development, before and after integration, and when patches or updates are made \
        (SO23, requirement 2, first point).",
    passes: "Each phase that the policy asks for has a test report about this drop that is in order and shows success.",
    fails: "A phase has none.",
    example: "\"phase\": \"pre-integration\" in a test-report statement.",
    parameters: &[Parameter {
        name: "phases",
        meaning: "An array of \"development\", \"pre-integration\", \"post-integration\", \"update\".",
    }],
    codes: &[Code::TestEvidenceMissing, Code::PhaseMissing, Code::KindNotJudged, Code::NoVerifiedManifest],
    read: |section, faults| {
        let phases = section.required("phases", faults).and_then(|item| item.choices(&Phase::LEGAL, faults));
        Some(Box::new(Lifecycle { phases: phases? }))
    },
};

struct Lifecycle {
    phases: Vec<Phase>,
}

impl Control for Lifecycle {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (_, reports) = match reports(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let findings = self.phases.iter().filter_map(|phase| {
            let of_phase: Vec<_> =
                reports.iter().filter(|report| report.said.phase == Some(*phase)).collect();
            let found = none_of(&of_phase, facts)?;
            let expected = format!("a test report of phase {} that shows success", phase.name());
            Some(Finding::new(Code::PhaseMissing, "evidence/", expected, found))
        });
        let phases: Vec<&str> = self.phases.iter().map(|phase| phase.name()).collect();
        Judgement::unless(findings.collect(), format!("tested in {}", phases.join(" and ")))
    }
}

pub(in crate::policy::controls) static TEST_TYPES: Definition = Definition {
    id: "so23.test-types",
    clause: "SO23.2d",
    meaning: "Several types of testing are performed, including known vulnerabilities scans, penetration testing, source code analysis \
        (SO23, requirement 2, fourth point).",
    passes: "Each type that the policy asks for has a report about this drop that is in order and shows success, and no test of a type with a \
        ceiling found an issue at or over it, by its raw report or by its statement's list of open vulnerabilities.",
    fails: "A type is missing, or an issue at or over its type's ceiling was found. A suppressed one counts, unless the policy lets it pass.",
    example: "Test-report statements of type source-code-analysis with SARIF, penetration-test with JUnit or SARIF, \
        known-vulnerability-scan with Trivy or Grype.",
    parameters: &[
        Parameter {
            name: "types",
            meaning: "An array of \"functional\", \"regression\", \"performance\", \"interoperability\", \"known-vulnerability-scan\", \
                \"penetration-test\", \"source-code-analysis\", \"fuzzing\".",
        },
        Parameter {
            name: "suppressed",
            meaning: "What an issue means that the report itself suppresses: \"count\", or \"ignore\".",
        },
        Parameter {
            name: "ceilings",
            meaning: "A table [control.parameters.ceilings] from a type to the least severity that rejects: \"low\" to \"critical\". Issues of \
                known-vulnerability-scan are judged, with VEX, by so12.known-vulnerabilities.",
        },
    ],
    codes: &[
        Code::TestEvidenceMissing,
        Code::TestTypeMissing,
        Code::IssueOverCeiling,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let types = section.required("types", faults).and_then(|item| item.choices(&TestType::LEGAL, faults));
        let suppressed = section.required("suppressed", faults);
        let suppressed =
            suppressed.and_then(|item| item.choice(&[("count", true), ("ignore", false)], faults));
        let ceilings =
            by_type(section, "ceilings", faults, |item, faults| item.choice(&Severity::CEILINGS, faults));
        Some(Box::new(TestTypes { types: types?, count_suppressed: suppressed?, ceilings: ceilings? }))
    },
};

struct TestTypes {
    types: Vec<TestType>,
    count_suppressed: bool,
    ceilings: BTreeMap<TestType, Severity>,
}

impl Control for TestTypes {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, reports) = match reports(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let vulns = known.evidence.pieces(|predicate| match predicate {
            Predicate::Vulns(vulns) => Some(vulns),
            _ => None,
        });
        let scanned = vulns.filter(|vulns| vulns.about().this_drop()).any(|vulns| {
            let (started, finished) = (vulns.said.started, vulns.said.finished);
            soundness::times(vulns.origin(), Some(started), finished, facts.at).is_empty()
        });
        let mut findings = Vec::new();
        for kind in &self.types {
            if *kind == TestType::KnownVulnerabilityScan && scanned {
                continue;
            }
            let of_kind: Vec<_> = reports.iter().filter(|report| report.said.kind == *kind).collect();
            if let Some(found) = none_of(&of_kind, facts) {
                let expected = format!("a report of type {} that shows success", kind.name());
                findings.push(Finding::new(Code::TestTypeMissing, "evidence/", expected, found));
            }
        }
        let against = reports_against(known);
        findings.extend(reports.iter().copied().chain(against).flat_map(|report| self.over_ceiling(report)));
        Judgement::unless(findings, named(&self.types))
    }
}

impl TestTypes {
    fn over_ceiling(&self, report: Report<'_>) -> Vec<Finding> {
        let Some(ceiling) = self.ceilings.get(&report.said.kind) else { return Vec::new() };
        let expected =
            format!("no issue of severity {ceiling} or over, for type {}", report.said.kind.name());
        let found = match &report.statement.value().raw {
            Some(Ok(Raw::Scan(scan))) => scan.issues.as_slice(),
            _ => &[],
        };
        let ids: BTreeSet<String> = found.iter().map(|issue| issue.id.to_ascii_lowercase()).collect();
        // A report of test cases has no issues, and a scanner does not find all that its user does.
        let told = report.said.vulnerabilities.iter().flatten().filter(|one| {
            one.state == IssueState::Open
                && one.severity >= *ceiling
                && !ids.contains(&one.id.as_str().to_ascii_lowercase())
        });
        let told = told.map(|one| {
            let found = format!("{} ({}), open, as the statement says", one.id.as_str(), one.severity);
            Finding::new(Code::IssueOverCeiling, report.origin(), expected.clone(), found)
        });
        let counts = |suppressed: &Option<String>| self.count_suppressed || suppressed.is_none();
        let issues = found.iter().filter(|issue| issue.severity >= *ceiling && counts(&issue.suppressed));
        let shown = issues.map(|issue| {
            let suppressed = issue.suppressed.as_ref().map(|by| format!(", suppressed in the report: {by}"));
            Finding::new(
                Code::IssueOverCeiling,
                format!("{}: {}", report.origin(), issue.place),
                expected.clone(),
                format!("{} ({}){}", issue.id, issue.severity, suppressed.unwrap_or_default()),
            )
        });
        shown.chain(told).collect()
    }
}

pub(in crate::policy::controls) static FREQUENCY: Definition = Definition {
    id: "so23.frequency",
    clause: "SO23.4",
    meaning: "How often is tested is agreed and stated in the contract (SO23, requirement 4).",
    passes: "For each type with an interval, the newest report about this drop that is in order ended within it.",
    fails: "The newest is older, or there is none.",
    example: "\"finished\": \"2026-01-14T18:00:00Z\" in a test-report statement, for an interval of 30d, judged in January 2026.",
    parameters: &[Parameter {
        name: "intervals",
        meaning: "A table [control.parameters.intervals] from a type of test to its interval, such as functional = \"30d\".",
    }],
    codes: &[Code::TestEvidenceMissing, Code::TestOverdue, Code::KindNotJudged, Code::NoVerifiedManifest],
    read: |section, faults| {
        let span = section.span();
        let intervals = by_type(section, "intervals", faults, |item, faults| item.period(faults))?;
        if intervals.is_empty() {
            faults.add(
                span,
                "no type of test has an interval",
                "expected at least one, such as functional = \"30d\"",
            );
            return None;
        }
        Some(Box::new(Frequency { intervals }))
    },
};

struct Frequency {
    intervals: BTreeMap<TestType, Period>,
}

impl Control for Frequency {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, reports) = match reports(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let mut newest: BTreeMap<TestType, (Time, &str)> = BTreeMap::new();
        let mut note = |kind: TestType, finished: Time, origin| {
            let slot = newest.entry(kind).or_insert((finished, origin));
            if finished > slot.0 {
                *slot = (finished, origin);
            }
        };
        let of_its_type = |report: &&Report<'_>| report.said.kind.takes(report.said.format);
        for report in reports.iter().filter(of_its_type).filter(|report| run(**report, facts).is_ok()) {
            note(report.said.kind, report.said.finished, report.origin());
        }
        let vulns = known.evidence.pieces(|predicate| match predicate {
            Predicate::Vulns(vulns) => Some(vulns),
            _ => None,
        });
        for vulns in vulns.filter(|vulns| vulns.about().this_drop()) {
            if soundness::times(vulns.origin(), Some(vulns.said.started), vulns.said.finished, facts.at)
                .is_empty()
            {
                note(TestType::KnownVulnerabilityScan, vulns.said.finished, vulns.origin());
            }
        }
        let findings = self.intervals.iter().filter_map(|(kind, interval)| {
            let expected =
                format!("{} at most {interval} before the time of judgement, {}", kind.name(), facts.at);
            match newest.get(kind) {
                Some((finished, _)) if finished.after(*interval) >= facts.at => None,
                Some((finished, origin)) => {
                    Some(Finding::new(Code::TestOverdue, *origin, expected, format!("ended {finished}")))
                }
                None => {
                    Some(Finding::new(Code::TestOverdue, "evidence/", expected, "no report of this type"))
                }
            }
        });
        Judgement::unless(findings.collect(), "every type within its interval")
    }
}
