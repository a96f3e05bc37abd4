use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_inventory::SliceFailure;
use hallpass_inventory::collect::{
    AnswerPage, CallPlace, CalledOperation, PageAnswer, ServiceCalls,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Answers in script order, and records requests.
#[derive(Default)]
pub(crate) struct ScriptedConfig {
    script: Mutex<Vec<PageAnswer>>,
    pub(crate) asked: Mutex<Vec<(String, Value)>>,
}

impl ScriptedConfig {
    pub(crate) fn new(script: Vec<PageAnswer>) -> Self {
        Self {
            script: Mutex::new(script.into_iter().rev().collect()),
            asked: Mutex::default(),
        }
    }

    pub(crate) fn expressions(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let texts = asked.iter().filter_map(|(_, it)| it["Expression"].as_str());
        texts.map(str::to_owned).collect()
    }

    pub(crate) fn tokens(&self) -> Vec<Option<String>> {
        let asked = self.asked.lock().unwrap();
        let tokens = asked.iter().map(|(_, it)| it["NextToken"].as_str());
        tokens.map(|it| it.map(str::to_owned)).collect()
    }
}

#[async_trait]
impl ServiceCalls for ScriptedConfig {
    async fn call(&self, at: &CallPlace, (_, name): CalledOperation, input: &Value) -> PageAnswer {
        assert_eq!(*at, CallPlace::Home);
        let mut asked = self.asked.lock().unwrap();
        asked.push((name.to_owned(), input.clone()));
        let answer = self.script.lock().unwrap().pop();
        answer.unwrap_or_else(|| {
            Err(failure(
                "ScriptEnded",
                "the script has no answer for this call",
            ))
        })
    }

    async fn pause(&self, _: Duration) {}

    fn now(&self) -> Timestamp {
        "2026-03-02T10:00:00Z".parse().unwrap()
    }
}

pub(crate) fn failure(code: &str, message: &str) -> SliceFailure {
    SliceFailure {
        stage: "call".to_owned(),
        operation: "SelectAggregateResourceConfig".to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        http_status: Some(400),
        attempts: 1,
        request_id: None,
    }
}

pub(crate) fn page(items: &[Value], next: Option<&str>) -> PageAnswer {
    let results: Vec<String> = items.iter().map(Value::to_string).collect();
    let next = next.map(|it| json!({"NextToken": it}).as_object().unwrap().clone());
    Ok(AnswerPage {
        answer: json!({"Results": results, "QueryInfo": {"SelectFields": []}}),
        next,
    })
}

pub(crate) fn interface(number: usize, ip: &str) -> Value {
    json!({
        "accountId": "111122223333", "awsRegion": "eu-west-1", "availabilityZone": "eu-west-1a",
        "resourceId": format!("eni-{number:04}"), "resourceType": "AWS::EC2::NetworkInterface",
        "configurationItemCaptureTime": "2026-03-01T10:00:00.000Z", "configurationItemStatus": "OK",
        "unheardOf": [1, 2],
        "configuration": {
            "association": {"publicIp": ip, "publicDnsName": "x.example", "ipOwnerId": "amazon"},
            "interfaceType": "interface", "description": "", "status": "in-use",
            "attachment": {"instanceId": "i-1", "instanceOwnerId": "111122223333"},
            "vpcId": "vpc-1", "subnetId": "subnet-1", "privateIpAddress": "10.0.0.1",
        },
    })
}
