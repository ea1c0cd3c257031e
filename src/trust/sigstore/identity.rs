//! Whose signatures count: an identity to the letter, or a pattern of identities.
//!
//! A pattern holds for the whole identity or not at all, so that `https://github.com/acme/x.attacker.example` never passes for
//! `https://github.com/acme/x`. Its one special character is `*`: one or more of the letters, digits, `.`, `_`, `-`, `~` and `+`,
//! within one segment. It crosses no `/`, `@`, `:`, `%` or `#`, and stands for no part of a host.

use crate::escape::{self, Escaped};
use crate::limits;
use std::fmt;

/// Who may sign, as the certificate's one subjectAltName (a mail address or a URI) says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// This one, to the letter.
    Exact(String),
    /// Each that the pattern holds for.
    Pattern(Pattern),
}

/// Why a text is no identity or pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} \"{}\": expected {expected}", Escaped(.found))]
pub struct IdentityRefusal {
    /// What it should have been.
    pub what: &'static str,
    /// What was expected.
    pub expected: &'static str,
    /// What was found, shortened.
    pub found: String,
}

impl Identity {
    /// An identity to the letter.
    ///
    /// # Errors
    /// When no certificate can say it, or it looks like a pattern.
    pub fn exact(text: &str) -> Result<Self, IdentityRefusal> {
        let refusal = refusal("identity", text);
        plain(text).map_err(&refusal)?;
        if text.contains('*') {
            return Err(refusal("a whole identity, or a pattern in its own setting: this one has a *"));
        }
        Ok(Self::Exact(text.to_owned()))
    }

    /// The identities that a pattern holds for.
    ///
    /// # Errors
    /// When it is none.
    pub fn pattern(text: &str) -> Result<Self, IdentityRefusal> {
        Pattern::parse(text).map(Self::Pattern)
    }

    /// Whether `identity` is meant.
    pub fn means(&self, identity: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == identity,
            Self::Pattern(pattern) => pattern.matches(identity),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) | Self::Pattern(Pattern(text)) => f.write_str(text),
        }
    }
}

fn refusal<'t>(what: &'static str, text: &'t str) -> impl Fn(&'static str) -> IdentityRefusal + 't {
    move |expected| IdentityRefusal { what, expected, found: text.chars().take(100).collect() }
}

/// What no identity, issuer or pattern may be.
pub(super) fn plain(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > limits::IDENTIFIER_BYTES {
        Err("1 to 4096 bytes")
    } else if text.chars().any(|c| c == ' ' || escape::is_deceptive(c)) {
        Err("visible characters without blanks")
    } else {
        Ok(())
    }
}

/// A pattern of identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Reads a pattern, such as `https://github.com/acme/*/.github/workflows/release.yml@refs/tags/v*`.
    ///
    /// # Errors
    /// When it has no `*`, two of them in a row, or one in the host.
    pub fn parse(text: &str) -> Result<Self, IdentityRefusal> {
        let refusal = refusal("pattern of identities", text);
        plain(text).map_err(&refusal)?;
        if text.len() > limits::IDENTITY_PATTERN_BYTES {
            return Err(refusal("at most 1024 bytes"));
        }
        if !text.contains('*') {
            return Err(refusal("a *; an identity to the letter needs no pattern"));
        }
        if text.contains("**") {
            return Err(refusal("no ** : a * stays within one segment"));
        }
        let host = match text.split_once("://") {
            Some((scheme, rest)) => {
                scheme.contains('*') || rest.split('/').next().is_some_and(|host| host.contains('*'))
            }
            None => !text.split_once('@').is_some_and(|(_, host)| !host.is_empty() && !host.contains('*')),
        };
        if host {
            return Err(refusal(
                "a URI or a mail address whose host is given to the letter: anybody may have a host that a * stands for",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it holds for all of `text`. In steps of the lengths' product at most: all places in the pattern where one can
    /// be are kept at once, and none is ever gone back to.
    fn matches(&self, text: &str) -> bool {
        if text.len() > limits::IDENTIFIER_BYTES {
            return false;
        }
        let pattern = self.0.as_bytes();
        // Place n: what stands before n is used up.
        let mut places = vec![false; pattern.len().saturating_add(1)];
        if let Some(first) = places.first_mut() {
            *first = true;
        }
        for byte in text.bytes() {
            let mut next = vec![false; places.len()];
            for ((place, wanted), here) in pattern.iter().enumerate().zip(&places) {
                let within = *wanted == b'*' && fills(byte);
                // After a star, one may stay at it: it takes one byte or more.
                let again = within && places.get(place.saturating_add(1)).copied().unwrap_or(false);
                if ((*here && (within || (*wanted != b'*' && *wanted == byte))) || again)
                    && let Some(after) = next.get_mut(place.saturating_add(1))
                {
                    *after = true;
                }
            }
            places = next;
        }
        places.last().copied().unwrap_or(false)
    }
}

fn fills(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-~+".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_for_a_whole_identity_or_not_at_all() {
        let workflow = "https://github.com/acme/*/.github/workflows/release.yml@refs/tags/v*";
        for (pattern, identity, expected) in [
            (workflow, "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.3", true),
            (workflow, "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v", false),
            (workflow, "https://github.com/acme/a/b/.github/workflows/release.yml@refs/tags/v1", false),
            (workflow, "https://github.com/acme//.github/workflows/release.yml@refs/tags/v1", false),
            (workflow, "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1/x", false),
            (workflow, "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1@x", false),
            (workflow, "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1 ", false),
            (workflow, "xhttps://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1", false),
            (workflow, "https://github.com/acme/%2e%2e/.github/workflows/release.yml@refs/tags/v1", false),
            (workflow, "https://github.com.evil/acme/app/.github/workflows/release.yml@refs/tags/v1", false),
            ("*@acme.example", "release@acme.example", true),
            ("*@acme.example", "release@acme.example.evil", false),
            ("*@acme.example", "a@b@acme.example", false),
            ("*@acme.example", "@acme.example", false),
            ("*@acme.example", "release@acmeXexample", false),
            ("rel-*-*@acme.example", "rel-a-b-c@acme.example", true),
            ("rel-*-*@acme.example", "rel-a@acme.example", false),
            ("a*a*a@acme.example", "aaaaa@acme.example", true),
            ("a*a*a@acme.example", "aaaa@acme.example", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(identity), expected, "{pattern} {identity}");
        }
        let slow = format!("{}@acme.example", "a*".repeat(400));
        assert!(!Pattern::parse(&slow).unwrap().matches(&"a".repeat(4000)));
    }

    #[test]
    fn what_could_mean_anybody_is_no_pattern() {
        for text in [
            "*",
            "",
            "https://*",
            "https://*.example/acme",
            "https://github.com*/acme",
            "*://github.com/acme",
            "release@*",
            "release@acme.*",
            "*@",
            "https://github.com/**",
            "https://github.com/acme/app",
            "https://github.com/acme /*",
            "https://github.com/acme\u{202e}/*",
        ] {
            assert!(Identity::pattern(text).is_err(), "{text:?}");
        }
        assert!(Identity::exact("https://github.com/acme/*").is_err());
        let exact = Identity::exact("release@acme.example").unwrap();
        assert!(exact.means("release@acme.example"));
        for other in ["release@acme.example.evil", "Release@acme.example", "xrelease@acme.example", ""] {
            assert!(!exact.means(other), "{other}");
        }
    }
}
