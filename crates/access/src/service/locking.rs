//! Locks and unlocks users, with all consequences (`access.md` §19).

use std::collections::BTreeSet;

use crate::identity::users_of;
use hallpass_audit::Event;
use hallpass_base::{TimeSpan, Timestamp, UserId};

use super::{Access, AccessError, RACES_MAX};
use crate::locking::{self, Left, Locking};
use crate::records::Doer;
use crate::step::{GrantStep, RequestStep};
use crate::{
    ActionRefused, Actor, Change, CommitError, ENDED_BY_A_LOCK, EndCause, Grant, GrantFilter,
    GrantState, GrantStateKind, HeldAccess, Lock, LocksSeen, Person, Request, RequestFilter,
    RequestState, RequestStateKind, Role, TextField, decision_context, end,
};

const BATCH: u32 = 200;
/// How long expired locks are processed: the server may have been down that long.
const OVER_TENDED: TimeSpan = TimeSpan::hours(30 * 24);

impl Access {
    pub async fn lock_in_force(&self, user: &UserId) -> Result<Option<Lock>, AccessError> {
        let lock = self.ports.store.lock_of(user).await?;
        Ok(lock.filter(|lock| lock.is_in_force(self.now())))
    }

    /// For administrators, auditors and operators.
    ///
    /// # Errors
    /// If the actor has no such role, or the store does not answer.
    pub async fn locks(&self, actor: &Actor) -> Result<Vec<Lock>, AccessError> {
        if !actor.reads_all() && !actor.is(Role::Operator) {
            return Err(ActionRefused::NotYours.into());
        }
        let (all, now) = (self.ports.store.locks().await?, self.now());
        Ok(all.into_iter().filter(|it| it.is_in_force(now)).collect())
    }

    pub(super) async fn ensure_unlocked(&self, actor: &Actor) -> Result<(), AccessError> {
        let Some(user) = &actor.user else {
            return Ok(());
        };
        match self.lock_in_force(user).await? {
            Some(lock) => Err(ActionRefused::Locked { since: lock.since }.into()),
            None => Ok(()),
        }
    }

    /// Refuses an administrator who is locked, or lacks the sign-in configured for actions that
    /// keep or restore access.
    pub(super) async fn ensure_proven(&self, actor: &Actor) -> Result<(), AccessError> {
        self.ensure_unlocked(actor).await?;
        let Some(wanted) = &self.settings.admin_sign_in else {
            return Ok(());
        };
        if decision_context::has_signed_in(actor, wanted.max_age, &wanted.acr, self.now()) {
            return Ok(());
        }
        Err(ActionRefused::SignInAgain {
            rule: "the configuration".to_owned(),
            max_age: wanted.max_age,
            acr: wanted.acr.iter().cloned().collect(),
        }
        .into())
    }

    /// Reads locks, for the decision and to guard the commit.
    pub(super) async fn locks_of(&self, users: &[UserId]) -> Result<LocksSeen, AccessError> {
        let mut seen = LocksSeen::default();
        for user in users {
            seen.add(user.clone(), self.ports.store.lock_of(user).await?);
        }
        Ok(seen)
    }

