//! What the tests share: the binary, the fixtures, and a good drop to break.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

pub mod case;
pub mod ledger;
pub mod openssl;
pub mod record;

use dropgate::policy::controls;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// The key of a ledger, readable by its owner alone.
pub fn ledger_key(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let file = directory.join("ledger.pem");
    fs::copy(key("ops-second"), &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Of the ledger that the key `ops-second` signs.
pub fn verifier_key() -> String {
    use dropgate::ledger::note::SigningKey;
    use dropgate::trust::ed25519::PrivateKey;
    let pem = fs::read_to_string(key("ops-second")).unwrap();
    let key = SigningKey::new("example.com/dropgate", PrivateKey::from_pem(&pem).unwrap()).unwrap();
    key.verifier().to_string()
}

pub fn key(name: &str) -> PathBuf {
    fixture(&format!("keys/{name}.pem"))
}

/// Runs the binary.
pub fn dropgate<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dropgate")).args(arguments).env_remove("NO_COLOR").output().unwrap()
}

/// Copies the binary to where another user may reach it. By a process of its own: while this one holds a file open for
/// writing, a child that another thread starts just then inherits it, and a file that is open for writing can't be run.
pub fn copy_of_the_binary(to: &Path) {
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_dropgate")).arg(to).status().unwrap();
    assert!(copied.success(), "can't copy the binary to {}", to.display());
}

/// Whether an outside tool is here. Where CI asks for all of them, one that is missing is a failure.
pub fn have(tool: &str, probe: &[&str]) -> bool {
    let there = Command::new(tool).args(probe).output().is_ok_and(|output| output.status.success());
    if !there {
        assert!(std::env::var_os("DROPGATE_REQUIRE_TOOLS").is_none(), "{tool} is needed here and is missing");
        eprintln!("NOT TESTED: {tool} is missing on this machine");
    }
    there
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// A drop in a directory of its own, to break.
pub struct Scene {
    pub home: TempDir,
    pub gate: PathBuf,
    pub arguments: Vec<String>,
}

/// What the gate said.
#[derive(Debug)]
pub struct Verdict {
    pub exit: i32,
    pub json: Option<Value>,
    pub stderr: String,
}

impl Verdict {
    /// The findings' codes, each once. A control may find what its definition says and nothing else.
    pub fn codes(&self) -> BTreeSet<String> {
        let json = self.json.as_ref().unwrap_or_else(|| panic!("no verdict: {}", self.stderr));
        let mut codes = BTreeSet::new();
        for control in json["controls"].as_array().unwrap() {
            let id = control["id"].as_str().unwrap();
            let own = controls::named(id).map_or(controls::CUSTOM, |definition| definition.codes);
            for finding in control["findings"].as_array().unwrap() {
                let code = finding["code"].as_str().unwrap();
                assert!(own.iter().any(|own| own.name() == code), "{id} does not say that it finds {code}");
                codes.insert(code.to_owned());
            }
        }
        codes
    }

    /// The codes of findings that were waived, each once.
    pub fn waived(&self) -> BTreeSet<String> {
        let json = self.json.as_ref().unwrap_or_else(|| panic!("no verdict: {}", self.stderr));
        let controls = json["controls"].as_array().unwrap().iter();
        let waived = controls.flat_map(|control| control["waived"].as_array().unwrap());
        waived.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }

    pub fn text(&self) -> String {
        self.json.as_ref().map(Value::to_string).unwrap_or_default()
    }

    #[track_caller]
    pub fn accepted(&self) {
        assert_eq!(self.exit, 0, "{} {}", self.text(), self.stderr);
        assert_eq!(self.json.as_ref().unwrap()["verdict"], "ACCEPT");
        assert!(self.codes().is_empty());
    }

    #[track_caller]
    pub fn rejected(&self, claim: &str, codes: &[&str]) {
        assert_eq!(self.exit, 1, "{claim}: {} {}", self.text(), self.stderr);
        assert_eq!(self.json.as_ref().unwrap()["verdict"], "REJECT", "{claim}");
        let expected: BTreeSet<String> = codes.iter().map(|code| (*code).to_owned()).collect();
        assert_eq!(self.codes(), expected, "{claim}: {}", self.text());
    }

    #[track_caller]
    pub fn undecided(&self, claim: &str, says: &str) {
        assert_eq!(self.exit, 2, "{claim}: {} {}", self.text(), self.stderr);
        assert!(self.json.is_none(), "{claim}");
        assert!(self.stderr.contains(says), "{claim}: expected {says:?} in\n{}", self.stderr);
    }
}

/// The flags by which the shipped drops are judged: as of January 2026, against the release before.
pub fn circumstances() -> Vec<String> {
    let baseline = fixture("baseline/drop/drop.dsse.json").display().to_string();
    ["--at", "2026-01-20T12:00:00Z", "--baseline", &baseline].map(str::to_owned).to_vec()
}

/// Every shipped drop: its name, what is expected of it, and its verdict under its circumstances.
pub fn shipped() -> Vec<(String, Value, Verdict)> {
    let drops = fs::read_dir(fixture("drops")).unwrap().map(|entry| entry.unwrap().path());
    drops
        .map(|directory| {
            let claim = directory.file_name().unwrap().to_string_lossy().into_owned();
            let expected: Value =
                serde_json::from_slice(&fs::read(directory.join("expect.json")).unwrap()).unwrap();
            let mut flags = circumstances();
            if expected["baseline"] == false {
                flags.truncate(2);
            }
            let verdict = verify(&directory.join("drop"), &fixture("gate/gate.toml"), &flags);
            (claim, expected, verdict)
        })
        .collect()
}

/// Verifies a drop by a gate and reads the JSON.
pub fn verify(drop: &Path, gate: &Path, more: &[String]) -> Verdict {
    let mut arguments: Vec<&OsStr> =
        vec!["verify".as_ref(), drop.as_os_str(), "--format".as_ref(), "json".as_ref()];
    arguments.extend::<[&OsStr; 2]>(["--gate".as_ref(), gate.as_os_str()]);
    arguments.extend(more.iter().map(|one| -> &OsStr { one.as_ref() }));
    let output = dropgate(arguments);
    Verdict {
        exit: output.status.code().expect("killed by a signal"),
        json: serde_json::from_slice(&output.stdout).ok(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Scene {
    /// A copy of the plain drop, and its gate: few controls, so that each finding has one cause.
    pub fn good() -> Self {
        let home = tempfile::tempdir().unwrap();
        copy(&fixture("plain/drop"), &home.path().join("drop"));
        Self { home, gate: fixture("gate/plain.toml"), arguments: Vec::new() }
    }

    /// A copy of the drop that satisfies every pack, its gate, and the flags by which it is judged.
    pub fn whole() -> Self {
        let home = tempfile::tempdir().unwrap();
        copy(&fixture("drops/good/drop"), &home.path().join("drop"));
        Self { home, gate: fixture("gate/gate.toml"), arguments: circumstances() }
    }

    /// The same with a gate that has a ledger, in the scene's home.
    pub fn recording(mut self) -> Self {
        let mut gate: toml::Table = fs::read_to_string(&self.gate).unwrap().parse().unwrap();
        let beside = self.gate.parent().unwrap().to_owned();
        let absolute = |value: &mut toml::Value| match value {
            toml::Value::String(path) => *path = beside.join(&path).display().to_string(),
            _ => panic!("{value}"),
        };
        absolute(&mut gate["trust"]);
        gate["policies"].as_array_mut().unwrap().iter_mut().for_each(absolute);
        let text = format!(
            "{gate}\n[ledger]\ndirectory = \"ledger\"\nverifier-key = {:?}\nkey = \"ledger.pem\"\n",
            verifier_key()
        );
        ledger_key(self.home.path());
        self.gate = self.home.path().join("gate.toml");
        fs::write(&self.gate, text).unwrap();
        self
    }

    pub fn drop(&self) -> PathBuf {
        self.home.path().join("drop")
    }

    pub fn file(&self, path: &str) -> PathBuf {
        self.drop().join(path)
    }

    pub fn verify(&self) -> Verdict {
        verify(&self.drop(), &self.gate, &self.arguments)
    }

    /// The manifest's statement as JSON.
    pub fn statement(&self) -> Value {
        serde_json::from_slice(&self.payload()).unwrap()
    }

    pub fn payload(&self) -> Vec<u8> {
        let envelope: Value =
            serde_json::from_slice(&fs::read(self.file("drop.dsse.json")).unwrap()).unwrap();
        unbase64(envelope["payload"].as_str().unwrap())
    }

    /// Signs `payload` as the manifest, whatever it is, by an implementation that is not ours.
    pub fn sign(&self, payload: &[u8], keys: &[&str]) {
        fs::write(self.file("drop.dsse.json"), envelope(IN_TOTO, payload, keys)).unwrap();
    }

    /// Changes the statement and signs it again.
    pub fn resign(&self, change: impl FnOnce(&mut Value)) {
        let mut statement = self.statement();
        change(&mut statement);
        self.sign(statement.to_string().as_bytes(), &["acme-release"]);
    }
}

pub const IN_TOTO: &str = "application/vnd.in-toto+json";

pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut pae = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    pae.extend_from_slice(payload);
    pae
}

/// A DSSE envelope, written by hand from the specification.
pub fn envelope(payload_type: &str, payload: &[u8], keys: &[&str]) -> String {
    let signatures: Vec<Value> = keys
        .iter()
        .map(|name| serde_json::json!({ "keyid": "", "sig": base64(&signature(name, &pae(payload_type, payload))) }))
        .collect();
    serde_json::json!({ "payloadType": payload_type, "payload": base64(payload), "signatures": signatures })
        .to_string()
}

pub fn signature(name: &str, message: &[u8]) -> Vec<u8> {
    use ed25519_dalek::pkcs8::DecodePrivateKey;
    use ed25519_dalek::{Signer, SigningKey};
    let pem = fs::read_to_string(key(name)).unwrap();
    SigningKey::from_pkcs8_pem(&pem).unwrap().sign(message).to_bytes().to_vec()
}

pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
