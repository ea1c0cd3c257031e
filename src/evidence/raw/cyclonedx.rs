//! CycloneDX 1.4 to 1.6 in JSON (ECMA-424).
//!
//! Read by the JSON schemas of those versions. A bill may carry statements about vulnerabilities, and a document may
//! consist of nothing else. A vulnerability that nobody has analysed is under investigation, not harmless.

mod statements;

use super::identity::{
    Digests, HashNames, document, id, one_of, optional_id, optional_time, purl, quoted, refused, strict,
};
use super::{Bill, Component, Refusal, Tool, Vex};
use serde::Deserialize;
use std::collections::HashMap;

const EXPECTED: &str = "a CycloneDX document in JSON";
const VERSIONS: [&str; 3] = ["1.4", "1.5", "1.6"];

/// `hash-alg` of the schemas, which is the same in all three.
const HASHES: HashNames = HashNames::Closed(&[
    "MD5",
    "SHA-1",
    "SHA-256",
    "SHA-384",
    "SHA-512",
    "SHA3-256",
    "SHA3-384",
    "SHA3-512",
    "BLAKE2b-256",
    "BLAKE2b-384",
    "BLAKE2b-512",
    "BLAKE3",
]);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    bom_format: String,
    spec_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    serial_number: Option<String>,
    version: Option<u64>,
    metadata: Option<Metadata>,
    components: Option<Vec<Part>>,
    services: Option<Vec<Part>>,
    vulnerabilities: Option<Vec<statements::Vulnerability>>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    timestamp: Option<String>,
    tools: Option<Tools>,
    component: Option<Part>,
    authors: Option<Vec<Named>>,
    supplier: Option<Named>,
    manufacturer: Option<Named>,
    manufacture: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

/// A list until 1.4, and still legal later; components and services since 1.5.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tools {
    List(Vec<NamedTool>),
    Parts { components: Option<Vec<NamedTool>>, services: Option<Vec<NamedTool>> },
}

#[derive(Deserialize)]
struct NamedTool {
    name: Option<String>,
    version: Option<String>,
}

/// A component or a service: what is read of them is alike. The depth of the JSON bounds how deep they nest.
#[derive(Deserialize)]
struct Part {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    group: Option<String>,
    name: String,
    version: Option<String>,
    purl: Option<String>,
    cpe: Option<String>,
    hashes: Option<Vec<Hash>>,
    components: Option<Vec<Part>>,
    services: Option<Vec<Part>>,
}

#[derive(Deserialize)]
struct Hash {
    alg: String,
    content: String,
}

/// Reads a bill of materials, and what it says about vulnerabilities.
///
/// # Errors
/// When the bytes are not strict JSON, not CycloneDX of a version known here, or hold something that the specification
/// forbids and that this gate would have to guess about: one `bom-ref` for two things, a digest of the wrong length, an
/// unknown state or justification.
pub fn read(bytes: &[u8]) -> Result<Bill, Refusal> {
    let text = strict(bytes, EXPECTED)?;
    let head: Head = document(text, EXPECTED)?;
    one_of("bomFormat", &["CycloneDX"], &head.bom_format)?;
    one_of("specVersion", &VERSIONS, &head.spec_version)?;
    let document: Document = document(text, EXPECTED)?;
    let metadata = document.metadata.unwrap_or_default();
    let made = optional_time("metadata.timestamp", metadata.timestamp.as_deref())?;
    let tools = tools(metadata.tools.as_ref())?;
    let author = author(&metadata)?;

    let mut parts = Parts::default();
    let subject = metadata.component.map(|part| parts.subject(part)).transpose()?;
    parts.read_all("components", document.components)?;
    parts.read_services("services", document.services)?;
    let vulnerabilities = document.vulnerabilities.unwrap_or_default();
    for (at, vulnerability) in vulnerabilities.iter().enumerate() {
        parts.refer(&format!("vulnerabilities[{at}]"), vulnerability.reference(), None)?;
    }
    let own = document.serial_number.as_deref().and_then(|serial| serial.strip_prefix("urn:uuid:"));
    let own = own.map(|serial| format!("urn:cdx:{serial}/{}#", document.version.unwrap_or(1)));
    let vex = if vulnerabilities.is_empty() {
        None
    } else {
        let statements = statements::read(&vulnerabilities, &parts.known, own.as_deref(), made)?;
        Some(Vex { untrusted_author: author, statements })
    };
    Ok(Bill { subject, components: parts.components, made, tools, vex })
}

