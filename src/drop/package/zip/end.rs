//! The end of a package, from which everything else is found.
//!
//! Readers look for the end record backwards from the end of the file, forwards from where a comment of the greatest
//! length would start, with and without a look at the length of the comment, and with and without the Zip64 record
//! first. One record must be the answer for all of them: the last signature in the file is that of the one record whose comment
//! ends with the file; nothing in the comment looks like a record; and where a Zip64 locator stands before it, both
//! records say the same.

use super::Fault;
use super::fields::Fields;
use super::glance::{Glance, Halt};
use crate::drop::package::window::Window;
use memchr::memmem;

const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const LOCATOR: u32 = u32::from_le_bytes(*b"PK\x06\x07");
const LOCATOR_BYTES: usize = 20;
const ZIP64_END: u32 = u32::from_le_bytes(*b"PK\x06\x06");
const ZIP64_END_BYTES: usize = 56;
/// What the Zip64 record says of its own size, without extensible data: the rest after this field.
const ZIP64_END_REST: u64 = 44;
const COMMENT_BYTES: usize = u16::MAX as usize;

/// Where the central directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) entries: u64,
    pub(super) at: u64,
    pub(super) end: u64,
}

/// The fields of either end record, widened. `None` stands for "see the Zip64 record".
struct Record {
    volume: Option<u32>,
    directory_volume: Option<u32>,
    entries_here: Option<u64>,
    entries: Option<u64>,
    size: Option<u64>,
    at: Option<u64>,
}

/// The end record's place, whose comment ends with the window. Also tells a package whose start is something else.
pub(super) fn place(window: &Window) -> Result<u64, Halt> {
    let tail_bytes = window.size().min((END_BYTES.saturating_add(COMMENT_BYTES)) as u64);
    let start = window.size().saturating_sub(tail_bytes);
    let mut buffer = vec![0; usize::try_from(tail_bytes).unwrap_or_default()];
    let tail = window.read_at(start, &mut buffer).map_err(Halt::Unreadable)?;
    if tail.len() as u64 != tail_bytes {
        return Err(Halt::Short);
    }
    let absolute = |at: usize| start.saturating_add(at as u64);
    let mut ends = memmem::find_iter(tail, &END).filter(|at| comment(tail, *at).is_some());
    let Some(first) = ends.next() else { return Err(Fault::NoEnd.into()) };
    if let Some(other) = ends.next() {
        return Err(Fault::TwoEnds { at: absolute(other) }.into());
    }
    // Any reader's signature counts here, that of the record itself among them.
    let after = first.saturating_add(1);
    let found = memmem::find_iter(tail.get(after..).unwrap_or_default(), b"PK").find(|at| {
        let signature = tail.get(after.saturating_add(*at)..).unwrap_or_default();
        matches!(
            signature,
            [_, _, 1, 2, ..]
                | [_, _, 3, 4, ..]
                | [_, _, 5, 5 | 6, ..]
                | [_, _, 6, 6 | 7, ..]
                | [_, _, 7, 8, ..]
        )
    });
    match found {
        Some(at) => Err(Fault::CommentWithRecord { at: absolute(after.saturating_add(at)) }.into()),
        None => Ok(absolute(first)),
    }
}

/// The comment of the record at `at`, if it ends with the file.
fn comment(tail: &[u8], at: usize) -> Option<&[u8]> {
    let mut fields = Fields::of(tail.get(at..)?);
    fields.take(END_BYTES.saturating_sub(2))?;
    let length = usize::from(fields.u16()?);
    (fields.rest().len() == length).then(|| fields.rest())
}

pub(super) fn find(window: &Window) -> Result<Directory, Halt> {
    let at = place(window)?;
    let mut glance = Glance::new(window, END_BYTES);
    let bytes = glance.get(at, END_BYTES, window.size())?.unwrap_or_default();
    let record = Record::read(bytes).ok_or(Fault::NoEnd)?;
    let Some(zip64_at) = zip64(&mut glance, at)? else {
        return record.alone().directory(at).map_err(Halt::Faulty);
    };
    let bytes = glance.get(zip64_at, ZIP64_END_BYTES, at)?.unwrap_or_default();
    let wide = Record::read_zip64(bytes)
        .ok_or(Fault::Zip64End { expected: "a Zip64 end record of version 1 right before its locator" })?;
    record.agrees_with(&wide)?;
    wide.directory(zip64_at).map_err(Halt::Faulty)
}

