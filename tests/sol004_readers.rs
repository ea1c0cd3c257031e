//! Packages by ETSI NFV-SOL 004: their manifest, their TOSCA.meta and their forms are read where they can mean one thing only.
//!
//! Each case is a good text with one thing changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, missing_docs)]

use dropgate::drop::Source;
use dropgate::drop::directory::Directory;
use dropgate::drop::path::DropPath;
use dropgate::manifest::sol004::layout::{Form, LayoutRefusal, form};
use dropgate::manifest::sol004::text::{Family, Text, TextRefusal};
use dropgate::manifest::sol004::{meta, split, text};
use proptest::prelude::*;

const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const OTHER: &str = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4";

const GOOD: &str = "metadata:
    vnf_product_name: radio
    vnf_provider_id: Acme Networks
    vnf_package_version: 4.2.1
    vnf_release_date_time: 2026-01-31T12:00:00+02:00
    vnfm_info: etsivnfm:v2.3.1
    compatible_specification_versions: 2.7.1,3.3.1

# every file
Source: radio.mf
Source: Definitions/radio.yaml
Algorithm: SHA-256
Hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

Source: Files/cu.img
Algorithm: SHA-256
Hash: 98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4

non_mano_artifact_sets:
    onap_others:
        Source: Files/cu.img
";

fn read(signed: &str) -> Result<Text, TextRefusal> {
    text::read(signed.as_bytes(), &DropPath::parse("radio.mf").unwrap())
}

fn paths(text: &Text) -> Vec<&str> {
    text.artifacts.iter().map(|artifact| artifact.path.as_str()).collect()
}

#[test]
fn a_manifest_says_what_it_is_of_and_lists_every_file_once() {
    let text = read(GOOD).unwrap();
    assert_eq!(text.family, Some(Family::Vnf));
    assert_eq!(text.described.product.as_deref(), Some("radio"));
    assert_eq!(text.described.vendor.as_deref(), Some("Acme Networks"));
    assert_eq!(text.described.version.as_deref(), Some("4.2.1"));
    assert_eq!(text.described.issued.unwrap().to_string(), "2026-01-31T10:00:00Z");
    assert_eq!(paths(&text), ["Definitions/radio.yaml", "Files/cu.img"]);
    assert_eq!(text.hashed, 2);
}

/// Spellings of the same manifest that are found in packages.
#[test]
fn other_spellings_say_the_same() {
    let expected = read(GOOD).unwrap();
    let sections: Vec<&str> = GOOD.split("\n\n").collect();
    let reordered = [sections[3], sections[2], sections[1], sections[0]].join("\n\n");
    let cases = [
        ("CR LF", GOOD.replace('\n', "\r\n")),
        ("no blank behind the colon", GOOD.replace(": ", ":")),
        (
            "blanks before the colon and at the end of lines",
            GOOD.replace(':', " : ")
                .replace('\n', "  \n")
                .replace("T12 : 00 : 00+02 : 00", "T12:00:00+02:00")
                .replace("etsivnfm : v", "etsivnfm:v"),
        ),
        ("tabs for indentation", GOOD.replace("    ", "\t")),
        ("no indentation", GOOD.replace("    ", "")),
        (
            "keys in lower case",
            GOOD.replace("Source", "source").replace("Algorithm", "algorithm").replace("Hash", "hash"),
        ),
        (
            "keys in upper case",
            GOOD.replace("Source", "SOURCE").replace("vnf_product_name", "VNF_PRODUCT_NAME"),
        ),
        ("SHA256", GOOD.replace("SHA-256", "SHA256")),
        ("sha-256", GOOD.replace("SHA-256", "sha-256")),
        ("hash in upper case", GOOD.replace(OTHER, &OTHER.to_uppercase())),
        (
            "hash before algorithm",
            GOOD.replace(
                &format!("Algorithm: SHA-256\nHash: {HASH}"),
                &format!("Hash: {HASH}\nAlgorithm: SHA-256"),
            ),
        ),
        ("./ before a path", GOOD.replace("Source: Files", "Source: ./Files")),
        ("no blank lines", GOOD.replace("\n\n", "\n")),
        ("no line break at the end", GOOD.trim_end().to_owned()),
        ("sections in another order", reordered),
        ("its hash again in a set", format!("{GOOD}        Algorithm: SHA-256\n        Hash: {OTHER}\n")),
        ("a file in two sets", format!("{GOOD}    onap_more:\n        Source: Files/cu.img\n")),
        ("a comment between hash and source", GOOD.replace("Algorithm", "# by build 7\nAlgorithm")),
    ];
    for (claim, text) in cases {
        let found = read(&text).unwrap_or_else(|why| panic!("{claim}: {why}\n{text}"));
        assert_eq!(paths(&found), paths(&expected), "{claim}");
        assert_eq!(found.described, expected.described, "{claim}");
        let digests = |text: &Text| format!("{:?}", text.artifacts);
        assert_eq!(digests(&found), digests(&expected), "{claim}");
    }
}

