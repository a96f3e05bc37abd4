//! Stated quotas, evaluations and functions. boto3 reads them in `e2e/stated.py`.

use serde_json::{Value, json};

use crate::bench::{Bench, Signer};

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

fn in_region(signer: &Signer, region: &str) -> Signer {
    Signer {
        region: region.to_owned(),
        ..signer.clone()
    }
}

#[tokio::test]
async fn how_many_accounts_there_may_be_is_said_in_us_east_1_and_holds() {
    let bench = loaded().await;
    let global = in_region(&bench.signer, "us-east-1");
    let named = json!({ "ServiceCode": "organizations", "QuotaCode": "L-E619E033" });
    let get = "servicequotas:GetServiceQuota";
    let found = bench.call_as(&global, get, named.clone()).await.json();
    assert_eq!(found["Quota"]["Value"], json!(3.0), "{found}");
    let all = json!({ "ServiceCode": "organizations", "MaxResults": 1 });
    let list = "servicequotas:ListServiceQuotas";
    let first = bench.call_as(&global, list, all.clone()).await.json();
    let mut next = all;
    next["NextToken"] = first["NextToken"].clone();
    let second = bench.call_as(&global, list, next).await.json();
    let codes = [&first, &second].map(|it| it["Quotas"][0]["QuotaCode"].clone());
    assert_eq!(codes, [json!("L-29A0C5DF"), json!("L-E619E033")]);
    let elsewhere = in_region(&bench.signer, "eu-west-1");
    let member = in_region(&bench.member("payments-dev"), "us-east-1");
    for signer in [&elsewhere, &member] {
        let none = bench.call_as(signer, get, named.clone()).await.outcome();
        assert!(none.contains("NoSuchResourceException"), "{none}");
    }
    let wanted = json!({ "AccountName": "one more", "Email": "one-more@example.com" });
    let asked = bench
        .call("organizations:CreateAccount", wanted)
        .await
        .json();
    bench.advance(120.0).await;
    let id = json!({ "CreateAccountRequestId": asked["CreateAccountStatus"]["Id"] });
    let ended = bench
        .call("organizations:DescribeCreateAccountStatus", id)
        .await
        .json();
    let reason = &ended["CreateAccountStatus"]["FailureReason"];
    assert_eq!(reason, "ACCOUNT_LIMIT_EXCEEDED", "{ended}");
}

#[tokio::test]
async fn what_rules_judged_is_told_where_the_resource_is() {
    let bench = loaded().await;
    let owner = in_region(&bench.member("payments-prod"), "eu-west-1");
    let call = "config:GetComplianceDetailsByResource";
    let named = json!({ "ResourceType": "AWS::S3::Bucket", "ResourceId": "ledger" });
    let all = bench.call_as(&owner, call, named.clone()).await.json();
    let of = |answer: &Value| -> Vec<(String, String)> {
        let rows = answer["EvaluationResults"].as_array().unwrap().iter();
        let rule = "/EvaluationResultIdentifier/EvaluationResultQualifier/ConfigRuleName";
        rows.map(|it| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(it.pointer(rule).unwrap()), text(&it["ComplianceType"]))
        })
        .collect()
    };
    let pair = |rule: &str, judged: &str| (rule.to_owned(), judged.to_owned());
    assert_eq!(
        of(&all),
        [
            pair("encrypted", "COMPLIANT"),
            pair("no-public-buckets", "NON_COMPLIANT")
        ]
    );
    let mut bad = named.clone();
    bad["ComplianceTypes"] = json!(["NON_COMPLIANT"]);
    let bad = bench.call_as(&owner, call, bad).await.json();
    assert_eq!(of(&bad), [pair("no-public-buckets", "NON_COMPLIANT")]);
    let elsewhere = in_region(&owner, "us-east-1");
    let none = bench.call_as(&elsewhere, call, named).await.json();
    assert_eq!(of(&none), []);
    let unnamed = bench.call_as(&owner, call, json!({})).await.outcome();
    assert!(
        unnamed.contains("InvalidParameterValueException"),
        "{unnamed}"
    );
}

#[tokio::test]
async fn functions_answer_as_they_are_told_to_whom_they_let_in() {
    let bench = loaded().await;
    let owner = in_region(&bench.member("payments-prod"), "eu-west-1");
    let path = |name: &str| format!("lambda/2015-03-31/functions/{name}/invocations");
    let told = json!({ "resource": "i-1" });
    let answer = bench.rest(&owner, &path("isolate"), told.clone()).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({ "isolated": true }))
    );
    let failed = bench.rest(&owner, &path("broken"), told.clone()).await;
    assert_eq!(failed.status, 200);
    assert_eq!(failed.json()["errorMessage"], "no such host");
    let (_, calls) = bench
        .control("GET", "/calls?operation=Invoke", Value::Null)
        .await;
    let payload = calls["calls"][0]["request"]["Payload"].as_str().unwrap();
    assert_eq!(payload, "eyJyZXNvdXJjZSI6ImktMSJ9");
    let none = bench.rest(&owner, &path("nothing"), told.clone()).await;
    assert!(none.text.contains("Function not found"), "{}", none.text);
    let dev = in_region(&bench.member("payments-dev"), "eu-west-1");
    let account = bench.account("payments-prod");
    let arn = |name: &str| {
        path(&format!(
            "arn%3Aaws%3Alambda%3Aeu-west-1%3A{account}%3Afunction%3A{name}"
        ))
    };
    let closed = bench.rest(&dev, &arn("isolate"), told.clone()).await;
    assert!(
        closed
            .text
            .contains("not authorized to perform: lambda:InvokeFunction"),
        "{}",
        closed.text
    );
    let open = bench.rest(&dev, &arn("broken"), told).await;
    assert_eq!(open.status, 200, "{}", open.text);
}
