//! XML 1.0, the part of it that a report needs, and refusals for the rest.
//!
//! quick-xml finds the tokens and matches the end tags. It leaves to its user what is checked here: characters,
//! names and references that XML does not have, blanks between attributes, one root, nothing beside it. There are
//! no entities but the five predefined ones, since there is no document type to declare others in: that keeps away
//! bombs and files read from elsewhere. Sections cited are those of "Extensible Markup Language (XML) 1.0 (Fifth
//! Edition)".

use super::super::{Refusal, shortened};
use crate::escape::Escaped;
use crate::limits;
use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesDecl, BytesStart, Event};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The next thing in a document.
pub enum Node<'a> {
    /// A start tag; an empty element is a start tag with an end tag behind it.
    Open(Element<'a>),
    /// An end tag. It matches the newest start tag that is open.
    Close,
    /// Text or a CDATA section, whole or in part.
    Text(std::borrow::Cow<'a, str>),
    /// A character that the text gives by reference.
    Character(char),
}

/// A start tag, with well-formed attributes.
pub struct Element<'a> {
    start: BytesStart<'a>,
    /// The line that it begins on, counted from 1.
    pub line: u64,
}

impl Element<'_> {
    /// The name without its prefix: to a reader that knows no namespaces, `x:failure` must not be less than `failure`.
    pub fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// The attribute of exactly this name, normalised (section 3.3.3).
    pub fn attribute(&self, name: &str) -> Result<Option<String>, Refusal> {
        for attribute in self.start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| malformed(self.line, &error.to_string()))?;
            if attribute.key.0 == name {
                let value = attribute.normalized_value(XmlVersion::Explicit1_0);
                return match value {
                    Ok(value) => Ok(Some(value.into_owned())),
                    Err(error) => Err(malformed(self.line, &error.to_string())),
                };
            }
        }
        Ok(None)
    }

    /// Refuses what [`Attributes`] lets through; whoever asks for a value later relies on this.
    fn check(&self) -> Result<(), Refusal> {
        check_name(self.line, self.start.name().0)?;
        if !blanks_part_attributes(self.start.attributes_raw()) {
            return Err(Refusal::new(place(self.line), "a blank between two attributes", "none"));
        }
        for (index, attribute) in self.start.attributes().enumerate() {
            if index >= limits::XML_ATTRIBUTES {
                let expected = format!("at most {} attributes", limits::XML_ATTRIBUTES);
                return Err(Refusal::new(place(self.line), expected, "more"));
            }
            let attribute = attribute.map_err(|error| malformed(self.line, &error.to_string()))?;
            check_name(self.line, attribute.key.0)?;
            check_value(self.line, &attribute.value)?;
        }
        Ok(())
    }
}

/// Reads a document token by token.
pub struct Reader<'a> {
    text: &'a str,
    inner: quick_xml::Reader<&'a [u8]>,
    depth: usize,
    root_seen: bool,
    /// How far lines were counted, and the line there.
    counted: (usize, u64),
}

