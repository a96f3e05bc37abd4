//! Tests of what connecting finds.

use serde_json::{Value, json};

use super::*;
use crate::fake::{Answer, Fake, INSTANCE, MANAGEMENT, error};

const OTHER: &str = "arn:aws:sso:::instance/ssoins-fedcba9876543210";

fn instances(arns: &[&str]) -> Answer {
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
    let mut settings = Settings::new("eu-west-1");
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
async fn instance_and_store_given_are_not_looked_up() {
    let fake = Fake::new(|_, _| None);
    let mut settings = Settings::new("eu-west-1");
    settings.instance_arn = Some(OTHER.to_owned());
    settings.identity_store_id = Some("d-0000000000".to_owned());
    let aws = fake.try_connect(&settings).await.unwrap();
    assert_eq!(aws.about().identity_store_id, "d-0000000000");
    assert_eq!(fake.count("ListInstances"), 0);
}

/// Connects as the management account's account of another organization's eyes.
async fn place(management: &'static str, delegated: Answer) -> Result<Place, ConnectError> {
    let fake = Fake::new(move |operation, _| match operation {
        "DescribeOrganization" => Some((
            200,
            json!({"Organization": {"Id": "o-abcdefghij", "MasterAccountId": management}}),
        )),
        "ListDelegatedAdministrators" => Some(delegated.clone()),
        _ => None,
    });
    let aws = fake.try_connect(&Settings::new("eu-west-1")).await?;
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
        (MANAGEMENT, nobody.clone(), Some(Place::Management)),
        (elsewhere, us, Some(Place::DelegatedAdministrator)),
        (elsewhere, nobody, Some(Place::Other)),
        (elsewhere, denied, Some(Place::Other)),
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
    assert_eq!(aws.about().place, Place::Other);
    assert_eq!(aws.about().organization_id, None);
}
