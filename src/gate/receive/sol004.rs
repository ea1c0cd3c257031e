//! A package by ETSI NFV-SOL 004, from its files to what a release signer signed. docs/sol004.md is the specification.
//!
//! The order is that of trust: TOSCA.meta, which nobody has signed, says where the manifest is; its signature is checked; then its text
//! is read; then the signatures of single files, which it names. Of option 2 the package's bytes are checked before anything in it is
//! looked at.

use crate::digest::{Algorithm, Claims, Comparison, DocumentDigest};
use crate::drop::path::DropPath;
use crate::drop::{Entry, Inventory, Progress, ReadRefusal, Source, SourceError, Wanted};
use crate::finding::{Code, Finding};
use crate::limits;
use crate::manifest::Artifact;
use crate::manifest::sol004::layout::{self, Form, Outer};
use crate::manifest::sol004::text::{self, Text};
use crate::manifest::sol004::{META, Papers, meta, split};
use crate::trust::cms::Signature;
use crate::trust::message::{Hash, Intake, Message};
use std::collections::BTreeSet;

/// What the flow needs of the gate.
pub trait Hands {
    /// Says who signed.
    type Proof;

    /// Whether release signers of the trust store made the signature over the message. `place` is the file that findings are about.
    ///
    /// # Errors
    /// With why it does not count.
    fn release(
        &self,
        place: &str,
        signature: &Signature,
        message: &Message,
    ) -> Result<Self::Proof, Vec<Finding>>;

    /// Whether some signer of the trust store did, for whatever role.
    ///
    /// # Errors
    /// With why it does not count.
    fn anybody(&self, place: &str, signature: &Signature, message: &Message) -> Result<(), Vec<Finding>>;

    /// Opens a package that lies in the drop; in words why it is none.
    ///
    /// # Errors
    /// When it could not be looked at.
    fn open(&self, entry: &Entry) -> Result<Result<Box<dyn Source>, String>, SourceError>;
}

/// What was signed for a release, and by whom.
#[derive(Debug)]
pub struct Received<P> {
    /// Who signed.
    pub proof: P,
    /// The file that was signed: the manifest, or the package of option 2.
    pub file: DropPath,
    /// SHA-256 of the bytes that were signed.
    pub digest: DocumentDigest,
    /// The files that the release consists of, sorted by path, each once, at least one.
    pub artifacts: Vec<Artifact>,
    /// The files that need not be listed: the manifest, its signatures and certificates. Each was checked.
    pub own: BTreeSet<DropPath>,
    /// What the manifest says of the release.
    pub text: Text,
    /// Where its papers lie; of option 2 in the package.
    pub papers: Papers,
}

/// Why looking ended: what is wrong with the drop, or that it could not be looked at.
enum Stop {
    Found(Vec<Finding>),
    Source(SourceError),
}

impl From<SourceError> for Stop {
    fn from(why: SourceError) -> Self {
        Self::Source(why)
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Found(vec![finding])
    }
}

impl From<Vec<Finding>> for Stop {
    fn from(findings: Vec<Finding>) -> Self {
        Self::Found(findings)
    }
}

/// Receives a package.
///
/// # Errors
/// When it could not be looked at. What is wrong with it is inside, as findings.
pub fn receive<H: Hands>(
    source: &dyn Source,
    inventory: &Inventory,
    hands: &H,
    progress: &dyn Progress,
) -> Result<Result<Received<H::Proof>, Vec<Finding>>, SourceError> {
    let looked = layout::form(inventory).map_err(|why| {
        let expected = "a package by ETSI NFV-SOL 004";
        Stop::from(Finding::new(Code::ManifestMissing, META, expected, why.to_string()))
    });
    let looked = looked.and_then(|form| match form {
        Form::Outer(outer) => beside(source, inventory, hands, &outer, progress),
        form => inside(&View { source, inventory, hands, within: None }, form),
    });
    match looked {
        Ok(received) => Ok(Ok(received)),
        Err(Stop::Found(findings)) => Ok(Err(findings)),
        Err(Stop::Source(why)) => Err(why),
    }
}

/// A package that is open.
struct View<'v, H> {
    source: &'v dyn Source,
    inventory: &'v Inventory,
    hands: &'v H,
    /// The path of the package in the drop, where it is not the drop itself.
    within: Option<&'v DropPath>,
}

