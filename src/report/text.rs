//! The verdict for people: one word, then clause by clause why.

use crate::escape::{Escaped, Shown};
use crate::finding::{Code, Finding, Outcome};
use crate::limits;
use crate::verdict::{Assessment, Decision, Verdict};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// Renders a verdict on `drop`. Colours are always written; the stream that prints it takes them out where
/// they don't belong.
pub fn render(verdict: &Verdict, drop: &str) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, verdict, drop);
    for assessment in verdict.assessments() {
        let _ = control(&mut text, assessment);
    }
    let _ = foot(&mut text, verdict);
    text
}

fn head(text: &mut String, verdict: &Verdict, drop: &str) -> std::fmt::Result {
    let style = if verdict.decision() == Decision::Accept { GOOD } else { BAD };
    write!(text, "{style}{}{style:#}  ", verdict.decision().name())?;
    match &verdict.basis.release {
        Some(release) => writeln!(
            text,
            "{} {} {} ({}, sequence {})",
            release.vendor, release.product, release.version, release.kind, release.sequence
        )?,
        None => writeln!(text, "an unverified drop")?,
    }
    writeln!(text, "        {FAINT}{}{FAINT:#}", Escaped(drop))?;
    writeln!(text)
}

fn control(text: &mut String, assessment: &Assessment) -> std::fmt::Result {
    let judgement = &assessment.judgement;
    let style = match judgement.outcome() {
        Outcome::Pass => GOOD,
        Outcome::Fail | Outcome::NoEvidence => BAD,
        Outcome::NotApplicable => FAINT,
    };
    let outcome = judgement.outcome().name();
    write!(text, "{:<7} {:<24} {style}{outcome}{style:#}", assessment.clause, assessment.control)?;
    if judgement.outcome().permits() {
        writeln!(text, "  {}", Shown(judgement.summary()))?;
    } else {
        writeln!(text, "  ({})", assessment.severity.name())?;
        writeln!(text, "        {}", Escaped(assessment.title.trim()))?;
    }
    let mut rest = judgement.findings();
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|finding| finding.code == first.code).count();
        let (group, others) = rest.split_at(same);
        code(text, first.code, group)?;
        rest = others;
    }
    if !judgement.outcome().permits() {
        let mut remedy = assessment.remedy.split_whitespace().collect::<Vec<_>>().join(" ");
        if judgement.findings().is_empty() {
            remedy = judgement.summary().to_owned();
        }
        writeln!(text, "        remedy: {}", Escaped(&remedy))?;
    }
    for remark in judgement.remarks().iter().take(limits::FINDINGS_SHOWN) {
        writeln!(text, "        {FAINT}note: {}{FAINT:#}", Shown(remark))?;
    }
    more(text, judgement.remarks().len(), "note")
}

fn code(text: &mut String, code: Code, findings: &[Finding]) -> std::fmt::Result {
    for finding in findings.iter().take(limits::FINDINGS_SHOWN) {
        writeln!(text, "        {BAD}{code}{BAD:#}  {}", Shown(&finding.place))?;
        writeln!(text, "            expected  {}", Shown(&finding.expected))?;
        writeln!(text, "            found     {}", Shown(&finding.found))?;
    }
    more(text, findings.len(), code.name())?;
    writeln!(text, "            do        {}", code.remedy())
}

fn more(text: &mut String, count: usize, what: &str) -> std::fmt::Result {
    match count.checked_sub(limits::FINDINGS_SHOWN) {
        None | Some(0) => Ok(()),
        Some(rest) => writeln!(text, "        ... and {rest} more {what}; all of them with --format json"),
    }
}

fn foot(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let basis = &verdict.basis;
    writeln!(text)?;
    let refused = verdict.assessments().iter().filter(|one| !one.judgement.outcome().permits()).count();
    let all = verdict.assessments().len();
    if refused > 0 {
        writeln!(text, "{refused} of {all} controls refuse this drop.")?;
    }
    writeln!(text, "{FAINT}judged at   {}", basis.at)?;
    if let Some(manifest) = basis.manifest {
        writeln!(text, "manifest    sha256 {manifest}")?;
    }
    if let Some(baseline) = basis.baseline {
        writeln!(text, "baseline    sha256 {baseline}")?;
    }
    writeln!(text, "trust store sha256 {}", basis.trust)?;
    for (id, version, digest) in &basis.packs {
        writeln!(text, "policy      sha256 {digest}  {} {}", Escaped(id), Escaped(version))?;
    }
    write!(text, "{FAINT:#}")
}
