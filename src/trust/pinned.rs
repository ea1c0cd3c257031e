//! A signature by one of a few keys that the caller names, without a trust store: for whoever trusts one signer, and has
//! that signer's key and nothing else.

use super::Budget;
use super::dsse::Envelope;
use super::ed25519::PublicKey;

/// An envelope that one of the named keys signed.
#[derive(Debug)]
pub struct Pinned {
    envelope: Envelope,
    fingerprint: String,
}

/// Why an envelope is not signed by any of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPinned {
    /// There is no signature at all.
    #[error("no signature")]
    Unsigned,
    /// Nobody's of these keys.
    #[error("{signatures} by none of them over these bytes")]
    Nobody {
        /// How many there are, in words.
        signatures: String,
    },
    /// Checking stopped at a limit.
    #[error("more signatures over more bytes than are tried")]
    NotTried,
}

impl Pinned {
    /// Checks the signatures until one is by one of `keys`. A key id is neither believed nor needed.
    ///
    /// # Errors
    /// When none is.
    pub fn by(envelope: Envelope, keys: &[PublicKey]) -> Result<Self, NotPinned> {
        if envelope.signatures().is_empty() {
            return Err(NotPinned::Unsigned);
        }
        let mut budget = Budget::of_one();
        for signature in envelope.signatures() {
            for key in keys {
                if !budget.spend(envelope.signed_bytes().len()) {
                    return Err(NotPinned::NotTried);
                }
                if key.verify(envelope.signed_bytes(), &signature.bytes) {
                    return Ok(Self { fingerprint: key.fingerprint(), envelope });
                }
            }
        }
        let signatures = crate::finding::counted(
            u64::try_from(envelope.signatures().len()).unwrap_or(u64::MAX),
            "signature",
        );
        Err(NotPinned::Nobody { signatures })
    }

    /// The payload that was signed.
    pub fn payload(&self) -> &[u8] {
        self.envelope.untrusted_payload()
    }

    /// The fingerprint of the key that signed.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}
