//! What the operator asks of a drop.
//!
//! 1. [`pack`] reads a policy pack, `policies/*.toml`, into rules: which control, with which parameters.
//! 2. [`facts`] is all that a control may look at.
//! 3. [`controls`] judge: each a pure function from facts to a judgement; [`expression`] are those of the operator, over the
//!    facts that [`vocabulary`] names.
//! 4. [`waivers`] excuse what the provider signed an exception for.
//!
//! A policy is packs that together hold each control once, and both integrity controls: one that asks for
//! nothing, or that does not ask whether the files are the signed ones, can't be made.

pub mod controls;
pub mod expression;
pub mod facts;
pub mod pack;
pub mod soundness;
pub mod vocabulary;
pub mod waivers;

pub use facts::Facts;
pub use pack::{Pack, Rule, Severity};
pub use waivers::{WaiverNote, Waivers};

use crate::config::ConfigError;
use crate::finding::{Judgement, Outcome};
use crate::trust::{Threshold, TrustStore};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The controls without which no drop is ever accepted: who signed, and that these are the signed files.
pub const INDISPENSABLE: [&str; 2] = ["so12.manifest-signed", "so12.manifest-complete"];

/// The packs of a gate, fit to judge with.
#[derive(Debug)]
pub struct Policy {
    packs: Vec<Pack>,
}

/// Why packs that are each in order make no policy.
#[derive(Debug)]
pub enum PolicyRefusal {
    /// No packs at all.
    NoPacks,
    /// One control stands in two packs, which could disagree.
    Twice {
        /// The control.
        control: String,
        /// The pack that has it first.
        first: PathBuf,
        /// The place in the second.
        place: Box<ConfigError>,
    },
    /// An integrity control is in none of the packs.
    Indispensable {
        /// The control.
        control: &'static str,
    },
    /// A parameter asks for what the trust store can't give.
    Misfit(Box<ConfigError>),
}

impl fmt::Display for PolicyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPacks => f.write_str(
                "expected at least one policy pack, found none: a gate without policy accepts nothing",
            ),
            Self::Twice { control, first, place } => {
                write!(
                    f,
                    "expected each control in one pack, found {control} also in {}; take one of the two packs out of \
                     `policies`, or the control out of one of them\n{place}",
                    crate::escape::path(first)
                )
            }
            Self::Indispensable { control } => {
                write!(
                    f,
                    "expected {control} in one of the policy packs, found it in none; add the pack so12.toml"
                )
            }
            Self::Misfit(place) => place.fmt(f),
        }
    }
}

impl std::error::Error for PolicyRefusal {}

impl Policy {
    /// Puts packs together, for judging against `trust`.
    ///
    /// # Errors
    /// When together they could accept what they should not, or could never accept anything.
    pub fn new(packs: Vec<Pack>, trust: &TrustStore) -> Result<Self, PolicyRefusal> {
        if packs.is_empty() {
            return Err(PolicyRefusal::NoPacks);
        }
        let mut seen: BTreeMap<&str, &Pack> = BTreeMap::new();
        for pack in &packs {
            for rule in pack.rules() {
                let control = rule.id.as_str();
                if let Some(first) = seen.insert(control, pack) {
                    return Err(PolicyRefusal::Twice {
                        control: control.to_owned(),
                        first: first.document().path().to_owned(),
                        place: Box::new(pack.fault_at(
                            rule.span(),
                            "this control stands in two packs",
                            "expected in one of them",
                        )),
                    });
                }
                if let Some((parameter, message)) = rule.control.misfit(trust) {
                    let place = pack.fault_at(
                        rule.parameter_span(parameter),
                        message,
                        "expected what the trust store can give",
                    );
                    return Err(PolicyRefusal::Misfit(Box::new(place)));
                }
            }
        }
        if let Some(control) = INDISPENSABLE.into_iter().find(|control| !seen.contains_key(*control)) {
            return Err(PolicyRefusal::Indispensable { control });
        }
        Ok(Self { packs })
    }

    /// The packs.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// The packs, for good.
    pub fn into_packs(self) -> Vec<Pack> {
        self.packs
    }

    /// How many distinct owners must sign a release. No policy is without it, for the control that asks it is
    /// indispensable.
    pub fn release_threshold(&self) -> Option<Threshold> {
        self.packs.iter().flat_map(Pack::rules).find_map(|rule| rule.control.release_threshold())
    }

    /// Whether it has the control without which a drop of kind transition could carry anything: that a dossier, signed by
    /// both parties, names every file.
    pub fn judges_transitions(&self) -> bool {
        self.rule(controls::TRANSITION_HANDOVER).is_some()
    }

    /// Judges by every rule, and lets the provider's waivers excuse what they cover. In the order of the clauses.
    pub fn judge<'p>(&'p self, facts: &Facts<'_>) -> Judged<'p> {
        let mut waivers = Waivers::of(facts, self);
        let rules = || self.packs.iter().flat_map(|pack| pack.rules().iter().map(move |rule| (pack, rule)));
        let mut judged: Vec<(&Rule, Judgement)> = rules()
            .filter(|(_, rule)| !rule.control.comes_last())
            .map(|(_, rule)| (rule, waivers.excuse(rule, rule.control.judge(facts))))
            .collect();
        let last: Vec<(&Rule, Judgement)> = rules()
            .filter(|(_, rule)| rule.control.comes_last())
            .map(|(_, rule)| {
                let others: Vec<(&str, Outcome)> = judged
                    .iter()
                    .map(|(other, judgement)| (other.id.as_str(), judgement.outcome()))
                    .collect();
                (rule, rule.control.judge_after(facts, &others))
            })
            .collect();
        judged.extend(last.into_iter().map(|(rule, judgement)| (rule, waivers.excuse(rule, judgement))));
        judged.sort_by(|(a, _), (b, _)| a.order().cmp(&b.order()));
        Judged { judgements: judged, waivers: waivers.into_notes() }
    }

    /// The pack and rule of this id.
    pub fn rule(&self, id: &str) -> Option<(&Pack, &Rule)> {
        let mut rules = self.packs.iter().flat_map(|pack| pack.rules().iter().map(move |rule| (pack, rule)));
        rules.find(|(_, rule)| rule.id == id)
    }
}

/// What every rule said, and what became of the waivers.
#[derive(Debug)]
pub struct Judged<'p> {
    /// The rules with their judgements, in the order of the clauses.
    pub judgements: Vec<(&'p Rule, Judgement)>,
    /// Every waiver that came along, used or not.
    pub waivers: Vec<WaiverNote>,
}
