//! Reads the organization for a comparison with a file.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, account_state};
use serde_json::{Value, json};

use super::facts::{DelegationFacts, OrganizationMember};
use super::families::{
    AdministratorView, DETECTIVE, DelegatedService, RegionalCalls, known_services,
};
use super::file::{DelegationFile, MembersWanted, RegionsWanted, ServiceDelegation};
use super::graphs;
use crate::organization_wide::units_above;
use crate::reading::{
    ReadCalls, ReadFact, ReadPlace, Reader, UnreadFact, enabled_regions, inside, text, unread,
};

const ORGANIZATIONS: &str = "organizations";

pub(super) fn home(calls: &dyn ReadCalls) -> Reader<'_> {
    Reader {
        calls,
        place: ReadPlace::default(),
    }
}

/// Regions enabled in the management account. Services are configured with its credentials, which
/// other Regions reject (`UnrecognizedClient`), independent of the administrator's account.
pub(super) async fn own_regions(calls: &dyn ReadCalls) -> ReadFact<BTreeSet<String>> {
    let input = json!({ "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"] });
    let operation = ("account", "ListRegions");
    let rows = home(calls).list(operation, input, "Regions").await?;
    let names = rows.iter().map(|row| text(row, "/RegionName"));
    Ok(names.map(str::to_owned).collect())
}

/// Queries a service in a Region for its administrator, with the management account's credentials.
pub(super) async fn regional(
    calls: &dyn ReadCalls,
    with: &RegionalCalls,
    region: &str,
) -> ReadFact<Option<String>> {
    let reader = Reader {
        calls,
        place: ReadPlace {
            account: None,
            region: Some(region.to_owned()),
        },
    };
    let operation = (with.service, with.read);
    match with.shown {
        AdministratorView::Single { account, none } => {
            let found = reader.one_unless(operation, json!({}), none).await?;
            let found = found.as_ref().map(|it| text(it, account));
            Ok(found.filter(|it| !it.is_empty()).map(str::to_owned))
        }
        AdministratorView::Listed {
            rows,
            account,
            state,
        } => {
            let found = reader.list(operation, json!({}), rows).await?;
            let is_leaving = |row: &Value| {
                state.is_some_and(|(name, leaving)| row.get(name).is_some_and(|it| it == leaving))
            };
            let ours = found.iter().find(|row| !is_leaving(row));
            let id = ours
                .and_then(|row| row.get(account))
                .and_then(Value::as_str);
            Ok(id.map(str::to_owned))
        }
    }
}

pub(super) async fn administrators(
    calls: &dyn ReadCalls,
    principal: &str,
) -> ReadFact<BTreeSet<String>> {
    let operation = (ORGANIZATIONS, "ListDelegatedAdministrators");
    let input = json!({ "ServicePrincipal": principal });
    let rows = home(calls)
        .list(operation, input, "DelegatedAdministrators")
        .await?;
    Ok(rows.iter().map(|row| text(row, "/Id").to_owned()).collect())
}

pub(super) async fn trusted(calls: &dyn ReadCalls) -> ReadFact<BTreeSet<String>> {
    let operation = (ORGANIZATIONS, "ListAWSServiceAccessForOrganization");
    let rows = home(calls)
        .list(operation, json!({}), "EnabledServicePrincipals")
        .await?;
    let names = rows.iter().map(|row| text(row, "/ServicePrincipal"));
    Ok(names.map(str::to_owned).collect())
}

async fn accounts(reader: &Reader<'_>) -> ReadFact<Vec<OrganizationMember>> {
    let operation = (ORGANIZATIONS, "ListAccounts");
    let rows = reader.list(operation, json!({}), "Accounts").await?;
    let rows = rows.iter().map(|row| {
        let state = account_state(|it| row.get(it)?.as_str());
        OrganizationMember {
            id: text(row, "/Id").to_owned(),
            email: text(row, "/Email").to_owned(),
            active: state == Some("ACTIVE"),
            above: units_above(row),
        }
    });
    Ok(rows.collect())
}

/// Accounts below a unit, from their paths. `None` if a path is missing or there are none: then the
/// unit is queried, as it may not exist.
fn told_below(facts: &DelegationFacts, unit: &str) -> Option<BTreeSet<String>> {
    let mut below = BTreeSet::new();
    for it in &facts.accounts {
        if it.above.as_ref()?.iter().any(|above| above == unit) {
            below.insert(it.id.clone());
        }
    }
    (!below.is_empty()).then_some(below)
}

