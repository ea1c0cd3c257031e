//! A package by ETSI NFV-SOL 004 counts when a release signer signed exactly what arrived, in either option, and not otherwise.
//!
//! `openssl cms` signs each package. A case is a good one with one thing changed, before it is listed, in the list, or after it was
//! signed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, missing_docs)]

mod common;

use common::openssl::Workshop;
use dropgate::digest::Comparison;
use dropgate::drop::directory::Directory;
use dropgate::drop::{Entry, NoProgress, Source, SourceError, Wanted};
use dropgate::finding::{Code, Finding};
use dropgate::gate::receive::sol004::{Hands, Received, receive};
use dropgate::time::{Period, Time};
use dropgate::trust::cms::Signature;
use dropgate::trust::detached::Tried;
use dropgate::trust::message::Message;
use dropgate::trust::x509::{Credential, Rules};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const CA: &str =
    "basicConstraints=critical,CA:TRUE; keyUsage=critical,keyCertSign,cRLSign; subjectKeyIdentifier=hash";
const LEAF: &str = "basicConstraints=CA:FALSE; keyUsage=critical,digitalSignature; subjectKeyIdentifier=hash";

type Files = BTreeMap<String, Vec<u8>>;

/// The release signer, somebody trusted for other things, and a stranger of the release signer's name.
fn shop() -> Option<Workshop> {
    let shop = Workshop::open()?;
    if !common::have("python3", &["--version"]) {
        return None;
    }
    for root in ["root", "twin"] {
        shop.certificate(root, None, "/O=Acme/CN=Root", 3650, CA);
    }
    shop.certificate("release", Some("root"), "/O=Acme/CN=Release", 3650, LEAF);
    shop.certificate("tester", Some("root"), "/O=Acme/CN=Tester", 3650, LEAF);
    shop.certificate("stranger", Some("twin"), "/O=Acme/CN=Release", 3650, LEAF);
    Some(shop)
}

struct Trust<'s> {
    shop: &'s Workshop,
    drop: &'s Path,
}

impl Trust<'_> {
    fn tried(
        &self,
        subjects: &[&str],
        place: &str,
        signature: &Signature,
        message: &Message,
    ) -> Result<(), Vec<Finding>> {
        let root = self.shop.read("root.crt");
        let at = Time::now().after(Period::of_seconds(60));
        let mut code = (Code::SignerUnknown, signature.signer_named());
        for subject in subjects {
            let rules = Rules { subject: Some((*subject).to_owned()), ..Rules::default() };
            match signature.check(&Credential::new(&[&root], &[], &[], rules).unwrap(), message, at) {
                Tried::Good(_) => return Ok(()),
                Tried::Bad(why) => code = (Code::SignatureInvalid, why),
                Tried::Other => {}
            }
        }
        Err(vec![Finding::new(code.0, place, "a signature that counts", code.1)])
    }
}

impl Hands for Trust<'_> {
    type Proof = ();

    fn release(&self, place: &str, signature: &Signature, message: &Message) -> Result<(), Vec<Finding>> {
        self.tried(&["CN=Release,O=Acme"], place, signature, message)
    }

    fn anybody(&self, place: &str, signature: &Signature, message: &Message) -> Result<(), Vec<Finding>> {
        self.tried(&["CN=Release,O=Acme", "CN=Tester,O=Acme"], place, signature, message)
    }

    fn open(&self, entry: &Entry) -> Result<Result<Box<dyn Source>, String>, SourceError> {
        let to = self.shop.path("inner");
        let _ = fs::remove_dir_all(&to);
        let unpacked = Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .args([self.drop.join(entry.path.as_str()), to.clone()])
            .output()
            .unwrap();
        if !unpacked.status.success() {
            return Ok(Err("not a zip".to_owned()));
        }
        Ok(Ok(Box::new(Directory::open(&to)?)))
    }
}

