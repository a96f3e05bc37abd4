//! Schedules the search for orphaned Hallpass policies.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

const LITTER_EVERY: TimeSpan = TimeSpan::hours(6);

#[derive(Default)]
pub(super) struct LitterSearch(Mutex<LitterLook>);

#[derive(Default)]
struct LitterLook {
    at: Option<Timestamp>,
    /// An account's end was removed from outside.
    may_be_left: bool,
}

impl LitterSearch {
    /// If enforcement is off, AWS is queried only if something may be left.
    pub(super) fn is_due(&self, now: Timestamp, is_on: bool) -> bool {
        let looked = self.looked();
        let rests = looked.at.is_some_and(|at| LITTER_EVERY.covers(at, now));
        looked.may_be_left || is_on && !rests
    }

    pub(super) fn note_looked(&self, now: Timestamp) {
        *self.looked() = LitterLook {
            at: Some(now),
            may_be_left: false,
        };
    }

    pub(super) fn may_be_left(&self) {
        self.looked().may_be_left = true;
    }

    fn looked(&self) -> MutexGuard<'_, LitterLook> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn litter_is_looked_for_regularly_and_where_some_may_be_left_whether_or_not_ends_are_armed() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let search = LitterSearch::default();
        assert!(search.is_due(at(0), true), "at the start");
        assert!(!search.is_due(at(0), false), "nothing is asked for it");
        search.note_looked(at(0));
        assert!(!search.is_due(at(359), true) && search.is_due(at(360), true));
        for is_on in [true, false] {
            search.may_be_left();
            assert!(search.is_due(at(1), is_on), "{is_on}");
            search.note_looked(at(1));
            assert!(!search.is_due(at(2), is_on), "{is_on}: once");
        }
    }
}
