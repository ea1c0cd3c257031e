//! A disk in memory that knows what is not yet safe: what a power cut may take, and what fails.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

use dropgate::ledger::disk::{Disk, DiskError, Held, Sharing, Written};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Directory(usize),
}

#[derive(Debug, Clone, Default)]
struct Contents {
    now: Arc<Vec<u8>>,
    /// What was synced; nothing as long as nothing was.
    durable: Option<Arc<Vec<u8>>>,
}

#[derive(Debug, Clone, Default)]
struct Names {
    now: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
}

/// All that is on the disk. Directory 0 holds the ledger's own directory under the empty name.
#[derive(Debug, Clone)]
pub struct State {
    files: Vec<Contents>,
    directories: Vec<Names>,
}

/// One change that is not yet safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsafe {
    Name(usize, String),
    File(usize),
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Kept,
    Lost,
    /// Half of the bytes; a name is lost.
    Torn,
    /// As many zeroes as there were bytes; a name is kept.
    Zeroes,
}

impl Default for State {
    fn default() -> Self {
        Self { files: Vec::new(), directories: vec![Names::default()] }
    }
}

impl State {
    fn directory(&self, path: &str) -> Option<usize> {
        let mut here = self.directories[0].now.get("").copied();
        for component in path.split('/').filter(|component| !component.is_empty()) {
            let Some(Node::Directory(at)) = here else { return None };
            here = self.directories[at].now.get(component).copied();
        }
        match here {
            Some(Node::Directory(at)) => Some(at),
            _ => None,
        }
    }

    fn parent<'p>(&self, path: &'p str) -> Option<(usize, &'p str)> {
        if path.is_empty() {
            return Some((0, ""));
        }
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        Some((self.directory(directory)?, name))
    }

    fn node(&self, path: &str) -> Option<Node> {
        let (parent, name) = self.parent(path)?;
        self.directories[parent].now.get(name).copied()
    }

    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        match self.node(path) {
            Some(Node::File(file)) => Some(self.files[file].now.to_vec()),
            _ => None,
        }
    }

    /// The same for the same files with the same bytes.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        self.hash_directory(0, &mut hasher);
        hasher.finish()
    }

    fn hash_directory(&self, at: usize, hasher: &mut std::hash::DefaultHasher) {
        for (name, node) in &self.directories[at].now {
            name.hash(hasher);
            match node {
                Node::File(file) => self.files[*file].now.hash(hasher),
                Node::Directory(inner) => self.hash_directory(*inner, hasher),
            }
        }
        hasher.write_u8(0xff);
    }

    /// Everything that a power cut may take now.
    pub fn unsafe_changes(&self) -> Vec<Unsafe> {
        let mut found = Vec::new();
        for (at, names) in self.directories.iter().enumerate() {
            for name in names.now.keys().chain(names.durable.keys()) {
                let change = Unsafe::Name(at, name.clone());
                if names.now.get(name) != names.durable.get(name) && !found.contains(&change) {
                    found.push(change);
                }
            }
        }
        for (at, file) in self.files.iter().enumerate() {
            if file.durable.as_ref() != Some(&file.now) {
                found.push(Unsafe::File(at));
            }
        }
        found
    }

    /// What is there after a power cut; `fate` says what becomes of each unsafe change, in their order.
    pub fn after_cut(&self, fate: &mut dyn FnMut(usize) -> Fate) -> Self {
        let mut after = self.clone();
        for (number, change) in self.unsafe_changes().into_iter().enumerate() {
            let fate = fate(number);
            match change {
                Unsafe::Name(directory, name) => {
                    let names = &mut after.directories[directory];
                    if matches!(fate, Fate::Lost | Fate::Torn) {
                        match names.durable.get(&name) {
                            Some(node) => names.now.insert(name, *node),
                            None => names.now.remove(&name),
                        };
                    }
                }
                Unsafe::File(file) => {
                    let now = &self.files[file].now;
                    let left = match fate {
                        Fate::Kept => now.to_vec(),
                        Fate::Lost => self.files[file].durable.as_ref().map_or(Vec::new(), |d| d.to_vec()),
                        Fate::Torn => now[..now.len() / 2].to_vec(),
                        Fate::Zeroes => vec![0; now.len()],
                    };
                    after.files[file].now = Arc::new(left);
                }
            }
        }
        for names in &mut after.directories {
            names.durable = names.now.clone();
        }
        for file in &mut after.files {
            file.durable = Some(Arc::clone(&file.now));
        }
        after
    }
}

