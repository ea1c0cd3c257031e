//! The facts that the operator's own controls may name, as data: docs/facts.md is written from this tree, expressions are
//! checked against it, and [`tell`] fills it.

use super::Facts;
use super::expression::{Field, Shape, Vocabulary};
use super::facts::Known;
use super::soundness;
use crate::difference::Difference;
use crate::evidence::predicate::Raw;
use crate::evidence::raw::{CaseOutcome, FileVerdict, Issue};
use crate::evidence::{Predicate, Statement};
use crate::manifest::Release;
use crate::trust::{Signer, Verified};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const TEXTS: Shape = Shape::List(&Shape::Text);

const fn always(name: &'static str, shape: Shape, meaning: &'static str) -> Field {
    Field { name, shape, optional: false, meaning }
}

const fn maybe(name: &'static str, shape: Shape, meaning: &'static str) -> Field {
    Field { name, shape, optional: true, meaning }
}

/// Every fact.
pub static VOCABULARY: Vocabulary = Vocabulary {
    facts: &[
        always("at", Shape::Time, "The time of judgement."),
        always("operator", Shape::Text, "The operator, by the name in gate.toml."),
        always("release", Shape::Object(RELEASE), "What the manifest says of the drop as a whole."),
        always("signers", Shape::List(&Shape::Object(SIGNER)), "Who signed the manifest in role release."),
        always("artifacts", Shape::Object(ARTIFACTS), "The files that the manifest lists."),
        maybe(
            "baseline",
            Shape::Object(BASELINE),
            "The release that the operator runs, where its manifest was given.",
        ),
        maybe(
            "change",
            Shape::Object(CHANGE),
            "The change record about this manifest, where there is exactly one.",
        ),
        always(
            "approvals",
            Shape::List(&Shape::Object(APPROVAL)),
            "The provider's decisions about this manifest.",
        ),
        always(
            "evidence",
            Shape::List(&Shape::Object(EVIDENCE)),
            "Every statement that a trusted key signed.",
        ),
        always(
            "tests",
            Shape::List(&Shape::Object(TEST)),
            "Every test report about this drop, counted from its raw report.",
        ),
        always(
            "malware",
            Shape::List(&Shape::Object(MALWARE)),
            "Every malware scan about this drop, from its log.",
        ),
        always(
            "vulnerabilities",
            Shape::List(&Shape::Object(VULNERABILITY)),
            "Every issue in the raw reports of scanners and in vulns statements about this drop, whether excused or not.",
        ),
        always("bills", Shape::List(&Shape::Object(BILL)), "Every bill of materials about this drop."),
        always("builds", Shape::List(&Shape::Object(BUILD)), "Every SLSA provenance about this drop."),
        always("packages", TEXTS, "Package URLs of in-toto release statements about this drop."),
    ],
};

const RELEASE: &[Field] = &[
    always("vendor", Shape::Text, "Who delivers."),
    always("product", Shape::Text, "What."),
    always("version", Shape::Text, "In which version."),
    always(
        "kind",
        Shape::Text,
        "new-component, software-update, vulnerability-fix, hardware-replacement or transition.",
    ),
    maybe("sequence", Shape::Int, "The release's number, where its manifest has one."),
    maybe("issued", Shape::Time, "When the vendor says that it was issued."),
    maybe("expires", Shape::Time, "From when on it is not to be accepted."),
    maybe("recipient", Shape::Text, "The operator for whom it was made."),
    maybe("replaces", Shape::Text, "The version that it says it replaces."),
];

const SIGNER: &[Field] = &[
    always("owner", Shape::Text, "Who holds the key."),
    always("party", Shape::Text, "vendor, provider, third-party or lab."),
    always("key", Shape::Text, "The key's id in the trust store."),
];

const ARTIFACTS: &[Field] = &[
    always("count", Shape::Int, "How many there are."),
    always("matched", Shape::Int, "How many arrived as they were signed."),
    always("bytes", Shape::Int, "The size of those that did, in bytes."),
];

const BASELINE: &[Field] = &[
    always("version", Shape::Text, "Its version."),
    maybe("sequence", Shape::Int, "Its number, where its manifest has one."),
    always("added", Shape::Int, "How many files are new since."),
    always("removed", Shape::Int, "How many files are gone since."),
    always("modified", Shape::Int, "How many files have other contents since."),
];

