//! The preview of a rule file for live grants matches the later comparison: each row is previewed,
//! put in force and compared.

use std::collections::BTreeSet;

use hallpass_access::{
    AccessStore, Change, GrantState, GroupSyncRule, GroupSyncSettings, ManagedGroup, ManualMembers,
    Meant, OnRuleChange, ReplayedGrants, UnderOtherRules, Wanted, WhyRefused, Write, group_named,
};
use hallpass_assignments::AssignmentStore;
use hallpass_base::{GrantId, TimeSpan};
use hallpass_rules::directory::Group;
use hallpass_rules::{PersonAttribute, PersonAttributes, RuleFile, Rules, load};
use hallpass_simulation::{
    Habits, Human,
    Human::{Ana, Bo, Cai, Dee, Eve},
    World,
};
use hallpass_store_testing::{a_grant, a_request, person};

use crate::acting::{approve, asked_for, grant, release, run, take};

const LONG: TimeSpan = TimeSpan::hours(8);
const BUILDERS: &str = "77777777-8888-7777-6666-555555555555";
const SECRET: &str = "88888888-8888-7777-6666-555555555555";

const IN_FORCE: &str = "[[rule]]
id = 'read'
accounts = '*'
permission_sets = 'ReadOnly'
allowed_groups = ['builders']
allowed_users = ['eve@corp.example']
approval_is_not_required = true

[[rule]]
id = 'admin'
accounts = '*'
permission_sets = 'Admin'
approvers = ['ana@corp.example', 'cai@corp.example']
allow_self_approval = true
";

fn rules(text: &str) -> Rules {
    load(&RuleFile::new("rules.toml", text)).unwrap().rules
}

fn read_for(who: &str) -> String {
    let whose = "allowed_groups = ['builders']\nallowed_users = ['eve@corp.example']";
    IN_FORCE.replace(whose, who)
}

async fn world(on_rule_change: OnRuleChange) -> World {
    let mut world = World::new(311, Habits::default(), None);
    world.on_rule_change(on_rule_change);
    world.directory.change_all(|known| {
        let everybody: BTreeSet<_> = known.people.iter().map(|it| it.user_id.clone()).collect();
        for (id, name, members) in [
            (BUILDERS, "builders", Some(everybody)),
            (SECRET, "secret", None),
        ] {
            known.groups.push(Group {
                id: id.parse().unwrap(),
                name: name.to_owned(),
                members,
            });
        }
    });
    world.directory.read();
    in_force(&world, IN_FORCE).await;
    world
}

async fn in_force(world: &World, text: &str) {
    let put = world.access.set_rules(rules(text), "rules.toml").await;
    put.unwrap();
}

async fn told(world: &World, text: &str) -> ReplayedGrants {
    let (eve, file) = (world.actor(Eve), rules(text));
    let turn = world.access.work_turn(&eve).await.unwrap();
    let replayed = world
        .access
        .replay(&eve, &turn, &file, None, None, 10)
        .await;
    replayed.unwrap().grants.unwrap()
}

fn short(found: &ReplayedGrants) -> Vec<String> {
    let row = |row: &hallpass_access::ReplayedGrant| {
        let outcome = match &row.outcome {
            UnderOtherRules::Ends { why, .. } => match why {
                WhyRefused::LeftGroup => "left",
                WhyRefused::ByRules => "ends",
            },
            UnderOtherRules::Reported { .. } => "reported",
            UnderOtherRules::Unread { .. } => "unread",
        };
        format!("{} {outcome}", row.grant.holder.name)
    };
    found.rows.iter().map(row).collect()
}

fn counts(found: &ReplayedGrants) -> [usize; 4] {
    [found.looked_at, found.ends, found.reported, found.unread]
}

async fn is_ending(world: &World, id: GrantId) -> bool {
    matches!(grant(world, id).await.state, GrantState::Ending { .. })
}

/// Puts the file in force; exactly the predicted grants end or are reported.
async fn check_comes_true(world: &World, found: &ReplayedGrants, text: &str) {
    in_force(world, text).await;
    let report = world.access.reconcile().await.unwrap();
    let (mut ending, mut against) = (0, 0);
    for row in &found.rows {
        let (ends, is_against) = match row.outcome {
            UnderOtherRules::Ends { .. } => (true, true),
            UnderOtherRules::Reported { .. } => (false, true),
            UnderOtherRules::Unread { .. } => (false, false),
        };
        let id = row.grant.id;
        assert_eq!(is_ending(world, id).await, ends, "{:?}", row.outcome);
        assert_eq!(report.against_rules.contains(&id), is_against, "{text}");
        ending += u32::from(ends);
        against += usize::from(is_against);
    }
    assert_eq!(
        (report.ended, report.against_rules.len(), report.failed),
        (ending, against, 0),
        "{text}"
    );
}

