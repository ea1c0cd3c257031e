//! signify and usign: what they sign counts, and with one thing changed it does not, for us nor for signify.
//!
//! usign is in no package registry, so its signatures are made here by the form in which it writes them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    missing_docs
)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::have;
use dropgate::manifest::checksums;
use dropgate::time::Time;
use dropgate::trust::detached::{Said, Tried};
use dropgate::trust::ed25519::PrivateKey;
use dropgate::trust::message::Message;
use dropgate::trust::signify::{Credential, CredentialRefusal, Signature};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

const MESSAGE: &[u8] = b"the image of a radio unit\n";

fn at() -> Time {
    "2026-01-20T12:00:00Z".parse().unwrap()
}

struct Signer {
    directory: TempDir,
    public: String,
}

impl Signer {
    fn new() -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        if !have("signify-openbsd", &["-G", "-n", "-p", &path("key.pub"), "-s", &path("key.sec")]) {
            return None;
        }
        let public = fs::read_to_string(path("key.pub")).unwrap();
        fs::write(path("message"), MESSAGE).unwrap();
        Some(Self { directory, public })
    }

    fn signify(&self, arguments: &[&str]) -> bool {
        let mut signify = Command::new("signify-openbsd");
        signify.args(arguments).current_dir(self.directory.path()).output().unwrap().status.success()
    }

    fn sign(&self, options: &[&str]) -> Vec<u8> {
        let _ = fs::remove_file(self.directory.path().join("message.sig"));
        let arguments = [&["-S", "-s", "key.sec", "-m", "message", "-x", "message.sig"], options].concat();
        assert!(self.signify(&arguments), "{options:?}");
        fs::read(self.directory.path().join("message.sig")).unwrap()
    }

    fn accepts(&self, signature: &[u8], message: &[u8]) -> bool {
        for (name, contents) in
            [("its.pub", self.public.as_bytes()), ("its.sig", signature), ("its", message)]
        {
            fs::write(self.directory.path().join(name), contents).unwrap();
        }
        self.signify(&["-V", "-q", "-p", "its.pub", "-m", "its", "-x", "its.sig"])
    }

    /// What both say, which is one thing unless `stricter`: then it is ours that refuses.
    fn verdict(
        &self,
        claim: &str,
        signature: &[u8],
        message: &[u8],
        stricter: bool,
    ) -> Result<Tried, String> {
        let ours = verdict(&self.public, signature, message);
        let good = matches!(ours, Ok(Tried::Good(_)));
        assert_eq!(self.accepts(signature, message), good || stricter, "{claim}: ours is {ours:?}");
        ours
    }
}

fn verdict(public: &str, signature: &[u8], message: &[u8]) -> Result<Tried, String> {
    let signature = Signature::read(signature).map_err(|why| why.to_string())?;
    assert!(signature.needs().whole && signature.needs().hashed.is_empty());
    let message = Message::of(&signature.needs(), message);
    Ok(signature.check(&Credential::parse(public).unwrap(), &message, at()))
}

fn body(file: &[u8]) -> [u8; 74] {
    let text = std::str::from_utf8(file).unwrap();
    STANDARD.decode(text.lines().nth(1).unwrap()).unwrap().try_into().unwrap()
}

fn file(body: &[u8]) -> Vec<u8> {
    format!("untrusted comment: verify with key.pub\n{}\n", STANDARD.encode(body)).into_bytes()
}

fn assert_says(claim: &str, tried: Result<Tried, String>, says: &str) {
    match tried {
        Ok(Tried::Good(said)) => assert_eq!((says, said), ("good", Said::default()), "{claim}"),
        Ok(Tried::Other) => assert_eq!(says, "other", "{claim}"),
        Ok(Tried::Bad(why)) | Err(why) => assert!(why.contains(says), "{claim}: {why}"),
    }
}

#[test]
fn what_signify_signs_is_good() {
    let Some(signer) = Signer::new() else { return };
    let signature = signer.sign(&[]);
    assert_says("as made", signer.verdict("as made", &signature, MESSAGE, false), "good");
    let number = Credential::parse(&signer.public).unwrap().names();
    assert_eq!(number, [Signature::read(&signature).unwrap().signer_named()]);
}

