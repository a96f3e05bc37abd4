//! Reads an organization; calls are independent, accounts parallel.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _};
use hallpass_aws_model::facts;
use hallpass_base::{AccountId, account_state};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::facts::{
    FoundationFacts, JoiningFacts, ListedAccount, LogAccounts, MemberFacts, ReadinessFacts,
    TargetUnit,
};
use super::read_leaving::{leaving, wide_shares};
use crate::control_tower::{has_controls, landing_zone};
use crate::handshakes::invitations_of_others;
use crate::organization_wide::{
    account_quota, accounts_in_root, alternate_contact, has_all_features, has_scps, root_id,
};
use crate::reading::{ReadCalls, ReadFact, ReadPlace, Reader, text, unread};

/// Accounts read in parallel; each call is rate-limited.
const WIDTH: usize = 16;
/// Unit depth including the root.
const DEPTH_MAX: usize = facts::UNIT_DEPTH.count() + 1;

#[derive(Clone, Debug)]
pub struct ReadinessReading {
    /// Regions checked in the management account; default: all enabled ones.
    pub regions: Option<Vec<String>>,
    pub leaving: bool,
    pub joining: bool,
    pub target: Option<String>,
    /// Costs and commitments are of the month before this day.
    pub today: Date,
}

/// `on_account` gets the progress in accounts.
pub async fn read_readiness(
    calls: &dyn ReadCalls,
    wanted: &ReadinessReading,
    on_account: &(dyn Fn(usize, usize) + Sync),
) -> ReadinessFacts {
    let home = Reader {
        calls,
        place: ReadPlace::default(),
    };
    let foundation = foundation(&home, wanted, on_account).await;
    let leaving = if wanted.leaving {
        Some(leaving(&home, wanted.today).await)
    } else {
        None
    };
    let joining = if wanted.joining {
        let target = match &wanted.target {
            Some(id) => Some(target(&home, id).await),
            None => None,
        };
        Some(JoiningFacts {
            account_quota: account_quota(calls).await,
            target,
        })
    } else {
        None
    };
    ReadinessFacts {
        foundation,
        leaving,
        joining,
    }
}

async fn foundation(
    home: &Reader<'_>,
    wanted: &ReadinessReading,
    on_account: &(dyn Fn(usize, usize) + Sync),
) -> FoundationFacts {
    let own = own_organization(home).await;
    let management = own.as_ref().map(|it| it.management.clone());
    let management = management.map_err(Clone::clone);
    let accounts = accounts(home).await;
    let accounts_in_root = match &management {
        Ok(id) => accounts_in_root(home, id).await,
        Err(unread) => Err(unread.clone()),
    };
    FoundationFacts {
        has_all_features: has_all_features(home).await,
        has_scps: has_scps(home).await,
        accounts_in_root,
        log_accounts: log_accounts(home).await,
        running: running(home, wanted.regions.as_deref()).await,
        members: members(home, wanted, own.as_ref().ok(), &accounts, on_account).await,
        management,
        accounts,
    }
}

struct OwnOrganization {
    id: String,
    management: AccountId,
}

async fn own_organization(home: &Reader<'_>) -> ReadFact<OwnOrganization> {
    let operation = ("organizations", "DescribeOrganization");
    let answer = home.one(operation, json!({})).await?;
    let management = text(&answer, "/Organization/MasterAccountId");
    Ok(OwnOrganization {
        id: text(&answer, "/Organization/Id").to_owned(),
        management: AccountId::new(management)
            .map_err(|_| unread(operation, "no management account in the answer"))?,
    })
}