#[test]
fn each_kind_of_package_has_its_own_names_for_the_same_facts() {
    let cases = [
        (Family::Pnf, ["pnfd_name", "pnfd_provider", "pnfd_archive_version", "pnfd_release_date_time"]),
        (Family::Asd, ["asd_name", "asd_provider", "asd_archive_version", "asd_release_date_time"]),
        (
            Family::Asd,
            ["application_name", "application_provider", "application_version", "release_date_time"],
        ),
        (Family::Ns, ["nsd_name", "nsd_designer", "nsd_file_structure_version", "nsd_release_date_time"]),
        (Family::Ns, ["ns_product_name", "ns_provider_id", "ns_package_version", "ns_release_date_time"]),
    ];
    let vnf = ["vnf_product_name", "vnf_provider_id", "vnf_package_version", "vnf_release_date_time"];
    for (family, names) in cases {
        let renamed = vnf.iter().zip(names).fold(GOOD.to_owned(), |text, (old, new)| text.replace(old, new));
        let text = read(&renamed).unwrap();
        assert_eq!(text.family, Some(family), "{names:?}");
        assert_eq!(text.described, read(GOOD).unwrap().described, "{names:?}");
    }
    // Metadata are not asked for by every version: the operator's profile says the rest.
    let none = read(&GOOD[GOOD.find("# every").unwrap()..]).unwrap();
    assert_eq!((none.family, none.described.vendor, none.artifacts.len()), (None, None, 2));
}

