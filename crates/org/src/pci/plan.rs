//! Plans with one step per person. Names and forms are part of stored plans.

use hallpass_base::{TimeSpan, UserId};
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepTarget};
use serde::{Deserialize, Serialize};

use super::choose::StalePerson;
use crate::steps::{step_kinds, stored};

pub const DISABLE_PLAN_KIND: &str = "pci.disable";
pub const DELETE_PLAN_KIND: &str = "pci.delete";

step_kinds! {
    pub(crate) enum PeopleStepKind {
        /// A person may not sign in: [`IdentityStoreUser`].
        Disable = "people.disable",
        /// A person may sign in: [`IdentityStoreUser`].
        Enable = "people.enable",
        /// A person is deleted from the identity store: [`IdentityStoreUser`].
        Delete = "people.delete",
    }
}

/// Step timeout, including the wait for another writer's revision.
const TIMEOUT: TimeSpan = TimeSpan::minutes(5);

/// True for steps of [`PeopleStepExecutor`](super::PeopleStepExecutor).
pub fn is_people_step(kind: &str) -> bool {
    kind.starts_with("people.")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdentityStoreUser {
    pub(crate) identity_store_id: String,
    pub(crate) user_id: UserId,
    pub(crate) user_name: String,
}

fn plan(
    kind: &str,
    step: PeopleStepKind,
    store: &str,
    organization: &str,
    people: &[StalePerson],
) -> PlanDraft {
    // the selection already limits people; a user's step limit applies too
    let limits = PlanLimits {
        changes_max: people.len(),
        ..PlanLimits::DESTRUCTIVE
    };
    let mut draft = PlanDraft::new(kind, organization, limits);
    for person in people {
        let wish = IdentityStoreUser {
            identity_store_id: store.to_owned(),
            user_id: person.user_id.clone(),
            user_name: person.user_name.clone(),
        };
        let target = StepTarget::global("", format!("user {}", person.user_name));
        let lane = Lane::serial("identitystore-write");
        let id = draft.step(target, step, stored(&wish), lane, &[]);
        draft.set_timeout(&id, TIMEOUT);
    }
    draft
}

/// Disables people in the identity store (`inventory.md` H-17 ③).
pub fn disable_plan(store: &str, organization: &str, people: &[StalePerson]) -> PlanDraft {
    plan(
        DISABLE_PLAN_KIND,
        PeopleStepKind::Disable,
        store,
        organization,
        people,
    )
}

/// Deletes people (`inventory.md` H-17 ⑤). Their access must be revoked first: access can be
/// restored, a person cannot.
pub fn delete_plan(store: &str, organization: &str, people: &[StalePerson]) -> PlanDraft {
    plan(
        DELETE_PLAN_KIND,
        PeopleStepKind::Delete,
        store,
        organization,
        people,
    )
}
