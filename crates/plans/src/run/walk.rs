//! What a step knows of itself while it runs, and what the journal says of it when it is gone on with.

use hallpass_base::Timestamp;
use serde_json::Value;

use crate::journal::{Folded, SentBefore, StepState};
use crate::plan::{Plan, PlanStep, StepProbe};
use crate::ports::{JudgedState, StepExecutor};
use crate::retry::Class;

/// What a step knows of itself while it runs.
pub(super) struct Walk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) step: &'a PlanStep,
    pub(super) began: Timestamp,
    /// Times that it met another operation.
    pub(super) conflicts: u32,
    /// Times since then that it was throttled, or not answered.
    pub(super) throttles: u32,
    /// Whether a write was sent, in this run or one before; and what stood there before it.
    pub(super) sent: Option<Value>,
    /// Writes that were about to be sent, in any run of the plan.
    pub(super) writes: SentBefore,
    /// What stood there before a write of an earlier run that was given up without knowing what it came to.
    pub(super) unheard: Option<Value>,
    /// Whether nobody knows what became of a write that was sent.
    pub(super) is_lost: bool,
    pub(super) accept_drift: bool,
    /// What is left of the step, where somebody changed parts of it; and those parts, in words.
    pub(super) part: Option<(PlanStep, String)>,
}

/// What the journal says of a step when it is gone on with.
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

    /// What stood there before, as far as whoever wrote the journal kept it.
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

/// The target is not as the plan has it.
pub(super) const CHANGED_SINCE: &str =
    "the target changed since the plan was saved; make a new plan";
/// Nobody saw it before it would be changed, nor was it counted among the changes of the plan.
pub(super) const NOT_LOOKED_AT: &str =
    "it could not be looked at when the plan was made; another try (--retry-failed) goes on";
/// A write was sent, and neither its work nor what was before stands there.
pub(super) const CHANGED_AFTER_US: &str = "a write was sent, and what stands there is neither what was nor what is wanted; make a new plan";

/// The time for a step is over, and a look shows what stood there before its write.
pub(super) const NEVER_SHOWN: &str = "the write was accepted, but what stood there before it still stands there or was put back by another user; make a new plan";

/// Nothing was sent.
pub(super) const CHANGED_BEFORE: &str = "the target changed directly before the write";

impl Walk<'_> {
    pub(super) fn sent_before(&self) -> SentBefore {
        SentBefore {
            in_this_run: self.sent.is_some(),
            ..self.writes.clone()
        }
    }

    /// What is to be done, without what somebody changed.
    pub(super) fn wanted(&self) -> &PlanStep {
        self.part.as_ref().map_or(self.step, |(step, _)| step)
    }

    /// Counts a setback; how many of its class there were by now. What is heard of another operation was answered, so that
    /// throttles are counted anew after it.
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

    /// What somebody changed of it; empty where nobody did.
    pub(super) fn left(&self) -> &str {
        self.part.as_ref().map_or("", |(_, left)| left)
    }

    /// Whether what is seen is what writes of ours, in any run, left half way.
    pub(super) fn is_half_done(
        &self,
        hands: &dyn StepExecutor,
        before: &Value,
        seen: &StepProbe,
    ) -> bool {
        !self.writes.at.is_empty() && hands.is_half_done(self.step, before, seen)
    }

    /// Whether nobody knew what stood there when the plan was made, and nothing of this run was sent since.
    pub(super) fn is_unlooked(&self) -> bool {
        let expected = self.plan.expected.get(&self.step.id);
        self.sent.is_none() && matches!(expected, Some(StepProbe::Unseen { .. }))
    }

    /// Why the step is not carried out: the world is not the one that was planned for.
    pub(super) fn drift(&self, hands: &dyn StepExecutor, seen: &StepProbe) -> Option<&'static str> {
        let expected = self.plan.expected.get(&self.step.id)?;
        let is_half_done = |before: &Value| self.is_half_done(hands, before, seen);
        match (&self.sent, expected) {
            (None, expected) if expected == seen || is_half_done(&expected.old()) => None,
            (None, _) => Some(CHANGED_SINCE),
            // whose operation it was is not known, nor what stood there before it
            (Some(Value::Null), StepProbe::InProgress { .. }) => None,
            (Some(before), _) if *before == seen.old() || is_half_done(before) => None,
            (Some(_), _) => Some(CHANGED_AFTER_US),
        }
    }

    /// Why a write that does not show is not waited for: another user changed what it wrote. Parts of the step that are
    /// as they were before the write are waited for, without those that are not.
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
