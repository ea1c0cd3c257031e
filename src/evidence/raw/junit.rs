//! JUnit XML, in the dialects that people meet.
//!
//! There is no one specification. What is read is what Surefire, Gradle, pytest, gotestsum, jest-junit, cargo-nextest,
//! PHPUnit, GoogleTest, CTest and Node write: `testsuites` or `testsuite` as the root, suites nested at will, cases
//! in any of them, and in each case elements that say how it came out.
//!
//! - Every element is known here or the report is refused: an element passed over could be the failure.
//! - A case takes the worst of its results. Without any it passed, unless an attribute says otherwise.
//! - Its identity is the names of its suites, outermost first, its class name and its name, joined with `::`. An empty
//!   part is left out, and so is one equal to the part before it (Surefire's suite and class are one name). The name
//!   of `testsuites` is the run's and no part.
//! - Counts in attributes are compared with the contents and used for nothing else.
//!
//! Two dialects hide what no reader can find: jest-junit writes a `todo` like a test that passed, which only its count
//! gives away, and by default leaves out a file that could not be loaded.

mod xml;

use super::{Case, CaseOutcome, Disagreement, Refusal, TestRun, duplicates, shortened};
use crate::limits;
use xml::{Element, Node, is_blank, place, quoted};

/// Reads a report.
///
/// # Errors
///
/// What is not well-formed XML in UTF-8, what has a document type or processing instructions, what is over a limit,
/// and what no known dialect has.
pub fn read(bytes: &[u8]) -> Result<TestRun, Refusal> {
    let mut reader = xml::Reader::new(bytes)?;
    let mut report = Report::default();
    report.take(&mut reader)?;
    report.run.duplicates = duplicates(&report.run.cases);
    Ok(report.run)
}

/// What an element is to the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// `testsuites` and `testsuite`.
    Suite,
    /// `testcase`.
    Case,
    /// An element that says how a case came out, or what is wrong with a suite.
    Result(CaseOutcome),
    /// An element that holds nothing but harmless items.
    Holder,
    /// An element that holds nothing but text.
    Words,
}

/// What a case may hold to say how it came out. `rerun…` alone means that it failed again; Surefire and nextest put it
/// beside `failure`. `warning` is PHPUnit's: a test that it could not judge.
const RESULTS: [(&str, CaseOutcome); 8] = [
    ("failure", CaseOutcome::Failed),
    ("error", CaseOutcome::Errored),
    ("skipped", CaseOutcome::Skipped),
    ("flakyFailure", CaseOutcome::Flaky),
    ("flakyError", CaseOutcome::Flaky),
    ("rerunFailure", CaseOutcome::Failed),
    ("rerunError", CaseOutcome::Errored),
    ("warning", CaseOutcome::Failed),
];

/// What says nothing about the outcome, wherever it stands beside results, with what it may hold.
const HARMLESS: [(&str, Role); 4] = [
    ("properties", Role::Holder),
    ("attachments", Role::Holder),
    ("system-out", Role::Words),
    ("system-err", Role::Words),
];

/// What may stand in those of [`HARMLESS`] that hold elements.
const ITEMS: [&str; 2] = ["property", "attachment"];

/// Words in the attributes `status` and `result` of a case, by which GoogleTest and CTest say what others say
/// with elements. A word that is not here is not understood.
const STATUS: [(CaseOutcome, &[&str]); 4] = [
    (CaseOutcome::Passed, &["run", "passed", "pass", "ok", "success", "successful", "completed"]),
    (
        CaseOutcome::Skipped,
        &["notrun", "skipped", "disabled", "suppressed", "ignored", "untested", "pending", "todo"],
    ),
    (CaseOutcome::Failed, &["fail", "failed", "failure"]),
    (CaseOutcome::Errored, &["error", "errored", "broken"]),
];

/// An element that is open.
#[derive(Debug)]
enum Frame {
    Suite(Box<Suite>),
    Case(Open),
    Result { outcome: CaseOutcome, reason: Reason, line: u64 },
    Holder,
    Words { name: String, text: Reason },
}

