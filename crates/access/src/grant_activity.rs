//! Attributes an account's logged sessions to a grant (`inventory.md` H-28).

use async_trait::async_trait;
use hallpass_activity::{AccountActivity, GrantUse, GrantWindow, grant_use};
use hallpass_base::{AccountId, Target, TargetNames, Timestamp};
use hallpass_rules::Directory;
use jiff::civil::Date;

use crate::{Grant, GrantState};

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
        until: over_at(grant),
    };
    Some((account.clone(), window))
}

fn over_at(grant: &Grant) -> Option<Timestamp> {
    match &grant.state {
        GrantState::Ended { at, .. } | GrantState::Failed { at, .. } => Some(*at),
        GrantState::Scheduled
        | GrantState::Granting
        | GrantState::Active
        | GrantState::Ending { .. } => None,
    }
}
