//! Indexes, unpacked.

use crate::limits;
use flate2::read::MultiGzDecoder;
use std::io::Read;

/// How an index is packed, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    Plain,
    Gzip,
    Xz,
}

impl Form {
    /// By what follows the index's name; `None` for what is not read here.
    pub(super) fn of(extension: &str) -> Option<Self> {
        match extension {
            "" => Some(Self::Plain),
            ".gz" => Some(Self::Gzip),
            ".xz" if cfg!(feature = "xz") => Some(Self::Xz),
            _ => None,
        }
    }

    /// The index in `bytes`, of at most `cap` bytes.
    pub(super) fn unpack(self, bytes: Vec<u8>, cap: u64) -> Result<Vec<u8>, String> {
        match self {
            Self::Plain => Ok(bytes),
            Self::Gzip => read(MultiGzDecoder::new(bytes.as_slice()), cap),
            Self::Xz => xz(&bytes, cap),
        }
    }
}

#[cfg(feature = "xz")]
fn xz(bytes: &[u8], cap: u64) -> Result<Vec<u8>, String> {
    use liblzma::stream::{CONCATENATED, Stream};
    let stream = Stream::new_stream_decoder(limits::DEBIAN_XZ_MEMORY_BYTES, CONCATENATED);
    let stream = stream.map_err(|why| format!("can't unpack xz: {why}"))?;
    read(liblzma::read::XzDecoder::new_stream(bytes, stream), cap)
}

#[cfg(not(feature = "xz"))]
fn xz(_: &[u8], _: u64) -> Result<Vec<u8>, String> {
    Err("expected an index that is plain or packed by gzip, found xz, which this build does not read"
        .to_owned())
}

fn read(reader: impl Read, cap: u64) -> Result<Vec<u8>, String> {
    let cap = cap.min(limits::DEBIAN_INDEX_BYTES);
    let mut unpacked = Vec::new();
    reader
        .take(cap.saturating_add(1))
        .read_to_end(&mut unpacked)
        .map_err(|why| format!("can't be unpacked: {why}"))?;
    if unpacked.len() as u64 > cap {
        return Err(format!("expected it to unpack to at most {cap} bytes, found more"));
    }
    Ok(unpacked)
}
