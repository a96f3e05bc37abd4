//! Every port call failed, its answer lost, the process stopped before or after it: after the same command again or a
//! resume, everything is as it should be, and no administrator was set twice (row 9).

use std::sync::Arc;

use hallpass_runner::Exit;
use hallpass_runner_testing::Gate;

use super::world::World;
use crate::bench::{after_stop, ended_well, stops_in_turn};

const FILE: &str = r#"
services:
  - {service: detective, account: "333333333333", regions: [us-east-1], auto_enable: true, members: all}
  - {service: devops-guru, account: "333333333333"}
"#;

async fn attempt(world: &World, holder: &str, gate: &Arc<Gate>) -> bool {
    let ran = async { world.delegate(FILE, true, holder, gate).await?.report };
    ended_well(ran, gate).await
}

#[tokio::test]
async fn stopped_anywhere_nothing_is_sent_twice() {
    let unbroken = World::new();
    let gate = Gate::new(None);
    assert!(attempt(&unbroken, "first", &gate).await);
    let sent = unbroken.writes();
    assert_eq!(sent.len(), 5, "{sent:?}");
    for (call, mode, by_command) in stops_in_turn(gate.calls()) {
        let case = format!("call {call}, {mode:?}, {by_command}");
        let world = World::new();
        let gate = Gate::new(Some((call, mode)));
        if !attempt(&world, "first", &gate).await {
            let second = || world.runner("second", &Gate::new(None));
            after_stop(&world.clock, &world.plans, (!by_command).then(second)).await;
        }
        let last = world.delegate(FILE, true, "third", &Gate::new(None)).await;
        let report = last.unwrap().report.unwrap();
        assert_eq!(report.exit(), Exit::Ok, "{case}: {report:?}");
        assert_eq!(world.writes(), sent, "{case}");
    }
}

/// Somebody names another administrator between any two calls: theirs stays, and the step says so.
#[tokio::test]
async fn whoever_is_named_meanwhile_stays() {
    for (conflicts, call) in (1..200).enumerate() {
        let world = World::new();
        let place = ("detective".to_owned(), "us-east-1".to_owned());
        world.with(|it| it.person = Some((call, place.0.clone(), place.1.clone())));
        let ran = world.delegate(FILE, true, "first", &Gate::new(None)).await;
        let state = world.aws.state.lock().unwrap();
        let held = state.regional.get(&place).map(String::as_str);
        if !state.person_was_there || held == Some("333333333333") {
            assert!(conflicts > 3, "{call}");
            break;
        }
        assert_eq!(held, Some("222222222222"), "call {call}");
        let ran = ran.unwrap();
        let good = ran.report.is_some_and(|it| it.exit() == Exit::Ok)
            && ran.rows.iter().all(|it| !it.is_bad());
        assert!(!good, "call {call}");
    }
}
