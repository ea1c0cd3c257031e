//! What can be wrong with a manifest's text.

use crate::digest::DigestRefusal;
use crate::drop::path::{DropPath, NameRefusal, PathRefusal};
use crate::limits;
use crate::manifest::sol004::lines::LineRefusal;
use crate::time::NotATime;

/// Why a text is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextRefusal {
    /// Not lines of keys and values.
    #[error(transparent)]
    Line(#[from] LineRefusal),
    /// A key where none of its kind may stand.
    #[error("line {number}: expected {expected}, found {found:?}")]
    Misplaced {
        /// Which line, from 1.
        number: usize,
        /// What may stand there.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A key again.
    #[error("line {number}: expected {key:?} once, found it again, first in line {first}")]
    Twice {
        /// Which line, from 1.
        number: usize,
        /// The key.
        key: String,
        /// Where it stood first.
        first: usize,
    },
    /// Metadata of two kinds of package.
    #[error("line {number}: expected metadata of one kind of package, found {key:?} behind {first:?}")]
    TwoFamilies {
        /// Which line, from 1.
        number: usize,
        /// The key.
        key: String,
        /// The first one of another kind.
        first: &'static str,
    },
    /// Too many keys.
    #[error("line {number}: expected at most {} keys of metadata, found one more", limits::SOL004_METADATA)]
    TooMuchMetadata {
        /// Which line, from 1.
        number: usize,
    },
    /// Too many files.
    #[error("line {number}: expected at most {} files, found one more", limits::DROP_FILES)]
    TooMany {
        /// Which line, from 1.
        number: usize,
    },
    /// A name that is none.
    #[error("line {number}: {key:?}: {found:?}: {why}")]
    Name {
        /// Which line, from 1.
        number: usize,
        /// The key.
        key: String,
        /// What stands there.
        found: String,
        /// Why.
        why: NameRefusal,
    },
    /// A time that is none.
    #[error("line {number}: {key:?}: {why}, found {found:?}")]
    Time {
        /// Which line, from 1.
        number: usize,
        /// The key.
        key: String,
        /// What stands there.
        found: String,
        /// Why.
        why: NotATime,
    },
    /// A file that is somewhere else.
    #[error(
        "line {number}: expected files of the package, found {found:?}: the gate fetches nothing, and accepts nothing that it did not see"
    )]
    External {
        /// Which line, from 1.
        number: usize,
        /// Where it would be.
        found: String,
    },
    /// A path that no file may have.
    #[error("line {number}: {found:?}: {why}")]
    Path {
        /// Which line, from 1.
        number: usize,
        /// What stands there.
        found: String,
        /// Why.
        why: PathRefusal,
    },
    /// A hash that nobody can rely on.
    #[error(
        "line {number}: {file}: expected SHA-256, SHA-384 or SHA-512, found {found:?}, for which other files can be made"
    )]
    Weak {
        /// Where the file stands, from 1.
        number: usize,
        /// The file.
        file: DropPath,
        /// The algorithm.
        found: String,
    },
    /// A hash that is none, or by an algorithm that is not computed.
    #[error("line {number}: {file}: {why}")]
    Digest {
        /// Where the file stands, from 1.
        number: usize,
        /// The file.
        file: DropPath,
        /// Why.
        why: DigestRefusal,
    },
    /// One without the other.
    #[error("line {number}: {file}: expected {expected}, found none")]
    Incomplete {
        /// Where the file stands, from 1.
        number: usize,
        /// The file.
        file: DropPath,
        /// What is missing.
        expected: &'static str,
    },
    /// One file listed twice.
    #[error("line {number}: {file}: expected each file once, found it again, first in line {first}")]
    Duplicate {
        /// Where it stands again, from 1.
        number: usize,
        /// The file.
        file: DropPath,
        /// Where it stood first.
        first: usize,
    },
    /// One file with two hashes.
    #[error("line {number}: {file}: expected the hash of line {first}, found another one")]
    Contradiction {
        /// Where it stands again, from 1.
        number: usize,
        /// The file.
        file: DropPath,
        /// Where it stood first.
        first: usize,
    },
    /// What can't be.
    #[error(
        "line {number}: {file}: expected the manifest without a hash, found one: it can't be in the file that it is of"
    )]
    HashOfItself {
        /// Where it stands, from 1.
        number: usize,
        /// The manifest.
        file: DropPath,
    },
}
