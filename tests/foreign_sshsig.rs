//! OpenSSH signatures: what `ssh-keygen -Y sign` makes counts, and with one thing changed it does not, for us nor for
//! `ssh-keygen -Y verify`.

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
use dropgate::digest::hex;
use dropgate::time::Time;
use dropgate::trust::detached::{Said, Tried};
use dropgate::trust::ed25519::PrivateKey;
use dropgate::trust::message::{Hash, Message, Needs};
use dropgate::trust::sshsig::{Credential, CredentialRefusal, Signature};
use sha2::{Digest as _, Sha256, Sha512};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const MESSAGE: &[u8] = b"the image of a radio unit\n";

fn at() -> Time {
    "2026-01-20T12:00:00Z".parse().unwrap()
}

/// A key pair that ssh-keygen made, and a directory to work in.
struct Signer {
    directory: TempDir,
    public: String,
}

impl Signer {
    fn new(options: &[&str]) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let key = directory.path().join("key");
        let make = ["-q", "-m", "PEM", "-N", "", "-C", "", "-f", key.to_str().unwrap()];
        if !have("ssh-keygen", &[&make, options].concat()) {
            return None;
        }
        let public = fs::read_to_string(directory.path().join("key.pub")).unwrap().trim_end().to_owned();
        fs::write(directory.path().join("message"), MESSAGE).unwrap();
        Some(Self { directory, public })
    }

    fn ed25519() -> Option<Self> {
        Self::new(&["-t", "ed25519"])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn sign(&self, namespace: &str, options: &[&str]) -> Vec<u8> {
        let _ = fs::remove_file(self.path("message.sig"));
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-Y", "sign", "-f", "key", "-n", namespace]).args(options).arg("message");
        let output = sign.current_dir(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read(self.path("message.sig")).unwrap()
    }

    fn fields(&self) -> Fields {
        Fields::of(&self.sign("file", &[]))
    }

    /// Signs with the key by openssl, for what ssh-keygen does not make.
    fn raw(&self, digest: &str, bytes: &[u8]) -> Vec<u8> {
        fs::write(self.path("raw"), bytes).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", digest, "-sign", "key", "raw"]).current_dir(self.directory.path());
        let output = openssl.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    }

    fn verdict(
        &self,
        claim: &str,
        signature: &[u8],
        message: &[u8],
        stricter: bool,
    ) -> Result<Tried, String> {
        compared(claim, &format!("me {}", self.public), signature, message, stricter)
    }
}

/// What ssh-keygen says of a signature for namespace `file` by a line of allowed signers for `me`.
fn accepts(line: &str, signature: &[u8], message: &[u8], options: &[&str]) -> bool {
    let directory = TempDir::new().unwrap();
    for (name, contents) in [("allowed", line.as_bytes()), ("its.sig", signature), ("its", message)] {
        fs::write(directory.path().join(name), contents).unwrap();
    }
    let mut verify = Command::new("ssh-keygen");
    verify.args(["-Y", "verify", "-f", "allowed", "-I", "me", "-n", "file", "-s", "its.sig"]).args(options);
    verify.stdin(Stdio::from(fs::File::open(directory.path().join("its")).unwrap()));
    verify.current_dir(directory.path()).output().unwrap().status.success()
}

fn verdict(line: &str, signature: &[u8], message: &[u8], at: Time) -> Result<Tried, String> {
    let signature = Signature::read(signature).map_err(|why| why.to_string())?;
    let message = Message::of(&signature.needs(), message);
    Ok(signature.check(&Credential::parse(line).map_err(|why| why.to_string())?, &message, at))
}

/// What both say, which is one thing unless `stricter`: then it is ours that refuses.
fn compared(
    claim: &str,
    line: &str,
    signature: &[u8],
    message: &[u8],
    stricter: bool,
) -> Result<Tried, String> {
    let ours = verdict(line, signature, message, at());
    let good = matches!(ours, Ok(Tried::Good(_)));
    let theirs = accepts(line, signature, message, &["-O", "verify-time=20260120120000Z"]);
    assert_eq!((good, theirs), (good, good != stricter), "{claim}: ours is {ours:?}");
    ours
}

fn assert_says(claim: &str, tried: Result<Tried, String>, says: &str) {
    match tried {
        Ok(Tried::Good(said)) => assert_eq!((says, said), ("good", Said::default()), "{claim}"),
        Ok(Tried::Other) => assert_eq!(says, "other", "{claim}"),
        Ok(Tried::Bad(why)) | Err(why) => assert!(why.contains(says), "{claim}: {why}"),
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn strings(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| string(part)).collect()
}

fn take<'b>(from: &mut &'b [u8]) -> &'b [u8] {
    let (length, rest) = from.split_first_chunk::<4>().unwrap();
    let (taken, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
    *from = rest;
    taken
}

/// A number as an `mpint`, from bytes that may begin with zeros.
fn mpint(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let sign: &[u8] = if bytes.get(start).is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    string(&[sign, &bytes[start..]].concat())
}

fn armored(blob: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(blob);
    let lines: Vec<&str> =
        text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n")).into_bytes()
}

fn blob(file: &[u8]) -> Vec<u8> {
    let text: String =
        std::str::from_utf8(file).unwrap().lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(text).unwrap()
}

/// A signature in parts, to change one.
#[derive(Clone)]
struct Fields {
    magic: Vec<u8>,
    version: u32,
    key: Vec<u8>,
    namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: Vec<u8>,
    kind: Vec<u8>,
    value: Vec<u8>,
    /// Behind the value: flags and counter of a security key.
    behind: Vec<u8>,
    tail: Vec<u8>,
}

impl Fields {
    fn of(file: &[u8]) -> Self {
        let blob = blob(file);
        let mut rest = &blob[10..];
        let [key, namespace, reserved, hash] =
            [take(&mut rest), take(&mut rest), take(&mut rest), take(&mut rest)].map(<[u8]>::to_vec);
        let mut signature = take(&mut rest);
        assert!(rest.is_empty() && blob[..10] == *b"SSHSIG\0\0\0\x01");
        let [kind, value] = [take(&mut signature), take(&mut signature)].map(<[u8]>::to_vec);
        let (magic, behind) = (b"SSHSIG".to_vec(), signature.to_vec());
        Self { magic, version: 1, key, namespace, reserved, hash, kind, value, behind, tail: Vec::new() }
    }

    fn blob(&self) -> Vec<u8> {
        let signature = [strings(&[&self.kind, &self.value]), self.behind.clone()].concat();
        let fields = strings(&[&self.key, &self.namespace, &self.reserved, &self.hash, &signature]);
        [self.magic.as_slice(), &self.version.to_be_bytes(), &fields, &self.tail].concat()
    }

    fn file(&self) -> Vec<u8> {
        armored(&self.blob())
    }

    /// What is signed of the message.
    fn signed(&self) -> Vec<u8> {
        let digest = if self.hash == b"sha256" {
            Sha256::digest(MESSAGE).to_vec()
        } else {
            Sha512::digest(MESSAGE).to_vec()
        };
        [self.magic.clone(), strings(&[&self.namespace, &self.reserved, &self.hash, &digest])].concat()
    }
}

const KINDS: [&[&str]; 5] = [
    &["-t", "ed25519"],
    &["-t", "ecdsa", "-b", "256"],
    &["-t", "ecdsa", "-b", "384"],
    &["-t", "rsa", "-b", "2048"],
    &["-t", "rsa", "-b", "3072"],
];

#[test]
fn what_openssh_signs_is_good_and_every_byte_of_it_counts() {
    for kind in KINDS {
        let Some(signer) = Signer::new(kind) else { return };
        for (options, hash) in [
            (&[][..], Hash::Sha512),
            (&["-O", "hashalg=sha256"], Hash::Sha256),
            (&["-O", "hashalg=sha512"], Hash::Sha512),
        ] {
            let file = signer.sign("file", options);
            assert_eq!(Signature::read(&file).unwrap().needs(), Needs::hashed(hash));
            assert_says("as made", signer.verdict("as made", &file, MESSAGE, false), "good");
            let changed = [MESSAGE, b"x"].concat();
            assert_says("message", signer.verdict("message", &file, &changed, false), "over these bytes");
            assert_says("empty", signer.verdict("empty", &file, b"", false), "over these bytes");
        }
        let good = signer.fields();
        assert_eq!(good.blob(), blob(&good.file()));
        let whole = good.blob();
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1 << (place % 8);
            let tried = verdict(&signer.public, &armored(&changed), MESSAGE, at());
            assert!(!matches!(tried, Ok(Tried::Good(_))), "{kind:?} byte {place}");
            let tried = verdict(&signer.public, &armored(&whole[..place]), MESSAGE, at());
            assert!(tried.is_err(), "{kind:?} cut at byte {place}: {tried:?}");
        }
        let file = good.file();
        for end in 0..file.len() - 1 {
            assert!(Signature::read(&file[..end]).is_err(), "{kind:?} cut at {end}");
        }
    }
}

