//! PEM (RFC 7468), read strictly: blocks and blank lines, and nothing else.
//!
//! Text around the blocks is refused: other tools skip it, and what a person reads there says nothing about what counts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What one block holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The words between BEGIN and the dashes.
    pub(crate) label: String,
    /// Its contents, decoded.
    pub(crate) der: Vec<u8>,
    /// The line that it begins in, from 1.
    pub(crate) line: usize,
}

/// Why a text is not PEM. Never carries the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemRefusal {
    /// Something else than a block or a blank line.
    #[error("line {line}: expected a line -----BEGIN ...-----, found other text")]
    OtherText {
        /// Where, from 1.
        line: usize,
    },
    /// No line that ends the block, or one with another label.
    #[error("line {line}: expected this block to end in -----END {label}-----, found no such line")]
    NotEnded {
        /// Where it begins, from 1.
        line: usize,
        /// Its label.
        label: String,
    },
    /// What stands between is not base64.
    #[error(
        "line {line}: expected base64 (RFC 4648, section 4, with padding) in this block, found something else"
    )]
    NotBase64 {
        /// Where the block begins, from 1.
        line: usize,
    },
    /// More blocks than are read.
    #[error("expected at most {expected} PEM blocks, found more")]
    TooMany {
        /// How many are read.
        expected: usize,
    },
    /// No block at all.
    #[error("expected a PEM block (-----BEGIN ...-----), found none")]
    None,
    /// A private key. Its text is never repeated.
    #[error(
        "this holds a private key; expected public material alone. Treat the private key as exposed if others can read this file"
    )]
    Private,
}

/// Reads all blocks of a text: at least one, and at most `cap`. Lines end in LF or CR LF and are of any length.
pub(crate) fn blocks(text: &str, cap: usize) -> Result<Vec<Block>, PemRefusal> {
    if text.contains("PRIVATE KEY") {
        return Err(PemRefusal::Private);
    }
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).zip(1_usize..);
    let mut blocks = Vec::new();
    while let Some((first, line)) = lines.next() {
        if first.is_empty() {
            continue;
        }
        let label = label(first).ok_or(PemRefusal::OtherText { line })?;
        if blocks.len() >= cap {
            return Err(PemRefusal::TooMany { expected: cap });
        }
        let end = format!("-----END {label}-----");
        let mut body = String::new();
        loop {
            match lines.next() {
                Some((inside, _)) if inside == end => break,
                Some((inside, _)) if !inside.is_empty() && !inside.starts_with('-') => body.push_str(inside),
                _ => return Err(PemRefusal::NotEnded { line, label: label.to_owned() }),
            }
        }
        let der = STANDARD.decode(&body).map_err(|_| PemRefusal::NotBase64 { line })?;
        blocks.push(Block { label: label.to_owned(), der, line });
    }
    if blocks.is_empty() { Err(PemRefusal::None) } else { Ok(blocks) }
}

/// The label of a line that begins a block: capitals, digits and single blanks.
fn label(line: &str) -> Option<&str> {
    let label = line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    (label.len() <= 64 && label.split(' ').all(word)).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_and_nothing_beside_them() {
        let one = "-----BEGIN CMS-----\nAAEC\nAw==\n-----END CMS-----\n";
        let expected = Block { label: "CMS".into(), der: vec![0, 1, 2, 3], line: 1 };
        assert_eq!(blocks(one, 1), Ok(vec![expected.clone()]));
        assert_eq!(blocks(&one.replace('\n', "\r\n"), 1), Ok(vec![expected]));
        assert_eq!(blocks(&format!("{one}\n{one}"), 2).map(|found| found.len()), Ok(2));
        assert_eq!(blocks(&format!("{one}{one}"), 1), Err(PemRefusal::TooMany { expected: 1 }));
        for (claim, text, expected) in [
            ("text before", format!("Hello\n{one}"), PemRefusal::OtherText { line: 1 }),
            ("text behind", format!("{one}x"), PemRefusal::OtherText { line: 5 }),
            ("nothing", String::new(), PemRefusal::None),
            (
                "no end",
                one.replace("END CMS", "END CMD"),
                PemRefusal::NotEnded { line: 1, label: "CMS".into() },
            ),
            ("a blank inside", one.replace("AAEC", "AA EC"), PemRefusal::NotBase64 { line: 1 }),
            ("no padding", one.replace("==", ""), PemRefusal::NotBase64 { line: 1 }),
            ("bits behind the last byte", one.replace("Aw", "Ax"), PemRefusal::NotBase64 { line: 1 }),
            ("a private key", one.replace("CMS", "EC PRIVATE KEY"), PemRefusal::Private),
        ] {
            assert_eq!(blocks(&text, 9), Err(expected), "{claim}");
        }
    }
}
