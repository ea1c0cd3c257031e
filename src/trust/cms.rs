//! CMS signatures beside what they sign (RFC 5652, SignedData without content), as `openssl cms -sign` writes them.
//!
//! - The file is one block of PEM (`CMS` or `PKCS7`), or DER. BER with indefinite lengths is refused.
//! - The content type is id-data, and the content itself is not inside: there is one message, the file beside it.
//! - Each signer needs signed attributes: contentType and messageDigest, each once and with one value, no attribute twice, in the order of
//!   DER. Without attributes a signature could be shifted between a message and the attributes over another one; so it is
//!   refused (`openssl cms -sign -noattr`).
//! - What is checked are the bytes of the attributes as they arrived, under the tag of a SET (RFC 5652, section 5.4).
//! - The signer's certificate is exactly one: among those inside, those given beside it, and the credential's own. Certificates inside
//!   are candidates and nothing more.
//! - SHA-256, SHA-384 or SHA-512, the same in digestAlgorithm and signatureAlgorithm; Ed25519 with SHA-512 (RFC 8419).
//!
//! Of several signers one that is good for the credential is enough. The others are not asked: each is tried with every
//! credential, and counts by itself. Countersignatures, time stamps and all else that is not signed are ignored. `signingTime` only
//! informs, but a signature from the future is refused.

use super::detached::{Said, Tried};
use super::message::{Hash, Message, Needs};
use super::x509::certificate::Certificate;
use super::x509::key::Algorithm;
use super::x509::pem::{self, PemRefusal};
use super::x509::{self, Credential, CredentialRefusal, Standing};
use crate::digest::hex;
use crate::escape::Escaped;
use crate::limits;
use crate::time::{Period, Time};
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const HASHES: [(ObjectIdentifier, Hash); 3] = [
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"), Hash::Sha256),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"), Hash::Sha384),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"), Hash::Sha512),
];

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const TAGGED_0: u8 = 0xa0;
const TAGGED_1: u8 = 0xa1;
const KEY_IDENTIFIER: u8 = 0x80;

/// Why a file is not a CMS signature that can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// PEM that is none.
    #[error(transparent)]
    Pem(#[from] PemRefusal),
    /// PEM of something else.
    #[error("expected -----BEGIN CMS----- or -----BEGIN PKCS7-----, found -----BEGIN {found}-----")]
    Label {
        /// What it says of itself.
        found: String,
    },
    /// Longer than is read.
    #[error("expected a CMS signature of at most {} bytes, found {found}", limits::SIGNATURE_FILE_BYTES)]
    Long {
        /// Its length.
        found: usize,
    },
    /// BER with indefinite lengths.
    #[error(
        "expected CMS in DER, found BER with lengths left open ; the vendor must write it as DER \
         (openssl cms -sign without -stream)"
    )]
    Ber,
    /// Not this structure, or not in DER, or with bytes behind it.
    #[error(
        "not a CMS signature in DER: expected {expected}, found something else, damaged, or with more behind it"
    )]
    Form {
        /// What belongs there.
        expected: &'static str,
    },
    /// Content inside.
    #[error("expected a detached signature, found one with its content inside (openssl cms -sign -nodetach)")]
    Attached,
    /// Another type of content.
    #[error("expected content type id-data ({DATA}), found {found}")]
    ContentType {
        /// What it says.
        found: String,
    },
    /// No signer.
    #[error("expected at least one signer, found none")]
    Unsigned,
    /// Too many of something.
    #[error("expected at most {expected} {what}, found {found}")]
    Many {
        /// Of what.
        what: &'static str,
        /// How many are read.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A file of certificates that can't be read.
    #[error("certificates beside the signature: {0}")]
    Certificates(#[from] CredentialRefusal),
}

/// Whom a signer says it is, in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Id {
    /// Name of the issuer, and serial number.
    Issued { issuer: Vec<u8>, serial: Vec<u8> },
    /// The key identifier in the certificate.
    Key(Vec<u8>),
}

impl Id {
    fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Issued { issuer, serial } => {
                certificate.issuer_der() == issuer && certificate.serial() == serial
            }
            Self::Key(identifier) => certificate.key_identifier() == Some(identifier),
        }
    }
}

