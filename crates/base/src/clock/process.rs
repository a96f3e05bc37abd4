use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::{Clock, Look, Timestamp};

use crate::clock::{HonestTime, Reading, Shown};

const CHANGES_MAX: usize = 64;

/// [`HonestTime`] over a wall clock and the process's monotonic clock. Shared by all users of time;
/// receives the date of every AWS answer.
pub struct HonestClock<W> {
    wall: W,
    began: Instant,
    known: Mutex<Known>,
}

struct Known {
    time: HonestTime,
    disagreed: Option<bool>,
    changes: VecDeque<Reading>,
}

impl<W: Clock> HonestClock<W> {
    /// A clock that starts no earlier than the log's newest record, unless that is in the future.
    pub fn new(wall: W, newest_record: Option<Timestamp>) -> Self {
        Self {
            wall,
            began: Instant::now(),
            known: Mutex::new(Known {
                time: HonestTime::new(newest_record),
                disagreed: None,
                changes: VecDeque::new(),
            }),
        }
    }

    /// Records AWS's `date`, received at `at`.
    pub fn hear(&self, date: Timestamp, at: Instant) {
        let monotonic = at.saturating_duration_since(self.began);
        self.locked(|known| known.time.hear(date, monotonic));
    }

    /// Returns the time, and the differences between clocks.
    pub fn read(&self) -> Reading {
        // reads both clocks under the lock: a later reading is never less
        self.locked(|known| {
            let reading = known.time.look(Shown {
                wall: self.wall.now(),
                monotonic: self.began.elapsed(),
            });
            known.note(&reading);
            reading
        })
    }

    /// Returns readings at which clocks began to disagree or agree since the last call, including
    /// the process's first, oldest first. Complete even if changes are close together: access may
    /// have been given between two.
    pub fn take_changes(&self) -> Vec<Reading> {
        self.locked(|known| known.changes.drain(..).collect())
    }

    fn locked<T>(&self, ask: impl FnOnce(&mut Known) -> T) -> T {
        // every change is complete: a panic elsewhere leaves it usable
        ask(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn note(&mut self, reading: &Reading) {
        let disagrees = reading.disagreement.is_some();
        if self.disagreed.replace(disagrees) == Some(disagrees) {
            return;
        }
        if self.changes.len() == CHANGES_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back(*reading);
    }
}

impl<W: Clock> Clock for HonestClock<W> {
    fn now(&self) -> Timestamp {
        self.read().now
    }

    fn look(&self) -> Look {
        let reading = self.read();
        Look {
            now: reading.now,
            elsewhere: reading.elsewhere(),
            disagreement: reading.disagreement,
        }
    }
}

impl<W> fmt::Debug for HonestClock<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HonestClock").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use super::*;

    const BEGIN: i64 = 1_780_000_000;

    #[derive(Clone, Default)]
    struct Wall(Arc<AtomicI64>);

    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(BEGIN + self.0.load(Ordering::Relaxed)).unwrap()
        }
    }

    #[test]
    fn no_change_is_missed_by_who_looks_seldom() {
        let wall = Wall::default();
        let clock = HonestClock::new(wall.clone(), None);
        let told = |clock: &HonestClock<Wall>| -> Vec<bool> {
            let changes = clock.take_changes();
            changes.iter().map(|it| it.disagreement.is_some()).collect()
        };
        clock.read();
        assert_eq!(told(&clock), [true], "AWS has not confirmed it");
        let heard = Instant::now();
        for n in 0..3 {
            let date = Timestamp::from_second(BEGIN).unwrap();
            clock.hear(date, heard + Duration::from_millis(n));
        }
        clock.read();
        clock.read();
        assert_eq!(told(&clock), [false]);
        assert_eq!(told(&clock), [] as [bool; 0], "once each");
        for seconds in [-900, 0, -900] {
            wall.0.store(seconds, Ordering::Relaxed);
            clock.read();
        }
        assert_eq!(told(&clock), [true, false, true]);
        for _ in 0..CHANGES_MAX {
            for seconds in [0, -900] {
                wall.0.store(seconds, Ordering::Relaxed);
                clock.read();
            }
        }
        let kept = told(&clock);
        assert_eq!((kept.len(), kept.last()), (CHANGES_MAX, Some(&true)));
    }
}
