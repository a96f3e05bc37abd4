//! Reads an organization for an enrolment. Accounts are read in parallel; refused reads are stored
//! as facts.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};
use hallpass_aws_model::facts;
use hallpass_base::{AccountId, account_state};
use serde_json::{Value, json};

use super::EnrolmentRefused;
use super::facts::{EnrolmentAccount, EnrolmentFacts, GovernedPart, InsideFacts, RegionConfig};
use super::roles::{EXECUTION, EnrolmentCalls};
use super::select::{left_out, source_units, target_unit};
use super::spec::{EnrolmentRequest, RoleCreation};
use crate::changing::ServiceCalls;
use crate::control_tower::{
    controls_of, enabled, has_controls, landing_zone, principal, products, unit_baseline,
};
use crate::organization_wide::root_id;
use crate::reading::{ReadFact, ReadPlace, Reader, UnreadFact, text, unread};
use crate::vending::UnitFacts;

/// Accounts read in parallel.
const WIDTH: usize = 8;
/// Unit depth including the root.
const DEPTH_MAX: usize = facts::UNIT_DEPTH.count() + 1;
const ORGANIZATIONS: &str = "organizations";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentUnread {
    #[error("the organization cannot be read: {}: {}", .0.action, .0.reason)]
    Unread(UnreadFact),
    /// The request is invalid for this organization.
    #[error(transparent)]
    Refused(#[from] EnrolmentRefused),
}

impl From<UnreadFact> for EnrolmentUnread {
    fn from(fact: UnreadFact) -> Self {
        Self::Unread(fact)
    }
}

fn reader(calls: &dyn ServiceCalls, place: ReadPlace) -> Reader<'_> {
    Reader { calls, place }
}

/// Reads the facts for checks and plan.
///
/// # Errors
/// The organization is unreadable, or the request is invalid for it.
pub async fn gather(
    calls: &EnrolmentCalls,
    wish: &EnrolmentRequest,
) -> Result<EnrolmentFacts, EnrolmentUnread> {
    let home = reader(calls.home.as_ref(), ReadPlace::default());
    let mut facts = head(&home).await?;
    facts.zone = landing_zone(&home).await?;
    if facts.zone.is_some() {
        facts.baselines = enabled(calls.home.as_ref(), None).await?;
    }
    let root = facts.root.clone();
    facts.units = units(&home, &root, &facts).await?;
    if facts.zone.is_none() {
        return Ok(facts);
    }
    facts.products_in_change = products_in_change(&home).await;
    if wish.create_role == RoleCreation::Ou {
        facts.stack_sets = Some(stack_sets_trusted(&home).await);
    }
    if let (Some(zone), true) = (&facts.zone, target_unit(wish, &facts)?.1) {
        facts.registering = Some(unit_baseline(calls.home.as_ref(), zone).await?);
    }
    for unit in source_units(wish, &facts)? {
        let standing = standing(&home, &unit).await?;
        facts.standing.insert(unit, standing);
    }
    let meant = meant(wish, &facts);
    let regions = facts
        .zone
        .iter()
        .flat_map(|it| it.regions.clone())
        .collect();
    let regions: Vec<String> = regions;
    let read = stream::iter(meant).map(|id| {
        let regions = &regions;
        async move {
            let found = inside(calls, &id, regions).await;
            (id, found)
        }
    });
    facts.inside = read.buffer_unordered(WIDTH).collect().await;
    facts.controlled = controlled(&home, &facts).await;
    governed(calls.home.as_ref(), wish, &mut facts).await?;
    Ok(facts)
}

