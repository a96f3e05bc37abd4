//! One finding of a sweep: somebody has something that no grant gave them.

use hallpass_assignments::Absence;
use hallpass_base::{Email, GrantId, HoldKey, SweepId, TargetNames, Timestamp};
use serde::{Deserialize, Serialize};

use super::SweepAction;
use crate::Person;

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ItemKind {
    /// Nobody recorded it, and nobody accepted it.
    Unknown,
    /// A grant found that it stood before it: reported, and not touched before this instant.
    Preexisting {
        /// From then on it is like any other unknown item.
        until: Timestamp,
    },
    /// It stood before a live grant that lies on top of it.
    UnderGrant,
    /// It is accepted as standing.
    Accepted {
        /// What it was accepted by.
        by: Acceptance,
    },
    /// It is accepted as standing, and the review of that is overdue. Nothing removes it.
    ReviewOverdue {
        /// What it was accepted by.
        by: Acceptance,
    },
}

impl ItemKind {
    /// The kind's name in API and pages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Preexisting { .. } => "preexisting",
            Self::UnderGrant => "under_grant",
            Self::Accepted { .. } => "accepted",
            Self::ReviewOverdue { .. } => "review_overdue",
        }
    }

    /// Who accepted it, when somebody did.
    pub const fn acceptance(&self) -> Option<&Acceptance> {
        match self {
            Self::Accepted { by } | Self::ReviewOverdue { by } => Some(by),
            Self::Unknown | Self::Preexisting { .. } | Self::UnderGrant => None,
        }
    }

    /// Whether nobody accepted it: it counts as unknown until somebody does (`access.md` §10.2).
    pub const fn is_unaccepted(&self) -> bool {
        match self {
            Self::Unknown | Self::Preexisting { .. } => true,
            Self::UnderGrant | Self::Accepted { .. } | Self::ReviewOverdue { .. } => false,
        }
    }
}

/// Who accepted standing access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "accepted", rename_all = "snake_case")]
pub enum Acceptance {
    /// The configuration.
    Pattern {
        /// The pattern that covers it.
        pattern: String,
    },
    /// An administrator.
    Person {
        /// Who accepted it.
        by: Email,
        /// When it was accepted.
        at: Timestamp,
        /// Why it is accepted.
        reason: String,
        /// When it is to be looked at again.
        review_at: Option<Timestamp>,
    },
}

/// How an item differs from the run before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemChange {
    /// The run before did not have it.
    New,
    /// It had it as another kind.
    Changed,
    /// It had it alike.
    Same,
}

/// Whether this run read where an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemSight {
    /// It is in this run's listing.
    Seen,
    /// Its place could not be read: what is said of it is from an earlier run.
    Unread,
}

/// What is done about an item, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It is reported, and that is all.
    Reported,
    /// The run acts on unknown items, and not on this one yet.
    Waits {
        /// For what.
        #[serde(rename = "for")]
        cause: Wait,
    },
    /// An earlier run is at work on it.
    InHand {
        /// The earlier run.
        by: SweepId,
    },
    /// It is part of a plan that nobody has confirmed.
    Planned {
        /// What the plan would do.
        #[serde(flatten)]
        action: SweepAction,
    },
    /// It is to be acted on.
    Due {
        /// What is to be done about it.
        #[serde(flatten)]
        action: SweepAction,
    },
    /// AWS is asked to remove it.
    Removing {
        /// When its removal began.
        since: Timestamp,
    },
    /// It was seen gone.
    Gone {
        /// When it was seen gone.
        at: Timestamp,
        /// Whether we removed it, and if not, why it is gone.
        why: Absence,
    },
    /// AWS refuses its removal; tried again every hour.
    Stuck {
        /// When its removal was parked.
        since: Timestamp,
        /// What AWS says.
        reason: String,
    },
    /// It became a grant.
    Adopted {
        /// The grant it became.
        grant: GrantId,
        /// When it became a grant.
        at: Timestamp,
        /// When that ends.
        until: Timestamp,
    },
    /// It was left alone after all.
    LeftAlone {
        /// When that was found.
        at: Timestamp,
        /// Why it is left alone.
        why: LeftAlone,
    },
}

/// What an item waits for before a run acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wait", rename_all = "snake_case")]
pub enum Wait {
    /// A second run that finds it unknown, ten minutes after the first or later.
    SecondRun,
    /// The end of the days for which what a grant found is only reported.
    Days {
        /// Until then.
        until: Timestamp,
    },
    /// Somebody to hold it: who left the directory, or has no address, cannot hold a grant.
    Holder,
}

/// Why an item was not acted on after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftAlone {
    /// A grant holds it by now.
    Held,
    /// It is accepted by now.
    Accepted,
    /// It is gone by itself.
    Gone,
    /// Nobody is there to hold it.
    NobodyToHold,
    /// Sweeps have another mode by now.
    ModeChanged,
}

impl LeftAlone {
    /// Its name in records and API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Accepted => "accepted",
            Self::Gone => "gone",
            Self::NobodyToHold => "nobody_to_hold",
            Self::ModeChanged => "mode_changed",
        }
    }
}

impl Fate {
    /// The fate's name in API and pages.
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

    /// Whether something is still to come of it by itself.
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

    /// Whether the run acted on it, or was about to: such items are kept for as long as their run.
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

    /// Whether its run is still busy with it. What is stuck does not keep a run open.
    pub const fn is_at_work(&self) -> bool {
        matches!(self, Self::Due { .. } | Self::Removing { .. })
    }
}

/// One finding of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepItem {
    /// The run.
    pub sweep: SweepId,
    /// Who has what.
    pub key: HoldKey,
    /// The target's names at the time.
    pub names: TargetNames,
    /// Who holds it; `None` when the directory does not know them, or they have no address.
    pub holder: Option<Person>,
    /// What it is.
    pub kind: ItemKind,
    /// How it differs from the run before.
    pub change: ItemChange,
    /// Whether this run read its place.
    pub sight: ItemSight,
    /// When a listing last showed it.
    pub seen_at: Timestamp,
    /// When a run first found it.
    pub first_seen: Timestamp,
    /// The listing of the first of the runs in a row that found it without anybody's acceptance.
    pub unaccepted_since: Option<Timestamp>,
    /// How many runs in a row.
    pub unaccepted_runs: u32,
    /// What is done about it.
    pub fate: Fate,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl SweepItem {
    /// The name of who holds it: their directory id when nothing else is known.
    pub fn holder_name(&self) -> &str {
        match &self.holder {
            Some(person) if !person.name.is_empty() => &person.name,
            Some(person) => person.email.as_str(),
            None => self.key.user.as_str(),
        }
    }
}
