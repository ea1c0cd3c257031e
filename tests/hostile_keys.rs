//! Keys that must not count, and trust stores that must not load.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::string_slice,
    clippy::expect_used,
    clippy::type_complexity
)]

mod common;

use common::{Scene, Verdict, base64, fixture, have};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A gate in the scene's home with this trust store and, where given, this start.toml.
fn with_trust(scene: &mut Scene, trust: &str, start: Option<&str>) {
    let home = scene.home.path();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").display().to_string();
    fs::write(home.join("trust.toml"), trust).unwrap();
    let first = match start {
        Some(text) => {
            fs::write(home.join("start.toml"), text).unwrap();
            home.join("start.toml").display().to_string()
        }
        None => format!("{policies}/start.toml"),
    };
    scene.gate = home.join("gate.toml");
    let gate = format!(
        "version = 1\noperator = \"Example Telecom\"\ntrust = \"{}/trust.toml\"\n\
         policies = [\"{first}\", \"{}\"]\n",
        home.display(),
        fixture("gate/tester.toml").display()
    );
    fs::write(&scene.gate, gate).unwrap();
}

fn loaded(trust: &str) -> Verdict {
    let mut scene = Scene::good();
    with_trust(&mut scene, trust, None);
    scene.verify()
}

/// The trust store is refused, and the fault is shown at the line that holds `place`, underlined.
#[track_caller]
fn refused(claim: &str, trust: &str, place: &str, said: &[&str]) {
    let verdict = loaded(trust);
    let line = match trust.rfind(place) {
        Some(at) => trust[..at].matches('\n').count() + 1,
        None => panic!("{claim}: {place:?} is not in {trust}"),
    };
    verdict.undecided(claim, &format!("trust.toml:{line}:"));
    assert!(verdict.stderr.contains('^'), "{claim}: {}", verdict.stderr);
    for said in said {
        assert!(verdict.stderr.contains(said), "{claim}: {said:?} is not in\n{}", verdict.stderr);
    }
}

fn entry(id: &str, key: &str) -> String {
    format!(
        "[[key]]\nid = \"{id}\"\npublic-key-file = \"{}\"\nowner = \"Owner of {id}\"\nparty = \"vendor\"\n\
         vendor = \"Acme Networks\"\nroles = [\"release\"]\nvalid-from = 2026-01-01T00:00:00Z\n\
         valid-until = 2125-01-01T00:00:00Z\n",
        fixture(&format!("keys/{key}.pub.pem")).display()
    )
}

fn tester() -> String {
    entry("lab", "lab")
        .replace("\"vendor\"\n", "\"lab\"\n")
        .replace("vendor = \"Acme Networks\"\n", "")
        .replace("release", "test")
}

fn one() -> String {
    format!("version = 1\n{}", entry("one", "acme-release"))
}

fn two() -> String {
    format!("{}{}", one(), entry("two", "acme-release-second"))
}

#[test]
fn the_stores_that_these_tests_break_are_whole() {
    for trust in [one(), two()] {
        let verdict = loaded(&trust);
        assert_eq!(verdict.exit, 1, "{}", verdict.stderr);
    }
    loaded(&format!("{}{}", one(), tester())).accepted();
}