async fn head(home: &Reader<'_>) -> Result<EnrolmentFacts, EnrolmentUnread> {
    let caller = home.one(("sts", "GetCallerIdentity"), json!({})).await?;
    let operation = (ORGANIZATIONS, "DescribeOrganization");
    let answer = home.one(operation, json!({})).await?;
    let management = text(&answer, "/Organization/MasterAccountId").to_owned();
    if text(&caller, "/Account") != management {
        let account = text(&caller, "/Account").to_owned();
        return Err(EnrolmentRefused::NotManagement { account }.into());
    }
    let arn = text(&answer, "/Organization/Arn").rsplit_once(":organization/");
    let usual = || format!("arn:aws:organizations::{management}");
    let operation = (ORGANIZATIONS, "ListAccounts");
    let rows = home.list(operation, json!({}), "Accounts").await?;
    let accounts = rows.iter().filter_map(|row| {
        let state = account_state(|it| row.get(it)?.as_str());
        let id = AccountId::new(text(row, "/Id")).ok()?;
        let account = EnrolmentAccount {
            id: id.clone(),
            name: text(row, "/Name").to_owned(),
            email: text(row, "/Email").to_owned(),
            state: state.unwrap_or_default().to_owned(),
        };
        Some((id, account))
    });
    Ok(EnrolmentFacts {
        organization: text(&answer, "/Organization/Id").to_owned(),
        caller: principal(home, text(&caller, "/Arn")).await,
        arns: arn.map_or_else(usual, |(head, _)| head.to_owned()),
        management,
        root: root_id(home).await?,
        units: Vec::new(),
        accounts: accounts.collect(),
        standing: BTreeMap::new(),
        zone: None,
        baselines: BTreeMap::new(),
        controlled: BTreeMap::new(),
        registering: None,
        stack_sets: None,
        products_in_change: Ok(Vec::new()),
        inside: BTreeMap::new(),
        governed: BTreeMap::new(),
    })
}

async fn units(home: &Reader<'_>, root: &str, facts: &EnrolmentFacts) -> ReadFact<Vec<UnitFacts>> {
    let operation = (ORGANIZATIONS, "ListOrganizationalUnitsForParent");
    let (mut level, mut all) = (vec![root.to_owned()], Vec::new());
    for _ in 1..DEPTH_MAX {
        let mut next = Vec::new();
        for parent in &level {
            let input = json!({ "ParentId": parent });
            for row in home.list(operation, input, "OrganizationalUnits").await? {
                let id = text(&row, "/Id").to_owned();
                all.push(UnitFacts {
                    registered: facts.baselines.contains_key(&facts.unit_arn(&id)),
                    name: text(&row, "/Name").to_owned(),
                    parent: parent.clone(),
                    id: id.clone(),
                });
                next.push(id);
            }
        }
        level = next;
    }
    Ok(all)
}

async fn standing(home: &Reader<'_>, unit: &str) -> ReadFact<Vec<AccountId>> {
    let operation = (ORGANIZATIONS, "ListAccountsForParent");
    let input = json!({ "ParentId": unit });
    let rows = home.list(operation, input, "Accounts").await?;
    let ids = rows.iter().map(|row| AccountId::new(text(row, "/Id")).ok());
    let ids: Option<Vec<AccountId>> = ids.collect();
    ids.ok_or_else(|| unread(operation, "an account without an id in the answer"))
}

async fn products_in_change(home: &Reader<'_>) -> ReadFact<Vec<String>> {
    let mut found = Vec::new();
    for row in products(home, "type:CONTROL_TOWER_ACCOUNT").await? {
        if matches!(text(&row, "/Status"), "UNDER_CHANGE" | "PLAN_IN_PROGRESS") {
            found.push(text(&row, "/Name").to_owned());
        }
    }
    Ok(found)
}

/// Checks trusted access of stack sets.
async fn stack_sets_trusted(home: &Reader<'_>) -> ReadFact<bool> {
    let operation = ("cloudformation", "DescribeOrganizationsAccess");
    let found = home.one(operation, json!({ "CallAs": "SELF" })).await?;
    Ok(text(&found, "/Status") == "ENABLED")
}

/// Accounts to inspect; `select` reports errors in the request.
fn meant(wish: &EnrolmentRequest, facts: &EnrolmentFacts) -> BTreeSet<AccountId> {
    let mut meant: BTreeSet<AccountId> = facts.standing.values().flatten().cloned().collect();
    meant.extend(wish.accounts.iter().cloned());
    let named = |it: &&EnrolmentAccount| {
        let mut emails = wish.emails.iter();
        emails.any(|email| it.email.eq_ignore_ascii_case(email))
    };
    let all = facts.accounts.values().filter(named);
    meant.extend(all.map(|it| it.id.clone()));
    meant.retain(|it| left_out(it, facts).is_none());
    meant
}

