//! The table of `access.md` §9: overlapping grants on one key.

use hallpass_assignments::OperationKind::{Create, Delete};
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_simulation::{
    Habits,
    Human::{Ana, Bo},
    World, check_all,
};

use crate::acting::{grant, release, run, take, writes_on};

fn minutes(n: u64) -> TimeSpan {
    TimeSpan::minutes(n)
}

async fn gone_after(
    world: &World,
    start: Timestamp,
    key: &hallpass_base::HoldKey,
    limit: TimeSpan,
) -> u64 {
    let mut last = start;
    while TimeSpan::between(start, world.clock.now()) < limit {
        world.tick().await;
        if world.center.present().contains(key) {
            last = world.clock.now();
        }
        world.clock.advance(TimeSpan::seconds(10));
    }
    (TimeSpan::between(start, last).as_seconds() + 30) / 60
}

#[test]
fn one_grant_of_60_is_created_and_deleted_once() {
    run(async {
        let world = World::new(1, Habits::default(), None);
        let (key, start) = (world.key(Ana, "ReadOnly").unwrap(), world.clock.now());
        take(&world, Ana, "ReadOnly", minutes(60)).await;
        assert_eq!(gone_after(&world, start, &key, minutes(70)).await, 60);
        assert_eq!(writes_on(&world, &key), [Create, Delete]);
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn sixty_then_sixty_at_30_lasts_90() {
    run(async {
        let world = World::new(2, Habits::default(), None);
        let (key, start) = (world.key(Ana, "ReadOnly").unwrap(), world.clock.now());
        take(&world, Ana, "ReadOnly", minutes(60)).await;
        world
            .live_coarsely(minutes(30), TimeSpan::seconds(10))
            .await;
        take(&world, Ana, "ReadOnly", minutes(60)).await;
        assert_eq!(gone_after(&world, start, &key, minutes(100)).await, 90);
        assert_eq!(writes_on(&world, &key), [Create, Delete]);
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn four_hundred_eighty_then_30_lasts_480() {
    run(async {
        let world = World::new(3, Habits::default(), None);
        let (key, start) = (world.key(Ana, "ReadOnly").unwrap(), world.clock.now());
        take(&world, Ana, "ReadOnly", minutes(480)).await;
        world
            .live_coarsely(minutes(30), TimeSpan::seconds(10))
            .await;
        let second = take(&world, Ana, "ReadOnly", minutes(30)).await;
        assert_eq!(gone_after(&world, start, &key, minutes(500)).await, 480);
        assert_eq!(writes_on(&world, &key), [Create, Delete]);
        let state = format!("{:?}", grant(&world, second).await.state);
        assert!(
            state.contains("HeldByOtherGrant") && state.contains("removed: false"),
            "{state}"
        );
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn a_second_hold_released_at_40_leaves_the_first() {
    run(async {
        let world = World::new(4, Habits::default(), None);
        let (key, start) = (world.key(Ana, "ReadOnly").unwrap(), world.clock.now());
        take(&world, Ana, "ReadOnly", minutes(60)).await;
        world
            .live_coarsely(minutes(30), TimeSpan::seconds(10))
            .await;
        let second = take(&world, Ana, "ReadOnly", minutes(60)).await;
        world
            .live_coarsely(minutes(10), TimeSpan::seconds(10))
            .await;
        release(&world, Ana, second).await.unwrap();
        assert_eq!(gone_after(&world, start, &key, minutes(70)).await, 60);
        assert_eq!(writes_on(&world, &key), [Create, Delete]);
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn standing_access_stays_and_nothing_is_called() {
    run(async {
        let world = World::new(5, Habits::default(), None);
        let key = world.key(Ana, "ReadOnly").unwrap();
        world.center.give(&key);
        let id = take(&world, Ana, "ReadOnly", minutes(60)).await;
        world
            .live_coarsely(minutes(70), TimeSpan::seconds(10))
            .await;
        assert_eq!(writes_on(&world, &key), []);
        let state = format!("{:?}", grant(&world, id).await.state);
        assert!(
            state.contains("why: Standing") && state.contains("removed: false"),
            "{state}"
        );
        check_all(&world, std::slice::from_ref(&key)).await.unwrap();
    });
}

#[test]
fn a_standing_member_stays_a_member() {
    run(async {
        let world = World::new(6, Habits::default(), None);
        let key = world.group_key(Ana).unwrap();
        world.center.give(&key);
        let id = take(&world, Ana, "oncall", minutes(60)).await;
        world.live(minutes(1)).await;
        release(&world, Ana, id).await.unwrap();
        world.live(minutes(1)).await;
        assert_eq!(writes_on(&world, &key), []);
        check_all(&world, std::slice::from_ref(&key)).await.unwrap();
    });
}

#[test]
fn access_given_by_hand_to_who_holds_it_goes_with_the_grant() {
    run(async {
        let world = World::new(7, Habits::default(), None);
        let (key, start) = (world.key(Ana, "ReadOnly").unwrap(), world.clock.now());
        take(&world, Ana, "ReadOnly", minutes(60)).await;
        world
            .live_coarsely(minutes(30), TimeSpan::seconds(10))
            .await;
        world.center.give(&key);
        assert_eq!(gone_after(&world, start, &key, minutes(70)).await, 60);
        assert_eq!(writes_on(&world, &key), [Create, Delete]);
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn an_end_that_meets_the_next_grant_never_leaves_it_without_access() {
    for second in 3570..3610 {
        run(async {
            let world = World::new(second, Habits::default(), None);
            let key = world.key(Ana, "ReadOnly").unwrap();
            take(&world, Ana, "ReadOnly", minutes(60)).await;
            world
                .live_coarsely(TimeSpan::seconds(second), TimeSpan::seconds(5))
                .await;
            let next = take(&world, Ana, "ReadOnly", minutes(60)).await;
            world.live(minutes(2)).await;
            assert_eq!(
                grant(&world, next).await.state.name(),
                "active",
                "approved at {second}s"
            );
            assert!(
                world.center.present().contains(&key),
                "approved at {second}s"
            );
            let writes = writes_on(&world, &key);
            assert_eq!(
                writes.last(),
                Some(&Create),
                "approved at {second}s: {writes:?}"
            );
            world
                .live_coarsely(minutes(65), TimeSpan::seconds(10))
                .await;
            check_all(&world, &[]).await.unwrap();
        });
    }
}

#[test]
fn two_people_on_one_set_each_keep_their_own_time() {
    run(async {
        let world = World::new(9, Habits::default(), None);
        let (ana, bo) = (
            world.key(Ana, "ReadOnly").unwrap(),
            world.key(Bo, "ReadOnly").unwrap(),
        );
        take(&world, Ana, "ReadOnly", minutes(60)).await;
        take(&world, Bo, "ReadOnly", minutes(90)).await;
        world
            .live_coarsely(minutes(75), TimeSpan::seconds(10))
            .await;
        assert!(!world.center.present().contains(&ana) && world.center.present().contains(&bo));
        world
            .live_coarsely(minutes(30), TimeSpan::seconds(10))
            .await;
        assert_eq!(writes_on(&world, &ana), [Create, Delete]);
        assert_eq!(writes_on(&world, &bo), [Create, Delete]);
        check_all(&world, &[]).await.unwrap();
    });
}
