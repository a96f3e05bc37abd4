//! Provisioning fails as at AWS: role limits below the set's, and policies missing in the account.

use serde_json::json;

use crate::{
    bench::Bench,
    evaluation::{allow, try_it},
};

async fn provisioned(bench: &Bench, set: &str) -> (String, String) {
    let input = json!({ "PermissionSetArn": set, "TargetType": "ALL_PROVISIONED_ACCOUNTS" });
    let begun = bench.call("sso:ProvisionPermissionSet", input).await.json();
    let id = begun["PermissionSetProvisioningStatus"]["RequestId"].clone();
    bench.advance(61.0).await;
    let input = json!({ "ProvisionPermissionSetRequestId": id });
    let ended = bench
        .call("sso:DescribePermissionSetProvisioningStatus", input)
        .await
        .json();
    let text = |name: &str| {
        let said = &ended["PermissionSetProvisioningStatus"][name];
        said.as_str().unwrap_or_default().to_owned()
    };
    (text("Status"), text("FailureReason"))
}

#[tokio::test]
async fn a_role_that_cannot_be_made_fails() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let eleven: Vec<String> = (0..11)
        .map(|number| format!("arn:aws:iam::aws:policy/p{number}"))
        .collect();
    let there = json!({ "name": "there", "path": "/team/" });
    let sets = json!([
        { "name": "Many", "managed_policies": eleven },
        { "name": "Both", "managed_policies": &eleven[..10], "customer_managed": [&there] },
        { "name": "Absent", "customer_managed": [{ "name": "there" }] },
        { "name": "Bounded", "boundary": { "name": "absent", "path": "/" } },
        { "name": "There", "customer_managed": [&there], "boundary": &there },
    ]);
    let managed =
        json!([{ "name": "there", "path": "/team/", "document": allow("iam:ListRoles") }]);
    let added = json!({
        "identity_center": { "permission_sets": sets }, "iam": { account.clone(): { "managed": managed } },
    });
    let (status, said) = bench.control("POST", "/load?merge=1", added).await;
    assert_eq!(status, 200, "{said}");
    let user = bench.user("mara.lindqvist");
    let (quota, gone) = (
        "PoliciesPerRole: 10",
        "404 status error: Not supported policy",
    );
    for (set, state, reason) in [
        ("Many", "FAILED", quota),
        ("Both", "FAILED", quota),
        ("Absent", "FAILED", gone),
        ("Bounded", "FAILED", gone),
        ("There", "SUCCEEDED", ""),
    ] {
        let ended = bench
            .settle("Create", &bench.row("payments-dev", set, &user))
            .await;
        assert_eq!(ended.0, state, "{set} {}", ended.1);
        assert!(ended.1.contains(reason), "{set} {}", ended.1);
        let held = usize::from(state == "SUCCEEDED");
        assert_eq!(bench.count("payments-dev", set).await, held, "{set}");
    }
    // reprovisioning checks existing policies too
    let set = bench.set("There");
    let absent = json!({ "PermissionSetArn": set, "CustomerManagedPolicyReference": { "Name": "absent", "Path": "/" } });
    let attach = "sso:AttachCustomerManagedPolicyReferenceToPermissionSet";
    assert_eq!(bench.call(attach, absent.clone()).await.outcome(), "ok");
    let ended = provisioned(&bench, &set).await;
    assert!(ended.0 == "FAILED" && ended.1.contains(gone), "{ended:?}");
    let detach = "sso:DetachCustomerManagedPolicyReferenceFromPermissionSet";
    assert_eq!(bench.call(detach, absent).await.outcome(), "ok");
    assert_eq!(provisioned(&bench, &set).await.0, "SUCCEEDED");
}

#[tokio::test]
async fn policies_of_the_account_count_in_a_permission_set() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let look = json!({ "name": "look", "path": "/team/" });
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let sets = json!([
        { "name": "Own", "customer_managed": [look] },
        { "name": "Bounded", "managed_policies": [administrator], "boundary": look },
    ]);
    let managed = json!([{ "name": "look", "path": "/team/", "document": allow("iam:ListRoles") }]);
    let added = json!({
        "identity_center": { "permission_sets": sets }, "iam": { account: { "managed": managed } },
    });
    let (status, said) = bench.control("POST", "/load?merge=1", added).await;
    assert_eq!(status, 200, "{said}");
    for set in ["Own", "Bounded"] {
        let session = bench.enter("noor.haddad", "payments-dev", set).await;
        let calls = [
            ("iam:ListRoles", "ok"),
            ("iam:ListUsers", "AccessDenied"),
            ("ec2:DescribeRegions", "UnauthorizedOperation"),
        ];
        try_it(&bench, &session, &calls).await;
    }
}
