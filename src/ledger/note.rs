//! Texts signed by named keys, by [C2SP signed-note](https://c2sp.org/signed-note):
//!
//! ```text
//! the text, of whole lines
//!
//! — noc.example/dropgate ABEiM7a5...
//! ```
//!
//! Only Ed25519 (type `0x01`) is read and made. Nothing of the text is given out before a signature of the expected key is
//! checked over the bytes that arrived.

use crate::escape::{self, Escaped};
use crate::limits;
use crate::trust::ed25519::{KeyRefusal, PrivateKey, PublicKey, SIGNATURE_BYTES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The signature type of Ed25519 over the text.
const ED25519: u8 = 1;

/// What a signature line begins with: an em dash and a space.
const MARK: &str = "\u{2014} ";

/// Why a text can't be the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{:?} can't name a ledger's key: expected 1 to {} bytes without spaces, plus signs and invisible characters, \
     such as noc.example/dropgate",
    escape::bytes(found.as_bytes()),
    limits::NOTE_NAME_BYTES
)]
pub struct NameRefusal {
    /// The text.
    pub found: String,
}

/// The name of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name(String);

impl Name {
    fn new(name: &str) -> Result<Self, NameRefusal> {
        let forbidden = |c: char| c.is_whitespace() || c == '+' || escape::is_deceptive(c);
        if name.is_empty() || name.len() > limits::NOTE_NAME_BYTES || name.chars().any(forbidden) {
            return Err(NameRefusal { found: name.to_owned() });
        }
        Ok(Self(name.to_owned()))
    }
}

/// The first four bytes of a hash over name, type and key. With the name it says which key a signature is by.
fn key_id(name: &Name, key: &PublicKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.0.as_bytes());
    hasher.update([b'\n', ED25519]);
    hasher.update(key.to_bytes());
    let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
    [a, b, c, d]
}

/// Why a text is not a verifier key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyRefusal {
    /// It is not made of three parts.
    #[error("expected a verifier key of the form NAME+ID+KEY; found {found:?}")]
    Form {
        /// The text.
        found: String,
    },
    /// Its name is none.
    #[error(transparent)]
    Name(#[from] NameRefusal),
    /// It is of another type than Ed25519, or its key is not in base64, or not of 32 bytes.
    #[error(
        "the last part of a verifier key is base64 of the byte 1 (Ed25519) and a key of 32 bytes; found {found:?}"
    )]
    Encoding {
        /// That part.
        found: String,
    },
    /// Its key is unfit.
    #[error("the key in it is unfit: {0}")]
    Key(#[from] KeyRefusal),
    /// Its id is another's: a part was mistyped or cut off.
    #[error(
        "its id does not fit its name and key: expected {expected}, found {found:?}; was a part mistyped?"
    )]
    Id {
        /// The id that follows from name and key.
        expected: String,
        /// The one in the text.
        found: String,
    },
}

/// A public key with its name: whose notes count. Written as `<name>+<8 hex>+<base64 of 0x01 and the key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: Name,
    key: PublicKey,
    id: [u8; 4],
}

impl VerifierKey {
    /// Names a key.
    ///
    /// # Errors
    /// When the name can't be one.
    pub fn new(name: &str, key: PublicKey) -> Result<Self, NameRefusal> {
        let name = Name::new(name)?;
        let id = key_id(&name, &key);
        Ok(Self { name, key, id })
    }

    /// The key's name, which is the origin of the log that it signs.
    pub fn name(&self) -> &str {
        &self.name.0
    }

    /// The key.
    pub fn public(&self) -> &PublicKey {
        &self.key
    }

    /// The key's id, in hex.
    pub fn id(&self) -> String {
        crate::digest::hex(&self.id)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = vec![ED25519];
        encoded.extend(self.key.to_bytes());
        write!(f, "{}+{}+{}", self.name(), self.id(), STANDARD.encode(encoded))
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyRefusal;

    fn from_str(text: &str) -> Result<Self, VerifierKeyRefusal> {
        let shown = |text: &str| escape::bytes(text.as_bytes());
        // Base64 may hold plus signs, names and ids may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyRefusal::Form { found: shown(text) });
        };
        let name = Name::new(name)?;
        let bytes = STANDARD.decode(encoded).ok();
        let Some(Ok([ED25519, key @ ..])) = bytes.map(<[u8; 33]>::try_from) else {
            return Err(VerifierKeyRefusal::Encoding { found: shown(encoded) });
        };
        let key = PublicKey::from_bytes(&key)?;
        let verifier = Self { id: key_id(&name, &key), name, key };
        if verifier.id() != id {
            return Err(VerifierKeyRefusal::Id { expected: verifier.id(), found: shown(id) });
        }
        Ok(verifier)
    }
}

