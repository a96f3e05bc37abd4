//! Wrong clocks: access never outlasts its end in true time, and nothing is granted while clocks
//! disagree.

use hallpass_access::{AccessError, AccessStore, ActionRefused, Extending, RequestOutcome};
use hallpass_base::clock::BOUND;
use hallpass_base::{Clock, GrantId, RequestId, TimeSpan, Timestamp};
use hallpass_simulation::{
    GateMode, GatePlan, Habits, Human,
    Human::{Ana, Bo, Cai, Dee, Eve},
    World, check_all,
};
use proptest::prelude::*;

use crate::acting::{ask, asking, come_to_rest, grant, grants, run, take};

const DAY: i64 = 86_400;
const MINUTE: i64 = 60;

fn code(error: &AccessError) -> &'static str {
    match error {
        AccessError::Refused(why) => why.code(),
        other => panic!("{other:?}"),
    }
}

async fn settled(seed: u64) -> World {
    let world = World::new(seed, Habits::default(), None);
    world.live(TimeSpan::seconds(10)).await;
    world
}

/// Event on the machine 20 s after a request for 60 s.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Wall(i64),
    WallFor(i64, u64),
    Sleep(u64),
    RestartAt(i64),
}

/// Checks that access is removed this long after its end, in true time.
#[test]
fn access_ends_on_time_whatever_the_wall_clock_does() {
    let cases = [
        Happens::Wall(-15 * MINUTE),
        Happens::Wall(-60 * MINUTE),
        Happens::Wall(-20),
        Happens::Wall(20),
        Happens::Wall(4 * MINUTE),
        Happens::Wall(DAY),
        Happens::WallFor(DAY, 8),
        Happens::WallFor(-DAY, 8),
        Happens::WallFor(20, 8),
        Happens::Sleep(30),
        Happens::RestartAt(-15 * MINUTE),
        Happens::RestartAt(-DAY),
        Happens::RestartAt(4 * MINUTE),
        Happens::RestartAt(DAY),
    ];
    let mut late = Vec::new();
    for case in cases {
        for before in [2, 20] {
            run(async {
                let mut world = settled(50).await;
                let key = world.key(Ana, "ReadOnly").unwrap();
                let id = take(&world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
                world.live(TimeSpan::seconds(before)).await;
                let slept = match case {
                    Happens::Sleep(seconds) => seconds,
                    _ => 0,
                };
                match case {
                    Happens::Wall(off) => world.machine.set_wall(off),
                    Happens::WallFor(off, seconds) => {
                        world.machine.set_wall(off);
                        world.live(TimeSpan::seconds(seconds)).await;
                        world.machine.set_wall(0);
                    }
                    Happens::Sleep(seconds) => world.machine.sleep(TimeSpan::seconds(seconds)),
                    Happens::RestartAt(off) => {
                        world.machine.set_wall(off);
                        world.restart();
                        world.clock.advance(TimeSpan::seconds(5));
                    }
                }
                // 60 s from first sight, plus the removal
                world.live(TimeSpan::seconds(75 - slept.min(20))).await;
                let state = grant(&world, id).await.state;
                if world.center.present().contains(&key) {
                    late.push(format!("{case:?} after {before} s: {state:?}"));
                }
                world.machine.set_wall(0);
                world.live(TimeSpan::minutes(3)).await;
                if let Err(broken) = check_all(&world, &[]).await {
                    late.push(format!("{case:?} after {before} s: {broken:?}"));
                }
            });
        }
    }
    assert!(late.is_empty(), "\n{}", late.join("\n"));
}

struct Before {
    held: GrantId,
    other: GrantId,
    pending: [RequestId; 5],
}

async fn before(world: &World) -> Before {
    let held = take(world, Ana, "ReadOnly", TimeSpan::hours(20)).await;
    let other = take(world, Bo, "ReadOnly", TimeSpan::hours(20)).await;
    let asked =
        |who, set| async move { ask(world, who, set, TimeSpan::hours(1)).await.request().id };
    let pending = [
        asked(Ana, "Admin").await,
        asked(Bo, "Admin").await,
        asked(Bo, "Root").await,
        asked(Ana, "Glass").await,
        asked(Eve, "Admin").await,
    ];
    world.live(TimeSpan::seconds(10)).await;
    Before {
        held,
        other,
        pending,
    }
}

async fn press_all(world: &World, before: &Before) -> Vec<(&'static str, &'static str)> {
    let access = &world.access;
    let [ana, cai, dee, eve] = [Ana, Cai, Dee, Eve].map(|who| world.actor(who));
    let [asked, waits] = ["ReadOnly", "Admin"].map(|set| asking(set, TimeSpan::hours(1)));
    let Before {
        held,
        other,
        pending,
    } = before;
    let longer = Extending::by(TimeSpan::hours(23));
    let why = "customers cannot pay and no one answers";
    let mut found = Vec::new();
    let mut add = |press, outcome: Result<(), AccessError>| {
        found.push((press, outcome.as_ref().map_or_else(code, |()| "done")));
    };
    add("ask", access.ask(&eve, &asked, None).await.map(drop));
    add("ask, wait", access.ask(&dee, &waits, None).await.map(drop));
    add(
        "approve",
        access.approve(&cai, pending[0], None).await.map(drop),
    );
    add(
        "one of two",
        access.approve(&cai, pending[2], None).await.map(drop),
    );
    let broken = access.break_glass(&ana, pending[3], why, None).await;
    add("break glass", broken.map(drop));
    add(
        "extend",
        access.extend(&ana, *held, longer, None).await.map(drop),
    );
    add(
        "deny",
        access.deny(&cai, pending[1], None, None).await.map(drop),
    );
    add(
        "discard",
        access.discard(&eve, pending[4], None).await.map(drop),
    );
    add("release", access.release(&ana, *held, None).await.map(drop));
    add(
        "revoke",
        access.revoke(&eve, *other, "now", None).await.map(drop),
    );
    found
}

#[test]
fn nothing_is_given_while_clocks_disagree_and_everything_ends() {
    let refused = "clocks-disagree";
    let expected = [
        ("ask", refused),
        ("ask, wait", refused),
        ("approve", refused),
        ("one of two", refused),
        ("break glass", refused),
        ("extend", refused),
        ("deny", "done"),
        ("discard", "done"),
        ("release", "done"),
        ("revoke", "done"),
    ];
    for off in [-15 * MINUTE, -DAY, 31, 6 * 60 * MINUTE] {
        run(async {
            let world = settled(51).await;
            let before = before(&world).await;
            world.machine.set_wall(off);
            let found = press_all(&world, &before).await;
            assert_eq!(found, expected, "{off} s ahead");
            assert!(world.access.obstacle().is_some());
            world.live(TimeSpan::seconds(30)).await;
            assert!(world.center.present().is_empty(), "{off} s ahead");
            world.machine.set_wall(0);
            world.live(TimeSpan::seconds(30)).await;
            assert_eq!(world.access.obstacle(), None);
            take(&world, Eve, "ReadOnly", TimeSpan::hours(1)).await;
        });
    }
}

/// An active grant that ends long after the glitch is neither lost nor extended.
#[test]
fn an_end_far_away_is_not_moved_by_a_step() {
    for off in [4 * MINUTE, -4 * MINUTE, 31, 29] {
        run(async {
            let world = settled(53).await;
            let begun = world.clock.now();
            let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(8)).await;
            world.machine.set_wall(off);
            world.live(TimeSpan::seconds(20)).await;
            world.machine.set_wall(0);
            world.live(TimeSpan::seconds(20)).await;
            let seen = grant(&world, id).await;
            assert_eq!(seen.state.name(), "active", "{off}");
            let length = TimeSpan::between(begun, seen.ends_at);
            let allowed = TimeSpan::seconds(8 * 3600 + 20 + BOUND.as_seconds());
            assert!(length <= allowed, "{off}: {length}");
            assert!(length >= TimeSpan::hours(8), "{off}: {length}");
        });
    }
}