#[test]
fn names_and_fingerprints_are_those_of_the_tools() {
    for kind in KINDS {
        let Some(signer) = Signer::new(kind) else { return };
        let run = |tool: &str, arguments: &[&str]| {
            let output =
                Command::new(tool).args(arguments).current_dir(signer.directory.path()).output().unwrap();
            assert!(output.status.success(), "{tool}: {output:?}");
            output.stdout
        };
        let listed = String::from_utf8(run("ssh-keygen", &["-l", "-f", "key.pub"])).unwrap();
        let credential = Credential::parse(&signer.public).unwrap();
        assert_eq!(credential.names(), [listed.split(' ').nth(1).unwrap()]);
        assert_eq!(credential.names(), [Signature::read(&signer.sign("file", &[])).unwrap().signer_named()]);
        if kind[1] == "ed25519" || !have("openssl", &["version"]) {
            continue;
        }
        fs::write(signer.path("key.spki"), run("ssh-keygen", &["-e", "-m", "PKCS8", "-f", "key.pub"]))
            .unwrap();
        let der = run("openssl", &["pkey", "-pubin", "-in", "key.spki", "-outform", "DER"]);
        assert_eq!(credential.fingerprint(), hex(&Sha256::digest(der)), "{kind:?}");
    }
    let key = PrivateKey::generate().unwrap().public().unwrap();
    let blob = strings(&[b"ssh-ed25519", &key.to_bytes()]);
    let credential = Credential::parse(&format!("ssh-ed25519 {}", STANDARD.encode(blob))).unwrap();
    assert_eq!(credential.fingerprint(), key.fingerprint());
}

