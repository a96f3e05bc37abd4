//! Repairs times from a fast clock. Pure.
//!
//! A pause, lease or observation in the future came from a wrong clock and is ignored.

use hallpass_base::{TimeSpan, Timestamp};

use crate::{AssignmentRow, GivingUp, Observation, Verdict};

const WORKING_PAUSE_MAX: TimeSpan = TimeSpan::minutes(2);
const SETTLED_PAUSE_MAX: TimeSpan = TimeSpan::minutes(15);
const STUCK_PAUSE_MAX: TimeSpan = TimeSpan::minutes(90);
/// Leases last 90 seconds; a later end came from a fast clock.
const LEASE_MAX: TimeSpan = TimeSpan::minutes(3);

pub fn is_lease_from_future(until: Timestamp, now: Timestamp) -> bool {
    until > LEASE_MAX.after(now)
}

pub(crate) fn sooner(at: Timestamp, now: Timestamp, longest: TimeSpan) -> Timestamp {
    if at > longest.after(now) { now } else { at }
}

impl AssignmentRow {
    pub fn is_put_off(&self, now: Timestamp) -> bool {
        let execution = &self.execution;
        let pause = match execution.verdict {
            Verdict::Stuck { .. } => STUCK_PAUSE_MAX,
            _ if execution.operation.is_some() => WORKING_PAUSE_MAX,
            Verdict::Working => WORKING_PAUSE_MAX,
            // No action before the grant's end.
            Verdict::Lost { .. } if execution.due <= self.desired.until => return false,
            Verdict::Present { .. }
            | Verdict::Absent { .. }
            | Verdict::Kept { .. }
            | Verdict::Refused { .. }
            | Verdict::Lost { .. } => SETTLED_PAUSE_MAX,
        };
        execution.due > pause.after(now)
    }

    /// Removes future times: pauses end, observations count as old, and writes count as done now,
    /// the latest possible time.
    #[must_use]
    pub fn clamped(mut self, now: Timestamp) -> Self {
        if self.is_put_off(now) {
            self.execution.due = now;
        }
        self.desired.asked_at = self.desired.asked_at.min(now);
        let execution = &mut self.execution;
        if execution.observation.at().is_some_and(|at| at > now) {
            execution.observation = Observation::Unseen;
        } else if let Observation::Absent { since, .. } = &mut execution.observation {
            *since = (*since).min(now);
        }
        for at in [
            &mut execution.last_present_at,
            &mut execution.created_at,
            &mut execution.deleted_at,
            &mut execution.trying_since,
            &mut execution.removed_again_at,
        ] {
            *at = at.map(|at| at.min(now));
        }
        if let Some(operation) = &mut execution.operation {
            operation.started_at = operation.started_at.min(now);
            operation.over_at = operation.over_at.map(|at| at.min(now));
        }
        if let Some(unanswered) = &mut execution.unanswered_create {
            unanswered.at = unanswered.at.min(now);
        }
        if let Some(GivingUp { at, .. }) = &mut execution.giving_up {
            *at = (*at).min(now.max(self.desired.asked_at));
        }
        self
    }
}

#[cfg(test)]
#[path = "future_times_tests.rs"]
mod tests;
