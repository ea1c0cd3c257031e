//! `dropgate attest`, as a vendor, a laboratory and a provider use it: what it signs the gate accepts, and what the gate
//! would refuse it does not sign.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Verdict, copy, dropgate, envelope, fixture, unbase64, verify};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;
use tempfile::TempDir;

const AT: &str = "2026-01-20T12:00:00Z";

/// Who signs what, each with a key of their own: id, owner, party, roles.
const PEOPLE: [(&str, &str, &str, &str); 9] = [
    ("release", "Vera Release", "vendor", "release"),
    ("engineer", "Rob Change", "vendor", "change"),
    ("psirt", "Acme PSIRT", "vendor", "sbom\", \"vex"),
    ("analyst", "Ann Lyst", "vendor", "test"),
    ("lab", "Bureau of Radio Tests", "lab", "test"),
    ("breaker", "Red Cell", "third-party", "test"),
    ("scanner", "Scan House", "third-party", "malware-scan"),
    ("ops", "Carla Ops", "provider", "approval"),
    ("risk", "Wendy Risk", "provider", "waiver\", \"counterfeit-notice"),
];

/// Everybody's keys, the provider's gate, and a drop with its baseline, signed by the vendor.
struct Site(TempDir);

/// What a statement is made of, beside what every one needs.
type Statement = (&'static str, &'static str, &'static [&'static str]);

const PAPERS: [&str; 12] = [
    "--configuration",
    "docs/site-a.yaml",
    "--plan",
    "docs/test-plan.txt",
    "--plan-reviewed",
    "2025-12-01T09:00:00Z",
    "--procedure",
    "docs/test-procedure.txt",
    "--escalation",
    "psirt@acme.example",
    "--escalation-backup",
    "+1 555 0100",
];

const MALWARE: Statement = (
    "malware-scan",
    "scanner",
    &[
        "--report=evidence/reports/clamscan.log",
        "--format=clamscan",
        "--database-version=27500",
        "--database-updated=2026-01-14T08:00:00Z",
        "--started=2026-01-14T20:00:00Z",
        "--finished=2026-01-14T20:01:00Z",
        "--procedure=docs/scan-procedure.txt",
    ],
);
const FUNCTIONAL: Statement = (
    "test-report",
    "lab",
    &[
        "--type=functional",
        "--phase=pre-integration",
        "--report=evidence/reports/functional.xml",
        "--format=junit",
        "--started=2026-01-14T10:00:00Z",
        "--finished=2026-01-14T12:00:00Z",
        "--no-vulnerabilities",
        "--requirement=REQ-1=pytest::handover.test_timer::test_timer_expires[intra]",
    ],
);
const PENETRATION: Statement = (
    "test-report",
    "breaker",
    &[
        "--type=penetration-test",
        "--phase=pre-integration",
        "--report=evidence/reports/pentest.xml",
        "--format=junit",
        "--started=2026-01-14T13:00:00Z",
        "--finished=2026-01-14T18:00:00Z",
        "--no-vulnerabilities",
    ],
);
const ANALYSIS: Statement = (
    "test-report",
    "analyst",
    &[
        "--type=source-code-analysis",
        "--phase=development",
        "--report=evidence/reports/analysis.sarif",
        "--format=sarif",
        "--started=2026-01-13T14:00:00Z",
        "--finished=2026-01-13T15:00:00Z",
        "--mitigation=B404=one program, by its full path",
        "--mitigation=B603=no argument comes from outside",
    ],
);
const VULNERABILITIES: Statement = (
    "test-report",
    "lab",
    &[
        "--type=known-vulnerability-scan",
        "--phase=pre-integration",
        "--report=evidence/reports/grype.json",
        "--format=grype",
        "--started=2026-01-14T18:55:00Z",
        "--finished=2026-01-14T19:00:00Z",
        "--mitigation=CVE-2026-0101=not reachable, see the VEX statement",
        "--mitigation=CVE-2026-0102=no YAML comes from outside",
    ],
);
const CHANGE: Statement = (
    "change",
    "engineer",
    &[
        "--id=CHG-17",
        "--cause=vendor-initiated",
        "--summary=Mend the handover timer",
        "--initiator=Rob Change",
        "--initiator-party=vendor",
        "--builder=Acme Build Service",
        "--clause=MSA 7.2",
        "--cost-borne-by=vendor",
        "--opens=2026-01-25T01:00:00Z",
        "--closes=2026-01-25T05:00:00Z",
        "--changelog=docs/release-notes.txt",
        "--backout-plan=docs/backout.txt",
        "--written=2026-01-15T10:00:00Z",
    ],
);
const APPROVAL: Statement = ("approval", "ops", &["--decided=2026-01-16T09:00:00Z"]);
const WAIVER: Statement = (
    "waiver",
    "risk",
    &[
        "--control=so12.known-vulnerabilities",
        "--reason=The agent does not use the function",
        "--ticket=RISK-88",
        "--requested-by=Rob Change",
        "--issued=2026-01-18T09:00:00Z",
        "--expires=2026-03-01T00:00:00Z",
    ],
);
const TRANSITION: Statement = (
    "transition",
    "engineer",
    &[
        "--contingency-plan=docs/backout.txt",
        "--contingency-valid-until=2027-01-01T00:00:00Z",
        "--transition-plan=docs/test-plan.txt",
        "--transition-valid-until=2027-01-01T00:00:00Z",
        "--handover=documents=docs/release-notes.txt",
        "--handover=procedures=docs/scan-procedure.txt",
        "--handover=configuration=docs/site-a.yaml",
        "--handover=records=docs/test-procedure.txt",
        "--handover=the software as it runs=firmware/",
        "--disposal-certificate=docs/backout.txt",
        "--disposal-method=destroyed",
        "--disposed=2026-01-10T00:00:00Z",
        "--disposed-item=laboratory copy of the core configuration",
        "--retain=support tickets=encrypted, two people=2026-12-31T00:00:00Z",
    ],
);

