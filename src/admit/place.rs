//! Where in the store a release belongs: a directory each for its vendor, its product and its version.

use crate::escape::{self, Escaped};
use crate::limits;
use crate::manifest::Release;
use std::fmt;

/// The place of a release. Two releases share one only if their vendor, product and version are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The vendor's directory in the store.
    pub vendor: String,
    /// The product's in it.
    pub product: String,
    /// The version's in that.
    pub version: String,
}

/// Why a release has no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {what} {name} makes no name of a directory: expected at most {} bytes once encoded, found {found}",
    limits::COMPONENT_BYTES
)]
pub struct PlaceRefusal {
    /// Whose name it is: `vendor`, `product` or `version`.
    pub what: &'static str,
    /// The name, escaped.
    pub name: String,
    /// How many bytes it takes.
    pub found: usize,
}

impl Place {
    /// The place of this release.
    ///
    /// # Errors
    /// When a name is too long for a directory once it is encoded.
    pub fn of(release: &Release) -> Result<Self, PlaceRefusal> {
        Ok(Self {
            vendor: component("vendor", release.vendor.as_str())?,
            product: component("product", release.product.as_str())?,
            version: component("version", release.version.as_str())?,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.vendor, self.product, self.version)
    }
}

fn component(what: &'static str, name: &str) -> Result<String, PlaceRefusal> {
    let encoded = escape::segment(name);
    match encoded.len() {
        0..=limits::COMPONENT_BYTES => Ok(encoded),
        found => Err(PlaceRefusal { what, name: Escaped(name).to_string(), found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::path::Name;
    use crate::escape::segment as encode;
    use proptest::prelude::*;

    #[test]
    fn names_are_encoded_as_documented() {
        for (name, encoded) in [
            ("Acme Networks", "Acme%20Networks"),
            ("radio-7", "radio-7"),
            ("4.2.1+b_3", "4.2.1+b_3"),
            (".", "%2E"),
            ("..", "%2E."),
            (".hidden", "%2Ehidden"),
            ("../x", "%2E.%2Fx"),
            ("a%2Fb", "a%252Fb"),
            ("CON", "CON"),
            ("nørd", "n%C3%B8rd"),
        ] {
            assert_eq!(encode(name), encoded);
        }
    }

    #[test]
    fn what_is_too_long_once_encoded_is_refused_by_name() {
        assert_eq!(component("vendor", &"é".repeat(42)).unwrap().len(), 252);
        let refusal = component("vendor", &"é".repeat(43)).unwrap_err();
        assert_eq!((refusal.what, refusal.found), ("vendor", 258));
        assert!(refusal.to_string().contains("expected at most 255 bytes once encoded, found 258"));
    }

    fn decode(encoded: &str) -> Vec<u8> {
        let mut bytes = encoded.bytes();
        let mut decoded = Vec::new();
        while let Some(byte) = bytes.next() {
            decoded.push(match byte {
                b'%' => {
                    let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        decoded
    }

    proptest! {
        #[test]
        fn every_name_comes_back_from_its_encoding(name in "\\PC{1,40}") {
            let encoded = encode(&name);
            prop_assert_eq!(decode(&encoded), name.as_bytes());
            prop_assert!(!encoded.starts_with('.') && !encoded.contains('/') && encoded.is_ascii());
            // What is encoded is again a name, so a vendor's name can be that of another's directory: it gets its own.
            if let Ok(name) = Name::parse(&encoded) {
                prop_assert!(encode(name.as_str()) == encoded || encoded.contains('%'));
            }
        }
    }
}
