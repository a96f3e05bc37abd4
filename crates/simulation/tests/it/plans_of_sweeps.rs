//! Sweep plans: removals beyond the limits wait, and are executed as previewed or not (`access.md`
//! §10.3).

use hallpass_access::{DigestKind, RemovalLimit, SweepMode, SweepState, SweepStore, UnreadPlace};
use hallpass_assignments::OperationKind::Delete;
use hallpass_base::HoldKey;
use hallpass_simulation::{
    Human::{Ana, Bo, Cai, Eve},
    World, check_all,
};

use crate::acting::{listen, run, take, writes_on};
use crate::sweeping::{
    accept, confirm, digests, events, given, minutes, of, pass, planned, refused, standing, told,
    waiting, world_with,
};

/// `access.md` §10.3: brakes.
#[test]
fn a_run_that_would_do_too_much_stops_until_somebody_says_that_it_is_meant() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        listen(&world).await;
        let keys: Vec<HoldKey> = [Ana, Bo, Cai]
            .into_iter()
            .map(|human| world.key(human, "Admin").unwrap())
            .collect();
        for key in &keys {
            world.center.give(key);
        }
        let stopped = planned(&world).await;
        assert_eq!(stopped.state.name(), "stopped");
        assert!(digests(&told(&world).await).contains(&DigestKind::SweepStopped));
        let eve = world.actor(Eve);
        let kept = confirm(&world, &stopped).await;
        assert_eq!(refused(kept), "over-limit");
        pass(&world, minutes(5)).await;
        assert!(keys.iter().all(|key| writes_on(&world, key).is_empty()));
        world
            .access
            .confirm_sweep(&eve, stopped.id, RemovalLimit::Exceed)
            .await
            .unwrap();
        pass(&world, minutes(5)).await;
        assert!(keys.iter().all(|key| writes_on(&world, key) == [Delete]));
        check_all(&world, &standing(&world)).await.unwrap();
    });
}

/// A plan is executed exactly as previewed or refused.
#[test]
fn a_world_that_changed_refuses_a_plan() {
    type Change = fn(&mut World);
    let rows: [(&str, Change, &str); 4] = [
        (
            "it is gone",
            |world| world.center.take(&world.key(Ana, "ReadOnly").unwrap()),
            "plan-changed",
        ),
        (
            "it cannot be read",
            |world| {
                let what = UnreadPlace::Account {
                    account: "111111111111".parse().unwrap(),
                };
                world
                    .center
                    .change_habits(|habits| habits.unreadable = vec![what]);
            },
            "plan-changed",
        ),
        (
            "the mode changed",
            |world| world.sweeps_become(|settings| settings.mode = SweepMode::Report),
            "mode-changed",
        ),
        (
            "the configuration accepts it",
            |world| {
                world.sweeps_become(|settings| {
                    settings
                        .standing
                        .push("ana@corp.example/*/*".parse().unwrap());
                });
            },
            "plan-changed",
        ),
    ];
    for (name, change, wanted) in rows {
        run(async {
            let mut world = world_with(SweepMode::Revoke);
            let (key, other) = (
                world.key(Ana, "ReadOnly").unwrap(),
                world.key(Bo, "ReadOnly").unwrap(),
            );
            world.center.give(&key);
            for set in ["Glass", "Alone", "Sealed"] {
                world.sweeps_become(|settings| {
                    let pattern = format!("*/*/{set}");
                    settings.standing.push(pattern.parse().unwrap());
                });
                given(&world, Cai, set);
            }
            world.center.give(&other);
            let plan = planned(&world).await;
            change(&mut world);
            let confirmed = confirm(&world, &plan).await;
            assert_eq!(refused(confirmed), wanted, "{name}");
            pass(&world, minutes(2)).await;
            assert_eq!(writes_on(&world, &other), [], "{name}: not even the others");
            let refusals = events(&world).await;
            assert!(refusals.contains(&"press.refused".to_owned()), "{name}");
        });
    }
}

#[test]
fn a_plan_is_refused_once_somebody_holds_or_accepts_what_it_is_about() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        let key = given(&world, Ana, "ReadOnly");
        let plan = planned(&world).await;
        let eve = world.actor(Eve);
        let accepted = accept(&world, &of(Ana, "ReadOnly"), "she builds it").await;
        accepted.unwrap();
        let confirmed = confirm(&world, &plan).await;
        assert_eq!(refused(confirmed), "plan-changed");
        let withdrawn = world
            .access
            .withdraw_standing(&eve, &of(Ana, "ReadOnly"), "she left the team")
            .await;
        withdrawn.unwrap();
        take(&world, Ana, "ReadOnly", minutes(30)).await;
        world.tick().await;
        let confirmed = confirm(&world, &plan).await;
        assert_eq!(refused(confirmed), "plan-changed");
        assert_eq!(writes_on(&world, &key), []);
    });
}

#[test]
fn a_newer_plan_takes_the_place_of_one_that_waits() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        given(&world, Ana, "ReadOnly");
        let first = planned(&world).await;
        pass(&world, minutes(70)).await;
        let second = waiting(&world).await.unwrap();
        assert_ne!(first.id, second.id);
        let stored = world.store.sweep(first.id).await.unwrap().unwrap();
        assert!(matches!(stored.state, SweepState::Replaced { by, .. } if by == second.id));
        let confirmed = confirm(&world, &first).await;
        assert_eq!(refused(confirmed), "no-plan");
    });
}
