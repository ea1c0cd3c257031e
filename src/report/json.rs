//! The verdict as JSON: version 1, by the schema docs/verdict.schema.json.

use crate::digest::DocumentDigest;
use crate::escape;
use crate::finding::Finding;
use crate::manifest::{Order, Release};
use crate::policy::WaiverNote;
use crate::trust::Signer;
use crate::verdict::{Assessment, EvidenceNote, Verdict};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Value, json};
use std::io::{self, Write};

/// The version of the form; it grows when a reader of the old one would misunderstand the new one.
pub const VERSION: u32 = 1;

/// Renders, with a line break at the end. Findings go into the text one by one: as a tree of JSON values, those of a large
/// drop would take many times the memory of the verdict.
///
/// # Errors
/// When it can't be put into JSON.
pub fn render(verdict: &Verdict) -> Result<String, serde_json::Error> {
    pretty(&Whole(verdict))
}

/// Renders anything in lines, with a line break at the end. Characters that deceive a terminal leave as `\u` escapes, so
/// that printing the JSON is as safe as printing the text.
///
/// # Errors
/// When it can't be put into JSON.
pub fn pretty(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut serializer(&mut bytes))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// What [`pretty`] renders with, for what is too large to be held.
pub fn serializer<W: Write>(to: W) -> serde_json::Serializer<W, impl Formatter> {
    serde_json::Serializer::with_formatter(to, Safe(PrettyFormatter::new()))
}

/// Renders anything as one line, with a line break at the end, as safe to print as by [`pretty`].
///
/// # Errors
/// When it can't be put into JSON.
pub fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, SafeLine))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

struct Whole<'v>(&'v Verdict);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (verdict, basis) = (self.0, &self.0.basis);
        let digest = |digest: &DocumentDigest| json!({ "sha256": digest });
        let policy = |(id, version, digest): &(String, String, DocumentDigest)| json!({ "id": id, "version": version, "sha256": digest });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &VERSION)?;
        map.serialize_entry("verdict", verdict.decision().name())?;
        map.serialize_entry("judgedAt", &basis.at)?;
        map.serialize_entry(
            "tool",
            &json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") }),
        )?;
        map.serialize_entry("release", &basis.release.as_ref().map(release))?;
        map.serialize_entry("manifest", &basis.manifest.as_ref().map(digest))?;
        map.serialize_entry("signers", &Each(|| basis.signers.iter().map(signer)))?;
        map.serialize_entry("baseline", &basis.baseline.as_ref().map(digest))?;
        map.serialize_entry("baselineVerdict", &basis.baseline_verdict.as_ref().map(digest))?;
        map.serialize_entry("trustStore", &digest(&basis.trust))?;
        map.serialize_entry("policies", &Each(|| basis.packs.iter().map(policy)))?;
        map.serialize_entry("counterfeitNotices", &Each(|| basis.notices.iter().map(digest)))?;
        map.serialize_entry("evidence", &Each(|| basis.evidence.iter().map(evidence)))?;
        map.serialize_entry("waivers", &Each(|| verdict.waivers().iter().map(waiver)))?;
        map.serialize_entry("controls", &Each(|| verdict.assessments().iter().map(Control)))?;
        map.end()
    }
}

struct Control<'v>(&'v Assessment);

impl Serialize for Control<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Assessment { control, clause, title, severity, remedy, judgement } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", control)?;
        map.serialize_entry("clause", clause)?;
        map.serialize_entry("title", title)?;
        map.serialize_entry("severity", severity.name())?;
        map.serialize_entry("outcome", judgement.outcome().name())?;
        map.serialize_entry("summary", judgement.summary())?;
        map.serialize_entry("remedy", remedy)?;
        map.serialize_entry("findings", &Each(|| judgement.findings().iter().map(|one| told(one, None))))?;
        map.serialize_entry(
            "waived",
            &Each(|| judgement.waived().iter().map(|one| told(&one.finding, Some(one.waiver)))),
        )?;
        map.serialize_entry("remarks", judgement.remarks())?;
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Told<'v> {
    code: &'static str,
    place: &'v str,
    expected: &'v str,
    found: &'v str,
    remedy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<usize>,
}

fn told(finding: &Finding, waiver: Option<usize>) -> Told<'_> {
    Told {
        code: finding.code.name(),
        place: &finding.place,
        expected: &finding.expected,
        found: &finding.found,
        remedy: finding.code.remedy(),
        waiver,
    }
}

/// A list that is made while it is written.
pub struct Each<F>(pub F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
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
        "sequence": release.order.sequence(),
        "comparedBy": match release.order {
            Order::Sequence(_) => "sequence".to_owned(),
            Order::Versions(comparison) => comparison.to_string(),
        },
        "replaces": release.replaces.as_ref().map(|replaces| json!({
            "version": replaces.version,
            "manifest": { "sha256": replaces.manifest },
        })),
        "recipient": release.recipient,
    })
}

/// A signer, as JSON.
pub fn signer(signer: &Signer) -> Value {
    let mut shown = json!({
        "key": signer.key,
        "keySha256": signer.fingerprint,
        "owner": signer.owner,
        "party": signer.party.to_string(),
    });
    if let (Some(members), Some(through)) = (shown.as_object_mut(), &signer.through) {
        members.insert("through".to_owned(), Value::from(through.as_str()));
    }
    shown
}

fn evidence(note: &EvidenceNote) -> Value {
    json!({
        "origin": note.origin,
        "sha256": note.digest,
        "predicateType": note.predicate_type,
        "aboutThisDrop": note.about_this_drop,
        "signers": note.signers.iter().map(signer).collect::<Vec<_>>(),
    })
}

fn waiver(note: &WaiverNote) -> Value {
    json!({
        "origin": note.origin,
        "sha256": note.digest,
        "control": note.control,
        "scope": note.scope,
        "reason": note.reason,
        "ticket": note.ticket,
        "requestedBy": note.requested_by,
        "signedBy": note.signed_by,
        "issued": note.issued,
        "expires": note.expires,
        "excused": note.excused,
        "unused": note.unused,
    })
}

/// Lays JSON out in lines, and writes characters that deceive a terminal as `\u` escapes.
struct Safe(PrettyFormatter<'static>);

/// Writes compact JSON, with the same escapes.
struct SafeLine;

impl Formatter for SafeLine {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        write_safely(to, fragment)
    }
}

fn write_safely<W: ?Sized + Write>(to: &mut W, fragment: &str) -> io::Result<()> {
    for c in fragment.chars() {
        if escape::is_deceptive(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(to, "\\u{unit:04x}")?;
            }
        } else {
            to.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
        }
    }
    Ok(())
}

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        write_safely(to, fragment)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_array(to)
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array(to)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(to, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array_value(to)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object(to)
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object(to)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(to, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object_value(to)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object_value(to)
    }
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
