//! Randomness for pauses: a small generator, seeded once, so that runs can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A pause between nothing and `longest` ("full jitter").
    pub(crate) fn up_to(&self, longest: Duration) -> Duration {
        longest.mul_f64(self.fraction())
    }

    fn fraction(&self) -> f64 {
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let high = u32::try_from(z >> 32).unwrap_or_default();
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_in_range_spread_and_repeat() {
        let second = Duration::from_secs(1);
        let draw = |seed| {
            let jitter = Jitter::new(seed);
            (0..1000).map(|_| jitter.up_to(second)).collect::<Vec<_>>()
        };
        let drawn = draw(7);
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
        assert!(drawn.iter().all(|pause| *pause < second));
        let mean = drawn.iter().sum::<Duration>() / 1000;
        assert!((400..600).contains(&mean.as_millis()), "{mean:?}");
    }
}
