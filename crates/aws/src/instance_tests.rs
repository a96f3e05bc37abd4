use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, INSTANCE, error};

const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/11111111-1111-4111-8111-111111111111";

async fn described(answer: Value) -> Result<InstanceFacts, CenterFault> {
    let fake = Fake::new(move |operation, input| {
        (operation == "DescribeInstance").then(|| {
            assert_eq!(input["InstanceArn"], INSTANCE);
            match answer["__denied"].as_str() {
                Some(words) => error("AccessDeniedException", words),
                None => (200, answer.clone()),
            }
        })
    });
    fake.connect().await.instance().await
}

#[tokio::test(start_paused = true)]
async fn an_instance_has_permission_sets_unless_it_says_otherwise_and_may_have_a_key() {
    use PermissionSetUse::{Off, On};
    let own = json!({"KeyType": "AWS_OWNED_KMS_KEY", "EncryptionStatus": "ENABLED"});
    let customers = json!({"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": KEY});
    for (row, answer, permission_sets, key) in [
        ("says nothing", json!({}), On, None),
        ("has sets", json!({"PermissionSetsEnabled": true}), On, None),
        (
            "has none",
            json!({"PermissionSetsEnabled": false}),
            Off,
            None,
        ),
        (
            "AWS's key",
            json!({"EncryptionConfigurationDetails": own}),
            On,
            None,
        ),
        (
            "the customer's",
            json!({"EncryptionConfigurationDetails": customers}),
            On,
            Some(KEY),
        ),
    ] {
        let key = key.map(str::to_owned);
        let expected = InstanceFacts {
            permission_sets,
            key,
            inactive: None,
        };
        assert_eq!(described(answer).await, Ok(expected), "{row}");
    }
    let denied = described(json!({"__denied": "no"})).await;
    assert!(
        matches!(denied, Err(CenterFault::Refused { .. })),
        "{denied:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_not_active_says_why() {
    for (answer, inactive) in [
        (json!({"Status": "ACTIVE", "StatusReason": "none"}), None),
        (json!({}), None),
        (
            json!({"Status": "CREATE_IN_PROGRESS"}),
            Some("CREATE_IN_PROGRESS"),
        ),
        (
            json!({"Status": "CREATE_FAILED", "StatusReason": "the key cannot be used"}),
            Some("CREATE_FAILED: the key cannot be used"),
        ),
    ] {
        let found = described(answer.clone()).await.unwrap();
        assert_eq!(found.inactive.as_deref(), inactive, "{answer}");
    }
}
