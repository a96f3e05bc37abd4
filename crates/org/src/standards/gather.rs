//! Reads an organization for a comparison: accounts with Hallpass's own credentials, Security Hub
//! with each account's role.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};
use hallpass_aws_model::ALWAYS_ON_REGIONS;
use hallpass_base::{AccountId, account_state};
use serde_json::{Value, json};

use super::facts::{
    CentralFacts, CentralHome, HubFacts, HubLook, HubState, NoCentralHome, StandardsFacts,
};
use super::file::StandardsFile;
use super::governed::{GovernedFacts, governed};
use super::hub::{HubReader, SECURITY_HUB};
use super::names::offered_as;
use super::policies;
use super::typos::{UnknownName, unknown_places};
use super::units::{StandardsAccount, UnitTree, has_tag};
use crate::organization_wide::accounts_by_parent;
use crate::reading::{
    ReadCalls, ReadFact, ReadPlace, Reader, UnreadFact, enabled_regions, inside, text,
};

const ORGANIZATIONS: &str = "organizations";
const PRINCIPAL: &str = "securityhub.amazonaws.com";
/// Accounts and Regions read in parallel.
const HUBS_AT_ONCE: usize = 16;
/// Placeholder for rows without a Region.
const NO_REGION: &str = "global";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardsScope {
    /// Empty for all.
    pub accounts: BTreeSet<AccountId>,
    pub exclude: BTreeSet<AccountId>,
    /// Ids or paths; empty for all.
    pub units: Vec<String>,
    pub direct: bool,
    /// All must match: `KEY=VALUE` or `KEY`.
    pub tags: Vec<String>,
    pub management: bool,
    /// `None` for the Regions enabled in each account.
    pub regions: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StandardsUnread {
    #[error("the organization cannot be read: {}: {}", .0.action, .0.reason)]
    Unread(UnreadFact),
    /// The file or the selection has unknown names.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unknown(Vec<UnknownName>),
}

impl From<UnreadFact> for StandardsUnread {
    fn from(fact: UnreadFact) -> Self {
        Self::Unread(fact)
    }
}

fn words(fact: &UnreadFact) -> String {
    format!("{}: {}", fact.action, fact.reason)
}

/// Reads the organization and its central configuration.
///
/// # Errors
/// A failed read of the organization, and unknown names.
pub async fn gather_organization(
    calls: &dyn ReadCalls,
    file: Option<&StandardsFile>,
    scope: &StandardsScope,
) -> Result<StandardsFacts, StandardsUnread> {
    let home = Reader {
        calls,
        place: ReadPlace::default(),
    };
    let about = home
        .one((ORGANIZATIONS, "DescribeOrganization"), json!({}))
        .await?;
    let needs_tags = !scope.tags.is_empty() || file.is_some_and(StandardsFile::needs_tags);
    let tree = tree(&home, needs_tags).await?;
    check_names(file, scope, &tree)?;
    let governed = governed(&home, &tree).await?;
    Ok(StandardsFacts {
        organization: text(&about, "/Organization/Id").to_owned(),
        management: text(&about, "/Organization/MasterAccountId").to_owned(),
        tree,
        central: central(calls, &home).await?,
        governed,
        hubs: BTreeMap::new(),
    })
}

pub(crate) struct SelectedPlaces {
    pub(crate) organization: String,
    pub(crate) places: Vec<(AccountId, String)>,
    /// Account, Region or `global`, and why it is skipped or unread.
    pub(crate) left_out: Vec<(String, String, Result<String, String>)>,
}

/// Finds the selected accounts and Regions (`organization.md` P-14).
///
/// # Errors
/// A failed read of the organization, and unknown names.
pub(crate) async fn selected_places(
    calls: &dyn ReadCalls,
    scope: &StandardsScope,
) -> Result<SelectedPlaces, StandardsUnread> {
    let home = Reader {
        calls,
        place: ReadPlace::default(),
    };
    let operation = (ORGANIZATIONS, "DescribeOrganization");
    let about = home.one(operation, json!({})).await?;
    let tree = tree(&home, !scope.tags.is_empty()).await?;
    check_names(None, scope, &tree)?;
    let mut facts = StandardsFacts {
        organization: text(&about, "/Organization/Id").to_owned(),
        management: text(&about, "/Organization/MasterAccountId").to_owned(),
        tree,
        central: None,
        governed: GovernedFacts::default(),
        hubs: BTreeMap::new(),
    };
    let places = places(calls, scope, &mut facts).await;
    let left_out = facts
        .hubs
        .into_iter()
        .filter_map(|((account, region), it)| {
            let why = match it {
                HubLook::Skipped(why) => Ok(why),
                HubLook::Unread(why) | HubLook::Blocked(why) => Err(why),
                HubLook::Seen(_) => return None,
            };
            Some((account, region, why))
        });
    Ok(SelectedPlaces {
        organization: facts.organization,
        places,
        left_out: left_out.collect(),
    })
}

/// Reads Security Hub in each account and Region; without a file, the current state. Failures are
/// stored per place.
pub async fn gather_hubs(
    calls: &dyn ReadCalls,
    file: Option<&StandardsFile>,
    scope: &StandardsScope,
    facts: &mut StandardsFacts,
) {
    let places = places(calls, scope, facts).await;
    read_hubs(calls, file, places, facts).await;
}

fn check_names(
    file: Option<&StandardsFile>,
    scope: &StandardsScope,
    tree: &UnitTree,
) -> Result<(), StandardsUnread> {
    let accounts = scope.accounts.iter().chain(&scope.exclude);
    let unknown = unknown_places(file, &scope.units, accounts, tree);
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(StandardsUnread::Unknown(unknown))
    }
}