/// What one signer signed, as far as it can count.
#[derive(Debug, Clone)]
struct Statement {
    hash: Hash,
    algorithm: Algorithm,
    /// The attributes as a SET.
    attributes: Vec<u8>,
    digest: Vec<u8>,
    when: Option<Time>,
    signature: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Signer {
    id: Id,
    /// Or why it can't count, whoever made it.
    statement: Result<Statement, String>,
}

/// A SignedData without content: at least one signer, and the certificates that came along.
#[derive(Debug, Clone)]
pub struct Signature {
    signers: Vec<Signer>,
    certificates: Vec<Certificate>,
    unreadable: Vec<String>,
}

/// One DER value.
#[derive(Clone, Copy)]
struct Item<'a> {
    tag: u8,
    value: &'a [u8],
    whole: &'a [u8],
}

fn form<T>(expected: &'static str) -> Result<T, SignatureRefusal> {
    Err(SignatureRefusal::Form { expected })
}

/// The values that follow one another in `bytes`.
fn items<'a>(bytes: &'a [u8], expected: &'static str) -> Result<Vec<Item<'a>>, SignatureRefusal> {
    let read = || -> der::Result<Vec<Item<'a>>> {
        let mut reader = SliceReader::new(bytes)?;
        let mut items = Vec::new();
        while !reader.is_finished() {
            let whole = reader.tlv_bytes()?;
            let value = AnyRef::from_der(whole)?.value();
            items.push(Item { tag: whole.first().copied().unwrap_or_default(), value, whole });
        }
        Ok(items)
    };
    read().map_err(|_| SignatureRefusal::Form { expected })
}

fn oid(item: Item<'_>, expected: &'static str) -> Result<ObjectIdentifier, SignatureRefusal> {
    ObjectIdentifier::from_der(item.whole).map_err(|_| SignatureRefusal::Form { expected })
}

fn at_most(what: &'static str, expected: usize, found: usize) -> Result<(), SignatureRefusal> {
    if found > expected { Err(SignatureRefusal::Many { what, expected, found }) } else { Ok(()) }
}

impl Signature {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is not a detached SignedData in this form. What speaks against one signer alone is told when it is tried.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureRefusal> {
        if bytes.len() as u64 > limits::SIGNATURE_FILE_BYTES {
            return Err(SignatureRefusal::Long { found: bytes.len() });
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN") => {
                let block = pem::blocks(text, 1)?.into_iter().next().ok_or(PemRefusal::None)?;
                match &*block.label {
                    "CMS" | "PKCS7" => Self::from_der(&block.der),
                    _ => Err(SignatureRefusal::Label { found: block.label }),
                }
            }
            _ => Self::from_der(bytes),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, SignatureRefusal> {
        if let [SEQUENCE, 0x80, ..] = der {
            return Err(SignatureRefusal::Ber);
        }
        let info = "ContentInfo (RFC 5652, section 3)";
        let [Item { tag: SEQUENCE, value, .. }] = &*items(der, info)? else { return form(info) };
        let [kind @ Item { tag: OID, .. }, Item { tag: TAGGED_0, value, .. }] = &*items(value, info)? else {
            return form(info);
        };
        let expected = "SignedData (RFC 5652, section 5.1)";
        if oid(*kind, info)? != SIGNED_DATA {
            return form("content type signedData (1.2.840.113549.1.7.2)");
        }
        let [Item { tag: SEQUENCE, value, .. }] = &*items(value, expected)? else { return form(expected) };
        let parts = items(value, expected)?;
        let [
            Item { tag: INTEGER, value: [1 | 3 | 4 | 5], .. },
            Item { tag: SET, .. },
            Item { tag: SEQUENCE, value: content, .. },
            between @ ..,
            Item { tag: SET, value: signers, .. },
        ] = &*parts
        else {
            return form(expected);
        };
        content_is_data(content)?;
        let certificates = match between {
            [] | [Item { tag: TAGGED_1, .. }] => Vec::new(),
            [Item { tag: TAGGED_0, value, .. }]
            | [Item { tag: TAGGED_0, value, .. }, Item { tag: TAGGED_1, .. }] => {
                items(value, "certificates")?
            }
            _ => return form(expected),
        };
        at_most("certificates", limits::CERTIFICATES, certificates.len())?;
        let signers = items(signers, "signers")?;
        at_most("signers", limits::DETACHED_SIGNATURES, signers.len())?;
        if signers.is_empty() {
            return Err(SignatureRefusal::Unsigned);
        }
        let mut read = Self {
            signers: signers.into_iter().map(signer).collect::<Result<_, _>>()?,
            certificates: Vec::new(),
            unreadable: Vec::new(),
        };
        for item in certificates {
            match Certificate::from_der(item.whole) {
                Ok(certificate) => read.certificates.push(certificate),
                Err(why) => read.unreadable.push(why.to_string()),
            }
        }
        Ok(read)
    }

