//! A ledger to ask and to break: made through the library, the same every time.

use dropgate::digest::DocumentDigest;
use dropgate::drop::path::{DropPath, Name};
use dropgate::finding::Outcome;
use dropgate::ledger::checkpoint::SignedCheckpoint;
use dropgate::ledger::configuration;
use dropgate::ledger::entry::{
    Action, Admission, AdmissionState, By, Contents, ControlOutcome, Digest, Doc, Entry, EntryType,
    GateFiles, Key, KeyUse, Manifest, Policy, Release, Tool, Waiver,
};
use dropgate::ledger::note::SigningKey;
use dropgate::ledger::{Ledger, contents};
use dropgate::manifest::Kind;
use dropgate::trust::ed25519::PrivateKey;
use dropgate::verdict::Decision;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

pub const NAME: &str = "noc.example/dropgate";

/// A ledger in a directory of its own.
pub struct Scene {
    pub home: TempDir,
    pub key: SigningKey,
}

/// The key of one of the shipped fixtures signs.
pub fn signing_key(fixture: &str, name: &str) -> SigningKey {
    let pem = fs::read_to_string(super::key(fixture)).unwrap();
    SigningKey::new(name, PrivateKey::from_pem(&pem).unwrap()).unwrap()
}

/// The SHA-256 of a text: what stands for a file of a drop.
pub fn digest(text: &str) -> DocumentDigest {
    DocumentDigest::of(text.as_bytes())
}

/// Everything in an entry that tests vary.
#[derive(Debug, Clone)]
pub struct Facts {
    pub recorded_at: String,
    pub vendor: String,
    pub product: String,
    pub version: String,
    pub user: String,
    pub accept: bool,
    pub admit: bool,
    pub waived: Option<String>,
    pub key: String,
    pub note: Option<String>,
    /// Paths of the files that arrived, each with a text that stands for its bytes.
    pub files: Vec<(String, String)>,
    /// No manifest was verified.
    pub unverified: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            recorded_at: "2026-01-20T12:00:00Z".to_owned(),
            vendor: "Acme Networks".to_owned(),
            product: "radio-7".to_owned(),
            version: "4.2.1".to_owned(),
            user: "ci".to_owned(),
            accept: true,
            admit: false,
            waived: None,
            key: "acme-release".to_owned(),
            note: None,
            files: vec![("firmware/radio.bin".to_owned(), "radio".to_owned())],
            unverified: false,
        }
    }
}

impl Scene {
    pub fn empty() -> Self {
        Self { home: tempfile::tempdir().unwrap(), key: signing_key("ops-first", NAME) }
    }

    /// A ledger of these.
    pub fn of(all: &[Facts]) -> Self {
        let scene = Self::empty();
        scene.record(all);
        scene
    }

    pub fn directory(&self) -> PathBuf {
        self.home.path().join("ledger")
    }

    pub fn file(&self, path: &str) -> PathBuf {
        self.directory().join(path)
    }

    pub fn ledger(&self) -> Ledger {
        Ledger::open(&self.directory(), self.key.verifier().clone()).unwrap()
    }

    pub fn record(&self, all: &[Facts]) -> SignedCheckpoint {
        let ledger = self.ledger();
        let entries: Vec<Vec<u8>> =
            all.iter().map(|facts| self.entry(&ledger, facts).write().unwrap()).collect();
        self.append(&entries)
    }

    pub fn append(&self, entries: &[Vec<u8>]) -> SignedCheckpoint {
        self.ledger().write(&self.key).unwrap().append(entries).unwrap()
    }

