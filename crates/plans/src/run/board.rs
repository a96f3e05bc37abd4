//! Selects the next step by order, lanes, failures and canary, without I/O.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{Final, Folded, StepEnd, StepState};
use crate::lane::Lane;
use crate::plan::{Plan, StepId, StepTarget};
use crate::run::Stopped;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BoardState {
    Waiting,
    Running,
    /// Started and abandoned: neither finished nor started again in this run.
    Left,
    Over(StepEnd),
}

enum InTheWay<'a> {
    Ended(usize, StepEnd),
    Unknown(&'a StepId),
}

pub(super) struct Board<'a> {
    plan: &'a Plan,
    states: Vec<BoardState>,
    reasons: Vec<String>,
    places: BTreeMap<&'a StepId, usize>,
    chosen: Option<BTreeSet<usize>>,
    failed: BTreeSet<&'a StepTarget>,
    failures_allowed: usize,
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
        let reason = |step: &crate::PlanStep| match folded.place(&step.id) {
            StepState::Final(end) => end.reason.clone(),
            StepState::Planned | StepState::Intent { .. } | StepState::Accepted { .. } => {
                String::new()
            }
        };
        let places: BTreeMap<&StepId, usize> =
            plan.steps.iter().map(|step| &step.id).zip(0..).collect();
        let waiting = plan.steps.iter().zip(&states);
        let waiting = waiting.filter(|(_, state)| **state == BoardState::Waiting);
        let fresh = waiting.map(|(step, _)| &step.target).collect();
        let chosen = canary.map(|count| first_steps(plan, &places, fresh, count));
        let failed = plan
            .steps
            .iter()
            .zip(&states)
            .filter(|(_, state)| **state == BoardState::Over(StepEnd::Failed))
            .map(|(step, _)| &step.target)
            .collect();
        Self {
            plan,
            places,
            reasons: plan.steps.iter().map(reason).collect(),
            states,
            chosen,
            failed,
            failures_allowed,
        }
    }

    /// Returns the next step that can start, or is blocked. If the lane is kept, its chain
    /// continues first.
    pub(super) fn next(&self) -> Option<usize> {
        let waiting = || {
            let states = self.states.iter().enumerate();
            states
                .filter(|(_, state)| **state == BoardState::Waiting)
                .map(|(index, _)| index)
        };
        let mut begun = waiting().filter(|index| self.goes_on(*index));
        begun
            .find(|index| self.has_turn(*index))
            .or_else(|| waiting().find(|index| self.has_turn(*index)))
    }

    fn goes_on(&self, index: usize) -> bool {
        let Some(step) = self.plan.steps.get(index).filter(|it| it.lane.kept) else {
            return false;
        };
        step.after.iter().any(|id| {
            let before = self.places.get(id).and_then(|at| self.plan.steps.get(*at));
            let is_done = matches!(self.state_of(id), Some(BoardState::Over(end)) if end.is_good());
            is_done && before.is_some_and(|it| it.lane.name == step.lane.name)
        })
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
        before_done && self.may_begin(index, &step.target) && self.has_room(index)
    }

    fn may_begin(&self, index: usize, target: &StepTarget) -> bool {
        let chosen = self.chosen.as_ref().is_none_or(|it| it.contains(&index));
        chosen && (!self.is_over_limit() || self.is_begun(target))
    }

    fn is_over_limit(&self) -> bool {
        self.failed.len() > self.failures_allowed
    }

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
                let is_there = match state {
                    BoardState::Running => true,
                    BoardState::Left => other.lane.kept,
                    BoardState::Waiting | BoardState::Over(_) => false,
                };
                is_there && other.lane.name == step.lane.name
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

    pub(super) fn blocked_by(&self, index: usize) -> Option<String> {
        let step = self.plan.steps.get(index)?;
        let (mut index, mut end) = match self.in_the_way(index)? {
            InTheWay::Unknown(id) => return Some(format!("`{id}` before it is not in the plan")),
            InTheWay::Ended(index, end) => (index, end),
        };
        // reports the root cause of the chain
        for _ in 0..self.plan.steps.len() {
            match self.in_the_way(index) {
                Some(InTheWay::Ended(earlier, its_end)) if end == StepEnd::Blocked => {
                    (index, end) = (earlier, its_end);
                }
                Some(InTheWay::Ended(..) | InTheWay::Unknown(_)) | None => break,
            }
        }
        let other = self.plan.steps.get(index)?;
        let which = if other.target == step.target {
            format!("its step `{}`", other.kind)
        } else {
            format!("step `{}` of {}", other.kind, other.target)
        };
        let why = self.reasons.get(index).filter(|it| !it.is_empty());
        let why = why.map(|it| format!(": {it}")).unwrap_or_default();
        Some(format!("waits for {which}: {end}{why}"))
    }

    fn in_the_way(&self, index: usize) -> Option<InTheWay<'_>> {
        let step = self.plan.steps.get(index)?;
        step.after.iter().find_map(|id| match self.state_of(id) {
            Some(BoardState::Over(end)) if !end.is_good() => {
                let index = self.places.get(id)?;
                Some(InTheWay::Ended(*index, end))
            }
            None => Some(InTheWay::Unknown(id)),
            Some(_) => None,
        })
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
        if let Some(reason) = self.reasons.get_mut(index) {
            reason.clone_from(&end.reason);
        }
        if let (StepEnd::Failed, Some(step)) = (end.outcome, self.plan.steps.get(index)) {
            self.failed.insert(&step.target);
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

/// Returns the steps of the first `n` targets, with dependencies. Shared dependencies are not
/// counted; shortest dependency chains come first.
fn first_steps<'a>(
    plan: &'a Plan,
    places: &BTreeMap<&StepId, usize>,
    fresh: BTreeSet<&'a StepTarget>,
    count: usize,
) -> BTreeSet<usize> {
    let waits = waits(plan, places);
    let helpers = helpers(&waits);
    let ranks = ranks(&waits, &helpers);
    let (made_for, mut first): (Vec<_>, Vec<_>) =
        fresh.into_iter().partition(|it| helpers.contains(it));
    // stable: keeps the order of targets
    first.sort_by_key(|it| ranks.get(it).copied().unwrap_or_default());
    let first: BTreeSet<&StepTarget> = first.into_iter().chain(made_for).take(count).collect();
    let steps = plan.steps.iter().zip(0..);
    let mut open: Vec<usize> = steps
        .filter(|(step, _)| first.contains(&step.target))
        .map(|(_, place)| place)
        .collect();
    let mut chosen = BTreeSet::new();
    while let Some(place) = open.pop() {
        if chosen.insert(place) {
            let after = plan.steps.get(place).map(|step| &step.after);
            let before = after.into_iter().flatten();
            open.extend(before.filter_map(|id| places.get(id)));
        }
    }
    chosen
}

