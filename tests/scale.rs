//! Memory grows with the number of artifacts, slowly, and with the size of none.
//!
//! Tripwires for the debug build that the tests run; benches/run.sh has the figures of the release build.
#![allow(missing_docs, clippy::unwrap_used, clippy::arithmetic_side_effects)]

mod common;

use common::{dropgate, have};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const TIME: &str = "/usr/bin/time";

/// A drop in the making, with a key and a gate of its own.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        fs::create_dir(site.path("drop")).unwrap();
        site.run(&["key", "generate", &site.text("vendor")]);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) {
        let output = dropgate(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Signs the drop, makes a gate that asks for integrity, verifies, and gives the peak of memory in bytes.
    fn peak_of_verify(&self) -> u64 {
        let (drop, gate) = (self.text("drop"), self.text("gate"));
        let (private, public) = (self.text("vendor.pem"), self.text("vendor.pub.pem"));
        self.run(&[
            "manifest",
            "create",
            &drop,
            "--vendor",
            "Acme",
            "--product",
            "scale",
            "--version",
            "1",
            "--kind",
            "new-component",
            "--sequence",
            "1",
            "--key",
            &private,
        ]);
        self.run(&[
            "init",
            &gate,
            "--operator",
            "Example",
            "--key",
            &public,
            "--vendor",
            "Acme",
            "--owner",
            "Jane",
        ]);
        let config = self.path("gate/gate.toml");
        peak_of(&["verify", &drop, "--gate", config.to_str().unwrap(), "--jobs", "2"], &self.path("peak"))
    }
}

fn peak_of(arguments: &[&str], log: &Path) -> u64 {
    let output = Command::new(TIME)
        .args(["--format=%M", "--output"])
        .arg(log)
        .arg(env!("CARGO_BIN_EXE_dropgate"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    fs::read_to_string(log).unwrap().trim().parse::<u64>().unwrap() * 1024
}

fn peak_with_files(count: u64) -> u64 {
    let site = Site::new();
    for folder in 0..100 {
        let folder = site.path("drop").join(format!("{folder:02}"));
        fs::create_dir(&folder).unwrap();
        for file in 0..count / 100 {
            fs::write(folder.join(format!("file-{file:06}.bin")), [0x5a; 64]).unwrap();
        }
    }
    site.peak_of_verify()
}

#[test]
fn an_artifact_more_takes_less_than_a_kilobyte() {
    if !have(TIME, &["true"]) {
        return;
    }
    let (few, many) = (peak_with_files(5_000), peak_with_files(20_000));
    let each = many.saturating_sub(few) / 15_000;
    eprintln!("5,000 files: {few} bytes; 20,000 files: {many} bytes; {each} for each");
    assert!(each < 1000, "{few} bytes for 5,000 files, {many} for 20,000: {each} for each");
}

#[test]
fn a_large_file_is_never_held_in_memory() {
    if !have(TIME, &["true"]) {
        return;
    }
    let site = Site::new();
    // Sparse: it takes no room on the disk.
    File::create(site.path("drop/image.bin")).unwrap().set_len(128 << 20).unwrap();
    let peak = site.peak_of_verify();
    eprintln!("128 MiB file: {peak} bytes");
    assert!(peak < 64 << 20, "{peak} bytes for a file of 128 MiB");
}
