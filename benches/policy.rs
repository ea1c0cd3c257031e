//! What judging costs beside hashing: 100,000 artifacts of 4 KiB, 50 evidence statements, all three shipped packs.
//!
//! `cargo bench --bench policy` makes its data (400 MB, removed at the end), examines the drop (lists, verifies, hashes, reads
//! evidence), and then judges what is known of it several times. The goal: the median of judging under a tenth of the time that
//! hashing alone takes. `FILES=10000 cargo bench --bench policy` does with less.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use dropgate::digest::{Algorithm, Algorithms, hex};
use dropgate::drop::directory::Directory;
use dropgate::drop::path::{DropPath, Name};
use dropgate::drop::{NoProgress, Source, Wanted};
use dropgate::gate::{Baseline, Choice, Circumstances, Gate};
use dropgate::manifest::{Kind, Manifest, Order, Release, Replaces, native};
use dropgate::time::Time;
use dropgate::trust::dsse::{Envelope, Signature};
use dropgate::trust::ed25519::PrivateKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const AT: &str = "2026-01-20T12:00:00Z";
const FOLDERS: usize = 100;

/// Who signs what in the bench.
const PEOPLE: [(&str, &str, &str, &str); 6] = [
    ("release", "Jane Doe", "vendor", "release"),
    ("change", "Rob Ray", "vendor", "change"),
    ("psirt", "Acme PSIRT", "vendor", "sbom\", \"vex"),
    ("lab", "Bureau of Radio Tests", "lab", "test"),
    ("scan", "Scan House", "third-party", "malware-scan"),
    ("ops", "Carla Ops", "provider", "approval"),
];

struct Site {
    home: tempfile::TempDir,
    keys: BTreeMap<&'static str, PrivateKey>,
}

