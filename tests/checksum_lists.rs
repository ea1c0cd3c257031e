//! Checksum lists: what the tools write is read, and what `sha256sum -c --strict` will not check is refused.

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

use common::have;
use dropgate::digest::{Algorithm, Algorithms, Comparison, Computed, DigestSet, Hashers};
use dropgate::drop::path::DropPath;
use dropgate::manifest::checksums::read;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

fn computed(bytes: &[u8]) -> DigestSet<Computed> {
    let all = Algorithm::ALL.into_iter().fold(Algorithms::default(), Algorithms::with);
    let mut hashers = Hashers::new(all);
    hashers.update(bytes);
    hashers.finish()
}

fn run(directory: &Path, tool: &str, arguments: &[&str], names: &[&str]) -> Output {
    Command::new(tool)
        .args(arguments)
        .args(names)
        .current_dir(directory)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap()
}

/// Names that a file may have and that look like something else.
const ODD: [&str; 13] = [
    "a",
    "images/cu 1.img",
    " leading",
    "  two leading",
    "trailing ",
    "*star",
    "#hash",
    "ü-Ünïcode-名",
    "SHA256 (a) = b",
    "a) = b",
    "(a)",
    "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4  a",
    "...",
];

fn files(names: &[&str]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for name in names {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("contents of {name}")).unwrap();
    }
    directory
}

fn assert_is_about(claim: &str, list: &[u8], hint: Option<Algorithm>, names: &[&str], by: &[Algorithm]) {
    let shown = String::from_utf8_lossy(list).into_owned();
    let artifacts = read(list, hint).unwrap_or_else(|why| panic!("{claim}: {why}\n{shown}"));
    let mut expected: Vec<&str> = names.to_vec();
    expected.sort_unstable();
    let found: Vec<&str> = artifacts.iter().map(|artifact| artifact.path.as_str()).collect();
    assert_eq!(found, expected, "{claim}");
    for artifact in &artifacts {
        let contents = format!("contents of {}", artifact.path.as_str());
        let matched = computed(contents.as_bytes()).matches(&artifact.digests);
        assert_eq!(matched, Comparison::Matches, "{claim}: {}", artifact.path);
        assert!(
            by.iter().copied().eq(artifact.digests.algorithms().iter()),
            "{claim}: {:?}",
            artifact.digests
        );
    }
}

#[test]
fn what_the_tools_write_is_read() {
    use Algorithm::{Blake3, Sha256, Sha384, Sha512};
    let directory = files(&ODD);
    let dotted: Vec<String> = ODD.iter().map(|name| format!("./{name}")).collect();
    let dotted: Vec<&str> = dotted.iter().map(String::as_str).collect();
    let lines: &[(&str, &[&str], &[Algorithm])] = &[
        ("sha256sum", &[], &[Sha256]),
        ("sha256sum", &["-b"], &[Sha256]),
        ("sha256sum", &["--tag"], &[Sha256]),
        ("sha384sum", &[], &[Sha384]),
        ("sha384sum", &["--tag"], &[Sha384]),
        ("sha512sum", &[], &[Sha512]),
        ("sha512sum", &["--tag"], &[Sha512]),
        ("cksum", &["-a", "sha256"], &[Sha256]),
        ("cksum", &["-a", "sha384"], &[Sha384]),
        ("cksum", &["-a", "sha512"], &[Sha512]),
        ("cksum", &["-a", "sha256", "--untagged"], &[Sha256]),
        ("shasum", &["-a", "256"], &[Sha256]),
        ("shasum", &["-a", "384", "-b"], &[Sha384]),
        ("shasum", &["-a", "512", "--tag"], &[Sha512]),
        ("b3sum", &[], &[Blake3]),
        ("rhash", &["--sha256"], &[Sha256]),
        ("rhash", &["--sha512"], &[Sha512]),
        ("rhash", &["--bsd", "--sha384"], &[Sha384]),
        ("rhash", &["--bsd", "--crc32", "--md5", "--sha1", "--sha256", "--sha512"], &[Sha256, Sha512]),
        ("openssl", &["dgst", "-sha256"], &[Sha256]),
        ("openssl", &["dgst", "-sha512"], &[Sha512]),
        ("openssl", &["dgst", "-sha384", "-r"], &[Sha384]),
    ];
    for (tool, arguments, by) in lines {
        let probe: &[&str] = if *tool == "openssl" { &["version"] } else { &["--version"] };
        if !have(tool, probe) {
            continue;
        }
        let hint = by.contains(&Blake3).then_some(Blake3);
        for names in [ODD.as_slice(), &dotted] {
            let output = run(directory.path(), tool, arguments, names);
            let claim = format!("{tool} {}", arguments.join(" "));
            assert!(output.status.success(), "{claim}: {output:?}");
            assert_is_about(&claim, &output.stdout, hint, &ODD, by);
        }
    }
}