#[test]
fn a_manifest_with_one_thing_wrong_is_refused_and_says_where() {
    let cut = |text: &str| GOOD.replace(text, "");
    let put = |behind: &str, text: &str| GOOD.replacen(behind, &format!("{behind}{text}"), 1);
    let cases: &[(&str, String, &str)] = &[
        ("byte order mark", format!("\u{feff}{GOOD}"), "byte order mark"),
        ("control character", put("radio", "\u{1}"), "line 2: expected visible characters, found U+0001"),
        ("carriage return inside a line", put("Acme", "\r"), "U+000D"),
        ("line separator", put("Acme", "\u{2028}"), "U+2028"),
        ("right-to-left override", put("Files/", "\u{202e}"), "U+202E"),
        (
            "a line without a colon",
            put("# every file\n", "Files/cu.img\n"),
            "expected a key, a colon and a value",
        ),
        ("text before the metadata", format!("x: y\n{GOOD}"), "expected metadata:, Source"),
        ("metadata twice", format!("{GOOD}metadata:\n"), "\"metadata\" once"),
        ("metadata with a value", GOOD.replace("metadata:", "metadata: x"), "nothing behind the colon"),
        ("sets twice", format!("{GOOD}non_mano_artifact_sets:\n"), "\"non_mano_artifact_sets\" once"),
        (
            "a fact twice",
            put("metadata:\n", "  vnf_product_name: radio\n"),
            "expected \"vnf_product_name\" once",
        ),
        (
            "a fact that decides nothing twice",
            put("metadata:\n", "  vnfm_info: x\n"),
            "expected \"vnfm_info\" once",
        ),
        ("two families", put("metadata:\n", "  pnfd_name: radio\n"), "metadata of one kind"),
        (
            "two names for one fact",
            put("metadata:\n", "a:\n")
                .replace("vnf_product_name: radio", "asd_name: x\n application_name: y")
                .replace("vnf_", "asd_"),
            "once",
        ),
        ("no product", GOOD.replace("vnf_product_name: radio", "vnf_product_name:"), "found nothing"),
        ("a vendor with a slash", GOOD.replace("Acme Networks", "Acme/Networks"), "without `/`"),
        ("a time without its zone", GOOD.replace("+02:00", ""), "RFC 3339"),
        (
            "a time as the first versions had it",
            GOOD.replace("2026-01-31T12:00:00+02:00", "2026.01.31T12:00+02:00"),
            "RFC 3339",
        ),
        (
            "an unknown key among files",
            put("# every file\n", "Source: a\nSize: 7\n"),
            "Source, Algorithm, Hash",
        ),
        ("an unknown key among sets", format!("{GOOD}        Size: 7\n"), "the name of a set"),
        ("hash before any file", put("# every file\n", "Hash: 00\n"), "Source before"),
        ("hash twice", put(HASH, &format!("\nHash: {HASH}")), "expected \"Hash\" once"),
        ("algorithm twice", put("SHA-256", "\nAlgorithm: SHA-256"), "expected \"Algorithm\" once"),
        ("no algorithm", GOOD.replacen("Algorithm: SHA-256\n", "", 1), "Algorithm beside Hash"),
        ("no hash", cut(&format!("Hash: {HASH}\n")), "Hash beside Algorithm"),
        ("an empty hash", cut(HASH), "a value behind the colon"),
        ("an empty source", GOOD.replace("Source: Files/cu.img", "Source:"), "found nothing"),
        ("a hash one digit short", GOOD.replace(HASH, &HASH[1..]), "64 lowercase hex digits"),
        ("a hash with a letter", GOOD.replace(HASH, &HASH.replace('e', "g")), "hex digits"),
        ("a hash of another length", GOOD.replacen("SHA-256", "SHA-512", 1), "128 lowercase hex digits"),
        ("MD5", GOOD.replacen("SHA-256", "MD5", 1), "found \"MD5\", for which other files"),
        ("SHA-1", GOOD.replacen("SHA-256", "SHA-1", 1), "Definitions/radio.yaml: expected SHA-256"),
        ("SHA-224", GOOD.replacen("SHA-256", "SHA-224", 1), "\"sha224\" is not one"),
        ("an algorithm of nobody", GOOD.replacen("SHA-256", "XYZ", 1), "\"xyz\" is not one"),
        (
            "a file twice, with one hash",
            format!(
                "{}\n{}",
                &GOOD[..GOOD.find("non_").unwrap()],
                &format!("Source: Files/cu.img\nAlgorithm: SHA-256\nHash: {OTHER}\n")
            ),
            "expected each file once",
        ),
        (
            "a file twice, once without a hash",
            put("# every file\n", "Source: Files/cu.img\n"),
            "expected each file once",
        ),
        (
            "another hash in a set",
            format!("{GOOD}        Algorithm: SHA-256\n        Hash: {HASH}\n"),
            "found another one",
        ),
        (
            "its own hash",
            GOOD.replace(
                "Source: radio.mf\n",
                &format!("Source: radio.mf\nAlgorithm: SHA-256\nHash: {HASH}\n"),
            ),
            "can't be in the file",
        ),
        ("a file by http", GOOD.replace("Files/cu.img", "https://acme.example/cu.img"), "fetches nothing"),
        ("a file by its scheme", GOOD.replace("Files/cu.img", "file:///etc/passwd"), "fetches nothing"),
        ("a path upwards", GOOD.replace("Files/cu.img", "../cu.img"), "`..`"),
        ("a path from the root", GOOD.replace("Files/cu.img", "/cu.img"), "relative path"),
        ("a path with a backslash", GOOD.replace("Files/cu.img", "Files\\cu.img"), "backslash"),
        ("a path with ./ twice", GOOD.replace("Files/cu.img", "././cu.img"), "component `.`"),
        ("a directory", GOOD.replace("Files/cu.img", "Files/"), "nothing on one"),
        (
            "a certificate without a signature",
            put("Source: Files/cu.img\n", "Certificate: a.cert\n"),
            "Signature beside Certificate",
        ),
        (
            "two signatures of one file",
            put("Source: Files/cu.img\n", "Signature: a.cms\nSignature: b.cms\n"),
            "expected \"Signature\" once",
        ),
        ("a list with dashes", GOOD.replace("Source: Files", "- Source: Files"), "Source, Algorithm, Hash"),
        (
            "too many keys of metadata",
            put("metadata:\n", &(0..300).map(|n| format!("k{n}: v\n")).collect::<String>()),
            "at most 256 keys",
        ),
    ];
    for (claim, text, says) in cases {
        match read(text) {
            Ok(found) => panic!("{claim}: read as {found:?}"),
            Err(why) => assert!(why.to_string().contains(says), "{claim}: {why}"),
        }
    }
}