/// Units and accounts, from the root down.
async fn tree(home: &Reader<'_>, needs_tags: bool) -> ReadFact<UnitTree> {
    let roots = home
        .list((ORGANIZATIONS, "ListRoots"), json!({}), "Roots")
        .await?;
    let root = roots.first().map_or("", |it| text(it, "/Id")).to_owned();
    let mut tree = UnitTree {
        paths: BTreeMap::from([(root.clone(), "/".to_owned())]),
        root: root.clone(),
        accounts: BTreeMap::new(),
    };
    let told = accounts_by_parent(home).await?;
    let mut open = vec![vec![root]];
    while let Some(units) = open.pop() {
        let Some(parent) = units.last() else { continue };
        let input = json!({ "ParentId": parent });
        let operation = (ORGANIZATIONS, "ListAccountsForParent");
        let rows = match &told {
            Some(told) => told.get(parent).cloned().unwrap_or_default(),
            None => home.list(operation, input.clone(), "Accounts").await?,
        };
        for row in rows {
            let account = account(home, &row, &units, needs_tags).await?;
            tree.accounts.insert(account.id.clone(), account);
        }
        let operation = (ORGANIZATIONS, "ListOrganizationalUnitsForParent");
        for row in home.list(operation, input, "OrganizationalUnits").await? {
            let above = tree.paths.get(parent).map_or("", String::as_str);
            let path = format!("{}/{}", above.trim_end_matches('/'), text(&row, "/Name"));
            let id = text(&row, "/Id").to_owned();
            tree.paths.insert(id.clone(), path);
            open.push(units.iter().cloned().chain([id]).collect());
        }
    }
    Ok(tree)
}

