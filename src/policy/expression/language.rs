//! What of CEL an expression may use. All else is refused when the pack is read.

/// An operator, function or macro, for documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Construct {
    /// How it is written.
    pub form: &'static str,
    /// What it gives, and when it is an error.
    pub meaning: &'static str,
    /// A use of it that gives a bool.
    pub example: &'static str,
}

const fn construct(form: &'static str, meaning: &'static str, example: &'static str) -> Construct {
    Construct { form, meaning, example }
}

/// The literals.
pub static LITERALS: &[Construct] = &[
    construct("true, false", "bool", "true"),
    construct("1, -1, 0x1f", "int", "0x1f == 31"),
    construct("'text', \"text\", r'raw'", "text, with the escapes of CEL", r"'a\tb' != r'a\tb'"),
    construct("[a, b]", "list of at least one; all of one type", "2 in [1, 2]"),
    construct(
        "duration('24h')",
        "a span of time: a whole number and one unit (s, m, h, d), as elsewhere in packs; the text must be a literal",
        "duration('24h') == duration('1d')",
    ),
    construct(
        "timestamp('2026-01-31T12:00:00Z')",
        "a time, as in RFC 3339 with its zone; the text must be a literal",
        "timestamp('2026-01-31T12:00:00Z') < timestamp('2026-02-01T00:00:00+01:00')",
    ),
];

/// The operators.
pub static OPERATORS: &[Construct] = &[
    construct(
        "a && b",
        "judged from left to right: b is not looked at if a is false, and an error in a is an error of the whole",
        "true && 1 == 1",
    ),
    construct(
        "a || b",
        "judged from left to right: b is not looked at if a is true, and an error in a is an error of the whole",
        "false || 1 == 1",
    ),
    construct("!a", "the opposite of a bool", "!false"),
    construct("a ? b : c", "b if a is true, else c; both of one type", "true ? 1 == 1 : false"),
    construct(
        "a == b, a != b",
        "bool, int, text, time, duration, and lists of them; both of one type",
        "'a' != 'b'",
    ),
    construct("a < b, a <= b, a > b, a >= b", "int, time, duration; texts have no order", "1 < 2"),
    construct("a in b", "whether the list b holds a", "'x' in ['x', 'y']"),
    construct(
        "a + b, a - b, -a",
        "int; a time and a duration; two durations; two times give a duration. Over 64 bits it is an error",
        "timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') == duration('1d')",
    ),
    construct(
        "a * b, a / b, a % b",
        "int; division cuts towards zero, and by zero it is an error",
        "7 / 2 == 3 && 7 % 2 == 1",
    ),
    construct("a.name", "the fact of that name; an error if it is absent", ""),
    construct("a[0]", "the element of a list, from 0; an error past its end", "[5, 6][1] == 6"),
];

/// The functions.
pub static FUNCTIONS: &[Construct] = &[
    construct(
        "size(a), a.size()",
        "the elements of a list, or the Unicode code points of a text",
        "size('ab') == 2",
    ),
    construct("a.startsWith(b)", "whether the text a begins with b", "'abc'.startsWith('a')"),
    construct("a.endsWith(b)", "whether the text a ends with b", "'abc'.endsWith('c')"),
    construct("a.contains(b)", "whether the text b is somewhere in a", "'abc'.contains('b')"),
];

/// The macros. One that a name is given to goes through a list.
pub static MACROS: &[Construct] = &[
    construct("has(a.b)", "whether the fact a.b is there, and a itself", ""),
    construct(
        "a.all(x, p)",
        "whether p is true for every x of the list: true if it is empty, so that size(a) > 0 belongs beside it",
        "[1, 2].all(x, x > 0)",
    ),
    construct(
        "a.exists(x, p)",
        "whether p is true for some x of the list: false if it is empty",
        "[1, 2].exists(x, x > 1)",
    ),
    construct("a.exists_one(x, p)", "whether p is true for exactly one x", "[1, 2].exists_one(x, x > 1)"),
    construct(
        "a.filter(x, p)",
        "the list of those x for which p is true",
        "size([1, 2].filter(x, x > 1)) == 1",
    ),
    construct("a.map(x, e)", "the list of e for every x", "6 in [1, 2].map(x, x * 3)"),
    construct(
        "a.map(x, p, e)",
        "the list of e for those x for which p is true",
        "3 in [1, 2].map(x, x < 2, x * 3)",
    ),
];

/// The names that can be called, for suggestions.
pub(super) const CALLABLE: &[&str] = &[
    "all",
    "contains",
    "duration",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "map",
    "size",
    "startsWith",
    "timestamp",
];
