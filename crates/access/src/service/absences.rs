//! Sets and ends absences, and adds them to the directory.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join;
use hallpass_base::{Clock, Timestamp, UserId};
use hallpass_rules::{Absences, Away, Directory, NamedFacts};

use super::locking::person_of;
use super::made_directory::MadeDirectory;
use super::{Access, AccessError, RACES_MAX};
use crate::setting_absence::{self, AbsenceForm};
use crate::{
    Absence, AbsenceProblem, AccessStore, ActionRefused, Actor, CommitError, DirectoryFault,
    DirectoryPrefetch, DirectorySource, LocksSeen, Person, ReadError, Request,
};

/// Between two reads of the store: another node may have set an absence.
pub const ABSENCE_POLL: Duration = Duration::from_secs(5);

impl Access {
    /// Absences in force: all for administrators and auditors, else the actor's own and those whose
    /// delegate the actor is.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn absences(&self, actor: &Actor) -> Result<Vec<Absence>, AccessError> {
        let (mut all, _) = in_force(self.ports.store.as_ref(), self.now()).await?;
        let is_theirs = |it: &Absence| {
            let delegate = it.delegate.as_ref();
            it.person.is(actor) || delegate.is_some_and(|it| it.is(actor))
        };
        all.retain(|it| actor.reads_all() || is_theirs(it));
        Ok(all)
    }

    /// Sets or replaces the absence of a person: their own, or any as administrator.
    ///
    /// # Errors
    /// If the actor may not or is locked, the end is not in time, or the delegate is no other enabled
    /// user.
    pub async fn set_absence(
        &self,
        actor: &Actor,
        whom: &UserId,
        until: Timestamp,
        delegate: Option<&UserId>,
    ) -> Result<Absence, AccessError> {
        let mut races = 0;
        loop {
            let by = self.ensure_may_set(actor, whom).await?;
            let directory = self.directory();
            let enabled = |user: &UserId| {
                let found = directory.person(user).filter(|it| it.enabled);
                found.and_then(Person::of)
            };
            let person = enabled(whom).ok_or(AccessError::NotFound("person"))?;
            let delegate = match delegate {
                Some(user) => Some(enabled(user).ok_or(AbsenceProblem::UnknownDelegate)?),
                None => None,
            };
            let before = self.ports.store.absence_of(whom).await?;
            let form = AbsenceForm {
                person,
                until,
                delegate,
            };
            let (change, absence) =
                setting_absence::set(form, before.as_ref(), (actor, by), self.step())?;
            match self.store_change(change).await {
                Ok(_) => {
                    self.read_absences(whom).await;
                    return Ok(absence);
                }
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends the absence of a person now. Returns whether there was one.
    ///
    /// # Errors
    /// If the actor may not or is locked, or the store does not answer.
    pub async fn end_absence(&self, actor: &Actor, whom: &UserId) -> Result<bool, AccessError> {
        let mut races = 0;
        loop {
            self.ensure_may_set(actor, whom).await?;
            let found = self.ports.store.absence_of(whom).await?;
            let Some(absence) = found.filter(|it| it.is_in_force(self.now())) else {
                return Ok(false);
            };
            let change = setting_absence::end(&absence, actor, self.step());
            match self.store_change(change).await {
                Ok(_) => {
                    self.read_absences(whom).await;
                    return Ok(true);
                }
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn ensure_may_set(&self, actor: &Actor, whom: &UserId) -> Result<Person, AccessError> {
        self.ensure_unlocked(actor).await?;
        if !actor.is_user(whom) {
            self.ensure_admin(actor).await?;
        } else if actor.secondary_domain {
            return Err(ActionRefused::SecondaryDomain.into());
        }
        person_of(actor).ok_or_else(|| ActionRefused::NotInDirectory.into())
    }

    /// The directory with delegations as stored now: another node may have ended one, or locked its
    /// approver. The change that rests on them commits only while those locks stay.
    pub(super) async fn with_delegations(
        &self,
        directory: Arc<Directory>,
        locks: &mut LocksSeen,
    ) -> Result<Arc<Directory>, ReadError> {
        if directory.delegations().next().is_none() {
            return Ok(directory);
        }
        let (absences, seen) = in_force(self.ports.store.as_ref(), self.now()).await?;
        locks.extend(seen);
        Ok(Arc::new(directory.with_absences(for_rules(&absences))))
    }

    /// So that this node decides by the change at once.
    async fn read_absences(&self, whom: &UserId) {
        if let Err(error) = self.ports.directory.refresh_person(whom).await {
            tracing::warn!(error = %error, "the directory was not read again after an absence changed");
        }
    }

    /// Absences that concern a waiting request: of its approvers, and of those in whose place
    /// someone may approve it.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn absences_about(&self, request: &Request) -> Result<Vec<Absence>, AccessError> {
        let now = self.now();
        if !request.is_waiting(now) {
            return Ok(Vec::new());
        }
        let approvers: BTreeSet<_> = request.approvers().into_iter().collect();
        let directory = self.directory();
        let (mut all, _) = in_force(self.ports.store.as_ref(), now).await?;
        all.retain(|it| {
            let person = directory.person(&it.person.user);
            let mut theirs = person.into_iter().flat_map(|it| &it.emails);
            theirs.any(|email| approvers.contains(email))
        });
        Ok(all)
    }
}

/// Absences in force, and the locks of those who named a delegate: a locked person has none.
async fn in_force(
    store: &dyn AccessStore,
    now: Timestamp,
) -> Result<(Vec<Absence>, LocksSeen), ReadError> {
    let mut all = store.absences(now).await?;
    all.retain(|it| it.is_in_force(now));
    let delegating = all.iter().filter(|it| it.delegate.is_some());
    let users: Vec<UserId> = delegating.map(|it| it.person.user.clone()).collect();
    let locks = LocksSeen::of(&users, store.locks_of(&users).await?);
    for absence in &mut all {
        if locks.in_force(&absence.person.user, now).is_some() {
            absence.delegate = None;
        }
    }
    Ok((all, locks))
}

fn for_rules(absences: &[Absence]) -> Absences {
    let away = absences.iter().map(|it| {
        let delegate = it.delegate.as_ref().map(|it| it.user.clone());
        (it.person.user.clone(), Away { delegate })
    });
    away.collect()
}

#[derive(Default)]
struct KnownAbsences {
    absences: Vec<Absence>,
    revision: u64,
}

/// Adds stored absences to a directory, and reads them again whenever a right is about to be used.
pub struct AbsenceDirectory {
    inner: Arc<dyn DirectorySource>,
    store: Arc<dyn AccessStore>,
    clock: Arc<dyn Clock>,
    known: Mutex<KnownAbsences>,
    made: MadeDirectory,
}

impl AbsenceDirectory {
    pub fn new(
        inner: Arc<dyn DirectorySource>,
        store: Arc<dyn AccessStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            inner,
            store,
            clock,
            known: Mutex::default(),
            made: MadeDirectory::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, KnownAbsences> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the absences from the store. If it does not answer, no one has a delegate.
    pub async fn read(&self) {
        let absences = match in_force(self.store.as_ref(), self.clock.now()).await {
            Ok((absences, _)) => absences,
            Err(error) => {
                tracing::warn!(error = %error, "absences could not be read: delegates cannot approve");
                Vec::new()
            }
        };
        let mut known = self.known();
        if known.absences != absences {
            known.absences = absences;
            known.revision += 1;
        }
    }

    fn with_absences(&self, directory: Arc<Directory>) -> Arc<Directory> {
        let (now, known) = (self.clock.now(), self.known());
        self.made.of(directory, known.revision, now, |directory| {
            let mut absences = known.absences.clone();
            absences.retain(|it| it.is_in_force(now));
            let valid_until = absences.iter().map(|it| it.until).min();
            let with = directory.with_absences(for_rules(&absences));
            (with, valid_until.unwrap_or(Timestamp::MAX))
        })
    }
}

#[async_trait]
impl DirectorySource for AbsenceDirectory {
    fn current(&self) -> Arc<Directory> {
        self.with_absences(self.inner.current())
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        let (read, ()) = join(self.inner.refresh(), self.read()).await;
        Ok(self.with_absences(read?))
    }

    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        let (read, ()) = join(self.inner.refresh_person(user), self.read()).await;
        Ok(self.with_absences(read?))
    }

    async fn read_ahead(&self, named: &NamedFacts) {
        self.inner.read_ahead(named).await;
    }

    fn ahead(&self, named: &NamedFacts) -> DirectoryPrefetch {
        let ahead = self.inner.ahead(named);
        DirectoryPrefetch {
            directory: self.with_absences(ahead.directory),
            why: ahead.why,
        }
    }
}
