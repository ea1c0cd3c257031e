//! The verdict for people: one word, then clause by clause why.

use crate::escape::{Escaped, Shown};
use crate::finding::{Code, Finding, Outcome, counted};
use crate::limits;
use crate::verdict::{Assessment, Decision, Verdict};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// Renders a verdict on `drop`. Colours are always written; the stream that prints it takes them out where
/// they don't belong.
///
/// What refuses comes first, clause by clause, as somebody would paste it into a ticket; then what was waived; then, in
/// few lines, the rest.
pub fn render(verdict: &Verdict, drop: &str) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, verdict, drop);
    let all = verdict.assessments();
    let mut room = limits::FINDINGS_SHOWN_IN_ALL;
    let mut clause = "";
    let (unjudged, refusing_ones): (Vec<_>, Vec<_>) =
        all.iter().filter(|one| !one.judgement.outcome().permits()).partition(|one| is_unjudged(one));
    let mut told: Vec<&Assessment> = Vec::new();
    for assessment in refusing_ones {
        if assessment.clause != clause {
            clause = &assessment.clause;
            let _ = writeln!(text, "{FAINT}{}{FAINT:#}", Escaped(clause));
        }
        let same = told.iter().find(|other| other.judgement.findings() == assessment.judgement.findings());
        let _ = match same {
            Some(other) => as_another(&mut text, assessment, other),
            None => refusing(&mut text, assessment, &mut room),
        };
        // Many findings are seldom those of another control, and comparing them with each would cost.
        if same.is_none() && assessment.judgement.findings().len() <= limits::FINDINGS_SHOWN {
            told.push(assessment);
        }
    }
    if !unjudged.is_empty() {
        let _ = writeln!(
            text,
            "{BAD}{} more controls refuse{BAD:#}, because without a verified manifest nothing is known; each with --format json",
            unjudged.len()
        );
    }
    let _ = waived(&mut text, verdict);
    let _ = permitting(&mut text, verdict);
    let _ = foot(&mut text, verdict);
    text
}

/// A control that refuses for no other reason than that there is no verified manifest.
fn is_unjudged(assessment: &Assessment) -> bool {
    matches!(assessment.judgement.findings(), [finding] if finding.code == Code::NoVerifiedManifest)
}

fn head(text: &mut String, verdict: &Verdict, drop: &str) -> std::fmt::Result {
    let style = if verdict.decision() == Decision::Accept { GOOD } else { BAD };
    write!(text, "{style}{}{style:#}  ", verdict.decision().name())?;
    match &verdict.basis.release {
        Some(release) => writeln!(
            text,
            "{} {} {} ({}, {})",
            release.vendor, release.product, release.version, release.kind, release.order
        )?,
        None => writeln!(text, "an unverified drop")?,
    }
    writeln!(text, "        {FAINT}{}{FAINT:#}", Escaped(drop))?;
    let refused = verdict.assessments().iter().filter(|one| !one.judgement.outcome().permits()).count();
    if refused > 0 {
        writeln!(text, "        {refused} of {} controls refuse this drop", verdict.assessments().len())?;
    }
    writeln!(text)
}

/// A control that found just what another one did: one missing record is one thing to mend.
fn as_another(text: &mut String, assessment: &Assessment, other: &Assessment) -> std::fmt::Result {
    title(text, assessment)?;
    writeln!(text, "      as {} above", Escaped(&other.control))?;
    remarks(text, assessment)?;
    writeln!(text)
}

fn title(text: &mut String, assessment: &Assessment) -> std::fmt::Result {
    writeln!(
        text,
        "  {} {BAD}{}{BAD:#} ({})  {}",
        Escaped(&assessment.control),
        assessment.judgement.outcome().name(),
        assessment.severity.name(),
        Escaped(assessment.title.trim())
    )
}

fn refusing(text: &mut String, assessment: &Assessment, room: &mut usize) -> std::fmt::Result {
    let judgement = &assessment.judgement;
    title(text, assessment)?;
    let mut rest = judgement.findings();
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|finding| finding.code == first.code).count();
        let (group, others) = rest.split_at(same);
        code(text, first.code, group, room)?;
        rest = others;
    }
    let remedy = assessment.remedy.split_whitespace().collect::<Vec<_>>().join(" ");
    writeln!(text, "      remedy  {}", Escaped(&remedy))?;
    remarks(text, assessment)?;
    writeln!(text)
}

