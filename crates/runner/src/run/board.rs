//! Whose turn it is: order, lanes, failures and the canary, without any I/O.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{Final, Folded, StepEnd, StepState};
use crate::plan::{Lane, Plan, StepId, StepTarget};
use crate::run::Stopped;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BoardState {
    Waiting,
    Running,
    /// Begun and left: it is neither over nor to be begun again in this run.
    Left,
    Over(StepEnd),
}

/// Which steps wait, run and are over.
pub(super) struct Board<'a> {
    plan: &'a Plan,
    states: Vec<BoardState>,
    places: BTreeMap<&'a StepId, usize>,
    /// Targets that this run may begin; `None` = all.
    chosen: Option<BTreeSet<&'a StepTarget>>,
    failed: BTreeSet<&'a StepTarget>,
    failures_allowed: usize,
    /// Why steps did not end well.
    reasons: BTreeMap<&'a StepId, String>,
}

impl<'a> Board<'a> {
    pub(super) fn new(plan: &'a Plan, folded: &Folded, canary: Option<usize>) -> Self {
        let states = plan.steps.iter().map(|step| match folded.place(&step.id) {
            StepState::Final(end) => BoardState::Over(end.outcome),
            StepState::Planned | StepState::Intent { .. } | StepState::Accepted { .. } => {
                BoardState::Waiting
            }
        });
        let states: Vec<BoardState> = states.collect();
        let targets: BTreeSet<&StepTarget> = plan.steps.iter().map(|step| &step.target).collect();
        let failures_allowed = plan.limits.failures_allowed(targets.len());
        let fresh = targets.iter().copied().filter(|target| {
            let of_it = |(step, _): &(&crate::PlanStep, &BoardState)| step.target == **target;
            plan.steps
                .iter()
                .zip(&states)
                .filter(of_it)
                .any(|(_, state)| *state == BoardState::Waiting)
        });
        let chosen = canary.map(|count| fresh.take(count).collect());
        let failed = plan
            .steps
            .iter()
            .zip(&states)
            .filter(|(_, state)| **state == BoardState::Over(StepEnd::Failed))
            .map(|(step, _)| &step.target)
            .collect();
        let reason = |step: &'a crate::PlanStep| {
            let end = folded.end(&step.id)?;
            (!end.outcome.is_good()).then(|| (&step.id, end.reason.clone()))
        };
        Self {
            plan,
            reasons: plan.steps.iter().filter_map(reason).collect(),
            places: plan.steps.iter().map(|step| &step.id).zip(0..).collect(),
            states,
            chosen,
            failed,
            failures_allowed,
        }
    }

    /// The next step that may begin, or that is blocked and may end at once.
    pub(super) fn next(&self) -> Option<usize> {
        let turn = |(index, _): &(usize, &BoardState)| self.has_turn(*index);
        let waiting = self.states.iter().enumerate();
        waiting
            .filter(|(_, state)| **state == BoardState::Waiting)
            .find(turn)
            .map(|(index, _)| index)
    }

    fn has_turn(&self, index: usize) -> bool {
        let Some(step) = self.plan.steps.get(index) else {
            return false;
        };
        if self.blocked_by(index).is_some() {
            return true;
        }
        let before_done = step
            .after
            .iter()
            .all(|id| matches!(self.state_of(id), Some(BoardState::Over(end)) if end.is_good()));
        before_done && self.may_begin(&step.target) && self.has_room(index)
    }

    fn may_begin(&self, target: &StepTarget) -> bool {
        let chosen = self.chosen.as_ref().is_none_or(|it| it.contains(target));
        chosen && (!self.is_over_limit() || self.is_begun(target))
    }

    fn is_over_limit(&self) -> bool {
        self.failed.len() > self.failures_allowed
    }

    /// Whether a step of the target has begun: what is begun ends normally.
    fn is_begun(&self, target: &StepTarget) -> bool {
        self.plan
            .steps
            .iter()
            .zip(&self.states)
            .any(|(step, state)| step.target == *target && *state != BoardState::Waiting)
    }

    fn has_room(&self, index: usize) -> bool {
        let Some(step) = self.plan.steps.get(index) else {
            return false;
        };
        let running: Vec<&Lane> = self
            .plan
            .steps
            .iter()
            .zip(&self.states)
            .filter(|(other, state)| {
                **state == BoardState::Running && other.lane.name == step.lane.name
            })
            .map(|(other, _)| &other.lane)
            .collect();
        let apart = step.lane.apart.as_ref();
        let is_apart = apart.is_none() || running.iter().all(|it| it.apart.as_ref() != apart);
        is_apart && u32::try_from(running.len()).is_ok_and(|count| count < step.lane.width.max(1))
    }

    fn state_of(&self, id: &StepId) -> Option<BoardState> {
        let index = self.places.get(id)?;
        self.states.get(*index).copied()
    }

    /// Why a step can never begin: something before it did not succeed.
    pub(super) fn blocked_by(&self, index: usize) -> Option<String> {
        let step = self.plan.steps.get(index)?;
        step.after.iter().find_map(|id| match self.state_of(id) {
            Some(BoardState::Over(end)) if !end.is_good() => {
                Some(self.stands_in_the_way(step, id, end))
            }
            None => Some(format!("blocked by `{id}`, which is not in the plan")),
            Some(_) => None,
        })
    }

    /// A step that did not succeed, and why: of another target it is named, of the same its step is.
    fn stands_in_the_way(&self, step: &crate::PlanStep, before: &StepId, end: StepEnd) -> String {
        let earlier = self.plan.step(before);
        let what = match earlier {
            Some(it) if it.target == step.target => format!("step `{}` before it", it.kind),
            Some(it) => it.target.to_string(),
            None => String::new(),
        };
        match self.reasons.get(before).filter(|it| !it.is_empty()) {
            Some(reason) => format!("blocked by {what}: {end}: {reason}"),
            None => format!("blocked by {what}: {end}"),
        }
    }

    pub(super) fn begun(&mut self, index: usize) {
        self.set(index, BoardState::Running);
    }

    pub(super) fn ended(&mut self, index: usize, end: &Final) {
        let state = match end.outcome {
            StepEnd::InProgress => BoardState::Left,
            other => BoardState::Over(other),
        };
        self.set(index, state);
        let Some(step) = self.plan.steps.get(index) else {
            return;
        };
        if end.outcome == StepEnd::Failed {
            self.failed.insert(&step.target);
        }
        if !end.outcome.is_good() {
            self.reasons.insert(&step.id, end.reason.clone());
        }
    }

    pub(super) fn stopped(&mut self, index: usize) {
        self.set(index, BoardState::Left);
    }

    fn set(&mut self, index: usize, state: BoardState) {
        if let Some(place) = self.states.get_mut(index) {
            *place = state;
        }
    }

    /// Why steps still wait.
    pub(super) fn why_stopped(&self) -> Option<Stopped> {
        if !self.states.contains(&BoardState::Waiting) {
            None
        } else if self.is_over_limit() {
            Some(Stopped::TooManyFailures)
        } else if self.chosen.is_some() {
            Some(Stopped::Paused)
        } else {
            None
        }
    }
}
