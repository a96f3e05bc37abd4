//! The way back: a service without an administrator. First in every Region, then in Organizations.

use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepId, StepTarget};

use super::facts::DelegationFacts;
use super::families::DelegatedService;
use super::plan::{AdministratorWish, DEREGISTER, WITHDRAW};
use crate::steps::stored;

/// The kind of these plans.
pub const REMOVE_KIND: &str = "org.delegate.remove";

/// What is to be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalWish {
    /// The service.
    pub service: &'static DelegatedService,
    /// Where it was looked for.
    pub regions: Vec<String>,
    /// Whether Organizations is to forget the administrator, too: in every Region at once.
    pub everywhere: bool,
}

/// The steps that take away the administrators that were seen.
pub fn draft_removal(wish: &RemovalWish, facts: &DelegationFacts) -> PlanDraft {
    let service = wish.service;
    let mut draft = PlanDraft::new(REMOVE_KIND, &facts.organization, PlanLimits::DESTRUCTIVE);
    let desired = |account: &str| {
        stored(&AdministratorWish {
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
        first.push(draft.step(target, WITHDRAW, desired(account), lane, &[]));
    }
    let known = facts.administrators.get(service.principal);
    for account in known.into_iter().flatten().filter(|_| wish.everywhere) {
        let target = StepTarget::global(account.clone(), service.name);
        let lane = Lane::organizations_write();
        draft.step(target, DEREGISTER, desired(account), lane, &first);
    }
    draft
}