/// What is done to a good signature by Ed25519, what comes of it, and whether ssh-keygen lets it through.
type Case = (&'static str, fn(&mut Fields), &'static str, bool);

const CASES: &[Case] = &[
    ("another magic", |fields| fields.magic = b"SSHSIH".to_vec(), "expected \"SSHSIG\" and version 1", false),
    ("version 2", |fields| fields.version = 2, "expected \"SSHSIG\" and version 1", false),
    ("version 0", |fields| fields.version = 0, "expected \"SSHSIG\" and version 1", true),
    ("another namespace", |fields| fields.namespace = b"git".to_vec(), "over these bytes", false),
    ("an empty namespace", |fields| fields.namespace.clear(), "namespace: expected a name", false),
    (
        "a namespace that is no text",
        |fields| fields.namespace = vec![0xff],
        "namespace: expected a name",
        false,
    ),
    (
        "text in the reserved field",
        |fields| fields.reserved = b"x".to_vec(),
        "reserved: expected nothing, found 1 byte",
        true,
    ),
    ("the other hash", |fields| fields.hash = b"sha256".to_vec(), "over these bytes", false),
    ("SHA-1", |fields| fields.hash = b"sha1".to_vec(), "hash: expected \"sha256\" or \"sha512\"", false),
    ("a hash in capitals", |fields| fields.hash = b"SHA512".to_vec(), "hash: expected", false),
    ("a byte behind", |fields| fields.tail = vec![0], "at field \"end\"", false),
    ("a byte behind the value", |fields| fields.behind = vec![0], "and nothing else", false),
    ("a value that is too long", |fields| fields.value.push(0), "and nothing else", false),
    ("a value that is too short", |fields| fields.value.truncate(63), "and nothing else", false),
    ("no value", |fields| fields.value.clear(), "and nothing else", false),
    (
        "the value of another type",
        |fields| fields.kind = b"ssh-rsa".to_vec(),
        "of type ssh-ed25519, found \"ssh-rsa\"",
        false,
    ),
    (
        "an unknown type of key",
        |fields| fields.key = strings(&[b"ssh-ed448", &[7; 57]]),
        "public key: expected a key of type",
        false,
    ),
    (
        "a type of key with NUL",
        |fields| fields.key = strings(&[b"ssh-ed25519\0", &[7; 32]]),
        "public key: expected",
        false,
    ),
    (
        "a certificate",
        |fields| fields.key = strings(&[b"ssh-ed25519-cert-v01@openssh.com", b""]),
        "found the certificate",
        false,
    ),
    (
        "a key of small order",
        |fields| fields.key = strings(&[b"ssh-ed25519", &[0; 32]]),
        "small order",
        false,
    ),
    ("a key with a byte behind", |fields| fields.key.push(0), "public key: expected the fields", false),
    ("no key", |fields| fields.key.clear(), "public key: expected", false),
];

#[test]
fn one_thing_changed_is_told_as_what_it_is() {
    let Some(signer) = Signer::ed25519() else { return };
    let good = signer.fields();
    for (claim, change, says, stricter) in CASES {
        let mut fields = good.clone();
        change(&mut fields);
        assert_says(claim, signer.verdict(claim, &fields.file(), MESSAGE, *stricter), says);
    }
    let other = Signer::ed25519().unwrap();
    assert_says(
        "another key's",
        signer.verdict("another key's", &other.fields().file(), MESSAGE, false),
        "other",
    );
    let mut forged = other.fields();
    forged.key.clone_from(&good.key);
    assert_says("forged", signer.verdict("forged", &forged.file(), MESSAGE, false), "over these bytes");
}

