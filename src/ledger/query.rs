//! What can be asked of the record: which entries. Pure; [`answer`](super::answer) answers.

use super::entry::{Action, Entry};
use crate::digest::DocumentDigest;
use crate::finding::Outcome;
use crate::time::Time;
use crate::verdict::Decision;

/// Which entries: those for which all holds that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The vendor, by its exact name.
    pub vendor: Option<String>,
    /// The product, by its exact name.
    pub product: Option<String>,
    /// The version, by its exact name.
    pub version: Option<String>,
    /// The decision.
    pub verdict: Option<Decision>,
    /// A control that judged, by id.
    pub control: Option<String>,
    /// What that control said, or any one where none is given.
    pub outcome: Option<Outcome>,
    /// Where a control was waived.
    pub waived: bool,
    /// A file that arrived, by SHA-256.
    pub artifact: Option<DocumentDigest>,
    /// The manifest, by SHA-256 of its signed text.
    pub manifest: Option<DocumentDigest>,
    /// A key that the verdict rests on: its fingerprint, or the operator's name for it.
    pub key: Option<String>,
    /// A waiver that came along: SHA-256 of its signed text, or its ticket.
    pub waiver: Option<String>,
    /// Recorded at this time or later, to the microsecond.
    pub since: Option<Time>,
    /// Recorded before this time, to the microsecond.
    pub until: Option<Time>,
    /// What was asked of the gate.
    pub action: Option<Action>,
    /// Who recorded it.
    pub user: Option<String>,
    /// The last so many of them.
    pub limit: Option<usize>,
}

impl Query {
    /// Whether an entry is one of them, by all that the entry itself says: what arrived stands in another document.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.matches_release(entry)
            && self.matches_outcomes(entry)
            && self.matches_signatures(entry)
            && self.since.is_none_or(|since| entry.recorded_at.microseconds() >= since.microseconds())
            && self.until.is_none_or(|until| entry.recorded_at.microseconds() < until.microseconds())
            && self.action.is_none_or(|action| entry.action == action)
            && self.user.as_ref().is_none_or(|user| entry.by.user == *user)
            && (self.artifact.is_none() || entry.contents.is_some())
    }

    fn matches_release(&self, entry: &Entry) -> bool {
        let release = entry.release.as_ref();
        let is = |asked: &Option<String>, found: Option<&str>| {
            asked.as_deref().is_none_or(|asked| found == Some(asked))
        };
        is(&self.vendor, release.map(|release| release.vendor.as_str()))
            && is(&self.product, release.map(|release| release.product.as_str()))
            && is(&self.version, release.map(|release| release.version.as_str()))
            && self.manifest.is_none_or(|asked| entry.manifest.is_some_and(|found| found.sha256 == asked))
    }

    fn matches_outcomes(&self, entry: &Entry) -> bool {
        let said = |outcome: Outcome| self.outcome.is_none_or(|asked| outcome == asked);
        let control = match &self.control {
            Some(id) => entry.controls.get(id).is_some_and(|outcome| said(outcome.0)),
            None => self.outcome.is_none() || entry.controls.values().any(|outcome| said(outcome.0)),
        };
        control
            && self.verdict.is_none_or(|verdict| entry.verdict == verdict)
            && (!self.waived || entry.is_waived())
    }

    fn matches_signatures(&self, entry: &Entry) -> bool {
        let key = self.key.as_ref().is_none_or(|asked| {
            entry.keys.iter().any(|key| key.name == *asked || key.sha256.to_string() == *asked)
        });
        let waiver = self.waiver.as_ref().is_none_or(|asked| {
            entry.waivers.iter().any(|one| one.ticket == *asked || one.sha256.to_string() == *asked)
        });
        key && waiver
    }
}
