//! Signatures by OpenSSH (`ssh-keygen -Y sign`), as PROTOCOL.sshsig has them.
//!
//! ```text
//! -----BEGIN SSH SIGNATURE-----
//! "SSHSIG", version 1, public key, namespace, reserved, hash, signature: in base64
//! -----END SSH SIGNATURE-----
//! ```
//!
//! Signed is "SSHSIG", the namespace, the reserved field, the name of the hash, and the message's SHA-256 or SHA-512. OpenSSH
//! ignores what stands in the reserved field, and does not sign it; here it must be empty, so that nothing in the file is unsigned.
//! For the same reason nothing may stand before, between or behind the lines. Lines end in LF, as ssh-keygen demands, and are as long as they
//! like.
//!
//! Keys are Ed25519 (also on a security key, which must have been touched), ECDSA over P-256 and P-384, and RSA of 2048 to 8192
//! bits by SHA-256 or SHA-512. Certificates are refused. Ed25519 is checked as strictly as [`super::ed25519`] has it. Of ECDSA
//! signatures both s and n - s count, as for OpenSSH, which makes as many of either: nothing here is told apart by a signature's
//! bytes.
//!
//! A namespace says what a signature is for, so that one over a git commit is not taken for one over a file. The credential
//! lists those that count; one that lists none is for `file`. A credential's `valid-after` and `valid-before` are judged at the
//! time of judgement, both ends included, as `ssh-keygen -Y verify` does it. Nothing in a signature says when it was made.

mod allowed;
mod key;
mod wire;

pub use allowed::CredentialRefusal;
pub use key::{KeyRefusal, ValueRefusal};

use super::detached::{Said, Tried};
use super::message::{Hash, Message, Needs};
use crate::limits;
use crate::time::Time;
use allowed::Allowed;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use key::{PublicKey, Value};
use wire::{Wire, put};

const MAGIC: &[u8; 6] = b"SSHSIG";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// A public key, with the namespaces and the time that it counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential(Allowed);

impl Credential {
    /// Reads one line of a file of allowed signers (ssh-keygen(1)), or of a `.pub` file.
    ///
    /// The principals of the former say nothing here. Patterns among its namespaces, certificate authorities, and times
    /// without `Z` are refused.
    ///
    /// # Errors
    /// When the text is anything else, or the key is weak. The message never repeats a key.
    pub fn parse(text: &str) -> Result<Self, CredentialRefusal> {
        Allowed::parse(text).map(Self)
    }

    /// Hex SHA-256 of the key's DER `SubjectPublicKeyInfo`: what `ssh-keygen -e -m PKCS8 -f KEY | openssl pkey -pubin
    /// -outform DER | sha256sum` prints, where OpenSSH can write the key so. For a security key it is that of the key in it.
    pub fn fingerprint(&self) -> String {
        self.0.key.fingerprint()
    }

    /// What `ssh-keygen -l` prints of the key.
    pub fn names(&self) -> Vec<String> {
        vec![self.0.key.shown()]
    }
}

/// What a signature file holds.
#[derive(Debug, Clone)]
pub struct Signature {
    key: PublicKey,
    namespace: String,
    hash: Hash,
    value: Value,
}

