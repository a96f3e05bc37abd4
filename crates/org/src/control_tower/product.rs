//! Account Factory products as plan steps. Names and forms are part of stored plans.

use hallpass_aws_model::facts;
use hallpass_base::{AccountId, TimeSpan};
use hallpass_plans::{Lane, PlanDraft, StepId, StepTarget};
use serde::{Deserialize, Serialize};

use crate::steps::{step_kinds, stored};

step_kinds! {
    pub(crate) enum FactoryStepKind {
        /// Permission to use Account Factory: [`FactoryPermission`].
        Admit = "factory.admit",
        /// Account Factory has enrolled the account: [`DesiredProduct`].
        Provision = "factory.provision",
    }
}

/// The user with access from Account Factory; the address is the account's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactoryUser {
    pub first_name: String,
    pub last_name: String,
}

impl Default for FactoryUser {
    fn default() -> Self {
        Self {
            first_name: "Admin".to_owned(),
            last_name: "User".to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FactoryPermission {
    pub(crate) principal: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredProduct {
    pub(crate) product: String,
    pub(crate) account: Option<AccountId>,
    pub(crate) account_name: String,
    pub(crate) email: String,
    pub(crate) unit: String,
    pub(crate) sso_email: String,
    #[serde(flatten)]
    pub(crate) user: FactoryUser,
}

/// One Control Tower operation at a time, for all processes on a store.
pub(crate) fn control_tower_lane() -> Lane {
    Lane::occupied("control-tower")
}

pub(crate) fn add_admission(draft: &mut PlanDraft, management: &str, principal: &str) -> StepId {
    let wish = FactoryPermission {
        principal: principal.to_owned(),
    };
    let target = StepTarget::global(management, "Account Factory");
    draft.step(
        target,
        FactoryStepKind::Admit,
        stored(&wish),
        control_tower_lane(),
        &[],
    )
}

/// Control Tower's default quota of concurrent account operations.
pub const ACCOUNTS_AT_ONCE_MAX: u32 = facts::TOWER_ACCOUNTS_AT_ONCE.value;

/// Adds the step that creates or enrols an account; at most `width` products of a plan run
/// concurrently.
pub(crate) fn add_product(
    draft: &mut PlanDraft,
    target: StepTarget,
    wish: &DesiredProduct,
    after: &[StepId],
    width: u32,
    timeout: TimeSpan,
) -> StepId {
    let lane = Lane {
        width: width.clamp(1, ACCOUNTS_AT_ONCE_MAX),
        ..control_tower_lane()
    };
    let made = draft.step(
        target,
        FactoryStepKind::Provision,
        stored(wish),
        lane,
        after,
    );
    draft.set_timeout(&made, timeout);
    made
}
