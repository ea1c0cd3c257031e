//! Paths that a file system blind to case or to Unicode form takes for one.
//!
//! Every path has to be keyed, for the other spelling of an odd one may be plain. Millions of keys are long, so a
//! short hash stands for each; where two keys share one, which a vendor can make happen by 2^32 tries, both are kept
//! whole, or the second would be forgotten and could collide unseen.

use super::path::DropPath;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Each path that is another spelling of one before it, with that one.
pub fn collisions<'p>(paths: impl Iterator<Item = &'p DropPath>) -> Vec<(&'p DropPath, &'p DropPath)> {
    by_hash(paths, short_hash)
}

fn by_hash<'p>(
    paths: impl Iterator<Item = &'p DropPath>,
    hash: impl Fn(&str) -> u64,
) -> Vec<(&'p DropPath, &'p DropPath)> {
    let mut by_hash: BTreeMap<u64, &DropPath> = BTreeMap::new();
    let mut by_key: BTreeMap<String, &DropPath> = BTreeMap::new();
    let mut found = Vec::new();
    for path in paths {
        let key = path.collision_key();
        match by_hash.entry(hash(&key)) {
            Entry::Vacant(vacant) => {
                vacant.insert(path);
            }
            Entry::Occupied(first) if first.get().collision_key() == key => found.push((path, *first.get())),
            Entry::Occupied(_) => match by_key.entry(key) {
                Entry::Vacant(vacant) => {
                    vacant.insert(path);
                }
                Entry::Occupied(first) => found.push((path, *first.get())),
            },
        }
    }
    found
}

fn short_hash(text: &str) -> u64 {
    let digest = blake3::hash(text.as_bytes());
    digest.as_bytes().iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_hide_no_collision() {
        let paths =
            ["a", "b", "B", "c", "A", "C", "\u{e9}", "e\u{301}"].map(|path| DropPath::parse(path).unwrap());
        let shown = |hash: fn(&str) -> u64| -> Vec<(String, String)> {
            let found = by_hash(paths.iter(), hash);
            found.into_iter().map(|(path, other)| (path.to_string(), other.to_string())).collect()
        };
        let expected = shown(short_hash);
        assert_eq!(expected.len(), 4);
        assert_eq!(shown(|_| 0), expected);
        assert_eq!(shown(|key| key.len() as u64), expected);
    }
}
