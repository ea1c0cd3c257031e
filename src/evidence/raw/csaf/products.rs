//! The product tree of a CSAF document (section 3.2.2), and what its products are called elsewhere.

use crate::evidence::raw::Refusal;
use crate::evidence::raw::identity::{
    Budget, Digests, HashNames, digest_names, id, one_of, optional_id, purl, purl_with, quoted, refused,
    version_of,
};
use crate::limits;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};

/// Section 3.1.2.2.
const BRANCHES: [&str; 12] = [
    "architecture",
    "host_name",
    "language",
    "legacy",
    "patch_level",
    "product_family",
    "product_name",
    "product_version",
    "product_version_range",
    "service_pack",
    "specification",
    "vendor",
];

/// Section 3.2.2.4.
const RELATIONSHIPS: [&str; 5] = [
    "default_component_of",
    "external_component_of",
    "installed_on",
    "installed_with",
    "optional_component_of",
];

#[derive(Deserialize)]
pub(super) struct Tree {
    branches: Option<Vec<Branch>>,
    full_product_names: Option<Vec<Product>>,
    product_groups: Option<Vec<ProductGroup>>,
    relationships: Option<Vec<Relationship>>,
}

/// The depth of the JSON bounds how deep branches nest.
#[derive(Deserialize)]
struct Branch {
    category: String,
    name: String,
    branches: Option<Vec<Branch>>,
    product: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    name: String,
    product_id: String,
    product_identification_helper: Option<Helper>,
}

#[derive(Deserialize)]
struct Helper {
    purl: Option<String>,
    cpe: Option<String>,
    hashes: Option<Vec<FileHashes>>,
    serial_numbers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct FileHashes {
    file_hashes: Vec<FileHash>,
}

#[derive(Deserialize)]
struct FileHash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
struct ProductGroup {
    group_id: String,
    product_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Relationship {
    category: String,
    full_product_name: Product,
    product_reference: String,
    relates_to_product_reference: String,
}

/// The products that something is about: by id, and by group.
#[derive(Deserialize)]
pub(super) struct Products {
    product_ids: Option<Vec<String>>,
    group_ids: Option<Vec<String>>,
}

/// What a branch says of everything below it.
#[derive(Clone, Copy, Default)]
struct Path<'t> {
    version: Option<&'t str>,
    is_range: bool,
}

struct Entry {
    /// Its names elsewhere, from which it can be told.
    names: Vec<String>,
    /// Those of them that name no more than the product, where it is a range of versions or a few units.
    narrow_names: Vec<String>,
    /// The part and the whole, where it is the one within the other.
    relation: Option<(String, String)>,
}

/// Every product and group of a document.
pub(super) struct Catalogue {
    products: HashMap<String, Entry>,
    groups: HashMap<String, Vec<String>>,
}

impl Tree {
    /// Reads the tree.
    pub(super) fn read(&self) -> Result<Catalogue, Refusal> {
        let mut catalogue = Catalogue { products: HashMap::new(), groups: HashMap::new() };
        catalogue.add_branches("product_tree.branches", self.branches.as_deref(), Path::default())?;
        for (at, product) in self.full_product_names.iter().flatten().enumerate() {
            let place = format!("product_tree.full_product_names[{at}]");
            catalogue.add(&place, product, Path::default(), None)?;
        }
        for (at, relationship) in self.relationships.iter().flatten().enumerate() {
            let place = format!("product_tree.relationships[{at}]");
            one_of(&format!("{place}.category"), &RELATIONSHIPS, &relationship.category)?;
            let relation =
                (relationship.product_reference.clone(), relationship.relates_to_product_reference.clone());
            catalogue.add(&place, &relationship.full_product_name, Path::default(), Some(relation))?;
        }
        for (at, relationship) in self.relationships.iter().flatten().enumerate() {
            let place = format!("product_tree.relationships[{at}]");
            catalogue.defined(&place, &relationship.product_reference)?;
            catalogue.defined(&place, &relationship.relates_to_product_reference)?;
        }
        for (at, group) in self.product_groups.iter().flatten().enumerate() {
            catalogue.add_group(&format!("product_tree.product_groups[{at}]"), group)?;
        }
        Ok(catalogue)
    }
}

impl Catalogue {
    fn add_branches(
        &mut self,
        place: &str,
        branches: Option<&[Branch]>,
        above: Path<'_>,
    ) -> Result<(), Refusal> {
        for (at, branch) in branches.unwrap_or_default().iter().enumerate() {
            let place = format!("{place}[{at}]");
            one_of(&format!("{place}.category"), &BRANCHES, &branch.category)?;
            let path = match branch.category.as_str() {
                "product_version" => Path { version: Some(&branch.name), ..above },
                "product_version_range" => Path { is_range: true, ..above },
                _ => above,
            };
            if let Some(product) = &branch.product {
                self.add(&format!("{place}.product"), product, path, None)?;
            }
            self.add_branches(&format!("{place}.branches"), branch.branches.as_deref(), path)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        place: &str,
        product: &Product,
        path: Path<'_>,
        relation: Option<(String, String)>,
    ) -> Result<(), Refusal> {
        let product_id = id(&format!("{place}.product_id"), &product.product_id)?;
        let mut entry = entry(place, product, path)?;
        if relation.is_some() && product.product_identification_helper.is_none() {
            // The name of a combination; the part is told by its own names.
            entry.names.clear();
            entry.narrow_names.clear();
        }
        entry.relation = relation;
        let shown = quoted(&product_id);
        match self.products.insert(product_id, entry) {
            None => Ok(()),
            Some(_) => Err(Refusal::new(place, "a product_id that nothing else has", shown)),
        }
    }

    fn add_group(&mut self, place: &str, group: &ProductGroup) -> Result<(), Refusal> {
        for product in &group.product_ids {
            self.defined(place, product)?;
        }
        let group_id = id(&format!("{place}.group_id"), &group.group_id)?;
        let shown = quoted(&group_id);
        match self.groups.insert(group_id, group.product_ids.clone()) {
            None => Ok(()),
            Some(_) => Err(Refusal::new(place, "a group_id that nothing else has", shown)),
        }
    }

    fn defined(&self, place: &str, product: &str) -> Result<&Entry, Refusal> {
        self.products.get(product).ok_or_else(|| refused(place, "a product_id of the product tree", product))
    }

    /// The ids of all products meant, each once.
    pub(super) fn expand<'c>(
        &'c self,
        place: &str,
        about: &'c Products,
        budget: &mut Budget,
    ) -> Result<BTreeSet<&'c str>, Refusal> {
        let mut products = BTreeSet::new();
        for product in about.product_ids.iter().flatten() {
            budget.spend(product.len())?;
            self.defined(place, product)?;
            products.insert(product.as_str());
        }
        for group in about.group_ids.iter().flatten() {
            let members = self
                .groups
                .get(group)
                .ok_or_else(|| refused(place, "a group_id of the product tree", group))?;
            budget.spend_all(members)?;
            products.extend(members.iter().map(String::as_str));
        }
        Ok(products)
    }

