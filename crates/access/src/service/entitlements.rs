//! Entitlements of account access manager: read with standing access, and ended with a user's other
//! access (`access.md` §22, R-4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use hallpass_audit::{Draft, Event};
use hallpass_base::{AccountId, TimeSpan, Timestamp, UserId};

use super::{Access, AccessError};
use crate::records::Doer;
use crate::{
    ActionRefused, Actor, EntitledPrincipal, Entitlement, EntitlementSource, EntitlementsEnded,
    HeldAccess, Lock, Person, PersonEntitlements, Role, StandingListing, StandingScope, TextField,
};

/// Interval of checks on a locked user, who may receive new entitlements.
const LOOKED_EVERY: TimeSpan = TimeSpan::seconds(60);
/// The same after an AWS failure.
const TRIED_EVERY: TimeSpan = TimeSpan::seconds(15);
/// How long a listing may show a deleted entitlement. Longer, and one recreated under the same id
/// stays longer; shorter, and a late listing is recorded as another end.
const LISTED_FOR: TimeSpan = TimeSpan::seconds(60);

/// State of this process.
#[derive(Debug, Default)]
pub(super) struct EntitlementsTended {
    /// The next check of locked users, and the processed lock version.
    next: BTreeMap<UserId, (u64, Timestamp)>,
    /// Locked users with remaining entitlements, with the reason.
    left: BTreeMap<UserId, String>,
    ended: BTreeMap<EntitlementName, Timestamp>,
    /// Recorded as ending, without a known end.
    begun: BTreeMap<EntitlementName, Begun>,
}

/// Ids are unique per application.
type EntitlementName = (String, String);

#[derive(Debug)]
struct Begun {
    entitlement: Entitlement,
    /// The last recorded AWS error.
    said: Option<String>,
}

#[derive(Clone, Copy)]
enum EndedBy<'a> {
    Lock(&'a Lock),
    Administrator { actor: &'a Actor, reason: &'a str },
}

impl EndedBy<'_> {
    fn doer(&self) -> Doer<'_> {
        match self {
            Self::Lock(_) => Doer::Hallpass,
            Self::Administrator { actor, .. } => Doer::Person(actor),
        }
    }
}

fn ends_entitlements(lock: &Lock, now: Timestamp) -> bool {
    match lock.held {
        HeldAccess::GoesOn => false,
        HeldAccess::Ends | HeldAccess::EndsWithSessions => lock.is_in_force(now),
    }
}

impl EntitlementsTended {
    fn keep(&mut self, locks: &[Lock]) {
        let users: BTreeSet<&UserId> = locks.iter().map(|lock| &lock.person.user).collect();
        self.next.retain(|user, _| users.contains(user));
        self.left.retain(|user, _| users.contains(user));
    }
}

impl Access {
    #[must_use]
    pub fn with_entitlements(mut self, entitlements: Arc<dyn EntitlementSource>) -> Self {
        self.entitlements = Some(entitlements);
        self
    }

    pub(super) async fn read_standing(&self, scope: &StandingScope) -> StandingListing {
        let mut listing = self.ports.standing.read(scope).await;
        if let Some(source) = &self.entitlements {
            let accounts: Vec<&AccountId> = scope.accounts().collect();
            let found = source.in_accounts(&accounts).await;
            listing.unread.extend(found.unread);
            listing.unread.sort_by(|a, b| a.what.cmp(&b.what));
            listing.entitlements = Some(found.seen);
            listing.ended = self.now().max(listing.ended);
        }
        listing
    }

    /// Ends own entitlements of locked users if the lock ends held access; returns the count.
    /// Checks each lock on change and every minute.
    ///
    /// # Errors
    /// If the store does not answer. AWS failures are recorded and retried.
    pub async fn end_entitlements_of_locked(&self) -> Result<u32, AccessError> {
        if self.entitlements.is_none() {
            return Ok(0);
        }
        let now = self.now();
        let locks = self.ports.store.locks().await?;
        let locks = locks
            .into_iter()
            .filter(|lock| ends_entitlements(lock, now));
        let locks: Vec<Lock> = locks.collect();
        self.entitlements_tended().keep(&locks);
        let mut done = 0;
        for lock in locks {
            if !self.is_to_be_looked_at(&lock, now) {
                continue;
            }
            let ended = self.end_entitlements(&lock.person, None, EndedBy::Lock(&lock));
            let left = match ended.await? {
                Ok(found) => {
                    done += u32::try_from(found.ended.len()).unwrap_or(u32::MAX);
                    found.failed.into_iter().next().map(|(_, why)| why)
                }
                Err(fault) => Some(fault.message),
            };
            self.note_looked(&lock, left);
        }
        Ok(done)
    }