async fn account(
    home: &Reader<'_>,
    row: &Value,
    units: &[String],
    needs_tags: bool,
) -> ReadFact<StandardsAccount> {
    let state = account_state(|it| row.get(it)?.as_str());
    let id = text(row, "/Id").to_owned();
    let mut tags = BTreeMap::new();
    if needs_tags {
        let operation = (ORGANIZATIONS, "ListTagsForResource");
        let rows = home
            .list(operation, json!({ "ResourceId": id }), "Tags")
            .await?;
        let pair = |it: &Value| (text(it, "/Key").to_owned(), text(it, "/Value").to_owned());
        tags = rows.iter().map(pair).collect();
    }
    Ok(StandardsAccount {
        id,
        active: state == Some("ACTIVE"),
        units: units.to_vec(),
        tags,
        joined: text(row, "/JoinedTimestamp").parse().ok(),
    })
}

/// Administrator and Region of central configuration; or why it is impossible.
///
/// # Errors
/// A failed read.
pub async fn central_home(calls: &dyn ReadCalls) -> ReadFact<Result<CentralHome, NoCentralHome>> {
    let home = Reader {
        calls,
        place: ReadPlace::default(),
    };
    administrator_home(calls, &home).await
}

async fn administrator_home(
    calls: &dyn ReadCalls,
    home: &Reader<'_>,
) -> ReadFact<Result<CentralHome, NoCentralHome>> {
    let operation = (ORGANIZATIONS, "ListDelegatedAdministrators");
    let input = json!({ "ServicePrincipal": PRINCIPAL });
    let rows = home
        .list(operation, input, "DelegatedAdministrators")
        .await?;
    let administrator = rows.first().map(|it| text(it, "/Id"));
    let Some(account) = administrator.and_then(|it| AccountId::new(it.to_owned()).ok()) else {
        return Ok(Err(NoCentralHome::Administrator));
    };
    let operation = (SECURITY_HUB, "ListFindingAggregators");
    // an administrator with Security Hub off has no aggregator
    let off = Some("InvalidAccessException");
    let reader = inside(calls, &account, None);
    let found = reader.list_unless(operation, json!({}), "FindingAggregators", off);
    let found = found.await?.unwrap_or_default();
    let arn = found.first().map(|it| text(it, "/FindingAggregatorArn"));
    let Some(region) = arn.and_then(|it| it.split(':').nth(3)) else {
        let administrator = account.to_string();
        return Ok(Err(NoCentralHome::Aggregator { administrator }));
    };
    let region = region.to_owned();
    Ok(Ok(CentralHome { account, region }))
}

/// `None` without central configuration by a delegated administrator.
async fn central(calls: &dyn ReadCalls, home: &Reader<'_>) -> ReadFact<Option<CentralFacts>> {
    let Ok(CentralHome { account, region }) = administrator_home(calls, home).await? else {
        return Ok(None);
    };
    let region = region.as_str();
    let reader = inside(calls, &account, Some(region));
    let operation = (SECURITY_HUB, "DescribeOrganizationConfiguration");
    let found = reader.one(operation, json!({})).await?;
    if text(&found, "/OrganizationConfiguration/ConfigurationType") != "CENTRAL" {
        return Ok(None);
    }
    let hub = HubReader {
        calls,
        account: &account,
        region,
    };
    Ok(Some(CentralFacts {
        administrator: account.as_str().to_owned(),
        home: region.to_owned(),
        offered: hub.offered().await?,
        held: policies::held(&reader).await?,
        names: policies::names(&reader).await?,
    }))
}

impl StandardsScope {
    pub fn is_meant(&self, account: &StandardsAccount, tree: &UnitTree) -> bool {
        let named = |all: &BTreeSet<AccountId>| all.iter().any(|it| it.as_str() == account.id);
        let below = |unit: &String| {
            if self.direct {
                tree.is_directly_in(account, unit)
            } else {
                tree.is_below(account, unit)
            }
        };
        (self.accounts.is_empty() || named(&self.accounts))
            && !named(&self.exclude)
            && (self.units.is_empty() || self.units.iter().any(below))
            && self.tags.iter().all(|it| has_tag(&account.tags, it))
    }

