//! A checksum list, or a file itself, with a signature beside it.
//!
//! The list is a file at the root of the drop beside which a signature lies, or a file that holds list and signature together (signify
//! with -e, clear-signed OpenPGP). A signature whose scheme the profile does not accept, or that is not good, is a file that nobody
//! listed.

use super::super::profile::Profile;
use super::{Listing, Looked, Looking, Received, manifest, not_verified};
use crate::digest::{Claims, DocumentDigest};
use crate::drop::Entry;
use crate::drop::path::DropPath;
use crate::finding::{Code, Finding};
use crate::limits;
use crate::manifest::described::Described;
use crate::manifest::{Artifact, checksums as lists, native};
use crate::trust::detached::{Beside, Scheme, Signature, Signed, Streamed};
use crate::trust::{Capacity, Role, Verified};
use std::collections::BTreeSet;

/// The most that a file with a signature may have: bundles hold a statement of any size.
fn cap(schemes: &[Scheme]) -> u64 {
    if schemes.contains(&Scheme::Sigstore) {
        limits::SIGSTORE_BUNDLE_BYTES as u64
    } else {
        limits::SIGNATURE_FILE_BYTES
    }
}

/// Whether a file is called as signatures are.
pub(super) fn may_sign(path: &DropPath) -> bool {
    let all = Scheme::LEGAL.into_iter().flat_map(|(_, scheme)| scheme.endings());
    let path = path.as_str();
    all.into_iter().any(|ending| path.ends_with(ending))
}

/// The schemes of the profile by which a file is called that signs `signed`.
fn schemes(profile: &Profile, signed: &str, path: &str) -> Vec<Scheme> {
    let calls = |scheme: &&Scheme| {
        scheme.endings().iter().any(|ending| {
            // `radio.bin.sig`, and `radio.sig` where the last ending was replaced.
            path.strip_suffix(ending)
                .is_some_and(|stem| stem == signed || without_ending(signed) == Some(stem))
        })
    };
    profile.schemes.iter().filter(calls).copied().collect()
}

fn without_ending(path: &str) -> Option<&str> {
    let (stem, ending) = path.rsplit_once('.')?;
    (!ending.contains('/') && !stem.is_empty() && !stem.ends_with('/')).then_some(stem)
}

/// Files that sign another one, each with the schemes by which it may.
type Signing<'l> = Vec<(&'l Entry, Vec<Scheme>)>;

/// The files that sign `signed`, each with the schemes by which it may.
fn signatures<'l>(looking: &Looking<'l>, profile: &Profile, signed: &DropPath) -> Signing<'l> {
    let files = looking.inventory.files.iter().filter(|entry| entry.path != *signed);
    let found = files.map(|entry| (entry, schemes(profile, signed.as_str(), entry.path.as_str())));
    found.filter(|(_, schemes)| !schemes.is_empty()).collect()
}

fn read_signatures(looking: &Looking<'_>, found: Signing<'_>) -> Looked<Vec<Beside>> {
    let (mut all, mut findings) = (Vec::new(), Vec::new());
    for (entry, schemes) in found.into_iter().take(limits::DETACHED_SIGNATURES) {
        let bytes = match looking.read(entry, cap(&schemes))? {
            Ok(bytes) => bytes,
            Err(found) => {
                findings.extend(found);
                continue;
            }
        };
        let file = entry.path.as_str();
        match Signature::read(&bytes, &schemes) {
            Ok(signature) => all.push(Beside { file: file.to_owned(), signature }),
            Err(why) => {
                let names: Vec<String> = schemes.iter().map(Scheme::to_string).collect();
                let expected = format!("a signature by {}", names.join(" or "));
                findings.push(Finding::new(Code::EnvelopeMalformed, file.to_owned(), expected, why));
            }
        }
    }
    // One that can't be read is a file that nobody listed; where it is the only one, it is why.
    Ok(if all.is_empty() && !findings.is_empty() { Err(findings) } else { Ok(all) })
}

/// The files of the drop that are neither evidence nor below a directory.
fn at_root<'l>(looking: &Looking<'l>) -> impl Iterator<Item = &'l Entry> {
    let files = looking.inventory.files.iter();
    files.filter(|entry| !entry.path.as_str().contains('/') && entry.path.as_str() != native::FILE)
}

/// A list that was signed, and the files that carry it.
struct SignedList {
    file: DropPath,
    text: Verified<Signed<Vec<u8>>>,
    own: BTreeSet<DropPath>,
}

