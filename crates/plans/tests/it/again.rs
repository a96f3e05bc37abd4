//! A repeated request after a finished plan that changed something (`organization.md` P-4): a new
//! plan with its own journal and undo.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::Clock as _;
use hallpass_plans::testing::{Gate, PortMode, ports};
use hallpass_plans::{
    Applying, LaneClaim, LeaseAnswer, PlanDraft, PlanId, PlanReport, PlanStore, RunError, Runner,
    RunnerIdentity, RunnerPorts, Sleeper, fold, undo,
};
use serde_json::{Value, json};

use crate::world::{Bench, denied, outcomes, patient, puts};

async fn applied(bench: &Bench, keys: &[&str]) -> PlanReport {
    let report = bench.apply(puts(keys), &Applying::default()).await;
    report.unwrap()
}

async fn taken_back(bench: &Bench, plan: &PlanId) -> PlanReport {
    let (plan, folded) = bench.runner("one").load(plan).await.unwrap();
    let undoing = undo(&plan, &folded, bench.world.as_ref());
    let report = bench.apply(undoing.draft, &Applying::default()).await;
    report.unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "compared with the stored values")]
fn old(value: &str) -> Option<Value> {
    Some(json!({ "v": value }))
}

#[tokio::test]
async fn what_was_changed_elsewhere_is_work_for_the_next_plan() {
    let bench = Bench::new();
    bench.world.put("a", json!({"v": "old"}));
    let first = applied(&bench, &["a", "b"]).await;
    bench.world.put("a", json!({"v": "theirs"}));
    let second = applied(&bench, &["a", "b"]).await;
    assert_eq!(outcomes(&second), "a changed, b unchanged");
    assert_ne!(first.plan, second.plan);
    let saved = bench.store.plan(&second.plan).await.unwrap().unwrap().plan;
    assert_eq!((saved.round, saved.before), (1, Some(first.plan.clone())));
    let shown = bench.runner("one").report(&first.plan).await.unwrap();
    assert_eq!(outcomes(&shown), "a changed, b changed");
    // the service must see a different token
    let tokens = bench.world.tokens.lock().unwrap().clone();
    assert_eq!(tokens.len(), 3);
    assert!(tokens[2] != tokens[0] && tokens[2] != tokens[1]);
    assert_eq!(
        outcomes(&taken_back(&bench, &second.plan).await),
        "a changed"
    );
    assert_eq!(bench.world.get("a"), old("theirs"));
    assert_eq!(bench.world.get("b"), old("b"));
    let back = taken_back(&bench, &first.plan).await;
    assert_eq!(outcomes(&back), "a drifted, b changed");
    assert_eq!(
        (bench.world.get("a"), bench.world.get("b")),
        (old("theirs"), None)
    );
}

#[tokio::test]
async fn a_plan_without_work_takes_no_way_back_away_and_is_one_however_often() {
    let bench = Bench::new();
    let first = applied(&bench, &["a"]).await;
    let second = applied(&bench, &["a"]).await;
    for _ in 0..3 {
        let third = applied(&bench, &["a"]).await;
        assert_eq!(outcomes(&third), "a unchanged");
        assert_eq!(third.plan, second.plan);
    }
    assert_ne!(first.plan, second.plan);
    assert_eq!(bench.store.plans(9).await.unwrap().len(), 2);
    assert!(taken_back(&bench, &second.plan).await.targets.is_empty());
    assert_eq!(
        outcomes(&taken_back(&bench, &first.plan).await),
        "a changed"
    );
    assert_eq!(bench.world.get("a"), None);
}

#[tokio::test]
async fn taken_back_done_again_and_taken_back_again() {
    let bench = Bench::new();
    bench.world.put("a", json!({"v": "old"}));
    let mut names = Vec::new();
    for round in 0..4 {
        let done = applied(&bench, &["a"]).await;
        assert_eq!(outcomes(&done), "a changed", "{round}");
        let back = taken_back(&bench, &done.plan).await;
        assert_eq!(outcomes(&back), "a changed", "{round}");
        assert_eq!(bench.world.get("a"), old("old"), "{round}");
        names.extend([done.plan, back.plan]);
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 8);
    assert_eq!(bench.store.changes().len(), 8);
}