#[test]
fn a_blake3_list_says_so_itself_or_the_operator_does() {
    if !have("b3sum", &["--version"]) {
        return;
    }
    let directory = files(&["a"]);
    let list = run(directory.path(), "b3sum", &[], &["a"]).stdout;
    let taken_for_sha256 = read(&list, None).unwrap();
    let compared = computed(b"contents of a").matches(&taken_for_sha256[0].digests);
    assert!(matches!(compared, Comparison::Differs { algorithm: Algorithm::Sha256, .. }));
    let digest = String::from_utf8(list).unwrap()[..64].to_owned();
    let tagged = format!("BLAKE3 (a) = {digest}\n");
    assert_is_about("tagged", tagged.as_bytes(), None, &["a"], &[Algorithm::Blake3]);
    assert!(
        read(tagged.as_bytes(), Some(Algorithm::Sha256)).is_ok(),
        "a tagged list names its algorithm itself"
    );
}

const SHA256: &str = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4";

/// Each line: the claim, the list (`{}` for the SHA-256 of the file `a`), and what the refusal says; "" where it is read.
const LISTS: &[(&str, &str, &str)] = &[
    ("a line", "{}  a\n", ""),
    ("no line break at the end", "{}  a", ""),
    ("CR LF", "{}  a\r\n", ""),
    ("empty lines and comments", "# of 4.2\n\n\r\n{}  a\n\n#\n", ""),
    ("binary mark", "{} *a\n", ""),
    ("uppercase digits", "98EA6E4F216F2FB4B69FFF9B3A44842C38686CA685F3F55DC48C5D3FB1107BE4  a\n", ""),
    ("a leading ./", "{}  ./a\n", ""),
    ("a mark of escapes and none", "\\{}  a\n", ""),
    ("tagged", "SHA256 (a) = {}\n", ""),
    ("tagged, as OpenSSL 1 writes it", "SHA256(a)= {}\n", ""),
    ("tagged, as OpenSSL 3 writes it", "SHA2-256(a)= {}\n", ""),
    ("weak digests beside", "MD5 (a) = 764efa883dda1e11db47671c4a3bbd9e\nSHA256 (a) = {}\n", ""),
    ("nothing", "", "expected at least one line"),
    ("comments alone", "# SHA256SUMS\n\n", "expected at least one line"),
    ("a comment behind a blank", " # of 4.2\n{}  a\n", "line 1: expected a digest in hex"),
    ("a line of blanks", "{}  a\n  \n", "line 2: expected a digest in hex"),
    ("a byte order mark", "\u{feff}{}  a\n", "line 1: expected a digest in hex"),
    ("a blank before the digest", " {}  a\n", "line 1: expected a digest in hex"),
    ("one blank before the name", "{} a\n", "two blanks"),
    ("a tab before the name", "{}\ta\n", "two blanks"),
    ("the mark of shasum for other line ends", "{} Ua\n", "two blanks"),
    ("a digest alone", "{}\n", "two blanks"),
    ("words", "These are the digests of 4.2:\n{}  a\n", "line 1: expected a digest in hex"),
    ("a signature behind", "{}  a\n-----BEGIN PGP SIGNATURE-----\n", "line 2: expected a digest in hex"),
    ("cut within a digest", "{}  a\n98ea6e4f216f\n", "line 2: expected a digest in hex"),
    ("a digit too many", "{}0  a\n", "found 65"),
    (
        "a digest in base64",
        "SHA256 (a) = mOpuTyFvL7S2n/+bOkSELDhobKaF8/VdxIxdP7EQe+Q=\n",
        "expected 64 hex digits for sha256",
    ),
    ("a blank behind a tagged digest", "SHA256 (a) = {} \n", "expected 64 hex digits for sha256"),
    (
        "a digest of another length than its tag says",
        "SHA512 (a) = {}\n",
        "expected 128 hex digits for sha512",
    ),
    ("no blanks around =", "SHA256 (a)={}\n", "`ALGORITHM (NAME) = DIGEST`"),
    ("one form's beginning and the other's end", "SHA256 (a)= {}\n", "`ALGORITHM (NAME) = DIGEST`"),
    ("more blanks around =", "SHA256 (a)  =  {}\n", "`ALGORITHM (NAME) = DIGEST`"),
    ("a bracket that stays open", "SHA256 (a = {}\n", "`ALGORITHM (NAME) = DIGEST`"),
    ("a tag in lower case", "sha256 (a) = {}\n", "algorithm \"sha256\""),
    ("a tag that is unknown", "SHA256 (a) = {}\nSHA3-256 (a) = {}\n", "algorithm \"SHA3-256\""),
    ("a size, as in a distinfo file", "SHA256 (a) = {}\nSIZE (a) = 3\n", "algorithm \"SIZE\""),
    ("two forms", "{}  a\nSHA256 (b) = {}\n", "like those before it"),
    ("two lengths", "{}  a\n764efa883dda1e11db47671c4a3bbd9e  b\n", "as in the lines before it"),
    ("MD5 alone", "764efa883dda1e11db47671c4a3bbd9e  a\n", "\"a\": expected a digest by sha256"),
    ("SHA-1 alone", "55ca6286e3e4f4fba5d0448333fa99fc5a404a73  a\n", "found only sha1"),
    (
        "MD5 alone for one of two",
        "SHA256 (a) = {}\nMD5 (b) = 764efa883dda1e11db47671c4a3bbd9e\n",
        "\"b\": expected a digest by",
    ),
    ("a weak digest that is none", "SHA256 (a) = {}\nMD5 (a) = 764e\n", "expected 32 hex digits for md5"),
    ("SHA-224", "6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb110  a\n", "found 56"),
    ("one name twice, with one digest", "{}  a\n{}  a\n", "found another in line 1"),
    (
        "one name twice, with two",
        "{}  a\n0000000000000000000000000000000000000000000000000000000000000000  a\n",
        "found another in line 1",
    ),
    ("one name twice in two spellings", "{}  a\n{}  ./a\n", "found another in line 1"),
    (
        "one name twice, weakly",
        "SHA256 (a) = {}\nMD5 (a) = 764efa883dda1e11db47671c4a3bbd9e\nMD5 (a) = 764efa883dda1e11db47671c4a3bbd9e\n",
        "one md5 digest",
    ),
    ("standard input", "{}  -\n", "standard input"),
    ("no name", "{}  \n", "expected a name, found nothing"),
    ("no name in brackets", "SHA256 () = {}\n", "expected a name, found nothing"),
    ("./ alone", "{}  ./\n", "expected a name, found nothing"),
    ("./ twice", "{}  ././a\n", "found the component `.`"),
    ("a name above", "{}  ../a\n", "found the component `..`"),
    ("an absolute name", "{}  /a\n", "expected a relative path"),
    ("a backslash", "{}  b\\a\n", "found a backslash"),
    ("an escaped backslash", "\\{}  b\\\\a\n", "found a backslash"),
    ("an escaped line break", "\\{}  b\\na\n", "U+000A"),
    ("an escaped carriage return at the end", "\\{}  a\\r\n", "U+000D"),
    ("two carriage returns", "{}  a\r\r\n", "U+000D"),
    ("a carriage return within", "{}  a\rb\n", "U+000D"),
    ("an escape that is none", "\\{}  \\a\n", "escaped, found another backslash"),
    ("half an escape", "\\{}  a\\\n", "escaped, found another backslash"),
    ("two marks of escapes", "\\\\{}  a\n", "expected a digest in hex"),
    ("NUL in place of line breaks", "{}  a\0{}  b\0", "U+0000"),
    ("an override of direction", "{}  a\u{202e}gnp.exe\n", "U+202E"),
];

