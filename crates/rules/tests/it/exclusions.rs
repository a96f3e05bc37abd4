//! Exclusions of native rules: `!` and `except_` keys. The other form has neither.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use hallpass_rules::{Ask, Effect, RuleFile, Rules, load};

use crate::{
    oracle::draft::{About, Chance, Draft, native},
    world::{LOGS, PAYMENTS_DEV, PAYMENTS_PROD, directory, email, noon, rules},
};

fn rule(fields: &str) -> Rules {
    rules(
        "r.toml",
        &format!("[[rule]]\napprovers = ['bo@corp.com', 'cai@corp.com']\n{fields}\n"),
    )
}

const ACCOUNTS: [&str; 3] = [PAYMENTS_PROD, PAYMENTS_DEV, LOGS];
const SETS: [&str; 3] = ["ReadOnly", "Admin", "Billing"];

fn covering(rules: &Rules, who: &str, account: &str, set: &str) -> Vec<String> {
    let account = AccountId::new(account).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: set,
    };
    let explained = rules.explain(&email(who), &ask, &directory(), noon());
    let covers = |effect| match effect {
        Effect::Applies | Effect::DeniesOnly => true,
        Effect::DoesNotApply => false,
    };
    let considered = explained.rules.into_iter();
    considered
        .filter(|rule| covers(rule.effect))
        .map(|rule| rule.id.to_string())
        .collect()
}

const LEFT_OUT: &[(&str, [bool; 3])] = &[
    ("accounts = ['*', '!*-prod']", [false, true, true]),
    ("accounts = ['!*-PROD', '*']", [false, true, true]),
    (
        "accounts = ['payments-*', '!payments-prod']",
        [false, true, false],
    ),
    (
        "accounts = ['*', '!100000000001', '!log-*']",
        [false, true, false],
    ),
    (
        "accounts = ['100000000001', 'log-archive', '!100000000001']",
        [false, false, true],
    ),
    (
        "accounts = '*'\nexcept_accounts = '*-prod'",
        [false, true, true],
    ),
    ("accounts = '*'\nexcept_accounts = []", [true, true, true]),
    ("ous = ['*', '!Workloads/Prod']", [false, true, true]),
    (
        "ous = ['Workloads', '!Root/Workloads/Prod']",
        [false, true, false],
    ),
    ("ous = ['Root', '!ou-ab12-security']", [true, true, false]),
    (
        "accounts = '*'\nexcept_ous = ['Workloads/Prod', 'Security']",
        [false, true, false],
    ),
    (
        "account_tags = { env = ['*', '!prod'] }",
        [false, true, false],
    ),
    (
        "accounts = '*'\nexcept_account_tags = { env = 'p*' }",
        [false, true, false],
    ),
    (
        "accounts = '*'\nexcept_account_tags = { env = 'dev', team = '*' }",
        [true, false, true],
    ),
    (
        "accounts = '*'\nexcept_account_tags = { env = [] }",
        [true, true, true],
    ),
    // keys narrow each other, and each exclusion applies
    (
        "accounts = ['*', '!log-*']\nous = ['*', '!Workloads/Prod']",
        [false, true, false],
    ),
];

#[test]
fn an_exclusion_wins_wherever_it_stands() {
    let accounts = |fields: &str| {
        let rules = rule(&format!("{fields}\npermission_sets = '*'"));
        ACCOUNTS.map(|account| !covering(&rules, "ana", account, "Admin").is_empty())
    };
    for (fields, expected) in LEFT_OUT {
        assert_eq!(accounts(fields), *expected, "{fields}");
    }
    let sets = |fields: &str| {
        let rules = rule(&format!("accounts = '*'\n{fields}"));
        SETS.map(|set| !covering(&rules, "ana", LOGS, set).is_empty())
    };
    for (fields, expected) in [
        ("permission_sets = ['*', '!Admin']", [true, false, true]),
        ("permission_sets = ['!admin', '*']", [true, true, true]),
        ("permission_sets = ['*', '!admi*']", [true, false, true]),
        (
            "permission_sets = ['*in*', '!Billing']",
            [false, true, false],
        ),
        (
            "permission_sets = '*'\nexcept_permission_sets = ['Admin', 'B*']",
            [true, false, false],
        ),
    ] {
        assert_eq!(sets(fields), expected, "{fields}");
    }
}