#[tokio::test]
async fn what_failed_keeps_its_token_and_what_was_done_its_way_back() {
    let bench = Bench::new();
    bench.world.trouble("b", &[denied()]);
    let first = applied(&bench, &["a", "b"]).await;
    assert_eq!(outcomes(&first), "a changed, b failed");
    let before = bench.store.plan(&first.plan).await.unwrap().unwrap().plan;
    let second = applied(&bench, &["a", "b"]).await;
    assert_eq!(outcomes(&second), "a unchanged, b changed");
    let after = bench.store.plan(&second.plan).await.unwrap().unwrap().plan;
    for (n, is_same) in [(0, false), (1, true)] {
        let same = before.steps[n].token == after.steps[n].token;
        assert_eq!(same, is_same, "{}", after.steps[n].target);
    }
    assert_eq!(
        outcomes(&taken_back(&bench, &first.plan).await),
        "a changed"
    );
    assert_eq!(
        (bench.world.get("a"), bench.world.get("b")),
        (None, old("b"))
    );
    bench.world.trouble("d", &[denied()]);
    let third = applied(&bench, &["c", "d"]).await;
    let again = Applying {
        retry_failed: true,
        ..Applying::default()
    };
    let third = bench
        .runner("one")
        .apply(&third.plan, &again)
        .await
        .unwrap();
    assert_eq!(outcomes(&third), "c unchanged, d changed");
    let back = taken_back(&bench, &third.plan).await;
    assert_eq!(outcomes(&back), "c changed, d changed");
}

#[tokio::test]
async fn what_changed_nothing_is_tried_again_as_it_is() {
    let bench = Bench::new();
    bench.world.trouble("a", &[denied()]);
    let first = applied(&bench, &["a"]).await;
    assert_eq!(outcomes(&first), "a failed");
    let token = bench
        .store
        .plan(&first.plan)
        .await
        .unwrap()
        .unwrap()
        .plan
        .steps[0]
        .token
        .clone();
    let second = applied(&bench, &["a"]).await;
    assert_eq!(
        (outcomes(&second).as_str(), &second.plan),
        ("a changed", &first.plan)
    );
    assert_eq!(*bench.world.tokens.lock().unwrap(), [token]);
}

struct Meanwhile {
    other: Runner,
    plan: PlanId,
}

#[async_trait]
impl Sleeper for Meanwhile {
    async fn sleep(&self, _: Duration) {
        let report = self.other.apply(&self.plan, &Applying::default()).await;
        assert_eq!(outcomes(&report.unwrap()), "a changed, b changed");
    }
}

#[tokio::test]
async fn who_waited_for_a_plan_that_another_ended_does_not_begin_it_again() {
    let bench = Bench::new();
    let other = bench.runner("other");
    let plan = other.look(puts(&["a", "b"])).await.unwrap().plan.id;
    let lane = format!("plan:{plan}");
    let claim = LaneClaim::usual("other", bench.clock.now());
    let held = bench.store.lease(&lane, claim).await;
    assert_eq!(held.unwrap(), LeaseAnswer::Ours);
    let waiting = Runner::new(
        RunnerPorts {
            nap: Arc::new(Meanwhile {
                other,
                plan: plan.clone(),
            }),
            ..ports(
                Arc::clone(&bench.store) as Arc<_>,
                Arc::clone(&bench.world) as Arc<_>,
                &bench.clock,
            )
        },
        RunnerIdentity {
            holder: "one".into(),
            actor: "ana@example.com".into(),
        },
    );
    let report = waiting.apply(&plan, &patient(120)).await.unwrap();
    assert_eq!(outcomes(&report), "a changed, b changed");
    assert_eq!(bench.world.writes(), ["a", "b"]);
    let runs = bench.store.texts(&plan);
    let begun = runs.iter().filter(|it| it.contains("\"is\":\"planned\""));
    assert_eq!(begun.count(), 1, "{runs:#?}");
}

/// Runs a command, changes the target, and runs it again with an injected crash.
async fn attempt(bench: &Bench, holder: &str, gate: &Arc<Gate>) -> Result<bool, RunError> {
    let runner = bench.gated(holder, gate);
    let run = async {
        let looked = runner.look(puts(&["a", "b"])).await?;
        let report = runner.apply(&looked.plan.id, &patient(120)).await?;
        Ok(report.targets.iter().all(|row| row.outcome.is_good()))
    };
    tokio::select! {
        done = run => done,
        () = gate.stop() => Ok(false),
    }
}

async fn undone_elsewhere() -> (Bench, PlanId) {
    let bench = Bench::new();
    bench.world.slow.lock().unwrap().insert("b".into(), 1);
    let first = applied(&bench, &["a", "b"]).await;
    bench.world.put("a", json!({"v": "theirs"}));
    bench.world.put("b", json!({"v": "theirs"}));
    bench.world.slow.lock().unwrap().insert("b".into(), 1);
    (bench, first.plan)
}

