//! The log of ClamAV's `clamscan` and `clamdscan`.
//!
//! ```text
//! ClamAV 1.4.3/27500/Thu Jan 15 08:00:00 2026
//! drop/firmware/radio.bin: OK
//! drop/firmware/boot.img: Win.Test.EICAR_HDB-1 FOUND
//! drop/docs/empty.txt: Empty file
//!
//! ----------- SCAN SUMMARY -----------
//! Known viruses: 8711421
//! Engine version: 1.4.3
//! Scanned directories: 3
//! Scanned files: 2
//! Infected files: 1
//! Data scanned: 0.08 MB
//! Data read: 0.08 MB (ratio 1.00:1)
//! Time: 9.812 sec (0 m 9 s)
//! Start Date: 2026:01:15 09:00:00
//! End Date:   2026:01:15 09:00:10
//! ```
//!
//! The log that can be judged best is made with
//! `{ clamscan --version; clamscan --stdout --recursive --alert-exceeds-max=yes DIR; } > clamav.log 2>&1`.
//! Without `--alert-exceeds-max`, clamscan says `OK` of a file that is larger than its limits and that it did not read
//! (seen with 1.4.3), and nothing in the log tells. With it, the file has the name `Heuristics.Limits.Exceeded.*`,
//! which here is [`FileVerdict::NotScanned`].
//!
//! A line is judged by its end, since paths hold colons and may end like a verdict: `a: OK: Worm FOUND` is a worm in
//! `a: OK`. A path with a line break in it forges lines, but not the summary's counts: a log that lists `OK` at all
//! must list as many files as were scanned. What `clamdscan` logs names the directory and no files in it, and has no
//! counts; it says little, and the control judges that. The dates of the summary have no zone and are not read.

use super::scans::{Line, lines, quoted};
use super::{Disagreement, FileVerdict, MalwareScan, Refusal, ScannedFile, Tool, shortened};
use std::collections::{BTreeMap, HashSet};

/// The line that starts the summary (ClamAV, `clamscan/clamscan.c` and `clamdscan/clamdscan.c`).
const SUMMARY: &str = "----------- SCAN SUMMARY -----------";

/// Every line of the summary, in any version.
const FIELDS: [&str; 14] = [
    "Known viruses",
    "Engine version",
    "Scanned directories",
    "Scanned files",
    "Infected files",
    "Total errors",
    "Not removed",
    "Not moved",
    "Not copied",
    "Data scanned",
    "Data read",
    "Time",
    "Start Date",
    "End Date",
];

/// What `clamscan` says in its summary and `clamdscan` does not.
const COUNTS: [&str; 4] = ["Known viruses", "Engine version", "Scanned directories", "Scanned files"];

/// Signatures by which clamscan says that it stopped at a limit of its own (`--alert-exceeds-max`).
const LIMITS: &str = "Heuristics.Limits.Exceeded";

/// Reads a log.
///
/// # Errors
/// When it is not a log of one whole scan: no summary, two of them, a line that says nothing known, or bytes that are
/// no text.
pub fn read(bytes: &[u8]) -> Result<MalwareScan, Refusal> {
    let mut scan =
        MalwareScan { tool: Tool { name: "clamav".into(), version: None }, ..MalwareScan::default() };
    let mut listed = Listed::default();
    let mut summary: Option<BTreeMap<&str, Field<'_>>> = None;
    for line in lines(bytes)? {
        match &mut summary {
            Some(fields) => field(fields, line)?,
            None if line.text == SUMMARY => summary = Some(BTreeMap::new()),
            None if scan.files.is_empty() && listed.version.is_none() && line.text.starts_with("ClamAV ") => {
                listed.version = Some(version(&mut scan, line)?);
            }
            None => entry(&mut scan, &mut listed, line)?,
        }
    }
    let summary = summary.ok_or_else(|| {
        Refusal::new(
            "the end",
            "a scan summary",
            "the end of the log: it is cut short, or --no-summary was given",
        )
    })?;
    conclude(&mut scan, &listed, &summary)?;
    Ok(scan)
}

/// What the lines before the summary add up to.
#[derive(Default)]
struct Listed<'t> {
    version: Option<&'t str>,
    clean: u64,
    found: u64,
    infected: HashSet<&'t str>,
    errors: u64,
}

/// The line of `clamscan --version`: `ClamAV ENGINE/DATABASE/DATE`, or the engine alone where there is no official
/// database.
fn version<'t>(scan: &mut MalwareScan, line: Line<'t>) -> Result<&'t str, Refusal> {
    let expected = "the output of clamscan --version, such as ClamAV 1.4.3/27500/Thu Jan 15 08:00:00 2026";
    let mut parts = line.text.strip_prefix("ClamAV ").unwrap_or_default().splitn(3, '/');
    let engine = parts.next().filter(|engine| is_version(engine)).ok_or_else(|| line.refused(expected))?;
    if let Some(database) = parts.next() {
        number(database).ok_or_else(|| line.refused(expected))?;
        scan.database_version = Some(database.to_owned());
    }
    scan.tool.version = Some(engine.to_owned());
    Ok(engine)
}

fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '~'))
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// One line before the summary.
fn entry<'t>(scan: &mut MalwareScan, listed: &mut Listed<'t>, line: Line<'t>) -> Result<(), Refusal> {
    let text = line.text;
    // First, so that no beginning of a path can make a find look like a message.
    if let Some(rest) = text.strip_suffix(" FOUND") {
        let (path, name) = split(line, rest)?;
        listed.found = listed.found.saturating_add(1);
        listed.infected.insert(path);
        let verdict = match name.starts_with(LIMITS) {
            true => FileVerdict::NotScanned(shortened(name)),
            false => FileVerdict::Found(shortened(name)),
        };
        scan.files.push(ScannedFile { path: path.to_owned(), verdict });
        return Ok(());
    }
    if text.starts_with("ERROR: ") || text.starts_with("WARNING: ") || text.starts_with("LibClamAV Error: ") {
        scan.failures.push(shortened(text));
        return Ok(());
    }
    // The library warns of an old database, whose age is judged from its version, and of malformed files, which
    // it goes on to scan. A log that was appended to a file starts with a rule.
    if text.starts_with("LibClamAV Warning: ")
        || text.starts_with("LibClamAV info: ")
        || text.bytes().all(|byte| byte == b'-')
    {
        return Ok(());
    }
    // The scanner's own action on a find, which has a line of its own.
    let is_move = text.ends_with('\'') && (text.contains(": moved to '") || text.contains(": copied to '"));
    if is_move || text.ends_with(": Removed.") {
        return Ok(());
    }
    let (path, state) = split(line, text)?;
    let verdict = match state {
        "OK" => {
            listed.clean = listed.clean.saturating_add(1);
            FileVerdict::Clean
        }
        _ => {
            if state.ends_with(" ERROR") {
                listed.errors = listed.errors.saturating_add(1);
                scan.failures.push(shortened(text));
            }
            FileVerdict::NotScanned(shortened(state))
        }
    };
    scan.files.push(ScannedFile { path: path.to_owned(), verdict });
    Ok(())
}

/// A path and what is said of it: neither a signature's name nor a state holds a colon and a blank.
fn split<'t>(line: Line<'t>, text: &'t str) -> Result<(&'t str, &'t str), Refusal> {
    text.rsplit_once(": ")
        .filter(|(path, said)| !path.is_empty() && !said.is_empty())
        .ok_or_else(|| line.refused("a path, a colon and what was found, such as drop/a.bin: OK"))
}

/// One field of the summary: where it stands and its value.
type Field<'t> = (Line<'t>, &'t str);

fn field<'t>(fields: &mut BTreeMap<&'t str, Field<'t>>, line: Line<'t>) -> Result<(), Refusal> {
    let (name, value) = line
        .text
        .split_once(':')
        .filter(|(name, _)| FIELDS.contains(name))
        .ok_or_else(|| line.refused("a line of one scan summary, and nothing after it"))?;
    match fields.insert(name, (line, value.trim())) {
        None => Ok(()),
        Some(_) => Err(line.refused("each line of the summary once")),
    }
}

/// A count of the summary.
fn count(summary: &BTreeMap<&str, Field<'_>>, name: &str) -> Result<Option<u64>, Refusal> {
    let Some((line, value)) = summary.get(name) else {
        return Ok(None);
    };
    number(value)
        .map(Some)
        .ok_or_else(|| Refusal::new(format!("{}, {name}", line.place()), "a whole number", quoted(value)))
}

/// Compares the summary with what was listed.
fn conclude(
    scan: &mut MalwareScan,
    listed: &Listed<'_>,
    summary: &BTreeMap<&str, Field<'_>>,
) -> Result<(), Refusal> {
    whole(summary)?;
    scan.scanned = count(summary, "Scanned files")?;
    scan.signatures = count(summary, "Known viruses")?;
    if let Some((line, engine)) = summary.get("Engine version") {
        if !is_version(engine) {
            return Err(line.refused("the version of the engine"));
        }
        if listed.version.is_some_and(|version| version != *engine) {
            disagree(scan, "Engine version", engine, listed.version.unwrap_or_default());
        }
        scan.tool.version = Some((*engine).to_owned());
    }
    let errors = count(summary, "Total errors")?.unwrap_or(0);
    if errors > 0 {
        scan.failures.push(format!("Total errors: {errors}"));
    }
    if scan.signatures == Some(0) {
        scan.failures.push("Known viruses: 0: the scanner could find nothing".into());
    }
    compare(scan, listed, count(summary, "Infected files")?.unwrap_or(0));
    Ok(())
}

/// That the summary was written to its end, by either tool.
fn whole(summary: &BTreeMap<&str, Field<'_>>) -> Result<(), Refusal> {
    let has = |name: &&str| summary.contains_key(*name);
    let missing = |name: &str| Refusal::new("the scan summary", name.to_owned(), "a summary without it");
    for name in ["Infected files", "Time"] {
        if !has(&name) {
            return Err(missing(name));
        }
    }
    if has(&"Start Date") && !has(&"End Date") {
        return Err(missing("End Date"));
    }
    match COUNTS.iter().find(|name| !has(name)) {
        Some(name) if COUNTS.iter().any(has) => Err(missing(name)),
        _ => Ok(()),
    }
}

fn compare(scan: &mut MalwareScan, listed: &Listed<'_>, infected: u64) {
    let distinct = u64::try_from(listed.infected.len()).unwrap_or(u64::MAX);
    // With --allmatch a file has a line for each of its finds and counts once; a file that was given twice
    // counts twice.
    if !(distinct..=listed.found).contains(&infected) {
        disagree(scan, "Infected files", infected, distinct);
    }
    let Some(scanned) = scan.scanned else {
        return;
    };
    let least = listed.clean.saturating_add(distinct);
    // Whether a file that gave an error counts as scanned changed between versions.
    let most = listed.clean.saturating_add(listed.found).saturating_add(listed.errors);
    // With --infected or --suppress-ok-results only finds are listed, as they are in a file of --log.
    if scanned < least || (scanned > most && listed.clean > 0) {
        disagree(scan, "Scanned files", scanned, least);
    }
}

fn disagree(scan: &mut MalwareScan, place: &str, claimed: impl ToString, counted: impl ToString) {
    scan.disagreements.push(Disagreement {
        place: place.into(),
        claimed: claimed.to_string(),
        counted: counted.to_string(),
    });
}
