//! SO12.1: the manifest is signed, complete, and strong.

use crate::config::{Faults, Section};
use crate::digest::Algorithm;
use crate::drop::collisions::collisions;
use crate::drop::{Inventory, Oddity};
use crate::finding::{Code, Finding, Judgement, counted};
use crate::manifest::native;
use crate::policy::Facts;
use crate::policy::controls::{Control, Definition, Parameter};
use crate::time::Period;
use crate::trust::{Role, Signer, Threshold, TrustStore};

use super::{CLAUSE_1 as CLAUSE, MEANING_1 as MEANING};
pub(in crate::policy::controls) static MANIFEST_SIGNED: Definition = Definition {
    id: "so12.manifest-signed",
    clause: CLAUSE,
    meaning: MEANING,
    passes: "Enough distinct owners of keys with role release, trusted for the vendor and product and valid at the time of \
        judgement, signed exactly the manifest that was read; and the manifest is issued, not expired, and for this operator.",
    fails: "No manifest, no valid signature, too few distinct signers, a signer for another vendor, or a manifest out of \
        its time or for somebody else.",
    example: "drop.dsse.json, signed with `dropgate manifest create --key release.pem`.",
    parameters: &[
        Parameter {
            name: "threshold",
            meaning: "How many distinct owners must sign: a whole number from 1.",
        },
        Parameter {
            name: "clock-skew",
            meaning: "How far in the future a manifest may say that it was issued, such as \"5m\".",
        },
        Parameter {
            name: "recipient",
            meaning: "\"required\": the manifest must name this operator. \"optional\": it may name nobody.",
        },
    ],
    codes: &[
        Code::ManifestMissing,
        Code::ManifestAmbiguous,
        Code::ManifestUnreadable,
        Code::ProfileMismatch,
        Code::EnvelopeMalformed,
        Code::Unsigned,
        Code::SignerUnknown,
        Code::SignatureInvalid,
        Code::SignerNotQualified,
        Code::SignatureNotTried,
        Code::PredicateTypeWrong,
        Code::ManifestMalformed,
        Code::SignerOutOfScope,
        Code::ThresholdNotMet,
        Code::ManifestNotYetIssued,
        Code::ManifestExpired,
        Code::RecipientWrong,
    ],
    read: |section, faults| {
        let threshold = section.required("threshold", faults).and_then(|item| item.integer(1..=64, faults));
        let skew = section.required("clock-skew", faults).and_then(|item| item.period(faults));
        let recipient = section.required("recipient", faults).and_then(|item| {
            item.choice(&[("required", Recipient::Required), ("optional", Recipient::Optional)], faults)
        });
        Some(Box::new(ManifestSigned {
            threshold: Threshold::new(threshold?)?,
            skew: skew?,
            recipient: recipient?,
        }))
    },
};

struct ManifestSigned {
    threshold: Threshold,
    skew: Period,
    recipient: Recipient,
}

#[derive(Clone, Copy)]
enum Recipient {
    Required,
    Optional,
}

impl Control for ManifestSigned {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let known = match facts.manifest {
            Ok(known) => known,
            Err(findings) => return self.without_manifest(findings),
        };
        let manifest = &known.manifest;
        let release = &manifest.value().release;
        let finding = |code, expected: String, found: String| {
            Finding::new(code, manifest.value().file.as_str(), expected, found)
        };
        let mut findings = Vec::new();

