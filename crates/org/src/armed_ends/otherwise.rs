//! What is known of other ways to the same access. Pure.

use hallpass_base::Timestamp;

use super::NotArmed;
use crate::ports::OrganizationFault;

/// What is known of another way to the same access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// It must not be in force.
    Not(NotArmed),
    /// Nobody knows, and why; to ask again in a moment would not help.
    Unknown(String),
    /// Nobody knows, and why: AWS was asked and gave no answer, and is asked again in a moment.
    Unanswered(String),
    /// Nobody can be asked since then, and it is denied all the same ([`ArmedEnd::is_denied_unasked`]).
    Lost(Timestamp),
}

/// That nobody can be asked, in words.
pub(super) fn not_answered(since: Timestamp) -> String {
    format!("the home Region of IAM Identity Center has not answered since {since}")
}

/// That AWS did not say what else the person holds. A refusal is an answer, and another the next time only once somebody has changed
/// our rights.
pub(super) fn not_known(fault: &OrganizationFault) -> Otherwise {
    let words = format!("nobody could see what else gives the person the same: {fault}");
    match fault {
        OrganizationFault::Refused { .. }
        | OrganizationFault::NotThere { .. }
        | OrganizationFault::AlreadyThere { .. } => Otherwise::Unknown(words),
        OrganizationFault::Throttled { .. }
        | OrganizationFault::Conflict { .. }
        | OrganizationFault::Unreachable { .. } => Otherwise::Unanswered(words),
    }
}
