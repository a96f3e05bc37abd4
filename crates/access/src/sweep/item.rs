use hallpass_assignments::Absence;
use hallpass_base::{Email, GrantId, HoldKey, SweepId, TargetNames, Timestamp};
use serde::{Deserialize, Serialize};

use super::SweepAction;
use crate::Person;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ItemKind {
    /// Neither recorded nor accepted.
    Unknown,
    /// A grant found it standing: only reported before this instant.
    Preexisting {
        until: Timestamp,
    },
    /// Existed before the live grant on it.
    UnderGrant,
    Accepted {
        by: Acceptance,
    },
    /// Accepted, but its review is overdue. Nothing removes it.
    ReviewOverdue {
        by: Acceptance,
    },
}

impl ItemKind {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Preexisting { .. } => "preexisting",
            Self::UnderGrant => "under_grant",
            Self::Accepted { .. } => "accepted",
            Self::ReviewOverdue { .. } => "review_overdue",
        }
    }

    pub const fn acceptance(&self) -> Option<&Acceptance> {
        match self {
            Self::Accepted { by } | Self::ReviewOverdue { by } => Some(by),
            Self::Unknown | Self::Preexisting { .. } | Self::UnderGrant => None,
        }
    }

    /// Counts as unknown until accepted (`access.md` §10.2).
    pub const fn is_unaccepted(&self) -> bool {
        match self {
            Self::Unknown | Self::Preexisting { .. } => true,
            Self::UnderGrant | Self::Accepted { .. } | Self::ReviewOverdue { .. } => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "accepted", rename_all = "snake_case")]
pub enum Acceptance {
    Pattern {
        pattern: String,
    },
    Person {
        by: Email,
        at: Timestamp,
        reason: String,
        review_at: Option<Timestamp>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemChange {
    New,
    Changed,
    Same,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemSight {
    Seen,
    /// Its place was unreadable: the data is from an earlier run.
    Unread,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    Reported,
    /// The run acts on unknown items, but not on this one yet.
    Waits {
        #[serde(rename = "for")]
        cause: Wait,
    },
    /// An earlier run processes it.
    InHand {
        by: SweepId,
    },
    /// Part of an unconfirmed plan.
    Planned {
        #[serde(flatten)]
        action: SweepAction,
    },
    Due {
        #[serde(flatten)]
        action: SweepAction,
    },
    Removing {
        since: Timestamp,
    },
    Gone {
        at: Timestamp,
        /// Whether Hallpass removed it, else the reason.
        why: Absence,
    },
    /// AWS refuses the removal; retried every hour.
    Stuck {
        since: Timestamp,
        reason: String,
    },
    Adopted {
        grant: GrantId,
        at: Timestamp,
        until: Timestamp,
    },
    LeftAlone {
        at: Timestamp,
        why: LeftAlone,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wait", rename_all = "snake_case")]
pub enum Wait {
    /// A second run that finds it unknown, at least ten minutes after the first.
    SecondRun,
    /// The end of the period in which it is only reported.
    Days { until: Timestamp },
    /// A holder: users who left or have no address cannot hold a grant.
    Holder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftAlone {
    Held,
    Accepted,
    Gone,
    NobodyToHold,
    ModeChanged,
    /// Its place could not be read.
    Unread,
}

impl LeftAlone {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Accepted => "accepted",
            Self::Gone => "gone",
            Self::NobodyToHold => "nobody_to_hold",
            Self::ModeChanged => "mode_changed",
            Self::Unread => "unread",
        }
    }
}

impl Fate {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Waits { .. } => "waits",
            Self::InHand { .. } => "in_hand",
            Self::Planned { .. } => "planned",
            Self::Due { .. } => "due",
            Self::Removing { .. } => "removing",
            Self::Gone { .. } => "gone",
            Self::Stuck { .. } => "stuck",
            Self::Adopted { .. } => "adopted",
            Self::LeftAlone { .. } => "left_alone",
        }
    }

    /// Whether it continues without user action.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Due { .. } | Self::Removing { .. } | Self::Stuck { .. } => true,
            Self::Reported
            | Self::Waits { .. }
            | Self::InHand { .. }
            | Self::Planned { .. }
            | Self::Gone { .. }
            | Self::Adopted { .. }
            | Self::LeftAlone { .. } => false,
        }
    }

    /// Such items are kept as long as their run.
    pub const fn is_acted_on(&self) -> bool {
        match self {
            Self::Due { .. }
            | Self::Removing { .. }
            | Self::Stuck { .. }
            | Self::Gone { .. }
            | Self::Adopted { .. }
            | Self::LeftAlone { .. } => true,
            Self::Reported | Self::Waits { .. } | Self::InHand { .. } | Self::Planned { .. } => {
                false
            }
        }
    }

    /// Stuck items do not keep a run open.
    pub const fn is_at_work(&self) -> bool {
        matches!(self, Self::Due { .. } | Self::Removing { .. })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepItem {
    pub sweep: SweepId,
    pub key: HoldKey,
    pub names: TargetNames,
    /// `None` if unknown, or without an address.
    pub holder: Option<Person>,
    pub kind: ItemKind,
    pub change: ItemChange,
    pub sight: ItemSight,
    pub seen_at: Timestamp,
    pub first_seen: Timestamp,
    /// The first of consecutive runs that found it without acceptance.
    pub unaccepted_since: Option<Timestamp>,
    pub unaccepted_runs: u32,
    pub fate: Fate,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl SweepItem {
    /// Falls back to the directory id.
    pub fn holder_name(&self) -> &str {
        match &self.holder {
            Some(person) if !person.name.is_empty() => &person.name,
            Some(person) => person.email.as_str(),
            None => self.key.user.as_str(),
        }
    }
}
