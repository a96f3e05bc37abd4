//! Plans, row by row, and their properties.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::struct_excessive_bools,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{HoldKey, Target, TargetNames, TimeSpan, Timestamp, UserId};
use hallpass_rules::directory::{Group, Person, Snapshot};
use hallpass_rules::{Directory, PersonAttribute, PersonAttributes};
use proptest::prelude::*;

use super::*;

const GROUP: &str = "99999999-8888-7777-6666-555555555501";
const OTHER: &str = "99999999-8888-7777-6666-555555555502";

fn user(number: usize) -> UserId {
    format!("99999999-8888-7777-6666-{number:012}")
        .parse()
        .unwrap()
}

fn key(number: usize, group: &str) -> HoldKey {
    HoldKey {
        user: user(number),
        target: Target::Group {
            group: group.parse().unwrap(),
        },
    }
}

fn now() -> Timestamp {
    TimeSpan::hours(1_000).after(Timestamp::UNIX_EPOCH)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Department {
    Unread,
    None,
    Is(&'static str),
}

fn person(number: usize, department: Department) -> Person {
    let mut attributes = PersonAttributes::default();
    match department {
        Department::Unread => {}
        Department::None => attributes.read(PersonAttribute::Department, None),
        Department::Is(value) => attributes.read(PersonAttribute::Department, Some(value)),
    }
    Person {
        user_id: user(number),
        user_name: format!("p{number}"),
        display_name: String::new(),
        emails: Vec::new(),
        enabled: true,
        attributes,
    }
}

fn rule(number: usize, department: &str) -> GroupSyncRule {
    let values = [department.to_owned()];
    GroupSyncRule::read(number, [("department", &values[..])]).unwrap()
}

#[derive(Clone)]
struct World {
    settings: GroupSyncSettings,
    snapshot: Snapshot,
    offered: BTreeSet<hallpass_base::GroupId>,
    held: BTreeSet<HoldKey>,
    items: BTreeMap<HoldKey, GroupSyncItem>,
    locked: BTreeSet<UserId>,
}

impl World {
    fn new(people: Vec<Person>, members: &[usize]) -> Self {
        let managed = ManagedGroup {
            group: group_named("OnCall").unwrap(),
            rules: vec![rule(1, "Payments"), rule(2, "risk")],
        };
        let group = Group {
            id: GROUP.parse().unwrap(),
            name: "oncall".to_owned(),
            members: Some(members.iter().copied().map(user).collect()),
        };
        Self {
            settings: GroupSyncSettings {
                groups: vec![managed],
                manual: ManualMembers::Remove,
                every: TimeSpan::hours(1),
                max_removals: 20,
                max_removals_percent: 25,
            },
            snapshot: Snapshot {
                people,
                groups: vec![group],
                ..Snapshot::default()
            },
            offered: BTreeSet::new(),
            held: BTreeSet::new(),
            items: BTreeMap::new(),
            locked: BTreeSet::new(),
        }
    }

    fn all(&self) -> Vec<GroupPlan> {
        let directory = Directory::new(self.snapshot.clone());
        plan_groups(&GroupSyncFacts {
            settings: &self.settings,
            directory: &directory,
            offered: &self.offered,
            held: &self.held,
            items: &self.items,
            locked: &self.locked,
            now: now(),
        })
        .groups
    }

    fn plan(&self) -> GroupPlan {
        self.all().remove(0)
    }

    fn refused(&mut self, number: usize, change: MembershipChange, ago: TimeSpan) {
        let item = GroupSyncItem {
            key: key(number, GROUP),
            names: TargetNames::Group {
                group: "oncall".to_owned(),
            },
            who: format!("p{number}"),
            email: None,
            change,
            why: String::new(),
            state: GroupSyncState::Refused {
                at: ago.before(now()),
                reason: "no".to_owned(),
            },
            version: 0,
        };
        self.items.insert(item.key.clone(), item);
    }
}

fn added(plan: &GroupPlan) -> Vec<UserId> {
    plan.add.iter().map(|it| it.user.clone()).collect()
}

fn removed(plan: &GroupPlan) -> Vec<UserId> {
    plan.remove.iter().map(|it| it.user.clone()).collect()
}

/// Six matching members, so that one removal is a small share.
fn six() -> Vec<Person> {
    let payments = Department::Is("payments");
    (1..=6).map(|number| person(number, payments)).collect()
}

#[test]
fn who_matches_any_rule_is_added_and_who_matches_none_is_manual() {
    let mut people = six();
    people.push(person(7, Department::Is("PAYMENTS")));
    people.push(person(8, Department::Is("Risk")));
    people.push(person(9, Department::Is("legal")));
    people.push(person(10, Department::None));
    let mut world = World::new(people, &[1, 2, 3, 4, 5, 6, 9]);
    let plan = world.plan();
    assert_eq!(added(&plan), [user(7), user(8)]);
    let rules: Vec<&str> = plan.add.iter().map(|it| it.rule.as_str()).collect();
    assert_eq!(
        rules,
        ["rule 1: department payments", "rule 2: department risk"]
    );
    assert_eq!(removed(&plan), [user(9)]);
    world.settings.manual = ManualMembers::Warn;
    let plan = world.plan();
    assert_eq!((plan.manual.len(), plan.remove.len()), (1, 0));
}

#[test]
fn who_is_disabled_matches_nothing_and_who_is_locked_is_given_nothing() {
    let mut people = six();
    people[5].enabled = false;
    people.push(Person {
        enabled: false,
        ..person(7, Department::Is("payments"))
    });
    people.push(person(8, Department::Is("payments")));
    let mut world = World::new(people, &[1, 2, 3, 4, 5, 6]);
    world.locked.insert(user(8));
    let plan = world.plan();
    assert_eq!(added(&plan), Vec::<UserId>::new());
    assert_eq!(removed(&plan), [user(6)]);
    assert_eq!(plan.manual[0].why, WhyManual::Disabled);
    world.locked.clear();
    assert_eq!(added(&world.plan()), [user(8)]);
}

#[test]
fn what_was_not_read_adds_and_removes_nobody() {
    let mut people = six();
    people[0] = person(1, Department::Unread);
    people.push(person(7, Department::Unread));
    let mut world = World::new(people, &[1, 2, 3, 4, 5, 6, 99]);
    let plan = world.plan();
    assert!(plan.add.is_empty() && plan.manual.is_empty(), "{plan:?}");
    assert_eq!(plan.unknown, 3, "both, and a member who is no user");
    world.snapshot.groups[0].members = None;
    let plan = world.plan();
    assert_eq!(plan.problem, Some(GroupProblem::Unread));
    assert!(plan.add.is_empty() && plan.remove.is_empty());
}

#[test]
fn a_group_that_is_not_one_or_is_another_s_is_left_as_it_is() {
    let mut people = six();
    people.push(person(7, Department::Is("payments")));
    let world = World::new(people, &[1, 2, 3]);
    let with = |change: &dyn Fn(&mut World)| {
        let mut world = world.clone();
        change(&mut world);
        let plans = world.all();
        assert!(
            plans
                .iter()
                .all(|it| it.add.is_empty() && it.manual.is_empty())
        );
        plans[0].problem.clone().unwrap()
    };
    let renamed = with(&|world| "renamed".clone_into(&mut world.snapshot.groups[0].name));
    assert_eq!(renamed, GroupProblem::Missing);
    let shared = with(&|world| {
        let twin = Group {
            id: OTHER.parse().unwrap(),
            ..world.snapshot.groups[0].clone()
        };
        world.snapshot.groups.push(twin);
    });
    assert_eq!(shared, GroupProblem::Ambiguous);
    let offered = with(&|world| {
        world.offered.insert(GROUP.parse().unwrap());
    });
    assert_eq!(offered, GroupProblem::OwnedTwice);
    let twice = with(&|world| {
        let by_id = ManagedGroup {
            group: group_named(GROUP).unwrap(),
            ..world.settings.groups[0].clone()
        };
        world.settings.groups.push(by_id);
    });
    assert_eq!(twice, GroupProblem::NamedTwice);
}

#[test]
fn what_a_grant_holds_is_neither_manual_nor_added() {
    let mut people = six();
    people.push(person(7, Department::Is("payments")));
    people.push(person(8, Department::Is("legal")));
    let mut world = World::new(people, &[1, 2, 3, 4, 5, 6, 8]);
    world.held = BTreeSet::from([key(7, GROUP), key(8, GROUP)]);
    let plan = world.plan();
    assert!(plan.add.is_empty() && plan.manual.is_empty(), "{plan:?}");
    assert_eq!(plan.held, 2);
    world.held = BTreeSet::from([key(7, OTHER), key(8, OTHER)]);
    let plan = world.plan();
    assert_eq!(
        (added(&plan), removed(&plan)),
        (vec![user(7)], vec![user(8)])
    );
}

#[test]
fn many_removals_at_once_are_none() {
    let legal = |numbers: &[usize]| {
        let mut people = six();
        for number in numbers {
            people[number - 1] = person(*number, Department::Is("legal"));
        }
        World::new(people, &[1, 2, 3, 4, 5, 6])
    };
    // One of six may always be removed; two exceed a quarter.
    assert_eq!(removed(&legal(&[1]).plan()), [user(1)]);
    let mut world = legal(&[1, 2]);
    let plan = world.plan();
    let stopped = plan.brake.unwrap().to_string();
    assert_eq!(
        stopped,
        "a run would remove 2 of 6 members, and may remove 25 %"
    );
    assert!(plan.remove.is_empty() && plan.manual.len() == 2);
    world.settings.max_removals_percent = 34;
    assert_eq!(removed(&world.plan()), [user(1), user(2)]);
    world.settings.max_removals = 1;
    let plan = world.plan();
    assert_eq!(
        plan.brake,
        Some(GroupSyncBrake::People { would: 2, most: 1 })
    );
    assert!(plan.remove.is_empty());
    world.settings.max_removals = 0;
    assert!(world.plan().remove.is_empty());
}

#[test]
fn what_aws_refused_is_tried_again_a_day_later() {
    let mut people = six();
    people.push(person(7, Department::Is("payments")));
    let mut world = World::new(people, &[1, 2, 3, 4, 5, 6]);
    world.refused(7, MembershipChange::Add, TimeSpan::hours(23));
    let plan = world.plan();
    assert!(plan.add.is_empty() && plan.refused.len() == 1);
    world.refused(7, MembershipChange::Add, TimeSpan::hours(24));
    assert_eq!(added(&world.plan()), [user(7)]);
    world.refused(7, MembershipChange::Remove, TimeSpan::hours(1));
    let plan = world.plan();
    assert_eq!((added(&plan), plan.refused.len()), (vec![user(7)], 0));
    let item = world.items.get_mut(&key(7, GROUP)).unwrap();
    item.state = GroupSyncState::Working { since: now() };
    assert!(world.plan().add.is_empty(), "it is under way");
}

#[derive(Clone, Debug)]
struct Somebody {
    department: Department,
    enabled: bool,
    member: bool,
    held: bool,
    locked: bool,
}

fn somebody() -> impl Strategy<Value = Somebody> {
    let department = prop_oneof![
        Just(Department::Unread),
        Just(Department::None),
        Just(Department::Is("legal")),
        Just(Department::Is("Risk")),
        Just(Department::Is("payments")),
    ];
    let rarely = || proptest::bool::weighted(0.1);
    let flags = (rarely(), any::<bool>(), rarely(), rarely());
    (department, flags).prop_map(|(department, (disabled, member, held, locked))| Somebody {
        department,
        enabled: !disabled,
        member,
        held,
        locked,
    })
}

fn world_of(all: &[Somebody], (removals, percent, warns): (u32, u32, bool)) -> World {
    let mut people = Vec::new();
    let mut members = Vec::new();
    for (number, it) in (1..).zip(all) {
        people.push(Person {
            enabled: it.enabled,
            ..person(number, it.department)
        });
        members.extend(it.member.then_some(number));
    }
    let mut world = World::new(people, &members);
    world.settings.max_removals = removals;
    world.settings.max_removals_percent = percent;
    if warns {
        world.settings.manual = ManualMembers::Warn;
    }
    for (number, it) in (1..).zip(all) {
        world.held.extend(it.held.then(|| key(number, GROUP)));
        world.locked.extend(it.locked.then(|| user(number)));
    }
    world
}

/// The slow and obvious reference; `None` if unknown.
fn belongs(person: &Person) -> Option<bool> {
    if !person.enabled {
        return Some(false);
    }
    let unread = PersonAttributes::default();
    if person.attributes == unread {
        return None;
    }
    let is = |value: &str| {
        let mut has = PersonAttributes::default();
        has.read(PersonAttribute::Department, Some(value));
        person.attributes == has
    };
    Some(is("payments") || is("Risk"))
}

proptest! {
    #[test]
    fn of_every_plan(
        all in proptest::collection::vec(somebody(), 1..40),
        settings in (0_u32..30, 0_u32..=100, any::<bool>()),
    ) {
        holds_of(&world_of(&all, settings));
    }
}

fn holds_of(world: &World) {
    let members = world.snapshot.groups[0].members.clone().unwrap();
    let plan = world.plan();
    let by_id = |user: &UserId| {
        let mut people = world.snapshot.people.iter();
        people.find(|it| it.user_id == *user).unwrap()
    };
    let is_held = |user: &UserId| world.held.iter().any(|key| key.user == *user);
    for user in added(&plan) {
        assert_eq!(belongs(by_id(&user)), Some(true));
        assert!(!members.contains(&user) && !is_held(&user) && !world.locked.contains(&user));
    }
    for member in &plan.manual {
        assert_eq!(belongs(by_id(&member.user)), Some(false));
        assert!(members.contains(&member.user) && !is_held(&member.user));
    }
    let manual: Vec<&UserId> = plan.manual.iter().map(|it| &it.user).collect();
    for user in removed(&plan) {
        assert!(manual.contains(&&user));
        assert_eq!(world.settings.manual, ManualMembers::Remove);
    }
    let gone = plan.remove.len();
    assert!(gone <= usize::try_from(world.settings.max_removals).unwrap());
    let percent = usize::try_from(world.settings.max_removals_percent).unwrap();
    assert!(
        gone <= 1 || gone * 100 <= members.len() * percent,
        "{plan:?}"
    );
    // A brake blocks all removals.
    let all = world.settings.manual == ManualMembers::Remove && plan.brake.is_none();
    assert_eq!(gone, if all { manual.len() } else { 0 });
    // After the plan was applied, nothing remains.
    let mut after = world.clone();
    let left = after.snapshot.groups[0].members.as_mut().unwrap();
    left.extend(added(&plan));
    left.retain(|user| !removed(&plan).contains(user));
    let next = after.plan();
    assert!(next.add.is_empty());
    if plan.brake.is_none() {
        assert!(next.remove.is_empty(), "{next:?}");
    }
}

#[test]
fn an_explanation_says_by_which_rule_somebody_is_a_member() {
    let asked: hallpass_base::GroupId = GROUP.parse().unwrap();
    let other: hallpass_base::GroupId = OTHER.parse().unwrap();
    let by_rule = "a member by rule 1: department payments";
    let coming = "no member yet, and to be one by rule 2: department risk";
    let nobody = "no member: the requester matches no rule of the group";
    for (department, members, asked, wanted) in [
        (Department::Is("Payments"), &[1][..], None, Some(by_rule)),
        (Department::Is("Risk"), &[], None, Some(coming)),
        (
            Department::Is("legal"),
            &[1],
            None,
            Some("a member who matches no rule of the group"),
        ),
        (Department::Is("legal"), &[], None, None),
        (Department::Is("legal"), &[], Some(&other), None),
        (Department::None, &[], Some(&asked), Some(nobody)),
        (
            Department::Unread,
            &[1],
            None,
            Some("a member; attributes that its rules want could not be read"),
        ),
    ] {
        let mut somebody = person(1, department);
        let address = hallpass_base::Email::new("p1@corp.example").unwrap();
        somebody.emails.push(address.clone());
        let world = World::new(vec![somebody], members);
        let directory = Directory::new(world.snapshot.clone());
        let found = memberships(&world.settings, &directory, &address, asked);
        let said: Vec<&str> = found.iter().map(|it| it.because.as_str()).collect();
        assert_eq!(said, wanted.into_iter().collect::<Vec<_>>(), "{members:?}");
        assert!(found.iter().all(|it| it.group == "oncall"));
        let rule = found.first().and_then(|it| it.rule.as_deref());
        assert!(
            rule.is_none_or(|rule| wanted.unwrap().ends_with(rule)),
            "{rule:?}"
        );
    }
}
