//! The files of a repository, from its release down.

use super::compressed::Form;
use super::packages::{Packages, sources};
use super::release::{Listed, Release};
use super::{DebianRefusal, Place, directory};
use crate::digest::{Algorithm, Algorithms, Claimed, Comparison, DigestSet, Hashers};
use crate::drop::path::DropPath;
use crate::limits;
use crate::manifest::Artifact;
use std::collections::{BTreeMap, BTreeSet};

/// The files that arrived.
pub trait Files {
    /// Why a look could not be taken.
    type Error;

    /// Whether a regular file of this path arrived.
    fn have(&self, path: &DropPath) -> bool;

    /// Its contents, at most `cap` bytes; or in words why it can't be had.
    ///
    /// # Errors
    /// When the gate could not look.
    fn read(&mut self, path: &DropPath, cap: u64) -> Result<Result<Vec<u8>, String>, Self::Error>;
}

/// Which part of a repository is mirrored, as the operator says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The architectures, such as `amd64` and `all`; `None` for every one that the release lists an index of.
    pub architectures: Option<BTreeSet<String>>,
    /// The components, such as `main`; `None` for every one.
    pub components: Option<BTreeSet<String>>,
}

/// All packings of one index.
struct Index<'r> {
    component: &'r str,
    architecture: &'r str,
    packings: BTreeMap<&'r str, &'r Listed>,
}

/// Every file that the repository consists of, sorted by path, each once: the files of the release that arrived, copies of them by
/// their digests, the indexes of packages that must be there, and all packages of those that could be read.
///
/// An index that arrived with other bytes than the release lists is not read. It is an artifact, whose digest will be found to
/// differ.
///
/// # Errors
/// The outer one when the gate could not look; the inner one when a list is not one, with its place.
pub fn artifacts<F: Files>(
    release: &Release,
    place: &Place,
    scope: &Scope,
    files: &mut F,
) -> Result<Result<Vec<Artifact>, DebianRefusal>, F::Error> {
    let mut tree = Tree { place, found: Vec::new() };
    if let Err(refusal) = tree.listed(release, files) {
        return Ok(Err(refusal));
    }
    let indexes = match indexes(release, "Packages").and_then(|all| scope.narrow(all)) {
        Ok(indexes) => indexes,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for (index, is_needed) in &indexes {
        if let Err(refusal) = tree.index(index, *is_needed, files, packages)? {
            return Ok(Err(refusal));
        }
    }
    let source_indexes = match self::indexes(release, "Sources") {
        Ok(indexes) => indexes,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for index in &source_indexes {
        if let Err(refusal) =
            tree.index(index, false, files, |bytes| sources(bytes).map_err(|why| why.to_string()))?
        {
            return Ok(Err(refusal));
        }
    }
    Ok(tree.finish())
}

fn packages(bytes: &[u8]) -> Result<Vec<(DropPath, DigestSet<Claimed>)>, String> {
    let packages = Packages::read(bytes).map_err(|why| why.to_string())?;
    Ok(packages.into_iter().map(|package| (package.filename, package.digests)).collect())
}

/// The indexes of this name that the release lists, each with all of its packings.
fn indexes<'r>(release: &'r Release, name: &str) -> Result<Vec<Index<'r>>, DebianRefusal> {
    let mut all: BTreeMap<&str, Index<'r>> = BTreeMap::new();
    for listed in release.files() {
        let directory = directory(&listed.path);
        let file = listed.path.as_str().strip_prefix(directory).unwrap_or_default();
        let Some(extension) = file.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('.'))
        else {
            continue;
        };
        let path = directory.trim_end_matches('/');
        let (component, last) = path.rsplit_once('/').unwrap_or(("", path));
        let (component, architecture) = match last.strip_prefix("binary-") {
            Some(architecture) => (component, architecture),
            None => (path, ""),
        };
        let index = Index { component, architecture, packings: BTreeMap::new() };
        all.entry(directory).or_insert(index).packings.insert(extension, listed);
    }
    if all.is_empty() && name == "Packages" {
        Err(DebianRefusal::NoIndex)
    } else {
        Ok(all.into_values().collect())
    }
}

