//! SO14.1, SO14.3 and SO14.4: the change record, who is responsible, and how to go back.

use crate::evidence::Piece;
use crate::evidence::predicate::Predicate;
use crate::evidence::predicate::change::{Cause, Change};
use crate::finding::{Code, Finding, Judgement};
use crate::manifest::{Kind, Manifest, native};
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::facts::Known;
use crate::policy::{Facts, soundness};
use crate::trust::{Party, Role};

/// The one change record about exactly this manifest.
///
/// # Errors
/// With the judgement of a control that needs it, when there is none or more than one.
pub(in crate::policy::controls) fn change_record(known: &Known) -> Result<Piece<'_, Change>, Judgement> {
    let records = known.evidence.pieces(|predicate| match predicate {
        Predicate::Change(change) => Some(change.as_ref()),
        _ => None,
    });
    let (here, others): (Vec<_>, Vec<_>) = records.partition(|record| record.about().manifest);
    match here.as_slice() {
        [record] => Ok(*record),
        [] => Err(Judgement::no_evidence(Finding::new(
            Code::ChangeRecordMissing,
            "evidence/",
            format!(
                "a change record whose subject is this manifest, sha256 {}",
                known.manifest.value().digest
            ),
            match others.first() {
                Some(other) => format!("a record for another manifest, {}", other.origin()),
                None => known.no_statement(),
            },
        ))),
        [first, second, ..] => Err(Judgement::unless(
            vec![Finding::new(
                Code::ChangeRecordAmbiguous,
                second.origin(),
                "one change record for this manifest",
                format!("{} of them, the first in {}", here.len(), first.origin()),
            )],
            "",
        )),
    }
}

/// The record and what is known, or the judgement where there is no record to judge.
fn record_of<'f>(facts: &Facts<'f>) -> Result<(&'f Known, Piece<'f, Change>), Judgement> {
    let known = facts.known_change()?;
    Ok((known, change_record(known)?))
}

pub(in crate::policy::controls) static CHANGE_DECLARED: Definition = Definition {
    id: "so14.change-declared",
    clause: "SO14.1",
    meaning: "There is a process for each type of change: a newly discovered vulnerability, a software update, a hardware \
        replacement (SO14, requirement 1).",
    passes: "One change record is about exactly this manifest, is of the manifest's kind, and states what the policy requires \
        of that kind; where it states a baseline or a version, they are the right ones.",
    fails: "The record is of another kind, lacks something, or names another baseline or version; or the drop calls a product new \
        that has a baseline or replaces something.",
    example: "evidence/change.dsse.json: a statement of type urn:dropgate:change:v1 whose subject is the manifest, made with \
        `dropgate attest change`.",
    parameters: &[
        Parameter {
            name: "new-component",
            meaning: "What a record of this kind must state: \"nothing\", or an array of \"from\", \"to\", \"changelog\", \
                \"vulnerabilities\", \"model\", \"serials\".",
        },
        Parameter { name: "software-update", meaning: "The same for this kind." },
        Parameter { name: "vulnerability-fix", meaning: "The same for this kind." },
        Parameter { name: "hardware-replacement", meaning: "The same for this kind." },
    ],
    codes: &[
        Code::ChangeRecordMissing,
        Code::ChangeRecordAmbiguous,
        Code::ChangeKindWrong,
        Code::ChangeIncomplete,
        Code::ChangeBaselineWrong,
        Code::DocumentMissing,
        Code::DocumentEmpty,
        Code::TimesImpossible,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let mut part = |key| {
            let item = section.required(key, faults);
            item.and_then(|item| item.choices_unless("nothing", &Part::LEGAL, faults))
                .map(Option::unwrap_or_default)
        };
        let (component, update) = (part("new-component"), part("software-update"));
        let (fix, hardware) = (part("vulnerability-fix"), part("hardware-replacement"));
        Some(Box::new(ChangeDeclared {
            component: component?,
            update: update?,
            fix: fix?,
            hardware: hardware?,
        }))
    },
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    From,
    To,
    Changelog,
    Vulnerabilities,
    Model,
    Serials,
}

