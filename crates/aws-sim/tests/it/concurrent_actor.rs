//! Third-party acts before or after a call (`simulator.md` §4.1).

use hallpass_aws_sim::Options;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::bench::{Bench, options};

const GROUPS: &str = "identitystore:ListGroups";

fn new_group(bench: &Bench, name: &str) -> Value {
    json!({
        "service": "identitystore", "operation": "CreateGroup",
        "input": { "IdentityStoreId": bench.simulator.identity_center().identity_store_id, "DisplayName": name },
    })
}

async fn log(bench: &Bench) -> Vec<String> {
    let (_, log) = bench.control("GET", "/calls", Value::Null).await;
    let rows = log["calls"].as_array().unwrap();
    let numbers: Vec<u64> = rows
        .iter()
        .map(|row| row["seq"].as_u64().unwrap())
        .collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let shown = |row: &Value| {
        let other = row["by"] == "somebody-else" || row["service"] == "sim";
        let mark = if other { "*" } else { "" };
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        format!("{mark}{} {}", text("operation"), text("outcome"))
    };
    rows.iter().map(shown).collect()
}

async fn listed(bench: &Bench) -> Value {
    let (_, faults) = bench.control("GET", "/faults", Value::Null).await;
    faults["faults"][0].clone()
}

#[tokio::test]
async fn between_two_calls_of_a_plan_with_what_the_first_was_answered() {
    let bench = Bench::small().await;
    let instance = bench.simulator.identity_center().instance_arn;
    let own = bench.simulator.identity_center().management_account;
    let who = format!("arn:aws:sts::{own}:assumed-role/Analyst/kim@example.com");
    bench
        .fault(json!({
            "id": "tags", "kind": "somebody_acts", "when": "after", "match": { "operation": "CreatePermissionSet" },
            "acts": [{ "service": "sso", "operation": "TagResource", "as": who, "input": {
                "InstanceArn": instance, "ResourceArn": { "$answer": "/PermissionSet/PermissionSetArn" },
                "Tags": [{ "Key": "by", "Value": { "$request": "/Name" } }],
            }}],
        }))
        .await;
    bench
        .fault(json!({
            "kind": "somebody_acts", "match": { "operation": "AttachManagedPolicy*" },
            "acts": [{ "service": "sso", "operation": "DeletePermissionSet", "input": {
                "InstanceArn": instance, "PermissionSetArn": { "$request": "/PermissionSetArn" },
            }}],
        }))
        .await;
    let made = bench
        .call("sso:CreatePermissionSet", json!({ "Name": "Fresh" }))
        .await
        .json();
    let arn = &made["PermissionSet"]["PermissionSetArn"];
    let tags = bench
        .call("sso:ListTagsForResource", json!({ "ResourceArn": arn }))
        .await
        .json();
    assert_eq!(
        tags["Tags"],
        json!([{ "Key": "by", "Value": "Fresh" }]),
        "{tags}"
    );
    let attach = json!({ "PermissionSetArn": arn, "ManagedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" });
    let attached = bench
        .call("sso:AttachManagedPolicyToPermissionSet", attach)
        .await;
    assert_eq!(attached.outcome(), "ResourceNotFoundException");
    let (_, calls) = bench
        .control("GET", "/calls?operation=TagResource", Value::Null)
        .await;
    let call = &calls["calls"][0];
    assert_eq!(
        (&call["caller"]["arn"], &call["fault"]),
        (&json!(who), &json!("tags"))
    );
    bench.tick(3_000);
    let query = json!({ "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": "DeletePermissionSet" }] });
    let events = bench.call("cloudtrail:LookupEvents", query).await.json();
    let record: Value =
        serde_json::from_str(events["Events"][0]["CloudTrailEvent"].as_str().unwrap()).unwrap();
    let admin = format!(
        "arn:aws:iam::{}:user/sim-admin",
        bench.simulator.identity_center().management_account
    );
    assert_eq!(record["userIdentity"]["arn"], admin);
}