#[test]
fn every_byte_that_is_signed_counts() {
    let Some(signer) = Signer::new() else { return };
    let good = body(&signer.sign(&[]));
    for at in 0..good.len() {
        let mut changed = good;
        changed[at] ^= 1 << (at % 8);
        let says = match at {
            0..2 => "expected algorithm `Ed`",
            2..10 => "other",
            _ => "over these bytes",
        };
        let claim = format!("byte {at}");
        assert_says(&claim, signer.verdict(&claim, &file(&changed), MESSAGE, false), says);
    }
    for at in 0..MESSAGE.len() {
        let mut message = MESSAGE.to_vec();
        message[at] ^= 1;
        assert_says("message", signer.verdict("message", &file(&good), &message, false), "over these bytes");
    }
    assert_says("empty", signer.verdict("empty", &file(&good), b"", false), "over these bytes");
}

/// What is done to the text of a good file, what comes of it, and whether signify lets it through.
type Case = (&'static str, fn(&str) -> String, &'static str, bool);

const CASES: &[Case] = &[
    ("the comment is nobody's", |text| text.replace("verify with", "hello"), "good", false),
    ("CR LF", |text| text.replace('\n', "\r\n"), "good", false),
    ("the longest comment", |text| comment(text, 1023), "good", false),
    ("a longer one", |text| comment(text, 1024), "1 to 1023 bytes", false),
    ("no comment", |text| comment(text, 0), "line 1: expected", false),
    ("no mark", |text| text.replace("untrusted ", ""), "line 1: expected", false),
    ("no line break at the end", |text| text.trim_end().to_owned(), "line 2: expected", false),
    ("a byte behind", |text| format!("{text}x"), "found 1 bytes more", true),
    ("an empty line behind", |text| format!("{text}\n"), "found 1 bytes more", true),
    ("the message behind", |text| format!("{text}the image of a radio unit\n"), "found 26 bytes more", true),
    ("two signatures", |text| text.repeat(2), "bytes more", true),
    ("minisign's further lines", |text| format!("{text}trusted comment: x\nAAAA\n"), "bytes more", true),
    ("a blank in the base64", |text| text.replacen("\nRW", "\nR W", 1), "line 2: expected", true),
    ("no padding", |text| text.replace('=', ""), "line 2: expected", false),
    ("an empty line before", |text| format!("\n{text}"), "line 1: expected", false),
    ("nothing", |_| String::new(), "line 1: expected", false),
];

fn comment(text: &str, length: usize) -> String {
    format!("untrusted comment: {}\n{}\n", "x".repeat(length), text.lines().nth(1).unwrap())
}

#[test]
fn one_form_is_read_to_its_end() {
    let Some(signer) = Signer::new() else { return };
    let good = String::from_utf8(signer.sign(&[])).unwrap();
    for (claim, change, says, stricter) in CASES {
        assert_says(claim, signer.verdict(claim, change(&good).as_bytes(), MESSAGE, *stricter), says);
    }
    for end in 0..good.len() {
        let tried = verdict(&signer.public, &good.as_bytes()[..end], MESSAGE);
        assert!(tried.is_err(), "cut at {end}: {tried:?}");
    }
    let long = [good.as_bytes(), &vec![b'x'; 2 << 20]].concat();
    assert_says("2 MB", verdict(&signer.public, &long, MESSAGE), "at most 1048576 bytes");
}

#[test]
fn another_key_under_the_same_number_is_bad_and_under_another_is_another() {
    let Some(signer) = Signer::new() else { return };
    let other = PrivateKey::generate().unwrap();
    let good = body(&signer.sign(&[]));
    let by_other = other.sign(MESSAGE);
    let forged = file(&[&good[..10], &by_other].concat());
    assert_says("forged", signer.verdict("forged", &forged, MESSAGE, false), "over these bytes");
    let foreign = file(&[b"Ed".as_slice(), &[1; 8], &by_other].concat());
    assert_says("foreign", signer.verdict("foreign", &foreign, MESSAGE, false), "other");
}

