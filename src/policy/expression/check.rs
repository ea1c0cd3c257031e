//! From the parser's tree to one that is known to be legal, typed, and strict.
//!
//! What is handed to the evaluator differs from what was written in three ways, each so that it can't pass by mistake:
//!
//! - `a && b` becomes `a ? b : false`, `a || b` becomes `a ? true : b`, and the loops of `all` and `exists` lose their
//!   operator: CEL lets a `false` or `true` beside an error swallow it, and an error here is never a verdict.
//! - `has(a.b.c)` also asks `has(a.b)`, so that what is absent as a whole has no parts.
//! - Times and durations become microseconds, since types were told apart here.

use super::language::CALLABLE;
use super::operator::{combined, is_operator, sign, takes};
use super::place::Source;
use super::tree::{
    ACCUMULATOR, accumulator, append, appended, called, chosen, node, number, present, selected, truth,
};
use super::vocabulary::{Field, Shape, Type, Vocabulary, named};
use super::{ExpressionFault, shortened};
use crate::config::suggestion;
use crate::limits::{EXPRESSION_DEPTH, EXPRESSION_LOOPS, EXPRESSION_NODES};
use crate::time::{Period, Time};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, SelectExpr, operators};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

type Checked = Result<(IdedExpr, Type), ExpressionFault>;

/// What a checked expression looks at, so that nothing else is converted.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Facts at the top level.
    pub facts: BTreeSet<&'static str>,
    /// Names of fields, of any object.
    pub fields: BTreeSet<&'static str>,
    /// Every fact that is named, by its path.
    pub named: BTreeMap<String, &'static Field>,
    /// Loops that say something of every element.
    pub alls: Vec<Vacuous>,
    /// Lists of which it is asked whether they hold anything, as they are written, without blanks.
    pub filled: BTreeSet<String>,
}

/// A loop that says something of every element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vacuous {
    /// The list, as it is written, without blanks.
    pub list: String,
    /// Bytes of the expression.
    pub span: Range<usize>,
}

pub(super) struct Checker<'s> {
    source: &'s Source<'s>,
    vocabulary: &'s Vocabulary,
    /// The variables of the loops around, innermost last.
    scope: Vec<(String, Type)>,
    nodes: usize,
    depth: usize,
    pub uses: Uses,
}

impl<'s> Checker<'s> {
    pub fn new(source: &'s Source<'s>, vocabulary: &'s Vocabulary) -> Self {
        Self { source, vocabulary, scope: Vec::new(), nodes: 0, depth: 0, uses: Uses::default() }
    }

    /// Checks a whole expression.
    pub fn verdict(&mut self, expr: &IdedExpr) -> Result<IdedExpr, ExpressionFault> {
        let checked = self.expect(expr, &Type::Bool, "an expression that gives a bool")?;
        if self.uses.facts.is_empty() {
            return Err(ExpressionFault::new(
                self.source.span(expr),
                "the expression looks at no fact: it says the same of every drop",
                "expected a fact here",
            )
            .with_help(suggestion("facts", '`', "", &names(self.vocabulary.facts))));
        }
        Ok(checked)
    }

    fn expect(&mut self, expr: &IdedExpr, wanted: &Type, what: &str) -> Result<IdedExpr, ExpressionFault> {
        let (checked, found) = self.check(expr)?;
        if found == *wanted {
            return Ok(checked);
        }
        Err(self.fault(
            expr,
            format!("expected {what}, found {}", article(&found)),
            format!("this is {}", article(&found)),
        ))
    }

    fn check(&mut self, expr: &IdedExpr) -> Checked {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > EXPRESSION_NODES || self.depth >= EXPRESSION_DEPTH {
            let message = format!(
                "expected at most {EXPRESSION_NODES} parts, nested at most {EXPRESSION_DEPTH} deep; found more"
            );
            return Err(self.fault(expr, message, "too much from here on"));
        }
        self.depth = self.depth.saturating_add(1);
        let checked = match &expr.expr {
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::Ident(name) => self.ident(expr, name),
            Expr::Select(select) => self.select(expr, select),
            Expr::List(list) => self.list(expr, list),
            Expr::Call(call) => self.call(expr, call),
            Expr::Comprehension(comprehension) => self.comprehension(expr, comprehension),
            Expr::Map(_) => Err(self.fault(expr, "expected no map, found one", "maps can't be made here")),
            Expr::Struct(_) => {
                Err(self.fault(expr, "expected no message, found one", "messages can't be made here"))
            }
            Expr::Unspecified => Err(self.fault(expr, "not a CEL expression", "this part can't be read")),
        };
        self.depth = self.depth.saturating_sub(1);
        checked
    }