/// A case that is open.
#[derive(Debug)]
struct Open {
    id: String,
    outcome: CaseOutcome,
    reason: Option<String>,
    failures: u64,
    errors: u64,
    disabled: bool,
    not_run: bool,
}

/// A reason as it is gathered, from an attribute or else from text.
#[derive(Debug, Default)]
struct Reason {
    message: Option<String>,
    text: String,
}

impl Reason {
    /// More than this is not shown, so it is not gathered: a text node may be as large as the report.
    const BYTES: usize = 4096;

    fn gather(&mut self, text: &str) {
        let left = Self::BYTES.saturating_sub(self.text.len());
        let text = if self.text.is_empty() { text.trim_start() } else { text };
        self.text.push_str(text.get(..text.floor_char_boundary(left)).unwrap_or_default());
    }

    fn get(&self) -> Option<String> {
        let message = self.message.as_deref().map(shortened).filter(|message| !message.is_empty());
        message.or_else(|| Some(shortened(&self.text)).filter(|text| !text.is_empty()))
    }
}

/// Counts, by the ways in which dialects count.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    tests: u64,
    failed: u64,
    errored: u64,
    skipped: u64,
    /// Of the skipped, those that an attribute calls disabled.
    disabled: u64,
    /// Of the skipped, those that an attribute calls not run.
    not_run: u64,
    /// Elements, of which a case may have several.
    failures: u64,
    errors: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        for (own, more) in [
            (&mut self.tests, other.tests),
            (&mut self.failed, other.failed),
            (&mut self.errored, other.errored),
            (&mut self.skipped, other.skipped),
            (&mut self.disabled, other.disabled),
            (&mut self.not_run, other.not_run),
            (&mut self.failures, other.failures),
            (&mut self.errors, other.errors),
        ] {
            *own = own.saturating_add(more);
        }
    }

    fn of_case(case: &Open) -> Self {
        let is = |outcome| u64::from(case.outcome == outcome);
        Self {
            tests: 1,
            failed: is(CaseOutcome::Failed),
            errored: is(CaseOutcome::Errored),
            skipped: is(CaseOutcome::Skipped),
            disabled: is(CaseOutcome::Skipped).min(u64::from(case.disabled)),
            not_run: is(CaseOutcome::Skipped).min(u64::from(case.not_run)),
            failures: case.failures,
            errors: case.errors,
        }
    }

    /// What a whole suite comes to where it counts as one test of its parent.
    fn as_one(&self) -> Self {
        let any = |count: u64| u64::from(count > 0);
        let (failed, errored) = (any(self.failed), any(self.errored));
        let skipped = any(self.skipped);
        Self { tests: 1, failed, errored, skipped, failures: failed, errors: errored, ..Self::default() }
    }
}

/// A suite that is open, or the root.
#[derive(Debug)]
struct Suite {
    /// `None` for `testsuites`, whose name is no part of an identity.
    name: Option<String>,
    place: String,
    claims: Vec<(Count, String)>,
    /// Cases here and in nested suites.
    total: Tally,
    /// Cases here.
    own: Tally,
    /// Cases here, and each nested suite as if it were one.
    children: Tally,
    error_output: Option<String>,
}

/// A count that a suite gives of itself.
#[derive(Debug, Clone, Copy)]
enum Count {
    Tests,
    Failures,
    Errors,
    Skipped,
    Disabled,
}

/// By attribute, with the names that older dialects have.
const COUNTS: [(&str, Count); 7] = [
    ("tests", Count::Tests),
    ("failures", Count::Failures),
    ("errors", Count::Errors),
    ("skipped", Count::Skipped),
    ("skips", Count::Skipped),
    ("skip", Count::Skipped),
    ("disabled", Count::Disabled),
];