#[test]
fn notices_and_rows_of_a_glitch_are_released_once_time_returned() {
    // a day, and less than a notice's retry delay
    for (ahead, restarts) in [
        (DAY, true),
        (DAY, false),
        (9 * MINUTE, true),
        (9 * MINUTE, false),
    ] {
        run(released_after(ahead, restarts));
    }
}

async fn released_after(ahead: i64, restarts: bool) {
    let mut world = settled(54).await;
    let opened = world.store.open_channel("mail", world.clock.now());
    opened.await.unwrap();
    take(&world, Ana, "ReadOnly", TimeSpan::hours(20)).await;
    world.machine.set_wall(ahead);
    take_notice_ahead(&world).await;
    world.live(TimeSpan::seconds(8)).await;
    world.machine.set_wall(0);
    if restarts {
        world.restart();
    }
    world.live(TimeSpan::seconds(10)).await;
    let due = world.store.next_notice("mail").await.unwrap().unwrap();
    assert!(due <= world.clock.now(), "{ahead} {restarts}: {due}");
    assert_eq!(
        world.access.release_future_waits().await.unwrap(),
        0,
        "a second time"
    );
}

/// Takes a notice with a clock ahead, without sending it.
async fn take_notice_ahead(world: &World) {
    let now = world.time.now();
    let taken = world
        .store
        .take_notices("mail", now, TimeSpan::seconds(90).after(now), 9);
    assert!(!taken.await.unwrap().is_empty());
}

