//! Roles of Teleport: what a plain model of them gives, and what the imported rules do.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hallpass_imports::teleport::import;
use hallpass_imports::{Imported, Names, RowOutcome, SourceFile};
use hallpass_rules::Directory;
use proptest::prelude::*;

use crate::answers::{
    Case, Given, all_moved, cases, each_world, given, groups_of, loaded, names_of, told,
};
use crate::company::{ACCOUNTS, GROUPS, PEOPLE, SETS, directory, group_id, set_arn};
use crate::granted::file;

/// A role: what it gives, what its holders ask for and review, and what it denies.
#[derive(Debug, Clone)]
struct Role {
    gives: BTreeSet<(usize, usize)>,
    asks: Vec<String>,
    searches: Vec<String>,
    approvals: Option<u32>,
    /// A second threshold, which only counts where a filter matches.
    filtered: bool,
    max_duration: Option<u64>,
    session: Option<u64>,
    reviews: Vec<String>,
    only_where: bool,
    denies_asking: Vec<String>,
    denies_reviewing: Vec<String>,
    denies: BTreeSet<(usize, usize)>,
    /// The group of who holds it.
    held: usize,
}

#[derive(Debug, Clone)]
struct World {
    roles: Vec<Role>,
    members: Vec<u8>,
}

const ROLES: [&str; 4] = ["role-a", "role-b", "other-c", "other-d"];

/// Whether a pattern names a role; a regular expression may, and counts as what is less.
fn names(patterns: &[String], role: usize, unsure: bool) -> bool {
    patterns.iter().any(|pattern| match pattern.as_str() {
        "*" => true,
        "role-*" => ROLES[role].starts_with("role-"),
        "^role-.*$" => unsure,
        name => name == ROLES[role],
    })
}

impl World {
    fn holds(&self, person: usize) -> Vec<&Role> {
        let roles = self.roles.iter();
        roles
            .filter(|role| self.members[role.held] >> person & 1 == 1)
            .collect()
    }

    /// The ways to get something: how long, how many approvals, and by whom.
    fn ways(&self, case: Case) -> Vec<(u64, u32, BTreeSet<usize>)> {
        let held = self.holds(case.person);
        let mut ways = Vec::new();
        for (place, target) in self.roles.iter().enumerate() {
            let given = (case.account, case.set);
            let denied = held
                .iter()
                .any(|it| names(&it.denies_asking, place, true) || it.denies.contains(&given));
            if denied || target.denies.contains(&given) || !target.gives.contains(&given) {
                continue;
            }
            // what is searched for is so by name, whatever signs are in it
            let asks = |it: &Role, unsure: bool| {
                let is_named = it.searches.iter().any(|name| name == ROLES[place]);
                is_named || names(&it.asks, place, unsure)
            };
            let surely: Vec<&&Role> = held.iter().filter(|it| asks(it, false)).collect();
            let maybe: Vec<&&Role> = held.iter().filter(|it| asks(it, true)).collect();
            if surely.is_empty() {
                continue;
            }
            // of several roles that let somebody ask, the approvals of each are needed
            let needed = maybe.iter().map(|it| it.approvals.unwrap_or(u32::MAX));
            let count = needed.max().unwrap();
            // the longest that one of them says counts, and else the shortest session of all
            let session = |it: &Role| it.session.unwrap_or(30 * 60);
            let sessions = held.iter().map(|it| session(it));
            let shortest = sessions.min().unwrap().min(session(target));
            let longest = surely.iter().filter_map(|it| it.max_duration).max();
            let longest = longest.unwrap_or_else(|| {
                let said = maybe.iter().filter_map(|it| it.max_duration);
                said.min().map_or(shortest, |it| it.min(shortest))
            });
            let reviews = |person: usize| {
                let held = self.holds(person);
                held.iter()
                    .any(|it| !it.only_where && names(&it.reviews, place, false))
                    && !held
                        .iter()
                        .any(|it| names(&it.denies_reviewing, place, true))
            };
            let others = (0..PEOPLE.len()).filter(|one| *one != case.person && reviews(*one));
            ways.push((longest * 60, count, others.collect()));
        }
        ways
    }