/// What comes of a package: what was received, and every code that speaks against it.
fn judge(shop: &Workshop, files: &Files) -> (Option<Received<()>>, Vec<String>) {
    let drop = tempfile::tempdir().unwrap();
    write(&drop, files);
    let source = Directory::open(drop.path()).unwrap();
    let inventory = source.inventory().unwrap();
    let hands = Trust { shop, drop: drop.path() };
    let told = |finding: &Finding| {
        format!("{} {}: expected {}, found {}", finding.code, finding.place, finding.expected, finding.found)
    };
    match receive(&source, &inventory, &hands, &NoProgress).unwrap() {
        Err(findings) => (None, findings.iter().map(told).collect()),
        Ok(received) => {
            let mut against = Vec::new();
            for artifact in &received.artifacts {
                let Some(entry) = inventory.find(&artifact.path) else {
                    against.push(format!("file-missing {}", artifact.path));
                    continue;
                };
                let wanted = Wanted { entry, algorithms: artifact.digests.algorithms() };
                let computed = source.digest(&[wanted], &NoProgress).unwrap().remove(0).unwrap();
                match computed.matches(&artifact.digests) {
                    Comparison::Matches => {}
                    Comparison::NothingToCompare => against.push(format!("digest-weak {}", artifact.path)),
                    Comparison::Differs { .. } => against.push(format!("file-altered {}", artifact.path)),
                }
            }
            for entry in &inventory.files {
                let listed = received.artifacts.iter().any(|artifact| artifact.path == entry.path);
                if !listed && !received.own.contains(&entry.path) {
                    against.push(format!("file-unlisted {}", entry.path));
                }
            }
            (Some(received), against)
        }
    }
}

fn write(drop: &TempDir, files: &Files) {
    for (path, bytes) in files {
        let path = drop.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files[path].clone()).unwrap()
}

fn put(files: &mut Files, path: &str, bytes: impl AsRef<[u8]>) {
    files.insert(path.to_owned(), bytes.as_ref().to_vec());
}

fn replace(files: &mut Files, path: &str, from: &str, to: &str) {
    let old = text(files, path);
    assert!(old.contains(from), "{path} has no {from:?}: {old}");
    put(files, path, old.replacen(from, to, 1));
}

/// A signature over the bytes by `signer`, with further arguments.
fn cms(shop: &Workshop, bytes: &[u8], signer: &str, more: &str) -> Vec<u8> {
    shop.write("content", bytes);
    shop.openssl(&format!(
        "cms -sign -binary -in content -signer {signer}.crt -inkey {signer}.key -outform PEM -out signature {more}"
    ));
    shop.read("signature")
}

fn contents() -> Files {
    let mut files = Files::new();
    put(&mut files, "Definitions/radio.yaml", "tosca_definitions_version: tosca_simple_yaml_1_3\n");
    put(&mut files, "Files/ChangeLog.txt", "4.2.1 closes a leak\n");
    put(&mut files, "Files/images/cu.img", vec![7; 5000]);
    put(&mut files, "Files/Tests/results.txt", "all passed\n");
    let meta = "TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-By: Acme\nEntry-Definitions: Definitions/radio.yaml\n\
                ETSI-Entry-Manifest: radio.mf\nETSI-Entry-Change-Log: Files/ChangeLog.txt\nETSI-Entry-Tests: Files/Tests\n";
    put(&mut files, "TOSCA-Metadata/TOSCA.meta", meta);
    files
}

fn list(files: &Files) -> String {
    let metadata = "metadata:\n    vnf_product_name: radio\n    vnf_provider_id: Acme\n    vnf_package_version: 4.2.1\n    \
                    vnf_release_date_time: 2026-01-31T12:00:00Z\n\nSource: radio.mf\n";
    let listed = files.iter().map(|(path, bytes)| {
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("Source: {path}\nAlgorithm: SHA-256\nHash: {digest}\n\n")
    });
    [metadata.to_owned()].into_iter().chain(listed).collect()
}

/// A package by option 1.
fn signed(shop: &Workshop) -> Files {
    let mut files = contents();
    let manifest = list(&files);
    sign(shop, &mut files, &manifest);
    files
}

