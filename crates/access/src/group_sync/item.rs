//! A membership change, from intent to confirmation.

use hallpass_base::{Email, HoldKey, TargetNames, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembershipChange {
    /// The user is added permanently.
    Add,
    Remove,
}

impl MembershipChange {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum GroupSyncState {
    Working {
        since: Timestamp,
    },
    /// AWS refuses it. Retried a day later if still due.
    Refused {
        at: Timestamp,
        reason: String,
    },
}

/// Deleted once the change was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSyncItem {
    pub key: HoldKey,
    pub names: TargetNames,
    pub who: String,
    pub email: Option<Email>,
    pub change: MembershipChange,
    /// The rule that wants it, or the reason for the removal.
    pub why: String,
    #[serde(flatten)]
    pub state: GroupSyncState,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl GroupSyncItem {
    pub fn refusal(&self) -> Option<&str> {
        match &self.state {
            GroupSyncState::Working { .. } => None,
            GroupSyncState::Refused { reason, .. } => Some(reason),
        }
    }

    pub fn is_working(&self) -> bool {
        matches!(self.state, GroupSyncState::Working { .. })
    }
}

#[derive(Clone, Debug)]
pub enum GroupSyncWrite {
    Insert(GroupSyncItem),
    Update(GroupSyncItem),
    /// The stored item still has `version`.
    Remove(GroupSyncItem),
}
