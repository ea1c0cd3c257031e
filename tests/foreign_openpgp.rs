//! Promise: an OpenPGP signature counts only if a key that may sign, by a certificate that still holds, made it over exactly these
//! bytes. Signatures and certificates are made by GnuPG and Sequoia; each case breaks one thing.
#![cfg(feature = "openpgp")]
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
use dropgate::time::Time;
use dropgate::trust::detached::{Said, Tried};
use dropgate::trust::message::Message;
use dropgate::trust::openpgp::{Cleartext, Credential, Signature};
use gpg::{Gpg, SIGNED};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const JUDGED: &str = "2026-01-10T00:00:00Z";
const TEXT: &[u8] = b"first line\nsecond  \n- dashed\n\nlast\n";

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

fn check(signature: &[u8], credential: &Credential, text: &[u8], when: &str) -> Tried {
    let signature = Signature::read(signature).unwrap();
    signature.check(credential, &Message::of(&signature.needs(), text), at(when))
}

#[track_caller]
fn good(claim: &str, tried: &Tried) -> Said {
    match tried {
        Tried::Good(said) => said.clone(),
        other => panic!("{claim}: {other:?}"),
    }
}

#[track_caller]
fn bad(claim: &str, tried: &Tried, says: &str) {
    match tried {
        Tried::Bad(why) => assert!(why.contains(says), "{claim}: expected {says:?} in {why:?}"),
        other => panic!("{claim}: {other:?}"),
    }
}

#[test]
fn signatures_of_gnupg_count_for_each_algorithm_that_is_read() {
    let Some(gpg) = Gpg::new() else { return };
    for algorithm in ["rsa2048", "rsa3072", "ed25519", "nistp256", "nistp384"] {
        let name = format!("{algorithm} <a@example.com>");
        let fingerprint = gpg.key(&name, algorithm, "cert,sign", "1y");
        let credential = gpg.credential(&fingerprint);
        assert_eq!(credential.names(), [fingerprint.as_str()]);
        for hash in ["SHA256", "SHA384", "SHA512"] {
            for (form, more) in [("binary", &[][..]), ("armored", &["--armor"]), ("text", &["--textmode"])] {
                let claim = format!("{algorithm} {hash} {form}");
                // GnuPG refuses to make what we would refuse to count.
                if algorithm == "nistp384" && hash == "SHA256" {
                    continue;
                }
                let mut arguments = vec!["--digest-algo", hash, "--detach-sign"];
                arguments.extend(more);
                let signature = gpg.sign(&fingerprint, &arguments, TEXT);
                let tried = check(&signature, &credential, TEXT, JUDGED);
                let said = good(&claim, &tried);
                assert_eq!(said.who.as_deref(), Some(name.as_str()));
                assert_eq!(said.when, Some(at("2026-01-01T00:00:00Z")));
                bad(
                    &claim,
                    &check(&signature, &credential, b"first linf\n", JUDGED),
                    "over exactly these bytes",
                );
                let crlf = String::from_utf8(TEXT.to_vec()).unwrap().replace('\n', "\r\n");
                let tried = check(&signature, &credential, crlf.as_bytes(), JUDGED);
                if form == "text" {
                    good(&claim, &tried);
                } else {
                    bad(&claim, &tried, "over exactly these bytes");
                }
            }
        }
    }
}

#[test]
fn one_key_in_two_spellings_has_one_fingerprint_of_its_packet() {
    let Some(gpg) = Gpg::new() else { return };
    let fingerprint = gpg.key("one", "ed25519", "cert,sign", "1y");
    let binary = gpg.export(&fingerprint);
    let armored = gpg.run(&["--armor", "--comment", "a note", "--export", &fingerprint], b"");
    let first = Credential::parse(&binary).unwrap().fingerprint();
    assert_eq!(Credential::parse(&armored).unwrap().fingerprint(), first);
    let crlf = String::from_utf8(armored).unwrap().replace('\n', "\r\n");
    assert_eq!(Credential::parse(crlf.as_bytes()).unwrap().fingerprint(), first);
    let (_, body) = packets(&binary).remove(0);
    assert_eq!(first, sha256(&body));
    let gpg = gpg.later(SIGNED);
    gpg.run(&["--quick-set-expire", &fingerprint, "5y"], b"");
    gpg.run(&["--quick-add-key", &fingerprint, "ed25519", "sign"], b"");
    let later = gpg.credential(&fingerprint);
    assert_eq!(later.fingerprint(), first);
    assert_eq!(later.names().len(), 2);
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    dropgate::digest::hex(&sha2::Sha256::digest(bytes))
}

