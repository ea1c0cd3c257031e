//! Promise: a mirrored Debian repository is what its signed release says, down to each package; whatever is altered, missing or
//! beside it is found. Repositories are made by Debian's own tools and signed by GnuPG; each case breaks one thing.
#![cfg(feature = "debian")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod common;
#[path = "common/gpg.rs"]
mod gpg;

use common::have;
use dropgate::digest::{Algorithm, Algorithms, Comparison, Hashers};
use dropgate::drop::path::DropPath;
use dropgate::manifest::debian::{DebianRefusal, Files, Packages, Place, Release, Scope, artifacts};
use dropgate::time::Time;
use dropgate::trust::detached::Tried;
use dropgate::trust::message::Message;
use dropgate::trust::openpgp::{Cleartext, Credential, Signature};
use gpg::Gpg;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const JUDGED: &str = "2026-01-10T00:00:00Z";
const RADIO: &str = "pool/main/r/radio/radio_1.0_amd64.deb";
const NOTES: &str = "pool/main/r/radio/radio-notes_1.0_all.deb";
const FIRMWARE: &str = "pool/main/r/radio/radio_1.0_arm64.deb";
const AMD64: &str = "dists/stable/main/binary-amd64/Packages";
const ARM64: &str = "dists/stable/main/binary-arm64/Packages";

/// A repository that is accepted, to break.
struct Repository {
    home: TempDir,
    gpg: Gpg,
    key: String,
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

impl Repository {
    fn new() -> Option<Self> {
        for tool in ["dpkg-deb", "apt-ftparchive", "gzip", "xz"] {
            if !have(tool, &["--version"]) && !have(tool, &["--help"]) {
                return None;
            }
        }
        let gpg = Gpg::new()?;
        let key = gpg.key("Acme archive <archive@example.com>", "ed25519", "cert,sign", "1y");
        let own = Self { home: tempfile::tempdir().unwrap(), gpg, key };
        own.package("radio", "amd64", RADIO);
        own.package("radio", "arm64", FIRMWARE);
        own.package("radio-notes", "all", NOTES);
        own.index("amd64");
        own.index("arm64");
        own.publish(str::to_owned);
        Some(own)
    }

    fn path(&self, path: &str) -> PathBuf {
        let path = self.home.path().join("drop").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(path), bytes).unwrap();
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    fn flip(&self, path: &str) {
        let mut bytes = fs::read(self.path(path)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        self.write(path, bytes);
    }

    fn package(&self, name: &str, architecture: &str, path: &str) {
        let tree = self.home.path().join(format!("{name}-{architecture}"));
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        let control = format!(
            "Package: {name}\nVersion: 1.0\nArchitecture: {architecture}\nMaintainer: Acme <a@example.com>\nDescription: a part\n \
             of the radio\n .\n for tests\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(tree).arg(self.path(path)));
    }

    /// Makes an index with all of its packings.
    fn index(&self, architecture: &str) {
        let list = run(Command::new("apt-ftparchive")
            .args(["-a", architecture, "packages", "pool"])
            .current_dir(self.path("x").parent().unwrap()));
        self.repack(&format!("dists/stable/main/binary-{architecture}/Packages"), &list);
    }

    fn repack(&self, path: &str, list: &[u8]) {
        self.write(path, list);
        run(Command::new("gzip").args(["-9nkf"]).arg(self.path(path)));
        run(Command::new("xz").args(["-kf"]).arg(self.path(path)));
    }

    /// Lists the indexes, lets `change` have a go at the list, and signs it.
    fn publish(&self, change: impl Fn(&str) -> String) {
        let path = self.path("dists/stable/InRelease");
        let _ = fs::remove_file(&path);
        let mut command = Command::new("apt-ftparchive");
        for (name, value) in [
            ("Origin", "Acme"),
            ("Label", "radio-7"),
            ("Suite", "stable"),
            ("Codename", "quartz"),
            ("Version", "4.2"),
            ("Architectures", "amd64 arm64"),
            ("Components", "main"),
        ] {
            command.args(["-o", &format!("APT::FTPArchive::Release::{name}={value}")]);
        }
        let made =
            run(command.args(["release", "dists/stable"]).current_dir(self.path("x").parent().unwrap()));
        let made = String::from_utf8(made).unwrap();
        let date = "Date: Thu, 01 Jan 2026 00:00:00 UTC\nValid-Until: Thu, 08 Jan 2026 00:00:00 UTC";
        let dated: Vec<&str> =
            made.lines().map(|line| if line.starts_with("Date:") { date } else { line }).collect();
        self.sign(&change(&format!("{}\n", dated.join("\n"))));
    }

    fn sign(&self, text: &str) {
        let signed = self.gpg.sign(&self.key, &["--digest-algo", "SHA512", "--clearsign"], text.as_bytes());
        self.write("dists/stable/InRelease", signed);
    }

    /// The text that is signed.
    fn release(&self) -> String {
        String::from_utf8(Cleartext::read(self.text("dists/stable/InRelease").as_bytes()).unwrap().text)
            .unwrap()
            + "\n"
    }

    fn judge(&self, scope: &Scope) -> Result<Vec<String>, String> {
        let mut arrived = Arrived::below(&self.home.path().join("drop"));
        judge(&mut arrived, &self.gpg.credential(&self.key), scope)
    }
}

struct Arrived {
    root: PathBuf,
    paths: BTreeSet<DropPath>,
    read: Vec<String>,
}

impl Arrived {
    fn below(root: &Path) -> Self {
        fn walk(root: &Path, directory: &Path, paths: &mut BTreeSet<DropPath>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(root, &path, paths);
                } else {
                    let path = path.strip_prefix(root).unwrap().to_str().unwrap();
                    paths.insert(DropPath::parse(path).unwrap());
                }
            }
        }
        let mut paths = BTreeSet::new();
        walk(root, root, &mut paths);
        Self { root: root.to_owned(), paths, read: Vec::new() }
    }
}

impl Files for Arrived {
    type Error = Infallible;

