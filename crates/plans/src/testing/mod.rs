//! For tests: an in-memory journal, a manual clock, and a gate for port calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{Clock, IdSource, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::Stored;
use crate::{Class, JournalAddition, JournalEntry, JudgedState, LaneClaim, Retry};
use crate::{
    LANE_LEASE, Lane, Plan, PlanDraft, PlanId, PlanLimits, PlanStep, RunnerPorts, StepId, StepNews,
    StepProbe, StepTarget,
};
use crate::{
    LeaseAnswer, PartDone, PlanStore, PlansOfKind, Saved, SentBefore, Sleeper, StepError,
    StepExecutor, StepPart, StoreFault, TargetChange, Undo, UnreadPlan, Verify, WriteAnswer,
};

pub fn plan_of_one_step(
    id: &str,
    kind: &str,
    step_kind: &str,
    desired: Value,
    made_at: Timestamp,
) -> Plan {
    let target = StepTarget::global("111111111111", id);
    let (mut draft, lane) = (PlanDraft::new(kind, "o", PlanLimits::USUAL), Lane::usual());
    let step = PlanStep {
        id: draft.step(
            target.clone(),
            step_kind,
            desired.clone(),
            lane.clone(),
            &[],
        ),
        target,
        kind: step_kind.to_owned(),
        desired,
        lane,
        after: Vec::new(),
        token: String::new(),
        timeout: LANE_LEASE,
    };
    Plan {
        id: PlanId::named(id),
        kind: kind.to_owned(),
        organization: "o".to_owned(),
        generation: 0,
        round: 0,
        before: None,
        steps: vec![step],
        facts: Value::Null,
        limits: PlanLimits::USUAL,
        expected: BTreeMap::new(),
        takes_back: BTreeMap::new(),
        account_names: BTreeMap::new(),
        made_at,
        made_by: "ana".to_owned(),
    }
}

pub fn ports(
    store: Arc<dyn PlanStore>,
    hands: Arc<dyn StepExecutor>,
    time: &Arc<Hourglass>,
) -> RunnerPorts {
    RunnerPorts {
        store,
        hands,
        clock: Arc::clone(time) as Arc<_>,
        ids: Arc::clone(time) as Arc<_>,
        nap: Arc::clone(time) as Arc<_>,
    }
}

#[derive(Default)]
struct TestRunnerState {
    plans: BTreeMap<PlanId, (u64, Saved)>,
    spoiled: BTreeSet<PlanId>,
    saves: u64,
    journals: BTreeMap<PlanId, Vec<String>>,
    leases: BTreeMap<String, (String, Timestamp)>,
    changes: Vec<TargetChange>,
}

const SPOILED: &str = "stored plan cannot be read";

#[derive(Default)]
pub struct MemoryPlans(Mutex<TestRunnerState>);

impl MemoryPlans {
    fn lock(&self) -> MutexGuard<'_, TestRunnerState> {
        // every change of the state is atomic
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(&self, limit: u32, is_meant: impl Fn(&Plan) -> bool) -> Vec<Saved> {
        let state = self.lock();
        let mut all: Vec<&(u64, Saved)> = state.plans.values().collect();
        all.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let all = all.into_iter().map(|(_, it)| it);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        all.filter(|it| !state.spoiled.contains(&it.plan.id) && is_meant(&it.plan))
            .take(limit)
            .cloned()
            .collect()
    }

    /// Makes a plan unreadable, like one of a later release; its journal stays readable.
    pub fn spoil(&self, plan: &PlanId) {
        self.lock().spoiled.insert(plan.clone());
    }

    fn ensure_readable(&self, plan: &PlanId) -> Result<(), StoreFault> {
        if self.lock().spoiled.contains(plan) {
            return Err(StoreFault(SPOILED.to_owned()));
        }
        Ok(())
    }

    pub fn changes(&self) -> Vec<TargetChange> {
        self.lock().changes.clone()
    }

