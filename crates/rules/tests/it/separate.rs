//! Separate rules for requesters and approvers, accounts by parent, preferred longest limits, users
//! by id.

use hallpass_base::{AccountId, TimeSpan, UserId};
use hallpass_rules::{
    Ask, DecisionKind, Diagnostic, Directory, Principal, RuleFile, RuleId, Rules, load,
};

use crate::world::{
    LOGS, ONCALL, PAYMENTS_DEV, PAYMENTS_PROD, decide, directory, email, noon, rules,
};

fn shown(findings: &[Diagnostic]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

fn native(text: &str) -> Rules {
    rules("rules.toml", text)
}

const ASKING: &str = "[[rule]]\nid = 'asking'\naccounts = ['payments-*']\npermission_sets = 'Admin'\nallowed_users = ['ana@corp.com', 'bo@corp.com']\n";
const APPROVING: &str = "[[rule]]\nid = 'approving'\naccounts = '*'\npermission_sets = '*'\npermits_requests = false\napprovers = ['bo@corp.com', 'cai@corp.com']\nmax_duration = '2h'\nreason_pattern = 'OPS'\nreason_hint = 'a ticket'\n";

#[test]
fn a_rule_that_permits_nothing_adds_to_those_that_do() {
    let both = native(&format!("{ASKING}{APPROVING}"));
    let decision = decide(&both, "ana", PAYMENTS_PROD, "Admin");
    assert_eq!(decision.kind, DecisionKind::RequiresApproval);
    assert_eq!(decision.approvers, [email("bo"), email("cai")].into());
    assert_eq!(decision.max_duration, Some(TimeSpan::hours(2)));
    assert_eq!(decision.reason_patterns.len(), 1);
    let decision = decide(&both, "bo", PAYMENTS_PROD, "Admin");
    assert_eq!(decision.approvers, [email("cai")].into());
    for (who, account, set, rules) in [
        ("dan", PAYMENTS_PROD, "Admin", &both),
        ("ana", LOGS, "Admin", &both),
        ("ana", PAYMENTS_PROD, "Billing", &both),
        ("ana", PAYMENTS_PROD, "Admin", &native(APPROVING)),
    ] {
        let kind = decide(rules, who, account, set).kind;
        assert_eq!(
            kind,
            DecisionKind::RequesterNotAllowed,
            "{who} {account} {set}"
        );
    }
    let kind = decide(&native(ASKING), "ana", PAYMENTS_PROD, "Admin").kind;
    assert_eq!(kind, DecisionKind::NoApprovers);
}

#[test]
fn what_can_be_asked_for_at_all_is_what_rules_permit() {
    let both = native(&format!("{ASKING}{APPROVING}"));
    let facts = directory();
    let found = both.requestable(&email("ana"), &facts, noon());
    let pairs: Vec<String> = found
        .pairs()
        .map(|(account, sets)| format!("{account} {}", sets.join(" ")))
        .collect();
    assert_eq!(
        pairs,
        [
            format!("{PAYMENTS_PROD} Admin"),
            format!("{PAYMENTS_DEV} Admin")
        ]
    );
    assert!(both.requestable(&email("dan"), &facts, noon()).is_empty());
    assert_eq!(both.reach(&facts).pairs().count(), 2);
}

#[test]
fn its_requesters_narrow_to_whose_requests_it_adds() {
    let narrowed = APPROVING.replace(
        "max_duration",
        "allowed_users = 'bo@corp.com'\nmax_duration",
    );
    let both = native(&format!("{ASKING}{narrowed}"));
    let kinds = ["ana", "bo"].map(|who| decide(&both, who, PAYMENTS_PROD, "Admin").kind);
    assert_eq!(
        kinds,
        [DecisionKind::NoApprovers, DecisionKind::RequiresApproval]
    );
}

#[test]
fn its_denials_count_and_it_grants_nothing() {
    let auto = ASKING.replace(
        "permission_sets",
        "approval_is_not_required = true\npermission_sets",
    );
    let denying = APPROVING.replace(
        "max_duration",
        "approval_is_not_required = false\nmax_duration",
    );
    let kind = |text: &str| decide(&native(text), "ana", PAYMENTS_PROD, "Admin").kind;
    assert_eq!(
        kind(&format!("{auto}{APPROVING}")),
        DecisionKind::ApprovalNotRequired
    );
    assert_eq!(
        kind(&format!("{auto}{denying}")),
        DecisionKind::RequiresApproval
    );
    let granting = denying.replace("= false\nmax", "= true\nmax");
    let errors = load(&RuleFile::new("rules.toml", granting.as_str())).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].to_string().contains("error[bad-flag]"),
        "{errors:?}"
    );
}

