//! What reviewers look at: break-glass reviews that are open, and how often somebody had a target
//! before.

use hallpass_base::{Email, GrantId, HoldKey, TimeSpan, Timestamp};
use serde::Serialize;

use super::{Access, AccessError};
use crate::{
    AccessStore, Actor, Approval, Grant, PastQuery, ReadError, Request, Subject, break_glass,
};

/// How far back is looked.
const LOOKED_BACK: TimeSpan = TimeSpan::hours(90 * 24);

/// How often a target was had in the 90 days before a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Past {
    /// By the requester.
    pub requester: Times,
    /// By anybody, the requester too; `None` for a requester who decides nothing here.
    pub anyone: Option<Times>,
}

/// How often, and the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// How often; at least so often when `more` is set.
    pub count: u32,
    /// There were more grants than are read for this.
    pub more: bool,
    /// The last time.
    pub last: Option<LastTime>,
}

/// The last time a target was had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastTime {
    /// When it was granted.
    pub at: Timestamp,
    /// Who had it.
    pub holder: Email,
    /// Who said yes.
    pub approver: Email,
    /// Their name of today; their address when the directory does not know them.
    pub approver_name: String,
    /// In which capacity.
    pub approval: Approval,
}

impl Access {
    /// Whether the rules let the actor close a request's break-glass review: it is listed for them.
    pub(super) fn could_close_review(&self, actor: &Actor, request: &Request) -> bool {
        request.has_open_review()
            && self.directory_is_fresh()
            && self.judged(|context| break_glass::ensure_may_close(request, actor, context).is_ok())
    }

    /// How often the requester, and anybody, had what a request is for in the 90 days before it.
    ///
    /// # Errors
    /// When the actor may not see the request, or the store does not answer.
    pub async fn past(&self, actor: &Actor, request: &Request) -> Result<Past, AccessError> {
        if !self.may_see(actor, request) {
            return Err(AccessError::NotFound("request"));
        }
        let Some(key) = &request.key else {
            return Ok(Past {
                requester: Times::default(),
                anyone: None,
            });
        };
        let Some(all) = past_of(key, request) else {
            return Err(AccessError::NotFound("request"));
        };
        let own = PastQuery {
            holder: Some(key.user.clone()),
            ..all.clone()
        };
        let requester = self.times(&own).await?;
        let anyone = if request.requester.is(actor) && !actor.reads_all() {
            None
        } else {
            Some(self.times(&all).await?)
        };
        Ok(Past { requester, anyone })
    }

    /// The newest grant that the requester had of what a request is for, in the 90 days before it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn last_grant(&self, request: &Request) -> Result<Option<Grant>, ReadError> {
        last_grant(self.ports.store.as_ref(), request).await
    }

    async fn times(&self, query: &PastQuery) -> Result<Times, AccessError> {
        let past = self.ports.store.past(query).await?;
        Ok(Times {
            count: past.count,
            more: past.more,
            last: past.newest.as_ref().map(|grant| self.last_time(grant)),
        })
    }

    fn last_time(&self, grant: &Grant) -> LastTime {
        let directory = self.directory();
        let known = directory.person_by_email(&grant.approver).ok();
        let name = known.map(|person| person.display_name.clone());
        LastTime {
            at: grant.granted_at.unwrap_or(grant.scheduled_at),
            holder: grant.holder.email.clone(),
            approver: grant.approver.clone(),
            approver_name: name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| grant.approver.to_string()),
            approval: grant.approval,
        }
    }
}

/// The newest grant that the requester had of what a request is for, in the 90 days before it.
///
/// # Errors
/// When the store does not answer.
pub async fn last_grant(
    store: &dyn AccessStore,
    request: &Request,
) -> Result<Option<Grant>, ReadError> {
    let Some((key, all)) = request
        .key
        .as_ref()
        .and_then(|key| Some((key, past_of(key, request)?)))
    else {
        return Ok(None);
    };
    let own = PastQuery {
        holder: Some(key.user.clone()),
        ..all
    };
    Ok(store.past(&own).await?.newest)
}

/// Grants of what a request is for, whoever had them, in the 90 days before it.
fn past_of(key: &HoldKey, request: &Request) -> Option<PastQuery> {
    Some(PastQuery {
        subject: Subject::of(&key.target, &request.names)?,
        holder: None,
        from: GrantId::first_at(LOOKED_BACK.before(request.asked_at)),
        before: GrantId::first_at(request.asked_at),
    })
}
