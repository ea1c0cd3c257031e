//! Go's own implementation of signed notes and tiled logs reads our ledger and checks our proofs, and we read its
//! checkpoints.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod common;

use common::have;
use dropgate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use dropgate::ledger::disk::Local;
use dropgate::ledger::log::Log;
use dropgate::ledger::note::{SigningKey, VerifierKey};
use dropgate::ledger::proof::{ConsistencyProof, InclusionProof};
use dropgate::merkle;
use dropgate::trust::ed25519::PrivateKey;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use tempfile::TempDir;

const NAME: &str = "noc.example/dropgate";

/// Where Debian puts the sources of Go's libraries.
const GO_PATH: &str = "/usr/share/gocode";

/// The program of tests/outside/, built in a directory of its own.
struct Outside {
    home: TempDir,
    program: PathBuf,
}

impl Outside {
    fn build() -> Option<Self> {
        let library = format!("{GO_PATH}/src/golang.org/x/mod/sumdb/tlog");
        if !have("go", &["version"]) || !have("ls", &[&library]) {
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let program = home.path().join("outside");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside/ledger.go");
        let built = Command::new("go")
            .args([OsStr::new("build"), "-o".as_ref(), program.as_ref(), source.as_ref()])
            .env("GO111MODULE", "off")
            .env("GOPATH", GO_PATH)
            .env("GOFLAGS", "")
            .env("GOCACHE", home.path().join("cache"))
            .current_dir(home.path())
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Some(Self { home, program })
    }

    fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Output {
        Command::new(&self.program).args(arguments).output().unwrap()
    }

    fn says<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.home.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn entry(index: u64) -> Vec<u8> {
    format!("{{\"entry\":{index}}}").into_bytes()
}

#[test]
fn go_reads_our_ledger_at_every_size_and_checks_our_proofs() {
    let Some(outside) = Outside::build() else { return };
    let key = SigningKey::new(NAME, PrivateKey::generate().unwrap()).unwrap();
    let verifier = key.verifier().to_string();
    let directory = outside.home.path().join("ledger");
    let log = Log::new(Arc::new(Local::new(&directory).unwrap()), key.verifier().clone());
    let mut kept: Vec<Checkpoint> = Vec::new();
    for size in [1, 2, 255, 256, 257, 600, 65_536, 70_000] {
        let start = kept.last().map_or(0, |kept| kept.size);
        let entries: Vec<Vec<u8>> = (start..size).map(entry).collect();
        let signed = log.write(&key).unwrap().append(&entries).unwrap();
        let at = &signed.checkpoint;
        let arguments = ["log".as_ref(), directory.as_os_str(), verifier.as_ref()];
        assert_eq!(outside.says(arguments), format!("{size} {}\n", at.root));
        for index in [0, 1, size / 2, size - 1].into_iter().filter(|index| *index < size) {
            let hashes = log.inclusion(at, index).unwrap();
            let proof =
                InclusionProof { unverified_extra: None, index, hashes, checkpoint: signed.bytes.clone() };
            let (proof, good) = (outside.file("proof", &proof.write()), outside.file("entry", &entry(index)));
            outside.says(["inclusion", &proof, &verifier, &good]);
            let bad = outside.file("other", b"{}");
            assert!(!outside.run(["inclusion", &proof, &verifier, &bad]).status.success());
        }
        for old in &kept {
            let hashes = log.consistency(at, old.size).unwrap();
            let proof = ConsistencyProof { old: old.size, hashes, checkpoint: signed.bytes.clone() };
            let proof = outside.file("proof", &proof.write());
            outside.says(["consistency", &proof, &verifier, &old.root.to_string()]);
            let other = merkle::leaf(b"other").to_string();
            assert!(!outside.run(["consistency", &proof, &verifier, &other]).status.success());
        }
        kept.push(at.clone());
    }
    // The files are those of the specification's own example.
    for (path, there) in [
        ("tile/0/272", true),
        ("tile/0/273", false),
        ("tile/0/273.p/112", true),
        ("tile/1/000", true),
        ("tile/1/001.p/17", true),
        ("tile/2/000.p/1", true),
        ("tile/entries/273.p/112", true),
    ] {
        assert_eq!(directory.join(path).exists(), there, "{path}");
    }
    // It would have said if something was wrong.
    let bundle = directory.join("tile/entries/007");
    let mut bytes = fs::read(&bundle).unwrap();
    bytes[9] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    let output = outside.run(["log".as_ref(), directory.as_os_str(), verifier.as_ref()]);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("entry 1792: "));
}

#[test]
fn we_read_a_checkpoint_that_go_signed() {
    let Some(outside) = Outside::build() else { return };
    let root = merkle::leaf(b"entry");
    let said = outside.says(["sign", NAME, "20852163", &root.to_string()]);
    let (verifier, note) = said.split_once('\n').unwrap();
    let key: VerifierKey = verifier.parse().unwrap();
    assert_eq!(key.to_string(), verifier);
    let signed = SignedCheckpoint::read(note.as_bytes(), &key).unwrap();
    assert_eq!(signed.checkpoint, Checkpoint { origin: NAME.to_owned(), size: 20_852_163, root });
    let other = SigningKey::new(NAME, PrivateKey::generate().unwrap()).unwrap();
    assert!(SignedCheckpoint::read(note.as_bytes(), other.verifier()).is_err());
}
