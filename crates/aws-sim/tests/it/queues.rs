//! SQS queues, and Security Hub events delivered there by a rule.

use hallpass_aws_model::{check_output, tables};
use hallpass_aws_sim::{Options, organization};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, options};

const REGION: &str = "eu-west-1";

/// A rule on the management account's bus fills the queue `events`.
pub(crate) async fn bench() -> Bench {
    let mut file = organization::small();
    let rule = json!({ "account": "example-management", "region": REGION, "queue": "events", "source": "aws.securityhub" });
    file.event_rules.push(serde_json::from_value(rule).unwrap());
    Bench::new(Options {
        organization: file,
        ..options()
    })
    .await
}

pub(crate) async fn sqs(bench: &Bench, operation: &str, input: Value) -> Answer {
    let answer = bench.call(&format!("sqs:{operation}"), input).await;
    let service = tables().by_signing_name("sqs").unwrap();
    if answer.status == 200 && !answer.text.is_empty() {
        let fits = check_output(
            service,
            service.operation(operation).unwrap(),
            &answer.json(),
        );
        assert!(fits.is_ok(), "{operation}: {fits:?} {}", answer.text);
    }
    answer
}

pub(crate) async fn queue(bench: &Bench, name: &str, attributes: Value) -> String {
    let answer = sqs(
        bench,
        "CreateQueue",
        json!({ "QueueName": name, "Attributes": attributes }),
    )
    .await;
    answer.json()["QueueUrl"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", answer.text))
        .to_owned()
}

pub(crate) async fn received(bench: &Bench, url: &str) -> Vec<(String, String, String)> {
    let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"] });
    let answer = sqs(bench, "ReceiveMessage", input).await.json();
    let rows = answer["Messages"].as_array().cloned().unwrap_or_default();
    let text = |row: &Value, name: &str| row.pointer(name).unwrap().as_str().unwrap().to_owned();
    let rows = rows.iter().map(|row| {
        (
            text(row, "/Body"),
            text(row, "/ReceiptHandle"),
            text(row, "/Attributes/ApproximateReceiveCount"),
        )
    });
    rows.collect()
}

#[tokio::test]
async fn what_is_received_too_often_goes_to_the_dead_letter_queue() {
    let bench = bench().await;
    let dead = queue(&bench, "dead", json!({})).await;
    let arn = sqs(
        &bench,
        "GetQueueAttributes",
        json!({ "QueueUrl": dead, "AttributeNames": ["QueueArn"] }),
    )
    .await
    .json();
    let policy =
        json!({ "deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 2 })
            .to_string();
    let url = queue(
        &bench,
        "work",
        json!({ "RedrivePolicy": policy, "VisibilityTimeout": "0" }),
    )
    .await;
    sqs(
        &bench,
        "SendMessage",
        json!({ "QueueUrl": url, "MessageBody": "poison" }),
    )
    .await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(received(&bench, &url).await.len());
    }
    assert_eq!(seen, [1, 1, 0]);
    assert_eq!(received(&bench, &dead).await[0].0, "poison");
}

#[tokio::test]
async fn whoever_waits_gets_a_message_when_it_comes() {
    let bench = bench().await;
    let url = queue(&bench, "work", json!({})).await;
    let wait = json!({ "QueueUrl": url, "WaitTimeSeconds": 20 });
    let send = json!({ "QueueUrl": url, "MessageBody": "now" });
    let (got, _) = tokio::join!(
        sqs(&bench, "ReceiveMessage", wait),
        sqs(&bench, "SendMessage", send)
    );
    assert_eq!(got.json()["Messages"][0]["Body"], "now", "{}", got.text);
}

fn finding(id: &str, account: &str) -> Value {
    json!({
        "SchemaVersion": "2018-10-08", "Id": id, "ProductArn": "arn:p", "GeneratorId": "g", "AwsAccountId": account,
        "CreatedAt": "2026-03-02T10:00:00Z", "UpdatedAt": "2026-03-02T10:00:00Z", "Title": "t", "Description": "d",
        "Severity": { "Label": "HIGH" }, "Resources": [{ "Type": "Other", "Id": "r" }],
    })
}

#[tokio::test]
async fn an_imported_finding_is_an_event_in_the_queue_and_is_found_by_filters() {
    let bench = bench().await;
    let member = bench.member("payments-prod");
    let account = bench.account("payments-prod");
    let rows = json!({ "Findings": [finding("f-1", &account), finding("f-2", &bench.account("network"))] });
    let answer = bench
        .rest(&member, "securityhub/findings/import", rows)
        .await;
    assert_eq!(
        (
            answer.json()["SuccessCount"].clone(),
            answer.json()["FailedCount"].clone()
        ),
        (json!(1), json!(1))
    );
    let url = sqs(&bench, "GetQueueUrl", json!({ "QueueName": "events" }))
        .await
        .json();
    let event = received(&bench, url["QueueUrl"].as_str().unwrap())
        .await
        .remove(0)
        .0;
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(
        (
            event["source"].as_str(),
            event["detail"]["findings"][0]["Id"].as_str()
        ),
        (Some("aws.securityhub"), Some("f-1"))
    );
    filtered(&bench).await;
    let other = json!({ "Filters": { "Keyword": [{ "Value": "x" }] } });
    assert_eq!(
        bench
            .rest(&bench.signer, "securityhub/findings", other)
            .await
            .status,
        400
    );
    let elsewhere = bench
        .rest(&bench.member("network"), "securityhub/findings", json!({}))
        .await;
    assert_eq!(elsewhere.json()["Findings"], json!([]));
}

async fn filtered(bench: &Bench) {
    let service = tables().by_signing_name("securityhub").unwrap();
    for (filters, found) in [
        (json!({}), 1),
        (
            json!({ "RecordState": [{ "Value": "ACTIVE", "Comparison": "EQUALS" }] }),
            1,
        ),
        (
            json!({ "SeverityLabel": [{ "Value": "HIGH", "Comparison": "NOT_EQUALS" }] }),
            0,
        ),
        (
            json!({ "UserDefinedFields": [{ "Key": "Owner", "Value": "x", "Comparison": "EQUALS" }] }),
            0,
        ),
        (
            json!({ "UpdatedAt": [{ "Start": "2026-03-01T00:00:00Z", "End": "2026-03-03T00:00:00Z" }] }),
            1,
        ),
        (
            json!({ "UpdatedAt": [{ "Start": "2026-03-03T00:00:00Z" }] }),
            0,
        ),
    ] {
        let answer = bench
            .rest(
                &bench.signer,
                "securityhub/findings",
                json!({ "Filters": filters }),
            )
            .await;
        assert_eq!(
            answer.json()["Findings"].as_array().map(Vec::len),
            Some(found),
            "{}",
            answer.text
        );
        let fits = check_output(
            service,
            service.operation("GetFindings").unwrap(),
            &answer.json(),
        );
        assert!(fits.is_ok(), "{fits:?}");
    }
}
