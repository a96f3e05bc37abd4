//! What was done with a grant, for its request's page (`inventory.md` H-28).

use hallpass_access::{Grant, Request, RequestState};
use hallpass_activity::GrantCall;
use hallpass_channels::wording::activity;

use super::{
    presenter::{Coded, Presenter},
    words::{number, plain},
};
use crate::{App, grant_activity};

/// Calls that are shown; the others are counted.
const CALLS_MAX: usize = 12;

/// What was done with a grant.
pub(crate) struct UsedGrant {
    /// What is known, and how far the log goes.
    pub(crate) words: Coded,
    pub(crate) calls: Vec<UsedCall>,
    /// How many more there are.
    pub(crate) more: Option<String>,
}

/// Calls of one action.
pub(crate) struct UsedCall {
    /// `s3:PutObject`, as the log has it.
    pub(crate) name: String,
    /// How often, where not once.
    pub(crate) times: Option<String>,
    /// When last.
    pub(crate) last: String,
    /// Why it is shown first.
    pub(crate) notable: &'static str,
    /// Why it was not done.
    pub(crate) refused: String,
    pub(crate) is_after_end: bool,
}

/// What is said of a grant; nothing before it was there, and where no logs are configured.
pub(crate) async fn of(app: &App, view: &Presenter, grant: Option<&Grant>) -> Option<UsedGrant> {
    let found = match grant_activity::of_grant(app, grant?).await {
        Ok(found) => found?,
        Err(error) => {
            return Some(UsedGrant {
                words: Coded(format!(
                    "Not known: the logs cannot be read: {}.",
                    plain(&error)
                )),
                calls: Vec::new(),
                more: None,
            });
        }
    };
    let more = found.calls.len().saturating_sub(CALLS_MAX);
    Some(UsedGrant {
        words: Coded(activity::grant_use(&found, view)),
        calls: found
            .calls
            .iter()
            .take(CALLS_MAX)
            .map(|it| call(view, it))
            .collect(),
        more: (more > 0)
            .then(|| format!("{} more in `hallpass activity show`", number(more as u64))),
    })
}

/// What the requester did the last time they had it, while somebody has to decide.
pub(crate) async fn last_use(app: &App, view: &Presenter, request: &Request) -> Option<Coded> {
    if request.state != RequestState::Pending {
        return None;
    }
    let used = grant_activity::last_of_requester(app, request).await?;
    activity::last_use(&used, view).map(Coded)
}

fn call(view: &Presenter, found: &GrantCall) -> UsedCall {
    let call = &found.call;
    UsedCall {
        name: plain(&format!("{}:{}", call.service, call.action)),
        times: (call.count > 1).then(|| number(call.count)),
        last: view.words(call.last),
        notable: found.notable.map_or("", activity::notable),
        refused: call.error_code.as_deref().map(plain).unwrap_or_default(),
        is_after_end: found.is_after_end,
    }
}
