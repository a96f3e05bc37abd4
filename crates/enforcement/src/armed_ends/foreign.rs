//! Foreign statements last seen in Hallpass's policies: their purpose is unknown, so an operator
//! must look (`access.md` §21, A-4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

/// Recheck interval, so that a fix is noticed soon.
const LOOK_EVERY: TimeSpan = TimeSpan::minutes(1);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotOurs {
    /// Statements of another form: no new end is enforced next to them.
    pub statements: usize,
    /// People in Hallpass-form statements without a stored end: from another installation, or an
    /// older store backup.
    pub people: usize,
}

impl NotOurs {
    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

#[derive(Default)]
struct ObservedStatements {
    unseen: Option<BTreeSet<String>>,
    failed_at: Option<Timestamp>,
    looked: BTreeMap<String, (Timestamp, NotOurs)>,
    freed: BTreeSet<String>,
}

impl ObservedStatements {
    fn rests(&self, now: Timestamp) -> bool {
        self.failed_at.is_some_and(|at| LOOK_EVERY.covers(at, now))
    }
}

/// Findings by account. In memory only: each leader checks again.
#[derive(Default)]
pub struct ForeignStatements(Mutex<ObservedStatements>);

impl ForeignStatements {
    pub fn found(&self) -> Option<BTreeMap<String, NotOurs>> {
        let seen = self.seen();
        if seen.unseen.as_ref().is_none_or(|left| !left.is_empty()) {
            return None;
        }
        let looked = seen.looked.iter().filter(|(_, (_, it))| !it.is_nothing());
        Some(looked.map(|(of, (_, it))| (of.clone(), *it)).collect())
    }

    /// Rebuilt for each leader term.
    pub(super) fn begin_anew(&self) {
        *self.seen() = ObservedStatements::default();
    }

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

    pub(super) fn list(&self, accounts: BTreeSet<String>) {
        let mut seen = self.seen();
        let unseen = accounts
            .into_iter()
            .filter(|it| !seen.looked.contains_key(it));
        seen.unseen = Some(unseen.collect());
    }

    pub(super) fn is_to_be_listed(&self, now: Timestamp) -> bool {
        let seen = self.seen();
        seen.unseen.is_none() && !seen.rests(now)
    }

    pub(super) fn rest(&self, now: Timestamp) {
        self.seen().failed_at = Some(now);
    }

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

    /// Accounts whose obstacle has disappeared since the last call.
    pub(super) fn take_freed(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.seen().freed)
    }

    fn seen(&self) -> MutexGuard<'_, ObservedStatements> {
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
        assert_eq!(desk.found(), None, "the list is unknown");
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
