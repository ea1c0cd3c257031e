//! The central directory (4.3.12): what the package says it holds.

use super::end::Directory;
use super::extra::{self, Wide};
use super::fields::Fields;
use super::glance::{Glance, Halt};
use super::{Fault, Member, Method};
use crate::drop::package::window::Window;
use crate::drop::{Oddity, Place};
use crate::limits;

const HEADER: u32 = u32::from_le_bytes(*b"PK\x01\x02");
const HEADER_BYTES: usize = 46;

/// How much of the directory is read at a time: a header of the greatest length fits.
const AHEAD_BYTES: usize = 256 << 10;

/// Set for entries that were streamed when they were packed: sizes and check sum follow the data (4.4.4, bit 3).
pub(super) const STREAMED: u16 = 1 << 3;
/// The name is UTF-8 (bit 11).
pub(super) const UTF8: u16 = 1 << 11;
/// How hard the packer tried (bits 1 and 2): nothing to readers.
pub(super) const EFFORT: u16 = 0b110;
/// Encryption, strong encryption, and a masked local header (bits 0, 6, 13).
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;

/// One entry, by the central directory.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: Box<[u8]>,
    /// Where its local header is.
    pub(super) at: u64,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) crc: u32,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) kind: Kind,
}

/// What an entry is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    File(Method),
    Directory,
    /// What can't be an artifact; its bytes have their place in the file all the same.
    Odd(Oddity),
}

/// An entry of which not even the place is known.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) name: Box<[u8]>,
    pub(super) fault: Fault,
}

/// The directory's headers, in their order.
pub(super) struct Headers<'w> {
    glance: Glance<'w>,
    at: u64,
    directory: Directory,
}

impl<'w> Headers<'w> {
    pub(super) fn of(window: &'w Window, directory: Directory) -> Self {
        Self { glance: Glance::new(window, AHEAD_BYTES), at: directory.at, directory }
    }

    /// The next one; `None` at the directory's end.
    pub(super) fn next(&mut self) -> Result<Option<Result<Listed, Lost>>, Halt> {
        let (at, end) = (self.at, self.directory.end);
        if at == end {
            return Ok(None);
        }
        let none = Fault::NoHeader { at };
        let fixed = self.glance.get(at, HEADER_BYTES, end)?.ok_or(none)?;
        let header = Header::read(fixed).ok_or(none)?;
        let bytes = self.glance.get(at, header.bytes(), end)?.ok_or(none)?;
        self.at = at.saturating_add(header.bytes() as u64);
        let mut fields = Fields::of(bytes);
        fields.take(HEADER_BYTES).ok_or(none)?;
        let name = fields.take(header.name_bytes).ok_or(none)?;
        let extra = fields.take(header.extra_bytes).ok_or(none)?;
        Ok(Some(header.listed(name, extra).map_err(|fault| Lost { name: name.into(), fault })))
    }
}

