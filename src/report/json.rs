//! The verdict as JSON: version 1, by the schema docs/verdict.schema.json.

use crate::escape;
use crate::finding::{Finding, Judgement};
use crate::manifest::Release;
use crate::trust::Signer;
use crate::verdict::{Assessment, Verdict};
use serde_json::{Value, json};

/// The version of the form; it grows when a reader of the old one would misunderstand the new one.
pub const VERSION: u32 = 1;

/// Renders, with a line break at the end. Characters that deceive a terminal leave as `\u` escapes, so that
/// printing the JSON is as safe as printing the text.
///
/// # Errors
/// When it can't be put into JSON.
pub fn render(verdict: &Verdict) -> Result<String, serde_json::Error> {
    pretty(&json!({
        "version": VERSION,
        "verdict": verdict.decision().name(),
        "judgedAt": verdict.basis.at,
        "tool": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
        "release": verdict.basis.release.as_ref().map(release),
        "manifest": verdict.basis.manifest.map(|digest| json!({ "sha256": digest })),
        "signers": verdict.basis.signers.iter().map(signer).collect::<Vec<_>>(),
        "baseline": verdict.basis.baseline.map(|digest| json!({ "sha256": digest })),
        "trustStore": { "sha256": verdict.basis.trust },
        "policies": verdict.basis.packs.iter()
            .map(|(id, version, digest)| json!({ "id": id, "version": version, "sha256": digest }))
            .collect::<Vec<_>>(),
        "controls": verdict.assessments().iter().map(control).collect::<Vec<_>>(),
    }))
}

/// Renders any value in this safe form.
///
/// # Errors
/// When it can't be put into JSON.
pub fn pretty(value: &Value) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string_pretty(value)?;
    let mut safe = String::with_capacity(text.len().saturating_add(1));
    for c in text.chars() {
        // Outside of strings JSON is ASCII, and its only control characters are the line breaks of the layout.
        if c != '\n' && escape::is_deceptive(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    Ok(safe)
}

/// A release, as JSON.
pub fn release(release: &Release) -> Value {
    json!({
        "vendor": release.vendor,
        "product": release.product,
        "version": release.version,
        "kind": release.kind,
        "issued": release.issued,
        "expires": release.expires,
        "sequence": release.sequence,
        "replaces": release.replaces.as_ref().map(|replaces| json!({
            "version": replaces.version,
            "manifest": { "sha256": replaces.manifest },
        })),
        "recipient": release.recipient,
    })
}

fn signer(signer: &Signer) -> Value {
    json!({
        "key": signer.key,
        "keySha256": signer.fingerprint,
        "owner": signer.owner,
        "party": signer.party.to_string(),
    })
}

fn control(assessment: &Assessment) -> Value {
    let judgement: &Judgement = &assessment.judgement;
    json!({
        "id": assessment.control,
        "clause": assessment.clause,
        "title": assessment.title,
        "severity": assessment.severity.name(),
        "outcome": judgement.outcome().name(),
        "summary": judgement.summary(),
        "remedy": assessment.remedy,
        "findings": judgement.findings().iter().map(finding).collect::<Vec<_>>(),
        "remarks": judgement.remarks(),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "code": finding.code.name(),
        "place": finding.place,
        "expected": finding.expected,
        "found": finding.found,
        "remedy": finding.code.remedy(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_a_terminal_is_escaped_and_reads_back_the_same() {
        let hostile = json!({ "name": "a\u{1b}[2J\r\u{202e}\u{7f}\u{e0041}z\u{9b}" });
        let text = pretty(&hostile).unwrap();
        assert!(text.chars().all(|c| c == '\n' || !escape::is_deceptive(c)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }
}