impl<'a> Reader<'a> {
    /// A reader of these bytes, which must be UTF-8. One byte order mark may stand in front: .NET writes it.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let text = utf8(bytes)?;
        let mut inner = quick_xml::Reader::from_str(text);
        let config = inner.config_mut();
        config.expand_empty_elements = true;
        config.enable_all_checks(true);
        Ok(Self { text, inner, depth: 0, root_seen: false, counted: (0, 1) })
    }

    /// The next node; none after the end of the root element and of the document.
    pub fn next(&mut self) -> Result<Option<Node<'a>>, Refusal> {
        loop {
            let start = usize::try_from(self.inner.buffer_position()).unwrap_or(usize::MAX);
            let event = match self.inner.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = usize::try_from(self.inner.error_position()).unwrap_or(start);
                    return Err(malformed(self.line(at), &error.to_string()));
                }
            };
            match event {
                Event::Comment(_) => {}
                Event::Decl(declaration) => self.declaration(&declaration, start)?,
                Event::Text(text) if self.depth == 0 => self.outside(&text, start)?,
                Event::Text(text) if text.contains("]]>") => {
                    return Err(Refusal::new(place(self.line(start)), "no `]]>` in a text", "one"));
                }
                Event::Text(text) => return Ok(Some(Node::Text(text.into_inner()))),
                Event::CData(text) if self.depth == 0 => {
                    self.outside(&format!("<![CDATA[{}", &*text), start)?
                }
                Event::CData(text) => return Ok(Some(Node::Text(text.into_inner()))),
                Event::GeneralRef(name) if self.depth == 0 => {
                    self.outside(&format!("&{};", &*name), start)?
                }
                Event::GeneralRef(name) => {
                    return referenced(self.line(start), &name).map(|c| Some(Node::Character(c)));
                }
                Event::Start(tag) => return self.open(tag, start).map(|element| Some(Node::Open(element))),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Some(Node::Close));
                }
                Event::Eof => return self.end().map(|()| None),
                Event::DocType(_) => return Err(self.refused_markup(start, "a document type declaration")),
                Event::PI(_) => return Err(self.refused_markup(start, "a processing instruction")),
                // The reader expands these.
                Event::Empty(_) => return Err(self.refused_markup(start, "an empty element")),
            }
        }
    }

    /// Refuses here, with the line that was reached.
    pub fn refuse(&mut self, expected: &str, found: &str) -> Refusal {
        let at = usize::try_from(self.inner.buffer_position()).unwrap_or(usize::MAX);
        Refusal::new(place(self.line(at)), expected, found)
    }

    fn refused_markup(&mut self, at: usize, found: &str) -> Refusal {
        Refusal::new(place(self.line(at)), "elements, text and comments only", found)
    }

    fn open(&mut self, start: BytesStart<'a>, at: usize) -> Result<Element<'a>, Refusal> {
        let element = Element { start, line: self.line(at) };
        element.check()?;
        if self.depth == 0 && self.root_seen {
            let found = format!("<{}>", quoted(element.start.name().0));
            return Err(Refusal::new(
                place(element.line),
                "one root element",
                format!("{found} after its end"),
            ));
        }
        self.root_seen = true;
        self.depth = self.depth.saturating_add(1);
        if self.depth > limits::XML_DEPTH {
            let expected = format!("at most {} levels of elements", limits::XML_DEPTH);
            return Err(Refusal::new(place(element.line), expected, "more"));
        }
        Ok(element)
    }

    fn outside(&mut self, text: &str, at: usize) -> Result<(), Refusal> {
        match text.trim_matches(is_blank) {
            "" => Ok(()),
            found => {
                let place = place(self.line(at));
                Err(Refusal::new(place, "nothing beside the root element", format!("`{}`", quoted(found))))
            }
        }
    }

    fn end(&mut self) -> Result<(), Refusal> {
        match (self.depth, self.root_seen) {
            (0, true) => Ok(()),
            (0, false) => Err(Refusal::new("report", "a root element", "none")),
            (open, _) => {
                Err(self.refuse("an end tag for every element", &format!("the end, with {open} open")))
            }
        }
    }

    fn declaration(&mut self, declaration: &BytesDecl<'_>, at: usize) -> Result<(), Refusal> {
        if at != 0 {
            let found = "an XML declaration further on";
            return Err(Refusal::new(
                place(self.line(at)),
                "an XML declaration at the very start or none",
                found,
            ));
        }
        let (mut version, mut encoding) = (None, None);
        // Its name is `xml`, three bytes.
        for attribute in Attributes::new(declaration, 3) {
            let attribute = attribute.map_err(|error| malformed(1, &error.to_string()))?;
            match attribute.key.0 {
                "version" => version = Some(attribute.value),
                "encoding" => encoding = Some(attribute.value),
                "standalone" => {}
                other => {
                    let found = format!("`{}`", quoted(other));
                    return Err(Refusal::new("XML declaration", "version, encoding and standalone", found));
                }
            }
        }
        let version = version.unwrap_or_default();
        if version != "1.0" {
            return Err(Refusal::new("XML declaration", "version 1.0", format!("`{}`", quoted(&version))));
        }
        check_encoding(encoding.as_deref(), self.text)
    }

    /// The line at this offset. Offsets that only grow are counted in one pass over the document.
    fn line(&mut self, at: usize) -> u64 {
        let (from, line) = if at >= self.counted.0 { self.counted } else { (0, 1) };
        let passed = self.text.as_bytes().get(from..at).unwrap_or_default();
        let breaks = passed.iter().filter(|byte| **byte == b'\n').count();
        self.counted =
            (at.min(self.text.len()), line.saturating_add(u64::try_from(breaks).unwrap_or(u64::MAX)));
        self.counted.1
    }
}

/// Text of a report, for a message.
pub fn quoted(text: &str) -> String {
    Escaped(&shortened(text)).to_string()
}

