//! What every statement needs: a drop with its manifest, subjects, documents by digest, signatures.

use crate::cli::manifest::{sign, untrusted};
use crate::cli::output::{Failure, Output};
use crate::digest::{Claimed, Comparison, Computed, DigestSet, Hashers, hex};
use crate::drop::directory::Directory;
use crate::drop::path::DropPath;
use crate::drop::{Entry, Inventory, NoProgress, Source, Wanted};
use crate::escape;
use crate::evidence::predicate::change::Place;
use crate::evidence::predicate::{Format, Raw, Type};
use crate::files::{self, Existing, FileError, Readers};
use crate::json::Strict;
use crate::limits;
use crate::manifest::{Artifact, Manifest, native};
use crate::time::{Period, Time};
use crate::trust::dsse::Envelope;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Where a statement goes, and by whom it is signed.
#[derive(clap::Args)]
pub struct Sealing {
    /// A private key to sign with; several for several signatures.
    #[arg(long = "key", required = true, value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// Where to write the statement [default: DROP/evidence/TYPE.dsse.json].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a statement that is already there.
    #[arg(long)]
    replace: bool,
}

impl Sealing {
    /// Where to write, if that was said.
    pub fn output(&self) -> Option<PathBuf> {
        self.output.clone()
    }
}

/// What a statement is about.
#[derive(clap::Args)]
pub struct About {
    /// The drop: a directory with its manifest, drop.dsse.json.
    drop: PathBuf,
    /// A file of the drop that the statement is about; several for several [default: the manifest, and so all].
    #[arg(long = "subject", value_name = "PATH")]
    subjects: Vec<String>,
}

/// A drop that statements are made about. Its manifest is read, and nobody's signature on it checked.
pub struct Ground {
    path: PathBuf,
    source: Directory,
    inventory: Inventory,
    /// Its manifest.
    pub manifest: Manifest,
}

impl About {
    /// Opens the drop.
    pub fn open(&self) -> Result<Ground, Failure> {
        let (_, manifest) = untrusted(&self.drop)?;
        let source = Directory::open(&self.drop)?;
        let inventory = source.inventory()?;
        Ok(Ground { path: self.drop.clone(), source, inventory, manifest })
    }

    /// The subjects, as in-toto writes them.
    pub fn subjects(&self, ground: &Ground) -> Result<Vec<Value>, Failure> {
        if self.subjects.is_empty() {
            return Ok(vec![ground.whole()]);
        }
        let named = self.subjects.iter().map(|path| {
            let artifact = ground.listed(path)?;
            Ok(named(artifact))
        });
        named.collect()
    }

    /// The manifest as the subject of what is about exactly that: about single files the gate would not take it.
    pub fn manifest_alone(&self, ground: &Ground) -> Result<Vec<Value>, Failure> {
        match self.subjects.first() {
            None => Ok(vec![ground.whole()]),
            Some(path) => Err(Failure::said(format!(
                "--subject: expected none, for this is about the manifest as a whole, found {path:?}"
            ))),
        }
    }
}

impl Ground {
    /// The manifest as a subject.
    pub fn whole(&self) -> Value {
        json!({ "name": native::FILE, "digest": { "sha256": self.manifest.digest } })
    }

    /// The artifact of this path: relative to the drop, or from here.
    fn listed(&self, text: &str) -> Result<&Artifact, Failure> {
        let said = |why: String| Failure::said(format!("{}: {why}", escape::Escaped(text)));
        let within = Path::new(text).strip_prefix(&self.path).ok().and_then(Path::to_str);
        let path = DropPath::parse(within.unwrap_or(text)).map_err(|why| said(why.to_string()))?;
        let artifacts = self.manifest.artifacts();
        let at = artifacts.binary_search_by(|artifact| artifact.path.cmp(&path)).ok();
        at.and_then(|at| artifacts.get(at)).ok_or_else(|| {
            said(
                "expected a file that the manifest lists, found none of this name there; put it into the drop, and make \
                 the manifest again"
                    .to_owned(),
            )
        })
    }

    /// The contents of a listed file, which must be those that the manifest lists.
    fn contents(&self, artifact: &Artifact) -> Result<Vec<u8>, Failure> {
        let said = |why: String| Failure::said(format!("{}: {why}", artifact.path));
        let entry = self.entry(artifact)?;
        let bytes = self.source.read(entry, limits::REPORT_BYTES)?.map_err(|why| said(why.to_string()))?;
        if bytes.is_empty() {
            return Err(said("expected contents, found an empty file".to_owned()));
        }
        let mut hashers = Hashers::new(artifact.digests.algorithms());
        hashers.update(&bytes);
        same(artifact, &hashers.finish())?;
        Ok(bytes)
    }

    /// A listed document, by its digest, whatever its size.
    pub fn document(&self, text: &str) -> Result<Value, Failure> {
        let artifact = self.listed(text)?;
        self.intact(artifact)?;
        Ok(named(artifact))
    }

