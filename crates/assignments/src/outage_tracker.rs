//! Detects outages of IAM Identity Center (`access.md` §22, R-1).
//!
//! Its administration lives in one home Region: during an outage nothing can be listed, granted or
//! removed, while sign-in continues in other Regions. A minute of failed attempts is an outage. The
//! directory is another service of that Region: its failures count too, but its answers prove
//! nothing about the administration. Each service is counted separately, so that rare single
//! failures of both are no outage.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

/// Consecutive failures that count.
const FAILURES: u32 = 3;
/// The minimum duration: deployments and short network losses are briefer.
const LOST_AFTER: TimeSpan = TimeSpan::minutes(1);

#[derive(Debug, Default)]
pub struct OutageWatch(Mutex<Silence>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Silence {
    own: Unanswered,
    directory: Unanswered,
    /// Whether the administration ever answered this process.
    is_heard: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Unanswered {
    failures: u32,
    since: Option<Timestamp>,
}

impl Unanswered {
    fn another(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        // A clock that stepped back must not leave a start in the future.
        self.since = Some(self.since.map_or(now, |since| since.min(now)));
    }

    fn lost_since(self, now: Timestamp) -> Option<Timestamp> {
        let since = self.since?;
        (self.failures >= FAILURES && LOST_AFTER.after(since) <= now).then_some(since)
    }
}

impl OutageWatch {
    /// Refusals count as answers.
    pub fn answered(&self) {
        *self.silence() = Silence {
            is_heard: true,
            ..Silence::default()
        };
    }

    /// Timeouts, broken connections and server errors.
    pub fn unanswered(&self, now: Timestamp) {
        self.silence().own.another(now);
    }

    pub fn directory_answered(&self) {
        self.silence().directory = Unanswered::default();
    }

    pub fn directory_unanswered(&self, now: Timestamp) {
        self.silence().directory.another(now);
    }

    /// Restores the outage start after a restart. Any answer ends it, even an earlier one.
    pub fn resume(&self, since: Timestamp) {
        let mut silence = self.silence();
        if !silence.is_heard {
            silence.own = Unanswered {
                failures: FAILURES,
                since: Some(since),
            };
        }
    }

    /// Resets the state when taking over from another process, whose knowledge was newer.
    pub fn begin_anew(&self) {
        *self.silence() = Silence::default();
    }

    pub fn is_heard(&self) -> bool {
        self.silence().is_heard
    }

    /// `None` while calls are answered or the outage is short.
    pub fn lost_since(&self, now: Timestamp) -> Option<Timestamp> {
        let Silence { own, directory, .. } = *self.silence();
        let lost = own.lost_since(now).into_iter();
        lost.chain(directory.lost_since(now)).min()
    }

    fn silence(&self) -> MutexGuard<'_, Silence> {
        // Every change is atomic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn a_region_is_lost_after_several_calls_over_a_minute_and_back_with_one_answer() {
        for (row, unanswered, answered, now, lost) in [
            ("no call", &[][..], None, 600, None),
            ("one call", &[0], None, 600, None),
            ("three together", &[0, 1, 2], None, 59, None),
            ("three and a minute", &[0, 1, 2], None, 60, Some(0)),
            ("an answer among them", &[0, 1, 2, 90], Some(30), 600, None),
            ("answered since", &[0, 1, 2], Some(70), 600, None),
            ("lost again", &[0, 1, 40, 41, 42], Some(30), 101, Some(40)),
            ("a clock that went back", &[50, 51, 20], None, 80, Some(20)),
        ] {
            let watch = OutageWatch::default();
            let mut answered = answered;
            for second in unanswered {
                if answered.is_some_and(|at| at <= *second) {
                    watch.answered();
                    answered = None;
                }
                watch.unanswered(at(*second));
            }
            if answered.is_some() {
                watch.answered();
            }
            assert_eq!(watch.lost_since(at(now)), lost.map(at), "{row}");
        }
    }

    #[test]
    fn a_start_goes_on_with_the_silence_of_before_until_the_first_answer() {
        let watch = OutageWatch::default();
        watch.resume(at(0));
        watch.unanswered(at(700));
        assert_eq!(watch.lost_since(at(700)), Some(at(0)));
        watch.answered();
        assert_eq!(watch.lost_since(at(900)), None);
    }

    #[test]
    fn whoever_begins_anew_has_no_silence_of_their_own_and_goes_on_with_that_of_another() {
        let watch = OutageWatch::default();
        watch.answered();
        for second in [0, 20, 40] {
            watch.unanswered(at(second));
            watch.directory_unanswered(at(second));
        }
        watch.begin_anew();
        assert_eq!(watch.lost_since(at(600)), None);
        watch.resume(at(30));
        assert_eq!(watch.lost_since(at(600)), Some(at(30)), "answered before");
    }

    #[test]
    fn a_directory_that_answers_says_nothing_of_the_administration() {
        let watch = OutageWatch::default();
        for second in [0, 20, 40] {
            watch.unanswered(at(second));
            watch.directory_answered();
        }
        assert_eq!(watch.lost_since(at(60)), Some(at(0)), "only it is away");
        watch.answered();
        for second in [100, 130, 160] {
            watch.directory_unanswered(at(second));
        }
        assert_eq!(watch.lost_since(at(170)), Some(at(100)), "no answers");
        watch.answered();
        assert_eq!(watch.lost_since(at(170)), None, "the directory alone");
        watch.directory_unanswered(at(190));
        watch.directory_answered();
        assert_eq!(watch.lost_since(at(600)), None);
    }

    #[test]
    fn one_attempt_at_either_long_apart_is_no_silence_of_both() {
        let watch = OutageWatch::default();
        watch.unanswered(at(0));
        watch.directory_unanswered(at(300));
        watch.directory_unanswered(at(301));
        assert_eq!(watch.lost_since(at(302)), None, "the directory blinked");
        watch.directory_unanswered(at(330));
        assert_eq!(watch.lost_since(at(361)), Some(at(300)), "it is silent");
    }

    #[test]
    fn a_start_that_was_answered_already_goes_on_with_nothing() {
        let watch = OutageWatch::default();
        watch.answered();
        watch.resume(at(0));
        assert_eq!(watch.lost_since(at(700)), None);
        // A later outage has its own start.
        for second in [700, 701, 702] {
            watch.unanswered(at(second));
        }
        assert_eq!(watch.lost_since(at(800)), Some(at(700)));
    }
}
