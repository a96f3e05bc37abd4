//! Plans of a file: administrators per service and Region, with settings and members. Names and
//! forms are part of stored plans.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::facts;
use hallpass_base::{AccountId, TimeSpan};
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepId, StepTarget};
use serde::{Deserialize, Serialize};

use super::compare::{DelegationRow, DelegationState, WantedMember};
use super::facts::DelegationFacts;
use super::families::DETECTIVE;
use super::file::InvitationMail;
use crate::steps::{step_kinds, stored};

pub const PLAN_KIND: &str = "org.delegate";
/// Accounts per `CreateMembers`.
const MEMBERS_AT_ONCE: usize = facts::DETECTIVE_MEMBERS_PER_CALL.count();

step_kinds! {
    pub(crate) enum DelegationStepKind {
        /// Trusted access: [`TrustedService`].
        Trust = "delegation.enable-trusted-access",
        /// Registered in Organizations: [`DesiredAdministrator`].
        Register = "delegation.register",
        /// Deregistered in Organizations: [`DesiredAdministrator`].
        Deregister = "delegation.deregister",
        /// Set in the service: [`DesiredAdministrator`].
        Designate = "delegation.designate",
        /// Removed from the service: [`DesiredAdministrator`].
        Withdraw = "delegation.withdraw",
        /// The organization's behavior graph exists: [`DesiredGraph`].
        Graph = "delegation.wait-graph",
        /// Automatic membership of new accounts: [`DesiredGraph`].
        AutoEnable = "delegation.auto-enable",
        /// Data sources: [`DesiredGraph`].
        Packages = "delegation.packages",
        /// Accounts are members: [`DesiredGraph`].
        Members = "delegation.enable-members",
        /// Accounts outside the organization are invited; they become members on acceptance: [`DesiredGraph`].
        Invite = "delegation.invite-members",
    }
}

/// Timeout for graph creation (`organization.md` D-5).
const GRAPH_TIMEOUT: TimeSpan = TimeSpan::minutes(10);
/// Wait for members; AWS takes up to an hour, and pending ones are reported.
const MEMBERS_TIMEOUT: TimeSpan = TimeSpan::minutes(15);

/// Wait until an invitation is visible; its acceptance is not awaited.
const INVITATION_TIMEOUT: TimeSpan = TimeSpan::seconds(5);

/// True for steps of [`DelegationStepExecutor`](super::DelegationStepExecutor).
pub fn is_delegation_step(kind: &str) -> bool {
    kind.starts_with("delegation.")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrustedService {
    pub(crate) principal: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredAdministrator {
    pub(crate) service: String,
    pub(crate) account: String,
    /// The administrator removed in an earlier step; for a removal, its successor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<String>,
    /// For a replaced administrator: the Regions of the plan. Deregistration is global, so it may
    /// administer no other Region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) regions: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredGraph {
    pub(crate) account: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auto_enable: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) packages: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) members: Vec<WantedMember>,
    #[serde(default, skip_serializing_if = "InvitationMail::is_sent")]
    pub(crate) invitation: InvitationMail,
}

pub fn draft(rows: &[DelegationRow], facts: &DelegationFacts) -> PlanDraft {
    let mut draft = PlanDraft::new(PLAN_KIND, &facts.organization, PlanLimits::USUAL);
    let mut services: BTreeMap<&str, Vec<&DelegationRow>> = BTreeMap::new();
    for row in rows {
        match row.state {
            DelegationState::Planned => {
                services.entry(row.wish.service.name).or_default().push(row);
            }
            DelegationState::Conflict { .. }
            | DelegationState::Skipped { .. }
            | DelegationState::Unread { .. } => {}
        }
    }
    for rows in services.values() {
        let first = take_away(&mut draft, rows, facts);
        for row in rows {
            // an already set administrator needs no preceding step
            let after: &[StepId] = if row.is_set(facts) { &[] } else { &first };
            add(&mut draft, row, after);
        }
    }
    draft
}

fn administrator(
    row: &DelegationRow,
    account: &str,
    replaces: Option<&str>,
) -> DesiredAdministrator {
    DesiredAdministrator {
        service: row.wish.service.name.to_owned(),
        account: account.to_owned(),
        replaces: replaces.map(str::to_owned),
        regions: Vec::new(),
    }
}

fn target(row: &DelegationRow) -> StepTarget {
    StepTarget {
        account: row.wish.account.as_str().to_owned(),
        region: row.region.clone(),
        key: row.wish.service.name.to_owned(),
    }
}

