//! Injected faults: match, timing, effect (`simulator.md` §4).

mod acts;
mod fault;
mod fields;
mod read;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

pub(crate) use acts::{Act, ActCall, Principal, PrincipalKind, filled};
pub(crate) use fault::When;
use fault::{Fault, FaultEffect, ThrottleScope};
pub(crate) use read::read_all;

use crate::base::{Bucket, Cut, Millis, Random};
use crate::slack::SlackFault;
use serde_json::Value;

use crate::core::{call::Modifiers, entities::FailAsync};

#[derive(Debug, Default)]
pub(crate) struct Subject {
    pub service: String,
    pub operation: String,
    pub region: String,
    pub caller_account: String,
    pub account: Option<String>,
    pub principal: Vec<String>,
    pub permission_set: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum ReplyFault {
    Error {
        code: String,
        http: u16,
        message: String,
    },
    DropBefore(Cut),
    DropAfter(Cut),
    Throttle,
    Slack(SlackFault),
}

impl ReplyFault {
    fn error(code: &str, http: u16, message: &str) -> Self {
        Self::Error {
            code: code.to_owned(),
            http,
            message: message.to_owned(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub reply: Option<ReplyFault>,
    pub before_ms: u64,
    pub after_ms: u64,
    pub modifiers: Modifiers,
    pub acts: Vec<FiredActs>,
    pub fault: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct FiredActs {
    pub fault: String,
    /// Number of the firing, from 1.
    pub firing: u64,
    pub when: When,
    pub acts: Arc<[Act]>,
}

/// Services that are not AWS.
pub(crate) const BESIDE_AWS: [&str; 3] = ["slack", "on_call", "tickets"];

/// Newest refused acts stored per fault.
const FAILURES_KEPT: usize = 100;

/// Effects before authentication.
#[derive(Debug, Default)]
pub(crate) struct Early {
    pub skew_seconds: i64,
    pub expired: bool,
    pub fault: Option<String>,
}

struct Active {
    fault: Fault,
    matched: u64,
    fired: u64,
    buckets: BTreeMap<String, Bucket>,
    acts_done: u64,
    acts_failed: VecDeque<Value>,
}

#[derive(Default)]
pub(crate) struct Faults {
    active: Vec<Active>,
    made: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, faults: Vec<Fault>) -> Vec<String> {
        let given: Vec<String> = faults.iter().filter_map(|it| it.id.clone()).collect();
        let mut ids = Vec::new();
        for mut fault in faults {
            let own = fault.id.take();
            let id = own.unwrap_or_else(|| self.free_id(&given));
            fault.id = Some(id.clone());
            ids.push(id);
            self.active.push(Active {
                fault,
                matched: 0,
                fired: 0,
                buckets: BTreeMap::new(),
                acts_done: 0,
                acts_failed: VecDeque::new(),
            });
        }
        ids
    }

    fn free_id(&mut self, given: &[String]) -> String {
        loop {
            self.made += 1;
            let id = format!("f{}", self.made);
            if !self.has(&id) && !given.contains(&id) {
                return id;
            }
        }
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.active
            .iter()
            .any(|active| active.fault.id.as_deref() == Some(id))
    }

    pub(crate) fn len(&self) -> usize {
        self.active.len()
    }

    pub(crate) fn list(&self) -> Vec<Value> {
        let show = |active: &Active| {
            let mut row = active.fault.source.clone();
            row.insert("id".to_owned(), active.fault.id.clone().into());
            row.insert("matched".to_owned(), active.matched.into());
            row.insert("fired".to_owned(), active.fired.into());
            if matches!(active.fault.kind, FaultEffect::SomebodyActs { .. }) {
                let failed = active.acts_failed.iter().cloned().collect();
                row.insert("acts_done".to_owned(), active.acts_done.into());
                row.insert("acts_failed".to_owned(), Value::Array(failed));
            }
            Value::Object(row)
        };
        self.active.iter().map(show).collect()
    }

    /// Records the result of an act: the failure, or `None`.
    pub(crate) fn note_act(&mut self, id: &str, failure: Option<Value>) {
        let named = |active: &&mut Active| active.fault.id.as_deref() == Some(id);
        // the fault may have been removed meanwhile
        let Some(active) = self.active.iter_mut().find(named) else {
            return;
        };
        match failure {
            None => active.acts_done += 1,
            Some(failure) => {
                if active.acts_failed.len() == FAILURES_KEPT {
                    active.acts_failed.pop_front();
                }
                active.acts_failed.push_back(failure);
            }
        }
    }

    pub(crate) fn remove(&mut self, id: Option<&str>) -> bool {
        let before = self.active.len();
        self.active
            .retain(|active| id.is_some() && active.fault.id.as_deref() != id);
        before != self.active.len()
    }

    pub(crate) fn early(&mut self, subject: &Subject, seed: u64, now: Millis) -> Early {
        let mut early = Early::default();
        for active in &mut self.active {
            let (skew, expires) = match &active.fault.kind {
                FaultEffect::ClockSkew { seconds } => (*seconds, false),
                FaultEffect::ExpireCredentials => (0, true),
                _ => continue,
            };
            if active.fires(subject, seed, now) {
                early.skew_seconds += skew;
                early.expired |= expires;
                early.fault.clone_from(&active.fault.id);
            }
        }
        early
    }

    pub(crate) fn apply(&mut self, subject: &Subject, seed: u64, now: Millis) -> Effects {
        let mut effects = Effects::default();
        for active in &mut self.active {
            if matches!(
                active.fault.kind,
                FaultEffect::ClockSkew { .. } | FaultEffect::ExpireCredentials
            ) {
                continue;
            }
            active.apply(subject, seed, now, &mut effects);
        }
        effects
    }
}

impl Active {
    /// Counts a match and decides whether it fires, only by the seed and the match number, never by
    /// threads.
    fn eligible(&mut self, subject: &Subject, seed: u64, now: Millis) -> bool {
        let fault = &self.fault;
        let late = fault.from.is_some_and(|from| now < from)
            || fault.until.is_some_and(|until| now >= until);
        if late || !fault.matches.holds(subject) {
            return false;
        }
        self.matched += 1;
        if self.matched <= fault.skip || fault.count.is_some_and(|count| self.fired >= count) {
            return false;
        }
        let draw = format!("fault {}", self.matched);
        fault.probability >= 1.0
            || Random::new(fault.seed.unwrap_or(seed), &draw).fraction() < fault.probability
    }

    fn fires(&mut self, subject: &Subject, seed: u64, now: Millis) -> bool {
        let fires = self.eligible(subject, seed, now);
        self.fired += u64::from(fires);
        fires
    }

    /// Takes a token of the fault's own bucket.
    fn take(
        &mut self,
        rate: f64,
        burst: f64,
        scope: ThrottleScope,
        subject: &Subject,
        now: Millis,
    ) -> bool {
        let bucket = match scope {
            ThrottleScope::All => String::new(),
            ThrottleScope::Caller => subject.caller_account.clone(),
            ThrottleScope::Operation => subject.operation.clone(),
        };
        let bucket = self
            .buckets
            .entry(bucket)
            .or_insert_with(|| Bucket::full(burst, now));
        bucket.take(rate, burst, now)
    }

    /// Faults hit calls of other simulated services than AWS only if they name them.
    fn is_meant(&self, subject: &Subject) -> bool {
        let is_named = self.fault.matches.service.as_ref() == Some(&subject.service);
        match self.fault.kind {
            FaultEffect::Slack(_) => subject.service == "slack",
            _ => is_named || !BESIDE_AWS.contains(&subject.service.as_str()),
        }
    }

    fn fired_acts(&self, when: When, acts: &Arc<[Act]>) -> FiredActs {
        FiredActs {
            fault: self.fault.id.clone().unwrap_or_default(),
            firing: self.fired,
            when,
            acts: acts.clone(),
        }
    }

    fn apply(&mut self, subject: &Subject, seed: u64, now: Millis, effects: &mut Effects) {
        if !self.is_meant(subject) {
            return;
        }
        if let FaultEffect::Throttle { rate, burst, scope } = self.fault.kind {
            if self.eligible(subject, seed, now) && !self.take(rate, burst, scope, subject, now) {
                self.fired += 1;
                effects.answer(ReplyFault::Throttle, &self.fault);
            }
            return;
        }
        if !self.fires(subject, seed, now) {
            return;
        }
        let seed = self.fault.seed.unwrap_or(seed);
        effects.note(&self.fault);
        match &self.fault.kind {
            FaultEffect::Error {
                code,
                http,
                message,
            } => {
                let error = ReplyFault::error(code, *http, message);
                effects.answer(error, &self.fault);
            }
            FaultEffect::Slack(fault) => {
                effects.answer(ReplyFault::Slack(fault.clone()), &self.fault);
            }
            FaultEffect::DropBefore { how } => {
                effects.answer(ReplyFault::DropBefore(*how), &self.fault);
            }
            FaultEffect::DropAfter { how } => {
                effects.answer(ReplyFault::DropAfter(*how), &self.fault);
            }
            FaultEffect::Latency { distribution, when } => {
                let purpose = format!("latency {}", self.matched);
                let drawn = distribution.draw(&mut Random::new(seed, &purpose));
                match when {
                    When::Before => effects.before_ms += drawn,
                    When::After => effects.after_ms += drawn,
                }
            }
            FaultEffect::StuckInProgress { seconds } => {
                effects.modifiers.stuck_ms += *seconds;
            }
            FaultEffect::FailAsync { reason, done } => {
                let (reason, done) = (reason.clone(), *done);
                effects.modifiers.fail_async = Some(FailAsync { reason, done });
            }
            FaultEffect::AsyncWithoutStatus => {
                effects.modifiers.hide_status = true;
            }
            FaultEffect::PartialPage { items } => {
                effects.modifiers.page_items = Some(*items);
            }
            FaultEffect::TokenExpired => {
                effects.modifiers.token_expired = true;
            }
            FaultEffect::StaleRead { seconds } => {
                effects.modifiers.stale_ms = effects.modifiers.stale_ms.max(*seconds);
            }
            FaultEffect::SomebodyActs { when, acts } => {
                effects.acts.push(self.fired_acts(*when, acts));
            }
            FaultEffect::Throttle { .. }
            | FaultEffect::ClockSkew { .. }
            | FaultEffect::ExpireCredentials => {}
        }
    }
}

impl Effects {
    fn answer(&mut self, reply: ReplyFault, fault: &Fault) {
        // the call log names the fault that replies
        if self.reply.is_none() {
            self.reply = Some(reply);
            self.fault.clone_from(&fault.id);
        }
    }

    fn note(&mut self, fault: &Fault) {
        if self.fault.is_none() {
            self.fault.clone_from(&fault.id);
        }
    }
}
