//! Changes around a sweep: acceptance, new configuration, another process, clocks ahead.

use hallpass_access::{
    AccessStore, Change, Fate, ItemKind, LeftAlone, Meant, Schedule, Sweep, SweepItem, SweepMode,
    SweepReach, SweepStore, Trigger, Write,
};
use hallpass_assignments::OperationKind::Delete;
use hallpass_base::{Clock, HoldKey, SweepId, TimeSpan, Timestamp};
use hallpass_simulation::{
    Human::{Ana, Eve},
    World, check_all,
};

use crate::acting::{run, writes_on};
use crate::sweeping::{
    accept, confirm, events, found, given, item_of, minutes, newest, of, pass, planned, refused,
    standing, world_with,
};

fn left_alone(item: &SweepItem) -> Option<LeftAlone> {
    match item.fate {
        Fate::LeftAlone { why, .. } => Some(why),
        _ => None,
    }
}

async fn confirmed(world: &World) -> (Sweep, HoldKey) {
    let key = given(world, Ana, "ReadOnly");
    let plan = planned(world).await;
    confirm(world, &plan).await.unwrap();
    (plan, key)
}

/// `access.md` §10.2: accepted access is never removed, even if its removal had begun.
#[test]
fn what_is_accepted_while_its_removal_is_in_hand_stays() {
    run(async {
        for begun in [false, true] {
            let world = world_with(SweepMode::Revoke);
            let (plan, key) = confirmed(&world).await;
            if begun {
                world.access.tend_sweeps().await.unwrap();
                let item = item_of(&world, &plan, &key).await;
                assert_eq!(item.fate.name(), "removing");
            }
            let meant = of(Ana, "ReadOnly");
            accept(&world, &meant, "by intent").await.unwrap();
            pass(&world, TimeSpan::hours(3)).await;
            assert_eq!(writes_on(&world, &key), [], "{begun}");
            let item = item_of(&world, &plan, &key).await;
            assert_eq!(left_alone(&item), Some(LeftAlone::Accepted), "{begun}");
            let over = world.store.sweep(plan.id).await.unwrap().unwrap();
            assert_eq!(over.state.name(), "done", "{begun}");
            accept(&world, &meant, "by intent").await.unwrap();
            let log = events(&world).await;
            let count = |event: &str| log.iter().filter(|it| *it == event).count();
            assert_eq!(
                (count("standing.accepted"), count("sweep.left_alone")),
                (1, 1),
                "{begun}"
            );
            let mut left = standing(&world);
            left.push(key);
            check_all(&world, &left).await.unwrap();
        }
    });
}

/// After the removal was sent to AWS, acceptance is refused; access granted later can be accepted.
#[test]
fn what_aws_was_asked_to_remove_is_accepted_once_that_is_over() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        let (plan, key) = confirmed(&world).await;
        world.access.tend_sweeps().await.unwrap();
        for _ in 0..20 {
            if writes_on(&world, &key).is_empty() {
                world.executor.tick().await.unwrap();
                world.clock.advance(TimeSpan::seconds(1));
            }
        }
        assert_eq!(writes_on(&world, &key), [Delete]);
        let meant = of(Ana, "ReadOnly");
        let eve = world.actor(Eve);
        let accepted = world.access.accept_standing(&eve, &meant, "late", None);
        assert_eq!(refused(accepted.await), "being-removed");
        assert_eq!(world.store.accepted_one(&key).await.unwrap(), None);
        pass(&world, minutes(5)).await;
        let item = item_of(&world, &plan, &key).await;
        assert_eq!(item.fate.name(), "gone");
        accept(&world, &meant, "from now on").await.unwrap();
    });
}

/// A parked removal is not retried after acceptance.
#[test]
fn what_is_accepted_while_its_removal_is_parked_stays() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        let key = given(&world, Ana, "ReadOnly");
        world.remove_from_directory(Ana);
        world.center.forget_person(&key.user);
        let plan = planned(&world).await;
        confirm(&world, &plan).await.unwrap();
        pass(&world, minutes(10)).await;
        let item = item_of(&world, &plan, &key).await;
        assert_eq!(item.fate.name(), "stuck");
        let tried = writes_on(&world, &key).len();
        let meant = Meant {
            user: key.user.to_string(),
            ..of(Ana, "ReadOnly")
        };
        accept(&world, &meant, "support looks at it").await.unwrap();
        let item = item_of(&world, &plan, &key).await;
        assert_eq!(left_alone(&item), Some(LeftAlone::Accepted));
        pass(&world, TimeSpan::hours(3)).await;
        assert_eq!(writes_on(&world, &key).len(), tried);
        let item = found(&world, &key).await.unwrap();
        assert!(matches!(item.kind, ItemKind::Accepted { .. }), "{item:?}");
    });
}

