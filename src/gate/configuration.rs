//! gate.toml: what it names, and where the record is kept.

use super::profile::{self, Profile};
use crate::config::{ConfigError, Document, Faults, Item, Section};
use crate::drop::path::Name;
use crate::files::Files;
use crate::ledger::lines::ReleaseLines;
use crate::ledger::note::VerifierKey;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file that gate.toml names, and where it does.
pub(super) struct Named {
    pub path: PathBuf,
    span: Range<usize>,
}

/// What gate.toml says.
pub(super) struct Configuration {
    document: Document,
    pub operator: Name,
    pub trust: Named,
    pub policies: Vec<Named>,
    pub notices: Vec<Named>,
    pub ledger: Option<LedgerPlace>,
    pub release_lines: Vec<ReleaseLines>,
    pub profiles: Vec<Profile>,
}

impl Configuration {
    pub(super) fn load(path: &Path, files: &dyn Files) -> Result<Self, ConfigError> {
        let document = Document::load(path, files)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let named = |(text, span): (String, Range<usize>)| Named { path: directory.join(text), span };
        let (operator, trust, policies, notices, ledger, (release_lines, profiles)) =
            document.parse(|root, faults| {
                let version = root.required("version", faults).and_then(|item| item.integer(1..=1, faults));
                let operator = root.required("operator", faults).and_then(|item| {
                    let text = item.text(faults)?;
                    Name::parse(text)
                        .map_err(|why| faults.add(item.span(), "not a name", why.to_string()))
                        .ok()
                });
                let trust = root.required("trust", faults);
                let trust = trust.and_then(|item| Some((item.text(faults)?.to_owned(), item.span())));
                let policies = root.required("policies", faults).and_then(|item| item.texts(faults));
                let notices =
                    all_or_none(root.optional("counterfeit-notices"), |item: Item<'_>| item.texts(faults));
                let ledger = root.section("ledger", faults);
                let ledger = all_or_none(ledger, |section| self::ledger(section, directory, faults));
                let lines = release_lines(root.sections("release-line", faults), faults);
                let profiles = profile::profiles(root.sections("profile", faults), faults);
                version?;
                let all = |texts: Vec<_>| texts.into_iter().map(named).collect::<Vec<Named>>();
                Some((
                    operator?,
                    named(trust?),
                    all(policies?),
                    notices?.map(all).unwrap_or_default(),
                    ledger?,
                    (lines, profiles),
                ))
            })?;
        Ok(Self { document, operator, trust, policies, notices, ledger, release_lines, profiles })
    }

    /// What was `read` from a file that it names; where it could not be read, the error points to where it is named.
    pub(super) fn read<T>(&self, named: &Named, read: Result<T, ConfigError>) -> Result<T, ConfigError> {
        read.map_err(|error| match error.unreadable() {
            Some(why) => {
                let message = format!("can't read {}", crate::escape::path(&named.path));
                ConfigError::at(&self.document, named.span.clone(), message, why)
            }
            None => error,
        })
    }
}

/// `None` where something is there and can't be read, `Some(None)` where nothing is there.
fn all_or_none<I, T>(item: Option<I>, read: impl FnOnce(I) -> Option<T>) -> Option<Option<T>> {
    match item {
        Some(item) => read(item).map(Some),
        None => Some(None),
    }
}

/// Where verdicts are recorded.
#[derive(Debug)]
pub struct LedgerPlace {
    /// The ledger's directory, made on first use.
    pub directory: PathBuf,
    /// Whose checkpoints count. Its name is the log's origin.
    pub verifier: VerifierKey,
    /// The file of the private key that signs checkpoints; without it the ledger is only read.
    pub key: Option<PathBuf>,
    /// The file outside of the ledger in which its newest checkpoint is kept.
    pub kept: Option<PathBuf>,
}

fn ledger(mut section: Section<'_>, directory: &Path, faults: &mut Faults) -> Option<LedgerPlace> {
    let place = section.required("directory", faults).and_then(|item| item.text(faults));
    let verifier = section.required("verifier-key", faults).and_then(|item| {
        let text = item.text(faults)?;
        let not_one = "not the verifier key of a log";
        text.parse::<VerifierKey>().map_err(|why| faults.add(item.span(), not_one, why.to_string())).ok()
    });
    let key = all_or_none(section.optional("key"), |item| Some(directory.join(item.text(faults)?)));
    let kept = section.optional("kept-checkpoint");
    let kept = all_or_none(kept, |item| Some(directory.join(item.text(faults)?)));
    section.finish(faults);
    Some(LedgerPlace { directory: directory.join(place?), verifier: verifier?, key: key?, kept: kept? })
}

fn release_lines(sections: Vec<Section<'_>>, faults: &mut Faults) -> Vec<ReleaseLines> {
    let mut all: Vec<ReleaseLines> = Vec::new();
    for mut section in sections {
        let span = section.span();
        let vendor = section.required("vendor", faults).and_then(|item| item.text(faults));
        let product = section.required("product", faults).and_then(|item| item.text(faults));
        let prefixes = section.required("versions-beginning", faults).and_then(|item| item.texts(faults));
        section.finish(faults);
        let (Some(vendor), Some(product), Some(prefixes)) = (vendor, product, prefixes) else { continue };
        for (prefix, span) in &prefixes {
            if prefix.is_empty() {
                faults.add(
                    span.clone(),
                    "every version begins with nothing",
                    "expected at least one character",
                );
            }
        }
        if all.iter().any(|one| (one.vendor.as_str(), one.product.as_str()) == (vendor, product)) {
            faults.add(span, "the lines of this product stand twice", "expected each product once");
        }
        let prefixes = prefixes.into_iter().map(|(prefix, _)| prefix).collect();
        all.push(ReleaseLines { vendor: vendor.to_owned(), product: product.to_owned(), prefixes });
    }
    all
}
