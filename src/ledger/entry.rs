//! An entry: what one verdict was on, what it said, what it rested on, and who had it recorded.
//!
//! ```json
//! {"_type":"urn:dropgate:ledger-entry:v1","recordedAt":"2026-01-20T12:00:03Z","judgedAt":"2026-01-20T12:00:00Z",
//!  "by":{"user":"ci","uid":1000,"host":"gate-1"},"action":"admit","verdict":"ACCEPT", ...}
//! ```
//!
//! What is long (verdict, manifest, the list of files, every file of the gate) lies beside the log as a document, and stands
//! here by its digest. An entry has one spelling, in compact JSON with its fields in the order below: what is spelled
//! otherwise is none, so two readers can't read two entries in one text.

use crate::digest::DocumentDigest;
use crate::drop::path::Name;
use crate::finding::Outcome;
use crate::json::{JsonError, Strict};
use crate::limits;
use crate::manifest::Kind;
use crate::time::Time;
use crate::verdict::Decision;
use serde::de::{self, Deserialize, Deserializer};
use serde::{Deserialize as Read, Serialize as Write, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The type of entries, and the only value of their first field.
pub const TYPE: &str = "urn:dropgate:ledger-entry:v1";

/// What an entry takes with all three packs, and some room.
const ORDINARY_BYTES: usize = 8 << 10;

/// Why something is not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryRefusal {
    /// Not the JSON of an entry.
    #[error("expected an entry of type {TYPE}: {0}")]
    Json(#[from] JsonError),
    /// The same entry in another spelling.
    #[error(
        "expected the one spelling of an entry (compact, fields in order); found another from byte {at} on"
    )]
    Spelling {
        /// The first byte that differs.
        at: usize,
    },
    /// Fields that contradict each other, or a value that can't be.
    #[error("at {place}: expected {expected}, found {found}")]
    Field {
        /// The field.
        place: &'static str,
        /// What it had to be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Longer than entries can be.
    #[error("expected an entry of at most {} bytes, found {found}", limits::LEDGER_ENTRY_BYTES)]
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
}

/// The field `_type`, which has one value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EntryType;

impl serde::Serialize for EntryType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(TYPE)
    }
}

impl<'de> Deserialize<'de> for EntryType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        named(deserializer, TYPE, |text| (text == TYPE).then_some(Self))
    }
}

/// One verdict, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Read, Write)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// What this is.
    #[serde(rename = "_type")]
    pub entry_type: EntryType,
    /// When it was recorded, by the clock of the host that did.
    pub recorded_at: Time,
    /// The time of judgement, which may have been given by hand.
    pub judged_at: Time,
    /// Who recorded it.
    pub by: By,
    /// What judged.
    pub tool: Tool,
    /// What was asked of it.
    pub action: Action,
    /// The decision.
    #[serde(with = "by_name")]
    pub verdict: Decision,
    /// The release, by its verified manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// The manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// How a drop of another form than ours was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_as: Option<ReadAs>,
    /// What arrived of what the manifest lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
    /// The verdict in JSON, whole.
    pub verdict_document: Doc,
    /// What the gate was.
    pub gate: GateFiles,
    /// The packs.
    pub policies: Vec<Policy>,
    /// The trust store.
    pub trust_store: Digest,
    /// Lists of counterfeit items.
    pub counterfeit_notices: Vec<Digest>,
    /// Statements that the operator added.
    pub evidence: Vec<NamedDoc>,
    /// What the drop was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// What each control said, by id.
    pub controls: BTreeMap<String, ControlOutcome>,
    /// The waivers that came along.
    pub waivers: Vec<Waiver>,
    /// Whose signatures the verdict rests on.
    pub keys: Vec<Key>,
    /// Where the drop was let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admission: Option<Admission>,
}

/// Who recorded an entry: whom the system took them for.
#[derive(Debug, Clone, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// The user's name.
    pub user: String,
    /// The user's number.
    pub uid: u32,
    /// The machine.
    pub host: String,
    /// What they had to say, such as a ticket or the URL of a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was asked of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Read, Write, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// To judge.
    Verify,
    /// To judge, and to let in what is accepted.
    Admit,
}

