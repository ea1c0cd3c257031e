//! Signatures that lie beside what they sign, by the tools that vendors use. One file per scheme.
//!
//! Each scheme has a credential, which the trust store holds, and a signature, which is read from a file of the drop. What they
//! have in common stands here: how a file is told to be of a scheme, and what comes of trying it against the trust store.

use super::message::{Hash, Intake, Message, Needs};
use super::{Capacity, Credential, NotVerified, Remark, Signer, TrustStore, TrustedKey, Verified};
use super::{cms, minisign, raw, signify, sshsig};
use crate::digest::DocumentDigest;
use crate::limits;
use crate::time::Time;
use std::fmt;

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

/// A way to sign a file beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// minisign.
    Minisign,
    /// OpenBSD's signify, and OpenWrt's usign.
    Signify,
    /// `ssh-keygen -Y sign`.
    Ssh,
    /// OpenPGP.
    OpenPgp,
    /// CMS (PKCS #7).
    Cms,
    /// A Sigstore bundle.
    Sigstore,
    /// The value of an RSA or ECDSA signature and nothing else.
    Raw,
}

impl Scheme {
    /// Every scheme, by the name that files give it. The last one takes any bytes for a signature.
    pub const LEGAL: [(&'static str, Self); 7] = [
        ("minisign", Self::Minisign),
        ("signify", Self::Signify),
        ("ssh", Self::Ssh),
        ("openpgp", Self::OpenPgp),
        ("cms", Self::Cms),
        ("sigstore", Self::Sigstore),
        ("raw", Self::Raw),
    ];

    /// What its tools append to the name of the file that is signed.
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Minisign => &[".minisig"],
            Self::Signify | Self::Ssh => &[".sig"],
            Self::OpenPgp => &[".asc", ".gpg", ".sig", ".sign"],
            Self::Cms => &[".cms", ".p7s", ".p7m", ".sig"],
            Self::Sigstore => &[".sigstore.json", ".sigstore", ".bundle"],
            Self::Raw => &[".sig", ".sign", ".signature"],
        }
    }

    /// The cargo feature that a build needs for it.
    pub const fn feature(self) -> Option<&'static str> {
        match self {
            Self::OpenPgp if cfg!(not(feature = "openpgp")) => Some("openpgp"),
            Self::Sigstore if cfg!(not(feature = "sigstore")) => Some("sigstore"),
            _ => None,
        }
    }

    fn read(self, bytes: &[u8]) -> Result<Signature, String> {
        fn said<S, E: fmt::Display>(read: Result<S, E>, of: fn(S) -> Signature) -> Result<Signature, String> {
            read.map(of).map_err(|why| why.to_string())
        }
        match self {
            Self::Minisign => {
                said(minisign::Signature::read(bytes), |one| Signature::Minisign(Box::new(one)))
            }
            Self::Signify => said(signify::Signature::read(bytes), |one| Signature::Signify(Box::new(one))),
            Self::Ssh => said(sshsig::Signature::read(bytes), |one| Signature::Ssh(Box::new(one))),
            Self::Cms => said(cms::Signature::read(bytes), |one| Signature::Cms(Box::new(one))),
            Self::Raw => said(raw::Signature::read(bytes), |one| Signature::Raw(Box::new(one))),
            #[cfg(feature = "openpgp")]
            Self::OpenPgp => {
                said(super::openpgp::Signature::read(bytes), |one| Signature::OpenPgp(Box::new(one)))
            }
            #[cfg(feature = "sigstore")]
            Self::Sigstore => {
                said(super::sigstore::Signature::read(bytes), |one| Signature::Sigstore(Box::new(one)))
            }
            #[cfg(not(feature = "openpgp"))]
            Self::OpenPgp => Err("this dropgate was built without the feature `openpgp`".to_owned()),
            #[cfg(not(feature = "sigstore"))]
            Self::Sigstore => Err("this dropgate was built without the feature `sigstore`".to_owned()),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::LEGAL.iter().find(|(_, scheme)| scheme == self).map_or("", |(name, _)| name))
    }
}

/// A signature whose form was checked and that was not.
#[derive(Debug)]
pub enum Signature {
    /// By minisign.
    Minisign(Box<minisign::Signature>),
    /// By signify or usign.
    Signify(Box<signify::Signature>),
    /// By OpenSSH.
    Ssh(Box<sshsig::Signature>),
    /// By CMS.
    Cms(Box<cms::Signature>),
    /// A value alone.
    Raw(Box<raw::Signature>),
    /// By OpenPGP.
    #[cfg(feature = "openpgp")]
    OpenPgp(Box<super::openpgp::Signature>),
    /// A bundle.
    #[cfg(feature = "sigstore")]
    Sigstore(Box<super::sigstore::Signature>),
}

