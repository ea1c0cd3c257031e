//! Which artifacts a statement is about.
//!
//! A statement names its subjects by digest. [`Index`] finds the artifacts of a digest, [`Cover`] holds a set of
//! artifacts in a bit each, so that fifty statements about a hundred thousand artifacts are united in microseconds.

use crate::digest::{Claimed, DigestSet};
use crate::manifest::{Artifact, Manifest};

const BITS: usize = 64;

/// A set of artifacts, by their places in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    words: Vec<u64>,
    artifacts: usize,
}

impl Cover {
    /// None of `artifacts`.
    pub fn none(artifacts: usize) -> Self {
        Self { words: vec![0; artifacts.div_ceil(BITS)], artifacts }
    }

    /// All of `artifacts`.
    pub fn all(artifacts: usize) -> Self {
        let mut words = vec![u64::MAX; artifacts.div_ceil(BITS)];
        let rest = artifacts.checked_rem(BITS).unwrap_or(0);
        if let (Some(last), Some(mask)) = (words.last_mut(), mask_below(rest)) {
            *last = mask;
        }
        Self { words, artifacts }
    }

    /// Adds an artifact; a place beyond the manifest is none.
    pub fn add(&mut self, artifact: usize) {
        if artifact < self.artifacts
            && let (Some(word), Some(bit)) = (self.words.get_mut(word_of(artifact)), bit_of(artifact))
        {
            *word |= bit;
        }
    }

    /// Whether it holds the artifact.
    pub fn holds(&self, artifact: usize) -> bool {
        match (self.words.get(word_of(artifact)), bit_of(artifact)) {
            (Some(word), Some(bit)) => word & bit != 0,
            _ => false,
        }
    }

    /// Adds all that `other` holds.
    pub fn unite(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// How many it holds.
    pub fn count(&self) -> u64 {
        self.words.iter().fold(0_u64, |sum, word| sum.saturating_add(u64::from(word.count_ones())))
    }

    /// Those that it holds, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(|(at, word)| {
            let word = *word;
            (0..BITS)
                .filter(move |bit| {
                    word.checked_shr(u32::try_from(*bit).unwrap_or(u32::MAX)).is_some_and(|w| w & 1 == 1)
                })
                .map(move |bit| at.saturating_mul(BITS).saturating_add(bit))
        })
    }

    /// Those of `self` that `other` does not hold, in order.
    pub fn without(&self, other: &Self) -> Self {
        let words = self.words.iter().enumerate();
        let words = words.map(|(at, word)| word & !other.words.get(at).copied().unwrap_or(0)).collect();
        Self { words, artifacts: self.artifacts }
    }
}

fn word_of(artifact: usize) -> usize {
    artifact.checked_div(BITS).unwrap_or(usize::MAX)
}

fn bit_of(artifact: usize) -> Option<u64> {
    let shift = u32::try_from(artifact.checked_rem(BITS)?).ok()?;
    1_u64.checked_shl(shift)
}

/// The lowest `bits` bits; `None` for none, where the whole word is meant.
fn mask_below(bits: usize) -> Option<u64> {
    if bits == 0 {
        return None;
    }
    1_u64.checked_shl(u32::try_from(bits).ok()?)?.checked_sub(1)
}

/// The artifacts of a manifest by digest.
///
/// A vendor may list a million files of the same contents, and statements may name them a million times: artifacts whose
/// digests are the same are one group, and finding it costs the same however many there are.
#[derive(Debug, Default)]
pub struct Index {
    /// The first bytes of each digest, with its group; sorted.
    keys: Vec<(u64, u32)>,
    /// Where each group begins in `members`, and where the last one ends.
    bounds: Vec<u32>,
    /// Places of artifacts: group by group, and in each those first that are not left aside.
    members: Vec<u32>,
}

/// Most groups that are looked at for one digest. An honest manifest has one or two: files that share one digest and
/// not another are either lies or collisions.
const CANDIDATES: usize = 16;