/// The same for the text of a good file.
type TextCase = (&'static str, fn(&str) -> String, &'static str, bool);

const TEXTS: &[TextCase] = &[
    ("CR LF", |text| text.replace('\n', "\r\n"), "nothing before or behind", false),
    ("no last line break", |text| text.trim_end().to_owned(), "good", false),
    (
        "one long line",
        |text| {
            let lines: Vec<&str> = text.lines().collect();
            let [begin, base64 @ .., end] = lines.as_slice() else { panic!("{text}") };
            format!("{begin}\n{}\n{end}\n", base64.concat())
        },
        "good",
        false,
    ),
    ("text behind", |text| format!("{text}# 4.2.2\n"), "nothing before or behind", true),
    ("an empty line behind", |text| format!("{text}\n"), "nothing before or behind", true),
    ("two signatures", |text| text.repeat(2), "base64", true),
    ("text before", |text| format!("# 4.2.2\n{text}"), "nothing before or behind", false),
    ("an empty line within", |text| text.replacen('\n', "\n\n", 1), "nothing before or behind", true),
    ("a blank within", |text| text.replacen("U1NIU0", "U1NI U0", 1), "base64", true),
    ("a header within", |text| text.replacen('\n', "\nComment: x\n", 1), "base64", false),
    (
        "another label",
        |text| text.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        "nothing before or behind",
        false,
    ),
    ("nothing", |_| String::new(), "nothing before or behind", false),
    (
        "the lines that mark it alone",
        |_| "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n".to_owned(),
        "version 1",
        false,
    ),
];

#[test]
fn one_form_is_read_to_its_end() {
    let Some(signer) = Signer::ed25519() else { return };
    let good = String::from_utf8(signer.sign("file", &[])).unwrap();
    for (claim, change, says, stricter) in TEXTS {
        assert_says(claim, signer.verdict(claim, change(&good).as_bytes(), MESSAGE, *stricter), says);
    }
    let mut lying = blob(good.as_bytes());
    lying[10..14].copy_from_slice(&[0xff; 4]);
    assert_says(
        "a length of 4 GB",
        signer.verdict("length", &armored(&lying), MESSAGE, false),
        "\"public key\"",
    );
    let long = vec![b'x'; 2 << 20];
    assert_says("2 MB", verdict(&signer.public, &long, MESSAGE, at()), "at most 1048576 bytes");
}

#[test]
fn a_namespace_is_only_what_the_operator_lists() {
    let Some(signer) = Signer::ed25519() else { return };
    let git = signer.sign("git", &[]);
    let file = signer.sign("file", &[]);
    let line = |namespaces: &str| format!("me namespaces=\"{namespaces}\" {}", signer.public);
    for (claim, line, signature, says) in [
        (
            "a bare key is for files",
            signer.public.clone(),
            &git,
            "for namespace \"file\", found one for \"git\"",
        ),
        ("a line without namespaces too", format!("me {}", signer.public), &git, "found one for \"git\""),
        ("one that is listed", line("git"), &git, "good"),
        ("one of two", line("file,git"), &git, "good"),
        ("none of two", line("git,mail"), &file, "for namespace \"git, mail\", found one for \"file\""),
        ("the beginning of one", line("fil"), &file, "for namespace \"fil\""),
        ("more than one", line("files"), &file, "for namespace \"files\""),
        ("in capitals", line("FILE"), &file, "for namespace \"FILE\""),
    ] {
        assert_says(claim, verdict(&line, signature, MESSAGE, at()), says);
    }
}

#[test]
fn validity_is_judged_at_the_time_of_judgement_as_openssh_does() {
    let Some(signer) = Signer::ed25519() else { return };
    let file = signer.sign("file", &[]);
    for (options, time, says) in [
        ("valid-after=\"20260101Z\"", "20260101000000", "good"),
        ("valid-after=\"20260101Z\"", "20251231235959", "found valid-after 2026-01-01T00:00:00Z"),
        ("valid-before=\"202601010030Z\"", "20260101003000", "good"),
        ("valid-before=\"20260101003015Z\"", "20260101003016", "found valid-before 2026-01-01T00:30:15Z"),
        ("valid-after=\"20260101Z\",valid-before=\"20270101Z\"", "20260601000000", "good"),
        ("namespaces=\"file\",valid-before=\"20260101Z\"", "20260601000000", "found valid-before"),
    ] {
        let line = format!("me {options} {}", signer.public);
        let part = |from: usize| &time[from..from + 2];
        let [month, day, hour, minute, second] = [part(4), part(6), part(8), part(10), part(12)];
        let at = format!("{}-{month}-{day}T{hour}:{minute}:{second}Z", &time[..4]).parse().unwrap();
        assert_says(options, verdict(&line, &file, MESSAGE, at), says);
        let theirs = accepts(&line, &file, MESSAGE, &["-O", &format!("verify-time={time}Z")]);
        assert_eq!(theirs, says == "good", "{options} at {time}");
    }
}

