//! One line of the file of allowed signers (ssh-keygen(1), "ALLOWED SIGNERS"), or a public key alone.
//!
//! ```text
//! releases@acme.example namespaces="file" valid-before="20270101Z" ssh-ed25519 AAAA... Acme releases
//! ```
//!
//! Who the key's holder is says the trust store: the principals are read past. What would take from them or from the options
//! without being understood here is refused: negations, patterns, times of no stated zone, options that are unknown.

use super::key::{self, KeyRefusal, PublicKey};
use crate::limits;
use crate::time::Time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) key: PublicKey,
    pub(super) namespaces: Vec<String>,
    pub(super) valid_after: Option<Time>,
    pub(super) valid_before: Option<Time>,
}

/// Why a text is not such a line. Never carries the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// A private key where a public one belongs.
    #[error(
        "this is a private key; expected a public key, the file that ends in .pub. Treat the private key as exposed if others can read this file"
    )]
    PrivateForPublic,
    /// Not one line.
    #[error("expected one line, with one key; found {found}")]
    Lines {
        /// What was found, in words.
        found: &'static str,
    },
    /// No key in the line.
    #[error(
        "expected `TYPE BASE64` or `PRINCIPALS [OPTIONS] TYPE BASE64` with type {}; found no such type where it should stand",
        key::TYPES
    )]
    NoKey,
    /// Not base64.
    #[error("expected the key in base64 with its padding, behind its type; found something else")]
    Base64,
    /// A key that does not count.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    /// A key of another type than the line says.
    #[error("expected a key of type {expected} as the line says, found one of type {found}")]
    Type {
        /// The type in the line.
        expected: String,
        /// The type in the key.
        found: &'static str,
    },
    /// Principals that would have to be understood.
    #[error(
        "expected principals without `!` and quotes, found {found:?}; who holds the key is said by `owner`"
    )]
    Principals {
        /// What was found.
        found: String,
    },
    /// A certificate authority.
    #[error(
        "expected a key that signs itself, found `cert-authority`; who may sign is said by the trust store and not by an SSH certificate authority"
    )]
    CertAuthority,
    /// An option that is unknown, or has no value in quotes.
    #[error(
        "expected the options namespaces=\"...\", valid-after=\"...\" or valid-before=\"...\", each once and with commas between; found {found:?}"
    )]
    Option {
        /// What was found.
        found: String,
    },
    /// A namespace that is none, or stands for several.
    #[error(
        "namespaces: expected names with commas between, without blanks, `*`, `?` and `!`; found {found:?}"
    )]
    Namespace {
        /// What was found.
        found: String,
    },
    /// Not a time, or a time of no zone.
    #[error(
        "{option}: expected YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ, found {found:?}; without Z it is the local time of whoever reads it"
    )]
    Time {
        /// Which option.
        option: &'static str,
        /// What was found.
        found: String,
    },
    /// Never valid.
    #[error("valid-before: expected a time after valid-after ({after}), found {before}")]
    NeverValid {
        /// Begin.
        after: Time,
        /// End.
        before: Time,
    },
}

const BLANKS: [char; 2] = [' ', '\t'];

impl Allowed {
    pub(super) fn parse(text: &str) -> Result<Self, CredentialRefusal> {
        if text.contains("PRIVATE KEY") {
            return Err(CredentialRefusal::PrivateForPublic);
        }
        let line = text.trim();
        if line.is_empty() || line.contains(['\n', '\r']) {
            let found = if line.is_empty() { "nothing" } else { "more than one" };
            return Err(CredentialRefusal::Lines { found });
        }
        let (first, rest) = word(line);
        if key::is_type(first) {
            return Ok(Self::of(public_key(first, rest)?));
        }
        if first.contains(['!', '"']) {
            return Err(CredentialRefusal::Principals { found: beginning(first) });
        }
        let (second, behind) = word(rest);
        if key::is_type(second) {
            return Ok(Self::of(public_key(second, behind)?));
        }
        let (options, rest) = quoted_word(rest);
        let (kind, rest) = word(rest);
        let mut allowed = Self::of(if key::is_type(kind) {
            public_key(kind, rest)?
        } else {
            return Err(CredentialRefusal::NoKey);
        });
        allowed.restrict(options)?;
        Ok(allowed)
    }

