use hallpass_access::{Grant, PastUse, Request, use_of_grant};
use hallpass_activity::GrantUse;

use crate::App;

/// Returns the activity; `None` for groups, grants never active, and without configured logs.
pub(crate) async fn of_grant(app: &App, grant: &Grant) -> Result<Option<GrantUse>, String> {
    let Some(logs) = app.activity.as_ref() else {
        return Ok(None);
    };
    let directory = app.access.directory();
    use_of_grant(logs.as_ref(), &directory, grant, app.clock.now()).await
}

/// Returns the requester's activity in their last grant of the same access. Read errors are logged,
/// because they must not delay a decision.
pub(crate) async fn last_of_requester(app: &App, request: &Request) -> Option<PastUse> {
    app.activity.as_ref()?;
    let grant = app.access.last_grant(request).await.ok().flatten()?;
    match of_grant(app, &grant).await {
        Ok(found) => found.map(|found| PastUse { grant, found }),
        Err(error) => {
            tracing::warn!(grant.id = %grant.id, error, "the activity of a grant cannot be read");
            None
        }
    }
}
