//! Attribute memberships in the whole core (`access.md` §15.1): matching people join and stay,
//! others are reported or removed, granted memberships are separate, unread groups do not change,
//! and any stop is resumed.

use hallpass_access::{
    GroupSyncOutcome, GroupSyncRule, GroupSyncSettings, GroupSyncStore, LeftOut, ManagedGroup,
    ManualMembers, SweepMode, SweepReach, group_named,
};
use hallpass_assignments::OperationKind::{self, Create, Delete};
use hallpass_audit::AuditStore;
use hallpass_base::testing::stops;
use hallpass_base::{Clock, HoldKey, Target, TimeSpan};
use hallpass_rules::{PersonAttribute, PersonAttributes, RuleFile, load};
use hallpass_simulation::{
    GateMode, GatePlan, Habits, Human,
    Human::{Ana, Bo, Cai, Dee, Eve},
    World, check_all,
};

use crate::acting::{check_second_pass, run, take, writes_on};

const PAYMENTS: &str = "99999999-8888-7777-6666-555555555501";

fn settings(group: &str, manual: ManualMembers) -> GroupSyncSettings {
    let values = ["Payments".to_owned()];
    GroupSyncSettings {
        groups: vec![ManagedGroup {
            group: group_named(group).unwrap(),
            rules: vec![GroupSyncRule::read(1, [("department", &values[..])]).unwrap()],
        }],
        manual,
        every: TimeSpan::minutes(60),
        max_removals: 20,
        max_removals_percent: 25,
    }
}

fn world_with(manual: ManualMembers, plan: Option<GatePlan>) -> World {
    let mut world = World::new(97, Habits::default(), None);
    world.group_sync_becomes(Some(settings("payments", manual)));
    world.directory.change_all(|known| {
        let mut group = known.groups[0].clone();
        group.id = PAYMENTS.parse().unwrap();
        "payments".clone_into(&mut group.name);
        known.groups.push(group);
    });
    for human in Human::ALL {
        department(
            &world,
            human,
            if human == Eve { "legal" } else { "payments" },
        );
        if human != Ana {
            world.center.give(&membership(&world, human));
        }
    }
    reflect(&world);
    world.directory.read();
    world.springs(plan);
    world
}

fn membership(world: &World, human: Human) -> HoldKey {
    HoldKey {
        user: world.group_key(human).unwrap().user,
        target: Target::Group {
            group: PAYMENTS.parse().unwrap(),
        },
    }
}

fn department(world: &World, human: Human, value: &str) {
    world.directory.change(human.name(), |mut person| {
        let mut attributes = PersonAttributes::default();
        attributes.read(PersonAttribute::Department, Some(value));
        person.attributes = attributes;
        Some(person)
    });
}

fn reflect(world: &World) {
    let present = world.center.present();
    world.directory.change_all(|known| {
        for group in &mut known.groups {
            let target = Target::Group {
                group: group.id.clone(),
            };
            let members = present.iter().filter(|key| key.target == target);
            group.members = Some(members.map(|key| key.user.clone()).collect());
        }
    });
}

async fn pass(world: &World, span: TimeSpan) {
    let (mut reconciled, until) = (world.clock.now(), span.after(world.clock.now()));
    while world.clock.now() < until {
        if minutes(10).after(reconciled) <= world.clock.now() {
            reconciled = world.clock.now();
            let _: Result<_, _> = world.access.reconcile().await;
        }
        reflect(world);
        let due = world.access.next_group_sync().await;
        if due.is_ok_and(|due| due.is_some_and(|at| at <= world.clock.now())) {
            let _: Result<_, _> = world.access.run_group_sync().await;
        }
        world.tick().await;
        let _: Result<_, _> = world.access.tend_group_sync().await;
        world.clock.advance(TimeSpan::seconds(20));
    }
}

fn minutes(count: u64) -> TimeSpan {
    TimeSpan::minutes(count)
}

fn members(world: &World) -> Vec<Human> {
    let present = world.center.present();
    let is_member = |human: &Human| present.contains(&membership(world, *human));
    Human::ALL.into_iter().filter(is_member).collect()
}

async fn events(world: &World) -> Vec<String> {
    let records = world.store.records_from(1, 10_000).await.unwrap();
    records.iter().map(|it| it.event().to_owned()).collect()
}

async fn count(world: &World, event: &str) -> usize {
    events(world).await.iter().filter(|it| *it == event).count()
}