    fn literal(&self, expr: &IdedExpr, literal: &LiteralValue) -> Checked {
        let kind = match literal {
            LiteralValue::Boolean(_) => Type::Bool,
            LiteralValue::Int(_) => Type::Int,
            LiteralValue::String(_) => Type::Text,
            LiteralValue::Bytes(_) => {
                return Err(self.fault(expr, "expected text, found bytes", "no fact is bytes"));
            }
            LiteralValue::Double(_) | LiteralValue::UInt(_) => {
                let message = "expected a whole number, found a fraction or a number marked unsigned";
                let help = "for a ratio, multiply instead: a * 100 >= b * 95";
                return Err(self.fault(expr, message, "not an int").with_help(help));
            }
            LiteralValue::Null => {
                let help = "for a fact that may be absent, ask has(...)";
                return Err(self
                    .fault(expr, "expected a value, found null", "no fact is null")
                    .with_help(help));
            }
        };
        Ok((node(Expr::Literal(literal.clone())), kind))
    }

    fn ident(&mut self, expr: &IdedExpr, name: &str) -> Checked {
        if let Some((_, kind)) = self.scope.iter().rev().find(|(variable, _)| variable == name) {
            return Ok((node(Expr::Ident(name.to_owned())), kind.clone()));
        }
        let Some(field) = named(self.vocabulary.facts, name) else {
            let mut legal = names(self.vocabulary.facts);
            legal.extend(self.scope.iter().map(|(variable, _)| variable.as_str()));
            let help = suggestion("facts", '`', name, &legal);
            let message = format!("unknown fact `{}`", shortened(name));
            return Err(self.fault(expr, message, "unknown fact").with_help(help));
        };
        self.uses.facts.insert(field.name);
        self.uses.named.insert(field.name.to_owned(), field);
        Ok((node(Expr::Ident(name.to_owned())), Type::from(&field.shape)))
    }

    fn select(&mut self, expr: &IdedExpr, select: &SelectExpr) -> Checked {
        let (operand, kind) = self.check(&select.operand)?;
        let Type::Object(fields) = kind else {
            let message = format!(
                "expected an object before `.{}`, found {}",
                shortened(&select.field),
                article(&kind)
            );
            return Err(self.fault(&select.operand, message, format!("this is {}", article(&kind))));
        };
        let Some(field) = named(fields, &select.field) else {
            let place = self.source.field(&select.operand);
            let owner = self.source.text.get(self.source.span(&select.operand)).unwrap_or("it");
            let message = format!("unknown fact `{}` of `{}`", shortened(&select.field), shortened(owner));
            let help = suggestion("names", '`', &select.field, &names(fields));
            return Err(ExpressionFault::new(place, message, "unknown fact").with_help(help));
        };
        self.uses.fields.insert(field.name);
        if let Some(owner) = path_of(self.vocabulary.facts, fields) {
            self.uses.named.insert(format!("{owner}.{}", field.name), field);
        }
        if !select.test {
            return Ok((selected(operand, field.name, false), Type::from(&field.shape)));
        }
        // Each name in front is asked for as well, by a copy: of something computed, copies of copies could be many.
        let Some(names) = path(&select.operand) else {
            let message = "expected has() of a name, found something computed";
            let help = "give it a name in a loop: list.exists(x, has(x.name))";
            return Err(self.fault(&select.operand, message, "not a name").with_help(help));
        };
        if !field.optional && !self.may_be_absent(&names) {
            let message = format!("`{}` is never absent, so that has() says nothing", field.name);
            return Err(self.fault(expr, message, "always true"));
        }
        Ok((present(operand, field.name), Type::Bool))
    }