impl Site {
    /// A copy of one that was made once.
    fn new() -> Self {
        static FIRST: OnceLock<Site> = OnceLock::new();
        let first = FIRST.get_or_init(Self::first);
        let site = Self(tempfile::tempdir().unwrap());
        copy(first.0.path(), site.0.path());
        site
    }

    fn first() -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        let mut trust = "version = 1\n".to_owned();
        for (id, owner, party, roles) in PEOPLE {
            site.succeeds(&["key", "generate", &site.text(&format!("keys/{id}"))]);
            let vendor = if party == "vendor" { "vendor = \"Acme Networks\"\n" } else { "" };
            trust.push_str(&format!(
                "[[key]]\nid = \"{id}\"\npublic-key-file = \"keys/{id}.pub.pem\"\nowner = \"{owner}\"\nparty = \"{party}\"\n\
                 {vendor}roles = [\"{roles}\"]\nvalid-from = 2025-01-01T00:00:00Z\nvalid-until = 2125-01-01T00:00:00Z\n"
            ));
        }
        fs::write(site.path("trust.toml"), trust).unwrap();
        site.gate("");
        copy(&fixture("baseline/drop"), &site.path("baseline"));
        copy(&fixture("drops/good/drop"), &site.path("drop"));
        for entry in fs::read_dir(site.path("drop/evidence")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::remove_file(path).unwrap();
            }
        }
        site.manifest(
            "baseline",
            "4.2.0",
            "new-component",
            &["--sequence=16", "--issued=2025-11-01T09:00:00Z"],
        );
        site.manifest_of("software-update");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn key(&self, of: &str) -> String {
        format!("--key={}", self.path(&format!("keys/{of}.pem")).display())
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> Output {
        let output = dropgate(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// The provider's gate: every shipped pack, and what else is said.
    fn gate(&self, more: &str) {
        let policies = ["so12", "so14", "so23"].map(|name| {
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("policies/{name}.toml")).display().to_string()
        });
        let gate = format!(
            "version = 1\noperator = \"Example Telecom\"\ntrust = \"trust.toml\"\npolicies = {policies:?}\n{more}"
        );
        fs::write(self.path("gate.toml"), gate).unwrap();
    }

    fn manifest(&self, drop: &str, version: &str, kind: &str, more: &[&str]) {
        let (drop, version, kind) =
            (self.text(drop), format!("--version={version}"), format!("--kind={kind}"));
        let key = self.key("release");
        let all = [
            "manifest",
            "create",
            &drop,
            "--vendor=Acme Networks",
            "--product=radio-7",
            &version,
            &kind,
            &key,
        ];
        self.succeeds(&[&all, ["--expires-in=36500d", "--replace"].as_slice(), more].concat());
    }

    /// Lists and signs the drop as it is now.
    fn manifest_of(&self, kind: &str) {
        let replaces = format!("--replaces={}", self.path("baseline").display());
        let more = ["--sequence=17", "--issued=2026-01-15T09:00:00Z", &replaces];
        self.manifest("drop", "4.2.1", kind, &more);
    }

    fn attest(&self, (what, key, flags): Statement, more: &[&str]) -> Output {
        let (drop, key) = (self.text("drop"), self.key(key));
        let papers: &[&str] = if what == "test-report" { &PAPERS } else { &[] };
        dropgate([&["attest", what, &drop, &key], flags, papers, more].concat())
    }

    #[track_caller]
    fn attested(&self, statement: Statement, more: &[&str]) {
        let output = self.attest(statement, more);
        assert!(output.status.success(), "{statement:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn change(&self) {
        let baseline = format!("--baseline={}", self.path("baseline").display());
        self.attested(CHANGE, &[&baseline]);
    }

    fn record(&self) -> String {
        format!("--change={}", self.path("drop/evidence/change.dsse.json").display())
    }

    fn sbom(&self) {
        let document = format!("--document={}", fixture("inputs/sbom.json").display());
        self.attested(("sbom", "psirt", &[]), &[&document]);
    }

    fn vex(&self) {
        let document = format!("--document={}", fixture("inputs/vex.json").display());
        self.attested(("vex", "psirt", &[]), &[&document]);
    }

    /// Everything that a drop of any kind needs, but a VEX statement.
    fn evidence(&self) {
        for statement in [MALWARE, FUNCTIONAL, PENETRATION, ANALYSIS, VULNERABILITIES] {
            self.attested(statement, &[]);
        }
        self.sbom();
    }

    fn judge(&self) -> Verdict {
        let baseline = self.path("baseline/drop.dsse.json").display().to_string();
        let flags = ["--at", AT, "--baseline", &baseline].map(str::to_owned);
        verify(&self.path("drop"), &self.path("gate.toml"), &flags)
    }

    /// Every file there is, with its contents.
    fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(directory: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, into);
                } else {
                    into.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(self.0.path(), &mut files);
        files
    }
}

fn statement(file: &Path) -> Value {
    let envelope: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    serde_json::from_slice(&unbase64(envelope["payload"].as_str().unwrap())).unwrap()
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn what_everybody_attests_to_is_accepted() {
    let site = Site::new();
    site.judge().rejected(
        "a manifest alone",
        &[
            "change-record-missing",
            "malware-scan-missing",
            "test-evidence-missing",
            "vulnerability-scan-missing",
        ],
    );
    site.evidence();
    site.vex();
    site.change();
    site.attested(APPROVAL, &[&site.record()]);
    site.judge().accepted();
    // What is stated is what was asked for, and the rest is derived.
    let report = &statement(&site.path("drop/evidence/known-vulnerability-scan.dsse.json"))["predicate"];
    assert_eq!(report["result"], "PASSED");
    assert_eq!(report["vulnerabilities"].as_array().unwrap().len(), 2);
    let scope = &statement(&site.path("drop/evidence/change.dsse.json"))["predicate"]["scope"];
    assert_eq!(scope["modified"], json!(["docs/release-notes.txt", "firmware/radio.bin"]));

    // The provider says no after all.
    site.attested(APPROVAL, &[&site.record(), "--reject", "--comment=Not this week", "--replace"]);
    site.judge().rejected("rejected", &["approval-refused"]);
}

#[test]
fn what_a_waiver_excuses_is_accepted_as_waived() {
    let site = Site::new();
    site.evidence();
    site.change();
    site.attested(APPROVAL, &[&site.record()]);
    site.judge().rejected("no VEX", &["vulnerability-open"]);
    site.attested(WAIVER, &[]);
    let verdict = site.judge();
    verdict.accepted();
    assert_eq!(verdict.waived(), ["vulnerability-open".to_owned()].into());
    let waiver = &verdict.json.unwrap()["waivers"][0];
    for (field, said) in [
        ("reason", "The agent does not use the function"),
        ("ticket", "RISK-88"),
        ("requestedBy", "Rob Change"),
        ("expires", "2026-03-01T00:00:00Z"),
    ] {
        assert_eq!(waiver[field], said);
    }
    assert_eq!(waiver["signedBy"], json!(["Wendy Risk"]));
}

#[test]
fn a_notice_of_the_providers_is_obeyed() {
    let site = Site::new();
    site.evidence();
    site.vex();
    site.change();
    site.attested(APPROVAL, &[&site.record()]);
    let digest = &statement(&site.path("drop/drop.dsse.json"))["subject"][0]["digest"]["sha256"].clone();
    let items = json!([{ "name": "a forged part", "digest": { "sha256": digest } }]);
    fs::write(site.path("items.json"), items.to_string()).unwrap();
    let (items, key) = (site.text("items.json"), site.key("risk"));
    let output = format!("--output={}", site.path("CN-1.dsse.json").display());
    let issued = "--issued=2026-01-19T00:00:00Z";
    site.succeeds(&["attest", "counterfeit-notice", &items, "--id=CN-1", issued, &key, &output]);
    site.judge().accepted();
    site.gate("counterfeit-notices = [\"CN-1.dsse.json\"]\n");
    site.judge().rejected("on the list", &["counterfeit"]);
}

#[test]
fn a_dossier_is_countersigned() {
    let site = Site::new();
    site.manifest_of("transition");
    site.evidence();
    site.vex();
    site.attested(TRANSITION, &[]);
    site.judge().rejected("signed by the vendor alone", &["dossier-not-countersigned"]);
    let dossier = site.text("drop/evidence/transition.dsse.json");
    let before = statement(&site.path("drop/evidence/transition.dsse.json"));
    let said = site.succeeds(&["attest", "countersign", &dossier, &site.key("ops")]);
    assert_eq!(statement(&site.path("drop/evidence/transition.dsse.json")), before);
    let said = String::from_utf8(said.stdout).unwrap();
    let manifest = before["subject"][0]["digest"]["sha256"].as_str().unwrap();
    for part in ["urn:dropgate:transition:v1", "drop.dsse.json", manifest] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    site.judge().accepted();

    // Both at once.
    let (drop, engineer, ops) = (site.text("drop"), site.key("engineer"), site.key("ops"));
    site.succeeds(&[&["attest", "transition", &drop, &engineer, &ops, "--replace"], TRANSITION.2].concat());
    site.judge().accepted();
}

#[test]
fn an_earlier_iteration_is_signed_as_failed() {
    let site = Site::new();
    fail_a_test(&site);
    site.manifest_of("software-update");
    site.attested(FUNCTIONAL, &["--allow-failed"]);
    assert_eq!(statement(&site.path("drop/evidence/functional.dsse.json"))["predicate"]["result"], "FAILED");
    assert!(site.judge().codes().contains("test-failed"));
}

#[test]
fn an_open_key_is_remarked_on() {
    let site = Site::new();
    let key = site.path("keys/scanner.pem");
    let quiet = site.attest(MALWARE, &[]);
    assert!(!String::from_utf8_lossy(&quiet.stderr).contains("private key"), "{quiet:?}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let output = site.attest(MALWARE, &["--replace"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("note: others can read the private key"), "{said}");
    assert!(said.contains("expected mode 600"), "{said}");
}

fn report(site: &Site, name: &str) -> PathBuf {
    site.path(&format!("drop/evidence/reports/{name}"))
}

fn fail_a_test(site: &Site) {
    let file = report(site, "functional.xml");
    edit(&file, "failures=\"0\"", "failures=\"1\"");
    let case = "name=\"test_fallback_to_source_cell\" time=\"0.010\" />";
    let failed = "name=\"test_fallback_to_source_cell\" time=\"0.010\"><failure message=\"150\">x</failure></testcase>";
    edit(&file, case, failed);
}

/// What is refused.
struct Refusal {
    claim: &'static str,
    /// Done to the drop before its manifest is made.
    before: fn(&Site),
    /// Done after.
    after: fn(&Site),
    statement: Statement,
    more: &'static [&'static str],
    /// What the message says: the place, what was expected, what was found.
    says: &'static [&'static str],
}

fn nothing(_: &Site) {}

const fn refusal(
    claim: &'static str,
    statement: Statement,
    more: &'static [&'static str],
    says: &'static [&'static str],
) -> Refusal {
    Refusal { claim, before: nothing, after: nothing, statement, more, says }
}