#[test]
fn every_byte_of_data_and_signature_counts() {
    let Some(gpg) = Gpg::new() else { return };
    for algorithm in ["rsa2048", "ed25519", "nistp256"] {
        let fingerprint = gpg.key(algorithm, algorithm, "cert,sign", "1y");
        let credential = gpg.credential(&fingerprint);
        let signature = gpg.detach(&fingerprint, TEXT);
        for length in 0..signature.len() {
            assert!(Signature::read(&signature[..length]).is_err(), "{algorithm} cut at {length}");
        }
        for place in 0..signature.len() {
            let mut broken = signature.clone();
            broken[place] ^= 1;
            if let Ok(broken) = Signature::read(&broken) {
                let tried = broken.check(&credential, &Message::of(&broken.needs(), TEXT), at(JUDGED));
                // Whose it is said to be is not signed where it stands outside of the hashed area; GnuPG puts the key id there.
                let unsigned = unsigned_area(&signature);
                assert!(
                    !matches!(tried, Tried::Good(_)) || unsigned.contains(&place),
                    "{algorithm} byte {place}"
                );
            }
        }
        for place in 0..TEXT.len() {
            let mut broken = TEXT.to_vec();
            broken[place] ^= 1;
            bad(algorithm, &check(&signature, &credential, &broken, JUDGED), "over exactly these bytes");
        }
        let armored = gpg.sign(&fingerprint, &["--armor", "--detach-sign"], TEXT);
        for length in 0..armored.len() - 1 {
            assert!(Signature::read(&armored[..length]).is_err(), "{algorithm} armored, cut at {length}");
        }
    }
}

/// Where the subpackets lie that are not signed: behind header, fixed fields and hashed area of a packet with a short header.
fn unsigned_area(signature: &[u8]) -> std::ops::Range<usize> {
    let body = signature.len() - packets(signature)[0].1.len();
    let two = |at: usize| usize::from(signature[at]) * 256 + usize::from(signature[at + 1]);
    let start = body + 6 + two(body + 4) + 2;
    start..start + two(start - 2)
}

#[test]
fn files_that_are_not_detached_signatures_are_refused_by_what_they_are() {
    let Some(gpg) = Gpg::new() else { return };
    let fingerprint = gpg.key("one", "ed25519", "cert,sign", "1y");
    let detached = gpg.detach(&fingerprint, TEXT);
    let armored = String::from_utf8(gpg.sign(&fingerprint, &["--armor", "--detach-sign"], TEXT)).unwrap();
    let signed = gpg.sign(&fingerprint, &["--compress-algo", "none", "--sign"], TEXT);
    let compressed = gpg.sign(&fingerprint, &["--sign"], TEXT);
    let certification = packets(&gpg.export(&fingerprint)).remove(2);
    let sha1 = gpg.sign(&fingerprint, &["--digest-algo", "SHA1", "--detach-sign"], TEXT);
    let ripemd = gpg.sign(&fingerprint, &["--digest-algo", "RIPEMD160", "--detach-sign"], TEXT);
    let mut version3 = detached.clone();
    version3[2] = 3;
    let mut version5 = detached.clone();
    version5[2] = 5;
    let mut standalone = detached.clone();
    standalone[3] = 2;
    let many = detached.repeat(65);
    let trailing = [&detached[..], b"x"].concat();
    let doubled = format!("{armored}{armored}");
    let wrong_sum = {
        let at = armored.rfind("\n=").unwrap() + 2;
        let other = if &armored[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &armored[..at], &armored[at + 1..])
    };
    for (claim, file, says) in [
        ("a signed message", &signed[..], "found a one-pass signature"),
        ("a compressed message, whose length is open", &compressed, "packet of stated length"),
        ("a certificate", &gpg.export(&fingerprint), "found a public key"),
        ("a signature over a user id", &packet(certification.0, &certification.1), "found type 0x13"),
        ("a signature by SHA-1", &sha1, "SHA-1, which is broken"),
        ("a signature by RIPEMD-160", &ripemd, "RIPEMD-160"),
        ("version 3", &version3, "found version 3"),
        ("version 5", &version5, "found version 5"),
        ("a signature over nothing", &standalone, "found type 0x02"),
        ("too many signatures", &many, "found 65"),
        ("a byte behind it", &trailing, "byte "),
        ("nothing", b"", "expected a signature, found none"),
        ("blanks", b"\n\n", "expected a signature, found none"),
        ("another text", b"hello", "found \"hello\""),
        ("two blocks", doubled.as_bytes(), "expected nothing behind"),
        ("text before the block", format!("x\n{armored}").as_bytes(), "line 1"),
        ("text behind the block", format!("{armored}x\n").as_bytes(), "expected nothing behind"),
        ("a header that is none", armored.replace("\n\n", "\nhello\n\n").as_bytes(), "expected a header"),
        ("a wrong checksum", wrong_sum.as_bytes(), "the block is damaged"),
        ("an open length", &[0xc2, 0xe1, 4, 4], "expected a whole OpenPGP packet"),
        (
            "a length of gigabytes",
            &[0xc2, 0xff, 0xff, 0xff, 0xff, 0xff, 4],
            "expected a whole OpenPGP packet",
        ),
    ] {
        match Signature::read(file) {
            Err(refusal) => assert!(refusal.to_string().contains(says), "{claim}: {refusal}"),
            Ok(_) => panic!("{claim}: read"),
        }
    }
    assert!(Signature::read(armored.replace("\n\n", "\nComment: hello\n\n").as_bytes()).is_ok());
}

