use hallpass_aws_model::facts;

use super::facts::{DelegationFacts, GraphFacts, MemberStanding};
use super::families::DETECTIVE;
use super::file::{DelegationFile, MembersWanted, ServiceDelegation};
use crate::standards::{NamedThing, UnknownName};

/// Member limit of a behavior graph.
pub const MEMBERS_MAX: usize = facts::GRAPH_ACCOUNTS.count();

/// Placeholder for unknown Regions of an account.
pub const ENABLED_REGIONS: &str = "enabled";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegationRefused {
    #[error("account {caller} cannot delegate: only the management account {management} can")]
    NotManagement { caller: String, management: String },
    #[error("{0}")]
    Unusable(String),
    #[error("{0}")]
    Unknown(Box<UnknownName>),
    #[error(
        "{wanted} accounts are to be members of the behavior graph in {region}; AWS takes 1200 (`members` may name a \
         unit or single accounts)"
    )]
    TooManyMembers { region: String, wanted: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacing {
    Never,
    Whoever,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct WantedMember {
    pub(crate) account: String,
    pub(crate) email: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DelegationState {
    Planned,
    Conflict { other: String },
    Skipped { reason: String },
    Unread { reason: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationRow {
    pub wish: ServiceDelegation,
    pub region: String,
    pub state: DelegationState,
    /// The current administrator, to be removed first.
    pub replaces: Option<String>,
    /// Administrators to deregister in Organizations before the service accepts another in any
    /// Region.
    pub forgets: Vec<String>,
    pub problems: Vec<String>,
    pub(crate) members: Vec<WantedMember>,
    /// Accounts outside the organization to invite, or with a pending invitation.
    pub(crate) invited: Vec<WantedMember>,
    pub waiting: Vec<String>,
}

impl DelegationRow {
    /// Checks if the service already has the administrator in the Region.
    pub(crate) fn is_set(&self, facts: &DelegationFacts) -> bool {
        let here = facts.regional(self.wish.service.name, &self.region);
        here == Ok(Some(self.wish.account.as_str()))
    }

    pub fn is_bad(&self) -> bool {
        let state = match self.state {
            DelegationState::Conflict { .. } | DelegationState::Unread { .. } => true,
            DelegationState::Planned | DelegationState::Skipped { .. } => false,
        };
        state || !self.problems.is_empty()
    }
}

/// Compares a file with the facts: one row per service and Region, in order.
///
/// # Errors
/// Global obstacles: wrong caller, invalid administrator, too many members.
pub fn compare(
    file: &DelegationFile,
    facts: &DelegationFacts,
    replacing: Replacing,
) -> Result<Vec<DelegationRow>, DelegationRefused> {
    if facts.caller != facts.management {
        return Err(DelegationRefused::NotManagement {
            caller: facts.caller.clone(),
            management: facts.management.clone(),
        });
    }
    if !facts.all_features {
        return Err(DelegationRefused::Unusable(
            "the organization has consolidated billing only: enable all features first".to_owned(),
        ));
    }
    let mut rows = Vec::new();
    for wish in &file.services {
        check_account(wish, facts)?;
        if let Some(reason) = wish.unknown_places(facts) {
            let mut row = planned(wish, ENABLED_REGIONS.to_owned());
            let reason = reason.to_owned();
            row.state = DelegationState::Unread { reason };
            rows.push(row);
        }
        for region in wish.places(facts) {
            rows.push(row(wish, region, facts, replacing)?);
        }
    }
    rows.sort_by(|one, other| {
        (one.wish.service.name, &one.region).cmp(&(other.wish.service.name, &other.region))
    });
    Ok(rows)
}

fn check_account(
    wish: &ServiceDelegation,
    facts: &DelegationFacts,
) -> Result<(), DelegationRefused> {
    let line = wish.line.map(|it| format!("line {it}: "));
    let line = line.unwrap_or_default();
    let unusable = |text: String| Err(DelegationRefused::Unusable(format!("{line}{text}")));
    let id = wish.account.as_str();
    if id == facts.management {
        return unusable(format!(
            "{id} is the management account, which cannot be a delegated administrator"
        ));
    }
    match facts.account(id) {
        None => {
            let others = facts.accounts.iter().filter(|it| it.id != facts.management);
            Err(DelegationRefused::Unknown(Box::new(UnknownName {
                line: wish.line,
                what: NamedThing::Account,
                name: id.to_owned(),
                known: others.map(|it| it.id.clone()).collect(),
            })))
        }
        Some(found) if !found.active => unusable(format!("account {id} is not active")),
        Some(_) => Ok(()),
    }
}

fn planned(wish: &ServiceDelegation, region: String) -> DelegationRow {
    DelegationRow {
        wish: wish.clone(),
        region,
        state: DelegationState::Planned,
        replaces: None,
        forgets: Vec::new(),
        problems: Vec::new(),
        members: Vec::new(),
        invited: Vec::new(),
        waiting: Vec::new(),
    }
}

fn row(
    wish: &ServiceDelegation,
    region: String,
    facts: &DelegationFacts,
    replacing: Replacing,
) -> Result<DelegationRow, DelegationRefused> {
    let mut row = planned(wish, region);
    if let Some(reason) = skipped(&row, facts) {
        row.state = DelegationState::Skipped { reason };
        return Ok(row);
    }
    if let Some(reason) = facts.silent.get(wish.service.name) {
        let reason = reason.clone();
        row.state = DelegationState::Unread { reason };
        return Ok(row);
    }
    if let (true, Some(reason)) = (
        wish.has_members(),
        facts.closed.get(row.wish.account.as_str()),
    ) {
        let reason = reason.clone();
        row.state = DelegationState::Unread { reason };
        return Ok(row);
    }
    let other = match administrator(&row, facts) {
        Ok(other) => other,
        Err(reason) => {
            row.state = DelegationState::Unread { reason };
            return Ok(row);
        }
    };
    // removing Detective's administrator deletes its graphs: only an explicit `remove` may do it
    let stays = replacing == Replacing::Never || wish.service.name == DETECTIVE;
    match (other, stays) {
        (Some(other), true) => row.state = DelegationState::Conflict { other },
        (other, _) => {
            row.replaces = other;
            row.forgets = forgotten(&row, facts, replacing);
            add_members(&mut row, facts)?;
        }
    }
    Ok(row)
}

fn skipped(row: &DelegationRow, facts: &DelegationFacts) -> Option<String> {
    row.wish.service.regional?;
    if facts.is_off(row.wish.account.as_str(), &row.region) {
        return Some("region disabled".to_owned());
    }
    // such a Region rejects the management account's credentials
    let is_off = facts.is_off(&facts.management, &row.region);
    is_off.then(|| "region disabled in the management account".to_owned())
}

/// Administrators to deregister before a regional service accepts another: it accepts no second one
/// next to a registered one, even if that one administers no Region (Amazon `GuardDuty` User Guide,
/// "Changing the delegated `GuardDuty` administrator account").
fn forgotten(row: &DelegationRow, facts: &DelegationFacts, replacing: Replacing) -> Vec<String> {
    let (service, ours) = (row.wish.service, row.wish.account.as_str());
    let may_go = match replacing {
        Replacing::Never => false,
        Replacing::Whoever => service.regional.is_some() && service.name != DETECTIVE,
    };
    match facts.administrators.get(service.principal) {
        Some(known) if may_go && !known.contains(ours) && !row.is_set(facts) => {
            known.iter().cloned().collect()
        }
        Some(_) | None => Vec::new(),
    }
}

/// The other administrator; an error if unknown.
fn administrator(row: &DelegationRow, facts: &DelegationFacts) -> Result<Option<String>, String> {
    let (service, ours) = (row.wish.service, row.wish.account.as_str());
    let known = facts.administrators.get(service.principal);
    let registered = || known.into_iter().flatten();
    let elsewhere = registered().find(|it| *it != ours).cloned();
    let is_ours = registered().any(|it| it == ours);
    if service.regional.is_none() {
        return Ok(elsewhere.filter(|_| !is_ours));
    }
    let here = facts.regional(service.name, &row.region)?;
    match here {
        Some(id) if id == ours => Ok(None),
        Some(id) => Ok(Some(id.to_owned())),
        // such a service accepts no other while one is registered, and Detective only that one
        None if !is_ours => Ok(elsewhere),
        None => Ok(None),
    }
}

/// Accounts outside the organization: members stay even if the file no longer names them.
fn add_invited(
    row: &mut DelegationRow,
    graph: Option<&GraphFacts>,
    facts: &DelegationFacts,
) -> Result<(), DelegationRefused> {
    for it in &row.wish.invite {
        let id = it.account.as_str();
        if facts.account(id).is_some() {
            let text = format!(
                "account {id} is in the organization: `members` names it, and no invitation is needed"
            );
            return Err(DelegationRefused::Unusable(text));
        }
        match graph.and_then(|graph| graph.member(id)) {
            Some(MemberStanding::Enabled) => continue,
            Some(MemberStanding::Disabled(reason)) => {
                row.problems.push(format!("account {id}: {reason}"));
                continue;
            }
            Some(MemberStanding::Invited) => row.waiting.push(id.to_owned()),
            Some(MemberStanding::Verifying) | None => {}
        }
        row.invited.push(WantedMember {
            account: id.to_owned(),
            email: it.email.clone(),
        });
    }
    Ok(())
}

fn add_members(row: &mut DelegationRow, facts: &DelegationFacts) -> Result<(), DelegationRefused> {
    let graph = match facts.graphs.get(&row.region) {
        Some(Err(reason)) if row.wish.has_members() => {
            let reason = reason.clone();
            row.state = DelegationState::Unread { reason };
            return Ok(());
        }
        Some(Ok(graph)) => graph.as_ref(),
        Some(Err(_)) | None => None,
    };
    add_invited(row, graph, facts)?;
    let Some(wanted) = &row.wish.members else {
        return Ok(());
    };
    let ours = row.wish.account.as_str();
    let is_wanted = |id: &str| match wanted {
        MembersWanted::All => true,
        MembersWanted::Unit(unit) => facts.units.get(unit).is_some_and(|it| it.contains(id)),
        MembersWanted::These(list) => list.iter().any(|it| it.as_str() == id),
    };
    let wanted: Vec<_> = facts
        .accounts
        .iter()
        .filter(|it| it.active && it.id != ours && is_wanted(&it.id))
        .collect();
    if wanted.len() > MEMBERS_MAX {
        return Err(DelegationRefused::TooManyMembers {
            region: row.region.clone(),
            wanted: wanted.len(),
        });
    }
    for account in wanted {
        match graph.and_then(|it: &GraphFacts| it.member(&account.id)) {
            Some(MemberStanding::Enabled) => {}
            Some(MemberStanding::Disabled(reason)) => {
                row.problems
                    .push(format!("account {}: {reason}", account.id));
            }
            Some(MemberStanding::Verifying | MemberStanding::Invited) | None => {
                row.members.push(WantedMember {
                    account: account.id.clone(),
                    email: account.email.clone(),
                });
            }
        }
    }
    Ok(())
}
