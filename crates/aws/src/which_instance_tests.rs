use std::sync::Arc;
use std::sync::Mutex;

use hallpass_base::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, FakeAnswer, INSTANCE, MANAGEMENT, error};

const OTHER: &str = "arn:aws:sso:::instance/ssoins-fedcba9876543210";

fn told(arns: &[&str]) -> FakeAnswer {
    let row = |arn: &&str| json!({"InstanceArn": arn, "IdentityStoreId": "d-1234567890"});
    let rows: Vec<Value> = arns.iter().map(row).collect();
    (200, json!({ "Instances": rows }))
}

fn down() -> FakeAnswer {
    (503, json!({"__type": "ServiceUnavailableException"}))
}

fn key_disabled() -> FakeAnswer {
    let body = json!({"__type": "ValidationException", "message": "no", "Reason": "KMS_DISABLED"});
    (400, body)
}

fn answering(first: FakeAnswer) -> (Arc<Fake>, Arc<Mutex<FakeAnswer>>) {
    let answer = Arc::new(Mutex::new(first));
    let given = Arc::clone(&answer);
    let fake = Fake::new(move |operation, _| {
        (operation == "ListInstances").then(|| given.lock().unwrap().clone())
    });
    (fake, answer)
}

fn known() -> KnownInstance {
    KnownInstance {
        account: MANAGEMENT.to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint_url: None,
        instance_arn: INSTANCE.to_owned(),
        identity_store_id: "d-1234567890".to_owned(),
    }
}

fn with(known: KnownInstance) -> AwsClientSettings {
    AwsClientSettings {
        known_instance: Some(known),
        ..AwsClientSettings::new("eu-west-1")
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_told_of_is_what_a_later_connection_may_go_on_with() {
    let (fake, _) = answering(told(&[INSTANCE]));
    let aws = fake.connect().await;
    assert_eq!(aws.instance_source(), InstanceSource::Aws);
    assert_eq!(aws.known_instance(), known());
    let before = KnownInstance {
        instance_arn: OTHER.to_owned(),
        ..known()
    };
    let aws = fake.try_connect(&with(before)).await.unwrap();
    assert_eq!(aws.instance_source(), InstanceSource::Aws);
    assert_eq!(aws.about().instance_arn, INSTANCE);
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_the_instance_of_before_is_gone_on_with_and_after_one_never() {
    for (answer, goes_on) in [
        (down(), true),
        (key_disabled(), true),
        (error("ThrottlingException", "slow down"), true),
        (error("AccessDeniedException", "no"), false),
        (error("ExpiredTokenException", "old"), false),
        (told(&[]), false),
        (told(&[INSTANCE, OTHER]), false),
    ] {
        let words = format!("{answer:?}");
        let (fake, _) = answering(answer);
        let unknown = AwsClientSettings::new("eu-west-1");
        let refused = fake.try_connect(&unknown).await;
        assert!(refused.is_err(), "nothing is known: {words}");
        let connected = fake.try_connect(&with(known())).await;
        assert_eq!(connected.is_ok(), goes_on, "{words}: {connected:?}");
        if let Ok(aws) = connected {
            assert_eq!(aws.instance_source(), InstanceSource::Before, "{words}");
            assert_eq!(aws.known_instance(), known(), "{words}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_another_account_region_endpoint_or_configured_instance_is_gone_on_with() {
    let (fake, _) = answering(down());
    let other = |change: fn(&mut KnownInstance)| {
        let mut found = known();
        change(&mut found);
        with(found)
    };
    let named = |arn: &str| AwsClientSettings {
        instance_arn: Some(arn.to_owned()),
        ..with(known())
    };
    for (what, settings, goes_on) in [
        ("the same", with(known()), true),
        ("it is configured", named(INSTANCE), true),
        ("another is configured", named(OTHER), false),
        (
            "account",
            other(|it| it.account = "222222222222".to_owned()),
            false,
        ),
        (
            "Region",
            other(|it| it.region = "eu-central-1".to_owned()),
            false,
        ),
        (
            "endpoint of before",
            other(|it| it.endpoint_url = Some("http://127.0.0.1:1".to_owned())),
            false,
        ),
        (
            "endpoint of now",
            AwsClientSettings {
                endpoint_url: Some("http://127.0.0.1:1".to_owned()),
                ..with(known())
            },
            false,
        ),
    ] {
        let connected = fake.try_connect(&settings).await;
        assert_eq!(connected.is_ok(), goes_on, "{what}: {connected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn once_aws_answers_the_instance_of_before_is_held_against_it() {
    let (fake, answer) = answering(down());
    let aws = fake.try_connect(&with(known())).await.unwrap();
    let silent = aws.confirm_instance().await.unwrap_err();
    assert!(matches!(silent, ConnectError::Call { .. }), "{silent}");
    *answer.lock().unwrap() = told(&[INSTANCE]);
    assert_eq!(aws.confirm_instance().await, Ok(()));
    *answer.lock().unwrap() = told(&[OTHER]);
    let another = aws.confirm_instance().await.unwrap_err();
    assert!(
        matches!(another, ConnectError::AnotherInstance { .. }),
        "{another}"
    );
    assert!(another.to_string().contains(INSTANCE), "{another}");
    assert!(another.to_string().contains(OTHER), "{another}");
    *answer.lock().unwrap() = told(&[]);
    let none = aws.confirm_instance().await.unwrap_err();
    assert!(matches!(none, ConnectError::NoInstance { .. }), "{none}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_administration_is_asked_whether_it_answers_again_and_no_other() {
    let fake = Fake::new(|_, _| None);
    let aws = fake.connect().await;
    let (silence, now) = (aws.center_silence(), Timestamp::UNIX_EPOCH);
    aws.ask_center_if_lost().await;
    assert_eq!(fake.count("ListPermissionSets"), 0, "it answered");
    silence.begin_anew();
    silence.resume(Timestamp::from_second(-100).unwrap());
    assert!(silence.lost_since(now).is_some());
    aws.ask_center_if_lost().await;
    assert_eq!(fake.count("ListPermissionSets"), 1);
    assert_eq!(silence.lost_since(now), None);
}
