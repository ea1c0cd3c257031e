//! The vendor's signed claim: which files, of what, in which version.
//!
//! One file per format, each giving the same [`Manifest`]; a manifest is read only from bytes whose signature
//! was checked, so everything after this sees `Verified<Manifest>` or nothing.

pub mod checksums;
#[cfg(feature = "debian")]
pub mod debian;
pub mod described;
pub mod kept;
pub mod native;
pub mod order;
pub mod sol004;
pub mod statement;
pub(crate) mod subjects;

pub use subjects::SubjectRefusal;

use crate::digest::{Algorithm, Claimed, DigestSet, DocumentDigest};
use crate::drop::path::{DropPath, Name};
use crate::time::Time;
pub use order::{Comparison, Order};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a drop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A component that the operator did not have before.
    NewComponent,
    /// A newer version of software that the operator has.
    SoftwareUpdate,
    /// An update whose purpose is to close a vulnerability.
    VulnerabilityFix,
    /// Hardware in place of other hardware.
    HardwareReplacement,
    /// What is handed over at the end of a contract.
    Transition,
}

impl Kind {
    /// Every kind, by the name that documents give it.
    pub const LEGAL: [(&'static str, Self); 5] = [
        ("new-component", Self::NewComponent),
        ("software-update", Self::SoftwareUpdate),
        ("vulnerability-fix", Self::VulnerabilityFix),
        ("hardware-replacement", Self::HardwareReplacement),
        ("transition", Self::Transition),
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::LEGAL.iter().find(|(_, kind)| kind == self).map_or("", |(name, _)| name))
    }
}

/// What a drop is, in which version, for whom and until when: all of the manifest but its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Who delivers.
    pub vendor: Name,
    /// What.
    pub product: Name,
    /// In which version, for people.
    pub version: Name,
    /// What the drop is.
    pub kind: Kind,
    /// When the vendor says that it was issued, where the format can say it.
    pub issued: Option<Time>,
    /// From when on it is not to be accepted; `None` where the operator said that releases of this form have no end.
    pub expires: Option<Time>,
    /// By what it is told to be later than another release.
    pub order: Order,
    /// The release that this one replaces.
    pub replaces: Option<Replaces>,
    /// The operator for whom it was made.
    pub recipient: Option<Name>,
}

/// The release that another one replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its version.
    pub version: Name,
    /// The digest of its manifest.
    pub manifest: DocumentDigest,
}

/// One file that the manifest lists.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its path in the drop.
    pub path: DropPath,
    /// What the vendor says its digests are; empty when only weak ones were given.
    pub digests: DigestSet<Claimed>,
}

/// A manifest, of whatever format it came in.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// What it is the manifest of.
    pub release: Release,
    /// SHA-256 of the exact text that was signed: what others name this manifest by.
    pub digest: DocumentDigest,
    /// The form that it came in.
    pub format: Format,
    /// The file that it was read from: where findings about it point to.
    pub file: String,
    artifacts: Vec<Artifact>,
}

/// The form of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Our own: [`native`].
    Native,
    /// A package by ETSI GS NFV-SOL 004.
    Sol004,
    /// A list of checksums with a signature beside it.
    Checksums,
    /// One file with a signature beside it.
    Image,
    /// A Debian repository: `InRelease`, `Packages`, and what they list.
    Debian,
    /// An in-toto statement of any kind in a Sigstore bundle.
    Statement,
}

impl Format {
    /// Every form, by the name that files give it.
    pub const LEGAL: [(&'static str, Self); 6] = [
        ("native", Self::Native),
        ("sol004", Self::Sol004),
        ("checksums", Self::Checksums),
        ("image", Self::Image),
        ("debian", Self::Debian),
        ("statement", Self::Statement),
    ];
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::LEGAL.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name))
    }
}

impl Manifest {
    /// One of another form than ours. The files must be sorted by path, each once, at least one: `None` where they are not.
    pub(crate) fn of(
        release: Release,
        digest: DocumentDigest,
        (format, file): (Format, String),
        artifacts: Vec<Artifact>,
    ) -> Option<Self> {
        let sorted = artifacts.windows(2).all(|pair| matches!(pair, [a, b] if a.path < b.path));
        (sorted && !artifacts.is_empty()).then_some(Self { release, digest, format, file, artifacts })
    }

    /// The digests of a file, to add to.
    pub(crate) fn digests_mut(&mut self, at: usize) -> Option<&mut DigestSet<Claimed>> {
        self.artifacts.get_mut(at).map(|artifact| &mut artifact.digests)
    }

    /// The files, sorted by path, each once, at least one.
    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }

    /// Whether a statement whose subject has these digests is about this manifest.
    pub fn is_named_by(&self, subject: &DigestSet<Claimed>) -> bool {
        subject.by(Algorithm::Sha256).is_some_and(|digest| self.digest.is(digest))
    }
}

#[cfg(test)]
impl Manifest {
    /// A manifest that nobody signed, for tests of what only looks at artifacts: paths with digests by name.
    pub(crate) fn imagined(artifacts: &[(&str, &[(&str, &str)])]) -> Self {
        let mut artifacts: Vec<Artifact> = artifacts
            .iter()
            .map(|(path, digests)| {
                let mut claims = crate::digest::Claims::default();
                digests.iter().for_each(|(name, text)| claims.add(name, text).unwrap());
                Artifact { path: DropPath::parse(path).unwrap(), digests: claims.finish().unwrap() }
            })
            .collect();
        artifacts.sort_by(|a, b| a.path.cmp(&b.path));
        let name = |text: &str| Name::parse(text).unwrap();
        let release = Release {
            vendor: name("Acme"),
            product: name("radio"),
            version: name("1"),
            kind: Kind::SoftwareUpdate,
            issued: "2026-01-31T12:00:00Z".parse().ok(),
            expires: "2026-07-31T12:00:00Z".parse().ok(),
            order: Order::Sequence(1),
            replaces: None,
            recipient: None,
        };
        let (format, file) = (Format::Native, native::FILE.to_owned());
        Self { release, digest: DocumentDigest::of(b""), format, file, artifacts }
    }
}
