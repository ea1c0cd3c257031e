//! The manifest's text: metadata, and every file with its hash (SOL 004, clauses 4.3.2 and 4.3.7).
//!
//! ```text
//! metadata:
//!     vnf_product_name: radio
//!     vnf_provider_id: Acme
//!     vnf_package_version: 4.2
//!     vnf_release_date_time: 2026-01-31T12:00:00Z
//!
//! Source: Files/image.bin
//! Algorithm: SHA-256
//! Hash: 98ea...
//! Signature: Files/image.bin.cms        of this file by itself, if wanted
//! Certificate: Files/image.bin.cert
//!
//! non_mano_artifact_sets:
//!     onap_others:
//!         Source: Files/image.bin
//! ```
//!
//! It looks like YAML and is none. Indentation means nothing here, and the sections come in any order: in which set a file stands,
//! nobody asks.

mod refusal;

pub use refusal::TextRefusal;

use super::lines::{Item, Line, lines, shown};
use super::path;
use crate::digest::{Claims, WEAK_NAMES};
use crate::drop::path::{DropPath, Name};
use crate::limits;
use crate::manifest::Artifact;
use crate::manifest::described::Described;
use std::collections::BTreeMap;

/// What the metadata are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// A virtualised network function.
    Vnf,
    /// A physical one.
    Pnf,
    /// An application by its own descriptor.
    Asd,
    /// A network service (SOL 007, which has the same form).
    Ns,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Product,
    Vendor,
    Version,
    Issued,
}

/// The names under which the four facts stand, by what the package is of.
const METADATA: [(&str, Family, Field); 24] = [
    ("vnf_product_name", Family::Vnf, Field::Product),
    ("vnf_provider_id", Family::Vnf, Field::Vendor),
    ("vnf_package_version", Family::Vnf, Field::Version),
    ("vnf_release_date_time", Family::Vnf, Field::Issued),
    ("pnfd_name", Family::Pnf, Field::Product),
    ("pnfd_provider", Family::Pnf, Field::Vendor),
    ("pnfd_archive_version", Family::Pnf, Field::Version),
    ("pnfd_release_date_time", Family::Pnf, Field::Issued),
    ("asd_name", Family::Asd, Field::Product),
    ("asd_provider", Family::Asd, Field::Vendor),
    ("asd_archive_version", Family::Asd, Field::Version),
    ("asd_release_date_time", Family::Asd, Field::Issued),
    ("application_name", Family::Asd, Field::Product),
    ("application_provider", Family::Asd, Field::Vendor),
    ("application_version", Family::Asd, Field::Version),
    ("release_date_time", Family::Asd, Field::Issued),
    ("nsd_name", Family::Ns, Field::Product),
    ("nsd_designer", Family::Ns, Field::Vendor),
    ("nsd_file_structure_version", Family::Ns, Field::Version),
    ("nsd_release_date_time", Family::Ns, Field::Issued),
    ("ns_product_name", Family::Ns, Field::Product),
    ("ns_provider_id", Family::Ns, Field::Vendor),
    ("ns_package_version", Family::Ns, Field::Version),
    ("ns_release_date_time", Family::Ns, Field::Issued),
];

/// A file that has a signature of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Individual {
    /// The file.
    pub artifact: DropPath,
    /// The CMS signature over its bytes.
    pub signature: DropPath,
    /// The signer's certificate: material to build a path with.
    pub certificate: Option<DropPath>,
}

/// A manifest's text, read.
#[derive(Debug, Clone)]
pub struct Text {
    /// What the package is of, where the metadata say so.
    pub family: Option<Family>,
    /// What it says of the release.
    pub described: Described,
    /// Every file that is listed, sorted by path, each once. The digests are empty where none was given: such a file is
    /// listed and nothing can be told about it.
    pub artifacts: Vec<Artifact>,
    /// How many of them have a hash.
    pub hashed: usize,
    /// Files with signatures of their own, in the order of the files' paths.
    pub individual: Vec<Individual>,
}

