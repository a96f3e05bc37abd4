use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, FakeAnswer, INSTANCE, MANAGEMENT, error, unheard};

const OTHER: &str = "arn:aws:sso:::instance/ssoins-fedcba9876543210";

fn instances(arns: &[&str]) -> FakeAnswer {
    let rows: Vec<Value> = arns
        .iter()
        .map(|arn| json!({"InstanceArn": arn, "IdentityStoreId": "d-1234567890"}))
        .collect();
    (200, json!({ "Instances": rows }))
}

async fn with_instances(
    arns: &'static [&'static str],
    wanted: Option<&str>,
) -> Result<String, ConnectError> {
    let fake =
        Fake::new(move |operation, _| (operation == "ListInstances").then(|| instances(arns)));
    let mut settings = AwsClientSettings::new("eu-west-1");
    settings.instance_arn = wanted.map(str::to_owned);
    let aws = fake.try_connect(&settings).await?;
    Ok(aws.about().instance_arn.clone())
}

#[tokio::test(start_paused = true)]
async fn the_only_instance_is_taken_and_of_several_one_must_be_named() {
    assert_eq!(
        with_instances(&[INSTANCE], None).await,
        Ok(INSTANCE.to_owned())
    );
    assert_eq!(
        with_instances(&[INSTANCE, OTHER], Some(OTHER)).await,
        Ok(OTHER.to_owned())
    );
    let several = with_instances(&[INSTANCE, OTHER], None).await.unwrap_err();
    assert_eq!(
        several.to_string(),
        format!(
            "several instances of IAM Identity Center: {INSTANCE}, {OTHER}; choose one by its ARN"
        )
    );
    assert!(matches!(
        with_instances(&[], None).await,
        Err(ConnectError::NoInstance { .. })
    ));
    assert!(matches!(
        with_instances(&[INSTANCE], Some(OTHER)).await,
        Err(ConnectError::UnknownInstance { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn an_instance_in_another_region_is_named_with_its_region() {
    let fake = Fake::new(|operation, input| {
        (operation == "ListInstances").then(|| match input["RegionScope"].as_str() {
            Some("ALL_REGIONS") => {
                let row = json!({"InstanceArn": INSTANCE, "PrimaryRegion": "eu-central-1"});
                (200, json!({"Instances": [row]}))
            }
            _ => instances(&[]),
        })
    });
    let settings = AwsClientSettings::new("eu-west-1");
    let error = fake.try_connect(&settings).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "IAM Identity Center is in eu-central-1; `aws.region` (or `AWS_REGION`) says eu-west-1"
    );
}

#[tokio::test(start_paused = true)]
async fn instance_and_store_given_are_not_looked_up() {
    let fake = Fake::new(|_, _| None);
    let mut settings = AwsClientSettings::new("eu-west-1");
    settings.instance_arn = Some(OTHER.to_owned());
    settings.identity_store_id = Some("d-0000000000".to_owned());
    let aws = fake.try_connect(&settings).await.unwrap();
    assert_eq!(aws.about().identity_store_id, "d-0000000000");
    assert_eq!(fake.count("ListInstances"), 0);
}

async fn place(
    management: &'static str,
    delegated: FakeAnswer,
) -> Result<OwnAccountRole, ConnectError> {
    let fake = Fake::new(move |operation, _| match operation {
        "DescribeOrganization" => Some((
            200,
            json!({"Organization": {"Id": "o-abcdefghij", "MasterAccountId": management}}),
        )),
        "ListDelegatedAdministrators" => Some(delegated.clone()),
        _ => None,
    });
    let aws = fake
        .try_connect(&AwsClientSettings::new("eu-west-1"))
        .await?;
    Ok(aws.about().place)
}

#[tokio::test(start_paused = true)]
async fn our_place_in_the_organization() {
    let nobody = (200, json!({"DelegatedAdministrators": []}));
    let us = (
        200,
        json!({"DelegatedAdministrators": [{"Id": MANAGEMENT}]}),
    );
    let denied = error("AccessDeniedException", "no");
    let down = (500, json!({"__type": "ServiceException"}));
    let elsewhere = "222222222222";
    for (management, delegated, expected) in [
        (MANAGEMENT, nobody.clone(), Some(OwnAccountRole::Management)),
        (elsewhere, us, Some(OwnAccountRole::DelegatedAdministrator)),
        (elsewhere, nobody, Some(OwnAccountRole::Other)),
        (elsewhere, denied, Some(OwnAccountRole::Other)),
        (elsewhere, down, None),
    ] {
        assert_eq!(place(management, delegated).await.ok(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_of_no_organization_can_still_say_so() {
    let fake = Fake::new(|operation, _| {
        (operation == "DescribeOrganization")
            .then(|| error("AWSOrganizationsNotInUseException", "not a member"))
    });
    let aws = fake.connect().await;
    assert_eq!(aws.about().place, OwnAccountRole::Other);
    assert_eq!(aws.about().organization_id, None);
}

async fn counting(at_once: usize) -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    use std::sync::atomic::Ordering;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const BODY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
        <GetCallerIdentityResult><Account>111111111111</Account></GetCallerIdentityResult>\
        </GetCallerIdentityResponse>";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let open = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let all = Arc::new(tokio::sync::Barrier::new(at_once));
    let counted = Arc::clone(&open);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (open, all) = (Arc::clone(&counted), Arc::clone(&all));
            tokio::spawn(async move {
                open.fetch_add(1, Ordering::SeqCst);
                let mut heard = vec![0; 65_536];
                assert!(stream.read(&mut heard).await.unwrap() > 0);
                all.wait().await;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n{BODY}",
                    BODY.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
                while stream.read(&mut heard).await.is_ok_and(|read| read > 0) {}
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (address, open)
}

#[tokio::test]
async fn few_connections_are_kept_after_many_calls_at_once() {
    const AT_ONCE: usize = 40;
    let (address, open) = counting(AT_ONCE).await;
    let settings = AwsClientSettings {
        endpoint_url: Some(address),
        credentials: Credentials::Static {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned().into(),
            session_token: None,
        },
        ..AwsClientSettings::new("eu-west-1")
    };
    let sts = aws_sdk_sts::Client::new(&configure(&settings, &unheard()).await);
    let calls = (0..AT_ONCE).map(|_| sts.get_caller_identity().send());
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.unwrap().account.unwrap(), "111111111111");
    }
    let settled = async {
        while open.load(std::sync::atomic::Ordering::SeqCst) > transport::KEPT_MAX {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(20), settled).await;
    assert!(settled.is_ok(), "{open:?} are still open");
}

#[derive(Debug)]
struct Unread;

impl aws_credential_types::provider::ProvideCredentials for Unread {
    fn provide_credentials<'a>(
        &'a self,
    ) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let error = std::io::Error::from_raw_os_error(24);
        let error = aws_credential_types::provider::error::CredentialsError::provider_error(error);
        aws_credential_types::provider::future::ProvideCredentials::ready(Err(error))
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_for_want_of_a_descriptor_pass() {
    let base = configure(&AwsClientSettings::new("eu-west-1"), &unheard()).await;
    let config = base
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(Unread))
        .build();
    let sso = aws_sdk_ssoadmin::Client::new(&config);
    let error = sso.list_instances().send().await.unwrap_err();
    let failure = CallFailure::of(&error);
    assert!(failure.is_passing(), "{failure:?}");
}
