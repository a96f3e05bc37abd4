//! Locks: somebody who may do nothing but give back, until somebody else lets them in again
//! (`access.md` §19).
//!
//! The lock is one row, committed together with the end of the person's tokens and sessions. What
//! follows from it, that their waiting requests are withdrawn and their access ends where the lock
//! says so, is done from the row by every tick, so that a stop in between loses nothing.

use std::collections::BTreeMap;

use hallpass_audit::Event;
use hallpass_identity::TokenSource;
use hallpass_model::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::records::{Doer, StepContext};
use crate::{Actor, Change, Person, Request, Review, Write};

/// Why access ended with a lock, for whoever sees the grant: the lock's own reason is for
/// administrators and auditors (`access.md` K-2).
pub const ENDED_BY_A_LOCK: &str = "the person is locked";

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

    /// Whether an approval counts: given by nobody who was locked since, lifted or not.
    pub(crate) fn counts(&self, review: &Review) -> bool {
        let user = review.user.as_ref();
        let lock = user.and_then(|user| self.0.get(user)?.as_ref());
        lock.is_none_or(|lock| lock.since < review.at)
    }
}

/// What somebody who locks says.
#[derive(Clone, Copy, Debug)]
pub struct Locking<'a> {
    /// Why; it is recorded, and shown to administrators and auditors.
    pub reason: &'a str,
    /// Until when; `None` = until it is lifted.
    pub until: Option<Timestamp>,
    /// What becomes of what they hold.
    pub held: HeldAccess,
    /// Whether it is meant for the last administrator who is not locked, too.
    pub force: Force,
}

/// Whether a lock is meant for the last administrator who is not locked, too: after that nobody lets
/// anybody in again until the configuration names another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Force {
    /// The last administrator who is not locked cannot be locked.
    #[default]
    No,
    /// It is, by whoever came with a token made there; `None` for who came with none. It counts when
    /// that was on the server's own machine.
    Asked(Option<TokenSource>),
}

impl Force {
    const fn counts(self) -> bool {
        matches!(self, Self::Asked(Some(TokenSource::ServerMachine)))
    }
}

/// Whether somebody is left who can let people in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Somebody is.
    Somebody,
    /// Nobody is, which was meant.
    Nobody,
}

impl Left {
    /// By whether there is another administrator who is not locked; `None` refuses the lock.
    pub(crate) const fn judge(has_another: bool, force: Force) -> Option<Self> {
        match (has_another, force.counts()) {
            (true, _) => Some(Self::Somebody),
            (false, true) => Some(Self::Nobody),
            (false, false) => None,
        }
    }
}

/// The change that locks somebody, in place of `before`.
pub(crate) fn lock(
    person: Person,
    before: Option<&Lock>,
    (locking, left): (&Locking<'_>, Left),
    (actor, by): (&Actor, Person),
    step: StepContext<'_>,
) -> (Change, Lock) {
    let earlier = before.filter(|lock| lock.is_in_force(step.now));
    let lock = Lock {
        since: earlier.map_or(step.now, |lock| lock.since),
        until: locking.until,
        by,
        reason: locking.reason.trim().to_owned(),
        held: earlier.map_or(locking.held, |lock| lock.held.max(locking.held)),
        lifted: None,
        version: before.map_or(0, |lock| lock.version),
        person,
    };
    let held = match lock.held {
        HeldAccess::GoesOn => "access goes on",
        HeldAccess::Ends => "access ends",
        HeldAccess::EndsWithSessions => "access and its sessions end",
    };
    let record = step
        .of_person(Event::PersonLocked, Doer::Person(actor), &lock.person)
        .reason(&lock.reason);
    let record = match left {
        Left::Somebody => record.why(held),
        Left::Nobody => record.why(&format!("{held}; the last administrator, by force")),
    };
    let record = match lock.until {
        Some(until) => record.ends_at(until),
        None => record,
    };
    let change = Change {
        credentials_ended: vec![(lock.person.user.clone(), step.now)],
        locks: vec![match before {
            Some(_) => Write::Update(lock.clone()),
            None => Write::Insert(lock.clone()),
        }],
        audit: vec![record],
        ..Change::default()
    };
    (change, lock)
}

/// The change that lifts a lock.
pub(crate) fn lift(
    lock: &Lock,
    reason: &str,
    (actor, by): (&Actor, Person),
    step: StepContext<'_>,
) -> (Change, Lock) {
    let lifted = Lifted {
        by,
        at: step.now,
        reason: reason.trim().to_owned(),
    };
    let record = step
        .of_person(Event::PersonUnlocked, Doer::Person(actor), &lock.person)
        .reason(&lifted.reason);
    let lock = Lock {
        lifted: Some(lifted),
        ..lock.clone()
    };
    let change = Change {
        locks: vec![Write::Update(lock.clone())],
        audit: vec![record],
        ..Change::default()
    };
    (change, lock)
}

/// Everybody whose lock says something about a request.
pub(crate) fn concerned(request: &Request, actor: &Actor) -> Vec<UserId> {
    let reviews = request.reviews.iter();
    let mut all: Vec<UserId> = reviews.filter_map(|review| review.user.clone()).collect();
    all.push(request.requester.user.clone());
    all.extend(actor.user.clone());
    all.sort();
    all.dedup();
    all
}
