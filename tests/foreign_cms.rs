//! A CMS signature counts when `openssl cms` made it over exactly this file by the operator's certificate, and not otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

mod common;

use common::openssl::{Workshop, pem, tlv, unpem};
use dropgate::time::{Period, Time};
use dropgate::trust::cms::Signature;
use dropgate::trust::detached::Tried;
use dropgate::trust::message::Message;
use dropgate::trust::x509::{Credential, Rules};
use sha2::Digest as _;

const DATA: &[u8] = b"package\n";
const CA: &str =
    "basicConstraints=critical,CA:TRUE; keyUsage=critical,keyCertSign,cRLSign; subjectKeyIdentifier=hash";
const LEAF: &str = "basicConstraints=CA:FALSE; keyUsage=critical,digitalSignature; subjectKeyIdentifier=hash";
const SIGN: &str = "cms -sign -binary -in data -signer leaf.crt -inkey leaf.key";
const VERIFY: &str = "cms -verify -binary -content data -CAfile root.crt -purpose any -out out -in";

fn rules() -> Rules {
    Rules { subject: Some("CN=Signing,O=Acme".into()), ..Rules::default() }
}

fn now() -> Time {
    Time::now().after(Period::of_seconds(60))
}

/// A root, an authority below it, and a signer by that.
fn shop(kind: &str) -> Option<Workshop> {
    let shop = Workshop::open()?;
    shop.write("data", DATA);
    shop.certificate("root", None, "/O=Acme/CN=Root", 3650, CA);
    shop.certificate("inter", Some("root"), "/O=Acme/CN=Inter", 3650, CA);
    shop.key("leaf", kind);
    shop.certificate("leaf", Some("inter"), "/O=Acme/CN=Signing", 3650, LEAF);
    Some(shop)
}

fn credential(shop: &Workshop) -> Credential {
    Credential::new(&[&shop.read("root.crt")], &[], &[], rules()).unwrap()
}

fn try_it(credential: &Credential, signature: &[u8], data: &[u8]) -> Tried {
    match Signature::read(signature) {
        Err(why) => Tried::Bad(format!("unreadable: {why}")),
        Ok(signature) => signature.check(credential, &Message::of(&signature.needs(), data), now()),
    }
}

#[track_caller]
fn good(claim: &str, tried: &Tried) {
    assert!(
        matches!(tried, Tried::Good(said) if said.who.as_deref() == Some("CN=Signing,O=Acme")),
        "{claim}: {tried:?}"
    );
}

#[track_caller]
fn bad(claim: &str, tried: &Tried, expected: &str) {
    assert!(
        matches!(tried, Tried::Bad(why) if why.contains(expected)),
        "{claim}: expected {expected:?} in {tried:?}"
    );
}

#[test]
fn what_openssl_signed_is_good_in_every_form() {
    for kind in ["rsa:2048", "P-256", "P-384"] {
        let Some(shop) = shop(kind) else { return };
        let credential = credential(&shop);
        let mut ways = vec!["", "-keyid", "-md sha256", "-md sha384", "-nosmimecap"];
        if kind == "rsa:2048" {
            ways.extend([
                "-md sha512",
                "-keyopt rsa_padding_mode:pss",
                "-keyopt rsa_padding_mode:pss -md sha512",
            ]);
        }
        for way in ways {
            let way = match way.contains("pss") {
                true => format!("{way} -keyopt rsa_pss_saltlen:-1"),
                false => way.to_owned(),
            };
            shop.openssl(&format!("{SIGN} {way} -certfile inter.crt -outform PEM -out sig"));
            let text = shop.text("sig");
            let der = unpem(&text);
            for form in [
                text.clone().into_bytes(),
                text.replace('\n', "\r\n").into_bytes(),
                text.replace("CMS", "PKCS7").into_bytes(),
                der,
            ] {
                good(&format!("{kind} {way}"), &try_it(&credential, &form, DATA));
            }
            assert!(shop.accepts(&format!("{VERIFY} sig -inform PEM")), "{kind} {way}");
        }
        let Tried::Good(said) = try_it(&credential, &shop.read("sig"), DATA) else { panic!("it is good") };
        assert!(said.when.is_some());
    }
}

