//! `[standards]`: the standards file and the enforcement mode.

use std::path::PathBuf;

use crate::host::suggestions::check_regions;
use hallpass_base::TimeSpan;
use hallpass_org::standards::{FollowMode, FollowSettings, StandardsChoices};
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::{Loaded, Time};

/// A sweep reads every account and Region.
const SWEEP_MIN: TimeSpan = TimeSpan::minutes(1);
/// Default of accounts changed per day: same as for plans that remove things (`organization.md`
/// P-11).
const A_DAY: usize = 10;

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModeWord {
    #[default]
    Notify,
    New,
    Enforce,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StandardsTable {
    file: Option<PathBuf>,
    mode: ModeWord,
    regions: Vec<String>,
    enable_hub: bool,
    max_changes: Option<usize>,
    sweep_every: Time,
    // name from when it bounded one of two triggers
    #[serde(alias = "sweep_accounts")]
    accounts_a_day: usize,
}

impl Default for StandardsTable {
    fn default() -> Self {
        Self {
            file: None,
            mode: ModeWord::Notify,
            regions: Vec::new(),
            enable_hub: false,
            max_changes: None,
            sweep_every: Time(TimeSpan::hours(24)),
            accounts_a_day: A_DAY,
        }
    }
}

#[derive(Clone, Debug)]
pub struct StandardsSchedule {
    pub file: PathBuf,
    pub settings: FollowSettings,
    pub every: TimeSpan,
}

impl Loaded {
    /// `None` if disabled.
    pub fn standards_schedule(&self) -> Result<Option<StandardsSchedule>, Failure> {
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
        check_regions("`standards.regions`", &table.regions)?;
        let regions = Some(table.regions.clone()).filter(|it| !it.is_empty());
        Ok(Some(StandardsSchedule {
            file: self.path(file),
            settings: FollowSettings {
                mode: match table.mode {
                    ModeWord::Notify => FollowMode::Notify,
                    ModeWord::New => FollowMode::New,
                    ModeWord::Enforce => FollowMode::Enforce,
                },
                regions,
                choices: StandardsChoices {
                    enable_hub: table.enable_hub,
                    ..StandardsChoices::default()
                },
                changes_max: table.max_changes,
                a_day: table.accounts_a_day,
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
            (found.every, found.settings.a_day),
            (TimeSpan::hours(24), 10)
        );
        assert!(!found.settings.choices.enable_hub);
    }

    #[test]
    fn nothing_is_changed_unless_the_configuration_says_so_in_words() {
        for (text, mode) in [
            ("", FollowMode::Notify),
            ("mode = \"notify\"\n", FollowMode::Notify),
            ("mode = \"new\"\n", FollowMode::New),
            ("mode = \"enforce\"\n", FollowMode::Enforce),
            // from before modes existed
            ("sweep_accounts = 30\n", FollowMode::Notify),
        ] {
            let found = schedule(&format!("file = \"s.yaml\"\n{text}"));
            let settings = found.unwrap().unwrap().settings;
            assert_eq!(settings.mode, mode, "{text}");
            let most = if text.contains("30") { 30 } else { 10 };
            assert_eq!(settings.a_day, most, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        for (text, said) in [
            ("sweep_every = \"3s\"\n", "sweep_every"),
            ("sauce = 1\n", "sauce"),
            ("regions = [\"eu-wset-1\"]\n", "`eu-wset-1` is no Region"),
            ("mode = \"enforec\"\n", "`notify`, `new`, `enforce`"),
        ] {
            let refused = schedule(&format!("file = \"s.yaml\"\n{text}")).expect_err(text);
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
