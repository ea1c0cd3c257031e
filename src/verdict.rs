//! The verdict: one word, and everything that it rests on.

use crate::digest::DocumentDigest;
use crate::finding::{Judgement, Outcome};
use crate::manifest::Release;
use crate::policy::pack::Severity;
use crate::policy::{INDISPENSABLE, Judged, WaiverNote};
use crate::time::Time;
use crate::trust::Signer;

/// ACCEPT or REJECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Every control permits integration.
    Accept,
    /// At least one does not.
    Reject,
}

impl Decision {
    /// The decision of this word.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Accept, Self::Reject].into_iter().find(|decision| decision.name() == word)
    }

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Reject => "REJECT",
        }
    }
}

/// What one control said, with what the pack says about it.
#[derive(Debug)]
pub struct Assessment {
    /// The control's id.
    pub control: String,
    /// The clause of the guide.
    pub clause: String,
    /// What it asks, in a line, from the pack.
    pub title: String,
    /// What is at stake, from the pack.
    pub severity: Severity,
    /// What the vendor should do when it fails, from the pack.
    pub remedy: String,
    /// What it said.
    pub judgement: Judgement,
}

/// The decision on a drop. Its decision follows from its assessments and can't be set.
#[derive(Debug)]
pub struct Verdict {
    decision: Decision,
    assessments: Vec<Assessment>,
    waivers: Vec<WaiverNote>,
    /// What the verdict rests on.
    pub basis: Basis,
}

/// What a verdict rests on, by digest: enough to say later whether another one rests on the same.
#[derive(Debug)]
pub struct Basis {
    /// The time of judgement.
    pub at: Time,
    /// The release, by its verified manifest; `None` when there was none.
    pub release: Option<Release>,
    /// SHA-256 of the manifest's signed text.
    pub manifest: Option<DocumentDigest>,
    /// Who signed it.
    pub signers: Vec<Signer>,
    /// The digest of the trust store.
    pub trust: DocumentDigest,
    /// The packs: id, version, digest.
    pub packs: Vec<(String, String, DocumentDigest)>,
    /// The manifest of the baseline.
    pub baseline: Option<DocumentDigest>,
    /// The verdict under which the baseline was accepted.
    pub baseline_verdict: Option<DocumentDigest>,
    /// The operator's lists of counterfeit items.
    pub notices: Vec<DocumentDigest>,
    /// The statements that came along.
    pub evidence: Vec<EvidenceNote>,
}

/// A statement that came along.
#[derive(Debug)]
pub struct EvidenceNote {
    /// Where it was.
    pub origin: String,
    /// SHA-256 of the text that was signed.
    pub digest: DocumentDigest,
    /// What it is about, by type.
    pub predicate_type: String,
    /// Whether it is about this drop and nothing else.
    pub about_this_drop: bool,
    /// Who signed it.
    pub signers: Vec<Signer>,
}

impl Verdict {
    /// Decides: ACCEPT when every assessment permits it, one passed, and the integrity controls did.
    ///
    /// A waiver permits, and never stands for the integrity controls.
    pub fn of(judged: Judged<'_>, basis: Basis) -> Self {
        let assessments: Vec<Assessment> = judged
            .judgements
            .into_iter()
            .map(|(rule, judgement)| Assessment {
                control: rule.id.clone(),
                clause: rule.clause.clone(),
                title: rule.title.clone(),
                severity: rule.severity,
                remedy: rule.remedy.clone(),
                judgement,
            })
            .collect();
        let passed = |control: &str| {
            assessments.iter().any(|one| one.control == control && one.judgement.outcome() == Outcome::Pass)
        };
        let accept = assessments.iter().all(|one| one.judgement.outcome().permits())
            && INDISPENSABLE.into_iter().all(passed)
            && basis.manifest.is_some();
        let decision = if accept { Decision::Accept } else { Decision::Reject };
        Self { decision, assessments, waivers: judged.waivers, basis }
    }

    /// The word.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// The waivers that came along, used or not.
    pub fn waivers(&self) -> &[WaiverNote] {
        &self.waivers
    }

    /// What each control said, in the order of the clauses.
    pub fn assessments(&self) -> &[Assessment] {
        &self.assessments
    }
}