/// Where the Zip64 end record is, if there is one.
fn zip64(glance: &mut Glance<'_>, end: u64) -> Result<Option<u64>, Halt> {
    let Some(locator_at) = end.checked_sub(LOCATOR_BYTES as u64) else { return Ok(None) };
    let mut fields = Fields::of(glance.get(locator_at, LOCATOR_BYTES, end)?.unwrap_or_default());
    if fields.u32() != Some(LOCATOR) {
        return Ok(None);
    }
    let (volume, at, volumes) = (fields.u32(), fields.u64(), fields.u32());
    if let Some(found) = volume.filter(|volume| *volume != 0).or(volumes.filter(|volumes| *volumes != 1)) {
        return Err(Fault::Volumes { found }.into());
    }
    let right_before = locator_at.checked_sub(ZIP64_END_BYTES as u64);
    if at != right_before || at.is_none() {
        return Err(Fault::Zip64End { expected: "a locator of the record right before it" }.into());
    }
    Ok(at)
}

impl Record {
    /// The end of central directory record (4.3.16).
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::of(bytes);
        fields.take(END.len())?;
        let short = |value: u16| (value != u16::MAX).then_some(value);
        let long = |value: u32| (value != u32::MAX).then(|| u64::from(value));
        Some(Self {
            volume: short(fields.u16()?).map(u32::from),
            directory_volume: short(fields.u16()?).map(u32::from),
            entries_here: short(fields.u16()?).map(u64::from),
            entries: short(fields.u16()?).map(u64::from),
            size: long(fields.u32()?),
            at: long(fields.u32()?),
        })
    }

    /// The Zip64 end of central directory record (4.3.14).
    fn read_zip64(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::of(bytes);
        if fields.u32()? != ZIP64_END || fields.u64()? != ZIP64_END_REST {
            return None;
        }
        // Version made by, version needed.
        fields.take(4)?;
        Some(Self {
            volume: Some(fields.u32()?),
            directory_volume: Some(fields.u32()?),
            entries_here: Some(fields.u64()?),
            entries: Some(fields.u64()?),
            size: Some(fields.u64()?),
            at: Some(fields.u64()?),
        })
    }

    /// Without a Zip64 record the greatest value means itself: some writers put just that many entries.
    fn alone(self) -> Self {
        Self {
            volume: self.volume.or(Some(u32::from(u16::MAX))),
            directory_volume: self.directory_volume.or(Some(u32::from(u16::MAX))),
            entries_here: self.entries_here.or(Some(u64::from(u16::MAX))),
            entries: self.entries.or(Some(u64::from(u16::MAX))),
            size: self.size.or(Some(u64::from(u32::MAX))),
            at: self.at.or(Some(u64::from(u32::MAX))),
        }
    }

    /// What the plain record says itself must be what the Zip64 record says: some readers look at one, some at the other.
    fn agrees_with(&self, wide: &Self) -> Result<(), Fault> {
        let volumes = |record: &Self| (record.volume.map(u64::from), record.directory_volume.map(u64::from));
        let (own, theirs) = (volumes(self), volumes(wide));
        for (what, own, wide) in [
            ("the volume", own.0, theirs.0),
            ("the central directory's volume", own.1, theirs.1),
            ("the number of entries in the volume", self.entries_here, wide.entries_here),
            ("the number of entries", self.entries, wide.entries),
            ("the central directory's size", self.size, wide.size),
            ("the central directory's place", self.at, wide.at),
        ] {
            let wide = wide.unwrap_or_default();
            if let Some(found) = own.filter(|own| *own != wide) {
                return Err(Fault::Disagree { what, expected: wide, found });
            }
        }
        Ok(())
    }

    /// The central directory, which must end where the end records start.
    fn directory(&self, end: u64) -> Result<Directory, Fault> {
        let number = |field: Option<u64>| field.unwrap_or(u64::MAX);
        for volume in [self.volume, self.directory_volume] {
            if let Some(found) = volume.filter(|volume| *volume != 0) {
                return Err(Fault::Volumes { found });
            }
        }
        let (entries, at) = (number(self.entries), number(self.at));
        if self.entries_here != self.entries {
            let found = number(self.entries_here);
            return Err(Fault::Disagree { what: "the number of entries", expected: entries, found });
        }
        match at.checked_add(number(self.size)) {
            Some(past) if past == end => Ok(Directory { entries, at, end }),
            Some(past) if past < end => Err(Fault::Gap { from: past, to: end }),
            past => Err(Fault::Disagree {
                what: "the central directory's end",
                expected: end,
                found: past.unwrap_or(u64::MAX),
            }),
        }
    }
}