        let (vendor, product) = (release.vendor.as_str(), release.product.as_str());
        let (able, others): (Vec<_>, Vec<_>) =
            manifest.signers().iter().partition(|signer| signer.speaks_for(vendor, product));
        let mut remarks: Vec<String> =
            manifest.remarks().iter().map(|remark| format!("ignored: {remark}")).collect();
        let enough = self.threshold.is_met_by(able.iter().copied());
        for signer in others {
            let scope = match (&signer.vendor, signer.products.as_slice()) {
                (None, _) => format!("key {:?} speaks for no vendor", signer.key),
                (Some(own), []) => format!("key {:?} speaks for vendor {own:?}", signer.key),
                (Some(own), products) => {
                    format!("key {:?} speaks for {products:?} of vendor {own:?}", signer.key)
                }
            };
            if enough {
                remarks.push(format!("ignored: a good signature for something else: {scope}"));
            } else {
                findings.push(finding(
                    Code::SignerOutOfScope,
                    format!("a signer for product {product:?} of vendor {vendor:?}"),
                    scope,
                ));
            }
        }
        let mut owners: Vec<&str> = able.iter().map(|signer| signer.owner.as_str()).collect();
        owners.sort_unstable();
        owners.dedup();
        if !enough {
            let found = if owners.is_empty() { "none".to_owned() } else { owners.join(", ") };
            findings.push(finding(
                Code::ThresholdNotMet,
                format!("signatures by at least {}", counted(self.threshold.owners(), "distinct owner")),
                found,
            ));
        }
        if let Some(issued) = release.issued.filter(|issued| *issued > facts.at.after(self.skew)) {
            findings.push(finding(
                Code::ManifestNotYetIssued,
                format!("issued at the latest {} after the time of judgement, {}", self.skew, facts.at),
                format!("issued {issued}"),
            ));
        }
        if let Some(expires) = release.expires.filter(|expires| facts.at >= *expires) {
            findings.push(finding(
                Code::ManifestExpired,
                format!("an end after the time of judgement, {}", facts.at),
                format!("expired {expires}"),
            ));
        }
        match (&release.recipient, self.recipient) {
            (Some(recipient), _) if recipient != facts.operator => findings.push(finding(
                Code::RecipientWrong,
                format!("recipient {:?}", facts.operator.as_str()),
                format!("recipient {:?}", recipient.as_str()),
            )),
            (None, Recipient::Required) => findings.push(finding(
                Code::RecipientWrong,
                format!("recipient {:?}", facts.operator.as_str()),
                "no recipient".to_owned(),
            )),
            _ => {}
        }
        let by: Vec<String> = able.iter().map(|signer| signed_by(signer)).collect();
        Judgement::unless(findings, format!("signed by {}", by.join(" and "))).with_remarks(remarks)
    }

    fn misfit(&self, trust: &TrustStore) -> Option<(&'static str, String)> {
        let (asked, able) = (self.threshold.owners(), trust.owners_for(Role::Release));
        (asked > able).then(|| {
            ("threshold", format!(
                "{} must sign, and the trust store has {able} with role release for any one vendor; trust keys of more of \
                 the vendor's people for it",
                counted(asked, "distinct owner")
            ))
        })
    }

    fn release_threshold(&self) -> Option<Threshold> {
        Some(self.threshold)
    }
}

fn signed_by(signer: &Signer) -> String {
    match &signer.through {
        Some(through) => format!("{} (key {}, {through})", signer.owner, signer.key),
        None => format!("{} (key {})", signer.owner, signer.key),
    }
}

impl ManifestSigned {
    fn without_manifest(&self, findings: &[Finding]) -> Judgement {
        match findings {
            [finding] if finding.code == Code::ManifestMissing => Judgement::no_evidence(finding.clone()),
            [] => Judgement::no_evidence(Finding::new(
                Code::ManifestMissing,
                native::FILE,
                "a signed manifest",
                "none",
            )),
            findings => Judgement::unless(findings.to_vec(), ""),
        }
    }
}

