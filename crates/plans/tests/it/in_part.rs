//! Partial and unknown changes are recorded and undone (`organization.md` P-12, P-15); unreadable
//! or slow targets affect only themselves.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::Clock as _;
use hallpass_plans::testing::{Gate, Hourglass, PortMode, ports};
use hallpass_plans::{
    Applying, Exit, Lane, LaneClaim, PlanDraft, PlanId, PlanLimits, PlanReport, PlanStore,
    RunError, Runner, RunnerIdentity, RunnerPorts, Sleeper, StepId, undo,
};
use serde_json::{Value, json};

use crate::world::{Bench, conflict, denied, limited, outcomes, patient, put, puts, throttled};

fn again() -> Applying {
    Applying {
        retry_failed: true,
        ..Applying::default()
    }
}

async fn taken_back(bench: &Bench, plan: &PlanId) -> PlanReport {
    let (plan, folded) = bench.runner("one").load(plan).await.unwrap();
    let undoing = undo(&plan, &folded, bench.world.as_ref());
    let report = bench.apply(undoing.draft, &Applying::default()).await;
    report.unwrap()
}

fn v(text: &str) -> Value {
    json!({ "v": text })
}

async fn half_done() -> (Bench, PlanReport) {
    let bench = Bench::new();
    bench.world.put("a", v("old"));
    let half = ("a".to_owned(), v("half"));
    bench.world.halves.lock().unwrap().extend([half]);
    bench.world.trouble("a", &[denied()]);
    let report = bench.apply(puts(&["a", "b"]), &Applying::default()).await;
    (bench, report.unwrap())
}

#[tokio::test]
async fn what_a_step_changed_before_it_failed_is_recorded_and_taken_back() {
    let (bench, report) = half_done().await;
    assert_eq!(outcomes(&report), "a failed, b changed");
    let step = &report.targets[0].steps[0];
    assert_eq!((&step.old, &step.new), (&v("old"), &v("half")));
    let changes = bench.store.changes();
    let of_a = changes.iter().find(|it| it.target.key == "a").unwrap();
    assert_eq!((&of_a.old, &of_a.new), (&v("old"), &v("half")));
    assert_eq!(changes.len(), 2);
    let back = taken_back(&bench, &report.plan).await;
    assert_eq!(outcomes(&back), "a changed, b changed");
    assert_eq!(bench.world.get("a"), Some(v("old")));
}

#[tokio::test]
async fn what_another_try_ends_is_taken_back_to_where_the_first_began() {
    let (bench, report) = half_done().await;
    let runner = bench.runner("one");
    let report = runner.apply(&report.plan, &again()).await.unwrap();
    assert_eq!(outcomes(&report), "a changed, b unchanged");
    assert_eq!(bench.store.changes().len(), 3);
    let back = taken_back(&bench, &report.plan).await;
    assert_eq!(outcomes(&back), "a changed, b changed");
    assert_eq!(bench.world.get("a"), Some(v("old")));
}

#[tokio::test]
async fn a_step_that_failed_without_a_change_has_no_record() {
    let bench = Bench::new();
    bench.world.put("a", v("old"));
    bench.world.trouble("a", &[denied()]);
    let report = bench.apply(puts(&["a"]), &Applying::default()).await;
    assert_eq!(outcomes(&report.unwrap()), "a failed");
    assert!(bench.store.changes().is_empty());
}

#[tokio::test]
async fn a_write_that_nobody_heard_of_is_ours_when_it_shows_at_the_next_try() {
    for (troubles, heard) in [
        (vec![throttled(); 8], false),
        (vec![denied()], true),
        (vec![conflict(); 30], true),
    ] {
        let bench = Bench::new();
        bench.world.put("a", v("old"));
        bench.world.trouble("a", &troubles);
        let report = bench.apply(puts(&["a"]), &Applying::default()).await;
        let plan = report.unwrap().plan;
        // took effect after all; or, if refused, another user did it
        bench.world.put("a", v("a"));
        let runner = bench.runner("one");
        let report = runner.apply(&plan, &again()).await.unwrap();
        let expected = if heard { "a unchanged" } else { "a changed" };
        assert_eq!(outcomes(&report), expected);
        let changes = bench.store.changes();
        assert_eq!(changes.len(), usize::from(!heard));
        if !heard {
            assert_eq!((&changes[0].old, &changes[0].new), (&v("old"), &v("a")));
            taken_back(&bench, &plan).await;
            assert_eq!(bench.world.get("a"), Some(v("old")));
        }
    }
}

