//! Concurrent user changes are never lost (`organization.md` P-5, P-7, P-15).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::Timestamp;
use hallpass_plans::testing::{Gate, Gated, Hourglass, MemoryPlans, PortMode, ports};
use hallpass_plans::{
    Applying, Effect, PlanId, PlanReport, PlanStep, PlanStore as _, RunError, Runner,
    RunnerIdentity, StepError, StepExecutor, StepProbe, Undo, Verify, WriteAnswer, is_rest_of,
    undo,
};
use serde_json::{Value, json};

use crate::world::{Bench, denied, outcomes, patient, puts};

const KEYS: [&str; 3] = ["a", "b", "c"];

fn accepting() -> Applying {
    Applying {
        accept_drift: true,
        ..patient(120)
    }
}

async fn back(bench: &Bench, plan: &PlanId, applying: &Applying) -> (PlanReport, PlanReport) {
    let runner = bench.runner("one");
    let (plan, folded) = runner.load(plan).await.unwrap();
    let draft = undo(&plan, &folded, bench.world.as_ref()).draft;
    let looked = runner.look(draft).await.unwrap();
    let planned = PlanReport::planned(&looked.plan);
    (
        planned,
        runner.apply(&looked.plan.id, applying).await.unwrap(),
    )
}

#[tokio::test]
async fn what_somebody_changed_after_a_plan_is_not_taken_back_unless_that_is_accepted() {
    let bench = Bench::new();
    bench.world.put("a", json!({"v": "old"}));
    bench.world.put("b", json!({"v": "old"}));
    let draft = puts(&["a", "b"]);
    let done = bench.apply(draft, &Applying::default()).await.unwrap();
    bench.world.put("a", json!({"v": "theirs"}));
    let (planned, report) = back(&bench, &done.plan, &Applying::default()).await;
    assert_eq!(outcomes(&planned), "a drifted, b changed");
    assert!(planned.targets[0].reason.contains("it was changed"));
    assert_eq!(planned.targets[0].steps[0].old, json!({"v": "theirs"}));
    assert_eq!(outcomes(&report), "a drifted, b changed");
    assert_eq!(bench.world.get("a"), Some(json!({"v": "theirs"})));
    let (_, report) = back(&bench, &done.plan, &accepting()).await;
    assert_eq!(outcomes(&report), "a changed, b unchanged");
    assert_eq!(bench.world.get("a"), Some(json!({"v": "old"})));
}

#[tokio::test]
async fn what_somebody_changed_between_the_look_back_and_the_way_back_is_not_lost() {
    let bench = Bench::new();
    let done = bench.apply(puts(&["a"]), &Applying::default()).await;
    let runner = bench.runner("one");
    let (plan, folded) = runner.load(&done.unwrap().plan).await.unwrap();
    let draft = undo(&plan, &folded, bench.world.as_ref()).draft;
    let looked = runner.look(draft).await.unwrap();
    bench.world.put("a", json!({"v": "theirs"}));
    let report = runner.apply(&looked.plan.id, &Applying::default()).await;
    assert_eq!(outcomes(&report.unwrap()), "a drifted");
    assert_eq!(bench.world.get("a"), Some(json!({"v": "theirs"})));
}

#[tokio::test]
async fn another_try_does_not_take_what_changed_since_for_what_was_seen() {
    let bench = Bench::new();
    bench.world.put("a", json!({"v": "old"}));
    bench.world.trouble("a", &[denied()]);
    let draft = puts(&["a", "b"]);
    let report = bench.apply(draft, &Applying::default()).await.unwrap();
    assert_eq!(outcomes(&report), "a failed, b changed");
    bench.world.put("a", json!({"v": "theirs"}));
    bench.world.put("b", json!({"v": "theirs"}));
    let again = |applying: Applying| Applying {
        retry_failed: true,
        ..applying
    };
    let runner = bench.runner("two");
    let report = runner.apply(&report.plan, &again(patient(1))).await;
    let report = report.unwrap();
    assert_eq!(outcomes(&report), "a drifted, b drifted");
    assert_eq!(bench.world.get("a"), Some(json!({"v": "theirs"})));
    assert_eq!(bench.world.get("b"), Some(json!({"v": "theirs"})));
    let report = runner.apply(&report.plan, &again(accepting())).await;
    assert_eq!(outcomes(&report.unwrap()), "a changed, b changed");
}

