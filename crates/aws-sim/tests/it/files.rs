//! The organization file: reports every problem, loads all or nothing, exports.

use hallpass_aws_sim::organization::parse;
use serde_json::{Value, json};

use crate::bench::Bench;

fn example() -> Value {
    json!({"version":1,"seed":7,"clock":"2026-03-02T10:05:00Z",
     "organization":{"id":"o-ab12cd34ef","root":"r-ab12","management_account":"111122223333","policy_types":["SERVICE_CONTROL_POLICY"],
       "service_access":["sso.amazonaws.com","account.amazonaws.com"],"delegated_administrators":[{"account":"333344445555","service":"sso.amazonaws.com"}]},
     "ous":[{"name":"Workloads"},{"name":"Prod","parent":"Workloads"}],
     "accounts":[
       {"id":"111122223333","name":"acme-management","email":"aws+management@acme.example","ou":null},
       {"id":"222233334444","name":"payments-prod","email":"aws+payments-prod@acme.example","ou":"Workloads/Prod","tags":{"env":"prod"},"regions":["eu-west-1","eu-central-1"]},
       {"id":"333344445555","name":"shared-services","email":"aws+shared@acme.example","ou":"Workloads","state":"ACTIVE"}],
     "identity_center":{"instance_arn":"arn:aws:sso:::instance/ssoins-0123456789abcdef","identity_store_id":"d-1234567890","home_region":"eu-west-1",
       "portal_url":"https://acme.awsapps.com/start","source":"identity_center",
       "users":[{"user_name":"ana@acme.example","given_name":"Ana","family_name":"Lindqvist","email":"ana@acme.example"},
                {"user_name":"bo@acme.example","given_name":"Bo","family_name":"Okafor","email":"Bo@Acme.example"},
                {"user_name":"chen@acme.example","given_name":"Chen","family_name":"Wei","email":"chen@acme.example","status":"DISABLED"}],
       "groups":[{"name":"platform","members":["ana@acme.example"]},{"name":"oncall","members":["ana@acme.example","bo@acme.example"]}],
       "permission_sets":[{"name":"ReadOnly","session_duration":"PT8H","managed_policies":["arn:aws:iam::aws:policy/ReadOnlyAccess"]},
                          {"name":"Admin","session_duration":"PT1H","managed_policies":["arn:aws:iam::aws:policy/AdministratorAccess"],"tags":{"tier":"1"}}],
       "assignments":[{"account":"payments-prod","permission_set":"ReadOnly","group":"oncall"},
                      {"account":"shared-services","permission_set":"Admin","group":"platform"},
                      {"account":"acme-management","permission_set":"ReadOnly","user":"ana@acme.example"},
                      {"account":"payments-prod","permission_set":"Admin","user_id":"906752b26f-44c8f4e8-80f1-7091-a200-0f9ddad2661d","note":"principal deleted"}]},
     "policies":[{"name":"deny-leave","type":"SERVICE_CONTROL_POLICY","content":{"Version":"2012-10-17","Statement":[]},"targets":["Workloads"]}],
     "iam":{"222233334444":{"users":[{"name":"ci-deploy","created":"2022-05-01T00:00:00Z","keys":[{"id":"AKIAIOSFODNN7EXAMPLE","status":"Active","last_used":null}]}],
                            "roles":[{"name":"deploy","trust":["arn:aws:iam::111122223333:root"],"policies":["AdministratorAccess"]}]}},
     "credentials":[{"access_key_id":"AKIAHALLPASS00000001","secret_access_key":"made-up","principal":"arn:aws:iam::333344445555:role/hallpass"}],
     "behaviour":{"delete_orphan":"fail"},"limits":{"sso":{"rate":20,"burst":20,"outstanding":10}},"consistency":"typical","speed":"real",
     "slack":{"team":"T0ACME","channels":[]}})
}

#[test]
fn the_example_can_be_read() {
    let file = parse(&example().to_string()).unwrap();
    assert!(!file.identity_center.users.is_empty() && !file.ous.is_empty());
    assert!(
        file.identity_center
            .users
            .iter()
            .all(|user| user.id.starts_with("1234567890-"))
    );
    assert!(file.ous.iter().all(|ou| ou.id.starts_with("ou-ab12-")));
    assert_eq!(file, parse(&example().to_string()).unwrap());
}

