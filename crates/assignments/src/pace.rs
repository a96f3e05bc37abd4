//! How long operations take, how often to ask about those in flight, and how long a line is. Pure
//! but for one lock around what was learned.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_aws_model::facts;
use hallpass_base::{TimeSpan, Timestamp};

use crate::queue::QueueLengths;
use crate::{OperationKind, Urgency, Verdict, future_times};

/// What an operation is expected to take before any was seen.
const FIRST_GUESS: Duration = Duration::from_secs(1);
/// An operation that took longer than this says nothing about the next one.
const TAKES_AT_MOST: Duration = Duration::from_mins(1);
/// The shortest pause between looks at a running operation.
const CHECK_PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause between looks at a running operation.
const CHECK_PAUSE_MAX: Duration = Duration::from_secs(5);
/// The weight of the newest operation, once there were many.
const WEIGHT_MIN: f64 = 0.05;
/// The bounds of the pause between questions for all operations in flight.
const ROUND_PAUSE_MIN: Duration = Duration::from_millis(250);
const ROUND_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Questions for all operations of a kind, for each that ends. An operation that is over is noticed half
/// a pause later: 95 % of the slots are used.
const ROUNDS_PER_DELETE: f64 = 1.4;
/// Creates hold up other grants only: ends have slots of their own.
const ROUNDS_PER_CREATE: f64 = 0.5;
/// With fewer operations in flight, and nobody waiting for a slot, each is asked about by itself.
const ROUND_FROM: u32 = 3;
/// Calls that an operation costs, for the length of a line.
const CALLS_PER_OPERATION: f64 = 3.0;
/// A question for all operations that has no answer for so long holds up the next one no longer.
const ROUND_PATIENCE: Duration = Duration::from_secs(1);
/// Questions for all operations under way at the same time.
const ROUNDS_AT_ONCE: u32 = 3;
/// How long operations are asked about one by one after AWS refused the question for all.
const REFUSED_PAUSE: TimeSpan = TimeSpan::hours(1);

/// What bounds how fast operations go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Account operations at a time, at most as many as AWS takes.
    pub slots: u32,
    /// Requests a second, all operations together.
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

/// How long operations of each kind take, as learned from those that ended.
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

/// What a kind of work has cost since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Calls to AWS made for it: the operation, questions what became of it, and listings.
    pub calls: u64,
    /// How often it was brought about: grants that are there, ends that are seen.
    pub done: u64,
}

/// A mean in which the newest counts most.
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
        // the first guess counts as one
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
    /// Nothing learned yet, within these bounds.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    /// What bounds it.
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// How long an operation of the kind is expected to take.
    pub fn expected(&self, kind: OperationKind) -> Duration {
        Duration::from_secs_f64(self.lock().of(kind).seconds.max(0.0))
    }

    /// What grants ([`Create`](OperationKind::Create)) or ends have cost.
    pub fn effort(&self, kind: OperationKind) -> Effort {
        *self.lock().effort(kind)
    }

    /// A call is made for work of this urgency. Looks that nobody waits for are neither.
    pub(crate) fn count_call(&self, urgency: Urgency) {
        let kind = match urgency {
            Urgency::AtOnce | Urgency::End => OperationKind::Delete,
            Urgency::Grant => OperationKind::Create,
            Urgency::Background => return,
        };
        self.lock().effort(kind).calls += 1;
    }

    /// A row came to this, which is news.
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

    /// An operation took between these times: it was still running after the first, and over
    /// after the second.
    pub(crate) fn learn(&self, kind: OperationKind, at_least: Duration, at_most: Duration) {
        let took = at_least.min(at_most).saturating_add(at_most) / 2;
        self.lock().of(kind).add(took);
    }

    /// About how long a grant waits until its create is sent, with so many grants before it.
    pub fn wait(&self, before: u32, waiting: QueueLengths) -> TimeSpan {
        let slots = f64::from(self.bounds.slots.max(2));
        let per_second = self.bounds.requests_per_second;
        let each = |kind, slots: f64| {
            let by_slots = self.expected(kind).as_secs_f64() / slots;
            by_slots.max(CALLS_PER_OPERATION / per_second.max(0.1))
        };
        let turns = f64::from(before.saturating_add(1));
        let ends = f64::from(waiting.ends.saturating_add(waiting.at_once));
        // while ends are in line, grants have one slot of theirs
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
        // every change is whole: a panic elsewhere leaves it usable
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a round of the kind is worth asking: several are in flight, or somebody waits for the
/// slot of one.
pub(crate) fn asks_for_all(in_flight: u32, waits_for_slot: bool) -> bool {
    in_flight >= ROUND_FROM || in_flight > 0 && waits_for_slot
}

/// The pause between questions for all operations of a kind: a little over one for each delete that
/// ends, one for two creates.
pub(crate) fn round_pause(kind: OperationKind, in_flight: u32, expected: Duration) -> Duration {
    let each = expected / in_flight.max(1);
    let rounds = match kind {
        OperationKind::Delete => ROUNDS_PER_DELETE,
        OperationKind::Create => ROUNDS_PER_CREATE,
    };
    each.div_f64(rounds).clamp(ROUND_PAUSE_MIN, ROUND_PAUSE_MAX)
}

/// Questions for all operations of a kind.
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
    /// Whether they can be asked at all.
    pub(crate) fn may_ask(&self, now: Timestamp) -> bool {
        now >= future_times::sooner(self.refused_until, now, REFUSED_PAUSE)
    }

    /// When the next one is due; `None` when no more may be under way.
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

    /// One begins.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.under_way = self.under_way.saturating_add(1);
        self.newest_at = now;
    }

    /// The next one comes so long after one that began at `began`.
    pub(crate) fn pause(&mut self, began: Timestamp, pause: Duration) {
        self.next_at = later(began, pause);
    }

    /// One ended.
    pub(crate) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// AWS refused the question.
    pub(crate) fn refuse(&mut self, now: Timestamp) {
        self.refused_until = REFUSED_PAUSE.after(now);
    }
}

/// How many of each urgency may be worked on at the same time, of so many workers: those of less
/// urgency leave some to those of more, for each may wait long for its call.
pub(crate) fn workers_for(urgency: Urgency, workers: u32) -> u32 {
    let share = match urgency {
        Urgency::AtOnce => workers,
        Urgency::End => workers.saturating_sub(workers / 6),
        Urgency::Grant => workers / 2,
        Urgency::Background => workers / 6,
    };
    share.max(1)
}

/// The kinds, in the order in which rounds are asked.
pub(crate) const KINDS: [OperationKind; 2] = [OperationKind::Delete, OperationKind::Create];

/// The pause after a look or poll that found the operation running: a quarter of the time it is
/// expected to take, and more with each.
pub(crate) fn check_pause(expected: Duration, polls: u32) -> Duration {
    let first = (expected / 4).max(CHECK_PAUSE_MIN);
    let growth = 1.5_f64.powi(i32::try_from(polls.min(16)).unwrap_or(16));
    first.mul_f64(growth).min(CHECK_PAUSE_MAX)
}

/// The instant so much later.
pub(crate) fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
