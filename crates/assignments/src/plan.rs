//! Decides the next step of a row. Pure: everything it needs is in the row and the instant.

use hallpass_base::{TimeSpan, Timestamp};

use crate::late_creates::{awaits_late_create, may_be_lost_create};
use crate::{
    Absence, AbsenceConfidence, AssignmentRow, Execution, Observation, Operation, OperationKind,
    Ownership, Proof, Verdict,
};

/// How long a create may stay without an end before a listing decides (`access.md` §6).
pub(crate) const CREATE_LIMIT: TimeSpan = TimeSpan::minutes(5);
/// How often live access is looked at for drift (`access.md` §10.6).
pub(crate) const DRIFT_CHECK: TimeSpan = TimeSpan::minutes(10);
/// Two listings this far apart without it make a loss, or settle a lost status (`access.md` §5, §8.7).
pub(crate) const LOSS_GAP: TimeSpan = TimeSpan::minutes(1);
/// Two listings this far apart settle a FAILED create, and a lost one whose removal ended well: longer
/// than the usual consistency window.
pub(crate) const FAILED_GAP: TimeSpan = TimeSpan::seconds(5);
/// How long listings may lag behind a finished operation before we act again.
pub(crate) const CONSISTENCY_WINDOW: TimeSpan = TimeSpan::minutes(1);
/// How old a listing may be by which what may only lag is removed once more.
const JUST_SEEN: TimeSpan = TimeSpan::seconds(2);
/// The pause between looks for a create that may take effect late.
pub(crate) const LATE_CREATE_PAUSE: TimeSpan = TimeSpan::seconds(5);
/// How old a listing without it may be when the first create is sent: somebody else may have given
/// the access meanwhile, and then it is theirs.
pub(crate) const ABSENCE_KEPT: TimeSpan = TimeSpan::seconds(90);
/// Removals refused this often make us ask whether the person or the account is gone
/// (`access.md` §9.9).
pub(crate) const REFUSALS_BEFORE_ASKING: u32 = 5;

/// The next step of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a planned action does nothing until it is carried out"]
pub enum RowAction {
    /// List, to see whether it is there.
    Look,
    /// Store the intent, then send.
    Begin(OperationKind),
    /// Ask for the status of the operation in flight.
    Poll {
        /// What it is.
        kind: OperationKind,
        /// AWS's id of it.
        operation_id: String,
    },
    /// Ask the directory whether the person, the group or the account still exists.
    AskWhy,
    /// Nothing to send: what is known settles it.
    Settle(Verdict),
    /// Nothing to do before this instant.
    Rest(Timestamp),
}

/// The next step of `row` at `now`.
pub fn next(row: &AssignmentRow, now: Timestamp) -> RowAction {
    let execution = &row.execution;
    if now < execution.due {
        return RowAction::Rest(execution.due);
    }
    match &execution.operation {
        Some(operation) => in_flight(row, operation, now),
        None if row.is_wanted(now) => next_while_wanted(row, now),
        None => remove(row, now),
    }
}

fn in_flight(row: &AssignmentRow, operation: &Operation, now: Timestamp) -> RowAction {
    let Some(operation_id) = &operation.operation_id else {
        // CRASH: stored but unanswered: it may have been sent. Observe before repeating (P5).
        return RowAction::Look;
    };
    let listing_decides =
        operation.kind == OperationKind::Create && is_overdue(row, now) && !row.gave_up();
    if listing_decides || is_shown_by_listing(row, operation, now) && looks_next(row, operation) {
        return RowAction::Look;
    }
    RowAction::Poll {
        kind: operation.kind,
        operation_id: operation_id.clone(),
    }
}

/// Whether a listing that shows the operation's effect proves that it ended well.
pub(crate) fn is_shown_by_listing(
    row: &AssignmentRow,
    operation: &Operation,
    at: Timestamp,
) -> bool {
    match operation.kind {
        OperationKind::Create => operation.proof == Proof::Listing,
        // after a lost create its status says more than a listing: that there was something to remove
        OperationKind::Delete => {
            !row.is_wanted(at)
                && at > operation.started_at
                && !is_unsettled(&row.execution, at)
                && row.execution.absence_confidence != AbsenceConfidence::LostCreate
        }
    }
}

