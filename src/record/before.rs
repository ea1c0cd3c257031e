//! What a drop is compared with: given by the operator, or by the ledger.

use super::RecordError;
use crate::digest::DocumentDigest;
use crate::finding::Outcome;
use crate::gate::{Accepted, Baseline};
use crate::json::Strict;
use crate::ledger::View;
use crate::ledger::entry::{self, Doc};
use crate::ledger::lines::Standing;
use crate::manifest::{Manifest, kept, native};
use crate::report;
use crate::trust::dsse::Envelope;
use crate::verdict::Decision;
use std::collections::BTreeSet;

/// The last accepted version, with what the record keeps of it.
#[derive(Debug)]
pub struct Before {
    /// Its manifest.
    pub manifest: Manifest,
    /// The envelope that the manifest was read from, or what the record keeps in its place.
    pub envelope: Vec<u8>,
    /// The verdict under which it was accepted, and its text.
    pub verdict: Option<(Accepted, Vec<u8>)>,
    /// The entry that accepted it, where the ledger says so.
    pub entry: Option<u64>,
}

impl Before {
    /// As controls see it.
    pub fn baseline(&self) -> Baseline<'_> {
        let verdict = self.verdict.as_ref().map(|(verdict, _)| verdict);
        Baseline { manifest: Some(&self.manifest), verdict, accepted: &[] }
    }

    /// By what the ledger says of a drop that stands so.
    pub(super) fn by(ledger: &View<'_>, standing: Standing) -> Result<Option<Self>, RecordError> {
        match standing {
            Standing::First => Ok(None),
            Standing::After(number) => {
                let entry = ledger.entry(number)?;
                let broken = |why: &str| RecordError::Entry { entry: number, why: why.to_owned() };
                let manifest = entry.manifest.ok_or_else(|| broken("expected a manifest, found none"))?;
                let (sha256, envelope) = (manifest.sha256, manifest.envelope);
                Self::read(ledger, number, (sha256, envelope), Some(entry.verdict_document), Some(number))
                    .map(Some)
            }
            // What the same drop was compared with then.
            Standing::Again(number) => match ledger.entry(number)?.baseline {
                Some(baseline) => Self::recorded(ledger, number, &baseline),
                None => Ok(None),
            },
        }
    }

    /// The baseline that entry `number` rests on.
    ///
    /// # Errors
    /// When a document of it can't be read, or is not what the entry says.
    pub fn recorded(
        ledger: &View<'_>,
        number: u64,
        baseline: &entry::Baseline,
    ) -> Result<Option<Self>, RecordError> {
        let broken = |why: &str| RecordError::Entry { entry: number, why: why.to_owned() };
        let envelope =
            baseline.envelope.ok_or_else(|| broken("expected the baseline's envelope, found none"))?;
        let manifest = (baseline.manifest.sha256, envelope);
        Self::read(ledger, number, manifest, baseline.verdict, baseline.entry).map(Some)
    }

    /// The ledger vouches for what it accepted, whether or not its signers' keys count still.
    fn read(
        ledger: &View<'_>,
        number: u64,
        (sha256, envelope): (DocumentDigest, Doc),
        verdict: Option<Doc>,
        entry: Option<u64>,
    ) -> Result<Self, RecordError> {
        let broken = |why: String| RecordError::Entry { entry: number, why };
        let bytes = ledger.document(&envelope)?;
        let manifest = match kept::is_one(&bytes) {
            true => kept::read(&bytes).map_err(|why| broken(format!("the baseline's manifest: {why}")))?,
            false => {
                let read = Envelope::read(bytes.clone())
                    .map_err(|why| broken(format!("the baseline's envelope: {why}")))?;
                native::read(read.untrusted_payload())
                    .map_err(|why| broken(format!("the baseline's manifest: {why}")))?
            }
        };
        if manifest.digest != sha256 {
            let found = manifest.digest;
            return Err(broken(format!("the baseline's manifest: expected sha256 {sha256}, found {found}")));
        }
        let verdict = match verdict {
            Some(doc) => {
                let text = ledger.document(&doc)?;
                let told = accepted(&text, sha256).map_err(|why| {
                    broken(format!("the verdict under which the baseline was accepted: {why}"))
                })?;
                Some((told, text))
            }
            None => None,
        };
        Ok(Self { manifest, envelope: bytes, verdict, entry })
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