async fn below(reader: &Reader<'_>, unit: &str) -> ReadFact<BTreeSet<String>> {
    let (mut all, mut open) = (BTreeSet::new(), vec![unit.to_owned()]);
    while let Some(parent) = open.pop() {
        let input = json!({ "ParentId": parent });
        let operation = (ORGANIZATIONS, "ListAccountsForParent");
        let rows = reader.list(operation, input.clone(), "Accounts").await?;
        all.extend(rows.iter().map(|row| text(row, "/Id").to_owned()));
        let operation = (ORGANIZATIONS, "ListOrganizationalUnitsForParent");
        let rows = reader.list(operation, input, "OrganizationalUnits").await?;
        open.extend(rows.iter().map(|row| text(row, "/Id").to_owned()));
    }
    Ok(all)
}

impl ServiceDelegation {
    pub(super) fn places(&self, facts: &DelegationFacts) -> Vec<String> {
        match &self.regions {
            RegionsWanted::These(list) => {
                let once: BTreeSet<&String> = list.iter().collect();
                once.into_iter().cloned().collect()
            }
            RegionsWanted::Enabled => match facts.enabled.get(self.account.as_str()) {
                Some(Ok(found)) => found.iter().cloned().collect(),
                Some(Err(_)) | None => Vec::new(),
            },
        }
    }

    pub(super) fn unknown_places<'a>(&self, facts: &'a DelegationFacts) -> Option<&'a str> {
        let known = facts.enabled.get(self.account.as_str());
        match (&self.regions, known) {
            (RegionsWanted::Enabled, Some(Err(why))) => Some(why),
            (RegionsWanted::Enabled | RegionsWanted::These(_), _) => None,
        }
    }

    pub(super) fn has_members(&self) -> bool {
        self.service.name == DETECTIVE
            && (self.auto_enable.is_some()
                || self.members.is_some()
                || !self.invite.is_empty()
                || !self.packages.is_empty())
    }
}

async fn organization(calls: &dyn ReadCalls) -> ReadFact<DelegationFacts> {
    let reader = home(calls);
    let operation = (ORGANIZATIONS, "DescribeOrganization");
    let about = reader.one(operation, json!({})).await?;
    let caller = reader.one(("sts", "GetCallerIdentity"), json!({})).await?;
    Ok(DelegationFacts {
        organization: text(&about, "/Organization/Id").to_owned(),
        management: text(&about, "/Organization/MasterAccountId").to_owned(),
        all_features: text(&about, "/Organization/FeatureSet") == "ALL",
        caller: text(&caller, "/Account").to_owned(),
        accounts: accounts(&reader).await?,
        ..DelegationFacts::default()
    })
}

/// Reads facts for a file: in the management account, except Regions (in both) and behavior graphs
/// (in the administrators' accounts).
///
/// # Errors
/// A failed read of the organization. Failures of a single service or Region are stored as facts.
pub async fn gather(calls: &dyn ReadCalls, file: &DelegationFile) -> ReadFact<DelegationFacts> {
    let mut facts = organization(calls).await?;
    if facts.caller != facts.management {
        // the caller is refused, and may not read the rest
        return Ok(facts);
    }
    for wish in &file.services {
        if let Err(why) = in_organization(calls, wish, &mut facts).await {
            let why = format!("{}: {}", why.action, why.reason);
            facts.silent.insert(wish.service.name.to_owned(), why);
        }
        if let Some(own) = &wish.service.regional {
            in_regions(calls, wish, own, &mut facts).await;
        }
    }
    Ok(facts)
}

async fn in_organization(
    calls: &dyn ReadCalls,
    wish: &ServiceDelegation,
    facts: &mut DelegationFacts,
) -> ReadFact<()> {
    let principal = wish.service.principal;
    let found = administrators(calls, principal).await?;
    facts.administrators.insert(principal.to_owned(), found);
    if let Some(MembersWanted::Unit(unit)) = &wish.members {
        let accounts = match told_below(facts, unit) {
            Some(accounts) => accounts,
            None => below(&home(calls), unit).await?,
        };
        facts.units.insert(unit.clone(), accounts);
    }
    Ok(())
}

