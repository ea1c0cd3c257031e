//! Waivers: the provider's signed, scoped, dated exceptions to one control each.
//!
//! A waiver that is not in order changes nothing and is reported with the reason; so is one that excused nothing. The two
//! integrity controls can't be waived: without them nobody knows which bytes are excused.

use super::{Facts, INDISPENSABLE, Policy, Rule, soundness};
use crate::digest::DocumentDigest;
use crate::evidence::predicate::waiver::Waiver;
use crate::evidence::{Piece, Predicate};
use crate::finding::{Finding, Judgement};
use crate::manifest::Artifact;
use crate::time::Time;
use std::collections::BTreeSet;

/// A waiver that came along, for the verdict.
#[derive(Debug)]
pub struct WaiverNote {
    /// Where it was.
    pub origin: String,
    /// SHA-256 of the text that was signed.
    pub digest: DocumentDigest,
    /// The control that it names.
    pub control: String,
    /// Why.
    pub reason: String,
    /// Where it was discussed.
    pub ticket: String,
    /// Who asked for it.
    pub requested_by: String,
    /// Who of the provider signed it.
    pub signed_by: Vec<String>,
    /// When it was given.
    pub issued: Time,
    /// From when on it is void.
    pub expires: Time,
    /// What it covers, in words.
    pub scope: String,
    /// How many findings it excused.
    pub excused: u64,
    /// Why it excused none, where it did not.
    pub unused: Option<String>,
}

/// The waivers of a drop, while it is judged.
pub struct Waivers<'f>(Vec<Held<'f>>);

struct Held<'f> {
    note: WaiverNote,
    /// `None` for the whole drop.
    paths: Option<BTreeSet<&'f str>>,
}

impl<'f> Waivers<'f> {
    /// Those that came with the drop, held against the policy.
    pub fn of(facts: &Facts<'f>, policy: &Policy) -> Self {
        let Ok(known) = facts.known() else { return Self(Vec::new()) };
        let waivers = known.evidence.pieces(|predicate| match predicate {
            Predicate::Waiver(waiver) => Some(waiver),
            _ => None,
        });
        let artifacts = known.manifest.value().artifacts();
        Self(
            waivers
                .map(|waiver| {
                    let about = waiver.about();
                    let covered = about.artifacts.iter().filter_map(|at| artifacts.get(at)).map(path);
                    let paths: Option<BTreeSet<&str>> = (!about.manifest).then(|| covered.collect());
                    let note = note(waiver, paths.as_ref(), out_of_order(waiver, policy, facts.at));
                    Held { note, paths }
                })
                .collect(),
        )
    }

    /// Excuses what waivers of this rule's control cover.
    pub fn excuse(&mut self, rule: &Rule, judgement: Judgement) -> Judgement {
        let held = &self.0;
        let judgement = judgement.excused_by(|finding| {
            held.iter().position(|one| {
                one.note.unused.is_none() && one.note.control == rule.id && one.covers(finding)
            })
        });
        for waived in judgement.waived() {
            if let Some(held) = self.0.get_mut(waived.waiver) {
                held.note.excused = held.note.excused.saturating_add(1);
            }
        }
        judgement
    }

    /// What became of each.
    pub fn into_notes(self) -> Vec<WaiverNote> {
        let notes = self.0.into_iter().map(|held| held.note);
        notes
            .map(|mut note| {
                if note.excused == 0 && note.unused.is_none() {
                    note.unused = Some("it matched no finding".to_owned());
                }
                note
            })
            .collect()
    }
}

impl Held<'_> {
    fn covers(&self, finding: &Finding) -> bool {
        let covers =
            |paths: &BTreeSet<&str>| finding.is_of_artifact() && paths.contains(finding.place.as_str());
        self.paths.as_ref().is_none_or(covers)
    }
}

fn path(artifact: &Artifact) -> &str {
    artifact.path.as_str()
}

fn note(waiver: Piece<'_, Waiver>, paths: Option<&BTreeSet<&str>>, unused: Option<String>) -> WaiverNote {
    let (said, statement) = (waiver.said, waiver.statement.value());
    let scope = match paths {
        None => "the whole drop".to_owned(),
        Some(paths) if paths.len() == 1 => paths.iter().map(|path| (*path).to_owned()).collect(),
        Some(paths) => format!("{} artifacts", paths.len()),
    };
    WaiverNote {
        origin: statement.origin.clone(),
        digest: statement.digest,
        control: said.control.as_str().to_owned(),
        reason: said.reason.as_str().to_owned(),
        ticket: said.ticket.as_str().to_owned(),
        requested_by: said.requested_by.as_str().to_owned(),
        signed_by: waiver.statement.signers().iter().map(|signer| signer.owner.clone()).collect(),
        issued: said.issued,
        expires: said.expires,
        scope,
        excused: 0,
        unused,
    }
}

/// Why a waiver changes nothing.
fn out_of_order(waiver: Piece<'_, Waiver>, policy: &Policy, at: Time) -> Option<String> {
    let (said, about) = (waiver.said, waiver.about());
    let control = said.control.as_str();
    if INDISPENSABLE.contains(&control) {
        return Some(format!("{control} can't be waived"));
    }
    let Some((pack, _)) = policy.rule(control) else {
        return Some(format!("expected one control of the policy, found {control:?}"));
    };
    if !about.touches_this_drop() {
        return Some("it is about no file of this drop".to_owned());
    }
    if at >= said.expires {
        return Some(format!("it expired at {}", said.expires));
    }
    if let Some(future) = soundness::not_in_future(waiver.origin(), "issued", said.issued, at) {
        return Some(format!("expected {}, found {}", future.expected, future.found));
    }
    let latest = at.after(pack.longest_waiver);
    if said.expires > latest {
        return Some(format!(
            "expected an end by {latest}, {} after the time of judgement, found {}",
            pack.longest_waiver, said.expires
        ));
    }
    None
}
