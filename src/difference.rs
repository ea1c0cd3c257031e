//! What changed between two manifests. Pure and total: every path that either lists is in exactly one class.
//!
//! Phases: both sorted lists are merged by path, which gives what stayed, what went and what came; then what
//! went is paired with what came under another name, which gives the renames.
//!
//! Claims are compared with claims here, and no byte is looked at. It is what two manifests say of each
//! other; whether either is true of its drop is for [`reconcile`](crate::reconcile) to find.

use crate::digest::{Algorithm, Algorithms, Claimed, DigestSet};
use crate::drop::path::DropPath;
use crate::manifest::{Artifact, Manifest};
use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

/// How the artifacts of two manifests differ. Every list is sorted by path.
///
/// Two artifacts are the same when they have at least one algorithm in common, and the digests by every
/// algorithm in common are equal.
#[derive(Debug, Clone, Default)]
pub struct Difference<'m> {
    gone: Vec<Lone<'m>>,
    came: Vec<Lone<'m>>,
    touched: Vec<Touched<'m>>,
    unchanged: u64,
}

/// A path that only one of the manifests lists.
#[derive(Debug, Clone, Copy)]
struct Lone<'m> {
    artifact: &'m Artifact,
    counterpart: Option<&'m Artifact>,
}

/// A path that both manifests list, and not as the same bytes for sure.
#[derive(Debug, Clone, Copy)]
struct Touched<'m> {
    pair: Pair<'m>,
    how: How,
}

/// An artifact of the old manifest with the one of the new manifest that it became.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'m> {
    /// In the old manifest.
    pub old: &'m Artifact,
    /// In the new manifest.
    pub new: &'m Artifact,
}

/// In which way two artifacts are not known to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Every digest in common differs.
    Other,
    /// One digest in common is equal and another one differs. No two files do that to hash functions that
    /// are not broken: at least one of the manifests is wrong about this path.
    Contradiction,
    /// They have no algorithm in common.
    Untold,
}

impl<'m> Difference<'m> {
    /// Compares. Takes time linear in the number of artifacts, whatever digests they claim.
    ///
    /// A rename is a path that went and a path that came as the same bytes. Where several share a digest, those
    /// with the same file name are paired first, then the rest, each time in the order of their paths; where
    /// artifacts give different algorithms, those with more of them in common go first. What is left over went
    /// or came. A path that went and one that came without an algorithm in common are no rename.
    pub fn between(old: &'m Manifest, new: &'m Manifest) -> Self {
        let mut difference = Self::default();
        let mut olds = old.artifacts().iter().peekable();
        let mut news = new.artifacts().iter().peekable();
        loop {
            let order = match (olds.peek(), news.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.path.cmp(&new.path),
            };
            let old = if order.is_le() { olds.next() } else { None };
            let new = if order.is_ge() { news.next() } else { None };
            match (old, new) {
                (Some(old), Some(new)) => difference.stayed(Pair { old, new }),
                (Some(artifact), None) => difference.gone.push(Lone { artifact, counterpart: None }),
                (None, Some(artifact)) => difference.came.push(Lone { artifact, counterpart: None }),
                (None, None) => {}
            }
        }
        pair_renamed(&mut difference.gone, &mut difference.came);
        difference
    }

    fn stayed(&mut self, pair: Pair<'m>) {
        match told_apart(&pair.old.digests, &pair.new.digests) {
            None => self.unchanged = self.unchanged.saturating_add(1),
            Some(how) => self.touched.push(Touched { pair, how }),
        }
    }