    fn have(&self, path: &DropPath) -> bool {
        self.paths.contains(path)
    }

    fn read(&mut self, path: &DropPath, cap: u64) -> Result<Result<Vec<u8>, String>, Infallible> {
        self.read.push(path.as_str().to_owned());
        let bytes = fs::read(self.root.join(path.as_str())).unwrap();
        Ok(if bytes.len() as u64 > cap { Err("expected a smaller file".to_owned()) } else { Ok(bytes) })
    }
}

/// What the gate does with a repository, as far as the library goes: what is wrong with it, file by file.
fn judge(arrived: &mut Arrived, credential: &Credential, scope: &Scope) -> Result<Vec<String>, String> {
    let place = Place::find(&arrived.paths).map_err(|why| why.to_string())?;
    let bytes = |path: &DropPath| fs::read(arrived.root.join(path.as_str())).unwrap();
    let (signature, text) = match (&place.in_release, &place.detached) {
        (Some(path), _) => {
            let read = Cleartext::read(&bytes(path)).map_err(|why| why.to_string())?;
            (read.signature, read.text)
        }
        (None, Some((release, signature))) => {
            (Signature::read(&bytes(signature)).map_err(|why| why.to_string())?, bytes(release))
        }
        (None, None) => return Err("nothing".to_owned()),
    };
    let message = Message::of(&signature.needs(), &text);
    match signature.check(credential, &message, JUDGED.parse().unwrap()) {
        Tried::Good(_) => {}
        other => return Err(format!("{other:?}")),
    }
    if let (Some(_), Some((release, _))) = (&place.in_release, &place.detached)
        && !Place::says_the_same(&text, &bytes(release))
    {
        return Err("the two releases differ".to_owned());
    }
    let release = Release::read(&text).map_err(|why| why.to_string())?;
    let Ok(listed) = artifacts(&release, &place, scope, arrived);
    let listed = listed.map_err(|why| why.to_string())?;
    assert!(listed.is_sorted_by(|a, b| a.path < b.path));
    let mut wrong = Vec::new();
    for artifact in &listed {
        let path = artifact.path.as_str();
        match fs::read(arrived.root.join(path)) {
            Err(_) => wrong.push(format!("missing {path}")),
            Ok(bytes) => {
                let mut hashers =
                    Hashers::new(Algorithm::ALL.into_iter().fold(Algorithms::default(), Algorithms::with));
                hashers.update(&bytes);
                if !matches!(hashers.finish().matches(&artifact.digests), Comparison::Matches) {
                    wrong.push(format!("altered {path}"));
                }
            }
        }
    }
    let names: BTreeSet<&DropPath> =
        listed.iter().map(|artifact| &artifact.path).chain(place.signed_files()).collect();
    wrong.extend(
        arrived.paths.iter().filter(|path| !names.contains(path)).map(|path| format!("extra {path}")),
    );
    Ok(wrong)
}

fn only(architectures: &[&str], components: &[&str]) -> Scope {
    let set =
        |names: &[&str]| (!names.is_empty()).then(|| names.iter().map(|name| (*name).to_owned()).collect());
    Scope { architectures: set(architectures), components: set(components) }
}

#[test]
fn a_mirror_is_what_its_release_says() {
    let Some(repository) = Repository::new() else { return };
    assert_eq!(repository.judge(&Scope::default()), Ok(vec![]));
    assert_eq!(repository.judge(&only(&["amd64"], &["main"])), Ok(vec![]));
    let release = Release::read(repository.release().as_bytes()).unwrap();
    let time = |text: &str| -> Time { text.parse().unwrap() };
    assert_eq!(release.origin.as_deref(), Some("Acme"));
    assert_eq!(release.product(), Some("radio-7"));
    assert_eq!(release.suite.as_deref(), Some("stable"));
    assert_eq!(release.codename.as_deref(), Some("quartz"));
    assert_eq!(release.version.as_deref(), Some("4.2"));
    assert_eq!(release.date, time("2026-01-01T00:00:00Z"));
    // It has passed when the tests judge: whoever judges compares.
    assert_eq!(release.valid_until, Some(time("2026-01-08T00:00:00Z")));
    assert_eq!(release.architectures, ["amd64", "arm64"]);
    assert_eq!(release.components, ["main"]);
    let packages = Packages::read(&fs::read(repository.path(AMD64)).unwrap()).unwrap();
    let mut names: Vec<_> =
        packages.iter().map(|p| (p.name.as_str(), p.version.as_str(), p.architecture.as_str())).collect();
    names.sort_unstable();
    assert_eq!(names, [("radio", "1.0", "amd64"), ("radio-notes", "1.0", "all")]);
    assert_eq!(packages[0].size, fs::metadata(repository.path(packages[0].filename.as_str())).unwrap().len());
}

/// A name that says what is done, what is done, and what is found.
type Case = (&'static str, fn(&Repository), Result<Vec<String>, &'static str>);

fn found(wrong: &[&str]) -> Result<Vec<String>, &'static str> {
    Ok(wrong.iter().map(|line| (*line).to_owned()).collect())
}