pub(in crate::policy::controls) static MANIFEST_COMPLETE: Definition = Definition {
    id: "so12.manifest-complete",
    clause: CLAUSE,
    meaning: MEANING,
    passes: "Every file that arrived is listed and has every digest that is listed for it; nothing listed is missing; \
        nothing else arrived but the manifest and evidence envelopes that carry trusted signatures of their own.",
    fails: "A file is altered, missing or unlisted; something is not a regular file; a name is refused; or the drop \
        changed while it was judged.",
    example: "A directory as `dropgate manifest create` listed it, and nothing added since.",
    parameters: &[
        Parameter {
            name: "hard-links",
            meaning: "What a file with several names means: \"refuse\" or \"allow\".",
        },
        Parameter {
            name: "name-collisions",
            meaning: "Names that differ in case or Unicode form alone: \"refuse\" or \"allow\".",
        },
        Parameter {
            name: "unportable-names",
            meaning: "Names that not every system can store, such as \"aux\" or \"a:b\": \"refuse\" or \"allow\".",
        },
    ],
    codes: &[
        Code::FileAltered,
        Code::FileMissing,
        Code::FileUnlisted,
        Code::NotAFile,
        Code::NameRefused,
        Code::NameCollision,
        Code::NameNotPortable,
        Code::HardLink,
        Code::FileDisturbed,
        Code::DropDisturbed,
        Code::DigestWeak,
        Code::EvidenceNotAuthentic,
        Code::EvidenceMalformed,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let hard_links = disposition(section, "hard-links", faults);
        let collisions = disposition(section, "name-collisions", faults);
        let unportable = disposition(section, "unportable-names", faults);
        Some(Box::new(ManifestComplete {
            hard_links: hard_links?,
            collisions: collisions?,
            unportable: unportable?,
        }))
    },
};

/// What a policy makes of something doubtful.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disposition {
    Refuse,
    Allow,
}

fn disposition(section: &mut Section<'_>, key: &'static str, faults: &mut Faults) -> Option<Disposition> {
    let legal = [("refuse", Disposition::Refuse), ("allow", Disposition::Allow)];
    section.required(key, faults)?.choice(&legal, faults)
}

struct ManifestComplete {
    hard_links: Disposition,
    collisions: Disposition,
    unportable: Disposition,
}

impl Control for ManifestComplete {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let known = match facts.known() {
            Ok(known) => known,
            Err(judgement) => return judgement,
        };
        let contents = &known.contents;
        let mut findings = oddities(facts.inventory);
        for altered in &contents.altered {
            let digest = |hex: &str| format!("{} {hex}", altered.algorithm);
            findings.push(Finding::new(
                Code::FileAltered,
                altered.path.as_str(),
                digest(&altered.expected),
                digest(&altered.found),
            ));
        }
        for path in &contents.not_compared {
            findings.push(Finding::new(
                Code::DigestWeak,
                path.as_str(),
                "a digest by sha256 or stronger",
                "none that counts",
            ));
        }
        for (path, disturbance) in &contents.disturbed {
            findings.push(Finding::new(
                Code::FileDisturbed,
                path.as_str(),
                "the file as it was when the drop was listed",
                disturbance.to_string(),
            ));
        }
        for path in &contents.missing {
            let found = match facts.inventory.find_odd(path) {
                Some(odd) => odd.oddity.to_string(),
                None if facts.inventory.directories.binary_search(path).is_ok() => "a directory".to_owned(),
                None => "nothing".to_owned(),
            };
            findings.push(Finding::new(
                Code::FileMissing,
                path.as_str(),
                "the file that the manifest lists",
                found,
            ));
        }
        for extra in &contents.extra {
            findings.push(Finding::new(
                Code::FileUnlisted,
                extra.path.as_str(),
                "only files that the manifest lists",
                format!("a file of {}", counted(extra.size, "byte")),
            ));
        }
        findings.extend(known.evidence.refused.iter().cloned());
        for place in facts.disturbed {
            findings.push(Finding::new(
                Code::DropDisturbed,
                place.as_str(),
                "a drop that stays as it is while it is judged",
                "a change",
            ));
        }
        if self.hard_links == Disposition::Refuse {
            for link in &facts.inventory.hard_links {
                findings.push(Finding::new(
                    Code::HardLink,
                    link.path.as_str(),
                    "one name for the file",
                    format!("{} names", link.links),
                ));
            }
        }
        let paths = || facts.inventory.files.iter().map(|entry| &entry.path);
        if self.collisions == Disposition::Refuse {
            let paths = paths().chain(&facts.inventory.directories);
            findings.extend(collisions(paths).into_iter().map(|(path, other)| {
                Finding::new(
                    Code::NameCollision,
                    path.as_str(),
                    "a name that differs from every other in more than case or Unicode form",
                    format!("also {:?}", other.as_str()),
                )
            }));
        }
        if self.unportable == Disposition::Refuse {
            findings.extend(paths().filter_map(|path| {
                let why = path.portability()?;
                Some(Finding::new(
                    Code::NameNotPortable,
                    path.as_str(),
                    "a name that every system can store",
                    why,
                ))
            }));
        }
        let (files, bytes) = (counted(contents.matched, "file"), counted(contents.matched_bytes, "byte"));
        Judgement::unless(findings, format!("{files}, {bytes}, exactly as signed"))
            .with_remarks(known.evidence.remarks.iter().cloned())
    }
}

