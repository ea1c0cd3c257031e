//! Output that can't be written, and signatures that cost too much: the answer is never an acceptance nor late.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use common::{Scene, dropgate};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn start(arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dropgate"));
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

fn into_full_disk(arguments: &[&OsStr]) -> Output {
    let full = File::options().write(true).open("/dev/full").unwrap();
    start(arguments).stdout(full).output().unwrap()
}

fn into_closed_pipe(arguments: &[&OsStr]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    start(arguments).stdout(writer).output().unwrap()
}

/// Each command that prints a result, with whether it would succeed.
fn commands(scene: &Scene) -> Vec<Vec<OsString>> {
    let drop = scene.drop().into_os_string();
    let gate = scene.gate.clone().into_os_string();
    let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
    let of = |first: &str, rest: &[&OsString]| {
        let mut all = words(first);
        all.extend(rest.iter().map(|one| (*one).clone()));
        all
    };
    vec![
        of("verify --gate", &[&gate, &drop]),
        of("verify --format json --gate", &[&gate, &drop]),
        of("verify --quiet --format json --gate", &[&gate, &drop]),
        of("manifest show", &[&drop]),
        of("manifest show --format json", &[&drop]),
        of("key show", &[&common::key("acme-release").into_os_string()]),
        of("policy check", &[&common::fixture("../policies/so12.toml").into_os_string()]),
        words("policy list"),
        words("policy explain file-altered"),
        words("completions bash"),
        words("--help"),
        words("verify --help"),
        words("help verify"),
        words("--version"),
    ]
}

#[test]
fn output_that_nobody_gets_is_exit_2() {
    for spoiled in [false, true] {
        let scene = Scene::good();
        if spoiled {
            fs::write(scene.file("extra"), "x").unwrap();
        }
        for command in commands(&scene) {
            let arguments: Vec<&OsStr> = command.iter().map(OsString::as_os_str).collect();
            let whole = dropgate(&arguments);
            let judged = spoiled && command[0] == "verify" && command[1] != "--help";
            assert_eq!(whole.status.code(), Some(i32::from(judged)), "{command:?}");
            for (fault, output) in
                [("full disk", into_full_disk(&arguments)), ("closed pipe", into_closed_pipe(&arguments))]
            {
                let stderr = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(2), "{fault}: {command:?}: {stderr}");
                assert!(!stderr.contains("panicked"), "{fault}: {command:?}: {stderr}");
                assert!(stderr.contains("can't write to standard output"), "{fault}: {command:?}: {stderr}");
            }
        }
    }
}

#[test]
fn errors_that_nobody_gets_change_no_answer() {
    let scene = Scene::good();
    let drop = scene.drop();
    let good = [OsStr::new("verify"), drop.as_os_str(), "--gate".as_ref(), scene.gate.as_os_str()];
    let bad = [OsStr::new("verify"), drop.as_os_str(), "--gate".as_ref(), "none.toml".as_ref()];
    for (arguments, exit) in [(&good[..], 0), (&bad, 2), (&good[..1], 2), (&["--nonsense".as_ref()], 2)] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let status = start(arguments).stdout(Stdio::null()).stderr(full).status().unwrap();
        assert_eq!(status.code(), Some(exit), "{arguments:?}");
        let (reader, writer) = std::io::pipe().unwrap();
        std::mem::drop(reader);
        let status = start(arguments).stdout(Stdio::null()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(exit), "{arguments:?}");
    }
}

fn verdict_into(scene: &Scene, file: &Path) -> Output {
    let drop = scene.drop();
    dropgate([
        OsStr::new("verify"),
        drop.as_os_str(),
        "--gate".as_ref(),
        scene.gate.as_os_str(),
        "--output".as_ref(),
        file.as_os_str(),
    ])
}

#[test]
fn a_verdict_file_is_whole_or_not_there() {
    let scene = Scene::good();
    let home = scene.home.path();
    let file = home.join("verdict");
    assert_eq!(verdict_into(&scene, &file).status.code(), Some(0));
    assert!(fs::read_to_string(&file).unwrap().starts_with("ACCEPT"));
    // A file that is there is replaced; anything else is not the gate's to replace, least of all as root.
    assert_eq!(verdict_into(&scene, &file).status.code(), Some(0));
    let pipe = home.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let link = home.join("link");
    symlink("/dev/null", &link).unwrap();
    fs::create_dir(home.join("directory")).unwrap();
    for name in ["pipe", "link", "directory"] {
        let path = home.join(name);
        let before = path.symlink_metadata().unwrap().file_type();
        let output = verdict_into(&scene, &path);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {stderr}");
        assert!(stderr.contains("expected a regular file or none"), "{name}: {stderr}");
        assert_eq!(path.symlink_metadata().unwrap().file_type(), before, "{name}");
    }
    assert!(pipe.symlink_metadata().unwrap().file_type().is_fifo());
    let left: Vec<_> = fs::read_dir(home)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".dropgate"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_verdict_file_on_a_full_disk_is_not_there() {
    let scene = Scene::good();
    let disk = scene.home.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = format!("mount -t tmpfs -o size=8k none '{}'", disk.display());
    let probe = Command::new("unshare").args(["--mount", "sh", "-c", &mount]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("NOT TESTED: a full disk needs root and a mount namespace");
        return;
    }
    // A page is left, less than the verdict on many extra files takes.
    for number in 0..500 {
        fs::write(scene.file(&format!("extra-{number}")), "x").unwrap();
    }
    for old in ["", "echo old > verdict;"] {
        let script = format!(
            "{mount}; cd '{}'; {old} code=0; \"$@\" --output verdict || code=$?; ls -A; [ ! -e verdict ] || cat verdict; exit $code",
            disk.display()
        );
        let output = Command::new("unshare")
            .args([
                "--mount",
                "sh",
                "-ec",
                &script,
                "sh",
                env!("CARGO_BIN_EXE_dropgate"),
                "verify",
                "--format",
                "json",
                "--gate",
            ])
            .arg(&scene.gate)
            .arg(scene.drop())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("can't write verdict: No space left on device"), "{stderr}");
        let expected = if old.is_empty() { "" } else { "verdict\nold\n" };
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
}
