//! What reviewers look at: break-glass reviews that are open, and how often somebody had a target
//! before.

use hallpass_model::{Email, Span, Target, Timestamp};
use serde::Serialize;

use super::{Access, AccessError};
use crate::{
    Actor, Approval, Grant, GrantFilter, Request, RequestFilter, RequestState, break_glass,
};

/// How far back is looked.
const LOOKED_BACK: Span = Span::hours(90 * 24);
/// Rows read from the store per round.
const BATCH: u32 = 200;
/// Grants read for one answer; where there are more, it says so.
const READ_MAX: usize = 2000;

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
    /// Whether the actor could break the glass on a request now.
    pub fn may_break_glass(&self, actor: &Actor, request: &Request) -> bool {
        if !matches!(request.state, RequestState::Pending) || self.obstacle().is_some() {
            return false;
        }
        self.judged(|bench| {
            let pending = request.clone().pending(bench.moment.now);
            pending.is_ok_and(|pending| break_glass::may_take(&pending, actor, bench))
        })
    }

    /// Whether the actor could close a request's break-glass review now.
    pub fn may_close_review(&self, actor: &Actor, request: &Request) -> bool {
        request.has_open_review()
            && self.directory_is_fresh()
            && self.judged(|bench| break_glass::ensure_may_close(request, actor, bench).is_ok())
    }

    /// Requests whose break-glass review is open and which the actor could close or, as an
    /// administrator or auditor, watch; newest first, at most `limit`. Never the actor's own.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open_reviews(
        &self,
        actor: &Actor,
        filter: &RequestFilter,
        limit: usize,
    ) -> Result<Vec<Request>, AccessError> {
        let mut filter = RequestFilter {
            open_review: true,
            ..filter.clone()
        };
        let mut found = Vec::new();
        loop {
            let page = self.ports.store.requests(&filter, BATCH).await?;
            let Some(last) = page.last() else {
                return Ok(found);
            };
            filter.before = Some(last.id);
            for request in page {
                let own = request.requester.is(actor);
                if !own && (actor.reads_all() || self.may_close_review(actor, &request)) {
                    found.push(request);
                }
                if found.len() >= limit {
                    return Ok(found);
                }
            }
        }
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
        let own = GrantFilter {
            holder: Some(key.user.clone()),
            account: account_of(&key.target),
            ..GrantFilter::default()
        };
        let requester = self.times(own, &key.target, request).await?;
        let anyone = if request.requester.is(actor) && !actor.reads_all() {
            None
        } else {
            let all = GrantFilter {
                account: account_of(&key.target),
                ..GrantFilter::default()
            };
            Some(self.times(all, &key.target, request).await?)
        };
        Ok(Past { requester, anyone })
    }

    async fn times(
        &self,
        mut filter: GrantFilter,
        target: &Target,
        request: &Request,
    ) -> Result<Times, AccessError> {
        let since = LOOKED_BACK.before(request.asked_at);
        let mut times = Times::default();
        let mut read = 0;
        loop {
            let page = self.ports.store.grants(&filter, BATCH).await?;
            let Some(last) = page.last() else {
                return Ok(times);
            };
            filter.before = Some(last.id);
            read += page.len();
            for grant in &page {
                if grant.scheduled_at < since {
                    return Ok(times);
                }
                let counts = grant.key.target == *target
                    && grant.request != request.id
                    && grant.granted_at.is_some()
                    && grant.scheduled_at < request.asked_at;
                if counts {
                    times.count += 1;
                    if times.last.is_none() {
                        times.last = Some(self.last_time(grant));
                    }
                }
            }
            if read >= READ_MAX {
                times.more = true;
                return Ok(times);
            }
        }
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

fn account_of(target: &Target) -> Option<String> {
    match target {
        Target::Account { account, .. } => Some(account.to_string()),
        Target::Group { .. } => None,
    }
}
