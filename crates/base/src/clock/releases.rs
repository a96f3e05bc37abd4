//! When to run work that waits for an instant of a clock that was ahead.

use crate::{TimeSpan, Timestamp};

use crate::clock::Reading;

/// Operations in flight when time returned, with instants of the old clock, are written within
/// this.
const SETTLED: TimeSpan = TimeSpan::seconds(10);

/// Work is due when time has returned, and again when operations in flight at that moment are
/// written.
#[derive(Clone, Debug)]
pub struct Releases {
    returns: u32,
    due: Option<Due>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    at: Timestamp,
    is_last: bool,
}

impl Releases {
    #[must_use]
    pub fn after(reading: &Reading) -> Self {
        Self {
            returns: reading.returns,
            due: None,
        }
    }

    /// For a new process: its predecessor may have stopped while time ran ahead.
    #[must_use]
    pub fn at_start(reading: &Reading) -> Self {
        Self {
            returns: reading.returns,
            due: Some(Due {
                at: Timestamp::MIN,
                is_last: true,
            }),
        }
    }

    pub fn has_returned(&mut self, reading: &Reading) -> bool {
        if reading.returns == self.returns {
            return false;
        }
        self.returns = reading.returns;
        self.due = Some(Due {
            at: Timestamp::MIN,
            is_last: false,
        });
        true
    }

    /// Whether work is due, until [done](Self::done): failed work is retried.
    #[must_use]
    pub fn are_due(&self, reading: &Reading) -> bool {
        self.due.is_some_and(|due| due.at <= reading.now)
    }

    pub fn done(&mut self, reading: &Reading) {
        self.due = self.due.filter(|due| !due.is_last).map(|_| Due {
            at: SETTLED.after(reading.now),
            is_last: true,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;

    fn reading(second: i64, returns: u32) -> Reading {
        let now = Timestamp::from_microsecond(second * 1_000_000).unwrap();
        Reading {
            now,
            wall: now,
            aws: Some(now),
            aws_heard: Some(Duration::ZERO),
            wall_aws: Some(SignedDuration::ZERO),
            wall_monotonic: SignedDuration::ZERO,
            now_aws: Some(SignedDuration::ZERO),
            disagreement: None,
            returns,
            returned: SignedDuration::ZERO,
        }
    }

    fn looks(mut releases: Releases, at: &[i64], fails: &[i64]) -> Vec<i64> {
        let mut due = Vec::new();
        for second in 0..40 {
            let returns = u32::try_from(at.iter().filter(|it| **it <= second).count()).unwrap();
            let reading = reading(second, returns);
            releases.has_returned(&reading);
            if releases.are_due(&reading) {
                due.push(second);
                if !fails.contains(&second) {
                    releases.done(&reading);
                }
            }
        }
        due
    }

    #[test]
    fn a_return_releases_at_once_and_once_more() {
        let quiet = Releases::after(&reading(0, 0));
        for (at, fails, due) in [
            (&[] as &[i64], &[] as &[i64], &[] as &[i64]),
            (&[3], &[], &[3, 13]),
            (&[3], &[3, 4, 14], &[3, 4, 5, 15]),
            (&[3], &[3, 13, 14], &[3, 4, 14, 15]),
            (&[3, 9], &[], &[3, 9, 19]),
            (&[3, 3], &[], &[3, 13]),
        ] {
            assert_eq!(looks(quiet.clone(), at, fails), due, "{at:?} {fails:?}");
        }
    }

    #[test]
    fn a_start_releases_once() {
        let start = Releases::at_start(&reading(0, 7));
        assert!(start.are_due(&reading(0, 7)));
        let starts = Releases::at_start(&reading(0, 0));
        assert_eq!(looks(starts.clone(), &[], &[0]), [0, 1]);
        assert_eq!(looks(starts, &[5], &[]), [0, 5, 15]);
    }
}
