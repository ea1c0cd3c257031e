//! A mirrored Debian repository as a drop: from its signed root to each file.
//!
//! ```text
//! dists/stable/InRelease                        signed; lists the indexes with their digests
//! dists/stable/main/binary-amd64/Packages.gz    lists packages with theirs
//! pool/main/r/radio/radio_4.2_amd64.deb
//! ```
//!
//! 1. [`Place::find`] finds the one signed `InRelease`, or `Release` with `Release.gpg`. The caller checks the signature.
//! 2. [`Release::read`] reads the signed text.
//! 3. [`artifacts`] gives every file that the repository consists of. An index is read only if its bytes are those that the
//!    release lists.
//!
//! # What must be there
//! A mirror holds a part of what its release lists: other architectures, translations, and other packings of the same index are left
//! out. So a file that the release lists and that did not arrive is no fault, with one exception: of each index of packages
//! there must be one packing, or else nobody would notice that all of its packages were left out. The operator says which
//! architectures and components are mirrored ([`Scope`]); what is not said must be there. Every package of an index that arrived
//! must be there as well, and every file that arrived must be in a list. Sources may be left out whole.
//!
//! A repository without `dists`, whose `InRelease` is beside its packages (a flat one), is read in the same way.
//!
//! # What this does not see
//! Packages are taken as files: their own control data is not compared with the index. The directory below `dists` is a name that the
//! publisher gives a suite, and is not compared with the names inside. Files that an index of differences lists
//! (`Packages.diff/`) are in no list that is read here, and are extra.

mod compressed;
mod date;
mod packages;
mod paragraphs;
mod release;
mod tree;

pub use packages::{Package, Packages};
pub use paragraphs::Malformed;
pub use release::{Listed, Release};
pub use tree::{Files, Scope, artifacts};

use crate::drop::path::DropPath;

/// Why a drop is not a repository whose files can be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DebianRefusal {
    /// No signed root.
    #[error("expected one InRelease (or Release with Release.gpg), found none")]
    NoRelease,
    /// More than one: each suite is a drop of its own.
    #[error("expected one repository with one suite, found those of {}", .found.join(", "))]
    SeveralReleases {
        /// The directories, escaped.
        found: Vec<String>,
    },
    /// A signature without what it signs.
    #[error("{path}: expected Release beside it, found none")]
    NoText {
        /// The signature's path.
        path: DropPath,
    },
    /// A signed root at a place from which the pool can't be told.
    #[error("{path}: expected it at the root of the drop or below dists/, found it elsewhere")]
    Elsewhere {
        /// Its path.
        path: DropPath,
    },
    /// A list that is not one.
    #[error("{path}: {why}")]
    Index {
        /// The index.
        path: DropPath,
        /// What was expected, and what was found.
        why: String,
    },
    /// Two lists that can't both be right.
    #[error("{path}: expected all lists to give it the same digests, found different ones")]
    Contradiction {
        /// The file.
        path: DropPath,
    },
    /// The signed root, listed as an artifact.
    #[error("{path}: expected no list to name the signed file itself, found one that does")]
    Reserved {
        /// The file.
        path: DropPath,
    },
    /// A scope that names what is not there would ask for nothing.
    #[error("expected the profile to name {what} of the release ({}), found {found:?}", .expected.join(", "))]
    Scope {
        /// `architectures` or `components`.
        what: &'static str,
        /// Those of the release.
        expected: Vec<String>,
        /// What the operator named.
        found: String,
    },
    /// Nothing to list packages by.
    #[error("expected the release to list an index of packages, found none")]
    NoIndex,
    /// A name that no file may have.
    #[error("{text:?} in the directory of the release: {why}")]
    Path {
        /// The name.
        text: String,
        /// Why.
        why: crate::drop::path::PathRefusal,
    },
    /// More than a drop may hold.
    #[error("expected at most {} files, found more", crate::limits::DROP_FILES)]
    TooMany,
}

