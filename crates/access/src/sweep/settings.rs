//! How sweeps run, as the configuration says (`access.sweep.*`, `access.standing`).

use hallpass_base::TimeSpan;
use serde::{Deserialize, Serialize};

use super::{Schedule, StandingPattern};

/// The longest that access is adopted for.
pub const ADOPTED_MAX: TimeSpan = TimeSpan::hours(90 * 24);

/// What a sweep does about access that nobody recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum SweepMode {
    /// There are no sweeps.
    Off,
    /// It is reported.
    #[default]
    Report,
    /// It gets an end, as if it had been granted for so long.
    Adopt {
        /// How long it is held from then on.
        length: TimeSpan,
    },
    /// It is removed.
    Revoke,
}

impl SweepMode {
    /// The mode's name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Adopt { .. } => "adopt",
            Self::Revoke => "revoke",
        }
    }

    /// What is done to an item that stays unknown; `None` where sweeps only report.
    pub const fn action(self) -> Option<SweepAction> {
        match self {
            Self::Off | Self::Report => None,
            Self::Adopt { length } => Some(SweepAction::Adopt { length }),
            Self::Revoke => Some(SweepAction::Remove),
        }
    }
}

/// What is done to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum SweepAction {
    /// It is taken away.
    Remove,
    /// It becomes a grant that ends.
    Adopt {
        /// After so long.
        length: TimeSpan,
    },
}

/// Where sweeps look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepReach {
    /// At the pairs some rule affects, and at the groups rules name.
    #[default]
    Rules,
    /// At every account, permission set and group.
    All,
}

impl SweepReach {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::All => "all",
        }
    }
}

/// Settings of sweeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepSettings {
    /// What is done about what is found.
    pub mode: SweepMode,
    /// Where they look.
    pub reach: SweepReach,
    /// How often is looked; what is found is reported.
    pub check_every: TimeSpan,
    /// When the sweep of the mode runs.
    pub at: Schedule,
    /// A run that would act on more items than this stops and says so.
    pub max_removals: u32,
    /// Standing access that is accepted.
    pub standing: Vec<StandingPattern>,
}

impl Default for SweepSettings {
    fn default() -> Self {
        Self {
            mode: SweepMode::Report,
            reach: SweepReach::Rules,
            check_every: TimeSpan::hours(2),
            at: Schedule::nightly(),
            max_removals: 20,
            standing: Vec::new(),
        }
    }
}