#[test]
fn rsa_signs_by_sha_2_alone() {
    let Some(signer) = Signer::new(&["-t", "rsa", "-b", "2048"]) else { return };
    if !have("openssl", &["version"]) {
        return;
    }
    let good = signer.fields();
    let by = |kind: &str, digest: &str| {
        let fields = Fields { kind: kind.as_bytes().to_vec(), ..good.clone() };
        Fields { value: signer.raw(digest, &fields.signed()), ..fields }.file()
    };
    for (claim, file, says) in [
        ("SHA-512", by("rsa-sha2-512", "-sha512"), "good"),
        ("SHA-256", by("rsa-sha2-256", "-sha256"), "good"),
        ("SHA-256 said to be SHA-512", by("rsa-sha2-512", "-sha256"), "over these bytes"),
        ("SHA-512 said to be SHA-256", by("rsa-sha2-256", "-sha512"), "over these bytes"),
        (
            "SHA-1",
            by("ssh-rsa", "-sha1"),
            "expected a signature of type rsa-sha2-256 or rsa-sha2-512, found \"ssh-rsa\"",
        ),
        ("SHA-384", by("rsa-sha2-384", "-sha384"), "found \"rsa-sha2-384\""),
    ] {
        assert_says(claim, signer.verdict(claim, &file, MESSAGE, false), says);
    }
    let longer = Fields { value: [&[0], good.value.as_slice()].concat(), ..good.clone() };
    assert_says(
        "a zero more",
        signer.verdict("a zero more", &longer.file(), MESSAGE, false),
        "over these bytes",
    );
    let empty = Fields { value: Vec::new(), ..good.clone() };
    assert_says("nothing", signer.verdict("nothing", &empty.file(), MESSAGE, false), "over these bytes");
    let one = Fields { value: [vec![0; 255], vec![1]].concat(), ..good };
    assert_says("1", signer.verdict("1", &one.file(), MESSAGE, false), "over these bytes");
}

#[test]
fn an_rsa_exponent_of_3_leaves_no_room_for_another_padding() {
    let Some(mut signer) = Signer::new(&["-t", "rsa", "-b", "2048"]) else { return };
    if !have("openssl", &["version"]) {
        return;
    }
    let before = signer.fields();
    fs::remove_file(signer.path("key")).unwrap();
    let run = |tool: &str, arguments: &[&str]| {
        // ssh-keygen reads no private key that others may read.
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 077; \"$0\" \"$@\"", tool]).args(arguments);
        let output = shell.current_dir(signer.directory.path()).output().unwrap();
        assert!(output.status.success(), "{tool}: {output:?}");
        output.stdout
    };
    let pkey = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_pubexp:3", "-out", "key"];
    run("openssl", &pkey);
    let public = String::from_utf8(run("ssh-keygen", &["-y", "-f", "key"])).unwrap();
    let mut fields = before;
    fields.key = STANDARD.decode(public.split_whitespace().nth(1).unwrap()).unwrap();
    public.trim_end().clone_into(&mut signer.public);
    fields.value = signer.raw("-sha512", &fields.signed());
    assert_says("as made", signer.verdict("as made", &fields.file(), MESSAGE, false), "good");
    if have("python3", &["--version"]) {
        // A number whose cube begins with a short padding and the right digest, and ends in anything (Bleichenbacher 2006).
        let root = "import sys; n = int(sys.argv[1], 16) << 1552; low, high = 0, 1 << 700\n\
                    while low < high: m = (low + high) // 2; low, high = (m + 1, high) if m ** 3 < n else (low, m)\n\
                    assert low ** 3 >> 1552 == n >> 1552; print(low.to_bytes(256, 'big').hex())";
        fields.kind = b"rsa-sha2-256".to_vec();
        let info = "3031300d060960864801650304020105000420";
        let padded = format!("0001{}00{info}{}", "ff".repeat(8), hex(&Sha256::digest(fields.signed())));
        assert_eq!(padded.len() / 2 * 8 + 1552, 2048);
        let cube = String::from_utf8(run("python3", &["-c", root, &padded])).unwrap();
        let value = (0..256).map(|at| u8::from_str_radix(&cube[2 * at..2 * at + 2], 16).unwrap()).collect();
        let forged = Fields { value, ..fields.clone() };
        assert_says("forged", signer.verdict("forged", &forged.file(), MESSAGE, false), "over these bytes");
        fields.kind = b"rsa-sha2-512".to_vec();
    }
    let pss = ["-sha512", "-sigopt", "rsa_padding_mode:pss"];
    fs::write(signer.path("raw"), fields.signed()).unwrap();
    let arguments = [&["dgst"], pss.as_slice(), &["-sign", "key", "raw"]].concat();
    let output =
        Command::new("openssl").args(arguments).current_dir(signer.directory.path()).output().unwrap();
    let forged = Fields { value: output.stdout, ..fields };
    assert_says("PSS", signer.verdict("PSS", &forged.file(), MESSAGE, false), "over these bytes");
}

