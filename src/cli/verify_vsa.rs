//! `dropgate verify-vsa`: at the deployment's end, whether a gate accepted these bytes.

use super::judging::{Format, threads};
use super::output::{Failure, Output};
use super::progress::Bar;
use crate::digest::DocumentDigest;
use crate::drop::directory::Directory;
use crate::drop::path::DropPath;
use crate::drop::{Entry, Source, Wanted};
use crate::escape;
use crate::files::{self, FileError, OnDisk};
use crate::limits;
use crate::manifest::native;
use crate::policy::Pack;
use crate::report::json;
use crate::time::{Period, Time};
use crate::trust::dsse::Envelope;
use crate::trust::ed25519::PublicKey;
use crate::trust::pinned::Pinned;
use crate::vsa::check::{self, ByDigest, ByPath, Expected, Fault};
use crate::vsa::{Summary, Uri, policy_digest};
use clap::ArgGroup;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check, where a release is deployed, that a gate accepted exactly these bytes.
///
/// Four things are to be said, or with --any-... to be waived in so many words, since a summary that is good and of something
/// else must not pass by omission: the verifier, the resource, the policy, the age.
///
/// Exit code 0: good. 1: not good; nothing of it is to be deployed. 2: could not look.
#[derive(clap::Args)]
#[command(
    group(ArgGroup::new("files").required(true).args(["paths", "drop"])),
    group(ArgGroup::new("whose").required(true).args(["verifier_id", "any_verifier"])),
    group(ArgGroup::new("which").required(true).args(["resource_uri", "any_resource"])),
    group(ArgGroup::new("policies").required(true).args(["policy", "policy_digest", "any_policy"])),
    group(ArgGroup::new("age").required(true).args(["max_age", "any_age"])),
    override_usage = "dropgate verify-vsa [OPTIONS] --key <FILE> <--verifier-id <URI>|--any-verifier>\n       \
        <--resource-uri <URI>|--any-resource> <--policy <PACK>|--policy-digest <HEX>|--any-policy>\n       \
        <--max-age <PERIOD>|--any-age> <VSA> <--drop <DIR>|FILES...>"
)]
pub struct VerifyVsa {
    /// The summary that the gate wrote with --vsa.
    vsa: PathBuf,

    /// Files to be deployed. Each must be one that the summary is about, by its bytes, whatever its name is.
    #[arg(value_name = "FILES")]
    paths: Vec<PathBuf>,

    /// A directory to be deployed: every file that the summary is about must be in it under its path, and no other. Manifest and
    /// evidence may be there, as the gate saw them.
    #[arg(long, value_name = "DIR")]
    drop: Option<PathBuf>,

    /// The gate's public key, in PEM. Several for several, one of which must have signed.
    #[arg(long = "key", required = true, value_name = "FILE")]
    keys: Vec<PathBuf>,

    /// Who must have judged, such as urn:dropgate:gate:Example%20Telecom.
    #[arg(long, value_name = "URI")]
    verifier_id: Option<Uri>,

    /// Whoever holds the key may call itself anything.
    #[arg(long)]
    any_verifier: bool,

    /// What the files must be, such as urn:dropgate:release:Acme%20Networks/radio-7/4.2.1.
    #[arg(long, value_name = "URI")]
    resource_uri: Option<Uri>,

    /// The files may be any product, in any version.
    #[arg(long)]
    any_resource: bool,

    /// A pack of the policy that they must have been judged by; once for each, and all of them.
    #[arg(long, value_name = "PACK")]
    policy: Vec<PathBuf>,

    /// The same by its digest, in hex: SHA-256 over `SHA256  ID` of each pack, a line each, sorted by id.
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    policy_digest: Option<DocumentDigest>,

    /// They may have been judged by any policy, however weak.
    #[arg(long)]
    any_policy: bool,

    /// How long ago they may have been judged, such as 30d.
    #[arg(long, value_name = "PERIOD")]
    max_age: Option<Period>,

    /// They may have been judged at any time, however long ago.
    #[arg(long)]
    any_age: bool,

