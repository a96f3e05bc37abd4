//! Memberships that follow attributes, on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How memberships by attributes are, and what a comparison would do now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSync {
    /// Whether groups follow attributes; without, the rest is empty.
    pub enabled: bool,
    /// What becomes of members whom no rule wants: `warn` or `remove`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<String>,
    /// Seconds between two comparisons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u64>,
    /// When the next is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// The newest comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<GroupSyncRun>,
    /// Changes that are under way, or that AWS refuses.
    pub changes: Vec<GroupSyncChange>,
    /// What a comparison would find and do now; nothing is begun by asking.
    pub plan: Vec<GroupSyncGroup>,
}

/// A comparison of memberships with attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSyncRun {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub began: Timestamp,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Timestamp,
    /// `looked`, or `failed` where the directory could not be read: nothing was changed then.
    pub outcome: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it found of each group, and began there.
    pub groups: Vec<GroupSyncGroup>,
}

/// A group whose members follow attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSyncGroup {
    /// As the configuration names it.
    pub named: String,
    /// Its id, where there is one of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// Why nothing is done about it: `missing`, `ambiguous`, `named-twice`, `group-owned-twice` or `unread`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What needs somebody to look, in sentences.
    pub says: Vec<String>,
    /// Members.
    pub members: u64,
    /// How many are to be added.
    pub to_add: u64,
    /// The first of them.
    pub add: Vec<GroupSyncPerson>,
    /// Members whom no rule wants there.
    pub manual: u64,
    /// The first of them.
    pub manual_members: Vec<GroupSyncPerson>,
    /// How many of these are to be removed.
    pub to_remove: u64,
    /// Why none of them is, although the configuration says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// People of whom is not known whether a rule wants them there.
    pub unknown: u64,
    /// Memberships that grants hold, or that are being changed.
    pub held: u64,
    /// Memberships that AWS refuses to change.
    pub refused: u64,
}

/// Somebody, and why they belong to a group or do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSyncPerson {
    /// The directory id.
    pub user_id: String,
    /// What people call them.
    pub user: String,
    /// The rule that wants them there; else `no_rule` or `disabled`.
    pub why: String,
}

/// A membership that is being changed, or that AWS refuses to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSyncChange {
    /// The person's directory id.
    pub user_id: String,
    /// What people call them.
    pub user: String,
    /// The group.
    pub group_name: String,
    /// `add` or `remove`.
    pub change: String,
    /// The rule that wants it, or why nobody wants it otherwise.
    pub why: String,
    /// `working` or `refused`.
    pub state: String,
    /// When it came to that.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// AWS's words, where it refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
