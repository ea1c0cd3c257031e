//! Controls of the operator's own: what is wrong in one is refused with its place; what is right is listed and explained.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod common;

use common::{Scene, Verdict, dropgate, fixture};
use std::fs;
use std::path::{Path, PathBuf};

const HEAD: &str = "[pack]\nid = \"own\"\nversion = \"1\"\ntitle = \"Our own\"\nsource = \"Our contract\"\nlongest-waiver = \"30d\"\n";

/// A pack of one control, with `expression` as it stands in the file, quotes and all.
fn pack(id: &str, expression: &str) -> String {
    format!(
        "{HEAD}[[custom]]\nid = \"{id}\"\nclause = \"SO23.1\"\ntitle = \"A hundred tests\"\nseverity = \"low\"\n\
         remedy = \"Test more.\"\nexpression = {expression}\n"
    )
}

fn written(home: &Path, text: &str) -> PathBuf {
    let file = home.join("own.toml");
    fs::write(&file, text).unwrap();
    file
}

/// The good drop, judged by so12 and these packs.
fn judged_by(home: &Path, packs: &[PathBuf]) -> Verdict {
    let so12 = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/so12.toml");
    let names: Vec<String> =
        packs.iter().chain([&so12]).map(|pack| format!("{:?}", pack.display().to_string())).collect();
    let mut scene = Scene::whole();
    scene.gate = home.join("gate.toml");
    let trust = fixture("gate/trust.toml").display().to_string();
    let gate = format!(
        "version = 1\noperator = \"Example Telecom\"\ntrust = {trust:?}\npolicies = [{}]\n",
        names.join(", ")
    );
    fs::write(&scene.gate, gate).unwrap();
    scene.verify()
}

