//! Computes the desired assignment: until when its key is held, and when its row may be deleted.
//! Pure.

use hallpass_assignments::{AssignmentRow, EndPriority};
use hallpass_base::{HoldKey, TimeSpan, Timestamp};

use crate::{DesiredAssignment, EndCause, Grant, GrantState, Holds, end_priority};

/// Returns the row that a new hold continues. `None` without one, or if the row outlived its last
/// grant: someone else may have given the access since, so it is checked again for standing access.
pub(crate) fn inherited(holds: &Holds, now: Timestamp) -> Option<&AssignmentRow> {
    let row = holds.row.as_ref();
    row.filter(|row| !(holds.grants.is_empty() && is_spent(row, now)))
}

/// Returns the outdated row that a new hold replaces.
pub(crate) fn spent(holds: &Holds, now: Timestamp) -> Option<&AssignmentRow> {
    let row = holds.row.as_ref();
    row.filter(|_| inherited(holds, now).is_none())
}

pub(crate) fn desired_until(
    holds: &Holds,
    key: &HoldKey,
    until: Timestamp,
    now: Timestamp,
) -> Vec<DesiredAssignment> {
    let goes_on = inherited(holds, now);
    let forget = spent(holds, now).map(|row| DesiredAssignment::Forget {
        key: key.clone(),
        rev: row.desired.rev,
    });
    let hold = DesiredAssignment::Until {
        key: key.clone(),
        rev: goes_on.map(|row| row.desired.rev),
        until,
        asked_at: now,
        haste: EndPriority::Ordinary,
    };
    forget.into_iter().chain([hold]).collect()
}

/// `changed` replaces its stored version.
pub(crate) fn live_until(holds: &Holds, changed: &Grant) -> Option<Timestamp> {
    let others = holds.grants.iter().filter(|grant| grant.id != changed.id);
    others
        .chain([changed])
        .filter(|grant| grant.is_hold())
        .map(|grant| grant.ends_at)
        .max()
}

/// Written even without a difference: it guards against a concurrent change of the same key.
pub(crate) fn desired_for(
    holds: &Holds,
    changed: &Grant,
    now: Timestamp,
) -> Option<DesiredAssignment> {
    let row = holds.row.as_ref()?;
    let live_until = live_until(holds, changed);
    let haste = match live_until {
        Some(_) => EndPriority::Ordinary,
        None => end_priority::of_end(holds, row, changed),
    };
    Some(DesiredAssignment::Until {
        key: changed.key.clone(),
        rev: Some(row.desired.rev),
        until: live_until.unwrap_or_else(|| now.min(row.desired.until)),
        asked_at: row.desired.asked_at,
        haste,
    })
}

/// How long a row outlives its last grant after a removal: listings may still show deleted access,
/// and the next grant would mistake it for standing access.
const LINGERS: TimeSpan = TimeSpan::minutes(1);

pub(crate) fn is_spent(row: &AssignmentRow, now: Timestamp) -> bool {
    let deleted = row.execution.deleted_at.max(row.desired.removed_at);
    // A pending removal has no result yet.
    row.is_settled()
        && row.desired.until <= now
        && row.execution.operation.is_none()
        && deleted.is_none_or(|at| now >= LINGERS.after(at))
        && !row.awaits_late_create()
}

/// Deletes the row with the last grant of its key, or leaves it to reconciliation.
pub(crate) fn forget_or_keep(
    holds: &Holds,
    closed: &Grant,
    now: Timestamp,
) -> Option<DesiredAssignment> {
    let row = holds.row.as_ref()?;
    let others = holds
        .grants
        .iter()
        .any(|grant| grant.id != closed.id && !grant.is_over());
    if others {
        return desired_for(holds, closed, now);
    }
    if is_spent(row, now) {
        return Some(DesiredAssignment::Forget {
            key: closed.key.clone(),
            rev: row.desired.rev,
        });
    }
    // An instant before any hold: an end that came early by a fast clock stays ended when the clock
    // is fixed.
    Some(DesiredAssignment::Until {
        key: closed.key.clone(),
        rev: Some(row.desired.rev),
        until: row.desired.until.min(row.desired.asked_at).min(now),
        asked_at: row.desired.asked_at,
        haste: row.desired.haste,
    })
}

/// Desires the same end again after a repeated end of an ending grant. The row is due immediately,
/// before every deadline if a person revoked it.
pub(crate) fn desired_again(
    holds: &Holds,
    ending: &Grant,
    cause: &EndCause,
    now: Timestamp,
) -> Option<DesiredAssignment> {
    let grant = Grant {
        state: GrantState::Ending {
            cause: cause.clone(),
            since: now,
        },
        ..ending.clone()
    };
    desired_for(holds, &grant, now)
}
