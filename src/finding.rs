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
    /// The drop has no manifest: neither `drop.dsse.json` at its root, nor a form that a profile of the gate accepts.
    ManifestMissing = "manifest-missing", "Create and sign the manifest with `dropgate manifest create`, and deliver it at the root of the drop.";
    /// The manifest was there and could not be taken in: too large, or changed while it was read.
    ManifestUnreadable = "manifest-unreadable", "Deliver the drop again; nothing may write to it while it is judged.";
    /// The manifest's envelope, or a file that should hold a signature or a certificate, is not in its form.
    EnvelopeMalformed = "envelope-malformed", "Sign with the tool that was agreed (`dropgate manifest create` for our own form), and deliver the signature as it wrote it.";
    /// The manifest carries no signature.
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
    /// More than one manifest could be meant, and it is not said which.
    ManifestAmbiguous = "manifest-ambiguous", "Deliver one signed list of the files. For the operator: name the list in the profile, or the profile with --profile.";
    /// The drop says something else of itself than the operator's profile says of the vendor, or says too little.
    ProfileMismatch = "profile-mismatch", "Name vendor, product and version as agreed with the operator. For the operator: docs/foreign.md says what a profile can supply.";
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
    EvidenceNotAuthentic = "evidence-not-authentic", "Have it signed by a key that the operator has on file for what it is, or agree on the key with the operator outside of the drop; or remove it.";
    /// An envelope that a trusted key signed, and whose statement is not in the form that its type asks for.
    EvidenceMalformed = "evidence-malformed", "Write the statement with `dropgate attest`, or fix the tool that wrote it; docs/predicates/ has the forms.";
    /// An artifact has no digest at or over the policy's floor.
    DigestWeak = "digest-weak", "List the artifact with sha256 or stronger.";
    /// No manifest could be verified, so nothing that it says is known.
    NoVerifiedManifest = "no-verified-manifest", "See what so12.manifest-signed found.";
    /// There is nothing to compare the version with.
    BaselineMissing = "baseline-missing", "For the operator: nothing of this product is in the ledger, or there is none. Give the manifest of the last accepted version with --baseline.";
    /// What was given as baseline is the manifest of another vendor or product.
    BaselineOfAnother = "baseline-of-another", "For the operator: give the baseline of the same vendor and product.";
    /// The version is older than the baseline.
    Rollback = "rollback", "Deliver a newer version. A return to an older one is agreed with the operator, under a sequence number that advances.";
    /// The very drop that is the baseline.
    Replay = "replay", "Nothing needs to be delivered again; for a new delivery, issue a new manifest.";
    /// Other contents under the version or the sequence number of the baseline.
    VersionReused = "version-reused", "Give changed contents a new version and the next sequence number.";
    /// A version that can't be compared as the operator's profile compares this vendor's versions.
    VersionNotComparable = "version-not-comparable", "Name the version as the operator and you agreed; or, for the operator: change `versions` of the profile in gate.toml.";
    /// The manifest replaces something else than the baseline: two lines of releases.
    Fork = "fork", "Build the release on the version that the operator runs, and name its manifest in `replaces`.";
    /// The sequence number jumps so far that later releases could be locked out.
    FastForward = "fast-forward", "Number releases in small steps.";
    /// A document that a statement names by digest is not among the files that arrived as they were signed.
    DocumentMissing = "document-missing", "Deliver the document with the drop, list it in the manifest, and name it by the digest of the file that is delivered.";
    /// A document that a statement names arrived, and has no contents.
    DocumentEmpty = "document-empty", "Deliver the document itself.";
    /// The raw report that a statement names is not among the files that arrived as they were signed.
    ReportMissing = "report-missing", "Deliver the raw report with the drop, list it in the manifest, and attest to that very file.";
    /// A raw report that is not in the form that its statement says, is cut off, or has contents that this gate does not understand.
    ReportMalformed = "report-malformed", "Deliver the report as the tool wrote it, whole; docs/reports.md says which forms are read.";
    /// A raw report whose own counts are not those of its contents.
    ReportContradictsItself = "report-contradicts-itself", "Deliver the report as the tool wrote it; find out what changed it.";
    /// A raw report of something that did not run to its end.
    ReportIncomplete = "report-incomplete", "Mend what kept the tool from finishing, and run it again.";
    /// A raw report in which nothing was tested or scanned.
    ReportEmpty = "report-empty", "Run the tests, and deliver the report of that run.";
    /// A statement says something else than the raw report that it names.
    ClaimContradicted = "claim-contradicted", "Attest to what the report says; `dropgate attest` derives it.";
    /// Times in a statement that can't be: an end before the start, or a time in the future.
    TimesImpossible = "times-impossible", "Set the clock of the machine that tests or signs, and attest again.";
    /// Evidence that is older than the policy allows.
    EvidenceStale = "evidence-stale", "Scan or test again, and attest to the new report.";
    /// No statement about a scan for malware, signed by a key that is trusted for role `malware-scan`.
    MalwareScanMissing = "malware-scan-missing", "Scan the drop, and deliver the scanner's log with a statement made by `dropgate attest malware-scan`.";
    /// A malware scanner found something.
    MalwareFound = "malware-found", "Do not deliver this. Find out how it came into the release, and tell the operator.";
    /// An artifact is covered by clean scans of too few distinct engines.
    ArtifactNotScanned = "artifact-not-scanned", "Scan every file of the drop with as many engines as the policy asks for, and make the manifest or the files the subjects of the statement.";
    /// A scan's statement covers an artifact that its log does not show as scanned and clean.
    ScanLogIncomplete = "scan-log-incomplete", "Let the scanner list every file it scans, and attest to no more than it scanned.";
    /// A scan by an engine that the policy does not list.
    EngineNotAllowed = "engine-not-allowed", "Scan with an engine that the contract lists.";
    /// A scan without a statement of how old the scanner's signatures were, or with older ones than the policy allows.
    DatabaseStale = "database-stale", "Update the scanner's database, scan again, and state the database's version and time.";
    /// A scan that began before the build that it is about had ended.
    ScanBeforeBuild = "scan-before-build", "Scan the files that the build gave.";
    /// A scan that does not say how it was done.
    ScanProcedureIncomplete = "scan-procedure-incomplete", "State the scanner, its version and database, start and end, and deliver the procedure as a document.";
    /// No statement about a scan for known vulnerabilities.
    VulnerabilityScanMissing = "vulnerability-scan-missing", "Scan for known vulnerabilities, and deliver the scanner's report with a statement made by `dropgate attest test-report --type known-vulnerability-scan`.";
    /// A known vulnerability at or over the ceiling, without a fix in this drop or a justified statement that it does not affect it.
    VulnerabilityOpen = "vulnerability-open", "Deliver the fix, or a signed VEX statement that says why this product is not affected.";
    /// A VEX statement says that a product is not affected, and not why.
    VexUnjustified = "vex-unjustified", "Give a justification or an impact statement.";
    /// VEX statements about one vulnerability and product that disagree.
    VexContradiction = "vex-contradiction", "Withdraw the statement that is wrong.";
    /// A VEX statement by a party that the policy does not let wave vulnerabilities through.
    VexSignerNotAccepted = "vex-signer-not-accepted", "Have the statement signed by a party that the contract names.";
    /// No bill of materials about this drop.
    SbomMissing = "sbom-missing", "Deliver a CycloneDX or SPDX document as a statement, made by `dropgate attest sbom`.";
    /// An artifact that no scan for known vulnerabilities covers.
    ArtifactNotCovered = "artifact-not-covered", "Scan every file of the drop, and make the manifest or the files the subjects of the statement.";
    /// Something of the drop is on the operator's list of counterfeit items.
    Counterfeit = "counterfeit", "Do not deliver this item; replace it, and name the notice in the change record.";
    /// The operator's list names what only a document that did not come could rule out.
    CounterfeitNotRuledOut = "counterfeit-not-ruled-out", "Deliver the bill of materials, or the change record with the serial numbers.";
    /// The operator keeps no list of counterfeit items, and the policy asks for one.
    CounterfeitListMissing = "counterfeit-list-missing", "For the operator: name a signed notice in gate.toml.";
    /// A drop that replaces a counterfeit item and does not name the notice and the item.
    ReplacementUnnamed = "replacement-unnamed", "Name the notice and the item in the change record.";
    /// A replacement that came after the time that the policy gives.
    ReplacementLate = "replacement-late", "Agree with the operator on what happens meanwhile.";
    /// A replacement that does not satisfy what the replaced item was accepted under.
    ReplacementWeaker = "replacement-weaker", "Deliver the replacement with evidence for every control that the replaced item had passed.";
    /// There is no record of what the replaced item was accepted under.
    ReplacedVerdictMissing = "replaced-verdict-missing", "For the operator: the ledger has it if it accepted the replaced item. Else give the verdict under which that was accepted with --baseline-verdict.";
    /// The drop is of kind transition, to which the controls of changes do not apply, and the policy lacks so14.transition-handover, which holds every file to a dossier.
    KindNotJudged = "kind-not-judged", "For the operator: put so14.transition-handover and its siblings into the policy. Otherwise ask for a drop of the kind that it is.";
    /// No change record, signed by a key that is trusted for role `change`, is about this manifest.
    ChangeRecordMissing = "change-record-missing", "Write the change record for exactly this manifest with `dropgate attest change`.";
    /// More than one change record is about this manifest.
    ChangeRecordAmbiguous = "change-record-ambiguous", "Deliver one change record.";
    /// The change record is of another kind than the manifest, or the manifest calls a product new that the operator runs already.
    ChangeKindWrong = "change-kind-wrong", "Give the manifest and its change record the kind that the change is of.";
    /// The change record lacks what its kind or cause requires.
    ChangeIncomplete = "change-incomplete", "Add what is missing to the change record, and sign it again.";
    /// The change record names another baseline or version than the one that is judged.
    ChangeBaselineWrong = "change-baseline-wrong", "Write the record for the release that the operator runs and for this version.";
    /// A file changed that the change record does not declare.
    ChangeUndeclared = "change-undeclared", "Declare the change, or take it out of the release.";
    /// The change record declares a change that is not there.
    ChangeAbsent = "change-absent", "Deliver the change, or take it out of the record.";
    /// The change record names a component that the operator's policy does not know.
    ComponentUnknown = "component-unknown", "Name the components as the contract does.";
    /// A changed file without a passing test that was finished before the change window opens.
    ChangeNotTested = "change-not-tested", "Test every changed file, by its digest, before the window opens.";
    /// Who is responsible for the change is not as the operator's table has it.
    ResponsibilityWrong = "responsibility-wrong", "State the clause of the contract that makes the initiator responsible.";
    /// The change record is signed by nobody who may take responsibility for the vendor.
    SignatoryNotAccountable = "signatory-not-accountable", "Have the record signed by the vendor's accountable signatory.";
    /// Too few distinct people of the provider approved the change.
    ApprovalMissing = "approval-missing", "Ask the operator for approval; the operator signs it with `dropgate attest approval`.";
    /// Somebody of the provider decided against the change.
    ApprovalRefused = "approval-refused", "Talk to whoever rejected it; the comment in the statement says why.";
    /// An approval by somebody who initiated, built, recorded or released the change.
    ApproverNotIndependent = "approver-not-independent", "Have somebody approve it who had no part in it.";
    /// An approval that was given before the change record was written, or for another record.
    ApprovalNotOfThisChange = "approval-not-of-this-change", "Have the change record, as it is now, approved.";
    /// An emergency that the policy does not allow, or whose review comes too late.
    EmergencyNotAllowed = "emergency-not-allowed", "Take the ordinary way: get the change approved before it is delivered.";
    /// The dossier of the transition is missing, or lacks this part.
    DossierMissing = "dossier-missing", "Deliver the dossier with `dropgate attest transition`, with every part that the contract asks for.";
    /// The dossier is not signed by both the vendor and the provider.
    DossierNotCountersigned = "dossier-not-countersigned", "Have both parties sign the dossier.";
    /// A part of the dossier whose time is over.
    DossierExpired = "dossier-expired", "Renew the plan or agreement, and sign the dossier again.";
    /// Something that the operator's checklist or the inventory lists is not covered.
    DossierIncomplete = "dossier-incomplete", "Complete the dossier.";
    /// A file of a transition's drop that its dossier does not name: nobody countersigned it.
    DossierFileUnnamed = "dossier-file-unnamed", "Name the file in the dossier, or leave it out of the drop; deliver software in a drop of its own.";
    /// No statement about a test of this drop, signed by a key that is trusted for role `test`.
    TestEvidenceMissing = "test-evidence-missing", "Deliver the raw report of the tests with a statement made by `dropgate attest test-report`.";
    /// A test failed, or could not be run to its end.
    TestFailed = "test-failed", "Mend what fails, test again, and attest to the new report.";
    /// Two tests of one report have the same name, so that one can hide behind the other.
    TestDuplicate = "test-duplicate", "Give each test a name of its own.";
    /// A test was skipped where the policy does not allow it.
    TestSkipped = "test-skipped", "Run the test, or agree with the operator that it need not be run.";
    /// Fewer tests passed than the policy asks for.
    PassRateLow = "pass-rate-low", "Mend what fails, and test again.";
    /// A file that no report of tests in order covers, by its digest.
    ArtifactNotTested = "artifact-not-tested", "Test the files that are delivered, and make the manifest or the files the subjects of the statement.";
    /// A requirement of the contract that no passing test shows to be met.
    RequirementNotShown = "requirement-not-shown", "Name the test cases that show it in the statement's `requirements`, and let them pass.";
    /// A test was signed by a party that the policy does not let vouch for it.
    TesterNotAccountable = "tester-not-accountable", "Have the test done and signed by a party that the contract names.";
    /// A phase of the life cycle without a test.
    PhaseMissing = "phase-missing", "Test in every phase that the contract names, and state the phase.";
    /// A type of test that the policy asks for was not done.
    TestTypeMissing = "test-type-missing", "Have the test done, and deliver its report with a statement of its type.";
    /// A test found something at or over the ceiling for its type.
    IssueOverCeiling = "issue-over-ceiling", "Mend it and test again, or agree on a waiver with the operator.";
    /// A test whose configuration is not stated, is nothing, or is not one that the operator approved.
    ConfigurationNotApproved = "configuration-not-approved", "Test with the approved configuration, and state its digest.";
    /// Iterations of a test that do not follow on one another.
    IterationGap = "iteration-gap", "Deliver the report of every iteration, numbered from 1.";
    /// A test that failed before and does not pass in the last iteration on these files.
    IterationUnresolved = "iteration-unresolved", "Mend it, and test again on the files that are delivered.";
    /// A test that passed before and is failed, skipped or gone in the last iteration.
    IterationRegressed = "iteration-regressed", "Mend it, and test again on the files that are delivered.";
    /// A test that passed only when it was run again, where the policy does not allow it.
    TestFlaky = "test-flaky", "Find out why it fails at times.";
    /// The newest run of a type of test is older than its interval.
    TestOverdue = "test-overdue", "Test again: the contract states how often.";
    /// The plan that a test followed was not reviewed since it had to be.
    PlanNotReviewed = "plan-not-reviewed", "Review the plan, and state when.";
    /// A test report lacks a part that the policy asks for.
    ReportPartMissing = "report-part-missing", "Add the part to the statement: procedure, vulnerabilities, mitigation, escalation.";
    /// A vulnerability in the raw report that the statement does not list.
    VulnerabilityUnlisted = "vulnerability-unlisted", "List every vulnerability that the tests found, with its state and mitigation.";
    /// A control of the operator's own is not satisfied.
    CustomControlFailed = "custom-control-failed", "See the control's remedy.";
    /// A control of the operator's own could not be judged on these facts.
    CustomControlError = "custom-control-error", "For the operator: the message says what the expression met; guard facts that may be absent with has().";
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
    /// Whether the place is the path of an artifact.
    of_artifact: bool,
}

