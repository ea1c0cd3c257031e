//! The facts that expressions may name, as data: the checker and the documents read the same tree.

use std::fmt;

/// What a fact is.
///
/// In the facts themselves, which are JSON, a time is RFC 3339 text that names its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// A whole number from -2^63 to 2^63 - 1.
    Int,
    /// Text, compared byte by byte.
    Text,
    /// A point in time, compared to the microsecond.
    Time,
    /// Any number of one shape, in an order that is stable.
    List(&'static Shape),
    /// Named facts.
    Object(&'static [Field]),
}

/// A fact with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// What expressions call it.
    pub name: &'static str,
    /// What it is.
    pub shape: Shape,
    /// True if it can be absent, so that `has()` tells something. The shape of an absent fact at the top level must
    /// be an object: `has()` takes a name with a dot.
    pub optional: bool,
    /// What it says, with its unit.
    pub meaning: &'static str,
}

/// Every fact that an expression may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vocabulary {
    /// The names that stand at the front.
    pub facts: &'static [Field],
}

/// Words that are no names in CEL, not even after a dot.
const KEYWORDS: [&str; 4] = ["true", "false", "null", "in"];

/// Words that CEL keeps for later, and names of types and of libraries, which the evaluator would find where a fact at the
/// top level is missing.
const TAKEN: [&str; 31] = [
    "as",
    "bool",
    "break",
    "bytes",
    "const",
    "continue",
    "double",
    "dyn",
    "else",
    "for",
    "function",
    "google",
    "if",
    "import",
    "int",
    "let",
    "list",
    "loop",
    "map",
    "namespace",
    "null_type",
    "optional",
    "optional_type",
    "package",
    "return",
    "string",
    "type",
    "uint",
    "var",
    "void",
    "while",
];

impl Vocabulary {
    /// What would keep facts of this vocabulary from being named, or documented: none in one that is fit for use.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for field in self.facts {
            if field.optional && !matches!(field.shape, Shape::Object(_)) {
                problems.push(format!("{}: has() can't ask for it", field.name));
            }
        }
        check_fields(self.facts, "", &mut problems);
        problems
    }
}

fn check_fields(fields: &[Field], path: &str, problems: &mut Vec<String>) {
    for (index, field) in fields.iter().enumerate() {
        let taken = KEYWORDS.contains(&field.name) || (path.is_empty() && TAKEN.contains(&field.name));
        let path = format!("{path}{}", field.name);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let named =
            field.name.starts_with(|first: char| first.is_ascii_lowercase()) && field.name.chars().all(plain);
        if !named || taken {
            problems.push(format!("{path}: not a name for a fact"));
        }
        if fields.iter().skip(index.saturating_add(1)).any(|other| other.name == field.name) {
            problems.push(format!("{path}: stands twice"));
        }
        if field.meaning.is_empty() {
            problems.push(format!("{path}: without a meaning"));
        }
        check_shape(&field.shape, &path, problems);
    }
}

fn check_shape(shape: &Shape, path: &str, problems: &mut Vec<String>) {
    match shape {
        Shape::List(element) => check_shape(element, &format!("{path}[]"), problems),
        Shape::Object(fields) => check_fields(fields, &format!("{path}."), problems),
        Shape::Bool | Shape::Int | Shape::Text | Shape::Time => {}
    }
}

/// What an expression, or a part of one, gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Text,
    Time,
    /// What lies between two times.
    Span,
    List(Box<Type>),
    Object(&'static [Field]),
}

impl From<&Shape> for Type {
    fn from(shape: &Shape) -> Self {
        match shape {
            Shape::Bool => Self::Bool,
            Shape::Int => Self::Int,
            Shape::Text => Self::Text,
            Shape::Time => Self::Time,
            Shape::List(element) => Self::List(Box::new(Self::from(*element))),
            Shape::Object(fields) => Self::Object(fields),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Type::from(self).fmt(f)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Text => f.write_str("text"),
            Self::Time => f.write_str("time"),
            Self::Span => f.write_str("duration"),
            Self::List(element) => write!(f, "list of {element}"),
            Self::Object(_) => f.write_str("object"),
        }
    }
}

/// The field of a name.
pub(super) fn named(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.name == name)
}
