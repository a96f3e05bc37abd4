//! The shipped queries run, and find what they are for.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{json_of, lostkeys, run, stderr, stdout};

fn names() -> Vec<String> {
    let listed = run(Path::new("."), "query --list -o json", None);
    let listed: Value = serde_json::from_str(&stdout(&listed)).unwrap();
    let names = listed.as_array().unwrap().iter();
    names
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_runs_over_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let tables = run(folder.path(), "tables -o json", None);
    let tables: Value = serde_json::from_str(&stdout(&tables)).unwrap();
    let of_things = tables
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["table"].as_str());
    let of_things = of_things.filter(|it| !it.starts_with("hallpass_"));
    let empty: Map<String, Value> = of_things.map(|it| (it.to_owned(), json!([]))).collect();
    fs::write(
        folder.path().join("empty.json"),
        json!({"tables": empty}).to_string(),
    )
    .unwrap();
    assert_eq!(names().len(), 21);
    for name in names() {
        let output = run(
            folder.path(),
            &format!("query --data empty.json -o csv --name {name}"),
            None,
        );
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        assert_eq!(stdout(&output).lines().count(), 1, "{name}: a header alone");
    }
}

/// What the article meant (`inventory.md` U-10).
#[test]
fn keys_that_were_never_used_are_found_and_those_switched_off_are_not() {
    let data = format!("--data {}", lostkeys().display());
    let found = |name: &str| {
        let output = run(Path::new("."), &format!("query {data} --name {name}"), None);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let lines = stdout(&output);
        let rows = lines
            .lines()
            .map(|it| serde_json::from_str::<Value>(it).unwrap());
        let keys = rows.map(|it| it["access_key_id"].as_str().unwrap()[15..].to_owned());
        keys.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found("keys/unused"), "BEN02 CHO01 ELI01 FAY01 FAY02 LOU01");
    assert!(
        !found("keys/unrotated").contains("ANA02"),
        "it is switched off"
    );
    assert_eq!(found("keys/creator-left"), "CHO01 FAY01 FAY02");
    assert!(found("keys/no-creator-tag --param creator=email").starts_with("DIA01 ELI01"));
    let who =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/fixtures/inventory-who.json");
    let findings = json_of(&who)["expected"]["findings"]
        .as_array()
        .unwrap()
        .clone();
    for (name, kind) in [
        ("assignments/orphaned", "orphaned"),
        ("assignments/direct-user", "direct_user"),
        ("sets/provisioned-unassigned", "provisioned_unassigned"),
        ("sets/outdated", "outdated"),
        ("accounts/suspended-with-access", "suspended_account"),
    ] {
        let output = run(
            Path::new("."),
            &format!("query --data {} --name {name}", who.display()),
            None,
        );
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let expected = findings.iter().filter(|it| it["kind"] == kind).count();
        assert_eq!(stdout(&output).lines().count(), expected, "{name}");
    }
}

/// What two parties of a payer account ask (`inventory.md` Y-2), of the management account alone.
#[test]
fn the_root_user_of_the_management_account_is_found_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let summary = |account: &str| json!({"summary_account_id": account, "root_mfa_enabled": false, "root_access_keys": 0});
    let event = |account: &str, kind: &str, action: &str, time: &str| {
        json!({"day": &time[..10], "account_id": account, "region": "us-east-1", "principal_kind": kind, "principal": account,
            "service": "signin", "action": action, "events": 1, "first_seen": time, "last_seen": time, "resources": [],
            "source_addresses": ["192.0.2.1"]})
    };
    let (payer, other) = ("111111111111", "222222222222");
    let document = json!({"now": "2026-11-20T00:00:00Z", "tables": {
        "aws_organizations": [{"id": "o-1", "arn": "arn", "master_account_id": payer, "master_account_email": "a@example.com",
            "feature_set": "ALL", "available_policy_types": []}],
        "aws_iam_account_summary": [summary(payer), summary(other)],
        "aws_activity": [
            event(payer, "root", "ConsoleLogin", "2026-11-19T23:00:00Z"),
            event(payer, "root", "ConsoleLogin", "2026-11-18T23:00:00Z"),
            event(payer, "user", "ConsoleLogin", "2026-11-19T23:00:00Z"),
            event(payer, "root", "PasswordRecoveryRequested", "2026-11-19T23:00:00Z"),
            event(other, "root", "ConsoleLogin", "2026-11-19T23:00:00Z"),
        ],
    }});
    fs::write(folder.path().join("payer.json"), document.to_string()).unwrap();
    for (name, column, expected) in [
        ("payer/root", "account_id", payer),
        ("payer/root-login", "first_seen", "2026-11-19T23:00:00Z"),
    ] {
        let words = format!("query --data payer.json --name {name} -o json");
        let output = run(folder.path(), &words, None);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let rows: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let found: Vec<&str> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it[column].as_str().unwrap())
            .collect();
        assert_eq!(found, [expected], "{name}");
    }
}