impl Refusal {
    const fn before(mut self, before: fn(&Site)) -> Self {
        self.before = before;
        self
    }

    const fn after(mut self, after: fn(&Site)) -> Self {
        self.after = after;
        self
    }
}

const REPORTS: &[Refusal] = &[
    refusal(
        "a report that came after the manifest",
        FUNCTIONAL,
        &["--report=evidence/reports/late.xml"],
        &["evidence/reports/late.xml: expected a file that the manifest lists, found none"],
    )
    .after(|site| fs::write(report(site, "late.xml"), "<testsuite/>").unwrap()),
    refusal("a report outside of the drop", FUNCTIONAL, &["--report=../late.xml"], &["../late.xml: "]),
    refusal(
        "a report that is gone",
        FUNCTIONAL,
        &[],
        &["evidence/reports/functional.xml: expected the file that the manifest lists, found none"],
    )
    .after(|site| fs::remove_file(report(site, "functional.xml")).unwrap()),
    refusal(
        "a report altered since",
        FUNCTIONAL,
        &[],
        &["evidence/reports/functional.xml: expected sha256 ", ", as the manifest lists, found "],
    )
    .after(|site| edit(&report(site, "functional.xml"), "lab-1", "lab-2")),
    refusal(
        "a procedure altered since",
        MALWARE,
        &[],
        &["docs/scan-procedure.txt: expected sha256 ", ", as the manifest lists, found "],
    )
    .after(|site| fs::write(site.path("drop/docs/scan-procedure.txt"), "another").unwrap()),
    refusal(
        "an empty procedure",
        MALWARE,
        &[],
        &["docs/scan-procedure.txt: expected contents, found an empty file"],
    )
    .before(|site| fs::write(site.path("drop/docs/scan-procedure.txt"), "").unwrap()),
    refusal(
        "a malformed report",
        FUNCTIONAL,
        &[],
        &["evidence/reports/functional.xml: expected a report of form junit", "html"],
    )
    .before(|site| fs::write(report(site, "functional.xml"), "<html></html>").unwrap()),
    refusal(
        "a report of another form",
        FUNCTIONAL,
        &["--format=tap"],
        &["evidence/reports/functional.xml: expected a report of form tap"],
    ),
    refusal(
        "a log for a test report",
        FUNCTIONAL,
        &["--format=clamscan"],
        &["clamscan", "expected junit, tap, sarif, trivy, grype"],
    ),
    refusal(
        "a report that contradicts itself",
        FUNCTIONAL,
        &[],
        &["evidence/reports/functional.xml: ", "expected 173", "as the report says of itself, found 5"],
    )
    .before(|site| edit(&report(site, "functional.xml"), "tests=\"5\"", "tests=\"173\"")),
    refusal("an empty report", FUNCTIONAL, &[], &["expected contents, found an empty file"])
        .before(|site| fs::write(report(site, "functional.xml"), "").unwrap()),
    refusal("no test that ran", FUNCTIONAL, &[], &["expected at least one test that ran, found none"])
        .before(|site| {
            fs::write(report(site, "functional.xml"), "<testsuite name=\"a\" tests=\"0\"></testsuite>")
                .unwrap();
        }),
    refusal(
        "a test that failed",
        FUNCTIONAL,
        &[],
        &[
            "expected every test to pass, found 1 failed, the first \"",
            "test_fallback_to_source_cell",
            "--allow-failed",
        ],
    )
    .before(fail_a_test),
    refusal(
        "malware was found",
        MALWARE,
        &[],
        &["/scan/drop/firmware/radio.bin: expected a file that ", "found clean, found Unix.Trojan.Example-1"],
    )
    .before(|site| {
        let log = report(site, "clamscan.log");
        edit(&log, "firmware/radio.bin: OK", "firmware/radio.bin: Unix.Trojan.Example-1 FOUND");
        edit(&log, "Infected files: 0", "Infected files: 1");
    }),
    refusal("a log that was cut off", MALWARE, &[], &["evidence/reports/clamscan.log: expected"]).before(
        |site| {
            let log = report(site, "clamscan.log");
            let text = fs::read_to_string(&log).unwrap();
            fs::write(&log, text.split("-----------").next().unwrap()).unwrap();
        },
    ),
];

