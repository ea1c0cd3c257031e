//! Paths and arguments that a script passed on from somewhere: whatever they hold, no message of ours gains a line
//! or an escape sequence by them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use common::{Scene, copy, dropgate, fixture, key};
use dropgate::escape::is_deceptive;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What a line looks like that we did not write.
const FORGED: &str = "FORGED";

const NAMES: [(&str, &[u8]); 7] = [
    ("line break", b"a\nFORGED ACCEPT\nFORGED"),
    ("carriage return", b"a\rFORGED ACCEPT"),
    ("line separator", "a\u{2028}FORGED ACCEPT".as_bytes()),
    ("escape sequence", b"a\x1b[2J\x1b[1;32mFORGED ACCEPT\x1b[0m"),
    ("title of the window", b"a\x1b]0;FORGED\x07"),
    ("bidirectional override", "a\u{202e}TPECCA\u{2066}".as_bytes()),
    ("not UTF-8", b"a\xff\n\x9b2JFORGED"),
];

/// Runs, and checks what came out.
#[track_caller]
fn run(claim: &str, arguments: &[&OsStr], exit: i32) -> String {
    let output = dropgate(arguments);
    let mut both = String::new();
    for (name, bytes) in [("stdout", output.stdout), ("stderr", output.stderr)] {
        let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{claim}: {name}: {error}"));
        let bad: Vec<char> = text.chars().filter(|c| *c != '\n' && is_deceptive(*c)).collect();
        assert!(bad.is_empty(), "{claim}: {name}: {bad:?} in\n{text}");
        let forged =
            text.lines().find(|line| line.trim_start_matches([' ', '"', '\'', '|']).starts_with(FORGED));
        assert!(forged.is_none(), "{claim}: {name}: {forged:?} is a line of its own in\n{text}");
        both.push_str(&text);
    }
    assert_eq!(output.status.code(), Some(exit), "{claim}: {both}");
    assert!(!both.contains("panicked"), "{claim}: {both}");
    both
}

fn words<'w>(words: &'w [&str]) -> Vec<&'w OsStr> {
    words.iter().map(OsStr::new).collect()
}

struct Place {
    scene: Scene,
    name: OsString,
    claim: &'static str,
}

impl Place {
    fn at(&self) -> PathBuf {
        self.scene.home.path().join(&self.name)
    }

    fn run(&self, before: &[&str], path: &Path, after: &[&OsStr], exit: i32) -> String {
        let mut arguments = words(before);
        arguments.push(path.as_os_str());
        arguments.extend(after);
        run(&format!("{}: {before:?}", self.claim), &arguments, exit)
    }
}

fn everywhere(check: impl Fn(&Place)) {
    for (claim, name) in NAMES {
        check(&Place { scene: Scene::good(), name: OsStr::from_bytes(name).to_owned(), claim });
    }
}

#[test]
fn paths_that_are_not_there() {
    everywhere(|place| {
        let none = place.at();
        let (drop, gate) = (place.scene.drop(), place.scene.gate.clone());
        let by_gate = [OsStr::new("--gate"), gate.as_os_str()];
        place.run(&["verify"], &none, &by_gate, 2);
        for option in ["--gate", "--baseline", "--output"] {
            let mut after = vec![drop.as_os_str()];
            if option != "--gate" {
                after.extend(by_gate);
            }
            let path = if option == "--output" { none.join("x") } else { none.clone() };
            place.run(&["verify", option], &path, &after, 2);
        }
        // Inside the drop, where nothing is written.
        let inside = place.scene.drop().join(&place.name);
        place.run(&["verify", "--output"], &inside, &[drop.as_os_str(), by_gate[0], by_gate[1]], 2);
        for command in [["key", "show"], ["manifest", "show"], ["policy", "check"], ["policy", "explain"]] {
            place.run(&command, &none, &[], 2);
        }
        place.run(&["man"], &none, &[], 2);
        place.run(&["key", "generate"], &none.join("x"), &[], 2);
        let private = key("acme-release");
        place.run(&["manifest", "sign"], &none, &["--key".as_ref(), private.as_os_str()], 2);
        place.run(&["manifest", "sign", "--key"], &none, &[drop.as_os_str()], 2);
    });
}

