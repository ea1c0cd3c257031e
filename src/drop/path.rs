//! Names from a drop: the path of an artifact, and the names of vendors, products and versions.
//!
//! Phases: one parser for each refuses what could escape, deceive or cost too much; past it, pure
//! functions tell a policy what other file systems would make of a path. Nothing is normalised: two
//! spellings are two paths, and what would be normalised is refused.

use crate::escape::{Escaped, is_deceptive};
use crate::limits;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The path of an artifact, relative to the root of its drop, with `/` between its components.
///
/// ```
/// use dropgate::drop::path::{DropPath, PathRefusal};
/// assert_eq!(DropPath::parse("images/cu.img").unwrap().as_str(), "images/cu.img");
/// assert_eq!(DropPath::parse("../etc/passwd"), Err(PathRefusal::DotDot));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DropPath(Box<str>);

/// Why something is not the path of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathRefusal {
    /// Nothing at all.
    #[error("expected a name, found nothing")]
    Empty,
    /// It starts at the root of a file system.
    #[error("expected a relative path, found `/` at its start")]
    Absolute,
    /// `//` within it, or a slash at its end.
    #[error("expected a name on both sides of each `/`, found nothing on one")]
    EmptyComponent,
    /// A component that means "here", and so gives a path a second spelling.
    #[error("expected names only, found the component `.`")]
    Dot,
    /// A component that leaves the directory.
    #[error("expected names only, found the component `..`")]
    DotDot,
    /// A separator on some systems and part of a name on others.
    #[error("expected `/` between components, found a backslash")]
    Backslash,
    /// A control character, NUL among them.
    #[error("expected visible characters, found the control character U+{:04X}", u32::from(*.0))]
    Control(char),
    /// A character that shows as nothing, as a blank, or that reorders the text around it.
    #[error("expected visible characters, found the deceptive character U+{:04X}", u32::from(*.0))]
    Deceptive(char),
    /// A component that common file systems can't hold.
    #[error("expected at most {} bytes in a component, found {found}", limits::COMPONENT_BYTES)]
    ComponentTooLong {
        /// Its length, in bytes.
        found: usize,
    },
    /// Longer than a path may be here.
    #[error("expected at most {} bytes, found {found}", limits::PATH_BYTES)]
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
    /// Too many components.
    #[error("expected at most {} components, found {found}", limits::PATH_DEPTH)]
    TooDeep {
        /// How many there are.
        found: usize,
    },
    /// Bytes that are not text.
    #[error("expected UTF-8, found something else at byte {at}")]
    NotUtf8 {
        /// Offset of the first byte that is not.
        at: usize,
    },
}

impl DropPath {
    /// The only way to make a path: every other goes through here.
    pub fn parse(text: &str) -> Result<Self, PathRefusal> {
        check_path(text)?;
        Ok(Self(text.into()))
    }

    /// A path from a file system, where names are bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PathRefusal> {
        let text = std::str::from_utf8(bytes).map_err(|e| PathRefusal::NotUtf8 { at: e.valid_up_to() })?;
        Self::parse(text)
    }

    /// The path as it was received. Hostile text can't be in it, but show it by `Display` all the same.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its names, from the root downwards; never none.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Why some systems can't hold a file of this path, if so: the first reason found.
    pub fn portability(&self) -> Option<String> {
        self.components().find_map(|component| {
            let shown = Escaped(component);
            if let Some(c) = component.chars().find(|c| r#"<>:"|?*"#.contains(*c)) {
                Some(format!("`{shown}` has `{c}`, which Windows refuses in names"))
            } else if component.ends_with(['.', ' ']) {
                Some(format!("`{shown}` ends in a dot or a blank, which Windows drops"))
            } else if is_windows_device(component) {
                Some(format!("`{shown}` is the name of a device on Windows"))
            } else {
                None
            }
        })
    }

    /// One key for all paths that a file system blind to case or to Unicode normalisation takes for
    /// one another. It is for comparing only: it is no path.
    pub fn collision_key(&self) -> Cow<'_, str> {
        // Nearly every path is of this kind, and nothing in it folds to anything else.
        if self.0.is_ascii() {
            return if self.0.bytes().any(|byte| byte.is_ascii_uppercase()) {
                Cow::Owned(self.0.to_ascii_lowercase())
            } else {
                Cow::Borrowed(&self.0)
            };
        }
        // Once more, since folding can give characters that decompose and fold again.
        Cow::Owned(fold(&fold(&self.0)))
    }
}

