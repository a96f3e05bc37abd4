//! Both answers for undocumented AWS behaviour: the first six switches, and account members, with
//! all values.

use hallpass_aws_sim::Options;
use serde_json::json;

use crate::bench::{Bench, options};

async fn with(name: &str, value: &str) -> Bench {
    let behaviour = vec![(name.to_owned(), value.to_owned())];
    Bench::new(Options {
        behaviour,
        ..options()
    })
    .await
}

const NOBODY: &str = "44c8f4e8-80f1-7091-a200-0f9ddad2661d";

#[tokio::test]
async fn duplicate_create() {
    for (value, expected) in [("succeed", "SUCCEEDED"), ("conflict", "ConflictException")] {
        let bench = with("duplicate_create", value).await;
        let row = bench.row("payments-prod", "PowerUser", &bench.user("mara.lindqvist"));
        assert_eq!(bench.settle("Create", &row).await.0, "SUCCEEDED");
        assert_eq!(bench.settle("Create", &row).await.0, expected, "{value}");
        assert_eq!(bench.count("payments-prod", "PowerUser").await, 1);
    }
}

#[tokio::test]
async fn delete_absent() {
    for (value, expected) in [
        ("async_failed", "FAILED"),
        ("sync_not_found", "ResourceNotFoundException"),
        ("succeed", "SUCCEEDED"),
    ] {
        let bench = with("delete_absent", value).await;
        let row = bench.row("payments-prod", "PowerUser", &bench.user("mara.lindqvist"));
        assert_eq!(bench.settle("Delete", &row).await.0, expected, "{value}");
    }
}

#[tokio::test]
async fn unknown_principal() {
    for (value, expected) in [
        ("async_failed", "FAILED"),
        ("sync_not_found", "ResourceNotFoundException"),
    ] {
        let bench = with("unknown_principal", value).await;
        let row = bench.row("payments-prod", "PowerUser", NOBODY);
        assert_eq!(bench.settle("Create", &row).await.0, expected, "{value}");
    }
}

#[tokio::test]
async fn delete_orphan() {
    for (value, expected, left) in [("fail", "FAILED", 1), ("succeed", "SUCCEEDED", 0)] {
        let bench = with("delete_orphan", value).await;
        let row = bench.row("payments-prod", "PowerUser", &bench.user("mara.lindqvist"));
        bench.settle("Create", &row).await;
        bench
            .mutate(json!({ "delete_user": { "user": "mara.lindqvist@example.com" } }))
            .await;
        assert_eq!(bench.settle("Delete", &row).await.0, expected, "{value}");
        assert_eq!(bench.count("payments-prod", "PowerUser").await, left);
    }
}

#[tokio::test]
async fn conflict_scope() {
    let conflict = "ConflictException";
    for (value, other_principal, other_set, other_account) in [
        ("account_set", conflict, "ok", "ok"),
        ("account_set_principal", "ok", "ok", "ok"),
        ("account", conflict, conflict, "ok"),
    ] {
        let bench = with("conflict_scope", value).await;
        let (mara, noor) = (bench.user("mara.lindqvist"), bench.user("noor.haddad"));
        let call = "sso:CreateAccountAssignment";
        bench
            .call(call, bench.row("payments-prod", "PowerUser", &mara))
            .await;
        let found = [
            bench
                .call(call, bench.row("payments-prod", "PowerUser", &noor))
                .await
                .outcome(),
            bench
                .call(call, bench.row("payments-prod", "Billing", &noor))
                .await
                .outcome(),
            bench
                .call(call, bench.row("payments-dev", "Billing", &noor))
                .await
                .outcome(),
        ];
        assert_eq!(
            found,
            [other_principal, other_set, other_account],
            "{value}"
        );
    }
}

