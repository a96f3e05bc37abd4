//! Progress of long work: a bar on a terminal, else a line every ten seconds.

use std::cell::Cell;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::say;

const TOLD_EVERY: Duration = Duration::from_secs(10);

pub(crate) struct RowProgress {
    all: u64,
    done: Cell<u64>,
    told: Cell<Instant>,
    bar: Option<ProgressBar>,
}

impl RowProgress {
    pub(crate) fn new(all: u64) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(all);
            let style =
                ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} rows, {eta}");
            // the template is constant
            style.map_or(bar.clone(), |style| bar.with_style(style))
        });
        Self {
            all,
            done: Cell::new(0),
            told: Cell::new(Instant::now()),
            bar,
        }
    }

    pub(crate) fn add(&self, rows: u64) {
        self.done.set(self.done.get() + rows);
        match &self.bar {
            Some(bar) => bar.inc(rows),
            None if self.told.get().elapsed() >= TOLD_EVERY => {
                self.told.set(Instant::now());
                say(&format!("{}/{} rows", self.done.get(), self.all));
            }
            None => {}
        }
    }

    pub(crate) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
