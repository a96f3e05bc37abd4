//! Keys of KMS: what they may, who may, and whether they rotate (`simulator.md` §2.7).

use hallpass_aws_model::{check_output, tables};
use hallpass_aws_sim::{Authorization, Options};
use serde_json::{Value, json};

use crate::bench::{Bench, Signer, options};

async fn ask(bench: &Bench, signer: &Signer, operation: &str, input: Value) -> Value {
    let answer = bench
        .call_as(signer, &format!("kms:{operation}"), input)
        .await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
    let service = tables().by_signing_name("kms").unwrap();
    let model = service.operation(operation).unwrap();
    if answer.text.is_empty() {
        return Value::Null;
    }
    let fits = check_output(service, model, &answer.json());
    assert!(fits.is_ok(), "{fits:?} {}", answer.text);
    answer.json()
}

async fn refused(bench: &Bench, signer: &Signer, operation: &str, input: Value, code: &str) {
    let answer = bench
        .call_as(signer, &format!("kms:{operation}"), input)
        .await;
    assert!(
        answer.outcome().starts_with(code),
        "{operation}: {code}: {}",
        answer.text
    );
}

#[tokio::test]
async fn a_key_rotates_from_when_it_is_told_to() {
    let bench = Bench::new(options()).await;
    let own = bench.member("payments-dev");
    let made = ask(&bench, &own, "CreateKey", json!({"Description": "d"})).await;
    let arn = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let id = made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    let key = |named: &str| json!({ "KeyId": named });
    let seen = ask(&bench, &own, "GetKeyRotationStatus", key(&id)).await;
    assert_eq!(seen, json!({"KeyId": arn, "KeyRotationEnabled": false}));
    ask(&bench, &own, "EnableKeyRotation", key(&arn)).await;
    let seen = ask(&bench, &own, "GetKeyRotationStatus", key(&arn)).await;
    assert_eq!(
        (&seen["KeyRotationEnabled"], &seen["RotationPeriodInDays"]),
        (&json!(true), &json!(365))
    );
    // what is on may be told so again
    ask(&bench, &own, "EnableKeyRotation", key(&arn)).await;
    ask(&bench, &own, "DisableKeyRotation", key(&arn)).await;
    let seen = ask(&bench, &own, "GetKeyRotationStatus", key(&arn)).await;
    assert_eq!(seen["KeyRotationEnabled"], false);
    for _ in 0..3 {
        ask(&bench, &own, "CreateKey", json!({})).await;
    }
    let one = ask(&bench, &own, "ListKeys", json!({"Limit": 3})).await;
    assert_eq!(one["Truncated"], true);
    let next = json!({"Limit": 3, "Marker": one["NextMarker"]});
    let two = ask(&bench, &own, "ListKeys", next).await;
    assert_eq!(
        (
            two["Truncated"].as_bool(),
            two["Keys"].as_array().map(Vec::len)
        ),
        (Some(false), Some(1))
    );
    // another account has none of them
    let other = bench.signer.clone();
    assert_eq!(
        ask(&bench, &other, "ListKeys", json!({})).await["Keys"],
        json!([])
    );
    refused(
        &bench,
        &other,
        "EnableKeyRotation",
        key(&arn),
        "NotFoundException",
    )
    .await;
}

#[tokio::test]
async fn a_key_that_cannot_rotate_says_why() {
    let bench = Bench::new(options()).await;
    let own = bench.signer.clone();
    let rsa = json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"});
    let rsa = ask(&bench, &own, "CreateKey", rsa).await;
    let plain = ask(&bench, &own, "CreateKey", json!({})).await;
    let key = |made: &Value| json!({ "KeyId": made["KeyMetadata"]["KeyId"] });
    let unsupported = "UnsupportedOperationException";
    refused(&bench, &own, "EnableKeyRotation", key(&rsa), unsupported).await;
    ask(&bench, &own, "DisableKey", key(&plain)).await;
    refused(
        &bench,
        &own,
        "EnableKeyRotation",
        key(&plain),
        "DisabledException",
    )
    .await;
    ask(&bench, &own, "EnableKey", key(&plain)).await;
    ask(&bench, &own, "EnableKeyRotation", key(&plain)).await;
    ask(&bench, &own, "ScheduleKeyDeletion", key(&plain)).await;
    let state = "KMSInvalidStateException";
    refused(&bench, &own, "DisableKeyRotation", key(&plain), state).await;
    let seen = ask(&bench, &own, "GetKeyRotationStatus", key(&plain)).await;
    assert_eq!(seen["KeyRotationEnabled"], false);
    let usage = json!({"KeyUsage": "SIGN_VERIFY"});
    refused(&bench, &own, "CreateKey", usage, "ValidationException").await;
    let policy = json!({"Policy": "no policy"});
    refused(
        &bench,
        &own,
        "CreateKey",
        policy,
        "MalformedPolicyDocumentException",
    )
    .await;
}

/// A key's policy that leaves the account out leaves everybody out, whatever IAM says (AWS KMS Developer Guide, "Key
/// policies in AWS KMS").
#[tokio::test]
async fn a_key_policy_decides_who_may() {
    let bench = Bench::new(Options {
        authorization: Authorization::Full,
        ..options()
    })
    .await;
    let own = bench.member("payments-dev");
    let made = ask(&bench, &own, "CreateKey", json!({})).await;
    let id = made["KeyMetadata"]["KeyId"].clone();
    ask(&bench, &own, "EnableKeyRotation", json!({ "KeyId": id })).await;
    let nobody = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111111111111:root" }, "Action": "kms:*", "Resource": "*",
    }] });
    let put = json!({ "KeyId": id, "Policy": nobody.to_string() });
    ask(&bench, &own, "PutKeyPolicy", put).await;
    let denied = "AccessDenied";
    refused(
        &bench,
        &own,
        "DisableKeyRotation",
        json!({ "KeyId": id }),
        denied,
    )
    .await;
    refused(
        &bench,
        &own,
        "GetKeyRotationStatus",
        json!({ "KeyId": id }),
        denied,
    )
    .await;
}
