//! Disabled, deleted or departed people lose dependent access within a minute (`access.md` §22,
//! R-5). Hallpass checks people behind live access and with tokens, and acts only on AWS's answers;
//! other people lose nothing.

use std::collections::BTreeSet;

use fastrand::Rng;
use hallpass_access::{
    AccessStore, EndCause, GrantState, OnRuleChange, PeopleLooked, RequestState,
};
use hallpass_audit::AuditStore;
use hallpass_base::{Clock as _, GrantId, RequestId, TimeSpan, UserId};
use hallpass_rules::directory::{Group, Person};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    GateMode, GatePlan, Habits, Human,
    Human::{Ana, Bo, Cai, Dee},
    World, check_all,
};
use hallpass_store::TokenRow;
use hallpass_store_testing::{a_draft, a_token};

use crate::acting::{asked_for, extend, grant, grants, lives, run, take};

const RULES: &str = r#"{"statements": [
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly", "ApprovalIsNotRequired": true,
     "AllowedGroups": ["77777777-8888-7777-6666-555555555555"], "AllowedUsers": ["cai@corp.example"]},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin", "Approvers": ["cai@corp.example"]},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Root", "ApprovalIsNotRequired": true}],
  "group_statements": []}"#;
const WITHOUT_GROUPS: &str = r#"{"statements": [
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly", "ApprovalIsNotRequired": true,
     "AllowedUsers": ["cai@corp.example"]}], "group_statements": []}"#;
const OF_ANOTHER_GROUP: &str = r#"{"statements": [
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly", "ApprovalIsNotRequired": true,
     "AllowedGroups": ["88888888-8888-7777-6666-555555555555"], "AllowedUsers": ["cai@corp.example"]},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin", "Approvers": ["cai@corp.example"]},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Root", "ApprovalIsNotRequired": true,
     "AllowedGroups": ["88888888-8888-7777-6666-555555555555"]}], "group_statements": []}"#;
const BY_NAME: &str = "[[rule]]\nid = 'builders'\naccounts = '*'\npermission_sets = 'ReadOnly'\n\
    allowed_groups = ['Builders']\napproval_is_not_required = true\n";
const BUILDERS: &str = "77777777-8888-7777-6666-555555555555";

const LOOK_EVERY: TimeSpan = TimeSpan::seconds(30);

fn id(world: &World, human: Human) -> UserId {
    let directory = world.access.directory();
    let mut people = directory.people().iter();
    let person = people.find(|it| it.user_name == human.name());
    person.map_or_else(
        || world.key(human, "ReadOnly").unwrap().user,
        |it| it.user_id.clone(),
    )
}

async fn in_force(world: &World, rules: &str) {
    let loaded = load(&RuleFile::new("people.json", rules)).unwrap();
    let put = world.access.set_rules(loaded.rules, "people.json").await;
    put.unwrap();
}

async fn world(seed: u64, habits: Habits) -> World {
    let world = World::new(seed, habits, None);
    world.directory.change_all(|snapshot| {
        let everybody = snapshot.people.iter().map(|it| it.user_id.clone());
        let members = Some(everybody.collect());
        snapshot.groups.push(Group {
            id: BUILDERS.parse().unwrap(),
            name: "builders".to_owned(),
            members,
        });
        snapshot.groups.push(Group {
            id: "88888888-8888-7777-6666-555555555555".parse().unwrap(),
            name: "oncall".to_owned(),
            members: Some(BTreeSet::new()),
        });
    });
    world.directory.read();
    in_force(&world, RULES).await;
    world
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    Disabled,
    Gone,
    LeftGroup,
}

fn leave(world: &World, human: Human, how: Leaving) {
    let name = human.name();
    match how {
        Leaving::Gone => world.directory.change(name, |_| None),
        Leaving::Disabled => world.directory.change(name, |person| {
            Some(Person {
                enabled: false,
                ..person
            })
        }),
        Leaving::LeftGroup => {
            let user = id(world, human);
            world.directory.change_all(|snapshot| {
                for group in &mut snapshot.groups {
                    group.members.as_mut().unwrap().remove(&user);
                }
            });
        }
    }
}

fn come_back(world: &World, human: Human) {
    world.directory.change(human.name(), |person| {
        Some(Person {
            enabled: true,
            ..person
        })
    });
}