#[tokio::test]
async fn what_was_sent_before_a_stop_is_not_sent_over_somebody_elses_work() {
    for (theirs, outcome) in [
        (Some(json!({"v": "theirs"})), "a drifted"),
        (None, "a drifted"),
        (Some(json!({"v": "old"})), "a changed"),
        (Some(json!({"v": "a"})), "a changed"),
    ] {
        let bench = Bench::new();
        bench.world.put("a", json!({"v": "old"}));
        let plan = bench.runner("one").look(puts(&["a"])).await.unwrap().plan;
        let mut call = 0;
        let stopped = loop {
            call += 1;
            assert!(call < 50, "no call stops before the write");
            let gate = Gate::new(Some((call, PortMode::StopBefore)));
            let runner = bench.gated("one", &gate);
            let applying = patient(120);
            tokio::select! {
                report = runner.apply(&plan.id, &applying) => break report.is_ok(),
                () = gate.stop() => {}
            }
            bench.clock.advance(Duration::from_mins(2));
            let is_sent = |it: &String| it.contains("\"is\":\"intent\"");
            if bench.store.texts(&plan.id).iter().any(is_sent) {
                break false;
            }
        };
        assert!(!stopped && bench.world.writes().is_empty());
        match &theirs {
            Some(value) => bench.world.put("a", value.clone()),
            None => {
                bench.world.values.lock().unwrap().remove("a");
            }
        }
        let runner = bench.runner("two");
        let report = runner.resume(&plan.id, &patient(120)).await.unwrap();
        assert_eq!(outcomes(&report), outcome, "{theirs:?}");
    }
}

#[test]
fn a_rest_is_what_is_left_of_parts_and_nothing_new() {
    let whole = json!({"rows": [{"id": 1}, {"id": 2}], "name": "x"});
    for (rest, is_rest) in [
        (json!({"rows": [{"id": 2}], "name": "x"}), true),
        (json!({"rows": []}), true),
        (whole.clone(), true),
        (json!({"rows": [{"id": 3}]}), false),
        (json!({"rows": [{"id": 1, "by": "ana"}]}), false),
        (json!({"other": 1}), false),
        (json!({"name": "y"}), false),
        (json!(null), false),
    ] {
        assert_eq!(is_rest_of(&rest, &whole), is_rest, "{rest}");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Plan,
    Person(u64),
}

type Seen = BTreeMap<String, Value>;

#[derive(Default)]
struct SharedState {
    values: BTreeMap<String, Value>,
    by: BTreeMap<String, By>,
    now: u64,
    looked: BTreeMap<String, u64>,
    reviewed: Seen,
    takes_back: bool,
    /// Whether the run accepts drift; repeated writes may then overwrite user changes up to that
    /// point.
    accepted: bool,
    accepted_until: u64,
    before: BTreeMap<String, Value>,
    chance: u64,
    lost: Vec<String>,
}

impl SharedState {
    fn roll(&mut self, sides: u64) -> u64 {
        // Numerical Recipes
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % sides
    }

    fn maybe_person(&mut self, sides: u64) {
        self.now += 1;
        if self.roll(sides) == 0 {
            let key = KEYS[usize::try_from(self.roll(3)).unwrap()];
            if self.roll(5) == 0 {
                self.values.remove(key);
            } else {
                let value = json!({ "v": format!("person {}", self.now) });
                self.values.insert(key.to_owned(), value);
            }
            self.by.insert(key.to_owned(), By::Person(self.now));
        }
    }

    /// A plan write may overwrite a user value only if it was reviewed later.
    fn write(&mut self, key: &str, value: &Value) {
        self.now += 1;
        let stands = self.values.get(key).cloned().unwrap_or_default();
        if let Some(By::Person(at)) = self.by.get(key)
            && !self.accepted
            && *at > self.accepted_until
            && (self.takes_back || self.reviewed.get(key) != Some(&stands))
            // no probe can be later than directly before
            && self.looked.get(key).is_some_and(|looked| at <= looked)
            && stands != *value
            && self.before.get(key) != Some(&stands)
        {
            self.lost.push(format!("{key}: {stands} at {at}"));
        }
        self.before.insert(key.to_owned(), stands);
        if value.is_null() {
            self.values.remove(key);
        } else {
            self.values.insert(key.to_owned(), value.clone());
        }
        self.by.insert(key.to_owned(), By::Plan);
    }
}

/// A world where users act between any two calls.
#[derive(Default)]
struct Shared(Mutex<SharedState>);

#[async_trait]
impl StepExecutor for Shared {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let mut state = self.0.lock().unwrap();
        state.maybe_person(25);
        let (key, now) = (step.target.key.clone(), state.now);
        state.looked.insert(key.clone(), now);
        Ok(match state.values.get(&key) {
            old if old.cloned().unwrap_or_default() == step.desired => StepProbe::Satisfied,
            None => StepProbe::Absent,
            Some(old) => StepProbe::Differs { old: old.clone() },
        })
    }

    async fn act(&self, step: &PlanStep, _: &StepProbe) -> WriteAnswer {
        let mut state = self.0.lock().unwrap();
        state.maybe_person(40);
        if state.roll(12) == 0 {
            return WriteAnswer::Setback(denied());
        }
        state.write(&step.target.key, &step.desired);
        WriteAnswer::Done(Effect {
            new: step.desired.clone(),
            requests: Vec::new(),
        })
    }

    async fn verify(&self, _: &PlanStep, _: &str) -> Verify {
        Verify::Running
    }

    fn undo(&self, _: &PlanStep, old: &Value, _: &Value) -> Undo {
        Undo::By(vec![("put".into(), old.clone())])
    }
}

