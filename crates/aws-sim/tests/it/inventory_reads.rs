//! Inventory reads other than IAM: contacts and public addresses.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_sim::{Options, organization};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, Signer, options};

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
async fn some_accounts_have_contacts_and_some_have_not() {
    let bench = contacts_of_payments().await;
    let get = async |account: &str, kind: &str| {
        let input = json!({ "AccountId": bench.account(account), "AlternateContactType": kind });
        bench
            .rest(&bench.signer, "account/getAlternateContact", input)
            .await
    };
    let mut found = BTreeMap::new();
    for account in bench
        .file()
        .accounts
        .iter()
        .filter(|one| one.name != "example-management")
    {
        for kind in ["BILLING", "OPERATIONS", "SECURITY"] {
            let answer = get(&account.name, kind).await;
            assert!([200, 404].contains(&answer.status), "{}", answer.text);
            *found.entry((kind, answer.status)).or_insert(0) += 1;
        }
    }
    assert_eq!(
        found.len(),
        6,
        "some have one and some have none: {found:?}"
    );
    let kim = get("payments-prod", "BILLING").await.json();
    assert_eq!(kim["AlternateContact"]["Name"], "Kim");
    assert_eq!(kim["AlternateContact"]["AlternateContactType"], "BILLING");
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

#[tokio::test]
async fn contacts_are_changed_and_refused() {
    let bench = contacts_of_payments().await;
    let own = bench.member("payments-prod");
    let call = async |operation: &str, input: Value| {
        outcome(
            &bench
                .rest(&own, &format!("account/{operation}"), input)
                .await,
        )
    };
    let security = json!({ "AlternateContactType": "SECURITY" });
    assert_eq!(
        call("getAlternateContact", security.clone()).await,
        (404, true)
    );
    let put = json!({ "AlternateContactType": "SECURITY", "Name": "Lou", "Title": "CISO",
        "EmailAddress": "lou@example.com", "PhoneNumber": "+353 1 1234567" });
    assert_eq!(call("putAlternateContact", put).await, (200, false));
    assert_eq!(
        call("getAlternateContact", security.clone()).await,
        (200, false)
    );
    assert_eq!(
        call("deleteAlternateContact", security.clone()).await,
        (200, false)
    );
    assert_eq!(call("deleteAlternateContact", security).await, (404, true));
    assert_eq!(
        call(
            "getAlternateContact",
            json!({ "AlternateContactType": "CEO" })
        )
        .await,
        (400, true)
    );
    let other = json!({ "AccountId": bench.account("network") });
    assert_eq!(call("getContactInformation", other).await, (403, true));
    assert_eq!(
        call("getContactInformation", json!({})).await,
        (404, true),
        "the file states none"
    );
    let primary = json!({ "ContactInformation": { "FullName": "Mara Lindqvist", "AddressLine1": "1 Quay",
        "City": "Dublin", "PostalCode": "D01", "CountryCode": "IE", "PhoneNumber": "+353 1 1234567" } });
    assert_eq!(
        call("putContactInformation", primary.clone()).await,
        (200, false)
    );
    let shown = bench
        .rest(&own, "account/getContactInformation", json!({}))
        .await
        .json();
    assert_eq!(shown["ContactInformation"], primary["ContactInformation"]);
    let made = bench
        .rest(
            &bench.member("network"),
            "account/getContactInformation",
            json!({}),
        )
        .await;
    assert_eq!(made.json()["ContactInformation"]["CountryCode"], "IE");
}

async fn ec2(bench: &Bench, signer: &Signer, call: &str) -> Answer {
    let answer = bench.form(signer, &format!("ec2:{call}")).await;
    assert_eq!(answer.status, 200, "{call}: {}", answer.text);
    answer
}

#[tokio::test]
async fn public_addresses_are_seen_three_ways() {
    let bench = Bench::small().await;
    let (mut kinds, mut owners) = (BTreeSet::new(), BTreeSet::new());
    let (mut first, mut second, mut unused) = (0, 0, 0);
    for account in bench.open_accounts() {
        let signer = bench.member(&account.name);
        let all = ec2(&bench, &signer, "DescribeNetworkInterfaces").await;
        kinds.extend(texts(&all, "interfaceType"));
        owners.extend(
            texts(&all, "ipOwnerId")
                .into_iter()
                .filter(|owner| *owner != account.id),
        );
        let with =
            "DescribeNetworkInterfaces&Filter.1.Name=association.public-ip&Filter.1.Value.1=*";
        let with = ec2(&bench, &signer, with).await;
        let any = "DescribeNetworkInterfaces&Filter.1.Name=addresses.association.public-ip&Filter.1.Value.1=198.*";
        let any = ec2(&bench, &signer, any).await;
        let (with, any) = (texts(&with, "macAddress"), texts(&any, "macAddress"));
        assert!(with.iter().all(|one| any.contains(one)));
        first += with.len();
        second += usize::from(any.len() > with.len());
        let public: BTreeSet<String> = texts(&all, "publicIp").into_iter().collect();
        let elastic = ec2(&bench, &signer, "DescribeAddresses").await;
        for row in elastic
            .text
            .split("<item>")
            .skip(1)
            .filter(|row| row.contains("<publicIp>"))
        {
            let ip = row
                .split("<publicIp>")
                .nth(1)
                .unwrap()
                .split('<')
                .next()
                .unwrap();
            let attached = row.contains("<associationId>");
            assert_eq!(public.contains(ip), attached, "{row}");
            unused += usize::from(!attached);
        }
        let machines = ec2(&bench, &signer, "DescribeInstances").await;
        for ip in texts(&machines, "ipAddress") {
            assert!(public.contains(&ip));
        }
    }
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    assert_eq!(kinds, ["interface", "lambda", "nat_gateway"]);
    assert_eq!(
        owners.into_iter().collect::<Vec<_>>(),
        ["amazon", "amazon-elb"]
    );
    assert!(first > 0 && second > 0 && unused > 0);
}

#[tokio::test]
async fn what_ec2_does_not_have_it_refuses() {
    let bench = Bench::small().await;
    let signer = bench.member("network");
    for call in [
        "DescribeNetworkInterfaces&Filter.1.Name=colour&Filter.1.Value.1=red",
        "DescribeInstances&MaxResults=2",
    ] {
        let answer = bench.form(&signer, &format!("ec2:{call}")).await;
        if !answer
            .text
            .contains("<networkInterfaceSet></networkInterfaceSet>")
        {
            assert_eq!(answer.outcome(), "InvalidParameterValue", "{}", answer.text);
        }
    }
    let lost = bench
        .form(
            &signer,
            "ec2:DescribeNetworkInterfaces&NetworkInterfaceId.1=eni-0",
        )
        .await;
    assert_eq!(lost.outcome(), "InvalidNetworkInterfaceID.NotFound");
}

#[tokio::test]
async fn interfaces_come_in_pages() {
    let bench = Bench::small().await;
    let mut paged = 0;
    for account in bench.open_accounts() {
        let signer = bench.member(&account.name);
        let whole = texts(
            &ec2(&bench, &signer, "DescribeNetworkInterfaces").await,
            "macAddress",
        );
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let call = format!("DescribeNetworkInterfaces&MaxResults=5{token}");
            let page = ec2(&bench, &signer, &call).await;
            seen.extend(texts(&page, "macAddress"));
            let Some(next) = texts(&page, "nextToken").into_iter().next() else {
                break;
            };
            paged += 1;
            token = format!("&NextToken={next}");
        }
        assert_eq!(seen, whole);
    }
    assert!(paged > 0);
}

