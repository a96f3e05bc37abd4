//! Ends access of disabled, deleted or moved users within seconds. Users with live access, and
//! separately those with tokens and sessions, are checked every half minute, or immediately after
//! an event (`access.md` §22, R-5). Ends commit first, then run.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use hallpass_audit::Event;
use hallpass_base::{TimeSpan, Timestamp, UserId};
use hallpass_rules::Directory;

use super::{Access, AccessError};
use crate::records::Doer;
use crate::step::{GrantStep, RequestStep};
use crate::{
    Change, CommitError, DirectoryFault, EndCause, Grant, PeopleLook, PeopleQuestion, ReadError,
    Request, RequestFilter, RequestStateKind, end, membership, start, target,
};

const BATCH: u32 = 256;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleLooked {
    pub people: u32,
    pub left: u32,
    pub ended: u32,
    /// Requests of deleted or disabled users.
    pub requests: u32,
    pub credentials: u32,
    /// Failed writes; the next check retries them.
    pub failed: u32,
    pub fault: Option<DirectoryFault>,
}

impl PeopleLooked {
    pub fn is_whole(&self) -> bool {
        self.failed == 0 && self.fault.is_none()
    }
}

#[derive(Default)]
struct Behind {
    /// Users whose access may depend on a group.
    users: BTreeSet<UserId>,
    grants: Vec<Grant>,
    requests: Vec<Request>,
    /// Users named by an event who have tokens or sessions.
    credentials: BTreeSet<UserId>,
}

impl Access {
    /// Checks users with live grants and pending requests at AWS, and ends access of those
    /// disabled, deleted or out of a group. With `only`, checks those users, and their tokens and
    /// sessions. A missing answer ends nothing. Idempotent; ended access never returns.
    ///
    /// # Errors
    /// If the store cannot list holders. AWS and write failures are in the result.
    pub async fn look_at_people(
        &self,
        only: Option<&BTreeSet<UserId>>,
    ) -> Result<PeopleLooked, AccessError> {
        let began = self.now();
        let behind = self.behind_access(only).await?;
        let mut looked = PeopleLooked::default();
        self.look_behind(behind, &mut looked).await;
        if only.is_none() && looked.is_whole() {
            *self.last_people_look() = Some(began);
        }
        Ok(looked)
    }

    /// Ends tokens and sessions of disabled or deleted users. Separate, so that their number delays
    /// no end of access.
    ///
    /// # Errors
    /// As [`look_at_people`](Self::look_at_people).
    pub async fn look_at_signed_in(&self) -> Result<PeopleLooked, AccessError> {
        let with = self.ports.store.with_credentials(self.now()).await?;
        let users: BTreeSet<UserId> = with.into_iter().collect();
        let mut looked = PeopleLooked::default();
        let look = { self.ask_about(&users, PeopleQuestion::AreThere, &mut looked) }.await;
        self.judge_credentials(&users, &look, &mut looked).await;
        Ok(looked)
    }

    pub fn people_looked_ago(&self) -> Option<TimeSpan> {
        let last = *self.last_people_look();
        last.map(|at| TimeSpan::between(at, self.now()))
    }

