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
            let asked =
                |it: &&&Role| names(&it.asks, place, false) || names(&it.searches, place, false);
            let by: Vec<&&Role> = held.iter().filter(asked).collect();
            // of several roles that let somebody ask, one is enough
            let Some(count) = by.iter().map(|it| it.approvals.unwrap_or(u32::MAX)).min() else {
                continue;
            };
            let session = |it: &Role| it.session.unwrap_or(30 * 60);
            let longest = by.iter().map(|it| {
                it.max_duration.unwrap_or_else(|| {
                    held.iter()
                        .map(|it| session(it))
                        .min()
                        .unwrap()
                        .min(session(target))
                })
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
            ways.push((longest.max().unwrap() * 60, count, others.collect()));
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

fn imported(files: &[SourceFile], names: &str, facts: &Directory) -> Imported {
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

/// A part of the roles, what stands there instead, the row it is of, what becomes of that, and how many rules there are.
type Part = (&'static str, &'static str, usize, RowOutcome, usize);

const PARTS: &[Part] = &[
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    account_assignments: [{account: \"100000000001\", permission_set: Admin}]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "permission_set: arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000",
        "permission_set: Admin",
        1,
        RowOutcome::Differs,
        0,
    ),
    ("", "", 0, RowOutcome::Moved, 1),
    ("version: v7", "version: v9", 0, RowOutcome::CannotBeSaid, 0),
    ("version: v7", "version: 7", 0, RowOutcome::CannotBeSaid, 0),
    (
        "name: dev",
        "name: dev\n  expires: 2027-01-01T00:00:00Z",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    logins: [root]\n    request:\n",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      claims_to_roles: [{claim: a, value: b, roles: [c]}]\n",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      reason: {mode: required}\n",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      reason: {mode: required}\n      instant: true\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      max_duration: 4d\n",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      max_duration: 4 days\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      max_duration: 99999999999999999999h\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 2, deny: 1}]\n",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 99, deny: 1}]\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: -1}]\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 1, deny: 2}]\n",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 1, filter: x}]\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 0}]\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "[\"admin\"]\n---",
        "[\"^adm.*$\"]\n---",
        0,
        RowOutcome::Differs,
        0,
    ),
    (
        "[\"admin\"]\n---",
        "[\"adm*\"]\n---",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "[\"admin\"]\n---",
        "[\"gone\"]\n---",
        0,
        RowOutcome::Differs,
        0,
    ),
    (
        "[\"admin\"]\n---",
        "[\"lead\"]\n---",
        0,
        RowOutcome::Moved,
        0,
    ),
    (
        "[\"admin\"]\n---",
        "{a: b}\n---",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "account: \"100000000001\"",
        "account: \"*\"",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "account: \"100000000001\"",
        "account: 100000000001",
        1,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    logins: [root]\n  allow:\n    account",
        1,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    rules: [{resources: [session, event], verbs: [list]}]\n    kubernetes_labels: {a: b}\n  allow:\n    account",
        1,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    rules: [{resources: [session], verbs: [list]}, {resources: [access_request], verbs: [create]}]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    rules: [{resources: ['*'], verbs: ['*']}]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    rules: [{verbs: [list]}]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    what_nobody_knows: [x]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    app_labels: {a: b}\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {roles: [\"^a\"]}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {roles: [\"a*\"]}\n  allow:\n    review",
        2,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    request",
        "spec:\n  deny:\n    review_requests: {roles: [admin]}\n  allow:\n    request",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    account_assignments: [{account: \"100000000001\", permission_set: arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000}]\n  allow:\n    review",
        2,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    review_requests: {roles: [admin], where: x}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    review_requests: {roles: [admin], where: \"\"}\n  allow:\n    review",
        2,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {claims_to_roles: [{claim: a, value: b, roles: [admin]}]}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {claims_to_roles: [{claim: a, value: b}]}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {where: x}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {roles: [other]}\n  allow:\n    review",
        2,
        RowOutcome::Moved,
        1,
    ),
    ("name: lead", "name: boss", 2, RowOutcome::Differs, 1),
];

#[test]
fn each_part_of_a_role_moves_differs_or_cannot_be_said() {
    let facts = directory(&[1, 2, 4]);
    for (old, new, row, outcome, rules) in PARTS {
        let text = ROLE.replacen(old, new, 1);
        let import = imported(&[file("roles.yaml", &text)], HOLD, &facts);
        loaded(&import);
        let found = &import.report.rows[*row];
        assert_eq!(
            (found.outcome, import.report.rules),
            (*outcome, *rules),
            "{new} {:?}",
            found.notes
        );
    }
}

/// What the roles deny to their holders is in the rules, by the groups and people who hold them.
#[test]
fn what_a_role_denies_its_holders_are_left_out_of() {
    let facts = directory(&[1, 2, 4]);
    let deny = |what: &str| {
        let new = format!("spec:\n  deny:\n    {what}\n  allow:\n    review");
        let text = ROLE.replacen("spec:\n  allow:\n    review", &new, 1);
        imported(&[file("roles.yaml", &text)], HOLD, &facts).text
    };
    for (what, key) in [
        ("request: {roles: [admin]}", "except_requesters"),
        ("review_requests: {roles: [admin]}", "except_approvers"),
        (
            "request: {claims_to_roles: [{claim: a, value: b, roles: [admin]}]}",
            "except_requesters",
        ),
        (
            "request: {claims_to_roles: [{claim: a, value: '^(.*)$', roles: [$1-min]}]}",
            "except_requesters",
        ),
        (
            "review_requests: {roles: [admin], where: x}",
            "except_approvers",
        ),
        (
            "account_assignments: [{account: \"100000000001\", permission_set: arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000}]",
            "except_requesters",
        ),
    ] {
        let text = deny(what);
        let wanted = format!("{key} = [\n  \"bo@acme.example\",\n]");
        assert!(text.contains(&wanted), "{what}: {text}");
    }
    // who holds a role may be anybody where it can be asked for: then nobody gets what it denies
    let deny = "spec:\n  deny:\n    request: {roles: [admin]}\n  allow:\n    review";
    let text = ROLE.replacen("spec:\n  allow:\n    review", deny, 1);
    let text = text.replacen("roles: [\"admin\"]", "roles: [\"admin\", \"lead\"]", 1);
    let import = imported(&[file("roles.yaml", &text)], HOLD, &facts);
    assert_eq!(import.report.rules, 0, "{}", import.text);
    assert_eq!(import.report.rows[2].outcome, RowOutcome::Differs);
}

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
