//! What the bills of materials and VEX formats have in common: ids, digests, times, and the bound on what they cost.

use super::{Component, Refusal, shortened};
use crate::escape::Escaped;
use crate::json::Strict;
use crate::limits;
use crate::time::Time;
use serde::Deserialize;
use std::borrow::Cow;

/// The five justifications of the VEX working group, which OpenVEX 0.2 and CSAF 2.0 share.
pub(super) const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

/// Reads a document that was checked; a wrong shape is refused as not being `expected`.
pub(super) fn document<'t, T: Deserialize<'t>>(text: Strict<'t>, expected: &str) -> Result<T, Refusal> {
    text.read().map_err(|why| Refusal::new("document", expected, why.to_string()))
}

/// Checks that the bytes are JSON that has one meaning.
pub(super) fn strict<'t>(bytes: &'t [u8], expected: &str) -> Result<Strict<'t>, Refusal> {
    Strict::check(bytes).map_err(|why| Refusal::new("document", expected, why.to_string()))
}

/// A refusal that quotes text of the report.
pub(super) fn refused(place: &str, expected: impl Into<String>, found: &str) -> Refusal {
    Refusal::new(place, expected, quoted(found))
}

/// Text of the report, shortened and escaped, in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", Escaped(&shortened(text)))
}

/// The member of a closed list that this word is.
pub(super) fn one_of(place: &str, legal: &[&str], word: &str) -> Result<(), Refusal> {
    if legal.contains(&word) {
        return Ok(());
    }
    Err(refused(place, format!("one of {}", legal.join(", ")), word))
}

/// A time of the report.
pub(super) fn time(place: &str, text: &str) -> Result<Time, Refusal> {
    text.parse().map_err(|_| refused(place, "a date and time with its zone as in RFC 3339", text))
}

/// The same, where there may be none.
pub(super) fn optional_time(place: &str, text: Option<&str>) -> Result<Option<Time>, Refusal> {
    text.map(|text| time(place, text)).transpose()
}

/// An id, which must be there and not be endless: two blank ids would name the same thing.
pub(super) fn id(place: &str, text: &str) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(refused(place, "an id that is not blank", text));
    }
    if text.len() > limits::IDENTIFIER_BYTES {
        let expected = format!("at most {} bytes", limits::IDENTIFIER_BYTES);
        return Err(Refusal::new(place, expected, format!("{} bytes", text.len())));
    }
    Ok(text.to_owned())
}

/// The same, where blank text says that there is none, as several tools write it.
pub(super) fn optional_id(place: &str, text: Option<&str>) -> Result<Option<String>, Refusal> {
    text.filter(|text| !text.trim().is_empty()).map(|text| id(place, text)).transpose()
}

/// A package URL (package-url specification): the scheme is checked, the rest is kept as it is.
pub(super) fn purl(place: &str, text: Option<&str>) -> Result<Option<String>, Refusal> {
    let purl = optional_id(place, text)?;
    match purl {
        Some(purl) if !purl.starts_with("pkg:") => {
            Err(refused(place, "a package URL, which starts with pkg:", &purl))
        }
        purl => Ok(purl),
    }
}

/// A reason or action in words; blank words are none.
pub(super) fn words(text: Option<&str>) -> Option<String> {
    text.map(shortened).filter(|text| !text.is_empty())
}

/// Where the version of a package URL stands or would stand: before its qualifiers and subpath.
fn split_purl(purl: &str) -> (&str, &str) {
    let end = purl.find(['?', '#']).unwrap_or(purl.len());
    purl.split_at_checked(end).unwrap_or((purl, ""))
}

/// The version that a package URL names, percent-encoded as it is. One that names none is about all of them.
pub(super) fn version_of(purl: &str) -> Option<&str> {
    let name = split_purl(purl).0.rsplit('/').next()?;
    name.split_once('@').map(|(_, version)| version).filter(|version| !version.is_empty())
}

