//! What stands in Identity Center beside what files want.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_access::DirectorySource as _;
use hallpass_access_files::{
    AccessDiff, AccessFile, AccessRefusal, CallerSession, ManagedScope, SavedDiff, SeenAccess,
    WantedAccess, compare, leave_to_grants, read_access, refusals, select,
};
use hallpass_assignments::{IdentityCenter as _, Urgency};
use hallpass_aws::Inventory;
use hallpass_model::{AccountId, PermissionSetName, Target};
use hallpass_rules::{Directory, GroupRef};

use super::files::unusable;
use crate::exit::Failure;
use crate::plans::PlanContext;

/// Files and Identity Center side by side.
pub(super) struct Compared {
    pub(super) directory: Arc<Directory>,
    pub(super) wanted: WantedAccess,
    pub(super) seen: SeenAccess,
    pub(super) diff: AccessDiff,
}

impl Compared {
    /// What a plan keeps of it.
    pub(super) fn saved(&self, refusals: Vec<AccessRefusal>) -> SavedDiff {
        SavedDiff {
            diff: self.diff.clone(),
            refusals,
            seen: self.seen.of_sets(&self.diff.sets()),
        }
    }
}

/// Reads the organization, with the accounts' tags where they are asked for.
pub(in crate::commands) async fn directory(
    context: &PlanContext,
    tags: bool,
) -> Result<Arc<Directory>, Failure> {
    let inventory = Inventory::new(Arc::clone(&context.aws), Arc::new(BTreeSet::new));
    let inventory = if tags {
        inventory.with_account_tags()
    } else {
        inventory
    };
    refreshed(&inventory).await
}

/// Reads the organization, and who is in some of its groups.
pub(super) async fn directory_with_members(
    context: &PlanContext,
    groups: BTreeSet<GroupRef>,
) -> Result<Arc<Directory>, Failure> {
    let groups = Arc::new(move || groups.clone());
    refreshed(&Inventory::new(Arc::clone(&context.aws), groups)).await
}

async fn refreshed(inventory: &Inventory) -> Result<Arc<Directory>, Failure> {
    let read = inventory.refresh().await;
    read.map_err(|fault| Failure::failed(format!("cannot read {}: {}", fault.what, fault.message)))
}

fn management(context: &PlanContext) -> Option<AccountId> {
    let id = context.aws.about().management_account.as_deref()?;
    AccountId::new(id).ok()
}

/// Reads what the files speak of and compares.
///
/// # Errors
/// Exit 2 when names mean nothing here, exit 1 when something cannot be read.
pub(super) async fn compared(
    context: &PlanContext,
    file: &AccessFile,
) -> Result<Compared, Failure> {
    let own = &context.aws.about().instance_arn;
    if let Some(instance) = file.instance.as_ref().filter(|arn| *arn != own) {
        let message = format!("the files are for instance `{instance}`, and this is `{own}`");
        return Err(Failure::bad_input(message));
    }
    let directory = directory(context, file.asks_for_tags()).await?;
    let wanted = select(file, &directory, management(context).as_ref());
    let wanted = wanted.map_err(|findings| unusable(findings.iter()))?;
    let is_chosen = |name: &PermissionSetName| match wanted.scope {
        ManagedScope::Declared => wanted.sets.contains_key(name),
        ManagedScope::All => wanted.sets.contains_key(name) || wanted.manages(name),
    };
    let seen = seen(context, is_chosen).await?;
    let mut diff = compare(&wanted, &seen);
    let held = leave_to_grants(&mut diff, &seen, context.grants.as_ref()).await;
    held.map_err(|unread| Failure::failed(unread.to_string()))?;
    Ok(Compared {
        directory,
        wanted,
        seen,
        diff,
    })
}

/// Reads sets with their assignments.
pub(super) async fn seen(
    context: &PlanContext,
    is_chosen: impl Fn(&PermissionSetName) -> bool,
) -> Result<SeenAccess, Failure> {
    let seen = read_access(context.center.as_ref(), context.grants.as_ref(), is_chosen).await;
    seen.map_err(|unread| {
        Failure::failed(unread.to_string()).help(
            "`hallpass doctor --iam-policy --for access` shows the permissions that are needed",
        )
    })
}

/// What speaks against applying it.
pub(super) async fn refused(
    context: &PlanContext,
    compared: &Compared,
) -> Result<Vec<AccessRefusal>, Failure> {
    let caller = caller(context, compared).await?;
    Ok(refusals(
        &compared.diff,
        &compared.wanted,
        &compared.seen,
        caller.as_ref(),
    ))
}

/// The session that we run with, where it is one of a permission set that is touched.
async fn caller(
    context: &PlanContext,
    compared: &Compared,
) -> Result<Option<CallerSession>, Failure> {
    let arn = &context.aws.about().arn;
    let Some((permission_set, account, name)) = CallerSession::parse(arn) else {
        return Ok(None);
    };
    let people = &compared.directory.snapshot().people;
    let person = people.iter().find(|it| it.user_name == name);
    let user = person.map(|it| it.user_id.clone());
    let mut groups = BTreeSet::new();
    let assigned = compared
        .seen
        .assignments
        .iter()
        .filter(|it| it.permission_set == permission_set && it.account == account);
    for it in assigned {
        let hallpass_access_files::PrincipalRef::Group(group) = &it.principal else {
            continue;
        };
        let target = Target::Group {
            group: group.clone(),
        };
        let members = context.aws.holders(&target, Urgency::Background).await;
        let members = members.map_err(|fault| {
            Failure::failed(format!("cannot read who is in group {group}: {fault}"))
        })?;
        if user.as_ref().is_some_and(|user| members.contains(user)) {
            groups.insert(group.clone());
        }
    }
    Ok(Some(CallerSession {
        permission_set,
        account,
        user,
        groups,
    }))
}
