//! Expected states of steps. Pure, so the result is reproducible.

use std::collections::BTreeMap;

use super::RunError;
use crate::journal::Folded;
use crate::plan::{Plan, StepId, StepProbe};

/// Returns the expected states of a retry: those of the plan, and the desired state of finished
/// steps. `now` counts only where the plan had no expectation, because the user reviewed the plan
/// and not the current state.
pub(super) fn expected_again(
    plan: &Plan,
    folded: &Folded,
    now: BTreeMap<StepId, StepProbe>,
) -> BTreeMap<StepId, StepProbe> {
    let expected = |(id, seen): (StepId, StepProbe)| {
        let is_done = folded.end(&id).is_some_and(|end| end.outcome.is_good());
        let expected = match plan.expected.get(&id) {
            _ if is_done => StepProbe::Satisfied,
            Some(
                before @ (StepProbe::Satisfied | StepProbe::Absent | StepProbe::Differs { .. }),
            ) => before.clone(),
            Some(
                StepProbe::InProgress { .. }
                | StepProbe::Blocked { .. }
                | StepProbe::Drifted { .. }
                | StepProbe::Unseen { .. },
            )
            | None => seen,
        };
        (id, expected)
    };
    now.into_iter().map(expected).collect()
}

/// Refuses a plan over its change limit (`organization.md` P-11).
pub(super) fn within_limits(plan: &Plan) -> Result<(), RunError> {
    let (changes, allowed) = (plan.changes(), plan.limits.changes_max);
    if changes > allowed {
        return Err(RunError::TooManyChanges { changes, allowed });
    }
    Ok(())
}

/// Returns why a change must not be undone, by the probe of its step.
pub(super) fn no_longer_as_left(seen: &StepProbe) -> Option<String> {
    match seen {
        StepProbe::Satisfied => None,
        StepProbe::InProgress { remote } => Some(format!("`{remote}` is under way there")),
        StepProbe::Unseen { reason } => Some(format!("it cannot be read: {reason}")),
        StepProbe::Absent
        | StepProbe::Differs { .. }
        | StepProbe::Blocked { .. }
        | StepProbe::Drifted { .. } => {
            Some("it was changed after the plan that is undone; it is left as it is".to_owned())
        }
    }
}