const CHANGE: &[Field] = &[
    always("id", Shape::Text, "Its number in the vendor's records."),
    always("kind", Shape::Text, "As in the manifest."),
    always("written", Shape::Time, "When it was written."),
    always("initiator", Shape::Text, "Who asked for it."),
    always("initiator_party", Shape::Text, "Of which party that is."),
    always("builders", TEXTS, "Who made it."),
    always("emergency", Shape::Bool, "Whether it takes the emergency path."),
    always("vulnerabilities", TEXTS, "The vulnerabilities that it mends."),
    always("signers", TEXTS, "Who signed the record."),
    maybe("opens", Shape::Time, "When its window opens."),
    maybe("closes", Shape::Time, "When its window closes."),
];

const APPROVAL: &[Field] = &[
    always("approved", Shape::Bool, "Whether it is an approval."),
    always("decided", Shape::Time, "When it was decided."),
    always("owners", TEXTS, "Who signed it."),
];

const EVIDENCE: &[Field] = &[
    always("origin", Shape::Text, "Where the envelope is."),
    always("type", Shape::Text, "The predicate type."),
    always("about_this_drop", Shape::Bool, "Whether it is about this drop and nothing else."),
    always("artifacts", Shape::Int, "How many artifacts of this drop it is about."),
    always("owners", TEXTS, "Who signed it."),
    always("parties", TEXTS, "Of which parties those are."),
];

const TEST: &[Field] = &[
    always("origin", Shape::Text, "Where the envelope is."),
    always("type", Shape::Text, "The type of test, such as functional."),
    maybe("phase", Shape::Text, "The phase of the life cycle."),
    always("iteration", Shape::Int, "Which round it is, from 1."),
    always("started", Shape::Time, "When it began."),
    always("finished", Shape::Time, "When it ended."),
    always(
        "sound",
        Shape::Bool,
        "Whether the raw report is there, understood, whole, names each test once, and agrees with itself.",
    ),
    always(
        "passed",
        Shape::Int,
        "How many tests passed; 0 where the report is not sound, or is a scanner's.",
    ),
    always("failed", Shape::Int, "How many failed or ended in an error."),
    always("skipped", Shape::Int, "How many were not run."),
    always("flaky", Shape::Int, "How many passed only when run again; they are among those that passed."),
    always("issues", Shape::Int, "How many issues a scanner's report has."),
    always("parties", TEXTS, "Of which parties the signers are."),
];

const MALWARE: &[Field] = &[
    always("origin", Shape::Text, "Where the envelope is."),
    always("engine", Shape::Text, "The scanner, by its log; empty where the log is not sound."),
    maybe("database_updated", Shape::Time, "When its signatures were made, as the statement says."),
    always("finished", Shape::Time, "When the scan ended."),
    always("sound", Shape::Bool, "Whether the log is there, understood, whole, and agrees with itself."),
    always("files", Shape::Int, "How many files the log shows."),
    always("found", Shape::Int, "In how many of them something was found."),
];

const VULNERABILITY: &[Field] = &[
    always("origin", Shape::Text, "Where the envelope is."),
    always("id", Shape::Text, "Its id, or the rule that was broken."),
    always("severity", Shape::Text, "none, low, medium, high, critical or unknown."),
    maybe("component", Shape::Text, "The component that it is in."),
    maybe("purl", Shape::Text, "The component's package URL."),
    maybe("fixed_in", Shape::Text, "The version that mends it."),
    always("suppressed", Shape::Bool, "Whether the report itself suppresses it."),
];

const BILL: &[Field] = &[
    always("origin", Shape::Text, "Where the envelope is."),
    always("components", Shape::Int, "How many components it lists."),
    always("purls", TEXTS, "Their package URLs, where they have one."),
];

const BUILD: &[Field] = &[
    always("origin", Shape::Text, "Where the envelope is."),
    always("builder", Shape::Text, "Who built, a URI."),
    always("build_type", Shape::Text, "The kind of build, a URI."),
    maybe("finished", Shape::Time, "When the build ended."),
];

