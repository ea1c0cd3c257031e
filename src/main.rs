//! The command `dropgate`. Everything is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    dropgate::cli::run()
}
