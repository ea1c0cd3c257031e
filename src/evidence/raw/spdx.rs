//! SPDX 2.2 and 2.3 in JSON.
//!
//! Read by the SPDX specification 2.3; what is read here has the same meaning in 2.2. SPDX 3 is another format.

use super::identity::{
    Digests, HashNames, document, id, one_of, optional_id, purl, quoted, refused, strict, time,
};
use super::{Bill, Component, Refusal, Tool};
use crate::limits;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

const EXPECTED: &str = "an SPDX 2.3 document in JSON";
const VERSIONS: [&str; 2] = ["SPDX-2.2", "SPDX-2.3"];

/// Section 7.10 of the specification.
const HASHES: HashNames = HashNames::Closed(&[
    "SHA1",
    "SHA224",
    "SHA256",
    "SHA384",
    "SHA512",
    "SHA3-256",
    "SHA3-384",
    "SHA3-512",
    "BLAKE2b-256",
    "BLAKE2b-384",
    "BLAKE2b-512",
    "BLAKE3",
    "MD2",
    "MD4",
    "MD5",
    "MD6",
    "ADLER32",
]);

/// What may stand in place of a value that nobody gave (section 7.7 and others) or an element (section 11.1).
const NOTHING: [&str; 2] = ["NOASSERTION", "NONE"];

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "spdxVersion")]
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(rename = "SPDXID")]
    id: String,
    creation_info: CreationInfo,
    document_describes: Option<Vec<String>>,
    packages: Option<Vec<Package>>,
    files: Option<Vec<File>>,
    snippets: Option<Vec<Snippet>>,
    relationships: Option<Vec<Relationship>>,
}

#[derive(Deserialize)]
struct CreationInfo {
    created: String,
    creators: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    version_info: Option<String>,
    checksums: Option<Vec<Checksum>>,
    external_refs: Option<Vec<ExternalRef>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(rename = "SPDXID")]
    id: String,
    file_name: String,
    checksums: Option<Vec<Checksum>>,
}

#[derive(Deserialize)]
struct Snippet {
    #[serde(rename = "SPDXID")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: String,
    checksum_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_type: String,
    reference_locator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    related_spdx_element: String,
    relationship_type: String,
}

/// Reads a bill of materials. Packages and files are its parts; the one that the document describes is its subject
/// and no part, and where it describes several, it has no subject and all are parts.
///
/// # Errors
/// When the bytes are not strict JSON, not SPDX of a version known here, one `SPDXID` stands for two things, the
/// document describes what it does not hold, or a digest is none.
pub fn read(bytes: &[u8]) -> Result<Bill, Refusal> {
    let text = strict(bytes, EXPECTED)?;
    let head: Head = document(text, EXPECTED)?;
    one_of("spdxVersion", &VERSIONS, &head.version)?;
    let document: Document = document(text, EXPECTED)?;
    let made = time("creationInfo.created", &document.creation_info.created)?;
    let tools = tools(&document.creation_info.creators)?;

    let mut elements = Elements::default();
    elements.add("SPDXID", &document.id, Vec::new())?;
    for (at, package) in document.packages.iter().flatten().enumerate() {
        let place = format!("packages[{at}]");
        elements.add(&place, &package.id, self::package(&place, package)?)?;
    }
    for (at, file) in document.files.iter().flatten().enumerate() {
        let place = format!("files[{at}]");
        elements.add(&place, &file.id, vec![self::file(&place, file)?])?;
    }
    for (at, snippet) in document.snippets.iter().flatten().enumerate() {
        elements.add(&format!("snippets[{at}]"), &snippet.id, Vec::new())?;
    }
    let described = described(&document, &elements)?;
    let subject = match described.as_slice() {
        [one] => elements.take(*one),
        _ => None,
    };
    let components = elements.components.into_iter().flatten().collect();
    Ok(Bill { subject, components, made: Some(made), tools, vex: None })
}

/// What the document holds, by `SPDXID`. A package with several package URLs is several components.
#[derive(Default)]
struct Elements {
    by_id: HashMap<String, usize>,
    components: Vec<Vec<Component>>,
}

impl Elements {
    fn add(&mut self, place: &str, id: &str, components: Vec<Component>) -> Result<(), Refusal> {
        let place = format!("{place}.SPDXID");
        let id = self::id(&place, id)?;
        let shown = quoted(&id);
        if self.by_id.insert(id, self.components.len()).is_some() {
            return Err(Refusal::new(place, "an SPDXID that nothing else has", shown));
        }
        self.components.push(components);
        Ok(())
    }

