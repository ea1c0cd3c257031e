//! What the reader of SOL 004 packages needs of the gate: whose signatures count, and how a package in the drop is opened.

use super::super::profile::Profile;
use super::{Listing, Looked, Looking, Received, not_verified, of_listing, sol004};
use crate::drop::{Entry, Source, SourceError};
use crate::finding::Finding;
use crate::trust::cms::Signature as Cms;
use crate::trust::detached::{Beside, Signature, Signed};
use crate::trust::message::Message;
use crate::trust::{Capacity, NotVerified, Role, Verified};

struct Hands<'l> {
    looking: &'l Looking<'l>,
}

impl Hands<'_> {
    fn check(
        &self,
        place: &str,
        signature: &Cms,
        message: &Message,
        capacity: Capacity,
    ) -> Result<Verified<Signed<()>>, Vec<Finding>> {
        let beside =
            [Beside { file: place.to_owned(), signature: Signature::Cms(Box::new(signature.clone())) }];
        let verified: Result<_, NotVerified> =
            self.looking.gate.trust.verify_message((), message, &beside, capacity, self.looking.at);
        verified.map_err(|why| not_verified(place, why))
    }
}

impl sol004::Hands for Hands<'_> {
    type Proof = Verified<Signed<()>>;

    fn release(&self, place: &str, signature: &Cms, message: &Message) -> Result<Self::Proof, Vec<Finding>> {
        self.check(place, signature, message, Capacity::In(Role::Release))
    }

    fn anybody(&self, place: &str, signature: &Cms, message: &Message) -> Result<(), Vec<Finding>> {
        self.check(place, signature, message, Capacity::Any).map(|_| ())
    }

    fn open(&self, entry: &Entry) -> Result<Result<Box<dyn Source>, String>, SourceError> {
        match self.looking.source.inner(entry) {
            Ok(package) => Ok(Ok(Box::new(package))),
            Err(why @ (SourceError::InnerPackage { .. } | SourceError::NoPackage { .. })) => {
                Ok(Err(why.to_string()))
            }
            Err(why) => Err(why),
        }
    }
}

pub(super) fn package(looking: &Looking<'_>, profile: &Profile) -> Looked<Received> {
    let hands = Hands { looking };
    let received = match sol004::receive(looking.source, looking.inventory, &hands, looking.progress)? {
        Ok(received) => received,
        Err(findings) => return Ok(Err(findings)),
    };
    let sol004::Received { proof, file, digest, artifacts, own, text, .. } = received;
    let listing = Listing { described: text.described, digest, artifacts };
    let manifest = proof.try_map(|signed| of_listing(looking, profile, &file, &signed.said, listing));
    Ok(manifest.map(|manifest| Received { manifest, own, profile: Some(profile.id.clone()) }))
}