fn edit(repository: &Repository, path: &str, change: impl Fn(&str) -> String) {
    let changed = change(&repository.text(path));
    assert_ne!(changed, repository.text(path), "{path}");
    repository.write(path, changed);
}

#[test]
fn whatever_is_done_to_a_mirror_is_found() {
    let cases: Vec<Case> = vec![
        ("a package altered", |r| r.flip(RADIO), found(&["altered pool/main/r/radio/radio_1.0_amd64.deb"])),
        (
            "a package missing",
            |r| r.remove(NOTES),
            found(&["missing pool/main/r/radio/radio-notes_1.0_all.deb"]),
        ),
        (
            "two packages swapped",
            |r| {
                let (one, other) = (fs::read(r.path(RADIO)).unwrap(), fs::read(r.path(FIRMWARE)).unwrap());
                r.write(RADIO, other);
                r.write(FIRMWARE, one);
            },
            found(&[
                "altered pool/main/r/radio/radio_1.0_amd64.deb",
                "altered pool/main/r/radio/radio_1.0_arm64.deb",
            ]),
        ),
        (
            "a package in no index",
            |r| r.write("pool/main/r/radio/more.deb", "x"),
            found(&["extra pool/main/r/radio/more.deb"]),
        ),
        ("a file beside", |r| r.write("README", "x"), found(&["extra README"])),
        (
            "an index that the release does not list",
            |r| {
                r.write("dists/stable/contrib/binary-amd64/Packages", "Package: x\n");
            },
            found(&["extra dists/stable/contrib/binary-amd64/Packages"]),
        ),
        (
            "some packings left out",
            |r| {
                r.remove(AMD64);
                r.remove(&format!("{ARM64}.gz"));
            },
            found(&[]),
        ),
        (
            "all packings left out",
            |r| {
                for end in ["", ".gz", ".xz"] {
                    r.remove(&format!("{AMD64}{end}"));
                }
            },
            Ok(vec![
                format!("missing {AMD64}{}", if cfg!(feature = "xz") { ".xz" } else { ".gz" }),
                format!("extra {RADIO}"),
            ]),
        ),
        (
            "a translation and contents",
            |r| {
                r.write("dists/stable/main/i18n/Translation-en", "x");
                r.write("dists/stable/main/Contents-amd64.gz", "x");
                r.publish(str::to_owned);
                r.remove("dists/stable/main/i18n/Translation-en");
            },
            found(&[]),
        ),
        (
            "contents altered",
            |r| {
                r.write("dists/stable/main/Contents-amd64", "good");
                r.publish(str::to_owned);
                r.write("dists/stable/main/Contents-amd64", "evil");
            },
            found(&["altered dists/stable/main/Contents-amd64"]),
        ),
        (
            "an index with a line more",
            |r| {
                for end in ["", ".gz", ".xz"] {
                    let _ = fs::remove_file(r.path(&format!("{ARM64}{end}")));
                }
                r.publish(str::to_owned);
                edit(r, AMD64, |text| format!("{text}\nPackage: evil\n"));
                r.remove(FIRMWARE);
            },
            found(&["altered dists/stable/main/binary-amd64/Packages"]),
        ),
        (
            "every packing altered",
            |r| {
                for end in ["", ".gz", ".xz"] {
                    r.flip(&format!("{ARM64}{end}"));
                }
                if !cfg!(feature = "xz") {
                    r.remove(&format!("{ARM64}.xz"));
                }
            },
            Ok({
                let mut expected = vec![format!("altered {ARM64}"), format!("altered {ARM64}.gz")];
                if cfg!(feature = "xz") {
                    expected.push(format!("altered {ARM64}.xz"));
                }
                expected.push(format!("extra {FIRMWARE}"));
                expected
            }),
        ),
        (
            "a packing of another index, signed",
            |r| {
                r.remove(&format!("{AMD64}.xz"));
                fs::copy(r.path(&format!("{ARM64}.gz")), r.path(&format!("{AMD64}.gz"))).unwrap();
                r.publish(str::to_owned);
            },
            Err("expected it to unpack to"),
        ),
        (
            "a packing that is none, signed",
            |r| {
                r.write(&format!("{AMD64}.gz"), b"not gzip");
                r.publish(str::to_owned);
            },
            Err("can't be unpacked"),
        ),
        (
            "a packing that is cut off, signed",
            |r| {
                let gz = fs::read(r.path(&format!("{AMD64}.gz"))).unwrap();
                r.write(&format!("{AMD64}.gz"), &gz[..gz.len() - 1]);
                r.publish(str::to_owned);
            },
            Err("can't be unpacked"),
        ),
        (
            "bytes behind a packing, signed",
            |r| {
                let gz = fs::read(r.path(&format!("{AMD64}.gz"))).unwrap();
                r.write(&format!("{AMD64}.gz"), [&gz[..], b"more"].concat());
                r.publish(str::to_owned);
            },
            Err("can't be unpacked"),
        ),
        (
            "a packing that unpacks to more than is listed",
            |r| {
                r.repack(AMD64, format!("{}\n{}", r.text(AMD64), "\n".repeat(1 << 20)).as_bytes());
                let gz = fs::read(r.path(&format!("{AMD64}.gz"))).unwrap();
                r.remove(&format!("{AMD64}.xz"));
                r.index("amd64");
                r.write(&format!("{AMD64}.gz"), gz);
                r.remove(&format!("{AMD64}.xz"));
                r.publish(str::to_owned);
            },
            Err("expected it to unpack to at most"),
        ),
        (
            "copies by digest",
            |r| {
                r.publish(|text| format!("{text}Acquire-By-Hash: yes\n"));
                let gz = fs::read(r.path(&format!("{AMD64}.gz"))).unwrap();
                r.write(&format!("dists/stable/main/binary-amd64/by-hash/SHA256/{}", digest(&gz)), &gz);
                for end in ["", ".gz", ".xz"] {
                    r.remove(&format!("{AMD64}{end}"));
                }
            },
            found(&[]),
        ),
        (
            "a copy under another's digest",
            |r| {
                let plain = fs::read(r.path(AMD64)).unwrap();
                r.write(&format!("dists/stable/main/binary-amd64/by-hash/SHA256/{}", digest(&plain)), "evil");
            },
            Ok(vec!["altered".to_owned()]),
        ),
        (
            "a copy of an index of an earlier release",
            |r| {
                r.write(&format!("dists/stable/main/binary-amd64/by-hash/SHA256/{}", digest(b"old")), "old");
            },
            Ok(vec!["extra".to_owned()]),
        ),
        (
            "two suites",
            |r| {
                fs::create_dir_all(r.path("dists/testing/x").parent().unwrap()).unwrap();
                fs::copy(r.path("dists/stable/InRelease"), r.path("dists/testing/InRelease")).unwrap();
            },
            Err("found those of dists/stable/, dists/testing/"),
        ),
        (
            "a second release inside a component",
            |r| r.write("dists/stable/main/InRelease", "x"),
            Err("found those of"),
        ),
        ("no release", |r| r.remove("dists/stable/InRelease"), Err("expected one InRelease")),
        (
            "a release elsewhere",
            |r| {
                fs::create_dir_all(r.path("debian/x").parent().unwrap()).unwrap();
                fs::rename(r.path("dists/stable/InRelease"), r.path("debian/InRelease")).unwrap();
            },
            Err("expected it at the root of the drop or below dists/"),
        ),
        (
            "a line of the release altered",
            |r| edit(r, "dists/stable/InRelease", |t| t.replace("Acme", "Acne")),
            Err("over exactly these bytes"),
        ),
        (
            "a line before the release",
            |r| edit(r, "dists/stable/InRelease", |t| format!("Origin: Mallory\n{t}")),
            Err("line 1"),
        ),
        ("a release that nobody signed", |r| r.write("dists/stable/InRelease", r.release()), Err("line 1")),
        (
            "a release with a field twice",
            |r| r.publish(|t| t.replace("Suite: stable\n", "Suite: stable\nsuite: testing\n")),
            Err("expected field suite once"),
        ),
        (
            "a release that lists a file twice",
            |r| r.publish(|t| format!("{t} {} 1 main/binary-amd64/Packages\n", "0".repeat(64))),
            Err("expected"),
        ),
        (
            "a release with weak digests alone",
            |r| {
                r.publish(|t| {
                    let end = t.find("SHA1:").unwrap();
                    t[..end].to_owned()
                });
            },
            Err("expected a digest by SHA256 or SHA512, found weaker ones alone"),
        ),
        (
            "a release without lists",
            |r| r.publish(|t| t[..t.find("MD5Sum:").unwrap()].to_owned()),
            Err("expected a list of files"),
        ),
        (
            "a release with another size",
            |r| {
                let size = fs::metadata(r.path(AMD64)).unwrap().len();
                let line = format!(" {size} main/binary-amd64/Packages\n");
                r.publish(move |t| t.replace(&line, &format!(" {} main/binary-amd64/Packages\n", size + 1)));
            },
            Err("bytes as the release says"),
        ),
        (
            "a release with another size in one list",
            |r| {
                let size = fs::metadata(r.path(AMD64)).unwrap().len();
                let line = format!(
                    "{} {:>16} main/binary-amd64/Packages\n",
                    digest(&fs::read(r.path(AMD64)).unwrap()),
                    size
                );
                r.publish(move |t| t.replacen(&line, &line.replace(&size.to_string(), "1"), 1));
            },
            Err("as in the list before"),
        ),
        (
            "a release that climbs out",
            |r| {
                r.publish(|t| {
                    t.replace(" main/binary-amd64/Packages\n", " ../../main/binary-amd64/Packages\n")
                });
            },
            Err("found the component `..`"),
        ),
        (
            "a release that ends before it begins",
            |r| r.publish(|t| t.replace("Thu, 08 Jan", "Thu, 01 Jan")),
            Err("expected Valid-Until to be after Date"),
        ),
        (
            "a release whose date is of another zone",
            |r| r.publish(|t| t.replace("00:00:00 UTC", "00:00:00 CET")),
            Err("expected Date as in"),
        ),
        (
            "a release without date",
            |r| r.publish(|t| t.replace("Date: ", "Data: ")),
            Err("expected field Date"),
        ),
        (
            "an index whose package is not in order",
            |r| {
                reindex(r, |text| text.replace("SHA256: ", "SHA-256: ").replace("SHA512: ", "SHA-512: "));
            },
            Err("expected a digest by SHA256 or SHA512"),
        ),
        (
            "an index that climbs out",
            |r| reindex(r, |text| text.replace("pool/", "../pool/")),
            Err("found the component `..`"),
        ),
        (
            "an index with an absolute path",
            |r| reindex(r, |text| text.replace("Filename: pool/", "Filename: /pool/")),
            Err("found `/` at its start"),
        ),
        (
            "an index that lists the release",
            |r| {
                reindex(r, |text| {
                    text.replace(&format!("Filename: {RADIO}"), "Filename: dists/stable/InRelease")
                });
            },
            Err("expected no list to name the signed file itself"),
        ),
        (
            "two indexes that contradict each other",
            |r| {
                let one = digest(&fs::read(r.path(NOTES)).unwrap());
                let text = r.text(AMD64).replace(&one, &"0".repeat(64));
                assert_ne!(text, r.text(AMD64));
                r.repack(AMD64, text.as_bytes());
                r.publish(str::to_owned);
            },
            Err("expected all lists to give it the same digests"),
        ),
        (
            "paths with a dot in front",
            |r| reindex(r, |text| text.replace("Filename: pool/", "Filename: ./pool/")),
            found(&[]),
        ),
    ];
    for (claim, broken, expected) in cases {
        let Some(repository) = Repository::new() else { return };
        broken(&repository);
        match (repository.judge(&Scope::default()), expected) {
            (Ok(wrong), Ok(expected)) if wrong.len() == expected.len() => {
                let same = wrong.iter().zip(&expected).all(|(one, other)| one.starts_with(other.as_str()));
                assert!(same, "{claim}: {wrong:?}");
            }
            (Err(why), Err(says)) => assert!(why.contains(says), "{claim}: {why}"),
            (found, _) => panic!("{claim}: {found:?}"),
        }
    }
}

