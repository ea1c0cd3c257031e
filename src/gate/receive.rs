//! From what arrived to what was signed: one file per format.
//!
//! Our own form says what it is. Every other one is read by a [`Profile`] of gate.toml: the one that the operator names, or the one
//! that fits. What is in a drop can't choose how it is read: a form is looked for only where a profile accepts it, and a manifest counts
//! only by the signatures of the profile's vendor.

pub(super) mod beside;
#[cfg(feature = "debian")]
mod debian;
pub mod sol004;
mod sol004_hands;
#[cfg(feature = "sigstore")]
mod statement;

use super::profile::{Choice, Profile, Spoken};
use super::{Gate, GateError, receive_native, remarked_in};
use crate::digest::DocumentDigest;
use crate::drop::path::DropPath;
use crate::drop::{Entry, Inventory, Progress, ReadRefusal, Source, SourceError};
use crate::finding::{Code, Finding};
use crate::limits;
use crate::manifest::described::Described;
use crate::manifest::{Artifact, Format, Manifest, native};
use crate::time::Time;
use crate::trust::detached::{Said, Signed};
use crate::trust::{NotVerified, Verified};
use std::collections::BTreeSet;

/// A manifest, and the files that carry it or a signature: they need not be listed.
pub(super) struct Received {
    pub manifest: Verified<Manifest>,
    pub own: BTreeSet<DropPath>,
    /// The profile by which it was read.
    pub profile: Option<String>,
}

/// What is looked at, and by what.
#[derive(Clone, Copy)]
pub(super) struct Looking<'l> {
    pub gate: &'l Gate,
    pub source: &'l dyn Source,
    pub inventory: &'l Inventory,
    pub choice: &'l Choice,
    pub at: Time,
    pub progress: &'l dyn Progress,
}

/// What was found, or what is wrong with the drop; the outer error is that it could not be looked at.
pub(super) type Looked<T> = Result<Result<T, Vec<Finding>>, SourceError>;

