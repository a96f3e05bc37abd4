//! Locks: a locked user may only end their own access, until another user lifts the lock
//! (`access.md` §19).

use std::collections::BTreeMap;

use hallpass_base::{TimeSpan, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Actor, Person, Review};

/// Shown with a grant that a lock ended. The lock's own reason is only for administrators and
/// auditors (`access.md` K-2).
pub const ENDED_BY_A_LOCK: &str = "the person is locked";

/// The largest clock difference of two nodes that may grant: one further from AWS's time grants
/// nothing. A lock and an approval may come from different nodes.
const CLOCKS_APART: TimeSpan = TimeSpan::seconds(30);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldAccess {
    #[default]
    GoesOn,
    Ends,
    EndsWithSessions,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifted {
    pub by: Person,
    pub at: Timestamp,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub person: Person,
    pub since: Timestamp,
    /// `None` lasts until it is lifted.
    pub until: Option<Timestamp>,
    pub by: Person,
    /// Only for administrators and auditors.
    pub reason: String,
    pub held: HeldAccess,
    pub lifted: Option<Lifted>,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Lock {
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.lifted.is_none() && self.until.is_none_or(|until| now < until)
    }
}

/// Locks as read for a change. Its commit fails if any of them changed since, so no user gains
/// access while being locked.
#[derive(Clone, Debug, Default)]
pub struct LocksSeen(BTreeMap<UserId, Option<Lock>>);

impl LocksSeen {
    pub(crate) fn of(users: &[UserId], found: Vec<Lock>) -> Self {
        let nobody = users.iter().map(|user| (user.clone(), None));
        let mut seen: BTreeMap<UserId, Option<Lock>> = nobody.collect();
        let found = found.into_iter();
        seen.extend(found.map(|lock| (lock.person.user.clone(), Some(lock))));
        Self(seen)
    }

    pub fn add(&mut self, user: UserId, lock: Option<Lock>) {
        self.0.insert(user, lock);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// `None` without a lock.
    pub fn versions(&self) -> impl Iterator<Item = (&UserId, Option<u64>)> {
        let all = self.0.iter();
        all.map(|(user, lock)| (user, lock.as_ref().map(|lock| lock.version)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn in_force(&self, user: &UserId, now: Timestamp) -> Option<&Lock> {
        let lock = self.0.get(user)?.as_ref();
        lock.filter(|lock| lock.is_in_force(now))
    }

    pub(crate) fn in_force_of(&self, actor: &Actor, now: Timestamp) -> Option<&Lock> {
        self.in_force(actor.user.as_ref()?, now)
    }

    /// Whether an approval counts: the approver is not locked, and was not locked since. After a
    /// lock, approvals from around its start are treated as earlier, and may be repeated.
    pub(crate) fn counts(&self, review: &Review, now: Timestamp) -> bool {
        let user = review.user.as_ref();
        let lock = user.and_then(|user| self.0.get(user)?.as_ref());
        lock.is_none_or(|lock| !lock.is_in_force(now) && CLOCKS_APART.after(lock.since) < review.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        TimeSpan::seconds(seconds).after(Timestamp::from_second(1_780_000_000).unwrap())
    }

    /// Locked at 100 by one node's clock. Columns: approval by another node's clock, end of the
    /// lock, lifting, whether the approval counts at 200.
    #[test]
    fn an_approval_counts_by_no_clock_that_is_ahead() {
        let rows = [
            (90, None, None, false),
            // In force; the approver's node was ahead.
            (125, None, None, false),
            (125, Some(300), None, false),
            // Over: an earlier approval must be repeated.
            (90, None, Some(150), false),
            (90, Some(150), None, false),
            (125, Some(150), None, false),
            (130, None, Some(120), false),
            (131, None, Some(120), true),
            (160, Some(150), None, true),
        ];
        let user = crate::sweep::tests::user(1);
        let person = || Person {
            email: "cai@corp.example".parse().unwrap(),
            user: user.clone(),
            name: "cai".to_owned(),
        };
        for (given, until, lifted, counts) in rows {
            let lock = Lock {
                person: person(),
                since: at(100),
                until: until.map(at),
                by: person(),
                reason: "a laptop was stolen".to_owned(),
                held: HeldAccess::GoesOn,
                lifted: lifted.map(|lifted| Lifted {
                    by: person(),
                    at: at(lifted),
                    reason: "found".to_owned(),
                }),
                version: 1,
            };
            let mut seen = LocksSeen::default();
            seen.add(user.clone(), Some(lock));
            let review = Review {
                by: person().email,
                user: Some(user.clone()),
                at: at(given),
                comment: None,
                counts: true,
            };
            let row = format!("{given} {until:?} {lifted:?}");
            assert_eq!(seen.counts(&review, at(200)), counts, "{row}");
        }
    }
}