#[test]
fn a_store_that_could_let_a_key_count_in_the_wrong_place_does_not_load() {
    // What is replaced stands once, or in the second entry last: the last place is where the fault is shown.
    let cases: &[(&str, String, &str, &str, &str, &[&str])] = &[
        ("unknown role", one(), "\"release\"", "\"relaese\"", "relaese", &["did you mean \"release\"?"]),
        ("no role", one(), "[\"release\"]", "[]", "roles", &["not empty"]),
        ("role twice", one(), "[\"release\"]", "[\"release\", \"release\"]", "roles", &["repeated"]),
        ("unknown party", one(), "\"vendor\"", "\"vender\"", "vender", &["did you mean \"vendor\"?"]),
        (
            "unknown key",
            one(),
            "owner = ",
            "ownr = ",
            "ownr",
            &["unknown key `ownr`", "did you mean `owner`?", "missing key `owner`"],
        ),
        (
            "unknown key at the top",
            one(),
            "version = 1\n",
            "version = 1\nkeys = 1\n",
            "keys = 1",
            &["unknown key `keys`"],
        ),
        ("another version", one(), "version = 1", "version = 2", "version", &["from 1 to 1"]),
        (
            "no validity",
            one(),
            "valid-until = 2125-01-01T00:00:00Z\n",
            "",
            "[[key]]",
            &["missing key `valid-until`"],
        ),
        (
            "vendor missing",
            one(),
            "vendor = \"Acme Networks\"\n",
            "",
            "[[key]]",
            &["does not say which vendor"],
        ),
        ("vendor empty", one(), "\"Acme Networks\"", "\"\"", "vendor = \"\"", &["not empty"]),
        ("no products", one(), "roles = ", "products = []\nroles = ", "products", &["not empty"]),
        (
            "a vendor for somebody who is none",
            one(),
            "\"vendor\"",
            "\"lab\"",
            "vendor = ",
            &["only a vendor's key"],
        ),
        ("release by the provider", one(), "\"vendor\"", "\"provider\"", "roles", &["the vendor's alone"]),
        ("release by a lab", one(), "\"vendor\"", "\"lab\"", "roles", &["the vendor's alone"]),
        ("approval by a vendor", one(), "\"release\"", "\"approval\"", "roles", &["the provider's alone"]),
        ("waiver by a vendor", one(), "\"release\"", "\"waiver\"", "roles", &["the provider's alone"]),
        (
            "end before begin",
            one(),
            "2125-01-01T00:00:00Z",
            "2025-01-01T00:00:00Z",
            "valid-until",
            &["never valid"],
        ),
        (
            "end at begin",
            one(),
            "2125-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "valid-until",
            &["never valid"],
        ),
        (
            "end before begin, in another zone",
            one(),
            "2125-01-01T00:00:00Z",
            "2026-01-01T01:00:00+02:00",
            "valid-until",
            &["never valid"],
        ),
        (
            "local date-time",
            one(),
            "2125-01-01T00:00:00Z",
            "2125-01-01T00:00:00",
            "valid-until",
            &["the zone is missing", "2125-01-01T00:00:00Z"],
        ),
        ("a date alone", one(), "2026-01-01T00:00:00Z", "2026-01-01", "valid-from", &["RFC 3339"]),
        (
            "a revocation without reason",
            one(),
            "roles = ",
            "revoked = { at = 2026-01-01T00:00:00Z }\nroles = ",
            "revoked",
            &["missing key `reason`"],
        ),
        (
            "a revocation for an unknown reason",
            one(),
            "roles = ",
            "revoked = { at = 2026-01-01T00:00:00Z, reason = \"lost\" }\nroles = ",
            "revoked",
            &["\"compromised\", \"retired\""],
        ),
        (
            "a revocation without time",
            one(),
            "roles = ",
            "revoked = { reason = \"retired\" }\nroles = ",
            "revoked",
            &["missing key `at`"],
        ),
        (
            "a revocation that is none",
            one(),
            "roles = ",
            "revoked = true\nroles = ",
            "revoked",
            &["expected a table"],
        ),
        (
            "a misspelled revocation",
            one(),
            "roles = ",
            "revokd = { at = 2026-01-01T00:00:00Z, reason = \"retired\" }\nroles = ",
            "revokd",
            &["did you mean `revoked`?"],
        ),
        (
            "no key file",
            one(),
            "acme-release.pub.pem",
            "none.pub.pem",
            "none",
            &["the key file can't be read"],
        ),
        (
            "a directory for a key file",
            one(),
            "/acme-release.pub.pem",
            "",
            "public-key-file",
            &["the key file can't be read"],
        ),
        ("no key", one(), "public-key-file", "# ", "[[key]]", &["the key itself is missing"]),
        (
            "a key twice in one entry",
            one(),
            "owner = ",
            "public-key = \"x\"\nowner = ",
            "public-key-file",
            &["given twice"],
        ),
        (
            "a manifest for a key",
            one(),
            "keys/acme-release.pub.pem",
            "drops/good/drop/drop.dsse.json",
            "public-key-file",
            &["expected an Ed25519 public key"],
        ),
        ("two ids", two(), "\"two\"", "\"one\"", "[[key]]", &["two keys have the id \"one\""]),
        ("one key twice", two(), "acme-release-second", "acme-release", "[[key]]", &["is the same key as"]),
        (
            "one owner of two parties",
            format!("{}{}", one(), tester().replace("Owner of lab", "Owner of one")),
            "",
            "",
            "[[key]]",
            &["is of two parties, vendor and lab"],
        ),
        (
            "one owner who changes and waives, in two keys",
            two()
                .replace("\"vendor\"", "\"provider\"")
                .replace("vendor = \"Acme Networks\"\n", "")
                .replacen("\"release\"", "\"change\"", 1)
                .replace("\"release\"", "\"waiver\"")
                .replace("Owner of two", "Owner of one"),
            "",
            "",
            "[[key]]",
            &["holds the roles change and waiver", "SO14.4"],
        ),
        (
            "one key that changes and approves",
            one()
                .replace("\"vendor\"", "\"provider\"")
                .replace("vendor = \"Acme Networks\"\n", "")
                .replace("\"release\"", "\"change\", \"approval\""),
            "",
            "",
            "[[key]]",
            &["holds the roles change and approval"],
        ),
    ];
    for (claim, whole, from, to, place, said) in cases {
        assert!(whole.contains(from), "{claim}");
        refused(claim, &whole.replace(from, to), place, said);
    }
    refused("no keys", "version = 1\n", "version", &["the trust store holds no key"]);
    refused("keys of another shape", "version = 1\nkey = 1\n", "key", &["`[[key]]`"]);
    loaded("").undecided("an empty file", "trust.toml:1:1");
    loaded("version = \n").undecided("not TOML", "not valid TOML");
    let many = loaded(&one().replace("\"release\"", "\"x\"").replace("\"vendor\"", "\"y\""));
    assert_eq!(many.stderr.matches("error:").count(), 2, "every fault at once: {}", many.stderr);
}

