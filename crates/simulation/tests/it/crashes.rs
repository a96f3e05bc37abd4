//! Generated: for every port call of every scenario, fail it, lose its answer, or stop the process
//! before or after it; restart; the world converges and a second pass does nothing.

use hallpass_access::{
    AccessError, Asking, Extending, GrantState, HeldAccess, Idempotency, Locking, RequestFilter,
    RequestStateKind,
};
use hallpass_base::testing::stops;
use hallpass_base::{GrantId, HoldKey, RequestId, TimeSpan, Timestamp};
use hallpass_simulation::{
    Gate, GateMode, GatePlan, Habits, Human,
    Human::{Ana, Cai},
    World, check_all,
};

use hallpass_store::SqlStore;
use std::sync::Arc;

use crate::acting::{Kept, asking, check_second_pass, come_to_rest, grants, key_of, run};

/// User actions. Each may be retried with the same idempotency key, as clients do after a server
/// stop.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(Human, &'static str, u64),
    AskTogether(Human, &'static [&'static str], u64),
    /// Duration, then start, in seconds.
    AskLater(Human, &'static str, u64, u64),
    Approve(Human),
    Break(Human),
    Close(Human),
    Extend(u64),
    Release,
    Revoke,
    Lock(HeldAccess),
    Unlock,
    Live(u64),
}

use Step::{
    Approve, Ask, AskLater, AskTogether, Break, Close, Extend, Live, Lock, Release, Revoke, Unlock,
};

struct Scenario {
    name: &'static str,
    steps: &'static [Step],
    standing: bool,
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "grant and expiry",
        steps: &[Ask(Ana, "ReadOnly", 60), Live(90)],
        standing: false,
    },
    Scenario {
        name: "standing",
        steps: &[Ask(Ana, "ReadOnly", 60), Live(90)],
        standing: true,
    },
    Scenario {
        name: "group",
        steps: &[Ask(Ana, "oncall", 60), Live(90)],
        standing: false,
    },
    Scenario {
        name: "approval and release",
        steps: &[
            Ask(Ana, "Admin", 600),
            Approve(Cai),
            Live(15),
            Release,
            Live(20),
        ],
        standing: false,
    },
    Scenario {
        name: "overlap",
        steps: &[
            Ask(Ana, "ReadOnly", 60),
            Live(30),
            Ask(Ana, "ReadOnly", 60),
            Live(80),
        ],
        standing: false,
    },
    Scenario {
        name: "several together",
        steps: &[
            AskTogether(Ana, &["ReadOnly", "Admin", "oncall"], 60),
            Approve(Cai),
            Live(90),
        ],
        standing: false,
    },
    Scenario {
        name: "a start that is to come",
        steps: &[AskLater(Ana, "Admin", 60, 15), Approve(Cai), Live(120)],
        standing: false,
    },
    Scenario {
        name: "a start without approval, while the same is held",
        steps: &[
            AskLater(Ana, "ReadOnly", 60, 20),
            Ask(Ana, "ReadOnly", 40),
            Live(150),
        ],
        standing: false,
    },
    Scenario {
        name: "all access revoked before its start",
        steps: &[
            AskLater(Ana, "ReadOnly", 60, 10),
            Lock(HeldAccess::Ends),
            Live(90),
        ],
        standing: false,
    },
    Scenario {
        name: "extension",
        steps: &[Ask(Ana, "ReadOnly", 40), Live(20), Extend(60), Live(90)],
        standing: false,
    },
    Scenario {
        name: "revoked while being made",
        steps: &[Ask(Ana, "ReadOnly", 600), Live(2), Revoke, Live(30)],
        standing: false,
    },
    Scenario {
        name: "break-glass",
        steps: &[Ask(Ana, "Glass", 60), Break(Ana), Live(70), Close(Cai)],
        standing: false,
    },
    Scenario {
        name: "break-glass without approvers",
        steps: &[
            Ask(Ana, "Alone", 60),
            Break(Ana),
            Live(70),
            Close(Human::Eve),
        ],
        standing: false,
    },
    Scenario {
        name: "all access revoked",
        steps: &[
            Ask(Ana, "ReadOnly", 600),
            Ask(Ana, "Admin", 600),
            Live(8),
            Lock(HeldAccess::EndsWithSessions),
            Live(30),
        ],
        standing: false,
    },
    Scenario {
        name: "locked and let in again",
        steps: &[
            Ask(Ana, "Admin", 600),
            Lock(HeldAccess::GoesOn),
            Live(3),
            Unlock,
            Ask(Ana, "ReadOnly", 60),
            Live(90),
        ],
        standing: false,
    },
];