    fn yaml(&self) -> String {
        let mut text = String::new();
        for (place, role) in self.roles.iter().enumerate() {
            let assignments = |given: &BTreeSet<(usize, usize)>| {
                let one = |(account, set): &(usize, usize)| {
                    format!(
                        "{{account: \"{}\", permission_set: \"{}\"}}",
                        ACCOUNTS[*account].0,
                        set_arn(*set)
                    )
                };
                format!("[{}]", given.iter().map(one).collect::<Vec<_>>().join(", "))
            };
            let mut thresholds = Vec::new();
            if let Some(count) = role.approvals {
                thresholds.push(format!("{{name: t, approve: {count}, deny: 1}}"));
            }
            if role.filtered {
                thresholds.push(
                    "{filter: 'contains(reviewer.roles, \"x\")', approve: 1, deny: 1}".to_owned(),
                );
            }
            let minutes = |key: &str, minutes: Option<u64>| {
                minutes.map_or(String::new(), |it| {
                    format!("{key}: {}h{}m0s", it / 60, it % 60)
                })
            };
            writeln!(
                text,
                "---\nkind: role\nversion: v7\nmetadata:\n  name: {}\nspec:\n  options:\n    forward_agent: true\n    {}\n  allow:\n    \
                 account_assignments: {}\n    request:\n      roles: {:?}\n      search_as_roles: {:?}\n      {}\n      thresholds: [{}]\n    \
                 review_requests:\n      roles: {:?}\n      where: {:?}\n  deny:\n    request:\n      roles: {:?}\n    review_requests:\n      \
                 roles: {:?}\n    account_assignments: {}",
                ROLES[place],
                minutes("max_session_ttl", role.session),
                assignments(&role.gives),
                role.asks,
                role.searches,
                minutes("max_duration", role.max_duration),
                thresholds.join(", "),
                role.reviews,
                if role.only_where { "contains(user.traits[\"team\"], \"x\")" } else { "" },
                role.denies_asking,
                role.denies_reviewing,
                assignments(&role.denies),
            )
            .unwrap();
        }
        text
    }

    fn names(&self) -> String {
        self.roles
            .iter()
            .enumerate()
            .fold(String::new(), |text, (place, role)| {
                text + &format!(
                    "[roles.{}]\ngroups = [\"{}\"]\n",
                    ROLES[place],
                    group_id(role.held)
                )
            })
    }
}

fn patterns(least: usize, weight: f64) -> impl Strategy<Value = Vec<String>> {
    let one = prop_oneof![
        6 => prop::sample::select(ROLES.to_vec()),
        1 => Just("*"),
        1 => Just("role-*"),
        1 => Just("^role-.*$"),
    ];
    let some = prop::collection::vec(one.prop_map(str::to_owned), least..3);
    prop::option::weighted(weight, some).prop_map(Option::unwrap_or_default)
}

fn assignments(weight: f64) -> impl Strategy<Value = BTreeSet<(usize, usize)>> {
    let some = prop::collection::btree_set((0..ACCOUNTS.len(), 0..SETS.len()), 1..4);
    prop::option::weighted(weight, some).prop_map(Option::unwrap_or_default)
}

prop_compose! {
    fn a_role()(
        gives in assignments(0.7),
        asks in patterns(1, 0.7),
        searches in patterns(1, 0.2),
        approvals in prop_oneof![3 => Just(Some(1)), 2 => Just(Some(2)), 1 => Just(None)],
        max_duration in prop::option::of(prop::sample::select(vec![60_u64, 480])),
        session in prop::option::of(prop::sample::select(vec![30_u64, 120])),
        reviews in patterns(1, 0.7),
        only_where in prop::bool::weighted(0.1),
        denies_asking in patterns(1, 0.04),
        denies_reviewing in patterns(1, 0.04),
        denies in assignments(0.08),
        held in 0..GROUPS,
    ) -> Role {
        Role {
            gives, asks, searches, approvals, filtered: approvals.is_none(), max_duration, session, reviews, only_where,
            denies_asking, denies_reviewing, denies, held,
        }
    }
}

prop_compose! {
    fn worlds()(
        roles in prop::collection::vec(a_role(), 1..5),
        members in prop::collection::vec(0_u8..16, GROUPS),
    ) -> World {
        World { roles, members }
    }
}