impl Suite {
    fn open(element: &Element<'_>) -> Result<Self, Refusal> {
        let name = element.attribute("name")?;
        let at = place(element.line);
        let place = match &name {
            Some(name) => format!("{at}, {} `{}`", element.name(), quoted(name)),
            None => format!("{at}, {}", element.name()),
        };
        let name = (element.name() == "testsuite").then(|| name.unwrap_or_default());
        let mut claims = Vec::new();
        for (attribute, count) in COUNTS {
            if let Some(value) = element.attribute(attribute)? {
                claims.push((count, value));
            }
        }
        let (total, own, children) = Default::default();
        Ok(Self { name, place, claims, total, own, children, error_output: None })
    }

    /// The numbers that a count may be. Dialects differ in three ways: nested suites count in their parent (PHPUnit),
    /// do not, or count as one test each (Node); an error is a failure or is not; a case with two failures counts once
    /// or twice; a disabled test is a skipped one, or is not (GoogleTest, CTest). All of them are counted from the contents, so that choosing between them hides nothing.
    fn counted(&self, count: Count) -> Vec<u64> {
        let ways = match self.name {
            Some(_) => vec![self.total, self.own, self.children],
            // The root of roots has no cases of its own in most dialects, and a count of none would always pass.
            None => vec![self.total],
        };
        let numbers = |tally: &Tally| match count {
            Count::Tests => vec![tally.tests],
            Count::Failures => {
                vec![tally.failed, tally.failures, tally.failed.saturating_add(tally.errored)]
            }
            Count::Errors => vec![tally.errored, tally.errors],
            Count::Disabled => {
                vec![tally.skipped, tally.disabled, tally.disabled.saturating_add(tally.not_run)]
            }
            Count::Skipped => [0, tally.disabled, tally.disabled.saturating_add(tally.not_run)]
                .map(|elsewhere| tally.skipped.saturating_sub(elsewhere))
                .to_vec(),
        };
        ways.iter().flat_map(numbers).collect()
    }

    /// The counts that are wrong.
    fn contradictions(&self) -> Vec<Disagreement> {
        let wrong = |count: Count, text: &str| {
            decimal(text).is_none_or(|number| !self.counted(count).contains(&number))
        };
        let claims = self.claims.iter().filter(|(count, text)| wrong(*count, text));
        claims
            .map(|(count, text)| {
                let name = count.name();
                let counted = self.counted(*count).first().copied().unwrap_or_default();
                Disagreement {
                    place: self.place.clone(),
                    claimed: format!("{} {name}", quoted(text)),
                    counted: format!("{counted} {name}"),
                }
            })
            .collect()
    }
}

impl Count {
    fn name(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Failures => "failures",
            Self::Errors => "errors",
            Self::Skipped => "skipped",
            Self::Disabled => "disabled",
        }
    }
}

