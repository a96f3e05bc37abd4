//! Other ends: early, revoked, lost, refused, stuck.

use hallpass_access::{AccessError, AccessStore, ActionRefused, Extending};
use hallpass_assignments::AssignmentStore as _;
use hallpass_audit::AuditStore;
use hallpass_base::{Clock, TimeSpan};
use hallpass_simulation::{
    Habits,
    Human::{Ana, Bo, Eve},
    World, check_all,
};

use crate::acting::{grant, release, run, take, writes_on};

async fn events(world: &World, event: &str) -> usize {
    let records = world.store.records_from(1, 10_000).await.unwrap();
    records
        .iter()
        .filter(|record| record.event() == event)
        .count()
}

#[test]
fn a_grant_given_back_ends_at_once() {
    run(async {
        let world = World::new(11, Habits::default(), None);
        let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(4)).await;
        world.live(TimeSpan::seconds(20)).await;
        assert_eq!(grant(&world, id).await.state.name(), "active");
        assert!(matches!(
            release(&world, Bo, id).await,
            Err(AccessError::NotFound(_) | AccessError::Refused(ActionRefused::NotHolder))
        ));
        release(&world, Ana, id).await.unwrap();
        world.live(TimeSpan::seconds(20)).await;
        assert_eq!(grant(&world, id).await.state.name(), "ended");
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn what_is_given_back_before_any_listing_showed_it_goes_all_the_same() {
    for (held, lag) in [(0, 5), (1, 5), (2, 20), (3, 20), (10, 30), (30, 30)] {
        for set in ["oncall", "ReadOnly"] {
            run(async {
                let habits = Habits {
                    listing_lag: TimeSpan::seconds(lag),
                    ..Habits::default()
                };
                let world = World::new(16 + held, habits, None);
                let id = take(&world, Ana, set, TimeSpan::hours(4)).await;
                world.tick().await;
                world.live(TimeSpan::seconds(held)).await;
                release(&world, Ana, id).await.unwrap();
                world.live(TimeSpan::minutes(3)).await;
                let left = world.center.present();
                assert!(left.is_empty(), "{set} {held} s, lag {lag} s: {left:?}");
                assert_eq!(grant(&world, id).await.state.name(), "ended");
                check_all(&world, &[]).await.unwrap();
            });
        }
    }
}

#[test]
fn a_grant_revoked_before_anything_was_sent_sends_nothing() {
    run(async {
        let world = World::new(12, Habits::default(), None);
        let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(4)).await;
        world
            .access
            .revoke(&world.actor(Eve), id, "wrong account", None)
            .await
            .unwrap();
        world.live(TimeSpan::seconds(30)).await;
        assert_eq!(writes_on(&world, &world.key(Ana, "ReadOnly").unwrap()), []);
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn revoking_needs_authority_and_a_reason() {
    run(async {
        let world = World::new(13, Habits::default(), None);
        let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(4)).await;
        let refused = world.access.revoke(&world.actor(Eve), id, "  ", None).await;
        assert!(matches!(
            refused,
            Err(AccessError::Refused(ActionRefused::ReasonMissing))
        ));
        let stranger = world
            .access
            .revoke(&world.actor(Bo), id, "because", None)
            .await;
        assert!(
            matches!(stranger, Err(AccessError::NotFound(_))),
            "{stranger:?}"
        );
        assert_eq!(
            events(&world, "press.refused").await,
            2,
            "both tries are on record"
        );
        world
            .access
            .revoke(&world.actor(Eve), id, "because", None)
            .await
            .unwrap();
    });
}

#[test]
fn access_that_somebody_else_removes_ends_the_grant_and_is_not_given_again() {
    run(async {
        let world = World::new(14, Habits::default(), None);
        let key = world.key(Ana, "ReadOnly").unwrap();
        let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(4)).await;
        world.live(TimeSpan::seconds(20)).await;
        world.center.take(&key);
        world
            .live_coarsely(TimeSpan::minutes(15), TimeSpan::seconds(10))
            .await;
        let state = format!("{:?}", grant(&world, id).await.state);
        assert!(
            state.contains("Drift") && state.contains("Ended"),
            "{state}"
        );
        assert_eq!(
            writes_on(&world, &key).len(),
            1,
            "created once, never again"
        );
        assert_eq!(events(&world, "drift.missing").await, 1);
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn a_failed_create_fails_the_grant_with_its_reason() {
    for takes_effect in [false, true] {
        run(async {
            let habits = Habits {
                create_fails: Some("role quota exceeded".into()),
                failed_create_takes_effect: takes_effect,
                ..Habits::default()
            };
            let world = World::new(15, habits, None);
            let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
            world.live(TimeSpan::minutes(3)).await;
            let state = format!("{:?}", grant(&world, id).await.state);
            assert!(
                state.contains("Failed") && state.contains("role quota exceeded"),
                "{state}"
            );
            check_all(&world, &[]).await.unwrap();
            world
                .center
                .change_habits(|habits| *habits = Habits::default());
            let next = take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
            world.live(TimeSpan::minutes(1)).await;
            assert_eq!(grant(&world, next).await.state.name(), "active");
        });
    }
}

#[test]
fn a_create_that_never_ends_is_given_up_after_five_minutes() {
    run(async {
        let world = World::new(
            16,
            Habits {
                write_takes: TimeSpan::minutes(10),
                ..Habits::default()
            },
            None,
        );
        let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        world.live(TimeSpan::minutes(6)).await;
        assert_eq!(
            grant(&world, id).await.state.name(),
            "granting",
            "in progress is not absence"
        );
        world
            .live_coarsely(TimeSpan::minutes(20), TimeSpan::seconds(5))
            .await;
        assert_eq!(grant(&world, id).await.state.name(), "failed");
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn a_lost_status_is_settled_by_listings() {
    run(async {
        let world = World::new(
            17,
            Habits {
                loses_status: true,
                ..Habits::default()
            },
            None,
        );
        let id = take(&world, Ana, "ReadOnly", TimeSpan::minutes(10)).await;
        world.live(TimeSpan::minutes(2)).await;
        assert_eq!(grant(&world, id).await.state.name(), "active");
        world
            .live_coarsely(TimeSpan::minutes(15), TimeSpan::seconds(5))
            .await;
        assert_eq!(grant(&world, id).await.state.name(), "ended");
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn listings_that_lag_do_not_make_a_second_create_or_an_early_end() {
    run(async {
        let world = World::new(
            18,
            Habits {
                listing_lag: TimeSpan::seconds(20),
                ..Habits::default()
            },
            None,
        );
        let key = world.key(Ana, "ReadOnly").unwrap();
        let id = take(&world, Ana, "ReadOnly", TimeSpan::minutes(10)).await;
        world.live(TimeSpan::minutes(2)).await;
        assert_eq!(grant(&world, id).await.state.name(), "active");
        world.live(TimeSpan::minutes(11)).await;
        assert_eq!(grant(&world, id).await.state.name(), "ended");
        assert_eq!(writes_on(&world, &key).len(), 2);
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn an_end_that_aws_refuses_for_good_is_parked_in_sight_and_tried_every_hour() {
    run(async {
        let world = World::new(19, Habits::default(), None);
        let started = world.clock.now();
        world.store.open_channel("test", started).await.unwrap();
        let key = world.key(Ana, "ReadOnly").unwrap();
        let id = take(&world, Ana, "ReadOnly", TimeSpan::minutes(10)).await;
        world.live(TimeSpan::seconds(30)).await;
        world.center.forget_person(&key.user);
        world
            .live_coarsely(TimeSpan::minutes(30), TimeSpan::seconds(5))
            .await;
        let parked = grant(&world, id).await;
        assert_eq!(parked.state.name(), "ending");
        assert!(
            parked
                .stuck
                .as_ref()
                .is_some_and(|stuck| stuck.reason.contains("was not found"))
        );
        assert_eq!(events(&world, "end.stuck").await, 1);
        let now = world.clock.now();
        let told = world.store.take_notices("test", now, now, 100).await;
        let stuck: Vec<_> = told
            .unwrap()
            .into_iter()
            .filter(|it| it.notice().unwrap().kind() == hallpass_access::NoticeKind::Stuck)
            .collect();
        assert_eq!(stuck.len(), 1);
        assert!(stuck[0].notice().unwrap().to.is_empty());
        let tried = writes_on(&world, &key).len();
        world
            .live_coarsely(TimeSpan::hours(3), TimeSpan::seconds(30))
            .await;
        let again = writes_on(&world, &key).len() - tried;
        assert!(
            (2..=4).contains(&again),
            "tried {again} times in three hours"
        );
        assert_eq!(
            events(&world, "end.stuck").await,
            1,
            "one record, not one an hour"
        );
        world.center.take(&key);
        world
            .live_coarsely(TimeSpan::hours(2), TimeSpan::seconds(30))
            .await;
        assert_eq!(grant(&world, id).await.state.name(), "ended");
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn a_suspended_account_parks_its_ends_until_it_is_active_again() {
    run(async {
        let world = World::new(20, Habits::default(), None);
        let key = world.key(Ana, "ReadOnly").unwrap();
        let id = take(&world, Ana, "ReadOnly", TimeSpan::minutes(10)).await;
        let other = take(&world, Bo, "oncall", TimeSpan::minutes(10)).await;
        world.live(TimeSpan::seconds(30)).await;
        world.center.close_account("111111111111");
        world
            .live_coarsely(TimeSpan::minutes(30), TimeSpan::seconds(5))
            .await;
        assert!(grant(&world, id).await.stuck.is_some());
        assert_eq!(
            grant(&world, other).await.state.name(),
            "ended",
            "it delays no other row"
        );
        world.center.reopen_account("111111111111");
        // `revoke ID` retries immediately
        world
            .access
            .revoke(&world.actor(Eve), id, "reopened", None)
            .await
            .unwrap();
        world.live(TimeSpan::minutes(1)).await;
        assert_eq!(grant(&world, id).await.state.name(), "ended");
        assert!(!world.center.present().contains(&key));
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn an_extension_lengthens_and_never_shortens() {
    run(async {
        let world = World::new(22, Habits::default(), None);
        let key = world.key(Ana, "ReadOnly").unwrap();
        let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        world.live(TimeSpan::seconds(30)).await;
        let before = grant(&world, id).await.ends_at;
        let ana = world.actor(Ana);
        let shorter = world
            .access
            .extend(&ana, id, Extending::by(TimeSpan::minutes(30)), None)
            .await
            .unwrap();
        assert!(
            matches!(shorter, hallpass_access::RequestOutcome::Rejected(..)),
            "{shorter:?}"
        );
        assert_eq!(grant(&world, id).await.ends_at, before);
        world
            .access
            .extend(&ana, id, Extending::by(TimeSpan::hours(2)), None)
            .await
            .unwrap();
        assert!(grant(&world, id).await.ends_at > before);
        world
            .live_coarsely(TimeSpan::minutes(90), TimeSpan::seconds(10))
            .await;
        assert!(world.center.present().contains(&key), "past the first end");
        world
            .live_coarsely(TimeSpan::minutes(40), TimeSpan::seconds(10))
            .await;
        assert_eq!(writes_on(&world, &key).len(), 2);
        check_all(&world, &[]).await.unwrap();
        let late = world
            .access
            .extend(&ana, id, Extending::by(TimeSpan::hours(1)), None)
            .await;
        assert!(
            matches!(
                late,
                Err(AccessError::Refused(ActionRefused::GrantOver { .. }))
            ),
            "{late:?}"
        );
    });
}

#[test]
fn one_request_a_second_is_enough_to_give_and_to_take() {
    run(async {
        let habits = Habits {
            one_request_per_ms: Some(900),
            ..Habits::default()
        };
        let world = World::new(24, habits, None);
        let key = world.key(Ana, "ReadOnly").unwrap();
        let id = take(&world, Ana, "ReadOnly", TimeSpan::minutes(10)).await;
        world.live(TimeSpan::minutes(2)).await;
        assert_eq!(grant(&world, id).await.state.name(), "active");
        world.live(TimeSpan::minutes(10)).await;
        assert_eq!(grant(&world, id).await.state.name(), "ended");
        assert_eq!(writes_on(&world, &key).len(), 2);
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn a_hundred_grants_of_one_second_have_a_hundred_ends() {
    run(async {
        let world = World::new(25, Habits::default(), None);
        let mut ids = std::collections::BTreeSet::new();
        for n in 0..100 {
            ids.insert(take(&world, Ana, "ReadOnly", TimeSpan::seconds(60 + n)).await);
        }
        assert_eq!(ids.len(), 100);
        world.live(TimeSpan::minutes(4)).await;
        for id in ids {
            assert_eq!(grant(&world, id).await.state.name(), "ended");
        }
        assert_eq!(
            writes_on(&world, &world.key(Ana, "ReadOnly").unwrap()).len(),
            2
        );
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn a_row_lingers_while_listings_may_show_what_is_gone_and_then_goes() {
    run(async {
        let world = World::new(27, Habits::default(), None);
        let key = world.key(Ana, "ReadOnly").unwrap();
        let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        world.live(TimeSpan::seconds(20)).await;
        release(&world, Ana, id).await.unwrap();
        world.live(TimeSpan::seconds(10)).await;
        assert_eq!(grant(&world, id).await.state.name(), "ended");
        world.access.reconcile().await.unwrap();
        assert!(
            world.store.assignment(&key).await.unwrap().is_some(),
            "too early to forget"
        );
        // a stale listing is not standing access
        world.center.give(&key);
        let next = take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        world.live(TimeSpan::seconds(20)).await;
        let next = grant(&world, next).await;
        assert_eq!((next.state.name(), next.standing), ("active", false));
        release(&world, Ana, next.id).await.unwrap();
        world.live(TimeSpan::minutes(2)).await;
        world.access.reconcile().await.unwrap();
        assert!(
            world.store.assignment(&key).await.unwrap().is_none(),
            "forgotten in the end"
        );
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn access_given_by_hand_after_an_end_is_standing_for_the_next_grant() {
    run(async {
        let world = World::new(28, Habits::default(), None);
        let key = world.key(Ana, "ReadOnly").unwrap();
        let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        world.live(TimeSpan::seconds(20)).await;
        release(&world, Ana, id).await.unwrap();
        world.live(TimeSpan::minutes(3)).await;
        assert!(
            world.store.assignment(&key).await.unwrap().is_some(),
            "not reconciled yet"
        );
        world.center.give(&key);
        let next = take(&world, Ana, "ReadOnly", TimeSpan::minutes(5)).await;
        world.live(TimeSpan::minutes(6)).await;
        let next = grant(&world, next).await;
        assert_eq!((next.state.name(), next.standing), ("ended", true));
        check_all(&world, std::slice::from_ref(&key)).await.unwrap();
    });
}

#[test]
fn an_end_of_our_own_is_counted_as_no_guards() {
    run(async {
        let world = World::new(24, Habits::default(), None);
        let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        world.live(TimeSpan::seconds(20)).await;
        release(&world, Ana, id).await.unwrap();
        let (mut grants, mut by_guards) = (0, 0);
        for _ in 0..60 {
            world.clock.advance(TimeSpan::seconds(1));
            world.time.hear();
            let _: Result<_, _> = world.executor.tick().await;
            let tended = world.access.tick().await.unwrap();
            grants += tended.grants;
            by_guards += tended.by_guards;
        }
        assert_eq!(grant(&world, id).await.state.name(), "ended");
        assert!(grants > 0);
        assert_eq!(by_guards, 0);
    });
}
