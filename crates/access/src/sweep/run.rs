//! A run: one look at what stands, with what was found and what is done about it.
//!
//! ```text
//!   queued ──┬──► running                        the run that looked is over
//!            └──► failed                         sweeps were switched off meanwhile
//!   running ──┬──► done                          nothing to act on
//!             ├──► planned ──┬──► working ──► done    an administrator confirmed the plan
//!             ├──► stopped ──┤                        more than a run may do by itself
//!             │              └──► replaced            a newer plan took its place
//!             ├──► working ──► done                   acts at once: the mode was confirmed before
//!             ├──► failed                        nothing could be read
//!             └──► interrupted                   the process stopped; it is begun anew
//! ```

use std::fmt;

use hallpass_base::{Email, GrantId, HoldKey, SweepId, TargetNames, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use super::{LeftOut, SweepMode, SweepReach, Unread};
use crate::EntitlementReport;

/// Why a run was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trigger", rename_all = "snake_case")]
pub enum Trigger {
    /// `access.sweep.check_every` had passed: it looks and reports.
    Check,
    /// `access.sweep.at` had come: it does what the mode says.
    Schedule,
    /// An administrator wanted it; it does what the mode says.
    Person {
        /// Who asked for the run.
        by: Email,
    },
    /// The mode became `off`: it marks the end of what was confirmed before, and looks at nothing.
    SwitchedOff,
}

impl Trigger {
    /// Its name in API and pages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Schedule => "schedule",
            Self::Person { .. } => "person",
            Self::SwitchedOff => "switched_off",
        }
    }

    /// Whether a run made for this acts as the mode says.
    pub const fn acts(&self) -> bool {
        match self {
            Self::Schedule | Self::Person { .. } => true,
            Self::Check | Self::SwitchedOff => false,
        }
    }
}

/// More than a run may do without somebody's word (`access.md` §10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "brake", rename_all = "snake_case")]
pub enum Brake {
    /// More items than `access.sweep.max_removals`.
    Items {
        /// How many it would act on.
        would: u64,
        /// How many it may.
        most: u64,
    },
    /// More than a quarter of everything it saw.
    Share {
        /// How many it would act on.
        would: u64,
        /// Of how many.
        of: u64,
    },
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

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SweepState {
    /// Somebody wanted it while another looked: what that one reads may be older than the wish, and it
    /// may be one that does not act. It looks next.
    Queued,
    /// It looks.
    Running,
    /// The process stopped meanwhile.
    Interrupted {
        /// When that was found.
        at: Timestamp,
    },
    /// Nothing could be read.
    Failed {
        /// When it failed.
        at: Timestamp,
        /// What was said.
        error: String,
    },
    /// What it would do waits for an administrator.
    Planned {
        /// When the plan was stored.
        at: Timestamp,
    },
    /// It would do more than a run may; it waits for an administrator who says so.
    Stopped {
        /// When it was stopped.
        at: Timestamp,
        /// What is too much.
        #[serde(flatten)]
        brake: Brake,
    },
    /// A newer plan took its place; nothing was done.
    Replaced {
        /// When it was replaced.
        at: Timestamp,
        /// The newer run.
        by: SweepId,
    },
    /// It acts.
    Working {
        /// When it began to act.
        since: Timestamp,
    },
    /// It is over.
    Done {
        /// When its last item was settled.
        at: Timestamp,
    },
}

/// What a run that looked needs of an administrator before it acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SweepAwaits {
    /// A yes to its plan.
    Consent,
    /// A yes to more than a run may do.
    MoreThanMay(Brake),
}

impl SweepState {
    /// What it waits for from an administrator; `None` where it waits for nobody.
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

    /// The state's name in storage, API and pages.
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

    /// Every legal step, as (prior, next); the store refuses any other.
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

    /// Whether it waits for an administrator.
    pub const fn is_waiting(&self) -> bool {
        matches!(self, Self::Planned { .. } | Self::Stopped { .. })
    }
}

/// An item of the run before that this one did not find, though it read its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneItem {
    /// Who had what.
    pub key: HoldKey,
    /// The target's names.
    pub names: TargetNames,
    /// The name of who held it.
    pub holder: String,
}

/// What the run found of grants that do not agree with the world (`access.md` §10.6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Live grants looked at.
    pub seen: u64,
    /// Ended because their holder left or was disabled, or by today's rules.
    pub fixed: u64,
    /// Those that today's rules would refuse and that go on.
    pub against_rules: Vec<GrantId>,
    /// Those that could not be looked at.
    pub failed: u64,
}

/// What a run read and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepReport {
    /// When reading began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Pairs of account and permission set whose assignments were read.
    pub pairs_read: u64,
    /// Groups whose members were read.
    pub groups_read: u64,
    /// Direct assignments and memberships seen.
    pub seen: u64,
    /// Of these, what Hallpass gave.
    pub ours: u64,
    /// Of these, what is accepted, overdue reviews included.
    pub accepted: u64,
    /// Of these, what stood before a live grant on top of it.
    pub under_grant: u64,
    /// Of these, what a grant found standing within the last days.
    pub preexisting: u64,
    /// Of these, what nobody recorded.
    pub unknown: u64,
    /// Reviews that are overdue.
    pub reviews_overdue: u64,
    /// Items that the run before did not have.
    pub new: u64,
    /// Items that it had as another kind.
    pub changed: u64,
    /// Items that it had and that are gone.
    pub gone: u64,
    /// The first of these.
    pub gone_items: Vec<GoneItem>,
    /// Items that the run acts on, or would.
    pub to_act: u64,
    /// Assignments of groups, which are not looked at one by one.
    pub group_assignments: u64,
    /// Entitlements of account access manager; `None` where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<EntitlementReport>,
    /// How much could not be read.
    pub unread: u64,
    /// The first of it.
    pub unread_places: Vec<Unread>,
    /// What is left out by intent.
    pub left_out: Vec<LeftOut>,
    /// Grants against the world.
    pub drift: Drift,
}

/// An administrator's word that sweeps may act as the mode says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who confirmed it.
    pub by: Email,
    /// When it was confirmed.
    pub at: Timestamp,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// Ours.
    pub id: SweepId,
    /// Why it was made.
    #[serde(flatten)]
    pub trigger: Trigger,
    /// The mode in force.
    pub mode: SweepMode,
    /// Where it looks.
    pub reach: SweepReach,
    /// When it began.
    pub begun_at: Timestamp,
    /// What it found; `None` before it has looked.
    pub report: Option<SweepReport>,
    /// Whether the mode was confirmed: carried on from run to run while the mode stays.
    pub consent: Option<Consent>,
    /// Where it is.
    pub state: SweepState,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Sweep {
    /// How long ago it looked, when it did.
    pub fn age(&self, now: Timestamp) -> Option<TimeSpan> {
        let report = self.report.as_ref()?;
        Some(TimeSpan::between(report.began, now))
    }
}
