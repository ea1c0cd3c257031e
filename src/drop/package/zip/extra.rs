//! The extra fields of a header (4.5): what they say that matters here, and which ones are refused.
//!
//! Most carry times and owners, and are read past. The ones that give an entry another kind, name or contents are
//! refused: readers that know them and readers that don't would take the entry for two things.

use super::Fault;
use super::fields::Fields;

const ZIP64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;

/// Strong encryption (certificates, keys, header) and AES, the target of a link (PKWARE's Unix field, ASi), ZipIt's
/// name, and libarchive's own, by which a local header alone can make a link.
const REFUSED: [u16; 12] =
    [0x000d, 0x000e, 0x000f, 0x0014, 0x0015, 0x0016, 0x0017, 0x0019, 0x2605, 0x6c78, 0x756e, 0x9901];

/// A field of a header that is too narrow for what it may have to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wide {
    /// What it says itself.
    pub(super) value: u64,
    /// Whether that means "see the Zip64 extra field".
    pub(super) elsewhere: bool,
    /// How many bytes it has there.
    bytes: usize,
}

impl Wide {
    pub(super) fn of_32(value: u32) -> Self {
        Self { value: u64::from(value), elsewhere: value == u32::MAX, bytes: 8 }
    }

    /// The number of a volume, which is wider by less.
    pub(super) fn of_volume(value: u16) -> Self {
        Self { value: u64::from(value), elsewhere: value == u16::MAX, bytes: 4 }
    }
}

/// Checks the extra fields of a header with this name, and fills in what it leaves to the Zip64 field (4.5.3).
pub(super) fn read(extra: &[u8], name: &[u8], wide: &mut [Wide]) -> Result<(), Fault> {
    let (mut zip64, mut unicode_path) = (None, None);
    let mut fields = Fields::of(extra);
    // Aligners pad with fewer zeros than a field has.
    while !(fields.rest().len() < 4 && fields.rest().iter().all(|byte| *byte == 0)) {
        let (Some(id), Some(length)) = (fields.u16(), fields.u16()) else { return Err(Fault::Extra) };
        let data = fields.take(usize::from(length)).ok_or(Fault::Extra)?;
        let known = match id {
            ZIP64 => &mut zip64,
            UNICODE_PATH => &mut unicode_path,
            id if REFUSED.contains(&id) => return Err(Fault::ExtraRefused { id }),
            _ => continue,
        };
        if known.replace(data).is_some() {
            return Err(Fault::ExtraTwice { id });
        }
    }
    if unicode_path.is_some_and(|path| !is_path(path, name)) {
        return Err(Fault::UnicodePath);
    }
    widen(zip64.unwrap_or_default(), wide)
        .ok_or(Fault::Zip64Extra { found: zip64.unwrap_or_default().len() as u64 })
}

/// Whether a Unicode path field (4.6.9) has this name: readers that know it take the one that is there.
fn is_path(field: &[u8], name: &[u8]) -> bool {
    // Version 1, and the CRC of the header's name; a reader that finds another one keeps the header's name.
    matches!(field, [1, _, _, _, _, path @ ..] if path == name)
}

/// What the header leaves to the field stands there in its order. Some writers put more, and then it must say again what
/// the header says.
fn widen(data: &[u8], wide: &mut [Wide]) -> Option<()> {
    let mut fields = Fields::of(data);
    let last = wide.iter().rposition(|field| field.elsewhere);
    let mut read = |bytes| if bytes == 4 { fields.u32().map(u64::from) } else { fields.u64() };
    for (at, field) in wide.iter_mut().enumerate() {
        if field.elsewhere {
            field.value = read(field.bytes)?;
        } else if last.is_none_or(|last| at > last) {
            match read(field.bytes) {
                Some(again) if again != field.value => return None,
                Some(_) => {}
                None => break,
            }
        }
    }
    fields.rest().is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zip64(values: &[u64]) -> Vec<u8> {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        [&ZIP64.to_le_bytes(), &u16::try_from(data.len()).unwrap().to_le_bytes(), data.as_slice()].concat()
    }

    #[test]
    fn the_zip64_field_holds_what_the_header_leaves_to_it() {
        let (all, some) = (u32::MAX, 7);
        type Case<'a> = (&'a str, [u32; 3], &'a [u64], Option<[u64; 3]>);
        let cases: [Case<'_>; 11] = [
            ("nothing of nothing", [some, 8, 9], &[], Some([7, 8, 9])),
            ("all of all", [all, all, all], &[1, 2, 3], Some([1, 2, 3])),
            ("the offset alone", [some, 8, all], &[3], Some([7, 8, 3])),
            ("a size alone", [all, 8, 9], &[1], Some([1, 8, 9])),
            ("sizes, and the offset again", [all, all, 9], &[1, 2, 9], Some([1, 2, 9])),
            ("sizes, and another offset", [all, all, 9], &[1, 2, 3], None),
            ("sizes again", [7, 8, 9], &[7, 8], Some([7, 8, 9])),
            ("other sizes", [7, 8, 9], &[7, 9], None),
            ("too little", [all, all, 9], &[1], None),
            ("too much", [all, all, all], &[1, 2, 3, 4], None),
            ("the offset behind sizes that nobody asked for", [7, 8, all], &[7, 8, 3], None),
        ];
        for (claim, header, values, expected) in cases {
            let mut wide = header.map(Wide::of_32);
            let extra = if values.is_empty() { Vec::new() } else { zip64(values) };
            let read = read(&extra, b"a", &mut wide);
            let found = read.ok().map(|()| wide.map(|field| field.value));
            assert_eq!(found, expected, "{claim}");
        }
    }

    #[test]
    fn fields_fill_their_place() {
        let cases: [(&str, &[u8], Result<(), Fault>); 8] = [
            ("none", &[], Ok(())),
            ("jar's mark", &[0xfe, 0xca, 0, 0], Ok(())),
            ("zeros of an aligner", &[0xfe, 0xca, 0, 0, 0, 0, 0], Ok(())),
            ("half a field", &[0xfe, 0xca, 2, 0, 1], Err(Fault::Extra)),
            ("other bytes at the end", &[0xfe, 0xca, 0, 0, 1], Err(Fault::Extra)),
            ("a link's target", &[0x6e, 0x75, 0, 0], Err(Fault::ExtraRefused { id: 0x756e })),
            ("the same name again", &[0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, b'a'], Ok(())),
            ("another name", &[0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, b'b'], Err(Fault::UnicodePath)),
        ];
        for (claim, extra, expected) in cases {
            assert_eq!(read(extra, b"a", &mut []), expected, "{claim}");
        }
        let twice = [zip64(&[7]), zip64(&[7])].concat();
        assert_eq!(read(&twice, b"a", &mut [Wide::of_32(7)]), Err(Fault::ExtraTwice { id: ZIP64 }));
    }
}