/// An operation that is to fail: which, by its number, and how.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    pub at: usize,
    pub kind: ErrorKind,
    /// All after it fail too.
    pub lasting: bool,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    /// By path: `true` exclusively.
    locks: BTreeMap<String, (bool, usize)>,
    operations: usize,
    failure: Option<Failure>,
    failed: Option<String>,
    /// The state before every operation that changes something, where they are kept.
    history: Option<Vec<State>>,
}

#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

impl Memory {
    pub fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(Inner { state, ..Inner::default() })))
    }

    pub fn remembering() -> Self {
        Self(Arc::new(Mutex::new(Inner { history: Some(Vec::new()), ..Inner::default() })))
    }

    pub fn failing(&self, failure: Option<Failure>) {
        let mut inner = self.inner();
        inner.failure = failure;
        inner.operations = 0;
        inner.failed = None;
    }

    /// How many operations there were since [`failing`](Self::failing).
    pub fn operations(&self) -> usize {
        self.inner().operations
    }

    /// What failed.
    pub fn failed(&self) -> Option<String> {
        self.inner().failed.clone()
    }

    pub fn state(&self) -> State {
        self.inner().state.clone()
    }

    pub fn history(&self) -> Vec<State> {
        self.inner().history.clone().unwrap()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    fn begin(&self, step: &'static str, path: &str) -> Result<MutexGuard<'_, Inner>, DiskError> {
        let mut inner = self.inner();
        let number = inner.operations;
        inner.operations += 1;
        if let Some(failure) = inner.failure
            && (failure.at == number || (failure.lasting && failure.at < number))
        {
            inner.failed = Some(format!("{step} {path}"));
            return Err(DiskError { step, path: path.to_owned(), why: failure.kind.into() });
        }
        let state = inner.state.clone();
        if !matches!(step, "read" | "list" | "lock")
            && let Some(history) = &mut inner.history
        {
            history.push(state);
        }
        Ok(inner)
    }
}

fn refused(step: &'static str, path: &str, kind: ErrorKind) -> DiskError {
    DiskError { step, path: path.to_owned(), why: Error::from(kind) }
}

#[derive(Debug)]
struct MemoryFile {
    disk: Memory,
    file: usize,
    path: String,
}

impl Written for MemoryFile {
    fn sync(self: Box<Self>) -> Result<(), DiskError> {
        let begun = self.disk.begin("sync", &self.path);
        let mut inner = match begun {
            Ok(inner) => inner,
            Err(error) => {
                // The kernel drops what it could not write.
                let mut inner = self.disk.inner();
                let file = &mut inner.state.files[self.file];
                file.now = Arc::new(file.now[..file.now.len() / 2].to_vec());
                return Err(error);
            }
        };
        let file = &mut inner.state.files[self.file];
        file.durable = Some(Arc::clone(&file.now));
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryLock(Memory, String);

impl Held for MemoryLock {
    fn keeps_others_out(&self) -> bool {
        true
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        let (_, holders) = inner.locks.get_mut(&self.1).unwrap();
        *holders -= 1;
    }
}

impl Disk for Memory {
    fn read(&self, path: &str, at_most: u64) -> Result<Option<Vec<u8>>, DiskError> {
        let inner = self.begin("read", path)?;
        let bytes = inner.state.read(path);
        Ok(bytes.map(|mut bytes| {
            bytes.truncate(at_most as usize);
            bytes
        }))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError> {
        let inner = self.begin("list", directory)?;
        let found = inner.state.directory(directory);
        Ok(found.map_or(Vec::new(), |at| inner.state.directories[at].now.keys().cloned().collect()))
    }

    fn make_directory(&self, directory: &str) -> Result<bool, DiskError> {
        let mut inner = self.begin("mkdir", directory)?;
        let state = &mut inner.state;
        match state.node(directory) {
            Some(Node::Directory(_)) => Ok(false),
            Some(Node::File(_)) => Err(refused("mkdir", directory, ErrorKind::AlreadyExists)),
            None => {
                let parent = state.parent(directory);
                let (parent, name) = parent.ok_or(refused("mkdir", directory, ErrorKind::NotFound))?;
                state.directories.push(Names::default());
                let node = Node::Directory(state.directories.len() - 1);
                state.directories[parent].now.insert(name.to_owned(), node);
                // The name of the ledger's own directory is made durable with it.
                if directory.is_empty() {
                    state.directories[0].durable.insert(String::new(), node);
                }
                Ok(true)
            }
        }
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<Box<dyn Written>, DiskError> {
        let begun = self.begin("write", path);
        let (mut inner, error) = match begun {
            Ok(inner) => (inner, None),
            Err(error) => (self.inner(), Some(error)),
        };
        let state = &mut inner.state;
        let Some((parent, name)) = state.parent(path) else {
            return Err(refused("write", path, ErrorKind::NotFound));
        };
        let file = match state.directories[parent].now.get(name) {
            Some(Node::File(file)) => *file,
            Some(Node::Directory(_)) => return Err(refused("write", path, ErrorKind::IsADirectory)),
            None => {
                state.files.push(Contents::default());
                let file = state.files.len() - 1;
                state.directories[parent].now.insert(name.to_owned(), Node::File(file));
                file
            }
        };
        let taken = if error.is_some() { &bytes[..bytes.len() / 2] } else { bytes };
        state.files[file].now = Arc::new(taken.to_vec());
        match error {
            Some(error) => Err(error),
            None => Ok(Box::new(MemoryFile { disk: self.clone(), file, path: path.to_owned() })),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        let mut inner = self.begin("rename", to)?;
        let state = &mut inner.state;
        let missing = || refused("rename", to, ErrorKind::NotFound);
        let (source, old) = state.parent(from).ok_or_else(missing)?;
        let (target, new) = state.parent(to).ok_or_else(missing)?;
        let node = state.directories[source].now.remove(old).ok_or_else(missing)?;
        state.directories[target].now.insert(new.to_owned(), node);
        Ok(())
    }

    fn sync_file(&self, path: &str) -> Result<(), DiskError> {
        let mut inner = self.begin("sync", path)?;
        let Some(Node::File(file)) = inner.state.node(path) else {
            return Err(refused("sync", path, ErrorKind::NotFound));
        };
        let file = &mut inner.state.files[file];
        file.durable = Some(Arc::clone(&file.now));
        Ok(())
    }

    fn sync_directory(&self, directory: &str) -> Result<(), DiskError> {
        let mut inner = self.begin("sync directory", directory)?;
        let Some(at) = inner.state.directory(directory) else {
            return Err(refused("sync directory", directory, ErrorKind::NotFound));
        };
        let names = &mut inner.state.directories[at];
        names.durable = names.now.clone();
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), DiskError> {
        let mut inner = self.begin("remove", path)?;
        if let Some((parent, name)) = inner.state.parent(path) {
            inner.state.directories[parent].now.remove(name);
        }
        Ok(())
    }

    fn remove_directory(&self, directory: &str) -> Result<(), DiskError> {
        let mut inner = self.begin("rmdir", directory)?;
        let state = &mut inner.state;
        let Some(at) = state.directory(directory) else { return Ok(()) };
        if !state.directories[at].now.is_empty() {
            return Err(refused("rmdir", directory, ErrorKind::DirectoryNotEmpty));
        }
        let (parent, name) = state.parent(directory).unwrap();
        state.directories[parent].now.remove(name);
        Ok(())
    }

    fn lock(&self, path: &str, sharing: Sharing, wait: Duration) -> Result<Option<Box<dyn Held>>, DiskError> {
        let started = Instant::now();
        {
            let mut inner = self.begin("lock", path)?;
            let (parent, name) = inner.state.parent(path).unwrap();
            if inner.state.node(path).is_none() {
                inner.state.files.push(Contents::default());
                let file = Node::File(inner.state.files.len() - 1);
                inner.state.directories[parent].now.insert(name.to_owned(), file);
            }
        }
        loop {
            {
                let mut inner = self.inner();
                let (exclusive, holders) = inner.locks.entry(path.to_owned()).or_default();
                if *holders == 0 || (!*exclusive && sharing == Sharing::Shared) {
                    *exclusive = sharing == Sharing::Exclusive;
                    *holders += 1;
                    return Ok(Some(Box::new(MemoryLock(self.clone(), path.to_owned()))));
                }
            }
            if started.elapsed() >= wait {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn shown(&self, path: &str) -> String {
        path.to_owned()
    }
}
