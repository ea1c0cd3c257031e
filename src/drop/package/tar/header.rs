//! One header of 512 bytes: POSIX.1-2024 `pax`, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format"; and
//! the format of Unix version 7, which has no mark of its own.
//!
//! What lenient readers differ on is refused: numbers that are no octal digits, bytes after the end of a name, and
//! anything where one format has a prefix of the name and another has times.

use super::fault::Fault;

pub(in crate::drop::package) const BLOCK: usize = 512;

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) size: u64,
    pub(super) kind: u8,
}

/// Where the fields are: first byte and length.
const NAME: (usize, usize) = (0, 100);
const SIZE: (usize, usize) = (124, 12);
const SUM: (usize, usize) = (148, 8);
const KIND: (usize, usize) = (156, 1);
const LINK: (usize, usize) = (157, 100);
const MAGIC: (usize, usize) = (257, 8);
const PREFIX: (usize, usize) = (345, 155);
const AFTER_LINK: (usize, usize) = (257, 72);
const AFTER_DEVICES: (usize, usize) = (345, 167);
const AFTER_PREFIX: (usize, usize) = (500, 12);

/// Numbers that nothing here uses. Some readers stop at one that is none, so it must be one.
const OTHERS: [(&str, (usize, usize)); 6] = [
    ("mode", (100, 8)),
    ("owner", (108, 8)),
    ("group", (116, 8)),
    ("time", (136, 12)),
    ("major device number", (329, 8)),
    ("minor device number", (337, 8)),
];

/// What may stand in a field for a number.
const OCTAL: &str = "octal digits, or a whole number in base 256,";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    V7,
    Ustar,
    Gnu,
}

impl Header {
    /// Reads the header that begins at byte `at`. The block must not be all zeros.
    pub(super) fn read(block: &[u8; BLOCK], at: u64) -> Result<Self, Fault> {
        check_sum(block, at)?;
        let format = match field(block, MAGIC) {
            b"ustar\x0000" => Format::Ustar,
            b"ustar  \0" => Format::Gnu,
            b"\0\0\0\0\0\0\0\0" => Format::V7,
            _ => return Err(Fault::Magic { at }),
        };
        let kind = field(block, KIND).first().copied().unwrap_or_default();
        let after_devices = (AFTER_DEVICES, "after the device numbers");
        let empty: &[_] = match format {
            // Sparse entries and pieces of volumes of GNU tar are refused as what they are.
            Format::V7 | Format::Gnu if matches!(kind, b'S' | b'M') => &[],
            Format::V7 => &[(AFTER_LINK, "after the name of a link, as version 7 has it"), after_devices],
            Format::Ustar => &[(AFTER_PREFIX, "after the prefix of the name")],
            // GNU tar keeps times and parts of sparse files there, where others look for the prefix of a name.
            Format::Gnu => &[after_devices],
        };
        for (part, place) in empty {
            if field(block, *part).iter().any(|byte| *byte != 0) {
                return Err(Fault::Residue { at, place });
            }
        }
        for (name, place) in OTHERS {
            if !is_number(field(block, place)) {
                return Err(Fault::Number { at, field: name, expected: OCTAL });
            }
        }
        let wrong = |expected| Fault::Number { at, field: "size", expected };
        let size = match field(block, SIZE) {
            // The label of a volume, which is no entry, and is refused as what it is.
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] if kind == b'V' => 0,
            digits => size(digits).map_err(wrong)?,
        };
        text(field(block, LINK)).ok_or(Fault::Residue { at, place: "after the name of a link" })?;
        let mut name =
            text(field(block, NAME)).ok_or(Fault::Residue { at, place: "after the name" })?.to_vec();
        if format == Format::Ustar {
            let prefix = text(field(block, PREFIX))
                .ok_or(Fault::Residue { at, place: "after the prefix of the name" })?;
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        Ok(Self { name, size, kind })
    }
}

/// Whether these bytes, the first of a file, are a header by its sum or by its mark.
pub(super) fn is_one(block: &[u8; BLOCK]) -> bool {
    let marked = field(block, MAGIC).starts_with(b"ustar");
    marked || block.iter().any(|byte| *byte != 0) && check_sum(block, 0).is_ok()
}

fn field(block: &[u8; BLOCK], (at, length): (usize, usize)) -> &[u8] {
    block.get(at..at.saturating_add(length)).unwrap_or_default()
}

/// The sum of all bytes, with blanks where the sum itself stands. Of old there were tars that summed signed bytes; the
/// two differ where a name is not ASCII, and no tar of this century writes the other.
fn check_sum(block: &[u8; BLOCK], at: u64) -> Result<(), Fault> {
    let of = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum.saturating_add(u64::from(*byte)));
    let blanks = u64::from(b' ').saturating_mul(SUM.1 as u64);
    let found = of(block).saturating_sub(of(field(block, SUM))).saturating_add(blanks);
    let expected = octal(field(block, SUM));
    let expected = expected.ok_or(Fault::Number { at, field: "check sum", expected: "octal digits" })?;
    if expected != found {
        return Err(Fault::CheckSum { at, expected, found });
    }
    Ok(())
}

/// Text up to its NUL, with zeros after it; `None` where something else is there.
fn text(field: &[u8]) -> Option<&[u8]> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, rest) = field.split_at_checked(end)?;
    rest.iter().all(|byte| *byte == 0).then_some(text)
}

/// Blanks, octal digits, then blanks or NULs alone. All digits of a field that has no room for its end count.
fn octal(field: &[u8]) -> Option<u64> {
    let field = field.trim_ascii_start();
    let end = field.iter().position(|byte| !matches!(byte, b'0'..=b'7')).unwrap_or(field.len());
    let (digits, rest) = field.split_at_checked(end)?;
    if digits.is_empty() || !rest.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        value.checked_mul(8)?.checked_add(u64::from(digit.saturating_sub(b'0')))
    })
}

/// A size: octal, or in base 256 as GNU tar writes what needs more digits.
fn size(field: &[u8]) -> Result<u64, &'static str> {
    let base_256 = match field.first() {
        Some(0xff) => return Err("a number that is not negative"),
        Some(0x80) => field.get(1..).unwrap_or_default(),
        _ => return octal(field).ok_or(OCTAL),
    };
    let value =
        base_256.iter().try_fold(0_u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)));
    // What follows is found by adding to it.
    value.filter(|value| *value <= i64::MAX as u64).ok_or("a number below 2^63")
}

/// A number of any sign, or nothing at all.
fn is_number(field: &[u8]) -> bool {
    let empty = field.iter().all(|byte| matches!(byte, 0 | b' '));
    empty || matches!(field.first(), Some(0x80 | 0xff)) || octal(field).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_octal_digits_between_blanks() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"77777777", Some(0o77_777_777)),
            (b"000 644\0", None),
            (b"00006448", None),
            (b"0x00644\0", None),
            (b"-000644\0", None),
            (b"644\x00644\0", None),
            (b"\0\0\0\0\0\0\0\0", None),
            (b"        ", None),
        ] {
            assert_eq!(octal(field), value, "{field:?}");
        }
        assert_eq!(size(b"\x80\0\0\0\0\0\0\0\0\0\x01\x02"), Ok(258));
        assert!(size(b"\x80\0\0\0\x80\0\0\0\0\0\0\0").is_err());
        assert!(size(b"\x80\0\0\x01\0\0\0\0\0\0\0\0").is_err());
        assert!(size(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
        assert!(size(b"\x81\0\0\0\0\0\0\0\0\0\0\0").is_err());
    }
}
