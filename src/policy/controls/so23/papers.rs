//! SO23.2b, SO23.5 and SO23.6: what stands beside the tests: configuration, plan, and the rest of the report.

use super::{Report, reports};
use crate::digest::Hashers;
use crate::evidence::predicate::test_report::{Identified, IssueState};
use crate::evidence::predicate::{Digests, Document, Raw, Words};
use crate::evidence::raw::Severity;
use crate::finding::{Code, Finding, Judgement, counted};
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::{Facts, soundness};
use crate::time::{Period, Time};
use std::collections::{BTreeMap, BTreeSet};

pub(in crate::policy::controls) static CONFIGURATION: Definition = Definition {
    id: "so23.configuration",
    clause: "SO23.2b",
    meaning: "Testing is done with the right configuration in the testing environment, like that of the live one (SO23, requirement 2, \
        second point).",
    passes: "Every test report about this drop names the configuration that it was tested with, by digest, and each is one that the operator \
        approved.",
    fails: "A report names none, one that is not approved, or the digest of an empty file.",
    example: "\"configuration\": [ { \"name\": \"lab/site-a.yaml\", \"digest\": { \"sha256\": \"...\" } } ]",
    parameters: &[Parameter {
        name: "approved",
        meaning: "The sha256 digests of approved configurations, in hex: an array, or \"any\": one must be named, whichever.",
    }],
    codes: &[
        Code::TestEvidenceMissing,
        Code::ConfigurationNotApproved,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let item = section.required("approved", faults)?;
        let Some(texts) = item.texts_unless("any", faults)? else {
            return Some(Box::new(Configuration { approved: None }));
        };
        let digests: Vec<Option<Digests>> = texts
            .into_iter()
            .map(|(text, span)| {
                let mut claims = crate::digest::Claims::default();
                let added = claims
                    .add("sha256", &text)
                    .map_err(|why| faults.add(span, "not a digest", why.to_string()));
                added.ok().and_then(|()| claims.finish()).map(Digests)
            })
            .collect();
        let approved: Option<Vec<Digests>> = digests.into_iter().collect();
        Some(Box::new(Configuration { approved: Some(approved?) }))
    },
};

struct Configuration {
    approved: Option<Vec<Digests>>,
}

impl Control for Configuration {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (_, reports) = match reports(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let mut findings = Vec::new();
        for report in &reports {
            if report.said.configuration.is_empty() {
                findings.push(Finding::new(
                    Code::ConfigurationNotApproved,
                    report.origin(),
                    "the configuration that was tested with, by digest",
                    "not stated",
                ));
            }
            findings.extend(
                report.said.configuration.iter().filter_map(|named| self.unfit(report.origin(), named)),
            );
        }
        Judgement::unless(
            findings,
            format!("{} with an approved configuration", counted(reports.len(), "report")),
        )
    }
}

impl Configuration {
    fn unfit(&self, origin: &str, named: &Document) -> Option<Finding> {
        let nothing = Hashers::new(named.digest.0.algorithms()).finish();
        // One is enough: no other digest beside it can be true.
        let empty = named.digest.0.iter().any(|(algorithm, digest)| nothing.by(algorithm) == Some(digest));
        let unfit = |expected: &str, found: String| {
            Some(Finding::new(Code::ConfigurationNotApproved, origin, expected.to_owned(), found))
        };
        if empty {
            return unfit(
                "a configuration with contents",
                format!("{:?} with the digest of nothing", named.name.as_str()),
            );
        }
        let approved = self.approved.as_ref()?;
        if approved.iter().any(|digests| digests.0.names_the_same_as(&named.digest.0)) {
            return None;
        }
        unfit(
            "a configuration that the operator approved",
            format!("{:?} with the digest {:?}", named.name.as_str(), named.digest.0),
        )
    }
}