#[test]
fn several_signatures_count_if_one_does() {
    let Some(gpg) = Gpg::new() else { return };
    let (one, other, third) = (
        gpg.key("one", "ed25519", "cert,sign", "1y"),
        gpg.key("other", "rsa2048", "cert,sign", "1y"),
        gpg.key("third", "ed25519", "cert,sign", "1y"),
    );
    let by_one = gpg.detach(&one, TEXT);
    let of_other = gpg.detach(&other, b"something else");
    let weak = gpg.sign(&other, &["--digest-algo", "SHA1", "--detach-sign"], TEXT);
    for (claim, file) in [
        ("first", [&by_one[..], &of_other].concat()),
        ("last", [&of_other[..], &by_one].concat()),
        ("beside a weak one", [&weak[..], &by_one].concat()),
    ] {
        good(claim, &check(&file, &gpg.credential(&one), TEXT, JUDGED));
        let tried = check(&file, &gpg.credential(&other), TEXT, JUDGED);
        assert!(matches!(tried, Tried::Bad(_)), "{claim}: {tried:?}");
        assert_eq!(check(&file, &gpg.credential(&third), TEXT, JUDGED), Tried::Other, "{claim}");
    }
    assert_eq!(Signature::read(&by_one).unwrap().signer_named(), one);
}

