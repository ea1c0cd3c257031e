//! Waivers, as people and programs see them: each with its reason, used or not. What a waiver excuses and what it does not is in
//! fixtures/controls.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::case::Case;
use common::{Scene, dropgate, fixture};
use serde_json::{Value, json};

/// A waiver's statement, with whatever `more` says instead.
fn waiver(control: &str, more: Value) -> Value {
    let mut predicate = json!({
        "control": control, "reason": "The next release mends it", "ticket": "RISK-88", "requestedBy": "Rob Ray",
        "issued": "2026-01-18T09:00:00Z", "expires": "2026-03-01T00:00:00Z",
    });
    for (name, value) in more.as_object().unwrap() {
        predicate[name] = value.clone();
    }
    json!({ "new": "urn:dropgate:waiver:v1", "keys": ["risk"], "merge": predicate })
}

/// Judges the good drop without backout plan, with these statements and whatever `more` says.
fn judged(statements: Value, more: Value) -> Value {
    let mut case = json!({ "claim": "", "outcome": "", "statements": statements });
    case["statements"]["change"] = json!({ "merge": { "backoutPlan": null } });
    for (name, value) in more.as_object().unwrap() {
        case[name] = value.clone();
    }
    let verdict = serde_json::from_value::<Case>(case).unwrap().judge();
    verdict.json.unwrap_or_else(|| panic!("{}", verdict.stderr))
}

fn control<'v>(verdict: &'v Value, id: &str) -> &'v Value {
    verdict["controls"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap()
}

#[test]
fn a_waiver_that_excused_something_is_shown_whole() {
    let verdict = judged(json!({ "waiver": waiver("so14.backout-plan", json!({})) }), json!({}));
    assert_eq!(verdict["verdict"], "ACCEPT");
    let shown = &verdict["waivers"];
    assert_eq!(shown.as_array().unwrap().len(), 1);
    let shown = &shown[0];
    assert_eq!(shown["origin"], "evidence/waiver.dsse.json");
    assert_eq!(shown["control"], "so14.backout-plan");
    assert_eq!(shown["scope"], "the whole drop");
    assert_eq!(shown["reason"], "The next release mends it");
    assert_eq!(shown["ticket"], "RISK-88");
    assert_eq!(shown["requestedBy"], "Rob Ray");
    assert_eq!(shown["signedBy"], json!(["Wendy Risk"]));
    assert_eq!(shown["issued"], "2026-01-18T09:00:00Z");
    assert_eq!(shown["expires"], "2026-03-01T00:00:00Z");
    assert_eq!(shown["excused"], 1);
    assert_eq!(shown["unused"], Value::Null);
    let waived = control(&verdict, "so14.backout-plan");
    assert_eq!(waived["outcome"], "waived");
    assert_eq!(waived["findings"], json!([]));
    assert_eq!(waived["waived"][0]["waiver"], 0);
}

#[test]
fn a_waiver_that_excused_nothing_is_shown_with_the_reason() {
    let digest = json!({ "sha256": "0".repeat(64) });
    for (claim, control, more, subject, why) in [
        ("nothing to excuse", "so14.version-advances", json!({}), json!(null), "it matched no finding"),
        ("for a file", "so14.backout-plan", json!({}), json!(["docs/backout.txt"]), "it matched no finding"),
        ("of another drop", "so14.backout-plan", json!({}), digest, "it is about no file of this drop"),
        (
            "a wildcard",
            "so14.*",
            json!({}),
            json!(null),
            "expected one control of the policy, found \"so14.*\"",
        ),
        (
            "over",
            "so14.backout-plan",
            json!({ "expires": "2026-01-20T12:00:00Z" }),
            json!(null),
            "it expired at 2026-01-20T12:00:00Z",
        ),
        (
            "too long",
            "so14.backout-plan",
            json!({ "expires": "2036-01-01T00:00:00Z" }),
            json!(null),
            "expected an end by 2026-04-20T12:00:00Z",
        ),
        (
            "of the future",
            "so14.backout-plan",
            json!({ "issued": "2026-02-01T00:00:00Z" }),
            json!(null),
            "found 2026-02-01T00:00:00Z",
        ),
        (
            "indispensable",
            "so12.manifest-signed",
            json!({}),
            json!(null),
            "so12.manifest-signed can't be waived",
        ),
        (
            "indispensable",
            "so12.manifest-complete",
            json!({}),
            json!(null),
            "so12.manifest-complete can't be waived",
        ),
    ] {
        let mut statement = waiver(control, more);
        statement["subject"] = subject;
        let verdict = judged(json!({ "waiver": statement }), json!({}));
        assert_eq!(verdict["verdict"], "REJECT", "{claim}");
        let shown = &verdict["waivers"][0];
        assert_eq!(shown["excused"], 0, "{claim}");
        let unused = shown["unused"].as_str().unwrap();
        assert!(unused.contains(why), "{claim}: expected {why:?} in {unused:?}");
        assert_eq!(shown["ticket"], "RISK-88", "{claim}");
    }
}

