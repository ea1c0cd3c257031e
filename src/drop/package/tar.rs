//! Tar archives, as they are and compressed as a whole: v7, ustar, pax, and GNU's with its long names.
//!
//! Phases: the archive is read once from its first byte to its last, and every entry is listed. What is not compressed is
//! passed over by its size, and read by position when somebody asks. What is compressed goes by once: every file is hashed
//! by SHA-256 while another thread unpacks, and small files are kept. Whoever asks for more gets it from a further pass, and
//! only if that gives the same digest.
//!
//! Tar has no directory of its contents, and so nothing that an entry could be compared with; what is compared is the several
//! ways in which one entry can be described. Whatever two readers could take for different things is odd.

mod fault;
mod header;
mod members;
mod pax;

pub use fault::{Fault, Keyword};
pub(super) use header::BLOCK;
pub(super) use members::{Feed, Stop};

use super::Outer;
use super::compressed::Packing;
use super::compressed::pipe::unpacking;
use super::names::{Names, What};
use super::window::Window;
use crate::digest::{Algorithm, Algorithms, Computed, DigestSet, Hashers};
use crate::drop::path::DropPath;
use crate::drop::schedule::{self, Outcome};
use crate::drop::{Disturbance, Entry, Inventory, Oddity, Place, Progress, SourceError, Wanted};
use crate::limits;
use members::{Kind, Members};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

/// Where an entry's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::drop) struct Member {
    /// Of the archive, unpacked.
    at: u64,
    /// Which file of the archive it is, from 0.
    number: u32,
}

impl Member {
    /// The bytes of an entry of an archive that is not compressed.
    pub(super) fn stored(self, window: &Window, size: u64) -> Option<Window> {
        window.part(self.at, size)
    }
}

/// What was learned of a compressed archive while it was listed.
#[derive(Debug, Default)]
pub(super) struct Memory {
    learned: RwLock<Arc<Learned>>,
    /// Bytes that further passes unpacked.
    repeated: AtomicU64,
}

#[derive(Debug, Default)]
struct Learned {
    /// The SHA-256 of each file, by its number.
    digests: Vec<DigestSet<Computed>>,
    /// The bytes of small files, by number.
    kept: HashMap<u32, Box<[u8]>>,
    kept_bytes: u64,
    kept_papers: u64,
}

impl Memory {
    fn learned(&self) -> Arc<Learned> {
        Arc::clone(&self.learned.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a further pass. A thousand files that are read one by one would cost a thousand passes.
    fn count(&self, window: &Window, shown: &str, bytes: u64) -> Result<(), SourceError> {
        let so_far = self.repeated.fetch_add(bytes, Relaxed);
        let most =
            limits::UNPACKED_AGAIN_BYTES.max(window.size().saturating_mul(limits::UNPACKED_AGAIN_RATIO));
        if so_far > most {
            let root = shown.to_owned();
            return Err(SourceError::TooMany { root, what: "bytes to unpack once more", most });
        }
        Ok(())
    }
}

/// An archive and how its file is packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Archive<'p> {
    pub(super) window: &'p Window,
    /// `None` where it is not compressed.
    pub(super) packing: Option<Packing>,
    pub(super) outer: &'p Outer,
    pub(super) memory: &'p Memory,
    /// What it is called, escaped.
    pub(super) shown: &'p str,
}

/// Whether these bytes of a file, its first, are the header of an entry.
pub(super) fn is_one(start: &[u8]) -> bool {
    start.first_chunk().is_some_and(header::is_one)
}

fn sha256() -> Algorithms {
    Algorithms::default().with(Algorithm::Sha256)
}

impl Archive<'_> {
    pub(super) fn inventory(self) -> Result<Inventory, SourceError> {
        let mut listing = Listing {
            names: Names::of(self.shown),
            learned: Learned::default(),
            number: 0,
            reads: self.packing.is_some(),
        };
        let listed = match self.packing {
            Some(packing) => unpacking(self.window, packing, self.shown, |feed| listing.list(feed))?,
            None => listing.list(Plain::new(self.window, self.shown)),
        };
        match listed {
            Ok(()) => {}
            Err(Stop::Odd(oddity)) => listing.names.whole(oddity),
            Err(Stop::Changed) => listing.names.unsettled(),
            Err(Stop::Failed(error)) => return Err(error),
        }
        let mut learned = listing.learned;
        learned.digests.shrink_to_fit();
        *self.memory.learned.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(learned);
        listing.names.finish()
    }