/// A place in a report, by its line.
pub fn place(line: u64) -> String {
    format!("line {line}")
}

/// Whether a character is white space to XML (section 2.3), to which a no-break space is a letter like others.
pub fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn malformed(line: u64, found: &str) -> Refusal {
    Refusal::new(place(line), "well-formed XML", quoted(found))
}

fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    let encoding = |found: &str| Refusal::new("report", "XML in UTF-8", found);
    if bytes.is_empty() {
        return Err(encoding("an empty file"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(encoding("UTF-16"));
    }
    if bytes.contains(&0) {
        return Err(encoding("a NUL byte, as in UTF-16 or UTF-32"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| encoding(&format!("bytes that are not UTF-8 at offset {}", error.valid_up_to())))?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err(encoding("two byte order marks"));
    }
    // Beside the control characters these two are the only ones that UTF-8 can write and XML can't hold
    // (section 2.2).
    let control = text.bytes().position(|byte| byte < b' ' && !matches!(byte, b'\t' | b'\r' | b'\n'));
    match control.or_else(|| text.find('\u{fffe}')).or_else(|| text.find('\u{ffff}')) {
        Some(offset) => {
            let found = text.get(offset..).and_then(|rest| rest.chars().next()).unwrap_or_default();
            let found = format!("U+{:04X} at offset {offset}", u32::from(found));
            Err(Refusal::new("report", "only characters that XML may hold", found))
        }
        None => Ok(text),
    }
}

/// A declaration may not contradict the bytes: a reader that believed it would see another report.
fn check_encoding(declared: Option<&str>, text: &str) -> Result<(), Refusal> {
    let found = match declared.map(str::to_ascii_lowercase).as_deref() {
        None | Some("utf-8" | "utf8") => return Ok(()),
        Some("us-ascii" | "ascii") if text.is_ascii() => return Ok(()),
        Some("us-ascii" | "ascii") => "US-ASCII, and characters that it does not have".to_owned(),
        Some(other) => format!("`{}`", quoted(other)),
    };
    Err(Refusal::new("XML declaration", "encoding UTF-8 or US-ASCII", found))
}

/// Nearly section 2.3: beyond ASCII every character passes, since no name that we know has any.
fn check_name(line: u64, name: &str) -> Result<(), Refusal> {
    let start = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':') || !c.is_ascii();
    let good = name.starts_with(start)
        && name.chars().all(|c| start(c) || c.is_ascii_digit() || matches!(c, '-' | '.'));
    match good {
        true => Ok(()),
        false => Err(Refusal::new(place(line), "a name", format!("`{}`", quoted(name)))),
    }
}

fn check_value(line: u64, value: &str) -> Result<(), Refusal> {
    if value.contains('<') {
        return Err(Refusal::new(place(line), "no `<` in the value of an attribute", "one"));
    }
    for reference in value.split('&').skip(1) {
        match reference.split_once(';') {
            Some((name, _)) => referenced(line, name)?,
            None => return Err(malformed(line, "an ampersand without its semicolon")),
        };
    }
    Ok(())
}

/// Section 3.1 asks for it, quick-xml does not.
fn blanks_part_attributes(attributes: &str) -> bool {
    let mut quote = None;
    let mut closed = false;
    for byte in attributes.bytes() {
        if std::mem::take(&mut closed) && !byte.is_ascii_whitespace() {
            return false;
        }
        match quote {
            Some(open) if open == byte => (quote, closed) = (None, true),
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            _ => {}
        }
    }
    true
}

/// The character that a reference stands for (section 4.1).
fn referenced(line: u64, name: &str) -> Result<char, Refusal> {
    let numeric = |digits: &str, radix| {
        let digits = Some(digits).filter(|digits| digits.chars().all(|c| c.is_digit(radix)));
        digits.and_then(|digits| u32::from_str_radix(digits, radix).ok()).and_then(char::from_u32)
    };
    let character = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
            (Some(digits), _) => numeric(digits, 16),
            (None, Some(digits)) => numeric(digits, 10),
            (None, None) => None,
        },
    };
    let legal = |c: &char| (*c >= ' ' || is_blank(*c)) && !matches!(c, '\u{fffe}' | '\u{ffff}');
    character.filter(legal).ok_or_else(|| {
        let expected = "a predefined entity or the number of a character that XML may hold";
        Refusal::new(place(line), expected, format!("`&{};`", quoted(name)))
    })
}