fn reindex(repository: &Repository, change: impl Fn(&str) -> String) {
    let text = change(&repository.text(AMD64));
    assert_ne!(text, repository.text(AMD64));
    repository.repack(AMD64, text.as_bytes());
    repository.publish(str::to_owned);
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    dropgate::digest::hex(&sha2::Sha256::digest(bytes))
}

#[test]
fn a_part_of_a_repository_is_whole_if_the_operator_says_which() {
    let Some(repository) = Repository::new() else { return };
    for end in ["", ".gz", ".xz"] {
        repository.remove(&format!("{ARM64}{end}"));
    }
    repository.remove(FIRMWARE);
    let missing = format!("missing {ARM64}{}", if cfg!(feature = "xz") { ".xz" } else { ".gz" });
    assert_eq!(repository.judge(&Scope::default()), Ok(vec![missing.clone()]));
    assert_eq!(repository.judge(&only(&["amd64"], &[])), Ok(vec![]));
    assert_eq!(repository.judge(&only(&["amd64", "arm64"], &["main"])), Ok(vec![missing]));
    for (scope, says) in [
        (
            only(&["amd46"], &[]),
            "expected the profile to name architectures of the release (amd64, arm64), found \"amd46\"",
        ),
        (only(&[], &["mian"]), "components of the release (main), found \"mian\""),
        (Scope { architectures: Some(BTreeSet::new()), components: None }, "found \"\""),
    ] {
        assert!(repository.judge(&scope).unwrap_err().contains(says), "{scope:?}");
    }
}

