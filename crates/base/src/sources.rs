//! Ports for time and randomness, so that every run is repeatable.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::TimeSpan;

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Reads the instant and its validity atomically with respect to clock steps. A clock without a
    /// reference agrees with itself.
    fn look(&self) -> Look {
        let now = self.now();
        Look {
            now,
            elsewhere: now,
            disagreement: None,
        }
    }

    fn elsewhere(&self) -> Timestamp {
        self.look().elsewhere
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub now: Timestamp,
    /// Best estimate of others' current time, for comparison with their instants. Equals `now`
    /// unless `now` is known to run ahead.
    pub elsewhere: Timestamp,
    /// Why no access may start; `None` while the clocks agree.
    pub disagreement: Option<Disagreement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disagreement {
    Apart {
        between: Clocks,
        /// First minus second.
        by: SignedDuration,
    },
    /// AWS has not returned its time yet, and nothing else confirms the wall clock.
    Unconfirmed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clocks {
    /// Wall clock and AWS time.
    WallAws,
    /// Wall clock and monotonic clock: a step since both were correct.
    WallMonotonic,
    /// Effective time and AWS time: the rest of an earlier step.
    NowAws,
}

impl Clocks {
    pub const fn name(self) -> &'static str {
        match self {
            Self::WallAws => "wall_aws",
            Self::WallMonotonic => "wall_monotonic",
            Self::NowAws => "now_aws",
        }
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (between, by) = match self {
            Self::Unconfirmed => {
                return f.write_str("AWS has not confirmed the server's clock yet");
            }
            Self::Apart { between, by } => (between, by),
        };
        let (ahead, way) = if by.is_negative() {
            ("behind", "back")
        } else {
            ("ahead of", "ahead")
        };
        let by = roughly(*by);
        match between {
            Clocks::WallAws => write!(f, "the server's clock is {by} {ahead} AWS's"),
            Clocks::WallMonotonic => write!(f, "the server's clock was set {by} {way}"),
            Clocks::NowAws => write!(f, "the server's time is still {by} {ahead} AWS's"),
        }
    }
}

fn roughly(apart: SignedDuration) -> TimeSpan {
    let seconds = apart.as_secs().unsigned_abs();
    TimeSpan::seconds(if seconds < 120 {
        seconds
    } else {
        seconds.saturating_add(30) / 60 * 60
    })
}

pub trait IdSource: Send + Sync {
    /// A new UUID v7 (RFC 9562) for `now`.
    fn next(&self, now: Timestamp) -> Uuid;
}

impl<T: Clock + ?Sized> Clock for std::sync::Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn look(&self) -> Look {
        (**self).look()
    }
}

impl<T: IdSource + ?Sized> IdSource for std::sync::Arc<T> {
    fn next(&self, now: Timestamp) -> Uuid {
        (**self).next(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disagreement_says_which_clock_is_how_far_off_which_way() {
        let said = |between, seconds| {
            let by = SignedDuration::from_secs(seconds);
            Disagreement::Apart { between, by }.to_string()
        };
        for (between, seconds, words) in [
            (
                Clocks::WallAws,
                899,
                "the server's clock is 15m ahead of AWS's",
            ),
            (
                Clocks::WallAws,
                -86_400,
                "the server's clock is 1d behind AWS's",
            ),
            (
                Clocks::WallMonotonic,
                45,
                "the server's clock was set 45s ahead",
            ),
            (
                Clocks::WallMonotonic,
                -3600,
                "the server's clock was set 1h back",
            ),
            (
                Clocks::NowAws,
                3600,
                "the server's time is still 1h ahead of AWS's",
            ),
        ] {
            assert_eq!(said(between, seconds), words);
        }
    }
}