impl Finding {
    /// A finding.
    pub fn new(
        code: Code,
        place: impl Into<String>,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (place, expected, found) = (place.into(), expected.into(), found.into());
        Self { code, place, expected, found, of_artifact: false }
    }

    /// The finding, whose place is the path of an artifact. Other places are names as well, which a vendor may give to a file:
    /// only what is said here lets a waiver for that file excuse the finding.
    #[must_use]
    pub fn on_artifact(self) -> Self {
        Self { of_artifact: true, ..self }
    }

    /// Whether the place is the path of an artifact.
    pub fn is_of_artifact(&self) -> bool {
        self.of_artifact
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
    /// Something contradicts it, and the provider signed an exception for all of that.
    Waived,
    /// It does not bear on this drop, by the signed kind of the drop or by the policy.
    NotApplicable,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Fail, Self::NoEvidence, Self::Waived, Self::NotApplicable];

    /// The outcome of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// The outcome's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NoEvidence => "no-evidence",
            Self::Waived => "waived",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// Whether a drop with this outcome may still be accepted.
    pub const fn permits(self) -> bool {
        matches!(self, Self::Pass | Self::Waived | Self::NotApplicable)
    }
}

/// What a control says about a drop. Made so that a failure has findings and a pass has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    outcome: Outcome,
    summary: String,
    findings: Vec<Finding>,
    waived: Vec<WaivedFinding>,
    remarks: Vec<String>,
}

