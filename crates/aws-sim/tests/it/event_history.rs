//! CloudTrail's `LookupEvents`: calls and sign-ins (`simulator.md` §2.7).

use hallpass_aws_model::{check_output, tables};
use hallpass_aws_sim::Options;
use serde_json::{Value, json};

use crate::bench::{Bench, Signer, options};

/// Delay of events at this speed.
const LATE_MS: i64 = 2_100;

async fn look_up(bench: &Bench, input: Value) -> Value {
    // quota: two a second
    bench.tick(1_000);
    let answer = bench.call("cloudtrail:LookupEvents", input).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let service = tables().by_signing_name("cloudtrail").unwrap();
    let operation = service.operation("LookupEvents").unwrap();
    let fits = check_output(service, operation, &answer.json());
    assert!(fits.is_ok(), "{fits:?} {}", answer.text);
    answer.json()
}

fn by(key: &str, value: &str) -> Value {
    json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]})
}

fn records(page: &Value) -> Vec<Value> {
    let events = page["Events"].as_array().unwrap().iter();
    let record = |it: &Value| {
        let record: Value = serde_json::from_str(it["CloudTrailEvent"].as_str().unwrap()).unwrap();
        for (name, member) in [("EventId", "eventID"), ("EventName", "eventName")] {
            assert_eq!(it[name], record[member]);
        }
        record
    };
    events.map(record).collect()
}

async fn found(bench: &Bench, key: &str, value: &str) -> Vec<Value> {
    records(&look_up(bench, by(key, value)).await)
}

#[tokio::test]
async fn calls_are_recorded_with_who_made_them() {
    let bench = Bench::small().await;
    let made = bench
        .call("identitystore:CreateUser", json!({
            "UserName": "new.one", "DisplayName": "New One", "Name": {"GivenName": "New", "FamilyName": "One"},
        }))
        .await
        .json();
    let member = bench.member("payments-dev");
    let refused = bench
        .call_as(&member, "sso:ListPermissionSets", json!({}))
        .await;
    assert_ne!(refused.status, 200);
    bench.call("sso:ListInstances", json!({})).await;
    assert_eq!(
        found(&bench, "EventName", "CreateUser").await,
        Vec::<Value>::new(),
        "too early"
    );
    bench.tick(LATE_MS);
    let created = found(&bench, "EventName", "CreateUser").await;
    assert_eq!(created.len(), 1);
    let record = &created[0];
    assert_eq!(record["eventSource"], "identitystore.amazonaws.com");
    assert_eq!(record["requestParameters"]["userName"], "new.one");
    assert_eq!(record["responseElements"]["userId"], made["UserId"]);
    assert_eq!(record["readOnly"], false);
    assert_eq!(record["errorCode"], Value::Null);
    let listed = found(&bench, "EventName", "ListInstances").await;
    assert_eq!((listed.len(), &listed[0]["readOnly"]), (1, &json!(true)));
    // another account's calls are in its own history
    assert_eq!(
        found(&bench, "EventName", "ListPermissionSets").await,
        Vec::<Value>::new()
    );
    let answer = bench
        .call_as(
            &member,
            "cloudtrail:LookupEvents",
            by("EventName", "ListPermissionSets"),
        )
        .await;
    let denied = records(&answer.json());
    assert_eq!(
        (denied.len(), denied[0]["errorCode"].as_str()),
        (1, Some("AccessDeniedException"))
    );
    // contains no secret
    let all = look_up(&bench, json!({})).await.to_string();
    assert!(
        !all.contains(&bench.signer.secret) && all.contains("LookupEvents"),
        "{all}"
    );
}

