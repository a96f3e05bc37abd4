//! Plans the removals of a review (`inventory.md` W-7).

use hallpass_base::TimeSpan;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepTarget};
use hallpass_rules::Directory;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::memberships::LEAVE;
use crate::state::AccountAssignment;
use crate::state::GroupMember;
use crate::steps::{AccessAction, STEP_TIMEOUT};

pub const REVIEW_PLAN_KIND: &str = "access.review";
/// How long a removed membership may stay visible.
const MEMBERSHIP_TIMEOUT: TimeSpan = TimeSpan::minutes(5);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "remove", rename_all = "snake_case")]
pub enum ReviewedAccess {
    Assignment(AccountAssignment),
    Membership(GroupMember),
}

pub fn review_plan(
    removals: &[ReviewedAccess],
    organization: &str,
    directory: &Directory,
    facts: Value,
) -> PlanDraft {
    removal_plan(REVIEW_PLAN_KIND, removals, organization, directory, facts)
}

pub fn removal_plan(
    kind: &str,
    removals: &[ReviewedAccess],
    organization: &str,
    directory: &Directory,
    facts: Value,
) -> PlanDraft {
    let mut draft = PlanDraft::new(kind, organization, PlanLimits::USUAL);
    for removal in removals {
        match removal {
            ReviewedAccess::Assignment(it) => {
                let action = AccessAction::Unassign(it.clone());
                // Ids and names always serialize.
                let desired = serde_json::to_value(&action).unwrap_or_default();
                let target = action.target(directory);
                let id = draft.step(target, action.kind(), desired, action.lane(), &[]);
                draft.set_timeout(&id, STEP_TIMEOUT);
            }
            ReviewedAccess::Membership(it) => {
                let group = directory.group(&it.group);
                let group = group.map_or_else(|| it.group.to_string(), |it| it.name.clone());
                let person = directory.person(&it.user);
                let person = person.map_or_else(|| it.user.to_string(), |it| it.user_name.clone());
                let target = StepTarget::global("", format!("user {person} out of group {group}"));
                let desired = serde_json::to_value(it).unwrap_or_default();
                let lane = Lane::serial("identitystore-write");
                let id = draft.step(target, LEAVE, desired, lane, &[]);
                draft.set_timeout(&id, MEMBERSHIP_TIMEOUT);
            }
        }
    }
    draft.remember(facts);
    draft
}
