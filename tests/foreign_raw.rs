//! A raw signature counts when `openssl` made it by the operator's key and algorithm over exactly this file, and not otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::have;
use common::openssl::{Workshop, pem, tlv, unpem};
use dropgate::trust::detached::Tried;
use dropgate::trust::message::Message;
use dropgate::trust::raw::{Credential, Signature};

const DATA: &[u8] = b"image of a router\n";

fn tried(credential: &Credential, data: &[u8], signature: &[u8]) -> Tried {
    tried_at(credential, data, signature, "2026-01-20T12:00:00Z")
}

fn tried_at(credential: &Credential, data: &[u8], signature: &[u8], at: &str) -> Tried {
    let Ok(signature) = Signature::read(signature) else {
        return Tried::Bad("it can't be read".to_owned());
    };
    let message = Message::of(&signature.needs(), data);
    signature.check(credential, &message, at.parse().unwrap())
}

fn is_good(tried: &Tried) -> bool {
    matches!(tried, Tried::Good(_))
}

/// A key of each kind, and how `openssl dgst` is told to sign for each algorithm of it.
const PSS: &str = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1";
const KINDS: [(&str, &[(&str, &str, &str)]); 4] = [
    (
        "rsa:2048",
        &[
            ("rsa-pkcs1-sha256", "-sha256", ""),
            ("rsa-pkcs1-sha384", "-sha384", ""),
            ("rsa-pkcs1-sha512", "-sha512", ""),
            ("rsa-pss-sha256", "-sha256", PSS),
            ("rsa-pss-sha384", "-sha384", PSS),
            ("rsa-pss-sha512", "-sha512", PSS),
        ],
    ),
    ("rsa:2048:3", &[("rsa-pkcs1-sha256", "-sha256", ""), ("rsa-pss-sha256", "-sha256", PSS)]),
    ("P-256", &[("ecdsa-p256-sha256", "-sha256", ""), ("ecdsa-p256-sha384", "-sha384", "")]),
    ("P-384", &[("ecdsa-p384-sha256", "-sha256", ""), ("ecdsa-p384-sha384", "-sha384", "")]),
];

#[test]
fn what_openssl_signed_is_good_in_every_form_and_by_its_own_algorithm_alone() {
    let Some(shop) = Workshop::open() else { return };
    shop.write("data", DATA);
    for (kind, algorithms) in KINDS {
        shop.key("own", kind);
        let public = shop.text("own.pub");
        for (algorithm, hash, options) in algorithms {
            shop.openssl(&format!("dgst {hash} -sign own.key {options} -out sig data"));
            let signature = shop.read("sig");
            let credential = Credential::parse(&public, algorithm).unwrap();
            let forms = [
                signature.clone(),
                signature.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes(),
                STANDARD.encode(&signature).into_bytes(),
                shop.openssl("base64 -in sig"),
            ];
            for form in forms {
                assert!(is_good(&tried(&credential, DATA, &form)), "{kind} {algorithm}");
            }
            for (other, _, _) in algorithms.iter().filter(|(other, _, _)| other != algorithm) {
                let credential = Credential::parse(&public, other).unwrap();
                assert_eq!(
                    tried(&credential, DATA, &signature),
                    Tried::Other,
                    "{kind} {algorithm} as {other}"
                );
            }
        }
    }
}

#[test]
fn what_pkeyutl_signed_is_good() {
    let Some(shop) = Workshop::open() else { return };
    shop.write("data", DATA);
    shop.key("own", "rsa:3072");
    shop.openssl("pkeyutl -sign -rawin -digest sha512 -inkey own.key -in data -out sig");
    let credential = Credential::parse(&shop.text("own.pub"), "rsa-pkcs1-sha512").unwrap();
    assert!(is_good(&tried(&credential, DATA, &shop.read("sig"))));
}

