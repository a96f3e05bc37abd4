//! The manager as approver, and reports where none exists.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, UserId};
use hallpass_rules::{
    Ask, Decision, DecisionKind, Directory, NoManager, PersonAttribute, PersonAttributes,
    Principal, RequesterManager, RuleTestOutcome, Rules,
};

use crate::world::{LOGS, directory, email, noon, rules, shown, user};

fn managed(managers: &[(u32, Option<&str>)]) -> Directory {
    let mut snapshot = directory().snapshot().clone();
    for person in &mut snapshot.people {
        let mut attributes = PersonAttributes::default();
        for (number, manager) in managers {
            if person.user_id == user(*number) {
                attributes.read(PersonAttribute::Manager, *manager);
            }
        }
        person.attributes = attributes;
    }
    Directory::new(snapshot)
}

fn rule(fields: &str) -> Rules {
    let text = format!("[[rule]]\naccounts = '*'\npermission_sets = '*'\n{fields}\n");
    rules("r.toml", &text)
}

fn with_ask<T>(with: impl FnOnce(&Ask<'_>) -> T) -> T {
    let account = AccountId::new(LOGS).unwrap();
    with(&Ask::Account {
        account: &account,
        permission_set: "Admin",
    })
}

fn decide(rules: &Rules, who: &str, facts: &Directory) -> Decision {
    with_ask(|ask| rules.decide(&email(who), ask, facts, noon()))
}

/// Returns who may approve and who may deny.
fn pressers(rules: &Rules, who: &str, facts: &Directory) -> (Vec<u32>, Vec<u32>) {
    let may = |deny: bool| {
        let numbers = 1..=6;
        let may = numbers.filter(|number| {
            let (id, address) = (user(*number), email("shown"));
            let presser = Principal::user(&id, &address);
            with_ask(|ask| {
                let who = email(who);
                if deny {
                    rules
                        .press(presser, &who, ask, facts, noon())
                        .may_deny()
                        .is_ok()
                } else {
                    rules
                        .press(presser, &who, ask, facts, noon())
                        .may_approve()
                        .is_ok()
                }
            })
        });
        may.collect()
    };
    (may(false), may(true))
}

const NOBODY: &[(u32, Option<&str>)] = &[
    (1, None),
    (2, None),
    (3, None),
    (4, None),
    (5, None),
    (6, None),
];

fn managed_beside_nobody(managers: &[(u32, Option<&str>)]) -> Directory {
    managed(&[NOBODY, managers].concat())
}

type Row = (
    &'static [(u32, Option<&'static str>)],
    Result<&'static str, NoManager>,
);

const MANAGERS: &[Row] = &[
    (&[(3, Some("bo@corp.com"))], Ok("bo")),
    (&[(3, Some("BO@corp.com"))], Ok("bo")),
    (
        &[(3, Some("00000000-0000-4000-8000-000000000002"))],
        Ok("bo"),
    ),
    (&[(3, Some("ana.lind@corp.com"))], Ok("ana")),
    (&[], Err(NoManager::Absent)),
    (&[(3, Some("dan@corp.com"))], Err(NoManager::NoOneUser)),
    (&[(3, Some("Bo"))], Err(NoManager::NoOneUser)),
    // a shared address identifies no user
    (&[(3, Some("twin@corp.com"))], Err(NoManager::NoOneUser)),
    (
        &[(3, Some("00000000-0000-4000-8000-000000000099"))],
        Err(NoManager::NoOneUser),
    ),
    (&[(3, Some("eve@corp.com"))], Err(NoManager::Disabled)),
    (&[(3, Some("cai@corp.com"))], Err(NoManager::Themselves)),
    (
        &[(3, Some("bo@corp.com")), (2, Some("cai@corp.com"))],
        Err(NoManager::Circle),
    ),
    (
        &[
            (3, Some("bo@corp.com")),
            (2, Some("ana@corp.com")),
            (1, Some("cai@corp.com")),
        ],
        Err(NoManager::Circle),
    ),
    (
        &[
            (3, Some("bo@corp.com")),
            (2, Some("ana@corp.com")),
            (1, Some("bo@corp.com")),
        ],
        Ok("bo"),
    ),
    (
        &[(3, Some("bo@corp.com")), (2, Some("bo@corp.com"))],
        Ok("bo"),
    ),
];