#[test]
fn explanations_say_what_it_adds_and_that_it_is_not_enough() {
    let both = native(&format!("{ASKING}{APPROVING}"));
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let told = |who: &str| both.explain(&email(who), &ask, &directory(), noon());
    let why = |who: &str| told(who).rules.remove(1).why;
    assert_eq!(
        why("ana"),
        "it permits no request alone, and adds to the rules that do; it lists 2 approver(s)"
    );
    assert_eq!(
        why("dan"),
        "it permits no request alone, and no other rule lets the requester request"
    );
    assert_eq!(told("dan").nearest.unwrap().rule, "asking");
    assert!(
        told("ana").rules[1]
            .sentence
            .starts_with("what other rules let everyone request:")
    );
    let steps = both.steps(&email("ana"), &ask, &directory(), noon());
    let may_ask: Vec<&str> = steps[1].rules.iter().map(RuleId::as_str).collect();
    assert_eq!(may_ask, ["asking"]);
}

#[test]
fn a_refusal_never_points_at_a_rule_that_permits_nothing() {
    let narrowed = APPROVING.replace(
        "permits_requests",
        "allowed_users = ['bo@corp.com']\npermits_requests",
    );
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    for (text, nearest, why) in [
        (
            format!("{narrowed}{ASKING}"),
            Some("asking"),
            "`asking` lets ",
        ),
        (narrowed, None, "`approving` permits no request alone"),
    ] {
        let rules = native(&text);
        let told = rules.explain(&email("dan"), &ask, &directory(), noon());
        let found = told.nearest.map(|it| it.rule.to_string());
        assert_eq!(found.as_deref(), nearest, "{text}");
        let steps = rules.steps(&email("dan"), &ask, &directory(), noon());
        let said = steps[1].why.clone().unwrap_or_default();
        assert!(said.starts_with(why), "{said}");
    }
}

#[test]
fn checks_count_its_approvers_and_ask_none_for_itself() {
    assert_eq!(
        shown(&native(&format!("{ASKING}{APPROVING}")).check(None)),
        Vec::<String>::new()
    );
    let unexplained = format!("{ASKING}{APPROVING}").replace("reason_hint = 'a ticket'\n", "");
    let found = shown(&native(&unexplained).check(None));
    assert!(
        found.len() == 1 && found[0].contains("warning[pattern-without-hint]: rule[1]"),
        "{found:?}"
    );
    let alone = native(
        APPROVING
            .replace("approvers =", "approvers_to_notify =")
            .as_str(),
    );
    assert_eq!(shown(&alone.check(None)), Vec::<String>::new());
}

