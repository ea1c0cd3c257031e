//! Hashing the entries of a package, two at a time by each thread, each unpacked where it is hashed.

use super::ahead::Ahead;
use super::unpack::Reading;
use super::{Member, Method};
use crate::digest::{Computed, DigestSet};
use crate::drop::package::Outer;
use crate::drop::package::window::Window;
use crate::drop::pairs::{self, Opens, Reads};
use crate::drop::schedule::Outcome;
use crate::drop::{Disturbance, Entry, Place, Progress, SourceError, Wanted};

/// The smallest entry that is worth a thread of its own, in bytes: some ten times what starting one takes.
const AHEAD_BYTES: u64 = 8 << 20;

struct Entries<'p> {
    window: &'p Window,
    outer: &'p Outer,
    /// Entries of this size and more are unpacked ahead, if any are.
    ahead: Option<u64>,
}

enum Begun<'d> {
    Here(Reading<'d>),
    Ahead(Ahead<'d>),
}

pub(super) fn digest(
    window: &Window,
    outer: &Outer,
    wanted: &[Wanted<'_>],
    progress: &dyn Progress,
) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
    let ahead = ahead(wanted, rayon::current_num_threads());
    pairs::digest(&Entries { window, outer, ahead }, wanted, progress)
}

/// The size of the one entry that is larger than all others together, where a thread would be idle beside it.
fn ahead(wanted: &[Wanted<'_>], threads: usize) -> Option<u64> {
    let sum = wanted.iter().fold(0_u64, |sum, wanted| sum.saturating_add(wanted.entry.size));
    let largest = wanted.iter().map(|wanted| wanted.entry.size).max()?;
    (threads > 1 && largest >= AHEAD_BYTES && largest > sum / 2).then_some(largest)
}

impl Opens for Entries<'_> {
    type Reading<'d>
        = Begun<'d>
    where
        Self: 'd;

    fn begin<'d>(&'d self, entry: &'d Entry) -> Outcome<Begun<'d>> {
        let reading = match Reading::begin(self.window, self.outer, entry) {
            Ok(reading) => reading,
            Err(disturbance) => return Ok(Err(disturbance)),
        };
        let deflated = matches!(entry.place, Place::Zip(Member { method: Method::Deflate, .. }));
        if deflated && self.ahead.is_some_and(|least| entry.size >= least) {
            let started = Ahead::start(reading.unpacking, self.outer, entry).map(Begun::Ahead);
            // Without a thread the entry is begun again here.
            let here = || Reading::begin(self.window, self.outer, entry).map(Begun::Here);
            return Ok(started.map_or_else(here, Ok));
        }
        Ok(Ok(Begun::Here(reading)))
    }

    fn begin_beside<'d>(
        &'d self,
        entry: &'d Entry,
    ) -> Result<Option<Result<Begun<'d>, Disturbance>>, SourceError> {
        // One handle serves all entries.
        self.begin(entry).map(Some)
    }
}

impl Reads for Begun<'_> {
    fn next(&mut self, buffer: &mut [u8]) -> Outcome<usize> {
        match self {
            Self::Here(reading) => reading.next(buffer),
            Self::Ahead(ahead) => ahead.next(buffer),
        }
    }
}
