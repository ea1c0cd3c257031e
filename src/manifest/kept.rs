//! A manifest that was read from another form than ours, as the record keeps it: what later releases are compared with.
//!
//! ```json
//! {"_type":"urn:dropgate:read-manifest:v1","format":"checksums","file":"SHA256SUMS","sha256":"...",
//!  "release":{"vendor":"Acme Networks","product":"radio-7","version":"4.2.1","kind":"software-update",
//!             "comparedBy":"semver"},
//!  "files":[{"name":"radio.bin","digest":{"sha256":"..."}}]}
//! ```
//!
//! It carries no signature: the entry that names it vouches for it, as it does for the verdict under which it was accepted.

use super::{Artifact, Comparison, Format, Kind, Manifest, Order, Release};
use crate::digest::{Claims, DocumentDigest, hex};
use crate::drop::path::{DropPath, Name};
use crate::json::Strict;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The type of such a document.
pub const TYPE: &str = "urn:dropgate:read-manifest:v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "_type")]
    document_type: String,
    format: String,
    file: String,
    sha256: DocumentDigestText,
    release: Said,
    files: Vec<File>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct DocumentDigestText(String);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Said {
    vendor: Name,
    product: Name,
    version: Name,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Time>,
    compared_by: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: DropPath,
    digest: BTreeMap<String, String>,
}

/// Whether bytes are such a document, by how they begin.
pub fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(format!("{{\"_type\":\"{TYPE}\"").as_bytes())
}

/// Writes a manifest down.
///
/// # Errors
/// When it can't be put into JSON, or is one of our own form, whose envelope is kept instead.
pub fn write(manifest: &Manifest) -> Result<Vec<u8>, String> {
    let release = &manifest.release;
    let Order::Versions(comparison) = release.order else {
        return Err("expected a release without sequence number, found one with".to_owned());
    };
    let digests = |artifact: &Artifact| {
        artifact
            .digests
            .iter()
            .map(|(algorithm, digest)| (algorithm.name().to_owned(), hex(digest)))
            .collect()
    };
    let files = manifest.artifacts().iter();
    let document = Document {
        document_type: TYPE.to_owned(),
        format: manifest.format.to_string(),
        file: manifest.file.clone(),
        sha256: DocumentDigestText(manifest.digest.to_string()),
        release: Said {
            vendor: release.vendor.clone(),
            product: release.product.clone(),
            version: release.version.clone(),
            kind: release.kind,
            issued: release.issued,
            expires: release.expires,
            compared_by: comparison.to_string(),
        },
        files: files
            .map(|artifact| File { name: artifact.path.clone(), digest: digests(artifact) })
            .collect(),
    };
    serde_json::to_vec(&document).map_err(|why| why.to_string())
}

/// Reads it again.
///
/// # Errors
/// With why it is none.
pub fn read(bytes: &[u8]) -> Result<Manifest, String> {
    let document: Document = Strict::check(bytes).and_then(Strict::read).map_err(|why| why.to_string())?;
    if document.document_type != TYPE {
        return Err(format!("_type: expected {TYPE:?}, found {:?}", document.document_type));
    }
    fn legal<T: Copy>(all: &[(&str, T)], what: &str, name: &str) -> Result<T, String> {
        let found = all.iter().find(|(legal, _)| *legal == name).map(|(_, value)| *value);
        found.ok_or_else(|| format!("{what}: found {name:?}, which this dropgate does not know"))
    }
    let format = legal(&Format::LEGAL, "format", &document.format)?;
    let comparison = legal(&Comparison::LEGAL, "comparedBy", &document.release.compared_by)?;
    let digest = DocumentDigest::from_hex(&document.sha256.0)
        .ok_or_else(|| format!("sha256: expected 64 lowercase hex digits, found {:?}", document.sha256.0))?;
    let files = document.files.into_iter().map(|File { name, digest }| {
        let mut claims = Claims::default();
        for (algorithm, text) in &digest {
            claims.add(algorithm, text).map_err(|why| format!("{name}: {why}"))?;
        }
        // A file may be listed without any digest that counts.
        // What is listed as weak is a set without members.
        claims.add("md5", "").map_err(|why| why.to_string())?;
        let digests = claims.finish().ok_or_else(|| format!("{name}: expected a digest"))?;
        Ok(Artifact { path: name, digests })
    });
    let files = files.collect::<Result<Vec<_>, String>>()?;
    let Said { vendor, product, version, kind, issued, expires, .. } = document.release;
    let order = Order::Versions(comparison);
    let release =
        Release { vendor, product, version, kind, issued, expires, order, replaces: None, recipient: None };
    Manifest::of(release, digest, (format, document.file), files)
        .ok_or_else(|| "files: expected at least one, sorted by name, each once".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_a_change_is_told() {
        let mut manifest =
            Manifest::imagined(&[("a", &[("sha256", &"ab".repeat(32))]), ("b", &[("md5", "x")])]);
        manifest.release.order = Order::Versions(Comparison::Semver);
        manifest.release.issued = None;
        manifest.format = Format::Checksums;
        let kept = write(&manifest).unwrap();
        assert!(is_one(&kept));
        let again = read(&kept).unwrap();
        assert_eq!(write(&again).unwrap(), kept);
        assert_eq!(again.release, manifest.release);
        let text = String::from_utf8(kept).unwrap();
        for (from, to, says) in [
            ("read-manifest:v1", "read-manifest:v2", "_type"),
            ("\"semver\"", "\"guess\"", "comparedBy"),
            ("\"checksums\"", "\"lists\"", "format"),
            ("\"name\":\"b\"", "\"name\":\"a\"", "each once"),
            ("\"name\":\"b\"", "\"name\":\"../b\"", "found the component"),
            ("abab", "xbab", "a:"),
            ("\"kind\"", "\"more\":1,\"kind\"", "unknown field"),
        ] {
            let why = read(text.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(why.contains(says), "{from} {to}: {why}");
        }
    }
}
