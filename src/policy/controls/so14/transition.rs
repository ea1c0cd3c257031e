//! SO14.T1 to T5: the end of a contract. One dossier, signed by the vendor and countersigned by the provider.

use crate::cover::Cover;
use crate::evidence::Piece;
use crate::evidence::predicate::transition::{DatedPlan, Transition};
use crate::evidence::predicate::{Predicate, Words};
use crate::finding::{Code, Finding, Judgement, counted};
use crate::manifest::Kind;
use crate::policy::controls::places::raw_reports;
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::facts::Known;
use crate::policy::{Facts, soundness};
use crate::time::Period;
use crate::trust::{Party, Role};
use std::collections::BTreeSet;

/// The dossier about exactly this manifest, and what is wrong with its signatures.
fn dossier<'f>(facts: &Facts<'f>) -> Result<(&'f Known, Piece<'f, Transition>, Vec<Finding>), Judgement> {
    let known = facts.known()?;
    if known.manifest.value().release.kind != Kind::Transition {
        return Err(Judgement::not_applicable(format!(
            "the manifest is of kind {}, not transition",
            known.manifest.value().release.kind
        )));
    }
    let dossiers = known.evidence.pieces(|predicate| match predicate {
        Predicate::Transition(transition) => Some(transition.as_ref()),
        _ => None,
    });
    let here: Vec<_> = dossiers.filter(|dossier| dossier.about().manifest).collect();
    let expected = "one transition statement whose subject is this manifest";
    let dossier = match here.as_slice() {
        [one] => *one,
        [] => {
            return Err(Judgement::no_evidence(Finding::new(
                Code::DossierMissing,
                "evidence/",
                expected,
                known.no_statement(),
            )));
        }
        [first, second, ..] => {
            let found = format!("{} of them, the first in {}", here.len(), first.origin());
            return Err(Judgement::unless(
                vec![Finding::new(Code::DossierIncomplete, second.origin(), expected, found)],
                "",
            ));
        }
    };
    let signers = dossier.statement.signers();
    let signed =
        |party, role| signers.iter().any(|signer| signer.party == party && signer.roles.contains(&role));
    let mut findings = Vec::new();
    for (party, role) in [(Party::Vendor, Role::Change), (Party::Provider, Role::Approval)] {
        if !signed(party, role) {
            let found: Vec<String> =
                signers.iter().map(|one| format!("{:?} of party {}", one.owner, one.party)).collect();
            findings.push(Finding::new(
                Code::DossierNotCountersigned,
                dossier.origin(),
                format!("a signature of the {party} in role {role}"),
                found.join(", "),
            ));
        }
    }
    Ok((known, dossier, findings))
}

fn missing(origin: &str, part: &str) -> Judgement {
    Judgement::no_evidence(Finding::new(Code::DossierMissing, origin, part.to_owned(), "not in the dossier"))
}

/// Which of the dossier's dated plans.
#[derive(Clone, Copy)]
enum Which {
    Contingency,
    Transition,
}

struct PlanInDate(Which);

impl Control for PlanInDate {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, dossier, mut findings) = match dossier(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let (part, plan): (&str, &Option<DatedPlan>) = match self.0 {
            Which::Contingency => ("the contingency plan", &dossier.said.contingency_plan),
            Which::Transition => ("the transition plan", &dossier.said.transition_plan),
        };
        let Some(plan) = plan else { return missing(dossier.origin(), part) };
        findings.extend(known.document(dossier.origin(), part, &plan.document, facts.inventory).err());
        if facts.at >= plan.valid_until {
            findings.push(Finding::new(
                Code::DossierExpired,
                dossier.origin(),
                format!("{part} that is valid at {}", facts.at),
                format!("valid until {}", plan.valid_until),
            ));
        }
        Judgement::unless(findings, format!("{part}, valid until {}", plan.valid_until))
    }
}

pub(in crate::policy::controls) static TRANSITION_CONTINGENCY: Definition = Definition {
    id: "so14.transition-contingency-plan",
    clause: "SO14.T1",
    meaning: "A contingency plan is in place in case either party ends the relationship before the end of the agreement (SO14, \
        transition, requirement 1).",
    passes: "The dossier, signed by vendor and provider, names a contingency plan that arrived and is in date.",
    fails: "The plan is missing, out of date, or not countersigned.",
    example: "\"contingencyPlan\": { \"document\": { \"name\": \"docs/contingency.pdf\", \"digest\": { \"sha256\": \"...\" } }, \
        \"validUntil\": \"2027-12-31T00:00:00Z\" }",
    parameters: &[],
    codes: &[
        Code::DossierMissing,
        Code::DossierNotCountersigned,
        Code::DossierIncomplete,
        Code::DossierExpired,
        Code::DocumentMissing,
        Code::DocumentEmpty,
        Code::NoVerifiedManifest,
    ],
    read: |_, _| Some(Box::new(PlanInDate(Which::Contingency))),
};

