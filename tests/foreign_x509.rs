//! A signer's certificate counts when it leads to the operator's anchor and the rules mean it, and not otherwise. Certificates, lists
//! and signatures are made by `openssl`, and its answer is asked too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

mod common;

use common::openssl::{Workshop, tlv, unpem};
use dropgate::time::{Period, Time};
use dropgate::trust::cms::Signature;
use dropgate::trust::detached::Tried;
use dropgate::trust::message::Message;
use dropgate::trust::x509::{Credential, Revocation, Rules};

const DATA: &[u8] = b"package\n";
const CA: &str = "basicConstraints=critical,CA:TRUE; keyUsage=critical,keyCertSign,cRLSign; subjectKeyIdentifier=hash; authorityKeyIdentifier=keyid";
const LEAF: &str = "basicConstraints=CA:FALSE; keyUsage=critical,digitalSignature; subjectKeyIdentifier=hash; authorityKeyIdentifier=keyid";
const AKI: &str = "authorityKeyIdentifier=keyid";

fn rules() -> Rules {
    Rules { subject: Some("CN=Signing,O=Acme".into()), ..Rules::default() }
}

fn in_days(days: i64) -> Time {
    Time::now().after(Period::of_seconds(60 + days * 86_400))
}

fn shop() -> Option<Workshop> {
    let shop = Workshop::open()?;
    shop.write("data", DATA);
    shop.certificate("root", None, "/O=Acme/CN=Root", 3650, CA);
    shop.certificate("inter", Some("root"), "/O=Acme/CN=Inter", 3650, CA);
    shop.certificate("leaf", Some("inter"), "/O=Acme/CN=Signing", 3650, LEAF);
    Some(shop)
}

/// Signs by leaf, with inter beside it.
fn sign(shop: &Workshop) -> Signature {
    shop.openssl("cms -sign -binary -in data -signer leaf.crt -inkey leaf.key -certfile inter.crt -outform DER -out sig");
    Signature::read(&shop.read("sig")).unwrap()
}

fn tried(credential: &Credential, signature: &Signature, at: Time) -> Tried {
    signature.check(credential, &Message::of(&signature.needs(), DATA), at)
}

fn try_now(shop: &Workshop) -> Tried {
    let credential = Credential::new(&[&shop.read("root.crt")], &[], &[], rules()).unwrap();
    tried(&credential, &sign(shop), in_days(0))
}

fn openssl_accepts(shop: &Workshop, how: &str) -> bool {
    shop.accepts(&format!(
        "cms -verify -binary -content data -inform DER -in sig -CAfile root.crt -out out {how}"
    ))
}

#[track_caller]
fn good(claim: &str, tried: &Tried) {
    assert!(matches!(tried, Tried::Good(_)), "{claim}: {tried:?}");
}

#[track_caller]
fn bad(claim: &str, tried: &Tried, expected: &str) {
    assert!(
        matches!(tried, Tried::Bad(why) if why.contains(expected)),
        "{claim}: expected {expected:?} in {tried:?}"
    );
}

