//! Sigstore bundles: what counts, and what is refused when one part is another. A private Sigstore makes them
//! (tests/outside/private_sigstore.py), and sigstore-python judges each of them as well.
#![cfg(feature = "sigstore")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{have, unbase64};
use dropgate::time::Time;
use dropgate::trust::detached::Tried;
use dropgate::trust::message::Message;
use dropgate::trust::sigstore::{Credential, Identity, Signature};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

/// What must come of a case.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Good,
    /// Somebody else's.
    Other,
    /// In whole or in part another one, in these words.
    Bad(&'static str),
    /// No bundle that is read, in these words.
    Refused(&'static str),
}

use Expected::{Bad, Good, Other, Refused};

/// Every case by its claim, and what must come of it.
const CASES: &[(&str, Expected)] = &[
    ("a message with proof and promise", Good),
    ("a message in version 0.2", Good),
    ("a message in version 0.1", Good),
    ("a message in the other spelling of version 0.3", Good),
    ("a message without its digest", Good),
    ("a message with promise and stamp", Good),
    ("a message with a stamp and no promise", Good),
    ("a message in the second log", Good),
    ("a mail address", Good),
    ("an empty message", Good),
    ("a statement in a dsse entry", Good),
    ("a statement in an intoto entry", Good),
    ("a statement in the second log", Good),
    ("a statement in version 0.1", Good),
    ("a checkpoint with a witness", Good),
    // The message and the signature.
    ("a byte of data", Bad("messageDigest: expected")),
    ("no data", Bad("messageDigest: expected e3b0c44298fc1c149afbf4c8996fb924")),
    ("data with something behind", Bad("messageDigest: expected")),
    ("a byte of data and no digest", Bad("over this file")),
    ("a byte of the signature", Bad("over this file")),
    ("the signature of another message", Bad("over this file")),
    ("the same signature with the other s", Bad("it is of another signature: expected signature")),
    ("a signature with something behind", Bad("over this file")),
    ("a signature of nothing", Bad("over this file")),
    ("a digest of something else", Bad("messageDigest: expected")),
    ("a digest by another hash", Refused("messageDigest: expected algorithm SHA2_256, found \"SHA2_512\"")),
    ("a signature by another key of the same name", Bad("over this file")),
    // The certificate.
    ("a byte of the certificate", Bad("found a signature by another key")),
    ("another identity", Other),
    ("an identity that begins with the allowed one", Other),
    ("an identity that ends with the allowed one", Other),
    ("an identity with other capitals", Other),
    ("another issuer", Other),
    ("an issuer that begins with the allowed one", Other),
    ("no issuer", Refused("an extension for the issuer")),
    ("two issuers", Refused("expected one issuer in both extensions")),
    ("two names", Refused("expected one subjectAltName")),
    ("a name of another kind", Refused("a name of another kind")),
    ("a certificate that was not valid yet", Bad("is not yet valid: expected 2025-06-01T12:59:00Z or later")),
    ("a certificate that had expired", Bad("has expired: expected 2025-06-01T11:09:00Z at the latest")),
    ("a certificate for servers", Bad("found no extendedKeyUsage for it")),
    ("a certificate for no use", Bad("found no extendedKeyUsage for it")),
    ("a certificate that may not sign", Bad("with keyUsage digitalSignature")),
    ("a critical extension that nobody knows", Bad("found a critical extension that is not understood")),
    ("a certificate by a twin of the authority", Bad("found a signature by another key")),
    ("a certificate by the signer's own key", Bad("found a signature by another key")),
    ("a key on another curve", Refused("expected a key on curve P-256, found a key on curve P-384")),
    ("no certificate timestamp", Bad("expected exactly one signed certificate timestamp")),
    ("two certificate timestamps", Bad("expected exactly one signed certificate timestamp")),
    (
        "a byte of the certificate timestamp",
        Bad("certificate timestamp: expected a signature by the log ct.example/2025"),
    ),
    ("a certificate timestamp by another log", Bad("by one of the ctlogs of the trusted root")),
    (
        "a certificate timestamp by another log in the name of the pinned one",
        Bad("certificate timestamp: expected a signature by the log ct.example/2025"),
    ),
    (
        "a certificate timestamp from before its log was trusted",
        Bad("is trusted from 2024-01-01T00:00:00Z on"),
    ),
    ("a chain of the trusted root beside the certificate", Good),
    ("two certificates", Bad("x509CertificateChain: expected beside")),
    ("two certificates, the signer's second", Bad("x509CertificateChain: expected beside")),
    ("no certificates", Refused("expected the signer's certificate, found none")),
    ("a chain in version 0.3", Refused("expected certificate or publicKey alone")),
    ("a certificate and a chain", Refused("expected certificate or publicKey alone")),
    ("a public key in place of a certificate", Other),
    // The log.
    ("a byte of the promise", Bad("inclusionPromise: expected a signature by the log rekor.example")),
    ("no promise and no stamp", Refused("expected a time that somebody else vouches for")),
    ("another integrated time", Bad("inclusionPromise: expected a signature by the log rekor.example")),
    ("no integrated time", Refused("expected an integratedTime with the inclusionPromise")),
    (
        "another index than was promised",
        Bad("inclusionPromise: expected a signature by the log rekor.example"),
    ),
    ("no proof", Refused("expected an inclusionProof, found none")),
    ("no proof in version 0.1", Refused("expected an inclusionProof, found none")),
    ("no checkpoint", Refused("expected a checkpoint in the inclusionProof, found none")),
    ("no promise in version 0.1", Refused("expected an inclusionPromise in a bundle of version 0.1")),
    ("a byte of a hash of the proof", Bad("inclusionProof: it leads to the root")),
    ("a hash too few", Bad("inclusionProof: it has")),
    ("more hashes than a tree can have", Refused("expected at most 63 hashes")),
    ("a short hash", Refused("expected a hash of 32 bytes")),
    ("a hash too many", Bad("inclusionProof: it has")),
    ("another root", Bad("inclusionProof: expected the rootHash")),
    ("another index in the tree", Bad("inclusionProof: it")),
    ("an index beyond the tree", Bad("inclusionProof: it is about 999")),
    ("another size of the tree", Bad("inclusionProof: expected the treeSize 7 of its checkpoint, found 8")),
    ("no size of the tree", Bad("inclusionProof: expected the treeSize 7 of its checkpoint, found 0")),
    ("a checkpoint of another size", Bad("checkpoint: expected a signature by the log rekor.example")),
    ("a checkpoint of another root", Bad("checkpoint: expected a signature by the log rekor.example")),
    (
        "a byte of the checkpoint's signature",
        Bad("checkpoint: expected a signature by the log rekor.example"),
    ),
    ("a checkpoint that nobody signed", Bad("checkpoint: expected a signed note")),
    ("a checkpoint by a witness alone", Bad("checkpoint: expected one signature by the log rekor.example")),
    ("a later proof", Good),
    (
        "a checkpoint of another origin",
        Bad("checkpoint: expected the origin rekor.example, found other.example"),
    ),
    ("a checkpoint of an earlier tree", Bad("inclusionProof: expected the treeSize 5 of its checkpoint")),
    ("a byte of the body", Bad("inclusionPromise: expected a signature by the log rekor.example")),
    ("a byte of the body of an entry without promise", Bad("inclusionProof: it leads to the root")),
    (
        "an entry without promise of another log in the name of the pinned one",
        Bad("checkpoint: expected one signature by the log rekor.example"),
    ),
    ("a body in another spelling", Good),
    (
        "a body of another kind than the entry says",
        Bad("expected hashedrekord 0.0.1 as the bundle says, found dsse 0.0.1"),
    ),
    (
        "a body of another version than the entry says",
        Bad("expected hashedrekord 0.0.1 as the bundle says, found hashedrekord 0.0.2"),
    ),
    ("a body with an unknown field", Bad("log entry: at spec.more: unknown field")),
    ("a body with a digest by another hash", Bad("expected a digest by sha256, found one by sha512")),
    (
        "a body with text before the certificate",
        Bad("log entry: certificate or key: line 1: expected a line -----BEGIN"),
    ),
    ("a body with two certificates", Bad("expected at most 1 PEM blocks")),
    ("the entry of another message", Bad("it is of another signature: expected digest")),
    (
        "the entry of another signer of the same message",
        Bad("it is of another signature: expected signature"),
    ),
    (
        "the entry of another signature of the same message by the same key",
        Bad("it is of another signature: expected signature"),
    ),
    ("the entry of a statement", Refused("found dsse 0.0.1")),
    ("two entries", Refused("expected one entry, found 2")),
    ("no entry", Refused("expected one entry, found 0")),
    ("an entry of another kind", Refused("found rekord 0.0.1")),
    ("an entry of another version", Refused("found hashedrekord 0.0.9")),
    ("an entry of another log", Bad("expected an entry in one of the tlogs of the trusted root")),
    (
        "an entry of another log in the name of the pinned one",
        Bad("inclusionPromise: expected a signature by the log rekor.example"),
    ),
    ("a log that was no longer trusted", Bad("the log rekor.example")),
    (
        "an authority that was no longer trusted",
        Bad("the authority of certificate \"CN=fulcio.example root\" is trusted until"),
    ),
    (
        "an authority that was not trusted yet",
        Bad(
            "the authority of certificate \"CN=fulcio.example root\" is trusted from 2025-07-01T00:00:00Z on",
        ),
    ),
    ("a certificate log that was no longer trusted", Bad("the log ct.example/2025")),
    // Stamps.
    ("a stamp of another signature", Bad("time stamp: it is of another signature")),
    ("a stamp with a bad signature", Bad("time stamp: expected a signature by certificate \"CN=stamper\"")),
    ("a stamp by another key", Bad("time stamp: expected a signature by certificate \"CN=stamper\"")),
    ("a stamp by another stamper", Bad("by a timestampAuthority of the trusted root")),
    ("a stamp that was refused", Bad("that grants a stamp")),
    ("a stamp with another digest", Bad("time stamp: expected the signed attribute messageDigest")),
    (
        "a stamp that names another certificate",
        Bad("time stamp: expected the signed attribute signingCertificateV2"),
    ),
    ("a stamp with extensions", Bad("time stamp: it has extensions")),
    (
        "a stamp from after the certificate's end",
        Bad("has expired: expected 2025-06-01T12:09:00Z at the latest"),
    ),
    (
        "a stamp from before the certificate's start",
        Bad("is not yet valid: expected 2025-06-01T11:59:00Z or later"),
    ),
    (
        "a stamp from after the certificate's end beside a good promise",
        Bad("has expired: expected 2025-06-01T12:09:00Z at the latest, found 2025-06-01T13:00:00Z"),
    ),
    ("a bad stamp beside a good one", Bad("time stamp: expected a signature by certificate \"CN=stamper\"")),
    ("half a stamp", Bad("expected one TimeStampResp in DER")),
    ("a stamp with something behind", Bad("expected one TimeStampResp in DER")),
    ("a stamp where no stamper is pinned", Bad("by a timestampAuthority of the trusted root")),
    (
        "a stamper that was no longer trusted",
        Bad("the authority of certificate \"CN=stamps.example root\" is trusted until"),
    ),
    ("a stamper for another use", Bad("expected extendedKeyUsage timeStamping and no other")),
    ("the second log without a stamp", Refused("expected a time that somebody else vouches for")),
    ("a stamp from the time to come", Bad("the signature is of 2026-06-01T00:00:00Z")),
    ("another index in the second log", Bad("inclusionProof: expected the logIndex of the entry")),
    (
        "a byte of the second log's checkpoint",
        Bad("checkpoint: expected a signature by the log log2025.rekor.example"),
    ),
    ("the second log's entry of another signature", Bad("it is of another signature: expected signature")),
    // Statements.
    (
        "another payload type",
        Refused("payloadType: expected \"application/vnd.in-toto+json\", found \"text/plain\""),
    ),
    ("another payload type than was signed", Bad("over the statement")),
    ("a byte of the payload", Bad("over the statement")),
    ("a byte of the statement's signature", Bad("over the statement")),
    ("two signatures", Refused("dsseEnvelope: expected one signature, found 2")),
    ("no signature", Refused("dsseEnvelope: expected one signature, found 0")),
    (
        "the entry of another signature of the same statement",
        Bad("it is of another signature: expected signature"),
    ),
    ("the entry of a message", Refused("found hashedrekord 0.0.1")),
    ("the intoto entry of another signature", Bad("it is of another signature: expected signature")),
    ("a statement by another identity", Other),
    ("a message where a statement is expected", Bad("this bundle signs a message beside it")),
    ("a statement where a message is expected", Bad("this bundle signs the statement in it")),
    ("a message and a statement", Refused("found both or none")),
    ("neither a message nor a statement", Refused("found both or none")),
    // Keys in place of certificates.
    ("a message by a key", Good),
    ("a message by a key without promise", Good),
    ("a message by a key in the second log", Good),
    ("a message by a key with a stamp", Good),
    ("a statement by a key", Good),
    ("a message by another key", Other),
    ("a message by another key with the hint of the pinned one", Other),
    ("a certificate where a key is pinned", Other),
    ("an entry with a certificate where the bundle has a key", Other),
    ("a byte of data under a key", Bad("over this file")),
    ("a byte of a key's signature", Bad("over this file")),
    (
        "a byte of the promise under a key",
        Bad("inclusionPromise: expected a signature by the log rekor.example"),
    ),
    ("a stamp of another signature under a key", Bad("time stamp: it is of another signature")),
    ("no proof under a key", Refused("expected an inclusionProof, found none")),
    ("the entry of another signature by the same key", Bad("it is of another signature: expected signature")),
    ("a byte of a statement under a key", Bad("over the statement")),
    ("an entry of another log under a key", Bad("expected an entry in one of the tlogs of the trusted root")),
    ("a log that is no longer trusted and nobody's word for the time", Bad("the log log2025.rekor.example")),
    // The text.
    ("half of it", Refused("not a Sigstore bundle: EOF")),
    ("something behind it", Refused("trailing characters")),
    ("a key twice", Refused("is given twice")),
    ("an unknown field", Refused("unknown field `more`")),
    ("an unknown media type", Refused("found \"application/vnd.dev.sigstore.bundle.v0.4+json\"")),
    ("no media type", Refused("missing field `mediaType`")),
    ("a negative index", Refused("expected digits without leading zeroes")),
    ("base64 without padding", Refused("expected base64 in the standard alphabet with padding")),
    ("base64 of another alphabet", Refused("expected base64 in the standard alphabet with padding")),
];

/// Where sigstore-python says otherwise, and why that is no reason for us to.
const DIFFER: &[(&str, &str)] = &[
    (
        "a statement in an intoto entry",
        "it takes no time from such entries; npm has many, and the promise binds theirs as well",
    ),
    ("a digest by another hash", "it compares bytes alone"),
    ("two names", "one of them is enough for it"),
    ("a body with an unknown field", "it passes over unknown fields"),
    ("a key on another curve", "it hashes by SHA-256 all the same"),
    ("a certificate timestamp from before its log was trusted", "it asks for no time of logs"),
    ("two certificates", "it passes over further ones"),
    ("another size of the tree", "it compares the roots alone"),
    ("a checkpoint of another origin", "it asks for the key alone"),
    ("a log that was no longer trusted", "it asks for no time of logs"),
    ("an authority that was no longer trusted", "it asks for the certificates' dates alone"),
    ("an authority that was not trusted yet", "it asks for the certificates' dates alone"),
    ("a certificate log that was no longer trusted", "it asks for no time of logs"),
    ("a stamp that names another certificate", "it knows the stamper without"),
    ("a stamp with extensions", "it passes over those that are not critical"),
    ("a bad stamp beside a good one", "one is enough for it"),
    ("a stamp from the time to come", "its time of judgement is now"),
    ("another index in the second log", "nothing depends on it"),
    ("a key twice", "it takes the last one"),
    ("a message by a key", "it takes certificates alone"),
    ("a message by a key without promise", "it takes certificates alone"),
    ("a message by a key in the second log", "it takes certificates alone"),
    ("a message by a key with a stamp", "it takes certificates alone"),
    ("a statement by a key", "it takes certificates alone"),
    ("a certificate where a key is pinned", "it is asked for the identity"),
];

fn python() -> Option<String> {
    let python = std::env::var("DROPGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    have(&python, &["-c", "import sigstore.verify, cryptography"]).then_some(python)
}

/// The cases, made once. `None` without the tools.
fn cases() -> Option<&'static Vec<Value>> {
    static CASES: OnceLock<Option<Vec<Value>>> = OnceLock::new();
    let made = CASES.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outside/private_sigstore.py");
        let output = Command::new(python()?).arg(script).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(serde_json::from_slice(&output.stdout).unwrap())
    });
    made.as_ref()
}

