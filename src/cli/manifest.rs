//! `dropgate manifest`: list and sign a drop; show what a manifest says.

use super::judging::{Format, threads};
use super::key::read_private;
use super::output::{Failure, Output};
use super::progress::Bar;
use crate::digest::{Algorithm, Algorithms, Computed, DigestSet, hex};
use crate::drop::directory::Directory;
use crate::drop::path::{DropPath, Name};
use crate::drop::{Inventory, Source, Wanted};
use crate::escape::{self, Escaped};
use crate::files::{self, Existing, FileError, Readers};
use crate::finding::counted;
use crate::limits;
use crate::manifest::{Kind, Manifest, Order, Release, Replaces, native};
use crate::reconcile::{pairs, reconcile};
use crate::report::json;
use crate::time::{Period, Time};
use crate::trust::dsse::{Envelope, Signature};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// For vendors: list and sign a drop.
#[derive(clap::Subcommand)]
pub enum Command {
    /// List every file of a drop with its digests, and sign: writes DROP/drop.dsse.json.
    Create(Box<Create>),
    /// Add a signature, after checking that the drop is what its manifest says.
    Sign(Sign),
    /// Show what a manifest says. Its signatures are not checked; `verify` does that.
    Show(Show),
}

impl Command {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(create) => create.run(output)?,
            Self::Sign(sign) => sign.run(output)?,
            Self::Show(show) => show.run(output)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// List every file of a drop with its digests, and sign.
#[derive(clap::Args)]
#[command(
    args_override_self = true,
    override_usage = "dropgate manifest create [OPTIONS] --vendor <VENDOR> --product <PRODUCT>\n       \
        --version <VERSION> --kind <KIND> --sequence <SEQUENCE> --key <FILE> <DROP>"
)]
pub struct Create {
    /// The drop: a directory.
    drop: PathBuf,
    /// Who delivers, by the name that the operator's trust store gives.
    #[arg(long)]
    vendor: Name,
    /// What is delivered.
    #[arg(long)]
    product: Name,
    /// In which version.
    #[arg(long, value_name = "VERSION")]
    version: Name,
    /// What the drop is: new-component, software-update, vulnerability-fix, hardware-replacement or transition.
    #[arg(long, value_parser = kind)]
    kind: Kind,
    /// The release's number, which only grows.
    #[arg(long)]
    sequence: u64,
    /// Until when the drop may be accepted, from its issue.
    #[arg(long, default_value = "180d", value_name = "PERIOD")]
    expires_in: Period,
    /// When the manifest is issued, RFC 3339 with zone [default: now].
    #[arg(long, value_name = "TIME")]
    issued: Option<Time>,
    /// The manifest (drop.dsse.json) of the version that this one replaces.
    #[arg(long, value_name = "FILE")]
    replaces: Option<PathBuf>,
    /// The operator for whom the drop is made.
    #[arg(long, value_name = "NAME")]
    recipient: Option<Name>,
    /// Digests to list: sha256, sha384, sha512, blake3. sha256 is always listed.
    #[arg(long = "digest", value_parser = algorithm, value_delimiter = ',', default_value = "sha256")]
    digests: Vec<Algorithm>,
    /// A private key to sign with; several for several signatures.
    #[arg(long = "key", required = true, value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// Replace a manifest that is already there.
    #[arg(long)]
    replace: bool,
    /// How many threads read and hash [default: one for each core].
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Reads the kind of a release.
pub fn kind(text: &str) -> Result<Kind, String> {
    let legal = Kind::LEGAL.iter().find(|(name, _)| *name == text);
    legal.map(|(_, kind)| *kind).ok_or_else(|| {
        let names: Vec<&str> = Kind::LEGAL.iter().map(|(name, _)| *name).collect();
        format!("expected {}", names.join(", "))
    })
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::named(text).ok_or_else(|| "expected sha256, sha384, sha512 or blake3".to_owned())
}

impl Create {
    fn run(self, output: &Output) -> Result<(), Failure> {
        threads(self.jobs)?;
        let manifest = self.drop.join(native::FILE);
        if !self.replace && manifest.symlink_metadata().is_ok() {
            let why = "it is already there; --replace writes it anew, `manifest sign` adds a signature";
            return Err(FileError::new(&manifest, "write", why).into());
        }
        let release = self.release()?;
        let source = Directory::open(&self.drop)?;
        let inventory = source.inventory()?;
        only_files(&inventory)?;
        let algorithms = self
            .digests
            .iter()
            .fold(Algorithms::default().with(Algorithm::Sha256), |set, one| set.with(*one));
        let wanted: Vec<Wanted<'_>> = inventory
            .files
            .iter()
            .filter(|entry| !is_envelope(&entry.path))
            .map(|entry| Wanted { entry, algorithms })
            .collect();
        let readings = source.digest(&wanted, &Bar::new(output.shows_progress()))?;
        let mut artifacts = Vec::with_capacity(wanted.len());
        for (wanted, reading) in wanted.iter().zip(readings) {
            let digests = reading.map_err(|disturbance| {
                Failure::said(format!(
                    "{}: {disturbance}; nothing may write to the drop meanwhile",
                    wanted.entry.path
                ))
            })?;
            artifacts.push((wanted.entry.path.clone(), listed(&digests)));
        }
        undisturbed(&source, &inventory)?;
        let payload = native::write(&release, &artifacts).map_err(|why| Failure::said(why.to_string()))?;
        let mut envelope = Envelope::over(&payload);
        for key in &self.keys {
            sign(&mut envelope, key, output)?;
        }
        files::write(&manifest, &envelope.to_json(), Existing::Replace, Readers::Everyone)?;
        output.note(&format!(
            "signed {} as {} {} {} in {}",
            counted(artifacts.len(), "file"),
            release.vendor,
            release.product,
            release.version,
            escape::path(&manifest)
        ));
        Ok(())
    }

