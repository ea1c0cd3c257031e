//! `[[custom]]`: a control of the operator's own, an expression over the documented facts.

use super::{CustomRule, Rule, Severity, text};
use crate::config::{Document, Faults, Section};
use crate::finding::{Code, Finding, Judgement};
use crate::policy::Facts;
use crate::policy::controls::{self, Control};
use crate::policy::expression::Expression;
use crate::policy::vocabulary::{self, VOCABULARY};
use std::collections::BTreeMap;
use std::ops::Range;

/// Reads one.
pub(super) fn rule(mut section: Section<'_>, document: &Document, faults: &mut Faults) -> Option<Rule> {
    let span = section.span();
    let id = section.required("id", faults).and_then(|item| {
        let id = item.text(faults)?;
        match refused(id) {
            None => Some(id.to_owned()),
            Some(why) => {
                faults.add(
                    item.span(),
                    format!("not the id of a control of your own: {why}"),
                    "expected such as \"example.enough-tests\"",
                );
                None
            }
        }
    });
    let clause = text(&mut section, "clause", faults);
    let title = text(&mut section, "title", faults);
    let severity =
        section.required("severity", faults).and_then(|item| item.choice(&Severity::LEGAL, faults));
    let remedy = text(&mut section, "remedy", faults);
    let expression = section.required("expression", faults).and_then(|item| {
        let text = item.text(faults)?;
        match Expression::compile(text, &VOCABULARY) {
            Ok(expression) => Some((expression, text.to_owned(), item.span())),
            Err(fault) => {
                let place = place(document, item.span(), text, fault.span);
                match fault.help {
                    Some(help) => faults.add_with_help(place, fault.message, fault.label, help),
                    None => faults.add(place, fault.message, fault.label),
                }
                None
            }
        }
    });
    section.finish(faults);
    let (expression, text, at) = expression?;
    let id = id?;
    let facts = expression.named().into_iter().map(|(path, field)| (path, field.meaning)).collect();
    let notes = expression.vacuous().into_iter().map(|all| {
        let list = &all.list;
        let note = format!(
            "all() is true of an empty list; beside it, ask `size({list}) > 0`, or `{list}.exists(...)`"
        );
        (place(document, at.clone(), &text, all.span.clone()), note)
    });
    let custom = CustomRule { expression: text.clone(), facts, notes: notes.collect() };
    Some(Rule {
        clause: clause?,
        definition: None,
        title: title?,
        severity: severity?,
        remedy: remedy?,
        control: Box::new(Custom { id: id.clone(), expression, text }),
        id,
        custom: Some(custom),
        span,
        parameters: BTreeMap::from([("expression", at)]),
    })
}

/// Why an id is not one for a control of the operator's own.
fn refused(id: &str) -> Option<&'static str> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_formed = id.split('.').count() == 2
        && id
            .split('.')
            .all(|part| part.starts_with(|c: char| c.is_ascii_lowercase()) && part.chars().all(legal));
    if !well_formed {
        return Some("expected two names in lower case with a dot between them");
    }
    let builtin = |name: &str| id.split('.').next() == name.split('.').next();
    if controls::ALL.iter().any(|definition| builtin(definition.id)) {
        return Some("so12, so14 and so23 are the built-in controls' names");
    }
    None
}

/// Where a part of an expression stands in the file. Where escapes make the text another one than the file's, the
/// whole value is meant.
fn place(document: &Document, value: Range<usize>, text: &str, part: Range<usize>) -> Range<usize> {
    let literal = document.text().get(value.clone()).unwrap_or_default();
    let Some(at) = literal.find(text) else { return value };
    let start = value.start.saturating_add(at);
    start.saturating_add(part.start)..start.saturating_add(part.end)
}

struct Custom {
    id: String,
    expression: Expression,
    text: String,
}

impl Control for Custom {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        if let Err(judgement) = facts.known() {
            return judgement;
        }
        match self.expression.judge(&vocabulary::tell(facts, self.expression.facts())) {
            Ok(true) => Judgement::unless(Vec::new(), "its expression holds"),
            Ok(false) => Judgement::unless(
                vec![Finding::new(Code::CustomControlFailed, self.id.as_str(), self.text.clone(), "false")],
                "",
            ),
            Err(why) => Judgement::unless(
                vec![Finding::new(Code::CustomControlError, self.id.as_str(), self.text.clone(), why)],
                "",
            ),
        }
    }
}