/// The facts of these names at the top level, of a drop whose manifest is verified, as JSON in the shapes of [`VOCABULARY`];
/// of any other drop, nothing.
pub fn tell(facts: &Facts<'_>, wanted: &BTreeSet<&'static str>) -> Value {
    let Ok(known) = facts.known() else { return json!({}) };
    let told = wanted.iter().filter_map(|name| Some(((*name).to_owned(), fact(name, facts, known)?)));
    Value::Object(told.collect())
}

fn fact(name: &str, facts: &Facts<'_>, known: &Known) -> Option<Value> {
    let manifest = known.manifest.value();
    let statements = || known.evidence.statements.iter();
    // What speaks against a drop counts also where it is about other files beside it.
    let here = || statements().filter(|one| one.value().about.touches_this_drop());
    let of =
        |tell: fn(&Verified<Statement>) -> Option<Value>| here().filter_map(tell).collect::<Vec<Value>>();
    let alone = |tell: fn(&Verified<Statement>) -> Option<Value>| {
        here().filter(|one| one.value().about.this_drop()).filter_map(tell).collect::<Vec<Value>>()
    };
    Some(match name {
        "at" => json!(facts.at),
        "operator" => json!(facts.operator),
        "release" => release(&manifest.release),
        "signers" => known.manifest.signers().iter().map(signer).collect(),
        "artifacts" => json!({
            "count": manifest.artifacts().len(),
            "matched": known.contents.matched,
            "bytes": known.contents.matched_bytes,
        }),
        "baseline" => return baseline(facts, known),
        "change" => return change(known),
        "approvals" => of(approval).into(),
        "evidence" => statements().map(statement).collect(),
        "tests" => alone(test).into(),
        "malware" => of(malware).into(),
        "vulnerabilities" => here().flat_map(|one| vulnerabilities(one.value())).collect(),
        "bills" => alone(bill).into(),
        "builds" => of(build).into(),
        "packages" => alone(package).into(),
        _ => return None,
    })
}

fn release(release: &Release) -> Value {
    without_null(json!({
        "vendor": release.vendor,
        "product": release.product,
        "version": release.version,
        "kind": release.kind.to_string(),
        "sequence": release.order.sequence(),
        "issued": release.issued,
        "expires": release.expires,
        "recipient": release.recipient,
        "replaces": release.replaces.as_ref().map(|replaces| &replaces.version),
    }))
}

fn package(one: &Verified<Statement>) -> Option<Value> {
    match &one.value().predicate {
        Predicate::Release(release) => Some(json!(release.purl)),
        _ => None,
    }
}

fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().filter(|(_, member)| !member.is_null()).collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn signer(signer: &Signer) -> Value {
    json!({ "owner": signer.owner, "party": signer.party.to_string(), "key": signer.key })
}

fn owners(statement: &Verified<Statement>) -> Vec<&str> {
    statement.signers().iter().map(|signer| signer.owner.as_str()).collect()
}

fn parties(statement: &Verified<Statement>) -> Vec<String> {
    statement.signers().iter().map(|signer| signer.party.to_string()).collect()
}

fn baseline(facts: &Facts<'_>, known: &Known) -> Option<Value> {
    let baseline = facts.baseline?;
    let difference = Difference::between(baseline, known.manifest.value());
    Some(without_null(json!({
        "version": baseline.release.version,
        "sequence": baseline.release.order.sequence(),
        "added": difference.paths_added().len(),
        "removed": difference.paths_removed().len(),
        "modified": difference.paths_modified().len(),
    })))
}

fn change(known: &Known) -> Option<Value> {
    let record = super::controls::change_record(known)?;
    let said = record.said;
    Some(without_null(json!({
        "id": said.id.as_str(),
        "kind": said.kind.to_string(),
        "written": said.written,
        "initiator": said.initiator.name,
        "initiator_party": said.initiator.party.to_string(),
        "builders": said.builders,
        "emergency": said.emergency.is_some(),
        "vulnerabilities": said.vulnerabilities.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "signers": owners(record.statement),
        "opens": said.window.as_ref().map(|window| window.opens),
        "closes": said.window.as_ref().map(|window| window.closes),
    })))
}

