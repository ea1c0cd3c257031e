//! An in-toto statement in a Sigstore bundle, whose subjects are the files of the drop.

use super::super::profile::Profile;
use super::{Listing, Looked, Looking, Received, manifest, not_verified};
use crate::digest::DocumentDigest;
use crate::finding::{Code, Finding};
use crate::limits;
use crate::manifest::described::Described;
use crate::manifest::statement as statements;
use crate::trust::detached::{Beside, Signature};
use crate::trust::{Capacity, Role, sigstore};
use std::collections::BTreeSet;

/// A drop whose files the statement in its one bundle names.
pub(super) fn bundle(looking: &Looking<'_>, profile: &Profile) -> Looked<Received> {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    for entry in &looking.inventory.files {
        let path = entry.path.as_str();
        let named = match &profile.list {
            Some(list) => *list == entry.path,
            None => [".sigstore.json", ".sigstore", ".bundle"].iter().any(|ending| path.ends_with(ending)),
        };
        if !named {
            continue;
        }
        let bytes = match looking.read(entry, limits::SIGSTORE_BUNDLE_BYTES as u64)? {
            Ok(bytes) => bytes,
            Err(findings) => return Ok(Err(findings)),
        };
        match sigstore::Signature::read(&bytes) {
            Ok(signature) => {
                if let Some(statement) = signature.statement().map(<[u8]>::to_vec) {
                    found.push((entry, signature, statement));
                }
            }
            Err(why) => refused.push(Finding::new(
                Code::EnvelopeMalformed,
                path.to_owned(),
                "a Sigstore bundle as docs/sigstore.md describes it",
                why.to_string(),
            )),
        }
    }
    let (entry, signature, statement) = match <[_; 1]>::try_from(found) {
        Ok([one]) => one,
        Err(found) if found.is_empty() && !refused.is_empty() => return Ok(Err(refused)),
        Err(found) if found.is_empty() => {
            let expected = "a Sigstore bundle with a statement in it";
            return Ok(Err(vec![Finding::new(Code::ManifestMissing, ".", expected, "none")]));
        }
        Err(several) => {
            let names: Vec<&str> = several.iter().map(|(entry, ..)| entry.path.as_str()).collect();
            let expected = "one bundle with a statement in it, or `list` in the profile";
            return Ok(Err(vec![Finding::new(Code::ManifestAmbiguous, ".", expected, names.join(", "))]));
        }
    };
    let file = &entry.path;
    let beside =
        Beside { file: file.as_str().to_owned(), signature: Signature::Sigstore(Box::new(signature)) };
    let capacity = Capacity::In(Role::Release);
    let signed = match looking.gate.trust.verify_statement(&beside, &statement, capacity, looking.at) {
        Ok(signed) => signed,
        Err(why) => return Ok(Err(not_verified(file.as_str(), why))),
    };
    let read = |payload: Vec<u8>| {
        let statement = statements::read(&payload).map_err(|why| {
            let expected = "an in-toto statement about the files of the drop";
            vec![Finding::new(Code::ManifestMalformed, file.as_str(), expected, why.to_string())]
        })?;
        let digest = DocumentDigest::of(&payload);
        Ok(Listing { described: Described::default(), digest, artifacts: statement.into_artifacts() })
    };
    let manifest = manifest(looking, profile, file, signed, read);
    let own = BTreeSet::from([file.clone()]);
    Ok(manifest.map(|manifest| Received { manifest, own, profile: Some(profile.id.clone()) }))
}