#[test]
fn production_left_out_of_a_rule_cannot_be_asked_for() {
    let rules = rule("accounts = ['*', '!*-prod']\npermission_sets = ['*']");
    let decision = crate::world::decide(&rules, "ana", PAYMENTS_PROD, "Admin");
    assert_eq!(crate::world::shown(&decision), "NoStatements []");
    let catalog = rules.requestable(&email("ana"), &directory(), noon());
    let accounts: Vec<&str> = catalog.accounts().map(AccountId::as_str).collect();
    assert_eq!(accounts, [PAYMENTS_DEV, LOGS]);
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    assert!(rules.about_account(&account, &directory()).is_empty());
}

#[test]
fn what_only_the_directory_could_tell_is_left_out_without_it() {
    for fields in [
        "accounts = ['*', '!*-prod']",
        "accounts = '*'\nexcept_ous = 'Workloads/Prod'",
        "accounts = '100000000009'\nexcept_account_tags = { env = 'prod' }",
    ] {
        let rules = rule(&format!("{fields}\npermission_sets = '*'"));
        let account = AccountId::new("100000000009").unwrap();
        let ask = Ask::Account {
            account: &account,
            permission_set: "Admin",
        };
        let decision = rules.decide(&email("ana"), &ask, &directory(), noon());
        assert_eq!(decision.kind.as_str(), "NoStatements", "{fields}");
        assert_eq!(decision.unread.len(), 1, "{fields}");
    }
    let rules = rule("accounts = ['*', '!100000000001']\npermission_sets = '*'");
    let account = AccountId::new("100000000009").unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let decision = rules.decide(&email("ana"), &ask, &directory(), noon());
    assert_eq!(decision.kind.as_str(), "RequiresApproval");
}

#[test]
fn explanations_say_what_is_left_out() {
    let rules = rule(
        "accounts = ['*', '!*-prod']\nexcept_ous = 'Security'\npermission_sets = ['*', '!Admin']\n\
         except_account_tags = { env = ['qa', 'test'] }",
    );
    let why = |account: &str, set: &str| {
        let account = AccountId::new(account).unwrap();
        let ask = Ask::Account {
            account: &account,
            permission_set: set,
        };
        let explained = rules.explain(&email("ana"), &ask, &directory(), noon());
        let nearest = explained.nearest.map(|nearest| nearest.lacks);
        (explained.rules[0].why.clone(), nearest.is_some())
    };
    let why = [
        why(PAYMENTS_PROD, "ReadOnly"),
        why(LOGS, "ReadOnly"),
        why(PAYMENTS_DEV, "Admin"),
        why(PAYMENTS_PROD, "Admin"),
    ];
    assert_eq!(
        why.map(|(why, near)| format!("{why} ({near})")),
        [
            "it leaves out accounts named *-prod (true)",
            "it leaves out organizational unit Security (true)",
            "it leaves out Admin (true)",
            "it leaves out accounts named *-prod, and Admin (false)",
        ]
    );
    assert_eq!(
        rules.rules().next().unwrap().sentence,
        "everyone may request every permission set except Admin in every account except accounts \
         named *-prod, organizational unit Security and accounts tagged env=qa or test, approved by \
         bo@corp.com or cai@corp.com"
    );
}

fn errors(name: &str, text: &str) -> Vec<String> {
    let found = load(&RuleFile::new(name, text)).err().unwrap_or_default();
    let line = |finding: &hallpass_rules::Diagnostic| {
        let text = finding.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    };
    found.iter().map(line).collect()
}