/// A notice taken before time returned and written afterwards is released too.
#[test]
fn a_notice_that_was_being_taken_while_time_returned_is_released() {
    run(async {
        let world = settled(55).await;
        let opened = world.store.open_channel("mail", world.clock.now());
        opened.await.unwrap();
        take(&world, Ana, "ReadOnly", TimeSpan::hours(20)).await;
        world.machine.set_wall(9 * MINUTE);
        let before = world.time.now();
        world.live(TimeSpan::seconds(8)).await;
        world.machine.set_wall(0);
        while world.time.read().returns == 0 {
            world.live(TimeSpan::seconds(1)).await;
        }
        world.tick().await;
        let again_at = TimeSpan::seconds(90).after(before);
        let taken = world.store.take_notices("mail", before, again_at, 9).await;
        assert!(!taken.unwrap().is_empty());
        world.live(TimeSpan::seconds(11)).await;
        let due = world.store.next_notice("mail").await.unwrap().unwrap();
        assert!(due <= world.clock.now(), "{due}");
    });
}

#[derive(Clone, Debug)]
enum Deed {
    Ask(bool, u64),
    Extend(usize, u64),
    Wall(i64),
    Sleep(u64),
    Restart,
    Wait(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let off = prop_oneof![
        3 => Just(0_i64),
        2 => -40_i64..40,
        2 => -4000_i64..4000,
        1 => -100_000_i64..100_000,
    ];
    prop_oneof![
        4 => (any::<bool>(), 5_u64..120).prop_map(|(ana, s)| Deed::Ask(ana, s)),
        1 => (any::<usize>(), 30_u64..200).prop_map(|(n, s)| Deed::Extend(n, s)),
        3 => off.prop_map(Deed::Wall),
        1 => (1_u64..100).prop_map(Deed::Sleep),
        1 => Just(Deed::Restart),
        5 => (1_u64..40).prop_map(Deed::Wait),
    ]
}

#[derive(Default)]
struct Watch {
    until: std::collections::BTreeMap<&'static str, Timestamp>,
    /// A sleeping machine ends nothing; after waking it gets some time.
    awake: Option<Timestamp>,
}

impl Watch {
    fn given(&mut self, who: Human, now: Timestamp, seconds: u64) {
        let shown = TimeSpan::seconds(30);
        let until = TimeSpan::seconds(seconds).after(shown.after(now));
        let known = self.until.entry(who.name()).or_insert(until);
        *known = until.max(*known);
    }