type Waits<'a> = BTreeSet<(&'a StepTarget, &'a StepTarget)>;

fn waits<'a>(plan: &'a Plan, places: &BTreeMap<&StepId, usize>) -> Waits<'a> {
    let mut waits = Waits::new();
    for step in &plan.steps {
        let places = step.after.iter().filter_map(|id| places.get(id));
        let before = places.filter_map(|place| plan.steps.get(*place));
        let others = before.filter(|before| before.target != step.target);
        waits.extend(others.map(|before| (&step.target, &before.target)));
    }
    waits
}

fn helpers<'a>(waits: &Waits<'a>) -> BTreeSet<&'a StepTarget> {
    let mut waited_for: BTreeMap<&StepTarget, usize> = BTreeMap::new();
    for (_, before) in waits {
        *waited_for.entry(before).or_default() += 1;
    }
    waited_for.retain(|_, by| *by > 1);
    let mut open: Vec<&StepTarget> = waited_for.into_keys().collect();
    let mut helpers = BTreeSet::new();
    while let Some(helper) = open.pop() {
        if helpers.insert(helper) {
            let of_it = waits.iter().filter(|(target, _)| *target == helper);
            open.extend(of_it.map(|(_, before)| *before));
        }
    }
    helpers
}

fn ranks<'a>(
    waits: &Waits<'a>,
    helpers: &BTreeSet<&StepTarget>,
) -> BTreeMap<&'a StepTarget, usize> {
    let mut ranks: BTreeMap<&StepTarget, usize> = BTreeMap::new();
    let others = || waits.iter().filter(|(_, before)| !helpers.contains(before));
    for _ in 0..others().count() {
        let mut is_done = true;
        for (target, before) in others() {
            let rank = ranks.get(before).copied().unwrap_or_default() + 1;
            let own = ranks.entry(target).or_default();
            if *own < rank {
                (*own, is_done) = (rank, false);
            }
        }
        if is_done {
            break;
        }
    }
    ranks
}