fn check_path(text: &str) -> Result<(), PathRefusal> {
    // Length first: it bounds the work of all that follows.
    if text.len() > limits::PATH_BYTES {
        return Err(PathRefusal::TooLong { found: text.len() });
    }
    if text.is_empty() {
        return Err(PathRefusal::Empty);
    }
    if text.starts_with('/') {
        return Err(PathRefusal::Absolute);
    }
    text.split('/').try_for_each(check_component)?;
    let found = text.split('/').count();
    if found > limits::PATH_DEPTH {
        return Err(PathRefusal::TooDeep { found });
    }
    Ok(())
}

fn check_component(component: &str) -> Result<(), PathRefusal> {
    match component {
        "" => return Err(PathRefusal::EmptyComponent),
        "." => return Err(PathRefusal::Dot),
        ".." => return Err(PathRefusal::DotDot),
        _ => {}
    }
    if component.len() > limits::COMPONENT_BYTES {
        return Err(PathRefusal::ComponentTooLong { found: component.len() });
    }
    component.chars().try_for_each(|c| match c {
        '\\' => Err(PathRefusal::Backslash),
        c if c.is_control() => Err(PathRefusal::Control(c)),
        c if is_deceptive(c) => Err(PathRefusal::Deceptive(c)),
        _ => Ok(()),
    })
}

/// Windows takes these for devices in every directory, whatever extension follows.
fn is_windows_device(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let stem = stem.to_ascii_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    // Superscript digits count as digits there.
    port.is_some_and(|n| {
        let mut n = n.chars();
        matches!((n.next(), n.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    })
}

/// One key for all names that people take for one another although their bytes differ: in case, in Unicode form
/// (full-width letters and ligatures among them), or in blanks and what does not show. It is for comparing only: it
/// is no name.
pub fn lookalike_key(name: &str) -> String {
    let visible: String = name.nfkd().filter(|c| !c.is_whitespace() && !is_deceptive(*c)).collect();
    fold(&fold(&visible)).nfkd().filter(|c| !c.is_whitespace() && !is_deceptive(*c)).collect()
}

fn fold(text: &str) -> String {
    // Upper case first unites what lower case alone keeps apart: `ß` and `ss`, `ς` and `σ`. Dotless `ı`
    // is another letter than `i` to every file system, though its capital is the same.
    text.nfd()
        .flat_map(|c| {
            let keep = (c == 'ı').then_some(c);
            let other = (c != 'ı').then(|| c.to_uppercase().flat_map(char::to_lowercase));
            keep.into_iter().chain(other.into_iter().flatten())
        })
        .nfc()
        .collect()
}

impl FromStr for DropPath {
    type Err = PathRefusal;

    fn from_str(text: &str) -> Result<Self, PathRefusal> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for DropPath {
    type Error = PathRefusal;

    fn try_from(text: &str) -> Result<Self, PathRefusal> {
        Self::parse(text)
    }
}

impl TryFrom<String> for DropPath {
    type Error = PathRefusal;

    fn try_from(text: String) -> Result<Self, PathRefusal> {
        Self::parse(&text)
    }
}

impl fmt::Display for DropPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

impl Serialize for DropPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DropPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|refusal| {
            de::Error::custom(format_args!("`{}` is not a path in a drop: {refusal}", Abridged(&text)))
        })
    }
}

/// The name of a vendor, a product, a version or a recipient: it can stand as one component of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

/// Why something is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameRefusal {
    /// Nothing at all.
    #[error("expected a name, found nothing")]
    Empty,
    /// Longer than a name may be here.
    #[error("expected at most {} bytes, found {found}", limits::NAME_BYTES)]
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
    /// More than one component.
    #[error("expected a name without `/`, found one")]
    Slash,
    /// A blank at either end, which nobody sees.
    #[error("expected no blank at the start or the end, found one")]
    Blank,
    /// The same letters can be spelled in other bytes, and would be another name.
    #[error("expected a name in Unicode Normalization Form C, found one that is not")]
    NotNormalised,
    /// What no component of a path may be either.
    #[error(transparent)]
    Component(PathRefusal),
}

