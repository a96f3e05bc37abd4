//! The rules of time, without a clock.
//!
//! ```text
//!   now = the latest of   wall clock
//!                         last returned time + monotonic time since
//!                         AWS's time: its Date + monotonic time since, once answers agree
//! ```
//!
//! It never steps back, except to correct an earlier step ahead: once wall clock and AWS have
//! agreed for a while, it returns to them, as after a restart.

use std::time::Duration;

use crate::{Clocks, Disagreement, TimeSpan, Timestamp};
use jiff::SignedDuration;

/// Clocks that differ by more disagree: new access is not counted from them. A clock delays no end
/// by more than this.
pub const BOUND: TimeSpan = TimeSpan::seconds(30);
/// How long wall clock and AWS must agree before they override `now`.
pub const STEADY: Duration = Duration::from_secs(5);
/// Required consistent AWS answers in a row. A single one may be wrong.
pub const ANSWERS: u32 = 3;
/// Tolerance for equal answers: they have whole seconds and latency. Clocks agree again only when
/// this much inside the bound, so that the state does not flap at it.
const SAME: i64 = 5 * SECOND;
const SECOND: i64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub wall: Timestamp,
    /// Counted from any fixed instant of the process.
    pub monotonic: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The instant to count by.
    pub now: Timestamp,
    pub wall: Timestamp,
    /// `None` until answers agree.
    pub aws: Option<Timestamp>,
    pub aws_heard: Option<Duration>,
    /// Wall clock minus AWS.
    pub wall_aws: Option<SignedDuration>,
    /// How far the wall clock was set ahead since it was last known to be right.
    pub wall_monotonic: SignedDuration,
    /// `now` minus AWS.
    pub now_aws: Option<SignedDuration>,
    /// Why no access may be counted from `now`.
    pub disagreement: Option<Disagreement>,
    /// How often `now` has returned after running ahead.
    pub returns: u32,
    pub returned: SignedDuration,
}