    /// The component of one element, taken out of the parts. One with several package URLs goes by the first, and stays
    /// among the parts by the others.
    fn take(&mut self, at: usize) -> Option<Component> {
        let components = self.components.get_mut(at).filter(|components| !components.is_empty())?;
        Some(components.remove(0))
    }
}

/// The elements that the document describes (section 11.1), each once.
fn described(document: &Document, elements: &Elements) -> Result<Vec<usize>, Refusal> {
    let listed = document.document_describes.iter().flatten().map(String::as_str);
    let related = document.relationships.iter().flatten().filter_map(|relationship| {
        let (from, to) = (relationship.spdx_element_id.as_str(), relationship.related_spdx_element.as_str());
        match relationship.relationship_type.as_str() {
            "DESCRIBES" if from == document.id => Some(to),
            "DESCRIBED_BY" if to == document.id => Some(from),
            _ => None,
        }
    });
    let (mut described, mut seen) = (Vec::new(), HashSet::new());
    for id in listed.chain(related).filter(|id| !NOTHING.contains(id)) {
        match elements.by_id.get(id) {
            Some(at) if seen.insert(*at) => described.push(*at),
            Some(_) => {}
            None => return Err(refused("what the document describes", "the SPDXID of something in it", id)),
        }
    }
    Ok(described)
}

/// Section 6.8: `Tool: toolidentifier-version`. Names have dashes too, so a version is what follows the first dash in
/// front of a digit.
fn tools(creators: &[String]) -> Result<Vec<Tool>, Refusal> {
    let mut tools = Vec::new();
    for creator in creators {
        let Some(tool) = creator.strip_prefix("Tool:") else {
            continue;
        };
        let tool = id("creationInfo.creators", tool.trim())?;
        let dash = tool.match_indices('-').map(|(at, _)| tool.split_at(at)).find(|(_, rest)| {
            let version = rest.trim_start_matches('-').trim_start_matches('v');
            version.starts_with(|c: char| c.is_ascii_digit())
        });
        tools.push(match dash {
            Some((name, rest)) => {
                let version = rest.strip_prefix('-').map(str::to_owned);
                Tool { name: name.to_owned(), version }
            }
            None => Tool { name: tool, version: None },
        });
    }
    Ok(tools)
}

fn package(place: &str, package: &Package) -> Result<Vec<Component>, Refusal> {
    let component = Component {
        name: id(&format!("{place}.name"), &package.name)?,
        version: optional_id(&format!("{place}.versionInfo"), package.version_info.as_deref())?
            .filter(|version| !NOTHING.contains(&version.as_str())),
        purl: None,
        digests: digests(place, package.checksums.as_deref())?,
        serials: Vec::new(),
    };
    let purls = purls(&format!("{place}.externalRefs"), package)?;
    if purls.is_empty() {
        return Ok(vec![component]);
    }
    Ok(purls.into_iter().map(|purl| Component { purl: Some(purl), ..component.clone() }).collect())
}

/// The package URLs of a package, each once, under whatever category they stand (annex F has `PACKAGE-MANAGER`, 2.2
/// had `PACKAGE_MANAGER`).
fn purls(place: &str, package: &Package) -> Result<Vec<String>, Refusal> {
    let references = package.external_refs.iter().flatten();
    let mut purls = Vec::new();
    for reference in references.filter(|reference| reference.reference_type == "purl") {
        let purl = purl(place, Some(&reference.reference_locator))?;
        purls.extend(purl.filter(|purl| !purls.contains(purl)));
        if purls.len() > limits::PACKAGE_PURLS {
            let expected = format!("at most {} package URLs", limits::PACKAGE_PURLS);
            return Err(Refusal::new(place, expected, "more"));
        }
    }
    Ok(purls)
}

fn file(place: &str, file: &File) -> Result<Component, Refusal> {
    Ok(Component {
        name: id(&format!("{place}.fileName"), &file.file_name)?,
        digests: digests(place, file.checksums.as_deref())?,
        ..Component::default()
    })
}

fn digests(place: &str, checksums: Option<&[Checksum]>) -> Result<Vec<(String, String)>, Refusal> {
    let place = format!("{place}.checksums");
    let mut digests = Digests::new();
    for checksum in checksums.unwrap_or_default() {
        digests.add(&place, &HASHES, &checksum.algorithm, &checksum.checksum_value)?;
    }
    Ok(digests.finish())
}