fn tools(tools: Option<&Tools>) -> Result<Vec<Tool>, Refusal> {
    let none = Vec::new();
    let (first, second) = match tools {
        None => (&none, &none),
        Some(Tools::List(list)) => (list, &none),
        Some(Tools::Parts { components, services }) => {
            (components.as_ref().unwrap_or(&none), services.as_ref().unwrap_or(&none))
        }
    };
    let mut read = Vec::new();
    for tool in first.iter().chain(second) {
        let name = optional_id("metadata.tools", tool.name.as_deref())?.unwrap_or_default();
        read.push(Tool { name, version: optional_id("metadata.tools", tool.version.as_deref())? });
    }
    Ok(read)
}

/// Whoever the document names first: the supplier, the manufacturer, an author.
fn author(metadata: &Metadata) -> Result<Option<String>, Refusal> {
    let organisations =
        [&metadata.supplier, &metadata.manufacturer, &metadata.manufacture].into_iter().flatten();
    let mut names =
        organisations.chain(metadata.authors.iter().flatten()).filter_map(|named| named.name.as_deref());
    optional_id("metadata", names.find(|name| !name.trim().is_empty()))
}

/// A component or service that a `bom-ref` stands for.
#[derive(Debug)]
struct Known {
    component: Component,
    cpe: Option<String>,
}

#[derive(Default)]
struct Parts {
    components: Vec<Component>,
    /// By `bom-ref`; one of a vulnerability stands for none.
    known: HashMap<String, Option<Known>>,
}

impl Parts {
    fn read_all(&mut self, place: &str, parts: Option<Vec<Part>>) -> Result<(), Refusal> {
        for (at, part) in parts.into_iter().flatten().enumerate() {
            self.read(&format!("{place}[{at}]"), part)?;
        }
        Ok(())
    }

    /// Takes in a component and then those within it.
    fn read(&mut self, place: &str, part: Part) -> Result<(), Refusal> {
        let component = self.one(place, &part)?;
        self.components.push(component);
        self.read_all(&format!("{place}.components"), part.components)
    }

    /// Takes in what the bill is about; those within it are parts like any other.
    fn subject(&mut self, part: Part) -> Result<Component, Refusal> {
        let subject = self.one("metadata.component", &part)?;
        self.read_all("metadata.component.components", part.components)?;
        Ok(subject)
    }

    fn one(&mut self, place: &str, part: &Part) -> Result<Component, Refusal> {
        let (component, cpe) = component(place, part)?;
        if part.reference.is_some() {
            let known = Known { component: component.clone(), cpe };
            self.refer(place, part.reference.as_deref(), Some(known))?;
        }
        Ok(component)
    }

    /// Takes in services, which statements may be about and which are no parts.
    fn read_services(&mut self, place: &str, services: Option<Vec<Part>>) -> Result<(), Refusal> {
        for (at, part) in services.into_iter().flatten().enumerate() {
            let place = format!("{place}[{at}]");
            self.one(&place, &part)?;
            self.read_services(&format!("{place}.services"), part.services)?;
        }
        Ok(())
    }

    /// Records what a `bom-ref` stands for; if it stood for two things, a statement could be read as one about either.
    fn refer(&mut self, place: &str, reference: Option<&str>, to: Option<Known>) -> Result<(), Refusal> {
        let Some(reference) = reference else {
            return Ok(());
        };
        let place = format!("{place}.bom-ref");
        let reference = id(&place, reference)?;
        let shown = quoted(&reference);
        match self.known.insert(reference, to) {
            None => Ok(()),
            Some(_) => Err(Refusal::new(place, "a bom-ref that nothing else has", shown)),
        }
    }
}

fn component(place: &str, part: &Part) -> Result<(Component, Option<String>), Refusal> {
    let name = id(&format!("{place}.name"), &part.name)?;
    let group = optional_id(&format!("{place}.group"), part.group.as_deref())?;
    let mut digests = Digests::new();
    for hash in part.hashes.iter().flatten() {
        digests.add(&format!("{place}.hashes"), &HASHES, &hash.alg, &hash.content)?;
    }
    let component = Component {
        name: group.map_or(name.clone(), |group| format!("{group}/{name}")),
        version: optional_id(&format!("{place}.version"), part.version.as_deref())?,
        purl: purl(&format!("{place}.purl"), part.purl.as_deref())?,
        digests: digests.finish(),
        serials: Vec::new(),
    };
    Ok((component, optional_id(&format!("{place}.cpe"), part.cpe.as_deref())?))
}

fn dangling(place: &str, reference: &str) -> Refusal {
    refused(place, "the bom-ref of something in this document, a BOM-Link or a package URL", reference)
}
