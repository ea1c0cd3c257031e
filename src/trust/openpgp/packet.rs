//! Packets (RFC 9580, section 4), and the numbers inside them.
//!
//! Both forms of header are read, since GnuPG writes the old one. Lengths that are left open (partial, indeterminate) are for
//! data that is streamed and never stand before what is read here.

/// A packet: its type and its content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'b> {
    pub(super) tag: u8,
    pub(super) body: &'b [u8],
}

pub(super) const SIGNATURE: u8 = 2;
pub(super) const SECRET_KEY: u8 = 5;
pub(super) const PUBLIC_KEY: u8 = 6;
pub(super) const SECRET_SUBKEY: u8 = 7;
pub(super) const MARKER: u8 = 10;
pub(super) const TRUST: u8 = 12;
pub(super) const USER_ID: u8 = 13;
pub(super) const PUBLIC_SUBKEY: u8 = 14;
pub(super) const USER_ATTRIBUTE: u8 = 17;
pub(super) const PADDING: u8 = 21;

/// What a type of packet is called in messages.
pub(super) fn called(tag: u8) -> String {
    let name = match tag {
        1 | 3 => "an encrypted session key",
        SIGNATURE => "a signature",
        4 => "a one-pass signature",
        SECRET_KEY | SECRET_SUBKEY => "a private key",
        PUBLIC_KEY => "a public key",
        8 => "compressed data",
        9 | 18 | 20 => "encrypted data",
        11 => "a message with its text inside",
        USER_ID => "a user id",
        PUBLIC_SUBKEY => "a subkey",
        USER_ATTRIBUTE => "a user attribute",
        _ => return format!("a packet of type {tag}"),
    };
    name.to_owned()
}

/// All packets of `bytes`, which end where the last one ends.
pub(super) fn all(bytes: &[u8]) -> Result<Vec<Packet<'_>>, String> {
    let mut reader = Reader::new(bytes);
    let mut packets = Vec::new();
    while !reader.is_empty() {
        let at = bytes.len().saturating_sub(reader.left());
        let packet = next(&mut reader).ok_or_else(|| {
            format!("byte {at}: expected a whole OpenPGP packet of stated length, found none, or one that is cut off")
        })?;
        packets.push(packet);
    }
    Ok(packets)
}

fn next<'b>(reader: &mut Reader<'b>) -> Option<Packet<'b>> {
    let first = reader.byte()?;
    let (tag, length) = match first {
        0xc0.. => (first & 0x3f, new_length(reader)?),
        0x80.. => (
            (first >> 2) & 0x0f,
            match first & 3 {
                0 => usize::from(reader.byte()?),
                1 => usize::from(reader.two()?),
                2 => usize::try_from(reader.four()?).ok()?,
                _ => return None,
            },
        ),
        _ => return None,
    };
    Some(Packet { tag, body: reader.take(length)? })
}

fn new_length(reader: &mut Reader<'_>) -> Option<usize> {
    match reader.byte()? {
        255 => usize::try_from(reader.four()?).ok(),
        224..=254 => None,
        first @ 192.. => two_byte_length(first, reader.byte()?),
        first => Some(usize::from(first)),
    }
}

/// The length of a subpacket, whose first byte has no meaning of its own (RFC 9580, section 5.2.3.7).
pub(super) fn subpacket_length(reader: &mut Reader<'_>) -> Option<usize> {
    match reader.byte()? {
        255 => usize::try_from(reader.four()?).ok(),
        first @ 192.. => two_byte_length(first, reader.byte()?),
        first => Some(usize::from(first)),
    }
}

fn two_byte_length(first: u8, second: u8) -> Option<usize> {
    usize::from(first).checked_sub(192)?.checked_mul(256)?.checked_add(usize::from(second))?.checked_add(192)
}

/// Bytes, from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn rest(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.0)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn two(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn four(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A multiprecision integer, without leading zeros: the stated number of bits must be that of the number, so that one
    /// number has one spelling (RFC 9580, section 3.2).
    pub(super) fn number(&mut self) -> Option<&'b [u8]> {
        let bits = usize::from(self.two()?);
        let bytes = self.take(bits.div_ceil(8))?;
        let first = bytes.first().copied().unwrap_or(1);
        let expected =
            bytes.len().checked_mul(8)?.checked_sub(usize::try_from(first.leading_zeros()).ok()?)?;
        (bytes.is_empty() && bits == 0 || !bytes.is_empty() && bits == expected).then_some(bytes)
    }
}
