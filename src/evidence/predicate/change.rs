//! `urn:dropgate:change:v1`: a change record. docs/predicates/change.md is the specification.

use super::{Document, SignedText, Words, choice};
use crate::drop::path::{DropPath, Name};
use crate::manifest::Kind;
use crate::time::Time;
use crate::trust::Party;
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;

/// The predicate type.
pub const TYPE: &str = "urn:dropgate:change:v1";

/// A change, as the vendor records it. Its subject is the manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Change {
    /// Its number in the vendor's records.
    pub id: Words,
    /// What kind of change.
    pub kind: Kind,
    /// Why it is made.
    pub cause: Cause,
    /// What it is, in words.
    pub summary: Words,
    /// When the record was written.
    pub written: Time,
    /// Who asked for it.
    pub initiator: Person,
    /// Who made it.
    pub builders: Vec<Name>,
    /// Who is responsible and pays, by which clause of the contract.
    pub responsibility: Option<Responsibility>,
    /// When it is to be integrated.
    pub window: Option<Window>,
    /// What it changes from.
    pub from: Option<Baseline>,
    /// What it changes to.
    pub to: Option<Name>,
    /// What changed, for people.
    pub changelog: Option<Document>,
    /// The vulnerabilities that it mends.
    #[serde(default)]
    pub vulnerabilities: Vec<Words>,
    /// The hardware that it is about.
    pub hardware: Option<Hardware>,
    /// The files that it changes.
    pub scope: Option<Scope>,
    /// How to go back.
    pub backout_plan: Option<Document>,
    /// The security incident that it answers.
    pub incident: Option<Words>,
    /// The term of the service level agreement that it departs from.
    pub service_level: Option<Words>,
    /// The counterfeit item that it replaces.
    pub counterfeit: Option<CounterfeitItem>,
    /// That it can't wait for the ordinary approval.
    pub emergency: Option<Emergency>,
}

/// Why a change is made (the list of SO14, requirement 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The vendor wants it.
    VendorInitiated,
    /// The contract has it.
    Agreed,
    /// The vendor departs from the agreed level of service.
    ServiceLevelVariation,
    /// A vulnerability was found.
    NewVulnerability,
    /// A security incident asks for it.
    CorrectiveAction,
}

/// A person, by name and party.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The name, as the operator's trust store spells owners.
    pub name: Name,
    /// Of which party.
    #[serde(deserialize_with = "party")]
    pub party: Party,
}

/// Who is responsible and pays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Responsibility {
    /// The clause of the contract.
    pub clause: Words,
    /// Who bears the additional cost.
    #[serde(deserialize_with = "party")]
    pub cost_borne_by: Party,
}

/// When a change is to be integrated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// From when on.
    pub opens: Time,
    /// Until when.
    pub closes: Time,
}

/// The release that a change begins from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Its version.
    pub version: Name,
    /// Its manifest.
    pub manifest: SignedText,
}

/// Hardware.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    /// Its model.
    pub model: Words,
    /// The serial numbers of the items.
    pub serials: Vec<Words>,
}

/// The files that a change says that it changes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Files that are new.
    pub added: Vec<Place>,
    /// Files that are gone.
    pub removed: Vec<Place>,
    /// Files with other contents.
    pub modified: Vec<Place>,
    /// Parts of the product, by the names that the operator's policy maps to paths: whatever changes there.
    pub components: Vec<Words>,
}

/// A file, or a directory with all that is below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file.
    File(DropPath),
    /// A directory: written with a slash at its end.
    Below(DropPath),
}

impl Place {
    /// Reads a path, or a directory's with a slash at its end. The whole drop can't be named.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains(['*', '?']) {
            return Err(format!(
                "expected a path, or a directory with `/` at its end, found the wildcard {text:?}; a change names what it changes"
            ));
        }
        let read = |path: &str| DropPath::parse(path).map_err(|why| format!("{text:?}: {why}"));
        match text.strip_suffix('/') {
            Some(directory) => read(directory).map(Self::Below),
            None => read(text).map(Self::File),
        }
    }

    /// Whether a file of this path is meant.
    pub fn covers(&self, path: &str) -> bool {
        match self {
            Self::File(own) => own.as_str() == path,
            Self::Below(directory) => {
                path.strip_prefix(directory.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            Self::Below(path) => write!(f, "{path}/"),
        }
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// A counterfeit item that is replaced.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterfeitItem {
    /// The notice about it.
    pub notice: Words,
    /// The item, by the name that the notice gives.
    pub item: Words,
}

/// A change that can't wait.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Emergency {
    /// Why.
    pub reason: Words,
    /// Until when the ordinary review is made up for.
    pub review_by: Time,
}

fn party<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Party, D::Error> {
    choice(deserializer, &Party::LEGAL)
}
