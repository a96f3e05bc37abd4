//! Honest time over the clocks of this process.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use hallpass_model::{Clock, Look, Timestamp};

use crate::{HonestTime, Reading, Shown};

/// [`HonestTime`] over a wall clock and the monotonic clock of the process. Shared by everything that
/// asks for the time; told the date of every answer of AWS.
pub struct HonestClock<W> {
    wall: W,
    began: Instant,
    time: Mutex<HonestTime>,
}

impl<W: Clock> HonestClock<W> {
    /// A clock that begins no earlier than the log's newest record, unless that lies in the future.
    pub fn new(wall: W, newest_record: Option<Timestamp>) -> Self {
        Self {
            wall,
            began: Instant::now(),
            time: Mutex::new(HonestTime::new(newest_record)),
        }
    }

    /// An answer of AWS came in at `at`, and said that it was `date`.
    pub fn hear(&self, date: Timestamp, at: Instant) {
        let monotonic = at.saturating_duration_since(self.began);
        self.locked(|time| time.hear(date, monotonic));
    }

    /// What time it is, and how the clocks differ.
    pub fn read(&self) -> Reading {
        // both clocks are looked at while nobody else does: a later look never shows less
        self.locked(|time| {
            time.look(Shown {
                wall: self.wall.now(),
                monotonic: self.began.elapsed(),
            })
        })
    }

    fn locked<T>(&self, ask: impl FnOnce(&mut HonestTime) -> T) -> T {
        // every change of it is whole: a panic elsewhere leaves it usable
        ask(&mut self.time.lock().unwrap_or_else(PoisonError::into_inner))
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