impl Index {
    /// Indexes the manifest's artifacts. Those of `aside` (they did not arrive as they were signed) come last among their
    /// equals.
    pub fn of(manifest: &Manifest, aside: &Cover) -> Self {
        let artifacts = manifest.artifacts();
        let digests = |at: u32| digests_of(artifacts, at);
        let mut members: Vec<u32> = (0..artifacts.len()).filter_map(|at| u32::try_from(at).ok()).collect();
        let held = |at: u32| usize::try_from(at).is_ok_and(|at| aside.holds(at));
        members.sort_by(|a, b| {
            digests(*a).cmp(&digests(*b)).then_with(|| held(*a).cmp(&held(*b))).then_with(|| a.cmp(b))
        });
        let mut index = Self { keys: Vec::new(), bounds: Vec::new(), members: Vec::new() };
        let mut end = 0_u32;
        for group in members.chunk_by(|a, b| digests(*a) == digests(*b)) {
            let number = u32::try_from(index.bounds.len()).unwrap_or(u32::MAX);
            let set = group.first().and_then(|at| digests(*at));
            index
                .keys
                .extend(set.into_iter().flat_map(DigestSet::iter).map(|(_, digest)| (key(digest), number)));
            index.bounds.push(end);
            end = end.saturating_add(u32::try_from(group.len()).unwrap_or(u32::MAX));
        }
        index.bounds.push(end);
        index.keys.sort_unstable();
        index.keys.dedup();
        index.members = members;
        index
    }

    /// The places of all artifacts that a subject with these digests is, group by group: one digest at least is the
    /// artifact's, and none by an algorithm that both give is another.
    pub fn groups<'i>(
        &'i self,
        manifest: &'i Manifest,
        digests: &'i DigestSet<Claimed>,
    ) -> impl Iterator<Item = &'i [u32]> {
        let mut numbers: Vec<u32> = digests
            .iter()
            .flat_map(|(_, digest)| {
                let key = key(digest);
                let from = self.keys.partition_point(|(own, _)| *own < key);
                let rest = self.keys.get(from..).unwrap_or_default();
                rest.iter().take_while(move |(own, _)| *own == key).map(|(_, group)| *group).take(CANDIDATES)
            })
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().filter_map(move |number| {
            let group = self.group(number)?;
            let set = digests_of(manifest.artifacts(), *group.first()?)?;
            set.names_the_same_as(digests).then_some(group)
        })
    }

    /// The places of all artifacts that a subject with these digests is.
    pub fn matching<'i>(
        &'i self,
        manifest: &'i Manifest,
        digests: &'i DigestSet<Claimed>,
    ) -> impl Iterator<Item = usize> {
        self.groups(manifest, digests).flatten().filter_map(|at| usize::try_from(*at).ok())
    }

    /// Adds all artifacts that a subject with these digests is, and tells whether there is one. A group is added whole, so one
    /// that is there already costs nothing.
    pub fn add_to(&self, cover: &mut Cover, manifest: &Manifest, digests: &DigestSet<Claimed>) -> bool {
        let mut found = false;
        for group in self.groups(manifest, digests) {
            found = true;
            let mut places = group.iter().filter_map(|at| usize::try_from(*at).ok()).peekable();
            if places.peek().is_some_and(|first| !cover.holds(*first)) {
                places.for_each(|at| cover.add(at));
            }
        }
        found
    }

    fn group(&self, number: u32) -> Option<&[u32]> {
        let number = usize::try_from(number).ok()?;
        let (from, to) = (self.bounds.get(number)?, self.bounds.get(number.checked_add(1)?)?);
        self.members.get(usize::try_from(*from).ok()?..usize::try_from(*to).ok()?)
    }
}

fn digests_of(artifacts: &[Artifact], at: u32) -> Option<&DigestSet<Claimed>> {
    artifacts.get(usize::try_from(at).ok()?).map(|artifact| &artifact.digests)
}