const CLAIMS: &[Refusal] = &[
    refusal(
        "tests that end before they start",
        FUNCTIONAL,
        &["--finished=2026-01-14T09:59:59Z"],
        &["expected an end at or after the start, 2026-01-14T10:00:00Z, found 2026-01-14T09:59:59Z"],
    ),
    refusal(
        "a scan that ends before it starts",
        MALWARE,
        &["--finished=2026-01-14T19:59:59Z"],
        &["expected an end at or after the start, 2026-01-14T20:00:00Z, found 2026-01-14T19:59:59Z"],
    ),
    refusal(
        "tests that end in the future",
        FUNCTIONAL,
        &["--finished=2999-01-01T00:00:00Z"],
        &["expected an end that is not in the future, found 2999-01-01T00:00:00Z"],
    ),
    refusal(
        "a scan that ends in the future",
        MALWARE,
        &["--finished=2999-01-01T00:00:00Z"],
        &["expected an end that is not in the future, found 2999-01-01T00:00:00Z"],
    ),
    refusal(
        "a time without a zone",
        MALWARE,
        &["--finished=2026-01-14T20:01:00"],
        &["--finished", "RFC 3339"],
    ),
    refusal(
        "a version of the database without its time",
        (
            "malware-scan",
            "scanner",
            &[
                "--report=evidence/reports/clamscan.log",
                "--format=clamscan",
                "--finished=2026-01-14T20:01:00Z",
                "--database-version=27500",
            ],
        ),
        &[],
        &[
            "expected the version and the time of the scanner's database, found version 27500 without its time",
        ],
    ),
    refusal(
        "a requirement that a skipped test shows",
        FUNCTIONAL,
        &["--requirement=REQ-2=pytest::handover.test_timer.TestReestablishment::test_two_heads"],
        &["--requirement REQ-2: expected a test case that passed, found \"", "cases that passed: \""],
    ),
    refusal(
        "a requirement that no test shows",
        FUNCTIONAL,
        &["--requirement=REQ-2=test_nothing"],
        &["--requirement REQ-2: expected a test case that passed, found \"test_nothing\""],
    ),
    refusal(
        "a requirement without a case",
        FUNCTIONAL,
        &["--requirement=REQ-2"],
        &["'REQ-2'", "expected NAME=VALUE"],
    ),
    refusal(
        "a mitigation of what a scanner did not find",
        VULNERABILITIES,
        &["--mitigation=CVE-1999-0001=none"],
        &[
            "--mitigation CVE-1999-0001: expected the id of an issue in the report, found none",
            "\"CVE-2026-0101\"",
        ],
    ),
    refusal(
        "a mitigation of what tests did not find",
        FUNCTIONAL,
        &["--mitigation=CVE-1999-0001=none"],
        &["--mitigation CVE-1999-0001: expected the id of an issue in the report, found none"],
    ),
    refusal(
        "no vulnerabilities, and a report that has some",
        VULNERABILITIES,
        &["--no-vulnerabilities"],
        &["--no-vulnerabilities: expected a report without issues, found 2"],
    ),
    refusal(
        "a type that there is not",
        FUNCTIONAL,
        &["--type=nonsense"],
        &["nonsense", "expected functional"],
    ),
    refusal(
        "a change of everything",
        CHANGE,
        &["--modified=firmware/*"],
        &["found the wildcard \"firmware/*\"", "expected a path, or a directory with `/` at its end"],
    ),
    refusal("a change of the root", CHANGE, &["--modified=/"], &["--modified"]),
    refusal(
        "a plan to go back that is not there",
        CHANGE,
        &["--backout-plan=docs/none.txt"],
        &["docs/none.txt: expected a file that the manifest lists, found none"],
    ),
    refusal(
        "a cause of one's own",
        CHANGE,
        &["--cause=because"],
        &["unknown variant `because`", "vendor-initiated"],
    ),
    refusal(
        "a subject that is not listed",
        FUNCTIONAL,
        &["--subject=firmware/none.bin"],
        &["firmware/none.bin: expected a file that the manifest lists, found none"],
    ),
    refusal(
        "the signature waived",
        WAIVER,
        &["--control=so12.manifest-signed"],
        &["--control: expected a control that can be waived, found so12.manifest-signed"],
    ),
    refusal(
        "completeness waived",
        WAIVER,
        &["--control=so12.manifest-complete"],
        &["--control: expected a control that can be waived, found so12.manifest-complete"],
    ),
    refusal(
        "a control that there is not",
        WAIVER,
        &["--control=so12.malware"],
        &["--control: expected a control, found \"so12.malware\"", "dropgate policy list"],
    ),
    refusal(
        "a waiver that is over before it begins",
        WAIVER,
        &["--expires=2026-01-18T09:00:00Z"],
        &["--expires: expected an end after the issue, 2026-01-18T09:00:00Z, found 2026-01-18T09:00:00Z"],
    ),
    refusal("a waiver without a reason", WAIVER, &["--reason= "], &["reason: expected text, found none"]),
    refusal(
        "an end of a plan that is not there",
        ("transition", "engineer", &["--contingency-valid-until=2027-01-01T00:00:00Z"]),
        &[],
        &["required", "--contingency-plan"],
    ),
    refusal(
        "something kept without an end",
        TRANSITION,
        &["--retain=logs=encrypted"],
        &["--retain", "logs=encrypted"],
    ),
    refusal(
        "an output that is there",
        MALWARE,
        &[],
        &["evidence/malware-scan.dsse.json: expected none, found one; --replace"],
    )
    .after(|site| site.attested(MALWARE, &[])),
    refusal(
        "a change record about a file",
        CHANGE,
        &["--subject=firmware/radio.bin"],
        &["--subject: expected none", "found \"firmware/radio.bin\""],
    ),
    refusal(
        "a dossier about a file",
        TRANSITION,
        &["--subject=firmware/radio.bin"],
        &["--subject: expected none", "found \"firmware/radio.bin\""],
    ),
    refusal("no manifest", MALWARE, &[], &["drop.dsse.json", "there is none; `dropgate manifest create`"])
        .after(|site| fs::remove_file(site.path("drop/drop.dsse.json")).unwrap()),
    refusal("no key", MALWARE, &["--key=/nonexistent/key.pem"], &["/nonexistent/key.pem"]),
];

