//! Locking somebody, and letting them in again (`access.md` §19).
//!
//! The lock is one row, committed together with the end of the person's tokens and sessions. What
//! follows from it, that their waiting requests are withdrawn and their access ends where the lock
//! says so, is done from the row by every tick, so that a stop in between loses nothing.

use crate::identity::TokenSource;
use hallpass_audit::Event;
use hallpass_base::{Timestamp, UserId};

use crate::records::{Doer, StepContext};
use crate::{Actor, Change, HeldAccess, Lifted, Lock, Person, Request, Write};

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

/// The later of two ends of a lock; `None` = until it is lifted, which is the latest. Whoever may lock
/// somebody may not let them in again by doing so.
pub(crate) fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.zip(other).map(|(one, other)| one.max(other))
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
        until: earlier.map_or(locking.until, |lock| later(lock.until, locking.until)),
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