async fn newest<S: Kept>(world: &World<S>) -> Option<GrantId> {
    grants(world).await.first().map(|grant| grant.id)
}

async fn newest_request<S: Kept>(world: &World<S>) -> RequestId {
    let all = RequestFilter::default();
    world.store.requests(&all, 1).await.unwrap().rows[0].id
}

async fn break_glass<S: Kept>(world: &World<S>, who: Human, key: &Idempotency) -> bool {
    let id = newest_request(world).await;
    let (actor, why) = (world.actor(who), "customers cannot pay and no one answers");
    let broken = world.access.break_glass(&actor, id, why, Some(key)).await;
    broken.is_ok()
}

async fn close_review<S: Kept>(world: &World<S>, who: Human, key: &Idempotency) -> bool {
    let id = newest_request(world).await;
    let actor = world.actor(who);
    let closed = world.access.close_review(&actor, id, None, Some(key)).await;
    closed.is_ok()
}

async fn lock<S: Kept>(world: &World<S>, held: Option<HeldAccess>) -> bool {
    let (eve, ana) = (world.actor(Human::Eve), world.actor(Ana).user.unwrap());
    match held {
        Some(held) => {
            let locking = Locking {
                reason: "a laptop was stolen",
                until: None,
                held,
                force: hallpass_access::Force::No,
            };
            world.access.lock(&eve, &ana, locking).await.is_ok()
        }
        None => world.access.unlock(&eve, &ana, "found").await.is_ok(),
    }
}

/// Requests access that starts this many seconds into the scenario, also on a retry.
async fn ask_later<S: Kept>(
    world: &World<S>,
    who: Human,
    set: &str,
    seconds: u64,
    later: u64,
    key: &Idempotency,
) -> bool {
    let began: Timestamp = "2024-10-04T00:00:00Z".parse().unwrap();
    let starts_at = TimeSpan::seconds(later).after(began);
    let wanted = Asking {
        starts_at: Some(starts_at),
        ..asking(set, TimeSpan::seconds(seconds))
    };
    let actor = world.actor(who);
    world.access.ask(&actor, &wanted, Some(key)).await.is_ok()
}

async fn ask_together<S: Kept>(
    world: &World<S>,
    who: Human,
    sets: &[&str],
    seconds: u64,
    key: &Idempotency,
) -> bool {
    let length = TimeSpan::seconds(seconds);
    let wanted: Vec<Asking> = sets.iter().map(|set| asking(set, length)).collect();
    let actor = world.actor(who);
    let asked = world.access.ask_together(&actor, &wanted, Some(key));
    asked.await.is_ok()
}

