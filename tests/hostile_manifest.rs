//! The manifest as an attacker would write it: refused by name, or accepted because nothing is wrong.
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

use common::{IN_TOTO, Scene, base64, envelope, fixture, pae, signature};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const NONE: &str = "no-verified-manifest";
const MALFORMED: &[&str] = &["manifest-malformed", NONE];
const NO_ENVELOPE: &[&str] = &["envelope-malformed", NONE];

/// No codes: the drop must be accepted.
fn judged(scene: &Scene, claim: &str, codes: &[&str]) {
    let verdict = scene.verify();
    if codes.is_empty() {
        assert_eq!(verdict.exit, 0, "{claim}: {} {}", verdict.text(), verdict.stderr);
        verdict.accepted();
    } else {
        verdict.rejected(claim, codes);
    }
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A gate in the scene's own directory, with another person's key and parameters replaced in start.toml.
fn own_gate(scene: &mut Scene, changes: &[(&str, &str)]) {
    let home = scene.home.path();
    let keys = fixture("keys").display().to_string();
    let mut trust = fs::read_to_string(fixture("gate/trust.toml")).unwrap().replace("../keys", &keys);
    trust.push_str(&format!(
        "\n[[key]]\nid = \"rob\"\npublic-key-file = \"{keys}/stranger.pub.pem\"\nowner = \"Rob Roe\"\n\
         party = \"vendor\"\nvendor = \"Acme Networks\"\nroles = [\"release\"]\n\
         valid-from = 2026-01-01T00:00:00Z\nvalid-until = 2125-01-01T00:00:00Z\n"
    ));
    fs::write(home.join("trust.toml"), trust).unwrap();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").display().to_string();
    let mut pack = fs::read_to_string(format!("{policies}/start.toml")).unwrap();
    for (from, to) in changes {
        assert!(pack.contains(from), "{from}");
        pack = pack.replace(from, to);
    }
    fs::write(home.join("start.toml"), pack).unwrap();
    let gate = format!(
        "version = 1\noperator = \"Example Telecom\"\ntrust = \"{0}/trust.toml\"\n\
         policies = [\"{0}/start.toml\", \"{1}\"]\n",
        home.display(),
        fixture("gate/tester.toml").display()
    );
    scene.gate = home.join("gate.toml");
    fs::write(&scene.gate, gate).unwrap();
}

type Envelopes = (&'static str, fn(&mut Value, &[u8]), &'static [&'static str]);

fn entry(key: &str, keyid: &str, payload: &[u8]) -> Value {
    json!({ "keyid": keyid, "sig": base64(&signature(key, &pae(IN_TOTO, payload))) })
}

fn alter_sig(envelope: &mut Value, change: impl FnOnce(&str) -> String) {
    let sig = envelope["signatures"][0]["sig"].as_str().unwrap().to_owned();
    envelope["signatures"][0]["sig"] = change(&sig).into();
}

/// Adds the group's order to the scalar: the same equation, another encoding.
fn malleated(sig: &str) -> String {
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u8,
    ];
    let mut bytes = common::unbase64(sig);
    let mut carry = 0_u16;
    for (byte, add) in bytes[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    base64(&bytes)
}

#[test]
fn envelopes() {
    let cases: &[Envelopes] = &[
        ("as it was", |_, _| {}, &[]),
        ("zero signatures", |e, _| e["signatures"] = json!([]), &["unsigned", NONE]),
        ("no signatures at all", |e, _| drop(e.as_object_mut().unwrap().remove("signatures")), NO_ENVELOPE),
        (
            "by nobody known",
            |e, p| e["signatures"] = json!([entry("stranger", "", p)]),
            &["signer-unknown", NONE],
        ),
        (
            "over other bytes, no key id",
            |e, _| e["signatures"] = json!([entry("acme-release", "", b"{}")]),
            &["signer-unknown", NONE],
        ),
        (
            "over other bytes, naming a key",
            |e, _| e["signatures"] = json!([entry("acme-release", "acme-release", b"{}")]),
            &["signature-invalid", NONE],
        ),
        (
            "a stranger who names a key",
            |e, p| e["signatures"] = json!([entry("stranger", "acme-release", p)]),
            &["signature-invalid", NONE],
        ),
        (
            "over the payload without its type",
            |e, p| e["signatures"] = json!([{ "sig": base64(&signature("acme-release", p)) }]),
            &["signer-unknown", NONE],
        ),
        ("another payload type", |e, _| e["payloadType"] = "application/json".into(), NO_ENVELOPE),
        ("type in capitals", |e, _| e["payloadType"] = IN_TOTO.to_uppercase().into(), NO_ENVELOPE),
        (
            "signed as another type",
            |e, p| {
                e["signatures"] =
                    json!([{ "sig": base64(&signature("acme-release", &pae("application/json", p))) }]);
            },
            &["signer-unknown", NONE],
        ),
        (
            "the same key twice",
            |e, p| {
                let one = entry("acme-release", "", p);
                e["signatures"] = json!([one, one]);
            },
            &[],
        ),
        ("no key id", |e, p| e["signatures"] = json!([entry("acme-release", "", p)]), &[]),
        ("key id null", |e, _| e["signatures"][0]["keyid"] = Value::Null, &[]),
        ("key id of nobody", |e, _| e["signatures"][0]["keyid"] = "\u{1b}[2J".into(), &[]),
        ("key id a number", |e, _| e["signatures"][0]["keyid"] = 1.into(), NO_ENVELOPE),
        (
            "beside one of another product",
            |e, p| e["signatures"].as_array_mut().unwrap().push(entry("acme-other-product", "", p)),
            &[],
        ),
        (
            "only by one of another product",
            |e, p| e["signatures"] = json!([entry("acme-other-product", "", p)]),
            &["signer-out-of-scope", "threshold-not-met"],
        ),
        (
            "by a key for another role",
            |e, p| e["signatures"] = json!([entry("lab", "", p)]),
            &["signer-not-qualified", NONE],
        ),
        (
            "65 signatures",
            |e, p| e["signatures"] = vec![entry("acme-release", "", p); 65].into(),
            &["signature-not-tried", NONE],
        ),
        (
            "64 signatures, the last of them good",
            |e, p| {
                let mut all = vec![entry("stranger", "", p); 63];
                all.push(entry("acme-release", "", p));
                e["signatures"] = all.into();
            },
            &[],
        ),
        (
            "signature in the URL-safe alphabet",
            |e, _| alter_sig(e, |sig| sig.replace('+', "-").replace('/', "_")),
            &[],
        ),
        (
            "payload in the URL-safe alphabet",
            |e, _| e["payload"] = e["payload"].as_str().unwrap().replace('+', "-").replace('/', "_").into(),
            &[],
        ),
        ("signature in both alphabets", |e, _| alter_sig(e, |sig| format!("-_+/{}", &sig[4..])), NO_ENVELOPE),
        (
            "signature without padding",
            |e, _| alter_sig(e, |sig| sig.trim_end_matches('=').to_owned()),
            NO_ENVELOPE,
        ),
        (
            "signature with half of its padding",
            |e, _| alter_sig(e, |sig| sig.strip_suffix('=').unwrap().to_owned()),
            NO_ENVELOPE,
        ),
        (
            "signature with bits behind its end",
            |e, _| {
                alter_sig(e, |sig| {
                    let body = sig.trim_end_matches('=');
                    let last = body.as_bytes()[body.len() - 1];
                    format!("{}{}==", &body[..body.len() - 1], char::from(last + 1))
                });
            },
            NO_ENVELOPE,
        ),
        (
            "signature with a blank",
            |e, _| alter_sig(e, |sig| format!("{} {}", &sig[..8], &sig[8..])),
            NO_ENVELOPE,
        ),
        ("signature with a line break", |e, _| alter_sig(e, |sig| format!("{sig}\n")), NO_ENVELOPE),
        ("signature empty", |e, _| alter_sig(e, |_| String::new()), NO_ENVELOPE),
        ("signature of 63 bytes", |e, _| alter_sig(e, |_| base64(&[7; 63])), NO_ENVELOPE),
        ("signature of 65 bytes", |e, _| alter_sig(e, |_| base64(&[7; 65])), NO_ENVELOPE),
        ("signature of zeros", |e, _| alter_sig(e, |_| base64(&[0; 64])), &["signature-invalid", NONE]),
        ("signature with its scalar unreduced", |e, _| alter_sig(e, malleated), &["signature-invalid", NONE]),
        (
            "payload with a line break",
            |e, _| {
                let payload = e["payload"].as_str().unwrap();
                e["payload"] = format!("{}\n{}", &payload[..64], &payload[64..]).into();
            },
            NO_ENVELOPE,
        ),
        ("payload plain", |e, p| e["payload"] = String::from_utf8_lossy(p).into(), NO_ENVELOPE),
        ("payload empty", |e, _| e["payload"] = "".into(), &["signature-invalid", NONE]),
        ("payload an object", |e, _| e["payload"] = json!({}), NO_ENVELOPE),
        (
            "further fields",
            |e, _| {
                e["comment"] = json!({ "a": [1] });
                e["signatures"][0]["cert"] = "x".into();
            },
            &[],
        ),
        ("an array", |e, _| *e = json!([e.clone()]), NO_ENVELOPE),
        ("null", |e, _| *e = Value::Null, NO_ENVELOPE),
    ];
    for (claim, change, codes) in cases {
        let scene = Scene::good();
        let payload = scene.payload();
        let mut envelope: Value =
            serde_json::from_slice(&fs::read(scene.file("drop.dsse.json")).unwrap()).unwrap();
        change(&mut envelope, &payload);
        fs::write(scene.file("drop.dsse.json"), envelope.to_string()).unwrap();
        judged(&scene, claim, codes);
    }
}

#[test]
fn what_does_not_count_is_told() {
    let cases: &[(&str, Value, &str)] = &[
        ("unknown beside good", json!(["stranger", "k1"]), "by no key of the trust store"),
        ("key id that lies", json!(["acme-release-second", "acme-release"]), "that names key id"),
        ("a liar beside good", json!(["stranger", "acme-release"]), "is not by it over these bytes"),
        (
            "for another product beside good",
            json!(["acme-other-product", ""]),
            "a good signature for something else",
        ),
        ("expired beside good", json!(["expired", ""]), "it expired at"),
        ("revoked beside good", json!(["revoked", ""]), "reaches back"),
    ];
    for (claim, other, said) in cases {
        let scene = Scene::good();
        let payload = scene.payload();
        let other = entry(other[0].as_str().unwrap(), other[1].as_str().unwrap(), &payload);
        let signatures = json!([other, entry("acme-release", "", &payload)]);
        let envelope =
            json!({ "payloadType": IN_TOTO, "payload": base64(&payload), "signatures": signatures });
        fs::write(scene.file("drop.dsse.json"), envelope.to_string()).unwrap();
        let verdict = scene.verify();
        verdict.accepted();
        assert!(verdict.text().contains(said), "{claim}: {}", verdict.text());
    }
}

#[test]
fn a_threshold_counts_people() {
    let few: &[&str] = &["threshold-not-met"];
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("one", &["acme-release"], few),
        ("one, twice", &["acme-release", "acme-release"], few),
        ("two keys of one person", &["acme-release", "acme-release-second"], few),
        (
            "two keys of one person, and a revoked one",
            &["acme-release", "acme-release-second", "revoked"],
            few,
        ),
        ("one and an expired one", &["acme-release", "expired"], few),
        ("one and a tester", &["acme-release", "lab"], few),
        (
            "one and one for another product",
            &["acme-release", "acme-other-product"],
            &["threshold-not-met", "signer-out-of-scope"],
        ),
        ("two people", &["acme-release", "stranger"], &[]),
        ("two people with three keys", &["acme-release", "acme-release-second", "stranger"], &[]),
    ];
    for (claim, keys, codes) in cases {
        let mut scene = Scene::good();
        own_gate(&mut scene, &[("threshold = 1", "threshold = 2")]);
        scene.sign(&scene.payload(), keys);
        judged(&scene, claim, codes);
    }
}

/// What a text of JSON is turned into, as bytes.
type Bytes = (&'static str, fn(&str) -> Vec<u8>);

fn nested(text: &str) -> Vec<u8> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    text.replacen('{', &format!("{{\"deep\":{deep},"), 1).into_bytes()
}

const AMBIGUOUS: &[Bytes] = &[
    ("duplicate key", |t| t.replacen('{', "{\"x\":1,\"x\":1,", 1).into()),
    ("duplicate key below", |t| t.replacen('{', "{\"x\":[{\"a\":{\"b\":1,\"b\":2}}],", 1).into()),
    ("duplicate key through an escape", |t| t.replacen('{', "{\"x\":1,\"\\u0078\":1,", 1).into()),
    ("trailing bytes", |t| format!("{t}{{}}").into()),
    ("trailing NUL", |t| format!("{t}\0").into()),
    ("a second text", |t| format!("{t}\n{t}").into()),
    ("byte order mark", |t| format!("\u{feff}{t}").into()),
    ("UTF-16", |t| t.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ("invalid UTF-8", |t| {
        let mut bytes = t.replacen('{', "{\"x\":\"?\",", 1).into_bytes();
        let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
        bytes[at] = 0xff;
        bytes
    }),
    ("a surrogate in UTF-8", |t| {
        let mut bytes = b"{\"x\":\"\xed\xa0\x80\",".to_vec();
        bytes.extend_from_slice(&t.as_bytes()[1..]);
        bytes
    }),
    ("lone surrogate", |t| t.replacen('{', "{\"x\":\"\\ud800\",", 1).into()),
    ("lone low surrogate", |t| t.replacen('{', "{\"x\":\"\\udc00\",", 1).into()),
    ("number out of range", |t| t.replacen('{', "{\"x\":1e999,", 1).into()),
    ("not a number", |t| t.replacen('{', "{\"x\":NaN,", 1).into()),
    ("nesting of 100,000", nested),
    ("nesting of 129", |t| {
        t.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(129), "]".repeat(129)), 1).into()
    }),
    ("comment", |t| t.replacen('{', "{/* */", 1).into()),
    ("trailing comma", |t| format!("{},}}", t.strip_suffix('}').unwrap()).into()),
    ("control character in a string", |t| t.replacen('{', "{\"x\":\"\u{1}\",", 1).into()),
    ("too many keys", |t| {
        let keys: String = (0..20_000).map(|n| format!("\"{n}\":0,")).collect();
        t.replacen('{', &format!("{{{keys}"), 1).into()
    }),
    ("cut off", |t| t[..t.len() - 1].into()),
    ("empty", |_| Vec::new()),
    ("blanks", |_| vec![b' '; 1 << 20]),
];

#[test]
fn json_that_two_readers_could_read_differently() {
    for (claim, change) in AMBIGUOUS {
        let scene = Scene::good();
        let text = fs::read_to_string(scene.file("drop.dsse.json")).unwrap();
        fs::write(scene.file("drop.dsse.json"), change(text.trim_end())).unwrap();
        judged(&scene, &format!("envelope: {claim}"), NO_ENVELOPE);

        let scene = Scene::good();
        let payload = change(&scene.statement().to_string());
        scene.sign(&payload, &["acme-release"]);
        judged(&scene, &format!("payload: {claim}"), MALFORMED);
    }
    let twice: &[(&str, &str, &str)] = &[
        ("predicate", "\"product\":", "\"product\":\"core-2\",\"product\":"),
        ("subject", "\"name\":\"firmware/boot.img\"", "\"name\":\"x\",\"name\":\"firmware/boot.img\""),
        ("digest", "\"digest\":{", "\"digest\":{\"md5\":\"0\",\"md5\":\"1\","),
        ("statement", "\"predicateType\":", "\"predicateType\":\"x\",\"predicateType\":"),
        ("case alone", "\"product\":", "\"Product\":\"core-2\",\"product\":"),
    ];
    for (claim, from, to) in twice {
        let scene = Scene::good();
        let payload = scene.statement().to_string();
        assert!(payload.contains(from), "{claim}");
        scene.sign(payload.replacen(from, to, 1).as_bytes(), &["acme-release"]);
        judged(&scene, &format!("{claim} twice"), MALFORMED);
    }
}

#[test]
fn blanks_cost_little() {
    let blanks = " ".repeat(100 << 20);
    let scene = Scene::good();
    let text = fs::read_to_string(scene.file("drop.dsse.json")).unwrap();
    fs::write(scene.file("drop.dsse.json"), format!("{text}{blanks}")).unwrap();
    let start = Instant::now();
    judged(&scene, "100 MB of blanks after the envelope", &[]);
    fs::write(scene.file("drop.dsse.json"), blanks).unwrap();
    judged(&scene, "100 MB of blanks alone", NO_ENVELOPE);
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());

    let scene = Scene::good();
    let payload = format!("{}{}", " ".repeat(4 << 20), scene.statement());
    scene.sign(payload.as_bytes(), &["acme-release"]);
    judged(&scene, "4 MB of blanks before the payload", &[]);

    // Sparse, so that nothing is written.
    let scene = Scene::good();
    fs::File::create(scene.file("drop.dsse.json")).unwrap().set_len((512 << 20) + 1).unwrap();
    judged(&scene, "larger than a manifest may be", &["manifest-unreadable", NONE]);
}