/// A manifest that was signed, or need not be, and was read.
struct Listed<P> {
    proof: Option<P>,
    file: DropPath,
    digest: DocumentDigest,
    own: BTreeSet<DropPath>,
    text: Text,
    papers: Papers,
}

/// Option 1.
fn inside<H: Hands>(view: &View<'_, H>, form: Form) -> Result<Received<H::Proof>, Stop> {
    let Listed { proof, file, digest, own, text, papers } = view.listed(form, true)?;
    let place = view.place(&file);
    let Some(proof) = proof else { return Err(unsigned(place)) };
    // Whoever listed no file with a hash signed nothing of the package.
    if text.hashed == 0 {
        let expected = "at least one file with its hash";
        return Err(Finding::new(Code::ManifestMalformed, place, expected, "none").into());
    }
    // A signature or certificate that is listed without a hash is as good as not listed.
    let is_bare = |artifact: &Artifact| artifact.digests.iter().next().is_none();
    let listed =
        text.artifacts.iter().filter(|artifact| !(is_bare(artifact) && own.contains(&artifact.path)));
    let artifacts = listed.cloned().collect();
    Ok(Received { proof, file, digest, artifacts, own, text, papers })
}

/// Option 2.
fn beside<H: Hands>(
    source: &dyn Source,
    inventory: &Inventory,
    hands: &H,
    outer: &Outer,
    progress: &dyn Progress,
) -> Result<Received<H::Proof>, Stop> {
    let view = View { source, inventory, hands, within: None };
    let Some(file) = &outer.signature else { return Err(unsigned(outer.package.to_string())) };
    let bytes = view.read(file, limits::SIGNATURE_FILE_BYTES, Code::EnvelopeMalformed)?;
    let signature = view.signature(file, &bytes, outer.certificate.as_ref())?;
    let package = view.entry(&outer.package, Code::FileMissing)?;
    let message = view.message(package, &signature)?;
    let proof = hands.release(file.as_str(), &signature, &message)?;

    let digest = message.digest(Hash::Sha256).ok().and_then(|digest| <[u8; 32]>::try_from(digest).ok());
    let artifact = message.shown(Hash::Sha256).ok().and_then(|digest| artifact(&outer.package, &digest));
    let (Some(digest), Some(artifact)) = (digest.map(DocumentDigest::from_bytes), artifact) else {
        let expected = "a package that was hashed as it was read";
        return Err(Finding::new(Code::ManifestUnreadable, file.as_str(), expected, "no hash").into());
    };
    let (text, papers) = contents(hands, package, progress)?;
    let own = [Some(file), outer.certificate.as_ref()].into_iter().flatten().cloned().collect();
    Ok(Received { proof, file: outer.package.clone(), digest, artifacts: vec![artifact], own, text, papers })
}

fn artifact(path: &DropPath, sha256: &str) -> Option<Artifact> {
    let mut claims = Claims::default();
    claims.add(Algorithm::Sha256.name(), sha256).ok()?;
    Some(Artifact { path: path.clone(), digests: claims.finish()? })
}

/// What a package says whose every byte is signed already: it must be true, and need not be complete.
fn contents<H: Hands>(hands: &H, package: &Entry, progress: &dyn Progress) -> Result<(Text, Papers), Stop> {
    let source = hands.open(package)?.map_err(|why| {
        Finding::new(Code::ManifestMissing, package.path.as_str(), "a package by ETSI NFV-SOL 004", why)
    })?;
    let inventory = source.inventory()?;
    let within = Some(&package.path);
    let view = View { source: &*source, inventory: &inventory, hands, within };
    let odd = inventory.odd.iter().map(|odd| {
        let place = format!("{}/{}", package.path.as_str(), odd.shown);
        Finding::new(Code::NotAFile, place, "regular files and directories", odd.oddity.to_string())
    });
    let odd: Vec<Finding> = odd.collect();
    if !odd.is_empty() {
        return Err(odd.into());
    }
    let form = layout::form(&inventory).map_err(|why| {
        let expected = "a package by ETSI NFV-SOL 004";
        Finding::new(Code::ManifestMissing, package.path.as_str(), expected, why.to_string())
    })?;
    if let Form::Outer(_) = form {
        let expected = "the package itself beside its signature";
        let found = "a package in it again";
        return Err(Finding::new(Code::ManifestMissing, package.path.as_str(), expected, found).into());
    }
    let Listed { text, papers, .. } = view.listed(form, false)?;
    view.compare(&text, progress)?;
    let changed = source.changes_since(&inventory)?;
    match changed.first() {
        Some(first) => {
            let expected = "the file as it was when the drop was listed";
            Err(Finding::new(Code::ManifestUnreadable, package.path.as_str(), expected, first.clone()).into())
        }
        None => Ok((text, papers)),
    }
}

