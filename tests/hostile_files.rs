//! Drops whose files misbehave: devices, mounts, depth, numbers, rights, too few descriptors, and writers who change a
//! file under the reader's eyes. Each row is a claim, what is done, and the codes of the findings or exit 2.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use common::{IN_TOTO, Scene, Verdict, copy_of_the_binary, envelope, fixture};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than any run here takes, and shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(120);

/// The integrity controls alone, so that a rejection has one cause.
const PACK: &str = r#"
[pack]
id = "integrity"
version = "1"
title = "Integrity alone"
source = "tests"
longest-waiver = "0s"

[[control]]
id = "so12.manifest-signed"
clause = "SO12.1"
title = "Signed"
severity = "critical"
remedy = "Sign it."
parameters = { threshold = 1, clock-skew = "5m", recipient = "optional" }

[[control]]
id = "so12.manifest-complete"
clause = "SO12.1"
title = "Complete"
severity = "critical"
remedy = "Deliver it whole."
parameters = { hard-links = "allow", name-collisions = "refuse", unportable-names = "allow" }
"#;

/// A drop of its own making, and a gate beside it that anybody may read.
struct Site {
    home: TempDir,
    arguments: Vec<String>,
    listed: Vec<(String, String)>,
}

impl Site {
    /// A drop with one listed file below a directory.
    fn new() -> Self {
        Self::in_home(tempfile::tempdir().unwrap())
    }

    /// In memory where the system has a place for that: disks take half a minute for a hundred thousand files.
    fn for_many() -> Self {
        let memory = Path::new("/dev/shm");
        Self::in_home(tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap())
    }