    fn check(&self, world: &World, deed: &Deed) -> Result<(), TestCaseError> {
        let now = world.clock.now();
        for who in [Ana, Bo] {
            let key = world.key(who, "ReadOnly").unwrap();
            let until = self.until.get(who.name()).copied();
            let late = TimeSpan::seconds(BOUND.as_seconds() + 60);
            let had_time = self.awake.is_none_or(|awake| late.after(awake) < now);
            let must_be_gone = had_time && until.is_none_or(|until| late.after(until) < now);
            let there = world.center.present().contains(&key);
            prop_assert!(
                !(must_be_gone && there),
                "{key} after {deed:?}, given until {until:?}, now {now}"
            );
        }
        Ok(())
    }
}

async fn act(world: &mut World, deed: &Deed, watch: &mut Watch) {
    match deed {
        Deed::Ask(ana, seconds) => {
            let who = if *ana { Ana } else { Bo };
            let asked = world
                .access
                .ask(
                    &world.actor(who),
                    &asking("ReadOnly", TimeSpan::seconds(*seconds)),
                    None,
                )
                .await;
            match asked {
                Ok(RequestOutcome::Approved(..)) => watch.given(who, world.clock.now(), *seconds),
                Ok(other) => panic!("{other:?}"),
                Err(AccessError::Refused(ActionRefused::ClocksDisagree(_))) => {}
                Err(_) => watch.given(who, world.clock.now(), *seconds),
            }
        }
        Deed::Extend(n, seconds) => {
            let live: Vec<(GrantId, Human)> = grants(world)
                .await
                .iter()
                .filter(|grant| grant.is_hold())
                .map(|grant| (grant.id, if grant.holder.name == "ana" { Ana } else { Bo }))
                .collect();
            if let Some((id, who)) = live.get(n % live.len().max(1)) {
                let by = Extending::by(TimeSpan::seconds(*seconds));
                let extended = world.access.extend(&world.actor(*who), *id, by, None).await;
                if !matches!(
                    extended,
                    Err(AccessError::Refused(_)) | Ok(RequestOutcome::Rejected(..))
                ) {
                    watch.given(*who, world.clock.now(), *seconds);
                }
            }
        }
        Deed::Wall(off) => world.machine.set_wall(*off),
        Deed::Sleep(seconds) => {
            world.machine.sleep(TimeSpan::seconds(*seconds));
            watch.awake = Some(world.clock.now());
        }
        Deed::Restart => {
            world.restart();
            world.clock.advance(TimeSpan::seconds(3));
        }
        Deed::Wait(seconds) => world.live(TimeSpan::seconds(*seconds)).await,
    }
}

fn live_through(seed: u64, deeds: &[Deed], plan: Option<GatePlan>) -> Result<(), TestCaseError> {
    run(async {
        let mut world = World::new(seed, Habits::default(), plan);
        let mut watch = Watch::default();
        if !world.until_stopped(world.live(TimeSpan::seconds(10))).await {
            world.restart();
        }
        for deed in deeds {
            let gate = world.gate.clone();
            let stopped = tokio::select! {
                biased;
                () = gate.stop() => true,
                () = act(&mut world, deed, &mut watch) => false,
            };
            if stopped {
                if let Deed::Ask(ana, seconds) = deed {
                    watch.given(if *ana { Ana } else { Bo }, world.clock.now(), *seconds);
                } else if let Deed::Extend(_, seconds) = deed {
                    watch.given(Ana, world.clock.now(), *seconds);
                    watch.given(Bo, world.clock.now(), *seconds);
                }
                world.restart();
                world.clock.advance(TimeSpan::seconds(3));
            }
            watch.check(&world, deed)?;
        }
        world.machine.set_wall(0);
        come_to_rest(&mut world).await;
        let broken = check_all(&world, &[]).await.err();
        prop_assert!(broken.is_none(), "{broken:#?}");
        Ok(())
    })
}

#[test]
fn what_ended_early_by_a_clock_that_was_ahead_stays_ended_when_time_returns() {
    let deeds = [
        Deed::Ask(false, 16),
        Deed::Wait(17),
        Deed::Extend(0, 125),
        Deed::Wall(310),
        Deed::Wait(1),
    ];
    for call in 60..100 {
        let plan = GatePlan {
            call,
            mode: GateMode::StopAfter,
        };
        live_through(0, &deeds, Some(plan)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_access_outlives_its_end_in_true_time(
        seed in any::<u64>(),
        deeds in proptest::collection::vec(deed(), 1..25),
    ) {
        live_through(seed, &deeds, None)?;
    }

    #[test]
    fn nor_through_a_stop_at_any_moment(
        seed in any::<u64>(),
        deeds in proptest::collection::vec(deed(), 1..25),
        call in 1_u64..400,
        mode in prop_oneof![Just(GateMode::Fail), Just(GateMode::LoseAnswer), Just(GateMode::StopBefore), Just(GateMode::StopAfter)],
    ) {
        live_through(seed, &deeds, Some(GatePlan { call, mode }))?;
    }
}