#[test]
fn what_is_no_waiver_is_refused_and_not_among_the_waivers() {
    for (claim, keys) in
        [("by the vendor", "acme-change"), ("in another role", "ops-first"), ("by a stranger", "stranger")]
    {
        let mut statement = waiver("so14.backout-plan", json!({}));
        statement["keys"] = json!([keys]);
        let verdict = judged(json!({ "waiver": statement }), json!({}));
        assert_eq!(verdict["waivers"], json!([]), "{claim}");
        let complete = control(&verdict, "so12.manifest-complete");
        assert_eq!(complete["findings"][0]["code"], "evidence-not-authentic", "{claim}");
    }
}

#[test]
fn the_integrity_of_a_drop_is_never_waived() {
    for control_id in ["so12.manifest-complete", "so12.manifest-signed"] {
        let more = json!({ "afterwards": { "firmware/extra.bin": { "text": "extra" } } });
        let verdict = judged(json!({ "waiver": waiver(control_id, json!({})) }), more);
        let complete = control(&verdict, "so12.manifest-complete");
        assert_eq!(complete["outcome"], "fail");
        assert_eq!(complete["findings"][0]["code"], "file-unlisted");
    }
}

#[test]
fn the_waiver_that_is_used_is_named_and_the_other_one_is_not() {
    let statements = json!({
        "waiver-1": waiver("so14.backout-plan", json!({ "expires": "2026-01-01T00:00:00Z" })),
        "waiver-2": waiver("so14.backout-plan", json!({ "ticket": "RISK-89" })),
        "waiver-3": waiver("so14.backout-plan", json!({ "ticket": "RISK-90" })),
    });
    let verdict = judged(statements, json!({}));
    assert_eq!(verdict["verdict"], "ACCEPT");
    let excused: Vec<u64> =
        verdict["waivers"].as_array().unwrap().iter().map(|one| one["excused"].as_u64().unwrap()).collect();
    assert_eq!(excused, [0, 1, 0]);
    assert_eq!(control(&verdict, "so14.backout-plan")["waived"][0]["waiver"], 1);
    assert_eq!(verdict["waivers"][2]["unused"], "it matched no finding");
}

#[test]
fn a_waiver_for_files_says_how_many() {
    for (files, scope) in [
        (json!(["firmware/radio.bin"]), "firmware/radio.bin"),
        (json!(["firmware/radio.bin", "firmware/boot.img"]), "2 artifacts"),
    ] {
        let mut statement = waiver("so14.change-scope", json!({}));
        statement["subject"] = files;
        let verdict = judged(json!({ "waiver": statement }), json!({}));
        assert_eq!(verdict["waivers"][0]["scope"], scope);
    }
}

/// What was waived was not passed: a replacement must not be weaker than what it replaces.
#[test]
fn a_replacement_does_not_pass_by_a_waiver_what_the_replaced_item_passed() {
    let radio = json!({ "sha256": "75ab28a8d4c308c9edabefb0ff7844371f811f6e150e988ebe405fb48260db00" });
    let notice = json!({
        "id": "CN-2026-4", "issued": "2026-01-10T00:00:00Z",
        "items": [{ "name": "radio unit batch 7", "digest": radio }],
    });
    let more = json!({
        "notices": [notice],
        "baselinePassed": ["so14.backout-plan", "so14.vendor-accountable"],
        "statements": {
            "waiver": waiver("so14.backout-plan", json!({})),
            "change": { "merge": { "backoutPlan": null, "counterfeit": { "notice": "CN-2026-4", "item": "radio unit batch 7" } } },
        },
    });
    let verdict = judged(json!({}), more);
    assert_eq!(control(&verdict, "so14.backout-plan")["outcome"], "waived");
    let replacement = control(&verdict, "so12.replacement-equivalent");
    assert_eq!(replacement["outcome"], "fail", "{replacement:#}");
    assert_eq!(replacement["findings"].as_array().unwrap().len(), 1);
    assert_eq!(replacement["findings"][0]["code"], "replacement-weaker");
    assert_eq!(replacement["findings"][0]["place"], "so14.backout-plan");
    assert_eq!(replacement["findings"][0]["found"], "waived");
}

fn text_of(drop: &str) -> String {
    let scene = Scene::whole();
    let drop = fixture(&format!("drops/{drop}/drop"));
    let gate = scene.gate.display().to_string();
    let mut arguments = vec!["verify".to_owned(), drop.display().to_string(), "--gate".to_owned(), gate];
    arguments.extend(scene.arguments);
    String::from_utf8(dropgate(arguments).stdout).unwrap()
}

#[test]
fn the_text_shows_reason_ticket_people_and_end_whether_it_counts_or_not() {
    let used = text_of("vulnerability-waived");
    for part in [
        "ACCEPT",
        "1 finding waived",
        "for the whole drop, until 2026-03-01T00:00:00Z",
        "reason     The agent does not use the function; the next release updates it",
        "ticket     RISK-88",
        "asked for  Rob Ray",
        "signed by  Wendy Risk",
    ] {
        assert!(used.contains(part), "expected {part:?} in\n{used}");
    }
    let unused = text_of("waiver-too-long");
    for part in [
        "REJECT",
        "no effect: expected an end by 2026-04-20T12:00:00Z",
        "until 2036-01-01T00:00:00Z",
        "reason     For good",
        "ticket     RISK-89",
        "asked for  Rob Ray",
        "signed by  Wendy Risk",
    ] {
        assert!(unused.contains(part), "expected {part:?} in\n{unused}");
    }
}
