//! Which troubles are tried again, and after how long (`organization.md` P-10). Chance comes in as
//! a number.

use std::time::Duration;

/// Tries of what is throttled, times out or meets a server error.
const THROTTLE_TRIES: u32 = 8;
/// The pause that may come before the second of them; doubles.
const THROTTLE_BASE: Duration = Duration::from_secs(1);
/// The longest pause.
const THROTTLE_CAP: Duration = Duration::from_mins(1);
/// Tries of what meets another operation.
const CONFLICT_TRIES: u32 = 30;
/// The pause between them.
const CONFLICT_PAUSE: Duration = Duration::from_mins(1);

/// Why it may work later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Too many requests, no answer in time, or a server error.
    Throttle,
    /// Another operation is under way there.
    Conflict,
}

/// Something to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Why it may work later.
    pub class: Class,
    /// How long the service asks us to wait at least.
    pub after: Option<Duration>,
    /// AWS's words.
    pub why: String,
}

impl Retry {
    /// As soon as its class allows; the service named no time.
    pub fn new(class: Class, why: String) -> Self {
        Self {
            class,
            after: None,
            why,
        }
    }
}

/// The pause after try number `tries` (from 1) of a class; `None` when there is no further one.
/// `chance` spreads throttled callers: any number will do.
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
