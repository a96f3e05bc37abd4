//! `[access.sweep]` and `access.standing`: how to find and handle unmanaged access (`access.md`
//! §10).

use hallpass_access::{
    ADOPTED_MAX, Schedule, StandingPattern, SweepMode, SweepReach, SweepSettings,
};
use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::Time;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sweep {
    mode: SweepModeKey,
    scope: Reach,
    check_every: Time,
    at: At,
    max_removals: u32,
    /// Duration until unmanaged access ends, instead of immediate removal.
    adopt: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SweepModeKey {
    Off,
    #[default]
    Report,
    Adopt,
    Revoke,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reach {
    #[default]
    Rules,
    All,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct At(Schedule);

impl TryFrom<String> for At {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|error: hallpass_access::ScheduleError| error.to_string())
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct StandingEntry(StandingPattern);

impl TryFrom<String> for StandingEntry {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|error: hallpass_access::PatternError| error.to_string())
    }
}

impl Default for Sweep {
    fn default() -> Self {
        let defaults = SweepSettings::default();
        Self {
            mode: SweepModeKey::Report,
            scope: Reach::Rules,
            check_every: Time(defaults.check_every),
            at: At(defaults.at),
            max_removals: defaults.max_removals,
            adopt: None,
        }
    }
}

/// Each check lists every pair in scope.
const CHECK_EVERY_MIN: TimeSpan = TimeSpan::seconds(1);
/// Checks between two sweeps: a rate counts from the last sweep, and a thousand runs are stored,
/// including manual ones.
const CHECKS_BETWEEN_MAX: u64 = 900;

impl Sweep {
    pub(super) fn check(&self, name: &str) -> Result<(), Failure> {
        let bad = |what: &str, help: &str| {
            Err(Failure::bad_input(format!("{name}: {what}")).help(help.to_owned()))
        };
        if self.check_every.0 < CHECK_EVERY_MIN {
            return bad(
                "`access.sweep.check_every` is 0",
                "write a length of time such as \"2h\"; `mode = \"off\"` switches sweeps off",
            );
        }
        if let Some(rate) = self.rate_beyond_checks() {
            let every = self.check_every.0;
            return bad(
                &format!("`access.sweep.at` is {rate}, and `access.sweep.check_every` {every}"),
                &format!(
                    "at most {CHECKS_BETWEEN_MAX} checks may come between two sweeps: check less often, or write a \
                     `cron(…)`"
                ),
            );
        }
        match (self.mode, self.adopt) {
            (SweepModeKey::Adopt, None) => bad(
                "`access.sweep.mode` is `adopt`, and `access.sweep.adopt` is not given",
                "say how long found access is kept: adopt = \"8h\"",
            ),
            (_, Some(Time(length))) if length.is_zero() || length > ADOPTED_MAX => bad(
                &format!("`access.sweep.adopt` is {length}"),
                &format!("write a length of time of at most {ADOPTED_MAX}"),
            ),
            (_, Some(_))
            | (SweepModeKey::Off | SweepModeKey::Report | SweepModeKey::Revoke, None) => Ok(()),
        }
    }

    /// A rate with too many checks between sweeps; none in report mode.
    fn rate_beyond_checks(&self) -> Option<TimeSpan> {
        let acts = matches!(self.mode, SweepModeKey::Adopt | SweepModeKey::Revoke);
        let most = self
            .check_every
            .0
            .as_seconds()
            .saturating_mul(CHECKS_BETWEEN_MAX);
        let rate = self.at.0.rate().filter(|_| acts);
        rate.filter(|rate| rate.as_seconds() > most)
    }

    pub(super) fn settings(&self, standing: &[StandingEntry]) -> SweepSettings {
        let mode = match (self.mode, self.adopt) {
            (SweepModeKey::Off, _) => SweepMode::Off,
            (SweepModeKey::Report, _) | (SweepModeKey::Adopt, None) => SweepMode::Report,
            (SweepModeKey::Adopt | SweepModeKey::Revoke, Some(Time(length))) => {
                SweepMode::Adopt { length }
            }
            (SweepModeKey::Revoke, None) => SweepMode::Revoke,
        };
        SweepSettings {
            mode,
            reach: match self.scope {
                Reach::Rules => SweepReach::Rules,
                Reach::All => SweepReach::All,
            },
            check_every: self.check_every.0,
            at: self.at.0.clone(),
            max_removals: self.max_removals,
            standing: standing.iter().map(|it| it.0.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{Loaded, parse};
    use super::*;

    fn settings(text: &str) -> Result<SweepSettings, String> {
        let config = parse(text, "x").map_err(|failure| failure.words())?;
        let folder = PathBuf::new();
        Ok(Loaded { config, folder }.settings().sweep)
    }

    #[test]
    fn every_mode_is_what_it_says() {
        let eight = SweepMode::Adopt {
            length: TimeSpan::hours(8),
        };
        for (text, mode) in [
            ("", SweepMode::Report),
            ("mode = \"off\"", SweepMode::Off),
            ("mode = \"report\"", SweepMode::Report),
            ("mode = \"report\"\nadopt = \"8h\"", SweepMode::Report),
            ("mode = \"revoke\"", SweepMode::Revoke),
            ("mode = \"revoke\"\nadopt = \"8h\"", eight),
            ("mode = \"adopt\"\nadopt = \"8h\"", eight),
        ] {
            let found = settings(&format!("[access.sweep]\n{text}\n")).unwrap();
            assert_eq!(found.mode, mode, "{text}");
        }
    }

    #[test]
    fn the_rest_is_taken_over() {
        let text = "[access]\nstanding = [\"*/dev-*/ReadOnly\", \"oncall/eve@acme.example\"]\n\
                    [access.sweep]\nscope = \"all\"\ncheck_every = \"30m\"\nat = \"rate(1 day)\"\n\
                    max_removals = 3\n";
        let found = settings(text).unwrap();
        assert_eq!(found.reach, SweepReach::All);
        assert_eq!(found.check_every, TimeSpan::minutes(30));
        assert_eq!(found.at.as_str(), "rate(1 day)");
        assert_eq!(found.max_removals, 3);
        let patterns: Vec<&str> = found.standing.iter().map(StandingPattern::as_str).collect();
        assert_eq!(patterns, ["*/dev-*/ReadOnly", "oncall/eve@acme.example"]);
    }

    /// The run that starts a rate must be stored until the next is due.
    #[test]
    fn a_rate_has_room_for_its_checks() {
        for (text, is_taken) in [
            ("mode = \"revoke\"\nat = \"rate(15 hours)\"", true),
            ("mode = \"revoke\"\nat = \"rate(16 hours)\"", false),
            (
                "mode = \"adopt\"\nadopt = \"8h\"\nat = \"rate(1 day)\"",
                false,
            ),
            // no effect there, or clock-based
            ("mode = \"report\"\nat = \"rate(1 day)\"", true),
            ("mode = \"revoke\"\nat = \"cron(0 23 1 * ? *)\"", true),
        ] {
            let found = settings(&format!("[access.sweep]\ncheck_every = \"1m\"\n{text}\n"));
            let told = found
                .as_ref()
                .err()
                .is_some_and(|it| it.contains("access.sweep.at"));
            assert_eq!(
                (found.is_ok(), told),
                (is_taken, !is_taken),
                "{text} {found:?}"
            );
        }
    }

    #[test]
    fn what_cannot_work_is_told() {
        for (text, said) in [
            ("[access.sweep]\nmode = \"adopt\"", "access.sweep.adopt"),
            ("[access.sweep]\nmode = \"delete\"", "delete"),
            ("[access.sweep]\nat = \"at noon\"", "at noon"),
            ("[access.sweep]\nscope = \"some\"", "some"),
            ("[access.sweep]\ncheck_every = 0", "check_every"),
            ("[access.sweep]\nadopt = \"2400h\"", "access.sweep.adopt"),
            ("[access]\nstanding = [\"eve\"]", "eve"),
            ("[access.sweep]\nmodes = \"off\"", "modes"),
        ] {
            let told = settings(text).expect_err(text);
            assert!(told.contains(said), "{told}");
        }
    }
}
