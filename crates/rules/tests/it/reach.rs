//! Targets of the rules for any requester, as used by a sweep (`access.md` §10.4).

use crate::world::{CLOSED, EMPTY, LOGS, ONCALL, PAYMENTS_DEV, PAYMENTS_PROD, directory, rules};

fn reach(file: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let found = rules(file, text).reach(&directory());
    let pairs = found
        .pairs()
        .map(|(id, sets)| format!("{id} {}", sets.join(",")))
        .collect();
    let groups = found.groups().iter().map(ToString::to_string).collect();
    (pairs, groups)
}

#[test]
fn pairs_that_a_rule_affects_are_in_reach_and_not_the_cross_product() {
    let (pairs, groups) = reach(
        "rules.json",
        &format!(
            r#"{{"statements": [
  {{"ResourceType": "OU", "Resource": "Workloads", "PermissionSet": "ReadOnly"}},
  {{"ResourceType": "Account", "Resource": "{PAYMENTS_PROD}", "PermissionSet": "Admin",
    "AllowedUsers": "nobody@corp.com"}}],
 "group_statements": [{{"Resource": "{EMPTY}", "AllowedUsers": "ana@corp.com"}},
  {{"Resource": "00000000-0000-0000-0000-00000000dead"}}]}}"#
        ),
    );
    assert_eq!(
        pairs,
        [
            format!("{PAYMENTS_PROD} ReadOnly,Admin"),
            format!("{PAYMENTS_DEV} ReadOnly")
        ]
    );
    assert_eq!(groups, [EMPTY]);
}

#[test]
fn hours_do_not_hide_what_a_rule_is_about() {
    let (pairs, groups) = reach(
        "rules.toml",
        &format!(
            "[[rule]]\naccounts = ['{LOGS}']\npermission_sets = ['Read*']\n\
             hours = {{ from = '03:00', to = '03:01', time_zone = 'UTC' }}\n\
             [[rule]]\ngroups = ['{ONCALL}']\n"
        ),
    );
    assert_eq!(pairs, [format!("{LOGS} ReadOnly")]);
    assert_eq!(groups, [ONCALL]);
}

#[test]
fn suspended_accounts_are_out_of_reach() {
    let text = r#"{"statements": [
  {"ResourceType": "Account", "Resource": "*", "PermissionSet": "*"}]}"#;
    let (pairs, _) = reach("rules.json", text);
    assert_eq!(pairs.len(), 3, "{pairs:?}");
    assert!(
        pairs.iter().all(|pair| !pair.starts_with(CLOSED)),
        "{pairs:?}"
    );
}
