//! What a key of the trust store is, for each scheme of signatures, and how `trust.toml` gives it.
//!
//! A credential serves one scheme: a key that is on file for minisign makes no manifest of ours, and the reverse. Whoever wants
//! one key to count in two schemes can't have it, since a text that is harmless in one may say something else in the other.

use super::detached::Scheme;
use super::ed25519::PublicKey;
use super::{minisign, raw, signify, sshsig, x509};
use crate::config::{Faults, Item, Section};
use crate::files::Files;
use crate::limits;
use std::path::Path;

/// What tells that a signature is somebody's.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An Ed25519 key for DSSE envelopes.
    Dsse(PublicKey),
    /// A key of minisign.
    Minisign(Box<minisign::Credential>),
    /// A key of signify or usign.
    Signify(Box<signify::Credential>),
    /// A key of OpenSSH.
    Ssh(Box<sshsig::Credential>),
    /// An RSA or ECDSA key for signatures that are nothing else.
    Raw(Box<raw::Credential>),
    /// Authorities that issue signers' certificates, or such certificates themselves.
    X509(Box<x509::Credential>),
    /// An OpenPGP certificate.
    #[cfg(feature = "openpgp")]
    OpenPgp(Box<super::openpgp::Credential>),
    /// An identity, or a key, in a Sigstore instance.
    #[cfg(feature = "sigstore")]
    Sigstore(Box<super::sigstore::Credential>),
}

impl Credential {
    /// The scheme that it serves; `None` for DSSE, whose signatures do not lie beside what they sign.
    pub fn scheme(&self) -> Option<Scheme> {
        Some(match self {
            Self::Dsse(_) => return None,
            Self::Minisign(_) => Scheme::Minisign,
            Self::Signify(_) => Scheme::Signify,
            Self::Ssh(_) => Scheme::Ssh,
            Self::Raw(_) => Scheme::Raw,
            Self::X509(_) => Scheme::Cms,
            #[cfg(feature = "openpgp")]
            Self::OpenPgp(_) => Scheme::OpenPgp,
            #[cfg(feature = "sigstore")]
            Self::Sigstore(_) => Scheme::Sigstore,
        })
    }

    /// Hex SHA-256 of what is trusted, in its canonical form: each scheme says of which bytes.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Dsse(key) => key.fingerprint(),
            Self::Minisign(key) => key.fingerprint(),
            Self::Signify(key) => key.fingerprint(),
            Self::Ssh(key) => key.fingerprint(),
            Self::Raw(key) => key.fingerprint(),
            Self::X509(key) => key.fingerprint(),
            #[cfg(feature = "openpgp")]
            Self::OpenPgp(key) => key.fingerprint(),
            #[cfg(feature = "sigstore")]
            Self::Sigstore(key) => key.fingerprint(),
        }
    }
}

/// Reads what a section of `trust.toml` says that the key is.
pub(super) struct Reader<'r> {
    pub directory: &'r Path,
    pub files: &'r dyn Files,
    /// The contents of every file that was read, in order.
    pub read: &'r mut Vec<String>,
}

/// The ways in which a key can be given, each for one scheme.
const GIVEN: &str = "public-key, public-key-file, minisign, signify, ssh, openpgp-file, [key.raw], [key.x509] or [key.sigstore]";