async fn attempt<S: Kept>(world: &World<S>, step: Step, key: &str) -> bool {
    let key = key_of(key);
    match step {
        Ask(who, set, seconds) => {
            let wanted = asking(set, TimeSpan::seconds(seconds));
            world
                .access
                .ask(&world.actor(who), &wanted, Some(&key))
                .await
                .is_ok()
        }
        AskTogether(who, sets, seconds) => ask_together(world, who, sets, seconds, &key).await,
        AskLater(who, set, seconds, later) => {
            ask_later(world, who, set, seconds, later, &key).await
        }
        Approve(who) => {
            let filter = RequestFilter {
                state: Some(RequestStateKind::Pending),
                ..RequestFilter::default()
            };
            let waiting = world.store.requests(&filter, 1).await.unwrap();
            match waiting.rows.first() {
                Some(request) => world
                    .access
                    .approve(&world.actor(who), request.id, Some(&key))
                    .await
                    .is_ok(),
                None => true,
            }
        }
        Break(who) => break_glass(world, who, &key).await,
        Close(who) => close_review(world, who, &key).await,
        Extend(seconds) => {
            let Some(id) = newest(world).await else {
                return true;
            };
            let ana = world.actor(Ana);
            let longer = Extending::by(TimeSpan::seconds(seconds));
            match world.access.extend(&ana, id, longer, Some(&key)).await {
                Ok(_) => true,
                Err(AccessError::Refused(why)) => why.retry_after().is_none(),
                Err(_) => false,
            }
        }
        Release => match newest(world).await {
            Some(id) => {
                let ana = world.actor(Ana);
                let released = world.access.release(&ana, id, Some(&key)).await;
                matches!(released, Ok(_) | Err(AccessError::Refused(_)))
            }
            None => true,
        },
        Revoke => match newest(world).await {
            Some(id) => {
                let eve = world.actor(Human::Eve);
                let revoked = world.access.revoke(&eve, id, "stop", Some(&key)).await;
                matches!(revoked, Ok(_) | Err(AccessError::Refused(_)))
            }
            None => true,
        },
        Lock(held) => lock(world, Some(held)).await,
        Unlock => lock(world, None).await,
        Live(seconds) => {
            world.live(TimeSpan::seconds(seconds)).await;
            true
        }
    }
}

/// Plays the scenario; restarts the process when the gate stops it. Returns the first process's
/// call count.
async fn play<S: Kept>(world: &mut World<S>, scenario: &Scenario) -> u64 {
    let first: Arc<Gate> = world.gate.clone();
    for (n, step) in scenario.steps.iter().enumerate() {
        let key = format!("{}-{n}", scenario.name);
        for tries in 0.. {
            assert!(
                tries < 20,
                "{}: step {step:?} never succeeds",
                scenario.name
            );
            let mut done = false;
            let finished = world
                .until_stopped(async { done = attempt(world, *step, &key).await })
                .await;
            if !finished {
                world.restart();
                // a server starts after a moment; the dead one's leases expire
                world.clock.advance(TimeSpan::seconds(5));
            } else if done {
                break;
            }
        }
    }
    let calls = first.calls();
    // calm until everything has ended: longer than a lease, a lost status and their pauses
    come_to_rest(world).await;
    calls
}

/// Checks that locked users request nothing and, if the lock ends access, hold nothing.
async fn check_locks<S: Kept>(world: &World<S>, scenario: &Scenario, case: &str) {
    for lock in world.store.locks().await.unwrap() {
        let filter = RequestFilter {
            state: Some(RequestStateKind::Pending),
            requester: Some(lock.person.user.clone()),
            ..RequestFilter::default()
        };
        let waiting = world.store.requests(&filter, 1).await.unwrap();
        assert!(
            waiting.rows.is_empty(),
            "{}: {case}: {waiting:?}",
            scenario.name
        );
        let held_on = grants(world)
            .await
            .into_iter()
            .filter(|grant| match &grant.state {
                GrantState::Ended { cause, .. } => cause.name() != "revoked",
                GrantState::Failed { .. } => false,
                _ => true,
            });
        let is_cut = lock.held == HeldAccess::GoesOn || held_on.count() == 0;
        assert!(is_cut, "{}: {case}: held on", scenario.name);
    }
}

