//! Custom controls: expressions of the operator's over documented facts, in a part of CEL, the Common Expression
//! Language.
//!
//! ```text
//! tests.failed == 0 && at - scan.finished < duration('24h') && malware.engines.exists(e, e == 'clamav')
//! ```
//!
//! 1. [`vocabulary`] is what expressions may name, [`language`] what they may do.
//! 2. [`Expression::compile`], when the pack is read: the text is capped, parsed, and checked. Unknown names, wrong
//!    types and whatever is outside [`language`] are refused with the place.
//! 3. [`Expression::judge`], for each drop: the facts that the expression names are converted, the steps it could take are
//!    worked out from their sizes and capped, and only then is it evaluated.
//!
//! An error is never a verdict. In this the language is stricter than CEL, where `false && error` is false in either
//! order: here what is judged first and fails, fails the whole. So is reading an absent fact; ask `has()` first.
//! Nothing reads a clock: the time of judgement is a fact.
//!
//! Left out, because nothing bounds their cost or their results well, or because facts need none of it: `matches` and
//! all other regular expressions, joining texts or lists with `+`, `type`, `dyn` and conversions, doubles, unsigned
//! numbers, bytes, null, maps, messages, optional values, parts of a date, time zones.

mod check;
mod cost;
pub mod language;
mod operator;
mod place;
mod tree;
mod values;
pub mod vocabulary;

pub use check::Vacuous;
pub use vocabulary::{Field, Shape, Vocabulary};

use crate::escape::Escaped;
use crate::limits::{EXPRESSION_BYTES, EXPRESSION_NESTING, EXPRESSION_STACK_BYTES, EXPRESSION_STEPS};
use cel::parser::Parser;
use cel::{Context, ExecutionError, IdedExpr, ParseErrors, Value};
use check::{Checker, Uses};
use cost::Estimate;
use place::Source;
use std::ops::Range;
use std::thread;

/// Most characters of foreign text repeated in a message.
const SHOWN: usize = 60;

/// An expression that is known to give a bool from facts of its vocabulary.
#[derive(Debug)]
pub struct Expression {
    checked: IdedExpr,
    uses: Uses,
    vocabulary: Vocabulary,
}

/// Why a text is not an expression, with the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionFault {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write under the place.
    pub label: String,
    /// What would be legal.
    pub help: Option<String>,
}

impl ExpressionFault {
    fn new(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { span, message: message.into(), label: label.into(), help: None }
    }

    fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Expression {
    /// Reads and checks an expression.
    ///
    /// # Errors
    /// The first fault, when the text is too large, is not CEL, names what is not in the vocabulary, uses what is not in
    /// [`language`], mixes types, or looks at no fact at all.
    pub fn compile(text: &str, vocabulary: &Vocabulary) -> Result<Self, ExpressionFault> {
        within_limits(text)?;
        let read = apart(|| {
            let (tree, info) =
                Parser::new().parse_with_source_info(text).map_err(|errors| syntax_fault(text, &errors))?;
            let source = Source::new(text, info);
            let mut checker = Checker::new(&source, vocabulary);
            let checked = checker.verdict(&tree)?;
            Ok((checked, checker.uses))
        });
        let fault = |reason| ExpressionFault::new(0..text.len(), reason, "the parser failed here");
        let (checked, uses) = read.map_err(fault)??;
        Ok(Self { checked, uses, vocabulary: *vocabulary })
    }

    /// The facts at the top level that it looks at: no others need be told.
    pub fn facts(&self) -> &std::collections::BTreeSet<&'static str> {
        &self.uses.facts
    }

    /// The facts that it names, as docs/facts.md writes them: each by its path, `[]` for an element of a list.
    pub fn named(&self) -> Vec<(String, &'static Field)> {
        self.uses.named.iter().map(|(path, field)| (path.clone(), *field)).collect()
    }

    /// Where it says something of all of a list and never asks whether the list holds anything: such a loop is true of
    /// nothing, too.
    pub fn vacuous(&self) -> Vec<&Vacuous> {
        self.uses.alls.iter().filter(|all| !self.uses.filled.contains(&all.list)).collect()
    }

    /// Judges facts: a JSON object with the names of the vocabulary, in which null is the same as absent.
    ///
    /// # Errors
    /// When a fact that is named is absent or of another shape, an operation has no result (division by zero, a number
    /// over 64 bits, an index past the end), or it could take more than [`EXPRESSION_STEPS`]. None of these is a verdict.
    pub fn judge(&self, facts: &serde_json::Value) -> Result<bool, String> {
        apart(|| self.evaluate(facts))?
    }