fn oddities(inventory: &Inventory) -> Vec<Finding> {
    inventory
        .odd
        .iter()
        .map(|odd| match &odd.oddity {
            Oddity::RefusedName(why) => {
                // The refusal says both halves in one sentence.
                let why = why.to_string();
                let (expected, found) = why.split_once(", found ").unwrap_or(("expected a legal name", &why));
                let expected = expected.strip_prefix("expected ").unwrap_or(expected).to_owned();
                Finding::new(Code::NameRefused, odd.shown.as_str(), expected, found.to_owned())
            }
            Oddity::TooDeep => Finding::new(
                Code::NameRefused,
                odd.shown.as_str(),
                format!("at most {} levels", crate::limits::PATH_DEPTH),
                odd.oddity.to_string(),
            ),
            oddity => Finding::new(
                Code::NotAFile,
                odd.shown.as_str(),
                "a regular file or a directory",
                oddity.to_string(),
            ),
        })
        .collect()
}

pub(in crate::policy::controls) static DIGEST_STRENGTH: Definition = Definition {
    id: "so12.digest-strength",
    clause: CLAUSE,
    meaning: MEANING,
    passes: "Every artifact is listed with at least one digest whose resistance to collisions is at or over the floor. \
        MD5, SHA-1 and CRCs never count.",
    fails: "An artifact has only weaker digests.",
    example: "\"digest\": { \"sha256\": \"...\" } (128 bits), or sha384 (192), sha512 (256), blake3 (128).",
    parameters: &[Parameter {
        name: "floor-bits",
        meaning: "Least security against collisions, in bits: 128 to 256. sha256 and blake3 give 128, sha384 192, sha512 256.",
    }],
    codes: &[Code::DigestWeak, Code::NoVerifiedManifest],
    read: |section, faults| {
        let floor = section.required("floor-bits", faults).and_then(|item| item.integer(128..=256, faults));
        Some(Box::new(DigestStrength { floor: floor? }))
    },
};

struct DigestStrength {
    floor: u64,
}

impl Control for DigestStrength {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let known = match facts.known() {
            Ok(known) => known,
            Err(judgement) => return judgement,
        };
        let artifacts = known.manifest.value().artifacts();
        let findings = artifacts
            .iter()
            .filter_map(|artifact| {
                let algorithms = || artifact.digests.iter().map(|(algorithm, _)| algorithm);
                if algorithms().any(|algorithm| algorithm.collision_bits() >= self.floor) {
                    return None;
                }
                let names: Vec<&str> = algorithms().map(Algorithm::name).collect();
                let found = if names.is_empty() { "weak digests only".to_owned() } else { names.join(", ") };
                let expected = format!("a digest of at least {} bits against collisions", self.floor);
                Some(Finding::new(Code::DigestWeak, artifact.path.as_str(), expected, found).on_artifact())
            })
            .collect();
        Judgement::unless(
            findings,
            format!("every digest has at least {} bits against collisions", self.floor),
        )
    }
}
