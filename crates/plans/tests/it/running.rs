use std::sync::atomic::Ordering;
use std::time::Duration;

use hallpass_base::{Clock, Timestamp};
use hallpass_plans::testing::Gate;
use hallpass_plans::{
    Applying, Exit, Lane, LaneClaim, LeaseAnswer, PlanLimits, PlanReport, PlanStore, RunError, undo,
};
use serde_json::json;

use crate::world::{Bench, conflict, denied, limited, outcomes, patient, put, puts, throttled};

/// A claim that expires immediately.
fn claim(holder: &str, now: Timestamp) -> LaneClaim<'_> {
    LaneClaim {
        holder,
        now,
        until: now,
    }
}

#[tokio::test]
async fn a_look_writes_nothing_and_is_saved() {
    let bench = Bench::new();
    bench.world.put("b", json!({"v": "b"}));
    bench.world.put("c", json!({"v": "old"}));
    let looked = bench
        .runner("one")
        .look(puts(&["c", "a", "b"]))
        .await
        .unwrap();
    let report = PlanReport::planned(&looked.plan);
    assert_eq!(outcomes(&report), "a changed, b unchanged, c changed");
    assert_eq!(report.targets[2].steps[0].old, json!({"v": "old"}));
    assert_eq!((report.state.name(), report.exit()), ("planned", Exit::Ok));
    assert!(bench.world.writes().is_empty());
    let saved = bench.store.plan(&looked.plan.id).await.unwrap().unwrap();
    assert_eq!(saved.plan, looked.plan);
}

#[tokio::test]
async fn applying_changes_what_differs_and_records_it() {
    let bench = Bench::new();
    bench.world.put("b", json!({"v": "b"}));
    let report = bench
        .apply(puts(&["a", "b"]), &Applying::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), "a changed, b unchanged");
    assert_eq!(report.state.name(), "done");
    assert_eq!(report.targets[0].request_ids, ["req-a"]);
    assert_eq!(bench.world.writes(), ["a"]);
    let changes = bench.store.changes();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].actor, "ana@example.com");
    assert_eq!(
        (&changes[0].old, &changes[0].new),
        (&json!(null), &json!({"v": "a"}))
    );
}

#[tokio::test]
async fn twice_is_once() {
    let bench = Bench::new();
    for outcome in ["a changed", "a unchanged"] {
        let report = bench
            .apply(puts(&["a"]), &Applying::default())
            .await
            .unwrap();
        assert_eq!(outcomes(&report), outcome);
    }
    assert_eq!(bench.world.writes(), ["a"]);
}

#[tokio::test]
async fn a_world_that_changed_meanwhile_is_not_touched_unless_that_is_accepted() {
    let bench = Bench::new();
    let runner = bench.runner("one");
    let plan = runner.look(puts(&["a", "b"])).await.unwrap().plan;
    bench.world.put("a", json!({"v": "theirs"}));
    let report = runner.apply(&plan.id, &Applying::default()).await.unwrap();
    assert_eq!(outcomes(&report), "a drifted, b changed");
    assert_eq!(report.exit(), Exit::Failed);
    assert_eq!(bench.world.get("a"), Some(json!({"v": "theirs"})));
    let accept = Applying {
        accept_drift: true,
        ..Applying::default()
    };
    let report = runner.apply(&plan.id, &accept).await.unwrap();
    assert_eq!(outcomes(&report), "a drifted, b changed");
    let report = bench.apply(puts(&["a", "b"]), &accept).await.unwrap();
    assert_eq!(outcomes(&report), "a changed, b unchanged");
}

#[tokio::test]
async fn a_failure_stays_with_its_target_and_what_depends_on_it() {
    let bench = Bench::new();
    bench.world.trouble("a", &[denied()]);
    let mut draft = puts(&["x"]);
    let a = put(&mut draft, "a", &Lane::usual(), &[]);
    let b = put(&mut draft, "b", &Lane::usual(), &[a]);
    put(&mut draft, "c", &Lane::usual(), &[b]);
    let report = bench
        .apply(draft.clone(), &Applying::default())
        .await
        .unwrap();
    assert_eq!(
        outcomes(&report),
        "a failed, b blocked, c blocked, x changed"
    );
    assert_eq!(report.targets[0].reason, "AccessDenied: no");
    assert!(
        report.targets[1]
            .reason
            .ends_with("/a: failed: AccessDenied: no"),
        "{}",
        report.targets[1].reason
    );
    assert_eq!(report.targets[2].reason, report.targets[1].reason);
    assert_eq!(report.state.name(), "partial");
    let again = Applying {
        retry_failed: true,
        ..Applying::default()
    };
    let report = bench
        .runner("one")
        .apply(&report.plan, &again)
        .await
        .unwrap();
    assert_eq!(
        outcomes(&report),
        "a changed, b changed, c changed, x unchanged"
    );
    let tokens = bench.world.tokens.lock().unwrap().clone();
    assert!(!tokens.is_empty());
    assert!(
        draft
            .steps()
            .iter()
            .all(|step| step.target.key == "x" || !tokens.contains(&step.token))
    );
}

