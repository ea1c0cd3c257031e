//! A tar archive, however it is compressed, is listed as what every reader finds in it, or something is odd about it.
//!
//! Good archives are made by the tools that vendors use. Broken ones are written by hand, one thing wrong with each.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use dropgate::digest::{Algorithm, Algorithms, hex};
use dropgate::drop::package::Package;
use dropgate::drop::{NoProgress, Source, SourceError, Wanted};
use proptest::prelude::*;
use sha2::{Digest, Sha256, Sha512};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Files by path, with their sizes and digests, and what is odd.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Listing {
    files: BTreeMap<String, (u64, String)>,
    odd: Vec<String>,
}

impl Listing {
    /// What an archive of these files must be listed as.
    fn of<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Self {
        let files = files
            .into_iter()
            .map(|(path, bytes)| (path.to_owned(), (bytes.len() as u64, hex(&Sha256::digest(&bytes)))));
        Self { files: files.collect(), odd: Vec::new() }
    }
}

fn algorithms(all: &[Algorithm]) -> Algorithms {
    all.iter().fold(Algorithms::default(), |set, algorithm| set.with(*algorithm))
}

/// Lists an archive, and holds against one another the several ways to get at what is in it.
fn list(path: &Path) -> Result<Listing, SourceError> {
    let package = Package::open(path)?;
    let inventory = package.inventory()?;
    let digests = |set: &[Algorithm]| {
        let algorithms = algorithms(set);
        let wanted: Vec<_> = inventory.files.iter().map(|entry| Wanted { entry, algorithms }).collect();
        package.digest(&wanted, &NoProgress)
    };
    let one = digests(&[Algorithm::Sha256])?;
    let two = digests(&[Algorithm::Sha256, Algorithm::Sha512])?;
    let other = digests(&[Algorithm::Sha512])?;
    let mut files = BTreeMap::new();
    for (((entry, one), two), other) in inventory.files.iter().zip(one).zip(two).zip(other) {
        let one = one.unwrap();
        let bytes = package.read(entry, u64::MAX)?.unwrap();
        assert_eq!(bytes.len() as u64, entry.size, "{}", entry.path);
        assert_eq!(one.by(Algorithm::Sha256), Some(&Sha256::digest(&bytes)[..]), "{}", entry.path);
        // A fault after this file may keep it from being unpacked a second time.
        if let (Ok(two), Ok(other)) = (&two, &other) {
            assert_eq!(two.by(Algorithm::Sha256), one.by(Algorithm::Sha256));
            assert_eq!(two.by(Algorithm::Sha512), Some(&Sha512::digest(&bytes)[..]));
            assert_eq!(other.by(Algorithm::Sha512), two.by(Algorithm::Sha512));
            assert_eq!(other.by(Algorithm::Sha256), None);
        } else {
            assert!(!inventory.odd.is_empty(), "{}: {two:?} {other:?}", entry.path);
        }
        files.insert(entry.path.to_string(), (entry.size, hex(one.by(Algorithm::Sha256).unwrap())));
    }
    assert_eq!(package.changes_since(&inventory)?, [""; 0]);
    let odd = inventory.odd.iter().map(|odd| format!("{}: {}", odd.shown, odd.oddity)).collect();
    Ok(Listing { files, odd })
}

fn list_bytes(bytes: &[u8]) -> Result<Listing, SourceError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive");
    fs::write(&path, bytes).unwrap();
    list(&path)
}

// Good archives.

const LONG: &str = "a-directory-of-forty-characters-at-least/another-directory-of-forty-characters-here/file-of-a-long-name.bin";