#[test]
fn certificates_that_may_not_be_trusted_are_refused_by_why() {
    let Some(gpg) = Gpg::new() else { return };
    let fingerprint = gpg.key("one", "ed25519", "cert,sign", "1y");
    let other = gpg.key("other", "ed25519", "cert,sign", "1y");
    let weak_rsa = gpg.key("short", "rsa1024", "cert,sign", "1y");
    let dsa = gpg.key("dsa", "dsa2048", "cert,sign", "1y");
    let p521 = gpg.key("p521", "nistp521", "cert,sign", "1y");
    let certificate = gpg.export(&fingerprint);
    let mut parts = packets(&certificate);
    let bare = [packet(parts[0].0, &parts[0].1), packet(parts[1].0, &parts[1].1)].concat();
    let theirs = packets(&gpg.export(&other)).remove(2);
    let by_another = [&bare[..], &packet(theirs.0, &theirs.1)].concat();
    let last = parts[2].1.len() - 1;
    parts[2].1[last] ^= 1;
    let damaged = [&bare[..], &packet(parts[2].0, &parts[2].1)].concat();
    let secret = gpg.run(&["--export-secret-keys", &fingerprint], b"");
    let armored_secret = gpg.run(&["--armor", "--export-secret-keys", &fingerprint], b"");
    gpg.run(&["--cert-digest-algo", "SHA1", "--quick-gen-key", "old", "rsa2048", "cert,sign", "1y"], b"");
    let old = gpg.export("old");
    let signature = gpg.detach(&fingerprint, TEXT);
    for (claim, file, says) in [
        ("two certificates", [&certificate[..], &gpg.export(&other)].concat(), "found a second certificate"),
        ("a private key", secret.clone(), "this is a private key"),
        ("an armored private key", armored_secret.clone(), "this is a private key"),
        ("a private key in a public block", disguised(&secret), "this is a private key"),
        ("RSA with 1024 bits", gpg.export(&weak_rsa), "expected an RSA key of 2048 to 8192 bits, found 1024"),
        ("DSA", gpg.export(&dsa), "found algorithm 17 (DSA)"),
        ("P-521", gpg.export(&p521), "expected ECDSA over P-256 or P-384"),
        ("no self-signature", bare.clone(), "expected a self-signature of the primary key"),
        ("a self-signature by another", by_another, "expected a self-signature of the primary key"),
        ("a damaged self-signature", damaged, "expected a self-signature of the primary key"),
        ("only SHA-1", old, "found only such as are by SHA-1"),
        ("a signature", signature, "found a signature"),
        ("cut off", certificate[..certificate.len() - 1].to_vec(), "expected a whole OpenPGP packet"),
        ("nothing", Vec::new(), "found nothing"),
        ("text", b"key".to_vec(), "line 1"),
    ] {
        match Credential::parse(&file) {
            Err(refusal) => assert!(refusal.to_string().contains(says), "{claim}: {refusal}"),
            Ok(_) => panic!("{claim}: read"),
        }
    }
    for length in 0..certificate.len() {
        assert!(Credential::parse(&certificate[..length]).is_err(), "cut at {length}");
    }
    // The owner renews it as the message says.
    let gpg = gpg.later(SIGNED);
    let old = gpg.fingerprint("old");
    gpg.run(&["--cert-digest-algo", "SHA256", "--quick-set-expire", &old, "2y"], b"");
    let signature = gpg.detach(&old, TEXT);
    good("renewed", &check(&signature, &gpg.credential(&old), TEXT, JUDGED));
}

fn disguised(secret: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(secret);
    format!("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{text}\n-----END PGP PUBLIC KEY BLOCK-----\n")
        .into_bytes()
}

#[test]
fn a_key_counts_in_its_time_and_for_its_purpose_alone() {
    let Some(gpg) = Gpg::new() else { return };
    let fingerprint = gpg.key("one", "ed25519", "cert,sign", "30d");
    let cert_only = gpg.key("certifier", "ed25519", "cert", "1y");
    let gpg = gpg.later(SIGNED);
    let signature = gpg.detach(&fingerprint, TEXT);
    let short = gpg.sign(&fingerprint, &["--default-sig-expire", "3d", "--detach-sign"], TEXT);
    let credential = gpg.credential(&fingerprint);
    let judged = |signature: &[u8], when: &str| check(signature, &credential, TEXT, when);
    good("the last second", &judged(&signature, "2026-01-30T23:59:59Z"));
    bad(
        "expired key",
        &judged(&signature, "2026-01-31T00:00:00Z"),
        "expired at 2026-01-31T00:00:00Z, judged at",
    );
    bad(
        "from the future",
        &judged(&signature, "2026-01-01T12:00:00Z"),
        "made at 2026-01-02T00:00:00Z, judged at",
    );
    good("the second it was made", &judged(&signature, "2026-01-02T00:00:00Z"));
    bad("before the key", &judged(&signature, "2025-12-31T00:00:00Z"), "expected a self-signature");
    good("short signature", &judged(&short, "2026-01-04T23:59:59Z"));
    bad("expired signature", &judged(&short, "2026-01-05T00:00:00Z"), "the signature expired at 2026-01-05");
    // Extended, and shortened again: the newest word counts.
    let gpg = gpg.later("20260103T000000");
    gpg.run(&["--quick-set-expire", &fingerprint, "2y"], b"");
    good("extended", &check(&signature, &gpg.credential(&fingerprint), TEXT, "2026-06-01T00:00:00Z"));
    let gpg = gpg.later("20260104T000000");
    gpg.run(&["--quick-set-expire", &fingerprint, "5d"], b"");
    let shortened = gpg.credential(&fingerprint);
    bad("shortened", &check(&signature, &shortened, TEXT, JUDGED), "expired at 2026-01-09");
    // A key that may only certify is given a subkey; what the primary key signs all the same does not count.
    let before = gpg.credential(&cert_only);
    gpg.run(&["--quick-add-key", &cert_only, "ed25519", "sign", "10d"], b"");
    let by_subkey = gpg.detach(&cert_only, TEXT);
    let credential = gpg.credential(&cert_only);
    good("by the subkey", &check(&by_subkey, &credential, TEXT, JUDGED));
    bad(
        "expired subkey",
        &check(&by_subkey, &credential, TEXT, "2026-01-14T00:00:00Z"),
        "expired at 2026-01-14",
    );
    assert_eq!(check(&by_subkey, &before, TEXT, JUDGED), Tried::Other);
    let flagless = without_flags(&gpg, &cert_only);
    bad("a key that may only certify", &check(&flagless, &credential, TEXT, JUDGED), "lets sign data");
}