/// The first eight bytes: enough to find by, never to compare by.
fn key(digest: &[u8]) -> u64 {
    digest.iter().take(8).fold(0, |key, byte| (key << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_is_exactly_all() {
        for artifacts in [0, 1, 63, 64, 65, 128, 1000] {
            let all = Cover::all(artifacts);
            assert_eq!(all.count(), artifacts as u64);
            assert_eq!(all.iter().collect::<Vec<_>>(), (0..artifacts).collect::<Vec<_>>());
            assert!(!all.holds(artifacts));
        }
    }

    fn subject(digests: &[(&str, &str)]) -> DigestSet<Claimed> {
        let mut claims = crate::digest::Claims::default();
        digests.iter().for_each(|(name, text)| claims.add(name, text).unwrap());
        claims.finish().unwrap()
    }

    #[test]
    fn a_subject_is_found_by_its_digests_and_by_nothing_less() {
        let (one, two, long) = ("1".repeat(64), "2".repeat(64), "3".repeat(128));
        let manifest = Manifest::imagined(&[
            ("a", &[("sha256", one.as_str()), ("sha512", &long)]),
            ("b", &[("sha256", &one)]),
            ("c", &[("sha256", &two)]),
            ("d", &[("sha256", &one)]),
        ]);
        let mut aside = Cover::none(4);
        aside.add(1);
        let index = Index::of(&manifest, &aside);
        let found = |digests: &[(&str, &str)]| {
            let digests = subject(digests);
            let places = index.matching(&manifest, &digests);
            places
                .filter_map(|at| manifest.artifacts().get(at))
                .map(|one| one.path.to_string())
                .collect::<String>()
        };
        // Those that did not arrive come last among their equals.
        assert_eq!(found(&[("sha256", &one)]), "dba");
        assert_eq!(found(&[("sha256", &two)]), "c");
        assert_eq!(found(&[("sha512", &long)]), "a");
        assert_eq!(found(&[("sha256", &one), ("sha512", &long)]), "dba");
        // A digest that both give, and that is another, is of something else.
        assert_eq!(found(&[("sha256", &two), ("sha512", &long)]), "c");
        assert_eq!(found(&[("sha256", &"4".repeat(64))]), "");
        assert_eq!(found(&[("blake3", &one)]), "");
    }

    #[test]
    fn a_hundred_thousand_equal_files_named_as_often_are_one_look_up_each() {
        let digest = "5".repeat(64);
        let names: Vec<String> = (0..100_000).map(|n| format!("f{n:06}")).collect();
        let digests: &[(&str, &str)] = &[("sha256", digest.as_str())];
        let listed: Vec<(&str, &[(&str, &str)])> =
            names.iter().map(|name| (name.as_str(), digests)).collect();
        let manifest = Manifest::imagined(&listed);
        let index = Index::of(&manifest, &Cover::none(0));
        let mut cover = Cover::none(manifest.artifacts().len());
        let subject = subject(digests);
        // A square of this would take minutes.
        for _ in 0..100_000 {
            assert!(index.add_to(&mut cover, &manifest, &subject));
        }
        assert_eq!(cover.count(), 100_000);
    }

    proptest! {
        #[test]
        fn a_cover_is_a_set(a in prop::collection::vec(0_usize..200, 0..50), b in prop::collection::vec(0_usize..200, 0..50)) {
            let cover = |places: &[usize]| {
                let mut cover = Cover::none(150);
                places.iter().for_each(|at| cover.add(*at));
                cover
            };
            let set = |places: &[usize]| places.iter().copied().filter(|at| *at < 150).collect::<BTreeSet<_>>();
            let mut both = cover(&a);
            both.unite(&cover(&b));
            prop_assert_eq!(both.iter().collect::<BTreeSet<_>>(), set(&a).union(&set(&b)).copied().collect());
            let rest = cover(&a).without(&cover(&b));
            prop_assert_eq!(rest.iter().collect::<BTreeSet<_>>(), set(&a).difference(&set(&b)).copied().collect());
            prop_assert_eq!(rest.count(), rest.iter().count() as u64);
        }
    }
}
