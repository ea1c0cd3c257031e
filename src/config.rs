//! The operator's own TOML files, from raw text to values that are known to be legal.
//!
//! First the text is parsed, and syntax faults end the reading. Then a reader asks each [`Section`]
//! for its keys and each [`Item`] for its value; what is not legal is recorded in [`Faults`] with its
//! place. Last, every fault is shown at once, each under the operator's own line.
//!
//! A reader asks for all keys of a section before it leaves early, since a key that nobody asked for
//! counts as unknown:
//!
//! ```text
//! let name = section.required("name", faults).and_then(|item| item.text(faults));
//! let age = section.optional("age").and_then(|item| item.period(faults));
//! section.finish(faults);
//! Some(Vendor { name: name?.to_owned(), age })
//! ```

use crate::escape::{self, Escaped};
use crate::files::Files;
use crate::limits::CONFIG_BYTES;
use crate::time::{Period, Time};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Most faults shown of one file: more are seldom read, and they are mostly echoes of the first.
const FAULTS_SHOWN: usize = 20;

/// Most characters of a line shown on either side of where a fault begins.
const LINE_SHOWN: usize = 100;

/// Most characters of a found value repeated in a message; the line below shows it anyway.
const FOUND_SHOWN: usize = 60;

const BOM: char = '\u{feff}';

/// Strings, each with its place in the file.
pub type PlacedTexts = Vec<(String, Range<usize>)>;