impl Name {
    /// The only way to make a name: every other goes through here.
    pub fn parse(text: &str) -> Result<Self, NameRefusal> {
        if text.is_empty() {
            return Err(NameRefusal::Empty);
        }
        if text.len() > limits::NAME_BYTES {
            return Err(NameRefusal::TooLong { found: text.len() });
        }
        if text.contains('/') {
            return Err(NameRefusal::Slash);
        }
        check_component(text).map_err(NameRefusal::Component)?;
        // Blanks other than this one are refused as deceptive wherever they stand.
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(NameRefusal::Blank);
        }
        if !is_nfc(text) {
            return Err(NameRefusal::NotNormalised);
        }
        Ok(Self(text.into()))
    }

    /// The name as it was received.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameRefusal;

    fn from_str(text: &str) -> Result<Self, NameRefusal> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Name {
    type Error = NameRefusal;

    fn try_from(text: &str) -> Result<Self, NameRefusal> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Name {
    type Error = NameRefusal;

    fn try_from(text: String) -> Result<Self, NameRefusal> {
        Self::parse(&text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|refusal| {
            de::Error::custom(format_args!("`{}` is not a name: {refusal}", Abridged(&text)))
        })
    }
}

/// Refused text for a message: escaped, and short whatever its length.
struct Abridged<'a>(&'a str);

