//! The command line: one file for each command. Owns clock, environment, threads, printing and exit codes.

mod admit;
mod attest;
mod diff;
mod dropping;
mod init;
mod judging;
mod key;
mod ledger;
mod manifest;
mod output;
mod policy;
mod progress;
mod recording;
mod usage;
mod verify;
mod verify_vsa;
mod vouch;

use clap::{CommandFactory, Parser, Subcommand};
use output::{ColorChoice, Failure, Output};
use std::path::PathBuf;
use std::process::ExitCode;

/// The gate between what a vendor delivers and what an operator integrates.
///
/// Exit codes: 0 accepted (or done), 1 rejected, 2 could not decide. 2 is never an acceptance.
#[derive(Parser)]
#[command(name = "dropgate", version, about, long_about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// When to colour output. NO_COLOR in the environment means never, unless this says otherwise.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = ColorChoice::Auto,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    color: ColorChoice,

    /// Print nothing but results and errors: no progress, no notes, no verdict text (the exit code tells).
    #[arg(long, short, global = true, help_heading = "Global options")]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    // Its own text is longer; one here would take its place. So it is with all that have none here.
    Verify(verify::Verify),
    VerifyVsa(Box<verify_vsa::VerifyVsa>),
    Admit(admit::Admit),
    Diff(diff::Diff),
    /// For vendors: list and sign a drop.
    #[command(subcommand)]
    Manifest(manifest::Command),
    #[command(subcommand)]
    Attest(attest::Command),
    /// Make and look at signing keys.
    #[command(subcommand)]
    Key(key::Command),
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Write a commented gate.toml, trust.toml and policies to begin with.
    Init(init::Init),
    /// Check policy packs; explain controls and findings.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory.
    Man {
        /// The directory, which must exist.
        directory: PathBuf,
    },
}

/// Runs the command that the process was called with.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; they exit 0 unless they can't be printed.
            if error.use_stderr() {
                usage::print(error);
                return ExitCode::from(2);
            }
            let printed = error.print().map_err(Failure::Print);
            return finish(printed.map(|()| ExitCode::SUCCESS), &Output::new(ColorChoice::Auto, false));
        }
    };
    let output = Output::new(arguments.color, arguments.quiet);
    let result = match arguments.command {
        Command::Verify(verify) => verify.run(&output),
        Command::VerifyVsa(verify) => verify.run(&output),
        Command::Admit(admit) => admit.run(&output),
        Command::Diff(diff) => diff.run(&output),
        Command::Manifest(command) => command.run(&output),
        Command::Attest(command) => command.run(&output),
        Command::Key(command) => command.run(&output),
        Command::Ledger(command) => command.run(&output),
        Command::Init(init) => init.run(&output),
        Command::Policy(command) => command.run(&output),
        Command::Completions { shell } => completions(shell, &output),
        Command::Man { directory } => man(&directory),
    };
    finish(result, &output)
}

fn finish(result: Result<ExitCode, Failure>, output: &Output) -> ExitCode {
    result.unwrap_or_else(|failure| {
        output.failure(&failure);
        ExitCode::from(2)
    })
}

fn completions(shell: clap_complete::Shell, output: &Output) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "dropgate", &mut script);
    output.print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

fn man(directory: &std::path::Path) -> Result<ExitCode, Failure> {
    clap_mangen::generate_to(Arguments::command(), directory)
        .map_err(|error| crate::files::FileError::new(directory, "write manual pages into", error))?;
    Ok(ExitCode::SUCCESS)
}
