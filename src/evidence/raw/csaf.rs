//! CSAF 2.0 documents of the profile VEX (OASIS, Common Security Advisory Framework 2.0).
//!
//! Read by sections 3.2 and 4.5. Of the mandatory tests of section 6.1, those that decide what a statement means are
//! held here: product and group ids are defined once and before use (6.1.1 to 6.1.5), no product has contradicting
//! statuses (6.1.6), a flag names its products (6.1.32), and a product has one justification (6.1.33).

mod products;

use super::identity::{
    Budget, JUSTIFICATIONS, document, id, one_of, optional_id, optional_time, refused, strict, time, words,
};
use super::{Refusal, Status, Vex, VexStatement};
use crate::time::Time;
use products::{Products, Tree};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

const EXPECTED: &str = "a CSAF 2.0 document in JSON";

#[derive(Deserialize)]
struct Head {
    document: HeadDocument,
}

#[derive(Deserialize)]
struct HeadDocument {
    category: String,
    csaf_version: String,
}

#[derive(Deserialize)]
struct Csaf {
    document: About,
    product_tree: Tree,
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct About {
    publisher: Publisher,
    tracking: Tracking,
}

#[derive(Deserialize)]
struct Publisher {
    name: String,
}

#[derive(Deserialize)]
struct Tracking {
    current_release_date: String,
    status: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    cve: Option<String>,
    ids: Option<Vec<OtherId>>,
    product_status: Option<ProductStatus>,
    flags: Option<Vec<Flag>>,
    threats: Option<Vec<Note>>,
    remediations: Option<Vec<Note>>,
}

#[derive(Deserialize)]
struct OtherId {
    text: String,
}

/// Section 3.2.3.9. What is `recommended` says nothing about being affected (6.1.6).
#[derive(Deserialize, Default)]
struct ProductStatus {
    first_affected: Option<Vec<String>>,
    known_affected: Option<Vec<String>>,
    last_affected: Option<Vec<String>>,
    known_not_affected: Option<Vec<String>>,
    first_fixed: Option<Vec<String>>,
    fixed: Option<Vec<String>>,
    under_investigation: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Flag {
    label: String,
    date: Option<String>,
    #[serde(flatten)]
    about: Products,
}

/// A threat or a remediation.
#[derive(Deserialize)]
struct Note {
    category: String,
    details: String,
    date: Option<String>,
    #[serde(flatten)]
    about: Products,
}

/// The contradicting groups of section 6.1.6.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Affected,
    NotAffected,
    Fixed,
    UnderInvestigation,
}

/// What is said of a product in words or by a label, and when.
type Said = HashMap<String, (String, Option<Time>)>;

/// Reads a VEX document. It must be released: a draft is for internal use or asks for feedback (section 3.2.1.12.7).
///
/// # Errors
/// When the bytes are not strict JSON, not CSAF 2.0 of the profile VEX, not released, or fail one of the tests that the
/// module names.
pub fn read(bytes: &[u8]) -> Result<Vex, Refusal> {
    let text = strict(bytes, EXPECTED)?;
    let head: Head = document(text, EXPECTED)?;
    one_of("document.csaf_version", &["2.0"], &head.document.csaf_version)?;
    one_of("document.category", &["csaf_vex"], &head.document.category)?;
    let csaf: Csaf = document(text, EXPECTED)?;
    let tracking = &csaf.document.tracking;
    one_of("document.tracking.status", &["final", "interim"], &tracking.status)?;
    let released = time("document.tracking.current_release_date", &tracking.current_release_date)?;
    if csaf.vulnerabilities.is_empty() {
        return Err(Refusal::new("vulnerabilities", "at least one", "none"));
    }
    let catalogue = csaf.product_tree.read()?;
    let mut reader = Reader { catalogue, released, budget: Budget::new(), statements: Vec::new() };
    for (at, vulnerability) in csaf.vulnerabilities.iter().enumerate() {
        reader.add(&format!("vulnerabilities[{at}]"), vulnerability)?;
    }
    let author = optional_id("document.publisher.name", Some(&csaf.document.publisher.name))?;
    Ok(Vex { untrusted_author: author, statements: reader.statements })
}

struct Reader {
    catalogue: products::Catalogue,
    released: Time,
    budget: Budget,
    statements: Vec<VexStatement>,
}

impl Reader {
    /// One statement for each product that has a status: the reasons may differ.
    fn add(&mut self, place: &str, vulnerability: &Vulnerability) -> Result<(), Refusal> {
        let ids = ids(place, vulnerability)?;
        let reasons = self.reasons(place, vulnerability)?;
        let remediations = vulnerability.remediations.iter().flatten();
        let actions = self.said(&format!("{place}.remediations"), remediations)?;
        for (product, group) in statuses(place, vulnerability.product_status.as_ref())? {
            let said = match group {
                Group::NotAffected => reasons.get(product),
                Group::Affected => actions.get(product),
                Group::Fixed | Group::UnderInvestigation => None,
            };
            let text = said.map(|(text, _)| text.clone());
            let status = match group {
                Group::NotAffected => Status::NotAffected(text),
                Group::Affected => Status::Affected(text),
                Group::Fixed => Status::Fixed,
                Group::UnderInvestigation => Status::UnderInvestigation,
            };
            let clears = matches!(group, Group::NotAffected | Group::Fixed);
            let place = format!("{place}.product_status");
            let (products, within) = self.catalogue.names(&place, product, clears, &mut self.budget)?;
            self.budget.spend_all(&ids)?;
            let at = said.and_then(|(_, at)| *at).or(Some(self.released));
            self.statements.push(VexStatement { vulnerabilities: ids.clone(), products, within, status, at });
        }
        Ok(())
    }