/// Looks and polls take turns; what is over is looked at first, for a look is what settles it.
fn looks_next(row: &AssignmentRow, operation: &Operation) -> bool {
    match operation.over_at {
        Some(over) => row.execution.observation.at().is_none_or(|at| at < over),
        None => operation.polls.is_multiple_of(2),
    }
}

/// Whether the calls for the newest hold have brought nothing for longer than a create may take.
pub(crate) fn is_overdue(row: &AssignmentRow, now: Timestamp) -> bool {
    let since = row
        .execution
        .trying_since
        .filter(|at| row.is_since_newest_hold(*at));
    !row.was_seen() && since.is_some_and(|since| now >= CREATE_LIMIT.after(since))
}

/// Whether the row's first create would go by a listing that is too old for it.
pub(crate) fn goes_by_old_listing(row: &AssignmentRow, now: Timestamp) -> bool {
    let execution = &row.execution;
    let seen = execution.observation.at();
    execution.ownership == Ownership::Undecided
        && seen.is_some_and(|at| now >= ABSENCE_KEPT.after(at))
}

pub(crate) fn next_while_wanted(row: &AssignmentRow, now: Timestamp) -> RowAction {
    let execution = &row.execution;
    if let Verdict::Lost { at } = execution.verdict
        && row.is_since_newest_hold(at)
    {
        return RowAction::Rest(row.desired.until);
    }
    // a hold that came while our own removal may still be hidden from listings
    if lags_behind_delete(execution, now) {
        return create(row, now);
    }
    match execution.observation {
        Observation::Absent { at, .. }
            if row.is_since_newest_hold(at)
                && !row.was_seen()
                && !awaits_effect(execution, now) =>
        {
            match execution.ownership {
                Ownership::Undecided | Ownership::Ours => create(row, now),
                Ownership::Standing => RowAction::Look,
            }
        }
        Observation::Absent { .. } | Observation::Present { .. } | Observation::Unseen => {
            RowAction::Look
        }
    }
}

/// The create, once its gate lets it through: a listing has said by then whether the access is there already, and its end
/// is armed before it is given.
fn create(row: &AssignmentRow, now: Timestamp) -> RowAction {
    match row.waits_for_gate(now) {
        Some(until) => RowAction::Rest(until.min(row.desired.until)),
        None => RowAction::Begin(OperationKind::Create),
    }
}

/// A finished create that listings may not show yet.
fn awaits_effect(execution: &Execution, now: Timestamp) -> bool {
    execution
        .created_at
        .is_some_and(|at| now < CONSISTENCY_WINDOW.after(at))
}

pub(crate) fn remove(row: &AssignmentRow, now: Timestamp) -> RowAction {
    match row.execution.ownership {
        Ownership::Standing => settle(row, Verdict::Kept { at: now }, now),
        // nothing was ever sent, so nothing of ours can be there
        Ownership::Undecided if row.gave_up() => {
            settle(row, gone(row, now, Absence::NeverCreated), now)
        }
        Ownership::Undecided => match row.execution.observation {
            Observation::Present { at } if row.is_since_newest_hold(at) => {
                settle(row, Verdict::Kept { at: now }, now)
            }
            Observation::Absent { at, .. } if row.is_since_newest_hold(at) => {
                settle(row, gone(row, at, Absence::NeverCreated), now)
            }
            Observation::Unseen | Observation::Present { .. } | Observation::Absent { .. } => {
                RowAction::Look
            }
        },
        Ownership::Ours => remove_ours(row, now),
    }
}

fn remove_ours(row: &AssignmentRow, now: Timestamp) -> RowAction {
    let execution = &row.execution;
    match execution.observation {
        Observation::Unseen if execution.gone.is_none() && must_ask(execution) => RowAction::AskWhy,
        Observation::Unseen => RowAction::Look,
        Observation::Present { .. } if execution.gone.is_some() && !is_stuck(execution) => {
            settle(row, stuck(execution, now), now)
        }
        Observation::Present { at }
            if lags_behind_delete(execution, now)
                && !(may_be_lost_create(execution, now) && now < JUST_SEEN.after(at)) =>
        {
            RowAction::Look
        }
        Observation::Present { .. } => RowAction::Begin(OperationKind::Delete),
        Observation::Absent { at, .. } if is_unconfirmed(execution, at) => {
            RowAction::Begin(OperationKind::Delete)
        }
        Observation::Absent { at, .. }
            if !row.is_since_newest_hold(at) || is_unsettled(execution, at) =>
        {
            RowAction::Look
        }
        Observation::Absent { since, at } => {
            if execution.absence_confidence == AbsenceConfidence::LostCreate
                && execution.deleted_at.is_none()
                && execution.refused_removals == 0
            {
                return RowAction::Begin(OperationKind::Delete);
            }
            if at >= absence_settles_at(execution, since) {
                match settle(row, gone(row, at, how(execution)), now) {
                    RowAction::Rest(_) => watch(execution, at, now),
                    action => action,
                }
            } else {
                RowAction::Look
            }
        }
    }
}

