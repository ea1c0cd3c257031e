//! minisign: what it signs counts, and with one thing changed it does not, for us nor for minisign.

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
use blake2::{Blake2b512, Digest as _};
use common::have;
use dropgate::time::Time;
use dropgate::trust::detached::Tried;
use dropgate::trust::ed25519::PrivateKey;
use dropgate::trust::message::Message;
use dropgate::trust::minisign::{Credential, CredentialRefusal, Signature};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

const MESSAGE: &[u8] = b"the image of a radio unit\n";

fn at() -> Time {
    Time::now()
}

/// A key pair that minisign made, and a directory to work in.
struct Signer {
    directory: TempDir,
    public: String,
}

impl Signer {
    fn new() -> Option<Self> {
        if !have("minisign", &["-v"]) {
            return None;
        }
        let directory = TempDir::new().unwrap();
        let made = Self::minisign(&directory, &["-G", "-f", "-W", "-p", "key.pub", "-s", "key.sec"]);
        assert!(made);
        let public = fs::read_to_string(directory.path().join("key.pub")).unwrap();
        fs::write(directory.path().join("message"), MESSAGE).unwrap();
        Some(Self { directory, public })
    }

    fn minisign(directory: &TempDir, arguments: &[&str]) -> bool {
        Command::new("minisign")
            .args(arguments)
            .current_dir(directory.path())
            .output()
            .unwrap()
            .status
            .success()
    }

    fn sign(&self, options: &[&str]) -> Vec<u8> {
        let arguments =
            [&["-S", "-s", "key.sec", "-m", "message", "-x", "message.minisig"], options].concat();
        assert!(Self::minisign(&self.directory, &arguments), "{options:?}");
        fs::read(self.directory.path().join("message.minisig")).unwrap()
    }

    /// What minisign says of a signature by the key in `public`.
    fn accepts(&self, public: &str, signature: &[u8], message: &[u8]) -> bool {
        for (name, contents) in [("its.pub", public.as_bytes()), ("its.minisig", signature), ("its", message)]
        {
            fs::write(self.directory.path().join(name), contents).unwrap();
        }
        Self::minisign(&self.directory, &["-V", "-q", "-p", "its.pub", "-m", "its", "-x", "its.minisig"])
    }

    /// What both say, which is one thing unless `stricter`: then it is ours that refuses.
    fn verdict(
        &self,
        claim: &str,
        signature: &[u8],
        message: &[u8],
        stricter: bool,
    ) -> Result<Tried, String> {
        let ours = verdict(&self.public, signature, message, at());
        let good = matches!(ours, Ok(Tried::Good(_)));
        let theirs = self.accepts(&self.public, signature, message);
        assert_eq!((good, theirs), (good, good || stricter), "{claim}: ours is {ours:?}");
        ours
    }
}

fn verdict(public: &str, signature: &[u8], message: &[u8], at: Time) -> Result<Tried, String> {
    let signature = Signature::read(signature).map_err(|why| why.to_string())?;
    let message = Message::of(&signature.needs(), message);
    Ok(signature.check(&Credential::parse(public).unwrap(), &message, at))
}

/// A signature in parts, to change one.
#[derive(Clone)]
struct Parts {
    untrusted: String,
    algorithm: [u8; 2],
    number: [u8; 8],
    signature: [u8; 64],
    trusted: String,
    global: [u8; 64],
}

