//! `[drift]`: files of permission sets and assignments that the server compares Identity Center with, and how often.

use std::path::PathBuf;

use hallpass_model::TimeSpan;
use serde::Deserialize;

use super::{Loaded, Time};
use crate::exit::Failure;

/// As often as a comparison may be made: one reads every set of the files with all of its assignments.
const EVERY_MIN: TimeSpan = TimeSpan::seconds(10);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Drift {
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

/// What the server compares, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DriftSchedule {
    /// The files, read again each time.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) every: TimeSpan,
    /// In how many comparisons one after the other an item is there before it is told.
    pub(crate) looks: u32,
    /// Zero: what stands is told once.
    pub(crate) remind: TimeSpan,
    pub(crate) notify: Vec<String>,
}

impl Loaded {
    /// What the server compares; `None` where it does not.
    ///
    /// # Errors
    /// Exit 2 where it makes no sense.
    pub(crate) fn drift_schedule(&self) -> Result<Option<DriftSchedule>, Failure> {
        let drift = &self.config.drift;
        if drift.files.is_empty() {
            return Ok(None);
        }
        if drift.every.0 < EVERY_MIN {
            return Err(Failure::bad_input(format!(
                "`drift.every` is {}; the shortest is {EVERY_MIN}",
                drift.every.0
            )));
        }
        if drift.looks == 0 {
            return Err(Failure::bad_input("`drift.looks` is 0; the least is 1"));
        }
        let known = self.channel_names();
        if let Some(unknown) = drift.notify.iter().find(|it| !known.contains(it)) {
            let failure =
                Failure::bad_input(format!("`drift.notify`: `{unknown}` is no channel here"));
            return Err(failure.help(format!("there are: `{}`", known.join("`, `"))));
        }
        Ok(Some(DriftSchedule {
            files: drift.files.iter().map(|it| self.path(it)).collect(),
            every: drift.every.0,
            looks: drift.looks,
            remind: drift.remind.0,
            notify: drift.notify.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn schedule(text: &str) -> Result<Option<DriftSchedule>, String> {
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
        let found = schedule("files = [\"access/access.yaml\"]\n")
            .unwrap()
            .unwrap();
        assert_eq!(
            found.files,
            [PathBuf::from("/etc/hallpass/access/access.yaml")]
        );
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