impl<H: Hands> View<'_, H> {
    /// Finds the manifest, checks its signature, and reads it. `must` it be signed? A signature that is there must hold either way.
    fn listed(&self, form: Form, must: bool) -> Result<Listed<H::Proof>, Stop> {
        let (file, papers) = self.locate(form)?;
        let place = self.place(&file);
        let bytes = self.read(&file, limits::MANIFEST_BYTES, Code::ManifestMissing)?;
        let malformed = |why: String| {
            let expected = "a manifest as docs/sol004.md describes it";
            Finding::new(Code::ManifestMalformed, place.as_str(), expected, why)
        };
        let parts = split(&bytes).map_err(|why| malformed(why.to_string()))?;
        let proof = match parts.signature {
            Some(block) => {
                let signature = self.signature(&file, block, papers.certificate.as_ref())?;
                let message = Message::of(&signature.needs(), parts.signed);
                Some(self.hands.release(&place, &signature, &message)?)
            }
            None if must => return Err(unsigned(place)),
            None => None,
        };
        let text = text::read(parts.signed, &file).map_err(|why| malformed(why.to_string()))?;
        let mut own = BTreeSet::from([file.clone()]);
        own.extend(papers.certificate.clone());
        self.individual(&text, &mut own)?;
        Ok(Listed { proof, digest: DocumentDigest::of(parts.signed), file, own, text, papers })
    }

    fn locate(&self, form: Form) -> Result<(DropPath, Papers), Stop> {
        match form {
            Form::Bare { manifest, papers, .. } => Ok((manifest, papers)),
            Form::Meta | Form::Outer(_) => {
                let refuse = |why: String| {
                    let expected = "TOSCA.meta as docs/sol004.md describes it";
                    Finding::new(Code::ManifestMissing, self.shown(META), expected, why)
                };
                let path = DropPath::parse(META).map_err(|why| refuse(why.to_string()))?;
                let bytes = self.read(&path, limits::TOSCA_META_BYTES, Code::ManifestMissing)?;
                let meta::Meta { manifest, mut papers, .. } =
                    meta::read(&bytes).map_err(|why| refuse(why.to_string()))?;
                papers.certificate =
                    papers.certificate.or_else(|| layout::certificate_beside(self.inventory, &manifest));
                Ok((manifest, papers))
            }
        }
    }

    /// Checks each signature over a single file.
    fn individual(&self, text: &Text, own: &mut BTreeSet<DropPath>) -> Result<(), Stop> {
        if text.individual.len() > limits::SOL004_SIGNATURES {
            let expected =
                format!("at most {} files with signatures of their own", limits::SOL004_SIGNATURES);
            let found = text.individual.len().to_string();
            return Err(Finding::new(Code::SignatureNotTried, self.shown(META), expected, found).into());
        }
        let mut findings = Vec::new();
        for one in &text.individual {
            match self.single(one) {
                Ok(()) => {
                    own.extend([Some(one.signature.clone()), one.certificate.clone()].into_iter().flatten())
                }
                Err(Stop::Found(found)) => findings.extend(found),
                Err(stop @ Stop::Source(_)) => return Err(stop),
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(findings.into()) }
    }

    fn single(&self, one: &text::Individual) -> Result<(), Stop> {
        let bytes = self.read(&one.signature, limits::SIGNATURE_FILE_BYTES, Code::FileMissing)?;
        let signature = self.signature(&one.signature, &bytes, one.certificate.as_ref())?;
        let message = self.message(self.entry(&one.artifact, Code::FileMissing)?, &signature)?;
        Ok(self.hands.anybody(&self.place(&one.signature), &signature, &message)?)
    }

    /// Compares the files that have hashes with them.
    fn compare(&self, text: &Text, progress: &dyn Progress) -> Result<(), Stop> {
        let mut findings = Vec::new();
        let mut wanted = Vec::new();
        for artifact in text.artifacts.iter().filter(|artifact| artifact.digests.iter().next().is_some()) {
            match self.inventory.find(&artifact.path) {
                Some(entry) => {
                    wanted.push((artifact, Wanted { entry, algorithms: artifact.digests.algorithms() }))
                }
                None => {
                    findings.push(self.finding(Code::FileMissing, &artifact.path, "the file", "no such file"))
                }
            }
        }
        let asked: Vec<Wanted<'_>> = wanted.iter().map(|(_, wanted)| *wanted).collect();
        for ((artifact, _), reading) in wanted.iter().zip(self.source.digest(&asked, progress)?) {
            let path = &artifact.path;
            let finding = match reading.map(|computed| computed.matches(&artifact.digests)) {
                Ok(Comparison::Matches) => continue,
                Ok(Comparison::Differs { algorithm, expected, found }) => {
                    let (expected, found) =
                        (format!("{algorithm} {expected}"), format!("{algorithm} {found}"));
                    self.finding(Code::FileAltered, path, expected, found)
                }
                Ok(Comparison::NothingToCompare) => {
                    self.finding(Code::DigestWeak, path, "a hash that could be compared", "none")
                }
                Err(why) => {
                    self.finding(Code::FileDisturbed, path, "the file as it was listed", why.to_string())
                }
            };
            findings.push(finding);
        }
        if findings.is_empty() { Ok(()) } else { Err(findings.into()) }
    }

    fn finding(
        &self,
        code: Code,
        path: &DropPath,
        expected: impl Into<std::borrow::Cow<'static, str>>,
        found: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Finding {
        Finding::new(code, self.place(path), expected, found)
    }

    fn signature(
        &self,
        file: &DropPath,
        bytes: &[u8],
        certificate: Option<&DropPath>,
    ) -> Result<Signature, Stop> {
        let refuse = |path: &DropPath, why: String| {
            Finding::new(
                Code::EnvelopeMalformed,
                self.place(path),
                "a CMS signature as docs/sol004.md describes it",
                why,
            )
        };
        let signature = Signature::read(bytes).map_err(|why| refuse(file, why.to_string()))?;
        let Some(certificate) = certificate else { return Ok(signature) };
        let more = self.read(certificate, limits::SIGNATURE_FILE_BYTES, Code::FileMissing)?;
        Ok(signature.with_certificates(&more).map_err(|why| refuse(certificate, why.to_string()))?)
    }

    /// A file as a signature needs it, and its SHA-256 too.
    fn message(&self, entry: &Entry, signature: &Signature) -> Result<Message, Stop> {
        let mut needs = signature.needs();
        needs.hashed.insert((Hash::Sha256, Intake::Binary));
        let mut message = Message::new(&needs);
        self.source.stream(entry, &mut |bytes| message.update(bytes))?.map_err(|why| {
            self.finding(Code::FileDisturbed, &entry.path, "the file as it was listed", why.to_string())
        })?;
        Ok(message)
    }

    fn entry(&self, path: &DropPath, missing: Code) -> Result<&Entry, Stop> {
        let odd =
            || self.inventory.find_odd(path).map_or("no such file".to_owned(), |odd| odd.oddity.to_string());
        let found = self.inventory.find(path);
        found.ok_or_else(|| self.finding(missing, path, "a regular file", odd()).into())
    }

    fn read(&self, path: &DropPath, cap: u64, missing: Code) -> Result<Vec<u8>, Stop> {
        let entry = self.entry(path, missing)?;
        self.source.read(entry, cap)?.map_err(|why| match why {
            ReadRefusal::TooLarge { size, cap } => self
                .finding(
                    Code::ManifestUnreadable,
                    path,
                    format!("at most {cap} bytes"),
                    format!("{size} bytes"),
                )
                .into(),
            ReadRefusal::Disturbed(why) => {
                let expected = "the file as it was when the drop was listed";
                self.finding(Code::ManifestUnreadable, path, expected, why.to_string()).into()
            }
        })
    }

    fn place(&self, path: &DropPath) -> String {
        self.shown(path.as_str())
    }

    fn shown(&self, path: &str) -> String {
        match self.within {
            Some(package) => format!("{}/{path}", package.as_str()),
            None => path.to_owned(),
        }
    }
}

fn unsigned(place: String) -> Stop {
    Finding::new(
        Code::Unsigned,
        place,
        "a CMS signature at the manifest's end, or beside the package",
        "none",
    )
    .into()
}