impl Reader<'_> {
    pub(super) fn credential(
        &mut self,
        section: &mut Section<'_>,
        faults: &mut Faults,
    ) -> Option<Credential> {
        let span = section.span();
        let texts = ["public-key", "public-key-file", "minisign", "signify", "ssh", "openpgp-file"];
        let items = texts.map(|name| section.optional(name).map(|item| (name, item)));
        let sections =
            ["raw", "x509", "sigstore"].map(|name| section.section(name, faults).map(|inner| (name, inner)));
        let mut items = items.into_iter().flatten();
        let mut sections = sections.into_iter().flatten();
        let (item, inner) = (items.next(), sections.next());
        let second = items
            .next()
            .map(|(_, item)| item.span())
            .or_else(|| sections.next().map(|(_, inner)| inner.span()));
        let second = second
            .or_else(|| item.is_some().then(|| inner.as_ref().map(|(_, inner)| inner.span())).flatten());
        if let Some(second) = second {
            faults.add(second, "the key is given twice", format!("expected one of {GIVEN}"));
            return None;
        }
        match (item, inner) {
            (Some((name, item)), _) => self.given(name, &item, faults),
            (None, Some(("raw", inner))) => self.raw(inner, faults),
            (None, Some(("x509", inner))) => self.x509(inner, faults),
            (None, Some((_, inner))) => self.sigstore(inner, faults),
            (None, None) => {
                faults.add(span, "the key itself is missing", format!("expected one of {GIVEN}"));
                None
            }
        }
    }

    fn given(&mut self, name: &str, item: &Item<'_>, faults: &mut Faults) -> Option<Credential> {
        let text = match name.ends_with("-file") {
            true => self.file(item, faults)?,
            false => item.text(faults)?.to_owned(),
        };
        let credential = match name {
            "minisign" => {
                said(minisign::Credential::parse(&text)).map(|key| Credential::Minisign(Box::new(key)))
            }
            "signify" => {
                said(signify::Credential::parse(&text)).map(|key| Credential::Signify(Box::new(key)))
            }
            "ssh" => said(sshsig::Credential::parse(&text)).map(|key| Credential::Ssh(Box::new(key))),
            "openpgp-file" => openpgp(&text),
            _ => said(PublicKey::from_pem(&text)).map(Credential::Dsse),
        };
        trusted(credential, item, faults)
    }

    fn raw(&mut self, mut section: Section<'_>, faults: &mut Faults) -> Option<Credential> {
        let item = section.required("file", faults);
        let algorithm = section.required("algorithm", faults);
        section.finish(faults);
        let (item, algorithm) = (item?, algorithm?.text(faults)?);
        let text = self.file(&item, faults)?;
        let key = said(raw::Credential::parse(&text, algorithm)).map(|key| Credential::Raw(Box::new(key)));
        trusted(key, &item, faults)
    }

    fn x509(&mut self, mut section: Section<'_>, faults: &mut Faults) -> Option<Credential> {
        let anchors = section.required("anchors", faults);
        let more = ["intermediates", "crls"].map(|name| section.optional(name));
        let rules = ["subject", "dns", "email", "uri"].map(|name| section.optional(name));
        let required = section.optional("require-crls");
        section.finish(faults);
        let anchors = anchors?;
        let [intermediates, crls] = more;
        let files = [Some(&anchors), intermediates.as_ref(), crls.as_ref()];
        let mut read = Vec::new();
        for item in files {
            read.push(match item {
                Some(item) => self.all(item, faults)?,
                None => Vec::new(),
            });
        }
        let mut texts = rules.into_iter().map(|rule| match rule {
            Some(item) => item.text(faults).map(|text| Some(text.to_owned())),
            None => Some(None),
        });
        let mut next = || texts.next().flatten();
        let (subject, dns, email, uri) = (next()?, next()?, next()?, next()?);
        drop(texts);
        let required = match required {
            Some(item) => item.boolean(faults)?,
            None => false,
        };
        let revocation = if required { x509::Revocation::Required } else { x509::Revocation::IfListed };
        let rules = x509::Rules { subject, dns, email, uri, revocation };
        let bytes = |at: usize| {
            read.get(at).map(|all| all.iter().map(String::as_bytes).collect::<Vec<_>>()).unwrap_or_default()
        };
        let credential = said(x509::Credential::new(&bytes(0), &bytes(1), &bytes(2), rules));
        trusted(credential.map(|key| Credential::X509(Box::new(key))), &anchors, faults)
    }

    #[cfg(feature = "sigstore")]
    fn sigstore(&mut self, mut section: Section<'_>, faults: &mut Faults) -> Option<Credential> {
        use super::sigstore::{Credential as Sigstore, Identity};
        let root = section.required("trusted-root-file", faults);
        let [exact, pattern, issuer, key] =
            ["identity", "identity-pattern", "issuer", "public-key-file"].map(|name| section.optional(name));
        let span = section.span();
        section.finish(faults);
        let root = root?;
        let text = self.file(&root, faults)?;
        let credential = match (exact, pattern, issuer, key) {
            (Some(item), None, Some(issuer), None) => {
                let identity = said(Identity::exact(item.text(faults)?));
                let issuer = issuer.text(faults)?;
                identity.and_then(|identity| said(Sigstore::new(text.as_bytes(), identity, issuer)))
            }
            (None, Some(item), Some(issuer), None) => {
                let identity = said(Identity::pattern(item.text(faults)?));
                let issuer = issuer.text(faults)?;
                identity.and_then(|identity| said(Sigstore::new(text.as_bytes(), identity, issuer)))
            }
            (None, None, None, Some(key)) => {
                let key = self.file(&key, faults)?;
                said(Sigstore::of_key(text.as_bytes(), &key))
            }
            _ => {
                let expected =
                    "expected issuer with either identity or identity-pattern, or public-key-file alone";
                faults.add(span, "it is not said who signs", expected);
                return None;
            }
        };
        trusted(credential.map(|key| Credential::Sigstore(Box::new(key))), &root, faults)
    }

    #[cfg(not(feature = "sigstore"))]
    fn sigstore(&mut self, section: Section<'_>, faults: &mut Faults) -> Option<Credential> {
        faults.add(
            section.span(),
            "this dropgate reads no Sigstore bundles",
            "expected a build with the feature `sigstore`",
        );
        None
    }

    /// The files that a list names.
    fn all(&mut self, item: &Item<'_>, faults: &mut Faults) -> Option<Vec<String>> {
        let named = item.texts(faults)?;
        let mut all = Vec::with_capacity(named.len());
        for (name, span) in named {
            all.push(self.named(&name, span, faults)?);
        }
        Some(all)
    }

    fn file(&mut self, item: &Item<'_>, faults: &mut Faults) -> Option<String> {
        self.named(item.text(faults)?, item.span(), faults)
    }

    fn named(&mut self, name: &str, span: std::ops::Range<usize>, faults: &mut Faults) -> Option<String> {
        match self.files.read_text(&self.directory.join(name), limits::CREDENTIAL_BYTES) {
            Ok(text) => {
                self.read.push(text.clone());
                Some(text)
            }
            Err(error) => {
                faults.add(span, "the key file can't be read", error.to_string());
                None
            }
        }
    }
}

#[cfg(feature = "openpgp")]
fn openpgp(text: &str) -> Result<Credential, String> {
    said(super::openpgp::Credential::parse(text.as_bytes())).map(|key| Credential::OpenPgp(Box::new(key)))
}

#[cfg(not(feature = "openpgp"))]
fn openpgp(_text: &str) -> Result<Credential, String> {
    Err("this dropgate reads no OpenPGP: expected a build with the feature `openpgp`".to_owned())
}

fn said<T, E: std::fmt::Display>(read: Result<T, E>) -> Result<T, String> {
    read.map_err(|why| why.to_string())
}

fn trusted(
    credential: Result<Credential, String>,
    item: &Item<'_>,
    faults: &mut Faults,
) -> Option<Credential> {
    credential.map_err(|why| faults.add(item.span(), "not a key that can be trusted", why)).ok()
}