#[test]
fn a_file_without_a_hash_is_listed_with_nothing_that_could_be_compared() {
    let bare = GOOD.replacen("Source: radio.mf\n", "Source: TOSCA-Metadata/TOSCA.meta\n", 1);
    let text = read(&bare).unwrap();
    assert_eq!(paths(&text), ["Definitions/radio.yaml", "Files/cu.img", "TOSCA-Metadata/TOSCA.meta"]);
    assert_eq!(text.hashed, 2);
    assert_eq!(text.artifacts[2].digests.iter().count(), 0);
    // Named in a set alone: listed all the same.
    let text = read(&GOOD.replace("        Source: Files/cu.img", "        Source: Files/du.img")).unwrap();
    assert_eq!((text.artifacts.len(), text.hashed), (3, 2));
}

#[test]
fn signatures_of_single_files_are_named() {
    let signed = GOOD.replacen(
        OTHER,
        &format!("{OTHER}\nSignature: Files/cu.img.cms\nCertificate: ./Files/cu.cert"),
        1,
    );
    let text = read(&signed).unwrap();
    let [one] = text.individual.as_slice() else { panic!("{:?}", text.individual) };
    assert_eq!(one.artifact.as_str(), "Files/cu.img");
    assert_eq!(one.signature.as_str(), "Files/cu.img.cms");
    assert_eq!(one.certificate.as_ref().unwrap().as_str(), "Files/cu.cert");
}

