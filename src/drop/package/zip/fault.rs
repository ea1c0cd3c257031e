//! What can be wrong with a zip package.

use crate::limits;

/// What a zip package, or an entry of it, has that two readers may take for different things, or that none can be held
/// to. Sections are those of APPNOTE.TXT 6.3.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No end of central directory record (4.3.16), or none whose comment ends with the file: the file is cut, or
    /// something was appended to it.
    #[error(
        "a package without its end: expected an end of central directory record up to the last byte, found none"
    )]
    NoEnd,
    /// The comment of the archive, or what stands before it, can be read as another end record.
    #[error(
        "a package with two ends: expected one end of central directory record, found another at byte {at}"
    )]
    TwoEnds {
        /// Where the other one is.
        at: u64,
    },
    /// A comment in which a reader could find a record.
    #[error(
        "a comment with a record in it: expected a comment without zip signatures, found one at byte {at}"
    )]
    CommentWithRecord {
        /// Where the signature is.
        at: u64,
    },
    /// The archive is one volume of several.
    #[error("a part of a package: expected one volume, found volume number {found}")]
    Volumes {
        /// A volume number, or a number of volumes, other than that of a single one.
        found: u32,
    },
    /// The Zip64 end record or its locator (4.3.14, 4.3.15) is not what must stand there.
    #[error("a faulty Zip64 end record: expected {expected}, found something else")]
    Zip64End {
        /// What had to be there.
        expected: &'static str,
    },
    /// An end record and its Zip64 counterpart, or the directory itself, disagree.
    #[error("records that disagree about {what}: expected {expected}, found {found}")]
    Disagree {
        /// What they disagree about.
        what: &'static str,
        /// By one of them.
        expected: u64,
        /// By the other.
        found: u64,
    },
    /// The central directory has something other than file headers (4.3.12) in it.
    #[error("a faulty central directory: expected a file header at byte {at}, found something else")]
    NoHeader {
        /// Where it had to be.
        at: u64,
    },
    /// Bytes that belong to no entry: before, between or after them.
    #[error("hidden data: expected nothing at bytes {from} to {to}, found what belongs to no entry")]
    Gap {
        /// The first byte.
        from: u64,
        /// Where the next record starts.
        to: u64,
    },
    /// An entry that starts before the one before it ends: a few bytes can so stand for any number of files.
    #[error("an entry over another: expected one from byte {expected} on, found one at byte {found}")]
    Overlap {
        /// Where the entry before it ends.
        expected: u64,
        /// Where it starts.
        found: u64,
    },
    /// There is no local header (4.3.7) where the central directory says.
    #[error("without a header of its own: expected one at byte {at}, found something else")]
    NoLocalHeader {
        /// Where it had to be.
        at: u64,
    },
    /// The local header has another name.
    #[error("of another name in its own header: expected the name in the central directory, found another")]
    LocalName,
    /// The local header disagrees.
    #[error(
        "described in two ways: expected {what} {expected} as in the central directory, found {found} in its own header"
    )]
    Local {
        /// What of it.
        what: &'static str,
        /// By the central directory.
        expected: u64,
        /// By the local header.
        found: u64,
    },
    /// What follows the data of a streamed entry is not its data descriptor (4.3.9).
    #[error(
        "without the data descriptor that its header announces: expected one at byte {at}, found something else"
    )]
    NoDescriptor {
        /// Where it had to be.
        at: u64,
    },
    /// An entry that is neither compressed nor has its size before its data (4.4.4, bit 3).
    #[error("stored without its size before it: expected the size in its own header, found none")]
    StreamedStored,
    /// The entry is encrypted.
    #[error("encrypted: expected an entry that anybody can read, found flags {flags:#06x}")]
    Encrypted {
        /// The general purpose bit flag (4.4.4).
        flags: u16,
    },
    /// A flag that this gate does not know the meaning of, or that no package should carry.
    #[error(
        "of unknown form: expected flags for compression, streaming and UTF-8 alone, found flags {flags:#06x}"
    )]
    Flags {
        /// The general purpose bit flag (4.4.4).
        flags: u16,
    },
    /// Compressed by a method that this gate does not read.
    #[error("compressed by method {method}: expected 0 (stored) or 8 (deflate)")]
    Method {
        /// The compression method (4.4.5).
        method: u16,
    },
    /// A stored entry whose two sizes differ.
    #[error("of two sizes: expected {size} bytes stored as they are, found {packed}")]
    StoredSize {
        /// Unpacked.
        size: u64,
        /// Packed.
        packed: u64,
    },
    /// More than deflate can make of so few bytes.
    #[error(
        "of an impossible size: expected at most {} times {packed} packed bytes, found {size}",
        limits::DEFLATE_RATIO
    )]
    Impossible {
        /// Packed.
        packed: u64,
        /// Unpacked.
        size: u64,
    },
    /// A package that would unpack to many times its own size.
    #[error(
        "a decompression bomb: expected at most {} bytes or {} times the package's {packed}, found {size}",
        limits::PACKAGE_FREE_BYTES,
        limits::PACKAGE_RATIO
    )]
    Bomb {
        /// The package's size.
        packed: u64,
        /// All entries unpacked.
        size: u64,
    },
    /// The extra fields (4.5) of an entry do not fill the place that they have.
    #[error("with faulty extra fields: expected whole fields, found part of one")]
    Extra,
    /// The same extra field twice.
    #[error("with an extra field twice: expected {id:#06x} once, found it again")]
    ExtraTwice {
        /// The field's id.
        id: u16,
    },
    /// An extra field that makes something else of the entry for readers that know it.
    #[error("with an extra field that changes what it is: expected none such, found {id:#06x}")]
    ExtraRefused {
        /// The field's id.
        id: u16,
    },
    /// The Zip64 extra field (4.5.3) does not hold what the header leaves to it.
    #[error(
        "with a faulty Zip64 extra field: expected what the header leaves to it and nothing else, found {found} bytes"
    )]
    Zip64Extra {
        /// The field's length.
        found: u64,
    },
    /// The Unicode path extra field (4.6.9) has another name.
    #[error("of two names: expected the header's in the Unicode path field, found another")]
    UnicodePath,
    /// A name in an encoding that the package does not say.
    #[error("a name in an unstated encoding: expected ASCII, or UTF-8 with its flag, found other bytes")]
    NameEncoding,
    /// The name and the attributes disagree on whether it is a directory.
    #[error(
        "a directory or a file: expected a name that ends in `/` for a directory and for nothing else, found otherwise"
    )]
    DirectoryOrFile,
    /// A directory that has contents.
    #[error("a directory with contents: expected nothing packed in it, found {packed} bytes")]
    DirectoryWithData {
        /// Packed.
        packed: u64,
    },
}