struct Scene {
    world: World,
    held: GrantId,
    open: GrantId,
    other: GrantId,
    waits: RequestId,
    other_waits: RequestId,
}

async fn scene() -> Scene {
    let world = world(5, Habits::default()).await;
    let long = TimeSpan::hours(8);
    let held = take(&world, Ana, "ReadOnly", long).await;
    let open = take(&world, Ana, "Root", long).await;
    let other = take(&world, Bo, "ReadOnly", long).await;
    let waits = asked_for(&world, Ana, "Admin", long).await;
    let other_waits = asked_for(&world, Bo, "Admin", long).await;
    world.live(TimeSpan::seconds(20)).await;
    Scene {
        world,
        held,
        open,
        other,
        waits,
        other_waits,
    }
}

impl Scene {
    async fn look(&self) -> PeopleLooked {
        let looked = self.world.access.look_at_people(None).await.unwrap();
        let signed_in = self.world.access.look_at_signed_in().await.unwrap();
        PeopleLooked {
            people: looked.people + signed_in.people,
            credentials: looked.credentials + signed_in.credentials,
            ..looked
        }
    }

    async fn state(&self, id: GrantId) -> GrantState {
        grant(&self.world, id).await.state
    }

    async fn cause(&self, id: GrantId) -> Option<EndCause> {
        match self.state(id).await {
            GrantState::Ending { cause, .. } | GrantState::Ended { cause, .. } => Some(cause),
            _ => None,
        }
    }

    async fn request(&self, id: RequestId) -> RequestState {
        self.world.store.request(id).await.unwrap().unwrap().state
    }

    async fn check_other(&self, case: &str) {
        assert_eq!(self.state(self.other).await, GrantState::Active, "{case}");
        let waits = self.request(self.other_waits).await;
        assert_eq!(waits, RequestState::Pending, "{case}");
    }

    async fn records(&self, event: &str, why: Option<&str>) -> usize {
        records(&self.world, event, why).await
    }
}

async fn records(world: &World, event: &str, why: Option<&str>) -> usize {
    let records = world.store.records_from(1, 10_000).await.unwrap();
    let found = records.iter().filter(|it| it.event() == event);
    let found = found.filter(|it| why.is_none() || it.text("why") == why);
    found.count()
}

async fn with_token(world: &World, n: u64, user: &UserId, lasts: TimeSpan) {
    let now = world.clock.now();
    let token = TokenRow {
        user_id: Some(user.clone()),
        created_at: now,
        expires_at: lasts.after(now),
        ..a_token(n)
    };
    let stored = world.store.token_insert(&token, a_draft(n)).await;
    stored.unwrap();
}

async fn who_has_one<const N: usize>(world: &World, people: &[UserId; N]) -> [bool; N] {
    let with = world.store.with_credentials(world.clock.now()).await;
    let with = with.unwrap();
    std::array::from_fn(|n| with.contains(&people[n]))
}

/// No access depends on these people, and no event arrives.
#[test]
fn who_is_disabled_or_gone_loses_their_tokens_by_the_look_and_nobody_else_does() {
    for how in [Leaving::Disabled, Leaving::Gone, Leaving::LeftGroup] {
        run(async {
            let case = format!("{how:?}");
            let world = world(6, Habits::default()).await;
            let people = [Ana, Bo, Cai].map(|human| id(&world, human));
            with_token(&world, 1, &people[0], TimeSpan::hours(8)).await;
            with_token(&world, 2, &people[1], TimeSpan::hours(8)).await;
            with_token(&world, 3, &people[2], TimeSpan::seconds(10)).await;
            world.live(TimeSpan::seconds(20)).await;
            leave(&world, Ana, how);
            let (described, placed) = (world.directory.described(), world.directory.placed());
            let looked = world.access.look_at_signed_in().await.unwrap();
            assert!(looked.is_whole(), "{case}: {looked:?}");
            let is_over = how != Leaving::LeftGroup;
            let ended = u32::from(is_over);
            assert_eq!((looked.people, looked.credentials), (2, ended), "{case}");
            assert_eq!(world.directory.described(), described + 2, "{case}");
            // tokens depend on no group, and group reads cost calls
            assert_eq!(world.directory.placed(), placed, "{case}");
            let has = who_has_one(&world, &people).await;
            assert_eq!(has, [!is_over, true, false], "{case}");
            let again = world.access.look_at_signed_in().await.unwrap();
            assert_eq!(again.credentials, 0, "{case}");
            let told = records(&world, "credentials.ended", Some("principal_left")).await;
            assert_eq!(told, usize::from(is_over), "{case}");
        });
    }
}