#[test]
fn certificates_may_lie_beside_the_signature_or_with_the_operator() {
    let Some(shop) = shop("P-256") else { return };
    let root = shop.read("root.crt");
    shop.openssl(&format!("{SIGN} -outform DER -out no-inter"));
    shop.openssl(&format!("{SIGN} -nocerts -outform DER -out bare"));
    assert_eq!(try_it(&credential(&shop), &shop.read("bare"), DATA), Tried::Other);
    assert_eq!(try_it(&credential(&shop), &shop.read("no-inter"), DATA), Tried::Other);
    let named = Signature::read(&shop.read("bare")).unwrap().signer_named();
    assert!(named.contains("CN=Inter,O=Acme"), "{named}");
    let chain = [shop.read("leaf.crt"), shop.read("inter.crt")].concat();
    let whole = Signature::read(&shop.read("bare")).unwrap().with_certificates(&chain).unwrap();
    assert_eq!(whole.signer_named(), "CN=Signing,O=Acme");
    good("beside", &whole.check(&credential(&shop), &Message::of(&whole.needs(), DATA), now()));
    let inter = Credential::new(&[&root], &[&shop.read("inter.crt")], &[], rules()).unwrap();
    good("the operator's intermediate", &try_it(&inter, &shop.read("no-inter"), DATA));
    let pinned = Credential::new(&[&shop.read("leaf.crt")], &[], &[], Rules::default()).unwrap();
    good("pinned", &try_it(&pinned, &shop.read("bare"), DATA));
    assert!(whole.clone().with_certificates(b"-----BEGIN PRIVATE KEY-----").is_err());
}

#[test]
fn data_signature_and_attributes_are_held_byte_for_byte() {
    let Some(shop) = shop("P-256") else { return };
    let credential = credential(&shop);
    shop.openssl(&format!("{SIGN} -certfile inter.crt -outform DER -out sig"));
    let der = shop.read("sig");
    for at in 0..DATA.len() {
        let mut data = DATA.to_vec();
        data[at] ^= 1;
        bad("a changed byte of data", &try_it(&credential, &der, &data), "the signature is over other data");
    }
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1;
        // The list of digest algorithms before the content is signed by nobody and asked by nobody.
        let is_unsigned = at < 60;
        assert!(is_unsigned || !matches!(try_it(&credential, &changed, DATA), Tried::Good(_)), "byte {at}");
        assert!(Signature::read(&der[..at]).is_err(), "cut off at {at}");
    }
    for more in [&[0][..], b"\n", &der] {
        assert!(Signature::read(&[&*der, more].concat()).is_err(), "bytes behind");
    }
    let twice = pem("CMS", &der).repeat(2);
    assert!(Signature::read(twice.as_bytes()).is_err(), "two blocks");
}

#[test]
fn other_forms_of_cms_are_refused_with_the_way_out() {
    let Some(shop) = shop("rsa:2048") else { return };
    let credential = credential(&shop);
    for (claim, how, expected) in [
        ("no attributes", "-noattr -outform DER", "expected signed attributes, found none"),
        ("content inside", "-nodetach -outform DER", "content inside"),
        ("BER", "-stream -outform DER", "without -stream"),
        ("BER in PEM", "-stream -outform PEM", "without -stream"),
        ("SHA-1", "-md sha1 -outform DER", "expected digest algorithm"),
        ("MD5", "-md md5 -outform DER", "expected digest algorithm"),
        ("another salt", "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:10 -outform DER", "RSA-PSS"),
        ("another content type", "-econtent_type 1.2.840.113549.1.9.16.1.4 -outform DER", "id-data"),
    ] {
        shop.openssl(&format!("{SIGN} -certfile inter.crt {how} -out sig"));
        bad(claim, &try_it(&credential, &shop.read("sig"), DATA), expected);
    }
    shop.openssl("crl2pkcs7 -nocrl -certfile leaf.crt -outform DER -out sig");
    bad("no signer", &try_it(&credential, &shop.read("sig"), DATA), "expected at least one signer");
    bad("a key", &try_it(&credential, &shop.read("leaf.key"), DATA), "private key");
    bad("a certificate", &try_it(&credential, &shop.read("leaf.crt"), DATA), "BEGIN CERTIFICATE");
    bad(
        "a certificate in DER",
        &try_it(&credential, &shop.openssl("x509 -in leaf.crt -outform DER"), DATA),
        "ContentInfo",
    );
    bad("nothing", &try_it(&credential, b"", DATA), "ContentInfo");
}

