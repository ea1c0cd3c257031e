//! How many steps an expression takes at most, worked out from the sizes of the facts before it is evaluated.
//!
//! Every node is counted as if nothing cut it short: both sides of a choice, every element of a loop. What the evaluator
//! copies counts as well: it copies each element that a loop goes through, and all that a list is made of.

use super::values::Measure;
use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, Expr, LiteralValue, operators};

/// Steps to set a loop up, or to turn it once, besides what is judged in it.
const TURN: u64 = 4;

/// The variables in sight with the sizes of their values, innermost last.
pub(super) struct Estimate<'e> {
    scope: Vec<(&'e str, Measure)>,
}

impl<'e> Estimate<'e> {
    pub fn new(facts: Vec<(&'e str, Measure)>) -> Self {
        Self { scope: facts }
    }

    /// Steps at most, and the size of the result at most.
    pub fn of(&mut self, expr: &'e IdedExpr) -> (u64, Measure) {
        match &expr.expr {
            Expr::Literal(LiteralValue::String(text)) => (1, Measure::text(text.inner().len())),
            Expr::Ident(name) => {
                let known = self.scope.iter().rev().find(|(variable, _)| variable == name);
                (1, known.map_or_else(Measure::unit, |(_, measure)| measure.clone()))
            }
            Expr::Select(select) => {
                let (steps, mut operand) = self.of(&select.operand);
                let field = operand.fields.remove(&select.field).unwrap_or_else(Measure::unit);
                (steps.saturating_add(1), if select.test { Measure::unit() } else { field })
            }
            Expr::List(list) => {
                let mut steps: u64 = 1;
                let mut largest = Measure::unit();
                for element in &list.elements {
                    let (more, measure) = self.of(element);
                    steps = steps.saturating_add(more).saturating_add(measure.weight);
                    largest.cover(&measure);
                }
                let length = u64::try_from(list.elements.len()).unwrap_or(u64::MAX);
                (steps, Measure::list(length, largest))
            }
            Expr::Call(call) => {
                let mut steps: u64 = 1;
                let mut sizes = Vec::with_capacity(3);
                for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                    let (more, measure) = self.of(part);
                    steps = steps.saturating_add(more);
                    sizes.push(measure);
                }
                called(&call.func_name, steps, sizes)
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            _ => (1, Measure::unit()),
        }
    }

    fn comprehension(&mut self, comprehension: &'e ComprehensionExpr) -> (u64, Measure) {
        let (before, range) = self.of(&comprehension.iter_range);
        let element = range.element.map_or_else(Measure::unit, |element| *element);
        let copied = element.weight;
        self.scope.push((&comprehension.accu_var, Measure::unit()));
        self.scope.push((&comprehension.iter_var, element));
        let (condition, _) = self.of(&comprehension.loop_cond);
        let (step, grown) = self.of(&comprehension.loop_step);
        self.scope.truncate(self.scope.len().saturating_sub(2));
        let turn = TURN.saturating_add(copied).saturating_add(condition).saturating_add(step);
        let steps = before.saturating_add(TURN).saturating_add(turn.saturating_mul(range.length));
        let result = match grown.element {
            Some(element) => Measure::list(range.length, *element),
            None => Measure::unit(),
        };
        (steps, result)
    }
}

/// What a call adds to its parts, and gives.
fn called(name: &str, steps: u64, sizes: Vec<Measure>) -> (u64, Measure) {
    // Comparing and searching go through both sides at most once.
    let through = sizes.iter().fold(steps, |sum, size| sum.saturating_add(size.weight));
    let mut sizes = sizes.into_iter();
    match name {
        operators::CONDITIONAL => {
            let mut larger = Measure::unit();
            sizes.skip(1).for_each(|size| larger.cover(&size));
            (steps, larger)
        }
        operators::INDEX => {
            let element =
                sizes.next().and_then(|list| list.element).map_or_else(Measure::unit, |element| *element);
            (steps.saturating_add(element.weight), element)
        }
        // Only a loop adds to a list: what it appends is all that counts.
        operators::ADD => (through, sizes.nth(1).unwrap_or_else(Measure::unit)),
        _ => (through, Measure::unit()),
    }
}
