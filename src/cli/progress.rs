//! Progress on a terminal: bytes, rate, time left.

use crate::drop::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar; hidden where progress should not show.
    pub fn new(shown: bool) -> Self {
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) =
            ProgressStyle::with_template("{msg} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {eta} left")
        {
            bar.set_style(style);
        }
        bar.set_message("hashing");
        Self(bar)
    }
}

impl Progress for Bar {
    fn total(&self, _files: u64, bytes: u64) {
        self.0.set_length(bytes);
    }

    fn read(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn file_done(&self) {}
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
