use hallpass_rules::{RuleFile, load};

fn warnings(list: &str) -> Vec<String> {
    let text = format!("[{list}]");
    let loaded = load(&RuleFile::new("r.json", text)).expect("loads");
    loaded
        .warnings
        .iter()
        .map(|w| {
            format!(
                "{} {}: {}",
                w.code,
                w.index.map_or(String::new(), |i| i.to_string()),
                w.message
            )
        })
        .collect()
}

fn all(fields: &str) -> String {
    format!(r#"{{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", {fields}}}"#)
}

fn one(fields: &str) -> String {
    format!(
        r#"{{"ResourceType": "Account", "Resource": "111111111111", "PermissionSet": "*", {fields}}}"#
    )
}

fn check(rows: &[(String, Vec<&str>)]) {
    let wrong: Vec<String> = rows
        .iter()
        .map(|(list, expected)| (list, expected, warnings(list)))
        .filter(|(_, expected, found)| found != *expected)
        .map(|(list, expected, found)| format!("{list}\n  got {found:#?}\n  want {expected:#?}"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} rows differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn targets_nobody_can_approve() {
    check(&[
        (
            r#"{"ResourceType": "Account", "Resource": [], "PermissionSet": "*"}"#.to_owned(),
            vec!["dead-statement 0: the rule can match nothing"],
        ),
        (
            one(r#""AllowSelfApproval": true"#),
            vec![
                "nobody-can-approve 0: no one can approve permission sets in account 111111111111, and no rule waives approval",
            ],
        ),
        (one(r#""ApprovalIsNotRequired": true"#), vec![]),
        (
            format!(
                "{},{}",
                one(r#""AllowSelfApproval": true"#),
                all(r#""Approvers": ["a@corp.com", "b@corp.com"]"#)
            ),
            vec![],
        ),
        (
            all(r#""Approvers": "solo@corp.com""#),
            vec![
                "sole-approver 0: solo@corp.com can never get permission sets in every account: no one else can approve it",
            ],
        ),
        (
            all(r#""Approvers": "solo@corp.com", "AllowSelfApproval": true"#),
            vec![],
        ),
        (
            all(r#""Approvers": ["a@corp.com", "b@corp.com"], "MinApprovals": 3"#),
            vec![
                "nobody-can-approve 0: permission sets in every account needs 3 approvals, and 2 people can approve",
            ],
        ),
    ]);
}

#[test]
fn as_many_as_are_needed_can_never_ask_themselves() {
    let beside = one(r#""Approvers": ["x@corp.com", "y@corp.com", "z@corp.com", "w@corp.com"], "MinApprovals": 3"#)
        .replace(r#""PermissionSet": "*""#, r#""PermissionSet": "Other""#);
    for needed in 1..=3_usize {
        for people in 1..=4_usize {
            let listed: Vec<String> = (0..people).map(|n| format!("\"p{n}@corp.com\"")).collect();
            let fields = format!(
                r#""Approvers": [{}], "MinApprovals": {needed}"#,
                listed.join(", ")
            );
            let list =
                all(&fields).replace(r#""PermissionSet": "*""#, r#""PermissionSet": "Reader""#);
            let wanted = match people.cmp(&needed) {
                std::cmp::Ordering::Less => vec!["nobody-can-approve"],
                std::cmp::Ordering::Equal => vec!["sole-approver"],
                std::cmp::Ordering::Greater => vec![],
            };
            for list in [list.clone(), format!("{list},{beside}")] {
                let found = warnings(&list);
                let found: Vec<&str> = found
                    .iter()
                    .filter(|it| it.contains(" 0: "))
                    .filter_map(|it| it.split(' ').next())
                    .collect();
                assert_eq!(found, wanted, "{people} people, {needed} needed: {list}");
            }
        }
    }
}

#[test]
fn flags_that_cancel_and_forms_read_out_of_courtesy() {
    check(&[
        (
            format!(
                "{},{}",
                all(r#""Approvers": ["a@corp.com", "b@corp.com"], "AllowSelfApproval": true"#),
                one(r#""Approvers": "a@corp.com", "AllowSelfApproval": false"#)
            ),
            vec![
                "self-denied-by 0: `AllowSelfApproval: true` of `s1` is overridden by `AllowSelfApproval: false` of `s2` for a@corp.com",
            ],
        ),
        (
            format!(
                "{},{}",
                all(r#""Approvers": ["a@corp.com", "c@corp.com"], "AllowSelfApproval": true"#),
                one(r#""Approvers": "b@corp.com", "AllowSelfApproval": false"#)
            ),
            vec![],
        ),
        (
            format!(
                "{},{}",
                all(r#""ApprovalIsNotRequired": true"#),
                one(r#""ApprovalIsNotRequired": false, "Approvers": ["a@corp.com", "b@corp.com"]"#)
            ),
            vec![
                "self-denied-by 0: `ApprovalIsNotRequired: true` of `s1` is overridden by `ApprovalIsNotRequired: false` of `s2`",
            ],
        ),
        (
            all(
                r#""Approvers": ["Bob <Bob@corp.com>", "al@corp.com"], "AllowSelfApproval": "True""#,
            ),
            vec![
                "display-name 0: `Bob <Bob@corp.com>` is read as `bob@corp.com`",
                "coerced-flag 0: the text `True` is read as true",
            ],
        ),
    ]);
}

#[test]
fn empty_lists_of_requesters_are_told_with_what_they_mean() {
    check(&[
        (
            all(r#""Approvers": ["a@corp.com", "b@corp.com"], "AllowedUsers": []"#),
            vec!["empty-list 0: an empty list restricts no one: everyone may request"],
        ),
        (
            all(
                r#""Approvers": ["a@corp.com", "b@corp.com"], "AllowedUsers": [], "AllowedGroups": "99999999-8888-7777-6666-555555555555""#,
            ),
            vec![],
        ),
    ]);
    let text = "[[rule]]\naccounts = '*'\npermission_sets = '*'\n\
                approvers = ['a@corp.com', 'b@corp.com']\nallowed_groups = []\n";
    let warnings = load(&RuleFile::new("r.toml", text)).unwrap().warnings;
    assert_eq!(
        warnings[0].to_string(),
        "r.toml:5:18: warning[empty-list]: rule[0]: the rule permits no request: its list of \
         requesters is empty\n  help: leave the key out to let everyone request; earlier versions read an empty list so"
    );
    assert_eq!(warnings.len(), 1);
}

#[test]
fn a_denial_for_others_overrides_nothing() {
    let yes = |who: &str| {
        all(&format!(
            r#""ApprovalIsNotRequired": true, "AllowedUsers": "{who}@corp.com""#
        ))
    };
    let no = r#""ApprovalIsNotRequired": false, "Approvers": ["a@corp.com", "b@corp.com"]"#;
    let of = |who: &str| all(&format!(r#"{no}, "AllowedUsers": "{who}@corp.com""#));
    check(&[
        (format!("{},{}", yes("c"), of("d")), vec![]),
        (
            format!("{},{}", yes("c"), of("c")),
            vec![
                "self-denied-by 0: `ApprovalIsNotRequired: true` of `s1` is overridden by `ApprovalIsNotRequired: false` of `s2`, for requesters of the second",
            ],
        ),
    ]);
}

fn warned_of(rules: &[String]) -> Vec<String> {
    let one = |text: String, it: &String| text + "[[rule]]\n" + it + "\n";
    let text = rules.iter().fold(String::new(), one);
    let loaded = load(&RuleFile::new("r.toml", text.as_str())).expect("loads");
    let ids = ["some", "all"];
    let named = loaded.warnings.iter().map(|it| {
        let id = it.index.map_or("", |index| ids[index.min(1)]);
        format!("{} {id}: {}", it.code, it.message)
    });
    named.collect()
}

/// The rule for everyone makes the restriction ineffective.
#[test]
fn a_rule_for_everyone_over_all_of_a_rule_for_some_is_warned_of() {
    const SOME: &str = "id = 'some'\naccounts = ['payments-*']\npermission_sets = ['Admin', 'Read*']\napprovers = ['a@corp.com', 'b@corp.com', 'e@corp.com']\n";
    const ALL: &str = "id = 'all'\naccounts = '*'\npermission_sets = '*'\napprovers = ['a@corp.com', 'b@corp.com']\n";
    const MEANT: &str =
        "everyone-may-ask all: everyone may request all that `some` lets only some people request";
    const HOURS: &str = "hours = { from = '09:00', to = '17:00', time_zone = 'UTC' }\n";
    const MORE_APPROVALS: &str = "allowed_users = ['c@corp.com']\nmin_approvals = 2\n";
    const LONGER: &str =
        "allowed_users = ['c@corp.com']\nmax_duration = '8h'\nprefer_longest_duration = true\n";
    let who = "allowed_users = ['c@corp.com']\n";
    for (some, all, wanted) in [
        (who, "", Some(MEANT)),
        ("allowed_groups = ['Payments']\n", "", Some(MEANT)),
        (
            "requester_attributes = { department = ['Payments'] }\n",
            "",
            Some(MEANT),
        ),
        (who, "permits_requests = false\n", None),
        (who, "allowed_groups = ['Engineers']\n", None),
        (who, "except_requesters = ['d@corp.com']\n", None),
        (who, HOURS, None),
        (who, "except_accounts = ['payments-prod']\n", None),
        (who, "except_permission_sets = ['Admin']\n", None),
        ("", "", None),
        (
            "allowed_users = ['c@corp.com']\napproval_is_not_required = true\n",
            "",
            None,
        ),
        (
            "allowed_users = ['a@corp.com']\nallow_self_approval = true\n",
            "",
            None,
        ),
        (
            "allowed_users = ['c@corp.com']\nbreak_glass = ['c@corp.com']\n",
            "",
            None,
        ),
        (MORE_APPROVALS, "", None),
        (LONGER, "", None),
        (
            "allowed_users = ['c@corp.com']\npermits_requests = false\n",
            "",
            None,
        ),
    ] {
        let rules = [format!("{SOME}{some}"), format!("{ALL}{all}")];
        let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
        assert_eq!(warned_of(&rules), wanted, "{some} {all}");
    }
    let rules = [
        format!("{SOME}{who}"),
        ALL.to_owned(),
        format!("{}{who}", SOME.replace("'some'", "'more'")),
    ];
    assert_eq!(
        warned_of(&rules),
        [
            "everyone-may-ask all: everyone may request all that `some` and 1 more let only some people request"
        ]
    );
    let some = one(r#""Approvers": ["a@corp.com", "b@corp.com"], "AllowedUsers": "c@corp.com""#);
    let every = all(r#""Approvers": ["a@corp.com", "b@corp.com"]"#);
    check(&[(format!("{some},{every}"), vec![])]);
}