/// What was told gone is looked at again for as long as a create may come late, and once after: whoever was to look may
/// have been stopped meanwhile.
fn watch(execution: &Execution, at: Timestamp, now: Timestamp) -> RowAction {
    let again = LATE_CREATE_PAUSE.after(at);
    if !awaits_late_create(execution) {
        RowAction::Rest(DRIFT_CHECK.after(now))
    } else if now < again {
        RowAction::Rest(again)
    } else {
        RowAction::Look
    }
}

/// From which listing on absence is believed of what is absent `since` then (`access.md` §9.4).
pub(crate) fn absence_settles_at(execution: &Execution, since: Timestamp) -> Timestamp {
    let gap = match execution.absence_confidence {
        AbsenceConfidence::Settled => TimeSpan::ZERO,
        AbsenceConfidence::FailedCreate => FAILED_GAP,
        AbsenceConfidence::LostCreate => LOSS_GAP,
    };
    gap.after(since)
}

/// It should be there, as far as we know, though a listing went without it: remove it all the same.
fn is_unconfirmed(execution: &Execution, at: Timestamp) -> bool {
    execution.refused_removals == 0
        && (is_unsettled(execution, at)
            || execution.deleted_at.is_none() && execution.created_at > execution.last_present_at)
}

/// Whether a listing that began at `at` without it proves nothing: we made it or saw it less than
/// a consistency window before, and no delete of ours ended well since. Listings may even go back
/// and forth, and a removal may have found nothing to remove for the same reason.
pub(crate) fn is_unsettled(execution: &Execution, at: Timestamp) -> bool {
    let known = execution.created_at.max(execution.last_present_at);
    execution.deleted_at.is_none()
        && known.is_some_and(|known| at < CONSISTENCY_WINDOW.after(known))
}

/// Whether the person or the account may be gone: at the fifth refusal, and after an answer that they exist at
/// every fourth that follows. Removals go on between.
fn must_ask(execution: &Execution) -> bool {
    execution.refused_removals >= REFUSALS_BEFORE_ASKING
}

fn is_stuck(execution: &Execution) -> bool {
    matches!(execution.verdict, Verdict::Stuck { .. })
}

/// A finished removal that listings may not show yet.
pub(crate) fn lags_behind_delete(execution: &Execution, now: Timestamp) -> bool {
    execution
        .deleted_at
        .is_some_and(|at| now < CONSISTENCY_WINDOW.after(at))
}

fn stuck(execution: &Execution, now: Timestamp) -> Verdict {
    let reason = execution
        .last_error
        .clone()
        .unwrap_or_else(|| "AWS gave no reason".to_owned());
    Verdict::Stuck { since: now, reason }
}

fn how(execution: &Execution) -> Absence {
    match (execution.gone, execution.deleted_at) {
        (_, Some(_)) => Absence::Removed,
        (Some(gone), None) => gone,
        (None, None) => Absence::AlreadyAbsent,
    }
}

fn gone(row: &AssignmentRow, at: Timestamp, why: Absence) -> Verdict {
    match row.given_up() {
        Some(up) => Verdict::Refused {
            at,
            reason: up.reason.clone(),
        },
        None => Verdict::Absent { at, why },
    }
}

/// A verdict that stands already needs no second record; the row then waits to be forgotten.
fn settle(row: &AssignmentRow, verdict: Verdict, now: Timestamp) -> RowAction {
    let standing = &row.execution.verdict;
    if standing.name() == verdict.name()
        && standing.at().is_some_and(|at| row.is_since_newest_hold(at))
    {
        RowAction::Rest(DRIFT_CHECK.after(now))
    } else {
        RowAction::Settle(verdict)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