    fn in_home(home: TempDir) -> Self {
        let at = |name: &str| home.path().join(name);
        fs::create_dir_all(at("drop/d")).unwrap();
        let trust = fs::read_to_string(fixture("gate/trust.toml")).unwrap();
        fs::write(at("trust.toml"), trust.replace("../keys", "keys")).unwrap();
        common::copy(&fixture("keys"), &at("keys"));
        fs::write(at("integrity.toml"), PACK).unwrap();
        let gate = "version = 1\noperator = \"Example Telecom\"\ntrust = \"trust.toml\"\npolicies = [\"integrity.toml\"]\n";
        fs::write(at("gate.toml"), gate).unwrap();
        let mut site = Self { home, arguments: Vec::new(), listed: Vec::new() };
        site.put("d/listed.bin", b"radio");
        site.sign();
        site
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn file(&self, path: &str) -> PathBuf {
        self.at("drop").join(path)
    }

    /// Puts a file into the drop, for the next manifest to list.
    fn put(&mut self, path: &str, bytes: &[u8]) {
        fs::create_dir_all(self.file(path).parent().unwrap()).unwrap();
        fs::write(self.file(path), bytes).unwrap();
        self.list(path, hex(&Sha256::digest(bytes)));
    }

    fn list(&mut self, path: &str, sha256: String) {
        self.listed.push((path.to_owned(), sha256));
    }

    fn sign(&self) {
        static GOOD: OnceLock<Value> = OnceLock::new();
        let mut statement = GOOD.get_or_init(|| Scene::good().statement()).clone();
        let subjects = self.listed.iter();
        statement["subject"] =
            subjects.map(|(name, sha256)| json!({ "name": name, "digest": { "sha256": sha256 } })).collect();
        let text = envelope(IN_TOTO, statement.to_string().as_bytes(), &["acme-release"]);
        fs::write(self.file("drop.dsse.json"), text).unwrap();
    }

    /// `dropgate verify` for this drop, behind the words of `prefix`.
    fn command(&self, prefix: &[&str], binary: &OsStr) -> Command {
        let mut words: Vec<OsString> = prefix.iter().map(OsString::from).collect();
        words.push(binary.to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("verify").arg(self.at("drop")).arg("--gate").arg(self.at("gate.toml"));
        command.args(["--format", "json"]).args(&self.arguments);
        // To files: a long verdict would fill a pipe that nobody reads yet.
        command.stdin(Stdio::null()).stdout(File::create(self.at("out")).unwrap());
        command.stderr(File::create(self.at("err")).unwrap());
        command
    }

    fn start(&self) -> Child {
        self.command(&[], binary()).spawn().unwrap()
    }

    /// Waits for the verdict, and not forever.
    #[track_caller]
    fn verdict(&self, mut child: Child) -> Verdict {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("it hangs");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let stderr = String::from_utf8_lossy(&fs::read(self.at("err")).unwrap()).into_owned();
        assert!(!stderr.contains("panicked"), "{stderr}");
        let json = serde_json::from_slice(&fs::read(self.at("out")).unwrap()).ok();
        Verdict { exit: status.code().unwrap_or_else(|| panic!("{status}: {stderr}")), json, stderr }
    }

    #[track_caller]
    fn verify(&self) -> Verdict {
        self.verdict(self.start())
    }

    #[track_caller]
    fn verify_behind(&self, prefix: &[&str]) -> Verdict {
        self.verdict(self.command(prefix, binary()).spawn().unwrap())
    }
}

fn binary() -> &'static OsStr {
    OsStr::new(env!("CARGO_BIN_EXE_dropgate"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Whether this machine lets us: not every container does, whoever we are in it.
fn possible(what: &str, command: &str, arguments: &[&OsStr]) -> bool {
    let possible = Command::new(command).args(arguments).output().is_ok_and(|output| output.status.success());
    if !possible {
        eprintln!("NOT TESTED: {what} are not to be had here (root, outside of a container, can)");
    }
    possible
}

#[track_caller]
fn run(command: &str, arguments: &[&OsStr]) {
    let output = Command::new(command).args(arguments).output().unwrap();
    assert!(output.status.success(), "{command} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_these_tests_break_is_whole() {
    Site::new().verify().accepted();
}

// What is no regular file.

type Row = (&'static str, fn(&Site), &'static [&'static str]);

fn judge(rows: &[Row]) {
    for (claim, spoil, codes) in rows {
        let site = Site::new();
        spoil(&site);
        site.verify().rejected(claim, codes);
    }
}

fn fifo(path: &Path) {
    run("mkfifo", &[path.as_os_str()]);
}

fn device(path: &Path, kind: &str, major: &str, minor: &str) {
    run("mknod", &[path.as_os_str(), kind.as_ref(), major.as_ref(), minor.as_ref()]);
}

fn gone(site: &Site) -> PathBuf {
    let path = site.file("d/listed.bin");
    fs::remove_file(&path).unwrap();
    path
}

/// A directory chain of `levels` below the drop, deeper than a path can be long.
fn chain(site: &Site, name: &str, levels: usize) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut here = openat(CWD, site.at("drop"), flags, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&here, name, Mode::RWXU).unwrap();
        here = openat(&here, name, flags, Mode::empty()).unwrap();
    }
    openat(&here, "f", OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC, Mode::RUSR).unwrap();
}

#[test]
fn kinds_and_depths() {
    const REPLACED: &[&str] = &["not-a-file", "file-missing"];
    judge(&[
        ("pipe in place of a listed file", |s| fifo(&gone(s)), REPLACED),
        (
            "socket in place of a listed file",
            |s| drop(std::os::unix::net::UnixListener::bind(gone(s)).unwrap()),
            REPLACED,
        ),
        ("link to itself in place of a listed file", |s| symlink("listed.bin", gone(s)).unwrap(), REPLACED),
        ("directory in place of a listed file", |s| fs::create_dir(gone(s)).unwrap(), &["file-missing"]),
        (
            "pipe in place of the listed file's directory",
            |s| {
                fs::remove_dir_all(s.file("d")).unwrap();
                fifo(&s.file("d"));
            },
            REPLACED,
        ),
        ("pipe for the directory of evidence", |s| fifo(&s.file("evidence")), &["not-a-file"]),
        (
            "pipe for an envelope of evidence",
            |s| {
                fs::create_dir(s.file("evidence")).unwrap();
                fifo(&s.file("evidence/x.dsse.json"));
            },
            &["not-a-file"],
        ),
        (
            "directory for the manifest",
            |s| {
                fs::remove_file(s.file("drop.dsse.json")).unwrap();
                fs::create_dir(s.file("drop.dsse.json")).unwrap();
            },
            &["manifest-missing", "no-verified-manifest"],
        ),
        ("5,000 levels", |s| chain(s, "d2", 5_000), &["name-refused"]),
        ("a path over the limit of the system", |s| chain(s, &"n".repeat(255), 20), &["name-refused"]),
        ("as deep as may be, and not listed", |s| chain(s, "e", 127), &["file-unlisted"]),
    ]);
}

#[test]
fn devices() {
    let probe = tempfile::tempdir().unwrap();
    let node = probe.path().join("zero");
    if !possible("devices", "mknod", &[node.as_os_str(), "c".as_ref(), "1".as_ref(), "5".as_ref()]) {
        return;
    }
    judge(&[
        ("character device", |s| device(&s.file("zero"), "c", "1", "5"), &["not-a-file"]),
        ("character device that blocks", |s| device(&s.file("tty"), "c", "5", "0"), &["not-a-file"]),
        ("block device", |s| device(&s.file("disk"), "b", "7", "99"), &["not-a-file"]),
        (
            "a source of endless zeros in place of a listed file",
            |s| device(&gone(s), "c", "1", "5"),
            &["not-a-file", "file-missing"],
        ),
        (
            "device in place of the manifest",
            |s| {
                fs::remove_file(s.file("drop.dsse.json")).unwrap();
                device(&s.file("drop.dsse.json"), "c", "1", "5");
            },
            &["manifest-missing", "no-verified-manifest"],
        ),
        (
            "device for an envelope of evidence",
            |s| {
                fs::create_dir(s.file("evidence")).unwrap();
                device(&s.file("evidence/x.dsse.json"), "c", "1", "5");
            },
            &["not-a-file"],
        ),
    ]);
}

#[test]
fn mounts() {
    // In a mount namespace of its own, so that the machine keeps its mounts.
    let probe = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs none '{}'", probe.path().display());
    if !possible("mounts", "unshare", &["--mount", "sh", "-c", &mount].map(OsStr::new)) {
        return;
    }
    let rows: &[(&str, &str, &[&str])] = &[
        ("nothing mounted", "true", &[]),
        ("another file system", "mkdir m; mount -t tmpfs none m; echo x > m/f", &["not-a-file"]),
        ("the same file system", "mkdir m; mount --bind ../other m", &["not-a-file"]),
        ("over the listed file's directory", "mount --bind ../other d", &["not-a-file", "file-missing"]),
        ("the listed file's directory over itself", "mount --bind d d", &["not-a-file", "file-missing"]),
        (
            "over the listed file, equal bytes",
            "mount --bind ../other/listed.bin d/listed.bin",
            &["file-disturbed"],
        ),
        (
            "over the listed file, a device",
            "mount --bind /dev/zero d/listed.bin",
            &["not-a-file", "file-missing"],
        ),
        (
            "over the manifest, equal bytes",
            "cp drop.dsse.json ..; mount --bind ../drop.dsse.json drop.dsse.json",
            &["manifest-unreadable", "no-verified-manifest"],
        ),
        ("the whole drop", "mount --bind . .; cd .", &[]),
    ];
    for (claim, script, codes) in rows {
        let site = Site::new();
        common::copy(&site.file("d"), &site.at("other"));
        let script = format!("cd '{}' && {{ {script}; }} && exec \"$@\"", site.at("drop").display());
        let verdict = site.verify_behind(&["unshare", "--mount", "sh", "-ec", &script, "sh"]);
        if codes.is_empty() {
            verdict.accepted();
        } else {
            verdict.rejected(claim, codes);
        }
    }
}

// What can't be read.

#[test]
fn what_may_not_be_read_is_exit_2_and_named() {
    if root() && !possible("other users", "setpriv", &["--reuid=65534", "true"].map(OsStr::new)) {
        return;
    }
    let rows: &[(&str, &str, u32, &str)] = &[
        ("listed file", "d/listed.bin", 0o000, "can't open `d/listed.bin`: Permission denied"),
        ("manifest", "drop.dsse.json", 0o000, "can't open `drop.dsse.json`: Permission denied"),
        ("evidence", "evidence/x.dsse.json", 0o000, "can't open `evidence/x.dsse.json`: Permission denied"),
        ("directory", "d", 0o000, "can't list `d`: Permission denied"),
        ("directory that can be listed alone", "d", 0o444, "can't look at `d/listed.bin`: Permission denied"),
        ("directory that can be passed alone", "d", 0o111, "can't list `d`: Permission denied"),
        ("drop", "", 0o000, "can't open the drop"),
        ("gate", "../gate.toml", 0o000, "gate.toml: Permission denied"),
        ("trust store", "../trust.toml", 0o000, "^^^ Permission denied"),
    ];
    for (claim, path, mode, said) in rows {
        let site = Site::new();
        fs::create_dir(site.file("evidence")).unwrap();
        fs::write(site.file("evidence/x.dsse.json"), "{}").unwrap();
        fs::set_permissions(site.file(path), fs::Permissions::from_mode(*mode)).unwrap();
        let verdict = as_nobody(&site);
        fs::set_permissions(site.file(path), fs::Permissions::from_mode(0o755)).unwrap();
        verdict.undecided(claim, said);
    }
    // What is not read at all does no harm by being unreadable.
    let site = Site::new();
    fs::write(site.file("extra"), "x").unwrap();
    fs::set_permissions(site.file("extra"), fs::Permissions::from_mode(0o000)).unwrap();
    as_nobody(&site).rejected("unlisted and unreadable", &["file-unlisted"]);
}

#[test]
fn too_few_threads_are_no_verdict() {
    if !possible("users of whom nothing else runs", "setpriv", &["--reuid=1060123", "true"].map(OsStr::new)) {
        return;
    }
    for jobs in [None, Some("1"), Some("2"), Some("64")] {
        let mut site = Site::new();
        site.arguments.extend(jobs.iter().flat_map(|jobs| ["--jobs".to_owned(), (*jobs).to_owned()]));
        // A user of whom no other process counts.
        let verdict = as_user(&site, "1060123", &["prlimit", "--nproc=1"]);
        if jobs == Some("1") {
            // It has that one.
            verdict.accepted();
        } else {
            verdict.undecided("threads", "can't start");
        }
    }
}

/// Judges as a user whom rights bind: root reads everything.
fn as_nobody(site: &Site) -> Verdict {
    if root() { as_user(site, "65534", &[]) } else { site.verify() }
}

fn as_user(site: &Site, user: &str, behind: &[&str]) -> Verdict {
    fs::set_permissions(site.home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The build may lie where nobody else may go.
    let copy = site.at("dropgate");
    copy_of_the_binary(&copy);
    let (uid, gid) = (format!("--reuid={user}"), format!("--regid={user}"));
    let prefix = [&["setpriv", &uid, &gid, "--clear-groups"], behind].concat();
    site.verdict(site.command(&prefix, copy.as_os_str()).spawn().unwrap())
}

// Too few of everything, too many of everything.

#[test]
fn a_hundred_thousand_files_with_64_descriptors() {
    let mut site = Site::for_many();
    let empty = hex(&Sha256::digest(b""));
    fs::create_dir(site.file("many")).unwrap();
    for number in 0..100_000 {
        let path = format!("many/{number:06}");
        File::create(site.file(&path)).unwrap();
        site.list(&path, empty.clone());
    }
    site.sign();
    // More threads than descriptors.
    site.arguments = vec!["--jobs".into(), "100".into()];
    let limited = ["prlimit", "--nofile=64"];
    site.verify_behind(&limited).accepted();
    // As many that nobody listed, each with its finding.
    site.listed.truncate(1);
    site.sign();
    let verdict = site.verify_behind(&limited);
    assert_eq!(verdict.exit, 1, "{}", verdict.stderr);
    let json = verdict.json.as_ref().unwrap();
    let findings = json["controls"][1]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 100_000);
    assert!(findings.iter().all(|finding| finding["code"] == "file-unlisted"));
}

#[test]
fn fifty_thousand_links_in_place_of_listed_files() {
    let mut site = Site::for_many();
    let empty = hex(&Sha256::digest(b""));
    fs::create_dir(site.file("many")).unwrap();
    for number in 0..50_000 {
        let path = format!("many/{number:06}");
        symlink("x", site.file(&path)).unwrap();
        site.list(&path, empty.clone());
    }
    site.sign();
    let start = Instant::now();
    let verdict = site.verify();
    // Each is looked up among all: not one by one.
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    assert_eq!(verdict.exit, 1, "{}", verdict.stderr);
    assert_eq!(verdict.codes(), ["file-missing".to_owned(), "not-a-file".to_owned()].into());
    assert_eq!(verdict.text().matches("a symbolic link").count(), 100_000);
}

#[test]
fn too_few_descriptors_are_no_verdict() {
    let mut accepted = 0;
    for limit in 0..=32 {
        let site = Site::new();
        let verdict = site.verify_behind(&["prlimit", &format!("--nofile={limit}")]);
        match verdict.exit {
            0 => accepted += 1,
            // 126 and 127: the program itself could not be started.
            2 | 126 | 127 => assert!(verdict.json.is_none() && accepted == 0, "{limit}: {verdict:?}"),
            other => panic!("{limit} descriptors: exit {other}: {}", verdict.stderr),
        }
    }
    assert!(accepted >= 16, "{accepted}");
}

// Writers.

/// Large enough to be caught half way, and to be read before the others.
const SIZE: u64 = 64 << 20;

fn digest_of_zeros() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        let mut hash = Sha256::new();
        let block = vec![0; 1 << 20];
        for _ in 0..SIZE >> 20 {
            hash.update(&block);
        }
        hex(&hash.finalize())
    })
}

fn open(path: &Path) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

/// How far the process has read this file; `None` before it opened it.
fn position(child: &Child, path: &Path) -> Option<u64> {
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let descriptor = fs::read_dir(process.join("fd"))
        .ok()?
        .filter_map(Result::ok)
        .find(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path))?;
    let info = fs::read_to_string(process.join("fdinfo").join(descriptor.file_name())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("pos:")?.trim().parse().ok())
}

fn signal(child: &Child, name: &str) {
    run("kill", &[name.as_ref(), child.id().to_string().as_ref()]);
}

/// Stops the process while it is in the middle of the file, lets `change` happen, and lets it go on.
fn judged_around(site: &Site, path: &Path, change: impl FnOnce(&Path)) -> Option<Verdict> {
    let mut child = site.start();
    let start = Instant::now();
    while position(&child, path).is_none_or(|at| at == 0) {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        assert!(start.elapsed() < PATIENCE, "it never opens the file");
    }
    signal(&child, "-STOP");
    let state = |child: &Child| fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    while !state(&child).contains(") T ") {
        assert!(start.elapsed() < PATIENCE, "it does not stop");
    }
    let caught = position(&child, path).is_some_and(|at| (1..SIZE).contains(&at));
    if caught {
        change(path);
    }
    signal(&child, "-CONT");
    let verdict = site.verdict(child);
    caught.then_some(verdict)
}

#[test]
fn a_file_changed_while_it_is_hashed_is_never_accepted() {
    const CHANGED: &[&str] = &["file-disturbed", "drop-disturbed"];
    const MOVED: &[&str] = &["drop-disturbed"];
    type Attack = fn(&Path);
    const NOTHING: Attack = |_| {};
    let rows: &[(&str, Attack, Attack, &[&str])] = &[
        ("nothing changed", NOTHING, NOTHING, &[]),
        ("what was read is written", NOTHING, |p| open(p).write_all_at(b"x", 0).unwrap(), CHANGED),
        ("what was not read is written", NOTHING, |p| open(p).write_all_at(b"x", SIZE - 1).unwrap(), CHANGED),
        (
            "two bad files of which the halves that are read are good",
            |p| open(p).write_all_at(b"x", SIZE - 1).unwrap(),
            |p| {
                open(p).write_all_at(b"\0", SIZE - 1).unwrap();
                open(p).write_all_at(b"x", 0).unwrap();
            },
            CHANGED,
        ),
        (
            "written, and the time of it set back",
            NOTHING,
            |p| {
                let before = fs::metadata(p).unwrap().modified().unwrap();
                let file = open(p);
                file.write_all_at(b"x", 0).unwrap();
                file.set_modified(before).unwrap();
            },
            CHANGED,
        ),
        ("written with the same bytes", NOTHING, |p| open(p).write_all_at(b"\0", 0).unwrap(), CHANGED),
        ("emptied", NOTHING, |p| open(p).set_len(0).unwrap(), CHANGED),
        ("cut by a byte", NOTHING, |p| open(p).set_len(SIZE - 1).unwrap(), CHANGED),
        ("grown by a byte", NOTHING, |p| open(p).set_len(SIZE + 1).unwrap(), CHANGED),
        ("grown without end", NOTHING, |p| open(p).set_len(1 << 40).unwrap(), CHANGED),
        (
            "emptied and filled again",
            NOTHING,
            |p| {
                open(p).set_len(0).unwrap();
                open(p).set_len(SIZE).unwrap();
            },
            CHANGED,
        ),
        ("deleted", NOTHING, |p| fs::remove_file(p).unwrap(), CHANGED),
        (
            "replaced by another",
            NOTHING,
            |p| {
                let other = p.with_file_name("other");
                File::create(&other).unwrap().set_len(SIZE).unwrap();
                fs::rename(other, p).unwrap();
            },
            CHANGED,
        ),
        (
            "its directory replaced",
            NOTHING,
            |p| {
                let directory = p.parent().unwrap();
                fs::rename(directory, directory.with_file_name("../away")).unwrap();
                fs::create_dir(directory).unwrap();
                File::create(p).unwrap().set_len(SIZE).unwrap();
            },
            CHANGED,
        ),
        (
            "replaced by a pipe",
            NOTHING,
            |p| {
                fs::remove_file(p).unwrap();
                fifo(p);
            },
            CHANGED,
        ),
        ("a file comes", NOTHING, |p| fs::write(p.with_file_name("new"), "x").unwrap(), MOVED),
        ("a link comes", NOTHING, |p| symlink("x", p.with_file_name("new")).unwrap(), MOVED),
        ("a directory comes", NOTHING, |p| fs::create_dir(p.with_file_name("new")).unwrap(), MOVED),
        ("another file goes", NOTHING, |p| fs::remove_file(p.with_file_name("small")).unwrap(), CHANGED),
        (
            "the manifest is replaced by an equal one",
            NOTHING,
            |p| {
                let manifest = p.parent().unwrap().with_file_name("drop.dsse.json");
                let text = fs::read(&manifest).unwrap();
                fs::write(&manifest, text).unwrap();
            },
            MOVED,
        ),
    ];
    if !Path::new("/proc/self/fdinfo").exists() {
        eprintln!("NOT TESTED: no /proc tells how far a file was read");
        return;
    }
    let mut site = Site::new();
    site.put("big/small", b"small");
    site.list("big/image.bin", digest_of_zeros().to_owned());
    // One thread, which reads two files at a time: the large ones are read first, and the small one after the change.
    site.list("second.bin", digest_of_zeros().to_owned());
    File::create(site.file("second.bin")).unwrap().set_len(SIZE).unwrap();
    site.arguments = vec!["--jobs".into(), "1".into()];
    site.sign();
    let whole = site.file("big/image.bin");
    for (claim, before, change, codes) in rows {
        let mut tries = 0;
        let verdict = loop {
            let _ = fs::remove_dir_all(site.file("big"));
            let _ = fs::remove_dir_all(site.at("away"));
            fs::create_dir(site.file("big")).unwrap();
            fs::write(site.file("big/small"), "small").unwrap();
            site.sign();
            File::create(&whole).unwrap().set_len(SIZE).unwrap();
            before(&whole);
            // Past one tick of the file system's clock.
            std::thread::sleep(Duration::from_millis(20));
            if let Some(verdict) = judged_around(&site, &whole, change) {
                break verdict;
            }
            tries += 1;
            assert!(tries < 50, "{claim}: never caught in the middle");
        };
        if codes.is_empty() {
            verdict.accepted();
        } else {
            verdict.rejected(claim, codes);
        }
    }
}

#[test]
fn a_writer_who_never_stops_gets_no_verdict_that_accepts() {
    let mut site = Site::new();
    site.list("image.bin", digest_of_zeros().to_owned());
    site.sign();
    let path = site.file("image.bin");
    for (claim, write) in [
        ("growing", (|file, _| std::io::Write::write_all(file, &[0; 4096])) as fn(&mut File, u64) -> _),
        ("rewriting", |file, round| file.write_all_at(b"\0", round * 4096 % SIZE)),
        ("cutting and filling", |file, round| file.set_len(SIZE - round % 2)),
    ] {
        File::create(&path).unwrap().set_len(SIZE).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut file = OpenOptions::new().append(claim == "growing").write(true).open(&path).unwrap();
                for round in 0.. {
                    if stop.load(std::sync::atomic::Ordering::Relaxed) {
                        break;
                    }
                    write(&mut file, round).unwrap();
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            let verdict = site.verify();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(verdict.exit, 1, "{claim}: {} {}", verdict.text(), verdict.stderr);
            assert!(verdict.codes().contains("drop-disturbed"), "{claim}: {}", verdict.text());
        });
    }
}

