//! Removal of a service's administrator: first in every Region, then in Organizations.

use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepId, StepTarget};

use super::facts::DelegationFacts;
use super::families::DelegatedService;
use super::plan::{DelegationStepKind, DesiredAdministrator};
use crate::steps::stored;

pub const REMOVE_KIND: &str = "org.delegate.remove";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalRequest {
    pub service: &'static DelegatedService,
    pub regions: Vec<String>,
    /// Deregister in Organizations too, which affects every Region.
    pub everywhere: bool,
}

/// Steps that remove the found administrators.
pub fn draft_removal(wish: &RemovalRequest, facts: &DelegationFacts) -> PlanDraft {
    let service = wish.service;
    let mut draft = PlanDraft::new(REMOVE_KIND, &facts.organization, PlanLimits::DESTRUCTIVE);
    let desired = |account: &str| {
        stored(&DesiredAdministrator {
            service: service.name.to_owned(),
            account: account.to_owned(),
            replaces: None,
            regions: Vec::new(),
        })
    };
    let mut first: Vec<StepId> = Vec::new();
    for region in &wish.regions {
        let Ok(Some(account)) = facts.regional(service.name, region) else {
            continue;
        };
        let target = StepTarget {
            account: account.to_owned(),
            region: region.clone(),
            key: service.name.to_owned(),
        };
        let lane = Lane::organizations_write();
        first.push(draft.step(
            target,
            DelegationStepKind::Withdraw,
            desired(account),
            lane,
            &[],
        ));
    }
    let known = facts.administrators.get(service.principal);
    for account in known.into_iter().flatten().filter(|_| wish.everywhere) {
        let target = StepTarget::global(account.clone(), service.name);
        let lane = Lane::organizations_write();
        draft.step(
            target,
            DelegationStepKind::Deregister,
            desired(account),
            lane,
            &first,
        );
    }
    draft
}
