//! Each port call fails, loses its answer, or stops the process before or after it: after the same
//! command or a resume, the result is correct, and no standard or control was set twice (row 14).

use std::sync::Arc;

use hallpass_org::standards::StandardsStepExecutor;
use hallpass_plans::testing::Gate;
use hallpass_plans::{Exit, StepEnd};

use super::hubs::{Deed, FIRST, PCI, Subscribed, turns_off};
use super::world::World;
use crate::bench::{after_stop, ended_well, stops_in_turn};

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

async fn attempt(world: &World, holder: &str, gate: &Arc<Gate>) -> bool {
    let ran = async { world.run(FILE, true, holder, gate).await?.report };
    ended_well(ran, gate).await
}

#[tokio::test]
async fn stopped_anywhere_nothing_is_sent_twice() {
    let unbroken = world();
    let gate = Gate::new(None);
    assert!(attempt(&unbroken, "first", &gate).await);
    let sent = unbroken.writes();
    assert_eq!(sent.len(), 4, "{sent:?}");
    for (call, mode, by_command) in stops_in_turn(gate.calls()) {
        let case = format!("call {call}, {mode:?}, {by_command}");
        let world = world();
        let gate = Gate::new(Some((call, mode)));
        if !attempt(&world, "first", &gate).await {
            let second = || world.runner("second", &Gate::new(None));
            after_stop(&world.clock, &world.plans, (!by_command).then(second)).await;
        }
        let last = world.run(FILE, true, "third", &Gate::new(None)).await;
        let report = last.unwrap().report;
        let good = report.is_none_or(|it| it.exit() == Exit::Ok);
        assert!(good, "{case}");
        assert_eq!(world.writes(), sent, "{case}");
    }
}

const SET_ONLY: &str = r"
defaults:
  controls:
    - {id: IAM.6, status: DISABLED, reason: central}
    - {id: S3.7, status: DISABLED, reason: backup}
    - {id: EC2.19, status: ENABLED}
";

fn standing() -> World {
    let world = World::small();
    world.hub(FIRST, "us-east-1", |it| {
        it.on.insert(PCI.to_owned(), Subscribed::default());
        let earlier = Some("earlier".to_owned());
        it.disabled.insert(control("EC2.19"), earlier);
    });
    world
}

fn control(id: &str) -> (String, String) {
    (PCI.to_owned(), id.to_owned())
}

fn off(world: &World) -> Vec<(String, Option<String>)> {
    let of = |it: &mut super::hubs::Hub| it.disabled.clone();
    let all = world.hub(FIRST, "us-east-1", of).into_iter();
    all.map(|((_, id), reason)| (id, reason)).collect()
}

fn named(all: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    let owned = |(id, reason): &(&str, Option<&str>)| ((*id).to_owned(), reason.map(str::to_owned));
    all.iter().map(owned).collect()
}

/// A control disabled with a reason between review and apply stays, and is reported; the others are
/// set, and only these are undone.
#[tokio::test]
async fn a_control_that_somebody_changed_since_the_review_is_left_and_the_others_are_set() {
    for by_standard in [false, true] {
        let world = standing();
        world.hub(FIRST, "us-east-1", |it| it.by_standard = by_standard);
        let reviewed = world.compare(SET_ONLY).await.report.unwrap();
        world.hub(FIRST, "us-east-1", |it| {
            let by_hand = Some("by hand".to_owned());
            it.disabled.insert(control("IAM.6"), by_hand);
        });
        let runner = world.runner("second", &Gate::new(None));
        let patient = crate::bench::patient();
        let report = runner.apply(&reviewed.plan, &patient).await.unwrap();
        let target = &report.targets[0];
        assert_eq!(target.outcome, StepEnd::Drifted, "{by_standard}");
        assert!(
            target
                .reason
                .contains("IAM.6 of pci-dss/v/3.2.1 is off (\"by hand\")"),
            "{}",
            target.reason
        );
        let set = named(&[("IAM.6", Some("by hand")), ("S3.7", Some("backup"))]);
        assert_eq!(off(&world), set, "{by_standard}");
        let (plan, folded) = runner.load(&reviewed.plan).await.unwrap();
        let hands = StandardsStepExecutor::new(Arc::new(world.calls()));
        let back = hallpass_plans::undo(&plan, &folded, &hands);
        let back = runner.look(back.draft).await.unwrap().plan;
        let report = runner.apply(&back.id, &patient).await.unwrap();
        assert_eq!(report.exit(), Exit::Ok, "{report:?}");
        let before = named(&[("EC2.19", Some("earlier")), ("IAM.6", Some("by hand"))]);
        assert_eq!(off(&world), before, "{by_standard}");
    }
}

