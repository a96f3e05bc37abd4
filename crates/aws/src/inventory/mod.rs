//! The organization snapshot: accounts, permission sets, users, groups. Read in the background;
//! replaced only by a complete one.

mod accounts;
mod ahead;
#[cfg(test)]
mod ahead_tests;
mod attributes;
#[cfg(test)]
mod attributes_tests;
mod described_users;
mod look;
#[cfg(test)]
mod look_tests;
mod managed_texts;
mod people;
mod policies;
mod sets;
mod tags;
#[cfg(test)]
mod tags_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{DirectoryFault, DirectoryPrefetch, DirectorySource};
use hallpass_base::{AccountId, GroupId, UserId};
use hallpass_rules::directory::{Account, Person, Snapshot};
use hallpass_rules::{Directory, GroupRef, NamedFacts, PersonAttribute};
use tokio::time::Instant;

use crate::Aws;
use crate::fault::CallFailure;
use ahead::ReadAhead;
pub use attributes::AttributesToRead;
use described_users::DescribedUsers;
pub use managed_texts::ManagedTexts;
pub use policies::Policies;
pub(crate) use policies::{boundary, inline, managed, referenced};
use sets::Sets;
pub(crate) use sets::{described, session_seconds, set_arns};
use tags::KnownTags;
pub use tags::{TagPace, TagsToRead, UntoldTags};

pub type GroupsToRead = Arc<dyn Fn() -> BTreeSet<GroupRef> + Send + Sync>;

/// [`refresh`](DirectorySource::refresh) reads AWS; [`current`](DirectorySource::current) returns
/// the newest complete snapshot.
pub struct Inventory {
    aws: Arc<Aws>,
    groups: GroupsToRead,
    attributes: Option<AttributesToRead>,
    tags: KnownTags,
    current: RwLock<Arc<Directory>>,
    /// Held while reading; contains the start of the newest snapshot's read.
    reading: tokio::sync::Mutex<Option<Instant>>,
    /// Later single reads. Lock order: before writing `current`, so that none is lost.
    told: Mutex<DescribedUsers>,
    sets: Sets,
    ahead: ReadAhead,
}

impl Inventory {
    pub fn new(aws: Arc<Aws>, groups: GroupsToRead) -> Self {
        Self {
            aws,
            groups,
            attributes: None,
            tags: KnownTags::unwanted(),
            current: RwLock::default(),
            reading: tokio::sync::Mutex::default(),
            told: Mutex::default(),
            sets: Sets::default(),
            ahead: ReadAhead::default(),
        }
    }

    /// Also reads account tags while relevant: one call for each account.
    #[must_use]
    pub fn with_account_tags(mut self, wanted: TagsToRead, pace: TagPace) -> Self {
        self.tags.want(wanted, pace);
        self
    }

    #[must_use]
    pub fn with_attributes(mut self, attributes: AttributesToRead) -> Self {
        self.attributes = Some(attributes);
        self
    }

    fn wanted_attributes(&self) -> BTreeSet<PersonAttribute> {
        { self.attributes.as_ref() }.map_or_else(BTreeSet::new, |wanted| wanted())
    }

    /// Starts from a stored snapshot, to decide before the first read.
    #[must_use]
    pub fn from_cached(self, snapshot: Snapshot) -> Self {
        self.sets.seed(&snapshot);
        self.tags.seed(&snapshot);
        self.put(Arc::new(Directory::new(snapshot)));
        self
    }

    /// Adopts another process's snapshot of the same organization, `age` old.
    pub fn adopt(&self, mut snapshot: Snapshot, age: Duration) {
        let now = Instant::now();
        let began = now.checked_sub(age).unwrap_or(now);
        self.ahead.forget_old();
        self.sets.seed(&snapshot);
        self.tags.seed(&snapshot);
        let mut told = self.described();
        told.apply_to(&mut snapshot, began);
        self.put(Arc::new(Directory::new(snapshot)));
        drop(told);
    }

    pub fn untold_tags(&self) -> Option<UntoldTags> {
        self.tags.untold()
    }

    /// Reads due account tags for some seconds; returns the pause until the next call, or `None` if
    /// none were due.
    pub async fn read_tags(&self) -> Option<Duration> {
        let known = self.current();
        if !self.tags.are_wanted() || known.accounts().is_empty() {
            return None;
        }
        let ids = account_ids(known.accounts());
        let rest = self.tags.read_on(&self.aws, &ids).await?;
        // lock order as for users
        let told = self.described();
        let current = self.current();
        let mut snapshot = current.snapshot().clone();
        self.tags.fill(&mut snapshot, self.aws.clock.now());
        if snapshot.accounts != current.accounts() {
            self.put(Arc::new(Directory::new(snapshot)));
        }
        drop(told);
        Some(rest)
    }