/// The order of P-256 (SEC 2, section 2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// `a - b`, or `a + b`, of numbers of as many bytes.
fn combined(a: &[u8], b: &[u8], minus: bool) -> Vec<u8> {
    let mut carry = 0;
    let mut result: Vec<u8> = Vec::new();
    for (a, b) in a.iter().rev().zip(b.iter().rev()) {
        let (a, b) = (i32::from(*a), i32::from(*b));
        let sum = a + carry + if minus { -b } else { b };
        carry = sum >> 8;
        result.push((sum & 0xff) as u8);
    }
    result.extend((!minus && carry > 0).then_some(1));
    result.reverse();
    result
}

#[test]
fn ecdsa_takes_two_numbers_in_range_in_their_one_spelling() {
    let Some(signer) = Signer::new(&["-t", "ecdsa", "-b", "256"]) else { return };
    let good = signer.fields();
    let mut value = good.value.as_slice();
    let [r, s] = [take(&mut value), take(&mut value)].map(|number| {
        let start = usize::from(number[0] == 0);
        [vec![0; 32 - (number.len() - start)], number[start..].to_vec()].concat()
    });
    let (high, over) = (combined(&ORDER, &s, true), combined(&r, &ORDER, false));
    let wide = string(&[vec![0], r.clone()].concat());
    let negative = string(&[&[0x80], r.as_slice()].concat());
    for (claim, value, says) in [
        ("as made", [mpint(&r), mpint(&s)].concat(), "good"),
        ("n - s, which OpenSSH makes as often", [mpint(&r), mpint(&high)].concat(), "good"),
        ("r for s", [mpint(&s), mpint(&r)].concat(), "over these bytes"),
        ("r + n", [mpint(&over), mpint(&s)].concat(), ""),
        ("r of n", [mpint(&ORDER), mpint(&s)].concat(), "over these bytes"),
        ("r of zero", [mpint(&[]), mpint(&s)].concat(), "and nothing else"),
        ("s of zero", [mpint(&r), mpint(&[])].concat(), "and nothing else"),
        ("zero and zero", [mpint(&[]), mpint(&[])].concat(), "and nothing else"),
        ("a negative r", [negative, mpint(&s)].concat(), "and nothing else"),
        ("one number", mpint(&r), "and nothing else"),
        ("a byte behind", [mpint(&r), mpint(&s), vec![0]].concat(), "and nothing else"),
        ("64 bytes", [r.clone(), s.clone()].concat(), "and nothing else"),
    ] {
        let fields = Fields { value, ..good.clone() };
        assert_says(claim, signer.verdict(claim, &fields.file(), MESSAGE, false), says);
    }
    let fields =
        Fields { value: [string(&[vec![0], wide[4..].to_vec()].concat()), mpint(&s)].concat(), ..good };
    assert_says("zeros before", verdict(&signer.public, &fields.file(), MESSAGE, at()), "and nothing else");
}