    /// A listed document; of a directory, with `/` at the end of its path, every listed file below it.
    pub fn documents_below(&self, text: &str) -> Result<Vec<Value>, Failure> {
        if !text.ends_with('/') {
            return Ok(vec![self.document(text)?]);
        }
        let said = |why: String| Failure::said(format!("{}: {why}", escape::Escaped(text)));
        let place = Place::parse(text).map_err(said)?;
        let below = self.manifest.artifacts().iter().filter(|artifact| place.covers(artifact.path.as_str()));
        let below: Vec<&Artifact> = below.collect();
        if below.is_empty() {
            return Err(said("expected files that the manifest lists below it, found none".to_owned()));
        }
        below.into_iter().map(|artifact| self.intact(artifact).map(|()| named(artifact))).collect()
    }

    /// Refuses a drop with files that are not among `names`, reports below evidence/ left out.
    pub fn all_named(&self, names: &HashSet<&str>) -> Result<(), Failure> {
        let paths = self.manifest.artifacts().iter().map(|artifact| artifact.path.as_str());
        let rest: Vec<&str> =
            paths.filter(|path| !path.starts_with("evidence/") && !names.contains(path)).collect();
        match rest.first() {
            None => Ok(()),
            Some(first) => Err(Failure::said(format!(
                "expected a dossier that names every file of the drop, found {} that it does not name, the first {}; the \
                 gate refuses it",
                rest.len(),
                escape::Escaped(first)
            ))),
        }
    }

    /// Refuses a listed file that is not what the manifest lists, or is empty.
    fn intact(&self, artifact: &Artifact) -> Result<(), Failure> {
        let said = |why: String| Failure::said(format!("{}: {why}", artifact.path));
        let entry = self.entry(artifact)?;
        if entry.size == 0 {
            return Err(said("expected contents, found an empty file".to_owned()));
        }
        let wanted = [Wanted { entry, algorithms: artifact.digests.algorithms() }];
        for reading in self.source.digest(&wanted, &NoProgress)? {
            same(artifact, &reading.map_err(|why| said(why.to_string()))?)?;
        }
        Ok(())
    }

    fn entry(&self, artifact: &Artifact) -> Result<&Entry, Failure> {
        self.inventory.find(&artifact.path).ok_or_else(|| {
            let why = "expected the file that the manifest lists, found none in the drop";
            Failure::said(format!("{}: {why}", artifact.path))
        })
    }

    /// A listed raw report, by its digest, and what it says; refused where the gate would refuse it.
    pub fn report(&self, text: &str, format: Format) -> Result<(Value, Raw), Failure> {
        let artifact = self.listed(text)?;
        let raw = format.read(&self.contents(artifact)?).map_err(|why| {
            Failure::said(format!("{}: expected a report of form {}: {why}", artifact.path, format.name()))
        })?;
        if let Some(first) = raw.disagreements().first() {
            return Err(Failure::said(format!(
                "{}: {}: expected {}, as the report says of itself, found {}; the gate refuses it",
                artifact.path, first.place, first.claimed, first.counted
            )));
        }
        if let Some(first) = raw.failures().first() {
            return Err(Failure::said(format!(
                "{}: expected a run to its end, found: {first}",
                artifact.path
            )));
        }
        Ok((named(artifact), raw))
    }

    /// Signs a statement and writes it. What is written is read back as the gate reads it.
    pub fn seal(
        &self,
        (uri, name): (&str, &str),
        subjects: Vec<Value>,
        predicate: &Value,
        sealing: &Sealing,
        output: &Output,
    ) -> Result<(), Failure> {
        let file =
            sealing.output.clone().unwrap_or_else(|| self.path.join(format!("evidence/{name}.dsse.json")));
        if let (Some(directory), None) = (file.parent(), &sealing.output) {
            std::fs::create_dir_all(directory).map_err(|error| FileError::new(directory, "make", error))?;
        }
        seal(&file, uri, subjects, predicate, sealing, output)
    }
}

/// Signs a statement and writes it to `file`.
pub fn seal(
    file: &Path,
    uri: &str,
    subjects: Vec<Value>,
    predicate: &Value,
    sealing: &Sealing,
    output: &Output,
) -> Result<(), Failure> {
    let said = |why: String| Failure::said(why);
    if !sealing.replace && file.symlink_metadata().is_ok() {
        let why = "expected none, found one; --replace writes it anew, --output names another file";
        return Err(FileError::new(file, "write", why).into());
    }
    let text = serde_json::to_vec(predicate).map_err(|error| said(error.to_string()))?;
    let known =
        Type::of(uri).ok_or_else(|| said(format!("{uri}: not a predicate type that the gate reads")))?;
    let json = Strict::check(&text).map_err(|why| said(why.to_string()))?;
    known.read(json).map_err(said)?;
    let statement = json!({
        "_type": native::STATEMENT,
        "subject": subjects,
        "predicateType": uri,
        "predicate": predicate,
    });
    let payload = serde_json::to_vec(&statement).map_err(|error| said(error.to_string()))?;
    let mut envelope = Envelope::over(&payload);
    for key in &sealing.keys {
        sign(&mut envelope, key, output)?;
    }
    let existing = if sealing.replace { Existing::Replace } else { Existing::Keep };
    files::write(file, &envelope.to_json(), existing, Readers::Everyone)?;
    output.note(&format!("signed {}", escape::bytes(file.as_os_str().as_encoded_bytes())));
    Ok(())
}