fn sign(shop: &Workshop, files: &mut Files, manifest: &str) {
    let block = cms(shop, manifest.as_bytes(), "release", "");
    put(files, "radio.mf", [manifest.as_bytes(), &block].concat());
}

fn zipped(shop: &Workshop, files: &Files) -> Vec<u8> {
    let drop = tempfile::tempdir().unwrap();
    write(&drop, files);
    let to = shop.path("made.zip");
    let _ = fs::remove_file(&to);
    let top: Vec<_> = fs::read_dir(drop.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let mut python = Command::new("python3");
    python.args(["-m", "zipfile", "-c"]).arg(&to).args(top).current_dir(drop.path());
    assert!(python.status().unwrap().success());
    fs::read(to).unwrap()
}

/// A package by option 2, its manifest without hashes and signature.
fn beside(shop: &Workshop) -> Files {
    let mut inner = contents();
    let manifest = list(&inner);
    put(&mut inner, "radio.mf", &manifest[..manifest.find("Source:").unwrap()]);
    outer(shop, &inner)
}

fn outer(shop: &Workshop, inner: &Files) -> Files {
    let package = zipped(shop, inner);
    let mut files = Files::new();
    put(&mut files, "radio.cms", cms(shop, &package, "release", ""));
    put(&mut files, "radio.csar", package);
    files
}

#[track_caller]
fn accepted(claim: &str, shop: &Workshop, files: &Files) -> Received<()> {
    let (received, against) = judge(shop, files);
    assert!(against.is_empty(), "{claim}: {against:#?}");
    received.unwrap()
}

#[track_caller]
fn refused(claim: &str, shop: &Workshop, files: &Files, expected: &[&str]) {
    let (_, against) = judge(shop, files);
    assert_eq!(against.len(), expected.len(), "{claim}: {against:#?}");
    for (found, expected) in against.iter().zip(expected) {
        let all = expected.split(" .. ").all(|part| found.contains(part));
        assert!(all, "{claim}: expected {expected}, found {found}");
    }
}

#[test]
fn option_1_and_option_2_give_what_was_signed() {
    let Some(shop) = shop() else { return };
    let files = signed(&shop);
    let received = accepted("option 1", &shop, &files);
    let signed_bytes = &files["radio.mf"][..text(&files, "radio.mf").find("-----BEGIN").unwrap()];
    assert!(received.digest.is(&Sha256::digest(signed_bytes)));
    assert_eq!((received.file.as_str(), received.artifacts.len()), ("radio.mf", 5));
    assert_eq!(received.text.described.version.as_deref(), Some("4.2.1"));
    assert_eq!(received.papers.change_log.unwrap().as_str(), "Files/ChangeLog.txt");

    let files = beside(&shop);
    let received = accepted("option 2", &shop, &files);
    assert!(received.digest.is(&Sha256::digest(&files["radio.csar"])));
    assert_eq!((received.file.as_str(), received.artifacts.len()), ("radio.csar", 1));
    assert_eq!(received.text.described.vendor.as_deref(), Some("Acme"));

    let both = outer(&shop, &signed(&shop));
    let received = accepted("both", &shop, &both);
    assert!(received.digest.is(&Sha256::digest(&both["radio.csar"])));
}

#[test]
fn a_manifest_signed_anew_is_the_same_manifest() {
    let Some(shop) = shop() else { return };
    let mut files = signed(&shop);
    let first = accepted("first", &shop, &files).digest;
    let manifest = text(&files, "radio.mf");
    sign(&shop, &mut files, &manifest[..manifest.find("-----BEGIN").unwrap()]);
    assert_ne!(text(&files, "radio.mf"), manifest);
    assert_eq!(accepted("signed anew", &shop, &files).digest, first);
}

/// Changes contents before they are listed, the list before it is signed, or the files after that.
type Change =
    (&'static str, fn(&mut Files), fn(String) -> String, fn(&Workshop, &mut Files), &'static [&'static str]);

fn no_files(_: &mut Files) {}
fn no_text(text: String) -> String {
    text
}
fn no_after(_: &Workshop, _: &mut Files) {}

fn made(shop: &Workshop, (_, before, text, after, _): &Change) -> Files {
    let mut files = contents();
    before(&mut files);
    let manifest = text(list(&files));
    sign(shop, &mut files, &manifest);
    after(shop, &mut files);
    files
}

#[test]
fn every_spelling_that_says_the_same_is_accepted() {
    let Some(shop) = shop() else { return };
    let cases: &[Change] = &[
        (
            "a PNF",
            no_files,
            |text| {
                text.replace("vnf_product_name", "pnfd_name")
                    .replace("vnf_provider_id", "pnfd_provider")
                    .replace("vnf_package_version", "pnfd_archive_version")
                    .replace("vnf_release", "pnfd_release")
            },
            no_after,
            &[],
        ),
        (
            "an ASD",
            no_files,
            |text| {
                text.replace("vnf_product_name", "asd_name")
                    .replace("vnf_provider_id", "asd_provider")
                    .replace("vnf_package_version", "asd_archive_version")
                    .replace("vnf_release", "asd_release")
            },
            no_after,
            &[],
        ),
        ("CR LF throughout", no_files, |text| text.replace('\n', "\r\n"), no_after, &[]),
        (
            "the old keys of TOSCA.meta",
            |files| replace(files, "TOSCA-Metadata/TOSCA.meta", "ETSI-Entry-Manifest", "Entry-Manifest"),
            no_text,
            no_after,
            &[],
        ),
        (
            "keys in lower case",
            no_files,
            |text| text.replace("Source", "source").replace("Hash", "hash"),
            no_after,
            &[],
        ),
        ("SHA256", no_files, |text| text.replace("SHA-256", "SHA256"), no_after, &[]),
        (
            "the manifest not listed in itself",
            no_files,
            |text| text.replace("Source: radio.mf\n", ""),
            no_after,
            &[],
        ),
        (
            "sets",
            no_files,
            |text| text + "non_mano_artifact_sets:\n  others:\n    Source: Files/images/cu.img\n",
            no_after,
            &[],
        ),
        (
            "the block as PKCS7",
            no_files,
            no_text,
            |_, files| {
                put(
                    files,
                    "radio.mf",
                    text(files, "radio.mf")
                        .replace("BEGIN CMS", "BEGIN PKCS7")
                        .replace("END CMS", "END PKCS7"),
                )
            },
            &[],
        ),
        (
            "blanks behind the block",
            no_files,
            no_text,
            |_, files| put(files, "radio.mf", text(files, "radio.mf") + "\n \r\n"),
            &[],
        ),
        (
            "the certificate beside the manifest and not in it",
            no_files,
            no_text,
            |shop, files| {
                put(files, "radio.cert", shop.read("release.crt"));
                resign(shop, files, "-nocerts");
            },
            &[],
        ),
        (
            "the certificate where TOSCA.meta says",
            |files| {
                put(
                    files,
                    "TOSCA-Metadata/TOSCA.meta",
                    text(files, "TOSCA-Metadata/TOSCA.meta") + "ETSI-Entry-Certificate: Files/acme.cert\n",
                )
            },
            no_text,
            |shop, files| {
                put(files, "Files/acme.cert", shop.read("release.crt"));
                resign(shop, files, "-nocerts");
            },
            &[],
        ),
        (
            "a signature of one file, by somebody who may not release",
            no_files,
            |text| individual(&text),
            |shop, files| {
                let signature = cms(shop, &files["Files/images/cu.img"], "tester", "");
                put(files, "Files/images/cu.img.cms", signature);
            },
            &[],
        ),
    ];
    for case in cases {
        accepted(case.0, &shop, &made(&shop, case));
    }
}

fn individual(text: &str) -> String {
    let (from, to) = (
        "Source: Files/images/cu.img\n",
        "Source: Files/images/cu.img\nSignature: Files/images/cu.img.cms\n",
    );
    text.replace(from, to)
}

/// Signs the manifest again with other arguments.
fn resign(shop: &Workshop, files: &mut Files, more: &str) {
    let manifest = text(files, "radio.mf");
    let manifest = &manifest[..manifest.find("-----BEGIN").unwrap()];
    let block = cms(shop, manifest.as_bytes(), "release", more);
    put(files, "radio.mf", [manifest.as_bytes(), &block].concat());
}

#[test]
fn a_package_without_tosca_metadata_is_read_by_its_names() {
    let Some(shop) = shop() else { return };
    let mut files = Files::new();
    put(&mut files, "radio.yaml", "tosca_definitions_version: tosca_simple_yaml_1_3\n");
    put(&mut files, "ChangeLog.txt", "4.2.1\n");
    put(&mut files, "Licenses/MIT.txt", "MIT\n");
    let manifest = list(&files);
    sign(&shop, &mut files, &manifest);
    let received = accepted("bare", &shop, &files);
    assert_eq!(received.papers.licenses.unwrap().as_str(), "Licenses");
    put(&mut files, "other.yaml", "x: y\n");
    refused("two descriptors", &shop, &files, &["manifest-missing .. one descriptor"]);
}

#[test]
fn a_package_with_one_thing_wrong_is_refused_for_that() {
    let Some(shop) = shop() else { return };
    let cases: &[Change] = &[
        (
            "a file altered",
            no_files,
            no_text,
            |_, files| put(files, "Files/images/cu.img", "other"),
            &["file-altered Files/images/cu.img"],
        ),
        (
            "a file missing",
            no_files,
            no_text,
            |_, files| drop(files.remove("Files/images/cu.img")),
            &["file-missing Files/images/cu.img"],
        ),
        (
            "a file more",
            no_files,
            no_text,
            |_, files| put(files, "Files/images/du.img", "x"),
            &["file-unlisted Files/images/du.img"],
        ),
        (
            "TOSCA.meta altered",
            no_files,
            no_text,
            |_, files| {
                put(files, "TOSCA-Metadata/TOSCA.meta", text(files, "TOSCA-Metadata/TOSCA.meta") + "X: y\n")
            },
            &["file-altered TOSCA-Metadata/TOSCA.meta"],
        ),
        (
            "TOSCA.meta not listed",
            no_files,
            |text| unlisted(&text, "TOSCA-Metadata/TOSCA.meta"),
            no_after,
            &["file-unlisted TOSCA-Metadata/TOSCA.meta"],
        ),
        (
            "TOSCA.meta listed without a hash",
            no_files,
            |text| unlisted(&text, "TOSCA-Metadata/TOSCA.meta") + "Source: TOSCA-Metadata/TOSCA.meta\n",
            no_after,
            &["digest-weak TOSCA-Metadata/TOSCA.meta"],
        ),
        (
            "no file with a hash",
            no_files,
            |text| text[..text.find("Source:").unwrap()].to_owned() + "Source: Definitions/radio.yaml\n",
            no_after,
            &["manifest-malformed radio.mf .. at least one file"],
        ),
        (
            "unsigned",
            no_files,
            no_text,
            |_, files| put(files, "radio.mf", text(files, "radio.mf").split("-----BEGIN").next().unwrap()),
            &["unsigned radio.mf"],
        ),
        (
            "the list altered after signing",
            no_files,
            no_text,
            |_, files| replace(files, "radio.mf", "4.2.1", "4.2.2"),
            &["signature-invalid radio.mf .. over other data"],
        ),
        (
            "a comment altered after signing",
            no_files,
            no_text,
            |_, files| put(files, "radio.mf", [b"# x\n", files["radio.mf"].as_slice()].concat()),
            &["signature-invalid radio.mf"],
        ),
        (
            "other line breaks after signing",
            no_files,
            no_text,
            |_, files| put(files, "radio.mf", text(files, "radio.mf").replace('\n', "\r\n")),
            &["signature-invalid radio.mf"],
        ),
        (
            "a blank line added before the block",
            no_files,
            no_text,
            |_, files| replace(files, "radio.mf", "-----BEGIN", "\n-----BEGIN"),
            &["signature-invalid radio.mf"],
        ),
        (
            "text behind the block",
            no_files,
            no_text,
            |_, files| put(files, "radio.mf", text(files, "radio.mf") + "Source: x\n"),
            &["manifest-malformed .. nothing but blanks"],
        ),
        (
            "two blocks",
            no_files,
            no_text,
            |_, files| {
                let manifest = text(files, "radio.mf");
                put(files, "radio.mf", manifest.clone() + &manifest[manifest.find("-----BEGIN").unwrap()..]);
            },
            &["manifest-malformed .. nothing but blanks"],
        ),
        (
            "a block that is none",
            no_files,
            no_text,
            |_, files| {
                let manifest = text(files, "radio.mf");
                put(
                    files,
                    "radio.mf",
                    manifest.split("-----BEGIN").next().unwrap().to_owned()
                        + "-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n",
                );
            },
            &["envelope-malformed radio.mf"],
        ),
        (
            "a stranger of the signer's name",
            no_files,
            no_text,
            |shop, files| {
                let manifest = text(files, "radio.mf");
                let manifest = manifest.split("-----BEGIN").next().unwrap();
                let block = cms(shop, manifest.as_bytes(), "stranger", "");
                put(files, "radio.mf", [manifest.as_bytes(), &block].concat());
            },
            &["radio.mf"],
        ),
        (
            "a stranger who brings a root of the same name",
            no_files,
            no_text,
            |shop, files| {
                let manifest = text(files, "radio.mf");
                let manifest = manifest.split("-----BEGIN").next().unwrap();
                let block = cms(shop, manifest.as_bytes(), "stranger", "-certfile twin.crt");
                put(files, "radio.mf", [manifest.as_bytes(), &block].concat());
                put(files, "radio.cert", shop.read("twin.crt"));
            },
            &["radio.mf"],
        ),
        (
            "somebody trusted who may not release",
            no_files,
            no_text,
            |shop, files| {
                let manifest = text(files, "radio.mf");
                let manifest = manifest.split("-----BEGIN").next().unwrap();
                let block = cms(shop, manifest.as_bytes(), "tester", "");
                put(files, "radio.mf", [manifest.as_bytes(), &block].concat());
            },
            &["signer-unknown radio.mf"],
        ),
        (
            "a signature with its content inside",
            no_files,
            no_text,
            |shop, files| resign(shop, files, "-nodetach"),
            &["envelope-malformed radio.mf .. content inside"],
        ),
        (
            "a signature without attributes",
            no_files,
            no_text,
            |shop, files| resign(shop, files, "-noattr"),
            &["signature-invalid radio.mf"],
        ),
        (
            "a signature by SHA-1",
            no_files,
            no_text,
            |shop, files| resign(shop, files, "-md sha1"),
            &["signature-invalid radio.mf"],
        ),
        (
            "no certificate anywhere",
            no_files,
            no_text,
            |shop, files| resign(shop, files, "-nocerts"),
            &["signer-unknown radio.mf"],
        ),
        (
            "text in the certificate's file",
            no_files,
            no_text,
            |shop, files| {
                put(files, "radio.cert", ["run this\n".as_bytes(), &shop.read("release.crt")].concat())
            },
            &["envelope-malformed radio.cert"],
        ),
        (
            "a private key in the certificate's file",
            no_files,
            no_text,
            |shop, files| put(files, "radio.cert", shop.read("stranger.key")),
            &["envelope-malformed radio.cert .. private key"],
        ),
        (
            "a certificate that TOSCA.meta names and that is not there",
            |files| {
                put(
                    files,
                    "TOSCA-Metadata/TOSCA.meta",
                    text(files, "TOSCA-Metadata/TOSCA.meta") + "ETSI-Entry-Certificate: Files/acme.cert\n",
                )
            },
            no_text,
            no_after,
            &["file-missing Files/acme.cert"],
        ),
        (
            "a second certificate",
            |files| {
                put(
                    files,
                    "TOSCA-Metadata/TOSCA.meta",
                    text(files, "TOSCA-Metadata/TOSCA.meta") + "ETSI-Entry-Certificate: Files/acme.cert\n",
                )
            },
            no_text,
            |shop, files| {
                put(files, "Files/acme.cert", shop.read("release.crt"));
                put(files, "radio.cert", shop.read("release.crt"));
            },
            &["file-unlisted radio.cert"],
        ),
        (
            "no manifest",
            no_files,
            no_text,
            |_, files| drop(files.remove("radio.mf")),
            &["manifest-missing radio.mf"],
        ),
        (
            "TOSCA.meta names another manifest, which nobody signed",
            no_files,
            no_text,
            |_, files| {
                put(files, "other.mf", "Source: Files/images/cu.img\n");
                replace(files, "TOSCA-Metadata/TOSCA.meta", "radio.mf", "other.mf");
            },
            &["unsigned other.mf"],
        ),
        (
            "TOSCA.meta that can't be followed",
            no_files,
            no_text,
            |_, files| {
                put(
                    files,
                    "TOSCA-Metadata/TOSCA.meta",
                    "Entry-Manifest: radio.mf\nETSI-Entry-Manifest: other.mf\n",
                )
            },
            &["manifest-missing TOSCA-Metadata/TOSCA.meta"],
        ),
        (
            "a weak hash",
            no_files,
            |text| text.replacen("SHA-256", "SHA-1", 1),
            no_after,
            &["manifest-malformed radio.mf .. SHA-1"],
        ),
        (
            "a file elsewhere",
            no_files,
            |text| text + "Source: https://acme.example/x.img\nAlgorithm: SHA-256\nHash: 00\n",
            no_after,
            &["manifest-malformed radio.mf .. fetches nothing"],
        ),
        (
            "a signature of one file that is not there",
            no_files,
            |text| individual(&text),
            no_after,
            &["file-missing Files/images/cu.img.cms"],
        ),
        (
            "a signature of one file over another one",
            no_files,
            |text| individual(&text),
            |shop, files| {
                put(files, "Files/images/cu.img.cms", cms(shop, b"other", "tester", ""));
            },
            &["signature-invalid Files/images/cu.img.cms .. over other data"],
        ),
        (
            "a signature of one file by a stranger",
            no_files,
            |text| individual(&text),
            |shop, files| {
                let signature = cms(shop, &files["Files/images/cu.img"], "stranger", "");
                put(files, "Files/images/cu.img.cms", signature);
            },
            &["Files/images/cu.img.cms"],
        ),
        (
            "a signature of one file that is text",
            no_files,
            |text| individual(&text),
            |_, files| put(files, "Files/images/cu.img.cms", "trust me\n"),
            &["envelope-malformed Files/images/cu.img.cms"],
        ),
        (
            "a signature of one file that nobody named",
            no_files,
            no_text,
            |shop, files| {
                let signature = cms(shop, &files["Files/images/cu.img"], "release", "");
                put(files, "Files/images/cu.img.cms", signature);
            },
            &["file-unlisted Files/images/cu.img.cms"],
        ),
    ];
    for case in cases {
        refused(case.0, &shop, &made(&shop, case), case.4);
    }
}

fn unlisted(text: &str, path: &str) -> String {
    let at = text.find(&format!("Source: {path}\n")).unwrap();
    let end = text[at..].find("\n\n").unwrap() + at + 2;
    format!("{}{}", &text[..at], &text[end..])
}

#[test]
fn option_2_with_one_thing_wrong_is_refused_for_that() {
    let Some(shop) = shop() else { return };
    let mut crossed = signed(&shop);
    put(&mut crossed, "Files/images/cu.img", "other");
    let cases: &[(&str, Files, &[&str])] = &[
        (
            "a byte of the package",
            changed(beside(&shop), |files| files.get_mut("radio.csar").unwrap()[40] ^= 1),
            &["signature-invalid radio.cms .. over other data"],
        ),
        (
            "another package",
            changed(beside(&shop), |files| put(files, "radio.csar", zipped(&shop, &signed(&shop)))),
            &["signature-invalid radio.cms"],
        ),
        (
            "no signature",
            changed(beside(&shop), |files| drop(files.remove("radio.cms"))),
            &["unsigned radio.csar"],
        ),
        (
            "a stranger's signature",
            changed(beside(&shop), |files| {
                put(files, "radio.cms", cms(&shop, &files["radio.csar"].clone(), "stranger", ""))
            }),
            &["radio.cms"],
        ),
        (
            "a file beside it",
            changed(beside(&shop), |files| put(files, "README", "install it")),
            &["file-unlisted README"],
        ),
        (
            "a second signature",
            changed(beside(&shop), |files| put(files, "other.cms", "x")),
            &["manifest-missing .. one signature"],
        ),
        (
            "a second package",
            changed(beside(&shop), |files| put(files, "other.zip", "x")),
            &["manifest-missing .. one package"],
        ),
        (
            "a certificate that is text",
            changed(beside(&shop), |files| put(files, "radio.cert", "trust me")),
            &["envelope-malformed radio.cert"],
        ),
        (
            "a signed package that is none",
            {
                let mut files = Files::new();
                put(&mut files, "radio.csar", "not a zip");
                put(&mut files, "radio.cms", cms(&shop, b"not a zip", "release", ""));
                files
            },
            &["manifest-missing radio.csar"],
        ),
        (
            "a package without a manifest",
            outer(&shop, &contents()),
            &["manifest-missing radio.csar/radio.mf"],
        ),
        (
            "a package in a package in a package",
            outer(&shop, &beside(&shop)),
            &["manifest-missing radio.csar .. a package in it again"],
        ),
        (
            "a hash in it that is wrong",
            outer(
                &shop,
                &changed(contents(), |files| {
                    let manifest = list(files);
                    put(files, "radio.mf", manifest);
                    put(files, "Files/images/cu.img", "other");
                }),
            ),
            &["file-altered radio.csar/Files/images/cu.img"],
        ),
        (
            "a file with a hash that is not in it",
            outer(
                &shop,
                &changed(contents(), |files| {
                    let manifest = list(files);
                    put(files, "radio.mf", manifest);
                    drop(files.remove("Files/images/cu.img"));
                }),
            ),
            &["file-missing radio.csar/Files/images/cu.img"],
        ),
        (
            "a signature in it that fails",
            outer(&shop, &changed(signed(&shop), |files| replace(files, "radio.mf", "4.2.1", "4.2.2"))),
            &["signature-invalid radio.csar/radio.mf"],
        ),
        (
            "files in it that are not those that its signature is over",
            outer(&shop, &crossed),
            &["file-altered radio.csar/Files/images/cu.img"],
        ),
        (
            "a manifest in it that can't be read",
            outer(&shop, &changed(contents(), |files| put(files, "radio.mf", "metadata\n"))),
            &["manifest-malformed radio.csar/radio.mf"],
        ),
    ];
    for (claim, files, expected) in cases {
        refused(claim, &shop, files, expected);
    }
    let mut with_certificate = beside(&shop);
    put(&mut with_certificate, "acme.cert", shop.read("release.crt"));
    let bare = cms(&shop, &with_certificate["radio.csar"].clone(), "release", "-nocerts");
    put(&mut with_certificate, "radio.cms", bare);
    accepted("the certificate in its own file, of another name", &shop, &with_certificate);
}

fn changed(mut files: Files, change: impl FnOnce(&mut Files)) -> Files {
    change(&mut files);
    files
}