    /// Locks a user: as administrator, or as operator for non-administrators. Tokens and sessions
    /// end in the same commit; the rest follows immediately and at every tick. An equal lock stays
    /// unchanged, and a repeated one never ends earlier.
    ///
    /// # Errors
    /// If the actor may not, gives no reason or a past end, or names an unknown user or the last
    /// administrator.
    pub async fn lock(
        &self,
        actor: &Actor,
        whom: &UserId,
        locking: Locking<'_>,
    ) -> Result<Lock, AccessError> {
        TextField::Reason.ensure(locking.reason)?;
        let mut races = 0;
        loop {
            let (change, lock) = match self.judge_lock(actor, whom, &locking).await? {
                (None, lock) => return Ok(lock),
                (Some(change), lock) => (change, lock),
            };
            match self.store_change(change).await {
                // The next tick continues from the stored row.
                Ok(_) => return Ok(lock),
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn judge_lock(
        &self,
        actor: &Actor,
        whom: &UserId,
        locking: &Locking<'_>,
    ) -> Result<(Option<Change>, Lock), AccessError> {
        let directory = self.directory();
        let admins = users_of(&self.settings.admins, &directory);
        let is_allowed = self.may_lock(actor, whom);
        let Some(by) = person_of(actor).filter(|_| is_allowed) else {
            return Err(ActionRefused::NotYours.into());
        };
        self.ensure_unlocked(actor).await?;
        if locking.reason.trim().is_empty() {
            return Err(ActionRefused::ReasonMissing.into());
        }
        let (before, step) = (self.ports.store.lock_of(whom).await?, self.step());
        let in_force = before.as_ref().filter(|it| it.is_in_force(step.now));
        if locking.until.is_some_and(|until| until <= step.now) {
            return Err(ActionRefused::LockIsOver.into());
        }
        if let Some(lock) = in_force
            && lock.held >= locking.held
            && locking::later(lock.until, locking.until) == lock.until
        {
            return Ok((None, lock.clone()));
        }
        let mut guarded: Vec<UserId> = actor.user.iter().cloned().collect();
        if admins.contains(whom) {
            guarded.extend(admins.iter().cloned());
        }
        guarded.retain(|user| user != whom);
        let locks_seen = self.locks_of(&guarded).await?;
        if let Some(lock) = locks_seen.in_force_of(actor, step.now) {
            return Err(ActionRefused::Locked { since: lock.since }.into());
        }
        let has_another = !is_last(whom, &admins, &locks_seen, step.now);
        let left = Left::judge(has_another, locking.force);
        let left = left.ok_or(ActionRefused::LastAdministrator)?;
        let known = directory.person(whom).and_then(Person::of);
        let person = known.or_else(|| before.as_ref().map(|lock| lock.person.clone()));
        let person = match person {
            Some(person) => person,
            None => self.once_holder(whom).await?,
        };
        let (change, lock) = locking::lock(person, before.as_ref(), locking, left, actor, by, step);
        // If two users lock each other, the second commit is judged again.
        let change = Change {
            locks_seen,
            ..change
        };
        Ok((Some(change), lock))
    }

    /// Ignores the rule about the last unlocked administrator.
    pub fn may_lock(&self, actor: &Actor, whom: &UserId) -> bool {
        let is_admin = || {
            let admins = users_of(&self.settings.admins, &self.directory());
            admins.contains(whom)
        };
        actor.is(Role::Admin) || actor.is(Role::Operator) && !is_admin()
    }

    /// Whether a lock of this user is refused because no one could lift it.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn is_last_administrator(&self, whom: &UserId) -> Result<bool, AccessError> {
        let admins = users_of(&self.settings.admins, &self.directory());
        let others: Vec<UserId> = admins.iter().filter(|it| *it != whom).cloned().collect();
        let locks_seen = self.locks_of(&others).await?;
        Ok(is_last(whom, &admins, &locks_seen, self.now()))
    }

    pub fn may_unlock(&self, actor: &Actor, whom: &UserId) -> bool {
        actor.is(Role::Admin) && !actor.is_user(whom)
    }

    /// Returns a user missing from the directory, as stored in a grant.
    pub(super) async fn once_holder(&self, user: &UserId) -> Result<Person, AccessError> {
        let mut filter = GrantFilter {
            holder: Some(user.clone()),
            ..GrantFilter::default()
        };
        loop {
            let page = self.ports.store.grants(&filter, 1).await?;
            if let Some(newest) = page.rows.into_iter().next() {
                return Ok(newest.holder);
            }
            // The newest grant may be unreadable.
            filter.before = Some(page.next.ok_or(AccessError::NotFound("person"))?);
        }
    }

    /// Lifts a lock, as another administrator. Ended access stays ended, and pending ends have
    /// begun before.
    ///
    /// # Errors
    /// If the actor may not, is the locked user, or gives no reason.
    pub async fn unlock(
        &self,
        actor: &Actor,
        whom: &UserId,
        reason: &str,
    ) -> Result<Option<Lock>, AccessError> {
        TextField::Reason.ensure(reason)?;
        let mut races = 0;
        loop {
            if actor.is_user(whom) {
                return Err(ActionRefused::OwnLock.into());
            }
            let Some(by) = person_of(actor).filter(|_| actor.is(Role::Admin)) else {
                return Err(ActionRefused::NotYours.into());
            };
            self.ensure_admin(actor).await?;
            if reason.trim().is_empty() {
                return Err(ActionRefused::ReasonMissing.into());
            }
            let own: Vec<UserId> = actor.user.iter().cloned().collect();
            let (locks_seen, step) = (self.locks_of(&own).await?, self.step());
            if let Some(lock) = locks_seen.in_force_of(actor, step.now) {
                return Err(ActionRefused::Locked { since: lock.since }.into());
            }
            let Some(lock) = self.lock_in_force(whom).await? else {
                return Ok(None);
            };
            match self.tend_lock(&lock).await {
                Ok(0) => {}
                Ok(_) | Err(_) if races < RACES_MAX => {
                    races += 1;
                    continue;
                }
                Ok(_) => {}
                // Health reports the unreadable row that fails each time; it must not keep a user
                // locked.
                Err(error) => {
                    tracing::warn!(error = %error, "not all that a lock says to end has begun to end");
                }
            }
            let (change, lock) = locking::lift(&lock, reason, actor, by, step);
            let change = Change {
                locks_seen,
                ..change
            };
            match self.store_change(change).await {
                Ok(_) => return Ok(Some(lock)),
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Applies all locks in force, and expired ones that were not processed. Returns the number of
    /// steps.
    pub(super) async fn tend_locks(&self) -> Result<u32, AccessError> {
        let now = self.now();
        let (mut done, mut failed) = (0, None);
        let locks = self.ports.store.locks().await?.into_iter();
        let is_tended = |lock: &Lock| {
            lock.until
                .is_none_or(|until| now < OVER_TENDED.after(until))
        };
        for lock in locks.filter(is_tended) {
            match self.tend_lock(&lock).await {
                Ok(more) => done += more,
                // One failure blocks no other lock.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(done), Err)
    }

    // CRASH: each step is one commit, derived from the lock's row; the next call does the rest.
    async fn tend_lock(&self, lock: &Lock) -> Result<u32, AccessError> {
        let done = self.withdraw_all(lock).await?;
        match lock.held {
            HeldAccess::GoesOn => Ok(done),
            HeldAccess::Ends | HeldAccess::EndsWithSessions => Ok(done + self.end_all(lock).await?),
        }
    }

    async fn withdraw_all(&self, lock: &Lock) -> Result<u32, AccessError> {
        let mut done = 0;
        let mut filter = RequestFilter {
            state: Some(RequestStateKind::Pending),
            requester: Some(lock.person.user.clone()),
            ..RequestFilter::default()
        };
        loop {
            let page = self.ports.store.requests(&filter, BATCH).await?;
            for request in page.rows {
                if !is_of_before(lock, request.asked_at) {
                    continue;
                }
                if let Some(step) = self.withdrawn(request, lock) {
                    done += self.settled(step.update_change()).await?;
                }
            }
            if page.next.is_none() {
                return Ok(done);
            }
            filter.before = page.next;
        }
    }

    async fn end_all(&self, lock: &Lock) -> Result<u32, AccessError> {
        let (mut done, mut failed) = (0, None);
        let mut filter = GrantFilter {
            states: GrantStateKind::LIVE.to_vec(),
            holder: Some(lock.person.user.clone()),
            ..GrantFilter::default()
        };
        loop {
            let page = self.ports.store.grants(&filter, BATCH).await?;
            let before = { page.rows.into_iter() }.filter(|it| is_of_before(lock, it.scheduled_at));
            for grant in before {
                match self.end_of(&grant, lock).await {
                    Ok(more) => done += more,
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if page.next.is_none() {
                return failed.map_or(Ok(done), Err);
            }
            filter.before = page.next;
        }
    }

    async fn end_of(&self, grant: &Grant, lock: &Lock) -> Result<u32, AccessError> {
        let holds = self.holds(Some(&grant.key)).await?;
        let current = holds.grants.iter().find(|it| it.id == grant.id);
        match current.and_then(|grant| self.ended(grant, lock, &holds)) {
            Some(step) => self.settled(step.fold()).await,
            None => Ok(0),
        }
    }

    /// A raced step counts too, since there is more to check.
    async fn settled(&self, change: Change) -> Result<u32, AccessError> {
        match self.store_change(change).await {
            Ok(_) | Err(CommitError::Raced(_)) => Ok(1),
            Err(error) => Err(error.into()),
        }
    }

    fn withdrawn(&self, request: Request, lock: &Lock) -> Option<RequestStep> {
        let step = self.step();
        let pending = request.pending(step.now).ok()?;
        let request = pending.into_state(RequestState::Discarded {
            by: lock.by.email.clone(),
            at: step.now,
        });
        let record = step
            .of_request(Event::RequestDiscarded, Doer::Hallpass, &request)
            .why("locked");
        Some(RequestStep {
            record: Some(record),
            notice: None,
            request,
        })
    }

    fn ended(&self, grant: &Grant, lock: &Lock, holds: &crate::Holds) -> Option<GrantStep> {
        let step = self.step();
        let ends_sessions = lock.held == HeldAccess::EndsWithSessions && !grant.end_sessions;
        let grant = Grant {
            end_sessions: ends_sessions || grant.end_sessions,
            ..grant.clone()
        };
        match grant.state {
            GrantState::Scheduled | GrantState::Granting | GrantState::Active => {
                let cause = EndCause::Revoked {
                    by: lock.by.email.clone(),
                    reason: ENDED_BY_A_LOCK.to_owned(),
                };
                Some(end::begin(&grant, cause, Doer::Hallpass, holds, step))
            }
            GrantState::Ending { .. } if ends_sessions => Some(GrantStep::of(grant)),
            GrantState::Ending { .. } | GrantState::Ended { .. } | GrantState::Failed { .. } => {
                None
            }
        }
    }
}

/// Whether a user is the only unlocked administrator, even if locked themselves.
fn is_last(
    whom: &UserId,
    admins: &BTreeSet<UserId>,
    locks_seen: &LocksSeen,
    now: Timestamp,
) -> bool {
    let is_left = |other: &UserId| other != whom && locks_seen.in_force(other, now).is_none();
    admins.contains(whom) && !admins.iter().any(is_left)
}

/// Whether something predates the end of a lock. Nothing is requested or granted during a lock, so
/// it predates the lock.
fn is_of_before(lock: &Lock, at: Timestamp) -> bool {
    lock.until.is_none_or(|until| at < until)
}

pub(super) fn person_of(actor: &Actor) -> Option<Person> {
    Some(Person {
        user: actor.user.clone()?,
        email: actor.email.clone(),
        name: actor.name.clone(),
    })
}