/// A statement as somebody delivered it, its signatures not checked.
pub struct Told {
    /// Its envelope.
    pub envelope: Envelope,
    /// What it is about, by type.
    pub known: &'static Type,
    statement: Value,
}

impl Told {
    /// Reads one in the form that its type asks for.
    pub fn read(file: &Path) -> Result<Self, Failure> {
        let refuse = |why: String| Failure::from(FileError::new(file, "read the statement in", why));
        let envelope = Envelope::read(files::read(file, limits::EVIDENCE_BYTES)?)
            .map_err(|why| refuse(why.to_string()))?;
        let statement: Value = Strict::check(envelope.untrusted_payload())
            .and_then(Strict::read)
            .map_err(|why| refuse(why.to_string()))?;
        let text = |name: &str| statement.get(name).and_then(Value::as_str).unwrap_or("none");
        if text("_type") != native::STATEMENT {
            return Err(refuse(format!(
                "_type: expected {:?}, found {:?}",
                native::STATEMENT,
                text("_type")
            )));
        }
        let uri = text("predicateType");
        let known = Type::of(uri).ok_or_else(|| {
            refuse(match uri {
                native::PREDICATE => {
                    "expected evidence, found a manifest; `dropgate manifest sign` signs that".to_owned()
                }
                _ => format!("expected a predicate type that the gate reads, found {uri:?}"),
            })
        })?;
        let predicate = statement.get("predicate").map(Value::to_string).unwrap_or_default();
        let json = Strict::check(predicate.as_bytes()).map_err(|why| refuse(format!("predicate: {why}")))?;
        known.read(json).map_err(refuse)?;
        Ok(Self { envelope, known, statement })
    }

    /// What it is about: names and SHA-256, where they are stated.
    pub fn subjects(&self) -> Vec<(&str, &str)> {
        let subjects = self.statement.get("subject").and_then(Value::as_array);
        let text = |subject, at| Value::pointer(subject, at).and_then(Value::as_str).unwrap_or("none");
        subjects.into_iter().flatten().map(|one| (text(one, "/name"), text(one, "/digest/sha256"))).collect()
    }
}

fn named(artifact: &Artifact) -> Value {
    json!({ "name": artifact.path, "digest": digests(&artifact.digests) })
}

/// Refuses other bytes than those that the manifest lists.
fn same(artifact: &Artifact, found: &DigestSet<Computed>) -> Result<(), Failure> {
    let said = |why: String| Failure::said(format!("{}: {why}", artifact.path));
    match found.matches(&artifact.digests) {
        Comparison::Matches => Ok(()),
        Comparison::Differs { algorithm, expected, found } => {
            Err(said(format!("expected {algorithm} {expected}, as the manifest lists, found {found}")))
        }
        Comparison::NothingToCompare => Err(said(
            "expected a digest by sha256 or stronger in the manifest, found weak ones only".to_owned(),
        )),
    }
}

/// Digests as in-toto writes them.
fn digests(digests: &DigestSet<Claimed>) -> Value {
    let members = digests.iter().map(|(algorithm, digest)| (algorithm.name().to_owned(), hex(digest).into()));
    Value::Object(members.collect::<Map<_, _>>())
}

/// An object without the members that are null: what was not given is not stated.
pub fn stated(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().filter(|(_, member)| !member.is_null()).collect())
        }
        other => other,
    }
}

/// Refuses times that the gate would not believe.
pub fn ordered(started: Option<Time>, finished: Time) -> Result<(), Failure> {
    if let Some(started) = started.filter(|started| *started > finished) {
        return Err(Failure::said(format!(
            "expected an end at or after the start, {started}, found {finished}"
        )));
    }
    let skew = Period::of_seconds(limits::EVIDENCE_CLOCK_SKEW_SECONDS);
    if finished > Time::now().after(skew) {
        return Err(Failure::said(format!("expected an end that is not in the future, found {finished}")));
    }
    Ok(())
}

/// Splits `NAME=VALUE`; for clap.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// Reads one of the legal names; for clap.
pub fn one_of<T: Copy>(legal: &[(&'static str, T)], text: &str) -> Result<T, String> {
    let found = legal.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = legal.iter().map(|(name, _)| *name).collect();
        format!("expected {}", names.join(", "))
    })
}