    fn evaluate(&self, facts: &serde_json::Value) -> Result<bool, String> {
        let mut context = Context::default();
        let mut sizes = Vec::new();
        for (name, (value, size)) in values::convert(facts, &self.vocabulary, &self.uses)? {
            context.add_variable_as_val(name, value);
            sizes.push((name, size));
        }
        let (steps, _) = Estimate::new(sizes).of(&self.checked);
        if steps > EXPRESSION_STEPS {
            return Err(format!(
                "expected at most {EXPRESSION_STEPS} steps, found that the expression could take {steps}: \
                 its loops go through too much"
            ));
        }
        match Value::resolve(&self.checked, &context) {
            Ok(Value::Bool(verdict)) => Ok(verdict),
            Ok(other) => {
                Err(format!("expected a bool, found {}", shortened(&format!("{:?}", other.type_of()))))
            }
            Err(error) => Err(reason(&error)),
        }
    }
}

/// Refuses what the parser should not even see.
fn within_limits(text: &str) -> Result<(), ExpressionFault> {
    if text.len() > EXPRESSION_BYTES {
        let message =
            format!("expected at most {EXPRESSION_BYTES} bytes of expression, found {}", text.len());
        return Err(ExpressionFault::new(0..text.len(), message, "too long"));
    }
    if text.trim().is_empty() {
        return Err(ExpressionFault::new(0..text.len(), "expected an expression, found none", "empty"));
    }
    // A lexer of its own would be a second truth: brackets in texts count too, which costs nobody anything.
    let (mut nesting, mut choices) = (0usize, 0usize);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => nesting = nesting.saturating_add(1),
            b')' | b']' | b'}' => nesting = nesting.saturating_sub(1),
            b'?' => choices = choices.saturating_add(1),
            _ => {}
        }
        if nesting > EXPRESSION_NESTING || choices > EXPRESSION_NESTING {
            let message = format!(
                "expected brackets at most {EXPRESSION_NESTING} deep and at most {EXPRESSION_NESTING} `?`, found more"
            );
            return Err(ExpressionFault::new(offset..offset.saturating_add(1), message, "one too many"));
        }
    }
    Ok(())
}

/// Runs `work` on a thread of its own. The crate parses and evaluates by recursion, which needs a large stack, and it holds
/// `expect` and `panic!` on what it takes to be impossible: such a panic ends the thread and becomes an error.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("expression".into()).stack_size(EXPRESSION_STACK_BYTES);
        let thread = builder
            .spawn_scoped(scope, work)
            .map_err(|error| format!("no thread for an expression: {error}"))?;
        thread.join().map_err(|_| "the expression could not be worked on: its library failed".to_owned())
    })
}

fn syntax_fault(text: &str, errors: &ParseErrors) -> ExpressionFault {
    const GRAMMAR: &str = "Syntax error: ";
    // What else the parser says of a text that breaks the grammar is about its own tree.
    let grammatical = errors.errors.iter().find(|error| error.msg.starts_with(GRAMMAR));
    let Some(first) = grammatical.or(errors.errors.first()) else {
        return ExpressionFault::new(0..text.len(), "not a CEL expression", "not CEL");
    };
    let said = first.msg.trim_start_matches(GRAMMAR);
    let said = said.split_once(" expecting ").map_or(said, |(said, _)| said).replace("'<EOF>'", "the end");
    let message = format!("not a CEL expression: {}", shortened(&said));
    let end = text.trim_end().len();
    let place = word_at(text, first.pos, said.contains("argument")).unwrap_or(end..end);
    ExpressionFault::new(place, message, "not understood from here")
}

/// The name or the one character at a line and a column, both from 1. The parser counts characters, but bytes in what it
/// says of the arguments of macros.
fn word_at(text: &str, (line, column): (isize, isize), in_bytes: bool) -> Option<Range<usize>> {
    let lines = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let before: usize = text.split_inclusive('\n').take(lines).map(str::len).sum();
    let offset = match in_bytes {
        true => column,
        false => text.get(before..)?.char_indices().nth(column)?.0,
    };
    let start = before.checked_add(offset)?;
    let rest = text.get(start..)?;
    let name = rest.len().saturating_sub(rest.trim_start_matches(place::is_name).len());
    Some(start..start.checked_add(name.max(rest.chars().next()?.len_utf8()))?)
}

/// An error of the evaluator in the words of the facts.
fn reason(error: &ExecutionError) -> String {
    match error {
        ExecutionError::DivisionByZero(_) => "division by zero".to_owned(),
        ExecutionError::RemainderByZero(_) => "remainder of a division by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number or a time grew over 64 bits".to_owned(),
        ExecutionError::NoSuchKey(name) => {
            format!(
                "expected the fact `{}`, found nothing; has(...) tells whether it is there",
                shortened(name)
            )
        }
        ExecutionError::IndexOutOfBounds(index) => {
            format!(
                "expected an element at {}, found that the list ends before it",
                shortened(&format!("{index:?}"))
            )
        }
        other => format!("the expression could not be judged: {}", shortened(&other.to_string())),
    }
}

/// Foreign text, escaped and cut to what fits in a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", Escaped(text.get(..end).unwrap_or_default())),
        None => Escaped(text).to_string(),
    }
}

#[cfg(test)]
mod tests;