/// What one certificate of the path says differently: whose, its extensions, what must be said, and whether OpenSSL refuses it too.
const CASES: &[(&str, &str, &str, &str, bool)] = &[
    (
        "wrong usage",
        "leaf",
        "basicConstraints=CA:FALSE; keyUsage=critical,keyEncipherment",
        "digitalSignature or nonRepudiation",
        true,
    ),
    ("for servers", "leaf", "basicConstraints=CA:FALSE; extendedKeyUsage=serverAuth", "another use", true),
    (
        "for time stamps",
        "leaf",
        "basicConstraints=CA:FALSE; extendedKeyUsage=critical,timeStamping",
        "another use",
        true,
    ),
    ("an authority as signer", "leaf", CA, "is an authority's", false),
    ("v1", "leaf", "", "X.509 version 1", false),
    (
        "unknown critical extension",
        "leaf",
        "basicConstraints=CA:FALSE; 1.2.3.4=critical,DER:0500",
        "critical extension 1.2.3.4",
        true,
    ),
    ("no authority", "inter", "basicConstraints=CA:FALSE", "not an authority's", true),
    ("no constraints", "inter", "subjectKeyIdentifier=hash", "not an authority's", true),
    ("v1 authority", "inter", "", "X.509 version 1", true),
    (
        "an authority that may not issue",
        "inter",
        "basicConstraints=critical,CA:TRUE; keyUsage=cRLSign",
        "keyCertSign",
        true,
    ),
    (
        "an authority for servers",
        "inter",
        "basicConstraints=critical,CA:TRUE; extendedKeyUsage=serverAuth",
        "another use",
        true,
    ),
    (
        "an authority with an unknown critical extension",
        "inter",
        "basicConstraints=critical,CA:TRUE; 1.2.3.4=critical,DER:0500",
        "critical extension 1.2.3.4",
        true,
    ),
    (
        "a root without an intermediate",
        "root",
        "basicConstraints=critical,CA:TRUE,pathlen:0",
        "at most 0 certificates",
        true,
    ),
    (
        "a root that may not issue",
        "root",
        "basicConstraints=critical,CA:TRUE; keyUsage=digitalSignature",
        "keyCertSign",
        true,
    ),
    (
        "a permitted directory",
        "inter",
        "basicConstraints=critical,CA:TRUE; nameConstraints=critical,permitted;dirName:d; [d]; O=Other",
        "name constraints",
        true,
    ),
    (
        "a forbidden directory",
        "inter",
        "basicConstraints=critical,CA:TRUE; nameConstraints=critical,excluded;dirName:d; [d]; O=Acme",
        "name constraints",
        true,
    ),
    (
        "a root's constraint",
        "root",
        "basicConstraints=critical,CA:TRUE; nameConstraints=critical,permitted;dirName:d; [d]; O=Other",
        "name constraints",
        true,
    ),
];

#[test]
fn one_certificate_of_a_path_that_says_otherwise_is_refused_by_name() {
    let Some(shop) = shop() else { return };
    good("the path as it is", &try_now(&shop));
    assert!(openssl_accepts(&shop, ""));
    for (claim, whose, extensions, expected, also) in CASES {
        let parts = [
            ("root", None, "Root", CA),
            ("inter", Some("root"), "Inter", CA),
            ("leaf", Some("inter"), "Signing", LEAF),
        ];
        for (name, issuer, subject, usual) in parts {
            let extensions = if name == *whose { extensions } else { usual };
            let extensions = extensions
                .split("; ")
                .filter(|one| !(issuer.is_none() && *one == AKI))
                .collect::<Vec<_>>()
                .join("; ");
            shop.certificate(name, issuer, &format!("/O=Acme/CN={subject}"), 3650, &extensions);
        }
        bad(claim, &try_now(&shop), expected);
        assert!(!also || !openssl_accepts(&shop, ""), "{claim}: OpenSSL accepts it");
    }
}

#[test]
fn names_are_held_to_constraints() {
    let Some(shop) = shop() else { return };
    for (claim, constraint, subject, name, accepted) in [
        (
            "a permitted DNS name",
            "permitted;DNS:acme.example",
            "/O=Acme/CN=Signing",
            "DNS:sign.acme.example",
            true,
        ),
        (
            "another DNS name",
            "permitted;DNS:acme.example",
            "/O=Acme/CN=Signing",
            "DNS:acme.example.org",
            false,
        ),
        (
            "a forbidden DNS name",
            "excluded;DNS:acme.example",
            "/O=Acme/CN=Signing",
            "DNS:acme.example",
            false,
        ),
        (
            "an address that can't be held to them",
            "permitted;email:acme.example",
            "/O=Acme/CN=Signing",
            "email:a@acme.example",
            false,
        ),
        (
            "an address in the subject",
            "permitted;email:acme.example",
            "/O=Acme/CN=Signing/emailAddress=a@evil.example",
            "DNS:a",
            false,
        ),
    ] {
        shop.certificate(
            "inter",
            Some("root"),
            "/O=Acme/CN=Inter",
            3650,
            &format!("{CA}; nameConstraints=critical,{constraint}"),
        );
        shop.certificate("leaf", Some("inter"), subject, 3650, &format!("{LEAF}; subjectAltName={name}"));
        let rules = Rules {
            dns: name.strip_prefix("DNS:").map(Into::into),
            email: name.strip_prefix("email:").map(Into::into),
            ..Rules::default()
        };
        let credential = Credential::new(&[&shop.read("root.crt")], &[], &[], rules).unwrap();
        let tried = tried(&credential, &sign(&shop), in_days(0));
        assert_eq!(matches!(tried, Tried::Good(_)), accepted, "{claim}: {tried:?}");
        assert!(accepted || matches!(tried, Tried::Bad(_)), "{claim}: {tried:?}");
    }
}

