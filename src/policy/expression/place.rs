//! Where a part of an expression stands in its text.
//!
//! The parser keeps one token for each node: the name, the literal, the operator, or an opening bracket. The place of a
//! node is what its tokens and those of its parts span, widened until its brackets are whole.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, SourceInfo};
use std::ops::Range;

/// The text of an expression with the tokens of its nodes.
pub(super) struct Source<'t> {
    pub text: &'t str,
    pub info: SourceInfo,
}

impl<'t> Source<'t> {
    pub fn new(text: &'t str, info: SourceInfo) -> Self {
        Self { text, info }
    }

    /// Where a node stands, with all its parts.
    pub fn span(&self, expr: &IdedExpr) -> Range<usize> {
        self.balanced(self.reach(expr).unwrap_or(0..self.text.len()))
    }

    /// The name that is called, before the bracket that the parser kept of a call.
    pub fn callee(&self, expr: &IdedExpr) -> Range<usize> {
        let open = self.token(expr.id).map_or(0, |token| token.start);
        let before = self.text.get(..open).unwrap_or_default().trim_end();
        let name = before.trim_end_matches(is_name);
        name.len()..before.len()
    }

    /// The name after the dot that follows `operand`.
    pub fn field(&self, operand: &IdedExpr) -> Range<usize> {
        let reach = self.reach(operand).unwrap_or(0..0);
        self.field_after(reach.end).unwrap_or(reach)
    }

    fn field_after(&self, end: usize) -> Option<Range<usize>> {
        let (skipped, after) = self.text.get(end..)?.split_once('.')?;
        let name = after.trim_start();
        let blank = after.len().saturating_sub(name.len());
        let start = end.saturating_add(skipped.len()).saturating_add(1).saturating_add(blank);
        let length = name.len().saturating_sub(name.trim_start_matches(is_name).len());
        Some(start..start.saturating_add(length))
    }

    /// The bytes of a token; the parser gives its last byte.
    fn token(&self, id: u64) -> Option<Range<usize>> {
        let (start, last) = self.info.offset_for(id)?;
        let span = usize::try_from(start).ok()?..usize::try_from(last).ok()?.checked_add(1)?;
        self.text.get(span.clone()).map(|_| span)
    }

    fn reach(&self, expr: &IdedExpr) -> Option<Range<usize>> {
        let own = self.token(expr.id);
        match &expr.expr {
            Expr::Call(call) => {
                let name = (call.target.is_none() && is_named(&call.func_name)).then(|| self.callee(expr));
                let parts = call.target.iter().map(AsRef::as_ref).chain(&call.args);
                parts.map(|part| self.reach(part)).fold(joined(own, name), joined)
            }
            Expr::Comprehension(comprehension) => {
                let range = self.reach(&comprehension.iter_range);
                joined(joined(own, range), self.reach(&comprehension.loop_step))
            }
            Expr::List(list) => list.elements.iter().map(|part| self.reach(part)).fold(own, joined),
            Expr::Map(map) => {
                let entries = map.entries.iter().filter_map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        Some(joined(self.reach(&entry.key), self.reach(&entry.value)))
                    }
                    EntryExpr::StructField(_) => None,
                });
                entries.fold(own, joined)
            }
            Expr::Select(select) => {
                let operand = self.reach(&select.operand);
                let field = operand.as_ref().and_then(|operand| self.field_after(operand.end));
                let name = select.test.then(|| self.callee(expr));
                joined(joined(joined(own, operand), field), name)
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => own,
        }
    }

    /// Widens a span until each bracket in it has its partner. Brackets in texts count too: the place is for people.
    fn balanced(&self, span: Range<usize>) -> Range<usize> {
        let inside = self.text.get(span.clone()).unwrap_or_default();
        let (mut open, mut unopened) = (0usize, 0usize);
        for character in inside.chars() {
            match character {
                '(' | '[' | '{' => open = open.saturating_add(1),
                ')' | ']' | '}' if open == 0 => unopened = unopened.saturating_add(1),
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        let before = self.text.get(..span.start).unwrap_or_default().char_indices().rev();
        let after = self.text.get(span.end..).unwrap_or_default().char_indices();
        let start = outwards(before, unopened, &['(', '[', '{'], &[')', ']', '}']);
        let end = outwards(after, open, &[')', ']', '}'], &['(', '[', '{']);
        start.unwrap_or(span.start)
            ..end.map_or(span.end, |end| span.end.saturating_add(end).saturating_add(1))
    }
}

fn joined(one: Option<Range<usize>>, other: Option<Range<usize>>) -> Option<Range<usize>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.start.min(other.start)..one.end.max(other.end)),
        (one, other) => one.or(other),
    }
}

/// Where the `wanted`th bracket stands that closes what was left open, outwards.
fn outwards(
    characters: impl Iterator<Item = (usize, char)>,
    mut wanted: usize,
    closing: &[char],
    opening: &[char],
) -> Option<usize> {
    let mut reached = None;
    for (offset, character) in characters {
        if wanted == 0 {
            break;
        }
        if closing.contains(&character) {
            wanted = wanted.saturating_sub(1);
            reached = Some(offset);
        } else if opening.contains(&character) {
            wanted = wanted.saturating_add(1);
        }
    }
    reached
}

/// True for what a name is made of.
pub(super) fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// False for operators, which the parser names with signs.
fn is_named(function: &str) -> bool {
    function.starts_with(|first: char| first.is_ascii_alphabetic())
}
