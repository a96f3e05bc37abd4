//! Time and randomness come in through these, so that every run can be repeated.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::TimeSpan;

/// Tells the time. Held by drivers only; decisions take `now` as an argument.
pub trait Clock: Send + Sync {
    /// The current instant, UTC.
    fn now(&self) -> Timestamp;

    /// The current instant and whether it may be counted from, of one look: no step of a clock
    /// falls between the two. A clock with nothing to compare itself with agrees with itself.
    fn look(&self) -> Look {
        let now = self.now();
        Look {
            now,
            elsewhere: now,
            disagreement: None,
        }
    }

    /// See [`Look::elsewhere`].
    fn elsewhere(&self) -> Timestamp {
        self.look().elsewhere
    }
}

/// One look at a [`Clock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The current instant, UTC.
    pub now: Timestamp,
    /// The best guess of what others call now: for comparing with instants that others wrote, and
    /// for those that others compare with theirs. The same as `now` unless that is known to run ahead.
    pub elsewhere: Timestamp,
    /// Why no access may be counted from it; `None` while the clocks agree.
    pub disagreement: Option<Disagreement>,
}

/// Why the clocks do not vouch for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// Two of them differ by more than is allowed.
    Apart {
        /// Which ones.
        between: Clocks,
        /// How far the first is ahead of the second; negative when it is behind.
        by: SignedDuration,
    },
    /// AWS has not said its time yet, and nothing else confirms the wall clock.
    Unconfirmed,
}

/// Two clocks that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clocks {
    /// The machine's wall clock with the time of AWS's answers.
    WallAws,
    /// The machine's wall clock with its monotonic clock: a step since both were last right.
    WallMonotonic,
    /// The time that is counted by with the time of AWS's answers: what an earlier step left behind.
    NowAws,
}

impl Clocks {
    /// Their name in metrics.
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

/// AWS says its time in whole seconds: what is longer is not known to the second.
fn roughly(apart: SignedDuration) -> TimeSpan {
    let seconds = apart.as_secs().unsigned_abs();
    TimeSpan::seconds(if seconds < 120 {
        seconds
    } else {
        seconds.saturating_add(30) / 60 * 60
    })
}

/// Makes identifiers. Held by drivers only.
pub trait IdSource: Send + Sync {
    /// A fresh UUID v7 (RFC 9562) for the instant `now`.
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
