//! BER with lengths left open, made DER (X.690, sections 8 and 10): what Bouncy Castle writes around the parts
//! that are signed.
//!
//! Lengths get their shortest form, and strings of bytes in pieces become one. Nothing is put into another order, and what was DER
//! before stays as it is. So certificates keep the bytes under their signatures, and signed attributes get those that they were
//! signed in (RFC 5652, section 5.4).

/// Deepest nesting: that of a certificate's extensions in a SignedData is 12. Each level copies what it holds once.
const DEPTH: usize = 32;

const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const CONSTRUCTED: u8 = 0x20;
const END: [u8; 2] = [0, 0];

/// One value as DER, where `bytes` are one value in BER and nothing else.
pub(super) fn to_der(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut der = Vec::with_capacity(bytes.len());
    value(bytes, DEPTH, &mut der).filter(|rest| rest.is_empty()).map(|_| der)
}

/// Appends the first value of `bytes` to `der`, and gives what follows it.
fn value<'b>(bytes: &'b [u8], depth: usize, der: &mut Vec<u8>) -> Option<&'b [u8]> {
    let depth = depth.checked_sub(1)?;
    let (tag, rest) = bytes.split_first()?;
    // Tags of several bytes stand nowhere in these structures.
    if tag & 0x1f == 0x1f || *tag == 0 {
        return None;
    }
    let (length, rest) = length(rest)?;
    let is_constructed = tag & CONSTRUCTED != 0;
    let (inside, rest) = match length {
        Some(length) => rest.split_at_checked(length).map(|(inside, rest)| (inside, Some(rest)))?,
        None if is_constructed => (rest, None),
        None => return None,
    };
    if !is_constructed {
        write(*tag, inside, der);
        return rest;
    }
    let mut contents = Vec::new();
    let mut left = inside;
    loop {
        match (left.strip_prefix(&END), rest) {
            (Some(behind), None) => {
                left = behind;
                break;
            }
            (_, Some(_)) if left.is_empty() => break,
            _ => left = value(left, depth, &mut contents)?,
        }
    }
    match *tag {
        OCTETS_IN_PIECES => write(OCTETS, &joined(&contents)?, der),
        tag => write(tag, &contents, der),
    }
    Some(rest.unwrap_or(left))
}

/// The length of a value, or that it is left open, and what follows.
fn length(bytes: &[u8]) -> Option<(Option<usize>, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0x80 => Some((None, rest)),
        short @ 0..0x80 => Some((Some(usize::from(*short)), rest)),
        long => {
            let (digits, rest) =
                rest.split_at_checked(usize::from(long & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
            let length = digits.iter().fold(0_u32, |length, digit| (length << 8) | u32::from(*digit));
            Some((usize::try_from(length).ok(), rest))
        }
    }
}

fn write(tag: u8, contents: &[u8], der: &mut Vec<u8>) {
    der.push(tag);
    let digits = contents.len().to_be_bytes();
    let digits: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
    match (u8::try_from(contents.len()), u8::try_from(digits.len())) {
        (Ok(short @ 0..0x80), _) => der.push(short),
        (_, Ok(count)) => {
            der.push(0x80 | count);
            der.extend(digits);
        }
        _ => {}
    }
    der.extend_from_slice(contents);
}

/// The bytes of pieces that are DER strings of bytes.
fn joined(mut pieces: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some((tag, rest)) = pieces.split_first() {
        let (length, rest) = length(rest).filter(|_| *tag == OCTETS)?;
        let (piece, rest) = rest.split_at_checked(length?)?;
        whole.extend_from_slice(piece);
        pieces = rest;
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::to_der;

    #[test]
    fn open_lengths_are_closed_and_pieces_joined() {
        for (claim, ber, der) in [
            ("DER", &[0x30, 3, 2, 1, 5][..], Some(&[0x30, 3, 2, 1, 5][..])),
            ("an open length", &[0x30, 0x80, 2, 1, 5, 0, 0], Some(&[0x30, 3, 2, 1, 5])),
            ("a long length", &[0x30, 0x81, 3, 2, 1, 5], Some(&[0x30, 3, 2, 1, 5])),
            ("pieces", &[0x24, 0x80, 4, 1, 7, 4, 1, 8, 0, 0], Some(&[4, 2, 7, 8])),
            ("pieces of pieces", &[0x24, 0x80, 0x24, 3, 4, 1, 7, 4, 1, 8, 0, 0], Some(&[4, 2, 7, 8])),
            ("nothing inside", &[0x30, 0x80, 0, 0], Some(&[0x30, 0])),
            ("no end", &[0x30, 0x80, 2, 1, 5], None),
            ("an end in a closed one", &[0x30, 2, 0, 0], None),
            ("more behind", &[0x30, 0x80, 0, 0, 0], None),
            ("an open primitive", &[4, 0x80, 0, 0], None),
            ("another piece", &[0x24, 0x80, 2, 1, 5, 0, 0], None),
            ("too short", &[0x30, 4, 2, 1, 5], None),
            ("a huge length", &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0], None),
            ("a length of five bytes", &[0x30, 0x85, 0, 0, 0, 0, 1, 0], None),
            ("nothing", &[], None),
        ] {
            assert_eq!(to_der(ber).as_deref(), der, "{claim}");
        }
        let deep = |levels: usize| [[0x30, 0x80].repeat(levels), vec![0; 2 * levels]].concat();
        assert!(to_der(&deep(32)).is_some());
        assert!(to_der(&deep(33)).is_none() && to_der(&deep(500_000)).is_none());
    }
}
