//! `[delegation]`: the file of administrators to compare, and how often.

use std::path::PathBuf;

use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::drift::CompareSchedule;
use super::{Loaded, Time};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delegation {
    file: Option<PathBuf>,
    every: Time,
    looks: u32,
    remind: Time,
    notify: Vec<String>,
}

impl Default for Delegation {
    fn default() -> Self {
        Self {
            file: None,
            every: Time(TimeSpan::hours(1)),
            looks: 1,
            remind: Time(TimeSpan::ZERO),
            notify: Vec::new(),
        }
    }
}

impl Loaded {
    /// The file is reread for each comparison; `None` if disabled.
    pub fn delegation_schedule(&self) -> Result<Option<(PathBuf, CompareSchedule)>, Failure> {
        let table = &self.config.delegation;
        let Some(file) = &table.file else {
            return Ok(None);
        };
        let schedule = CompareSchedule {
            every: table.every.0,
            looks: table.looks,
            remind: table.remind.0,
            notify: table.notify.clone(),
        };
        let schedule = schedule.checked("delegation", &self.channel_names())?;
        Ok(Some((self.path(file), schedule)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn schedule(text: &str) -> Result<Option<(PathBuf, CompareSchedule)>, String> {
        let config = parse(&format!("[delegation]\n{text}"), "h.toml").map_err(|it| it.words())?;
        let loaded = Loaded {
            config,
            folder: PathBuf::from("/etc/hallpass"),
        };
        loaded.delegation_schedule().map_err(|it| it.words())
    }

    #[test]
    fn administrators_are_compared_only_where_a_file_is_named() {
        assert!(schedule("every = \"2h\"\n").unwrap().is_none());
        let (file, found) = schedule("file = \"d.yaml\"\n").unwrap().unwrap();
        assert_eq!(file, PathBuf::from("/etc/hallpass/d.yaml"));
        assert_eq!((found.every, found.looks), (TimeSpan::hours(1), 1));
        for (text, said) in [
            ("every = \"3s\"\n", "delegation.every"),
            ("looks = 0\n", "delegation.looks"),
            ("notify = [\"pager\"]\n", "pager"),
            ("sauce = 1\n", "sauce"),
        ] {
            let refused = schedule(&format!("file = \"d.yaml\"\n{text}")).expect_err(text);
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
