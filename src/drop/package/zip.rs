//! Zip packages, and what is named otherwise and is one: CSAR, JAR. PKWARE's APPNOTE.TXT 6.3.10, strictly.
//!
//! A zip file says everything twice: each entry has a header before its data, and another in the central directory at
//! the end. Readers differ in which they believe, and in what they do with bytes that neither speaks of, so that one
//! file can hold one thing for whoever checks it and another for whoever installs it. Here both must agree, and the
//! entries must fill the file from its first byte to the central directory, each once, with nothing else in it.

mod fault;

pub use fault::Fault;

use super::Outer;
use super::window::Window;
use crate::digest::{Computed, DigestSet};
use crate::drop::schedule::Outcome;
use crate::drop::{Disturbance, Entry, Inventory, Progress, SourceError, Wanted};
use std::io;

/// Where an entry's packed bytes are, and what they must give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::drop) struct Member {
    at: u64,
    packed: u64,
    crc: u32,
    method: Method,
}

/// How an entry is compressed (4.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored,
    Deflate,
}

impl Member {
    /// The bytes of an entry that is stored as it is.
    pub(super) fn stored(&self, window: &Window) -> Option<Window> {
        window.part(self.at, self.packed).filter(|_| self.method == Method::Stored)
    }
}

pub(super) fn is_one(window: &Window) -> io::Result<bool> {
    let mut start = [0; 4];
    Ok(matches!(window.read_at(0, &mut start)?, b"PK\x03\x04" | b"PK\x05\x06"))
}

pub(super) fn inventory(_window: &Window, shown: &str) -> Result<Inventory, SourceError> {
    Err(SourceError::NoPackage { root: shown.to_owned(), expected: "a reader for it" })
}

pub(super) fn stream(
    _window: &Window,
    _outer: &Outer,
    _entry: &Entry,
    _sink: &mut dyn FnMut(&[u8]),
) -> Outcome<()> {
    Ok(Err(Disturbance::Replaced))
}

pub(super) fn digest(
    _window: &Window,
    _outer: &Outer,
    wanted: &[Wanted<'_>],
    _progress: &dyn Progress,
) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
    Ok(wanted.iter().map(|_| Err(Disturbance::Replaced)).collect())
}