/// The package URL with the version that its component states elsewhere, so that it does not name all versions.
/// `None` where it names one already.
pub(super) fn purl_with(purl: &str, version: &str) -> Option<String> {
    use std::fmt::Write;
    if version_of(purl).is_some() || version.is_empty() {
        return None;
    }
    let (name, rest) = split_purl(purl);
    let mut with = format!("{}@", name.trim_end_matches('@'));
    for byte in version.bytes() {
        // Writing to a String cannot fail.
        let _ = match byte {
            b'.' | b'-' | b'_' | b'~' => with.write_char(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => with.write_char(char::from(byte)),
            byte => write!(with, "%{byte:02X}"),
        };
    }
    with.push_str(rest);
    Some(with)
}

/// Text without its percent-encoding (RFC 3986, section 2.1); what does not decode to text stays as it is.
pub(super) fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let byte = (*first == b'%').then(|| Some((digit(0)? << 4) | digit(1)?)).flatten();
        match byte.and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A package URL as a list of what must not come in compares it: broadly, since another spelling is the same package. Its
/// type and name in lower case; its version; and its qualifiers and subpath, from the first of their signs on.
#[derive(Debug, PartialEq, Eq)]
pub struct Package<'p> {
    /// Type, namespace and name.
    pub name: String,
    /// The version, where it has one.
    pub version: Option<Cow<'p, str>>,
    /// Qualifiers and subpath.
    pub rest: &'p str,
}

impl<'p> Package<'p> {
    /// Takes a package URL apart.
    pub fn of(purl: &'p str) -> Self {
        let (path, rest) = split_purl(purl);
        let version = version_of(purl);
        let name = version.and_then(|version| path.strip_suffix(version)).unwrap_or(path);
        let name = name.trim_end_matches('@');
        let name = name.strip_prefix("pkg:").unwrap_or(name).trim_matches('/');
        Self { name: percent_decoded(name).to_ascii_lowercase(), version: version.map(percent_decoded), rest }
    }
}

/// The names by which a component is known in statements: its package URL, with its version; and its digests. One that
/// has neither is known by its name.
pub(super) fn names_of(component: &Component) -> Vec<String> {
    let version = component.version.as_deref();
    let purl = component
        .purl
        .as_ref()
        .map(|purl| version.and_then(|version| purl_with(purl, version)).unwrap_or_else(|| purl.clone()));
    let mut names: Vec<String> = purl.into_iter().collect();
    names.extend(digest_names(&component.digests));
    if names.is_empty() {
        names.push(match version {
            Some(version) => format!("{}@{version}", component.name),
            None => component.name.clone(),
        });
    }
    names
}

/// Digests as products of a statement.
pub(super) fn digest_names(digests: &[(String, String)]) -> impl Iterator<Item = String> {
    digests.iter().map(|(algorithm, hex)| format!("{algorithm}:{hex}"))
}

/// How a format names its hash functions.
pub(super) enum HashNames {
    /// By the names of a closed list; another is refused, since a digest under a name that nobody knows is a digest
    /// withheld from whoever looks for it.
    Closed(&'static [&'static str]),
    /// By any name.
    Open,
}

/// A hash function: its name in in-toto where it still proves something, and the length of its digests in hex digits,
/// where it has one.
fn hash_function(name: &str) -> Option<(Option<&'static str>, Option<usize>)> {
    let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_')).collect();
    Some(match plain.to_ascii_lowercase().as_str() {
        "sha256" => (Some("sha256"), Some(64)),
        "sha384" => (Some("sha384"), Some(96)),
        "sha512" => (Some("sha512"), Some(128)),
        "sha3256" => (Some("sha3_256"), Some(64)),
        "sha3384" => (Some("sha3_384"), Some(96)),
        "sha3512" => (Some("sha3_512"), Some(128)),
        "blake3" => (Some("blake3"), Some(64)),
        "blake2b256" | "blake2s256" => (None, Some(64)),
        "blake2b384" => (None, Some(96)),
        "blake2b512" => (None, Some(128)),
        "sha224" | "sha3224" => (None, Some(56)),
        "sha1" => (None, Some(40)),
        "md2" | "md4" | "md5" => (None, Some(32)),
        "adler32" => (None, Some(8)),
        "md6" => (None, None),
        _ => return None,
    })
}

/// Digests of one thing, while they are read.
pub(super) struct Digests(Vec<(String, String)>);

