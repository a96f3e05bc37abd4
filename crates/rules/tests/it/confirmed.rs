//! Warnings to confirm: who gets them, and valid texts.

use hallpass_rules::{RuleFile, RuleId, load};

use crate::world::{
    LOGS, ONCALL, PAYMENTS_DEV, PAYMENTS_PROD, decide, directory, email, noon, rules,
};

const RULES: &str = "
[[rule]]
id = 'all'
accounts = '*'
permission_sets = '*'
approvers = ['bo@corp.com', 'cai@corp.com']
[[rule]]
id = 'cards'
accounts = ['payments-*', '!payments-dev']
permission_sets = '*'
permits_requests = false
warning = ' Card data. '
[[rule]]
id = 'again'
accounts = ['payments-prod']
permission_sets = '*'
permits_requests = false
warning = 'Card data.'
[[rule]]
id = 'admin'
accounts = '*'
permission_sets = 'Admin'
permits_requests = false
warning = '''Admin.
Two people look at it.'''
[[rule]]
id = 'ana'
accounts = '*'
permission_sets = '*'
permits_requests = false
allowed_users = ['ana@corp.com']
warning = 'For Ana.'
[[rule]]
id = 'oncall'
groups = ['oncall']
approvers = ['bo@corp.com', 'cai@corp.com']
warning = 'Pages all night.'
";

#[test]
fn warnings_are_those_of_the_rules_that_apply_each_text_once() {
    let rules = rules("rules.toml", RULES);
    let table = [
        ("dan", PAYMENTS_PROD, "ReadOnly", "cards: Card data."),
        ("dan", PAYMENTS_DEV, "ReadOnly", ""),
        (
            "dan",
            LOGS,
            "Admin",
            "admin: Admin.\nTwo people look at it.",
        ),
        (
            "ana",
            PAYMENTS_PROD,
            "Admin",
            "cards: Card data. | admin: Admin.\nTwo people look at it. | ana: For Ana.",
        ),
    ];
    for (who, account, set, wanted) in table {
        let decision = decide(&rules, who, account, set);
        let found = decision.warnings.iter();
        let found: Vec<String> = found
            .map(|it| format!("{}: {}", it.rule, it.text))
            .collect();
        assert_eq!(found.join(" | "), wanted, "{who} {account} {set}");
        let mut ids: Vec<&String> = decision.warnings.iter().map(|it| &it.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), found.len(), "each text has its own id");
    }
    let group = hallpass_base::GroupId::new(ONCALL).unwrap();
    let ask = hallpass_rules::Ask::Group { group: &group };
    let decision = rules.decide(&email("dan"), &ask, &directory(), noon());
    assert_eq!(decision.warnings[0].text, "Pages all night.");
}

#[test]
fn another_text_has_another_id_and_the_same_one_keeps_it() {
    let id = |warning: &str| {
        let text = format!(
            "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com']\nwarning = '{warning}'\n"
        );
        let decision = decide(&rules("rules.toml", &text), "ana", LOGS, "Admin");
        decision.warnings[0].id.clone()
    };
    assert_eq!(id("Card data."), id("Card data."));
    assert_ne!(id("Card data."), id("Card data!"));
    assert_eq!(id("Card data.").len(), 16);
}

#[test]
fn a_warning_can_be_read_to_its_end() {
    let long = "a".repeat(1001);
    let table = [
        ("'  '", "an empty warning"),
        (
            &format!("'{long}'"),
            "a warning has at most 1000 characters; this has 1001",
        ),
        (
            "\"a\\u202eb\"",
            "a warning with a character that its readers do not see",
        ),
        (
            "\"a\\u0007b\"",
            "a warning with a character that its readers do not see",
        ),
        ("['a']", "a list where a string is due"),
    ];
    for (warning, wanted) in table {
        let text = format!(
            "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com']\nwarning = {warning}\n"
        );
        let errors = load(&RuleFile::new("r.toml", &text)).unwrap_err();
        let found: Vec<&str> = errors.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(found, [wanted], "{warning}");
    }
    assert_eq!(
        decide(
            &rules(
                "rules.toml",
                &format!("[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com']\nwarning = '{}'\n", "a".repeat(1000)),
            ),
            "ana",
            LOGS,
            "Admin"
        )
        .warnings
        .len(),
        1
    );
}

#[test]
fn explanations_say_what_is_to_be_confirmed() {
    let rules = rules("rules.toml", RULES);
    let account = hallpass_base::AccountId::new(LOGS).unwrap();
    let ask = hallpass_rules::Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let explained = rules.explain(&email("dan"), &ask, &directory(), noon());
    let shown = serde_json::to_value(&explained).unwrap();
    assert_eq!(
        shown["warnings"][0]["text"],
        "Admin.\nTwo people look at it."
    );
    let rule = explained.rules.iter().find(|it| it.id == *"admin").unwrap();
    assert!(
        rule.sentence
            .contains("requesters and approvers confirm “Admin. Two people look at it.”"),
        "{}",
        rule.sentence
    );
}

/// Decisions name deciding rules; warnings name their own.
#[test]
fn no_decision_rests_on_a_rule_that_only_warns() {
    let rules = rules(
        "rules.toml",
        "[[rule]]
id = 'all'
accounts = '*'
permission_sets = 'Admin'
approvers = ['bo@corp.com']
[[rule]]
id = 'none'
accounts = '*'
permission_sets = 'Root'
[[rule]]
id = 'bo'
accounts = '*'
permission_sets = 'Own'
allowed_users = ['bo@corp.com']
[[rule]]
id = 'warns'
accounts = '*'
permission_sets = '*'
permits_requests = false
warning = 'Card data.'
[[rule]]
id = 'warns-and-limits'
accounts = '*'
permission_sets = '*'
permits_requests = false
max_duration = '1h'
warning = 'Short.'
",
    );
    for (set, kind, based_on, warns) in [
        ("Admin", "RequiresApproval", "all warns-and-limits", 2),
        ("Root", "NoApprovers", "none warns-and-limits", 2),
        ("Own", "RequesterNotAllowed", "bo warns-and-limits", 0),
    ] {
        let decision = decide(&rules, "dan", LOGS, set);
        assert_eq!(decision.kind.to_string(), kind, "{set}");
        let named: Vec<&str> = decision.based_on.iter().map(RuleId::as_str).collect();
        assert_eq!(named.join(" "), based_on, "{set}");
        assert_eq!(decision.warnings.len(), warns, "{set}");
    }
}