#[cfg(feature = "xz")]
#[test]
fn packings_by_xz_are_read_and_must_agree() {
    let Some(repository) = Repository::new() else { return };
    repository.remove(AMD64);
    repository.publish(str::to_owned);
    assert_eq!(repository.judge(&Scope::default()), Ok(vec![]));
    let xz = fs::read(repository.path(&format!("{AMD64}.xz"))).unwrap();
    let judged = |bytes: &[u8]| {
        repository.write(&format!("{AMD64}.xz"), bytes);
        repository.publish(str::to_owned);
        repository.judge(&Scope::default())
    };
    let other = fs::read(repository.path(&format!("{ARM64}.xz"))).unwrap();
    assert!(judged(&other).unwrap_err().contains("expected all packings of the index to hold the same"));
    assert!(judged(&xz[..xz.len() - 1]).unwrap_err().contains("can't be unpacked"));
    assert!(judged(&[&xz[..], b"more"].concat()).unwrap_err().contains("can't be unpacked"));
    assert_eq!(judged(&xz), Ok(vec![]));
}

#[test]
fn nothing_is_read_before_its_digest_is_right() {
    let Some(repository) = Repository::new() else { return };
    let evil = format!(
        "Package: x\nVersion: 1\nArchitecture: all\nFilename: evil.deb\nSize: 4\nSHA256: {}\n",
        digest(b"evil")
    );
    repository.repack(AMD64, evil.as_bytes());
    repository.write("evil.deb", "evil");
    let wrong = repository.judge(&Scope::default()).unwrap();
    assert!(wrong.contains(&"extra evil.deb".to_owned()), "{wrong:?}");
    assert!(wrong.contains(&format!("altered {AMD64}")), "{wrong:?}");
}

