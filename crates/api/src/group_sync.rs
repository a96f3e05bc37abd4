//! Attribute-based memberships in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::names::names;

names! {
    /// What happens to members without a rule.
    ManualMembers {
        Warn = "warn",
        Remove = "remove",
    }
}

names! {
    /// Outcome of a comparison.
    GroupSyncOutcome {
        Looked = "looked",
        Failed = "failed",
    }
}

names! {
    /// Problem that blocks changes of a group.
    GroupProblem {
        Missing = "missing",
        Ambiguous = "ambiguous",
        NamedTwice = "named-twice",
        OwnedTwice = "group-owned-twice",
        Unread = "unread",
    }
}

names! {
    /// Change of a membership.
    MembershipChange {
        Add = "add",
        Remove = "remove",
    }
}

names! {
    /// State of a membership change.
    GroupSyncState {
        Working = "working",
        Refused = "refused",
    }
}

/// Attribute-based memberships, with a preview of the next comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSync {
    /// Whether groups follow attributes; if not, the rest is empty.
    pub enabled: bool,
    /// Action on members without a rule: `warn` or `remove`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<ManualMembers>,
    /// Seconds between comparisons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u64>,
    /// Next comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// Newest comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<GroupSyncRun>,
    /// Changes in progress, or refused by AWS.
    pub changes: Vec<GroupSyncChange>,
    /// Preview of a comparison; nothing is started.
    pub plan: Vec<GroupSyncGroup>,
}

/// A comparison of memberships with attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSyncRun {
    /// Start.
    #[schema(value_type = String, format = DateTime)]
    pub began: Timestamp,
    /// End.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Timestamp,
    /// `looked`, or `failed` if the directory was unreadable: nothing was changed.
    pub outcome: GroupSyncOutcome,
    /// Error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Findings and started changes per group.
    pub groups: Vec<GroupSyncGroup>,
}

/// An attribute-based group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSyncGroup {
    /// Name in the configuration.
    pub named: String,
    /// Id, if the name exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// Problem that blocks changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<GroupProblem>,
    /// Messages that need attention.
    pub says: Vec<String>,
    /// Number of members.
    pub members: u64,
    /// Members to add.
    pub to_add: u64,
    /// The first of them.
    pub add: Vec<GroupSyncPerson>,
    /// Members without a rule.
    pub manual: u64,
    /// The first of them.
    pub manual_members: Vec<GroupSyncPerson>,
    /// Members to remove.
    pub to_remove: u64,
    /// Why configured removals are stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// People with an unknown result.
    pub unknown: u64,
    /// Memberships that are held by grants or being changed.
    pub held: u64,
    /// Memberships that AWS refuses to change.
    pub refused: u64,
}

/// A person, and why they belong to a group or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSyncPerson {
    /// Directory id.
    pub user_id: String,
    /// Name.
    pub user: String,
    /// Matching rule; else `no_rule` or `disabled`.
    pub why: String,
}

/// A membership change in progress, or refused by AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSyncChange {
    /// Directory id.
    pub user_id: String,
    /// Name of the person.
    pub user: String,
    /// Group.
    pub group_name: String,
    /// Change.
    pub change: MembershipChange,
    /// Matching rule, or the reason to remove.
    pub why: String,
    /// State.
    pub state: GroupSyncState,
    /// Start of this state.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// AWS's error for a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
