use std::collections::{BTreeSet, HashMap};

use aws_sdk_organizations::types::{Account as Listed, Root};
use futures_util::{StreamExt, TryStreamExt, stream};
use hallpass_access::DirectoryFault;
use hallpass_base::{AccountId, AccountPath};
use hallpass_rules::directory::{Account, AccountTags, OuRef};

use super::fault;
use crate::Aws;
use crate::call::Deadline;
use crate::center::is_active;
use crate::fault::CallFailure;
use crate::pages::listing;
use crate::policies::LEVELS_MAX;

const PAGE: i32 = 20;
/// Parallel requests, to hide latency; the rate limiter sets the rate.
const WIDTH: usize = 6;

pub(super) struct Tree {
    pub(super) root: String,
    pub(super) accounts: Vec<Account>,
    pub(super) units: Vec<Vec<OuRef>>,
}

#[derive(Default)]
struct Walk {
    paths: HashMap<String, Vec<OuRef>>,
    parents: HashMap<String, BTreeSet<String>>,
}

pub(super) async fn read(aws: &Aws) -> Result<Tree, DirectoryFault> {
    let roots = roots(aws).await.map_err(|f| fault("roots", &f))?;
    let Some(root) = roots.into_iter().find_map(|root| root.id) else {
        let rootless = CallFailure::unparsable("an organization without a root");
        return Err(fault("roots", &rootless));
    };
    let (listed, mut walk) = tokio::try_join!(
        async { listed(aws).await.map_err(|f| fault("accounts", &f)) },
        async {
            walk(aws, &root)
                .await
                .map_err(|f| fault("organizational units", &f))
        },
    )?;
    walk.parents = match told_parents(&listed) {
        Some(parents) => parents,
        None => walked_parents(aws, walk.paths.keys().cloned().collect())
            .await
            .map_err(|f| fault("organizational units", &f))?,
    };
    let mut accounts: Vec<Account> = stream::iter(listed)
        .map(|row| place(aws, row, &walk))
        .buffer_unordered(WIDTH)
        .try_filter_map(|account| std::future::ready(Ok(account)))
        .try_collect()
        .await?;
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    accounts.dedup_by(|a, b| a.id == b.id);
    let mut units: Vec<Vec<OuRef>> = walk.paths.into_values().filter(|p| !p.is_empty()).collect();
    units.sort();
    Ok(Tree {
        root,
        accounts,
        units,
    })
}

async fn place(aws: &Aws, row: Listed, walk: &Walk) -> Result<Option<Account>, DirectoryFault> {
    let id = match AccountId::new(row.id.clone().unwrap_or_default()) {
        Ok(id) => id,
        Err(error) => {
            tracing::warn!(%error, "AWS lists an account whose id has an unknown form");
            return Ok(None);
        }
    };
    let seen = walk.parents.get(id.as_str());
    let parent = match seen.map(|parents| (parents.len(), parents.first())) {
        Some((1, Some(parent))) if walk.paths.contains_key(parent) => parent.clone(),
        _ => parent(aws, &id)
            .await
            .map_err(|f| fault(&format!("the parent of account {id}"), &f))?,
    };
    let ous = walk.paths.get(&parent).cloned().ok_or_else(|| {
        let moved = CallFailure::unparsable(&format!("unit {parent} is newer than this reading"));
        fault(&format!("the units above account {id}"), &moved)
    })?;
    let active = is_active(&row);
    Ok(Some(Account {
        id,
        name: row.name.unwrap_or_default(),
        email: row.email.unwrap_or_default(),
        active,
        ous,
        // each costs a call, see `tags`
        tags: AccountTags::Unread,
    }))
}

/// Parents from `Paths`; `None` if any account lacks it: sources are not mixed.
fn told_parents(listed: &[Listed]) -> Option<HashMap<String, BTreeSet<String>>> {
    let told = listed.iter().map(|row| {
        let id = row.id.clone()?;
        let path = AccountPath::of(&id, row.paths().iter().map(String::as_str))?;
        let parent = BTreeSet::from([path.parent().to_owned()]);
        Some((id, parent))
    });
    told.collect()
}

async fn walked_parents(
    aws: &Aws,
    units: Vec<String>,
) -> Result<HashMap<String, BTreeSet<String>>, CallFailure> {
    let found: Vec<_> = stream::iter(units)
        .map(|id| async move {
            let accounts = accounts_below(aws, &id).await?;
            Ok::<_, CallFailure>((id, accounts))
        })
        .buffer_unordered(WIDTH)
        .try_collect()
        .await?;
    let mut parents = HashMap::<String, BTreeSet<String>>::new();
    for (id, accounts) in found {
        for account in accounts {
            parents.entry(account).or_default().insert(id.clone());
        }
    }
    Ok(parents)
}

async fn walk(aws: &Aws, root: &str) -> Result<Walk, CallFailure> {
    let mut walk = Walk::default();
    let mut level = vec![(root.to_owned(), Vec::<OuRef>::new())];
    for _ in 0..LEVELS_MAX {
        if level.is_empty() {
            return Ok(walk);
        }
        let found: Vec<_> = stream::iter(level)
            .map(|(id, path)| async move {
                let units = units_below(aws, &id).await?;
                Ok::<_, CallFailure>((id, path, units))
            })
            .buffer_unordered(WIDTH)
            .try_collect()
            .await?;
        level = Vec::new();
        for (id, path, units) in found {
            for unit in units {
                let mut below = path.clone();
                below.push(unit.clone());
                level.push((unit.id, below));
            }
            walk.paths.insert(id, path);
        }
    }
    Err(CallFailure::unparsable("units nested without end"))
}

async fn roots(aws: &Aws) -> Result<Vec<Root>, CallFailure> {
    listing!(
        aws.org_line.read("ListRoots", Deadline::look()),
        roots,
        aws.org.list_roots()
    )
    .await
}

async fn listed(aws: &Aws) -> Result<Vec<Listed>, CallFailure> {
    listing!(
        aws.org_line.read("ListAccounts", Deadline::look()),
        accounts,
        aws.org.list_accounts().max_results(PAGE)
    )
    .await
}

async fn units_below(aws: &Aws, parent: &str) -> Result<Vec<OuRef>, CallFailure> {
    let rows = listing!(
        aws.org_line
            .read("ListOrganizationalUnitsForParent", Deadline::look()),
        organizational_units,
        aws.org
            .list_organizational_units_for_parent()
            .parent_id(parent)
            .max_results(PAGE)
    )
    .await?;
    rows.into_iter()
        .map(|unit| match (unit.id, unit.name) {
            (Some(id), Some(name)) => Ok(OuRef { id, name }),
            _ => Err(CallFailure::unparsable("a unit without id or name")),
        })
        .collect()
}

async fn accounts_below(aws: &Aws, parent: &str) -> Result<Vec<String>, CallFailure> {
    let rows = listing!(
        aws.org_line.read("ListAccountsForParent", Deadline::look()),
        accounts,
        aws.org
            .list_accounts_for_parent()
            .parent_id(parent)
            .max_results(PAGE)
    )
    .await?;
    Ok(rows.into_iter().filter_map(|account| account.id).collect())
}

async fn parent(aws: &Aws, account: &AccountId) -> Result<String, CallFailure> {
    let found = aws
        .org_line
        .read("ListParents", Deadline::look(), || {
            aws.org.list_parents().child_id(account.as_str()).send()
        })
        .await?;
    found
        .parents
        .unwrap_or_default()
        .into_iter()
        .find_map(|parent| parent.id)
        .ok_or_else(|| CallFailure::unparsable("an account without a parent"))
}
