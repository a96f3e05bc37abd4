//! Chance that repeats with its seed.

use hallpass_base::Timestamp;
use uuid::Uuid;

/// A stream of numbers.
pub(super) struct Dice {
    random: fastrand::Rng,
    ids: u64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            ids: 0,
        }
    }

    /// Below `end`, evenly.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.random.usize(..end.max(1))
    }

    /// Below `end`, small numbers much more often: a tenth of all people ask for most.
    pub(super) fn skewed(&mut self, end: usize) -> usize {
        let (a, b) = (self.below(end), self.below(end));
        a.min(b).min(self.below(end))
    }

    /// True so many times of a thousand.
    pub(super) fn chance(&mut self, thousandths: usize) -> bool {
        self.below(1_000) < thousandths
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let place = self.below(from.len());
        from.get(place).unwrap()
    }

    /// A UUID v7 of an instant; those drawn for one millisecond keep their order.
    pub(super) fn uuid(&mut self, at: Timestamp) -> Uuid {
        let millisecond = u64::try_from(at.as_millisecond()).unwrap();
        let high = (millisecond << 16) | 0x7000 | (self.ids & 0x0fff);
        self.ids += 1;
        Uuid::from_u64_pair(high, (0b10 << 62) | (self.random.u64(..) >> 2))
    }
}
