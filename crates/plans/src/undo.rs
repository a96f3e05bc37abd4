//! A plan back from what a plan recorded (`organization.md` P-15).

use std::collections::BTreeMap;

use crate::journal::{Final, Folded, StepEnd};
use crate::plan::{Plan, PlanDraft, PlanLimits, PlanStep, StepId};
use crate::ports::{StepExecutor, Undo};

/// What undoing comes to.
#[derive(Clone, Debug)]
pub struct Undoing {
    /// The plan back.
    pub draft: PlanDraft,
    /// What cannot be undone: the target, and why. Never tried.
    pub not_undoable: Vec<(String, String)>,
}

/// The plan that goes back to the recorded old forms, in the reverse order: of whatever any run of the plan changed. What
/// is no longer as the plan left it is `drifted` there: a look at the step that changed it finds something to do again.
pub fn undo(plan: &Plan, folded: &Folded, hands: &dyn StepExecutor) -> Undoing {
    let kind = format!("{}.undo", plan.kind.trim_end_matches(".undo"));
    let mut draft = PlanDraft::new(kind, plan.organization.clone(), PlanLimits::DESTRUCTIVE);
    draft.remember(plan.facts.clone());
    draft.name_accounts(plan.account_names.clone());
    let mut not_undoable = Vec::new();
    // step → the steps that undo it; a step is undone after all that came after it
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

/// The changes of a step, the newest first. One that went on where another had failed half way is one with it: both end where
/// the first began. Of a step that has parts each changed other parts.
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

/// The step as it was carried out: without the parts that somebody else had changed, where it is `drifted` for those, and
/// without those that failed. None where what is half done is no wish: what is undone says then by itself what it left.
fn left_by(step: &PlanStep, end: &Final, hands: &dyn StepExecutor) -> Option<PlanStep> {
    let mut left = step.clone();
    let is_part = end.outcome == StepEnd::Drifted || end.is_done_in_part();
    if is_part {
        left.desired = end.new.clone();
    }
    (!is_part || hands.has_parts(step)).then_some(left)
}