impl fmt::Display for Abridged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(160) {
            None => Escaped(self.0).fmt(f),
            Some((end, _)) => {
                Escaped(self.0.get(..end).unwrap_or_default()).fmt(f)?;
                f.write_str("…")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_name() {
        let long = "x".repeat(256);
        let longer = ["0123456789abcdef"; 128].join("/");
        let deep = ["d"; 129].join("/");
        let cases = [
            ("", PathRefusal::Empty),
            ("/", PathRefusal::Absolute),
            ("/etc/passwd", PathRefusal::Absolute),
            ("a//b", PathRefusal::EmptyComponent),
            ("a/", PathRefusal::EmptyComponent),
            (".", PathRefusal::Dot),
            ("./a", PathRefusal::Dot),
            ("a/./b", PathRefusal::Dot),
            ("..", PathRefusal::DotDot),
            ("a/../b", PathRefusal::DotDot),
            ("a/..", PathRefusal::DotDot),
            (r"a\b", PathRefusal::Backslash),
            (r"..\a", PathRefusal::Backslash),
            ("a\0b", PathRefusal::Control('\0')),
            ("a\nb", PathRefusal::Control('\n')),
            ("a\u{7f}", PathRefusal::Control('\u{7f}')),
            ("a\u{85}", PathRefusal::Control('\u{85}')),
            ("a\u{202e}b", PathRefusal::Deceptive('\u{202e}')),
            ("a\u{2028}b", PathRefusal::Deceptive('\u{2028}')),
            ("a\u{200b}b", PathRefusal::Deceptive('\u{200b}')),
            ("\u{feff}a", PathRefusal::Deceptive('\u{feff}')),
            ("a\u{a0}b", PathRefusal::Deceptive('\u{a0}')),
            ("a\u{e000}", PathRefusal::Deceptive('\u{e000}')),
            (&long, PathRefusal::ComponentTooLong { found: 256 }),
            (&longer, PathRefusal::TooLong { found: 2175 }),
            (&deep, PathRefusal::TooDeep { found: 129 }),
        ];
        for (text, refusal) in cases {
            assert_eq!(DropPath::parse(text), Err(refusal), "{text:?}");
            assert!(refusal.to_string().starts_with("expected "), "{refusal}");
            assert!(refusal.to_string().contains(", found "), "{refusal}");
        }
        let found = DropPath::from_bytes(b"caf\xe9");
        assert_eq!(found, Err(PathRefusal::NotUtf8 { at: 3 }));
    }

    #[test]
    fn ordinary_paths_stay_as_they_are() {
        let longest = "x".repeat(255);
        let deepest = ["d"; 128].join("/");
        for text in [
            "a",
            "a b/c",
            "...",
            ".hidden",
            "a..b",
            "a~",
            "café/漢字",
            "e\u{301}",
            "-rf",
            "C:a",
            &longest,
            &deepest,
        ] {
            assert_eq!(DropPath::parse(text).unwrap().as_str(), text);
            assert_eq!(DropPath::from_bytes(text.as_bytes()).unwrap().as_str(), text);
        }
    }

    #[test]
    fn order_is_that_of_bytes() {
        let path = |text| DropPath::parse(text).unwrap();
        assert!(path("a-b") < path("a/b") && path("a/b") < path("a0"));
    }

    #[test]
    fn serde_uses_the_same_parser() {
        let path: DropPath = serde_json::from_str(r#""a\u002fb""#).unwrap();
        assert_eq!(serde_json::to_string(&path).unwrap(), r#""a/b""#);
        let error = serde_json::from_str::<DropPath>(r#""a\u202e/..""#).unwrap_err().to_string();
        assert!(error.contains(r"`a\u{202e}/..` is not a path in a drop: expected visible"), "{error}");
        let huge = serde_json::to_string(&"\u{202e}".repeat(100_000)).unwrap();
        assert!(serde_json::from_str::<DropPath>(&huge).unwrap_err().to_string().len() < 2000);
    }

    #[test]
    fn portability_names_the_component() {
        for (text, reason) in [
            ("a/CON", Some("`CON` is the name of a device")),
            ("nul.txt", Some("`nul.txt` is the name of a device")),
            ("aux .tar.gz", Some("is the name of a device")),
            ("lpt0/x", Some("`lpt0` is the name of a device")),
            ("COM¹", Some("is the name of a device")),
            ("a./b", Some("ends in a dot")),
            ("a /b", Some("ends in a dot or a blank")),
            ("a:b", Some("has `:`")),
            ("what?", Some("has `?`")),
            ("COM10", None),
            ("console", None),
            ("COM", None),
            ("a b/.hidden", None),
        ] {
            let found = DropPath::parse(text).unwrap().portability();
            match reason {
                Some(reason) => {
                    assert!(found.as_ref().is_some_and(|f| f.contains(reason)), "{text}: {found:?}")
                }
                None => assert_eq!(found, None, "{text}"),
            }
        }
    }

    #[test]
    fn the_short_way_for_ascii_gives_the_same_key() {
        let text: String = (b'!'..=b'~').map(char::from).filter(|c| !"/\\".contains(*c)).collect();
        let key = DropPath::parse(&text).unwrap().collision_key().into_owned();
        assert_eq!(key, fold(&fold(&text)));
    }

    #[test]
    fn collision_keys_meet_where_file_systems_do() {
        let key = |text| DropPath::parse(text).unwrap().collision_key().into_owned();
        for (one, other) in [
            ("README", "readme"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("CAFE\u{301}", "caf\u{e9}"),
            ("ΟΔΟΣ", "οδος"),
            ("οδοσ", "οδος"),
            ("straße", "STRASSE"),
            ("\u{212a}", "k"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("a/b", "a-b"), ("e", "é"), ("ı", "i"), ("①", "1")] {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
    }

    #[test]
    fn names_are_one_component() {
        let long = "x".repeat(129);
        for (text, refusal) in [
            ("", NameRefusal::Empty),
            ("a/b", NameRefusal::Slash),
            (" a", NameRefusal::Blank),
            ("a ", NameRefusal::Blank),
            (&long, NameRefusal::TooLong { found: 129 }),
            ("..", NameRefusal::Component(PathRefusal::DotDot)),
            ("radio\u{301}", NameRefusal::NotNormalised),
            ("a\u{1b}[2J", NameRefusal::Component(PathRefusal::Control('\u{1b}'))),
        ] {
            assert_eq!(Name::parse(text), Err(refusal), "{text:?}");
        }
        assert_eq!(Name::parse("Acme Networks 5.2").unwrap().as_str(), "Acme Networks 5.2");
        let error = serde_json::from_str::<Name>(r#"" a""#).unwrap_err().to_string();
        assert!(error.contains("` a` is not a name: expected no blank"), "{error}");
    }
}
