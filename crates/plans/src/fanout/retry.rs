//! Retry policy (`inventory.md` F-8).

use crate::fanout::facts::FaultKind;

pub(crate) const TRIES_MAX: u32 = 6;
const PAUSE_MAX_MS: u64 = 20_000;
/// Upper limit of the first pause; doubles each time.
const BASE_MS: u64 = 100;
const THROTTLED_BASE_MS: u64 = 500;
/// Retry allowance of every run.
const SPARE: u64 = 500;
/// One more retry per this many calls.
const SHARE: u64 = 10;

/// Randomizes retry pauses, and limits retries per run.
#[derive(Debug)]
pub struct Retries {
    random: fastrand::Rng,
    calls: u64,
    made: u64,
}

impl Retries {
    pub fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            calls: 0,
            made: 0,
        }
    }

    pub fn count_call(&mut self) {
        self.calls += 1;
    }

    /// Including retries.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    pub fn made(&self) -> u64 {
        self.made
    }

    /// Returns the pause after `tries` attempts; none for no retry.
    pub fn pause_ms(&mut self, kind: FaultKind, tries: u32, asked_ms: Option<u64>) -> Option<u64> {
        let base = match kind {
            FaultKind::Final | FaultKind::Denied => return None,
            FaultKind::Throttled => THROTTLED_BASE_MS,
            FaultKind::Passing | FaultKind::Expired => BASE_MS,
        };
        if tries >= TRIES_MAX || self.made >= SPARE + self.calls / SHARE {
            return None;
        }
        self.made += 1;
        let longest = base
            .saturating_mul(1 << (tries - 1).min(16))
            .min(PAUSE_MAX_MS);
        let drawn = self.random.u64(0..=longest);
        Some(asked_ms.map_or(drawn, |asked| asked.min(PAUSE_MAX_MS).max(drawn)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_end() {
        let mut retries = Retries::new(1);
        for (tries, most) in [(1, 500), (2, 1_000), (3, 2_000), (5, 8_000)] {
            let drawn: Vec<u64> = (0..40)
                .filter_map(|_| retries.pause_ms(FaultKind::Throttled, tries, None))
                .collect();
            assert_eq!(drawn.len(), 40);
            assert!(drawn.iter().all(|it| *it <= most), "{tries}: {drawn:?}");
            assert!(drawn.iter().any(|it| *it > most / 2), "{tries}: {drawn:?}");
            assert!(drawn.iter().any(|it| *it < most / 2), "{tries}: {drawn:?}");
        }
        assert_eq!(retries.pause_ms(FaultKind::Throttled, 6, None), None);
        assert_eq!(retries.pause_ms(FaultKind::Final, 1, None), None);
        let asked = retries.pause_ms(FaultKind::Passing, 1, Some(7_000));
        assert_eq!(asked, Some(7_000));
        let asked = retries.pause_ms(FaultKind::Passing, 1, Some(9_000_000));
        assert_eq!(asked, Some(PAUSE_MAX_MS));
    }

    #[test]
    fn a_storm_ends_when_the_budget_is_gone() {
        let mut retries = Retries::new(1);
        (0..1_000).for_each(|_| retries.count_call());
        let again = (0..2_000).filter_map(|_| retries.pause_ms(FaultKind::Passing, 1, None));
        assert_eq!(again.count(), 600);
    }
}
