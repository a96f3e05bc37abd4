//! Volatile executor state: outages, rates, workers. Correctness does not depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_base::{TimeSpan, Timestamp, UserId};

use crate::availability::{Availability, MayCall, Throttle};
use crate::pace::{KINDS, Pace, Rounds, asks_for_all, round_pause, workers_for};
use crate::queue::{ExtraSlot, InFlight, Room, Writes};
use crate::{CenterFault, OperationKind, Taken, Urgency, future_times};

/// Pause of ordinary operations after AWS reports its limit, unless one ends before.
const FULL_PAUSE: Duration = Duration::from_millis(500);
/// Pause of operations beyond the slots after that.
const EXTRA_SLOT_PAUSE: Duration = Duration::from_millis(200);
/// After this, an operation is polled separately, regardless of rounds.
const ROUND_MISSES_AFTER: TimeSpan = TimeSpan::seconds(30);
/// With this many creates in flight, reads for later ones are batched.
const CROWD: u32 = 3;
/// Pause of listings by person after AWS refused one.
const PERSON_REFUSED: TimeSpan = TimeSpan::minutes(10);
const FUTURE_EVERY: TimeSpan = TimeSpan::minutes(1);
/// A clock that stepped back this far was ahead.
const STEPPED_BACK: TimeSpan = TimeSpan::seconds(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    Reads,
    Writes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Take a row; with `Trial`, one write tests whether an outage ended.
    Take(Room, Option<Trial>),
    Probe,
    Round(OperationKind),
    ForgetFuture,
    Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trial;

#[derive(Debug, Default)]
pub(crate) struct ExecutorMemory {
    state: Mutex<MemoryState>,
}

#[derive(Debug, Default)]
struct MemoryState {
    reads: Availability,
    writes: Availability,
    throttle: Throttle,
    full_until: Option<Timestamp>,
    extra_slot_from: Option<Timestamp>,
    in_flight: InFlight,
    waits_for_slot: bool,
    deletes: Rounds,
    creates: Rounds,
    seen: Vec<(OperationKind, Timestamp, BTreeSet<String>)>,
    removals: BTreeMap<UserId, u32>,
    /// People whose access is read by target until then.
    refused_people: BTreeMap<UserId, Timestamp>,
    at_work: [u32; 4],
    future_looked_at: Option<Timestamp>,
    newest: Option<Timestamp>,
}

fn place(urgency: Urgency) -> usize {
    match urgency {
        Urgency::AtOnce => 0,
        Urgency::End => 1,
        Urgency::Grant => 2,
        Urgency::Background => 3,
    }
}

const URGENCIES: [Urgency; 4] = [
    Urgency::AtOnce,
    Urgency::End,
    Urgency::Grant,
    Urgency::Background,
];

impl MemoryState {
    fn rounds(&mut self, kind: OperationKind) -> &mut Rounds {
        match kind {
            OperationKind::Create => &mut self.creates,
            OperationKind::Delete => &mut self.deletes,
        }
    }

    fn of(&mut self, calls: Calls) -> &mut Availability {
        match calls {
            Calls::Reads => &mut self.reads,
            Calls::Writes => &mut self.writes,
        }
    }

    fn asks_for_all(&mut self, kind: OperationKind, now: Timestamp) -> bool {
        let (in_flight, waits) = (self.in_flight.of(kind), self.waits_for_slot);
        asks_for_all(in_flight, waits) && self.rounds(kind).may_ask(now)
    }

    fn next_round(&mut self, now: Timestamp) -> Result<OperationKind, Option<Timestamp>> {
        let mut next: Option<Timestamp> = None;
        for kind in KINDS {
            if !self.asks_for_all(kind, now) {
                continue;
            }
            match self.rounds(kind).next_at(now) {
                Some(at) if at <= now => return Ok(kind),
                at => next = earlier(next, at),
            }
        }
        Err(next)
    }

    /// Returns the lowest urgency with free workers; `None` if all are busy.
    fn least(&self, workers: u32) -> Option<Urgency> {
        let at_work: u32 = self.at_work.iter().sum();
        let has_room = |urgency: &&Urgency| {
            let below: u32 = self.at_work.iter().skip(place(**urgency)).sum();
            let limit = workers_for(**urgency, workers);
            below < limit && at_work < workers
        };
        URGENCIES.iter().take_while(has_room).last().copied()
    }

    fn room(&mut self, now: Timestamp, slots: u32, workers: u32) -> Option<Room> {
        let least = self.least(workers)?;
        let holds = |until: Option<Timestamp>| {
            until.is_some_and(|until| now < future_times::sooner(until, now, TimeSpan::seconds(2)))
        };
        let writes = match self.writes.may_call(now) {
            MayCall::Wait(_) => Writes::None,
            MayCall::Free | MayCall::Probe if holds(self.full_until) => Writes::AtOnce,
            MayCall::Free | MayCall::Probe => Writes::All,
        };
        let all = KINDS.iter().any(|kind| self.asks_for_all(*kind, now));
        Some(Room {
            slots,
            least,
            writes,
            extra_slot: if holds(self.extra_slot_from) {
                ExtraSlot::Never
            } else {
                ExtraSlot::One
            },
            polls_due_by: if all {
                ROUND_MISSES_AFTER.before(now)
            } else {
                Timestamp::MAX
            },
        })
    }

    fn is_future_due(&self, now: Timestamp) -> bool {
        let stepped_back = self
            .newest
            .is_some_and(|newest| STEPPED_BACK.after(now) < newest);
        stepped_back
            || self
                .future_looked_at
                .is_none_or(|at| now >= FUTURE_EVERY.after(at) || at > now)
    }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, None) | (None, one) => one,
    }
}

