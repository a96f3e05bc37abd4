use std::collections::BTreeSet;

use hallpass_base::{AccountId, Timestamp};
use hallpass_rules::{Ask, Effect, RuleColumns, RuleFile, RuleTestOutcome, Rules, load};

use crate::world::{
    LOGS, ONCALL, PAYMENTS_DEV, PAYMENTS_PROD, decide, directory, email, noon, rules, shown,
};

fn native(text: &str) -> Rules {
    rules("rules.toml", text)
}

fn rule(fields: &str) -> Rules {
    native(&format!(
        "[[rule]]\napprovers = ['bo@corp.com', 'cai@corp.com']\n{fields}\n"
    ))
}

fn at(rules: &Rules, who: &str, now: &str) -> String {
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let now: Timestamp = now.parse().unwrap();
    rules
        .decide(&email(who), &ask, &directory(), now)
        .kind
        .to_string()
}

#[test]
fn accounts_are_picked_by_name_unit_and_tag() {
    for (fields, expected) in [
        ("accounts = ['payments-*']", [true, true, false]),
        ("accounts = ['*-PROD']", [true, false, false]),
        (
            "accounts = ['log-archive', '100000000002']",
            [false, true, true],
        ),
        ("accounts = '*'", [true, true, true]),
        ("ous = ['Workloads']", [true, true, false]),
        ("account_tags = { env = 'prod' }", [true, false, true]),
        (
            "account_tags = { env = ['prod', 'd*'] }",
            [true, true, true],
        ),
        ("account_tags = { team = '*' }", [false, false, false]),
        // keys narrow each other
        (
            "accounts = ['payments-*']\naccount_tags = { env = 'prod' }",
            [true, false, false],
        ),
        (
            "ous = ['Security', 'Workloads/Prod']\naccounts = ['log-*']",
            [false, false, true],
        ),
    ] {
        let rules = rule(&format!("{fields}\npermission_sets = ['Adm*']"));
        let got = [PAYMENTS_PROD, PAYMENTS_DEV, LOGS]
            .map(|account| decide(&rules, "ana", account, "Admin").based_on.len() == 1);
        assert_eq!(got, expected, "{fields}");
    }
}

#[test]
fn groups_go_by_name_or_id() {
    let rules = native(&format!(
        "[[rule]]\ngroups = ['oncall']\napprover_groups = ['OnCall']\n[[rule]]\ngroups = ['{ONCALL}']\napprovers = 'cai@corp.com'\n"
    ));
    let group = hallpass_base::GroupId::new(ONCALL).unwrap();
    let decision = rules.decide(
        &email("dan"),
        &Ask::Group { group: &group },
        &directory(),
        noon(),
    );
    assert_eq!(shown(&decision), "RequiresApproval [ana,bo,cai] r1,r2");
    assert_eq!(rules.referenced_groups().len(), 1);
    assert_eq!(rules.requested_groups().len(), 2);
}

#[test]
fn stages_need_different_people() {
    let rules = native(
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\n\
         [[rule.stages]]\nname = 'first'\napprovers = ['bo@corp.com', 'cai@corp.com']\n\
         [[rule.stages]]\napprovers = ['cai@corp.com', 'six@corp.com']\nquorum = 2\n",
    );
    let decision = decide(&rules, "ana", PAYMENTS_PROD, "Admin");
    assert_eq!(shown(&decision), "RequiresApproval [bo,cai,six] r1");
    assert_eq!(decision.approvals_needed, 3);
    let enough = |people: &[&str]| {
        let known = directory();
        let user = |who: &&str| known.person_by_email(&email(who)).unwrap().user_id.clone();
        decision.is_satisfied_by(&people.iter().map(user).collect::<BTreeSet<_>>())
    };
    assert!(enough(&["bo", "cai", "six"]));
    assert!(!enough(&["bo", "cai"]));
    assert!(!enough(&["bo", "six", "ana"]));
    // for requester bo, cai cannot fill both stages
    assert_eq!(
        shown(&decide(&rules, "bo", PAYMENTS_PROD, "Admin")),
        "NoApprovers [] r1"
    );
}

