//! SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format).
//!
//! ```json
//! {"version": "2.1.0", "runs": [{
//!   "tool": {"driver": {"name": "ruff", "version": "0.14.0", "rules": [{"id": "S105"}]}},
//!   "invocations": [{"executionSuccessful": true, "endTimeUtc": "2026-01-15T09:00:00Z"}],
//!   "results": [{"ruleId": "S105", "ruleIndex": 0, "level": "error"}]}]}
//! ```
//!
//! Severity is the worst of the level (`error` is high, `warning` medium, `note` low) and of every `security-severity`,
//! a CVSS score that tools write into property bags. A level that is unknown, and `none` for a result
//! that is a failure, which section 3.27.10 rules out, give an unknown severity. Where a reference to a rule is
//! ambiguous or contradicts itself, the worst of the rules that it can mean counts.
//!
//! What is an issue (3.27.9): results of kind `fail`, `review`, `open` and of unknown kinds. The kinds
//! `pass`, `informational` and `notApplicable` are none, unless a level contradicts them. A result that is suppressed
//! (3.27.23), or that by its baseline is not in this run (3.27.24), stays an issue that the report asks not to count.
//!
//! What did not run (3.13.4, 3.14.23, 3.20): no runs, a run without results, a failed invocation, a notification of level
//! `error`, and results or rules that lie in another file. An exit code alone says nothing (3.20.14). A run without
//! `invocations` is allowed and says nothing about its success.

mod rules;
mod wire;

use self::rules::{Catalog, Level, Rating, Reference};
use self::wire::{Invocation, Location, Log, Notification, Outcome, Properties, Run};
use super::scans::{List, document, quoted, said, time};
use super::{Disagreement, Issue, Refusal, Scan, Severity, Tool, shortened};
use crate::time::Time;

const EXPECTED: &str = "a SARIF 2.1.0 log";

/// Reads a log.
///
/// # Errors
/// When it is not JSON, not a SARIF log, or of another version than 2.1.0.
pub fn read(bytes: &[u8]) -> Result<Scan, Refusal> {
    let log: Log = document(bytes, EXPECTED, |head: wire::Head| match head.version.as_deref() {
        Some("2.1.0") => Ok(()),
        Some(other) => Err(Refusal::new("version", "\"2.1.0\"", quoted(other))),
        None => Err(Refusal::new("version", "\"2.1.0\"", "none")),
    })?;
    let mut scan = Scan::default();
    let runs = match log.runs {
        None => return Err(Refusal::new("runs", "a list of runs (section 3.13.4)", "none")),
        Some(None) => {
            scan.failures.push("runs: null: whoever made the log failed to get them".into());
            Vec::new()
        }
        Some(Some(List(runs))) if runs.is_empty() => {
            scan.failures.push("runs: empty: no tool ran".into());
            runs
        }
        Some(Some(List(runs))) => runs,
    };
    if log.inline_external_properties.iter().flat_map(|list| &list.0).any(wire::Externalized::decides) {
        scan.failures.push("inlineExternalProperties: results or rules outside of runs are not read".into());
    }
    let times: Vec<Option<Time>> = runs.iter().map(made).collect();
    // The oldest run: a new one beside it must not make it fresh. One without a time has an unknown age.
    scan.made = times.into_iter().min().flatten();
    for (index, run) in runs.iter().enumerate() {
        read_run(&mut scan, &format!("runs[{index}]"), run);
    }
    Ok(scan)
}

fn made(run: &Run) -> Option<Time> {
    run.invocations
        .iter()
        .flat_map(|list| &list.0)
        .filter_map(|invocation| {
            time(invocation.end_time_utc.as_deref()).or_else(|| time(invocation.start_time_utc.as_deref()))
        })
        .max()
}

