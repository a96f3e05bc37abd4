//! Retry rules and delays (`organization.md` P-10). Randomness is an argument.

use std::time::Duration;

/// Tries after throttling, timeouts and server errors.
const THROTTLE_TRIES: u32 = 8;
const THROTTLE_BASE: Duration = Duration::from_secs(1);
const THROTTLE_CAP: Duration = Duration::from_mins(1);
const CONFLICT_TRIES: u32 = 30;
const CONFLICT_PAUSE: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Throttle,
    Conflict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    pub class: Class,
    pub after: Option<Duration>,
    pub why: String,
}

impl Retry {
    pub fn new(class: Class, why: String) -> Self {
        Self {
            class,
            after: None,
            why,
        }
    }
}

/// Returns the delay after try `tries` (from 1); `None` after the last. `chance` spreads throttled
/// callers: any number works.
pub fn pause(retry: &Retry, tries: u32, chance: u64) -> Option<Duration> {
    match retry.class {
        Class::Throttle if tries >= THROTTLE_TRIES => None,
        Class::Conflict if tries >= CONFLICT_TRIES => None,
        Class::Conflict => Some(CONFLICT_PAUSE.max(retry.after.unwrap_or_default())),
        Class::Throttle => {
            let span = THROTTLE_BASE
                .saturating_mul(1 << tries.saturating_sub(1).min(16))
                .min(THROTTLE_CAP);
            let most = u64::try_from(span.as_millis()).unwrap_or(u64::MAX - 1);
            let jitter = Duration::from_millis(chance % (most + 1));
            Some(jitter.max(retry.after.unwrap_or_default().min(THROTTLE_CAP)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(class: Class) -> Retry {
        Retry {
            class,
            after: None,
            why: String::new(),
        }
    }

    #[test]
    fn throttles_wait_longer_and_longer_and_end_after_eight_tries() {
        for (tries, longest_seconds) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60)] {
            let longest = Duration::from_secs(longest_seconds);
            for chance in [0, 17, 999_983, u64::MAX] {
                let pause = pause(&of(Class::Throttle), tries, chance).unwrap();
                assert!(pause <= longest, "try {tries}: {pause:?}");
            }
        }
        assert_eq!(pause(&of(Class::Throttle), 8, 1), None);
    }

    #[test]
    fn conflicts_wait_a_minute_thirty_times() {
        for tries in 1..30 {
            let pause = pause(&of(Class::Conflict), tries, 5);
            assert_eq!(pause, Some(Duration::from_mins(1)), "try {tries}");
        }
        assert_eq!(pause(&of(Class::Conflict), 30, 5), None);
    }

    #[test]
    fn what_the_service_asks_for_is_waited_within_reason() {
        let asks = |seconds| Retry {
            after: Some(Duration::from_secs(seconds)),
            ..of(Class::Throttle)
        };
        assert_eq!(pause(&asks(5), 1, 0), Some(Duration::from_secs(5)));
        assert_eq!(pause(&asks(9_999), 1, 0), Some(Duration::from_mins(1)));
    }
}
