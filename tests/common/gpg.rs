//! GnuPG, as the tests of OpenPGP and of Debian's repositories use it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::common::have;
use dropgate::trust::openpgp::Credential;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// When keys are made.
pub const MADE: &str = "20260101T000000";

/// A day later.
pub const SIGNED: &str = "20260102T000000";

/// GnuPG with a home of its own. Its agent's socket must fit in 108 bytes, so the home is directly below /tmp.
pub struct Gpg {
    home: TempDir,
    time: String,
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ =
            Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).output();
    }
}

impl Gpg {
    pub fn new() -> Option<Self> {
        if !have("gpg", &["--version"]) {
            return None;
        }
        let home = tempfile::Builder::new().prefix("dg").tempdir_in("/tmp").unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Some(Self { home, time: MADE.to_owned() })
    }

    pub fn later(mut self, time: &str) -> Self {
        self.time = time.to_owned();
        self
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gpg")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(["--faked-system-time", &format!("{}!", self.time), "--yes"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a key and gives its fingerprint.
    pub fn key(&self, name: &str, algorithm: &str, usage: &str, expires: &str) -> String {
        self.run(&["--quick-gen-key", name, algorithm, usage, expires], b"");
        self.fingerprint(name)
    }

    pub fn fingerprint(&self, name: &str) -> String {
        let listed = String::from_utf8(self.run(&["--with-colons", "--list-keys", name], b"")).unwrap();
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    pub fn export(&self, name: &str) -> Vec<u8> {
        self.run(&["--export", name], b"")
    }

    pub fn credential(&self, name: &str) -> Credential {
        Credential::parse(&self.export(name)).unwrap()
    }

    pub fn sign(&self, by: &str, more: &[&str], text: &[u8]) -> Vec<u8> {
        let mut arguments = vec!["--local-user", by, "--output", "-"];
        arguments.extend(more);
        self.run(&arguments, text)
    }

    pub fn detach(&self, by: &str, text: &[u8]) -> Vec<u8> {
        self.sign(by, &["--detach-sign"], text)
    }

    /// Answers what GnuPG asks a person.
    pub fn converse(&self, arguments: &[&str], answers: &str) -> Vec<u8> {
        let mut child = Command::new("gpg")
            .arg("--homedir")
            .arg(self.home.path())
            .args([
                "--quiet",
                "--no-tty",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
                "--command-fd",
                "0",
            ])
            .args(["--faked-system-time", &format!("{}!", self.time)])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), answers.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    pub fn revoke(&self, name: &str, reason: u8) {
        let revocation = self.converse(&["--gen-revoke", name], &format!("y\n{reason}\n\ny\n"));
        self.run(&["--import"], &revocation);
    }
}
