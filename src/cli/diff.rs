//! `dropgate diff`: what changed between two drops, by their manifests.
//!
//! Phases: both manifests are read, and verified where a gate is given; they are compared; what is worth a
//! warning is collected; the result is shown as text or JSON. No file of a drop is read but its manifest.

mod json;
mod text;

use super::judging::Format;
use super::output::{Failure, Output};
use crate::difference::{Difference, How, Pair};
use crate::digest::DocumentDigest;
use crate::drop::directory::Directory;
use crate::drop::{Inventory, Source};
use crate::files::{self, FileError, OnDisk};
use crate::gate::{Gate, GateError, signers_in_scope};
use crate::limits;
use crate::manifest::{Artifact, Manifest, native};
use crate::time::Time;
use crate::trust::Signer;
use crate::trust::dsse::Envelope;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show what changed between two drops, by their manifests.
///
/// Compares the files that the manifests list, by digest: added (+), removed (-), modified (~), renamed (>), and
/// undecided (?) where the manifests have no digest algorithm in common. No file is hashed: whether a drop is
/// what its manifest says is for `dropgate verify`. Files that a manifest does not list, evidence among them, are
/// not compared. Sizes are those of the files as they lie in the directories, and unknown (-) where a manifest
/// is given alone.
///
/// Exit code 0: compared, whether or not they differ. 1: they differ in a file, with --exit-code only.
/// 2: could not compare.
#[derive(clap::Args)]
pub struct Diff {
    /// The old drop: a directory, or its drop.dsse.json.
    old: PathBuf,

    /// The new drop: a directory, or its drop.dsse.json.
    new: PathBuf,

    /// Verify both manifests by the trust store of this gate, and say who signed. Without, anybody may have
    /// written them. Must lie outside of the drops.
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,

    /// The time at which the signing keys must be valid, RFC 3339 with zone [default: now].
    #[arg(long, value_name = "TIME", requires = "gate")]
    at: Option<Time>,

    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// List every change as text; otherwise many of one kind are counted.
    #[arg(long)]
    all: bool,

    /// Exit with 1 when a file was added, removed, modified, renamed, or can't be told.
    #[arg(long)]
    exit_code: bool,
}

impl Diff {
    /// Compares and shows.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let checked = match &self.gate {
            Some(gate) => Some(self.load(gate)?),
            None => None,
        };
        let old = Side::read(&self.old, checked.as_ref())?;
        let new = Side::read(&self.new, checked.as_ref())?;
        let compared = Compared::of(&old, &new, checked.as_ref());
        let rendered = match self.format {
            Format::Text => text::render(&compared, self.all),
            Format::Json => json::render(&compared)
                .map_err(|error| Failure::said(format!("can't write JSON: {error}")))?,
        };
        output.print(&rendered)?;
        let differ = self.exit_code && !compared.difference.is_empty();
        Ok(ExitCode::from(u8::from(differ)))
    }

    fn load(&self, path: &Path) -> Result<Checked, Failure> {
        let at = self.at.unwrap_or_else(|| Time::now().whole_seconds());
        let drops = || [&self.old, &self.new].into_iter().filter(|drop| drop.is_dir());
        // Before a word of it is read.
        for drop in drops() {
            if files::lies_within(path, drop)? {
                return Err(GateError::InsideDrop { file: path.to_owned(), drop: drop.clone() }.into());
            }
        }
        let gate = Gate::load(path, &OnDisk)?;
        for drop in drops() {
            gate.stands_outside(drop, [])?;
        }
        Ok(Checked { gate, at })
    }
}

/// By what signatures are checked.
struct Checked {
    gate: Gate,
    at: Time,
}

impl Checked {
    fn trust(&self) -> DocumentDigest {
        self.gate.trust.digest()
    }
}

/// One of the two drops.
struct Side {
    given: PathBuf,
    manifest: Manifest,
    /// Who signed, where that was checked.
    signers: Vec<Signer>,
    /// What lies in it, where a directory was given.
    inventory: Option<Inventory>,
}

impl Side {
    fn read(path: &Path, checked: Option<&Checked>) -> Result<Self, Failure> {
        let refuse = |why: String| Failure::from(FileError::new(path, "read the manifest of", why));
        let (bytes, inventory) = if path.is_dir() {
            let (bytes, inventory) = in_directory(path)?;
            (bytes, Some(inventory))
        } else {
            (files::read(path, limits::MANIFEST_BYTES)?, None)
        };
        let (manifest, signers) = match checked {
            Some(Checked { gate, at }) => {
                let verified = gate.signed(bytes, *at).map_err(refuse)?;
                (verified.value().clone(), signers_in_scope(&verified))
            }
            None => {
                let envelope = Envelope::read(bytes).map_err(|why| refuse(why.to_string()))?;
                let manifest =
                    native::read(envelope.untrusted_payload()).map_err(|why| refuse(why.to_string()))?;
                (manifest, Vec::new())
            }
        };
        Ok(Self { given: path.to_owned(), manifest, signers, inventory })
    }

    /// The size of a listed file as it lies there, in bytes.
    fn size(&self, artifact: &Artifact) -> Option<u64> {
        Some(self.inventory.as_ref()?.find(&artifact.path)?.size)
    }

    /// The size of all of them, unless one is unknown.
    fn sum<'a>(&self, mut artifacts: impl Iterator<Item = &'a Artifact>) -> Option<u64> {
        artifacts.try_fold(0_u64, |sum, artifact| sum.checked_add(self.size(artifact)?))
    }
}