/// The new process's configuration excludes a confirmed plan.
#[test]
fn what_the_configuration_does_not_want_any_more_is_not_done() {
    type Becomes = fn(&mut hallpass_access::SweepSettings);
    const COVERED: Becomes = |settings| {
        let pattern = "ana@corp.example/payments-prod/ReadOnly";
        settings.standing.push(pattern.parse().unwrap());
    };
    let adopt = |settings: &mut hallpass_access::SweepSettings| {
        settings.mode = SweepMode::Adopt {
            length: minutes(30),
        };
    };
    let rows: [(&str, bool, Becomes, LeftAlone); 5] = [
        (
            "off",
            false,
            |it| it.mode = SweepMode::Off,
            LeftAlone::ModeChanged,
        ),
        (
            "report",
            false,
            |it| it.mode = SweepMode::Report,
            LeftAlone::ModeChanged,
        ),
        ("adopt", false, adopt, LeftAlone::ModeChanged),
        ("accepted", false, COVERED, LeftAlone::Accepted),
        ("accepted, in hand", true, COVERED, LeftAlone::Accepted),
    ];
    run(async {
        for (name, begun, becomes, why) in rows {
            let mut world = world_with(SweepMode::Revoke);
            let (plan, key) = confirmed(&world).await;
            if begun {
                world.access.tend_sweeps().await.unwrap();
            }
            world.sweeps_become(becomes);
            world.access.tend_sweeps().await.unwrap();
            pass(&world, minutes(10)).await;
            assert_eq!(writes_on(&world, &key), [], "{name}");
            let item = item_of(&world, &plan, &key).await;
            assert_eq!(left_alone(&item), Some(why), "{name}");
            let over = world.store.sweep(plan.id).await.unwrap().unwrap();
            assert_eq!(over.state.name(), "done", "{name}");
        }
    });
}

/// More checks fit between two sweeps than one lookback reads.
#[test]
fn a_sweep_that_comes_seldom_comes() {
    run(async {
        let mut world = world_with(SweepMode::Revoke);
        world.sweeps_become(|settings| {
            settings.at = "rate(2 days)".parse::<Schedule>().unwrap();
        });
        pass(&world, TimeSpan::hours(50)).await;
        let runs = world.store.sweeps(None, 999).await.unwrap();
        let swept = runs.iter().filter(|it| it.trigger == Trigger::Schedule);
        assert_eq!(swept.count(), 1);
        assert!(runs.len() > 150, "{}", runs.len());
    });
}

fn from_ahead(run: Sweep, at: Timestamp) -> Change {
    let ahead = Sweep {
        id: SweepId::first_at(at),
        begun_at: at,
        version: 0,
        ..run
    };
    Change {
        sweeps: vec![Write::Insert(ahead)],
        ..Change::default()
    }
}

/// Promise P10: a run dated next month stops neither checks nor knowledge of standing access.
#[test]
fn a_run_by_a_clock_that_was_ahead_stops_nothing() {
    run(async {
        let world = world_with(SweepMode::Report);
        pass(&world, minutes(5)).await;
        let ahead = TimeSpan::hours(30 * 24).after(world.clock.now());
        let change = from_ahead(newest(&world).await, ahead);
        world.store.commit(change).await.unwrap();
        let key = given(&world, Ana, "ReadOnly");
        pass(&world, TimeSpan::hours(1)).await;
        let runs = world.store.sweeps(None, 99).await.unwrap();
        assert!(runs.len() >= 5, "{runs:?}");
        let newest = newest(&world).await;
        let old = TimeSpan::between(newest.begun_at, world.clock.now());
        assert!(newest.begun_at < ahead && old <= minutes(16), "{newest:?}");
        let item = found(&world, &key).await.unwrap();
        assert!(item.unaccepted_runs >= 3, "{item:?}");
    });
}

#[test]
fn no_run_begins_by_itself_while_clocks_disagree() {
    run(async {
        for off in [-900, 86_400] {
            let world = world_with(SweepMode::Report);
            world.live(TimeSpan::seconds(10)).await;
            world.machine.set_wall(off);
            assert!(!world.sweep_if_due().await.unwrap(), "{off}");
            world.machine.set_wall(0);
            world.live(TimeSpan::seconds(30)).await;
            pass(&world, minutes(1)).await;
            assert_eq!(newest(&world).await.state.name(), "done", "{off}");
        }
    });
}

/// A run requested at a process that does not scan is made by the one that does, without a reported
/// interruption.
#[test]
fn a_run_that_is_wanted_of_another_process_is_made() {
    run(async {
        let mut world = world_with(SweepMode::Report);
        world.sweeps_become(|settings| settings.reach = SweepReach::All);
        pass(&world, minutes(5)).await;
        let wanted = world.access.want_sweep(&world.actor(Eve)).await.unwrap();
        let leads = world.another_process();
        let begun = leads.sweep_to_run().await.unwrap().unwrap();
        assert_eq!((begun.id, begun.state.name()), (wanted.id, "running"));
        let done = leads.run_sweep(&begun).await.unwrap();
        assert_eq!(done.state.name(), "done");
        assert_eq!(world.access.sweep_to_run().await.unwrap(), None);
        let log = events(&world).await;
        assert!(!log.contains(&"sweep.failed".to_owned()), "{log:?}");
    });
}
