//! State of a running step, and its restoration from the journal.

use hallpass_base::Timestamp;
use serde_json::Value;

use crate::journal::{Folded, SentBefore, StepState};
use crate::plan::{Plan, PlanStep, StepProbe};
use crate::ports::{JudgedState, StepExecutor};
use crate::retry::Class;

pub(super) struct Walk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) step: &'a PlanStep,
    pub(super) began: Timestamp,
    pub(super) conflicts: u32,
    pub(super) throttles: u32,
    pub(super) sent: Option<Value>,
    pub(super) writes: SentBefore,
    pub(super) unheard: Option<Value>,
    pub(super) is_lost: bool,
    pub(super) accept_drift: bool,
    pub(super) part: Option<(PlanStep, String)>,
}

pub(super) struct StepStanding {
    pub(super) place: StepState,
    pub(super) writes: SentBefore,
    pub(super) unheard: Option<Value>,
}

impl StepStanding {
    pub(super) fn of(folded: &Folded, step: &PlanStep) -> Self {
        Self {
            place: folded.place(&step.id).clone(),
            writes: folded.sent.get(&step.id).cloned().unwrap_or_default(),
            unheard: folded.unheard.get(&step.id).cloned(),
        }
    }

    pub(super) fn with_kept(mut self, hands: &dyn StepExecutor, step: &PlanStep) -> Self {
        let kept = |old: &mut Value| *old = hands.kept_before(step, old.take());
        match &mut self.place {
            StepState::Intent { old } | StepState::Accepted { old, .. } => kept(old),
            StepState::Planned | StepState::Final(_) => {}
        }
        self.unheard.iter_mut().for_each(kept);
        self
    }
}

pub(super) const CHANGED_SINCE: &str =
    "the target changed since the plan was saved; make a new plan";
/// Not probed before, and not counted among the changes of the plan.
pub(super) const NOT_LOOKED_AT: &str =
    "it could not be read when the plan was made; try again with --retry-failed";
/// After a write, the state is neither old nor desired.
pub(super) const CHANGED_AFTER_US: &str = "a write was sent, and the state is neither the old nor the \
                                           desired one; make a new plan";

/// The step timed out, and the probe shows the old state.
pub(super) const NEVER_SHOWN: &str = "the write was accepted, but the old state is still there or was \
                                      restored by another user; make a new plan";

pub(super) const CHANGED_BEFORE: &str = "the target changed directly before the write";

impl Walk<'_> {
    pub(super) fn sent_before(&self) -> SentBefore {
        SentBefore {
            in_this_run: self.sent.is_some(),
            ..self.writes.clone()
        }
    }

    pub(super) fn wanted(&self) -> &PlanStep {
        self.part.as_ref().map_or(self.step, |(step, _)| step)
    }

    /// Counts an error and returns the count of its class. A conflict is an answer, so it resets
    /// throttles.
    pub(super) fn count(&mut self, class: Class) -> u32 {
        match class {
            Class::Throttle => {
                self.throttles += 1;
                self.throttles
            }
            Class::Conflict => {
                self.throttles = 0;
                self.conflicts += 1;
                self.conflicts
            }
        }
    }

    pub(super) fn left(&self) -> &str {
        self.part.as_ref().map_or("", |(_, left)| left)
    }

    pub(super) fn is_half_done(
        &self,
        hands: &dyn StepExecutor,
        before: &Value,
        seen: &StepProbe,
    ) -> bool {
        !self.writes.at.is_empty() && hands.is_half_done(self.step, before, seen)
    }

    pub(super) fn is_unlooked(&self) -> bool {
        let expected = self.plan.expected.get(&self.step.id);
        self.sent.is_none() && matches!(expected, Some(StepProbe::Unseen { .. }))
    }

    pub(super) fn drift(&self, hands: &dyn StepExecutor, seen: &StepProbe) -> Option<&'static str> {
        let expected = self.plan.expected.get(&self.step.id)?;
        let is_half_done = |before: &Value| self.is_half_done(hands, before, seen);
        match (&self.sent, expected) {
            (None, expected) if expected == seen || is_half_done(&expected.old()) => None,
            (None, _) => Some(CHANGED_SINCE),
            (Some(Value::Null), StepProbe::InProgress { .. }) => None,
            (Some(before), _) if *before == seen.old() || is_half_done(before) => None,
            (Some(_), _) => Some(CHANGED_AFTER_US),
        }
    }

    /// Returns why waiting for an invisible write is pointless: another user changed the target.
    /// Parts still in the old state are awaited separately.
    pub(super) fn changed_after(
        &mut self,
        hands: &dyn StepExecutor,
        seen: &StepProbe,
    ) -> Option<String> {
        if let StepProbe::Drifted { reason } = seen {
            return Some(reason.clone());
        }
        let before = self.sent.clone().unwrap_or_default();
        let expected = if before.is_null() {
            StepProbe::Absent
        } else {
            StepProbe::Differs {
                old: before.clone(),
            }
        };
        let judged = JudgedState {
            expected: &expected,
            seen,
        };
        let Some(part) = hands.without_changed_parts(self.wanted(), judged) else {
            let is_before = before == seen.old()
                || self.writes.at.is_empty()
                || self.is_half_done(hands, &before, seen);
            return (!is_before).then(|| CHANGED_AFTER_US.to_owned());
        };
        if part.left.is_empty() {
            return None;
        }
        let left = [self.left(), part.left.as_str()];
        let left: Vec<&str> = left.into_iter().filter(|it| !it.is_empty()).collect();
        let left = left.join("; ");
        let step = PlanStep {
            desired: part.desired,
            ..self.step.clone()
        };
        self.part = Some((step, left.clone()));
        (part.seen == StepProbe::Satisfied).then_some(left)
    }
}
