//! What was done with a grant, from the sessions that lie beside the activity table (`inventory.md` H-28).

use hallpass_access::{Grant, GrantState};
use hallpass_activity::{GrantUse, GrantWindow, grant_use};
use hallpass_model::{AccountId, Target, TargetNames, Timestamp};

use crate::App;

/// What was done with a grant; `None` of a group, of a grant that was never there, and where no logs are configured.
///
/// # Errors
/// Words, when the logs cannot be read.
pub(crate) async fn of_grant(app: &App, grant: &Grant) -> Result<Option<GrantUse>, String> {
    let Some((logs, (account, window))) = app.activity.as_ref().zip(window(app, grant)) else {
        return Ok(None);
    };
    let now = app.clock.now();
    let days = window.days(now);
    let activity = logs.of(&account, &days).await?;
    Ok(Some(grant_use(&window, &activity, now)))
}

fn window(app: &App, grant: &Grant) -> Option<(AccountId, GrantWindow)> {
    let (Target::Account { account, .. }, TargetNames::Account { permission_set, .. }) =
        (&grant.key.target, &grant.names)
    else {
        return None;
    };
    let directory = app.access.directory();
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

/// When the access was seen gone.
fn over_at(grant: &Grant) -> Option<Timestamp> {
    match &grant.state {
        GrantState::Ended { at, .. } | GrantState::Failed { at, .. } => Some(*at),
        GrantState::Scheduled
        | GrantState::Granting
        | GrantState::Active
        | GrantState::Ending { .. } => None,
    }
}
