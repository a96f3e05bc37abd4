//! Estimates durations, poll intervals and queue waits. Pure, except one lock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_aws_model::facts;
use hallpass_base::{TimeSpan, Timestamp};

use crate::queue::QueueLengths;
use crate::{OperationKind, Urgency, Verdict, future_times};

const FIRST_GUESS: Duration = Duration::from_secs(1);
/// Longer operations are ignored as outliers.
const TAKES_AT_MOST: Duration = Duration::from_mins(1);
const CHECK_PAUSE_MIN: Duration = Duration::from_millis(500);
const CHECK_PAUSE_MAX: Duration = Duration::from_secs(5);
const WEIGHT_MIN: f64 = 0.05;
const ROUND_PAUSE_MIN: Duration = Duration::from_millis(250);
const ROUND_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Rounds per finished operation. An end is noticed half a pause later: 95 % of the slots are used.
const ROUNDS_PER_DELETE: f64 = 1.4;
/// Creates delay only other grants: ends have their own slots.
const ROUNDS_PER_CREATE: f64 = 0.5;
/// With fewer operations and no one waiting for a slot, each is polled separately.
const ROUND_FROM: u32 = 3;
const CALLS_PER_OPERATION: f64 = 3.0;
const ROUND_PATIENCE: Duration = Duration::from_secs(1);
const ROUNDS_AT_ONCE: u32 = 3;
/// How long operations are polled separately after AWS refused a round.
const REFUSED_PAUSE: TimeSpan = TimeSpan::hours(1);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// At most AWS's limit.
    pub slots: u32,
    pub requests_per_second: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            slots: facts::OPERATIONS_OUTSTANDING.value,
            requests_per_second: facts::CENTER_CALLS.our_rate(),
        }
    }
}