#[test]
fn of_whom_aws_says_nothing_keeps_their_tokens() {
    run(async {
        let world = world(6, Habits::default()).await;
        let people = [id(&world, Ana)];
        with_token(&world, 1, &people[0], TimeSpan::hours(8)).await;
        leave(&world, Ana, Leaving::Disabled);
        world.directory.describes(false);
        let looked = world.access.look_at_signed_in().await.unwrap();
        assert!(!looked.is_whole() && looked.credentials == 0, "{looked:?}");
        assert_eq!(who_has_one(&world, &people).await, [true]);
        world.directory.describes(true);
        let looked = world.access.look_at_signed_in().await.unwrap();
        assert_eq!(looked.credentials, 1);
        assert_eq!(who_has_one(&world, &people).await, [false]);
    });
}

/// Group members are read even if the user also has access otherwise.
#[test]
fn groups_of_people_behind_access_are_asked_about_and_of_nobody_else() {
    run(async {
        let scene = scene().await;
        let people = [Ana, Bo, Cai].map(|human| id(&scene.world, human));
        for (n, user) in (1..).zip(&people) {
            with_token(&scene.world, n, user, TimeSpan::hours(8)).await;
        }
        leave(&scene.world, Ana, Leaving::LeftGroup);
        let directory = &scene.world.directory;
        let (described, placed) = (directory.described(), directory.placed());
        let looked = scene.look().await;
        assert_eq!((looked.people, looked.ended, looked.credentials), (5, 1, 0));
        assert_eq!(directory.described(), described + 5);
        assert_eq!(directory.placed(), placed + 2);
        assert_eq!(scene.cause(scene.held).await, Some(EndCause::RuleChanged));
        scene.check_other("tokens").await;
    });
}

#[test]
fn who_is_disabled_gone_or_out_of_a_group_loses_what_rests_on_it_and_nobody_else() {
    let left = Some(EndCause::PrincipalLeft);
    let table = [
        (Leaving::Disabled, left.clone(), left.clone(), true),
        (Leaving::Gone, left.clone(), left, true),
        (Leaving::LeftGroup, Some(EndCause::RuleChanged), None, false),
    ];
    for (how, held, open, refused) in table {
        run(async {
            let scene = scene().await;
            let case = format!("{how:?}");
            leave(&scene.world, Ana, how);
            let looked = scene.look().await;
            assert!(looked.is_whole(), "{case}: {looked:?}");
            assert_eq!(scene.cause(scene.held).await, held, "{case}");
            assert_eq!(scene.cause(scene.open).await, open, "{case}");
            scene.world.live(TimeSpan::seconds(10)).await;
            let key = scene.world.key(Ana, "ReadOnly").unwrap();
            assert!(!scene.world.center.present().contains(&key), "{case}");
            let kept = scene.world.key(Ana, "Root").unwrap();
            let is_kept = scene.world.center.present().contains(&kept);
            assert_eq!(is_kept, open.is_none(), "{case}");
            let waits = scene.request(scene.waits).await;
            let is_refused = matches!(&waits, RequestState::Rejected { code, .. }
                if code == "not-in-directory");
            assert_eq!(is_refused, refused, "{case}: {waits:?}");
            scene.check_other(&case).await;
            let of_group = scene.records("drift.rule_changed", Some("left_group"));
            assert_eq!(of_group.await > 0, how == Leaving::LeftGroup, "{case}");
            let again = scene.look().await;
            assert_eq!(
                (again.left, again.ended, again.requests),
                (0, 0, 0),
                "{case}"
            );
        });
    }
}

#[test]
fn aws_that_does_not_answer_ends_nothing() {
    run(async {
        let scene = scene().await;
        leave(&scene.world, Ana, Leaving::Gone);
        scene.world.directory.describes(false);
        let looked = scene.look().await;
        assert!(!looked.is_whole() && looked.fault.is_some(), "{looked:?}");
        assert_eq!(scene.state(scene.held).await, GrantState::Active);
        assert_eq!(scene.request(scene.waits).await, RequestState::Pending);
        scene.world.directory.describes(true);
        assert_eq!(scene.look().await.left, 2);
        scene.check_other("answered").await;
    });
}

