//! `Release`: what a repository says of itself, and the digests of its indexes.

use super::paragraphs::{Field, Malformed, Paragraph, malformed, paragraphs, shown};
use super::{Claim, date};
use crate::digest::{Claimed, Claims, DigestSet};
use crate::drop::path::DropPath;
use crate::time::Time;
use std::collections::BTreeMap;

/// A `Release` file, or the text of an `InRelease`.
#[derive(Debug, Clone)]
pub struct Release {
    /// Who publishes.
    pub origin: Option<String>,
    /// What, in a word.
    pub label: Option<String>,
    /// The name of the place in the publisher's order, such as `stable`.
    pub suite: Option<String>,
    /// The name of the release itself.
    pub codename: Option<String>,
    /// The version, where the repository has one.
    pub version: Option<String>,
    /// When it was made.
    pub date: Time,
    /// From when on it is not to be used.
    pub valid_until: Option<Time>,
    /// The architectures that it says it has.
    pub architectures: Vec<String>,
    /// The components that it says it has.
    pub components: Vec<String>,
    /// Whether indexes are also kept by their digests.
    pub acquire_by_hash: bool,
    files: Vec<Listed>,
}

/// A file that a `Release` lists.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its path, from the directory of the `Release`.
    pub path: DropPath,
    /// Its size, in bytes.
    pub size: u64,
    /// Its digests.
    pub digests: DigestSet<Claimed>,
    /// Where copies of it are, in `by-hash` beside it.
    pub(super) by_hash: Vec<String>,
}

/// The lists that count, by the names of their algorithms.
const STRONG: [(&str, &str); 2] = [("SHA256", "sha256"), ("SHA512", "sha512")];

/// The lists that do not, and how many digits they have.
const WEAK: [(&str, usize); 2] = [("MD5Sum", 32), ("SHA1", 40)];

/// What the lists say of a path.
#[derive(Default)]
struct Row {
    line: usize,
    size: u64,
    claims: Claims,
    is_strong: bool,
    by_hash: Vec<String>,
}

impl Release {
    /// Reads the text whose signature was checked.
    ///
    /// # Errors
    /// When it is not one paragraph with a date and at least one list of SHA-256 or SHA-512, with the line.
    pub fn read(text: &[u8]) -> Result<Self, Malformed> {
        let mut all = paragraphs(text)?;
        let release =
            all.next().unwrap_or_else(|| Err(malformed(1, "expected a paragraph of fields, found none")))?;
        if let Some(second) = all.next() {
            return Err(malformed(second?.line, "expected one paragraph, found a second one"));
        }
        let own = |name| Ok(release.single(name)?.map(str::to_owned));
        let date = time(&release, "Date")?;
        let date = date.ok_or_else(|| malformed(release.line, "expected field Date, found none"))?;
        let valid_until = time(&release, "Valid-Until")?;
        if let Some(until) = valid_until.filter(|until| *until <= date) {
            return Err(malformed(
                release.line,
                format!("expected Valid-Until to be after Date ({date}), found {until}"),
            ));
        }
        let acquire_by_hash = match release.single("Acquire-By-Hash")? {
            None | Some("no") => false,
            Some("yes") => true,
            Some(other) => {
                let why = format!("expected Acquire-By-Hash to be yes or no, found {:?}", shown(other));
                return Err(malformed(release.line, why));
            }
        };
        let words = |name| {
            let words =
                release.field(name).map(|field| field.value.split_whitespace().map(str::to_owned).collect());
            words.unwrap_or_default()
        };
        Ok(Self {
            origin: own("Origin")?,
            label: own("Label")?,
            suite: own("Suite")?,
            codename: own("Codename")?,
            version: own("Version")?,
            date,
            valid_until,
            architectures: words("Architectures"),
            components: words("Components"),
            acquire_by_hash,
            files: files(&release)?,
        })
    }

    /// The files that it lists, sorted by path, each once.
    pub fn files(&self) -> &[Listed] {
        &self.files
    }

    /// What is delivered: the label, or else the suite or the name of the release.
    pub fn product(&self) -> Option<&str> {
        [&self.label, &self.suite, &self.codename].into_iter().flatten().map(String::as_str).next()
    }
}

fn time(release: &Paragraph<'_>, name: &str) -> Result<Option<Time>, Malformed> {
    let Some(field) = release.field(name) else { return Ok(None) };
    let text = field.single()?;
    let read = date::read(text);
    let why = || format!("expected {name} as in \"Sat, 09 Jul 2022 09:43:33 UTC\", found {:?}", shown(text));
    read.map(Some).ok_or_else(|| malformed(field.line, why()))
}

fn files(release: &Paragraph<'_>) -> Result<Vec<Listed>, Malformed> {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for (name, algorithm) in STRONG {
        let Some(field) = release.field(name) else { continue };
        each(field, |line, claim| {
            let row = row(&mut rows, line, &claim)?;
            row.claims.add(algorithm, claim.digest).map_err(|why| malformed(line, why.to_string()))?;
            row.is_strong = true;
            row.by_hash.push(format!("{name}/{}", claim.digest));
            Ok(())
        })?;
    }
    for (name, digits) in WEAK {
        let Some(field) = release.field(name) else { continue };
        each(field, |line, claim| {
            let is_hex = claim.digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !is_hex || claim.digest.len() != digits {
                return Err(malformed(line, format!("expected {digits} lowercase hex digits for {name}")));
            }
            let copy = format!("{name}/{}", claim.digest);
            let row = row(&mut rows, line, &claim)?;
            if row.by_hash.iter().any(|own| own.starts_with(name)) {
                return Err(malformed(
                    line,
                    format!("expected {:?} once in {name}, found it twice", shown(claim.path)),
                ));
            }
            row.by_hash.push(copy);
            Ok(())
        })?;
    }
    let listed = |(path, row): (&str, Row)| {
        let refused = |why: String| malformed(row.line, format!("{:?}: {why}", shown(path)));
        if !row.is_strong {
            return Err(refused("expected a digest by SHA256 or SHA512, found weaker ones alone".to_owned()));
        }
        let digests =
            row.claims.finish().ok_or_else(|| refused("expected a digest, found none".to_owned()))?;
        let path = DropPath::parse(path).map_err(|why| refused(why.to_string()))?;
        Ok(Listed { path, size: row.size, digests, by_hash: row.by_hash })
    };
    let files: Vec<Listed> = rows.into_iter().map(listed).collect::<Result<_, _>>()?;
    if files.is_empty() {
        return Err(malformed(release.line, "expected a list of files by SHA256 or SHA512, found none"));
    }
    Ok(files)
}

fn each<'t>(
    field: &Field<'t>,
    mut take: impl FnMut(usize, Claim<'t>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    field.rows()?.try_for_each(|(line, row)| take(line, Claim::read(line, row)?))
}

fn row<'r, 't>(
    rows: &'r mut BTreeMap<&'t str, Row>,
    line: usize,
    claim: &Claim<'t>,
) -> Result<&'r mut Row, Malformed> {
    let row = rows.entry(claim.path).or_insert_with(|| Row { line, size: claim.size, ..Row::default() });
    if row.size != claim.size {
        let (path, expected, found) = (shown(claim.path), row.size, claim.size);
        return Err(malformed(
            line,
            format!("{path:?}: expected size {expected} as in the list before, found {found}"),
        ));
    }
    Ok(row)
}
