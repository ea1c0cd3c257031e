//! JSON from a drop, read strictly: one text has one meaning, for every reader.
//!
//! Two readers that disagree about a duplicate key can be shown two manifests in one signed text. So a
//! text is first checked whole, building nothing: UTF-8, no byte order mark, no duplicate key at any depth,
//! no lone surrogates, no number out of range, bounded nesting, nothing after the value. Only then,
//! from the proof of that ([`Strict`]), are typed values read.

use crate::escape::Shown;
use crate::limits;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

/// Why a text is not the JSON that was expected: where, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

impl JsonError {
    /// What a parser or writer said.
    pub fn of(error: &serde_json::Error) -> Self {
        Self::said(&error.to_string())
    }

    /// Says what a parser said. It may quote a value whole, and a value may be as long as the text.
    fn said(message: &str) -> Self {
        let chars = |count: usize| message.char_indices().nth(count).map(|(at, _)| at);
        let tail = message.char_indices().rev().nth(MESSAGE_TAIL).map_or(0, |(at, _)| at);
        match (chars(MESSAGE_HEAD), message.get(tail..)) {
            (Some(end), Some(last)) if end < tail => {
                let first = message.get(..end).unwrap_or_default();
                Self(format!("{} ... {}", Shown(first), Shown(last)))
            }
            _ => Self(Shown(message).to_string()),
        }
    }
}

/// Most characters kept of the start of a message: the field and the beginning of what was found.
const MESSAGE_HEAD: usize = 300;

/// Most characters kept of its end: what was expected, line and column.
const MESSAGE_TAIL: usize = 100;

/// Most characters shown of a key.
const KEY_SHOWN: usize = 100;

/// A JSON text that was checked whole and holds each key of an object once.
#[derive(Debug, Clone, Copy)]
pub struct Strict<'t>(&'t str);

impl<'t> Strict<'t> {
    /// Checks `bytes`.
    ///
    /// # Errors
    /// When they are not one JSON value under the rules of this module; the message gives line and column.
    pub fn check(bytes: &'t [u8]) -> Result<Self, JsonError> {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(JsonError(
                "starts with a byte order mark; JSON has none (RFC 8259, section 8.1)".into(),
            ));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| JsonError(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        Checked { depth: 0 }
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .map_err(|error| JsonError::said(&error.to_string()))?;
        Ok(Self(text))
    }

    /// The text.
    pub fn text(self) -> &'t str {
        self.0
    }

    /// Reads a typed value.
    ///
    /// # Errors
    /// When the text holds something else; the message gives the path of the field.
    pub fn read<T: Deserialize<'t>>(self) -> Result<T, JsonError> {
        // Tracking the path costs as much as parsing, so only a text that failed is read that way.
        serde_json::from_str(self.0).map_err(|plain| {
            let traced: Result<T, _> =
                serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(self.0));
            match traced {
                Err(error) => JsonError::said(&format!("at {}: {}", error.path(), error.inner())),
                Ok(_) => JsonError::said(&plain.to_string()),
            }
        })
    }
}

/// Visits a value to its leaves and keeps nothing but the keys of the objects that are open.
#[derive(Clone, Copy)]
struct Checked {
    depth: usize,
}

impl Checked {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > limits::JSON_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {} levels", limits::JSON_DEPTH)));
        }
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen: HashSet<Cow<'de, str>> = HashSet::new();
        while let Some(Key(key)) = map.next_key()? {
            if seen.len() >= limits::JSON_OBJECT_KEYS {
                return Err(de::Error::custom(format_args!(
                    "more than {} keys in one object",
                    limits::JSON_OBJECT_KEYS
                )));
            }
            if seen.contains(&key) {
                let shown: String = key.chars().take(KEY_SHOWN).collect();
                return Err(de::Error::custom(format_args!("key {shown:?} is given twice in one object")));
            }
            seen.insert(key);
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// A key, borrowed from the text wherever it has no escapes.
struct Key<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        borrowed(deserializer).map(Key)
    }
}