    /// Stores a plan and its journal, at the plan's time. Never fails.
    pub async fn keep(&self, plan: &Plan, journal: &[JournalEntry]) -> Result<(), StoreFault> {
        self.save_plan(plan).await?;
        for entry in journal {
            let added = JournalAddition {
                at: plan.made_at,
                entry,
                change: None,
            };
            self.append(&plan.id, added).await?;
        }
        Ok(())
    }

    pub fn texts(&self, plan: &PlanId) -> Vec<String> {
        self.lock().journals.get(plan).cloned().unwrap_or_default()
    }

    /// Replaces the last record, simulating a torn write.
    pub fn tear(&self, plan: &PlanId, text: &str) {
        if let Some(last) = self
            .lock()
            .journals
            .get_mut(plan)
            .and_then(|all| all.last_mut())
        {
            text.clone_into(last);
        }
    }
}

#[async_trait]
impl PlanStore for MemoryPlans {
    async fn save_plan(&self, plan: &Plan) -> Result<(), StoreFault> {
        let mut state = self.lock();
        state.spoiled.remove(&plan.id);
        state.saves += 1;
        let saved = Saved {
            plan: plan.clone(),
            aborted: false,
        };
        let number = state.saves;
        state.plans.insert(plan.id.clone(), (number, saved));
        Ok(())
    }

    async fn plan(&self, id: &PlanId) -> Result<Option<Saved>, StoreFault> {
        self.ensure_readable(id)?;
        Ok(self.lock().plans.get(id).map(|(_, saved)| saved.clone()))
    }

    async fn plans(&self, limit: u32) -> Result<Vec<Saved>, StoreFault> {
        Ok(self.newest(limit, |_| true))
    }

    async fn plans_of_kind(&self, kind: &str, limit: u32) -> Result<PlansOfKind, StoreFault> {
        let plans = self.newest(limit, |plan| plan.kind == kind);
        let unread = |id: &PlanId| UnreadPlan {
            id: id.clone(),
            why: SPOILED.to_owned(),
        };
        let unread = self.lock().spoiled.iter().map(unread).collect();
        Ok(PlansOfKind { plans, unread })
    }

    async fn set_aborted(&self, id: &PlanId, aborted: bool) -> Result<(), StoreFault> {
        if let Some((_, saved)) = self.lock().plans.get_mut(id) {
            saved.aborted = aborted;
        }
        Ok(())
    }

    async fn append(&self, plan: &PlanId, added: JournalAddition<'_>) -> Result<u64, StoreFault> {
        let text = serde_json::to_string(&added.record()).map_err(|e| StoreFault(e.to_string()))?;
        let mut state = self.lock();
        state.changes.extend(added.change.cloned());
        let journal = state.journals.entry(plan.clone()).or_default();
        journal.push(text);
        Ok(u64::try_from(journal.len()).unwrap_or(u64::MAX))
    }

    async fn journal(&self, plan: &PlanId) -> Result<Vec<Stored>, StoreFault> {
        let texts = self.texts(plan);
        let rows = (1..).zip(texts);
        Ok(rows.map(|(number, text)| Stored { number, text }).collect())
    }

    async fn cut_torn(&self, plan: &PlanId, number: u64) -> Result<(), StoreFault> {
        if let Some(journal) = self.lock().journals.get_mut(plan)
            && usize::try_from(number).is_ok_and(|number| number == journal.len())
        {
            journal.pop();
        }
        Ok(())
    }

    async fn lease(&self, lane: &str, claim: LaneClaim<'_>) -> Result<LeaseAnswer, StoreFault> {
        let mut state = self.lock();
        let held = state.leases.get(lane).cloned();
        let answer = LeaseAnswer::to(&claim, held);
        if answer == LeaseAnswer::Ours {
            let taken = (claim.holder.to_owned(), claim.until);
            state.leases.insert(lane.to_owned(), taken);
        }
        Ok(answer)
    }