impl Signature {
    /// Reads a file as the one of `schemes` that it is by its contents. `raw`, which is told by nothing, is asked last.
    ///
    /// # Errors
    /// With why it is none of them, or that it is several.
    pub fn read(bytes: &[u8], schemes: &[Scheme]) -> Result<Self, String> {
        let (mut found, mut refused) = (Vec::new(), Vec::new());
        for scheme in schemes.iter().filter(|scheme| **scheme != Scheme::Raw) {
            match scheme.read(bytes) {
                Ok(signature) => found.push((scheme, signature)),
                Err(why) => refused.push(format!("{scheme}: {why}")),
            }
        }
        if found.is_empty() && schemes.contains(&Scheme::Raw) {
            match Scheme::Raw.read(bytes) {
                Ok(signature) => return Ok(signature),
                Err(why) => refused.push(format!("raw: {why}")),
            }
        }
        match (found.pop(), found.pop()) {
            (Some((_, signature)), None) => Ok(signature),
            (Some((one, _)), Some((other, _))) => Err(format!("a signature by {one} and by {other} at once")),
            (None, _) => Err(refused.join("; ")),
        }
    }

    /// What it needs to know of its message.
    pub fn needs(&self) -> Needs {
        match self {
            Self::Minisign(one) => one.needs(),
            Self::Signify(one) => one.needs(),
            Self::Ssh(one) => one.needs(),
            Self::Cms(one) => one.needs(),
            Self::Raw(one) => one.needs(),
            #[cfg(feature = "openpgp")]
            Self::OpenPgp(one) => one.needs(),
            #[cfg(feature = "sigstore")]
            Self::Sigstore(one) => one.needs(),
        }
    }

    fn signer_named(&self) -> String {
        match self {
            Self::Minisign(one) => one.signer_named(),
            Self::Signify(one) => one.signer_named(),
            Self::Ssh(one) => one.signer_named(),
            Self::Cms(one) => one.signer_named(),
            Self::Raw(one) => one.signer_named(),
            #[cfg(feature = "openpgp")]
            Self::OpenPgp(one) => one.signer_named(),
            #[cfg(feature = "sigstore")]
            Self::Sigstore(one) => one.signer_named(),
        }
    }

    fn check(&self, credential: &Credential, message: &Message, at: Time) -> Tried {
        match (self, credential) {
            (Self::Minisign(one), Credential::Minisign(key)) => one.check(key, message, at),
            (Self::Signify(one), Credential::Signify(key)) => one.check(key, message, at),
            (Self::Ssh(one), Credential::Ssh(key)) => one.check(key, message, at),
            (Self::Cms(one), Credential::X509(key)) => one.check(key, message, at),
            (Self::Raw(one), Credential::Raw(key)) => one.check(key, message, at),
            #[cfg(feature = "openpgp")]
            (Self::OpenPgp(one), Credential::OpenPgp(key)) => one.check(key, message, at),
            #[cfg(feature = "sigstore")]
            (Self::Sigstore(one), Credential::Sigstore(key)) => one.check(key, message, at),
            // A credential serves its own scheme and no other.
            _ => Tried::Other,
        }
    }
}

/// A signature, and the file that it lies in.
#[derive(Debug)]
pub struct Beside {
    /// The file.
    pub file: String,
    /// The signature.
    pub signature: Signature,
}

/// What was signed, and what the signatures say of it.
#[derive(Debug)]
pub struct Signed<T> {
    /// What was signed.
    pub value: T,
    /// What each good signature says, in the order of the signatures.
    pub said: Vec<Said>,
    /// The files whose signatures are good.
    pub files: Vec<String>,
}

/// A file that is signed itself, as it is streamed.
#[derive(Debug)]
pub struct Streamed {
    message: Message,
}

impl Streamed {
    /// Before its first byte.
    pub fn new(signatures: &[Beside]) -> Self {
        Self { message: Message::new(&needs(signatures)) }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.message.update(bytes);
    }
}

/// Of all of them together, and SHA-256 too.
fn needs(signatures: &[Beside]) -> Needs {
    let mut all = Needs::hashed(Hash::Sha256);
    for one in signatures {
        let needs = one.signature.needs();
        all.whole |= needs.whole;
        all.hashed.extend(needs.hashed);
    }
    all
}