#[test]
fn a_parent_is_the_unit_right_above() {
    for (keys, expected) in [
        ("parent_ous = ['Workloads']", [false, false, false]),
        ("ous = ['Workloads']", [true, true, false]),
        (
            "parent_ous = ['Workloads/Prod', 'ou-ab12-security']",
            [true, false, true],
        ),
        (
            "parent_ous = ['Root/Workloads/NonProd']",
            [false, true, false],
        ),
        ("parent_ous = ['Root']", [false, false, false]),
        ("parent_ous = ['r-ab12']", [false, false, false]),
        (
            "parent_ous = ['ou-ab12-prod0000']\naccounts = ['*-dev']",
            [false, false, false],
        ),
        (
            "accounts = '*'\nexcept_parent_ous = ['Workloads/Prod', 'Workloads']",
            [false, true, true],
        ),
    ] {
        let rules = native(&format!(
            "[[rule]]\n{keys}\npermission_sets = '*'\napprovers = 'bo@corp.com'\n"
        ));
        let got = [PAYMENTS_PROD, PAYMENTS_DEV, LOGS]
            .map(|account| decide(&rules, "ana", account, "Admin").based_on.len() == 1);
        assert_eq!(got, expected, "{keys}");
        let account = AccountId::new("999999999999").unwrap();
        let ask = Ask::Account {
            account: &account,
            permission_set: "Admin",
        };
        let decision = rules.decide(&email("ana"), &ask, &directory(), noon());
        assert_eq!(decision.kind, DecisionKind::NoStatements, "{keys}");
    }
}

#[test]
fn parents_that_are_none_are_refused_or_warned_of() {
    let of = |keys: &str| {
        let text = format!("[[rule]]\n{keys}\npermission_sets = '*'\napprovers = 'bo@corp.com'\n");
        load(&RuleFile::new("rules.toml", text.as_str()))
    };
    for (keys, wanted) in [
        ("parent_ous = '*'", "`*` is not in an accepted form"),
        ("parent_ous = 'Work*'", "`Work*` is not in an accepted form"),
        ("parent_ous = 'Root'\nous = 'Root'", "not both"),
        (
            "groups = 'x'\nparent_ous = 'Root'",
            "about accounts or about groups",
        ),
    ] {
        let errors = of(keys).unwrap_err();
        assert!(
            errors.iter().any(|it| it.to_string().contains(wanted)),
            "{keys}: {errors:?}"
        );
    }
    let found = of("parent_ous = ['Nowhere', 'ou-ab12-security']")
        .unwrap()
        .rules
        .check(Some(&directory()));
    let found = shown(&found);
    assert!(
        found
            .iter()
            .any(|it| it.contains("no organizational unit `Nowhere`")),
        "{found:?}"
    );
}

#[test]
fn the_longest_counts_where_rules_prefer_it_and_every_other_limit_holds() {
    let limited = |hours: u32, longest: bool| {
        format!(
            "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = 'bo@corp.com'\nmax_duration = '{hours}h'\nprefer_longest_duration = {longest}\n"
        )
    };
    for (limits, hours) in [
        (vec![(2, true), (8, true), (4, true)], 8),
        (vec![(2, false), (8, true), (4, true)], 2),
        (vec![(2, true), (8, true), (5, false)], 5),
        (vec![(9, false), (8, true), (2, true)], 8),
        (vec![(4, false), (3, false)], 3),
    ] {
        let text: String = limits
            .iter()
            .map(|(hours, longest)| limited(*hours, *longest))
            .collect();
        let decision = decide(&native(&text), "ana", PAYMENTS_PROD, "Admin");
        let found = decision.max_duration.map(|it| it.as_seconds() / 3600);
        assert_eq!(found, Some(hours), "{limits:?}");
    }
}