/// A repeated request finds the effect of a lost write and records it as Hallpass's.
#[tokio::test]
async fn a_write_that_nobody_heard_of_is_ours_when_the_same_is_wanted_again() {
    let bench = Bench::new();
    bench.world.put("a", v("old"));
    bench.world.trouble("a", &vec![throttled(); 8]);
    let report = bench.apply(puts(&["a"]), &Applying::default()).await;
    assert_eq!(outcomes(&report.unwrap()), "a failed");
    bench.world.put("a", v("a"));
    let report = bench.apply(puts(&["a"]), &Applying::default()).await;
    let report = report.unwrap();
    assert_eq!(outcomes(&report), "a changed");
    let changes = bench.store.changes();
    assert_eq!(changes.len(), 1);
    assert_eq!((&changes[0].old, &changes[0].new), (&v("old"), &v("a")));
    taken_back(&bench, &report.plan).await;
    assert_eq!(bench.world.get("a"), Some(v("old")));
}

/// A drifted half-finished step is not continued, and its partial change is reported.
#[tokio::test]
async fn what_a_step_changed_before_it_drifted_is_recorded() {
    let unbroken = Gate::new(None);
    let begun = || {
        let bench = Bench::new();
        bench.world.put("a", v("old"));
        let half = ("a".to_owned(), v("half"));
        bench.world.halves.lock().unwrap().extend([half]);
        bench.world.trouble("a", &[throttled()]);
        bench
    };
    let bench = begun();
    let plan = bench
        .runner("one")
        .look(puts(&["a"]))
        .await
        .unwrap()
        .plan
        .id;
    let runner = bench.gated("one", &unbroken);
    runner.apply(&plan, &Applying::default()).await.unwrap();
    let mut drifted = 0;
    for call in 1..=unbroken.calls() {
        let bench = begun();
        bench.runner("one").look(puts(&["a"])).await.unwrap();
        let gate = Gate::new(Some((call, PortMode::StopAfter)));
        let (runner, applying) = (bench.gated("one", &gate), Applying::default());
        tokio::select! {
            _ = runner.apply(&plan, &applying) => {}
            () = gate.stop() => {}
        }
        if bench.world.get("a") != Some(v("half")) {
            continue;
        }
        bench.world.put("a", json!({"v": "half", "theirs": true}));
        let report = bench.runner("two").resume(&plan, &patient(65)).await;
        let report = report.unwrap();
        assert_eq!(outcomes(&report), "a drifted", "{call}");
        let step = &report.targets[0].steps[0];
        assert_eq!((&step.old, &step.new), (&v("old"), &v("half")), "{call}");
        let changes = bench.store.changes();
        assert_eq!(changes.len(), 1, "{call}");
        assert_eq!(changes[0].new, v("half"), "{call}");
        drifted += 1;
    }
    assert!(drifted > 0);
}

#[tokio::test]
async fn a_throttle_after_many_conflicts_is_the_first() {
    let bench = Bench::new();
    let mut troubles = vec![throttled(); 7];
    troubles.extend(vec![conflict(); 8]);
    troubles.extend(vec![throttled(); 7]);
    bench.world.trouble("a", &troubles);
    let report = bench.apply(puts(&["a"]), &Applying::default()).await;
    assert_eq!(outcomes(&report.unwrap()), "a changed");
}

