//! Locks of people on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What becomes of the access that somebody who is locked holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldAccess {
    /// It goes on until its end.
    #[default]
    GoesOn,
    /// It ends now.
    Ends,
    /// It ends now, and so do sessions that were taken of it.
    EndsWithSessions,
}

/// Who is to be locked, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LockPerson {
    /// Who: an e-mail of the directory, or one that somebody who left had, or a user id.
    pub user: String,
    /// Why; it is recorded.
    pub reason: String,
    /// Until when; until it is lifted when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// What becomes of what they hold.
    #[serde(default)]
    pub held: HeldAccess,
    /// Also the last administrator who is not locked. It counts with a token that was made on the
    /// server's own machine (`hallpass server token create`).
    #[serde(default)]
    pub force: bool,
}

/// Who is to be let in again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockPerson {
    /// Who, as in [`LockPerson`].
    pub user: String,
    /// Why; it is recorded.
    pub reason: String,
}

/// A lock in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lock {
    /// Who: e-mail.
    pub user: String,
    /// Their name.
    pub user_name: String,
    /// Their id in the identity store.
    pub user_id: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Until when; until it is lifted when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Who locked them: e-mail.
    pub by: String,
    /// Why; for administrators and auditors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What becomes of what they hold.
    pub held: HeldAccess,
}

/// Locks in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Locks {
    /// By user id.
    pub items: Vec<Lock>,
}

/// What became of a lock that was lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unlocked {
    /// Whether there was one.
    pub changed: bool,
}
