use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use hallpass_assignments::CenterFault;
use hallpass_base::{AccountId, PermissionSetArn, PermissionSetName};

use crate::compare::AccessDiff;
use crate::ports::{LiveGrants, PermissionSetAdmin};
use crate::state::{AccountAssignment, SeenAccess, SeenSet, SetPart};
use crate::steps::AccessAction;

const WIDTH: usize = 6;

/// A failed read. Partial results would look like deletions (promise P9).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {what}: {why}")]
pub struct UnreadAccess {
    pub what: String,
    pub why: String,
}

fn unread(what: impl Into<String>) -> impl FnOnce(CenterFault) -> UnreadAccess {
    let what = what.into();
    move |fault| UnreadAccess {
        what,
        why: fault.to_string(),
    }
}

/// Reads the selected sets and their assignments. Skips a set that is deleted meanwhile.
///
/// # Errors
/// If any part cannot be read.
pub async fn read_access(
    center: &dyn PermissionSetAdmin,
    grants: &dyn LiveGrants,
    is_chosen: impl Fn(&PermissionSetName) -> bool,
) -> Result<SeenAccess, UnreadAccess> {
    let all = center.sets().await.map_err(unread("the permission sets"))?;
    let chosen: Vec<_> = all
        .into_iter()
        .filter(|(name, _)| is_chosen(name))
        .collect();
    let read: Vec<_> = stream::iter(chosen)
        .map(|(name, arn)| async move {
            let set = read_set(center, &name, arn).await?;
            Ok::<_, UnreadAccess>((name, set))
        })
        .buffer_unordered(WIDTH)
        .try_collect()
        .await?;
    let sets: BTreeMap<PermissionSetName, SeenSet> = read
        .into_iter()
        .filter_map(|(name, set)| Some((name, set?)))
        .collect();
    let pairs: Vec<(PermissionSetName, PermissionSetArn, AccountId)> = sets
        .iter()
        .flat_map(|(name, set)| {
            let accounts = set.accounts.iter();
            accounts.map(|account| (name.clone(), set.arn.clone(), account.clone()))
        })
        .collect();
    let found: Vec<(BTreeSet<AccountAssignment>, BTreeSet<AccountAssignment>)> =
        stream::iter(pairs)
            .map(|(name, arn, account)| read_pair(center, grants, name, arn, account))
            .buffer_unordered(WIDTH)
            .try_collect()
            .await?;
    let mut seen = SeenAccess {
        sets,
        ..SeenAccess::default()
    };
    for (standing, temporary) in found {
        seen.assignments.extend(standing);
        seen.temporary.extend(temporary);
    }
    Ok(seen)
}

async fn read_set(
    center: &dyn PermissionSetAdmin,
    name: &PermissionSetName,
    arn: PermissionSetArn,
) -> Result<Option<SeenSet>, UnreadAccess> {
    let what = format!("permission set `{name}`");
    let content = center.content(&arn, &SetPart::ALL).await;
    let Some(content) = content.map_err(unread(&*what))? else {
        return Ok(None);
    };
    let accounts = center.provisioned(&arn).await.map_err(unread(&*what))?;
    let outdated = if accounts.is_empty() {
        BTreeSet::new()
    } else {
        center.outdated(&arn).await.map_err(unread(&*what))?
    };
    Ok(Some(SeenSet {
        arn,
        content,
        accounts,
        outdated,
    }))
}

/// Returns the standing and the temporary assignments of a set in an account.
async fn read_pair(
    center: &dyn PermissionSetAdmin,
    grants: &dyn LiveGrants,
    permission_set: PermissionSetName,
    arn: PermissionSetArn,
    account: AccountId,
) -> Result<(BTreeSet<AccountAssignment>, BTreeSet<AccountAssignment>), UnreadAccess> {
    let what = format!("who has `{permission_set}` in {account}");
    let principals = center.principals(&account, &arn).await;
    let (mut standing, mut temporary) = (BTreeSet::new(), BTreeSet::new());
    for principal in principals.map_err(unread(&*what))? {
        let it = AccountAssignment {
            permission_set: permission_set.clone(),
            account: account.clone(),
            principal,
        };
        if is_temporary(grants, &arn, &it).await? {
            temporary.insert(it);
        } else {
            standing.insert(it);
        }
    }
    Ok((standing, temporary))
}

/// Leaves out wanted assignments that a grant holds but no listing shows yet.
///
/// # Errors
/// If the grants cannot be read.
pub async fn leave_to_grants(
    diff: &mut AccessDiff,
    seen: &SeenAccess,
    grants: &dyn LiveGrants,
) -> Result<(), UnreadAccess> {
    let mut kept = Vec::with_capacity(diff.changes.len());
    for change in std::mem::take(&mut diff.changes) {
        if let AccessAction::Assign(it) = &change.action
            && let Some(set) = seen.sets.get(&it.permission_set)
            && is_temporary(grants, &set.arn, it).await?
        {
            diff.held.push(it.clone());
            continue;
        }
        kept.push(change);
    }
    diff.changes = kept;
    Ok(())
}

async fn is_temporary(
    grants: &dyn LiveGrants,
    set: &PermissionSetArn,
    it: &AccountAssignment,
) -> Result<bool, UnreadAccess> {
    let answer = grants.is_temporary(set, it).await;
    answer.map_err(|why| UnreadAccess {
        what: "the grants of Hallpass".to_owned(),
        why,
    })
}