#[tokio::test]
async fn what_cannot_be_looked_at_fails_alone() {
    let bench = Bench::new();
    let unseen = |keys: &[&str]| {
        let keys = keys.iter().map(|it| (*it).to_owned()).collect();
        *bench.world.unseen.lock().unwrap() = keys;
    };
    unseen(&["a"]);
    let mut draft = puts(&["a", "b"]);
    let a = put(&mut draft, "a", &Lane::usual(), &[]);
    put(&mut draft, "c", &Lane::usual(), &[a]);
    let runner = bench.runner("one");
    let looked = runner.look(draft.clone()).await.unwrap();
    let shown = PlanReport::planned(&looked.plan);
    assert_eq!(outcomes(&shown), "a failed, b changed, c changed");
    assert!(shown.targets[0].reason.contains("AccessDenied"));
    let report = runner.apply(&looked.plan.id, &Applying::default()).await;
    assert_eq!(outcomes(&report.unwrap()), "a failed, b changed, c blocked");
    bench.world.values.lock().unwrap().remove("b");
    unseen(&["b"]);
    let report = runner.apply(&looked.plan.id, &again()).await.unwrap();
    assert_eq!(outcomes(&report), "a changed, b failed, c changed");
    // if all are unreadable, the cause is not the targets; drift is not judged on partial data
    unseen(&["a", "b", "c"]);
    let nothing = runner.look(puts(&["a", "b", "c", "d"])).await;
    assert!(nothing.is_ok(), "{nothing:?}");
    let nothing = runner.look(puts(&["a", "b"])).await;
    assert!(
        matches!(nothing, Err(RunError::Unseen { .. })),
        "{nothing:?}"
    );
    unseen(&["a"]);
    let differences = runner.differences(draft).await;
    assert!(
        matches!(differences, Err(RunError::Unseen { .. })),
        "{differences:?}"
    );
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_counted_before_it_is_changed() {
    for changes_max in [1, 2] {
        let bench = Bench::new();
        let keys = ["a".to_owned(), "b".to_owned()];
        bench.world.unseen.lock().unwrap().extend(keys);
        let limits = PlanLimits {
            changes_max,
            ..PlanLimits::USUAL
        };
        let draft = limited(&["a", "b", "c"], limits, &Lane::usual());
        let runner = bench.runner("one");
        let plan = runner.look(draft).await.unwrap().plan.id;
        bench.world.unseen.lock().unwrap().clear();
        let accepting = Applying {
            accept_drift: true,
            ..Applying::default()
        };
        let report = runner.apply(&plan, &accepting).await.unwrap();
        assert_eq!(outcomes(&report), "a drifted, b drifted, c changed");
        let reason = &report.targets[0].reason;
        assert!(reason.contains("--retry-failed"), "{reason}");
        let report = runner.apply(&plan, &again()).await;
        if changes_max == 1 {
            let (changes, allowed) = (2, 1);
            assert_eq!(report, Err(RunError::TooManyChanges { changes, allowed }));
            assert_eq!(bench.world.writes(), ["c"]);
        } else {
            let ended = "a changed, b changed, c unchanged";
            assert_eq!(outcomes(&report.unwrap()), ended);
        }
    }
}

#[tokio::test]
async fn a_place_that_is_occupied_still_is_given_to_nobody_else() {
    for (lane, ended) in [
        (Lane::occupied("factory"), "a in_progress, b skipped"),
        (Lane::serial("factory"), "a in_progress, b changed"),
        (
            Lane {
                width: 2,
                ..Lane::occupied("factory")
            },
            "a in_progress, b changed",
        ),
    ] {
        let bench = Bench::new();
        bench.world.slow.lock().unwrap().insert("a".into(), 80);
        let draft = limited(&["a", "b"], PlanLimits::USUAL, &lane);
        let report = bench.apply(draft, &Applying::default()).await.unwrap();
        assert_eq!(outcomes(&report), ended, "{lane:?}");
        assert_eq!(report.exit(), Exit::Failed);
        let runner = bench.runner("one");
        let report = runner.resume(&report.plan, &Applying::default()).await;
        assert_eq!(outcomes(&report.unwrap()), "a changed, b changed");
    }
}

/// A kept lane continues its chain before it starts another, even if the other comes first.
#[tokio::test]
async fn what_was_begun_where_a_place_is_kept_goes_on_before_another_begins() {
    for (lane, written) in [
        (Lane::occupied("unit"), ["a0", "b1", "b2", "a1", "a2"]),
        (Lane::serial("unit"), ["a0", "b1", "a1", "a2", "b2"]),
    ] {
        let bench = Bench::new();
        bench.world.slow.lock().unwrap().insert("b1".into(), 5);
        let mut draft = puts(&[]);
        let role = put(&mut draft, "a0", &Lane::usual(), &[]);
        let moved = put(&mut draft, "a1", &lane, &[role]);
        put(&mut draft, "a2", &lane, &[moved]);
        let moved = put(&mut draft, "b1", &lane, &[]);
        put(&mut draft, "b2", &lane, &[moved]);
        let report = bench.apply(draft, &Applying::default()).await.unwrap();
        assert_eq!(report.exit(), Exit::Ok);
        assert_eq!(bench.world.writes(), written, "{lane:?}");
    }
}

struct Busy {
    bench: Bench,
    clock: Arc<Hourglass>,
    looks: std::sync::atomic::AtomicU32,
    aborts: Option<(u32, PlanId)>,
}

const BUSY: u32 = 1_500;

#[async_trait]
impl Sleeper for Busy {
    async fn sleep(&self, span: Duration) {
        self.clock.advance(span);
        let look = self.looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if look < BUSY {
            let claim = LaneClaim::usual("other", self.bench.clock.now());
            self.bench.store.lease("factory", claim).await.unwrap();
        } else if look == BUSY {
            let given = self.bench.store.unlease("factory", "other").await;
            given.unwrap();
        }
        if let Some((at, plan)) = &self.aborts
            && *at == look
        {
            self.bench.store.set_aborted(plan, true).await.unwrap();
        }
    }
}

#[tokio::test]
async fn who_is_at_work_in_a_lane_is_waited_for_until_the_plan_is_aborted() {
    for aborted in [false, true] {
        let bench = Bench::new();
        let draft = limited(&["a"], PlanLimits::USUAL, &Lane::occupied("factory"));
        let plan = bench.runner("one").look(draft).await.unwrap().plan.id;
        let claim = LaneClaim::usual("other", bench.clock.now());
        bench.store.lease("factory", claim).await.unwrap();
        let (store, world) = (Arc::clone(&bench.store), Arc::clone(&bench.world));
        let clock = Arc::clone(&bench.clock);
        let busy = Busy {
            clock: Arc::clone(&clock),
            looks: 0.into(),
            aborts: aborted.then(|| (200, plan.clone())),
            bench,
        };
        let runner = Runner::new(
            RunnerPorts {
                nap: Arc::new(busy),
                ..ports(
                    Arc::clone(&store) as Arc<_>,
                    Arc::clone(&world) as Arc<_>,
                    &clock,
                )
            },
            RunnerIdentity {
                holder: "one".into(),
                actor: "ana@example.com".into(),
            },
        );
        let report = runner.apply(&plan, &patient(65)).await;
        if aborted {
            assert!(matches!(report, Err(RunError::Held { .. })), "{report:?}");
            assert!(world.writes().is_empty());
        } else {
            assert_eq!(outcomes(&report.unwrap()), "a changed");
        }
    }
}

fn attached(targets: &[&str]) -> PlanDraft {
    let mut draft = puts(&[]);
    let check: StepId = put(&mut draft, "0 check", &Lane::usual(), &[]);
    let policy = put(&mut draft, "1 policy", &Lane::usual(), &[check]);
    for target in targets {
        let after = std::slice::from_ref(&policy);
        put(&mut draft, target, &Lane::usual(), after);
    }
    draft
}

#[tokio::test]
async fn a_canary_counts_targets_and_not_what_is_made_for_them() {
    let canary = Applying {
        canary: Some(1),
        ..Applying::default()
    };
    let bench = Bench::new();
    let report = bench.apply(attached(&["a", "b", "c"]), &canary).await;
    let report = report.unwrap();
    let ended = "0 check changed, 1 policy changed, a changed, b skipped, c skipped";
    assert_eq!(outcomes(&report), ended);
    assert_eq!(report.state.name(), "paused");
    let runner = bench.runner("one");
    let report = runner.resume(&report.plan, &Applying::default()).await;
    let plan = report.unwrap().plan;
    // undo handles shared steps last, without cascading
    let (plan, folded) = runner.load(&plan).await.unwrap();
    let back = undo(&plan, &folded, bench.world.as_ref()).draft;
    let report = bench.apply(back, &canary).await.unwrap();
    let ended = "0 check skipped, 1 policy skipped, a changed, b skipped, c skipped";
    assert_eq!(outcomes(&report), ended);
}

#[tokio::test]
async fn a_canary_of_a_chain_begins_where_the_chain_does() {
    let canary = |count| Applying {
        canary: Some(count),
        ..Applying::default()
    };
    let chain = || {
        let mut draft = puts(&[]);
        let first = put(&mut draft, "z", &Lane::usual(), &[]);
        let second = put(&mut draft, "y", &Lane::usual(), &[first]);
        put(&mut draft, "x", &Lane::usual(), &[second]);
        draft
    };
    for (count, ended) in [
        (1, "x skipped, y skipped, z changed"),
        (2, "x skipped, y changed, z changed"),
        (3, "x changed, y changed, z changed"),
    ] {
        let report = Bench::new().apply(chain(), &canary(count)).await.unwrap();
        assert_eq!(outcomes(&report), ended, "{count}");
    }
}
