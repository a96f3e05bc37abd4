//! The plan of a file: for each service and Region its administrator, and what goes with it. The names and forms are
//! part of stored plans.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::facts;
use hallpass_base::{AccountId, TimeSpan};
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepId, StepTarget};
use serde::{Deserialize, Serialize};

use super::compare::{DelegationRow, DelegationState, WantedMember};
use super::facts::DelegationFacts;
use super::families::DETECTIVE;
use super::file::InvitationMail;
use crate::steps::stored;

/// The kind of these plans.
pub const PLAN_KIND: &str = "org.delegate";
/// Accounts that one `CreateMembers` takes.
const MEMBERS_AT_ONCE: usize = facts::DETECTIVE_MEMBERS_PER_CALL.count();

/// A service may work in the accounts of the organization: [`PrincipalWish`].
pub(crate) const TRUST: &str = "delegation.enable-trusted-access";
/// Organizations knows the administrator: [`AdministratorWish`].
pub(crate) const REGISTER: &str = "delegation.register";
/// Organizations does not know it any more: [`AdministratorWish`].
pub(crate) const DEREGISTER: &str = "delegation.deregister";
/// The service knows the administrator: [`AdministratorWish`].
pub(crate) const DESIGNATE: &str = "delegation.designate";
/// The service does not know it any more: [`AdministratorWish`].
pub(crate) const WITHDRAW: &str = "delegation.withdraw";
/// The organization's behavior graph is there: [`GraphWish`].
pub(crate) const GRAPH: &str = "delegation.wait-graph";
/// New accounts become members, or do not: [`GraphWish`].
pub(crate) const AUTO_ENABLE: &str = "delegation.auto-enable";
/// Sources of data are on: [`GraphWish`].
pub(crate) const PACKAGES: &str = "delegation.packages";
/// Accounts are members: [`GraphWish`].
pub(crate) const MEMBERS: &str = "delegation.enable-members";

/// Accounts outside the organization are invited; they are members once they say yes: [`GraphWish`].
pub(crate) const INVITE: &str = "delegation.invite-members";

/// How long the organization's graph may take (`organization.md` D-5).
const GRAPH_TIMEOUT: TimeSpan = TimeSpan::minutes(10);
/// How long somebody waits for members; AWS takes up to an hour, and what is still under way then is told as that.
const MEMBERS_TIMEOUT: TimeSpan = TimeSpan::minutes(15);

/// How long an invitation is looked for; whether somebody says yes is told, and not waited for.
const INVITATION_TIMEOUT: TimeSpan = TimeSpan::seconds(5);

/// Whether steps of a kind are carried out by [`DelegationStepExecutor`](super::DelegationStepExecutor).
pub fn is_delegation_step(kind: &str) -> bool {
    kind.starts_with("delegation.")
}

/// Trusted access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrincipalWish {
    /// The service's principal.
    pub(crate) principal: String,
}

/// An administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdministratorWish {
    /// The service, by the name of its family.
    pub(crate) service: String,
    /// The account.
    pub(crate) account: String,
    /// Whoever administers it until a step before takes it away; of one that goes, whoever comes in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<String>,
    /// Of one that Organizations is to forget for another: the Regions of the plan. It goes everywhere then, and may
    /// administer no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) regions: Vec<String>,
}

/// Something of the behavior graph of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GraphWish {
    /// The account that administers it.
    pub(crate) account: AccountId,
    /// Whether new accounts become members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auto_enable: Option<bool>,
    /// Sources of data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) packages: Vec<String>,
    /// Members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) members: Vec<WantedMember>,
    /// Whether whoever is invited gets a mail.
    #[serde(default, skip_serializing_if = "InvitationMail::is_sent")]
    pub(crate) invitation: InvitationMail,
}

/// The steps of the rows that are to be planned.
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
            // where ours administers already nothing is to come, and nothing is waited for
            let after: &[StepId] = if row.is_set(facts) { &[] } else { &first };
            add(&mut draft, row, after);
        }
    }
    draft
}

fn administrator(row: &DelegationRow, account: &str, replaces: Option<&str>) -> AdministratorWish {
    AdministratorWish {
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

/// The steps that take others away, before ours is set anywhere: in every Region, then in Organizations (Amazon `GuardDuty`
/// User Guide, "Changing the delegated `GuardDuty` administrator account"; Inspector, Macie and Security Hub have one
/// account in all Regions, too). Region by Region, the first would be left without an administrator, since the service
/// takes no other while Organizations knows the one of before.
///
/// Whatever comes after waits for each of them, and not for the last alone: undoing goes by what waits for what, and a
/// step that found nothing to do is not undone.
fn take_away(
    draft: &mut PlanDraft,
    rows: &[&DelegationRow],
    facts: &DelegationFacts,
) -> Vec<StepId> {
    // both kinds write to Organizations in the end
    let lane = Lane::organizations_write;
    let mut first: Vec<StepId> = Vec::new();
    for row in rows {
        let Some(other) = &row.replaces else { continue };
        let kind = match row.wish.service.regional {
            Some(_) => WITHDRAW,
            None => DEREGISTER,
        };
        // taken back, it is set where ours stands until then
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
        let desired = stored(&AdministratorWish {
            regions: regions.clone(),
            ..administrator(any, account, Some(ours))
        });
        let everywhere = StepTarget::global(ours, service.name);
        first.push(draft.step(everywhere, DEREGISTER, desired, lane(), &withdrawn));
    }
    first
}

fn add(draft: &mut PlanDraft, row: &DelegationRow, first: &[StepId]) {
    let (service, ours) = (row.wish.service, row.wish.account.as_str());
    let lane = Lane::organizations_write;
    let (place, mut after) = (target(row), first.to_vec());
    let gives = match service.regional {
        Some(_) => DESIGNATE,
        None => REGISTER,
    };
    if service.regional.is_none() {
        let desired = stored(&PrincipalWish {
            principal: service.principal.to_owned(),
        });
        after.push(draft.step(place.clone(), TRUST, desired, lane(), first));
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
    let none = GraphWish {
        account: row.wish.account.clone(),
        auto_enable: None,
        packages: Vec::new(),
        members: Vec::new(),
        invitation: row.wish.invitation,
    };
    let mut step = |kind: &str, wish: &GraphWish, after: &StepId, timeout: TimeSpan| {
        let after = std::slice::from_ref(after);
        let id = draft.step(target.clone(), kind, stored(wish), lane(), after);
        draft.set_timeout(&id, timeout);
        id
    };
    let mut last = step(GRAPH, &none, set, GRAPH_TIMEOUT);
    if row.wish.auto_enable.is_some() {
        let wish = GraphWish {
            auto_enable: row.wish.auto_enable,
            ..none.clone()
        };
        last = step(AUTO_ENABLE, &wish, &last, GRAPH_TIMEOUT);
    }
    if !row.wish.packages.is_empty() {
        let wish = GraphWish {
            packages: row.wish.packages.clone(),
            ..none.clone()
        };
        last = step(PACKAGES, &wish, &last, GRAPH_TIMEOUT);
    }
    for some in row.members.chunks(MEMBERS_AT_ONCE) {
        let wish = GraphWish {
            members: some.to_vec(),
            ..none.clone()
        };
        step(MEMBERS, &wish, &last, MEMBERS_TIMEOUT);
    }
    for some in row.invited.chunks(MEMBERS_AT_ONCE) {
        let wish = GraphWish {
            members: some.to_vec(),
            ..none.clone()
        };
        step(INVITE, &wish, &last, INVITATION_TIMEOUT);
    }
}