type Reviewed = BTreeMap<PlanId, Seen>;

struct Office {
    shared: Arc<Shared>,
    store: Arc<MemoryPlans>,
    clock: Arc<Hourglass>,
}

impl Office {
    fn new(seed: u64) -> Self {
        let start: Timestamp = "2026-03-02T10:05:00Z".parse().unwrap();
        let office = Self {
            shared: Arc::default(),
            store: Arc::default(),
            clock: Arc::new(Hourglass::new(start)),
        };
        let mut state = office.shared.0.lock().unwrap();
        state.chance = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        state.values.insert("b".into(), json!({"v": "before"}));
        drop(state);
        office
    }

    fn roll(&self, sides: u64) -> u64 {
        self.shared.0.lock().unwrap().roll(sides)
    }

    fn runner(&self, gate: &Arc<Gate>) -> Runner {
        Runner::new(
            ports(
                Arc::new(Gated(Arc::clone(&self.store), Arc::clone(gate))),
                Arc::new(Gated(Arc::clone(&self.shared), Arc::clone(gate))),
                &self.clock,
            ),
            RunnerIdentity {
                holder: format!("holder {}", self.roll(1 << 30)),
                actor: "ana@example.com".into(),
            },
        )
    }

    async fn run<T>(&self, job: impl AsyncFnOnce(&Runner) -> Result<T, RunError>) -> Option<T> {
        let stop = (self.roll(3) == 0).then(|| {
            let mode = PortMode::ALL[usize::try_from(self.roll(4)).unwrap()];
            (self.roll(40) + 1, mode)
        });
        let gate = Gate::new(stop);
        let runner = self.runner(&gate);
        let done = tokio::select! {
            done = job(&runner) => done.ok(),
            () = gate.stop() => None,
        };
        self.clock.advance(Duration::from_mins(2));
        done
    }

    fn judged(&self, reviewed: Seen, takes_back: bool, accepted: bool) {
        let mut state = self.shared.0.lock().unwrap();
        if state.accepted {
            state.accepted_until = state.now;
        }
        (state.reviewed, state.takes_back, state.accepted) = (reviewed, takes_back, accepted);
    }

    async fn look(&self, reviewed: &mut Reviewed) -> Option<PlanId> {
        let looked = self
            .run(async |runner| runner.look(puts(&KEYS)).await)
            .await;
        for saved in self.store.plans(50).await.unwrap() {
            let form = |step: &PlanStep| match &saved.plan.expected[&step.id] {
                StepProbe::Satisfied => step.desired.clone(),
                other => other.old(),
            };
            let steps = saved.plan.steps.iter();
            let seen = steps.map(|step| (step.target.key.clone(), form(step)));
            reviewed.insert(saved.plan.id.clone(), seen.collect());
        }
        looked.map(|it| it.plan.id)
    }

    async fn act(&self, plans: &mut Vec<PlanId>, reviewed: &mut Reviewed) {
        let accepted = self.roll(15) == 0;
        let mut applying = if accepted { accepting() } else { patient(120) };
        match self.roll(6) {
            0 => self.shared.0.lock().unwrap().maybe_person(1),
            1 => plans.extend(self.look(reviewed).await),
            kind @ 2..=4 => {
                let Some(plan) = plans.last().cloned() else {
                    return;
                };
                applying.retry_failed = kind == 4;
                self.judged(reviewed[&plan].clone(), false, accepted);
                self.run(async |runner| match kind {
                    2 => runner.apply(&plan, &applying).await,
                    _ => runner.resume(&plan, &applying).await,
                })
                .await;
            }
            _ => {
                let Some(plan) = plans.last().cloned() else {
                    return;
                };
                self.judged(BTreeMap::new(), true, accepted);
                let shared = Arc::clone(&self.shared);
                self.run(async |runner| {
                    let (plan, folded) = runner.load(&plan).await?;
                    let draft = undo(&plan, &folded, shared.as_ref()).draft;
                    let looked = runner.look(draft).await?;
                    runner.apply(&looked.plan.id, &applying).await
                })
                .await;
            }
        }
    }
}

/// User changes between any two calls of plans that are probed, applied, stopped, resumed, retried
/// and undone are never overwritten unless reviewed or accepted.
#[tokio::test]
async fn nothing_that_a_person_did_is_lost() {
    const CASES: u64 = 3_000;
    const ACTS: usize = 8;
    let mut writes = 0;
    for seed in 1..=CASES {
        let office = Office::new(seed);
        let (mut plans, mut reviewed) = (Vec::new(), BTreeMap::new());
        for act in 0..ACTS {
            office.act(&mut plans, &mut reviewed).await;
            let state = office.shared.0.lock().unwrap();
            assert!(
                state.lost.is_empty(),
                "seed {seed}, act {act}: {:?}",
                state.lost
            );
        }
        writes += office.store.changes().len();
    }
    assert!(
        writes > 3_000,
        "{writes} changes: the plans did hardly anything"
    );
}