#[test]
fn what_is_told_is_what_the_comparison_does_once_the_file_is_in_force() {
    let rows: [(&str, &[&str], &[&str]); 5] = [
        ("", &[], &[]),
        (
            "allowed_users = ['bo@corp.example']",
            &["dee ends", "ana ends"],
            &["dee reported", "ana reported"],
        ),
        (
            "allowed_groups = ['secret']\nallowed_users = ['ana@corp.example']",
            &["dee unread", "bo unread"],
            &["dee unread", "bo unread"],
        ),
        // a missing group has no readable members
        (
            "allowed_groups = ['nowhere']",
            &["dee unread", "bo unread", "ana unread"],
            &["dee unread", "bo unread", "ana unread"],
        ),
        // hours limit requests only
        (
            "hours = { from = '00:00', to = '00:01', time_zone = 'UTC' }",
            &[],
            &[],
        ),
    ];
    for (who, with_end, with_report) in rows {
        for (on_rule_change, due) in [
            (OnRuleChange::End, with_end),
            (OnRuleChange::Report, with_report),
        ] {
            run(async {
                let world = world(on_rule_change).await;
                for human in [Ana, Bo, Dee] {
                    take(&world, human, "ReadOnly", LONG).await;
                }
                world.live(TimeSpan::seconds(30)).await;
                let other = take(&world, Cai, "ReadOnly", LONG).await;
                release(&world, Cai, other).await.unwrap();
                let file = read_for(who);
                let before = world.center.writes().len();
                let found = told(&world, &file).await;
                assert_eq!(short(&found), due, "{who}, {on_rule_change:?}");
                assert_eq!((found.looked_at, found.more), (3, false), "{who}");
                assert_eq!(world.center.writes().len(), before, "nothing is done");
                check_comes_true(&world, &found, &file).await;
            });
        }
    }
}

#[test]
fn what_todays_rules_refuse_and_what_leavers_hold_is_no_news() {
    run(async {
        let world = world(OnRuleChange::Report).await;
        for human in [Ana, Bo, Dee] {
            take(&world, human, "ReadOnly", LONG).await;
        }
        world.live(TimeSpan::seconds(30)).await;
        in_force(
            &world,
            &read_for("allowed_users = ['bo@corp.example', 'dee@corp.example']"),
        )
        .await;
        world.remove_from_directory(Dee);
        let found = told(&world, &read_for("allowed_users = ['cai@corp.example']")).await;
        assert_eq!(short(&found), ["bo reported"]);
        assert_eq!(counts(&found), [3, 0, 1, 0]);
    });
}

#[test]
fn a_group_that_its_holder_left_ends_it_whatever_the_settings_say() {
    run(async {
        let world = world(OnRuleChange::Report).await;
        let held = take(&world, Eve, "ReadOnly", LONG).await;
        take(&world, Ana, "ReadOnly", LONG).await;
        world.live(TimeSpan::seconds(30)).await;
        let eve = grant(&world, held).await.key.user;
        world.directory.change_all(|known| {
            for group in &mut known.groups {
                group.members.as_mut().map(|members| members.remove(&eve));
            }
        });
        world.directory.read();
        let file = read_for("allowed_groups = ['builders']");
        let found = told(&world, &file).await;
        assert_eq!(short(&found), ["eve left"]);
        check_comes_true(&world, &found, &file).await;
    });
}

/// Cai is in the group `oncall` by department: an assignment row without a grant.
async fn follow_departments(world: &mut World) {
    let values = ["payments".to_owned()];
    world.group_sync_becomes(Some(GroupSyncSettings {
        groups: vec![ManagedGroup {
            group: group_named("oncall").unwrap(),
            rules: vec![GroupSyncRule::read(1, [("department", &values[..])]).unwrap()],
        }],
        manual: ManualMembers::Warn,
        every: TimeSpan::minutes(60),
        max_removals: 20,
        max_removals_percent: 25,
    }));
    for human in Human::ALL {
        let department = if human == Cai { "payments" } else { "legal" };
        world.directory.change(human.name(), |person| {
            let mut attributes = PersonAttributes::default();
            attributes.read(PersonAttribute::Department, Some(department));
            Some(hallpass_rules::directory::Person {
                attributes,
                ..person
            })
        });
    }
    world.directory.read();
    in_force(world, IN_FORCE).await;
}

#[test]
fn what_was_adopted_and_memberships_by_attributes_rest_on_no_rule() {
    run(async {
        let mut world = world(OnRuleChange::End).await;
        follow_departments(&mut world).await;
        world.center.give(&world.key(Bo, "ReadOnly").unwrap());
        let standing = Meant {
            user: "bo@corp.example".to_owned(),
            wanted: Wanted::Account {
                account: "payments-prod".to_owned(),
                permission_set: "ReadOnly".to_owned(),
            },
        };
        let eve = world.actor(Eve);
        let adopted = world
            .access
            .adopt_standing(&eve, &standing, LONG, "moving in", None);
        adopted.await.unwrap();
        take(&world, Ana, "ReadOnly", LONG).await;
        world.live(TimeSpan::seconds(30)).await;
        world.access.run_group_sync().await.unwrap();
        let membership = world.group_key(Cai).unwrap();
        let rows = world.store.assignments().await.unwrap();
        assert!(rows.iter().any(|row| row.key == membership), "{rows:?}");
        let file = read_for("allowed_users = ['cai@corp.example']");
        let found = told(&world, &file).await;
        assert_eq!(short(&found), ["ana ends"]);
        assert_eq!(found.looked_at, 2);
        check_comes_true(&world, &found, &file).await;
    });
}