#[test]
fn what_the_gate_would_refuse_is_not_signed() {
    let mut faults = Vec::new();
    for refusal in REPORTS.iter().chain(CLAIMS) {
        let Refusal { claim, before, after, statement, more, says } = refusal;
        let site = Site::new();
        before(&site);
        site.manifest_of("software-update");
        after(&site);
        let snapshot = site.snapshot();
        faults.extend(fault(claim, &site.attest(*statement, more), says));
        assert!(site.snapshot() == snapshot, "{claim}: something was written");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is wrong with a refusal.
fn fault(claim: &str, output: &Output, says: &[&str]) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(2) || !output.stdout.is_empty() {
        return Some(format!("{claim}: {output:?}"));
    }
    let missing = says.iter().find(|part| !said.contains(**part))?;
    Some(format!("{claim}: {missing:?} is not in\n{said}"))
}

#[track_caller]
fn refused(claim: &str, output: &Output, says: &[&str]) {
    assert_eq!(fault(claim, output, says), None);
}

#[test]
fn only_the_record_of_this_change_is_approved() {
    let site = Site::new();
    site.change();
    site.sbom();
    fs::write(site.path("note.txt"), "approve me").unwrap();
    let broken = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": statement(&site.path("drop/evidence/change.dsse.json"))["subject"],
        "predicateType": "urn:dropgate:change:v1",
        "predicate": { "id": "CHG-17" },
    });
    let broken = envelope(common::IN_TOTO, broken.to_string().as_bytes(), &["acme-change"]);
    fs::write(site.path("broken.dsse.json"), broken).unwrap();
    let another = fixture("drops/good/drop/evidence/change.dsse.json");
    let snapshot = site.snapshot();
    for (claim, file, says) in [
        ("for another manifest", another, ["expected a record about manifest sha256 ", ", found one about "]),
        (
            "a bill of materials",
            site.path("drop/evidence/sbom.dsse.json"),
            ["expected a statement of type urn:dropgate:change:v1", "found https://cyclonedx.org/bom"],
        ),
        ("the manifest", site.path("drop/drop.dsse.json"), ["expected evidence", "found a manifest"]),
        ("a text", site.path("note.txt"), ["note.txt", "not a DSSE envelope"]),
        ("a record cut short", site.path("broken.dsse.json"), ["predicate (change)", "missing field"]),
        ("nothing", site.path("none.dsse.json"), ["none.dsse.json", "No such file"]),
    ] {
        let change = format!("--change={}", file.display());
        refused(claim, &site.attest(APPROVAL, &[&change]), &says);
        assert!(site.snapshot() == snapshot, "{claim}: something was written");
    }
    // An approval is of the whole; who rejects may say of which file.
    let (record, part) = (site.record(), "--subject=firmware/radio.bin");
    refused("of a file", &site.attest(APPROVAL, &[&record, part]), &["--subject: expected none"]);
    site.attested(APPROVAL, &[&record, part, "--reject"]);
    site.attested(APPROVAL, &[&record, "--replace"]);
}

