//! The entries of an archive, one after the other: each header with those before it that speak of it.

use super::fault::Fault;
use super::header::{BLOCK, Header};
use super::pax::Extended;
use crate::drop::{Oddity, SourceError};
use crate::limits;

/// Why reading an archive ends before its end.
#[derive(Debug)]
pub(in crate::drop::package) enum Stop {
    /// Something is wrong with it, after which nobody knows where the next entry is.
    Odd(Oddity),
    /// It has fewer bytes than it had.
    Changed,
    /// The gate could not look.
    Failed(SourceError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Odd(Oddity::Tar(fault))
    }
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// The bytes of an archive, from the first to the last.
pub(in crate::drop::package) trait Feed {
    /// The next bytes, at most `most`. None are left where it gives none.
    fn next(&mut self, most: usize) -> Result<&[u8], Stop>;

    /// Leaves out so many bytes, and gives how many there were.
    fn skip(&mut self, bytes: u64) -> Result<u64, Stop>;
}

/// One entry.
#[derive(Debug)]
pub(super) struct Member {
    /// Without the `./` that tar puts before the names of what it finds below `.`; empty for `.` itself.
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// How many bytes of contents follow.
    pub(super) size: u64,
    /// Where they begin.
    pub(super) at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Odd(Oddity),
}

/// Reads an archive. Between two entries, [`contents`](Self::contents) or [`pass_over`](Self::pass_over) must be called.
pub(super) struct Members<F> {
    feed: F,
    at: u64,
}

/// What was read before an entry's own header.
#[derive(Default)]
struct Before {
    long_name: Option<Vec<u8>>,
    long_link: bool,
    extended: Option<Extended>,
}

impl Before {
    fn is_empty(&self) -> bool {
        self.long_name.is_none() && !self.long_link && self.extended.is_none()
    }
}

impl<F: Feed> Members<F> {
    pub(super) fn new(feed: F) -> Self {
        Self { feed, at: 0 }
    }

    /// The next entry; `None` after the last, when everything behind it has been looked at too.
    pub(super) fn next(&mut self) -> Result<Option<Member>, Stop> {
        let mut before = Before::default();
        loop {
            let at = self.at;
            let Some(block) = self.block("header")? else { return Err(Fault::NoEnd { at }.into()) };
            if block.iter().all(|byte| *byte == 0) {
                if !before.is_empty() {
                    return Err(Fault::Dangling { at }.into());
                }
                self.end()?;
                return Ok(None);
            }
            let header = Header::read(&block, at)?;
            match header.kind {
                b'x' if before.extended.is_some() => return Err(Fault::TwoHeaders { at }.into()),
                b'x' if !before.is_empty() => return Err(Fault::TwoNames { at }.into()),
                b'x' => before.extended = Some(self.extended(&header, at, false)?),
                // A reader may take what stands before it for its own, or for the next entry's.
                b'g' if !before.is_empty() => return Err(Fault::TwoHeaders { at }.into()),
                b'g' => {
                    if let Some(fault) = self.extended(&header, at, true)?.odd {
                        return Err(fault.into());
                    }
                }
                b'L' | b'K' if before.extended.is_some() => return Err(Fault::TwoNames { at }.into()),
                b'L' if before.long_name.is_some() => return Err(Fault::TwoHeaders { at }.into()),
                b'K' if before.long_link => return Err(Fault::TwoHeaders { at }.into()),
                b'L' => before.long_name = Some(self.long_name(&header, at)?),
                b'K' => {
                    self.long_name(&header, at)?;
                    before.long_link = true;
                }
                _ => return self.member(&header, before, at).map(Some),
            }
        }
    }

    fn member(&self, header: &Header, before: Before, at: u64) -> Result<Member, Stop> {
        let extended = before.extended.unwrap_or_default();
        let size = match extended.size {
            None => header.size,
            Some(size) if size == header.size => size,
            // What the field has no digits for is written as nothing.
            Some(size) if header.size == 0 && size >= limits::TAR_OCTAL_BYTES => size,
            Some(found) => return Err(Fault::PaxSize { expected: header.size, found }.into()),
        };
        let name = before.long_name.or(extended.path).unwrap_or_else(|| header.name.clone());
        // Python's reader looks at the first name, and most at the last.
        if header.kind == 0 && header.name.ends_with(b"/") != name.ends_with(b"/") {
            return Err(Fault::Slash { at }.into());
        }
        let mut kind = kind(header.kind, &name, size)?;
        let has_contents = match kind {
            Kind::File => true,
            Kind::Directory => false,
            Kind::Odd(oddity) => matches!(oddity, Oddity::Tar(Fault::Type(_) | Fault::Volume)),
        };
        if !has_contents && size > 0 {
            return Err(Fault::SizeOfNoFile { at, found: size }.into());
        }
        if let Some(fault) = extended.odd {
            kind = Kind::Odd(Oddity::Tar(fault));
        }
        let bare = match name.as_slice() {
            b"." if kind == Kind::Directory => &[],
            name => name.strip_prefix(b"./").unwrap_or(name),
        };
        Ok(Member { name: bare.to_vec(), kind, size, at: self.at })
    }

    /// Gives the contents of an entry to `sink`, and tells whether only zeros follow in its last block.
    pub(super) fn contents(
        &mut self,
        size: u64,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Stop>,
    ) -> Result<Option<Fault>, Stop> {
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let bytes = self.feed.next(most)?;
            let read = bytes.len() as u64;
            if read == 0 {
                return Err(Fault::CutShort { of: "file", at: self.at }.into());
            }
            sink(bytes)?;
            left = left.saturating_sub(read);
            self.at = self.at.saturating_add(read);
        }
        self.padding(size)
    }

