//! Generated, like `crashes`, for sweeps that plan, are confirmed and remove, and for adoption of
//! standing access. The world converges, and nothing else is removed.

use std::sync::Arc;

use hallpass_access::{CampaignStore as _, GrantState, RemovalLimit, SweepMode, SweepStore};
use hallpass_assignments::OperationKind;
use hallpass_audit::AuditStore;
use hallpass_base::testing::stops;
use hallpass_base::{Clock, HoldKey, TimeSpan};
use hallpass_simulation::{
    Gate, GateMode, GatePlan, Habits, Human,
    Human::{Ana, Bo, Eve},
    World, check_all,
};

use crate::acting::{check_second_pass, grants, key_of, run};
use crate::campaigns;
use crate::sweeping::{of, standing, waiting};

/// A retryable step, as in a client.
#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    Confirm,
    Adopt(Human, &'static str, u64),
    Accept(Human, &'static str),
    BeginCampaign,
    AnswerLines,
    SignOff,
    ApplyCampaign,
}

use Step::{Accept, Adopt, AnswerLines, ApplyCampaign, BeginCampaign, Confirm, Pass, SignOff};

struct Scenario {
    name: &'static str,
    mode: SweepMode,
    steps: &'static [Step],
    /// Unrecorded access, which must be removed.
    unknown: (Human, &'static str),
    adopted: bool,
}

const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "a sweep removes",
        mode: SweepMode::Revoke,
        steps: &[Accept(Bo, "Admin"), Pass(45), Confirm, Pass(5)],
        unknown: (Ana, "ReadOnly"),
        adopted: false,
    },
    Scenario {
        name: "an administrator adopts",
        mode: SweepMode::Report,
        steps: &[Accept(Bo, "Admin"), Adopt(Ana, "ReadOnly", 120), Pass(4)],
        unknown: (Ana, "ReadOnly"),
        adopted: true,
    },
    Scenario {
        name: "a sweep adopts a member",
        mode: SweepMode::Adopt {
            length: TimeSpan::minutes(3),
        },
        steps: &[Accept(Bo, "Admin"), Pass(45), Confirm, Pass(8)],
        unknown: (Ana, "oncall"),
        adopted: true,
    },
    Scenario {
        name: "a campaign removes",
        mode: SweepMode::Report,
        steps: &[
            Pass(20),
            BeginCampaign,
            AnswerLines,
            SignOff,
            ApplyCampaign,
            Confirm,
            Pass(5),
        ],
        unknown: (Ana, "ReadOnly"),
        adopted: false,
    },
];

fn key(world: &World, (human, set): (Human, &str)) -> HoldKey {
    match set {
        "oncall" => world.group_key(human).unwrap(),
        set => world.key(human, set).unwrap(),
    }
}

fn world(scenario: &Scenario, plan: Option<GatePlan>) -> World {
    let mut world = World::new(83, Habits::default(), None);
    world.sweeps_become(|settings| {
        settings.check_every = TimeSpan::minutes(15);
        settings.at = "rate(30 minutes)".parse().unwrap();
        settings.standing = vec!["*/payments-prod/Root".parse().unwrap()];
        settings.mode = scenario.mode;
    });
    for key in standing(&world) {
        world.center.give(&key);
    }
    world.center.give(&world.key(Bo, "Admin").unwrap());
    world.center.give(&key(&world, scenario.unknown));
    world.springs(plan);
    world
}

/// Runs time as in the binary; a failed sweep is retried.
async fn pass(world: &World, span: TimeSpan) {
    let until = span.after(world.clock.now());
    while world.clock.now() < until {
        let _: Result<_, _> = world.sweep_if_due().await;
        world.tick().await;
        world.clock.advance(TimeSpan::seconds(30));
    }
    world.tick().await;
}

async fn attempt(world: &World, step: Step, key: &str) -> bool {
    let eve = world.actor(Eve);
    match step {
        Pass(minutes) => {
            pass(world, TimeSpan::minutes(minutes)).await;
            true
        }
        Accept(human, set) => {
            let (meant, why) = (of(human, set), "by intent");
            let accepted = world.access.accept_standing(&eve, &meant, why, None).await;
            accepted.is_ok()
        }
        Adopt(human, set, seconds) => {
            let (meant, length) = (of(human, set), TimeSpan::seconds(seconds));
            let once = key_of(key);
            let adopted = world
                .access
                .adopt_standing(&eve, &meant, length, "moving in", Some(&once))
                .await;
            adopted.is_ok()
        }
        Confirm => {
            let Some(plan) = waiting(world).await else {
                // retried after a stop, or confirmed by a call whose answer was lost
                pass(world, TimeSpan::minutes(10)).await;
                let all = world.store.sweeps(None, 99).await.unwrap();
                return all.iter().any(|run| run.consent.is_some());
            };
            // after an unreadable place or a replaced plan, scan again
            let confirmed = world
                .access
                .confirm_sweep(&eve, plan.id, RemovalLimit::Keep);
            confirmed.await.is_ok()
        }
        BeginCampaign => {
            let _: Result<_, _> = campaigns::begin(world, &["dee", "eve"]).await;
            !world.store.campaigns(1).await.unwrap().is_empty()
        }
        AnswerLines => campaigns::answer_all(world, "ReadOnly").await,
        SignOff => campaigns::sign_off(world).await.is_ok(),
        ApplyCampaign => campaigns::apply(world).await.is_ok(),
    }
}