/// A signature over TEXT by a primary key that says that it does not sign. GnuPG is told that it does by a self-signature that
/// the operator never sees.
fn without_flags(gpg: &Gpg, fingerprint: &str) -> Vec<u8> {
    gpg.converse(&["--edit-key", fingerprint], "change-usage\nS\nQ\nsave\n");
    gpg.sign(&format!("{fingerprint}!"), &["--detach-sign"], TEXT)
}

#[test]
fn revocations_count_by_their_reason() {
    for (reason, name, before) in [
        (0, "without a reason", false),
        (1, "compromised", false),
        (2, "superseded", true),
        (3, "retired", true),
    ] {
        let Some(gpg) = Gpg::new() else { return };
        let fingerprint = gpg.key("one", "ed25519", "cert,sign", "1y");
        let gpg = gpg.later(SIGNED);
        let signature = gpg.detach(&fingerprint, TEXT);
        let gpg = gpg.later("20260105T000000");
        gpg.revoke(&fingerprint, reason);
        let credential = gpg.credential(&fingerprint);
        bad(name, &check(&signature, &credential, TEXT, JUDGED), name);
        bad(name, &check(&signature, &credential, TEXT, "2026-01-05T00:00:00Z"), "was revoked at 2026-01-05");
        let tried = check(&signature, &credential, TEXT, "2026-01-04T00:00:00Z");
        if before {
            good(name, &tried);
        } else {
            bad(name, &tried, "reaches back to everything");
        }
        // One that can't be checked is not passed over.
        let mut parts = packets(&gpg.export(&fingerprint));
        let revocation = parts.iter().position(|(tag, body)| *tag == 2 && body[1] == 0x20).unwrap();
        let whole = parts.clone();
        parts[revocation].1[3] = 2;
        let refusal = Credential::parse(&joined(&parts)).unwrap_err().to_string();
        assert!(refusal.contains("a revocation that can't be checked here"), "{refusal}");
        parts = whole;
        let last = parts[revocation].1.len() - 1;
        parts[revocation].1[last] ^= 1;
        let refusal = Credential::parse(&joined(&parts)).unwrap_err().to_string();
        assert!(refusal.contains("in the key's name that is not good"), "{refusal}");
    }
}

#[test]
fn revoked_subkeys_and_user_ids_do_not_count() {
    let Some(gpg) = Gpg::new() else { return };
    let fingerprint = gpg.key("one", "ed25519", "cert", "1y");
    gpg.run(&["--quick-add-key", &fingerprint, "ed25519", "sign", "1y"], b"");
    let gpg = gpg.later(SIGNED);
    let signature = gpg.detach(&fingerprint, TEXT);
    good("before", &check(&signature, &gpg.credential(&fingerprint), TEXT, JUDGED));
    let gpg = gpg.later("20260105T000000");
    gpg.run(&["--quick-add-uid", &fingerprint, "second"], b"");
    let gpg = gpg.later("20260106T000000");
    gpg.run(&["--quick-revoke-uid", &fingerprint, "one"], b"");
    let said = good("one user id is left", &check(&signature, &gpg.credential(&fingerprint), TEXT, JUDGED));
    assert_eq!(said.who.as_deref(), Some("second"));
    let mut parts = packets(&gpg.export(&fingerprint));
    let second = parts.iter().position(|(tag, body)| *tag == 13 && body == b"second").unwrap();
    parts.drain(second..second + 2);
    let lonely = Credential::parse(&joined(&parts)).unwrap();
    bad("no user id is left", &check(&signature, &lonely, TEXT, JUDGED), "expected a self-signature");
    gpg.converse(&["--edit-key", &fingerprint], "key 1\nrevkey\ny\n1\n\ny\nsave\n");
    let credential = gpg.credential(&fingerprint);
    bad("revoked subkey", &check(&signature, &credential, TEXT, "2026-01-03T00:00:00Z"), "compromised");
}

