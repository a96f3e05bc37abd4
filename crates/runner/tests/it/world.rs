//! Keys and values behind [`Hands`], with troubles on demand, and a gate every port call passes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_model::Timestamp;
use hallpass_runner::testing::{Hourglass, MemoryPlans};
use hallpass_runner::{
    Act, Applying, Change, Class, Effect, Entry, Hands, Keeper, Lane, LeaseAnswer, Limits, Plan,
    PlanDraft, PlanId, PlanStore, Probe, Report, Retry, RunError, Runner, Saved, Setback, Step,
    StepId, StoreFault, Stored, Target, Undo, Verify,
};
use serde_json::{Value, json};

/// What is there, and what was sent.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) values: Mutex<BTreeMap<String, Value>>,
    pub(crate) writes: Mutex<Vec<String>>,
    pub(crate) tokens: Mutex<Vec<String>>,
    /// Answers given instead of the real ones, by key.
    pub(crate) troubles: Mutex<BTreeMap<String, VecDeque<Setback>>>,
    /// Keys whose writes are taken on, and how often they are asked for until they are done.
    pub(crate) slow: Mutex<BTreeMap<String, u32>>,
    running: AtomicU32,
    pub(crate) most: AtomicU32,
}

pub(crate) fn throttled() -> Setback {
    Setback::Retry(Retry {
        class: Class::Throttle,
        after: None,
        why: "slow down".into(),
    })
}

pub(crate) fn conflict() -> Setback {
    Setback::Retry(Retry {
        class: Class::Conflict,
        after: None,
        why: "operation is in progress".into(),
    })
}

pub(crate) fn denied() -> Setback {
    Setback::Failed {
        code: "AccessDenied".into(),
        text: "no".into(),
    }
}

impl World {
    pub(crate) fn trouble(&self, key: &str, troubles: &[Setback]) {
        let troubles = troubles.to_vec().into();
        self.troubles.lock().unwrap().insert(key.into(), troubles);
    }

    pub(crate) fn put(&self, key: &str, value: Value) {
        self.values.lock().unwrap().insert(key.into(), value);
    }

    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        self.values.lock().unwrap().get(key).cloned()
    }

    pub(crate) fn writes(&self) -> Vec<String> {
        self.writes.lock().unwrap().clone()
    }

    fn set(&self, key: &str, value: &Value) {
        if value.is_null() {
            self.values.lock().unwrap().remove(key);
        } else {
            self.put(key, value.clone());
        }
    }
}

#[async_trait]
impl Hands for World {
    async fn probe(&self, step: &Step) -> Result<Probe, Setback> {
        Ok(match self.get(&step.target.key) {
            old if old.clone().unwrap_or_default() == step.desired => Probe::Satisfied,
            None => Probe::Absent,
            Some(old) => Probe::Differs { old },
        })
    }