impl TrustStore {
    /// Checks the signatures over a text that is at hand.
    ///
    /// # Errors
    /// When not one of them counts, with what was found about each.
    pub fn verify_text(
        &self,
        text: Vec<u8>,
        signatures: &[Beside],
        capacity: Capacity,
        at: Time,
    ) -> Result<Verified<Signed<Vec<u8>>>, NotVerified> {
        let message = Message::of(&needs(signatures), &text);
        self.verify_message(text, &message, signatures, capacity, at)
    }

    /// Checks the signatures over a file that was streamed, and gives the SHA-256 of what was.
    ///
    /// # Errors
    /// When not one of them counts, with what was found about each.
    pub fn verify_streamed(
        &self,
        streamed: &Streamed,
        signatures: &[Beside],
        capacity: Capacity,
        at: Time,
    ) -> Result<Verified<Signed<DocumentDigest>>, NotVerified> {
        let hasher = streamed.message.hasher(Hash::Sha256, Intake::Binary).ok();
        let digest = hasher.and_then(|hasher| <[u8; 32]>::try_from(hasher.finish()).ok());
        let Some(digest) = digest else { return Err(NotVerified::NoneCounts(vec![Remark::NotTried])) };
        self.verify_message(DocumentDigest::from_bytes(digest), &streamed.message, signatures, capacity, at)
    }

    /// Checks the signatures over a message, of which `value` is what there is to say.
    ///
    /// # Errors
    /// When not one of them counts, with what was found about each.
    pub fn verify_message<T>(
        &self,
        value: T,
        message: &Message,
        signatures: &[Beside],
        capacity: Capacity,
        at: Time,
    ) -> Result<Verified<Signed<T>>, NotVerified> {
        self.verify_by(value, signatures, (capacity, at), |signature, key| signature.check(key, message, at))
    }

    /// Checks the signature of a Sigstore bundle over the statement in it, and gives the statement.
    ///
    /// # Errors
    /// When it does not count, with why.
    #[cfg(feature = "sigstore")]
    pub fn verify_statement(
        &self,
        bundle: &Beside,
        statement: &[u8],
        capacity: Capacity,
        at: Time,
    ) -> Result<Verified<Signed<Vec<u8>>>, NotVerified> {
        let signatures = std::slice::from_ref(bundle);
        self.verify_by(statement.to_vec(), signatures, (capacity, at), |signature, key| {
            match (signature, key) {
                (Signature::Sigstore(one), Credential::Sigstore(key))
                    if one.statement() == Some(statement) =>
                {
                    one.check_statement(key, at)
                }
                _ => Tried::Other,
            }
        })
    }

    fn verify_by<T>(
        &self,
        value: T,
        signatures: &[Beside],
        (capacity, at): (Capacity, Time),
        check: impl Fn(&Signature, &Credential) -> Tried,
    ) -> Result<Verified<Signed<T>>, NotVerified> {
        if signatures.is_empty() {
            return Err(NotVerified::Unsigned);
        }
        let mut signers: Vec<Signer> = Vec::new();
        let (mut remarks, mut said, mut files) = (Vec::new(), Vec::new(), Vec::new());
        for (index, Beside { file, signature }) in signatures.iter().enumerate() {
            if index >= limits::DETACHED_SIGNATURES {
                remarks.push(Remark::NotTried);
                break;
            }
            let before = remarks.len();
            let mut good = false;
            for key in self.keys() {
                match check(signature, &key.credential) {
                    Tried::Other => {}
                    Tried::Bad(why) => {
                        remarks.push(Remark::Refused { file: file.clone(), key: key.name.clone(), why });
                    }
                    Tried::Good(words) => match key.standing(capacity, at) {
                        Err(why) => remarks.push(disqualified(key, why)),
                        Ok(()) => {
                            good = true;
                            let through = words.who.clone();
                            said.push(words);
                            if !signers.iter().any(|signer| signer.key == key.name) {
                                signers.push(Signer { through, ..key.signer() });
                            }
                        }
                    },
                }
            }
            if good {
                files.push(file.clone());
            } else if remarks.len() == before {
                let named = super::beginning(&signature.signer_named());
                remarks.push(Remark::UnknownBeside { file: file.clone(), named });
            }
        }
        if signers.is_empty() {
            return Err(NotVerified::NoneCounts(remarks));
        }
        signers.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Verified { value: Signed { value, said, files }, signers, remarks })
    }
}

fn disqualified(key: &TrustedKey, why: super::Disqualification) -> Remark {
    Remark::Disqualified { key: key.name.clone(), owner: key.owner.clone(), why }
}