#[test]
fn dates_are_those_of_the_time_of_judgement() {
    let Some(shop) = shop() else { return };
    let credential = Credential::new(&[&shop.read("root.crt")], &[], &[], rules()).unwrap();
    let signature = sign(&shop);
    bad("before it", &tried(&credential, &signature, in_days(-10)), "not yet valid");
    bad("behind it", &tried(&credential, &signature, in_days(4000)), "expired");
    for name in ["leaf", "inter", "root"] {
        let (issuer, subject, extensions) = match name {
            "leaf" => (Some("inter"), "/O=Acme/CN=Signing", LEAF),
            "inter" => (Some("root"), "/O=Acme/CN=Inter", CA),
            _ => (None, "/O=Acme/CN=Root", "basicConstraints=critical,CA:TRUE"),
        };
        shop.certificate(name, issuer, subject, 5, extensions);
        let credential = Credential::new(&[&shop.read("root.crt")], &[], &[], rules()).unwrap();
        let signature = sign(&shop);
        good(name, &tried(&credential, &signature, in_days(4)));
        bad(name, &tried(&credential, &signature, in_days(6)), "expired");
        shop.certificate(name, issuer, subject, 3650, extensions);
    }
}

#[test]
fn only_the_operators_root_and_only_whom_the_rules_mean() {
    let Some(shop) = shop() else { return };
    let signature = sign(&shop);
    let root = shop.read("root.crt");
    // Another root with the same name, another key, and no key identifiers to tell them apart.
    shop.certificate("twin", None, "/O=Acme/CN=Root", 3650, "basicConstraints=critical,CA:TRUE");
    let twin = Credential::new(&[&shop.read("twin.crt")], &[], &[], rules()).unwrap();
    bad("twin root", &tried(&twin, &signature, in_days(0)), "signed by another key");
    let both = Credential::new(&[&shop.read("twin.crt"), &root], &[], &[], rules()).unwrap();
    good("the right one of two with one name", &tried(&both, &signature, in_days(0)));
    shop.certificate("other", None, "/O=Other/CN=Root", 3650, "basicConstraints=critical,CA:TRUE");
    let other = Credential::new(&[&shop.read("other.crt")], &[], &[], rules()).unwrap();
    assert_eq!(tried(&other, &signature, in_days(0)), Tried::Other);
    // The root inside the signature is nobody's anchor.
    shop.openssl("cms -sign -binary -in data -signer leaf.crt -inkey leaf.key -certfile root.crt -outform DER -out all");
    let all = Signature::read(&shop.read("all")).unwrap().with_certificates(&shop.read("inter.crt")).unwrap();
    assert_eq!(tried(&other, &all, in_days(0)), Tried::Other);
    for subject in
        ["CN=Signing,O=Acm", "CN=Signing", "O=Acme,CN=Signing", "CN=signing,O=Acme", "CN=Signing,O=Acme,C=DE"]
    {
        let rules = Rules { subject: Some(subject.into()), ..Rules::default() };
        let credential = Credential::new(&[&root], &[], &[], rules).unwrap();
        assert_eq!(tried(&credential, &signature, in_days(0)), Tried::Other, "{subject}");
    }
    shop.certificate(
        "leaf",
        Some("inter"),
        "/O=Acme/CN=Signing",
        3650,
        &format!("{LEAF}; subjectAltName=DNS:a.example,email:a@b.example,URI:urn:acme:1"),
    );
    let signature = sign(&shop);
    let some = |dns: &str, email: &str, uri: &str| {
        let own = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let rules = Rules { dns: own(dns), email: own(email), uri: own(uri), ..Rules::default() };
        tried(&Credential::new(&[&root], &[], &[], rules).unwrap(), &signature, in_days(0))
    };
    good("all names", &some("a.example", "a@b.example", "urn:acme:1"));
    for (dns, email, uri) in [
        ("b.example", "", ""),
        ("a.example.org", "", ""),
        ("a.example", "x@b.example", ""),
        ("", "", "urn:acme:11"),
    ] {
        assert_eq!(some(dns, email, uri), Tried::Other, "{dns} {email} {uri}");
    }
    // A comma inside of a value is not the end of it.
    shop.certificate("leaf", Some("inter"), r"/CN=Signing,O=Acme", 3650, LEAF);
    assert!(matches!(try_now(&shop), Tried::Other));
}

