//! SO14.1 and SO14.2: what changed is what was declared, and was tested.

use super::change_record;
use crate::cover::Cover;
use crate::difference::Difference;
use crate::drop::path::DropPath;
use crate::evidence::predicate::change::{Place, Scope};
use crate::evidence::predicate::test_report::TestVerdict;
use crate::evidence::predicate::{Predicate, Raw};
use crate::evidence::raw::CaseOutcome;
use crate::finding::{Code, Finding, Judgement, counted};
use crate::manifest::{Kind, Manifest, native};
use crate::policy::controls::places::{self, FileSet, PlaceSet, Places, raw_reports};
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::facts::Known;
use crate::policy::{Facts, soundness};
use crate::time::{Period, Time};
use std::collections::{BTreeMap, HashSet};

/// The baseline to compare with; `None` for a component that the operator did not have before.
fn baseline<'f>(facts: &Facts<'f>, known: &Known) -> Result<Option<&'f Manifest>, Judgement> {
    let release = &known.manifest.value().release;
    match facts.baseline {
        Some(baseline)
            if (&baseline.release.vendor, &baseline.release.product)
                != (&release.vendor, &release.product) =>
        {
            Err(Judgement::unless(
                vec![Finding::new(
                    Code::BaselineOfAnother,
                    native::FILE,
                    format!(
                        "a baseline of product {:?} of vendor {:?}",
                        release.product.as_str(),
                        release.vendor.as_str()
                    ),
                    format!(
                        "one of product {:?} of vendor {:?}",
                        baseline.release.product.as_str(),
                        baseline.release.vendor.as_str()
                    ),
                )],
                "",
            ))
        }
        Some(baseline) => Ok(Some(baseline)),
        None if release.kind == Kind::NewComponent && release.replaces.is_none() => Ok(None),
        None => Err(Judgement::no_evidence(Finding::new(
            Code::BaselineMissing,
            native::FILE,
            "the manifest of the last accepted version",
            "none",
        ))),
    }
}

pub(in crate::policy::controls) static CHANGE_SCOPE: Definition = Definition {
    id: "so14.change-scope",
    clause: "SO14.1",
    meaning: "There is a process for each type of change (SO14, requirement 1); one that changes more than was agreed went past it.",
    passes: "The files that were added, removed and modified against the baseline are those that the change record declares, by path, by \
        directory, or by a component that the policy maps to paths. A renamed file was removed and added. The raw reports \
        below evidence/ that statements of this drop name need no declaration.",
    fails: "A file changed undeclared, or a declared change is not there.",
    example: "\"scope\": { \"modified\": [\"firmware/radio.bin\"], \"added\": [\"docs/\"], \"components\": [\"boot\"] }",
    parameters: &[Parameter {
        name: "components",
        meaning: "A table [control.parameters.components] from the name of a component to an array of its paths, directories with `/` \
            at their end.",
    }],
    codes: &[
        Code::ChangeRecordMissing,
        Code::ChangeRecordAmbiguous,
        Code::ChangeIncomplete,
        Code::ChangeUndeclared,
        Code::ChangeAbsent,
        Code::ComponentUnknown,
        Code::BaselineMissing,
        Code::BaselineOfAnother,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let Some(table) = section.section("components", faults) else {
            faults.add(
                section.span(),
                "missing key `components`",
                "expected a table [control.parameters.components], which may be empty",
            );
            return None;
        };
        let mut components = BTreeMap::new();
        let mut whole = true;
        for (name, item) in table.entries(faults) {
            match item.texts(faults).and_then(|texts| places::parse(texts, faults)) {
                Some(places) => {
                    components.insert(name.to_owned(), places);
                }
                None => whole = false,
            }
        }
        whole.then(|| Box::new(ChangeScope { components }) as Box<dyn Control>)
    },
};

struct ChangeScope {
    components: BTreeMap<String, Vec<Place>>,
}

