//! `EventBridge` rules are the same from calls and from the file.

use hallpass_aws_model::{check_output, tables};
use serde_json::{Value, json};

use crate::{
    bench::{Answer, Bench},
    queues::{bench, queue, received, sqs},
};

const REGION: &str = "eu-west-1";

/// Calls `EventBridge`, and checks answer or error against the model.
async fn events(bench: &Bench, operation: &str, input: Value) -> Answer {
    let answer = bench.call(&format!("events:{operation}"), input).await;
    let service = tables().by_signing_name("events").unwrap();
    let model = service.operation(operation).unwrap();
    if answer.status == 200 && !answer.text.is_empty() {
        let fits = check_output(service, model, &answer.json());
        assert!(fits.is_ok(), "{operation}: {fits:?} {}", answer.text);
    }
    answer
}

async fn refused(bench: &Bench, operation: &str, input: Value) -> String {
    let before = rules(bench).await;
    let answer = events(bench, operation, input).await;
    assert_eq!(answer.status, 400, "{operation}: {}", answer.text);
    assert_eq!(rules(bench).await, before, "{operation}");
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let message = [text("message"), text("Message")].concat();
    format!("{}: {message}", text("__type"))
}

async fn rules(bench: &Bench) -> Vec<(Value, Value)> {
    let listed = events(bench, "ListRules", json!({})).await.json();
    let mut found = Vec::new();
    for rule in listed["Rules"].as_array().unwrap() {
        let targets = json!({ "Rule": rule["Name"] });
        let targets = events(bench, "ListTargetsByRule", targets).await.json();
        found.push((rule.clone(), targets["Targets"].clone()));
    }
    found
}

async fn arn_of(bench: &Bench, url: &str) -> String {
    let wanted = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
    let answer = sqs(bench, "GetQueueAttributes", wanted).await.json();
    answer["Attributes"]["QueueArn"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn open_queue(bench: &Bench, name: &str) -> (String, String) {
    let url = queue(bench, name, json!({ "Policy": policy("*") })).await;
    let arn = arn_of(bench, &url).await;
    (url, arn)
}

fn policy(rule: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage",
        "Resource": "*", "Condition": { "ArnLike": { "aws:SourceArn": rule } },
    }] })
    .to_string()
}

async fn rule(bench: &Bench, name: &str, pattern: Value, targets: Value) -> String {
    let input = json!({ "Name": name, "EventPattern": pattern.to_string() });
    let made = events(bench, "PutRule", input).await.json();
    let input = json!({ "Rule": name, "Targets": targets });
    let answer = events(bench, "PutTargets", input).await;
    assert_eq!(answer.json()["FailedEntryCount"], 0, "{}", answer.text);
    made["RuleArn"].as_str().unwrap().to_owned()
}

async fn put(bench: &Bench, detail: Value) -> String {
    let entry = json!({ "Source": "own.app", "DetailType": "t", "Detail": detail.to_string() });
    let answer = events(bench, "PutEvents", json!({ "Entries": [entry] }))
        .await
        .json();
    assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
    answer["Entries"][0]["EventId"].as_str().unwrap().to_owned()
}

async fn bodies(bench: &Bench, url: &str) -> Vec<String> {
    let rows = received(bench, url).await.into_iter();
    rows.map(|(body, ..)| body).collect()
}