    fn release(&self) -> Result<Release, Failure> {
        let issued = self.issued.unwrap_or_else(Time::now).whole_seconds();
        let replaces = match &self.replaces {
            Some(path) => {
                let (envelope, before) = untrusted(path)?;
                drop(envelope);
                Some(Replaces { version: before.release.version, manifest: before.digest })
            }
            None => None,
        };
        Ok(Release {
            vendor: self.vendor.clone(),
            product: self.product.clone(),
            version: self.version.clone(),
            kind: self.kind,
            issued: Some(issued),
            expires: Some(issued.after(self.expires_in)),
            order: Order::Sequence(self.sequence),
            replaces,
            recipient: self.recipient.clone(),
        })
    }
}

fn is_envelope(path: &DropPath) -> bool {
    path.as_str() == native::FILE || native::is_evidence(path.as_str())
}

fn listed(digests: &DigestSet<Computed>) -> Vec<(&'static str, String)> {
    digests.iter().map(|(algorithm, digest)| (algorithm.name(), hex(digest))).collect()
}

/// Refuses what the gate would refuse, before anyone signs it.
fn only_files(inventory: &Inventory) -> Result<(), Failure> {
    if inventory.odd.is_empty() {
        return Ok(());
    }
    let odd: Vec<String> = inventory
        .odd
        .iter()
        .take(limits::FINDINGS_SHOWN)
        .map(|odd| format!("\n  {}: {}", odd.shown, odd.oddity))
        .collect();
    Err(Failure::said(format!(
        "expected only regular files with acceptable names, found {} others:{}",
        inventory.odd.len(),
        odd.concat()
    )))
}

fn undisturbed(source: &Directory, inventory: &Inventory) -> Result<(), Failure> {
    match source.changes_since(inventory)?.as_slice() {
        [] => Ok(()),
        [place, ..] => Err(Failure::said(format!(
            "{place}: changed meanwhile; nothing may write to the drop while it is listed"
        ))),
    }
}

/// Adds a key's signature, unless it has signed already.
pub fn sign(envelope: &mut Envelope, file: &Path, output: &Output) -> Result<(), Failure> {
    let key = read_private(file, output)?;
    let public = key.public().map_err(|why| FileError::new(file, "sign with", why))?;
    let fingerprint = public.fingerprint();
    if envelope.signatures().iter().any(|signature| public.verify(envelope.signed_bytes(), &signature.bytes))
    {
        return Err(FileError::new(
            file,
            "sign with",
            "this key has signed already; expected another person's",
        )
        .into());
    }
    let bytes = key.sign(envelope.signed_bytes());
    envelope.add(Signature { untrusted_keyid: fingerprint, bytes });
    Ok(())
}

/// Reads a manifest without checking who signed it.
pub fn untrusted(path: &Path) -> Result<(Envelope, Manifest), Failure> {
    let path = if path.is_dir() { &path.join(native::FILE) } else { path };
    let refuse = |why: String| Failure::from(FileError::new(path, "read the manifest in", why));
    if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Err(refuse("there is none; `dropgate manifest create` makes it".to_owned()));
    }
    let envelope =
        Envelope::read(files::read(path, limits::MANIFEST_BYTES)?).map_err(|why| refuse(why.to_string()))?;
    let manifest = native::read(envelope.untrusted_payload()).map_err(|why| refuse(why.to_string()))?;
    Ok((envelope, manifest))
}

