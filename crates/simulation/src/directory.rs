//! The directory of a world: the state at AWS, and the newest snapshot that processes know.
//! Snapshots are refreshed as in the binary's loops while AWS answers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use hallpass_access::{
    Directory, DirectoryFault, DirectorySource, PeopleLook, PeopleQuestion, PeopleSource,
};
use hallpass_base::{Clock, TimeSpan, Timestamp, UserId};
use hallpass_rules::directory::{Person, Snapshot};

use crate::Wall;
use crate::gate::Gated;

const READ_EVERY: TimeSpan = TimeSpan::minutes(5);

pub struct SimulatedDirectory {
    clock: Arc<dyn Clock>,
    truth: RwLock<Snapshot>,
    newest: RwLock<Arc<Directory>>,
    lists: AtomicBool,
    describes: AtomicBool,
    described: AtomicU64,
    placed: AtomicU64,
}

fn is_on(switch: &AtomicBool) -> bool {
    switch.load(Ordering::SeqCst)
}

fn count(asked: &AtomicU64, users: &BTreeSet<UserId>) {
    let more = u64::try_from(users.len()).unwrap_or(u64::MAX);
    asked.fetch_add(more, Ordering::SeqCst);
}

fn silent(what: &str) -> DirectoryFault {
    DirectoryFault {
        what: what.to_owned(),
        message: "AWS does not answer".to_owned(),
    }
}

fn leave(snapshot: &mut Snapshot, truth: &Snapshot, users: &BTreeSet<UserId>) -> bool {
    let mut has_changed = false;
    for group in &mut snapshot.groups {
        let now = truth.groups.iter().find(|it| it.id == group.id);
        let members = now.and_then(|it| it.members.clone()).unwrap_or_default();
        if let Some(known) = &mut group.members {
            let before = known.len();
            known.retain(|user| !users.contains(user) || members.contains(user));
            has_changed |= known.len() < before;
        }
    }
    has_changed
}

impl SimulatedDirectory {
    pub(crate) fn new(clock: Arc<Wall>, snapshot: Snapshot) -> Self {
        Self {
            clock,
            newest: RwLock::new(Arc::new(Directory::new(snapshot.clone()))),
            truth: RwLock::new(snapshot),
            lists: AtomicBool::new(true),
            describes: AtomicBool::new(true),
            described: AtomicU64::new(0),
            placed: AtomicU64::new(0),
        }
    }

    /// Changes a person at AWS; removes them when `change` returns `None`. Processes see it with
    /// the next snapshot.
    pub fn change(&self, name: &str, change: impl Fn(Person) -> Option<Person>) {
        let mut truth = self.truth.write().unwrap_or_else(PoisonError::into_inner);
        let people = std::mem::take(&mut truth.people);
        truth.people = people
            .into_iter()
            .filter_map(|person| {
                if person.user_name == name {
                    change(person)
                } else {
                    Some(person)
                }
            })
            .collect();
    }

    pub fn change_all(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.truth.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn lists(&self, on: bool) {
        self.lists.store(on, Ordering::SeqCst);
    }

    pub fn describes(&self, on: bool) {
        self.describes.store(on, Ordering::SeqCst);
    }

    pub fn described(&self) -> u64 {
        self.described.load(Ordering::SeqCst)
    }

    pub fn placed(&self) -> u64 {
        self.placed.load(Ordering::SeqCst)
    }

    pub fn read(&self) -> Arc<Directory> {
        let now = self.clock.now();
        let truth = self.truth.read().unwrap_or_else(PoisonError::into_inner);
        self.take(truth.clone(), now)
    }

    pub fn knows(&self, snapshot: Snapshot) {
        let known = Arc::new(Directory::new(snapshot));
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn take(&self, snapshot: Snapshot, at: Timestamp) -> Arc<Directory> {
        let directory = Arc::new(Directory::new(Snapshot {
            taken_at: Some(at),
            ..snapshot
        }));
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&directory);
        directory
    }

    fn newest(&self) -> Arc<Directory> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl DirectorySource for SimulatedDirectory {
    fn current(&self) -> Arc<Directory> {
        let newest = self.newest();
        let now = self.clock.now();
        let is_due = newest
            .taken_at()
            .is_none_or(|taken| READ_EVERY.after(taken) <= now);
        if is_due && is_on(&self.lists) {
            return self.read();
        }
        newest
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        if !is_on(&self.lists) {
            return Err(silent("users"));
        }
        Ok(self.read())
    }

    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        self.described.fetch_add(1, Ordering::SeqCst);
        if !is_on(&self.describes) {
            return Err(silent("the user"));
        }
        let newest = self.newest();
        let truth = self.truth.read().unwrap_or_else(PoisonError::into_inner);
        let found = truth.people.iter().find(|person| person.user_id == *user);
        let mut snapshot = newest.snapshot().clone();
        let has_left = leave(&mut snapshot, &truth, &BTreeSet::from([user.clone()]));
        if newest.person(user) == found && !has_left {
            return Ok(newest);
        }
        snapshot.people.retain(|person| person.user_id != *user);
        snapshot.people.extend(found.cloned());
        let at = newest.taken_at().unwrap_or_default();
        Ok(self.take(snapshot, at))
    }
}

#[async_trait]
impl PeopleSource for SimulatedDirectory {
    async fn look_at(&self, users: &BTreeSet<UserId>, question: PeopleQuestion) -> PeopleLook {
        let in_groups = match question {
            PeopleQuestion::AreThere => BTreeSet::new(),
            PeopleQuestion::AreThereAndInGroups => users.clone(),
        };
        count(&self.described, users);
        count(&self.placed, &in_groups);
        let newest = self.newest();
        if !is_on(&self.describes) {
            return PeopleLook {
                directory: newest,
                fault: Some(silent("the users")),
                ..PeopleLook::default()
            };
        }
        let truth = self.truth.read().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = newest.snapshot().clone();
        let is_meant = |person: &Person| users.contains(&person.user_id);
        snapshot.people.retain(|person| !is_meant(person));
        let found = truth.people.iter().filter(|person| is_meant(person));
        snapshot.people.extend(found.cloned());
        leave(&mut snapshot, &truth, &in_groups);
        let at = newest.taken_at().unwrap_or_default();
        PeopleLook {
            directory: self.take(snapshot, at),
            answered: users.clone(),
            placed: in_groups,
            fault: None,
        }
    }
}

#[async_trait]
impl PeopleSource for Gated<SimulatedDirectory> {
    async fn look_at(&self, users: &BTreeSet<UserId>, question: PeopleQuestion) -> PeopleLook {
        let look = async { Ok::<_, DirectoryFault>(self.inner.look_at(users, question).await) };
        let passed = self.gate.pass(look, |_| silent("the users")).await;
        passed.unwrap_or_else(|fault| PeopleLook {
            directory: self.inner.newest(),
            fault: Some(fault),
            ..PeopleLook::default()
        })
    }
}
