use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::AccountId;
use hallpass_inventory::addresses::{
    AddressKind, AddressReport, ChangeSide, DifferenceSide, ExpectedPlaces, LiveAddress,
    NEVER_FOUND, UncoveredPlace, changes, differences, elastic_addresses, expected_places,
    interface_addresses, merged, queries, read_items, uncovered_by_aggregator, unrecorded,
};
use hallpass_inventory::collect::AnswerPage;
use serde_json::{Value, json};

use crate::config::{ScriptedConfig, failure, interface, page};

fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn places(all: &[(&str, &str)]) -> BTreeSet<(AccountId, String)> {
    let places = all
        .iter()
        .map(|(id, region)| (account(id), (*region).to_owned()));
    places.collect()
}

#[tokio::test]
async fn what_should_be_covered_is_every_active_account_in_its_regions() {
    let plain = |answer| Ok(AnswerPage { answer, next: None });
    let accounts = json!({"Accounts": [
        {"Id": "111122223333", "State": "ACTIVE", "Status": "ACTIVE"},
        {"Id": "444455556666", "Status": "ACTIVE"},
        {"Id": "777788889999", "State": "SUSPENDED", "Status": "ACTIVE"},
    ]});
    let config = ScriptedConfig::new(vec![
        plain(accounts),
        plain(json!({"Regions": [{"RegionName": "eu-west-1"}, {"RegionName": "us-east-1"}]})),
        Err(failure("AccessDeniedException", "no")),
    ]);
    let ExpectedPlaces {
        places: found,
        unknown,
        ..
    } = expected_places(&config).await;
    assert_eq!(
        found,
        places(&[("111122223333", "eu-west-1"), ("111122223333", "us-east-1")])
    );
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].account_id, Some(account("444455556666")));
    assert!(
        unknown[0].reason.contains("AccessDeniedException"),
        "{}",
        unknown[0].reason
    );

    let config = ScriptedConfig::new(vec![Err(failure("AccessDeniedException", "no"))]);
    let ExpectedPlaces {
        places: found,
        unknown,
        ..
    } = expected_places(&config).await;
    assert!(
        found.is_empty() && unknown[0].account_id.is_none(),
        "{unknown:?}"
    );
}

#[test]
fn sources_that_failed_are_outdated_or_are_not_there_are_uncovered() {
    let source = |id: &str, region: &str, status: &str| json!({"SourceId": id, "SourceType": "ACCOUNT", "AwsRegion": region, "LastUpdateStatus": status});
    let own = "111122223333";
    let mut failed = source(own, "us-east-1", "FAILED");
    failed["LastErrorCode"] = json!("ACCESS_DENIED");
    let sources = [
        json!({"SourceId": "Organization", "SourceType": "ORGANIZATION", "LastUpdateStatus": "SUCCEEDED"}),
        source(own, "eu-west-1", "SUCCEEDED"),
        failed,
        source(own, "us-west-2", "OUTDATED"),
        source("999999999999", "eu-west-1", "FAILED"),
    ];
    let expected = places(&[
        (own, "eu-west-1"),
        (own, "us-east-1"),
        (own, "us-west-2"),
        (own, "eu-north-1"),
    ]);
    let found = uncovered_by_aggregator(&expected, &sources);
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|it| (it.region.as_deref().unwrap(), it.reason.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (
                "eu-north-1",
                "it is not in the aggregator, or has no recorder"
            ),
            (
                "us-east-1",
                "the aggregator could not collect from it (ACCESS_DENIED)"
            ),
            ("us-west-2", "what the aggregator has is outdated"),
        ]
    );
}

#[test]
fn a_recorder_that_leaves_a_type_out_does_not_cover_it() {
    let (eni, eip) = ("AWS::EC2::NetworkInterface", "AWS::EC2::EIP");
    let wanted = BTreeSet::from([eni, eip]);
    let on = json!({"ConfigurationRecordersStatus": [{"name": "default", "recording": true}]});
    let off = json!({"ConfigurationRecordersStatus": [{"name": "default", "recording": false}]});
    let foreign = json!({"ConfigurationRecordersStatus": [{"name": "azure", "recording": true}]});
    let group = |group: Value| json!({"ConfigurationRecorders": [{"name": "default", "recordingGroup": group}]});
    for (recorders, status, expected) in [
        (
            json!({"ConfigurationRecorders": []}),
            &on,
            Some("there is no recorder"),
        ),
        (
            group(json!({"allSupported": true})),
            &off,
            Some("its recorder is switched off"),
        ),
        (group(json!({"allSupported": true})), &on, None),
        // Of another cloud
        (
            json!({"ConfigurationRecorders": [{"name": "azure", "connectorArn": "arn:aws:config:::connector/a",
                "recordingGroup": {"allSupported": true}}]}),
            &foreign,
            Some("there is no recorder"),
        ),
        (
            group(json!({"allSupported": true})),
            &foreign,
            Some("its recorder is switched off"),
        ),
        (
            group(json!({"allSupported": false, "resourceTypes": [eni, eip]})),
            &on,
            None,
        ),
        (
            group(json!({"allSupported": false, "resourceTypes": [eni]})),
            &on,
            Some("its recorder leaves out AWS::EC2::EIP"),
        ),
        (
            group(
                json!({"allSupported": false, "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"},
            "exclusionByResourceTypes": {"resourceTypes": [eni]}}),
            ),
            &on,
            Some("its recorder leaves out AWS::EC2::NetworkInterface"),
        ),
        (
            group(
                json!({"allSupported": false, "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"},
            "exclusionByResourceTypes": {"resourceTypes": ["AWS::S3::Bucket"]}}),
            ),
            &on,
            None,
        ),
    ] {
        assert_eq!(
            unrecorded(&recorders, status, &wanted).as_deref(),
            expected,
            "{recorders}"
        );
    }
}

