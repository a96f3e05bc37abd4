//! Pages and their tokens: `simulator.md` PG-1 to PG-3.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bench::{Bench, Signer};

async fn all(bench: &Bench, operation: &str, key: &str, size: u64, extra: Value) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut input = extra;
    input["MaxResults"] = size.into();
    loop {
        let answer = bench.call(operation, input.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = answer.json();
        rows.extend(page[key].as_array().unwrap().clone());
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => return rows,
        }
    }
}

fn listings(bench: &Bench) -> Vec<(&'static str, &'static str, Value, usize, u64)> {
    let file = bench.file();
    let groups = &file.identity_center.groups;
    let group = groups
        .iter()
        .find(|group| group.name == "engineers")
        .unwrap();
    let members = json!({ "GroupId": group.id });
    let member = json!({ "MemberId": { "UserId": bench.user("mara.lindqvist") } });
    let account = json!({ "AccountId": bench.account("payments-staging") });
    let none = json!({});
    let memberships = "GroupMemberships";
    let by_member = "identitystore:ListGroupMembershipsForMember";
    vec![
        (
            "organizations:ListAccounts",
            "Accounts",
            none.clone(),
            40,
            20,
        ),
        ("identitystore:ListUsers", "Users", none.clone(), 60, 100),
        ("identitystore:ListGroups", "Groups", none.clone(), 15, 100),
        ("sso:ListPermissionSets", "PermissionSets", none, 12, 100),
        (
            "identitystore:ListGroupMemberships",
            memberships,
            members,
            group.members.len(),
            100,
        ),
        (by_member, memberships, member, 2, 100),
        (
            "sso:ListPermissionSetsProvisionedToAccount",
            "PermissionSets",
            account,
            3,
            100,
        ),
    ]
}

#[tokio::test]
async fn every_row_once_at_any_size() {
    let bench = Bench::small().await;
    for (operation, key, extra, expected, most) in listings(&bench) {
        for size in [1, 3, 7, most] {
            let rows = all(&bench, operation, key, size, extra.clone()).await;
            let distinct: BTreeSet<String> = rows.iter().map(ToString::to_string).collect();
            assert_eq!(
                (rows.len(), distinct.len()),
                (expected, expected),
                "{operation} by {size}"
            );
        }
    }
}

async fn delegate(bench: &Bench) -> Signer {
    let delegate = bench.account("audit");
    bench
        .mutate(json!({ "delegate": { "service": "sso.amazonaws.com", "account": delegate } }))
        .await;
    let keys = bench.simulator.credentials(&delegate).unwrap();
    Signer {
        key: keys.access_key_id,
        secret: keys.secret_access_key,
        ..bench.signer.clone()
    }
}

#[tokio::test]
async fn tokens_are_good_for_one_listing_only() {
    let bench = Bench::small().await;
    let first = bench
        .call("identitystore:ListUsers", json!({ "MaxResults": 5 }))
        .await
        .json();
    let token = first["NextToken"].as_str().unwrap().to_owned();
    let with = |extra: Value| {
        let mut input = extra;
        input["NextToken"] = token.clone().into();
        input
    };
    let changed = token.replace(token.chars().last().unwrap(), "-");
    let users = "identitystore:ListUsers";
    let refused = "ValidationException";
    let extension = json!({ "Extensions": ["aws:identitystore:enterprise"] });
    let rows = [
        ("same", users, with(json!({ "MaxResults": 5 })), "ok"),
        (
            "another size",
            users,
            with(json!({ "MaxResults": 7 })),
            "ok",
        ),
        ("no size", users, with(json!({})), "ok"),
        (
            "another operation",
            "identitystore:ListGroups",
            with(json!({})),
            refused,
        ),
        ("other parameters", users, with(extension), refused),
        (
            "made up",
            users,
            json!({ "NextToken": "bWFkZSB1cA" }),
            refused,
        ),
        ("changed", users, json!({ "NextToken": changed }), refused),
    ];
    for (case, operation, input, expected) in rows {
        assert_eq!(
            bench.call(operation, input).await.outcome(),
            expected,
            "{case}"
        );
    }
    let other = delegate(&bench).await;
    let foreign = bench.call_as(&other, users, with(json!({}))).await;
    assert_eq!(foreign.outcome(), refused);
    bench.advance(3_601.0).await;
    assert_eq!(bench.call(users, with(json!({}))).await.outcome(), refused);
    let answer = bench
        .call("organizations:ListAccounts", json!({ "NextToken": "x" }))
        .await;
    assert_eq!(
        (answer.outcome().as_str(), &answer.json()["Reason"]),
        ("InvalidInputException", &json!("INVALID_NEXT_TOKEN"))
    );
}

#[tokio::test]
async fn a_full_last_page_has_no_token_and_an_empty_one_may() {
    let bench = Bench::small().await;
    let answer = bench
        .call("sso:ListPermissionSets", json!({ "MaxResults": 12 }))
        .await
        .json();
    assert_eq!(
        (
            answer["PermissionSets"].as_array().unwrap().len(),
            answer.get("NextToken")
        ),
        (12, None)
    );
    bench
        .fault(json!({ "kind": "partial_page", "items": 0, "count": 1 }))
        .await;
    let empty = bench.call("sso:ListPermissionSets", json!({})).await.json();
    assert_eq!(empty["PermissionSets"], json!([]));
    let rest = bench
        .call(
            "sso:ListPermissionSets",
            json!({ "NextToken": empty["NextToken"] }),
        )
        .await
        .json();
    assert_eq!(rest["PermissionSets"].as_array().unwrap().len(), 12);
}
