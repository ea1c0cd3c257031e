//! The output of YARA's command line.
//!
//! ```text
//! 4.2.3
//! size of AC transition table        : 512
//! average length of AC matches lists : 1.000000
//! number of rules                    : 2
//! ...
//!    0: 1
//! drop/firmware/radio.bin: 0
//! drop/firmware/boot.img: 1
//! ```
//!
//! Plain `yara` prints nothing when nothing matches, so its silence is also that of a scan that never ran. The one
//! form taken here names every file with the number of rules that matched it (`--count`) after the statistics of the
//! rules (`--print-stats`), since without any rule every file has the number 0:
//! `{ yara --version >&2; stdbuf -oL yara -S -c -r -N RULES DIR; } > yara.log 2>&1`.
//!
//! A file that YARA could not read also has the number 0, on standard output; that it failed stands on standard error
//! alone. Hence the version goes there: a log without it was made without standard error, and is refused.
//! Which rules matched is not in this form; the count is what is found. `number of rules` is what counts as
//! signatures. YARA writes no summary, so [`MalwareScan::scanned`] stays empty. `--max-rules` and rules that write to the console must not be used: the former stops early,
//! the latter let what is scanned write lines.

use super::scans::{Line, lines, quoted};
use super::{Disagreement, FileVerdict, MalwareScan, Refusal, ScannedFile, Tool, shortened};
use std::collections::{HashMap, HashSet};

/// What `--print-stats` writes before the first file, in its order (YARA, `cli/yara.c`, `print_rules_stats`), up to two
/// lists of numbered lines.
const STATISTICS: [&str; 6] = [
    "size of AC transition table",
    "average length of AC matches lists",
    "number of rules",
    "number of strings",
    "number of AC matches",
    "number of AC matches in root node",
];

const EXPECTED: &str = "a line of yara -S -c -r DIR 2>&1, such as drop/a.bin: 0";

/// Reads a log of the form above.
///
/// # Errors
/// When it has another form: no version, no statistics, a line that says nothing known, an end within a line, or bytes
/// that are no text.
pub fn read(bytes: &[u8]) -> Result<MalwareScan, Refusal> {
    let mut scan =
        MalwareScan { tool: Tool { name: "yara".into(), version: None }, ..MalwareScan::default() };
    let mut expected = Part::Version;
    let mut unread = HashMap::new();
    for line in lines(bytes)? {
        if expected != Part::Version && message(&mut scan, &mut unread, line) {
            continue;
        }
        expected = match expected {
            Part::Version => version(&mut scan, line)?,
            Part::Statistic(index) => statistic(&mut scan, index, line)?,
            Part::Longest => {
                heading(line, "number of AC matches in top ", Part::Numbered(Then::Percentiles))?
            }
            Part::Numbered(then) => numbered(&mut scan, then, line)?,
            Part::Files => file(&mut scan, line)?,
        };
    }
    finish(&mut scan, expected, bytes, unread)?;
    Ok(scan)
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Version,
    Statistic(usize),
    Longest,
    Numbered(Then),
    Files,
}

/// What follows a list of numbered lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Percentiles,
    Files,
}

fn version(scan: &mut MalwareScan, line: Line<'_>) -> Result<Part, Refusal> {
    let shaped = line.text.starts_with(|c: char| c.is_ascii_digit())
        && line.text.contains('.')
        && line.text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    if !shaped {
        return Err(line.refused("the output of yara --version on standard error, such as 4.2.3"));
    }
    scan.tool.version = Some(line.text.to_owned());
    Ok(Part::Statistic(0))
}

fn statistic(scan: &mut MalwareScan, index: usize, line: Line<'_>) -> Result<Part, Refusal> {
    let name = STATISTICS.get(index).copied().unwrap_or_default();
    let value = line
        .text
        .split_once(':')
        .filter(|(found, _)| found.trim_end() == name)
        .map(|(_, value)| value.trim())
        .ok_or_else(|| line.refused("the statistics of the rules, by --print-stats"))?;
    if name == "number of rules" {
        let rules = number(value).ok_or_else(|| line.refused("the number of rules"))?;
        scan.signatures = Some(rules);
        if rules == 0 {
            scan.failures.push("number of rules: 0: the scanner could find nothing".into());
        }
    }
    let next = index.saturating_add(1);
    Ok(if next < STATISTICS.len() { Part::Statistic(next) } else { Part::Longest })
}

fn heading(line: Line<'_>, start: &str, next: Part) -> Result<Part, Refusal> {
    if line.text.starts_with(start) { Ok(next) } else { Err(line.refused(start.trim_end())) }
}

