//! Paragraphs of fields, as Debian's control files have them (deb822(5)).
//!
//! Strict where readers differ: one spelling of a line break, no field twice, no comments, no lines of blanks.

use crate::limits;

/// Why a text is not of this form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Malformed {
    /// The line's number.
    pub line: usize,
    /// What was expected, and what was found.
    pub why: String,
}

pub(super) fn malformed(line: usize, why: impl Into<String>) -> Malformed {
    Malformed { line, why: why.into() }
}

/// One field.
#[derive(Debug, Clone)]
pub(super) struct Field<'t> {
    pub(super) name: &'t str,
    /// The first line, without blanks around it.
    pub(super) value: &'t str,
    /// The lines after it, without the blank in front.
    pub(super) more: Vec<&'t str>,
    pub(super) line: usize,
}

impl<'t> Field<'t> {
    /// The value of a field that has one line, which is not empty.
    pub(super) fn single(&self) -> Result<&'t str, Malformed> {
        if self.more.is_empty() && !self.value.is_empty() {
            Ok(self.value)
        } else {
            Err(malformed(
                self.line,
                format!("expected field {} to have one line of text, found another form", self.name),
            ))
        }
    }

    /// The lines of a field that is a list: nothing stands on its first line.
    pub(super) fn rows(&self) -> Result<impl Iterator<Item = (usize, &'t str)>, Malformed> {
        if !self.value.is_empty() {
            let why = format!(
                "expected the list {} to begin on the next line, found {:?}",
                self.name,
                shown(self.value)
            );
            return Err(malformed(self.line, why));
        }
        Ok((self.line.saturating_add(1)..).zip(self.more.iter().copied()))
    }
}

/// The beginning of foreign text, for messages.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Fields, each once.
#[derive(Debug, Clone)]
pub(super) struct Paragraph<'t> {
    fields: Vec<Field<'t>>,
    pub(super) line: usize,
}

impl<'t> Paragraph<'t> {
    /// The field of this name, whose case has no meaning.
    pub(super) fn field(&self, name: &str) -> Option<&Field<'t>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn single(&self, name: &str) -> Result<Option<&'t str>, Malformed> {
        self.field(name).map(Field::single).transpose()
    }

    pub(super) fn needed(&self, name: &str) -> Result<&'t str, Malformed> {
        let missing = || {
            malformed(self.line, format!("expected field {name} in the paragraph from here on, found none"))
        };
        self.single(name)?.ok_or_else(missing)
    }
}

/// Paragraphs, one after the other.
pub(super) struct Paragraphs<'t> {
    lines: std::iter::Peekable<std::iter::Zip<std::str::Split<'t, char>, std::ops::RangeFrom<usize>>>,
}

/// Reads `bytes` paragraph by paragraph.
pub(super) fn paragraphs(bytes: &[u8]) -> Result<Paragraphs<'_>, Malformed> {
    let line_of = |at: usize| {
        let before = bytes.get(..at).unwrap_or_default();
        memchr::memchr_iter(b'\n', before).count().saturating_add(1)
    };
    let bad = bytes.iter().position(|byte| matches!(byte, 0..=8 | 11..=31 | 127));
    if let Some((at, byte)) = bad.and_then(|at| Some((at, bytes.get(at)?))) {
        return Err(malformed(
            line_of(at),
            format!("expected text, found the control character U+{byte:04X}"),
        ));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|e| malformed(line_of(e.valid_up_to()), "expected UTF-8, found something else"))?;
    Ok(Paragraphs { lines: text.split('\n').zip(1..).peekable() })
}

impl<'t> Iterator for Paragraphs<'t> {
    type Item = Result<Paragraph<'t>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.lines.next_if(|(line, _)| line.is_empty()).is_some() {}
        let line = self.lines.peek()?.1;
        let mut paragraph = Paragraph { fields: Vec::new(), line };
        while let Some((text, line)) = self.lines.next_if(|(line, _)| !line.is_empty()) {
            if let Err(why) = paragraph.take(text, line) {
                return Some(Err(why));
            }
        }
        Some(Ok(paragraph))
    }
}

impl<'t> Paragraph<'t> {
    fn take(&mut self, text: &'t str, line: usize) -> Result<(), Malformed> {
        if let Some(more) = text.strip_prefix([' ', '\t']) {
            if more.trim_matches([' ', '\t']).is_empty() {
                return Err(malformed(line, "expected a line of text, or an empty one, found one of blanks"));
            }
            let field = self.fields.last_mut();
            field
                .ok_or_else(|| malformed(line, "expected a field, found a line that goes on with one"))?
                .more
                .push(more);
            return Ok(());
        }
        let parts = text.split_once(':').filter(|(name, _)| {
            !name.is_empty()
                && !name.starts_with(['#', '-'])
                && name.bytes().all(|byte| byte.is_ascii_graphic())
        });
        let (name, value) = parts
            .ok_or_else(|| malformed(line, format!("expected `Name: value`, found {:?}", shown(text))))?;
        if self.field(name).is_some() {
            return Err(malformed(line, format!("expected field {name} once, found it twice")));
        }
        if self.fields.len() >= limits::DEBIAN_FIELDS {
            let most = limits::DEBIAN_FIELDS;
            return Err(malformed(
                line,
                format!("expected at most {most} fields in a paragraph, found more"),
            ));
        }
        self.fields.push(Field { name, value: value.trim_matches([' ', '\t']), more: Vec::new(), line });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Paragraph<'_>>, Malformed> {
        paragraphs(text.as_bytes())?.collect()
    }

    #[test]
    fn fields_go_on_and_paragraphs_end() {
        let read = read("A: 1 \nb:\n x\n\ty\n .\n\n\nA:2\n").unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].needed("a"), Ok("1"));
        assert_eq!(read[0].field("B").unwrap().more, ["x", "y", "."]);
        assert_eq!(read[1].needed("A"), Ok("2"));
        assert_eq!(read[1].line, 8);
    }

    #[test]
    fn other_forms_are_refused_with_their_line() {
        for (text, says) in [
            ("A: 1\nA: 2\n", "line 2: expected field A once"),
            ("A: 1\nB: 1\na: 2\n", "line 3: expected field a once"),
            (" x\n", "line 1: expected a field"),
            ("A: 1\n \nB: 2\n", "line 2: expected a line of text"),
            ("A: 1\n# note\n", "line 2: expected `Name: value`"),
            ("-A: 1\n", "line 1: expected `Name: value`"),
            ("A b: 1\n", "line 1: expected `Name: value`"),
            ("text\n", "line 1: expected `Name: value`"),
            (": 1\n", "line 1: expected `Name: value`"),
            ("A: 1\r\n", "line 1: expected text, found the control character U+000D"),
            ("A: 1\nB: \0\n", "line 2: expected text, found the control character U+0000"),
            ("\u{feff}A: 1\n", "line 1: expected `Name: value`"),
        ] {
            let refusal = read(text).unwrap_err().to_string();
            assert!(refusal.starts_with(says), "{text:?}: {refusal}");
        }
        let refusal = paragraphs(b"A: 1\nB: \xff\n").err().unwrap().to_string();
        assert!(refusal.starts_with("line 2: expected UTF-8"), "{refusal}");
        let many: String = (0..=limits::DEBIAN_FIELDS).map(|n| format!("F{n}: x\n")).collect();
        assert!(read(&many).unwrap_err().to_string().contains("at most 256 fields"));
    }
}
