//! The header before an entry's data (4.3.7) and the descriptor after it (4.3.9): both must say what the central
//! directory says.

use super::central::{EFFORT, Listed, STREAMED, UTF8};
use super::extra::{self, Wide};
use super::fields::Fields;
use super::glance::{Glance, Halt};
use super::{Fault, Method};

const HEADER: u32 = u32::from_le_bytes(*b"PK\x03\x04");
const HEADER_BYTES: usize = 30;
const DESCRIPTOR: u32 = u32::from_le_bytes(*b"PK\x07\x08");
/// All of deflate's ways to say nothing in two bytes or less: one block, by the fixed code.
const NOTHING: [u8; 2] = [3, 0];

/// Where an entry's packed bytes start, and where the next entry has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) data: u64,
    pub(super) end: u64,
}

/// Checks what stands at the place of `listed`; the central directory starts at `directory`, and the next entry or that at
/// `next`.
pub(super) fn check(
    glance: &mut Glance<'_>,
    listed: &Listed,
    next: u64,
    directory: u64,
) -> Result<Result<Extent, Fault>, Halt> {
    let at = listed.at;
    let missing = Fault::NoLocalHeader { at };
    let Some(fixed) = glance.get(at, HEADER_BYTES, directory)? else { return Ok(Err(missing)) };
    let Some(header) = Header::read(fixed) else { return Ok(Err(missing)) };
    let bytes = [header.name_bytes, header.extra_bytes].into_iter().fold(HEADER_BYTES, usize::saturating_add);
    let Some(whole) = glance.get(at, bytes, directory)? else { return Ok(Err(missing)) };
    if let Err(fault) = header.compare(whole, listed) {
        return Ok(Err(fault));
    }
    let data = at.saturating_add(bytes as u64);
    let past = data.saturating_add(listed.packed);
    if past > directory {
        return Ok(Err(Fault::Overlap { expected: past, found: directory }));
    }
    if matches!(listed.kind, super::central::Kind::Directory) && listed.packed > 0 {
        let packed = usize::try_from(listed.packed).unwrap_or(usize::MAX);
        if listed.method != Method::Deflate.number() || glance.get(data, packed, past)? != Some(&NOTHING) {
            return Ok(Err(Fault::DirectoryWithData { packed: listed.packed }));
        }
    }
    if listed.flags & STREAMED == 0 {
        return Ok(Ok(Extent { data, end: past }));
    }
    Ok(match descriptor(glance, listed, past, next, directory)? {
        Some(bytes) => Ok(Extent { data, end: past.saturating_add(bytes) }),
        None => Err(Fault::NoDescriptor { at: past }),
    })
}

/// The length of the data descriptor at `at`. It has four forms: with or without a signature, its sizes of 4 or of 8
/// bytes. Where several could be meant, the one that ends at `next` is.
fn descriptor(
    glance: &mut Glance<'_>,
    listed: &Listed,
    at: u64,
    next: u64,
    directory: u64,
) -> Result<Option<u64>, Halt> {
    let signature = DESCRIPTOR.to_le_bytes();
    let crc = listed.crc.to_le_bytes();
    let mut forms = Vec::with_capacity(4);
    let long = [listed.packed.to_le_bytes(), listed.size.to_le_bytes()].concat();
    forms.push([crc.as_slice(), &long].concat());
    if let (Ok(packed), Ok(size)) = (u32::try_from(listed.packed), u32::try_from(listed.size)) {
        forms.push([crc, packed.to_le_bytes(), size.to_le_bytes()].concat());
    }
    for index in 0..forms.len() {
        let signed = forms.get(index).map(|form| [signature.as_slice(), form].concat());
        forms.extend(signed);
    }
    let mut fitting = None;
    for form in forms {
        if glance.get(at, form.len(), directory)? == Some(&form) {
            let bytes = form.len() as u64;
            if at.checked_add(bytes) == Some(next) {
                return Ok(Some(bytes));
            }
            fitting = fitting.or(Some(bytes));
        }
    }
    Ok(fitting)
}

/// The fixed part of a local header, but for version and time.
struct Header {
    flags: u16,
    method: u16,
    crc: u32,
    packed: Wide,
    size: Wide,
    name_bytes: usize,
    extra_bytes: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::of(bytes);
        if fields.u32()? != HEADER {
            return None;
        }
        fields.take(2)?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.take(4)?;
        let crc = fields.u32()?;
        let (packed, size) = (Wide::of_32(fields.u32()?), Wide::of_32(fields.u32()?));
        let (name_bytes, extra_bytes) = (usize::from(fields.u16()?), usize::from(fields.u16()?));
        Some(Self { flags, method, crc, packed, size, name_bytes, extra_bytes })
    }

    fn compare(&self, whole: &[u8], listed: &Listed) -> Result<(), Fault> {
        let mut fields = Fields::of(whole);
        let missing = Fault::NoLocalHeader { at: listed.at };
        fields.take(HEADER_BYTES).ok_or(missing)?;
        let name = fields.take(self.name_bytes).ok_or(missing)?;
        if name != &*listed.name {
            return Err(Fault::LocalName);
        }
        let differs = |what, expected: u64, found: u64| {
            if expected == found { Ok(()) } else { Err(Fault::Local { what, expected, found }) }
        };
        // An ASCII name is the same with the flag and without.
        let same = EFFORT | if name.is_ascii() { UTF8 } else { 0 };
        differs("flags", u64::from(listed.flags & !same), u64::from(self.flags & !same))?;
        differs("compression method", u64::from(listed.method), u64::from(self.method))?;
        let mut wide = [self.size, self.packed];
        extra::read(fields.rest(), name, &mut wide)?;
        let [size, packed] = wide.map(|field| field.value);
        let streamed = listed.flags & STREAMED != 0;
        // Who streams knows neither before the data; zero says so.
        let unknown = |value: u64| streamed && value == 0;
        for (what, expected, found) in [
            ("CRC-32", u64::from(listed.crc), u64::from(self.crc)),
            ("packed size", listed.packed, packed),
            ("size", listed.size, size),
        ] {
            if !unknown(found) {
                differs(what, expected, found)?;
            }
        }
        // Where data ends that is not compressed, only its size tells: who reads from a pipe looks for the first
        // signature of a descriptor, which the data itself may hold.
        if listed.method == Method::Stored.number() && packed != listed.packed {
            return Err(Fault::StreamedStored);
        }
        Ok(())
    }
}