const INTERFACES: &str = "SELECT accountId, awsRegion, availabilityZone, resourceId, resourceName, resourceType, arn, \
    configuration.association.publicIp, configuration.association.publicDnsName, configuration.association.ipOwnerId, \
    configuration.interfaceType, configuration.description, configuration.status, configuration.attachment.instanceId, \
    configuration.attachment.instanceOwnerId, configuration.vpcId, configuration.subnetId, \
    configuration.privateIpAddress, configurationItemCaptureTime \
    WHERE resourceType = 'AWS::EC2::NetworkInterface' AND configuration.association.publicIp > '0.0.0.0'";

async fn found(bench: &Bench, expression: &str, limit: u64) -> (Vec<Value>, usize) {
    let (mut rows, mut empty, mut tokens) = (Vec::new(), 0, BTreeSet::new());
    let mut input = json!({ "Expression": expression, "Limit": limit,
        "ConfigurationAggregatorName": "organization" });
    loop {
        let answer = bench
            .call("config:SelectAggregateResourceConfig", input.clone())
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = answer.json();
        let results = page["Results"].as_array().unwrap();
        empty += usize::from(results.is_empty());
        rows.extend(
            results
                .iter()
                .map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap()),
        );
        let Some(next) = page["NextToken"].as_str() else {
            return (rows, empty);
        };
        assert!(
            tokens.insert(next.to_owned()),
            "a token that comes again is a loop"
        );
        input["NextToken"] = next.into();
    }
}

#[tokio::test]
async fn config_finds_what_ec2_has_where_it_is_recorded() {
    let bench = Bench::small().await;
    let (rows, empty) = found(&bench, INTERFACES, 5).await;
    assert!(
        rows.len() > 20 && empty > 0,
        "{} rows, {empty} empty pages",
        rows.len()
    );
    let (again, _) = found(&bench, INTERFACES, 100).await;
    assert_eq!(rows, again, "the size of pages changes nothing");
    let between = INTERFACES.replace("> '0.0.0.0'", "BETWEEN '0.0.0.0' AND '255.255.255.255'");
    assert_eq!(found(&bench, &between, 100).await.0, rows);
    let first = &rows[0];
    assert!(
        first["configuration"]["association"]["publicIp"].is_string(),
        "{first}"
    );
    assert!(
        first["configuration"].get("privateIpAddresses").is_none(),
        "{first}"
    );
    let at = |row: &Value| {
        (
            row["accountId"].clone(),
            row["awsRegion"].clone(),
            row["resourceId"].clone(),
        )
    };
    let mut places: Vec<String> = rows.iter().map(|row| format!("{:?}", at(row))).collect();
    places.dedup();
    assert_eq!(places.len(), rows.len());
}