    /// True if one of the names of a path stands for what can be absent.
    fn may_be_absent(&self, path: &[&str]) -> bool {
        let Some((root, rest)) = path.split_first() else { return true };
        let mut kind = match self.scope.iter().find(|(name, _)| name == root) {
            Some((_, kind)) => kind.clone(),
            None => match named(self.vocabulary.facts, root) {
                Some(field) if !field.optional => Type::from(&field.shape),
                _ => return true,
            },
        };
        for name in rest {
            let Type::Object(fields) = kind else { return true };
            match named(fields, name) {
                Some(field) if !field.optional => kind = Type::from(&field.shape),
                _ => return true,
            }
        }
        false
    }

    fn list(&mut self, expr: &IdedExpr, list: &ListExpr) -> Checked {
        let mut elements = Vec::with_capacity(list.elements.len());
        let mut common: Option<Type> = None;
        for element in &list.elements {
            let (checked, kind) = match &common {
                None => self.check(element)?,
                Some(kind) => {
                    let what = format!("{} as before it", article(kind));
                    (self.expect(element, kind, &what)?, kind.clone())
                }
            };
            common = Some(kind);
            elements.push(checked);
        }
        match common {
            Some(kind) => Ok((node(Expr::List(ListExpr::new(elements))), Type::List(Box::new(kind)))),
            None => Err(self.fault(expr, "expected at least one element, found an empty list", "empty")),
        }
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Checked {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            (operators::CONDITIONAL, None, [condition, then, otherwise]) => {
                let condition = self.expect(condition, &Type::Bool, "a bool before `?`")?;
                let (then, kind) = self.check(then)?;
                let what = format!("{} as before `:`", article(&kind));
                let otherwise = self.expect(otherwise, &kind, &what)?;
                Ok((chosen(condition, then, otherwise), kind))
            }
            (name @ (operators::LOGICAL_AND | operators::LOGICAL_OR), None, [left, right]) => {
                let what = format!("a bool beside `{}`", sign(name));
                let left = self.expect(left, &Type::Bool, &what)?;
                let right = self.expect(right, &Type::Bool, &what)?;
                let strict = match name {
                    operators::LOGICAL_AND => chosen(left, right, truth(false)),
                    _ => chosen(left, truth(true), right),
                };
                Ok((strict, Type::Bool))
            }
            (operators::LOGICAL_NOT, None, [operand]) => {
                let operand = self.expect(operand, &Type::Bool, "a bool after `!`")?;
                Ok((called(operators::LOGICAL_NOT, vec![operand]), Type::Bool))
            }
            (operators::NEGATE, None, [operand]) => {
                let (checked, kind) = self.check(operand)?;
                if !matches!(kind, Type::Int | Type::Span) {
                    let message =
                        format!("expected an int or a duration after `-`, found {}", article(&kind));
                    return Err(self.fault(operand, message, format!("this is {}", article(&kind))));
                }
                Ok((called(operators::NEGATE, vec![checked]), kind))
            }
            (operators::INDEX, None, [list, index]) => {
                let (checked, kind) = self.check(list)?;
                let Type::List(element) = kind else {
                    let message = format!("expected a list before `[`, found {}", article(&kind));
                    return Err(self.fault(list, message, format!("this is {}", article(&kind))));
                };
                let index = self.expect(index, &Type::Int, "an int as the place in a list")?;
                self.uses.filled.insert(self.written(list));
                Ok((called(operators::INDEX, vec![checked, index]), *element))
            }
            (name, None, [left, right]) if is_operator(name) => self.binary(name, left, right),
            _ => self.function(expr, call),
        }
    }

    fn binary(&mut self, name: &str, left: &IdedExpr, right: &IdedExpr) -> Checked {
        let (checked_left, left_kind) = self.check(left)?;
        let (checked_right, right_kind) = self.check(right)?;
        let Some(kind) = combined(name, &left_kind, &right_kind) else {
            let sign = sign(name);
            let message = format!("`{sign}` can't take {} and {}", article(&left_kind), article(&right_kind));
            let label = format!("this is {}; on the left is {}", article(&right_kind), article(&left_kind));
            return Err(self.fault(right, message, label).with_help(takes(name)));
        };
        Ok((called(name, vec![checked_left, checked_right]), kind))
    }

