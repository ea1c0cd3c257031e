//! `trusted_root.json`: the authorities and logs that the operator pins, as Sigstore's trust root distributes them
//! (`application/vnd.dev.sigstore.trustedroot+json;version=0.1`).
//!
//! The file may be used as it was published: a log whose key is of a kind that is not read here stays in it, and what that log
//! signs is refused by name.

use super::authority::Authority;
use super::wire::{Bytes, Raw};
use crate::digest::hex;
use crate::escape::Escaped;
use crate::json::{JsonError, Strict};
use crate::limits;
use crate::time::Time;
use crate::trust::message::Hash;
use crate::trust::x509::CertificateRefusal;
use crate::trust::x509::key::{Algorithm, PublicKey};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The media type of a trusted root.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";

/// Why bytes are not a trusted root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootRefusal {
    /// More than any honest one has.
    #[error("expected a trusted root of at most {} bytes, found {found}", limits::CONFIG_BYTES)]
    TooLarge {
        /// How many bytes.
        found: usize,
    },
    /// Not this JSON.
    #[error("not a Sigstore trusted root: {0}")]
    Json(#[from] JsonError),
    /// Another version.
    #[error("mediaType: expected {MEDIA_TYPE:?}, found \"{}\"", Escaped(.found))]
    MediaType {
        /// What was found, shortened.
        found: String,
    },
    /// Nothing to check by.
    #[error("{place}: expected at least one, found none")]
    None {
        /// Of what.
        place: &'static str,
    },
    /// More than are tried.
    #[error("{place}: expected at most {}, found {found}", limits::SIGSTORE_AUTHORITIES)]
    TooMany {
        /// Of what.
        place: &'static str,
        /// How many.
        found: usize,
    },
    /// A certificate that can't be judged.
    #[error("{place}: {why}")]
    Certificate {
        /// Whose.
        place: &'static str,
        /// Why.
        why: CertificateRefusal,
    },
    /// A chain that can't end a path.
    #[error("{place}: expected {expected}")]
    Chain {
        /// Whose.
        place: &'static str,
        /// What.
        expected: &'static str,
    },
    /// A log whose id is given twice.
    #[error("{place}: the log {id} is given twice; expected each once")]
    Twice {
        /// Of what.
        place: &'static str,
        /// Its id, in hex.
        id: String,
    },
    /// A key that is not the one that its log is named after.
    #[error("{place}: log {id}: expected the SHA-256 of its key as its id, found another")]
    Id {
        /// Of what.
        place: &'static str,
        /// Its id, in hex.
        id: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    media_type: String,
    #[serde(default)]
    tlogs: Vec<WireLog>,
    #[serde(default)]
    certificate_authorities: Vec<WireAuthority>,
    #[serde(default)]
    ctlogs: Vec<WireLog>,
    #[serde(default)]
    timestamp_authorities: Vec<WireAuthority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireLog {
    #[serde(default)]
    base_url: String,
    hash_algorithm: String,
    public_key: WireKey,
    log_id: WireId,
    #[serde(default, rename = "operator")]
    _operator: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireId {
    key_id: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireKey {
    raw_bytes: Bytes,
    key_details: String,
    valid_for: Option<Window>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireAuthority {
    #[serde(default, rename = "subject")]
    _subject: Option<IgnoredAny>,
    #[serde(default, rename = "uri")]
    _uri: Option<String>,
    cert_chain: WireChain,
    valid_for: Window,
    #[serde(default, rename = "operator")]
    _operator: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireChain {
    certificates: Vec<Raw>,
}

/// A span of time: its start is within, its end is not.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Window {
    start: Option<Time>,
    end: Option<Time>,
}

impl Window {
    /// Says what is wrong when `time` is not within.
    pub(super) fn holds(self, whose: &str, time: Time) -> Result<(), String> {
        if let Some(start) = self.start.filter(|start| time < *start) {
            return Err(format!("{whose} is trusted from {start} on; found a time of {time}"));
        }
        if let Some(end) = self.end.filter(|end| time >= *end) {
            return Err(format!("{whose} is trusted until {end}; found a time of {time}"));
        }
        Ok(())
    }
}

/// A log, of entries or of certificates.
#[derive(Debug, Clone)]
pub(super) struct Log {
    /// How bundles and certificates name it.
    pub(super) id: Vec<u8>,
    /// Its address without the scheme, by which its checkpoints are signed.
    pub(super) name: String,
    key: Option<(PublicKey, Algorithm)>,
    kind: String,
    window: Window,
}

impl Log {
    /// Checks that `signature` is this log's over `message`, as of `time`.
    pub(super) fn signed(
        &self,
        what: &str,
        message: &[u8],
        signature: &[u8],
        time: Option<Time>,
    ) -> Result<(), String> {
        let whose = || self.shown();
        let (key, algorithm) = self.key.as_ref().ok_or_else(|| {
            format!("{} has a key of the kind {}, which is not read here", whose(), Escaped(&self.kind))
        })?;
        if let Some(time) = time {
            self.trusted(time)?;
        }
        if !key.verify(*algorithm, message, signature) {
            return Err(format!(
                "{what}: expected a signature by {} over this content, found another",
                whose()
            ));
        }
        Ok(())
    }

    /// Checks that its key is trusted as of `time`.
    pub(super) fn trusted(&self, time: Time) -> Result<(), String> {
        self.window.holds(&self.shown(), time)
    }

    fn shown(&self) -> String {
        format!("the log {} (id {})", Escaped(&self.name), hex(&self.id))
    }

    fn of(place: &'static str, wire: WireLog) -> Result<Self, RootRefusal> {
        let WireLog { base_url, hash_algorithm, public_key, log_id, .. } = wire;
        let id = log_id.key_id.0;
        if hash_algorithm != "SHA2_256" || id.len() != 32 {
            return Err(RootRefusal::Chain {
                place,
                expected: "hashAlgorithm SHA2_256 and a logId of 32 bytes, found others",
            });
        }
        let key = algorithm(&public_key.key_details).zip(PublicKey::from_spki(&public_key.raw_bytes.0).ok());
        let key =
            key.filter(|(algorithm, key)| key.fits(*algorithm)).map(|(algorithm, key)| (key, algorithm));
        // RFC 6962, section 3.2, and Rekor. The newer logs hash the origin as well.
        if let Some((key, algorithm)) = &key
            && *algorithm != Algorithm::Ed25519
            && key.fingerprint() != hex(&id)
        {
            return Err(RootRefusal::Id { place, id: hex(&id) });
        }
        let name = base_url.split_once("://").map_or(&*base_url, |(_, rest)| rest).trim_end_matches('/');
        Ok(Self {
            id,
            name: name.to_owned(),
            key,
            kind: public_key.key_details.chars().take(64).collect(),
            window: public_key.valid_for.unwrap_or_default(),
        })
    }
}

/// The kinds of keys that are read.
fn algorithm(details: &str) -> Option<Algorithm> {
    Some(match details {
        "PKIX_ECDSA_P256_SHA_256" => Algorithm::Ecdsa(Hash::Sha256),
        "PKIX_ECDSA_P384_SHA_384" => Algorithm::Ecdsa(Hash::Sha384),
        "PKIX_RSA_PKCS1V15_2048_SHA256"
        | "PKIX_RSA_PKCS1V15_3072_SHA256"
        | "PKIX_RSA_PKCS1V15_4096_SHA256" => Algorithm::RsaPkcs1(Hash::Sha256),
        "PKIX_ED25519" => Algorithm::Ed25519,
        _ => return None,
    })
}

/// All that is pinned.
#[derive(Debug, Clone)]
pub(super) struct Root {
    /// Who issues certificates to signers.
    pub(super) fulcio: Vec<Authority>,
    /// Where signatures are entered.
    pub(super) rekor: Vec<Log>,
    /// Where certificates are entered.
    pub(super) ct: Vec<Log>,
    /// Who stamps times.
    pub(super) stampers: Vec<Authority>,
}

impl Root {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, RootRefusal> {
        if bytes.len() as u64 > limits::CONFIG_BYTES {
            return Err(RootRefusal::TooLarge { found: bytes.len() });
        }
        let wire: Wire = Strict::check(bytes)?.read()?;
        if wire.media_type != MEDIA_TYPE {
            return Err(RootRefusal::MediaType { found: wire.media_type.chars().take(100).collect() });
        }
        let root = Self {
            fulcio: authorities("certificateAuthorities", wire.certificate_authorities)?,
            rekor: logs("tlogs", wire.tlogs)?,
            ct: logs("ctlogs", wire.ctlogs)?,
            stampers: authorities("timestampAuthorities", wire.timestamp_authorities)?,
        };
        for (place, count) in [
            ("certificateAuthorities", root.fulcio.len()),
            ("tlogs", root.rekor.len()),
            ("ctlogs", root.ct.len()),
        ] {
            if count == 0 {
                return Err(RootRefusal::None { place });
            }
        }
        if root.stampers.iter().any(|stamper| stamper.certificates().len() < 2) {
            let place = "timestampAuthorities";
            return Err(RootRefusal::Chain {
                place,
                expected: "the stamper's own certificate and at least its root",
            });
        }
        Ok(root)
    }
}

fn few<T>(place: &'static str, list: &[T]) -> Result<(), RootRefusal> {
    if list.len() > limits::SIGSTORE_AUTHORITIES {
        return Err(RootRefusal::TooMany { place, found: list.len() });
    }
    Ok(())
}

fn logs(place: &'static str, wire: Vec<WireLog>) -> Result<Vec<Log>, RootRefusal> {
    few(place, &wire)?;
    let mut logs: Vec<Log> = Vec::new();
    for log in wire {
        let log = Log::of(place, log)?;
        if logs.iter().any(|other| other.id == log.id) {
            return Err(RootRefusal::Twice { place, id: hex(&log.id) });
        }
        logs.push(log);
    }
    Ok(logs)
}

fn authorities(place: &'static str, wire: Vec<WireAuthority>) -> Result<Vec<Authority>, RootRefusal> {
    few(place, &wire)?;
    let authority = |wire: WireAuthority| {
        few(place, &wire.cert_chain.certificates)?;
        let chain = wire.cert_chain.certificates.into_iter().map(|certificate| certificate.raw_bytes.0);
        let authority =
            Authority::new(chain, wire.valid_for).map_err(|why| RootRefusal::Certificate { place, why })?;
        authority.ok_or(RootRefusal::Chain {
            place,
            expected: "a chain of certificates whose last one is an authority's",
        })
    };
    wire.into_iter().map(authority).collect()
}