async fn is_calm(world: &World) -> bool {
    let open = world.store.open_sweep_items().await.unwrap();
    let runs = world.store.open_sweeps().await.unwrap();
    open.is_empty()
        && runs.iter().all(|run| run.state.is_waiting())
        && grants(world)
            .await
            .iter()
            .all(hallpass_access::Grant::is_over)
}

async fn play(world: &mut World, scenario: &Scenario) -> u64 {
    let first: Arc<Gate> = world.gate.clone();
    for (n, step) in scenario.steps.iter().enumerate() {
        let key = format!("{}-{n}", scenario.name);
        for tries in 0.. {
            assert!(tries < 20, "{}: {step:?} never succeeds", scenario.name);
            let mut done = false;
            let finished = world
                .until_stopped(Box::pin(async { done = attempt(world, *step, &key).await }))
                .await;
            if !finished {
                world.restart();
                world.clock.advance(TimeSpan::seconds(5));
            } else if done {
                break;
            }
        }
    }
    let calls = first.calls();
    let unknown = key(world, scenario.unknown);
    for _ in 0..60 {
        let pass = Box::pin(pass(world, TimeSpan::minutes(3)));
        if !world.until_stopped(pass).await {
            world.restart();
        }
        if is_calm(world).await && !world.center.present().contains(&unknown) {
            break;
        }
    }
    calls
}

async fn check(world: &World, scenario: &Scenario, case: &str) {
    let mut left = standing(world);
    left.push(world.key(Bo, "Admin").unwrap());
    if let Err(broken) = check_all(world, &left).await {
        panic!("{}: {case}: {broken:#?}", scenario.name);
    }
    let unknown = key(world, scenario.unknown);
    for (kind, written) in world.center.writes() {
        assert_eq!(
            (kind, &written),
            (OperationKind::Delete, &unknown),
            "{}: {case}",
            scenario.name
        );
    }
    let made = grants(world).await;
    assert_eq!(
        made.len(),
        usize::from(scenario.adopted),
        "{case}: {made:#?}"
    );
    for grant in made {
        let removed = matches!(grant.state, GrantState::Ended { removed: true, .. });
        assert!(
            removed && !grant.standing,
            "{}: {case}: {grant:#?}",
            scenario.name
        );
    }
    // one record per event, regardless of retries
    let records = world.store.records_from(1, 10_000).await.unwrap();
    let count = |event: &str| records.iter().filter(|it| it.event() == event).count();
    let acted = if scenario.adopted {
        ["standing.adopted", "end.succeeded"]
    } else {
        ["sweep.removing", "sweep.removed"]
    };
    for event in acted {
        assert_eq!(count(event), 1, "{}: {case}: {event}", scenario.name);
    }
    assert_eq!(count("standing.accepted"), 1, "{}: {case}", scenario.name);
    check_second_pass(world, &format!("{}: {case}", scenario.name)).await;
}

fn all_stops_of(scenario: &Scenario) {
    let calls = run(async {
        let mut world = world(scenario, None);
        let calls = Box::pin(play(&mut world, scenario)).await;
        check(&world, scenario, "undisturbed").await;
        calls
    });
    assert!(calls > 60, "{}: only {calls} calls", scenario.name);
    // idle loops repeat the same calls: every third is enough
    let is_kept = |call: u64| calls <= 600 || call % 3 == 1;
    for (call, mode) in stops(calls, GateMode::ALL).filter(|(call, _)| is_kept(*call)) {
        run(async {
            let mut world = world(scenario, Some(GatePlan { call, mode }));
            Box::pin(play(&mut world, scenario)).await;
            let case = format!("call {call} of {calls}, {mode:?}");
            check(&world, scenario, &case).await;
        });
    }
}

#[test]
fn stops_while_a_sweep_plans_and_removes() {
    all_stops_of(&SCENARIOS[0]);
}

#[test]
fn stops_during_an_adoption() {
    all_stops_of(&SCENARIOS[1]);
}

#[test]
fn stops_while_a_sweep_adopts() {
    all_stops_of(&SCENARIOS[2]);
}

#[test]
fn stops_while_a_campaign_is_answered_and_applied() {
    all_stops_of(&SCENARIOS[3]);
}