#[test]
fn a_signature_with_its_message_gives_both() {
    let Some(signer) = Signer::new() else { return };
    let whole = signer.sign(&["-e"]);
    let (signature, message) = Signature::read_embedded(&whole).unwrap();
    assert_eq!(message, MESSAGE);
    let credential = Credential::parse(&signer.public).unwrap();
    let check = |signature: &Signature, message: &[u8]| {
        signature.check(&credential, &Message::of(&signature.needs(), message), at())
    };
    assert_eq!(check(&signature, message), Tried::Good(Said::default()));
    let start = whole.len() - MESSAGE.len();
    for end in 0..whole.len() {
        match Signature::read_embedded(&whole[..end]) {
            Err(_) => assert!(end < start, "cut at {end}"),
            Ok((signature, message)) => {
                assert!(end >= start && matches!(check(&signature, message), Tried::Bad(_)), "cut at {end}");
            }
        }
    }
    let longer = [whole.as_slice(), b"x"].concat();
    let (signature, message) = Signature::read_embedded(&longer).unwrap();
    assert!(matches!(check(&signature, message), Tried::Bad(_)));
    assert!(Signature::read(&whole).is_err(), "a signature alone is no signature with its message");
}

#[test]
fn a_list_of_signify_c_is_read_behind_its_signature() {
    let Some(signer) = Signer::new() else { return };
    if !have("sha256sum", &["--version"]) {
        return;
    }
    let files = signer.directory.path();
    let list =
        Command::new("sha256sum").args(["--tag", "message"]).current_dir(files).output().unwrap().stdout;
    fs::write(files.join("SHA256"), &list).unwrap();
    assert!(signer.signify(&["-S", "-e", "-s", "key.sec", "-m", "SHA256", "-x", "SHA256.sig"]));
    assert!(signer.signify(&["-C", "-q", "-p", "key.pub", "-x", "SHA256.sig"]));
    let whole = fs::read(files.join("SHA256.sig")).unwrap();
    let (_, message) = Signature::read_embedded(&whole).unwrap();
    let artifacts = checksums::read(message, None).unwrap();
    assert_eq!((artifacts.len(), artifacts[0].path.as_str()), (1, "message"));
}

#[test]
fn what_usign_writes_is_good() {
    let key = PrivateKey::generate().unwrap();
    let number = 0x0123_4567_89ab_cdef_u64.to_be_bytes();
    let public = [b"Ed".as_slice(), &number, &key.public().unwrap().to_bytes()].concat();
    let public = format!("untrusted comment: public key 0123456789abcdef\n{}\n", STANDARD.encode(public));
    let signature = [b"Ed".as_slice(), &number, &key.sign(MESSAGE)].concat();
    let file = format!("untrusted comment: signed by key 0123456789abcdef\n{}\n", STANDARD.encode(signature));
    assert_says("usign", verdict(&public, file.as_bytes(), MESSAGE), "good");
    let credential = Credential::parse(&public).unwrap();
    assert_eq!(credential.names(), ["0123456789abcdef"], "as usign -F prints it");
    assert_eq!(credential.fingerprint(), key.public().unwrap().fingerprint());
}

#[test]
fn keys_are_read_in_signifys_form_alone() {
    let Some(signer) = Signer::new() else { return };
    let line = signer.public.lines().nth(1).unwrap();
    assert_eq!(Credential::parse(line).unwrap(), Credential::parse(&signer.public).unwrap());
    let secret = fs::read_to_string(signer.directory.path().join("key.sec")).unwrap();
    for text in [secret.as_str(), secret.lines().nth(1).unwrap()] {
        let refused = Credential::parse(text).unwrap_err();
        assert_eq!(refused, CredentialRefusal::SecretForPublic);
        assert!(!refused.to_string().contains(secret.lines().nth(1).unwrap()));
    }
    let mut identity = [0; 42];
    identity[..2].copy_from_slice(b"Ed");
    identity[10] = 1;
    let refused = Credential::parse(&STANDARD.encode(identity)).unwrap_err().to_string();
    assert!(refused.contains("small order"), "{refused}");
    let signature = String::from_utf8(signer.sign(&[])).unwrap();
    assert_eq!(Credential::parse(&signature), Err(CredentialRefusal::NotAKey));
}