#[tokio::test]
async fn visible_while_in_progress() {
    for (value, early) in [("no", 0), ("yes", 1)] {
        let bench = with("visible_while_in_progress", value).await;
        let row = bench.row("payments-prod", "PowerUser", &bench.user("mara.lindqvist"));
        bench.call("sso:CreateAccountAssignment", row).await;
        assert_eq!(
            bench.count("payments-prod", "PowerUser").await,
            early,
            "{value}"
        );
        bench.advance(61.0).await;
        assert_eq!(bench.count("payments-prod", "PowerUser").await, 1);
    }
}

#[tokio::test]
async fn the_others() {
    let bench = with("inline_get_absent", "missing").await;
    let get = json!({ "PermissionSetArn": bench.set("Billing") });
    assert_eq!(
        bench
            .call("sso:GetInlinePolicyForPermissionSet", get.clone())
            .await
            .text,
        "{}"
    );
    let bench = with("inline_get_absent", "empty").await;
    assert_eq!(
        bench
            .call("sso:GetInlinePolicyForPermissionSet", get)
            .await
            .json(),
        json!({ "InlinePolicy": "" })
    );
    for (value, expected) in [("yes", "ConflictException"), ("no", "ok")] {
        let bench = with("email_unique", value).await;
        let user = json!({
            "UserName": "twin", "DisplayName": "Twin", "Name": { "GivenName": "T", "FamilyName": "Win" },
            "Emails": [{ "Value": "Mara.Lindqvist@example.com", "Primary": true }],
        });
        assert_eq!(
            bench.call("identitystore:CreateUser", user).await.outcome(),
            expected
        );
    }
}

#[tokio::test]
async fn account_members() {
    const CALLS: &str = r#"
organizations:ListAccounts /Accounts/0 {}
organizations:DescribeAccount /Account {"AccountId":"$account"}
organizations:ListAccountsForParent /Accounts/0 {"ParentId":"$ou"}
organizations:ListDelegatedAdministrators /DelegatedAdministrators/0 {}
organizations:ListOrganizationalUnitsForParent /OrganizationalUnits/0 {"ParentId":"$root"}
organizations:DescribeOrganizationalUnit /OrganizationalUnit {"OrganizationalUnitId":"$ou"}
"#;
    for (value, has_status) in [("state_and_paths", false), ("status", true)] {
        let bench = with("account_members", value).await;
        let account = bench.account("payments-prod");
        let service = "config.amazonaws.com";
        let trusted = json!({ "ServicePrincipal": service });
        let named = json!({ "ServicePrincipal": service, "AccountId": account });
        for (operation, input) in [
            ("organizations:EnableAWSServiceAccess", trusted),
            ("organizations:RegisterDelegatedAdministrator", named),
        ] {
            let answer = bench.call(operation, input).await;
            assert_eq!(answer.outcome(), "ok", "{operation}");
        }
        let parents = bench
            .call("organizations:ListParents", json!({ "ChildId": account }))
            .await
            .json();
        let roots = bench.call("organizations:ListRoots", json!({})).await;
        let mut calls = CALLS.replace("$account", &account);
        calls = calls.replace("$ou", parents["Parents"][0]["Id"].as_str().unwrap());
        calls = calls.replace("$root", roots.json()["Roots"][0]["Id"].as_str().unwrap());
        for line in calls.lines().filter(|it| !it.is_empty()) {
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            let [operation, pointer, input] = words.as_slice() else {
                unreachable!("{line}");
            };
            let answer = bench
                .call(operation, serde_json::from_str(input).unwrap())
                .await;
            let found = answer.json();
            let row = found
                .pointer(pointer)
                .unwrap_or_else(|| panic!("{line}: {found}"));
            let has = |member| row.get(member).is_some();
            let (is_unit, is_listed) = (line.contains("Unit"), !line.contains("Delegated"));
            let told = (has("Status"), has("State"), has("Paths"), has("Path"));
            let wanted = (
                has_status && !is_unit,
                !has_status && !is_unit,
                !has_status && !is_unit && is_listed,
                !has_status && is_unit,
            );
            assert_eq!(told, wanted, "{value} {line}");
        }
    }
}