#[test]
fn a_subkey_counts_only_if_it_is_bound_both_ways() {
    let Some(gpg) = Gpg::new() else { return };
    let fingerprint = gpg.key("one", "ed25519", "cert", "1y");
    gpg.run(&["--quick-add-key", &fingerprint, "rsa2048", "sign", "1y"], b"");
    let mallory = gpg.key("mallory", "ed25519", "cert,sign", "1y");
    let signature = gpg.detach(&fingerprint, TEXT);
    let parts = packets(&gpg.export(&fingerprint));
    good("as it is", &check(&signature, &Credential::parse(&joined(&parts)).unwrap(), TEXT, JUDGED));

    let unbound = Credential::parse(&joined(&parts[..4])).unwrap();
    bad("without binding", &check(&signature, &unbound, TEXT, JUDGED), "that binds subkey");

    let mut stripped = parts.clone();
    stripped[4].1 = without_back_signature(&parts[4].1);
    assert_ne!(stripped[4].1, parts[4].1);
    let stripped = Credential::parse(&joined(&stripped)).unwrap();
    bad("without back signature", &check(&signature, &stripped, TEXT, JUDGED), "anybody could have bound it");

    let mut damaged = parts.clone();
    let last = damaged[4].1.len() - 1;
    damaged[4].1[last] ^= 1;
    let damaged = Credential::parse(&joined(&damaged)).unwrap();
    bad("damaged binding", &check(&signature, &damaged, TEXT, JUDGED), "that binds subkey");

    // Another's key, put into the certificate as a subkey.
    let theirs = packets(&gpg.export(&mallory));
    let by_mallory = gpg.detach(&mallory, TEXT);
    let mut grafted = parts.clone();
    grafted.push((14, theirs[0].1.clone()));
    let tried = check(&by_mallory, &Credential::parse(&joined(&grafted)).unwrap(), TEXT, JUDGED);
    bad("grafted without binding", &tried, "that binds subkey");
    grafted.push(parts[4].clone());
    let tried = check(&by_mallory, &Credential::parse(&joined(&grafted)).unwrap(), TEXT, JUDGED);
    bad("grafted with another's binding", &tried, "that binds subkey");

    // A subkey that encrypts, and one that the primary key says nothing about signing for.
    gpg.run(&["--quick-add-key", &fingerprint, "cv25519", "encr", "1y"], b"");
    good("beside one for encryption", &check(&signature, &gpg.credential(&fingerprint), TEXT, JUDGED));
}

#[test]
fn clear_signed_texts_are_read_as_they_are_hashed() {
    let Some(gpg) = Gpg::new() else { return };
    let fingerprint = gpg.key("one", "rsa2048", "cert,sign", "1y");
    let credential = gpg.credential(&fingerprint);
    for (claim, text, expected) in [
        ("blanks and dashes", TEXT, &b"first line\nsecond\n- dashed\n\nlast"[..]),
        ("no line break at the end", b"one\ntwo", b"one\ntwo"),
        ("line breaks of Windows", b"one\r\ntwo \t\r\n", b"one\ntwo"),
        ("empty lines at the end", b"one\n\n\n", b"one\n\n"),
        ("an armor line within", b"-----BEGIN PGP SIGNATURE-----\nx\n", b"-----BEGIN PGP SIGNATURE-----\nx"),
        ("nothing", b"", b""),
        ("From", b"From me\n-\n--\n", b"From me\n-\n--"),
    ] {
        let file = gpg.sign(&fingerprint, &["--digest-algo", "SHA512", "--clearsign"], text);
        let read = Cleartext::read(&file).unwrap_or_else(|why| panic!("{claim}: {why}"));
        assert_eq!(String::from_utf8_lossy(&read.text), String::from_utf8_lossy(expected), "{claim}");
        let message = Message::of(&read.signature.needs(), &read.text);
        good(claim, &read.signature.check(&credential, &message, at(JUDGED)));
        for length in 0..file.len() - 1 {
            assert!(Cleartext::read(&file[..length]).is_err(), "{claim}: cut at {length}");
        }
        for place in 0..file.len() {
            let mut broken = file.clone();
            broken[place] ^= 1;
            let Ok(read) = Cleartext::read(&broken) else { continue };
            let tried = read.signature.check(
                &credential,
                &Message::of(&read.signature.needs(), &read.text),
                at(JUDGED),
            );
            // What is not signed: blanks at ends of lines, the key id, names of hash functions beside the right one.
            assert!(!matches!(tried, Tried::Good(_)) || read.text == expected, "{claim}: byte {place}");
        }
    }
}