/// Why a key can't sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyRefusal {
    /// Its name is none.
    #[error(transparent)]
    Name(#[from] NameRefusal),
    /// Its public half is unfit.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
}

/// A private key with its name. Its bytes are never shown.
#[derive(Debug)]
pub struct SigningKey {
    key: PrivateKey,
    verifier: VerifierKey,
}

impl SigningKey {
    /// Names a key.
    ///
    /// # Errors
    /// When the name can't be one, or the key is unfit.
    pub fn new(name: &str, key: PrivateKey) -> Result<Self, SigningKeyRefusal> {
        let verifier = VerifierKey::new(name, key.public()?)?;
        Ok(Self { key, verifier })
    }

    /// What others verify with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The note of this text, which must be whole lines without control characters, with this key's signature.
    pub fn sign(&self, text: &str) -> Vec<u8> {
        let mut signature = self.verifier.id.to_vec();
        signature.extend(self.key.sign(text.as_bytes()));
        format!("{text}\n{MARK}{} {}\n", self.verifier.name(), STANDARD.encode(signature)).into_bytes()
    }
}

/// Why bytes are not a note of the expected key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteRefusal {
    /// Larger than any honest one.
    #[error("expected a signed note of at most {} bytes; found more", limits::NOTE_BYTES)]
    TooLarge,
    /// More signatures than any honest one has.
    #[error("expected at most {} signatures; found more", limits::NOTE_SIGNATURES)]
    Signatures,
    /// Not of the form of a note.
    #[error("expected a signed note (a text, an empty line, signature lines): {0}")]
    Form(&'static str),
    /// No signature by the expected key.
    #[error("expected a signature by {expected}; found {}", found_signers(found))]
    Unsigned {
        /// The verifier key.
        expected: String,
        /// Names of those who did sign, escaped.
        found: Vec<String>,
    },
    /// A signature that bears the expected key's name and id, and is not by it.
    #[error("the signature in the name of {expected} is not that key's over this text")]
    BadSignature {
        /// The verifier key.
        expected: String,
    },
}

fn found_signers(found: &[String]) -> String {
    match found {
        [] => "none".to_owned(),
        some => format!("signatures by {}", some.join(", ")),
    }
}

/// A note as it arrived. Its text is given out to nobody: only [`open`](UnverifiedNote::open) gives it.
#[derive(Debug)]
pub struct UnverifiedNote<'b> {
    text: &'b str,
    signatures: Vec<(Name, Vec<u8>)>,
}

impl<'b> UnverifiedNote<'b> {
    /// Reads the form of a note.
    ///
    /// # Errors
    /// When it has another.
    pub fn read(bytes: &'b [u8]) -> Result<Self, NoteRefusal> {
        if bytes.len() > limits::NOTE_BYTES {
            return Err(NoteRefusal::TooLarge);
        }
        let whole = str::from_utf8(bytes).map_err(|_| NoteRefusal::Form("it is not UTF-8"))?;
        if whole.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteRefusal::Form("it holds a control character"));
        }
        let (text, signed) =
            whole.rsplit_once("\n\n").ok_or(NoteRefusal::Form("no empty line before signatures"))?;
        // The text's own last line break was taken with the empty line.
        let text = whole.get(..text.len().saturating_add(1)).unwrap_or_default();
        let lines =
            signed.strip_suffix('\n').ok_or(NoteRefusal::Form("it does not end with a line break"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == limits::NOTE_SIGNATURES {
                return Err(NoteRefusal::Signatures);
            }
            signatures.push(signature_line(line)?);
        }
        Ok(Self { text, signatures })
    }

    /// The text, once a signature over it by `key` was verified. Signatures by other keys are ignored; all in the name
    /// and id of `key` must be its own.
    ///
    /// # Errors
    /// When there is none, or one is not.
    pub fn open(&self, key: &VerifierKey) -> Result<&'b str, NoteRefusal> {
        let mut signed = false;
        for (_, signature) in self.signatures.iter().filter(|(name, _)| *name == key.name) {
            let Some(own) = signature.strip_prefix(&key.id) else { continue };
            let own = <&[u8; SIGNATURE_BYTES]>::try_from(own).ok();
            if !own.is_some_and(|own| key.key.verify(self.text.as_bytes(), own)) {
                return Err(NoteRefusal::BadSignature { expected: key.to_string() });
            }
            signed = true;
        }
        if !signed {
            let found = self.signatures.iter().map(|(name, _)| Escaped(&name.0).to_string()).collect();
            return Err(NoteRefusal::Unsigned { expected: key.to_string(), found });
        }
        Ok(self.text)
    }

    /// The first line, which nobody vouches for: to say in a message whose note this may be.
    pub fn unverified_first_line(&self) -> &'b str {
        self.text.lines().next().unwrap_or_default()
    }
}