// Names.

#[test]
fn listed_names_that_some_systems_take_for_one() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("case", &["n/read.me", "n/READ.ME"], &["name-collision"]),
        ("case of a directory", &["n/a/x", "N/a/y"], &["name-collision"]),
        ("Unicode form", &["n/caf\u{e9}", "n/cafe\u{301}"], &["name-collision"]),
        ("case and form", &["n/CAF\u{c9}", "n/cafe\u{301}"], &["name-collision"]),
        ("with a file of the drop", &["D/LISTED.bin"], &["name-collision"]),
        ("a directory and a file", &["n/a/x", "n/A"], &["name-collision"]),
        ("with the manifest", &["DROP.dsse.json"], &["name-collision"]),
        ("with the directory of evidence", &["Evidence/x.dsse.json"], &[]),
        ("accents that differ", &["n/cafe", "n/caf\u{e9}"], &[]),
        ("names that Windows can't hold", &["n/aux", "n/a:b", "n/nul.txt", "n/end."], &[]),
    ];
    for (claim, paths, codes) in rows {
        let mut site = Site::new();
        for path in *paths {
            site.put(path, b"x");
        }
        site.sign();
        let verdict = site.verify();
        if codes.is_empty() {
            assert_eq!(verdict.exit, 0, "{claim}: {}", verdict.text());
            verdict.accepted();
        } else {
            verdict.rejected(claim, codes);
        }
    }
}
