//! From a reference to a rule to its level (SARIF 2.1.0, sections 3.27.10, 3.49 to 3.52, 3.54).
//!
//! A reference names a rule by index, by guid or by id, in the driver or in an extension. The index decides; without one
//! several rules can have the id, and then the worst of them counts.

use super::super::Severity;
use super::super::scans::{List, quoted};
use super::wire::{
    Descriptor, DescriptorReference, Invocation, Outcome, Override, Part, PartReference, Tool,
};
use crate::limits;
use std::collections::HashMap;

/// A level; a later one is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    None,
    Note,
    Warning,
    Error,
    Unknown,
}

impl Level {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "none" => Self::None,
            "note" => Self::Note,
            "warning" => Self::Warning,
            "error" => Self::Error,
            _ => Self::Unknown,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }

    /// The severity of a failure of this level; `none` is no level of a failure.
    pub(super) fn severity(self) -> Severity {
        match self {
            Self::Note => Severity::Low,
            Self::Warning => Severity::Medium,
            Self::Error => Severity::High,
            Self::None | Self::Unknown => Severity::Unknown,
        }
    }
}

/// A claim and what was found instead.
type Contradiction = (String, String);

/// A reference to a rule or a kind of notification.
pub(super) struct Reference<'r> {
    pub(super) id: Option<&'r str>,
    index: Option<usize>,
    guid: Option<&'r str>,
    part: Option<&'r PartReference>,
    contradictions: Vec<Contradiction>,
}

impl<'r> From<&'r DescriptorReference> for Reference<'r> {
    fn from(reference: &'r DescriptorReference) -> Self {
        Self {
            id: reference.id.as_deref(),
            // An index of -1 is the default and says nothing (3.52.5).
            index: reference.index.and_then(|index| usize::try_from(index).ok()),
            guid: reference.guid.as_deref(),
            part: reference.tool_component.as_ref(),
            contradictions: Vec::new(),
        }
    }
}

impl<'r> Reference<'r> {
    /// The rule of a result, which two fields and an object can name; they must agree (3.27.7).
    pub(super) fn of_result(result: &'r Outcome) -> Self {
        let (id, index) =
            (result.rule_id.as_deref(), result.rule_index.and_then(|index| usize::try_from(index).ok()));
        let Some(rule) = &result.rule else {
            return Self { id, index, guid: None, part: None, contradictions: Vec::new() };
        };
        let mut reference = Self::from(rule);
        if let (Some(own), Some(other)) = (id, reference.id)
            && own != other
        {
            let pair = (format!("ruleId {}", quoted(own)), format!("rule.id {}", quoted(other)));
            reference.contradictions.push(pair);
        }
        if let (Some(own), Some(other)) = (index, reference.index)
            && own != other
        {
            reference.contradictions.push((format!("ruleIndex {own}"), format!("rule.index {other}")));
        }
        reference.id = id.or(reference.id);
        reference.index = reference.index.or(index);
        reference
    }

    /// Where it contradicts itself.
    pub(super) fn contradictions(&self) -> Vec<Contradiction> {
        self.contradictions.clone()
    }
}

/// What is known of a rule.
pub(super) struct Rating<'r> {
    /// Its id.
    pub(super) id: Option<&'r str>,
    /// The level of a result that has none of its own.
    pub(super) level: Level,
    /// Its severity by score.
    pub(super) score: Option<Severity>,
    /// Where the reference to it is wrong.
    pub(super) contradiction: Option<Contradiction>,
}

/// A rule: which part it is in, and where there.
type Place = (usize, usize);

struct Entry<'r> {
    descriptor: &'r Descriptor,
    default: Level,
    worst: Level,
    score: Option<Severity>,
    enabled: bool,
}

/// All rules with one id or guid.
struct Group<'r> {
    id: &'r str,
    first: Place,
    count: usize,
    worst: Level,
    score: Option<Severity>,
}

/// The rules of a run, or its kinds of notifications.
pub(super) struct Catalog<'r> {
    /// By part: the driver is the first, then the extensions.
    parts: Vec<Vec<Entry<'r>>>,
    part_guids: HashMap<&'r str, usize>,
    ids: HashMap<&'r str, Group<'r>>,
    guids: HashMap<&'r str, Group<'r>>,
    overrides: HashMap<(Place, usize), Level>,
}

