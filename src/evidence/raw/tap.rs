//! The Test Anything Protocol, versions 13 and 14.
//!
//! By the TAP 14 specification (testanything.org), which reads TAP 13 too; a report without a version line is read the
//! same way, since Perl's Test::More writes none. Where the specification leaves a choice to the harness:
//!
//! - A test is named by its description, or by its number where it has none. In a subtest the names of the tests that
//!   enclose it come first, joined with `::`. A subtest is a case itself.
//! - `SKIP` and `TODO` make a test skipped, whatever came out: a test that its author does not stand behind is no
//!   proof, also when it passes.
//! - A subtest that fails under a test that is `ok` fails it, and contradicts it. One that was skipped whole (`1..0`), or
//!   whose every test was, skips it.
//! - A missing, second, misplaced or wrong plan, a number outside of the plan or twice, and a subtest without a test
//!   that ends it are contradictions.
//! - Lines that are not TAP are passed over, unless `pragma +strict` was given. One that reads like `not ok` in other
//!   letters, blanks or indentation is a contradiction: it may be a failure that was meant to be missed.

use super::{Case, CaseOutcome, Disagreement, Refusal, TestRun, duplicates, shortened};
use crate::escape::Escaped;
use crate::limits;

/// How far each level of subtests is indented ("Subtest Parsing/Generating Rules", 1).
const INDENT: usize = 4;

/// Reads a report.
///
/// # Errors
///
/// What is not UTF-8, what holds nothing of TAP or a version other than 13 and 14, what is over a limit.
pub fn read(bytes: &[u8]) -> Result<TestRun, Refusal> {
    let text = utf8(bytes)?;
    let mut report = Report { open: vec![Document::default()], ..Report::default() };
    let unified = text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    for line in unified {
        report.number = report.number.saturating_add(1);
        report.line(line)?;
    }
    report.end()
}

fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    let refused = |found: &str| Refusal::new("report", "TAP in UTF-8", found);
    if bytes.is_empty() {
        return Err(refused("an empty file"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refused("UTF-16"));
    }
    if bytes.contains(&0) {
        return Err(refused("a NUL byte, as in UTF-16 or UTF-32"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| refused(&format!("bytes that are not UTF-8 at offset {}", error.valid_up_to())))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A line, without its indentation.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Version(&'a str),
    Plan {
        first: u64,
        last: u64,
        reason: Option<&'a str>,
    },
    Point(Point<'a>),
    BailOut(&'a str),
    Pragma {
        on: bool,
        key: &'a str,
    },
    /// `# Subtest`, with its name.
    Announcement(&'a str),
    Comment,
    Other,
}

/// A test point, as it is written.
#[derive(Debug, PartialEq, Eq)]
struct Point<'a> {
    ok: bool,
    number: Option<u64>,
    description: String,
    directive: Option<(Directive, &'a str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Skip,
    Todo,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Self {
        if let Some(version) = line.strip_prefix("TAP version ") {
            return Self::Version(version.trim_end());
        }
        if let Some(name) = line.strip_prefix("# Subtest")
            && (name.is_empty() || name.starts_with(':'))
        {
            return Self::Announcement(name.trim_start_matches(':').trim());
        }
        // In any letters: a run that stopped early must not look whole for the sake of a capital.
        if let Some((words, reason)) = line.split_at_checked("Bail out!".len())
            && words.eq_ignore_ascii_case("Bail out!")
        {
            return Self::BailOut(reason.trim());
        }
        if line.starts_with('#') {
            return Self::Comment;
        }
        let pragma = line.strip_prefix("pragma ").and_then(pragma);
        pragma.or_else(|| plan(line)).or_else(|| point(line).map(Self::Point)).unwrap_or(Self::Other)
    }
}

fn pragma(rest: &str) -> Option<Line<'_>> {
    let rest = rest.trim_end();
    let (on, key) = match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
        (Some(key), _) => (true, key),
        (None, Some(key)) => (false, key),
        (None, None) => return None,
    };
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (!key.is_empty() && key.chars().all(word)).then_some(Line::Pragma { on, key })
}

/// A plan; whether it begins at 1 is for others to judge.
fn plan(line: &str) -> Option<Line<'_>> {
    let (range, reason) = match line.split_once('#') {
        Some((range, reason)) => (range, Some(reason.trim())),
        None => (line, None),
    };
    let (first, last) = range.trim_end().split_once("..")?;
    Some(Line::Plan { first: whole_number(first)?, last: whole_number(last)?, reason })
}

/// Digits only; a number too large to hold is the largest, which no plan reaches.
fn whole_number(digits: &str) -> Option<u64> {
    let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    decimal.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// A test point: `ok` or `not ok` with a word's end behind it.
fn point(line: &str) -> Option<Point<'_>> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let (number, rest) = numbered(rest);
    let trimmed = rest.trim_start();
    // Blanks in front are kept, since a directive must have one there.
    let rest = match trimmed.strip_prefix('-') {
        Some(behind) if behind.is_empty() || behind.starts_with(char::is_whitespace) => behind,
        _ => rest,
    };
    let (description, directive) = described(rest, ok);
    Some(Point { ok, number, description, directive })
}

/// The number behind the status, where one stands there as a word of its own.
fn numbered(rest: &str) -> (Option<u64>, &str) {
    let word = rest.trim_start();
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    match word.split_at_checked(end) {
        Some((digits, behind))
            if rest.len() > word.len()
                && (behind.is_empty()
                    || behind.starts_with(|c: char| c.is_whitespace() || "-#".contains(c))) =>
        {
            match whole_number(digits) {
                Some(number) => (Some(number), behind),
                None => (None, rest),
            }
        }
        _ => (None, rest),
    }
}

/// The description with its escapes taken back, and the directive ("Directive", "Escaping"): the first `#` that is not
/// escaped and has a blank in front ends the description where `SKIP` or `TODO` follows. Where another word follows after
/// a blank it is part of the description, and so is all the rest.
///
/// Whether a `#` right behind the number counts is left open; what passed is then skipped, and what failed has failed.
fn described(text: &str, ok: bool) -> (String, Option<(Directive, &str)>) {
    let mut description = String::new();
    let mut characters = text.char_indices().peekable();
    // The specification's examples count an escaped backslash in front like a blank.
    let mut parted = ok;
    let mut closed = false;
    while let Some((at, c)) = characters.next() {
        match (c, characters.peek().map(|(_, next)| *next)) {
            ('\\', Some(next @ ('\\' | '#'))) => {
                characters.next();
                description.push(next);
                parted = next == '\\';
            }
            ('#', next) if parted && !closed => {
                let rest = text.split_at_checked(at.saturating_add(1)).map_or("", |(_, rest)| rest);
                if let Some(directive) = directive(rest.trim_start()) {
                    return (description.trim().to_owned(), Some(directive));
                }
                closed = next.is_none_or(char::is_whitespace);
                description.push('#');
                parted = false;
            }
            _ => {
                description.push(c);
                parted = c.is_whitespace();
            }
        }
    }
    (description.trim().to_owned(), None)
}

/// `(SKIP|TODO)\S*\s+(reason)`, in any letters.
fn directive(text: &str) -> Option<(Directive, &str)> {
    let (word, rest) = text.split_at_checked(4)?;
    let directive = match word.to_ascii_lowercase().as_str() {
        "skip" => Directive::Skip,
        "todo" => Directive::Todo,
        _ => return None,
    };
    let reason = rest.split_once(char::is_whitespace).map_or("", |(_, reason)| reason.trim());
    Some((directive, reason))
}

/// Whether a person would read `not ok` here.
fn reads_like_a_failure(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(not), Some(ok)) = (words.next(), words.next()) else { return false };
    let (ok, rest) = ok.split_at_checked(2).unwrap_or((ok, ""));
    not.eq_ignore_ascii_case("not") && ok.eq_ignore_ascii_case("ok") && !rest.starts_with(char::is_alphabetic)
}

/// A TAP document: the report, or a subtest in it.
#[derive(Debug, Default)]
struct Document {
    /// Its name as the document around it announced it. Node escapes `#` there, Perl does so only in the test that ends
    /// the subtest, so both readings count.
    announced: Option<String>,
    version: bool,
    plan: Option<u64>,
    /// Whether the plan came before the first test.
    plan_leads: bool,
    /// Why all of it was skipped.
    skipped: Option<String>,
    numbers: Vec<u64>,
    cases: Vec<Case>,
    /// How many of its own tests failed, those of subtests left to the test that ends them.
    failed: u64,
    /// How many of its own tests were neither skipped nor failed.
    passed: u64,
    strict: bool,
    /// What the next subtest is to be called.
    next: Option<String>,
    /// Whether a YAML block may begin: right after a test.
    after_point: bool,
    /// Whether the newest test was written like the head of a block in braces.
    brace: bool,
}

/// The report as it is read.
#[derive(Debug, Default)]
struct Report {
    run: TestRun,
    /// The report's own document, and the subtests open in it.
    open: Vec<Document>,
    number: u64,
    cases: usize,
    id_bytes: usize,
    /// The indentation of the YAML block that is open.
    yaml: Option<usize>,
}

impl Report {
    fn line(&mut self, whole: &str) -> Result<(), Refusal> {
        let content = whole.trim_start_matches(' ');
        let indent = whole.len().saturating_sub(content.len());
        if self.within_yaml(content, indent)? || content.trim().is_empty() {
            return Ok(());
        }
        let level = indent.checked_div(INDENT).unwrap_or_default();
        if content.trim_end() == "---" && self.opens_yaml(indent, level) {
            self.yaml = Some(indent);
            return Ok(());
        }
        let aligned = indent == level.saturating_mul(INDENT);
        match Line::parse(content) {
            Line::Comment => Ok(()),
            Line::Announcement(_) if !aligned => Ok(()),
            Line::BailOut(reason) => self.bail_out(reason),
            Line::Other => self.other(whole, content, level),
            _ if !aligned => self.other(whole, content, level),
            Line::Announcement(name) => {
                if let Some(document) = self.open.get_mut(level) {
                    document.next = Some(name.to_owned());
                }
                Ok(())
            }
            line => self.protocol(line, level),
        }
    }

    /// Whether the line belongs to a YAML block. One that is not indented ends the block all the same, so that an end
    /// that never comes does not swallow the tests behind it; what it swallowed till then may be a subtest.
    fn within_yaml(&mut self, content: &str, indent: usize) -> Result<bool, Refusal> {
        let Some(block) = self.yaml else { return Ok(false) };
        if content.trim().is_empty() {
            return Ok(true);
        }
        if indent < block {
            self.yaml = None;
            self.disagree("a YAML block", "no `...` that ends it")?;
            return Ok(false);
        }
        if indent == block && content.trim_end() == "..." {
            self.yaml = None;
        }
        Ok(true)
    }

    fn opens_yaml(&self, indent: usize, level: usize) -> bool {
        let newest = self.open.len().checked_sub(1) == Some(level);
        let two_in = indent == level.saturating_mul(INDENT).saturating_add(2);
        newest && two_in && self.open.last().is_some_and(|document| document.after_point)
    }

    fn protocol(&mut self, line: Line<'_>, level: usize) -> Result<(), Refusal> {
        self.descend(level)?;
        match line {
            Line::Point(point) => self.point(&point, level),
            Line::Plan { first, last, reason } => self.plan(first, last, reason, level),
            Line::Version(version) => self.version(version, level),
            Line::Pragma { on, key: "strict" } => {
                if let Some(document) = self.open.get_mut(level) {
                    document.strict = on;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Opens subtests down to this level. A first line may be several levels in ("Bare Subtests").
    fn descend(&mut self, level: usize) -> Result<(), Refusal> {
        if level >= limits::TAP_DEPTH {
            let expected = format!("subtests at most {} levels deep", limits::TAP_DEPTH);
            return Err(Refusal::new(self.place(), expected, "more"));
        }
        while self.open.len() <= level {
            let announced = self.open.last_mut().and_then(|document| {
                document.after_point = false;
                document.next.take()
            });
            let strict = self.open.last().is_some_and(|document| document.strict);
            self.open.push(Document { announced, strict, ..Document::default() });
        }
        Ok(())
    }

    fn version(&mut self, version: &str, level: usize) -> Result<(), Refusal> {
        if !matches!(version, "13" | "14") {
            return Err(Refusal::new(self.place(), "TAP version 13 or 14", format!("`{}`", quoted(version))));
        }
        let place = self.place();
        match self.open.get_mut(level) {
            Some(document) if document.version || document.plan.is_some() || !document.numbers.is_empty() => {
                let found = "a version line behind others, as if reports were put together";
                Err(Refusal::new(place, "one TAP document, the version first", found))
            }
            Some(document) => {
                document.version = true;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn plan(&mut self, first: u64, last: u64, reason: Option<&str>, level: usize) -> Result<(), Refusal> {
        if first != 1 {
            self.disagree("a plan", &format!("one that begins at {first}"))?;
        }
        let Some(document) = self.open.get_mut(level) else { return Ok(()) };
        if document.plan.is_some() {
            return self.disagree("one plan", "another plan");
        }
        document.plan = Some(last);
        document.plan_leads = document.numbers.is_empty();
        document.after_point = false;
        if last == 0 {
            let reason = reason.unwrap_or_default();
            document.skipped = Some(unescaped(directive(reason).map_or(reason, |(_, why)| why)));
        }
        Ok(())
    }

    fn point(&mut self, point: &Point<'_>, level: usize) -> Result<(), Refusal> {
        let subtest = self.ascend(level)?;
        if self.cases >= limits::REPORT_CASES {
            return Err(Refusal::new(
                self.place(),
                format!("at most {} tests", limits::REPORT_CASES),
                "more",
            ));
        }
        self.cases = self.cases.saturating_add(1);
        let Some(document) = self.open.get_mut(level) else { return Ok(()) };
        let late = document.plan.is_some() && !document.plan_leads;
        document.next = None;
        document.after_point = true;
        document.brace = point.description.ends_with('{');
        let seen = u64::try_from(document.numbers.len()).unwrap_or(u64::MAX);
        let number = point.number.unwrap_or(seen.saturating_add(1));
        document.numbers.push(number);
        if late {
            // Said once: behind a trailing plan nothing may follow.
            document.plan_leads = true;
            self.disagree("the plan behind the last test", "a test behind the plan")?;
        }
        let announced = subtest.as_ref().and_then(|subtest| subtest.announced.clone()).unwrap_or_default();
        let id = match (point.description.as_str(), announced.as_str()) {
            ("", "") => number.to_string(),
            ("", name) => unescaped(name),
            (description, _) => description.to_owned(),
        };
        if !announced.is_empty() && announced != id && unescaped(&announced) != id {
            let (claimed, counted) = (quoted(&announced), quoted(&id));
            self.disagree(&format!("subtest `{claimed}`"), &format!("its end as `{counted}`"))?;
        }
        let case = self.judged(point, id, subtest.as_ref())?;
        self.count(&case.id)?;
        let nested = subtest.map(|subtest| subtest.cases).unwrap_or_default();
        self.adopt(case, nested, level)
    }

    /// The case of a test point, with the subtest that it ends.
    fn judged(&mut self, point: &Point<'_>, id: String, subtest: Option<&Document>) -> Result<Case, Refusal> {
        let reason = |text: &str| Some(shortened(&unescaped(text))).filter(|text| !text.is_empty());
        let todo = |what: &str, why: &str| match why {
            "" => reason(what),
            why => reason(&format!("{what}: {why}")),
        };
        let (outcome, reason) = match (point.directive, point.ok, subtest) {
            (Some((Directive::Skip, why)), _, _) => (CaseOutcome::Skipped, reason(why)),
            (Some((Directive::Todo, why)), true, _) => {
                (CaseOutcome::Skipped, todo("TODO, though it passed", why))
            }
            (Some((Directive::Todo, why)), false, _) => (CaseOutcome::Skipped, todo("TODO", why)),
            (None, false, _) => (CaseOutcome::Failed, None),
            (None, true, Some(subtest)) if subtest.failed > 0 => {
                let failed = format!("{} failed in its subtest", subtest.failed);
                self.disagree(&format!("ok `{}`", quoted(&id)), &failed)?;
                (CaseOutcome::Failed, Some(failed))
            }
            (None, true, Some(subtest)) if subtest.passed == 0 => {
                let why = subtest.skipped.as_deref().filter(|why| !why.is_empty());
                (CaseOutcome::Skipped, reason(why.unwrap_or("nothing in its subtest was run")))
            }
            (None, true, _) => (CaseOutcome::Passed, None),
        };
        Ok(Case { id, outcome, reason })
    }

    /// Adds a case to the document of this level, with those of its subtest under its name.
    fn adopt(&mut self, case: Case, nested: Vec<Case>, level: usize) -> Result<(), Refusal> {
        let mut under = Vec::with_capacity(nested.len());
        for inner in nested {
            let id = format!("{}::{}", case.id, inner.id);
            self.count(&id)?;
            under.push(Case { id, ..inner });
        }
        if let Some(document) = self.open.get_mut(level) {
            match case.outcome {
                CaseOutcome::Failed | CaseOutcome::Errored => {
                    document.failed = document.failed.saturating_add(1)
                }
                CaseOutcome::Passed | CaseOutcome::Flaky => {
                    document.passed = document.passed.saturating_add(1)
                }
                CaseOutcome::Skipped => {}
            }
            document.cases.append(&mut under);
            document.cases.push(case);
        }
        Ok(())
    }

    /// Counts an identity against the limits.
    fn count(&mut self, id: &str) -> Result<(), Refusal> {
        self.id_bytes = self.id_bytes.saturating_add(id.len());
        if id.len() > limits::REPORT_CASE_ID_BYTES {
            let expected = format!("names of at most {} bytes", limits::REPORT_CASE_ID_BYTES);
            return Err(Refusal::new(self.place(), expected, "more"));
        }
        if self.id_bytes > limits::REPORT_IDS_BYTES {
            let expected = format!("names of at most {} bytes together", limits::REPORT_IDS_BYTES);
            return Err(Refusal::new(self.place(), expected, "more"));
        }
        Ok(())
    }

    /// Closes the subtests below this level; gives the one right below, which the test at hand ends.
    fn ascend(&mut self, level: usize) -> Result<Option<Document>, Refusal> {
        let kept = level.saturating_add(1);
        while self.open.len() > kept.saturating_add(1) {
            self.abandon()?;
        }
        if self.open.len() <= kept {
            return Ok(None);
        }
        let Some(subtest) = self.open.pop() else { return Ok(None) };
        self.check(&subtest)?;
        Ok(Some(subtest))
    }

    /// Closes a subtest that no test ends. Its cases stay, in the document around it.
    fn abandon(&mut self) -> Result<(), Refusal> {
        let Some(mut subtest) = self.open.pop() else { return Ok(()) };
        self.check(&subtest)?;
        self.disagree("a subtest", "no test that ends it")?;
        if let Some(parent) = self.open.last_mut() {
            parent.failed = parent.failed.saturating_add(subtest.failed);
            parent.cases.append(&mut subtest.cases);
        }
        Ok(())
    }

    /// Compares a document that is at its end with its plan.
    fn check(&mut self, document: &Document) -> Result<(), Refusal> {
        let tests = u64::try_from(document.numbers.len()).unwrap_or(u64::MAX);
        let Some(plan) = document.plan else {
            return self.disagree("a plan", &format!("{tests} tests and no plan"));
        };
        if plan != tests {
            return self.disagree(&format!("{plan} tests"), &format!("{tests} tests"));
        }
        let mut numbers = document.numbers.clone();
        numbers.sort_unstable();
        let right = (1..).zip(&numbers).all(|(expected, number)| expected == *number);
        if right {
            return Ok(());
        }
        let twice = numbers.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(format!("number {one} twice")),
            _ => None,
        });
        let beyond = numbers.iter().find(|number| !(1..=plan).contains(*number));
        let found = twice.or_else(|| beyond.map(|number| format!("number {number}"))).unwrap_or_default();
        self.disagree(&format!("numbers 1 to {plan}"), &found)
    }

    fn other(&mut self, whole: &str, content: &str, level: usize) -> Result<(), Refusal> {
        if let Some(newest) = self.open.last_mut() {
            newest.after_point = false;
        }
        let level = level.min(self.open.len().saturating_sub(1));
        let document = self.open.get(level);
        // node-tap once wrote a subtest in braces behind its test; TAP 14 left that out, and read by its rules the
        // tests within would go to the next test.
        if content.trim_end() == "}" && document.is_some_and(|document| document.brace) {
            return Err(Refusal::new(
                self.place(),
                "a subtest in front of its test, as in TAP 14",
                "one in braces",
            ));
        }
        if reads_like_a_failure(content) {
            return self.disagree("a line that is not TAP", &format!("`{}`", quoted(whole)));
        }
        if document.is_some_and(|document| document.strict) {
            return self.disagree("TAP only, by its pragma", &format!("`{}`", quoted(whole)));
        }
        Ok(())
    }

    fn bail_out(&mut self, reason: &str) -> Result<(), Refusal> {
        let reason = if reason.is_empty() { "no reason given" } else { reason };
        self.run.failures.push(format!("{}: the run bailed out: {}", self.place(), quoted(reason)));
        self.check_notes()
    }

    fn disagree(&mut self, claimed: &str, counted: &str) -> Result<(), Refusal> {
        let (claimed, counted) = (claimed.to_owned(), counted.to_owned());
        self.run.disagreements.push(Disagreement { place: self.place(), claimed, counted });
        self.check_notes()
    }

    fn check_notes(&self) -> Result<(), Refusal> {
        match self.run.failures.len().saturating_add(self.run.disagreements.len()) > limits::REPORT_NOTES {
            true => {
                let expected = format!("at most {} failures and contradictions", limits::REPORT_NOTES);
                Err(Refusal::new("report", expected, "more"))
            }
            false => Ok(()),
        }
    }

    fn place(&self) -> String {
        format!("line {}", self.number)
    }

    fn end(mut self) -> Result<TestRun, Refusal> {
        if self.yaml.take().is_some() {
            self.disagree("a YAML block", "no `...` that ends it")?;
        }
        while self.open.len() > 1 {
            self.abandon()?;
        }
        let document = self.open.pop().unwrap_or_default();
        let something = document.version || document.plan.is_some() || !document.cases.is_empty();
        if !something && self.run.failures.is_empty() {
            return Err(Refusal::new("report", "TAP: a version, a plan or a test", "none of them"));
        }
        self.check(&document)?;
        self.run.cases = document.cases;
        self.run.duplicates = duplicates(&self.run.cases);
        Ok(self.run)
    }
}

/// Text without the backslashes that TAP puts in front of `#` and of themselves.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match characters.peek() {
            Some(next @ ('\\' | '#')) if c == '\\' => {
                plain.push(*next);
                characters.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

fn quoted(text: &str) -> String {
    Escaped(&shortened(text)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(bytes: &[u8]) -> String {
        read(bytes).expect_err(&String::from_utf8_lossy(bytes)).to_string()
    }

    #[test]
    fn hostile_reports_are_refused() {
        let point = |text: &str| format!("1..1\nok 1 - {text}\n").into_bytes();
        let table: Vec<(Vec<u8>, &str)> = vec![
            (Vec::new(), "an empty file"),
            (b"\n\n".to_vec(), "found none of them"),
            (b"<testsuite/>".to_vec(), "found none of them"),
            (b"\xff\xfeo\0k\0".to_vec(), "UTF-16"),
            (b"o\0k\0".to_vec(), "a NUL byte"),
            (b"ok 1 - \xff".to_vec(), "not UTF-8 at offset 7"),
            (b"TAP version 12\nok".to_vec(), "found `12`"),
            (b"TAP version 13 \x1b[2K\nok".to_vec(), r"found `13 \u{1b}[2K`"),
            (b"ok\nTAP version 14\n1..1".to_vec(), "one TAP document"),
            (format!("{}ok\n", "    ".repeat(64)).into_bytes(), "at most 64 levels deep"),
            (point(&"a".repeat(20_000)), "at most 16384 bytes"),
            ("not  ok\n".repeat(10_001).into_bytes(), "at most 10000 failures and contradictions"),
            ("Bail out!\n".repeat(10_001).into_bytes(), "at most 10000 failures and contradictions"),
        ];
        for (bytes, words) in table {
            let shown: String = String::from_utf8_lossy(&bytes).chars().take(200).collect();
            let refusal = refusal(&bytes);
            assert!(refusal.contains(words), "{shown}\nexpected {words}\nfound    {refusal}");
        }
    }

    /// The name of the enclosing test counts in each test of its subtest.
    #[test]
    fn repeated_long_names_are_bounded() {
        let report = format!("{}1..1\nok 1 - {}\n", "    ok\n".repeat(40_000), "n".repeat(16_000));
        assert!(refusal(report.as_bytes()).contains("bytes together"));
    }

    #[test]
    fn one_test_more_than_the_limit_is_refused() {
        let open = vec![Document::default()];
        let mut report = Report { open, cases: limits::REPORT_CASES - 1, ..Report::default() };
        report.line("ok").unwrap();
        assert!(report.line("ok").unwrap_err().to_string().contains("at most 1000000 tests"));
    }

    #[test]
    fn numbers_beyond_all_bounds_are_numbers() {
        let run = read(b"1..99999999999999999999999\nok 99999999999999999999999 - a\n").unwrap();
        assert_eq!(run.disagreements[0].claimed, "18446744073709551615 tests");
        assert_eq!(run.cases[0].id, "a");
    }

    #[test]
    fn lines_are_told_apart() {
        let is_point = |line| matches!(Line::parse(line), Line::Point(_));
        for line in ["ok", "not ok", "ok 1", "ok - a", "ok:", "not ok-1", "ok #", "ok \u{e9}"] {
            assert!(is_point(line), "{line}");
        }
        for line in ["okay", "not okay", "ok1", "OK 1", "not  ok", "Not ok 1", " ok", "ok_1", "ok\u{e9}"] {
            assert!(!is_point(line), "{line}");
        }
        for line in ["not  ok", "NOT OK 7", "\tnot ok 1", "  not ok - a", "not\tok"] {
            assert!(reads_like_a_failure(line), "{line}");
        }
        for line in ["not okay", "nothing ok", "is not ok", "ok not", "not", "not \u{e9}", ""] {
            assert!(!reads_like_a_failure(line), "{line}");
        }
        assert_eq!(Line::parse("1..5 and more"), Line::Other);
        assert_eq!(Line::parse("1..5 # why"), Line::Plan { first: 1, last: 5, reason: Some("why") });
        assert_eq!(Line::parse("BAIL OUT! now"), Line::BailOut("now"));
        assert_eq!(Line::parse("pragma +strict"), Line::Pragma { on: true, key: "strict" });
        assert_eq!(Line::parse("pragma +strict # no"), Line::Other);
        assert_eq!(Line::parse("# Subtest: a: b"), Line::Announcement("a: b"));
        assert_eq!(Line::parse("# Subtests"), Line::Comment);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_pieces_panic(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "ok", "not ok", " 1", " - a", " # SKIP", " # TODO", "\\#", "\\", "#", "\n", "\r", "\n    ", "\n        ", "\n  ---\n",
            "\n  ...\n", "1..2", "1..0 # SKIP", "TAP version 14\n", "# Subtest: a\n", "pragma +strict\n", "Bail out!", "\u{e9}",
            "{", "}", "99999999999999999999",
        ]), 0..40)) {
            let _ = read(pieces.concat().as_bytes());
        }

        #[test]
        fn a_failure_is_never_lost(outcomes in proptest::collection::vec(any::<bool>(), 1..40), depth in 0..20_usize) {
            let indent = "    ".repeat(depth);
            let mut report = String::new();
            for ok in &outcomes {
                report += &format!("{indent}{} - t\n", if *ok { "ok" } else { "not ok" });
            }
            report += &format!("{indent}1..{}\n", outcomes.len());
            for level in (0..depth).rev() {
                report += &format!("{0}ok\n{0}1..1\n", "    ".repeat(level));
            }
            let run = read(report.as_bytes()).unwrap();
            let good = outcomes.iter().all(|ok| *ok);
            let all_passed = run.cases.iter().all(|case| case.outcome == CaseOutcome::Passed);
            prop_assert_eq!(good, all_passed);
            prop_assert_eq!(good || depth == 0, run.disagreements.is_empty());
            let outer = run.cases.last().unwrap().outcome;
            prop_assert!(depth == 0 || (outer == CaseOutcome::Passed) == good);
        }
    }
}