/// Where the signed root of a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory of the release, with a slash at its end; empty for a flat repository.
    base: String,
    /// The clear-signed release.
    pub in_release: Option<DropPath>,
    /// The release and its detached signature.
    pub detached: Option<(DropPath, DropPath)>,
}

impl Place {
    /// Finds the signed root among the paths of a drop.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn find<'p>(paths: impl IntoIterator<Item = &'p DropPath>) -> Result<Self, DebianRefusal> {
        let (mut in_releases, mut signatures, mut releases) = (Vec::new(), Vec::new(), Vec::new());
        for path in paths {
            match path.components().next_back() {
                Some("InRelease") => in_releases.push(path),
                Some("Release.gpg") => signatures.push(path),
                Some("Release") => releases.push(path),
                _ => {}
            }
        }
        let roots = || in_releases.iter().chain(&signatures).map(|path| directory(path));
        let base = roots().next().ok_or(DebianRefusal::NoRelease)?;
        if roots().any(|other| other != base) {
            let found: std::collections::BTreeSet<String> = roots()
                .map(|root| crate::escape::Escaped(if root.is_empty() { "." } else { root }).to_string())
                .collect();
            return Err(DebianRefusal::SeveralReleases { found: found.into_iter().take(10).collect() });
        }
        let is_known_place = base.is_empty() || base.starts_with("dists/");
        if let Some(path) = in_releases.iter().chain(&signatures).next().filter(|_| !is_known_place) {
            return Err(DebianRefusal::Elsewhere { path: (**path).clone() });
        }
        let detached = match signatures.first() {
            None => None,
            Some(signature) => {
                let release = releases.iter().find(|path| directory(path) == base);
                let release = release.ok_or_else(|| DebianRefusal::NoText { path: (**signature).clone() })?;
                Some(((**release).clone(), (**signature).clone()))
            }
        };
        Ok(Self {
            base: base.to_owned(),
            in_release: in_releases.first().map(|path| (**path).clone()),
            detached,
        })
    }

    /// The files that carry the signature or are signed: they are in no list, and are no artifacts.
    pub fn signed_files(&self) -> impl Iterator<Item = &DropPath> {
        let detached = self.detached.iter().flat_map(|(release, signature)| [release, signature]);
        self.in_release.iter().chain(detached)
    }

    /// Whether a `Release` beside an `InRelease` says the same: readers choose either. Blanks at ends of lines and the last line
    /// break are not signed in the one, and make no difference.
    pub fn says_the_same(clear_signed: &[u8], release: &[u8]) -> bool {
        let lines = |text: &[u8]| -> Vec<Vec<u8>> {
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            text.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end().to_vec()).collect()
        };
        lines(clear_signed) == lines(release)
    }
}

/// The part of a path up to its last slash.
fn directory(path: &DropPath) -> &str {
    let text = path.as_str();
    text.rfind('/').and_then(|at| text.get(..=at)).unwrap_or_default()
}

/// A line of a list: digest, size, path.
#[derive(Debug, Clone, Copy)]
struct Claim<'t> {
    digest: &'t str,
    size: u64,
    path: &'t str,
}

impl<'t> Claim<'t> {
    fn read(line: usize, row: &'t str) -> Result<Self, Malformed> {
        let mut words = row.split([' ', '\t']).filter(|word| !word.is_empty());
        let claim = match (words.next(), words.next().and_then(number), words.next(), words.next()) {
            (Some(digest), Some(size), Some(path), None) => {
                Some(Self { digest, size, path: without_dot(path) })
            }
            _ => None,
        };
        claim.ok_or_else(|| {
            let found = paragraphs::shown(row);
            paragraphs::malformed(
                line,
                format!("expected a digest, a size in bytes and a path, found {found:?}"),
            )
        })
    }
}

/// A leading `./`, which tools write for what lies in the directory they were started in, is the one other spelling of a path.
fn without_dot(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// Decimal digits, without a sign or zeros in front.
fn number(text: &str) -> Option<u64> {
    let is_plain = text == "0" || !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}