    pub(super) fn stream(self, entry: &Entry, sink: &mut dyn FnMut(&[u8])) -> Outcome<()> {
        let Place::Tar(member) = entry.place else { return Ok(Err(Disturbance::Replaced)) };
        if self.packing.is_none() {
            let mut buffer = vec![0; limits::READ_BUFFER_BYTES];
            return Reading::begin(self, entry, member).through(&mut buffer, sink);
        }
        let learned = self.memory.learned();
        if let Some(kept) = learned.kept.get(&member.number) {
            sink(kept);
            return Ok(Ok(()));
        }
        self.memory.count(self.window, self.shown, member.at.saturating_add(entry.size))?;
        let mut hashers = Hashers::new(sha256());
        let streamed = self.again([(entry, member)].into_iter(), |_, bytes| {
            hashers.update(bytes);
            sink(bytes);
        })?;
        let same = streamed && learned.digests.get(member.number as usize) == Some(&hashers.finish());
        Ok(if same { Ok(()) } else { Err(Disturbance::Changed) })
    }

    pub(super) fn digest(
        self,
        wanted: &[Wanted<'_>],
        progress: &dyn Progress,
    ) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
        if self.packing.is_some() {
            return self.digest_unpacked(wanted, progress);
        }
        schedule::each(wanted, usize::MAX, progress, |wanted, buffer| {
            let Place::Tar(member) = wanted.entry.place else { return Ok(Err(Disturbance::Replaced)) };
            let mut hashers = Hashers::new(wanted.algorithms);
            let read = Reading::begin(self, wanted.entry, member).through(buffer, &mut |bytes| {
                hashers.update(bytes);
                progress.read(bytes.len() as u64);
            })?;
            Ok(read.map(|()| hashers.finish()))
        })
    }

    /// What the listing computed, and a further pass for other algorithms.
    fn digest_unpacked(
        self,
        wanted: &[Wanted<'_>],
        progress: &dyn Progress,
    ) -> Result<Vec<Result<DigestSet<Computed>, Disturbance>>, SourceError> {
        let bytes = wanted.iter().fold(0_u64, |sum, wanted| sum.saturating_add(wanted.entry.size));
        progress.total(wanted.len() as u64, bytes);
        let learned = self.memory.learned();
        let mut answers = Vec::with_capacity(wanted.len());
        let mut further = Vec::new();
        for (index, wanted) in wanted.iter().enumerate() {
            let known = match wanted.entry.place {
                Place::Tar(member) => {
                    learned.digests.get(member.number as usize).map(|digest| (member, digest))
                }
                Place::Disk(_) | Place::Zip(_) => None,
            };
            let Some((member, digest)) = known else {
                answers.push(Err(Disturbance::Replaced));
                continue;
            };
            if wanted.algorithms == sha256() {
                answers.push(Ok(digest.clone()));
                progress.read(wanted.entry.size);
                progress.file_done();
            } else {
                // Until it is read again, and found to be the same.
                answers.push(Err(Disturbance::Changed));
                further.push((index, *wanted, member, digest));
            }
        }
        further.sort_by_key(|(_, _, member, _)| member.at);
        if let Some((_, last, member, _)) = further.last() {
            self.memory.count(self.window, self.shown, member.at.saturating_add(last.entry.size))?;
            let mut hashing = Again::default();
            // What was not reached stays as it stands: changed.
            self.again(further.iter().map(|(_, wanted, member, _)| (wanted.entry, *member)), {
                let further = &further;
                let (hashing, answers) = (&mut hashing, &mut answers);
                move |number, bytes| {
                    let Some((index, wanted, _, digest)) = further.get(number) else { return };
                    hashing.take(wanted, bytes, progress);
                    if hashing.read == wanted.entry.size {
                        if let Some(answer) = answers.get_mut(*index) {
                            *answer = hashing.finish(wanted, digest);
                        }
                        progress.file_done();
                    }
                }
            })?;
        }
        Ok(answers)
    }

    /// Unpacks once more, and gives the bytes of these files, which are in the order of the archive, with their place
    /// in that order. A file without bytes is told by giving none. `false` when the archive is not what it was.
    fn again<'e>(
        self,
        files: impl Iterator<Item = (&'e Entry, Member)>,
        mut sink: impl FnMut(usize, &[u8]),
    ) -> Result<bool, SourceError> {
        let Some(packing) = self.packing else { return Ok(false) };
        let read = unpacking(self.window, packing, self.shown, |mut feed| -> Result<bool, Stop> {
            let mut at = 0_u64;
            for (number, (entry, member)) in files.enumerate() {
                let Some(before) = member.at.checked_sub(at) else { return Ok(false) };
                if feed.skip(before)? < before {
                    return Ok(false);
                }
                let mut left = entry.size;
                if left == 0 {
                    sink(number, &[]);
                }
                while left > 0 {
                    let bytes = feed.next(usize::try_from(left).unwrap_or(usize::MAX))?;
                    if bytes.is_empty() {
                        return Ok(false);
                    }
                    left = left.saturating_sub(bytes.len() as u64);
                    sink(number, bytes);
                }
                at = member.at.saturating_add(entry.size);
            }
            Ok(true)
        })?;
        match read {
            Ok(whole) => Ok(whole),
            // It was listed, so it could be unpacked then.
            Err(Stop::Odd(_) | Stop::Changed) => Ok(false),
            Err(Stop::Failed(error)) => Err(error),
        }
    }
}

/// An entry of an archive that is not compressed, which is read where it lies.
struct Reading<'d> {
    archive: Archive<'d>,
    entry: &'d Entry,
    at: u64,
    left: u64,
}