    /// Came, and is no rename.
    pub fn added(&self) -> impl Iterator<Item = &'m Artifact> {
        self.came.iter().filter(|lone| lone.counterpart.is_none()).map(|lone| lone.artifact)
    }

    /// Went, and is no rename.
    pub fn removed(&self) -> impl Iterator<Item = &'m Artifact> {
        self.gone.iter().filter(|lone| lone.counterpart.is_none()).map(|lone| lone.artifact)
    }

    /// At the same path as other bytes: [`How::Other`] or [`How::Contradiction`].
    pub fn modified(&self) -> impl Iterator<Item = (Pair<'m>, How)> {
        self.touched.iter().filter(|one| one.how != How::Untold).map(|one| (one.pair, one.how))
    }

    /// At the same path, without an algorithm in common: it can't be told whether the bytes are the same.
    /// Who decides must take it for modified.
    pub fn undecided(&self) -> impl Iterator<Item = Pair<'m>> {
        self.touched.iter().filter(|one| one.how == How::Untold).map(|one| one.pair)
    }

    /// At another path as the same bytes, by the old path.
    pub fn renamed(&self) -> impl Iterator<Item = Pair<'m>> {
        self.gone.iter().filter_map(|lone| Some(Pair { old: lone.artifact, new: lone.counterpart? }))
    }

    /// How many artifacts are at the same path as the same bytes.
    pub fn unchanged(&self) -> u64 {
        self.unchanged
    }

    /// Whether there is a path that is not known to be as it was.
    pub fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.came.is_empty() && self.touched.is_empty()
    }

    /// Every path that only the new manifest lists, the new names of renamed files among them.
    pub fn paths_added(&self) -> impl ExactSizeIterator<Item = &'m DropPath> {
        self.came.iter().map(|lone| &lone.artifact.path)
    }

    /// Every path that only the old manifest lists, the old names of renamed files among them.
    pub fn paths_removed(&self) -> impl ExactSizeIterator<Item = &'m DropPath> {
        self.gone.iter().map(|lone| &lone.artifact.path)
    }

    /// Every path that both list and that is not known to be as it was: modified or undecided.
    pub fn paths_modified(&self) -> impl ExactSizeIterator<Item = &'m DropPath> {
        self.touched.iter().map(|one| &one.pair.new.path)
    }
}

/// `None` where the two are the same bytes.
fn told_apart(old: &DigestSet<Claimed>, new: &DigestSet<Claimed>) -> Option<How> {
    let (mut equal, mut other) = (false, false);
    for (algorithm, digest) in old.iter() {
        match new.by(algorithm) {
            Some(same) if same == digest => equal = true,
            Some(_) => other = true,
            None => {}
        }
    }
    match (equal, other) {
        (true, false) => None,
        (false, true) => Some(How::Other),
        (true, true) => Some(How::Contradiction),
        (false, false) => Some(How::Untold),
    }
}

/// Being the same is no equivalence: of three artifacts that give sha256, both, and sha512, the first and the
/// last have nothing in common. And where a million share one digest and no other, looking through all that
/// share it costs a square. So the artifacts are grouped by the algorithms that they give, of which there are at
/// most 16 combinations; between two groups "the same" is equality of all digests in common, and a hash map
/// joins them.
fn pair_renamed<'m>(gone: &mut [Lone<'m>], came: &mut [Lone<'m>]) {
    let (olds, news) = (by_algorithms(gone), by_algorithms(came));
    let mut joins: Vec<(Algorithms, &Group, &Group)> = olds
        .iter()
        .flat_map(|old| news.iter().map(move |new| (old.algorithms.common(new.algorithms), old, new)))
        .filter(|(common, _, _)| common.count() > 0)
        .collect();
    // The same from both sides, so that the difference back is the mirror of the difference forth.
    joins.sort_by_key(|(common, old, new)| {
        let (one, two) = (old.algorithms, new.algorithms);
        (Reverse(common.count()), one.min(two), one.max(two))
    });
    for named in [true, false] {
        for (common, old, new) in &joins {
            join(gone, came, old, new, |artifact| Key::of(artifact, *common, named));
        }
    }
}

/// The artifacts of one side that give the same algorithms, by their place in the list of that side.
struct Group {
    algorithms: Algorithms,
    members: Vec<usize>,
}

fn by_algorithms(side: &[Lone<'_>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (place, lone) in side.iter().enumerate() {
        let algorithms = lone.artifact.digests.algorithms();
        match groups.iter_mut().find(|group| group.algorithms == algorithms) {
            Some(group) => group.members.push(place),
            None => groups.push(Group { algorithms, members: vec![place] }),
        }
    }
    groups
}

/// What must be equal for two artifacts to be paired. Borrowed, since there may be millions.
#[derive(PartialEq, Eq, Hash)]
struct Key<'m> {
    digests: [Option<&'m [u8]>; Algorithm::ALL.len()],
    file_name: Option<&'m str>,
}

