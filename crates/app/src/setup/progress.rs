//! Progress of runs over accounts and Regions: a line on a terminal, else one every ten seconds.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use hallpass_plans::fanout::Progress;
use hallpass_terminal::output;
use indicatif::{ProgressBar, ProgressStyle};

const TOLD_EVERY: Duration = Duration::from_secs(10);

pub struct ProgressLine {
    label: String,
    bar: Option<ProgressBar>,
    begun: Instant,
    told: Instant,
}

impl ProgressLine {
    pub fn new(label: &str) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let now = Instant::now();
        Self {
            label: label.to_owned(),
            bar,
            begun: now,
            told: now,
        }
    }

    pub fn tell(&mut self, progress: &Progress) {
        let mut text = shown(progress, self.begun.elapsed());
        if !self.label.is_empty() {
            text = format!("{}: {text}", self.label);
        }
        self.say(text);
    }

    pub fn say(&mut self, text: String) {
        match &self.bar {
            Some(bar) => bar.set_message(text),
            None if self.told.elapsed() >= TOLD_EVERY => {
                self.told = Instant::now();
                output::say(&text);
            }
            None => {}
        }
    }

    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }

    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

fn shown(progress: &Progress, elapsed: Duration) -> String {
    let totals = progress.totals;
    let done = totals.ok + totals.failed;
    let at_least = if progress.is_whole { "" } else { "≥" };
    let seconds = elapsed.as_secs().max(1);
    let rate = totals.calls / seconds;
    let mut text = format!(
        "{done}/{at_least}{} slices, {rate} calls/s, {} failed",
        progress.slices, totals.failed
    );
    let left = u64::try_from(progress.slices.saturating_sub(done)).unwrap_or(u64::MAX);
    if let Some(left) = (left * seconds).checked_div(u64::try_from(done).unwrap_or(u64::MAX))
        && progress.is_whole
        && left > 0
    {
        let _ = write!(text, ", {left} s left");
    }
    text
}

#[cfg(test)]
mod tests {
    use hallpass_plans::fanout::Totals;

    use super::*;

    #[test]
    fn progress_says_at_least_until_all_is_known() {
        let totals = Totals {
            ok: 30,
            failed: 10,
            calls: 100,
            ..Totals::default()
        };
        let mut progress = Progress {
            totals,
            slices: 80,
            is_whole: false,
        };
        let text = shown(&progress, Duration::from_secs(10));
        assert_eq!(text, "40/≥80 slices, 10 calls/s, 10 failed");
        progress.is_whole = true;
        let text = shown(&progress, Duration::from_secs(10));
        assert_eq!(text, "40/80 slices, 10 calls/s, 10 failed, 10 s left");
    }
}
