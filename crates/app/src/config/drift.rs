//! `[drift]`: access files to compare with Identity Center, and how often.

use std::path::PathBuf;

use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::{Loaded, Time};

/// A comparison reads every set with all assignments.
const EVERY_MIN: TimeSpan = TimeSpan::seconds(10);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drift {
    files: Vec<PathBuf>,
    every: Time,
    looks: u32,
    remind: Time,
    notify: Vec<String>,
}

impl Default for Drift {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            every: Time(TimeSpan::hours(1)),
            looks: 1,
            remind: Time(TimeSpan::ZERO),
            notify: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompareSchedule {
    pub every: TimeSpan,
    /// Consecutive comparisons with an item before it is reported.
    pub looks: u32,
    /// Zero: report once.
    pub remind: TimeSpan,
    pub notify: Vec<String>,
}

impl CompareSchedule {
    pub(super) fn checked(self, table: &str, channels: &[String]) -> Result<Self, Failure> {
        if self.every < EVERY_MIN {
            return Err(Failure::bad_input(format!(
                "`{table}.every` is {}; the shortest is {EVERY_MIN}",
                self.every
            )));
        }
        if self.looks == 0 {
            return Err(Failure::bad_input(format!(
                "`{table}.looks` is 0; the least is 1"
            )));
        }
        if let Some(unknown) = self.notify.iter().find(|it| !channels.contains(it)) {
            let failure =
                Failure::bad_input(format!("`{table}.notify`: `{unknown}` is no channel here"));
            return Err(failure.help(format!("there are: `{}`", channels.join("`, `"))));
        }
        Ok(self)
    }
}

impl Loaded {
    /// The files are reread for each comparison; `None` if disabled.
    pub fn drift_schedule(&self) -> Result<Option<(Vec<PathBuf>, CompareSchedule)>, Failure> {
        let drift = &self.config.drift;
        if drift.files.is_empty() {
            return Ok(None);
        }
        let schedule = CompareSchedule {
            every: drift.every.0,
            looks: drift.looks,
            remind: drift.remind.0,
            notify: drift.notify.clone(),
        };
        let schedule = schedule.checked("drift", &self.channel_names())?;
        let files = drift.files.iter().map(|it| self.path(it)).collect();
        Ok(Some((files, schedule)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn schedule(text: &str) -> Result<Option<(Vec<PathBuf>, CompareSchedule)>, String> {
        let config = parse(&format!("[drift]\n{text}"), "h.toml").map_err(|it| it.words())?;
        let loaded = Loaded {
            config,
            folder: PathBuf::from("/etc/hallpass"),
        };
        loaded.drift_schedule().map_err(|it| it.words())
    }

    #[test]
    fn the_server_compares_only_where_files_are_named() {
        assert!(schedule("every = \"2h\"\n").unwrap().is_none());
        let (files, found) = schedule("files = [\"access/access.yaml\"]\n")
            .unwrap()
            .unwrap();
        assert_eq!(files, [PathBuf::from("/etc/hallpass/access/access.yaml")]);
        assert_eq!((found.every, found.looks), (TimeSpan::hours(1), 1));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        for (text, said) in [
            ("every = \"3s\"\n", "drift.every"),
            ("looks = 0\n", "drift.looks"),
            ("notify = [\"pager\"]\n", "pager"),
            ("sauce = 1\n", "sauce"),
        ] {
            let text = format!("files = [\"a.yaml\"]\n{text}");
            let refused = schedule(&text).expect_err(&text);
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