    /// A key for which nothing is said: for files, at any time.
    fn of(key: PublicKey) -> Self {
        Self { key, namespaces: vec!["file".to_owned()], valid_after: None, valid_before: None }
    }

    fn restrict(&mut self, options: &str) -> Result<(), CredentialRefusal> {
        let mut seen: Vec<&str> = Vec::new();
        let mut rest = options;
        loop {
            let refused = || CredentialRefusal::Option { found: beginning(rest) };
            if rest.split(',').next() == Some("cert-authority") {
                return Err(CredentialRefusal::CertAuthority);
            }
            let (name, value) = rest.split_once("=\"").ok_or_else(refused)?;
            let (value, behind) = value.split_once('"').ok_or_else(refused)?;
            if seen.contains(&name) || value.contains('\\') {
                return Err(refused());
            }
            match name {
                "namespaces" => self.namespaces = namespaces(value)?,
                "valid-after" => self.valid_after = Some(time("valid-after", value)?),
                "valid-before" => self.valid_before = Some(time("valid-before", value)?),
                _ => return Err(refused()),
            }
            seen.push(name);
            if behind.is_empty() {
                break;
            }
            rest = behind.strip_prefix(',').ok_or_else(refused)?;
        }
        match (self.valid_after, self.valid_before) {
            (Some(after), Some(before)) if before <= after => {
                Err(CredentialRefusal::NeverValid { after, before })
            }
            _ => Ok(()),
        }
    }
}

/// The key behind its type. The comment behind that is not read.
fn public_key(kind: &str, rest: &str) -> Result<PublicKey, CredentialRefusal> {
    let (text, _) = word(rest);
    let blob = STANDARD.decode(text).map_err(|_| CredentialRefusal::Base64)?;
    let key = PublicKey::read(&blob)?;
    if key.name() != kind {
        return Err(CredentialRefusal::Type { expected: beginning(kind), found: key.name() });
    }
    Ok(key)
}

fn namespaces(list: &str) -> Result<Vec<String>, CredentialRefusal> {
    let plain = |name: &str| {
        !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || matches!(c, '*' | '?' | '!'))
    };
    let refused = || CredentialRefusal::Namespace { found: beginning(list) };
    list.split(',').map(|name| plain(name).then(|| name.to_owned()).ok_or_else(refused)).collect()
}

fn time(option: &'static str, text: &str) -> Result<Time, CredentialRefusal> {
    let refused = || CredentialRefusal::Time { option, found: beginning(text) };
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let digits = digits.filter(|digits| matches!(digits.len(), 8 | 12 | 14)).ok_or_else(refused)?;
    let part = |from: usize, length: usize| digits.get(from..from.saturating_add(length)).unwrap_or("00");
    let time = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 2),
        part(6, 2),
        part(8, 2),
        part(10, 2),
        part(12, 2)
    );
    time.parse().map_err(|_| refused())
}

/// The first word, and what is behind the blanks after it.
fn word(text: &str) -> (&str, &str) {
    text.split_once(BLANKS).map_or((text, ""), |(word, rest)| (word, rest.trim_start_matches(BLANKS)))
}

/// The same for a word in which blanks may stand between quotes.
fn quoted_word(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        !quoted && BLANKS.contains(c)
    });
    let parts = end.and_then(|(end, _)| text.split_at_checked(end));
    parts.map_or((text, ""), |(word, rest)| (word, rest.trim_start_matches(BLANKS)))
}

fn beginning(text: &str) -> String {
    text.chars().take(limits::KEY_ID_SHOWN).collect()
}