#[test]
fn one_changed_byte_of_data_or_signature_and_any_other_key_is_refused() {
    let Some(shop) = Workshop::open() else { return };
    shop.write("data", DATA);
    for (kind, algorithms) in KINDS {
        shop.key("own", kind);
        shop.key("other", kind);
        let (algorithm, hash, options) = algorithms[0];
        shop.openssl(&format!("dgst {hash} -sign own.key {options} -out sig data"));
        let signature = shop.read("sig");
        let credential = Credential::parse(&shop.text("own.pub"), algorithm).unwrap();
        for at in 0..DATA.len() {
            let mut data = DATA.to_vec();
            data[at] ^= 1;
            assert_eq!(tried(&credential, &data, &signature), Tried::Other, "{kind}: data byte {at}");
        }
        assert_eq!(tried(&credential, &DATA[1..], &signature), Tried::Other, "{kind}: data cut off");
        assert_eq!(tried(&credential, b"", &signature), Tried::Other, "{kind}: no data");
        for at in 0..signature.len() {
            let mut changed = signature.clone();
            changed[at] ^= 0x40;
            assert!(!is_good(&tried(&credential, DATA, &changed)), "{kind}: signature byte {at}");
            assert!(!is_good(&tried(&credential, DATA, &signature[..at])), "{kind}: cut off at {at}");
        }
        for more in [vec![0], vec![10], signature.clone()] {
            let longer = [signature.clone(), more].concat();
            assert!(!is_good(&tried(&credential, DATA, &longer)), "{kind}: bytes behind the signature");
        }
        let zeros = vec![0; signature.len()];
        assert!(!is_good(&tried(&credential, DATA, &zeros)), "{kind}: zeros");
        let other = Credential::parse(&shop.text("other.pub"), algorithm).unwrap();
        assert_eq!(tried(&other, DATA, &signature), Tried::Other, "{kind}: another key");
    }
}

#[test]
fn pss_with_another_salt_or_mask_is_not_good() {
    let Some(shop) = Workshop::open() else { return };
    shop.write("data", DATA);
    shop.key("own", "rsa:2048");
    let credential = Credential::parse(&shop.text("own.pub"), "rsa-pss-sha256").unwrap();
    for options in [
        "-sigopt rsa_pss_saltlen:0",
        "-sigopt rsa_pss_saltlen:20",
        "-sigopt rsa_pss_saltlen:-2",
        "-sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha1",
        "-sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha512",
    ] {
        shop.openssl(&format!(
            "dgst -sha256 -sign own.key -sigopt rsa_padding_mode:pss {options} -out sig data"
        ));
        assert_eq!(tried(&credential, DATA, &shop.read("sig")), Tried::Other, "{options}");
    }
}

/// Bleichenbacher's forgery of 2006: with e = 3 a cube root makes a signature whose cube begins as it should, and whose rest a
/// lax check does not look at. No private key is used.
const FORGE: &str = r"
import hashlib, sys
data = open('data', 'rb').read()
info = bytes.fromhex('3031300d060960864801650304020105000420') + hashlib.sha256(data).digest()
size = 256
def root(n):
    low, high = 0, 1 << (n.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle ** 3 < n else (low, middle)
    return low
for name, padding in [('short', 8), ('none', 0), ('long', 24)]:
    head = b'\x00\x01' + b'\xff' * padding + b'\x00' + info
    least = int.from_bytes(head + b'\x00' * (size - len(head)), 'big')
    forged = root(least)
    cube = (forged ** 3).to_bytes(size, 'big')
    assert cube.startswith(head), name
    open('forged-' + name, 'wb').write(forged.to_bytes(size, 'big'))
";

#[test]
fn signatures_forged_for_an_exponent_of_three_are_refused() {
    let Some(shop) = Workshop::open() else { return };
    if !have("python3", &["--version"]) {
        return;
    }
    shop.write("data", DATA);
    shop.write("forge.py", FORGE);
    shop.key("own", "rsa:2048:3");
    let forging = shop.run("python3", "forge.py");
    assert!(forging.status.success(), "{}", String::from_utf8_lossy(&forging.stderr));
    let credential = Credential::parse(&shop.text("own.pub"), "rsa-pkcs1-sha256").unwrap();
    for name in ["forged-short", "forged-none", "forged-long"] {
        assert_eq!(tried(&credential, DATA, &shop.read(name)), Tried::Other, "{name}");
        assert!(!shop.accepts(&format!("dgst -sha256 -verify own.pub -signature {name} data")), "{name}");
    }
}

/// The order of P-256, for s and n - s.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn numbers(signature: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let r = 4 + usize::from(signature[3]);
    (signature[4..r].to_vec(), signature[r + 2..].to_vec())
}

