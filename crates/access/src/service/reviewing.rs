//! Facts for reviewers: open break-glass reviews, and earlier access to a target.

use hallpass_base::{Email, GrantId, HoldKey, TimeSpan, Timestamp};
use serde::Serialize;

use super::{Access, AccessError};
use crate::{
    AccessStore, Actor, Approval, Grant, PastQuery, ReadError, Request, Subject, break_glass,
};

const LOOKED_BACK: TimeSpan = TimeSpan::hours(90 * 24);

/// Access to a target in the 90 days before a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Past {
    pub requester: Times,
    /// `None` for a requester without approver rights.
    pub anyone: Option<Times>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// A lower bound if `more` is set.
    pub count: u32,
    pub more: bool,
    pub last: Option<LastTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastTime {
    pub at: Timestamp,
    pub holder: Email,
    pub approver: Email,
    /// The current name, or the address if unknown.
    pub approver_name: String,
    pub approval: Approval,
}

impl Access {
    pub(super) fn could_close_review(&self, actor: &Actor, request: &Request) -> bool {
        request.has_open_review()
            && self.directory_is_fresh()
            && self.judged(|context| break_glass::ensure_may_close(request, actor, context).is_ok())
    }

    /// Counts grants of the target in the 90 days before the request, for the requester and for all
    /// users.
    ///
    /// # Errors
    /// If the actor may not see the request, or the store does not answer.
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

    /// Returns the requester's newest grant of the target in the 90 days before.
    ///
    /// # Errors
    /// If the store does not answer.
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

/// Returns the requester's newest grant of the target in the 90 days before.
///
/// # Errors
/// If the store does not answer.
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

fn past_of(key: &HoldKey, request: &Request) -> Option<PastQuery> {
    Some(PastQuery {
        subject: Subject::of(&key.target, &request.names)?,
        holder: None,
        from: GrantId::first_at(LOOKED_BACK.before(request.asked_at)),
        before: GrantId::first_at(request.asked_at),
    })
}
