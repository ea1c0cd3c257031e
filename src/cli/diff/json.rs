//! The difference as JSON: version 1, by the schema docs/diff.schema.json.

use super::{Compared, Replacement, Side, Total};
use crate::difference::{How, Pair};
use crate::digest::{Claimed, DigestSet, hex};
use crate::drop::path::DropPath;
use crate::manifest::Artifact;
use crate::report::json::{self, Each};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

/// The version of the form; it grows when a reader of the old one would misunderstand the new one.
const VERSION: u32 = 1;

/// Renders, with a line break at the end, safe to print. The changes go into the text one by one: as a tree of
/// JSON values, those of a large drop would take many times the memory of its manifest.
///
/// # Errors
/// When it can't be put into JSON.
pub fn render(compared: &Compared<'_>) -> Result<String, serde_json::Error> {
    json::pretty(compared)
}

impl Serialize for Compared<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Compared { old, new, checked, difference, totals, replaces, warnings } = self;
        let pair = |pair, contradictory| Both::of(old, new, pair, contradictory);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &VERSION)?;
        let tool = json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") });
        map.serialize_entry("tool", &tool)?;
        let verified = checked.map(|by| json!({ "at": by.at, "trustStore": { "sha256": by.trust() } }));
        map.serialize_entry("verified", &verified)?;
        map.serialize_entry("old", &side(old, totals.listed.old))?;
        map.serialize_entry("new", &side(new, totals.listed.new))?;
        let replaces = match replaces {
            Replacement::ThisOne => "old",
            Replacement::AnotherOne => "another",
            Replacement::Unsaid => "unsaid",
        };
        map.serialize_entry("replaces", replaces)?;
        let warning = |one: &super::Warning| json!({ "code": one.code, "text": one.text });
        map.serialize_entry("warnings", &warnings.iter().map(warning).collect::<Vec<_>>())?;
        map.serialize_entry("differs", &!difference.is_empty())?;
        let counts = json!({
            "added": { "files": totals.added.files, "bytes": totals.added.new },
            "removed": { "files": totals.removed.files, "bytes": totals.removed.old },
            "modified": total(&totals.modified),
            "renamed": total(&totals.renamed),
            "undecided": total(&totals.undecided),
            "unchanged": { "files": difference.unchanged() },
        });
        map.serialize_entry("totals", &counts)?;
        map.serialize_entry("added", &Each(|| difference.added().map(|one| File::of(new, one))))?;
        map.serialize_entry("removed", &Each(|| difference.removed().map(|one| File::of(old, one))))?;
        let modified = || difference.modified().map(|(one, how)| pair(one, Some(how == How::Contradiction)));
        map.serialize_entry("modified", &Each(modified))?;
        map.serialize_entry("renamed", &Each(|| difference.renamed().map(|one| pair(one, None))))?;
        map.serialize_entry("undecided", &Each(|| difference.undecided().map(|one| pair(one, None))))?;
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Both<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    contradictory: Option<bool>,
    old: File<'a>,
    new: File<'a>,
}

impl<'m> Both<'m> {
    fn of(old: &Side, new: &Side, pair: Pair<'m>, contradictory: Option<bool>) -> Self {
        Self { contradictory, old: File::of(old, pair.old), new: File::of(new, pair.new) }
    }
}

#[derive(serde::Serialize)]
struct File<'a> {
    path: &'a DropPath,
    size: Option<u64>,
    digest: Digests<'a>,
}

impl<'a> File<'a> {
    fn of(side: &Side, artifact: &'a Artifact) -> Self {
        Self { path: &artifact.path, size: side.size(artifact), digest: Digests(&artifact.digests) }
    }
}

struct Digests<'a>(&'a DigestSet<Claimed>);

impl Serialize for Digests<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(algorithm, digest)| (algorithm.name(), hex(digest))))
    }
}

fn side(side: &Side, bytes: Option<u64>) -> Value {
    json!({
        "release": json::release(&side.manifest.release),
        "manifest": { "sha256": side.manifest.digest },
        "signers": side.signers.iter().map(json::signer).collect::<Vec<_>>(),
        "files": side.manifest.artifacts().len(),
        "bytes": bytes,
    })
}

fn total(total: &Total) -> Value {
    json!({ "files": total.files, "oldBytes": total.old, "newBytes": total.new })
}
