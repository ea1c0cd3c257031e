//! `urn:dropgate:counterfeit-notice:v1`: the provider's list of counterfeit items. It is the operator's, named by gate.toml,
//! and never read from a drop. docs/predicates/counterfeit-notice.md is the specification.

use super::{Digests, Words};
use crate::drop::path::Name;
use crate::time::Time;
use serde::{Deserialize, Deserializer, de};

/// The predicate type.
pub const TYPE: &str = "urn:dropgate:counterfeit-notice:v1";

/// A list of counterfeit items.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterfeitNotice {
    /// Its number.
    pub id: Words,
    /// When it was issued.
    pub issued: Time,
    /// The items: at least one, each with something to recognise it by.
    #[serde(deserialize_with = "items")]
    pub items: Vec<Item>,
}

/// A list of nothing, and an item that nothing is recognised by, would let everything through unseen.
fn items<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Item>, D::Error> {
    let items = Vec::<Item>::deserialize(deserializer)?;
    if items.is_empty() {
        return Err(de::Error::custom("items: expected at least one, found none"));
    }
    let bare = |item: &Item| item.digest.is_none() && item.purl.is_none() && item.serials.is_empty();
    match items.iter().position(bare) {
        Some(at) => Err(de::Error::custom(format!(
            "items[{at}]: expected a digest, serials or a purl to recognise it by, found a name alone"
        ))),
        None => Ok(items),
    }
}

/// A counterfeit item: what it is recognised by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What it is called in change records that replace it.
    pub name: Words,
    /// Who is said to have delivered it.
    pub vendor: Option<Name>,
    /// The digest of a file.
    pub digest: Option<Digests>,
    /// Serial numbers of hardware.
    #[serde(default)]
    pub serials: Vec<Words>,
    /// A component, by package URL as in a bill of materials.
    pub purl: Option<Words>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_nothing_is_recognised_by_is_refused() {
        let read = |items: &str| {
            let notice = format!(r#"{{"id":"CN-1","issued":"2026-01-10T09:00:00Z","items":{items}}}"#);
            serde_json::from_str::<CounterfeitNotice>(&notice).map_err(|why| why.to_string())
        };
        assert!(read(r#"[{"name":"unit","serials":["R7-0001"]}]"#).is_ok());
        for bare in [r#"[{"name":"unit"}]"#, r#"[{"name":"unit","serials":[]}]"#] {
            assert!(read(bare).unwrap_err().contains("items[0]: expected a digest"), "{bare}");
        }
        assert!(read("[]").unwrap_err().contains("expected at least one"));
    }
}
