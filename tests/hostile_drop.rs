//! What hostile vendors and networks do to the files of a drop, one thing at a time, what the gate must say,
//! and how it says it. Each row is a claim, what is done to a good drop, and the codes of the findings.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{IN_TOTO, Scene, base64, dropgate, pae, signature};
use dropgate::escape::is_deceptive;
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;

type Row = (&'static str, fn(&Scene), &'static [&'static str]);

fn judge(rows: &[Row]) {
    for (claim, spoil, codes) in rows {
        let scene = Scene::good();
        spoil(&scene);
        let verdict = scene.verify();
        if codes.is_empty() {
            assert_eq!(verdict.exit, 0, "{claim}: {verdict:?}");
        } else {
            verdict.rejected(claim, codes);
        }
        assert!(!verdict.stderr.contains("panicked"), "{claim}");
    }
}

fn put(scene: &Scene, path: &str, bytes: &[u8]) {
    let path = scene.file(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn raw(scene: &Scene, name: &[u8]) {
    fs::write(scene.drop().join(OsStr::from_bytes(name)), "x").unwrap();
}

#[test]
fn files() {
    judge(&[
        ("nothing done", |_| {}, &[]),
        ("link to inside", |s| symlink("firmware/boot.img", s.file("link")).unwrap(), &["not-a-file"]),
        ("link to outside", |s| symlink("/etc/passwd", s.file("link")).unwrap(), &["not-a-file"]),
        ("dangling link", |s| symlink("nowhere", s.file("link")).unwrap(), &["not-a-file"]),
        ("link to itself", |s| symlink("link", s.file("link")).unwrap(), &["not-a-file"]),
        ("link to a directory", |s| symlink("firmware", s.file("link")).unwrap(), &["not-a-file"]),
        (
            "link in place of a listed file",
            |s| {
                fs::rename(s.file("firmware/boot.img"), s.home.path().join("boot.img")).unwrap();
                symlink(s.home.path().join("boot.img"), s.file("firmware/boot.img")).unwrap();
            },
            &["not-a-file", "file-missing"],
        ),
        (
            "link in place of the listed files' directory",
            |s| {
                fs::rename(s.file("firmware"), s.home.path().join("firmware")).unwrap();
                symlink(s.home.path().join("firmware"), s.file("firmware")).unwrap();
            },
            &["not-a-file", "file-missing"],
        ),
        (
            "link in place of the manifest",
            |s| {
                fs::rename(s.file("drop.dsse.json"), s.home.path().join("m")).unwrap();
                symlink(s.home.path().join("m"), s.file("drop.dsse.json")).unwrap();
            },
            &["manifest-missing", "no-verified-manifest"],
        ),
        (
            "pipe",
            |s| {
                assert!(Command::new("mkfifo").arg(s.file("pipe")).status().unwrap().success());
            },
            &["not-a-file"],
        ),
        (
            "pipe in place of the manifest",
            |s| {
                fs::remove_file(s.file("drop.dsse.json")).unwrap();
                assert!(Command::new("mkfifo").arg(s.file("drop.dsse.json")).status().unwrap().success());
            },
            &["manifest-missing", "no-verified-manifest"],
        ),
        (
            "socket",
            |s| drop(std::os::unix::net::UnixListener::bind(s.file("socket")).unwrap()),
            &["not-a-file"],
        ),
        (
            "directory in place of a listed file",
            |s| {
                fs::remove_file(s.file("firmware/boot.img")).unwrap();
                fs::create_dir(s.file("firmware/boot.img")).unwrap();
            },
            &["file-missing"],
        ),
        (
            "file in place of a directory",
            |s| {
                fs::remove_dir_all(s.file("firmware")).unwrap();
                put(s, "firmware", b"x");
            },
            &["file-missing", "file-unlisted"],
        ),
        ("hidden file", |s| put(s, ".hidden", b"x"), &["file-unlisted"]),
        ("empty file", |s| put(s, "firmware/empty", b""), &["file-unlisted"]),
        ("editor's backup", |s| put(s, "docs/release-notes.txt~", b"x"), &["file-unlisted"]),
        (
            "second manifest below",
            |s| {
                fs::copy(s.file("drop.dsse.json"), s.file("docs/drop.dsse.json")).unwrap();
            },
            &["file-unlisted"],
        ),
        (
            "manifest in another case beside it",
            |s| {
                fs::copy(s.file("drop.dsse.json"), s.file("Drop.dsse.json")).unwrap();
            },
            &["file-unlisted", "name-collision"],
        ),
        (
            "same name in another case",
            |s| put(s, "firmware/RADIO.bin", b"x"),
            &["file-unlisted", "name-collision"],
        ),
        (
            "same name in another Unicode form",
            |s| {
                put(s, "caf\u{e9}", b"x");
                put(s, "cafe\u{301}", b"x");
            },
            &["file-unlisted", "name-collision"],
        ),
        (
            "manifest offered as evidence",
            |s| {
                fs::copy(s.file("drop.dsse.json"), s.file("evidence/more.dsse.json")).unwrap();
            },
            &["evidence-not-authentic"],
        ),
        ("anything called evidence", |s| put(s, "evidence/x.dsse.json", b"{}"), &["evidence-not-authentic"]),
        ("a file beside the evidence", |s| put(s, "evidence/x.json", b"{}"), &["file-unlisted"]),
        (
            "truncated",
            |s| {
                fs::OpenOptions::new()
                    .write(true)
                    .open(s.file("firmware/radio.bin"))
                    .unwrap()
                    .set_len(100)
                    .unwrap();
            },
            &["file-altered"],
        ),
        (
            "grown",
            |s| {
                fs::OpenOptions::new()
                    .write(true)
                    .open(s.file("firmware/radio.bin"))
                    .unwrap()
                    .set_len(1 << 20)
                    .unwrap();
            },
            &["file-altered"],
        ),
        ("not UTF-8", |s| raw(s, b"caf\xe9"), &["name-refused"]),
        ("backslash", |s| raw(s, b"a\\b"), &["name-refused"]),
        ("line break", |s| raw(s, b"a\nb"), &["name-refused"]),
        ("escape sequence", |s| raw(s, b"a\x1b[2J"), &["name-refused"]),
        ("carriage return", |s| raw(s, b"a\rb"), &["name-refused"]),
        ("bidirectional override", |s| raw(s, "gnp\u{202e}.bin".as_bytes()), &["name-refused"]),
        ("invisible character", |s| raw(s, "a\u{200b}".as_bytes()), &["name-refused"]),
    ]);
}

#[test]
fn what_cannot_be_judged_is_exit_2() {
    let scene = Scene::good();
    let link = scene.home.path().join("link");
    symlink(scene.drop(), &link).unwrap();
    let gate = scene.gate.clone();
    common::verify(&link, &gate, &[]).undecided("drop is a link", "symbolic link");
    common::verify(&scene.home.path().join("none"), &gate, &[]).undecided("no drop", "No such file");
    common::verify(&scene.file("firmware/boot.img"), &gate, &[]).undecided("drop is a file", "directory");
    common::verify(&scene.drop(), &scene.home.path().join("none"), &[]).undecided("no gate", "dropgate init");
    fs::copy(&gate, scene.file("gate.toml")).unwrap();
    let inside = scene.file("gate.toml");
    fs::write(
        &inside,
        fs::read_to_string(&inside)
            .unwrap()
            .replace("trust.toml", gate.with_file_name("trust.toml").to_str().unwrap())
            .replace("../../policies", concat!(env!("CARGO_MANIFEST_DIR"), "/policies")),
    )
    .unwrap();
    common::verify(&scene.drop(), &inside, &[]).undecided("gate inside the drop", "inside the drop");
    let led = scene.file("led.toml");
    symlink(&gate, &led).unwrap();
    common::verify(&scene.drop(), &led, &[]).undecided("gate through a link in the drop", "inside the drop");
    let output = scene.file("verdict").to_string_lossy().into_owned();
    common::verify(&scene.drop(), &gate, &["--output".into(), output])
        .undecided("output inside the drop", "outside of the drop");
    let at = ["--at".to_owned(), "yesterday".to_owned()];
    common::verify(&scene.drop(), &gate, &at).undecided("not a time", "RFC 3339");
}

#[test]
fn output_that_cannot_be_written_is_not_an_acceptance() {
    let scene = Scene::good();
    let run = format!(
        "'{}' verify '{}' --gate '{}' > /dev/full",
        env!("CARGO_BIN_EXE_dropgate"),
        scene.drop().display(),
        scene.gate.display()
    );
    let output = Command::new("sh").args(["-c", &run]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("can't write to standard output"));
}

#[test]
fn nothing_deceptive_reaches_a_terminal() {
    let scene = Scene::good();
    for name in [&b"a\x1b[2J"[..], b"a\rb", b"caf\xe9", "x\u{202e}y".as_bytes(), b"line\nbreak"] {
        raw(&scene, name);
    }
    put(&scene, "evidence/\u{2800}.txt", b"x");
    lying(&scene, "\u{1b}]0;title\u{7}\u{202e}");
    for format in ["text", "json"] {
        let output = dropgate([
            OsStr::new("verify"),
            scene.drop().as_os_str(),
            "--gate".as_ref(),
            scene.gate.as_os_str(),
            "--format".as_ref(),
            format.as_ref(),
            "--color=never".as_ref(),
        ]);
        assert_eq!(output.status.code(), Some(1));
        for stream in [output.stdout, output.stderr] {
            let text = String::from_utf8(stream).unwrap();
            let bad: Vec<char> = text.chars().filter(|c| *c != '\n' && is_deceptive(*c)).collect();
            assert!(bad.is_empty(), "{format}: {bad:?}\n{text}");
        }
    }
}

#[test]
fn threads_and_colour_change_nothing_that_is_said() {
    let scene = Scene::good();
    put(&scene, "extra", b"x");
    fs::remove_file(scene.file("firmware/boot.img")).unwrap();
    let run = |more: &[&str]| {
        let drop = scene.drop();
        let mut arguments = vec![
            OsStr::new("verify"),
            drop.as_os_str(),
            "--gate".as_ref(),
            scene.gate.as_os_str(),
            "--at".as_ref(),
            "2026-06-01T00:00:00Z".as_ref(),
        ];
        arguments.extend(more.iter().map(OsStr::new));
        dropgate(arguments).stdout
    };
    assert_eq!(run(&["--jobs", "1", "--format", "json"]), run(&["--jobs", "8", "--format", "json"]));
    let plain = run(&["--color", "never"]);
    let coloured = run(&["--color", "always"]);
    assert!(!plain.contains(&0x1b) && coloured.contains(&0x1b));
    assert_eq!(anstream::adapter::strip_bytes(&coloured).into_vec(), plain);
    assert!(run(&["--quiet"]).is_empty());
}

fn lying(scene: &Scene, keyid: &str) {
    let sig = base64(&signature("acme-release", &pae(IN_TOTO, &scene.payload())));
    let json = json!({ "payloadType": IN_TOTO, "payload": base64(&scene.payload()),
        "signatures": [{ "keyid": keyid, "sig": sig }, { "keyid": keyid, "sig": base64(&[0; 64]) }] });
    put(scene, "drop.dsse.json", json.to_string().as_bytes());
}