/// Reads an array of what `expecting` says, each element made what it is as it is read, so that beside the text there is never
/// more than the result. Elements are numbered from 1; of several refusals the first is given.
///
/// # Errors
/// When the value is not such an array.
pub fn elements<'de, D, W, T, E>(
    deserializer: D,
    expecting: &'static str,
    make: impl FnMut(usize, W) -> Result<T, E>,
) -> Result<Result<Vec<T>, E>, D::Error>
where
    D: Deserializer<'de>,
    W: Deserialize<'de>,
{
    struct Elements<W, F>(&'static str, F, PhantomData<W>);

    impl<'de, W, T, E, F> Visitor<'de> for Elements<W, F>
    where
        W: Deserialize<'de>,
        F: FnMut(usize, W) -> Result<T, E>,
    {
        type Value = Result<Vec<T>, E>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut made = Ok(Vec::new());
            let mut number = 0_usize;
            while let Some(element) = seq.next_element::<W>()? {
                number = number.saturating_add(1);
                made = made.and_then(|mut made: Vec<T>| {
                    made.push((self.1)(number, element)?);
                    Ok(made)
                });
            }
            Ok(made)
        }
    }

    deserializer.deserialize_seq(Elements(expecting, make, PhantomData))
}

/// Reads a string, borrowed from the text wherever it has no escapes; for `deserialize_with`.
///
/// # Errors
/// When the value is not a string.
pub fn borrowed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Text;

    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }

        fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text))
        }
    }

    deserializer.deserialize_str(Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let refused: &[(&str, &[u8], &str)] = &[
            ("duplicate key", br#"{"a":1,"a":1}"#, "given twice"),
            ("duplicate key below", br#"{"x":[{"a":1,"b":{"c":1,"c":2}}]}"#, "given twice"),
            ("duplicate key through an escape", br#"{"a":1,"\u0061":1}"#, "given twice"),
            ("trailing bytes", br"{} {}", "trailing"),
            ("trailing NUL", b"{}\0", "trailing"),
            ("byte order mark", b"\xef\xbb\xbf{}", "byte order mark"),
            ("invalid UTF-8", b"\"\xff\"", "not UTF-8 at byte 1"),
            ("UTF-16", b"{\0}\0", "line 1"),
            ("lone surrogate", br#""\ud800""#, "line 1"),
            ("number out of range", b"1e999", "out of range"),
            ("nesting", deep.as_bytes(), "recursion limit"),
            ("comment", b"{} // no", "trailing"),
            ("empty", b"", "EOF"),
            ("NaN", b"NaN", "line 1"),
        ];
        for (claim, bytes, expected) in refused {
            let error = Strict::check(bytes).map(|_| ()).expect_err(claim).to_string();
            assert!(error.contains(expected), "{claim}: {error}");
        }
    }

    #[test]
    fn a_message_is_short_however_long_what_it_quotes() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code)]
        struct Outer {
            inner: u8,
        }
        let long = "\u{202e}x".repeat(1 << 20);
        for (claim, text, says) in [
            ("value", format!(r#"{{"inner":"{long}"}}"#), "expected u8 at line 1"),
            ("key", format!(r#"{{"{long}":1}}"#), "expected `inner` at line 1"),
        ] {
            let error = Strict::check(text.as_bytes()).unwrap().read::<Outer>().unwrap_err().to_string();
            assert!(error.len() < 5_000, "{claim}: {} bytes", error.len());
            assert!(error.contains(says), "{claim}: {error}");
        }
        let twice = format!(r#"{{"{long}":1,"{long}":1}}"#);
        let error = Strict::check(twice.as_bytes()).map(|_| ()).unwrap_err().to_string();
        assert!(error.len() < 5_000 && error.contains("given twice"), "{error}");
    }

    #[test]
    fn an_object_of_too_many_keys_is_refused() {
        let keys: Vec<String> = (0..=limits::JSON_OBJECT_KEYS).map(|n| format!("\"{n}\":0")).collect();
        let error = Strict::check(format!("{{{}}}", keys.join(",")).as_bytes()).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code)]
        struct Outer {
            inner: Vec<u8>,
        }
        let error = Strict::check(br#"{"inner":[1,"x"]}"#).unwrap().read::<Outer>().unwrap_err();
        assert!(error.to_string().starts_with("at inner[1]: invalid type"), "{error}");
    }
}
