//! What can be wrong with a compressed stream.

use crate::limits;

/// Why a compressed stream does not count. Positions count the bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file ends before the stream does.
    #[error("a cut package: expected more compressed data, found the end at byte {at}")]
    CutShort {
        /// Where the file ends.
        at: u64,
    },
    /// Something after the last part, which some readers leave out and others fail at.
    #[error("trailing data: expected the end of the compressed data at byte {at}, found something else")]
    Trailing {
        /// Where it begins.
        at: u64,
    },
    /// A header that its format does not allow, or says nothing about.
    #[error("a faulty header of compressed data at byte {at}: expected {expected}, found something else")]
    Header {
        /// Where it begins.
        at: u64,
        /// What had to be there.
        expected: &'static str,
    },
    /// A part of the stream that no reader unpacks.
    #[error("hidden data: expected nothing but compressed data, found {what} at byte {at}")]
    Hidden {
        /// What it is.
        what: &'static str,
        /// Where it begins.
        at: u64,
    },
    /// The compressed data can't be unpacked.
    #[error("damaged compressed data before byte {at}: {why}")]
    Garbled {
        /// How far it was read.
        at: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The unpacked bytes have another check sum than the stream says.
    #[error("damaged compressed data: expected the CRC-32 {expected:08x}, found {found:08x}")]
    CheckSum {
        /// By the stream.
        expected: u32,
        /// Of the unpacked bytes.
        found: u32,
    },
    /// The unpacked bytes are more or fewer than the stream says, counted modulo 2^32.
    #[error("damaged compressed data: expected {expected} bytes unpacked, found {found} (both modulo 2^32)")]
    Size {
        /// By the stream.
        expected: u32,
        /// What was unpacked.
        found: u32,
    },
    /// Unpacking takes more memory than there may be.
    #[error("compressed data that needs much memory: expected at most {most} bytes for {what}")]
    Memory {
        /// What takes it.
        what: &'static str,
        /// How much there may be, in bytes.
        most: u64,
    },
    /// It unpacks to more than a package of its size may.
    #[error(
        "a package that unpacks to too much: expected at most {most} bytes ({} for each of its own, or {} in all), found more",
        limits::PACKAGE_RATIO,
        limits::PACKAGE_FREE_BYTES
    )]
    TooMuch {
        /// How many bytes there may be.
        most: u64,
    },
}