impl Part {
    const LEGAL: [(&'static str, Self); 6] = [
        ("from", Self::From),
        ("to", Self::To),
        ("changelog", Self::Changelog),
        ("vulnerabilities", Self::Vulnerabilities),
        ("model", Self::Model),
        ("serials", Self::Serials),
    ];

    fn stated(self, change: &Change) -> bool {
        match self {
            Self::From => change.from.is_some(),
            Self::To => change.to.is_some(),
            Self::Changelog => change.changelog.is_some(),
            Self::Vulnerabilities => !change.vulnerabilities.is_empty(),
            Self::Model => change.hardware.is_some(),
            Self::Serials => change.hardware.as_ref().is_some_and(|hardware| !hardware.serials.is_empty()),
        }
    }
}

struct ChangeDeclared {
    component: Vec<Part>,
    update: Vec<Part>,
    fix: Vec<Part>,
    hardware: Vec<Part>,
}

impl Control for ChangeDeclared {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, record) = match record_of(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let (manifest, change, origin) = (known.manifest.value(), record.said, record.origin());
        let mut findings = Vec::new();
        if change.kind != manifest.release.kind {
            findings.push(Finding::new(
                Code::ChangeKindWrong,
                origin,
                format!("kind {}, as the manifest says", manifest.release.kind),
                format!("kind {}", change.kind),
            ));
        }
        findings.extend(not_new(manifest, facts.baseline));
        // By the manifest's kind: a record can't ask for less by calling itself something else.
        let required: &[Part] = match manifest.release.kind {
            Kind::NewComponent => &self.component,
            Kind::SoftwareUpdate => &self.update,
            Kind::VulnerabilityFix => &self.fix,
            Kind::HardwareReplacement => &self.hardware,
            Kind::Transition => &[],
        };
        for (name, part) in Part::LEGAL.iter().filter(|(_, part)| required.contains(part)) {
            if !part.stated(change) {
                findings.push(incomplete(origin, &format!("{name}, for kind {}", manifest.release.kind)));
            }
        }
        findings.extend(versions(origin, change, manifest, facts.baseline));
        if let Some(changelog) = &change.changelog {
            findings.extend(known.document(origin, "the changelog", changelog, facts.inventory).err());
        }
        findings.extend(soundness::not_in_future(origin, "a record written", change.written, facts.at));
        Judgement::unless(findings, format!("change {:?}, {}", change.id.as_str(), change.kind))
    }
}

/// A product that is called new and is not: the least is asked of new components, no changelog and no version that they come
/// from.
fn not_new(manifest: &Manifest, baseline: Option<&Manifest>) -> Option<Finding> {
    let release = &manifest.release;
    if release.kind != Kind::NewComponent {
        return None;
    }
    let found = if let Some(replaces) = &release.replaces {
        format!("kind {}, and it replaces version {:?}", release.kind, replaces.version.as_str())
    } else {
        let old = &baseline?.release;
        // One of another product says nothing about this one, and fails elsewhere.
        if (&old.vendor, &old.product) != (&release.vendor, &release.product) {
            return None;
        }
        format!("kind {}, and the baseline is its version {:?}", release.kind, old.version.as_str())
    };
    Some(Finding::new(
        Code::ChangeKindWrong,
        native::FILE,
        "the kind of a change to a product that is there",
        found,
    ))
}

fn incomplete(origin: &str, what: &str) -> Finding {
    Finding::new(Code::ChangeIncomplete, origin, what.to_owned(), "not stated")
}

/// What the record says about where it begins and ends, against the manifest and the baseline.
fn versions(origin: &str, change: &Change, manifest: &Manifest, baseline: Option<&Manifest>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |expected: String, found: String| {
        findings.push(Finding::new(Code::ChangeBaselineWrong, origin, expected, found));
    };
    if let Some(to) = &change.to
        && *to != manifest.release.version
    {
        wrong(
            format!("to version {:?}", manifest.release.version.as_str()),
            format!("to version {:?}", to.as_str()),
        );
    }
    if let Some(from) = &change.from {
        let named = |version: &str, digest| format!("from version {version:?}, manifest sha256 {digest}");
        let found = named(from.version.as_str(), from.manifest.sha256.0);
        let expected = match (baseline, &manifest.release.replaces) {
            (Some(baseline), _) => Some((baseline.release.version.as_str(), baseline.digest)),
            (None, Some(replaces)) => Some((replaces.version.as_str(), replaces.manifest)),
            (None, None) => None,
        };
        match expected.map(|(version, digest)| named(version, digest)) {
            Some(expected) if expected != found => wrong(expected, found),
            Some(_) => {}
            None => wrong("no baseline, as the manifest replaces nothing".to_owned(), found),
        }
    }
    findings
}

