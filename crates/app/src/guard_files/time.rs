//! AWS's time for a guard: the monotonic clock, anchored to response dates.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallpass_aws::Dated;
use hallpass_base::{Clock, Timestamp};
use hallpass_guard::AwsTime;

/// Tolerance: dates are whole seconds, and responses take time.
const AGREES: i64 = 3;
/// Agreeing responses needed to move the time; one may be wrong.
const ANSWERS: u32 = 3;

#[derive(Clone, Copy, Debug)]
struct Anchor(Dated);

impl Anchor {
    fn at(self, instant: Instant) -> Timestamp {
        let passed = instant.saturating_duration_since(self.0.at);
        self.0.date.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    fn agrees(self, dated: Dated) -> bool {
        let off = dated.date.duration_since(self.at(dated.at)).as_secs();
        off.abs() <= AGREES
    }
}

#[derive(Debug, Default)]
struct Anchors {
    anchor: Option<Anchor>,
    instead: Option<(Anchor, u32)>,
}

/// AWS's time. The machine's clock is only compared.
#[derive(Debug)]
pub struct AnchoredTime<C> {
    wall: C,
    heard: Mutex<Anchors>,
}

impl<C: Clock> AnchoredTime<C> {
    pub fn new(wall: C) -> Self {
        Self {
            wall,
            heard: Mutex::default(),
        }
    }

    pub fn hear(&self, dated: Dated) {
        let wall = self.wall.now();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let agrees = heard.anchor.is_some_and(|anchor| anchor.agrees(dated));
        if agrees {
            heard.instead = None;
            // the newest response counts, to recover time lost in sleep
            heard.anchor = heard.anchor.map(|anchor| later(anchor, Anchor(dated)));
            return;
        }
        let count = match heard.instead {
            Some((anchor, count)) if anchor.agrees(dated) => count + 1,
            _ => 1,
        };
        heard.instead = Some((Anchor(dated), count));
        let off_wall = dated.date.duration_since(wall).as_secs().abs();
        let first_and_likely = heard.anchor.is_none() && off_wall <= AGREES;
        if count >= ANSWERS || first_and_likely {
            heard.anchor = Some(Anchor(dated));
            heard.instead = None;
        }
    }

    fn at(&self, instant: Instant) -> Option<Timestamp> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.anchor.map(|anchor| anchor.at(instant))
    }
}

/// The later of two agreeing anchors.
fn later(one: Anchor, other: Anchor) -> Anchor {
    let instant = other.0.at + Duration::from_secs(1);
    if other.at(instant) > one.at(instant) {
        other
    } else {
        one
    }
}

impl<C: Clock> AwsTime for AnchoredTime<C> {
    fn now(&self) -> Option<Timestamp> {
        self.at(Instant::now())
    }

    fn wall_ahead_seconds(&self) -> Option<i64> {
        let aws = self.now()?;
        Some(self.wall.now().duration_since(aws).as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wall(i64);

    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0).unwrap()
        }
    }

    fn seconds(time: &AnchoredTime<Wall>, instant: Instant) -> Option<i64> {
        time.at(instant).map(Timestamp::as_second)
    }

    fn dated(second: i64, at: Instant) -> Dated {
        Dated {
            date: Timestamp::from_second(second).unwrap(),
            at,
        }
    }

    #[test]
    fn the_first_answer_counts_when_the_wall_agrees_and_three_when_it_does_not() {
        let start = Instant::now();
        let time = AnchoredTime::new(Wall(1_000));
        assert_eq!(seconds(&time, start), None);
        time.hear(dated(1_001, start));
        assert_eq!(seconds(&time, start + Duration::from_mins(1)), Some(1_061));
        let wrong_wall = AnchoredTime::new(Wall(90_000));
        for n in 0..3 {
            assert_eq!(seconds(&wrong_wall, start), None, "{n}");
            wrong_wall.hear(dated(1_000, start));
        }
        assert_eq!(seconds(&wrong_wall, start), Some(1_000));
    }

    #[test]
    fn one_odd_answer_moves_nothing_and_three_that_agree_do() {
        let start = Instant::now();
        let time = AnchoredTime::new(Wall(1_000));
        time.hear(dated(1_000, start));
        let at = |n: u64| start + Duration::from_secs(n);
        for odd in [90_000, 10] {
            time.hear(dated(odd, at(1)));
            assert_eq!(seconds(&time, at(1)), Some(1_001));
            time.hear(dated(1_001, at(1)));
        }
        // the machine slept an hour, which its monotonic clock did not count
        time.hear(dated(4_602, at(2)));
        time.hear(dated(4_603, at(3)));
        assert_eq!(seconds(&time, at(3)), Some(1_003));
        time.hear(dated(4_604, at(4)));
        assert_eq!(seconds(&time, at(4)), Some(4_604));
    }
}
