//! SO14.1: the version advances on the one that the operator runs.

use crate::finding::{Code, Finding, Judgement};
use crate::manifest::{Kind, Manifest, native};
use crate::policy::Facts;
use crate::policy::controls::{Control, Definition, Parameter};

pub(in crate::policy::controls) static VERSION_ADVANCES: Definition = Definition {
    id: "so14.version-advances",
    clause: "SO14.1",
    meaning: "There is a process for each type of change, and changes follow on one another in the order in which they \
        were agreed (SO14, requirement 1).",
    passes: "The manifest replaces the baseline, by digest, its sequence number advances on it, and its version is another \
        one: versions are names, and only the number has an order. A component that the operator did not have before needs no baseline.",
    fails: "The drop is the baseline again (replay), is older (rollback), has other contents under an accepted version \
        or the same number, replaces something else (fork), or jumps too far (fast-forward); or there is no baseline.",
    example: "\"sequence\": 18, \"replaces\": { \"version\": \"4.2.0\", \"manifest\": { \"sha256\": \"...\" } }",
    parameters: &[Parameter {
        name: "max-sequence-step",
        meaning: "How far the sequence number may advance at once: a whole number from 1. A number near the end of the \
            range would lock out every later release.",
    }],
    codes: &[
        Code::BaselineMissing,
        Code::BaselineOfAnother,
        Code::Replay,
        Code::Rollback,
        Code::VersionReused,
        Code::Fork,
        Code::FastForward,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let step = section
            .required("max-sequence-step", faults)
            .and_then(|item| item.integer(1..=crate::limits::SEQUENCE, faults));
        Some(Box::new(VersionAdvances { step: step? }))
    },
};

struct VersionAdvances {
    step: u64,
}

impl Control for VersionAdvances {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let known = match facts.known() {
            Ok(known) => known,
            Err(judgement) => return judgement,
        };
        let manifest = known.manifest.value();
        match facts.baseline {
            Some(baseline) => {
                let mut findings = self.advances(manifest, baseline);
                if findings.is_empty() {
                    findings.extend(reused(manifest, facts));
                }
                let from = &baseline.release;
                Judgement::unless(
                    findings,
                    format!("advances on {} (sequence {})", from.version.as_str(), from.sequence),
                )
            }
            None if manifest.release.kind == Kind::NewComponent && manifest.release.replaces.is_none() => {
                let findings = self.step_from(0, manifest.release.sequence);
                if findings.is_empty() {
                    Judgement::not_applicable("a new component replaces nothing, and no baseline was given")
                } else {
                    Judgement::unless(findings, "")
                }
            }
            None => Judgement::no_evidence(Finding::new(
                Code::BaselineMissing,
                native::FILE,
                "the manifest of the last accepted version",
                "none",
            )),
        }
    }
}

/// A version that was accepted before with other contents: people ask for software by its version.
fn reused(manifest: &Manifest, facts: &Facts<'_>) -> Option<Finding> {
    let version = manifest.release.version.as_str();
    let (_, other) = facts.accepted.iter().find(|(own, of)| own == version && *of != manifest.digest)?;
    let expected = "a version that was not accepted before with other contents";
    let found = format!("version {version:?}, which was accepted with manifest sha256 {other}");
    Some(Finding::new(Code::VersionReused, native::FILE, expected, found))
}

impl VersionAdvances {
    fn advances(&self, manifest: &Manifest, baseline: &Manifest) -> Vec<Finding> {
        let (new, old) = (&manifest.release, &baseline.release);
        let finding =
            |code, expected: String, found: String| vec![Finding::new(code, native::FILE, expected, found)];
        if (&new.vendor, &new.product) != (&old.vendor, &old.product) {
            return finding(
                Code::BaselineOfAnother,
                format!(
                    "a baseline of product {:?} of vendor {:?}",
                    new.product.as_str(),
                    new.vendor.as_str()
                ),
                format!("one of product {:?} of vendor {:?}", old.product.as_str(), old.vendor.as_str()),
            );
        }
        let named = |version: &str, sequence: u64| format!("version {version:?}, sequence {sequence}");
        let (before, after) =
            (named(old.version.as_str(), old.sequence), named(new.version.as_str(), new.sequence));
        if manifest.digest == baseline.digest {
            return finding(
                Code::Replay,
                format!("a release after {before}"),
                "that very release".to_owned(),
            );
        }
        if new.sequence < old.sequence {
            return finding(Code::Rollback, format!("a sequence number over {}", old.sequence), after);
        }
        if new.sequence == old.sequence || new.version == old.version {
            return finding(
                Code::VersionReused,
                format!("a version and sequence number other than those of {before}"),
                after,
            );
        }
        let mut findings = self.step_from(old.sequence, new.sequence);
        let expected =
            format!("replaces version {:?}, manifest sha256 {}", old.version.as_str(), baseline.digest);
        match &new.replaces {
            Some(replaces) if replaces.manifest == baseline.digest && replaces.version == old.version => {}
            Some(replaces) => findings.extend(finding(
                Code::Fork,
                expected,
                format!("version {:?}, manifest sha256 {}", replaces.version.as_str(), replaces.manifest),
            )),
            None => findings.extend(finding(Code::Fork, expected, "replaces nothing".to_owned())),
        }
        findings
    }

    fn step_from(&self, old: u64, new: u64) -> Vec<Finding> {
        if new.saturating_sub(old) <= self.step {
            return Vec::new();
        }
        let expected = format!("a sequence number of at most {}", old.saturating_add(self.step));
        vec![Finding::new(Code::FastForward, native::FILE, expected, new.to_string())]
    }
}
