//! Facts: all that a control may look at. No file system, no clock, no environment.

use crate::cover::{Cover, Index};
use crate::digest::DocumentDigest;
use crate::drop::Inventory;
use crate::drop::path::Name;
use crate::evidence::Evidence;
use crate::evidence::predicate::counterfeit_notice::CounterfeitNotice;
use crate::evidence::predicate::{Digests, Document};
use crate::finding::{Code, Finding, Judgement, counted};
use crate::manifest::{Artifact, Kind, Manifest, native};
use crate::reconcile::Reconciled;
use crate::time::Time;
use crate::trust::Verified;
use std::collections::BTreeSet;

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
    /// What the baseline was accepted under: the controls that it passed.
    pub baseline_passed: Option<&'a BTreeSet<String>>,
    /// The versions of the product that were accepted, each with its manifest.
    pub accepted: &'a [(String, DocumentDigest)],
    /// The operator's lists of counterfeit items.
    pub counterfeits: &'a [CounterfeitNotice],
    /// Whether the policy judges transitions.
    pub transitions: bool,
}

/// What is known once a manifest is verified.
#[derive(Debug)]
pub struct Known {
    /// The manifest and its signers.
    pub manifest: Verified<Manifest>,
    /// The profile of the gate by which it was read, where it is not in our own form.
    pub profile: Option<String>,
    /// How the files compare with it.
    pub contents: Reconciled,
    /// The statements that came with it.
    pub evidence: Evidence,
    /// The artifacts by digest.
    pub index: Index,
    /// The artifacts that did not arrive as they were signed.
    pub unfit: Cover,
}

impl Known {
    /// The artifacts that a document is, by its digest, and that arrived as they were signed.
    pub fn arrived<'k>(&'k self, digests: &'k Digests) -> impl Iterator<Item = (usize, &'k Artifact)> {
        let manifest = self.manifest.value();
        // Of equal files those that arrived stand first, so that none is looked at in vain.
        let fit = |at: &usize| !self.unfit.holds(*at);
        self.index
            .groups(manifest, &digests.0)
            .flat_map(move |group| group.iter().filter_map(|at| usize::try_from(*at).ok()).take_while(fit))
            .filter_map(move |at| Some((at, manifest.artifacts().get(at)?)))
    }

    /// What was found where a statement is missing: one of those that nobody trusted signed may be it, and whoever reads
    /// that there was none would make it a second time.
    pub fn no_statement(&self) -> String {
        match self.evidence.refused.len() {
            0 => "none".to_owned(),
            refused => {
                format!("none that counts; so12.manifest-complete refused {}", counted(refused, "statement"))
            }
        }
    }

    /// A document that a statement at `origin` names as its `part`: it arrived, is listed, and has contents.
    ///
    /// # Errors
    /// With the finding when it is not so.
    pub fn document(
        &self,
        origin: &str,
        part: &str,
        document: &Document,
        inventory: &Inventory,
    ) -> Result<&Artifact, Finding> {
        let name = document.name.as_str();
        let place = self.arrived(&document.digest).next().map(|(at, _)| at);
        let Some(artifact) = place.and_then(|at| self.manifest.value().artifacts().get(at)) else {
            return Err(Finding::new(
                Code::DocumentMissing,
                origin,
                format!("{part}: a listed file with the digest of {name:?}"),
                "no such file",
            ));
        };
        match inventory.find(&artifact.path) {
            Some(entry) if entry.size > 0 => Ok(artifact),
            _ => Err(Finding::new(
                Code::DocumentEmpty,
                artifact.path.as_str(),
                format!("{part} that {origin} names, with contents"),
                "0 bytes",
            )
            .on_artifact()),
        }
    }
}

impl<'a> Facts<'a> {
    /// What a verified manifest lets us know, or the judgement of a control that needs it where there is none.
    ///
    /// # Errors
    /// With that judgement.
    pub fn known(&self) -> Result<&'a Known, Judgement> {
        self.manifest.map_err(|_| {
            Judgement::no_evidence(Finding::new(
                Code::NoVerifiedManifest,
                native::FILE,
                "a manifest signed by a trusted signer",
                "none",
            ))
        })
    }

    /// The same, for what is about changes: a drop of kind transition is none, and the controls so14.transition-* judge it.
    /// Where the policy has none of those, nobody would: whoever calls firmware a transition would get it past
    /// every test and approval.
    ///
    /// # Errors
    /// With the judgement of a control that is about changes, where there is nothing that it could judge.
    pub fn known_change(&self) -> Result<&'a Known, Judgement> {
        let known = self.known()?;
        match known.manifest.value().release.kind {
            Kind::Transition if self.transitions => {
                Err(Judgement::not_applicable("a drop of kind transition is judged by so14.transition-*"))
            }
            Kind::Transition => Err(Judgement::no_evidence(Finding::new(
                Code::KindNotJudged,
                native::FILE,
                "a kind that the policy judges",
                "transition, and no control so14.transition-handover in the policy",
            ))),
            _ => Ok(known),
        }
    }
}
