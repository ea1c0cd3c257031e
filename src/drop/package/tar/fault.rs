//! What can be wrong with a tar archive.

use crate::escape;
use std::fmt;

/// What a tar archive, or an entry of it, has that two readers may take for different things, or that no reader can go
/// on from. Positions count bytes of the archive, unpacked where it is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The archive ends in the middle of a header, of a file, or of the zeros that fill up its last block.
    #[error("a cut archive: expected more of a {of}, found the end at byte {at}")]
    CutShort {
        /// What is not whole.
        of: &'static str,
        /// Where the archive ends.
        at: u64,
    },
    /// The archive ends after an entry, without the mark of its end.
    #[error(
        "an archive without its end: expected two blocks of zeros at byte {at}, found the end of the file"
    )]
    NoEnd {
        /// Where the mark had to be.
        at: u64,
    },
    /// One block of zeros and then something else: some readers stop there, and some go on.
    #[error("a block of zeros between entries: expected a second one at byte {at}, found something else")]
    LoneZeros {
        /// Where the second one had to be.
        at: u64,
    },
    /// Something other than zeros after the end: a second archive, or what only some readers get to see.
    #[error(
        "trailing data: expected only zeros after the end of the archive, found something else at byte {at}"
    )]
    Trailing {
        /// Where the first byte of it is.
        at: u64,
    },
    /// A header whose sum is not the one that it gives.
    #[error("a damaged header at byte {at}: expected the check sum {expected}, found {found}")]
    CheckSum {
        /// Where the header begins.
        at: u64,
        /// By the header.
        expected: u64,
        /// Of the header.
        found: u64,
    },
    /// A block that is no header of a format that is read (v7, ustar, pax, GNU).
    #[error(
        "an unknown header at byte {at}: expected `ustar` or zeros at its byte 257, found something else"
    )]
    Magic {
        /// Where the block begins.
        at: u64,
    },
    /// A field of a header that holds no number, or one that can't be.
    #[error("a faulty header at byte {at}: expected {expected} as its {field}, found something else")]
    Number {
        /// Where the header begins.
        at: u64,
        /// Which field.
        field: &'static str,
        /// What may stand there.
        expected: &'static str,
    },
    /// Bytes after the end of a text, or in a part of the header that its format leaves empty. Some readers take them
    /// for part of the name.
    #[error("a faulty header at byte {at}: expected zeros {place}, found something else")]
    Residue {
        /// Where the header begins.
        at: u64,
        /// Where in it.
        place: &'static str,
    },
    /// Something other than zeros between a file's last byte and the end of its last block.
    #[error("hidden data: expected zeros between the file's end and byte {to}, found something else")]
    Padding {
        /// Where the next header may begin.
        to: u64,
    },
    /// A link, directory or device that says it has contents. Readers differ in whether such contents follow.
    #[error("contents of what is no file: expected a size of 0 in the header at byte {at}, found {found}")]
    SizeOfNoFile {
        /// Where the header begins.
        at: u64,
        /// The size, in bytes.
        found: u64,
    },
    /// A hard link: the name of another entry once more.
    #[error("a hard link to another entry")]
    HardLink,
    /// A file with holes, or its GNU or pax description. Readers without support for it extract other bytes.
    #[error("a sparse file")]
    Sparse,
    /// A piece of a file that began in another volume.
    #[error("a piece of a file from another volume")]
    Volume,
    /// A type of entry by a letter or digit that this gate does not know.
    #[error("an entry of the unknown type {:?}", char::from(*.0))]
    Type(u8),
    /// Extended headers that some readers obey together, and others one of the two.
    #[error("two headers about one entry: expected at most one at byte {at}, found a second")]
    TwoHeaders {
        /// Where the second begins.
        at: u64,
    },
    /// A name that is given in two ways.
    #[error("a name twice: expected a GNU long name or a pax header at byte {at}, found both for one entry")]
    TwoNames {
        /// Where the second begins.
        at: u64,
    },
    /// An entry of version 7's one type, whose name alone tells a directory by its slash, with two names that differ in that.
    #[error(
        "a file or a directory: expected both names of the entry at byte {at}, or none, to end in a slash, found one"
    )]
    Slash {
        /// Where the entry's header begins.
        at: u64,
    },
    /// An extended header at the end of the archive.
    #[error("a header about nothing: expected an entry after it at byte {at}, found the end")]
    Dangling {
        /// Where the entry had to be.
        at: u64,
    },
    /// An extended header, or a long name, of more bytes than are read.
    #[error("an extended header too large: expected at most {most} bytes at byte {at}, found {found}")]
    ExtendedTooLarge {
        /// Where it begins.
        at: u64,
        /// How many bytes there may be.
        most: u64,
        /// Its size, in bytes.
        found: u64,
    },
    /// A GNU long name that does not end in its one NUL.
    #[error("a faulty long name at byte {at}: expected one zero byte, as its last, found something else")]
    LongName {
        /// Where its header begins.
        at: u64,
    },
    /// A record of a pax header that is not `LENGTH KEYWORD=VALUE` and a line break.
    #[error(
        "a faulty pax record at byte {at}: expected its length, a keyword and a value, found something else"
    )]
    PaxRecord {
        /// Where the record begins.
        at: u64,
    },
    /// A keyword that a pax header has twice.
    #[error("the pax keyword `{0}` twice in one header")]
    PaxTwice(Keyword),
    /// A keyword that may change what the entry is, in a way that this gate does not know.
    #[error("the unknown pax keyword `{0}`")]
    PaxUnknown(Keyword),
    /// A global header that says what only one entry can have: its name or its size.
    #[error("the pax keyword `{0}` in a global header")]
    PaxGlobal(Keyword),
    /// A value that the keyword can't have.
    #[error("a faulty value of the pax keyword `{0}`")]
    PaxValue(Keyword),
    /// A pax header gives a size, and the entry's own header another one that it had room for.
    #[error(
        "two sizes of one file: expected {expected} bytes as its header says, found {found} in its pax header"
    )]
    PaxSize {
        /// By the header of the entry.
        expected: u64,
        /// By the pax header.
        found: u64,
    },
}

/// The beginning of a keyword, for messages. Faults are held by the million, so it is short and of one size.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    start: [u8; Self::SHOWN],
    length: u8,
}

impl Keyword {
    const SHOWN: usize = 22;

    pub(super) fn of(keyword: &[u8]) -> Self {
        let mut start = [0; Self::SHOWN];
        for (to, from) in start.iter_mut().zip(keyword) {
            *to = *from;
        }
        Self { start, length: u8::try_from(keyword.len()).unwrap_or(u8::MAX) }
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.start.get(..usize::from(self.length));
        f.write_str(&escape::bytes(whole.unwrap_or(&self.start)))?;
        f.write_str(if whole.is_some() { "" } else { "…" })
    }
}

impl fmt::Debug for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
