//! What a guard did, folded into grants. Pure.
//!
//! A guard removes what is past its end when the server does not. It may know an older end than the
//! newest one: then the access is still wanted, and is created again. What it says is never taken
//! for absence: a grant ends on a listing, as ever.

use std::collections::BTreeMap;

use hallpass_assignments::{Absence, AssignmentRow, GuardRemoval, RemovalStage, Verdict};
use hallpass_audit::{Draft, Event};
use hallpass_model::{HoldKey, TimeSpan, Timestamp};

use crate::records::{Doer, StepContext};
use crate::step::GrantStep;
use crate::{
    DesiredAssignment, EndCause, Grant, GrantState, Holds, LateRemoval, LostAccess, News, end,
};

/// What was desired so soon after a removal may rest on a listing that still showed what was removed.
const LISTINGS_LAG: TimeSpan = TimeSpan::minutes(1);

/// What guards removed, the newest of each key.
#[derive(Clone, Debug, Default)]
pub struct Removals {
    revision: u64,
    by_key: BTreeMap<HoldKey, GuardRemoval>,
}

impl Removals {
    /// What journals say; `revision` grows with every record of theirs.
    pub fn new(revision: u64, removals: impl IntoIterator<Item = GuardRemoval>) -> Self {
        let mut by_key = BTreeMap::new();
        for removal in removals {
            add(&mut by_key, removal);
        }
        Self { revision, by_key }
    }

    /// Grows with every record of a journal.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The newest removal of a key.
    pub fn of(&self, key: &HoldKey) -> Option<&GuardRemoval> {
        self.by_key.get(key)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &GuardRemoval> {
        self.by_key.values()
    }
}

fn add(by_key: &mut BTreeMap<HoldKey, GuardRemoval>, removal: GuardRemoval) {
    let key = removal.end.key.clone();
    let is_older = by_key.get(&key).is_some_and(|known| {
        let (one, other) = (&known.end, &removal.end);
        // revisions begin anew with a new row: the instant tells rows apart
        if one.rev == other.rev && one.until == other.until {
            // of two guards the one that did it counts, not the one that came after it
            (known.stage, known.at) > (removal.stage, removal.at)
        } else {
            known.at > removal.at
        }
    });
    if !is_older {
        by_key.insert(key, removal);
    }
}

/// Whether a removal has to do with what is wanted of a key now: it came after that was desired.
fn concerns(removal: &GuardRemoval, row: &AssignmentRow) -> bool {
    removal.at >= row.desired.asked_at
}

/// Whether a removal is the end of a grant, and not only of an older form of it.
fn is_end_of(removal: &GuardRemoval, row: &AssignmentRow, grant: &Grant) -> bool {
    let holds = removal.end.grants.contains(&grant.id);
    concerns(removal, row) && holds && grant.ends_at <= removal.end.until
}

/// The cause of an end whose time has come: a guard's, if one was faster.
pub(crate) fn due_cause(removal: Option<&GuardRemoval>, holds: &Holds, grant: &Grant) -> EndCause {
    let (removal, row) = match (removal, &holds.row) {
        (Some(removal), Some(row)) if is_end_of(removal, row, grant) => (removal, row),
        _ => return EndCause::Expired,
    };
    match removal.stage {
        RemovalStage::Seen => cause(removal),
        // begun and never told: whether it was done is known once the access is seen gone
        RemovalStage::Begun if is_lost(row) => cause(removal),
        RemovalStage::Begun => EndCause::Expired,
    }
}

/// The removal by which the access of an ending grant went, now that it was seen gone.
pub(crate) fn removed_by<'a>(
    removal: Option<&'a GuardRemoval>,
    row: &AssignmentRow,
    grant: &Grant,
) -> Option<&'a GuardRemoval> {
    let removal = removal?;
    let counts = concerns(removal, row) && removal.end.grants.contains(&grant.id);
    let Verdict::Absent { why, .. } = &row.execution.verdict else {
        return None;
    };
    let gone = match why {
        Absence::AlreadyAbsent => true,
        Absence::Removed => row.execution.deleted_at == Some(removal.at) || is_last(removal, row),
        Absence::NeverCreated | Absence::PrincipalGone | Absence::AccountGone => false,
    };
    (counts && gone).then_some(removal)
}

/// Whether a removal was the last that found something: the access was neither seen nor created
/// since, so one of ours that came after it, from a server that had not read of it, found nothing.
fn is_last(removal: &GuardRemoval, row: &AssignmentRow) -> bool {
    let execution = &row.execution;
    let since = |at: Option<Timestamp>| at.is_some_and(|at| at > removal.at);
    removal.stage == RemovalStage::Seen
        && !since(execution.created_at)
        && !since(execution.last_present_at)
}

/// That a guard did it.
pub(crate) fn cause(removal: &GuardRemoval) -> EndCause {
    EndCause::Guard {
        guard: removal.guard.clone(),
        removed_at: removal.at,
    }
}

fn is_lost(row: &AssignmentRow) -> bool {
    matches!(row.execution.verdict, Verdict::Lost { .. })
}

/// What a removal makes of the grants on its key, once: ends those whose end it was, and has the
/// access of the others created again.
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
        // from here on presence counts only if it is seen anew
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

/// Whether the access was seen lost before it was found that a guard had removed it: it is on its
/// way to be there again.
pub(crate) fn is_made_again(row: &AssignmentRow, lost_at: Timestamp) -> bool {
    row.desired.removed_at.is_some() && !row.is_since_newest_hold(lost_at)
}

/// A live grant whose access was to be created again, and AWS refuses: it is over.
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

/// What operators hear when a guard had to act, about the first of what it did.
pub(crate) fn alarm(removal: &GuardRemoval, grant: &Grant, step: StepContext<'_>) -> crate::Notice {
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
#[path = "guard_removals_tests.rs"]
pub(crate) mod tests;
