//! KMS keys: permissions and rotation (`simulator.md` §2.7).

use hallpass_aws_model::{check_output, tables};
use hallpass_aws_sim::{Authorization, Options};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, Signer, options};

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

/// A key policy without the account locks out all its principals, regardless of IAM (AWS KMS
/// Developer Guide, "Key policies in AWS KMS").
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

/// A key policy that lets all principals decrypt only the instance's data, through Identity Center.
fn for_instance_alone(instance: &str) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "*" }, "NotAction": "kms:Decrypt", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "kms:Decrypt", "Resource": "*", "Condition": {
            "StringLike": { "kms:ViaService": "sso.*.amazonaws.com" },
            "ArnLike": { "kms:EncryptionContext:aws:sso:instance-arn": instance },
        } },
    ] });
    policy.to_string()
}

fn both_refused(code: &str, instance: &str, store: &str) -> (String, String) {
    let named = |reason: &str| format!("{code} \"{reason}\"");
    (named(instance), named(store))
}

/// Identity Center's errors while its key is unusable: exceptions and reasons of both services'
/// models.
#[tokio::test]
async fn identity_center_needs_the_key_of_its_data() {
    let bench = Bench::new(Options {
        authorization: Authorization::Full,
        ..options()
    })
    .await;
    let own = bench.signer.clone();
    let center = bench.simulator.identity_center();
    let instance = json!({ "InstanceArn": center.instance_arn });
    let store = json!({ "IdentityStoreId": center.identity_store_id });
    let made = ask(&bench, &own, "CreateKey", json!({})).await;
    let arn = made["KeyMetadata"]["Arn"].clone();
    let key = json!({ "KeyId": made["KeyMetadata"]["KeyId"] });
    let both = async || {
        let sets = bench.call_as(&own, "sso:ListPermissionSets", instance.clone());
        let users = bench.call_as(&own, "identitystore:ListUsers", store.clone());
        let (sets, users) = (sets.await, users.await);
        let said = |answer: &Answer| format!("{} {}", answer.outcome(), answer.json()["Reason"]);
        (said(&sets), said(&users))
    };
    let told = async || {
        let about = bench.call_as(&own, "sso:DescribeInstance", instance.clone());
        about.await.json()["EncryptionConfigurationDetails"].clone()
    };
    let works = ("ok null".to_owned(), "ok null".to_owned());
    assert_eq!(told().await["KeyType"], "AWS_OWNED_KMS_KEY");
    let mut update = instance.clone();
    update["EncryptionConfiguration"] =
        json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": arn });
    let answer = bench.call_as(&own, "sso:UpdateInstance", update).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(told().await["KmsKeyArn"], arn);
    assert_eq!(both().await, works);

    ask(&bench, &own, "DisableKey", key.clone()).await;
    let disabled = both_refused(
        "ValidationException",
        "KMS_DisabledException",
        "KMS_DISABLED",
    );
    assert_eq!(both().await, disabled);
    assert_eq!(
        told().await["KmsKeyArn"],
        arn,
        "its description can still be read"
    );
    ask(&bench, &own, "EnableKey", key.clone()).await;
    assert_eq!(both().await, works);

    // only through Identity Center, and only for its own data: the identity store has another
    // context
    let mut put = key.clone();
    put["Policy"] = for_instance_alone(&center.instance_arn).into();
    ask(&bench, &own, "PutKeyPolicy", put).await;
    assert_eq!(
        both().await,
        (
            "ok null".to_owned(),
            "AccessDeniedException \"KMS_ACCESS_DENIED\"".to_owned()
        )
    );
    ask(&bench, &own, "ScheduleKeyDeletion", key).await;
    let pending = both_refused(
        "ValidationException",
        "KMS_InvalidStateException",
        "KMS_INVALID_STATE",
    );
    assert_eq!(both().await, pending);
}
