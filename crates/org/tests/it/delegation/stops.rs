//! Each port call fails, loses its answer, or stops the process before or after it: after the same
//! command or a resume, the result is correct, and no administrator was set twice (row 9).

use std::sync::Arc;

use hallpass_base::{Clock as _, TimeSpan};
use hallpass_org::delegation::Replacing;
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{Exit, PlanId, StepEnd};
use serde_json::Value;

use super::world::{ADMIN, MANAGEMENT, OTHER, World};
use crate::bench::{after_stop, ended_well, outwait, patient, stops_in_turn};

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

/// An administrator set by another user between any two calls stays, and the step reports it.
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

const GURU: &str = r#"services: [{service: devops-guru, account: "333333333333"}]"#;

fn registered(world: &World) -> Vec<String> {
    let state = world.aws.state.lock().unwrap();
    let all = state.delegated.values().flatten();
    all.cloned().collect()
}

/// `organization.md` D-3: no second administrator is added next to an unplanned one.
#[tokio::test]
async fn an_administrator_that_somebody_registers_after_the_look_stays_alone() {
    let world = World::new();
    let plan = world.planned(GURU, Replacing::Never).await;
    let principal = "devops-guru.amazonaws.com".to_owned();
    let theirs = std::collections::BTreeSet::from([OTHER.to_owned()]);
    world.with(|it| {
        it.delegated.insert(principal, theirs);
    });
    let runner = world.runner("first", &Gate::new(None));
    let report = runner.apply(&plan, &patient()).await.unwrap();
    assert_eq!(report.exit(), Exit::Failed, "{report:?}");
    assert_eq!(registered(&world), [OTHER]);
}

/// Undo restores a replaced administrator after the new one is removed. Older plans lack the
/// successor.
#[tokio::test]
async fn a_replaced_administrator_comes_back_by_undoing() {
    for is_of_before in [false, true] {
        let world = World::new();
        let principal = "devops-guru.amazonaws.com".to_owned();
        let theirs = std::collections::BTreeSet::from([OTHER.to_owned()]);
        world.with(|it| {
            it.delegated.insert(principal, theirs);
        });
        let plan = world.planned(GURU, Replacing::Whoever).await;
        let gate = Gate::new(None);
        let runner = world.runner("first", &gate);
        let report = runner.apply(&plan, &patient()).await.unwrap();
        assert_eq!(report.exit(), Exit::Ok, "{report:?}");
        assert_eq!(registered(&world), [ADMIN]);
        let (mut plan, folded) = runner.load(&plan).await.unwrap();
        let mut steps = plan.steps.iter_mut();
        let gone = steps.find(|it| it.kind == "delegation.deregister").unwrap();
        if is_of_before {
            let wish = gone.desired.as_object_mut().unwrap();
            assert!(wish.remove("replaces").is_some());
        }
        let back = hallpass_plans::undo(&plan, &folded, &world.hands(&gate));
        let back = runner.look(back.draft).await.unwrap().plan;
        assert_eq!(back.blocked(), [""; 0]);
        let report = runner.apply(&back.id, &patient()).await;
        assert_eq!(report.unwrap().exit(), Exit::Ok);
        assert_eq!(registered(&world), [OTHER]);
    }
}

/// `organization.md` D-5: a rejected account is pending if it joined within the last hour, and
/// failed otherwise.
#[tokio::test]
async fn accounts_that_detective_does_not_know_yet_are_asked_for_again() {
    const FRESH: &str = "444444444444";
    let mut ends = Vec::new();
    for age in [TimeSpan::minutes(2), TimeSpan::minutes(61)] {
        let world = World::new();
        let now = world.clock.now();
        let joined = (age.before(now), TimeSpan::minutes(10).after(now));
        world.with(|it| {
            it.joined.insert(FRESH.to_owned(), joined);
        });
        let ran = world.delegate(FILE, true, "first", &Gate::new(None)).await;
        let report = ran.unwrap().report.unwrap();
        let mut targets = report.targets.iter();
        let of_detective = targets.find(|it| it.target.key == "detective").unwrap();
        ends.push(of_detective.outcome);
    }
    assert_eq!(ends, [StepEnd::Changed, StepEnd::Failed]);
}

