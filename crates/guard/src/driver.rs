//! Driver: reads ends, lists, removes, lists again, records. [`EndWatch`] and [`GuardMemory`]
//! decide; all methods are cancel-safe.
//!
//! [`Guard::work`] may run in parallel: a hanging AWS call blocks only its end.

mod ledger;
mod visibility;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_assignments::{CenterFault, OwnedEnd};
use hallpass_base::{AuditId, HoldKey, Target, TimeSpan, Timestamp, UserId};

use crate::journal::{OF_NO_STORE, Writer};
use crate::watch::{Outcome, Step};
use crate::{EndWatch, GuardMemory, Over, Ports};
use ledger::Book;
use visibility::AwsVisibility;

#[derive(Clone, Debug)]
pub struct GuardLimits {
    pub name: String,
    /// Maximum delay of an end before the guard acts.
    pub bound: TimeSpan,
    /// Outstanding removals; AWS allows 10 operations per instance (IAM Identity Center quotas).
    pub outstanding: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Did,
    /// Nothing to do before this time, as far as known.
    Idle(Option<Timestamp>),
    /// The time is unknown: does nothing.
    NoTime,
}

pub struct Guard {
    ports: Ports,
    limits: GuardLimits,
    state: Mutex<GuardState>,
    book: tokio::sync::Mutex<Book>,
}

#[derive(Default)]
struct GuardState {
    memory: GuardMemory,
    watches: BTreeMap<HoldKey, EndWatch>,
    busy: BTreeSet<HoldKey>,
    /// Removals started by an earlier guard, by revision.
    begun: BTreeMap<HoldKey, u64>,
    /// Ends with a recorded refusal, by revision.
    told: BTreeMap<HoldKey, u64>,
    sight: AwsVisibility,
    asked_at: Option<Timestamp>,
    aws_silent_since: Option<Timestamp>,
    not_listed: Option<String>,
    ended_total: u64,
    unwritten: u64,
    /// The store was declared restored: accept the next copy regardless of history.
    is_restored: bool,
    /// The restored copy was accepted but is not certainly recorded.
    restored: Option<RestoredMark>,
}

/// Progress of that record. Without it the next guard would use earlier records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RestoredMark {
    Untold,
    Told,
}

enum Job {
    Look(Target, Vec<HoldKey>),
    Remove(HoldKey),
    Poll(HoldKey, String),
    Ask(HoldKey),
    Settle(HoldKey, Over),
}

/// Keys reserved until drop.
struct Taken<'a> {
    guard: &'a Guard,
    keys: Vec<HoldKey>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut state = self.guard.state();
        for key in &self.keys {
            state.busy.remove(key);
        }
    }
}

impl Guard {
    /// Starts with its predecessor's state. Logs and ignores unreadable state: an end matters more
    /// than a record.
    pub async fn start(ports: Ports, limits: GuardLimits) -> Self {
        let mut state = GuardState::default();
        match ports.memory.load().await {
            Ok(kept) => state.memory = GuardMemory::from_kept(kept),
            Err(fault) => tracing::warn!(error = %fault, "the guard's memory cannot be read"),
        }
        match ports.journal.records().await {
            Ok(records) => state.recall(&records),
            Err(fault) => tracing::error!(error = %fault, "the guard's journal cannot be read"),
        }
        Self {
            ports,
            limits,
            state: Mutex::new(state),
            book: tokio::sync::Mutex::new(Book::default()),
        }
    }

    /// Declares the store restored from a backup: accepts the next copy regardless of history. Ends
    /// missing in it still happen.
    pub fn accept_restored(&self) {
        self.state().is_restored = true;
    }

    fn state(&self) -> MutexGuard<'_, GuardState> {
        // state changes are atomic: usable after a panic elsewhere
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Option<Timestamp> {
        self.ports.time.now()
    }

