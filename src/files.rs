//! The operator's own files: read with a cap, written whole or not at all.

pub mod beneath;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

/// Why one of the operator's files could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("can't {doing} {}: {why}", crate::escape::path(path))]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What was being done with it.
    pub doing: &'static str,
    /// What went wrong.
    pub why: String,
}

impl FileError {
    /// A failure while `doing` something with `path`.
    pub fn new(path: &Path, doing: &'static str, why: impl ToString) -> Self {
        Self { path: path.to_owned(), doing, why: why.to_string() }
    }
}

/// Reads a regular file of at most `cap` bytes.
///
/// # Errors
/// When it can't be read, is something else (a device, a pipe), or is larger.
pub fn read(path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
    let fail = |why: String| FileError::new(path, "read", why);
    let meta = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?;
    if !meta.is_file() {
        return Err(fail("expected a regular file, found something else".to_owned()));
    }
    let file = open(path).map_err(|error| fail(error.to_string()))?;
    // It may have become one since, and would then be read for as long as somebody writes.
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Err(fail("expected a regular file, found something else".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(cap.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| fail(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|found| found <= cap) {
        Ok(bytes)
    } else {
        Err(fail(format!("expected at most {cap} bytes, found more")))
    }
}

/// Opens without waiting for a writer, should it be a pipe by now.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Reads a regular file of UTF-8 text of at most `cap` bytes.
///
/// # Errors
/// Those of [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, cap: u64) -> Result<String, FileError> {
    text(path, read(path, cap)?)
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, FileError> {
    String::from_utf8(bytes).map_err(|error| {
        FileError::new(path, "read", format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
    })
}

/// Where the operator's files are read from: the disk, or the record of an earlier verdict.
pub trait Files {
    /// The file's bytes, at most `cap` of them.
    ///
    /// # Errors
    /// When there is no such file, or it can't be read, or is larger.
    fn read(&self, path: &Path, cap: u64) -> Result<Vec<u8>, FileError>;

    /// The same as UTF-8 text.
    ///
    /// # Errors
    /// Those of [`read`](Self::read), and when it is not UTF-8.
    fn read_text(&self, path: &Path, cap: u64) -> Result<String, FileError> {
        text(path, self.read(path, cap)?)
    }
}

/// The files of this machine.
#[derive(Debug, Clone, Copy)]
pub struct OnDisk;

impl Files for OnDisk {
    fn read(&self, path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
        read(path, cap)
    }
}

/// Files that somebody kept, by path.
impl Files for BTreeMap<PathBuf, Vec<u8>> {
    fn read(&self, path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
        let fail = |why: String| FileError::new(path, "read", why);
        let bytes = self.get(path).ok_or_else(|| fail("it is not in the record".to_owned()))?;
        match u64::try_from(bytes.len()).is_ok_and(|found| found <= cap) {
            true => Ok(bytes.clone()),
            false => Err(fail(format!("expected at most {cap} bytes, found more"))),
        }
    }
}

/// Remembers all that is read through it, in the order of reading.
pub struct Remembering<'f> {
    files: &'f dyn Files,
    seen: RefCell<Vec<(PathBuf, Vec<u8>)>>,
}

impl<'f> Remembering<'f> {
    /// Reads from `files`.
    pub fn new(files: &'f dyn Files) -> Self {
        Self { files, seen: RefCell::default() }
    }

    /// What was read.
    pub fn seen(self) -> Vec<(PathBuf, Vec<u8>)> {
        self.seen.into_inner()
    }
}

impl Files for Remembering<'_> {
    fn read(&self, path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
        let bytes = self.files.read(path, cap)?;
        self.seen.borrow_mut().push((path.to_owned(), bytes.clone()));
        Ok(bytes)
    }
}

/// What may happen to a file that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and writing fails.
    Keep,
    /// It is replaced.
    Replace,
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// The owner alone.
    Owner,
    /// Whoever the process's mask lets.
    Everyone,
}

/// Writes a file under its name only once it is whole and on the disk.
///
/// # Errors
/// When any step fails; the name then holds what it held before.
pub fn write(path: &Path, bytes: &[u8], existing: Existing, readers: Readers) -> Result<(), FileError> {
    let fail = |error: io::Error| FileError::new(path, "write", error);
    // The last step gives the name to another file. That must not take away a device, a pipe or somebody's link.
    if existing == Existing::Replace && path.symlink_metadata().is_ok_and(|meta| !meta.is_file()) {
        let why = "something else is there; expected a regular file or none";
        return Err(FileError::new(path, "write", why));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dropgate-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if readers == Readers::Owner { 0o600 } else { 0o666 };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(directory).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    match existing {
        Existing::Keep => file.persist_noclobber(path),
        Existing::Replace => file.persist(path),
    }
    .map_err(|error| fail(error.error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(fail)
}

/// Whether `path` lies within `directory`, or leads through a link that does: where the path ends is then up to
/// whoever can write the directory.
///
/// # Errors
/// When either does not exist or can't be resolved.
pub fn lies_within(path: &Path, directory: &Path) -> Result<bool, FileError> {
    let resolve = |path: &Path| path.canonicalize().map_err(|error| FileError::new(path, "find", error));
    let directory = resolve(directory)?;
    let absolute = std::path::absolute(path).map_err(|error| FileError::new(path, "find", error))?;
    let mut here = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => {
                here.pop();
            }
            component => {
                let next = here.join(component);
                if next.is_symlink() && here.starts_with(&directory) {
                    return Ok(true);
                }
                here = resolve(&next)?;
            }
        }
    }
    Ok(here.starts_with(&directory))
}

/// The path without links, of something that need not be there: as much of it as is there is resolved, and the rest added.
///
/// # Errors
/// When what is there can't be resolved.
pub fn resolved(path: &Path) -> Result<PathBuf, FileError> {
    let absolute = std::path::absolute(path).map_err(|error| FileError::new(path, "find", error))?;
    for there in absolute.ancestors() {
        match there.canonicalize() {
            Ok(resolved) => return Ok(resolved.join(absolute.strip_prefix(there).unwrap_or(Path::new("")))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(FileError::new(path, "find", error)),
        }
    }
    Ok(absolute)
}

/// The directory that a file's name is in or will be: a file that is written takes the place of a link, and does not follow it.
pub fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether two paths are one name in one directory, whichever way leads there.
///
/// # Errors
/// When a directory can't be resolved.
pub fn same_name(one: &Path, other: &Path) -> Result<bool, FileError> {
    Ok(one.file_name() == other.file_name() && resolved(directory_of(one))? == resolved(directory_of(other))?)
}

/// Whether others than the owner may read the file.
pub fn readable_by_others(meta: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        meta.permissions().mode() & 0o077 != 0
    }
    #[cfg(not(unix))]
    {
        let _ = meta;
        false
    }
}