/// A file of the operator's, held while it is read so that faults can point into it.
#[derive(Debug, Clone)]
pub struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// A document with its text already at hand; `path` is only shown.
    pub fn new(path: impl Into<PathBuf>, text: String) -> Self {
        Self { path: path.into(), text }
    }

    /// Reads a file of UTF-8 text of at most [`CONFIG_BYTES`].
    pub fn load(path: &Path, files: &dyn Files) -> Result<Document, ConfigError> {
        let unreadable = |reason: String| ConfigError(Cause::Unreadable { path: path.into(), reason });
        let bytes = files.read(path, CONFIG_BYTES).map_err(|error| unreadable(error.why))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..offset).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1);
            unreadable(format!("expected UTF-8 text, found other bytes on line {line} (byte {offset})"))
        })?;
        Ok(Self::new(path, text))
    }

    /// The path that faults are shown under.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text exactly as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Parses, runs `read` over the root section, and gives its result only if no fault was recorded.
    pub fn parse<T>(
        &self,
        read: impl FnOnce(&mut Section<'_>, &mut Faults) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let mut faults = Faults::default();
        let (root, errors) = DeTable::parse_recoverable(&self.text);
        for error in errors {
            let end = self.text.len();
            faults.add(
                error.span().unwrap_or(end..end),
                format!("not valid TOML: {}", error.message()),
                error.message(),
            );
        }
        if !faults.is_empty() {
            // What was recovered would only give echoes of these.
            return Err(ConfigError::many(self, faults));
        }
        let mut section = Section::open("", 0..0, root.get_ref(), &mut faults);
        let result = read(&mut section, &mut faults);
        section.finish(&mut faults);
        match result {
            Some(value) if faults.is_empty() && faults.unfinished == 0 => Ok(value),
            _ => {
                if faults.is_empty() {
                    // A mistake in the reader, not in the file; unknown keys must not pass unseen.
                    faults.add(0..0, "this file was not read to its end", "please report this");
                }
                Err(ConfigError::many(self, faults))
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Fault {
    span: Range<usize>,
    message: String,
    label: String,
    help: Option<String>,
}

/// What is wrong with one document, in the order it was found.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    /// Sections handed out and not finished: their unknown keys have not been looked for.
    unfinished: usize,
}

impl Faults {
    /// Records a fault at a range of bytes of the document.
    pub fn add(&mut self, span: Range<usize>, message: impl Into<String>, label: impl Into<String>) {
        self.push(span, message.into(), label.into(), None);
    }

    /// Records a fault together with what would be legal instead.
    pub fn add_with_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(span, message.into(), label.into(), Some(help.into()));
    }

    /// True if no fault was recorded.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn push(&mut self, span: Range<usize>, message: String, label: String, help: Option<String>) {
        self.list.push(Fault { span, message, label, help });
    }
}

/// One table; it remembers which keys were asked for, and the others are unknown.
#[derive(Debug)]
#[must_use = "the unknown keys of a section are found by `finish`"]
pub struct Section<'a> {
    name: &'static str,
    span: Range<usize>,
    table: &'a DeTable<'a>,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    fn open(name: &'static str, span: Range<usize>, table: &'a DeTable<'a>, faults: &mut Faults) -> Self {
        faults.unfinished = faults.unfinished.saturating_add(1);
        Self { name, span, table, asked: Vec::new() }
    }

    /// Where the table is: its header, its braces, or the start of the file for the root.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of a key that may be absent.
    pub fn optional(&mut self, key: &'static str) -> Option<Item<'a>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.table.get(key).map(|value| Item { name: key, value })
    }

    /// The value of a key that must be there; that it is missing is a fault of the section.
    pub fn required(&mut self, key: &'static str, faults: &mut Faults) -> Option<Item<'a>> {
        let item = self.optional(key);
        if item.is_none() {
            faults.add(
                self.span(),
                format!("missing key `{key}` in {}", self.described()),
                format!("`{key}` is missing here"),
            );
        }
        item
    }

    /// The tables of an array of tables, none if it is absent.
    pub fn sections(&mut self, key: &'static str, faults: &mut Faults) -> Vec<Section<'a>> {
        let Some(item) = self.optional(key) else {
            return Vec::new();
        };
        let expected = format!("an array of tables, each under `[[{key}]]`");
        let DeValue::Array(array) = item.value.get_ref() else {
            item.mistyped(&expected, faults);
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(array.len());
        for value in array.iter() {
            match value.get_ref() {
                DeValue::Table(table) => {
                    sections.push(Section::open(key, value.span(), table, faults));
                }
                _ => Item { name: key, value }.mistyped("a table", faults),
            }
        }
        sections
    }

    /// A table under this one, if it is there.
    pub fn section(&mut self, key: &'static str, faults: &mut Faults) -> Option<Section<'a>> {
        let item = self.optional(key)?;
        match item.value.get_ref() {
            DeValue::Table(table) => Some(Section::open(key, item.span(), table, faults)),
            _ => {
                item.mistyped(&format!("a table under `[{key}]`"), faults);
                None
            }
        }
    }

    /// Every key with its value, for tables whose keys are the operator's own words.
    pub fn entries(self, faults: &mut Faults) -> Vec<(&'a str, Item<'a>)> {
        faults.unfinished = faults.unfinished.saturating_sub(1);
        self.table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), Item { name: self.name, value }))
            .collect()
    }

    /// Records every key that was not asked for.
    pub fn finish(self, faults: &mut Faults) {
        faults.unfinished = faults.unfinished.saturating_sub(1);
        for (key, _) in self.table {
            if self.asked.contains(&key.get_ref().as_ref()) {
                continue;
            }
            faults.add_with_help(
                key.span(),
                format!("unknown key `{}` in {}", shortened(key.get_ref()), self.described()),
                "unknown key",
                suggestion("keys", '`', key.get_ref(), &self.asked),
            );
        }
    }

    fn described(&self) -> String {
        match self.name {
            "" => "the top level of the file".into(),
            name => format!("`{name}`"),
        }
    }
}

/// One value with its place.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    name: &'static str,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Item<'a> {
    /// Where the value is.
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// A string that is not empty.
    pub fn text(&self, faults: &mut Faults) -> Option<&'a str> {
        match self.value.get_ref() {
            DeValue::String(text) if text.is_empty() => {
                self.fault("a string that is not empty", "an empty string", "empty", None, faults);
                None
            }
            DeValue::String(text) => Some(text),
            _ => {
                self.mistyped("a string", faults);
                None
            }
        }
    }

    /// A whole number within `range`.
    pub fn integer(&self, range: RangeInclusive<u64>, faults: &mut Faults) -> Option<u64> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(integer) = self.value.get_ref() else {
            self.mistyped(&expected, faults);
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let found = shortened(&integer.to_string());
            self.fault(&expected, &found, "out of range", None, faults);
        }
        number
    }

    /// `true` or `false`.
    pub fn boolean(&self, faults: &mut Faults) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(boolean) => Some(*boolean),
            _ => {
                self.mistyped("`true` or `false`", faults);
                None
            }
        }
    }

    /// One of the legal strings, as what it stands for.
    pub fn choice<T: Copy>(&self, legal: &[(&'static str, T)], faults: &mut Faults) -> Option<T> {
        let names: Vec<_> = legal.iter().map(|(name, _)| *name).collect();
        let DeValue::String(text) = self.value.get_ref() else {
            let help = listed("values", '"', &names);
            self.fault("a string", self.found(), "not a string", Some(help), faults);
            return None;
        };
        let chosen = legal.iter().find(|(name, _)| name == text).map(|(_, value)| *value);
        if chosen.is_none() {
            let help = suggestion("values", '"', text, &names);
            let found = format!("\"{}\"", shortened(text));
            self.fault("one of the legal values", &found, "not a legal value", Some(help), faults);
        }
        chosen
    }

    /// An array of distinct legal strings, at least one, as what they stand for.
    pub fn choices<T: Copy + PartialEq>(
        &self,
        legal: &[(&'static str, T)],
        faults: &mut Faults,
    ) -> Option<Vec<T>> {
        let mut values: Vec<T> = Vec::new();
        let mut whole = true;
        for element in self.elements("strings", faults)? {
            match element.choice(legal, faults) {
                Some(value) if values.contains(&value) => {
                    let found = "it a second time";
                    element.fault("each value once", found, "repeated", None, faults);
                    whole = false;
                }
                Some(value) => values.push(value),
                None => whole = false,
            }
        }
        whole.then_some(values)
    }

    /// An array of strings that are not empty, at least one, each with its place.
    pub fn texts(&self, faults: &mut Faults) -> Option<PlacedTexts> {
        let elements = self.elements("strings", faults)?;
        let texts: Vec<_> =
            elements.iter().map(|element| Some((element.text(faults)?.to_owned(), element.span()))).collect();
        // Collected in two steps, so that the first fault does not hide the next.
        texts.into_iter().collect()
    }

    /// Either this one word, as `None`, or an array of strings that are not empty, at least one.
    pub fn texts_unless(&self, word: &'static str, faults: &mut Faults) -> Option<Option<PlacedTexts>> {
        match self.value.get_ref() {
            DeValue::String(text) if text == word => Some(None),
            DeValue::Array(_) => self.texts(faults).map(Some),
            _ => {
                let expected = format!("\"{word}\" or an array of strings");
                self.mistyped(&expected, faults);
                None
            }
        }
    }

    /// Either this one word, as `None`, or an array of distinct legal strings, at least one.
    pub fn choices_unless<T: Copy + PartialEq>(
        &self,
        word: &'static str,
        legal: &[(&'static str, T)],
        faults: &mut Faults,
    ) -> Option<Option<Vec<T>>> {
        match self.value.get_ref() {
            DeValue::String(text) if text == word => Some(None),
            DeValue::Array(_) => self.choices(legal, faults).map(Some),
            _ => {
                let expected = format!("\"{word}\" or an array of strings");
                self.mistyped(&expected, faults);
                None
            }
        }
    }

    /// Either this one word, as `None`, or a date and time with its zone.
    pub fn time_unless(&self, word: &'static str, faults: &mut Faults) -> Option<Option<Time>> {
        match self.value.get_ref() {
            DeValue::String(text) if text == word => Some(None),
            _ => self.time(faults).map(Some),
        }
    }

    /// Either this one word, as `None`, or a span of time.
    pub fn period_unless(&self, word: &'static str, faults: &mut Faults) -> Option<Option<Period>> {
        match self.value.get_ref() {
            DeValue::String(text) if text == word => Some(None),
            _ => self.period(faults).map(Some),
        }
    }

    /// A span of time such as `"24h"`.
    pub fn period(&self, faults: &mut Faults) -> Option<Period> {
        let units = "legal units: s (seconds), m (minutes), h (hours), d (days), as in \"24h\"";
        match self.value.get_ref() {
            DeValue::String(text) => match text.parse() {
                Ok(period) => Some(period),
                Err(_) => {
                    let found = format!("\"{}\"", shortened(text));
                    let expected = "a whole number and a unit, at most a thousand years";
                    self.fault(expected, &found, "not a period", Some(units.into()), faults);
                    None
                }
            },
            DeValue::Integer(integer) => {
                let found = format!("the number {} without a unit", shortened(&integer.to_string()));
                let expected = "a string of a whole number and a unit";
                self.fault(expected, &found, "the unit is missing", Some(units.into()), faults);
                None
            }
            _ => {
                let expected = "a string of a whole number and a unit";
                self.fault(expected, self.found(), "not a period", Some(units.into()), faults);
                None
            }
        }
    }

    /// A date and time with its zone, bare as TOML has it or a string in RFC 3339.
    pub fn time(&self, faults: &mut Faults) -> Option<Time> {
        let text = match self.value.get_ref() {
            DeValue::Datetime(datetime) => datetime.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => {
                self.mistyped("a date and time with its zone, such as 2026-01-31T12:00:00Z", faults);
                return None;
            }
        };
        let time = text.parse::<Time>().ok();
        if time.is_none() {
            let found = shortened(&text);
            let zoned = format!("{text}Z");
            let (label, help) = if zoned.parse::<Time>().is_ok() {
                ("the zone is missing", format!("in UTC this would be {zoned}"))
            } else {
                ("not a date, a time and a zone", "such as 2026-01-31T12:00:00Z".into())
            };
            self.fault("a date and time with its zone (RFC 3339)", &found, label, Some(help), faults);
        }
        time
    }

    fn elements(&self, of: &str, faults: &mut Faults) -> Option<Vec<Item<'a>>> {
        let DeValue::Array(array) = self.value.get_ref() else {
            self.mistyped(&format!("an array of {of}"), faults);
            return None;
        };
        if array.is_empty() {
            let expected = format!("an array of {of} that is not empty");
            self.fault(&expected, "an empty array", "empty", None, faults);
            return None;
        }
        Some(array.iter().map(|value| Item { name: self.name, value }).collect())
    }

    fn found(&self) -> &'static str {
        match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        }
    }

    fn mistyped(&self, expected: &str, faults: &mut Faults) {
        let label = format!("this is {}", self.found());
        self.fault(expected, self.found(), &label, None, faults);
    }

    fn fault(&self, expected: &str, found: &str, label: &str, help: Option<String>, faults: &mut Faults) {
        let message = format!("`{}`: expected {expected}, found {found}", self.name);
        faults.push(self.span(), message, label.into(), help);
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(FOUND_SHOWN) {
        Some((end, _)) => format!("{}...", Escaped(text.get(..end).unwrap_or_default())),
        None => Escaped(text).to_string(),
    }
}

fn listed(what: &str, quote: char, legal: &[&str]) -> String {
    if legal.is_empty() {
        return format!("legal {what}: none");
    }
    let quoted: Vec<_> = legal.iter().map(|name| format!("{quote}{name}{quote}")).collect();
    format!("legal {what}: {}", quoted.join(", "))
}

/// The legal names, after the nearest of them to what was found.
pub(crate) fn suggestion(what: &str, quote: char, found: &str, legal: &[&str]) -> String {
    let list = listed(what, quote, legal);
    match nearest(found, legal) {
        Some(name) => format!("did you mean {quote}{name}{quote}? {list}"),
        None => list,
    }
}

/// The one name within two edits of `found`; none if two names are equally near.
pub(crate) fn nearest<'n>(found: &str, names: &[&'n str]) -> Option<&'n str> {
    if found.chars().count() > FOUND_SHOWN {
        return None;
    }
    // A name of two letters is within two edits of every other.
    let near = names.iter().map(|name| (distance(found, name), *name));
    let near: Vec<_> = near.filter(|(edits, name)| *edits <= 2 && *edits < name.chars().count()).collect();
    let least = near.iter().map(|(edits, _)| *edits).min()?;
    let mut best = near.iter().filter(|(edits, _)| *edits == least);
    match (best.next(), best.next()) {
        (Some((_, name)), None) => Some(name),
        _ => None,
    }
}