    fn last_people_look(&self) -> MutexGuard<'_, Option<Timestamp>> {
        let last = self.people_looked.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }

    async fn look_behind(&self, behind: Behind, looked: &mut PeopleLooked) {
        let question = PeopleQuestion::AreThereAndInGroups;
        let look = self.ask_about(&behind.users, question, looked).await;
        for grant in &behind.grants {
            let id = grant.id;
            match self.judge_holder(grant, &look, looked).await {
                Ok(()) | Err(AccessError::Commit(CommitError::Raced(_))) => {}
                Err(error) => {
                    looked.failed += 1;
                    tracing::warn!(grant.id = %id, error = %error, "what a person holds could not be ended");
                }
            }
        }
        for request in behind.requests {
            self.judge_requester(request, &look, looked).await;
        }
        self.judge_credentials(&behind.credentials, &look, looked)
            .await;
    }

    async fn ask_about(
        &self,
        users: &BTreeSet<UserId>,
        question: PeopleQuestion,
        looked: &mut PeopleLooked,
    ) -> PeopleLook {
        if users.is_empty() {
            return PeopleLook::default();
        }
        let look = self.people.look_at(users, question).await;
        let people = u32::try_from(users.len()).unwrap_or(u32::MAX);
        looked.people = looked.people.saturating_add(people);
        if looked.fault.is_none() {
            looked.fault.clone_from(&look.fault);
        }
        look
    }

    /// Returns users that AWS reports deleted or disabled. Asks about those not enabled in the
    /// newest snapshot, since absence from a listing proves nothing; returns none if the snapshot
    /// is too old or missing.
    pub(super) async fn gone_of(
        &self,
        users: impl IntoIterator<Item = UserId>,
    ) -> BTreeSet<UserId> {
        let directory = self.directory();
        if self.ensure_fresh(&directory, self.step()).is_err() {
            return BTreeSet::new();
        }
        let users = users.into_iter();
        let mut missing: BTreeSet<UserId> = users
            .filter(|user| !target::is_enabled(Some(user), &directory))
            .collect();
        let mut looked = PeopleLooked::default();
        let look = { self.ask_about(&missing, PeopleQuestion::AreThere, &mut looked) }.await;
        *self.missing_unsaid() = looked.fault;
        missing.retain(|user| is_gone(user, &look));
        missing
    }

    pub fn people_unsaid(&self) -> Option<DirectoryFault> {
        self.missing_unsaid().clone()
    }

    fn missing_unsaid(&self) -> MutexGuard<'_, Option<DirectoryFault>> {
        let unsaid = self.people_unsaid.lock();
        unsaid.unwrap_or_else(PoisonError::into_inner)
    }

    async fn behind_access(&self, only: Option<&BTreeSet<UserId>>) -> Result<Behind, ReadError> {
        let is_meant = |user: &UserId| only.is_none_or(|only| only.contains(user));
        let mut behind = Behind::default();
        for grant in self.live_grants().await? {
            if grant.is_hold() && is_meant(&grant.key.user) {
                behind.users.insert(grant.key.user.clone());
                behind.grants.push(grant);
            }
        }
        for request in self.waiting_requests().await? {
            // Approvals are counted by the newest snapshot, which this updates.
            let reviewers = request.reviews.iter().filter_map(|it| it.user.clone());
            behind.users.extend(reviewers.filter(is_meant));
            if is_meant(&request.requester.user) {
                behind.users.insert(request.requester.user.clone());
                behind.requests.push(request);
            }
        }
        if only.is_some() {
            let with = self.ports.store.with_credentials(self.now()).await?;
            behind.credentials = with.into_iter().filter(is_meant).collect();
            behind.users.extend(behind.credentials.iter().cloned());
        }
        Ok(behind)
    }

    async fn waiting_requests(&self) -> Result<Vec<Request>, ReadError> {
        let mut filter = RequestFilter {
            state: Some(RequestStateKind::Pending),
            ..RequestFilter::default()
        };
        let mut all = Vec::new();
        loop {
            let page = self.ports.store.requests(&filter, BATCH).await?;
            all.extend(page.rows);
            let Some(next) = page.next else {
                return Ok(all);
            };
            filter.before = Some(next);
        }
    }

    async fn judge_holder(
        &self,
        grant: &Grant,
        look: &PeopleLook,
        looked: &mut PeopleLooked,
    ) -> Result<(), AccessError> {
        let user = &grant.key.user;
        if is_gone(user, look) {
            self.end_for(grant, EndCause::PrincipalLeft, None).await?;
            looked.left += 1;
        } else if look.answered.contains(user)
            && look.placed.contains(user)
            && let Some(why) = self.refused_by_today(grant, &look.directory)
            && let Some(cause) = self.cause_of(why)
        {
            self.end_for(grant, cause, Some(why)).await?;
            looked.ended += 1;
        }
        Ok(())
    }

    /// `None` also if undecidable; needs a fresh directory.
    pub(super) fn refused_by_today(
        &self,
        grant: &Grant,
        directory: &Directory,
    ) -> Option<membership::WhyRefused> {
        self.ensure_fresh(directory, self.step()).ok()?;
        match membership::judge(grant, &self.rules(), directory) {
            membership::GrantRuling::Refused { why, .. } => Some(why),
            membership::GrantRuling::Stands | membership::GrantRuling::Unread(_) => None,
        }
    }

    pub(super) fn cause_of(&self, why: membership::WhyRefused) -> Option<EndCause> {
        why.ends(self.settings.on_rule_change)
            .then_some(EndCause::RuleChanged)
    }

    pub(super) async fn end_for(
        &self,
        grant: &Grant,
        cause: EndCause,
        why: Option<membership::WhyRefused>,
    ) -> Result<(), AccessError> {
        let holds = self.holds(Some(&grant.key)).await?;
        let mut ends = end::begin(grant, cause, Doer::Hallpass, &holds, self.step());
        if why == Some(membership::WhyRefused::LeftGroup) {
            ends = GrantStep {
                records: ends.records.into_iter().map(of_left_group).collect(),
                ..ends
            };
        }
        self.store_change(ends.fold()).await?;
        Ok(())
    }

    async fn judge_requester(
        &self,
        request: Request,
        look: &PeopleLook,
        looked: &mut PeopleLooked,
    ) {
        if !is_gone(&request.requester.user, look) {
            return;
        }
        let (id, step) = (request.id, self.step());
        let Ok(pending) = request.pending(step.now) else {
            return;
        };
        let refused = start::of_leaver(pending, step);
        match self.store_change(RequestStep::update_change(refused)).await {
            Ok(_) => looked.requests += 1,
            Err(CommitError::Raced(_)) => {}
            Err(error) => {
                looked.failed += 1;
                tracing::warn!(request.id = %id, error = %error, "a request of a person who left could not be \
                    refused");
            }
        }
    }

    async fn judge_credentials(
        &self,
        users: &BTreeSet<UserId>,
        look: &PeopleLook,
        looked: &mut PeopleLooked,
    ) {
        for user in users.iter().filter(|user| is_gone(user, look)) {
            match self.end_credentials_of(user.clone()).await {
                Ok(()) => looked.credentials += 1,
                Err(error) => {
                    looked.failed += 1;
                    tracing::warn!(error = %error, "tokens and sessions of a person who left could not be ended");
                }
            }
        }
    }

    pub(super) async fn end_credentials_of_all(
        &self,
        users: impl IntoIterator<Item = UserId>,
    ) -> Result<(), AccessError> {
        let mut ended = Ok(());
        for user in users {
            // One failure blocks no other user.
            ended = ended.and(self.end_credentials_of(user).await);
        }
        ended
    }

    pub(super) async fn end_credentials_of(&self, user: UserId) -> Result<(), AccessError> {
        let step = self.step();
        let record = step
            .of_user(Event::CredentialsEnded, &user)
            .why("principal_left");
        let change = Change {
            credentials_ended: vec![(user, step.now)],
            audit: vec![record],
            ..Change::default()
        };
        self.store_change(change).await?;
        Ok(())
    }
}

/// Whether AWS reported this very user as deleted or disabled.
fn is_gone(user: &UserId, look: &PeopleLook) -> bool {
    look.answered.contains(user) && !target::is_enabled(Some(user), &look.directory)
}

/// Records the group, not the rules, as the cause.
fn of_left_group(record: hallpass_audit::Draft) -> hallpass_audit::Draft {
    if record.event() == Event::DriftRuleChanged {
        record.why("left_group")
    } else {
        record
    }
}
