//! Errors of the command line, made safe to show. A script that passes on a file name passes on what a vendor wrote,
//! and clap repeats an argument as it is.

use crate::escape::{Escaped, lines};
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use std::io::Write;

/// Prints the error to standard error.
pub fn print(error: clap::Error) {
    let rendered = safe(error).render();
    let plain = rendered.to_string();
    let escaped = format!("{}\n", lines(&plain));
    // Styles are escape sequences themselves: they stay only where nothing else is left to escape.
    let text = if escaped.trim_end() == plain.trim_end() { rendered.ansi().to_string() } else { escaped };
    // There is nowhere left to say that standard error can't be written.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Escapes each thing that the error quotes. A line break in one would make a line that nobody wrote.
fn safe(mut error: clap::Error) -> clap::Error {
    let escaped: Vec<(ContextKind, ContextValue)> = error
        .context()
        .filter_map(|(kind, value)| {
            Some(match value {
                ContextValue::String(text) => (kind, ContextValue::String(Escaped(text).to_string())),
                ContextValue::Strings(all) => {
                    let all = all.iter().map(|text| Escaped(text).to_string()).collect();
                    (kind, ContextValue::Strings(all))
                }
                // Hints, each one line of clap's around the argument.
                ContextValue::StyledStrs(all) => {
                    let all = all.iter().map(|text| StyledStr::from(Escaped(&text.to_string()).to_string()));
                    (kind, ContextValue::StyledStrs(all.collect()))
                }
                // The usage: lines of ours.
                _ => return None,
            })
        })
        .collect();
    for (kind, value) in escaped {
        error.insert(kind, value);
    }
    error
}
