//! Unused standing assignments (`inventory.md` U-10).

use std::fs;

use serde_json::{Value, json};

use crate::{run, stderr, stdout};

fn assignment(account: &str, set: &str, kind: &str, principal: &str, grant: Option<&str>) -> Value {
    json!({"permission_set_arn": set, "account_id": account, "principal_type": kind, "principal_id": principal,
        "principal_exists": true, "hallpass_grant_id": grant})
}

fn used(account: &str, set: &str, person: &str, id: Option<&str>, time: &str) -> Value {
    json!({"day": time.split_at(10).0, "account_id": account, "region": "us-east-1", "principal_kind": "person", "principal": person,
        "user_id": id, "permission_set": set, "service": "s3", "action": "ListBuckets", "events": 1, "first_seen": time,
        "last_seen": time, "resources": [], "source_addresses": []})
}

/// Reports unused assignments, and unknown usage where the log has gaps.
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
        "Ana used hers, and by it the group's; an old use of another's id does not count"
    );
}