async fn in_regions(
    calls: &dyn ReadCalls,
    wish: &ServiceDelegation,
    own: &RegionalCalls,
    facts: &mut DelegationFacts,
) {
    let account = wish.account.as_str();
    let is_member = facts.account(account).is_some_and(|it| it.active);
    if !is_member || account == facts.management {
        return;
    }
    let named = |of: &str, why: UnreadFact| {
        let UnreadFact { action, reason, .. } = why;
        format!("{action} in account {of}: {reason}")
    };
    if let Entry::Vacant(place) = facts.enabled.entry(facts.management.clone()) {
        let found = own_regions(calls).await;
        let found = found.map_err(|why| named(place.key(), why));
        place.insert(found);
    }
    if !facts.enabled.contains_key(account) {
        let found = enabled_regions(calls, &wish.account).await;
        let found = found.map_err(|why| named(account, why));
        facts.enabled.insert(account.to_owned(), found);
    }
    if wish.has_members() {
        // check access first: otherwise the administrator would be set, but never its members
        let whoever = ("sts", "GetCallerIdentity");
        if let Err(why) = inside(calls, &wish.account, None)
            .one(whoever, json!({}))
            .await
        {
            let why = format!("account {account} cannot be entered: {}", why.reason);
            facts.closed.insert(account.to_owned(), why);
        }
    }
    let mut graphs = BTreeMap::new();
    for region in wish.places(facts) {
        if facts.is_off(&facts.management, &region) {
            continue;
        }
        let found = regional(calls, own, &region).await;
        let found = found.map_err(|why| format!("{}: {}", why.action, why.reason));
        if wish.has_members()
            && found
                .as_ref()
                .is_ok_and(|it| it.as_deref() == Some(account))
        {
            let graph = graphs::read(calls, &wish.account, &region).await;
            let graph = graph.map_err(|why| format!("{}: {}", why.action, why.reason));
            graphs.insert(region.clone(), graph);
        }
        let key = (wish.service.name.to_owned(), region);
        facts.regional.insert(key, found);
    }
    facts.graphs.extend(graphs);
}

/// Reads administrators of all known services in some Regions.
///
/// # Errors
/// The failed read of Organizations.
pub async fn look_around(calls: &dyn ReadCalls, regions: &[String]) -> ReadFact<DelegationFacts> {
    let mut facts = DelegationFacts {
        trusted: trusted(calls).await?,
        ..DelegationFacts::default()
    };
    for service in known_services() {
        let found = administrators(calls, service.principal).await?;
        let known = (service.principal.to_owned(), found);
        facts.administrators.extend([known]);
        look_in(calls, service, regions, &mut facts).await;
    }
    Ok(facts)
}

/// Reads a service's administrators in the given Regions, else in those enabled for its
/// administrators and the management account, else in all.
///
/// # Errors
/// The failed read of the organization.
pub async fn look_at(
    calls: &dyn ReadCalls,
    service: &'static DelegatedService,
    regions: Option<&[String]>,
) -> ReadFact<(DelegationFacts, Vec<String>)> {
    let mut facts = organization(calls).await?;
    if facts.caller != facts.management {
        return Ok((facts, Vec::new()));
    }
    let found = administrators(calls, service.principal).await?;
    let mut meant: BTreeSet<String> = regions.unwrap_or_default().iter().cloned().collect();
    if regions.is_none() && service.regional.is_some() {
        for account in &found {
            let named = |_| {
                unread(
                    ("account", "ListRegions"),
                    format!("`{account}` is no account"),
                )
            };
            let account = AccountId::new(account.clone()).map_err(named)?;
            meant.extend(enabled_regions(calls, &account).await?);
        }
        if let Ok(own) = own_regions(calls).await {
            facts.skipped = meant.difference(&own).cloned().collect();
            meant.retain(|region| own.contains(region));
        }
    }
    facts
        .administrators
        .insert(service.principal.to_owned(), found);
    let meant: Vec<String> = meant.into_iter().collect();
    look_in(calls, service, &meant, &mut facts).await;
    Ok((facts, meant))
}

async fn look_in(
    calls: &dyn ReadCalls,
    service: &DelegatedService,
    regions: &[String],
    facts: &mut DelegationFacts,
) {
    let Some(with) = &service.regional else {
        return;
    };
    for region in regions {
        let found = regional(calls, with, region).await;
        let found = found.map_err(|why| format!("{}: {}", why.action, why.reason));
        let key = (service.name.to_owned(), region.clone());
        facts.regional.insert(key, found);
    }
}

/// Describes the behavior graphs of administrators with their member counts.
pub async fn graphs_of(
    calls: &dyn ReadCalls,
    service: &DelegatedService,
    facts: &DelegationFacts,
) -> Vec<String> {
    let mut told = Vec::new();
    if service.name != DETECTIVE {
        return told;
    }
    for ((_, region), found) in &facts.regional {
        let Ok(Some(account)) = found else { continue };
        let Ok(account) = AccountId::new(account.clone()) else {
            continue;
        };
        told.push(match graphs::read(calls, &account, region).await {
            Ok(Some(graph)) => {
                let members = graph.members.len();
                format!("{region}: {} with {members} members is deleted", graph.arn)
            }
            Ok(None) => format!("{region}: there is no behavior graph"),
            Err(why) => format!(
                "{region}: the behavior graph cannot be read: {}: {}",
                why.action, why.reason
            ),
        });
    }
    told
}