/// Files that every format can hold; with `longer` one whose name only some can.
fn tree(longer: bool) -> (TempDir, Listing) {
    let dir = tempfile::tempdir().unwrap();
    let big: Vec<u8> =
        (0..700_000_u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()).collect();
    let mut files = vec![
        ("drop.dsse.json", b"{}".to_vec()),
        ("empty", Vec::new()),
        ("images/block.bin", vec![7; 512]),
        ("images/cu.img", big),
        ("images/zeros.img", vec![0; 300_000]),
    ];
    let longest = [LONG, LONG, LONG].join("/").replace(".bin", "-\u{e4}.bin");
    if longer {
        files.push((LONG, b"long".to_vec()));
        files.push((&longest, b"longest".to_vec()));
    }
    for (path, bytes) in &files {
        let path = dir.path().join("tree").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let listing = Listing::of(files.iter().map(|(path, bytes)| (*path, bytes.clone())));
    (dir, listing)
}

/// Runs a line of shell in the tree, with `$OUT` for the archive.
fn make(dir: &Path, line: &str) -> PathBuf {
    let out = dir.join("archive");
    let _ = fs::remove_file(&out);
    let output = Command::new("sh")
        .args(["-ec", line])
        .current_dir(dir.join("tree"))
        .env("OUT", &out)
        .env("PYTHON", std::env::var_os("DROPGATE_PYTHON").unwrap_or("python3".into()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    out
}

const PYTHON: &str = r#""$PYTHON" -c '
import os, sys, tarfile
with tarfile.open(sys.argv[1], "w", format=getattr(tarfile, sys.argv[2])) as archive:
    for name in sorted(os.listdir(".")):
        archive.add(name)
' "$OUT" "#;

/// The tool, whether the format holds long names, and what makes the archive.
const MADE: [(&str, bool, &str); 27] = [
    ("tar", false, "tar --format=v7 -cf $OUT ."),
    ("tar", false, "tar --format=ustar -cf $OUT ."),
    ("tar", true, "tar --format=pax -cf $OUT ."),
    ("tar", true, "tar --format=gnu -cf $OUT ."),
    ("tar", true, "tar --format=oldgnu -cf $OUT ."),
    ("tar", true, "tar --format=pax -cf $OUT -- *"),
    ("tar", true, "tar --format=gnu -b 1 -cf $OUT -- *"),
    ("tar", true, "tar --format=pax --mtime=1960-01-01 --owner=a:9999999 -cf $OUT ."),
    ("tar", true, "tar --format=gnu --mtime=1960-01-01 --owner=a:9999999 -cf $OUT ."),
    ("bsdtar", false, "bsdtar --format=ustar -cf $OUT ."),
    ("bsdtar", true, "bsdtar --format=pax -cf $OUT ."),
    ("bsdtar", true, "bsdtar --format=gnutar -cf $OUT ."),
    ("bsdtar", false, "bsdtar --format=v7 -cf $OUT ."),
    ("bsdtar", true, "bsdtar --format=pax -czf $OUT -- *"),
    ("python3", false, "USTAR_FORMAT"),
    ("python3", true, "PAX_FORMAT"),
    ("python3", true, "GNU_FORMAT"),
    ("gzip", true, "tar -czf $OUT ."),
    ("gzip", true, "tar -cf - . | gzip -9n > $OUT"),
    ("gzip", true, "tar -cf ../t . && gzip -k ../t && mv ../t.gz $OUT"),
    (
        "gzip",
        true,
        "tar -cf ../t . && (head -c 700000 ../t | gzip; tail -c +700001 ../t | gzip; gzip </dev/null) > $OUT",
    ),
    ("pigz", true, "tar -cf - . | pigz > $OUT"),
    (
        "git",
        true,
        "git init -q . && git add . && git -c user.name=a -c user.email=a@b commit -qm a && git archive HEAD > $OUT",
    ),
    ("zstd", true, "tar -cf - . | zstd -q > $OUT"),
    (
        "zstd",
        true,
        "tar -cf ../t . && (head -c 700000 ../t | zstd -q --no-check; tail -c +700001 ../t | zstd -q19) > $OUT",
    ),
    ("xz", true, "tar -cf - . | xz > $OUT"),
    (
        "xz",
        true,
        "tar -cf ../t . && (head -c 700000 ../t | xz -9 -C none; head -c 8 /dev/zero; tail -c +700001 ../t | xz -C sha256) > $OUT",
    ),
];

#[test]
fn what_tools_make_is_listed_as_it_is() {
    for (tool, longer, line) in MADE {
        let (feature, built) = match tool {
            "zstd" => ("zstd", cfg!(feature = "zstd")),
            "xz" => ("xz", cfg!(feature = "xz")),
            _ => ("", true),
        };
        if !common::have(tool, &["--version"]) {
            continue;
        }
        let (dir, expected) = tree(longer);
        let line = if tool == "python3" { format!("{PYTHON}{line}") } else { line.to_owned() };
        let archive = make(dir.path(), &line);
        if built {
            assert_eq!(list(&archive).unwrap(), expected, "{line}");
        } else {
            let error = list(&archive).unwrap_err().to_string();
            assert!(error.contains(&format!("no {feature}")), "{line}: {error}");
        }
    }
}

#[test]
fn what_tools_make_of_other_things_than_files_is_odd() {
    for (line, expected) in [
        ("ln -s /etc/passwd link; tar -cf $OUT .", "link: a symbolic link"),
        ("ln empty hard; tar -cf $OUT .", ": a hard link to another entry"),
        ("mkfifo pipe; tar -cf $OUT .", "pipe: a named pipe"),
        ("tar -Pcf $OUT $PWD/empty", "found `/` at its start"),
        ("tar -Pcf $OUT ../tree/empty", "found the component `..`"),
        ("tar -cf $OUT . && tar -rf $OUT ./empty", "empty: several entries of this name"),
        ("truncate -s 1M holes; echo x >> holes; tar --format=gnu -Scf $OUT .", "a sparse file"),
        (
            "truncate -s 1M holes; echo x >> holes; tar --format=pax --sparse-version=1.0 -Scf $OUT .",
            "a sparse file",
        ),
        (
            "truncate -s 1M holes; echo x >> holes; tar --format=pax --sparse-version=0.1 -Scf $OUT .",
            "a sparse file",
        ),
        (
            "truncate -s 1M holes; echo x >> holes; tar --format=pax --sparse-version=0.0 -Scf $OUT .",
            "twice in one header",
        ),
        ("tar --format=gnu -V label -cf $OUT .", "label: an entry of the unknown type 'V'"),
        ("tar --format=gnu -g ../snapshot -cf $OUT .", "after the device numbers"),
        (
            "tar --format=gnu -cf $OUT -L 100 -M --new-volume-script='echo ../t >&$TAR_FD' . ; mv ../t $OUT",
            "from another volume",
        ),
        ("tar -cf $OUT . ; tar -cf ../t . ; cat ../t >> $OUT", "trailing data"),
        ("tar -czf $OUT . ; tar -czf ../t . ; cat ../t >> $OUT", "trailing data"),
        ("tar -cf - . | gzip > $OUT ; printf x >> $OUT", "archive: a cut package"),
        ("tar -cf - . | gzip > $OUT ; printf 12 >> $OUT", "archive: trailing data"),
        ("tar -cf - . | gzip > $OUT ; head -c 512 /dev/zero >> $OUT", "archive: trailing data"),
        ("echo text | gzip > $OUT", "archive: a cut archive"),
        ("head -c 4096 empty /dev/urandom | gzip > $OUT", "archive: a faulty header at byte 0"),
        ("tar -cf - . | gzip | gzip > $OUT", "archive: a faulty header at byte 0"),
    ] {
        if !common::have("tar", &["--version"]) || !common::have("gzip", &["--version"]) {
            return;
        }
        let (dir, _) = tree(false);
        let archive = make(dir.path(), line);
        let odd = list(&archive).unwrap().odd;
        assert!(
            odd.iter().any(|odd| odd.contains(expected)),
            "{line}: expected {expected:?}, found {odd:#?}"
        );
    }
}

// Archives by hand.

const GOOD: &[u8] = b"contents\n";

/// An archive while it is written.
#[derive(Clone, Default)]
struct Tar(Vec<u8>);

/// A header, by the places of its fields.
#[derive(Clone)]
struct Header([u8; 512]);

impl Header {
    fn new(kind: u8, name: &str, size: usize) -> Self {
        let mut header = Self([0; 512]);
        header.set(0, name.as_bytes()).set(100, b"0000644\0").set(108, b"0000000\0").set(116, b"0000000\0");
        header.set(124, format!("{size:011o}\0").as_bytes()).set(136, b"00000000000\0");
        header.set(156, &[kind]).set(257, b"ustar\x0000");
        header
    }

    fn set(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn gnu(&mut self) -> &mut Self {
        self.set(257, b"ustar  \0")
    }

    fn summed(&self) -> [u8; 512] {
        let mut block = self.0;
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

impl Tar {
    fn header(mut self, header: &Header) -> Self {
        self.0.extend_from_slice(&header.summed());
        self
    }

    fn data(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        let padded = self.0.len().next_multiple_of(512);
        self.0.resize(padded, 0);
        self
    }

    fn entry(self, kind: u8, name: &str, bytes: &[u8]) -> Self {
        self.header(&Header::new(kind, name, bytes.len())).data(bytes)
    }

    /// An entry whose header has something set.
    fn with(self, kind: u8, name: &str, bytes: &[u8], set: impl FnOnce(&mut Header)) -> Self {
        let mut header = Header::new(kind, name, bytes.len());
        set(&mut header);
        self.header(&header).data(bytes)
    }

    fn file(self, name: &str) -> Self {
        self.entry(b'0', name, GOOD)
    }

    fn pax(self, records: &[(&str, &str)]) -> Self {
        self.entry(b'x', "PaxHeaders/x", &pax(records))
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn end(self) -> Vec<u8> {
        self.raw(&[0; 1024]).0
    }
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::new();
    for (keyword, value) in records {
        let rest = keyword.len() + value.len() + 3;
        let length = (rest..).find(|length| length - length.to_string().len() == rest).unwrap();
        text.push_str(&format!("{length} {keyword}={value}\n"));
    }
    text.into_bytes()
}

fn good() -> Tar {
    Tar::default().file("first")
}

#[test]
fn what_is_written_by_hand_is_good_until_something_is_broken() {
    let expected = |paths: &[&str]| Listing::of(paths.iter().map(|path| (*path, GOOD.to_vec())));
    let long = "n/".repeat(120) + "file";
    let long_data = [long.as_bytes(), b"\0"].concat();
    let nine = GOOD.len().to_string();
    for (claim, archive, paths) in [
        ("two files", good().file("second"), &["first", "second"][..]),
        ("a leading dot", good().file("./second"), &["first", "second"]),
        ("its own directory", good().entry(b'5', "./", b"").entry(b'5', ".", b""), &["first"]),
        ("directories", good().entry(b'5', "d/", b"").entry(b'5', "e", b"").file("d/f"), &["first", "d/f"]),
        ("a type of version 7", good().entry(0, "second", GOOD), &["first", "second"]),
        ("a pax name", good().pax(&[("path", &long), ("mtime", "1.5")]).file("short"), &["first", &long]),
        ("a pax size that agrees", good().pax(&[("size", &nine)]).file("second"), &["first", "second"]),
        ("a GNU name", good().entry(b'L', "././@LongLink", &long_data).file("short"), &["first", &long]),
        ("a global comment", good().entry(b'g', "g", &pax(&[("comment", "c")])).file("b"), &["first", "b"]),
        (
            "rights and attributes",
            good()
                .pax(&[("SCHILY.xattr.user.a", "b"), ("SCHILY.acl.access", "u"), ("hdrcharset", "BINARY")])
                .file("b"),
            &["first", "b"],
        ),
        (
            "a prefix",
            good().with(b'0', "second", GOOD, |header| {
                header.set(345, b"of/a");
            }),
            &["first", "of/a/second"],
        ),
        (
            "a size in base 256",
            good().with(b'0', "second", GOOD, |header| {
                header.set(124, b"\x80\0\0\0\0\0\0\0\0\0\0\x09");
            }),
            &["first", "second"],
        ),
        (
            "old numbers",
            good().with(b'0', "second", GOOD, |header| {
                header.set(100, b"   644 \0").set(124, b"         11 ").set(136, b"000000000000");
            }),
            &["first", "second"],
        ),
    ] {
        let archive = archive.end();
        assert_eq!(list_bytes(&archive).unwrap(), expected(paths), "{claim}");
        assert_eq!(list_bytes(&gzip(&archive)).unwrap(), expected(paths), "{claim}, in gzip");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

type Case = (&'static str, Vec<u8>, &'static str);

/// Headers that are no headers.
fn headers() -> Vec<Case> {
    let with = |set: fn(&mut Header)| good().with(b'0', "second", GOOD, set).end();
    let unsummed = |at: usize, byte: u8| {
        let mut archive = good().file("second").end();
        archive[1024 + at] = byte;
        archive
    };
    vec![
        ("a wrong check sum", unsummed(0, b'S'), "a damaged header at byte 1024: expected the check sum"),
        (
            "a check sum of signed bytes",
            {
                let mut archive = good().file("\u{e9}").end();
                let sum = Header::new(b'0', "\u{e9}", 9).summed();
                let sum: i64 = sum
                    .iter()
                    .enumerate()
                    .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { i64::from(*byte as i8) })
                    .sum();
                archive[1024 + 148..1024 + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
                archive
            },
            "a damaged header at byte 1024",
        ),
        ("a check sum that is no number", unsummed(148, b'x'), "as its check sum"),
        (
            "an unknown mark",
            with(|h| {
                h.set(257, b"USTAR\x0000");
            }),
            "an unknown header at byte 1024",
        ),
        (
            "another version",
            with(|h| {
                h.set(263, b"01");
            }),
            "an unknown header at byte 1024",
        ),
        (
            "a size in decimal",
            with(|h| {
                h.set(124, b"00000000009\0");
            }),
            "as its size",
        ),
        (
            "a size in hex",
            with(|h| {
                h.set(124, b"0x000000009\0");
            }),
            "as its size",
        ),
        (
            "a size with a minus",
            with(|h| {
                h.set(124, b"-0000000011\0");
            }),
            "as its size",
        ),
        (
            "no size",
            with(|h| {
                h.set(124, &[0; 12]);
            }),
            "as its size",
        ),
        (
            "a negative size in base 256",
            with(|h| {
                h.set(124, &[0xff; 12]);
            }),
            "a number that is not negative as its size",
        ),
        (
            "a size beyond 2^63",
            with(|h| {
                h.set(124, b"\x80\0\0\0\x80\0\0\0\0\0\0\0");
            }),
            "a number below 2^63 as its size",
        ),
        (
            "a size beyond 2^64",
            with(|h| {
                h.set(124, b"\x80\x01\0\0\0\0\0\0\0\0\0\x09");
            }),
            "a number below 2^63 as its size",
        ),
        (
            "a size that nothing follows",
            with(|h| {
                h.set(124, b"77777777777\0");
            }),
            "a cut archive: expected more of a file",
        ),
        (
            "a size of 2^63 - 1",
            with(|h| {
                h.set(124, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
            }),
            "a cut archive",
        ),
        (
            "two numbers in one field",
            with(|h| {
                h.set(124, b"000011\x00000011");
            }),
            "as its size",
        ),
        (
            "a mode that is no number",
            with(|h| {
                h.set(100, b"rw-r--r-");
            }),
            "as its mode",
        ),
        (
            "a time that is no number",
            with(|h| {
                h.set(136, b"00000000008\0");
            }),
            "as its time",
        ),
        (
            "an owner that is no number",
            with(|h| {
                h.set(108, b"root\0\0\0\0");
            }),
            "as its owner",
        ),
        (
            "bytes after the end of the name",
            with(|h| {
                h.set(8, b"hidden");
            }),
            "expected zeros after the name,",
        ),
        (
            "bytes after the prefix",
            with(|h| {
                h.set(345, b"a\0b");
            }),
            "expected zeros after the prefix of the name",
        ),
        (
            "bytes after the header",
            with(|h| {
                h.set(508, b"tar\0");
            }),
            "expected zeros after the prefix of the name",
        ),
        (
            "bytes after the name of a link",
            with(|h| {
                h.set(157, b"a\0b");
            }),
            "expected zeros after the name of a link",
        ),
        (
            "a prefix in GNU's format",
            with(|h| {
                h.gnu().set(345, b"../evil");
            }),
            "expected zeros after the device numbers",
        ),
        (
            "a prefix in version 7",
            with(|h| {
                h.set(257, &[0; 8]).set(345, b"../evil");
            }),
            "expected zeros after the device numbers",
        ),
    ]
}

/// Entries that can't be files of a drop.
fn entries() -> Vec<Case> {
    let kind = |kind: u8| good().entry(kind, "second", b"").end();
    let named = |name: &str| good().file(name).end();
    vec![
        ("a hard link", kind(b'1'), "second: a hard link"),
        ("a symbolic link", kind(b'2'), "second: a symbolic link"),
        ("a character device", kind(b'3'), "second: a character device"),
        ("a block device", kind(b'4'), "second: a block device"),
        ("a FIFO", kind(b'6'), "second: a named pipe"),
        ("a contiguous file", kind(b'7'), "second: an entry of the unknown type '7'"),
        ("a directory of GNU", kind(b'D'), "second: an entry of the unknown type 'D'"),
        ("a piece of a volume", kind(b'M'), "second: a piece of a file from another volume"),
        ("an old GNU sparse file", kind(b'S'), "archive: a sparse file"),
        ("a Solaris header", kind(b'X'), "second: an entry of the unknown type 'X'"),
        ("a type that is no letter", kind(0xff), "an entry of the unknown type"),
        (
            "a symbolic link with contents",
            good().entry(b'2', "second", GOOD).end(),
            "contents of what is no file",
        ),
        (
            "a hard link with contents",
            good().entry(b'1', "second", GOOD).end(),
            "contents of what is no file",
        ),
        (
            "a directory with contents",
            good().entry(b'5', "second", GOOD).end(),
            "contents of what is no file",
        ),
        ("an absolute name", named("/etc/passwd"), "/etc/passwd: a refused name: expected a relative path"),
        ("a name above", named("../up"), "found the component `..`"),
        ("a name above, within", named("a/../../up"), "found the component `..`"),
        ("two dots behind a leading one", named("./../up"), "found the component `..`"),
        ("two leading dots", named("././up"), "found the component `.`"),
        ("an absolute name behind a dot", named(".//etc/passwd"), "expected a relative path"),
        ("no name", named(""), "expected a name, found nothing"),
        ("a file called as the drop", named("./"), "expected a name, found nothing"),
        ("a backslash", named("a\\b"), "found a backslash"),
        ("an escape sequence", named("a\u{1b}[2J"), "found the control character U+001B"),
        (
            "a name that is not UTF-8",
            good()
                .with(b'0', "", GOOD, |h| {
                    h.set(0, b"caf\xe9");
                })
                .end(),
            "caf\\xe9: a refused name: expected UTF-8",
        ),
        ("a file with a slash at its end", named("second/"), "found nothing on one"),
        ("a file twice", good().file("first").end(), "first: several entries of this name"),
        (
            "a file twice, once with a dot",
            good().file("./first").end(),
            "first: several entries of this name",
        ),
        (
            "a file and a directory of one name",
            good().entry(b'5', "first/", b"").end(),
            "first: several entries of this name",
        ),
        (
            "a file below a file",
            good().file("first/second").end(),
            "first: a file that is the directory of others too",
        ),
        ("a file below a link", good().entry(b'2', "l", b"").file("l/passwd").end(), "l: a symbolic link"),
        (
            "bytes behind a file",
            {
                let mut a = good().end();
                a[1000] = 1;
                a
            },
            "first: hidden data: expected zeros between the file's end and byte 1024",
        ),
    ]
}

/// Headers about the next entry.
fn extended() -> Vec<Case> {
    let pax = |records: &[(&str, &str)]| good().pax(records).file("second").end();
    let raw = |records: &str| good().entry(b'x', "x", records.as_bytes()).file("second").end();
    let long = |name: &[u8]| good().entry(b'L', "././@LongLink", name).file("second").end();
    let global = |records: &[(&str, &str)]| good().entry(b'g', "g", &self::pax(records)).file("second").end();
    vec![
        (
            "a pax name and a GNU name",
            good().pax(&[("path", "a")]).entry(b'L', "L", b"b\0").file("second").end(),
            "a name twice",
        ),
        (
            "a GNU name and a pax name",
            good().entry(b'L', "L", b"b\0").pax(&[("path", "a")]).file("second").end(),
            "a name twice",
        ),
        (
            "both names alike",
            good().pax(&[("path", "a")]).entry(b'L', "L", b"a\0").file("second").end(),
            "a name twice",
        ),
        (
            "a GNU link name and a pax header",
            good().entry(b'K', "K", b"b\0").pax(&[("mtime", "1")]).file("second").end(),
            "a name twice",
        ),
        (
            "two GNU names",
            good().entry(b'L', "L", b"a\0").entry(b'L', "L", b"b\0").file("second").end(),
            "two headers about one entry",
        ),
        (
            "two pax headers",
            good().pax(&[("path", "a")]).pax(&[("path", "b")]).file("second").end(),
            "two headers about one entry",
        ),
        (
            "a global header between",
            good().pax(&[("path", "a")]).entry(b'g', "g", b"").file("second").end(),
            "two headers about one entry",
        ),
        ("a pax header about nothing", good().pax(&[("path", "a")]).end(), "a header about nothing"),
        ("a GNU name about nothing", good().entry(b'L', "L", b"a\0").end(), "a header about nothing"),
        ("a GNU name without its end", long(b"name"), "a faulty long name"),
        ("a GNU name with two ends", long(b"name\0\0"), "a faulty long name"),
        ("a GNU name with a NUL in it", long(b"name\0hidden\0"), "a faulty long name"),
        ("an empty GNU name", long(b"\0"), "a faulty long name"),
        ("a GNU name above", long(b"../up\0"), "found the component `..`"),
        (
            "a GNU name of a megabyte",
            long(&[&[b'a'; 1 << 20][..], b"\0"].concat()),
            "an extended header too large",
        ),
        (
            "bytes behind a GNU name",
            {
                let mut a = long(b"name\0");
                a[2000] = 1;
                a
            },
            "hidden data",
        ),
        ("a pax name above", pax(&[("path", "../up")]), "../up: a refused name"),
        ("an absolute pax name", pax(&[("path", "/up")]), "/up: a refused name"),
        ("a pax name with a NUL", pax(&[("path", "a\0b")]), "found the control character U+0000"),
        ("a pax name with a line break", pax(&[("path", "a\nb")]), "found the control character U+000A"),
        (
            "a pax name of 9,000 bytes",
            pax(&[("path", &"a".repeat(9000))]),
            "a faulty value of the pax keyword `path`",
        ),
        (
            "a directory of version 7 that pax names as a file",
            good().pax(&[("path", "second")]).entry(0, "second/", b"").end(),
            "a file or a directory",
        ),
        (
            "a file of version 7 that GNU names as a directory",
            good().entry(b'L', "L", b"second/\0").entry(0, "second", b"").end(),
            "a file or a directory",
        ),
        ("an empty pax name", pax(&[("path", "")]), "a faulty value of the pax keyword `path`"),
        (
            "a pax name twice",
            pax(&[("path", "a"), ("path", "b")]),
            "the pax keyword `path` twice in one header",
        ),
        (
            "a pax size that is larger",
            pax(&[("size", "512")]),
            "two sizes of one file: expected 9 bytes as its header says, found 512",
        ),
        ("a pax size of nothing", pax(&[("size", "0")]), "two sizes of one file"),
        (
            "a pax size where there is room for it",
            good().pax(&[("size", "9")]).entry(b'0', "second", b"").data(GOOD).end(),
            "two sizes of one file",
        ),
        ("a pax size that is negative", pax(&[("size", "-9")]), "a faulty value of the pax keyword `size`"),
        (
            "a pax size beyond 2^63",
            pax(&[("size", "9223372036854775808")]),
            "a faulty value of the pax keyword `size`",
        ),
        (
            "a pax size with a zero before it",
            pax(&[("size", "09")]),
            "a faulty value of the pax keyword `size`",
        ),
        (
            "a pax size for a link",
            good().pax(&[("size", "9000000000")]).entry(b'2', "second", b"").end(),
            "contents of what is no file",
        ),
        ("a global name", global(&[("path", "a")]), "the pax keyword `path` in a global header"),
        ("a global size", global(&[("size", "9")]), "the pax keyword `size` in a global header"),
        ("a global link", global(&[("linkpath", "a")]), "the pax keyword `linkpath` in a global header"),
        ("a global unknown", global(&[("VENDOR.x", "a")]), "the unknown pax keyword `VENDOR.x`"),
        ("an unknown keyword", pax(&[("VENDOR.x", "a")]), "second: the unknown pax keyword `VENDOR.x`"),
        ("a keyword for sparse files", pax(&[("GNU.sparse.major", "1")]), "second: a sparse file"),
        ("another one", pax(&[("SCHILY.realsize", "1")]), "second: a sparse file"),
        ("a keyword for volumes", pax(&[("GNU.volume.size", "1")]), "second: a piece of a file"),
        (
            "an unknown charset",
            pax(&[("hdrcharset", "KOI8-R")]),
            "a faulty value of the pax keyword `hdrcharset`",
        ),
        ("a record that is too long", raw("99 path=a\n"), "a faulty pax record"),
        ("a record that is too short", raw("8 path=a\n"), "a faulty pax record"),
        ("a record without a line break", raw("8 path=a"), "a faulty pax record"),
        ("a record without a keyword", raw("5 =a\n"), "a faulty pax record"),
        ("a record of length zero", raw("0 path=a\n"), "a faulty pax record"),
        ("a length with a zero before it", raw("010 path=a\n"), "a faulty pax record"),
        ("zeros behind the records", raw("9 path=a\n\0\0\0"), "a faulty pax record"),
    ]
}

/// Ends that are none.
fn ends() -> Vec<Case> {
    let more = |bytes: &[u8]| [&good().end(), bytes].concat();
    vec![
        ("no end", good().0, "archive: an archive without its end"),
        ("half an end", good().raw(&[0; 512]).0, "archive: an archive without its end"),
        ("a block and a half of zeros", good().raw(&[0; 700]).0, "archive: a cut archive"),
        (
            "a block of zeros between entries",
            good().raw(&[0; 512]).file("second").end(),
            "archive: a block of zeros between entries",
        ),
        (
            "a file cut short",
            good().file("second").0[..2000].to_vec(),
            "archive: a cut archive: expected more of a block",
        ),
        (
            "a file cut in its contents",
            good().file("second").0[..1540].to_vec(),
            "archive: a cut archive: expected more of a file",
        ),
        (
            "a header cut short",
            good().file("second").0[..1100].to_vec(),
            "archive: a cut archive: expected more of a header",
        ),
        ("a pax header cut short", good().pax(&[("path", "a")]).0[..1540].to_vec(), "archive: a cut archive"),
        ("a second archive behind the first", more(&good().end()), "archive: trailing data"),
        ("a byte at the end", more(&[&[0; 100_000][..], b"x"].concat()), "archive: trailing data"),
        ("text behind the end", more(b"text"), "archive: trailing data"),
    ]
}

#[test]
fn one_broken_thing_is_enough() {
    let cases = [headers(), entries(), extended(), ends()].concat();
    assert!(cases.len() > 100, "{}", cases.len());
    for (claim, archive, expected) in cases {
        for (packing, bytes) in [("", archive.clone()), (" in gzip", gzip(&archive))] {
            let listing = list_bytes(&bytes).unwrap();
            let said = listing.odd.iter().any(|odd| odd.contains(expected));
            assert!(said, "{claim}{packing}: expected {expected:?}, found {:#?}", listing.odd);
            let dup = expected.contains("several entries") || expected.starts_with("first");
            assert_eq!(listing.files.contains_key("first"), !dup, "{claim}{packing}: {:?}", listing.files);
        }
    }
}

// Compressed streams.

/// A gzip member of our own: flags, and what they ask for, between the header and the data.
fn member(flags: u8, fields: &[u8], bytes: &[u8], check: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut data = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    data.write_all(bytes).unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let mut trailer = [crc.sum().to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
    check(&mut trailer);
    let header = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
    [&header, fields, &data.finish().unwrap(), &trailer].concat()
}

#[test]
fn a_gzip_stream_is_members_and_nothing_else() {
    let archive = good().end();
    let same = |flags, fields: &[u8]| member(flags, fields, &archive, |_| {});
    let crc = |bytes: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        (crc.sum() as u16).to_le_bytes()
    };
    let header_crc = crc(&[0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 255]);
    let (front, back) = archive.split_at(600);
    let empty = member(0, b"", b"", |_| {});
    for (claim, bytes, expected) in [
        ("plain", same(0, b""), None),
        ("a name", same(8, b"drop.tar\0"), None),
        ("a claim to be text", same(1, b""), None),
        ("a header with its check sum", same(2, &header_crc), None),
        ("the field of bgzip", same(4, b"\x06\0BC\x02\0\xff\x01"), None),
        ("two members", [member(0, b"", front, |_| {}), member(0, b"", back, |_| {})].concat(), None),
        ("empty members", [empty.clone(), same(0, b""), empty.clone()].concat(), None),
        ("a wrong check sum of the header", same(2, b"\0\0"), Some("expected the CRC-16 of the header")),
        ("another field", same(4, b"\x06\0XX\x02\0ab"), Some("found an extra field")),
        ("a comment", same(16, b"hello\0"), Some("found a comment")),
        ("a name that does not end", same(8, &[b'a'; 4000]), Some("a name longer than names are")),
        ("a reserved flag", same(32, b""), Some("no reserved flag")),
        (
            "another method",
            {
                let mut b = same(0, b"");
                b[2] = 7;
                b
            },
            Some("expected deflate"),
        ),
        ("a wrong CRC", member(0, b"", &archive, |t| t[0] ^= 1), Some("expected the CRC-32")),
        ("a wrong size", member(0, b"", &archive, |t| t[4] ^= 1), Some("bytes unpacked, found 2048")),
        ("a size beyond 2^32", member(0, b"", &archive, |t| t[7] ^= 1), Some("bytes unpacked, found 2048")),
        (
            "data that is not deflated",
            [&same(0, b"")[..10], &[0xff; 40]].concat(),
            Some("it is not deflated data"),
        ),
        (
            "a byte too few",
            {
                let mut b = same(0, b"");
                b.pop();
                b
            },
            Some("a cut package"),
        ),
        ("nothing but a header", same(0, b"")[..10].to_vec(), Some("a cut package")),
        ("zeros behind", [&same(0, b"")[..], &[0; 20]].concat(), Some("trailing data")),
        ("half a member behind", [&same(0, b"")[..], &empty[..12]].concat(), Some("a cut package")),
        (
            "an archive of two ends in two members",
            [same(0, b""), same(0, b"")].concat(),
            Some("trailing data"),
        ),
        ("an empty stream", empty, Some("an archive without its end")),
    ] {
        let listing = list_bytes(&bytes).unwrap();
        match expected {
            None => assert_eq!(listing, Listing::of([("first", GOOD.to_vec())]), "{claim}"),
            Some(text) => {
                assert!(listing.odd.iter().any(|odd| odd.contains(text)), "{claim}: {:?}", listing.odd);
            }
        }
    }
}

/// What a tool makes of some bytes.
fn packed(tool: &str, flags: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(tool).args(flags).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{tool} {flags:?}");
    output.stdout
}

#[cfg(any(feature = "zstd", feature = "xz"))]
fn holds(listing: Listing, claim: &str, expected: Option<&str>) {
    match expected {
        None => assert_eq!(listing, Listing::of([("first", GOOD.to_vec())]), "{claim}"),
        Some(text) => assert!(listing.odd.iter().any(|odd| odd.contains(text)), "{claim}: {:?}", listing.odd),
    }
}

#[test]
#[cfg(feature = "zstd")]
fn a_zstd_stream_is_frames_and_nothing_else() {
    if !common::have("zstd", &["--version"]) {
        return;
    }
    let archive = good().end();
    let frame = packed("zstd", &["-q"], &archive);
    let skippable = b"\x50\x2a\x4d\x18\x04\0\0\0abcd";
    let long = [archive.clone(), vec![0; 300 << 20]].concat();
    for (claim, bytes, expected) in [
        ("plain", frame.clone(), None),
        ("no check sum", packed("zstd", &["-q", "--no-check"], &archive), None),
        (
            "two frames",
            [packed("zstd", &["-q"], &archive[..600]), packed("zstd", &["-q"], &archive[600..])].concat(),
            None,
        ),
        ("a window of 128 MiB", packed("zstd", &["-q", "--long=27", "-1"], &long), None),
        (
            "a window of 256 MiB",
            packed("zstd", &["-q", "--long=28", "-1"], &long),
            Some("at most 134217728 bytes for the window"),
        ),
        ("a skippable frame before", [&skippable[..], &frame].concat(), Some("found a skippable frame")),
        ("a skippable frame after", [&frame[..], skippable].concat(), Some("found a skippable frame")),
        (
            "a wrong check sum",
            {
                let mut b = frame.clone();
                *b.last_mut().unwrap() ^= 1;
                b
            },
            Some("damaged compressed data"),
        ),
        ("a cut frame", frame[..frame.len() - 1].to_vec(), Some("a cut package")),
        ("nothing but a mark", frame[..4].to_vec(), Some("a cut package")),
        ("trailing zeros", [&frame[..], &[0; 8]].concat(), Some("trailing data")),
        ("trailing text", [&frame[..], b"text"].concat(), Some("trailing data")),
        ("two archives", [&frame[..], &frame].concat(), Some("trailing data")),
    ] {
        holds(list_bytes(&bytes).unwrap(), claim, expected);
    }
}

#[test]
#[cfg(feature = "xz")]
fn an_xz_stream_is_streams_and_padding_and_nothing_else() {
    if !common::have("xz", &["--version"]) {
        return;
    }
    let archive = good().end();
    let stream = packed("xz", &[], &archive);
    // The check is named in the header and in the footer, each with a CRC-32 over it.
    let unknown_check = {
        let mut bytes = stream.clone();
        bytes[7] = 2;
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[6..8]);
        bytes[8..12].copy_from_slice(&crc.sum().to_le_bytes());
        bytes
    };
    for (claim, bytes, expected) in [
        ("plain", stream.clone(), None),
        ("blocks", packed("xz", &["--block-size=512"], &archive), None),
        (
            "two streams",
            [packed("xz", &[], &archive[..600]), packed("xz", &[], &archive[600..])].concat(),
            None,
        ),
        ("padding", [&stream[..], &[0; 8]].concat(), None),
        ("padding that is no multiple of four", [&stream[..], &[0; 6]].concat(), Some("a cut package")),
        ("padding with something in it", [&stream[..], &[0, 0, 0, 1]].concat(), Some("trailing data")),
        ("a check that is not known", unknown_check, Some("its kind of check is not known")),
        (
            "a dictionary of 512 MiB",
            packed("xz", &["--lzma2=preset=1,dict=512MiB"], &archive),
            Some("at most 201326592 bytes for unpacking"),
        ),
        ("a cut stream", stream[..stream.len() - 1].to_vec(), Some("a cut package")),
        (
            "a broken block",
            {
                let mut b = stream.clone();
                b[40] ^= 1;
                b
            },
            Some("damaged compressed data"),
        ),
        (
            "a broken footer",
            {
                let mut b = stream.clone();
                let at = b.len() - 10;
                b[at] ^= 1;
                b
            },
            Some("damaged compressed data"),
        ),
        ("trailing text", [&stream[..], b"some more text"].concat(), Some("trailing data")),
        ("two archives", [&stream[..], &stream].concat(), Some("trailing data")),
    ] {
        holds(list_bytes(&bytes).unwrap(), claim, expected);
    }
}

/// Archives of which every truncation and mutation is tried.
fn small() -> Vec<(&'static str, Vec<u8>)> {
    let archive = good().pax(&[("path", "by/pax")]).file("short").end();
    let mut all = vec![("tar", archive.clone()), ("gzip", gzip(&archive))];
    if cfg!(feature = "zstd") && common::have("zstd", &["--version"]) {
        all.push(("zstd", packed("zstd", &["-q"], &archive)));
    }
    if cfg!(feature = "xz") && common::have("xz", &["--version"]) {
        all.push(("xz", packed("xz", &[], &archive)));
    }
    all
}

#[test]
fn an_archive_that_is_cut_anywhere_is_not_taken_for_whole() {
    for (packing, whole) in small() {
        let expected = list_bytes(&whole).unwrap();
        assert_eq!(expected.odd, [""; 0]);
        for length in 0..whole.len() {
            if let Ok(listing) = list_bytes(&whole[..length]) {
                assert!(!listing.odd.is_empty(), "{packing} cut at {length}: {:?}", listing.files);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// No byte of a compressed archive can be changed so that other files come out of it unnoticed; of one that is not
    /// compressed, only bytes of files and of pax headers, which have no check sum.
    #[test]
    fn a_mutation_changes_nothing_or_is_noticed(at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3_u8) {
        for (packing, mut bytes) in small() {
            let expected = list_bytes(&bytes).unwrap();
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
            let plain = packing == "tar" && how == 0 && [512..1024, 1536..2048, 2560..3072].iter().any(|data| data.contains(&at));
            if let Ok(listing) = list_bytes(&bytes) {
                prop_assert!(plain || !listing.odd.is_empty() || listing == expected, "{} {} {:?}", packing, at, listing);
            }
        }
    }
}

#[test]
fn a_bomb_is_cut_where_the_limit_is() {
    // A member of many zeros, again and again: four GiB of them make four MiB.
    let zeros = member(0, b"", &vec![0; 64 << 20], |_| {});
    let bytes = [member(0, b"", &good().0, |_| {}), zeros.repeat(65)].concat();
    let odd = list_bytes_without_reading(&bytes);
    assert!(odd.iter().any(|odd| odd.contains("unpacks to too much")), "{odd:?}");
}

fn list_bytes_without_reading(bytes: &[u8]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive");
    fs::write(&path, bytes).unwrap();
    let inventory = Package::open(&path).unwrap().inventory().unwrap();
    inventory.odd.iter().map(|odd| odd.oddity.to_string()).collect()
}

#[test]
fn an_archive_that_changes_after_it_was_listed_is_noticed() {
    // Larger than what is kept, so that it is read again.
    let contents: Vec<u8> = (0..200_000_u32).flat_map(|i| i.wrapping_mul(i).to_le_bytes()).collect();
    let archive = |contents: &[u8]| good().entry(b'0', "big", contents).end();
    let mut other = contents.clone();
    other[400_000] ^= 1;
    for pack in [|bytes: &[u8]| bytes.to_vec(), gzip] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("archive");
        fs::write(&path, pack(&archive(&contents))).unwrap();
        let package = Package::open(&path).unwrap();
        let inventory = package.inventory().unwrap();
        let big = inventory.files.iter().find(|entry| entry.path.as_str() == "big").unwrap();
        assert_eq!(package.read(big, u64::MAX).unwrap().unwrap(), contents);
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&path, pack(&archive(&other))).unwrap();
        assert!(package.read(big, u64::MAX).unwrap().is_err());
        let wanted = [Wanted { entry: big, algorithms: algorithms(&[Algorithm::Sha512]) }];
        assert!(package.digest(&wanted, &NoProgress).unwrap()[0].is_err());
        assert_eq!(package.changes_since(&inventory).unwrap().len(), 1);
    }
}

#[test]
fn what_is_no_archive_is_not_opened() {
    for bytes in [&b""[..], b"text", &[0; 1024], b"\x42\x5a\x68\x39", b"!<arch>\n"] {
        let error = list_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains("or a tar archive"), "{error}");
    }
}

// What other readers find.

/// One entry, in one of the ways that there are to write it. Some are good, and some only some readers take.
#[derive(Debug, Clone)]
struct Piece {
    mark: usize,
    kind: usize,
    name: usize,
    prefix: usize,
    size: usize,
    before: usize,
    after: usize,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let mostly = |most: usize| prop_oneof![6 => Just(0), 1 => 0..most];
    let piece = (0..4_usize, mostly(5), 0..8_usize, mostly(3), 0..5_usize, 0..9_usize, mostly(3)).prop_map(
        |(mark, kind, name, prefix, size, before, after)| Piece {
            mark,
            kind,
            name,
            prefix,
            size,
            before,
            after,
        },
    );
    prop::collection::vec(piece, 1..4)
}

fn build(pieces: &[Piece]) -> Vec<u8> {
    let mut tar = Tar::default();
    for (number, piece) in pieces.iter().enumerate() {
        let name = ["a", "b", "d/c", "./e", "d/", "f/g", "h", "dir/i/"][piece.name];
        let name =
            format!("{number}{name}").replace("0./", "./0").replace("1./", "./1").replace("2./", "./2");
        let long = format!("long/{number}/name");
        let contents = format!("contents of {number}");
        let size = contents.len();
        let agreed = size.to_string();
        tar = match piece.before {
            0 => tar.pax(&[("path", &long)]),
            1 => tar.pax(&[("path", &long), ("size", &agreed)]),
            2 => tar.pax(&[("size", "3")]),
            3 => tar.entry(b'L', "././@LongLink", format!("{long}\0").as_bytes()),
            4 => tar.pax(&[("path", &long)]).entry(b'L', "././@LongLink", b"other\0"),
            5 => tar.entry(b'g', "g", &pax(&[("path", "of-all")])),
            _ => tar,
        };
        let kind = [b'0', 0, b'7', b'5', b'1'][piece.kind];
        tar = tar.with(kind, &name, contents.as_bytes(), |header| {
            let mark: &[u8; 8] =
                [b"ustar\x0000", b"ustar  \0", b"\0\0\0\0\0\0\0\0", b"ustar\x0000"][piece.mark];
            let digits = match piece.size {
                0 => [&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &[size as u8]].concat(),
                1 => format!("{size:>11o} ").into_bytes(),
                2 if piece.kind > 2 => b"00000000000\0".to_vec(),
                _ => format!("{size:011o}\0").into_bytes(),
            };
            header.set(257, mark).set(124, &digits).set(345, [&b""[..], b"up", b"12345"][piece.prefix]);
        });
        tar = match piece.after {
            1 => tar.raw(&[0; 512]),
            2 => tar.raw(&[0; 1024]),
            _ => tar,
        };
    }
    tar.end()
}

/// What a tool extracts, where it says that all is well. It says nothing else where it warns.
fn extracted(dir: &Path, tool: &[&str]) -> Result<Listing, String> {
    let _ = fs::remove_dir_all(dir.join("out"));
    fs::create_dir(dir.join("out")).unwrap();
    let output = Command::new(tool[0]).args(&tool[1..]).current_dir(dir.join("out")).output().unwrap();
    if !output.status.success() || !output.stderr.is_empty() {
        return Err(format!("{tool:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let mut found = Listing::default();
    let mut open = vec![dir.join("out")];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(&here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let name = path.strip_prefix(dir.join("out")).unwrap().to_str().unwrap().to_owned();
            found.files.insert(name, (bytes.len() as u64, hex(&Sha256::digest(&bytes))));
        }
    }
    Ok(found)
}

const PYTHON_EXTRACTS: &str = "import sys, tarfile; tarfile.open(sys.argv[1]).extractall()";

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// An archive with nothing odd about it is extracted by GNU tar, bsdtar and Python as it was listed.
    #[test]
    fn what_is_not_odd_is_the_same_to_other_readers(pieces in pieces()) {
        let python = std::env::var("DROPGATE_PYTHON").unwrap_or("python3".to_owned());
        static THERE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        let there = *THERE.get_or_init(|| ["tar", "bsdtar", &python].iter().all(|tool| common::have(tool, &["--version"])));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("archive");
        fs::write(&path, build(&pieces)).unwrap();
        if let Ok(listing) = list(&path) && there && listing.odd.is_empty() {
            for tool in [&["tar", "-xf", "../archive"][..], &["bsdtar", "-xf", "../archive"], &[&python, "-W", "ignore", "-c", PYTHON_EXTRACTS, "../archive"]] {
                prop_assert_eq!(extracted(dir.path(), tool), Ok(listing.clone()), "{:?}", tool);
            }
        }
    }
}

#[test]
fn an_archive_in_an_archive_is_opened_where_it_lies_or_unpacked_once() {
    let inner = good().end();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive");
    for (claim, bytes) in [
        ("plain in plain", good().entry(b'0', "inner", &inner).end()),
        ("gzip in plain", good().entry(b'0', "inner", &gzip(&inner)).end()),
        ("plain in gzip", gzip(&good().entry(b'0', "inner", &inner).end())),
        ("gzip in gzip", gzip(&good().entry(b'0', "inner", &gzip(&inner)).end())),
    ] {
        fs::write(&path, bytes).unwrap();
        let outer = Package::open(&path).unwrap();
        let outside = outer.inventory().unwrap();
        let entry = outside.files.iter().find(|entry| entry.path.as_str() == "inner").unwrap();
        let package = outer.inner(entry).unwrap();
        let inventory = package.inventory().unwrap();
        assert!(inventory.odd.is_empty(), "{claim}: {:?}", inventory.odd);
        let file = &inventory.files[0];
        assert_eq!(package.read(file, 100).unwrap().unwrap(), GOOD, "{claim}");
        let third = package.inner(file).unwrap_err().to_string();
        assert!(third.contains("expected at most one package inside another"), "{claim}: {third}");
        let none = outer.inner(&outside.files[0]).unwrap_err().to_string();
        assert!(none.contains("found something else"), "{claim}: {none}");
    }
}