impl<'d> Reading<'d> {
    fn begin(archive: Archive<'d>, entry: &'d Entry, member: Member) -> Self {
        Self { archive, entry, at: member.at, left: entry.size }
    }

    /// Puts the next bytes at the start of the buffer, and says how many. None are left where it says none, and only
    /// then are all of them known to be the listed file's.
    fn next(&mut self, buffer: &mut [u8]) -> Outcome<usize> {
        let failed = |why| unreadable("read", self.entry.path.to_string(), why);
        if self.left == 0 {
            let unchanged = self.archive.outer.is_unchanged().map_err(failed)?;
            return Ok(if unchanged { Ok(0) } else { Err(Disturbance::Changed) });
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let room = buffer.get_mut(..most).unwrap_or_default();
        let read = self.archive.window.read_at(self.at, room).map_err(failed)?.len();
        self.at = self.at.saturating_add(read as u64);
        self.left = self.left.saturating_sub(read as u64);
        Ok(if read == 0 { Err(Disturbance::Changed) } else { Ok(read) })
    }

    fn through(mut self, buffer: &mut [u8], sink: &mut dyn FnMut(&[u8])) -> Outcome<()> {
        loop {
            match self.next(buffer)? {
                Ok(0) => return Ok(Ok(())),
                Ok(read) => sink(buffer.get(..read).unwrap_or_default()),
                Err(disturbance) => return Ok(Err(disturbance)),
            }
        }
    }
}

/// One file of a further pass.
#[derive(Default)]
struct Again {
    hashers: Option<(Hashers, Hashers)>,
    read: u64,
}

impl Again {
    fn take(&mut self, wanted: &Wanted<'_>, bytes: &[u8], progress: &dyn Progress) {
        let (asked, known) =
            self.hashers.get_or_insert_with(|| (Hashers::new(wanted.algorithms), Hashers::new(sha256())));
        asked.update(bytes);
        if !wanted.algorithms.contains(Algorithm::Sha256) {
            known.update(bytes);
        }
        self.read = self.read.saturating_add(bytes.len() as u64);
        progress.read(bytes.len() as u64);
    }

    /// The digests that were asked for, if the bytes are those that were listed.
    fn finish(
        &mut self,
        wanted: &Wanted<'_>,
        listed: &DigestSet<Computed>,
    ) -> Result<DigestSet<Computed>, Disturbance> {
        self.read = 0;
        let (asked, known) = self.hashers.take().ok_or(Disturbance::Changed)?;
        let asked = asked.finish();
        let same = if wanted.algorithms.contains(Algorithm::Sha256) {
            asked.by(Algorithm::Sha256) == listed.by(Algorithm::Sha256)
        } else {
            known.finish() == *listed
        };
        if same { Ok(asked) } else { Err(Disturbance::Changed) }
    }
}

/// What is found while an archive is listed.
struct Listing {
    names: Names,
    learned: Learned,
    number: u32,
    /// Whether contents are hashed in passing.
    reads: bool,
}

impl Listing {
    fn list(&mut self, feed: impl Feed) -> Result<(), Stop> {
        let mut members = Members::new(feed);
        while let Some(member) = members.next()? {
            let what = match member.kind {
                Kind::Odd(oddity) => {
                    members.pass_over(member.size)?;
                    What::Odd(oddity)
                }
                // The drop's own directory.
                Kind::Directory if member.name.is_empty() => continue,
                Kind::Directory => What::Directory,
                Kind::File => match self.file(&mut members, &member) {
                    Ok(what) => what,
                    Err(stop) => {
                        // Which file it was, beside where.
                        if let Stop::Odd(oddity) = &stop {
                            self.names.add(&member.name, What::Odd(*oddity))?;
                        }
                        return Err(stop);
                    }
                },
            };
            self.names.add(&member.name, what)?;
        }
        Ok(())
    }