/// Why a file is not a signature by OpenSSH.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// Longer than such a file may be.
    #[error("expected an SSH signature of at most {} bytes, found {found}", limits::SIGNATURE_FILE_BYTES)]
    TooLong {
        /// How many bytes there are.
        found: usize,
    },
    /// Not the lines of a signature.
    #[error(
        "expected {BEGIN}, lines of base64 and {END}, and nothing before or behind; found something else"
    )]
    Armor,
    /// Not base64.
    #[error("expected base64 with its padding between the lines that mark it, found something else")]
    Base64,
    /// Not a signature of version 1.
    #[error("expected \"SSHSIG\" and version 1, found something else")]
    Version,
    /// Too short, too long, or with lengths that do not fit.
    #[error(
        "expected the five fields of an SSH signature and nothing else, found something else at field {field:?}"
    )]
    Field {
        /// The first one that is not there.
        field: &'static str,
    },
    /// A key that does not count.
    #[error("public key: {0}")]
    Key(#[from] KeyRefusal),
    /// A namespace that is none.
    #[error("namespace: expected a name in UTF-8, found {found}")]
    Namespace {
        /// What was found, in words.
        found: &'static str,
    },
    /// Something that nobody signed.
    #[error("reserved: expected nothing, found {found} bytes, which nobody signed")]
    Reserved {
        /// How many there are.
        found: usize,
    },
    /// A hash that PROTOCOL.sshsig does not have.
    #[error("hash: expected \"sha256\" or \"sha512\", found {found:?}")]
    Hash {
        /// What was found.
        found: String,
    },
    /// A signature that the key can't have made.
    #[error("signature: {0}")]
    Value(#[from] ValueRefusal),
}

impl Signature {
    /// Reads a file such as `a.img.sig`.
    ///
    /// # Errors
    /// When it is anything but such a file, with the field.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureRefusal> {
        if u64::try_from(bytes.len()).map_or(true, |found| found > limits::SIGNATURE_FILE_BYTES) {
            return Err(SignatureRefusal::TooLong { found: bytes.len() });
        }
        let blob = STANDARD.decode(armored(bytes)?).map_err(|_| SignatureRefusal::Base64)?;
        let mut wire = Wire::new(&blob);
        if wire.array() != Some(*MAGIC) || wire.u32() != Some(1) {
            return Err(SignatureRefusal::Version);
        }
        let mut next = |field| wire.string().ok_or(SignatureRefusal::Field { field });
        let [key, namespace, reserved] = [next("public key")?, next("namespace")?, next("reserved")?];
        let [hash, value] = [next("hash")?, next("signature")?];
        wire.end(()).ok_or(SignatureRefusal::Field { field: "end" })?;
        let key = PublicKey::read(key)?;
        let namespace = std::str::from_utf8(namespace)
            .map_err(|_| SignatureRefusal::Namespace { found: "something else" })?;
        if namespace.is_empty() {
            return Err(SignatureRefusal::Namespace { found: "nothing" });
        }
        if !reserved.is_empty() {
            return Err(SignatureRefusal::Reserved { found: reserved.len() });
        }
        let hash = match hash {
            b"sha256" => Hash::Sha256,
            b"sha512" => Hash::Sha512,
            _ => {
                let found = String::from_utf8_lossy(hash).chars().take(limits::KEY_ID_SHOWN).collect();
                return Err(SignatureRefusal::Hash { found });
            }
        };
        let value = key.signature(value)?;
        Ok(Self { key, namespace: namespace.to_owned(), hash, value })
    }

    /// The message's digest by the hash that it names.
    pub fn needs(&self) -> Needs {
        Needs::hashed(self.hash)
    }

    /// The key that it carries, as `ssh-keygen -l` prints it.
    pub fn signer_named(&self) -> String {
        self.key.shown()
    }

    /// Tries it against a key of the operator's. It says nothing else, and nothing about time.
    pub fn check(&self, credential: &Credential, message: &Message, at: Time) -> Tried {
        let Allowed { key, namespaces, valid_after, valid_before } = &credential.0;
        if *key != self.key {
            return Tried::Other;
        }
        let digest = match message.digest(self.hash) {
            Ok(digest) => digest,
            Err(why) => return Tried::Bad(why),
        };
        if !key.verify(&self.signed(&digest), &self.value) {
            return Tried::Bad(format!(
                "expected an SSH signature by key {} over these bytes, found one that is not",
                key.shown()
            ));
        }
        if !namespaces.contains(&self.namespace) {
            let found: String = self.namespace.chars().take(limits::KEY_ID_SHOWN).collect();
            let expected = namespaces.join(", ");
            return Tried::Bad(format!(
                "expected a signature for namespace {expected:?}, found one for {found:?}"
            ));
        }
        if self.value.is_untouched() {
            return Tried::Bad(
                "expected that somebody touched the security key, found that nobody did".to_owned(),
            );
        }
        match (valid_after, valid_before) {
            (Some(after), _) if at < *after => {
                Tried::Bad(format!("expected a key that is valid, found valid-after {after}, judged at {at}"))
            }
            (_, Some(before)) if at > *before => Tried::Bad(format!(
                "expected a key that is valid, found valid-before {before}, judged at {at}"
            )),
            _ => Tried::Good(Said::default()),
        }
    }

    /// What is signed, for a message of this digest.
    fn signed(&self, digest: &[u8]) -> Vec<u8> {
        let mut signed = MAGIC.to_vec();
        put(&mut signed, self.namespace.as_bytes());
        put(&mut signed, b"");
        put(&mut signed, if self.hash == Hash::Sha256 { b"sha256" } else { b"sha512" });
        put(&mut signed, digest);
        signed
    }
}

/// The base64 between the lines that mark it, without its line breaks.
fn armored(bytes: &[u8]) -> Result<String, SignatureRefusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| SignatureRefusal::Armor)?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut lines = text.split('\n');
    if lines.next() != Some(BEGIN) || lines.next_back() != Some(END) {
        return Err(SignatureRefusal::Armor);
    }
    let mut joined = String::with_capacity(text.len());
    for line in lines {
        if line.is_empty() {
            return Err(SignatureRefusal::Armor);
        }
        joined.push_str(line);
    }
    Ok(joined)
}
