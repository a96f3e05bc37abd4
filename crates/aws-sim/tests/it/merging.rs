//! Merging a partial organization file: complete, and without interrupting operations.

use serde_json::{Value, json};

use crate::{
    bench::Bench,
    evaluation::{SCP, deny, try_it},
};

async fn merge(bench: &Bench, part: Value) -> (u16, Value) {
    bench.control("POST", "/load?merge=1", part).await
}

async fn file(bench: &Bench) -> Value {
    let (_, state) = bench.control("GET", "/state?full=1", Value::Null).await;
    state["file"].clone()
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let bench = Bench::small().await;
    let before = file(&bench).await;
    let user = json!({ "user_name": "x@example.com" });
    for (path, part, pointer) in [
        ("/load?merge=true", json!({}), None),
        ("/load?merge=2", json!({}), None),
        ("/load?merge=0", json!({ "speed": "fast" }), Some("")),
        ("/load?merge=1", json!({ "colours": [] }), Some("/colours")),
        ("/load?merge=1", json!({ "version": 2 }), Some("/version")),
        (
            "/load?merge=1",
            json!({ "identity_center": { "people": [user] } }),
            Some("/identity_center/people"),
        ),
        (
            "/load?merge=1",
            json!({ "accounts": [{ "name": "a", "colour": 1 }] }),
            Some("/accounts/0/colour"),
        ),
        (
            "/load?merge=1",
            json!({ "ous": { "name": "a" } }),
            Some("/ous"),
        ),
    ] {
        let (status, said) = bench.control("POST", path, part.clone()).await;
        assert_eq!(status, 400, "{path} {part} {said}");
        let mut pointers = said["error"]["problems"].as_array().into_iter().flatten();
        let named = |pointer: &str| pointers.any(|it| it["pointer"] == pointer);
        assert!(pointer.is_none_or(named), "{path} {part} {said}");
    }
    let after = file(&bench).await;
    for key in ["organization", "ous", "accounts", "identity_center"] {
        assert_eq!(before[key], after[key], "{key}");
    }
}

