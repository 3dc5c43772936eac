//! Progress on a terminal: one line on stderr that is gone when the work is done.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Console;

/// A line that says what is being done. Draws nothing when stderr is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(console: Console) -> Self {
        let target = if console.draws_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        set_style(&bar, "{spinner} {elapsed} {wide_msg}");
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Self { bar }
    }

    /// What is being done now.
    pub(super) fn say(&self, text: &str) {
        self.bar.unset_length();
        set_style(&self.bar, "{spinner} {elapsed} {wide_msg}");
        self.bar.set_message(text.to_owned());
    }

    /// The `i`-th of `n` things is being done, counted from 0.
    pub(super) fn step(&self, i: usize, n: usize, text: &str) {
        self.bar.set_length(n as u64);
        self.bar.set_position(i as u64);
        set_style(&self.bar, "{spinner} {elapsed} [{bar:20}] {wide_msg}");
        self.bar.set_message(format!("{}/{n} {text}", i + 1));
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    // A template that indicatif does not read leaves the line as it was.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