impl Control for ChangeScope {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let found = facts.known_change().and_then(|known| Ok((known, baseline(facts, known)?)));
        let (known, baseline) = match found {
            Ok((known, Some(baseline))) => (known, baseline),
            Ok((_, None)) => {
                return Judgement::not_applicable(
                    "a new component replaces nothing, and no baseline was given",
                );
            }
            Err(judgement) => return judgement,
        };
        let record = match change_record(known) {
            Ok(record) => record,
            Err(judgement) => return judgement,
        };
        let Some(scope) = &record.said.scope else {
            return Judgement::no_evidence(Finding::new(
                Code::ChangeIncomplete,
                record.origin(),
                "the scope of the change",
                "not stated",
            ));
        };
        let difference = Difference::between(baseline, known.manifest.value());
        let reports = raw_reports(known);
        let mut findings = Vec::new();
        let whole = self.components(scope, record.origin(), &mut findings);
        let added: Vec<&str> = difference.paths_added().map(DropPath::as_str).collect();
        let removed: Vec<&str> = difference.paths_removed().map(DropPath::as_str).collect();
        let modified: Vec<&str> = difference.paths_modified().map(DropPath::as_str).collect();
        for (what, changed, declared) in [
            ("added", &added, &scope.added),
            ("removed", &removed, &scope.removed),
            ("modified", &modified, &scope.modified),
        ] {
            let legal = PlaceSet::of(declared.iter().chain(whole.iter().copied()));
            for path in changed.iter().filter(|path| !legal.cover(path) && !reports.contains(**path)) {
                let finding = Finding::new(
                    Code::ChangeUndeclared,
                    *path,
                    format!("files that {} declares as {what}", record.origin()),
                    format!("{what}, undeclared"),
                );
                findings.push(finding.on_artifact());
            }
            let there = FileSet::of(changed.iter().copied());
            for place in declared.iter().filter(|place| !there.touch(place)) {
                findings.push(Finding::new(
                    Code::ChangeAbsent,
                    record.origin(),
                    format!("{place} {what}, as declared"),
                    "nothing of it was",
                ));
            }
        }
        let (added, removed, modified) = (added.len(), removed.len(), modified.len());
        Judgement::unless(
            findings,
            format!("{added} added, {removed} removed, {modified} modified, as declared"),
        )
    }
}

impl ChangeScope {
    /// The paths of the components that the record names.
    fn components<'s>(&'s self, scope: &Scope, origin: &str, findings: &mut Vec<Finding>) -> Vec<&'s Place> {
        let mut places = Vec::new();
        for name in &scope.components {
            match self.components.get(name.as_str()) {
                Some(own) => places.extend(own),
                None => {
                    let known: Vec<&str> = self.components.keys().map(String::as_str).collect();
                    let expected = if known.is_empty() {
                        "no components, as the policy has none".to_owned()
                    } else {
                        known.join(", ")
                    };
                    findings.push(Finding::new(
                        Code::ComponentUnknown,
                        origin,
                        expected,
                        format!("{:?}", name.as_str()),
                    ));
                }
            }
        }
        places
    }
}

pub(in crate::policy::controls) static TESTED_BEFORE_INTEGRATION: Definition = Definition {
    id: "so14.tested-before-integration",
    clause: "SO14.2",
    meaning: "Change management includes accurate and efficient testing: the vendor tests changes before they are integrated, and gives \
        evidence to the provider (SO14, requirement 2).",
    passes: "Every file that changed against the baseline, or every file where there is no baseline, is covered by digest by a test report \
        with passing tests and no failing one, which ended before the change window opens and is not too old.",
    fails: "A changed file is not covered, the tests ended after the window opens, or they are too old.",
    example: "A test-report statement about the manifest with a JUnit report, and in the change record \"window\": { \"opens\": \
        \"2026-02-01T01:00:00Z\", \"closes\": \"2026-02-01T05:00:00Z\" }.",
    parameters: &[
        Parameter { name: "max-age", meaning: "How long ago the tests may have ended, such as \"90d\"." },
        Parameter {
            name: "window",
            meaning: "\"required\": the change record must state the window. \"optional\": without one, tests must have ended before the \
                time of judgement.",
        },
        Parameter {
            name: "exempt",
            meaning: "Files that no test can cover: \"none\", or an array of paths, directories with `/` at their end. Raw reports \
                below evidence/ that statements name are exempt in any case.",
        },
    ],
    codes: &[
        Code::ChangeNotTested,
        Code::TestEvidenceMissing,
        Code::ChangeIncomplete,
        Code::ChangeRecordMissing,
        Code::ChangeRecordAmbiguous,
        Code::EvidenceStale,
        Code::TimesImpossible,
        Code::BaselineMissing,
        Code::BaselineOfAnother,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let age = section.required("max-age", faults).and_then(|item| item.period(faults));
        let window = section.required("window", faults);
        let window = window.and_then(|item| item.choice(&[("required", true), ("optional", false)], faults));
        let exempt = places::read(section, "exempt", faults);
        Some(Box::new(TestedBefore { max_age: age?, window_required: window?, exempt: exempt? }))
    },
};

struct TestedBefore {
    max_age: Period,
    window_required: bool,
    exempt: Places,
}

