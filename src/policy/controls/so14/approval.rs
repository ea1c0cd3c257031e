//! SO14.4: the provider approved the change, by people who had no part in it.

use super::change_record;
use super::record::involved;
use crate::drop::path::lookalike_key;
use crate::evidence::Piece;
use crate::evidence::predicate::Predicate;
use crate::evidence::predicate::approval::{Approval, Word};
use crate::evidence::predicate::change::Change;
use crate::finding::{Code, Finding, Judgement, counted};
use crate::manifest::Kind;
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::{Facts, soundness};
use crate::time::Period;
use crate::trust::{Role, Signer, Threshold, TrustStore};
use std::collections::HashMap;

pub(in crate::policy::controls) static CHANGE_APPROVED: Definition = Definition {
    id: "so14.change-approved",
    clause: "SO14.4",
    meaning: "The vendor is responsible for its changes, and the provider lets them in: changes are agreed (SO14, requirement 4).",
    passes: "Enough distinct people of the provider, with role approval, approved this manifest and this change record after it was \
        written, and none of them initiated, built, recorded or released it. An emergency may need fewer, where the policy allows it for \
        this kind, and promises a review by a date.",
    fails: "Too few approvals count, one was given before the record was written or for another one, an approver had a part in the \
        change (also with a second key), somebody rejected it, or an emergency is not allowed.",
    example: "evidence/approval.dsse.json: a statement of type urn:dropgate:approval:v1, made by the provider with \
        `dropgate attest approval`.",
    parameters: &[
        Parameter { name: "approvers", meaning: "How many distinct people must approve: from 1." },
        Parameter {
            name: "emergency-kinds",
            meaning: "Kinds of change that may take the emergency path: \"none\", or an array of kinds.",
        },
        Parameter {
            name: "emergency-approvers",
            meaning: "How many must approve on the emergency path: from 1.",
        },
        Parameter {
            name: "emergency-review",
            meaning: "Within which time the ordinary review must be promised on the emergency path, such as \"7d\".",
        },
    ],
    codes: &[
        Code::ChangeRecordMissing,
        Code::ChangeRecordAmbiguous,
        Code::ApprovalMissing,
        Code::ApprovalRefused,
        Code::ApproverNotIndependent,
        Code::ApprovalNotOfThisChange,
        Code::EmergencyNotAllowed,
        Code::TimesImpossible,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let approvers = section.required("approvers", faults).and_then(|item| item.integer(1..=64, faults));
        let kinds = section.required("emergency-kinds", faults);
        let kinds = kinds.and_then(|item| item.choices_unless("none", &Kind::LEGAL, faults));
        let fewer =
            section.required("emergency-approvers", faults).and_then(|item| item.integer(1..=64, faults));
        let review = section.required("emergency-review", faults).and_then(|item| item.period(faults));
        Some(Box::new(ChangeApproved {
            approvers: Threshold::new(approvers?)?,
            emergency_kinds: kinds?.unwrap_or_default(),
            emergency_approvers: Threshold::new(fewer?)?,
            emergency_review: review?,
        }))
    },
};

struct ChangeApproved {
    approvers: Threshold,
    emergency_kinds: Vec<Kind>,
    emergency_approvers: Threshold,
    emergency_review: Period,
}