#[test]
fn tricks_with_clear_signed_texts_are_refused() {
    let Some(gpg) = Gpg::new() else { return };
    let fingerprint = gpg.key("one", "ed25519", "cert,sign", "1y");
    let file = gpg.sign(&fingerprint, &["--digest-algo", "SHA256", "--clearsign"], TEXT);
    let file = String::from_utf8(file).unwrap();
    let twice = format!("{file}{file}");
    let binary = {
        let detached =
            String::from_utf8(gpg.sign(&fingerprint, &["--armor", "--detach-sign"], TEXT)).unwrap();
        let start = file.find("-----BEGIN PGP SIGNATURE").unwrap();
        format!("{}{detached}", &file[..start])
    };
    for (claim, broken, says) in [
        ("text before", format!("SHA256: good\n{file}"), "line 1"),
        ("a blank line before", format!("\n{file}"), "line 1"),
        ("a byte order mark", format!("\u{feff}{file}"), "line 1"),
        ("a blank before", format!(" {file}"), "line 1"),
        ("text behind", format!("{file}more\n"), "expected nothing behind"),
        ("a blank line behind", format!("{file}\n"), "expected nothing behind"),
        ("a second one behind", twice, "expected nothing behind"),
        ("a header that is text", file.replace("Hash: SHA256", "Hash: SHA256\nVersion: 2"), "line 3"),
        ("a header that hides text", file.replace("Hash: SHA256", "Origin: Mallory"), "line 2"),
        (
            "text in the place of headers",
            file.replace("Hash: SHA256\n\n", "Hash: SHA256\nfirst\n\n"),
            "line 3",
        ),
        ("an empty line that is not", file.replace("SHA256\n\n", "SHA256\n \n"), "line 3"),
        ("another hash named", file.replace("Hash: SHA256", "Hash: SHA512"), "expected SHA256, found SHA512"),
        ("a weak hash named", file.replace("Hash: SHA256", "Hash: SHA1"), "expected SHA256, found SHA1"),
        ("a dash that is not escaped", file.replace("- - dashed", "-dashed"), "line 6"),
        ("NUL", file.replace("last", "la\0st"), "NUL"),
        ("CR inside a line", file.replace("last", "la\rst"), "CR inside"),
        ("another mark", file.replace("BEGIN PGP SIGNED MESSAGE", "BEGIN PGP MESSAGE"), "line 1"),
        ("a blank behind the mark", file.replace("MESSAGE-----\n", "MESSAGE----- \n"), "line 1"),
        ("a signature over bytes", binary, "expected a signature of text (0x01), found type 0x00"),
    ] {
        assert_ne!(broken, file, "{claim}");
        match Cleartext::read(broken.as_bytes()) {
            Err(refusal) => assert!(refusal.to_string().contains(says), "{claim}: {refusal}"),
            Ok(_) => panic!("{claim}: read"),
        }
    }
    // Blanks at the end of a line are not hashed, and nobody gets to see them.
    let blanks = file.replace("last\n", "last \t \n");
    assert_eq!(
        Cleartext::read(blanks.as_bytes()).unwrap().text,
        Cleartext::read(file.as_bytes()).unwrap().text
    );
    let without = Cleartext::read(file.replace("Hash: SHA256\n", "").as_bytes()).unwrap();
    let message = Message::of(&without.signature.needs(), &without.text);
    good("no header", &without.signature.check(&gpg.credential(&fingerprint), &message, at(JUDGED)));
}

