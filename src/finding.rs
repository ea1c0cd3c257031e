//! What a control found: codes, findings, and a judgement that can't be read two ways.

use std::borrow::Cow;
use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $remedy:literal;)+) => {
        /// What is wrong, by a stable name: scripts and people search for it.
        ///
        /// Each is explained, with what the vendor should do, in `docs/findings.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of the flow.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code's stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii_start(),)+ }
            }

            /// What the vendor (or, where it says so, the operator) should do.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

codes! {
    /// The drop has no manifest, `drop.dsse.json` at its root.
    ManifestMissing = "manifest-missing", "Create and sign the manifest with `dropgate manifest create`, and deliver it at the root of the drop.";
    /// The manifest was there and could not be taken in: too large, or changed while it was read.
    ManifestUnreadable = "manifest-unreadable", "Deliver the drop again; nothing may write to it while it is judged.";
    /// The manifest's envelope is not a DSSE envelope over an in-toto statement.
    EnvelopeMalformed = "envelope-malformed", "Write the manifest with `dropgate manifest create`, or fix the tool that wrote it.";
    /// The manifest's envelope carries no signature.
    Unsigned = "unsigned", "Sign the manifest with a key that the operator trusts for role `release`.";
    /// No signature of the manifest is by a key of the trust store.
    SignerUnknown = "signer-unknown", "Sign with the key that the operator has on file, or agree on the new key with the operator outside of the drop.";
    /// A signature names a key of the trust store and is not that key's over these bytes: the manifest was altered after signing, or the signature belongs to another one.
    SignatureInvalid = "signature-invalid", "Deliver the manifest and signature as they were made; if they were altered on the way, find out where.";
    /// A good signature, by a key that may not sign this now: expired, not yet valid, revoked, or trusted for another role.
    SignerNotQualified = "signer-not-qualified", "Sign with a key that is valid now and trusted for role `release`.";
    /// A signature was not tried, because the manifest carries too many over too many bytes.
    SignatureNotTried = "signature-not-tried", "Deliver the manifest with the signatures of its release signers and no others.";
    /// A signed text that is not a manifest in the form that the format asks for.
    ManifestMalformed = "manifest-malformed", "Fix the tool that writes the manifest; docs/manifest.md gives the form.";
    /// A signed statement of another kind where the manifest belongs, for example evidence.
    PredicateTypeWrong = "predicate-type-wrong", "Deliver the manifest as drop.dsse.json, and evidence below evidence/.";
    /// The signer is trusted, but not for the vendor or product that the manifest names.
    SignerOutOfScope = "signer-out-of-scope", "Sign with a key that the operator trusts for this vendor and product, and name them as the operator does.";
    /// Too few distinct people signed the manifest. Two keys of one person are one.
    ThresholdNotMet = "threshold-not-met", "Have further release signers sign with `dropgate manifest sign`.";
    /// The manifest's time is over.
    ManifestExpired = "manifest-expired", "Issue the manifest anew with a later end, and sign it again.";
    /// The manifest says that it was issued in the future, beyond the allowed difference of clocks.
    ManifestNotYetIssued = "manifest-not-yet-issued", "Set the clock of the machine that signs, and issue the manifest anew.";
    /// The manifest was made for another operator, or for none where one must be named.
    RecipientWrong = "recipient-wrong", "Make a manifest that names this operator as its recipient.";
    /// A file's bytes are not those that the manifest lists.
    FileAltered = "file-altered", "Deliver the file as it was when the manifest was signed. If it is as you mean it, make and sign a new manifest.";
    /// A file that the manifest lists did not arrive.
    FileMissing = "file-missing", "Deliver the file, or make and sign a manifest without it.";
    /// A file arrived that the manifest does not list.
    FileUnlisted = "file-unlisted", "Remove the file, or make and sign a manifest that lists it.";
    /// Something arrived that is not a regular file: a link, pipe, socket, device or mount point. It was not opened.
    NotAFile = "not-a-file", "Deliver regular files and directories only.";
    /// A name that can't be the name of an artifact.
    NameRefused = "name-refused", "Rename the file: UTF-8, without control or invisible characters or backslashes, within the length limits.";
    /// Two names that a file system may take for one.
    NameCollision = "name-collision", "Rename one of the files so that they differ in more than case or Unicode form.";
    /// A name that not every system can store as it is.
    NameNotPortable = "name-not-portable", "Rename the file.";
    /// A file that has further names, inside or outside of the drop.
    HardLink = "hard-link", "Deliver each file as a copy of its own.";
    /// A file changed, vanished or was replaced between being listed and being read.
    FileDisturbed = "file-disturbed", "For the operator: judge a copy of the drop that nothing writes to.";
    /// Files came or went while the drop was judged.
    DropDisturbed = "drop-disturbed", "For the operator: judge a copy of the drop that nothing writes to.";
    /// An envelope below evidence/ that no key of the trust store vouches for; it counts as an unlisted file.
    EvidenceNotAuthentic = "evidence-not-authentic", "Have it signed by a key that the operator trusts, or remove it.";
    /// An artifact has no digest at or over the policy's floor.
    DigestWeak = "digest-weak", "List the artifact with sha256 or stronger.";
    /// No manifest could be verified, so nothing that it says is known.
    NoVerifiedManifest = "no-verified-manifest", "See what so12.manifest-signed found.";
    /// There is nothing to compare the version with.
    BaselineMissing = "baseline-missing", "For the operator: give the manifest of the last accepted version with --baseline.";
    /// What was given as baseline is the manifest of another vendor or product.
    BaselineOfAnother = "baseline-of-another", "For the operator: give the baseline of the same vendor and product.";
    /// The version is older than the baseline.
    Rollback = "rollback", "Deliver a newer version. A return to an older one is agreed with the operator, under a sequence number that advances.";
    /// The very drop that is the baseline.
    Replay = "replay", "Nothing needs to be delivered again; for a new delivery, issue a new manifest.";
    /// Other contents under the version or the sequence number of the baseline.
    VersionReused = "version-reused", "Give changed contents a new version and the next sequence number.";
    /// The manifest replaces something else than the baseline: two lines of releases.
    Fork = "fork", "Build the release on the version that the operator runs, and name its manifest in `replaces`.";
    /// The sequence number jumps so far that later releases could be locked out.
    FastForward = "fast-forward", "Number releases in small steps.";
    /// No statement about a test, signed by a key that is trusted for role `test`.
    TestEvidenceMissing = "test-evidence-missing", "Deliver a signed in-toto test-result statement about these artifacts below evidence/.";
    /// A test was signed by a party that the policy does not let vouch for it.
    TesterNotAccountable = "tester-not-accountable", "Have the test done and signed by a party that the contract names.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that is wrong: where, what was expected, what was found.
///
/// Its texts may come from a drop; reports escape them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What is wrong.
    pub code: Code,
    /// The file or field that it is about; a name that no artifact can have stands here escaped.
    pub place: String,
    /// What was expected there.
    pub expected: Cow<'static, str>,
    /// What was found instead.
    pub found: Cow<'static, str>,
}

