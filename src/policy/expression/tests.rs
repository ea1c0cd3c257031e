use super::language::{FUNCTIONS, LITERALS, MACROS, OPERATORS};
use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::time::{Duration, Instant};

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, optional: false, meaning: "" }
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, optional: true, meaning: "" }
}

static VOCABULARY: Vocabulary = Vocabulary {
    facts: &[
        field("at", Shape::Time),
        field(
            "release",
            Shape::Object(&[
                field("vendor", Shape::Text),
                field("kind", Shape::Text),
                field("sequence", Shape::Int),
            ]),
        ),
        field("artifacts", Shape::Object(&[field("count", Shape::Int), field("bytes", Shape::Int)])),
        field(
            "evidence",
            Shape::List(&Shape::Object(&[
                field("type", Shape::Text),
                field("finished", Shape::Time),
                field("signer", Shape::Object(&[field("owner", Shape::Text), field("party", Shape::Text)])),
                field("tools", Shape::List(&Shape::Text)),
                optional("count", Shape::Int),
            ])),
        ),
        field(
            "tests",
            Shape::Object(&[
                field("passed", Shape::Int),
                field("failed", Shape::Int),
                field("skipped", Shape::Int),
                field("green", Shape::Bool),
            ]),
        ),
        field("malware", Shape::Object(&[field("engines", Shape::List(&Shape::Text))])),
        optional(
            "baseline",
            Shape::Object(&[
                field("version", Shape::Text),
                optional("window", Shape::Object(&[field("opens", Shape::Time)])),
            ]),
        ),
    ],
};

fn facts() -> serde_json::Value {
    json!({
        "at": "2026-11-24T12:00:00Z",
        "release": {"vendor": "Acme Zürich", "kind": "software-update", "sequence": 7},
        "artifacts": {"count": 3, "bytes": i64::MAX},
        "evidence": [
            {"type": "malware-scan", "finished": "2026-11-24T11:00:00+02:00", "tools": ["clamav"],
             "signer": {"owner": "lab-1", "party": "lab"}},
            {"type": "test", "finished": "2026-11-23T13:00:00.5Z", "tools": [], "count": 4,
             "signer": {"owner": "acme", "party": "vendor"}},
        ],
        "tests": {"passed": 97, "failed": 0, "skipped": 3, "green": true},
        "malware": {"engines": ["clamav", "yara"]},
    })
}

fn compile(text: &str) -> Result<Expression, ExpressionFault> {
    Expression::compile(text, &VOCABULARY)
}

fn judge(text: &str, facts: &serde_json::Value) -> Result<bool, String> {
    compile(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).judge(facts)
}

const RIGHT: &[(&str, bool)] = &[
    ("tests.failed == 0", true),
    ("tests.failed != 0", false),
    ("tests.green", true),
    ("!tests.green", false),
    ("tests.passed * 100 >= (tests.passed + tests.failed) * 95", true),
    ("-tests.passed < 0 && tests.passed % 10 == 7 && tests.passed / 10 == 9", true),
    ("tests.failed == 0 ? tests.skipped < 5 : false", true),
    ("release.kind in ['software-update', 'vulnerability-fix']", true),
    ("!(release.kind in ['transition'])", true),
    ("release.vendor == 'Acme Zürich' && size(release.vendor) == 11", true),
    ("release.vendor.startsWith('Acme') && release.vendor.endsWith('rich')", true),
    ("release.vendor.contains(\"\\x41cme\") || false", true),
    ("size(evidence) == 2 && evidence.size() == artifacts.count - 1", true),
    ("evidence.exists(e, e.type == 'malware-scan' && e.signer.party != 'vendor')", true),
    ("evidence.all(e, at - e.finished < duration('24h'))", true),
    ("evidence.all(e, at - e.finished < duration('22h'))", false),
    ("evidence.all(e, e.finished + duration('1d') >= at)", true),
    ("evidence.exists_one(e, e.signer.party == 'lab')", true),
    ("evidence.existsOne(e, e.type != '')", false),
    ("'lab-1' in evidence.map(e, e.signer.owner)", true),
    ("evidence.map(e, e.type == 'test', e.count)[0] == 4", true),
    ("evidence.map(e, e.tools)[0] == malware.engines.filter(m, m != 'yara')", true),
    ("size(evidence.filter(e, e.finished > timestamp('2026-11-24T00:00:00Z'))) == 1", true),
    ("evidence.filter(e, e.type == 'test')[0].signer.owner == 'acme'", true),
    ("evidence.exists(e, e.tools.exists(t, t in malware.engines))", true),
    ("evidence.all(e, has(e.count))", false),
    ("evidence.all(e, !has(e.count) || e.count == 4)", true),
    ("evidence[1].tools.all(t, false)", true),
    ("evidence[1].tools.exists(t, true)", false),
    ("has(baseline.version)", false),
    ("!has(baseline.version) || baseline.version != '1.0'", true),
    ("has(baseline.window.opens) && at > baseline.window.opens", false),
    ("!has(baseline.window)", true),
    ("artifacts.bytes == 9223372036854775807 && artifacts.bytes > -9223372036854775808", true),
    ("false && tests.passed / 0 == 1 || true", true),
    ("at - duration('7d') == timestamp('2026-11-17T13:00:00+01:00')", true),
    ("// why\n tests . failed\n == 0", true),
];