/// Steps that remove other administrators before Hallpass's is set: in every Region, then in
/// Organizations (Amazon `GuardDuty` User Guide, "Changing the delegated `GuardDuty` administrator
/// account"; Inspector, Macie and Security Hub also have one account for all Regions). A
/// Region-by-Region change would leave the first Region without an administrator, since the service
/// accepts no other while the old one is registered.
///
/// Later steps depend on each of these, not only on the last: undo follows dependencies, and a step
/// without changes is not undone.
fn take_away(
    draft: &mut PlanDraft,
    rows: &[&DelegationRow],
    facts: &DelegationFacts,
) -> Vec<StepId> {
    let lane = Lane::organizations_write;
    let mut first: Vec<StepId> = Vec::new();
    for row in rows {
        let Some(other) = &row.replaces else { continue };
        let kind = match row.wish.service.regional {
            Some(_) => DelegationStepKind::Withdraw,
            None => DelegationStepKind::Deregister,
        };
        // undo restores it in place of the new one
        let ours = row.wish.account.as_str();
        let desired = stored(&administrator(row, other, Some(ours)));
        first.push(draft.step(target(row), kind, desired, lane(), &[]));
    }
    let Some(any) = rows.first() else {
        return first;
    };
    let (service, ours) = (any.wish.service, any.wish.account.as_str());
    let changing = rows.iter().filter(|it| !it.is_set(facts));
    let regions: Vec<String> = changing.map(|it| it.region.clone()).collect();
    let forgotten = rows.iter().flat_map(|it| it.forgets.iter());
    let forgotten: BTreeSet<&String> = forgotten.collect();
    let withdrawn = first.clone();
    for account in forgotten {
        let desired = stored(&DesiredAdministrator {
            regions: regions.clone(),
            ..administrator(any, account, Some(ours))
        });
        let everywhere = StepTarget::global(ours, service.name);
        first.push(draft.step(
            everywhere,
            DelegationStepKind::Deregister,
            desired,
            lane(),
            &withdrawn,
        ));
    }
    first
}

fn add(draft: &mut PlanDraft, row: &DelegationRow, first: &[StepId]) {
    let (service, ours) = (row.wish.service, row.wish.account.as_str());
    let lane = Lane::organizations_write;
    let (place, mut after) = (target(row), first.to_vec());
    let gives = match service.regional {
        Some(_) => DelegationStepKind::Designate,
        None => DelegationStepKind::Register,
    };
    if service.regional.is_none() {
        let desired = stored(&TrustedService {
            principal: service.principal.to_owned(),
        });
        after.push(draft.step(
            place.clone(),
            DelegationStepKind::Trust,
            desired,
            lane(),
            first,
        ));
    }
    let desired = stored(&administrator(row, ours, row.replaces.as_deref()));
    let set = draft.step(place.clone(), gives, desired, lane(), &after);
    if row.wish.has_members() {
        add_graph(draft, row, &place, &set);
    }
}

fn add_graph(draft: &mut PlanDraft, row: &DelegationRow, target: &StepTarget, set: &StepId) {
    let lane = || Lane {
        shared: false,
        ..Lane::serial(format!("{DETECTIVE}:{}", row.region))
    };
    let none = DesiredGraph {
        account: row.wish.account.clone(),
        auto_enable: None,
        packages: Vec::new(),
        members: Vec::new(),
        invitation: row.wish.invitation,
    };
    let mut step =
        |kind: DelegationStepKind, wish: &DesiredGraph, after: &StepId, timeout: TimeSpan| {
            let after = std::slice::from_ref(after);
            let id = draft.step(target.clone(), kind, stored(wish), lane(), after);
            draft.set_timeout(&id, timeout);
            id
        };
    let mut last = step(DelegationStepKind::Graph, &none, set, GRAPH_TIMEOUT);
    if row.wish.auto_enable.is_some() {
        let wish = DesiredGraph {
            auto_enable: row.wish.auto_enable,
            ..none.clone()
        };
        last = step(DelegationStepKind::AutoEnable, &wish, &last, GRAPH_TIMEOUT);
    }
    if !row.wish.packages.is_empty() {
        let wish = DesiredGraph {
            packages: row.wish.packages.clone(),
            ..none.clone()
        };
        last = step(DelegationStepKind::Packages, &wish, &last, GRAPH_TIMEOUT);
    }
    for some in row.members.chunks(MEMBERS_AT_ONCE) {
        let wish = DesiredGraph {
            members: some.to_vec(),
            ..none.clone()
        };
        step(DelegationStepKind::Members, &wish, &last, MEMBERS_TIMEOUT);
    }
    for some in row.invited.chunks(MEMBERS_AT_ONCE) {
        let wish = DesiredGraph {
            members: some.to_vec(),
            ..none.clone()
        };
        step(DelegationStepKind::Invite, &wish, &last, INVITATION_TIMEOUT);
    }
}