#[tokio::test]
async fn config_agrees_with_live_calls() {
    let bench = Bench::small().await;
    let (rows, _) = found(&bench, INTERFACES, 100).await;
    let row = rows
        .iter()
        .find(|row| row["awsRegion"] == "eu-west-1")
        .unwrap();
    let account = row["accountId"].as_str().unwrap();
    let name = bench
        .file()
        .accounts
        .iter()
        .find(|one| one.id == account)
        .unwrap()
        .name
        .clone();
    let signer = bench.member(&name);
    let live = "DescribeNetworkInterfaces&Filter.1.Name=association.public-ip&Filter.1.Value.1=*";
    let live: BTreeSet<String> = texts(&ec2(&bench, &signer, live).await, "macAddress")
        .into_iter()
        .collect();
    let here = rows
        .iter()
        .filter(|one| one["accountId"] == account && one["awsRegion"] == "eu-west-1");
    assert_eq!(here.count(), live.len());
    let own = json!({ "Expression": INTERFACES });
    let own = bench
        .call_as(&signer, "config:SelectResourceConfig", own)
        .await
        .json();
    assert_eq!(own["Results"].as_array().unwrap().len(), live.len());
    assert_eq!(own["QueryInfo"]["SelectFields"][0]["Name"], "accountId");
    for (kind, path) in [
        ("AWS::EC2::EIP", "publicIp"),
        ("AWS::EC2::Instance", "publicIpAddress"),
    ] {
        let query = format!(
            "SELECT resourceId, configuration.{path} WHERE resourceType = '{kind}' \
            AND configuration.{path} > '0.0.0.0'"
        );
        assert!(found(&bench, &query, 100).await.0.len() > 5, "{kind}");
    }
    let second = "SELECT resourceId, configuration.privateIpAddresses WHERE resourceType = 'AWS::EC2::NetworkInterface' \
        AND configuration.privateIpAddresses.association.publicIp > '0.0.0.0'";
    assert!(
        found(&bench, second, 100).await.0.len() > rows.len(),
        "some have a second address alone"
    );
}

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
async fn aggregators_say_what_they_could_not_collect() {
    let bench = Bench::small().await;
    let listed = bench
        .call("config:DescribeConfigurationAggregators", json!({}))
        .await
        .json();
    let all = listed["ConfigurationAggregators"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{listed}");
    assert_eq!(
        all[0]["OrganizationAggregationSource"]["AllAwsRegions"],
        true
    );
    let member = bench.member("network");
    let none = bench
        .call_as(
            &member,
            "config:DescribeConfigurationAggregators",
            json!({}),
        )
        .await;
    assert_eq!(none.json(), json!({ "ConfigurationAggregators": [] }));
    let (mut states, mut token) = (BTreeMap::new(), Value::Null);
    loop {
        let mut input = json!({ "ConfigurationAggregatorName": "organization", "Limit": 100 });
        if token.is_string() {
            input["NextToken"] = token;
        }
        let page = bench
            .call("config:DescribeConfigurationAggregatorSourcesStatus", input)
            .await
            .json();
        for row in page["AggregatedSourceStatusList"].as_array().unwrap() {
            *states
                .entry(row["LastUpdateStatus"].as_str().unwrap().to_owned())
                .or_insert(0) += 1;
        }
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(
        states.keys().collect::<Vec<_>>(),
        ["FAILED", "OUTDATED", "SUCCEEDED"],
        "{states:?}"
    );
}

#[tokio::test]
async fn a_recorder_is_on_where_something_is_recorded() {
    let bench = Bench::small().await;
    let signer = bench.member("payments-prod");
    let call = |operation: &'static str, input: Value| bench.call_as(&signer, operation, input);
    let here = call("config:DescribeConfigurationRecorders", json!({})).await;
    let all = here.json()["ConfigurationRecorders"]
        .as_array()
        .unwrap()
        .len();
    let status = call("config:DescribeConfigurationRecorderStatus", json!({}))
        .await
        .json();
    let on = status["ConfigurationRecordersStatus"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(on.len(), all);
    assert!(on.iter().all(|one| one["recording"] == true), "{status}");
    let other = json!({ "ConfigurationRecorderNames": ["other"] });
    let missing = call("config:DescribeConfigurationRecorders", other).await;
    assert_eq!(missing.outcome(), "NoSuchConfigurationRecorderException");
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
