//! Attributes an account's logged sessions to a grant (`inventory.md` H-28).

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use hallpass_activity::{AccountActivity, GrantUse, GrantUseState, GrantWindow, grant_use};
use hallpass_base::{AccountId, GrantId, Target, TargetNames, Timestamp};
use hallpass_rules::Directory;
use jiff::civil::Date;

use crate::Grant;

#[async_trait]
pub trait ActivityLogs: Send + Sync {
    /// Returns an account's activity on these days; may be repeated.
    ///
    /// # Errors
    /// If the table cannot be read.
    async fn of(&self, account: &AccountId, days: &[Date]) -> Result<AccountActivity, String>;
}

#[derive(Clone, Debug, PartialEq)]
pub struct PastUse {
    pub grant: Grant,
    pub found: GrantUse,
}

/// Returns the use of a grant; `None` for a group or an unknown grant.
///
/// # Errors
/// If the logs cannot be read.
pub async fn use_of_grant(
    logs: &dyn ActivityLogs,
    directory: &Directory,
    grant: &Grant,
    now: Timestamp,
) -> Result<Option<GrantUse>, String> {
    let Some((account, window)) = window(directory, grant) else {
        return Ok(None);
    };
    let activity = logs.of(&account, &window.days(now)).await?;
    Ok(Some(grant_use(&window, &activity, now)))
}

/// As [`use_of_grant`], with one read per account. Unreadable logs count as missing.
pub async fn uses_of_grants(
    logs: &dyn ActivityLogs,
    directory: &Directory,
    grants: &[Grant],
    now: Timestamp,
) -> BTreeMap<GrantId, GrantUseState> {
    let mut accounts: BTreeMap<AccountId, Vec<(GrantId, GrantWindow)>> = BTreeMap::new();
    for grant in grants {
        if let Some((account, window)) = window(directory, grant) {
            accounts
                .entry(account)
                .or_default()
                .push((grant.id, window));
        }
    }
    let mut uses = BTreeMap::new();
    for (account, windows) in accounts {
        let days = windows.iter().flat_map(|(_, window)| window.days(now));
        let days: Vec<Date> = days.collect::<BTreeSet<_>>().into_iter().collect();
        let activity = logs.of(&account, &days).await.unwrap_or_else(|error| {
            tracing::warn!(%account, error, "the activity of an account cannot be read");
            AccountActivity::default()
        });
        for (grant, window) in windows {
            uses.insert(grant, grant_use(&window, &activity, now).state);
        }
    }
    uses
}

fn window(directory: &Directory, grant: &Grant) -> Option<(AccountId, GrantWindow)> {
    let (Target::Account { account, .. }, TargetNames::Account { permission_set, .. }) =
        (&grant.key.target, &grant.names)
    else {
        return None;
    };
    let person = directory.person(&grant.key.user);
    let user_name = person.map(|it| it.user_name.clone());
    let address = grant.holder.email.to_string();
    let window = GrantWindow {
        account: account.to_string(),
        permission_set: permission_set.clone(),
        user_id: grant.key.user.to_string(),
        names: user_name.into_iter().chain([address]).collect(),
        from: grant.granted_at?,
        until: grant.over_at(),
    };
    Some((account.clone(), window))
}