/// Add a signature, after checking that the drop is what its manifest says.
#[derive(clap::Args)]
pub struct Sign {
    /// The drop: a directory with a manifest.
    drop: PathBuf,
    /// The private key to sign with.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Sign {
    fn run(self, output: &Output) -> Result<(), Failure> {
        threads(None)?;
        let (mut envelope, manifest) = untrusted(&self.drop)?;
        let source = Directory::open(&self.drop)?;
        let inventory = source.inventory()?;
        only_files(&inventory)?;
        let wanted: Vec<Wanted<'_>> = pairs(&manifest, &inventory)
            .filter_map(|(artifact, entry)| {
                Some(Wanted { algorithms: artifact?.digests.algorithms(), entry: entry? })
            })
            .collect();
        let readings = source.digest(&wanted, &Bar::new(output.shows_progress()))?;
        drop(wanted);
        let contents = reconcile(&manifest, &inventory, readings, is_envelope);
        let wrong: Vec<&DropPath> = contents
            .altered
            .iter()
            .map(|altered| &altered.path)
            .chain(&contents.missing)
            .chain(&contents.not_compared)
            .chain(contents.disturbed.iter().map(|(path, _)| path))
            .chain(contents.extra.iter().map(|extra| &extra.path))
            .collect();
        if let [first, ..] = wrong.as_slice() {
            return Err(Failure::said(format!(
                "expected the drop that its manifest lists, found {} files altered, missing or unlisted, the first {first}; not signed",
                wrong.len()
            )));
        }
        undisturbed(&source, &inventory)?;
        sign(&mut envelope, &self.key, output)?;
        files::write(
            &self.drop.join(native::FILE),
            &envelope.to_json(),
            Existing::Replace,
            Readers::Everyone,
        )?;
        output.note(&format!(
            "signed {} {} {} as signature {}",
            manifest.release.vendor,
            manifest.release.product,
            manifest.release.version,
            envelope.signatures().len()
        ));
        Ok(())
    }
}

/// Show what a manifest says.
#[derive(clap::Args)]
pub struct Show {
    /// A drop, or its drop.dsse.json.
    drop: PathBuf,
    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Show {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let (envelope, manifest) = untrusted(&self.drop)?;
        let text = match self.format {
            Format::Text => text(&envelope, &manifest),
            Format::Json => json::pretty(&serde_json::json!({
                "version": json::VERSION,
                "verified": false,
                "sha256": manifest.digest,
                "keyids": envelope.signatures().iter().map(|one| &one.untrusted_keyid).collect::<Vec<_>>(),
                "release": json::release(&manifest.release),
                "artifacts": manifest.artifacts().iter().map(|artifact| serde_json::json!({
                    "name": artifact.path,
                    "digest": artifact.digests.iter()
                        .map(|(algorithm, digest)| (algorithm.name().to_owned(), hex(digest).into()))
                        .collect::<serde_json::Map<_, _>>(),
                })).collect::<Vec<_>>(),
            }))
            .map_err(|error| Failure::said(error.to_string()))?,
        };
        output.print(&text)
    }
}

fn text(envelope: &Envelope, manifest: &Manifest) -> String {
    let release = &manifest.release;
    let time = |time: Option<Time>| time.map_or_else(|| "never".to_owned(), |time| time.to_string());
    let mut text =
        "UNVERIFIED: what follows is what the manifest says; `dropgate verify` checks who signed it\n\n"
            .to_owned();
    let mut row = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<10} {value}");
    };
    row("vendor", release.vendor.to_string());
    row("product", release.product.to_string());
    row("version", release.version.to_string());
    row("kind", release.kind.to_string());
    row("order", release.order.to_string());
    row("issued", time(release.issued));
    row("expires", time(release.expires));
    if let Some(replaces) = &release.replaces {
        row("replaces", format!("{} (manifest sha256 {})", replaces.version, replaces.manifest));
    }
    if let Some(recipient) = &release.recipient {
        row("recipient", recipient.to_string());
    }
    row("sha256", manifest.digest.to_string());
    for signature in envelope.signatures() {
        row("key id", Escaped(&signature.untrusted_keyid).to_string());
    }
    row("files", manifest.artifacts().len().to_string());
    text.push('\n');
    for artifact in manifest.artifacts() {
        match artifact.digests.iter().next() {
            Some((algorithm, digest)) => {
                let _ = writeln!(text, "{algorithm} {}  {}", hex(digest), artifact.path);
            }
            None => {
                let _ = writeln!(text, "weak digests only  {}", artifact.path);
            }
        }
    }
    text
}