/// The manifest of a drop, read as the gate reads it: a link in its place is not followed.
fn in_directory(path: &Path) -> Result<(Vec<u8>, Inventory), Failure> {
    let refuse = |why: String| Failure::from(FileError::new(path, "read the manifest of", why));
    let source = Directory::open(path)?;
    let inventory = source.inventory()?;
    let entry =
        inventory.files.iter().find(|entry| entry.path.as_str() == native::FILE).ok_or_else(|| {
            let odd = inventory.odd.iter().find(|odd| odd.shown == native::FILE);
            let found = odd.map_or_else(|| "no such file".to_owned(), |odd| odd.oddity.to_string());
            refuse(format!("expected a regular file {}, found {found}", native::FILE))
        })?;
    let bytes = source.read(entry, limits::MANIFEST_BYTES)?.map_err(|why| refuse(why.to_string()))?;
    Ok((bytes, inventory))
}

/// Everything that is shown.
struct Compared<'m> {
    old: &'m Side,
    new: &'m Side,
    checked: Option<&'m Checked>,
    difference: Difference<'m>,
    totals: Totals,
    replaces: Replacement,
    warnings: Vec<Warning>,
}

/// Whether the new manifest names the old one as that which it replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replacement {
    ThisOne,
    AnotherOne,
    Unsaid,
}

/// One class: how many files, and their sizes in all, in bytes, where they are known.
struct Total {
    files: usize,
    old: Option<u64>,
    new: Option<u64>,
}

struct Totals {
    added: Total,
    removed: Total,
    modified: Total,
    renamed: Total,
    undecided: Total,
    listed: Total,
}

impl<'m> Compared<'m> {
    fn of(old: &'m Side, new: &'m Side, checked: Option<&'m Checked>) -> Self {
        let difference = Difference::between(&old.manifest, &new.manifest);
        let replaces = match &new.manifest.release.replaces {
            None => Replacement::Unsaid,
            Some(replaces) if replaces.manifest == old.manifest.digest => Replacement::ThisOne,
            Some(_) => Replacement::AnotherOne,
        };
        let totals = Totals::of(old, new, &difference);
        let warnings = warnings(&old.manifest, &new.manifest, replaces, &difference);
        Self { old, new, checked, difference, totals, replaces, warnings }
    }
}

impl Totals {
    fn of(old: &Side, new: &Side, difference: &Difference<'_>) -> Self {
        let pairs = |pairs: &[Pair<'_>]| Total {
            files: pairs.len(),
            old: old.sum(pairs.iter().map(|pair| pair.old)),
            new: new.sum(pairs.iter().map(|pair| pair.new)),
        };
        let modified: Vec<Pair<'_>> = difference.modified().map(|(pair, _)| pair).collect();
        Self {
            added: Total {
                files: difference.added().count(),
                old: Some(0),
                new: new.sum(difference.added()),
            },
            removed: Total {
                files: difference.removed().count(),
                old: old.sum(difference.removed()),
                new: Some(0),
            },
            modified: pairs(&modified),
            renamed: pairs(&difference.renamed().collect::<Vec<_>>()),
            undecided: pairs(&difference.undecided().collect::<Vec<_>>()),
            listed: Total {
                files: new.manifest.artifacts().len(),
                old: old.sum(old.manifest.artifacts().iter()),
                new: new.sum(new.manifest.artifacts().iter()),
            },
        }
    }
}

/// Something about the two manifests that whoever reads the difference must know.
struct Warning {
    /// For programs.
    code: &'static str,
    /// For people; foreign text in it is escaped.
    text: String,
}

fn warnings(
    old: &Manifest,
    new: &Manifest,
    replaces: Replacement,
    difference: &Difference<'_>,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code, text| warnings.push(Warning { code, text });
    let (before, after) = (&old.release, &new.release);
    for (code, what, before, after) in [
        ("other-vendor", "vendor", &before.vendor, &after.vendor),
        ("other-product", "product", &before.product, &after.product),
    ] {
        if before != after {
            warn(
                code,
                format!(
                    "not two versions of one product: {what}: expected {before} as in OLD, found {after} in NEW"
                ),
            );
        }
    }
    if let (Some(earlier), Some(later)) = (before.order.sequence(), after.order.sequence())
        && old.digest != new.digest
        && later <= earlier
    {
        warn(
            "sequence-not-advancing",
            format!(
                "NEW is not the later release: sequence: expected more than {earlier} of OLD, found {later}"
            ),
        );
    }
    if let (Replacement::AnotherOne, Some(named)) = (replaces, &after.replaces) {
        warn(
            "replaces-another",
            format!(
                "NEW replaces another release: manifest: expected sha256 {} of OLD, found {} ({})",
                old.digest, named.manifest, named.version
            ),
        );
    }
    let contradictions = difference.modified().filter(|(_, how)| *how == How::Contradiction).count();
    if contradictions > 0 {
        warn(
            "digests-contradict",
            format!(
                "{contradictions} modified files have one digest in common that is equal and one that differs: at least one of the manifests is wrong about them"
            ),
        );
    }
    let undecided = difference.undecided().count();
    if undecided > 0 {
        warn(
            "digests-not-comparable",
            format!(
                "{undecided} files have no digest algorithm in common: take them for modified, or compare the files themselves"
            ),
        );
    }
    warnings
}