#[test]
fn documents_of_no_known_form_are_not_signed() {
    let site = Site::new();
    let file = |name: &str, text: &str| {
        fs::write(site.path(name), text).unwrap();
        format!("--document={}", site.path(name).display())
    };
    let cases = [
        ("sbom", file("a", "{}"), "expected CycloneDX (bomFormat) or SPDX (spdxVersion), found neither"),
        ("vex", file("b", "{}"), "expected OpenVEX (@context) or CSAF (document), found neither"),
        ("sbom", file("c", "{"), "can't read the document in "),
        ("sbom", file("d", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"0.9\"}"), "0.9"),
        ("vex", file("e", "{\"@context\":\"https://openvex.dev/ns/v0.2.0\"}"), "missing field"),
        ("sbom", file("f", "{\"bomFormat\":1,\"bomFormat\":2}"), "bomFormat"),
    ];
    let snapshot = site.snapshot();
    for (what, document, says) in cases {
        refused(&document, &site.attest((what, "psirt", &[]), &[&document]), &[says]);
        assert!(site.snapshot() == snapshot, "{document}: something was written");
    }
}

#[test]
fn a_key_signs_once() {
    let site = Site::new();
    let says = ["this key has signed already; expected another person's"];
    let snapshot = site.snapshot();
    refused("two times at once", &site.attest(MALWARE, &[&site.key("scanner")]), &says);
    assert!(site.snapshot() == snapshot);
    site.attested(MALWARE, &[]);
    let file = site.text("drop/evidence/malware-scan.dsse.json");
    let snapshot = site.snapshot();
    let again = dropgate(["attest", "countersign", &file, &site.key("scanner")]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains(says[0]));
    assert!(site.snapshot() == snapshot);
}