impl Looking<'_> {
    pub(super) fn receive(&self) -> Result<Result<Received, Vec<Finding>>, GateError> {
        let named = match &self.choice.profile {
            None => None,
            Some(id) => Some(self.gate.profile(id)?),
        };
        if let Some(profile) = named {
            return Ok(self.by(profile)?);
        }
        if self.native_entry().is_some() || self.gate.profiles.is_empty() {
            if self.choice.version.is_some() || self.choice.kind.is_some() {
                return Err(GateError::NothingToChoose);
            }
            return Ok(self.native()?);
        }
        self.by_what_fits()
    }

    /// Each profile is tried whose form the drop has; the one that counts is the one whose vendor signed.
    fn by_what_fits(&self) -> Result<Result<Received, Vec<Finding>>, GateError> {
        let mut good: Vec<Received> = Vec::new();
        let mut refused: Vec<(&str, Vec<Finding>)> = Vec::new();
        for profile in self.gate.profiles.iter().filter(|profile| self.has(profile.format)) {
            match self.by(profile)? {
                Ok(received) => {
                    let release = &received.manifest.value().release;
                    let (vendor, product) = (release.vendor.as_str(), release.product.as_str());
                    if received.manifest.signers().iter().any(|signer| signer.speaks_for(vendor, product)) {
                        good.push(received);
                    } else {
                        refused.push((&profile.id, vec![self.out_of_scope(&received, vendor, product)]));
                    }
                }
                Err(findings) => refused.push((&profile.id, findings)),
            }
        }
        match (good.pop(), good.pop()) {
            (Some(one), None) => Ok(Ok(one)),
            (Some(one), Some(other)) => {
                let named = |received: Received| received.profile.unwrap_or_default();
                let mut profiles: Vec<String> = good.into_iter().map(named).collect();
                profiles.extend([named(other), named(one)]);
                Err(GateError::SeveralProfiles { profiles })
            }
            (None, _) => Ok(Err(self.refusals(refused))),
        }
    }

    fn refusals(&self, refused: Vec<(&str, Vec<Finding>)>) -> Vec<Finding> {
        let forms: BTreeSet<String> =
            self.gate.profiles.iter().map(|profile| profile.format.to_string()).collect();
        match refused.len() {
            0 => {
                let forms: Vec<String> = forms.into_iter().collect();
                let expected =
                    format!("{}, or a form that a profile accepts: {}", native::FILE, forms.join(", "));
                vec![Finding::new(Code::ManifestMissing, ".", expected, "none of them")]
            }
            1 => refused.into_iter().flat_map(|(_, findings)| findings).collect(),
            // Each by its own profile.
            _ => {
                let all = refused.into_iter().flat_map(|(id, findings)| {
                    findings.into_iter().map(move |mut finding| {
                        finding.expected = format!("by profile {id:?}: {}", finding.expected).into();
                        finding
                    })
                });
                all.collect()
            }
        }
    }

    fn out_of_scope(&self, received: &Received, vendor: &str, product: &str) -> Finding {
        let keys: Vec<String> =
            received.manifest.signers().iter().map(|signer| format!("key {:?}", signer.key)).collect();
        Finding::new(
            Code::SignerOutOfScope,
            received.manifest.value().file.clone(),
            format!("a signer for product {product:?} of vendor {vendor:?}"),
            keys.join(", "),
        )
    }

    /// Whether the drop looks like one of this form: a hint about what to try.
    fn has(&self, format: Format) -> bool {
        match format {
            Format::Native => self.native_entry().is_some(),
            Format::Sol004 => crate::manifest::sol004::layout::form(self.inventory).is_ok(),
            Format::Checksums | Format::Image => {
                self.inventory.files.iter().any(|entry| beside::may_sign(&entry.path))
            }
            Format::Debian => {
                let paths = self.inventory.files.iter().map(|entry| entry.path.as_str());
                paths
                    .map(|path| path.rsplit('/').next().unwrap_or(path))
                    .any(|name| name == "InRelease" || name == "Release.gpg")
            }
            Format::Statement => self.inventory.files.iter().any(|entry| {
                let path = entry.path.as_str();
                [".sigstore.json", ".sigstore", ".bundle"].iter().any(|end| path.ends_with(end))
            }),
        }
    }

    fn by(&self, profile: &Profile) -> Looked<Received> {
        match profile.format {
            Format::Native => self.native(),
            Format::Checksums => beside::checksums(self, profile),
            Format::Image => beside::image(self, profile),
            Format::Sol004 => sol004_hands::package(self, profile),
            #[cfg(feature = "debian")]
            Format::Debian => debian::repository(self, profile),
            #[cfg(feature = "sigstore")]
            Format::Statement => statement::bundle(self, profile),
            // gate.toml can't name what this build does not read.
            #[allow(unreachable_patterns)]
            format => {
                let found = format!("a profile of form {format}, which this dropgate does not read");
                Ok(Err(vec![Finding::new(Code::ManifestMissing, ".", "a form that is read", found)]))
            }
        }
    }

    fn native_entry(&self) -> Option<&Entry> {
        self.inventory.files.iter().find(|entry| entry.path.as_str() == native::FILE)
    }

    fn native(&self) -> Looked<Received> {
        let finding = |code, expected: String, found: String| {
            Ok(Err(vec![Finding::new(code, native::FILE, expected, found)]))
        };
        let Some(entry) = self.native_entry() else {
            let odd = self.inventory.odd.iter().find(|odd| odd.shown == native::FILE);
            let found = odd.map_or_else(|| "no such file".to_owned(), |odd| odd.oddity.to_string());
            return finding(
                Code::ManifestMissing,
                "a signed manifest at the root of the drop".to_owned(),
                found,
            );
        };
        let bytes = match self.read(entry, limits::MANIFEST_BYTES)? {
            Ok(bytes) => bytes,
            Err(findings) => return Ok(Err(findings)),
        };
        Ok(receive_native(bytes, &self.gate.trust, self.at).map(|manifest| Received {
            manifest,
            own: BTreeSet::from([entry.path.clone()]),
            profile: None,
        }))
    }

    /// A file that is part of the manifest.
    pub(super) fn read(&self, entry: &Entry, cap: u64) -> Looked<Vec<u8>> {
        let place = entry.path.as_str();
        let (expected, found) = match self.source.read(entry, cap)? {
            Ok(bytes) => return Ok(Ok(bytes)),
            Err(ReadRefusal::TooLarge { size, cap }) => {
                (format!("at most {cap} bytes"), format!("{size} bytes"))
            }
            Err(ReadRefusal::Disturbed(disturbance)) => {
                ("the file as it was when the drop was listed".to_owned(), disturbance.to_string())
            }
        };
        Ok(Err(vec![Finding::new(Code::ManifestUnreadable, place, expected, found)]))
    }
}

/// Why no signature of `file` counts, as findings.
pub(super) fn not_verified(file: &str, why: NotVerified) -> Vec<Finding> {
    match why {
        NotVerified::Unsigned => {
            vec![Finding::new(Code::Unsigned, file.to_owned(), "at least one signature", "none")]
        }
        NotVerified::NoneCounts(remarks) => remarks.iter().map(|remark| remarked_in(file, remark)).collect(),
    }
}

/// What was signed, read: what the format says of the release, and the files.
pub(super) struct Listing {
    pub described: Described,
    pub digest: DocumentDigest,
    pub artifacts: Vec<Artifact>,
}

/// Makes a manifest of what was signed.
pub(super) fn manifest<T>(
    looking: &Looking<'_>,
    profile: &Profile,
    file: &DropPath,
    signed: Verified<Signed<T>>,
    read: impl FnOnce(T) -> Result<Listing, Vec<Finding>>,
) -> Result<Verified<Manifest>, Vec<Finding>> {
    signed.try_map(|Signed { value, said, .. }| {
        let listing = read(value)?;
        of_listing(looking, profile, file, &said, listing)
    })
}

pub(super) fn of_listing(
    looking: &Looking<'_>,
    profile: &Profile,
    file: &DropPath,
    said: &[Said],
    listing: Listing,
) -> Result<Manifest, Vec<Finding>> {
    let Listing { described, digest, artifacts } = listing;
    let names = artifacts.iter().map(|artifact| artifact.path.as_str()).collect();
    let spoken = Spoken { file: file.as_str(), described: &described, said, names };
    let release = profile.release(&spoken, looking.choice)?;
    let source = (profile.format, file.as_str().to_owned());
    Manifest::of(release, digest, source, artifacts).ok_or_else(|| {
        let expected = "a list that names at least one file, and each once";
        vec![Finding::new(Code::ManifestMalformed, file.as_str(), expected, "another one")]
    })
}