#[test]
fn ec2_and_config_are_compared_where_ec2_was_asked() {
    let items = [interface(1, "203.0.113.10"), interface(2, "203.0.113.11")];
    let query = queries(&BTreeSet::from([AddressKind::Eni])).remove(0);
    let rows = merged(
        read_items(&query, &page(&items, None).unwrap().answer)
            .unwrap()
            .sightings,
    );
    let interfaces = json!({"NetworkInterfaces": [
        {"Association": {"PublicIp": "203.0.113.10"}, "PrivateIpAddresses": [
            {"Association": {"PublicIp": "203.0.113.10"}}, {"Association": {"PublicIp": "203.0.113.12"}}, {}]},
        {"PrivateIpAddresses": []},
    ]});
    let elastic =
        json!({"Addresses": [{"PublicIp": "203.0.113.12"}, {"PublicIp": "203.0.113.13"}]});
    let ips = interface_addresses(&interfaces)
        .into_iter()
        .chain(elastic_addresses(&elastic));
    let live: BTreeSet<LiveAddress> = ips
        .map(|ip| LiveAddress {
            ip,
            account: account("111122223333"),
            region: "eu-west-1".to_owned(),
        })
        .collect();
    let here = places(&[("111122223333", "eu-west-1")]);
    let found: Vec<(String, DifferenceSide)> = differences(&rows, &live, &here)
        .into_iter()
        .map(|it| (it.public_ip.to_string(), it.side))
        .collect();
    let row = |ip: &str, side| (ip.to_owned(), side);
    assert_eq!(
        found,
        [
            row("203.0.113.11", DifferenceSide::OnlyConfig),
            row("203.0.113.12", DifferenceSide::OnlyLive),
            row("203.0.113.13", DifferenceSide::OnlyLive),
        ]
    );
    assert_eq!(differences(&rows, &BTreeSet::new(), &BTreeSet::new()), []);
}

fn report(ips: &[(usize, &str)], uncovered: &[&str]) -> AddressReport {
    let items: Vec<Value> = ips
        .iter()
        .map(|(number, ip)| interface(*number, ip))
        .collect();
    let query = queries(&BTreeSet::from([AddressKind::Eni])).remove(0);
    let read = read_items(&query, &page(&items, None).unwrap().answer).unwrap();
    AddressReport {
        as_of: "2026-03-02T10:00:00Z".parse().unwrap(),
        scope: "aggregator organization".to_owned(),
        kinds: BTreeSet::from([AddressKind::Eni]),
        addresses: merged(read.sightings),
        uncovered: uncovered
            .iter()
            .map(|region| UncoveredPlace {
                account_id: Some(account("111122223333")),
                region: Some((*region).to_owned()),
                reason: String::new(),
            })
            .collect(),
        left_out: 0,
        verification: None,
        account_names: BTreeMap::new(),
        never_found: NEVER_FOUND.to_owned(),
    }
}

#[test]
fn what_changed_is_new_gone_or_not_known() {
    let before = [(1, "203.0.113.1"), (2, "203.0.113.2")];
    let after = [(2, "203.0.113.2"), (3, "203.0.113.3")];
    for (covered_before, covered_after, expected) in [
        (&[][..], &[][..], [ChangeSide::Gone, ChangeSide::New]),
        (
            &["us-east-1"],
            &["us-east-1"],
            [ChangeSide::Gone, ChangeSide::New],
        ),
        (&["eu-west-1"], &[], [ChangeSide::Gone, ChangeSide::Unknown]),
        (&[], &["eu-west-1"], [ChangeSide::Unknown, ChangeSide::New]),
    ] {
        let found = changes(
            &report(&before, covered_before),
            &report(&after, covered_after),
        );
        let found: Vec<ChangeSide> = found.iter().map(|it| it.change).collect();
        assert_eq!(found, expected);
    }
    let same = report(&before, &[]);
    assert_eq!(changes(&same, &same), []);
    let kept = serde_json::to_string(&same).unwrap();
    assert_eq!(
        serde_json::from_str::<AddressReport>(&kept).unwrap(),
        same,
        "the stored report reads back"
    );
}