#[tokio::test]
async fn what_is_no_row_replaces_what_is_there() {
    let bench = Bench::small().await;
    let part = json!({
        "organization": { "service_access": ["sso.amazonaws.com"] },
        "identity_center": { "portal_session_seconds": 900 },
        "limits": { "sso": { "rate": 7.0 } }, "entitlements": [],
    });
    let (status, said) = merge(&bench, part).await;
    assert_eq!(status, 200, "{said}");
    let after = file(&bench).await;
    for (pointer, value) in [
        ("/organization/service_access", json!(["sso.amazonaws.com"])),
        ("/identity_center/portal_session_seconds", json!(900)),
        ("/limits/sso/rate", json!(7.0)),
    ] {
        assert_eq!(after.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[tokio::test]
async fn a_row_takes_the_place_of_what_it_is() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let units = file(&bench).await["ous"].as_array().unwrap().len();
    let added = json!({ "ous": [
        { "name": "Development", "parent": "Sandbox" },
        { "name": "Prod", "parent": "Workloads", "tags": { "a": "b" } },
    ] });
    let (status, said) = merge(&bench, added).await;
    assert_eq!(status, 200, "{said}");
    let after = file(&bench).await;
    assert_eq!(
        after["ous"].as_array().unwrap().len(),
        units + 1,
        "one is new"
    );
    let row = |file: &Value, id: &str| {
        let mut rows = file["accounts"].as_array().unwrap().iter();
        rows.find(|row| row["id"] == id).cloned().unwrap()
    };
    assert_eq!(row(&after, &account)["ou"], "Workloads/NonProd/Development");
    let tagged = after["ous"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["tags"]["a"] == "b");
    assert_eq!(tagged.count(), 1);
    let moved = json!({ "accounts": [{ "name": "payments-dev", "email": "new@example.com", "ou": "Sandbox/Development" }] });
    let (status, said) = merge(&bench, moved).await;
    assert_eq!(status, 200, "{said}");
    let moved = row(&file(&bench).await, &account);
    assert_eq!(
        (&moved["email"], &moved["ou"]),
        (&json!("new@example.com"), &json!("Sandbox/Development"))
    );
    let twice = json!({ "accounts": [{ "id": "900000000001", "name": "payments-dev" }] });
    assert_eq!(
        merge(&bench, twice).await.0,
        200,
        "AWS takes two of one name"
    );
    let which = json!({ "accounts": [{ "name": "payments-dev" }] });
    let (status, said) = merge(&bench, which).await;
    assert_eq!(
        (status, &said["error"]["field"]),
        (400, &json!("/accounts/0"))
    );
}

#[tokio::test]
async fn rows_of_one_part_leave_each_other_alone() {
    let bench = Bench::small().await;
    let quota =
        |service: &str, value: f64| json!({ "service": service, "code": "L-1", "value": value });
    for (rows, expected) in [
        (vec![quota("iam", 1.0), quota("sns", 2.0)], [1.0, 2.0]),
        (vec![quota("iam", 3.0)], [3.0, 2.0]),
    ] {
        let (status, said) = merge(&bench, json!({ "quotas": rows })).await;
        assert_eq!(status, 200, "{said}");
        let file = file(&bench).await;
        let held = |service: &str| {
            let mut rows = file["quotas"].as_array().unwrap().iter();
            rows.find(|row| row["service"] == service).unwrap()["value"].as_f64()
        };
        assert_eq!([held("iam"), held("sns")], expected.map(Some));
        assert_eq!(file["quotas"].as_array().unwrap().len(), 2);
    }
    let nested = json!({ "ous": [{ "name": "New", "parent": "Sandbox" }, { "name": "Inner", "parent": "New" }] });
    let (status, said) = merge(&bench, nested).await;
    assert_eq!(status, 200, "{said}");
    let after = file(&bench).await;
    let inner = after["ous"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "Inner");
    assert_eq!(inner.unwrap()["parent"], "Sandbox/New");
}

#[tokio::test]
async fn what_is_under_way_goes_on() {
    let bench = Bench::small().await;
    let mara = bench.user("mara.lindqvist");
    let session = bench.enter("noor.haddad", "payments-dev", "ReadOnly").await;
    let (_, sessions) = bench.control("GET", "/sessions", Value::Null).await;
    bench
        .fault(json!({ "kind": "stuck_in_progress", "seconds": 600 }))
        .await;
    let before = bench.count("payments-dev", "PowerUser").await;
    let row = bench.row("payments-dev", "PowerUser", &mara);
    let begun = bench.call("sso:CreateAccountAssignment", row).await.json();
    let id = &begun["AccountAssignmentCreationStatus"]["RequestId"];
    let (status, said) = merge(&bench, json!({ "speed": "instant" })).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(bench.creation(id).await, "IN_PROGRESS");
    assert_eq!(
        bench.control("GET", "/sessions", Value::Null).await.1,
        sessions
    );
    try_it(&bench, &session, &[("iam:ListRoles", "ok")]).await;
    bench.advance(700.0).await;
    assert_eq!(bench.creation(id).await, "SUCCEEDED");
    assert_eq!(bench.count("payments-dev", "PowerUser").await, before + 1);
}

#[tokio::test]
async fn the_file_of_now_loads_back() {
    let bench = Bench::small().await;
    let session = bench.enter("noor.haddad", "payments-dev", "Support").await;
    let set = bench.set("Support");
    let detach = json!({
        "PermissionSetArn": set, "ManagedPolicyArn": "arn:aws:iam::aws:policy/job-function/SupportUser",
    });
    let answer = bench
        .call("sso:DetachManagedPolicyFromPermissionSet", detach)
        .await;
    assert_eq!(answer.outcome(), "ok", "{}", answer.text);
    let sandbox = bench.unit("Sandbox");
    let added = json!({
        "ous": [{ "name": "Workloads", "parent": "Sandbox" }],
        "accounts": [{ "name": "Sandbox", "ou": "Workloads" }],
        "policies": [{ "name": "p", "type": SCP, "content": deny("ec2:*"), "targets": [sandbox] }],
    });
    let (status, said) = merge(&bench, added).await;
    assert_eq!(status, 200, "{said}");
    let before = file(&bench).await;
    let outdated = before["identity_center"]["provisioned"].as_array().unwrap();
    let outdated: Vec<&Value> = outdated
        .iter()
        .filter(|row| row["outdated"] == true)
        .collect();
    assert!(!outdated.is_empty());
    assert!(
        outdated
            .iter()
            .all(|row| row["holds"]["managed_policies"][0].is_string()),
        "{outdated:?}"
    );
    let (status, said) = bench.control("POST", "/load", before.clone()).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(file(&bench).await, before);
    try_it(&bench, &session, &[("iam:ListRoles", "ok")]).await;
}
