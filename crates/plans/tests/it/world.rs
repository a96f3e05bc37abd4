use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::Timestamp;
use hallpass_plans::testing::{Gate, Gated, Hourglass, MemoryPlans, ports};
use hallpass_plans::{
    Applying, Class, Effect, Lane, PartDone, PlanDraft, PlanLimits, PlanReport, PlanStep, Retry,
    RunError, Runner, RunnerIdentity, StepError, StepExecutor, StepId, StepProbe, StepTarget, Undo,
    Verify, WriteAnswer, is_rest_of,
};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct World {
    pub(crate) values: Mutex<BTreeMap<String, Value>>,
    pub(crate) writes: Mutex<Vec<String>>,
    pub(crate) tokens: Mutex<Vec<String>>,
    pub(crate) troubles: Mutex<BTreeMap<String, VecDeque<StepError>>>,
    pub(crate) slow: Mutex<BTreeMap<String, u32>>,
    pub(crate) halves: Mutex<BTreeMap<String, Value>>,
    pub(crate) unseen: Mutex<Vec<String>>,
    running: AtomicU32,
    pub(crate) most: AtomicU32,
}

pub(crate) fn throttled() -> StepError {
    StepError::Retry(Retry {
        class: Class::Throttle,
        after: None,
        why: "slow down".into(),
    })
}

pub(crate) fn conflict() -> StepError {
    StepError::Retry(Retry {
        class: Class::Conflict,
        after: None,
        why: "operation is in progress".into(),
    })
}

pub(crate) fn denied() -> StepError {
    StepError::Failed {
        code: "AccessDenied".into(),
        text: "no".into(),
    }
}

impl World {
    pub(crate) fn trouble(&self, key: &str, troubles: &[StepError]) {
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
impl StepExecutor for World {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        if self.unseen.lock().unwrap().contains(&step.target.key) {
            return Err(denied());
        }
        Ok(match self.get(&step.target.key) {
            old if old.clone().unwrap_or_default() == step.desired => StepProbe::Satisfied,
            None => StepProbe::Absent,
            Some(old) => StepProbe::Differs { old },
        })
    }

    async fn act(&self, step: &PlanStep, _: &StepProbe) -> WriteAnswer {
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..3 {
            futures_yield().await;
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        let key = &step.target.key;
        let mut troubles = self.troubles.lock().unwrap();
        if let Some(trouble) = troubles.get_mut(key).and_then(VecDeque::pop_front) {
            if let Some(half) = self.halves.lock().unwrap().get(key) {
                self.set(key, half);
            }
            return WriteAnswer::Setback(trouble);
        }
        self.writes.lock().unwrap().push(key.clone());
        self.tokens.lock().unwrap().push(step.token.clone());
        if self.slow.lock().unwrap().contains_key(key) {
            return WriteAnswer::Accepted {
                remote: format!("op-{key}"),
            };
        }
        self.set(key, &step.desired);
        WriteAnswer::Done(Effect {
            new: step.desired.clone(),
            requests: vec![format!("req-{key}")],
        })
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
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

    fn is_half_done(&self, step: &PlanStep, _: &Value, now: &StepProbe) -> bool {
        self.halves.lock().unwrap().get(&step.target.key) == Some(&now.old())
    }

    async fn done_in_part(&self, step: &PlanStep, before: &Value) -> Option<PartDone> {
        let now = self.get(&step.target.key).unwrap_or_default();
        let half = self.halves.lock().unwrap().get(&step.target.key).cloned();
        // another user may have added to it
        half.filter(|half| is_rest_of(half, &now))
            .map(|half| PartDone {
                old: before.clone(),
                new: half,
            })
    }

    fn undo(&self, step: &PlanStep, old: &Value, _: &Value) -> Undo {
        if step.target.key.starts_with("account") {
            Undo::Not("accounts cannot be deleted".into())
        } else {
            Undo::By(vec![("put".into(), old.clone())])
        }
    }
}

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
            ports(
                Arc::new(Gated(Arc::clone(&self.store), Arc::clone(gate))),
                Arc::new(Gated(Arc::clone(&self.world), Arc::clone(gate))),
                &self.clock,
            ),
            RunnerIdentity {
                holder: holder.into(),
                actor: "ana@example.com".into(),
            },
        )
    }

    pub(crate) async fn apply(
        &self,
        draft: PlanDraft,
        applying: &Applying,
    ) -> Result<PlanReport, RunError> {
        let runner = self.runner("one");
        let looked = runner.look(draft).await?;
        runner.apply(&looked.plan.id, applying).await
    }
}

pub(crate) fn puts(keys: &[&str]) -> PlanDraft {
    limited(keys, PlanLimits::USUAL, &Lane::usual())
}

pub(crate) fn limited(keys: &[&str], limits: PlanLimits, lane: &Lane) -> PlanDraft {
    let mut draft = PlanDraft::new("test.put", "o-abcdefghij", limits);
    for key in keys {
        put(&mut draft, key, lane, &[]);
    }
    draft
}

pub(crate) fn put(draft: &mut PlanDraft, key: &str, lane: &Lane, after: &[StepId]) -> StepId {
    let target = StepTarget::global("111122223333", key);
    draft.step(target, "put", json!({"v": key}), lane.clone(), after)
}

pub(crate) fn outcomes(report: &PlanReport) -> String {
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
