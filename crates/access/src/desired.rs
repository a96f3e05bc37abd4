//! What an assignment should become: until when its key is held, and when its row may go. Pure.

use hallpass_assignments::{AssignmentRow, Haste};
use hallpass_base::{HoldKey, TimeSpan, Timestamp};

use crate::{DesiredAssignment, EndCause, Grant, GrantState, Holds, haste};

/// The row a new hold goes on with; none when there is none, or only one that outlived its last
/// grant: then it is decided anew whether the access is standing, for somebody may have given it.
pub(crate) fn inherited(holds: &Holds, now: Timestamp) -> Option<&AssignmentRow> {
    let row = holds.row.as_ref();
    row.filter(|row| !(holds.grants.is_empty() && is_spent(row, now)))
}

/// The row that a new hold does not go on with: it is forgotten.
pub(crate) fn spent(holds: &Holds, now: Timestamp) -> Option<&AssignmentRow> {
    let row = holds.row.as_ref();
    row.filter(|_| inherited(holds, now).is_none())
}

/// What a new hold desires, of the row it inherits or on a fresh one.
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
        haste: Haste::Ordinary,
    };
    forget.into_iter().chain([hold]).collect()
}

/// Until when the key is held, with `changed` in place of what is stored of it.
pub(crate) fn live_until(holds: &Holds, changed: &Grant) -> Option<Timestamp> {
    let others = holds.grants.iter().filter(|grant| grant.id != changed.id);
    others
        .chain([changed])
        .filter(|grant| grant.is_hold())
        .map(|grant| grant.ends_at)
        .max()
}

/// What the assignment should become once `changed` is stored. Written even when nothing changes:
/// it guards against another change of the same key.
pub(crate) fn desired_for(
    holds: &Holds,
    changed: &Grant,
    now: Timestamp,
) -> Option<DesiredAssignment> {
    let row = holds.row.as_ref()?;
    let live_until = live_until(holds, changed);
    let haste = match live_until {
        Some(_) => Haste::Ordinary,
        None => haste::of_end(holds, row, changed),
    };
    Some(DesiredAssignment::Until {
        key: changed.key.clone(),
        rev: Some(row.desired.rev),
        until: live_until.unwrap_or_else(|| now.min(row.desired.until)),
        asked_at: row.desired.asked_at,
        haste,
    })
}

/// How long a row outlives its last grant after a removal of ours: as long as listings may still
/// show what is gone. Without it, the next grant would mistake a lagging listing for standing
/// access.
const LINGERS: TimeSpan = TimeSpan::minutes(1);

/// Whether a row of a key that nobody holds may go.
pub(crate) fn is_spent(row: &AssignmentRow, now: Timestamp) -> bool {
    let deleted = row.execution.deleted_at.max(row.desired.removed_at);
    // what nobody holds and is still to be removed has no verdict yet
    row.is_settled()
        && row.desired.until <= now
        && row.execution.operation.is_none()
        && deleted.is_none_or(|at| now >= LINGERS.after(at))
        && !row.awaits_late_create()
}

/// The row goes with the last grant of its key, or is left to the next reconciliation.
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
    // from before anybody held it: an end that came early by a clock that was ahead stays one when
    // time returns
    Some(DesiredAssignment::Until {
        key: closed.key.clone(),
        rev: Some(row.desired.rev),
        until: row.desired.until.min(row.desired.asked_at).min(now),
        asked_at: row.desired.asked_at,
        haste: row.desired.haste,
    })
}

/// The same end desired once more, for a grant that is ending already and was pressed again: its row is
/// due at once, and goes before every deadline if a person took it away.
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