impl Control for TestedBefore {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let found = facts
            .known_change()
            .and_then(|known| Ok((known, baseline(facts, known)?, self.deadline(known, facts)?)));
        let (known, baseline, deadline) = match found {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let manifest = known.manifest.value();
        let mut tested = Cover::none(manifest.artifacts().len());
        let (mut shortfalls, mut count) = (Vec::new(), 0_usize);
        let reports_of_tests = known.evidence.pieces(|predicate| match predicate {
            Predicate::TestReport(report) => Some(report),
            _ => None,
        });
        for report in reports_of_tests.filter(|report| report.about().touches_this_drop()) {
            let origin = report.origin();
            let Ok(Raw::Tests(run)) = soundness::report(report.statement.value()) else { continue };
            // A run that its own signer calls failed is no pass, whatever the report shows.
            let passed = report.said.result != TestVerdict::Failed
                && run.cases.iter().any(|case| case.outcome <= CaseOutcome::Flaky)
                && run.cases.iter().all(|case| case.outcome <= CaseOutcome::Skipped);
            if !passed {
                shortfalls.push(Finding::new(
                    Code::ChangeNotTested,
                    origin,
                    "passing tests and no failing one",
                    "a failed run",
                ));
                continue;
            }
            let mut why = soundness::times(origin, Some(report.said.started), report.said.finished, facts.at);
            why.extend(soundness::not_stale(
                origin,
                "tests that ended",
                report.said.finished,
                self.max_age,
                facts.at,
            ));
            if let Some(opens) = deadline
                && report.said.finished > opens
            {
                why.push(Finding::new(
                    Code::ChangeNotTested,
                    origin,
                    format!("tests that ended before the change window opens at {opens}"),
                    format!("ended at {}", report.said.finished),
                ));
            }
            // so23.accountable-tester asks who signed what is about this drop: what else it is about must not get round that.
            if !report.about().this_drop() {
                why.push(Finding::new(
                    Code::ChangeNotTested,
                    origin,
                    "tests of this drop and nothing else",
                    format!("{} not of this drop", counted(report.about().others, "subject")),
                ));
            }
            if why.is_empty() {
                tested.unite(&report.about().artifacts);
                count = count.saturating_add(1);
            }
            shortfalls.extend(why);
        }
        let untested = self.untested(known, baseline, &tested);
        if untested.is_empty() {
            let remarks =
                shortfalls.iter().map(|one| format!("{}: does not count: {}", one.place, one.found));
            return Judgement::unless(
                Vec::new(),
                format!("every changed file is covered by {}", counted(count, "passing report")),
            )
            .with_remarks(remarks);
        }
        if count == 0 && shortfalls.is_empty() {
            return Judgement::no_evidence(Finding::new(
                Code::TestEvidenceMissing,
                "evidence/",
                "a test-report statement with passing tests about the changed files",
                "none",
            ));
        }
        shortfalls.extend(untested);
        Judgement::unless(shortfalls, "")
    }
}

impl TestedBefore {
    /// When the change window opens, where that is stated.
    fn deadline(&self, known: &Known, facts: &Facts<'_>) -> Result<Option<Time>, Judgement> {
        let record = match change_record(known) {
            Ok(record) => record,
            Err(judgement) if self.window_required => return Err(judgement),
            Err(_) => return Ok(None),
        };
        match &record.said.window {
            Some(window) if window.closes <= window.opens => Err(Judgement::unless(
                vec![Finding::new(
                    Code::TimesImpossible,
                    record.origin(),
                    format!("a window that closes after it opens at {}", window.opens),
                    format!("one that closes at {}", window.closes),
                )],
                "",
            )),
            Some(window) if window.closes <= facts.at => Err(Judgement::unless(
                vec![Finding::new(
                    Code::TimesImpossible,
                    record.origin(),
                    format!("a window that closes after the time of judgement, {}", facts.at),
                    format!("one that closed at {}", window.closes),
                )],
                "",
            )),
            Some(window) => Ok(Some(window.opens)),
            None if self.window_required => Err(Judgement::no_evidence(Finding::new(
                Code::ChangeIncomplete,
                record.origin(),
                "the window in which the change is integrated",
                "not stated",
            ))),
            None => Ok(None),
        }
    }

    fn untested(&self, known: &Known, baseline: Option<&Manifest>, tested: &Cover) -> Vec<Finding> {
        let manifest = known.manifest.value();
        let reports = raw_reports(known);
        let changed: Option<HashSet<&str>> = baseline.map(|baseline| {
            let difference = Difference::between(baseline, manifest);
            difference.paths_added().chain(difference.paths_modified()).map(DropPath::as_str).collect()
        });
        let artifacts = manifest.artifacts().iter().enumerate();
        artifacts
            .filter(|(at, artifact)| {
                let path = artifact.path.as_str();
                !tested.holds(*at)
                    && changed.as_ref().is_none_or(|changed| changed.contains(path))
                    && !self.exempt.cover(path)
                    && !reports.contains(path)
            })
            .map(|(_, artifact)| {
                Finding::new(
                    Code::ChangeNotTested,
                    artifact.path.as_str(),
                    "a passing test report about these bytes, ended in time",
                    "none",
                )
                .on_artifact()
            })
            .collect()
    }
}
