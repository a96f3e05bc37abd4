use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use hallpass_alerts::{AlertCommitError, AlertRuleId, AlertState, AlertStore, AlertWrite};
use hallpass_store_testing::{a_blocked_alert, an_alert, an_alert_state, at};
use serde_json::json;

use super::*;

#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<Result<Value, TargetFault>>>,
    asked: Mutex<Vec<(Option<String>, String, Value)>>,
}

#[async_trait]
impl TargetCalls for Scripted {
    async fn call(
        &self,
        region: Option<&str>,
        operation: TargetOperation,
        input: &Value,
    ) -> Result<Value, TargetFault> {
        let (service, operation) = operation;
        let name = format!("{service}:{operation}");
        let asked = (region.map(str::to_owned), name, input.clone());
        self.asked.lock().unwrap().push(asked);
        if operation == "GetCallerIdentity" {
            return Ok(
                json!({ "Account": "111111111111", "Arn": "arn:aws:iam::111111111111:root" }),
            );
        }
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Ok(json!({})))
    }
}

impl Scripted {
    fn inputs(&self, name: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        let asked = asked.iter().filter(|(_, it, _)| it == name);
        asked.map(|(_, _, input)| input.clone()).collect()
    }
}

struct OneState(Option<AlertState>);

#[async_trait]
impl AlertStore for OneState {
    async fn alert_states(&self) -> Result<Vec<AlertState>, AlertCommitError> {
        Ok(self.0.clone().into_iter().collect())
    }

    async fn alert_state(&self, _: &AlertRuleId) -> Result<Option<AlertState>, AlertCommitError> {
        Ok(self.0.clone())
    }

    async fn commit_mute(&self, _: hallpass_alerts::MuteStep) -> Result<(), AlertCommitError> {
        Err(AlertCommitError::Unavailable(
            "nothing is written here".to_owned(),
        ))
    }

    async fn commit_alert(&self, _: AlertWrite) -> Result<(), AlertCommitError> {
        Err(AlertCommitError::Unavailable(
            "nothing is written here".to_owned(),
        ))
    }
}

fn told() -> AlertContext {
    AlertContext {
        number: 7,
        alert: an_alert(),
        attempts: 0,
    }
}

const ID: &str = "alert-keys/unused-1767571209-7";

fn fault(code: &str, is_final: bool) -> TargetFault {
    TargetFault {
        operation: "Publish".to_owned(),
        code: code.to_owned(),
        message: "no".to_owned(),
        is_final,
    }
}

fn topic(arn: &str, calls: &Arc<Scripted>) -> TopicTarget {
    let calls = Arc::clone(calls) as Arc<dyn TargetCalls>;
    TopicTarget::new("ops", arn, "https://hallpass.example.com/", calls).unwrap()
}

#[tokio::test]
async fn a_topic_gets_the_body_of_a_webhook_and_words_for_people() {
    let calls = Arc::new(Scripted::default());
    let arn = "arn:aws:sns:eu-west-1:111111111111:alerts.fifo";
    let target = AlertsOnly(topic(arn, &calls));
    assert_eq!(target.name(), "sns:ops");
    assert_eq!(target.deliver_alert(&told()).await, Delivery::Done);
    let asked = calls.asked.lock().unwrap().clone();
    let [(region, name, input)] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (region.as_deref(), name.as_str()),
        (Some("eu-west-1"), "sns:Publish")
    );
    assert_eq!(input["Subject"], "High: keys/unused: 1 new.");
    let message: Value = serde_json::from_str(input["Message"].as_str().unwrap()).unwrap();
    let body: Value = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
    assert_eq!((&body["id"], &body["news"]), (&json!(ID), &json!("alert")));
    assert_eq!(
        body["alert"]["news"]["rows"]["new"]["rows"][0]["values"]["user_name"],
        "ana"
    );
    assert!(
        message["email"]
            .as_str()
            .unwrap()
            .contains("New: ana has a key")
    );
    assert_eq!(
        input["MessageAttributes"]["hallpass_delivery"]["StringValue"],
        ID
    );
    assert_eq!(
        input["MessageAttributes"]["severity"]["StringValue"],
        "high"
    );
    assert_eq!(
        (&input["MessageGroupId"], &input["MessageDeduplicationId"]),
        (&json!("keys/unused"), &json!(ID))
    );
}

