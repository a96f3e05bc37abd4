use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DecisionKind {
    /// Granted without approval.
    ApprovalNotRequired,
    /// Granted: the requester may approve their own request.
    SelfApproval,
    RequiresApproval,
    /// Rules apply, but no one can approve.
    NoApprovers,
    NoStatements,
    /// Rules apply, but none allows this requester now.
    RequesterNotAllowed,
}

impl DecisionKind {
    /// The name in cases and audit records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalNotRequired => "ApprovalNotRequired",
            Self::SelfApproval => "SelfApproval",
            Self::RequiresApproval => "RequiresApproval",
            Self::NoApprovers => "NoApprovers",
            Self::NoStatements => "NoStatements",
            Self::RequesterNotAllowed => "RequesterNotAllowed",
        }
    }

    /// Returns whether access is granted immediately.
    pub const fn is_granted(self) -> bool {
        match self {
            Self::ApprovalNotRequired | Self::SelfApproval => true,
            Self::RequiresApproval
            | Self::NoApprovers
            | Self::NoStatements
            | Self::RequesterNotAllowed => false,
        }
    }
}

impl fmt::Display for DecisionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