/// A control changed by another user after the n-th call stays, also directly after the write. The
/// plan ends, and undo reverts only the other controls.
#[tokio::test]
async fn whenever_somebody_acts_what_they_decided_stands() {
    let by_hand = || named(&[("IAM.6", Some("by hand"))]);
    let turned_on: fn() -> Deed = || {
        Box::new(|state| {
            let hub = state.hubs.values_mut().next().unwrap();
            hub.disabled.remove(&control("IAM.6"));
        })
    };
    let turned_off: fn() -> Deed = || turns_off(control("IAM.6"));
    for (by_standard, deed, theirs) in [
        (false, turned_off, by_hand()),
        (true, turned_off, by_hand()),
        (false, turned_on, Vec::new()),
        (true, turned_on, Vec::new()),
    ] {
        let mut drifted = 0;
        for call in 1..100 {
            let world = standing();
            world.hub(FIRST, "us-east-1", |it| it.by_standard = by_standard);
            let reviewed = world.compare(SET_ONLY).await.report.unwrap();
            world.with(|it| it.person = Some((call, deed())));
            let runner = world.runner("second", &Gate::new(None));
            let patient = crate::bench::patient();
            let report = runner.apply(&reviewed.plan, &patient).await.unwrap();
            if world.with(|it| it.person.is_some()) {
                assert!(call > 5, "{call}");
                break;
            }
            let case = format!("call {call}, {by_standard}, {theirs:?}");
            let ours = named(&[("IAM.6", Some("central"))]);
            let of_iam = match report.targets[0].outcome {
                StepEnd::Drifted => &theirs,
                StepEnd::Changed if theirs.is_empty() => &ours,
                other => panic!("{case}: {other:?}"),
            };
            drifted += usize::from(report.targets[0].outcome == StepEnd::Drifted);
            let set = named(&[("S3.7", Some("backup"))]);
            assert_eq!(off(&world), [of_iam.clone(), set].concat(), "{case}");
            let (plan, folded) = runner.load(&reviewed.plan).await.unwrap();
            let hands = StandardsStepExecutor::new(Arc::new(world.calls()));
            let back = hallpass_plans::undo(&plan, &folded, &hands);
            let back = runner.look(back.draft).await.unwrap().plan;
            let report = runner.apply(&back.id, &patient).await.unwrap();
            assert_eq!(report.exit(), Exit::Ok, "{case}: {report:?}");
            let before = named(&[("EC2.19", Some("earlier"))]);
            assert_eq!(off(&world), [before, theirs.clone()].concat(), "{case}");
        }
        assert!(drifted > 0, "{by_standard} {theirs:?}");
    }
}

/// Accepted controls of a partly rejected batch are recorded, and undone.
#[tokio::test]
async fn controls_that_were_set_beside_one_that_aws_refuses_are_taken_back() {
    let world = standing();
    world.hub(FIRST, "us-east-1", |it| {
        let of = it.controls_of.get_mut("pci-dss/v/3.2.1").unwrap();
        of.insert("Bad.1".to_owned());
    });
    let before = off(&world);
    let file = format!("{SET_ONLY}    - {{id: Bad.1, status: DISABLED, reason: x}}\n");
    let report = world.apply(&file).await.report.unwrap();
    let mut steps = report.targets[0].steps.iter();
    let failed = steps.find(|it| it.outcome == StepEnd::Failed).unwrap();
    assert_eq!(failed.new["updates"].as_array().unwrap().len(), 3);
    let set = named(&[("IAM.6", Some("central")), ("S3.7", Some("backup"))]);
    assert_eq!(off(&world), set);
    let runner = world.runner("second", &Gate::new(None));
    let (plan, folded) = runner.load(&report.plan).await.unwrap();
    let hands = StandardsStepExecutor::new(Arc::new(world.calls()));
    let back = hallpass_plans::undo(&plan, &folded, &hands);
    let back = runner.look(back.draft).await.unwrap().plan;
    let report = runner.apply(&back.id, &crate::bench::patient()).await;
    assert_eq!(report.unwrap().exit(), Exit::Ok);
    assert_eq!(off(&world), before);
}
