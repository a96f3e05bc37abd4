//! Seeded random numbers.

use hallpass_base::Timestamp;
use uuid::Uuid;

pub(super) struct Rng {
    random: fastrand::Rng,
    ids: u64,
}

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            ids: 0,
        }
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.random.usize(..end.max(1))
    }

    /// Draws below `end`, favoring small numbers: a tenth of all people make most requests.
    pub(super) fn skewed(&mut self, end: usize) -> usize {
        let (a, b) = (self.below(end), self.below(end));
        a.min(b).min(self.below(end))
    }

    pub(super) fn chance(&mut self, thousandths: usize) -> bool {
        self.below(1_000) < thousandths
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let place = self.below(from.len());
        from.get(place).unwrap()
    }

    /// Makes a UUID v7 of an instant; those of one millisecond keep their order.
    pub(super) fn uuid(&mut self, at: Timestamp) -> Uuid {
        let millisecond = u64::try_from(at.as_millisecond()).unwrap();
        let high = (millisecond << 16) | 0x7000 | (self.ids & 0x0fff);
        self.ids += 1;
        Uuid::from_u64_pair(high, (0b10 << 62) | (self.random.u64(..) >> 2))
    }
}