#[test]
fn right_expressions_give_their_verdict() {
    for (text, verdict) in RIGHT {
        assert_eq!(judge(text, &facts()), Ok(*verdict), "{text}");
    }
}

/// What is changed before it is evaluated must not change a verdict, only turn some into errors.
#[test]
fn the_same_text_says_the_same_in_plain_cel() {
    let facts = facts();
    for (text, verdict) in RIGHT {
        // Times are of another type in plain CEL, and it has no answer for has() of parts of what is absent.
        if ["duration", "timestamp", "window.opens"].iter().any(|word| text.contains(word)) {
            continue;
        }
        let uses = compile(text).unwrap().uses;
        let mut context = Context::default();
        for (name, (value, _)) in values::convert(&facts, &VOCABULARY, &uses).unwrap() {
            context.add_variable_as_val(name, value);
        }
        let plain = cel::Program::compile(text).unwrap().execute(&context);
        assert_eq!(plain, Ok(Value::Bool(*verdict)), "{text}");
    }
}

#[test]
fn what_is_absent_has_no_parts_at_any_depth() {
    let mut facts = facts();
    let asked = "has(baseline.window.opens)";
    for baseline in [json!(null), json!({"version": "1"}), json!({"version": "1", "window": null})] {
        facts["baseline"] = baseline;
        assert_eq!(judge(asked, &facts), Ok(false));
        assert_eq!(judge("has(baseline.window)", &facts), Ok(false));
        let error = judge("at > baseline.window.opens", &facts).unwrap_err();
        assert!(error.contains("found nothing"), "{error}");
    }
    facts["baseline"] = json!({"version": "1", "window": {"opens": "2026-01-01T00:00:00Z"}});
    assert_eq!(judge(asked, &facts), Ok(true));
    assert_eq!(judge("has(baseline.version)", &facts), Ok(true));
}

