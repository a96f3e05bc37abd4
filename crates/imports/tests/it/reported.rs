//! What the report says of rows, and what the rules are.

use hallpass_imports::team::{Release, history};
use hallpass_imports::{ImportReport, Imported, RowOutcome};
use hallpass_rules::{RuleFile, load};
use serde_json::{Value, json};

use crate::company::{
    ACCOUNTS, GROUPS, PROD, approvers, directory, entry, group_id, imported, settings, user_id,
};

fn made(eligibility: &[Value], approver_rows: &[Value], settings: &[Value]) -> Imported {
    imported(eligibility, approver_rows, settings, Release::Current, None).unwrap()
}

fn outcome(report: &ImportReport, table: &str, item: usize) -> (RowOutcome, String) {
    let row = report
        .rows
        .iter()
        .find(|row| row.table == table && row.item == item)
        .unwrap();
    let notes: Vec<String> = row.notes.iter().map(ToString::to_string).collect();
    (row.outcome, notes.join("; "))
}

#[test]
fn the_rules_are_as_a_person_would_write_them() {
    let mut whole = entry(&group_id(0), "Group", "Payments Engineers");
    whole["ous"] = json!([{"id": PROD, "name": "Prod"}]);
    let mut person = entry(&user_id(0), "User", "ana");
    person["approvalRequired"] = json!(false);
    let import = made(
        &[whole, person],
        &[
            approvers(ACCOUNTS[0].0, "Account", &[1, 2]),
            approvers(PROD, "OU", &[1]),
        ],
        &[settings()],
    );
    let wanted = include_str!("../testdata/rules.toml");
    assert_eq!(import.text, wanted, "{}", import.text);
    assert_eq!(import.report.rules, 6);
    let _ = load(&RuleFile::new("rules.toml", wanted)).unwrap();
}

#[test]
fn secrets_of_the_settings_are_nowhere() {
    let import = made(&[], &[], &[settings()]);
    let report = serde_json::to_string(&import.report).unwrap();
    assert!(
        !import.text.contains("xoxb") && !report.contains("xoxb"),
        "{report}"
    );
}

/// A row of eligibility with one attribute otherwise.
fn with(key: &str, value: Value) -> Value {
    let mut row = entry(&group_id(0), "Group", "group-0");
    row[key] = value;
    row
}

fn each_is_told(rows: Vec<(Value, RowOutcome, &str)>) {
    for (row, wanted, note) in rows {
        let import = made(std::slice::from_ref(&row), &[], &[settings()]);
        let (found, notes) = outcome(&import.report, "Eligibility", 1);
        assert_eq!(found, wanted, "{row}: {notes}");
        assert!(notes.contains(note), "{row}: {notes}");
        let named = import.text.matches("team-eligible").count();
        let stays = note.contains("Root/*");
        assert_eq!(named, usize::from(stays), "{row}\n{}", import.text);
        assert!(
            !import.text.contains("permission_sets = [\n  \"*\""),
            "{}",
            import.text
        );
    }
}

#[test]
fn rows_that_rules_cannot_say_have_none_and_a_note() {
    let rows = [
        ("duration", json!("4.5"), "hours from 1 to 8000"),
        ("duration", json!("0"), "hours from 1 to 8000"),
        ("approvalRequired", json!("yes"), "true or false"),
        ("approvalRequired", Value::Null, "true or false"),
        ("type", json!("Robot"), "`User` or `Group`"),
        ("id", json!("group-0"), "the id of a user or a group"),
        ("policyIds", json!(["p1"]), "add it with `--policies`"),
        ("policyIds", json!("p1"), "a list of texts"),
        ("escalationLevel", json!(2), "attribute `escalationLevel`"),
        ("accounts", json!("all"), "a list of ids with names"),
    ];
    let row = |(key, value, note)| (with(key, value), RowOutcome::CannotBeSaid, note);
    each_is_told(rows.into_iter().map(row).collect());
}

#[test]
fn rows_that_say_little_or_nothing_are_told() {
    let star = json!([{"name": "*", "id": "arn"}]);
    each_is_told(vec![
        (
            with("permissions", json!([])),
            RowOutcome::Moved,
            "it names no permission set",
        ),
        (
            with("accounts", json!([])),
            RowOutcome::Moved,
            "no account and no unit",
        ),
        (
            with("accounts", json!([{"id": "*"}])),
            RowOutcome::Differs,
            "account `*` is left out",
        ),
        (
            with("permissions", star),
            RowOutcome::Differs,
            "permission set `*` is left out",
        ),
        (
            with("ous", json!([{"id": "Root/*"}])),
            RowOutcome::Differs,
            "`Root/*` is left out",
        ),
    ]);
}

