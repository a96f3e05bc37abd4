//! What becomes of a row.

use serde::{Deserialize, Serialize};

/// The words of the column `Status` (`organization.md` §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RowStatus {
    /// Checked, and nothing was sent.
    Valid,
    /// The account is asked for.
    Launching,
    /// AWS is making it, or it is on its way to its unit.
    UnderChange,
    /// It stands where it should; access is given.
    Assigning,
    /// Everything is as the row wants.
    Succeeded,
    /// The row cannot be used.
    Invalid,
    /// AWS did not take it on.
    NotProvisioned,
    /// AWS took it on, and it went wrong.
    Failed,
    /// The account is there, and access, its tags or its person are not.
    AssignFailed,
    /// The account was there before, and has been adopted.
    Exists,
}

impl RowStatus {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Valid,
        Self::Launching,
        Self::UnderChange,
        Self::Assigning,
        Self::Succeeded,
        Self::Invalid,
        Self::NotProvisioned,
        Self::Failed,
        Self::AssignFailed,
        Self::Exists,
    ];

    /// The word in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Launching => "LAUNCHING",
            Self::UnderChange => "UNDER_CHANGE",
            Self::Assigning => "ASSIGNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Invalid => "INVALID",
            Self::NotProvisioned => "NOT_PROVISIONED",
            Self::Failed => "FAILED",
            Self::AssignFailed => "ASSIGN_FAILED",
            Self::Exists => "EXISTS",
        }
    }

    /// The status of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == word)
    }

    /// Whether somebody has to look at the row.
    pub const fn is_bad(self) -> bool {
        match self {
            Self::Invalid | Self::NotProvisioned | Self::Failed | Self::AssignFailed => true,
            Self::Valid
            | Self::Launching
            | Self::UnderChange
            | Self::Assigning
            | Self::Succeeded
            | Self::Exists => false,
        }
    }
}

/// The last three cells of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowResult {
    /// What became of it.
    pub status: RowStatus,
    /// The account, where there is one.
    pub account_id: String,
    /// What is wrong.
    pub error: String,
}

impl RowResult {
    /// A status and nothing more.
    pub fn of(status: RowStatus) -> Self {
        Self {
            status,
            account_id: String::new(),
            error: String::new(),
        }
    }
}
