//! Poll schedule of operations that take minutes (`organization.md` N-6, V-6).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

pub(super) type Pauses = &'static [u64];

/// Control Tower, in seconds.
pub(super) const ENROLMENT: Pauses = &[5, 30, 60, 120];
/// Account Factory, in seconds: early refusals appear within a minute and a half, most launches
/// take half an hour.
pub(super) const FACTORY: Pauses = &[30, 30, 30, 360, 300, 240, 180, 120, 60];

/// Number of polls, time of the next, and event count then.
#[derive(Clone, Copy)]
struct PollTurn {
    asked: usize,
    due: Timestamp,
    heard: u64,
}

#[derive(Default)]
pub(super) struct PollSchedule(Mutex<BTreeMap<String, PollTurn>>);

impl PollSchedule {
    /// True for the first poll, when the pause is over, and when `told` has grown.
    pub(super) fn is_due(&self, remote: &str, pauses: Pauses, now: Timestamp, told: u64) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = PollTurn {
            asked: 0,
            due: now,
            heard: told,
        };
        let turn = all.get(remote).copied().unwrap_or(first);
        let is_news = told > turn.heard;
        if now < turn.due && !is_news {
            return false;
        }
        let (asked, due) = if now < turn.due {
            (turn.asked, turn.due)
        } else {
            let seconds = pauses.get(turn.asked).or(pauses.last()).copied();
            let next = TimeSpan::seconds(seconds.unwrap_or(1)).after(now);
            (turn.asked + 1, next)
        };
        let heard = told.max(turn.heard);
        all.insert(remote.to_owned(), PollTurn { asked, due, heard });
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
            if schedule.is_due("rec-1", FACTORY, now, 0) {
                asked.push(TimeSpan::between(start, now).as_seconds());
            }
            now = TimeSpan::seconds(1).after(now);
        }
        // 3 × 30 s, then 6, 5, 4, 3, 2, 1, 1 … minutes
        let expected = [
            0, 30, 60, 90, 450, 750, 990, 1_170, 1_290, 1_350, 1_410, 1_470,
        ];
        assert_eq!(asked.get(..12), Some(expected.as_slice()));
        assert!(
            schedule.is_due("rec-2", FACTORY, start, 0),
            "each separately"
        );
    }

    #[test]
    fn what_is_told_is_asked_for_once_and_leaves_the_pauses_as_they_were() {
        let (schedule, start) = (PollSchedule::default(), Timestamp::UNIX_EPOCH);
        let due = |second: u64, told: u64| {
            schedule.is_due(
                "rec-1",
                FACTORY,
                TimeSpan::seconds(second).after(start),
                told,
            )
        };
        assert!(due(0, 1) && !due(5, 1));
        assert!(due(10, 2) && !due(11, 2), "told again");
        assert!(
            !due(29, 2) && due(30, 2),
            "and asked when it would have been"
        );
        assert!(!due(31, 0) && !due(32, 2));
    }
}