#[tokio::test]
async fn too_many_failures_stop_new_targets() {
    let keys = ["a", "b", "c", "d"];
    for (allowed, expected) in [
        (0, "a failed, b skipped, c skipped, d skipped"),
        (1, "a failed, b failed, c skipped, d skipped"),
        (9, "a failed, b failed, c changed, d changed"),
    ] {
        let bench = Bench::new();
        bench.world.trouble("a", &[denied()]);
        bench.world.trouble("b", &[denied()]);
        let limits = PlanLimits {
            failures_max: Some(allowed),
            ..PlanLimits::USUAL
        };
        let draft = limited(&keys, limits, &Lane::serial("one-by-one"));
        let report = bench.apply(draft, &Applying::default()).await.unwrap();
        assert_eq!(outcomes(&report), expected, "{allowed} allowed");
    }
}

#[tokio::test]
async fn lanes_bound_how_many_run_at_once() {
    for (lane, most) in [
        (Lane::serial("organizations-write"), 1),
        (
            Lane {
                width: 3,
                ..Lane::usual()
            },
            3,
        ),
        (Lane::usual(), 6),
        (
            Lane {
                apart: Some("one role".into()),
                ..Lane::usual()
            },
            1,
        ),
    ] {
        let bench = Bench::new();
        let draft = limited(&["a", "b", "c", "d", "e", "f"], PlanLimits::USUAL, &lane);
        bench.apply(draft, &Applying::default()).await.unwrap();
        assert_eq!(bench.world.most.load(Ordering::SeqCst), most, "{lane:?}");
    }
}

#[tokio::test]
async fn throttles_and_conflicts_are_waited_out() {
    let bench = Bench::new();
    bench.world.trouble("a", &[throttled(), throttled()]);
    bench.world.trouble("b", &[conflict()]);
    let before = bench.clock.now();
    let report = bench
        .apply(puts(&["a", "b"]), &Applying::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), "a changed, b changed");
    assert!(bench.clock.now().duration_since(before).as_secs() >= 60);
    let tries = vec![throttled(); 8];
    bench.world.trouble("z", &tries);
    let report = bench
        .apply(puts(&["z"]), &Applying::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), "z failed");
    assert!(
        report.targets[0]
            .reason
            .starts_with("given up after 8 tries")
    );
}

#[tokio::test]
async fn what_is_taken_on_is_asked_for_until_it_is_done() {
    let bench = Bench::new();
    bench.world.slow.lock().unwrap().insert("a".into(), 3);
    let report = bench
        .apply(puts(&["a"]), &Applying::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), "a changed");
    bench.world.slow.lock().unwrap().insert("b".into(), 70);
    let runner = bench.runner("one");
    let plan = runner.look(puts(&["b"])).await.unwrap().plan;
    let report = runner.apply(&plan.id, &Applying::default()).await.unwrap();
    assert_eq!(outcomes(&report), "b in_progress");
    assert_eq!(report.exit(), Exit::Failed);
    let report = runner.resume(&plan.id, &Applying::default()).await.unwrap();
    assert_eq!(outcomes(&report), "b changed");
    assert_eq!(bench.world.writes(), ["a", "b"]);
}

#[tokio::test]
async fn a_plan_that_is_too_large_is_refused() {
    let bench = Bench::new();
    let limits = PlanLimits {
        changes_max: 1,
        ..PlanLimits::USUAL
    };
    let draft = limited(&["a", "b"], limits, &Lane::usual());
    let refused = bench.apply(draft, &Applying::default()).await;
    let error = refused.unwrap_err();
    assert_eq!(
        error,
        RunError::TooManyChanges {
            changes: 2,
            allowed: 1
        }
    );
    assert!(bench.world.writes().is_empty());
}

#[tokio::test]
async fn a_canary_goes_first_and_the_rest_on_resume() {
    let bench = Bench::new();
    let canary = Applying {
        canary: Some(1),
        ..Applying::default()
    };
    let report = bench.apply(puts(&["a", "b", "c"]), &canary).await.unwrap();
    assert_eq!(outcomes(&report), "a changed, b skipped, c skipped");
    assert_eq!(report.state.name(), "paused");
    let runner = bench.runner("one");
    let told = runner.report(&report.plan).await.unwrap();
    assert_eq!(told.state.name(), "paused", "a later reader");
    let report = runner.resume(&report.plan, &canary).await.unwrap();
    assert_eq!(outcomes(&report), "a changed, b changed, c skipped");
    let report = runner
        .resume(&report.plan, &Applying::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), "a changed, b changed, c changed");
}