impl Scope {
    /// Says of each index whether it must be there.
    fn narrow<'r>(&self, indexes: Vec<Index<'r>>) -> Result<Vec<(Index<'r>, bool)>, DebianRefusal> {
        let known = |of: fn(&Index<'r>) -> &'r str| -> BTreeSet<&'r str> { indexes.iter().map(of).collect() };
        let check = |what, asked: &Option<BTreeSet<String>>, known: BTreeSet<&str>| {
            let unknown = asked.iter().flatten().find(|name| !known.contains(name.as_str()));
            let expected = || known.iter().map(|name| (*name).to_owned()).collect();
            match (unknown, asked) {
                (Some(found), _) => {
                    Err(DebianRefusal::Scope { what, expected: expected(), found: found.clone() })
                }
                (None, Some(asked)) if asked.is_empty() => {
                    Err(DebianRefusal::Scope { what, expected: expected(), found: String::new() })
                }
                _ => Ok(()),
            }
        };
        check("architectures", &self.architectures, known(|index| index.architecture))?;
        check("components", &self.components, known(|index| index.component))?;
        let within = |asked: &Option<BTreeSet<String>>, name: &str| {
            asked.as_ref().is_none_or(|asked| asked.contains(name))
        };
        let narrowed = indexes.into_iter().map(|index| {
            let is_within =
                within(&self.architectures, index.architecture) && within(&self.components, index.component);
            // What the release itself says is empty can be left out: nothing goes with it.
            let is_empty = index.packings.get("").is_some_and(|plain| plain.size == 0);
            (index, is_within && !is_empty)
        });
        Ok(narrowed.collect())
    }
}

struct Tree<'p> {
    place: &'p Place,
    found: Vec<Artifact>,
}