impl Parts {
    fn of(file: &[u8]) -> Self {
        let text = std::str::from_utf8(file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let body = STANDARD.decode(lines[1]).unwrap();
        Self {
            untrusted: lines[0].to_owned(),
            algorithm: body[..2].try_into().unwrap(),
            number: body[2..10].try_into().unwrap(),
            signature: body[10..].try_into().unwrap(),
            trusted: lines[2].to_owned(),
            global: STANDARD.decode(lines[3]).unwrap().try_into().unwrap(),
        }
    }

    /// What `key` under `number` makes.
    fn signed(key: &PrivateKey, number: [u8; 8], algorithm: &[u8; 2], comment: &str) -> Self {
        let signed = if algorithm == b"ED" { Blake2b512::digest(MESSAGE).to_vec() } else { MESSAGE.to_vec() };
        let signature = key.sign(&signed);
        Self {
            untrusted: "untrusted comment: by the test".to_owned(),
            algorithm: *algorithm,
            number,
            signature,
            trusted: format!("trusted comment: {comment}"),
            global: key.sign(&[&signature, comment.as_bytes()].concat()),
        }
    }

    fn file(&self) -> Vec<u8> {
        let body = [self.algorithm.as_slice(), &self.number, &self.signature].concat();
        let [body, global] = [STANDARD.encode(body), STANDARD.encode(self.global)];
        format!("{}\n{body}\n{}\n{global}\n", self.untrusted, self.trusted).into_bytes()
    }
}

fn public(key: &PrivateKey, number: [u8; 8]) -> String {
    let bytes = [b"Ed".as_slice(), &number, &key.public().unwrap().to_bytes()].concat();
    format!("untrusted comment: by the test\n{}\n", STANDARD.encode(bytes))
}

#[test]
fn what_minisign_signs_is_good_and_says_its_trusted_comment() {
    let Some(signer) = Signer::new() else { return };
    for options in
        [&["-t", "release 4.2.1"][..], &["-l", "-t", "release 4.2.1"], &["-t", "release 4.2.1", "-c", "x"]]
    {
        let file = signer.sign(options);
        let Ok(Tried::Good(said)) = signer.verdict("as made", &file, MESSAGE, false) else {
            panic!("{options:?}")
        };
        assert_eq!(said.comment.as_deref(), Some("release 4.2.1"));
        assert_eq!((said.when, said.who), (None, None));
    }
    let before = at();
    for options in [&[][..], &["-l"]] {
        let Ok(Tried::Good(said)) = signer.verdict("as made", &signer.sign(options), MESSAGE, false) else {
            panic!("{options:?}")
        };
        assert!(said.comment.unwrap().contains("file:message"));
        let made = said.when.unwrap().microseconds();
        assert!((before.microseconds() - 2_000_000..=at().microseconds()).contains(&made));
    }
}

#[test]
fn only_a_legacy_signature_needs_the_whole_message() {
    let Some(signer) = Signer::new() else { return };
    assert!(!Signature::read(&signer.sign(&[])).unwrap().needs().whole);
    assert!(Signature::read(&signer.sign(&["-l"])).unwrap().needs().whole);
}

#[test]
fn the_key_id_is_shown_as_minisign_shows_it() {
    let Some(signer) = Signer::new() else { return };
    let id = signer.public.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(Credential::parse(&signer.public).unwrap().names().concat(), id);
    assert_eq!(Signature::read(&signer.sign(&[])).unwrap().signer_named(), id);
}

#[test]
fn every_byte_that_is_signed_counts() {
    let Some(signer) = Signer::new() else { return };
    for options in [&["-t", "4.2.1"][..], &["-l", "-t", "4.2.1"]] {
        let good = Parts::of(&signer.sign(options));
        assert!(matches!(signer.verdict("untouched", &good.file(), MESSAGE, false), Ok(Tried::Good(_))));
        for at in 0..64 {
            let mut changed = good.clone();
            changed.signature[at] ^= 1 << (at % 8);
            let tried = signer.verdict(&format!("signature byte {at}"), &changed.file(), MESSAGE, false);
            assert!(matches!(tried, Ok(Tried::Bad(_))), "{tried:?}");
            let mut changed = good.clone();
            changed.global[at] ^= 1 << (at % 8);
            let tried =
                signer.verdict(&format!("global signature byte {at}"), &changed.file(), MESSAGE, false);
            assert!(matches!(tried, Ok(Tried::Bad(_))), "{tried:?}");
        }
        for at in 0..8 {
            let mut changed = good.clone();
            changed.number[at] ^= 1;
            assert_eq!(signer.verdict("another id", &changed.file(), MESSAGE, false), Ok(Tried::Other));
        }
        for at in 0..MESSAGE.len() {
            let mut message = MESSAGE.to_vec();
            message[at] ^= 1;
            assert!(matches!(signer.verdict("message", &good.file(), &message, false), Ok(Tried::Bad(_))));
        }
    }
}

/// What is done to a good file, what comes of it, and whether minisign lets it through.
type Case = (&'static str, fn(&mut Parts), &'static str, bool);

const CASES: &[Case] = &[
    ("the untrusted comment is nobody's", |parts| parts.untrusted.push_str(" indeed"), "good", false),
    ("a trusted comment with a word more", |parts| parts.trusted.push_str(" x"), "trusted comment", false),
    ("a trusted comment with a blank more", |parts| parts.trusted.push(' '), "trusted comment", false),
    ("no trusted comment", |parts| parts.trusted = "trusted comment: ".to_owned(), "trusted comment", false),
    (
        "hashed said to be legacy, or the reverse",
        |parts| parts.algorithm[1] ^= 0x20,
        "over these bytes",
        false,
    ),
    ("an unknown algorithm", |parts| parts.algorithm = *b"EE", "expected algorithm `ED` or `Ed`", false),
    ("a small first letter", |parts| parts.algorithm[0] = b'e', "expected algorithm `ED` or `Ed`", false),
    (
        "the signatures changed for each other",
        |parts| std::mem::swap(&mut parts.signature, &mut parts.global),
        "over these bytes",
        false,
    ),
    ("the signature twice", |parts| parts.global = parts.signature, "trusted comment", false),
    (
        "no untrusted comment's mark",
        |parts| parts.untrusted = "comment: x".to_owned(),
        "line 1: expected",
        false,
    ),
    (
        "no trusted comment's mark",
        |parts| parts.trusted = "comment: 4.2.1".to_owned(),
        "line 3: expected",
        false,
    ),
    (
        "a mark without its blank",
        |parts| parts.untrusted = "untrusted comment:x".to_owned(),
        "line 1: expected",
        false,
    ),
    ("an empty untrusted comment", |parts| parts.untrusted = "untrusted comment: ".to_owned(), "good", false),
    ("NUL in the trusted comment", |parts| parts.trusted.push_str("\0x"), "U+0000", false),
    ("a comment behind CR that nobody signed", |parts| parts.trusted.push_str("\rmore"), "U+000D", true),
    ("CR in the untrusted comment", |parts| parts.untrusted.push_str("\rmore"), "U+000D", true),
    (
        "the longest untrusted comment",
        |parts| parts.untrusted = longest("untrusted comment: ", 1022),
        "good",
        false,
    ),
    ("a longer one", |parts| parts.untrusted = longest("untrusted comment: ", 1023), "at most 1022", false),
];

fn longest(start: &str, length: usize) -> String {
    format!("{start}{}", "x".repeat(length - start.len()))
}

fn assert_says(claim: &str, tried: Result<Tried, String>, says: &str) {
    match tried {
        Ok(Tried::Good(_)) => assert_eq!(says, "good", "{claim}"),
        Ok(Tried::Other) => assert_eq!(says, "other", "{claim}"),
        Ok(Tried::Bad(why)) | Err(why) => assert!(why.contains(says), "{claim}: {why}"),
    }
}

#[test]
fn one_thing_changed_is_told_as_what_it_is() {
    let Some(signer) = Signer::new() else { return };
    for options in [&["-t", "4.2.1"][..], &["-l", "-t", "4.2.1"]] {
        let good = Parts::of(&signer.sign(options));
        for (claim, change, says, stricter) in CASES {
            let mut parts = good.clone();
            change(&mut parts);
            assert_says(claim, signer.verdict(claim, &parts.file(), MESSAGE, *stricter), says);
        }
    }
}

/// The same for the text of a good file.
type TextCase = (&'static str, fn(&str) -> String, &'static str, bool);

const TEXTS: &[TextCase] = &[
    ("CR LF", |text| text.replace('\n', "\r\n"), "good", false),
    ("no last line break", |text| text.trim_end().to_owned(), "good", false),
    (
        "an empty line behind",
        |text| format!("{text}\n"),
        "four lines of a minisign signature, found more",
        true,
    ),
    ("a line behind", |text| format!("{text}# 4.2.2"), "found more", true),
    ("a second signature behind", |text| text.repeat(2), "found more", true),
    ("an empty line before", |text| format!("\n{text}"), "found more", false),
    ("a byte order mark", |text| format!("\u{feff}{text}"), "line 1: expected", false),
    ("no padding", |text| text.replace('=', ""), "base64", false),
    ("a blank behind the base64", |text| text.replace("=\n", "= \n"), "base64", false),
    ("base64 for addresses", |text| text.replacen("\nRU", "\nR-", 1), "base64", false),
    ("two line ends of which one is CR", |text| text.replace('\n', "\r\r\n"), "U+000D", false),
    (
        "a tab for a blank",
        |text| text.replace("trusted comment: ", "trusted comment:\t"),
        "line 1: expected",
        false,
    ),
    ("nothing", |_| String::new(), "found 1", false),
];

#[test]
fn one_form_is_read_to_its_end() {
    let Some(signer) = Signer::new() else { return };
    let good = String::from_utf8(signer.sign(&["-t", "4.2.1"])).unwrap();
    for (claim, change, says, stricter) in TEXTS {
        assert_says(claim, signer.verdict(claim, change(&good).as_bytes(), MESSAGE, *stricter), says);
    }
    let whole = good.len() - 1;
    for end in 0..whole {
        let cut = &good.as_bytes()[..end];
        let tried = verdict(&signer.public, cut, MESSAGE, at());
        assert!(tried.is_err(), "cut at {end}: {tried:?}");
    }
    let long = [good.as_bytes(), &vec![b'x'; 2 << 20]].concat();
    assert_says("2 MB", verdict(&signer.public, &long, MESSAGE, at()), "at most 1048576 bytes");
    assert_says("not text", verdict(&signer.public, b"untrusted comment: \xff\n", MESSAGE, at()), "UTF-8");
}

#[test]
fn a_comment_as_long_as_minisign_reads_is_read_and_no_longer_one() {
    let Some(signer) = Signer::new() else { return };
    let (key, number) = (PrivateKey::generate().unwrap(), [7; 8]);
    for (length, fits) in [(8190, true), (8191, false)] {
        let comment = "x".repeat(length - "trusted comment: ".len());
        let file = Parts::signed(&key, number, b"ED", &comment).file();
        let tried = verdict(&public(&key, number), &file, MESSAGE, at());
        assert_eq!(matches!(tried, Ok(Tried::Good(_))), fits, "{length}: {tried:?}");
        assert_eq!(signer.accepts(&public(&key, number), &file, MESSAGE), fits, "{length}");
    }
}

#[test]
fn another_key_under_the_same_id_is_bad_and_under_another_id_is_another() {
    let Some(signer) = Signer::new() else { return };
    let other = PrivateKey::generate().unwrap();
    let good = Parts::of(&signer.sign(&["-t", "4.2.1"]));
    let forged = Parts::signed(&other, good.number, b"ED", "4.2.1");
    assert_says("forged", signer.verdict("forged", &forged.file(), MESSAGE, false), "over these bytes");
    let foreign = Parts::signed(&other, [1; 8], b"ED", "4.2.1");
    assert_says("foreign", signer.verdict("foreign", &foreign.file(), MESSAGE, false), "other");
    let mut comment_by_other = good.clone();
    comment_by_other.global = other.sign(&[&good.signature, b"4.2.1".as_slice()].concat());
    assert_says(
        "comment",
        signer.verdict("comment", &comment_by_other.file(), MESSAGE, false),
        "trusted comment",
    );
    let mut of_another_file = good.clone();
    let second = Parts::of(&signer.sign(&["-l", "-t", "9.9.9"]));
    (of_another_file.trusted, of_another_file.global) = (second.trusted, second.global);
    assert_says("moved", signer.verdict("moved", &of_another_file.file(), MESSAGE, false), "trusted comment");
}

#[test]
fn a_scalar_that_is_not_reduced_is_bad() {
    /// The order of the group, least byte first (RFC 8032, section 5.1).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let Some(signer) = Signer::new() else { return };
    let mut parts = Parts::of(&signer.sign(&[]));
    let mut carry = 0;
    for (byte, order) in parts.signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_says("s + L", signer.verdict("s + L", &parts.file(), MESSAGE, false), "over these bytes");
}

#[test]
fn the_time_in_the_comment_informs_and_may_not_lie_ahead() {
    let (key, number) = (PrivateKey::generate().unwrap(), [0, 0, 0, 0, 0, 0, 0, 0xab]);
    let at: Time = "2026-01-20T12:00:00Z".parse().unwrap();
    let tried = |comment: &str| {
        verdict(&public(&key, number), &Parts::signed(&key, number, b"ED", comment).file(), MESSAGE, at)
    };
    for (comment, when) in [
        ("timestamp:1768910400\tfile:x", Some("2026-01-20T12:00:00Z")),
        ("file:x\ttimestamp:0", Some("1970-01-01T00:00:00Z")),
        ("timestamp:1768910700", Some("2026-01-20T12:05:00Z")),
        ("no timestamp:1768910400", None),
        ("timestamp:1\ttimestamp:2", None),
        ("timestamp:", None),
        ("timestamp:-1", None),
        ("timestamp:+1", None),
        ("timestamp:99999999999999999999", None),
        ("timestamp:9999999999999", None),
        ("", None),
    ] {
        let Ok(Tried::Good(said)) = tried(comment) else { panic!("{comment}") };
        assert_eq!(said.when.map(|time| time.to_string()).as_deref(), when, "{comment}");
    }
    assert_says(
        "ahead",
        tried("timestamp:1768910701"),
        "made by 2026-01-20T12:00:00Z, found one that says 2026-01-20T12:05:01Z",
    );
    let named = Credential::parse(&public(&key, number)).unwrap();
    assert_eq!(named.names(), ["AB00000000000000"]);
    assert_eq!(named.fingerprint(), key.public().unwrap().fingerprint());
    let renumbered = Credential::parse(&public(&key, [9; 8])).unwrap();
    assert_eq!(renumbered.fingerprint(), named.fingerprint(), "one key under two ids is one key");
}

#[test]
fn keys_are_read_in_minisigns_form_alone() {
    let Some(signer) = Signer::new() else { return };
    let line = signer.public.lines().nth(1).unwrap().to_owned();
    let whole = Credential::parse(&signer.public).unwrap();
    for text in [line.clone(), format!("\n{line}\n"), signer.public.replace('\n', "\r\n")] {
        assert_eq!(Credential::parse(&text).unwrap(), whole);
    }
    let weak = |point: [u8; 32]| STANDARD.encode([b"Ed".as_slice(), &[0; 8], &point].concat());
    let mut identity = [0; 32];
    identity[0] = 1;
    let body = STANDARD.decode(&line).unwrap();
    let changed = |at: usize, to: u8| {
        let mut body = body.clone();
        body[at] = to;
        STANDARD.encode(body)
    };
    for (claim, text, says) in [
        ("nothing", String::new(), "found nothing"),
        ("a word behind", format!("{line} x"), "RW..."),
        ("a line behind", format!("{}\nx", signer.public.trim_end()), "more than two lines"),
        ("two keys", format!("{line}\n{line}"), "two lines without it"),
        ("no padding where none is", format!("{line}="), "RW..."),
        ("a byte more", STANDARD.encode([body.clone(), vec![0]].concat()), "RW..."),
        ("a byte less", STANDARD.encode(&body[..41]), "RW..."),
        (
            "a signature's algorithm",
            changed(1, b'D'),
            "expected a key of algorithm `Ed` (Ed25519), found \"ED\"",
        ),
        ("a point of small order", weak(identity), "small order"),
        ("all zero", weak([0; 32]), "small order"),
        ("a PEM key", "-----BEGIN PUBLIC KEY-----".to_owned(), "RW..."),
    ] {
        let refused = Credential::parse(&text).unwrap_err().to_string();
        assert!(refused.contains(says), "{claim}: {refused}");
    }
    let secret = fs::read_to_string(signer.directory.path().join("key.sec")).unwrap();
    for text in [secret.as_str(), secret.lines().nth(1).unwrap()] {
        let refused = Credential::parse(text).unwrap_err();
        assert_eq!(refused, CredentialRefusal::SecretForPublic);
        assert!(!refused.to_string().contains(secret.lines().nth(1).unwrap()));
    }
}