    /// Adds certificates that lie in a file of their own, in PEM or DER: candidates like those inside.
    ///
    /// # Errors
    /// When they can't be read, or are too many with those inside.
    pub fn with_certificates(mut self, more: &[u8]) -> Result<Self, SignatureRefusal> {
        self.certificates.extend(x509::certificates(&[more])?);
        at_most("certificates", limits::CERTIFICATES, self.certificates.len())?;
        Ok(self)
    }

    /// The subjects of the certificates that came along, in the form of RFC 4514.
    pub fn certificates(&self) -> Vec<String> {
        self.certificates.iter().map(Certificate::subject).collect()
    }

    /// A digest for each signer.
    pub fn needs(&self) -> Needs {
        let statements = self.signers.iter().filter_map(|signer| signer.statement.as_ref().ok());
        let hashed = statements.map(|statement| (statement.hash, super::message::Intake::Binary)).collect();
        Needs { whole: false, hashed }
    }

    /// For each signer the subject of its certificate, or what it says instead.
    pub fn signer_named(&self) -> String {
        let name = |signer: &Signer| match self.certificates.iter().find(|one| signer.id.names(one)) {
            Some(certificate) => certificate.subject(),
            None => match &signer.id {
                Id::Issued { issuer, serial } => {
                    let issuer = x509_cert::name::Name::from_der(issuer).map(|name| name.to_string());
                    format!("serial number {} by {}", hex(serial), issuer.unwrap_or_default())
                }
                Id::Key(identifier) => format!("key identifier {}", hex(identifier)),
            },
        };
        let mut named = self.signers.iter().map(name).collect::<Vec<_>>().join(" and ");
        if let Some(why) = self.unreadable.first() {
            named.push_str(&format!(" (a certificate inside does not count: {why})"));
        }
        named
    }

    /// Tries it: good if one signer is, by this credential, at `at`.
    pub fn check(&self, credential: &Credential, message: &Message, at: Time) -> Tried {
        let mut tried = Tried::Other;
        for signer in &self.signers {
            match self.check_one(signer, credential, message, at) {
                Tried::Other => {}
                good @ Tried::Good(_) => return good,
                bad @ Tried::Bad(_) if tried == Tried::Other => tried = bad,
                Tried::Bad(_) => {}
            }
        }
        tried
    }