impl<'r> Catalog<'r> {
    /// The rules that `list` finds in the parts of `tool`, as `overrides` of the invocations configure them.
    pub(super) fn new(
        tool: &'r Tool,
        list: impl Fn(&'r Part) -> Option<&'r List<Descriptor>>,
        invocations: &'r [Invocation],
        overrides: impl Fn(&'r Invocation) -> Option<&'r List<Override>>,
    ) -> Self {
        let parts: Vec<&Part> =
            std::iter::once(&tool.driver).chain(tool.extensions.iter().flat_map(|list| &list.0)).collect();
        let entries = |part: &&'r Part| -> Vec<Entry<'r>> {
            list(part).iter().flat_map(|list| &list.0).map(Entry::new).collect()
        };
        let mut catalog = Self {
            parts: parts.iter().map(entries).collect(),
            part_guids: parts
                .iter()
                .zip(0..)
                .filter_map(|(part, at)| Some((part.guid.as_deref()?, at)))
                .collect(),
            ids: HashMap::new(),
            guids: HashMap::new(),
            overrides: HashMap::new(),
        };
        catalog.group();
        for (index, invocation) in invocations.iter().enumerate() {
            for change in overrides(invocation).iter().flat_map(|list| &list.0) {
                catalog.apply(index, change);
            }
        }
        // Again, now with what the overrides made worse.
        catalog.group();
        catalog
    }

    fn group(&mut self) {
        self.ids.clear();
        self.guids.clear();
        for (part, entries) in self.parts.iter().enumerate() {
            for (at, entry) in entries.iter().enumerate() {
                entry.join(&mut self.ids, &entry.descriptor.id, (part, at));
                if let Some(guid) = entry.descriptor.guid.as_deref() {
                    entry.join(&mut self.guids, guid, (part, at));
                }
            }
        }
    }

    fn apply(&mut self, invocation: usize, change: &Override) {
        let reference = Reference::from(&change.descriptor);
        let place = match (reference.index, self.part(reference.part)) {
            (Some(index), Some(part)) => Some((part, index)),
            _ => self.named(&reference).map(|group| group.first),
        };
        let Some((place, entry)) =
            place.and_then(|(part, index)| Some(((part, index), self.parts.get_mut(part)?.get_mut(index)?)))
        else {
            return;
        };
        entry.enabled = change.configuration.enabled.unwrap_or(entry.enabled);
        if let Some(level) = change.configuration.level.as_deref().map(Level::of) {
            entry.worst = entry.worst.max(level);
            let known = self.overrides.entry((place, invocation)).or_insert(level);
            *known = level.max(*known);
        }
    }

    /// Whether there are rules and none of them was on (3.50.2).
    pub(super) fn all_disabled(&self) -> bool {
        let mut entries = self.parts.iter().flatten().peekable();
        entries.peek().is_some() && entries.all(|entry| !entry.enabled)
    }

    /// The part that is referred to (3.54.2).
    fn part(&self, reference: Option<&PartReference>) -> Option<usize> {
        match reference {
            None => Some(0),
            Some(PartReference { index: Some(index), .. }) if *index >= 0 => {
                usize::try_from(*index).ok()?.checked_add(1)
            }
            Some(PartReference { guid: Some(guid), .. }) => self.part_guids.get(guid.as_str()).copied(),
            Some(_) => Some(0),
        }
    }

    /// The rules with the guid or the id of this reference; an id can be that of a rule with more components (3.52.4).
    fn named(&self, reference: &Reference<'_>) -> Option<&Group<'r>> {
        if let Some(group) = reference.guid.and_then(|guid| self.guids.get(guid)) {
            return Some(group);
        }
        ancestors(reference.id?).find_map(|id| self.ids.get(id))
    }

    /// What is known of the rule that is referred to, for a result of this invocation; where that is not
    /// known, as the worst of them configures it.
    pub(super) fn rate(&self, reference: &Reference<'_>, invocation: Option<usize>) -> Rating<'r> {
        let named = self.named(reference);
        let Some(index) = reference.index else {
            return match named {
                Some(group) if group.count == 1 => self.exactly(group.first, invocation),
                Some(group) => Some(group.rating()),
                None => None,
            }
            .unwrap_or_else(Rating::unknown);
        };
        let part = self.part(reference.part);
        let exact = part.and_then(|part| self.exactly((part, index), invocation));
        let found = exact.as_ref().and_then(|rating| rating.id);
        let agrees = match (found, reference.id) {
            (Some(found), Some(id)) => ancestors(id).any(|id| id == found),
            (Some(_), None) => true,
            (None, _) => false,
        };
        let mut rating = exact.unwrap_or_else(Rating::unknown);
        if !agrees {
            let claimed = format!("rule {index} with id {}", quoted(reference.id.unwrap_or_default()));
            let counted = found.map_or("no such rule".into(), |id| format!("a rule with id {}", quoted(id)));
            rating.contradiction = Some((claimed, counted));
            if let Some(group) = named {
                rating.level = rating.level.max(group.worst);
                rating.score = rating.score.max(group.score);
            }
        }
        rating
    }

    fn exactly(&self, place: Place, invocation: Option<usize>) -> Option<Rating<'r>> {
        let entry = self.parts.get(place.0)?.get(place.1)?;
        let level = match invocation {
            Some(invocation) => self.overrides.get(&(place, invocation)).copied().unwrap_or(entry.default),
            None => entry.worst,
        };
        Some(Rating { id: Some(&entry.descriptor.id), level, score: entry.score, contradiction: None })
    }
}

impl<'r> Entry<'r> {
    fn new(descriptor: &'r Descriptor) -> Self {
        let configuration = descriptor.default_configuration.as_ref();
        let level = configuration.and_then(|configuration| configuration.level.as_deref());
        let default = level.map_or(Level::Warning, Level::of);
        Self {
            descriptor,
            default,
            worst: default,
            score: descriptor.properties.as_ref().and_then(|properties| properties.score()),
            enabled: configuration.and_then(|configuration| configuration.enabled).unwrap_or(true),
        }
    }

    fn join(&self, groups: &mut HashMap<&'r str, Group<'r>>, key: &'r str, place: Place) {
        let group = groups.entry(key).or_insert(Group {
            id: &self.descriptor.id,
            first: place,
            count: 0,
            worst: self.worst,
            score: self.score,
        });
        group.count = group.count.saturating_add(1);
        group.worst = group.worst.max(self.worst);
        group.score = group.score.max(self.score);
    }
}

impl<'r> Group<'r> {
    fn rating(&self) -> Rating<'r> {
        Rating { id: Some(self.id), level: self.worst, score: self.score, contradiction: None }
    }
}

impl Rating<'_> {
    /// A result without metadata of its rule is a warning (3.27.10).
    fn unknown() -> Self {
        Rating { id: None, level: Level::Warning, score: None, contradiction: None }
    }
}

/// An id, and what is left of it when components are taken off its end.
fn ancestors(id: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(id), |id| id.rsplit_once('/').map(|(parent, _)| parent))
        .take(limits::RULE_ID_LEVELS)
}
