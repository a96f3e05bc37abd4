//! Users read individually between two full reads, and their merge into the newest snapshot,
//! independent of which read ends first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hallpass_base::{GroupId, UserId};
use hallpass_rules::directory::{Person, Snapshot};
use tokio::sync::Mutex;
use tokio::time::Instant;

pub(super) const BELIEVED: Duration = Duration::from_secs(3);
const USERS_MAX: usize = 4_096;

/// Time of a user's last read. Locked during the read, so that many callers cost one call.
pub(super) type UserReading = Arc<Mutex<Option<Instant>>>;

#[derive(Clone, Debug)]
struct Read {
    began: Instant,
    found: Option<Person>,
    left: BTreeMap<GroupId, Instant>,
}

#[derive(Debug, Default)]
pub(super) struct DescribedUsers {
    readings: HashMap<UserId, UserReading>,
    users: HashMap<UserId, Read>,
}

impl DescribedUsers {
    pub(super) fn reading(&mut self, user: &UserId) -> UserReading {
        if self.readings.len() >= USERS_MAX && !self.readings.contains_key(user) {
            // a held lock keeps the entry of a current read
            self.readings
                .retain(|_, place| Arc::strong_count(place) > 1);
        }
        Arc::clone(self.readings.entry(user.clone()).or_default())
    }

    /// Stores a user's read, for a snapshot whose read began earlier and ends later.
    pub(super) fn learn(
        &mut self,
        user: &UserId,
        began: Instant,
        found: Option<Person>,
        left: BTreeSet<GroupId>,
    ) {
        let before = self.users.remove(user);
        let mut all = before.map(|read| read.left).unwrap_or_default();
        all.extend(left.into_iter().map(|group| (group, began)));
        let read = Read {
            began,
            found,
            left: all,
        };
        self.users.insert(user.clone(), read);
    }

    pub(super) fn apply_to(&mut self, snapshot: &mut Snapshot, began: Instant) {
        self.users.retain(|_, read| read.began > began);
        for (user, read) in &mut self.users {
            put(snapshot, user, read.found.clone());
            // the user may have rejoined a group since
            read.left.retain(|_, at| *at > began);
            leave(snapshot, user, &read.left.keys().cloned().collect());
        }
    }
}

pub(super) fn leave(snapshot: &mut Snapshot, user: &UserId, left: &BTreeSet<GroupId>) -> bool {
    let mut has_changed = false;
    for group in &mut snapshot.groups {
        if left.contains(&group.id)
            && let Some(members) = &mut group.members
        {
            has_changed |= members.remove(user);
        }
    }
    has_changed
}

pub(super) fn put(snapshot: &mut Snapshot, user: &UserId, found: Option<Person>) -> bool {
    let people = &mut snapshot.people;
    let place = people.iter().position(|person| person.user_id == *user);
    match (place.and_then(|at| people.get_mut(at)), found) {
        (Some(known), Some(person)) if *known == person => false,
        (Some(known), Some(person)) => {
            *known = person;
            true
        }
        (Some(_), None) => {
            people.retain(|person| person.user_id != *user);
            true
        }
        (None, Some(person)) => {
            people.push(person);
            true
        }
        (None, None) => false,
    }
}
