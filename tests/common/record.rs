//! An operator with a ledger and a store, and a vendor who releases.

use super::{dropgate, fixture, key, ledger_key, verifier_key};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

/// The time of every judgement unless a test says otherwise.
pub const AT: &str = "2026-01-20T12:00:00Z";

pub struct Site {
    pub home: TempDir,
    pub verifier: String,
}

/// A release that the vendor makes.
pub struct Release<'r> {
    pub version: &'r str,
    pub sequence: u64,
    /// The version that it replaces: a drop made before.
    pub replaces: Option<&'r str>,
    /// What its one file says.
    pub text: &'r str,
}

impl Site {
    /// A gate that asks for integrity and for versions that advance, with a ledger.
    pub fn new() -> Self {
        Self::with("")
    }

    /// The same, with more in gate.toml.
    pub fn with(more: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        ledger_key(home.path());
        let site = Self { home, verifier: verifier_key() };
        site.gate("gate.toml", more);
        site
    }

    /// Writes a gate file.
    pub fn gate(&self, name: &str, more: &str) {
        let text = format!(
            "version = 1\noperator = \"Example Telecom\"\ntrust = {:?}\npolicies = [{:?}]\n\n[ledger]\n\
             directory = \"ledger\"\nverifier-key = {:?}\nkey = \"ledger.pem\"\n{more}",
            fixture("gate/trust.toml"),
            fixture("../policies/start.toml"),
            self.verifier
        );
        fs::write(self.path(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// Makes a drop, by the name of its version.
    pub fn release(&self, release: &Release<'_>) -> PathBuf {
        self.release_as(release.version, release)
    }

    /// Makes a drop under another name.
    pub fn release_as(&self, name: &str, release: &Release<'_>) -> PathBuf {
        let drop = self.path(&format!("drops/{name}"));
        fs::create_dir_all(&drop).unwrap();
        fs::write(drop.join("image.bin"), release.text).unwrap();
        let sequence = release.sequence.to_string();
        let kind = if release.replaces.is_some() { "software-update" } else { "new-component" };
        let mut arguments: Vec<String> = [
            "--quiet",
            "manifest",
            "create",
            &drop.display().to_string(),
            "--vendor",
            "Acme Networks",
            "--product",
            "radio-7",
            "--version",
            release.version,
            "--kind",
            kind,
            "--sequence",
            &sequence,
            "--issued",
            "2026-01-15T09:00:00Z",
            "--expires-in",
            "36500d",
            "--key",
            &key("acme-release").display().to_string(),
        ]
        .map(str::to_owned)
        .to_vec();
        if let Some(replaces) = release.replaces {
            let manifest = self.path(&format!("drops/{replaces}/drop.dsse.json"));
            arguments.extend(["--replaces".to_owned(), manifest.display().to_string()]);
        }
        let made = dropgate(&arguments);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        drop
    }

    /// Runs a command of the gate's on a drop.
    pub fn run(&self, command: &[&str], drop: &Path, more: &[&str]) -> Output {
        let gate = self.path("gate.toml").display().to_string();
        let mut arguments: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        arguments.extend([drop.display().to_string(), "--gate".to_owned(), gate]);
        if !more.contains(&"--at") {
            arguments.extend(["--at", AT].map(str::to_owned));
        }
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        dropgate(&arguments)
    }

    /// Admits a drop: exit code, verdict, notes.
    pub fn admit(&self, drop: &Path, more: &[&str]) -> (Option<i32>, Value, String) {
        let store = self.store().display().to_string();
        let mut flags = vec!["--into", &store, "--format", "json"];
        flags.extend(more);
        told(&self.run(&["admit"], drop, &flags))
    }

    /// Verifies a drop.
    pub fn verify(&self, drop: &Path, more: &[&str]) -> (Option<i32>, Value, String) {
        let mut flags = vec!["--format", "json"];
        flags.extend(more);
        told(&self.run(&["verify"], drop, &flags))
    }

    /// Runs `dropgate ledger` with this gate.
    pub fn ledger(&self, words: &[&str]) -> Output {
        let gate = self.path("gate.toml").display().to_string();
        let mut arguments = vec!["ledger"];
        arguments.extend(words);
        arguments.extend(["--gate", &gate]);
        dropgate(&arguments)
    }

    /// The entries of the ledger, in its order.
    pub fn entries(&self) -> Vec<Value> {
        let exported = self.ledger(&["export", "--format", "jsonl"]);
        assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
        let text = String::from_utf8(exported.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub fn told(output: &Output) -> (Option<i32>, Value, String) {
    let verdict = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), verdict, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The codes of a verdict's findings.
pub fn codes(verdict: &Value) -> Vec<&str> {
    let controls = verdict["controls"].as_array().into_iter().flatten();
    controls
        .flat_map(|control| control["findings"].as_array().unwrap())
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    dropgate::digest::DocumentDigest::of(bytes).to_string()
}