    fn writer(&self, now: Timestamp) -> Writer<'_> {
        Writer {
            name: &self.limits.name,
            now,
            id: AuditId::new(self.ports.ids.next(now)),
        }
    }

    pub async fn tick(&self) {
        self.refresh().await;
        while self.work().await == Work::Did {}
    }

    /// Runs the next due step, longest overdue first.
    pub async fn work(&self) -> Work {
        let Some(now) = self.now() else {
            return Work::NoTime;
        };
        let (job, _taken) = match self.take_job(now) {
            Ok(taken) => taken,
            Err(next) => return Work::Idle(next),
        };
        match job {
            Job::Look(target, keys) => self.look(&target, &keys, now).await,
            Job::Remove(key) => self.remove(&key).await,
            Job::Poll(key, request) => {
                let answer = self.ports.center.status(&request).await;
                self.heard(answer.as_ref().err());
                self.learn(&key, Outcome::Status(answer)).await;
            }
            Job::Ask(key) => {
                let answer = self.ports.center.missing(&key).await;
                self.heard(answer.as_ref().err());
                self.learn(&key, Outcome::Asked(answer)).await;
            }
            Job::Settle(key, over) => self.settle(&key, over).await,
        }
        Work::Did
    }

    /// Reserves the next job; else returns when one may be due.
    fn take_job(&self, now: Timestamp) -> Result<(Job, Taken<'_>), Option<Timestamp>> {
        let bound = self.limits.bound;
        let mut state = self.state();
        let (job, next) = state.next_job(now, bound, self.limits.outstanding);
        let Some(job) = job else {
            return Err(next);
        };
        let keys = match &job {
            Job::Look(_, keys) => keys.clone(),
            Job::Remove(key) | Job::Poll(key, _) | Job::Ask(key) | Job::Settle(key, _) => {
                vec![key.clone()]
            }
        };
        state.busy.extend(keys.iter().cloned());
        state.asked_at = Some(now);
        let guard = self;
        Ok((job, Taken { guard, keys }))
    }

    /// One listing serves all ends of a target.
    async fn look(&self, target: &Target, keys: &[HoldKey], at: Timestamp) {
        let listed = self.list(target).await;
        for key in keys {
            let outcome = match &listed {
                Ok(holders) => Outcome::Looked {
                    at,
                    present: holders.contains(&key.user),
                },
                Err(_) => Outcome::LookFailed,
            };
            self.learn(key, outcome).await;
        }
    }

    /// Removes if the newest copy still requires it.
    async fn remove(&self, key: &HoldKey) {
        if !self.is_still_due(key).await {
            if let Some((now, watch)) = self.now().zip(self.state().watches.get_mut(key)) {
                watch.defer(now);
            }
            return;
        }
        let Some((now, end)) = self.now().zip(self.end_of(key)) else {
            return;
        };
        // CRASH: the intent is recorded; the next guard lists and records the result
        let told = self.as_told(&end);
        self.write([self.writer(now).ending(&told)]).await;
        let answer = self.ports.center.remove(key).await;
        self.heard(answer.as_ref().err());
        self.learn(key, Outcome::Removal(answer)).await;
    }

    /// The end for the journal. An end unknown to a restored store uses a separate revision,
    /// unrelated to that store's.
    fn as_told(&self, end: &OwnedEnd) -> OwnedEnd {
        let is_orphan = self.state().memory.is_orphan(&end.key);
        OwnedEnd {
            rev: if is_orphan { OF_NO_STORE } else { end.rev },
            ..end.clone()
        }
    }

    fn end_of(&self, key: &HoldKey) -> Option<OwnedEnd> {
        let state = self.state();
        state.watches.get(key).map(|watch| watch.end().clone())
    }

    async fn learn(&self, key: &HoldKey, outcome: Outcome) {
        let Some(now) = self.now() else {
            return;
        };
        let refusal = {
            let mut state = self.state();
            let Some(watch) = state.watches.get_mut(key) else {
                return;
            };
            watch.learn(outcome, now);
            state.unreported_refusal(key)
        };
        if let Some((end, error)) = refusal {
            tracing::error!(key = %key, error, "AWS refuses a removal; it is tried again");
            self.write([self.writer(now).refused(&end, &error)]).await;
        }
    }

    async fn settle(&self, key: &HoldKey, over: Over) {
        let Some(now) = self.now() else {
            return;
        };
        let watch = self.state().watches.get(key).cloned();
        let Some(watch) = watch else {
            return;
        };
        let end = watch.end();
        let told = self.as_told(end);
        let record = self.writer(now).ended(&told, over, watch.why_gone());
        // CRASH: record before memory; a repeat records twice, never not at all
        self.write(record).await;
        let mut state = self.state();
        if over == Over::Removed {
            state.ended_total += 1;
            let late = TimeSpan::between(end.until, now);
            tracing::error!(key = %key, %late, "the guard removed what the server had not");
        }
        state.memory.settle(key, end.rev);
        state.watches.remove(key);
        state.begun.remove(key);
    }

    fn heard(&self, fault: Option<&CenterFault>) {
        let now = self.now();
        let mut state = self.state();
        match fault {
            Some(CenterFault::Unreachable { .. }) => {
                state.aws_silent_since = state.aws_silent_since.or(now);
            }
            Some(CenterFault::NotSent) => {}
            Some(
                CenterFault::Throttled { .. }
                | CenterFault::Full { .. }
                | CenterFault::Conflict { .. }
                | CenterFault::NotFound { .. }
                | CenterFault::KeyUnusable { .. }
                | CenterFault::Refused { .. },
            )
            | None => state.aws_silent_since = None,
        }
    }

    /// After idle time, lists the next end's target: keeps the time accurate and detects lost
    /// permissions early.
    pub async fn probe(&self, after: TimeSpan) -> Result<(), CenterFault> {
        let now = self.now();
        let target = {
            let mut state = self.state();
            let asked = state.asked_at.zip(now);
            if asked.is_some_and(|(asked, now)| now < after.after(asked)) {
                return Ok(());
            }
            let soonest = state.watches.values().min_by_key(|watch| watch.end().until);
            let Some(target) = soonest.map(|watch| watch.end().key.target.clone()) else {
                return Ok(());
            };
            state.asked_at = now;
            target
        };
        self.list(&target).await.map(|_| ())
    }

    async fn list(&self, target: &Target) -> Result<Vec<UserId>, CenterFault> {
        let listed = self.ports.center.holders(target).await;
        self.heard(listed.as_ref().err());
        let refused = match &listed {
            Err(
                fault @ (CenterFault::Refused { .. }
                | CenterFault::NotFound { .. }
                | CenterFault::KeyUnusable { .. }),
            ) => Some(fault.to_string()),
            Ok(_)
            | Err(
                CenterFault::Throttled { .. }
                | CenterFault::NotSent
                | CenterFault::Full { .. }
                | CenterFault::Conflict { .. }
                | CenterFault::Unreachable { .. },
            ) => None,
        };
        self.state().not_listed = refused;
        listed
    }
}

