//! Lanes: which steps run beside each other, and which one after the other.

use serde::{Deserialize, Serialize};

/// How many steps of one kind run at once (`organization.md` P-9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The name: steps of the same name count together.
    pub name: String,
    /// Steps at once.
    pub width: u32,
    /// Whether the lane is held in the store, so that two processes never run it at once.
    pub shared: bool,
    /// Of the steps of the lane that say the same here one runs at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<String>,
    /// Whether a step that is left under way keeps its place: what would come after it is not begun in that run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

impl Lane {
    /// The lane of steps that disturb nobody.
    pub fn usual() -> Self {
        Self {
            name: "default".to_owned(),
            width: 16,
            shared: false,
            apart: None,
            kept: false,
        }
    }

    /// One at a time, on one store.
    pub fn serial(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            width: 1,
            shared: true,
            apart: None,
            kept: false,
        }
    }

    /// One at a time, on one store, of operations that take as long as they take: one that is not waited for any longer
    /// is at work there still.
    pub fn occupied(name: impl Into<String>) -> Self {
        Self {
            kept: true,
            ..Self::serial(name)
        }
    }

    /// Writes to Organizations, which answers two at once with `ConcurrentModificationException`.
    pub fn organizations_write() -> Self {
        Self::serial("organizations-write")
    }

    /// Writes of what Hallpass keeps on accounts by itself: ends, and sessions that are cut. They are in a hurry, and a step of
    /// a plan may hold its lane for as long as AWS takes to make an account.
    pub fn kept_policies() -> Self {
        Self::serial("kept-policies")
    }
}
