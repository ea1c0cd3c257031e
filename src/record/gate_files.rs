//! The files of a gate, as the record keeps them.

use super::RecordError;
use crate::files::{FileError, Files};
use crate::gate::Gate;
use crate::ledger::configuration::ConfigurationRefusal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files that `gate` was read from, each under the name by which the gate, read from the record alone, asks for it: a path
/// as the operator wrote it, absolute or beginning with `./`, is not the one that is left when the gate's directory is taken away.
/// So the gate is read once more, from these files and no others.
///
/// # Errors
/// When it can't be read from them: then nobody could judge by it later. When a file was two while it was read.
pub(super) fn gate_files(gate: &Gate, gate_file: &Path) -> Result<Vec<(String, Vec<u8>)>, RecordError> {
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for (path, bytes) in gate.documents() {
        // It changed between two readings: no one gate judged.
        if files.insert(path.clone(), bytes.clone()).is_some_and(|other| other != *bytes) {
            return Err(ConfigurationRefusal::Twice { name: path.to_string_lossy().into_owned() }.into());
        }
    }
    let kept = Beside { directory: gate_file.parent().unwrap_or(Path::new("")), files };
    let name = gate_file.file_name().map_or(gate_file, Path::new);
    let gate = Gate::load(name, &kept)?;
    let named = |(path, bytes): &(PathBuf, Vec<u8>)| (path.to_string_lossy().into_owned(), bytes.clone());
    Ok(gate.documents().iter().map(named).collect())
}

/// Files that were read already, by their paths from a directory.
struct Beside<'d> {
    directory: &'d Path,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Files for Beside<'_> {
    fn read(&self, path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
        self.files.read(&self.directory.join(path), cap)
    }
}