impl GuardState {
    /// Returns the next job, else when one may be due.
    fn next_job(
        &self,
        now: Timestamp,
        bound: TimeSpan,
        outstanding: usize,
    ) -> (Option<Job>, Option<Timestamp>) {
        let flying = self.watches.values().filter(|watch| watch.is_in_flight());
        let mut lanes: BTreeSet<String> = flying.map(|watch| watch.end().key.lane()).collect();
        let removing = self.busy.iter().map(HoldKey::lane);
        lanes.extend(removing);
        let in_flight = self.watches.values().filter(|watch| watch.is_in_flight());
        let is_full = in_flight.count() >= outstanding;
        let mut next: Option<Timestamp> = None;
        let mut ready = Vec::new();
        let free = self.watches.values();
        for watch in free.filter(|watch| !self.busy.contains(&watch.end().key)) {
            match watch.next(now, bound) {
                Step::Rest(until) => next = Some(next.map_or(until, |next| next.min(until))),
                step => ready.push((watch, step)),
            }
        }
        ready.sort_by_key(|(watch, _)| watch.end().until);
        for (watch, step) in ready {
            let key = watch.end().key.clone();
            let job = match step {
                Step::Rest(_) => continue,
                // one operation at a time per account and set, regardless of sender
                Step::Remove if is_full || lanes.contains(&key.lane()) => continue,
                Step::Remove => Job::Remove(key),
                Step::Look => {
                    let keys = self.to_be_looked_for(&key.target, now, bound);
                    Job::Look(key.target, keys)
                }
                Step::Poll(request) => Job::Poll(key, request),
                Step::Ask => Job::Ask(key),
                Step::Settle(over) => Job::Settle(key, over),
            };
            return (Some(job), None);
        }
        (None, next)
    }

    fn to_be_looked_for(&self, target: &Target, now: Timestamp, bound: TimeSpan) -> Vec<HoldKey> {
        let looking = |watch: &&EndWatch| {
            let key = &watch.end().key;
            key.target == *target
                && !self.busy.contains(key)
                && watch.next(now, bound) == Step::Look
        };
        let found = self.watches.values().filter(looking);
        found.map(|watch| watch.end().key.clone()).collect()
    }

    fn unreported_refusal(&mut self, key: &HoldKey) -> Option<(OwnedEnd, String)> {
        let watch = self.watches.get(key)?;
        let rev = watch.end().rev;
        if !watch.is_refused() || self.told.get(key).is_some_and(|told| *told >= rev) {
            return None;
        }
        let error = watch.last_error().unwrap_or("AWS gave no reason");
        let told = (watch.end().clone(), error.to_owned());
        self.told.insert(key.clone(), rev);
        Some(told)
    }
}
