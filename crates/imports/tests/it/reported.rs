//! Report rows, and generated rules.

use hallpass_imports::team::{Release, history};
use hallpass_imports::{ImportReport, Imported, RowOutcome};
use hallpass_rules::{RuleFile, load};
use serde_json::{Value, json};

use crate::company::{
    ACCOUNTS, GROUPS, PROD, approvers, directory, entry, group_id, imported, set_arn, settings,
    user_id, with_policies,
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
        "permission set `Admin` is left out: no permission set has its ARN any more",
    ] {
        assert!(notes.contains(wanted), "{notes}");
    }
    assert!(!import.text.contains("\"Admin\""), "{}", import.text);
    let (_, notes) = outcome(&import.report, "Approvers", 1);
    assert!(
        notes.contains("no organizational unit `ou-ab12-longgone`"),
        "{notes}"
    );
}

/// A permission set recreated under its name is another one: AWS TEAM compares ARNs.
#[test]
fn a_permission_set_is_meant_by_its_arn_where_the_organization_is_known() {
    let facts = directory(&[0; GROUPS]);
    let old = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-00000000000000ff";
    let both = json!([{"name": "Admin", "id": old}, {"name": "Billing", "id": set_arn(1)}]);
    let row = with("permissions", both);
    let policy = json!({"id": "p", "__typename": "Policies", "accounts": row["accounts"], "ous": [],
        "permissions": row["permissions"], "approvalRequired": true, "duration": "4"});
    let mut named = entry(&group_id(1), "Group", "group-1");
    named["policyIds"] = json!(["p"]);
    let read = |facts| {
        let rows = [row.clone(), named.clone()];
        let policies = Some(std::slice::from_ref(&policy));
        with_policies(
            (&rows, policies),
            &[],
            &[settings()],
            Release::Current,
            facts,
        )
        .unwrap()
    };
    let import = read(Some(&facts));
    for (table, item) in [("Eligibility", 1), ("Policies", 1)] {
        let (found, notes) = outcome(&import.report, table, item);
        assert_eq!(found, RowOutcome::Differs, "{table}");
        assert!(
            notes.contains("permission set `Admin` is left out"),
            "{table}: {notes}"
        );
    }
    let named = "permission_sets = [\n  \"ReadOnly\",\n]";
    assert_eq!(import.text.matches(named).count(), 2, "{}", import.text);
    assert!(
        !import.text.contains("Admin") && !import.text.contains("Billing"),
        "{}",
        import.text
    );
    let import = read(None);
    for (table, item) in [("Eligibility", 1), ("Policies", 1)] {
        let (found, notes) = outcome(&import.report, table, item);
        // the rules may give more than AWS TEAM, so the row differs
        assert_eq!(found, RowOutcome::Differs, "{table}");
        for wanted in ["permission sets match by name", "use `--facts live`"] {
            assert!(notes.contains(wanted), "{table}: {notes}");
        }
    }
    assert!(import.text.contains("\"Admin\""), "{}", import.text);
}

/// An unreadable setting takes the strictest value; others are unaffected.
#[test]
fn each_setting_is_read_by_itself() {
    for (key, value, hours, ticket, pending) in [
        ("ticketNo", json!("false"), "4h", true, "5h"),
        ("ticketNo", json!(false), "4h", false, "5h"),
        ("comments", json!(true), "4h", false, "5h"),
        ("approval", json!("false"), "4h", false, "5h"),
        ("expiry", json!("soon"), "4h", false, "1h"),
        ("duration", json!("long"), "1h", false, "5h"),
        ("duration", json!(0), "1h", false, "5h"),
    ] {
        let mut row = json!({"id": "settings", "duration": "4", "expiry": "5", "ticketNo": false, "approval": false,
            "comments": false});
        row[key] = value.clone();
        let import = made(&[with("duration", json!("8"))], &[], &[row]);
        let (found, notes) = outcome(&import.report, "Settings", 1);
        let wanted = match value {
            Value::Bool(false) => RowOutcome::Moved,
            Value::Bool(true) => RowOutcome::Differs,
            _ => RowOutcome::CannotBeSaid,
        };
        assert_eq!(found, wanted, "{key} {value}: {notes}");
        let is_told = notes.contains("approvers must write a comment there");
        assert_eq!(
            is_told,
            wanted == RowOutcome::Differs,
            "{key} {value}: {notes}"
        );
        let rule = import
            .text
            .split("[[rule]]")
            .find(|it| it.contains("team-settings"))
            .unwrap();
        assert!(
            rule.contains(&format!("max_duration = \"{hours}\"")),
            "{key} {value}: {rule}"
        );
        assert_eq!(
            rule.contains("ticket_pattern"),
            ticket,
            "{key} {value}: {rule}"
        );
        let waived = import.text.contains("approval_is_not_required");
        assert_eq!(waived, key != "approval", "{key} {value}: {}", import.text);
        let lines = import
            .report
            .configuration
            .iter()
            .map(|it| it.value.as_str());
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [format!("\"{pending}\""), format!("\"{hours}\"")],
            "{key} {value}"
        );
    }
}