fn approval(one: &Verified<Statement>) -> Option<Value> {
    use crate::evidence::predicate::approval::Word;
    match &one.value().predicate {
        Predicate::Approval(approval) if one.value().about.manifest => Some(json!({
            "approved": approval.decision == Word::Approved,
            "decided": approval.decided,
            "owners": owners(one),
        })),
        _ => None,
    }
}

fn statement(one: &Verified<Statement>) -> Value {
    let statement = one.value();
    json!({
        "origin": statement.origin,
        "type": statement.predicate_type,
        "about_this_drop": statement.about.this_drop(),
        "artifacts": statement.about.artifacts.count(),
        "owners": owners(one),
        "parties": parties(one),
    })
}

fn test(one: &Verified<Statement>) -> Option<Value> {
    let Predicate::TestReport(report) = &one.value().predicate else { return None };
    // A test written down a hundred times is not a hundred tests.
    let once = |raw: &&Raw| !matches!(raw, Raw::Tests(run) if !run.duplicates.is_empty());
    let raw = soundness::report(one.value()).ok().filter(once);
    let count = |outcomes: &[CaseOutcome]| match raw {
        Some(Raw::Tests(run)) => run.cases.iter().filter(|case| outcomes.contains(&case.outcome)).count(),
        _ => 0,
    };
    let issues = match raw {
        Some(Raw::Scan(scan)) => scan.issues.len(),
        _ => 0,
    };
    Some(without_null(json!({
        "origin": one.value().origin,
        "type": report.kind.name(),
        "phase": report.phase.map(|phase| phase.name()),
        "iteration": report.iteration.unwrap_or(1),
        "started": report.started,
        "finished": report.finished,
        "sound": raw.is_some(),
        "passed": count(&[CaseOutcome::Passed, CaseOutcome::Flaky]),
        "failed": count(&[CaseOutcome::Failed, CaseOutcome::Errored]),
        "skipped": count(&[CaseOutcome::Skipped]),
        "flaky": count(&[CaseOutcome::Flaky]),
        "issues": issues,
        "parties": parties(one),
    })))
}

fn malware(one: &Verified<Statement>) -> Option<Value> {
    let Predicate::MalwareScan(scan) = &one.value().predicate else { return None };
    let log = match soundness::report(one.value()) {
        Ok(Raw::Malware(log)) => Some(log),
        _ => None,
    };
    let files = log.map(|log| log.files.as_slice()).unwrap_or_default();
    Some(without_null(json!({
        "origin": one.value().origin,
        "engine": log.map_or("", |log| log.tool.name.as_str()),
        "database_updated": scan.database.as_ref().map(|database| database.updated),
        "finished": scan.finished,
        "sound": log.is_some(),
        "files": files.len(),
        "found": files.iter().filter(|file| matches!(file.verdict, FileVerdict::Found(_))).count(),
    })))
}

fn vulnerabilities(statement: &Statement) -> Vec<Value> {
    let issues: &[Issue] = match (&statement.predicate, &statement.raw) {
        (Predicate::Vulns(vulns), _) => &vulns.issues,
        (_, Some(Ok(Raw::Scan(scan)))) => &scan.issues,
        _ => &[],
    };
    let told = issues.iter().map(|issue| {
        without_null(json!({
            "origin": statement.origin,
            "id": issue.id,
            "severity": issue.severity.name(),
            "component": issue.component.as_ref().map(|part| &part.name),
            "purl": issue.component.as_ref().and_then(|part| part.purl.as_ref()),
            "fixed_in": issue.fixed_in,
            "suppressed": issue.suppressed.is_some(),
        }))
    });
    told.collect()
}

fn bill(one: &Verified<Statement>) -> Option<Value> {
    let Predicate::Bill(bill) = &one.value().predicate else { return None };
    Some(json!({
        "origin": one.value().origin,
        "components": bill.components.len(),
        "purls": bill.components.iter().filter_map(|part| part.purl.as_ref()).collect::<Vec<_>>(),
    }))
}

fn build(one: &Verified<Statement>) -> Option<Value> {
    let Predicate::Provenance(build) = &one.value().predicate else { return None };
    Some(without_null(json!({
        "origin": one.value().origin,
        "builder": build.builder,
        "build_type": build.build_type,
        "finished": build.finished,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_can_be_named_and_has_a_meaning() {
        assert_eq!(VOCABULARY.problems(), Vec::<String>::new());
    }
}
