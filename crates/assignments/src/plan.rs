//! Decides the next step of a row. Pure.

use hallpass_base::{TimeSpan, Timestamp};

use crate::late_creates::{awaits_late_create, may_be_lost_create};
use crate::{
    Absence, AbsenceConfidence, AssignmentRow, Execution, Observation, Operation, OperationKind,
    Ownership, Proof, Verdict,
};

/// How long a create may run before a listing decides (`access.md` §6).
pub(crate) const CREATE_LIMIT: TimeSpan = TimeSpan::minutes(5);
/// Interval of drift checks of live access (`access.md` §10.6).
pub(crate) const DRIFT_CHECK: TimeSpan = TimeSpan::minutes(10);
/// Distance of two listings without it that prove a loss, or settle a lost status (`access.md` §5,
/// §8.7).
pub(crate) const LOSS_GAP: TimeSpan = TimeSpan::minutes(1);
/// Distance of two listings that settle a FAILED create, or a lost one with a successful removal:
/// longer than the usual consistency window.
pub(crate) const FAILED_GAP: TimeSpan = TimeSpan::seconds(5);
/// How long listings may lag behind a finished operation.
pub(crate) const CONSISTENCY_WINDOW: TimeSpan = TimeSpan::minutes(1);
/// The maximum age of a listing that justifies another removal.
const JUST_SEEN: TimeSpan = TimeSpan::seconds(2);
pub(crate) const LATE_CREATE_PAUSE: TimeSpan = TimeSpan::seconds(5);
/// The maximum age of a listing without it for the first create: someone else may have granted the
/// access since.
pub(crate) const ABSENCE_KEPT: TimeSpan = TimeSpan::seconds(90);
/// After so many refused removals, the directory is asked whether the person or account still
/// exists (`access.md` §9.9).
pub(crate) const REFUSALS_BEFORE_ASKING: u32 = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a planned action does nothing until it is applied"]
pub enum RowAction {
    Look,
    Begin(OperationKind),
    Poll {
        kind: OperationKind,
        operation_id: String,
    },
    AskWhy,
    Settle(Verdict),
    Rest(Timestamp),
}

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

pub(crate) fn is_shown_by_listing(
    row: &AssignmentRow,
    operation: &Operation,
    at: Timestamp,
) -> bool {
    match operation.kind {
        OperationKind::Create => operation.proof == Proof::Listing,
        // After a lost create, its status is stronger than a listing: it shows that something was
        // removed.
        OperationKind::Delete => {
            !row.is_wanted(at)
                && at > operation.started_at
                && !is_unsettled(&row.execution, at)
                && row.execution.absence_confidence != AbsenceConfidence::LostCreate
        }
    }
}

/// Alternates reads and polls; a read settles an ended operation first.
fn looks_next(row: &AssignmentRow, operation: &Operation) -> bool {
    match operation.over_at {
        Some(over) => row.execution.observation.at().is_none_or(|at| at < over),
        None => operation.polls.is_multiple_of(2),
    }
}

pub(crate) fn is_overdue(row: &AssignmentRow, now: Timestamp) -> bool {
    let since = row
        .execution
        .trying_since
        .filter(|at| row.is_since_newest_hold(*at));
    !row.was_seen() && since.is_some_and(|since| now >= CREATE_LIMIT.after(since))
}

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
    // A hold added while listings may still lag behind Hallpass's removal.
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

/// Creates once the gate is open: a listing has decided ownership, and the end is enforced first.
fn create(row: &AssignmentRow, now: Timestamp) -> RowAction {
    match row.waits_for_gate(now) {
        Some(until) => RowAction::Rest(until.min(row.desired.until)),
        None => RowAction::Begin(OperationKind::Create),
    }
}

fn awaits_effect(execution: &Execution, now: Timestamp) -> bool {
    execution
        .created_at
        .is_some_and(|at| now < CONSISTENCY_WINDOW.after(at))
}

pub(crate) fn remove(row: &AssignmentRow, now: Timestamp) -> RowAction {
    match row.execution.ownership {
        Ownership::Standing => settle(row, Verdict::Kept { at: now }, now),
        // Nothing was sent, so nothing can be Hallpass's.
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

/// Access reported removed is checked while a create may come late, and once after, since the
/// process may have stopped meanwhile.
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

/// Returns the first listing whose absence is trusted (`access.md` §9.4).
pub(crate) fn absence_settles_at(execution: &Execution, since: Timestamp) -> Timestamp {
    let gap = match execution.absence_confidence {
        AbsenceConfidence::Settled => TimeSpan::ZERO,
        AbsenceConfidence::FailedCreate => FAILED_GAP,
        AbsenceConfidence::LostCreate => LOSS_GAP,
    };
    gap.after(since)
}

/// It should exist, despite a listing without it: remove it anyway.
fn is_unconfirmed(execution: &Execution, at: Timestamp) -> bool {
    execution.refused_removals == 0
        && (is_unsettled(execution, at)
            || execution.deleted_at.is_none() && execution.created_at > execution.last_present_at)
}

/// Whether a listing at `at` without it proves nothing: it was created or seen within the
/// consistency window, without a successful delete since. Listings may alternate, and a removal may
/// have found nothing for the same reason.
pub(crate) fn is_unsettled(execution: &Execution, at: Timestamp) -> bool {
    let known = execution.created_at.max(execution.last_present_at);
    execution.deleted_at.is_none()
        && known.is_some_and(|known| at < CONSISTENCY_WINDOW.after(known))
}

/// At the fifth refusal, and after a positive answer at every fourth more. Removals continue.
fn must_ask(execution: &Execution) -> bool {
    execution.refused_removals >= REFUSALS_BEFORE_ASKING
}

fn is_stuck(execution: &Execution) -> bool {
    matches!(execution.verdict, Verdict::Stuck { .. })
}

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

/// A repeated verdict needs no record; the row then waits to be deleted.
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
