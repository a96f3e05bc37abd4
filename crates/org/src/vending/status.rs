use serde::{Deserialize, Serialize};

/// Values of the column `Status` (`organization.md` §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RowStatus {
    Valid,
    Launching,
    /// In creation, or in the move to its unit.
    UnderChange,
    Assigning,
    Succeeded,
    Invalid,
    NotProvisioned,
    Failed,
    /// The account exists, but access, tags or user are incomplete.
    AssignFailed,
    /// The account existed, and was adopted.
    Exists,
}

impl RowStatus {
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

    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == word)
    }

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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowResult {
    pub status: RowStatus,
    pub account_id: String,
    pub error: String,
}

impl RowResult {
    pub fn of(status: RowStatus) -> Self {
        Self {
            status,
            account_id: String::new(),
            error: String::new(),
        }
    }
}
