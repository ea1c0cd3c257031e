//! A table of entries for people: columns as wide as the first rows need, within a screen of 100.

use crate::escape::{Escaped, Shown};
use crate::ledger::answer::Found;
use crate::limits;
use crate::verdict::Decision;
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const FAINT: Style = Style::new().dimmed();

/// Widest line, in characters.
const SCREEN: usize = 100;

/// Blanks between columns.
const GAP: usize = 2;

const HEADS: [&str; 8] = ["entry", "recorded", "verdict", "vendor", "product", "version", "by", "action"];

/// The columns that give way where a line would be too wide: vendor, product, version, by.
const YIELDING: std::ops::Range<usize> = 3..7;

/// Rows are held until there are enough to choose widths by, then written as they come.
pub(super) struct Table<W> {
    to: W,
    held: Vec<Row>,
    widths: Option<[usize; 8]>,
}

struct Row {
    cells: [String; 8],
    verdict: Decision,
    paths: Vec<String>,
}

impl Row {
    fn of(found: &Found) -> Self {
        let entry = &found.entry;
        let release = entry.release.as_ref();
        let name = |name: Option<&str>| name.map_or_else(|| "-".to_owned(), |name| Escaped(name).to_string());
        let verdict = match entry.is_waived() {
            true => format!("{} w", entry.verdict.name()),
            false => entry.verdict.name().to_owned(),
        };
        let cells = [
            found.index.to_string(),
            entry.recorded_at.whole_seconds().to_string(),
            verdict,
            name(release.map(|release| release.vendor.as_str())),
            name(release.map(|release| release.product.as_str())),
            name(release.map(|release| release.version.as_str())),
            Escaped(&entry.by.user).to_string(),
            entry.action.name().to_owned(),
        ];
        let paths = found.paths.iter().map(|path| Escaped(path).to_string()).collect();
        Self { cells, verdict: entry.verdict, paths }
    }
}

impl<W: Write> Table<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, held: Vec::new(), widths: None }
    }

    pub(super) fn row(&mut self, found: &Found) -> io::Result<()> {
        let row = Row::of(found);
        match self.widths {
            Some(widths) => self.write(&row, &widths),
            None => {
                self.held.push(row);
                if self.held.len() >= limits::LEDGER_ROWS_MEASURED { self.release() } else { Ok(()) }
            }
        }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.release()?;
        self.to.flush()
    }

    fn release(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let widths = widths(&held);
        self.widths = Some(widths);
        let heads = HEADS.map(str::to_owned);
        writeln!(self.to, "{FAINT}{}{FAINT:#}", line(&heads, &widths, None).trim_end())?;
        held.iter().try_for_each(|row| self.write(row, &widths))
    }

    fn write(&mut self, row: &Row, widths: &[usize; 8]) -> io::Result<()> {
        let style = if row.verdict == Decision::Accept { GOOD } else { BAD };
        writeln!(self.to, "{}", line(&row.cells, widths, Some(style)).trim_end())?;
        row.paths.iter().try_for_each(|path| writeln!(self.to, "       {FAINT}{}{FAINT:#}", Shown(path)))
    }
}

fn widths(rows: &[Row]) -> [usize; 8] {
    let mut widths = HEADS.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let gaps = GAP.saturating_mul(widths.len().saturating_sub(1));
    let mut over = widths.iter().sum::<usize>().saturating_add(gaps).saturating_sub(SCREEN);
    while over > 0 {
        let widest = widths.get_mut(YIELDING).and_then(|own| own.iter_mut().max());
        let Some(width) = widest.filter(|width| **width > 1) else { break };
        *width = width.saturating_sub(1);
        over = over.saturating_sub(1);
    }
    widths
}

fn line(cells: &[String; 8], widths: &[usize; 8], verdict: Option<Style>) -> String {
    let mut line = String::new();
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = fitted(cell, *width);
        let style = verdict.filter(|_| place == 2).unwrap_or_default();
        let aligned = if place == 0 { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
        line.push_str(&format!("{style}{aligned}{style:#}"));
        line.push_str("  ");
    }
    line
}

/// A cell that does not fit is cut, and says so.
fn fitted(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let kept: String = cell.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}
