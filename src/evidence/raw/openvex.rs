//! OpenVEX 0.2.
//!
//! Read by the OpenVEX specification 0.2.0, sections "Document Struct Fields", "Statement Fields" and "Data
//! Inheritance". Documents of 0.0.x are refused: there a statement narrows its products in another place.
//! A vulnerability or product that is a bare string, as 0.0.x had them and writers still mix in, is read as
//! its name or `@id`: it can mean nothing else.

use super::identity::{
    Budget, Digests, HashNames, JUSTIFICATIONS, digest_names, document, id, one_of, optional_id,
    optional_time, purl, refused, strict, time, words,
};
use super::{Refusal, Status, Vex, VexStatement};
use crate::time::Time;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

const CONTEXT: &str = "https://openvex.dev/ns/v0.2.0";
const EXPECTED: &str = "an OpenVEX 0.2.0 document in JSON";
const STATUSES: [&str; 4] = ["not_affected", "affected", "fixed", "under_investigation"];

/// Appendix A of the specification.
const HASHES: HashNames = HashNames::Closed(&[
    "md5",
    "sha1",
    "sha-256",
    "sha-384",
    "sha-512",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
    "blake2s-256",
    "blake2b-256",
    "blake2b-512",
]);

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "@context")]
    context: String,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "@id")]
    id: String,
    author: String,
    timestamp: String,
    last_updated: Option<String>,
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    vulnerability: Named<Vulnerability>,
    products: Option<Vec<Named<Product<Vec<Part>>>>>,
    /// Where 0.0.x narrowed products; here it would be read past, and the statement be about more than it says.
    subcomponents: Option<IgnoredAny>,
    status: String,
    justification: Option<String>,
    impact_statement: Option<String>,
    action_statement: Option<String>,
    timestamp: Option<String>,
    last_updated: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Named<T> {
    Name(String),
    Struct(T),
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(rename = "@id")]
    id: Option<String>,
    name: String,
    aliases: Option<Vec<String>>,
}

/// A product, or with nothing in `Parts` a part of one: parts have no parts of their own, so nothing here recurses.
#[derive(Deserialize)]
struct Product<Parts> {
    #[serde(rename = "@id")]
    id: Option<String>,
    identifiers: Option<Identifiers>,
    hashes: Option<BTreeMap<String, String>>,
    subcomponents: Option<Parts>,
}

#[derive(Deserialize)]
struct Identifiers {
    purl: Option<String>,
    cpe22: Option<String>,
    cpe23: Option<String>,
}

type Part = Named<Product<IgnoredAny>>;

/// Reads an OpenVEX document. Statements that contradict each other are all kept.
///
/// # Errors
/// When the bytes are not strict JSON, not OpenVEX 0.2.0, or a status, justification or hash name is none that
/// the specification has.
pub fn read(bytes: &[u8]) -> Result<Vex, Refusal> {
    let text = strict(bytes, EXPECTED)?;
    let head: Head = document(text, EXPECTED)?;
    if head.context != CONTEXT {
        return Err(refused("@context", CONTEXT, &head.context));
    }
    let document: Document = document(text, EXPECTED)?;
    id("@id", &document.id)?;
    let issued = time("timestamp", &document.timestamp)?;
    optional_time("last_updated", document.last_updated.as_deref())?;
    if document.statements.is_empty() {
        return Err(Refusal::new("statements", "at least one", "none"));
    }
    let mut statements = Vec::new();
    let mut budget = Budget::new();
    for (at, statement) in document.statements.iter().enumerate() {
        read_statement(&format!("statements[{at}]"), statement, issued, &mut budget, &mut statements)?;
    }
    Ok(Vex { untrusted_author: optional_id("author", Some(&document.author))?, statements })
}

