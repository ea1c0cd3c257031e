//! The reference pages are held to the code: predicates, schemas, reports, facts, controls, and the walk-through.
//!
//! Tables between `<!-- name -->` and `<!-- end -->` are written by
//! `DROPGATE_WRITE_DOCS=1 cargo test --test reference`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::case::Cases;
use common::{Scene, circumstances, copy, fixture, unbase64, verify};
use dropgate::evidence::predicate::{Format, Raw, TYPES, Type};
use dropgate::json::Strict;
use dropgate::limits;
use dropgate::policy::controls;
use dropgate::policy::expression::language::{Construct, FUNCTIONS, LITERALS, MACROS, OPERATORS};
use dropgate::policy::expression::{Expression, Field, Shape};
use dropgate::policy::vocabulary::VOCABULARY;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The predicates that have a page.
const OWN: [&str; 8] = [
    "malware-scan",
    "test-report",
    "change",
    "approval",
    "waiver",
    "counterfeit-notice",
    "transition",
    "csaf",
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn document(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

/// The fenced blocks of a language, in order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}\n");
    text.split(&open).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned() + "\n").collect()
}

/// Runs a script by `sh` where the paths `dropgate` and `$REPOSITORY` lead to this build.
fn shell(script: &str, directory: &Path) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_dropgate")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-euc", script]).current_dir(directory).env("PATH", path);
    command.env("REPOSITORY", env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

#[track_caller]
fn succeeds(script: &str, directory: &Path) -> String {
    let output = shell(script, directory);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}\n{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

// Predicates.

fn schema(name: &str) -> jsonschema::Validator {
    let schema = serde_json::from_str(&document(&format!("docs/predicates/{name}.schema.json"))).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn example(name: &str) -> Value {
    serde_json::from_str(&blocks(&document(&format!("docs/predicates/{name}.md")), "json")[0]).unwrap()
}

fn uri(name: &str) -> String {
    format!("urn:dropgate:{name}:v1")
}

/// What the reader says of a statement's predicate.
fn read(statement: &Value) -> Result<(), String> {
    let known = Type::of(statement["predicateType"].as_str().unwrap()).unwrap();
    let text = statement["predicate"].to_string();
    known.read(Strict::check(text.as_bytes()).unwrap()).map(|_| ())
}

fn payload(file: &Path) -> Value {
    let envelope: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    serde_json::from_slice(&unbase64(envelope["payload"].as_str().unwrap())).unwrap()
}

#[track_caller]
fn by_schema(validator: &jsonschema::Validator, statement: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(statement).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{statement:#}");
}

#[test]
fn every_predicate_of_ours_has_a_page_and_a_schema() {
    let ours: BTreeSet<&str> =
        TYPES.iter().map(|known| known.uri).filter(|uri| uri.starts_with("urn:dropgate:")).collect();
    let pages: Vec<String> = OWN.iter().map(|name| uri(name)).collect();
    assert_eq!(ours, pages.iter().map(String::as_str).collect());
    let overview = document("docs/predicates/README.md");
    for name in OWN {
        assert!(overview.contains(&format!("({name}.md)")), "{name} is not in the overview");
        assert!(document(&format!("docs/predicates/{name}.md")).contains(&format!("({name}.schema.json)")));
    }
}

#[test]
fn the_first_thing_on_a_page_is_a_valid_statement() {
    for name in OWN {
        let page = document(&format!("docs/predicates/{name}.md"));
        let (title, rest) = page.split_once("\n\n").unwrap();
        assert!(title.ends_with(&format!("`{}`", uri(name))), "{title}");
        assert!(rest.starts_with("```json\n"), "{name}: the example comes first");
        let statement = example(name);
        assert_eq!(statement["predicateType"], uri(name));
        read(&statement).unwrap();
        by_schema(&schema(name), &statement);
    }
}

/// Each object within, by its place; maps with keys of the writer's own left out.
fn objects(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if !place.ends_with("/requirements") {
                found.push(place.to_owned());
            }
            members.iter().for_each(|(name, member)| objects(member, &format!("{place}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| objects(item, &format!("{place}/{at}"), found));
        }
        _ => {}
    }
}

#[test]
fn reader_and_schema_refuse_the_same() {
    for name in OWN.into_iter().filter(|name| *name != "csaf") {
        let (good, validator) = (example(name), schema(name));
        let mut places = Vec::new();
        objects(&good["predicate"], "/predicate", &mut places);
        let agree = |changed: &Value, what: &str| {
            let (reader, schema) = (read(changed), validator.is_valid(changed));
            assert_eq!(reader.is_ok(), schema, "{name}, {what}: the reader says {reader:?}");
            schema
        };
        for place in &places {
            let mut more = good.clone();
            more.pointer_mut(place).unwrap()["surprise"] = "x".into();
            assert!(!agree(&more, &format!("an unknown field in {place}")));
            let members: Vec<String> =
                good.pointer(place).unwrap().as_object().unwrap().keys().cloned().collect();
            for member in members {
                let what = format!("{place}/{member}");
                let mut less = good.clone();
                less.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(&member);
                agree(&less, &format!("without {what}"));
                for odd in [json!(7), json!(true), json!(""), json!(["", 7]), json!({ "surprise": [] })] {
                    let mut other = good.clone();
                    other.pointer_mut(place).unwrap()[&member] = odd.clone();
                    let accepted = agree(&other, &format!("{what} = {odd}"));
                    // A number, and a map with keys of the writer's own.
                    assert!(
                        !accepted || ["iteration", "requirements"].contains(&member.as_str()),
                        "{what} = {odd}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_schema_refuses_an_unknown_field_of_the_statement() {
    for name in OWN {
        let validator = schema(name);
        for place in ["", "/subject/0", "/predicate"] {
            let mut statement = example(name);
            statement.pointer_mut(place).unwrap()["surprise"] = "x".into();
            assert!(!validator.is_valid(&statement), "{name}: an unknown field in {place:?}");
        }
        let mut other = example(name);
        other["predicateType"] = "urn:dropgate:other:v1".into();
        assert!(!validator.is_valid(&other), "{name}");
    }
}

#[test]
fn every_shipped_statement_is_by_its_schema() {
    let schemas: BTreeMap<String, jsonschema::Validator> =
        OWN.into_iter().map(|name| (uri(name), schema(name))).collect();
    let mut seen = BTreeSet::new();
    for drop in fs::read_dir(fixture("drops")).unwrap() {
        for file in fs::read_dir(drop.unwrap().path().join("drop/evidence")).unwrap() {
            let file = file.unwrap().path();
            if !file.to_str().unwrap().ends_with(".dsse.json") {
                continue;
            }
            let statement = payload(&file);
            let uri = statement["predicateType"].as_str().unwrap();
            if let Some(schema) = schemas.get(uri) {
                by_schema(schema, &statement);
                seen.insert(uri.to_owned());
            }
        }
    }
    for name in ["malware-scan", "test-report", "change", "approval", "waiver"] {
        assert!(seen.contains(&uri(name)), "no drop holds a statement of type {name}");
    }
}

/// Runs the command of each page in a folder with a drop, keys, and what else the commands name.
#[test]
fn the_commands_of_the_pages_make_what_the_pages_show() {
    let home = tempfile::tempdir().unwrap();
    let drop = home.path().join("drop");
    copy(&fixture("drops/good/drop"), &drop);
    copy(&fixture("keys"), home.path());
    fs::copy(fixture("baseline/drop/drop.dsse.json"), home.path().join("baseline.dsse.json")).unwrap();
    for name in ["contingency-plan", "transition-plan", "configuration", "certificate"] {
        fs::write(drop.join(format!("docs/{name}.txt")), name).unwrap();
    }
    fs::write(
        home.path().join("items.json"),
        example("counterfeit-notice")["predicate"]["items"].to_string(),
    )
    .unwrap();
    fs::write(home.path().join("advisory.json"), example("csaf")["predicate"].to_string()).unwrap();
    succeeds(
        "rm drop/drop.dsse.json drop/evidence/*.dsse.json\n\
         dropgate manifest create drop --vendor 'Acme Networks' --product radio-7 --version 4.2.1 --kind software-update \
           --sequence 17 --replaces baseline.dsse.json --key acme-release.pem",
        home.path(),
    );
    let made = [
        ("malware-scan", "drop/evidence/malware-scan.dsse.json"),
        ("test-report", "drop/evidence/functional.dsse.json"),
        ("change", "drop/evidence/change.dsse.json"),
        ("approval", "approval.dsse.json"),
        ("waiver", "waiver.dsse.json"),
        ("counterfeit-notice", "CN-2026-4.dsse.json"),
        ("transition", "drop/evidence/transition.dsse.json"),
        ("csaf", "drop/evidence/vex.dsse.json"),
    ];
    for (name, file) in made {
        let page = document(&format!("docs/predicates/{name}.md"));
        let [script] =
            blocks(&page, "sh").try_into().unwrap_or_else(|_| panic!("{name}: one command was expected"));
        succeeds(&script, home.path());
        let statement = payload(&home.path().join(file));
        assert_eq!(statement["predicateType"], uri(name));
        by_schema(&schema(name), &statement);
        let members = |statement: &Value| -> BTreeSet<String> {
            statement["predicate"].as_object().unwrap().keys().cloned().collect()
        };
        // The approval's comment and the series of a test are what the commands leave out.
        let shown = members(&example(name));
        let missing: Vec<String> = shown.difference(&members(&statement)).cloned().collect();
        assert!(
            missing.iter().all(|member| ["comment", "series", "iteration"].contains(&member.as_str())),
            "{name}: {missing:?}"
        );
    }
}

// Evidence and reports.

#[test]
fn the_walk_through_ends_in_an_accept_under_all_three_packs() {
    let page = document("docs/evidence.md");
    let section = page.split("## From firmware to ACCEPT").nth(1).unwrap().split("\n## ").next().unwrap();
    let home = tempfile::tempdir().unwrap();
    let said = succeeds(&blocks(section, "sh").concat(), home.path());
    assert!(said.contains("ACCEPT  Acme Networks radio-7 4.2.1"), "{said}");
    for pack in ["so12", "so14", "so23"] {
        assert!(
            said.lines().any(|line| line.starts_with("policy ") && line.contains(pack)),
            "{pack}\n{said}"
        );
    }
    let output = shell("dropgate verify drop --gate gate/gate.toml --at 2026-01-20T12:00:00Z", home.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && said.contains("approval-missing"), "{said}");
}

#[test]
fn every_predicate_type_that_is_read_is_in_the_documents() {
    let page = document("docs/evidence.md");
    for known in TYPES.iter().filter(|known| !known.uri.starts_with("urn:dropgate:")) {
        let (base, version) = known.uri.rsplit_once('/').unwrap();
        assert!(page.contains(base), "{} is not in docs/evidence.md", known.uri);
        let spelled =
            page.contains(known.uri) || page.contains(&format!("`/{version}`")) || version == "v1.5";
        assert!(spelled, "{} is not in docs/evidence.md", known.uri);
    }
    let roles = document("docs/trust.md");
    for (role, _) in dropgate::trust::Role::LEGAL {
        assert!(page.contains(&format!("| `{role}` |")), "role {role} is not in docs/evidence.md");
        assert!(roles.contains(role), "role {role} is not in docs/trust.md");
    }
}

#[test]
fn every_form_of_report_has_a_section_and_the_ids_are_those_of_the_reader() {
    let page = document("docs/reports.md");
    for (name, _) in Format::TESTS.iter().chain(&Format::MALWARE) {
        assert!(page.contains(&format!("(#{name})")), "{name} is not in the table of docs/reports.md");
        assert!(
            page.to_lowercase().contains(&format!("\n## {name}\n")),
            "{name} has no section in docs/reports.md"
        );
    }
    let ids = blocks(&page, "text");
    for (language, format, ids) in [("xml", Format::Junit, &ids[0]), ("tap", Format::Tap, &ids[1])] {
        let report = &blocks(&page, language)[0];
        let Raw::Tests(run) = format.read(report.as_bytes()).unwrap() else { panic!("tests were expected") };
        assert!(run.disagreements.is_empty() && run.failures.is_empty(), "{run:#?}");
        let found: Vec<&str> = run.cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(found, ids.lines().collect::<Vec<_>>());
    }
}

// Tables from the code.

/// Holds the tables of a page to what the code says, or writes them.
fn generated(path: &str, tables: &[(&str, String)]) {
    let page = document(path);
    let mut text = page.clone();
    for (name, table) in tables {
        let open = format!("<!-- {name} -->\n");
        let (before, rest) = text.split_once(&open).unwrap_or_else(|| panic!("{path} has no {open}"));
        let (_, after) = rest.split_once("<!-- end -->\n").unwrap();
        text = format!("{before}{open}\n{table}\n<!-- end -->\n{after}");
    }
    if std::env::var_os("DROPGATE_WRITE_DOCS").is_some() {
        fs::write(repository(path), &text).unwrap();
        return;
    }
    // The pages are long: where they part is enough.
    let parts = page.lines().zip(text.lines()).find(|(page, text)| page != text);
    assert!(
        page == text,
        "{path} is out of date, first at {parts:?}: DROPGATE_WRITE_DOCS=1 cargo test --test reference writes it"
    );
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Bool => "bool".to_owned(),
        Shape::Int => "int".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Time => "time".to_owned(),
        Shape::List(inner) => format!("list of {}", shape_of_elements(inner)),
        Shape::Object(_) => "object".to_owned(),
    }
}

fn shape_of_elements(inner: &Shape) -> String {
    match inner {
        Shape::Object(_) => "objects".to_owned(),
        other => format!("{}s", shape(other)),
    }
}

fn rows(fields: &[Field], before: &str, table: &mut String) {
    for field in fields {
        let absent = if field.optional { "may be absent" } else { "" };
        let name = format!("{before}{}", field.name);
        writeln!(table, "| `{name}` | {} | {absent} | {} |", shape(&field.shape), cell(field.meaning))
            .unwrap();
        match field.shape {
            Shape::Object(inner) => rows(inner, &format!("{name}."), table),
            Shape::List(Shape::Object(inner)) => rows(inner, &format!("{name}[]."), table),
            _ => {}
        }
    }
}

#[test]
fn the_facts_and_the_language_are_those_of_the_code() {
    let mut facts = "| fact | is | | says |\n|---|---|---|---|\n".to_owned();
    rows(VOCABULARY.facts, "", &mut facts);
    let mut language = "| form | gives | for example |\n|---|---|---|\n".to_owned();
    let code =
        |text: &str| if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) };
    let mut row = |one: &Construct| {
        writeln!(language, "| {} | {} | {} |", code(one.form), cell(one.meaning), code(one.example)).unwrap();
    };
    [LITERALS, OPERATORS, FUNCTIONS, MACROS].into_iter().flatten().for_each(&mut row);
    let limits = format!(
        "| at most | |\n|---|---|\n| {} bytes | of an expression |\n| {} | brackets and choices inside one another |\n\
         | {} | nodes of its tree, {} deep |\n| {} | loops inside one another |\n| {} | steps of one judgement, in the worst case |\n",
        limits::EXPRESSION_BYTES,
        limits::EXPRESSION_NESTING,
        limits::EXPRESSION_NODES,
        limits::EXPRESSION_DEPTH,
        limits::EXPRESSION_LOOPS,
        limits::EXPRESSION_STEPS,
    );
    generated("docs/facts.md", &[("facts", facts), ("language", language), ("limits", limits)]);
}

#[test]
fn the_example_pack_loads_and_judges() {
    let pack = blocks(&document("docs/facts.md"), "toml").remove(0);
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("example.toml"), &pack).unwrap();
    succeeds("dropgate policy check example.toml", home.path());
    let packs = ["so12", "so14", "so23"]
        .map(|name| repository(&format!("policies/{name}.toml")).display().to_string());
    let gate = format!(
        "version = 1\noperator = \"Example Telecom\"\ntrust = {:?}\npolicies = [{:?}, {:?}, {:?}, \"example.toml\"]\n",
        fixture("gate/trust.toml").display().to_string(),
        packs[0],
        packs[1],
        packs[2],
    );
    let file = home.path().join("gate.toml");
    fs::write(&file, gate).unwrap();
    let judge = |drop: &str| verify(&fixture(drop).join("drop"), &file, &circumstances());
    judge("drops/good").accepted();
    let outcomes = |drop: &str| -> BTreeMap<String, String> {
        let json = judge(drop).json.unwrap();
        let controls = json["controls"].as_array().unwrap().iter();
        let own = controls.filter(|one| one["id"].as_str().unwrap().starts_with("example."));
        own.map(|one| (one["id"].as_str().unwrap().to_owned(), one["outcome"].as_str().unwrap().to_owned()))
            .collect()
    };
    assert_eq!(outcomes("drops/good").len(), 3);
    assert_eq!(outcomes("drops/never-scanned")["example.scanned-by-clamav"], "fail");
    assert_eq!(outcomes("drops/no-test-evidence")["example.enough-tests"], "fail");
    assert_eq!(outcomes("drops/manifest-missing")["example.enough-tests"], "no-evidence");
}

#[test]
fn what_the_page_on_facts_warns_of_is_so() {
    let facts = json!({ "tests": [] });
    let judge = |text: &str| Expression::compile(text, &VOCABULARY).unwrap().judge(&facts);
    assert_eq!(judge("tests.all(t, t.failed == 0)"), Ok(true));
    assert_eq!(judge("size(tests) > 0 && tests.all(t, t.failed == 0)"), Ok(false));
    assert_eq!(judge("has(baseline.version)"), Ok(false));
    assert!(judge("baseline.version == '1'").is_err());
}

/// A parameter as the shipped pack has it.
fn default(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(entries) if entries.is_empty() => "none".to_owned(),
        toml::Value::Table(entries) => {
            entries.iter().map(|(name, value)| format!("`{name} = {value}`")).collect::<Vec<_>>().join(", ")
        }
        other => format!("`{other}`"),
    }
}

/// The controls of the shipped packs: the pack's id and the control's table.
fn packs() -> BTreeMap<String, (String, toml::Table)> {
    let mut found = BTreeMap::new();
    for name in ["so12", "so14", "so23"] {
        let pack: toml::Table = toml::from_str(&document(&format!("policies/{name}.toml"))).unwrap();
        for control in pack["control"].as_array().unwrap() {
            let control = control.as_table().unwrap();
            found.insert(control["id"].as_str().unwrap().to_owned(), (name.to_owned(), control.clone()));
        }
    }
    found
}

/// For which kinds a control applies: the good drop is signed anew as each kind, and judged.
fn kinds() -> BTreeMap<String, String> {
    const KINDS: [&str; 5] =
        ["new-component", "software-update", "vulnerability-fix", "hardware-replacement", "transition"];
    let mut excluded: BTreeMap<String, Vec<(&str, String)>> = BTreeMap::new();
    for kind in KINDS {
        let scene = Scene::whole();
        scene.resign(|statement| statement["predicate"]["kind"] = kind.into());
        for control in scene.verify().json.unwrap()["controls"].as_array().unwrap() {
            let slot = excluded.entry(control["id"].as_str().unwrap().to_owned()).or_default();
            if control["outcome"] == "not-applicable" {
                slot.push((kind, control["summary"].as_str().unwrap().to_owned()));
            }
        }
    }
    let told = excluded.into_iter().map(|(id, not)| {
        let applies: Vec<&str> =
            KINDS.iter().filter(|kind| !not.iter().any(|(other, _)| other == *kind)).copied().collect();
        let text = match (applies.len(), not.first()) {
            (_, None) => "every kind".to_owned(),
            (0, Some((_, why))) => format!("every kind, unless {why}"),
            (4, Some((kind, _))) => format!("every kind but {kind}"),
            _ => applies.join(", "),
        };
        (id, text)
    });
    told.collect()
}

fn cases() -> BTreeMap<String, Cases> {
    let files = fs::read_dir(fixture("controls")).unwrap().map(|entry| entry.unwrap().path());
    let read = files.map(|file| serde_json::from_slice::<Cases>(&fs::read(file).unwrap()).unwrap());
    read.map(|cases| (cases.control.clone(), cases)).collect()
}

/// The outcomes in the order in which they are told.
const OUTCOMES: [&str; 5] = ["pass", "fail", "no-evidence", "waived", "not-applicable"];

fn counted(cases: Option<&Cases>) -> String {
    let count = |outcome: &str| {
        cases.map_or(0, |cases| cases.cases.iter().filter(|case| case.outcome == outcome).count())
    };
    OUTCOMES.map(|outcome| count(outcome).to_string()).join(" / ")
}

#[test]
fn the_controls_are_those_of_the_code_and_the_packs() {
    let (packs, kinds, cases) = (packs(), kinds(), cases());
    let mut overview = format!(
        "The last column counts cases: {}.\n\n| clause | control | asks | pack | applies to | cases |\n|---|---|---|---|---|---|\n",
        OUTCOMES.join(" / ")
    );
    let mut sections = String::new();
    for control in controls::ALL {
        let (pack, table) =
            packs.get(control.id).unwrap_or_else(|| panic!("{} is in none of the shipped packs", control.id));
        let (title, own) = (table["title"].as_str().unwrap(), cases.get(control.id));
        let anchor = control.id.replace('.', "");
        writeln!(
            overview,
            "| {} | [`{}`](#{anchor}) | {title} | `{pack}` | {} | {} |",
            control.clause,
            control.id,
            kinds[control.id],
            counted(own)
        )
        .unwrap();
        write!(
            sections,
            "### {}\n\n{} *Passes:* {} *Fails:* {}\n\n",
            control.id, control.meaning, control.passes, control.fails
        )
        .unwrap();
        if !control.parameters.is_empty() {
            sections.push_str("| parameter | as shipped | means |\n|---|---|---|\n");
            let parameters = table["parameters"].as_table().unwrap();
            for parameter in control.parameters {
                let value = parameters
                    .get(parameter.name)
                    .map_or_else(|| panic!("{} is not in the pack", parameter.name), default);
                writeln!(
                    sections,
                    "| `{}` | {} | {} |",
                    parameter.name,
                    cell(&value),
                    cell(parameter.meaning)
                )
                .unwrap();
            }
            sections.push('\n');
        }
        for outcome in OUTCOMES {
            let claims: Vec<&str> = own
                .iter()
                .flat_map(|cases| &cases.cases)
                .filter(|case| case.outcome == outcome)
                .map(|case| case.claim.as_str())
                .collect();
            if !claims.is_empty() {
                write!(sections, "*{outcome}:* {}.\n\n", claims.join("; ")).unwrap();
            }
        }
    }
    generated(
        "docs/controls.md",
        &[("overview", overview), ("controls", sections.trim_end().to_owned() + "\n")],
    );
}

// README and CONTRIBUTING.

/// Runs the first commands of the README, by this build instead of `cargo run`.
#[test]
fn the_first_commands_of_the_readme_do_what_it_says() {
    let readme = document("README.md");
    let section = readme.split("## Try it").nth(1).unwrap().split("\n## ").next().unwrap();
    let scripts = blocks(section, "sh");
    let [good, bad, _tests] = scripts.as_slice() else { panic!("three blocks were expected") };
    let here = |script: &str| script.replace("cargo run --release --", "dropgate");
    let accepted = succeeds(&here(good), &repository(""));
    assert!(accepted.starts_with("ACCEPT"), "{accepted}");
    assert!(section.contains(&format!("each of the {} controls", controls::ALL.len())));
    assert!(document("CHANGELOG.md").contains(&format!("{} in all", controls::ALL.len())));
    let output = shell(&here(bad), &repository(""));
    let rejected = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && rejected.starts_with("REJECT"), "{rejected}");
    for line in blocks(section, "text")[0].lines() {
        assert!(rejected.contains(line.trim()), "{line:?} is not in\n{rejected}");
    }
    let siblings = section.split("Its siblings in").nth(1).unwrap().split("All tests").next().unwrap();
    for name in siblings.split('`').skip(1).step_by(2) {
        assert!(fixture(&format!("drops/{name}/drop")).exists(), "there is no drop {name}");
    }
}

#[test]
fn the_cases_that_contributing_shows_are_in_their_form() {
    let cases: Cases = serde_json::from_str(&blocks(&document("CONTRIBUTING.md"), "json")[0]).unwrap();
    assert!(controls::named(&cases.control).is_some() && !cases.cases.is_empty());
}

#[test]
fn every_module_is_in_the_table_of_contributing() {
    let contributing = document("CONTRIBUTING.md");
    for entry in
        fs::read_dir(repository("src")).unwrap().chain(fs::read_dir(repository("src/policy")).unwrap())
    {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".rs") {
            assert!(contributing.contains(&name), "{name} is not in CONTRIBUTING.md");
        }
    }
}

#[test]
fn the_pages_link_to_nothing_that_is_not_there() {
    let mut pages: Vec<String> = [
        "evidence",
        "reports",
        "controls",
        "facts",
        "trust",
        "manifest",
        "what-accept-means",
        "vsa",
        "predicates/README",
    ]
    .map(|name| format!("docs/{name}.md"))
    .to_vec();
    pages.extend(OWN.map(|name| format!("docs/predicates/{name}.md")));
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned));
    for page in &pages {
        let text = document(page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = match target {
                "" => repository(page),
                target => repository(page).parent().unwrap().join(target),
            };
            assert!(file.exists(), "{page} links to {link}");
            if !anchor.is_empty() {
                let headings = fs::read_to_string(file).unwrap();
                let found =
                    headings.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
                assert!(found, "{page} links to {link}, and there is no such heading");
            }
        }
    }
}

/// A heading's anchor, as code forges make it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c)).collect::<String>().replace(' ', "-")
}
