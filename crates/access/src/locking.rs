//! Locks a user and lifts the lock (`access.md` §19).
//!
//! The lock is one row, committed with the end of the user's tokens and sessions. Every tick
//! withdraws pending requests and ends access from that row, so a stop in between loses nothing.

use crate::identity::TokenSource;
use hallpass_audit::Event;
use hallpass_base::{Timestamp, UserId};

use crate::records::{Doer, StepContext};
use crate::{Actor, Change, HeldAccess, Lifted, Lock, Person, Request, Write};

#[derive(Clone, Copy, Debug)]
pub struct Locking<'a> {
    /// Recorded, and visible to administrators and auditors.
    pub reason: &'a str,
    pub until: Option<Timestamp>,
    pub held: HeldAccess,
    /// Whether the last unlocked administrator may be locked.
    pub force: Force,
}

/// Whether the last unlocked administrator may be locked. After that, only a new administrator in
/// the configuration can lift locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Force {
    #[default]
    No,
    /// Forced, with the source of the token, if any. It counts only for a token from the server's
    /// own machine.
    Asked(Option<TokenSource>),
}

impl Force {
    const fn counts(self) -> bool {
        matches!(self, Self::Asked(Some(TokenSource::ServerMachine)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Somebody,
    /// No unlocked administrator remains, as forced.
    Nobody,
}

impl Left {
    /// `None` refuses the lock.
    pub(crate) const fn judge(has_another: bool, force: Force) -> Option<Self> {
        match (has_another, force.counts()) {
            (true, _) => Some(Self::Somebody),
            (false, true) => Some(Self::Nobody),
            (false, false) => None,
        }
    }
}

/// Returns the later end; `None` (until lifted) is the latest. Locking again must not shorten a
/// lock.
pub(crate) fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.zip(other).map(|(one, other)| one.max(other))
}

pub(crate) fn lock(
    person: Person,
    before: Option<&Lock>,
    locking: &Locking<'_>,
    left: Left,
    actor: &Actor,
    by: Person,
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
        HeldAccess::GoesOn => "access continues",
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

pub(crate) fn lift(
    lock: &Lock,
    reason: &str,
    actor: &Actor,
    by: Person,
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

/// Returns all users whose lock affects a request.
pub(crate) fn concerned(request: &Request, actor: &Actor) -> Vec<UserId> {
    let reviews = request.reviews.iter();
    let mut all: Vec<UserId> = reviews.filter_map(|review| review.user.clone()).collect();
    all.push(request.requester.user.clone());
    all.extend(actor.user.clone());
    all.sort();
    all.dedup();
    all
}