    fn judge(&self, account: &StandardsAccount, facts: &StandardsFacts) -> Option<HubLook> {
        if !self.is_meant(account, &facts.tree) {
            return None;
        }
        let skipped = |why: &str| Some(HubLook::Skipped(why.to_owned()));
        if !account.active {
            return skipped("suspended");
        }
        if account.id == facts.management && !self.management {
            return skipped("management account");
        }
        Some(HubLook::Unread(String::new()))
    }
}

async fn places(
    calls: &dyn ReadCalls,
    scope: &StandardsScope,
    facts: &mut StandardsFacts,
) -> Vec<(AccountId, String)> {
    let mut asked = Vec::new();
    for account in facts.tree.accounts.values() {
        match (
            scope.judge(account, facts),
            AccountId::new(account.id.clone()),
        ) {
            (Some(HubLook::Unread(_)), Ok(id)) => asked.push(id),
            (Some(look @ HubLook::Skipped(_)), _) => {
                let key = (account.id.clone(), NO_REGION.to_owned());
                facts.hubs.insert(key, look);
            }
            (Some(_) | None, _) => {}
        }
    }
    // accounts cannot disable these
    let always_on = || ALWAYS_ON_REGIONS.map(str::to_owned).into();
    let is_always_on = |it: &String| ALWAYS_ON_REGIONS.contains(&it.as_str());
    let is_asked = !{ scope.regions.as_ref() }.is_some_and(|it| it.iter().all(is_always_on));
    let found: Vec<_> = stream::iter(asked)
        .map(|id| async move {
            let regions = if is_asked {
                enabled_regions(calls, &id).await
            } else {
                Ok(always_on())
            };
            (id, regions)
        })
        .buffered(HUBS_AT_ONCE)
        .collect()
        .await;
    let mut places = Vec::new();
    for (id, enabled) in found {
        let mut look = |region: &str, look| {
            facts
                .hubs
                .insert((id.as_str().to_owned(), region.to_owned()), look);
        };
        match (&scope.regions, enabled) {
            (None, Ok(enabled)) => places.extend(enabled.into_iter().map(|it| (id.clone(), it))),
            (None, Err(why)) => look(NO_REGION, HubLook::Unread(words(&why))),
            (Some(named), enabled) => {
                let is_off = |it: &String| enabled.as_ref().is_ok_and(|all| !all.contains(it));
                let once: BTreeSet<&String> = named.iter().collect();
                for region in once {
                    if is_off(region) {
                        look(region, HubLook::Skipped("region disabled".to_owned()));
                    } else {
                        places.push((id.clone(), region.clone()));
                    }
                }
            }
        }
    }
    places
}

#[derive(Clone, Default)]
struct RegionFacts {
    offered: BTreeSet<String>,
    controls: BTreeMap<String, BTreeSet<String>>,
    other_controls: BTreeSet<String>,
}