impl ExecutorMemory {
    pub(crate) fn turn(&self, now: Timestamp, slots: u32, workers: u32) -> Turn {
        let mut state = self.lock();
        if state.is_future_due(now) {
            state.future_looked_at = Some(now);
            state.newest = Some(now);
            return Turn::ForgetFuture;
        }
        state.newest = state.newest.max(Some(now));
        if state.throttle.rests_until(now).is_some() {
            return Turn::Wait;
        }
        match state.reads.may_call(now) {
            MayCall::Probe => {
                state.reads.begin_probe(now);
                return Turn::Probe;
            }
            MayCall::Wait(_) => return Turn::Wait,
            MayCall::Free => {}
        }
        if let Ok(kind) = state.next_round(now) {
            state.rounds(kind).begin(now);
            return Turn::Round(kind);
        }
        let Some(room) = state.room(now, slots, workers) else {
            return Turn::Wait;
        };
        let is_trial = state.writes.may_call(now) == MayCall::Probe;
        if is_trial {
            state.writes.begin_probe(now);
        }
        Turn::Take(room, is_trial.then_some(Trial))
    }

    pub(crate) fn end_trial(&self, was_sent: bool) {
        let mut state = self.lock();
        state.writes.end_probe();
        if !was_sent {
            state.writes.try_now();
        }
    }

    /// Returns when blocked work may be possible.
    pub(crate) fn next_turn(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.lock();
        let round = state
            .next_round(now)
            .map_or_else(|next| next, |_| Some(now));
        let probes =
            [state.reads, state.writes].map(|availability| match availability.may_call(now) {
                MayCall::Free => None,
                MayCall::Probe => Some(now),
                MayCall::Wait(until) => until,
            });
        let held = [
            state.full_until,
            state.extra_slot_from,
            state.throttle.rests_until(now),
        ];
        let held = held.into_iter().filter(|at| at.is_some_and(|at| at > now));
        held.chain(probes).chain([round]).flatten().min()
    }

    pub(crate) fn note_line(&self, taken: &Taken) {
        let mut state = self.lock();
        state.in_flight = taken.in_flight;
        state.waits_for_slot = taken.waits_for_slot;
    }

    /// Schedules the next round for the expected end of the next operation.
    pub(crate) fn note_round(&self, kind: OperationKind, began: Timestamp, left: u32, pace: &Pace) {
        let mut state = self.lock();
        match kind {
            OperationKind::Create => state.in_flight.creates = left,
            OperationKind::Delete => state.in_flight.deletes = left,
        }
        let pause = round_pause(kind, left, pace.expected(kind));
        let rounds = state.rounds(kind);
        rounds.pause(began, pause);
    }

