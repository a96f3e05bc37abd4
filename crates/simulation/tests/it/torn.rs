//! Unreadable grants: other work continues, and their access is not treated as unmanaged.

use hallpass_access::{AccessError, AccessStore, GrantState, ItemKind, SweepMode, SweepState};
use hallpass_assignments::OperationKind::{Create, Delete};
use hallpass_base::TimeSpan;
use hallpass_simulation::{
    Human::{Ana, Bo, Cai, Dee},
    World, check_all,
};

use crate::acting::{approve, asked_for, asking, grant, release, run, take, writes_on};
use crate::sweeping::{
    confirm, found, given, minutes, newest, pass, planned, standing, world_with,
};

async fn removing() -> World {
    let world = world_with(SweepMode::Revoke);
    given(&world, Bo, "Admin");
    let plan = planned(&world).await;
    confirm(&world, &plan).await.unwrap();
    pass(&world, minutes(5)).await;
    world
}

#[test]
fn one_grant_that_cannot_be_read_stops_nothing_else() {
    run(async {
        let world = removing().await;
        let key = world.key(Ana, "ReadOnly").unwrap();
        let torn = take(&world, Ana, "ReadOnly", minutes(90)).await;
        let other = take(&world, Bo, "ReadOnly", minutes(90)).await;
        pass(&world, minutes(5)).await;
        world.store.tear_grant(torn);
        let asked = asked_for(&world, Dee, "Admin", minutes(180)).await;
        approve(&world, Cai, asked).await.unwrap();
        release(&world, Bo, other).await.unwrap();
        let unknown = given(&world, Cai, "ReadOnly");
        pass(&world, minutes(75)).await;
        assert!(grant(&world, other).await.is_over());
        let approved = world.store.request(asked).await.unwrap().unwrap();
        let approved = grant(&world, approved.grant.unwrap()).await;
        assert_eq!(approved.state, GrantState::Active);
        let reconciled = world.access.reconcile().await.unwrap();
        assert_eq!((reconciled.seen, reconciled.failed), (1, 0));
        // sweeps remove unknown access, but not the grant's
        assert!(matches!(
            newest(&world).await.state,
            SweepState::Done { .. }
        ));
        assert_eq!(writes_on(&world, &unknown), [Delete]);
        assert_eq!(found(&world, &key).await, None);
        assert_eq!(writes_on(&world, &key), [Create]);
        // no decision on its key or other keys of the person
        let again = asking("ReadOnly", minutes(30));
        let again = world.access.ask(&world.actor(Ana), &again, None).await;
        assert!(matches!(again, Err(AccessError::Read(_))), "{again:?}");
        take(&world, Ana, "oncall", minutes(10)).await;
        pass(&world, minutes(120)).await;
        assert_eq!(writes_on(&world, &key), [Create, Delete]);
        assert!(!world.center.present().contains(&key));
        world.store.mend_rows();
        pass(&world, minutes(5)).await;
        assert!(grant(&world, torn).await.is_over());
        check_all(&world, &standing(&world)).await.unwrap();
    });
}

/// A past unreadable grant hides earlier standing access: the person's access is reported there and
/// not removed.
#[test]
fn what_it_may_have_found_standing_is_left_alone_for_eight_days() {
    run(async {
        let world = removing().await;
        let key = given(&world, Ana, "ReadOnly");
        let torn = take(&world, Ana, "ReadOnly", minutes(30)).await;
        pass(&world, minutes(40)).await;
        assert!(grant(&world, torn).await.is_over());
        world.store.tear_grant(torn);
        let other = given(&world, Bo, "ReadOnly");
        pass(&world, TimeSpan::hours(8 * 24 - 2)).await;
        let kind = found(&world, &key).await.unwrap().kind;
        assert!(matches!(kind, ItemKind::Preexisting { .. }), "{kind:?}");
        assert_eq!(writes_on(&world, &key), []);
        assert_eq!(writes_on(&world, &other), [Delete]);
        pass(&world, TimeSpan::hours(6)).await;
        assert_eq!(writes_on(&world, &key), [Delete]);
    });
}
