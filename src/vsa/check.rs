//! A summary held to what somebody expects, and files held to a summary. Pure; all that is wrong is told.

use super::{Subject, Summary, Uri};
use crate::digest::{Algorithm, Algorithms, Comparison, Computed, DigestSet, DocumentDigest, hex};
use crate::drop::path::DropPath;
use crate::drop::{Entry, Inventory};
use crate::escape::Escaped;
use crate::limits;
use crate::manifest::native;
use crate::reconcile::Reading;
use crate::time::{Period, Time};
use std::collections::HashMap;

/// What is wrong: where, what was expected, what was found. Each is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Fault {
    /// Where.
    pub place: String,
    /// What was expected there.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(place: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { place: place.into(), expected: expected.into(), found: found.into() }
    }
}

/// What a summary must say. What is `None` is not asked.
#[derive(Debug)]
pub struct Expected {
    /// The time of checking.
    pub at: Time,
    /// Whose word it must be.
    pub verifier: Option<Uri>,
    /// What the artifacts must be.
    pub resource: Option<Uri>,
    /// Under which policy.
    pub policy: Option<DocumentDigest>,
    /// How old it may be.
    pub age: Option<Period>,
    /// What must have been established.
    pub levels: Vec<String>,
}

/// Holds what a summary says to what is expected. The files are not looked at.
pub fn claims(summary: &Summary, expected: &Expected) -> Vec<Fault> {
    let shown = |text: &str| Escaped(text).to_string();
    let mut faults = Vec::new();
    if !summary.passed {
        faults.push(Fault::new("verificationResult", "PASSED", "FAILED"));
    }
    let uris = [
        ("verifier.id", &expected.verifier, &summary.verifier),
        ("resourceUri", &expected.resource, &summary.resource),
    ];
    for (place, uri, found) in uris {
        if let Some(uri) = uri.as_ref().filter(|uri| uri.0 != *found) {
            faults.push(Fault::new(place, uri.to_string(), shown(found)));
        }
    }
    if expected.policy.is_some() && expected.policy != summary.policy {
        let sha256 = |digest: Option<DocumentDigest>| {
            digest.map_or_else(|| "none".to_owned(), |digest| format!("sha256 {digest}"))
        };
        faults.push(Fault::new("policy.digest", sha256(expected.policy), sha256(summary.policy)));
    }
    faults.extend(age(summary.verified, expected));
    for level in &expected.levels {
        if !summary.levels.contains(level) {
            let found = summary.levels.iter().map(|level| shown(level)).collect::<Vec<_>>().join(", ");
            let found = if found.is_empty() { "none".to_owned() } else { found };
            faults.push(Fault::new("verifiedLevels", format!("{} among them", shown(level)), found));
        }
    }
    faults
}

fn age(verified: Option<Time>, expected: &Expected) -> Option<Fault> {
    let place = "timeVerified";
    let Some(verified) = verified else {
        return expected.age.map(|_| Fault::new(place, "a time", "none"));
    };
    let latest = expected.at.after(Period::of_seconds(limits::EVIDENCE_CLOCK_SKEW_SECONDS));
    if verified > latest {
        let expected = format!("a time that is not in the future, at most {latest}");
        return Some(Fault::new(place, expected, verified.to_string()));
    }
    let age = expected.age.filter(|age| verified.after(*age) < expected.at)?;
    let expected = format!("at most {age} before {}", expected.at);
    Some(Fault::new(place, expected, verified.to_string()))
}

/// A summary's subjects, to find files that were named one by one: by their bytes, whatever they are called now.
#[derive(Debug)]
pub struct ByDigest<'s> {
    subjects: HashMap<(Algorithm, &'s [u8]), Vec<&'s Subject>>,
    /// Every algorithm that some subject has a digest by.
    pub algorithms: Algorithms,
}

impl<'s> ByDigest<'s> {
    /// The subjects of `summary`.
    pub fn of(summary: &'s Summary) -> Self {
        let mut subjects: HashMap<_, Vec<&Subject>> = HashMap::with_capacity(summary.subjects.len());
        let mut algorithms = Algorithms::default();
        for subject in &summary.subjects {
            algorithms = subject.digests.iter().fold(algorithms, |set, (algorithm, _)| set.with(algorithm));
            if let Some(first) = subject.digests.iter().next() {
                subjects.entry(first).or_default().push(subject);
            }
        }
        Self { subjects, algorithms }
    }

    /// The subject that a file is, by every digest that the summary has for that.
    ///
    /// # Errors
    /// With what keeps it from being one.
    pub fn find(&self, place: &str, reading: &Reading) -> Result<&'s Subject, Fault> {
        let computed = reading
            .as_ref()
            .map_err(|why| Fault::new(place, "a file that nobody writes to", why.to_string()))?;
        let mut differing = None;
        for found in computed.iter() {
            for subject in self.subjects.get(&found).into_iter().flatten() {
                match differs(place, subject, computed) {
                    None => return Ok(subject),
                    difference => differing = difference,
                }
            }
        }
        Err(differing.unwrap_or_else(|| {
            let digest = computed.iter().next();
            let found = digest.map_or_else(String::new, |(by, digest)| format!("{by} {}", hex(digest)));
            Fault::new(place, "the bytes of a subject", format!("those of none, {found}"))
        }))
    }
}

