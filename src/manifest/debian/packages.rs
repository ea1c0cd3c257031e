//! `Packages` and `Sources`: the files of a repository's pool, with their digests.

use super::paragraphs::{Malformed, Paragraph, malformed, paragraphs, shown};
use super::{Claim, number, without_dot};
use crate::digest::{Claimed, Claims, DigestSet};
use crate::drop::path::DropPath;
use std::collections::BTreeMap;

/// A package that an index lists.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The architecture that it is for.
    pub architecture: String,
    /// Its path, from the root of the repository.
    pub filename: DropPath,
    /// Its size, in bytes.
    pub size: u64,
    /// Its digests, at least one of SHA-256 and SHA-512.
    pub digests: DigestSet<Claimed>,
}

/// The reader of `Packages`.
#[derive(Debug)]
pub struct Packages;

impl Packages {
    /// Reads an index whose digest was checked.
    ///
    /// # Errors
    /// When a paragraph is not a package with a strong digest, with the line.
    pub fn read(bytes: &[u8]) -> Result<Vec<Package>, Malformed> {
        paragraphs(bytes)?.map(|paragraph| package(&paragraph?)).collect()
    }
}

fn package(paragraph: &Paragraph<'_>) -> Result<Package, Malformed> {
    let name = paragraph.needed("Package")?;
    let refused = |why: String| malformed(paragraph.line, format!("package {:?}: {why}", shown(name)));
    let filename = paragraph.needed("Filename")?;
    let path = DropPath::parse(without_dot(filename))
        .map_err(|why| refused(format!("Filename {:?}: {why}", shown(filename))))?;
    let size = paragraph.needed("Size")?;
    let size =
        number(size).ok_or_else(|| refused(format!("expected Size in bytes, found {:?}", shown(size))))?;
    let mut claims = Claims::default();
    let mut is_strong = false;
    for (field, algorithm) in
        [("SHA256", "sha256"), ("SHA512", "sha512"), ("MD5sum", "md5"), ("SHA1", "sha1")]
    {
        if let Some(digest) = paragraph.single(field)? {
            claims.add(algorithm, digest).map_err(|why| refused(why.to_string()))?;
            is_strong |= algorithm.starts_with("sha256") || algorithm.starts_with("sha512");
        }
    }
    let digests = claims.finish().filter(|_| is_strong);
    let digests = digests.ok_or_else(|| {
        refused("expected a digest by SHA256 or SHA512, found none, or weaker ones alone".to_owned())
    })?;
    Ok(Package {
        name: name.to_owned(),
        version: paragraph.needed("Version")?.to_owned(),
        architecture: paragraph.needed("Architecture")?.to_owned(),
        filename: path,
        size,
        digests,
    })
}

/// The files of source packages, with their digests.
pub(super) fn sources(bytes: &[u8]) -> Result<Vec<(DropPath, DigestSet<Claimed>)>, Malformed> {
    let mut files = Vec::new();
    for paragraph in paragraphs(bytes)? {
        let paragraph = paragraph?;
        let directory = without_dot(paragraph.needed("Directory")?);
        let mut rows: BTreeMap<&str, Claims> = BTreeMap::new();
        for (name, algorithm) in [("Checksums-Sha256", "sha256"), ("Checksums-Sha512", "sha512")] {
            let Some(field) = paragraph.field(name) else { continue };
            for (line, row) in field.rows()? {
                let claim = Claim::read(line, row)?;
                let added = rows.entry(claim.path).or_default().add(algorithm, claim.digest);
                added.map_err(|why| malformed(line, why.to_string()))?;
            }
        }
        if rows.is_empty() {
            return Err(malformed(
                paragraph.line,
                "expected files by Checksums-Sha256 or -Sha512, found none",
            ));
        }
        for (name, claims) in rows {
            let path = if directory.is_empty() || directory == "." {
                name.to_owned()
            } else {
                format!("{directory}/{name}")
            };
            let refused = |why: String| malformed(paragraph.line, format!("{:?}: {why}", shown(&path)));
            let parsed = DropPath::parse(&path).map_err(|why| refused(why.to_string()))?;
            files.push((
                parsed,
                claims.finish().ok_or_else(|| refused("expected a digest, found none".to_owned()))?,
            ));
        }
    }
    Ok(files)
}