#[test]
fn a_release_with_a_signature_beside_it_is_read_as_well() {
    let Some(repository) = Repository::new() else { return };
    let text = repository.release();
    repository.write("dists/stable/Release", &text);
    let signature = repository.gpg.sign(&repository.key, &["--armor", "--detach-sign"], text.as_bytes());
    repository.write("dists/stable/Release.gpg", signature);
    assert_eq!(repository.judge(&Scope::default()), Ok(vec![]));
    repository.write("dists/stable/Release", text.replace("Acme", "Acne"));
    assert_eq!(repository.judge(&Scope::default()), Err("the two releases differ".to_owned()));
    repository.remove("dists/stable/InRelease");
    assert!(repository.judge(&Scope::default()).unwrap_err().contains("over exactly these bytes"));
    repository.write("dists/stable/Release", &text);
    assert_eq!(repository.judge(&Scope::default()), Ok(vec![]));
    repository.remove("dists/stable/Release");
    assert!(repository.judge(&Scope::default()).unwrap_err().contains("expected Release beside it"));
    repository.write("dists/stable/Release", &text);
    repository.remove("dists/stable/Release.gpg");
    assert!(repository.judge(&Scope::default()).unwrap_err().contains("expected one InRelease"));
}

#[test]
fn a_flat_repository_is_read_from_its_root() {
    let Some(repository) = Repository::new() else { return };
    if !have("dpkg-scanpackages", &["--version"]) {
        return;
    }
    let drop = repository.home.path().join("flat");
    fs::create_dir_all(&drop).unwrap();
    fs::copy(repository.path(RADIO), drop.join("radio.deb")).unwrap();
    let list = run(Command::new("dpkg-scanpackages").args(["--multiversion", "."]).current_dir(&drop));
    assert!(String::from_utf8_lossy(&list).contains("Filename: ./radio.deb"));
    fs::write(drop.join("Packages"), list).unwrap();
    let release = run(Command::new("apt-ftparchive").args(["release", "."]).current_dir(&drop));
    let signed = repository.gpg.sign(&repository.key, &["--digest-algo", "SHA512", "--clearsign"], &release);
    fs::write(drop.join("InRelease"), signed).unwrap();
    let credential = repository.gpg.credential(&repository.key);
    let judged = |drop: &Path| judge(&mut Arrived::below(drop), &credential, &Scope::default());
    assert_eq!(judged(&drop), Ok(vec![]));
    fs::write(drop.join("more.deb"), "x").unwrap();
    assert_eq!(judged(&drop), Ok(vec!["extra more.deb".to_owned()]));
}

