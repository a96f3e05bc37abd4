//! What rules come to, in a word.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the rules say to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DecisionKind {
    /// Granted: nobody needs to approve.
    ApprovalNotRequired,
    /// Granted: the requester is an approver who may approve for themselves.
    SelfApproval,
    /// Somebody has to approve.
    RequiresApproval,
    /// Rules apply, and nobody can approve.
    NoApprovers,
    /// No rule applies.
    NoStatements,
    /// Rules apply, and none lets this requester ask now.
    RequesterNotAllowed,
}

impl DecisionKind {
    /// The name, as cases and audit records have it.
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

    /// Whether access is granted at once.
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
