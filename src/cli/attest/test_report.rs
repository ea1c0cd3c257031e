//! `dropgate attest test-report`.

use super::statement::{About, Sealing, one_of, ordered, pair, stated};
use crate::cli::output::{Failure, Output};
use crate::evidence::predicate::test_report::{Phase, TYPE, TestType};
use crate::evidence::predicate::{Format, Raw};
use crate::evidence::raw::{CaseOutcome, Issue, Severity, TestRun};
use crate::time::Time;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// SO23, SO14.2: tests, scans and analyses of this drop, with their raw report.
///
/// The result is derived from the report, and so is the list of vulnerabilities of a scanner's report. The report must be a file
/// of the drop that the manifest lists; docs/reports.md has the forms that the gate reads.
#[derive(clap::Args)]
#[command(
    args_override_self = true,
    override_usage = "dropgate attest test-report [OPTIONS] --type <TYPE> --started <TIME> --finished <TIME>\n       \
        --report <PATH> --format <FORM> --key <FILE> <DROP>"
)]
pub struct TestReport {
    #[command(flatten)]
    about: About,
    /// functional, regression, performance, interoperability, known-vulnerability-scan, penetration-test,
    /// source-code-analysis or fuzzing (SO23.2).
    #[arg(long = "type", value_parser = |text: &str| one_of(&TestType::LEGAL, text), value_name = "TYPE")]
    kind: TestType,
    /// development, pre-integration, post-integration or update (SO23.2).
    #[arg(long, value_parser = |text: &str| one_of(&Phase::LEGAL, text))]
    phase: Option<Phase>,
    /// What runs that are iterations of one another have in common [default: the type].
    #[arg(long)]
    series: Option<String>,
    /// Which run of the series this is, from 1 (SO23.2).
    #[arg(long)]
    iteration: Option<u64>,
    /// When it began, RFC 3339 with zone.
    #[arg(long, value_name = "TIME")]
    started: Time,
    /// When it ended, RFC 3339 with zone (SO14.2, SO23.4).
    #[arg(long, value_name = "TIME")]
    finished: Time,
    /// The raw report: a listed file of the drop.
    #[arg(long, value_name = "PATH")]
    report: String,
    /// The form of the report: junit, tap, sarif, trivy or grype.
    #[arg(long, value_parser = |text: &str| one_of(&Format::TESTS, text), value_name = "FORM")]
    format: Format,
    /// The version of the scanner's database, where the report does not say how old it was, as Trivy's does not.
    #[arg(long, value_name = "VERSION", requires = "database_updated")]
    database_version: Option<String>,
    /// When the scanner's database was made.
    #[arg(long, value_name = "TIME", requires = "database_version")]
    database_updated: Option<Time>,
    /// What was tested with: a listed document of the drop; several for several (SO23.2).
    #[arg(long, value_name = "PATH")]
    configuration: Vec<String>,
    /// The plan that was followed: a listed document of the drop (SO23.5).
    #[arg(long, value_name = "PATH", requires = "plan_reviewed")]
    plan: Option<String>,
    /// When the plan was reviewed last (SO23.5).
    #[arg(long, value_name = "TIME", requires = "plan")]
    plan_reviewed: Option<Time>,
    /// How it was tested: a listed document of the drop (SO23.6).
    #[arg(long, value_name = "PATH")]
    procedure: Option<String>,
    /// A requirement of the contract, and the id of a test case that shows it; several for several (SO23.1).
    #[arg(long = "requirement", value_parser = pair, value_name = "ID=CASE")]
    requirements: Vec<(String, String)>,
    /// No vulnerability was found (SO23.6). A scanner's report needs no such word: its issues are listed.
    #[arg(long)]
    no_vulnerabilities: bool,
    /// What to do about a vulnerability that was found; several for several (SO23.6).
    #[arg(long = "mitigation", value_parser = pair, value_name = "ID=TEXT")]
    mitigations: Vec<(String, String)>,
    /// Whom to call about it first (SO23.6).
    #[arg(long, value_name = "CONTACT", requires = "escalation_backup")]
    escalation: Option<String>,
    /// Whom to call when nobody answers there (SO23.6).
    #[arg(long, value_name = "CONTACT", requires = "escalation")]
    escalation_backup: Option<String>,
    /// Sign although tests failed: the report of an earlier iteration.
    #[arg(long)]
    allow_failed: bool,
    #[command(flatten)]
    sealing: Sealing,
}

