//! Policy packs: what is not in order is refused when it is read, with its place.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::string_slice,
    clippy::expect_used,
    clippy::type_complexity
)]

mod common;

use common::{Scene, Verdict, dropgate, fixture};
use dropgate::finding::Code;
use dropgate::policy::controls;
use std::fs;
use std::path::{Path, PathBuf};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(shipped(name)).unwrap()
}

/// The good drop, judged by these packs.
fn judged_by(packs: &[PathBuf]) -> Verdict {
    let mut scene = Scene::good();
    let names: Vec<String> = packs.iter().map(|pack| format!("{:?}", pack.display().to_string())).collect();
    scene.gate = scene.home.path().join("gate.toml");
    let gate = format!(
        "version = 1\noperator = \"Example Telecom\"\ntrust = {:?}\npolicies = [{}]\n",
        fixture("gate/trust.toml").display().to_string(),
        names.join(", ")
    );
    fs::write(&scene.gate, gate).unwrap();
    scene.verify()
}

fn check(packs: &[&Path]) -> (Option<i32>, String) {
    let mut arguments: Vec<&std::ffi::OsStr> = vec!["policy".as_ref(), "check".as_ref()];
    arguments.extend(packs.iter().map(|pack| pack.as_os_str()));
    let output = dropgate(arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// `policy check` and `verify` refuse it, at the last line that holds `place`.
fn refused(claim: &str, pack: &str, place: &str, said: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("pack.toml");
    fs::write(&file, pack).unwrap();
    let Some(at) = pack.rfind(place) else { panic!("{claim}: {place:?} is not in the pack") };
    let place = format!("pack.toml:{}:", pack[..at].matches('\n').count() + 1);
    let (exit, checked) = check(&[&file]);
    assert_eq!(exit, Some(2), "{claim}: {checked}");
    let verdict = judged_by(&[file, shipped("so12.toml")]);
    verdict.undecided(claim, &place);
    for stderr in [&checked, &verdict.stderr] {
        assert!(stderr.contains(&place) && stderr.contains('^'), "{claim}: {place}\n{stderr}");
        for said in said {
            assert!(stderr.contains(said), "{claim}: {said:?} is not in\n{stderr}");
        }
    }
}

#[test]
fn what_is_not_in_order_is_refused_at_its_place() {
    let so12 = text("so12.toml");
    let cases: &[(&str, &str, &str, &str, &[&str])] = &[
        (
            "unknown key",
            "severity = \"high\"",
            "severty = \"high\"",
            "severty",
            &["did you mean `severity`?", "missing key `severity`"],
        ),
        (
            "unknown key at the top",
            "[pack]",
            "strict = true\n[pack]",
            "strict = true",
            &["unknown key `strict`"],
        ),
        (
            "unknown key of the pack",
            "title = \"Integrity",
            "titel = 1\ntitle = \"Integrity",
            "titel",
            &["did you mean `title`?"],
        ),
        (
            "unknown parameter",
            "floor-bits =",
            "floor-bit =",
            "floor-bit",
            &["did you mean `floor-bits`?", "missing key `floor-bits`"],
        ),
        (
            "a parameter of another control",
            "floor-bits = 128",
            "floor-bits = 128\nthreshold = 1",
            "threshold",
            &["unknown key `threshold`"],
        ),
        (
            "missing parameter",
            "threshold = 1",
            "",
            "[control.parameters]\n# How many distinct owners",
            &["missing key `threshold`"],
        ),
        (
            "no parameters",
            "[control.parameters]\n# Least security against collisions, in bits, 128 to 256: sha256 and blake3 give 128, sha384 192, sha512 256.\nfloor-bits = 128",
            "",
            "[[control]]\nid = \"so12.digest-strength\"",
            &["has no parameters", "floor-bits"],
        ),
        (
            "unknown control",
            "\"so12.digest-strength\"",
            "\"so12.digest-strenght\"",
            "strenght",
            &["did you mean \"so12.digest-strength\"?"],
        ),
        (
            "control in capitals",
            "\"so12.digest-strength\"",
            "\"SO12.digest-strength\"",
            "SO12.digest",
            &["legal values"],
        ),
        ("control off", "\"so12.digest-strength\"", "\"\"", "id = \"\"", &["so12.digest-strength"]),
        ("unit missing", "\"5m\"", "\"5\"", "clock-skew", &["h (hours)"]),
        ("a blank before the unit", "\"5m\"", "\"5 min\"", "clock-skew", &["h (hours)"]),
        ("a number for a period", "\"5m\"", "5", "clock-skew", &["the unit is missing"]),
        ("a period below zero", "\"5m\"", "\"-5m\"", "clock-skew", &["not a period"]),
        ("a period of ages", "\"5m\"", "\"9999999999999d\"", "clock-skew", &["not a period"]),
        ("a unit alone", "\"5m\"", "\"m\"", "clock-skew", &["not a period"]),
        (
            "unknown severity",
            "severity = \"high\"",
            "severity = \"hgih\"",
            "hgih",
            &["did you mean \"high\"?"],
        ),
        (
            "severity a number",
            "severity = \"high\"",
            "severity = 1",
            "severity = 1",
            &["\"critical\", \"high\", \"medium\", \"low\""],
        ),
        (
            "wrong clause",
            "clause = \"SO12.1\"\ntitle = \"Every artifact",
            "clause = \"SO12.2\"\ntitle = \"Every artifact",
            "clause = \"SO12.2\"\ntitle = \"Every artifact",
            &["did you mean \"SO12.1\"?"],
        ),
        (
            "no clause",
            "clause = \"SO12.1\"\ntitle = \"Every artifact",
            "title = \"Every artifact",
            "[[control]]\nid = \"so12.digest-strength\"",
            &["missing key `clause`"],
        ),
        ("threshold of nobody", "threshold = 1", "threshold = 0", "threshold = 0", &["from 1 to 64"]),
        ("threshold below zero", "threshold = 1", "threshold = -1", "threshold = -1", &["from 1 to 64"]),
        (
            "threshold without end",
            "threshold = 1",
            "threshold = 99999999999999999999999",
            "threshold = 9",
            &["from 1 to 64"],
        ),
        ("threshold a string", "threshold = 1", "threshold = \"1\"", "threshold = \"1\"", &["from 1 to 64"]),
        ("threshold a fraction", "threshold = 1", "threshold = 1.0", "threshold = 1.0", &["found a float"]),
        ("a floor too low", "floor-bits = 128", "floor-bits = 127", "floor-bits", &["from 128 to 256"]),
        ("no floor", "floor-bits = 128", "floor-bits = 0", "floor-bits", &["from 128 to 256"]),
        (
            "misspelled choice",
            "recipient = \"optional\"",
            "recipient = \"optinal\"",
            "optinal",
            &["did you mean \"optional\"?"],
        ),
        (
            "a boolean for a choice",
            "hard-links = \"allow\"",
            "hard-links = true",
            "hard-links = true",
            &["\"refuse\", \"allow\""],
        ),
        (
            "one control twice",
            "id = \"so12.manifest-complete\"",
            "id = \"so12.manifest-signed\"",
            "[[control]]",
            &[],
        ),
        (
            "empty title",
            "title = \"Every artifact is listed with a strong digest\"",
            "title = \"\"",
            "title = \"\"",
            &["not empty"],
        ),
        ("no table [pack]", "[pack]", "[package]", "# Policy pack", &["this is not a policy pack"]),
        ("no version", "version = \"2.0.0\"", "", "[pack]", &["missing key `version`"]),
        ("no bound on waivers", "longest-waiver = \"90d\"", "", "[pack]", &["missing key `longest-waiver`"]),
        ("a bound on waivers below zero", "\"90d\"", "\"-90d\"", "longest-waiver", &["not a period"]),
        ("version a number", "version = \"2.0.0\"", "version = 1", "version = 1", &["a string"]),
        ("not TOML", "[pack]", "[pack", "[pack", &["not valid TOML"]),
        (
            "a key twice",
            "floor-bits = 128",
            "floor-bits = 128\nfloor-bits = 256",
            "floor-bits = 256",
            &["duplicate key"],
        ),
    ];
    for (claim, from, to, place, said) in cases {
        assert!(so12.contains(from), "{claim}");
        let changed = so12.replace(from, to);
        if *claim == "one control twice" || *claim == "no table [pack]" {
            // The place of these depends on what else is wrong; see below.
            let home = tempfile::tempdir().unwrap();
            fs::write(home.path().join("pack.toml"), changed).unwrap();
            let (exit, stderr) = check(&[&home.path().join("pack.toml")]);
            assert_eq!(exit, Some(2), "{claim}");
            assert!(said.iter().all(|said| stderr.contains(said)), "{claim}: {stderr}");
            continue;
        }
        refused(claim, &changed, place, said);
    }
    for name in ["so14.toml", "so23.toml"] {
        let pack = text(name);
        let twice = format!("{pack}\n{}", &pack[pack.find("[[control]]").unwrap()..]);
        refused("one control twice", &twice, "[[control]]", &["stands twice"]);
        let headless = pack[pack.find("[[control]]").unwrap()..].to_owned();
        let first = &headless[..headless.find("\nclause").unwrap()];
        refused("no table [pack]", &headless, first, &["this is not a policy pack"]);
        let empty = pack[..pack.find("[[control]]").unwrap()].to_owned();
        refused("no control", &empty, "# Policy pack", &["the pack holds no control"]);
    }
    let so14 = text("so14.toml");
    for value in ["0", "9007199254740992", "\"1000\"", "1e3"] {
        let changed = so14.replace("max-sequence-step = 1000", &format!("max-sequence-step = {value}"));
        refused(value, &changed, "max-sequence-step", &["from 1 to 9007199254740991"]);
    }
    let so23 = text("so23.toml");
    let parties = "parties = [\"vendor\", \"provider\", \"third-party\", \"lab\"]";
    for (value, said) in [
        ("[]", "not empty"),
        ("\"lab\"", "an array"),
        ("[\"labs\"]", "did you mean \"lab\"?"),
        ("[\"lab\", \"lab\"]", "repeated"),
        ("[\"*\"]", "legal values"),
    ] {
        refused(value, &so23.replace(parties, &format!("parties = {value}")), "parties = ", &[said]);
    }
}

#[test]
fn every_fault_is_shown_at_once() {
    let changed = text("so12.toml")
        .replace("threshold = 1", "threshold = 0")
        .replace("\"5m\"", "5")
        .replace("floor-bits = 128", "floor-bit = 128")
        .replace("hard-links = \"allow\"", "hard-links = \"maybe\"")
        .replace("version = \"2.0.0\"", "verson = \"1.0.0\"");
    let home = tempfile::tempdir().unwrap();
    let (a, b) = (home.path().join("a.toml"), home.path().join("b.toml"));
    fs::write(&a, &changed).unwrap();
    fs::write(&b, "").unwrap();
    let (exit, stderr) = check(&[&a, &b, &shipped("so14.toml")]);
    assert_eq!(exit, Some(2));
    for said in
        ["`threshold`", "the unit is missing", "`floor-bit`", "`floor-bits`", "maybe", "`verson`", "b.toml"]
    {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    assert!(stderr.contains("2 packs or controls are at fault"), "{stderr}");
}

#[test]
fn packs_that_make_no_policy() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = home.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let so12 = text("so12.toml");
    let starts: Vec<usize> = so12.match_indices("[[control]]").map(|(at, _)| at).collect();
    let (head, signed, complete, strength) = (
        &so12[..starts[0]],
        &so12[starts[0]..starts[1]],
        &so12[starts[1]..starts[2]],
        &so12[starts[2]..starts[3]],
    );
    let unsigned = file("unsigned.toml", format!("{head}{complete}{strength}"));
    let incomplete = file("incomplete.toml", format!("{head}{signed}{strength}"));
    let both = file("both.toml", format!("{head}{signed}{complete}"));
    let again = file("again.toml", format!("{head}{strength}"));
    let weaker = file("weaker.toml", so12.replace("\"refuse\"", "\"allow\""));

    judged_by(&[]).undecided("no policies", "gate.toml:4:");
    judged_by(&[shipped("so14.toml")]).undecided("neither of the two", "expected so12.manifest-signed");
    judged_by(std::slice::from_ref(&unsigned)).undecided("not who signed", "expected so12.manifest-signed");
    judged_by(std::slice::from_ref(&incomplete))
        .undecided("not whether complete", "expected so12.manifest-complete");
    judged_by(&[shipped("so12.toml"), weaker]).undecided("two that disagree", "two packs");
    judged_by(&[shipped("so12.toml"), again.clone()]).undecided("one control in two packs", "again.toml:");
    judged_by(&[shipped("so12.toml"), shipped("so12.toml")]).undecided("one pack twice", "two packs");
    judged_by(&[shipped("so12.toml"), home.path().join("none.toml")])
        .undecided("a pack that is not there", "none.toml");
    judged_by(&[shipped("so12.toml"), home.path().into()])
        .undecided("a directory", "expected a regular file");
    judged_by(std::slice::from_ref(&both)).accepted();
    judged_by(&[again.clone(), both.clone()]).accepted();
    judged_by(&[unsigned, file("signed.toml", format!("{head}{signed}"))]).accepted();

    let (exit, stderr) = check(&[&shipped("so12.toml"), &again]);
    assert_eq!(exit, Some(2));
    assert!(stderr.contains("again.toml:") && stderr.contains("stands also in"), "{stderr}");
    assert_eq!(check(&[&both, &again]).0, Some(0));
}

#[test]
fn size_is_bounded() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("big.toml");
    fs::write(&file, format!("{}{}", text("so12.toml"), "# filler\n".repeat(600_000))).unwrap();
    let (exit, stderr) = check(&[&file]);
    assert_eq!(exit, Some(2));
    assert!(stderr.contains("at most 4194304 bytes"), "{stderr}");
    judged_by(std::slice::from_ref(&file)).undecided("5 MB", "at most 4194304 bytes");
    fs::File::create(&file).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(check(&[&file]).0, Some(2));
    fs::write(&file, [0xff; 10]).unwrap();
    assert!(check(&[&file]).1.contains("UTF-8"));
    judged_by(&[PathBuf::from("/dev/zero")]).undecided("a device", "expected a regular file");
}

#[test]
fn shipped_packs_check() {
    let packs = [shipped("so12.toml"), shipped("so14.toml"), shipped("so23.toml")];
    let (exit, stderr) = check(&packs.each_ref().map(PathBuf::as_path));
    assert_eq!(exit, Some(0), "{stderr}");
    assert!(stderr.is_empty(), "{stderr}");
    // To begin with there is one that needs no other.
    let (exit, stderr) = check(&[&shipped("start.toml")]);
    assert_eq!(exit, Some(0), "{stderr}");
    assert!(stderr.is_empty(), "{stderr}");
    // Each control of this gate stands in a shipped pack, with every parameter.
    let rules: Vec<toml::Value> = packs
        .iter()
        .flat_map(|pack| {
            let pack: toml::Table = fs::read_to_string(pack).unwrap().parse().unwrap();
            pack["control"].as_array().unwrap().clone()
        })
        .collect();
    assert_eq!(rules.len(), controls::ALL.len());
    for control in controls::ALL {
        let rule = rules.iter().find(|rule| rule["id"].as_str() == Some(control.id));
        let rule = rule.unwrap_or_else(|| panic!("{} is in no pack", control.id));
        for parameter in control.parameters {
            let stated = rule.get("parameters").is_some_and(|all| all.get(parameter.name).is_some());
            assert!(stated, "{} of {}", parameter.name, control.id);
        }
    }
}

#[test]
fn every_control_and_code_is_listed_and_explained() {
    let said = |arguments: &[&str]| {
        let output = dropgate(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let list = said(&["policy", "list"]);
    assert_eq!(list.lines().count(), controls::ALL.len(), "{list}");
    for control in controls::ALL {
        assert!(
            list.lines().any(|line| line.contains(control.id) && line.contains(control.clause)),
            "{list}"
        );
        let text = said(&["policy", "explain", control.id]);
        for part in
            [control.id, control.clause, control.meaning, control.passes, control.fails, control.example]
        {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        for parameter in control.parameters {
            assert!(text.contains(parameter.name) && text.contains(parameter.meaning), "{text}");
        }
        for code in control.codes {
            assert!(text.contains(code.name()), "{text}");
        }
    }
    for code in Code::ALL {
        let text = said(&["policy", "explain", code.name()]);
        for part in [code.name(), code.meaning(), code.remedy()] {
            assert!(!part.is_empty() && text.contains(part), "{part:?} is not in {text}");
        }
        let makers = controls::finders(*code);
        assert!(!makers.is_empty(), "no control finds {code}");
        assert!(makers.iter().all(|id| text.contains(id)), "{text}");
    }
    for (name, near) in [
        ("so12.malware-scn", "did you mean so12.malware-scan?"),
        ("file-unliste", "did you mean file-unlisted?"),
    ] {
        let output = dropgate(["policy", "explain", name]);
        assert!(String::from_utf8_lossy(&output.stderr).contains(near), "{name}");
    }
    for name in ["so12", "SO12.manifest-signed", "file-unliste", "", "\u{1b}[2J"] {
        let output = dropgate(["policy", "explain", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains('\u{1b}'), "{name:?}");
    }
}