type Statements = (&'static str, fn(&mut Value), &'static [&'static str]);

fn statements(cases: &[Statements]) {
    for (claim, change, codes) in cases {
        let scene = Scene::good();
        scene.resign(change);
        judged(&scene, claim, codes);
    }
}

fn predicate(s: &mut Value, field: &str, value: Value) {
    s["predicate"][field] = value;
}

#[test]
fn statements_and_predicates() {
    statements(&[
        ("as it was", |_| {}, &[]),
        ("unknown field of the statement", |s| s["comment"] = json!({ "any": 1 }), &[]),
        ("unknown field of a subject", |s| s["subject"][0]["annotations"] = json!({ "a": "b" }), &[]),
        ("unknown field of the predicate", |s| predicate(s, "urgent", true.into()), MALFORMED),
        ("field of the predicate in capitals", |s| predicate(s, "Recipient", "x".into()), MALFORMED),
        (
            "unknown field of replaces",
            |s| {
                let digest = "0".repeat(64);
                predicate(s, "replaces", json!({ "version": "1", "manifest": { "sha256": digest }, "x": 1 }));
            },
            MALFORMED,
        ),
        (
            "weak digest of what is replaced",
            |s| predicate(s, "replaces", json!({ "version": "1", "manifest": { "sha1": "0".repeat(40) } })),
            MALFORMED,
        ),
        ("another statement version", |s| s["_type"] = "https://in-toto.io/Statement/v0.1".into(), MALFORMED),
        (
            "another predicate",
            |s| s["predicateType"] = "urn:dropgate:manifest:v2".into(),
            &["predicate-type-wrong", NONE],
        ),
        (
            "evidence signed for role release",
            |s| s["predicateType"] = "https://in-toto.io/attestation/test-result/v0.1".into(),
            &["predicate-type-wrong", NONE],
        ),
        ("no predicate", |s| drop(s.as_object_mut().unwrap().remove("predicate")), MALFORMED),
        ("predicate an array", |s| s["predicate"] = json!([]), MALFORMED),
        ("unknown kind", |s| predicate(s, "kind", "hotfix".into()), MALFORMED),
        ("empty version", |s| predicate(s, "version", "".into()), MALFORMED),
        ("version too long", |s| predicate(s, "version", "9".repeat(129).into()), MALFORMED),
        ("version with a control character", |s| predicate(s, "version", "4\u{1b}[2J".into()), MALFORMED),
        ("version with an override", |s| predicate(s, "version", "4\u{202e}1".into()), MALFORMED),
        ("version a number", |s| predicate(s, "version", 4.into()), MALFORMED),
        ("vendor missing", |s| drop(s["predicate"].as_object_mut().unwrap().remove("vendor")), MALFORMED),
        ("sequence 0", |s| predicate(s, "sequence", 0.into()), MALFORMED),
        ("sequence below 0", |s| predicate(s, "sequence", (-1).into()), MALFORMED),
        ("sequence a fraction", |s| predicate(s, "sequence", json!(17.0)), MALFORMED),
        ("sequence a string", |s| predicate(s, "sequence", "17".into()), MALFORMED),
        ("sequence over the maximum", |s| predicate(s, "sequence", (1_u64 << 53).into()), MALFORMED),
        ("sequence of 64 bits", |s| predicate(s, "sequence", u64::MAX.into()), MALFORMED),
        (
            "sequence at the maximum",
            |s| predicate(s, "sequence", ((1_u64 << 53) - 1).into()),
            &["fast-forward"],
        ),
        ("sequence one too far", |s| predicate(s, "sequence", 1001.into()), &["fast-forward"]),
        ("sequence as far as may be", |s| predicate(s, "sequence", 1000.into()), &[]),
        ("another operator", |s| predicate(s, "recipient", "Other Telecom".into()), &["recipient-wrong"]),
        (
            "this operator in small letters",
            |s| predicate(s, "recipient", "example telecom".into()),
            &["recipient-wrong"],
        ),
        ("this operator", |s| predicate(s, "recipient", "Example Telecom".into()), &[]),
        (
            "another vendor",
            |s| predicate(s, "vendor", "Apex Networks".into()),
            &["signer-out-of-scope", "threshold-not-met"],
        ),
        (
            "the vendor in small letters",
            |s| predicate(s, "vendor", "acme networks".into()),
            &["signer-out-of-scope", "threshold-not-met"],
        ),
    ]);
    let huge = Scene::good();
    let payload =
        huge.statement().to_string().replace("\"sequence\":17", "\"sequence\":18446744073709551616");
    huge.sign(payload.as_bytes(), &["acme-release"]);
    judged(&huge, "sequence of 65 bits", MALFORMED);
}

fn digest(s: &mut Value, digest: Value) {
    s["subject"][0]["digest"] = digest;
}

#[test]
fn subjects() {
    statements(&[
        (
            "one twice, equal",
            |s| {
                let one = s["subject"][0].clone();
                s["subject"].as_array_mut().unwrap().push(one);
            },
            MALFORMED,
        ),
        (
            "one twice, unequal",
            |s| {
                let mut one = s["subject"][0].clone();
                one["digest"] = json!({ "sha256": "0".repeat(64) });
                s["subject"].as_array_mut().unwrap().insert(0, one);
            },
            MALFORMED,
        ),
        ("none", |s| s["subject"] = json!([]), MALFORMED),
        ("no list", |s| drop(s.as_object_mut().unwrap().remove("subject")), MALFORMED),
        ("null", |s| s["subject"] = Value::Null, MALFORMED),
        ("no digests", |s| digest(s, json!({})), MALFORMED),
        ("digest missing", |s| drop(s["subject"][0].as_object_mut().unwrap().remove("digest")), MALFORMED),
        ("name missing", |s| drop(s["subject"][0].as_object_mut().unwrap().remove("name")), MALFORMED),
        ("digest null", |s| digest(s, json!({ "sha256": null })), MALFORMED),
        ("md5 alone", |s| digest(s, json!({ "md5": "0".repeat(32) })), &["digest-weak"]),
        ("sha1 alone", |s| digest(s, json!({ "sha1": "0".repeat(40) })), &["digest-weak"]),
        ("md5 and sha1", |s| digest(s, json!({ "md5": "0", "sha1": "0" })), &["digest-weak"]),
        ("md5 beside sha256", |s| s["subject"][0]["digest"]["md5"] = "0".repeat(32).into(), &[]),
        ("too short", |s| digest(s, json!({ "sha256": "0".repeat(62) })), MALFORMED),
        ("of an odd length", |s| digest(s, json!({ "sha256": "0".repeat(63) })), MALFORMED),
        ("too long", |s| digest(s, json!({ "sha256": "0".repeat(66) })), MALFORMED),
        ("of sha512's length", |s| digest(s, json!({ "sha256": "0".repeat(128) })), MALFORMED),
        ("empty", |s| digest(s, json!({ "sha256": "" })), MALFORMED),
        (
            "in capitals",
            |s| {
                let text = s["subject"][0]["digest"]["sha256"].as_str().unwrap().to_uppercase();
                digest(s, json!({ "sha256": text }));
            },
            MALFORMED,
        ),
        ("with a prefix", |s| digest(s, json!({ "sha256": format!("0x{}", "0".repeat(62)) })), MALFORMED),
        (
            "one right, one wrong",
            |s| s["subject"][0]["digest"]["sha512"] = "0".repeat(128).into(),
            &["file-altered"],
        ),
        (
            "one wrong, one right",
            |s| s["subject"][0]["digest"]["sha256"] = "0".repeat(64).into(),
            &["file-altered"],
        ),
        ("a wrong third", |s| s["subject"][0]["digest"]["blake3"] = "0".repeat(64).into(), &["file-altered"]),
        (
            "two files' digests swapped",
            |s| {
                let (a, b) = (s["subject"][0]["digest"].take(), s["subject"][1]["digest"].take());
                s["subject"][0]["digest"] = b;
                s["subject"][1]["digest"] = a;
            },
            &["file-altered"],
        ),
        ("sha-256", |s| digest(s, json!({ "sha-256": "0".repeat(64) })), MALFORMED),
        ("SHA256", |s| digest(s, json!({ "SHA256": "0".repeat(64) })), MALFORMED),
        (
            "sha-256 beside sha256",
            |s| s["subject"][0]["digest"]["sha-256"] = "0".repeat(64).into(),
            MALFORMED,
        ),
        ("SHA256 beside sha256", |s| s["subject"][0]["digest"]["SHA256"] = "0".repeat(64).into(), MALFORMED),
        ("MD5 alone", |s| digest(s, json!({ "MD5": "0".repeat(32) })), MALFORMED),
        (
            "withheld from the list",
            |s| drop(s["subject"].as_array_mut().unwrap().remove(0)),
            &["file-unlisted"],
        ),
    ]);
}

#[test]
fn names_of_subjects() {
    let missing: &[&str] = &["file-missing"];
    let cases: Vec<(String, &[&str])> = [
        "",
        ".",
        "..",
        "../x",
        "a/../x",
        "a/..",
        "/etc/passwd",
        "//x",
        "a//b",
        "a/",
        "./a",
        "a/./b",
        "a\\b",
        "..\\x",
        "a\0b",
        "a\nb",
        "\u{1b}[2J",
        "a\u{202e}b",
        "a\u{200b}b",
        "\u{feff}a",
        "\u{85}",
        "drop.dsse.json",
        "evidence/tests.dsse.json",
        "evidence/a/b.dsse.json",
        "evidence/none.dsse.json",
    ]
    .map(|name| (name.to_owned(), MALFORMED))
    .into_iter()
    .chain([
        ("x".repeat(256), MALFORMED),
        (vec!["x".repeat(200); 11].join("/"), MALFORMED),
        (vec!["x"; 129].join("/"), MALFORMED),
        (vec!["x"; 5000].join("/"), MALFORMED),
        (vec!["x"; 128].join("/"), missing),
        ("DROP.DSSE.JSON".to_owned(), missing),
        ("firmware/drop.dsse.json".to_owned(), missing),
        ("evidence/report.xml".to_owned(), missing),
        ("Evidence/tests.dsse.json".to_owned(), missing),
        ("C:x".to_owned(), missing),
        ("~/x".to_owned(), missing),
        ("%2e%2e/x".to_owned(), missing),
        ("firmware".to_owned(), missing),
        ("firmware/radio.bin/x".to_owned(), missing),
    ])
    .collect();
    for (name, codes) in cases {
        let scene = Scene::good();
        scene.resign(|s| {
            let more = json!({ "name": name, "digest": { "sha256": "0".repeat(64) } });
            s["subject"].as_array_mut().unwrap().push(more);
        });
        judged(&scene, &format!("{name:?}"), codes);
    }
}

#[test]
fn times() {
    let within = |s: &mut Value, issued: &str, expires: &str| {
        predicate(s, "issued", issued.into());
        predicate(s, "expires", expires.into());
    };
    let (march, april) = ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let cases: &[(&str, &str, &str, &str, &[&str])] = &[
        ("within", march, april, "2026-03-15T00:00:00Z", &[]),
        ("a second before its end", march, april, "2026-03-31T23:59:59Z", &[]),
        ("at its end", march, april, april, &["manifest-expired"]),
        ("long after its end", march, april, "2100-01-01T00:00:00Z", &["manifest-expired"]),
        ("at its begin", march, april, march, &[]),
        ("before its begin, within the skew", march, april, "2026-02-28T23:55:00Z", &[]),
        ("beyond the skew", march, april, "2026-02-28T23:54:59Z", &["manifest-not-yet-issued"]),
        ("its end in another zone", march, "2026-04-01T02:00:00+02:00", "2026-03-31T23:59:59Z", &[]),
        ("at its end in another zone", march, "2026-04-01T02:00:00+02:00", april, &["manifest-expired"]),
        (
            "the time of judgement in another zone",
            march,
            april,
            "2026-04-01T02:00:00+02:00",
            &["manifest-expired"],
        ),
        ("over before it began", april, march, "2026-03-15T00:00:00Z", MALFORMED),
        ("no time at all", march, march, march, MALFORMED),
        ("issued without zone", "2026-03-01T00:00:00", april, "2026-03-15T00:00:00Z", MALFORMED),
        ("expires without zone", march, "2026-04-01T00:00:00", "2026-03-15T00:00:00Z", MALFORMED),
        ("a date alone", "2026-03-01", april, "2026-03-15T00:00:00Z", MALFORMED),
        ("no such day", "2026-02-30T00:00:00Z", april, "2026-03-15T00:00:00Z", MALFORMED),
        ("a blank for T", "2026-03-01 00:00:00Z", april, "2026-03-15T00:00:00Z", MALFORMED),
        ("a named zone", "2026-03-01T00:00:00Z[UTC]", april, "2026-03-15T00:00:00Z", MALFORMED),
        ("five digits of a year", march, "12026-04-01T00:00:00Z", "2026-03-15T00:00:00Z", MALFORMED),
        ("empty", "", april, "2026-03-15T00:00:00Z", MALFORMED),
    ];
    for (claim, issued, expires, at, codes) in cases {
        let mut scene = Scene::good();
        scene.resign(|s| within(s, issued, expires));
        scene.arguments = vec!["--at".into(), (*at).into()];
        judged(&scene, claim, codes);
    }
    statements(&[
        ("a number for a time", |s| predicate(s, "expires", 4_102_444_800_u64.into()), MALFORMED),
        ("no end", |s| drop(s["predicate"].as_object_mut().unwrap().remove("expires")), MALFORMED),
        ("end null", |s| predicate(s, "expires", Value::Null), MALFORMED),
        (
            "from the far future",
            |s| {
                predicate(s, "issued", "9998-01-01T00:00:00Z".into());
                predicate(s, "expires", "9999-01-01T00:00:00Z".into());
            },
            &["manifest-not-yet-issued"],
        ),
    ]);
    let mut scene = Scene::good();
    for at in ["2026-03-01T00:00:00", "2026-03-01", "now", ""] {
        scene.arguments = vec!["--at".into(), at.into()];
        scene.verify().undecided("--at that is none", "--at");
    }
}

#[test]
fn a_required_recipient() {
    let cases: &[Statements] = &[
        ("nobody", |_| {}, &["recipient-wrong"]),
        ("null", |s| predicate(s, "recipient", Value::Null), &["recipient-wrong"]),
        ("another", |s| predicate(s, "recipient", "Other Telecom".into()), &["recipient-wrong"]),
        ("with a dot behind", |s| predicate(s, "recipient", "Example Telecom.".into()), &["recipient-wrong"]),
        ("this one", |s| predicate(s, "recipient", "Example Telecom".into()), &[]),
    ];
    for (claim, change, codes) in cases {
        let mut scene = Scene::good();
        own_gate(&mut scene, &[("recipient = \"optional\"", "recipient = \"required\"")]);
        scene.resign(change);
        judged(&scene, claim, codes);
    }
}

#[test]
fn one_kind_of_envelope_in_the_place_of_another() {
    let scene = Scene::good();
    fs::copy(scene.file("evidence/tests.dsse.json"), scene.file("drop.dsse.json")).unwrap();
    judged(&scene, "evidence as manifest", &["signer-not-qualified", NONE]);
    let scene = Scene::good();
    fs::copy(scene.file("drop.dsse.json"), scene.file("evidence/more.dsse.json")).unwrap();
    judged(&scene, "manifest beside evidence", &["evidence-not-authentic"]);
    let scene = Scene::good();
    fs::copy(scene.file("drop.dsse.json"), scene.file("evidence/tests.dsse.json")).unwrap();
    judged(&scene, "manifest as evidence", &["evidence-not-authentic", "test-evidence-missing"]);
    let scene = Scene::good();
    fs::copy(scene.file("drop.dsse.json"), scene.file("firmware/drop.dsse.json")).unwrap();
    judged(&scene, "two manifests", &["file-unlisted"]);
}

/// A scene whose baseline is the good manifest, or `change` of it, signed by `key`.
fn upgrade(key: &str, change: fn(&mut Value)) -> (Scene, String) {
    let mut scene = Scene::good();
    let mut old = scene.statement();
    change(&mut old);
    let payload = old.to_string();
    let file = scene.home.path().join("baseline.dsse.json");
    fs::write(&file, envelope(IN_TOTO, payload.as_bytes(), &[key])).unwrap();
    scene.arguments = vec!["--baseline".into(), file.display().to_string()];
    (scene, hex_digest(payload.as_bytes()))
}

fn advance(s: &mut Value, version: &str, sequence: u64, replaces: Value) {
    predicate(s, "kind", "software-update".into());
    predicate(s, "version", version.into());
    predicate(s, "sequence", sequence.into());
    if !replaces.is_null() {
        predicate(s, "replaces", replaces);
    }
}

#[test]
fn releases_follow_on_one_another() {
    let cases: &[(&str, fn(&mut Value, Value), &[&str])] = &[
        ("the next", |s, r| advance(s, "4.2.2", 18, r), &[]),
        ("a lower version name under a higher number", |s, r| advance(s, "4.2.0", 18, r), &[]),
        ("a step as far as may be", |s, r| advance(s, "4.2.2", 1017, r), &[]),
        ("a step too far", |s, r| advance(s, "4.2.2", 1018, r), &["fast-forward"]),
        ("to the maximum", |s, r| advance(s, "4.2.2", (1 << 53) - 1, r), &["fast-forward"]),
        ("older", |s, r| advance(s, "4.2.0", 16, r), &["rollback"]),
        ("older under the same version", |s, r| advance(s, "4.2.1", 16, r), &["rollback"]),
        ("same version, other bytes", |s, r| advance(s, "4.2.1", 18, r), &["version-reused"]),
        ("same number", |s, r| advance(s, "4.2.2", 17, r), &["version-reused"]),
        ("same version and number", |s, r| advance(s, "4.2.1", 17, r), &["version-reused"]),
        ("replaces nothing", |s, _| advance(s, "4.2.2", 18, Value::Null), &["fork"]),
        (
            "a new component that replaces nothing",
            |s, _| {
                advance(s, "4.2.2", 18, Value::Null);
                predicate(s, "kind", "new-component".into());
            },
            &["fork"],
        ),
        (
            "replaces another manifest",
            |s, mut r| {
                r["manifest"]["sha256"] = "0".repeat(64).into();
                advance(s, "4.2.2", 18, r);
            },
            &["fork"],
        ),
        (
            "replaces another version",
            |s, mut r| {
                r["version"] = "4.2.0".into();
                advance(s, "4.2.2", 18, r);
            },
            &["fork"],
        ),
        ("a fork too far", |s, _| advance(s, "4.2.2", 5000, Value::Null), &["fork", "fast-forward"]),
        (
            "beside files of the version before",
            |s, r| {
                advance(s, "4.2.2", 18, r);
                s["subject"][1]["digest"] = json!({ "sha256": hex_digest(b"new boot image") });
            },
            &["file-altered"],
        ),
    ];
    for (claim, change, codes) in cases {
        let (scene, digest) = upgrade("acme-release", |_| {});
        scene.resign(|s| change(s, json!({ "version": "4.2.1", "manifest": { "sha256": digest } })));
        judged(&scene, claim, codes);
    }
}

#[test]
fn replay_and_missing_baselines() {
    let (scene, _) = upgrade("acme-release", |_| {});
    scene.resign(|_| {});
    judged(&scene, "the baseline again", &["replay"]);
    let (scene, _) = upgrade("acme-release", |_| {});
    scene.sign(scene.statement().to_string().as_bytes(), &["acme-release-second"]);
    judged(&scene, "the baseline again, signed by another", &["replay"]);
    statements(&[
        ("an update without baseline", |s| advance(s, "4.2.2", 18, Value::Null), &["baseline-missing"]),
        (
            "a new component that replaces something",
            |s| predicate(s, "replaces", json!({ "version": "1", "manifest": { "sha256": "0".repeat(64) } })),
            &["baseline-missing"],
        ),
    ]);
}

#[test]
fn baselines() {
    let next = |scene: &Scene, digest: &str| {
        scene.resign(|s| {
            advance(s, "4.2.2", 18, json!({ "version": "4.2.1", "manifest": { "sha256": digest } }))
        });
    };
    let (scene, digest) = upgrade("acme-release", |s| predicate(s, "expires", "2026-02-01T00:00:00Z".into()));
    next(&scene, &digest);
    judged(&scene, "a baseline that has expired since", &[]);

    let (scene, digest) = upgrade("acme-other-product", |s| predicate(s, "product", "core-2".into()));
    next(&scene, &digest);
    judged(&scene, "a baseline of another product", &["baseline-of-another"]);

    let refused: &[(&str, &str, fn(&mut Value), &str)] = &[
        ("by a stranger", "stranger", |_| {}, "signer-unknown"),
        ("by an expired key", "expired", |_| {}, "signer-not-qualified"),
        ("by a key revoked as compromised", "revoked", |_| {}, "signer-not-qualified"),
        ("by a tester", "lab", |_| {}, "signer-not-qualified"),
        (
            "for a product not the signer's",
            "acme-other-product",
            |_| {},
            "for its vendor and product, found none",
        ),
        (
            "for another vendor",
            "acme-release",
            |s| predicate(s, "vendor", "Apex".into()),
            "for its vendor and product, found none",
        ),
        ("malformed", "acme-release", |s| s["subject"] = json!([]), "manifest-malformed"),
        ("of another type", "acme-release", |s| s["predicateType"] = "x".into(), "predicate-type-wrong"),
    ];
    for (claim, key, change, said) in refused {
        let (scene, digest) = upgrade(key, *change);
        next(&scene, &digest);
        let verdict = scene.verify();
        verdict.undecided(claim, said);
        assert!(verdict.stderr.contains("baseline.dsse.json"), "{claim}: {}", verdict.stderr);
    }

    let (mut scene, digest) = upgrade("acme-release", |_| {});
    next(&scene, &digest);
    let file = scene.home.path().join("baseline.dsse.json");
    let mut unsigned: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    unsigned["signatures"] = json!([]);
    fs::write(&file, unsigned.to_string()).unwrap();
    scene.verify().undecided("unsigned", "unsigned");
    fs::write(&file, "").unwrap();
    scene.verify().undecided("empty", "envelope-malformed");
    fs::remove_file(&file).unwrap();
    scene.verify().undecided("not there", "baseline.dsse.json");
    scene.arguments = vec!["--baseline".into(), scene.file("drop.dsse.json").display().to_string()];
    scene.verify().undecided("inside the drop", "lies inside the drop");
}

#[test]
fn what_is_said_is_short_however_long_what_it_quotes() {
    let long = "\\u202e\u{202e}x".repeat(1 << 20);
    for (claim, text, codes) in [
        ("a wrong value", format!(r#"{{"payload":"","payloadType":"","signatures":"{long}"}}"#), NO_ENVELOPE),
        ("a key twice", format!(r#"{{"{long}":1,"{long}":1}}"#), NO_ENVELOPE),
        (
            "a payload type",
            format!(r#"{{"payload":"","payloadType":"{long}","signatures":[]}}"#),
            NO_ENVELOPE,
        ),
        (
            "a key id",
            format!(
                r#"{{"payload":"","payloadType":"{IN_TOTO}","signatures":[{{"keyid":"{long}","sig":"{}"}}]}}"#,
                base64(&[1; 64])
            ),
            NO_ENVELOPE,
        ),
    ] {
        let scene = Scene::good();
        fs::write(scene.file("drop.dsse.json"), text).unwrap();
        let verdict = scene.verify();
        verdict.rejected(claim, codes);
        assert!(verdict.text().len() < 40_000, "{claim}: {} bytes", verdict.text().len());
        // As evidence it is somebody's word beside a good manifest.
        let evidence = Scene::good();
        fs::rename(scene.file("drop.dsse.json"), evidence.file("evidence/long.dsse.json")).unwrap();
        let verdict = evidence.verify();
        verdict.rejected(claim, &["evidence-not-authentic"]);
        assert!(verdict.text().len() < 40_000, "{claim}: {} bytes", verdict.text().len());
    }
    for (claim, new) in [
        ("an unknown field", r#""LONG":1,"sequence":17"#),
        ("a value of another type", r#""sequence":"LONG""#),
        ("a kind", r#""sequence":17,"kind":"LONG""#),
    ] {
        let scene = Scene::good();
        let mut statement = scene.statement();
        if claim == "a kind" {
            statement["predicate"].as_object_mut().unwrap().remove("kind").unwrap();
        }
        let text = statement.to_string().replace(r#""sequence":17"#, &new.replace("LONG", &long));
        scene.sign(text.as_bytes(), &["acme-release"]);
        let verdict = scene.verify();
        assert!(verdict.text().len() < 40_000, "{claim}: {} bytes", verdict.text().len());
        verdict.rejected(claim, MALFORMED);
    }
}

#[test]
fn a_mutated_envelope_is_the_signed_one_or_none() {
    use dropgate::gate::receive_native;
    use dropgate::trust::TrustStore;
    let scene = Scene::good();
    let whole = fs::read(scene.file("drop.dsse.json")).unwrap();
    let store = TrustStore::load(&fixture("gate/trust.toml"), &dropgate::files::OnDisk).unwrap();
    let at = "2026-06-01T00:00:00Z".parse().unwrap();
    let signed = receive_native(whole.clone(), &store, at).unwrap().value().digest;
    // A generator of ours, so that every run tries the same.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut read = 0;
    for round in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(6) {
                0 => bytes[at] ^= 1 << next(8),
                1 => bytes[at] = b"\"{}[],:\\ux00 \n\xff=+-_A"[next(20)],
                2 => drop(bytes.remove(at)),
                3 => bytes.insert(at, whole[next(whole.len())]),
                4 => bytes.truncate(at.max(1)),
                _ => {
                    let from = next(whole.len());
                    let piece = whole[from..(from + next(200)).min(whole.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        if let Ok(manifest) = receive_native(bytes, &store, at) {
            assert_eq!(manifest.value().digest, signed, "round {round}");
            read += 1;
        }
    }
    // Blanks, other key ids: the form may change, what was signed may not.
    assert!(read > 0);
}
