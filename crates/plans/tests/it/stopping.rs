//! Injects a failure, a lost answer, or a crash at every port call: after a resume the state equals
//! an unbroken run, and every change has one record.

use std::sync::Arc;

use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{Applying, Lane, PlanDraft, RunError, StepEnd};
use serde_json::json;

use crate::world::{Bench, patient, put, puts};

fn draft() -> PlanDraft {
    let mut draft = puts(&["x"]);
    let lane = Lane::serial("organizations-write");
    let a = put(&mut draft, "a", &lane, &[]);
    put(&mut draft, "b", &lane, &[a]);
    draft
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.world.put("x", json!({"v": "old"}));
    bench.world.slow.lock().unwrap().insert("b".into(), 1);
    bench
}

async fn attempt(bench: &Bench, holder: &str, gate: &Arc<Gate>) -> Result<bool, RunError> {
    let runner = bench.gated(holder, gate);
    let run = async {
        let looked = runner.look(draft()).await?;
        let report = runner.apply(&looked.plan.id, &patient(120)).await?;
        assert!(!report.targets.is_empty());
        Ok(report.targets.iter().all(|row| row.outcome.is_good()))
    };
    tokio::select! {
        done = run => done,
        () = gate.stop() => Ok(false),
    }
}

#[tokio::test]
async fn a_resumed_run_ends_as_an_unbroken_one() {
    let unbroken = Gate::new(None);
    assert_eq!(attempt(&bench(), "first", &unbroken).await, Ok(true));
    let calls = unbroken.calls();
    assert!(calls > 20, "{calls} calls");
    for call in 1..=calls {
        for mode in PortMode::ALL {
            let case = format!("call {call}, {mode:?}");
            let bench = bench();
            let first = attempt(&bench, "first", &Gate::new(Some((call, mode)))).await;
            if first != Ok(true) {
                let again = attempt(&bench, "second", &Gate::new(None)).await;
                assert_eq!(again, Ok(true), "{case}");
            }
            for key in ["a", "b", "x"] {
                assert_eq!(bench.world.get(key), Some(json!({"v": key})), "{case}");
                let records = bench.store.changes();
                let of_key = records.iter().filter(|it| it.target.key == key).count();
                assert_eq!(of_key, 1, "{case}: {key}");
            }
            // visible writes are never repeated; the acceptance of `b` is invisible
            let writes = bench.world.writes();
            for key in ["a", "x"] {
                let sent = writes.iter().filter(|it| *it == key).count();
                assert_eq!(sent, 1, "{case}: {key}");
            }
            let old = bench.store.changes();
            let x = old.iter().find(|it| it.target.key == "x").unwrap();
            assert_eq!(x.old, json!({"v": "old"}), "{case}");
        }
    }
}

#[tokio::test]
async fn a_torn_record_is_cut_off_and_done_again() {
    let bench = bench();
    assert_eq!(attempt(&bench, "first", &Gate::new(None)).await, Ok(true));
    let runner = bench.runner("second");
    let plan = draft().id();
    bench.store.tear(&plan, "{\"at\":\"2026-03-0");
    let report = runner.resume(&plan, &Applying::default()).await.unwrap();
    assert!(!report.targets.is_empty());
    assert!(
        report
            .targets
            .iter()
            .all(|row| row.outcome == StepEnd::Changed)
    );
    let texts = bench.store.texts(&plan);
    assert!(!texts.is_empty());
    assert!(texts.iter().all(|text| text.ends_with('}')), "{texts:#?}");
}