#[test]
fn a_pinned_certificate_is_exactly_that_one() {
    let Some(shop) = shop() else { return };
    for (claim, extensions) in [
        ("v3", LEAF.replace(&format!("; {AKI}"), "")),
        ("v1", String::new()),
        ("an authority's", "basicConstraints=critical,CA:TRUE".into()),
    ] {
        shop.certificate("leaf", None, "/O=Acme/CN=Signing", 30, &extensions);
        let signature = sign(&shop);
        let pinned = Credential::new(&[&shop.read("leaf.crt")], &[], &[], Rules::default()).unwrap();
        good(claim, &tried(&pinned, &signature, in_days(0)));
        bad(claim, &tried(&pinned, &signature, in_days(31)), "expired");
        shop.certificate("leaf", None, "/O=Acme/CN=Signing", 31, &extensions);
        assert_eq!(
            tried(&pinned, &sign(&shop), in_days(0)),
            Tried::Other,
            "{claim}: the same key, another certificate"
        );
    }
    // Without a rule an authority's certificate pins itself alone.
    shop.certificate("root", None, "/O=Acme/CN=Root", 3650, "basicConstraints=critical,CA:TRUE");
    shop.certificate("inter", Some("root"), "/O=Acme/CN=Inter", 3650, CA);
    shop.certificate("leaf", Some("inter"), "/O=Acme/CN=Signing", 3650, LEAF);
    let open = Credential::new(&[&shop.read("root.crt")], &[], &[], Rules::default()).unwrap();
    assert_eq!(tried(&open, &sign(&shop), in_days(0)), Tried::Other);
}

#[test]
fn weak_signatures_on_certificates_are_refused() {
    let Some(shop) = shop() else { return };
    shop.openssl("x509 -req -sha1 -in leaf.csr -CA inter.crt -CAkey inter.key -CAcreateserial -days 30 -extfile extensions -out leaf.crt");
    bad("SHA-1", &try_now(&shop), "such as SHA-1");
    shop.key("leaf", "rsa:1024");
    shop.certificate("leaf", Some("inter"), "/O=Acme/CN=Signing", 30, LEAF);
    let signature = sign(&shop);
    assert!(signature.signer_named().contains("found 1024 bits"), "{}", signature.signer_named());
    let credential = Credential::new(&[&shop.read("root.crt")], &[], &[], rules()).unwrap();
    assert_eq!(tried(&credential, &signature, in_days(0)), Tried::Other);
}

