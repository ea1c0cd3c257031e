//! `--vsa`: the verdict as a signed summary for whoever deploys.

use super::judging::outside;
use super::key::read_private;
use super::output::{Failure, Output};
use crate::digest::DocumentDigest;
use crate::escape;
use crate::files::{self, Existing, FileError, Readers};
use crate::gate::{Examined, Gate};
use crate::limits;
use crate::report;
use crate::trust::dsse::{Envelope, Signature};
use crate::trust::ed25519::PrivateKey;
use crate::verdict::Verdict;
use crate::vsa::{self, Identity, NoSummary, Uri};
use std::path::{Path, PathBuf};

/// Where help lists these flags.
const HEADING: &str = "Signed verdict";

/// Whether to write a summary of the verdict, and in whose name.
#[derive(clap::Args)]
pub struct Vouching {
    /// Write the verdict as a signed SLSA verification summary, for `dropgate verify-vsa`. The file must not be there yet: an
    /// earlier summary is not to be taken for this one.
    #[arg(long, value_name = "FILE", requires = "vsa_key", help_heading = HEADING)]
    vsa: Option<PathBuf>,

    /// The gate's private key, to sign the summary with. Must lie outside of the drop.
    #[arg(long = "key", id = "vsa_key", value_name = "FILE", requires = "vsa", help_heading = HEADING)]
    key: Option<PathBuf>,

    /// Who judged, a URI [default: urn:dropgate:gate:OPERATOR, percent-encoded].
    #[arg(long, value_name = "URI", requires = "vsa", help_heading = HEADING)]
    verifier_id: Option<Uri>,

    /// What was judged, a URI [default: urn:dropgate:release:VENDOR/PRODUCT/VERSION, each percent-encoded].
    #[arg(long, value_name = "URI", requires = "vsa", help_heading = HEADING)]
    resource_uri: Option<Uri>,
}

/// Everything that writing a summary needs and that can be wrong before the drop is judged.
pub struct Pen {
    file: PathBuf,
    key: PrivateKey,
    fingerprint: String,
    verifier: Option<Uri>,
    resource: Option<Uri>,
}

impl Vouching {
    /// Reads the key and looks where the summary is to go; `None` when none is asked for. `drop` is judged, `verdict` is where
    /// the verdict itself goes.
    pub fn open(
        &self,
        gate: &Gate,
        (drop, verdict): (&Path, Option<&Path>),
        output: &Output,
    ) -> Result<Option<Pen>, Failure> {
        let (Some(file), Some(key)) = (&self.vsa, &self.key) else { return Ok(None) };
        gate.stands_outside(drop, [key])?;
        outside("--vsa", file, drop)?;
        let taken = verdict.map(|verdict| files::same_name(verdict, file)).transpose()?.unwrap_or(false);
        if taken || file.symlink_metadata().is_ok() {
            let why = "expected a name that nothing has, found a file; a summary never takes the place of another one";
            return Err(FileError::new(file, "write", why).into());
        }
        let private = read_private(key, output)?;
        let public = private.public().map_err(|why| FileError::new(key, "sign with", why))?;
        Ok(Some(Pen {
            file: file.clone(),
            key: private,
            fingerprint: public.fingerprint(),
            verifier: self.verifier_id.clone(),
            resource: self.resource_uri.clone(),
        }))
    }
}

impl Pen {
    /// Where the summary goes.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Writes the summary, whole or not at all. Where it could be about nothing, says so and writes none: that is a REJECT, and
    /// stays one.
    pub fn write(
        &self,
        gate: &Gate,
        examined: &Examined,
        verdict: &Verdict,
        output: &Output,
    ) -> Result<(), Failure> {
        let said = |why: String| Failure::said(why);
        let Some(release) = &verdict.basis.release else {
            self.none(&NoSummary::NoManifest, output);
            return Ok(());
        };
        let identity = Identity {
            verifier: self.verifier.clone().unwrap_or_else(|| Identity::verifier(&gate.operator)),
            resource: self.resource.clone().unwrap_or_else(|| Identity::resource(release)),
        };
        let document = report::json::render(verdict).map_err(|error| said(error.to_string()))?;
        let document = DocumentDigest::of(document.as_bytes());
        let payload = match vsa::write(verdict, examined, &identity, document) {
            Ok(payload) => payload,
            Err(why @ NoSummary::Unwritable(_)) => return Err(said(why.to_string())),
            Err(why) => {
                self.none(&why, output);
                return Ok(());
            }
        };
        let mut envelope = Envelope::over(&payload);
        drop(payload);
        let bytes = self.key.sign(envelope.signed_bytes());
        envelope.add(Signature { untrusted_keyid: self.fingerprint.clone(), bytes });
        let json = envelope.to_json();
        if u64::try_from(json.len()).is_ok_and(|size| size > limits::VSA_BYTES) {
            let why = format!("expected at most {} bytes, found {}", limits::VSA_BYTES, json.len());
            return Err(FileError::new(&self.file, "write", why).into());
        }
        files::write(&self.file, &json, Existing::Keep, Readers::Everyone)?;
        output.note(&format!("signed the verdict in {}", escape::path(&self.file)));
        Ok(())
    }

    fn none(&self, why: &NoSummary, output: &Output) {
        output.note(&format!("no summary was written to {}: {why}", escape::path(&self.file)));
    }
}