/// Levenshtein's distance, one row at a time.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, a) in from.chars().enumerate() {
        let mut left = line.saturating_add(1);
        let mut next = vec![left];
        for ((b, diagonal), above) in to.chars().zip(&row).zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(a != b));
            left = replaced.min(left.saturating_add(1)).min(above.saturating_add(1));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Why a file of the operator's could not be read: every fault in it, or why it did not open.
#[derive(Debug)]
pub struct ConfigError(Cause);

#[derive(Debug)]
enum Cause {
    Unreadable { path: PathBuf, reason: String },
    Faulty { document: Document, faults: Vec<Fault> },
}

impl ConfigError {
    /// One fault found after reading, such as by comparison with another file.
    pub fn at(
        document: &Document,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> ConfigError {
        let mut faults = Faults::default();
        faults.add(span, message, label);
        Self::many(document, faults)
    }

    /// All faults of one document, sorted by place.
    pub fn many(document: &Document, faults: Faults) -> ConfigError {
        let mut faults = faults.list;
        faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
        Self(Cause::Faulty { document: document.clone(), faults })
    }

    /// Why the file could not be read at all, where that is what is wrong.
    pub fn unreadable(&self) -> Option<&str> {
        match &self.0 {
            Cause::Unreadable { reason, .. } => Some(reason),
            Cause::Faulty { .. } => None,
        }
    }

    /// Every fault under the line it is in, with terminal colours if asked for.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        match &self.0 {
            Cause::Unreadable { path, reason } => {
                let title = format!("can't read {}: {}", shown_path(path), plain(reason));
                renderer.render(&[Group::with_title(Level::ERROR.primary_title(title))])
            }
            Cause::Faulty { document, faults } => {
                let mut shown: Vec<_> =
                    faults.iter().take(FAULTS_SHOWN).map(|fault| fault.render(document, &renderer)).collect();
                let rest = faults.len().saturating_sub(FAULTS_SHOWN);
                if rest > 0 {
                    shown.push(format!("and {rest} more in {}", shown_path(&document.path)));
                }
                shown.join("\n\n")
            }
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ConfigError {}

impl Fault {
    fn render(&self, document: &Document, renderer: &Renderer) -> String {
        let excerpt = Excerpt::new(&document.text, &self.span);
        let mark = AnnotationKind::Primary.span(excerpt.mark).label(plain(&self.label));
        // The line alone, so that what is rendered stays small.
        let mut snippet = Snippet::source(excerpt.line).line_start(excerpt.number).annotation(mark);
        let path = shown_path(&document.path);
        let mut place = None;
        match excerpt.cut_before {
            None => snippet = snippet.path(path),
            // The renderer would count columns from the cut.
            Some(column) => place = Some(Origin::path(format!("{path}:{}:{column}", excerpt.number))),
        }
        let help = self.help.iter().map(|help| Level::HELP.message(plain(help)));
        let group =
            Level::ERROR.primary_title(plain(&self.message)).elements(place).element(snippet).elements(help);
        renderer.render(&[group])
    }
}

/// The line where a fault begins, with every deceptive character replaced by a visible one.
struct Excerpt {
    number: usize,
    /// The column of the fault, if what stands before it was cut.
    cut_before: Option<usize>,
    line: String,
    mark: Range<usize>,
}

impl Excerpt {
    fn new(text: &str, span: &Range<usize>) -> Self {
        // Whatever span a reader hands over, showing it must not fail.
        let text = &without_keys(text);
        let body = text.strip_prefix(BOM).unwrap_or(text);
        let skipped = text.len().saturating_sub(body.len());
        let start = floor(body, span.start.saturating_sub(skipped));
        let end = floor(body, span.end.saturating_sub(skipped)).max(start);
        let (before, after) = body.split_at_checked(start).unwrap_or((body, ""));
        let number = before.matches('\n').count().saturating_add(1);
        let head = before.rsplit('\n').next().unwrap_or_default();
        let tail = after.split('\n').next().unwrap_or_default();
        let tail = tail.strip_suffix('\r').unwrap_or(tail);
        let marked = floor(tail, end.saturating_sub(start));
        let length = head.chars().count();
        let cut = length.saturating_sub(LINE_SHOWN);
        let cut_before = (cut > 0).then_some(length.saturating_add(1));
        let mut line = String::from(if cut > 0 { "..." } else { "" });
        line.extend(head.chars().skip(cut).map(visible));
        let from = line.len();
        let mut to = from;
        for (count, (offset, c)) in tail.char_indices().enumerate() {
            if count == LINE_SHOWN {
                line.push_str("...");
                break;
            }
            line.push(visible(c));
            if offset < marked {
                to = line.len();
            }
        }
        Self { number, cut_before, line, mark: from..to }
    }
}

/// The text with everything that may be a key starred out, character for character: somebody who pastes a private
/// key where a public one belongs must not find it in a log.
fn without_keys(text: &str) -> String {
    // An Ed25519 key in PKCS#8 has 64 characters of base64. Long words without all three kinds of
    // character are paths and the like.
    const KEY: usize = 40;
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c| !base64(c)) {
        let run = piece.trim_end_matches(|c| !base64(c));
        let has = |kind: fn(&char) -> bool| run.chars().any(|c| kind(&c));
        let secret = run.len() >= KEY
            && has(char::is_ascii_digit)
            && has(char::is_ascii_uppercase)
            && has(char::is_ascii_lowercase);
        if secret {
            shown.extend(piece.chars().map(|c| if base64(c) { '*' } else { c }));
        } else {
            shown.push_str(piece);
        }
    }
    shown
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

/// One character for one, so that columns stay; tabs are widened later.
fn visible(c: char) -> char {
    match c {
        '\t' => c,
        '\u{7f}' => '\u{2421}',
        c if c.is_ascii_control() => {
            char::from_u32(u32::from(c).saturating_add(0x2400)).unwrap_or('\u{fffd}')
        }
        c if escape::is_deceptive(c) => '\u{fffd}',
        c => c,
    }
}

/// Words of ours that may quote a file: values are escaped where they are quoted, and this catches
/// what was not, without doubling backslashes again.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if escape::is_deceptive(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn shown_path(path: &Path) -> String {
    escape::path(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::OnDisk;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Colour {
        Red,
        Green,
    }

    const COLOURS: [(&str, Colour); 2] = [("red", Colour::Red), ("green", Colour::Green)];

    /// Reads one key of each kind, all optional but `name`.
    fn read(root: &mut Section<'_>, faults: &mut Faults) -> Option<String> {
        let name = root.required("name", faults).and_then(|item| item.text(faults));
        root.optional("count").and_then(|item| item.integer(1..=9, faults));
        root.optional("strict").and_then(|item| item.boolean(faults));
        root.optional("colour").and_then(|item| item.choice(&COLOURS, faults));
        root.optional("colours").and_then(|item| item.choices(&COLOURS, faults));
        root.optional("words").and_then(|item| item.texts(faults));
        root.optional("age").and_then(|item| item.period(faults));
        root.optional("since").and_then(|item| item.time(faults));
        for mut vendor in root.sections("vendor", faults) {
            vendor.required("id", faults).and_then(|item| item.text(faults));
            vendor.finish(faults);
        }
        if let Some(mut limits) = root.section("limits", faults) {
            limits.optional("depth").and_then(|item| item.integer(0..=128, faults));
            limits.finish(faults);
        }
        name.map(str::to_owned)
    }

    fn refused(text: &str) -> String {
        Document::new("gate.toml", text.into()).parse(read).unwrap_err().to_string()
    }

    /// The underlined part of the first line that has one below it.
    fn underlined(rendered: &str) -> String {
        let lines: Vec<_> = rendered.lines().collect();
        let at = lines.iter().position(|line| line.contains('^')).unwrap();
        let carets = lines[at].chars().enumerate().filter(|(_, c)| *c == '^').map(|(i, _)| i);
        let source: Vec<char> = lines[at.checked_sub(1).unwrap()].chars().collect();
        carets.filter_map(|i| source.get(i)).collect()
    }

    #[test]
    fn legal() {
        let text = "\
            name = 'x'\ncount = 0x9\nstrict = true\ncolour = 'red'\ncolours = ['green', 'red']\n\
            words = ['a', 'b']\nage = '24h'\nsince = 2026-01-31T12:00:00Z\n\
            [[vendor]]\nid = 'a'\n[[vendor]]\nid = 'b'\n[limits]\ndepth = 128\n";
        let document = Document::new("gate.toml", text.into());
        assert_eq!(document.parse(read).unwrap(), "x");
        let crlf = Document::new("gate.toml", format!("\u{feff}{}", text.replace('\n', "\r\n")));
        assert_eq!(crlf.parse(read).unwrap(), "x");
        let inline = "name = 'x'\nvendor = [{ id = 'a' }]\nlimits = { depth = 1 }\n";
        assert!(Document::new("gate.toml", inline.into()).parse(read).is_ok());
        let bare = "name = 'x'\nsince = '2026-01-31T12:00:00+02:00'\nlimits.depth = 3\n";
        assert!(Document::new("gate.toml", bare.into()).parse(read).is_ok());
    }

    #[test]
    fn values() {
        let document = Document::new("x", "c = ['green', 'red']\nw = ['é', 'b']\nn = +7_0\n".into());
        let (colours, words, number) = document
            .parse(|root, faults| {
                let colours = root.required("c", faults)?.choices(&COLOURS, faults)?;
                let words = root.required("w", faults)?.texts(faults)?;
                Some((colours, words, root.required("n", faults)?.integer(0..=99, faults)?))
            })
            .unwrap();
        assert_eq!(colours, [Colour::Green, Colour::Red]);
        assert_eq!(words, [("é".into(), 26..30), ("b".into(), 32..35)]);
        assert_eq!(document.text().get(words[1].1.clone()), Some("'b'"));
        assert_eq!(number, 70);
    }

    #[test]
    fn each_fault_shows_its_place_and_what_is_legal() {
        // The second line, what is underlined in it, and what the message says.
        let cases: &[(&str, &str, &[&str])] = &[
            ("count = 10", "10", &["from 1 to 9", "found 10", "out of range"]),
            ("count = 0", "0", &["from 1 to 9"]),
            ("count = -1", "-1", &["found -1"]),
            ("count = 99999999999999999999999", "99999999999999999999999", &["out of range"]),
            ("count = '5'", "'5'", &["from 1 to 9", "found a string"]),
            ("count = 1.5", "1.5", &["found a float"]),
            ("strict = 1", "1", &["`true` or `false`", "found an integer"]),
            ("colour = 'rad'", "'rad'", &["\"rad\"", "did you mean \"red\"?", "\"red\", \"green\""]),
            ("colour = 'violet'", "'violet'", &["help: legal values: \"red\", \"green\""]),
            ("colour = 3", "3", &["found an integer", "legal values: \"red\", \"green\""]),
            ("colours = []", "[]", &["not empty"]),
            ("colours = 'red'", "'red'", &["an array of strings", "found a string"]),
            ("colours = ['red', 'gren']", "'gren'", &["did you mean \"green\"?"]),
            ("colours = ['red', \"red\"]", "\"red\"", &["each value once", "repeated"]),
            ("words = ['a', '']", "''", &["found an empty string"]),
            ("words = ['a', false]", "false", &["found a boolean"]),
            ("words = []", "[]", &["not empty"]),
            ("age = 24", "24", &["without a unit", "s (seconds), m (minutes), h (hours), d (days)"]),
            ("age = '24'", "'24'", &["\"24\"", "h (hours)"]),
            ("age = '1w'", "'1w'", &["not a period", "d (days)"]),
            ("age = true", "true", &["found a boolean", "d (days)"]),
            (
                "since = 2026-01-31T12:00:00",
                "2026-01-31T12:00:00",
                &["the zone is missing", "2026-01-31T12:00:00Z"],
            ),
            ("since = 2026-01-31", "2026-01-31", &["RFC 3339", "such as"]),
            ("since = '2026-01-31T12:00:00'", "'2026-01-31T12:00:00'", &["the zone is missing"]),
            ("since = 1", "1", &["found an integer"]),
            ("vendors = 1", "vendors", &["unknown key", "did you mean `vendor`?", "`limits`"]),
            ("vendor = 1", "1", &["`[[vendor]]`"]),
            ("vendor = [1]", "1", &["expected a table"]),
            ("vendor = [{}]", "{}", &["missing key `id`"]),
            ("[[vendor]]", "[[vendor]]", &["missing key `id`", "in `vendor`"]),
            ("limits = 1", "1", &["`[limits]`"]),
            ("limits.dept = 1", "dept", &["unknown key `dept` in `limits`", "did you mean `depth`?"]),
            ("name = 'y'", "name", &["not valid TOML: duplicate key"]),
            ("count = ", "", &["not valid TOML"]),
        ];
        for (line, token, said) in cases {
            let rendered = refused(&format!("name = 'x'\n{line}\n"));
            assert!(rendered.contains("gate.toml:2:"), "{line}: {rendered}");
            assert!(rendered.contains(&format!("2 | {line}").trim_end().to_owned()), "{rendered}");
            assert_eq!(underlined(&rendered).trim_end(), *token, "{line}: {rendered}");
            for said in *said {
                assert!(rendered.contains(said), "{line}: {said:?} is not in:\n{rendered}");
            }
        }
    }

    #[test]
    fn the_whole_text() {
        let rendered = refused("colour = 'gren'\n");
        assert_eq!(
            rendered,
            "\
error: missing key `name` in the top level of the file
 --> gate.toml:1:1
  |
1 | colour = 'gren'
  | ^ `name` is missing here

error: `colour`: expected one of the legal values, found \"gren\"
 --> gate.toml:1:10
  |
1 | colour = 'gren'
  |          ^^^^^^ not a legal value
  |
  = help: did you mean \"green\"? legal values: \"red\", \"green\""
        );
    }

    #[test]
    fn all_faults_at_once_sorted_by_place() {
        let rendered = refused("zzz = 1\nwords = ['', 1]\nage = 1\ncount = 0\n[[vendor]]\nx = 1\n");
        let places: Vec<_> =
            rendered.lines().filter_map(|l| l.trim().strip_prefix("--> gate.toml:")).collect();
        assert_eq!(places, ["1:1", "1:1", "2:10", "2:14", "3:7", "4:9", "5:1", "6:1"]);
    }

    #[test]
    fn shows_twenty_and_counts_the_rest() {
        let text: String = (0..50).map(|i| format!("unknown{i} = 1\n")).collect();
        let rendered = refused(&format!("name = 'x'\n{text}"));
        assert_eq!(rendered.matches("error:").count(), 20);
        assert!(rendered.ends_with("and 30 more in gate.toml"), "{rendered}");
    }

    #[test]
    fn a_section_left_unfinished_is_not_accepted() {
        let document = Document::new("x", "[a]\nb = 1\n".into());
        let read = |root: &mut Section<'_>, faults: &mut Faults| {
            root.section("a", faults).map(|section| section.span())
        };
        assert!(document.parse(read).is_err());
        assert!(Document::new("x", String::new()).parse(|_, _| None::<()>).is_err());
    }

    #[test]
    fn columns_after_other_scripts_and_marks() {
        let rendered = refused("name = 'x'\n\"é漢字\" = 1\n");
        assert!(rendered.contains("2:1"), "{rendered}");
        let rendered = refused("name = 'x'\nlimits = { \"é\" = 1, depth = 999 }\n");
        assert!(rendered.contains("2:12") && rendered.contains("2:29"), "{rendered}");
        let rendered = refused("name = 'é' # é\r\ncount = 77\r\n");
        assert_eq!(underlined(&rendered), "77");
        assert!(rendered.contains("gate.toml:2:9") && !rendered.contains('\r'), "{rendered}");
        let rendered = refused("\u{feff}count = 77\nname = 'x'\n");
        assert_eq!(underlined(&rendered), "77");
        assert!(rendered.contains("gate.toml:1:9"), "{rendered}");
        assert!(!rendered.contains('\u{feff}'));
    }

    #[test]
    fn control_characters_never_reach_the_screen() {
        let hostile = [
            "colour = \"\\u001b[31m\\u202e\"\n",
            "\"\\u001b]0;x\\u0007\" = 1\n",
            "colour = '\u{202e}\u{200b}\u{9b}31m'\n",
            "name = 1 # \u{202e}\u{2028}\n",
            "name = '\u{1b}[2J'\n",
            "name = \"a\0b\"\n",
            "\0",
            "name = 'x\ry'\n",
        ];
        let shown = |c: char| c == '\n' || !escape::is_deceptive(c);
        for text in hostile {
            let rendered = refused(text);
            assert!(rendered.chars().all(shown), "{rendered:?}");
        }
        let document = Document::new("\u{1b}[2J\n", "name = 'x'".into());
        let error = ConfigError::at(&document, 7..10, "found \u{1b}[31m", "\u{202e}\nlabel");
        assert!(error.to_string().chars().all(shown), "{:?}", error.to_string());
        assert!(error.render(true).contains("\u{1b}["), "colour is ours");
        assert!(!error.render(true).contains("[2J\n"));
    }

    #[test]
    fn any_span_can_be_shown() {
        for text in ["", "\n", "é", "\u{feff}", "\u{feff}é\r\n\r\n", "a\nb"] {
            let document = Document::new("x", text.into());
            for start in 0..12 {
                for end in 0..12 {
                    let error = ConfigError::at(&document, start..end, "m", "label");
                    assert!(error.to_string().contains("label"));
                }
            }
            let backwards = Range { start: usize::MAX, end: 0 };
            assert!(ConfigError::at(&document, backwards, "m", "label").to_string().contains("label"));
        }
        let rendered = refused(&format!("limits = {{ {}= 1, x = 1 }}", " ".repeat(500)));
        assert!(rendered.contains("gate.toml:1:512"), "{rendered}");
        let rendered = refused("name = [\n'x',\n'y',\n]\n");
        assert_eq!(underlined(&rendered), "[");
    }

    #[test]
    fn deep_nesting_and_long_lines_stay_small() {
        let brackets = "[".repeat(1 << 20);
        let braces = "{a=".repeat(1 << 18);
        let dots = format!("a{} = 1", ".a".repeat(20_000));
        for text in [
            format!("name = {brackets}"),
            format!("name = {brackets}{}", "]".repeat(1 << 20)),
            brackets,
            format!("name = {braces}"),
            format!("name = '{}", "x".repeat(1 << 20)),
            format!("colour = '{}'", "é".repeat(1 << 20)),
            format!("{} = 1", "k".repeat(1 << 20)),
            format!("limits = {{ {} }}", "x = 1, ".repeat(1 << 16)),
            dots,
        ] {
            let rendered = refused(&text);
            assert!(rendered.contains("gate.toml:1:"), "{}", rendered.len());
            assert!(rendered.len() < 40_000, "{}", rendered.len());
        }
    }

    #[test]
    fn loads_regular_files_of_text_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate.toml");
        let said = |path: &Path| Document::load(path, &OnDisk).unwrap_err().to_string();
        assert!(said(&path).contains("gate.toml: No such file"), "{}", said(&path));
        assert!(said(folder.path()).contains("expected a regular file"));
        assert!(said(Path::new("/dev/null")).contains("expected a regular file"));
        std::fs::write(&path, b"ok = 1\n\xff").unwrap();
        assert!(said(&path).contains("UTF-8 text, found other bytes on line 2 (byte 7)"));
        std::fs::write(&path, vec![b' '; CONFIG_BYTES as usize]).unwrap();
        assert_eq!(Document::load(&path, &OnDisk).unwrap().text().len() as u64, CONFIG_BYTES);
        std::fs::write(&path, vec![b' '; CONFIG_BYTES as usize + 1]).unwrap();
        assert!(said(&path).contains("at most 4194304 bytes"));
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
        assert!(said(&fifo).contains("expected a regular file"));
    }

    #[test]
    fn suggests_only_what_is_near() {
        let names = ["sha256", "sha512", "blake3"];
        for (found, expected) in [
            ("sha255", Some("sha256")),
            ("sha2566", Some("sha256")),
            ("blake", Some("blake3")),
            ("SHA256", None),
            ("sha", None),
            ("", None),
            ("sha389", None),
        ] {
            assert_eq!(nearest(found, &names), expected, "{found}");
        }
        assert_eq!(nearest("xy", &["ab"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