/// Unreadable members end nothing, even in a group that only denies self-approval.
#[test]
fn a_denial_that_could_not_be_read_ends_nothing() {
    run(async {
        let world = world(OnRuleChange::End).await;
        let alone = IN_FORCE.replace(
            "'ana@corp.example', 'cai@corp.example'",
            "'ana@corp.example'",
        );
        in_force(&world, &alone).await;
        let held = take(&world, Ana, "Admin", LONG).await;
        world.live(TimeSpan::seconds(30)).await;
        let denied = format!(
            "{alone}\n[[rule]]\naccounts = '*'\npermission_sets = 'Admin'\nallowed_users = ['bo@corp.example']\n\
             approver_groups = ['secret']\nallow_self_approval = false\n"
        );
        let found = told(&world, &denied).await;
        assert_eq!(short(&found), ["ana unread"]);
        let UnderOtherRules::Unread { what } = &found.rows[0].outcome else {
            panic!("{found:?}");
        };
        let due = "the members of group `secret` could not be read";
        assert_eq!(what.iter().collect::<Vec<_>>(), [due]);
        check_comes_true(&world, &found, &denied).await;
        assert!(!is_ending(&world, held).await);
        assert_eq!(counts(&told(&world, &denied).await), [1, 0, 0, 0]);
    });
}

#[test]
fn by_an_organization_that_was_not_read_for_long_nobody_can_tell() {
    run(async {
        let world = world(OnRuleChange::End).await;
        take(&world, Ana, "ReadOnly", LONG).await;
        world.live(TimeSpan::seconds(30)).await;
        world.directory.lists(false);
        world.clock.advance(TimeSpan::minutes(30));
        let found = told(&world, &read_for("allowed_users = ['cai@corp.example']")).await;
        assert_eq!(counts(&found), [1, 0, 0, 1]);
        let UnderOtherRules::Unread { what } = &found.rows[0].outcome else {
            panic!("{found:?}");
        };
        assert!(
            what.first()
                .unwrap()
                .starts_with("the organization was last read at "),
            "{what:?}"
        );
    });
}

#[test]
fn emergency_access_ends_with_its_rule_and_not_with_its_approvers() {
    run(async {
        let world = world(OnRuleChange::End).await;
        let glass = format!("{IN_FORCE}break_glass = ['bo@corp.example']\n");
        in_force(&world, &glass).await;
        let asked = asked_for(&world, Bo, "Admin", TimeSpan::hours(2)).await;
        let (bo, why) = (world.actor(Bo), "customers cannot pay and no one answers");
        let broken = world.access.break_glass(&bo, asked, why, None).await;
        broken.unwrap();
        let asked = asked_for(&world, Dee, "Admin", TimeSpan::hours(2)).await;
        approve(&world, Cai, asked).await.unwrap();
        world.live(TimeSpan::seconds(30)).await;
        let nobody = glass.replace("approvers = ['ana@corp.example', 'cai@corp.example']\n", "");
        assert_eq!(short(&told(&world, &nobody).await), ["dee ends"]);
        let found = told(&world, &read_for("allowed_users = ['cai@corp.example']")).await;
        assert!(
            found.rows.is_empty(),
            "the approvers are who they were: {found:?}"
        );
        let closed = nobody.replace("break_glass = ['bo@corp.example']\n", "");
        assert_eq!(short(&told(&world, &closed).await), ["dee ends", "bo ends"]);
    });
}

/// Counts all compared grants, lists the first and states that older ones exist.
#[test]
fn what_is_told_is_bounded_and_counted_whole() {
    run(async {
        let world = world(OnRuleChange::End).await;
        let user = |human: Human| world.key(human, "ReadOnly").unwrap();
        for (from, to, more) in [(1, 700, false), (700, 6_000, true)] {
            for n in from..to {
                let holder = hallpass_access::Person {
                    user: user(Ana).user,
                    ..person(n)
                };
                let made = hallpass_access::Grant {
                    holder: holder.clone(),
                    key: user(Ana),
                    ..a_grant(n)
                };
                let asked = hallpass_access::Request {
                    requester: holder,
                    ..a_request(n)
                };
                let change = Change {
                    requests: vec![Write::Insert(asked)],
                    grants: vec![Write::Insert(made)],
                    ..Change::default()
                };
                world.store.commit(change).await.unwrap();
            }
            let found = told(&world, &read_for("allowed_users = ['cai@corp.example']")).await;
            assert_eq!((found.more, found.rows.len()), (more, 500));
            assert_eq!(found.ends, found.looked_at);
            let most = if more { 5_000..5_256 } else { 699..700 };
            assert!(most.contains(&found.looked_at), "{}", found.looked_at);
            let newest: Vec<GrantId> = found.rows.iter().map(|row| row.grant.id).collect();
            assert!(newest.is_sorted_by(|a, b| a > b));
        }
    });
}