#[test]
fn who_comes_back_does_not_get_it_back() {
    run(async {
        let scene = scene().await;
        leave(&scene.world, Ana, Leaving::Disabled);
        scene.look().await;
        come_back(&scene.world, Ana);
        scene.look().await;
        scene.world.live(TimeSpan::minutes(1)).await;
        assert_eq!(scene.state(scene.held).await.name(), "ended");
        let key = scene.world.key(Ana, "ReadOnly").unwrap();
        assert!(!scene.world.center.present().contains(&key));
        let waits = scene.request(scene.waits).await;
        assert!(matches!(waits, RequestState::Rejected { .. }), "{waits:?}");
        scene.world.directory.read();
        take(&scene.world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
    });
}

#[test]
fn a_look_at_somebody_is_about_them_alone() {
    run(async {
        let scene = scene().await;
        leave(&scene.world, Ana, Leaving::Gone);
        leave(&scene.world, Bo, Leaving::Gone);
        let asked = scene.world.directory.described();
        // people without access cause no reads
        let nobody = BTreeSet::from([id(&scene.world, Cai)]);
        let looked = scene.world.access.look_at_people(Some(&nobody)).await;
        assert_eq!(looked.unwrap(), PeopleLooked::default());
        assert_eq!(scene.world.directory.described(), asked);
        let ana = BTreeSet::from([id(&scene.world, Ana)]);
        let looked = scene.world.access.look_at_people(Some(&ana)).await.unwrap();
        assert_eq!((looked.people, looked.left, looked.requests), (1, 2, 1));
        assert_eq!(scene.world.directory.described(), asked + 1);
        scene.check_other("named").await;
    });
}

#[test]
fn members_that_were_not_read_end_nothing_whatever_the_settings_say() {
    for what in [OnRuleChange::Report, OnRuleChange::End] {
        run(async {
            let mut scene = scene().await;
            scene.world.on_rule_change(what);
            in_force(&scene.world, RULES).await;
            let mut snapshot = scene.world.access.directory().snapshot().clone();
            for group in &mut snapshot.groups {
                group.members = None;
            }
            scene.world.directory.knows(snapshot);
            let looked = scene.look().await;
            assert_eq!((looked.left, looked.ended), (0, 0), "{what:?}");
            let report = scene.world.access.reconcile().await.unwrap();
            assert_eq!((report.left, report.ended), (0, 0), "{what:?}");
            assert_eq!(scene.state(scene.held).await, GrantState::Active);
        });
    }
}

/// A deleted group's members are unreadable: it supports only earlier members after another group
/// was left.
#[test]
fn a_group_that_is_nowhere_keeps_no_access_for_who_left_another() {
    const DELETED: &str = "66666666-8888-7777-6666-555555555555";
    let also_for = format!(
        r#"{{"statements": [{{"ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly",
        "AllowedGroups": ["{DELETED}"], "ApprovalIsNotRequired": true}},"#
    );
    let rules = RULES.replacen(r#"{"statements": ["#, &also_for, 1);
    for (was_in, leaves, ends) in [
        (false, true, true),
        (true, true, false),
        (false, false, false),
    ] {
        run(async {
            let world = world(5, Habits::default()).await;
            let ana = id(&world, Ana);
            world.directory.change_all(|snapshot| {
                snapshot.groups.push(Group {
                    id: DELETED.parse().unwrap(),
                    name: "gone".to_owned(),
                    members: Some(if was_in {
                        BTreeSet::from([ana.clone()])
                    } else {
                        BTreeSet::new()
                    }),
                });
            });
            world.directory.read();
            in_force(&world, &rules).await;
            let held = take(&world, Ana, "ReadOnly", TimeSpan::hours(8)).await;
            world.live(TimeSpan::seconds(20)).await;
            world
                .directory
                .change_all(|snapshot| snapshot.groups.retain(|it| it.name != "gone"));
            world.directory.read();
            if leaves {
                leave(&world, Ana, Leaving::LeftGroup);
            }
            world.access.look_at_people(None).await.unwrap();
            let case = (was_in, leaves);
            let is_active = grant(&world, held).await.state == GrantState::Active;
            assert_eq!(is_active, !ends, "{case:?}");
            let told = records(&world, "drift.rule_changed", Some("left_group")).await;
            assert_eq!(told, usize::from(ends), "{case:?}");
        });
    }
}