pub(in crate::policy::controls) static PLAN_REVIEWED: Definition = Definition {
    id: "so23.plan-reviewed",
    clause: "SO23.5",
    meaning: "Testing plans and methodologies are reviewed regularly, on changes of technology, upgrades and past incidents (SO23, \
        requirement 5).",
    passes: "Every test report about this drop names its plan, which arrived, and whose last review is within the period and after the last \
        incident and the last major version.",
    fails: "A report names no plan, the plan did not arrive, or its review is too old.",
    example: "\"plan\": { \"document\": { \"name\": \"docs/test-plan.txt\", \"digest\": { \"sha256\": \"...\" } }, \"reviewed\": \
        \"2025-12-01T09:00:00Z\" }",
    parameters: &[
        Parameter {
            name: "period",
            meaning: "How long ago the last review may have been, such as \"365d\".",
        },
        Parameter {
            name: "last-incident",
            meaning: "When the last incident was that plans must have learnt from: a time, or \"none\".",
        },
        Parameter {
            name: "last-major-version",
            meaning: "When the product's last major version came: a time, or \"none\".",
        },
    ],
    codes: &[
        Code::TestEvidenceMissing,
        Code::PlanNotReviewed,
        Code::DocumentMissing,
        Code::DocumentEmpty,
        Code::TimesImpossible,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let period = section.required("period", faults).and_then(|item| item.period(faults));
        let incident =
            section.required("last-incident", faults).and_then(|item| item.time_unless("none", faults));
        let major =
            section.required("last-major-version", faults).and_then(|item| item.time_unless("none", faults));
        Some(Box::new(PlanReviewed { period: period?, incident: incident?, major: major? }))
    },
};

struct PlanReviewed {
    period: Period,
    incident: Option<Time>,
    major: Option<Time>,
}

impl Control for PlanReviewed {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, reports) = match reports(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let mut findings = Vec::new();
        for report in &reports {
            let origin = report.origin();
            let unreviewed = |expected: String, found: String| {
                Finding::new(Code::PlanNotReviewed, origin, expected, found)
            };
            let Some(plan) = &report.said.plan else {
                findings.push(unreviewed("a plan and its last review".to_owned(), "not stated".to_owned()));
                continue;
            };
            findings.extend(known.document(origin, "the plan", &plan.document, facts.inventory).err());
            findings.extend(soundness::not_in_future(origin, "a review", plan.reviewed, facts.at));
            let found = format!("reviewed {}", plan.reviewed);
            if plan.reviewed.after(self.period) < facts.at {
                let expected =
                    format!("a review at most {} before the time of judgement, {}", self.period, facts.at);
                findings.push(unreviewed(expected, found.clone()));
            }
            for (what, event) in
                [("the last incident", self.incident), ("the last major version", self.major)]
            {
                if let Some(event) = event.filter(|event| plan.reviewed <= *event) {
                    findings.push(unreviewed(format!("a review after {what}, {event}"), found.clone()));
                }
            }
        }
        Judgement::unless(findings, format!("{} by a reviewed plan", counted(reports.len(), "report")))
    }
}

pub(in crate::policy::controls) static REPORT_COMPLETE: Definition = Definition {
    id: "so23.report-complete",
    clause: "SO23.6",
    meaning: "The vendor shares a comprehensive report: procedures, identified vulnerabilities, mitigating actions, and a clear escalation \
        process (SO23, requirement 6).",
    passes: "Every test report about this drop has the parts that the policy asks for; every issue of a scanner's raw report is in the list of \
        vulnerabilities, no less severe; an empty list counts as an answer. What the raw report shows needs a mitigation, \
        whatever its state is said to be.",
    fails: "A part is missing, an open vulnerability has no mitigation, or the list leaves out what the raw report shows.",
    example: "\"procedure\": { ... }, \"vulnerabilities\": [ { \"id\": \"CVE-2026-1234\", \"severity\": \"low\", \"state\": \"open\", \
        \"mitigation\": \"not reachable: the service is off\" } ], \"escalation\": { \"primary\": \"psirt@acme.example\", \"backup\": \"+1 555 0100\" }",
    parameters: &[Parameter {
        name: "required",
        meaning: "An array of \"procedure\", \"vulnerabilities\", \"mitigation\", \"escalation\".",
    }],
    codes: &[
        Code::TestEvidenceMissing,
        Code::ReportPartMissing,
        Code::VulnerabilityUnlisted,
        Code::DocumentMissing,
        Code::DocumentEmpty,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let required =
            section.required("required", faults).and_then(|item| item.choices(&Part::LEGAL, faults));
        Some(Box::new(ReportComplete { required: required? }))
    },
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Procedure,
    Vulnerabilities,
    Mitigation,
    Escalation,
}

