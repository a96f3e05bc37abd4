//! Listings of what somebody may see. An index narrows them (see `viewer_scope.rs`); every row is judged by
//! stored state and today's rules before it is shown.
//!
//! One call does bounded work: it may show fewer rows than there are, and says where to go on.

use hallpass_base::{Email, GrantId, RequestId, TargetNames, UserId};
use hallpass_rules::directory::NotOnePerson;

use super::{Access, AccessError, RequestView, grants_as_told};
use crate::{
    Actor, Grant, GrantFilter, Listed, PressRefused, Request, RequestFilter, RequestStateKind,
    Subject, SubjectSet,
};

/// Rows read from the store per round.
const BATCH: usize = 200;
/// The fewest of them where each is counted before it is judged: many of one's own may be the newest.
const COUNTED_BATCH: usize = 50;
/// Requests for a permission set that are read per round, to find one that gives a right to see it.
const SET_BATCH: usize = 50;
/// Rows that are read, judged and not shown, before what was found is given as an answer.
const PASSED_OVER_MAX: usize = 500;
/// Rounds in which nothing to show was found, before that.
const EMPTY_ROUNDS_MAX: u32 = 4;

/// What one call has spent on rows that it does not show.
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

/// Takes those rows of a page that `shows` lets through, up to `limit` in all. Where the next page
/// begins.
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
    /// Requests the actor may see, newest first, at most `limit`; fewer than there are when many had
    /// to be passed over.
    ///
    /// # Errors
    /// When the store does not answer.
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

    /// Those that the actor could decide. Whether their yes helps is known of what was counted alone: each round is,
    /// and the next one makes up for what it left out.
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

    /// Leaves out what the actor is not listed for; `false` when nothing is left.
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

    /// Grants the actor may see, [as people are told of them](grants_as_told), newest first, at most `limit`; fewer than
    /// there are when many had to be passed over.
    ///
    /// # Errors
    /// When the store does not answer.
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

    /// Whether the actor may see what a permission set holds: who reads everything, who may ask for
    /// it somewhere, who was granted it, and who may see a request of another person for it, as its
    /// approvers do. A request of one's own is no right: anyone may ask for anything and be refused.
    ///
    /// # Errors
    /// When the store does not answer.
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

    /// The directory id of somebody who is, or was, known by an address: who left the directory may
    /// still hold access, and must be found.
    ///
    /// # Errors
    /// When the address is that of several people, or the store does not answer.
    pub async fn user_of(&self, email: &Email) -> Result<Option<UserId>, AccessError> {
        match self.directory().person_by_email(email) {
            Ok(person) => Ok(Some(person.user_id.clone())),
            Err(NotOnePerson::Ambiguous) => Err(PressRefused::SharedAddress.into()),
            Err(NotOnePerson::None) => Ok(self.ports.store.holder_of(email).await?),
        }
    }
}
