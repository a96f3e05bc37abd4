use hallpass_base::{HoldKey, TimeSpan, Timestamp};

use super::{Executor, urgency};
use crate::scheduler_state::Calls;
use crate::{AssignmentRow, CenterFault, OperationKind, StepOutcome, Urgency};

/// Interval of batched reads without urgency.
const LOOKS_EVERY: TimeSpan = TimeSpan::seconds(2);

impl Executor {
    /// Returns a recent enough listing: of the person if several of their removals run, else of the
    /// target.
    pub(super) async fn look(&self, row: &AssignmentRow, urgency: Urgency) -> StepOutcome {
        let HoldKey { target, user } = &row.key;
        let now = || self.clock.now();
        let after = must_see(row, now());
        if is_over(row) && self.memory.asks_for_person(user, now()) {
            let read = || self.call(Calls::Reads, urgency, self.center.held_by(user, urgency));
            match self.by_person.after(user, after, now, read).await {
                Ok(listing) => {
                    return StepOutcome::Looked {
                        at: listing.at,
                        present: listing.shows(target),
                    };
                }
                // Also if the user was deleted.
                Err(CenterFault::Refused { .. } | CenterFault::NotFound { .. }) => {
                    self.memory.refuse_person(user, now());
                }
                Err(fault) => return StepOutcome::ReadFailed(fault),
            }
        }
        let read = || self.call(Calls::Reads, urgency, self.center.holders(target, urgency));
        match self.by_target.after(target, after, now, read).await {
            Ok(listing) => StepOutcome::Looked {
                at: listing.at,
                present: listing.shows(user),
            },
            Err(fault) => StepOutcome::ReadFailed(fault),
        }
    }

    /// Invalidates listings after an unknown or unrecorded write without a known send time: one
    /// begun between intent and send would seem current.
    pub(super) fn doubt_listings(&self, key: &HoldKey) {
        let now = self.clock.now();
        self.by_target.doubt(&key.target, now);
        self.by_person.doubt(&key.user, now);
    }

    /// Returns when a first read is batched with others; `None` reads now.
    pub(super) fn shared_look_at(&self, row: &AssignmentRow, now: Timestamp) -> Option<Timestamp> {
        let execution = &row.execution;
        let is_first = urgency(row, now) == Urgency::Grant && execution.operation.is_none();
        let is_gathered = execution.due == next_shared_look(execution.due);
        let is_shared = is_first && !is_gathered && self.memory.has_crowd_of_creates();
        is_shared.then(|| next_shared_look(now))
    }
}

pub(super) fn next_shared_look(at: Timestamp) -> Timestamp {
    let every = i64::try_from(LOOKS_EVERY.as_seconds()).unwrap_or(1);
    let whole = at
        .as_second()
        .saturating_add(i64::from(at.subsec_nanosecond() > 0));
    let next = whole.saturating_add((every - whole.rem_euclid(every)) % every);
    Timestamp::from_second(next).unwrap_or(at)
}

fn is_over(row: &AssignmentRow) -> bool {
    let operation = row.execution.operation.as_ref();
    operation.is_some_and(|it| it.kind == OperationKind::Delete && it.is_over())
}

/// Returns the minimum start of a listing for the row: after the newest hold, known writes and
/// reads, and the scheduled check, which a slow clock may have set.
fn must_see(row: &AssignmentRow, now: Timestamp) -> Timestamp {
    let execution = &row.execution;
    let operation = execution.operation.as_ref();
    let due = match urgency(row, now) {
        Urgency::Background => None,
        Urgency::AtOnce | Urgency::End | Urgency::Grant => Some(execution.due),
    };
    [
        Some(row.desired.asked_at),
        execution.created_at,
        execution.deleted_at,
        execution.last_present_at,
        operation.map(|operation| operation.started_at),
        operation.and_then(|operation| operation.over_at),
        execution.observation.at(),
        due,
    ]
    .into_iter()
    .flatten()
    .max()
    .unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
#[path = "observations_tests.rs"]
mod tests;