#[tokio::test]
async fn a_queue_gets_the_body_and_an_order_where_it_keeps_one() {
    for (url, region, is_fifo) in [
        (
            "https://sqs.eu-west-1.amazonaws.com/111111111111/alerts",
            Some("eu-west-1"),
            false,
        ),
        (
            "https://sqs.eu-west-1.amazonaws.com/111111111111/alerts.fifo",
            Some("eu-west-1"),
            true,
        ),
        ("http://127.0.0.1:4570/111111111111/alerts", None, false),
    ] {
        let calls = Arc::new(Scripted::default());
        let target =
            QueueTarget::new("t", url, "https://h.example.com", Arc::clone(&calls) as _).unwrap();
        let told = AlertContext {
            alert: a_blocked_alert(),
            ..told()
        };
        assert_eq!(target.tell(&told).await, Delivery::Done, "{url}");
        let asked = calls.asked.lock().unwrap().clone();
        let (asked_region, name, input) = &asked[0];
        assert_eq!(
            (asked_region.as_deref(), name.as_str()),
            (region, "sqs:SendMessage"),
            "{url}"
        );
        let body: Value = serde_json::from_str(input["MessageBody"].as_str().unwrap()).unwrap();
        assert_eq!(body["alert"]["rule"], "keys/unused", "{url}");
        assert_eq!(
            input["MessageAttributes"]["news"]["StringValue"], "blocked",
            "{url}"
        );
        assert_eq!(
            input.get("MessageDeduplicationId").is_some(),
            is_fifo,
            "{url}"
        );
        assert_eq!(input.get("MessageGroupId").is_some(), is_fifo, "{url}");
    }
}

#[tokio::test]
async fn what_is_too_long_is_told_without_rows() {
    let calls = Arc::new(Scripted::default());
    let mut told = told();
    let hallpass_alerts::AlertNews::Rows(news) = &mut told.alert.news else {
        panic!("rows")
    };
    let row = news.new.rows[0].clone();
    news.new.rows = (0..600)
        .map(|_| {
            let mut row = row.clone();
            row.values
                .insert("words".to_owned(), "w\"".repeat(250).into());
            row
        })
        .collect();
    news.new.count = 600;
    let target = topic("arn:aws:sns:eu-west-1:111111111111:alerts", &calls);
    assert_eq!(target.tell(&told).await, Delivery::Done);
    let input = &calls.inputs("sns:Publish")[0];
    assert!(input["Message"].as_str().unwrap().len() < 4_000);
    let message: Value = serde_json::from_str(input["Message"].as_str().unwrap()).unwrap();
    let body: Value = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
    assert_eq!(
        body["alert"]["news"]["rows"]["new"],
        json!({ "count": 600, "rows": [] })
    );
    assert!(
        body["text"]
            .as_str()
            .unwrap()
            .contains("alerts list --rows"),
        "{body}"
    );
}

fn hub(calls: &Arc<Scripted>, state: Option<AlertState>) -> SecurityHubTarget {
    let calls = Arc::clone(calls) as Arc<dyn TargetCalls>;
    SecurityHubTarget::new(
        "eu-west-1",
        "https://h.example.com",
        calls,
        Arc::new(OneState(state)),
    )
}

fn findings(calls: &Scripted) -> Vec<Value> {
    let inputs = calls.inputs("securityhub:BatchImportFindings");
    let lists = inputs
        .iter()
        .flat_map(|it| it["Findings"].as_array().unwrap().clone());
    lists.collect()
}