async fn read_hubs(
    calls: &dyn ReadCalls,
    file: Option<&StandardsFile>,
    places: Vec<(AccountId, String)>,
    facts: &mut StandardsFacts,
) {
    let mut open = Vec::new();
    for (id, region) in places {
        let key = (id.as_str().to_owned(), region.clone());
        let account = facts.tree.accounts.get(id.as_str());
        // reading is allowed under any governance: only a file conflicts
        let governed = account
            .filter(|_| file.is_some())
            .and_then(|it| facts.governed.why(&facts.tree, it, &region));
        let why = governed.or_else(|| account.and_then(|it| facts.managed(it)));
        match why {
            Some(why) => drop(facts.hubs.insert(key, HubLook::Blocked(why))),
            None => open.push((id, region)),
        }
    }
    let seen: Vec<_> = stream::iter(open)
        .map(|(account, region)| async move {
            let found = hub(calls, &account, &region).await;
            (account, region, found)
        })
        .buffered(HUBS_AT_ONCE)
        .collect()
        .await;
    let mut regions: BTreeMap<String, ReadFact<RegionFacts>> = BTreeMap::new();
    for (account, region, found) in &seen {
        let is_on = found.as_ref().is_ok_and(|it| it.state != HubState::Off);
        if is_on && !matches!(regions.get(region), Some(Ok(_))) {
            let here = seen.iter().filter(|(_, it, _)| it == region);
            let here = here.filter_map(|(_, _, found)| found.as_ref().ok());
            let on = here
                .flat_map(|it| &it.subscriptions)
                .map(|it| it.standard.clone());
            let reader = HubReader {
                calls,
                account,
                region,
            };
            let found = of_region(reader, file, on.collect()).await;
            regions.insert(region.clone(), found);
        }
    }
    let looked: Vec<_> = stream::iter(seen)
        .map(|(account, region, found)| {
            let common = regions.get(&region);
            async move {
                let look = match found {
                    Ok(hub) => with_controls(calls, &account, &region, hub, common).await,
                    Err(why) => Err(why),
                };
                let look = look.map_or_else(
                    |why| HubLook::Unread(words(&why)),
                    |hub| HubLook::Seen(Box::new(hub)),
                );
                ((account.as_str().to_owned(), region), look)
            }
        })
        .buffered(HUBS_AT_ONCE)
        .collect()
        .await;
    facts.hubs.extend(looked);
}

async fn hub(calls: &dyn ReadCalls, account: &AccountId, region: &str) -> ReadFact<HubFacts> {
    let reader = HubReader {
        calls,
        account,
        region,
    };
    let state = reader.state().await?;
    let subscriptions = match state {
        HubState::Off => Vec::new(),
        HubState::On | HubState::OnByStandard => reader.subscriptions().await?,
    };
    Ok(HubFacts {
        state,
        subscriptions,
        offered: BTreeSet::new(),
        controls: BTreeMap::new(),
        other_controls: BTreeSet::new(),
        associations: BTreeMap::new(),
    })
}

async fn of_region(
    reader: HubReader<'_>,
    file: Option<&StandardsFile>,
    on: BTreeSet<String>,
) -> ReadFact<RegionFacts> {
    let offered = reader.offered().await?;
    let named = file.into_iter().flat_map(StandardsFile::standards);
    let named = named.filter_map(|it| offered_as(&offered, it).cloned());
    let all: BTreeSet<String> = named.chain(on).collect();
    let mut controls = BTreeMap::new();
    for standard in all {
        let found = reader.controls(&standard).await?;
        controls.insert(standard, found);
    }
    // checks if an unavailable control exists at all
    let is_here = |id: &str| controls.values().any(|it| it.contains(id));
    let others = file.into_iter().flat_map(StandardsFile::control_ids);
    let other_controls = if others.into_iter().all(is_here) {
        BTreeSet::new()
    } else {
        reader.all_controls().await?
    };
    Ok(RegionFacts {
        offered,
        controls,
        other_controls,
    })
}

async fn with_controls(
    calls: &dyn ReadCalls,
    account: &AccountId,
    region: &str,
    mut hub: HubFacts,
    common: Option<&ReadFact<RegionFacts>>,
) -> ReadFact<HubFacts> {
    let Some(common) = common else {
        return Ok(hub);
    };
    let common = common.as_ref().map_err(Clone::clone)?;
    hub.offered.clone_from(&common.offered);
    hub.controls.clone_from(&common.controls);
    hub.other_controls.clone_from(&common.other_controls);
    let on = hub.subscriptions.iter().filter(|it| it.is_on());
    let pairs = on.flat_map(|it| {
        let ids = hub.controls.get(&it.standard).into_iter().flatten();
        ids.map(|id| (it.standard.clone(), id.clone()))
    });
    let pairs: Vec<(String, String)> = pairs.collect();
    let reader = HubReader {
        calls,
        account,
        region,
    };
    hub.associations = reader.associations(&pairs).await?;
    Ok(hub)
}