    pub(crate) fn note_slot(&self) {
        self.lock().full_until = None;
    }

    pub(crate) fn swap_seen(
        &self,
        kind: OperationKind,
        began: Timestamp,
        ids: BTreeSet<String>,
    ) -> Option<(Timestamp, BTreeSet<String>)> {
        let mut state = self.lock();
        let before = state.seen.iter().position(|(of, ..)| *of == kind);
        let before = before.map(|at| state.seen.swap_remove(at));
        state.seen.push((kind, began, ids));
        before.map(|(_, at, ids)| (at, ids))
    }

    pub(crate) fn note_people<'a>(&self, people: impl Iterator<Item = &'a UserId>) {
        let mut removals = BTreeMap::new();
        for user in people {
            *removals.entry(user.clone()).or_insert(0) += 1;
        }
        self.lock().removals = removals;
    }

    /// Whether one listing likely serves several of a person's removals.
    pub(crate) fn asks_for_person(&self, user: &UserId, now: Timestamp) -> bool {
        let state = self.lock();
        let refused = state.refused_people.get(user);
        let is_refused =
            refused.is_some_and(|until| now < future_times::sooner(*until, now, PERSON_REFUSED));
        !is_refused && state.removals.get(user).is_some_and(|count| *count > 1)
    }

    pub(crate) fn refuse_person(&self, user: &UserId, now: Timestamp) {
        let mut state = self.lock();
        state.refused_people.retain(|_, until| now < *until);
        let until = PERSON_REFUSED.after(now);
        state.refused_people.insert(user.clone(), until);
    }

    pub(crate) fn has_crowd_of_creates(&self) -> bool {
        self.lock().in_flight.creates >= CROWD
    }

    pub(crate) fn end_round(&self, kind: OperationKind) {
        self.lock().rounds(kind).end();
    }

    pub(crate) fn refuse_round(&self, kind: OperationKind, now: Timestamp) -> bool {
        let mut state = self.lock();
        let is_news = state.deletes.may_ask(now) && state.creates.may_ask(now);
        state.rounds(kind).refuse(now);
        is_news
    }

    pub(crate) fn begin_work(&self, urgency: Urgency) {
        if let Some(count) = self.lock().at_work.get_mut(place(urgency)) {
            *count += 1;
        }
    }

    pub(crate) fn end_work(&self, urgency: Urgency) {
        if let Some(count) = self.lock().at_work.get_mut(place(urgency)) {
            *count = count.saturating_sub(1);
        }
    }

    pub(crate) fn note_call(
        &self,
        calls: Calls,
        fault: Option<&CenterFault>,
        now: Timestamp,
    ) -> Option<Calls> {
        let mut state = self.lock();
        match fault {
            Some(fault @ (CenterFault::Unreachable { .. } | CenterFault::KeyUnusable { .. })) => {
                if state.of(calls).unanswered(now) {
                    tracing::warn!(
                        ?calls,
                        error = %fault,
                        "AWS does not answer; it is tried every two seconds"
                    );
                }
                return None;
            }
            // Never sent: no evidence about AWS.
            Some(CenterFault::NotSent) => return None,
            Some(CenterFault::Throttled { .. }) => state.throttle.throttled(now),
            Some(CenterFault::Full { .. }) => {
                state.full_until = now.checked_add(FULL_PAUSE).ok();
                state.extra_slot_from = now.checked_add(EXTRA_SLOT_PAUSE).ok();
            }
            Some(
                CenterFault::Conflict { .. }
                | CenterFault::NotFound { .. }
                | CenterFault::Refused { .. },
            )
            | None => state.throttle.call_taken(),
        }
        let recovered = state.of(calls).answered();
        if recovered {
            state.writes.try_now();
            tracing::info!(?calls, "AWS answers again");
        }
        recovered.then_some(calls)
    }

    pub(crate) fn end_probe(&self) {
        self.lock().reads.end_probe();
    }

    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