impl<'m> Key<'m> {
    fn of(artifact: &'m Artifact, algorithms: Algorithms, named: bool) -> Self {
        let by = |algorithm| algorithms.contains(algorithm).then(|| artifact.digests.by(algorithm)).flatten();
        let file_name = if named { artifact.path.components().next_back() } else { None };
        Self { digests: Algorithm::ALL.map(by), file_name }
    }
}

/// Pairs members of two groups that are not paired yet and have the same key: first with first, second with
/// second.
fn join<'m>(
    gone: &mut [Lone<'m>],
    came: &mut [Lone<'m>],
    olds: &Group,
    news: &Group,
    key: impl Fn(&'m Artifact) -> Key<'m>,
) {
    // Of each key the first that is free; of each of these the next one of its key.
    let mut first: HashMap<Key<'m>, usize> = HashMap::new();
    let mut next: Vec<Option<usize>> = vec![None; olds.members.len()];
    for (place, (member, next)) in olds.members.iter().zip(&mut next).enumerate().rev() {
        if let Some(old) = gone.get(*member).filter(|old| old.counterpart.is_none()) {
            *next = first.insert(key(old.artifact), place);
        }
    }
    if first.is_empty() {
        return;
    }
    for member in &news.members {
        let Some(new) = came.get_mut(*member).filter(|new| new.counterpart.is_none()) else { continue };
        let Some(place) = first.remove(&key(new.artifact)) else { continue };
        if let Some(after) = next.get(place).copied().flatten() {
            first.insert(key(new.artifact), after);
        }
        let Some(old) = olds.members.get(place).and_then(|member| gone.get_mut(*member)) else { continue };
        old.counterpart = Some(new.artifact);
        new.counterpart = Some(old.artifact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::hex;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Listed = (String, Vec<(Algorithm, u8)>);

    /// A manifest in which a digest is one byte, repeated.
    fn manifest(listed: &[Listed]) -> Manifest {
        let texts: Vec<Vec<(&str, String)>> = listed
            .iter()
            .map(|(_, digests)| {
                let text = |(algorithm, byte): &(Algorithm, u8)| {
                    (algorithm.name(), hex(&vec![*byte; algorithm.bytes()]))
                };
                let weak = digests.is_empty().then(|| ("md5", "00".to_owned()));
                digests.iter().map(text).chain(weak).collect()
            })
            .collect();
        let digests: Vec<Vec<(&str, &str)>> =
            texts.iter().map(|set| set.iter().map(|(name, text)| (*name, text.as_str())).collect()).collect();
        let artifacts: Vec<(&str, &[(&str, &str)])> = listed
            .iter()
            .zip(&digests)
            .map(|((path, _), digests)| (path.as_str(), digests.as_slice()))
            .collect();
        Manifest::imagined(&artifacts)
    }

    fn plain(listed: &[(&str, u8)]) -> Manifest {
        let listed: Vec<Listed> = listed
            .iter()
            .map(|(path, byte)| ((*path).to_owned(), vec![(Algorithm::Sha256, *byte)]))
            .collect();
        manifest(&listed)
    }

    fn renames<'m>(difference: &Difference<'m>) -> Vec<(&'m str, &'m str)> {
        difference.renamed().map(|pair| (pair.old.path.as_str(), pair.new.path.as_str())).collect()
    }

    fn strings<'m>(paths: impl Iterator<Item = &'m DropPath>) -> Vec<&'m str> {
        paths.map(DropPath::as_str).collect()
    }

    #[test]
    fn each_class_has_its_paths() {
        let old = plain(&[("a", 1), ("b", 2), ("c", 3), ("d", 4)]);
        let new = plain(&[("a", 1), ("b", 9), ("e", 5), ("x/c", 3)]);
        let difference = Difference::between(&old, &new);
        assert_eq!(difference.unchanged(), 1);
        assert_eq!(strings(difference.added().map(|one| &one.path)), ["e"]);
        assert_eq!(strings(difference.removed().map(|one| &one.path)), ["d"]);
        assert_eq!(renames(&difference), [("c", "x/c")]);
        let modified: Vec<_> =
            difference.modified().map(|(pair, how)| (pair.old.path.as_str(), how)).collect();
        assert_eq!(modified, [("b", How::Other)]);
        assert_eq!(strings(difference.paths_added()), ["e", "x/c"]);
        assert_eq!(strings(difference.paths_removed()), ["c", "d"]);
        assert_eq!(strings(difference.paths_modified()), ["b"]);
        assert!(!difference.is_empty());
        assert!(Difference::between(&old, &old).is_empty());
    }

    #[test]
    fn swapped_names_are_two_modifications() {
        let (old, new) = (plain(&[("a", 1), ("b", 2)]), plain(&[("a", 2), ("b", 1)]));
        let difference = Difference::between(&old, &new);
        assert_eq!(difference.modified().count(), 2);
        assert!(renames(&difference).is_empty());
    }

    #[test]
    fn of_several_candidates_the_same_file_name_is_preferred_and_then_the_order_of_paths() {
        let old = plain(&[("1/x", 7), ("2/y", 7), ("3/z", 7), ("4/w", 7)]);
        let new = plain(&[("a/q", 7), ("b/y", 7), ("c/x", 7)]);
        let difference = Difference::between(&old, &new);
        assert_eq!(renames(&difference), [("1/x", "c/x"), ("2/y", "b/y"), ("3/z", "a/q")]);
        assert_eq!(strings(difference.removed().map(|one| &one.path)), ["4/w"]);
    }

    #[test]
    fn digests_in_common_decide_and_without_any_nothing_does() {
        use Algorithm::{Blake3, Sha256, Sha512};
        type Digests = &'static [(Algorithm, u8)];
        let cases: [(Digests, Digests, Option<How>); 8] = [
            (&[(Sha256, 1)], &[(Sha256, 1)], None),
            (&[(Sha256, 1)], &[(Sha256, 1), (Sha512, 5)], None),
            (&[(Sha256, 1)], &[(Sha256, 2)], Some(How::Other)),
            (&[(Sha256, 1), (Blake3, 1)], &[(Sha256, 1), (Blake3, 2)], Some(How::Contradiction)),
            (&[(Sha256, 1), (Blake3, 1)], &[(Sha256, 2), (Blake3, 2)], Some(How::Other)),
            (&[(Sha256, 1)], &[(Sha512, 1)], Some(How::Untold)),
            (&[], &[(Sha256, 1)], Some(How::Untold)),
            (&[], &[], Some(How::Untold)),
        ];
        for (old, new, how) in cases {
            let of = |digests: &[(Algorithm, u8)]| manifest(&[("a".to_owned(), digests.to_vec())]);
            let (old, new) = (of(old), of(new));
            let difference = Difference::between(&old, &new);
            let found = difference.touched.first().map(|one| one.how);
            assert_eq!(found, how, "{old:?} {new:?}");
            assert_eq!(difference.unchanged(), u64::from(how.is_none()));
            assert_eq!(difference.undecided().count(), usize::from(how == Some(How::Untold)));
            assert_eq!(difference.paths_modified().count(), usize::from(how.is_some()), "never let through");
        }
    }

    #[test]
    fn contents_that_contradict_or_cannot_be_compared_are_no_rename() {
        use Algorithm::{Blake3, Sha256, Sha512};
        let old = manifest(&[("a".to_owned(), vec![(Sha256, 1), (Blake3, 1)]), ("b".to_owned(), vec![])]);
        let new = manifest(&[
            ("c".to_owned(), vec![(Sha256, 1), (Blake3, 2)]),
            ("d".to_owned(), vec![(Sha512, 1)]),
            ("e".to_owned(), vec![]),
        ]);
        let difference = Difference::between(&old, &new);
        assert!(renames(&difference).is_empty());
        assert_eq!((difference.removed().count(), difference.added().count()), (2, 3));
    }

    /// Looking through all that share a digest would take hours.
    #[test]
    fn a_digest_that_many_share_costs_no_square() {
        use Algorithm::{Blake3, Sha256};
        let many = |prefix: &str, odd: u8| {
            let listed: Vec<Listed> = (0..50_000_u32)
                .map(|number| {
                    let blake3 = (number.to_le_bytes()[0] & !1) | odd;
                    (format!("{prefix}{number}/fw.bin"), vec![(Sha256, 1), (Blake3, blake3)])
                })
                .collect();
            manifest(&listed)
        };
        let (old, new) = (many("a", 0), many("b", 1));
        assert_eq!(Difference::between(&old, &new).renamed().count(), 0);
        let new = many("b", 0);
        assert_eq!(Difference::between(&old, &new).renamed().count(), 50_000);
    }

    fn listings() -> impl Strategy<Value = Vec<Listed>> {
        let digests = proptest::collection::btree_map(0..Algorithm::ALL.len(), 0_u8..2, 0..4);
        let path = (0_u8..3, 0_u8..4).prop_map(|(folder, name)| format!("{folder}/{name}"));
        proptest::collection::btree_map(path, digests, 1..9).prop_map(|listed| {
            let named = |(at, byte): (usize, u8)| (Algorithm::ALL[at], byte);
            listed
                .into_iter()
                .map(|(path, digests)| (path, digests.into_iter().map(named).collect()))
                .collect()
        })
    }

    /// Classes as sets, with renames as seen from the old side.
    fn classes<'m>(difference: &Difference<'m>) -> [BTreeSet<(&'m str, &'m str)>; 5] {
        let alone = |artifact: &'m Artifact| (artifact.path.as_str(), "");
        let both = |pair: Pair<'m>| (pair.old.path.as_str(), pair.new.path.as_str());
        [
            difference.added().map(alone).collect(),
            difference.removed().map(alone).collect(),
            difference.modified().map(|(pair, _)| both(pair)).collect(),
            difference.undecided().map(both).collect(),
            difference.renamed().map(both).collect(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_way_back_is_the_mirror(one in listings(), two in listings()) {
            let (one, two) = (manifest(&one), manifest(&two));
            let (forth, back) = (Difference::between(&one, &two), Difference::between(&two, &one));
            let [added, removed, modified, undecided, renamed] = classes(&forth);
            let [added_back, removed_back, modified_back, undecided_back, renamed_back] = classes(&back);
            prop_assert_eq!(added, removed_back);
            prop_assert_eq!(removed, added_back);
            prop_assert_eq!(modified, modified_back);
            prop_assert_eq!(undecided, undecided_back);
            let mirrored: BTreeSet<_> = renamed_back.into_iter().map(|(old, new)| (new, old)).collect();
            prop_assert_eq!(renamed, mirrored);
            prop_assert_eq!(forth.unchanged(), back.unchanged());
        }

        #[test]
        fn every_path_is_in_exactly_one_class(one in listings(), two in listings()) {
            let (one, two) = (manifest(&one), manifest(&two));
            let difference = Difference::between(&one, &two);
            let mut olds: Vec<&str> = strings(difference.removed().map(|one| &one.path));
            let mut news: Vec<&str> = strings(difference.added().map(|one| &one.path));
            let stayed = difference.modified().map(|(pair, _)| pair).chain(difference.undecided());
            for pair in stayed.chain(difference.renamed()) {
                olds.push(pair.old.path.as_str());
                news.push(pair.new.path.as_str());
            }
            for (classified, manifest) in [(&olds, &one), (&news, &two)] {
                let distinct: BTreeSet<&str> = classified.iter().copied().collect();
                prop_assert_eq!(distinct.len(), classified.len());
                let unchanged = manifest.artifacts().len().checked_sub(classified.len()).unwrap();
                prop_assert_eq!(u64::try_from(unchanged).unwrap(), difference.unchanged());
            }
        }

        #[test]
        fn a_rename_is_the_same_bytes_and_none_is_left_over(one in listings(), two in listings()) {
            let (one, two) = (manifest(&one), manifest(&two));
            let difference = Difference::between(&one, &two);
            for pair in difference.renamed() {
                prop_assert_eq!(told_apart(&pair.old.digests, &pair.new.digests), None);
            }
            for old in difference.removed() {
                for new in difference.added() {
                    prop_assert!(told_apart(&old.digests, &new.digests).is_some());
                }
            }
        }
    }
}