#[test]
fn of_several_signers_one_that_is_good_is_enough_and_the_others_stay_others() {
    let Some(shop) = shop("P-256") else { return };
    shop.certificate("other", None, "/O=Other/CN=Self", 3650, LEAF);
    shop.openssl(&format!(
        "{SIGN} -signer other.crt -inkey other.key -certfile inter.crt -outform DER -out both"
    ));
    good("both", &try_it(&credential(&shop), &shop.read("both"), DATA));
    bad("both over other data", &try_it(&credential(&shop), &shop.read("both"), b"other"), "other data");
    let named = Signature::read(&shop.read("both")).unwrap().signer_named();
    assert!(named.contains("CN=Self,O=Other") && named.contains("CN=Signing,O=Acme"), "{named}");
    shop.openssl("cms -sign -binary -in data -signer other.crt -inkey other.key -certfile inter.crt -outform DER -out one");
    assert_eq!(try_it(&credential(&shop), &shop.read("one"), DATA), Tried::Other);
}

#[test]
fn a_signature_by_another_key_under_the_signers_name_is_refused() {
    let Some(shop) = shop("P-256") else { return };
    // The same certificate's name and number, another key: what an attacker can put into a file.
    shop.openssl(&format!("{SIGN} -certfile inter.crt -outform DER -out sig"));
    let der = shop.read("sig");
    shop.key("thief", "P-256");
    shop.write("attributes", b"anything");
    shop.openssl("dgst -sha256 -sign thief.key -out forged attributes");
    let forged = shop.read("forged");
    let old = &der[der.len() - forged.len()..];
    assert_eq!(old.len(), forged.len());
    let claimed = assembled(&shop, &forged, &attributes(), "leaf.crt");
    bad("another key", &try_it(&credential(&shop), &claimed, DATA), "expected a signature by");
}

const OID_TYPE: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const OID_DIGEST: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const OID_TIME: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
const ID_DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const ID_SIGNED: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const SHA256: &[u8] = &[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const ECDSA: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

fn attribute(oid: &[u8], values: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[oid.to_vec(), tlv(0x31, &values.concat())].concat())
}

fn attributes() -> Vec<Vec<u8>> {
    let digest = sha2::Sha256::digest(DATA).to_vec();
    vec![attribute(OID_TYPE, &[ID_DATA.to_vec()]), attribute(OID_DIGEST, &[tlv(4, &digest)])]
}

/// A SignedData by hand, whose signer is named by the certificate's key identifier.
fn assembled(shop: &Workshop, signature: &[u8], attributes: &[Vec<u8>], certificate: &str) -> Vec<u8> {
    let text =
        String::from_utf8(shop.openssl(&format!("x509 -in {certificate} -noout -ext subjectKeyIdentifier")))
            .unwrap();
    let identifier: Vec<u8> = text
        .lines()
        .nth(1)
        .unwrap()
        .trim()
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    let signer = [
        tlv(2, &[3]),
        tlv(0x80, &identifier),
        SHA256.to_vec(),
        tlv(0xa0, &attributes.concat()),
        ECDSA.to_vec(),
        tlv(4, signature),
    ];
    let certificates = [unpem(&shop.text(certificate)), unpem(&shop.text("inter.crt"))].concat();
    let signed = [
        tlv(2, &[3]),
        tlv(0x31, SHA256),
        tlv(0x30, ID_DATA),
        tlv(0xa0, &certificates),
        tlv(0x31, &tlv(0x30, &signer.concat())),
    ];
    tlv(0x30, &[ID_SIGNED.to_vec(), tlv(0xa0, &tlv(0x30, &signed.concat()))].concat())
}