#[test]
fn sources_are_read_where_they_are() {
    let Some(repository) = Repository::new() else { return };
    repository.write("pool/main/r/radio/radio_1.0.tar.xz", "source");
    let dsc = "description";
    repository.write("pool/main/r/radio/radio_1.0.dsc", dsc);
    let sources = format!(
        "Package: radio\nDirectory: pool/main/r/radio\nChecksums-Sha256:\n {} 11 radio_1.0.dsc\n {} 6 radio_1.0.tar.xz\n",
        digest(dsc.as_bytes()),
        digest(b"source")
    );
    repository.repack("dists/stable/main/source/Sources", sources.as_bytes());
    repository.publish(str::to_owned);
    assert_eq!(repository.judge(&Scope::default()), Ok(vec![]));
    repository.flip("pool/main/r/radio/radio_1.0.dsc");
    assert_eq!(
        repository.judge(&Scope::default()),
        Ok(vec!["altered pool/main/r/radio/radio_1.0.dsc".to_owned()])
    );
    for file in ["pool/main/r/radio/radio_1.0.tar.xz", "pool/main/r/radio/radio_1.0.dsc"] {
        repository.remove(file);
    }
    for end in ["", ".gz", ".xz"] {
        repository.remove(&format!("dists/stable/main/source/Sources{end}"));
    }
    assert_eq!(repository.judge(&Scope::default()), Ok(vec![]));
}