/// The group of an extension counts like the group of the grant.
#[test]
fn who_leaves_the_group_by_which_access_was_lengthened_loses_it() {
    let by = |who: &str| {
        format!(
            "[[rule]]\nid = 'named'\naccounts = '*'\npermission_sets = 'ReadOnly'\n\
             allowed_users = ['{who}@corp.example']\napproval_is_not_required = true\n{BY_NAME}"
        )
    };
    for (lengthens, leaves) in [(true, true), (true, false), (false, true)] {
        run(async {
            let world = world(5, Habits::default()).await;
            let ana = id(&world, Ana);
            let put = async |who| {
                let loaded = load(&RuleFile::new("people.toml", by(who))).unwrap();
                let put = world.access.set_rules(loaded.rules, "people.toml").await;
                put.unwrap();
            };
            let members = |joins: bool| {
                world.directory.change_all(|snapshot| {
                    for group in &mut snapshot.groups {
                        let members = group.members.as_mut().unwrap();
                        members.remove(&ana);
                        if joins && group.name == "builders" {
                            members.insert(ana.clone());
                        }
                    }
                });
                world.directory.read();
            };
            members(false);
            put("ana").await;
            let held = take(&world, Ana, "ReadOnly", TimeSpan::hours(4)).await;
            world.live(TimeSpan::seconds(20)).await;
            members(true);
            put("cai").await;
            if lengthens {
                extend(&world, Ana, held, TimeSpan::hours(6)).await.unwrap();
            }
            members(!leaves);
            world.access.reconcile().await.unwrap();
            let case = (lengthens, leaves);
            let grant = grant(&world, held).await;
            assert_eq!(grant.based_on, ["named"], "{case:?}");
            let is_active = grant.state == GrantState::Active;
            assert_eq!(is_active, !(lengthens && leaves), "{case:?}");
        });
    }
}

#[test]
fn other_rules_are_no_group_that_was_left() {
    let rows = [WITHOUT_GROUPS, OF_ANOTHER_GROUP].map(|rules| {
        let settings = [(OnRuleChange::Report, false), (OnRuleChange::End, true)];
        settings.map(|(what, ends)| (rules, what, ends))
    });
    for (rules, what, ends) in rows.into_iter().flatten() {
        run(async {
            let mut scene = scene().await;
            scene.world.on_rule_change(what);
            in_force(&scene.world, rules).await;
            scene.look().await;
            for grant in [scene.held, scene.open] {
                let cause = scene.cause(grant).await;
                assert_eq!(cause, ends.then_some(EndCause::RuleChanged), "{what:?}");
            }
            let of_group = scene.records("drift.rule_changed", Some("left_group"));
            assert_eq!(of_group.await, 0, "{what:?}");
        });
    }
}

#[test]
fn a_group_that_is_made_anew_under_its_name_is_left_by_whom_it_lacks() {
    for (name, ends) in [("builders", true), ("others", false)] {
        run(async {
            let world = world(5, Habits::default()).await;
            let loaded = load(&RuleFile::new("people.toml", BY_NAME)).unwrap();
            let put = world.access.set_rules(loaded.rules, "people.toml").await;
            put.unwrap();
            let held = take(&world, Ana, "ReadOnly", TimeSpan::hours(8)).await;
            world.live(TimeSpan::seconds(20)).await;
            world.directory.change_all(|snapshot| {
                for group in &mut snapshot.groups {
                    if group.id.to_string() == BUILDERS {
                        group.id = "99999999-8888-7777-6666-555555555555".parse().unwrap();
                        group.name = name.to_owned();
                        group.members = Some(BTreeSet::new());
                    }
                }
            });
            world.directory.read();
            world.access.look_at_people(None).await.unwrap();
            let is_active = grant(&world, held).await.state == GrantState::Active;
            assert_eq!(is_active, !ends, "{name}");
        });
    }
}