#[test]
fn who_matches_comes_in_and_who_does_not_is_told() {
    run(async {
        let world = world_with(ManualMembers::Warn, None);
        pass(&world, minutes(5)).await;
        assert_eq!(members(&world), [Ana, Bo, Cai, Dee, Eve]);
        assert_eq!(writes_on(&world, &membership(&world, Ana)), [Create]);
        assert_eq!(world.center.writes().len(), 1, "Eve is reported, and stays");
        let run = world.store.group_sync_run().await.unwrap().unwrap();
        let GroupSyncOutcome::Looked { groups } = run.outcome else {
            panic!("{run:?}");
        };
        assert_eq!((groups[0].manual.count, groups[0].remove), (1, 0));
        // a remaining row would stay managed by Hallpass forever
        assert!(world.store.group_sync_items().await.unwrap().is_empty());
        let rows = hallpass_assignments::AssignmentStore::assignments(world.store.as_ref()).await;
        assert!(rows.unwrap().is_empty());
        let before = events(&world).await.len();
        pass(&world, minutes(130)).await;
        let after_first = events(&world).await.len();
        pass(&world, minutes(600)).await;
        assert_eq!(events(&world).await.len(), after_first);
        assert!(
            after_first <= before + 1,
            "the next run found her there, and no more"
        );
        let _: Result<_, _> = world.access.reconcile().await;
        assert_eq!(members(&world), [Ana, Bo, Cai, Dee, Eve]);
    });
}

#[test]
fn a_changed_attribute_takes_effect_within_the_period() {
    run(async {
        let world = world_with(ManualMembers::Remove, None);
        pass(&world, minutes(5)).await;
        assert_eq!(members(&world), [Ana, Bo, Cai, Dee]);
        department(&world, Eve, "PAYMENTS");
        department(&world, Ana, "legal");
        pass(&world, minutes(50)).await;
        assert_eq!(
            members(&world),
            [Ana, Bo, Cai, Dee],
            "not before the period is over"
        );
        pass(&world, minutes(15)).await;
        assert_eq!(members(&world), [Bo, Cai, Dee, Eve]);
        let ana = membership(&world, Ana);
        assert_eq!(writes_on(&world, &ana), [Create, Delete]);
        let records = world.store.records_from(1, 10_000).await.unwrap();
        let removed: Vec<_> = { records.iter() }
            .filter(|it| it.event() == "membership.removed")
            .filter(|it| it.text("sso_user_principal_id") == Some(ana.user.as_str()))
            .collect();
        assert_eq!(removed.len(), 1);
        assert_eq!(
            removed[0].text("reason"),
            Some("matches no rule of the group")
        );
        assert_eq!(removed[0].text("requester_email"), Some("ana@corp.example"));
    });
}

#[test]
fn what_a_grant_holds_ends_with_it_and_by_nothing_else() {
    run(async {
        let mut world = World::new(98, Habits::default(), None);
        let grant = take(&world, Bo, "oncall", minutes(90)).await;
        pass(&world, minutes(2)).await;
        let key = world.group_key(Bo).unwrap();
        assert!(world.center.present().contains(&key));
        world.group_sync_becomes(Some(settings("oncall", ManualMembers::Remove)));
        let left = "[[rule]]\nid = \"sets\"\naccounts = [\"*\"]\npermission_sets = [\"ReadOnly\"]\napprovers = [\"cai@corp.example\", \"dee@corp.example\"]\n";
        let loaded = load(&RuleFile::new("left.toml", left)).unwrap();
        world.access.set_rules(loaded.rules, "left").await.unwrap();
        for human in [Bo, Cai] {
            department(&world, human, "legal");
        }
        world.center.give(&world.group_key(Cai).unwrap());
        pass(&world, minutes(70)).await;
        let present = world.center.present();
        assert!(present.contains(&key), "two runs left it alone");
        assert!(
            !present.contains(&world.group_key(Cai).unwrap()),
            "a member without a grant is manual"
        );
        pass(&world, minutes(25)).await;
        assert!(!world.center.present().contains(&key), "its end came");
        let grant = crate::acting::grant(&world, grant).await;
        assert!(grant.is_over(), "{grant:?}");
        assert_eq!(writes_on(&world, &key), [Create, Delete]);
        // a grant of a membership that also matches by attributes is added again after its end
        department(&world, Bo, "payments");
        pass(&world, minutes(65)).await;
        assert!(world.center.present().contains(&key));
    });
}

#[test]
fn a_group_that_rules_offer_is_left_as_it_is() {
    run(async {
        let mut world = world_with(ManualMembers::Remove, None);
        world.group_sync_becomes(Some(settings("oncall", ManualMembers::Remove)));
        world.center.give(&world.group_key(Eve).unwrap());
        let found = world.access.groups_owned_twice(&world.access.rules());
        assert_eq!(found[0].code.as_str(), "group-owned-twice");
        pass(&world, minutes(5)).await;
        assert_eq!(world.center.writes(), []);
    });
}