#[test]
fn an_error_is_never_a_verdict() {
    for (text, expected) in [
        ("tests.passed / tests.failed > 1", "division by zero"),
        ("tests.passed % tests.failed > 1", "remainder"),
        ("artifacts.bytes + 1 > 0", "64 bits"),
        ("-artifacts.bytes - 2 < 0", "64 bits"),
        ("artifacts.bytes * 2 > 0", "64 bits"),
        ("(-artifacts.bytes - 1) / -1 > 0", "64 bits"),
        ("(-artifacts.bytes - 1) % -1 == 0", "64 bits"),
        ("-(-artifacts.bytes - 1) > 0", "64 bits"),
        ("evidence[2].type == ''", "ends before"),
        ("evidence[-1].type == ''", "ends before"),
        ("baseline.version == '1'", "`version`, found nothing"),
        ("baseline.version == '1' || true", "`version`, found nothing"),
        ("!(baseline.version == '1' && false)", "`version`, found nothing"),
        ("evidence.all(e, e.count == 4)", "`count`, found nothing"),
        // CEL lets the second element decide these two.
        ("evidence.all(e, e.count == 5)", "`count`, found nothing"),
        ("evidence.exists(e, e.count == 4)", "`count`, found nothing"),
        ("evidence.exists_one(e, e.count == 4)", "`count`, found nothing"),
        ("size(evidence.filter(e, e.count == 4)) == 1", "`count`, found nothing"),
        ("size(evidence.map(e, e.count)) == 2", "`count`, found nothing"),
        ("tests.passed / 0 == 1 ? true : true", "division by zero"),
    ] {
        let error = judge(text, &facts()).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn facts_of_another_shape_are_errors() {
    for (fact, value, text, expected) in [
        ("at", json!(5), "at > timestamp('2026-01-01T00:00:00Z')", "`at` to be time, found an int"),
        ("at", json!("2026-11-24"), "at > timestamp('2026-01-01T00:00:00Z')", "RFC 3339"),
        ("at", json!("99999-01-01T00:00:00Z"), "at > timestamp('2026-01-01T00:00:00Z')", "RFC 3339"),
        ("at", json!(null), "at > timestamp('2026-01-01T00:00:00Z') || true", "`at`, found nothing"),
        ("tests", json!({"failed": 0.5}), "tests.failed == 0", "`tests.failed` to be int, found a number"),
        ("tests", json!({"failed": u64::MAX}), "tests.failed == 0", "no int of 64 bits"),
        ("tests", json!({"failed": "0"}), "tests.failed == 0", "found a text"),
        ("tests", json!({}), "tests.failed == 0", "`tests.failed`, found nothing"),
        ("tests", json!([]), "tests.failed == 0", "`tests` to be object, found a list"),
        ("malware", json!({"engines": ["a", 1]}), "'b' in malware.engines", "element 1"),
        ("malware", json!({"engines": {}}), "'b' in malware.engines", "to be list of text, found an object"),
    ] {
        let mut facts = facts();
        facts[fact] = value;
        let error = judge(text, &facts).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(judge("tests.failed == 0", &json!(null)).is_err());
    assert!(judge("tests.failed == 0", &json!([])).is_err());
}

/// Text, what is underlined, a part of the message, a part of the help.
const WRONG: &[(&str, &str, &str, &str)] = &[
    (
        "relese.kind == 'x'",
        "relese",
        "unknown fact `relese`",
        "did you mean `release`? legal facts: `at`, `release`",
    ),
    (
        "release.knd == 'x'",
        "knd",
        "unknown fact `knd` of `release`",
        "did you mean `kind`? legal names: `vendor`",
    ),
    (
        "at == at && release . sise == 1",
        "sise",
        "unknown fact `sise`",
        "legal names: `vendor`, `kind`, `sequence`",
    ),
    ("release.vendor == 'Zürich' && release.sise == 1", "sise", "unknown fact `sise`", "`sequence`"),
    ("evidence.exists(e, e.signer.ownr == '')", "ownr", "unknown fact `ownr` of `e.signer`", "`owner`"),
    ("evidence.exists(e, f.type == '')", "f", "unknown fact `f`", "`e`"),
    ("has(release.sise)", "sise", "unknown fact", "`sequence`"),
    ("has(release.kind)", "has(release.kind)", "never absent", ""),
    ("has(evidence[0].count)", "evidence[0]", "something computed", "in a loop"),
    ("evidence.exists(e, has(e.signer.owner))", "has(e.signer.owner)", "never absent", ""),
    ("has(release)", "release", "not a CEL expression", ""),
    (".release.kind == ''", "release", "unknown fact `.release`", ""),
    ("release.kind.length == 1", "release.kind", "expected an object before `.length`, found a text", ""),
    ("tests.failed", "tests.failed", "expected an expression that gives a bool, found an int", ""),
    ("size(evidence)", "size(evidence)", "found an int", ""),
    ("evidence.filter(e, e.type == '')", "evidence.filter(e, e.type == '')", "found a list of object", ""),
    ("release.kind == 1", "1", "`==` can't take a text and an int", "one type"),
    ("(tests.passed + 1) * 2 + at == 1", "at", "an int and a time", ""),
    ("2 * ((tests.passed) - 1 ) && tests.green", "2 * ((tests.passed) - 1 )", "beside `&&`", ""),
    ("(tests.passed + 1) == (release.kind)", "release.kind", "can't take an int and a text", ""),
    ("tests.green == 'true'", "'true'", "a bool and a text", ""),
    ("release.kind < '2'", "'2'", "`<`", "texts have no order"),
    ("release.kind + 'a' == 'xa'", "'a'", "`+`", "int + int"),
    ("evidence == evidence", "evidence", "`==`", ""),
    ("at - tests.failed < duration('1h')", "tests.failed", "a time and an int", "time - time"),
    ("at < duration('1h')", "duration('1h')", "a time and a duration", ""),
    ("at + at == at", "at", "a time and a time", ""),
    ("at < '2026-01-01T00:00:00Z'", "'2026-01-01T00:00:00Z'", "a time and a text", ""),
    ("at - at < duration('1 hour')", "'1 hour'", "whole number and a unit", ""),
    ("at - at < duration(release.kind)", "release.kind", "expected a literal", ""),
    ("at < timestamp('2026-13-01T00:00:00Z')", "'2026-13-01T00:00:00Z'", "RFC 3339", ""),
    ("at < timestamp('10000-01-01T00:00:00Z')", "'10000-01-01T00:00:00Z'", "RFC 3339", ""),
    ("at < timestamp(9223372036854775807)", "9223372036854775807", "RFC 3339", ""),
    ("at < now()", "now", "unknown function `now`", "legal functions: `all`"),
    (
        "release.kind.startWith('a')",
        "startWith",
        "unknown function `startWith`",
        "did you mean `startsWith`?",
    ),
    ("release.kind.matches('(a+)+$')", "matches", "unknown function `matches`", "`contains`"),
    ("startsWith(release.kind, 'a')", "startsWith", "not called like this", ""),
    ("release.kind.startsWith()", "startsWith", "not called like this", ""),
    ("release.kind.startsWith(1)", "1", "expected a text in `startsWith`, found an int", ""),
    ("dyn(release.kind) == 1", "dyn", "unknown function", ""),
    ("type(release.kind) == string", "type", "unknown function", ""),
    ("size(tests.failed) == 1", "tests.failed", "size of", ""),
    ("tests.green && tests.failed", "tests.failed", "a bool beside `&&`, found an int", ""),
    ("tests.failed || tests.green", "tests.failed", "a bool beside `||`", ""),
    ("!tests.failed", "tests.failed", "a bool after `!`", ""),
    ("-tests.green", "tests.green", "after `-`", ""),
    ("tests.failed ? true : false", "tests.failed", "a bool before `?`", ""),
    ("tests.green ? 1 : true", "true", "an int as before `:`, found a bool", ""),
    ("release.kind in ['a', 1]", "1", "a text as before it", ""),
    ("release.kind in 'abc'", "'abc'", "`in` can't take a text and a text", "list"),
    ("tests.failed in malware.engines", "malware.engines", "an int and a list of text", ""),
    ("release.kind in []", "[]", "empty list", ""),
    ("evidence['a'].type == ''", "'a'", "an int as the place", ""),
    ("release['kind'] == ''", "release", "expected a list before `[`", ""),
    ("release.all(r, r == '')", "release", "a list to go through", ""),
    ("evidence.all(e, e.type)", "e.type", "a bool in the loop", ""),
    ("evidence.all(e.type, true)", ".", "not a CEL expression", ""),
    ("evidence.all(at, true)", "evidence.all(at, true)", "a new name", ""),
    ("evidence.all(e, e.tools.all(e, e == ''))", "e.tools.all(e, e == '')", "a new name", ""),
    ("tests.failed == 1.0", "1.0", "whole number", "multiply"),
    ("tests.failed == 1u", "1u", "whole number", ""),
    ("tests.failed == 9223372036854775808", "9223372036854775808", "not a CEL expression", ""),
    ("release.kind == null", "null", "found null", "has("),
    ("release.kind == b'a'", "b'a'", "bytes", ""),
    ("{'a': release.kind} == {'a': 'b'}", "{'a': release.kind}", "no map", ""),
    ("release.kind == Foo{a: 1}", "{a: 1}", "no message", ""),
    ("release.?kind == ''", ".", "not a CEL expression", ""),
    ("true", "true", "no fact", ""),
    ("1 < 2 && 'a' in ['a']", "1 < 2 && 'a' in ['a']", "no fact", ""),
    ("", "", "found none", ""),
    (" \n", " \n", "found none", ""),
    ("tests.failed ==", "", "not a CEL expression", ""),
    ("tests.failed = 0", "=", "not a CEL expression", ""),
    ("tests.failed == 0)", ")", "not a CEL expression", ""),
    ("tests.green and true", "and", "not a CEL expression", ""),
    ("release.kind == 'a", "'", "not a CEL expression", ""),
    ("release.kind == 'ü' &&\n\n ü", "ü", "not a CEL expression", ""),
    ("release.kind == 'ü' ü ", "ü", "not a CEL expression", ""),
    ("release.kind == 'ü' und", "und", "not a CEL expression", ""),
    ("release.kind == 'ü' && for", "for", "reserved", ""),
    ("release.kind == 'ü' && has(at)", "at", "has()", ""),
    ("for == 1", "for", "not a CEL expression", ""),
];

#[test]
fn wrong_expressions_are_refused_with_the_place() {
    let mut failed = Vec::new();
    for (text, place, message, help) in WRONG {
        let fault = compile(text).expect_err(text);
        let underlined = text.get(fault.span.clone());
        let helped = fault.help.as_deref().unwrap_or_default().contains(help);
        if underlined != Some(place) || !fault.message.contains(message) || !helped || fault.label.is_empty()
        {
            failed.push(format!("{text}\n    underlined {underlined:?}: {fault:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_example_of_the_language_holds() {
    for construct in LITERALS.iter().chain(OPERATORS).chain(FUNCTIONS).chain(MACROS) {
        if !construct.example.is_empty() {
            let text = format!("({}) && at == at", construct.example);
            assert_eq!(judge(&text, &facts()), Ok(true), "{}", construct.form);
        }
    }
}

#[test]
fn every_macro_and_function_is_suggested() {
    for construct in FUNCTIONS.iter().chain(MACROS) {
        assert!(language::CALLABLE.iter().any(|name| construct.form.contains(name)), "{}", construct.form);
    }
}

#[test]
fn a_vocabulary_knows_what_is_wrong_with_it() {
    let problems = |facts| Vocabulary { facts }.problems();
    const SOUND: Field = Field { name: "at", shape: Shape::Time, optional: false, meaning: "When." };
    assert_eq!(problems(&[SOUND]), [""; 0]);
    assert_eq!(problems(&[Field { meaning: "", ..SOUND }]), ["at: without a meaning"]);
    assert_eq!(problems(&[Field { name: "int", ..SOUND }]), ["int: not a name for a fact"]);
    assert_eq!(problems(&[Field { name: "a-b", ..SOUND }]), ["a-b: not a name for a fact"]);
    assert_eq!(problems(&[SOUND, SOUND]), ["at: stands twice"]);
    assert_eq!(problems(&[Field { optional: true, ..SOUND }]), ["at: has() can't ask for it"]);
    const NESTED: Field = Field {
        shape: Shape::List(&Shape::Object(&[Field { name: "in", ..SOUND }, Field { name: "type", ..SOUND }])),
        ..SOUND
    };
    assert_eq!(problems(&[NESTED]), ["at[].in: not a name for a fact"]);
}

#[test]
fn expressions_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Expression>();
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

#[test]
fn hostile_texts_are_refused_in_time() {
    let deep = |open: &str, close: &str, times: usize| {
        format!("{}at{} == at", open.repeat(times), close.repeat(times))
    };
    let nest = EXPRESSION_NESTING;
    for (name, text) in [
        ("a megabyte", "a".repeat(1 << 20)),
        ("a megabyte of operators", "at==".repeat(1 << 18)),
        ("100,000 parentheses", deep("(", ")", 100_000)),
        ("parentheses at the limit", deep("(", ")", nest)),
        ("parentheses over the limit", deep("(", ")", nest + 1)),
        ("lists at the limit", format!("{}at{} == 1", "[".repeat(nest), "]".repeat(nest))),
        ("open brackets", "(".repeat(nest)),
        ("open maps", "{1:".repeat(nest)),
        ("choices", "at==at?".repeat(nest)),
        ("choices in brackets", "(at==at?".repeat(nest)),
        ("whole choices", format!("{}false", "at==at?true:".repeat(nest))),
        ("a lot of !", format!("{}(at == at)", "!".repeat(4001))),
        ("a lot of -", format!("0 == {}tests.failed", "-".repeat(4001))),
        ("selections", format!("at{}", ".a".repeat(2000))),
        ("indices", format!("evidence{}", "[0]".repeat(1300))),
        ("calls", format!("at{}", ".a()".repeat(1000))),
        ("sums", format!("0 == 1{}", "+1".repeat(2000))),
        ("relations", format!("1{}", "<1".repeat(2000))),
        ("conjunctions", format!("at==at{}", "&&true".repeat(600))),
        ("alternatives and conjunctions", format!("at==at{}", "&&true||false".repeat(300))),
        ("has", format!("has(baseline{})", ".window".repeat(500))),
        ("many faults", "at at ".repeat(600)),
        ("many quotes", "'\"".repeat(2000)),
        ("commas", format!("size([{}]) == 1", "1,".repeat(2000))),
        ("loops", format!("{}true{}", "evidence.all(e, ".repeat(nest), ")".repeat(nest))),
        ("not ASCII", "ü".repeat(2000)),
    ] {
        let (result, took) = timed(|| compile(&text));
        println!(
            "{took:>10.1?} {name}: {}",
            result.as_ref().map_or_else(|fault| fault.message.as_str(), |_| "compiled")
        );
        assert!(took < Duration::from_secs(20), "{name}");
    }
}

fn large() -> serde_json::Value {
    let mut facts = facts();
    let element = facts["evidence"][0].clone();
    facts["evidence"] = (0..10_000).map(|_| element.clone()).collect();
    facts["malware"]["engines"] = (0..10_000).map(|number| json!(format!("engine {number}"))).collect();
    facts
}

#[test]
fn loops_over_large_lists_are_counted_before_they_run() {
    let facts = large();
    for (text, within) in [
        ("evidence.all(e, e.type == 'malware-scan' && at - e.finished < duration('7d'))", true),
        ("evidence.all(e, e.tools.exists(t, t == 'clamav'))", true),
        ("size(evidence.filter(e, e.signer.party == 'lab').map(e, e.signer.owner)) == 10000", true),
        ("evidence.all(e, e.type in ['malware-scan'])", true),
        ("[1, 2, 3].all(n, [1, 2, 3].all(m, evidence.all(e, e.type != '' || n < m)))", true),
        ("evidence.all(e, e.type in malware.engines)", false),
        ("evidence.all(a, evidence.all(b, a.type == b.type))", false),
        (
            "malware.engines.exists(a, malware.engines.exists(b, malware.engines.exists(c, a == b && b == c)))",
            false,
        ),
        ("size(malware.engines.map(a, malware.engines)) == 1", false),
        ("size(malware.engines.map(a, malware.engines.map(b, malware.engines))) == 1", false),
    ] {
        let (result, took) = timed(|| judge(text, &facts));
        println!("{took:>10.1?} {text}: {result:?}");
        match result {
            Ok(verdict) => assert!(verdict && within, "{text}"),
            Err(error) => assert!(!within && error.contains("steps"), "{text}: {error}"),
        }
        assert!(took < Duration::from_secs(20), "{text}");
    }
}

#[test]
fn growth_is_counted_before_it_happens() {
    let doubled = |times: usize| format!("size([malware.engines]{}) == 1", ".map(x, [x, x])".repeat(times));
    // Each step is of another type, so that it is legal however deep, and doubles the memory.
    assert_eq!(judge(&doubled(3), &facts()), Ok(true));
    let error = judge(&doubled(20), &facts()).unwrap_err();
    assert!(error.contains("steps"), "{error}");
}

/// The dearest expressions that are still let through must be quick enough.
#[test]
fn the_limit_of_steps_keeps_its_promise() {
    let mut facts = facts();
    for (text, list) in [
        ("evidence.all(a, evidence.all(b, a.type == b.type))", "evidence"),
        (
            "evidence.all(a, evidence.all(b, a.signer.owner == b.signer.owner && a.finished == b.finished))",
            "evidence",
        ),
        ("malware.engines.all(a, malware.engines.all(b, a != b || b == a))", "engines"),
        ("size(malware.engines.map(a, malware.engines)) > 1", "engines"),
        ("malware.engines.all(a, malware.engines.all(b, a in malware.engines))", "engines"),
        ("malware.engines.all(a, malware.engines.all(b, malware.engines.exists_one(c, c == a)))", "engines"),
        ("malware.engines.all(a, malware.engines.exists(b, b.contains('x') || b == a))", "engines"),
    ] {
        let expression = compile(text).unwrap();
        let mut slowest = Duration::ZERO;
        let mut length = 8;
        loop {
            match list {
                "evidence" => facts["evidence"] = (0..length).map(|_| facts["evidence"][0].clone()).collect(),
                _ => {
                    facts["malware"]["engines"] =
                        (0..length).map(|number| json!(format!("e{number}"))).collect()
                }
            }
            let (result, took) = timed(|| expression.judge(&facts));
            match result {
                Ok(verdict) => assert!(verdict),
                Err(error) => break assert!(error.contains("steps"), "{error}"),
            }
            slowest = slowest.max(took);
            length += length / 2;
        }
        println!("{slowest:>10.1?} {text} up to {length}");
        assert!(slowest < Duration::from_secs(30), "{text}");
    }
}

fn soup() -> impl Strategy<Value = String> {
    let parts = [
        "at",
        "release",
        ".kind",
        "tests",
        ".failed",
        "evidence",
        ".all(",
        ".map(e,",
        ".filter(",
        "e",
        ",",
        "has(",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "?",
        ":",
        "==",
        "!=",
        "<",
        "&&",
        "||",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        " in ",
        "1",
        "0x",
        "1u",
        "1.5",
        "'a'",
        "'",
        "\"",
        "r'",
        "b'",
        "'''",
        "\\",
        "duration('1h')",
        "true",
        "null",
        " ",
        "\n",
        ".",
        "ü",
        "size(",
        "for",
        "`",
        "baseline",
        ".version",
        "exists_one",
        "//",
        "\u{0}",
        ".exists(e,",
        "[?",
        ".?",
        "optional.of(",
    ];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..24).prop_map(|parts| parts.concat())
}

fn neither_panics_nor_hangs(text: &str) {
    let (result, took) = timed(|| compile(text));
    assert!(took < Duration::from_secs(20), "{text:?} took {took:?}");
    match result {
        Ok(expression) => {
            let verdict = expression.judge(&facts());
            assert!(
                !matches!(&verdict, Err(error) if error.contains("library failed")),
                "{text:?}: {verdict:?}"
            );
        }
        Err(fault) => {
            assert!(text.get(fault.span.clone()).is_some(), "{text:?}: {fault:?}");
            assert!(!fault.message.contains("library failed"), "{text:?}: {fault:?}");
        }
    }
}

proptest! {
    // PROPTEST_CASES asks for more than fit in every run; 100,000 take minutes in a release build.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        neither_panics_nor_hangs(&text);
    }

    #[test]
    fn any_pieces_are_read_or_refused(text in soup()) {
        neither_panics_nor_hangs(&text);
    }

    #[test]
    fn any_pieces_at_length_are_read_or_refused(parts in prop::collection::vec(soup(), 1..12)) {
        neither_panics_nor_hangs(&parts.concat());
    }
}