/// Whether `sha256sum -c --strict` finds every line of a list in order, and every file as it says.
fn sha256sum_agrees(directory: &Path, list: &[u8]) -> bool {
    let file = directory.join("../list");
    fs::write(&file, list).unwrap();
    run(directory, "sha256sum", &["-c", "--strict", "--quiet", "../list"], &[]).status.success()
}

#[test]
fn lists_are_refused_with_the_line_and_never_read_where_sha256sum_refuses() {
    let outer = TempDir::new().unwrap();
    let directory = outer.path().join("files");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("a"), "hi\n").unwrap();
    let tool = have("sha256sum", &["--version"]);
    for (claim, list, says) in LISTS {
        let list = list.replace("{}", SHA256);
        let agrees = tool && sha256sum_agrees(&directory, list.as_bytes());
        match read(list.as_bytes(), None) {
            Ok(artifacts) => {
                assert!(says.is_empty(), "{claim}: expected a refusal with {says:?}, found {artifacts:?}");
                assert_eq!(artifacts.len(), 1, "{claim}");
                assert_eq!(computed(b"hi\n").matches(&artifacts[0].digests), Comparison::Matches, "{claim}");
                let further = claim.contains("OpenSSL 3") || claim.contains("weak digests beside");
                assert!(agrees || further || !tool, "{claim}: sha256sum refuses it");
            }
            Err(why) => {
                let why = why.to_string();
                assert!(!says.is_empty() && why.contains(says), "{claim}: expected {says:?}, found {why:?}");
            }
        }
    }
}