/// Python with Sequoia's bindings: certificates and signatures of version 6.
const SEQUOIA: &str = r#"
import sys, pysequoia as p
out = sys.argv[1]
text = open(out + "/text", "rb").read()
for name, profile in (("v4", p.Profile.RFC4880), ("v6", p.Profile.RFC9580)):
    tsk = p.Tsk.generate("Sequoia <s@example.com>", profile=profile)
    signer = tsk.signer()
    open(out + "/" + name + ".cert", "wb").write(bytes(tsk.extract_certificate()))
    for mode, what in ((p.SignatureMode.DETACHED, "sig"), (p.SignatureMode.CLEAR, "asc")):
        open(out + "/" + name + "." + what, "wb").write(p.sign(signer, text, mode=mode))
"#;

#[test]
fn signatures_of_sequoia_count_in_version_4_and_6() {
    let Some(python) = python_with("pysequoia") else { return };
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("text"), TEXT).unwrap();
    let output = Command::new(python).args(["-c", SEQUOIA]).arg(home.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = |name: &str| fs::read(home.path().join(name)).unwrap();
    let now = Time::now();
    for (version, length) in [("v4", 40), ("v6", 64)] {
        let credential = Credential::parse(&file(&format!("{version}.cert"))).unwrap();
        assert_eq!(credential.names()[0].len(), length);
        let detached = file(&format!("{version}.sig"));
        let signature = Signature::read(&detached).unwrap();
        let tried = signature.check(&credential, &Message::of(&signature.needs(), TEXT), now);
        assert_eq!(good(version, &tried).who.as_deref(), Some("Sequoia <s@example.com>"));
        let other = Message::of(&signature.needs(), b"something else");
        bad(version, &signature.check(&credential, &other, now), "over exactly these bytes");
        let before = Message::of(&signature.needs(), TEXT);
        bad(version, &signature.check(&credential, &before, at(JUDGED)), "expected a self-signature");
        let clear = Cleartext::read(&file(&format!("{version}.asc"))).unwrap();
        let message = Message::of(&clear.signature.needs(), &clear.text);
        good(version, &clear.signature.check(&credential, &message, now));
        let other = if version == "v4" { "v6" } else { "v4" };
        let stranger = Credential::parse(&file(&format!("{other}.cert"))).unwrap();
        let message = Message::of(&signature.needs(), TEXT);
        assert_eq!(signature.check(&stranger, &message, now), Tried::Other);
    }
}

fn python_with(module: &str) -> Option<PathBuf> {
    let python = std::env::var_os("DROPGATE_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    have(&python.display().to_string(), &["-c", &format!("import {module}")]).then_some(python)
}

/// The packets of a file, by type and content.
fn packets(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut rest = bytes;
    let mut all = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        let number = |bytes: &[u8]| bytes.iter().fold(0_usize, |sum, byte| sum * 256 + usize::from(*byte));
        let (tag, head, length) = if first & 0x40 == 0 {
            let size = 1 << (first & 3);
            ((first >> 2) & 15, size, number(&behind[..size]))
        } else {
            match behind[0] {
                255 => (first & 63, 5, number(&behind[1..5])),
                one @ 192.. => (first & 63, 2, (usize::from(one) - 192) * 256 + usize::from(behind[1]) + 192),
                one => (first & 63, 1, usize::from(one)),
            }
        };
        all.push((tag, behind[head..head + length].to_vec()));
        rest = &behind[head + length..];
    }
    all
}

fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[0xc0 | tag, 255], &length[..], body].concat()
}

fn joined(parts: &[(u8, Vec<u8>)]) -> Vec<u8> {
    parts.iter().flat_map(|(tag, body)| packet(*tag, body)).collect()
}

/// A signature packet of version 4 with an empty unhashed area but for the key id.
fn without_back_signature(body: &[u8]) -> Vec<u8> {
    let two = |at: usize| usize::from(body[at]) * 256 + usize::from(body[at + 1]);
    let hashed = 6 + two(4);
    let end = hashed + 2 + two(hashed);
    [&body[..hashed], &[0, 0], &body[end..]].concat()
}