#[tokio::test]
async fn at_the_instant_of_the_virtual_clock() {
    let frozen = Options {
        frozen_clock: true,
        ..options()
    };
    let bench = Bench::new(frozen).await;
    bench
        .fault(json!({
            "kind": "somebody_acts", "acts": [new_group(&bench, "late")],
            "from": "2026-11-20T08:00:00Z", "until": "2026-11-20T08:30:00Z",
        }))
        .await;
    for _ in 0..3 {
        bench.call(GROUPS, json!({})).await;
        bench.advance(1_800.0).await;
        bench.tick(5);
    }
    let (_, calls) = bench
        .control("GET", "/calls?operation=CreateGroup", Value::Null)
        .await;
    let at: Vec<&str> = calls["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["at"].as_str().unwrap())
        .collect();
    assert_eq!(at.len(), 1);
    assert!(at[0].starts_with("2026-11-20T08:2"), "{at:?}");
}

#[tokio::test]
async fn beside_a_call_whose_reply_is_lost() {
    let bench = Bench::small().await;
    let instance = bench.simulator.identity_center().instance_arn;
    let create = |name: &str| json!({ "InstanceArn": instance, "Name": name });
    for (kind, effect) in [("drop_after_effect", true), ("drop_before_effect", false)] {
        bench
            .fault(json!({ "faults": [
                { "kind": kind, "match": { "operation": "CreatePermissionSet" }, "count": 1 },
                { "kind": "somebody_acts", "when": "after", "match": { "operation": "CreatePermissionSet" },
                  "acts": [new_group(&bench, kind)] },
            ]}))
            .await;
        assert!(
            bench
                .try_call("CreatePermissionSet", &create(kind))
                .await
                .is_err()
        );
        let sets = bench.file().identity_center.permission_sets;
        assert_eq!(sets.iter().any(|set| set.name == *kind), effect, "{kind}");
        bench.control("DELETE", "/faults", Value::Null).await;
    }
    let expected = [
        "CreatePermissionSet dropped",
        "*CreateGroup ok",
        "CreatePermissionSet dropped",
        "*CreateGroup ok",
    ];
    assert_eq!(log(&bench).await, expected);
}

#[tokio::test]
async fn what_is_refused_is_told_with_the_fault() {
    let bench = Bench::small().await;
    let member = bench.account("payments-dev");
    let mut denied = new_group(&bench, "denied");
    denied["account"] = "payments-dev".into();
    let finding = json!({ "service": "securityhub", "operation": "BatchUpdateFindings", "region": "eu-west-1", "input": {
        "FindingIdentifiers": [{ "Id": "none", "ProductArn": format!("arn:aws:securityhub:eu-west-1:{member}:product/{member}/default") }],
        "Workflow": { "Status": "SUPPRESSED" },
    }});
    let nowhere = json!({ "service": "organizations", "operation": "DescribeOrganization", "account": "no-such" });
    let nobody = json!({ "mutate": { "delete_user": { "user": "nobody@example.com" } } });
    let missing = json!({ "service": "sso", "operation": "ListPermissionSets", "input": { "InstanceArn": { "$request": "/None" } } });
    let acts = json!([
        denied,
        finding,
        nowhere,
        nobody,
        missing,
        new_group(&bench, "made")
    ]);
    bench.fault(json!({ "kind": "somebody_acts", "acts": acts, "match": { "operation": "ListGroups" } })).await;
    assert_eq!(bench.call(GROUPS, json!({})).await.status, 200);
    let fault = listed(&bench).await;
    let failed: Vec<(u64, &str)> = fault["acts_failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["act"].as_u64().unwrap(), row["error"].as_str().unwrap()))
        .collect();
    let expected = [
        (0, "AccessDeniedException"),
        (1, "UnprocessedFindings"),
        (2, "Nobody"),
        (3, "Refused"),
        (4, "Incomplete"),
    ];
    assert_eq!(failed, expected, "{fault}");
    assert_eq!(fault["acts_done"], 1);
}

#[tokio::test]
async fn somebody_meets_no_faults_and_sets_off_none() {
    let pattern = async |seed: u64| {
        let bench = Bench::small().await;
        let act = json!({ "service": "sso", "operation": "ListInstances" });
        bench
            .fault(json!({ "faults": [
                { "kind": "error", "code": "X" },
                { "kind": "somebody_acts", "acts": [act], "probability": 0.4, "seed": seed },
                { "kind": "somebody_acts", "when": "after", "acts": [act], "probability": 0.4, "seed": seed + 1 },
            ]}))
            .await;
        for _ in 0..20 {
            assert_eq!(
                bench.call("sso:ListInstances", json!({})).await.outcome(),
                "X"
            );
        }
        let (_, faults) = bench.control("GET", "/faults", Value::Null).await;
        assert_eq!(faults["faults"][1]["matched"], 20);
        log(&bench).await
    };
    let first = pattern(7).await;
    assert_eq!(first, pattern(7).await);
    assert_ne!(first, pattern(8).await);
    let acted = first
        .iter()
        .filter(|row| *row == "*ListInstances ok")
        .count();
    assert!(
        (8..=24).contains(&acted) && first.len() == 20 + acted,
        "{first:?}"
    );
}

#[tokio::test]
async fn what_somebody_did_survives_a_restart() {
    let folder = tempdir().unwrap();
    let kept = || Options {
        state: Some(folder.path().join("log")),
        ..options()
    };
    let bench = Bench::new(kept()).await;
    bench
        .fault(json!({ "kind": "somebody_acts", "acts": [new_group(&bench, "kept"), { "mutate": { "delete_group": { "group": "oncall" } } }] }))
        .await;
    bench.call("sso:ListInstances", json!({})).await;
    let before = bench.file();
    drop(bench);
    assert_eq!(Bench::new(kept()).await.file(), before);
    assert!(
        before
            .identity_center
            .groups
            .iter()
            .any(|group| group.name == "kept")
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_act_is_named() {
    let bench = Bench::small().await;
    let good = json!({ "service": "organizations", "operation": "ListAccounts" });
    let with = |name: &str, value: Value| {
        let mut act = good.clone();
        act[name] = value;
        json!({ "kind": "somebody_acts", "acts": [act] })
    };
    let answer = json!({ "NextToken": { "$answer": "/NextToken" } });
    for (fault, field) in [
        (json!({ "kind": "somebody_acts" }), "acts"),
        (json!({ "kind": "somebody_acts", "acts": [] }), "acts"),
        (json!({ "kind": "somebody_acts", "acts": [3] }), "acts[0]"),
        (
            json!({ "kind": "somebody_acts", "acts": [good], "when": "during" }),
            "when",
        ),
        (
            json!({ "kind": "somebody_acts", "acts": [good], "match": { "service": "slack" } }),
            "match.service",
        ),
        (
            json!({ "faults": [{ "kind": "somebody_acts", "acts": [good, {}] }] }),
            "faults[0].acts[1].service",
        ),
        (with("service", json!("sso-oauth")), "acts[0].service"),
        (
            with("operation", json!("LeaveOrganization")),
            "acts[0].operation",
        ),
        (with("region", json!("eu-moon-1")), "acts[0].region"),
        (with("as", json!("ana")), "acts[0].as"),
        (with("as", json!("arn:aws:iam::111:user/ana")), "acts[0].as"),
        (
            with("as", json!("arn:aws:sts::111122223333:assumed-role/X")),
            "acts[0].as",
        ),
        (with("input", json!([])), "acts[0].input"),
        (with("input", json!({ "MaxResults": "x" })), "acts[0].input"),
        (with("input", json!({ "MaxResults": 21 })), "acts[0].input"),
        (
            with("input", json!({ "Colour": "red" })),
            "acts[0].input.Colour",
        ),
        (with("input", answer), "acts[0].input"),
        (with("colour", json!("red")), "acts[0].colour"),
        (
            json!({ "kind": "somebody_acts", "acts": [{ "mutate": { "explode": {} } }] }),
            "acts[0].mutate",
        ),
        (
            json!({ "kind": "somebody_acts", "acts": [{ "mutate": { "delete_user": {} }, "service": "sso" }] }),
            "acts[0].service",
        ),
    ] {
        let (status, answer) = bench.control("POST", "/faults", fault.clone()).await;
        assert_eq!(
            (status, answer["error"]["field"].as_str()),
            (400, Some(field)),
            "{fault} {answer}"
        );
    }
    assert_eq!(
        bench.control("GET", "/faults", Value::Null).await.1["faults"],
        json!([])
    );
}