pub(in crate::policy::controls) static TRANSITION_PLAN: Definition = Definition {
    id: "so14.transition-plan",
    clause: "SO14.T2",
    meaning: "Vendor and provider agree on a transition plan that keeps security managed until the handover is complete (SO14, \
        transition, requirement 2).",
    passes: "The dossier, signed by vendor and provider, names a transition plan that arrived and is in date.",
    fails: "The plan is missing, out of date, or not countersigned.",
    example: "\"transitionPlan\": { \"document\": { \"name\": \"docs/transition.pdf\", \"digest\": { \"sha256\": \"...\" } }, \
        \"validUntil\": \"2027-06-30T00:00:00Z\" }",
    parameters: &[],
    codes: &[
        Code::DossierMissing,
        Code::DossierNotCountersigned,
        Code::DossierIncomplete,
        Code::DossierExpired,
        Code::DocumentMissing,
        Code::DocumentEmpty,
        Code::NoVerifiedManifest,
    ],
    read: |_, _| Some(Box::new(PlanInDate(Which::Transition))),
};

pub(in crate::policy::controls) static TRANSITION_HANDOVER: Definition = Definition {
    id: "so14.transition-handover",
    clause: "SO14.T3",
    meaning: "All documents, procedures, configuration and records that are needed to go on are transferred (SO14, transition, \
        requirement 3).",
    passes: "Every line of the operator's checklist is answered by a document that arrived and matches by digest; and every file of the \
        drop is named by the dossier, so that both parties signed for it.",
    fails: "A line has no document, a document did not arrive as it was signed, or a file is there that the dossier does not name: a \
        transition is no way to deliver software.",
    example: "\"handover\": [ { \"item\": \"configuration\", \"document\": { \"name\": \"config/export.tar\", \"digest\": { \"sha256\": \
        \"...\" } } } ]",
    parameters: &[Parameter { name: "checklist", meaning: "What must be handed over: an array of names." }],
    codes: &[
        Code::DossierMissing,
        Code::DossierNotCountersigned,
        Code::DossierIncomplete,
        Code::DossierFileUnnamed,
        Code::DocumentMissing,
        Code::DocumentEmpty,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let checklist = section.required("checklist", faults).and_then(|item| item.texts(faults));
        Some(Box::new(Handover { checklist: checklist?.into_iter().map(|(text, _)| text).collect() }))
    },
};

struct Handover {
    checklist: Vec<String>,
}

impl Control for Handover {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, dossier, mut findings) = match dossier(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let Some(handover) = &dossier.said.handover else { return missing(dossier.origin(), "the handover") };
        for line in &self.checklist {
            if !handover.iter().any(|entry| entry.item.as_str() == line) {
                findings.push(Finding::new(
                    Code::DossierIncomplete,
                    dossier.origin(),
                    format!("a document for {line:?} of the checklist"),
                    "none",
                ));
            }
        }
        for entry in handover {
            let part = format!("what is handed over as {:?}", entry.item.as_str());
            findings.extend(known.document(dossier.origin(), &part, &entry.document, facts.inventory).err());
        }
        findings.extend(unnamed(known, dossier));
        Judgement::unless(
            findings,
            format!("{}, every line of the checklist", counted(handover.len(), "document")),
        )
    }
}

/// The files that no part of the dossier names, reports below evidence/ left out.
fn unnamed(known: &Known, dossier: Piece<'_, Transition>) -> Vec<Finding> {
    let said = dossier.said;
    let plans = said.contingency_plan.iter().chain(&said.transition_plan).map(|plan| &plan.document);
    let handover = said.handover.iter().flatten().map(|entry| &entry.document);
    let certificate = said.disposal.iter().map(|disposal| &disposal.certificate);
    let manifest = known.manifest.value();
    let mut named = Cover::none(manifest.artifacts().len());
    for document in plans.chain(handover).chain(certificate) {
        known.index.add_to(&mut named, manifest, &document.digest.0);
    }
    let reports = raw_reports(known);
    let rest = Cover::all(manifest.artifacts().len()).without(&named);
    rest.iter()
        .filter_map(|at| manifest.artifacts().get(at))
        .map(|artifact| artifact.path.as_str())
        .filter(|path| !reports.contains(path))
        .map(|path| {
            let expected = format!("a file that {} names, by its digest", dossier.origin());
            Finding::new(Code::DossierFileUnnamed, path, expected, "not named").on_artifact()
        })
        .collect()
}

