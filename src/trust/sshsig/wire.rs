//! The data types of RFC 4251, section 5, read without a second spelling for any value.

/// What is left to read.
pub(super) struct Wire<'b>(&'b [u8]);

impl<'b> Wire<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn string(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    /// The magnitude of an `mpint` above zero, without zeros at its start.
    pub(super) fn positive(&mut self) -> Option<&'b [u8]> {
        let number = self.string()?;
        match number {
            [0, next, ..] if *next >= 0x80 => number.strip_prefix(&[0]),
            [first, ..] if (1..0x80).contains(first) => Some(number),
            _ => None,
        }
    }

    /// `value`, if nothing is left.
    pub(super) fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// Adds a `string`. None that is written here is longer than a file that was read.
pub(super) fn put(to: &mut Vec<u8>, string: &[u8]) {
    to.extend_from_slice(&u32::try_from(string.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend_from_slice(string);
}