#[tokio::test]
async fn a_rule_of_the_file_is_one_like_any_other() {
    let bench = bench().await;
    let stated = events(&bench, "DescribeRule", json!({ "Name": "events" }))
        .await
        .json();
    assert_eq!(stated["EventPattern"], r#"{"source":["aws.securityhub"]}"#);
    let input = json!({ "Name": "events", "EventPattern": r#"{"source": ["own.app"]}"#, "Description": "d" });
    events(&bench, "PutRule", input).await;
    put(&bench, json!({})).await;
    let url = sqs(&bench, "GetQueueUrl", json!({ "QueueName": "events" }))
        .await
        .json();
    let url = url["QueueUrl"].as_str().unwrap();
    assert_eq!(bodies(&bench, url).await.len(), 1, "its targets stay");
    let (_, arn) = open_queue(&bench, "other").await;
    rule(
        &bench,
        "made",
        json!({ "source": ["x"] }),
        json!([{ "Id": "1", "Arn": arn, "InputPath": "$.detail" }]),
    )
    .await;
    // merge and export preserve rules made by calls
    let before = rules(&bench).await;
    let (status, state) = bench.control("GET", "/state?full=1", Value::Null).await;
    assert_eq!(status, 200);
    for (path, body) in [
        ("/load?merge=1", json!({ "version": 1 })),
        ("/load", state["file"].clone()),
    ] {
        let (status, answer) = bench.control("POST", path, body).await;
        assert!(status < 300, "{answer}");
        assert_eq!(rules(&bench).await, before, "{path}");
    }
}

#[tokio::test]
async fn who_does_not_let_the_rule_in_gets_nothing_and_the_dead_letter_queue_does() {
    let bench = bench().await;
    let url = queue(&bench, "work", json!({})).await;
    let target = arn_of(&bench, &url).await;
    let (dead, dead_arn) = open_queue(&bench, "dead").await;
    let arn = rule(
        &bench,
        "r",
        json!({ "source": ["own.app"] }),
        json!([{ "Id": "q", "Arn": target, "InputPath": "$.detail", "DeadLetterConfig": { "Arn": dead_arn } }]),
    )
    .await;
    for (policy, got, lost) in [
        (None, 0, 1),
        (Some(policy(&format!("{arn}x"))), 0, 1),
        (Some(policy(&arn)), 1, 0),
    ] {
        if let Some(policy) = policy {
            let input = json!({ "QueueUrl": url, "Attributes": { "Policy": policy } });
            sqs(&bench, "SetQueueAttributes", input).await;
        }
        put(&bench, json!({ "a": 1 })).await;
        let (rows, dead) = (bodies(&bench, &url).await, bodies(&bench, &dead).await);
        assert_eq!((rows.len(), dead.len()), (got, lost), "{rows:?} {dead:?}");
        assert!(rows.iter().all(|it| it == r#"{"a":1}"#), "{rows:?}");
        assert!(
            dead.iter().all(|it| it.contains("\"source\":\"own.app\"")),
            "{dead:?}"
        );
    }
}

#[tokio::test]
async fn rules_are_refused_for_the_reasons_that_aws_names() {
    let bench = bench().await;
    let (_, arn) = open_queue(&bench, "work").await;
    let one = json!([{ "Id": "1", "Arn": arn }]);
    rule(&bench, "r", json!({ "source": ["x"] }), one).await;
    let source = r#"{"source": ["x"]}"#;
    for (operation, input, expected) in [
        (
            "PutRule",
            json!({ "Name": "n" }),
            "ValidationException: Parameter(s) EventPattern or",
        ),
        (
            "PutRule",
            json!({ "Name": "n", "EventPattern": "{\"a\": 1}" }),
            "InvalidEventPatternException: Event pattern is not valid. Reason: \"a\" must be",
        ),
        (
            "PutRule",
            json!({ "Name": "n".repeat(65), "EventPattern": source }),
            "ValidationException: 1 validation error",
        ),
        (
            "PutRule",
            json!({ "Name": "n", "EventPattern": source, "EventBusName": "own" }),
            "ResourceNotFoundException: Event bus own does not exist.",
        ),
        (
            "PutRule",
            json!({ "Name": "n", "EventPattern": source, "ScheduleExpression": "rate(1 day)" }),
            "ValidationException: ScheduleExpression is not simulated.",
        ),
        (
            "DescribeRule",
            json!({ "Name": "n" }),
            "ResourceNotFoundException: Rule n does not exist on EventBus default.",
        ),
        (
            "EnableRule",
            json!({ "Name": "n" }),
            "ResourceNotFoundException: Rule n",
        ),
        (
            "DeleteRule",
            json!({ "Name": "r" }),
            "ValidationException: Rule can't be deleted since it has targets.",
        ),
        (
            "TestEventPattern",
            json!({ "EventPattern": source, "Event": "{}" }),
            "ValidationException: Parameter Event",
        ),
    ] {
        let text = refused(&bench, operation, input.clone()).await;
        assert!(text.starts_with(expected), "{operation} {input}: {text}");
    }
    let removed = json!({ "Rule": "r", "Ids": ["1"] });
    events(&bench, "RemoveTargets", removed).await;
    for _ in 0..2 {
        let answer = events(&bench, "DeleteRule", json!({ "Name": "r" })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(rules(&bench).await.len(), 1, "that of the file");
}

#[tokio::test]
async fn targets_are_refused_for_the_reasons_that_aws_names() {
    let bench = bench().await;
    let (_, arn) = open_queue(&bench, "work").await;
    let one = json!([{ "Id": "1", "Arn": arn }]);
    rule(&bench, "r", json!({ "source": ["x"] }), one.clone()).await;
    let six: Vec<Value> = (2..7)
        .map(|it| json!({ "Id": it.to_string(), "Arn": arn }))
        .collect();
    for (operation, input, expected) in [
        (
            "PutTargets",
            json!({ "Rule": "n", "Targets": one }),
            "ResourceNotFoundException: Rule n",
        ),
        (
            "PutTargets",
            json!({ "Rule": "r", "Targets": six }),
            "LimitExceededException",
        ),
        (
            "PutTargets",
            json!({ "Rule": "r", "Targets": [{ "Id": "2", "Arn": "queue" }] }),
            "ValidationException: Parameter queue is not valid.",
        ),
        (
            "PutTargets",
            json!({ "Rule": "r", "Targets": [{ "Id": "2", "Arn": format!("{arn}.fifo") }] }),
            "ValidationException: Parameter(s) SqsParameters must",
        ),
        (
            "PutTargets",
            json!({ "Rule": "r", "Targets": [{ "Id": "2", "Arn": arn, "Input": "{" }] }),
            "ValidationException: JSON syntax error",
        ),
        (
            "RemoveTargets",
            json!({ "Rule": "n", "Ids": ["1"] }),
            "ResourceNotFoundException: Rule n",
        ),
    ] {
        let text = refused(&bench, operation, input.clone()).await;
        assert!(text.starts_with(expected), "{operation} {input}: {text}");
    }
    let removed = json!({ "Rule": "r", "Ids": ["1", "9"] });
    let answer = events(&bench, "RemoveTargets", removed).await.json();
    assert_eq!(
        (
            &answer["FailedEntryCount"],
            &answer["FailedEntries"][0]["TargetId"]
        ),
        (&json!(1), &json!("9"))
    );
    assert_eq!(
        rules(&bench).await.len(),
        2,
        "that of the file and this one"
    );
}

#[tokio::test]
async fn entries_are_taken_each_for_itself() {
    let bench = bench().await;
    let (url, arn) = open_queue(&bench, "work").await;
    rule(
        &bench,
        "r",
        json!({ "detail-type": ["t"] }),
        json!([{ "Id": "1", "Arn": arn }]),
    )
    .await;
    let good = json!({ "Source": "own.app", "DetailType": "t", "Detail": "{}", "Time": 1_700_000_000, "Resources": ["arn:r"] });
    let with = |name: &str, value: Value| {
        let mut entry = good.clone();
        entry[name] = value;
        entry
    };
    let entries = json!([
        with("Source", json!("aws.s3")),
        with("Detail", json!("{")),
        with("Detail", json!("[]")),
        with("DetailType", json!("")),
        with("EventBusName", json!("own")),
        good,
    ]);
    let answer = events(&bench, "PutEvents", json!({ "Entries": entries }))
        .await
        .json();
    let codes: Vec<Value> = answer["Entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["ErrorCode"].clone())
        .collect();
    let expected = json!([
        "NotAuthorizedForSourceException",
        "MalformedDetail",
        "MalformedDetail",
        "InvalidArgument",
        null,
        null
    ]);
    assert_eq!(json!(codes), expected, "{answer}");
    assert_eq!(answer["FailedEntryCount"], 4);
    let got = bodies(&bench, &url).await;
    let event: Value = serde_json::from_str(&got[0]).unwrap();
    assert_eq!(
        (got.len(), &event["time"], &event["resources"], &event["id"]),
        (
            1,
            &json!("2023-11-14T22:13:20Z"),
            &json!(["arn:r"]),
            &answer["Entries"][5]["EventId"]
        )
    );
    let eleven = vec![json!({ "Source": "a", "DetailType": "t", "Detail": "{}" }); 11];
    let text = refused(&bench, "PutEvents", json!({ "Entries": eleven })).await;
    assert!(text.starts_with("ValidationException"), "{text}");
    let large = json!({ "a": "x".repeat(1_048_570) }).to_string();
    let large = json!({ "Entries": [{ "Source": "a", "DetailType": "t", "Detail": large }] });
    let text = refused(&bench, "PutEvents", large).await;
    assert!(
        text.starts_with("ValidationException: Total size"),
        "{text}"
    );
    assert!(bodies(&bench, &url).await.is_empty());
}

#[tokio::test]
async fn what_a_service_manages_is_changed_by_force_alone() {
    let bench = bench().await;
    let row = json!({
        "account": "example-management", "region": REGION, "name": "managed", "queue": "own", "source": "own.app",
        "managed_by": "autoscaling.amazonaws.com",
    });
    let (status, answer) = bench
        .control(
            "POST",
            "/load?merge=1",
            json!({ "version": 1, "event_rules": [row] }),
        )
        .await;
    assert!(status < 300, "{answer}");
    let target = json!({ "Id": "2", "Arn": format!("arn:aws:sqs:{REGION}:111111111111:q") });
    for (operation, input) in [
        (
            "PutRule",
            json!({ "Name": "managed", "EventPattern": r#"{"source": ["x"]}"# }),
        ),
        ("DisableRule", json!({ "Name": "managed" })),
        ("EnableRule", json!({ "Name": "managed", "Force": true })),
        (
            "PutTargets",
            json!({ "Rule": "managed", "Targets": [target] }),
        ),
        ("RemoveTargets", json!({ "Rule": "managed", "Ids": ["1"] })),
        ("DeleteRule", json!({ "Name": "managed" })),
    ] {
        let text = refused(&bench, operation, input).await;
        assert!(
            text.starts_with("ManagedRuleException: managed is a managed rule"),
            "{operation}: {text}"
        );
    }
    let forced = json!({ "Rule": "managed", "Ids": ["1"], "Force": true });
    assert_eq!(
        events(&bench, "RemoveTargets", forced).await.json()["FailedEntryCount"],
        0
    );
    events(
        &bench,
        "DeleteRule",
        json!({ "Name": "managed", "Force": true }),
    )
    .await;
    assert_eq!(
        events(&bench, "DescribeRule", json!({ "Name": "managed" }))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn the_identity_store_tells_who_left_in_the_home_region() {
    let bench = bench().await;
    let (url, queue) = open_queue(&bench, "people").await;
    let pattern = json!({ "source": ["aws.identitystore"] });
    let targets = json!([{ "Id": "q", "Arn": queue }]);
    rule(&bench, "people", pattern, targets).await;
    let store = async |operation: &str, input: Value| {
        let answer = bench
            .call(&format!("identitystore:{operation}"), input)
            .await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
        answer.json()
    };
    let user = json!({ "UserName": "new", "DisplayName": "New",
        "Name": { "GivenName": "N", "FamilyName": "W" } });
    let user = store("CreateUser", user).await["UserId"].clone();
    let group = json!({ "DisplayName": "newcomers" });
    let group = store("CreateGroup", group).await["GroupId"].clone();
    let member = json!({ "GroupId": group, "MemberId": { "UserId": user } });
    let member = store("CreateGroupMembership", member).await["MembershipId"].clone();
    let member = json!({ "MembershipId": member });
    store("DeleteGroupMembership", member).await;
    bench
        .mutate(json!({ "disable_user": { "user": "new" } }))
        .await;
    store("DeleteUser", json!({ "UserId": user })).await;
    store("DeleteGroup", json!({ "GroupId": group })).await;
    let told: Vec<Value> = bodies(&bench, &url)
        .await
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    let kinds: Vec<&str> = told
        .iter()
        .map(|event| event["detail-type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "User Created",
            "Group Created",
            "Group Membership Created",
            "Group Membership Deleted",
            "User Updated",
            "User Deleted",
            "Group Deleted",
        ]
    );
    let left = &told[3]["detail"];
    assert_eq!((&left["user-id"], &left["group-id"]), (&user, &group));
}