impl TestReport {
    /// Makes the statement.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        if !self.kind.takes(self.format) {
            return Err(Failure::said(format!(
                "--format: expected the report of a scanner (sarif, trivy, grype) for --type {}, found {}",
                self.kind.name(),
                self.format.name()
            )));
        }
        ordered(Some(self.started), self.finished)?;
        let ground = self.about.open()?;
        let (report, raw) = ground.report(&self.report, self.format)?;
        let result = self.result(&raw)?;
        let documents = |paths: &[String]| {
            paths.iter().map(|path| ground.document(path)).collect::<Result<Vec<Value>, Failure>>()
        };
        let one = |path: &Option<String>| path.as_ref().map(|path| ground.document(path)).transpose();
        let plan =
            one(&self.plan)?.map(|document| json!({ "document": document, "reviewed": self.plan_reviewed }));
        let predicate = stated(json!({
            "type": self.kind.name(),
            "phase": self.phase.map(Phase::name),
            "series": self.series,
            "iteration": self.iteration,
            "started": self.started,
            "finished": self.finished,
            "result": result,
            "format": self.format.name(),
            "report": report,
            "database": self.database(&raw)?,
            "configuration": documents(&self.configuration)?,
            "plan": plan,
            "procedure": one(&self.procedure)?,
            "requirements": self.requirements(&raw)?,
            "vulnerabilities": self.vulnerabilities(&raw)?,
            "escalation": self.escalation.as_ref().map(|primary| json!({
                "primary": primary,
                "backup": self.escalation_backup,
            })),
        }));
        let subjects = self.about.subjects(&ground)?;
        ground.seal((TYPE, self.kind.name()), subjects, &predicate, &self.sealing, output)
    }

    fn database(&self, raw: &Raw) -> Result<Value, Failure> {
        let (Some(version), Some(updated)) = (&self.database_version, self.database_updated) else {
            if self.kind == TestType::KnownVulnerabilityScan
                && matches!(raw, Raw::Scan(scan) if scan.database.is_none())
            {
                return Err(Failure::said(
                    "the report does not say how old the scanner's database was, and the gate asks: give --database-version and \
                     --database-updated (trivy version shows both)",
                ));
            }
            return Ok(Value::Null);
        };
        match raw {
            Raw::Scan(scan) if scan.database.is_some_and(|built| built != updated) => Err(Failure::said(
                "--database-updated: expected the time that the report gives, found another",
            )),
            _ => Ok(json!({ "version": version, "updated": updated })),
        }
    }

    fn result(&self, raw: &Raw) -> Result<&'static str, Failure> {
        let run: &TestRun = match raw {
            Raw::Tests(run) => run,
            Raw::Scan(_) => return Ok("PASSED"),
            Raw::Malware(_) => {
                return Err(Failure::said("expected the report of tests, found a malware scanner's log"));
            }
        };
        if let Some(twice) = run.duplicates.first() {
            return Err(Failure::said(format!(
                "{twice:?}: expected each test once, found it more than once; the gate refuses it"
            )));
        }
        let failed: Vec<&str> = run
            .cases
            .iter()
            .filter(|case| case.outcome >= CaseOutcome::Failed)
            .map(|case| case.id.as_str())
            .collect();
        if !run.cases.iter().any(|case| case.outcome != CaseOutcome::Skipped) {
            return Err(Failure::said(
                "expected at least one test that ran, found none; the gate refuses it",
            ));
        }
        match failed.first() {
            None => Ok("PASSED"),
            Some(_) if self.allow_failed => Ok("FAILED"),
            Some(first) => Err(Failure::said(format!(
                "expected every test to pass, found {} failed, the first {first:?}; the gate refuses it. \
                 --allow-failed signs it as an earlier iteration",
                failed.len()
            ))),
        }
    }

    /// The requirements, each with the cases that show it, which must be there and have passed.
    fn requirements(&self, raw: &Raw) -> Result<Value, Failure> {
        if self.requirements.is_empty() {
            return Ok(Value::Null);
        }
        let passed: BTreeSet<&str> = match raw {
            Raw::Tests(run) => run
                .cases
                .iter()
                .filter(|case| case.outcome <= CaseOutcome::Flaky)
                .map(|case| case.id.as_str())
                .collect(),
            _ => BTreeSet::new(),
        };
        let mut shown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, case) in &self.requirements {
            if !passed.contains(case.as_str()) && !self.allow_failed {
                let near: Vec<String> = passed.iter().take(5).map(|id| format!("{id:?}")).collect();
                return Err(Failure::said(format!(
                    "--requirement {id}: expected a test case that passed, found {case:?}; cases that passed: {}",
                    near.join(", ")
                )));
            }
            shown.entry(id).or_default().push(case);
        }
        Ok(json!(shown))
    }

    fn vulnerabilities(&self, raw: &Raw) -> Result<Value, Failure> {
        let issues: &[Issue] = match raw {
            Raw::Scan(scan) => &scan.issues,
            _ => &[],
        };
        let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
        for issue in issues {
            // Who does not know says so by the worst word there is.
            let severity =
                if issue.severity == Severity::Unknown { Severity::Critical } else { issue.severity };
            worst.entry(&issue.id).and_modify(|have| *have = (*have).max(severity)).or_insert(severity);
        }
        for (id, _) in &self.mitigations {
            if !worst.contains_key(id.as_str()) {
                let some: Vec<String> = worst.keys().take(5).map(|id| format!("{id:?}")).collect();
                return Err(Failure::said(format!(
                    "--mitigation {id}: expected the id of an issue in the report, found none such; its issues: {}",
                    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
                )));
            }
        }
        if self.no_vulnerabilities && !worst.is_empty() {
            return Err(Failure::said(format!(
                "--no-vulnerabilities: expected a report without issues, found {} in it",
                worst.len()
            )));
        }
        if worst.is_empty() && !self.no_vulnerabilities && !matches!(raw, Raw::Scan(_)) {
            return Ok(Value::Null);
        }
        let listed = worst.iter().map(|(id, severity)| {
            let mitigation = self.mitigations.iter().find(|(own, _)| own == id).map(|(_, text)| text);
            stated(
                json!({ "id": id, "severity": severity.name(), "state": "open", "mitigation": mitigation }),
            )
        });
        Ok(Value::Array(listed.collect()))
    }
}