/// Reads controls if no baseline shows the enrolment. In a unit with a baseline, that one decides:
/// an account without its own is not enrolled.
async fn controlled(
    home: &Reader<'_>,
    facts: &EnrolmentFacts,
) -> BTreeMap<AccountId, ReadFact<bool>> {
    let has_baseline = |arn: &str| facts.baselines.contains_key(arn);
    let silent = facts.inside.iter().filter(|(id, inside)| {
        let in_unit = inside
            .parent
            .as_ref()
            .is_ok_and(|it| has_baseline(&facts.unit_arn(it)));
        !in_unit && !has_baseline(&facts.account_arn(id))
    });
    let ids: Vec<(AccountId, String)> = silent
        .map(|(id, _)| (id.clone(), facts.account_arn(id)))
        .collect();
    let read = stream::iter(ids).map(|(id, arn)| async move {
        let found = has_controls(home, &arn).await;
        (id, found)
    });
    read.buffer_unordered(WIDTH).collect().await
}

async fn inside(calls: &EnrolmentCalls, account: &AccountId, regions: &[String]) -> InsideFacts {
    let home = reader(calls.home.as_ref(), ReadPlace::default());
    let mut trusted = Ok(None);
    let mut execution_role = Ok(false);
    for (role, _) in &calls.trusted {
        let enters = calls.enters(account, role).await;
        if *role == EXECUTION {
            execution_role.clone_from(&enters);
        }
        match enters {
            Ok(true) => {
                trusted = Ok(Some((*role).to_owned()));
                break;
            }
            Ok(false) => {}
            Err(why) => {
                trusted = Err(why);
                break;
            }
        }
    }
    let mut found = InsideFacts {
        parent: parent(&home, account).await,
        execution_role,
        config: BTreeMap::new(),
        trails: None,
        default_vpcs: None,
        regions_off: regions_off(&home, account, regions).await,
        trusted,
    };
    let by = found.trusted.as_ref().ok().and_then(Clone::clone);
    if let Some(calls) = by.and_then(|role| calls.by(&role)) {
        for region in regions {
            let config = region_config(calls.as_ref(), account, region).await;
            found.config.insert(region.clone(), config);
        }
        found.trails = Some(own_trails(calls.as_ref(), account, regions).await);
        found.default_vpcs = Some(default_vpcs(calls.as_ref(), account, regions).await);
    }
    found
}

pub(crate) async fn parent(home: &Reader<'_>, account: &AccountId) -> ReadFact<String> {
    let operation = (ORGANIZATIONS, "ListParents");
    let rows = home
        .list(operation, json!({ "ChildId": account }), "Parents")
        .await?;
    let first = rows.first().map(|it| text(it, "/Id").to_owned());
    first.ok_or_else(|| unread(operation, "there is no parent in the answer"))
}

fn in_region(account: &AccountId, region: &str) -> ReadPlace {
    ReadPlace {
        account: Some(account.clone()),
        region: Some(region.to_owned()),
    }
}

pub(crate) async fn region_config(
    calls: &dyn ServiceCalls,
    account: &AccountId,
    region: &str,
) -> ReadFact<RegionConfig> {
    let there = reader(calls, in_region(account, region));
    let first = async |operation, name| {
        let answer = there.one(("config", operation), json!({})).await?;
        let rows = answer.get(name).and_then(Value::as_array);
        Ok::<Option<Value>, UnreadFact>(rows.and_then(|all| all.first()).cloned())
    };
    let all = async |operation, name| {
        let answer = there.one(("config", operation), json!({})).await?;
        let rows = answer.get(name).and_then(Value::as_array);
        Ok::<Vec<Value>, UnreadFact>(rows.cloned().unwrap_or_default())
    };
    let recorders = all("DescribeConfigurationRecorders", "ConfigurationRecorders").await?;
    let is_own = |it: &Value| text(it, "/connectorArn").is_empty();
    let recorder = recorders.into_iter().find(is_own);
    let status = match &recorder {
        Some(recorder) => {
            let operation = "DescribeConfigurationRecorderStatus";
            let rows = all(operation, "ConfigurationRecordersStatus").await?;
            let name = text(recorder, "/name").to_owned();
            // a status has no connector: match by recorder name
            let mut named = rows.into_iter();
            named.find(|it| [name.as_str(), ""].contains(&text(it, "/name")))
        }
        None => None,
    };
    Ok(RegionConfig {
        recording: status.is_some_and(|it| it.get("recording") == Some(&Value::Bool(true))),
        channel: first("DescribeDeliveryChannels", "DeliveryChannels").await?,
        recorder,
    })
}

