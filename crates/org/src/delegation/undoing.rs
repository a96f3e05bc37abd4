//! Undo of steps (`organization.md` P-15).

use hallpass_plans::{PlanStep, Undo};
use serde_json::Value;

use super::families::{DETECTIVE, service_named};
use super::plan::{DelegationStepKind, DesiredAdministrator, DesiredGraph};
use crate::steps::{StepKind as _, no_undo_of_unknown, stored};

pub(super) fn undo(step: &PlanStep) -> Undo {
    let Some(kind) = DelegationStepKind::named(&step.kind) else {
        return no_undo_of_unknown(step);
    };
    let other = |kind: DelegationStepKind| Undo::By(vec![(kind.into(), step.desired.clone())]);
    match kind {
        DelegationStepKind::Register => other(DelegationStepKind::Deregister),
        DelegationStepKind::Deregister => registered_again(step),
        DelegationStepKind::Designate | DelegationStepKind::Withdraw if is_of_detective(step) => Undo::Not(
            "taking Detective's administrator away deletes the behavior graph: `hallpass org delegate remove`"
                .to_owned(),
        ),
        DelegationStepKind::Designate => other(DelegationStepKind::Withdraw),
        DelegationStepKind::Withdraw => Undo::By(vec![(DelegationStepKind::Designate.into(), set_again(step))]),
        DelegationStepKind::AutoEnable => match step.wish::<DesiredGraph>() {
            Ok(wish) => Undo::By(vec![(
                DelegationStepKind::AutoEnable.into(),
                stored(&DesiredGraph {
                    auto_enable: wish.auto_enable.map(|on| !on),
                    ..wish
                }),
            )]),
            Err(_) => Undo::Not("the step cannot be read".to_owned()),
        },
        DelegationStepKind::Trust => Undo::Not("others may rely on trusted access by now".to_owned()),
        DelegationStepKind::Graph
        | DelegationStepKind::Packages
        | DelegationStepKind::Members
        | DelegationStepKind::Invite => Undo::Not("members and sources of data stay: removing them loses their findings".to_owned()),
    }
}

/// Restores a deregistered administrator. A regional service registers its administrator without a
/// step, so the successor is deregistered first: the service accepts only one.
fn registered_again(step: &PlanStep) -> Undo {
    let again = (DelegationStepKind::Register.into(), set_again(step));
    match ours_registered_by_itself(step) {
        Some(ours) => Undo::By(vec![
            (DelegationStepKind::Deregister.into(), stored(&ours)),
            again,
        ]),
        None => Undo::By(vec![again]),
    }
}

/// The successor, if the service registered it.
fn ours_registered_by_itself(step: &PlanStep) -> Option<DesiredAdministrator> {
    let wish = step.wish::<DesiredAdministrator>().ok()?;
    service_named(&wish.service)?.regional?;
    let ours = wish.replaces?;
    Some(DesiredAdministrator {
        account: ours,
        replaces: Some(wish.account),
        service: wish.service,
        regions: wish.regions,
    })
}

/// Restores a removed administrator. Older plans lack the successor: then it is the target's
/// account, which differs after a replacement.
fn set_again(step: &PlanStep) -> Value {
    match step.wish::<DesiredAdministrator>() {
        Ok(wish) if wish.replaces.is_none() && wish.account != step.target.account => {
            stored(&DesiredAdministrator {
                replaces: Some(step.target.account.clone()),
                ..wish
            })
        }
        Ok(_) | Err(_) => step.desired.clone(),
    }
}

fn is_of_detective(step: &PlanStep) -> bool {
    step.wish::<DesiredAdministrator>()
        .is_ok_and(|wish| wish.service == DETECTIVE)
}
