//! Where policies of ours say something that is not ours, as it was last seen: nobody knows what it is for, and somebody has
//! to look (`access.md` §21, A-4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

/// How often what was found is looked at again: whoever put it right is not kept waiting.
const LOOK_EVERY: TimeSpan = TimeSpan::minutes(1);

/// What the policies of an account say that is not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotOurs {
    /// Statements that are not as we write them: no new end is armed beside them.
    pub statements: usize,
    /// People in statements of our own form of whom nothing is stored: another installation writes them, or a store was put
    /// back to an earlier state.
    pub people: usize,
}

impl NotOurs {
    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

#[derive(Default)]
struct Seen {
    /// Accounts that were not looked at yet; `None` before anybody knows which have policies of ours.
    unseen: Option<BTreeSet<String>>,
    /// When AWS last did not answer: nobody is asked again for a while.
    failed_at: Option<Timestamp>,
    looked: BTreeMap<String, (Timestamp, NotOurs)>,
    freed: BTreeSet<String>,
}

impl Seen {
    fn rests(&self, now: Timestamp) -> bool {
        self.failed_at.is_some_and(|at| LOOK_EVERY.covers(at, now))
    }
}

/// What was found, by account. Nothing of it is stored: whoever leads next looks by itself.
#[derive(Default)]
pub struct ForeignStatements(Mutex<Seen>);

impl ForeignStatements {
    /// The accounts where something is not ours; `None` until each has been looked at once since this began.
    pub fn found(&self) -> Option<BTreeMap<String, NotOurs>> {
        let seen = self.seen();
        if seen.unseen.as_ref().is_none_or(|left| !left.is_empty()) {
            return None;
        }
        let looked = seen.looked.iter().filter(|(_, (_, it))| !it.is_nothing());
        Some(looked.map(|(of, (_, it))| (of.clone(), *it)).collect())
    }

    /// Nothing that was seen before is believed.
    pub(super) fn begin_anew(&self) {
        *self.seen() = Seen::default();
    }

    /// How an account was found.
    pub(super) fn note(&self, account: &str, found: NotOurs, at: Timestamp) {
        let mut seen = self.seen();
        let before = seen.looked.insert(account.to_owned(), (at, found));
        if before.is_some_and(|(_, it)| it.statements > 0) && found.statements == 0 {
            seen.freed.insert(account.to_owned());
        }
        if let Some(unseen) = &mut seen.unseen {
            unseen.remove(account);
        }
    }

    /// Which accounts have policies of ours; known once in the life of whoever arms.
    pub(super) fn list(&self, accounts: BTreeSet<String>) {
        let mut seen = self.seen();
        let unseen = accounts
            .into_iter()
            .filter(|it| !seen.looked.contains_key(it));
        seen.unseen = Some(unseen.collect());
    }

    /// Whether it is to be read now which those are.
    pub(super) fn is_to_be_listed(&self, now: Timestamp) -> bool {
        let seen = self.seen();
        seen.unseen.is_none() && !seen.rests(now)
    }

    /// AWS did not answer: it is asked again a little later.
    pub(super) fn rest(&self, now: Timestamp) {
        self.seen().failed_at = Some(now);
    }

    /// Accounts to be looked at now, not more than so many.
    pub(super) fn due(&self, now: Timestamp, most: usize) -> Vec<String> {
        let seen = self.seen();
        if seen.rests(now) {
            return Vec::new();
        }
        let unseen = seen.unseen.iter().flatten().cloned();
        let found = seen.looked.iter().filter(|(_, (at, it))| {
            let rests = LOOK_EVERY.covers(*at, now);
            !it.is_nothing() && !rests
        });
        let found = found.map(|(account, _)| account.clone());
        found.chain(unseen).take(most).collect()
    }

    /// Accounts where what stood in the way of new ends has gone since this was asked last.
    pub(super) fn take_freed(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.seen().freed)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NotOurs = NotOurs {
        statements: 1,
        people: 0,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn nothing_is_said_before_every_account_was_looked_at_once() {
        let desk = ForeignStatements::default();
        desk.note("1", ONE, at(0));
        assert_eq!(desk.found(), None, "nobody knows which there are");
        assert!(desk.is_to_be_listed(at(0)));
        desk.rest(at(0));
        assert!(!desk.is_to_be_listed(at(30)) && desk.is_to_be_listed(at(61)));
        desk.list(names(&["1", "2", "3"]));
        assert!(!desk.is_to_be_listed(at(200)));
        assert_eq!(desk.due(at(61), 9), ["1", "2", "3"]);
        assert_eq!(desk.due(at(61), 2), ["1", "2"]);
        desk.note("1", ONE, at(61));
        assert_eq!(desk.due(at(62), 9), ["2", "3"]);
        desk.note("2", NotOurs::default(), at(62));
        assert_eq!(desk.found(), None);
        desk.note("3", NotOurs::default(), at(62));
        assert_eq!(desk.found(), Some(BTreeMap::from([("1".to_owned(), ONE)])));
        desk.begin_anew();
        assert_eq!(desk.found(), None);
    }

    #[test]
    fn what_was_found_is_looked_at_again_until_it_has_gone() {
        let desk = ForeignStatements::default();
        desk.list(names(&[]));
        desk.note("1", ONE, at(0));
        assert!(desk.due(at(30), 9).is_empty());
        assert_eq!(desk.due(at(61), 9), ["1"]);
        assert!(desk.take_freed().is_empty());
        desk.note("1", NotOurs::default(), at(61));
        assert_eq!(desk.found(), Some(BTreeMap::new()));
        assert!(desk.due(at(200), 9).is_empty());
        assert_eq!(desk.take_freed(), names(&["1"]));
        assert!(desk.take_freed().is_empty(), "once");
    }
}