    /// What a product is called elsewhere, and the whole of which it is a part. Where the statement clears the
    /// product, no name is among them that means more than the product.
    pub(super) fn names(
        &self,
        place: &str,
        product: &str,
        clears: bool,
        budget: &mut Budget,
    ) -> Result<(Vec<String>, Vec<String>), Refusal> {
        self.names_below(place, product, clears, budget, limits::PRODUCT_CHAIN)
    }

    fn names_below(
        &self,
        place: &str,
        product: &str,
        clears: bool,
        budget: &mut Budget,
        steps: usize,
    ) -> Result<(Vec<String>, Vec<String>), Refusal> {
        let entry = self.defined(place, product)?;
        let own = if clears { &entry.narrow_names } else { &entry.names };
        budget.spend(0)?;
        budget.spend_all(own)?;
        let Some((part, whole)) = &entry.relation else {
            return Ok((own.clone(), Vec::new()));
        };
        let Some(steps) = steps.checked_sub(1) else {
            let expected = format!("a chain of at most {} relationships", limits::PRODUCT_CHAIN);
            return Err(refused(place, expected, product));
        };
        let (parts, _) = self.names_below(place, part, clears, budget, steps)?;
        let (wholes, around) = self.names_below(place, whole, clears, budget, steps)?;
        let parts = if own.is_empty() { parts } else { own.clone() };
        // Of wholes within wholes, the outermost: a statement about that is about nothing larger.
        Ok((parts, if around.is_empty() { wholes } else { around }))
    }
}

fn entry(place: &str, product: &Product, path: Path<'_>) -> Result<Entry, Refusal> {
    let name = id(&format!("{place}.name"), &product.name)?;
    let (mut names, mut narrow_names) = (Vec::new(), Vec::new());
    let mut is_units = false;
    if let Some(helper) = &product.product_identification_helper {
        let place = format!("{place}.product_identification_helper");
        is_units = helper.serial_numbers.iter().flatten().next().is_some();
        if let Some(purl) = purl(&place, helper.purl.as_deref())? {
            let version = path.version.filter(|_| !path.is_range);
            let purl = version.and_then(|version| purl_with(&purl, version)).unwrap_or(purl);
            if version_of(&purl).is_some() || !path.is_range {
                narrow_names.push(purl.clone());
            }
            names.push(purl);
        }
        if let Some(cpe) = optional_id(&place, helper.cpe.as_deref())? {
            if !path.is_range {
                narrow_names.push(cpe.clone());
            }
            names.push(cpe);
        }
        let digests = digests(&place, helper)?;
        names.extend(digests.iter().cloned());
        narrow_names.extend(digests);
    }
    if is_units {
        narrow_names.clear();
    }
    for list in [&mut names, &mut narrow_names] {
        if list.is_empty() {
            list.push(name.clone());
        }
    }
    Ok(Entry { names, narrow_names, relation: None })
}

/// The digests of all files of a product (section 3.1.3.3.2), of which each may have several.
fn digests(place: &str, helper: &Helper) -> Result<Vec<String>, Refusal> {
    let mut all = Vec::new();
    for file in helper.hashes.iter().flatten() {
        let mut digests = Digests::new();
        for hash in &file.file_hashes {
            digests.add(&format!("{place}.hashes"), &HashNames::Open, &hash.algorithm, &hash.value)?;
        }
        all.extend(digest_names(&digests.finish()));
    }
    Ok(all)
}
