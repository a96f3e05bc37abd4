//! Holds a file against an organization.

use hallpass_aws_model::facts;

use super::facts::{DelegationFacts, GraphFacts, MemberStanding};
use super::families::DETECTIVE;
use super::file::{DelegationFile, MembersWanted, ServiceWish};
use crate::standards::{NamedThing, UnknownName};

/// The accounts that a behavior graph may have.
pub const MEMBERS_MAX: usize = facts::GRAPH_ACCOUNTS.count();

/// Stands for the Regions of a wish that are those of its account, where nobody knows them.
pub const ENABLED_REGIONS: &str = "enabled";

/// Why nothing is planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegationRefused {
    /// The credentials are of another account.
    #[error("account {caller} cannot delegate: only the management account {management} can")]
    NotManagement {
        /// Whose they are.
        caller: String,
        /// Whose they should be.
        management: String,
    },
    /// The file cannot be carried out in this organization.
    #[error("{0}")]
    Unusable(String),
    /// An account that is not there.
    #[error("{0}")]
    Unknown(Box<UnknownName>),
    /// A behavior graph cannot have so many members.
    #[error(
        "{wanted} accounts are to be members of the behavior graph in {region}; AWS takes 1200 (`members` may name a \
         unit or single accounts)"
    )]
    TooManyMembers {
        /// The Region that has too many.
        region: String,
        /// How many.
        wanted: usize,
    },
}

/// What is done about another administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacing {
    /// It stays, and is told.
    Never,
    /// It goes.
    Whoever,
}

/// An account that is to be a member, with the address that AWS asks for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct WantedMember {
    /// The account.
    pub(crate) account: String,
    /// The address of its root user.
    pub(crate) email: String,
}

/// How a service stands in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DelegationState {
    /// The plan sees to it.
    Planned,
    /// Somebody else administers it.
    Conflict {
        /// Who does.
        other: String,
    },
    /// Left out, and why.
    Skipped {
        /// Why it is left out.
        reason: String,
    },
    /// It could not be read.
    Unread {
        /// Why it could not be read.
        reason: String,
    },
}

/// A service in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationRow {
    /// The wish.
    pub wish: ServiceWish,
    /// The Region, or `global`.
    pub region: String,
    /// How it stands.
    pub state: DelegationState,
    /// Who administers it and has to go first.
    pub replaces: Option<String>,
    /// Whom Organizations has to forget before the service takes anybody else in any Region.
    pub forgets: Vec<String>,
    /// Accounts that cannot be members, and why.
    pub problems: Vec<String>,
    /// Accounts that are to become members.
    pub(crate) members: Vec<WantedMember>,
    /// Accounts outside the organization that are to be invited, or have not said yes.
    pub(crate) invited: Vec<WantedMember>,
    /// Accounts that were invited and have not said yes.
    pub waiting: Vec<String>,
}

impl DelegationRow {
    /// Whether the service has the administrator in the Region already.
    pub(crate) fn is_set(&self, facts: &DelegationFacts) -> bool {
        let here = facts.regional(self.wish.service.name, &self.region);
        here == Ok(Some(self.wish.account.as_str()))
    }

    /// Whether something of it needs somebody's attention.
    pub fn is_bad(&self) -> bool {
        let state = match self.state {
            DelegationState::Conflict { .. } | DelegationState::Unread { .. } => true,
            DelegationState::Planned | DelegationState::Skipped { .. } => false,
        };
        state || !self.problems.is_empty()
    }
}

/// Holds a file against what was read: a row for each service and Region, in their order.
///
/// # Errors
/// What stands against all of it: who may not ask, who cannot administer, too many members.
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

fn check_account(wish: &ServiceWish, facts: &DelegationFacts) -> Result<(), DelegationRefused> {
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

fn planned(wish: &ServiceWish, region: String) -> DelegationRow {
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
    wish: &ServiceWish,
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
    // with its administrator the graphs of Detective go: somebody has to say so by `remove`
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
    // the calls go out with the management account's credentials, which such a Region does not take
    let is_off = facts.is_off(&facts.management, &row.region);
    is_off.then(|| "region disabled in the management account".to_owned())
}

/// Whom Organizations has to forget before a service with an administrator in each Region takes ours anywhere: it takes
/// no second one beside one that is registered, also where that one administers no Region any more (Amazon `GuardDuty` User
/// Guide, "Changing the delegated `GuardDuty` administrator account").
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

/// Who else administers the service; an error says that nobody knows.
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
        // no such service takes another while Organizations knows one, and Detective none but that one
        None if !is_ours => Ok(elsewhere),
        None => Ok(None),
    }
}

/// Accounts outside the organization: whoever is a member stays one, also where the file no longer names it.
fn add_invited(
    row: &mut DelegationRow,
    graph: Option<&GraphFacts>,
    facts: &DelegationFacts,
) -> Result<(), DelegationRefused> {
    for it in &row.wish.invite {
        let id = it.account.as_str();
        if facts.account(id).is_some() {
            let text = format!(
                "account {id} is in the organization: `members` names it, and nobody has to be invited"
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
