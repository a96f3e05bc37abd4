//! When an operation that takes minutes is asked about (`organization.md` N-6, V-6): whoever runs plans comes every few
//! seconds, and between two questions nothing is sent.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hallpass_model::{TimeSpan, Timestamp};

/// Pauses between questions; the last one stays.
pub(super) type Pauses = &'static [u64];

/// Control Tower, in seconds.
pub(super) const ENROLMENT: Pauses = &[5, 30, 60, 120];
/// Account Factory, in seconds: early refusals show within a minute and a half, and most of it takes half an hour.
pub(super) const FACTORY: Pauses = &[30, 30, 30, 360, 300, 240, 180, 120, 60];

/// What was asked about, by its id: how often, and when again.
#[derive(Default)]
pub(super) struct PollSchedule(Mutex<BTreeMap<String, (usize, Timestamp)>>);

impl PollSchedule {
    /// Whether it is time to ask; the first time always is.
    pub(super) fn is_due(&self, remote: &str, pauses: Pauses, now: Timestamp) -> bool {
        // every change is whole
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, due) = all.get(remote).copied().unwrap_or((0, now));
        if now < due {
            return false;
        }
        let seconds = pauses.get(asked).or(pauses.last()).copied().unwrap_or(1);
        let next = TimeSpan::seconds(seconds).after(now);
        all.insert(remote.to_owned(), (asked + 1, next));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_come_after_the_pauses_of_the_specification() {
        let schedule = PollSchedule::default();
        let (mut now, mut asked, start) =
            (Timestamp::UNIX_EPOCH, Vec::new(), Timestamp::UNIX_EPOCH);
        for _ in 0..2_400 {
            if schedule.is_due("rec-1", FACTORY, now) {
                asked.push(TimeSpan::between(start, now).as_seconds());
            }
            now = TimeSpan::seconds(1).after(now);
        }
        // 3 × 30 s, then 6, 5, 4, 3, 2, 1, 1 … minutes
        let expected = [
            0, 30, 60, 90, 450, 750, 990, 1_170, 1_290, 1_350, 1_410, 1_470,
        ];
        assert_eq!(asked.get(..12), Some(expected.as_slice()));
        assert!(schedule.is_due("rec-2", FACTORY, start), "each by itself");
    }
}