fn negated(s: &[u8]) -> Vec<u8> {
    let order: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&ORDER[i * 2..i * 2 + 2], 16).unwrap()).collect();
    let digits: Vec<u8> = std::iter::repeat_n(0, 33).chain(s.iter().copied()).collect();
    let s = &digits[digits.len() - 32..];
    let mut borrow = 0;
    let mut result = vec![0; 32];
    for at in (0..32).rev() {
        let difference = i32::from(order[at]) - i32::from(s[at]) - borrow;
        borrow = i32::from(difference < 0);
        result[at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let result: Vec<u8> = result.into_iter().skip_while(|byte| *byte == 0).collect();
    if result[0] > 127 { [vec![0], result].concat() } else { result }
}

#[test]
fn ecdsa_signatures_have_one_encoding_and_no_zero() {
    let Some(shop) = Workshop::open() else { return };
    shop.write("data", DATA);
    shop.key("own", "P-256");
    shop.openssl("dgst -sha256 -sign own.key -out sig data");
    let credential = Credential::parse(&shop.text("own.pub"), "ecdsa-p256-sha256").unwrap();
    let signature = shop.read("sig");
    let (r, s) = numbers(&signature);
    let order = [vec![0], negated(&[])].concat();
    let made = |r: &[u8], s: &[u8]| tlv(0x30, &[tlv(2, r), tlv(2, s)].concat());
    assert_eq!(made(&r, &s), signature);
    // Stated: both of the pair are accepted, as OpenSSL does.
    let high = made(&r, &negated(&s));
    assert!(is_good(&tried(&credential, DATA, &high)));
    shop.write("high", &high);
    assert!(shop.accepts("dgst -sha256 -verify own.pub -signature high data"));
    let inside = [tlv(2, &r), tlv(2, &s)].concat();
    let long_form = [vec![0x30, 0x81, u8::try_from(inside.len()).unwrap()], inside.clone()].concat();
    for (claim, signature) in [
        ("r is zero", made(&[0], &s)),
        ("s is zero", made(&r, &[0])),
        ("both are zero", made(&[0], &[0])),
        ("r is the order", made(&order, &s)),
        ("a zero in front", made(&[vec![0], r.clone()].concat(), &s)),
        ("a negative s", made(&r, &[&[0xff], &*s].concat())),
        ("a byte behind", [signature.clone(), vec![0]].concat()),
        ("a byte inside behind", tlv(0x30, &[inside.clone(), vec![0]].concat())),
        ("a third number", tlv(0x30, &[inside.clone(), tlv(2, &[1])].concat())),
        ("one number", tlv(0x30, &tlv(2, &r))),
        ("a longer length than need be", long_form),
        ("an indefinite length", [vec![0x30, 0x80], inside, vec![0, 0]].concat()),
        ("a set", tlv(0x31, &signature[2..])),
        ("the two numbers alone, as other tools write them", {
            let last = |n: &[u8]| [vec![0; 32], n.to_vec()].concat()[n.len()..].to_vec();
            [last(&r), last(&s)].concat()
        }),
    ] {
        assert!(!is_good(&tried(&credential, DATA, &signature)), "{claim}");
    }
}

#[track_caller]
fn refused(claim: &str, text: &str, algorithm: &str, expected: &str) {
    let refusal = Credential::parse(text, algorithm).expect_err(claim).to_string();
    assert!(refusal.contains(expected), "{claim}: {refusal}");
    assert!(!refusal.contains("MII"), "{claim}: {refusal}");
}

fn rsa_spki(modulus: &[u8], exponent: &[u8], parameters: &[u8]) -> String {
    let key = tlv(0x30, &[tlv(2, modulus), tlv(2, exponent)].concat());
    let oid = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    let algorithm = tlv(0x30, &[&oid, parameters].concat());
    pem("PUBLIC KEY", &tlv(0x30, &[algorithm, tlv(3, &[&[0], &*key].concat())].concat()))
}

#[test]
fn weak_and_damaged_credentials_are_refused() {
    let Some(shop) = Workshop::open() else { return };
    shop.key("rsa", "rsa:2048");
    shop.key("short", "rsa:1024");
    shop.key("almost", "rsa:2040");
    shop.key("p256", "P-256");
    shop.key("p521", "P-521");
    shop.key("k1", "secp256k1");
    shop.key("ed", "ed25519");
    shop.openssl("ec -in p256.key -pubout -conv_form compressed -out compressed.pub");
    shop.openssl("ec -in p256.key -pubout -param_enc explicit -out explicit.pub");
    shop.openssl("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.key");
    shop.openssl("pkey -in pss.key -pubout -out pss.pub");
    let good = shop.text("rsa.pub");
    let pkcs1 = "rsa-pkcs1-sha256";
    let mut modulus = vec![0; 257];
    (modulus[1], modulus[256]) = (0xc0, 1);
    let null = [5, 0];
    assert!(Credential::parse(&rsa_spki(&modulus, &[3], &null), pkcs1).is_ok());
    let der = unpem(&good);
    for (claim, text, algorithm, expected) in [
        ("1024 bits", shop.text("short.pub"), pkcs1, "found 1024 bits"),
        ("2040 bits", shop.text("almost.pub"), pkcs1, "found 2040 bits"),
        (
            "16384 bits",
            rsa_spki(&[vec![0, 0xff], vec![0xff; 2047]].concat(), &[3], &null),
            pkcs1,
            "16384 bits",
        ),
        ("an exponent of 1", rsa_spki(&modulus, &[1], &null), pkcs1, "found 01"),
        ("an exponent of 0", rsa_spki(&modulus, &[0], &null), pkcs1, "found 00"),
        ("an even exponent", rsa_spki(&modulus, &[1, 0, 0], &null), pkcs1, "found 010000"),
        ("a huge exponent", rsa_spki(&modulus, &[1; 256], &null), pkcs1, "odd RSA exponent"),
        ("a negative modulus", rsa_spki(&modulus[1..], &[3], &null), pkcs1, "SubjectPublicKeyInfo"),
        (
            "an even modulus",
            rsa_spki(&[&modulus[..256], &[2]].concat(), &[3], &null),
            pkcs1,
            "odd RSA modulus",
        ),
        ("no parameters", rsa_spki(&modulus, &[3], &[]), pkcs1, "found algorithm 1.2.840.113549.1.1.1"),
        (
            "a key for PSS alone",
            shop.text("pss.pub"),
            "rsa-pss-sha256",
            "found algorithm 1.2.840.113549.1.1.10",
        ),
        ("P-521", shop.text("p521.pub"), "ecdsa-p256-sha256", "1.3.132.0.35"),
        ("secp256k1", shop.text("k1.pub"), "ecdsa-p256-sha256", "1.3.132.0.10"),
        ("a compressed point", shop.text("compressed.pub"), "ecdsa-p256-sha256", "uncompressed"),
        ("a curve by its numbers", shop.text("explicit.pub"), "ecdsa-p256-sha256", "without a named curve"),
        (
            "P-256 for P-384",
            shop.text("p256.pub"),
            "ecdsa-p384-sha384",
            "the key is another: key on curve P-256",
        ),
        ("P-256 for RSA", shop.text("p256.pub"), pkcs1, "the key is another"),
        ("RSA for ECDSA", good.clone(), "ecdsa-p256-sha256", "RSA key of 2048 bits"),
        ("Ed25519", shop.text("ed.pub"), pkcs1, "Ed25519 key"),
        ("SHA-1", good.clone(), "rsa-pkcs1-sha1", "expected one of rsa-pkcs1-sha256"),
        ("a private key", shop.text("rsa.key"), pkcs1, "private key"),
        ("both halves", good.clone() + &shop.text("rsa.key"), pkcs1, "private key"),
        ("two keys", good.clone() + &good, pkcs1, "at most 1 PEM block"),
        ("text behind", good.clone() + "vendor\n", pkcs1, "found other text"),
        ("bytes behind the key", pem("PUBLIC KEY", &[&*der, &[0]].concat()), pkcs1, "bytes behind it"),
        (
            "an old RSA PUBLIC KEY",
            good.replace("PUBLIC", "RSA PUBLIC"),
            pkcs1,
            "found -----BEGIN RSA PUBLIC KEY",
        ),
        ("nothing", String::new(), pkcs1, "found none"),
    ] {
        refused(claim, &text, algorithm, expected);
    }
    for at in 0..der.len() {
        assert!(Credential::parse(&pem("PUBLIC KEY", &der[..at]), pkcs1).is_err(), "cut off at {at}");
    }
}

#[test]
fn a_pinned_certificate_counts_by_its_key_and_between_its_dates() {
    let Some(shop) = Workshop::open() else { return };
    shop.write("data", DATA);
    shop.key("own", "rsa:2048");
    shop.openssl("req -new -x509 -key own.key -subj /O=Acme/CN=Images -days 30 -out own.crt");
    shop.openssl("dgst -sha256 -sign own.key -out sig data");
    let credential = Credential::parse(&shop.text("own.crt"), "rsa-pkcs1-sha256").unwrap();
    let by_key = Credential::parse(&shop.text("own.pub"), "rsa-pkcs1-sha256").unwrap();
    assert_eq!(credential.fingerprint(), by_key.fingerprint());
    let printed = unpem(&shop.text("own.pub"));
    assert_eq!(by_key.fingerprint(), {
        use sha2::Digest as _;
        dropgate::digest::hex(&sha2::Sha256::digest(printed))
    });
    assert_eq!(credential.names()[1], "CN=Images,O=Acme");
    let now = dropgate::time::Time::now().to_string();
    let Tried::Good(said) = tried_at(&credential, DATA, &shop.read("sig"), &now) else {
        panic!("the certificate is valid now")
    };
    assert_eq!(said.who.as_deref(), Some("CN=Images,O=Acme"));
    for (at, expected) in [("2020-01-01T00:00:00Z", "not yet valid"), ("2199-01-01T00:00:00Z", "has expired")]
    {
        let tried = tried_at(&credential, DATA, &shop.read("sig"), at);
        assert!(matches!(&tried, Tried::Bad(why) if why.contains(expected)), "{at}: {tried:?}");
        assert_eq!(tried_at(&credential, b"other", &shop.read("sig"), at), Tried::Other);
    }
}