/// Before June 2024 an unconvertible entry still limits its holders' hours; a row that may require
/// approval makes all require it.
#[test]
fn what_cannot_be_said_binds_all_the_same_before_june_2024() {
    let mut free = with("approvalRequired", json!(false));
    free["duration"] = json!("8");
    let mut odd = entry(&user_id(0), "User", "ana");
    odd["duration"] = json!("2");
    let read = |odd: &Value| {
        let rows = [free.clone(), odd.clone()];
        imported(&rows, &[], &[settings()], Release::BeforeJune2024, None).unwrap()
    };
    let limit = |hours: &str| {
        let user = user_id(0);
        format!(
            "accounts = \"*\"\npermission_sets = \"*\"\npermits_requests = false\nallowed_users = [\n  \"{user}\", # ana\n]\n\
             max_duration = \"{hours}\"\n"
        )
    };
    let lists = { &mut odd }.as_object_mut().unwrap();
    lists.insert("permissions".to_owned(), json!([]));
    let import = read(&odd);
    assert!(import.text.contains(&limit("2h")), "{}", import.text);
    assert!(
        import.text.contains("approval_is_not_required"),
        "{}",
        import.text
    );
    odd["escalationLevel"] = json!(2);
    let import = read(&odd);
    assert!(import.text.contains(&limit("2h")), "{}", import.text);
    assert!(
        !import.text.contains("approval_is_not_required"),
        "{}",
        import.text
    );
    let (found, notes) = outcome(&import.report, "Eligibility", 1);
    assert_eq!(found, RowOutcome::Differs, "{notes}");
    assert!(notes.contains("is a row that is not converted"), "{notes}");
    odd["duration"] = json!("two");
    assert!(read(&odd).text.contains(&limit("1h")));
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
    let unasked =
        json!({"id": "2", "__typename": "requests", "username": "idc_bo", "approver": ""});
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

/// Log records are permanent: a table of other items with an `id` is refused.
#[test]
fn what_is_no_request_goes_into_no_log() {
    let read = |item: Value| {
        history(&crate::company::export(
            "x.json",
            crate::company::scan(&[item]),
        ))
    };
    let whole = json!({"id": "1", "accountId": ACCOUNTS[0].0, "role": "Admin", "status": "ended"});
    let typed = json!({"id": "1", "__typename": "requests"});
    for item in [&whole, &typed] {
        assert_eq!(read(item.clone()).unwrap().len(), 1, "{item}");
    }
    let order = json!({"id": "1", "email": "ana@acme.example", "status": "shipped"});
    let mut others = vec![order];
    for (key, value) in [
        ("accountId", Value::Null),
        ("role", json!(true)),
        ("status", json!(["ended"])),
    ] {
        let mut other = whole.clone();
        other[key] = value;
        others.push(other);
    }
    for other in others {
        let why = read(other.clone()).unwrap_err().to_string();
        let said = "item 1: these are items of a table that has neither `__typename` nor `accountId`, `role` and `status`, and \
                    requests are due";
        assert!(why.contains(said), "{other}: {why}");
    }
}

/// Numbers with up to 38 digits stay exact in the record.
#[test]
fn numbers_of_requests_keep_their_digits() {
    let numbers = [
        "1714557600",
        "12345678901234567890123456789012345678",
        "0.12345678901234567890123",
        "1.50",
        "-7",
    ];
    let listed: Vec<Value> = numbers.iter().map(|it| json!({"N": it})).collect();
    let item = json!({"id": {"S": "1"}, "__typename": {"S": "requests"}, "of": {"L": listed}});
    let text = json!({"Items": [item], "Count": 1, "ScannedCount": 1}).to_string();
    let found = history(&crate::company::export("requests.json", text)).unwrap();
    assert_eq!(found[0].whole["of"], json!(numbers));
}