    async fn unlease(&self, lane: &str, holder: &str) -> Result<(), StoreFault> {
        let mut state = self.lock();
        if state.leases.get(lane).is_some_and(|(by, _)| by == holder) {
            state.leases.remove(lane);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortMode {
    Fail,
    /// Takes effect, but the response is lost.
    LoseAnswer,
    StopBefore,
    /// Crashes after the effect, before the response.
    StopAfter,
}

impl PortMode {
    pub const ALL: [Self; 4] = [
        Self::Fail,
        Self::LoseAnswer,
        Self::StopBefore,
        Self::StopAfter,
    ];
}

/// Counts port calls and injects a fault into one.
#[derive(Default)]
pub struct Gate {
    calls: AtomicU64,
    plan: Option<(u64, PortMode)>,
    stopped: tokio::sync::Notify,
}

impl Gate {
    /// `plan`: the call, from 1, and its fault.
    pub fn new(plan: Option<(u64, PortMode)>) -> Arc<Self> {
        Arc::new(Self {
            plan,
            ..Self::default()
        })
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    pub async fn stop(&self) {
        self.stopped.notified().await;
    }

    pub async fn pass<T>(&self, call: impl Future<Output = T>, lost: impl Fn() -> T) -> T {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.plan.filter(|(at, _)| *at == number) {
            None => call.await,
            Some((_, PortMode::Fail)) => lost(),
            Some((_, PortMode::LoseAnswer)) => {
                drop(call.await);
                lost()
            }
            Some((_, PortMode::StopBefore)) => self.halt().await,
            Some((_, PortMode::StopAfter)) => {
                drop(call.await);
                self.halt().await
            }
        }
    }

    async fn halt<T>(&self) -> T {
        self.stopped.notify_one();
        std::future::pending().await
    }
}

/// The path of a call between a process and its peer.
pub trait Way: Send + Sync {
    /// Passes a read, or fails as unanswered.
    fn pass<T: Send, E: Send>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
        lost: impl Fn() -> E + Send + Sync,
    ) -> impl Future<Output = Result<T, E>> + Send;

    fn send<T: Send, E: Send>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
        lost: impl Fn() -> E + Send + Sync,
    ) -> impl Future<Output = Result<T, E>> + Send {
        self.pass(call, lost)
    }
}

impl Way for Gate {
    async fn pass<T: Send, E: Send>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
        lost: impl Fn() -> E + Send + Sync,
    ) -> Result<T, E> {
        Self::pass(self, call, || Err(lost())).await
    }
}

pub struct Gated<P, W = Gate>(pub Arc<P>, pub Arc<W>);

fn lost() -> StoreFault {
    StoreFault("lost".to_owned())
}

fn unheard() -> StepError {
    StepError::Retry(Retry {
        class: Class::Throttle,
        after: None,
        why: "lost".to_owned(),
    })
}

#[async_trait]
impl<P: StepExecutor> StepExecutor for Gated<P> {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.1.pass(self.0.probe(step), || Err(unheard())).await
    }

    async fn look_again(&self, step: &PlanStep, sent: &SentBefore) -> Result<StepProbe, StepError> {
        let look = self.0.look_again(step, sent);
        self.1.pass(look, || Err(unheard())).await
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        let lost = || WriteAnswer::Setback(unheard());
        self.1.pass(self.0.act(step, seen), lost).await
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        let lost = || Verify::Setback(unheard());
        self.1.pass(self.0.verify(step, remote), lost).await
    }

    fn undo(&self, step: &PlanStep, old: &Value, new: &Value) -> Undo {
        self.0.undo(step, old, new)
    }

    fn is_half_done(&self, step: &PlanStep, before: &Value, now: &StepProbe) -> bool {
        self.0.is_half_done(step, before, now)
    }

    fn kept_before(&self, step: &PlanStep, before: Value) -> Value {
        self.0.kept_before(step, before)
    }

    async fn done_in_part(&self, step: &PlanStep, before: &Value) -> Option<PartDone> {
        self.0.done_in_part(step, before).await
    }