async fn check<S: Kept>(world: &World<S>, scenario: &Scenario, case: &str) {
    let key: HoldKey = world.key(Ana, "ReadOnly").unwrap();
    let standing: Vec<HoldKey> = scenario.standing.then_some(key).into_iter().collect();
    if let Err(broken) = check_all(world, &standing).await {
        panic!(
            "{}: {case}: {broken:#?}\n{:#?}",
            scenario.name,
            grants(world).await
        );
    }
    for grant in grants(world).await {
        let taken = grant.standing && !scenario.standing;
        assert!(
            !taken,
            "{}: {case}: {} was taken for standing",
            scenario.name, grant.id
        );
        if let GrantState::Failed { error, .. } = &grant.state {
            assert!(
                !scenario.standing,
                "{}: {case}: failed: {error}",
                scenario.name
            );
        }
    }
    check_locks(world, scenario, case).await;
    let locked = world.store.records_from(1, 500).await.unwrap();
    let locked = locked.iter().filter(|it| it.event() == "person.locked");
    let expected = scenario.steps.iter().any(|step| matches!(step, Lock(_)));
    assert_eq!(
        locked.count(),
        usize::from(expected),
        "{}: {case}",
        scenario.name
    );
    check_second_pass(world, &format!("{}: {case}", scenario.name)).await;
}

fn all_stops_of(scenario: &Scenario) {
    let calls = run(async {
        let mut world = World::new(41, Habits::default(), None);
        if scenario.standing {
            world.center.give(&world.key(Ana, "ReadOnly").unwrap());
        }
        let calls = play(&mut world, scenario).await;
        check(&world, scenario, "undisturbed").await;
        calls
    });
    assert!(calls > 10, "{}: only {calls} calls", scenario.name);
    for (call, mode) in stops(calls, GateMode::ALL) {
        run(async {
            let plan = GatePlan { call, mode };
            let mut world = World::new(41, Habits::default(), Some(plan));
            if scenario.standing {
                world.center.give(&world.key(Ana, "ReadOnly").unwrap());
            }
            play(&mut world, scenario).await;
            let case = format!("call {call} of {calls}, {mode:?}");
            check(&world, scenario, &case).await;
        });
    }
}

fn scenario(name: &str) -> &'static Scenario {
    let mut named = SCENARIOS.iter().filter(|scenario| scenario.name == name);
    named.next().expect("a scenario of this name")
}

macro_rules! scenarios {
    ($($test:ident = $name:literal),* $(,)?) => {
        const PLAYED: &[&str] = &[$($name),*];

        $(
            #[test]
            fn $test() {
                all_stops_of(scenario($name));
            }
        )*
    };
}

scenarios! {
    stops_during_grant_and_expiry = "grant and expiry",
    stops_with_standing_access = "standing",
    stops_during_a_group_grant = "group",
    stops_during_approval_and_release = "approval and release",
    stops_during_overlapping_grants = "overlap",
    stops_while_several_are_asked_for_at_once = "several together",
    stops_before_a_start = "a start that is to come",
    stops_before_a_start_while_the_same_is_held = "a start without approval, while the same is held",
    stops_during_a_cut_off_before_a_start = "all access revoked before its start",
    stops_during_an_extension = "extension",
    stops_during_a_revocation = "revoked while being made",
    stops_during_break_glass = "break-glass",
    stops_during_break_glass_where_nobody_approves = "break-glass without approvers",
    stops_during_a_cut_off = "all access revoked",
    stops_around_a_lock = "locked and let in again",
}

#[test]
fn every_scenario_is_played() {
    let all: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    assert_eq!(all, PLAYED);
}

/// Every seventh call of two scenarios over SQLite, to reveal differences from the memory model
/// under stops.
#[test]
fn stops_over_sqlite() {
    for scenario in [scenario("grant and expiry"), scenario("overlap")] {
        for call in (1..=92).step_by(7) {
            for mode in GateMode::ALL {
                run(async {
                    let store = Arc::new(SqlStore::open_in_memory().unwrap());
                    let plan = Some(GatePlan { call, mode });
                    let mut world = World::planned(store, 43, Habits::default(), plan);
                    play(&mut world, scenario).await;
                    assert!(
                        world.gate.is_sprung() || mode != GateMode::Fail,
                        "call {call} never came"
                    );
                    check(&world, scenario, &format!("SQLite, call {call}, {mode:?}")).await;
                });
            }
        }
    }
}
