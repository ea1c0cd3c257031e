//! Text from a drop, made safe to show.
//!
//! A file name or a version is the vendor's, and a terminal obeys what it is sent: escape sequences
//! rewrite the screen, carriage returns hide a line, bidirectional controls show one name for
//! another. Everything that is not plainly visible leaves here as `\u{..}`, and a backslash as `\\`,
//! so that what is shown can be read back in one way only.

use std::fmt;
use std::path::Path;
use unicode_general_category::{GeneralCategory, get_general_category};

/// True for a character that is invisible, moves the cursor, changes the direction of text, or that
/// no Unicode version we know assigns.
pub fn is_deceptive(c: char) -> bool {
    use GeneralCategory as G;
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    match get_general_category(c) {
        G::Control
        | G::Format
        | G::Surrogate
        | G::PrivateUse
        | G::Unassigned
        | G::LineSeparator
        | G::ParagraphSeparator
        | G::SpaceSeparator => true,
        // Blank by design although they count as letters or symbols: Hangul fillers, Braille blank.
        _ => matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}'),
    }
}

/// Shows text from a drop with everything deceptive escaped.
///
/// ```
/// use dropgate::escape::Escaped;
/// assert_eq!(Escaped("plain.bin").to_string(), "plain.bin");
/// assert_eq!(Escaped("a\u{202e}b\n").to_string(), r"a\u{202e}b\u{a}");
/// assert_eq!(Escaped(r"a\b").to_string(), r"a\\b");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str(r"\\")?,
                c if is_deceptive(c) => write!(f, r"\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Shows a message that quotes foreign text and escaped it where it was quoted: backslashes stay as they are,
/// and whatever deceptive is left is escaped all the same.
///
/// ```
/// use dropgate::escape::Shown;
/// assert_eq!(Shown(r#"found "a\u{1b}""#).to_string(), r#"found "a\u{1b}""#);
/// assert_eq!(Shown("a\u{1b}").to_string(), r"a\u{1b}");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in self.0.chars() {
            match c {
                c if is_deceptive(c) => write!(f, r"\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Shows a path of the command line or of the operator's files. It may be named after something of a vendor's, and
/// a line break in it would make a message of its own.
///
/// ```
/// use std::path::Path;
/// assert_eq!(dropgate::escape::path(Path::new("a\nverdict: ACCEPT")), r"a\u{a}verdict: ACCEPT");
/// ```
pub fn path(path: &Path) -> String {
    bytes(path.as_os_str().as_encoded_bytes())
}

/// Shows the lines of a message: what each quotes is escaped as by [`Shown`], and the line breaks stay. What may
/// hold a line break of somebody else's must have been escaped where it was quoted.
pub fn lines(text: &str) -> String {
    let escaped: Vec<String> = text.lines().map(|line| Shown(line).to_string()).collect();
    escaped.join("\n")
}

/// Shows bytes that may not be UTF-8, as a file name on disk may not: invalid ones leave as `\xNN`.
///
/// ```
/// assert_eq!(dropgate::escape::bytes(b"caf\xe9.bin"), r"caf\xe9.bin");
/// ```
pub fn bytes(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        // Writing to a String cannot fail.
        let _ = write!(shown, "{}", Escaped(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(shown, r"\x{byte:02x}");
        }
    }
    shown
}

/// One segment of a URI or of a path, whatever the text: bytes other than `A-Z a-z 0-9 . _ - +` are percent-encoded, and so is
/// a dot at the start, so that no segment is hidden, `.` or `..`. Two texts never give one segment.
///
/// ```
/// use dropgate::escape::segment;
/// assert_eq!(segment("Acme Networks"), "Acme%20Networks");
/// assert_eq!(segment(".."), "%2E.");
/// assert_eq!(segment("a/b%2Fc"), "a%2Fb%252Fc");
/// ```
pub fn segment(text: &str) -> String {
    use fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
        if plain && !(byte == b'.' && encoded.is_empty()) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