/// A finding that a waiver of the provider's excuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaivedFinding {
    /// What is wrong.
    pub finding: Finding,
    /// The waiver: its place among those of the verdict.
    pub waiver: usize,
}

impl Judgement {
    /// Passes with `summary` when there are no findings, and fails otherwise.
    pub fn unless(mut findings: Vec<Finding>, summary: impl Into<String>) -> Self {
        if findings.is_empty() {
            return Self {
                outcome: Outcome::Pass,
                summary: summary.into(),
                findings,
                waived: Vec::new(),
                remarks: Vec::new(),
            };
        }
        findings.sort();
        let summary = counted(findings.len(), "finding");
        Self { outcome: Outcome::Fail, summary, findings, waived: Vec::new(), remarks: Vec::new() }
    }

    /// Nothing could meet the requirement.
    pub fn no_evidence(finding: Finding) -> Self {
        let summary = finding.code.meaning().to_owned();
        Self {
            outcome: Outcome::NoEvidence,
            summary,
            findings: vec![finding],
            waived: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// The requirement does not bear on this drop.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::NotApplicable,
            summary: why.into(),
            findings: Vec::new(),
            waived: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Excuses each finding for which `waiver` gives the place of one. When none is left, the outcome is
    /// [`Waived`](Outcome::Waived).
    #[must_use]
    pub fn excused_by(mut self, waiver: impl Fn(&Finding) -> Option<usize>) -> Self {
        if !matches!(self.outcome, Outcome::Fail | Outcome::NoEvidence) {
            return self;
        }
        for finding in std::mem::take(&mut self.findings) {
            match waiver(&finding) {
                Some(waiver) => self.waived.push(WaivedFinding { finding, waiver }),
                None => self.findings.push(finding),
            }
        }
        let (waived, left) = (self.waived.len(), self.findings.len());
        if left == 0 && waived > 0 {
            self.outcome = Outcome::Waived;
            self.summary = format!("{} waived", counted(waived, "finding"));
        } else if waived > 0 {
            self.summary = format!("{}, {} more waived", counted(left, "finding"), waived);
        }
        self
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

    /// What is wrong and excused.
    pub fn waived(&self) -> &[WaivedFinding] {
        &self.waived
    }

    /// What is worth knowing and changes nothing.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

/// So many of something, as in "1 scan" and "2 scans".
///
/// ```
/// use dropgate::finding::counted;
/// assert_eq!(counted(1, "finding"), "1 finding");
/// assert_eq!(counted(0, "finding"), "0 findings");
/// ```
pub fn counted(number: impl fmt::Display, noun: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{plural}")
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