fn text<'c>(case: &'c Value, key: &str) -> &'c str {
    case[key].as_str().unwrap()
}

fn case(claim: &str) -> Option<&'static Value> {
    Some(cases()?.iter().find(|case| case["claim"] == claim).expect(claim))
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// After every signature that counts.
fn judgement() -> Time {
    time("2025-07-01T00:00:00Z")
}

fn credential(case: &Value) -> Credential {
    if let Some(key) = case["key"].as_str() {
        return Credential::of_key(text(case, "root").as_bytes(), key).unwrap();
    }
    let identity = Identity::exact(text(case, "identity")).unwrap();
    Credential::new(text(case, "root").as_bytes(), identity, text(case, "issuer")).unwrap()
}

fn judged(case: &Value, credential: &Credential, at: Time) -> Result<Tried, String> {
    let signature = Signature::read(text(case, "bundle").as_bytes()).map_err(|why| why.to_string())?;
    let message = unbase64(text(case, "message"));
    if case["kind"] == "statement" {
        let tried = signature.check_statement(credential, at);
        if matches!(tried, Tried::Good(_)) {
            assert_eq!(signature.statement(), Some(&message[..]));
        }
        return Ok(tried);
    }
    Ok(signature.check(credential, &Message::of(&signature.needs(), &message), at))
}