    fn check_one(&self, signer: &Signer, credential: &Credential, message: &Message, at: Time) -> Tried {
        let mut named: Vec<&Certificate> = Vec::new();
        for certificate in self.certificates.iter().chain(credential.certificates()) {
            if signer.id.names(certificate) && !named.contains(&certificate) {
                named.push(certificate);
            }
        }
        let certificate = match named.as_slice() {
            [] => return Tried::Other,
            [one] => *one,
            [first, ..] => {
                let mut standings = named.iter().map(|one| credential.judge(one, &self.certificates, at));
                if standings.all(|standing| matches!(standing, Standing::Other)) {
                    return Tried::Other;
                }
                return Tried::Bad(format!(
                    "expected one certificate that the signer means, found {}, the first of them {first}",
                    named.len()
                ));
            }
        };
        match credential.judge(certificate, &self.certificates, at) {
            Standing::Other => return Tried::Other,
            Standing::Bad(why) => return Tried::Bad(why),
            Standing::Trusted => {}
        }
        match signer.statement.clone().and_then(|statement| statement.holds(certificate, message, at)) {
            Ok(when) => Tried::Good(Said { when, who: Some(certificate.subject()), comment: None }),
            Err(why) => Tried::Bad(why),
        }
    }
}

impl Statement {
    fn holds(&self, certificate: &Certificate, message: &Message, at: Time) -> Result<Option<Time>, String> {
        if !certificate.key().verify(self.algorithm, &self.attributes, &self.signature) {
            return Err(format!(
                "expected a signature by {} of {certificate} over the signed attributes, {}; found another",
                certificate.key(),
                self.algorithm
            ));
        }
        let found = message.digest(self.hash)?;
        if found != self.digest {
            return Err(format!(
                "the signature is over other data: expected digest {}, found {}",
                hex(&self.digest),
                hex(&found)
            ));
        }
        let latest = at.after(Period::of_seconds(limits::EVIDENCE_CLOCK_SKEW_SECONDS));
        match self.when {
            Some(when) if when > latest => {
                Err(format!("it says that it was made at {when}; expected {latest} at the latest"))
            }
            when => Ok(when),
        }
    }
}

fn content_is_data(content: &[u8]) -> Result<(), SignatureRefusal> {
    let expected = "EncapsulatedContentInfo (RFC 5652, section 5.2)";
    let (kind, is_inside) = match &*items(content, expected)? {
        [kind] => (oid(*kind, expected)?, false),
        [kind, Item { tag: TAGGED_0, .. }] => (oid(*kind, expected)?, true),
        _ => return form(expected),
    };
    if kind != DATA {
        Err(SignatureRefusal::ContentType { found: kind.to_string() })
    } else if is_inside {
        Err(SignatureRefusal::Attached)
    } else {
        Ok(())
    }
}

fn signer(item: Item<'_>) -> Result<Signer, SignatureRefusal> {
    let expected = "SignerInfo (RFC 5652, section 5.3)";
    let parts = items(item.value, expected)?;
    let (
        SEQUENCE,
        [
            Item { tag: INTEGER, value: version, .. },
            sid,
            digest @ Item { tag: SEQUENCE, .. },
            attributes @ ..,
            algorithm @ Item { tag: SEQUENCE, .. },
            Item { tag: OCTETS, value: signature, .. },
        ],
    ) = (item.tag, parts.strip_suffix_tagged())
    else {
        return form(expected);
    };
    let id = match (*version, sid.tag) {
        ([1], SEQUENCE) => match &*items(sid.value, expected)? {
            [issuer @ Item { tag: SEQUENCE, .. }, Item { tag: INTEGER, value, .. }] => {
                Id::Issued { issuer: issuer.whole.to_vec(), serial: value.to_vec() }
            }
            _ => return form(expected),
        },
        ([3], KEY_IDENTIFIER) => Id::Key(sid.value.to_vec()),
        _ => {
            return form(
                "a signer by issuer and serial number in version 1, or by key identifier in version 3",
            );
        }
    };
    let attributes = match attributes {
        [] => None,
        [one @ Item { tag: TAGGED_0, .. }] => Some(*one),
        _ => return form(expected),
    };
    Ok(Signer { id, statement: statement(*digest, attributes, *algorithm, signature)? })
}

/// Parts of a signer without the unsigned attributes at its end.
trait WithoutUnsigned<'a> {
    fn strip_suffix_tagged(&self) -> &[Item<'a>];
}

impl<'a> WithoutUnsigned<'a> for Vec<Item<'a>> {
    fn strip_suffix_tagged(&self) -> &[Item<'a>] {
        match &**self {
            [parts @ .., Item { tag: TAGGED_1, .. }] => parts,
            parts => parts,
        }
    }
}

/// An `AlgorithmIdentifier`.
fn identifier<'a>(item: Item<'a>) -> Result<(ObjectIdentifier, Option<AnyRef<'a>>), SignatureRefusal> {
    let expected = "AlgorithmIdentifier (RFC 5280, section 4.1.1.2)";
    match &*items(item.value, expected)? {
        [kind] => Ok((oid(*kind, expected)?, None)),
        [kind, parameters] => {
            let parameters =
                AnyRef::from_der(parameters.whole).map_err(|_| SignatureRefusal::Form { expected })?;
            Ok((oid(*kind, expected)?, Some(parameters)))
        }
        _ => form(expected),
    }
}

