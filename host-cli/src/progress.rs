//! A word to people while they wait for something that takes seconds.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Says on standard error what is being done, and afterwards how long it took.
pub(crate) struct Progress {
    began: Instant,
    spinner: ProgressBar,
}

impl Progress {
    /// Shows a message with a spinner; where nobody watches a terminal, the message alone.
    pub(crate) fn start(message: impl Into<String>) -> Self {
        let message = message.into();
        let spinner = ProgressBar::new_spinner();
        if spinner.is_hidden() {
            anstream::eprintln!("{message}");
        }
        spinner.set_message(message);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(Duration::from_millis(100));
        Self { began: Instant::now(), spinner }
    }

    /// Shows a message with a bar that fills as bytes come or go.
    pub(crate) fn of_bytes(message: impl Into<String>, total: u64) -> Self {
        let message = message.into();
        let bar = ProgressBar::new(total);
        if bar.is_hidden() {
            anstream::eprintln!("{message}");
        }
        bar.set_message(message);
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { began: Instant::now(), spinner: bar }
    }

    /// Says that so many more bytes came or went.
    pub(crate) fn more(&self, bytes: u64) {
        self.spinner.inc(bytes);
    }

    /// Stops without a word.
    pub(crate) fn end(self) {
        self.spinner.finish_and_clear();
    }

    /// Says that it is done.
    pub(crate) fn finish(self, done: &str) {
        self.spinner.finish_and_clear();
        let seconds = self.began.elapsed().as_secs_f64();
        anstream::eprintln!("{done} in {seconds:.1} s");
    }
}
