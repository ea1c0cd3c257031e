//! What the readers of scan reports share: JSON documents with bounded lists, and logs of lines.

use super::{Refusal, Severity, shortened};
use crate::escape::Escaped;
use crate::json::{JsonError, Strict};
use crate::limits;
use crate::time::Time;
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;
use std::marker::PhantomData;

/// Checks and reads a JSON document: first what tells its version, so that a document of another version is refused
/// for that and not for a field that the other version spells differently.
pub(super) fn document<Head: DeserializeOwned, Body: DeserializeOwned>(
    bytes: &[u8],
    expected: &str,
    accept: impl FnOnce(Head) -> Result<(), Refusal>,
) -> Result<Body, Refusal> {
    let refused = |error: JsonError| Refusal::new("the report", expected, error.to_string());
    let text = Strict::check(bytes).map_err(refused)?;
    // A struct can also be read from a list of its fields in order; no report is written so.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::new("the report", expected, "JSON that is no object"));
    }
    accept(text.read().map_err(refused)?)?;
    text.read().map_err(refused)
}

/// The beginning of a text of the report, escaped and in quotes, for a [`Refusal`].
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", Escaped(&shortened(text)))
}

/// A time with its zone; anything else, and the zero time that Go writes for a time it does not have, is unknown.
pub(super) fn time(text: Option<&str>) -> Option<Time> {
    text.filter(|text| !text.starts_with("0001-01-01T00:00:00"))?.parse().ok()
}

/// A text that says something.
pub(super) fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// A list of at most [`limits::SCAN_ENTRIES`] entries.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = seq.next_element()? {
                    if entries.len() >= limits::SCAN_ENTRIES {
                        return Err(Error::custom(format_args!(
                            "more than {} entries in one list",
                            limits::SCAN_ENTRIES
                        )));
                    }
                    entries.push(entry);
                }
                Ok(List(entries))
            }
        }

        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

/// The first entry of a list; the others are read past.
#[derive(Debug)]
pub(super) struct First<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let first = seq.next_element()?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }

        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

/// A value that is only looked at for being there: anything but null.
#[derive(Debug)]
pub(super) struct There;

impl<'de> Deserialize<'de> for There {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A CVSS score as a severity, from a number or from text that holds one; anything else is unknown.
#[derive(Debug)]
pub(super) struct Score(pub(super) Severity);

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScoreVisitor).map(Self)
    }
}

struct ScoreVisitor;

impl<'de> Visitor<'de> for ScoreVisitor {
    type Value = Severity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CVSS score")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Severity, E> {
        Ok(Severity::Unknown)
    }

    fn visit_i64<E>(self, score: i64) -> Result<Severity, E> {
        Ok(i32::try_from(score).map_or(Severity::Unknown, |score| Severity::of_cvss(score.into())))
    }

    fn visit_u64<E>(self, score: u64) -> Result<Severity, E> {
        Ok(u32::try_from(score).map_or(Severity::Unknown, |score| Severity::of_cvss(score.into())))
    }

    fn visit_f64<E>(self, score: f64) -> Result<Severity, E> {
        Ok(Severity::of_cvss(score))
    }

    fn visit_str<E>(self, text: &str) -> Result<Severity, E> {
        Ok(text.trim().parse().map_or(Severity::Unknown, Severity::of_cvss))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Severity, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Severity::Unknown)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Severity, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Severity::Unknown)
    }
}

/// One line of a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'t> {
    /// Its number, from one.
    pub(super) number: usize,
    /// What it says, without its line break.
    pub(super) text: &'t str,
}

impl Line<'_> {
    /// A refusal of this line.
    pub(super) fn refused(self, expected: &str) -> Refusal {
        Refusal::new(self.place(), expected, quoted(self.text))
    }

    /// Its place, for messages.
    pub(super) fn place(self) -> String {
        format!("line {}", self.number)
    }
}

/// The lines of a log that say something. A log that is not UTF-8 or holds NUL is refused: neither can name a file of
/// a drop, and such a name could be shown as another's.
pub(super) fn lines(bytes: &[u8]) -> Result<impl Iterator<Item = Line<'_>>, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Refusal::new(format!("byte {}", error.valid_up_to()), "UTF-8", "bytes that are not UTF-8")
    })?;
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Refusal::new(format!("byte {at}"), "text", "a NUL byte"));
    }
    Ok(text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .zip(1..)
        .map(|(text, number)| Line { number, text })
        .filter(|line| !line.text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_too_long_is_refused() {
        let text = format!("[{}0]", "0,".repeat(limits::SCAN_ENTRIES));
        let error = serde_json::from_str::<List<u8>>(&text).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
}