pub(crate) fn imported(files: &[SourceFile], names: &str, facts: &Directory) -> Imported {
    let names = names_of(names);
    import(files, &names, Some(facts)).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn imported_roles_give_no_more_and_tell_what_is_less() {
    let met = each_world(400, &worlds(), |world, met| {
        let facts = directory(&world.members);
        let import = imported(&[file("roles.yaml", &world.yaml())], &world.names(), &facts);
        let rules = loaded(&import);
        let all_moved = all_moved(&import);
        met[0] += u32::from(all_moved);
        for case in cases() {
            let ways = world.ways(case);
            let at = || {
                format!(
                    "{case:?} {ways:?} {:?}\n{}\n{}",
                    import.report.rows,
                    world.yaml(),
                    import.text
                )
            };
            let enough_there = |group: &BTreeSet<usize>| {
                ways.iter().any(|(_, count, reviewers)| {
                    u32::try_from(group.intersection(reviewers).count()).unwrap() >= *count
                })
            };
            let all: BTreeSet<usize> = (0..PEOPLE.len()).collect();
            let theirs: Vec<BTreeSet<usize>> =
                groups_of(&all).filter(|it| enough_there(it)).collect();
            match given(&rules, &facts, case) {
                Given::AtOnce { .. } => panic!("nobody gets it at once there: {}", at()),
                Given::Nothing => {
                    met[1] += 1;
                    assert!(theirs.is_empty() || !all_moved, "{}", at());
                }
                Given::Approved { seconds, enough } => {
                    met[2] += 1;
                    let longest = ways.iter().map(|(seconds, ..)| *seconds).max();
                    assert!(Some(seconds) <= longest, "{}", at());
                    assert!(enough.iter().all(enough_there), "{enough:?} {}", at());
                    let least = theirs.iter().filter(|it| !it.contains(&case.person));
                    let mut less =
                        least.filter(|group| !enough.iter().any(|it| it.is_subset(group)));
                    if less.next().is_some() || Some(seconds) < longest {
                        met[3] += 1;
                        assert!(!all_moved, "{}", at());
                    }
                    met[4] += u32::from(enough.iter().all(|it| it.len() > 1));
                }
            }
        }
    });
    assert!(met.iter().all(|count| *count > 10), "{met:?}");
}

pub(crate) const ROLE: &str = r#"kind: role
version: v7
metadata:
  name: dev
spec:
  allow:
    request:
      roles: ["admin"]
---
kind: role
version: v7
metadata:
  name: admin
spec:
  allow:
    account_assignments:
      - account: "100000000001"
        permission_set: arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000
---
kind: role
version: v7
metadata:
  name: lead
spec:
  allow:
    review_requests:
      roles: ["admin"]
"#;
pub(crate) const HOLD: &str =
    "[roles.dev]\ngroups = [\"group-0\"]\n[roles.lead]\nusers = [\"bo@acme.example\"]\n";

#[test]
fn other_resources_have_rows_and_holders_are_asked_for() {
    let facts = directory(&[1, 2, 4]);
    let text = format!(
        "{ROLE}---\nkind: access_list\nmetadata: {{name: ops}}\n---\nkind: access_monitoring_rule\nmetadata: {{name: auto}}\n"
    );
    let import = imported(&[file("all.yaml", &text)], "", &facts);
    let rows: Vec<_> = import
        .report
        .rows
        .iter()
        .map(|row| (row.table, row.name.as_str(), row.line, row.outcome))
        .collect();
    assert_eq!(
        rows,
        [
            ("role", "dev", Some(1), RowOutcome::CannotBeSaid),
            ("role", "admin", Some(10), RowOutcome::Moved),
            ("role", "lead", Some(20), RowOutcome::Differs),
            ("access list", "ops", Some(29), RowOutcome::Differs),
            ("resource", "auto", Some(32), RowOutcome::CannotBeSaid),
        ]
    );
    assert_eq!(import.report.rules, 0);
    let unnamed: Vec<&str> = import
        .report
        .unnamed
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    assert_eq!(unnamed, ["dev", "lead"]);
}

#[test]
fn what_is_no_role_or_not_whole_is_refused() {
    for (text, wanted) in [
        (
            "kind: user\nmetadata: {name: a}\n".to_owned(),
            "there are no roles",
        ),
        ("name: a\n".to_owned(), "x.yaml:1:1"),
        (format!("{ROLE}---\n- 1\n"), "`kind` is missing"),
        (
            format!("{ROLE}---\nkind: role\nversion: v7\nmetadata: {{name: dev}}\n"),
            "role `dev` is there twice",
        ),
        (
            format!("{ROLE}---\nkind: role\nkind: role\n"),
            "error[duplicate-key]",
        ),
        (
            format!("{ROLE}---\nkind: role\nversion: v7\nmetadata: {{}}\n"),
            "a role has a name",
        ),
        (format!("{ROLE}---\nkind: [\n"), "x.yaml:"),
        (format!("{ROLE}---\nkind: *a\n"), "x.yaml:"),
        (format!("%YAML 1.1\n---\n{ROLE}"), "YAML 1.1"),
    ] {
        let refused = import(&[file("x.yaml", &text)], &Names::default(), None);
        told(refused, &text, wanted);
    }
}