impl Action {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Admit => "admit",
        }
    }
}

/// What a drop is, as the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Who delivers.
    pub vendor: Name,
    /// What.
    pub product: Name,
    /// In which version.
    pub version: Name,
    /// What the drop is.
    pub kind: Kind,
    /// The release's number, where its manifest has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The release that it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaces>,
}

/// The release that another one replaces.
#[derive(Debug, Clone, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Replaces {
    /// Its version.
    pub version: Name,
    /// Its manifest.
    pub manifest: Digest,
}

/// SHA-256 of something, as `{"sha256": ...}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// The digest.
    pub sha256: DocumentDigest,
}

/// A document that lies beside the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Doc {
    /// Its digest, under which it lies there.
    pub sha256: DocumentDigest,
    /// Its size, in bytes.
    pub size: u64,
}

impl Doc {
    /// Names these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: DocumentDigest::of(bytes), size: bytes.len() as u64 }
    }
}

/// A document with a name of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct NamedDoc {
    /// Its name.
    pub name: String,
    /// Its digest, under which it lies beside the log.
    pub sha256: DocumentDigest,
    /// Its size, in bytes.
    pub size: u64,
}

impl NamedDoc {
    /// The document.
    pub fn doc(&self) -> Doc {
        Doc { sha256: self.sha256, size: self.size }
    }
}

/// The manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// SHA-256 of its signed text, by which others name it.
    pub sha256: DocumentDigest,
    /// The envelope that was read; of another form than ours, what was read of it: see [`crate::manifest::kept`].
    pub envelope: Doc,
}

/// How a drop of another form than ours was read: by the gate's profile, and by what the operator said of this drop.
#[derive(Debug, Clone, PartialEq, Eq, Read, Write)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadAs {
    /// The profile, where one was named or fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The form of the manifest, where one was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The version that the operator gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_version: Option<Name>,
    /// What the operator said that the drop is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
}

/// What arrived of what the manifest lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// The list, in the form of sha256sum: see [`super::contents`].
    pub document: Doc,
    /// How many files.
    pub files: u64,
    /// Their sizes in all, in bytes.
    pub bytes: u64,
}

/// The gate that judged.
#[derive(Debug, Clone, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct GateFiles {
    /// The operator's name.
    pub operator: String,
    /// Every file that it was read from: see [`super::configuration`].
    pub files: Doc,
}

/// A policy pack.
#[derive(Debug, Clone, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its digest.
    pub sha256: DocumentDigest,
}

/// What a drop was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The manifest, by its signed text.
    pub manifest: Digest,
    /// Its envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Doc>,
    /// The entry by which it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// The verdict by which it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Doc>,
}

/// How a control came out, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Read, Write)]
#[serde(transparent)]
pub struct ControlOutcome(#[serde(with = "by_name")] pub Outcome);

/// A waiver that came along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// SHA-256 of its signed text.
    pub sha256: DocumentDigest,
    /// The control that it is for.
    pub control: String,
    /// Where the decision is written down.
    pub ticket: String,
    /// Until when it counts.
    pub expires: Time,
    /// Whether it excused something.
    pub used: bool,
}

/// A key that the verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its fingerprint.
    pub sha256: DocumentDigest,
    /// The operator's name for it.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// What it signed, each once.
    #[serde(rename = "for")]
    pub uses: Vec<KeyUse>,
}

/// What a key signed of what a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Read, Write)]
#[serde(rename_all = "kebab-case")]
pub enum KeyUse {
    /// The manifest.
    Release,
    /// A statement about the drop.
    Evidence,
    /// A waiver.
    Waiver,
}

impl KeyUse {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Evidence => "evidence",
            Self::Waiver => "waiver",
        }
    }
}

/// Where a drop was let in.
#[derive(Debug, Clone, PartialEq, Eq, Read, Write)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// The store.
    pub store: String,
    /// The drop's path in it.
    pub path: String,
    /// Whether it was put there by this.
    pub state: AdmissionState,
}

