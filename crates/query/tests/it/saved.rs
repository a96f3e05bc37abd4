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
    assert_eq!(names().len(), 20);
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
