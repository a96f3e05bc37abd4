//! What an inventory reads of accounts beside IAM: contacts, and what has public addresses.

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

/// Status and what is said of the refusal.
fn outcome(answer: &Answer) -> (u16, bool) {
    (answer.status, answer.json()["message"].is_string())
}

#[tokio::test]
async fn contacts_are_made_changed_and_refused() {
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
    let bench = Bench::new(Options {
        organization: file,
        ..options()
    })
    .await;
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
    let (mut kinds, mut second, mut owners, mut unused) = (BTreeSet::new(), 0, BTreeSet::new(), 0);
    for account in bench.file().accounts {
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
    assert!(second > 0 && unused > 0);
    let signer = bench.member("legacy-shop");
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
    for account in bench.file().accounts {
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
