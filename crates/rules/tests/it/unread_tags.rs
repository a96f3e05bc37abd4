//! Rules with account tags, read and unread.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use hallpass_rules::{
    Ask, Decision, Directory, Effect, Rules,
    directory::{Account, AccountTags, Snapshot},
};

use crate::world::{LOGS, PAYMENTS_PROD, directory, email, noon, rules, shown};

fn with(tags: &AccountTags) -> Directory {
    let mut snapshot = directory().snapshot().clone();
    for account in &mut snapshot.accounts {
        if account.id.as_str() == LOGS {
            account.tags = tags.clone();
        }
    }
    Directory::new(snapshot)
}

fn tagged(key: &str, value: &str) -> AccountTags {
    AccountTags::Read(BTreeMap::from([(key.to_owned(), value.to_owned())]))
}

fn decide(rules: &Rules, facts: &Directory, account: &str) -> Decision {
    let account = AccountId::new(account).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    rules.decide(&email("cai"), &ask, facts, noon())
}

fn beside(fields: &str) -> Rules {
    rules(
        "r.toml",
        &format!(
            "[[rule]]\nid = 'all'\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com', 'dan@corp.com']\n\
             [[rule]]\nid = 'tags'\npermission_sets = '*'\n{fields}\n"
        ),
    )
}

const ROWS: &[(&str, [&str; 3])] = &[
    (
        "account_tags = { data = 'cards' }\napprovers = ['ana@corp.com']",
        [
            "RequiresApproval [ana,bo,dan] all,tags",
            "RequiresApproval [bo,dan] all",
            "RequiresApproval [bo,dan] all",
        ],
    ),
    (
        "account_tags = { data = 'cards' }\napproval_is_not_required = true",
        [
            "ApprovalNotRequired [] tags",
            "RequiresApproval [bo,dan] all",
            "RequiresApproval [bo,dan] all",
        ],
    ),
    (
        "accounts = '*'\nexcept_account_tags = { data = 'cards' }\napproval_is_not_required = true",
        [
            "RequiresApproval [bo,dan] all",
            "ApprovalNotRequired [] tags",
            "RequiresApproval [bo,dan] all",
        ],
    ),
    (
        "account_tags = { data = ['*', '!cards'] }\napproval_is_not_required = true",
        [
            "RequiresApproval [bo,dan] all",
            "ApprovalNotRequired [] tags",
            "RequiresApproval [bo,dan] all",
        ],
    ),
    (
        "account_tags = { data = 'cards' }\npermits_requests = false\nmin_approvals = 3",
        [
            "NoApprovers [] all,tags",
            "RequiresApproval [bo,dan] all",
            "NoApprovers [] all",
        ],
    ),
    (
        "accounts = '*'\nexcept_account_tags = { data = 'cards' }\npermits_requests = false\nmin_approvals = 3",
        [
            "RequiresApproval [bo,dan] all",
            "NoApprovers [] all,tags",
            "NoApprovers [] all",
        ],
    ),
    (
        "accounts = 'payments-*'\nexcept_account_tags = { data = 'cards' }\nmin_approvals = 3",
        ["RequiresApproval [bo,dan] all"; 3],
    ),
    (
        "account_tags = { data = 'cards' }\nallowed_groups = ['OnCall']\nmin_approvals = 3",
        ["RequiresApproval [bo,dan] all"; 3],
    ),
];

#[test]
fn what_is_unread_permits_nothing_and_limits() {
    for (fields, wanted) in ROWS {
        let rules = beside(fields);
        let found = [
            tagged("data", "Cards"),
            tagged("data", "none"),
            AccountTags::Unread,
        ]
        .map(|tags| shown(&decide(&rules, &with(&tags), LOGS)));
        assert_eq!(found, *wanted, "{fields}");
    }
}