    fn file<F: Feed>(&mut self, members: &mut Members<F>, member: &members::Member) -> Result<What, Stop> {
        let fault = if self.reads { self.read(members, member)? } else { members.pass_over(member.size)? };
        let place = Place::Tar(Member { at: member.at, number: self.number });
        self.number = self.number.saturating_add(1);
        Ok(match fault {
            Some(fault) => What::Odd(Oddity::Tar(fault)),
            None => What::File { size: member.size, place },
        })
    }

    fn read<F: Feed>(
        &mut self,
        members: &mut Members<F>,
        member: &members::Member,
    ) -> Result<Option<Fault>, Stop> {
        let mut hashers = Hashers::new(sha256());
        let mut kept = self.learned.has_room_for(member).then(Vec::new);
        let fault = members.contents(member.size, &mut |bytes| {
            hashers.update(bytes);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(bytes);
            }
            Ok(())
        })?;
        self.learned.digests.push(hashers.finish());
        if let Some(kept) = kept {
            self.learned.kept.insert(self.number, kept.into_boxed_slice());
        }
        Ok(fault)
    }
}

impl Learned {
    /// Whether a file is kept. It counts as kept from here on.
    fn has_room_for(&mut self, member: &members::Member) -> bool {
        let (held, each, all) = if is_paper(&member.name) {
            (&mut self.kept_papers, limits::KEPT_PAPER_BYTES, limits::KEPT_PAPERS_BYTES)
        } else {
            (&mut self.kept_bytes, limits::KEPT_FILE_BYTES, limits::KEPT_FILES_BYTES)
        };
        // As long as an entry in a map is: a million empty files cost memory too.
        let held_then = held.saturating_add(member.size).saturating_add(size_of::<(u32, Box<[u8]>)>() as u64);
        let has_room = member.size <= each && held_then <= all;
        if has_room {
            *held = held_then;
        }
        has_room
    }
}

/// Whether this is likely a manifest, a signature, a statement or a report, by its name. It decides what is kept in memory
/// and nothing else.
fn is_paper(name: &[u8]) -> bool {
    const ENDINGS: [&str; 17] = [
        "json", "mf", "meta", "sha256", "sha512", "sig", "asc", "gpg", "minisig", "p7s", "cms", "pem", "crt",
        "cer", "xml", "sarif", "tap",
    ];
    let Ok(path) = DropPath::from_bytes(name) else { return false };
    let name = path.components().next_back().unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    ENDINGS.contains(&ending.as_str()) || name.contains("SUMS") || matches!(name, "Release" | "InRelease")
}

/// An archive that is not compressed: only headers and what is near them is read.
struct Plain<'p> {
    window: &'p Window,
    /// Where the next byte is.
    at: u64,
    buffer: Vec<u8>,
    /// The part of the buffer that was not given yet.
    from: usize,
    to: usize,
    shown: &'p str,
}

impl<'p> Plain<'p> {
    fn new(window: &'p Window, shown: &'p str) -> Self {
        Self { window, at: 0, buffer: vec![0; limits::TAR_READ_AHEAD_BYTES], from: 0, to: 0, shown }
    }
}

impl Feed for Plain<'_> {
    fn next(&mut self, most: usize) -> Result<&[u8], Stop> {
        if self.from == self.to {
            let read = self.window.read_at(self.at, &mut self.buffer);
            let read = read.map_err(|why| unreadable("read", self.shown.to_owned(), why))?.len();
            if read == 0 && self.at < self.window.size() {
                return Err(Stop::Changed);
            }
            (self.from, self.to) = (0, read);
        }
        let to = self.from.saturating_add(most).min(self.to);
        let bytes = self.buffer.get(self.from..to).unwrap_or_default();
        self.from = to;
        self.at = self.at.saturating_add(bytes.len() as u64);
        Ok(bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<u64, Stop> {
        let bytes = bytes.min(self.window.size().saturating_sub(self.at));
        self.at = self.at.saturating_add(bytes);
        let from = usize::try_from(bytes).ok().and_then(|bytes| self.from.checked_add(bytes));
        match from.filter(|from| *from <= self.to) {
            Some(from) => self.from = from,
            None => (self.from, self.to) = (0, 0),
        }
        Ok(bytes)
    }
}

fn unreadable(doing: &'static str, shown: String, why: io::Error) -> SourceError {
    SourceError::Unreadable { doing, shown, why }
}
