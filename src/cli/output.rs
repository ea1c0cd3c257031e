//! Where results, notes and errors go: results to standard output, the rest to standard error.

use crate::config::ConfigError;
use crate::escape::{is_deceptive, lines};
use crate::files::FileError;
use crate::gate::GateError;
use crate::ledger::LedgerError;
use crate::policy::PolicyRefusal;
use crate::record::ReplayError;
use anstream::AutoStream;
use std::io::{self, IsTerminal, Write};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Why a command could not do what was asked: exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The gate could not be read, or could not look.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A fault in one of the operator's files.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The drop could not be looked at.
    #[error(transparent)]
    Source(#[from] crate::drop::SourceError),
    /// The ledger could not be read, or is not what it should be.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A verdict could not be recorded.
    #[error(transparent)]
    Record(#[from] crate::record::RecordError),
    /// A verdict could not be replayed.
    #[error(transparent)]
    Replay(#[from] crate::record::ReplayError),
    /// The store could not be written, or its place is taken.
    #[error(transparent)]
    Store(#[from] crate::admit::StoreError),
    /// Output could not be written.
    #[error("can't write to standard output: {0}")]
    Print(io::Error),
    /// Anything else, said in full.
    #[error("{0}")]
    Said(String),
}

impl Failure {
    /// A failure that says `text`.
    pub fn said(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }
}

/// The streams, with the user's wishes.
#[derive(Debug)]
pub struct Output {
    color: ColorChoice,
    quiet: bool,
}

impl Output {
    /// The streams of this process.
    pub fn new(color: ColorChoice, quiet: bool) -> Self {
        Self { color, quiet }
    }

    /// Whether the user wants results only.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether to show progress.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Prints a result.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut stream = AutoStream::new(io::stdout().lock(), self.choice(io::stdout().is_terminal()));
        stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).map_err(Failure::Print)
    }

    /// Where to print a long result, as by [`print`](Self::print). Whoever writes must flush.
    pub fn stream(&self) -> impl Write {
        let stream = AutoStream::new(io::stdout().lock(), self.choice(io::stdout().is_terminal()));
        io::BufWriter::with_capacity(64 << 10, stream)
    }

    /// Prints exact bytes, which may be anybody's: a terminal would obey them, so it gets them only where they can do
    /// nothing.
    pub fn exact(&self, bytes: &[u8]) -> Result<(), Failure> {
        let harmless = |text: &str| text.chars().all(|c| matches!(c, '\n' | '\t') || !is_deceptive(c));
        if io::stdout().is_terminal() && !str::from_utf8(bytes).is_ok_and(harmless) {
            return Err(Failure::said(
                "expected --output FILE or a pipe, found a terminal: these bytes could be commands to it",
            ));
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::Print)
    }

    /// Prints an error that ends nothing.
    pub fn error(&self, text: &str) {
        self.to_stderr(&format!("error: {}\n", lines(text)));
    }

    /// Prints a note, unless the user wants none.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.to_stderr(&format!("note: {}\n", lines(text)));
        }
    }

    /// Prints an error.
    pub fn failure(&self, failure: &Failure) {
        let color = self.choice(io::stderr().is_terminal()) != anstream::ColorChoice::Never;
        let text = match failure {
            // These are rendered with the place, and escape by themselves.
            Failure::Config(error)
            | Failure::Gate(GateError::Config(error))
            | Failure::Replay(ReplayError::Gate(GateError::Config(error))) => error.render(color),
            Failure::Gate(GateError::Policy { why: PolicyRefusal::Misfit(error), .. })
            | Failure::Replay(ReplayError::Gate(GateError::Policy {
                why: PolicyRefusal::Misfit(error),
                ..
            })) => error.render(color),
            Failure::Gate(GateError::Policy { why: PolicyRefusal::Twice { place, .. }, .. }) => {
                format!("error: {failure}", failure = lines(&failure.to_string()))
                    .replace(&place.to_string(), &place.render(color))
            }
            failure => format!("error: {}", lines(&failure.to_string())),
        };
        self.to_stderr(&format!("{}\n", text.trim_end()));
    }

    fn to_stderr(&self, text: &str) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.choice(io::stderr().is_terminal()));
        // There is nowhere left to say that standard error can't be written.
        let _ = stream.write_all(text.as_bytes());
    }

    fn choice(&self, terminal: bool) -> anstream::ColorChoice {
        // The convention of no-color.org: set and not empty.
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self.color {
            ColorChoice::Always => anstream::ColorChoice::AlwaysAnsi,
            ColorChoice::Auto if terminal && !forbidden => anstream::ColorChoice::Auto,
            ColorChoice::Auto | ColorChoice::Never => anstream::ColorChoice::Never,
        }
    }
}
