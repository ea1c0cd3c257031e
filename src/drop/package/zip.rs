//! Zip packages, and what is named otherwise and is one: CSAR, JAR. PKWARE's APPNOTE.TXT 6.3.10, strictly.
//!
//! A zip file says everything twice: each entry has a header before its data, and another in the central directory at
//! the end. Readers differ in which they believe, and in what they do with bytes that neither speaks of, so that one
//! file can hold one thing for whoever checks it and another for whoever installs it. Here both must agree, and the
//! entries must fill the file from its first byte to the central directory, each once, with nothing else in it.
//!
//! Phases: the end records tell where the central directory is; its headers are read; each entry's own header, and what
//! follows its data, is held to them in the order of the file; what is left are files, unpacked and checked as they are read.

mod ahead;
mod central;
mod end;
mod extra;
mod fault;
mod fields;
mod glance;
mod hashing;
mod listing;
mod local;
mod unpack;

pub use fault::Fault;

use super::Outer;
use super::window::Window;
use crate::digest::{Computed, DigestSet};
use crate::drop::pairs::Reads;
use crate::drop::schedule::Outcome;
use crate::drop::{Disturbance, Entry, Inventory, Progress, SourceError, Wanted};
use crate::limits;
use glance::Halt;
use std::io;
use unpack::Reading;

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

impl Method {
    const ALL: [Self; 2] = [Self::Stored, Self::Deflate];

    const fn number(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Deflate => 8,
        }
    }

    fn numbered(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.number() == number)
    }
}

impl Member {
    /// The bytes of an entry that is stored as it is.
    pub(super) fn stored(&self, window: &Window) -> Option<Window> {
        window.part(self.at, self.packed).filter(|_| self.method == Method::Stored)
    }
}

/// Whether it starts like a zip package, or ends like one: what was put before one makes it no other kind of file.
pub(super) fn is_one(window: &Window) -> io::Result<bool> {
    let mut start = [0; 4];
    if matches!(window.read_at(0, &mut start)?, b"PK\x03\x04" | b"PK\x05\x06") {
        return Ok(true);
    }
    match end::place(window) {
        Ok(_) | Err(Halt::Faulty(Fault::TwoEnds { .. } | Fault::CommentWithRecord { .. })) => Ok(true),
        Err(Halt::Unreadable(why)) => Err(why),
        Err(Halt::Faulty(_) | Halt::Short | Halt::Source(_)) => Ok(false),
    }
}

pub(super) fn inventory(window: &Window, shown: &str) -> Result<Inventory, SourceError> {
    listing::inventory(window, shown)
}

pub(super) fn stream(
    window: &Window,
    outer: &Outer,
    entry: &Entry,
    sink: &mut dyn FnMut(&[u8]),
) -> Outcome<()> {
    let mut reading = match Reading::begin(window, outer, entry) {
        Ok(reading) => reading,
        Err(disturbance) => return Ok(Err(disturbance)),
    };
    let mut buffer = vec![0; limits::READ_BUFFER_BYTES];
    loop {
        match reading.next(&mut buffer)? {
            Ok(0) => return Ok(Ok(())),
            Ok(count) => sink(buffer.get(..count).unwrap_or_default()),
            Err(disturbance) => return Ok(Err(disturbance)),
        }
    }
}

pub(super) fn digest(
    window: &Window,
    outer: &Outer,
    wanted: &[Wanted<'_>],
    progress: &dyn Progress,
) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
    hashing::digest(window, outer, wanted, progress)
}