#[tokio::test]
async fn stopped_anywhere_the_next_plan_ends_and_both_can_be_taken_back() {
    let (bench, _) = undone_elsewhere().await;
    let unbroken = Gate::new(None);
    assert_eq!(attempt(&bench, "first", &unbroken).await, Ok(true));
    let calls = unbroken.calls();
    assert!(calls > 20, "{calls} calls");
    for call in 1..=calls {
        for mode in PortMode::ALL {
            let case = format!("call {call}, {mode:?}");
            let (bench, first) = undone_elsewhere().await;
            let broken = Gate::new(Some((call, mode)));
            if attempt(&bench, "first", &broken).await != Ok(true) {
                let again = attempt(&bench, "second", &Gate::new(None)).await;
                assert_eq!(again, Ok(true), "{case}");
            }
            let mut second = Vec::new();
            for saved in bench.store.plans(9).await.unwrap() {
                let folded = fold(&bench.store.journal(&saved.plan.id).await.unwrap()).unwrap();
                if saved.plan.id != first && !folded.changed.is_empty() {
                    second.push(saved.plan.id);
                }
            }
            assert_eq!(second.len(), 1, "{case}: {second:?}");
            assert_eq!(bench.store.changes().len(), 4, "{case}");
            bench.world.slow.lock().unwrap().clear();
            taken_back(&bench, &second[0]).await;
            let now = (bench.world.get("a"), bench.world.get("b"));
            // `b` uses a call with a lost answer: its intent has the old state
            assert_eq!(now, (old("theirs"), old("theirs")), "{case}");
            taken_back(&bench, &first).await;
            let now = (bench.world.get("a"), bench.world.get("b"));
            assert_eq!(now, (old("theirs"), old("theirs")), "{case}");
        }
    }
}

/// Random sequences: runs reach the desired state, and undo restores the state before each write.
#[tokio::test]
async fn any_sequence_leaves_what_is_wanted_and_a_way_back() {
    const WAYS: u32 = 5;
    const LENGTH: u32 = 5;
    for number in 0..WAYS.pow(LENGTH) {
        let bench = Bench::new();
        let mut done: Vec<(PlanId, BTreeMap<String, Option<Value>>)> = Vec::new();
        for at in 0..LENGTH {
            let case = format!("sequence {number}, act {at}");
            match number / WAYS.pow(at) % WAYS {
                0 => {
                    bench.world.put("a", json!({"v": "theirs"}));
                    stays(&mut done, "a", old("theirs").as_ref());
                }
                1 => {
                    bench.world.values.lock().unwrap().remove("b");
                    stays(&mut done, "b", None);
                }
                2 => bench.world.trouble("a", &[denied()]),
                3 => {
                    if let Some((plan, before)) = done.pop() {
                        bench.world.troubles.lock().unwrap().clear();
                        taken_back(&bench, &plan).await;
                        for (key, value) in before {
                            assert_eq!(bench.world.get(&key), value, "{case}: {key}");
                        }
                    }
                }
                _ => run_once(&bench, &mut done, &case).await,
            }
        }
    }
}

fn stays(done: &mut [(PlanId, BTreeMap<String, Option<Value>>)], key: &str, value: Option<&Value>) {
    for before in done.iter_mut().filter_map(|(_, it)| it.get_mut(key)) {
        *before = value.cloned();
    }
}

async fn run_once(
    bench: &Bench,
    done: &mut Vec<(PlanId, BTreeMap<String, Option<Value>>)>,
    case: &str,
) {
    let draft: PlanDraft = puts(&["a", "b"]);
    let stood = |key: &str| (key.to_owned(), bench.world.get(key));
    let before = BTreeMap::from([stood("a"), stood("b")]);
    let report = bench.apply(draft, &Applying::default()).await.unwrap();
    for row in &report.targets {
        let key = &row.target.key;
        if row.outcome.is_good() {
            assert_eq!(bench.world.get(key), old(key), "{case}: {key}");
        }
    }
    let changed = report
        .targets
        .iter()
        .filter(|row| row.outcome.name() == "changed");
    let changed: Vec<String> = changed.map(|row| row.target.key.clone()).collect();
    if !changed.is_empty() {
        assert!(done.iter().all(|(plan, _)| *plan != report.plan), "{case}");
        let before = before.into_iter().filter(|(key, _)| changed.contains(key));
        done.push((report.plan, before.collect()));
    }
}
