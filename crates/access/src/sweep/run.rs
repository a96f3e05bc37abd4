//! A sweep run: listing, findings and actions.
//!
//! ```text
//!   queued ──┬──► running                        the run that looked is over
//!            └──► failed                         sweeps were switched off meanwhile
//!   running ──┬──► done                          nothing to act on
//!             ├──► planned ──┬──► working ──► done    an administrator confirmed the plan
//!             ├──► stopped ──┤                        exceeds the limits of a run
//!             │              └──► replaced            a newer plan took its place
//!             ├──► working ──► done                   acts immediately: the mode was confirmed
//!             ├──► failed                        nothing could be read
//!             └──► interrupted                   the process stopped; the next restarts it
//! ```

use std::fmt;

use hallpass_base::{
    CampaignId, Email, GrantId, HoldKey, SweepId, TargetNames, TimeSpan, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{LeftOut, SweepMode, SweepReach, Unread};
use crate::EntitlementReport;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trigger", rename_all = "snake_case")]
pub enum Trigger {
    /// `access.sweep.check_every` elapsed: only reports.
    Check,
    /// `access.sweep.at` was reached: acts according to the mode.
    Schedule,
    /// An administrator requested it; acts according to the mode.
    Person { by: Email },
    /// A signed-off access review campaign; its plan acts once confirmed, in any mode.
    Campaign { campaign: CampaignId, by: Email },
    /// The mode became `off`: ends earlier confirmations, and reads nothing.
    SwitchedOff,
}

impl Trigger {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Schedule => "schedule",
            Self::Person { .. } => "person",
            Self::Campaign { .. } => "campaign",
            Self::SwitchedOff => "switched_off",
        }
    }

    pub const fn acts(&self) -> bool {
        match self {
            Self::Schedule | Self::Person { .. } => true,
            Self::Check | Self::Campaign { .. } | Self::SwitchedOff => false,
        }
    }

    pub const fn is_of_campaign(&self) -> bool {
        matches!(self, Self::Campaign { .. })
    }
}

/// Limits that need confirmation (`access.md` §10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "brake", rename_all = "snake_case")]
pub enum Brake {
    /// More items than `access.sweep.max_removals`.
    Items { would: u64, most: u64 },
    /// More than a quarter of all access seen.
    Share { would: u64, of: u64 },
}

impl fmt::Display for Brake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Items { would, most } => {
                write!(f, "it would act on {would} items, and may on {most}")
            }
            Self::Share { would, of } => write!(
                f,
                "it would act on {would} of the {of} it saw, and may on a quarter"
            ),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SweepState {
    /// Requested during another run, which may have read older state or may not act. Runs next.
    Queued,
    Running,
    Interrupted {
        at: Timestamp,
    },
    Failed {
        at: Timestamp,
        error: String,
    },
    /// The plan waits for an administrator.
    Planned {
        at: Timestamp,
    },
    /// The plan exceeds the limits and waits for an administrator.
    Stopped {
        at: Timestamp,
        #[serde(flatten)]
        brake: Brake,
    },
    /// Replaced by a newer plan without any action.
    Replaced {
        at: Timestamp,
        by: SweepId,
    },
    Working {
        since: Timestamp,
    },
    Done {
        at: Timestamp,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SweepAwaits {
    Consent,
    MoreThanMay(Brake),
}

impl SweepState {
    pub(crate) fn awaits(&self) -> Option<SweepAwaits> {
        match self {
            Self::Planned { .. } => Some(SweepAwaits::Consent),
            Self::Stopped { brake, .. } => Some(SweepAwaits::MoreThanMay(*brake)),
            Self::Queued
            | Self::Running
            | Self::Interrupted { .. }
            | Self::Failed { .. }
            | Self::Replaced { .. }
            | Self::Working { .. }
            | Self::Done { .. } => None,
        }
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Interrupted { .. } => "interrupted",
            Self::Failed { .. } => "failed",
            Self::Planned { .. } => "planned",
            Self::Stopped { .. } => "stopped",
            Self::Replaced { .. } => "replaced",
            Self::Working { .. } => "working",
            Self::Done { .. } => "done",
        }
    }

    /// Legal steps as (prior, next); the store refuses others.
    pub const STEPS: &'static [(&'static str, &'static str)] = &[
        ("queued", "running"),
        ("queued", "failed"),
        ("running", "interrupted"),
        ("running", "failed"),
        ("running", "planned"),
        ("running", "stopped"),
        ("running", "working"),
        ("running", "done"),
        ("planned", "working"),
        ("planned", "replaced"),
        ("stopped", "working"),
        ("stopped", "replaced"),
        ("working", "done"),
    ];

    pub const fn is_waiting(&self) -> bool {
        matches!(self, Self::Planned { .. } | Self::Stopped { .. })
    }
}

/// An item of the previous run that is missing, though its place was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneItem {
    pub key: HoldKey,
    pub names: TargetNames,
    pub holder: String,
}

/// Differences between grants and AWS (`access.md` §10.6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    pub seen: u64,
    /// Ended by departure of the holder, or today's rules.
    pub fixed: u64,
    /// Refused by today's rules, but kept.
    pub against_rules: Vec<GrantId>,
    pub failed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepReport {
    pub began: Timestamp,
    pub ended: Timestamp,
    pub pairs_read: u64,
    pub groups_read: u64,
    pub seen: u64,
    pub ours: u64,
    pub accepted: u64,
    pub under_grant: u64,
    pub preexisting: u64,
    pub unknown: u64,
    pub reviews_overdue: u64,
    pub new: u64,
    pub changed: u64,
    pub gone: u64,
    pub gone_items: Vec<GoneItem>,
    pub to_act: u64,
    /// Group assignments, counted only.
    pub group_assignments: u64,
    /// `None` if not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<EntitlementReport>,
    pub unread: u64,
    pub unread_places: Vec<Unread>,
    pub left_out: Vec<LeftOut>,
    pub drift: Drift,
}

/// An administrator's confirmation of the mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub by: Email,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    pub id: SweepId,
    #[serde(flatten)]
    pub trigger: Trigger,
    pub mode: SweepMode,
    pub reach: SweepReach,
    pub begun_at: Timestamp,
    pub report: Option<SweepReport>,
    /// The confirmation, copied from run to run while the mode stays.
    pub consent: Option<Consent>,
    pub state: SweepState,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Sweep {
    pub fn age(&self, now: Timestamp) -> Option<TimeSpan> {
        let report = self.report.as_ref()?;
        Some(TimeSpan::between(report.began, now))
    }
}
