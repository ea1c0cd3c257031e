//! The parts that a checked expression is put together from.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, ListExpr, LiteralValue, SelectExpr, operators};

/// The variable in which the evaluator gathers a loop's result. No expression can name it.
pub(super) const ACCUMULATOR: &str = "@result";

/// The item that a step of `map` or `filter` adds to the list.
pub(super) fn appended(step: &IdedExpr) -> Option<&IdedExpr> {
    let Expr::Call(call) = &step.expr else { return None };
    let [_, IdedExpr { expr: Expr::List(list), .. }] = call.args.as_slice() else { return None };
    list.elements.first()
}

/// The step that adds an item to the list that a loop gathers; the evaluator knows this form and does not copy the list.
pub(super) fn append(item: IdedExpr) -> IdedExpr {
    called(operators::ADD, vec![accumulator(), node(Expr::List(ListExpr::new(vec![item])))])
}

/// `has(operand.field)` of a path, asked from the outside in: the evaluator is given empty objects for absent ones.
pub(super) fn present(operand: IdedExpr, field: &str) -> IdedExpr {
    let test = selected(operand.clone(), field, true);
    match operand.expr {
        Expr::Select(outer) => chosen(present(*outer.operand, &outer.field), test, truth(false)),
        _ => test,
    }
}

pub(super) fn node(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

pub(super) fn called(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    node(Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }))
}

pub(super) fn chosen(condition: IdedExpr, then: IdedExpr, otherwise: IdedExpr) -> IdedExpr {
    called(operators::CONDITIONAL, vec![condition, then, otherwise])
}

pub(super) fn selected(operand: IdedExpr, field: &str, test: bool) -> IdedExpr {
    node(Expr::Select(SelectExpr { operand: Box::new(operand), field: field.to_owned(), test }))
}

pub(super) fn truth(value: bool) -> IdedExpr {
    node(Expr::Literal(LiteralValue::Boolean(value.into())))
}

pub(super) fn number(value: i64) -> IdedExpr {
    node(Expr::Literal(LiteralValue::Int(value.into())))
}

pub(super) fn accumulator() -> IdedExpr {
    node(Expr::Ident(ACCUMULATOR.to_owned()))
}
