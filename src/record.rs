//! From a verdict to its entry in the ledger, and from the ledger back to what a drop is compared with.

use crate::digest::DocumentDigest;
use crate::finding::Outcome;
use crate::gate::{Accepted, Baseline};
use crate::json::Strict;
use crate::manifest::Manifest;
use crate::report;
use crate::verdict::Decision;
use std::collections::BTreeSet;

/// The last accepted version, with what the record keeps of it.
#[derive(Debug)]
pub struct Before {
    /// Its manifest.
    pub manifest: Manifest,
    /// The envelope that the manifest was read from.
    pub envelope: Vec<u8>,
    /// The verdict under which it was accepted, and its text.
    pub verdict: Option<(Accepted, Vec<u8>)>,
    /// The entry that accepted it, where the ledger says so.
    pub entry: Option<u64>,
}

impl Before {
    /// As controls see it.
    pub fn baseline(&self) -> Baseline<'_> {
        Baseline {
            manifest: Some(&self.manifest),
            verdict: self.verdict.as_ref().map(|(verdict, _)| verdict),
        }
    }
}

/// Reads an earlier verdict in JSON, which must be an ACCEPT of the manifest with the digest `baseline`: one on something
/// else would say of the wrong item what it passed.
///
/// # Errors
/// With why it is none.
pub fn accepted(text: &[u8], baseline: DocumentDigest) -> Result<Accepted, String> {
    #[derive(serde::Deserialize)]
    struct Told {
        version: u32,
        verdict: String,
        manifest: Option<Sha256>,
        controls: Vec<Control>,
    }
    #[derive(serde::Deserialize)]
    struct Sha256 {
        sha256: String,
    }
    #[derive(serde::Deserialize)]
    struct Control {
        id: String,
        outcome: String,
    }
    let told: Told = Strict::check(text).and_then(Strict::read).map_err(|why| why.to_string())?;
    if told.version != report::json::VERSION {
        return Err(format!("expected version {}, found {}", report::json::VERSION, told.version));
    }
    if told.verdict != Decision::Accept.name() {
        return Err(format!("expected an ACCEPT, found {:?}", told.verdict));
    }
    let manifest = told.manifest.map(|manifest| manifest.sha256);
    if manifest.as_deref().and_then(DocumentDigest::from_hex) != Some(baseline) {
        let found = manifest.map_or_else(|| "none".to_owned(), |digest| format!("one on {digest}"));
        return Err(format!("expected a verdict on the baseline, sha256 {baseline}, found {found}"));
    }
    let passed = told.controls.into_iter().filter(|control| control.outcome == Outcome::Pass.name());
    let passed: BTreeSet<String> = passed.map(|control| control.id).collect();
    Ok(Accepted { passed, digest: DocumentDigest::of(text) })
}