/// Whether a drop was put where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Read, Write)]
#[serde(rename_all = "kebab-case")]
pub enum AdmissionState {
    /// It was.
    Stored,
    /// The same stood there before.
    AlreadyThere,
}

impl AdmissionState {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::AlreadyThere => "already-there",
        }
    }
}

/// A document that an entry names, and by what name people ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'e> {
    /// The name, as `dropgate ledger show --document` takes it.
    pub name: Cow<'e, str>,
    /// The document.
    pub doc: Doc,
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// When it is none, in the one spelling, or contradicts itself.
    pub fn read(bytes: &[u8]) -> Result<Self, EntryRefusal> {
        if bytes.len() > limits::LEDGER_ENTRY_BYTES {
            return Err(EntryRefusal::TooLong { found: bytes.len() });
        }
        // What is spelled as we spell it is strict JSON: no key stands twice, and nothing comes after it. Only what is not has
        // to be looked at for why.
        if let Ok(entry) = serde_json::from_slice::<Self>(bytes)
            && entry.write().is_ok_and(|spelled| spelled == bytes)
        {
            return Ok(entry);
        }
        let entry: Self = Strict::check(bytes).and_then(Strict::read)?;
        let spelled = entry.write()?;
        if spelled != bytes {
            let at = spelled.iter().zip(bytes).take_while(|(own, found)| own == found).count();
            return Err(EntryRefusal::Spelling { at });
        }
        Ok(entry)
    }

    /// The entry's bytes, the same every time.
    ///
    /// # Errors
    /// When reading them would refuse them.
    pub fn write(&self) -> Result<Vec<u8>, EntryRefusal> {
        self.check()?;
        let mut bytes = Vec::with_capacity(ORDINARY_BYTES);
        serde_json::to_writer(&mut bytes, self).map_err(|error| EntryRefusal::Field {
            place: "the entry",
            expected: "what JSON can hold",
            found: error.to_string(),
        })?;
        if bytes.len() > limits::LEDGER_ENTRY_BYTES {
            return Err(EntryRefusal::TooLong { found: bytes.len() });
        }
        Ok(bytes)
    }

    /// Every document that it names.
    fn docs(&self) -> impl Iterator<Item = Doc> {
        let baseline = self.baseline.iter().flat_map(|baseline| [baseline.envelope, baseline.verdict]);
        std::iter::once(self.verdict_document)
            .chain(self.manifest.map(|manifest| manifest.envelope))
            .chain(self.contents.map(|contents| contents.document))
            .chain(std::iter::once(self.gate.files))
            .chain(self.evidence.iter().map(NamedDoc::doc))
            .chain(baseline.flatten())
    }

    /// Every document that it names, with the name by which people ask for it.
    pub fn documents(&self) -> Vec<Named<'_>> {
        let own = |name: &'static str| std::iter::once(Cow::Borrowed(name));
        let baseline = self.baseline.as_ref();
        let names = own("verdict")
            .chain(self.manifest.iter().flat_map(|_| own("manifest")))
            .chain(self.contents.iter().flat_map(|_| own("contents")))
            .chain(own("gate"))
            .chain(self.evidence.iter().map(|file| Cow::Owned(format!("evidence/{}", file.name))))
            .chain(baseline.and_then(|own| own.envelope).map(|_| Cow::Borrowed("baseline/manifest")))
            .chain(baseline.and_then(|own| own.verdict).map(|_| Cow::Borrowed("baseline/verdict")));
        names.zip(self.docs()).map(|(name, doc)| Named { name, doc }).collect()
    }

    /// Whether a control was waived.
    pub fn is_waived(&self) -> bool {
        self.controls.values().any(|outcome| outcome.0 == Outcome::Waived)
    }

    /// What types alone don't keep out.
    fn check(&self) -> Result<(), EntryRefusal> {
        self.check_numbers()?;
        self.check_names()?;
        let refuse = |place, expected, found: &str| {
            Err(EntryRefusal::Field { place, expected, found: found.to_owned() })
        };
        if self.release.is_some() && self.manifest.is_none() {
            return refuse("release", "none without a verified manifest", "one without");
        }
        if self.controls.is_empty() {
            return refuse("controls", "one control at least", "none");
        }
        if self.verdict == Decision::Accept {
            // The same that a verdict asks, as far as it is written here: an entry can't accept what a verdict can't.
            if let Some((id, outcome)) = self.controls.iter().find(|(_, outcome)| !outcome.0.permits()) {
                let found = format!("{:?}: {}", id, outcome.0.name());
                return refuse("controls", "no refusal under an ACCEPT", &found);
            }
            if self.release.is_none() {
                return refuse("verdict", "REJECT without a verified manifest", "ACCEPT");
            }
        }
        let admits = self.action == Action::Admit && self.verdict == Decision::Accept;
        if self.admission.is_some() && !admits {
            return refuse("admission", "none but under an ACCEPT of `admit`", "one");
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), EntryRefusal> {
        let most = |place, number: u64, most: u64, expected| {
            let found = || EntryRefusal::Field { place, expected, found: number.to_string() };
            if number <= most { Ok(()) } else { Err(found()) }
        };
        let size = "a whole number up to 2^53 - 1, which every reader of JSON keeps exact";
        for doc in self.docs() {
            most("size", doc.size, limits::LEDGER_DOCUMENT_BYTES, "the size of a document")?;
        }
        if let Some(sequence) = self.release.as_ref().and_then(|release| release.sequence) {
            most("release.sequence", sequence, limits::SEQUENCE, size)?;
        }
        if let Some(contents) = &self.contents {
            most("contents.files", contents.files, limits::SEQUENCE, size)?;
            most("contents.bytes", contents.bytes, limits::SEQUENCE, size)?;
        }
        if let Some(entry) = self.baseline.and_then(|baseline| baseline.entry) {
            most("baseline.entry", entry, limits::LEDGER_ENTRIES, size)?;
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), EntryRefusal> {
        let refuse = |place, expected, found: String| Err(EntryRefusal::Field { place, expected, found });
        let mut seen: BTreeMap<&str, Doc> = BTreeMap::new();
        for file in &self.evidence {
            if seen.insert(&file.name, file.doc()).is_some_and(|other| other != file.doc()) {
                return refuse("evidence", "one document under one name", format!("two as {:?}", file.name));
            }
        }
        for key in &self.keys {
            if key.uses.is_empty() || !key.uses.is_sorted_by(|one, next| one < next) {
                let found = key.uses.iter().map(|own| own.name()).collect::<Vec<_>>().join(", ");
                return refuse("keys.for", "release, evidence, waiver: in this order, each once", found);
            }
        }
        Ok(())
    }
}

/// Something that documents write as one of a few words.
trait Word: Sized + Copy {
    /// All words, for a message.
    const LEGAL: &'static str;
    fn word(self) -> &'static str;
    fn of(word: &str) -> Option<Self>;
}

impl Word for Decision {
    const LEGAL: &'static str = "ACCEPT or REJECT";

    fn word(self) -> &'static str {
        self.name()
    }

    fn of(word: &str) -> Option<Self> {
        Self::named(word)
    }
}

impl Word for Outcome {
    const LEGAL: &'static str = "pass, fail, no-evidence, waived or not-applicable";

    fn word(self) -> &'static str {
        self.name()
    }

    fn of(word: &str) -> Option<Self> {
        Self::named(word)
    }
}

mod by_name {
    use super::{Deserializer, Serializer, Word, named};

    pub(super) fn serialize<T: Word, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value.word())
    }

    pub(super) fn deserialize<'de, T: Word, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        named(deserializer, T::LEGAL, T::of)
    }
}

fn named<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    legal: &str,
    of: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = crate::json::borrowed(deserializer)?;
    of(&text).ok_or_else(|| de::Error::custom(format_args!("expected {legal}, found {text:?}")))
}
