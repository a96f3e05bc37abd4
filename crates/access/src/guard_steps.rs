//! Applies guard removals to grants. Pure.
//!
//! A guard removes expired access when the server does not. It may know an older end: then the
//! access is still wanted, and is created again. Its report is not proof of absence: a grant ends
//! only on a listing.

use hallpass_assignments::{AssignmentRow, GuardRemoval, RemovalStage};
use hallpass_audit::{Draft, Event};
use hallpass_base::{TimeSpan, Timestamp};

use crate::guard_removals::{cause, is_end_of, is_lost};
use crate::records::{Doer, StepContext};
use crate::step::GrantStep;
use crate::{
    DesiredAssignment, EndCause, Grant, GrantState, Holds, LateRemoval, LostAccess, News, Notice,
    end,
};

/// A wish this soon after a removal may rest on a listing that still showed the access.
const LISTINGS_LAG: TimeSpan = TimeSpan::minutes(1);

/// Applies a removal once: ends the grants that it ended, and recreates the access of others.
pub(crate) fn fold(removal: &GuardRemoval, holds: &Holds, step: StepContext<'_>) -> GrantStep {
    let Some(row) = &holds.row else {
        return GrantStep::default();
    };
    let is_known = row.desired.removed_at.is_some_and(|at| at >= removal.at);
    let is_sure = removal.stage == RemovalStage::Seen || is_lost(row);
    let is_past = row.desired.asked_at > LISTINGS_LAG.after(removal.at);
    if is_known || is_past || !is_sure {
        return GrantStep::default();
    }
    let (mut grants, mut records, mut notices) = (Vec::new(), Vec::new(), Vec::new());
    let mut wanted: Option<Timestamp> = None;
    for grant in holds.grants.iter().filter(|grant| grant.is_hold()) {
        if is_end_of(removal, row, grant) {
            let (ending, begun) = end::ending_grant(grant, cause(removal), Doer::Hallpass, step);
            records.extend(begun);
            grants.push(ending);
            continue;
        }
        wanted = Some(wanted.map_or(grant.ends_at, |until| until.max(grant.ends_at)));
        if grant.state == GrantState::Active {
            records.push(made_again(grant, removal, step));
            notices.push(step.notice_to_holder(News::SetUpAgain, grant));
        }
    }
    let (until, asked_at) = match wanted {
        // From now on, presence counts only if seen again.
        Some(until) => (until, step.now),
        None => (step.now.min(row.desired.until), row.desired.asked_at),
    };
    GrantStep {
        grants,
        records,
        notices,
        desired: Some(DesiredAssignment::RemovedByGuard {
            key: row.key.clone(),
            rev: row.desired.rev,
            until,
            asked_at,
            removed_at: removal.at,
        }),
        sessions: None,
    }
}

fn made_again(grant: &Grant, removal: &GuardRemoval, step: StepContext<'_>) -> Draft {
    let why = format!(
        "`{}` knew an end at {}; created again",
        removal.guard, removal.end.until
    );
    step.of_grant(Event::DriftGuard, Doer::Hallpass, grant)
        .why(&why)
}

/// Whether the access was seen lost before the guard's removal was found: it is already being
/// recreated.
pub(crate) fn is_made_again(row: &AssignmentRow, lost_at: Timestamp) -> bool {
    row.desired.removed_at.is_some() && !row.is_since_newest_hold(lost_at)
}

/// Ends a live grant whose recreation AWS refuses.
pub(crate) fn not_made_again(
    grant: &Grant,
    reason: &str,
    removal: Option<&GuardRemoval>,
    holds: &Holds,
    step: StepContext<'_>,
) -> GrantStep {
    let row = holds.row.as_ref();
    let guard = row
        .and_then(|row| row.desired.removed_at)
        .and_then(|at| removal.filter(|removal| removal.at == at));
    let cause = guard.map_or(EndCause::Drift, cause);
    let how = LostAccess::NotSetUpAgain {
        reason: reason.to_owned(),
    };
    end::begin(grant, cause, Doer::Hallpass, holds, step)
        .with_notice(step.notice_to_holder(News::Lost { how }, grant))
}

/// Alerts operators about a guard's first removal.
pub(crate) fn alarm(removal: &GuardRemoval, grant: &Grant, step: StepContext<'_>) -> Notice {
    let late = LateRemoval {
        guard: removal.guard.clone(),
        late: TimeSpan::between(removal.end.until, removal.at),
    };
    let news = News::GuardActed {
        removal: Some(late),
    };
    step.notice_to_operators(news, grant)
}

#[cfg(test)]
#[path = "guard_steps_tests.rs"]
pub(crate) mod tests;