/// One statement of the document gives one about all its whole products, and one for each product that it narrows.
fn read_statement(
    place: &str,
    statement: &Statement,
    issued: Time,
    budget: &mut Budget,
    into: &mut Vec<VexStatement>,
) -> Result<(), Refusal> {
    if statement.subcomponents.is_some() {
        let place = format!("{place}.subcomponents");
        return Err(Refusal::new(
            place,
            "subcomponents within the product, as in 0.2.0",
            "them in the statement",
        ));
    }
    let vulnerabilities = vulnerabilities(place, &statement.vulnerability)?;
    let status = status(place, statement)?;
    let own = optional_time(&format!("{place}.timestamp"), statement.timestamp.as_deref())?;
    let updated = optional_time(&format!("{place}.last_updated"), statement.last_updated.as_deref())?;
    let at = own.max(updated).or(Some(issued));
    let mut state = |products: Vec<String>, within: Vec<String>| {
        budget.spend_all(&vulnerabilities)?;
        budget.spend_all(&products)?;
        budget.spend_all(&within)?;
        let (vulnerabilities, status) = (vulnerabilities.clone(), status.clone());
        into.push(VexStatement { vulnerabilities, products, within, status, at });
        Ok(())
    };
    let mut whole = Vec::new();
    for (at, product) in statement.products.iter().flatten().enumerate() {
        let place = format!("{place}.products[{at}]");
        let names = names(&place, product)?;
        let parts = parts(&place, product)?;
        if parts.is_empty() {
            whole.extend(names);
        } else {
            state(parts, names)?;
        }
    }
    if !whole.is_empty() || statement.products.iter().flatten().next().is_none() {
        state(whole, Vec::new())?;
    }
    Ok(())
}

fn vulnerabilities(place: &str, named: &Named<Vulnerability>) -> Result<Vec<String>, Refusal> {
    let place = format!("{place}.vulnerability");
    let vulnerability = match named {
        Named::Name(name) => return Ok(vec![id(&place, name)?]),
        Named::Struct(vulnerability) => vulnerability,
    };
    let others = vulnerability.id.iter().chain(vulnerability.aliases.iter().flatten());
    let mut ids = Vec::new();
    for text in std::iter::once(&vulnerability.name).chain(others) {
        ids.push(id(&place, text)?);
    }
    Ok(ids)
}

fn status(place: &str, statement: &Statement) -> Result<Status, Refusal> {
    let justification = statement.justification.as_deref();
    if let Some(label) = justification {
        one_of(&format!("{place}.justification"), &JUSTIFICATIONS, label)?;
    }
    one_of(&format!("{place}.status"), &STATUSES, &statement.status)?;
    Ok(match statement.status.as_str() {
        "not_affected" => Status::NotAffected(
            justification.map(str::to_owned).or_else(|| words(statement.impact_statement.as_deref())),
        ),
        "affected" => Status::Affected(words(statement.action_statement.as_deref())),
        "fixed" => Status::Fixed,
        _ => Status::UnderInvestigation,
    })
}

/// Every id of a product, of which there must be one.
fn names<Parts>(place: &str, named: &Named<Product<Parts>>) -> Result<Vec<String>, Refusal> {
    let product = match named {
        Named::Name(name) => return Ok(vec![id(place, name)?]),
        Named::Struct(product) => product,
    };
    let mut names: Vec<String> = optional_id(place, product.id.as_deref())?.into_iter().collect();
    if let Some(identifiers) = &product.identifiers {
        let place = format!("{place}.identifiers");
        names.extend(purl(&place, identifiers.purl.as_deref())?);
        names.extend(optional_id(&place, identifiers.cpe23.as_deref())?);
        names.extend(optional_id(&place, identifiers.cpe22.as_deref())?);
    }
    let mut digests = Digests::new();
    for (name, hex) in product.hashes.iter().flatten() {
        digests.add(&format!("{place}.hashes"), &HASHES, name, hex)?;
    }
    names.extend(digest_names(&digests.finish()));
    if names.is_empty() {
        return Err(Refusal::new(place, "an @id or identifiers", "none"));
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

fn parts(place: &str, named: &Named<Product<Vec<Part>>>) -> Result<Vec<String>, Refusal> {
    let Named::Struct(product) = named else {
        return Ok(Vec::new());
    };
    let mut parts = Vec::new();
    for (at, part) in product.subcomponents.iter().flatten().enumerate() {
        let place = format!("{place}.subcomponents[{at}]");
        if matches!(part, Named::Struct(Product { subcomponents: Some(_), .. })) {
            return Err(Refusal::new(place, "no subcomponents of a subcomponent", "some"));
        }
        parts.extend(names(&place, part)?);
    }
    Ok(parts)
}