#[test]
fn packages_are_refused_by_what_is_wrong_with_them() {
    let good = format!(
        "Package: radio\nVersion: 1\nArchitecture: all\nFilename: a/b.deb\nSize: 4\nSHA256: {}\n",
        "0".repeat(64)
    );
    assert_eq!(Packages::read(good.as_bytes()).unwrap().len(), 1);
    assert_eq!(Packages::read(b"").unwrap().len(), 0);
    let cases: BTreeMap<&str, (String, &str)> = BTreeMap::from([
        ("no name", (good.replace("Package: radio\n", ""), "expected field Package")),
        ("no version", (good.replace("Version: 1\n", ""), "expected field Version")),
        ("no path", (good.replace("Filename: a/b.deb\n", ""), "expected field Filename")),
        ("an empty path", (good.replace("a/b.deb", ""), "expected field Filename to have one line")),
        (
            "a path of two lines",
            (good.replace("a/b.deb", "a/b.deb\n c"), "expected field Filename to have one line"),
        ),
        ("a negative size", (good.replace("Size: 4", "Size: -4"), "expected Size in bytes")),
        ("a size with a sign", (good.replace("Size: 4", "Size: +4"), "expected Size in bytes")),
        ("a digest in capitals", (good.replace(&"0".repeat(64), &"A".repeat(64)), "lowercase hex digits")),
        (
            "a digest cut off",
            (good.replace(&"0".repeat(64), &"0".repeat(63)), "expected 64 lowercase hex digits"),
        ),
        ("a weak digest alone", (good.replace("SHA256: ", "MD5sum: "), "weaker ones alone")),
        ("two packages in one", (good.repeat(2), "expected field Package once")),
    ]);
    for (claim, (text, says)) in cases {
        let why = Packages::read(text.as_bytes()).unwrap_err().to_string();
        assert!(why.contains(says), "{claim}: {why}");
    }
    let paths: Vec<DropPath> = ["a", "b/Release"].map(|path| DropPath::parse(path).unwrap()).to_vec();
    assert_eq!(Place::find(&paths), Err(DebianRefusal::NoRelease));
}
