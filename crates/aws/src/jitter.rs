//! Random pauses from a seeded generator, so that runs can be repeated.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Jitter(Mutex<fastrand::Rng>);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A pause between nothing and `longest` ("full jitter").
    pub(crate) fn up_to(&self, longest: Duration) -> Duration {
        longest.mul_f64(self.fraction())
    }

    fn fraction(&self) -> f64 {
        // a draw is complete: a panic elsewhere leaves the generator usable
        let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        random.f64()
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
