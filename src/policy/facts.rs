//! Facts: all that a control may look at. No file system, no clock, no environment.

use crate::drop::Inventory;
use crate::drop::path::Name;
use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::manifest::Manifest;
use crate::reconcile::Reconciled;
use crate::time::Time;
use crate::trust::Verified;

/// What is known of a drop when the controls judge it.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The time of judgement.
    pub at: Time,
    /// The operator, by the name that manifests give as recipient.
    pub operator: &'a Name,
    /// The manifest, or what was wrong with it.
    pub manifest: Result<&'a Known, &'a [Finding]>,
    /// What arrived.
    pub inventory: &'a Inventory,
    /// Paths at which the drop changed while it was judged.
    pub disturbed: &'a [String],
    /// The manifest of the last accepted version.
    pub baseline: Option<&'a Manifest>,
}

/// What is known once a manifest is verified.
#[derive(Debug)]
pub struct Known {
    /// The manifest and its signers.
    pub manifest: Verified<Manifest>,
    /// How the files compare with it.
    pub contents: Reconciled,
    /// The statements that came with it.
    pub evidence: Evidence,
}

impl<'a> Facts<'a> {
    /// What a verified manifest lets us know, or the judgement of a control that needs it where there is none.
    ///
    /// # Errors
    /// With that judgement.
    pub fn known(&self) -> Result<&'a Known, crate::finding::Judgement> {
        use crate::finding::{Code, Judgement};
        self.manifest.map_err(|_| {
            Judgement::no_evidence(Finding::new(
                Code::NoVerifiedManifest,
                crate::manifest::native::FILE,
                "a manifest signed by a trusted signer",
                "none",
            ))
        })
    }
}