#[test]
fn a_hint_is_for_lists_that_name_no_algorithm() {
    let list = format!("{SHA256}  a\n");
    assert_eq!(read(list.as_bytes(), Some(Algorithm::Blake3)).unwrap()[0].digests.algorithms().count(), 1);
    let refused = read(list.as_bytes(), Some(Algorithm::Sha512)).unwrap_err().to_string();
    assert!(refused.contains("expected 128 hex digits for sha512"), "{refused}");
    let weak =
        read(b"764efa883dda1e11db47671c4a3bbd9e  a\n", Some(Algorithm::Sha256)).unwrap_err().to_string();
    assert!(weak.contains("expected 64 hex digits for sha256"), "{weak}");
}

#[test]
fn a_list_of_names_that_are_not_text_is_refused() {
    let list = [SHA256.as_bytes(), b"  caf\xe9\n"].concat();
    let refused = read(&list, None).unwrap_err().to_string();
    assert!(refused.contains("expected UTF-8, found something else at byte 3"), "{refused}");
}

/// Bytes of names, chosen for what they mean in lists.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        6 => prop::sample::select(b"ab01()=*#- .".to_vec()),
        1 => prop::sample::select(b"\\\n\r\t\x1b\xc3\xbc\xff".to_vec()),
    ];
    prop::collection::vec(byte, 1..12)
        .prop_filter("a name", |name| !matches!(name.as_slice(), b"." | b"..") && !name.starts_with(b"-"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_odd_names_mean_the_files_that_were_there(
        names in prop::collection::btree_set(name(), 1..5), form in 0..3_usize
    ) {
        if !have("sha256sum", &["--version"]) {
            return Ok(());
        }
        let directory = TempDir::new().unwrap();
        let mut expected = BTreeMap::new();
        for name in &names {
            let contents = [b"contents of ", name.as_slice()].concat();
            fs::write(directory.path().join(OsStr::from_bytes(name)), &contents).unwrap();
            expected.insert(name.clone(), computed(&contents));
        }
        let arguments: [&[&str]; 3] = [&[], &["-b"], &["--tag"]];
        let list = Command::new("sha256sum")
            .args(arguments[form])
            .args(names.iter().map(|name| OsStr::from_bytes(name)))
            .current_dir(directory.path())
            .output()
            .unwrap();
        prop_assert!(list.status.success());
        let fit = names.iter().all(|name| DropPath::from_bytes(name).is_ok());
        match read(&list.stdout, None) {
            Ok(artifacts) => {
                prop_assert!(fit, "read {artifacts:?}");
                prop_assert_eq!(artifacts.len(), names.len());
                for artifact in artifacts {
                    let own = &expected[artifact.path.as_str().as_bytes()];
                    prop_assert_eq!(own.matches(&artifact.digests), Comparison::Matches);
                }
            }
            Err(why) => prop_assert!(!fit, "{}", why),
        }
    }

    #[test]
    fn a_damaged_list_that_is_read_is_one_that_sha256sum_checks_whole(
        tagged in any::<bool>(),
        damage in prop::collection::vec(
            (0..200_usize, 0..3_u8, prop::sample::select(b"ab0 *\\()=#\n\r\t-./nrS2".to_vec())), 1..4)
    ) {
        if !have("sha256sum", &["--version"]) {
            return Ok(());
        }
        let outer = TempDir::new().unwrap();
        let directory = outer.path().join("files");
        fs::create_dir(&directory).unwrap();
        for name in ["a", "b"] {
            fs::write(directory.join(name), name).unwrap();
        }
        let form: &[&str] = if tagged { &["--tag"] } else { &[] };
        let mut list = run(&directory, "sha256sum", form, &["a", "b"]).stdout;
        for (at, how, byte) in damage {
            let at = at % list.len();
            match how {
                0 => list[at] = byte,
                1 => list.insert(at, byte),
                _ => {
                    list.remove(at);
                }
            }
        }
        let Ok(artifacts) = read(&list, None) else { return Ok(()) };
        let all_match = artifacts.iter().all(|artifact| {
            fs::read(directory.join(artifact.path.as_str()))
                .is_ok_and(|bytes| computed(&bytes).matches(&artifact.digests) == Comparison::Matches)
        });
        let file = directory.join("../list");
        fs::write(&file, &list).unwrap();
        let output = run(&directory, "sha256sum", &["-c", "--strict", "../list"], &[]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        prop_assert!(!errors.contains("formatted"), "{}\n{}", errors, String::from_utf8_lossy(&list));
        prop_assert_eq!(all_match, output.status.success(), "{}", String::from_utf8_lossy(&list));
        prop_assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count() >= artifacts.len(), true);
    }
}
