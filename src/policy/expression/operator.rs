//! What operators take and give.

use super::vocabulary::Type;
use cel::common::ast::operators;

/// What an operator of two sides gives; nothing if it does not take these.
pub(super) fn combined(operator: &str, left: &Type, right: &Type) -> Option<Type> {
    use Type::{Bool, Int, Span, Time};
    match (operator, left, right) {
        (operators::EQUALS | operators::NOT_EQUALS, left, right) if left == right && is_comparable(left) => {
            Some(Bool)
        }
        (operators::IN, left, Type::List(element)) if left == element.as_ref() && is_comparable(left) => {
            Some(Bool)
        }
        (
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
            left @ (Int | Time | Span),
            right,
        ) if left == right => Some(Bool),
        (operators::ADD | operators::SUBSTRACT, Int, Int) => Some(Int),
        (operators::ADD | operators::SUBSTRACT, Span, Span) => Some(Span),
        (operators::ADD | operators::SUBSTRACT, Time, Span) | (operators::ADD, Span, Time) => Some(Time),
        (operators::SUBSTRACT, Time, Time) => Some(Span),
        (operators::MULTIPLY | operators::DIVIDE | operators::MODULO, Int, Int) => Some(Int),
        _ => None,
    }
}

/// Objects are not: facts that the expression does not name are not there to be compared.
fn is_comparable(kind: &Type) -> bool {
    match kind {
        Type::Object(_) => false,
        Type::List(element) => is_comparable(element),
        _ => true,
    }
}

/// What an operator of two sides takes, in words.
pub(super) fn takes(operator: &str) -> &'static str {
    match operator {
        operators::EQUALS | operators::NOT_EQUALS => {
            "both sides are of one type: bool, int, text, time, duration, or lists of them"
        }
        operators::IN => "on the right is a list of what is on the left",
        operators::ADD => "int + int, time + duration, duration + duration",
        operators::SUBSTRACT => "int - int, time - time, time - duration, duration - duration",
        operators::MULTIPLY | operators::DIVIDE | operators::MODULO => "both sides are ints",
        _ => {
            "both sides are ints, times, or durations; texts have no order here, since '10' would stand before '9'"
        }
    }
}

pub(super) fn is_operator(name: &str) -> bool {
    name == operators::IN || operators::find_operator(sign(name)).is_some_and(|operator| operator == name)
}

/// An operator as it is written.
pub(super) fn sign(operator: &str) -> &str {
    operator.trim_matches(['_', '@'])
}
