//! Removing what nobody recorded: what is desired of its row, and what comes of it. `assignments` looks, removes and
//! looks again; an item is settled by its verdict alone.

use hallpass_assignments::{Absence, AssignmentRow, Observation, Verdict};
use hallpass_audit::{Draft, Event};
use hallpass_base::Timestamp;
use hallpass_rules::Directory;

use crate::records::StepContext;
use crate::{
    Accepted, Change, DesiredAssignment, Fate, Holds, LeftAlone, Sweep, SweepAction, SweepItem,
    SweepSettings, Write,
};

/// The original's word for what a sweep removes (`access.md` §9.1, §14.1).
const REASON: &str = "automated revocation";

/// Begins the removal of an item that is due, unless somebody holds or accepted it meanwhile.
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
        // INVARIANT: this change is refused when there is a row, so it never meets a grant's
        desired: vec![DesiredAssignment::Remove {
            key: item.key.clone(),
            since: step.now,
        }],
        ..settled(item, Fate::Removing { since: step.now }, record)
    }
}

/// Why an item is not to be acted on any more.
pub(crate) fn not_any_more(holds: &Holds, accepted: Option<&Accepted>) -> Option<LeftAlone> {
    if holds.row.is_some() || !holds.grants.is_empty() {
        Some(LeftAlone::Held)
    } else {
        accepted.map(|_| LeftAlone::Accepted)
    }
}

/// An item that is not acted on after all.
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

/// Why an item that is due is not wanted any more: the configuration is another than when its run began.
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

/// Calls off what is in hand of an item that is accepted by now; `None` once AWS was asked to remove it.
pub(crate) fn call_off(
    sweep: &Sweep,
    item: &SweepItem,
    holds: &Holds,
    step: StepContext<'_>,
) -> Option<Change> {
    if !holds.grants.is_empty() {
        return Some(leave_alone(sweep, item, LeftAlone::Held, step));
    }
    // of what is only due there is no row, or one that is not the sweep's
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

/// Whether AWS was asked for a removal that it has not refused, or it is seen gone: one listing without it may be
/// of a removal that AWS did not answer.
fn is_asked(row: &AssignmentRow) -> bool {
    row.execution.operation.is_some()
        || row.execution.deleted_at.is_some()
        || matches!(row.execution.observation, Observation::Absent { .. })
        || matches!(row.execution.verdict, Verdict::Absent { .. })
}

/// What is stored once it is known what becomes of an item.
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

/// What an item in hand makes of what was seen of its assignment; nothing while that is under way.
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
        // a grant took it over and was over before we looked: see whether anything is left
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

    /// A grant without a row was decided and not yet begun; a row without a grant is being looked at.
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
