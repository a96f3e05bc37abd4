//! Inventory reads other than IAM: contacts and public addresses.

use hallpass_aws_sim::{Options, organization};
use serde_json::json;

use crate::bench::{Answer, Bench, options};

fn texts(answer: &Answer, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = answer.text.split(&open).skip(1);
    let parts = parts.map(|rest| rest.split(&close).next().unwrap().to_owned());
    parts.collect()
}

fn outcome(answer: &Answer) -> (u16, bool) {
    (answer.status, answer.json()["message"].is_string())
}

async fn contacts_of_payments() -> Bench {
    let mut file = organization::small();
    let stated = json!({ "alternate": { "BILLING": {
        "Name": "Kim", "Title": "Clerk", "EmailAddress": "kim@example.com", "PhoneNumber": "+1 555" } } });
    let account = file
        .accounts
        .iter()
        .find(|row| row.name == "payments-prod")
        .unwrap();
    file.contacts
        .insert(account.id.clone(), serde_json::from_value(stated).unwrap());
    Bench::new(Options {
        organization: file,
        ..options()
    })
    .await
}

#[tokio::test]
async fn the_status_of_one_region_is_that_of_the_listing() {
    let bench = contacts_of_payments().await;
    let own = bench.member("payments-prod");
    let listed = bench
        .rest(&own, "account/listRegions", json!({ "MaxResults": 50 }))
        .await
        .json();
    let rows = listed["Regions"].as_array().unwrap();
    assert!(rows.len() > 20, "{listed}");
    for row in rows {
        let input = json!({ "RegionName": row["RegionName"] });
        let one = bench.rest(&own, "account/getRegionOptStatus", input).await;
        assert_eq!(&one.json(), row);
    }
    for (signer, input, status) in [
        (&own, json!({ "RegionName": "eu-nowhere-1" }), 400),
        (&own, json!({}), 400),
        (
            &own,
            json!({ "RegionName": "eu-west-1", "AccountId": bench.account("network") }),
            403,
        ),
        (
            &bench.signer,
            json!({ "RegionName": "eu-west-1", "AccountId": bench.account("network") }),
            200,
        ),
    ] {
        let text = input.to_string();
        let answer = bench
            .rest(signer, "account/getRegionOptStatus", input)
            .await;
        assert_eq!(answer.status, status, "{text}: {}", answer.text);
    }
}

const INTERFACES: &str = "SELECT accountId, awsRegion, availabilityZone, resourceId, resourceName, resourceType, arn, \
    configuration.association.publicIp, configuration.association.publicDnsName, configuration.association.ipOwnerId, \
    configuration.interfaceType, configuration.description, configuration.status, configuration.attachment.instanceId, \
    configuration.attachment.instanceOwnerId, configuration.vpcId, configuration.subnetId, \
    configuration.privateIpAddress, configurationItemCaptureTime \
    WHERE resourceType = 'AWS::EC2::NetworkInterface' AND configuration.association.publicIp > '0.0.0.0'";

#[tokio::test]
async fn config_refuses_in_its_own_words() {
    let bench = Bench::new(Options {
        behaviour: vec![("config_comparison".to_owned(), "refuse".to_owned())],
        ..options()
    })
    .await;
    let select = "config:SelectAggregateResourceConfig";
    let input = |expression: &str, name: &str| json!({ "Expression": expression, "ConfigurationAggregatorName": name });
    let expected = [
        (
            input(INTERFACES, "organization"),
            "InvalidExpressionException",
        ),
        (
            input("SELECT a FROM b", "organization"),
            "InvalidExpressionException",
        ),
        (
            input("SELECT resourceId", "other"),
            "NoSuchConfigurationAggregatorException",
        ),
        (input("SELECT resourceId", "o r g"), "ValidationException"),
        (
            json!({ "Expression": "SELECT resourceId", "ConfigurationAggregatorName": "organization", "Limit": 101 }),
            "InvalidLimitException",
        ),
        (
            json!({ "Expression": "SELECT resourceId", "ConfigurationAggregatorName": "organization", "NextToken": "x" }),
            "InvalidNextTokenException",
        ),
        (
            input(
                "SELECT resourceId WHERE resourceType = 'AWS::EC2::EIP'",
                "organization",
            ),
            "ok",
        ),
    ];
    for (input, outcome) in expected {
        let answer = bench.call(select, input.clone()).await;
        assert_eq!(answer.outcome(), outcome, "{input}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_stated_can_be_added() {
    let bench = Bench::small().await;
    let account = bench.account("network");
    let added = json!({
        "contacts": { account.as_str(): {} }, "iam": { account.as_str(): {} },
        "config_aggregators": [{ "name": "mine", "account": account, "region": "eu-west-1" }],
    });
    let (status, answer) = bench.control("POST", "/load?merge=1", added).await;
    assert_eq!(status, 200, "{answer}");
    let signer = bench.member("network");
    let users = bench.form(&signer, "iam:ListUsers").await;
    assert_eq!(texts(&users, "UserName"), ["sim-admin"]);
    let contact = bench
        .rest(&signer, "account/getContactInformation", json!({}))
        .await;
    assert_eq!(outcome(&contact), (404, true));
    let listed = bench
        .call_as(
            &signer,
            "config:DescribeConfigurationAggregators",
            json!({}),
        )
        .await;
    assert!(listed.text.contains("\"mine\""), "{}", listed.text);
    let before = bench
        .call("config:DescribeConfigurationAggregators", json!({}))
        .await;
    assert!(
        !before.text.contains("\"organization\""),
        "those that the file states alone: {}",
        before.text
    );
}