#[test]
fn users_are_meant_by_id_whatever_their_address() {
    let facts = directory();
    let of = |name: &str| facts.person_by_email(&email(name)).unwrap().user_id.clone();
    let (ana, bo) = (of("ana"), of("bo"));
    let text = format!(
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com', 'cai@corp.com']\nallowed_users = ['{ana}']\n"
    );
    let rules = native(&text);
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let (other, nobody) = (
        email("someone.else"),
        UserId::new("00000000-0000-4000-8000-ffffffffffff").unwrap(),
    );
    let by_id = |user: &UserId| {
        rules
            .decide(Principal::user(user, &other), &ask, &facts, noon())
            .kind
    };
    assert_eq!(by_id(&ana), DecisionKind::RequiresApproval);
    assert_eq!(by_id(&bo), DecisionKind::RequesterNotAllowed);
    assert_eq!(by_id(&nobody), DecisionKind::RequesterNotAllowed);
    let by_address = |name: &str| decide(&rules, name, PAYMENTS_PROD, "Admin").kind;
    assert_eq!(by_address("ana.lind"), DecisionKind::RequiresApproval);
    assert_eq!(by_address("bo"), DecisionKind::RequesterNotAllowed);
    // without user data the address is reported as unknown
    let blind = rules.decide(&email("ana"), &ask, &Directory::default(), noon());
    assert_eq!(blind.kind, DecisionKind::RequesterNotAllowed);
    assert_eq!(shown(&rules.check(Some(&facts))), Vec::<String>::new());
    let gone = native(&text.replace(ana.as_str(), nobody.as_str()));
    let found = shown(&gone.check(Some(&facts)));
    assert!(
        found.iter().any(|it| it.contains("there is no user")),
        "{found:?}"
    );
    assert!(
        rules
            .rules()
            .all(|rule| rule.columns.requesters == format!("user {ana}")),
        "{ONCALL}"
    );
}

/// Compares rules on a parent unit with rules on the subtree.
#[test]
fn a_parent_decides_for_its_own_accounts_where_a_unit_decides_for_all_below() {
    use DecisionKind::{NoStatements, RequiresApproval};
    for (keys, kinds) in [
        ("parent_ous = ['Workloads']", [NoStatements; 3]),
        (
            "ous = ['Workloads']",
            [RequiresApproval, RequiresApproval, NoStatements],
        ),
        (
            "parent_ous = ['Workloads/Prod']",
            [RequiresApproval, NoStatements, NoStatements],
        ),
        (
            "accounts = '*'\nexcept_parent_ous = ['Workloads']",
            [RequiresApproval; 3],
        ),
        (
            "accounts = '*'\nexcept_ous = ['Workloads']",
            [NoStatements, NoStatements, RequiresApproval],
        ),
    ] {
        let rules = native(&format!(
            "[[rule]]\n{keys}\npermission_sets = '*'\napprovers = 'bo@corp.com'\nmax_duration = '2h'\n"
        ));
        for (account, kind) in [PAYMENTS_PROD, PAYMENTS_DEV, LOGS].into_iter().zip(kinds) {
            let decision = decide(&rules, "ana", account, "Admin");
            assert_eq!(decision.kind, kind, "{keys} {account}");
            let asks = kind == RequiresApproval;
            let approvers: Vec<_> = asks.then(|| email("bo")).into_iter().collect();
            let longest = asks.then_some(TimeSpan::hours(2));
            let found: Vec<_> = decision.approvers.into_iter().collect();
            assert_eq!(found, approvers, "{keys} {account}");
            assert_eq!(decision.max_duration, longest, "{keys} {account}");
        }
    }
}

#[test]
fn of_two_limits_the_longer_is_decided_only_where_both_prefer_it() {
    for (shorter, longer, hours) in [
        (true, true, 8),
        (true, false, 2),
        (false, true, 2),
        (false, false, 2),
    ] {
        let limited = |hours: u64, prefers: bool| {
            format!(
                "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = 'bo@corp.com'\nmax_duration = '{hours}h'\nprefer_longest_duration = {prefers}\n"
            )
        };
        let rules = native(&(limited(2, shorter) + &limited(8, longer)));
        let decision = decide(&rules, "ana", PAYMENTS_PROD, "Admin");
        assert_eq!(decision.kind, DecisionKind::RequiresApproval);
        assert_eq!(decision.approvers, [email("bo")].into());
        let wanted = Some(TimeSpan::hours(hours));
        assert_eq!(decision.max_duration, wanted, "{shorter} {longer}");
        assert_eq!(decision.based_on.len(), 2, "{shorter} {longer}");
    }
}