#[test]
fn reasons_and_tickets_are_held_against_patterns() {
    let rules = rule(
        "accounts = '*'\npermission_sets = '*'\nreason_pattern = '^.{10,}$'\nticket_pattern = '\\bOPS-\\d+\\b'",
    );
    let decision = decide(&rules, "ana", PAYMENTS_PROD, "Admin");
    assert!(decision.reason_refused("long enough reason").is_none());
    assert_eq!(decision.reason_refused("short").unwrap().rule, "r1");
    assert!(decision.ticket_refused("see OPS-12").is_none());
    assert!(decision.ticket_refused("see OPS").is_some());
}

#[test]
fn hours_of_asking_do_not_close_a_no() {
    let rules = rule(
        "accounts = '*'\npermission_sets = '*'\nhours = { from = '09:00', to = '17:00', time_zone = 'UTC' }",
    );
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let (facts, requester) = (directory(), email("ana"));
    for (now, is_open) in [
        ("2026-03-02T10:00:00Z", true),
        ("2026-03-02T18:00:00Z", false),
    ] {
        let now: Timestamp = now.parse().unwrap();
        let may_deny = ["ana", "bo", "cai", "dan"].map(|who| {
            let denied = rules
                .press(&email(who), &requester, &ask, &facts, now)
                .may_deny();
            denied.is_ok()
        });
        assert_eq!(may_deny, [false, true, true, false], "{now}");
        let approved = rules
            .press(&email("bo"), &requester, &ask, &facts, now)
            .may_approve();
        assert_eq!(approved.is_ok(), is_open, "{now}");
        let decision = rules.decide(&requester, &ask, &facts, now);
        assert_eq!(
            decision.approvers.len(),
            if is_open { 2 } else { 0 },
            "{now}"
        );
    }
}

#[test]
fn hours_close_a_rule_and_leave_its_denials() {
    let hours = |days: &str, from: &str, to: &str| {
        rule(&format!(
            "accounts = '*'\npermission_sets = '*'\nhours = {{ {days} from = '{from}', to = '{to}', time_zone = 'Europe/Stockholm' }}"
        ))
    };
    let week = hours("days = ['mon-fri'],", "08:00", "18:00");
    for (now, open) in [
        ("2026-03-02T06:59:59Z", false),
        ("2026-03-02T07:00:00Z", true),
        ("2026-03-02T16:59:59Z", true),
        ("2026-03-02T17:00:00Z", false),
        ("2026-07-06T06:00:00Z", true),
        ("2026-03-07T10:00:00Z", false),
    ] {
        let expected = if open {
            "RequiresApproval"
        } else {
            "RequesterNotAllowed"
        };
        assert_eq!(at(&week, "ana", now), expected, "{now}");
    }
    let night = hours("days = ['fri'],", "22:00", "06:00");
    for (now, open) in [
        ("2026-03-06T20:59:00Z", false),
        ("2026-03-06T21:00:00Z", true),
        ("2026-03-07T04:59:00Z", true),
        ("2026-03-07T05:00:00Z", false),
        ("2026-03-06T04:00:00Z", false),
    ] {
        let expected = if open {
            "RequiresApproval"
        } else {
            "RequesterNotAllowed"
        };
        assert_eq!(at(&night, "ana", now), expected, "{now}");
    }
    let denied = native(
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\napproval_is_not_required = true\n\
         [[rule]]\naccounts = '*'\npermission_sets = '*'\napproval_is_not_required = false\n\
         hours = { from = '01:00', to = '02:00', time_zone = 'UTC' }\n",
    );
    assert_eq!(at(&denied, "ana", "2026-03-02T10:00:00Z"), "NoApprovers");
}

