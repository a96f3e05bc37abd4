//! The due step of a grant, from time or news of its assignment.

use hallpass_assignments::{GuardRemoval, Verdict};

use crate::end::EndFacts;
use crate::records::{Doer, StepContext};
use crate::step::GrantStep;
use crate::{
    EndCause, Grant, GrantState, Holds, LostAccess, News, end, granting, guard_removals,
    guard_steps,
};

pub(crate) fn of(
    current: &Grant,
    holds: &Holds,
    known: EndFacts<'_>,
    step: StepContext<'_>,
) -> GrantStep {
    match &current.state {
        GrantState::Scheduled | GrantState::Granting | GrantState::Active
            if step.now >= current.ends_at =>
        {
            let cause = guard_removals::due_cause(known.removal, holds, current);
            end::begin(current, cause, Doer::Hallpass, holds, step)
        }
        GrantState::Scheduled | GrantState::Granting => granting::advance(current, holds, step),
        GrantState::Active => watch(current, holds, known.removal, step),
        GrantState::Ending { .. } => end::advance(current, holds, known, step),
        GrantState::Ended { .. } | GrantState::Failed { .. } => GrantStep::default(),
    }
}

fn watch(
    active: &Grant,
    holds: &Holds,
    removal: Option<&GuardRemoval>,
    step: StepContext<'_>,
) -> GrantStep {
    let granted_at = active.granted_at.unwrap_or(active.scheduled_at);
    if let Some(row) = &holds.row
        && let Verdict::Refused { at, reason } = &row.execution.verdict
        && *at >= granted_at
    {
        return guard_steps::not_made_again(active, reason, removal, holds, step);
    }
    if let Some(row) = &holds.row
        && let Verdict::Lost { at } = row.execution.verdict
        && at >= granted_at
        && !guard_steps::is_made_again(row, at)
    {
        let folded = removal.map(|removal| guard_steps::fold(removal, holds, step));
        if let Some(folded) = folded.filter(|folded| !folded.is_empty()) {
            return folded;
        }
        let how = LostAccess::RemovedElsewhere;
        return end::begin(active, EndCause::Drift, Doer::Hallpass, holds, step)
            .with_notice(step.notice_to_holder(News::Lost { how }, active));
    }
    let is_warned_now = active.is_to_be_warned() && active.due().is_some_and(|at| step.now >= at);
    let warning = is_warned_now.then(|| step.notice_to_holder(News::EndsSoon, active));
    GrantStep::of(Grant {
        seen_news: holds
            .row
            .as_ref()
            .map_or(active.seen_news, |row| row.verdict_rev),
        warned: active.warned || is_warned_now,
        ..active.clone()
    })
    .with_notice(warning)
}

#[cfg(test)]
mod one_grant;
