//! Stated quotas, evaluations and functions. boto3 reads them in `e2e/stated.py`.

use serde_json::{Value, json};

use crate::bench::Bench;

fn added() -> Value {
    let judged = |id: &str, rule: &str, compliance: &str| {
        json!({
            "id": id, "rule": rule, "account": "payments-prod", "region": "eu-west-1", "resource_type": "AWS::S3::Bucket",
            "resource_id": "ledger", "compliance": compliance, "at": "2026-11-01T00:00:00Z",
        })
    };
    json!({
        "quotas": [
            {"service": "organizations", "code": "L-E619E033", "value": 3},
            {"service": "organizations", "code": "L-29A0C5DF", "name": "Policies in an organization", "value": 10},
        ],
        "config_evaluations": [
            judged("1", "no-public-buckets", "NON_COMPLIANT"), judged("2", "encrypted", "COMPLIANT"),
        ],
        "functions": [
            {"name": "isolate", "account": "payments-prod", "region": "eu-west-1", "returns": {"isolated": true}},
            {"name": "broken", "account": "payments-prod", "region": "eu-west-1", "returns": "no such host", "error": "Unhandled",
             "shared_with": ["payments-dev"]},
        ],
    })
}

async fn loaded() -> Bench {
    let bench = Bench::small().await;
    let (status, answer) = bench.control("POST", "/load?merge=1", added()).await;
    assert_eq!(status, 200, "{answer}");
    bench
}

#[tokio::test]
async fn what_was_stated_goes_out_by_ids_and_comes_in_again() {
    let bench = loaded().await;
    let (_, before) = bench.control("GET", "/state?full=1", Value::Null).await;
    let owner = json!(bench.account("payments-prod"));
    assert_eq!(before["file"]["functions"][0]["account"], owner);
    assert_eq!(before["file"]["config_evaluations"][0]["account"], owner);
    let (status, answer) = bench.control("POST", "/load", before["file"].clone()).await;
    assert_eq!(status, 200, "{answer}");
    let (_, after) = bench.control("GET", "/state?full=1", Value::Null).await;
    assert_eq!(before["file"], after["file"]);
    for pointer in [
        "/config_evaluations/0/account",
        "/functions/0/account",
        "/functions/1/shared_with/0",
    ] {
        let mut file = added();
        *file.pointer_mut(pointer).unwrap() = json!("nobody");
        let (status, answer) = bench.control("POST", "/load?merge=1", file).await;
        assert_eq!(status, 400, "{pointer}: {answer}");
        assert!(answer.to_string().contains(pointer), "{pointer}: {answer}");
    }
}