pub(in crate::policy::controls) static RESPONSIBILITY_STATED: Definition = Definition {
    id: "so14.responsibility-stated",
    clause: "SO14.3",
    meaning: "Who initiates a change and who pays for it is settled in advance and stated in the contract (SO14, \
        requirement 3).",
    passes: "The change record states who bears the cost and by which clause of the contract, and that clause is one that the \
        operator's table has for the party that initiated the change. Whose cost that is by the clause is for whoever approves the \
        record to see.",
    fails: "The record does not state it, or the clause is not in the table.",
    example: "\"initiator\": { \"name\": \"Jane Doe\", \"party\": \"vendor\" }, \"responsibility\": { \"clause\": \"MSA 7.2\", \
        \"costBorneBy\": \"vendor\" }",
    parameters: &[Parameter {
        name: "clauses",
        meaning: "A table [control.parameters.clauses] from party to \"any\" or an array of the clauses that make it responsible. \
            A party that is not in it may initiate nothing.",
    }],
    codes: &[
        Code::ChangeRecordMissing,
        Code::ChangeRecordAmbiguous,
        Code::ChangeIncomplete,
        Code::ResponsibilityWrong,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let Some(mut table) = section.section("clauses", faults) else {
            faults.add(
                section.span(),
                "missing key `clauses`",
                "expected a table [control.parameters.clauses]",
            );
            return None;
        };
        let mut clauses = Vec::new();
        let mut whole = true;
        for (name, party) in Party::LEGAL {
            if let Some(item) = table.optional(name) {
                match item.texts_unless("any", faults) {
                    Some(texts) => clauses
                        .push((party, texts.map(|texts| texts.into_iter().map(|(text, _)| text).collect()))),
                    None => whole = false,
                }
            }
        }
        table.finish(faults);
        whole.then(|| Box::new(ResponsibilityStated { clauses }) as Box<dyn Control>)
    },
};

struct ResponsibilityStated {
    /// By party: its clauses, `None` for any.
    clauses: Vec<(Party, Option<Vec<String>>)>,
}

impl Control for ResponsibilityStated {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (_, record) = match record_of(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let (change, origin) = (record.said, record.origin());
        let Some(stated) = &change.responsibility else {
            return Judgement::no_evidence(incomplete(
                origin,
                "the clause of the contract, and who bears the cost",
            ));
        };
        let party = change.initiator.party;
        let clause = stated.clause.as_str();
        let wrong = |expected: String, found: String| {
            Judgement::unless(vec![Finding::new(Code::ResponsibilityWrong, origin, expected, found)], "")
        };
        match self.clauses.iter().find(|(own, _)| *own == party) {
            None => wrong(
                "an initiator of a party that the operator's table names".to_owned(),
                format!("{:?} of party {party}", change.initiator.name.as_str()),
            ),
            Some((_, Some(legal))) if !legal.iter().any(|own| own == clause) => wrong(
                format!("clause {}, for a change that the {party} initiates", legal.join(" or ")),
                format!("clause {clause:?}"),
            ),
            Some(_) => Judgement::unless(
                Vec::new(),
                format!(
                    "initiated by the {party}, paid by the {}, by clause {clause:?}",
                    stated.cost_borne_by
                ),
            ),
        }
    }
}

pub(in crate::policy::controls) static VENDOR_ACCOUNTABLE: Definition = Definition {
    id: "so14.vendor-accountable",
    clause: "SO14.4",
    meaning: "The vendor takes responsibility for the changes that it initiates or agreed to, for variations of the service level \
        that it causes, for vulnerabilities in its product, and for corrective action after an incident (SO14, requirement 4).",
    passes: "An accountable signatory of the vendor, with role change, signed the record; and it cites what its cause asks for: the \
        incident, the term of the service level agreement, or the vulnerabilities.",
    fails: "Nobody accountable signed it, or the cause is not backed.",
    example: "\"cause\": \"corrective-action\", \"incident\": \"INC-2026-118\", signed by a key of party vendor with role change.",
    parameters: &[Parameter {
        name: "signatories",
        meaning: "Owners of keys who may take responsibility: \"any\" of the vendor with role change, or an array of names.",
    }],
    codes: &[
        Code::ChangeRecordMissing,
        Code::ChangeRecordAmbiguous,
        Code::ChangeIncomplete,
        Code::SignatoryNotAccountable,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let signatories =
            section.required("signatories", faults).and_then(|item| item.texts_unless("any", faults));
        Some(Box::new(VendorAccountable {
            signatories: signatories?.map(|names| names.into_iter().map(|(name, _)| name).collect()),
        }))
    },
};

