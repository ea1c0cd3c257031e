//! Which accepted drop another one is compared with. Pure.
//!
//! Versions of a product follow on one another in one line, unless the operator runs several side by side and says so
//! ([`ReleaseLines`]): then each line has a last accepted drop of its own, and a fix to an older line is compared with
//! that line.

use crate::digest::DocumentDigest;
use std::collections::BTreeSet;

/// The release lines that an operator keeps of one product: each is the versions that begin with one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseLines {
    /// The vendor.
    pub vendor: String,
    /// The product.
    pub product: String,
    /// What the versions of each line begin with.
    pub prefixes: Vec<String>,
}

impl ReleaseLines {
    /// The line of a version: the longest beginning that it has. What has none of them is one line too.
    fn line(&self, version: &str) -> &str {
        let own = self.prefixes.iter().map(String::as_str).filter(|prefix| version.starts_with(prefix));
        own.max_by_key(|prefix| prefix.len()).unwrap_or_default()
    }
}

/// A drop that was accepted, as its entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedDrop {
    /// The number of its entry.
    pub entry: u64,
    /// SHA-256 of its manifest's signed text.
    pub manifest: DocumentDigest,
    /// Its version.
    pub version: String,
}

/// A drop that is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'c> {
    /// SHA-256 of its manifest's signed text.
    pub manifest: DocumentDigest,
    /// Its version.
    pub version: &'c str,
    /// The manifest that it says it replaces.
    pub replaces: Option<DocumentDigest>,
}

/// How a drop stands to those that were accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of this product was accepted yet.
    First,
    /// It comes after the drop of this entry.
    After(u64),
    /// It is the newest of its line itself, accepted by this entry: it is compared with what that was compared with.
    Again(u64),
}

/// How `candidate` stands to what was accepted of its vendor and product, in the order of the log.
pub fn standing(
    accepted: &[AcceptedDrop],
    candidate: Candidate<'_>,
    lines: Option<&ReleaseLines>,
) -> Standing {
    let line = |version| lines.map_or("", |lines| lines.line(version));
    let mut met = BTreeSet::new();
    // The last of each line, the last accepted of all first.
    let heads: Vec<&AcceptedDrop> =
        accepted.iter().rev().filter(|one| met.insert(line(&one.version))).collect();
    let own = heads.iter().find(|head| line(&head.version) == line(candidate.version));
    // The first of a line comes after the head of another: the one that it names, or the last accepted of all.
    let named = || heads.iter().find(|head| Some(head.manifest) == candidate.replaces);
    match own.or_else(named).or(heads.first()) {
        None => Standing::First,
        Some(head) if head.manifest == candidate.manifest => Standing::Again(head.entry),
        Some(head) => Standing::After(head.entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(of: &str) -> DocumentDigest {
        DocumentDigest::of(of.as_bytes())
    }

    /// Accepted versions in the order of the log; the manifest of version `v` is the text `v`.
    fn stands(accepted: &[&str], version: &str, replaces: Option<&str>, lines: &[&str]) -> Standing {
        let accepted: Vec<AcceptedDrop> = (0..)
            .zip(accepted)
            .map(|(entry, version)| AcceptedDrop {
                entry,
                manifest: digest(version),
                version: (*version).to_owned(),
            })
            .collect();
        let lines = ReleaseLines {
            vendor: "Acme".into(),
            product: "radio".into(),
            prefixes: lines.iter().map(|prefix| (*prefix).to_owned()).collect(),
        };
        let candidate = Candidate { manifest: digest(version), version, replaces: replaces.map(digest) };
        standing(&accepted, candidate, (!lines.prefixes.is_empty()).then_some(&lines))
    }

    #[test]
    fn without_lines_the_last_accepted_comes_before() {
        use Standing::{After, Again, First};
        for (accepted, version, expected) in [
            (&[][..], "1.0", First),
            (&["1.0"], "1.1", After(0)),
            (&["1.0", "1.1"], "1.1", Again(1)),
            // Superseded: it is compared with what superseded it, and is found to be old.
            (&["1.0", "1.1"], "1.0", After(1)),
            // Back by waiver, and forward again.
            (&["1.0", "1.1", "1.0"], "1.0", Again(2)),
            (&["1.0", "1.1", "1.0"], "1.1", After(2)),
            (&["1.0", "1.1", "1.1"], "1.1", Again(2)),
            (&["2.0"], "1.9.1", After(0)),
        ] {
            assert_eq!(stands(accepted, version, None, &[]), expected, "{accepted:?} {version}");
        }
    }

    #[test]
    fn each_line_has_a_head_of_its_own() {
        use Standing::{After, Again};
        let lines = ["1.", "2.", "2.1"];
        for (accepted, version, replaces, expected) in [
            (&["1.0", "2.0"][..], "1.1", Some("1.0"), After(0)),
            (&["1.0", "2.0"], "2.0.1", Some("2.0"), After(1)),
            (&["1.0", "2.0"], "1.0", None, Again(0)),
            (&["1.0", "2.0", "1.1"], "1.0", None, After(2)),
            // The longest beginning counts.
            (&["2.0", "2.1", "2.0.1"], "2.1.1", Some("2.1"), After(1)),
            // The first of a line: after the head that it names, not after what is none.
            (&["1.0", "2.0", "1.1"], "3.0", Some("2.0"), After(1)),
            (&["1.0", "2.0", "1.1"], "3.0", Some("1.0"), After(2)),
            (&["1.0", "2.0", "1.1"], "3.0", None, After(2)),
        ] {
            assert_eq!(stands(accepted, version, replaces, &lines), expected, "{accepted:?} {version}");
        }
    }
}