#[test]
fn what_is_signed_is_all_before_the_block_to_the_byte() {
    let block = "-----BEGIN CMS-----\nMIIB\n-----END CMS-----";
    let pkcs7 = block.replace("CMS", "PKCS7");
    let good = [
        ("a block", format!("a: b\n{block}\n"), "a: b\n", Some(block.to_owned())),
        ("no line break at the end", format!("a: b\n{block}"), "a: b\n", Some(block.to_owned())),
        ("blank line before", format!("a: b\n\n{block}\n"), "a: b\n\n", Some(block.to_owned())),
        ("blanks behind", format!("a: b\n{block}  \r\n\n \n"), "a: b\n", Some(block.to_owned())),
        (
            "CR LF",
            format!("a: b\r\n{}\r\n", block.replace('\n', "\r\n")),
            "a: b\r\n",
            Some(block.replace('\n', "\r\n")),
        ),
        ("PKCS7", format!("a: b\n{pkcs7}\n"), "a: b\n", Some(pkcs7.clone())),
        ("none", "a: b\n".to_owned(), "a: b\n", None),
        ("a line of dashes", "a: b\n# --------\n".to_owned(), "a: b\n# --------\n", None),
        ("nothing before", block.to_owned(), "", Some(block.to_owned())),
    ];
    for (claim, bytes, signed, signature) in good {
        let found = split(bytes.as_bytes()).unwrap_or_else(|why| panic!("{claim}: {why}"));
        assert_eq!(std::str::from_utf8(found.signed).unwrap(), signed, "{claim}");
        assert_eq!(
            found.signature.map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
            signature,
            "{claim}"
        );
    }
    let bad = [
        ("text behind", format!("a: b\n{block}\nSource: x\n"), "nothing but blanks"),
        ("text behind on the line", format!("a: b\n{block} x\n"), "-----END CMS-----, alone"),
        ("two blocks", format!("a: b\n{block}\n{block}\n"), "nothing but blanks"),
        ("a block in the middle", format!("a: b\n{block}\nc: d\n{block}\n"), "nothing but blanks"),
        ("not at the line's start", format!("a: b\n  {block}\n"), "alone on a line"),
        ("behind text", format!("a: b{block}\n"), "alone on a line"),
        ("in a comment", format!("# -----BEGIN CMS-----\na: b\n{block}\n"), "alone on a line"),
        (
            "another label",
            format!("a: b\n{}\n", block.replace("CMS", "CERTIFICATE")),
            "expected -----BEGIN CMS-----",
        ),
        (
            "ends as another",
            format!("a: b\n{}\n", block.replace("END CMS", "END PKCS7")),
            "-----END CMS-----, alone",
        ),
        ("no end", "a: b\n-----BEGIN CMS-----\nMIIB\n".to_owned(), "-----END CMS-----"),
        ("end alone", "a: b\n-----END CMS-----\n".to_owned(), "the end alone"),
        ("end before begin", format!("-----END CMS-----\n{block}\n"), "the end alone"),
        ("a begin inside", format!("a: b\n-----BEGIN CMS-----\n{block}\n"), "-----END CMS-----"),
        (
            "nested end in a line",
            "-----BEGIN CMS-----\nMIIB-----END CMS-----\n".to_owned(),
            "alone on a line",
        ),
    ];
    for (claim, bytes, says) in bad {
        match split(bytes.as_bytes()) {
            Ok(found) => panic!("{claim}: {found:?}"),
            Err(why) => assert!(why.to_string().contains(says), "{claim}: {why}"),
        }
    }
}

const META: &str = "TOSCA-Meta-File-Version: 1.0
CSAR-Version: 1.1
Created-By: Acme
Entry-Definitions: Definitions/radio.yaml
ETSI-Entry-Manifest: radio.mf
ETSI-Entry-Change-Log: Files/ChangeLog.txt
ETSI-Entry-Tests: Files/Tests
ETSI-Entry-Licenses: Files/Licenses
ETSI-Entry-Certificate: radio.cert
";

#[test]
fn tosca_meta_is_read_in_every_spelling_that_says_the_same() {
    let expected = meta::read(META.as_bytes()).unwrap();
    assert_eq!(expected.manifest.as_str(), "radio.mf");
    assert_eq!(expected.papers.tests.as_ref().unwrap().as_str(), "Files/Tests");
    assert_eq!(expected.papers.certificate.as_ref().unwrap().as_str(), "radio.cert");
    let cases = [
        ("the old keys", META.replace("ETSI-", "")),
        ("old and new keys that agree", format!("{META}Entry-Manifest: radio.mf\n")),
        ("upper case", META.replace("Entry", "ENTRY")),
        (
            "lower case",
            META.to_lowercase()
                .replace("definitions/", "Definitions/")
                .replace("files/changelog", "Files/ChangeLog")
                .replace("files/t", "Files/T")
                .replace("files/l", "Files/L"),
        ),
        ("Changelog in one word", META.replace("Change-Log:", "Changelog:")),
        ("CR LF", META.replace('\n', "\r\n")),
        ("no blank behind the colon", META.replace(": ", ":")),
        ("blanks at the end", META.replace('\n', " \t\n")),
        ("directories with a slash", META.replace("Tests\n", "Tests/\n")),
        ("./ before a path", META.replace(": radio.mf", ": ./radio.mf")),
        (
            "blocks about files",
            format!(
                "{META}\nName: a.yaml\nContent-Type: text/yaml\n\nName: b.yaml\nContent-Type: text/yaml\n"
            ),
        ),
        (
            "an Entry key in a block about a file",
            format!("{META}\nName: a.yaml\nEntry-Manifest: other.mf\n")
                .replace("ETSI-Entry-Manifest", "Entry-Manifest")
                .replace("Name: a.yaml\nEntry-Manifest", "Name: a.yaml\nETSI-Entry-Manifest"),
        ),
        ("keys that nobody asks for", format!("{META}Entry-Events: x/y.yaml\nX-Acme: 7\n")),
        ("comments", format!("# by Acme\n{META}")),
    ];
    for (claim, text) in cases {
        let found = meta::read(text.as_bytes()).unwrap_or_else(|why| panic!("{claim}: {why}"));
        assert_eq!(found, expected, "{claim}");
    }
}