#[test]
fn a_security_key_must_have_been_touched() {
    let key = PrivateKey::generate().unwrap();
    let blob = strings(&[b"sk-ssh-ed25519@openssh.com", &key.public().unwrap().to_bytes(), b"ssh:"]);
    let line = format!("me sk-ssh-ed25519@openssh.com {}", STANDARD.encode(&blob));
    let mut fields = Fields {
        magic: b"SSHSIG".to_vec(),
        version: 1,
        key: blob,
        namespace: b"file".to_vec(),
        reserved: Vec::new(),
        hash: b"sha512".to_vec(),
        kind: b"sk-ssh-ed25519@openssh.com".to_vec(),
        value: Vec::new(),
        behind: Vec::new(),
        tail: Vec::new(),
    };
    let by = |fields: &Fields, flags: u8, counter: [u8; 4]| {
        let signed =
            [Sha256::digest(b"ssh:").as_slice(), &[flags], &counter, &Sha256::digest(fields.signed())]
                .concat();
        let behind = [&[flags], counter.as_slice()].concat();
        Fields { value: key.sign(&signed).to_vec(), behind, ..fields.clone() }
    };
    let touched = by(&fields, 1, [0, 0, 0, 9]);
    assert_says("touched", verdict(&line, &touched.file(), MESSAGE, at()), "good");
    assert_says("with a PIN", verdict(&line, &by(&fields, 5, [0; 4]).file(), MESSAGE, at()), "good");
    assert_says(
        "alone",
        verdict(&line, &by(&fields, 0, [0; 4]).file(), MESSAGE, at()),
        "expected that somebody touched",
    );
    let mut flagged = by(&fields, 0, [0; 4]);
    flagged.behind[0] = 1;
    assert_says("flag added", verdict(&line, &flagged.file(), MESSAGE, at()), "over these bytes");
    let mut counted = touched.clone();
    counted.behind[4] ^= 1;
    assert_says("counter", verdict(&line, &counted.file(), MESSAGE, at()), "over these bytes");
    for end in 0..5 {
        let cut = Fields { behind: touched.behind[..end].to_vec(), ..touched.clone() };
        assert_says("cut", verdict(&line, &cut.file(), MESSAGE, at()), "and nothing else");
    }
    let plain =
        Fields { value: key.sign(&fields.signed()).to_vec(), behind: vec![1, 0, 0, 0, 0], ..fields.clone() };
    assert_says("plain", verdict(&line, &plain.file(), MESSAGE, at()), "over these bytes");
    fields.key = strings(&[b"sk-ssh-ed25519@openssh.com", &key.public().unwrap().to_bytes(), b"ssh:x"]);
    assert_says(
        "another application",
        verdict(&line, &by(&fields, 1, [0; 4]).file(), MESSAGE, at()),
        "other",
    );
    if have("sh", &["-c", "command -v ssh-keygen"]) {
        assert!(accepts(&line, &touched.file(), MESSAGE, &[]), "ssh-keygen takes it for one too");
    }
}

#[test]
fn lines_of_allowed_signers_are_read_whole_or_refused() {
    let Some(signer) = Signer::ed25519() else { return };
    let key = signer.public.as_str();
    let good = Credential::parse(key).unwrap();
    for line in [
        format!("{key} Acme releases"),
        format!("{key}\n"),
        format!("me {key}"),
        format!("me,you@acme.example\t{key} \"quotes\" in a comment"),
        format!("*@acme.example namespaces=\"file\"  {key}"),
    ] {
        assert_eq!(Credential::parse(&line).unwrap(), good, "{line}");
    }
    let blob = key.split(' ').nth(1).unwrap();
    let with = |options: &str| format!("me {options} {key}");
    for (claim, line, says) in [
        ("nothing", " \n".to_owned(), "expected one line, with one key; found nothing"),
        ("two lines", format!("{key}\n{key}"), "found more than one"),
        ("a comment", format!("# {key}\nme {key}"), "found more than one"),
        ("no key", "me".to_owned(), "found no such type"),
        ("options and no key", "me namespaces=\"file\"".to_owned(), "found no such type"),
        ("a type alone", "ssh-ed25519".to_owned(), "expected the fields of a key|expected a key of type"),
        ("base64 alone", blob.to_owned(), "found no such type"),
        ("damaged base64", format!("ssh-ed25519 {}", &blob[1..]), "expected the key in base64"),
        (
            "a type that is not the key's",
            format!("ssh-rsa {blob}"),
            "of type ssh-rsa as the line says, found one of type ssh-ed25519",
        ),
        ("a principal that is left out", format!("*,!bob {key}"), "without `!`"),
        ("a certificate authority", with("cert-authority"), "found `cert-authority`"),
        ("one behind", with("namespaces=\"file\",cert-authority"), "found `cert-authority`"),
        ("one before", with("cert-authority,namespaces=\"file\""), "found `cert-authority`"),
        ("an unknown option", with("no-touch-required"), "expected the options"),
        ("an unknown option behind", with("namespaces=\"file\",zos"), "expected the options"),
        ("an option twice", with("namespaces=\"file\",namespaces=\"git\""), "expected the options"),
        ("an option without quotes", with("namespaces=file"), "expected the options"),
        ("an open quote", "me namespaces=\"file ssh-ed25519 AAAA".to_owned(), "found no such type"),
        ("a comma at the end", with("namespaces=\"file\","), "expected the options"),
        ("no comma", with("namespaces=\"file\"valid-after=\"20260101Z\""), "expected the options"),
        ("an option in capitals", with("NAMESPACES=\"file\""), "expected the options"),
        ("a quote in quotes", with("namespaces=\"fi\\\"le\""), "found no such type"),
        ("a pattern", with("namespaces=\"*\""), "namespaces: expected names"),
        ("a pattern of one letter", with("namespaces=\"fil?\""), "namespaces: expected names"),
        ("one that is left out", with("namespaces=\"file,!git\""), "namespaces: expected names"),
        ("no namespace", with("namespaces=\"\""), "namespaces: expected names"),
        ("an empty namespace", with("namespaces=\"file,\""), "namespaces: expected names"),
        ("a blank in a namespace", with("namespaces=\"file, git\""), "namespaces: expected names"),
        ("a time of no zone", with("valid-after=\"20260101\""), "valid-after: expected YYYYMMDDZ"),
        ("half a time", with("valid-before=\"2026010112Z\""), "valid-before: expected YYYYMMDDZ"),
        ("a day that is none", with("valid-before=\"20260230Z\""), "valid-before: expected YYYYMMDDZ"),
        ("a time in another form", with("valid-before=\"2026-01-01Z\""), "valid-before: expected YYYYMMDDZ"),
        (
            "never valid",
            with("valid-after=\"20260101Z\",valid-before=\"20260101Z\""),
            "expected a time after valid-after",
        ),
    ] {
        let refused = Credential::parse(&line).expect_err(claim).to_string();
        assert!(says.split('|').any(|says| refused.contains(says)), "{claim}: {refused}");
    }
    let private = fs::read_to_string(signer.path("key")).unwrap();
    assert_eq!(Credential::parse(&private), Err(CredentialRefusal::PrivateForPublic));
}

