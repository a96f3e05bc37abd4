//! A membership that is being changed, from the intent until it was seen.

use hallpass_base::{Email, HoldKey, TargetNames, Timestamp};
use serde::{Deserialize, Serialize};

/// What is done about a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembershipChange {
    /// Somebody is added, and stays.
    Add,
    /// Somebody is removed.
    Remove,
}

impl MembershipChange {
    /// Its name on the wire and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

/// How far a change has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum GroupSyncState {
    /// It is under way.
    Working {
        /// Since when.
        since: Timestamp,
    },
    /// AWS refuses it. It is tried again a day later, where it is still due.
    Refused {
        /// When that was settled.
        at: Timestamp,
        /// AWS's words.
        reason: String,
    },
}

/// A membership that is being changed, or that AWS refuses to change. It goes once it was seen changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSyncItem {
    /// The person and the group.
    pub key: HoldKey,
    /// What people call the group.
    pub names: TargetNames,
    /// What people call the person.
    pub who: String,
    /// The person's address; some have none.
    pub email: Option<Email>,
    /// What is done.
    pub change: MembershipChange,
    /// The rule that wants it, or why nobody wants it otherwise.
    pub why: String,
    /// How far it has come.
    #[serde(flatten)]
    pub state: GroupSyncState,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl GroupSyncItem {
    /// AWS's words, where it refuses the change.
    pub fn refusal(&self) -> Option<&str> {
        match &self.state {
            GroupSyncState::Working { .. } => None,
            GroupSyncState::Refused { reason, .. } => Some(reason),
        }
    }

    /// Whether its assignment is under way.
    pub fn is_working(&self) -> bool {
        matches!(self.state, GroupSyncState::Working { .. })
    }
}

/// What becomes of the item of a membership.
#[derive(Clone, Debug)]
pub enum GroupSyncWrite {
    /// There is none for this membership yet.
    Insert(GroupSyncItem),
    /// In place of the version that was read.
    Update(GroupSyncItem),
    /// It goes; the stored one still has `version`.
    Remove(GroupSyncItem),
}
