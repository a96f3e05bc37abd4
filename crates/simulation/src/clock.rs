//! A clock that moves when told, and identifiers that repeat with the seed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use hallpass_model::{Clock, IdSource, Span, Timestamp};
use uuid::Uuid;

/// Simulated time in microseconds since 1970.
pub struct Wall(AtomicI64);

impl Wall {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_microsecond()))
    }

    /// Moves forward.
    pub fn advance(&self, by: Span) {
        let microseconds =
            i64::try_from(by.as_seconds()).unwrap_or(i64::MAX / 2_000_000) * 1_000_000;
        self.0.fetch_add(microseconds, Ordering::SeqCst);
    }
}

impl Clock for Wall {
    /// Every look costs a millisecond, so that no two events share an instant by accident.
    fn now(&self) -> Timestamp {
        let microsecond = self.0.fetch_add(1_000, Ordering::SeqCst);
        Timestamp::from_microsecond(microsecond).unwrap_or(Timestamp::MAX)
    }
}

/// UUIDs v7 whose random part is a counter spread by the seed.
pub struct Ids {
    seed: u64,
    count: AtomicU64,
}

impl Ids {
    /// Identifiers of a run.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            count: AtomicU64::new(0),
        }
    }
}

/// One step of `SplitMix64`: enough to spread a counter over 64 bits.
pub(crate) fn spread(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl IdSource for Ids {
    fn next(&self, now: Timestamp) -> Uuid {
        let n = self.count.fetch_add(1, Ordering::SeqCst);
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let random = spread(self.seed ^ n);
        // the counter comes first, so that ids drawn within a millisecond keep their order
        let low = (0b10 << 62) | (random >> 2);
        let high = (millisecond << 16) | 0x7000 | (n & 0x0fff);
        Uuid::from_u64_pair(high, low)
    }
}
