//! ASCII armor (RFC 9580, section 6), one block and nothing around it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// What an armored block says that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    PublicKey,
    Signature,
}

impl Block {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::PublicKey => "PUBLIC KEY BLOCK",
            Self::Signature => "SIGNATURE",
        }
    }
}

/// The bytes in `received`, which is either one armored `block` or binary.
pub(super) fn open(received: &[u8], block: Block) -> Result<Cow<'_, [u8]>, String> {
    let trimmed = received.trim_ascii();
    match trimmed.first() {
        None => return Ok(Cow::Borrowed(trimmed)),
        Some(0x80..) => return Ok(Cow::Borrowed(received)),
        Some(_) => {}
    }
    read(trimmed, block).map(Cow::Owned)
}

/// Reads one block. Its headers are nobody's word and are read past. The checksum at its end is nothing to trust either: where
/// it is wrong the block is damaged, and says so, although RFC 9580 (6.1) would have it ignored.
pub(super) fn read(text: &[u8], block: Block) -> Result<Vec<u8>, String> {
    let label = block.label();
    let text = std::str::from_utf8(text).map_err(|e| {
        format!("byte {}: expected ASCII armor, found bytes that are not text", e.valid_up_to())
    })?;
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).zip(1_usize..);
    let begin = format!("-----BEGIN PGP {label}-----");
    let end = format!("-----END PGP {label}-----");
    match lines.next() {
        Some((line, _)) if line == begin => {}
        Some((line, _)) if line.contains("PRIVATE KEY") => {
            return Err(format!("line 1: expected {begin:?}, found a private key"));
        }
        Some((line, _)) => return Err(format!("line 1: expected {begin:?}, found {:?}", beginning(line))),
        None => return Err(format!("line 1: expected {begin:?}, found nothing")),
    }
    headers(&mut lines, &end)?;
    let mut joined = String::with_capacity(text.len());
    let mut checksum = None;
    loop {
        let Some((line, number)) = lines.next() else {
            return Err(format!("expected {end:?}, found the end of the text"));
        };
        if line == end {
            break;
        }
        match (line.strip_prefix('='), checksum) {
            (Some(sum), None) => checksum = Some(sum),
            (None, None) if !line.is_empty() => joined.push_str(line),
            _ => {
                return Err(format!(
                    "line {number}: expected base64 or {end:?}, found {:?}",
                    beginning(line)
                ));
            }
        }
    }
    if let Some((line, number)) = lines.next() {
        return Err(format!("line {number}: expected nothing behind {end:?}, found {:?}", beginning(line)));
    }
    let bytes =
        STANDARD.decode(&joined).map_err(|why| format!("expected base64 between the lines, found: {why}"))?;
    if let Some(sum) = checksum {
        let expected = STANDARD.encode(crc24(&bytes));
        if sum != expected {
            return Err(format!(
                "expected the checksum {expected:?}, found {:?}: the block is damaged",
                beginning(sum)
            ));
        }
    }
    Ok(bytes)
}

/// `Key: value` lines, up to the empty one.
fn headers<'t>(lines: &mut impl Iterator<Item = (&'t str, usize)>, end: &str) -> Result<(), String> {
    loop {
        let Some((line, number)) = lines.next() else {
            return Err(format!("expected {end:?}, found the end of the text"));
        };
        if line.trim_matches([' ', '\t']).is_empty() {
            return Ok(());
        }
        let is_header = line.split_once(':').is_some_and(|(name, value)| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && value.starts_with(' ')
                || value.is_empty() && !name.is_empty()
        });
        if !is_header {
            return Err(format!(
                "line {number}: expected a header or an empty line, found {:?}",
                beginning(line)
            ));
        }
    }
}

/// The beginning of a line, for messages.
pub(super) fn beginning(line: &str) -> String {
    line.chars().take(60).collect()
}

fn crc24(bytes: &[u8]) -> [u8; 3] {
    let crc = bytes.iter().fold(0x00b7_04ce_u32, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << 16), |crc, _| {
            let shifted = crc << 1;
            if shifted & 0x0100_0000 == 0 { shifted } else { shifted ^ 0x0186_4cfb }
        })
    });
    let [_, a, b, c] = crc.to_be_bytes();
    [a, b, c]
}