fn read_run(scan: &mut Scan, place: &str, run: &Run) {
    let driver = &run.tool.driver;
    scan.tools.push(Tool {
        name: driver.name.clone(),
        version: said(driver.version.clone()).or_else(|| said(driver.semantic_version.clone())),
    });
    let invocations = run.invocations.as_ref().map_or(&[][..], |list| &list.0);
    let rules = Catalog::new(
        &run.tool,
        |part| part.rules.as_ref(),
        invocations,
        |invocation| invocation.rule_configuration_overrides.as_ref(),
    );
    let notifications = Catalog::new(
        &run.tool,
        |part| part.notifications.as_ref(),
        invocations,
        |invocation| invocation.notification_configuration_overrides.as_ref(),
    );
    let converted = run.conversion.as_ref().and_then(|conversion| conversion.invocation.as_ref());
    for (index, invocation) in invocations.iter().enumerate() {
        failures(scan, &format!("{place}.invocations[{index}]"), invocation, Some(index), &notifications);
    }
    if let Some(invocation) = converted {
        failures(scan, &format!("{place}.conversion.invocation"), invocation, None, &notifications);
    }
    if run.external_property_file_references.as_ref().is_some_and(wire::Externalized::decides) {
        scan.failures.push(format!("{place}: results or rules lie in another file, which is not read"));
    }
    if rules.all_disabled() {
        scan.failures.push(format!("{place}: every rule that it lists was disabled"));
    }
    targets(scan, run);
    let Some(List(results)) = &run.results else {
        scan.failures.push(format!("{place}.results: none: the analysis did not begin"));
        return;
    };
    for (index, result) in results.iter().enumerate() {
        read_result(scan, &format!("{place}.results[{index}]"), run, result, &rules);
    }
}

/// What the run says that it looked at (3.24.6): artifacts whose role is to be analysed.
fn targets(scan: &mut Scan, run: &Run) {
    for artifact in run.artifacts.iter().flat_map(|list| &list.0) {
        let is_target =
            artifact.roles.iter().flat_map(|roles| &roles.0).any(|role| role.as_str() == "analysisTarget");
        if let Some(uri) = artifact.location.as_ref().and_then(|location| location.uri.as_ref())
            && is_target
        {
            scan.targets.push(uri.clone());
        }
    }
}

/// What one invocation says of its own failure (3.20).
fn failures(
    scan: &mut Scan,
    place: &str,
    invocation: &Invocation,
    index: Option<usize>,
    catalog: &Catalog<'_>,
) {
    let mut fail = |text: &str| scan.failures.push(format!("{place}: {text}"));
    match invocation.execution_successful {
        Some(true) => {}
        Some(false) => fail("executionSuccessful is false"),
        None => fail("executionSuccessful is missing"),
    }
    if let Some(message) = &invocation.process_start_failure_message {
        fail(&format!("the tool did not start: {}", shortened(message)));
    }
    if invocation.exit_signal_name.is_some() || invocation.exit_signal_number.is_some() {
        fail("the tool was ended by a signal");
    }
    let lists = [
        ("toolExecutionNotifications", &invocation.tool_execution_notifications),
        ("toolConfigurationNotifications", &invocation.tool_configuration_notifications),
    ];
    for (name, list) in lists {
        for (at, notification) in list.iter().flat_map(|list| &list.0).enumerate() {
            let level = level_of(notification, index, catalog);
            if level >= Level::Error {
                let message = notification.message.as_ref().map(wire::Message::shown).unwrap_or_default();
                fail(&format!("{name}[{at}] of level {}: {message}", level.name()));
            }
        }
    }
}

fn level_of(notification: &Notification, invocation: Option<usize>, catalog: &Catalog<'_>) -> Level {
    match (&notification.level, &notification.descriptor) {
        (Some(level), _) => Level::of(level),
        (None, Some(descriptor)) => catalog.rate(&Reference::from(descriptor), invocation).level,
        (None, None) => Level::Warning,
    }
}