impl Tree<'_> {
    /// A path of the release, in the drop.
    fn below(&self, path: &str) -> Result<DropPath, DebianRefusal> {
        let text = format!("{}{path}", self.place.base);
        DropPath::parse(&text)
            .map_err(|why| DebianRefusal::Path { text: text.chars().take(80).collect(), why })
    }

    fn add(&mut self, path: DropPath, digests: DigestSet<Claimed>) -> Result<(), DebianRefusal> {
        if self.place.signed_files().any(|own| *own == path) {
            return Err(DebianRefusal::Reserved { path });
        }
        if self.found.len() >= limits::DROP_FILES {
            return Err(DebianRefusal::TooMany);
        }
        self.found.push(Artifact { path, digests });
        Ok(())
    }

    /// What a listed file may be named in the drop: its own name, and those by its digests.
    fn names(&self, listed: &Listed) -> Result<Vec<DropPath>, DebianRefusal> {
        let directory = directory(&listed.path);
        let copies = listed.by_hash.iter().map(|copy| format!("{directory}by-hash/{copy}"));
        std::iter::once(listed.path.as_str().to_owned()).chain(copies).map(|path| self.below(&path)).collect()
    }

    /// The files of the release that arrived.
    fn listed<F: Files>(&mut self, release: &Release, files: &F) -> Result<(), DebianRefusal> {
        for listed in release.files() {
            for path in self.names(listed)? {
                if files.have(&path) {
                    self.add(path, listed.digests.clone())?;
                }
            }
        }
        Ok(())
    }

    /// Reads every packing of an index that arrived, each from the first of its names that has the right bytes. All of them must
    /// say the same, since nobody knows which one is used later.
    fn index<F: Files>(
        &mut self,
        index: &Index<'_>,
        is_needed: bool,
        files: &mut F,
        read: impl Fn(&[u8]) -> Result<Vec<(DropPath, DigestSet<Claimed>)>, String>,
    ) -> Result<Result<(), DebianRefusal>, F::Error> {
        let mut there = false;
        let mut contents: Option<(DropPath, Vec<u8>)> = None;
        let plain = index.packings.get("").copied();
        for (extension, listed) in &index.packings {
            let names = match self.names(listed) {
                Ok(names) => names,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let Some(form) = Form::of(extension) else { continue };
            for path in names.into_iter().filter(|path| files.have(path)).collect::<Vec<_>>() {
                there = true;
                let refused = |why| Ok(Err(DebianRefusal::Index { path: path.clone(), why }));
                let bytes = match files.read(&path, limits::DEBIAN_INDEX_BYTES)? {
                    Ok(bytes) if is(&bytes, &listed.digests) => bytes,
                    // Other bytes than were listed: an artifact that differs, and nothing to read.
                    Ok(_) => continue,
                    Err(why) => return refused(why),
                };
                if bytes.len() as u64 != listed.size {
                    return refused(format!(
                        "expected {} bytes as the release says, found {}",
                        listed.size,
                        bytes.len()
                    ));
                }
                let unpacked = match form.unpack(bytes, plain.map_or(u64::MAX, |plain| plain.size)) {
                    Ok(unpacked) => unpacked,
                    Err(why) => return refused(why),
                };
                if plain.is_some_and(|plain| !is(&unpacked, &plain.digests)) {
                    return refused(
                        "expected it to unpack to the index that the release lists, found another".to_owned(),
                    );
                }
                match &contents {
                    Some((_, other)) if *other != unpacked => {
                        return refused(
                            "expected all packings of the index to hold the same, found different ones"
                                .to_owned(),
                        );
                    }
                    Some(_) => {}
                    None => contents = Some((path, unpacked)),
                }
                break;
            }
        }
        Ok(match contents {
            Some((path, bytes)) => self.contents(&path, &bytes, read),
            None if is_needed && !there => self.missing(index),
            None => Ok(()),
        })
    }

    fn contents(
        &mut self,
        path: &DropPath,
        bytes: &[u8],
        read: impl Fn(&[u8]) -> Result<Vec<(DropPath, DigestSet<Claimed>)>, String>,
    ) -> Result<(), DebianRefusal> {
        let files = read(bytes).map_err(|why| DebianRefusal::Index { path: path.clone(), why })?;
        files.into_iter().try_for_each(|(path, digests)| self.add(path, digests))
    }

    /// Lists the packing of the index that is read here, so that it will be found missing.
    fn missing(&mut self, index: &Index<'_>) -> Result<(), DebianRefusal> {
        let mut readable: Vec<_> = index
            .packings
            .iter()
            .filter_map(|(extension, listed)| Some((Form::of(extension)?, *listed)))
            .collect();
        readable.sort_by_key(|(form, _)| *form);
        let Some((_, listed)) = readable.last().copied() else {
            let listed =
                index.packings.values().next().map(|listed| listed.path.as_str()).unwrap_or_default();
            let why = "expected the release to list this index plain, or packed by gzip or xz (where this build reads it), \
                       found only others"
                .to_owned();
            return Err(DebianRefusal::Index { path: self.below(listed)?, why });
        };
        let path = self.below(listed.path.as_str())?;
        self.add(path, listed.digests.clone())
    }

    /// Sorts, and makes one of what several lists give the same digests.
    fn finish(mut self) -> Result<Vec<Artifact>, DebianRefusal> {
        self.found.sort_by(|a, b| a.path.cmp(&b.path));
        let mut all: Vec<Artifact> = Vec::with_capacity(self.found.len());
        for artifact in self.found {
            match all.last_mut().filter(|last| last.path == artifact.path) {
                None => all.push(artifact),
                Some(last) if last.digests == artifact.digests => {}
                Some(last) if last.digests.names_the_same_as(&artifact.digests) => {
                    if artifact.digests.algorithms().count() > last.digests.algorithms().count() {
                        last.digests = artifact.digests;
                    }
                }
                Some(_) => return Err(DebianRefusal::Contradiction { path: artifact.path }),
            }
        }
        if all.is_empty() { Err(DebianRefusal::NoIndex) } else { Ok(all) }
    }
}

/// Whether these are the bytes that a list means.
fn is(bytes: &[u8], claimed: &DigestSet<Claimed>) -> bool {
    let algorithms = claimed.algorithms();
    let wanted = Algorithm::ALL.into_iter().filter(|algorithm| algorithms.contains(*algorithm));
    let mut hashers = Hashers::new(wanted.fold(Algorithms::default(), Algorithms::with));
    hashers.update(bytes);
    matches!(hashers.finish().matches(claimed), Comparison::Matches)
}