#[test]
fn revocation_is_by_the_issuers_own_list_and_reaches_as_far_as_its_reason() {
    let Some(shop) = shop() else { return };
    let signature = sign(&shop);
    let root = shop.read("root.crt");
    let judge = |lists: &[&str], revocation: Revocation, at: Time| {
        let lists: Vec<Vec<u8>> = lists.iter().map(|name| shop.read(&format!("{name}.crl"))).collect();
        let lists: Vec<&[u8]> = lists.iter().map(|list| &**list).collect();
        tried(
            &Credential::new(&[&root], &[], &lists, Rules { revocation, ..rules() }).unwrap(),
            &signature,
            at,
        )
    };
    let (listed, required) = (Revocation::IfListed, Revocation::Required);
    shop.crl("root", "root", &[], AKI);
    shop.crl("inter", "inter", &[("root", "250101000000Z")], AKI);
    good("current lists", &judge(&["root", "inter"], required, in_days(0)));
    bad("no list", &judge(&[], required, in_days(0)), "expected a current CRL by its issuer");
    bad("none for the signer", &judge(&["root"], required, in_days(0)), "\"CN=Inter,O=Acme\"");
    bad("none for the authority", &judge(&["inter"], required, in_days(0)), "\"CN=Root,O=Acme\"");
    bad("expired", &judge(&["root", "inter"], required, in_days(31)), "it has expired");
    bad("made later", &judge(&["root", "inter"], required, in_days(-1)), "not yet valid");
    good("expired, where none is required", &judge(&["root", "inter"], listed, in_days(31)));
    // By another issuer of the same name.
    shop.certificate("twin", Some("root"), "/O=Acme/CN=Inter", 3650, CA);
    shop.crl("twin", "twin", &[("leaf", "250101000000Z")], AKI);
    bad("by another key", &judge(&["root", "twin"], required, in_days(0)), "none by it was found");
    good("revoked by another key", &judge(&["twin"], listed, in_days(0)));
    for (claim, revocation, at, expected) in [
        ("revoked long ago", "250101000000Z", 0, "revoked as of 2025-01-01"),
        ("revoked with a reason", "250101000000Z,superseded", 0, "Superseded"),
        ("revoked, by an expired list", "250101000000Z,superseded", 40, "Superseded"),
        ("compromised, as found out later", "490101000000Z,keyCompromise", 0, "reaches back"),
        ("an authority compromised", "490101000000Z,CACompromise", 0, "reaches back"),
        ("compromised, invalid since", "490101000000Z,keyTime,20480101000000Z", 0, "reaches back"),
    ] {
        shop.crl("gone", "inter", &[("leaf", revocation)], AKI);
        bad(claim, &judge(&["gone"], listed, in_days(at)), expected);
        bad(claim, &judge(&["root", "inter", "gone"], required, in_days(at.min(29))), expected);
    }
    shop.crl("later", "inter", &[("leaf", "490101000000Z,superseded")], AKI);
    good("superseded in the future", &judge(&["later"], listed, in_days(0)));
    shop.crl("above", "root", &[("inter", "250101000000Z")], AKI);
    bad("the authority is revoked", &judge(&["above"], listed, in_days(0)), "\"CN=Inter,O=Acme\" is revoked");
}

#[test]
fn lists_that_are_parts_or_not_the_issuers_to_make_prove_nothing() {
    let Some(shop) = shop() else { return };
    let root = shop.read("root.crt");
    let required = Rules { revocation: Revocation::Required, ..rules() };
    shop.crl("root", "root", &[], AKI);
    for (claim, extensions, expected) in [
        ("for authorities", "issuingDistributionPoint=critical,@i; [i]; onlyCA=TRUE", "does not cover"),
        (
            "a part by place",
            "issuingDistributionPoint=critical,@i; [i]; fullname=URI:http://a.example/1",
            "does not cover",
        ),
        (
            "some reasons",
            "issuingDistributionPoint=critical,@i; [i]; onlysomereasons=keyCompromise",
            "does not cover",
        ),
    ] {
        shop.crl("inter", "inter", &[], extensions);
        let lists: [&[u8]; 2] = [&shop.read("root.crl"), &shop.read("inter.crl")];
        let credential = Credential::new(&[&root], &[], &lists, required.clone()).unwrap();
        bad(claim, &tried(&credential, &sign(&shop), in_days(0)), expected);
    }
    for (claim, extensions, expected) in [
        ("indirect", "issuingDistributionPoint=critical,@i; [i]; indirectCRL=TRUE", "indirect"),
        ("unknown", "1.2.3.4=critical,DER:0500", "1.2.3.4"),
        ("delta", "2.5.29.27=critical,DER:020101", "delta"),
    ] {
        shop.crl("inter", "inter", &[], extensions);
        let refusal =
            Credential::new(&[&root], &[], &[&shop.read("inter.crl")], rules()).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{claim}: {refusal}");
    }
    // An authority that may not sign lists.
    shop.certificate(
        "inter",
        Some("root"),
        "/O=Acme/CN=Inter",
        3650,
        "basicConstraints=critical,CA:TRUE; keyUsage=keyCertSign",
    );
    shop.crl("inter", "inter", &[], "1.2.3.5=DER:0500");
    let lists: [&[u8]; 2] = [&shop.read("root.crl"), &shop.read("inter.crl")];
    let credential = Credential::new(&[&root], &[], &lists, required).unwrap();
    bad("no cRLSign", &tried(&credential, &sign(&shop), in_days(0)), "none by it was found");
    let der = shop.openssl("crl -in root.crl -outform DER");
    assert!(Credential::new(&[&root], &[], &[&der], rules()).is_ok());
    for at in 0..der.len() {
        assert!(Credential::new(&[&root], &[], &[&der[..at]], rules()).is_err(), "cut off at {at}");
    }
    assert!(Credential::new(&[&root], &[], &[&[&*der, &[0]].concat()], rules()).is_err(), "bytes behind");
}