    fn put(&self, directory: Arc<Directory>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = directory;
    }

    fn described(&self) -> MutexGuard<'_, DescribedUsers> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_person(
        &self,
        user: &UserId,
        began: Instant,
        found: Option<Person>,
        left: &BTreeSet<GroupId>,
    ) {
        let mut told = self.described();
        told.learn(user, began, found.clone(), left.clone());
        let current = self.current();
        if left.is_empty() && current.person(user) == found.as_ref() {
            return;
        }
        let mut snapshot = current.snapshot().clone();
        let has_left = described_users::leave(&mut snapshot, user, left);
        if described_users::put(&mut snapshot, user, found) || has_left {
            tracing::info!(user = %user, "a user was found changed before the directory was read again");
            self.put(Arc::new(Directory::new(snapshot)));
        }
    }

    async fn read(&self) -> Result<Snapshot, DirectoryFault> {
        let started = Instant::now();
        let taken_at = self.aws.clock.now();
        let attributes = self.wanted_attributes();
        let (tree, permission_sets, people, groups) = tokio::try_join!(
            accounts::read(&self.aws),
            self.sets.read(&self.aws, taken_at),
            people::users(&self.aws, &attributes),
            people::groups(&self.aws, &self.groups),
        )?;
        self.tags
            .read(&self.aws, &account_ids(&tree.accounts))
            .await;
        let snapshot = Snapshot {
            root_id: tree.root,
            accounts: tree.accounts,
            ous: tree.units,
            permission_sets,
            people,
            groups,
            taken_at: Some(taken_at),
        };
        tracing::info!(
            accounts = snapshot.accounts.len(),
            permission_sets = snapshot.permission_sets.len(),
            users = snapshot.people.len(),
            groups = snapshot.groups.len(),
            duration_ms = started.elapsed().as_millis(),
            "read the organization"
        );
        Ok(snapshot)
    }
}

#[async_trait]
impl DirectorySource for Inventory {
    fn current(&self) -> Arc<Directory> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Concurrent callers share a read that began after their call.
    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        let asked = Instant::now();
        let mut newest = self.reading.lock().await;
        if newest.is_some_and(|began| began > asked) {
            return Ok(self.current());
        }
        let began = Instant::now();
        self.ahead.forget_old();
        let mut snapshot = Box::pin(self.read()).await?;
        let mut told = self.described();
        told.apply_to(&mut snapshot, began);
        self.tags.fill(&mut snapshot, self.aws.clock.now());
        let directory = Arc::new(Directory::new(snapshot));
        self.put(Arc::clone(&directory));
        drop(told);
        *newest = Some(began);
        Ok(directory)
    }

    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        let reading = self.described().reading(user);
        let mut read_at = reading.lock().await;
        if read_at.is_none_or(|at| at.elapsed() >= described_users::BELIEVED) {
            let began = Instant::now();
            let pace = people::at_once();
            let wanted = self.wanted_attributes();
            let found = people::user(&self.aws, user, &wanted, pace).await?;
            let left = match &found {
                Some(person) if person.enabled => {
                    people::left(&self.aws, user, &self.current(), pace).await?
                }
                // has no rights by groups
                Some(_) | None => BTreeSet::new(),
            };
            self.put_person(user, began, found, &left);
            *read_at = Some(began);
        }
        Ok(self.current())
    }

    async fn read_ahead(&self, named: &NamedFacts) {
        let unread = named.unread_in(&self.current());
        if !unread.is_empty() {
            self.ahead.read(&self.aws, &unread).await;
        }
    }

    fn ahead(&self, named: &NamedFacts) -> DirectoryPrefetch {
        let known = self.current();
        let unread = named.unread_in(&known);
        if unread.is_empty() {
            return known.into();
        }
        let (read, why) = self.ahead.found(&unread);
        DirectoryPrefetch {
            directory: Arc::new(known.with(&read)),
            why,
        }
    }
}

impl fmt::Debug for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inventory").finish_non_exhaustive()
    }
}

fn account_ids(accounts: &[Account]) -> Vec<AccountId> {
    accounts.iter().map(|account| account.id.clone()).collect()
}

fn fault(what: &str, failure: &CallFailure) -> DirectoryFault {
    DirectoryFault {
        what: what.to_owned(),
        message: failure.fault.to_string(),
    }
}
