//! A manual clock, machines with wrong clocks, and identifiers that repeat with the seed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hallpass_base::clock::{ANSWERS, HonestTime, Reading, Shown};
use hallpass_base::{Clock, IdSource, Look, TimeSpan, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

/// True simulated time in microseconds since 1970; also AWS's time.
pub struct Wall(Hand);

enum Hand {
    Told(AtomicI64),
    Going {
        start: i64,
        began: Instant,
        last: AtomicI64,
    },
}

impl Wall {
    pub fn new(start: Timestamp) -> Self {
        Self(Hand::Told(AtomicI64::new(start.as_microsecond())))
    }

    pub fn going(start: Timestamp) -> Self {
        let start = start.as_microsecond();
        Self(Hand::Going {
            start,
            began: Instant::now(),
            last: AtomicI64::new(start),
        })
    }

    /// Moves a manual clock forward; does nothing for a running one.
    pub fn advance(&self, by: TimeSpan) {
        let microseconds =
            i64::try_from(by.as_seconds()).unwrap_or(i64::MAX / 2_000_000) * 1_000_000;
        match &self.0 {
            Hand::Told(at) => drop(at.fetch_add(microseconds, Ordering::SeqCst)),
            Hand::Going { .. } => {}
        }
    }
}

impl Clock for Wall {
    /// Every read advances the clock (by a millisecond, or a microsecond on a running clock), so
    /// that no two events share an instant by accident.
    fn now(&self) -> Timestamp {
        let microsecond = match &self.0 {
            Hand::Told(at) => at.fetch_add(1_000, Ordering::SeqCst),
            Hand::Going { start, began, last } => {
                let gone = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX / 4);
                let before = last.fetch_max(start + gone, Ordering::SeqCst);
                let shown = before.max(start + gone) + 1;
                last.store(shown, Ordering::SeqCst);
                shown
            }
        };
        Timestamp::from_microsecond(microsecond).unwrap_or(Timestamp::MAX)
    }
}

/// The clocks of one machine: its wall clock may be set, its monotonic clock misses sleep.
pub struct Machine {
    truth: Arc<Wall>,
    began: Timestamp,
    /// Wall clock's lead over true time, in microseconds.
    wall: AtomicI64,
    /// Time missed by the monotonic clock, in microseconds.
    slept: AtomicI64,
}

impl Machine {
    pub(crate) fn new(truth: Arc<Wall>) -> Arc<Self> {
        Arc::new(Self {
            began: truth.now(),
            truth,
            wall: AtomicI64::new(0),
            slept: AtomicI64::new(0),
        })
    }

    /// Sets the wall clock ahead of true time by this many seconds (negative: behind).
    pub fn set_wall(&self, seconds: i64) {
        self.wall.store(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Lets time pass unseen by the monotonic clock.
    pub fn sleep(&self, span: TimeSpan) {
        self.truth.advance(span);
        let seconds = i64::try_from(span.as_seconds()).unwrap_or(i64::MAX / 2_000_000);
        self.slept.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    fn monotonic(&self, truth: Timestamp) -> Duration {
        let lived = truth.as_microsecond() - self.began.as_microsecond();
        let awake = lived - self.slept.load(Ordering::SeqCst);
        Duration::from_micros(u64::try_from(awake).unwrap_or(0))
    }
}

pub struct ProcessTime {
    machine: Arc<Machine>,
    time: Mutex<HonestTime>,
    told: Mutex<Option<Timestamp>>,
}

impl ProcessTime {
    /// Makes the time of a serving process, which reads AWS's time before it serves.
    pub(crate) fn begun(machine: &Arc<Machine>, newest_record: Option<Timestamp>) -> Arc<Self> {
        let new = Arc::new(Self {
            machine: Arc::clone(machine),
            time: Mutex::new(HonestTime::new(newest_record)),
            told: Mutex::default(),
        });
        for _ in 0..ANSWERS {
            new.hear();
        }
        new
    }

    /// Returns the last reading: no record of the process is newer.
    pub(crate) fn last_reading(&self) -> Option<Timestamp> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn hear(&self) {
        let truth = self.machine.truth.now();
        let date = Timestamp::from_second(truth.as_second()).unwrap_or(truth);
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        time.hear(date, self.machine.monotonic(truth));
    }

    pub fn read(&self) -> Reading {
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        let truth = self.machine.truth.now();
        let wall = truth.as_microsecond() + self.machine.wall.load(Ordering::SeqCst);
        let reading = time.look(Shown {
            wall: Timestamp::from_microsecond(wall).unwrap_or(truth),
            monotonic: self.machine.monotonic(truth),
        });
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading.now);
        reading
    }
}

impl Clock for ProcessTime {
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

/// UUIDs v7 whose random part is a counter spread by the seed.
pub struct Ids {
    seed: u64,
    count: AtomicU64,
}

impl Ids {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            count: AtomicU64::new(0),
        }
    }
}

impl IdSource for Ids {
    fn next(&self, now: Timestamp) -> Uuid {
        let n = self.count.fetch_add(1, Ordering::SeqCst);
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let random = fastrand::Rng::with_seed(self.seed ^ n).u64(..);
        // the counter comes first, so that ids of one millisecond keep their order
        let low = (0b10 << 62) | (random >> 2);
        let high = (millisecond << 16) | 0x7000 | (n & 0x0fff);
        Uuid::from_u64_pair(high, low)
    }
}
