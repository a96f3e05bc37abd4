//! What a step is held against: pure, so that it is the same whoever asks and whenever.

use std::collections::BTreeMap;

use super::RunError;
use crate::journal::Folded;
use crate::plan::{Plan, StepId, StepProbe};

/// What another try expects to see: what the plan expected, and of steps that are done that they are. What is there `now`
/// counts only where the plan could not know what to expect: somebody looked at the plan, and not at the world since.
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
            // what was under way or in the way has its own end, and of what was not seen nothing is known
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

/// Refuses a plan with more changes than it may have (`organization.md` P-11).
pub(super) fn within_limits(plan: &Plan) -> Result<(), RunError> {
    let (changes, allowed) = (plan.changes(), plan.limits.changes_max);
    if changes > allowed {
        return Err(RunError::TooManyChanges { changes, allowed });
    }
    Ok(())
}

/// Why a change is not taken back: what a look at its step says now.
pub(super) fn no_longer_as_left(seen: &StepProbe) -> Option<String> {
    match seen {
        StepProbe::Satisfied => None,
        StepProbe::InProgress { remote } => Some(format!("`{remote}` is under way there")),
        StepProbe::Unseen { reason } => Some(format!("it cannot be looked at: {reason}")),
        StepProbe::Absent
        | StepProbe::Differs { .. }
        | StepProbe::Blocked { .. }
        | StepProbe::Drifted { .. } => Some(
            "somebody changed it after the plan that is taken back; it is left as it is".to_owned(),
        ),
    }
}
