use std::time::Duration;

use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{Applying, PlanDraft, PlanId, PlanReport, PlanStore as _, RunError, fold};

use crate::world::{Bench, outcomes, patient, puts};

const WHY: &str = "the server continues it";
const LONG: Duration = Duration::from_mins(2);

async fn stopped(bench: &Bench, applying: &Applying, call: u64) -> PlanId {
    let gate = Gate::new(Some((call, PortMode::StopAfter)));
    let runner = bench.gated("dead", &gate);
    let plan = bench.runner("reader").upcoming(&draft()).await.unwrap();
    let run = async {
        let looked = runner.look(draft()).await.unwrap().plan.id;
        runner.apply(&looked, applying).await
    };
    tokio::select! {
        ended = run => panic!("it was not stopped: {ended:?}"),
        () = gate.stop() => plan,
    }
}

fn draft() -> PlanDraft {
    puts(&["a", "b", "c"])
}

async fn go_on(bench: &Bench, plan: &PlanId) -> Result<Option<PlanReport>, RunError> {
    bench.runner("server").go_on(plan, LONG, WHY).await
}

async fn calls(applying: &Applying) -> (u64, u64) {
    let (bench, gate) = (Bench::new(), Gate::new(None));
    let runner = bench.gated("whole", &gate);
    let plan = runner.look(draft()).await.unwrap().plan.id;
    let saved = gate.calls();
    runner.apply(&plan, applying).await.unwrap();
    (saved, gate.calls())
}

#[tokio::test]
async fn what_was_stopped_anywhere_goes_on_and_nothing_is_sent_twice() {
    let mut went_on = 0;
    let (saved, all) = calls(&patient(120)).await;
    for call in saved..=all {
        let bench = Bench::new();
        let plan = stopped(&bench, &patient(120), call).await;
        let Some(report) = go_on(&bench, &plan).await.unwrap() else {
            let report = bench.runner("reader").report(&plan).await.unwrap();
            assert!(matches!(report.state.name(), "planned" | "done"), "{call}");
            continue;
        };
        went_on += 1;
        assert_eq!(
            outcomes(&report),
            "a changed, b changed, c changed",
            "{call}"
        );
        assert_eq!(bench.world.writes().len(), 3, "{call}");
        assert_eq!(bench.store.changes().len(), 3, "{call}");
        assert!(noted(&bench, &plan).await, "{call}");
        assert_eq!(go_on(&bench, &plan).await, Ok(None), "{call}: it is over");
    }
    assert!(went_on > 5, "{went_on}");
}

async fn noted(bench: &Bench, plan: &PlanId) -> bool {
    let stored = bench.store.journal(plan).await.unwrap();
    assert!(fold(&stored).is_ok());
    stored.iter().any(|row| row.text.contains(WHY))
}

#[tokio::test]
async fn a_canary_that_was_stopped_anywhere_waits_for_somebody() {
    let canary = Applying {
        canary: Some(1),
        ..patient(120)
    };
    let (saved, all) = calls(&canary).await;
    for call in saved..=all {
        let bench = Bench::new();
        let plan = stopped(&bench, &canary, call).await;
        let (before, known) = (bench.world.writes(), bench.store.changes().len());
        assert_eq!(go_on(&bench, &plan).await, Ok(None), "{call}");
        assert_eq!(bench.world.writes(), before, "{call}");
        assert_eq!(bench.store.changes().len(), known, "{call}");
    }
}

#[tokio::test]
async fn what_was_aborted_or_never_begun_or_is_run_elsewhere_is_left_alone() {
    let bench = Bench::new();
    let runner = bench.runner("one");
    let saved = runner.look(puts(&["x"])).await.unwrap().plan.id;
    assert_eq!(go_on(&bench, &saved).await, Ok(None));
    assert!(bench.world.writes().is_empty());

    let bench = Bench::new();
    let (saved, all) = calls(&patient(120)).await;
    let plan = stopped(&bench, &patient(120), saved.midpoint(all)).await;
    let before = bench.world.writes();
    let held = bench
        .runner("server")
        .go_on(&plan, Duration::ZERO, WHY)
        .await;
    assert!(matches!(held, Err(RunError::Held { .. })), "{held:?}");
    bench.runner("two").abort(&plan, LONG).await.unwrap();
    assert_eq!(go_on(&bench, &plan).await, Ok(None));
    assert_eq!(bench.world.writes(), before);
}
