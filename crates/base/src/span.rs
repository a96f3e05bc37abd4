use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write `90m`, `1h30m`, `2d`, `45s` or `01:30`")]
pub struct SpanError(String);

/// A duration in whole seconds. Parsed from `90m`, `1h30m`, `1d2h` or `hh:mm` (any number of hour
/// digits); printed as `1h 30m`, `1d 2h 0m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeSpan {
    seconds: u64,
}

/// About 100 years: sums with timestamps stay in range.
const SECONDS_MAX: u64 = 3_155_760_000;

impl TimeSpan {
    pub const ZERO: Self = Self { seconds: 0 };

    pub const fn seconds(seconds: u64) -> Self {
        Self {
            seconds: if seconds > SECONDS_MAX {
                SECONDS_MAX
            } else {
                seconds
            },
        }
    }

    pub const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes.saturating_mul(60))
    }

    pub const fn hours(hours: u64) -> Self {
        Self::minutes(hours.saturating_mul(60))
    }

    pub const fn as_seconds(self) -> u64 {
        self.seconds
    }

    pub const fn is_zero(self) -> bool {
        self.seconds == 0
    }

    /// Clamped to the last representable instant.
    #[must_use]
    pub fn after(self, start: Timestamp) -> Timestamp {
        start
            .checked_add(SignedDuration::from_secs(self.signed()))
            .unwrap_or(Timestamp::MAX)
    }

    /// Clamped to the first representable instant.
    #[must_use]
    pub fn before(self, end: Timestamp) -> Timestamp {
        end.checked_sub(SignedDuration::from_secs(self.signed()))
            .unwrap_or(Timestamp::MIN)
    }

    /// Rounded down; zero if `end` is not later.
    pub fn between(start: Timestamp, end: Timestamp) -> Self {
        let seconds = end.duration_since(start).as_secs();
        Self::seconds(u64::try_from(seconds).unwrap_or(0))
    }

    /// Checks that two instants are closer than this, in either order, so that a clock step back
    /// does not extend a cache's validity.
    pub fn covers(self, one: Timestamp, other: Timestamp) -> bool {
        let apart = other.duration_since(one).abs();
        apart < SignedDuration::from_secs(self.signed())
    }

    fn signed(self) -> i64 {
        i64::try_from(self.seconds).unwrap_or(i64::MAX)
    }

    /// Parses `hh:mm`: any number of hour digits, minutes 00 to 59.
    ///
    /// # Errors
    /// The form differs or the minutes exceed 59.
    pub fn from_hours_minutes(text: &str) -> Result<Self, SpanError> {
        let error = || SpanError(text.to_owned());
        let (hours, minutes) = text.split_once(':').ok_or_else(error)?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(hours) || !digits(minutes) || minutes.len() != 2 {
            return Err(error());
        }
        let hours: u64 = hours.parse().map_err(|_| error())?;
        let minutes: u64 = minutes.parse().map_err(|_| error())?;
        if minutes > 59 || hours > SECONDS_MAX / 3600 {
            return Err(error());
        }
        Ok(Self::minutes(hours * 60 + minutes))
    }
}

impl FromStr for TimeSpan {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') {
            return Self::from_hours_minutes(text);
        }
        let error = || SpanError(text.to_owned());
        let (mut total, mut number, mut last_unit) = (0_u64, None::<u64>, u64::MAX);
        let mut before = ' ';
        for c in text.chars() {
            if before == ' ' && c.is_ascii_digit() && number.is_some() {
                return Err(error());
            }
            before = c;
            if c == ' ' {
                continue;
            }
            if let Some(digit) = c.to_digit(10) {
                let grown = number
                    .unwrap_or(0)
                    .checked_mul(10)
                    .and_then(|n| n.checked_add(u64::from(digit)));
                number = Some(grown.filter(|n| *n <= SECONDS_MAX).ok_or_else(error)?);
                continue;
            }
            let unit = match c {
                'd' => 86_400,
                'h' => 3_600,
                'm' => 60,
                's' => 1,
                _ => return Err(error()),
            };
            let count = number.take().ok_or_else(error)?;
            if unit >= last_unit {
                return Err(error());
            }
            last_unit = unit;
            total += count * unit;
        }
        if number.is_some() || last_unit == u64::MAX || total > SECONDS_MAX {
            return Err(error());
        }
        Ok(Self::seconds(total))
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.seconds / 86_400, self.seconds % 86_400);
        let (hours, rest) = (rest / 3_600, rest % 3_600);
        let (minutes, seconds) = (rest / 60, rest % 60);
        match (days, hours, minutes, seconds) {
            (0, 0, 0, s) => write!(f, "{s}s"),
            (0, 0, m, 0) => write!(f, "{m}m"),
            (0, 0, m, s) => write!(f, "{m}m {s}s"),
            (0, h, 0, _) => write!(f, "{h}h"),
            (0, h, m, _) => write!(f, "{h}h {m}m"),
            (d, 0, 0, _) => write!(f, "{d}d"),
            (d, h, m, _) => write!(f, "{d}d {h}h {m}m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_mean_the_same_are_the_same() {
        let ninety = TimeSpan::minutes(90);
        for text in ["90m", "1h30m", "1h 30m", "01:30", "1:30", "5400s"] {
            assert_eq!(text.parse::<TimeSpan>(), Ok(ninety), "{text}");
        }
        assert_eq!("1d2h".parse::<TimeSpan>(), Ok(TimeSpan::hours(26)));
        assert_eq!("100:00".parse::<TimeSpan>(), Ok(TimeSpan::hours(100)));
    }

    #[test]
    fn broken_forms_are_refused() {
        for bad in [
            "",
            "1",
            "h",
            "1:60",
            "1:5",
            ":30",
            "01:",
            "1m1h",
            "1h1h",
            "-1h",
            "1.5h",
            "1w",
            "1 0m",
            "99999999999999999999h",
        ] {
            assert!(bad.parse::<TimeSpan>().is_err(), "{bad}");
        }
    }

    #[test]
    fn printed_in_the_shortest_honest_form() {
        for (seconds, text) in [
            (0, "0s"),
            (45, "45s"),
            (90, "1m 30s"),
            (1800, "30m"),
            (5400, "1h 30m"),
            (7200, "2h"),
            (14_405, "4h"),
            (14_465, "4h 1m"),
            (86_400, "1d"),
            (93_600, "1d 2h 0m"),
            (90_000, "1d 1h 0m"),
        ] {
            assert_eq!(TimeSpan::seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn belief_covers_as_much_before_as_after() {
        let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
        for (seconds, covered) in [
            (0, true),
            (59, true),
            (60, false),
            (-59, true),
            (-60, false),
        ] {
            assert_eq!(
                TimeSpan::minutes(1).covers(at(0), at(seconds)),
                covered,
                "{seconds}"
            );
        }
        assert!(!TimeSpan::minutes(1).covers(at(86_400), at(0)));
    }
}