#[tokio::test]
async fn a_row_is_a_finding_that_its_recovery_archives() {
    let calls = Arc::new(Scripted::default());
    let target = hub(&calls, None);
    let mut told = told();
    assert_eq!(target.tell(&told).await, Delivery::Done);
    let first = findings(&calls);
    assert_eq!(first.len(), 2);
    assert_eq!(first[0]["RecordState"], "ACTIVE");
    assert_eq!(first[0]["Severity"]["Label"], "HIGH");
    assert_eq!(first[0]["Title"], "ana has a key that is not used");
    assert_eq!(
        first[0]["ProductArn"],
        "arn:aws:securityhub:eu-west-1:111111111111:product/111111111111/default"
    );
    assert_eq!(
        first[0]["Resources"][0]["Id"],
        "AWS::::Account:111111111111"
    );
    assert_eq!(
        (&first[1]["Id"], &first[1]["RecordState"]),
        (&json!("hallpass/keys/unused/blocked"), &json!("ARCHIVED"))
    );
    let hallpass_alerts::AlertNews::Rows(news) = &mut told.alert.news else {
        panic!("rows")
    };
    news.recovered = std::mem::take(&mut news.new);
    news.blocked_since = None;
    assert_eq!(target.tell(&told).await, Delivery::Done);
    let second = findings(&calls).split_off(2);
    assert_eq!(second.len(), 1);
    assert_eq!(
        (&second[0]["Id"], &second[0]["RecordState"]),
        (&first[0]["Id"], &json!("ARCHIVED"))
    );
    assert_eq!(calls.inputs("sts:GetCallerIdentity").len(), 1);
}

#[tokio::test]
async fn rows_that_a_message_only_counts_are_those_that_its_run_left() {
    let calls = Arc::new(Scripted::default());
    let mut told = told();
    told.alert.at = at(2);
    let hallpass_alerts::AlertNews::Rows(news) = &mut told.alert.news else {
        panic!("rows")
    };
    news.new.rows.clear();
    news.blocked_since = None;
    let target = hub(&calls, Some(an_alert_state()));
    assert_eq!(target.tell(&told).await, Delivery::Done);
    let titles: Vec<Value> = findings(&calls)
        .iter()
        .map(|it| it["Title"].clone())
        .collect();
    assert_eq!(titles, ["ben has a key that is not used"]);
}

#[tokio::test]
async fn a_refusal_is_tried_again_unless_the_message_is_refused() {
    let arn = "arn:aws:sns:eu-west-1:111111111111:alerts";
    for (code, is_final, is_over) in [
        ("InvalidParameter", true, true),
        ("ValidationError", true, true),
        ("NotFound", true, false),
        ("AuthorizationError", true, false),
        ("InvalidParameter", false, false),
    ] {
        let calls = Arc::new(Scripted::default());
        calls
            .answers
            .lock()
            .unwrap()
            .push_back(Err(fault(code, is_final)));
        let delivery = topic(arn, &calls).tell(&told()).await;
        let gave_up = matches!(delivery, Delivery::GaveUp { .. });
        assert_eq!(gave_up, is_over, "{code} {delivery:?}");
    }
    let failed = |code: &str| json!({ "FailedCount": 1, "FailedFindings": [{ "Id": "x", "ErrorCode": code, "ErrorMessage": "no" }] });
    for (code, is_over) in [("InvalidInput", true), ("InternalException", false)] {
        let calls = Arc::new(Scripted::default());
        calls.answers.lock().unwrap().push_back(Ok(failed(code)));
        let delivery = hub(&calls, None).tell(&told()).await;
        assert_eq!(
            matches!(delivery, Delivery::GaveUp { .. }),
            is_over,
            "{code} {delivery:?}"
        );
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let calls = || Arc::new(Scripted::default()) as Arc<dyn TargetCalls>;
    for (name, arn, key) in [
        ("o ps", "arn:aws:sns:eu-west-1:111111111111:a", "name"),
        ("ops", "arn:aws:sqs:eu-west-1:111111111111:a", "topic"),
        ("ops", "arn:aws:sns::111111111111:a", "topic"),
        ("ops", "alerts", "topic"),
    ] {
        let refused = TopicTarget::new(name, arn, "https://h", calls()).err();
        assert_eq!(refused.map(|it| it.key), Some(key), "{name} {arn}");
    }
    for url in [
        "alerts",
        "http://sqs.eu-west-1.amazonaws.com/1/a",
        "file:///etc",
    ] {
        let refused = QueueTarget::new("q", url, "https://h", calls()).err();
        assert_eq!(refused.map(|it| it.key), Some("queue"), "{url}");
    }
}