fn said(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = dropgate(arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Line and column of a place, as messages give them.
fn position(text: &str, place: &str) -> String {
    let at = text.rfind(place).unwrap_or_else(|| panic!("{place:?} is not in\n{text}"));
    let line = text[..at].matches('\n').count() + 1;
    let column = text[..at].chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("own.toml:{line}:{column}")
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    let long = format!("\"tests.size() > 0 || '{}' == 'a'\"", "a".repeat(4096));
    let deep = format!("\"{}tests.size() > 0{}\"", "(".repeat(25), ")".repeat(25));
    let cases: &[(&str, &str, &str, &[&str])] = &[
        (
            "unknown fact",
            "\"test.size() > 0\"",
            "test.size",
            &["unknown fact `test`", "did you mean `tests`?"],
        ),
        (
            "unknown fact of an element",
            "\"tests.exists(t, t.pased > 1)\"",
            "pased",
            &["unknown fact `pased`", "did you mean `passed`?"],
        ),
        ("unknown fact of an object", "\"release.vendors == 'x'\"", "vendors", &["did you mean `vendor`?"]),
        ("wrong type", "\"release.sequence == 'x'\"", "'x'", &["can't take an int and a text"]),
        ("no bool", "\"release.sequence + 1\"", "release.sequence", &["an expression that gives a bool"]),
        ("texts in order", "\"release.version > '4'\"", "'4'", &["can't take"]),
        (
            "unknown function",
            "\"tests.sizes() > 0\"",
            "sizes",
            &["unknown function `sizes`", "did you mean `size`?"],
        ),
        (
            "regular expression",
            "\"release.version.matches('(a+)+$')\"",
            "matches",
            &["unknown function `matches`"],
        ),
        ("a fraction", "\"release.sequence > 1.5\"", "1.5", &["whole number"]),
        ("a fact that is never absent", "\"has(release.vendor)\"", "has(", &["never absent"]),
        ("no fact at all", "\"1 == 1\"", "1 == 1", &["looks at no fact"]),
        ("empty", "\" \"", " \"", &["expected an expression, found none"]),
        ("a number", "1", "1\n", &["expression"]),
        ("too long", &long, "tests.size", &["at most 4096 bytes"]),
        ("too deep", &deep, "(tests", &["brackets at most 24 deep"]),
        (
            "four loops",
            "\"tests.all(a, tests.all(b, tests.all(c, tests.all(d, d.sound))))\"",
            "tests.all(d",
            &["at most 3 loops"],
        ),
        ("a map", "\"tests.size() > {'a': 1}.size()\"", "{'a'", &["no map"]),
        // Each form in which TOML writes a text. Where it needs escapes, the whole value is meant.
        ("syntax, '..'", "'tests.size( > 0'", "> 0'", &["not a CEL expression"]),
        ("syntax, \"..\"", "\"tests.size( > 0\"", "> 0\"", &["not a CEL expression"]),
        (
            "syntax, '''..'''",
            "'''\ntests.size() > 0 &&\n  tests.size( > 0'''",
            "> 0'''",
            &["not a CEL expression"],
        ),
        (
            "syntax, \"\"\"..\"\"\"",
            "\"\"\"\ntests.size() > 0 &&\n  tests.size( > 0\"\"\"",
            "> 0\"\"\"",
            &["not a CEL expression"],
        ),
        (
            "syntax, with escapes",
            "\"release.vendor == \\\"A\\\" && tests.size( > 0\"",
            "\"release",
            &["not a CEL expression"],
        ),
        (
            "syntax, a line break escaped",
            "\"\"\"tests.size() > 0 && \\\n  tests.size( > 0\"\"\"",
            "\"\"\"tests",
            &["not a CEL expression"],
        ),
        (
            "syntax, umlauts before it",
            "\"release.vendor == 'Ä' && tests.size( > 0\"",
            "> 0\"",
            &["not a CEL expression"],
        ),
        (
            "wrong type, umlauts before it",
            "\"release.vendor == 'Ä' && release.sequence == 'x'\"",
            "'x'",
            &["can't take"],
        ),
    ];
    let home = tempfile::tempdir().unwrap();
    for (claim, expression, place, says) in cases {
        let text = pack("example.own", expression);
        let file = written(home.path(), &text);
        let verdict = judged_by(home.path(), std::slice::from_ref(&file));
        let place = position(&text, place);
        verdict.undecided(claim, &place);
        let (exit, _, checked) = said(&["policy", "check", file.to_str().unwrap()]);
        assert_eq!(exit, Some(2), "{claim}: {checked}");
        for stderr in [&checked, &verdict.stderr] {
            assert!(stderr.contains(&place) && stderr.contains('^'), "{claim}: {place} is not in\n{stderr}");
            assert!(says.iter().all(|says| stderr.contains(says)), "{claim}: {says:?} are not in\n{stderr}");
        }
    }
}

#[test]
fn ids_are_two_names_of_ones_own() {
    let home = tempfile::tempdir().unwrap();
    for (id, says) in [
        ("so12.manifest-signed", "built-in"),
        ("so23.own", "built-in"),
        ("own", "two names"),
        ("a.b.c", "two names"),
        ("Example.own", "two names"),
        ("example.", "two names"),
        ("example.-x", "two names"),
        ("example.ö", "two names"),
        ("", "not empty"),
    ] {
        let text = pack(id, "'tests.size() > 0'");
        let verdict = judged_by(home.path(), &[written(home.path(), &text)]);
        verdict.undecided(id, &position(&text, &format!("\"{id}\"\nclause")));
        assert!(verdict.stderr.contains(says), "{id}: {}", verdict.stderr);
    }
    let one = pack("example.own", "'tests.size() > 0'");
    let twice = format!("{one}{}", &one[HEAD.len()..]);
    judged_by(home.path(), &[written(home.path(), &twice)]).undecided("twice in a pack", "stands twice");
    let (first, second) = (home.path().join("first.toml"), home.path().join("second.toml"));
    fs::write(&first, &one).unwrap();
    fs::write(&second, one.replace("> 0", ">= 0")).unwrap();
    let packs = [first.clone(), second.clone()];
    judged_by(home.path(), &packs).undecided("in two packs that disagree", "also in");
    let (exit, _, stderr) = said(&["policy", "check", first.to_str().unwrap(), second.to_str().unwrap()]);
    assert!(exit == Some(2) && stderr.contains("stands also in"), "{stderr}");
}

#[test]
fn listed_and_explained() {
    let home = tempfile::tempdir().unwrap();
    let text = pack(
        "example.own",
        "'''tests.size() > 0 &&\n  tests.exists(t, t.passed >= 100) && has(release.recipient)'''",
    );
    let file = written(home.path(), &text);
    let file = file.to_str().unwrap();
    judged_by(home.path(), &[PathBuf::from(file)])
        .rejected("its expression is false", &["custom-control-failed"]);
    let gate = home.path().join("gate.toml");
    let gate = gate.to_str().unwrap();

    let (exit, list, _) = said(&["policy", "list", "--pack", file]);
    assert_eq!((exit, list.as_str()), (Some(0), "SO23.1   example.own\n"));
    let (exit, list, _) = said(&["policy", "list", "--gate", gate]);
    assert_eq!(exit, Some(0));
    assert!(list.starts_with("SO12.1   so12.manifest-signed  (in every gate)\n"), "{list}");
    assert!(list.ends_with("SO23.1   example.own\n"), "{list}");

    for source in ["--pack", "--gate"] {
        let from = if source == "--pack" { file } else { gate };
        let (exit, shown, stderr) = said(&["policy", "explain", "example.own", source, from]);
        assert_eq!(exit, Some(0), "{stderr}");
        for part in [
            "example.own  (SO23.1)",
            "severity low",
            "A hundred tests",
            "tests.exists(t, t.passed >= 100)",
            "Test more.",
            "tests ",
            "Every test report about this drop",
            "tests[].passed ",
            "How many tests passed",
            "release.recipient ",
            "custom-control-failed",
            "custom-control-error",
        ] {
            assert!(shown.contains(part), "{part:?} is not in\n{shown}");
        }
        // Built-in ones are explained all the same.
        assert_eq!(said(&["policy", "explain", "so12.malware-scan", source, from]).0, Some(0));
    }
    let (exit, _, stderr) = said(&["policy", "explain", "example.own"]);
    assert_eq!(exit, Some(2), "nobody said where it stands: {stderr}");
    let (exit, _, stderr) = said(&["policy", "explain", "example.other", "--pack", file]);
    assert!(exit == Some(2) && stderr.contains("example.own"), "{stderr}");
    assert_eq!(said(&["policy", "list", "--pack", "none.toml"]).0, Some(2));
    assert_eq!(said(&["policy", "list", "--pack", file, "--gate", gate]).0, Some(2));
}

#[test]
fn what_is_in_a_pack_reaches_no_terminal() {
    let home = tempfile::tempdir().unwrap();
    let text = pack("example.own", "\"release.vendor == 'A'\"")
        .replace("Test more.", "\\u001b[2JTest\\u202e more.")
        .replace("\"SO23.1\"", "\"SO23.1\\u001b[1m\"")
        .replace("A hundred", "\\u001b]0;x\\u0007A hundred");
    let file = written(home.path(), &text);
    for arguments in [&["policy", "explain", "example.own", "--pack"][..], &["policy", "list", "--pack"]] {
        let (exit, shown, stderr) = said(&[arguments, &[file.to_str().unwrap()]].concat());
        assert_eq!(exit, Some(0), "{stderr}");
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
    }
}

#[test]
fn of_all_of_an_empty_list_there_is_a_note() {
    let home = tempfile::tempdir().unwrap();
    let note = "all() is true of an empty list";
    for (expression, noted) in [
        ("tests.all(t, t.sound)", true),
        ("release.sequence > 1 &&\n  tests.all(t, t.sound)", true),
        ("size(evidence) > 0 && tests.all(t, t.sound)", true),
        ("tests.filter(t, t.failed > 0).all(f, f.sound) && size(tests) > 0", true),
        ("bills.exists(b, b.purls.all(p, p != ''))", true),
        ("size(tests) > 0 && tests.all(t, t.sound)", false),
        ("tests.size() > 0 && tests . all(t, t.sound)", false),
        ("tests.exists(t, t.passed > 0) && tests.all(u, u.sound)", false),
        ("tests.exists_one(t, t.passed > 0) && tests.all(u, u.sound)", false),
        ("tests[0].sound && tests.all(t, t.sound)", false),
        ("tests.exists(t, t.sound)", false),
        ("tests.exists_one(t, t.type == 'functional')", false),
    ] {
        let text = pack("example.own", &format!("'''{expression}'''"));
        let file = written(home.path(), &text);
        let file = file.to_str().unwrap();
        let (exit, _, stderr) = said(&["policy", "check", file]);
        assert_eq!(exit, Some(0), "{expression}: {stderr}");
        assert_eq!(stderr.contains(note), noted, "{expression}: {stderr}");
        assert_eq!(
            said(&["policy", "explain", "example.own", "--pack", file]).1.contains(note),
            noted,
            "{expression}"
        );
        if noted {
            let line = text.lines().position(|line| line.contains(".all(")).unwrap() + 1;
            assert!(stderr.contains(&format!("own.toml:{line}: example.own: ")), "{expression}: {stderr}");
        }
        assert!(said(&["--quiet", "policy", "check", file]).2.is_empty());
    }
}

#[test]
fn what_would_take_for_ever_is_no_verdict() {
    // Each is legal and small; what it costs shows with the facts. None may pass, and none may hang.
    let home = tempfile::tempdir().unwrap();
    let numbers: Vec<String> = (0..900).map(|n| n.to_string()).collect();
    let list = format!("[{}]", numbers.join(","));
    for expression in [
        format!("tests.size() > 0 && {list}.all(a, {list}.all(b, a + b >= 0))"),
        "tests.size() > 0 && [1,2,3].map(a, tests.map(b, tests.map(c, c))).size() > 0".to_owned(),
        format!("tests.size() > 0{}", " && tests.size() > 0".repeat(180)),
        format!("{}tests.size() > 0", "!!".repeat(1000)),
        format!("tests.exists(t, t.origin == '{}')", "a".repeat(4000)),
    ] {
        let file = written(home.path(), &pack("example.own", &format!("\"{expression}\"")));
        let began = std::time::Instant::now();
        let verdict = judged_by(home.path(), &[file]);
        assert!([0, 1, 2].contains(&verdict.exit), "{}", verdict.stderr);
        assert!(began.elapsed().as_secs() < 60, "{expression:.60}: {:?}", began.elapsed());
    }
}
