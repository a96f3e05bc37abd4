//! Activity of a grant, for the request page (`inventory.md` H-28).

use hallpass_access::{Grant, Request, RequestState};
use hallpass_activity::GrantCall;
use hallpass_channels::wording::activity;

use super::{
    presenter::{Coded, Presenter},
    words::{number, plain},
};
use crate::{App, grant_activity};

const CALLS_MAX: usize = 12;

pub(crate) struct UsedGrant {
    pub(crate) words: Coded,
    pub(crate) calls: Vec<UsedCall>,
    pub(crate) more: Option<String>,
}

pub(crate) struct UsedCall {
    pub(crate) name: String,
    pub(crate) times: Option<String>,
    pub(crate) last: String,
    pub(crate) notable: &'static str,
    pub(crate) refused: String,
    pub(crate) is_after_end: bool,
}

/// Returns nothing before the grant was active, or without configured logs.
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
