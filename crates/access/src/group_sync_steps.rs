//! Steps of attribute-based membership changes: intent and record in one commit, then the result.
//! Pure; `hallpass-assignments` reads and writes.

use hallpass_assignments::{AssignmentRow, EndPriority, Ownership, Verdict};
use hallpass_audit::{Draft, Event};
use hallpass_base::TimeSpan;

use crate::records::StepContext;
use crate::{
    Change, DesiredAssignment, GroupSyncItem, GroupSyncState, GroupSyncWrite, Holds,
    MembershipChange,
};

/// An added member's row wants the membership for ten years, until it was seen. Then the row is
/// deleted, and only a later run may remove the member.
const STAYS: TimeSpan = TimeSpan::hours(10 * 365 * 24);
/// After this many refusals in a row, a removal waits for a later run.
const REFUSALS_MAX: u32 = 5;

pub(crate) fn begin(
    item: GroupSyncItem,
    before: Option<&GroupSyncItem>,
    step: StepContext<'_>,
) -> Change {
    let item = GroupSyncItem {
        state: GroupSyncState::Working { since: step.now },
        version: before.map_or(0, |before| before.version),
        ..item
    };
    // INVARIANT: both are refused if a row exists, so neither meets a grant's row.
    let (event, desired) = match item.change {
        MembershipChange::Add => (
            Event::MembershipAdding,
            DesiredAssignment::Until {
                key: item.key.clone(),
                rev: None,
                until: STAYS.after(step.now),
                asked_at: step.now,
                haste: EndPriority::Ordinary,
            },
        ),
        MembershipChange::Remove => (
            Event::MembershipRemoving,
            DesiredAssignment::Remove {
                key: item.key.clone(),
                since: step.now,
            },
        ),
    };
    let write = match before {
        None => GroupSyncWrite::Insert(item.clone()),
        Some(_) => GroupSyncWrite::Update(item.clone()),
    };
    Change {
        audit: vec![record(event, &item, step)],
        desired: vec![desired],
        group_sync_items: vec![write],
        ..Change::default()
    }
}

fn record(event: Event, item: &GroupSyncItem, step: StepContext<'_>) -> Draft {
    let email = item.email.as_ref();
    step.of_membership(event, email, &item.key, &item.names)
        .reason(&item.why)
}

pub(crate) fn settle(item: &GroupSyncItem, holds: &Holds, step: StepContext<'_>) -> Change {
    if !item.is_working() {
        return Change::default();
    }
    let row = match &holds.row {
        Some(row) if holds.grants.is_empty() => row,
        // A grant took it over and will end it; the next run checks again.
        Some(_) | None => return left_alone(item, step),
    };
    let execution = &row.execution;
    if execution.operation.is_some() {
        return Change::default();
    }
    match (item.change, &execution.verdict) {
        (MembershipChange::Add, Verdict::Present { at }) if row.is_since_newest_hold(*at) => {
            added(item, row, step)
        }
        (_, Verdict::Refused { at, reason }) if row.is_since_newest_hold(*at) => {
            refused(item, row, reason, step)
        }
        (MembershipChange::Add, Verdict::Lost { .. }) => refused(
            item,
            row,
            "someone removed the membership immediately",
            step,
        ),
        (MembershipChange::Remove, Verdict::Absent { at, why })
            if row.is_since_newest_hold(*at) =>
        {
            let is_ours = *why == hallpass_assignments::Absence::Removed;
            let record = record(Event::MembershipRemoved, item, step).removed(is_ours, why.name());
            // The row is deleted when listings cannot show the membership any more.
            finished(item, record, None)
        }
        (MembershipChange::Remove, Verdict::Stuck { reason, .. }) => {
            refused(item, row, reason, step)
        }
        (MembershipChange::Remove, Verdict::Working)
            if execution.refused_removals >= REFUSALS_MAX =>
        {
            let reason = execution.last_error.as_deref();
            refused(item, row, reason.unwrap_or("AWS gave no reason"), step)
        }
        (
            MembershipChange::Add | MembershipChange::Remove,
            Verdict::Working
            | Verdict::Present { .. }
            | Verdict::Absent { .. }
            | Verdict::Kept { .. }
            | Verdict::Refused { .. }
            | Verdict::Lost { .. }
            | Verdict::Stuck { .. },
        ) => Change::default(),
    }
}

fn added(item: &GroupSyncItem, row: &AssignmentRow, step: StepContext<'_>) -> Change {
    let why = match row.execution.ownership {
        Ownership::Ours | Ownership::Undecided => "added",
        // Added by someone else first.
        Ownership::Standing => "already_there",
    };
    let record = record(Event::MembershipAdded, item, step).why(why);
    finished(item, record, Some(row))
}

fn left_alone(item: &GroupSyncItem, step: StepContext<'_>) -> Change {
    let record = record(Event::MembershipLeftAlone, item, step).why("held");
    finished(item, record, None)
}

fn finished(item: &GroupSyncItem, record: Draft, forget: Option<&AssignmentRow>) -> Change {
    Change {
        audit: vec![record],
        desired: forget.map(forgotten).into_iter().collect(),
        group_sync_items: vec![GroupSyncWrite::Remove(item.clone())],
        ..Change::default()
    }
}

fn forgotten(row: &AssignmentRow) -> DesiredAssignment {
    DesiredAssignment::Forget {
        key: row.key.clone(),
        rev: row.desired.rev,
    }
}

/// Reports the refusal; a run retries it a day later if still wanted.
fn refused(
    item: &GroupSyncItem,
    row: &AssignmentRow,
    reason: &str,
    step: StepContext<'_>,
) -> Change {
    let next = GroupSyncItem {
        state: GroupSyncState::Refused {
            at: step.now,
            reason: reason.to_owned(),
        },
        ..item.clone()
    };
    Change {
        audit: vec![record(Event::MembershipRefused, item, step).error(reason)],
        desired: vec![forgotten(row)],
        group_sync_items: vec![GroupSyncWrite::Update(next)],
        ..Change::default()
    }
}