fn decimal(text: &str) -> Option<u64> {
    let digits = text.trim_matches(is_blank);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The report as it is read.
#[derive(Debug, Default)]
struct Report {
    run: TestRun,
    open: Vec<Frame>,
    /// Bytes in all identities so far.
    id_bytes: usize,
}

impl Report {
    fn take(&mut self, reader: &mut xml::Reader<'_>) -> Result<(), Refusal> {
        while let Some(node) = reader.next()? {
            match node {
                Node::Open(element) => self.open(&element)?,
                Node::Close => self.close()?,
                Node::Text(text) => self.text(&text, reader)?,
                Node::Character(c) => self.text(c.encode_utf8(&mut [0; 4]), reader)?,
            }
        }
        Ok(())
    }

    fn open(&mut self, element: &Element<'_>) -> Result<(), Refusal> {
        let role = self.role(element.name()).ok_or_else(|| self.not_understood(element))?;
        let frame = match role {
            Role::Suite => Frame::Suite(Box::new(Suite::open(element)?)),
            Role::Case => Frame::Case(self.case(element)?),
            Role::Result(outcome) => {
                let reason = Reason { message: element.attribute("message")?, text: String::new() };
                if let Some(Frame::Case(case)) = self.open.last_mut() {
                    match element.name() {
                        "failure" => case.failures = case.failures.saturating_add(1),
                        "error" => case.errors = case.errors.saturating_add(1),
                        _ => {}
                    }
                }
                Frame::Result { outcome, reason, line: element.line }
            }
            Role::Holder => Frame::Holder,
            Role::Words => Frame::Words { name: element.name().to_owned(), text: Reason::default() },
        };
        self.open.push(frame);
        Ok(())
    }

    /// What an element of this name is where it stands; none where it has no business.
    fn role(&self, name: &str) -> Option<Role> {
        let harmless = || HARMLESS.iter().find(|(own, _)| *own == name).map(|(_, role)| *role);
        let result =
            || RESULTS.iter().find(|(own, _)| *own == name).map(|(_, outcome)| Role::Result(*outcome));
        match (self.open.last(), name) {
            (None, "testsuites") | (None | Some(Frame::Suite(_)), "testsuite") => Some(Role::Suite),
            (None, _) => None,
            (Some(Frame::Suite(_)), "testcase") => Some(Role::Case),
            (Some(Frame::Suite(_)), "failure" | "error") => result(),
            (Some(Frame::Suite(_)), _) => harmless(),
            (Some(Frame::Case(_)), _) => result().or_else(harmless),
            // Surefire's reruns carry their trace and output within.
            (Some(Frame::Result { .. }), "stackTrace" | "system-out" | "system-err") => Some(Role::Words),
            (Some(Frame::Holder), name) if ITEMS.contains(&name) => Some(Role::Words),
            (Some(Frame::Result { .. } | Frame::Holder | Frame::Words { .. }), _) => None,
        }
    }

    fn not_understood(&self, element: &Element<'_>) -> Refusal {
        let expected = match self.open.last() {
            None => "testsuites or testsuite as the root",
            Some(Frame::Suite(_)) => "suites, cases, errors, properties and output in a suite",
            Some(Frame::Case(_)) => "results, properties and output in a case",
            Some(Frame::Result { .. }) => "text, a trace and output in a result",
            Some(Frame::Holder) => "property and attachment in a list of them",
            Some(Frame::Words { .. }) => "text only",
        };
        Refusal::new(place(element.line), expected, format!("<{}>", quoted(element.name())))
    }

    fn case(&mut self, element: &Element<'_>) -> Result<Open, Refusal> {
        let at = place(element.line);
        if self.run.cases.len() >= limits::REPORT_CASES {
            return Err(Refusal::new(at, format!("at most {} tests", limits::REPORT_CASES), "more"));
        }
        let name = element.attribute("name")?.filter(|name| !name.trim().is_empty());
        let name = name.ok_or_else(|| Refusal::new(&*at, "a name for every testcase", "none"))?;
        let class = match element.attribute("classname")? {
            Some(class) => class,
            None => element.attribute("class")?.unwrap_or_default(),
        };
        let id = self.identity(&class, &name, at)?;
        let mut case = Open::new(id);
        for attribute in ["status", "result"] {
            if let Some(word) = element.attribute(attribute)? {
                case.outcome = case.outcome.max(outcome_of(&word, attribute, element.line)?);
                case.disabled |= ["disabled", "suppressed"].contains(&&*word);
                case.not_run = (case.not_run || word == "notrun") && !case.disabled;
            }
        }
        // Node says it twice, here and in an element. Where only this is left, it is still no pass.
        for (attribute, outcome) in [("failure", CaseOutcome::Failed), ("error", CaseOutcome::Errored)] {
            if let Some(message) = element.attribute(attribute)? {
                case.take(outcome, Some(shortened(&message)).filter(|message| !message.is_empty()));
            }
        }
        Ok(case)
    }

    fn identity(&mut self, class: &str, name: &str, at: String) -> Result<String, Refusal> {
        let suites = self.open.iter().filter_map(|frame| match frame {
            Frame::Suite(suite) => suite.name.as_deref(),
            _ => None,
        });
        let mut id = String::new();
        let mut before = "";
        for part in suites.chain([class, name]).filter(|part| !part.is_empty()) {
            if part != before {
                if !before.is_empty() {
                    id.push_str("::");
                }
                id.push_str(part);
            }
            before = part;
            if id.len() > limits::REPORT_CASE_ID_BYTES {
                let expected =
                    format!("suites, class and name of at most {} bytes", limits::REPORT_CASE_ID_BYTES);
                return Err(Refusal::new(at, expected, "more"));
            }
        }
        self.id_bytes = self.id_bytes.saturating_add(id.len());
        if self.id_bytes > limits::REPORT_IDS_BYTES {
            let expected = format!("identities of at most {} bytes together", limits::REPORT_IDS_BYTES);
            return Err(Refusal::new(at, expected, "more"));
        }
        Ok(id)
    }

    fn close(&mut self) -> Result<(), Refusal> {
        match self.open.pop() {
            Some(Frame::Suite(suite)) => self.close_suite(&suite),
            Some(Frame::Case(case)) => {
                if let Some(Frame::Suite(suite)) = self.open.last_mut() {
                    let tally = Tally::of_case(&case);
                    suite.total.add(&tally);
                    suite.own.add(&tally);
                    suite.children.add(&tally);
                }
                self.run.cases.push(Case { id: case.id, outcome: case.outcome, reason: case.reason });
                Ok(())
            }
            Some(Frame::Result { outcome, reason, line }) => self.close_result(outcome, &reason, line),
            Some(Frame::Words { name, text }) => {
                if let Some(Frame::Suite(suite)) = self.open.last_mut()
                    && name == "system-err"
                {
                    suite.error_output = text.get().or(suite.error_output.take());
                }
                Ok(())
            }
            Some(Frame::Holder) | None => Ok(()),
        }
    }

    fn close_result(&mut self, outcome: CaseOutcome, reason: &Reason, line: u64) -> Result<(), Refusal> {
        match self.open.last_mut() {
            Some(Frame::Case(case)) => case.take(outcome, reason.get()),
            Some(Frame::Suite(suite)) => {
                let failed = outcome == CaseOutcome::Failed;
                let (failures, errors) = (u64::from(failed), u64::from(!failed));
                let tally = Tally { failures, errors, ..Tally::default() };
                suite.total.add(&tally);
                suite.own.add(&tally);
                suite.children.add(&tally);
                let what = if failed { "failure" } else { "error" };
                let why = reason.get().unwrap_or_else(|| "no reason given".to_owned());
                let note = format!("{} at {}: {what}: {}", suite.place, place(line), quoted(&why));
                self.fail(note)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn close_suite(&mut self, suite: &Suite) -> Result<(), Refusal> {
        for contradiction in suite.contradictions() {
            self.run.disagreements.push(contradiction);
        }
        if let (0, Some(output)) = (suite.total.tests, &suite.error_output) {
            self.fail(format!("{}: no test, but error output: {}", suite.place, quoted(output)))?;
        }
        if let Some(Frame::Suite(parent)) = self.open.last_mut() {
            parent.total.add(&suite.total);
            parent.children.add(&suite.total.as_one());
        }
        self.check_notes()
    }

    fn fail(&mut self, note: String) -> Result<(), Refusal> {
        self.run.failures.push(note);
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

    /// Text where elements belong could be the result that a dialect unknown to us writes.
    fn text(&mut self, text: &str, reader: &mut xml::Reader<'_>) -> Result<(), Refusal> {
        match self.open.last_mut() {
            Some(Frame::Result { reason, .. }) => reason.gather(text),
            Some(Frame::Words { text: gathered, .. }) => gathered.gather(text),
            _ if text.trim_matches(is_blank).is_empty() => {}
            _ => return Err(reader.refuse("elements only", &format!("`{}`", quoted(text)))),
        }
        Ok(())
    }
}

impl Open {
    fn new(id: String) -> Self {
        let (reason, failures, errors, disabled, not_run) = Default::default();
        Self { id, outcome: CaseOutcome::Passed, reason, failures, errors, disabled, not_run }
    }

    /// Takes a result; of several the worst stays, with its reason.
    fn take(&mut self, outcome: CaseOutcome, reason: Option<String>) {
        if outcome > self.outcome {
            (self.outcome, self.reason) = (outcome, reason);
        } else if outcome == self.outcome && self.reason.is_none() {
            self.reason = reason;
        }
    }
}

fn outcome_of(word: &str, attribute: &str, line: u64) -> Result<CaseOutcome, Refusal> {
    let lower = word.trim_matches(is_blank).to_ascii_lowercase();
    let known = STATUS.iter().find(|(_, words)| words.contains(&lower.as_str()));
    known.map(|(outcome, _)| *outcome).ok_or_else(|| {
        let expected = format!("a {attribute} such as run, passed, skipped, disabled, failed or error");
        Refusal::new(place(line), expected, format!("`{}`", quoted(word)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(bytes: &[u8]) -> String {
        read(bytes).expect_err(&String::from_utf8_lossy(bytes)).to_string()
    }

    fn suite(inside: &str) -> String {
        format!("<testsuite name=\"s\">{inside}</testsuite>")
    }

    /// Each report must be refused with these words.
    fn all_refused<const N: usize>(table: [(String, &str); N]) {
        for (text, words) in table {
            let shown: String = text.chars().take(200).collect();
            let refusal = refusal(text.as_bytes());
            assert!(refusal.contains(words), "{shown}\nexpected {words}\nfound    {refusal}");
        }
    }

    #[test]
    fn other_encodings_are_refused() {
        let utf16: Vec<u8> = suite("").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(refusal(&utf16).contains("a NUL byte, as in UTF-16"));
        assert!(refusal(&[&[0xff, 0xfe], &*utf16].concat()).contains("found UTF-16"));
        assert!(refusal(b"<testsuite name=\"\xff\"/>").contains("not UTF-8 at offset 17"));
    }

    #[test]
    fn what_is_not_one_document_is_refused() {
        let good = suite("<testcase name=\"a\"/>");
        all_refused([
            (String::new(), "found an empty file"),
            (" \n".to_owned(), "a root element, found none"),
            ("All tests passed.".to_owned(), "nothing beside the root element"),
            ("{\"tests\": 1}".to_owned(), "nothing beside the root element"),
            (good.replace("</testsuite>", ""), "the end, with 1 open"),
            (good.replace("/></testsuite>", ""), "tag not closed"),
            (good.replace("</testsuite>", "</testsuites>"), "well-formed XML"),
            (good.replace("</testsuite>", "</testsuite a=\"b\">"), "well-formed XML"),
            (format!("{good}{good}"), "one root element, found <testsuite> after its end"),
            (format!("{good}failure"), "nothing beside the root element, found `failure`"),
            (format!("{good}&lt;"), "nothing beside the root element"),
            (format!("{good}<![CDATA[ ]]>"), "nothing beside the root element"),
            (format!("{good}</testsuite>"), "well-formed XML"),
            (format!("<!DOCTYPE testsuite>{good}"), "a document type declaration"),
            (
                format!("<!DOCTYPE testsuite SYSTEM \"file:///etc/passwd\">{good}"),
                "a document type declaration",
            ),
            (format!("<!doctype testsuite>{good}"), "a document type declaration"),
            (format!("<?xml-stylesheet href=\"a\"?>{good}"), "a processing instruction"),
            (suite("<?php exit ?>"), "a processing instruction"),
            (format!(" <?xml version=\"1.0\"?>{good}"), "at the very start"),
            (suite("<?xml version=\"1.0\"?>"), "at the very start"),
            (format!("<?xml version=\"1.1\"?>{good}"), "version 1.0, found `1.1`"),
            (format!("<?xml encoding=\"utf-8\"?>{good}"), "version 1.0, found ``"),
            (format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{good}"), "found `utf-16`"),
            (format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{good}"), "found `iso-8859-1`"),
            (
                format!("<?xml version=\"1.0\" encoding=\"us-ascii\"?>{}", suite("<!-- \u{e9} -->")),
                "US-ASCII, and characters",
            ),
            (format!("<?xml version=\"1.0\" encoding=\"a\" encoding=\"b\"?>{good}"), "well-formed XML"),
            (format!("\u{feff}\u{feff}{good}"), "two byte order marks"),
        ]);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let good = suite("<testcase name=\"a\"/>");
        all_refused([
            (suite("<testcase name=\"&bomb;\"/>"), "found `&bomb;`"),
            (suite("<testcase name=\"a\" file=\"&bomb;\"/>"), "found `&bomb;`"),
            (suite("&bomb;"), "found `&bomb;`"),
            (suite("<testcase name=\"&#0;\"/>"), "found `&#0;`"),
            (suite("<testcase name=\"&#x1b;\"/>"), "found `&#x1b;`"),
            (suite("<testcase name=\"&#xD800;\"/>"), "found `&#xD800;`"),
            (suite("<testcase name=\"&#+65;\"/>"), "found `&#+65;`"),
            (suite("<testcase name=\"&#99999999999999999999;\"/>"), "a predefined entity or the number"),
            (suite("<testcase name=\"a & b\"/>"), "an ampersand without its semicolon"),
            (suite("<testcase name=\"a<b\"/>"), "no `<` in the value"),
            (suite("<testcase name=\"a\"name2=\"b\"/>"), "a blank between two attributes"),
            (suite("<testcase name=\"a\" name=\"b\"/>"), "well-formed XML"),
            (suite("<testcase name=a/>"), "well-formed XML"),
            (suite("<testcase name/>"), "well-formed XML"),
            (suite("<>"), "a name, found ``"),
            (suite("< testcase name=\"a\"/>"), "a name, found ``"),
            (suite("<!-- a -- b -->"), "forbidden string `--`"),
            (suite("<!-- a"), "comment not closed"),
            (suite("<![CDATA[ a"), "CDATA not closed"),
            (suite("<!ELEMENT a>"), "well-formed XML"),
            (suite("]]>"), "no `]]>` in a text"),
            (suite("<testcase name=\"\u{1b}\"/>"), "U+001B at offset 36"),
            (suite("<testcase name=\"\u{ffff}\"/>"), "U+FFFF at offset 36"),
            (good.replace('a', "\0"), "a NUL byte"),
        ]);
    }

    #[test]
    fn what_no_dialect_has_is_refused() {
        all_refused([
            ("<testcase name=\"a\"/>".to_owned(), "testsuites or testsuite as the root, found <testcase>"),
            ("<html/>".to_owned(), "testsuites or testsuite as the root"),
            (suite("<testcase/>"), "a name for every testcase"),
            (suite("<testcase name=\" \"/>"), "a name for every testcase"),
            (suite("passed"), "elements only, found `passed`"),
            (suite("<Testcase name=\"a\"/>"), "found <Testcase>"),
            (suite("<testcase name=\"a\"><Failure/></testcase>"), "found <Failure>"),
            (suite("<testcase name=\"a\"><x:assumption/></testcase>"), "found <assumption>"),
            (suite("<testcase name=\"a\"><testcase name=\"b\"/></testcase>"), "found <testcase>"),
            (suite("<testcase name=\"a\"><system-out><failure/></system-out></testcase>"), "text only"),
            (
                suite("<testcase name=\"a\"><flakyFailure><failure/></flakyFailure></testcase>"),
                "found <failure>",
            ),
            (suite("<properties>failed</properties>"), "elements only"),
            (suite("<skipped/>"), "found <skipped>"),
            (suite("<testcase name=\"a\" status=\"meh\"/>"), "found `meh`"),
            (suite("<testsuites/>"), "found <testsuites>"),
        ]);
    }

    #[test]
    fn what_is_over_a_limit_is_refused() {
        let attributes: String = (0..1_000_000).map(|n| format!(" a{n}=\"\"")).collect();
        let deep = "<testsuite>".repeat(100_000);
        all_refused([
            (format!("<testsuite{attributes}/>"), "at most 256 attributes"),
            (deep, "at most 100 levels"),
            (suite(&format!("<testcase name=\"{}\"/>", "a".repeat(20_000))), "at most 16384 bytes"),
            (suite(&"<error/>".repeat(10_001)), "at most 10000 failures and contradictions"),
            (suite("<a\u{202e}b/>"), r"<a\u{202e}b>"),
        ]);
    }

    /// A suite's name counts in each of its cases, so that a small file could ask for much memory.
    #[test]
    fn repeated_long_names_are_bounded() {
        let name = "n".repeat(16_000);
        let cases = "<testcase name=\"a\"/>".repeat(40_000);
        let refusal = refusal(format!("<testsuite name=\"{name}\">{cases}</testsuite>").as_bytes());
        assert!(refusal.contains("bytes together"), "{refusal}");
    }

    #[test]
    fn one_case_more_than_the_limit_is_refused() {
        let case = Case { id: String::new(), outcome: CaseOutcome::Passed, reason: None };
        let mut report = Report::default();
        report.run.cases = vec![case; limits::REPORT_CASES - 1];
        let bytes = suite("<testcase name=\"a\"/>").into_bytes();
        report.take(&mut xml::Reader::new(&bytes).unwrap()).unwrap();
        let refusal = report.take(&mut xml::Reader::new(&bytes).unwrap()).unwrap_err().to_string();
        assert!(refusal.contains("at most 1000000 tests"), "{refusal}");
    }

    /// A report cut anywhere is refused: no prefix of it is a report.
    #[test]
    fn no_truncated_report_is_read() {
        let whole = format!(
            "<?xml version=\"1.0\"?><testsuites>{}</testsuites>",
            suite("<testcase name=\"a &amp; b\"><failure><![CDATA[x]]>&lt;</failure></testcase><!-- c -->")
        );
        read(whole.as_bytes()).unwrap();
        for end in 0..whole.len() {
            refusal(&whole.as_bytes()[..end]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_pieces_panic(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "<testsuites>", "</testsuites>", "<testsuite name=\"a\" tests=\"1\">", "</testsuite>", "<testcase name=\"b\">",
            "</testcase>", "<testcase name='c'/>", "<failure message='d'>", "</failure>", "<!--", "-->", "<!-->", "<!--->",
            "<![CDATA[", "]]>", "<?xml version='1.0'?>", "<?", "?>", "<!DOCTYPE a [", "]>", "&amp;", "&#x41;", "&", ";",
            "<", ">", "/", "\"", "'", "=", "<>", "</>", "</ >", "<system-out>", "</system-out>", "\u{feff}", "\u{e9}", " ",
        ]), 0..30)) {
            let _ = read(pieces.concat().as_bytes());
        }

        #[test]
        fn a_failure_is_never_lost(outcomes in proptest::collection::vec(0..4_usize, 1..40), depth in 1..20_usize) {
            let case = |outcome: &usize| format!("<testcase name=\"t\">{}</testcase>",
                ["", "<failure/>", "<skipped/><error>x</error>", "<flakyFailure/>"][*outcome]);
            let cases: String = outcomes.iter().map(case).collect();
            let report = format!("{}{cases}{}", "<testsuite>".repeat(depth), "</testsuite>".repeat(depth));
            let run = read(report.as_bytes()).unwrap();
            let bad = run.cases.iter().filter(|case| case.outcome >= CaseOutcome::Failed).count();
            prop_assert_eq!(bad, outcomes.iter().filter(|outcome| matches!(outcome, 1 | 2)).count());
        }
    }
}