#[tokio::test]
async fn a_wide_lane_is_ours_until_the_last_of_its_steps_is_over() {
    let bench = Bench::new();
    for key in ["b", "c", "d"] {
        bench.world.slow.lock().unwrap().insert(key.into(), 3);
    }
    let wide = Lane {
        width: 2,
        ..Lane::serial("control-tower")
    };
    let draft = limited(&["a", "b", "c", "d"], PlanLimits::USUAL, &wide);
    let gate = Gate::new(None);
    let runner = bench.gated("one", &gate);
    let plan = runner.look(draft).await.unwrap().plan.id;
    let patient = patient(0);
    let run = runner.apply(&plan, &patient);
    let others = async {
        loop {
            let (now, wanted) = (bench.clock.now(), "control-tower");
            let begun = !bench.world.writes().is_empty();
            let over = bench.world.get("d").is_some();
            if begun && !over {
                let held = bench.store.lease(wanted, claim("two", now)).await.unwrap();
                assert!(matches!(held, LeaseAnswer::Held { .. }), "{held:?}");
            }
            tokio::task::yield_now().await;
        }
    };
    let report = tokio::select! {
        report = run => report.unwrap(),
        () = others => unreachable!("it looks for ever"),
    };
    assert_eq!(
        outcomes(&report),
        "a changed, b changed, c changed, d changed"
    );
    assert_eq!(bench.world.most.load(Ordering::SeqCst), 2);
    let now = bench.clock.now();
    let free = bench.store.lease("control-tower", claim("two", now)).await;
    assert_eq!(free, Ok(LeaseAnswer::Ours), "the lease was released");
}

#[tokio::test]
async fn a_lane_of_somebody_else_is_waited_for_or_reported() {
    let bench = Bench::new();
    let draft = || {
        limited(
            &["a"],
            PlanLimits::USUAL,
            &Lane::serial("organizations-write"),
        )
    };
    let other = LaneClaim::usual("other", bench.clock.now());
    let lane = "organizations-write";
    bench.store.lease(lane, other).await.unwrap();
    let error = bench
        .apply(draft(), &Applying::default())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, RunError::Held { by, .. } if by == "other"),
        "{error}"
    );
    assert!(bench.world.writes().is_empty());
    let report = bench.apply(draft(), &patient(70)).await.unwrap();
    assert_eq!(outcomes(&report), "a changed");
    let now = bench.clock.now();
    for lane in [
        "organizations-write".to_owned(),
        format!("plan:{}", report.plan),
    ] {
        let answer = bench.store.lease(&lane, claim("third", now)).await.unwrap();
        assert_eq!(answer, LeaseAnswer::Ours, "{lane}");
    }
}

#[tokio::test]
async fn an_aborted_plan_begins_nothing_new() {
    let bench = Bench::new();
    bench.world.slow.lock().unwrap().insert("a".into(), 2);
    let draft = limited(&["a", "b"], PlanLimits::USUAL, &Lane::serial("one"));
    let runner = bench.runner("one");
    let plan = runner.look(draft).await.unwrap().plan;
    let id = plan.id.clone();
    let aborting = async {
        bench.store.set_aborted(&id, true).await.unwrap();
    };
    let applying = Applying::default();
    let (report, ()) = tokio::join!(runner.apply(&plan.id, &applying), async {
        tokio::task::yield_now().await;
        aborting.await;
    });
    let report = report.unwrap();
    assert_eq!(outcomes(&report), "a changed, b skipped");
    assert_eq!(report.state.name(), "aborted");
    let report = runner.resume(&plan.id, &Applying::default()).await.unwrap();
    assert_eq!(outcomes(&report), "a changed, b changed");
    let waited = runner
        .abort(&plan.id, Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(outcomes(&waited), "a changed, b changed");
}

#[tokio::test]
async fn undoing_goes_back_in_the_reverse_order_and_lists_what_it_cannot() {
    let bench = Bench::new();
    bench.world.put("a", json!({"v": "old"}));
    let mut draft = puts(&["account 1"]);
    let lane = Lane::serial("one");
    let a = put(&mut draft, "a", &lane, &[]);
    put(&mut draft, "b", &lane, &[a]);
    let report = bench.apply(draft, &Applying::default()).await.unwrap();
    let runner = bench.runner("one");
    let (plan, folded) = runner.load(&report.plan).await.unwrap();
    let undoing = undo(&plan, &folded, bench.world.as_ref());
    assert_eq!(undoing.not_undoable.len(), 1, "{:?}", undoing.not_undoable);
    let report = bench
        .apply(undoing.draft, &Applying::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), "a changed, b changed");
    assert_eq!(report.kind, "test.put.undo");
    assert_eq!(
        (bench.world.get("a"), bench.world.get("b")),
        (Some(json!({"v": "old"})), None)
    );
    let writes = bench.world.writes();
    assert_eq!(writes[3..], ["b", "a"], "{writes:?}");
}