#[test]
fn only_statements_that_somebody_signed_are_countersigned() {
    let site = Site::new();
    site.attested(MALWARE, &[]);
    let signed = site.path("drop/evidence/malware-scan.dsse.json");
    let put = |name: &str, text: &str| {
        fs::write(site.path(name), text).unwrap();
        site.path(name)
    };
    let mut unsigned: Value = serde_json::from_slice(&fs::read(&signed).unwrap()).unwrap();
    unsigned["signatures"] = json!([]);
    let mut crowded: Value = serde_json::from_slice(&fs::read(&signed).unwrap()).unwrap();
    let one = crowded["signatures"][0].clone();
    crowded["signatures"] = vec![one; dropgate::limits::SIGNATURES].into();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut said = statement(&signed);
        change(&mut said);
        envelope(common::IN_TOTO, said.to_string().as_bytes(), &["lab"])
    };
    let other = |uri: &str| with(&|said: &mut Value| said["predicateType"] = uri.into());
    let cases = [
        ("nobody's", put("a", &unsigned.to_string()), "expected a signature of whoever made it, found none"),
        ("everybody's", put("b", &crowded.to_string()), "expected at most 64 signatures, found 65"),
        ("a manifest", site.path("drop/drop.dsse.json"), "found a manifest; `dropgate manifest sign`"),
        (
            "of no known type",
            put("c", &other("urn:example:x:v1")),
            "expected a predicate type that the gate reads, found \"urn:example:x:v1\"",
        ),
        ("of another type", put("d", &other("urn:dropgate:waiver:v1")), "predicate (waiver)"),
        ("no statement", put("e", &with(&|said| said["_type"] = "x".into())), "_type: expected"),
        ("no envelope", put("f", "{}"), "not a DSSE envelope"),
        ("nothing", site.path("none"), "No such file"),
    ];
    let snapshot = site.snapshot();
    for (claim, file, says) in cases {
        let key = site.key("lab");
        refused(claim, &dropgate(["attest", "countersign", file.to_str().unwrap(), &key]), &[says]);
        assert!(site.snapshot() == snapshot, "{claim}: something was written");
    }
}