#[test]
fn the_manager_is_one_enabled_user_above_the_requester() {
    let rules = rule("manager_approves = true");
    for (own, expected) in MANAGERS {
        let facts = managed_beside_nobody(own);
        let decision = decide(&rules, "cai", &facts);
        match expected {
            Ok(manager) => {
                assert_eq!(
                    shown(&decision),
                    format!("RequiresApproval [{manager}] r1"),
                    "{own:?}"
                );
                let number = if *manager == "bo" { 2 } else { 1 };
                assert_eq!(
                    pressers(&rules, "cai", &facts),
                    (vec![number], vec![number]),
                    "{own:?}"
                );
                assert_eq!(decision.manager, Some(RequesterManager::Is(email(manager))));
                assert!(decision.notify.contains(&email(manager)));
                assert!(decision.is_satisfied_by(&BTreeSet::from([user(number)])));
            }
            Err(why) => {
                assert_eq!(decision.kind, DecisionKind::NoApprovers, "{own:?}");
                assert_eq!(
                    decision.manager,
                    Some(RequesterManager::Missing(*why)),
                    "{own:?}"
                );
                assert_eq!(pressers(&rules, "cai", &facts), (vec![], vec![]), "{own:?}");
                let explained = with_ask(|ask| rules.explain(&email("cai"), ask, &facts, noon()));
                assert!(
                    explained.because.ends_with(why.words()),
                    "{}",
                    explained.because
                );
                assert!(
                    explained.rules[0].why.ends_with(why.words()),
                    "{}",
                    explained.rules[0].why
                );
            }
        }
    }
}

#[test]
fn what_was_not_read_makes_nobody_a_manager() {
    let rules = rule("manager_approves = true");
    for (facts, who, why) in [
        (managed(&[]), "cai", NoManager::Unread),
        (
            managed(&[(3, Some("bo@corp.com"))]),
            "cai",
            NoManager::Unread,
        ),
        (managed(NOBODY), "dan", NoManager::UnknownRequester),
        (managed(NOBODY), "twin", NoManager::UnknownRequester),
        (Directory::default(), "cai", NoManager::UnknownRequester),
    ] {
        let decision = decide(&rules, who, &facts);
        assert_eq!(
            decision.manager,
            Some(RequesterManager::Missing(why)),
            "{who}"
        );
        assert_eq!(decision.kind, DecisionKind::NoApprovers, "{who}");
    }
}

const BESIDE: &[(&str, &str, &str)] = &[
    (
        "approvers = ['ana@corp.com']",
        "RequiresApproval [ana,bo] r1",
        "RequiresApproval [ana] r1",
    ),
    (
        "approver_groups = ['OnCall']",
        "RequiresApproval [ana,bo] r1",
        "RequiresApproval [ana] r1",
    ),
    (
        "min_approvals = 2\napprovers = ['ana@corp.com']",
        "RequiresApproval [ana,bo] r1",
        "NoApprovers [] r1",
    ),
    (
        "min_approvals = 2\napprovers = ['bo@corp.com']",
        "NoApprovers [] r1",
        "NoApprovers [] r1",
    ),
    (
        "except_approvers = ['bo@corp.com']",
        "NoApprovers [] r1",
        "NoApprovers [] r1",
    ),
    (
        "except_approver_groups = ['OnCall']\napprovers = ['cai@corp.com', 'dan@corp.com']",
        "RequiresApproval [dan] r1",
        "RequiresApproval [cai,dan] r1",
    ),
    (
        "permits_requests = false",
        "RequesterNotAllowed [] r1",
        "RequesterNotAllowed [] r1",
    ),
    (
        "allow_self_approval = true\napprovers = ['cai@corp.com', 'dan@corp.com']",
        "SelfApproval [] r1",
        "RequiresApproval [cai,dan] r1",
    ),
    (
        "approvers_to_notify = []",
        "RequiresApproval [bo] r1",
        "NoApprovers [] r1",
    ),
];