#[tokio::test]
async fn people_are_recorded_in_the_form_of_either_time() {
    let mut identities = Vec::new();
    for form in ["identity_center_user", "unknown"] {
        let bench = Bench::new(Options {
            behaviour: vec![("sign_in_events".to_owned(), form.to_owned())],
            ..options()
        })
        .await;
        let account = bench.account("payments-dev");
        let person: Signer = bench.enter("mara.lindqvist", &account, "ReadOnly").await;
        let answer = bench.query(&person, "Action=GetCallerIdentity").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        bench.tick(LATE_MS);
        let signed_in = found(&bench, "EventName", "Authenticate").await;
        assert_eq!(signed_in.len(), 1, "{form}");
        identities.push(signed_in[0]["userIdentity"].clone());
        let proof = found(&bench, "EventName", "UserAuthentication").await;
        assert_eq!(
            proof[0]["serviceEventDetails"]["UserAuthentication"],
            "Success"
        );
        let seen = bench
            .call_as(&person, "cloudtrail:LookupEvents", json!({}))
            .await;
        let called = records(&seen.json());
        let own = called
            .iter()
            .find(|it| it["eventName"] == "GetCallerIdentity");
        let who = &own.unwrap_or_else(|| panic!("{}", seen.text))["userIdentity"];
        assert_eq!(who["type"], "AssumedRole");
        let issuer = who["sessionContext"]["sessionIssuer"]["arn"]
            .as_str()
            .unwrap();
        assert!(
            issuer.contains(":role/aws-reserved/sso.amazonaws.com/"),
            "{issuer}"
        );
    }
    let user = Bench::small().await.user("mara.lindqvist");
    assert_eq!(identities[0]["type"], "IdentityCenterUser");
    assert_eq!(identities[0]["onBehalfOf"]["userId"], user.as_str());
    assert_eq!(identities[0]["userName"], Value::Null);
    assert_eq!(identities[1]["type"], "Unknown");
    assert_eq!(identities[1]["userName"], "mara.lindqvist@example.com");
}

#[tokio::test]
async fn events_come_newest_first_in_pages_and_within_a_time() {
    let bench = Bench::small().await;
    let now = bench.wall();
    let record = |minutes: i64| {
        let at = now - jiff::SignedDuration::from_mins(minutes);
        json!({
            "eventID": format!("e{minutes:03}"), "eventName": "Federate", "eventSource": "sso.amazonaws.com",
            "eventTime": at.to_string(), "awsRegion": bench.signer.region,
            "recipientAccountId": bench.account("example-management"),
        })
    };
    // the last one is older than the retention
    let minutes: Vec<i64> = (1..=119).chain([90 * 24 * 60 + 1]).collect();
    let brought: Vec<Value> = minutes.iter().rev().map(|it| record(*it)).collect();
    let (status, said) = bench
        .control("POST", "/events", json!({"Records": brought}))
        .await;
    assert_eq!((status, said), (200, json!({"added": 120})));
    let (mut ids, mut input) = (Vec::new(), by("EventName", "Federate"));
    let mut pages = Vec::new();
    loop {
        let page = look_up(&bench, input.clone()).await;
        let found = records(&page);
        pages.push(found.len());
        ids.extend(
            found
                .iter()
                .map(|it| it["eventID"].as_str().unwrap().to_owned()),
        );
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    let wanted: Vec<String> = (1..=119).map(|it| format!("e{it:03}")).collect();
    assert_eq!((ids, pages), (wanted, vec![50, 50, 19]));
    let mut within = by("EventSource", "sso.amazonaws.com");
    within["StartTime"] = (now.as_second() - 600).into();
    within["EndTime"] = (now.as_second() - 300).into();
    let found = records(&look_up(&bench, within.clone()).await);
    let ids: Vec<&str> = found
        .iter()
        .map(|it| it["eventID"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["e005", "e006", "e007", "e008", "e009", "e010"]);
    bench.tick(1_000);
    let two = json!([{"AttributeKey": "EventName", "AttributeValue": "a"}, {"AttributeKey": "ReadOnly", "AttributeValue": "b"}]);
    within["EndTime"] = (now.as_second() - 700).into();
    for (input, code) in [
        (
            json!({"LookupAttributes": two}),
            "InvalidLookupAttributesException",
        ),
        (json!({"MaxResults": 51}), "InvalidMaxResultsException"),
        (within, "InvalidTimeRangeException"),
        (json!({"NextToken": "x"}), "InvalidNextTokenException"),
    ] {
        bench.tick(1_000);
        let answer = bench.call("cloudtrail:LookupEvents", input).await;
        assert!(
            answer.outcome().starts_with(code),
            "{code}: {}",
            answer.text
        );
    }
    let (status, said) = bench
        .control("POST", "/events", json!({"Records": [record(1), {}]}))
        .await;
    assert_eq!(status, 400, "{said}");
}

#[tokio::test]
async fn two_a_second_are_answered() {
    let bench = Bench::new(Options {
        throttle: true,
        ..options()
    })
    .await;
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(
            bench
                .call("cloudtrail:LookupEvents", json!({}))
                .await
                .outcome(),
        );
    }
    assert_eq!(outcomes[..2], ["ok", "ok"]);
    assert!(
        outcomes[2].starts_with("ThrottlingException"),
        "{outcomes:?}"
    );
    bench.tick(500);
    assert_eq!(
        bench
            .call("cloudtrail:LookupEvents", json!({}))
            .await
            .outcome(),
        "ok"
    );
}