impl Part {
    const LEGAL: [(&'static str, Self); 4] = [
        ("procedure", Self::Procedure),
        ("vulnerabilities", Self::Vulnerabilities),
        ("mitigation", Self::Mitigation),
        ("escalation", Self::Escalation),
    ];
}

struct ReportComplete {
    required: Vec<Part>,
}

impl Control for ReportComplete {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, reports) = match reports(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let mut findings = Vec::new();
        let asks = |part| self.required.contains(&part);
        for report in &reports {
            let (origin, said) = (report.origin(), report.said);
            let mut lacks = |what: &str, found: &str| {
                findings.push(Finding::new(
                    Code::ReportPartMissing,
                    origin,
                    what.to_owned(),
                    found.to_owned(),
                ));
            };
            if asks(Part::Procedure) && said.procedure.is_none() {
                lacks("the testing procedure", "not stated");
            }
            if asks(Part::Vulnerabilities) && said.vulnerabilities.is_none() {
                lacks("the list of identified vulnerabilities, which may be empty", "not stated");
            }
            let shown = shown(report);
            if asks(Part::Mitigation) {
                for one in said.vulnerabilities.iter().flatten().filter(|one| one.mitigation.is_none()) {
                    let id = one.id.as_str();
                    if one.state == IssueState::Open {
                        lacks(&format!("a mitigation for the open {id:?}"), "not stated");
                    } else if shown.contains_key(&id.to_ascii_lowercase()) {
                        lacks(
                            &format!("a mitigation for {id:?}, which the raw report shows"),
                            "fixed, as the statement says",
                        );
                    }
                }
            }
            if asks(Part::Escalation) {
                let escalation = said.escalation.as_ref();
                if escalation.and_then(|one| one.primary.as_ref()).is_none() {
                    lacks("a primary contact for escalation", "not stated");
                }
                if escalation.and_then(|one| one.backup.as_ref()).is_none() {
                    lacks("a backup contact for escalation", "not stated");
                }
                let contact =
                    |words: &Option<Words>| words.as_ref().map(|one| one.as_str().trim().to_lowercase());
                let one_contact = escalation.is_some_and(|one| {
                    one.primary.is_some() && contact(&one.primary) == contact(&one.backup)
                });
                if one_contact {
                    lacks("a backup contact for escalation that is another one than the primary", "the same");
                }
            }
            if let Some(procedure) = &said.procedure {
                findings.extend(known.document(origin, "the procedure", procedure, facts.inventory).err());
            }
            if let Some(listed) = &said.vulnerabilities {
                findings.extend(unlisted(origin, listed, &shown));
            }
        }
        Judgement::unless(findings, counted(reports.len(), "complete report"))
    }
}

/// The issues of a scanner's raw report: by id in lower case, the id as it stands there and the severities.
fn shown<'e>(report: &Report<'e>) -> BTreeMap<String, (&'e str, BTreeSet<Severity>)> {
    let mut shown: BTreeMap<String, (&str, BTreeSet<Severity>)> = BTreeMap::new();
    if let Some(Ok(Raw::Scan(scan))) = &report.statement.value().raw {
        for issue in &scan.issues {
            let entry =
                shown.entry(issue.id.to_ascii_lowercase()).or_insert_with(|| (&issue.id, BTreeSet::new()));
            entry.1.insert(issue.severity);
        }
    }
    shown
}

/// What the raw report shows and the list leaves out, or makes less of.
fn unlisted(
    origin: &str,
    listed: &[Identified],
    shown: &BTreeMap<String, (&str, BTreeSet<Severity>)>,
) -> Vec<Finding> {
    // Gathered once: both lists may be long.
    let mut own: BTreeMap<String, Severity> = BTreeMap::new();
    for one in listed {
        let slot = own.entry(one.id.as_str().to_ascii_lowercase()).or_insert(one.severity);
        *slot = one.severity.max(*slot);
    }
    let mut findings = Vec::new();
    for (key, (id, severities)) in shown {
        for severity in severities {
            let found = match own.get(key) {
                // A scanner that does not know leaves it to whoever lists it.
                Some(own) if own >= severity || *severity == Severity::Unknown => continue,
                Some(own) => format!("listed as {own}"),
                None => "not listed".to_owned(),
            };
            let expected = format!("{id:?} ({severity}) of the raw report, in the list of vulnerabilities");
            findings.push(Finding::new(Code::VulnerabilityUnlisted, origin, expected, found));
        }
    }
    findings
}