fn read_result(scan: &mut Scan, place: &str, run: &Run, result: &Outcome, rules: &Catalog<'_>) {
    let reference = Reference::of_result(result);
    let invocation = result
        .provenance
        .as_ref()
        .and_then(|provenance| usize::try_from(provenance.invocation_index?).ok())
        .filter(|index| run.invocations.as_ref().is_some_and(|list| *index < list.0.len()));
    let rating = rules.rate(&reference, invocation);
    for (claimed, counted) in reference.contradictions().into_iter().chain(rating.contradiction.clone()) {
        scan.disagreements.push(Disagreement { place: place.to_owned(), claimed, counted });
    }
    let Some(level) = severity(result, &rating) else {
        return;
    };
    let score = result.properties.as_ref().and_then(Properties::score);
    let severity = [score, rating.score].into_iter().flatten().fold(level, Severity::max);
    scan.issues.push(Issue {
        id: reference.id.or(rating.id).unwrap_or("a rule without an id").to_owned(),
        aliases: Vec::new(),
        severity,
        component: None,
        place: location(run, result),
        fixed_in: None,
        suppressed: suppressed(result),
    });
}

/// The severity by level of a result that is an issue (3.27.9, 3.27.10).
fn severity(result: &Outcome, rating: &Rating<'_>) -> Option<Severity> {
    let own = result.level.as_deref().map(Level::of);
    match (result.kind.as_deref().unwrap_or("fail"), own) {
        ("pass" | "informational" | "notApplicable", None | Some(Level::None)) => None,
        // Nobody decided whether it is a problem, so it has the level that it has as one.
        ("open" | "review", None | Some(Level::None)) | ("fail", None) => Some(rating.level.severity()),
        ("pass" | "informational" | "notApplicable" | "open" | "review" | "fail", Some(level)) => {
            Some(level.severity())
        }
        _ => Some(Severity::Unknown),
    }
}

/// The request not to count a result, where the report makes one.
fn suppressed(result: &Outcome) -> Option<String> {
    let requests = result.suppressions.as_ref().map_or(&[][..], |list| &list.0);
    // Accepted, or of no status, which is the same (3.35.3); any other status leaves the result as it is.
    let counts = requests.iter().any(|request| !matches!(request.status.as_deref(), None | Some("accepted")));
    let mut reasons: Vec<String> = Vec::new();
    if !requests.is_empty() && !counts {
        reasons.extend(requests.iter().take(SHOWN).map(|request| {
            let kind = request.kind.as_deref().unwrap_or("of no kind");
            let why = request.justification.as_deref().unwrap_or("no justification");
            format!("suppressed ({kind}): {why}")
        }));
    }
    if result.baseline_state.as_deref() == Some("absent") {
        reasons.push("baselineState absent: said to be in an earlier run only".into());
    }
    (!reasons.is_empty()).then(|| shortened(&reasons.join("; ")))
}

/// At most this many suppressions of one result are shown; an honest one has one.
const SHOWN: usize = 3;

/// Where a result is: the first of its locations.
fn location(run: &Run, result: &Outcome) -> String {
    let first = result.locations.as_ref().and_then(|first| first.0.as_ref());
    let physical = first.and_then(|location: &Location| location.physical_location.as_ref());
    let artifact =
        physical.and_then(|physical| physical.artifact_location.as_ref()).or(result.analysis_target.as_ref());
    let listed = |index: i64| {
        let List(artifacts) = run.artifacts.as_ref()?;
        artifacts.get(usize::try_from(index).ok()?)?.location.as_ref()?.uri.as_deref()
    };
    let uri = artifact
        .and_then(|artifact| artifact.uri.as_deref().or_else(|| listed(artifact.index?)))
        .or_else(|| first.and_then(Location::logical));
    let line = physical.and_then(|physical| physical.region.as_ref()?.start_line);
    match (uri, line) {
        (Some(uri), Some(line)) => format!("{uri}:{line}"),
        (Some(uri), None) => uri.to_owned(),
        (None, _) => "no location".into(),
    }
}