    fn is_to_be_looked_at(&self, lock: &Lock, now: Timestamp) -> bool {
        let tended = self.entitlements_tended();
        let next = tended.next.get(&lock.person.user);
        next.is_none_or(|(version, at)| *version != lock.version || *at <= now)
    }

    fn note_looked(&self, lock: &Lock, left: Option<String>) {
        let (user, now) = (&lock.person.user, self.now());
        let again = if left.is_some() {
            TRIED_EVERY
        } else {
            LOOKED_EVERY
        };
        let mut tended = self.entitlements_tended();
        let next = (lock.version, again.after(now));
        tended.next.insert(user.clone(), next);
        match left {
            Some(why) => {
                tracing::warn!(user = %user, why, "entitlements of a locked person are not all ended");
                tended.left.insert(user.clone(), why)
            }
            None => tended.left.remove(user),
        };
    }

    /// Returns the number of users with remaining entitlements, and AWS's error code. Readiness
    /// probes can read this, and the full message would name roles and callers.
    pub fn entitlements_left(&self) -> Option<(usize, String)> {
        let tended = self.entitlements_tended();
        let why = tended.left.values().next()?;
        let error = why.split(": ").next().unwrap_or_default();
        Some((tended.left.len(), error.to_owned()))
    }

    fn entitlements_tended(&self) -> MutexGuard<'_, EntitlementsTended> {
        let tended = self.entitlements_tended.lock();
        tended.unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a user's entitlements for actors who may read everything. `None` if entitlements are
    /// not configured.
    ///
    /// # Errors
    /// If the actor lacks the right, or AWS fails.
    pub async fn entitlements_of(
        &self,
        actor: &Actor,
        whom: &UserId,
    ) -> Result<Option<PersonEntitlements>, AccessError> {
        if !actor.reads_all() {
            return Err(ActionRefused::NotYours.into());
        }
        match &self.entitlements {
            Some(source) => Ok(Some(source.of_person(whom).await?)),
            None => Ok(None),
        }
    }

    /// Ends a user's own entitlements, in one or all accounts, records the reason, and returns
    /// those held by groups. `None` if entitlements are not configured.
    ///
    /// # Errors
    /// If the actor is no administrator or is locked, or AWS fails. Failed deletions are in the
    /// answer.
    pub async fn revoke_entitlements(
        &self,
        actor: &Actor,
        whom: &UserId,
        account: Option<&AccountId>,
        reason: &str,
    ) -> Result<Option<EntitlementsEnded>, AccessError> {
        TextField::Reason.ensure(reason)?;
        if !actor.is(Role::Admin) {
            return Err(ActionRefused::NotYours.into());
        }
        self.ensure_unlocked(actor).await?;
        if self.entitlements.is_none() {
            return Ok(None);
        }
        let known = self.directory().person(whom).and_then(Person::of);
        let person = match known {
            Some(person) => person,
            None => self.once_holder(whom).await?,
        };
        let by = EndedBy::Administrator { actor, reason };
        let found = self.end_entitlements(&person, account, by).await?;
        Ok(Some(found?))
    }

    // CRASH: the end is recorded before the AWS call, and deletion is idempotent; locks are checked
    // again, and a revoking user sees the rest.
    async fn end_entitlements(
        &self,
        person: &Person,
        account: Option<&AccountId>,
        by: EndedBy<'_>,
    ) -> Result<Result<EntitlementsEnded, crate::DirectoryFault>, AccessError> {
        let Some(source) = &self.entitlements else {
            return Ok(Ok(EntitlementsEnded::default()));
        };
        let held = match source.of_person(&person.user).await {
            Ok(held) => held,
            Err(fault) => return Ok(Err(fault)),
        };
        let is_meant = |it: &Entitlement| account.is_none_or(|account| *account == it.account);
        let mut done = EntitlementsEnded {
            ended: self.note_gone(person, &held.own, by).await?,
            by_group: held.by_group.into_iter().filter(is_meant).collect(),
            ..EntitlementsEnded::default()
        };
        for entitlement in held.own.into_iter().filter(is_meant) {
            if self.was_just_ended(&entitlement) {
                continue;
            }
            if !self.is_still_meant(by).await? {
                return Ok(Ok(done));
            }
            self.note_ending(person, &entitlement, by).await?;
            match source.delete(&entitlement).await {
                Ok(()) => {
                    self.note_ended(person, &entitlement, by).await?;
                    done.ended.push(entitlement);
                }
                Err(fault) => {
                    self.note_failed(person, &entitlement, by, &fault.message)
                        .await?;
                    done.failed.push((entitlement, fault.message));
                }
            }
        }
        if !done.failed.is_empty()
            && let Ok(held) = source.of_person(&person.user).await
        {
            let gone = self.note_gone(person, &held.own, by).await?;
            done.failed.retain(|(it, _)| !gone.contains(it));
            done.ended.extend(gone);
        }
        Ok(Ok(done))
    }