fn code(text: &mut String, code: Code, findings: &[Finding], room: &mut usize) -> std::fmt::Result {
    let shown = limits::FINDINGS_SHOWN.min(*room);
    for finding in findings.iter().take(shown) {
        writeln!(text, "      {BAD}{code}{BAD:#}  {}", Shown(&finding.place))?;
        writeln!(text, "          expected  {}", Shown(&finding.expected))?;
        writeln!(text, "          found     {}", Shown(&finding.found))?;
    }
    *room = room.saturating_sub(findings.len().min(shown));
    if let Some(rest) = findings.len().checked_sub(shown).filter(|rest| *rest > 0) {
        writeln!(text, "      ... and {rest} more {code}; all of them with --format json")?;
    }
    writeln!(text, "          do        {}", code.remedy())
}

fn remarks(text: &mut String, assessment: &Assessment) -> std::fmt::Result {
    let remarks = assessment.judgement.remarks();
    for remark in remarks.iter().take(limits::FINDINGS_SHOWN) {
        writeln!(text, "      {FAINT}note: {}{FAINT:#}", Shown(remark))?;
    }
    match remarks.len().checked_sub(limits::FINDINGS_SHOWN) {
        None | Some(0) => Ok(()),
        Some(rest) => writeln!(text, "      ... and {rest} more notes; all of them with --format json"),
    }
}

/// Every waiver, used or not: an exception that nobody sees is not one that somebody decided.
fn waived(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    if verdict.waivers().is_empty() {
        return Ok(());
    }
    writeln!(text, "{FAINT}waivers{FAINT:#}")?;
    for waiver in verdict.waivers().iter().take(limits::FINDINGS_SHOWN) {
        let (style, standing) = match &waiver.unused {
            None => (WARN, format!("{} waived", counted(waiver.excused, "finding"))),
            Some(why) => (BAD, format!("no effect: {}", Shown(why))),
        };
        writeln!(text, "  {} {style}{standing}{style:#}", Escaped(&waiver.control))?;
        writeln!(
            text,
            "      {} for {}, until {}",
            Shown(&waiver.origin),
            Escaped(&waiver.scope),
            waiver.expires
        )?;
        writeln!(text, "      reason     {}", Escaped(&waiver.reason))?;
        writeln!(text, "      ticket     {}", Escaped(&waiver.ticket))?;
        writeln!(text, "      asked for  {}", Escaped(&waiver.requested_by))?;
        writeln!(text, "      signed by  {}", Escaped(&waiver.signed_by.join(" and ")))?;
    }
    if let Some(rest) = verdict.waivers().len().checked_sub(limits::FINDINGS_SHOWN).filter(|rest| *rest > 0) {
        writeln!(text, "  ... and {rest} more waivers; all of them with --format json")?;
    }
    writeln!(text)
}

fn permitting(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let all = verdict.assessments().iter().filter(|one| one.judgement.outcome().permits());
    let (not_applicable, rest): (Vec<_>, Vec<_>) =
        all.partition(|one| one.judgement.outcome() == Outcome::NotApplicable);
    for assessment in rest {
        let outcome = assessment.judgement.outcome();
        let style = if outcome == Outcome::Waived { WARN } else { GOOD };
        writeln!(
            text,
            "{:<8} {:<30} {style}{}{style:#}  {}",
            Escaped(&assessment.clause).to_string(),
            Escaped(&assessment.control).to_string(),
            outcome.name(),
            Shown(assessment.judgement.summary())
        )?;
        remarks(text, assessment)?;
    }
    // By reason: a drop to which a whole list of controls does not apply says so once.
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for assessment in not_applicable {
        let (reason, control) = (assessment.judgement.summary(), Escaped(&assessment.control).to_string());
        match reasons.iter_mut().find(|(own, _)| *own == reason) {
            Some((_, controls)) => controls.push(control),
            None => reasons.push((reason, vec![control])),
        }
    }
    for (reason, controls) in reasons {
        writeln!(text, "{FAINT}not applicable: {} ({}){FAINT:#}", controls.join(", "), Shown(reason))?;
    }
    Ok(())
}

fn foot(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let basis = &verdict.basis;
    writeln!(text)?;
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
