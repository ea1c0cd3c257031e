//! Paths that a file system blind to case or to Unicode form takes for one.
//!
//! A path that folds to itself collides with odd ones alone, and most drops have few of these. Keys of millions are long, so a
//! short hash stands for each, and only paths whose hashes are equal are keyed again and compared: two keys that share a
//! hash, which a vendor could make happen by 2^32 tries, hide nothing.

use super::path::DropPath;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// Each path that is another spelling of one before it in the order of paths, with that one; sorted.
pub fn collisions<'p>(paths: impl Iterator<Item = &'p DropPath>) -> Vec<(&'p DropPath, &'p DropPath)> {
    let state = RandomState::new();
    by_hash(paths, |key| state.hash_one(key))
}

fn by_hash<'p>(
    paths: impl Iterator<Item = &'p DropPath>,
    hash: impl Fn(&str) -> u64,
) -> Vec<(&'p DropPath, &'p DropPath)> {
    let (odd, plain): (Vec<_>, Vec<_>) = paths.partition(|path| path.collision_key() != path.as_str());
    let mut hashed: Vec<(u64, &DropPath)> =
        odd.into_iter().map(|path| (hash(path.collision_key().as_ref()), path)).collect();
    let hashes: HashSet<u64> = hashed.iter().map(|(hash, _)| *hash).collect();
    if hashes.is_empty() {
        return Vec::new();
    }
    let plain = plain.into_iter().map(|path| (hash(path.as_str()), path));
    hashed.extend(plain.filter(|(hash, _)| hashes.contains(hash)));
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    let mut found = Vec::new();
    for run in hashed.chunk_by_mut(|(a, _), (b, _)| a == b).filter(|run| run.len() > 1) {
        run.sort_unstable_by_key(|(_, path)| *path);
        let mut firsts: HashMap<String, &DropPath> = HashMap::new();
        for (_, path) in run.iter() {
            let first = *firsts.entry(path.collision_key().into_owned()).or_insert(path);
            if first != *path {
                found.push((*path, first));
            }
        }
    }
    found.sort_unstable();
    found
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
        let expected = shown(|key| key.bytes().fold(0, |hash, byte| hash * 31 % 1_000_003 + u64::from(byte)));
        assert_eq!(expected.len(), 4);
        assert_eq!(shown(|_| 0), expected);
        assert_eq!(shown(|key| key.len() as u64), expected);
    }
}