fn signature_line(line: &str) -> Result<(Name, Vec<u8>), NoteRefusal> {
    let malformed = NoteRefusal::Form("a line after the empty one is not a signature");
    let (name, encoded) =
        line.strip_prefix(MARK).and_then(|rest| rest.split_once(' ')).ok_or_else(|| malformed.clone())?;
    let name = Name::new(name).map_err(|_| malformed.clone())?;
    match STANDARD.decode(encoded) {
        Ok(signature) if signature.len() > 4 => Ok((name, signature)),
        _ => Err(malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> SigningKey {
        SigningKey::new(name, PrivateKey::generate().unwrap()).unwrap()
    }

    fn open(bytes: &[u8], key: &SigningKey) -> Result<String, NoteRefusal> {
        UnverifiedNote::read(bytes)?.open(key.verifier()).map(str::to_owned)
    }

    #[test]
    fn a_verifier_key_has_one_spelling() {
        let key = key("noc.example/dropgate");
        let text = key.verifier().to_string();
        assert_eq!(text.parse::<VerifierKey>().as_ref(), Ok(key.verifier()));
        let (name, id, encoded) = {
            let mut parts = text.splitn(3, '+');
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
        };
        let refused = |text: String| text.parse::<VerifierKey>().unwrap_err();
        assert!(matches!(refused(format!("{name}+{id}")), VerifierKeyRefusal::Form { .. }));
        assert!(matches!(refused(format!("+{id}+{encoded}")), VerifierKeyRefusal::Name(_)));
        for name in ["noc.example/dropgat", "Noc.example/dropgate"] {
            assert!(matches!(refused(format!("{name}+{id}+{encoded}")), VerifierKeyRefusal::Id { .. }));
        }
        let other_id = if id == "00000000" { "00000001" } else { "00000000" };
        for id in [other_id, "", &format!("0{id}"), &format!("{id} ")] {
            assert!(matches!(refused(format!("{name}+{id}+{encoded}")), VerifierKeyRefusal::Id { .. }));
        }
        let mut bytes = STANDARD.decode(encoded).unwrap();
        for text in [
            format!("{name}+{id}+{encoded}="),
            format!("{name}+{id}+{encoded}\n"),
            format!("{name}+{id}+"),
            format!("{name}+{id}+{}", STANDARD.encode(&bytes[..32])),
            {
                bytes[0] = 4;
                format!("{name}+{id}+{}", STANDARD.encode(&bytes))
            },
        ] {
            assert!(matches!(refused(text), VerifierKeyRefusal::Encoding { .. }));
        }
        // The neutral element: a point for which anybody can sign.
        let mut weak = [0; 33];
        (weak[0], weak[1]) = (1, 1);
        let text = format!("{name}+{id}+{}", STANDARD.encode(weak));
        assert_eq!(refused(text), VerifierKeyRefusal::Key(KeyRefusal::SmallOrder));
    }

    #[test]
    fn a_name_that_could_be_taken_for_another_text_is_none() {
        let long = "x".repeat(limits::NOTE_NAME_BYTES + 1);
        for name in ["", "a b", "a+b", "a\u{a0}b", "a\u{2003}", "a\nb", "a\u{202e}b", "a\u{200b}", &long] {
            let refused = SigningKey::new(name, PrivateKey::generate().unwrap()).unwrap_err();
            assert!(matches!(refused, SigningKeyRefusal::Name(_)), "{name:?}");
        }
    }

    #[test]
    fn a_note_counts_by_the_expected_key_alone() {
        let (ours, theirs) = (key("ours.example"), key("theirs.example"));
        let text = "a text\n\nwith an empty line\n";
        let note = ours.sign(text);
        assert_eq!(open(&note, &ours).as_deref(), Ok(text));
        assert!(matches!(open(&note, &theirs), Err(NoteRefusal::Unsigned { .. })));
        // Another key of the same name is another key.
        assert!(matches!(open(&note, &key("ours.example")), Err(NoteRefusal::Unsigned { .. })));
        // Signatures of unknown keys stand beside it, on either side, whatever they are.
        let line = |note: &[u8]| {
            let text = str::from_utf8(note).unwrap();
            text.rsplit_once("\n\n").unwrap().1.to_owned()
        };
        let unknown = "\u{2014} witness.example AAAAAAE=\n";
        let both = [&note[..], line(&theirs.sign(text)).as_bytes(), unknown.as_bytes()].concat();
        assert_eq!(open(&both, &ours).as_deref(), Ok(text));
        assert_eq!(open(&both, &theirs).as_deref(), Ok(text));
        // One in our name that is not ours spoils the note, though a good one stands beside it.
        let bad = line(&ours.sign("another text\n"));
        let spoilt = [&note[..], bad.as_bytes()].concat();
        assert!(matches!(open(&spoilt, &ours), Err(NoteRefusal::BadSignature { .. })));
        let short = format!(
            "{text}\n{MARK}ours.example {}\n",
            STANDARD.encode([&ours.verifier().id[..], &[1]].concat())
        );
        assert!(matches!(open(short.as_bytes(), &ours), Err(NoteRefusal::BadSignature { .. })));
    }

    #[test]
    fn no_bit_of_a_note_can_be_another() {
        let key = key("ours.example");
        let note = key.sign("a text\n");
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut other = note.clone();
                other[at] ^= 1 << bit;
                assert!(open(&other, &key).is_err(), "{at} {bit}");
            }
            let mut longer = note.clone();
            longer.insert(at, b'\n');
            assert!(open(&longer, &key).is_err() && open(&note[..at], &key).is_err(), "{at}");
        }
    }

    #[test]
    fn what_is_not_quite_a_note_is_none() {
        let key = key("ours.example");
        let note = String::from_utf8(key.sign("a text\n")).unwrap();
        let refused = |text: &str| open(text.as_bytes(), &key).unwrap_err();
        for (from, to) in [
            ("\n\n\u{2014}", "\n\u{2014}"),
            ("\n\n\u{2014}", "\n\n\n\u{2014}"),
            ("\u{2014} ", "- "),
            ("\u{2014} ", "\u{2014}"),
            ("\u{2014} ", "\u{2014}  "),
            ("ours.example ", "ours.example  "),
            ("a text", "a\ttext"),
            ("a text\n", "a text\r\n"),
        ] {
            let changed = note.replace(from, to);
            assert_ne!(changed, note);
            refused(&changed);
        }
        for after in [
            "\n",
            " ",
            "\u{2014} x\n",
            "\u{2014} x AAAA\n",
            "\u{2014} x AAAAAAF=\n",
            "\u{2014} a+b AAAAAAE=\n",
        ] {
            assert!(matches!(refused(&format!("{note}{after}")), NoteRefusal::Form(_)), "{after:?}");
        }
        assert!(matches!(open(b"a text\n\n\xff\n", &key), Err(NoteRefusal::Form(_))));
        let many = "\u{2014} x AAAAAAE=\n".repeat(limits::NOTE_SIGNATURES - 1);
        assert_eq!(open(format!("{note}{many}").as_bytes(), &key).as_deref(), Ok("a text\n"));
        assert_eq!(refused(&format!("{note}{many}\u{2014} x AAAAAAE=\n")), NoteRefusal::Signatures);
        assert_eq!(refused(&"x".repeat(limits::NOTE_BYTES + 1)), NoteRefusal::TooLarge);
    }
}