/// An assignment of the snapshot.
fn assignment(account: &str, set: &str, kind: &str, principal: &str, grant: Option<&str>) -> Value {
    json!({"permission_set_arn": set, "account_id": account, "principal_type": kind, "principal_id": principal,
        "principal_exists": true, "hallpass_grant_id": grant})
}

/// A person's use of a permission set.
fn used(account: &str, set: &str, person: &str, id: Option<&str>, time: &str) -> Value {
    json!({"day": &time[..10], "account_id": account, "region": "us-east-1", "principal_kind": "person", "principal": person,
        "user_id": id, "permission_set": set, "service": "s3", "action": "ListBuckets", "events": 1, "first_seen": time,
        "last_seen": time, "resources": [], "source_addresses": []})
}

/// What nobody used is told; where the log does not say it, that it is not known.
#[test]
fn assignments_that_nobody_used_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let (old, young) = ("111111111111", "222222222222");
    let set = |name: &str| json!({"permission_set_arn": name, "permission_set_name": name, "managed_policies": [], "customer_policies": [], "ps_tags": []});
    let user = |id: &str, name: &str| json!({"identity_store_id": "d-1", "user_id": id, "idc_user_name": name, "external_ids": []});
    let member = |id: &str| json!({"membership_id": id, "group_id": "g-1", "member_user_id": id});
    let document = json!({"now": "2026-11-20T00:00:00Z", "tables": {
        "aws_ssoadmin_permission_sets": [set("Admin"), set("ReadOnly")],
        "aws_identitystore_users": [user("u-ana", "Ana"), user("u-ben", "ben"), user("u-eve", "eve")],
        "aws_identitystore_groups": [{"identity_store_id": "d-1", "group_id": "g-1", "display_name": "devs", "external_ids": []}],
        "aws_identitystore_group_memberships": [member("u-ana"), member("u-ben")],
        "aws_ssoadmin_account_assignments": [
            assignment(old, "Admin", "USER", "u-ana", None),
            assignment(old, "Admin", "USER", "u-ben", None),
            assignment(old, "Admin", "USER", "u-eve", Some("grn_1")),
            assignment(old, "ReadOnly", "GROUP", "g-1", None),
            assignment(old, "Admin", "GROUP", "g-1", None),
            assignment(old, "ReadOnly", "USER", "u-eve", None),
            assignment(young, "Admin", "GROUP", "g-1", None),
            assignment(young, "Admin", "USER", "u-eve", None),
            assignment("333333333333", "Admin", "USER", "u-eve", None),
        ],
        "aws_activity": [
            used(old, "Admin", "ana", None, "2026-11-19T12:00:00Z"),
            used(old, "ReadOnly", "whatever", Some("u-ben"), "2026-09-01T00:00:00Z"),
            used(old, "ReadOnly", "eve", Some("u-eve"), "2026-08-01T00:00:00Z"),
            used(young, "Admin", "eve", Some("u-other"), "2026-11-01T00:00:00Z"),
        ],
    }});
    fs::write(folder.path().join("held.json"), document.to_string()).unwrap();
    let words = "query --data held.json --name assignments/unused -o json";
    let output = run(folder.path(), words, None);
    assert!(output.status.success(), "{}", stderr(&output));
    let rows: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let found: Vec<String> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let names = ["account_id", "permission_set_name", "principal", "state"];
            let said: Vec<String> = names.map(|name| text(it, name)).into();
            format!("{} {}", said.join(" "), it["people"])
        })
        .collect();
    let expected = [
        "111111111111 Admin ben unused 1",
        "111111111111 ReadOnly eve unused 1",
        "222222222222 Admin devs not_known 2",
        "222222222222 Admin eve not_known 1",
        "333333333333 Admin eve not_known 1",
    ];
    assert_eq!(
        found, expected,
        "Ana used hers, and by it the group's; an old use of another's id is none"
    );
}