#[test]
fn tosca_meta_that_could_be_followed_to_two_places_is_refused() {
    let cases = [
        ("a key twice", format!("{META}ETSI-Entry-Manifest: radio.mf\n"), "expected each key once"),
        (
            "a key twice in another case",
            format!("{META}etsi-entry-manifest: other.mf\n"),
            "expected each key once",
        ),
        (
            "a key again behind a blank line",
            format!("{META}\nETSI-Entry-Manifest: other.mf\n"),
            "expected each key once",
        ),
        ("a key that nobody asks for twice", format!("{META}Created-By: Acme\n"), "expected each key once"),
        (
            "old and new key that differ",
            format!("{META}Entry-Manifest: other.mf\n"),
            "same value as under its other name",
        ),
        (
            "old and new key in two blocks",
            format!("{META}\nEntry-Manifest: other.mf\n"),
            "same value as under its other name",
        ),
        ("no manifest", META.replace("ETSI-Entry-Manifest", "ETSI-Entry-Manifst"), "found neither"),
        ("itself as manifest", META.replace("radio.mf", "TOSCA-Metadata/TOSCA.meta"), "found neither"),
        ("byte order mark", format!("\u{feff}{META}"), "byte order mark"),
        ("a path upwards", META.replace("radio.mf", "../radio.mf"), "`..`"),
        ("an empty path", META.replace("radio.mf", ""), "found nothing"),
        ("a URI", META.replace("radio.mf", "https://acme.example/radio.mf"), "nothing on one"),
        ("a line without a colon", format!("{META}radio.mf\n"), "expected a key"),
        ("a line continued", META.replace("Acme\n", "Acme\n and others\n"), "expected a key"),
    ];
    for (claim, text, says) in cases {
        match meta::read(text.as_bytes()) {
            Ok(found) => panic!("{claim}: {found:?}"),
            Err(why) => assert!(why.to_string().contains(says), "{claim}: {why}"),
        }
    }
    let not_text = meta::read(b"a: b\nc: \xff\n").unwrap_err();
    assert!(not_text.to_string().contains("line 2: expected UTF-8"), "{not_text}");
}

fn formed(files: &[&str]) -> Result<Form, LayoutRefusal> {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }
    form(&Directory::open(root.path()).unwrap().inventory().unwrap())
}