#[test]
fn weak_and_foreign_keys_are_refused_when_they_are_loaded() {
    for (kind, says) in [
        (&["-t", "rsa", "-b", "1024"][..], "expected an RSA key of 2048 to 8192 bits, found 1024"),
        (&["-t", "ecdsa", "-b", "521"], "expected a key of type"),
    ] {
        let Some(signer) = Signer::new(kind) else { return };
        let refused = Credential::parse(&signer.public).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
        assert!(Signature::read(&signer.sign("file", &[])).is_err());
    }
    let Some(signer) = Signer::ed25519() else { return };
    let mut certify = Command::new("ssh-keygen");
    certify.args(["-q", "-s", "key", "-I", "me", "-n", "me", "key.pub"]).current_dir(signer.directory.path());
    assert!(certify.status().unwrap().success());
    let certificate = fs::read_to_string(signer.path("key-cert.pub")).unwrap();
    let refused = Credential::parse(&certificate).unwrap_err().to_string();
    assert!(refused.contains("found the certificate \"ssh-ed25519-cert-v01@openssh.com\""), "{refused}");
    let rsa = |exponent: &[u8], modulus: &[u8]| {
        let blob = [string(b"ssh-rsa"), mpint(exponent), mpint(modulus)].concat();
        format!("ssh-rsa {}", STANDARD.encode(blob))
    };
    let odd = [vec![0xc0; 255], vec![1]].concat();
    let zero_led = [string(b"ssh-rsa"), mpint(&[3]), string(&[&[0, 0], odd.as_slice()].concat())].concat();
    let identity = [vec![1], vec![0; 31]].concat();
    let off = [vec![4], vec![1; 62]].concat();
    for (claim, line, says) in [
        ("an even modulus", rsa(&[1, 0, 1], &[0xc0; 256]), "odd modulus"),
        ("an even exponent", rsa(&[1, 0, 0], &odd), "odd exponent"),
        ("an exponent of 1", rsa(&[1], &odd), "odd exponent"),
        ("an exponent of five bytes", rsa(&[1, 0, 0, 0, 1], &odd), "odd exponent"),
        ("a modulus of 8193 bits", rsa(&[3], &[vec![1], vec![1; 1024]].concat()), "found 8193"),
        ("a modulus of 2047 bits", rsa(&[3], &[vec![0x40], vec![1; 255]].concat()), "found 2047"),
        ("a second spelling", format!("ssh-rsa {}", STANDARD.encode(zero_led)), "expected the fields"),
        (
            "small order",
            format!("ssh-ed25519 {}", STANDARD.encode(strings(&[b"ssh-ed25519", &identity]))),
            "small order",
        ),
        (
            "a short point",
            format!(
                "ecdsa-sha2-nistp256 {}",
                STANDARD.encode(strings(&[b"ecdsa-sha2-nistp256", b"nistp256", &off]))
            ),
            "expected the fields",
        ),
        (
            "another curve's name",
            format!(
                "ecdsa-sha2-nistp256 {}",
                STANDARD.encode(strings(&[b"ecdsa-sha2-nistp256", b"nistp384", &[4; 65]]))
            ),
            "expected the fields",
        ),
    ] {
        let refused = Credential::parse(&line).expect_err(claim).to_string();
        assert!(refused.contains(says), "{claim}: {refused}");
    }
    assert!(Credential::parse(&rsa(&[3], &odd)).is_ok(), "an exponent of 3 is no fault of the key's");
}