/// A partly accepted batch is recorded without members added by others; undo reports it.
#[tokio::test]
async fn members_that_were_made_before_their_step_failed_have_a_record() {
    const REFUSED: &str = "444444444444";
    for (theirs, ours) in [
        (&[][..], &[MANAGEMENT, OTHER][..]),
        (&[OTHER], &[MANAGEMENT]),
        (&[MANAGEMENT, OTHER], &[]),
    ] {
        let world = World::new();
        let now = world.clock.now();
        let joined = (
            TimeSpan::hours(2).before(now),
            TimeSpan::hours(900).after(now),
        );
        world.with(|it| {
            it.joined.insert(REFUSED.to_owned(), joined);
        });
        let plan = world.planned(FILE, Replacing::Never).await;
        world.with(|it| {
            for account in theirs {
                let place = ("us-east-1".to_owned(), (*account).to_owned());
                it.members.insert(place, now);
            }
        });
        let gate = Gate::new(None);
        let runner = world.runner("first", &gate);
        let report = runner.apply(&plan, &patient()).await.unwrap();
        assert_eq!(report.exit(), Exit::Failed, "{report:?}");
        let changes = world.plans.changes();
        let made = changes
            .iter()
            .filter(|it| it.step_kind == "delegation.enable-members")
            .flat_map(|it| it.new["members"].as_array().unwrap())
            .map(|it| it["account"].as_str().unwrap());
        let mut made: Vec<&str> = made.collect();
        made.sort_unstable();
        assert_eq!(made, ours, "{theirs:?}");
        let (plan, folded) = runner.load(&plan).await.unwrap();
        let back = hallpass_plans::undo(&plan, &folded, &world.hands(&gate));
        let told = back.not_undoable.iter();
        let told = told.filter(|(_, why)| why.starts_with("members and sources"));
        let expected = 1 + usize::from(!ours.is_empty());
        assert_eq!(told.count(), expected, "{:?}", back.not_undoable);
    }
}

/// Stopped after sending a batch; the last journal record has the previous release's form without
/// earlier members.
async fn begun_by_an_earlier_release(is_refused: bool) -> (World, PlanId) {
    for call in 1..200 {
        let world = World::new();
        let now = world.clock.now();
        let joined = (
            TimeSpan::hours(2).before(now),
            TimeSpan::hours(900).after(now),
        );
        let plan = world.planned(FILE, Replacing::Never).await;
        world.with(|it| {
            let place = ("us-east-1".to_owned(), OTHER.to_owned());
            it.members.insert(place, now);
            let refused = is_refused.then(|| ("444444444444".to_owned(), joined));
            it.joined.extend(refused);
        });
        let gate = Gate::new(Some((call, PortMode::StopAfter)));
        let runner = world.runner("first", &gate);
        let ran = async { runner.apply(&plan, &patient()).await.ok() };
        assert!(!ended_well(ran, &gate).await, "no batch is sent");
        let is_sent = !world.aws.state.lock().unwrap().batches.is_empty();
        let Some(last) = world.plans.texts(&plan).pop() else {
            continue;
        };
        let mut record: Value = serde_json::from_str(&last).unwrap();
        let (kept, _) = runner.load(&plan).await.unwrap();
        let batch = kept
            .steps
            .iter()
            .find(|it| it.kind == "delegation.enable-members");
        let is_batch = record["step"] == batch.unwrap().id.as_str();
        if is_sent && record["is"] == "intent" && is_batch {
            assert_eq!(record["old"]["members"][0], OTHER, "as it is kept now");
            record["old"] = Value::Null;
            world.plans.tear(&plan, &record.to_string());
            outwait(&world.clock);
            return (world, plan);
        }
    }
    panic!("no batch is sent");
}

/// Earlier members are reported neither as added nor as absent.
#[tokio::test]
async fn a_batch_that_an_earlier_release_began_is_gone_on_with_without_saying_what_was_before() {
    for is_refused in [false, true] {
        let (world, plan) = begun_by_an_earlier_release(is_refused).await;
        let runner = world.runner("second", &Gate::new(None));
        let report = runner.resume(&plan, &patient()).await.unwrap();
        let exit = if is_refused { Exit::Failed } else { Exit::Ok };
        assert_eq!(report.exit(), exit, "{report:?}");
        let changes = world.plans.changes();
        let mut of_batch = changes
            .iter()
            .filter(|it| it.step_kind == "delegation.enable-members");
        let record = of_batch.next().unwrap();
        assert_eq!(record.old["members"], "not known", "{record:?}");
        let members = record.new["members"].as_array().unwrap();
        let members: Vec<&str> = members
            .iter()
            .map(|it| it["account"].as_str().unwrap())
            .collect();
        for account in [MANAGEMENT, OTHER] {
            assert!(members.contains(&account), "{members:?}");
        }
        assert_eq!(members.contains(&"444444444444"), !is_refused);
        assert_eq!(of_batch.next(), None);
    }
}