struct VendorAccountable {
    signatories: Option<Vec<String>>,
}

impl Control for VendorAccountable {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (_, record) = match record_of(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let (change, origin) = (record.said, record.origin());
        let signers = record.statement.signers();
        let mut findings = Vec::new();
        let able: Vec<&str> = signers
            .iter()
            .filter(|signer| signer.party == Party::Vendor && signer.roles.contains(&Role::Change))
            .map(|signer| signer.owner.as_str())
            .filter(|owner| {
                self.signatories.as_ref().is_none_or(|names| names.iter().any(|name| name == owner))
            })
            .collect();
        if able.is_empty() {
            let expected = match &self.signatories {
                Some(names) => format!("the signature of {}", names.join(" or ")),
                None => "the signature of somebody of the vendor with role change".to_owned(),
            };
            let found: Vec<String> = signers
                .iter()
                .map(|signer| format!("{:?} of party {}", signer.owner, signer.party))
                .collect();
            findings.push(Finding::new(Code::SignatoryNotAccountable, origin, expected, found.join(", ")));
        }
        let backed = match change.cause {
            Cause::CorrectiveAction => {
                change.incident.is_some().then_some(()).ok_or("the incident, for a corrective action")
            }
            Cause::ServiceLevelVariation => change
                .service_level
                .is_some()
                .then_some(())
                .ok_or("the term of the service level agreement, for a variation of it"),
            Cause::NewVulnerability => (!change.vulnerabilities.is_empty())
                .then_some(())
                .ok_or("the vulnerabilities, for a change that mends one"),
            Cause::VendorInitiated | Cause::Agreed => Ok(()),
        };
        findings.extend(backed.err().map(|what| incomplete(origin, what)));
        Judgement::unless(findings, format!("{} is accountable", able.join(" and ")))
    }
}

pub(in crate::policy::controls) static BACKOUT_PLAN: Definition = Definition {
    id: "so14.backout-plan",
    clause: "SO14.4",
    meaning: "The vendor takes responsibility for its changes (SO14, requirement 4), and so for the way back from a failed one: \
        failed changes are the risk that the objective names.",
    passes: "The change record names a backout plan by digest, and that document arrived, is listed, and has contents.",
    fails: "The record names none, or it did not arrive as it was signed, or is empty.",
    example: "\"backoutPlan\": { \"name\": \"docs/backout.txt\", \"digest\": { \"sha256\": \"...\" } }",
    parameters: &[],
    codes: &[
        Code::ChangeRecordMissing,
        Code::ChangeRecordAmbiguous,
        Code::ChangeIncomplete,
        Code::DocumentMissing,
        Code::DocumentEmpty,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |_, _| Some(Box::new(BackoutPlan)),
};

struct BackoutPlan;

impl Control for BackoutPlan {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, record) = match record_of(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let Some(plan) = &record.said.backout_plan else {
            return Judgement::no_evidence(incomplete(record.origin(), "a backout plan, named by digest"));
        };
        match known.document(record.origin(), "the backout plan", plan, facts.inventory) {
            Ok(artifact) => {
                Judgement::unless(Vec::new(), format!("backout plan {:?}", artifact.path.as_str()))
            }
            Err(finding) => Judgement::unless(vec![finding], ""),
        }
    }
}

/// Who had a part in the change, as the documents spell it: the initiator, the builders, who recorded and who released it.
pub(super) fn involved<'k>(known: &'k Known, record: Piece<'k, Change>) -> Vec<(&'k str, &'static str)> {
    let change = record.said;
    let mut names = vec![(change.initiator.name.as_str(), "initiated it")];
    names.extend(change.builders.iter().map(|name| (name.as_str(), "built it")));
    names
        .extend(record.statement.signers().iter().map(|signer| (signer.owner.as_str(), "signed its record")));
    names.extend(known.manifest.signers().iter().map(|signer| (signer.owner.as_str(), "signed the release")));
    let builds = known.evidence.pieces(|predicate| match predicate {
        Predicate::Provenance(provenance) => Some(provenance),
        _ => None,
    });
    for build in builds.filter(|build| build.about().touches_this_drop()) {
        names.push((build.said.builder.as_str(), "built it, by its provenance"));
        names.extend(
            build.statement.signers().iter().map(|signer| (signer.owner.as_str(), "signed its provenance")),
        );
    }
    names
}