    async fn act(&self, step: &Step, _: &Probe) -> Act {
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..3 {
            futures_yield().await;
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        let key = &step.target.key;
        let mut troubles = self.troubles.lock().unwrap();
        if let Some(trouble) = troubles.get_mut(key).and_then(VecDeque::pop_front) {
            return Act::Setback(trouble);
        }
        self.writes.lock().unwrap().push(key.clone());
        self.tokens.lock().unwrap().push(step.token.clone());
        if self.slow.lock().unwrap().contains_key(key) {
            return Act::Accepted {
                remote: format!("op-{key}"),
            };
        }
        self.set(key, &step.desired);
        Act::Done(Effect {
            new: step.desired.clone(),
            requests: vec![format!("req-{key}")],
        })
    }

    async fn verify(&self, step: &Step, remote: &str) -> Verify {
        let key = remote.trim_start_matches("op-");
        let mut slow = self.slow.lock().unwrap();
        let left = slow.get_mut(key).unwrap();
        if *left > 0 {
            *left -= 1;
            return Verify::Running;
        }
        drop(slow);
        self.set(key, &step.desired);
        Verify::Done(Effect {
            new: step.desired.clone(),
            requests: Vec::new(),
        })
    }

    fn undo(&self, step: &Step, old: &Value, _: &Value) -> Undo {
        if step.target.key.starts_with("account") {
            Undo::Not("accounts cannot be deleted".into())
        } else {
            Undo::By(vec![("put".into(), old.clone())])
        }
    }
}

/// Lets the others run.
async fn futures_yield() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if yielded {
            return std::task::Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// What happens at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Fail,
    LoseAnswer,
    StopBefore,
    StopAfter,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [
        Self::Fail,
        Self::LoseAnswer,
        Self::StopBefore,
        Self::StopAfter,
    ];
}

/// Counts port calls and does something bad at one of them.
#[derive(Default)]
pub(crate) struct Gate {
    calls: AtomicU32,
    pub(crate) plan: Option<(u32, Mode)>,
    pub(crate) stopped: tokio::sync::Notify,
}

impl Gate {
    pub(crate) fn new(plan: Option<(u32, Mode)>) -> Arc<Self> {
        Arc::new(Self {
            plan,
            ..Self::default()
        })
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn pass<T>(&self, call: impl Future<Output = T>, lost: impl Fn() -> T) -> T {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.plan.filter(|(at, _)| *at == number) {
            None => call.await,
            Some((_, Mode::Fail)) => lost(),
            Some((_, Mode::LoseAnswer)) => {
                drop(call.await);
                lost()
            }
            Some((_, Mode::StopBefore)) => self.halt().await,
            Some((_, Mode::StopAfter)) => {
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

/// A port behind the gate.
pub(crate) struct Gated<P>(pub(crate) Arc<P>, pub(crate) Arc<Gate>);

#[async_trait]
impl<P: Hands> Hands for Gated<P> {
    async fn probe(&self, step: &Step) -> Result<Probe, Setback> {
        self.1.pass(self.0.probe(step), || Err(throttled())).await
    }

    async fn act(&self, step: &Step, seen: &Probe) -> Act {
        let lost = || Act::Setback(throttled());
        self.1.pass(self.0.act(step, seen), lost).await
    }

    async fn verify(&self, step: &Step, remote: &str) -> Verify {
        let lost = || Verify::Setback(throttled());
        self.1.pass(self.0.verify(step, remote), lost).await
    }

    fn undo(&self, step: &Step, old: &Value, new: &Value) -> Undo {
        self.0.undo(step, old, new)
    }
}

fn lost<T>() -> Result<T, StoreFault> {
    Err(StoreFault("lost".into()))
}

#[async_trait]
impl<P: PlanStore> PlanStore for Gated<P> {
    async fn save_plan(&self, plan: &Plan) -> Result<(), StoreFault> {
        self.1.pass(self.0.save_plan(plan), lost).await
    }

    async fn plan(&self, id: &PlanId) -> Result<Option<Saved>, StoreFault> {
        self.1.pass(self.0.plan(id), lost).await
    }

    async fn plans(&self, limit: u32) -> Result<Vec<Saved>, StoreFault> {
        self.1.pass(self.0.plans(limit), lost).await
    }

    async fn set_aborted(&self, id: &PlanId, aborted: bool) -> Result<(), StoreFault> {
        self.1.pass(self.0.set_aborted(id, aborted), lost).await
    }

    async fn append(
        &self,
        plan: &PlanId,
        at: Timestamp,
        entry: &Entry,
        change: Option<&Change>,
    ) -> Result<u64, StoreFault> {
        let call = self.0.append(plan, at, entry, change);
        self.1.pass(call, lost).await
    }

    async fn journal(&self, plan: &PlanId) -> Result<Vec<Stored>, StoreFault> {
        self.1.pass(self.0.journal(plan), lost).await
    }

    async fn cut_torn(&self, plan: &PlanId, number: u64) -> Result<(), StoreFault> {
        self.1.pass(self.0.cut_torn(plan, number), lost).await
    }

    async fn lease(
        &self,
        lane: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<LeaseAnswer, StoreFault> {
        let call = self.0.lease(lane, holder, now, until);
        self.1.pass(call, lost).await
    }

    async fn unlease(&self, lane: &str, holder: &str) -> Result<(), StoreFault> {
        self.1.pass(self.0.unlease(lane, holder), lost).await
    }
}

/// A world with a runner over it.
pub(crate) struct Bench {
    pub(crate) world: Arc<World>,
    pub(crate) store: Arc<MemoryPlans>,
    pub(crate) clock: Arc<Hourglass>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let start: Timestamp = "2026-03-02T10:05:00Z".parse().unwrap();
        Self {
            world: Arc::default(),
            store: Arc::default(),
            clock: Arc::new(Hourglass::new(start)),
        }
    }

    pub(crate) fn runner(&self, holder: &str) -> Runner {
        self.gated(holder, &Gate::new(None))
    }

    pub(crate) fn gated(&self, holder: &str, gate: &Arc<Gate>) -> Runner {
        Runner::new(
            Arc::new(Gated(Arc::clone(&self.store), Arc::clone(gate))),
            Arc::new(Gated(Arc::clone(&self.world), Arc::clone(gate))),
            Arc::clone(&self.clock) as Arc<_>,
            Arc::clone(&self.clock) as Arc<_>,
            Arc::clone(&self.clock) as Arc<_>,
            Keeper {
                holder: holder.into(),
                actor: "ana@example.com".into(),
            },
        )
    }

    /// Looks and applies.
    pub(crate) async fn apply(
        &self,
        draft: PlanDraft,
        applying: &Applying,
    ) -> Result<Report, RunError> {
        let runner = self.runner("one");
        let looked = runner.look(draft).await?;
        runner.apply(&looked.plan.id, applying).await
    }
}

/// A draft of independent puts.
pub(crate) fn puts(keys: &[&str]) -> PlanDraft {
    limited(keys, Limits::USUAL, &Lane::usual())
}

pub(crate) fn limited(keys: &[&str], limits: Limits, lane: &Lane) -> PlanDraft {
    let mut draft = PlanDraft::new("test.put", "o-abcdefghij", limits);
    for key in keys {
        put(&mut draft, key, lane, &[]);
    }
    draft
}

pub(crate) fn put(draft: &mut PlanDraft, key: &str, lane: &Lane, after: &[StepId]) -> StepId {
    let target = Target::global("111122223333", key);
    draft.step(target, "put", json!({"v": key}), lane.clone(), after)
}

/// How each target ended, in their order.
pub(crate) fn outcomes(report: &Report) -> String {
    let rows = report.targets.iter();
    let rows: Vec<String> = rows
        .map(|row| format!("{} {}", row.target.key, row.outcome))
        .collect();
    rows.join(", ")
}

pub(crate) fn patient(seconds: u64) -> Applying {
    Applying {
        patience: Duration::from_secs(seconds),
        ..Applying::default()
    }
}
