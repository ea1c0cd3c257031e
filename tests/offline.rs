//! A judgement needs no network and opens none: what the kernel was asked is the witness.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Scene, have};
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, ExitStatus};

/// Runs `command` with every thread and child watched; every network call that was made, one a line.
fn network_calls(command: &[&OsStr]) -> (ExitStatus, Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("calls");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=network", "-e", "signal=none", "-o"])
        .arg(&log)
        .args(command)
        .output()
        .unwrap();
    let calls = fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect();
    (output.status, calls)
}

#[test]
fn verify_makes_no_network_call() {
    if !have("strace", &["-o", "/dev/null", "true"]) {
        return;
    }
    // The witness sees a socket where there is one.
    let (_, seen) = network_calls(&["bash".as_ref(), "-c".as_ref(), "exec 3<>/dev/tcp/127.0.0.1/9".as_ref()]);
    assert!(seen.iter().any(|call| call.contains("socket(AF_INET")), "{seen:?}");

    // Every control looks at something here.
    let scene = Scene::whole();
    let drop = scene.drop();
    let mut command: Vec<&OsStr> = vec![
        env!("CARGO_BIN_EXE_dropgate").as_ref(),
        "verify".as_ref(),
        drop.as_os_str(),
        "--gate".as_ref(),
        scene.gate.as_os_str(),
        "--jobs".as_ref(),
        "4".as_ref(),
    ];
    command.extend(scene.arguments.iter().map(|flag| -> &OsStr { flag.as_ref() }));
    let (status, seen) = network_calls(&command);
    assert_eq!(status.code(), Some(0));
    assert!(seen.is_empty(), "{seen:?}");
}