#[test]
fn what_is_gone_is_named() {
    let facts = directory(&[0; GROUPS]);
    let mut row = entry(&group_id(9), "Group", "old-group");
    row["accounts"] = json!([{"id": "999999999999", "name": "closed"}]);
    row["permissions"] =
        json!([{"name": "Admin", "id": "arn:aws:sso:::permissionSet/ssoins-1/ps-2"}]);
    let rows = [approvers("ou-ab12-longgone", "OU", &[8])];
    let import = imported(&[row], &rows, &[], Release::Current, Some(&facts)).unwrap();
    let (found, notes) = outcome(&import.report, "Eligibility", 1);
    assert_eq!(found, RowOutcome::Differs);
    for wanted in [
        "no group `c24e",
        "no account `999999999999`",
        "of that name and ARN `Admin`",
    ] {
        assert!(notes.contains(wanted), "{notes}");
    }
    let (_, notes) = outcome(&import.report, "Approvers", 1);
    assert!(
        notes.contains("no organizational unit `ou-ab12-longgone`"),
        "{notes}"
    );
}

#[test]
fn names_of_others_end_no_line_and_stay_in_their_rule() {
    let hostile = "x\"\n[[rule]]\napproval_is_not_required = true\naccounts = \"*\"\u{202e}#\\";
    let mut row = entry(&group_id(0), "Group", hostile);
    row["accounts"] = json!([{"id": ACCOUNTS[0].0, "name": hostile}]);
    let mut approver = approvers(ACCOUNTS[0].0, "Account", &[1]);
    approver["name"] = json!(hostile);
    approver["approvers"] = json!([hostile]);
    let import = made(&[row], &[approver], &[settings()]);
    let loaded = load(&RuleFile::new("rules.toml", import.text.as_str())).unwrap();
    assert_eq!(loaded.rules.rules().count(), 3, "{}", import.text);
    assert!(!import.text.contains('\u{202e}'), "{}", import.text);
}

#[test]
fn settings_that_are_missing_are_those_of_a_new_deployment() {
    let import = made(&[], &[], &[json!({"id": "other"})]);
    let lines: Vec<String> = import
        .report
        .configuration
        .iter()
        .map(|line| format!("{} = {}", line.key, line.value))
        .collect();
    assert_eq!(
        lines,
        [
            "access.request_expiry = \"3h\"",
            "access.duration.max = \"9h\""
        ]
    );
    assert!(
        import.text.contains("max_duration = \"9h\""),
        "{}",
        import.text
    );
    assert!(import.text.contains("ticket_pattern"), "{}", import.text);
    assert_eq!(outcome(&import.report, "Settings", 1).0, RowOutcome::Moved);
}

#[test]
fn requests_keep_all_that_the_table_has_of_them() {
    let request = json!({
        "id": "5c7e1a52-0000-4000-8000-000000000001", "__typename": "requests", "email": "ana@acme.example",
        "accountId": ACCOUNTS[0].0, "accountName": "payments-prod", "role": "Admin", "roleId": "arn",
        "startTime": "2024-05-01T10:00:00.000Z", "duration": "4", "justification": "OPS-1: a <b> & c",
        "status": "ended", "approver": "bo@acme.example", "approvers": ["bo@acme.example"],
        "ticketNo": "OPS1", "expireAt": 1_714_557_600, "owner": "x", "madeUp": null
    });
    let unasked = json!({"id": "2", "username": "idc_bo", "approver": ""});
    let export = crate::company::export(
        "requests.json",
        crate::company::scan(&[request.clone(), unasked]),
    );
    let found = history(&export).unwrap();
    let first = &found[0];
    assert_eq!(
        (
            first.requester.as_deref(),
            first.approver.as_deref(),
            first.account.as_deref()
        ),
        (
            Some("ana@acme.example"),
            Some("bo@acme.example"),
            Some(ACCOUNTS[0].0)
        )
    );
    assert_eq!(
        (first.permission_set.as_deref(), first.reason.as_deref()),
        (Some("Admin"), Some("OPS-1: a <b> & c"))
    );
    let mut wanted = request;
    wanted["expireAt"] = json!("1714557600");
    assert_eq!(first.whole, wanted);
    assert_eq!(
        (found[1].requester.as_deref(), found[1].approver.as_deref()),
        (Some("idc_bo"), None)
    );
    let other = crate::company::export(
        "x.json",
        crate::company::scan(&[entry(&group_id(0), "Group", "g")]),
    );
    assert!(
        history(&other)
            .unwrap_err()
            .to_string()
            .contains("items of the table `Eligibility`")
    );
}