#[test]
fn errors_of_the_native_form_come_with_places() {
    let text = "\
[[rule]]
acounts = ['*']
permission_sets = ['Read Only']
[[rule]]
groups = ['oncall']
accounts = ['*']
approvers = 'bob'
max_duration = '0m'
reason_pattern = '('
hours = { from = '8:00', to = '18:00', time_zone = 'UTC' }
[[rule]]
accounts = ['12345', 111111111111]
ous = ['Workloads/*']
permission_sets = '*'
stages = [{ quorum = 9 }]
[[test]]
requester = 'ana@corp.com'
account = '111111111111'
expect = 'RequireApproval'
";
    let errors: Vec<String> = load(&RuleFile::new("r.toml", text))
        .unwrap_err()
        .iter()
        .map(|e| e.to_string().lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(
        errors,
        [
            "r.toml:1:1: error[missing-field]: rule[0].accounts: `accounts` is missing",
            "r.toml:2:1: error[unknown-field]: rule[0].acounts: `acounts` is not a known key",
            "r.toml:3:20: error[bad-permission-set]: rule[0].permission_sets: `Read Only` is not a permission set name or glob",
            "r.toml:6:12: error[bad-resource]: rule[1].accounts: a rule is about accounts or about groups, not both",
            "r.toml:7:13: error[bad-email]: rule[1].approvers: `bob` has no `@`",
            "r.toml:8:16: error[bad-duration]: rule[1].max_duration: a duration of no time at all",
            "r.toml:9:18: error[bad-pattern]: rule[1].reason_pattern: not a regular expression: error: unclosed group",
            "r.toml:10:18: error[bad-hours]: rule[1].from: `8:00` is not a time of day",
            "r.toml:12:13: error[bad-resource]: rule[2].accounts: `12345` is not in an accepted form",
            "r.toml:12:22: error[bad-type]: rule[2].accounts: a number where a string is due",
            "r.toml:13:8: error[bad-resource]: rule[2].ous: `Workloads/*` is not in an accepted form",
            "r.toml:15:11: error[bad-stage]: rule[2].stages: a stage that no one can approve",
            "r.toml:15:22: error[bad-number]: rule[2].quorum: `9` is not a whole number from 1 to 5",
            "r.toml:16:1: error[bad-test]: test[0].account: a test without one target",
            "r.toml:19:10: error[bad-test]: test[0].expect: `RequireApproval` is not a decision",
        ]
    );
}

#[test]
fn the_same_rules_in_three_syntaxes() {
    let toml = "[[rule]]\nid = 'a'\nous = ['Workloads']\npermission_sets = 'Admin'\napprovers = 'bo@corp.com'\nmax_duration = '90m'\n";
    let yaml = "rule:\n  - id: a\n    ous: [Workloads]\n    permission_sets: Admin\n    approvers: bo@corp.com\n    max_duration: 90m\n";
    let json = r#"{"rule": [{"id": "a", "ous": ["Workloads"], "permission_sets": "Admin", "approvers": "bo@corp.com", "max_duration": "90m"}]}"#;
    let outcomes = [("r.toml", toml), ("r.yaml", yaml), ("r.json", json)].map(|(name, text)| {
        let decision = decide(&rules(name, text), "ana", PAYMENTS_DEV, "Admin");
        (
            shown(&decision),
            decision.max_duration.unwrap().as_seconds(),
        )
    });
    for outcome in &outcomes {
        assert_eq!(*outcome, ("RequiresApproval [bo] a".to_owned(), 5400));
    }
}

#[test]
fn a_test_knows_units_by_path_and_by_id() {
    let of = |ou: &str, expect: &str| {
        format!(
            "[[test]]\nrequester = 'ana@corp.com'\naccount = 'payments-prod'\nou = '{ou}'\npermission_set = 'Admin'\n\
             expect = '{expect}'\n"
        )
    };
    let by_id = "ous = ['ou-ab12-34cd56ef']\npermission_sets = 'Admin'\n";
    let by_path = "ous = ['Prod']\npermission_sets = 'Admin'\n";
    for (rules, ou, expect) in [
        (by_id, "ou-ab12-34cd56ef", "RequiresApproval"),
        (by_id, "ou-ab12-34cd56ee", "NoStatements"),
        (by_id, "Prod", "NoStatements"),
        (by_path, "Prod", "RequiresApproval"),
        (by_path, "ou-ab12-34cd56ef", "NoStatements"),
    ] {
        let rules = rule(&format!("{rules}{}", of(ou, expect)));
        let outcome = &rules.run_tests(None, noon())[0].outcome;
        assert_eq!(*outcome, RuleTestOutcome::Passed, "{ou} {expect}");
    }
}

#[test]
fn tests_of_a_file_say_what_differs() {
    let rules = rule(
        "accounts = ['payments-*']\npermission_sets = 'Admin'\n\
         [[test]]\nname = 'fails'\nrequester = 'ana@corp.com'\naccount = 'payments-prod'\npermission_set = 'Admin'\nexpect = 'NoApprovers'\napprovers = []\nclick = 'ana@corp.com'\npermit = true\n\
         [[test]]\nrequester = 'ana@corp.com'\naccount = '100000000001'\npermission_set = 'Admin'\nexpect = 'requires_approval'\n\
         [[test]]\nrequester = 'ana@corp.com'\naccount = 'payments-prod'\nou = 'Any'\npermission_set = 'Admin'\nexpect = 'RequiresApproval'\n",
    );
    let facts = directory();
    let with = rules.run_tests(Some(&facts), noon());
    assert_eq!(
        with[0].outcome,
        RuleTestOutcome::Failed(vec![
            "expected NoApprovers, got RequiresApproval".to_owned(),
            "expected approvers [], got [bo@corp.com, cai@corp.com]".to_owned(),
            "expected ana@corp.com to be let approve: not an approver of this request (rule `r1`)"
                .to_owned(),
        ])
    );
    assert_eq!(with[0].position.to_string(), "5:1");
    assert_eq!(with[1].outcome, RuleTestOutcome::Passed);
    assert_eq!(with[1].name, "ana@corp.com requests Admin in 100000000001");
    let without = rules.run_tests(None, noon());
    assert!(
        matches!(without[0].outcome, RuleTestOutcome::NeedsDirectory(_)),
        "{:?}",
        without[0]
    );
    assert_eq!(without[2].outcome, RuleTestOutcome::Passed);
}

#[test]
fn explanations_name_every_rule_and_the_step() {
    let rules = native(
        "[[rule]]\nid = 'power'\naccounts = ['payments-*']\npermission_sets = ['Billing']\napprovers = ['bo@corp.com', 'cai@corp.com']\n\
         [[rule]]\nid = 'staff'\naccounts = '*'\npermission_sets = ['Admin']\nallowed_groups = ['oncall']\napprovers = ['bo@corp.com', 'cai@corp.com']\nallow_self_approval = true\n\
         [[rule]]\nid = 'deny'\nous = ['Workloads/Prod']\npermission_sets = '*'\napprovers = ['bo@corp.com']\nallow_self_approval = false\n",
    );
    let explain = |who: &str, account: &str, set: &str| {
        let account = AccountId::new(account).unwrap();
        let ask = Ask::Account {
            account: &account,
            permission_set: set,
        };
        rules.explain(&email(who), &ask, &directory(), noon())
    };
    let prod = explain("bo", PAYMENTS_PROD, "Admin");
    assert_eq!(
        (prod.step, prod.target.as_str()),
        (8, "Admin in payments-prod (100000000001)")
    );
    let why: Vec<(&str, Effect, &str)> = prod
        .rules
        .iter()
        .map(|r| (r.id.as_str(), r.effect, r.why.as_str()))
        .collect();
    assert_eq!(
        why,
        [
            (
                "power",
                Effect::DoesNotApply,
                "it covers the account, and not permission set Admin"
            ),
            (
                "staff",
                Effect::Applies,
                "it lets the requester approve for themselves, which `deny` forbids; it lists 2 approver(s), the requester among them"
            ),
            (
                "deny",
                Effect::Applies,
                "it forbids self approval and lists the requester; it lists 1 approver(s), the requester among them"
            ),
        ]
    );
    assert_eq!(explain("bo", PAYMENTS_DEV, "Admin").step, 5);
    let refused = explain("cai", LOGS, "Admin");
    assert_eq!(refused.step, 2);
    assert_eq!(
        refused
            .nearest
            .map(|nearest| (nearest.rule.to_string(), nearest.lacks)),
        Some((
            "staff".to_owned(),
            "the requester is not among those who may request".to_owned()
        ))
    );
    let nothing = explain("cai", PAYMENTS_DEV, "ReadOnly");
    assert_eq!(nothing.step, 6);
    assert_eq!(
        nothing.nearest.unwrap().lacks,
        "it covers the account, and not permission set ReadOnly; it is about Billing in accounts named payments-*"
    );
    let words: Vec<String> = rules.rules().map(|rule| rule.sentence).collect();
    assert_eq!(
        words[1],
        "members of group oncall may request Admin in every account, approved by bo@corp.com or cai@corp.com; its approvers may approve for themselves"
    );
}

#[test]
fn a_rule_in_columns_says_what_its_sentence_says() {
    let text = r#"
[[rule]]
id = "plain"
accounts = ["*"]
permission_sets = ["ReadOnly"]
approval_is_not_required = true

[[rule]]
id = "full"
accounts = ["*"]
permission_sets = ["Admin", "Ops"]
allowed_groups = ["oncall"]
approvers = ["bo@corp.com"]
allow_self_approval = false
min_approvals = 1
max_duration = "2h"
reason_pattern = "OPS-"
break_glass = ["ana@corp.com"]
"#;
    let rules = native(text);
    let rows: Vec<_> = rules.rules().collect();
    let columns: Vec<_> = rows.iter().map(|row| &row.columns).collect();
    let in_line = |row: &RuleColumns| {
        let limits = row.limits.join("; ");
        format!(
            "{} | {} | {} | {limits}",
            row.covers, row.requesters, row.approvers
        )
    };
    assert_eq!(
        columns.iter().map(|row| in_line(row)).collect::<Vec<_>>(),
        [
            "ReadOnly in every account | everyone | none needed | ",
            "Admin or Ops in every account | members of group oncall | bo@corp.com; its approvers may never approve for themselves; \
             ana@corp.com may break the glass | for at most 2h; the reason must match `OPS-`",
        ]
    );
    // the columns contain every clause of the sentence
    for row in rows {
        for part in [&row.columns.covers, &row.columns.requesters] {
            assert!(
                row.sentence.contains(part.as_str()),
                "{part} of {}",
                row.sentence
            );
        }
        let clauses = row
            .columns
            .approvers
            .split("; ")
            .chain(row.columns.limits.iter().map(String::as_str));
        for clause in clauses.filter(|clause| *clause != "none needed") {
            assert!(
                row.sentence.contains(clause),
                "{clause} of {}",
                row.sentence
            );
        }
        assert!(row.sentence.split("; ").skip(1).all(|clause| {
            row.columns.approvers.contains(clause)
                || row.columns.limits.iter().any(|it| it == clause)
        }));
    }
}

#[test]
fn the_hash_is_that_of_the_text() {
    let rules = rules("r.json", "[]");
    assert_eq!(
        rules.hash(),
        "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    );
}

#[test]
fn an_empty_list_lets_nobody_ask() {
    for (fields, who, expected) in [
        ("", "ana", "RequiresApproval [bo,cai] r1"),
        ("allowed_users = []", "ana", "RequesterNotAllowed [] r1"),
        ("allowed_groups = []", "ana", "RequesterNotAllowed [] r1"),
        (
            "allowed_users = []\nallowed_groups = []",
            "ana",
            "RequesterNotAllowed [] r1",
        ),
        (
            "allowed_users = []\nallowed_groups = ['oncall']",
            "ana",
            "RequiresApproval [bo,cai] r1",
        ),
        (
            "allowed_users = ['cai@corp.com']\nallowed_groups = []",
            "cai",
            "RequiresApproval [bo] r1",
        ),
        ("break_glass = []", "ana", "RequiresApproval [bo,cai] r1"),
    ] {
        let rules = rule(&format!("accounts = '*'\npermission_sets = '*'\n{fields}"));
        let decision = decide(&rules, who, PAYMENTS_PROD, "Admin");
        assert_eq!(shown(&decision), expected, "{fields}");
        assert!(!decision.break_glass, "{fields}");
    }
}

#[test]
fn a_restriction_of_a_native_rule_leaves_its_denials() {
    for (restriction, who) in [
        ("allowed_users = ['cai@corp.com']", "ana"),
        ("allowed_groups = ['empty']", "ana"),
        ("allowed_users = []", "ana"),
    ] {
        let rules = native(&format!(
            "[[rule]]\naccounts = '*'\npermission_sets = '*'\napproval_is_not_required = true\n\
             [[rule]]\naccounts = '*'\npermission_sets = '*'\napproval_is_not_required = false\n{restriction}\n"
        ));
        let decision = decide(&rules, who, PAYMENTS_PROD, "Admin");
        assert_eq!(shown(&decision), "NoApprovers [] r1", "{restriction}");
    }
}