    /// Why products are not affected: a label, or else an impact statement (section 4.5).
    fn reasons(&mut self, place: &str, vulnerability: &Vulnerability) -> Result<Said, Refusal> {
        let impacts = vulnerability.threats.iter().flatten().filter(|threat| threat.category == "impact");
        let mut reasons = self.said(&format!("{place}.threats"), impacts)?;
        let mut labelled = HashSet::new();
        for (at, flag) in vulnerability.flags.iter().flatten().enumerate() {
            let place = format!("{place}.flags[{at}]");
            one_of(&format!("{place}.label"), &JUSTIFICATIONS, &flag.label)?;
            let date = optional_time(&place, flag.date.as_deref())?;
            let products = self.catalogue.expand(&place, &flag.about, &mut self.budget)?;
            if products.is_empty() {
                return Err(Refusal::new(place, "product_ids or group_ids", "neither"));
            }
            for product in products {
                if !labelled.insert(product) {
                    return Err(refused(&place, "one label for each product", product));
                }
                reasons.insert(product.to_owned(), (flag.label.clone(), date));
            }
        }
        Ok(reasons)
    }

    /// What notes say of each product that they name; of several, the first.
    fn said<'n>(&mut self, place: &str, notes: impl Iterator<Item = &'n Note>) -> Result<Said, Refusal> {
        let mut said = Said::new();
        for note in notes {
            let date = optional_time(place, note.date.as_deref())?;
            let Some(text) = words(Some(&note.details)) else {
                continue;
            };
            for product in self.catalogue.expand(place, &note.about, &mut self.budget)? {
                self.budget.spend(text.len())?;
                said.entry(product.to_owned()).or_insert_with(|| (text.clone(), date));
            }
        }
        Ok(said)
    }
}

fn ids(place: &str, vulnerability: &Vulnerability) -> Result<Vec<String>, Refusal> {
    let cve = optional_id(&format!("{place}.cve"), vulnerability.cve.as_deref())?;
    let mut ids: Vec<String> = cve.into_iter().collect();
    for other in vulnerability.ids.iter().flatten() {
        ids.push(id(&format!("{place}.ids"), &other.text)?);
    }
    if ids.is_empty() {
        return Err(Refusal::new(place, "a cve or ids", "neither"));
    }
    Ok(ids)
}

/// Every product that has a status, once, with the group of its statuses.
fn statuses<'v>(place: &str, status: Option<&'v ProductStatus>) -> Result<Vec<(&'v str, Group)>, Refusal> {
    let Some(status) = status else {
        return Err(Refusal::new(place, "a product_status", "none"));
    };
    let lists = [
        (&status.first_affected, Group::Affected),
        (&status.known_affected, Group::Affected),
        (&status.last_affected, Group::Affected),
        (&status.known_not_affected, Group::NotAffected),
        (&status.first_fixed, Group::Fixed),
        (&status.fixed, Group::Fixed),
        (&status.under_investigation, Group::UnderInvestigation),
    ];
    let mut groups: HashMap<&str, Group> = HashMap::new();
    let mut statuses = Vec::new();
    for (list, group) in lists {
        for product in list.iter().flatten() {
            match groups.insert(product, group) {
                None => statuses.push((product.as_str(), group)),
                Some(other) if other == group => {}
                Some(_) => {
                    let place = format!("{place}.product_status");
                    return Err(refused(&place, "no contradicting statuses of one product", product));
                }
            }
        }
    }
    Ok(statuses)
}