impl Digests {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes one in. Weak ones are checked for their length and left out.
    pub(super) fn add(
        &mut self,
        place: &str,
        names: &HashNames,
        name: &str,
        hex: &str,
    ) -> Result<(), Refusal> {
        if let HashNames::Closed(legal) = names {
            one_of(place, legal, name)?;
        }
        let Some((known, length)) = hash_function(name) else {
            return Ok(());
        };
        let is_hex = !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex || length.is_some_and(|length| length != hex.len()) {
            let digits = length.map_or_else(String::new, |length| format!("{length} "));
            return Err(refused(place, format!("{digits}hex digits for {name}"), hex));
        }
        let Some(known) = known else {
            return Ok(());
        };
        let hex = hex.to_ascii_lowercase();
        match self.0.iter().find(|(have, _)| have == known) {
            Some((_, have)) if *have != hex => {
                Err(Refusal::new(place, format!("one digest by {known}"), "two that differ"))
            }
            Some(_) => Ok(()),
            None => {
                self.0.push((known.to_owned(), hex));
                Ok(())
            }
        }
    }

    /// All that count.
    pub(super) fn finish(self) -> Vec<(String, String)> {
        self.0
    }
}

/// What the statements of a document may still cost.
pub(super) struct Budget(usize);

impl Budget {
    /// All of it.
    pub(super) fn new() -> Self {
        Self(limits::VEX_BYTES)
    }

    /// Spends on one more reference that was followed, or text of this many bytes that was copied.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Refusal> {
        // What an empty entry takes.
        const ENTRY: usize = 32;
        match self.0.checked_sub(bytes.saturating_add(ENTRY)) {
            Some(rest) => {
                self.0 = rest;
                Ok(())
            }
            None => Err(Refusal::new(
                "statements",
                format!("at most {} bytes once references are followed", limits::VEX_BYTES),
                "more",
            )),
        }
    }

    /// Spends on copies of all of these.
    pub(super) fn spend_all(&mut self, texts: &[String]) -> Result<(), Refusal> {
        texts.iter().try_for_each(|text| self.spend(text.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_url_gets_the_version_that_it_lacks_and_no_other() {
        let cases = [
            ("pkg:npm/is-number", "7.0.0", Some("pkg:npm/is-number@7.0.0")),
            ("pkg:npm/%40types/ms?x=1#y", "2.1.0", Some("pkg:npm/%40types/ms@2.1.0?x=1#y")),
            ("pkg:npm/is-number@6.0.0", "7.0.0", None),
            ("pkg:generic/a@/b", "1", Some("pkg:generic/a@/b@1")),
            ("pkg:generic/radio@", "1", Some("pkg:generic/radio@1")),
            ("pkg:generic/radio", "1+2 é", Some("pkg:generic/radio@1%2B2%20%C3%A9")),
            ("pkg:generic/radio?download_url=x@1", "1", Some("pkg:generic/radio@1?download_url=x@1")),
        ];
        for (purl, version, expected) in cases {
            assert_eq!(purl_with(purl, version).as_deref(), expected, "{purl}");
        }
    }

    #[test]
    fn a_package_is_the_same_however_it_is_spelt() {
        let package = |purl| Package::of(purl);
        let own = package("pkg:npm/%40Types/ms@2.1.0?x=1#y");
        assert_eq!(
            (own.name.as_str(), own.version.as_deref(), own.rest),
            ("npm/@types/ms", Some("2.1.0"), "?x=1#y")
        );
        assert_eq!(package("pkg:npm/@types/ms@2.1.0?x=1#y"), own);
        assert_eq!(package("pkg://npm/%40types/ms@2.1.0?x=1#y"), own);
        assert_eq!(package("pkg:generic/radio@").version, None);
        assert_eq!(package("pkg:generic/radio@").name, "generic/radio");
        assert_eq!(package("pkg:generic/radio@1%2B2").version.as_deref(), Some("1+2"));
        assert_eq!(
            package("pkg:generic/1@1"),
            Package { name: "generic/1".into(), version: Some("1".into()), rest: "" }
        );
    }

    #[test]
    fn a_flood_of_references_is_cut_off() {
        let mut budget = Budget::new();
        let long = vec!["x".repeat(limits::IDENTIFIER_BYTES); 1024];
        let spent = (0..).take_while(|_| budget.spend_all(&long).is_ok()).count();
        assert!((1..64).contains(&spent), "{spent}");
    }
}
