//! Lanes: which steps run concurrently, and which one after the other.

use serde::{Deserialize, Serialize};

/// Concurrency of one kind of step (`organization.md` P-9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Steps with the same name count together.
    pub name: String,
    pub width: u32,
    /// Whether the lane is leased in the store, so that only one process uses it.
    pub shared: bool,
    /// Steps of the lane with the same value run one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<String>,
    /// Whether an unfinished step keeps the lane: no other step follows in that run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

impl Lane {
    pub fn usual() -> Self {
        Self {
            name: "default".to_owned(),
            width: 16,
            shared: false,
            apart: None,
            kept: false,
        }
    }

    pub fn serial(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            width: 1,
            shared: true,
            apart: None,
            kept: false,
        }
    }

    /// One at a time per store, for operations of any length: an abandoned one still occupies the
    /// lane.
    pub fn occupied(name: impl Into<String>) -> Self {
        Self {
            kept: true,
            ..Self::serial(name)
        }
    }

    /// Writes to Organizations, which refuses concurrent ones with
    /// `ConcurrentModificationException`.
    pub fn organizations_write() -> Self {
        Self::serial("organizations-write")
    }

    /// Automatic account writes: enforced expiry and revoked sessions. They are urgent, while a
    /// plan step may hold its lane as long as AWS takes to create an account.
    pub fn kept_policies() -> Self {
        Self::serial("kept-policies")
    }
}