#[test]
fn the_form_of_a_package_is_told_from_its_names() {
    let meta = "TOSCA-Metadata/TOSCA.meta";
    assert_eq!(formed(&[meta, "a.yaml", "b.mf", "c.zip"]), Ok(Form::Meta));
    match formed(&["radio.yaml", "radio.mf", "radio.cert", "ChangeLog.txt", "Tests/a", "Files/other.mf"]) {
        Ok(Form::Bare { manifest, definitions, papers }) => {
            assert_eq!((manifest.as_str(), definitions.as_str()), ("radio.mf", "radio.yaml"));
            assert_eq!(papers.change_log.unwrap().as_str(), "ChangeLog.txt");
            assert_eq!(papers.tests.unwrap().as_str(), "Tests");
            assert_eq!((papers.licenses, papers.certificate.unwrap().as_str()), (None, "radio.cert"));
        }
        other => panic!("{other:?}"),
    }
    match formed(&["radio.csar", "other.cms", "radio.cert", "README"]) {
        Ok(Form::Outer(outer)) => {
            assert_eq!(outer.package.as_str(), "radio.csar");
            assert_eq!(outer.signature.unwrap().as_str(), "other.cms");
            assert_eq!(outer.certificate.unwrap().as_str(), "radio.cert");
            assert_eq!(outer.extra.len(), 1);
        }
        other => panic!("{other:?}"),
    }
    match formed(&["radio.zip"]) {
        Ok(Form::Outer(outer)) => {
            assert_eq!((outer.signature, outer.certificate, outer.extra.len()), (None, None, 0))
        }
        other => panic!("{other:?}"),
    }
    let refused: &[(&str, &[&str], &str)] = &[
        (
            "TOSCA.meta in another case",
            &["Tosca-Metadata/TOSCA.meta", "a.mf", "a.yaml"],
            "found \"Tosca-Metadata/TOSCA.meta\"",
        ),
        ("two manifests at the root", &["a.mf", "b.mf", "a.yaml"], "one manifest"),
        ("two descriptors", &["a.mf", "a.yaml", "b.yml"], "one descriptor"),
        ("a manifest of another name", &["a.mf", "b.yaml"], "a manifest of the name of b.yaml, found a.mf"),
        ("no descriptor", &["a.mf"], "found none of them"),
        ("two packages", &["a.csar", "b.zip", "a.cms"], "one package"),
        ("two signatures", &["a.csar", "a.cms", "b.cms"], "one signature"),
        ("two certificates", &["a.csar", "a.cms", "a.cert", "b.pem"], "one certificate"),
        ("a package that is not at the root", &["x/a.csar", "x/a.cms"], "found none of them"),
        ("something else", &["README"], "found none of them"),
        ("nothing", &[], "found none of them"),
    ];
    for (claim, files, says) in refused {
        match formed(files) {
            Ok(form) => panic!("{claim}: {form:?}"),
            Err(why) => assert!(why.to_string().contains(says), "{claim}: {why}"),
        }
    }
}

/// Pieces that texts are made of, so that chance finds more than refusals.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("metadata:\n"),
        Just("non_mano_artifact_sets:\n"),
        Just("  vnf_provider_id: Acme\n"),
        Just("  set:\n"),
        Just("Source: a\n"),
        Just("Source: b/c\r\n"),
        Just("Source: radio.mf\n"),
        Just("Algorithm: SHA-256\n"),
        Just("Hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"),
        Just("Signature: a.cms\n"),
        Just("Certificate: a.cert\n"),
        Just("-----BEGIN CMS-----\n"),
        Just("-----END CMS-----\n"),
        Just("Entry-Manifest: radio.mf\n"),
        Just("Name: a\n"),
        Just("\n"),
        Just("#"),
        Just(":"),
        Just("-----"),
        Just("\u{feff}"),
        Just("\r"),
    ];
    let some = prop::collection::vec(
        prop_oneof![piece.prop_map(|text| text.as_bytes().to_vec()), any::<Vec<u8>>()],
        0..24,
    );
    some.prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_arrives_is_read_or_refused(bytes in pieces()) {
        let itself = DropPath::parse("radio.mf").unwrap();
        let _ = meta::read(&bytes);
        if let Ok(text) = text::read(&bytes, &itself) {
            // Sorted, each once, never itself.
            prop_assert!(text.artifacts.windows(2).all(|pair| pair[0].path < pair[1].path));
            prop_assert!(text.artifacts.iter().all(|artifact| artifact.path != itself));
            let hashed = text.artifacts.iter().filter(|artifact| artifact.digests.iter().next().is_some()).count();
            prop_assert_eq!(hashed, text.hashed);
        }
        if let Ok(parts) = split(&bytes) {
            // Nothing is lost between what is signed and the block but blanks behind it.
            let block = parts.signature.unwrap_or_default();
            prop_assert!(bytes.starts_with(parts.signed) && bytes[parts.signed.len()..].starts_with(block));
            let behind = &bytes[parts.signed.len() + block.len()..];
            prop_assert!(behind.iter().all(u8::is_ascii_whitespace));
            prop_assert!(!parts.signed.windows(10).any(|part| part == b"-----BEGIN"));
        }
    }
}