#[test]
fn each_part_of_a_bundle_must_hold_and_sigstore_python_agrees() {
    let Some(cases) = cases() else { return };
    let expected: BTreeMap<&str, Expected> = CASES.iter().copied().collect();
    assert_eq!(expected.len(), CASES.len(), "a claim stands there twice");
    let mut wrong = Vec::new();
    for case in cases {
        let claim = text(case, "claim");
        let found = judged(case, &credential(case), judgement());
        let as_expected = match (expected.get(claim), &found) {
            (Some(Good), Ok(Tried::Good(said))) => {
                let named = case["key"].is_null().then(|| text(case, "identity"));
                let when = (case["timeless"] != true).then(|| time("2025-06-01T12:00:00Z"));
                said.who.as_deref() == named && said.when == when
            }
            (Some(Other), Ok(Tried::Other)) => true,
            (Some(Bad(words)), Ok(Tried::Bad(why))) => why.contains(words),
            (Some(Refused(words)), Err(why)) => why.contains(words),
            _ => false,
        };
        if !as_expected {
            wrong.push(format!("{claim}: expected {:?}, found {found:?}", expected.get(claim)));
        }
        let agrees = (text(case, "theirs") == "good") == matches!(found, Ok(Tried::Good(_)));
        if agrees == DIFFER.iter().any(|(differs, _)| *differs == claim) {
            wrong.push(format!("{claim}: sigstore-python says {}", text(case, "theirs")));
        }
    }
    for (claim, _) in CASES {
        if !cases.iter().any(|case| case["claim"] == *claim) {
            wrong.push(format!("{claim}: expected a case, found none"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_signed_statement_lists_the_files_of_a_drop() {
    let Some(case) = case("a statement in a dsse entry") else { return };
    let signature = Signature::read(text(case, "bundle").as_bytes()).unwrap();
    assert!(matches!(signature.check_statement(&credential(case), judgement()), Tried::Good(_)));
    let statement = dropgate::manifest::statement::read(signature.statement().unwrap()).unwrap();
    let paths: Vec<&str> = statement.artifacts().iter().map(|artifact| artifact.path.as_str()).collect();
    assert_eq!(paths, ["firmware/boot.bin", "firmware/radio.bin"]);
    assert_eq!(statement.predicate_type, "https://slsa.dev/provenance/v1");
}

#[test]
fn no_byte_of_a_bundle_can_be_another() {
    for claim in ["a message with proof and promise", "a statement in a dsse entry"] {
        let Some(case) = case(claim) else { return };
        let credential = credential(case);
        let good = text(case, "bundle").as_bytes();
        let mut changed = case.clone();
        for at in 0..good.len() {
            let mut bytes = good.to_vec();
            bytes[at] ^= 1 << (at % 7);
            let Ok(bundle) = String::from_utf8(bytes) else { continue };
            changed["bundle"] = bundle.into();
            let found = judged(&changed, &credential, judgement());
            assert!(!matches!(found, Ok(Tried::Good(_))), "{claim}: byte {at}");
        }
        for at in (0..good.len()).step_by(37) {
            assert!(Signature::read(&good[..at]).is_err(), "{claim}: {at} bytes");
        }
    }
}

#[test]
fn a_stamp_that_is_changed_anywhere_tells_no_other_time() {
    let Some(case) = case("a message with a stamp and no promise") else { return };
    let credential = credential(case);
    let mut bundle: Value = serde_json::from_str(text(case, "bundle")).unwrap();
    let place = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    let good = unbase64(bundle.pointer(place).unwrap().as_str().unwrap());
    let mut changed = case.clone();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        *bundle.pointer_mut(place).unwrap() = common::base64(&bytes).into();
        changed["bundle"] = bundle.to_string().into();
        // What the stamper did not sign, such as a copy of its certificate, may differ.
        if let Ok(Tried::Good(said)) = judged(&changed, &credential, judgement()) {
            assert_eq!(said.when, Some(time("2025-06-01T12:00:00Z")), "byte {at}");
        }
    }
}

#[test]
fn a_signature_counts_from_the_time_that_others_saw_it() {
    let Some(case) = case("a message with promise and stamp") else { return };
    let credential = credential(case);
    // The clocks of log and stamper may be ahead of ours by as much as those of whoever makes evidence.
    for (at, good) in [
        ("2025-06-01T11:54:59Z", false),
        ("2025-06-01T11:55:00Z", true),
        // The certificate has long expired; the signature was made while it had not.
        ("2035-06-01T12:00:00Z", true),
    ] {
        let found = judged(case, &credential, time(at));
        assert_eq!(matches!(found, Ok(Tried::Good(_))), good, "{at}: {found:?}");
    }
}

#[test]
fn a_pattern_of_identities_holds_for_whole_identities() {
    let Some(case) = case("a message with proof and promise") else { return };
    for (pattern, good) in [
        ("https://github.com/acme/radio/.github/workflows/release.yml@refs/tags/v*", true),
        ("https://github.com/acme/*/.github/workflows/*@refs/tags/*", true),
        ("https://github.com/acme/*", false),
        ("https://github.com/acme/*/.github/workflows/release.yml@refs/tags/v4.2", false),
        ("https://github.com/evil/*/.github/workflows/release.yml@refs/tags/v4.2.1", false),
    ] {
        let identity = Identity::pattern(pattern).unwrap();
        let credential =
            Credential::new(text(case, "root").as_bytes(), identity, text(case, "issuer")).unwrap();
        let found = judged(case, &credential, judgement()).unwrap();
        assert_eq!(found != Tried::Other, good, "{pattern}");
        assert_eq!(matches!(found, Tried::Good(_)), good, "{pattern}: {found:?}");
    }
}

#[test]
fn a_credential_is_known_by_whom_it_means_and_who_issues() {
    let Some(case) = case("a message with proof and promise") else { return };
    let root = text(case, "root");
    let of = |root: &str, identity: Identity, issuer: &str| {
        Credential::new(root.as_bytes(), identity, issuer).unwrap().fingerprint()
    };
    let exact = |text: &str| Identity::exact(text).unwrap();
    let own = of(root, exact("a@acme.example"), "https://issuer.example");
    let spaced = serde_json::to_string_pretty(&serde_json::from_str::<Value>(root).unwrap()).unwrap();
    let mut fewer: Value = serde_json::from_str(root).unwrap();
    fewer["timestampAuthorities"] = serde_json::json!([]);
    assert_eq!(own, of(&spaced, exact("a@acme.example"), "https://issuer.example"));
    assert_eq!(own, of(&fewer.to_string(), exact("a@acme.example"), "https://issuer.example"));
    assert_ne!(own, of(root, exact("b@acme.example"), "https://issuer.example"));
    assert_ne!(own, of(root, exact("a@acme.example"), "https://other.example"));
    let other = self::case("a statement in a dsse entry").unwrap();
    assert_eq!(text(other, "root"), root);
}

#[test]
fn a_key_is_one_on_the_curve_p_256_and_public() {
    let Some(case) = case("a message by a key") else { return };
    let (root, key) = (text(case, "root").as_bytes(), text(case, "key"));
    let fingerprint = |key: &str| Credential::of_key(root, key).map(|credential| credential.fingerprint());
    assert_eq!(fingerprint(key), fingerprint(&key.replace('\n', "\r\n")));
    for (claim, key, says) in [
        ("another curve", text(case, "otherCurve"), "expected a public key on curve P-256"),
        (
            "a private key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "this holds a private key",
        ),
        ("a certificate", &key.replace("PUBLIC KEY", "CERTIFICATE"), "expected a public key on curve P-256"),
        ("two keys", &key.repeat(2), "at most 1 PEM blocks"),
        ("nothing", "", "found none"),
    ] {
        let why = fingerprint(key).expect_err(claim).to_string();
        assert!(why.contains(says), "{claim}: {why}");
    }
}

#[test]
fn a_trusted_root_is_read_whole_or_not_at_all() {
    let Some(case) = case("a message with proof and promise") else { return };
    let root: Value = serde_json::from_str(text(case, "root")).unwrap();
    let refused = |claim: &str, root: &str, says: &str| {
        let identity = Identity::exact("a@acme.example").unwrap();
        let refused = Credential::new(root.as_bytes(), identity, "https://issuer.example");
        let why = refused.map(|_| ()).expect_err(claim).to_string();
        assert!(why.contains(says), "{claim}: {why}");
    };
    let log = root["tlogs"][0].clone();
    let key = root["tlogs"][0]["publicKey"].clone();
    let ct = root["ctlogs"][0]["publicKey"]["rawBytes"].clone();
    let authority = root["certificateAuthorities"][0].clone();
    let leaf = root["timestampAuthorities"][0]["certChain"]["certificates"][0].clone();
    for (claim, place, value, says) in [
        ("another version", "/mediaType", "x;version=0.9".into(), "mediaType: expected"),
        ("no logs", "/tlogs", Value::Array(vec![]), "tlogs: expected at least one"),
        ("no certificate logs", "/ctlogs", Value::Array(vec![]), "ctlogs: expected at least one"),
        (
            "no authorities",
            "/certificateAuthorities",
            Value::Array(vec![]),
            "certificateAuthorities: expected at least one",
        ),
        ("a log twice", "/tlogs", Value::Array(vec![log.clone(), log.clone()]), "is given twice"),
        ("many logs", "/tlogs", Value::Array(vec![log.clone(); 33]), "expected at most 32, found 33"),
        ("an unknown field", "/tlogs/0/more", key, "unknown field `more`"),
        (
            "the key of another log",
            "/tlogs/0/publicKey/rawBytes",
            ct,
            "expected the SHA-256 of its key as its id",
        ),
        (
            "no certificate",
            "/certificateAuthorities/0/certChain/certificates",
            Value::Array(vec![]),
            "a chain of certificates",
        ),
        (
            "a chain that ends in no authority",
            "/certificateAuthorities/0/certChain/certificates",
            Value::Array(vec![leaf.clone()]),
            "a chain of certificates",
        ),
        (
            "a certificate that is none",
            "/certificateAuthorities/0/certChain/certificates/0/rawBytes",
            "AAAA".into(),
            "certificateAuthorities:",
        ),
        (
            "a time without zone",
            "/certificateAuthorities/0/validFor/start",
            "2025-01-01T00:00:00".into(),
            "expected a date and time with its zone",
        ),
        (
            "a stamper without root",
            "/timestampAuthorities/0/certChain",
            serde_json::json!({ "certificates": [authority["certChain"]["certificates"][1]] }),
            "the stamper's own certificate",
        ),
    ] {
        let mut changed = root.clone();
        match changed.pointer_mut(place) {
            Some(found) => *found = value,
            None => changed["tlogs"][0]["more"] = value,
        }
        refused(claim, &changed.to_string(), says);
    }
    let text = root.to_string();
    refused("half of it", text.split_at(text.len() / 2).0, "EOF");
    refused("a key twice", &text.replacen('{', r#"{"tlogs":[],"#, 1), "given twice");
    refused("nothing", "", "EOF");
    for issuer in ["", "https://issuer.example ", "https://issuer\u{202e}.example"] {
        let identity = Identity::exact("a@acme.example").unwrap();
        assert!(Credential::new(text.as_bytes(), identity, issuer).is_err(), "{issuer:?}");
    }
}

#[test]
fn what_a_log_signs_by_a_key_that_is_not_read_is_refused_by_name() {
    let Some(case) = case("a message with proof and promise") else { return };
    for (place, says) in [("tlogs", "rekor.example"), ("ctlogs", "ct.example/2025")] {
        let mut root: Value = serde_json::from_str(text(case, "root")).unwrap();
        root[place][0]["publicKey"]["keyDetails"] = "PKIX_ECDSA_P521_SHA_512".into();
        let mut changed = case.clone();
        changed["root"] = root.to_string().into();
        let found = judged(case, &credential(&changed), judgement());
        let Ok(Tried::Bad(why)) = &found else { panic!("{found:?}") };
        assert!(
            why.contains(says) && why.contains("PKIX_ECDSA_P521_SHA_512, which is not read here"),
            "{why}"
        );
    }
}
