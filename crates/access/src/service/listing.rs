//! Lists rows that a user may see. An index narrows them (see `viewer_scope.rs`); each row is then
//! checked against stored state and today's rules.
//!
//! Work per call is bounded: it may return fewer rows, with a cursor.

use hallpass_base::{Email, GrantId, RequestId, TargetNames, UserId};
use hallpass_rules::directory::NotOnePerson;

use super::{Access, AccessError, RequestView, grants_as_told};
use crate::{
    ActionRefused, Actor, Grant, GrantFilter, Listed, Request, RequestFilter, RequestStateKind,
    Subject, SubjectSet,
};

const BATCH: usize = 200;
/// The smallest batch if each row needs counting: the newest rows may be the user's own.
const COUNTED_BATCH: usize = 50;
const SET_BATCH: usize = 50;
/// Rejected rows before a call returns.
const PASSED_OVER_MAX: usize = 500;
const EMPTY_ROUNDS_MAX: u32 = 4;

#[derive(Default)]
struct Spent {
    passed_over: usize,
    empty_rounds: u32,
}

impl Spent {
    fn round(&mut self, read: usize, shown: usize) {
        self.passed_over += read.saturating_sub(shown);
        self.empty_rounds += u32::from(shown == 0);
    }

    fn is_enough(&self) -> bool {
        self.passed_over >= PASSED_OVER_MAX || self.empty_rounds >= EMPTY_ROUNDS_MAX
    }
}

fn batch(limit: usize, found: usize) -> u32 {
    let wanted = limit.saturating_sub(found).clamp(1, BATCH);
    u32::try_from(wanted).unwrap_or(u32::MAX)
}

/// Takes visible rows up to `limit` in all. Returns the next cursor.
fn take<T, I>(
    page: Listed<T, I>,
    found: &mut Vec<T>,
    limit: usize,
    shows: impl Fn(&T) -> bool,
    id: impl Fn(&T) -> I,
) -> Option<I> {
    let mut rows = page.rows.into_iter().peekable();
    while let Some(row) = rows.next() {
        if !shows(&row) {
            continue;
        }
        let place = id(&row);
        found.push(row);
        if found.len() >= limit {
            return if rows.peek().is_some() {
                Some(place)
            } else {
                page.next
            };
        }
    }
    page.next
}

fn nothing<T, I>() -> Listed<T, I> {
    Listed {
        rows: Vec::new(),
        next: None,
    }
}