/// The fixed part of a file header, but for what nothing is made of: versions, time, internal attributes.
struct Header {
    flags: u16,
    method: u16,
    crc: u32,
    packed: Wide,
    size: Wide,
    name_bytes: usize,
    extra_bytes: usize,
    comment_bytes: usize,
    volume: Wide,
    attributes: u32,
    at: Wide,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::of(bytes);
        if fields.u32()? != HEADER {
            return None;
        }
        fields.take(4)?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.take(4)?;
        let crc = fields.u32()?;
        let (packed, size) = (Wide::of_32(fields.u32()?), Wide::of_32(fields.u32()?));
        let name_bytes = usize::from(fields.u16()?);
        let extra_bytes = usize::from(fields.u16()?);
        let comment_bytes = usize::from(fields.u16()?);
        let volume = Wide::of_volume(fields.u16()?);
        fields.take(2)?;
        let (attributes, at) = (fields.u32()?, Wide::of_32(fields.u32()?));
        Some(Self {
            flags,
            method,
            crc,
            packed,
            size,
            name_bytes,
            extra_bytes,
            comment_bytes,
            volume,
            attributes,
            at,
        })
    }

    fn bytes(&self) -> usize {
        [self.name_bytes, self.extra_bytes, self.comment_bytes]
            .into_iter()
            .fold(HEADER_BYTES, usize::saturating_add)
    }

    fn listed(&self, name: &[u8], extra: &[u8]) -> Result<Listed, Fault> {
        let mut wide = [self.size, self.packed, self.at, self.volume];
        extra::read(extra, name, &mut wide)?;
        let [size, packed, at, volume] = wide.map(|field| field.value);
        if volume != 0 {
            return Err(Fault::Volumes { found: u32::try_from(volume).unwrap_or(u32::MAX) });
        }
        let kind = match self.fault(name, packed, size) {
            Some(fault) => Kind::Odd(Oddity::Zip(fault)),
            None => self.kind(name, packed, size),
        };
        let (flags, method, crc) = (self.flags, self.method, self.crc);
        Ok(Listed { name: name.into(), at, packed, size, crc, flags, method, kind })
    }

    /// What of an entry is wrong in itself.
    fn fault(&self, name: &[u8], packed: u64, size: u64) -> Option<Fault> {
        let (flags, method) = (self.flags, self.method);
        if flags & ENCRYPTED != 0 {
            Some(Fault::Encrypted { flags })
        } else if flags & !(EFFORT | STREAMED | UTF8) != 0 {
            Some(Fault::Flags { flags })
        } else if flags & UTF8 == 0 && !name.is_ascii() {
            Some(Fault::NameEncoding)
        } else {
            match Method::numbered(method) {
                None => Some(Fault::Method { method }),
                Some(Method::Stored) if packed != size => Some(Fault::StoredSize { size, packed }),
                Some(Method::Deflate) if packed.saturating_mul(limits::DEFLATE_RATIO) < size => {
                    Some(Fault::Impossible { packed, size })
                }
                Some(_) => None,
            }
        }
    }

    /// The kind, by the name and by both halves of the external attributes (4.4.15): DOS's below, Unix's above. Readers
    /// go by either whatever system the header names.
    fn kind(&self, name: &[u8], packed: u64, size: u64) -> Kind {
        const VOLUME_LABEL: u32 = 1 << 3;
        const DIRECTORY: u32 = 1 << 4;
        let named_directory = name.ends_with(b"/");
        let fault = |fault| Kind::Odd(Oddity::Zip(fault));
        let unix_directory = match self.attributes >> 28 {
            0 => None,
            0o01 => return Kind::Odd(Oddity::Fifo),
            0o02 => return Kind::Odd(Oddity::CharacterDevice),
            0o04 => Some(true),
            0o06 => return Kind::Odd(Oddity::BlockDevice),
            0o10 => Some(false),
            0o12 => return Kind::Odd(Oddity::Symlink),
            0o14 => return Kind::Odd(Oddity::Socket),
            _ => return Kind::Odd(Oddity::Unknown),
        };
        if self.attributes & VOLUME_LABEL != 0 {
            return Kind::Odd(Oddity::Unknown);
        }
        let dos_directory = self.attributes & DIRECTORY != 0;
        let agree = unix_directory.is_none_or(|directory| directory == named_directory);
        if !agree || (dos_directory && !named_directory) {
            return fault(Fault::DirectoryOrFile);
        }
        match Method::numbered(self.method) {
            None => fault(Fault::Method { method: self.method }),
            Some(method) if !named_directory => Kind::File(method),
            // Deflate takes two bytes to say nothing.
            Some(_) if size != 0 || packed > 2 => fault(Fault::DirectoryWithData { packed }),
            Some(_) => Kind::Directory,
        }
    }
}

impl Listed {
    /// Where its bytes are, if they start here.
    pub(super) fn place(&self, method: Method, data: u64) -> Place {
        Place::Zip(Member { at: data, packed: self.packed, crc: self.crc, method })
    }
}