fn differs(place: &str, subject: &Subject, computed: &DigestSet<Computed>) -> Option<Fault> {
    match computed.matches(&subject.digests) {
        Comparison::Matches => None,
        Comparison::Differs { algorithm, expected, found } => {
            Some(Fault::new(place, format!("{algorithm} {expected}"), found))
        }
        Comparison::NothingToCompare => Some(Fault::new(place, "a digest to compare with", "none")),
    }
}

/// A summary's subjects by their paths, to be held to a whole directory.
#[derive(Debug)]
pub struct ByPath<'s> {
    subjects: Vec<(DropPath, &'s Subject)>,
    faults: Vec<Fault>,
}

/// What is at hand of a directory beside its subjects.
#[derive(Debug)]
pub struct Rest<'i> {
    /// Manifest and evidence, which carry their own signatures and are no artifacts: to be read, and their payloads found
    /// among the summary's inputs.
    pub envelopes: Vec<&'i Entry>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

impl<'s> ByPath<'s> {
    /// The subjects of `summary`, which must all have a path, each its own.
    pub fn of(summary: &'s Summary) -> Self {
        let mut faults = Vec::new();
        let mut subjects = Vec::with_capacity(summary.subjects.len());
        for (index, subject) in summary.subjects.iter().enumerate() {
            let place = format!("subject {}", index.saturating_add(1));
            match subject.name.as_deref().map(DropPath::parse) {
                Some(Ok(path)) => subjects.push((path, subject)),
                Some(Err(why)) => faults.push(Fault::new(place, "the path of an artifact", why.to_string())),
                None => faults.push(Fault::new(place, "a path, to be found in a directory", "none")),
            }
        }
        subjects.sort_by(|(a, _), (b, _)| a.cmp(b));
        faults.extend(subjects.windows(2).filter_map(|pair| match pair {
            [(a, _), (b, _)] if a == b => Some(Fault::new(a.to_string(), "one subject of this name", "two")),
            _ => None,
        }));
        Self { subjects, faults }
    }

    fn find(&self, path: &DropPath) -> Option<&'s Subject> {
        let at = self.subjects.binary_search_by(|(own, _)| own.cmp(path)).ok()?;
        self.subjects.get(at).map(|(_, subject)| *subject)
    }

    /// The files that are subjects, with what to hash them by, in the order of the inventory.
    pub fn wanted<'i>(&self, inventory: &'i Inventory) -> Vec<(&'i Entry, &'s Subject)> {
        inventory.files.iter().filter_map(|entry| Some((entry, self.find(&entry.path)?))).collect()
    }

    /// What keeps a file from being the subject of its path.
    pub fn refuse(entry: &Entry, subject: &Subject, reading: &Reading) -> Option<Fault> {
        let place = entry.path.to_string();
        match reading {
            Ok(computed) => differs(&place, subject, computed),
            Err(disturbance) => {
                Some(Fault::new(place, "a file that nobody writes to", disturbance.to_string()))
            }
        }
    }

    /// Subjects without a file, and whatever is no subject.
    pub fn rest<'i>(&self, inventory: &'i Inventory) -> Rest<'i> {
        let mut faults = self.faults.clone();
        let missing = self.subjects.iter().filter(|(path, _)| inventory.find(path).is_none());
        faults.extend(missing.map(|(path, _)| {
            let odd = inventory.find_odd(path).map(|odd| odd.oddity.to_string());
            let directory =
                || inventory.directories.binary_search(path).is_ok().then(|| "a directory".to_owned());
            let found = odd.or_else(directory).unwrap_or_else(|| "no such file".to_owned());
            Fault::new(path.to_string(), "the file that the summary is about", found)
        }));
        let others = inventory.files.iter().filter(|entry| self.find(&entry.path).is_none());
        let (envelopes, extra): (Vec<_>, Vec<_>) = others.partition(|entry| {
            let path = entry.path.as_str();
            path == native::FILE || native::is_evidence(path)
        });
        let named = "nothing that the summary is not about";
        faults.extend(extra.iter().map(|entry| Fault::new(entry.path.to_string(), named, "a file")));
        // One at the path of a subject was told above.
        let odd = inventory.odd.iter();
        let odd = odd.filter(|odd| odd.path.as_ref().is_none_or(|path| self.find(path).is_none()));
        faults.extend(odd.map(|odd| Fault::new(odd.shown.clone(), named, odd.oddity.to_string())));
        Rest { envelopes, faults }
    }
}