#[test]
fn signed_attributes_are_each_there_once_and_in_order() {
    let Some(shop) = shop("P-256") else { return };
    let credential = credential(&shop);
    let make = |attributes: &[Vec<u8>]| {
        shop.write("set", tlv(0x31, &attributes.concat()));
        shop.openssl("dgst -sha256 -sign leaf.key -out raw set");
        assembled(&shop, &shop.read("raw"), attributes, "leaf.crt")
    };
    let own = attributes();
    good("by hand", &try_it(&credential, &make(&own), DATA));
    shop.write("sig", make(&own));
    assert!(shop.accepts(&format!("{VERIFY} sig -inform DER")));
    let digest = sha2::Sha256::digest(DATA).to_vec();
    let other = attribute(OID_DIGEST, &[tlv(4, &[0; 32])]);
    let time = |text: &[u8]| attribute(OID_TIME, &[tlv(0x18, text)]);
    let sorted = |mut all: Vec<Vec<u8>>| {
        all.sort();
        all
    };
    for (claim, attributes, expected) in [
        ("no contentType", vec![own[1].clone()], "contentType, found none"),
        ("no messageDigest", vec![own[0].clone()], "messageDigest, found none"),
        ("none at all", vec![], "contentType, found none"),
        ("another digest", sorted(vec![own[0].clone(), other.clone()]), "expected digest 0000"),
        ("two digests", sorted(vec![own[0].clone(), own[1].clone(), other]), "twice"),
        ("the digest twice", vec![own[0].clone(), own[1].clone(), own[1].clone()], "each once"),
        (
            "two values",
            sorted(vec![own[0].clone(), attribute(OID_DIGEST, &[tlv(4, &[0; 32]), tlv(4, &digest)])]),
            "expected one value",
        ),
        ("no value", sorted(vec![own[0].clone(), attribute(OID_DIGEST, &[])]), "expected one value"),
        (
            "a shorter digest",
            sorted(vec![own[0].clone(), attribute(OID_DIGEST, &[tlv(4, &digest[..20])])]),
            "other data",
        ),
        (
            "signed-data as type",
            sorted(vec![attribute(OID_TYPE, &[ID_SIGNED.to_vec()]), own[1].clone()]),
            "id-data",
        ),
        ("another order", vec![own[1].clone(), own[0].clone()], "order of DER"),
        (
            "from the future",
            sorted(vec![own[0].clone(), own[1].clone(), time(b"20991231235959Z")]),
            "2099-12-31",
        ),
        ("no time", sorted(vec![own[0].clone(), own[1].clone(), time(b"yesterday")]), "signingTime"),
    ] {
        bad(claim, &try_it(&credential, &make(&attributes), DATA), expected);
    }
    let past = make(&sorted(vec![own[0].clone(), own[1].clone(), time(b"20200101000000Z")]));
    let Tried::Good(said) = try_it(&credential, &past, DATA) else { panic!("a claimed time only informs") };
    assert_eq!(said.when.unwrap().to_string(), "2020-01-01T00:00:00Z");
}

#[test]
fn attributes_offered_as_the_message_are_refused() {
    let Some(shop) = shop("P-256") else { return };
    let set = tlv(0x31, &attributes().concat());
    shop.write("set", &set);
    shop.openssl("cms -sign -binary -noattr -in set -signer leaf.crt -inkey leaf.key -certfile inter.crt -outform DER -out sig");
    bad(
        "over attributes, none of its own",
        &try_it(&credential(&shop), &shop.read("sig"), &set),
        "found none",
    );
}