#[test]
fn paths_that_are_there() {
    everywhere(|place| {
        let here = place.at();
        copy(&fixture("plain/drop"), &here);
        let gate = place.scene.gate.clone();
        for format in ["text", "json"] {
            let after = [OsStr::new("--format"), format.as_ref(), "--gate".as_ref(), gate.as_os_str()];
            place.run(&["verify"], &here, &after, 0);
            place.run(&["manifest", "show"], &here, &after[..2], 0);
        }
        let private = key("acme-release");
        place.run(&["manifest", "sign", "--key"], &private, &[here.as_os_str()], 2);
        let create = "--vendor Acme --product p --version 1 --kind transition --sequence 1".split(' ');
        let create: Vec<&OsStr> =
            create.map(OsStr::new).chain(["--key".as_ref(), private.as_os_str()]).collect();
        place.run(&["manifest", "create"], &here, &create, 2);
        fs::remove_file(here.join("drop.dsse.json")).unwrap();
        place.run(&["manifest", "create"], &here, &create, 0);
        // The gate within the drop, and a drop that is a link to one.
        fs::write(here.join("gate.toml"), "").unwrap();
        place.run(&["verify"], &here, &["--gate".as_ref(), here.join("gate.toml").as_os_str()], 2);
        let link = place.scene.home.path().join("link");
        symlink(&here, &link).unwrap();
        place.run(&["verify"], &link, &["--gate".as_ref(), gate.as_os_str()], 2);
    });
}

#[test]
fn the_operators_own_files() {
    everywhere(|place| {
        let here = place.at();
        let drop = place.scene.drop();
        place.run(&["init", "--operator", "x"], &here, &[], 0);
        place.run(&["init", "--operator", "x"], &here, &[], 2);
        let gate = here.join("gate.toml");
        let judge = || place.run(&["verify", "--gate"], &gate, &[drop.as_os_str()], 2);
        // A trust store without keys, one with a key file that is not there, a policy that is none.
        judge();
        let trust = fs::read_to_string(fixture("gate/trust.toml")).unwrap();
        fs::write(here.join("trust.toml"), &trust).unwrap();
        judge();
        let keys = fixture("keys").display().to_string();
        fs::write(here.join("trust.toml"), trust.replace("../keys", &keys)).unwrap();
        let pack = here.join("policies/start.toml");
        let twice = here.join("policies/twice.toml");
        fs::copy(&pack, &twice).unwrap();
        place.run(&["policy", "check"], &pack, &[], 0);
        place.run(&["policy", "check"], &pack, &[twice.as_os_str()], 2);
        let whole = fs::read_to_string(&gate).unwrap();
        fs::write(
            &gate,
            whole.replace("\"policies/start.toml\",", "\"policies/start.toml\", \"policies/twice.toml\","),
        )
        .unwrap();
        assert!(judge().contains("in one"), "two packs with one control");
        fs::write(&gate, whole.replace("policies/start.toml", "policies/so14.toml")).unwrap();
        judge();
        fs::write(&gate, "policies = []\noperator = 1\n").unwrap();
        judge();
        fs::write(&gate, whole).unwrap();
        let baseline = here.join("baseline");
        fs::write(&baseline, "{}").unwrap();
        place.run(
            &["verify", "--baseline"],
            &baseline,
            &["--gate".as_ref(), place.scene.gate.as_os_str(), drop.as_os_str()],
            2,
        );
    });
}

#[test]
fn keys() {
    everywhere(|place| {
        let key = place.at();
        let said = place.run(&["key", "generate"], &key, &[], 0);
        assert_eq!(said.lines().count(), 3, "{said}");
        place.run(&["key", "generate"], &key, &[], 2);
        let mut private = key.into_os_string();
        private.push(".pem");
        let private = PathBuf::from(private);
        place.run(&["key", "show"], &private, &[], 0);
        fs::set_permissions(&private, fs::Permissions::from_mode(0o644)).unwrap();
        let said = place.run(&["key", "show"], &private, &[], 0);
        assert!(said.contains("note: others can read the private key"), "{said}");
        fs::write(&private, "x").unwrap();
        place.run(&["key", "show"], &private, &[], 2);
    });
}

#[test]
fn arguments_that_are_refused() {
    for (claim, name) in NAMES {
        let name = OsStr::from_bytes(name);
        let with = |prefix: &str| {
            let mut word = OsString::from(prefix);
            word.push(name);
            word
        };
        let create =
            "manifest create d --product p --version 1 --kind transition --sequence 1 --key k --vendor";
        for (before, last) in [
            ("", name.to_owned()),
            ("verify d", with("--")),
            ("verify d", with("-")),
            ("verify d", with("--gate=x --")),
            ("verify d", with("")),
            ("verify d --format", name.to_owned()),
            ("verify d --at", name.to_owned()),
            ("verify d --jobs", name.to_owned()),
            ("verify d", with("--color=")),
            ("verify d", with("--quiet=")),
            ("completions", name.to_owned()),
            ("manifest", name.to_owned()),
            ("manifest show d", with("--formt=")),
            ("help", name.to_owned()),
            ("key generate --seed", name.to_owned()),
            ("init d --operator", with("/")),
            (create, with("/")),
            (&create.replace("transition", "x"), name.to_owned()),
        ] {
            let mut arguments: Vec<&OsStr> = before.split_whitespace().map(OsStr::new).collect();
            arguments.push(&last);
            let said = run(&format!("{claim}: {before} {last:?}"), &arguments, 2);
            assert!(said.starts_with("error: "), "{claim}: {before}: {said}");
        }
    }
}