    /// The entry of these facts; its documents are put.
    pub fn entry(&self, ledger: &Ledger, facts: &Facts) -> Entry {
        let put = |text: &[u8]| {
            ledger.documents().put(text).unwrap();
            Doc::of(text)
        };
        let name = |text: &str| Name::parse(text).unwrap();
        let files = [("gate.toml", "version = 1\n"), ("trust.toml", "# keys\n")];
        let gate =
            configuration::write(files.map(|(name, text)| (name.to_owned(), text.as_bytes()))).unwrap();
        let listed: Vec<(DocumentDigest, DropPath)> =
            facts.files.iter().map(|(path, text)| (digest(text), DropPath::parse(path).unwrap())).collect();
        let list = contents::write(listed.iter().map(|(digest, path)| (*digest, path)));
        let signed = format!("{} {} {}", facts.vendor, facts.product, facts.version);
        let mut outcomes = vec![
            ("so12.manifest-signed", Outcome::Pass),
            ("so12.manifest-complete", Outcome::Pass),
            ("so12.malware-scan", Outcome::Pass),
            ("so23.penetration-test", Outcome::NotApplicable),
        ];
        if facts.waived.is_some() {
            outcomes[2].1 = Outcome::Waived;
        }
        if !facts.accept {
            outcomes[1].1 = Outcome::Fail;
        }
        if facts.unverified {
            outcomes.iter_mut().for_each(|one| one.1 = Outcome::NoEvidence);
        }
        let accept = facts.accept && !facts.unverified;
        let verdict = format!("{{\"verdict\":{accept},\"of\":{signed:?}}}");
        Entry {
            entry_type: EntryType,
            recorded_at: facts.recorded_at.parse().unwrap(),
            judged_at: "2026-01-20T12:00:00Z".parse().unwrap(),
            by: By {
                user: facts.user.clone(),
                uid: 1000,
                host: "gate-1".to_owned(),
                note: facts.note.clone(),
            },
            tool: Tool { name: "dropgate".to_owned(), version: "0.1.0".to_owned() },
            action: if facts.admit { Action::Admit } else { Action::Verify },
            verdict: if accept { Decision::Accept } else { Decision::Reject },
            release: (!facts.unverified).then(|| Release {
                vendor: name(&facts.vendor),
                product: name(&facts.product),
                version: name(&facts.version),
                kind: Kind::SoftwareUpdate,
                sequence: Some(7),
                replaces: None,
            }),
            manifest: (!facts.unverified).then(|| Manifest {
                sha256: digest(&signed),
                envelope: put(format!("envelope of {signed}").as_bytes()),
            }),
            read_as: None,
            contents: (!facts.unverified).then(|| Contents {
                document: put(&list),
                files: facts.files.len() as u64,
                bytes: 5,
            }),
            verdict_document: put(verdict.as_bytes()),
            gate: GateFiles { operator: "Example Telecom".to_owned(), files: put(&gate) },
            policies: vec![Policy {
                id: "so12".to_owned(),
                version: "1.0.0".to_owned(),
                sha256: digest("policy"),
            }],
            trust_store: Digest { sha256: digest("trust") },
            counterfeit_notices: Vec::new(),
            evidence: Vec::new(),
            baseline: None,
            controls: outcomes.into_iter().map(|(id, own)| (id.to_owned(), ControlOutcome(own))).collect(),
            waivers: facts
                .waived
                .iter()
                .map(|ticket| Waiver {
                    sha256: digest(ticket),
                    control: "so12.malware-scan".to_owned(),
                    ticket: ticket.clone(),
                    expires: "2026-06-30T00:00:00Z".parse().unwrap(),
                    used: true,
                })
                .collect(),
            keys: vec![Key {
                sha256: digest(&facts.key),
                name: facts.key.clone(),
                owner: facts.vendor.clone(),
                uses: vec![KeyUse::Release],
            }],
            admission: (facts.admit && accept).then(|| Admission {
                store: "/srv/store".to_owned(),
                path: "Acme%20Networks/radio-7/4.2.1".to_owned(),
                state: AdmissionState::Stored,
            }),
        }
    }

    /// Runs `dropgate ledger COMMAND` on it.
    pub fn run(&self, command: &[&str]) -> Said {
        self.run_as(command, &self.key.verifier().to_string())
    }

    pub fn run_as(&self, command: &[&str], verifier: &str) -> Said {
        let directory = self.directory();
        let mut arguments = vec!["ledger"];
        arguments.extend(command);
        let directory = directory.to_str().unwrap();
        arguments.extend(["--ledger", directory, "--verifier-key", verifier]);
        Said::of(super::dropgate(arguments))
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        Self {
            exit: output.status.code().expect("killed by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    #[track_caller]
    pub fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The entries of `list --format json`.
    #[track_caller]
    pub fn indices(&self) -> Vec<u64> {
        let json = self.json();
        json["entries"].as_array().unwrap().iter().map(|row| row["index"].as_u64().unwrap()).collect()
    }
}

pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::write(path, bytes).unwrap();
}
