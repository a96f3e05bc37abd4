//! `policy data`: machine-readable output.

use serde_json::json;

use crate::run::run_args;

#[test]
fn the_facts_can_be_looked_at() {
    let version = run_args(["policy", "data", "--version"]).exits(0);
    assert_eq!(version.out.trim().len(), "2026-09-26".len());
    let action = "sso:createaccountassignment";
    let action = run_args(["policy", "data", "--action", action]).exits(0);
    let rows = action.lines();
    assert_eq!(
        rows[0]["required"],
        json!(["Account", "Instance", "PermissionSet"])
    );
    let show = ["--show", "resource-types", "--output", "csv"];
    let types = run_args([&["policy", "data", "--service", "s3"], &show[..]].concat()).exits(0);
    assert!(
        types.out.contains("arn:${Partition}:s3:::${BucketName}"),
        "{}",
        types.out
    );
}

#[test]
fn what_is_not_known_is_bad_input_with_what_was_meant() {
    let action = run_args(["policy", "data", "--action", "s3:GetObjects"]).exits(2);
    assert_eq!(action.out, "");
    assert!(action.err.starts_with("error[E_ACTION]"), "{}", action.err);
    assert!(
        action.err.contains("did you mean `s3:GetObject`?"),
        "{}",
        action.err
    );
    let service = run_args(["policy", "data", "--service", "secretmanager"]).exits(2);
    assert!(service.err.contains("`secretsmanager`"), "{}", service.err);
}
