//! Extended headers: records of `LENGTH KEYWORD=VALUE` and a line break (POSIX.1-2024 `pax`, "pax Extended Header").
//!
//! Three keywords say what an entry is: its name, its size, and where a link leads. Those that say who owned a file, when,
//! and with what rights and attributes are read past by name: none of them is part of the bytes that are judged, as with a
//! directory, where they are not looked at either. Every other keyword could mean that the entry is something else, as
//! those for sparse files do, and makes it odd.

use super::fault::{Fault, Keyword};
use crate::limits;
use std::collections::HashSet;

/// What the extended header before an entry says of it.
#[derive(Debug, Default)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// Why the entry can't be an artifact, whatever else it is.
    pub(super) odd: Option<Fault>,
}

/// Read past, wherever they stand.
const IGNORED: [&[u8]; 17] = [
    b"atime",
    b"ctime",
    b"mtime",
    b"uid",
    b"gid",
    b"uname",
    b"gname",
    b"comment",
    b"charset",
    b"LIBARCHIVE.creationtime",
    b"LIBARCHIVE.symlinktype",
    b"RHT.security.selinux",
    b"SCHILY.dev",
    b"SCHILY.ino",
    b"SCHILY.nlink",
    b"SCHILY.fflags",
    b"SCHILY.filetype",
];

/// Read past with whatever follows: extended attributes and access control lists.
const IGNORED_PREFIXES: [&[u8]; 3] = [b"LIBARCHIVE.xattr.", b"SCHILY.xattr.", b"SCHILY.acl."];

/// How `hdrcharset` may say that names are encoded: as they are, or in UTF-8, which a legal name is in either case.
const CHARSETS: [&[u8]; 2] = [b"BINARY", b"ISO-IR 10646 2000 UTF-8"];

impl Extended {
    /// Reads the records that begin at byte `at`. A fault is one after which nobody knows where the next entry is.
    pub(super) fn read(records: &[u8], at: u64, global: bool) -> Result<Self, Fault> {
        let mut extended = Self::default();
        let mut seen = HashSet::new();
        let mut rest = records;
        while !rest.is_empty() {
            let here = at.saturating_add(records.len().saturating_sub(rest.len()) as u64);
            let (keyword, value, tail) = record(rest).ok_or(Fault::PaxRecord { at: here })?;
            rest = tail;
            if !seen.insert(keyword) {
                return Err(Fault::PaxTwice(Keyword::of(keyword)));
            }
            extended.take(keyword, value, global)?;
        }
        Ok(extended)
    }

    fn take(&mut self, keyword: &[u8], value: &[u8], global: bool) -> Result<(), Fault> {
        let named = Keyword::of(keyword);
        match keyword {
            b"path" | b"linkpath" | b"size" if global => return Err(Fault::PaxGlobal(named)),
            b"path" | b"linkpath" if value.is_empty() || value.len() as u64 > limits::TAR_NAME_BYTES => {
                return Err(Fault::PaxValue(named));
            }
            b"path" => self.path = Some(value.to_vec()),
            // A link is odd wherever it leads.
            b"linkpath" => {}
            b"size" => self.size = Some(decimal(value).ok_or(Fault::PaxValue(named))?),
            b"hdrcharset" if CHARSETS.contains(&value) => {}
            b"hdrcharset" => return Err(Fault::PaxValue(named)),
            // Their contents begin with a map of the file, or are shorter than the file is.
            _ if keyword.starts_with(b"GNU.sparse.") || keyword == b"SCHILY.realsize" => {
                self.odd.get_or_insert(Fault::Sparse);
            }
            _ if keyword.starts_with(b"GNU.volume.") => {
                self.odd.get_or_insert(Fault::Volume);
            }
            _ if IGNORED.contains(&keyword)
                || IGNORED_PREFIXES.iter().any(|prefix| keyword.starts_with(prefix)) => {}
            _ if global => return Err(Fault::PaxUnknown(named)),
            _ => {
                self.odd.get_or_insert(Fault::PaxUnknown(named));
            }
        }
        Ok(())
    }
}

/// The first record's keyword and value, and what follows it.
fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().take(8).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(records.get(..blank)?)?).ok()?;
    let (record, tail) = records.split_at_checked(length)?;
    let record = record.get(blank.checked_add(1)?..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (keyword, value) = record.split_at_checked(equals)?;
    let legal = !keyword.is_empty() && keyword.iter().all(|byte| byte.is_ascii_graphic());
    legal.then_some((keyword, value.get(1..)?, tail))
}

/// Decimal digits in their one spelling, below 2^63.
fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_digit) && (digits == b"0" || digits.first() != Some(&b'0'));
    let value: u64 = std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()?;
    (value <= i64::MAX as u64).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_one_spelling() {
        assert_eq!(record(b"9 path=a\nrest"), Some((&b"path"[..], &b"a"[..], &b"rest"[..])));
        for bad in [
            &b""[..],
            b"9 path=a",
            b"09 path=a\n",
            b"+9 path=a\n",
            b"11 path=a\n",
            b"8 path=a\n",
            b" 9 path=a\n",
            b"7 path\n",
            b"5 =a\n",
            b"9 pa h=a\n",
            b"0 path=a\n",
            b"99999999999999999999 path=a\n",
        ] {
            assert_eq!(record(bad), None, "{:?}", crate::escape::bytes(bad));
        }
        assert_eq!(record(b"12 path=a\nb\n"), Some((&b"path"[..], &b"a\nb"[..], &b""[..])));
    }
}
