//! Priority of an end: manual revocations run before ends by deadline.

use hallpass_assignments::{AssignmentRow, EndPriority};

use crate::{EndCause, Grant, GrantState, Holds};

/// Whether the end runs before every deadline, because a person revoked the access. This holds
/// until the access is removed.
pub(crate) fn of_end(holds: &Holds, row: &AssignmentRow, changed: &Grant) -> EndPriority {
    let others = holds.grants.iter().filter(|grant| grant.id != changed.id);
    if others.chain([changed]).any(is_taken_away) {
        EndPriority::AtOnce
    } else {
        row.desired.haste
    }
}

fn is_taken_away(grant: &Grant) -> bool {
    match &grant.state {
        GrantState::Ending { cause, .. } => match cause {
            EndCause::Revoked { .. } => true,
            EndCause::Expired
            | EndCause::Released
            | EndCause::RuleChanged
            | EndCause::PrincipalLeft
            | EndCause::Drift
            | EndCause::Guard { .. } => false,
        },
        GrantState::Scheduled
        | GrantState::Granting
        | GrantState::Active
        | GrantState::Ended { .. }
        | GrantState::Failed { .. } => false,
    }
}