    fn function(&mut self, expr: &IdedExpr, call: &CallExpr) -> Checked {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            ("size", None, [operand]) | ("size", Some(operand), []) => {
                let (checked, kind) = self.check(operand)?;
                if !matches!(kind, Type::Text | Type::List(_)) {
                    let message =
                        format!("expected a list or a text to take the size of, found {}", article(&kind));
                    return Err(self.fault(operand, message, format!("this is {}", article(&kind))));
                }
                self.uses.filled.insert(self.written(operand));
                Ok((called("size", vec![checked]), Type::Int))
            }
            (name @ ("startsWith" | "endsWith" | "contains"), Some(target), [argument]) => {
                let target = self.expect(target, &Type::Text, &format!("a text before `.{name}`"))?;
                let argument = self.expect(argument, &Type::Text, &format!("a text in `{name}`"))?;
                let call =
                    CallExpr { func_name: name.into(), target: Some(Box::new(target)), args: vec![argument] };
                Ok((node(Expr::Call(call)), Type::Bool))
            }
            ("duration", None, [argument]) => {
                let example =
                    "expected a literal of a whole number and a unit (s, m, h, d), such as duration('24h')";
                let period = self.constant(argument, example, |text| text.parse::<Period>().ok())?;
                Ok((number(period.microseconds()), Type::Span))
            }
            ("timestamp", None, [argument]) => {
                let example = "expected a literal as in RFC 3339 with its zone, such as timestamp('2026-01-31T12:00:00Z')";
                let time = self.constant(argument, example, |text| text.parse::<Time>().ok())?;
                Ok((number(time.microseconds()), Type::Time))
            }
            (name, ..) => {
                let place = self.source.callee(expr);
                let help = suggestion("functions", '`', name, CALLABLE);
                let (message, label) = match CALLABLE.contains(&name) {
                    true => {
                        (format!("`{name}` is not called like this"), "wrong number of arguments, or form")
                    }
                    false => (format!("unknown function `{}`", shortened(name)), "unknown function"),
                };
                Err(ExpressionFault::new(place, message, label).with_help(help))
            }
        }
    }

    fn constant<T>(
        &mut self,
        argument: &IdedExpr,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ExpressionFault> {
        let parsed = match &argument.expr {
            Expr::Literal(LiteralValue::String(text)) => parse(text.inner()),
            _ => None,
        };
        parsed.ok_or_else(|| self.fault(argument, expected, "not such a literal"))
    }

    fn comprehension(&mut self, expr: &IdedExpr, comprehension: &ComprehensionExpr) -> Checked {
        let (range, kind) = self.check(&comprehension.iter_range)?;
        let Type::List(element) = kind else {
            let message = format!("expected a list to go through, found {}", article(&kind));
            return Err(self.fault(
                &comprehension.iter_range,
                message,
                format!("this is {}", article(&kind)),
            ));
        };
        let variable = comprehension.iter_var.as_str();
        if named(self.vocabulary.facts, variable).is_some()
            || self.scope.iter().any(|(name, _)| name == variable)
        {
            let message = format!("expected a new name for the loop, found `{}`", shortened(variable));
            return Err(self.fault(expr, message, "this name is taken"));
        }
        if self.scope.len() >= EXPRESSION_LOOPS {
            let message = format!("expected at most {EXPRESSION_LOOPS} loops inside one another, found more");
            return Err(self.fault(expr, message, "one loop too many"));
        }
        self.scope.push((variable.to_owned(), *element.clone()));
        let lowered = self.body(expr, comprehension, *element);
        self.scope.pop();
        let (parts, kind) = lowered?;
        let lowered = ComprehensionExpr {
            iter_range: range,
            iter_var: variable.to_owned(),
            iter_var2: None,
            accu_var: ACCUMULATOR.to_owned(),
            accu_init: parts.init,
            loop_cond: parts.condition,
            loop_step: parts.step,
            result: parts.result,
        };
        Ok((node(Expr::Comprehension(Box::new(lowered))), kind))
    }

    /// Tells the macros apart by what they were expanded to.
    fn body(
        &mut self,
        expr: &IdedExpr,
        comprehension: &ComprehensionExpr,
        element: Type,
    ) -> Result<(Loop, Type), ExpressionFault> {
        let unknown = || self.fault(expr, "not a loop that is known here", "not known");
        let Expr::Call(step) = &comprehension.loop_step.expr else {
            return Err(unknown());
        };
        match (&comprehension.accu_init.expr, step.args.as_slice()) {
            (Expr::Literal(LiteralValue::Boolean(start)), [_, body]) => {
                let all = *start.inner();
                let list = self.written(&comprehension.iter_range);
                match all {
                    true => self.uses.alls.push(Vacuous { list, span: self.source.span(expr) }),
                    false => _ = self.uses.filled.insert(list),
                }
                let body = self.expect(body, &Type::Bool, "a bool in the loop")?;
                let condition =
                    if all { accumulator() } else { called(operators::LOGICAL_NOT, vec![accumulator()]) };
                let parts = Loop { init: truth(all), condition, step: body, result: accumulator() };
                Ok((parts, Type::Bool))
            }
            (Expr::Literal(LiteralValue::Int(_)), [body, ..]) => {
                self.uses.filled.insert(self.written(&comprehension.iter_range));
                let body = self.expect(body, &Type::Bool, "a bool in the loop")?;
                let more = called(operators::ADD, vec![accumulator(), number(1)]);
                let step = chosen(body, more, accumulator());
                let result = called(operators::EQUALS, vec![accumulator(), number(1)]);
                Ok((Loop { init: number(0), condition: truth(true), step, result }, Type::Bool))
            }
            (Expr::List(_), [guard, then, _]) => {
                let guard = self.expect(guard, &Type::Bool, "a bool in the loop")?;
                let item = appended(then)
                    .ok_or_else(|| self.fault(expr, "not a loop that is known here", "not known"))?;
                // `filter` appends the variable itself, whose token is that of its declaration.
                let (item, kind) = match &item.expr {
                    Expr::Ident(name) if *name == comprehension.iter_var => {
                        (node(item.expr.clone()), element)
                    }
                    _ => self.check(item)?,
                };
                let step = chosen(guard, append(item), accumulator());
                Ok((gathering(step), Type::List(Box::new(kind))))
            }
            (Expr::List(_), [_, _]) => {
                let item = appended(&comprehension.loop_step).ok_or_else(unknown)?;
                let (item, kind) = self.check(item)?;
                Ok((gathering(append(item)), Type::List(Box::new(kind))))
            }
            _ => Err(unknown()),
        }
    }

    /// A part of the expression as it is written, without blanks.
    fn written(&self, expr: &IdedExpr) -> String {
        let text = self.source.text.get(self.source.span(expr)).unwrap_or_default();
        text.split_whitespace().collect()
    }

    fn fault(
        &self,
        expr: &IdedExpr,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> ExpressionFault {
        let span: Range<usize> = self.source.span(expr);
        ExpressionFault::new(span, message, label)
    }
}

/// The parts of a loop as it will be evaluated.
struct Loop {
    init: IdedExpr,
    condition: IdedExpr,
    step: IdedExpr,
    result: IdedExpr,
}

fn gathering(step: IdedExpr) -> Loop {
    let init = node(Expr::List(ListExpr::new(Vec::new())));
    Loop { init, condition: truth(true), step, result: accumulator() }
}

/// Where in a vocabulary these fields stand: `tests[]`, for those of an element of `tests`.
fn path_of(facts: &'static [Field], fields: &'static [Field]) -> Option<String> {
    facts.iter().find_map(|field| {
        let (mut shape, mut path) = (&field.shape, field.name.to_owned());
        while let Shape::List(element) = shape {
            shape = element;
            path.push_str("[]");
        }
        let Shape::Object(inner) = shape else { return None };
        if *inner == fields {
            return Some(path);
        }
        path_of(inner, fields).map(|rest| format!("{path}.{rest}"))
    })
}

/// The names of a path such as `a.b.c`; none for what is computed.
fn path(expr: &IdedExpr) -> Option<Vec<&str>> {
    match &expr.expr {
        Expr::Ident(name) => Some(vec![name]),
        Expr::Select(select) if !select.test => {
            let mut names = path(&select.operand)?;
            names.push(&select.field);
            Some(names)
        }
        _ => None,
    }
}

fn article(kind: &Type) -> String {
    match kind {
        Type::Int | Type::Object(_) => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn names(fields: &'static [Field]) -> Vec<&'static str> {
    fields.iter().map(|field| field.name).collect()
}