/// Reads a manifest's text. `itself` is the manifest's own path, which may be listed and is left out.
///
/// # Errors
/// When it is not in this form, or could be taken for two manifests.
pub fn read(signed: &[u8], itself: &DropPath) -> Result<Text, TextRefusal> {
    let mut reader = Reader::default();
    for item in lines(signed) {
        if let Item::Line(line) = item? {
            reader.take(line)?;
        }
    }
    reader.finish(itself)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Section {
    #[default]
    None,
    Metadata,
    Files,
    Sets,
}

/// The lines about one file.
#[derive(Debug)]
struct Block {
    number: usize,
    in_a_set: bool,
    file: DropPath,
    algorithm: Option<(usize, String)>,
    hash: Option<(usize, String)>,
    signature: Option<(usize, DropPath)>,
    certificate: Option<(usize, DropPath)>,
}

/// One listing of a file.
#[derive(Debug)]
struct Listed {
    number: usize,
    in_a_set: bool,
    hashed: bool,
    artifact: Artifact,
    signature: Option<DropPath>,
    certificate: Option<DropPath>,
}

#[derive(Debug, Default)]
struct Reader {
    section: Section,
    sections: BTreeMap<&'static str, usize>,
    metadata: BTreeMap<String, usize>,
    family: Option<(Family, &'static str)>,
    facts: Vec<(Field, usize)>,
    described: Described,
    block: Option<Block>,
    listed: Vec<Listed>,
}

impl Reader {
    fn take(&mut self, line: Line<'_>) -> Result<(), TextRefusal> {
        match line.key.to_ascii_lowercase().as_str() {
            "metadata" => self.enter("metadata", Section::Metadata, line),
            "non_mano_artifact_sets" => self.enter("non_mano_artifact_sets", Section::Sets, line),
            "source" => self.source(line),
            "algorithm" => self.attribute(line, |block, at| set(&mut block.algorithm, at, text(at)?)),
            "hash" => self.attribute(line, |block, at| set(&mut block.hash, at, text(at)?)),
            "signature" => self.attribute(line, |block, at| set(&mut block.signature, at, file(at)?)),
            "certificate" => self.attribute(line, |block, at| set(&mut block.certificate, at, file(at)?)),
            key => match self.section {
                Section::Metadata => self.fact(key, line),
                // The name of a set.
                Section::Sets if line.value.is_empty() => self.close(),
                Section::Sets => Err(misplaced(line, "the name of a set and a colon, or Source")),
                Section::None => Err(misplaced(line, "metadata:, Source or non_mano_artifact_sets:")),
                Section::Files => Err(misplaced(line, "Source, Algorithm, Hash, Signature or Certificate")),
            },
        }
    }

    fn enter(&mut self, name: &'static str, section: Section, line: Line<'_>) -> Result<(), TextRefusal> {
        if !line.value.is_empty() {
            return Err(misplaced(line, "nothing behind the colon"));
        }
        if let Some(first) = self.sections.insert(name, line.number) {
            return Err(TextRefusal::Twice { number: line.number, key: name.to_owned(), first });
        }
        self.section = section;
        self.close()
    }

    fn fact(&mut self, key: &str, line: Line<'_>) -> Result<(), TextRefusal> {
        let Line { number, value, .. } = line;
        if self.metadata.len() >= limits::SOL004_METADATA {
            return Err(TextRefusal::TooMuchMetadata { number });
        }
        let twice = |first| TextRefusal::Twice { number, key: shown(key.as_bytes()), first };
        if let Some(first) = self.metadata.insert(key.to_owned(), number) {
            return Err(twice(first));
        }
        // Whatever else stands there (specification versions, managers, software versions) decides nothing here.
        let Some((name, family, field)) = METADATA.iter().find(|(name, ..)| *name == key) else {
            return Ok(());
        };
        match self.family {
            Some((other, first)) if other != *family => {
                return Err(TextRefusal::TwoFamilies { number, key: (*name).to_owned(), first });
            }
            _ => self.family = Some((*family, name)),
        }
        if let Some((_, first)) = self.facts.iter().find(|(known, _)| known == field) {
            return Err(twice(*first));
        }
        self.facts.push((*field, number));
        let found = || shown(value.as_bytes());
        let named = |why| TextRefusal::Name { number, key: (*name).to_owned(), found: found(), why };
        let name_of = || Name::parse(value).map(|name| Some(name.as_str().to_owned())).map_err(named);
        match field {
            Field::Vendor => self.described.vendor = name_of()?,
            Field::Product => self.described.product = name_of()?,
            Field::Version => self.described.version = name_of()?,
            Field::Issued => {
                let timed = |why| TextRefusal::Time { number, key: (*name).to_owned(), found: found(), why };
                self.described.issued = Some(value.parse().map_err(timed)?);
            }
        }
        Ok(())
    }

    fn source(&mut self, line: Line<'_>) -> Result<(), TextRefusal> {
        self.close()?;
        if self.listed.len() >= limits::DROP_FILES {
            return Err(TextRefusal::TooMany { number: line.number });
        }
        if self.section != Section::Sets {
            self.section = Section::Files;
        }
        self.block = Some(Block {
            number: line.number,
            in_a_set: self.section == Section::Sets,
            file: file(line)?,
            algorithm: None,
            hash: None,
            signature: None,
            certificate: None,
        });
        Ok(())
    }

    fn attribute(
        &mut self,
        line: Line<'_>,
        set: impl FnOnce(&mut Block, Line<'_>) -> Result<(), TextRefusal>,
    ) -> Result<(), TextRefusal> {
        match &mut self.block {
            Some(block) => set(block, line),
            None => Err(misplaced(line, "Source before what is said of the file")),
        }
    }

    /// Ends the lines about a file.
    fn close(&mut self) -> Result<(), TextRefusal> {
        if let Some(block) = self.block.take() {
            self.listed.push(block.listed()?);
        }
        Ok(())
    }

    fn finish(mut self, itself: &DropPath) -> Result<Text, TextRefusal> {
        self.close()?;
        let mut listed = self.listed;
        listed.sort_by(|a, b| (&a.artifact.path, a.number).cmp(&(&b.artifact.path, b.number)));
        let mut merged: Vec<Listed> = Vec::with_capacity(listed.len());
        for one in listed {
            match merged.last_mut().filter(|last| last.artifact.path == one.artifact.path) {
                Some(last) => last.merge(one)?,
                None => merged.push(one),
            }
        }
        let mut text = Text {
            family: self.family.map(|(family, _)| family),
            described: self.described,
            artifacts: Vec::with_capacity(merged.len()),
            hashed: 0,
            individual: Vec::new(),
        };
        for Listed { number, hashed, artifact, signature, certificate, .. } in merged {
            if artifact.path == *itself {
                if hashed {
                    return Err(TextRefusal::HashOfItself { number, file: artifact.path });
                }
                continue;
            }
            text.hashed = text.hashed.saturating_add(usize::from(hashed));
            if let Some(signature) = signature {
                let artifact = artifact.path.clone();
                text.individual.push(Individual { artifact, signature, certificate });
            }
            text.artifacts.push(artifact);
        }
        text.artifacts.shrink_to_fit();
        Ok(text)
    }
}

impl Block {
    fn listed(self) -> Result<Listed, TextRefusal> {
        let Self { number, in_a_set, file, algorithm, hash, signature, certificate } = self;
        let mut claims = Claims::default();
        let hashed = match (algorithm, hash) {
            (Some((_, algorithm)), Some((_, hash))) => {
                let name = plain(&algorithm);
                if WEAK_NAMES.contains(&name.as_str()) {
                    let found = shown(algorithm.as_bytes());
                    return Err(TextRefusal::Weak { number, file, found });
                }
                // Both cases are written; they are one digest.
                let added = claims.add(&name, &hash.to_ascii_lowercase());
                added.map_err(|why| TextRefusal::Digest { number, file: file.clone(), why })?;
                true
            }
            (None, None) => false,
            (Some(_), None) => {
                return Err(TextRefusal::Incomplete { number, file, expected: "Hash beside Algorithm" });
            }
            (None, Some(_)) => {
                return Err(TextRefusal::Incomplete { number, file, expected: "Algorithm beside Hash" });
            }
        };
        if certificate.is_some() && signature.is_none() {
            return Err(TextRefusal::Incomplete { number, file, expected: "Signature beside Certificate" });
        }
        let digests = match hashed {
            true => claims.finish(),
            false => none(),
        };
        let Some(digests) = digests else {
            return Err(TextRefusal::Incomplete { number, file, expected: "a hash" });
        };
        let (signature, certificate) = (signature.map(|(_, path)| path), certificate.map(|(_, path)| path));
        let artifact = Artifact { path: file, digests };
        Ok(Listed { number, in_a_set, hashed, artifact, signature, certificate })
    }
}

/// No digest that proves anything, which is what a file has that is listed without a hash.
fn none() -> Option<crate::digest::DigestSet<crate::digest::Claimed>> {
    let mut claims = Claims::default();
    claims.add("md5", "").ok()?;
    claims.finish()
}

impl Listed {
    /// Adds another listing of the same file. In the list of files each stands once; in sets it stands again, usually without its
    /// hash.
    fn merge(&mut self, other: Self) -> Result<(), TextRefusal> {
        let (number, first) = (other.number, self.number);
        let file = || other.artifact.path.clone();
        if !self.in_a_set && !other.in_a_set {
            return Err(TextRefusal::Duplicate { number, file: file(), first });
        }
        let same = |a: &Option<DropPath>, b: &Option<DropPath>| a.is_none() || b.is_none() || a == b;
        let equal = self.artifact.digests == other.artifact.digests || !self.hashed || !other.hashed;
        if !equal || !same(&self.signature, &other.signature) || !same(&self.certificate, &other.certificate)
        {
            return Err(TextRefusal::Contradiction { number, file: file(), first });
        }
        if !self.hashed {
            self.artifact.digests = other.artifact.digests;
        }
        self.hashed |= other.hashed;
        self.in_a_set &= other.in_a_set;
        self.signature = self.signature.take().or(other.signature);
        self.certificate = self.certificate.take().or(other.certificate);
        Ok(())
    }
}

fn misplaced(line: Line<'_>, expected: &'static str) -> TextRefusal {
    let found = match line.value {
        "" => format!("{}:", line.key),
        value => format!("{}: {value}", line.key),
    };
    TextRefusal::Misplaced { number: line.number, expected, found: shown(found.as_bytes()) }
}

fn set<T>(place: &mut Option<(usize, T)>, line: Line<'_>, value: T) -> Result<(), TextRefusal> {
    match place {
        Some((first, _)) => {
            Err(TextRefusal::Twice { number: line.number, key: shown(line.key.as_bytes()), first: *first })
        }
        None => {
            *place = Some((line.number, value));
            Ok(())
        }
    }
}

fn text(line: Line<'_>) -> Result<String, TextRefusal> {
    match line.value {
        "" => Err(misplaced(line, "a value behind the colon")),
        value => Ok(value.to_owned()),
    }
}

fn file(line: Line<'_>) -> Result<DropPath, TextRefusal> {
    let (number, value) = (line.number, line.value);
    let found = || shown(value.as_bytes());
    // With a scheme it is a URI (RFC 3986); a path with a colon before a double slash has an empty component and is none anyhow.
    if value.contains("://") {
        return Err(TextRefusal::External { number, found: found() });
    }
    path(value).map_err(|why| TextRefusal::Path { number, found: found(), why })
}

/// `SHA-256`, `sha256`, `SHA_256` are one name here.
fn plain(algorithm: &str) -> String {
    let plain: String = algorithm.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
    plain.to_ascii_lowercase()
}
