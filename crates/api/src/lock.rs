//! Locks in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Effect of a lock on held access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldAccess {
    /// Keeps it until its end.
    #[default]
    GoesOn,
    /// Ends it now.
    Ends,
    /// Ends it now, with its sessions.
    EndsWithSessions,
}

/// Locks a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LockPerson {
    /// An e-mail, also of a user who left, or a user id.
    pub user: String,
    /// Reason; it is recorded.
    pub reason: String,
    /// End; by default until lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Effect on held access.
    #[serde(default)]
    pub held: HeldAccess,
    /// Also lock the last unlocked administrator. Only with a token created on the server's machine
    /// (`hallpass server token create`).
    #[serde(default)]
    pub force: bool,
}

/// Unlocks a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockPerson {
    /// User, as in [`LockPerson`].
    pub user: String,
    /// Reason; it is recorded.
    pub reason: String,
}

/// A lock in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lock {
    /// E-mail.
    pub user: String,
    /// Name.
    pub user_name: String,
    /// Identity store id.
    pub user_id: String,
    /// Start.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// End; absent until lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Author's e-mail.
    pub by: String,
    /// Reason; for administrators and auditors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Effect on held access.
    pub held: HeldAccess,
}

/// Locks in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Locks {
    /// Sorted by user id.
    pub items: Vec<Lock>,
}

/// Result of an unlock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unlocked {
    /// Whether there was a lock.
    pub changed: bool,
}
