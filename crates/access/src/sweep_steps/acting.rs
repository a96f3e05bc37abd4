//! Removes unmanaged access through desired assignment rows. `assignments` executes; only its
//! verdict settles an item.

use hallpass_assignments::{Absence, AssignmentRow, Observation, Verdict};
use hallpass_audit::{Draft, Event};
use hallpass_base::Timestamp;
use hallpass_rules::Directory;

use crate::records::StepContext;
use crate::{
    Accepted, Change, DesiredAssignment, Fate, Holds, LeftAlone, Sweep, SweepAction, SweepItem,
    SweepSettings, Write,
};

/// The original's term (`access.md` §9.1, §14.1).
const REASON: &str = "automated revocation";

/// Begins a due removal, unless the access is held or accepted meanwhile.
pub(crate) fn begin_removal(
    sweep: &Sweep,
    item: &SweepItem,
    holds: &Holds,
    accepted: Option<&Accepted>,
    step: StepContext<'_>,
) -> Change {
    if let Some(why) = not_any_more(holds, accepted) {
        return leave_alone(sweep, item, why, step);
    }
    let record = step
        .of_item(Event::SweepRemoving, sweep, item)
        .reason(REASON);
    Change {
        // INVARIANT: this change is refused if a row exists, so it never meets a grant's row.
        desired: vec![DesiredAssignment::Remove {
            key: item.key.clone(),
            since: step.now,
        }],
        ..settled(item, Fate::Removing { since: step.now }, record)
    }
}

pub(crate) fn not_any_more(holds: &Holds, accepted: Option<&Accepted>) -> Option<LeftAlone> {
    if holds.row.is_some() || !holds.grants.is_empty() {
        Some(LeftAlone::Held)
    } else {
        accepted.map(|_| LeftAlone::Accepted)
    }
}

pub(crate) fn leave_alone(
    sweep: &Sweep,
    item: &SweepItem,
    why: LeftAlone,
    step: StepContext<'_>,
) -> Change {
    let record = step.of_item(Event::SweepLeftAlone, sweep, item);
    let fate = Fate::LeftAlone { at: step.now, why };
    settled(item, fate, record.why(why.name()))
}

/// Why a due item is dropped: the configuration changed since its run began.
pub(crate) fn not_wanted(
    sweep: &Sweep,
    item: &SweepItem,
    settings: &SweepSettings,
    directory: &Directory,
) -> Option<LeftAlone> {
    let mut patterns = settings.standing.iter();
    if patterns.any(|pattern| pattern.covers(&item.key, directory)) {
        return Some(LeftAlone::Accepted);
    }
    (settings.mode != sweep.mode).then_some(LeftAlone::ModeChanged)
}

/// Cancels a pending action on an accepted item; `None` once AWS was called.
pub(crate) fn call_off(
    sweep: &Sweep,
    item: &SweepItem,
    holds: &Holds,
    step: StepContext<'_>,
) -> Option<Change> {
    if !holds.grants.is_empty() {
        return Some(leave_alone(sweep, item, LeftAlone::Held, step));
    }
    // A due item has no row, or one that the sweep does not own.
    let is_due = matches!(item.fate, Fate::Due { .. });
    let row = holds.row.as_ref().filter(|_| !is_due);
    if row.is_some_and(is_asked) {
        return None;
    }
    let forget = row.map(|row| DesiredAssignment::Forget {
        key: item.key.clone(),
        rev: row.desired.rev,
    });
    Some(Change {
        desired: forget.into_iter().collect(),
        ..leave_alone(sweep, item, LeftAlone::Accepted, step)
    })
}

/// Whether AWS was called without refusing, or the access is missing: one listing without it may
/// follow an unanswered removal.
fn is_asked(row: &AssignmentRow) -> bool {
    row.execution.operation.is_some()
        || row.execution.deleted_at.is_some()
        || matches!(row.execution.observation, Observation::Absent { .. })
        || matches!(row.execution.verdict, Verdict::Absent { .. })
}

fn settled(item: &SweepItem, fate: Fate, record: Draft) -> Change {
    let next = SweepItem {
        fate,
        ..item.clone()
    };
    Change {
        audit: vec![record],
        sweep_items: vec![Write::Update(next)],
        ..Change::default()
    }
}

/// Settles an item by its assignment's verdict; empty while in progress.
pub(crate) fn settle(
    sweep: &Sweep,
    item: &SweepItem,
    holds: &Holds,
    step: StepContext<'_>,
) -> Change {
    if !holds.grants.is_empty() {
        return leave_alone(sweep, item, LeftAlone::Held, step);
    }
    let Some(row) = &holds.row else {
        // A grant took it over and ended: check again for remaining access.
        let again = SweepItem {
            fate: Fate::Due {
                action: SweepAction::Remove,
            },
            ..item.clone()
        };
        return Change {
            sweep_items: vec![Write::Update(again)],
            ..Change::default()
        };
    };
    match &row.execution.verdict {
        Verdict::Absent { at, why }
            if row.is_since_newest_hold(*at) && row.execution.operation.is_none() =>
        {
            gone(sweep, item, row, *why, step)
        }
        Verdict::Stuck { since, reason } if !matches!(item.fate, Fate::Stuck { .. }) => {
            stuck(sweep, item, *since, reason, step)
        }
        Verdict::Absent { .. }
        | Verdict::Stuck { .. }
        | Verdict::Working
        | Verdict::Present { .. }
        | Verdict::Kept { .. }
        | Verdict::Refused { .. }
        | Verdict::Lost { .. } => Change::default(),
    }
}

fn gone(
    sweep: &Sweep,
    item: &SweepItem,
    row: &AssignmentRow,
    why: Absence,
    step: StepContext<'_>,
) -> Change {
    let mut record = step
        .of_item(Event::SweepRemoved, sweep, item)
        .reason(REASON)
        .removed(why == Absence::Removed, why.name());
    if let Some(id) = &row.execution.aws_request {
        record = record.aws_request(id);
    }
    settled(item, Fate::Gone { at: step.now, why }, record)
}

fn stuck(
    sweep: &Sweep,
    item: &SweepItem,
    since: Timestamp,
    reason: &str,
    step: StepContext<'_>,
) -> Change {
    let record = step
        .of_item(Event::SweepStuck, sweep, item)
        .reason(REASON)
        .error(reason);
    let fate = Fate::Stuck {
        since,
        reason: reason.to_owned(),
    };
    settled(item, fate, record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard_steps::tests::{grant, present, row};

    /// A grant without a row has not begun; a row without a grant is being checked.
    #[test]
    fn what_is_held_in_any_way_is_left_alone() {
        let (grants, row) = (vec![grant(1, 100)], Some(row(present())));
        for (grants, row, left) in [
            (Vec::new(), None, None),
            (grants.clone(), None, Some(LeftAlone::Held)),
            (Vec::new(), row.clone(), Some(LeftAlone::Held)),
            (grants, row, Some(LeftAlone::Held)),
        ] {
            let holds = Holds { grants, row };
            assert_eq!(not_any_more(&holds, None), left, "{holds:?}");
        }
    }
}