fn statement(
    digest: Item<'_>,
    attributes: Option<Item<'_>>,
    algorithm: Item<'_>,
    signature: &[u8],
) -> Result<Result<Statement, String>, SignatureRefusal> {
    let (digest_oid, digest_parameters) = identifier(digest)?;
    let (algorithm_oid, parameters) = identifier(algorithm)?;
    let hash = HASHES.iter().find(|(oid, _)| *oid == digest_oid).map(|(_, hash)| *hash);
    let Some(hash) = hash.filter(|_| digest_parameters.is_none_or(AnyRef::is_null)) else {
        let why = format!("expected digest algorithm SHA-256, SHA-384 or SHA-512; found {digest_oid}");
        return Ok(Err(why));
    };
    let algorithm = match Algorithm::named(algorithm_oid, parameters, Some(hash)) {
        Ok(algorithm) => algorithm,
        Err(why) => return Ok(Err(why)),
    };
    // RFC 8419, section 3.1: Ed25519 goes with SHA-512.
    if algorithm.hash().unwrap_or(Hash::Sha512) != hash {
        let why = format!(
            "expected one hash in digestAlgorithm and signatureAlgorithm, found {hash:?} and {algorithm}"
        );
        return Ok(Err(why));
    }
    let Some(attributes) = attributes else {
        let why = "expected signed attributes, found none: such a signature can be shifted to another message; sign without -noattr";
        return Ok(Err(why.to_owned()));
    };
    let signed = match Attributes::read(attributes)? {
        Ok(signed) => signed,
        Err(why) => return Ok(Err(why)),
    };
    let mut set = attributes.whole.to_vec();
    if let Some(tag) = set.first_mut() {
        *tag = SET;
    }
    let Attributes { digest, when } = signed;
    Ok(Ok(Statement { hash, algorithm, attributes: set, digest, when, signature: signature.to_vec() }))
}

/// What is read of the signed attributes.
struct Attributes {
    digest: Vec<u8>,
    when: Option<Time>,
}

impl Attributes {
    fn read(item: Item<'_>) -> Result<Result<Self, String>, SignatureRefusal> {
        let expected = "Attribute (RFC 5652, section 5.3)";
        let all = items(item.value, expected)?;
        if !all.is_sorted_by(|a, b| a.whole < b.whole) {
            return Ok(Err(
                "expected signed attributes in the order of DER, each once; found another order".to_owned()
            ));
        }
        let mut seen: Vec<ObjectIdentifier> = Vec::new();
        let (mut kind, mut digest, mut when) = (None, None, None);
        for attribute in all {
            let parts = items(attribute.value, expected)?;
            let (SEQUENCE, [name, Item { tag: SET, value, .. }]) = (attribute.tag, &*parts) else {
                return form(expected);
            };
            let name = oid(*name, expected)?;
            if seen.contains(&name) {
                return Ok(Err(format!("expected each signed attribute once, found {name} twice")));
            }
            seen.push(name);
            if ![CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME].contains(&name) {
                continue;
            }
            let values = items(value, expected)?;
            let [one] = &*values else {
                return Ok(Err(format!(
                    "expected one value of signed attribute {name}, found {}",
                    values.len()
                )));
            };
            match name {
                CONTENT_TYPE => kind = Some(oid(*one, "contentType")?),
                MESSAGE_DIGEST if one.tag == OCTETS => digest = Some(one.value.to_vec()),
                SIGNING_TIME => {
                    let time = x509_cert::time::Time::from_der(one.whole).ok();
                    when = time.and_then(|time| time.to_string().parse().ok());
                    if when.is_none() {
                        return form("signingTime");
                    }
                }
                _ => return form("messageDigest"),
            }
        }
        Ok(match (kind, digest) {
            (Some(DATA), Some(digest)) => Ok(Self { digest, when }),
            (Some(DATA), None) => Err("expected the signed attribute messageDigest, found none".to_owned()),
            (Some(other), _) => {
                Err(format!("expected the signed contentType id-data, found {}", Escaped(&other.to_string())))
            }
            (None, _) => Err("expected the signed attribute contentType, found none".to_owned()),
        })
    }
}
