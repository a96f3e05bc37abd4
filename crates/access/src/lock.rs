//! Locks: somebody who may do nothing but give back, until somebody else lets them in again
//! (`access.md` §19).

use std::collections::BTreeMap;

use hallpass_base::{TimeSpan, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Actor, Person, Review};

/// Why access ended with a lock, for whoever sees the grant: the lock's own reason is for
/// administrators and auditors (`access.md` K-2).
pub const ENDED_BY_A_LOCK: &str = "the person is locked";

/// How far the clocks of two nodes that both count may be apart: nothing is given by one that is further
/// from AWS's time. A lock and an approval may be of two nodes.
const CLOCKS_APART: TimeSpan = TimeSpan::seconds(30);

/// What becomes of the access that somebody who is locked holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldAccess {
    /// It goes on until its end.
    #[default]
    GoesOn,
    /// It ends now.
    Ends,
    /// It ends now, and so do sessions that were taken of it.
    EndsWithSessions,
}

/// Who lifted a lock, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifted {
    /// Who lifted it.
    pub by: Person,
    /// When it was lifted.
    pub at: Timestamp,
    /// Why it was lifted.
    pub reason: String,
}

/// The newest lock of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Who is locked.
    pub person: Person,
    /// When the person was locked.
    pub since: Timestamp,
    /// Until when; `None` = until it is lifted.
    pub until: Option<Timestamp>,
    /// Who locked them.
    pub by: Person,
    /// Why. For administrators and auditors.
    pub reason: String,
    /// What becomes of what they hold.
    pub held: HeldAccess,
    /// That it was lifted.
    pub lifted: Option<Lifted>,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Lock {
    /// Whether the person is locked at an instant.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.lifted.is_none() && self.until.is_none_or(|until| now < until)
    }
}

/// What was read of the locks of those a change is about. A commit that carries it fails when any of
/// them changed since: nobody is given anything in the moment in which they are locked.
#[derive(Clone, Debug, Default)]
pub struct LocksSeen(BTreeMap<UserId, Option<Lock>>);

impl LocksSeen {
    /// The locks of these people were read together, and these were found.
    pub(crate) fn of(users: &[UserId], found: Vec<Lock>) -> Self {
        let nobody = users.iter().map(|user| (user.clone(), None));
        let mut seen: BTreeMap<UserId, Option<Lock>> = nobody.collect();
        let found = found.into_iter();
        seen.extend(found.map(|lock| (lock.person.user.clone(), Some(lock))));
        Self(seen)
    }

    /// The lock of one more person was read.
    pub fn add(&mut self, user: UserId, lock: Option<Lock>) {
        self.0.insert(user, lock);
    }

    /// The version that each of them had; `None` where there was no lock.
    pub fn versions(&self) -> impl Iterator<Item = (&UserId, Option<u64>)> {
        let all = self.0.iter();
        all.map(|(user, lock)| (user, lock.as_ref().map(|lock| lock.version)))
    }

    /// Whether there is nothing to guard.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lock that is in force for somebody.
    pub(crate) fn in_force(&self, user: &UserId, now: Timestamp) -> Option<&Lock> {
        let lock = self.0.get(user)?.as_ref();
        lock.filter(|lock| lock.is_in_force(now))
    }

    /// The lock that is in force for who acts.
    pub(crate) fn in_force_of(&self, actor: &Actor, now: Timestamp) -> Option<&Lock> {
        self.in_force(actor.user.as_ref()?, now)
    }

    /// Whether an approval counts: given by nobody who is locked, nor who was locked since. Where the lock is
    /// over, what was given about when it began is taken to be from before: it may be given again.
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

    /// Locked at 100 by the clock of one node. When the approval was given by that of another, until when
    /// the lock is, and when it was lifted; whether the approval counts at 200.
    #[test]
    fn an_approval_counts_by_no_clock_that_is_ahead() {
        let rows = [
            (90, None, None, false),
            // in force, and the approver's node was ahead
            (125, None, None, false),
            (125, Some(300), None, false),
            // over: what was given before it is given anew
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