/// A line of a numbered list, whose number is padded to three with blanks, or what follows the list.
fn numbered(scan: &mut MalwareScan, then: Then, line: Line<'_>) -> Result<Part, Refusal> {
    let is_numbered = line.text.starts_with(' ')
        && line.text.split_once(": ").is_some_and(|(rank, count)| {
            rank.len() == 4 && number(rank.trim_start()).is_some() && number(count).is_some()
        });
    match then {
        _ if is_numbered => Ok(Part::Numbered(then)),
        Then::Percentiles => heading(line, "match list length percentiles", Part::Numbered(Then::Files)),
        Then::Files => file(scan, line),
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// A file and how many rules matched it.
fn file(scan: &mut MalwareScan, line: Line<'_>) -> Result<Part, Refusal> {
    let (path, count) = line
        .text
        .rsplit_once(": ")
        .filter(|(path, _)| !path.is_empty())
        .and_then(|(path, count)| Some((path, number(count)?)))
        .ok_or_else(|| line.refused(EXPECTED))?;
    let verdict = match count {
        0 => FileVerdict::Clean,
        1 => FileVerdict::Found("1 rule".into()),
        _ => FileVerdict::Found(format!("{count} rules")),
    };
    scan.files.push(ScannedFile { path: path.to_owned(), verdict });
    Ok(Part::Files)
}

/// Takes a line of standard error, which can come between any two others. Files that were not read are kept by
/// path, with the reason.
fn message<'t>(scan: &mut MalwareScan, unread: &mut HashMap<&'t str, &'t str>, line: Line<'t>) -> bool {
    let text = line.text;
    if let Some(rest) = text.strip_prefix("error scanning ") {
        if let Some((path, reason)) = rest.rsplit_once(": ") {
            // An error without words has a number after `error: `.
            unread.insert(path.strip_suffix(": error").unwrap_or(path), reason);
        }
        scan.failures.push(shortened(text));
    } else if let Some((path, reason)) = skipped(text) {
        scan.files
            .push(ScannedFile { path: path.to_owned(), verdict: FileVerdict::NotScanned(shortened(reason)) });
    } else if text.starts_with("warning: ") {
        // A remark of the compiler, or that a rule is slow, changes no result; that a string matched too often does:
        // YARA then goes on without it.
        let harmless = text.starts_with("warning: rule \"")
            && (text.contains("\" in ") || text.contains("\": scanning with string "))
            && !text.contains("too many matches");
        if !harmless {
            scan.failures.push(shortened(text));
        }
    } else if text.starts_with("error: ") || text.contains("): error: ") {
        scan.failures.push(shortened(text));
    } else {
        return text.contains("): warning: ")
            && text.rsplit_once(": ").is_none_or(|(_, n)| number(n).is_none());
    }
    true
}

/// The line about a file that `--skip-larger` left out: its path, and why.
fn skipped(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("skipping ")?;
    rest.ends_with(" bytes.")
        .then(|| rest.rsplit_once(" because "))
        .flatten()
        .and_then(|(path, reason)| Some((path.rsplit_once(" (")?.0, reason.trim_end_matches('.'))))
}

/// What only the whole log shows: that it is whole, files that are named twice, and files that were named as clean
/// and not read.
fn finish(
    scan: &mut MalwareScan,
    expected: Part,
    bytes: &[u8],
    unread: HashMap<&str, &str>,
) -> Result<(), Refusal> {
    match expected {
        Part::Files | Part::Numbered(Then::Files) => {}
        Part::Version => return Err(Refusal::new("the log", EXPECTED, "nothing")),
        _ => {
            return Err(Refusal::new(
                "the end",
                "the statistics of the rules, and files",
                "the end of the log",
            ));
        }
    }
    if !bytes.ends_with(b"\n") {
        return Err(Refusal::new("the end", "a line break", "an end within a line: the log is cut short"));
    }
    for file in &mut scan.files {
        if let Some(reason) = unread.get(file.path.as_str()) {
            file.verdict = FileVerdict::NotScanned(shortened(reason));
        }
    }
    let mut seen = HashSet::new();
    let mut twice = Vec::new();
    for file in &scan.files {
        if !seen.insert(file.path.as_str()) {
            twice.push(Disagreement {
                place: quoted(&file.path),
                claimed: "one file".into(),
                counted: "more than one line".into(),
            });
        }
    }
    scan.disagreements = twice;
    Ok(())
}
