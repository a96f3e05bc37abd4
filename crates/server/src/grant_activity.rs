//! What was done with a grant, from the sessions that lie beside the activity table (`inventory.md` H-28).

use hallpass_access::{Grant, PastUse, Request, use_of_grant};
use hallpass_activity::GrantUse;

use crate::App;

/// What was done with a grant; `None` of a group, of a grant that was never there, and where no logs are configured.
///
/// # Errors
/// Words, when the logs cannot be read.
pub(crate) async fn of_grant(app: &App, grant: &Grant) -> Result<Option<GrantUse>, String> {
    let Some(logs) = app.activity.as_ref() else {
        return Ok(None);
    };
    let directory = app.access.directory();
    use_of_grant(logs.as_ref(), &directory, grant, app.clock.now()).await
}

/// What the requester did with the last they had of what is asked for. What cannot be read is said in the log: nobody waits
/// for a decision because of it.
pub(crate) async fn last_of_requester(app: &App, request: &Request) -> Option<PastUse> {
    app.activity.as_ref()?;
    let grant = app.access.last_grant(request).await.ok().flatten()?;
    match of_grant(app, &grant).await {
        Ok(found) => found.map(|found| PastUse { grant, found }),
        Err(error) => {
            tracing::warn!(grant.id = %grant.id, error, "what was done with a grant cannot be read");
            None
        }
    }
}