/// Each subcommand's help, at a width of 100.
#[test]
fn help_reads_well() {
    let help = |arguments: &[&str]| {
        let output = dropgate([&["attest"], arguments, &["--help"]].concat());
        assert!(output.status.success(), "{arguments:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 100).collect();
        assert!(long.is_empty(), "{arguments:?}: {long:#?}");
        text
    };
    let all = help(&[]);
    for (name, clauses) in [
        ("malware-scan", "SO12.1, SO12.2"),
        ("sbom", "SO12.1"),
        ("vex", "SO12.1"),
        ("test-report", "SO23, SO14.2"),
        ("change", "SO14.1, SO14.3, SO14.4"),
        ("approval", "SO14.4"),
        ("waiver", ""),
        ("counterfeit-notice", "SO12.3"),
        ("transition", "SO14.T1 to SO14.T5"),
        ("countersign", "SO14.T1 to SO14.T5"),
    ] {
        assert!(all.contains(&format!("\n  {name} ")), "{name} is not in\n{all}");
        let text = help(&[name]);
        assert!(text.contains(clauses), "{name}: {clauses:?} is not in\n{text}");
        // The usage is written by hand where it is long: it must name what is required.
        let usage = text.split("Usage:").nth(1).unwrap().split("\n\n").next().unwrap();
        let bare = dropgate(["attest", name]);
        assert_eq!(bare.status.code(), Some(2), "{name}");
        let said = String::from_utf8(bare.stderr).unwrap();
        let required: Vec<&str> =
            said.lines().skip(1).take_while(|line| line.starts_with("  ")).map(str::trim).collect();
        assert!(required.len() >= 2, "{name}: {said}");
        for argument in required {
            assert!(usage.contains(argument), "{name}: {argument} is not in{usage}");
        }
    }
}
