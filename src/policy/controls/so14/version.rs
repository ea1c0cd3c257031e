//! SO14.1: the version advances on the one that the operator runs.

use crate::finding::{Code, Finding, Judgement};
use crate::manifest::{Comparison, Kind, Manifest, Order, Release, native};
use crate::policy::Facts;
use crate::policy::controls::{Control, Definition, Parameter};

pub(in crate::policy::controls) static VERSION_ADVANCES: Definition = Definition {
    id: "so14.version-advances",
    clause: "SO14.1",
    meaning: "There is a process for each type of change, and changes follow on one another in the order in which they \
        were agreed (SO14, requirement 1).",
    passes: "The manifest replaces the baseline, by digest, its sequence number advances on it, and its version is another \
        one: versions are names, and only the number has an order. Where the form of the drop has neither number nor baseline, its \
        version is later than the baseline's as the profile in gate.toml compares them. A component that the operator did not have \
        before needs no baseline.",
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
        Code::VersionNotComparable,
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
                    match from.order {
                        Order::Sequence(number) => {
                            format!("advances on {} (sequence {number})", from.version.as_str())
                        }
                        Order::Versions(_) => format!("advances on {}", from.version.as_str()),
                    },
                )
            }
            None if manifest.release.kind == Kind::NewComponent && manifest.release.replaces.is_none() => {
                let release = &manifest.release;
                let findings = match release.order {
                    Order::Sequence(number) => self.step_from(&manifest.file, 0, number),
                    Order::Versions(comparison) => {
                        comparable(comparison, &manifest.file, release).into_iter().collect()
                    }
                };
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
    Some(Finding::new(Code::VersionReused, manifest.file.as_str(), expected, found))
}

/// A first version that nothing could be compared with would lock out every later one.
fn comparable(comparison: Comparison, file: &str, release: &Release) -> Option<Finding> {
    let version = release.version.as_str();
    let found = format!("version {version:?}");
    (!comparison.takes(version))
        .then(|| Finding::new(Code::VersionNotComparable, file, comparison.form(), found))
}

impl VersionAdvances {
    fn advances(&self, manifest: &Manifest, baseline: &Manifest) -> Vec<Finding> {
        let (new, old) = (&manifest.release, &baseline.release);
        let finding = |code, expected: String, found: String| {
            vec![Finding::new(code, manifest.file.as_str(), expected, found)]
        };
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
        let named = |release: &Release| match release.order {
            Order::Sequence(number) => format!("version {:?}, sequence {number}", release.version.as_str()),
            Order::Versions(_) => format!("version {:?}", release.version.as_str()),
        };
        let (before, after) = (named(old), named(new));
        if manifest.digest == baseline.digest {
            return finding(
                Code::Replay,
                format!("a release after {before}"),
                "that very release".to_owned(),
            );
        }
        // Of a version without number, any number is later.
        let from = old.order.sequence().unwrap_or_default();
        let order = match new.order {
            Order::Sequence(number) => number.cmp(&from),
            Order::Versions(comparison) => {
                let (this, that) = (new.version.as_str(), old.version.as_str());
                match comparison.compare(this, that) {
                    Some(order) => order,
                    None => {
                        let form = comparison.form();
                        return finding(
                            Code::VersionNotComparable,
                            format!("{form}, as the baseline {that:?}"),
                            after,
                        );
                    }
                }
            }
        };
        let by = match new.order {
            Order::Sequence(_) => "sequence number",
            Order::Versions(_) => "version",
        };
        if order.is_lt() {
            let than = old
                .order
                .sequence()
                .filter(|_| new.order.sequence().is_some())
                .map_or_else(|| before.clone(), |number| number.to_string());
            return finding(Code::Rollback, format!("a {by} over {than}"), after);
        }
        if order.is_eq() || new.version == old.version {
            return finding(
                Code::VersionReused,
                format!("a version and sequence number other than those of {before}"),
                after,
            );
        }
        let mut findings = new
            .order
            .sequence()
            .map(|number| self.step_from(&manifest.file, from, number))
            .unwrap_or_default();
        let expected =
            format!("replaces version {:?}, manifest sha256 {}", old.version.as_str(), baseline.digest);
        match &new.replaces {
            Some(replaces) if replaces.manifest == baseline.digest && replaces.version == old.version => {}
            Some(replaces) => findings.extend(finding(
                Code::Fork,
                expected,
                format!("version {:?}, manifest sha256 {}", replaces.version.as_str(), replaces.manifest),
            )),
            // The form can't say it.
            None if new.order.sequence().is_none() => {}
            None => findings.extend(finding(Code::Fork, expected, "replaces nothing".to_owned())),
        }
        findings
    }

    fn step_from(&self, file: &str, old: u64, new: u64) -> Vec<Finding> {
        if new.saturating_sub(old) <= self.step {
            return Vec::new();
        }
        let expected = format!("a sequence number of at most {}", old.saturating_add(self.step));
        vec![Finding::new(Code::FastForward, file, expected, new.to_string())]
    }
}