    fn has_parts(&self, step: &PlanStep) -> bool {
        self.0.has_parts(step)
    }

    fn without_changed_parts(&self, step: &PlanStep, judged: JudgedState<'_>) -> Option<StepPart> {
        self.0.without_changed_parts(step, judged)
    }
}

#[async_trait]
impl<P: PlanStore, W: Way> PlanStore for Gated<P, W> {
    async fn save_plan(&self, plan: &Plan) -> Result<(), StoreFault> {
        self.1.send(self.0.save_plan(plan), lost).await
    }

    async fn plan(&self, id: &PlanId) -> Result<Option<Saved>, StoreFault> {
        self.1.pass(self.0.plan(id), lost).await
    }

    async fn plans(&self, limit: u32) -> Result<Vec<Saved>, StoreFault> {
        self.1.pass(self.0.plans(limit), lost).await
    }

    async fn plans_of_kind(&self, kind: &str, limit: u32) -> Result<PlansOfKind, StoreFault> {
        self.1.pass(self.0.plans_of_kind(kind, limit), lost).await
    }

    async fn set_aborted(&self, id: &PlanId, aborted: bool) -> Result<(), StoreFault> {
        self.1.send(self.0.set_aborted(id, aborted), lost).await
    }

    async fn append(&self, plan: &PlanId, added: JournalAddition<'_>) -> Result<u64, StoreFault> {
        self.1.send(self.0.append(plan, added), lost).await
    }

    async fn journal(&self, plan: &PlanId) -> Result<Vec<Stored>, StoreFault> {
        self.1.pass(self.0.journal(plan), lost).await
    }

    async fn cut_torn(&self, plan: &PlanId, number: u64) -> Result<(), StoreFault> {
        self.1.send(self.0.cut_torn(plan, number), lost).await
    }

    async fn lease(&self, lane: &str, claim: LaneClaim<'_>) -> Result<LeaseAnswer, StoreFault> {
        self.1.send(self.0.lease(lane, claim), lost).await
    }

    async fn unlease(&self, lane: &str, holder: &str) -> Result<(), StoreFault> {
        self.1.send(self.0.unlease(lane, holder), lost).await
    }
}

/// A clock advanced by sleeps, and reproducible ids.
pub struct Hourglass {
    microsecond: AtomicI64,
    ids: AtomicU64,
}

impl Hourglass {
    pub fn new(start: Timestamp) -> Self {
        Self {
            microsecond: AtomicI64::new(start.as_microsecond()),
            ids: AtomicU64::new(1),
        }
    }

    pub fn advance(&self, span: Duration) {
        let by = i64::try_from(span.as_micros()).unwrap_or(i64::MAX / 2);
        self.microsecond.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for Hourglass {
    fn now(&self) -> Timestamp {
        let microsecond = self.microsecond.fetch_add(1_000, Ordering::SeqCst);
        Timestamp::from_microsecond(microsecond).unwrap_or(Timestamp::MAX)
    }
}

impl IdSource for Hourglass {
    fn next(&self, now: Timestamp) -> Uuid {
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let count = self.ids.fetch_add(1, Ordering::SeqCst);
        Uuid::from_u64_pair((millisecond << 16) | 0x7000, (0b10 << 62) | count)
    }
}

#[async_trait]
impl Sleeper for Hourglass {
    async fn sleep(&self, span: Duration) {
        self.advance(span);
    }
}

#[derive(Default)]
pub struct MemoryNews(Mutex<BTreeMap<StepId, u64>>);

#[async_trait]
impl StepNews for MemoryNews {
    async fn tell(&self, steps: &[StepId], _at: Timestamp) -> Result<(), StoreFault> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for step in steps {
            *all.entry(step.clone()).or_default() += 1;
        }
        Ok(())
    }

    async fn told(&self, step: &StepId) -> Result<u64, StoreFault> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(all.get(step).copied().unwrap_or(0))
    }
}