#[test]
fn the_manager_approves_beside_others_and_is_left_out_as_they_are() {
    let facts = managed_beside_nobody(&[(3, Some("bo@corp.com"))]);
    for (fields, of_cai, of_bo) in BESIDE {
        let rules = rule(&format!("manager_approves = true\n{fields}"));
        for (who, expected) in [("cai", of_cai), ("bo", of_bo)] {
            assert_eq!(
                shown(&decide(&rules, who, &facts)),
                *expected,
                "{who}: {fields}"
            );
        }
    }
    let both = rules(
        "r.toml",
        "[[rule]]\nid = 'ask'\naccounts = '*'\npermission_sets = '*'\n\
         [[rule]]\nid = 'boss'\naccounts = '*'\npermission_sets = '*'\npermits_requests = false\nmanager_approves = true\n",
    );
    assert_eq!(
        shown(&decide(&both, "cai", &facts)),
        "RequiresApproval [bo] ask,boss"
    );
}

#[test]
fn a_stage_of_the_manager_is_filled_by_them_alone() {
    let rules = rule(
        "stages = [{ name = 'boss', manager_approves = true }, { name = 'platform', approvers = ['ana@corp.com', 'bo@corp.com'] }]",
    );
    let facts = managed_beside_nobody(&[(3, Some("bo@corp.com"))]);
    let decision = decide(&rules, "cai", &facts);
    let by = |numbers: &[u32]| {
        let people: BTreeSet<UserId> = numbers.iter().map(|number| user(*number)).collect();
        decision.is_satisfied_by(&people)
    };
    assert_eq!([by(&[1]), by(&[2]), by(&[1, 2])], [false, false, true]);
    assert_eq!(decision.stages[0].approvers, BTreeSet::from([email("bo")]));
    assert_eq!(decide(&rules, "bo", &facts).kind, DecisionKind::NoApprovers);
}

/// The manager at the approval counts, not the one at the request.
#[test]
fn another_manager_approves_from_when_the_directory_has_them() {
    let rules = rule("manager_approves = true\napprovers = ['dan@corp.com']");
    let of = |manager: Option<&'static str>| {
        pressers(&rules, "cai", &managed_beside_nobody(&[(3, manager)])).0
    };
    assert_eq!(
        [of(Some("bo@corp.com")), of(Some("ana@corp.com")), of(None)],
        [vec![2], vec![1], vec![]]
    );
}

#[test]
fn whoever_may_answer_as_a_manager_is_listed_for_it() {
    let rules = rule("manager_approves = true");
    let facts = managed_beside_nobody(&[(3, Some("bo@corp.com"))]);
    for (number, covers) in [(1, false), (2, true), (3, false)] {
        let (id, address) = (user(number), email("shown"));
        let approvable = rules.approvable(Principal::user(&id, &address), &facts);
        assert_eq!(
            with_ask(|ask| approvable.covers(ask, &facts)),
            covers,
            "{number}"
        );
    }
    let left_out = rule("manager_approves = true\nexcept_approvers = ['bo@corp.com']");
    let (id, address) = (user(2), email("shown"));
    assert!(
        left_out
            .approvable(Principal::user(&id, &address), &facts)
            .is_empty()
    );
}

#[test]
fn what_is_told_names_the_manager() {
    let rules = rule("manager_approves = true\napprovers = ['dan@corp.com']");
    let columns = rules.rules().next().unwrap().columns;
    assert_eq!(columns.approvers, "dan@corp.com or the requester's manager");
    assert_eq!(
        rules.referenced_attributes(),
        BTreeSet::from([PersonAttribute::Manager])
    );
    let staged =
        rule("stages = [{ name = 'boss', manager_approves = true, approvers = ['dan@corp.com'] }]");
    let columns = staged.rules().next().unwrap().columns;
    assert_eq!(
        columns.approvers,
        "1 of dan@corp.com or the requester's manager (boss)"
    );
    assert_eq!(
        staged.referenced_attributes(),
        BTreeSet::from([PersonAttribute::Manager])
    );
    let facts = managed_beside_nobody(&[(3, Some("bo@corp.com"))]);
    let explained = with_ask(|ask| rules.explain(&email("cai"), ask, &facts, noon()));
    assert_eq!(
        explained.rules[0].why,
        "it lists 1 approver(s); it lets the requester's manager approve, bo@corp.com"
    );
    assert!(
        NoManager::ALL
            .iter()
            .all(|why| !why.words().is_empty() && !why.told().ends_with('.'))
    );
}