async fn accounts(home: &Reader<'_>) -> ReadFact<Vec<ListedAccount>> {
    let operation = ("organizations", "ListAccounts");
    let rows = home.list(operation, json!({}), "Accounts").await?;
    let account = |row: &Value| {
        let state = account_state(|it| row.get(it)?.as_str());
        Some(ListedAccount {
            id: AccountId::new(text(row, "/Id")).ok()?,
            name: text(row, "/Name").to_owned(),
            email: text(row, "/Email").to_owned(),
            is_active: state == Some("ACTIVE"),
        })
    };
    let found: Option<Vec<ListedAccount>> = rows.iter().map(account).collect();
    found.ok_or_else(|| unread(operation, "an account without an id in the answer"))
}

async fn running(
    home: &Reader<'_>,
    named: Option<&[String]>,
) -> ReadFact<BTreeMap<String, ReadFact<Vec<String>>>> {
    let regions = match named {
        Some(regions) => regions.to_vec(),
        None => regions_on(home).await?,
    };
    let mut found = BTreeMap::new();
    for region in regions {
        let running = running_in(home, &region).await;
        found.insert(region, running);
    }
    Ok(found)
}

async fn regions_on(home: &Reader<'_>) -> ReadFact<Vec<String>> {
    let input = json!({ "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"] });
    let rows = home
        .list(("account", "ListRegions"), input, "Regions")
        .await?;
    let names = rows.iter().map(|it| text(it, "/RegionName").to_owned());
    Ok(names.collect())
}

async fn running_in(home: &Reader<'_>, region: &str) -> ReadFact<Vec<String>> {
    let reader = Reader {
        calls: home.calls,
        place: ReadPlace {
            region: Some(region.to_owned()),
            ..ReadPlace::default()
        },
    };
    let operation = ("ec2", "DescribeInstances");
    let input = json!({ "Filters": [{ "Name": "instance-state-name", "Values": ["running"] }] });
    let rows = reader.list(operation, input, "Reservations").await?;
    let instances = rows.iter().filter_map(|it| it.get("Instances")?.as_array());
    let ids = instances
        .flatten()
        .map(|it| text(it, "/InstanceId").to_owned());
    Ok(ids.collect())
}

async fn log_accounts(home: &Reader<'_>) -> ReadFact<Option<LogAccounts>> {
    let zone = landing_zone(home).await?;
    Ok(zone.map(|it| LogAccounts {
        log_archive: it.log_archive,
        audit: it.audit,
    }))
}

async fn members(
    home: &Reader<'_>,
    wanted: &ReadinessReading,
    own: Option<&OwnOrganization>,
    accounts: &ReadFact<Vec<ListedAccount>>,
    on_account: &(dyn Fn(usize, usize) + Sync),
) -> BTreeMap<AccountId, MemberFacts> {
    let active = accounts.iter().flatten().filter(|it| it.is_active);
    let active: Vec<&AccountId> = active.map(|it| &it.id).collect();
    let total = active.len();
    let has_root_users = has_root_users(home).await;
    let read = stream::iter(active);
    let read = read.map(|id| member(home, id, own, has_root_users, wanted.leaving));
    let mut read = read.buffer_unordered(WIDTH);
    let mut found = BTreeMap::new();
    while let Some((id, facts)) = read.next().await {
        found.insert(id, facts);
        on_account(found.len(), total);
    }
    found
}

/// Checks if members' root users can sign in: not with centrally managed credentials (AWS:
/// "Centrally manage root access for member accounts"); remaining ones are then found per account.
async fn has_root_users(home: &Reader<'_>) -> bool {
    let operation = ("iam", "ListOrganizationsFeatures");
    let features = home.list(operation, json!({}), "EnabledFeatures").await;
    // the service returns an error if it was never enabled
    !features.is_ok_and(|it| it.iter().any(|it| it == "RootCredentialsManagement"))
}

