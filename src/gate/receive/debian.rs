//! A mirrored Debian repository: the signed release, and by it every other file.

use super::super::profile::Profile;
use super::{Listing, Looked, Looking, Received, not_verified, of_listing};
use crate::digest::DocumentDigest;
use crate::drop::path::DropPath;
use crate::drop::{ReadRefusal, SourceError};
use crate::finding::{Code, Finding};
use crate::limits;
use crate::manifest::debian::{Files, Place, Release, Scope, artifacts};
use crate::manifest::described::Described;
use crate::trust::detached::{Beside, Signature, Signed};
use crate::trust::openpgp::{self, Cleartext};
use crate::trust::{Capacity, Role, Verified};
use std::collections::BTreeSet;

struct Arrived<'l>(&'l Looking<'l>);

impl Files for Arrived<'_> {
    type Error = SourceError;

    fn have(&self, path: &DropPath) -> bool {
        self.0.inventory.find(path).is_some()
    }

    fn read(&mut self, path: &DropPath, cap: u64) -> Result<Result<Vec<u8>, String>, SourceError> {
        let Some(entry) = self.0.inventory.find(path) else { return Ok(Err("no such file".to_owned())) };
        Ok(self.0.source.read(entry, cap)?.map_err(|why: ReadRefusal| why.to_string()))
    }
}

/// A drop that is a repository.
pub(super) fn repository(looking: &Looking<'_>, profile: &Profile) -> Looked<Received> {
    let place = match Place::find(looking.inventory.files.iter().map(|entry| &entry.path)) {
        Ok(place) => place,
        Err(why) => {
            let expected = "a repository as Debian's are";
            return Ok(Err(vec![Finding::new(Code::ManifestMissing, ".", expected, why.to_string())]));
        }
    };
    let (file, signed) = match signed(looking, &place)? {
        Ok(signed) => signed,
        Err(findings) => return Ok(Err(findings)),
    };
    let refuse = |why: String| {
        vec![Finding::new(
            Code::ManifestMalformed,
            file.as_str(),
            "a release as Debian's repositories have",
            why,
        )]
    };
    let release = match Release::read(&signed.value().value) {
        Ok(release) => release,
        Err(why) => return Ok(Err(refuse(why.to_string()))),
    };
    let set =
        |names: &Option<Vec<String>>| names.as_ref().map(|all| all.iter().cloned().collect::<BTreeSet<_>>());
    let scope = Scope {
        architectures: set(&profile.scope.architectures),
        components: set(&profile.scope.components),
    };
    let artifacts = match artifacts(&release, &place, &scope, &mut Arrived(looking))? {
        Ok(artifacts) => artifacts,
        Err(why) => return Ok(Err(refuse(why.to_string()))),
    };
    let described = Described {
        vendor: release.origin.clone(),
        product: release.product().map(str::to_owned),
        version: release.version.clone(),
        issued: Some(release.date),
        expires: release.valid_until,
    };
    let manifest = signed.try_map(|Signed { value, said, .. }| {
        let listing = Listing { described, digest: DocumentDigest::of(&value), artifacts };
        of_listing(looking, profile, &file, &said, listing)
    });
    let own = place.signed_files().cloned().collect();
    Ok(manifest.map(|manifest| Received { manifest, own, profile: Some(profile.id.clone()) }))
}

type SignedRelease = (DropPath, Verified<Signed<Vec<u8>>>);

/// The release's text, whichever way it is signed. Where both are there both must be signed, and say the same: of two readers each
/// takes another one.
fn signed(looking: &Looking<'_>, place: &Place) -> Looked<SignedRelease> {
    let clear = match &place.in_release {
        None => None,
        Some(path) => match clear_signed(looking, path)? {
            Ok(signed) => Some((path.clone(), signed)),
            Err(findings) => return Ok(Err(findings)),
        },
    };
    let apart = match &place.detached {
        None => None,
        Some((text, signature)) => match detached(looking, text, signature)? {
            Ok(signed) => Some((text.clone(), signed)),
            Err(findings) => return Ok(Err(findings)),
        },
    };
    Ok(match (clear, apart) {
        (Some((path, signed)), Some((other, release))) => {
            if Place::says_the_same(&signed.value().value, &release.value().value) {
                Ok((path, signed))
            } else {
                let expected = format!("the same text as in {}", other.as_str());
                Err(vec![Finding::new(Code::ManifestAmbiguous, path.as_str(), expected, "another one")])
            }
        }
        (Some(one), None) | (None, Some(one)) => Ok(one),
        (None, None) => Err(vec![Finding::new(Code::ManifestMissing, ".", "a signed release", "none")]),
    })
}

fn clear_signed(looking: &Looking<'_>, path: &DropPath) -> Looked<Verified<Signed<Vec<u8>>>> {
    let bytes = match read(looking, path, limits::MANIFEST_BYTES)? {
        Ok(bytes) => bytes,
        Err(findings) => return Ok(Err(findings)),
    };
    let Cleartext { signature, text } = match Cleartext::read(&bytes) {
        Ok(clear) => clear,
        Err(why) => {
            let expected = "a clear-signed release";
            return Ok(Err(vec![Finding::new(
                Code::EnvelopeMalformed,
                path.as_str(),
                expected,
                why.to_string(),
            )]));
        }
    };
    Ok(verify(looking, path, path, signature, text))
}

fn detached(
    looking: &Looking<'_>,
    text: &DropPath,
    signature: &DropPath,
) -> Looked<Verified<Signed<Vec<u8>>>> {
    let release = match read(looking, text, limits::MANIFEST_BYTES)? {
        Ok(release) => release,
        Err(findings) => return Ok(Err(findings)),
    };
    let bytes = match read(looking, signature, limits::SIGNATURE_FILE_BYTES)? {
        Ok(bytes) => bytes,
        Err(findings) => return Ok(Err(findings)),
    };
    Ok(match openpgp::Signature::read(&bytes) {
        Ok(read) => verify(looking, text, signature, read, release),
        Err(why) => {
            let expected = "an OpenPGP signature of the release";
            Err(vec![Finding::new(Code::EnvelopeMalformed, signature.as_str(), expected, why.to_string())])
        }
    })
}

fn verify(
    looking: &Looking<'_>,
    file: &DropPath,
    signature_file: &DropPath,
    signature: openpgp::Signature,
    text: Vec<u8>,
) -> Result<Verified<Signed<Vec<u8>>>, Vec<Finding>> {
    let beside = [Beside {
        file: signature_file.as_str().to_owned(),
        signature: Signature::OpenPgp(Box::new(signature)),
    }];
    let verified = looking.gate.trust.verify_text(text, &beside, Capacity::In(Role::Release), looking.at);
    verified.map_err(|why| not_verified(file.as_str(), why))
}

fn read(looking: &Looking<'_>, path: &DropPath, cap: u64) -> Looked<Vec<u8>> {
    match looking.inventory.find(path) {
        Some(entry) => looking.read(entry, cap),
        None => Ok(Err(vec![Finding::new(
            Code::ManifestMissing,
            path.as_str(),
            "a regular file",
            "no such file",
        )])),
    }
}