impl Control for ChangeApproved {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let found = facts.known_change().and_then(|known| Ok((known, change_record(known)?)));
        let (known, record) = match found {
            Ok(found) => found,
            Err(judgement) => return judgement,
        };
        let approvals = known.evidence.pieces(|predicate| match predicate {
            Predicate::Approval(approval) => Some(approval),
            _ => None,
        });
        // Who rejects one file of the drop rejects the drop.
        let counts = |approval: &Piece<'_, Approval>| {
            let about = approval.about();
            about.manifest || (approval.said.decision == Word::Rejected && about.touches_this_drop())
        };
        let approvals: Vec<_> = approvals.filter(counts).collect();
        // As the trust store tells its owners apart: in a record that the vendor writes, "carla ops" is Carla Ops.
        let parts = involved(known, record).into_iter().rev();
        let parts: HashMap<String, &str> = parts.map(|(name, part)| (lookalike_key(name), part)).collect();
        let mut findings = Vec::new();
        let mut counting: Vec<&Signer> = Vec::new();
        for approval in &approvals {
            findings.extend(out_of_order(*approval, record, facts));
            for signer in approval.statement.signers() {
                match parts.get(&lookalike_key(&signer.owner)) {
                    Some(part) => findings.push(Finding::new(
                        Code::ApproverNotIndependent,
                        approval.origin(),
                        "approval by somebody who had no part in the change",
                        format!("{:?}, who {part}", signer.owner),
                    )),
                    None if signer.roles.contains(&Role::Approval) => counting.push(signer),
                    None => {}
                }
            }
        }
        let (needed, emergency) = self.needed(record, known.manifest.value().release.kind, facts);
        findings.extend(emergency);
        if findings.is_empty() && !needed.is_met_by(counting.iter().copied()) {
            let mut owners: Vec<&str> = counting.iter().map(|signer| signer.owner.as_str()).collect();
            owners.sort_unstable();
            owners.dedup();
            let finding = Finding::new(
                Code::ApprovalMissing,
                record.origin(),
                format!("approval by {} of the provider's people", needed.owners()),
                if owners.is_empty() { known.no_statement() } else { format!("by {}", owners.join(", ")) },
            );
            return if approvals.is_empty() {
                Judgement::no_evidence(finding)
            } else {
                Judgement::unless(vec![finding], "")
            };
        }
        let mut owners: Vec<&str> = counting.iter().map(|signer| signer.owner.as_str()).collect();
        owners.sort_unstable();
        owners.dedup();
        Judgement::unless(findings, format!("approved by {}", owners.join(" and ")))
            .with_remarks(review_due(record.said))
    }

    fn misfit(&self, trust: &TrustStore) -> Option<(&'static str, String)> {
        let able = trust.owners_for(Role::Approval);
        let emergency = (!self.emergency_kinds.is_empty()).then_some(self.emergency_approvers);
        let emergency = emergency.map(|asked| ("emergency-approvers", asked));
        let mut asked = [("approvers", self.approvers)].into_iter().chain(emergency);
        let (parameter, asked) = asked.find(|(_, asked)| asked.owners() > able)?;
        let asked = asked.owners();
        Some((
            parameter,
            format!(
                "{} must approve, and the trust store has {able} with role approval; trust keys of more of your own \
                 people for it",
                counted(asked, "distinct owner")
            ),
        ))
    }
}

fn review_due(change: &Change) -> Option<String> {
    let emergency = change.emergency.as_ref()?;
    Some(format!(
        "emergency: {}; the ordinary review is due by {}",
        emergency.reason.as_str(),
        emergency.review_by
    ))
}

/// What makes an approval not one of this change.
fn out_of_order(approval: Piece<'_, Approval>, record: Piece<'_, Change>, facts: &Facts<'_>) -> Vec<Finding> {
    let (said, origin) = (approval.said, approval.origin());
    let mut findings = Vec::new();
    let this = record.statement.value().digest;
    if said.change.sha256.0 != this {
        findings.push(Finding::new(
            Code::ApprovalNotOfThisChange,
            origin,
            format!("approval of the change record with sha256 {this}"),
            format!("of one with sha256 {}", said.change.sha256.0),
        ));
    }
    if said.decided < record.said.written {
        findings.push(Finding::new(
            Code::ApprovalNotOfThisChange,
            origin,
            format!("a decision after the record was written at {}", record.said.written),
            format!("one at {}", said.decided),
        ));
    }
    if said.decision == Word::Rejected {
        let comment = said.comment.as_ref().map_or("no comment", |comment| comment.as_str());
        findings.push(Finding::new(
            Code::ApprovalRefused,
            origin,
            "decision approved",
            format!("rejected: {comment}"),
        ));
    }
    findings.extend(soundness::not_in_future(origin, "a decision", said.decided, facts.at));
    findings
}

impl ChangeApproved {
    /// How many must approve, and what is wrong with the emergency that the record claims.
    fn needed(
        &self,
        record: Piece<'_, Change>,
        kind: Kind,
        facts: &Facts<'_>,
    ) -> (Threshold, Option<Finding>) {
        let Some(emergency) = &record.said.emergency else {
            return (self.approvers, None);
        };
        let refused = |expected: String, found: String| {
            (self.approvers, Some(Finding::new(Code::EmergencyNotAllowed, record.origin(), expected, found)))
        };
        if !self.emergency_kinds.contains(&kind) {
            let kinds: Vec<String> = self.emergency_kinds.iter().map(Kind::to_string).collect();
            let allowed = if kinds.is_empty() {
                "no emergencies".to_owned()
            } else {
                format!("emergencies of kind {}", kinds.join(", "))
            };
            return refused(allowed, format!("one of kind {kind}: {}", emergency.reason.as_str()));
        }
        if emergency.review_by <= facts.at {
            return refused(
                format!("a review that is still to come at {}", facts.at),
                format!("one by {}", emergency.review_by),
            );
        }
        let latest = facts.at.after(self.emergency_review);
        if emergency.review_by > latest {
            return refused(
                format!("a review by {latest}, {} after the time of judgement", self.emergency_review),
                format!("one by {}", emergency.review_by),
            );
        }
        (self.emergency_approvers, None)
    }
}