    /// The same without the contents.
    pub(super) fn pass_over(&mut self, size: u64) -> Result<Option<Fault>, Stop> {
        let skipped = self.feed.skip(size)?;
        self.at = self.at.saturating_add(skipped);
        if skipped < size {
            return Err(Fault::CutShort { of: "file", at: self.at }.into());
        }
        self.padding(size)
    }

    fn padding(&mut self, size: u64) -> Result<Option<Fault>, Stop> {
        let padding = size.next_multiple_of(BLOCK as u64).saturating_sub(size);
        let to = self.at.saturating_add(padding);
        let mut zeros = true;
        self.exactly(padding, "block", |bytes| zeros &= bytes.iter().all(|byte| *byte == 0))?;
        Ok((!zeros).then_some(Fault::Padding { to }))
    }

    /// A block, or `None` at the end of the file.
    fn block(&mut self, of: &'static str) -> Result<Option<[u8; BLOCK]>, Stop> {
        let mut block = [0; BLOCK];
        let mut filled = 0_usize;
        while let Some(room) = block.get_mut(filled..).filter(|room| !room.is_empty()) {
            let bytes = self.feed.next(room.len())?;
            if bytes.is_empty() {
                if filled == 0 {
                    return Ok(None);
                }
                let at = self.at.saturating_add(filled as u64);
                return Err(Fault::CutShort { of, at }.into());
            }
            for (to, from) in room.iter_mut().zip(bytes) {
                *to = *from;
            }
            filled = filled.saturating_add(bytes.len());
        }
        self.at = self.at.saturating_add(BLOCK as u64);
        Ok(Some(block))
    }

    fn exactly(&mut self, size: u64, of: &'static str, mut sink: impl FnMut(&[u8])) -> Result<(), Stop> {
        let mut left = usize::try_from(size).unwrap_or(usize::MAX);
        while left > 0 {
            let bytes = self.feed.next(left)?;
            if bytes.is_empty() {
                return Err(Fault::CutShort { of, at: self.at }.into());
            }
            sink(bytes);
            left = left.saturating_sub(bytes.len());
            self.at = self.at.saturating_add(bytes.len() as u64);
        }
        Ok(())
    }

    /// What follows a header about the next entry.
    fn further(&mut self, header: &Header, at: u64, of: &'static str, most: u64) -> Result<Vec<u8>, Stop> {
        if header.size > most {
            return Err(Fault::ExtendedTooLarge { at, most, found: header.size }.into());
        }
        let mut further = Vec::new();
        self.exactly(header.size, of, |bytes| further.extend_from_slice(bytes))?;
        match self.padding(header.size)? {
            Some(fault) => Err(fault.into()),
            None => Ok(further),
        }
    }

    fn extended(&mut self, header: &Header, at: u64, global: bool) -> Result<Extended, Stop> {
        let begins = self.at;
        let records = self.further(header, at, "pax header", limits::TAR_EXTENDED_BYTES)?;
        Ok(Extended::read(&records, begins, global)?)
    }

    fn long_name(&mut self, header: &Header, at: u64) -> Result<Vec<u8>, Stop> {
        let mut name = self.further(header, at, "long name", limits::TAR_NAME_BYTES)?;
        if name.pop() != Some(0) || name.is_empty() || name.contains(&0) {
            return Err(Fault::LongName { at }.into());
        }
        Ok(name)
    }

    /// What must follow the first block of zeros: a second one, and nothing but zeros up to the end of the file.
    fn end(&mut self) -> Result<(), Stop> {
        let at = self.at;
        match self.block("block of zeros")? {
            None => return Err(Fault::NoEnd { at }.into()),
            Some(block) if block.iter().any(|byte| *byte != 0) => return Err(Fault::LoneZeros { at }.into()),
            Some(_) => {}
        }
        loop {
            let bytes = self.feed.next(usize::MAX)?;
            if bytes.is_empty() {
                return Ok(());
            }
            if let Some(offset) = bytes.iter().position(|byte| *byte != 0) {
                return Err(Fault::Trailing { at: self.at.saturating_add(offset as u64) }.into());
            }
            self.at = self.at.saturating_add(bytes.len() as u64);
        }
    }
}

/// What the type flag says.
fn kind(flag: u8, name: &[u8], size: u64) -> Result<Kind, Fault> {
    Ok(match flag {
        // Version 7 has no type for directories.
        0 if name.ends_with(b"/") && size == 0 => Kind::Directory,
        0 | b'0' => Kind::File,
        b'1' => Kind::Odd(Oddity::Tar(Fault::HardLink)),
        b'2' => Kind::Odd(Oddity::Symlink),
        b'3' => Kind::Odd(Oddity::CharacterDevice),
        b'4' => Kind::Odd(Oddity::BlockDevice),
        b'5' => Kind::Directory,
        b'6' => Kind::Odd(Oddity::Fifo),
        b'M' => Kind::Odd(Oddity::Tar(Fault::Volume)),
        // Its map may go on in further blocks, whose number the header does not tell.
        b'S' => return Err(Fault::Sparse),
        other => Kind::Odd(Oddity::Tar(Fault::Type(other))),
    })
}