async fn member(
    home: &Reader<'_>,
    id: &AccountId,
    own: Option<&OwnOrganization>,
    has_root_users: bool,
    with_shares: bool,
) -> (AccountId, MemberFacts) {
    let is_management = own.is_some_and(|it| it.management == *id);
    let has_root_user = is_management || has_root_users;
    let inside = Reader {
        calls: home.calls,
        place: ReadPlace {
            account: (!is_management).then(|| id.clone()),
            region: None,
        },
    };
    let named = (!is_management).then_some(id);
    let facts = MemberFacts {
        security_contact: alternate_contact(home, "SECURITY", named).await,
        tags: tags(home, id).await,
        root_has_mfa: root_has_mfa(&inside, has_root_user).await,
        shares: if with_shares {
            wide_shares(&inside).await
        } else {
            Ok(Vec::new())
        },
        invitations: if is_management {
            None
        } else {
            Some(invitations_of_others(&inside, own.map(|it| it.id.as_str())).await)
        },
    };
    (id.clone(), facts)
}

async fn tags(home: &Reader<'_>, id: &AccountId) -> ReadFact<BTreeMap<String, String>> {
    let operation = ("organizations", "ListTagsForResource");
    let rows = home
        .list(operation, json!({ "ResourceId": id }), "Tags")
        .await?;
    let pair = |row: &Value| (text(row, "/Key").to_owned(), text(row, "/Value").to_owned());
    Ok(rows.iter().map(pair).collect())
}

async fn root_has_mfa(inside: &Reader<'_>, has_user: bool) -> ReadFact<Option<bool>> {
    let operation = ("iam", "GetAccountSummary");
    let answer = inside.one(operation, json!({})).await?;
    let number = |name: &str| answer.pointer(&format!("/SummaryMap/{name}"))?.as_i64();
    let mfa = number("AccountMFAEnabled");
    let mfa =
        mfa.ok_or_else(|| unread(operation, "the answer does not cover AccountMFAEnabled"))?;
    // no password, nothing to protect by a second factor
    let has_password = number("AccountPasswordPresent").is_none_or(|it| it == 1);
    Ok(if !has_user && !has_password {
        None
    } else {
        Some(mfa == 1)
    })
}

async fn target(home: &Reader<'_>, id: &str) -> TargetUnit {
    TargetUnit {
        id: id.to_owned(),
        is_registered: is_registered(home, id).await,
        policies: policies_above(home, id).await,
    }
}

async fn is_registered(home: &Reader<'_>, id: &str) -> ReadFact<bool> {
    let operation = ("organizations", "DescribeOrganizationalUnit");
    let unit = home
        .one(operation, json!({ "OrganizationalUnitId": id }))
        .await?;
    let arn = text(&unit, "/OrganizationalUnit/Arn");
    let input = json!({ "filter": { "targetIdentifiers": [arn] } });
    let operation = ("controltower", "ListEnabledBaselines");
    let rows = home.list(operation, input, "enabledBaselines").await?;
    let mut states = rows.iter().map(|it| text(it, "/statusSummary/status"));
    if states.any(|it| it == "SUCCEEDED") {
        return Ok(true);
    }
    has_controls(home, arn).await
}

/// Policies on a unit and its ancestors.
async fn policies_above(home: &Reader<'_>, unit: &str) -> ReadFact<Vec<String>> {
    let root = root_id(home).await?;
    let (mut at, mut names) = (unit.to_owned(), Vec::new());
    for _ in 0..DEPTH_MAX {
        let input = json!({ "TargetId": at, "Filter": "SERVICE_CONTROL_POLICY" });
        let operation = ("organizations", "ListPoliciesForTarget");
        let rows = home.list(operation, input, "Policies").await?;
        let own = rows
            .iter()
            .filter(|it| it.get("AwsManaged") != Some(&Value::Bool(true)));
        names.extend(own.map(|it| text(it, "/Name").to_owned()));
        if at == root {
            break;
        }
        let operation = ("organizations", "ListParents");
        let parents = home
            .list(operation, json!({ "ChildId": at }), "Parents")
            .await?;
        let parent = parents.first().map(|it| text(it, "/Id").to_owned());
        at = parent.ok_or_else(|| unread(operation, "no parent in the answer"))?;
    }
    names.sort();
    names.dedup();
    Ok(names)
}