#[test]
fn a_denial_holds_while_tags_are_unread() {
    let rules = rules(
        "r.toml",
        "[[rule]]\nid = 'all'\naccounts = '*'\npermission_sets = '*'\napproval_is_not_required = true\napprovers = ['bo@corp.com']\n\
         [[rule]]\nid = 'tags'\naccount_tags = { data = 'cards' }\npermission_sets = '*'\npermits_requests = false\napproval_is_not_required = false\n",
    );
    let found = [
        tagged("data", "cards"),
        tagged("data", "no"),
        AccountTags::Unread,
    ]
    .map(|tags| decide(&rules, &with(&tags), LOGS).kind.as_str());
    assert_eq!(
        found,
        [
            "RequiresApproval",
            "ApprovalNotRequired",
            "RequiresApproval"
        ]
    );
}

#[test]
fn a_rule_by_tags_alone_is_refused_with_the_reason_while_they_are_unread() {
    let rules = rules(
        "r.toml",
        "[[rule]]\nid = 'tags'\naccount_tags = { data = 'cards' }\npermission_sets = '*'\nwarning = 'Card data.'\napprovers = ['bo@corp.com']\n",
    );
    let facts = with(&AccountTags::Unread);
    let decision = decide(&rules, &facts, LOGS);
    assert_eq!(shown(&decision), "RequesterNotAllowed [] tags");
    assert_eq!(
        decision.unread,
        [format!("the tags of account {LOGS} could not be read")]
    );
    assert_eq!(
        decide(&rules, &facts, PAYMENTS_PROD).kind.as_str(),
        "NoStatements"
    );
    let reach = rules.reach(&facts);
    assert!(reach.is_empty());
    let account = AccountId::new(LOGS).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let told = rules.explain(&email("cai"), &ask, &facts, noon());
    assert_eq!(told.rules[0].effect, Effect::DeniesOnly);
    assert_eq!(
        told.rules[0].why,
        "whether it is about the account could not be read, as it names tags; try again"
    );
}

#[test]
fn checking_says_that_tags_are_unread_and_not_that_a_rule_is_dead() {
    let rules = rules(
        "r.toml",
        "[[rule]]\naccounts = 'log-*'\naccount_tags = { data = 'cards' }\npermission_sets = '*'\napprovers = ['ana@corp.com', 'bo@corp.com']\n\
         [[rule]]\naccounts = 'log-*'\nexcept_account_tags = { data = 'pii' }\npermission_sets = '*'\napprovers = ['ana@corp.com', 'bo@corp.com']\n",
    );
    let codes = |tags: &AccountTags| -> Vec<String> {
        let found = rules.check(Some(&with(tags)));
        found.iter().map(|it| it.code.to_string()).collect()
    };
    assert_eq!(
        codes(&tagged("data", "none")),
        ["dead-statement", "dead-exclusion"]
    );
    assert_eq!(codes(&AccountTags::Unread), ["unread-tags", "unread-tags"]);
    let found = rules.check(Some(&with(&AccountTags::Unread)));
    assert_eq!(
        found[0].message,
        "the tags of 1 of 4 accounts could not be read: there, this rule permits nothing, and its denials and limits apply"
    );
}

#[test]
fn only_rules_that_name_tags_want_them() {
    for (fields, wants) in [
        ("account_tags = { data = 'cards' }", true),
        (
            "accounts = '*'\nexcept_account_tags = { data = 'cards' }",
            true,
        ),
        ("accounts = '*'", false),
    ] {
        assert_eq!(beside(fields).references_account_tags(), wants, "{fields}");
    }
}

#[test]
fn tags_are_stored_with_their_being_unread() {
    for tags in [
        AccountTags::Unread,
        AccountTags::Read(BTreeMap::new()),
        tagged("data", "cards"),
    ] {
        let stored = serde_json::to_string(with(&tags).snapshot()).unwrap();
        let read: Snapshot = serde_json::from_str(&stored).unwrap();
        let account = read.accounts.iter().find(|it| it.id.as_str() == LOGS);
        assert_eq!(account.unwrap().tags, tags);
    }
    // as stored by releases that read no tags
    let before = r#"{"id": "100000000003", "name": "log-archive", "active": true, "tags": {}}"#;
    let before: Account = serde_json::from_str(before).unwrap();
    assert_eq!(before.tags, AccountTags::Unread);
    // older releases can read the new form: `tags` was optional, unknown fields ignored
    let unread = serde_json::to_value(&before).unwrap();
    assert!(unread.get("tags").is_none() && unread.get("read_tags").is_none());
}