/// The group is unknown, and a sweep would treat its members as unmanaged access.
#[test]
fn a_group_that_is_not_found_by_its_name_is_left_out_of_sweeps_as_before() {
    for is_renamed in [false, true] {
        run(async {
            let mut world = world_with(ManualMembers::Warn, None);
            world.sweeps_become(|settings| {
                settings.mode = SweepMode::Revoke;
                settings.reach = SweepReach::All;
                settings.check_every = minutes(15);
                settings.at = "rate(1 hour)".parse().unwrap();
            });
            pass(&world, minutes(5)).await;
            let groups = world.access.directory().groups().len() as u64;
            if is_renamed {
                world.directory.change_all(|known| {
                    for group in &mut known.groups {
                        if group.name == "payments" {
                            "payments-team".clone_into(&mut group.name);
                        }
                    }
                });
                world.directory.read();
            }
            crate::sweeping::pass(&world, minutes(70)).await;
            for human in Human::ALL {
                let key = membership(&world, human);
                let found = crate::sweeping::found(&world, &key).await;
                assert!(found.is_none(), "renamed: {is_renamed}: {found:?}");
            }
            let report = crate::sweeping::newest(&world).await.report.unwrap();
            let expected = if is_renamed {
                LeftOut::AllGroups { count: groups }
            } else {
                LeftOut::SyncedGroups { count: 1 }
            };
            assert!(report.left_out.contains(&expected), "{:?}", report.left_out);
            assert!(groups > 1);
        });
    }
}

#[test]
fn a_directory_that_is_silent_removes_nobody_and_many_are_none() {
    run(async {
        let world = world_with(ManualMembers::Remove, None);
        world.silence_directory();
        pass(&world, minutes(30)).await;
        assert_eq!(world.center.writes(), []);
        assert_eq!(
            count(&world, "memberships.failed").await,
            1,
            "once for all of it"
        );
        for human in [Bo, Cai] {
            department(&world, human, "legal");
        }
        world.directory.lists(true);
        pass(&world, minutes(15)).await;
        assert_eq!(
            members(&world),
            Human::ALL,
            "three of four are too many; who matches came in"
        );
        assert_eq!(count(&world, "memberships.stopped").await, 1);
        let run = world.store.group_sync_run().await.unwrap().unwrap();
        let GroupSyncOutcome::Looked { groups } = run.outcome else {
            panic!("{run:?}");
        };
        let told = groups[0].brake.unwrap().to_string();
        assert_eq!(
            told,
            "a run would remove 3 of 4 members, and may remove 25 %"
        );
    });
}

async fn play(world: &mut World) -> u64 {
    let first = world.gate.clone();
    for _ in 0..10 {
        let passed = pass(world, minutes(130));
        if !world.until_stopped(Box::pin(passed)).await {
            world.restart();
        }
        let is_done = members(world) == [Ana, Bo, Cai, Dee];
        let items = world.store.group_sync_items().await.unwrap();
        if is_done && items.is_empty() {
            break;
        }
    }
    first.calls()
}

async fn check(world: &World, case: &str) {
    assert_eq!(members(world), [Ana, Bo, Cai, Dee], "{case}");
    let standing: Vec<HoldKey> = { [Ana, Bo, Cai, Dee].into_iter() }
        .map(|human| membership(world, human))
        .collect();
    if let Err(broken) = check_all(world, &standing).await {
        panic!("{case}: {broken:#?}");
    }
    let only = |human: Human, kind: OperationKind| {
        let writes = writes_on(world, &membership(world, human));
        assert!(
            !writes.is_empty() && writes.iter().all(|it| *it == kind),
            "{case}: {writes:?}"
        );
    };
    only(Ana, Create);
    only(Eve, Delete);
    for human in [Bo, Cai, Dee] {
        assert_eq!(writes_on(world, &membership(world, human)), [], "{case}");
    }
    for event in [
        "membership.adding",
        "membership.added",
        "membership.removing",
        "membership.removed",
    ] {
        assert_eq!(count(world, event).await, 1, "{case}: {event}");
    }
    check_second_pass(world, case).await;
}

#[test]
fn stops_while_memberships_follow() {
    let calls = run(async {
        let mut world = world_with(ManualMembers::Remove, None);
        let calls = Box::pin(play(&mut world)).await;
        check(&world, "undisturbed").await;
        calls
    });
    assert!(calls > 60, "only {calls} calls");
    for (call, mode) in stops(calls.min(220), GateMode::ALL) {
        run(async {
            let mut world = world_with(ManualMembers::Remove, Some(GatePlan { call, mode }));
            Box::pin(play(&mut world)).await;
            check(&world, &format!("call {call} of {calls}, {mode:?}")).await;
        });
    }
}