fn main() {
    let files: usize = std::env::var("FILES").map_or(100_000, |text| text.parse().expect("FILES: a number"));
    let site = Site::new();
    site.files(files);
    let baseline = site.manifest("4.2.0", 16, None, true);
    let manifest = site.manifest("4.2.1", 17, Some(&baseline), false);
    let statements = site.statements(&manifest, &baseline);
    let gate = site.gate();

    let source = Directory::open(&site.drop()).unwrap();
    let hashing = hashing(&source);
    let circumstances = Circumstances { at: time(AT), evidence: Vec::new(), choice: Choice::default() };
    let begun = Instant::now();
    let examined = gate.examine(&source, circumstances, &NoProgress).unwrap();
    let examining = begun.elapsed();
    let facts = examined.facts(&gate, Baseline { manifest: Some(&baseline), ..Baseline::default() });
    let mut judging: Vec<Duration> = (0..11)
        .map(|_| {
            let begun = Instant::now();
            let judged = gate.policy.judge(&facts);
            let taken = begun.elapsed();
            let refusing: Vec<_> =
                judged.judgements.iter().filter(|(_, judgement)| !judgement.outcome().permits()).collect();
            assert!(refusing.is_empty(), "the drop of the bench must be accepted: {refusing:#?}");
            taken
        })
        .collect();
    for (_, rule) in
        gate.policy.packs().iter().flat_map(|pack| pack.rules().iter().map(move |rule| (pack, rule)))
    {
        let begun = Instant::now();
        std::hint::black_box(rule.control.judge(&facts));
        println!("{:<34} {:>10.1?}", rule.id, begun.elapsed());
    }
    judging.sort();
    let median = *judging.get(judging.len() / 2).unwrap();
    println!("{files} artifacts of 4 KiB, {statements} evidence statements, 30 controls");
    println!("hashing            {hashing:>10.1?}");
    println!("examining in all   {examining:>10.1?}");
    println!(
        "judging, median    {median:>10.1?}  (min {:.1?}, max {:.1?})",
        judging.first().unwrap(),
        judging.last().unwrap()
    );
    println!("judging / hashing  {:>10.3}", median.as_secs_f64() / hashing.as_secs_f64());
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// How long it takes to read and hash every file, warm: the median of five.
fn hashing(source: &Directory) -> Duration {
    let inventory = source.inventory().unwrap();
    let algorithms = Algorithms::default().with(Algorithm::Sha256);
    let wanted: Vec<Wanted<'_>> = inventory.files.iter().map(|entry| Wanted { entry, algorithms }).collect();
    let mut taken: Vec<Duration> = (0..5)
        .map(|_| {
            let begun = Instant::now();
            source.digest(&wanted, &NoProgress).unwrap();
            begun.elapsed()
        })
        .collect();
    taken.sort();
    *taken.get(2).unwrap()
}

impl Site {
    fn new() -> Self {
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let keys = PEOPLE.iter().map(|(id, ..)| (*id, PrivateKey::generate().unwrap())).collect();
        fs::create_dir_all(home.path().join("drop/evidence/reports")).unwrap();
        Self { home, keys }
    }

    fn drop(&self) -> PathBuf {
        self.home.path().join("drop")
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.drop().join(path), bytes).unwrap();
    }

    /// The files, and the raw reports about them.
    fn files(&self, count: usize) {
        let mut log = String::new();
        for folder in 0..FOLDERS {
            fs::create_dir(self.drop().join(format!("{folder:02}"))).unwrap();
            for file in 0..count / FOLDERS {
                let path = format!("{folder:02}/{file:05}.bin");
                let mut bytes = vec![0x5a; 4096];
                bytes.splice(..path.len(), path.bytes());
                self.write(&path, &bytes);
                log.push_str(&format!("/scan/drop/{path}: OK\n"));
            }
        }
        for (name, text) in
            [("plan", "a plan"), ("procedure", "a procedure"), ("backout", "a way back"), ("notes", "news")]
        {
            self.write(&format!("{name}.txt"), text.as_bytes());
            log.push_str(&format!("/scan/drop/{name}.txt: OK\n"));
        }
        for number in 0..20 {
            let cases: String = (0..200)
                .map(|case| format!("<testcase classname=\"suite{number}\" name=\"case{case}\"/>"))
                .collect();
            let report = format!(
                "<testsuite name=\"suite{number}\" tests=\"200\" failures=\"0\" errors=\"0\" skipped=\"0\">{cases}</testsuite>"
            );
            self.write(&format!("evidence/reports/junit-{number}.xml"), report.as_bytes());
            log.push_str(&format!("/scan/drop/evidence/reports/junit-{number}.xml: OK\n"));
        }
        for number in 0..10 {
            let matches: Vec<Value> = (0..200)
                .map(|issue| {
                    json!({
                        "vulnerability": { "id": format!("CVE-2026-{number}{issue:04}"), "severity": "High", "fix": { "versions": [], "state": "not-fixed" } },
                        "relatedVulnerabilities": [],
                        "artifact": { "name": "part", "version": "1", "purl": format!("pkg:generic/part{issue}@1") },
                    })
                })
                .collect();
            let report = json!({
                "matches": matches,
                "source": { "type": "directory", "target": "drop" },
                "descriptor": { "name": "grype", "version": "0.104.0", "timestamp": "2026-01-14T19:00:00Z",
                    "db": { "status": { "built": "2026-01-14T06:00:00Z", "valid": true } } },
            });
            self.write(&format!("evidence/reports/grype-{number}.json"), report.to_string().as_bytes());
            log.push_str(&format!("/scan/drop/evidence/reports/grype-{number}.json: OK\n"));
        }
        let sarif = json!({ "version": "2.1.0", "runs": [{ "tool": { "driver": { "name": "lint" } }, "results": [],
            "invocations": [{ "executionSuccessful": true }] }] });
        self.write("evidence/reports/lint.sarif", sarif.to_string().as_bytes());
        log.push_str("/scan/drop/evidence/reports/lint.sarif: OK\n");
        let scanned = log.lines().count();
        log.push_str(&format!(
            "\n----------- SCAN SUMMARY -----------\nKnown viruses: 9\nEngine version: 1.4.3\nScanned directories: {FOLDERS}\n\
             Scanned files: {scanned}\nInfected files: 0\nData scanned: 1.00 MB\nData read: 1.00 MB (ratio 1.00:1)\nTime: 1.000 sec (0 m 1 s)\n\
             Start Date: 2026:01:14 20:00:00\nEnd Date:   2026:01:14 20:00:01\n"
        ));
        self.write("evidence/reports/clamscan.log", log.as_bytes());
    }

    /// Signs the manifest; the baseline is the same files with other contents, and no reports.
    fn manifest(&self, version: &str, sequence: u64, replaces: Option<&Manifest>, other: bool) -> Manifest {
        let source = Directory::open(&self.drop()).unwrap();
        let inventory = source.inventory().unwrap();
        let algorithms = Algorithms::default().with(Algorithm::Sha256);
        let listed = |path: &DropPath| {
            path.as_str() != native::FILE
                && !native::is_evidence(path.as_str())
                && !(other && path.as_str().starts_with("evidence/"))
        };
        let wanted: Vec<Wanted<'_>> = inventory
            .files
            .iter()
            .filter(|entry| listed(&entry.path))
            .map(|entry| Wanted { entry, algorithms })
            .collect();
        let readings = source.digest(&wanted, &NoProgress).unwrap();
        let artifacts: Vec<_> = wanted
            .iter()
            .zip(readings)
            .map(|(wanted, reading)| {
                let mut digest = hex(reading.unwrap().by(Algorithm::Sha256).unwrap());
                if other {
                    digest = digest.chars().rev().collect();
                }
                (wanted.entry.path.clone(), vec![("sha256", digest)])
            })
            .collect();
        let name = |text: &str| Name::parse(text).unwrap();
        let release = Release {
            vendor: name("Acme Networks"),
            product: name("radio-7"),
            version: name(version),
            kind: Kind::SoftwareUpdate,
            issued: Some(time("2026-01-15T09:00:00Z")),
            expires: Some(time("2027-01-15T09:00:00Z")),
            order: Order::Sequence(sequence),
            replaces: replaces
                .map(|old| Replaces { version: old.release.version.clone(), manifest: old.digest }),
            recipient: None,
        };
        let payload = native::write(&release, &artifacts).unwrap();
        let path =
            if other { self.home.path().join("baseline.dsse.json") } else { self.drop().join(native::FILE) };
        self.seal(&path, &payload, "release");
        native::read(&payload).unwrap()
    }

    fn seal(&self, path: &Path, payload: &[u8], key: &str) {
        let mut envelope = Envelope::over(payload);
        let bytes = self.keys.get(key).unwrap().sign(envelope.signed_bytes());
        envelope.add(Signature { untrusted_keyid: String::new(), bytes });
        fs::write(path, envelope.to_json()).unwrap();
    }

    fn attest(&self, name: &str, key: &str, uri: &str, manifest: &Manifest, predicate: Value) -> String {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": native::FILE, "digest": { "sha256": manifest.digest } }],
            "predicateType": uri,
            "predicate": predicate,
        });
        let payload = statement.to_string();
        self.seal(&self.drop().join(format!("evidence/{name}.dsse.json")), payload.as_bytes(), key);
        dropgate::digest::DocumentDigest::of(payload.as_bytes()).to_string()
    }

    fn document(&self, path: &str) -> Value {
        let digest = dropgate::digest::DocumentDigest::of(&fs::read(self.drop().join(path)).unwrap());
        json!({ "name": path, "digest": { "sha256": digest } })
    }

    /// Writes the statements, and tells how many there are.
    fn statements(&self, manifest: &Manifest, baseline: &Manifest) -> usize {
        let report = |kind: &str, phase: &str, path: &str, format: &str, issues: Value| {
            json!({
                "type": kind, "phase": phase, "series": path, "started": "2026-01-14T10:00:00Z", "finished": "2026-01-14T12:00:00Z",
                "result": "PASSED", "format": format, "report": self.document(path),
                "configuration": [self.document("plan.txt")],
                "plan": { "document": self.document("plan.txt"), "reviewed": "2025-12-01T09:00:00Z" },
                "procedure": self.document("procedure.txt"),
                "vulnerabilities": issues,
                "escalation": { "primary": "a", "backup": "b" },
            })
        };
        const TEST: &str = "urn:dropgate:test-report:v1";
        for number in 0..20 {
            let (kind, phase) = if number == 0 {
                ("penetration-test", "development")
            } else {
                ("functional", "pre-integration")
            };
            let path = format!("evidence/reports/junit-{number}.xml");
            self.attest(
                &format!("junit-{number}"),
                "lab",
                TEST,
                manifest,
                report(kind, phase, &path, "junit", json!([])),
            );
        }
        for number in 0..10 {
            let issues: Vec<Value> = (0..200)
                .map(|issue| json!({ "id": format!("CVE-2026-{number}{issue:04}"), "severity": "high", "state": "open", "mitigation": "none needed" }))
                .collect();
            let path = format!("evidence/reports/grype-{number}.json");
            let said = report("known-vulnerability-scan", "pre-integration", &path, "grype", issues.into());
            self.attest(&format!("grype-{number}"), "lab", TEST, manifest, said);
            let vex: Vec<Value> = (0..200)
                .map(|issue| {
                    json!({
                        "vulnerability": { "name": format!("CVE-2026-{number}{issue:04}") },
                        "products": [{ "@id": format!("pkg:generic/part{issue}@1") }],
                        "status": "not_affected", "justification": "vulnerable_code_not_present",
                    })
                })
                .collect();
            let vex = json!({ "@context": "https://openvex.dev/ns/v0.2.0", "@id": format!("urn:vex:{number}"), "author": "PSIRT",
                "timestamp": "2026-01-14T21:00:00Z", "version": 1, "statements": vex });
            self.attest(&format!("vex-{number}"), "psirt", "https://openvex.dev/ns", manifest, vex);
        }
        self.attest(
            "lint",
            "lab",
            TEST,
            manifest,
            report("source-code-analysis", "development", "evidence/reports/lint.sarif", "sarif", json!([])),
        );
        let components: Vec<Value> = (0..2000)
            .map(|part| json!({ "type": "library", "bom-ref": format!("p{part}"), "name": format!("part{part}"), "version": "1", "purl": format!("pkg:generic/part{part}@1") }))
            .collect();
        for number in 0..5 {
            let bill = json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components });
            self.attest(&format!("sbom-{number}"), "psirt", "https://cyclonedx.org/bom", manifest, bill);
        }
        for number in 0..2 {
            let scan = json!({
                "scanner": { "name": "clamav", "version": "1.4.3" },
                "database": { "version": "27500", "updated": "2026-01-14T08:00:00Z" },
                "started": "2026-01-14T20:00:00Z", "finished": "2026-01-14T20:01:00Z", "result": "clean", "root": "/scan/drop",
                "format": "clamscan", "report": self.document("evidence/reports/clamscan.log"), "procedure": self.document("procedure.txt"),
            });
            self.attest(&format!("malware-{number}"), "scan", "urn:dropgate:malware-scan:v1", manifest, scan);
        }
        let folders: Vec<String> = (0..FOLDERS).map(|folder| format!("{folder:02}/")).collect();
        let papers = ["plan.txt", "procedure.txt", "backout.txt", "notes.txt"];
        let modified: Vec<&str> = folders.iter().map(String::as_str).chain(papers).collect();
        let change = json!({
            "id": "CHG-1", "kind": "software-update", "cause": "vendor-initiated", "summary": "All of it", "written": "2026-01-15T10:00:00Z",
            "initiator": { "name": "Rob Ray", "party": "vendor" }, "builders": ["Acme Build Service"],
            "responsibility": { "clause": "7.2", "costBorneBy": "vendor" },
            "window": { "opens": "2026-01-25T01:00:00Z", "closes": "2026-01-25T05:00:00Z" },
            "from": { "version": "4.2.0", "manifest": { "sha256": baseline.digest } }, "to": "4.2.1",
            "changelog": self.document("notes.txt"), "backoutPlan": self.document("backout.txt"),
            "scope": { "modified": modified, "added": ["evidence/"] },
        });
        let record = self.attest("change", "change", "urn:dropgate:change:v1", manifest, change);
        let approval = json!({ "change": { "sha256": record }, "decision": "approved", "decided": "2026-01-16T09:00:00Z" });
        self.attest("approval", "ops", "urn:dropgate:approval:v1", manifest, approval);
        20 + 20 + 1 + 5 + 2 + 2
    }

    fn gate(&self) -> Gate {
        let mut trust = "version = 1\n".to_owned();
        for (id, owner, party, role) in PEOPLE {
            let public = self.keys.get(id).unwrap().public().unwrap().to_pem().unwrap();
            let vendor = if party == "vendor" { "vendor = \"Acme Networks\"\n" } else { "" };
            trust.push_str(&format!(
                "[[key]]\nid = \"{id}\"\npublic-key = '''\n{public}'''\nowner = \"{owner}\"\nparty = \"{party}\"\n{vendor}roles = [\"{role}\"]\n\
                 valid-from = 2026-01-01T00:00:00Z\nvalid-until = 2027-01-01T00:00:00Z\n"
            ));
        }
        fs::write(self.home.path().join("trust.toml"), trust).unwrap();
        let packs = ["so12", "so14", "so23"]
            .map(|pack| format!("{}/policies/{pack}.toml", env!("CARGO_MANIFEST_DIR")));
        let gate = format!(
            "version = 1\noperator = \"Example Telecom\"\ntrust = \"trust.toml\"\npolicies = {packs:?}\n"
        );
        let path = self.home.path().join("gate.toml");
        fs::write(&path, gate).unwrap();
        Gate::load(&path, &dropgate::files::OnDisk).unwrap()
    }
}