impl Reading {
    /// The best guess of other systems' time: `now`, or AWS's time where `now` is known to run
    /// ahead of it.
    pub fn elsewhere(&self) -> Timestamp {
        match (self.aws, self.now_aws) {
            (Some(aws), Some(ahead)) if micros(ahead) > bound() => aws,
            _ => self.now,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Agreeing {
    since: i64,
    answers: u32,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    offset: i64,
    answers: u32,
}

/// Stores clocks as *offsets* in microseconds: the clock minus the monotonic clock at that moment.
/// A correct clock's offset is constant.
#[derive(Clone, Debug)]
pub struct HonestTime {
    record: Option<i64>,
    told: Option<i64>,
    right: Option<i64>,
    aws: Option<i64>,
    candidate: Option<Candidate>,
    heard: Option<i64>,
    agreeing: Option<Agreeing>,
    allowed: i64,
    returns: u32,
    returned: i64,
}

impl HonestTime {
    /// Time of a new process. It does not start before `newest_record`, the log's newest instant,
    /// unless that is in the future.
    pub fn new(newest_record: Option<Timestamp>) -> Self {
        Self {
            record: newest_record.map(Timestamp::as_microsecond),
            told: None,
            right: None,
            aws: None,
            candidate: None,
            heard: None,
            agreeing: None,
            allowed: bound(),
            returns: 0,
            returned: 0,
        }
    }

    /// Records AWS's `date`, received at `monotonic`.
    pub fn hear(&mut self, date: Timestamp, monotonic: Duration) {
        let at = count(monotonic);
        let offset = date.as_microsecond().saturating_sub(at);
        self.heard = Some(self.heard.map_or(at, |newest| newest.max(at)));
        if self.aws.is_some_and(|known| is_near(known, offset)) {
            self.aws = Some(offset);
            self.candidate = None;
            if let Some(agreeing) = &mut self.agreeing {
                agreeing.answers = agreeing.answers.saturating_add(1);
            }
            return;
        }
        let before = self.candidate.filter(|it| is_near(it.offset, offset));
        let answers = before.map_or(0, |it| it.answers).saturating_add(1);
        if answers >= ANSWERS {
            self.aws = Some(offset);
            self.candidate = None;
            self.agreeing = None;
        } else {
            self.candidate = Some(Candidate { offset, answers });
        }
    }

    /// Returns the time.
    pub fn look(&mut self, shown: Shown) -> Reading {
        let (wall, monotonic) = (shown.wall.as_microsecond(), count(shown.monotonic));
        let offset = wall.saturating_sub(monotonic);
        let right = *self.right.get_or_insert(offset);
        self.take_record(offset, monotonic);
        let truth = self.aws.map_or(offset, |aws| aws.max(offset));
        let told = self.told.map_or(truth, |told| told.max(truth));
        let is_settled = self.is_settled(offset, monotonic);
        let is_ahead = self
            .aws
            .is_some_and(|aws| told.saturating_sub(aws) > self.allowed);
        let now = if is_settled && is_ahead {
            self.returns = self.returns.saturating_add(1);
            self.returned = told.saturating_sub(truth);
            truth
        } else {
            told
        };
        self.told = Some(now);
        let right = if is_settled { offset } else { right };
        self.right = Some(right);
        let differences = Differences {
            wall_aws: self.aws.map(|aws| offset.saturating_sub(aws)),
            wall_candidate: self.candidate.map(|it| offset.saturating_sub(it.offset)),
            wall_monotonic: offset.saturating_sub(right),
            now_aws: self.aws.map(|aws| now.saturating_sub(aws)),
        };
        let disagreement = differences.beyond(self.allowed);
        self.allowed = match disagreement {
            Some(_) => bound() - SAME,
            None => bound(),
        };
        Reading {
            now: instant(now.saturating_add(monotonic)),
            wall: shown.wall,
            aws: self.aws.map(|aws| instant(aws.saturating_add(monotonic))),
            aws_heard: self.heard.map(|at| {
                let ago = monotonic.saturating_sub(at);
                Duration::from_micros(u64::try_from(ago).unwrap_or(0))
            }),
            wall_aws: differences.wall_aws.map(SignedDuration::from_micros),
            wall_monotonic: SignedDuration::from_micros(differences.wall_monotonic),
            now_aws: differences.now_aws.map(SignedDuration::from_micros),
            disagreement,
            returns: self.returns,
            returned: SignedDuration::from_micros(self.returned),
        }
    }

    /// Starts after the newest record, unless it is in the future. The wall clock alone cannot
    /// decide that. AWS's time can: it is at most the bound earlier than an honest record.
    fn take_record(&mut self, wall: i64, monotonic: i64) {
        let Some(record) = self.record.map(|at| at.saturating_sub(monotonic)) else {
            return;
        };
        let is_early = record.saturating_sub(wall) > bound();
        if !is_early {
            self.told = Some(self.told.map_or(record, |told| told.max(record)));
        }
        if !is_early || self.aws.is_some() {
            self.record = None;
        }
    }

    fn is_settled(&mut self, wall: i64, monotonic: i64) -> bool {
        let agrees = self
            .aws
            .is_some_and(|aws| wall.abs_diff(aws) <= self.allowed.unsigned_abs());
        if !agrees {
            self.agreeing = None;
            return false;
        }
        let agreeing = self.agreeing.get_or_insert(Agreeing {
            since: monotonic,
            answers: 0,
        });
        let lasts = monotonic.saturating_sub(agreeing.since);
        lasts >= count(STEADY) && agreeing.answers >= ANSWERS
    }
}

struct Differences {
    wall_aws: Option<i64>,
    wall_candidate: Option<i64>,
    wall_monotonic: i64,
    now_aws: Option<i64>,
}

impl Differences {
    fn beyond(&self, allowed: i64) -> Option<Disagreement> {
        let apart = [
            (Clocks::WallAws, self.wall_aws.or(self.wall_candidate)),
            (Clocks::NowAws, self.now_aws),
            (Clocks::WallMonotonic, Some(self.wall_monotonic)),
        ]
        .into_iter()
        .filter_map(|(between, apart)| Some((between, apart?)))
        .find(|(_, apart)| apart.unsigned_abs() > allowed.unsigned_abs())
        .map(|(between, apart)| Disagreement::Apart {
            between,
            by: SignedDuration::from_micros(apart),
        });
        match self.wall_aws {
            Some(_) => apart,
            None => apart.or(Some(Disagreement::Unconfirmed)),
        }
    }
}

fn is_near(one: i64, other: i64) -> bool {
    one.abs_diff(other) <= SAME.unsigned_abs()
}

fn bound() -> i64 {
    i64::try_from(BOUND.as_seconds()).unwrap_or(i64::MAX / SECOND) * SECOND
}

fn micros(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn count(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn instant(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "honest_tests.rs"]
mod tests;