async fn own_trails(
    calls: &dyn ServiceCalls,
    account: &AccountId,
    regions: &[String],
) -> ReadFact<Vec<String>> {
    let mut found = BTreeSet::new();
    for region in regions {
        let there = reader(calls, in_region(account, region));
        let operation = ("cloudtrail", "DescribeTrails");
        let input = json!({ "includeShadowTrails": false });
        let answer = there.one(operation, input).await?;
        let rows = answer.get("trailList").and_then(Value::as_array);
        let own = rows.into_iter().flatten();
        let own = own.filter(|it| it.get("IsOrganizationTrail") != Some(&Value::Bool(true)));
        found.extend(own.map(|it| text(it, "/Name").to_owned()));
    }
    Ok(found.into_iter().collect())
}

/// Regions with network interfaces in a default VPC.
async fn default_vpcs(
    calls: &dyn ServiceCalls,
    account: &AccountId,
    regions: &[String],
) -> ReadFact<Vec<String>> {
    let mut used = Vec::new();
    for region in regions {
        let there = reader(calls, in_region(account, region));
        let filter = |name: &str, values: Vec<&str>| json!({ "Filters": [{ "Name": name, "Values": values }] });
        let input = filter("is-default", vec!["true"]);
        let vpcs = there.list(("ec2", "DescribeVpcs"), input, "Vpcs").await?;
        let is_default = |it: &&Value| it.get("IsDefault") == Some(&Value::Bool(true));
        let ids: Vec<&str> = vpcs
            .iter()
            .filter(is_default)
            .map(|it| text(it, "/VpcId"))
            .collect();
        if ids.is_empty() {
            continue;
        }
        let operation = ("ec2", "DescribeNetworkInterfaces");
        let mut input = filter("vpc-id", ids.clone());
        if let Some(members) = input.as_object_mut() {
            members.insert("IncludeManagedResources".to_owned(), true.into());
        }
        let rows = there.list(operation, input, "NetworkInterfaces").await?;
        if rows.iter().any(|it| ids.contains(&text(it, "/VpcId"))) {
            used.push(region.clone());
        }
    }
    Ok(used)
}

async fn regions_off(
    home: &Reader<'_>,
    account: &AccountId,
    regions: &[String],
) -> ReadFact<Vec<String>> {
    let input = json!({
        "AccountId": account, "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"],
    });
    let rows = home
        .list(("account", "ListRegions"), input, "Regions")
        .await?;
    let on: BTreeSet<&str> = rows.iter().map(|it| text(it, "/RegionName")).collect();
    let off = regions.iter().filter(|it| !on.contains(it.as_str()));
    Ok(off.cloned().collect())
}

async fn governed(
    calls: &dyn ServiceCalls,
    wish: &EnrolmentRequest,
    facts: &mut EnrolmentFacts,
) -> Result<(), EnrolmentUnread> {
    let (to, _) = target_unit(wish, facts)?;
    let parents = facts
        .inside
        .values()
        .filter_map(|it| it.parent.as_ref().ok());
    let mut ends: BTreeSet<&str> = parents.map(String::as_str).collect();
    ends.insert(&to.id);
    let places: BTreeSet<String> = ends.iter().flat_map(|it| facts.path(it)).collect();
    let home = reader(calls, ReadPlace::default());
    for place in places {
        let input = json!({ "TargetId": place, "Filter": "SERVICE_CONTROL_POLICY" });
        let operation = (ORGANIZATIONS, "ListPoliciesForTarget");
        let policies = home.list(operation, input, "Policies").await;
        let arn = facts.unit_arn(&place);
        let controls = if facts.baselines.contains_key(&arn) {
            controls_of(calls, &arn).await
        } else {
            Ok(Vec::new())
        };
        let names = |rows: Vec<Value>| rows.iter().map(|it| text(it, "/Name").to_owned()).collect();
        let part = GovernedPart {
            policies: policies.map(names),
            controls,
        };
        facts.governed.insert(place, part);
    }
    Ok(())
}
