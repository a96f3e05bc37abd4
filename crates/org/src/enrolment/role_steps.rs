//! Steps that create Control Tower's role in an account (`organization.md` N-4).

use hallpass_base::AccountId;
use hallpass_plans::{Lane, PlanDraft, StepId, StepTarget};
use serde::{Deserialize, Serialize};

use super::facts::{EnrolmentFacts, InsideFacts};
use super::request::{EnrolmentRequest, RoleCreation};
use super::stack_sets::{self, DesiredStackInstance, DesiredStackSet, InsideCheck};
use super::step_kinds::EnrolmentStepKind;
use crate::steps::stored;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredRole {
    pub(crate) account: AccountId,
    pub(crate) by: String,
    pub(crate) management: String,
    /// `aws` in older plans without it.
    #[serde(default = "usual_partition", skip_serializing_if = "is_usual")]
    pub(crate) partition: String,
}

impl DesiredRole {
    pub(super) fn trusted(&self) -> String {
        format!("arn:{}:iam::{}:root", self.partition, self.management)
    }

    /// Permissions of Control Tower's role (AWS Control Tower User Guide, "Manually add the
    /// required IAM role").
    pub(super) fn administrator(&self) -> String {
        format!("arn:{}:iam::aws:policy/AdministratorAccess", self.partition)
    }
}

/// Default partition of older plans. Never serialized: steps are identified by their content.
const USUAL: &str = "aws";

fn usual_partition() -> String {
    USUAL.to_owned()
}

fn is_usual(partition: &str) -> bool {
    partition == USUAL
}

#[derive(Default)]
pub(super) struct RoleSteps {
    set: Option<StepId>,
}

impl RoleSteps {
    /// The step after which the role exists; `None` if it already does.
    pub(super) fn add(
        &mut self,
        draft: &mut PlanDraft,
        wish: &EnrolmentRequest,
        facts: &EnrolmentFacts,
        target: &StepTarget,
        id: &AccountId,
    ) -> Vec<StepId> {
        let Some(inside) = facts.inside.get(id) else {
            return Vec::new();
        };
        if inside.execution_role != Ok(false) {
            return Vec::new();
        }
        match wish.create_role {
            RoleCreation::None => Vec::new(),
            RoleCreation::Account => {
                let by = inside.trusted.as_ref().ok().and_then(Clone::clone);
                let steps = by.map(|by| by_account(draft, target, id, by, facts));
                steps.into_iter().collect()
            }
            RoleCreation::Ou => {
                let steps = self.by_stack_set(draft, target, id, inside, wish, facts);
                steps.into_iter().collect()
            }
        }
    }

    fn by_stack_set(
        &mut self,
        draft: &mut PlanDraft,
        target: &StepTarget,
        id: &AccountId,
        inside: &InsideFacts,
        wish: &EnrolmentRequest,
        facts: &EnrolmentFacts,
    ) -> Option<StepId> {
        let unit = inside.parent.as_ref().ok()?;
        let zone = facts.zone.as_ref()?;
        let set = self.set.get_or_insert_with(|| {
            let at = StepTarget::global(&facts.management, "stack set");
            let desired = stored(&DesiredStackSet::of(&facts.management));
            draft.step(
                at,
                EnrolmentStepKind::StackSet,
                desired,
                stack_sets::lane(),
                &[],
            )
        });
        let first = zone.regions.first();
        let region = Some(&zone.home).filter(|it| !it.is_empty()).or(first)?;
        let instance = DesiredStackInstance {
            account: id.clone(),
            unit: unit.clone(),
            region: region.clone(),
        };
        let after = [set.clone()];
        let lane = stack_sets::lane();
        let kind = EnrolmentStepKind::StackInstance;
        let made = draft.step(target.clone(), kind, stored(&instance), lane, &after);
        draft.set_timeout(&made, stack_sets::MAKING);
        if inside.trusted != Ok(None) {
            return Some(made);
        }
        let look = InsideCheck {
            account: id.clone(),
            regions: zone.regions.clone(),
            may_stay: wish.allow_config.contains(id),
        };
        let (target, lane) = (target.clone(), Lane::usual());
        Some(draft.step(
            target,
            EnrolmentStepKind::Inside,
            stored(&look),
            lane,
            &[made],
        ))
    }
}

fn by_account(
    draft: &mut PlanDraft,
    target: &StepTarget,
    id: &AccountId,
    by: String,
    facts: &EnrolmentFacts,
) -> StepId {
    let wish = DesiredRole {
        account: id.clone(),
        by,
        management: facts.management.clone(),
        partition: facts.partition().to_owned(),
    };
    let (desired, lane) = (stored(&wish), Lane::usual());
    let made = draft.step(
        target.clone(),
        EnrolmentStepKind::CreateRole,
        desired.clone(),
        lane.clone(),
        &[],
    );
    draft.step(
        target.clone(),
        EnrolmentStepKind::GrantRole,
        desired,
        lane,
        &[made],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_trusts_and_has_what_is_of_its_partition() {
        for (partition, trusted, administrator) in [
            (
                "",
                "arn:aws:iam::111111111111:root",
                "arn:aws:iam::aws:policy/AdministratorAccess",
            ),
            (
                r#","partition":"aws-us-gov""#,
                "arn:aws-us-gov:iam::111111111111:root",
                "arn:aws-us-gov:iam::aws:policy/AdministratorAccess",
            ),
        ] {
            let text = format!(
                r#"{{"account":"222222222222","by":"Admin","management":"111111111111"{partition}}}"#
            );
            let wish: DesiredRole = serde_json::from_str(&text).unwrap();
            assert_eq!(wish.trusted(), trusted);
            assert_eq!(wish.administrator(), administrator);
            assert_eq!(serde_json::to_string(&wish).unwrap(), text);
        }
    }
}