#[test]
fn credentials_that_mean_nobody_or_anybody_are_refused() {
    let Some(shop) = shop() else { return };
    shop.certificate(
        "critical",
        None,
        "/O=Acme/CN=Root",
        30,
        "basicConstraints=critical,CA:TRUE; 1.2.3.4=critical,DER:0500",
    );
    shop.key("weak", "rsa:1024");
    shop.certificate("weak", None, "/O=Acme/CN=Root", 30, "basicConstraints=critical,CA:TRUE");
    let root = shop.read("root.crt");
    let named = |subject: &str| Rules { subject: Some(subject.into()), ..Rules::default() };
    let der = unpem(&shop.text("root.crt"));
    for (claim, anchors, rules, expected) in [
        ("no anchor", vec![], rules(), "at least one certificate"),
        ("no rule", vec![root.clone()], Rules::default(), "expected a rule"),
        ("twice", vec![root.clone(), root.clone()], rules(), "given twice"),
        ("a private key", vec![shop.read("root.key")], rules(), "private key"),
        ("a list", vec![shop.read("leaf.csr")], rules(), "BEGIN CERTIFICATE REQUEST"),
        ("weak", vec![shop.read("weak.crt")], rules(), "found 1024 bits"),
        ("critical", vec![shop.read("critical.crt")], rules(), "1.2.3.4"),
        ("text behind", vec![[&*root, b"hello"].concat()], rules(), "found other text"),
        ("bytes behind", vec![[&*der, &[0]].concat()], rules(), "bytes behind"),
        ("not a certificate", vec![tlv(0x30, &[0xff])], rules(), "expected one X.509 certificate"),
        ("as OpenSSL prints it", vec![root.clone()], named("O = Acme, CN = Signing"), "RFC2253"),
        ("with blanks", vec![root.clone()], named("CN=Signing, O=Acme"), "RFC2253"),
        ("no attribute", vec![root.clone()], named("Acme"), "RFC2253"),
        ("an empty rule", vec![root.clone()], named(""), "found nothing"),
    ] {
        let anchors: Vec<&[u8]> = anchors.iter().map(|anchor| &**anchor).collect();
        let refusal = Credential::new(&anchors, &[], &[], rules).expect_err(claim).to_string();
        assert!(refusal.contains(expected), "{claim}: {refusal}");
    }
    for at in 0..der.len() {
        assert!(Credential::new(&[&der[..at]], &[], &[], rules()).is_err(), "cut off at {at}");
    }
    let one = Credential::new(&[&root], &[], &[], rules()).unwrap();
    assert_eq!(one.fingerprint(), Credential::new(&[&der], &[], &[], rules()).unwrap().fingerprint());
    assert_ne!(
        one.fingerprint(),
        Credential::new(&[&root], &[], &[], named("CN=Other")).unwrap().fingerprint()
    );
    assert_eq!(one.names(), ["CN=Root,O=Acme", "subject CN=Signing,O=Acme"]);
}
