//! Sweep settings (`access.sweep.*`, `access.standing`).

use hallpass_base::TimeSpan;
use serde::{Deserialize, Serialize};

use super::{Schedule, StandingPattern};

pub const ADOPTED_MAX: TimeSpan = TimeSpan::hours(90 * 24);

/// The action on unmanaged access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum SweepMode {
    Off,
    #[default]
    Report,
    Adopt {
        length: TimeSpan,
    },
    Revoke,
}

impl SweepMode {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Adopt { .. } => "adopt",
            Self::Revoke => "revoke",
        }
    }

    /// `None` if sweeps only report.
    pub const fn action(self) -> Option<SweepAction> {
        match self {
            Self::Off | Self::Report => None,
            Self::Adopt { length } => Some(SweepAction::Adopt { length }),
            Self::Revoke => Some(SweepAction::Remove),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum SweepAction {
    Remove,
    Adopt { length: TimeSpan },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepReach {
    /// Pairs that rules affect, and groups that they name.
    #[default]
    Rules,
    All,
}

impl SweepReach {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::All => "all",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepSettings {
    pub mode: SweepMode,
    pub reach: SweepReach,
    pub check_every: TimeSpan,
    pub at: Schedule,
    /// A run stops if it would act on more items.
    pub max_removals: u32,
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