const REFUSED: &[(&str, &str)] = &[
    (
        "accounts = ['!*-prod']\npermission_sets = '*'",
        "r.toml:2:12: error[bad-resource]: rule[0].accounts: `accounts` leaves out, and selects nothing",
    ),
    (
        "accounts = '*'\nous = '!Prod'\npermission_sets = '*'",
        "r.toml:3:7: error[bad-resource]: rule[0].ous: `ous` leaves out, and selects nothing",
    ),
    (
        "accounts = '*'\npermission_sets = ['!Admin', '!Billing']",
        "r.toml:3:19: error[bad-permission-set]: rule[0].permission_sets: `permission_sets` leaves out, and selects nothing",
    ),
    (
        "account_tags = { env = ['!prod'] }\npermission_sets = '*'",
        "r.toml:2:24: error[bad-resource]: rule[0].account_tags: the tag `env` only leaves out",
    ),
    (
        "except_accounts = '*-prod'\npermission_sets = '*'",
        "r.toml:1:1: error[missing-field]: rule[0].accounts: `accounts` is missing",
    ),
    (
        "accounts = ['*', '!*']\npermission_sets = '*'",
        "r.toml:2:18: error[bad-resource]: rule[0].accounts: everything is left out",
    ),
    (
        "accounts = ['*', '!!x']\npermission_sets = '*'",
        "r.toml:2:18: error[bad-resource]: rule[0].accounts: `!x` is not in an accepted form",
    ),
    (
        "accounts = ['*', '! x']\npermission_sets = '*'",
        "r.toml:2:18: error[bad-resource]: rule[0].accounts: ` x` is not in an accepted form",
    ),
    (
        "accounts = ['*', '!']\npermission_sets = '*'",
        "r.toml:2:18: error[bad-resource]: rule[0].accounts: `` is not in an accepted form",
    ),
    (
        "accounts = '*'\nexcept_accounts = ['!x']\npermission_sets = '*'",
        "r.toml:3:20: error[bad-resource]: rule[0].except_accounts: `!x` in a list that leaves out already",
    ),
    (
        "accounts = '*'\nexcept_account_tags = {}\npermission_sets = '*'",
        "r.toml:3:23: error[bad-resource]: rule[0].except_account_tags: no tag is named",
    ),
    (
        "accounts = '*'\nexcept_ous = 'Prod*'\npermission_sets = '*'",
        "r.toml:3:14: error[bad-resource]: rule[0].except_ous: `Prod*` is not in an accepted form",
    ),
    (
        "groups = ['oncall', '!admins']",
        "r.toml:2:21: error[bad-resource]: rule[0].groups: `!admins`: `!` leaves no group out",
    ),
    (
        "groups = ['oncall']\nexcept_groups = ['admins']",
        "r.toml:3:17: error[bad-resource]: rule[0].except_groups: groups cannot be left out, since they are named one by one",
    ),
    (
        "groups = ['oncall']\nexcept_accounts = 'x'",
        "r.toml:3:19: error[bad-resource]: rule[0].except_accounts: a rule is about accounts or about groups, not both",
    ),
    // users and groups have separate exclusion keys
    (
        "groups = 'a'\nallowed_users = ['!bo@corp.com']",
        "r.toml:3:18: error[bad-email]: rule[0].allowed_users: `!bo@corp.com` begins with `!`, which excludes no one",
    ),
    (
        "groups = 'a'\napprover_groups = '!b'",
        "r.toml:3:19: error[bad-resource]: rule[0].approver_groups: `!b`: `!` leaves no group out",
    ),
];

#[test]
fn exclusions_that_say_nothing_sensible_are_refused() {
    for (fields, expected) in REFUSED {
        let text = format!("[[rule]]\n{fields}\n");
        assert_eq!(errors("r.toml", &text), [*expected], "{fields}");
    }
}

