//! Every stop of a guard, and of a server that returns after a guard acted (promise P11).

use hallpass_audit::AuditStore;
use hallpass_base::TimeSpan;
use hallpass_base::testing::stops;
use hallpass_simulation::{
    GateMode, GatePlan, GuardView, Habits,
    Human::{Ana, Bo},
};

use crate::acting::{grant, run, take};
use crate::guarded::{Alive, Pair, cause_of};

/// Simulates a guard's action with a plan for the guard's gate, the returning server's, or neither.
/// Returns both call counts.
async fn life(
    scene: Scene,
    guard: Option<GatePlan>,
    server: Option<GatePlan>,
    case: &str,
) -> (u64, u64) {
    let mut pair = Pair::new(86, Habits::default(), guard).await;
    let first = std::sync::Arc::clone(&pair.guard().gate);
    let id = take(&pair.world, Ana, scene.set, TimeSpan::seconds(60)).await;
    let key = grant(&pair.world, id).await.key;
    let mut standing = Vec::new();
    if scene.is_standing {
        standing = vec![pair.world.group_key(Bo).unwrap()];
        pair.world.center.give(&standing[0]);
    }
    pair.live(20, Alive::Both).await;
    if scene.is_extended_unseen {
        let before = pair.guard().copy().await.unwrap();
        pair.guard().show(GuardView::Before(before));
        pair.extend(id, 900).await;
    }
    // until shortly before the action, with time for every pause after one stop or fault
    pair.live_in_steps(90, 10, Alive::Guard).await;
    pair.live(40, Alive::Guard).await;
    assert!(!pair.is_there(&key), "{case}: not gone");
    // a guard stopped right after its removal may not have completed it
    let is_told = pair.journaled("guard.ended") > 0;
    assert!(is_told || guard.is_some(), "{case}: not reported");
    pair.come_back(server).await;
    let second = std::sync::Arc::clone(&pair.world.gate);
    // longer than a lease whose answer was lost
    let calls_of_guard = first.calls();
    pair.live(20, Alive::Both).await;
    let calls = (calls_of_guard, second.calls());
    pair.live_in_steps(100, 4, Alive::Both).await;
    if scene.is_extended_unseen {
        assert!(pair.is_there(&key), "{case}: not created again");
        pair.guard().show(GuardView::Live);
    }
    pair.settle().await;
    pair.check(&standing, case).await;
    let grant = grant(&pair.world, id).await;
    // if unreported, the server's removal may have been answered first
    let wanted: &[&str] = match (scene.is_extended_unseen, is_told) {
        (true, _) => &["expired"],
        (false, true) => &["guard"],
        (false, false) => &["guard", "expired"],
    };
    let by = cause_of(&grant.state);
    assert!(wanted.contains(&by), "{case}: {:?}", grant.state);
    assert_eq!(pair.events("drift.missing").await, 0, "{case}");
    let before = (
        pair.world.store.head().await.unwrap(),
        pair.world.center.writes().len(),
    );
    pair.live(3, Alive::Both).await;
    pair.world.access.reconcile().await.unwrap();
    pair.live(3, Alive::Both).await;
    let after = (
        pair.world.store.head().await.unwrap(),
        pair.world.center.writes().len(),
    );
    assert_eq!(before, after, "{case}: the second pass did something");
    calls
}

#[derive(Clone, Copy)]
struct Scene {
    set: &'static str,
    is_standing: bool,
    is_extended_unseen: bool,
}

const SCENES: [(&str, Scene); 3] = [
    (
        "a dead server",
        Scene {
            set: "ReadOnly",
            is_standing: false,
            is_extended_unseen: false,
        },
    ),
    (
        "a dead server, a group with another member",
        Scene {
            set: "oncall",
            is_standing: true,
            is_extended_unseen: false,
        },
    ),
    (
        "an extension that the guard does not see",
        Scene {
            set: "ReadOnly",
            is_standing: false,
            is_extended_unseen: true,
        },
    ),
];

fn all_stops_of_the_guard(scene: usize) {
    let (name, scene) = SCENES[scene];
    let (calls, _) = run(life(scene, None, None, name));
    assert!(calls > 50, "{name}: {calls} calls");
    for (call, mode) in stops(calls, GateMode::ALL) {
        let case = format!("{name}: the guard's call {call} of {calls}, {mode:?}");
        run(life(scene, Some(GatePlan { call, mode }), None, &case));
    }
}

fn all_stops_of_the_server(scene: usize) {
    let (name, scene) = SCENES[scene];
    let (_, calls) = run(life(scene, None, None, name));
    for (call, mode) in stops(calls.min(120), GateMode::ALL) {
        let case = format!("{name}: the server's call {call} of {calls}, {mode:?}");
        run(life(scene, None, Some(GatePlan { call, mode }), &case));
    }
}

#[test]
fn stops_of_the_guard_beside_a_dead_server() {
    all_stops_of_the_guard(0);
}

#[test]
fn stops_of_the_guard_at_a_group() {
    all_stops_of_the_guard(1);
}

#[test]
fn stops_of_the_guard_that_does_not_see_an_extension() {
    all_stops_of_the_guard(2);
}

#[test]
fn stops_of_a_server_that_comes_back_after_the_guard() {
    all_stops_of_the_server(0);
}

#[test]
fn stops_of_a_server_that_comes_back_to_a_group() {
    all_stops_of_the_server(1);
}

#[test]
fn stops_of_a_server_that_creates_again() {
    all_stops_of_the_server(2);
}