#[test]
fn rules_without_a_manager_for_some_are_found() {
    let found = |fields: &str, managers: &[(u32, Option<&str>)]| -> Vec<String> {
        let facts = managed(managers);
        let found = rule(fields).check(Some(&facts)).into_iter();
        found
            .map(|it| format!("{}: {}", it.code, it.message))
            .collect()
    };
    let all = [NOBODY, &[(3, Some("bo@corp.com"))]].concat();
    assert_eq!(
        found("manager_approves = true", &all),
        [
            "no-manager: 4 of 5 people who may request have no manager who could approve, and the rule lists no one else: \
             ana: the requester has no manager in the identity store"
        ]
    );
    assert_eq!(
        found(
            "manager_approves = true\nallowed_users = ['cai@corp.com']",
            &all
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        found(
            "manager_approves = true\napprovers = ['ana@corp.com', 'bo@corp.com']",
            &all
        ),
        Vec::<String>::new()
    );
    // no warning while a manager may approve
    assert_eq!(rule("manager_approves = true").check(None), []);
    assert_eq!(
        rule("manager_approves = true\nexcept_approvers = ['ana@corp.com']").check(None),
        []
    );
}

#[test]
fn a_test_of_the_file_says_who_the_manager_is() {
    let rules = rules(
        "r.toml",
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\nmanager_approves = true\n\
         [[test]]\nrequester = 'ana@corp.com'\naccount = '111111111111'\npermission_set = 'Admin'\nrequester_attributes = { manager = 'boss@corp.com' }\nexpect = 'RequiresApproval'\napprovers = ['boss@corp.com']\nclick = 'boss@corp.com'\npermit = true\n\
         [[test]]\nrequester = 'ana@corp.com'\naccount = '111111111111'\npermission_set = 'Admin'\nrequester_attributes = { title = 'Engineer' }\nexpect = 'NoApprovers'\n",
    );
    for result in rules.run_tests(None, noon()) {
        assert_eq!(result.outcome, RuleTestOutcome::Passed, "{}", result.name);
    }
}

#[test]
fn a_stage_says_who_approves_it() {
    let errors = |stage: &str| {
        let text = format!("[[rule]]\naccounts = '*'\npermission_sets = '*'\nstages = [{stage}]\n");
        let loaded = hallpass_rules::load(&hallpass_rules::RuleFile::new("r.toml", text));
        loaded.err().map(|errors| errors[0].to_string())
    };
    assert_eq!(errors("{ manager_approves = true }"), None);
    let refused = errors("{ manager_approves = false }").unwrap();
    assert!(
        refused.contains("a stage that no one can approve"),
        "{refused}"
    );
}

#[test]
fn a_manager_who_is_left_out_is_told_as_left_out() {
    let facts = managed_beside_nobody(&[(3, Some("bo@corp.com"))]);
    let out = "manager_approves = true\nexcept_approvers = ['bo@corp.com']\nallowed_users = ['cai@corp.com']";
    let left_out = Some(RequesterManager::Missing(NoManager::LeftOut));
    let decision = decide(&rule(out), "cai", &facts);
    assert_eq!(decision.kind, DecisionKind::NoApprovers);
    assert_eq!(decision.manager, left_out);
    let found = rule(out).check(Some(&facts));
    assert!(
        found
            .iter()
            .any(|it| it.code.as_str() == "no-manager" && it.message.contains("left out")),
        "{found:?}"
    );
    let beside = rule(&format!("{out}\napprovers = ['ana@corp.com']"));
    let decision = decide(&beside, "cai", &facts);
    assert_eq!(shown(&decision), "RequiresApproval [ana] r1");
    assert_eq!(decision.manager, left_out);
    let explained = with_ask(|ask| beside.explain(&email("cai"), ask, &facts, noon()));
    let told = "it lets the requester's manager approve, and leaves bo@corp.com out";
    assert!(
        explained.rules[0].why.ends_with(told),
        "{}",
        explained.rules[0].why
    );
    assert_eq!(pressers(&beside, "cai", &facts).0, [1]);
}

#[test]
fn a_manager_is_named_by_user_id_in_any_case() {
    let rules = rule("manager_approves = true");
    let mut snapshot = managed_beside_nobody(&[(3, Some("ABCDEF00-0000-4000-8000-000000000001"))])
        .snapshot()
        .clone();
    let ana = snapshot.people.iter_mut().find(|it| it.user_id == user(1));
    ana.unwrap().user_id = UserId::new("abcdef00-0000-4000-8000-000000000001").unwrap();
    let decision = decide(&rules, "cai", &Directory::new(snapshot));
    assert_eq!(shown(&decision), "RequiresApproval [ana] r1");
}