#[test]
fn the_elevator_form_knows_no_exclusions() {
    let account = r#""ResourceType": "Account""#;
    for (statement, expected) in [
        (
            format!(r#"{{{account}, "Resource": ["*", "!111111111111"], "PermissionSet": "*"}}"#),
            "bad-resource",
        ),
        (
            format!(r#"{{{account}, "Resource": "*", "PermissionSet": ["*", "!Admin"]}}"#),
            "bad-permission-set",
        ),
        (
            r#"{"ResourceType": "OU", "Resource": ["*", "!Workloads"], "PermissionSet": "*"}"#
                .to_owned(),
            "bad-resource",
        ),
        (
            format!(
                r#"{{{account}, "Resource": "*", "PermissionSet": "*", "AllowedUsers": "!a@corp.com"}}"#
            ),
            "bad-email",
        ),
        (
            format!(
                r#"{{{account}, "Resource": "*", "PermissionSet": "*", "AllowedGroups": "!99999999-8888-7777-6666-555555555555"}}"#
            ),
            "bad-resource",
        ),
        (
            format!(
                r#"{{{account}, "Resource": "*", "PermissionSet": "*", "except_accounts": "x"}}"#
            ),
            "unknown-field",
        ),
    ] {
        let found = load(&RuleFile::new("r.json", format!("[{statement}]"))).unwrap_err();
        let codes: Vec<&str> = found.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, [expected], "{statement}");
    }
}

fn warnings(fields: &str, with_facts: bool) -> Vec<String> {
    let facts = directory();
    let found = rule(fields).check(with_facts.then_some(&facts));
    found
        .iter()
        .map(|finding| {
            format!(
                "{}:{} {}",
                finding.code,
                finding.position,
                finding.value.as_deref().unwrap_or("-")
            )
        })
        .collect()
}

const TOLD: &[(&str, bool, &[&str])] = &[
    (
        "accounts = ['*', '!*-prod']\npermission_sets = ['*', '!Admin']",
        true,
        &[],
    ),
    (
        "accounts = ['*', '!*-prdo']\npermission_sets = '*'",
        false,
        &[],
    ),
    (
        "accounts = ['*', '!*-prdo']\npermission_sets = '*'",
        true,
        &["dead-exclusion:3:18 *-prdo"],
    ),
    (
        "accounts = ['payments-*', '!log-archive']\npermission_sets = '*'",
        true,
        &["dead-exclusion:3:27 log-archive"],
    ),
    (
        "accounts = ['100000000001', '!100000000002']\npermission_sets = ['Admin', '!Read*']",
        false,
        &[
            "dead-exclusion:3:29 100000000002",
            "dead-exclusion:4:29 read*",
        ],
    ),
    (
        "ous = 'Workloads'\nexcept_ous = ['Workloads/Porduction', 'Security']\npermission_sets = '*'",
        true,
        &[
            "dead-exclusion:4:15 Workloads/Porduction",
            "dead-exclusion:4:39 Security",
        ],
    ),
    (
        "accounts = '*'\nexcept_account_tags = { env = 'produktion' }\npermission_sets = '*'",
        true,
        &["dead-exclusion:4:31 produktion"],
    ),
    (
        "accounts = '*'\npermission_sets = '*'\nexcept_permission_sets = ['Admim']",
        true,
        &["dead-exclusion:5:27 Admim"],
    ),
    (
        "accounts = ['payments-prod', '!payments-*']\npermission_sets = '*'",
        false,
        &["dead-statement:1:1 -"],
    ),
    (
        "accounts = ['100000000001', '!*-prod']\npermission_sets = '*'",
        true,
        &["dead-statement:1:1 -"],
    ),
    (
        "accounts = '*'\npermission_sets = ['Admin', '!Admin']",
        false,
        &["dead-statement:1:1 -"],
    ),
    (
        "accounts = ['*', 'payments-prod']\npermission_sets = ['Admin', '*', '!Billing']",
        true,
        &[
            "redundant-entry:3:18 payments-prod",
            "redundant-entry:4:20 Admin",
        ],
    ),
];

#[test]
fn exclusions_that_leave_nothing_out_are_told() {
    for (fields, with_facts, expected) in TOLD {
        assert_eq!(warnings(fields, *with_facts), *expected, "{fields}");
    }
    let facts = directory();
    let rules = rule("accounts = '*'\npermission_sets = ['*', '!Bilingg']");
    let found = rules.check(Some(&facts));
    assert_eq!(
        found[0].to_string(),
        "r.toml:4:25: warning[dead-exclusion]: rule[0]: the exclusion of `Bilingg` leaves nothing out\n  \
         help: did you mean `Billing`?"
    );
}

#[test]
fn rules_that_leave_something_out_help_only_where_they_apply() {
    let all = "[[rule]]\naccounts = '*'\npermission_sets = '*'\n";
    let text = format!(
        "{all}[[rule]]\naccounts = ['*', '!*-prod']\npermission_sets = '*'\napprovers = ['bo@corp.com', 'cai@corp.com']\n"
    );
    let codes = |text: &str| -> Vec<String> {
        let facts = directory();
        let found = rules("r.toml", text).check(Some(&facts));
        found
            .iter()
            .map(|f| format!("{} {}", f.code, f.position))
            .collect()
    };
    // the targets excluded by the second have no approver
    assert_eq!(codes(&text), ["nobody-can-approve 1:1"]);
    let helped = text.replace(
        "[[rule]]\naccounts = '*'\npermission",
        "[[rule]]\naccounts = ['*', '!*-prod']\npermission",
    );
    assert_eq!(codes(&helped), [""; 0]);
}

fn narrower(chance: &mut Chance, draft: &Draft) -> Draft {
    let mut draft = draft.clone();
    let (list, of) = match chance.below(4) {
        0 => (&mut draft.except_accounts, ["100000000002", "*-prod"]),
        1 => (&mut draft.except_ous, ["Workloads", "ou-ab12-security"]),
        2 => (&mut draft.except_tags, ["prod", "d*"]),
        _ => (&mut draft.except_sets, ["Admin", "*in*"]),
    };
    list.get_or_insert_default().push(chance.pick(&of));
    draft
}

fn written(drafts: &[Draft]) -> Rules {
    let list: Vec<_> = drafts.iter().map(Draft::json).collect();
    rules(
        "drawn.json",
        &serde_json::json!({ "rule": list }).to_string(),
    )
}

fn reach(rules: &Rules) -> Vec<Vec<String>> {
    let targets = ACCOUNTS
        .iter()
        .flat_map(|account| SETS.iter().map(move |set| (account, set)));
    targets
        .map(|(account, set)| covering(rules, "bo", account, set))
        .collect()
}

fn requestable(rules: &Rules) -> BTreeMap<AccountId, usize> {
    let found = rules.requestable(&email("bo"), &directory(), noon());
    found
        .pairs()
        .map(|(id, sets)| (id.clone(), sets.len()))
        .collect()
}

#[test]
fn adding_an_exclusion_never_widens_and_order_means_nothing() {
    let seed = 7;
    let mut chance = Chance::new(seed);
    let mut narrowed = 0;
    for case in 0..400 {
        let drafts: Vec<Draft> = (0..=chance.below(3))
            .map(|place| native(&mut chance, About::Accounts, place))
            .collect();
        let at = chance.below(drafts.len());
        let mut more = drafts.clone();
        more[at] = narrower(&mut chance, &drafts[at]);
        let (before, after) = (written(&drafts), written(&more));
        for (before, after) in reach(&before).iter().zip(&reach(&after)) {
            let within = after.iter().all(|rule| before.contains(rule));
            assert!(
                within,
                "seed {seed} case {case}: {before:?} {after:?}\n{more:?}"
            );
            narrowed += u32::from(before != after);
        }
        let had = requestable(&before);
        for (id, count) in requestable(&after) {
            let had = had.get(&id).copied().unwrap_or(0);
            assert!(count <= had, "seed {seed} case {case}: {id}\n{more:?}");
        }
        let mut reversed = drafts.clone();
        for draft in &mut reversed {
            let keys = [&mut draft.accounts, &mut draft.ous, &mut draft.tags];
            for list in keys.into_iter().flatten() {
                list.reverse();
            }
            draft.sets.reverse();
        }
        let same = reach(&before) == reach(&written(&reversed));
        assert!(same, "seed {seed} case {case}: {drafts:?}");
    }
    assert!(narrowed > 50, "{narrowed} targets lost a rule");
}
