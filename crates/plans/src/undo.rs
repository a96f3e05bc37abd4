//! Undo plans from a journal (`organization.md` P-15).

use std::collections::BTreeMap;

use crate::journal::{Final, Folded, StepEnd};
use crate::plan::{Plan, PlanDraft, PlanLimits, PlanStep, StepId};
use crate::ports::{StepExecutor, Undo};

#[derive(Clone, Debug)]
pub struct Undoing {
    pub draft: PlanDraft,
    /// Targets that cannot be undone, with reasons. Never tried.
    pub not_undoable: Vec<(String, String)>,
}

/// Builds the plan that restores the recorded old states in reverse order, over all runs. Targets
/// changed since are `drifted`: a probe of the original step would change them again.
pub fn undo(plan: &Plan, folded: &Folded, hands: &dyn StepExecutor) -> Undoing {
    let kind = format!("{}.undo", plan.kind.trim_end_matches(".undo"));
    let mut draft = PlanDraft::new(kind, plan.organization.clone(), PlanLimits::DESTRUCTIVE);
    draft.remember(plan.facts.clone());
    draft.name_accounts(plan.account_names.clone());
    let mut not_undoable = Vec::new();
    // step → its undo steps; a step is undone after all its dependents
    let mut undone: BTreeMap<&StepId, Vec<StepId>> = BTreeMap::new();
    let mut left: Vec<_> = plan.steps.iter().collect();
    while !left.is_empty() {
        let is_last = |id: &StepId| left.iter().all(|step| !step.after.contains(id));
        let Some(at) = left.iter().position(|step| is_last(&step.id)) else {
            break;
        };
        let step = left.remove(at);
        let mut after: Vec<StepId> = plan
            .steps
            .iter()
            .filter(|later| later.after.contains(&step.id))
            .filter_map(|later| undone.get(&later.id))
            .flatten()
            .cloned()
            .collect();
        for end in taken_together(folded.changes(&step.id), hands.has_parts(step)) {
            let wishes = match hands.undo(step, &end.old, &end.new) {
                Undo::By(wishes) => wishes,
                Undo::Not(why) => {
                    not_undoable.push((step.target.to_string(), why));
                    continue;
                }
            };
            let mut left = left_by(step, &end, hands);
            for (kind, desired) in wishes {
                let (target, lane) = (step.target.clone(), step.lane.clone());
                let id = draft.step(target, &kind, desired, lane, &after);
                if let Some(left) = left.take() {
                    draft.takes_back(&id, &left);
                }
                undone.entry(&step.id).or_default().push(id.clone());
                after = vec![id];
            }
        }
    }
    Undoing {
        draft,
        not_undoable,
    }
}

/// Returns the changes of a step, newest first. A change that completed a half-finished one is
/// merged with it: both restore the first old state. For steps with parts, each changed other
/// parts.
fn taken_together<'a>(changes: impl Iterator<Item = &'a Final>, has_parts: bool) -> Vec<Final> {
    let mut all: Vec<Final> = Vec::new();
    for end in changes {
        match all.last_mut().filter(|it| !has_parts && it.old == end.new) {
            Some(later) => later.old.clone_from(&end.old),
            None => all.push(end.clone()),
        }
    }
    all
}

/// Returns the step as executed: without drifted and failed parts. None if the half-done state
/// cannot be expressed as desired; the undo step then describes it.
fn left_by(step: &PlanStep, end: &Final, hands: &dyn StepExecutor) -> Option<PlanStep> {
    let mut left = step.clone();
    let is_part = end.outcome == StepEnd::Drifted || end.is_done_in_part();
    if is_part {
        left.desired = end.new.clone();
    }
    (!is_part || hands.has_parts(step)).then_some(left)
}
