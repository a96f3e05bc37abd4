//! Ends are reported soon after the access was last seen, if AWS answered.

use fastrand::Rng;
use hallpass_access::Grant;
use hallpass_assignments::{CenterFault, OperationKind};
use hallpass_base::{Clock, TimeSpan};
use hallpass_simulation::{CallFaults, Habits, Human::Ana, World, check_all};

use crate::acting::{asking, drawn_set, grant, grants, lives, run, take};

/// `access.md` §9.4: from the last sight on.
const TOLD_WITHIN: TimeSpan = TimeSpan::seconds(10);
/// The same with a second removal in progress, which tells a lagging listing from a late create
/// (decision 0118).
const TOLD_WITHIN_OF_SECOND: TimeSpan = TimeSpan::seconds(12);

async fn told_after(world: &World) -> i64 {
    let mut last_listed = world.clock.now();
    for _ in 0..400 {
        if grants(world).await.iter().all(Grant::is_over) {
            break;
        }
        if !world.center.present().is_empty() {
            let lag = world.center.habits().listing_lag;
            last_listed = lag.after(world.clock.now());
        }
        world.tick().await;
        world.clock.advance(TimeSpan::seconds(1));
    }
    let told = world.clock.now().duration_since(last_listed);
    world
        .live_coarsely(TimeSpan::minutes(12), TimeSpan::seconds(2))
        .await;
    if let Err(broken) = check_all(world, &[]).await {
        panic!("{broken:#?}\n{:#?}", grants(world).await);
    }
    told.as_secs()
}

/// Faults and stops, then calm while the access exists, with answered calls. `None` when the access
/// was missing or ending.
async fn life(seed: u64) -> Option<(i64, TimeSpan)> {
    let mut rng = Rng::with_seed(seed);
    let set = drawn_set(&mut rng);
    let habits = Habits {
        write_takes: TimeSpan::seconds(rng.u64(0..2)),
        listing_lag: TimeSpan::seconds(rng.u64(0..20)),
        faults: Some(CallFaults::new(seed, rng.u8(10..60))),
        ..Habits::default()
    };
    let mut world = World::new(seed, habits, None);
    for _ in 0..rng.u8(1..6) {
        let wanted = asking(set, TimeSpan::seconds(rng.u64(2..12)));
        let _: Result<_, _> = world.access.ask(&world.actor(Ana), &wanted, None).await;
        world.live(TimeSpan::seconds(rng.u64(0..8))).await;
        if rng.u8(0..3) == 0 {
            world.restart();
        }
    }
    world.center.change_habits(|habits| habits.faults = None);
    let is_there = !world.center.present().is_empty() && world.center.running() == 0;
    let told = told_after(&world).await;
    let writes = world.center.writes();
    let last = writes.iter().rev();
    let removals = last.take_while(|(kind, _)| *kind == OperationKind::Delete);
    let within = match removals.count() {
        0 | 1 => TOLD_WITHIN,
        _ => TOLD_WITHIN_OF_SECOND,
    };
    is_there.then_some((told, within))
}

#[test]
fn an_end_that_aws_answered_is_told_within_ten_seconds_of_the_last_sight() {
    let told: Vec<(i64, TimeSpan, u64)> = (0..lives())
        .filter_map(|seed| run(life(seed)).map(|(told, within)| (told, within, seed)))
        .collect();
    let judged = u64::try_from(told.len()).unwrap();
    assert!(judged > lives() / 10, "{judged} lives were judged");
    let is_late = |(told, within, _): &&(i64, TimeSpan, u64)| {
        *told > i64::try_from(within.as_seconds()).unwrap()
    };
    let late: Vec<_> = told.iter().filter(is_late).collect();
    assert!(
        late.is_empty(),
        "of {judged}: (seconds, allowed, seed) {late:?}"
    );
}

/// `access.md` §9.2: a slow create was sent before a stop and its answer is lost. The end is due
/// earlier; its removal waits.
#[test]
fn an_end_behind_a_lost_create_comes_when_both_have_taken_their_time() {
    for takes in [1, 4, 9, 15, 30, 45] {
        run(async {
            let habits = Habits {
                write_takes: TimeSpan::seconds(takes),
                ..Habits::default()
            };
            let mut world = World::new(takes, habits, None);
            let began = world.clock.now();
            let id = take(&world, Ana, "ReadOnly", TimeSpan::seconds(2)).await;
            let message = "no answer".to_owned();
            let reads = CenterFault::Unreachable { message };
            world.center.change_habits(|habits| {
                habits.faults = Some(CallFaults::lost_write_then(reads));
            });
            world.tick().await;
            assert_eq!(world.center.writes().len(), 1, "its create was sent");
            world.restart();
            world.center.change_habits(|habits| habits.faults = None);
            let told = told_after(&world).await;
            assert!(told <= 10, "takes {takes} s: told after {told} s");
            let writes = world.center.writes_at();
            let removals = writes
                .iter()
                .filter(|it| it.1 == OperationKind::Delete)
                .map(|it| it.0.duration_since(began).as_secs());
            let sent = removals.min().unwrap();
            let most = i64::try_from(takes).unwrap() + 8;
            assert!(sent <= most, "takes {takes} s: removed at {sent} s");
            assert!(grant(&world, id).await.is_over());
        });
    }
}
