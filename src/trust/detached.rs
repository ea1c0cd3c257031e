//! Signatures that lie beside what they sign, by the tools that vendors use. One file per scheme.
//!
//! Each scheme has a credential, which the trust store holds, and a signature, which is read from a file of the drop. What they
//! have in common stands here: what comes of trying the one against the other.

use crate::time::Time;

/// What came of trying a signature against one credential of the trust store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// It is good: the credential made it over exactly this message.
    Good(Said),
    /// Somebody else made it, as far as it says itself, or as can be told.
    Other,
    /// It names this credential and does not count: in words, what was expected and what was found.
    Bad(String),
}

/// What else a signature says, in the parts of it that are signed. The signer's word: nothing of it is used to judge the
/// signature itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// When it was made.
    pub when: Option<Time>,
    /// What the signer noted, such as the trusted comment of minisign.
    pub comment: Option<String>,
    /// Who signed by a credential that stands for several: the subject of a certificate, the identity of a Sigstore signer.
    pub who: Option<String>,
}
