//! The difference for people: whose word it is, then a line for each change, then totals.

use super::{Compared, Replacement, Side, Total};
use crate::difference::{How, Pair};
use crate::digest::{Claimed, DigestSet};
use crate::drop::path::DropPath;
use crate::escape::{Escaped, Shown};
use crate::limits;
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const MODIFIED: Style = AnsiColor::Yellow.on_default();
const PLAIN: Style = Style::new();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Renders. Colours are always written; the stream that prints it takes them out where they don't belong.
pub fn render(compared: &Compared<'_>, all: bool) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, compared);
    let _ = changes(&mut text, compared, all);
    let _ = totals(&mut text, compared);
    text
}

fn head(text: &mut String, compared: &Compared<'_>) -> std::fmt::Result {
    match compared.checked {
        None => writeln!(
            text,
            "UNVERIFIED: what follows is what the manifests say; `--gate gate.toml` checks who signed them"
        )?,
        Some(checked) => {
            let (at, trust) = (checked.at, checked.trust());
            writeln!(text, "SIGNED: both manifests, as of {at}, by trust store sha256 {trust}")?;
        }
    }
    writeln!(text, "No file was hashed; `dropgate verify` tells whether a drop is what its manifest says")?;
    side(text, "OLD", compared.old)?;
    side(text, "NEW", compared.new)?;
    writeln!(text)?;
    let said = match compared.replaces {
        Replacement::ThisOne => "NEW says that it replaces OLD",
        Replacement::AnotherOne => "NEW says that it replaces another release than OLD",
        Replacement::Unsaid => "NEW does not say what it replaces",
    };
    writeln!(text, "{said}")?;
    for warning in &compared.warnings {
        writeln!(text, "{WARNING}warning:{WARNING:#} {}", Shown(&warning.text))?;
    }
    Ok(())
}

fn side(text: &mut String, which: &str, side: &Side) -> std::fmt::Result {
    let release = &side.manifest.release;
    writeln!(text, "\n{which}  {}", Escaped(&side.given.to_string_lossy()))?;
    let mut row = |name: &str, value: &dyn std::fmt::Display| writeln!(text, "     {name:<9} {value}");
    row("vendor", &release.vendor)?;
    row("product", &release.product)?;
    row("version", &release.version)?;
    row("kind", &release.kind)?;
    if let Some(number) = release.order.sequence() {
        row("sequence", &number)?;
    }
    row("sha256", &side.manifest.digest)?;
    for signer in &side.signers {
        row("signed by", &format_args!("{} ({})", Escaped(&signer.owner), Escaped(&signer.key)))?;
    }
    Ok(())
}

fn changes(text: &mut String, compared: &Compared<'_>, all: bool) -> std::fmt::Result {
    let Compared { old, new, difference, totals, .. } = compared;
    let most = if all { usize::MAX } else { limits::CHANGES_SHOWN };
    let added = difference.added().map(|one| (shown(&one.path), size(new.size(one))));
    lines(text, '+', ADDED, most, totals.added.files, "added", added)?;
    let removed = difference.removed().map(|one| (shown(&one.path), size(old.size(one))));
    lines(text, '-', REMOVED, most, totals.removed.files, "removed", removed)?;
    let sizes = |pair: &Pair<'_>| from_to(old.size(pair.old), new.size(pair.new));
    let modified = difference.modified().map(|(pair, how)| {
        let note = if how == How::Contradiction { "  digests contradict each other" } else { "" };
        (shown(&pair.new.path), format!("{}{note}", sizes(&pair)))
    });
    lines(text, '~', MODIFIED, most, totals.modified.files, "modified", modified)?;
    let renamed =
        difference.renamed().map(|pair| (shown(&pair.old.path), format!("-> {}", shown(&pair.new.path))));
    lines(text, '>', PLAIN, most, totals.renamed.files, "renamed", renamed)?;
    let undecided = difference.undecided().map(|pair| {
        let (before, after) = (names(&pair.old.digests), names(&pair.new.digests));
        (shown(&pair.new.path), format!("{}  {before} against {after}", sizes(&pair)))
    });
    lines(text, '?', WARNING, most, totals.undecided.files, "undecided", undecided)
}

/// The lines of one class, its first column as wide as what is shown needs.
fn lines(
    text: &mut String,
    mark: char,
    style: Style,
    most: usize,
    count: usize,
    class: &str,
    rows: impl Iterator<Item = (String, String)>,
) -> std::fmt::Result {
    if count == 0 {
        return Ok(());
    }
    writeln!(text)?;
    let rows: Vec<(String, String)> = rows.take(most).collect();
    let widest = rows.iter().map(|(path, _)| path.chars().count()).max().unwrap_or(0);
    let width = widest.min(limits::PATH_COLUMN);
    for (path, rest) in &rows {
        writeln!(text, "{style}{mark}{style:#} {path:<width$}  {rest}")?;
    }
    match count.saturating_sub(rows.len()) {
        0 => Ok(()),
        more => writeln!(text, "  ... and {more} more {class}; all of them with --all or --format json"),
    }
}

/// A path as it was signed may hold blanks and arrows, and so pass for a line's other columns. One that could
/// stands in quotes.
fn shown(path: &DropPath) -> String {
    let plain = path.to_string();
    if plain.contains([' ', '"']) { format!("\"{}\"", plain.replace('"', "\\\"")) } else { plain }
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string())
}

fn from_to(old: Option<u64>, new: Option<u64>) -> String {
    let change = match (old, new) {
        (Some(old), Some(new)) => {
            format!(" ({:+} bytes)", i128::from(new).saturating_sub(i128::from(old)))
        }
        _ => String::new(),
    };
    format!("{} -> {}{change}", size(old), size(new))
}

fn names(digests: &DigestSet<Claimed>) -> String {
    let names: Vec<&str> = digests.iter().map(|(algorithm, _)| algorithm.name()).collect();
    if names.is_empty() { "weak digests only".to_owned() } else { names.join(",") }
}

fn totals(text: &mut String, compared: &Compared<'_>) -> std::fmt::Result {
    let totals = &compared.totals;
    writeln!(text)?;
    let mut row = |mark: char, class: &str, files: &dyn std::fmt::Display, rest: &str| {
        writeln!(text, "{}", format!("{mark} {class:<9} {files:>9}  {rest}").trim_end())
    };
    let one = |total: &Total, bytes: Option<u64>| match (total.files, bytes) {
        (0, _) => String::new(),
        (_, None) => "-".to_owned(),
        (_, Some(bytes)) => format!("{bytes} bytes"),
    };
    let both = |total: &Total| if total.files == 0 { String::new() } else { from_to(total.old, total.new) };
    row('+', "added", &totals.added.files, &one(&totals.added, totals.added.new))?;
    row('-', "removed", &totals.removed.files, &one(&totals.removed, totals.removed.old))?;
    row('~', "modified", &totals.modified.files, &both(&totals.modified))?;
    row('>', "renamed", &totals.renamed.files, &one(&totals.renamed, totals.renamed.new))?;
    row('?', "undecided", &totals.undecided.files, &both(&totals.undecided))?;
    row('=', "unchanged", &compared.difference.unchanged(), "")?;
    writeln!(
        text,
        "\nOLD lists {} files, {}; NEW lists {}, {}",
        compared.old.manifest.artifacts().len(),
        known(totals.listed.old),
        compared.new.manifest.artifacts().len(),
        known(totals.listed.new)
    )
}

fn known(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "of unknown size".to_owned(), |bytes| format!("{bytes} bytes"))
}
