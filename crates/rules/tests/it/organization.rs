//! Decisions that need the directory: units, groups, users with several addresses.

use hallpass_base::AccountId;
use hallpass_rules::{
    Ask, DecisionKind, Directory, PressRefusedByRules, Principal, RuleId,
    directory::{OuRef, Snapshot},
};
use pretty::check;

use crate::world::{
    CLOSED, EMPTY, LOGS, ONCALL, PAYMENTS_DEV, PAYMENTS_PROD, UNREAD, decide, directory, email,
    noon, rules, shown, statements,
};

mod pretty {
    pub(super) fn check<R>(rows: &[R], mut run: impl FnMut(&R) -> Option<String>) {
        let wrong: Vec<String> = rows.iter().filter_map(&mut run).collect();
        assert!(
            wrong.is_empty(),
            "{} rows differ:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
}

fn unit(resource: &str) -> String {
    format!(
        r#"{{"ResourceType": "OU", "Resource": {resource}, "PermissionSet": "*", "Approvers": "bo@corp.com"}}"#
    )
}

#[test]
fn a_unit_covers_its_subtree() {
    let rows = [
        (r#""*""#, [true, true, true]),
        (r#""Root""#, [true, true, true]),
        (r#""r-ab12""#, [true, true, true]),
        (r#""r-zz99""#, [false, false, false]),
        (r#""Workloads""#, [true, true, false]),
        (r#""Root/Workloads""#, [true, true, false]),
        (r#""Workloads/Prod""#, [true, false, false]),
        (r#""Root/Workloads/Prod""#, [true, false, false]),
        (r#""Prod""#, [false, false, false]),
        (r#""workloads""#, [false, false, false]),
        (r#""ou-ab12-workload""#, [true, true, false]),
        (r#""ou-ab12-nonprod0""#, [false, true, false]),
        (r#"["Security", "Workloads/NonProd"]"#, [false, true, true]),
        (r#"["*", "Security"]"#, [true, true, true]),
        (r"[]", [false, false, false]),
    ];
    check(&rows, |(resource, expected)| {
        let rules = statements(&unit(resource));
        let covers = [PAYMENTS_PROD, PAYMENTS_DEV, LOGS].map(|account| {
            decide(&rules, "ana", account, "Admin").kind == DecisionKind::RequiresApproval
        });
        (covers != *expected).then(|| format!("{resource}: got {covers:?}, want {expected:?}"))
    });
}

#[test]
fn an_account_the_directory_lacks_is_in_no_unit_and_that_is_said() {
    let decision = decide(
        &statements(&unit(r#""Workloads""#)),
        "ana",
        "999999999999",
        "Admin",
    );
    assert_eq!(decision.kind, DecisionKind::NoStatements);
    assert_eq!(decision.unread.len(), 1, "{:?}", decision.unread);
}

fn everywhere(fields: &str) -> String {
    format!(r#"{{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", {fields}}}"#)
}

fn oncall(key: &str) -> String {
    format!(r#""{key}": ["{ONCALL}"]"#)
}

const CAI: &str = r#""Approvers": "cai@corp.com""#;

fn outcomes(rows: &[(&str, Vec<String>, &str)]) {
    check(rows, |(who, list, expected)| {
        let got = shown(&decide(
            &statements(&list.join(",")),
            who,
            PAYMENTS_PROD,
            "Admin",
        ));
        (got != *expected).then(|| format!("{who} {list:?}\n   got {got}, want {expected}"))
    });
}

#[test]
fn who_may_ask_is_decided_by_name_and_group() {
    let allowed = oncall("AllowedGroups");
    outcomes(&[
        (
            "ana",
            vec![everywhere(&format!("{allowed}, {CAI}"))],
            "RequiresApproval [cai] s1",
        ),
        (
            "ANA.LIND",
            vec![everywhere(&format!("{allowed}, {CAI}"))],
            "RequiresApproval [cai] s1",
        ),
        (
            "cai",
            vec![everywhere(&format!("{allowed}, {CAI}"))],
            "RequesterNotAllowed [] s1",
        ),
        (
            "dan",
            vec![everywhere(&format!("{allowed}, {CAI}"))],
            "RequesterNotAllowed [] s1",
        ),
        (
            "cai",
            vec![everywhere(&format!(
                r#"{allowed}, "AllowedUsers": "CAI@corp.com", "Approvers": "bo@corp.com""#
            ))],
            "RequiresApproval [bo] s1",
        ),
        (
            "cai",
            vec![
                everywhere(&format!(r#"{allowed}, "Approvers": "bo@corp.com""#)),
                everywhere(r#""Approvers": "dan@corp.com""#),
            ],
            "RequiresApproval [dan] s2",
        ),
    ]);
}

#[test]
fn a_statement_that_leaves_somebody_out_denies_them_nothing() {
    let (allowed, unread) = (
        oncall("AllowedGroups"),
        format!(r#""AllowedGroups": "{UNREAD}""#),
    );
    let no_skipping = r#""ApprovalIsNotRequired": false"#;
    let not_oneself = format!(r#"{CAI}, "AllowSelfApproval": false"#);
    let skipping = everywhere(r#""ApprovalIsNotRequired": true, "Approvers": "dan@corp.com""#);
    let oneself = everywhere(&format!(r#"{CAI}, "AllowSelfApproval": true"#));
    let everybody = r#""AllowedUsers": [], "AllowedGroups": []"#;
    let denied = |fields: &str, denial: &str, other: &String| {
        vec![everywhere(&format!("{fields}, {denial}")), other.clone()]
    };
    outcomes(&[
        (
            "cai",
            denied(&allowed, no_skipping, &skipping),
            "ApprovalNotRequired [] s2",
        ),
        (
            "cai",
            denied(&allowed, &not_oneself, &oneself),
            "SelfApproval [] s2",
        ),
        (
            "bo",
            denied(&allowed, no_skipping, &skipping),
            "RequiresApproval [dan] s1,s2",
        ),
        (
            "cai",
            denied(&unread, no_skipping, &skipping),
            "RequiresApproval [dan] s2",
        ),
        (
            "cai",
            denied(&unread, &not_oneself, &oneself),
            "NoApprovers [] s2",
        ),
        (
            "cai",
            denied(everybody, no_skipping, &skipping),
            "RequiresApproval [dan] s1,s2",
        ),
        (
            "cai",
            denied(everybody, &not_oneself, &oneself),
            "NoApprovers [] s1,s2",
        ),
    ]);
}

#[test]
fn groups_approve_as_people_do() {
    let approver = oncall("ApproverGroups");
    outcomes(&[
        (
            "cai",
            vec![everywhere(&approver)],
            "RequiresApproval [ana,bo] s1",
        ),
        (
            "ana.lind",
            vec![everywhere(&approver)],
            "RequiresApproval [bo] s1",
        ),
        (
            "bo",
            vec![everywhere(&format!(
                r#"{approver}, "AllowSelfApproval": true"#
            ))],
            "SelfApproval [] s1",
        ),
        (
            "bo",
            vec![
                everywhere(&format!(r#"{approver}, "AllowSelfApproval": false"#)),
                everywhere(r#""Approvers": "bo@corp.com", "AllowSelfApproval": true"#),
            ],
            "RequiresApproval [ana] s1,s2",
        ),
        (
            "bo",
            vec![everywhere(&format!(r#""ApproverGroups": "{EMPTY}""#))],
            "NoApprovers [] s1",
        ),
    ]);
}

#[test]
fn what_is_unread_or_ambiguous_goes_to_the_safe_side() {
    let allowed = oncall("AllowedGroups");
    outcomes(&[
        // unread facts neither allow nor undo
        (
            "bo",
            vec![everywhere(&format!(
                r#""AllowedGroups": "{UNREAD}", {CAI}"#
            ))],
            "RequesterNotAllowed [] s1",
        ),
        (
            "bo",
            vec![
                everywhere(&format!(
                    r#""ApproverGroups": "{UNREAD}", "AllowSelfApproval": false"#
                )),
                everywhere(
                    r#""Approvers": ["bo@corp.com", "cai@corp.com"], "AllowSelfApproval": true"#,
                ),
            ],
            "RequiresApproval [cai] s1,s2",
        ),
        // a shared address identifies no user
        (
            "twin",
            vec![everywhere(&format!("{allowed}, {CAI}"))],
            "RequesterNotAllowed [] s1",
        ),
        (
            "cai",
            vec![everywhere(
                r#""Approvers": ["ana@corp.com", "ana.lind@corp.com"], "MinApprovals": 2"#,
            )],
            "NoApprovers [] s1",
        ),
        (
            "ana",
            vec![everywhere(r#""Approvers": "ana.lind@corp.com""#)],
            "NoApprovers [] s1",
        ),
    ]);
}

#[test]
fn what_could_not_be_read_is_named() {
    let rules = statements(&format!(
        r#"{{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "AllowedGroups": "{UNREAD}"}}"#
    ));
    let decision = decide(&rules, "bo", PAYMENTS_PROD, "Admin");
    assert_eq!(
        decision.unread,
        [format!("the members of group `{UNREAD}` could not be read")]
    );
}

#[test]
fn limits_come_from_the_rules_that_apply() {
    let rules = statements(
        r#"{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": ["bo@corp.com", "cai@corp.com", "dan@corp.com"], "MaxDuration": "08:00", "BreakGlass": "ana@corp.com", "ApproversToNotify": []},
           {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin", "MinApprovals": 2, "MaxDuration": "01:30", "SlackChannel": "C0ADMIN", "ApproversToNotify": ["chat@corp.com", "ana@corp.com"]},
           {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Billing", "MinApprovals": 4, "SlackChannel": "C0BILL", "BreakGlass": []},
           {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin", "AllowedUsers": "bo@corp.com", "MinApprovals": 5, "MaxDuration": "00:05"}"#,
    );
    let admin = decide(&rules, "ana", PAYMENTS_PROD, "Admin");
    assert_eq!(shown(&admin), "RequiresApproval [bo,cai,dan] s1,s2");
    assert_eq!(admin.approvals_needed, 2);
    assert_eq!(admin.max_duration.unwrap().as_seconds(), 5400);
    assert_eq!(admin.slack_channel.as_deref(), Some("C0ADMIN"));
    assert!(admin.break_glass);
    assert_eq!(
        admin
            .notify
            .iter()
            .map(hallpass_base::Email::as_str)
            .collect::<Vec<_>>(),
        ["chat@corp.com"]
    );
    let billing = decide(&rules, "ana", PAYMENTS_PROD, "Billing");
    assert_eq!(shown(&billing), "NoApprovers [] s1,s3");
    assert!(!billing.break_glass, "an empty list forbids");
    let read = decide(&rules, "cai", PAYMENTS_PROD, "ReadOnly");
    assert!(!read.break_glass, "not listed");
    assert!(read.notify.is_empty());
}

#[test]
fn presses_are_refused_with_the_rule_that_refuses() {
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let list = |ids: &[&str]| -> Vec<RuleId> {
        ids.iter()
            .map(|id| serde_json::from_value(serde_json::json!(id)).unwrap())
            .collect()
    };
    let rules = statements(&format!(
        r#"{{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": ["ana@corp.com", "cai@corp.com"], "AllowSelfApproval": true}},
           {{"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin", "ApproverGroups": "{ONCALL}", "AllowSelfApproval": false}}"#
    ));
    let press = |presser: &str, requester: &str| {
        rules
            .press(
                &email(presser),
                &email(requester),
                &ask,
                &directory(),
                noon(),
            )
            .may_approve()
            .map(|permit| (permit.listed_by, permit.own_request))
    };
    assert_eq!(press("cai", "dan"), Ok((list(&["s1"]), false)));
    assert_eq!(press("ana", "dan"), Ok((list(&["s1", "s2"]), false)));
    assert_eq!(press("bo", "dan"), Ok((list(&["s2"]), false)));
    assert_eq!(press("cai", "cai"), Ok((list(&["s1"]), true)));
    let own = Err(PressRefusedByRules::OwnRequest {
        rules: list(&["s2"]),
    });
    assert_eq!(press("ana", "ana"), own);
    assert_eq!(press("ana.lind", "ana"), own);
    assert_eq!(
        press("dan", "ana"),
        Err(PressRefusedByRules::NotListed {
            rules: list(&["s1", "s2"]),
            left_out_by: vec![],
            unread: vec![]
        })
    );
    let deny = |presser: &str, requester: &str| {
        rules
            .press(
                &email(presser),
                &email(requester),
                &ask,
                &directory(),
                noon(),
            )
            .may_deny()
            .is_ok()
    };
    assert!(deny("bo", "cai") && deny("ana", "cai"));
    assert!(!deny("cai", "cai") && !deny("dan", "cai"));
    let none = statements("");
    let refused = none
        .press(&email("ana"), &email("cai"), &ask, &directory(), noon())
        .may_approve();
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the rules of today refuse this request: NoStatements"
    );
}

#[test]
fn the_directory_survives_being_stored() {
    let stored = serde_json::to_string(&directory()).unwrap();
    let read: Directory = serde_json::from_str(&stored).unwrap();
    assert_eq!(read.snapshot(), directory().snapshot());
    assert_eq!(read.groups_of(&email("ana.lind")).len(), 1);
    assert!(read.person_by_email(&email("twin")).is_err());
}

#[test]
fn checking_against_the_directory_finds_what_does_not_exist() {
    let rules = rules(
        "rules.json",
        &format!(
            r#"{{"statements": [
  {{"ResourceType": "Account", "Resource": ["999999999999", "{CLOSED}"], "PermissionSet": ["ReadOnly", "Gone", "Biling"], "Approvers": ["bo@corp.com", "eve@corp.com", "who@corp.com", "twin@corp.com", "Ana <ana.lid@corp.com>"]}},
  {{"ResourceType": "OU", "Resource": ["Workloads/Gone", "ou-ab12-gone0000", "Sandbox", "Root/Workloads/Pord"], "PermissionSet": "*", "Approvers": ["bo@corp.com", "cai@corp.com"]}}
], "group_statements": [
  {{"Resource": ["{ONCALL}", "00000000-0000-0000-0000-000000000000"], "ApproverGroups": "{UNREAD}"}}]}}"#
        ),
    );
    let found: Vec<String> = rules
        .check(Some(&directory()))
        .iter()
        .map(|finding| {
            format!(
                "{}:{} {} {}",
                finding.code,
                finding.position,
                finding.value.as_deref().unwrap_or(""),
                finding.help.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "dead-statement:2:44 999999999999 -",
            "dead-statement:2:60 100000000004 -",
            "dead-statement:2:107 Gone -",
            "dead-statement:2:115 Biling did you mean `Billing`?",
            "unknown-person:2:155 eve@corp.com -",
            "unknown-person:2:171 who@corp.com -",
            "unknown-person:2:187 twin@corp.com -",
            "display-name:2:204 Ana <ana.lid@corp.com> write the address alone",
            "unknown-person:2:204 ana.lid@corp.com did you mean `ana.lind@corp.com`?",
            "unknown-ou:3:39 Workloads/Gone -",
            "unknown-ou:3:57 ou-ab12-gone0000 -",
            "unknown-ou:3:88 Workloads/Pord did you mean `Workloads/Prod`?",
            "dead-statement:5:57 00000000-0000-0000-0000-000000000000 -",
            "unread-group:5:116 aaaaaaaa-0000-4000-8000-000000000003 -",
        ]
    );
    // without an organization only the text is checked
    let alone: Vec<String> = rules
        .check(None)
        .iter()
        .map(|finding| format!("{}:{}", finding.code, finding.position))
        .collect();
    assert_eq!(alone, ["display-name:2:204"]);
}

#[test]
fn of_an_approver_whom_the_directory_lacks_it_is_said_that_they_will_never_approve() {
    let rules = rules(
        "rules.json",
        r#"{"statements": [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*",
            "Approvers": ["bo@corp.com", "eve@corp.com", "gil@corp.com"], "AllowedUsers": ["bo@corp.com", "fay@corp.com"]}]}"#,
    );
    let found = rules.check(Some(&directory()));
    let of = |who: &str| {
        let mut of_them = found.iter().filter(|it| it.value.as_deref() == Some(who));
        of_them.next().map(|it| it.message.as_str())
    };
    assert_eq!(
        of("gil@corp.com"),
        Some("no user has the address `gil@corp.com`: this approver will never be able to approve")
    );
    assert_eq!(
        of("eve@corp.com"),
        Some("the user `eve@corp.com` is disabled: this approver cannot approve")
    );
    assert_eq!(
        of("fay@corp.com"),
        Some("no user has the address `fay@corp.com`")
    );
}

#[test]
fn a_path_of_several_units_is_an_error() {
    let unit = |id: &str, name: &str| OuRef {
        id: id.to_owned(),
        name: name.to_owned(),
    };
    let facts = Directory::new(Snapshot {
        ous: vec![
            vec![unit("ou-ab12-00000001", "A"), unit("ou-ab12-00000002", "B")],
            vec![unit("ou-ab12-00000003", "A/B")],
        ],
        ..Snapshot::default()
    });
    let rules = statements(
        r#"{"ResourceType": "OU", "Resource": "A/B", "PermissionSet": "*", "Approvers": ["bo@corp.com", "cai@corp.com"]}"#,
    );
    let errors: Vec<String> = rules
        .check(Some(&facts))
        .iter()
        .filter(|finding| finding.is_error())
        .map(|finding| format!("{} {}", finding.code, finding.message))
        .collect();
    assert_eq!(
        errors,
        ["ambiguous-ou `A/B` names several units: ou-ab12-00000002, ou-ab12-00000003"]
    );
}

#[test]
fn two_addresses_of_one_person_fill_one_seat() {
    let rules = rules(
        "rules.toml",
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\nstages = [{ approvers = 'ana@corp.com' }, { approvers = ['ana.lind@corp.com', 'bo@corp.com'] }]\n",
    );
    let decision = decide(&rules, "cai", PAYMENTS_PROD, "Admin");
    assert_eq!(decision.kind, DecisionKind::RequiresApproval);
    assert_eq!(
        decide(&rules, "bo", PAYMENTS_PROD, "Admin").kind,
        DecisionKind::NoApprovers
    );
}

#[test]
fn the_catalog_holds_what_somebody_may_ask_for() {
    let rules = rules(
        "rules.json",
        &format!(
            r#"{{"statements": [
  {{"ResourceType": "OU", "Resource": "Workloads", "PermissionSet": "ReadOnly"}},
  {{"ResourceType": "Account", "Resource": "{PAYMENTS_PROD}", "PermissionSet": "*", "AllowedGroups": "{ONCALL}"}}],
 "group_statements": [{{"Resource": "{EMPTY}", "AllowedUsers": "ana@corp.com"}}]}}"#
        ),
    );
    let catalog = |who: &str| {
        let found = rules.requestable(&email(who), &directory(), noon());
        let pairs: Vec<String> = found
            .accounts()
            .map(|id| format!("{id} {}", found.permission_sets(id).join(",")))
            .collect();
        assert_eq!(found.pairs().count(), pairs.len());
        (pairs, found.groups().len())
    };
    assert_eq!(
        catalog("ana"),
        (
            vec![
                format!("{PAYMENTS_PROD} ReadOnly,Admin,Billing"),
                format!("{PAYMENTS_DEV} ReadOnly")
            ],
            1
        )
    );
    assert_eq!(
        catalog("cai"),
        (
            vec![
                format!("{PAYMENTS_PROD} ReadOnly"),
                format!("{PAYMENTS_DEV} ReadOnly")
            ],
            0
        )
    );
}

/// A user id identifies the user regardless of the address: a rename changes nothing, and a reused
/// address grants no rights.
#[test]
fn a_user_id_says_who_somebody_is_and_an_address_does_not() {
    let rules = statements(
        r#"{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*",
            "Approvers": ["ana@corp.com", "cai@corp.com", "twin@corp.com"]}"#,
    );
    let account = AccountId::new(LOGS).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let directory = directory();
    let user = |who: &str| {
        let known = directory.person_by_email(&email(who));
        known.unwrap().user_id.clone()
    };
    let (ana, cai, six) = (user("ana"), user("cai"), user("six"));
    let old = email("ana.before");
    let may = |presser: Principal<'_>, requester: Principal<'_>| {
        rules
            .press(presser, requester, &ask, &directory, noon())
            .may_approve()
            .map(drop)
            .map_err(|refused| match refused {
                PressRefusedByRules::OwnRequest { .. } => "own",
                PressRefusedByRules::NotListed { .. } => "not listed",
                PressRefusedByRules::NotOpen { .. } => "not open",
            })
    };
    let (ana_at, cai_at) = (email("ana"), email("cai"));
    let was_ana = Principal::user(&ana, &old);
    assert_eq!(may(Principal::user(&ana, &ana_at), was_ana), Err("own"));
    assert_eq!(may(Principal::user(&cai, &cai_at), was_ana), Ok(()));
    assert_eq!(may(Principal::user(&cai, &ana_at), was_ana), Ok(()));
    // a shared address identifies no user
    let twin_at = email("twin");
    assert_eq!(
        may(Principal::user(&six, &twin_at), was_ana),
        Err("not listed")
    );
    // a user missing in the directory has no rights, whatever the address
    let gone = "99999999-0000-4000-8000-000000000000".parse().unwrap();
    assert_eq!(
        may(Principal::user(&gone, &cai_at), was_ana),
        Err("not listed")
    );
}
