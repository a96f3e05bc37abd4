//! Orders the writes of a difference (`inventory.md` A-5).

use std::collections::BTreeSet;

use hallpass_base::PermissionSetName;
use hallpass_plans::{PlanDraft, PlanLimits, StepId, StepProbe};
use hallpass_rules::Directory;
use serde::{Deserialize, Serialize};

use crate::compare::AccessDiff;
use crate::probe::probe_set;
use crate::refusal::AccessRefusal;
use crate::state::SeenAccess;
use crate::steps::{AccessAction, PLAN_KIND, STEP_TIMEOUT, SetAction};

/// Facts stored with a plan (`inventory.md` A-9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedDiff {
    pub diff: AccessDiff,
    pub refusals: Vec<AccessRefusal>,
    pub seen: SeenAccess,
}

/// Position in the order of `inventory.md` A-5; later phases are larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    RevokeFirst,
    LoseFirst,
    Create,
    Gain,
    ProvisionGains,
    Assign,
    LoseBeside,
    ProvisionBoth,
    Unassign,
    Lose,
    ProvisionLosses,
    Delete,
}

/// Whether a plan grows a set's policies, shrinks them, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// No account has the role. The set must be complete before it is assigned.
    Unused,
    Gains,
    Loses,
    Both,
}

fn direction(saved: &SavedDiff, set: &PermissionSetName) -> Direction {
    let (diff, there) = (&saved.diff, saved.seen.sets.get(set));
    if there.is_none_or(|set| set.accounts.is_empty()) {
        return Direction::Unused;
    }
    let (mut gains, mut loses) = (false, false);
    for change in &diff.changes {
        match &change.action {
            AccessAction::Set {
                permission_set,
                action,
            } if permission_set == set && !matches!(action, SetAction::Provision { .. }) => {
                loses |= action.is_loss();
                gains |= !action.is_loss();
            }
            _ => {}
        }
    }
    match (gains, loses) {
        (true, true) => Direction::Both,
        (false, true) => Direction::Loses,
        (_, false) => Direction::Gains,
    }
}

fn phase(action: &AccessAction, direction: Direction, revoke_first: bool) -> Phase {
    match action {
        AccessAction::Unassign(_) if revoke_first => Phase::RevokeFirst,
        AccessAction::Unassign(_) => Phase::Unassign,
        AccessAction::Assign(_) => Phase::Assign,
        AccessAction::Set { action, .. } => match (action, direction) {
            (SetAction::Create { .. }, _) => Phase::Create,
            (SetAction::Delete, _) => Phase::Delete,
            (SetAction::Provision { .. }, _) if revoke_first => Phase::ProvisionGains,
            (_, Direction::Unused) => Phase::Gain,
            (SetAction::Provision { .. }, Direction::Gains) => Phase::ProvisionGains,
            (SetAction::Provision { .. }, Direction::Both) => Phase::ProvisionBoth,
            (SetAction::Provision { .. }, Direction::Loses) => Phase::ProvisionLosses,
            (action, _) if action.is_loss() && revoke_first => Phase::LoseFirst,
            (action, Direction::Both) if action.is_loss() => Phase::LoseBeside,
            (action, _) if action.is_loss() => Phase::Lose,
            _ => Phase::Gain,
        },
    }
}

fn concerns(one: &AccessAction, other: &AccessAction, seen: &SeenAccess) -> bool {
    if one.permission_set() == other.permission_set() {
        return true;
    }
    let accounts = |action: &AccessAction| {
        if let Some(it) = action.assignment() {
            return BTreeSet::from([it.account.clone()]);
        }
        let set = seen.sets.get(action.permission_set());
        set.map(|set| set.accounts.clone()).unwrap_or_default()
    };
    !accounts(one).is_disjoint(&accounts(other))
}

fn compared(action: &AccessAction, seen: &SeenAccess) -> Option<StepProbe> {
    match action {
        AccessAction::Set {
            action: SetAction::Provision { .. },
            ..
        }
        | AccessAction::Assign(_)
        | AccessAction::Unassign(_) => None,
        AccessAction::Set {
            permission_set,
            action,
        } => {
            let there = seen.sets.get(permission_set);
            Some(probe_set(action, there.map(|it| &it.content)))
        }
    }
}

/// A step waits for earlier steps (`inventory.md` A-5) on the same set or account; a failure blocks
/// no others.
pub fn plan(
    saved: &SavedDiff,
    organization: &str,
    directory: &Directory,
    revoke_first: bool,
) -> PlanDraft {
    let mut draft = PlanDraft::new(PLAN_KIND, organization, PlanLimits::USUAL);
    let mut phased: Vec<(Phase, &AccessAction)> = saved
        .diff
        .changes
        .iter()
        .map(|change| {
            let direction = direction(saved, change.action.permission_set());
            let phase = phase(&change.action, direction, revoke_first);
            (phase, &change.action)
        })
        .collect();
    phased.sort_by_key(|(phase, _)| *phase);
    let mut made: Vec<(Phase, &AccessAction, StepId)> = Vec::with_capacity(phased.len());
    for (phase, action) in phased {
        let goes_before = |(earlier, other, _): &&(Phase, &AccessAction, StepId)| {
            *earlier < phase && concerns(other, action, &saved.seen)
        };
        let after: Vec<StepId> = made
            .iter()
            .filter(goes_before)
            .map(|(_, _, id)| id.clone())
            .collect();
        // Ids, texts and JSON always serialize.
        let desired = serde_json::to_value(action).unwrap_or_default();
        let target = action.target(directory);
        let id = draft.step(target, action.kind(), desired, action.lane(), &after);
        draft.set_timeout(&id, STEP_TIMEOUT);
        if let Some(seen) = compared(action, &saved.seen) {
            draft.compared(&id, seen);
        }
        made.push((phase, action, id));
    }
    draft.remember(serde_json::to_value(saved).unwrap_or_default());
    draft
}
