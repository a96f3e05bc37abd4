//! With `require_export_within`, no access is granted while records wait too long for export; ends
//! continue.

use hallpass_access::{
    AccessError, AccessStore, ActionRefused, Extending, GrantState, RequestOutcome,
};
use hallpass_audit::AuditStore;
use hallpass_base::{Clock, RequestId, TimeSpan};
use hallpass_simulation::{
    Habits,
    Human::{Ana, Bo, Cai},
    World,
};

use crate::acting::{ask, asked_for, asking, grant, grants, release, run, take};

const ALLOWED: TimeSpan = TimeSpan::minutes(15);

async fn approve(world: &World, id: RequestId) -> Result<(), AccessError> {
    let approved = world.access.approve(&world.actor(Cai), id, None).await;
    approved.map(drop)
}

async fn export(world: &World) {
    let head = world.store.head().await.unwrap().unwrap();
    world.store.set_exported(head.seq).await.unwrap();
}

fn assert_behind(outcome: Result<(), AccessError>, door: &str) {
    match outcome {
        Err(AccessError::Refused(why @ ActionRefused::ExportBehind { allowed, .. })) => {
            assert_eq!((allowed, why.code()), (ALLOWED, "export-behind"), "{door}");
            assert!(!why.is_conflict(), "{door}");
        }
        other => panic!("{door}: {other:?}"),
    }
}

#[test]
fn every_door_that_gives_access_is_shut_while_the_export_is_behind() {
    run(async {
        let mut world = World::new(71, Habits::default(), None);
        world.require_export_within(ALLOWED);
        let held = take(&world, Ana, "ReadOnly", TimeSpan::hours(4)).await;
        world.live(TimeSpan::minutes(1)).await;
        let waits = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let glass = asked_for(&world, Ana, "Glass", TimeSpan::hours(1)).await;
        world.live_coarsely(ALLOWED, TimeSpan::minutes(1)).await;

        let (ana, bo) = (world.actor(Ana), world.actor(Bo));
        let access = &world.access;
        let before = grants(&world).await.len();
        let read_only = asking("ReadOnly", TimeSpan::hours(1));
        let asked = access.ask(&bo, &read_only, None).await;
        assert_behind(asked.map(drop), "request without approval");
        let asked = access
            .ask(&bo, &asking("oncall", TimeSpan::hours(1)), None)
            .await;
        assert_behind(asked.map(drop), "request a group");
        assert_behind(approve(&world, waits).await, "approve");
        let why = "the database is on fire, and no approver is awake";
        let broken = access.break_glass(&ana, glass, why, None).await;
        assert_behind(broken.map(drop), "break the glass");
        let extending = Extending::by(TimeSpan::hours(8));
        let extended = access.extend(&ana, held, extending, None).await;
        assert_behind(extended.map(drop), "extend");
        assert_eq!(grants(&world).await.len(), before);

        let asked = ask(&world, Bo, "Admin", TimeSpan::hours(1)).await;
        assert!(matches!(asked, RequestOutcome::Pending(_)), "{asked:?}");
        let records = world.store.records_from(1, 1_000).await.unwrap();
        let refused = records.iter().filter(|it| it.event() == "press.refused");
        assert_eq!(refused.count(), 2);

        export(&world).await;
        approve(&world, waits).await.unwrap();
        take(&world, Bo, "ReadOnly", TimeSpan::hours(1)).await;
        let extended = world.access.extend(&ana, held, extending, None).await;
        assert!(
            matches!(extended, Ok(RequestOutcome::Approved(..))),
            "{extended:?}"
        );
    });
}

#[test]
fn ends_go_on_while_the_export_is_behind() {
    run(async {
        let mut world = World::new(72, Habits::default(), None);
        world.require_export_within(ALLOWED);
        let expires = take(&world, Ana, "ReadOnly", TimeSpan::minutes(30)).await;
        let given_back = take(&world, Bo, "ReadOnly", TimeSpan::hours(4)).await;
        let revoked = take(&world, Bo, "oncall", TimeSpan::hours(4)).await;
        world
            .live_coarsely(TimeSpan::minutes(20), TimeSpan::minutes(1))
            .await;
        release(&world, Bo, given_back).await.unwrap();
        let admin = world.actor(hallpass_simulation::Human::Eve);
        let taken = world.access.revoke(&admin, revoked, "over", None).await;
        assert!(taken.is_ok(), "{taken:?}");
        let denied = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let no = world
            .access
            .deny(&world.actor(Cai), denied, None, None)
            .await;
        assert!(no.is_ok(), "{no:?}");
        world
            .live_coarsely(TimeSpan::minutes(15), TimeSpan::seconds(20))
            .await;
        for id in [expires, given_back, revoked] {
            let grant = grant(&world, id).await;
            assert!(
                matches!(grant.state, GrantState::Ended { .. }),
                "{:?}",
                grant.state
            );
        }
    });
}

#[test]
fn without_the_option_nobody_waits_for_the_export() {
    run(async {
        let world = World::new(73, Habits::default(), None);
        take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        world.clock.advance(TimeSpan::hours(48));
        let waiting = world.store.oldest_unexported().await.unwrap().unwrap();
        assert!(TimeSpan::hours(47).after(waiting) < world.clock.now());
        take(&world, Bo, "ReadOnly", TimeSpan::hours(1)).await;
    });
}