#[derive(Debug, Default)]
pub struct Pace {
    bounds: Bounds,
    learned: Mutex<Learned>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Learned {
    creates: Mean,
    deletes: Mean,
    grants: Effort,
    ends: Effort,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    pub calls: u64,
    /// Completed grants or ends.
    pub done: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mean {
    seconds: f64,
    count: u32,
}

impl Default for Mean {
    fn default() -> Self {
        Self {
            seconds: FIRST_GUESS.as_secs_f64(),
            count: 0,
        }
    }
}

impl Mean {
    fn add(&mut self, took: Duration) {
        let took = took.min(TAKES_AT_MOST).as_secs_f64();
        self.count = self.count.saturating_add(1);
        // The first guess counts as one.
        let weight = (1.0 / (f64::from(self.count) + 1.0)).max(WEIGHT_MIN);
        self.seconds += (took - self.seconds) * weight;
    }
}

impl Learned {
    fn effort(&mut self, kind: OperationKind) -> &mut Effort {
        match kind {
            OperationKind::Create => &mut self.grants,
            OperationKind::Delete => &mut self.ends,
        }
    }

    fn of(&mut self, kind: OperationKind) -> &mut Mean {
        match kind {
            OperationKind::Create => &mut self.creates,
            OperationKind::Delete => &mut self.deletes,
        }
    }
}

impl Pace {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub fn expected(&self, kind: OperationKind) -> Duration {
        Duration::from_secs_f64(self.lock().of(kind).seconds.max(0.0))
    }

    pub fn effort(&self, kind: OperationKind) -> Effort {
        *self.lock().effort(kind)
    }

    pub(crate) fn count_call(&self, urgency: Urgency) {
        let kind = match urgency {
            Urgency::AtOnce | Urgency::End => OperationKind::Delete,
            Urgency::Grant => OperationKind::Create,
            Urgency::Background => return,
        };
        self.lock().effort(kind).calls += 1;
    }

    pub(crate) fn count_settled(&self, verdict: &Verdict) {
        let kind = match verdict {
            Verdict::Present { .. } => OperationKind::Create,
            Verdict::Absent { .. } => OperationKind::Delete,
            Verdict::Working
            | Verdict::Kept { .. }
            | Verdict::Refused { .. }
            | Verdict::Lost { .. }
            | Verdict::Stuck { .. } => return,
        };
        self.lock().effort(kind).done += 1;
    }

    /// It still ran after the first duration and had ended after the second.
    pub(crate) fn learn(&self, kind: OperationKind, at_least: Duration, at_most: Duration) {
        let took = at_least.min(at_most).saturating_add(at_most) / 2;
        self.lock().of(kind).add(took);
    }

    /// Estimates the wait of a grant with this many before it.
    pub fn wait(&self, before: u32, waiting: QueueLengths) -> TimeSpan {
        let slots = f64::from(self.bounds.slots.max(2));
        let per_second = self.bounds.requests_per_second;
        let each = |kind, slots: f64| {
            let by_slots = self.expected(kind).as_secs_f64() / slots;
            by_slots.max(CALLS_PER_OPERATION / per_second.max(0.1))
        };
        let turns = f64::from(before.saturating_add(1));
        let ends = f64::from(waiting.ends.saturating_add(waiting.at_once));
        // While ends are queued, grants have one slot.
        let drained = ends * each(OperationKind::Delete, slots - 1.0);
        let slow = each(OperationKind::Create, 1.0);
        let meanwhile = drained / slow;
        let seconds = if turns <= meanwhile {
            turns * slow
        } else {
            drained + (turns - meanwhile) * each(OperationKind::Create, slots - 1.0)
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds, neither negative nor near 2^52"
        )]
        let seconds = seconds.ceil().max(0.0) as u64;
        TimeSpan::seconds(seconds)
    }

    fn lock(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A round is worthwhile if several are in flight, or a slot is awaited.
pub(crate) fn asks_for_all(in_flight: u32, waits_for_slot: bool) -> bool {
    in_flight >= ROUND_FROM || in_flight > 0 && waits_for_slot
}

pub(crate) fn round_pause(kind: OperationKind, in_flight: u32, expected: Duration) -> Duration {
    let each = expected / in_flight.max(1);
    let rounds = match kind {
        OperationKind::Delete => ROUNDS_PER_DELETE,
        OperationKind::Create => ROUNDS_PER_CREATE,
    };
    each.div_f64(rounds).clamp(ROUND_PAUSE_MIN, ROUND_PAUSE_MAX)
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    next_at: Timestamp,
    under_way: u32,
    newest_at: Timestamp,
    refused_until: Timestamp,
}

impl Default for Rounds {
    fn default() -> Self {
        Self {
            next_at: Timestamp::MIN,
            under_way: 0,
            newest_at: Timestamp::MIN,
            refused_until: Timestamp::MIN,
        }
    }
}

impl Rounds {
    pub(crate) fn may_ask(&self, now: Timestamp) -> bool {
        now >= future_times::sooner(self.refused_until, now, REFUSED_PAUSE)
    }

    pub(crate) fn next_at(&self, now: Timestamp) -> Option<Timestamp> {
        let next = future_times::sooner(
            self.next_at,
            now,
            TimeSpan::seconds(ROUND_PAUSE_MAX.as_secs() * 2),
        );
        match self.under_way {
            0 => Some(next),
            some if some < ROUNDS_AT_ONCE => {
                Some(next.max(later(self.newest_at.min(now), ROUND_PATIENCE)))
            }
            _ => None,
        }
    }

    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.under_way = self.under_way.saturating_add(1);
        self.newest_at = now;
    }

    pub(crate) fn pause(&mut self, began: Timestamp, pause: Duration) {
        self.next_at = later(began, pause);
    }

    pub(crate) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    pub(crate) fn refuse(&mut self, now: Timestamp) {
        self.refused_until = REFUSED_PAUSE.after(now);
    }
}

/// Lower urgencies leave workers to higher ones, since calls may hang.
pub(crate) fn workers_for(urgency: Urgency, workers: u32) -> u32 {
    let share = match urgency {
        Urgency::AtOnce => workers,
        Urgency::End => workers.saturating_sub(workers / 6),
        Urgency::Grant => workers / 2,
        Urgency::Background => workers / 6,
    };
    share.max(1)
}

pub(crate) const KINDS: [OperationKind; 2] = [OperationKind::Delete, OperationKind::Create];

pub(crate) fn check_pause(expected: Duration, polls: u32) -> Duration {
    let first = (expected / 4).max(CHECK_PAUSE_MIN);
    let growth = 1.5_f64.powi(i32::try_from(polls.min(16)).unwrap_or(16));
    first.mul_f64(growth).min(CHECK_PAUSE_MAX)
}

pub(crate) fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