pub(in crate::policy::controls) static TRANSITION_DISPOSAL: Definition = Definition {
    id: "so14.transition-return-or-destroy",
    clause: "SO14.T4",
    meaning: "The vendor returns or destroys everything that contains information of the provider (SO14, transition, requirement 4).",
    passes: "A certificate arrived, is not from the future, and covers every item of the inventory, and the inventory has one.",
    fails: "There is no certificate, or it leaves an item of the inventory out.",
    example: "\"disposal\": { \"certificate\": { ... }, \"method\": \"destroyed\", \"done\": \"2026-01-10T12:00:00Z\", \"inventory\": \
        [\"backup tapes 1-9\"], \"covered\": [\"backup tapes 1-9\"] }",
    parameters: &[],
    codes: &[
        Code::DossierMissing,
        Code::DossierNotCountersigned,
        Code::DossierIncomplete,
        Code::DocumentMissing,
        Code::DocumentEmpty,
        Code::TimesImpossible,
        Code::NoVerifiedManifest,
    ],
    read: |_, _| Some(Box::new(ReturnOrDestroy)),
};

struct ReturnOrDestroy;

impl Control for ReturnOrDestroy {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (known, dossier, mut findings) = match dossier(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let origin = dossier.origin();
        let Some(disposal) = &dossier.said.disposal else {
            return missing(origin, "what was returned or destroyed");
        };
        findings
            .extend(known.document(origin, "the certificate", &disposal.certificate, facts.inventory).err());
        findings.extend(soundness::not_in_future(
            origin,
            "a certificate about what was done",
            disposal.done,
            facts.at,
        ));
        if disposal.inventory.is_empty() {
            findings.push(Finding::new(
                Code::DossierIncomplete,
                origin,
                "an inventory of what held information",
                "an empty one",
            ));
        }
        let covered: BTreeSet<&Words> = disposal.covered.iter().collect();
        for item in disposal.inventory.iter().filter(|item| !covered.contains(item)) {
            findings.push(Finding::new(
                Code::DossierIncomplete,
                origin,
                "a certificate that covers the inventory",
                format!("{:?} is not covered", item.as_str()),
            ));
        }
        Judgement::unless(
            findings,
            format!("{} returned or destroyed", counted(disposal.inventory.len(), "item")),
        )
    }
}

pub(in crate::policy::controls) static TRANSITION_RETENTION: Definition = Definition {
    id: "so14.transition-retention",
    clause: "SO14.T5",
    meaning: "Where the vendor keeps information of the provider, measures for its protection are agreed (SO14, transition, \
        requirement 5).",
    passes: "The dossier says what is kept, with measures and an end within the policy's bound; an empty list says that nothing is kept.",
    fails: "The dossier does not say, an agreement is over, or lasts too long.",
    example: "\"retention\": [ { \"what\": \"call records for the dispute\", \"measures\": \"encrypted, two officers\", \"until\": \
        \"2027-01-01T00:00:00Z\" } ]",
    parameters: &[Parameter {
        name: "longest",
        meaning: "For how long from now anything may be kept, such as \"730d\".",
    }],
    codes: &[
        Code::DossierMissing,
        Code::DossierNotCountersigned,
        Code::DossierIncomplete,
        Code::DossierExpired,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let longest = section.required("longest", faults).and_then(|item| item.period(faults));
        Some(Box::new(Retention { longest: longest? }))
    },
};

struct Retention {
    longest: Period,
}

impl Control for Retention {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let (_, dossier, mut findings) = match dossier(facts) {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let origin = dossier.origin();
        let Some(retention) = &dossier.said.retention else { return missing(origin, "what is retained") };
        let latest = facts.at.after(self.longest);
        for kept in retention {
            let what = kept.what.as_str();
            if kept.until <= facts.at {
                findings.push(Finding::new(
                    Code::DossierExpired,
                    origin,
                    format!("{what:?} kept until a time after {}", facts.at),
                    format!("until {}", kept.until),
                ));
            } else if kept.until > latest {
                findings.push(Finding::new(
                    Code::DossierIncomplete,
                    origin,
                    format!("{what:?} kept until {latest} at the latest, for {}", self.longest),
                    format!("until {}", kept.until),
                ));
            }
        }
        let summary = match retention.len() {
            0 => "nothing is kept".to_owned(),
            kept => format!("{} kept, with measures and an end", counted(kept, "thing")),
        };
        Judgement::unless(findings, summary)
    }
}