    /// What must have been established: a control that passed, such as so12.malware-scan. Several for several.
    #[arg(long = "level", value_name = "LEVEL")]
    levels: Vec<String>,

    /// The time of checking, RFC 3339 with zone [default: now].
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,

    /// The form of the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// How many threads read and hash [default: one for each core].
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

fn sha256(text: &str) -> Result<DocumentDigest, String> {
    DocumentDigest::from_hex(text).ok_or_else(|| "expected 64 lowercase hex digits".to_owned())
}

/// What was found.
#[derive(Default)]
struct Found {
    /// What the summary says, once its signature is checked.
    summary: Option<Summary>,
    /// The fingerprint of the key that signed it, and the digest of what was signed.
    signed: Option<(String, DocumentDigest)>,
    /// How many files were found to be what it is about.
    files: usize,
    /// What files that were named one by one are: each with the subject's name, escaped.
    named: Vec<(String, String)>,
    /// What is wrong.
    faults: Vec<Fault>,
}

impl VerifyVsa {
    /// Checks.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        threads(self.jobs)?;
        let keys = self.keys.iter().map(|file| public(file)).collect::<Result<Vec<_>, _>>()?;
        let expected = self.expected()?;
        let mut found = read(&self.vsa, &keys)?;
        if let Some(summary) = &found.summary {
            found.faults.extend(check::claims(summary, &expected));
            let faults = match &self.drop {
                Some(drop) => {
                    let (files, faults) = directory(drop, summary, output)?;
                    found.files = files;
                    faults
                }
                None => {
                    let (named, faults) = named(&self.paths, summary, output)?;
                    (found.files, found.named) = (named.len(), named);
                    faults
                }
            };
            found.faults.extend(faults);
        }
        // Fail closed, should one of the steps above have told of nothing.
        let good = found.summary.is_some() && found.files > 0 && found.faults.is_empty();
        match self.format {
            Format::Text if output.quiet() => {}
            Format::Text => output.print(&text(&found, good))?,
            Format::Json => output.print(&rendered(&found, good)?)?,
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    fn expected(&self) -> Result<Expected, Failure> {
        let packs =
            self.policy.iter().map(|file| Pack::load(file, &OnDisk)).collect::<Result<Vec<_>, _>>()?;
        let policy = match packs.as_slice() {
            [] => self.policy_digest,
            packs => Some(policy_digest(packs.iter().map(|pack| (pack.id.as_str(), pack.digest())))),
        };
        Ok(Expected {
            at: self.at.unwrap_or_else(Time::now),
            verifier: self.verifier_id.clone(),
            resource: self.resource_uri.clone(),
            policy,
            age: self.max_age,
            levels: self.levels.clone(),
        })
    }
}

fn public(file: &Path) -> Result<PublicKey, Failure> {
    let text = files::read_text(file, limits::KEY_BYTES)?;
    PublicKey::from_pem(&text).map_err(|why| FileError::new(file, "read the key in", why).into())
}

/// Reads the summary: form, signature, contents, in this order. Nothing of it is believed, or shown, before its signature is checked.
fn read(file: &Path, keys: &[PublicKey]) -> Result<Found, Failure> {
    let bytes = files::read(file, limits::VSA_BYTES)?;
    let place = escape::path(file);
    let refused = |expected: &str, found: String| {
        let faults = vec![Fault::new(place.clone(), expected, escape::lines(&found))];
        Ok(Found { faults, ..Found::default() })
    };
    let envelope = match Envelope::read(bytes) {
        Ok(envelope) => envelope,
        Err(why) => return refused("a DSSE envelope over an in-toto statement", why.to_string()),
    };
    let signed = match Pinned::by(envelope, keys) {
        Ok(signed) => signed,
        Err(why) => {
            let keys: Vec<String> = keys.iter().map(PublicKey::fingerprint).collect();
            return refused(&format!("a signature by key {}", keys.join(" or ")), why.to_string());
        }
    };
    match Summary::read(signed.payload()) {
        Ok(summary) => Ok(Found {
            summary: Some(summary),
            signed: Some((signed.fingerprint().to_owned(), DocumentDigest::of(signed.payload()))),
            ..Found::default()
        }),
        Err(why) => refused("a SLSA verification summary, version 1", why.to_string()),
    }
}

/// Holds a whole directory to the summary: how many files are subjects, and what is wrong.
fn directory(drop: &Path, summary: &Summary, output: &Output) -> Result<(usize, Vec<Fault>), Failure> {
    let source = Directory::open(drop)?;
    let inventory = source.inventory()?;
    let subjects = ByPath::of(summary);
    let pairs = subjects.wanted(&inventory);
    let wanted: Vec<Wanted<'_>> = pairs
        .iter()
        .map(|(entry, subject)| Wanted { entry, algorithms: subject.digests.algorithms() })
        .collect();
    let readings = source.digest(&wanted, &Bar::new(output.shows_progress()))?;
    let differing = pairs.iter().zip(&readings);
    let differing: Vec<Fault> =
        differing.filter_map(|((entry, subject), reading)| ByPath::refuse(entry, subject, reading)).collect();
    let good = pairs.len().saturating_sub(differing.len());
    let rest = subjects.rest(&inventory);
    let mut faults = rest.faults;
    faults.extend(differing);
    for entry in rest.envelopes {
        faults.extend(unknown_envelope(&source, entry, summary)?);
    }
    // Last: what was read until here is what is there still.
    let changed = source.changes_since(&inventory)?.into_iter();
    faults.extend(
        changed.map(|place| Fault::new(place, "a directory that nobody writes to", "it changed meanwhile")),
    );
    faults.sort_unstable();
    Ok((good, faults))
}

/// What keeps a file that carries its own signatures from being one that the gate judged with the drop. What is in it and is
/// not signed may be another.
fn unknown_envelope(source: &Directory, entry: &Entry, summary: &Summary) -> Result<Option<Fault>, Failure> {
    let manifest = entry.path.as_str() == native::FILE;
    // The baseline's manifest is an input too, and no word on this release.
    let inputs = match manifest && !summary.manifests.is_empty() {
        true => &summary.manifests,
        false => &summary.inputs,
    };
    let cap = if manifest { limits::MANIFEST_BYTES } else { limits::EVIDENCE_BYTES };
    let found = match source.read(entry, cap)? {
        Ok(bytes) => match Envelope::read(bytes) {
            Ok(envelope) => {
                let digest = DocumentDigest::of(envelope.untrusted_payload());
                if inputs.contains(&digest) {
                    return Ok(None);
                }
                format!("one over sha256 {digest}, which is not among them")
            }
            Err(why) => why.to_string(),
        },
        Err(why) => why.to_string(),
    };
    let expected = match manifest {
        true => "an envelope over the manifest among the summary's inputAttestations",
        false => "an envelope over one of the summary's inputAttestations",
    };
    Ok(Some(Fault::new(entry.path.to_string(), expected, escape::lines(&found))))
}

/// Files with the names of the subjects that they are, and what is wrong.
type Named = (Vec<(String, String)>, Vec<Fault>);

/// Holds files to the summary, each wherever it is.
fn named(paths: &[PathBuf], summary: &Summary, output: &Output) -> Result<Named, Failure> {
    let subjects = ByDigest::of(summary);
    let mut below: BTreeMap<PathBuf, BTreeMap<DropPath, &Path>> = BTreeMap::new();
    for path in paths {
        let (directory, name) = place(path)?;
        below.entry(directory).or_default().insert(name, path);
    }
    let mut faults = Vec::new();
    let mut good = Vec::new();
    for (directory, names) in below {
        let source = Directory::open(&directory)?;
        let list: Vec<DropPath> = names.keys().cloned().collect();
        let inventory = source.inventory_of(&list)?;
        let shown =
            |name: &DropPath| names.get(name).map_or_else(|| name.to_string(), |path| escape::path(path));
        let odd = inventory.odd.iter().filter_map(|odd| Some((odd.path.as_ref()?, odd.oddity.to_string())));
        let directories = inventory.directories.iter().map(|path| (path, "a directory".to_owned()));
        faults.extend(
            odd.chain(directories).map(|(path, found)| Fault::new(shown(path), "a regular file", found)),
        );
        let wanted: Vec<Wanted<'_>> =
            inventory.files.iter().map(|entry| Wanted { entry, algorithms: subjects.algorithms }).collect();
        let readings = source.digest(&wanted, &Bar::new(output.shows_progress()))?;
        for (entry, reading) in inventory.files.iter().zip(&readings) {
            let file = shown(&entry.path);
            match subjects.find(&file, reading) {
                Ok(subject) => {
                    let name = subject.name.as_deref().unwrap_or_default();
                    good.push((file, escape::Escaped(name).to_string()));
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
    Ok((good, faults))
}

/// The directory that a file is in, whichever links lead there, and its name, which is not followed.
fn place(path: &Path) -> Result<(PathBuf, DropPath), Failure> {
    let fail = |why: String| FileError::new(path, "look at", why);
    let name = path.file_name().ok_or_else(|| fail("expected a file, found no name".to_owned()))?;
    let name = DropPath::from_bytes(name.as_encoded_bytes()).map_err(|why| fail(why.to_string()))?;
    let parent = files::directory_of(path);
    Ok((parent.canonicalize().map_err(|error| fail(error.to_string()))?, name))
}

fn text(found: &Found, good: bool) -> String {
    let mut text = match good {
        true => {
            format!("GOOD: {}, as the gate accepted them\n", crate::finding::counted(found.files, "file"))
        }
        false => format!("NOT GOOD: {}\n", crate::finding::counted(found.faults.len(), "fault")),
    };
    let mut row = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    if let Some(summary) = &found.summary {
        row("verifier", &escape::Escaped(&summary.verifier).to_string());
        row("resource", &escape::Escaped(&summary.resource).to_string());
        row("policy", &summary.policy.map_or_else(|| "none".to_owned(), |digest| format!("sha256 {digest}")));
        row("verified", &summary.verified.map_or_else(|| "none".to_owned(), |time| time.to_string()));
    }
    if let Some((fingerprint, digest)) = &found.signed {
        row("signed by", fingerprint);
        row("summary", &format!("sha256 {digest}"));
    }
    for (file, subject) in found.named.iter().take(limits::FINDINGS_SHOWN_IN_ALL) {
        row("file", &format!("{file}, which is {subject}"));
    }
    for fault in found.faults.iter().take(limits::FINDINGS_SHOWN_IN_ALL) {
        let Fault { place, expected, found } = fault;
        let _ = writeln!(text, "\n{place}\n    expected  {expected}\n    found     {found}");
    }
    let more = found.faults.len().saturating_sub(limits::FINDINGS_SHOWN_IN_ALL);
    if more > 0 {
        let _ = writeln!(text, "\nand {more} more, which --format json lists");
    }
    text
}

fn rendered(found: &Found, good: bool) -> Result<String, Failure> {
    let summary = found.summary.as_ref();
    let sha256 = |digest: &DocumentDigest| serde_json::json!({ "sha256": digest });
    let value = serde_json::json!({
        "version": 1,
        "result": if good { "good" } else { "not-good" },
        "summary": found.signed.as_ref().map(|(_, digest)| sha256(digest)),
        "signedBy": found.signed.as_ref().map(|(fingerprint, _)| fingerprint),
        "verifier": summary.map(|summary| &summary.verifier),
        "resource": summary.map(|summary| &summary.resource),
        "policy": summary.and_then(|summary| summary.policy.as_ref().map(sha256)),
        "verified": summary.and_then(|summary| summary.verified),
        "passed": summary.map(|summary| summary.passed),
        "levels": summary.map(|summary| &summary.levels),
        "files": found.files,
        "named": found.named.iter()
            .map(|(file, subject)| serde_json::json!({ "file": file, "subject": subject }))
            .collect::<Vec<_>>(),
        "faults": found.faults,
    });
    json::pretty(&value).map_err(|error| Failure::said(error.to_string()))
}
