//! Reads Identity Center for comparison with files. Never writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_access::DirectorySource as _;
use hallpass_access_files::{
    AccessDiff, AccessFile, AccessRefusal, LiveGrants, ManagedScope, PermissionSetAdmin, SavedDiff,
    SeenAccess, WantedAccess, compare, leave_to_grants, read_access, select,
};
use hallpass_aws::{Aws, Inventory, TagPace, UntoldTags};
use hallpass_base::{AccountId, PermissionSetName};
use hallpass_rules::{Directory, GroupRef};
use hallpass_terminal::exit::Failure;

use super::files::unusable;

#[derive(Clone, Copy)]
pub struct AccessLook<'a> {
    pub aws: &'a Arc<Aws>,
    pub center: &'a dyn PermissionSetAdmin,
    pub grants: &'a dyn LiveGrants,
}

pub struct Compared {
    pub directory: Arc<Directory>,
    pub wanted: WantedAccess,
    pub seen: SeenAccess,
    pub diff: AccessDiff,
}

impl Compared {
    pub fn saved(&self, refusals: Vec<AccessRefusal>) -> SavedDiff {
        SavedDiff {
            diff: self.diff.clone(),
            refusals,
            seen: self.seen.of_sets(&self.diff.sets()),
        }
    }
}

/// Reads the organization, on request with all account tags: otherwise a file that selects by tags
/// would remove access of unread accounts.
pub async fn directory(at: &AccessLook<'_>, tags: bool) -> Result<Arc<Directory>, Failure> {
    let inventory = Inventory::new(Arc::clone(at.aws), Arc::new(BTreeSet::new))
        .with_account_tags(Arc::new(move || tags), TagPace::Whole);
    let directory = refreshed(&inventory).await?;
    match inventory.untold_tags() {
        None => Ok(directory),
        Some(UntoldTags { account, fault, .. }) => {
            let words = format!("cannot read the tags of account {account}: {fault}");
            Err(Failure::failed(words))
        }
    }
}

pub async fn directory_with_members(
    at: &AccessLook<'_>,
    groups: BTreeSet<GroupRef>,
) -> Result<Arc<Directory>, Failure> {
    let groups = Arc::new(move || groups.clone());
    refreshed(&Inventory::new(Arc::clone(at.aws), groups)).await
}

async fn refreshed(inventory: &Inventory) -> Result<Arc<Directory>, Failure> {
    let read = inventory.refresh().await;
    read.map_err(|fault| Failure::failed(format!("cannot read {}: {}", fault.what, fault.message)))
}

fn management(at: &AccessLook<'_>) -> Option<AccountId> {
    let id = at.aws.about().management_account.as_deref()?;
    AccountId::new(id).ok()
}

/// Reads and compares everything the files mention.
///
/// # Errors
/// Exit 2 for unknown names, exit 1 for failed reads.
pub async fn compared(at: &AccessLook<'_>, file: &AccessFile) -> Result<Compared, Failure> {
    let own = &at.aws.about().instance_arn;
    if let Some(instance) = file.instance.as_ref().filter(|arn| *arn != own) {
        let message = format!("the files are for instance `{instance}`, and this is `{own}`");
        return Err(Failure::bad_input(message));
    }
    let directory = directory(at, file.asks_for_tags()).await?;
    let wanted = select(file, &directory, management(at).as_ref());
    let wanted = wanted.map_err(|findings| unusable(findings.iter()))?;
    let is_chosen = |name: &PermissionSetName| match wanted.scope {
        ManagedScope::Declared => wanted.sets.contains_key(name),
        ManagedScope::All => wanted.sets.contains_key(name) || wanted.manages(name),
    };
    let seen = seen(at, is_chosen).await?;
    let mut diff = compare(&wanted, &seen);
    let held = leave_to_grants(&mut diff, &seen, at.grants).await;
    held.map_err(|unread| Failure::failed(unread.to_string()))?;
    Ok(Compared {
        directory,
        wanted,
        seen,
        diff,
    })
}

pub async fn seen(
    at: &AccessLook<'_>,
    is_chosen: impl Fn(&PermissionSetName) -> bool,
) -> Result<SeenAccess, Failure> {
    let seen = read_access(at.center, at.grants, is_chosen).await;
    seen.map_err(|unread| {
        Failure::failed(unread.to_string()).help(
            "`hallpass server doctor --iam-policy --for access` shows the permissions that are needed",
        )
    })
}