/// A drop whose files a signed list names.
pub(super) fn checksums(looking: &Looking<'_>, profile: &Profile) -> Looked<Received> {
    let mut candidates: Vec<(&Entry, Signing<'_>)> = Vec::new();
    let mut embedded: Vec<(&Entry, Embedded)> = Vec::new();
    for entry in at_root(looking) {
        if profile.list.as_ref().is_some_and(|list| *list != entry.path) {
            continue;
        }
        let signing = signatures(looking, profile, &entry.path);
        if !signing.is_empty() {
            candidates.push((entry, signing));
        } else if let Some(found) = Embedded::find(looking, profile, entry)? {
            embedded.push((entry, found));
        }
    }
    // An image with a signature of its own beside a list that has one too is for the profile to tell apart.
    let found = candidates.iter().map(|(entry, _)| *entry).chain(embedded.iter().map(|(entry, _)| *entry));
    let names: Vec<&str> = found.map(|entry| entry.path.as_str()).collect();
    let list = match (candidates.pop(), embedded.pop()) {
        _ if names.len() > 1 => {
            let expected = "one signed list, or `list` in the profile";
            return Ok(Err(vec![Finding::new(Code::ManifestAmbiguous, ".", expected, names.join(", "))]));
        }
        (Some((entry, signing)), _) => apart(looking, entry, signing)?,
        (None, Some((entry, found))) => found.verify(looking, entry),
        (None, None) => {
            let names: Vec<String> = profile.schemes.iter().map(Scheme::to_string).collect();
            let list = profile.list.as_ref().map_or("a list of checksums", DropPath::as_str);
            let expected = format!(
                "{list} at the root of the drop, with a signature by {} beside it",
                names.join(" or ")
            );
            return Ok(Err(vec![Finding::new(Code::ManifestMissing, ".", expected, "none")]));
        }
    };
    let SignedList { file, text, own } = match list {
        Ok(list) => list,
        Err(findings) => return Ok(Err(findings)),
    };
    let read = |text: Vec<u8>| {
        let artifacts = lists::read(&text, profile.algorithm).map_err(|why| {
            vec![Finding::new(Code::ManifestMalformed, file.as_str(), "a list of checksums", why.to_string())]
        })?;
        if let Some(itself) = artifacts.iter().find(|artifact| own.contains(&artifact.path)) {
            let found = format!("{:?}", itself.path.as_str());
            let expected = "a list of other files than itself and its signature";
            return Err(vec![Finding::new(Code::ManifestMalformed, file.as_str(), expected, found)]);
        }
        Ok(Listing { described: Described::default(), digest: DocumentDigest::of(&text), artifacts })
    };
    let manifest = manifest(looking, profile, &file, text, read);
    Ok(manifest.map(|manifest| Received { manifest, own, profile: Some(profile.id.clone()) }))
}

/// List and signature in two files.
fn apart(looking: &Looking<'_>, entry: &Entry, signing: Signing<'_>) -> Looked<SignedList> {
    let signatures = match read_signatures(looking, signing)? {
        Ok(signatures) => signatures,
        Err(findings) => return Ok(Err(findings)),
    };
    let text = match looking.read(entry, limits::MANIFEST_BYTES)? {
        Ok(text) => text,
        Err(findings) => return Ok(Err(findings)),
    };
    let verified = looking.gate.trust.verify_text(text, &signatures, Capacity::In(Role::Release), looking.at);
    Ok(match verified {
        Ok(text) => {
            let own = own(&entry.path, &text.value().files);
            Ok(SignedList { file: entry.path.clone(), text, own })
        }
        Err(why) => Err(not_verified(entry.path.as_str(), why)),
    })
}

/// The signed file, and the files whose signatures are good.
fn own(file: &DropPath, signatures: &[String]) -> BTreeSet<DropPath> {
    let signatures = signatures.iter().filter_map(|file| DropPath::parse(file).ok());
    std::iter::once(file.clone()).chain(signatures).collect()
}

/// List and signature in one file.
struct Embedded {
    signature: Signature,
    text: Vec<u8>,
}

impl Embedded {
    fn find(
        looking: &Looking<'_>,
        profile: &Profile,
        entry: &Entry,
    ) -> Result<Option<Self>, crate::drop::SourceError> {
        let asked = profile.list.is_some() || may_sign(&entry.path);
        let any = [Scheme::Signify, Scheme::OpenPgp].iter().any(|scheme| profile.schemes.contains(scheme));
        if !(asked && any) {
            return Ok(None);
        }
        let Ok(bytes) = looking.source.read(entry, limits::MANIFEST_BYTES)? else { return Ok(None) };
        Ok(Self::read(&bytes, profile))
    }

    fn read(bytes: &[u8], profile: &Profile) -> Option<Self> {
        if profile.schemes.contains(&Scheme::Signify)
            && let Ok((signature, text)) = crate::trust::signify::Signature::read_embedded(bytes)
            && !text.is_empty()
        {
            return Some(Self { signature: Signature::Signify(Box::new(signature)), text: text.to_vec() });
        }
        #[cfg(feature = "openpgp")]
        if profile.schemes.contains(&Scheme::OpenPgp)
            && let Ok(clear) = crate::trust::openpgp::Cleartext::read(bytes)
        {
            return Some(Self { signature: Signature::OpenPgp(Box::new(clear.signature)), text: clear.text });
        }
        None
    }

    fn verify(self, looking: &Looking<'_>, entry: &Entry) -> Result<SignedList, Vec<Finding>> {
        let file = entry.path.clone();
        let signatures = [Beside { file: file.as_str().to_owned(), signature: self.signature }];
        let capacity = Capacity::In(Role::Release);
        let verified = looking.gate.trust.verify_text(self.text, &signatures, capacity, looking.at);
        let text = verified.map_err(|why| not_verified(file.as_str(), why))?;
        Ok(SignedList { own: BTreeSet::from([file.clone()]), file, text })
    }
}

/// A drop of one file that is signed itself.
pub(super) fn image(looking: &Looking<'_>, profile: &Profile) -> Looked<Received> {
    let files = || looking.inventory.files.iter().filter(|entry| !native::is_evidence(entry.path.as_str()));
    let mut images = files().filter(|entry| profile.list.as_ref().is_none_or(|list| *list == entry.path));
    let signed: Vec<(&Entry, Signing<'_>)> = images
        .by_ref()
        .map(|entry| (entry, signatures(looking, profile, &entry.path)))
        .filter(|(_, signing)| !signing.is_empty())
        .collect();
    let (entry, signing) = match <[_; 1]>::try_from(signed) {
        Ok([one]) => one,
        Err(signed) if signed.is_empty() => {
            let names: Vec<String> = profile.schemes.iter().map(Scheme::to_string).collect();
            let expected = format!("one file with a signature by {} beside it", names.join(" or "));
            return Ok(Err(vec![Finding::new(Code::ManifestMissing, ".", expected, "none")]));
        }
        Err(several) => {
            let names: Vec<&str> = several.iter().map(|(entry, _)| entry.path.as_str()).collect();
            let expected = "one signed file, or `list` in the profile";
            return Ok(Err(vec![Finding::new(Code::ManifestAmbiguous, ".", expected, names.join(", "))]));
        }
    };
    let signatures = match read_signatures(looking, signing)? {
        Ok(signatures) => signatures,
        Err(findings) => return Ok(Err(findings)),
    };
    let mut streamed = Streamed::new(&signatures);
    if let Err(disturbance) = looking.source.stream(entry, &mut |bytes| streamed.update(bytes))? {
        let expected = "the file as it was when the drop was listed";
        let found = disturbance.to_string();
        return Ok(Err(vec![Finding::new(Code::ManifestUnreadable, entry.path.as_str(), expected, found)]));
    }
    let (file, capacity) = (&entry.path, Capacity::In(Role::Release));
    let verified = looking.gate.trust.verify_streamed(&streamed, &signatures, capacity, looking.at);
    let digest = match verified {
        Ok(digest) => digest,
        Err(why) => return Ok(Err(not_verified(file.as_str(), why))),
    };
    let mut own = own(file, &digest.value().files);
    own.remove(file);
    let read = |digest: DocumentDigest| {
        // What was streamed is what was signed; what is hashed later must be the same.
        let mut claims = Claims::default();
        let claimed = claims.add("sha256", &digest.to_string()).ok().and_then(|()| claims.finish());
        let artifacts = claimed.map(|digests| Artifact { path: file.clone(), digests }).into_iter().collect();
        Ok(Listing { described: Described::default(), digest, artifacts })
    };
    let manifest = manifest(looking, profile, file, digest, read);
    Ok(manifest.map(|manifest| Received { manifest, own, profile: Some(profile.id.clone()) }))
}