    /// A lock may end during the AWS call.
    async fn is_still_meant(&self, by: EndedBy<'_>) -> Result<bool, AccessError> {
        match by {
            EndedBy::Administrator { .. } => Ok(true),
            EndedBy::Lock(lock) => {
                let newest = self.ports.store.lock_of(&lock.person.user).await?;
                Ok(newest.is_some_and(|it| ends_entitlements(&it, self.now())))
            }
        }
    }

    fn was_just_ended(&self, entitlement: &Entitlement) -> bool {
        let (now, mut tended) = (self.now(), self.entitlements_tended());
        tended.ended.retain(|_, at| now < LISTED_FOR.after(*at));
        tended.ended.contains_key(&name_of(entitlement))
    }

    /// Records a deletion whose answer was lost: the listing no longer has it.
    async fn note_gone(
        &self,
        person: &Person,
        listed: &[Entitlement],
        by: EndedBy<'_>,
    ) -> Result<Vec<Entitlement>, AccessError> {
        let of_person = EntitledPrincipal::User(person.user.clone());
        let is_gone = |begun: &&Begun| {
            begun.entitlement.principal == of_person && !listed.contains(&begun.entitlement)
        };
        let gone: Vec<Entitlement> = {
            let tended = self.entitlements_tended();
            let gone = tended.begun.values().filter(is_gone);
            gone.map(|begun| begun.entitlement.clone()).collect()
        };
        for entitlement in &gone {
            self.note_ended(person, entitlement, by).await?;
        }
        Ok(gone)
    }

    async fn note_ending(
        &self,
        person: &Person,
        entitlement: &Entitlement,
        by: EndedBy<'_>,
    ) -> Result<(), AccessError> {
        let name = name_of(entitlement);
        if self.entitlements_tended().begun.contains_key(&name) {
            return Ok(());
        }
        let record = self.of_entitlement(Event::EntitlementEnding, person, entitlement, by);
        self.record(record).await?;
        let begun = Begun {
            entitlement: entitlement.clone(),
            said: None,
        };
        self.entitlements_tended().begun.insert(name, begun);
        Ok(())
    }

    async fn note_ended(
        &self,
        person: &Person,
        entitlement: &Entitlement,
        by: EndedBy<'_>,
    ) -> Result<(), AccessError> {
        let (name, now) = (name_of(entitlement), self.now());
        if !self.entitlements_tended().begun.contains_key(&name) {
            // Another process ended and recorded it.
            return Ok(());
        }
        let record = self.of_entitlement(Event::EntitlementEnded, person, entitlement, by);
        self.record(record).await?;
        let mut tended = self.entitlements_tended();
        tended.begun.remove(&name);
        tended.ended.insert(name, now);
        Ok(())
    }

    /// Records each distinct error once.
    async fn note_failed(
        &self,
        person: &Person,
        entitlement: &Entitlement,
        by: EndedBy<'_>,
        why: &str,
    ) -> Result<(), AccessError> {
        let name = name_of(entitlement);
        let is_said = |begun: &Begun| begun.said.as_deref() == Some(why);
        if self
            .entitlements_tended()
            .begun
            .get(&name)
            .is_some_and(is_said)
        {
            return Ok(());
        }
        let record = self.of_entitlement(Event::EntitlementEndFailed, person, entitlement, by);
        self.record(record.error(why)).await?;
        if let Some(begun) = self.entitlements_tended().begun.get_mut(&name) {
            begun.said = Some(why.to_owned());
        }
        Ok(())
    }

    fn of_entitlement(
        &self,
        event: Event,
        person: &Person,
        entitlement: &Entitlement,
        by: EndedBy<'_>,
    ) -> Draft {
        let Entitlement {
            account, role, id, ..
        } = entitlement;
        let record = self.step().of_person(event, by.doer(), person);
        let record = record.entitled(account, entitlement.role_name(), role, id);
        match by {
            EndedBy::Lock(_) => record,
            EndedBy::Administrator { reason, .. } => record.reason(reason),
        }
    }
}

fn name_of(entitlement: &Entitlement) -> EntitlementName {
    (entitlement.application.clone(), entitlement.id.clone())
}