/// A stop, fault or lost answer at any call leaves an end that the next check makes.
#[test]
fn a_look_that_is_stopped_anywhere_is_made_good_by_the_next() {
    let left = || async {
        let scene = scene().await;
        let dee = [id(&scene.world, Dee)];
        with_token(&scene.world, 1, &dee[0], TimeSpan::hours(8)).await;
        leave(&scene.world, Ana, Leaving::Gone);
        leave(&scene.world, Dee, Leaving::Gone);
        (scene, dee)
    };
    let calls = run(async {
        let (scene, _) = left().await;
        let before = scene.world.gate.calls();
        scene.look().await;
        scene.world.gate.calls() - before
    });
    assert!(calls > 6, "{calls}");
    for call in 1..=calls {
        for mode in GateMode::ALL {
            run(async {
                let (mut scene, dee) = left().await;
                let case = format!("{mode:?} at {call}");
                scene.world.springs(Some(GatePlan { call, mode }));
                let look = async {
                    let _: Result<_, _> = scene.world.access.look_at_people(None).await;
                    let _: Result<_, _> = scene.world.access.look_at_signed_in().await;
                };
                if !scene.world.until_stopped(look).await {
                    scene.world.restart();
                    in_force(&scene.world, RULES).await;
                }
                scene.look().await;
                scene.world.live(TimeSpan::seconds(20)).await;
                assert_eq!(scene.state(scene.held).await.name(), "ended", "{case}");
                assert_eq!(scene.state(scene.open).await.name(), "ended", "{case}");
                scene.check_other(&case).await;
                let found = scene.records("drift.principal_left", None).await;
                assert_eq!(found, 2, "{case}");
                assert_eq!(who_has_one(&scene.world, &dee).await, [false], "{case}");
                let found = scene.records("credentials.ended", None).await;
                assert_eq!(found, 1, "{case}");
            });
        }
    }
}

/// People leave at random moments during AWS outages: within a calm minute their access is removed,
/// and other people keep theirs.
async fn life(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let habits = Habits {
        write_takes: TimeSpan::seconds(rng.u64(0..4)),
        listing_lag: TimeSpan::seconds(rng.u64(0..3)),
        ..Habits::default()
    };
    let world = world(seed, habits).await;
    let people = [Ana, Bo, Cai];
    for human in people {
        take(&world, human, "ReadOnly", TimeSpan::hours(2)).await;
    }
    world.live(TimeSpan::seconds(20)).await;
    let mut left: Vec<(Human, Leaving)> = Vec::new();
    let mut looks_at = world.clock.now();
    for _ in 0..rng.u64(20..120) {
        if rng.u8(0..12) == 0 {
            world.directory.describes(rng.bool());
        }
        if rng.u8(0..20) == 0 && left.len() < 2 {
            let human = people[rng.usize(0..2)];
            let how = [Leaving::Disabled, Leaving::Gone, Leaving::LeftGroup][rng.usize(0..3)];
            if left.iter().all(|(it, _)| *it != human) {
                leave(&world, human, how);
                left.push((human, how));
            }
        }
        beat(&world, &mut looks_at).await;
    }
    world.directory.describes(true);
    let quiet = TimeSpan::minutes(1).after(world.clock.now());
    while world.clock.now() < quiet {
        beat(&world, &mut looks_at).await;
    }
    let present = world.center.present();
    for human in people {
        let is_there = present.contains(&world.key(human, "ReadOnly").unwrap());
        let is_gone = left.iter().any(|(it, _)| *it == human);
        assert_eq!(is_there, !is_gone, "seed {seed}: {human:?}, {left:?}");
    }
    for grant in grants(&world).await {
        let is_gone = left.iter().any(|(it, _)| it.name() == grant.holder.name);
        assert_eq!(grant.is_over(), is_gone, "seed {seed}: {grant:#?}");
    }
    let (long, step) = (TimeSpan::hours(3), TimeSpan::seconds(20));
    world.live_coarsely(long, step).await;
    if let Err(broken) = check_all(&world, &[]).await {
        panic!("seed {seed}: {broken:#?}");
    }
}

async fn beat(world: &World, looks_at: &mut hallpass_base::Timestamp) {
    if world.clock.now() >= *looks_at {
        let _: Result<_, _> = world.access.look_at_people(None).await;
        *looks_at = LOOK_EVERY.after(world.clock.now());
    }
    world.live(TimeSpan::seconds(1)).await;
}

#[test]
fn within_a_minute_of_quiet_leavers_have_nothing_and_all_others_what_they_had() {
    for seed in 0..lives().min(120) {
        run(life(seed));
    }
}