#[test]
fn every_problem_has_a_pointer() {
    let mut broken = example();
    broken["colour"] = json!("red");
    broken["accounts"][1]["ou"] = json!("Elsewhere");
    broken["accounts"][2]["state"] = json!("ASLEEP");
    broken["identity_center"]["groups"][1]["members"][1] = json!("nobody");
    broken["identity_center"]["assignments"][0]["account"] = json!("nowhere");
    broken["identity_center"]["assignments"][2]["group"] = json!("oncall");
    broken["identity_center"]["permission_sets"][0]["session_duration"] = json!("PT13H");
    broken["identity_center"]["permission_sets"][1]
        .as_object_mut()
        .unwrap()
        .remove("name");
    broken["behaviour"]["delete_orphan"] = json!("perhaps");
    let pointers = |value: &Value| {
        let mut pointers: Vec<String> = parse(&value.to_string())
            .unwrap_err()
            .into_iter()
            .map(|problem| problem.pointer)
            .collect();
        pointers.sort();
        pointers
    };
    let found = pointers(&broken);
    for expected in [
        "/colour",
        "/accounts/1/ou",
        "/accounts/2/state",
        "/identity_center/groups/1/members/1",
        "/identity_center/assignments/0/account",
        "/identity_center/assignments/2",
        "/identity_center/permission_sets/0/session_duration",
        "/identity_center/permission_sets/1",
        "/behaviour/delete_orphan",
    ] {
        assert!(
            found.contains(&expected.to_owned()),
            "{expected} is not in {found:?}"
        );
    }
    assert_eq!(pointers(&json!({ "version": 2 })).len(), 3);
    assert_eq!(parse("{").unwrap_err()[0].pointer, "");
}

#[tokio::test]
async fn out_and_in_again_is_the_same() {
    let bench = Bench::small().await;
    let made = bench
        .call(
            "sso:CreatePermissionSet",
            json!({ "Name": "Fresh", "Tags": [{ "Key": "a", "Value": "b" }] }),
        )
        .await
        .json();
    let set = made["PermissionSet"]["PermissionSetArn"].clone();
    bench
        .settle(
            "Create",
            &bench.row("payments-prod", "Fresh", &bench.user("mara.lindqvist")),
        )
        .await;
    bench
        .call(
            "sso:UpdatePermissionSet",
            json!({ "PermissionSetArn": set, "Description": "changed" }),
        )
        .await;
    bench
        .mutate(json!({ "move_account": { "account": "payments-dev", "to": "Sandbox" } }))
        .await;
    bench
        .mutate(json!({ "delete_user": { "user": "noor.haddad@example.com" } }))
        .await;
    bench
        .mutate(json!({ "rename_group": { "group": "oncall", "to": "pager" } }))
        .await;
    bench
        .mutate(json!({ "add_member": { "group": "pager", "user": "mara.lindqvist@example.com" } }))
        .await;
    let (_, before) = bench
        .control("GET", "/state?full=1&assignments=1", Value::Null)
        .await;
    let (status, answer) = bench.control("POST", "/load", before["file"].clone()).await;
    assert_eq!(status, 200, "{answer}");
    let (_, after) = bench
        .control("GET", "/state?full=1&assignments=1", Value::Null)
        .await;
    for key in ["file", "assignments", "organization", "clock"] {
        assert_eq!(before[key], after[key], "{key}");
    }
    let outdated = json!({ "PermissionSetArn": set, "ProvisioningStatus": "LATEST_PERMISSION_SET_NOT_PROVISIONED" });
    let listed = bench
        .call("sso:ListAccountsForProvisionedPermissionSet", outdated)
        .await
        .json();
    assert_eq!(
        listed["AccountIds"],
        json!([bench.account("payments-prod")])
    );
}

#[test]
fn the_other_form_is_converted() {
    let tree = json!({
        "organization": { "Id": "o-ab12cd34ef", "ManagementAccountId": "111111111111", "FeatureSet": "ALL" },
        "root": "r-ab12",
        "ous": [
            { "Id": "ou-ab12-work0001", "Name": "Workloads", "ParentId": "r-ab12", "ControlTowerRegistered": true },
            { "Id": "ou-ab12-team0001", "Name": "Team", "ParentId": "ou-ab12-work0001" },
        ],
        "accounts": [
            { "Id": "111111111111", "Name": "payer", "Email": "payer@corp.example", "ParentId": "r-ab12" },
            { "Id": "222222222222", "Name": "app", "Email": "app@corp.example", "ParentId": "ou-ab12-team0001" },
        ],
    });
    let file = parse(&tree.to_string()).unwrap();
    assert_eq!(file.accounts[1].ou.as_deref(), Some("Workloads/Team"));
    assert_eq!(file.ous[1].id, "ou-ab12-team0001");
}