impl Finding {
    /// A finding.
    pub fn new(
        code: Code,
        place: impl Into<String>,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, place: place.into(), expected: expected.into(), found: found.into() }
    }
}

/// How a control came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The requirement is met.
    Pass,
    /// What was found contradicts it.
    Fail,
    /// Nothing was found that could meet it; counts like a failure.
    NoEvidence,
    /// It does not bear on this drop, by the signed kind of the drop or by the policy.
    NotApplicable,
}

impl Outcome {
    /// The outcome's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NoEvidence => "no-evidence",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// Whether a drop with this outcome may still be accepted.
    pub const fn permits(self) -> bool {
        matches!(self, Self::Pass | Self::NotApplicable)
    }
}

/// What a control says about a drop. Made so that a failure has findings and a pass has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    outcome: Outcome,
    summary: String,
    findings: Vec<Finding>,
    remarks: Vec<String>,
}

impl Judgement {
    /// Passes with `summary` when there are no findings, and fails otherwise.
    pub fn unless(mut findings: Vec<Finding>, summary: impl Into<String>) -> Self {
        if findings.is_empty() {
            return Self { outcome: Outcome::Pass, summary: summary.into(), findings, remarks: Vec::new() };
        }
        findings.sort();
        let count = findings.len();
        let summary = format!("{count} finding{}", if count == 1 { "" } else { "s" });
        Self { outcome: Outcome::Fail, summary, findings, remarks: Vec::new() }
    }

    /// Nothing could meet the requirement.
    pub fn no_evidence(finding: Finding) -> Self {
        let summary = finding.code.meaning().to_owned();
        Self { outcome: Outcome::NoEvidence, summary, findings: vec![finding], remarks: Vec::new() }
    }

    /// The requirement does not bear on this drop.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::NotApplicable,
            summary: why.into(),
            findings: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Adds what is worth knowing and changes nothing.
    #[must_use]
    pub fn with_remarks(mut self, remarks: impl IntoIterator<Item = String>) -> Self {
        self.remarks.extend(remarks);
        self
    }

    /// How it came out.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// One line about it.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What is wrong, sorted; empty unless it failed.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is worth knowing and changes nothing.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_kebab_case() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for name in names {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        }
    }
}
