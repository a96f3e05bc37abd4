//! Users read one at a time, between two readings of the whole directory: what the newest snapshot is
//! told about them, whichever reading ends first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hallpass_base::{GroupId, UserId};
use hallpass_rules::directory::{Person, Snapshot};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long the answer about a user is believed.
pub(super) const BELIEVED: Duration = Duration::from_secs(3);
/// Users remembered at most.
const USERS_MAX: usize = 4_096;

/// When a user was last read. Held while they are read, so that many who ask cost one call.
pub(super) type UserReading = Arc<Mutex<Option<Instant>>>;

/// A user as they were read, or that they are gone, and when AWS was asked about the groups that they have left.
#[derive(Clone, Debug)]
struct Read {
    began: Instant,
    found: Option<Person>,
    left: BTreeMap<GroupId, Instant>,
}

/// What was learned of single users.
#[derive(Debug, Default)]
pub(super) struct DescribedUsers {
    readings: HashMap<UserId, UserReading>,
    users: HashMap<UserId, Read>,
}

impl DescribedUsers {
    /// The place of a user's reading.
    pub(super) fn reading(&mut self, user: &UserId) -> UserReading {
        if self.readings.len() >= USERS_MAX && !self.readings.contains_key(user) {
            // whoever is being read keeps their place by holding it
            self.readings
                .retain(|_, place| Arc::strong_count(place) > 1);
        }
        Arc::clone(self.readings.entry(user.clone()).or_default())
    }

    /// Remembers what was read of a user, for a snapshot whose reading began before and ends later.
    pub(super) fn learn(
        &mut self,
        user: &UserId,
        began: Instant,
        found: Option<Person>,
        left: BTreeSet<GroupId>,
    ) {
        // a group that the newest snapshot does not have them in is not asked about again
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

    /// Tells a snapshot whose reading began at `began` what was read later, and forgets the rest.
    pub(super) fn apply_to(&mut self, snapshot: &mut Snapshot, began: Instant) {
        self.users.retain(|_, read| read.began > began);
        for (user, read) in &mut self.users {
            put(snapshot, user, read.found.clone());
            // somebody may have come back to a group since
            read.left.retain(|_, at| *at > began);
            leave(snapshot, user, &read.left.keys().cloned().collect());
        }
    }
}

/// Takes a user out of groups in a snapshot; whether that changed it.
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

/// Puts a user as they are now into a snapshot; whether that changed it.
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