fn spki(point: &[u8]) -> String {
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend_from_slice(point);
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&der))
}

/// A store whose key is this text, in the file itself.
fn inline(pem: &str) -> String {
    one()
        .lines()
        .map(|line| {
            if line.starts_with("public-key-file") {
                format!("public-key = '''{pem}'''\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect()
}

fn bytes(hex: &str) -> [u8; 32] {
    let list: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    list.try_into().unwrap()
}

#[test]
fn points_that_verifiers_disagree_about_are_no_keys() {
    let order8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    let f = |first: &str, last: &str| format!("{first}{}{last}", "ff".repeat(30));
    let z = |first: &str, last: &str| format!("{first}{}{last}", "00".repeat(30));
    let mut cases: Vec<(String, [u8; 32], &str)> = [
        ("identity", z("01", "00"), "small order"),
        ("order 2", f("ec", "7f"), "small order"),
        ("order 4, all zero", z("00", "00"), "small order"),
        ("order 4, negative", z("00", "80"), "small order"),
        ("order 8", order8.to_owned(), "small order"),
        ("order 8, negative", format!("{}85", &order8[..62]), "small order"),
        (
            "order 8, other",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".into(),
            "small order",
        ),
        (
            "order 8, other, negative",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa".into(),
            "small order",
        ),
        ("identity with a sign", z("01", "80"), "canonical"),
        ("order 2 with a sign", f("ec", "ff"), "canonical"),
        ("p for 0", f("ed", "7f"), "canonical"),
        ("p for 0, with a sign", f("ed", "ff"), "canonical"),
        ("p + 1 for 1", f("ee", "7f"), "canonical"),
        ("p + 1 for 1, with a sign", f("ee", "ff"), "canonical"),
        ("not on the curve", z("02", "00"), "not a key that can be trusted"),
    ]
    .map(|(claim, hex, said)| (claim.to_owned(), bytes(&hex), said))
    .into();
    // The other encodings over the prime, whether or not a point has them.
    for low in 0xef..=0xff_u8 {
        for high in ["7f", "ff"] {
            let hex = f(&format!("{low:02x}"), high);
            cases.push((hex.clone(), bytes(&hex), "not a key that can be trusted"));
        }
    }
    // A good key plus a point of order 8.
    let good = fs::read_to_string(common::key("acme-release.pub")).unwrap();
    let good = {
        use ed25519_dalek::pkcs8::DecodePublicKey;
        ed25519_dalek::VerifyingKey::from_public_key_pem(&good).unwrap()
    };
    let torsion = ed25519_dalek::VerifyingKey::from_bytes(&bytes(order8)).unwrap();
    let mixed = (good.to_edwards() + torsion.to_edwards()).compress().to_bytes();
    cases.push(("mixed order".into(), mixed, "prime-order group"));
    for (claim, point, said) in cases {
        refused(&claim, &inline(&spki(&point)), "public-key", &["not a key that can be trusted", said]);
    }
    let whole = loaded(&inline(&spki(good.as_bytes())));
    assert_eq!(whole.exit, 1, "the control group: {}", whole.stderr);
}

#[test]
fn texts_that_are_no_key() {
    let pem = fs::read_to_string(common::key("acme-release.pub")).unwrap();
    let body = pem.lines().nth(1).unwrap();
    let certificate = pem.replace("PUBLIC KEY", "CERTIFICATE");
    let cases = [
        ("truncated at the end", pem[..pem.len() - 30].to_owned()),
        ("truncated in its body", pem.replace(body, &body[..40])),
        ("body alone", body.to_owned()),
        ("31 bytes", spki(&[1; 31])),
        ("33 bytes", spki(&[1; 33])),
        ("two keys", format!("{pem}{pem}")),
        ("text behind it", format!("{pem}x")),
        ("a certificate by name", certificate),
        ("X25519", pem.replace("MCowBQYDK2Vw", "MCowBQYDK2Vu")),
        ("empty body", pem.replace(body, "")),
        ("blank", " ".to_owned()),
    ];
    for (claim, text) in cases {
        assert_ne!(text, pem, "{claim}");
        refused(claim, &inline(&text), "public-key", &["expected an Ed25519 public key"]);
    }
}

#[test]
fn keys_of_other_algorithms() {
    if !have("openssl", &["version"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    for (claim, options) in [
        ("RSA", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"].as_slice()),
        ("P-256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("X25519", &["-algorithm", "X25519"]),
        ("Ed448", &["-algorithm", "ED448"]),
    ] {
        let private = home.path().join("key.pem");
        let made = Command::new("openssl").arg("genpkey").args(options).arg("-out").arg(&private).output();
        assert!(made.unwrap().status.success(), "{claim}");
        let public = Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&private).output().unwrap();
        let text = String::from_utf8(public.stdout).unwrap();
        refused(claim, &inline(&text), "public-key", &["expected an Ed25519 public key"]);
    }
}

#[test]
fn a_private_key_is_refused_and_never_shown() {
    let pem = fs::read_to_string(common::key("acme-release")).unwrap();
    let secret = pem.lines().nth(1).unwrap();
    let file = one().replace("acme-release.pub.pem", "acme-release.pem");
    let cases = [("in a file", file), ("in the store", inline(&pem))];
    for (claim, trust) in cases {
        refused(claim, &trust, "public-key", &["this is a private key"]);
        let verdict = loaded(&trust);
        // The last half holds the seed alone.
        assert!(!verdict.stderr.contains(&secret[32..]), "{claim}: {}", verdict.stderr);
        assert!(!verdict.stderr.contains(&secret[..32]), "{claim}: {}", verdict.stderr);
    }
    // Spellings in which the line that the message shows is the key's own.
    let lines: Vec<&str> = pem.lines().collect();
    let shown = [
        ("on one line", format!("public-key = \"{}\"", lines.join("\\n"))),
        ("its body alone", format!("public-key = \"{secret}\"")),
        ("with line breaks where TOML has none", format!("public-key = \"{pem}\"")),
    ];
    for (claim, line) in shown {
        let trust = one();
        let old = trust.lines().find(|line| line.starts_with("public-key-file")).unwrap();
        let verdict = loaded(&trust.replace(old, &line));
        assert_eq!(verdict.exit, 2, "{claim}");
        assert!(!verdict.stderr.contains(&secret[32..]), "{claim}: {}", verdict.stderr);
        assert!(!verdict.stderr.contains(&secret[..32]), "{claim}: {}", verdict.stderr);
    }
}

/// The good drop, by a key with these fields, at these times.
#[test]
fn validity_is_judged_at_the_time_of_judgement() {
    const BAD: &[&str] = &["signer-not-qualified", "no-verified-manifest"];
    let (before, june, after) = ("2026-05-31T23:59:59Z", "2026-06-01T00:00:00Z", "2026-06-01T00:00:01Z");
    let from = ("2026-01-01T00:00:00Z", june);
    let until = ("2125-01-01T00:00:00Z", june);
    let retired = ("roles = ", "revoked = { at = 2026-06-01T00:00:00Z, reason = \"retired\" }\nroles = ");
    let stolen = ("roles = ", "revoked = { at = 2026-06-01T00:00:00Z, reason = \"compromised\" }\nroles = ");
    let cases: &[(&str, (&str, &str), &str, &[&str])] = &[
        ("not yet valid", from, before, BAD),
        ("valid from now on", from, june, &[]),
        ("not expired", until, before, &[]),
        ("expired at this very time", until, june, BAD),
        ("expired at this time, in another zone", until, "2026-06-01T02:00:00+02:00", BAD),
        ("expired", until, after, BAD),
        ("retired later", retired, before, &[]),
        ("retired now", retired, june, BAD),
        ("retired", retired, after, BAD),
        ("compromised later", stolen, before, BAD),
        ("compromised long after", stolen, "2026-02-01T00:00:00Z", BAD),
        ("compromised", stolen, after, BAD),
        ("for another role", ("\"release\"", "\"test\", \"change\""), june, BAD),
        ("for another role as well", ("\"release\"", "\"test\", \"release\""), june, &[]),
        ("for this product", ("roles = ", "products = [\"core-2\", \"radio-7\"]\nroles = "), june, &[]),
        (
            "for others",
            ("roles = ", "products = [\"core-2\"]\nroles = "),
            june,
            &["signer-out-of-scope", "threshold-not-met"],
        ),
        (
            "for another vendor",
            ("Acme Networks", "Acme"),
            june,
            &["signer-out-of-scope", "threshold-not-met"],
        ),
    ];
    for (claim, (old, new), at, codes) in cases {
        for issued in ["2026-01-15T09:00:00Z", "2026-05-30T00:00:00Z", "1990-01-01T00:00:00Z"] {
            // What the signer says about the time of signing rescues nothing.
            if issued > *at {
                continue;
            }
            let mut scene = Scene::good();
            scene.resign(|statement| statement["predicate"]["issued"] = issued.into());
            let second = entry("two", "acme-release-second");
            let trust = format!("{}{second}{}", one().replace(old, new), tester());
            with_trust(&mut scene, &trust, None);
            scene.arguments = vec!["--at".into(), (*at).into()];
            let verdict = scene.verify();
            if codes.is_empty() {
                assert_eq!(verdict.exit, 0, "{claim}: {} {}", verdict.text(), verdict.stderr);
                verdict.accepted();
            } else {
                verdict.rejected(claim, codes);
            }
        }
    }
}

#[test]
fn a_threshold_that_nobody_can_reach_is_a_fault_of_the_pack() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/start.toml");
    let pack = fs::read_to_string(policies).unwrap().replace("threshold = 1", "threshold = 2");
    let line = pack[..pack.find("threshold = 2").unwrap()].matches('\n').count() + 1;
    let one_owner = two().replace("Owner of two", "Owner of one");
    let other_vendor = format!("{}{}", one(), entry("two", "stranger").replace("Acme Networks", "Apex"));
    for (claim, trust) in [
        ("one key", one()),
        ("two keys of one owner", one_owner),
        ("two owners of two vendors", other_vendor),
        ("a tester beside", format!("{}{}", one(), tester())),
    ] {
        let mut scene = Scene::good();
        with_trust(&mut scene, &trust, Some(&pack));
        let verdict = scene.verify();
        verdict.undecided(claim, &format!("start.toml:{line}:"));
        assert!(verdict.stderr.contains("2 distinct owners must sign"), "{}", verdict.stderr);
        assert!(verdict.stderr.contains('^'), "{}", verdict.stderr);
    }
    let mut scene = Scene::good();
    with_trust(&mut scene, &two(), Some(&pack));
    scene.verify().rejected(
        "two owners, of whom one signed",
        &["threshold-not-met", "evidence-not-authentic", "test-evidence-missing"],
    );
}

#[test]
fn one_owner_in_two_spellings_is_not_two() {
    let pairs: &[(&str, &str, &str)] = &[
        ("case", "Jane Doe", "jane DOE"),
        ("case of a sharp s", "Petra Weiß", "PETRA WEISS"),
        ("a blank more", "Jane Doe", "Jane  Doe"),
        ("no blank", "Jane Doe", "JaneDoe"),
        ("a blank at the end", "Jane Doe", "Jane Doe "),
        ("composed and decomposed", "Zo\u{eb} Roe", "Zoe\u{308} Roe"),
        ("full width", "Jane Doe", "\u{ff2a}ane Doe"),
        ("a ligature", "Effie Roe", "E\u{fb00}ie Roe"),
        ("all of them", "Zo\u{eb} Roe", "ZOE\u{308}  \u{ff32}oe"),
    ];
    for (claim, first, second) in pairs {
        for (what, old) in [("owners", "Owner of two"), ("vendors", "Acme Networks")] {
            let trust = two();
            let at = trust.rfind(old).unwrap();
            let (before, after) = trust.split_at(at);
            let spelled = format!(
                "{}{second}{}",
                before.replace(if what == "owners" { "Owner of one" } else { old }, first),
                &after[old.len()..]
            );
            if what == "vendors" && second.ends_with(' ') {
                // Refused for the blank already.
                refused(claim, &spelled, second, &["not a name that a manifest can carry"]);
                continue;
            }
            let said = format!("the {what} {first:?} and {second:?} differ");
            refused(claim, &spelled, second, &[&said, "expected one spelling"]);
        }
    }
    for (claim, first, second) in
        [("two people", "Jane Doe", "Jane Roe"), ("an accent more", "Zoe Roe", "Zo\u{eb} Roe")]
    {
        let trust = two().replace("Owner of one", first).replace("Owner of two", second);
        let verdict = loaded(&trust);
        assert_eq!(verdict.exit, 1, "{claim}: {}", verdict.stderr);
    }
}

#[test]
fn names_that_nobody_can_see_or_no_manifest_can_carry() {
    for (claim, hidden) in [
        ("invisible", "Jane\u{200b} Doe"),
        ("reordering", "Jane \u{202e}Doe"),
        ("a blank that is none of the keyboard's", "Jane\u{a0}Doe"),
        ("nothing visible at all", "\u{2800}"),
        ("a line break", "Jane\\nDoe"),
    ] {
        refused(claim, &one().replace("Owner of one", hidden), "owner", &["deceptive character U+"]);
        let vendor = one().replace("Acme Networks", hidden);
        refused(claim, &vendor, "vendor = ", &["not a name that a manifest can carry"]);
        let product = one().replace("roles", &format!("products = [\"radio-7\", \"{hidden}\"]\nroles"));
        refused(claim, &product, "products", &["not a name that a manifest can carry"]);
    }
}

#[test]
fn a_baseline_needs_as_many_signers_as_a_drop() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/start.toml");
    let two_of = fs::read_to_string(policies).unwrap().replace("threshold = 1", "threshold = 2");
    let trust = format!(
        "{}{}{}",
        two(),
        entry("three", "stranger").replace("Owner of three", "Owner of one"),
        tester()
    );
    let both: &[&str] = &["acme-release", "acme-release-second"];
    let rows: [(&str, Option<&str>, &[&str], bool); 5] = [
        ("one of one", None, &["acme-release"], true),
        ("one of two", Some(&two_of), &["acme-release"], false),
        ("one of two, twice", Some(&two_of), &["acme-release", "acme-release"], false),
        ("two keys of one owner", Some(&two_of), &["acme-release", "stranger"], false),
        ("two of two", Some(&two_of), both, true),
    ];
    for (claim, pack, signers, counts) in rows {
        let mut scene = Scene::good();
        with_trust(&mut scene, &trust, pack);
        let baseline = scene.home.path().join("baseline.json");
        let mut before = scene.statement();
        before["predicate"]["sequence"] = 16.into();
        before["predicate"]["version"] = "4.0".into();
        fs::write(&baseline, common::envelope(common::IN_TOTO, before.to_string().as_bytes(), signers))
            .unwrap();
        scene.sign(&scene.payload(), both);
        scene.arguments = vec!["--baseline".into(), baseline.display().to_string()];
        let verdict = scene.verify();
        if counts {
            assert_ne!(verdict.exit, 2, "{claim}: {}", verdict.stderr);
            let baseline = &verdict.json.as_ref().unwrap()["baseline"];
            assert!(baseline.is_object(), "{claim}: {}", verdict.text());
        } else {
            verdict.undecided(
                claim,
                "expected signatures by at least 2 distinct owners for its vendor and product, found Owner of one",
            );
        }
    }
}

/// A store of the known release key and `count` others of its vendor.
fn many_keys(count: u8) -> String {
    let mut trust = one();
    for number in 0..count {
        use ed25519_dalek::SigningKey;
        let public = SigningKey::from_bytes(&[number; 32]).verifying_key();
        let section = entry(&format!("key-{number}"), "x");
        let file = section.lines().find(|line| line.starts_with("public-key-file")).unwrap();
        let inline = format!("public-key = '''{}'''", spki(public.as_bytes()));
        trust.push_str(&section.replace(file, &inline));
    }
    trust
}

/// A manifest with 63 signatures by nobody and, at the end, a good one.
fn flood(scene: &Scene, payload: &[u8], keyid: &str) {
    let good = base64(&common::signature("acme-release", &common::pae(common::IN_TOTO, payload)));
    let mut signatures: Vec<serde_json::Value> = (1..64_u8)
        .map(|number| serde_json::json!({ "keyid": keyid, "sig": base64(&[[number; 32], [0; 32]].concat()) }))
        .collect();
    signatures.push(serde_json::json!({ "keyid": "", "sig": good }));
    let json = serde_json::json!({ "payloadType": common::IN_TOTO, "payload": base64(payload), "signatures": signatures });
    fs::write(scene.file("drop.dsse.json"), json.to_string()).unwrap();
}

#[test]
fn a_flood_of_signatures_ends_at_the_budget() {
    let all: &[&str] = &["signature-not-tried", "signer-unknown", "no-verified-manifest"];
    let named: &[&str] = &["signature-not-tried", "signature-invalid", "no-verified-manifest"];
    // 64 signatures by 250 keys are four times what is tried; 64 by 60 are within it.
    for (claim, keys, keyid, codes) in [
        ("many keys, no name", 250, "", all),
        ("many keys, each signature names a known one", 250, "one", named),
        ("fewer keys", 60, "", &[]),
    ] {
        let mut scene = Scene::good();
        with_trust(&mut scene, &format!("{}{}", many_keys(keys), tester()), None);
        let payload = scene.payload();
        flood(&scene, &payload, keyid);
        let start = std::time::Instant::now();
        let verdict = scene.verify();
        assert!(start.elapsed().as_secs() < 60, "{claim}: {:?}", start.elapsed());
        if codes.is_empty() {
            verdict.accepted();
        } else {
            verdict.rejected(claim, codes);
        }
    }
}

#[test]
fn a_flood_of_signatures_over_a_large_manifest_ends_at_the_budget() {
    // 64 signatures over 128 MiB are twice what is hashed, with one key.
    let mut scene = Scene::good();
    with_trust(&mut scene, &format!("{}{}", one(), tester()), None);
    let mut payload = scene.payload();
    payload.resize(128 << 20, b' ');
    flood(&scene, &payload, "");
    let start = std::time::Instant::now();
    let verdict = scene.verify();
    eprintln!("{:?}", start.elapsed());
    assert!(start.elapsed().as_secs() < 300, "{:?}", start.elapsed());
    verdict.rejected("large", &["signature-not-tried", "signer-unknown", "no-verified-manifest"]);
}
