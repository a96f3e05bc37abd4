//! `[standards]`: the file that new accounts follow, and how far the server goes.

use std::path::PathBuf;

use hallpass_model::TimeSpan;
use hallpass_org::standards::{FollowSettings, StandardsChoices};
use serde::Deserialize;

use super::{Loaded, Time};
use crate::exit::Failure;

/// As often as the whole organization may be looked at: every account and Region is read.
const SWEEP_MIN: TimeSpan = TimeSpan::minutes(1);
/// Accounts that one look at the organization changes, where the file does not say: as many as plans that take something
/// away (`organization.md` P-11).
const ACCOUNTS_MAX: usize = 10;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StandardsTable {
    file: Option<PathBuf>,
    regions: Vec<String>,
    enable_hub: bool,
    max_changes: Option<usize>,
    sweep_every: Time,
    sweep_accounts: usize,
}

impl Default for StandardsTable {
    fn default() -> Self {
        Self {
            file: None,
            regions: Vec::new(),
            enable_hub: false,
            max_changes: None,
            sweep_every: Time(TimeSpan::hours(24)),
            sweep_accounts: ACCOUNTS_MAX,
        }
    }
}

/// What the server makes new accounts be like, and how often it looks at all.
#[derive(Clone, Debug)]
pub(crate) struct StandardsSchedule {
    pub(crate) file: PathBuf,
    pub(crate) settings: FollowSettings,
    pub(crate) every: TimeSpan,
}

impl Loaded {
    /// What new accounts follow; `None` where the server changes none.
    ///
    /// # Errors
    /// Exit 2 where it makes no sense.
    pub(crate) fn standards_schedule(&self) -> Result<Option<StandardsSchedule>, Failure> {
        let table = &self.config.standards;
        let Some(file) = &table.file else {
            return Ok(None);
        };
        if table.sweep_every.0 < SWEEP_MIN {
            return Err(Failure::bad_input(format!(
                "`standards.sweep_every` is {}; the shortest is {SWEEP_MIN}",
                table.sweep_every.0
            )));
        }
        let regions = Some(table.regions.clone()).filter(|it| !it.is_empty());
        Ok(Some(StandardsSchedule {
            file: self.path(file),
            settings: FollowSettings {
                regions,
                choices: StandardsChoices {
                    enable_hub: table.enable_hub,
                    ..StandardsChoices::default()
                },
                changes_max: table.max_changes,
                accounts_max: table.sweep_accounts,
            },
            every: table.sweep_every.0,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn schedule(text: &str) -> Result<Option<StandardsSchedule>, String> {
        let config = parse(&format!("[standards]\n{text}"), "h.toml").map_err(|it| it.words())?;
        let loaded = Loaded {
            config,
            folder: PathBuf::from("/etc/hallpass"),
        };
        loaded.standards_schedule().map_err(|it| it.words())
    }

    #[test]
    fn new_accounts_are_followed_only_where_a_file_is_named() {
        assert!(schedule("enable_hub = true\n").unwrap().is_none());
        let found = schedule("file = \"s.yaml\"\nregions = [\"eu-west-1\"]\n");
        let found = found.unwrap().unwrap();
        assert_eq!(found.file, PathBuf::from("/etc/hallpass/s.yaml"));
        assert_eq!(found.settings.regions, Some(vec!["eu-west-1".to_owned()]));
        assert_eq!(
            (found.every, found.settings.accounts_max),
            (TimeSpan::hours(24), 10)
        );
        assert!(!found.settings.choices.enable_hub);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        for (text, said) in [
            ("sweep_every = \"3s\"\n", "sweep_every"),
            ("sauce = 1\n", "sauce"),
        ] {
            let refused = schedule(&format!("file = \"s.yaml\"\n{text}")).expect_err(text);
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
