//! Knowledge of other sources of the same access. Pure.

use hallpass_base::Timestamp;

use super::NotArmed;
use crate::ports::OrganizationFault;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    Not(NotArmed),
    /// Unknown, with the reason; no immediate retry.
    Unknown(String),
    /// Unknown, with the reason: AWS did not respond, retry soon.
    Unanswered(String),
    /// Unavailable since then; denied anyway ([`ArmedEnd::is_denied_unasked`]).
    Lost(Timestamp),
}

pub(super) fn not_answered(since: Timestamp) -> String {
    format!("the home Region of IAM Identity Center has not answered since {since}")
}

/// Maps a fault. A refusal is final until an operator changes the rights.
pub(super) fn not_known(fault: &OrganizationFault) -> Otherwise {
    let words = format!("other access of the person could not be read: {fault}");
    match fault {
        OrganizationFault::Refused { .. }
        | OrganizationFault::NotThere { .. }
        | OrganizationFault::AlreadyThere { .. } => Otherwise::Unknown(words),
        OrganizationFault::Throttled { .. }
        | OrganizationFault::Conflict { .. }
        | OrganizationFault::Unreachable { .. } => Otherwise::Unanswered(words),
    }
}