impl Access {
    /// Lists visible requests, newest first; fewer if many were rejected.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn requests(
        &self,
        actor: &Actor,
        view: RequestView,
        filter: &RequestFilter,
        limit: usize,
    ) -> Result<Listed<Request, RequestId>, AccessError> {
        let mut filter = filter.clone();
        match view {
            RequestView::Mine => {
                if actor.user.is_none() {
                    return Ok(nothing());
                }
                filter.requester.clone_from(&actor.user);
            }
            RequestView::ToReview => {
                filter.state = Some(RequestStateKind::Pending);
                if !self.narrow_to_listed(actor, &mut filter).await? {
                    return Ok(nothing());
                }
            }
            RequestView::All => filter.sight = self.sight(actor).await?,
        }
        if view == RequestView::ToReview {
            return Box::pin(self.list_to_review(actor, filter, limit)).await;
        }
        let listed = self.list_requests(actor, filter, limit, |it| self.may_see(actor, it));
        let mut found = listed.await?;
        Box::pin(self.count_approvals(&mut found.rows)).await?;
        Ok(found)
    }

    /// Only counting shows whether the actor's approval helps, so each round is counted and the
    /// next one fills up.
    async fn list_to_review(
        &self,
        actor: &Actor,
        mut filter: RequestFilter,
        limit: usize,
    ) -> Result<Listed<Request, RequestId>, AccessError> {
        let (mut rows, mut spent) = (Vec::new(), Spent::default());
        loop {
            let most = batch(limit.saturating_add(COUNTED_BATCH), rows.len());
            let turn = self.turn(actor).await;
            let mut page = self.ports.store.requests(&filter, most).await?;
            drop(turn);
            let (read, before) = (page.rows.len(), rows.len());
            page.rows.retain(|it| self.may_be_to_review(actor, it));
            Box::pin(self.count_approvals(&mut page.rows)).await?;
            page.rows.retain(|it| Self::is_to_review(actor, it));
            let next = take(page, &mut rows, limit, |_| true, |request| request.id);
            spent.round(read, rows.len() - before);
            if next.is_none() || rows.len() >= limit || spent.is_enough() {
                return Ok(Listed { rows, next });
            }
            filter.before = next;
        }
    }

    /// Lists open break-glass reviews that the actor could close or, as an administrator or
    /// auditor, watch; newest first. Never the actor's own.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn open_reviews(
        &self,
        actor: &Actor,
        filter: &RequestFilter,
        limit: usize,
    ) -> Result<Listed<Request, RequestId>, AccessError> {
        let mut filter = RequestFilter {
            open_review: true,
            ..filter.clone()
        };
        if !actor.reads_all() && !self.narrow_to_listed(actor, &mut filter).await? {
            return Ok(nothing());
        }
        self.list_requests(actor, filter, limit, |request| {
            let own = request.requester.is(actor);
            !own && (actor.reads_all() || self.could_close_review(actor, request))
        })
        .await
    }

    /// Leaves out rows for which the actor is not listed; `false` if none remain.
    async fn narrow_to_listed(
        &self,
        actor: &Actor,
        filter: &mut RequestFilter,
    ) -> Result<bool, AccessError> {
        let listed = self.listed(actor).await?;
        let is_any = !listed.is_empty();
        filter.subjects = Some(listed);
        Ok(is_any)
    }

    async fn list_requests(
        &self,
        actor: &Actor,
        mut filter: RequestFilter,
        limit: usize,
        shows: impl Fn(&Request) -> bool,
    ) -> Result<Listed<Request, RequestId>, AccessError> {
        let (mut rows, mut spent) = (Vec::new(), Spent::default());
        loop {
            let most = batch(limit, rows.len());
            let turn = self.turn(actor).await;
            let page = self.ports.store.requests(&filter, most).await?;
            drop(turn);
            let (read, before) = (page.rows.len(), rows.len());
            let next = take(page, &mut rows, limit, &shows, |request| request.id);
            spent.round(read, rows.len() - before);
            if next.is_none() || rows.len() >= limit || spent.is_enough() {
                return Ok(Listed { rows, next });
            }
            filter.before = next;
        }
    }

    /// Lists visible grants [as displayed](grants_as_told), newest first; fewer if many were
    /// rejected.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn grants(
        &self,
        actor: &Actor,
        filter: &GrantFilter,
        limit: usize,
    ) -> Result<Listed<Grant, GrantId>, AccessError> {
        let mut filter = GrantFilter {
            sight: self.sight(actor).await?,
            ..filter.clone()
        };
        let (mut rows, mut spent) = (Vec::new(), Spent::default());
        loop {
            let most = batch(limit, rows.len());
            let turn = self.turn(actor).await;
            let page = self.ports.store.grants(&filter, most).await?;
            drop(turn);
            let (read, before) = (page.rows.len(), rows.len());
            let shows = |grant: &Grant| self.may_see_grant(actor, grant);
            let next = take(page, &mut rows, limit, shows, |grant| grant.id);
            spent.round(read, rows.len() - before);
            if next.is_none() || rows.len() >= limit || spent.is_enough() {
                let rows = Box::pin(grants_as_told(self.ports.store.as_ref(), rows)).await?;
                return Ok(Listed { rows, next });
            }
            filter.before = next;
        }
    }

    /// Whether the actor may see a permission set's content: with global read access, as a possible
    /// requester, as a holder, or through another user's visible request. An own request gives no
    /// right, since anyone may request anything.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn may_see_set(&self, actor: &Actor, name: &str) -> Result<bool, AccessError> {
        if actor.reads_all() || self.is_offered(actor, name) {
            return Ok(true);
        }
        let subjects = self.subjects().await?;
        let of_set = |subject: &Subject| match subject {
            Subject::Account { permission_set, .. } => permission_set == name,
            Subject::Group { .. } => false,
        };
        let asked: SubjectSet = subjects
            .iter()
            .filter(|(_, subject)| of_set(subject))
            .map(|(number, _)| *number)
            .collect();
        if asked.is_empty() {
            return Ok(false);
        }
        let filter = RequestFilter {
            subjects: Some(asked),
            sight: self.sight(actor).await?,
            ..RequestFilter::default()
        };
        let gives_a_right = |request: &Request| {
            let is_for_set = match &request.names {
                TargetNames::Account { permission_set, .. } => permission_set == name,
                TargetNames::Group { .. } => false,
            };
            let is_right = if request.requester.is(actor) {
                request.grant.is_some()
            } else {
                self.may_see(actor, request)
            };
            is_for_set && is_right
        };
        let seen = self.list_requests(actor, filter, SET_BATCH, gives_a_right);
        Ok(!seen.await?.rows.is_empty())
    }

    /// Finds a user id by a present or past address: users who left may still hold access.
    ///
    /// # Errors
    /// If several users share the address, or the store does not answer.
    pub async fn user_of(&self, email: &Email) -> Result<Option<UserId>, AccessError> {
        match self.directory().person_by_email(email) {
            Ok(person) => Ok(Some(person.user_id.clone())),
            Err(NotOnePerson::Ambiguous) => Err(ActionRefused::SharedAddress.into()),
            Err(NotOnePerson::None) => Ok(self.ports.store.holder_of(email).await?),
        }
    }
}
