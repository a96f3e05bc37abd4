//! Every port call failed, its answer lost, the process stopped before or after it: after the same command again or a
//! resume, everything is as it should be, no standard was turned on twice and no control set twice (row 14).

use hallpass_runner::testing::{Gate, PortMode};
use hallpass_runner::{Exit, PlanStore as _};

use super::hubs::{FIRST, Subscribed};
use super::world::World;

const FILE: &str = r"
defaults:
  standards: {enable: [pci-dss/v/3.2.1], disable: [aws-foundational-security-best-practices/v/1.0.0]}
  controls:
    - {id: IAM.6, status: DISABLED, reason: central}
    - {id: S3.7, status: DISABLED, reason: backup}
";

fn world() -> World {
    let world = World::small();
    world.with(|it| it.polls = 1);
    world.hub(FIRST, "us-east-1", |it| {
        let best = it
            .offered
            .iter()
            .find(|it| it.contains("foundational"))
            .cloned();
        it.on.insert(best.unwrap(), Subscribed::default());
    });
    world
}

async fn attempt(world: &World, holder: &str, gate: &std::sync::Arc<Gate>) -> bool {
    let run = async {
        let ran = world.run(FILE, true, holder, gate).await;
        let report = ran.and_then(|ran| ran.report);
        report.is_some_and(|report| report.exit() == Exit::Ok)
    };
    tokio::select! {
        done = run => done,
        () = gate.stop() => false,
    }
}

#[tokio::test]
async fn stopped_anywhere_nothing_is_sent_twice() {
    let unbroken = world();
    let gate = Gate::new(None);
    assert!(attempt(&unbroken, "first", &gate).await);
    let sent = unbroken.writes();
    assert_eq!(sent.len(), 4, "{sent:?}");
    for call in 1..=gate.calls() {
        for (n, mode) in (0..).zip(PortMode::ALL) {
            let by_command = (call + n) % 2 == 0;
            let case = format!("call {call}, {mode:?}, {by_command}");
            let world = world();
            let gate = Gate::new(Some((call, mode)));
            if !attempt(&world, "first", &gate).await {
                // whoever was stopped holds its lanes for a minute
                world.clock.advance(std::time::Duration::from_secs(61));
                let saved = world.plans.plans(1).await.unwrap();
                if let (false, Some(saved)) = (by_command, saved.first()) {
                    let runner = world.runner("second", &Gate::new(None));
                    let patient = crate::bench::patient();
                    runner.resume(&saved.plan.id, &patient).await.unwrap();
                }
            }
            let last = world.run(FILE, true, "third", &Gate::new(None)).await;
            let report = last.unwrap().report;
            let good = report.is_none_or(|it| it.exit() == Exit::Ok);
            assert!(good, "{case}");
            assert_eq!(world.writes(), sent, "{case}");
        }
    }
}
